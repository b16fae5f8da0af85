"""Hidden checks of lab 01 and their reference answers, which are transformers' own processors and enumeration."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from transformers.generation.logits_process import (
    LogitsProcessorList,
    MinNewTokensLengthLogitsProcessor,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from grader.checks import Missed, Result, Student, check, expect

INF = torch.inf
NEW_TENSOR = "Your function changes the tensor it is given. Return a new one: no `/=`, no assignment into the input."
DTYPE = "float16 logits must come back as float16: do not convert the result."


def likely(result: Result, mistakes: Mapping[str, torch.Tensor], default: str) -> str:
    """The hint (key) of the first mistake whose outcome is what came back; `default` if none is."""
    got = result.value
    for hint, outcome in mistakes.items():
        fits = isinstance(got, torch.Tensor) and got.shape == outcome.shape
        if fits and torch.allclose(got.float(), outcome.float(), rtol=0, atol=1e-4, equal_nan=True):
            return hint
    return default


# apply_temperature -----------------------------------------------------------------------------------------------

LOGITS = torch.tensor([[2.0, -1.0, 0.5, 7.25], [0.0, -3.5, 1.25, -0.75], [30.0, 10.0, -20.0, 4.0]])


@check("apply_temperature", points=1)
def divides_the_logits(student: Student) -> None:
    """Every logit is divided by the temperature: below 1 sharpens, above 1 flattens."""
    for temperature in (0.5, 1.0, 2.0, 0.125):
        result = student.apply_temperature(LOGITS, temperature)
        mistakes = {
            "Did you multiply by T? A high temperature must flatten the distribution.": LOGITS * temperature,
            "Did you return probabilities? Return the logits; softmax comes later.": (LOGITS / temperature).softmax(-1),
            "Did you return log-probabilities? Only divide, do not normalise.": (LOGITS / temperature).log_softmax(-1),
        }
        hint = likely(result, mistakes, "Divide each logit by T, and do nothing else to it.")
        expect(result).close(TemperatureLogitsWarper(temperature)(None, LOGITS), tol=1e-3, hint=hint)


@check("apply_temperature", points=1)
def refuses_temperatures_that_are_not_positive(student: Student) -> None:
    """A temperature of 0 or below raises ValueError; a small positive one does not."""
    expect(student.apply_temperature(LOGITS, 0.01)).tensor(LOGITS.shape, hint="0.01 is a temperature like any other.")
    hint = "T = 0 is a limit, not a division: raise ValueError for every T that is not above 0, negative ones too."
    for temperature in (0.0, -1.0):
        expect(student.apply_temperature(LOGITS, temperature)).raises("ValueError", hint=hint)


@check("apply_temperature", points=1)
def temperature_keeps_dtype_infinities_and_input(student: Student) -> None:
    """float16 stays float16, −inf stays −inf, and the logits that were passed in are not changed."""
    half = torch.tensor([[1.5, -INF, -3.0], [-INF, 0.25, 6.0]], dtype=torch.float16)
    result = student.apply_temperature(half, 0.5)
    expect(result).tensor(dtype=torch.float16, hint=DTYPE)
    expect(result).close(TemperatureLogitsWarper(0.5)(None, half), tol=0.02, hint="−inf divided by T is still −inf.")
    expect(result).unchanged(hint=NEW_TENSOR)


# top_k_filter ----------------------------------------------------------------------------------------------------


@check("top_k_filter", points=1)
def keeps_the_k_largest_of_each_row(student: Student, rng: np.random.Generator) -> None:
    """In each row exactly the k largest logits stay as they were; all others are −inf."""
    rows = [10.0 * row + 0.5 * rng.permutation(7) for row in (2, 0, 1)]
    logits = torch.tensor(np.array(rows), dtype=torch.float32)
    for k in (1, 3, 6):
        result = student.top_k_filter(logits, k)
        expected = TopKLogitsWarper(k)(None, logits)
        over_all = logits.masked_fill(logits < logits.flatten().topk(k).values[-1], -INF)
        one_short = logits.masked_fill(logits <= logits.topk(k).values[:, -1:], -INF)
        mistakes = {
            "Did you drop the k-th largest itself? Only logits *below* it go.": one_short,
            "Did you search the whole batch for the k largest? Each row has its own.": over_all,
            "Forbidden tokens need −inf, so that softmax gives exactly 0.": expected.nan_to_num(neginf=0.0),
            "Did you return probabilities? Return the logits.": expected.softmax(-1),
        }
        default = "Each row has its own k-th largest logit; logits below it become −inf, the others stay untouched."
        expect(result).equals(expected, hint=likely(result, mistakes, default))


@check("top_k_filter", points=1)
def keeps_ties_at_the_kth_place(student: Student) -> None:
    """A logit that equals the k-th largest stays, even if more than k tokens stay then."""
    logits = torch.tensor([[2.0, 5.0, 2.0, -1.0, 2.0], [3.0, 3.0, 3.0, 3.0, 3.0]])
    for k in (2, 3):
        hint = "Some token ties with the k-th place and is lost. Compare with the k-th value, do not pick k positions."
        expect(student.top_k_filter(logits, k)).equals(TopKLogitsWarper(k)(None, logits), hint=hint)


@check("top_k_filter", points=1)
def k_may_exceed_what_is_there(student: Student) -> None:
    """A k larger than the vocabulary keeps every token, and a logit of −inf stays −inf."""
    logits = torch.tensor([[1.0, -2.0, 0.5], [-INF, 4.0, -INF]])
    for k, given in ((50, logits), (2, logits), (3, logits), (1, logits[:, :1]), (9, logits[:1, 1:2])):
        hint = (
            "k may be larger than the number of tokens, or of tokens that are not −inf: cap it, and keep what is there."
        )
        expect(student.top_k_filter(given, k)).equals(TopKLogitsWarper(k)(None, given), hint=hint)


@check("top_k_filter", points=1)
def top_k_refuses_zero_and_keeps_its_input(student: Student) -> None:
    """A k below 1 raises ValueError; float16 stays float16; the logits that were passed in are not changed."""
    half = torch.tensor([[1.5, -4.0, 3.0, 0.0], [2.0, 0.25, -6.0, 7.0]], dtype=torch.float16)
    result = student.top_k_filter(half, 2)
    expect(result).tensor((2, 4), torch.float16, hint=DTYPE)
    expect(result).unchanged(hint=NEW_TENSOR)
    for k in (0, -1):
        expect(student.top_k_filter(half, k)).raises("ValueError", hint="Raise ValueError for every k below 1.")


# top_p_filter ----------------------------------------------------------------------------------------------------


def log_of(*rows: list[float]) -> torch.Tensor:
    """Logits with these probabilities, not normalised: each row is shifted by another number."""
    return torch.tensor(rows).log() + torch.arange(1.0, len(rows) + 1)[:, None]


def reference_top_p(logits: torch.Tensor, p: float) -> torch.Tensor:
    """The nucleus, by transformers; for inputs without ties and p off the boundaries."""
    return TopPLogitsWarper(p)(None, logits)


@check("top_p_filter", points=2)
def keeps_the_token_that_crosses_p(student: Student) -> None:
    """The nucleus is the smallest set whose probability reaches p: the token that crosses p belongs to it."""
    logits = log_of([0.5, 0.3, 0.15, 0.05], [0.6, 0.25, 0.1, 0.05], [0.4, 0.34, 0.2, 0.06])
    for p in (0.7, 0.35, 0.9, 0.97):
        result = student.top_p_filter(logits, p)
        total = logits.softmax(-1).cumsum(-1)
        shifted = torch.nn.functional.pad(total, (1, 0))[:, :-1]
        expected = reference_top_p(logits, p)
        mistakes = {
            "Did you drop the token that crosses p? The nucleus must reach p.": logits.masked_fill(total > p, -INF),
            "You keep one token too many: stop once the sum has reached p.": logits.masked_fill(
                torch.nn.functional.pad(shifted, (1, 0))[:, :-1] >= p, -INF
            ),
            "Did you return probabilities? Return the logits that stay, unchanged.": expected.softmax(-1),
            "Did you normalise? Logits that stay are returned as they came.": expected.log_softmax(-1),
        }
        hint = likely(
            result, mistakes, "Keep the fewest most probable tokens that together have probability p or more."
        )
        expect(result).equals(expected, hint=hint)


@check("top_p_filter", points=1)
def puts_the_nucleus_back_in_place(student: Student) -> None:
    """Tokens are judged by probability, row by row, and the verdict goes back to each token's own place."""
    logits = log_of([0.05, 0.6, 0.1, 0.05 / 2, 0.225], [0.3, 0.02, 0.08, 0.5, 0.1], [0.07, 0.13, 0.2, 0.26, 0.34])
    result = student.top_p_filter(logits, 0.75)
    total = logits.softmax(-1).cumsum(-1) - logits.softmax(-1)
    ordered = logits.sort(descending=True).values
    sorted_mask = ordered.softmax(-1).cumsum(-1) - ordered.softmax(-1) >= 0.75
    mistakes = {
        "Your sum runs over tokens in the order of their ids: sort by probability first.": logits.masked_fill(
            total >= 0.75, -INF
        ),
        "The mask is still in sorted order: scatter it back to the tokens' own places.": logits.masked_fill(
            sorted_mask, -INF
        ),
        "You return the logits in sorted order: each token must keep its place.": ordered.masked_fill(
            sorted_mask, -INF
        ),
    }
    default = "Sort each row by itself, decide there, and scatter the decision back to the tokens' own places."
    expect(result).equals(reference_top_p(logits, 0.75), hint=likely(result, mistakes, default))


@check("top_p_filter", points=1)
def keeps_no_more_than_needed_among_ties(student: Student) -> None:
    """Among tokens of equal probability at the edge, only as many stay as are needed to reach p."""
    logits = torch.tensor([[0.4, 0.2, 0.2, 0.2], [0.25, 0.25, 0.25, 0.25], [0.1, 0.1, 0.7, 0.1]]).log()
    for p, counts in ((0.55, [2, 3, 1]), (0.85, [4, 4, 3]), (0.3, [1, 2, 1])):
        hint = "Compared with a threshold, ties come in all together. Decide by sorted position, not by value."
        kept = expect(student.top_p_filter(logits, p)).tensor(logits.shape, torch.float32, hint=hint)
        stays = kept.isfinite()
        if stays.sum(-1).tolist() != counts:
            raise Missed(hint)
        mass = (logits.softmax(-1) * stays).sum(-1)
        wanted = [
            sum(sorted(row, reverse=True)[:n]) for row, n in zip(logits.softmax(-1).tolist(), counts, strict=True)
        ]
        if not torch.allclose(mass, torch.tensor(wanted), atol=1e-5) or not torch.equal(kept[stays], logits[stays]):
            raise Missed("The tokens that stay must be the most probable ones, with their logits as they were.")


@check("top_p_filter", points=1)
def p_one_keeps_every_token(student: Student) -> None:
    """With p = 1 every token stays, however improbable; a vocabulary of one token stays; −inf stays −inf."""
    faint = torch.tensor([[0.0, -40.0, 3.0, -25.0], [2.0, -INF, 1.0, -90.0]])
    hint = "With p = 1 nothing goes. Rounding lets a float sum reach 1 early, so treat p = 1 by itself."
    expect(student.top_p_filter(faint, 1.0)).equals(faint, hint=hint)
    single = torch.tensor([[-3.0], [5.0]])
    expect(student.top_p_filter(single, 0.1)).equals(single, hint="At least one token always stays.")
    holes = torch.tensor([[-INF, 1.0, -INF, 0.0, -2.0]])
    expect(student.top_p_filter(holes, 0.8)).equals(reference_top_p(holes, 0.8), hint="A logit of −inf must stay −inf.")


@check("top_p_filter", points=1)
def top_p_refuses_bad_p_and_keeps_its_input(student: Student) -> None:
    """A p outside (0, 1] raises ValueError; float16 stays float16; the logits passed in are not changed."""
    half = log_of([0.1, 0.6, 0.3], [0.5, 0.15, 0.35]).half()
    result = student.top_p_filter(half, 0.7)
    expect(result).tensor((2, 3), torch.float16, hint=DTYPE)
    expect(result).equals(reference_top_p(half, 0.7), hint="Logits that stay keep their float16 value.")
    expect(result).unchanged(hint=NEW_TENSOR)
    for p in (0.0, -0.2, 1.5):
        expect(student.top_p_filter(half, p)).raises("ValueError", hint="Raise ValueError unless 0 < p <= 1.")


# repetition_penalty ----------------------------------------------------------------------------------------------

SCORES = torch.tensor([[4.0, -2.0, 1.0, -3.0, 0.5], [-1.0, 6.0, -0.25, 2.0, 0.0]])


@check("repetition_penalty", points=2)
def seen_tokens_become_less_likely(student: Student) -> None:
    """A seen logit is divided by the penalty where it is positive and multiplied where it is negative."""
    ids = torch.tensor([[0, 1, 3], [2, 3, 4]])
    for penalty in (2.0, 1.25, 0.5, 1.0):
        result = student.repetition_penalty(SCORES, ids, penalty)
        seen = torch.zeros_like(SCORES).scatter(1, ids, 1.0).bool()
        mistakes = {
            "A seen negative logit must fall too: multiply it, dividing brings it nearer to 0.": torch.where(
                seen, SCORES / penalty, SCORES
            ),
            "You make repetition more likely: divide positive logits, multiply negative ones.": torch.where(
                seen, torch.where(SCORES < 0, SCORES / penalty, SCORES * penalty), SCORES
            ),
            "That subtracts, as a frequency penalty does: divide or multiply.": torch.where(
                seen, SCORES - penalty, SCORES
            ),
        }
        hint = likely(result, mistakes, "Divide seen positive logits, multiply seen negative ones, leave all others.")
        expect(result).close(RepetitionPenaltyLogitsProcessor(penalty)(ids, SCORES), tol=1e-5, hint=hint)


@check("repetition_penalty", points=1)
def each_row_has_its_own_history(student: Student) -> None:
    """Row i of the logits is changed by row i of the ids alone."""
    ids = torch.tensor([[0, 1, 2], [3, 3, 1]])
    hint = "Tokens that another row has seen are none of this row's business: index row by row."
    expected = RepetitionPenaltyLogitsProcessor(2.0)(ids, SCORES)
    expect(student.repetition_penalty(SCORES, ids, 2.0)).close(expected, tol=1e-5, hint=hint)


@check("repetition_penalty", points=1)
def counts_a_token_once(student: Student) -> None:
    """A token that occurs many times is penalised once, like one that occurs a single time."""
    ids = torch.tensor([[0, 0, 0, 1, 1, 0, 4], [1, 2, 1, 2, 1, 2, 2]])
    hint = "The penalty is applied once for each occurrence. Apply it once for each token that occurs at all."
    expected = RepetitionPenaltyLogitsProcessor(1.5)(ids, SCORES)
    expect(student.repetition_penalty(SCORES, ids, 1.5)).close(expected, tol=1e-5, hint=hint)


@check("repetition_penalty", points=1)
def penalty_keeps_dtype_infinities_and_input(student: Student) -> None:
    """−inf stays −inf, seen or not; float16 stays; inputs are not changed; a penalty not above 0 raises ValueError."""
    half = torch.tensor([[2.0, -INF, -1.0, -INF]], dtype=torch.float16)
    ids = torch.tensor([[0, 1, 2]])
    result = student.repetition_penalty(half, ids, 2.0)
    expect(result).tensor((1, 4), torch.float16, hint=DTYPE)
    hint = "−inf must stay −inf. Arithmetic with a 0/1 mask turns it into nan (0 · −inf): choose with `torch.where`."
    expect(result).close(RepetitionPenaltyLogitsProcessor(2.0)(ids, half), tol=0.01, hint=hint)
    expect(result).unchanged(hint=NEW_TENSOR)
    for penalty in (0.0, -1.5):
        refusal = "Raise ValueError unless the penalty is above 0."
        expect(student.repetition_penalty(half, ids, penalty)).raises("ValueError", hint=refusal)


# min_new_tokens --------------------------------------------------------------------------------------------------


def reference_minimum(logits: torch.Tensor, n_generated: int, minimum: int, eos_id: int) -> torch.Tensor:
    """The processor of transformers, for a text of one prompt token and `n_generated` new ones."""
    text = torch.zeros(len(logits), 1 + n_generated, dtype=torch.long)
    return MinNewTokensLengthLogitsProcessor(1, minimum, eos_id)(text, logits)


@check("min_new_tokens", points=1)
def forbids_the_end_until_the_minimum(student: Student) -> None:
    """EOS is forbidden while fewer than `minimum` new tokens are there, and allowed from then on."""
    for n_generated in range(5):
        result = student.min_new_tokens(SCORES, n_generated, 3, 2)
        hint = "Off by one: with `minimum` tokens generated, the text is long enough and may end."
        if n_generated < 3:
            hint = "While fewer than `minimum` new tokens are there, EOS needs a logit of −inf."
        expect(result).equals(reference_minimum(SCORES, n_generated, 3, 2), hint=hint)
    expect(student.min_new_tokens(SCORES, 0, 0, 2)).equals(SCORES, hint="A minimum of 0 forbids nothing.")


@check("min_new_tokens", points=1)
def forbids_only_eos_in_every_row(student: Student) -> None:
    """EOS is forbidden in every row of the batch, and no other token is touched."""
    for eos_id in (0, 1, 4):
        hint = "`eos_id` is a column: `logits[:, eos_id]` is EOS in every row, `logits[eos_id]` is a row."
        expect(student.min_new_tokens(SCORES, 1, 2, eos_id)).equals(reference_minimum(SCORES, 1, 2, eos_id), hint=hint)


@check("min_new_tokens", points=1)
def minimum_keeps_dtype_and_input(student: Student) -> None:
    """float16 stays float16, and the logits that were passed in are not changed."""
    half = torch.tensor([[1.0, -INF, 2.5], [0.5, 3.0, -4.0]], dtype=torch.float16)
    result = student.min_new_tokens(half, 0, 1, 2)
    expect(result).tensor((2, 3), torch.float16, hint=DTYPE)
    expect(result).equals(reference_minimum(half, 0, 1, 2), hint="EOS must be −inf, every other logit as it was.")
    expect(result).unchanged(hint=NEW_TENSOR)


# sample_next -----------------------------------------------------------------------------------------------------


def reference_sample(logits: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
    """Inverse CDF in float64, row by row, over possible tokens only."""
    tokens = []
    for row, number in zip(logits.double().softmax(-1).tolist(), u.tolist(), strict=True):
        possible = [i for i, prob in enumerate(row) if prob > 0]
        sums = itertools.accumulate(row[i] for i in possible)
        tokens.append(next((i for i, total in zip(possible, sums, strict=True) if total > number), possible[-1]))
    return torch.tensor(tokens)


@check("sample_next", points=2)
def draws_the_token_on_whose_piece_u_falls(student: Student, rng: np.random.Generator) -> None:
    """The token is the first, in the order of ids, whose cumulative probability is above u."""
    table = torch.tensor([[0.125, 0.4, 0.075, 0.3, 0.1], [0.05, 0.15, 0.5, 0.1, 0.2], [0.3, 0.3, 0.2, 0.15, 0.05]])
    order = rng.permutation(5).tolist()
    logits = (table.log() + 3.0)[:, order].repeat(5, 1)
    edges = torch.nn.functional.pad(logits.double().softmax(-1).cumsum(-1), (1, 0))
    piece = torch.arange(5).repeat_interleave(3)[:, None]
    left, right = edges.gather(-1, piece)[:, 0], edges.gather(-1, piece + 1)[:, 0]
    u = (left + torch.tensor(rng.uniform(0.1, 0.9, size=15)) * (right - left)).float()
    result = student.sample_next(logits, u)
    ordered = logits.sort(descending=True)
    by_rank = ordered.indices.gather(-1, reference_sample(ordered.values, u)[:, None])[:, 0]
    mistakes = {
        "That ignores u: it always takes the most probable token.": logits.argmax(-1),
        "Did you sort by probability? The pieces lie in the order of the ids.": by_rank,
        "That gives every token an equally long piece: use softmax(logits).": (u * 5).long(),
    }
    default = "Add up softmax(logits) from token 0 on; the first sum above u is the token. int64, shape [batch]."
    expect(result).equals(reference_sample(logits, u), hint=likely(result, mistakes, default))


@check("sample_next", points=1)
def never_draws_an_impossible_token(student: Student) -> None:
    """A token with logit −inf is never drawn, not even with u = 0."""
    logits = torch.tensor([[-INF, -INF, 1.0, -INF, 2.0, -INF], [-INF, 0.0, -INF, -INF, -INF, -INF]])
    for first in (0.0, 0.1, 0.4, 0.99):
        u = torch.tensor([first, 0.0])
        hint = "A token with probability 0 was drawn. The sum must be *above* u: with u = 0 a first sum of 0 is not."
        expect(student.sample_next(logits, u)).equals(reference_sample(logits, u), hint=hint)


@check("sample_next", points=1)
def survives_rounding_near_one(student: Student) -> None:
    """Where rounding leaves the whole sum at or below u, the last possible token is drawn."""
    largest = 1.0 - 2.0**-24
    for size, dtype in ((3001, torch.float32), (700, torch.float32), (50, torch.float16), (1200, torch.float16)):
        logits = torch.full((2, size), -1.0, dtype=dtype)
        logits[:, -3:] = -INF
        u = torch.tensor([largest, 0.5 / (size - 3)])
        hint = "With u just below 1 no sum may be above it: fall back to the last *possible* token, and sum in float32."
        expect(student.sample_next(logits, u)).equals(torch.tensor([size - 4, 0]), hint=hint)


@check("sample_next", points=1)
def each_row_has_its_own_u(student: Student) -> None:
    """Row i is drawn with u[i]; the answer is one int64 id for each row, and inputs are not changed."""
    logits = torch.tensor([[0.0, 0.0]] * 5 + [[-1.0, 3.0]])
    u = torch.tensor([0.9, 0.1, 0.2, 0.8, 0.3, 0.001])
    result = student.sample_next(logits, u)
    expect(result).tensor((6,), torch.int64, hint="Return int64 of shape [batch], one id for each row.")
    expect(result).equals(torch.tensor([1, 0, 0, 1, 0, 0]), hint="Row i must be drawn with u[i].")
    expect(result).unchanged(hint=NEW_TENSOR)


# generate --------------------------------------------------------------------------------------------------------

PROMPTS = torch.tensor([[0, 3, 1], [4, 4, 2], [2, 0, 0]])
EOS = 5
OWN = "`generate` calls your earlier functions: mend those first if their checks fail."


@torch.no_grad()
def reference_generate(
    model: Any, ids: torch.Tensor, u: torch.Tensor, eos_id: int, *, temperature: float = 1.0, k: int | None = None,
    p: float = 1.0, penalty: float = 1.0, minimum: int = 0,
) -> torch.Tensor:  # fmt: skip
    """The loop, with transformers' processors in the order of its `_get_logits_processor`."""
    processors = LogitsProcessorList([RepetitionPenaltyLogitsProcessor(penalty)])
    processors.append(MinNewTokensLengthLogitsProcessor(ids.shape[1], minimum, eos_id))
    processors.append(TemperatureLogitsWarper(temperature))
    processors += [] if k is None else [TopKLogitsWarper(k)]
    processors += [] if p == 1 else [TopPLogitsWarper(p)]
    prompt = ids.shape[1]
    for step in range(u.shape[1]):
        token = reference_sample(processors(ids, model(ids).logits[:, -1]), u[:, step])
        token[(ids[:, prompt:] == eos_id).any(-1)] = eos_id
        ids = torch.cat([ids, token[:, None]], dim=1)
        if (ids[:, prompt:] == eos_id).any(-1).all():
            break
    return ids


def uniforms(seed: int, steps: int) -> torch.Tensor:
    """Fixed numbers for `PROMPTS`; a test holds every draw at least 0.001 away from the edge of its piece."""
    return torch.rand(len(PROMPTS), steps, generator=torch.Generator().manual_seed(seed))


@check("generate", points=2)
def one_token_left_is_greedy(student: Student) -> None:
    """With k = 1 the text is the greedy one: prompt first, then one token from the whole text at each step."""
    for seed in (2, 3):
        policy = student.build("toy_policy", seed=seed)
        u = uniforms(seed, 7)
        result = student.generate(policy, PROMPTS, u, EOS, k=1)
        expected = reference_generate(policy.twin, PROMPTS, u, EOS, k=1)
        mistakes = {
            "Return the prompt together with the new tokens.": expected[:, PROMPTS.shape[1] :],
            "u has one column for each new token: make exactly that many.": expected[:, :-1],
        }
        default = (
            "At each step give the *whole* text so far to the model, and take the logits of its last place. " + OWN
        )
        expect(result).equals(expected, hint=likely(result, mistakes, default))


@check("generate", points=2)
def ended_rows_stay_ended(student: Student) -> None:
    """A row that has drawn EOS is filled up with EOS, and once every row has ended the text stops."""
    with_end = torch.tensor([[EOS, 3, 1], [EOS, 4, 2], [2, EOS, 0]])
    for seed, prompts in ((7, PROMPTS), (9, PROMPTS), (4, with_end), (7, with_end)):
        policy = student.build("toy_policy", seed=seed)
        result = student.generate(policy, prompts, uniforms(seed, 12), EOS)
        expected = reference_generate(policy.twin, prompts, uniforms(seed, 12), EOS)
        got, width = result.value, expected.shape[1]
        hint = "After EOS a row gets EOS at every further step, whatever the model says. " + OWN
        if isinstance(got, torch.Tensor) and got.ndim == 2 and got.shape[1] > width:
            hint = "Stop when all rows have ended: no further columns."
        elif isinstance(got, torch.Tensor) and got.ndim == 2 and got.shape[1] < width:
            hint = "You stop too early: go on until *all* rows have drawn EOS. An EOS in the prompt ends nothing."
        expect(result).equals(expected, hint=hint)


@check("generate", points=1)
def each_step_draws_with_its_own_column(student: Student) -> None:
    """New token s of row i is drawn with u[i, s]."""
    for seed in (0, 5):
        policy = student.build("toy_policy", seed=seed, spread=0.4)
        u = uniforms(seed + 40, 6)
        hint = "Use `u[:, step]`, one column for each step, the first for the first new token. " + OWN
        expected = reference_generate(policy.twin, PROMPTS, u, EOS)
        expect(student.generate(policy, PROMPTS, u, EOS)).equals(expected, hint=hint)


@check("generate", points=2)
def filters_come_in_the_order_of_transformers(student: Student) -> None:
    """Repetition penalty, minimum, temperature, top-k, top-p, draw: in this order."""
    cases: list[tuple[dict[str, Any], tuple[int, ...], str]] = [
        (
            {"temperature": 2.5, "p": 0.6},
            (0, 2),
            "Temperature comes before top-p: a flat distribution has a large nucleus.",
        ),
        ({"k": 3, "p": 0.7}, (3, 4, 5), "Top-k comes before top-p: the nucleus is that of the k tokens."),
        ({"k": 2, "minimum": 6}, (0, 6), "The minimum comes before top-k: a forbidden EOS must not use up a place."),
        ({"penalty": 2.5, "k": 2}, (3, 5), "The penalty comes before top-k: it decides which tokens are the largest."),
        ({"penalty": 2.5, "p": 0.5}, (2, 6), "The penalty comes before top-p: it decides what the nucleus is."),
    ]
    for setting, seeds, hint in cases:
        for seed in seeds:
            policy = student.build("toy_policy", seed=seed, spread=0.4)
            u = uniforms(seed + 80, 6)
            expected = reference_generate(policy.twin, PROMPTS, u, EOS, **setting)
            expect(student.generate(policy, PROMPTS, u, EOS, **setting)).equals(expected, hint=f"{hint} {OWN}")


@check("generate", points=1)
def penalty_counts_the_prompt_and_minimum_does_not(student: Student) -> None:
    """The penalty looks at prompt and new tokens; the minimum counts new tokens only."""
    for seed in (0, 8):
        policy = student.build("toy_policy", seed=seed)
        u = uniforms(seed, 8)
        for setting, hint in (
            ({"minimum": 5}, "`minimum` counts new tokens: the step number, not the length of the text."),
            ({"penalty": 1.8}, "The penalty looks at the whole text, prompt included, as it stands at that step."),
        ):
            expected = reference_generate(policy.twin, PROMPTS, u, EOS, **setting)
            expect(student.generate(policy, PROMPTS, u, EOS, **setting)).equals(expected, hint=f"{hint} {OWN}")


# beam_search -----------------------------------------------------------------------------------------------------

Hypothesis = tuple[float, list[int]]


@torch.no_grad()
def scored(model: Any, prompt: list[int], new: list[int]) -> float:
    """Sum of the log-probabilities of `new` after `prompt`, in nats."""
    log_probs = model(torch.tensor([prompt + new])).logits[0].double().log_softmax(-1)
    return sum(log_probs[len(prompt) - 1 + i, token].item() for i, token in enumerate(new))


def all_texts(vocab: int, steps: int, eos_id: int) -> list[list[int]]:
    """Every continuation: `steps` tokens without EOS, or up to `steps` tokens of which the last is EOS."""
    others = [token for token in range(vocab) if token != eos_id]
    texts = [list(text) for text in itertools.product(others, repeat=steps)]
    if eos_id < vocab:
        texts += [[*text, eos_id] for n in range(steps) for text in itertools.product(others, repeat=n)]
    return texts


@torch.no_grad()
def reference_beams(model: Any, prompt: list[int], beams: int, steps: int, eos_id: int) -> Hypothesis:
    """Beam search by its definition: every extension of every hypothesis is looked at."""
    pool: list[Hypothesis] = [(0.0, [])]
    for _ in range(steps):
        grown = [h for h in pool if h[1][-1:] == [eos_id]]
        for score, new in (h for h in pool if h[1][-1:] != [eos_id]):
            log_probs = model(torch.tensor([prompt + new])).logits[0, -1].double().log_softmax(-1).tolist()
            grown += [(score + log_prob, [*new, token]) for token, log_prob in enumerate(log_probs)]
        pool = sorted(grown, reverse=True)[:beams]
    return pool[0]


def found(result: Result, prompt: list[int]) -> Hypothesis:
    """The (score, new tokens) that came back, or `Missed` when the form is not the docstring's."""
    form = "Return a pair: ids, int64 [1, length + new] with the prompt in front, and the score as a float."
    pair = expect(result).value(tuple, hint=form)
    if len(pair) != 2 or not isinstance(pair[0], torch.Tensor) or pair[0].dtype != torch.int64:
        raise Missed(form)
    if type(pair[1]) is not float or pair[0].ndim != 2 or pair[0][:, : len(prompt)].tolist() != [prompt]:
        raise Missed(form)
    return pair[1], pair[0][0, len(prompt) :].tolist()


PROMPT = [2, 0, 3]
NO_END = 99
SCORE_TOLERANCE = 1e-4


def expect_best(result: Result, best: Hypothesis, hint: str) -> None:
    """The tokens must be those of `best`, then the score."""
    score, new = found(result, PROMPT)
    if new != best[1]:
        raise Missed(hint)
    if not abs(score - best[0]) <= SCORE_TOLERANCE:
        raise Missed(
            "Right text, wrong score: it is the plain sum of the log-probabilities of the new tokens, in nats."
        )


@check("beam_search", points=2)
def wide_beams_find_the_most_probable_text(student: Student) -> None:
    """With beams wide enough to keep everything, the result is the most probable of all continuations."""
    for seed in (0, 1, 2):
        policy = student.build("toy_policy", seed=seed, vocab_size=5, spread=0.4)
        best = max((scored(policy.twin, PROMPT, new), new) for new in all_texts(5, 3, NO_END))
        result = student.beam_search(policy, torch.tensor([PROMPT]), 200, 3, NO_END)
        hint = (
            "A more probable text exists. Sum `log_softmax` of the logits over the whole text; start from one prompt."
        )
        expect_best(result, best, hint)


@check("beam_search", points=2)
def narrow_beams_keep_the_best_of_all_extensions(student: Student) -> None:
    """After each step the best extensions of all hypotheses together stay, as many as there are beams."""
    for seed, beams in ((24, 2), (25, 2), (25, 3), (39, 3)):
        policy = student.build("toy_policy", seed=seed, spread=0.4)
        best = reference_beams(policy.twin, PROMPT, beams, 5, NO_END)
        result = student.beam_search(policy, torch.tensor([PROMPT]), beams, 5, NO_END)
        hint = (
            "Rank the extensions of *all* hypotheses together; several of one hypothesis may stay, and none of another."
        )
        expect_best(result, best, hint)


@check("beam_search", points=1)
def ended_hypotheses_compete_as_they_are(student: Student) -> None:
    """A hypothesis that ends in EOS is not extended, keeps its score and competes with the longer ones."""
    for seed, beams in ((23, 2), (16, 3), (2, 300)):
        policy = student.build("toy_policy", seed=seed, vocab_size=4, spread=0.4)
        best = reference_beams(policy.twin, PROMPT, beams, 4, 3)
        if beams == 300:  # wide enough for every text, so enumeration decides
            best = max((scored(policy.twin, PROMPT, new), new) for new in all_texts(4, 4, 3))
        result = student.beam_search(policy, torch.tensor([PROMPT]), beams, 4, 3)
        hint = "What has ended stays in the pool as it is: not extended, not thrown away, not divided by its length."
        expect_best(result, best, hint)


@check("beam_search", points=1)
def one_beam_is_greedy(student: Student) -> None:
    """One beam is greedy decoding; fewer than one raises ValueError."""
    policy = student.build("toy_policy", seed=2)
    prompt = torch.tensor([PROMPT])
    best = reference_beams(policy.twin, PROMPT, 1, 6, NO_END)
    expect_best(student.beam_search(policy, prompt, 1, 6, NO_END), best, "With one beam only the best token stays.")
    for beams in (0, -2):
        refusal = "Raise ValueError when `beams` is below 1."
        expect(student.beam_search(policy, prompt, beams, 6, NO_END)).raises("ValueError", hint=refusal)
