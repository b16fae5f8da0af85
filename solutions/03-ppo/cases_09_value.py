"""Cases of `value_loss_clipped`: whole batches, and tokens on both sides of the clip."""

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
def right_value_loss(
    values: Tensor, old_values: Tensor, returns: Tensor, mask: Tensor, clip_range: float = 0.2
) -> Tensor:
    """Half the mean of the larger squared error, over the tokens that count."""
    return 0.5 * worst(*kept(values, old_values, returns, mask=mask), clip_range).mean()


def worst(new: Tensor, old: Tensor, goal: Tensor, clip: float) -> Tensor:
    """The larger squared error of each token."""
    return torch.max((new - goal) ** 2, (near(new, old, clip) - goal) ** 2)


def near(new: Tensor, old: Tensor, clip: float) -> Tensor:
    """The value, clipped to ±ε around the old one."""
    return old + (new - old).clamp(-clip, clip)


def value_loss(term: Callable[[Tensor, Tensor, Tensor, float], Tensor]) -> Callable[..., Tensor]:
    """Half the mean of another error, a function of value, old value, return and ε."""

    def loss(new: Tensor, old: Tensor, goal: Tensor, mask: Tensor, clip: float = 0.2) -> Tensor:
        return 0.5 * term(*kept(new, old, goal, mask=mask), clip).mean()

    return loss


VALUE_MISTAKES = {
    "plain": (
        "The clip is missing, or it is around the returns, where it changes nothing: for each token the larger error "
        "counts, and the clip is around the *old values*.",
        value_loss(lambda v, old, goal, clip: (v - goal) ** 2),
    ),
    "to_zero": (
        "You clip the values themselves to ±ε: clip their distance from the old values.",
        value_loss(lambda v, old, goal, clip: torch.max((v - goal) ** 2, (v.clamp(-clip, clip) - goal) ** 2)),
    ),
    "factor": (
        "The value's clip is a distance, ±ε, not a ratio.",
        value_loss(
            lambda v, old, goal, clip: torch.max(
                (v - goal) ** 2, (old * (v / old).clamp(1 - clip, 1 + clip) - goal) ** 2
            )
        ),
    ),
    "smaller": (
        "The larger of the two errors counts; yours takes the smaller one.",
        value_loss(
            lambda v, old, goal, clip: torch.min((v - goal) ** 2, (near(v, old, clip) - goal) ** 2)
        ),
    ),
    "clipped_alone": (
        "The clipped error alone is not enough: for each token take the larger of both.",
        value_loss(lambda v, old, goal, clip: (near(v, old, clip) - goal) ** 2),
    ),
    "no_half": ("The factor ½ is missing.", value_loss(lambda v, old, goal, clip: 2 * worst(v, old, goal, clip))),
    "absolute": (
        "The loss is squared, not absolute.",
        value_loss(lambda v, old, goal, clip: worst(v, old, goal, clip).sqrt()),
    ),
    "fixed": ("clip_range is not used.", value_loss(lambda v, old, goal, clip: worst(v, old, goal, 0.2))),
    "added": (
        "Of both errors the larger counts, not their sum or mean.",
        value_loss(
            lambda v, old, goal, clip: ((v - goal) ** 2 + (near(v, old, clip) - goal) ** 2) / 2
        ),
    ),
    "sum": (
        "A sum, not a mean: divide by the number of tokens that count.",
        value_loss(lambda v, old, goal, clip: worst(v, old, goal, clip) * len(v)),
    ),
}  # fmt: skip
VALUE_MEANS = {
    "unmasked": (
        "The mean counts masked places.",
        lambda v, old, goal, m, clip=0.2: 0.5 * worst(v, old, goal, clip).mean(),
    ),
    "all_places": (
        "The mean is over the tokens that count: divide by their number.",
        lambda v, old, goal, m, clip=0.2: 0.5 * torch.where(m, worst(v, old, goal, clip), 0.0).mean(),
    ),
    "by_row": (
        "The mean is over all tokens of the batch, not row by row.",
        lambda v, old, goal, m, clip=0.2: (
            0.5 * (torch.where(m, worst(v, old, goal, clip), 0.0).sum(1) / m.sum(1)).mean()
        ),
    ),
}  # fmt: skip


def value_args(
    seed: int, mask: Tensor, dtype: torch.dtype = F64, step: float = 1.0, scale: float = 1.0
) -> tuple[Tensor, ...]:
    """New and old values and returns for a mask; with odd seeds new values are near the returns: the clip counts."""
    old, goal = (numbers(seed + k, *mask.shape, scale=scale) for k in (1, 3))
    moved = 0.9 * (goal - old) if seed % 2 else torch.zeros_like(old)
    noise = numbers(seed + 2, *mask.shape, scale=0.1 if seed % 2 else step) * scale
    return (old + moved + noise).to(dtype), old.to(dtype), goal.to(dtype)


def value_pool() -> Iterator[Case]:
    """Whole batches, all masks."""
    for seed, (family, mask) in enumerate(ANY.items()):
        for clip in (0.2, 0.7):
            yield Case(
                f"{family}, ε = {clip}", args=(*value_args(seed, mask), mask, clip), family=KINDS.get(family, family)
            )
        args = (*value_args(seed + 71, mask, step=0.3), mask)
        yield Case(f"{family}, ε left out", args=args, family="calls without ε")


def token_pool() -> Iterator[Case]:
    """Tokens that ran away, to the right side and to the wrong one, one by one and together."""
    new = torch.tensor([[1.0, 3.0, 0.5, 0.15, -0.7, -2.0, 0.0]], dtype=F64)
    old = torch.tensor([[0.0, 0.0, 0.1, 0.0, 0.3, -1.4, 1.0]], dtype=F64)
    goal = torch.tensor([[1.0, 1.0, -1.0, 0.1, -0.9, 0.0, 0.0]], dtype=F64)
    for clip in (0.2, 0.5, 0.05):
        for k in range(7):
            args = (*(part[:, k : k + 1] for part in (new, old, goal)), rows("x"), clip)
            yield Case(f"token {k}, ε = {clip}", args=args, family="a single token")
        for columns_ in ((0, 1, 2, 3, 4, 5), (1, 2), (3, 4, 5), (5, 0), (6, 1, 4)):
            args = (*(part[:, columns_] for part in (new, old, goal)), rows("x" * len(columns_)), clip)
            yield Case(f"tokens {columns_}, ε = {clip}", args=args, family="tokens on both sides of the clip")


def masked_value_pool() -> Iterator[Case]:
    """Anything where the mask is false, both dtypes, sizes, layouts."""
    for dtype in (F32, F64):
        for seed, (name, mask) in enumerate(ANY.items()):
            family = NAMES[dtype] if mask.all() else SPOILT
            for first in range(1 if mask.all() else 2):
                args = (*all_spoilt(value_args(seed + 10, mask, dtype), mask, first), mask, 0.2)
                yield Case(f"{NAMES[dtype]}, {name}, {first}", args=args, family=family)
        for scale, clip in ((1e-6, 2e-7), (1e4, 2000.0), (1e4, 0.2)):
            args = (*value_args(5, MASK, dtype, scale=scale), MASK, clip)
            yield Case(f"{NAMES[dtype]}, {scale:g}, {clip:g}", args=args, family=f"values of size {scale:g}")
        names = ("values", "old_values", "returns", "mask")
        yield from layouts(NAMES[dtype], (*value_args(6, MASK, dtype), MASK, 0.2), names)


value_defined = Cases(
    "value_loss_clipped",
    name="value_loss_is_that_of_trl",
    promise="½ mean of max((V − R)², (clip(V, V_old ± ε) − R)²) over the tokens that count, and its gradient in V.",
    points=2,
    reference=right_value_loss,
    pool=value_pool,
    gradient=("values",),
    mistakes=mistakes_beside(right_value_loss, VALUE_MISTAKES, VALUE_MEANS),
)
value_tokens = Cases(
    "value_loss_clipped",
    name="larger_error_counts_token_by_token",
    promise=(
        "A value that ran away pays in full where it is wrong, and gains nothing beyond the clip where it is right."
    ),
    points=1,
    reference=right_value_loss,
    pool=token_pool,
    gradient=("values",),
    mistakes=mistakes_beside(right_value_loss, VALUE_MISTAKES),
)
value_masked = Cases(
    "value_loss_clipped",
    name="value_loss_ignores_nan_at_padding",
    promise=(
        "What stands at masked places, nan too, changes neither value nor gradient; dtype is kept, and "
        "the arguments stay."
    ),
    points=1,
    reference=right_value_loss,
    pool=masked_value_pool,
    gradient=("values",),
    keeps_inputs=True,
    fresh=True,
    hints={"nan": NAN},
    mistakes=mistakes_beside(right_value_loss, VALUE_MISTAKES, without(VALUE_MEANS, "unmasked")),
)
