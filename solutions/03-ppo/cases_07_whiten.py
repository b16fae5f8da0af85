"""Cases of `whiten`: masks and sizes, too few tokens, large means."""

from __future__ import annotations

from collections.abc import Callable, Iterator

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
    in_double,
    layouts,
    mistakes_beside,
    numbers,
    rows,
    spoilt,
    without,
)

from grader.checks import Case, Cases, Mistake


@in_double
def right_whiten(values: Tensor, mask: Tensor, shift_mean: bool = True) -> Tensor:
    """`trl.core.masked_whiten`, 0 where the mask is false."""
    some = values[mask]
    if len(some) < 2:
        raise ValueError("fewer than two places count")
    return rescaled(values, mask, shift_mean, some.mean(), torch.rsqrt(some.var() + 1e-8))


def rescaled(x: Tensor, mask: Tensor, shift: bool, mean: Tensor, factor: Tensor) -> Tensor:
    """(x − mean) · factor, plus the mean if it is not to be shifted, 0 where the mask is false."""
    return torch.where(mask, (x - mean) * factor + (0.0 if shift else mean), 0.0)


def of_the_kept(factor: Callable[[Tensor], Tensor]) -> Callable[..., Tensor]:
    """Whitening with another factor, a function of the values that count."""
    return lambda x, m, shift=True: rescaled(x, m, shift, x[m].mean(), factor(x[m]))


def by_row(x: Tensor, m: Tensor, shift: bool = True) -> Tensor:
    """Each row has a mean and a variance of its own."""
    count = m.sum(1, keepdim=True)
    mean = torch.where(m, x, 0.0).sum(1, keepdim=True) / count
    var = torch.where(m, (x - mean) ** 2, 0.0).sum(1, keepdim=True) / (count - 1).clamp(min=1)
    return rescaled(x, m, shift, mean, torch.rsqrt(var + 1e-8))


def left_unmasked(x: Tensor, m: Tensor, shift: bool = True) -> Tensor:
    """Whitened everywhere."""
    mean = x[m].mean()
    return (x - mean) * torch.rsqrt(x[m].var() + 1e-8) + (0.0 if shift else mean)


WHITEN_MISTAKES = {
    "bessel": (
        "The variance is Bessel's: divide by n − 1, as TRL does.",
        of_the_kept(lambda k: (k.var(unbiased=False) + 1e-8).rsqrt()),
    ),
    "outside": (
        "The 1e-8 stands inside the root: rsqrt(var + 1e-8).",
        of_the_kept(lambda k: 1 / (k.var().sqrt() + 1e-8)),
    ),
    "variance": (
        "Divide by the standard deviation, not by the variance.",
        of_the_kept(lambda k: 1 / (k.var() + 1e-8)),
    ),
    "by_row": ("The mean is over all tokens of the batch, not of each row.", by_row),
    "everything": (
        "Masked places count in your mean and variance.",
        lambda x, m, shift=True: rescaled(x, m, shift, x.mean(), torch.rsqrt(x.var() + 1e-8)),
    ),
    "zeros": (
        "Masked places count as zeros in your mean and variance.",
        lambda x, m, shift=True: rescaled(
            x, m, shift, torch.where(m, x, 0.0).mean(), torch.rsqrt(torch.where(m, x, 0.0).var() + 1e-8)
        ),
    ),
    "unmasked": ("Masked places are to be 0.", left_unmasked),
}  # fmt: skip
SHIFT_MISTAKES = {
    "always": (
        "shift_mean is not used: where it is false, the mean is added again at the end.",
        lambda x, m, shift=True: right_whiten(x, m),
    ),
    "scaled": (
        "Scale the distance from the mean, then add the mean: you scale the mean too.",
        lambda x, m, shift=True: rescaled(x, m, True, 0.0 if not shift else x[m].mean(), (x[m].var() + 1e-8).rsqrt()),
    ),
}  # fmt: skip
NOT_CENTRED = {
    "not_centred": (
        "The mean is not subtracted.",
        lambda x, m, shift=True: torch.where(m, x * (x[m].var() + 1e-8).rsqrt(), 0.0),
    ),
    "added_again": (
        "The mean is added again in yours, though shift_mean is true.",
        lambda x, m, shift=True: right_whiten(x, m, False),
    ),
}


def one_pass(values: Tensor, mask: Tensor, shift_mean: bool = True) -> Tensor:
    """The variance as mean of squares minus square of the mean, in the dtype of the values."""
    some = values[mask]
    var = ((some**2).mean() - some.mean() ** 2).clamp(min=0) * len(some) / (len(some) - 1)
    return rescaled(values, mask, shift_mean, some.mean(), torch.rsqrt(var + 1e-8))


WHITEN_TOLERANCE = {F32: 2e-5, F64: 1e-6}  # TRL's own n/(n − 1) is a float32


def whiten_pool() -> Iterator[Case]:
    """Masks and sizes."""
    for seed, (family, mask) in enumerate(ANY.items()):
        if mask.sum() < 2:
            continue
        for scale in (1.0, 1e-4, 1e-6, 1e4):
            values = (numbers(seed, *mask.shape) + 3) * scale
            size = KINDS.get(family, family) if scale == 1.0 else f"values of size {scale:g}"
            yield Case(f"{family}, {scale:g}", args=(values, mask), family=size, tolerance=1e-6)


def kept_mean_pool() -> Iterator[Case]:
    """The mean is kept."""
    for seed, (family, mask) in enumerate(ANY.items()):
        if mask.sum() < 2:
            continue
        for shift in (False, True):
            args = (2 * numbers(seed + 40, *mask.shape) + 5, mask, shift)
            yield Case(f"{family}, {shift}", args=args, family=f"shift_mean={shift}", tolerance=1e-5)


def few_tokens_pool() -> Iterator[Case]:
    """Too few tokens, equal values, anything where the mask is false, dtypes, layouts, large means."""
    for dtype in (F32, F64):
        few = {"no token": rows("...", "..."), "a single token": rows("...", ".x.")}
        few |= {"one row of one token": rows("x"), "one row without a token": rows(".")}
        for seed, (family, mask) in enumerate(few.items()):
            for shift in (True, False):
                args = (numbers(seed, *mask.shape, dtype=dtype), mask, shift)
                yield Case(f"{NAMES[dtype]}, {family}, {shift}", args=args, family="fewer than two tokens")
        two = rows("x..", "xx.")
        for first in range(3):
            args = (spoilt(torch.full((2, 3), 7.0, dtype=dtype), two, first), two)
            yield Case(f"{NAMES[dtype]}, equal, {first}", args=args, family="equal values", tolerance=1e-6)
        for seed, (name, mask) in enumerate(ANY.items()):
            if mask.sum() > 1 and not mask.all():
                args = (spoilt(numbers(seed, *mask.shape, dtype=dtype), mask, seed), mask)
                yield Case(f"{NAMES[dtype]}, {name}", args=args, family=SPOILT, tolerance=WHITEN_TOLERANCE[dtype])
        for seed in range(3):
            args = (numbers(seed, 4, 7, dtype=dtype) + 1000, MASK)
            yield Case(f"{NAMES[dtype]}, far {seed}", args=args, family="a mean of 1000 spreads", tolerance=1e-3)
        args = (numbers(9, 4, 7, dtype=dtype), MASK)
        yield from layouts(NAMES[dtype], args, ("values", "mask"), tolerance=WHITEN_TOLERANCE[dtype])
        args = (numbers(9, 1, 2, dtype=dtype), rows("xx"))
        yield Case(f"{NAMES[dtype]}, two", args=args, family="two tokens", tolerance=WHITEN_TOLERANCE[dtype])


whiten_defined = Cases(
    "whiten",
    name="whitening_is_that_of_trl",
    promise="(x − mean) / sqrt(var + 1e-8), with mean and variance over all tokens that count; masked places are 0.",
    points=2,
    reference=right_whiten,
    pool=whiten_pool,
    mistakes=mistakes_beside(right_whiten, WHITEN_MISTAKES, NOT_CENTRED),
)
whiten_kept = Cases(
    "whiten",
    name="whitening_may_keep_the_mean",
    promise="With shift_mean=False the spread is scaled and the mean is added again.",
    points=1,
    reference=right_whiten,
    pool=kept_mean_pool,
    mistakes=mistakes_beside(right_whiten, SHIFT_MISTAKES, without(WHITEN_MISTAKES, "outside")),
)
whiten_few = Cases(
    "whiten",
    name="whitening_needs_two_tokens",
    promise=(
        "Equal values become 0, nan outside the mask is ignored, one token alone raises ValueError; "
        "dtype and arguments stay."
    ),
    points=1,
    reference=right_whiten,
    pool=few_tokens_pool,
    keeps_inputs=True,
    fresh=True,
    hints={
        "nan": NAN,
        "no error": "Of fewer than two tokens there is no variance: raise ValueError instead of returning nan.",
    },
    mistakes=(
        Mistake("The variance loses its digits beside a large mean: take it of the distances from the mean.", one_pass),
        *mistakes_beside(right_whiten, without(WHITEN_MISTAKES, "outside"), NOT_CENTRED),
    ),
)
