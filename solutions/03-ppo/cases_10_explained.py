"""Cases of `explained_variance`: value heads of every quality, returns that do not vary."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from cases_inputs import (
    ANY,
    F32,
    F64,
    KINDS,
    MASK,
    NAMES,
    NAN,
    SPOILT,
    Tensor,
    all_spoilt,
    in_double,
    kept,
    layouts,
    mistakes_beside,
    numbers,
    rows,
    without,
)

from grader.checks import Case, Cases


@in_double
def right_explained(values: Tensor, returns: Tensor, mask: Tensor) -> float:
    """1 − MSE / Var, in float64."""
    seen, goal = kept(values, returns, mask=mask)
    if len(goal) < 2 or bool((goal == goal[0]).all()):
        raise ValueError("no variance to explain")
    return float(1 - ((seen - goal) ** 2).mean() / goal.var())


def explained(share: Callable[[Tensor, Tensor], Any]) -> Callable[..., float]:
    """Another share, a function of values and returns that count."""
    return lambda v, r, m: float(share(*kept(v, r, mask=m)))


def mse(v: Tensor, r: Tensor) -> Tensor:
    """The mean squared error."""
    return ((v - r) ** 2).mean()


EXPLAINED_MISTAKES = {
    "offset": (
        "The error is MSE, not its variance: a constant offset is an error too.",
        explained(lambda v, r: 1 - (v - r).var() / r.var()),
    ),
    "bessel": (
        "The MSE divides by n, the variance is Bessel's, with n − 1: yours has the same for both.",
        explained(lambda v, r: 1 - mse(v, r) / r.var(unbiased=False)),
    ),
    "of_values": (
        "Divide by the variance of the returns, not of the values.",
        explained(lambda v, r: 1 - mse(v, r) / v.var()),
    ),
    "correlation": (
        "That is the squared correlation, which forgives offset and scale.",
        explained(lambda v, r: torch.corrcoef(torch.stack([v, r]))[0, 1] ** 2),
    ),
    "unexplained": (
        "That is the share that is *not* explained: 1 minus it.",
        explained(lambda v, r: mse(v, r) / r.var()),
    ),
    "deviation": (
        "Divide by the variance, not by the standard deviation.",
        explained(lambda v, r: 1 - mse(v, r) / r.std()),
    ),
    "floor": (
        "The result may be far below 0: do not cut it off.",
        explained(lambda v, r: (1 - mse(v, r) / r.var()).clamp(min=0.0)),
    ),
}  # fmt: skip
EXPLAINED_PADDING = {
    "padding": (
        "Masked places count in yours.",
        lambda v, r, m: float(1 - ((v - r) ** 2).mean() / r.var()),
    ),
    "zeros": (
        "Masked places count as zeros in yours: pick what counts first.",
        lambda v, r, m: float(
            1 - (torch.where(m, v - r, 0.0) ** 2).mean() / torch.where(m, r, 0.0).var()
        ),
    ),
}  # fmt: skip


def guesses(returns: Tensor, noise: Tensor) -> dict[str, Tensor]:
    """Values of value heads: good, untrained, off by a constant."""
    return {
        "a fair value head": returns + 0.5 * noise,
        "a value head with an offset": 0.3 * returns + 1.5,
        "an untrained value head": 3 * noise,
    }


def explained_pool() -> Iterator[Case]:
    """Value heads of every quality, all masks."""
    for seed, (family, mask) in enumerate(ANY.items()):
        if mask.sum() < 2:
            continue
        returns = numbers(seed, *mask.shape)
        returns = 2 * returns / returns[mask].std() + 0.5
        for name, values in guesses(returns, numbers(seed + 20, *mask.shape)).items():
            yield Case(
                f"{family}, {name}", args=(values, returns, mask), family=KINDS.get(family, family), tolerance=1e-5
            )


def quality_pool() -> Iterator[Case]:
    """By hand: perfect, constant, off."""
    for seed, count in enumerate((5, 2, 8, 40)):
        goal = torch.arange(1.0, count + 1, dtype=F64)[None]
        mask = torch.ones(1, count, dtype=torch.bool)
        heads = {
            "perfect values": goal, "values that are all the mean": goal * 0 + goal.mean(),
            "values that are off by a constant": goal + 10, "values that are worse than the mean": -goal,
            "values of 0": 0 * goal, "values off by a little": goal + 0.1 * numbers(seed, 1, count),
        }  # fmt: skip
        for family, values in heads.items():
            yield Case(f"{count}, {family}", args=(values, goal, mask), family=family, tolerance=1e-4)


def variance_pool() -> Iterator[Case]:
    """No variance, anything where the mask is false, dtypes, layouts, sizes."""
    for dtype in (F32, F64):
        full = torch.ones(1, 3, dtype=torch.bool)
        some = numbers(1, 1, 3, dtype=dtype)
        for value in (2.0, 0.0, -1.5, 1024.0, 0.1, -0.7, 1e-3):
            args = (some, torch.full((1, 3), value, dtype=dtype), full)
            yield Case(f"{NAMES[dtype]}, returns of {value}", args=args, family="returns that are all equal")
            mixed = torch.tensor([[value, 9.0, value], [7.0, value, 8.0]], dtype=dtype)
            turned = {"": (mixed, rows("x.x", ".x.")), ", turned": (mixed.flip(0), rows(".x.", "x.x"))}
            for how, (goal, mask) in turned.items():
                yield Case(
                    f"{NAMES[dtype]}, where the mask is true, {value}{how}",
                    args=(numbers(2, 2, 3, dtype=dtype), goal, mask), family="returns that are all equal",
                )  # fmt: skip
        for value, count in ((0.1, 7), (0.7, 10), (1 / 3, 30)):  # their mean is rounded
            args = (numbers(3, 1, count, dtype=dtype), torch.full((1, count), value, dtype=dtype))
            yield Case(
                f"{NAMES[dtype]}, {count} returns of {value:.3f}", args=(*args, torch.ones(1, count, dtype=torch.bool)),
                family="returns that are all equal",
            )  # fmt: skip
        for family, mask in {"a single token": rows(".x."), "no token": rows("...")}.items():
            args = (some, torch.tensor([[1.0, 3.0, 5.0]], dtype=dtype), mask)
            yield Case(f"{NAMES[dtype]}, {family}", args=args, family=family)
        for seed, (name, mask) in enumerate(ANY.items()):
            values, returns = (numbers(seed + k, *mask.shape, dtype=dtype) for k in (30, 60))
            if mask.sum() > 1 and not mask.all():
                returns = 2 * returns / returns[mask].std()
                args = (*all_spoilt((values, returns), mask, seed), mask)
                yield Case(f"{NAMES[dtype]}, {name}", args=args, family=SPOILT, tolerance=1e-4)
        for scale in (1e-6, 1e4):
            args = (numbers(7, 4, 7, scale=scale, dtype=dtype), numbers(8, 4, 7, scale=scale, dtype=dtype), MASK)
            yield Case(f"{NAMES[dtype]}, {scale:g}", args=args, family=f"returns of size {scale:g}", tolerance=1e-4)
        args = (numbers(7, 4, 7, dtype=dtype), numbers(8, 4, 7, dtype=dtype), MASK)
        yield from layouts(NAMES[dtype], args, ("values", "returns", "mask"), tolerance=1e-4)


explained_defined = Cases(
    "explained_variance",
    name="explained_variance_is_that_of_trl",
    promise="1 − MSE / Var(returns), over the tokens that count, the variance with n − 1.",
    points=2,
    reference=right_explained,
    pool=explained_pool,
    mistakes=mistakes_beside(right_explained, EXPLAINED_MISTAKES, EXPLAINED_PADDING),
)
explained_quality = Cases(
    "explained_variance",
    name="perfect_is_one_and_worse_than_the_mean_is_negative",
    promise="Perfect values explain 1, the constant mean explains about 0, and worse than that is negative.",
    points=1,
    reference=right_explained,
    pool=quality_pool,
    mistakes=mistakes_beside(right_explained, without(EXPLAINED_MISTAKES, "of_values")),
)
explained_varies = Cases(
    "explained_variance",
    name="explained_variance_needs_variance",
    promise=(
        "A Python float comes back, nan at masked places is ignored, and returns that do not vary raise ValueError."
    ),
    points=1,
    reference=right_explained,
    pool=variance_pool,
    keeps_inputs=True,
    hints={
        "nan": NAN,
        "type": "Return a Python float: `.item()`.",
        "no error": "Of equal returns, or of fewer than two tokens, there is no variance to explain: raise ValueError.",
    },
    mistakes=mistakes_beside(right_explained, EXPLAINED_MISTAKES, EXPLAINED_PADDING),
)
