"""Cases of `normalised_loss` and `grpo_loss`: one number from many tokens."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from cases_3_tokens import log_probs, right_clipped, right_kl, right_ratios
from cases_inputs import (
    F32,
    F64,
    LOSS,
    MASKS,
    NAMES,
    NAN,
    NAN_SLOPE,
    SPOILT,
    Tensor,
    in_double,
    layouts,
    mistakes,
    numbers,
    spoilt,
)

from grader.checks import Case, Cases

METHODS = ("grpo", "dapo", "dr_grpo")


@in_double
def right_average(losses: Tensor, mask: Tensor, method: str = "dapo", longest: int = 16) -> Tensor:
    """By lists of what counts."""
    if method not in METHODS:
        raise ValueError("method")
    kept = [row[counts] for row, counts in zip(losses, mask, strict=True)]
    if method == "grpo":
        return torch.stack([row.mean() for row in kept]).mean()
    if method == "dapo":
        return torch.cat(kept).mean()
    return torch.cat(kept).sum() / (len(kept) * longest)


def average_pool() -> Iterator[Case]:
    """Masks of every kind, all methods."""
    for seed, (family, mask) in enumerate(MASKS.items()):
        losses = torch.where(mask, numbers(seed, *mask.shape, scale=2) + 1.0, 0.0)
        for method in METHODS:
            for longest in (mask.shape[1], 64):
                yield Case(
                    f"{family}, {method}, {longest}", (losses, mask, method, longest), family=family, tolerance=1e-11
                )
    mask = MASKS["padding on the right"]
    losses = torch.where(mask, numbers(3, *mask.shape), 0.0)
    yield Case("the defaults", (losses, mask), family="method is not given", tolerance=1e-11)
    yield Case("longest by default", (losses, mask, "dr_grpo"), family="longest is not given", tolerance=1e-11)
    for seed, (family, some) in enumerate(MASKS.items()):
        if some.sum() > len(some):
            zeros = torch.where(some, numbers(seed + 60, *some.shape), 0.0)
            zeros[:, ::2] = 0.0
            for method in METHODS:
                args = (zeros, some, method)
                yield Case(f"zeros, {family}, {method}", args, family="losses that are 0", tolerance=1e-11)
    for size in (1e-6, 1e4):
        for method in METHODS:
            yield Case(
                f"of size {size}, {method}",
                (losses * size, mask, method),
                family=f"losses of size {size:g}",
                tolerance=1e-11 * max(1, size),
            )


def average_forms() -> Iterator[Case]:
    """Junk, dtypes, layouts, other words."""
    for dtype in (F32, F64):
        for seed, (name, mask) in enumerate(MASKS.items()):
            losses = numbers(seed + 30, *mask.shape, dtype=dtype)
            for method in METHODS:
                for first in range(1 if mask.all() else 3):
                    family = NAMES[dtype] if mask.all() else SPOILT
                    yield Case(
                        f"{NAMES[dtype]}, {name}, {method}, {first}",
                        (spoilt(losses, mask, first), mask, method),
                        family=family,
                        tolerance=LOSS[dtype],
                    )
        mask = MASKS["tokens in several places"]
        for method in METHODS:
            yield from layouts(
                f"{NAMES[dtype]}, {method}",
                (numbers(7, *mask.shape, dtype=dtype), mask, method),
                ("losses", "mask"),
                tolerance=LOSS[dtype],
            )
    for word in ("ppo", "GRPO", "", "dr-grpo", "bnpo"):
        for mask in (MASKS["whole rows"], MASKS["padding on the left"]):
            yield Case(
                f"word {word!r}, {list(mask.shape)}", (numbers(1, *mask.shape), mask, word), family="other words"
            )


def instead(name: str, answer: object) -> object:
    """A mistake in one method; the others are right."""
    return lambda x, m, method="dapo", longest=16: (
        answer(x, m, longest) if method == name else right_average(x, m, method, longest)  # type: ignore[operator]
    )


AVERAGE_MISTAKES = mistakes(
    right_average,
    (
        '"grpo" is a mean over responses of means over their tokens: yours weighs tokens alike.',
        instead("grpo", lambda x, m, longest: right_average(x, m, "dapo")),
    ),
    (
        '"dapo" is one mean over all tokens of the batch: yours weighs responses alike.',
        instead("dapo", lambda x, m, longest: right_average(x, m, "grpo")),
    ),
    (
        "Divide each response by its own number of tokens, not by the number of places.",
        instead("grpo", lambda x, m, longest: torch.where(m, x, 0.0).mean(1).mean()),
    ),
    (
        "Divide by the tokens that count, not by all places.",
        instead("dapo", lambda x, m, longest: torch.where(m, x, 0.0).mean()),
    ),
    (
        "A loss of 0 counts, too: count what the mask says, not the losses that differ from 0.",
        instead("dapo", lambda x, m, longest: torch.where(m, x, 0.0).sum() / ((x != 0) & m).sum()),
    ),
    (
        "A loss of 0 counts as a token of its response, too: count what the mask says.",
        instead(
            "grpo",
            lambda x, m, longest: (torch.where(m, x, 0.0).sum(1) / ((x != 0) & m).sum(1).clamp_min(1)).mean(),
        ),
    ),
    (
        '"dr_grpo" divides by batch times `longest`, not by the tokens that there are.',
        instead("dr_grpo", lambda x, m, longest: right_average(x, m, "dapo")),
    ),
    (
        '`longest` is the constant of "dr_grpo", not the width of the tensor.',
        instead("dr_grpo", lambda x, m, longest: torch.where(m, x, 0.0).mean()),
    ),
    (
        'The batch is missing in "dr_grpo": divide by batch times `longest`.',
        instead("dr_grpo", lambda x, m, longest: torch.where(m, x, 0.0).sum() / longest),
    ),
    (
        "The responses' means are averaged, not summed.",
        instead("grpo", lambda x, m, longest: right_average(x, m, "grpo") * len(x)),
    ),
)
LOSS_HINTS = {
    "nan": NAN,
    "nan gradient": NAN_SLOPE,
    "no error": "Raise ValueError for every other word.",
    "shape": "One number, a tensor of shape []: average over the responses, too.",
}
average_values = Cases(
    "normalised_loss",
    name="three_ways_to_average",
    promise="The mean of responses' means, the mean over all tokens, and the sum over batch times longest.",
    points=3,
    reference=right_average,
    pool=average_pool,
    gradient=("losses",),
    mistakes=AVERAGE_MISTAKES,
    hints=LOSS_HINTS,
)
average_rest = Cases(
    "normalised_loss",
    name="masked_losses_do_not_matter",
    promise="Elsewhere losses may be ±inf or nan, with a gradient of 0; dtype kept; other words raise ValueError.",
    points=2,
    reference=right_average,
    pool=average_forms,
    gradient=("losses",),
    keeps_inputs=True,
    hints=LOSS_HINTS,
)


# grpo_loss -------------------------------------------------------------------------------------------------------


@in_double
def right_loss(
    logps: Tensor,
    old_logps: Tensor,
    ref_logps: Tensor,
    advantages: Tensor,
    mask: Tensor,
    method: str = "dapo",
    level: str = "token",
    low: float = 0.2,
    high: float = 0.2,
    beta: float = 0.0,
    longest: int = 16,
) -> Tensor:
    """From the references of its parts, on numbers that the mask has chosen."""
    lp, old, ref = (
        torch.where(mask, one, torch.zeros_like(one)) for one in (logps, old_logps.detach(), ref_logps.detach())
    )
    ratios = right_ratios(lp, old, mask, level)
    tokens = right_clipped(ratios, advantages, low, high)
    if beta:
        tokens = tokens + beta * right_kl(lp, ref, old, "k3") * ratios
    return right_average(tokens, mask, method, longest)


def loss_args(seed: int, mask: Tensor, dtype: torch.dtype = F64, drift: float = 0.4) -> tuple[Tensor, ...]:
    """Log-probs, advantages, mask."""
    lp = log_probs(seed, *mask.shape)
    parts = (lp, lp + numbers(seed + 1, *mask.shape, scale=drift), lp + numbers(seed + 2, *mask.shape, scale=0.7))
    return (*(torch.where(mask, one, 0.0).to(dtype) for one in parts), numbers(seed + 3, len(mask), dtype=dtype), mask)


def loss_pool(betas: tuple[float, ...]) -> Iterator[Case]:
    """Methods and levels, masks of every kind."""
    for seed, (family, mask) in enumerate(MASKS.items()):
        for method in METHODS:
            for level in ("token", "sequence"):
                for beta in betas:
                    more = {"method": method, "level": level, "beta": beta, "longest": 48}
                    yield Case(f"{family}, {more}", loss_args(seed, mask), more, family=family, tolerance=1e-11)
    mask = MASKS["padding on the right"]
    for low, high in ((0.2, 0.28), (0.05, 0.5), (0.5, 0.05)):
        for level in ("token", "sequence"):
            more = {"level": level, "low": low, "high": high, "beta": betas[-1]}
            yield Case(f"edges {more}", loss_args(11, mask, drift=0.8), more, family="other edges", tolerance=1e-11)
    for low, high in ((0.1, 0.6), (0.6, 0.1)):
        for beta in betas:
            args = loss_args(31, MASKS["whole rows"], drift=0.5)
            more = {"low": low, "high": high, "beta": beta}
            yield Case(f"wide edges {more}", args, more, family="other edges", tolerance=1e-11)
    for shift in (-7.0, 7.0):
        for beta in betas:
            lp, _, ref, a, m = loss_args(33, mask)
            args = (lp, torch.where(m, lp + shift, 0.0), ref, a, m)
            yield Case(f"far {shift}, {beta}", args, {"beta": beta}, family="a policy that has gone far")
    for beta in betas:
        lp, _, ref, a, m = loss_args(12, mask)
        yield Case(
            f"on-policy, {beta}", (lp, lp.clone(), ref, a, m), {"beta": beta}, family="π_old = π", tolerance=1e-11
        )


def without_kl() -> Iterator[Case]:
    """β = 0, the defaults too."""
    yield from loss_pool((0.0,))
    yield Case(
        "the defaults", loss_args(20, MASKS["padding on the left"]), family="nothing else is given", tolerance=1e-11
    )


def with_kl() -> Iterator[Case]:
    """A price of the KL."""
    yield from loss_pool((0.04, 1.0))


def spoilt_loss_pool() -> Iterator[Case]:
    """Junk, dtypes, layouts."""
    for dtype in (F32, F64):
        for seed, (name, mask) in enumerate(MASKS.items()):
            for level in ("token", "sequence"):
                for first in range(1 if mask.all() else 2):
                    *parts, a, m = loss_args(seed, mask, dtype)
                    args = (*(spoilt(one, mask, first + k) for k, one in enumerate(parts)), a, m)
                    more = {"method": METHODS[seed % 3], "level": level, "beta": (0.0, 0.3)[first % 2]}
                    yield Case(
                        f"{NAMES[dtype]}, {name}, {level}, {first}",
                        args,
                        more,
                        family=NAMES[dtype] if mask.all() else SPOILT,
                        tolerance=LOSS[dtype],
                    )
        yield from layouts(
            NAMES[dtype],
            loss_args(5, MASKS["tokens in several places"], dtype),
            ("logps", "old_logps", "ref_logps", "mask"),
            tolerance=LOSS[dtype],
        )


def put_together(ratio_level: str = "", kl: str = "k3-ratio", **changes: object) -> object:
    """A mistake's answer: parts that are put together otherwise."""

    def answer(
        lp: Tensor,
        old: Tensor,
        ref: Tensor,
        a: Tensor,
        mask: Tensor,
        method: str = "dapo",
        level: str = "token",
        low: float = 0.2,
        high: float = 0.2,
        beta: float = 0.0,
        longest: int = 16,
    ) -> Tensor:
        ratios = right_ratios(lp, old, mask, ratio_level or level)
        edges = {"low": (low, low), "high": (high, high)}.get(str(changes.get("edges")), (low, high))
        tokens = right_clipped(ratios, a, *edges)
        price = right_kl(lp, ref, old, "k3") * (ratios if kl == "k3-ratio" else 1.0)
        if kl == "token":
            price = right_kl(lp, ref, old, "k3-ratio")
        if kl == "k1":
            price = right_kl(lp, ref, old, "k1")
        sign = -1.0 if changes.get("turned") else 1.0
        if changes.get("outside"):
            return right_average(tokens, mask, method, longest) + beta * right_average(price, mask, "dapo", longest)
        return right_average(tokens + sign * beta * price, mask, str(changes.get("average", method)), longest)

    return answer


TOGETHER = (
    ("The level of the ratios is not used: yours are always per token.", put_together(ratio_level="token")),
    ('The average is always that of "dapo" in yours: use `method`.', put_together(average="dapo")),
    ('The average is always that of "grpo" in yours: use `method`.', put_together(average="grpo")),
    ("`high` is not used: the upper edge is 1 + high.", put_together(edges="low")),
    ("`low` is not used: the lower edge is 1 − low.", put_together(edges="high")),
)
together_plain = Cases(
    "grpo_loss",
    name="ratios_clip_and_average",
    promise="With β = 0: ratios of the level, clipped losses, the method's average, and its gradient.",
    points=2,
    reference=right_loss,
    pool=without_kl,
    gradient=("logps", "old_logps", "advantages"),
    mistakes=mistakes(right_loss, *TOGETHER),
    hints=LOSS_HINTS
    | {
        "gradient": "The gradient reaches `logps` alone, and there no place where the mask is false or the clip cuts: "
        "what was sampled and the advantages are constants."
    },
)
together_kl = Cases(
    "grpo_loss",
    name="the_price_of_the_kl",
    promise="β times k3 times the ratio of the level is added at each token, before the average.",
    points=2,
    reference=right_loss,
    pool=with_kl,
    gradient=("logps", "old_logps", "ref_logps"),
    mistakes=mistakes(
        right_loss,
        *TOGETHER,
        ("k3 is multiplied by the ratio: its gradient is that of the other KL without.", put_together(kl="k3")),
        ("The KL's ratio is the one of the level, not always that of the token.", put_together(kl="token")),
        ("That is k1: the KL's loss is k3 times the ratio.", put_together(kl="k1")),
        ("The KL is a price: it is added to the loss, not subtracted.", put_together(turned=True)),
        ("The KL is averaged as the losses are: add it before the average.", put_together(outside=True)),
    ),
    hints=LOSS_HINTS
    | {
        "gradient": "The gradient reaches `logps` alone, through k3 and through its ratio: the reference is a constant."
    },
)
together_masked = Cases(
    "grpo_loss",
    name="masked_log_probs_do_not_matter",
    promise="Elsewhere log-probs may be ±inf or nan, with a gradient of 0; dtype kept, arguments untouched.",
    points=2,
    reference=right_loss,
    pool=spoilt_loss_pool,
    gradient=("logps",),
    keeps_inputs=True,
    hints=LOSS_HINTS,
)
