"""Cases of `kl_penalised_rewards`: responses of every kind, and where they end."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from cases_inputs import (
    F32,
    F64,
    KINDS,
    MASK,
    NAMES,
    NAN,
    SIDE_BY_SIDE,
    SPOILT,
    Tensor,
    all_spoilt,
    in_double,
    layouts,
    mistakes_beside,
    numbers,
    without,
)

from grader.checks import Case, Cases


def last_places(mask: Tensor) -> Tensor:
    """True at the last true place of each row, bool [batch, length]."""
    return mask & (mask.cumsum(1) == mask.sum(1, keepdim=True))


def penalty(lp: Tensor, ref: Tensor, mask: Tensor, kl_coef: float) -> Tensor:
    """−β (log π − log π_ref) where the mask is true, else 0."""
    return torch.where(mask, -kl_coef * (lp - ref), 0.0)


@in_double
def right_rewards(scores: Tensor, logprobs: Tensor, ref_logprobs: Tensor, mask: Tensor, kl_coef: float) -> Tensor:
    """Penalties, and the score at each row's last true place."""
    return penalty(logprobs, ref_logprobs, mask, kl_coef) + torch.where(last_places(mask), scores[:, None], 0.0)


def scored_at(place: Callable[[Tensor], Tensor]) -> Callable[..., Tensor]:
    """Rewards with the score at another place: `place` gives bool [batch, length] for a mask."""
    return lambda s, lp, ref, mask, beta: penalty(lp, ref, mask, beta) + place(mask) * s[:, None]


def before_the_first_false(mask: Tensor) -> Tensor:
    """The place in front of a row's first False: where the response ends, if it begins in the first column and ends."""
    return F.one_hot(((~mask).int().argmax(1) - 1) % mask.shape[1], mask.shape[1]).bool()


def last_column(mask: Tensor) -> Tensor:
    """True in the last column."""
    return F.one_hot(torch.full((len(mask),), mask.shape[1] - 1), mask.shape[1]).bool()


def at_count(mask: Tensor) -> Tensor:
    """True at column (number of tokens − 1)."""
    return F.one_hot(mask.sum(1) - 1, mask.shape[1]).bool()


PENALTY_MISTAKES = {
    "sign": (
        "The sign is turned: becoming likelier than under the reference *costs* reward.",
        lambda s, lp, ref, mask, beta: right_rewards(s, ref, lp, mask, beta),
    ),
    "beta": ("β is missing.", lambda s, lp, ref, mask, beta: right_rewards(s, lp, ref, mask, 1.0)),
    "unmasked": (
        "Prompt and padding pay in yours: use the mask.",
        lambda s, lp, ref, mask, beta: -beta * (lp - ref) + last_places(mask) * s[:, None],
    ),
    "absolute": (
        "The penalty of a token may be negative: no absolute value.",
        lambda s, lp, ref, mask, beta: right_rewards(s, (lp - ref).abs(), 0 * ref, mask, beta),
    ),
    "summed": (
        "One reward for each token: the KL is not summed over the response.",
        lambda s, lp, ref, mask, beta: right_rewards(s, lp, ref, mask, beta).sum(1),
    ),
    "at_the_end": (
        "Each token pays its own part: you put the whole sum on the last token.",
        lambda s, lp, ref, mask, beta: (
            last_places(mask) * right_rewards(s, lp, ref, mask, beta).sum(1, keepdim=True)
        ),
    ),
    "probabilities": (
        "Log-probs are subtracted, not probabilities.",
        lambda s, lp, ref, mask, beta: right_rewards(s, lp.exp(), ref.exp(), mask, beta),
    ),
}  # fmt: skip
SCORE_PLACES = {
    "column": (
        "The score lands in the last column, which may be padding: find each response's last token.",
        scored_at(last_column),
    ),
    "masked_away": (
        "The score lands in the last column and is masked away there: find each response's last token.",
        scored_at(lambda mask: last_column(mask) & mask),
    ),
    "every": ("The score comes once, on the last token, not on each.", scored_at(lambda mask: mask)),
    "first": (
        "The score belongs to the last token of the response, not the first.",
        scored_at(lambda mask: last_places(mask.flip(1)).flip(1)),
    ),
    "first_false": (
        "You look for the first False of the mask: a query stands in front of the response, and a response that "
        "reaches the right edge has no False behind it.",
        scored_at(before_the_first_false),
    ),
    "count": (
        "The number of tokens is not the place of the last one: a query stands in front.",
        scored_at(at_count),
    ),
    "edge": (
        "A response that reaches the right edge ends there, too: its score is lost in yours.",
        scored_at(lambda mask: mask & F.pad(~mask, (0, 1))[:, 1:]),
    ),
    "replaced": (
        "The score replaces the last token's penalty: add it.",
        lambda s, lp, ref, mask, beta: torch.where(last_places(mask), s[:, None], penalty(lp, ref, mask, beta)),
    ),
    "scaled": (
        "β scales the penalty only, not the score.",
        lambda s, lp, ref, mask, beta: right_rewards(beta * s, lp, ref, mask, beta),
    ),
    "missing": ("The score is missing.", lambda s, lp, ref, mask, beta: penalty(lp, ref, mask, beta)),
    "subtracted": (
        "The score is subtracted in yours: add it.",
        lambda s, lp, ref, mask, beta: right_rewards(-s, lp, ref, mask, beta),
    ),
    "spread": (
        "The score is spread over the tokens: all of it belongs to the last one.",
        lambda s, lp, ref, mask, beta: (
            penalty(lp, ref, mask, beta) + mask * s[:, None] / mask.sum(1, keepdim=True)
        ),
    ),
}  # fmt: skip


def reward_args(seed: int, mask: Tensor, dtype: torch.dtype = F64, scale: float = 1.0) -> tuple[Tensor, ...]:
    """Scores and two log-probs for a mask."""
    lp, ref = (-numbers(seed + k, *mask.shape, scale=scale, dtype=dtype).abs() for k in (1, 2))
    return numbers(seed, len(mask), scale=3, dtype=dtype), lp, ref


def penalty_pool() -> Iterator[Case]:
    """Scores of 0: what is left is the penalty."""
    for seed, (family, mask) in enumerate(SIDE_BY_SIDE.items()):
        zero, lp, ref = reward_args(seed, mask)
        for kl_coef in (0.2, 1.5):
            yield Case(
                f"{family}, β = {kl_coef}", args=(0 * zero, lp, ref, mask, kl_coef), family=KINDS.get(family, family)
            )


def last_token_pool() -> Iterator[Case]:
    """Scores at the ends of responses of every kind."""
    for seed, (family, mask) in enumerate(SIDE_BY_SIDE.items()):
        for kl_coef in (0.2, 1.5, 0.0):
            name = f"{family}, β = {kl_coef}"
            family_of_beta = KINDS.get(family, family) if kl_coef else "β = 0"
            yield Case(name, args=(*reward_args(seed + 30, mask), mask, kl_coef), family=family_of_beta)


def masked_reward_pool() -> Iterator[Case]:
    """Anything where the mask is false, both dtypes, sizes, layouts."""
    for dtype in (F32, F64):
        for seed, (name, mask) in enumerate(SIDE_BY_SIDE.items()):
            some, lp, ref = reward_args(seed + 10, mask, dtype)
            for first in range(1 if mask.all() else 3):
                args = (some, *all_spoilt((lp, ref), mask, first), mask, 0.5)
                family = NAMES[dtype] if mask.all() else SPOILT
                yield Case(f"{NAMES[dtype]}, {name}, {first}", args=args, family=family)
        for scale in (1e-6, 1e3):
            args = (*reward_args(5, MASK, dtype, scale), MASK, 0.5)
            yield Case(f"{NAMES[dtype]}, log-probs of {scale:g}", args=args, family=f"log-probs of size {scale:g}")
        args = (*reward_args(6, MASK, dtype), MASK, 0.5)
        yield from layouts(NAMES[dtype], args, ("logprobs", "ref_logprobs", "mask"))


rewards_penalty = Cases(
    "kl_penalised_rewards",
    name="each_token_pays_its_kl",
    promise="Each response token has −β (log π − log π_ref); what is no response token has 0.",
    points=2,
    reference=right_rewards,
    pool=penalty_pool,
    mistakes=mistakes_beside(right_rewards, PENALTY_MISTAKES),
)
rewards_score = Cases(
    "kl_penalised_rewards",
    name="the_score_is_added_to_the_last_token",
    promise="The reward model's score is added at the response's last token, on top of that token's penalty.",
    points=2,
    reference=right_rewards,
    pool=last_token_pool,
    mistakes=mistakes_beside(right_rewards, PENALTY_MISTAKES, SCORE_PLACES),
)
rewards_masked = Cases(
    "kl_penalised_rewards",
    name="what_is_masked_does_not_matter",
    promise="Log-probs outside the response may be ±inf or nan; dtype is kept, and the arguments stay as they are.",
    points=1,
    reference=right_rewards,
    pool=masked_reward_pool,
    keeps_inputs=True,
    fresh=True,
    hints={"nan": NAN},
    mistakes=mistakes_beside(right_rewards, without(PENALTY_MISTAKES, "unmasked"), SCORE_PLACES),
)
