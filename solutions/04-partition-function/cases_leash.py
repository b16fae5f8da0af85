"""Inputs of `kl_divergence` and `kl_objective`, what is right for each, and the mistakes that are likely."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from cases_common import (
    FIRST,
    FLOAT64,
    INF,
    KEPT,
    ROWS,
    TENSOR,
    TOLERANCE,
    distribution,
    logs,
    numbers,
    rows,
    same_shapes,
    without,
)

from grader.checks import Case, Cases, Mistake

# kl_divergence -----------------------------------------------------------------------------------------------------


def kl(log_p: torch.Tensor, log_q: torch.Tensor) -> torch.Tensor:
    """KL(p‖q) of log-probs, with the rule that 0 · log 0 is 0."""
    difference = torch.where(log_p == -INF, 0.0, log_p - log_q)
    return (log_p.exp() * difference).sum(-1)


def pairs() -> Iterator[Case]:
    """Two distributions in a row each."""
    worked = (logs([0.5, 0.5])[0], logs([0.75, 0.25])[0])
    yield Case("the worked example", args=worked, family="two responses")
    yield Case("the other direction", args=worked[::-1], family="two responses")
    for seed, size in enumerate((3, 4, 5, 7, 12)):
        p, q = distribution(size, seed=seed), distribution(size, seed=90 + seed)
        yield Case(f"{size}", args=(p, q), family="a few responses")
        yield Case(f"{size} with itself", args=(p, p.clone()), family="equal distributions")
        yield Case(f"{size} uniform", args=(p, torch.zeros_like(q).log_softmax(-1)), family="a uniform distribution")
    for scale in (1e-6, 1e-3, 20.0):
        family = "sharp distributions" if scale > 1 else "nearly equal distributions"
        p, q = distribution(6, seed=5, scale=scale), distribution(6, seed=6, scale=scale)
        yield Case(f"scale {scale}", args=(p, q), family=family)


def zeros() -> Iterator[Case]:
    """Rows with responses that p, or q, or neither ever gives, and with log-probs that `exp` makes 0."""
    some, all_ = distribution(4, 5, seed=1), distribution(4, 5, seed=2)
    p = without(some, [[0], [1, 4], [0, 1, 2, 3], []])
    yield Case("p forbids", args=(p, all_), family="responses that p never gives")
    yield Case("p forbids, one row", args=(p[1], all_[1]), family="responses that p never gives")
    q = without(all_, [[0], [4], [0, 2, 3], []])
    yield Case("both forbid", args=(p, q), family="responses that neither gives")
    yield Case("both forbid, one row", args=(p[0], q[0]), family="responses that neither gives")
    yield Case("one response each", args=(p[2], p[2].clone()), family="responses that neither gives")
    forbidden = "responses that p gives and q forbids"
    yield Case("q forbids in all rows", args=(all_, p[[0, 1, 2, 0]]), family=forbidden)
    yield Case("q forbids in some rows", args=(p, without(all_, [[1], [], [4], [2]])), family=forbidden)
    yield Case("q forbids, one row", args=(some[0], q[0]), family=forbidden)
    yield Case("two that share nothing", args=(logs([1.0, 0.0])[0], logs([0.0, 1.0])[0]), family=forbidden)
    low = "log-probs as low as -1e4"
    deep = rows([-0.5, -1e4, -800.0, 0.0], [-1e4, 0.2, -20.0, -900.0]).log_softmax(-1)
    yield Case("q low", args=(distribution(2, 4, seed=3), deep), family=low)
    yield Case("q low, one row", args=(distribution(4, seed=4), deep[0]), family=low)
    yield Case("p low", args=(deep, distribution(2, 4, seed=5)), family=low)
    yield Case("both low", args=(deep, deep.flip(-1)), family=low)
    yield Case("p low and never", args=(without(deep, [[1], [0]]), distribution(2, 4, seed=6)), family=low)


KL_MISTAKES = (
    Mistake(
        "The direction: KL(p‖q) is an expectation over p. You weigh by q, or swap the two.",
        lambda log_p, log_q: kl(log_q, log_p),
    ),
    Mistake("That is −KL(p‖q): log p − log q, not log q − log p.", lambda log_p, log_q: -kl(log_p, log_q)),
    Mistake("That is −KL(q‖p): weigh by p, and take log p − log q.", lambda log_p, log_q: -kl(log_q, log_p)),
    Mistake("In nats, with the natural logarithm, not in bits.", lambda log_p, log_q: kl(log_p, log_q) / math.log(2)),
    Mistake(
        "A sum over responses, not a mean: p weighs them already.",
        lambda log_p, log_q: kl(log_p, log_q) / log_p.shape[-1],
    ),
    Mistake(
        "A response where p < q counts negatively: no absolute values.",
        lambda log_p, log_q: (log_p.exp() * (log_p - log_q).abs()).masked_fill(log_p == -INF, 0.0).sum(-1),
    ),
    Mistake(
        "A response where p < q counts negatively: do not clamp the terms at 0.",
        lambda log_p, log_q: (log_p.exp() * (log_p - log_q).clamp(min=0)).masked_fill(log_p == -INF, 0.0).sum(-1),
    ),
    Mistake(
        "Weigh each difference by p: a plain sum or mean counts all responses alike.",
        lambda log_p, log_q: (log_p - log_q).mean(-1),
    ),
    Mistake(
        "Weigh each difference by p: a plain sum or mean counts all responses alike.",
        lambda log_p, log_q: (log_p - log_q).sum(-1),
    ),
)

kl_of_one_row = Cases(
    "kl_divergence",
    name="kl_weighs_by_its_first_argument",
    promise="KL(p‖q) is the sum of p · (log p − log q), in nats.",
    points=2,
    reference=kl,
    pool=pairs,
    tolerance=TOLERANCE,
    mistakes=KL_MISTAKES,
    hints={
        "value": "Σ p (log p − log q) over all responses; the arguments are log-probs, float64 to the end.",
        "type": TENSOR,
        "dtype": FLOAT64,
        "shape": "One row gives one number: a tensor without dimensions.",
    },
)
kl_of_rows = Cases(
    "kl_divergence",
    name="kl_of_each_row",
    promise="Every row of a batch gets its own number: the last dimension is summed, no other. " + KEPT,
    points=1,
    reference=kl,
    pool=lambda: same_shapes(
        lambda shape, seed: (distribution(*shape, seed=seed), distribution(*shape, seed=40 + seed)), "log_p", "log_q"
    ),
    tolerance=TOLERANCE,
    keeps_inputs=True,
    fresh=True,
    mistakes=KL_MISTAKES[:2],
    hints={"type": TENSOR, "dtype": FLOAT64, "shape": ROWS, "value": FIRST + ROWS},
)
kl_with_zeros = Cases(
    "kl_divergence",
    name="kl_with_probabilities_of_zero",
    promise="A response with p = 0 adds nothing; one with q = 0 < p makes the KL infinite; low log-probs count too.",
    points=1,
    reference=kl,
    pool=zeros,
    keeps_inputs=True,
    fresh=True,
    tolerance=TOLERANCE,
    mistakes=(
        *KL_MISTAKES[:2],
        Mistake(
            "Where q forbids what p allows the KL is +inf. Adding a small number to q hides that.",
            lambda log_p, log_q: (log_p.exp() * ((log_p.exp() + 1e-10) / (log_q.exp() + 1e-10)).log()).sum(-1),
        ),
        Mistake(
            "Where q forbids what p allows the KL is +inf. Clamping log-probs hides that.",
            lambda log_p, log_q: (log_p.exp() * (log_p.clamp(min=-100) - log_q.clamp(min=-100))).sum(-1),
        ),
        Mistake(
            "Where q forbids what p allows the KL is +inf: only p = 0 takes a term away.",
            lambda log_p, log_q: (log_p.exp() * (log_p - log_q)).nan_to_num(0.0, 0.0, 0.0).sum(-1),
        ),
        Mistake(
            "Log-probs come as they are: through `exp` and back by `log`, e^−900 becomes log 0.",
            lambda log_p, log_q: torch.where(
                log_p == -INF, 0.0, log_p.exp() * (log_p.exp().log() - log_q.exp().log())
            ).sum(-1),
        ),
    ),
    hints={
        "type": TENSOR,
        "dtype": FLOAT64,
        "shape": ROWS,
        "nan": "Where p = 0 the term is 0, also where q = 0 too: 0 · (−inf) is nan, so choose with `torch.where`.",
        "value": FIRST + "p = 0 adds 0, q = 0 < p adds +inf, and all other log-probs count as they are.",
        "responses that p never gives": "Where p = 0 the term is 0, whatever q is.",
        "responses that neither gives": "Where p = 0 the term is 0, also where q = 0 too.",
        "responses that p gives and q forbids": "Where q forbids what p allows the KL is +inf, in that row alone.",
        "log-probs as low as -1e4": "exp(−900) is 0 as a float, its logarithm is −900: work with what you are given.",
    },
)

# kl_objective ------------------------------------------------------------------------------------------------------


def objective(
    log_policy: torch.Tensor, ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float
) -> torch.Tensor:
    """J(π), straight from its definition."""
    return (log_policy.exp() * rewards).sum(-1) - beta * kl(log_policy, ref_log_probs)


def goals() -> Iterator[Case]:
    """One row, at every price and size of rewards."""
    for seed, beta in enumerate((0.5, 2.0, 0.125, 1, 3, 1e-4, 1e3)):
        args = (distribution(5, seed=seed), distribution(5, seed=40 + seed), numbers(5, seed=80 + seed), beta)
        yield Case(f"beta {beta}", args=args, family="β of every size" if beta not in (1, 3) else "β that is an int")
    for seed, scale in enumerate((1e-6, 1e-2, 1e2, 1e4)):
        args = (distribution(6, seed=seed), distribution(6, seed=40 + seed), numbers(6, seed=80, scale=scale), 0.7)
        yield Case(f"scale {scale}", args=args, family="rewards of every size")
    same = distribution(4, seed=3)
    yield Case("no KL", args=(same, same.clone(), numbers(4, seed=5), 2.0), family="a policy that is the reference")
    yield Case("no reward", args=(same, distribution(4, seed=4), torch.zeros(4).double(), 2.0), family="no rewards")
    yield Case(
        "equal rewards", args=(same, distribution(4, seed=4), torch.ones(4).double(), 0.5), family="equal rewards"
    )


def given_up() -> Iterator[Case]:
    """Policies that give up responses, and that say what the reference forbids."""
    for number, case in enumerate(zeros()):
        policy, ref = case.args
        yield Case(
            case.name, args=(policy, ref, numbers(*policy.shape, seed=number), 0.5), family=GIVEN_UP[case.family]
        )


GIVEN_UP = {
    "responses that p never gives": "responses that π never gives",
    "responses that neither gives": "responses that neither π nor π_ref gives",
    "responses that p gives and q forbids": "responses that π gives and π_ref forbids",
    "log-probs as low as -1e4": "log-probs as low as -1e4",
}
OWN_KL = " It may call your `kl_divergence`: mend that first if its checks fail."
J_MISTAKES = (
    Mistake(
        "The KL is a price: subtract it.",
        lambda log_policy, ref_log_probs, rewards, beta: (
            (log_policy.exp() * rewards).sum(-1) + beta * kl(log_policy, ref_log_probs)
        ),
    ),
    Mistake(
        "The direction: the leash is KL(π‖π_ref), over responses of π.",
        lambda log_policy, ref_log_probs, rewards, beta: (
            (log_policy.exp() * rewards).sum(-1) - beta * kl(ref_log_probs, log_policy)
        ),
    ),
    Mistake(
        "Rewards are expected under π, not under the reference.",
        lambda log_policy, ref_log_probs, rewards, beta: (
            (ref_log_probs.exp() * rewards).sum(-1) - beta * kl(log_policy, ref_log_probs)
        ),
    ),
    Mistake(
        "β multiplies the KL; you divide by it.",
        lambda log_policy, ref_log_probs, rewards, beta: (
            (log_policy.exp() * rewards).sum(-1) - kl(log_policy, ref_log_probs) / beta
        ),
    ),
    Mistake(
        "β multiplies the KL, not the reward.",
        lambda log_policy, ref_log_probs, rewards, beta: (
            beta * (log_policy.exp() * rewards).sum(-1) - kl(log_policy, ref_log_probs)
        ),
    ),
    Mistake(
        "β is missing.",
        lambda log_policy, ref_log_probs, rewards, beta: (
            (log_policy.exp() * rewards).sum(-1) - kl(log_policy, ref_log_probs)
        ),
    ),
    Mistake(
        "β multiplies the KL alone, not the reward too.",
        lambda log_policy, ref_log_probs, rewards, beta: (
            beta * ((log_policy.exp() * rewards).sum(-1) - kl(log_policy, ref_log_probs))
        ),
    ),
    Mistake(
        "Weigh the rewards by π: an expectation, not a plain mean.",
        lambda log_policy, ref_log_probs, rewards, beta: rewards.mean(-1) - beta * kl(log_policy, ref_log_probs),
    ),
    Mistake(
        "Weigh the rewards by π: an expectation, not a plain sum.",
        lambda log_policy, ref_log_probs, rewards, beta: rewards.sum(-1) - beta * kl(log_policy, ref_log_probs),
    ),
    Mistake(
        "The leash is missing: subtract β KL(π‖π_ref).",
        lambda log_policy, ref_log_probs, rewards, beta: (log_policy.exp() * rewards).sum(-1),
    ),
)

J_POOLED = Mistake(
    ROWS,
    lambda log_policy, ref_log_probs, rewards, beta: (
        (log_policy.exp() * rewards).sum() - beta * kl(log_policy, ref_log_probs)
    ),
)

objective_of_one_row = Cases(
    "kl_objective",
    name="reward_minus_beta_kl",
    promise="J(π) is the expected reward under π minus β times KL(π‖π_ref).",
    points=2,
    reference=objective,
    pool=goals,
    tolerance=TOLERANCE,
    mistakes=J_MISTAKES,
    hints={
        "value": "E_π[r] − β KL(π‖π_ref), nothing else, float64 to the end." + OWN_KL,
        "nan": "A nan from ordinary numbers: which line makes it?" + OWN_KL,
        "type": TENSOR + OWN_KL,
        "dtype": FLOAT64 + OWN_KL,
        "shape": "One row gives one number: a tensor without dimensions." + OWN_KL,
    },
)
objective_of_rows = Cases(
    "kl_objective",
    name="objective_of_each_prompt",
    promise="Every prompt has its own objective: one number for each row. " + KEPT,
    points=1,
    reference=objective,
    pool=lambda: same_shapes(
        lambda shape, seed: (
            distribution(*shape, seed=seed),
            distribution(*shape, seed=40 + seed),
            numbers(*shape, seed=80 + seed),
            0.7,
        ),
        "log_policy",
        "ref_log_probs",
        "rewards",
    ),
    tolerance=TOLERANCE,
    keeps_inputs=True,
    fresh=True,
    mistakes=(*J_MISTAKES[:3], J_POOLED),
    hints={
        "type": TENSOR + OWN_KL,
        "dtype": FLOAT64 + OWN_KL,
        "shape": ROWS + OWN_KL,
        "value": FIRST + ROWS + OWN_KL,
    },
)
objective_with_zeros = Cases(
    "kl_objective",
    name="objective_with_forbidden_responses",
    promise="A policy may give up responses; one that says what the reference forbids has J = −inf.",
    points=1,
    reference=objective,
    pool=given_up,
    keeps_inputs=True,
    fresh=True,
    tolerance=TOLERANCE,
    mistakes=(
        *J_MISTAKES[:3],
        J_POOLED,
        Mistake(
            "Saying what the reference forbids costs infinitely much: J = −inf, not nan and no large number.",
            lambda log_policy, ref_log_probs, rewards, beta: (
                (log_policy.exp() * (rewards - beta * (log_policy - ref_log_probs))).nan_to_num(0.0, 0.0, 0.0).sum(-1)
            ),
        ),
    ),
    hints={
        "type": TENSOR + OWN_KL,
        "dtype": FLOAT64 + OWN_KL,
        "shape": ROWS + OWN_KL,
        "nan": "What π never says adds 0 to both parts; take care of 0 · (−inf)." + OWN_KL,
        "value": FIRST
        + "what π never says adds 0 to both parts; what only π_ref forbids costs infinitely much."
        + OWN_KL,
        "responses that π gives and π_ref forbids": "Saying what the reference forbids costs infinitely much: "
        "J = −inf, in that row alone." + OWN_KL,
        "log-probs as low as -1e4": "Log-probs count as they are, also where `exp` makes them 0." + OWN_KL,
    },
)
