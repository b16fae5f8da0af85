"""Hidden checks of lab 05 and their reference answers: TRL's own loss and log-probs, and exact arithmetic."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from transformers import AutoModelForCausalLM
from trl import DPOTrainer

from grader.checks import Missed, Result, Student, check, expect, same

INF = torch.inf
LOG_SIGMOID = "The result is not finite: σ has rounded to 0. Use `F.logsigmoid(x)`, not `log(sigmoid(x))`."


def likely(result: Result, mistakes: Mapping[str, Any], default: str) -> str:
    """The hint (key) of the first mistake whose outcome is what came back; `default` if none is."""
    got = result.value
    for hint, outcome in mistakes.items():
        if isinstance(outcome, torch.Tensor):
            fits = isinstance(got, torch.Tensor) and got.shape == outcome.shape
            if fits and torch.allclose(got.double(), outcome.double(), rtol=1e-5, atol=1e-5, equal_nan=True):
                return hint
        elif same(got, outcome):
            return hint
    return default


def f64(*values: float) -> torch.Tensor:
    """A float64 tensor."""
    return torch.tensor(values, dtype=torch.float64)


# loss_against_u --------------------------------------------------------------------------------------------------


def log_odds_loss(z: float) -> float:
    """−log σ(z), exact to float64 for every z."""
    return math.log1p(math.exp(-z)) if z > 0 else -z + math.log1p(math.exp(z))


@check("loss_against_u", points=1)
def loss_is_minus_log_sigmoid(student: Student) -> None:
    """The loss is −log σ(β log u), with β outside the logarithm."""
    for u, beta in ((f64(0.2, 0.5, 1.0, 3.0, 8.0), 0.5), (f64(0.7, 5.0).view(2, 1), 2.0), (f64(0.01, 1.0, 40.0), 0.1)):
        result = student.loss_against_u(u, beta)
        z = beta * u.log()
        expected = f64(*(log_odds_loss(x) for x in z.flatten().tolist())).view(u.shape)
        mistakes = {
            "Is the sign inside σ right? The loss must fall as u grows.": -torch.sigmoid(-z).log(),
            "β stands outside the logarithm: β log u, not log(βu).": -torch.sigmoid((beta * u).log()).log(),
            "σ takes β log u, not βu: u is a ratio of probabilities.": -torch.sigmoid(beta * u).log(),
            "That is log σ; the loss is minus that, and never negative.": torch.sigmoid(z).log(),
            "That is the weight of the gradient; here the loss itself is asked for.": beta * torch.sigmoid(-z),
            "Did you take the mean? One loss for each u.": expected.mean(),
        }
        expect(result).close(expected, tol=1e-6, hint=likely(result, mistakes, "−log σ(β log u), for each u."))


@check("loss_against_u", points=1)
def loss_survives_extreme_ratios(student: Student) -> None:
    """For very small and very large u the loss is finite and right; at the limits 0 and inf it is inf and 0."""
    for u, beta in ((f64(1e-300, 1e-200, 1e200, 1e300), 2.0), (f64(1e-12, 1e12), 40.0), (f64(0.0, INF), 0.5)):
        result = student.loss_against_u(u, beta)
        expected = f64(*(log_odds_loss(x) if abs(x) < 700 else max(0.0, -x) for x in (beta * u.log()).tolist()))
        expect(result).close(expected, tol=1e-6, hint=LOG_SIGMOID)


@check("loss_against_u", points=1)
def loss_refuses_beta_of_zero_and_keeps_dtype(student: Student) -> None:
    """A β that is not above 0 raises ValueError; float32 stays float32; u is not changed."""
    u = torch.tensor([0.5, 2.0])
    result = student.loss_against_u(u, 1.0)
    expect(result).tensor((2,), torch.float32, hint="float32 in, float32 out.")
    expect(result).unchanged(hint="Your function changes u: no `log_()`, no assignment into the input.")
    for beta in (0.0, -0.1):
        expect(student.loss_against_u(u, beta)).raises("ValueError", hint="Raise ValueError unless β > 0.")


# dpo_gradient_weight ---------------------------------------------------------------------------------------------


@check("dpo_gradient_weight", points=2)
def weight_is_the_slope_in_log_u(student: Student) -> None:
    """The weight is −d loss / d log u = β σ(−β log u)."""
    for u, beta in ((f64(0.2, 0.5, 1.0, 3.0, 8.0), 0.5), (f64(0.7, 5.0).view(2, 1), 2.0), (f64(0.01, 7.0), 0.1)):
        log_u = u.log().requires_grad_()
        (-torch.nn.functional.logsigmoid(beta * log_u)).sum().backward()
        expected = -log_u.grad
        result = student.dpo_gradient_weight(u, beta)
        mistakes = {
            "That is the slope in u. Take the slope in log u: the parameters move log-probabilities.": expected / u,
            "A minus is missing in σ: pairs that are in the right order must count less.": beta - expected,
            "The factor β in front is missing.": expected / beta,
            "That is the slope itself, which is negative; the weight is minus that.": -expected,
            "β belongs inside σ as well: β σ(−β log u).": beta * torch.sigmoid(-u.log()),
        }
        hint = likely(result, mistakes, "β σ(−β log u), for each u.")
        expect(result).close(expected, tol=1e-6, hint=hint)


@check("dpo_gradient_weight", points=1)
def weight_stays_between_zero_and_beta(student: Student) -> None:
    """For u = 0 the weight is β, for u = inf it is 0, and nothing overflows in between."""
    for u, beta in ((f64(0.0, 1e-300, 1e300, INF), 0.5), (f64(1e-300, 1e-200, 1e250), 3.0)):
        wanted = f64(*(beta if x < 1 else 0.0 for x in u.tolist()))
        hint = "Not between 0 and β, or not a number: do not divide by u or raise it to a power; use log u and sigmoid."
        expect(student.dpo_gradient_weight(u, beta)).close(wanted, tol=1e-9, hint=hint)


# sequence_logprob ------------------------------------------------------------------------------------------------

# Row by row: an EOS in the prompt, a response that ends in EOS, one that holds EOS in the middle, one without EOS.
IDS = torch.tensor(
    [[0, 4, 2, 7, 0, 0, 0, 0], [0, 3, 3, 0, 5, 0, 0, 0], [6, 1, 0, 2, 2, 8, 5, 4], [0, 5, 0, 0, 0, 0, 0, 0]]
)
MASK = torch.tensor([[1] * 5 + [0] * 3, [1] * 6 + [0] * 2, [1] * 8, [1] * 3 + [0] * 5])
PROMPTS = torch.tensor([2, 3, 4, 2])


def random_logits(rng: np.random.Generator) -> torch.Tensor:
    """float64 [4, 8, 9]: all sizes differ but one, and that is no vocabulary."""
    return torch.tensor(rng.normal(size=(4, 8, 9)) * 3)


def reference_logprob(
    logits: torch.Tensor, ids: torch.Tensor, mask: torch.Tensor, prompts: torch.Tensor
) -> torch.Tensor:
    """TRL's own, on labels made as its collator makes them."""
    place = torch.arange(ids.shape[1])
    labels = ids.masked_fill((mask == 0) | (place < prompts[:, None]), -100)
    return DPOTrainer.get_batch_logps(logits, labels)[0]


def picked(logits: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    """Log-prob of each token after the first, [batch, length − 1]."""
    return logits[:, :-1].log_softmax(-1).gather(-1, ids[:, 1:, None]).squeeze(-1)


@check("sequence_logprob", points=2)
def sums_the_response_after_the_shift(student: Student, rng: np.random.Generator) -> None:
    """The log-probs of the response's tokens are summed, each taken from the logits one place before it."""
    logits = random_logits(rng)
    ids, mask = (
        torch.randint(1, 9, (4, 8), generator=torch.Generator().manual_seed(3)),
        torch.ones(4, 8, dtype=torch.int64),
    )
    prompts = torch.tensor([2, 1, 5, 7])
    result = student.sequence_logprob(logits, ids, mask, prompts)
    expected = reference_logprob(logits, ids, mask, prompts)
    place = torch.arange(8)
    own = logits.log_softmax(-1).gather(-1, ids[..., None]).squeeze(-1)
    after = picked(logits, ids)
    mistakes = {
        "The shift is missing: the logits at place t speak about the token at t + 1.": (
            own * (place >= prompts[:, None])
        ).sum(-1),
        "Mean instead of sum: the probability of a text is a product over all its tokens.": expected / (8 - prompts),
        "You count the prompt as well: only the response is asked for.": after.sum(-1),
        "The mask is not shifted with the tokens: you lose the first token of the response.": (
            after * (place[1:] > prompts[:, None])
        ).sum(-1),
        "The mask is not shifted with the tokens: the last token of the prompt counts too.": (
            after * (place[1:] >= prompts[:, None] - 1)
        ).sum(-1),
        "Logits are no log-probabilities: `log_softmax` first.": (
            logits[:, :-1].gather(-1, ids[:, 1:, None]).squeeze(-1) * (place[1:] >= prompts[:, None])
        ).sum(-1),
        "One number for each row: do not sum over the batch.": expected.sum(),
    }
    default = "Sum log π of each response token, from the logits one place before it."
    expect(result).close(expected, tol=1e-6, hint=likely(result, mistakes, default))


@check("sequence_logprob", points=2)
def the_real_eos_counts_and_padding_does_not(student: Student, rng: np.random.Generator) -> None:
    """The response's own EOS counts, padding does not, though both have the same id."""
    logits = random_logits(rng)
    result = student.sequence_logprob(logits, IDS, MASK, PROMPTS)
    expected = reference_logprob(logits, IDS, MASK, PROMPTS)
    after, place = picked(logits, IDS), torch.arange(1, 8)
    response = place >= PROMPTS[:, None]
    last = place == MASK.sum(-1, keepdim=True) - 1
    mistakes = {
        "You drop every EOS. The one that ends the response counts: ask the attention mask, not the ids.": (
            after * (response & (IDS[:, 1:] != 0))
        ).sum(-1),
        "Padding counts in your sum: use the attention mask.": (after * response).sum(-1),
        "The last token of the response is lost. It may be an EOS, and it counts.": (
            after * (response & (MASK[:, 1:] == 1) & ~last)
        ).sum(-1),
        "The first pad counts in your sum: shift the attention mask like the ids.": (
            after * (response & (MASK[:, :-1] == 1))
        ).sum(-1),
        "Mean instead of sum.": expected / (MASK.sum(-1) - PROMPTS),
    }
    hint = likely(result, mistakes, "Count what the attention mask calls real and what lies behind the prompt.")
    expect(result).close(expected, tol=1e-6, hint=hint)


@check("sequence_logprob", points=1)
def what_stands_at_padding_is_ignored(student: Student, rng: np.random.Generator) -> None:
    """Logits at padded places may be −inf or nan, and the answer is still a number."""
    logits = random_logits(rng)
    expected = reference_logprob(logits, IDS, MASK, PROMPTS)
    for filling in (-INF, torch.nan):
        spoilt = logits.masked_fill((MASK == 0)[..., None], filling)
        hint = "0 times nan is nan: replace what does not count (`masked_fill`, `where`), do not multiply it by 0."
        expect(student.sequence_logprob(spoilt, IDS, MASK, PROMPTS)).close(expected, tol=1e-6, hint=hint)


@check("sequence_logprob", points=1)
def forbidden_tokens_give_minus_infinity(student: Student) -> None:
    """A response with an impossible token has −inf; dtype is kept and inputs are not changed."""
    logits = torch.zeros(1, 3, 4)
    logits[0, 1, 2] = -INF
    ids, mask, prompt = torch.tensor([[1, 3, 2]]), torch.ones(1, 3, dtype=torch.int64), torch.tensor([1])
    result = student.sequence_logprob(logits, ids, mask, prompt)
    hint = "An impossible token makes the whole response impossible: log 0 = −inf. Add nothing inside the logarithm."
    expect(result).equals(torch.tensor([-INF]), hint=hint)
    ok = student.sequence_logprob(logits, ids.flip(-1), mask, prompt)
    expect(ok).close(torch.tensor([-math.log(4) - math.log(3)]), tol=1e-5, hint="float32 in, float32 out.")
    expect(ok).unchanged(hint="Your function changes its arguments: clone the ids before you write into them.")


# implicit_reward -------------------------------------------------------------------------------------------------


@check("implicit_reward", points=2)
def reward_is_beta_times_the_log_ratio(student: Student) -> None:
    """The implicit reward is β (log π − log π_ref), one for each response."""
    policy, ref = f64(-12.0, -3.5, -40.25, -7.0), f64(-10.0, -5.0, -40.25, -7.5)
    for beta in (0.5, 0.1, 3.0):
        result = student.implicit_reward(policy, ref, beta)
        ratio = policy - ref
        mistakes = {
            "The sign is turned: policy minus reference. A text that became likelier has a positive reward.": -beta
            * ratio,
            "β is missing.": ratio,
            "Multiply by β; dividing is the other direction, from a reward to a policy.": ratio / beta,
            "That is the ratio of probabilities; the reward is its logarithm times β.": beta * ratio.exp(),
            "One reward for each response: no mean.": (beta * ratio).mean(),
        }
        hint = likely(result, mistakes, "β times (log π minus log π_ref).")
        expect(result).close(beta * ratio, tol=1e-9, hint=hint)


@check("implicit_reward", points=1)
def reward_of_long_texts_is_finite(student: Student) -> None:
    """Log-probs of −2000 give exact rewards, and the reference itself gets 0; inputs are not changed."""
    policy, ref = torch.tensor([-2000.0, -1500.0, -900.0]), torch.tensor([-2001.0, -1500.0, -899.5])
    result = student.implicit_reward(policy, ref, 0.5)
    hint = "e^−2000 is 0 in floating point: subtract the log-probs, do not leave the logarithm."
    expect(result).close(torch.tensor([0.5, 0.0, -0.25]), tol=1e-5, hint=hint)
    expect(result).unchanged(hint="Your function changes its arguments: no `-=`.")


# dpo_loss --------------------------------------------------------------------------------------------------------

Four = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]
PAIRS: Four = (
    f64(-10.0, -30.0, -5.0, -8.0),
    f64(-14.0, -22.0, -5.0, -2.0),
    f64(-11.0, -31.0, -6.0, -3.0),
    f64(-12.0, -25.0, -6.0, -9.0),
)


def trl_loss(pairs: Four, beta: float, label_smoothing: float = 0.0, kind: str = "sigmoid") -> torch.Tensor:
    """The losses of `DPOTrainer.dpo_loss` of TRL 0.11.4."""
    settings = SimpleNamespace(
        accelerator=SimpleNamespace(device="cpu"), reference_free=False, f_divergence_type="reverse_kl",
        f_divergence_params=None, beta=beta, label_smoothing=label_smoothing, loss_type=kind,
    )  # fmt: skip
    return DPOTrainer.dpo_loss(settings, *pairs)[0]


def softplus(z: torch.Tensor) -> torch.Tensor:
    """log(1 + e^z), exact in float64."""
    return -torch.nn.functional.logsigmoid(-z)


@check("dpo_loss", points=2)
def loss_is_that_of_the_paper(student: Student, rng: np.random.Generator) -> None:
    """Each pair's loss is −log σ(β log u), with the policy's difference minus the reference's."""
    drawn = tuple(torch.tensor(rng.uniform(-60, -1, 5)) for _ in range(4))
    for pairs, beta in ((PAIRS, 0.1), (PAIRS, 0.5), (drawn, 0.2)):
        pc, pr, rc, rr = pairs
        result = student.dpo_loss(*pairs, beta)
        expected = trl_loss(pairs, beta)
        mistakes = {
            "The reference's difference is subtracted, not added.": softplus(-beta * ((pc - pr) + (rc - rr))),
            "Chosen and rejected have changed places.": softplus(beta * ((pc - pr) - (rc - rr))),
            "The reference is missing: log u compares policy *and* reference.": softplus(-beta * (pc - pr)),
            "Where is β? It multiplies log u.": softplus(-((pc - pr) - (rc - rr))),
            "One loss for each pair: no mean, no sum.": expected.mean(),
            "That is log σ; the loss is minus that.": -expected,
            "You use u where log u belongs: do not leave the logarithm.": softplus(
                -beta * ((pc - pr) - (rc - rr)).exp()
            ),
        }
        default = "−log σ(β((log π(y_w) − log π(y_l)) − (log π_ref(y_w) − log π_ref(y_l))))."
        expect(result).close(expected, tol=1e-6, hint=likely(result, mistakes, default))


@check("dpo_loss", points=1)
def loss_starts_at_ln_2(student: Student) -> None:
    """Where the policy equals the reference, or β is 0, every pair has the loss ln 2, smoothed or not."""
    same: Four = (PAIRS[0], PAIRS[1], PAIRS[0], PAIRS[1])
    for pairs, beta, smoothing in ((same, 0.1, 0.0), (same, 5.0, 0.0), (PAIRS, 0.0, 0.0), (same, 0.3, 0.2)):
        hint = "With log u = 0 or β = 0 the loss is −log σ(0) = ln 2: is there a number in σ that does not belong?"
        expected = torch.full((4,), math.log(2), dtype=torch.float64)
        expect(student.dpo_loss(*pairs, beta, smoothing)).close(expected, tol=1e-9, hint=hint)


@check("dpo_loss", points=2)
def smoothing_mixes_both_orders(student: Student) -> None:
    """With label smoothing ε the loss is (1 − ε) of the pair as labelled plus ε of the pair turned round."""
    for beta, smoothing in ((0.1, 0.1), (0.5, 0.3), (0.2, 0.5)):
        result = student.dpo_loss(*PAIRS, beta, smoothing)
        plain, turned = trl_loss(PAIRS, beta), trl_loss((PAIRS[1], PAIRS[0], PAIRS[3], PAIRS[2]), beta)
        mistakes = {
            "ε is not used.": plain,
            "The turned order has a plus in front: both parts are losses.": (1 - smoothing) * plain
            - smoothing * turned,
            "That is 'robust' DPO: here nothing is subtracted or divided by 1 − 2ε.": trl_loss(
                PAIRS, beta, smoothing, "robust"
            )
            if smoothing < 0.5
            else plain,
            "ε and 1 − ε have changed places.": smoothing * plain + (1 - smoothing) * turned,
            "The second part is −log σ(−β log u), not −log(1 − …) of something else or ε alone.": (1 - smoothing)
            * plain
            + smoothing * math.log(2),
            "The turned order has weight ε, and the labelled one 1 − ε: they add up to 1.": plain + smoothing * turned,
        }
        hint = likely(result, mistakes, "−(1 − ε) log σ(β log u) − ε log σ(−β log u).")
        expect(result).close(trl_loss(PAIRS, beta, smoothing), tol=1e-6, hint=hint)


@check("dpo_loss", points=1)
def loss_stays_finite_and_exact(student: Student) -> None:
    """β log u of ±10,000 gives finite, exact losses, with and without smoothing."""
    pairs: Four = (
        f64(-1e4, 0.0, -800.0, 0.0),
        f64(0.0, -1e4, 0.0, -40.0),
        f64(0.0, 0.0, -1.0, 0.0),
        f64(0.0, 0.0, 0.0, 0.0),
    )
    for beta, smoothing in ((1.0, 0.0), (0.5, 0.1), (1.0, 0.5)):
        expected = trl_loss(pairs, beta, smoothing)
        expect(student.dpo_loss(*pairs, beta, smoothing)).close(expected, tol=1e-6, hint=LOG_SIGMOID)


@check("dpo_loss", points=1)
def loss_refuses_odd_smoothing_and_keeps_dtype(student: Student) -> None:
    """A label smoothing outside [0, 0.5] raises ValueError; float32 stays; inputs are not changed."""
    pairs = tuple(part.float() for part in PAIRS)
    result = student.dpo_loss(*pairs, 0.1)
    expect(result).tensor((4,), torch.float32, hint="float32 in, float32 out, one loss for each pair.")
    expect(result).unchanged(hint="Your function changes its arguments: no `-=`.")
    for smoothing in (-0.1, 0.6, 1.0):
        hint = "Raise ValueError unless 0 <= label_smoothing <= 0.5: beyond one half the labels would be turned round."
        expect(student.dpo_loss(*pairs, 0.1, smoothing)).raises("ValueError", hint=hint)


# format_preferences ----------------------------------------------------------------------------------------------

Rows = tuple[list[str], list[str], list[float], list[float]]
ROWS: Rows = (
    ["The film has wit", "This is not it", "It's a mess ...", "One of us"],
    ["The film drags", "This is  a   delight", "It's a  gem", "One of them"],
    [1.5, -2.0, -3.0, 0.25],
    [-0.5, 3.0, -1.5, -0.25],
)  # fmt: skip


def columns(
    rows: Rows, form: Callable[[str, str], str] = lambda prompt, text: text[len(prompt) :]
) -> dict[str, list[str]]:
    """What should come back for rows without ties, responses in another form."""
    out: dict[str, list[str]] = {"prompt": [], "chosen": [], "rejected": []}
    for a, b, x, y in zip(*rows, strict=True):
        prompt = " ".join(a.split(" ")[:2])
        better, worse = (a, b) if x > y else (b, a)
        for name, text in (("prompt", prompt), ("chosen", form(prompt, better)), ("rejected", form(prompt, worse))):
            out[name].append(text)
    return out


@check("format_preferences", points=2)
def responses_join_their_prompt_to_the_text(student: Student) -> None:
    """Prompt and response together are the text as it was: not a character more, not one less."""
    result = student.format_preferences(*ROWS)
    expected = columns(ROWS)
    mistakes = {
        "The space before the response is lost: TRL joins prompt and response as they are.": columns(
            ROWS, lambda prompt, text: text[len(prompt) :].lstrip()
        ),
        "Spaces are lost: cut the text behind the prompt, do not split and join it.": columns(
            ROWS, lambda _, text: " " + " ".join(text.split()[2:])
        ),
        "The response repeats the prompt; TRL would put it there twice.": columns(ROWS, lambda _, text: text),
        "TRL adds the EOS by itself; yours would be a second one.": columns(
            ROWS, lambda prompt, text: text[len(prompt) :] + "<|endoftext|>"
        ),
    }
    swapped = {"prompt": expected["prompt"], "chosen": expected["rejected"], "rejected": expected["chosen"]}
    mistakes["The worse text is chosen: a higher mean is better, also below zero."] = swapped
    default = 'A dict of three lists, "prompt", "chosen", "rejected", in this order; response = text behind the prompt.'
    expect(result).equals(expected, hint=likely(result, mistakes, default))


@check("format_preferences", points=1)
def the_higher_mean_is_chosen(student: Student) -> None:
    """The text with the higher mean is chosen, whichever comes first and whatever the signs are."""
    first = ["A plot so thin"] * 5
    second = ["A plot so rich"] * 5
    rows: Rows = (first, second, [-3.0, -1.0, 0.5, -2.0, 0.0], [-1.0, -3.0, -0.5, 1.0, 1e-6])
    hint = "The higher mean is chosen: not the larger amount, not whichever comes first, and without rounding."
    expect(student.format_preferences(*rows)).equals(columns(rows), hint=hint)


@check("format_preferences", points=1)
def ties_are_left_out_and_order_stays(student: Student) -> None:
    """Pairs with equal means are left out; the others stay in their order, twice if they come twice."""
    first, second, x, y = (list(part) for part in ROWS)
    x[1] = y[1]
    x[3] = y[3]
    rows: Rows = (first + first[:1], second + second[:1], x + x[:1], y + y[:1])
    keep = [0, 2, 4]
    kept: Rows = tuple([part[i] for i in keep] for part in rows)  # type: ignore[assignment]
    hint = "Equal means are no preference: leave the pair out, keep all others as they come."
    expect(student.format_preferences(*rows)).equals(columns(kept), hint=hint)
    nothing: Rows = (first[1:2], second[1:2], x[1:2], y[1:2])
    expect(student.format_preferences(*nothing)).equals({"prompt": [], "chosen": [], "rejected": []}, hint=hint)


@check("format_preferences", points=1)
def beginnings_are_compared_word_by_word(student: Student) -> None:
    """Other first two words raise ValueError; case does not matter, and the prompt is as the first text has it."""
    rows: Rows = (["the Film works"], ["The film fails"], [-1.0], [1.0])
    hint = "Compare in lower case, but return the prompt as the first text has it."
    expect(student.format_preferences(*rows)).equals(columns(rows), hint=hint)
    for other in ("The films are fun", "A film works", "The  film works"):
        hint = "Compare the first two *words*, whole: *The films* begins with *The film* and is another prompt."
        expect(student.format_preferences(["The film works"], [other], [1.0], [0.0])).raises("ValueError", hint=hint)


# load_policy_and_reference ---------------------------------------------------------------------------------------

PROBE = torch.tensor([[3, 1, 4, 1, 5]])
OWN_MEMORY = (
    "The reference moves with the policy: it is the same object, or shares its parameters. Load it a second time."
)
FORM = "Return three things: model, model_ref, tokenizer, in this order. (Leave the cell `facts_of_models` as it is.)"


def facts(student: Student, seed: int) -> tuple[dict[str, Any], Any, Result]:
    """What came back about the models of a checkpoint, and the trusted model."""
    path = student.build("checkpoint", seed=seed)
    result = student.facts_of_models(path, PROBE)
    found = expect(result).value(dict, hint=FORM)
    return found, AutoModelForCausalLM.from_pretrained(path.twin).eval(), result


@check("load_policy_and_reference", points=1)
def both_have_the_weights_of_the_checkpoint(student: Student) -> None:
    """Policy and reference both start with the weights of the checkpoint."""
    for seed in (1, 2):
        found, model, result = facts(student, seed)
        with torch.no_grad():
            wanted = model(PROBE).logits
        for who in ("policy", "reference"):
            right = same(found.get(f"{who}_logits"), wanted, 1e-4)
            hint = "The weights are not those of the checkpoint: `from_pretrained(name)` for both, not `from_config`."
            expect(result).that(right, hint=hint)


@check("load_policy_and_reference", points=2)
def reference_is_frozen_and_in_eval(student: Student) -> None:
    """No parameter of the reference wants a gradient and its dropout is off; every parameter of the policy does."""
    found, model, result = facts(student, 3)
    size = sum(p.numel() for p in model.parameters())
    trainable = found.get("trainable")
    if not isinstance(trainable, list) or len(trainable) != 2:
        raise Missed(FORM)
    hint = "The reference would be trained: `model_ref.requires_grad_(False)`."
    expect(result).that(same(trainable[1], 0), hint=hint)
    expect(result).that(same(trainable[0], size), hint="The policy cannot learn: freeze the reference only.")
    hint = "The reference is in training mode, so dropout blurs it: `model_ref.eval()`."
    expect(result).that(found.get("reference_in_training_mode") is False, hint=hint)


@check("load_policy_and_reference", points=1)
def reference_has_its_own_memory(student: Student) -> None:
    """When the policy's parameters move, the reference answers as before."""
    found, model, result = facts(student, 4)
    with torch.no_grad():
        wanted = model(PROBE).logits
    expect(result).that(same(found.get("reference_logits_after_a_step"), wanted, 1e-4), hint=OWN_MEMORY)


@check("load_policy_and_reference", points=1)
def pad_is_eos(student: Student) -> None:
    """The tokenizer pads with its EOS token and has not grown."""
    found, model, result = facts(student, 5)
    hint = "The vocabulary has grown: a new pad token has no row in the embeddings. Use the EOS token."
    expect(result).that(same(found.get("vocabulary"), model.config.vocab_size), hint=hint)
    right = same([found.get("pad_token"), found.get("pad_token_id")], ["<|endoftext|>", 0])
    expect(result).that(right, hint="`tokenizer.pad_token = tokenizer.eos_token` is missing: GPT-2 has no pad token.")


# preference_accuracy ---------------------------------------------------------------------------------------------


def exact_accuracy(chosen: torch.Tensor, rejected: torch.Tensor, tie: Fraction = Fraction(1, 2)) -> float:
    """Wins and `tie` of the ties over all pairs, in exact arithmetic."""
    pairs = list(zip(chosen.tolist(), rejected.tolist(), strict=True))
    wins = sum(a > b for a, b in pairs) + tie * sum(a == b for a, b in pairs)
    return float(Fraction(wins) / len(pairs))


@check("preference_accuracy", points=1)
def counts_the_pairs_that_are_in_order(student: Student, rng: np.random.Generator) -> None:
    """The share of pairs whose chosen response has the higher reward, however small the lead."""
    drawn = torch.tensor(rng.normal(size=(2, 11)))
    for chosen, rejected in (
        (f64(0.3, -5.0, -2.0, -0.1, 100.0, -7.0, 4.0), f64(0.2, -4.0, -3.0, -0.2, 300.0, -8.0, 3.0)),
        tuple(drawn),
    ):
        result = student.preference_accuracy(chosen, rejected)
        expected = exact_accuracy(chosen, rejected)
        mistakes = {
            "That is the share of wrong orders: is chosen above rejected?": 1 - expected,
            "That is the share of chosen rewards above 0; compare each with its rejected one.": (chosen > 0)
            .double()
            .mean()
            .item(),
            "Compare pair by pair, not the two means.": float(chosen.mean() > rejected.mean()),
            "A share, not a number of pairs: divide by how many there are.": expected * len(chosen),
        }
        hint = likely(result, mistakes, "The share of pairs with chosen > rejected, as a Python float (`.item()`).")
        expect(result).close(expected, tol=1e-6, hint=hint)


@check("preference_accuracy", points=2)
def a_tie_is_half_a_point(student: Student) -> None:
    """Pairs with exactly equal rewards count half; a policy that equals its reference has 0.5."""
    for chosen, rejected in (
        (torch.zeros(7), torch.zeros(7)),
        (f64(1.0, 0.0, -2.0, 4.0, 5.0), f64(0.0, 0.0, 3.0, 4.0, 1.0)),
        (f64(0.5, 1e-12, -3.0), f64(0.5, 0.0, -3.0)),
    ):
        result = student.preference_accuracy(chosen, rejected)
        mistakes = {
            "Ties count nothing in yours, as in TRL: give half a point, or an untrained policy has 0.": (
                exact_accuracy(chosen, rejected, Fraction(0))
            ),
            "Ties count in full: >= calls an untrained policy perfect.": exact_accuracy(chosen, rejected, Fraction(1)),
        }
        default = "Only exactly equal rewards tie; each tie is half a point. A lead of 1e-12 is a lead."
        expect(result).close(exact_accuracy(chosen, rejected), tol=1e-6, hint=likely(result, mistakes, default))


@check("preference_accuracy", points=1)
def accuracy_is_a_float_and_refuses_nothing_to_count(student: Student) -> None:
    """The answer is a Python float, also when it is 1; without pairs there is a ValueError."""
    result = student.preference_accuracy(torch.tensor([3.0, 2.0]), torch.tensor([1.0, 1.0]))
    expect(result).value(float, hint="Return a Python float: `.item()`.")
    expect(result).close(1.0, tol=1e-6, hint="Both pairs are in order: 1.0.")
    hint = "Without pairs there is no accuracy: raise ValueError, nan would spoil every average."
    expect(student.preference_accuracy(torch.zeros(0), torch.zeros(0))).raises("ValueError", hint=hint)


# ipo_loss --------------------------------------------------------------------------------------------------------

TOKENS = (torch.tensor([4, 10, 2, 3]), torch.tensor([5, 8, 2, 7]))


def per_token(pairs: Four, lengths: tuple[torch.Tensor, torch.Tensor]) -> Four:
    """All four log-probs divided by their response's length, as TRL does before its loss."""
    pc, pr, rc, rr = pairs
    return pc / lengths[0], pr / lengths[1], rc / lengths[0], rr / lengths[1]


@check("ipo_loss", points=2)
def ipo_regresses_log_u_on_its_target(student: Student) -> None:
    """The loss is (log u − 1/(2β))², one for each pair."""
    for beta in (0.1, 0.5, 2.0):
        log_u = (PAIRS[0] - PAIRS[1]) - (PAIRS[2] - PAIRS[3])
        result = student.ipo_loss(*PAIRS, beta)
        mistakes = {
            "The target is 1/(2β), not 1/β.": (log_u - 1 / beta) ** 2,
            "The target is 1/(2β): β divides, the 2 as well.": (log_u - beta / 2) ** 2,
            "β belongs into the target only, not in front of log u.": (beta * log_u - 1 / (2 * beta)) ** 2,
            "The square is missing.": log_u - 1 / (2 * beta),
            "The target has a minus: log u should *reach* 1/(2β).": (log_u + 1 / (2 * beta)) ** 2,
            "One loss for each pair: no mean.": ((log_u - 1 / (2 * beta)) ** 2).mean(),
        }
        expect(result).close(
            trl_loss(PAIRS, beta, kind="ipo"), tol=1e-6, hint=likely(result, mistakes, "(log u − 1/(2β))².")
        )


@check("ipo_loss", points=1)
def ipo_per_token_is_that_of_trl(student: Student) -> None:
    """With lengths, each log-prob is divided by the number of tokens of its own response first."""
    for beta in (0.1, 0.7):
        result = student.ipo_loss(*PAIRS, beta, TOKENS)
        chosen, rejected = PAIRS[0] - PAIRS[2], PAIRS[1] - PAIRS[3]
        mistakes = {
            "`lengths` is not used.": (chosen - rejected - 1 / (2 * beta)) ** 2,
            "Each side has its own length: do not divide both by the same.": (
                (chosen - rejected) / TOKENS[0] - 1 / (2 * beta)
            )
            ** 2,
            "Each side has its own length: do not divide both by their sum or mean.": (
                2 * (chosen - rejected) / (TOKENS[0] + TOKENS[1]) - 1 / (2 * beta)
            )
            ** 2,
            "The reference's log-probs are to be divided too.": (
                PAIRS[0] / TOKENS[0] - PAIRS[1] / TOKENS[1] - (PAIRS[2] - PAIRS[3]) - 1 / (2 * beta)
            )
            ** 2,
        }
        hint = likely(result, mistakes, "Divide chosen and rejected log-probs by their own lengths, then as without.")
        expect(result).close(trl_loss(per_token(PAIRS, TOKENS), beta, kind="ipo"), tol=1e-6, hint=hint)


@check("ipo_loss", points=1)
def ipo_refuses_beta_of_zero(student: Student) -> None:
    """A β that is not above 0 raises ValueError; the target itself has loss 0; inputs are not changed."""
    pairs = (f64(-5.0, 0.0), f64(-10.0, 0.0), f64(0.0, -2.5), f64(0.0, 2.5 - 0.0))
    result = student.ipo_loss(*pairs, 0.1)
    expect(result).close(f64(0.0, 0.0), tol=1e-9, hint="With β = 0.1 and log u = 5 the target is reached: loss 0.")
    expect(result).unchanged(hint="Your function changes its arguments: no `-=`.")
    for beta in (0.0, -0.5):
        expect(student.ipo_loss(*pairs, beta)).raises("ValueError", hint="Raise ValueError unless β > 0.")
