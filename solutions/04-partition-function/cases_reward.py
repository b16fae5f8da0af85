"""Inputs of `reward_from_policy`, what is right for each, and the mistakes that are likely."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from cases_common import FIRST, FLOAT64, KEPT, TOLERANCE, Z_ALONG, distribution, numbers, rows, same_shapes
from cases_optimum import log_z, optimum, tilts

from grader.checks import Case, Cases, Mistake


def reward(log_policy: torch.Tensor, ref_log_probs: torch.Tensor, beta: float, log_z: torch.Tensor) -> torch.Tensor:
    """β times the log-ratio, plus β log Z."""
    return beta * (log_policy - ref_log_probs) + beta * log_z[..., None]


def optima() -> Iterator[Case]:
    """One row: optimal policies of known rewards, and any others."""
    for case in tilts():
        ref, r, beta = case.args
        if beta == 1e-3:
            continue
        args = (optimum(ref, r, beta), ref, beta, log_z(ref, r, beta))
        yield Case(case.name, args=args, family=case.family)
    for seed, beta in enumerate((0.1, 1.0, 2.0)):
        args = (distribution(6, seed=seed), distribution(6, seed=9 + seed), beta, numbers(1, seed=seed, scale=5.0)[0])
        yield Case(f"any {beta}", args=args, family="any policy and any log Z")
    ref = distribution(4, seed=4)
    yield Case(
        "the reference", args=(ref, ref.clone(), 2.0, torch.tensor(3.0).double()), family="a policy that is π_ref"
    )
    args = (distribution(4, seed=5), ref, 2.0, torch.tensor(0.0).double())
    yield Case("no log Z", args=args, family="log Z of 0")


def improbable() -> Iterator[Case]:
    """Log-probs as low as −2e4, and log Z as large as ±1e4."""
    policy = rows([-2000.0, 0.0, -900.0], [-1e4, -2e4, 0.0], [-0.3, -800.0, -1.5]).log_softmax(-1)
    ref = rows([-1500.0, -0.7, -1800.0], [-0.7, -0.7, -2e4], [-1e4, 0.0, -750.0]).log_softmax(-1)
    z = torch.full((3,), -3.0, dtype=torch.float64)
    for name, log_p, log_q in (("both low", policy, ref), ("π low", policy, distribution(3, 3, seed=1))):
        yield Case(name, args=(log_p, log_q, 0.1, z), family="log-probs as low as -2e4")
        yield Case(f"{name}, one row", args=(log_p[0], log_q[0], 0.1, z[0]), family="log-probs as low as -2e4")
    yield Case("π_ref low", args=(distribution(3, 3, seed=1), ref, 2.0, z), family="log-probs as low as -2e4")
    for log_p, log_q in (([0.0, -2000.0], [0.0, -1500.0]), ([0.0, -2000.0], [0.0, -900.0]), ([0.0, -9e3], [0.0, -1e3])):
        for beta in (0.1, 2.0):
            args = (rows(log_p)[0], rows(log_q)[0], beta, z[0])
            yield Case(f"{log_p} {log_q} {beta}", args=args, family="log-probs as low as -2e4")
    for row in (1, 2):
        args = (policy[row], ref[row], 0.5, z[row])
        yield Case(f"both low, row {row}", args=args, family="log-probs as low as -2e4")
    for size in (1e4, -1e4, 800.0):
        args = (distribution(3, 4, seed=2), distribution(3, 4, seed=3), 0.5, z * 0 + size)
        yield Case(f"log Z {size}", args=args, family="log Z of ±10,000")
        yield Case(f"log Z {size}, one row", args=(args[0][0], args[1][0], 0.5, args[3][0]), family="log Z of ±10,000")


REWARD_MISTAKES = (
    Mistake(
        "log Z is multiplied by β as well: r = β (log π − log π_ref + log Z).",
        lambda log_policy, ref_log_probs, beta, log_z: beta * (log_policy - ref_log_probs) + log_z[..., None],
    ),
    Mistake(
        "log Z is missing: only differences between responses are right.",
        lambda log_policy, ref_log_probs, beta, log_z: beta * (log_policy - ref_log_probs),
    ),
    Mistake(
        "Add β log Z; you subtract it.",
        lambda log_policy, ref_log_probs, beta, log_z: beta * (log_policy - ref_log_probs - log_z[..., None]),
    ),
    Mistake(
        "Multiply the log-ratio by β; you divide.",
        lambda log_policy, ref_log_probs, beta, log_z: (log_policy - ref_log_probs + log_z[..., None]) / beta,
    ),
    Mistake(
        "The ratio is π/π_ref, not π_ref/π.",
        lambda log_policy, ref_log_probs, beta, log_z: beta * (log_z[..., None] - log_policy + ref_log_probs),
    ),
    Mistake(
        "β is missing.", lambda log_policy, ref_log_probs, beta, log_z: log_policy - ref_log_probs + log_z[..., None]
    ),
    Mistake(
        "π_ref is missing: it is a ratio.",
        lambda log_policy, ref_log_probs, beta, log_z: beta * (log_policy + log_z[..., None]),
    ),
    Mistake(
        "The logarithm of the ratio, not the ratio.",
        lambda log_policy, ref_log_probs, beta, log_z: beta * ((log_policy - ref_log_probs).exp() + log_z[..., None]),
    ),
    Mistake(
        "log Z is a logarithm already: take no other.",
        lambda log_policy, ref_log_probs, beta, log_z: beta * (log_policy - ref_log_probs + log_z.log()[..., None]),
    ),
    Mistake(
        "log Z is added as it is: it is a logarithm, and r is one.",
        lambda log_policy, ref_log_probs, beta, log_z: beta * (log_policy - ref_log_probs + log_z.exp()[..., None]),
    ),
)
FORM_OF_REWARDS = {
    "error": "Where shapes do not fit: log Z has one number a row, and `[..., None]` lets it meet its own row.",
    "type": "Return a tensor, float64, in the shape of the log-probs.",
    "dtype": FLOAT64,
    "shape": Z_ALONG,
}

reward_of_one_row = Cases(
    "reward_from_policy",
    name="inverts_the_optimal_policy",
    promise="R = β log(π/π_ref) + β log Z: the rewards from which π* was made come back.",
    points=2,
    reference=reward,
    pool=optima,
    tolerance=TOLERANCE,
    mistakes=REWARD_MISTAKES,
    hints={**FORM_OF_REWARDS, "value": "β (log π − log π_ref) + β log Z, float64 to the end."},
)
reward_of_rows = Cases(
    "reward_from_policy",
    name="adds_each_prompts_own_log_z",
    promise="Log Z(x) is one number for each prompt, added to all responses of that prompt. " + KEPT,
    points=1,
    reference=reward,
    pool=lambda: same_shapes(
        lambda shape, seed: (
            distribution(*shape, seed=seed),
            distribution(*shape, seed=40 + seed),
            0.5,
            numbers(*shape[:-1], seed=80 + seed),
        ),
        "log_policy",
        "ref_log_probs",
        "log_z",
    ),
    tolerance=TOLERANCE,
    keeps_inputs=True,
    fresh=True,
    mistakes=REWARD_MISTAKES[:3],
    hints={**FORM_OF_REWARDS, "value": FIRST + Z_ALONG},
)
reward_of_the_improbable = Cases(
    "reward_from_policy",
    name="works_on_log_probs_alone",
    promise="Responses with probabilities far too small for a float have finite rewards.",
    points=1,
    reference=reward,
    pool=improbable,
    keeps_inputs=True,
    fresh=True,
    tolerance=TOLERANCE,
    mistakes=(
        *REWARD_MISTAKES[:3],
        Mistake(
            "exp(−2000) is 0 as a float: take the difference of the log-probs, never the ratio of the probabilities.",
            lambda log_policy, ref_log_probs, beta, log_z: (
                beta * ((log_policy.exp() / ref_log_probs.exp()).log() + log_z[..., None])
            ),
        ),
        Mistake(
            "exp(log π − log π_ref) leaves the range of floats beyond ±700: the difference is the logarithm already.",
            lambda log_policy, ref_log_probs, beta, log_z: (
                beta * ((log_policy - ref_log_probs).exp().log() + log_z[..., None])
            ),
        ),
        Mistake(
            "exp(log Z) leaves the range of floats beyond ±700: log Z is added as it is.",
            lambda log_policy, ref_log_probs, beta, log_z: (
                beta * (log_policy - ref_log_probs + log_z.exp().log()[..., None])
            ),
        ),
    ),
    hints={
        **FORM_OF_REWARDS,
        "value": FIRST + "log-probs of −20,000 and log Z of ±10,000 are ordinary numbers: no `exp`, no bounds.",
        "log-probs as low as -2e4": "The difference of log-probs is an ordinary number: no `exp`, no bounds.",
        "log Z of ±10,000": "log Z is an ordinary number, added as it is: no `exp` on the way, no bounds.",
        "nan": "0/0 or inf − inf: an `exp` on the way. Take the difference of the log-probs as they are.",
    },
)
