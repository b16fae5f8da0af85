"""Inputs of `log_partition` and `optimal_policy`, what is right for each, and the mistakes that are likely."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from cases_common import (
    FIRST,
    FLOAT64,
    FORM_OF_ROWS,
    INF,
    KEPT,
    LOG_PROBS,
    TENSOR,
    TOLERANCE,
    Z_OF_ROWS,
    Z_ROWS,
    distribution,
    logs,
    numbers,
    rows,
    same_shapes,
    without,
)

from grader.checks import Case, Cases, Mistake

# log_partition -----------------------------------------------------------------------------------------------------


def log_z(ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float) -> torch.Tensor:
    """Log Z by hand: the largest term is taken out, the others are summed with it.

    Raises:
        ValueError: β is 0 or negative.
    """
    if beta <= 0:
        raise ValueError("beta")
    terms = ref_log_probs + rewards / beta
    top = terms.max(-1, keepdim=True).values
    return top[..., 0] + (terms - top).exp().sum(-1).log()


def tilts() -> Iterator[Case]:
    """One row, at every price and size of rewards."""
    yield Case("the worked example", args=(logs([0.75, 0.25])[0], rows([0.0, 1.0])[0], 0.5), family="two responses")
    for seed, beta in enumerate((0.5, 2.0, 0.25, 1e-3, 1e4, 1, 3)):
        args = (distribution(5, seed=seed), numbers(5, seed=40 + seed), beta)
        yield Case(f"beta {beta}", args=args, family="β of every size" if beta not in (1, 3) else "β that is an int")
    for seed, scale in enumerate((1e-6, 1e-2, 10.0, 1e3)):
        args = (distribution(6, seed=seed), numbers(6, seed=80 + seed, scale=scale), 0.7)
        yield Case(f"scale {scale}", args=args, family="rewards of every size")
    yield Case("no reward", args=(distribution(4, seed=4), torch.zeros(4).double(), 0.5), family="no rewards")
    yield Case("equal", args=(distribution(4, seed=4), torch.full((4,), -2.0).double(), 0.5), family="equal rewards")
    yield Case(
        "uniform", args=(torch.zeros(4).double().log_softmax(-1), numbers(4, seed=4), 0.5), family="a uniform reference"
    )


def extremes() -> Iterator[Case]:
    """R/β of ±1e4, rows as far apart as that, improbable responses and forbidden ones with the highest reward."""
    ref = rows([-0.5, -1.0, -3.0], [-800.0, -1e-9, -50.0], [-1e4, -2.0, -0.1]).log_softmax(-1)
    large = "r/β of ±10,000"
    for name, r in {
        "high": rows([1.0, -1.0, 0.5], [1.0, 0.0, 0.5], [1.0, 0.9, 1.0]),
        "low": rows([-1.0, -1.0, -1.0], [-1.0, -0.99, -1.0], [-0.5, -1.0, -0.7]),
    }.items():
        yield Case(name, args=(ref, r, 1e-4), family=large)
        yield Case(f"{name}, one row", args=(ref[1], r[1], 1e-4), family=large)
        yield Case(f"{name}, unscaled", args=(ref, r * 1e4, 1.0), family=large)
    apart = "rows far apart"
    yield Case("apart", args=(ref, rows([1.0, 0.9, 0.5], [-1.0, -0.9, -0.5], [0.0, 0.1, 0.0]), 1e-4), family=apart)
    yield Case("apart, two rows", args=(distribution(2, 4, seed=1), rows([1.0] * 4, [-1.0] * 4), 1e-4), family=apart)
    offset = torch.tensor([[0.0], [900.0], [-900.0]]).double()
    yield Case(
        "apart by hundreds", args=(distribution(3, 4, seed=2), numbers(3, 4, seed=2) + offset, 1.0), family=apart
    )
    low = "a likely response that all others beat"
    yield Case("unlikely and high", args=(rows([0.0, -2000.0])[0], rows([0.0, 1.0])[0], 1e-3), family=low)
    yield Case("unlikely, higher", args=(rows([0.0, -1000.0, -900.0])[0], rows([-1.0, 1.0, 0.0])[0], 1e-2), family=low)
    forbids = "forbidden responses of high reward"
    never = without(distribution(2, 5, seed=3), [[1, 4], [0, 2]])
    tempting = rows([1.0, 50.0, 2.0, 2.0, -3.0], [80.0, 0.5, 40.0, 1.5, 1.5])
    for beta in (1.0, 1e-2):
        yield Case(f"forbidden {beta}", args=(never, tempting, beta), family=forbids)
        yield Case(f"forbidden {beta}, one row", args=(never[1], tempting[1], beta), family=forbids)
    alone = logs([0.0, 1.0, 0.0], [1.0, 0.0, 0.0])
    yield Case("one is allowed", args=(alone, rows([1.0, -1.0, 0.5], [0.3, 1.0, 1.0]), 1e-4), family=forbids)


def prompts(names: tuple[str, str] = ("ref_log_probs", "rewards")) -> Iterator[Case]:
    """Every shape and layout, and rewards with an offset for each prompt."""
    yield from same_shapes(
        lambda shape, seed: (distribution(*shape, seed=seed), numbers(*shape, seed=40 + seed), 0.5), *names
    )
    for seed, shape in enumerate(((2, 5), (3, 3), (2, 3, 4))):
        shift = numbers(*shape[:-1], 1, seed=60 + seed, scale=20.0)
        args = (distribution(*shape, seed=seed), numbers(*shape, seed=20 + seed) + shift, 0.5)
        yield Case(f"{list(shape)} shifted", args=args, family="rewards with an f(x) of each prompt")


def prices() -> Iterator[Case]:
    """Prices that are refused, and small and huge ones that are not."""
    ref, r = distribution(2, 5, seed=1), numbers(2, 5, seed=2)
    for beta in (0.0, 0, -0.5, -1e-12, -3, -INF):
        yield Case(f"{beta!r}", args=(ref, r, beta), family="β of 0 or below")
        yield Case(f"{beta!r}, one row", args=(ref[0], r[0], beta), family="β of 0 or below")
    for beta in (1e-3, 1e-9, 1e6, 1e300):
        yield Case(f"{beta!r}", args=(ref, r * min(beta, 1.0), beta), family="every β above 0")


Z_MISTAKES = (
    Mistake(
        "π_ref is missing: each exp(r/β) has the weight π_ref(y|x).",
        lambda ref_log_probs, rewards, beta: (rewards / beta).logsumexp(-1),
    ),
    Mistake(
        "A plain mean of exp(r/β) is no expectation under π_ref.",
        lambda ref_log_probs, rewards, beta: (rewards / beta).logsumexp(-1) - math.log(rewards.shape[-1]),
    ),
    Mistake(
        "β on the wrong side: divide r by β, a small β sharpens.",
        lambda ref_log_probs, rewards, beta: log_z(ref_log_probs, rewards, 1 / beta),
    ),
    Mistake(
        "Divide r by β inside the sum; dividing log Z is something else.",
        lambda ref_log_probs, rewards, beta: log_z(ref_log_probs, rewards, 1) / beta,
    ),
    Mistake("β is missing.", lambda ref_log_probs, rewards, beta: log_z(ref_log_probs, rewards, 1)),
    Mistake(
        "You return Z: return its logarithm.",
        lambda ref_log_probs, rewards, beta: log_z(ref_log_probs, rewards, beta).exp(),
    ),
    Mistake(
        "You return β log Z: return log Z.",
        lambda ref_log_probs, rewards, beta: beta * log_z(ref_log_probs, rewards, beta),
    ),
    Mistake(
        "That is E_ref[r]/β: take the expectation of exp(r/β), then the logarithm.",
        lambda ref_log_probs, rewards, beta: (ref_log_probs.exp() * rewards).sum(-1) / beta,
    ),
    Mistake(
        "exp(−r/β) rewards the worst: no minus.",
        lambda ref_log_probs, rewards, beta: log_z(ref_log_probs, -rewards, beta),
    ),
    Mistake(
        "π_ref enters as its logarithm: log π_ref + r/β, not π_ref + r/β.",
        lambda ref_log_probs, rewards, beta: (ref_log_probs.exp() + rewards / beta).logsumexp(-1),
    ),
)
STAY = "exp(10000) is inf, exp(−10000) is 0: never leave the logarithms. `torch.logsumexp` does it."

z_of_one_row = Cases(
    "log_partition",
    name="weighs_exp_r_over_beta_by_the_reference",
    promise="Z(x) is the sum of π_ref(y|x) · exp(r/β), and its logarithm comes back.",
    points=2,
    reference=log_z,
    pool=tilts,
    tolerance=TOLERANCE,
    mistakes=Z_MISTAKES,
    hints={
        "value": "log Σ_y exp(log π_ref(y|x) + r(x, y)/β), float64 to the end.",
        "type": TENSOR,
        "dtype": FLOAT64,
        "shape": "One row gives one number: a tensor without dimensions.",
    },
)
z_at_extremes = Cases(
    "log_partition",
    name="stays_finite_at_rewards_of_ten_thousand",
    promise="r/β of ±10,000, rows far apart, improbable responses and forbidden ones leave log Z finite and right.",
    points=1,
    reference=log_z,
    pool=extremes,
    keeps_inputs=True,
    fresh=True,
    tolerance=TOLERANCE,
    mistakes=(
        *Z_MISTAKES[:2],
        Mistake(
            STAY, lambda ref_log_probs, rewards, beta: (ref_log_probs.exp() * (rewards / beta).exp()).sum(-1).log()
        ),
        Mistake(STAY, lambda ref_log_probs, rewards, beta: (ref_log_probs + rewards / beta).exp().sum(-1).log()),
        Mistake(
            "Take the largest log π_ref + r/β out of the sum, not the largest r/β: what is left may all be 0. "
            "`torch.logsumexp` never leaves the logarithms: never leave the logarithms either.",
            lambda ref_log_probs, rewards, beta: (
                (rewards / beta).amax(-1)
                + (ref_log_probs.exp() * (rewards / beta - (rewards / beta).amax(-1, keepdim=True)).exp()).sum(-1).log()
            ),
        ),
        Mistake(
            "Each row needs its own maximum: with one for the whole batch the other rows are exp(−20000) = 0.",
            lambda ref_log_probs, rewards, beta: (
                (ref_log_probs + rewards / beta).max()
                + ((ref_log_probs + rewards / beta) - (ref_log_probs + rewards / beta).max()).exp().sum(-1).log()
            ),
        ),
    ),
    hints={
        **FORM_OF_ROWS,
        "value": FIRST + "it is the range, exp(10000) is inf, exp(−10000) is 0, a forbidden "
        "response adds 0. `torch.logsumexp` never leaves the logarithms.",
        "nan": "nan comes from inf − inf or 0 · inf: `exp` came too early. Stay in logarithms: `torch.logsumexp`.",
        "rows far apart": "Each row needs its own maximum: with one for the whole batch the other rows are 0.",
        "forbidden responses of high reward": "A forbidden response (log π_ref = −inf) adds 0 to Z, however high its "
        "reward; take it out of the maximum, too.",
    },
)
z_of_rows = Cases(
    "log_partition",
    name="z_belongs_to_the_prompt",
    promise="Every prompt has its own Z, and f(x) added to its rewards adds f(x)/β to log Z. " + KEPT,
    points=1,
    reference=log_z,
    pool=prompts,
    tolerance=TOLERANCE,
    keeps_inputs=True,
    fresh=True,
    mistakes=Z_MISTAKES[:2],
    hints={
        **FORM_OF_ROWS,
        "shape": Z_ROWS,
        "value": FIRST + Z_ROWS,
        "rewards with an f(x) of each prompt": "A constant added to all rewards of a prompt must come out as "
        "f(x)/β: Z is not normalised away.",
    },
)
z_refuses = Cases(
    "log_partition",
    name="refuses_beta_that_is_not_positive",
    promise="A β of 0 or below raises ValueError; a small or huge positive one does not.",
    points=1,
    reference=log_z,
    pool=prices,
    tolerance=TOLERANCE,
    mistakes=Z_MISTAKES[:2],
    hints={
        **FORM_OF_ROWS,
        "no error": "β = 0 is a limit, not a division, and a negative β rewards the worst: raise ValueError for both.",
        "ValueError": "No error for any β above 0: ValueError is for a β of 0 or below.",
        "other error": "Raise ValueError, no other error, for a β of 0 or below.",
        "every β above 0": FIRST + "every β above 0 is allowed, and r is divided by it as it is: no lower bound, no ε.",
        "value": FIRST + "every β above 0 is allowed, and r is divided by it as it is: no lower bound, no ε.",
    },
)

# optimal_policy ----------------------------------------------------------------------------------------------------

OWN_Z = " It may call your `log_partition`: mend that first if its checks fail."


def optimum(ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float) -> torch.Tensor:
    """Log π*, by the formula."""
    return ref_log_probs + rewards / beta - log_z(ref_log_probs, rewards, beta)[..., None]


def limits() -> Iterator[Case]:
    """Prices at which the reference is all that counts."""
    ref, r = distribution(2, 5, seed=1), numbers(2, 5, seed=2)
    never = without(ref, [[1, 4], [0]])
    for beta in (1e6, 1e10, 10**9):
        yield Case(f"beta {beta}", args=(ref, r, beta), family="a huge β")
        yield Case(f"beta {beta} forbidden", args=(never, r, beta), family="a huge β, with forbidden responses")
    for times in (3.0, 100.0, 1e-3):
        yield Case(f"times {times}", args=(ref, times * r, times * 0.4), family="rewards and β at another scale")
        yield Case(
            f"times {times}, one row", args=(ref[0], times * r[0], times * 0.4), family="rewards and β at another scale"
        )


POLICY_MISTAKES = (
    Mistake(
        "π_ref is missing: softmax(r/β) knows no reference.",
        lambda ref_log_probs, rewards, beta: (rewards / beta).log_softmax(-1),
    ),
    Mistake(
        "β on the wrong side: divide r by β, a small β sharpens.",
        lambda ref_log_probs, rewards, beta: optimum(ref_log_probs, rewards, 1 / beta),
    ),
    Mistake(
        "β divides the reward only, not log π_ref.",
        lambda ref_log_probs, rewards, beta: ((ref_log_probs + rewards) / beta).log_softmax(-1),
    ),
    Mistake("β is missing.", lambda ref_log_probs, rewards, beta: (ref_log_probs + rewards).log_softmax(-1)),
    Mistake(
        "That is not normalised: subtract log Z(x).",
        lambda ref_log_probs, rewards, beta: ref_log_probs + rewards / beta,
    ),
    Mistake(
        "You return probabilities: return log-probs.",
        lambda ref_log_probs, rewards, beta: optimum(ref_log_probs, rewards, beta).exp(),
    ),
    Mistake(
        "Subtract log Z; you divide by it.",
        lambda ref_log_probs, rewards, beta: (
            (ref_log_probs + rewards / beta) / log_z(ref_log_probs, rewards, beta)[..., None]
        ),
    ),
    Mistake(
        "Subtract log Z; you add it.",
        lambda ref_log_probs, rewards, beta: (
            ref_log_probs + rewards / beta + log_z(ref_log_probs, rewards, beta)[..., None]
        ),
    ),
    Mistake(
        "exp(−r/β) rewards the worst: no minus.",
        lambda ref_log_probs, rewards, beta: optimum(ref_log_probs, -rewards, beta),
    ),
    Mistake(
        "π_ref weighs once, not twice.",
        lambda ref_log_probs, rewards, beta: (2 * ref_log_probs + rewards / beta).log_softmax(-1),
    ),
    Mistake(
        "π_ref enters as its logarithm: log π_ref + r/β, not π_ref + r/β.",
        lambda ref_log_probs, rewards, beta: (ref_log_probs.exp() + rewards / beta).log_softmax(-1),
    ),
)


def _evenly_where_beta_is_small(ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float) -> torch.Tensor:
    if beta >= 0.01:
        return optimum(ref_log_probs, rewards, beta)
    allowed = rewards.masked_fill(ref_log_probs == -INF, -INF)
    best = allowed == allowed.max(-1, keepdim=True).values
    return torch.zeros_like(rewards).masked_fill(~best, -INF).log_softmax(-1)


FORM_OF_POLICY = {
    "error": "Where shapes do not fit: log Z has one number a row, and `[..., None]` lets it meet its own row." + OWN_Z,
    "type": LOG_PROBS + OWN_Z,
    "dtype": FLOAT64 + OWN_Z,
    "shape": LOG_PROBS + OWN_Z,
}

policy_of_one_row = Cases(
    "optimal_policy",
    name="tilts_the_reference_by_the_reward",
    promise="π* is π_ref · exp(r/β) / Z, as log-probs.",
    points=2,
    reference=optimum,
    pool=tilts,
    tolerance=TOLERANCE,
    mistakes=POLICY_MISTAKES,
    hints={**FORM_OF_POLICY, "value": "log π_ref + r/β − log Z, float64 to the end." + OWN_Z},
)
policy_of_rows = Cases(
    "optimal_policy",
    name="each_prompt_has_its_own_z",
    promise="The probabilities of each prompt add up to 1, and adding f(x) to its rewards changes nothing. " + KEPT,
    points=1,
    reference=optimum,
    pool=prompts,
    tolerance=TOLERANCE,
    keeps_inputs=True,
    fresh=True,
    mistakes=POLICY_MISTAKES[:2],
    hints={
        **FORM_OF_POLICY,
        "shape": Z_OF_ROWS + OWN_Z,
        "value": FIRST + Z_OF_ROWS + OWN_Z,
        "rewards with an f(x) of each prompt": "A constant for each prompt goes into its Z and out again: "
        "π* must stay the same." + OWN_Z,
    },
)
policy_at_extremes = Cases(
    "optimal_policy",
    name="small_beta_takes_the_best_that_is_allowed",
    promise="As β falls π* goes to the highest reward on the reference's support; ties share as π_ref does; no nan; "
    "log-probs stay right where probabilities are too small for a float.",
    points=1,
    reference=optimum,
    pool=extremes,
    keeps_inputs=True,
    fresh=True,
    tolerance=TOLERANCE,
    mistakes=(
        *POLICY_MISTAKES[:2],
        Mistake(
            "With r/β of ±10,000 leave the logarithms nowhere: no `exp` before the end." + OWN_Z,
            lambda ref_log_probs, rewards, beta: (
                ref_log_probs.exp()
                * (rewards / beta).exp()
                / (ref_log_probs.exp() * (rewards / beta).exp()).sum(-1, keepdim=True)
            ).log(),
        ),
        Mistake(
            "With r/β of ±10,000 leave the logarithms nowhere: no `exp` before the end." + OWN_Z,
            lambda ref_log_probs, rewards, beta: (
                ref_log_probs + rewards / beta - (ref_log_probs + rewards / beta).exp().sum(-1, keepdim=True).log()
            ),
        ),
        Mistake(
            "What π_ref forbids stays forbidden: no lower bound for log π_ref, which a high reward would blow up.",
            lambda ref_log_probs, rewards, beta: (ref_log_probs.clamp(min=-200.0) + rewards / beta).log_softmax(-1),
        ),
        Mistake(
            "The best responses that are allowed share the probability as under π_ref, not equally, and no β is 0.",
            _evenly_where_beta_is_small,
        ),
        Mistake(
            "`softmax` and then `log` loses all probabilities below e^−745: `log_softmax` keeps their logarithms.",
            lambda ref_log_probs, rewards, beta: (ref_log_probs + rewards / beta).softmax(-1).log(),
        ),
        Mistake(
            "Each row needs its own maximum: with one for the whole batch the other rows are exp(−20000) = 0.",
            lambda ref_log_probs, rewards, beta: (
                (ref_log_probs + rewards / beta - (ref_log_probs + rewards / beta).max())
                - (ref_log_probs + rewards / beta - (ref_log_probs + rewards / beta).max())
                .exp()
                .sum(-1, keepdim=True)
                .log()
            ),
        ),
    ),
    hints={
        **FORM_OF_POLICY,
        "value": FIRST + "it is the range, no `exp` before the end, and −inf stays −inf." + OWN_Z,
        "nan": "What π_ref forbids stays forbidden (−inf), however high its reward, and nothing is nan: where does "
        "inf meet inf?" + OWN_Z,
        "rows far apart": "Each row needs its own maximum: with one for the whole batch the other rows are 0." + OWN_Z,
        "forbidden responses of high reward": "What π_ref forbids stays forbidden (−inf), however high its reward."
        + OWN_Z,
    },
)
policy_at_limits = Cases(
    "optimal_policy",
    name="large_beta_gives_the_reference",
    promise="As β grows π* goes to π_ref, and only r/β enters: 3r with 3β is the same.",
    points=1,
    reference=optimum,
    pool=limits,
    keeps_inputs=True,
    fresh=True,
    tolerance=TOLERANCE,
    mistakes=(
        *POLICY_MISTAKES[:3],
        Mistake(
            "Only r/β matters, and the size of r with it: do not standardise the rewards.",
            lambda ref_log_probs, rewards, beta: (
                ref_log_probs + (rewards - rewards.mean(-1, keepdim=True)) / rewards.std(-1, keepdim=True) / beta
            ).log_softmax(-1),
        ),
    ),
    hints={
        **FORM_OF_POLICY,
        "value": FIRST
        + "a large β keeps the policy at the reference, and only r/β matters: divide the reward by β, nothing "
        "else." + OWN_Z,
        "rewards and β at another scale": "Only r/β matters: three times the reward at three times β "
        "has the same optimum." + OWN_Z,
        "a huge β": "A large β keeps the policy at the reference: divide the reward by β." + OWN_Z,
    },
)
