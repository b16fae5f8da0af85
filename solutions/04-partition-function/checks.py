"""Hidden checks of lab 04 and their reference answers: enumeration, exact fractions, and sums in the log domain."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import torch

from grader.checks import Missed, Result, Student, check, expect, same

INF = torch.inf
TOL = 1e-9


def likely(result: Result, mistakes: Mapping[str, Any], default: str, tol: float = 1e-6) -> str:
    """The hint (key) of the first mistake whose outcome is what came back; `default` if none is."""
    got = result.value
    for hint, outcome in mistakes.items():
        if isinstance(outcome, torch.Tensor):
            fits = isinstance(got, torch.Tensor) and got.shape == outcome.shape
            if fits and torch.allclose(got.double(), outcome.double(), rtol=0, atol=tol, equal_nan=True):
                return hint
        elif same(got, outcome):
            return hint
    return default


def rows(*values: list[float]) -> torch.Tensor:
    """A float64 tensor with these rows."""
    return torch.tensor(values, dtype=torch.float64)


def logs(*values: list[float]) -> torch.Tensor:
    """The logarithms of these rows of probabilities, float64; 0 becomes −inf."""
    return rows(*values).log()


def random_log_probs(rng: np.random.Generator, *shape: int) -> torch.Tensor:
    """Random log-probs in the last dimension, float64, no two rows alike."""
    return torch.tensor(rng.normal(scale=1.5, size=shape)).log_softmax(-1)


# Two prompts, five responses; every row of numbers is another.
REF = logs([0.40, 0.25, 0.20, 0.10, 0.05], [0.05, 0.50, 0.15, 0.05, 0.25])
POLICY = logs([0.10, 0.30, 0.05, 0.35, 0.20], [0.30, 0.10, 0.40, 0.15, 0.05])
REWARDS = rows([1.0, -0.5, 2.0, 0.25, 3.0], [0.0, 1.5, -2.0, 0.75, -1.0])
# The same with a response that the policy, or the reference, never gives; the forbidden one has the highest reward.
FORBIDS = logs([0.5, 0.0, 0.3, 0.2, 0.0], [0.0, 0.6, 0.0, 0.1, 0.3])
TEMPTING = rows([1.0, 50.0, 2.0, 2.0, -3.0], [80.0, 0.5, 40.0, 1.5, 1.5])


# count_sequences -------------------------------------------------------------------------------------------------


def listed(vocab: int, length: int, eos: int) -> list[tuple[int, ...]]:
    """Every response, filled up with EOS, in the order of its ids: of all V^T sequences, those that stop at EOS."""
    texts = itertools.product(range(vocab), repeat=length)
    return [text for text in texts if eos not in text or set(text[text.index(eos) :]) == {eos}]


@check("count_sequences", points=1)
def counts_v_to_the_t(student: Student) -> None:
    """There are V^T sequences of exactly T tokens."""
    for vocab, length in ((5, 4), (2, 10), (7, 3), (1, 6), (9, 1), (6, 0)):
        result = student.count_sequences(vocab, length)
        mistakes = {
            "V^T, not T^V: each of the T places has V choices.": length**vocab,
            "EOS is one of the V tokens: without `stops` all V may stand anywhere.": (vocab - 1) ** length,
            "`stops` is False by default: then sequences have exactly T tokens.": len(listed(vocab, length, 0)),
        }
        expect(result).equals(vocab**length, hint=likely(result, mistakes, "Multiply V choices for each of T places."))


@check("count_sequences", points=1)
def counts_responses_that_stop(student: Student) -> None:
    """With `stops`, a response ends with its first EOS or after T tokens: 341 of them for V = 5 and T = 4."""
    for vocab, length in ((5, 4), (3, 2), (2, 6), (4, 5), (1, 3), (6, 1), (3, 0)):
        result = student.count_sequences(vocab, length, stops=True)
        n = vocab - 1
        mistakes = {
            "After EOS nothing follows: what comes behind it makes no new response.": vocab**length,
            "Responses that were cut off after T tokens, without EOS, count too.": sum(n**t for t in range(length)),
            "A response may be EOS alone: there is one with no word before it.": sum(
                n**t for t in range(1, length + 1)
            ),
            "Only V − 1 tokens may stand before EOS.": sum(vocab**t for t in range(length + 1)),
            "That counts the responses without EOS only.": n**length,
        }
        default = "(V − 1)^n responses have n words and then EOS, for n = 0 … T − 1; (V − 1)^T are cut off."
        expect(result).equals(len(listed(vocab, length, 0)), hint=likely(result, mistakes, default))


@check("count_sequences", points=1)
def counts_exactly_however_many(student: Student) -> None:
    """The count is a whole number, exact for GPT-2 and 100 tokens too; nonsense raises ValueError."""
    hint = "Stay with whole numbers: `math.pow` and floats round from 2^53 on and overflow at 10^308."
    for vocab, length in ((50257, 4), (50257, 100)):
        expect(student.count_sequences(vocab, length)).equals(vocab**length, hint=hint)
        stopped = sum((vocab - 1) ** n for n in range(length + 1))
        expect(student.count_sequences(vocab, length, stops=True)).equals(stopped, hint=hint)
    for vocab, length in ((0, 3), (-2, 2), (4, -1)):
        refusal = "Raise ValueError when V is below 1 or T below 0."
        expect(student.count_sequences(vocab, length)).raises("ValueError", hint=refusal)


# sequence_log_probs ----------------------------------------------------------------------------------------------

PROMPT = torch.tensor([[2, 0, 1]])
PAIR = "Return a pair: ids, int64 [responses, max_new_tokens] without the prompt, and log-probs, float64 [responses]."


@torch.no_grad()
def token_log_probs(model: Any, prompt: torch.Tensor, texts: torch.Tensor) -> torch.Tensor:
    """Log π of each new token given all before it, float64 [responses, length]; by one pass over the whole texts."""
    whole = torch.cat([prompt.expand(len(texts), -1), texts], dim=1)
    log_probs = model(whole).logits.double().log_softmax(-1)[:, prompt.shape[1] - 1 : -1]
    return log_probs.gather(-1, texts[..., None])[..., 0]


def before_first(texts: torch.Tensor, eos: int) -> torch.Tensor:
    """True at every place up to the first EOS, that one excluded."""
    return (texts == eos).cumsum(-1) == 0


def counted(texts: torch.Tensor, eos: int) -> torch.Tensor:
    """True at every place up to the first EOS, that one included."""
    return ((texts == eos).cumsum(-1) - (texts == eos).long()) == 0


def two_tensors(result: Result) -> tuple[torch.Tensor, torch.Tensor]:
    """The (ids, log-probs) that came back, or `Missed` when the form is not the docstring's."""
    pair = expect(result).value(tuple, hint=PAIR)
    if len(pair) != 2 or not all(isinstance(part, torch.Tensor) and part.ndim for part in pair):
        raise Missed(PAIR)
    return pair[0], pair[1]


@check("sequence_log_probs", points=2)
def lists_each_response_once(student: Student) -> None:
    """Every response is listed once, in the order of its ids, filled up with EOS, without the prompt."""
    for seed, vocab, steps, eos in ((0, 4, 3, 3), (1, 3, 4, 1), (2, 5, 2, 0), (3, 4, 1, 2)):
        policy = student.build("counted_policy", seed=seed, vocab_size=vocab)
        prompt = PROMPT.clamp(max=vocab - 1)
        ids, _ = two_tensors(student.sequence_log_probs(policy, prompt, steps, eos))
        expected = torch.tensor(listed(vocab, steps, eos))
        hint = "Each text in order of its ids: extend text by text (`repeat_interleave`), each by token 0, 1, 2, …"
        if len(ids) == vocab**steps and steps > 1:
            hint = "That is V^T: a text that has ended gets one continuation only, EOS again."
        elif ids.ndim == 2 and ids.shape[1] == steps + prompt.shape[1]:
            hint = "Return the new tokens only, without the prompt."
        elif len(ids) < len(expected):
            hint = "Some responses are missing: keep ended texts in the list, and those cut off at the end."
        if ids.shape != expected.shape or ids.dtype != torch.int64 or not torch.equal(ids, expected):
            raise Missed(hint)


@check("sequence_log_probs", points=3)
def adds_up_the_log_probs_of_its_tokens(student: Student) -> None:
    """A response's log-prob is the sum of its tokens' log-probs, the first EOS counted and the filling not."""
    for seed, vocab, steps, eos in ((0, 4, 3, 3), (1, 3, 4, 1), (2, 5, 2, 0)):
        policy = student.build("counted_policy", seed=seed, vocab_size=vocab)
        prompt = PROMPT.clamp(max=vocab - 1)
        texts = torch.tensor(listed(vocab, steps, eos))
        each, used = token_log_probs(policy.twin, prompt, texts), counted(texts, eos)
        expected = (each * used).sum(-1)
        _, got = two_tensors(student.sequence_log_probs(policy, prompt, steps, eos))
        mistakes = {
            "The filling after the first EOS costs nothing: leave it out of the sum.": each.sum(-1),
            "Ending is a choice, too: the log-prob of the first EOS belongs to the sum.": (
                each * before_first(texts, eos)
            ).sum(-1),
            "Sum, not mean: a response's probability is the product over its tokens.": expected / used.sum(-1),
            "You return probabilities: return their logarithms.": expected.exp(),
        }
        default = "Add `log_softmax` of the logits at the last place, token by token, given prompt and tokens so far."
        hint = likely(Result(got, None, (), ()), mistakes, default)
        if got.shape == expected.shape and got.dtype != torch.float64:
            hint = "Work in float64: `.double()` before `log_softmax`."
        if got.dtype != torch.float64 or got.shape != expected.shape or not torch.allclose(got, expected, atol=1e-8):
            raise Missed(hint)


@check("sequence_log_probs", points=1)
def eos_in_the_prompt_ends_nothing(student: Student) -> None:
    """The whole prompt conditions every response, and an EOS in it, even at its end, ends nothing."""
    for seed, prompt in ((4, [[3, 1, 3]]), (5, [[3]]), (6, [[1, 3, 3, 0]])):
        policy = student.build("counted_policy", seed=seed)
        texts = torch.tensor(listed(4, 3, 3))
        each = token_log_probs(policy.twin, torch.tensor(prompt), texts)
        ids, got = two_tensors(student.sequence_log_probs(policy, torch.tensor(prompt), 3, 3))
        hint = (
            "An EOS in the prompt ends nothing: GPT-2's prompts often begin with one. No text has ended at the start."
        )
        if ids.shape != texts.shape or not torch.equal(ids, texts):
            raise Missed(hint)
        expected = (each * counted(texts, 3)).sum(-1)
        hint = "Give the model the whole text so far at each step, prompt included."
        if got.shape != expected.shape or not torch.allclose(got.double(), expected, atol=1e-4):
            raise Missed(hint)


@check("sequence_log_probs", points=1)
def one_batch_for_each_step(student: Student) -> None:
    """The model is called once for each step, with all texts in a batch."""
    policy = student.build("counted_policy", seed=7)
    ids, _ = two_tensors(student.sequence_log_probs(policy, PROMPT, 4, 3))
    if len(ids) != len(listed(4, 4, 3)):
        raise Missed("First list every response; see the other checks.")
    calls = expect(policy.get("calls")).value(int)
    if calls > 4:
        raise Missed("The model is called text by text. Put all texts of a step into one batch: one call a step.")


# kl_divergence ---------------------------------------------------------------------------------------------------


def kl(p: torch.Tensor, q: torch.Tensor) -> torch.Tensor:
    """KL(p‖q) of log-probs, with xlogy's rule that 0 · log 0 is 0."""
    inside = torch.where(p == -INF, torch.zeros_like(p), p - torch.where(p == -INF, torch.zeros_like(q), q))
    return (p.exp() * inside).sum(-1)


@check("kl_divergence", points=2)
def kl_weighs_by_its_first_argument(student: Student, rng: np.random.Generator) -> None:
    """KL(p‖q) is the sum of p · (log p − log q), in nats."""
    cases = [(logs([0.5, 0.5])[0], logs([0.75, 0.25])[0]), (POLICY[0], REF[0]), (REF[1], POLICY[1])]
    cases.append((random_log_probs(rng, 7), random_log_probs(rng, 7)))
    for p, q in cases:
        result = student.kl_divergence(p, q)
        expected = kl(p, q)
        mistakes = {
            "The direction: KL(p‖q) is an expectation over p. You weigh by q, or swap the two.": kl(q, p),
            "That is −KL(p‖q): log p − log q, not log q − log p.": -expected,
            "That is −KL(q‖p): weigh by p, and take log p − log q.": -kl(q, p),
            "In nats, with the natural logarithm, not in bits.": expected / math.log(2),
            "A sum over responses, not a mean: p weighs them already.": expected / p.shape[-1],
            "A response where p < q counts negatively: no absolute values.": (p.exp() * (p - q).abs()).sum(-1),
            "Weigh each difference by p: a plain sum or mean counts all responses alike.": (p - q).mean(-1),
        }
        hint = likely(result, mistakes, "Σ p (log p − log q) over all responses; the arguments are log-probs.")
        expect(result).close(expected, tol=TOL, hint=hint)


@check("kl_divergence", points=1)
def kl_of_each_row(student: Student, rng: np.random.Generator) -> None:
    """Every row of a batch gets its own number: the last dimension is summed, no other."""
    for shape in ((2, 5), (3, 3), (2, 3, 4)):
        p, q = random_log_probs(rng, *shape), random_log_probs(rng, *shape)
        hint = "One number for each row: sum over the last dimension, `sum(-1)`, and over no other."
        expect(student.kl_divergence(p, q)).close(kl(p, q), tol=TOL, hint=hint)


@check("kl_divergence", points=1)
def kl_with_probabilities_of_zero(student: Student) -> None:
    """A response with p = 0 adds nothing; one with q = 0 < p makes the KL infinite."""
    p, q = logs([0.5, 0.0, 0.5, 0.0]), logs([0.25, 0.25, 0.5, 0.0])
    hint = "Where p = 0 the term is 0, also where q = 0 too: 0 · (−inf) is nan, so choose with `torch.where`."
    expect(student.kl_divergence(p, q)).close(kl(p, q), tol=TOL, hint=hint)
    hint = "Where q forbids what p allows the KL is +inf. Adding a small number to q, or clamping, hides that."
    expect(student.kl_divergence(q, p)).equals(torch.tensor([INF], dtype=torch.float64), hint=hint)
    deep = rows([0.0, -900.0, -INF])
    expected = (deep.exp() * torch.where(deep == -INF, 0.0, deep - rows([-1.0, -0.5, -2.0]))).sum(-1)
    hint = "Work with the log-probs as they come: probabilities of e^−900 are 0 as floats, their logarithms are not."
    expect(student.kl_divergence(deep, rows([-1.0, -0.5, -2.0]))).close(expected, tol=TOL, hint=hint)


# kl_objective ----------------------------------------------------------------------------------------------------

OWN_KL = " It may call your `kl_divergence`: mend that first if its checks fail."


def objective(policy: torch.Tensor, ref: torch.Tensor, rewards: torch.Tensor, beta: float) -> torch.Tensor:
    """J(π), straight from its definition."""
    return (policy.exp() * rewards).sum(-1) - beta * kl(policy, ref)


@check("kl_objective", points=2)
def reward_minus_beta_kl(student: Student) -> None:
    """J(π) is the expected reward under π minus β times KL(π‖π_ref)."""
    for beta in (0.5, 2.0, 0.125):
        policy, ref, r = POLICY[0], REF[0], REWARDS[0]
        result = student.kl_objective(policy, ref, r, beta)
        mean, leash = (policy.exp() * r).sum(), kl(policy, ref)
        mistakes = {
            "The KL is a price: subtract it.": mean + beta * leash,
            "The direction: the leash is KL(π‖π_ref), over responses of π.": mean - beta * kl(ref, policy),
            "Rewards are expected under π, not under the reference.": (ref.exp() * r).sum() - beta * leash,
            "β multiplies the KL; you divide by it.": mean - leash / beta,
            "β multiplies the KL, not the reward.": beta * mean - leash,
            "β is missing.": mean - leash,
            "Weigh the rewards by π: an expectation, not a plain mean.": r.mean() - beta * leash,
        }
        default = "E_π[r] − β KL(π‖π_ref), nothing else." + OWN_KL
        expect(result).close(objective(policy, ref, r, beta), tol=TOL, hint=likely(result, mistakes, default))


@check("kl_objective", points=1)
def objective_of_each_prompt(student: Student, rng: np.random.Generator) -> None:
    """Every prompt has its own objective: one number for each row."""
    for shape in ((2, 5), (3, 3), (2, 3, 4)):
        policy, ref = random_log_probs(rng, *shape), random_log_probs(rng, *shape)
        r = torch.tensor(rng.normal(size=shape))
        hint = "One number for each prompt: sum over the last dimension only." + OWN_KL
        expect(student.kl_objective(policy, ref, r, 0.7)).close(objective(policy, ref, r, 0.7), tol=TOL, hint=hint)


@check("kl_objective", points=1)
def objective_with_forbidden_responses(student: Student) -> None:
    """A policy may give up responses; one that says what the reference forbids has J = −inf."""
    policy = logs([0.0, 1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.5, 0.5, 0.0])
    hint = "What π never says adds 0 to both parts; take care of 0 · (−inf)." + OWN_KL
    result = student.kl_objective(policy, REF, REWARDS, 0.5)
    expect(result).close(objective(policy, REF, REWARDS, 0.5), tol=TOL, hint=hint)
    hint = "Saying what the reference forbids costs infinitely much: J = −inf, not nan and no large number." + OWN_KL
    result = student.kl_objective(policy, FORBIDS, TEMPTING, 0.5)
    expect(result).equals(torch.tensor([-INF, -INF], dtype=torch.float64), hint=hint)


# log_partition ---------------------------------------------------------------------------------------------------


def log_z(ref: torch.Tensor, rewards: torch.Tensor, beta: float) -> torch.Tensor:
    """Log Z by hand: the largest term is taken out, the others are summed with it."""
    terms = ref + rewards / beta
    top = terms.max(-1, keepdim=True).values
    return top[..., 0] + (terms - top).exp().sum(-1).log()


@check("log_partition", points=2)
def weighs_exp_r_over_beta_by_the_reference(student: Student) -> None:
    """Z(x) is the sum of π_ref(y|x) · exp(r/β), and its logarithm comes back."""
    for beta in (0.5, 2.0, 0.25):
        ref, r = REF[0], REWARDS[0]
        result = student.log_partition(ref, r, beta)
        mean = r.exp().mul(ref.exp()).sum().log()
        mistakes = {
            "π_ref is missing: each exp(r/β) has the weight π_ref(y|x).": (r / beta).logsumexp(-1),
            "A plain mean of exp(r/β) is no expectation under π_ref.": (r / beta).logsumexp(-1) - math.log(5),
            "β on the wrong side: divide r by β, a small β sharpens.": log_z(ref, r, 1 / beta),
            "Divide r by β inside the sum; dividing log Z is something else.": mean / beta,
            "β is missing.": mean,
            "You return Z: return its logarithm.": log_z(ref, r, beta).exp(),
            "You return β log Z: return log Z.": beta * log_z(ref, r, beta),
            "That is E_ref[r]/β: take the expectation of exp(r/β), then the logarithm.": (ref.exp() * r).sum() / beta,
            "exp(−r/β) rewards the worst: no minus.": log_z(ref, -r, beta),
            "π_ref enters as its logarithm: log π_ref + r/β, not π_ref + r/β.": (ref.exp() + r / beta).logsumexp(-1),
        }
        hint = likely(result, mistakes, "log Σ_y exp(log π_ref(y|x) + r(x, y)/β).")
        expect(result).close(log_z(ref, r, beta), tol=TOL, hint=hint)


@check("log_partition", points=1)
def stays_finite_at_rewards_of_ten_thousand(student: Student) -> None:
    """r/β of ±10,000, improbable responses and forbidden ones leave log Z finite and right."""
    ref = rows([-0.5, -1.0, -3.0], [-800.0, -1e-9, -50.0])
    hint = "exp(10000) is inf, exp(−10000) is 0: never leave the logarithms. `torch.logsumexp` does it."
    for r in (rows([1.0, -1.0, 0.5], [1.0, 0.0, 0.5]), rows([-1.0, -1.0, -1.0], [-1.0, -0.99, -1.0])):
        expect(student.log_partition(ref, r, 1e-4)).close(log_z(ref, r, 1e-4), tol=1e-6, hint=hint)
    hint = (
        "A forbidden response (log π_ref = −inf) adds 0 to Z, however high its reward; take it out of the maximum, too."
    )
    expect(student.log_partition(FORBIDS, TEMPTING, 1e-2)).close(log_z(FORBIDS, TEMPTING, 1e-2), tol=1e-6, hint=hint)


@check("log_partition", points=1)
def z_belongs_to_the_prompt(student: Student, rng: np.random.Generator) -> None:
    """Every prompt has its own Z, and f(x) added to its rewards adds f(x)/β to log Z."""
    for shape in ((2, 5), (3, 3), (2, 3, 4)):
        ref, r = random_log_probs(rng, *shape), torch.tensor(rng.normal(size=shape))
        shift = torch.tensor(rng.normal(size=(*shape[:-1], 1)))
        hint = "Z depends on x, not on y: sum over the responses of a prompt, the last dimension, and nothing else."
        expect(student.log_partition(ref, r, 0.5)).close(log_z(ref, r, 0.5), tol=TOL, hint=hint)
        expected = log_z(ref, r, 0.5) + shift[..., 0] / 0.5
        hint = "A constant added to all rewards of a prompt must come out as f(x)/β: Z is not normalised away."
        expect(student.log_partition(ref, r + shift, 0.5)).close(expected, tol=1e-8, hint=hint)


@check("log_partition", points=1)
def refuses_beta_that_is_not_positive(student: Student) -> None:
    """A β of 0 or below raises ValueError; a small or huge positive one does not."""
    for beta in (1e-3, 1e6):
        hint = "Every β above 0 is allowed."
        expect(student.log_partition(REF, REWARDS, beta)).close(log_z(REF, REWARDS, beta), tol=1e-6, hint=hint)
    hint = "β = 0 is a limit, not a division, and a negative β rewards the worst: raise ValueError for both."
    for beta in (0.0, -0.5):
        expect(student.log_partition(REF, REWARDS, beta)).raises("ValueError", hint=hint)


# optimal_policy --------------------------------------------------------------------------------------------------

OWN_Z = " It may call your `log_partition`: mend that first if its checks fail."


def optimum(ref: torch.Tensor, rewards: torch.Tensor, beta: float) -> torch.Tensor:
    """Log π*, by the formula."""
    return ref + rewards / beta - log_z(ref, rewards, beta)[..., None]


@check("optimal_policy", points=2)
def tilts_the_reference_by_the_reward(student: Student) -> None:
    """π* is π_ref · exp(r/β) / Z, as log-probs."""
    for beta in (0.5, 2.0, 0.25):
        ref, r = REF[0], REWARDS[0]
        result = student.optimal_policy(ref, r, beta)
        expected = optimum(ref, r, beta)
        mistakes = {
            "π_ref is missing: softmax(r/β) knows no reference.": (r / beta).log_softmax(-1),
            "β on the wrong side: divide r by β, a small β sharpens.": optimum(ref, r, 1 / beta),
            "β divides the reward only, not log π_ref.": ((ref + r) / beta).log_softmax(-1),
            "That is not normalised: subtract log Z(x).": ref + r / beta,
            "You return probabilities: return log-probs.": expected.exp(),
            "Subtract log Z; you divide by it.": (ref + r / beta) / log_z(ref, r, beta),
            "exp(−r/β) rewards the worst: no minus.": optimum(ref, -r, beta),
            "π_ref weighs once, not twice.": (2 * ref + r / beta).log_softmax(-1),
        }
        hint = likely(result, mistakes, "log π_ref + r/β − log Z." + OWN_Z)
        expect(result).close(expected, tol=TOL, hint=hint)


@check("optimal_policy", points=1)
def each_prompt_has_its_own_z(student: Student, rng: np.random.Generator) -> None:
    """The probabilities of each prompt add up to 1, and adding f(x) to its rewards changes nothing."""
    for shape in ((2, 5), (3, 3), (2, 3, 4)):
        ref, r = random_log_probs(rng, *shape), torch.tensor(rng.normal(size=shape))
        hint = "Each row has its own log Z: subtract `[..., None]`, so that it meets its own row, not a column."
        expect(student.optimal_policy(ref, r, 0.5)).close(optimum(ref, r, 0.5), tol=TOL, hint=hint + OWN_Z)
        shift = torch.tensor(rng.normal(size=(*shape[:-1], 1)) * 20)
        hint = "A constant for each prompt goes into its Z and out again: π* must stay the same." + OWN_Z
        expect(student.optimal_policy(ref, r + shift, 0.5)).close(optimum(ref, r, 0.5), tol=1e-8, hint=hint)


@check("optimal_policy", points=1)
def small_beta_takes_the_best_that_is_allowed(student: Student) -> None:
    """As β falls π* goes to the highest reward on the reference's support; ties share as π_ref does; no nan."""
    result = student.optimal_policy(FORBIDS, TEMPTING, 1e-3)
    got = expect(result).tensor((2, 5), torch.float64, hint="Return log-probs, float64, in the shape of the rewards.")
    expected = rows([0.0, 0.0, 0.6, 0.4, 0.0], [0.0, 0.0, 0.0, 0.25, 0.75])
    if not bool((got[FORBIDS == -INF] == -INF).all()):
        raise Missed("What π_ref forbids stays forbidden (−inf), however high its reward, and is never nan." + OWN_Z)
    if not torch.allclose(got.exp(), expected, rtol=0, atol=1e-9):
        raise Missed("The best responses that are allowed share the probability as under π_ref, not equally." + OWN_Z)
    ref = rows([-1.0, -2.0, -800.0], [-0.1, -900.0, -3.0]).log_softmax(-1)
    r = rows([1.0, -1.0, 0.999], [-1.0, -0.9, 1.0])
    hint = "With r/β of ±10,000 leave the logarithms nowhere: no `exp` before the end." + OWN_Z
    expect(student.optimal_policy(ref, r, 1e-4)).close(optimum(ref, r, 1e-4), tol=1e-6, hint=hint)


@check("optimal_policy", points=1)
def large_beta_gives_the_reference(student: Student) -> None:
    """As β grows π* goes to π_ref, and only r/β enters: 3r with 3β is the same."""
    hint = "A large β keeps the policy at the reference: divide the reward by β." + OWN_Z
    for ref in (REF, FORBIDS):
        expect(student.optimal_policy(ref, REWARDS, 1e10)).close(ref, tol=1e-8, hint=hint)
    expected = optimum(REF, REWARDS, 0.4)
    hint = "Only r/β matters: three times the reward at three times β has the same optimum." + OWN_Z
    expect(student.optimal_policy(REF, 3 * REWARDS, 3 * 0.4)).close(expected, tol=1e-8, hint=hint)


# reward_from_policy ----------------------------------------------------------------------------------------------


@check("reward_from_policy", points=2)
def inverts_the_optimal_policy(student: Student) -> None:
    """R = β log(π/π_ref) + β log Z: the rewards from which π* was made come back."""
    for beta in (0.5, 2.0, 0.125):
        ref, r = REF[0], REWARDS[0]
        policy, z = optimum(ref, r, beta), log_z(ref, r, beta)
        result = student.reward_from_policy(policy, ref, beta, z)
        ratio = policy - ref
        mistakes = {
            "log Z is multiplied by β as well: r = β (log π − log π_ref + log Z).": beta * ratio + z,
            "log Z is missing: only differences between responses are right.": beta * ratio,
            "Add β log Z; you subtract it.": beta * (ratio - z),
            "Multiply the log-ratio by β; you divide.": (ratio + z) / beta,
            "The ratio is π/π_ref, not π_ref/π.": beta * (z - ratio),
            "β is missing.": ratio + z,
            "π_ref is missing: it is a ratio.": beta * (policy + z),
            "The logarithm of the ratio, not the ratio.": beta * ratio.exp() + beta * z,
        }
        hint = likely(result, mistakes, "β (log π − log π_ref) + β log Z.")
        expect(result).close(r, tol=1e-8, hint=hint)


@check("reward_from_policy", points=1)
def adds_each_prompts_own_log_z(student: Student, rng: np.random.Generator) -> None:
    """Log Z(x) is one number for each prompt, added to all responses of that prompt."""
    for shape in ((3, 3), (2, 5), (2, 3, 4)):
        policy, ref = random_log_probs(rng, *shape), random_log_probs(rng, *shape)
        z = torch.tensor(rng.normal(size=shape[:-1]))
        hint = "log Z belongs to the prompt: `log_z[..., None]` adds it along the row, not along a column."
        expected = 0.5 * (policy - ref) + 0.5 * z[..., None]
        expect(student.reward_from_policy(policy, ref, 0.5, z)).close(expected, tol=TOL, hint=hint)


@check("reward_from_policy", points=1)
def works_on_log_probs_alone(student: Student) -> None:
    """Responses with probabilities far too small for a float have finite rewards."""
    policy, ref = rows([-2000.0, -1e-6, -900.0]), rows([-1500.0, -0.7, -1800.0])
    expected = 0.1 * (policy - ref + 3.0)
    hint = "exp(−2000) is 0 as a float: take the difference of the log-probs, never the ratio of the probabilities."
    z = torch.tensor([3.0], dtype=torch.float64)
    expect(student.reward_from_policy(policy, ref, 0.1, z)).close(expected, tol=1e-8, hint=hint)


# monte_carlo_log_partition ---------------------------------------------------------------------------------------

DRAWN = rows([0.5, -1.0, 0.5, 2.0, 0.5, -1.0, 0.0])[0]
LOG_DRAWN = logs([0.3, 0.1, 0.3, 0.05, 0.3, 0.1, 0.25])[0]


def estimate(rewards: torch.Tensor, beta: float) -> torch.Tensor:
    """Log of the mean of exp(r/β)."""
    return log_z(torch.full_like(rewards, -math.log(rewards.shape[-1])), rewards, beta)


@check("monte_carlo_log_partition", points=2)
def averages_exp_r_over_beta(student: Student) -> None:
    """Log Ẑ is the logarithm of the mean of exp(r/β) over the samples, each counted once."""
    for beta in (0.5, 2.0, 0.25):
        result = student.monte_carlo_log_partition(LOG_DRAWN, DRAWN, beta)
        weighted = log_z(LOG_DRAWN, DRAWN, beta)
        mistakes = {
            "Sampling from π_ref has weighed already: do not multiply by π_ref again.": weighted,
            "Weighed by π_ref twice: sampling did that already.": weighted - math.log(7),
            "Weighed by normalised π_ref: the samples were drawn from it, each counts 1/n.": weighted
            - LOG_DRAWN.logsumexp(-1),
            "A mean, not a sum: subtract log n.": (DRAWN / beta).logsumexp(-1),
            "That is the mean of r/β. Average exp(r/β), then take the logarithm.": DRAWN.mean() / beta,
            "β on the wrong side: divide r by β.": estimate(DRAWN, 1 / beta),
            "You return Ẑ: return its logarithm.": estimate(DRAWN, beta).exp(),
            "Divide the sum by n, not its logarithm.": (DRAWN / beta).logsumexp(-1) / 7,
            "A response drawn three times counts three times.": estimate(DRAWN.unique(), beta),
        }
        hint = likely(result, mistakes, "logsumexp of r/β, minus log n.")
        expect(result).close(estimate(DRAWN, beta), tol=TOL, hint=hint)


@check("monte_carlo_log_partition", points=1)
def estimate_survives_large_rewards(student: Student) -> None:
    """r/β of ±10,000 gives a finite estimate."""
    for r in (DRAWN, DRAWN - 3.0, DRAWN * 0 - 1.0):
        hint = "exp(10000) is inf: sum in logarithms with `torch.logsumexp`."
        result = student.monte_carlo_log_partition(LOG_DRAWN, r, 2e-4)
        expect(result).close(estimate(r, 2e-4), tol=1e-6, hint=hint)


@check("monte_carlo_log_partition", points=1)
def one_estimate_for_each_row(student: Student, rng: np.random.Generator) -> None:
    """Every row of samples gives its own estimate, with its own n; one sample is a sample."""
    for shape in ((2, 7), (3, 3), (2, 3, 4), (5, 1)):
        ref, r = random_log_probs(rng, *shape), torch.tensor(rng.normal(size=shape))
        hint = "n is the length of the last dimension, `shape[-1]`; sum over that dimension only."
        expect(student.monte_carlo_log_partition(ref, r, 0.5)).close(estimate(r, 0.5), tol=TOL, hint=hint)


# effective_sample_size -------------------------------------------------------------------------------------------


@check("effective_sample_size", points=1)
def square_of_the_sum_over_sum_of_squares(student: Student) -> None:
    """ESS = (Σ w)² / Σ w²: n for equal weights, 1 where one weight has all."""
    for values in ([3.0, 1.0], [2.0, 2.0, 2.0], [5.0], [0.5, 4.0, 1.0, 0.25], [7.0, 1.0, 1.0, 1.0, 2.0]):
        w = rows(values)[0]
        p = w / w.sum()
        result = student.effective_sample_size(w.log())
        expected = w.sum() ** 2 / (w**2).sum()
        mistakes = {
            "That is the share ESS/n: return how many samples count.": expected / len(values),
            "Upside down: the square of the sum is on top.": 1 / expected,
            "Weights are exp(log_weights): you used the logarithms.": w.log().sum() ** 2 / (w.log() ** 2).sum(),
            "Normalise first, or divide the square of the sum: 1/Σw² is right only if Σw = 1.": 1 / (w**2).sum(),
            "That is exp(entropy), another measure: use sums of weights and of squared weights.": (
                -(p * p.log()).sum()
            ).exp(),
            "Square the sum.": w.sum() / (w**2).sum(),
            "That is Σw/max w, another measure.": w.sum() / w.max(),
        }
        hint = likely(result, mistakes, "(Σ w)² / Σ w² with w = exp(log_weights).")
        expect(result).close(expected, tol=TOL, hint=hint)


@check("effective_sample_size", points=1)
def scale_of_the_weights_does_not_matter(student: Student) -> None:
    """Weights of e^±10000 give the same number as weights of 1."""
    log_w = logs([3.0, 1.0, 0.5, 0.25])
    expected = log_w.exp().sum(-1) ** 2 / (2 * log_w).exp().sum(-1)
    hint = "exp(10000) is inf, and inf/inf is nan: take `logsumexp` of w and of w², and `exp` last."
    for shift in (1e4, -1e4, 400.0):
        expect(student.effective_sample_size(log_w + shift)).close(expected, tol=1e-6, hint=hint)


@check("effective_sample_size", points=1)
def ess_of_each_row_with_weights_of_zero(student: Student) -> None:
    """Every row has its own number; a weight of 0 (−inf) does not count."""
    log_w = logs([1.0, 0.0, 1.0, 0.0], [0.0, 0.0, 2.0, 0.0], [1.0, 3.0, 0.0, 2.0])
    expected = log_w.exp().sum(-1) ** 2 / (2 * log_w).exp().sum(-1)
    hint = "One number for each row (sum over the last dimension); −inf is a weight of 0 and adds to neither sum."
    expect(student.effective_sample_size(log_w)).close(expected, tol=TOL, hint=hint)
    cube = torch.arange(24.0, dtype=torch.float64).view(2, 3, 4) / 7
    expected = cube.exp().sum(-1) ** 2 / (2 * cube).exp().sum(-1)
    expect(student.effective_sample_size(cube)).close(expected, tol=TOL, hint=hint)


# best_of_n_policy ------------------------------------------------------------------------------------------------


def best_by_listing(probs: list[Fraction], rewards: list[float], n: int) -> list[float]:
    """Probability that each response wins, over all tuples of n draws; of equal rewards the first drawn wins."""
    wins = [Fraction(0)] * len(probs)
    for draws in itertools.product(range(len(probs)), repeat=n):
        winner = max(draws, key=lambda y: rewards[y])  # max returns the first of equals
        wins[winner] += math.prod(probs[y] for y in draws)
    return [float(share) for share in wins]


def best_draw_by_draw(probs: torch.Tensor, rewards: torch.Tensor, n: int) -> torch.Tensor:
    """The same for many draws: the winner so far meets one draw more, n − 1 times. One row."""
    stays = (rewards[:, None] >= rewards[None, :]).double()  # [winner so far, new draw]
    wins = probs
    for _ in range(n - 1):
        pair = wins[:, None] * probs[None, :]
        wins = (pair * stays).sum(1) + (pair * (1 - stays)).sum(0)
    return wins


def expect_probabilities(result: Result, expected: torch.Tensor, hint: str) -> torch.Tensor:
    """Log-probs of float64 came back, without nan, and their probabilities are right to 1e-9."""
    form = "Return log-probs, float64, in the shape of the rewards."
    got = expect(result).tensor(expected.shape, torch.float64, hint=form)
    if bool(got.isnan().any()):
        raise Missed("nan: where π_ref is 0 the result is −inf. Mind 0/0 and 0 · inf there.")
    if not torch.allclose(got.exp(), expected, rtol=0, atol=1e-9):
        raise Missed(hint)
    return got


@check("best_of_n_policy", points=2)
def best_of_n_without_ties(student: Student) -> None:
    """The policy is that of the best of n draws from π_ref, exactly, as listing all n-tuples of draws shows."""
    parts, r = [2, 5, 1, 8, 4], [0.5, -1.0, 3.0, 0.25, 1.0]
    ref = torch.tensor(parts, dtype=torch.float64) / 20
    reward = rows(r)[0]
    upto = (ref * (reward[None, :] <= reward[:, None])).sum(-1)
    below = upto - ref
    for n in (2, 3, 5):
        expected = rows(best_by_listing([Fraction(part, 20) for part in parts], r, n))[0]
        result = student.best_of_n_policy(ref.log(), reward, n)
        mistakes = {
            "You return probabilities: return log-probs.": expected,
            "F^n is the chance that *no* draw is better: subtract that all are worse.": upto.log() * n,
            "n π F^(n−1) is the formula for densities: with lumps of probability it adds up to more than 1.": (
                n * ref * upto ** (n - 1)
            ).log(),
            "n π (F⁻)^(n−1) misses that a response may be drawn twice.": (n * ref * below ** (n - 1)).log(),
            "The n draws come from π_ref: F weighs responses by π_ref, and does not just count them.": (
                ((reward[None, :] <= reward[:, None]).double().mean(-1)) ** n
                - ((reward[None, :] < reward[:, None]).double().mean(-1)) ** n
            ).log(),
            "That is the worst of n: turn the comparison round.": (
                (1 - below) ** n - (1 - below - ref).clamp(min=0) ** n
            ).log(),
        }
        default = "P(y wins) = F(r_y)^n − F⁻(r_y)^n where no other response has the same reward."
        expect_probabilities(result, expected, likely(result, mistakes, default))


@check("best_of_n_policy", points=2)
def ties_share_as_the_reference_does(student: Student) -> None:
    """Responses of equal reward share their probability in the proportions of π_ref."""
    cases = [([5, 3, 2], [0.0, 1.0, 1.0]), ([2, 5, 1, 8, 4], [1.0, 0.0, 1.0, 1.0, 0.0]), ([1, 6, 3], [2.0, 2.0, 2.0])]
    for parts, r in cases:
        total = sum(parts)
        ref = torch.tensor(parts, dtype=torch.float64) / total
        for n in (1, 2, 4):
            expected = rows(best_by_listing([Fraction(part, total) for part in parts], r, n))[0]
            hint = "Ties: F(r)^n − F⁻(r)^n belongs to all responses of reward r together. Share it as π_ref does."
            expect_probabilities(student.best_of_n_policy(ref.log(), rows(r)[0], n), expected, hint)


@check("best_of_n_policy", points=1)
def best_of_many_and_of_one(student: Student) -> None:
    """One draw gives π_ref; many draws give the best response that π_ref allows; what it forbids is never drawn."""
    low = FORBIDS.clone()
    for n in (1, 2, 40):
        expected = torch.stack([best_draw_by_draw(p, w, n) for p, w in zip(low.exp(), TEMPTING, strict=True)])
        hint = "A forbidden response is never drawn: it has probability 0 and takes no part in F."
        got = expect_probabilities(student.best_of_n_policy(low, TEMPTING, n), expected, hint)
        if not bool((got[low == -INF] == -INF).all()):
            raise Missed("What π_ref forbids has the log-prob −inf.")
    expected = rows([0.0, 0.0, 0.6, 0.4, 0.0], [0.0, 0.0, 0.0, 0.25, 0.75])
    hint = "With very many draws only the best responses that are allowed are left."
    expect_probabilities(student.best_of_n_policy(low, TEMPTING, 5000), expected, hint)


@check("best_of_n_policy", points=1)
def best_of_n_for_each_prompt(student: Student, rng: np.random.Generator) -> None:
    """Each prompt's responses compete among themselves; n below 1 raises ValueError."""
    for shape in ((2, 5), (3, 3), (2, 3, 4)):
        ref = random_log_probs(rng, *shape)
        r = torch.tensor(rng.integers(0, 4, size=shape)).double()
        flat = zip(ref.exp().flatten(0, -2), r.flatten(0, -2), strict=True)
        expected = torch.stack([best_draw_by_draw(p, w, 6) for p, w in flat]).view(shape)
        hint = "Responses compete with those of the same prompt only: compare along the last dimension."
        expect_probabilities(student.best_of_n_policy(ref, r, 6), expected, hint)
    for n in (0, -3):
        refusal = "Raise ValueError when n is below 1."
        expect(student.best_of_n_policy(REF, REWARDS, n)).raises("ValueError", hint=refusal)
