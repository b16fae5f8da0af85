"""Hidden checks of lab 03 and their reference answers: TRL's own functions, autograd, and sums over all sequences."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from trl import PPOConfig, PPOTrainer
from trl.core import LengthSampler, masked_whiten

from grader.checks import Missed, Result, Student, check, expect, same
from rlhf.quiet import quiet_transformers

IN_PLACE = "Your function changes its arguments: no `+=`, no assignment into them."
NAN = "0 times nan is nan: replace what does not count (`torch.where`, `masked_fill`), do not multiply it by 0."


def fits(got: Any, outcome: Any) -> bool:
    """Whether an answer is, but for rounding, this outcome."""
    if isinstance(outcome, torch.Tensor):
        alike = isinstance(got, torch.Tensor) and got.shape == outcome.shape
        return alike and torch.allclose(got.double(), outcome.double(), rtol=1e-5, atol=1e-6, equal_nan=True)
    if isinstance(outcome, float):
        return isinstance(got, float) and abs(got - outcome) < 1e-6
    if isinstance(outcome, tuple):
        return isinstance(got, tuple) and len(got) == len(outcome) and all(map(fits, got, outcome))
    return same(got, outcome)


def likely(result: Result, mistakes: Mapping[str, Any], default: str) -> str:
    """The hint (key) of the first mistake whose outcome is what came back; `default` if none is."""
    return next((hint for hint, outcome in mistakes.items() if fits(result.value, outcome)), default)


def f64(*values: Any) -> torch.Tensor:
    """A float64 tensor."""
    return torch.tensor(values, dtype=torch.float64)


# build_queries ---------------------------------------------------------------------------------------------------

WORDS = ("this", "film", "is", "the", "thin", "fish", "of", "a", "filmed", "theft", "his", "wit")


def a_review(number: int, length: int) -> str:
    """A text of exactly `length` characters that begins in its own way."""
    words = [WORDS[(number * (k + 3) + k * k) % len(WORDS)] for k in range(length)]
    return ("This film " * (number % 2) + " ".join(words))[:length]


LENGTHS = [201, 350, 200, 199, 260, 202, 40, 201, *range(203, 243)]
REVIEWS = {"text": [a_review(i, n) for i, n in enumerate(LENGTHS)], "label": [i % 2 for i in range(len(LENGTHS))]}


def expected_queries(
    columns: dict[str, list[Any]], tokenizer: Any, low: int, high: int, seed: int, keep: int = 201
) -> dict[str, list[Any]]:
    """The course's recipe, line by line."""
    np.random.seed(seed)
    length = LengthSampler(low, high)
    reviews = [text for text in columns["text"] if len(text) >= keep]
    ids = [tokenizer.encode(text)[: length()] for text in reviews]
    return {"review": reviews, "input_ids": ids, "query": [tokenizer.decode(row) for row in ids]}


@check("build_queries", points=1)
def long_reviews_are_kept_in_order(student: Student) -> None:
    """Reviews of more than 200 characters are kept, in their order, in the column `review`; labels are not."""
    tokenizer = student.build("tokenizer")
    result = student.build_queries(REVIEWS, tokenizer, 2, 8, 0)
    got = expect(result).value(dict, hint="Return a dict of lists.")
    wanted, with_200 = ([text for text in REVIEWS["text"] if len(text) > most] for most in (200, 199))
    hints = {
        "The columns are review, input_ids, query, in this order, and nothing else.": list(got)
        == ["review", "input_ids", "query"],
        "*More than* 200 characters: a review of exactly 200 goes.": not same(got.get("review"), with_200),
        "Keep the reviews with more than 200 characters (not tokens, not words), in their order.": same(
            got.get("review"), wanted
        ),
    }
    for hint, holds in hints.items():
        expect(result).that(holds, hint=hint)
    expect(result).unchanged(hint=IN_PLACE)


@check("build_queries", points=2)
def lengths_come_from_the_sampler(student: Student) -> None:
    """Each kept review gets one draw of `LengthSampler(low, high)`, seeded first: low, …, high − 1 tokens."""
    tokenizer = student.build("tokenizer")
    for low, high, seed in ((2, 8, 0), (2, 8, 5), (3, 5, 1), (1, 2, 2)):
        result = student.build_queries(REVIEWS, tokenizer, low, high, seed)
        wanted = expected_queries(REVIEWS, tokenizer.twin, low, high, seed)
        got = expect(result).value(dict, hint="Return a dict of lists.")
        rows = got.get("input_ids")
        sizes = [len(row) for row in rows] if isinstance(rows, list) and all(type(r) is list for r in rows) else None
        lengths = [len(row) for row in wanted["input_ids"]]
        drawn = expected_queries({"text": ["x" * 201] * len(LENGTHS)}, tokenizer.twin, low, high, seed)
        before = [len(r) for r, text in zip(drawn["input_ids"], REVIEWS["text"], strict=True) if len(text) > 200]
        beyond = expected_queries(REVIEWS, tokenizer.twin, low, high + 1, seed)
        mistakes = {
            "Draw after the filter: reviews that are dropped get no draw.": before,
            "One draw for all reviews: call the sampler for each.": [lengths[0]] * len(lengths),
            "`LengthSampler(low, high)` itself: it stops before high, and that is what TRL does.": [
                len(row) for row in beyond["input_ids"]
            ],
        }
        hint = "`np.random.seed(seed)`, then one `LengthSampler(low, high)`, called once for each kept review in order."
        expect(result).that(sizes is not None, hint="input_ids is a list of lists of ints.")
        hint = next((said for said, outcome in mistakes.items() if sizes == outcome and outcome != lengths), hint)
        expect(result).that(sizes == lengths, hint=hint)


@check("build_queries", points=1)
def a_query_is_its_tokens_in_words(student: Student) -> None:
    """`input_ids` are the review's first tokens, and `query` is what they spell."""
    tokenizer = student.build("tokenizer")
    result = student.build_queries(REVIEWS, tokenizer, 2, 8, 3)
    wanted = expected_queries(REVIEWS, tokenizer.twin, 2, 8, 3)
    sizes = [len(row) for row in wanted["input_ids"]]
    characters = [text[:n] for text, n in zip(wanted["review"], sizes, strict=True)]
    words = [" ".join(text.split(" ")[:n]) for text, n in zip(wanted["review"], sizes, strict=True)]
    spelt = [tokenizer.twin.encode(text) for text in characters]
    first_words = [tokenizer.twin.encode(text) for text in words]
    last = [tokenizer.twin.encode(t)[-n:] for t, n in zip(wanted["review"], sizes, strict=True)]
    with_eos = [[0, *row] for row in wanted["input_ids"]]
    mistakes = {
        "Cut the tokens, not the characters.": {**wanted, "input_ids": spelt, "query": characters},
        "Cut the tokens, not the words.": {**wanted, "input_ids": first_words, "query": words},
        "Those are the last tokens; a query is the beginning of a review.": {
            **wanted, "input_ids": last, "query": [tokenizer.twin.decode(row) for row in last],
        },
        "The query is what the tokens spell: decode them; it is not the same number of characters.": {
            **wanted, "query": characters,
        },
        "The query holds the whole review: decode the kept tokens only.": {**wanted, "query": wanted["review"]},
        "No EOS in front here: the tokens of the review as they are.": {**wanted, "input_ids": with_eos},
    }  # fmt: skip
    hint = likely(
        result, mistakes, "input_ids = tokenizer.encode(review)[:length], query = tokenizer.decode(input_ids)."
    )
    expect(result).equals(wanted, hint=hint)


# make_config -----------------------------------------------------------------------------------------------------

ASKED = (
    ("labs/tiny", 1.41e-5, 0.2, 32, 0),
    ("gpt2", 3e-4, 0.05, 12, 7),
    ("smol", 5e-5, 0.0, 1, 3),
)  # fmt: skip


def config_fields(name: str, rate: float, kl_coef: float, batch: int, seed: int) -> dict[str, Any]:
    """All fields of the config that is asked for, but the experiment's name, which is the program's."""
    with quiet_transformers():
        config = PPOConfig(
            model_name=name, learning_rate=rate, init_kl_coef=kl_coef, adap_kl_ctrl=False, batch_size=batch,
            mini_batch_size=batch, seed=seed,
        )  # fmt: skip
    return {key: value for key, value in dataclasses.asdict(config).items() if key != "exp_name"}


def fields_of(student: Student, asked: tuple[str, float, float, int, int]) -> tuple[dict[str, Any], Result]:
    """What the locked cell says about the config, and the call it came from."""
    result = student.facts_of_config(*asked)
    hint = "Return a PPOConfig; mini_batch_size must divide batch_size. (Leave the cell `facts_of_config` as it is.)"
    return expect(result).value(dict, hint=hint), result


@check("make_config", points=1)
def config_has_what_was_asked(student: Student) -> None:
    """Model name, learning rate, KL coefficient, batch size and seed are those of the arguments."""
    for asked in ASKED:
        found, result = fields_of(student, asked)
        for field, wanted in zip(
            ("model_name", "learning_rate", "init_kl_coef", "batch_size", "seed"), asked, strict=True
        ):
            hint = f"The field {field} is not the argument: pass it on."
            expect(result).that(same(found.get(field), wanted), hint=hint)


@check("make_config", points=1)
def kl_coefficient_stays_fixed(student: Student) -> None:
    """The KL coefficient keeps its value: TRL's adaptive controller is off."""
    for asked in ASKED:
        found, result = fields_of(student, asked)
        hint = "TRL adapts the coefficient by default and steers to a KL of 6 nats: `adap_kl_ctrl=False`."
        expect(result).that(found.get("adap_kl_ctrl") is False, hint=hint)


@check("make_config", points=1)
def the_rest_is_left_to_trl(student: Student) -> None:
    """The whole batch is one mini-batch, and every other field has TRL's default."""
    for asked in ASKED:
        found, result = fields_of(student, asked)
        wanted = config_fields(*asked)
        hint = "The whole batch at once: mini_batch_size = batch_size."
        expect(result).that(same(found.get("mini_batch_size"), asked[3]), hint=hint)
        for field, value in wanted.items():
            hint = f"The field {field} should have TRL's default value."
            elsewhere = field in ("adap_kl_ctrl", "init_kl_coef")
            expect(result).that(elsewhere or same(found.get(field), value), hint=hint)


# score_function_gradient -----------------------------------------------------------------------------------------


def table(rng: np.random.Generator, vocab: int = 3) -> torch.Tensor:
    """float64 [vocab, vocab]: a row for each last token; the last token is EOS, and its row is read at the start."""
    return torch.tensor(rng.normal(size=(vocab, vocab)))


def all_responses(vocab: int, places: int) -> torch.Tensor:
    """Every response once, filled up with EOS: int64 [responses, places]."""
    eos, others = vocab - 1, range(vocab - 1)
    ended = [(*y, eos) for n in range(places) for y in itertools.product(others, repeat=n)]
    full = [*ended, *itertools.product(others, repeat=places)]
    return torch.tensor([[*y, *[eos] * (places - len(y))] for y in full])


def response_log_probs(logits: torch.Tensor, y: torch.Tensor, padded: bool = False) -> torch.Tensor:
    """Log π(y) of each response, float [responses]; with `padded`, the filling counts too, which is wrong."""
    eos = logits.shape[0] - 1
    state = F.pad(y, (1, 0), value=eos)[:, :-1]
    ended = F.pad((y == eos).cumsum(-1), (1, 0))[:, :-1] > 0
    return (logits.log_softmax(-1)[state, y] * (~ended | padded)).sum(-1)


def scores_of(logits: torch.Tensor, y: torch.Tensor, padded: bool = False) -> torch.Tensor:
    """∇ log π(y) by autograd, [responses, vocab, vocab]."""
    return torch.autograd.functional.jacobian(lambda x: response_log_probs(x, y, padded), logits)


@check("score_function_gradient", points=2)
def each_sample_is_its_advantage_times_its_score(student: Student, rng: np.random.Generator) -> None:
    """The estimate of one response is (r − b) ∇ log π(y), by the logits of the rows that it visited."""
    logits = table(rng, 4)
    y = torch.tensor([[0, 1, 3], [2, 2, 0], [1, 3, 3], [0, 1, 2], [3, 3, 3]])
    r = torch.tensor(rng.normal(size=5))
    for baseline in (0.0, 0.7):
        result = student.score_function_gradient(logits, y, r, baseline)
        score, lead = scores_of(logits, y), (r - baseline)[:, None, None]
        probs = response_log_probs(logits, y).exp()[:, None, None]
        picked = scores_of(logits, y) + visits(y, 4)[..., None] * logits.softmax(-1)
        mistakes = {
            "The mean over the samples comes later: one gradient for each response.": (lead * score).mean(0),
            "The baseline is subtracted from the reward.": (r + baseline)[:, None, None] * score,
            "The baseline is not used.": r[:, None, None] * score,
            "That is ∇π, not ∇ log π: sampling has put the factor π in already.": lead * probs * score,
            "∇ log softmax is one-hot *minus* the probabilities: all logits of a visited row move.": lead * picked,
            "The sign is turned: this is the gradient of J, to climb; a loss would be minus that.": -lead * score,
            "The reward is missing: it weighs the score.": score,
            "The filling after the first EOS counts in yours; nobody sampled it.": lead * scores_of(logits, y, True),
        }
        default = (
            "(r − b) times the sum over t of (one-hot of the token − probabilities), in the row of the last token."
        )
        expect(result).close(lead * score, tol=1e-8, hint=likely(result, mistakes, default))


def visits(y: torch.Tensor, vocab: int) -> torch.Tensor:
    """How often each row was read, float [responses, vocab]."""
    state = F.pad(y, (1, 0), value=vocab - 1)[:, :-1]
    ended = F.pad((y == vocab - 1).cumsum(-1), (1, 0))[:, :-1] > 0
    return (F.one_hot(state, vocab) * ~ended[..., None]).sum(1).double()


@check("score_function_gradient", points=2)
def expectation_is_the_exact_gradient(student: Student, rng: np.random.Generator) -> None:
    """Weighted by π over all responses, the estimates add up to the gradient of the expected reward, whatever b."""
    for vocab, places in ((3, 3), (4, 2)):
        logits = table(rng, vocab)
        y = all_responses(vocab, places)
        r = torch.tensor(rng.normal(size=len(y)))
        leaf = logits.clone().requires_grad_()
        (response_log_probs(leaf, y).exp() * r).sum().backward()
        probs = response_log_probs(logits, y).exp()
        for baseline in (0.0, 3.0, -20.0):
            result = student.score_function_gradient(logits, y, r, baseline)
            got = expect(result).tensor((len(y), vocab, vocab), hint="[batch, vocab, vocab]: one for each response.")
            mean = (probs[:, None, None] * got.double()).sum(0)
            hint = "The mean over all responses is not the gradient of the expected reward."
            if not torch.allclose(mean, leaf.grad, rtol=0, atol=1e-8):
                padded = ((r - baseline)[:, None, None] * scores_of(logits, y, True) * probs[:, None, None]).sum(0)
                if torch.allclose(mean, padded, rtol=0, atol=1e-8):
                    hint += " The filling after the first EOS counts in yours."
                elif baseline:
                    hint += " A baseline must not move it: does it multiply ∇ log π, and only that?"
                raise Missed(hint)


@check("score_function_gradient", points=1)
def only_the_first_eos_counts(student: Student, rng: np.random.Generator) -> None:
    """The first EOS of a response counts, the filling after it does not."""
    logits = table(rng, 3)
    y = torch.tensor([[2, 2, 2, 2], [0, 2, 2, 2], [1, 0, 1, 2], [0, 0, 1, 1]])
    r = torch.ones(4, dtype=torch.float64)
    result = student.score_function_gradient(logits, y, r, 0.0)
    without = scores_of(logits, y) - eos_scores(logits, y)
    mistakes = {
        "The filling after the first EOS counts in yours; nobody sampled it.": scores_of(logits, y, True),
        "The first EOS was sampled like any token: it counts.": without,
    }
    default = "All tokens up to the first EOS count, that one too."
    expect(result).close(scores_of(logits, y), tol=1e-8, hint=likely(result, mistakes, default))


def eos_scores(logits: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The part of the first EOS in ∇ log π(y), [responses, vocab, vocab]."""
    eos, out = logits.shape[0] - 1, torch.zeros(len(y), *logits.shape, dtype=logits.dtype)
    for i, row in enumerate(y.tolist()):
        if eos in row:
            state = row[row.index(eos) - 1] if row.index(eos) else eos
            out[i, state] = F.one_hot(torch.tensor(eos), eos + 1) - logits.softmax(-1)[state]
    return out


@check("score_function_gradient", points=1)
def extreme_logits_stay_finite(student: Student) -> None:
    """Logits of ±1000 give finite gradients; dtype is kept and inputs are not changed."""
    logits = torch.tensor([[1000.0, -1000.0, 0.0], [0.0, 0.0, 0.0], [-1000.0, 1000.0, 1000.0]])
    y, r = torch.tensor([[1, 0], [2, 2]]), torch.tensor([2.0, -1.0])
    result = student.score_function_gradient(logits, y, r, 0.5)
    hint = "e^1000 overflows, and 0/0 is nan: use `softmax`, and never divide by a probability."
    expect(result).close(1.0 * (r - 0.5)[:, None, None] * scores_of(logits, y), tol=1e-5, hint=hint)
    expect(result).unchanged(hint=IN_PLACE)


# kl_estimators ---------------------------------------------------------------------------------------------------


def estimators(logprobs: torch.Tensor, ref_logprobs: torch.Tensor) -> dict[str, torch.Tensor]:
    """Schulman's three, with r = π_ref/π."""
    log_r = ref_logprobs - logprobs
    return {"k1": -log_r, "k2": log_r**2 / 2, "k3": log_r.expm1() - log_r}


@check("kl_estimators", points=2)
def k1_k2_k3_are_those_of_the_definition(student: Student) -> None:
    """With r = π_ref/π: k1 = −log r, k2 = ½ (log r)², k3 = (r − 1) − log r, one for each sample."""
    for lp, ref in (
        (f64(-1.0, -3.0, -0.2, -7.0, -2.0), f64(-2.0, -1.5, -0.2, -6.0, -5.0)),
        (f64([-1.0, -0.5], [-2.5, -4.0], [-0.1, -1.0]), f64([-0.5, -2.0], [-2.0, -4.5], [-0.7, -1.1])),
    ):
        result = student.kl_estimators(lp, ref)
        wanted = estimators(lp, ref)
        ratio = (lp - ref).exp()
        turned = estimators(ref, lp)
        mistakes = {
            "k1 has the wrong sign: over samples of π its mean must not be negative.": {**wanted, "k1": -wanted["k1"]},
            "The ratio in k3 is turned: r = π_ref/π, because the samples come from π.": {
                **wanted, "k3": ratio - 1 - (lp - ref),
            },
            "Policy and reference have changed places: that is the other direction of the KL.": turned,
            "k3 is (r − 1) − log r: you add log r.": {**wanted, "k3": (1 / ratio - 1) - (lp - ref)},
            "k2 has a factor ½.": {**wanted, "k2": 2 * wanted["k2"]},
            "k2 is the square of the log-ratio, not of r − 1.": {**wanted, "k2": (1 / ratio - 1) ** 2 / 2},
            "One estimate for each sample: no mean.": {key: value.mean() for key, value in wanted.items()},
        }  # fmt: skip
        hint = "A dict of k1, k2, k3, in this order, each of the shape of the log-probs."
        hint = next((said for said, outcome in mistakes.items() if alike(result.value, outcome)), hint)
        expect(result).close(wanted, tol=1e-9, hint=hint)


def alike(got: Any, outcome: dict[str, torch.Tensor]) -> bool:
    """`fits` for dicts of tensors."""
    return isinstance(got, dict) and list(got) == list(outcome) and all(fits(got[k], v) for k, v in outcome.items())


@check("kl_estimators", points=1)
def k1_and_k3_are_unbiased(student: Student, rng: np.random.Generator) -> None:
    """Weighted by π over all tokens, k1 and k3 give KL(π‖π_ref) exactly."""
    lp, ref = (torch.tensor(rng.normal(size=(4, 9)) * 2).log_softmax(-1) for _ in range(2))
    result = student.kl_estimators(lp, ref)
    exact = (lp.exp() * (lp - ref)).sum(-1)
    got = expect(result).value(dict, hint="A dict of k1, k2, k3.")
    for name in ("k1", "k3"):
        part = got.get(name)
        fine = isinstance(part, torch.Tensor) and part.shape == lp.shape
        expect(result).that(fine, hint=f"{name} has the shape of the log-probs.")
        mean = (lp.exp() * part.double()).sum(-1)
        hint = f"The mean of {name} over samples of π is not KL(π‖π_ref). Which of the two is in the numerator of r?"
        expect(result).that(torch.allclose(mean, exact, rtol=0, atol=1e-8), hint=hint)


@check("kl_estimators", points=1)
def k3_is_never_negative(student: Student) -> None:
    """k3 is at least 0 and right also where the two policies hardly differ, in float32; inputs are not changed."""
    ref = torch.full((6,), -2.0)
    lp = ref + torch.tensor([0.0, 1e-4, -1e-4, 3e-4, -7e-4, 1e-3])
    result = student.kl_estimators(lp, ref)
    got = expect(result).value(dict, hint="A dict of k1, k2, k3.").get("k3")
    wanted = estimators(lp, ref)["k3"]
    hint = "e^x − 1 loses all digits where x is small: use `torch.expm1`. k3 came out negative or rounded to 0."
    fine = isinstance(got, torch.Tensor) and got.shape == wanted.shape and got.dtype == torch.float32
    expect(result).that(fine, hint="float32 in, float32 out.")
    expect(result).that(bool((got >= 0).all()) and torch.allclose(got, wanted, rtol=1e-2, atol=1e-12), hint=hint)
    expect(result).unchanged(hint=IN_PLACE)


# kl_penalised_rewards --------------------------------------------------------------------------------------------

# Row by row: prompt and padding; padding only; a response of one token; the whole row. All sizes differ.
MASK = torch.tensor(
    [[0, 0, 1, 1, 1, 0, 0], [1, 1, 1, 1, 0, 0, 0], [0, 0, 0, 1, 0, 0, 0], [1, 1, 1, 1, 1, 1, 1]], dtype=torch.bool
)
ROWS = torch.arange(4)
LAST = torch.tensor([4, 3, 3, 6])


def trl_rewards(
    scores: torch.Tensor, lp: torch.Tensor, ref: torch.Tensor, mask: torch.Tensor, kl_coef: float, kind: str = "kl"
) -> torch.Tensor:
    """`PPOTrainer.compute_rewards` of TRL 0.11.4, and 0 where the mask is: there TRL leaves what nobody reads."""
    trainer = SimpleNamespace(kl_ctl=SimpleNamespace(value=kl_coef), config=SimpleNamespace(kl_penalty=kind))
    trainer._kl_penalty = lambda a, b: PPOTrainer._kl_penalty(trainer, a, b)
    return PPOTrainer.compute_rewards(trainer, scores, lp, ref, mask.long())[0].masked_fill(~mask, 0.0)


def drawn(rng: np.random.Generator, count: int, scale: float = 1.0) -> list[torch.Tensor]:
    """`count` float64 tensors of the shape of MASK."""
    return [torch.tensor(rng.normal(size=tuple(MASK.shape)) * scale) for _ in range(count)]


@check("kl_penalised_rewards", points=2)
def each_token_pays_its_kl(student: Student, rng: np.random.Generator) -> None:
    """Each response token has −β (log π − log π_ref); what is no response token has 0."""
    lp, ref = drawn(rng, 2)
    scores = torch.zeros(4, dtype=torch.float64)
    for kl_coef in (0.2, 1.5):
        result = student.kl_penalised_rewards(scores, lp, ref, MASK, kl_coef)
        wanted = trl_rewards(scores, lp, ref, MASK, kl_coef)
        mistakes = {
            "The sign is turned: becoming likelier than under the reference *costs* reward.": -wanted,
            "β is missing.": wanted / kl_coef,
            "Prompt and padding pay in yours: use the mask.": -kl_coef * (lp - ref),
            "The penalty of a token may be negative: no absolute value.": trl_rewards(
                scores, lp, ref, MASK, kl_coef, "abs"
            ),
            "One reward for each token: the KL is not summed over the response.": wanted.sum(-1),
            "Each token pays its own part: you put the whole sum on the last token.": torch.zeros_like(
                wanted
            ).index_put((ROWS, LAST), wanted.sum(-1)),
            "Log-probs are subtracted, not probabilities.": (-kl_coef * (lp.exp() - ref.exp())).masked_fill(~MASK, 0.0),
        }
        hint = likely(result, mistakes, "−β (log π − log π_ref) at each response token, 0 elsewhere.")
        expect(result).close(wanted, tol=1e-9, hint=hint)


@check("kl_penalised_rewards", points=2)
def the_score_is_added_to_the_last_token(student: Student, rng: np.random.Generator) -> None:
    """The reward model's score is added at the response's last token, on top of that token's penalty."""
    lp, ref = drawn(rng, 2)
    scores = f64(1.0, -2.5, 0.75, 4.0)
    result = student.kl_penalised_rewards(scores, lp, ref, MASK, 0.2)
    penalty = trl_rewards(0 * scores, lp, ref, MASK, 0.2)
    column, every, first = penalty.clone(), penalty + scores[:, None] * MASK, penalty.clone()
    column[:, -1] += scores
    first[ROWS, torch.tensor([2, 0, 3, 0])] += scores
    over = penalty.clone()
    over[ROWS, LAST] = scores
    scaled = penalty.clone()
    scaled[ROWS, LAST] += 0.2 * scores
    mistakes = {
        "The score lands in the last column, which may be padding: find each response's last token.": column,
        "The score lands in the last column and is masked away there: find each response's last token.": penalty
        + F.one_hot(torch.tensor(6), 7) * scores[:, None] * MASK,
        "The score comes once, on the last token, not on each.": every,
        "The score belongs to the last token of the response, not the first.": first,
        "The score replaces the last token's penalty: add it.": over,
        "β scales the penalty only, not the score.": scaled,
        "The score is missing.": penalty,
        "The score is spread over the tokens: all of it belongs to the last one.": penalty
        + scores[:, None] * MASK / MASK.sum(-1, keepdim=True),
    }
    hint = likely(result, mistakes, "Add the score where the mask is 1 for the last time in its row.")
    expect(result).close(trl_rewards(scores, lp, ref, MASK, 0.2), tol=1e-9, hint=hint)


@check("kl_penalised_rewards", points=1)
def what_is_masked_does_not_matter(student: Student, rng: np.random.Generator) -> None:
    """Log-probs outside the response may be −inf or nan; dtype is kept and inputs are not changed."""
    lp, ref = (part.float() for part in drawn(rng, 2))
    scores = torch.tensor([1.0, -2.5, 0.75, 4.0])
    wanted = trl_rewards(scores, lp, ref, MASK, 0.5)
    for filling in (-torch.inf, torch.nan):
        spoilt = [part.masked_fill(~MASK, filling) for part in (lp, ref)]
        result = student.kl_penalised_rewards(scores, *spoilt, MASK, 0.5)
        expect(result).close(wanted, tol=1e-5, hint=NAN)
        expect(result).unchanged(hint=IN_PLACE)


# gae -------------------------------------------------------------------------------------------------------------


def trl_advantages(
    rewards: torch.Tensor, values: torch.Tensor, mask: torch.Tensor, gamma: float, lam: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """(advantages before whitening, returns) of `PPOTrainer.compute_advantages`, 0 where the mask is."""
    trainer = SimpleNamespace(config=SimpleNamespace(whiten_rewards=False, gamma=gamma, lam=lam))
    seen, _, returns = PPOTrainer.compute_advantages(trainer, values, rewards, mask.long())
    return (returns - seen).masked_fill(~mask, 0.0), returns.masked_fill(~mask, 0.0)


def slow_gae(
    rewards: torch.Tensor, values: torch.Tensor, mask: torch.Tensor, gamma: float, decay: float, last: float = 0.0
) -> torch.Tensor:
    """Σ decay^l δ_{t+l} with δ = r + γ V' − V, from the definition; `last` weighs a value after the end."""
    out = torch.zeros_like(rewards)
    for row in range(len(rewards)):
        at = mask[row].nonzero().flatten().tolist()
        r, v = rewards[row, at], values[row, at]
        after = torch.cat([v[1:], last * v[-1:]])
        delta = r + gamma * after - v
        for t in range(len(at)):
            out[row, at[t]] = sum(decay**k * delta[t + k] for k in range(len(at) - t))
    return out


@check("gae", points=3)
def advantages_are_discounted_errors(student: Student, rng: np.random.Generator) -> None:
    """The advantage is Σ (γλ)^l δ_{t+l} with δ_t = r_t + γ V_{t+1} − V_t, and the return is advantage plus value."""
    rewards, values = drawn(rng, 2)
    rewards, values = rewards * MASK, values * MASK
    for gamma, lam in ((0.9, 0.6), (1.0, 0.95), (0.8, 1.0), (0.7, 0.0), (1.0, 1.0)):
        result = student.gae(rewards, values, MASK, gamma, lam)
        adv, returns = trl_advantages(rewards, values, MASK, gamma, lam)
        turned = slow_gae(rewards, values, MASK, lam, gamma * lam)
        only_lam = slow_gae(rewards, values, MASK, gamma, lam)
        only_gamma = slow_gae(rewards, values, MASK, gamma, gamma)
        to_go = slow_gae(rewards, 0 * values, MASK, gamma, gamma)
        white = masked_whiten(adv, MASK.long()) * MASK
        flat = slow_gae(rewards, values, MASK, 1.0, gamma * lam)
        mistakes = {
            "γ and λ have changed places: γ discounts the next value, γλ the next error.": (turned, turned + values),
            "The sum decays by λ only: each step further back is γλ.": (only_lam, only_lam + values),
            "The sum decays by γ only: λ is not used.": (only_gamma, only_gamma + values),
            "γ is missing in δ: the next value is discounted.": (flat, flat + values),
            "The returns come before whitening, and this function does not whiten at all.": (white, white + values),
            "You whiten the advantages here; that is another exercise.": (white, returns),
            "The return is advantage + value (the target of the value head), not the sum of rewards.": (adv, to_go),
            "The return lacks the value: advantage + value.": (adv, adv),
            "Returns and advantages have changed places.": (returns, adv),
        }
        default = "From the last token backwards: A = δ + γλ A_next, δ = r + γ V_next − V; returns = A + V."
        expect(result).close((adv, returns), tol=1e-8, hint=likely(result, mistakes, default))


@check("gae", points=2)
def nothing_comes_after_the_end(student: Student, rng: np.random.Generator) -> None:
    """After a response's last token the value is 0, whatever stands at the padding; masked places are 0."""
    rewards, values = drawn(rng, 2)
    gamma, lam = 0.9, 0.8
    result = student.gae(rewards, values, MASK, gamma, lam)
    adv, returns = trl_advantages(rewards, values, MASK, gamma, lam)
    unmasked = trl_advantages(rewards, values, torch.ones_like(MASK), gamma, lam)
    kept = slow_gae(rewards, values, MASK, gamma, gamma * lam, last=1.0)
    mistakes = {
        "Padding counts in yours: rewards and values outside the mask are 0.": unmasked,
        "Padding flows into the response in yours: mask rewards and values *before* the sum.": tuple(
            part.masked_fill(~MASK, 0.0) for part in unmasked
        ),
        "You bootstrap from the last value again: after the end the value is 0.": (kept, (kept + values) * MASK),
    }
    default = "Set rewards and values outside the mask to 0, start with A = 0 and V = 0, and give 0 at masked places."
    expect(result).close((adv, returns), tol=1e-8, hint=likely(result, mistakes, default))


@check("gae", points=1)
def gae_ignores_nan_at_padding(student: Student, rng: np.random.Generator) -> None:
    """Rewards and values outside the response may be nan; dtype is kept and inputs are not changed."""
    rewards, values = (part.float() for part in drawn(rng, 2))
    wanted = trl_advantages(rewards, values, MASK, 1.0, 0.95)
    spoilt = [part.masked_fill(~MASK, torch.nan) for part in (rewards, values)]
    result = student.gae(*spoilt, MASK, 1.0, 0.95)
    expect(result).close(wanted, tol=1e-5, hint=NAN)
    expect(result).unchanged(hint=IN_PLACE)


# whiten ----------------------------------------------------------------------------------------------------------


def trl_whiten(values: torch.Tensor, mask: torch.Tensor, shift_mean: bool = True) -> torch.Tensor:
    """`trl.core.masked_whiten`, 0 where the mask is."""
    return masked_whiten(values, mask.to(values.dtype), shift_mean).masked_fill(~mask, 0.0)


@check("whiten", points=2)
def whitening_is_that_of_trl(student: Student, rng: np.random.Generator) -> None:
    """(x − mean) / sqrt(var + 1e-8), with mean and variance over all tokens that count; masked places are 0."""
    for scale in (1.0, 1e-4):
        values = drawn(rng, 1, scale)[0] + 3 * scale
        result = student.whiten(values, MASK)
        kept = values[MASK]
        centred, var = values - kept.mean(), kept.var()
        rows = torch.where(MASK, values, torch.nan)
        row_mean = rows.nanmean(-1, keepdim=True)
        row_var = ((rows - row_mean) ** 2).nansum(-1, keepdim=True) / (MASK.sum(-1, keepdim=True) - 1).clamp(min=1)
        zeroed = values * MASK
        mistakes = {
            "The variance is Bessel's: divide by n − 1, as TRL does.": centred
            * (kept.var(unbiased=False) + 1e-8).rsqrt(),
            "The 1e-8 stands inside the root: rsqrt(var + 1e-8).": centred / (var.sqrt() + 1e-8),
            "The 1e-8 stands inside the root: you leave it out.": centred / var.sqrt(),
            "Divide by the standard deviation, not by the variance.": centred / (var + 1e-8),
            "The mean is over all tokens of the batch, not of each row.": (values - row_mean)
            * (row_var + 1e-8).rsqrt(),
            "Masked places count in your mean and variance.": (values - values.mean()) * (values.var() + 1e-8).rsqrt(),
            "Masked places count as zeros in your mean and variance.": (zeroed - zeroed.mean())
            * (zeroed.var() + 1e-8).rsqrt(),
            "The mean is not subtracted.": values * (var + 1e-8).rsqrt(),
        }
        mistakes = {hint: outcome.masked_fill(~MASK, 0.0) for hint, outcome in mistakes.items()}
        mistakes["Masked places are to be 0."] = centred * (var + 1e-8).rsqrt()
        hint = likely(result, mistakes, "(x − mean) · rsqrt(var + 1e-8), all over the tokens that count.")
        expect(result).close(trl_whiten(values, MASK), tol=1e-7, hint=hint)


@check("whiten", points=1)
def whitening_may_keep_the_mean(student: Student, rng: np.random.Generator) -> None:
    """With shift_mean=False the spread is scaled and the mean is added again."""
    values = drawn(rng, 1)[0] * 2 + 5
    result = student.whiten(values, MASK, shift_mean=False)
    kept = values[MASK]
    mistakes = {
        "shift_mean is not used.": trl_whiten(values, MASK),
        "Scale the distance from the mean, then add the mean: you scale the mean too.": (
            values * (kept.var() + 1e-8).rsqrt()
        ).masked_fill(~MASK, 0.0),
    }
    hint = likely(result, mistakes, "(x − mean) · rsqrt(var + 1e-8) + mean.")
    expect(result).close(trl_whiten(values, MASK, shift_mean=False), tol=1e-7, hint=hint)


@check("whiten", points=1)
def whitening_needs_two_tokens(student: Student) -> None:
    """Equal values become 0, nan outside the mask is ignored, one token alone raises ValueError; inputs stay."""
    flat = torch.full((2, 3), 7.0)
    mask = torch.tensor([[True, True, False], [True, False, False]])
    result = student.whiten(flat.masked_fill(~mask, torch.nan), mask)
    expect(result).close(torch.zeros(2, 3), tol=1e-6, hint=NAN)
    expect(result).unchanged(hint=IN_PLACE)
    for count in (0, 1):
        few = torch.zeros(2, 3, dtype=torch.bool)
        few[0, :count] = True
        hint = "Of fewer than two tokens there is no variance: raise ValueError instead of returning nan."
        expect(student.whiten(flat, few)).raises("ValueError", hint=hint)


# ppo_clip_loss ---------------------------------------------------------------------------------------------------


def trl_losses(
    logprobs: torch.Tensor, old: torch.Tensor, advantages: torch.Tensor, mask: torch.Tensor, clip: float,
    vpreds: torch.Tensor | None = None, values: torch.Tensor | None = None, returns: torch.Tensor | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:  # fmt: skip
    """Policy loss and value loss of `PPOTrainer.loss` of TRL 0.11.4."""
    settings = SimpleNamespace(cliprange=clip, cliprange_value=clip, vf_coef=1.0, ratio_threshold=torch.inf)
    zero = torch.zeros_like(old)
    parts = (part if part is not None else zero for part in (values, vpreds, returns))
    values, vpreds, returns = parts
    logits = torch.zeros(*old.shape, 2, dtype=old.dtype)
    pg, vf, _ = PPOTrainer.loss(
        SimpleNamespace(config=settings), old, values, logits, vpreds, logprobs, mask.long(), advantages, returns
    )
    return pg, vf


def clip_cases(
    logprobs: torch.Tensor, old: torch.Tensor, advantages: torch.Tensor, mask: torch.Tensor, clip: float
) -> tuple[tuple[torch.Tensor, torch.Tensor], dict[str, tuple[torch.Tensor, torch.Tensor]]]:
    """(loss, its slope in the log-probs), and the same of losses that people write instead."""
    count = mask.sum()

    def with_slope(loss_of: Any) -> tuple[torch.Tensor, torch.Tensor]:
        leaf = logprobs.clone().requires_grad_()
        loss = loss_of(leaf)
        (slope,) = torch.autograd.grad(loss, leaf)
        return loss.detach(), slope

    def mean(x: torch.Tensor) -> torch.Tensor:
        return (x * mask).sum() / count

    low, high = 1 - clip, 1 + clip
    ratio = lambda lp: (lp - old).exp()  # noqa: E731
    plain = lambda lp: ratio(lp) * advantages  # noqa: E731
    cut = lambda lp: ratio(lp).clamp(low, high) * advantages  # noqa: E731
    others = {
        "The clipped term alone is not PPO: the minimum of both keeps the gradient where a step went the wrong way.": (
            lambda lp: -mean(cut(lp))
        ),
        "The clip is missing.": lambda lp: -mean(plain(lp)),
        "You clip at 1 + ε only: below 1 − ε it matters where A < 0.": (
            lambda lp: -mean(torch.min(plain(lp), ratio(lp).clamp(max=high) * advantages))
        ),
        "You clip at 1 − ε only: above 1 + ε it matters where A > 0.": (
            lambda lp: -mean(torch.min(plain(lp), ratio(lp).clamp(min=low) * advantages))
        ),
        "Minimum of the objective (or maximum of the losses): yours takes the other one.": (
            lambda lp: -mean(torch.max(plain(lp), cut(lp)))
        ),
        "The sign is turned: a loss is minus the objective.": lambda lp: mean(torch.min(plain(lp), cut(lp))),
        "The ratio is turned: new over old.": (
            lambda lp: -mean(
                torch.min((old - lp).exp() * advantages, (old - lp).exp().clamp(low, high) * advantages)
            )
        ),
        "The ratio is e^(difference of log-probs): you clip the difference itself.": (
            lambda lp: -mean(
                torch.min(plain(lp), (lp - old).clamp(-clip, clip).exp() * advantages)
            )
        ),
        "The mean counts masked places: divide by the number of tokens that count.": (
            lambda lp: -(torch.min(plain(lp), cut(lp)) * mask).sum() / mask.numel()
        ),
        "Masked places count in your mean.": lambda lp: -torch.min(plain(lp), cut(lp)).mean(),
        "A sum, not a mean: divide by the number of tokens that count.": (
            lambda lp: -(torch.min(plain(lp), cut(lp)) * mask).sum()
        ),
        "The mean is over all tokens of the batch, not row by row.": (
            lambda lp: -((torch.min(plain(lp), cut(lp)) * mask).sum(-1) / mask.sum(-1)).mean()
        ),
    }  # fmt: skip
    right = with_slope(lambda lp: trl_losses(lp, old, advantages, mask, clip)[0])
    return right, {hint: with_slope(loss) for hint, loss in others.items()}


@check("ppo_clip_loss", points=2)
def loss_and_slope_are_right_in_all_four_cases(student: Student) -> None:
    """Value and gradient are right for A > 0 and A < 0, with the ratio above 1 + ε, below 1 − ε and between."""
    ratios = f64(0.5, 0.79, 0.81, 1.0, 1.19, 1.21, 2.0)
    lp = torch.stack([ratios, ratios]).log()
    old, mask = torch.zeros_like(lp), torch.ones_like(lp, dtype=torch.bool)
    adv = torch.stack([torch.full_like(ratios, 2.0), torch.full_like(ratios, -3.0)])
    result = student.loss_and_slope(lp, old, adv, mask, 0.2)
    right, mistakes = clip_cases(lp, old, adv, mask, 0.2)
    default = "Minimum of ratio · A and clamp(ratio, 1 − ε, 1 + ε) · A, token by token; minus its mean."
    expect(result).close(right, tol=1e-8, hint=likely(result, mistakes, default))


@check("ppo_clip_loss", points=2)
def loss_is_that_of_trl(student: Student, rng: np.random.Generator) -> None:
    """On a whole batch, value and gradient are those of TRL: the mean over the tokens that count."""
    lp, old, adv = drawn(rng, 3)
    for clip in (0.2, 0.05):
        moved = old + 0.4 * (lp - old)
        result = student.loss_and_slope(moved, old, adv, MASK, clip)
        right, mistakes = clip_cases(moved, old, adv, MASK, clip)
        hint = likely(result, mistakes, "−mean of min(ratio · A, clamp(ratio, 1 − ε, 1 + ε) · A) over the mask.")
        expect(result).close(right, tol=1e-8, hint=hint)


@check("ppo_clip_loss", points=1)
def at_the_first_step_only_the_value_is_zero(student: Student, rng: np.random.Generator) -> None:
    """Where the policy is the old one and advantages are whitened, the loss is 0, but its gradient is −A/n."""
    old, raw = drawn(rng, 2)
    adv = trl_whiten(raw, MASK)
    result = student.loss_and_slope(old, old, adv, MASK, 0.2)
    wanted = (torch.zeros((), dtype=torch.float64), -adv / MASK.sum())
    hint = "At ratio 1 the slope is −A/n: do not detach the ratio, nor put a number in its place."
    expect(result).close(wanted, tol=1e-8, hint=hint)


@check("ppo_clip_loss", points=1)
def loss_ignores_nan_at_padding(student: Student, rng: np.random.Generator) -> None:
    """What stands at masked places, nan too, changes neither value nor gradient; dtype is kept, inputs stay."""
    lp, old, adv = (part.float() for part in drawn(rng, 3))
    lp = old + 0.1 * lp
    right, _ = clip_cases(lp, old, adv, MASK, 0.2)
    spoilt = [part.masked_fill(~MASK, torch.nan) for part in (lp, old, adv)]
    result = student.loss_and_slope(*spoilt, MASK, 0.2)
    hint = NAN + " Fill *before* `exp`: a nan in front of `where` still spoils the gradient. Or pick `x[mask]` first."
    expect(result).close(right, tol=1e-5, hint=hint)
    expect(result).unchanged(hint=IN_PLACE)


# value_loss_clipped ----------------------------------------------------------------------------------------------


def value_mistakes(
    new: torch.Tensor, old: torch.Tensor, returns: torch.Tensor, mask: torch.Tensor, clip: float
) -> dict[str, torch.Tensor]:
    """Value losses that people write instead of TRL's."""

    def mean(x: torch.Tensor) -> torch.Tensor:
        return (x * mask).sum() / mask.sum()

    plain = (new - returns) ** 2
    cut = (old + (new - old).clamp(-clip, clip) - returns) ** 2
    around_returns = (returns + (new - returns).clamp(-clip, clip) - returns) ** 2
    alone = (new.clamp(-clip, clip) - returns) ** 2
    factor = (old * (new / old).clamp(1 - clip, 1 + clip) - returns) ** 2
    worst = torch.max(plain, cut)
    return {
        "The clip is around the returns: it belongs around the *old values*.": 0.5
        * mean(torch.max(plain, around_returns)),
        "You clip the values themselves to ±ε: clip their distance from the old values.": 0.5
        * mean(torch.max(plain, alone)),
        "The value's clip is a distance, ±ε, not a ratio.": 0.5 * mean(torch.max(plain, factor)),
        "The larger of the two errors counts; yours takes the smaller one.": 0.5 * mean(torch.min(plain, cut)),
        "The clipped error alone is not enough: take the larger of both.": 0.5 * mean(cut),
        "The clip is missing.": 0.5 * mean(plain),
        "The factor ½ is missing.": mean(worst),
        "The mean counts masked places.": 0.5 * worst.mean(),
        "The mean is over the tokens that count: divide by their number.": 0.5 * (worst * mask).sum() / mask.numel(),
        "The loss is squared, not absolute.": 0.5 * mean(worst.sqrt()),
    }


@check("value_loss_clipped", points=2)
def value_loss_is_that_of_trl(student: Student, rng: np.random.Generator) -> None:
    """½ mean of max((V − R)², (clip(V, V_old ± ε) − R)²) over the tokens that count."""
    new, old, returns = drawn(rng, 3)
    for clip in (0.2, 0.7):
        result = student.value_loss_clipped(new, old, returns, MASK, clip)
        wanted = trl_losses(old, old, old, MASK, clip, new, old, returns)[1]
        hint = likely(result, value_mistakes(new, old, returns, MASK, clip), "½ · masked mean of the larger error.")
        expect(result).close(wanted, tol=1e-8, hint=hint)


@check("value_loss_clipped", points=1)
def larger_error_counts_token_by_token(student: Student) -> None:
    """A value that ran away pays in full where it is wrong, and gains nothing beyond the clip where it is right."""
    old, returns = f64([0.0, 0.0, 0.0, 0.0]), f64([1.0, 1.0, -1.0, 0.1])
    new, mask = f64([1.0, 3.0, 0.5, 0.15]), torch.ones(1, 4, dtype=torch.bool)
    result = student.value_loss_clipped(new, old, returns, mask, 0.2)
    wanted = f64(0.5 * (0.8**2 + 2.0**2 + 1.5**2 + 0.05**2) / 4)[0]
    hint = likely(result, value_mistakes(new, old, returns, mask, 0.2), "For each token the larger of the two errors.")
    expect(result).close(wanted, tol=1e-9, hint=hint)


@check("value_loss_clipped", points=1)
def value_loss_ignores_nan_at_padding(student: Student, rng: np.random.Generator) -> None:
    """Values of nan at masked places are ignored; dtype is kept and inputs are not changed."""
    new, old, returns = (part.float() for part in drawn(rng, 3))
    wanted = trl_losses(old, old, old, MASK, 0.2, new, old, returns)[1]
    result = student.value_loss_clipped(*(p.masked_fill(~MASK, torch.nan) for p in (new, old, returns)), MASK, 0.2)
    expect(result).close(wanted, tol=1e-5, hint=NAN)
    expect(result).unchanged(hint=IN_PLACE)


# explained_variance ----------------------------------------------------------------------------------------------


def trl_explained(values: torch.Tensor, returns: torch.Tensor, mask: torch.Tensor) -> float:
    """`ppo/val/var_explained`: 1 − masked mean squared error / masked variance of the returns, as TRL logs it."""
    kept, seen = returns[mask].double(), values[mask].double()
    return float(1 - ((seen - kept) ** 2).mean() / kept.var())


@check("explained_variance", points=2)
def explained_variance_is_that_of_trl(student: Student, rng: np.random.Generator) -> None:
    """1 − MSE / Var(returns), over the tokens that count, the variance with n − 1."""
    returns, noise = drawn(rng, 2)
    for values in (returns + 0.5 * noise, 0.3 * returns + 1.5, 3 * noise):
        result = student.explained_variance(values, returns, MASK)
        kept, seen = returns[MASK], values[MASK]
        error = ((seen - kept) ** 2).mean()
        mistakes = {
            "The error is MSE, not its variance: a constant offset is an error too.": float(
                1 - (seen - kept).var() / kept.var()
            ),
            "The variance is Bessel's, with n − 1.": float(1 - error / kept.var(unbiased=False)),
            "Divide by the variance of the returns, not of the values.": float(1 - error / seen.var()),
            "That is the squared correlation, which forgives offset and scale.": float(
                torch.corrcoef(torch.stack([seen, kept]))[0, 1] ** 2
            ),
            "That is the share that is *not* explained: 1 minus it.": float(error / kept.var()),
            "Masked places count in yours.": float(1 - ((values - returns) ** 2).mean() / returns.var()),
            "Divide by the variance, not by the standard deviation.": float(1 - error / kept.std()),
            "The result may be negative: do not cut it off at 0.": max(0.0, trl_explained(values, returns, MASK)),
        }
        hint = likely(result, mistakes, "1 − MSE/Var over the tokens that count, as a Python float.")
        expect(result).close(trl_explained(values, returns, MASK), tol=1e-7, hint=hint)


@check("explained_variance", points=1)
def perfect_is_one_and_worse_than_the_mean_is_negative(student: Student) -> None:
    """Perfect values explain 1, the constant mean explains about 0, and worse than that is negative."""
    returns = f64([1.0, 2.0, 3.0, 4.0, 5.0])
    mask = torch.ones(1, 5, dtype=torch.bool)
    cases = {0: (returns, 1.0), 1: (torch.full_like(returns, 3.0), 1 - 2.0 / 2.5), 2: (returns + 10, 1 - 100 / 2.5)}
    for values, wanted in cases.values():
        hint = "MSE also counts a constant offset, and the result may be far below 0."
        result = student.explained_variance(values, returns, mask)
        expect(result).close(wanted, tol=1e-9, hint=hint)


@check("explained_variance", points=1)
def explained_variance_needs_variance(student: Student) -> None:
    """A Python float comes back, nan at masked places is ignored, and returns that do not vary raise ValueError."""
    returns = torch.tensor([[1.0, 3.0, torch.nan]])
    values = torch.tensor([[1.0, 2.0, torch.nan]])
    mask = torch.tensor([[True, True, False]])
    result = student.explained_variance(values, returns, mask)
    expect(result).value(float, hint="Return a Python float: `.item()`.")
    expect(result).close(0.75, tol=1e-6, hint=NAN)
    for equal, few in (
        (torch.full((1, 3), 2.0), torch.ones(1, 3, dtype=torch.bool)),
        (torch.tensor([[1.0, 3.0, 5.0]]), torch.tensor([[False, True, False]])),
    ):
        hint = "Of equal returns, or of a single one, there is no variance to explain: raise ValueError."
        expect(student.explained_variance(equal + 1, equal, few)).raises("ValueError", hint=hint)


# group_advantages ------------------------------------------------------------------------------------------------


def rloo(rewards: torch.Tensor) -> torch.Tensor:
    """Each reward minus the mean of the others in its row, as in TRL's RLOOTrainer."""
    return rewards - (rewards.sum(-1, keepdim=True) - rewards) / (rewards.shape[-1] - 1)


def grpo(rewards: torch.Tensor) -> torch.Tensor:
    """(r − mean) / (sd + 1e-4) in each row, sd with n − 1, as in TRL's GRPOTrainer."""
    return (rewards - rewards.mean(-1, keepdim=True)) / (rewards.std(-1, keepdim=True) + 1e-4)


def drawn_groups(rng: np.random.Generator) -> torch.Tensor:
    """float64 [3 queries, 4 responses], each query with its own level and spread."""
    return torch.tensor(rng.normal(size=(3, 4))) * f64(1.0, 0.3, 5.0)[:, None] + f64(0.0, 4.0, -2.0)[:, None]


@check("group_advantages", points=1)
def rloo_leaves_the_sample_itself_out(student: Student, rng: np.random.Generator) -> None:
    """RLOO: reward minus the mean of the *other* responses to the same query."""
    rewards = drawn_groups(rng)
    result = student.group_advantages(rewards, "rloo")
    mean = rewards.mean(-1, keepdim=True)
    mistakes = {
        "Your baseline has the sample itself in it: leave it out, the mean is over the others.": rewards - mean,
        "The mean of the others divides by k − 1, not by k.": rewards - (rewards.sum(-1, keepdim=True) - rewards) / 4,
        "The group is a row: responses to *other* queries are no baseline.": rewards - rewards.mean(),
        "The group is a row, not a column.": rloo(rewards.T).T,
        "RLOO does not divide by the spread.": grpo(rewards),
    }
    hint = likely(result, mistakes, "r_i − mean of the others in its row.")
    expect(result).close(rloo(rewards), tol=1e-8, hint=hint)


@check("group_advantages", points=1)
def grpo_standardises_each_group(student: Student, rng: np.random.Generator) -> None:
    """GRPO: reward minus the group's mean, over the group's standard deviation (n − 1) plus 1e-4."""
    rewards = drawn_groups(rng)
    result = student.group_advantages(rewards, "grpo")
    mean, sd = rewards.mean(-1, keepdim=True), rewards.std(-1, keepdim=True)
    mistakes = {
        "The standard deviation has n − 1 here, as in TRL.": (rewards - mean)
        / (rewards.std(-1, keepdim=True, unbiased=False) + 1e-4),
        "Each group has its own mean and spread: not those of the batch.": (rewards - rewards.mean())
        / (rewards.std() + 1e-4),
        "Each group has its own spread: not that of the batch.": (rewards - mean) / (rewards.std() + 1e-4),
        "Divide by the standard deviation, not by the variance.": (rewards - mean) / (sd**2 + 1e-4),
        "The group is a row, not a column.": grpo(rewards.T).T,
        "GRPO divides by the spread.": rewards - mean,
        "GRPO's baseline is the mean of the whole group.": rloo(rewards) / (sd + 1e-4),
    }
    hint = likely(result, mistakes, "(r − mean of its row) / (sd of its row + 1e-4).")
    expect(result).close(grpo(rewards), tol=1e-8, hint=hint)


@check("group_advantages", points=1)
def equal_rewards_teach_nothing(student: Student) -> None:
    """A group whose rewards are all equal has advantages of exactly 0, under both; dtype and inputs stay."""
    rewards = torch.tensor([[2.0, 2.0, 2.0, 2.0], [0.5, 0.5, 0.5, 1.5]])
    for kind, reference in (("rloo", rloo), ("grpo", grpo)):
        result = student.group_advantages(rewards, kind)
        hint = "0/0 is nan: add 1e-4 to the standard deviation. Equal rewards give advantages of 0."
        expect(result).close(reference(rewards), tol=1e-5, hint=hint)
        expect(result).unchanged(hint=IN_PLACE)


@check("group_advantages", points=1)
def groups_need_company(student: Student) -> None:
    """A group of one response, or an unknown method, raises ValueError."""
    for kind in ("rloo", "grpo"):
        hint = "A single response has nobody to be compared with: raise ValueError."
        expect(student.group_advantages(torch.zeros(3, 1), kind)).raises("ValueError", hint=hint)
    hint = 'Only "rloo" and "grpo" are methods: raise ValueError for any other.'
    expect(student.group_advantages(torch.zeros(3, 4), "ppo")).raises("ValueError", hint=hint)
