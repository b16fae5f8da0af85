"""Cases of `ppo_clip_loss`: ratios on both sides of the clip, whole batches, first steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from cases_07_whiten import right_whiten
from cases_inputs import (
    ANY,
    F32,
    F64,
    KINDS,
    LOSS,
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
def right_policy_loss(
    logprobs: Tensor, old_logprobs: Tensor, advantages: Tensor, mask: Tensor, clip_range: float = 0.2
) -> Tensor:
    """The clipped loss, over the tokens that count."""
    lp, old, adv = kept(logprobs, old_logprobs, advantages, mask=mask)
    return -objective((lp - old).exp(), adv, clip_range).mean()


def objective(ratio: Tensor, adv: Tensor, clip: float) -> Tensor:
    """PPO's objective for each token."""
    return torch.min(ratio * adv, ratio.clamp(1 - clip, 1 + clip) * adv)


def policy_loss(term: Callable[[Tensor, Tensor, float], Tensor]) -> Callable[..., Tensor]:
    """Minus the mean of another term, a function of ratio, advantage and ε."""

    def loss(lp: Tensor, old: Tensor, adv: Tensor, mask: Tensor, clip: float = 0.2) -> Tensor:
        a, b, c = kept(lp, old, adv, mask=mask)
        return -term((a - b).exp(), c, clip).mean()

    return loss


def everywhere(lp: Tensor, old: Tensor, adv: Tensor, clip: float) -> Tensor:
    """The objective at all places."""
    return objective((lp - old).exp(), adv, clip)


def clipped_log_ratio(ratio: Tensor, adv: Tensor, clip: float) -> Tensor:
    """The difference of the log-probs is clipped, not the ratio."""
    return torch.min(ratio * adv, ratio.log().clamp(-clip, clip).exp() * adv)


POLICY_MISTAKES = {
    "clipped_alone": (
        "The clipped term alone is not PPO: the minimum of both keeps the gradient where a step went the wrong way.",
        policy_loss(lambda ratio, adv, clip: ratio.clamp(1 - clip, 1 + clip) * adv),
    ),
    "plain": ("The clip is missing.", policy_loss(lambda ratio, adv, clip: ratio * adv)),
    "above": (
        "You clip at 1 + ε only: below 1 − ε it matters where A < 0.",
        policy_loss(lambda ratio, adv, clip: torch.min(ratio * adv, ratio.clamp(max=1 + clip) * adv)),
    ),
    "below": (
        "You clip at 1 − ε only: above 1 + ε it matters where A > 0.",
        policy_loss(lambda ratio, adv, clip: torch.min(ratio * adv, ratio.clamp(min=1 - clip) * adv)),
    ),
    "maximum": (
        "Minimum of the objective (or maximum of the losses): yours takes the other one.",
        policy_loss(lambda ratio, adv, clip: torch.max(ratio * adv, ratio.clamp(1 - clip, 1 + clip) * adv)),
    ),
    "sign": (
        "The sign is turned: a loss is minus the objective.",
        policy_loss(lambda ratio, adv, clip: -objective(ratio, adv, clip)),
    ),
    "turned": (
        "The ratio is turned: new over old.",
        policy_loss(lambda ratio, adv, clip: objective(1 / ratio, adv, clip)),
    ),
    "log_ratio": (
        "The ratio is e^(difference of log-probs): you clip the difference itself.",
        policy_loss(clipped_log_ratio),
    ),
    "no_exp": (
        "The ratio is e^(difference of log-probs): the exponential is missing.",
        policy_loss(lambda ratio, adv, clip: objective(ratio.log(), adv, clip)),
    ),
    "half_range": (
        "The ratio lies between 1 − ε and 1 + ε: yours is clipped to −ε and ε.",
        policy_loss(lambda ratio, adv, clip: torch.min(ratio * adv, ratio.clamp(-clip, clip) * adv)),
    ),
    "fixed": ("clip_range is not used.", policy_loss(lambda ratio, adv, clip: objective(ratio, adv, 0.2))),
    "sum": (
        "A sum, not a mean: divide by the number of tokens that count.",
        policy_loss(lambda ratio, adv, clip: objective(ratio, adv, clip) * len(adv)),
    ),
}  # fmt: skip
MEAN_MISTAKES = {
    "all_places": (
        "The mean counts masked places: divide by the number of tokens that count.",
        lambda lp, old, adv, m, clip=0.2: -torch.where(m, everywhere(lp, old, adv, clip), 0.0).mean(),
    ),
    "unmasked": (
        "Masked places count in your mean.",
        lambda lp, old, adv, m, clip=0.2: -everywhere(lp, old, adv, clip).mean(),
    ),
    "by_row": (
        "The mean is over all tokens of the batch, not row by row.",
        lambda lp, old, adv, m, clip=0.2: (
            -(torch.where(m, everywhere(lp, old, adv, clip), 0.0).sum(1) / m.sum(1)).mean()
        ),
    ),
}  # fmt: skip


FIRST_STEP_MISTAKES = {
    "surrogate": (
        "That is A · log π, whose value means nothing: the loss is made of the ratio; do not detach it.",
        lambda lp, old, adv, m, clip=0.2: -(adv[m] * lp[m]).mean(),
    ),
    "probabilities": (
        "The ratio is new over old, 1 here: you leave out the old log-probs.",
        lambda lp, old, adv, m, clip=0.2: -objective(lp[m].exp(), adv[m], clip).mean(),
    ),
    "off_by_one": (
        "At ratio 1 each token's objective is A: log-ratios of 0 have e^0 = 1.",
        lambda lp, old, adv, m, clip=0.2: -((lp - old)[m].expm1() - 1).mean(),
    ),
    "sum_of_sizes": (
        "Advantages keep their sign: whitened ones add up to 0.",
        lambda lp, old, adv, m, clip=0.2: -adv[m].abs().mean(),
    ),
    "all_places": MEAN_MISTAKES["unmasked"],
}


def policy_args(
    seed: int, mask: Tensor, dtype: torch.dtype = F64, step: float = 0.4, scale: float = 1.0
) -> tuple[Tensor, ...]:
    """New and old log-probs and advantages for a mask."""
    old = -numbers(seed + 1, *mask.shape).abs()
    lp = old + step * numbers(seed + 2, *mask.shape)
    return lp.to(dtype), old.to(dtype), numbers(seed + 3, *mask.shape, scale=scale, dtype=dtype)


def four_cases_pool() -> Iterator[Case]:
    """Ratios on both sides of the clip and between, for good and bad tokens."""
    ratios = torch.tensor([0.5, 0.79, 0.81, 1.0, 1.19, 1.21, 2.0], dtype=F64)
    for good, bad in ((2.0, -3.0), (0.5, -0.5), (4.0, -1.0)):
        lp = torch.stack([ratios, ratios]).log()
        adv = torch.stack([torch.full_like(ratios, good), torch.full_like(ratios, bad)])
        for clip in (0.2, 0.05, 0.6):
            args = (lp, 0 * lp, adv, torch.ones_like(lp, dtype=torch.bool), clip)
            yield Case(f"all, {good}, {bad}, ε = {clip}", args=args, family="ratios on both sides of the clip")
    for ratio in (0.1, 0.5, 0.9, 1.1, 1.5, 8.0):
        for advantage in (1.0, -1.0, 0.25):
            lp = torch.full((1, 1), ratio, dtype=F64).log()
            args = (lp - 2, 0 * lp - 2, torch.full_like(lp, advantage), rows("x"), 0.2)
            side = "above 1 + ε" if ratio > 1.2 else "below 1 − ε" if ratio < 0.8 else "between 1 − ε and 1 + ε"
            sign = "A > 0" if advantage > 0 else "A < 0"
            yield Case(f"ρ = {ratio}, A = {advantage}", args=args, family=f"a ratio {side} and {sign}")
    nothing = torch.zeros(1, 3, dtype=F64)
    args = (torch.tensor([[0.5, 0.0, -0.5]], dtype=F64), nothing, nothing, rows("xxx"), 0.2)
    yield Case("A = 0", args=args, family="advantages of 0")
    far = torch.tensor([[40.0, -40.0], [40.0, -40.0]], dtype=F64)
    args = (far, 0 * far, torch.tensor([[1.0, 1.0], [-1e-9, -1.0]], dtype=F64), rows("xx", "xx"), 0.2)
    yield Case("far", args=args, family="ratios that are far from 1")


def batch_pool() -> Iterator[Case]:
    """Whole batches, all masks."""
    for seed, (family, mask) in enumerate(ANY.items()):
        for clip in (0.2, 0.05):
            yield Case(
                f"{family}, ε = {clip}", args=(*policy_args(seed, mask), mask, clip), family=KINDS.get(family, family)
            )
        yield Case(f"{family}, ε left out", args=(*policy_args(seed + 90, mask), mask), family="calls without ε")


def first_step_pool() -> Iterator[Case]:
    """The new log-probs are the old ones and advantages are whitened."""
    for seed, (family, mask) in enumerate(ANY.items()):
        if mask.sum() < 2:
            continue
        _, old, raw = policy_args(seed, mask)
        args = (old.clone(), old, torch.where(mask, right_whiten(raw, mask), raw + 1), mask, 0.2)
        yield Case(family, args=args, family="policies that are the old ones", tolerance=LOSS[F64])


def masked_policy_pool() -> Iterator[Case]:
    """Anything where the mask is false, both dtypes, sizes, layouts."""
    for dtype in (F32, F64):
        for seed, (name, mask) in enumerate(ANY.items()):
            family = NAMES[dtype] if mask.all() else SPOILT
            for first in range(1 if mask.all() else 2):
                args = (*all_spoilt(policy_args(seed + 10, mask, dtype), mask, first), mask, 0.2)
                yield Case(f"{NAMES[dtype]}, {name}, {first}", args=args, family=family, tolerance=LOSS[dtype])
        for clip in (0.05, 0.5):
            args = (*policy_args(4, MASK, dtype), MASK, clip)
            yield Case(f"{NAMES[dtype]}, ε = {clip}", args=args, family=NAMES[dtype], tolerance=LOSS[dtype])
        for scale in (1e-6, 1e4):
            args, tolerance = (*policy_args(5, MASK, dtype, scale=scale), MASK, 0.2), LOSS[dtype] * scale
            family = f"advantages of size {scale:g}"
            yield Case(f"{NAMES[dtype]}, A of {scale:g}", args=args, family=family, tolerance=tolerance)
        names = ("logprobs", "old_logprobs", "advantages", "mask")
        yield from layouts(NAMES[dtype], (*policy_args(6, MASK, dtype), MASK, 0.2), names, tolerance=LOSS[dtype])


policy_four = Cases(
    "ppo_clip_loss",
    name="loss_and_slope_are_right_in_all_four_cases",
    promise="Value and gradient are right for A > 0 and A < 0, with the ratio above 1 + ε, below 1 − ε and between.",
    points=2,
    reference=right_policy_loss,
    pool=four_cases_pool,
    gradient=("logprobs",),
    mistakes=mistakes_beside(right_policy_loss, POLICY_MISTAKES),
)
policy_batch = Cases(
    "ppo_clip_loss",
    name="loss_is_that_of_trl",
    promise="On a whole batch, value and gradient are those of TRL: the mean over the tokens that count.",
    points=2,
    reference=right_policy_loss,
    pool=batch_pool,
    gradient=("logprobs",),
    mistakes=mistakes_beside(right_policy_loss, POLICY_MISTAKES, MEAN_MISTAKES),
)
policy_first = Cases(
    "ppo_clip_loss",
    name="at_the_first_step_only_the_value_is_zero",
    promise="Where the policy is the old one and advantages are whitened, the loss is 0, but its gradient is −A/n.",
    points=1,
    reference=right_policy_loss,
    pool=first_step_pool,
    gradient=("logprobs",),
    hints={"gradient": "At ratio 1 the slope is −A/n: do not detach the ratio, nor put a number in its place."},
    mistakes=mistakes_beside(right_policy_loss, FIRST_STEP_MISTAKES),
)
policy_masked = Cases(
    "ppo_clip_loss",
    name="loss_ignores_nan_at_padding",
    promise=(
        "What stands at masked places, nan too, changes neither value nor gradient; dtype is kept, and "
        "the arguments stay."
    ),
    points=1,
    reference=right_policy_loss,
    pool=masked_policy_pool,
    gradient=("logprobs",),
    keeps_inputs=True,
    fresh=True,
    hints={"nan": NAN},
    mistakes=mistakes_beside(right_policy_loss, POLICY_MISTAKES, without(MEAN_MISTAKES, "unmasked")),
)
