"""Cases of `gae`: every γ and λ, responses of every kind."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from cases_05_rewards import last_places
from cases_inputs import (
    F32,
    F64,
    KINDS,
    LOSS,
    MASK,
    NAMES,
    NAN,
    SIDE_BY_SIDE,
    SPOILT,
    Tensor,
    all_spoilt,
    cleaned,
    in_double,
    layouts,
    mistakes_beside,
    numbers,
)

from grader.checks import Case, Cases


def recursion(
    r: Tensor, v: Tensor, mask: Tensor, gamma: float, decay: float, *, boot: float = 0.0, clean: bool = True
) -> Tensor:
    """Σ decay^l δ_{t+l} with δ = r + γ V' − V, not masked; behind a last token V' is `boot` times its value."""
    if clean:
        r, v = cleaned(r, v, mask=mask)
    after = F.pad(v, (0, 1))[:, 1:]
    delta = r + gamma * torch.where(last_places(mask) & clean, boot * v, after) - v
    out, later = torch.zeros_like(delta), torch.zeros_like(delta[:, 0])
    for t in reversed(range(delta.shape[1])):
        later = delta[:, t] + decay * later
        out[:, t] = later
    return out


def both(advantages: Tensor, values: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """(advantages, returns), 0 where the mask is false."""
    a, v = cleaned(advantages, values, mask=mask)
    return a, a + v


@in_double
def right_gae(
    rewards: Tensor, values: Tensor, mask: Tensor, gamma: float = 1.0, lam: float = 0.95
) -> tuple[Tensor, Tensor]:
    """Advantages and returns, from the definition."""
    return both(recursion(rewards, values, mask, gamma, gamma * lam), values, mask)


def whitened(advantages: Tensor, mask: Tensor) -> Tensor:
    """Advantages that were whitened where they count."""
    some = advantages[mask]
    return torch.where(mask, (advantages - some.mean()) * torch.rsqrt(some.var() + 1e-8), 0.0)


def to_go(r: Tensor, v: Tensor, mask: Tensor, g: float, lam: float) -> tuple[Tensor, Tensor]:
    """The right advantages, and as returns the rewards to come."""
    plain = torch.where(mask, recursion(r, torch.zeros_like(v), mask, g, g), 0.0)
    return right_gae(r, v, mask, g, lam)[0], plain


GAE_MISTAKES = {
    "swapped": (
        "γ and λ have changed places: γ discounts the next value, γλ the next error.",
        lambda r, v, m, g=1.0, lam=0.95: both(recursion(r, v, m, lam, g * lam), v, m),
    ),
    "lambda_only": (
        "The sum decays by λ only: each step further back is γλ.",
        lambda r, v, m, g=1.0, lam=0.95: both(recursion(r, v, m, g, lam), v, m),
    ),
    "gamma_only": (
        "The sum decays by γ only: λ is not used.",
        lambda r, v, m, g=1.0, lam=0.95: both(recursion(r, v, m, g, g), v, m),
    ),
    "flat": (
        "γ is missing in δ: the next value is discounted.",
        lambda r, v, m, g=1.0, lam=0.95: both(recursion(r, v, m, 1.0, g * lam), v, m),
    ),
    "one_step": (
        "That is δ alone: the errors of the later steps are missing.",
        lambda r, v, m, g=1.0, lam=0.95: both(recursion(r, v, m, g, 0.0), v, m),
    ),
    "white_returns": (
        "The returns come before whitening, and this function does not whiten at all.",
        lambda r, v, m, g=1.0, lam=0.95: both(whitened(right_gae(r, v, m, g, lam)[0], m), v, m),
    ),
    "white": (
        "You whiten the advantages here; that is another exercise.",
        lambda r, v, m, g=1.0, lam=0.95: (
            whitened(right_gae(r, v, m, g, lam)[0], m), right_gae(r, v, m, g, lam)[1],
        ),
    ),
    "to_go": (
        "The return is advantage + value (the target of the value head), not the sum of rewards.",
        lambda r, v, m, g=1.0, lam=0.95: to_go(r, v, m, g, lam),
    ),
    "no_value": (
        "The return lacks the value: advantage + value.",
        lambda r, v, m, g=1.0, lam=0.95: (right_gae(r, v, m, g, lam)[0],) * 2,
    ),
    "exchanged": (
        "Returns and advantages have changed places.",
        lambda r, v, m, g=1.0, lam=0.95: right_gae(r, v, m, g, lam)[::-1],
    ),
    "boot": (
        "You bootstrap from the last value again: after the end the value is 0.",
        lambda r, v, m, g=1.0, lam=0.95: both(recursion(r, v, m, g, g * lam, boot=1.0), v, m),
    ),
}  # fmt: skip
PADDING_MISTAKES = {
    "unmasked": (
        "Padding counts in yours: rewards and values outside the mask are 0.",
        lambda r, v, m, g=1.0, lam=0.95: (
            (a := recursion(r, v, m, g, g * lam, clean=False)), a + v,
        ),
    ),
    "masked_afterwards": (
        "Padding flows into the response in yours: mask rewards and values *before* the sum.",
        lambda r, v, m, g=1.0, lam=0.95: both(recursion(r, v, m, g, g * lam, clean=False), v, m),
    ),
    "query_left": (
        "Places outside the response are to be 0 in both results.",
        lambda r, v, m, g=1.0, lam=0.95: (
            (a := recursion(r, v, m, g, g * lam)), a + torch.where(m, v, 0.0),
        ),
    ),
}  # fmt: skip


DECAYS = ((0.9, 0.6), (1.0, 0.95), (0.8, 1.0), (0.7, 0.0), (1.0, 1.0), (0.0, 0.5))


def gae_args(seed: int, mask: Tensor, dtype: torch.dtype = F64, scale: float = 1.0) -> tuple[Tensor, Tensor]:
    """Rewards and values for a mask."""
    return tuple(numbers(seed + k, *mask.shape, scale=scale, dtype=dtype) for k in (1, 2))  # type: ignore[return-value]


def decay_family(gamma: float, lam: float) -> str:
    """What is special about γ and λ."""
    if lam in (0.0, 1.0):
        return f"λ = {lam:g}"
    return f"γ = {gamma:g}" if gamma in (0.0, 1.0) else "γ and λ between 0 and 1"


def advantage_pool() -> Iterator[Case]:
    """Every γ and λ; what is masked is 0 already."""
    for seed, (family, mask) in enumerate(SIDE_BY_SIDE.items()):
        for gamma, lam in DECAYS if mask.shape[1] < 9 else ():
            args = (*(part * mask for part in gae_args(seed, mask)), mask, gamma, lam)
            yield Case(f"{family}, γ = {gamma}, λ = {lam}", args=args, family=decay_family(gamma, lam))


def end_pool() -> Iterator[Case]:
    """Numbers at query and padding."""
    for seed, (family, mask) in enumerate(SIDE_BY_SIDE.items()):
        for gamma, lam in ((0.9, 0.8), (1.0, 0.95))[: 2 if mask.shape[1] < 9 else 1]:
            args = (*gae_args(seed + 60, mask), mask, gamma, lam)
            yield Case(f"{family}, γ = {gamma}", args=args, family=KINDS.get(family, family))


def masked_gae_pool() -> Iterator[Case]:
    """Anything where the mask is false, both dtypes, sizes, layouts."""
    for dtype in (F32, F64):
        for seed, (name, mask) in enumerate(SIDE_BY_SIDE.items()):
            for first in range(1 if mask.all() or mask.shape[1] > 9 else 3):
                args = (*all_spoilt(gae_args(seed + 10, mask, dtype), mask, first), mask, 0.9, 0.7)
                family = NAMES[dtype] if mask.all() else SPOILT
                yield Case(f"{NAMES[dtype]}, {name}, {first}", args=args, family=family, tolerance=LOSS[dtype] * 10)
        for scale in (1e-6, 1e4):
            args = (*gae_args(5, MASK, dtype, scale), MASK, 0.9, 0.7)
            yield Case(
                f"{NAMES[dtype]}, size {scale:g}",
                args=args,
                family=f"rewards of size {scale:g}",
                tolerance=LOSS[dtype] * 10 * scale,
            )
        yield from layouts(NAMES[dtype], (*gae_args(6, MASK, dtype), MASK, 0.9, 0.7), ("rewards", "values", "mask"))
        args = (*gae_args(7, MASK, dtype), MASK)
        yield Case(f"{NAMES[dtype]}, γ and λ not given", args=args, family="calls without γ and λ")


gae_sums = Cases(
    "gae",
    name="advantages_are_discounted_errors",
    promise=(
        "The advantage is Σ (γλ)^l δ_{t+l} with δ_t = r_t + γ V_{t+1} − V_t, and the return is advantage plus value."
    ),
    points=3,
    reference=right_gae,
    pool=advantage_pool,
    mistakes=mistakes_beside(right_gae, GAE_MISTAKES),
)
gae_end = Cases(
    "gae",
    name="nothing_comes_after_the_end",
    promise="After a response's last token the value is 0, whatever stands at the padding; masked places are 0.",
    points=2,
    reference=right_gae,
    pool=end_pool,
    mistakes=mistakes_beside(right_gae, GAE_MISTAKES, PADDING_MISTAKES),
)
gae_masked = Cases(
    "gae",
    name="gae_ignores_nan_at_padding",
    promise="Rewards and values outside the response may be nan; dtype is kept, and the arguments stay as they are.",
    points=1,
    reference=right_gae,
    pool=masked_gae_pool,
    keeps_inputs=True,
    fresh=True,
    hints={"nan": NAN},
    mistakes=mistakes_beside(right_gae, GAE_MISTAKES, PADDING_MISTAKES),
)
