"""Cases of `kl_estimators`: log-probs of any shape, policies that hardly differ."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from cases_inputs import F32, F64, NAMES, Tensor, in_double, layouts, mistakes_beside, numbers, without

from grader.checks import Case, Cases, Mistake


@in_double
def right_estimators(logprobs: Tensor, ref_logprobs: Tensor) -> dict[str, Tensor]:
    """Schulman's three, with r = π_ref/π."""
    log_r = ref_logprobs - logprobs
    return {"k1": -log_r, "k2": log_r**2 / 2, "k3": log_r.expm1() - log_r}


def with_part(name: str, part: Callable[[Tensor], Tensor]) -> Callable[..., dict[str, Tensor]]:
    """The three, with one of them another function of log r."""
    return lambda lp, ref: right_estimators(lp, ref) | {name: part(ref - lp)}


ESTIMATOR_MISTAKES = {
    "sign": ("k1 has the wrong sign: over samples of π its mean must not be negative.", with_part("k1", lambda x: x)),
    "turned": (
        "The ratio in k3 is turned: e^−d is π_ref/π, because the samples come from π.",
        with_part("k3", lambda x: (-x).expm1() + x),
    ),
    "swapped": (
        "Policy and reference have changed places: that is the other direction of the KL.",
        lambda lp, ref: right_estimators(ref, lp),
    ),
    "added": ("k3 is e^−d − 1 + d: you subtract d.", with_part("k3", lambda x: x.expm1() + x)),
    "half": ("k2 has a factor ½.", with_part("k2", lambda x: x**2)),
    "ratio": ("k2 is the square of the log-ratio, not of e^−d − 1.", with_part("k2", lambda x: x.expm1() ** 2 / 2)),
    "absolute": ("k1 may be negative: no absolute value.", with_part("k1", lambda x: x.abs())),
    "no_log": ("k3 is e^−d − 1 + d: the d at its end is missing.", with_part("k3", lambda x: x.expm1())),
    "no_one": ("k3 is e^−d − 1 + d: the 1 is missing.", with_part("k3", lambda x: x.exp() - x)),
    "mean": (
        "One estimate for each sample: no mean.",
        lambda lp, ref: {name: value.mean() for name, value in right_estimators(lp, ref).items()},
    ),
}  # fmt: skip


def digits_lost(logprobs: Tensor, ref_logprobs: Tensor) -> dict[str, Tensor]:
    """k3 by exp and −1, in the dtype of the log-probs."""
    log_r = ref_logprobs - logprobs
    return {"k1": -log_r, "k2": log_r**2 / 2, "k3": log_r.exp() - 1 - log_r}


def estimate_pool() -> Iterator[Case]:
    """Log-probs of any shape."""
    for seed, shape in enumerate(((5,), (1,), (2, 3), (3, 2), (2, 3, 4), (), (1, 1), (40, 8))):
        for scale in (0.3, 2.0):
            lp, ref = (-numbers(seed + k, *shape, scale=scale).abs() for k in (0, 100))
            family = "log-probs of no dimension" if shape == () else "log-probs of any shape"
            yield Case(f"{list(shape)}, {scale}", args=(lp, ref), family=family)
    same = -numbers(7, 4).abs()
    yield Case("equal", args=(same, same.clone()), family="policies that agree")
    far = torch.tensor([-1.0, -30.0, -0.5, -20.0], dtype=F64)
    yield Case("far apart", args=(far, far.flip(0)), family="policies that are far apart")


def near_pool() -> Iterator[Case]:
    """Policies that hardly differ, both dtypes, layouts."""
    steps = torch.tensor([0.0, 1e-4, -1e-4, 3e-4, -7e-4, 1e-3])
    for level in (-2.0, -1.5, -2.5):
        ref = torch.full((6,), level)
        for name, lp in {"above": ref + steps, "below": ref - steps}.items():
            family = "policies that hardly differ, in float32"
            yield Case(f"{level}, {name}", args=(lp, ref), family=family, tolerance=5e-10)
            yield Case(f"{level}, {name}, 2 × 3", args=(lp.view(2, 3), ref.view(2, 3)), family=family, tolerance=5e-10)
    for scale, tolerance in ((1e-6, 1e-17), (1e-4, 1e-15)):
        lp = torch.full((5,), -2.0, dtype=F64)
        args = (lp, lp + numbers(3, 5, scale=scale))
        yield Case(f"float64, {scale}", args=args, family="policies that hardly differ", tolerance=tolerance)
    for dtype in (F32, F64):
        for seed, shape in enumerate(((5,), (3, 2), (2, 3, 4), ())):
            lp, ref = (-numbers(seed + k, *shape, dtype=dtype).abs() for k in (0, 100))
            yield Case(f"{NAMES[dtype]}, {list(shape)}", args=(lp, ref), family=NAMES[dtype])
        lp, ref = (-numbers(k, 4, 3, dtype=dtype).abs() for k in (0, 100))
        yield from layouts(NAMES[dtype], (lp, ref), ("logprobs", "ref_logprobs"))


estimators_defined = Cases(
    "kl_estimators",
    name="k1_k2_k3_are_those_of_the_definition",
    promise="With d = log π − log π_ref: k1 = d, k2 = ½ d², k3 = e^−d − 1 + d, one for each sample.",
    points=2,
    reference=right_estimators,
    pool=estimate_pool,
    mistakes=mistakes_beside(right_estimators, ESTIMATOR_MISTAKES),
)
estimators_near = Cases(
    "kl_estimators",
    name="k3_is_never_negative",
    promise=(
        "k3 is at least 0 and right also where the policies hardly differ, in float32; dtype is kept, "
        "and the arguments stay as they are."
    ),
    points=1,
    reference=right_estimators,
    pool=near_pool,
    keeps_inputs=True,
    fresh=True,
    mistakes=(
        Mistake("e^x − 1 loses all digits where x is small: use `torch.expm1`.", digits_lost),
        *mistakes_beside(right_estimators, without(ESTIMATOR_MISTAKES, "turned")),
    ),
)
