"""Cases of what is computed for each token: ratios, clipped losses, what is cut, the KL's losses."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from cases_inputs import (
    F32,
    F64,
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
    only_with,
    spoilt,
)

from grader.checks import Case, Cases

LEVELS = ("token", "sequence")


def log_probs(seed: int, *shape: int, dtype: torch.dtype = F64, scale: float = 1.0) -> Tensor:
    """Log-probs: numbers below 0."""
    return -numbers(seed, *shape, scale=scale, dtype=dtype).abs() - 0.01


# importance_ratios -----------------------------------------------------------------------------------------------


@in_double
def right_ratios(logps: Tensor, old_logps: Tensor, mask: Tensor, level: str = "token") -> Tensor:
    """Row by row; a constant 1 elsewhere."""
    if level not in LEVELS:
        raise ValueError("level")
    out = []
    for now, old, kept in zip(logps, old_logps.detach(), mask, strict=True):
        gap = now[kept] - old[kept]
        gap = gap if level == "token" else gap.mean().expand(len(gap))
        out.append(torch.ones_like(now).index_put((kept.nonzero()[:, 0],), gap.exp()))
    return torch.stack(out)


def ratio_args(seed: int, mask: Tensor, dtype: torch.dtype = F64, scale: float = 0.5) -> tuple[Tensor, Tensor]:
    """Log-probs now and then."""
    old = log_probs(seed, *mask.shape)
    return (old + numbers(seed + 1, *mask.shape, scale=scale)).to(dtype), old.to(dtype)


def ratio_pool(level: str) -> Iterator[Case]:
    """Masks of every kind; drifts of every size."""
    for seed, (family, mask) in enumerate(MASKS.items()):
        for scale in (0.1, 1.5):
            args = (*(torch.where(mask, one, 0.0) for one in ratio_args(seed, mask, scale=scale)), mask, level)
            yield Case(f"{level}, {family}, {scale}", args, family=family)
    mask = MASKS["padding on the right"]
    old = log_probs(5, *mask.shape)
    yield Case(f"{level}, on-policy", (old, old.clone(), mask, level), family="π = π_old")
    for shift in (-6.0, 6.0, -13.0, 13.0, 25.0):
        yield Case(f"{level}, far {shift}", (old + shift, old, mask, level), family="a policy that has gone far")


def token_pool() -> Iterator[Case]:
    """One ratio a token; the default."""
    yield from ratio_pool("token")
    mask = MASKS["padding on the left"]
    yield Case("the default", (*ratio_args(9, mask), mask), family="level is not given")


def sequence_pool() -> Iterator[Case]:
    """One ratio a response."""
    yield from ratio_pool("sequence")


def spoilt_ratio_pool() -> Iterator[Case]:
    """Junk, dtypes, layouts, other words."""
    for dtype in (F32, F64):
        for level in LEVELS:
            for seed, (name, mask) in enumerate(MASKS.items()):
                for first in range(1 if mask.all() else 3):
                    args = (
                        *(spoilt(one, mask, first + k) for k, one in enumerate(ratio_args(seed, mask, dtype))),
                        mask,
                        level,
                    )
                    family = NAMES[dtype] if mask.all() else SPOILT
                    yield Case(f"{NAMES[dtype]}, {level}, {name}, {first}", args, family=family)
            mask = MASKS["tokens in several places"]
            yield from layouts(
                f"{NAMES[dtype]}, {level}", (*ratio_args(3, mask, dtype), mask, level), ("logps", "old_logps", "mask")
            )
    for word in ("tokens", "Sequence", "", "batch"):
        for mask in (MASKS["whole rows"], MASKS["padding on the left"]):
            yield Case(f"word {word!r}, {list(mask.shape)}", (*ratio_args(1, mask), mask, word), family="other words")


RATIO_MISTAKES = mistakes(
    right_ratios,
    (
        "The ratio is upside down: the policy now stands in the numerator.",
        lambda a, b, m, level="token": right_ratios(b, a, m, level),
    ),
    (
        "That is the log ratio: take exp of it.",
        lambda a, b, m, level="token": torch.where(m, right_ratios(a, b, m, level).log(), 0.0),
    ),
    ("Where the mask is false the ratio is 1, not 0.", lambda a, b, m, level="token": right_ratios(a, b, m, level) * m),
    (
        "What stands where the mask is false has a ratio in yours: it is 1 there.",
        lambda a, b, m, level="token": torch.where(m, right_ratios(a, b, m, level), (a - b).exp()),
    ),
    (
        'That is one ratio for each response; "token" wants one for each token.',
        only_with(right_ratios, "token", lambda a, b, m, level="token": right_ratios(a, b, m, "sequence")),
    ),
)


def gaps(a: Tensor, b: Tensor, m: Tensor) -> Tensor:
    """Log ratios, 0 where the mask is false, whatever stands there."""
    return torch.where(m, a - b, 0.0)


def of_sequence(answer: object) -> object:
    """A mistake at the level "sequence" alone."""
    return only_with(right_ratios, "sequence", lambda a, b, m, level: answer(a, b, m))  # type: ignore[operator]


SEQUENCE_MISTAKES = mistakes(
    right_ratios,
    (
        "That is the product of the ratios: GSPO takes the *mean* of the log ratios, not their sum.",
        of_sequence(lambda a, b, m: torch.where(m, gaps(a, b, m).sum(1, keepdim=True).exp(), 1.0)),
    ),
    (
        "The mean is over the response's tokens, not over all places of the row.",
        of_sequence(lambda a, b, m: torch.where(m, gaps(a, b, m).mean(1, keepdim=True).exp(), 1.0)),
    ),
    (
        "That is the mean of the ratios: the mean is taken of their logarithms.",
        of_sequence(
            lambda a, b, m: torch.where(
                m, torch.where(m, (a - b).exp(), 0.0).sum(1, keepdim=True) / m.sum(1, keepdim=True), 1.0
            )
        ),
    ),
    (
        "Each response has a ratio of its own, not one for the batch.",
        of_sequence(lambda a, b, m: torch.where(m, ((a - b)[m].mean()).exp(), 1.0)),
    ),
    (
        'That is one ratio for each token; "sequence" wants one for the whole response.',
        of_sequence(lambda a, b, m: right_ratios(a, b, m, "token")),
    ),
    (
        "The ratio is upside down: the policy now stands in the numerator.",
        lambda a, b, m, level="token": right_ratios(b, a, m, level),
    ),
    (
        "Where the mask is false the ratio is 1: yours is the response's there, too.",
        of_sequence(
            lambda a, b, m: (gaps(a, b, m).sum(1, keepdim=True) / m.sum(1, keepdim=True)).exp().expand(m.shape)
        ),
    ),
)

RATIO_HINTS = {
    "nan": NAN,
    "nan gradient": NAN_SLOPE,
    "gradient": "The gradient reaches the log-probs of now and no others: detach `old_logps`, and not `logps`.",
    "no error": "Raise ValueError for every other word.",
    "shape": "[batch, length] at both levels: a response's ratio stands at each of its tokens.",
}
ratios_of_tokens = Cases(
    "importance_ratios",
    name="each_token_has_its_ratio",
    promise='"token": π/π_old of each token, 1 where the mask is false, with the gradient of the log-probs now.',
    points=2,
    reference=right_ratios,
    pool=token_pool,
    gradient=("logps", "old_logps"),
    mistakes=RATIO_MISTAKES,
    hints=RATIO_HINTS,
)
ratios_of_sequences = Cases(
    "importance_ratios",
    name="each_response_has_its_ratio",
    promise='"sequence": exp of the mean log ratio over a response\'s tokens, at each of them, with its gradient.',
    points=2,
    reference=right_ratios,
    pool=sequence_pool,
    gradient=("logps", "old_logps"),
    mistakes=SEQUENCE_MISTAKES,
    hints=RATIO_HINTS,
)
ratios_masked = Cases(
    "importance_ratios",
    name="masked_ratios_are_one",
    promise="Elsewhere log-probs may be ±inf or nan; dtype kept, arguments untouched; other words raise ValueError.",
    points=1,
    reference=right_ratios,
    pool=spoilt_ratio_pool,
    gradient=("logps",),
    keeps_inputs=True,
    fresh=True,
    hints=RATIO_HINTS,
)


# clipped_losses and clip_shares ----------------------------------------------------------------------------------


@in_double
def right_clipped(ratios: Tensor, advantages: Tensor, low: float = 0.2, high: float = 0.2) -> Tensor:
    """By cases: where the clip cuts the loss is a constant."""
    a = advantages.detach()[:, None].expand_as(ratios)
    plain = -ratios * a
    out = torch.where((a > 0) & (ratios > 1 + high), -(1 + high) * a, plain)
    return torch.where((a < 0) & (ratios < 1 - low), -(1 - low) * a, out)


RHO = torch.tensor(
    [[0.5, 0.7, 0.79, 0.81, 0.95], [1.0, 1.12, 1.19, 1.21, 1.27], [1.29, 1.5, 3.0, 0.01, 1.0]], dtype=F64
)
NEAR = torch.tensor([[0.5 - 1e-9, 0.5 + 1e-9, 1.5 - 1e-9, 1.5 + 1e-9, 1.0]] * 2, dtype=F64)  # beside 1 ± 0.5
SIGNS = {
    "positive advantages": (2.0, 0.5, 1.0),
    "negative advantages": (-2.0, -0.5, -1.0),
    "advantages of both signs": (1.5, -0.7, 0.3),
    "an advantage of 0": (0.0, -1.0, 2.0),
}


def clip_pool(edges: tuple[tuple[float, float], ...]) -> Iterator[Case]:
    """Ratios below, between and above the edges; advantages of both signs."""
    for low, high in edges:
        for family, values in SIGNS.items():
            a = torch.tensor(values, dtype=F64)
            for turn in range(3):
                yield Case(f"{low}, {high}, {family}, {turn}", (RHO.roll(turn, 0), a, low, high), family=family)
        wide = torch.tensor([[1.0 + 0.037 * k - 0.4 for k in range(24)]] * 2, dtype=F64)
        yield Case(
            f"{low}, {high}, wide",
            (wide, torch.tensor([1.0, -1.0], dtype=F64), low, high),
            family="advantages of both signs",
        )


def even_edges() -> Iterator[Case]:
    """The same distance on both sides; the defaults."""
    yield from clip_pool(((0.2, 0.2), (0.1, 0.1)))
    yield Case("the defaults", (RHO, torch.tensor([1.0, -1.0, 2.0], dtype=F64)), family="edges are not given")
    far = torch.tensor([[2.5, 4.0, 6.0, 12.0, 60.0]] * 2, dtype=F64)
    for sign in (1.0, -1.0):
        yield Case(f"far {sign}", (far, torch.tensor([sign, -2 * sign], dtype=F64)), family="ratios far above 1")


def uneven_edges() -> Iterator[Case]:
    """DAPO's edges, GSPO's, and turned ones."""
    yield from clip_pool(((0.2, 0.28), (0.28, 0.2), (0.0003, 0.0004), (0.9, 5.0)))
    yield Case("by name", (RHO, torch.tensor([1.0, -1.0, 2.0], dtype=F64)), {"high": 0.28}, family="one edge is given")
    yield Case("by name 2", (RHO, torch.tensor([-1.0, -1.0, 2.0], dtype=F64)), {"low": 0.4}, family="one edge is given")


def clip_forms() -> Iterator[Case]:
    """Dtypes, shapes, layouts."""
    for dtype in (F32, F64):
        for batch, length in ((1, 1), (3, 2), (2, 5), (5, 3), (3, 3)):
            rho = (numbers(batch, batch, length, scale=0.5).exp()).to(dtype)
            for seed in (1, 2):
                yield Case(
                    f"{NAMES[dtype]}, {batch} × {length}, {seed}",
                    (rho, numbers(seed, batch, dtype=dtype)),
                    family=NAMES[dtype],
                )
        yield from layouts(NAMES[dtype], (RHO.to(dtype), torch.tensor([1.0, -1.0, 2.0], dtype=dtype)), ("ratios",))
        args = (RHO.to(dtype), torch.tensor([1.0, -1.0, 2.0], dtype=dtype))
        yield Case(
            f"{NAMES[dtype]}, advantages strided",
            args,
            layout={"advantages": "strided"},
            family="tensors that are not contiguous",
        )
    for sign in (1.0, -1.0):
        a = torch.tensor([sign, -sign], dtype=F64)
        yield Case(f"beside the edges, {sign}", (NEAR, a, 0.5, 0.5), family="ratios beside an edge")


CLIP_MISTAKES = mistakes(
    right_clipped,
    (
        "That is the clipped term alone: the minimum with the plain one keeps the gradient where A < 0 and ρ is large.",
        lambda r, a, low=0.2, high=0.2: -r.clamp(1 - low, 1 + high) * a[:, None],
    ),
    ("That is the plain term: nothing is clipped.", lambda r, a, low=0.2, high=0.2: -r * a[:, None]),
    (
        "The minimum, not the maximum: the objective is a bound from below.",
        lambda r, a, low=0.2, high=0.2: -torch.max(r * a[:, None], r.clamp(1 - low, 1 + high) * a[:, None]),
    ),
    (
        "That is the objective, which is to grow: the loss is minus that.",
        lambda r, a, low=0.2, high=0.2: -right_clipped(r, a, low, high),
    ),
    (
        "Where A < 0 nothing bounds the loss above 1 + high: yours has a second bound there.",
        lambda r, a, low=0.2, high=0.2: torch.where(
            a[:, None] < 0,
            -torch.max(-right_clipped(r, a, low, high), 3.0 * a[:, None]),
            right_clipped(r, a, low, high),
        ),
    ),
)
EDGE_MISTAKES = mistakes(
    right_clipped,
    (
        "The edges have changed places: 1 − low below, 1 + high above.",
        lambda r, a, low=0.2, high=0.2: right_clipped(r, a, high, low),
    ),
    ("`high` is not used: the upper edge is 1 + high.", lambda r, a, low=0.2, high=0.2: right_clipped(r, a, low, low)),
    ("`low` is not used: the lower edge is 1 − low.", lambda r, a, low=0.2, high=0.2: right_clipped(r, a, high, high)),
    (
        "That is the clipped term alone: the minimum with the plain one keeps the gradient where A < 0 and ρ is large.",
        lambda r, a, low=0.2, high=0.2: -r.clamp(1 - low, 1 + high) * a[:, None],
    ),
)
SLOPES = {
    "gradient": "It goes through the ratio, not through the advantages (`advantages.detach()`). It is 0 where the clip "
    "cuts: below 1 − low for A < 0, above 1 + high for A > 0. Everywhere else it is whole."
}

clip_keeps_the_minimum = Cases(
    "clipped_losses",
    name="keeps_the_minimum",
    promise="Minus the minimum of the plain and the clipped term, for advantages of both signs.",
    points=2,
    reference=right_clipped,
    pool=even_edges,
    mistakes=CLIP_MISTAKES,
)
clip_has_two_edges = Cases(
    "clipped_losses",
    name="has_two_edges",
    promise="The lower edge is 1 − low, the upper one 1 + high.",
    points=2,
    reference=right_clipped,
    pool=uneven_edges,
    mistakes=EDGE_MISTAKES,
)
clip_slopes = Cases(
    "clipped_losses",
    name="the_gradient_stops_where_the_clip_cuts",
    promise="The gradient reaches the ratios alone, and is 0 where the clip cuts; dtype kept, arguments untouched.",
    points=1,
    reference=right_clipped,
    pool=clip_forms,
    gradient=("ratios", "advantages"),
    keeps_inputs=True,
    fresh=True,
    hints=SLOPES,
)


def right_shares(
    ratios: Tensor, advantages: Tensor, mask: Tensor, low: float = 0.2, high: float = 0.2
) -> tuple[float, float]:
    """Token by token."""
    below = above = total = 0
    for row, a, kept in zip(ratios.tolist(), advantages.tolist(), mask.tolist(), strict=True):
        for ratio, counts in zip(row, kept, strict=True):
            total += counts
            below += counts and a < 0 and ratio < 1 - low
            above += counts and a > 0 and ratio > 1 + high
    return below / total, above / total


def share_pool() -> Iterator[Case]:
    """Masks, signs and edges of every kind."""
    for seed, (family, mask) in enumerate(MASKS.items()):
        for low, high in ((0.2, 0.2), (0.2, 0.28), (0.05, 0.6)):
            rho = numbers(seed, *mask.shape, scale=0.4).exp()
            a = numbers(seed + 50, len(mask))
            yield Case(f"{family}, {low}, {high}", (torch.where(mask, rho, 1.0), a, mask, low, high), family=family)
    for family, values in SIGNS.items():
        yield Case(family, (RHO, torch.tensor(values, dtype=F64), torch.ones(3, 5, dtype=torch.bool)), family=family)
    whole = torch.ones(1, 4, dtype=torch.bool)
    at = torch.tensor([[0.5, 1.5, 0.25, 1.75]], dtype=F64)
    for sign in (1.0, -1.0):
        yield Case(f"edges {sign}", (at, torch.tensor([sign], dtype=F64), whole, 0.5, 0.5), family="ratios at an edge")
        yield Case(
            f"edges {sign}, 2", (at, torch.tensor([sign], dtype=F64), whole, 0.75, 0.75), family="ratios at an edge"
        )
        a = torch.tensor([sign, -sign], dtype=F64)
        kept = torch.ones(2, 5, dtype=torch.bool)
        yield Case(f"beside the edges, {sign}", (NEAR, a, kept, 0.5, 0.5), family="ratios beside an edge")
        yield Case(f"small, {sign}", (RHO[:2], a * 1e-60, kept), family="advantages near 0")
    for zeros in ((-1.0, 0.0, 0.0), (0.0, 0.0, 1.0), (0.0, 0.0, 0.0)):
        args = (RHO, torch.tensor(zeros, dtype=F64), torch.ones(3, 5, dtype=torch.bool))
        yield Case(f"zeros {zeros}", args, family="an advantage of 0")


def spoilt_share_pool() -> Iterator[Case]:
    """Junk, dtypes, layouts."""
    for dtype in (F32, F64):
        for seed, (name, mask) in enumerate(MASKS.items()):
            rho = numbers(seed + 20, *mask.shape, scale=0.6).exp().to(dtype)
            for first in range(1 if mask.all() else 3):
                args = (spoilt(rho, mask, first), numbers(seed, len(mask), dtype=dtype), mask, 0.2, 0.3)
                yield Case(f"{NAMES[dtype]}, {name}, {first}", args, family=NAMES[dtype] if mask.all() else SPOILT)
        mask = MASKS["padding on the right"]
        args = (numbers(1, *mask.shape, scale=0.6).exp().to(dtype), numbers(2, len(mask), dtype=dtype), mask)
        yield from layouts(NAMES[dtype], args, ("ratios", "mask"))


def shares(
    r: Tensor, a: Tensor, m: Tensor, low: float = 0.2, high: float = 0.2, signs: bool = True, of: Tensor | None = None
) -> tuple[float, float]:
    """What a mistake counts."""
    a = a[:, None]
    below, above = m & (r < 1 - low), m & (r > 1 + high)
    total = (m if of is None else of).sum().item()
    if signs:
        below, above = below & (a < 0), above & (a > 0)
    return below.sum().item() / total, above.sum().item() / total


def by_rows(r: Tensor, a: Tensor, m: Tensor, low: float = 0.2, high: float = 0.2) -> tuple[float, float]:
    """The mean over rows of each row's share."""
    parts = [right_shares(r[i : i + 1], a[i : i + 1], m[i : i + 1], low, high) for i in range(len(m))]
    return sum(p[0] for p in parts) / len(parts), sum(p[1] for p in parts) / len(parts)


SHARE_MISTAKES = mistakes(
    right_shares,
    (
        "An edge cuts for one sign of the advantage only: below where A < 0, above where A > 0.",
        lambda r, a, m, low=0.2, high=0.2: shares(r, a, m, low, high, signs=False),
    ),
    (
        "The signs are turned: below 1 − low the clip cuts where A < 0.",
        lambda r, a, m, low=0.2, high=0.2: right_shares(r, -a, m, low, high),
    ),
    (
        "Padding is in your total: only tokens that count.",
        lambda r, a, m, low=0.2, high=0.2: shares(r, a, m, low, high, of=torch.ones_like(m)),
    ),
    ("Of all tokens together, not the mean of the rows' shares.", by_rows),
    ("First below, then above.", lambda r, a, m, low=0.2, high=0.2: right_shares(r, a, m, low, high)[::-1]),
    (
        "`high` is not used: the upper edge is 1 + high.",
        lambda r, a, m, low=0.2, high=0.2: right_shares(r, a, m, low, low),
    ),
    (
        "A number of tokens is no share: divide by all that count.",
        lambda r, a, m, low=0.2, high=0.2: tuple(float(x * m.sum()) for x in right_shares(r, a, m, low, high)),
    ),
)
share_counts = Cases(
    "clip_shares",
    name="counts_what_the_clip_cuts",
    promise="The share below 1 − low with A < 0 and that above 1 + high with A > 0, of all tokens that count.",
    points=2,
    reference=right_shares,
    pool=share_pool,
    tolerance=1e-6,
    mistakes=SHARE_MISTAKES,
    hints={
        "type": "Two Python floats in a tuple: `.item()`.",
        "ratios at an edge": "A ratio at an edge is not cut: < and >.",
    },
)
share_masked = Cases(
    "clip_shares",
    name="counts_nothing_that_is_masked",
    promise="Where the mask is false anything may stand; both dtypes; the arguments stay as they are.",
    points=1,
    reference=right_shares,
    pool=spoilt_share_pool,
    keeps_inputs=True,
    tolerance=1e-6,
    mistakes=mistakes(
        right_shares,
        (
            "What stands where the mask is false is counted in yours.",
            lambda r, a, m, low=0.2, high=0.2: tuple(
                x / m.sum().item()
                for x in (
                    ((r < 1 - low) & (a[:, None] < 0)).sum().item(),
                    ((r > 1 + high) & (a[:, None] > 0)).sum().item(),
                )
            ),
        ),
    ),
    hints={"type": "Two Python floats in a tuple: `.item()`.", "nan": NAN},
)


# kl_losses -------------------------------------------------------------------------------------------------------

ESTIMATORS = ("k1", "k2", "k3", "k3-ratio")


@in_double
def right_kl(logps: Tensor, ref_logps: Tensor, old_logps: Tensor, estimator: str = "k3-ratio") -> Tensor:
    """By expm1."""
    if estimator not in ESTIMATORS:
        raise ValueError("estimator")
    gap = logps - ref_logps.detach()
    if estimator == "k1":
        return gap
    if estimator == "k2":
        return 0.5 * gap * gap
    k3 = torch.expm1(-gap) + gap
    return k3 if estimator == "k3" else k3 * torch.exp(logps - old_logps.detach())


def kl_args(seed: int, *shape: int, dtype: torch.dtype = F64, scale: float = 1.0) -> tuple[Tensor, Tensor, Tensor]:
    """Log-probs now, of the reference, and then."""
    lp = log_probs(seed, *shape)
    return tuple(
        one.to(dtype)
        for one in (lp, lp + numbers(seed + 1, *shape, scale=scale), lp + numbers(seed + 2, *shape, scale=0.3))
    )  # type: ignore[return-value]


def kl_pool() -> Iterator[Case]:
    """Near the reference and far from it; sampled by the policy itself or by an older one."""
    for estimator in ESTIMATORS:
        for scale in (0.1, 1.0, 2.0):
            for shape in ((1,), (3, 2), (2, 5)):
                lp, ref, old = kl_args(len(shape) + int(scale), *shape, scale=scale)
                yield Case(
                    f"{estimator}, {scale}, {shape}",
                    (lp, ref, old, estimator),
                    family=f"the estimator {estimator}",
                    tolerance=1e-11,
                )
                yield Case(
                    f"{estimator}, {scale}, {shape}, fresh",
                    (lp, ref, lp.clone(), estimator),
                    family=f"the estimator {estimator}",
                    tolerance=1e-11,
                )
        lp = log_probs(4, 3, 2)
        for shift in (-24.0, -14.0, 6.0):
            args = (lp, lp + shift, lp + 0.3, estimator)
            yield Case(f"{estimator}, far {shift}", args, family=f"the estimator {estimator}")
        yield Case(
            f"{estimator}, at the start", (lp, lp.clone(), lp.clone(), estimator), family="π = π_ref", tolerance=1e-12
        )
    yield Case("the default", kl_args(6, 2, 4), family="the estimator is not given", tolerance=1e-11)


def kl_forms() -> Iterator[Case]:
    """Dtypes, shapes, layouts, other words."""
    for dtype in (F32, F64):
        tolerance = 1e-5 if dtype is F32 else 1e-11
        for estimator in ESTIMATORS:
            for shape in ((), (0,), (1, 1), (3, 2), (2, 2, 3)):
                yield Case(
                    f"{NAMES[dtype]}, {estimator}, {shape}",
                    (*kl_args(3, *shape, dtype=dtype), estimator),
                    family=NAMES[dtype],
                    tolerance=tolerance,
                )
            args = (*kl_args(2, 3, 4, dtype=dtype), estimator)
            yield from layouts(f"{NAMES[dtype]}, {estimator}", args, ("logps", "ref_logps"), tolerance=tolerance)
    for word in ("k4", "K1", "", "k3_ratio", "kl"):
        for shape in ((2,), (2, 3)):
            yield Case(f"word {word!r}, {shape}", (*kl_args(1, *shape), word), family="other words")


def only(name: str, answer: object) -> object:
    """A mistake in one estimator; the others are right."""
    return lambda lp, ref, old, estimator="k3-ratio": (
        answer(lp, ref, old) if estimator == name else right_kl(lp, ref, old, estimator)  # type: ignore[operator]
    )


def with_k3(k3: object) -> object:
    """A mistake in k3, with the ratio and without."""
    return lambda lp, ref, old, estimator="k3-ratio": (
        k3(ref - lp) * ((lp - old).exp() if estimator == "k3-ratio" else 1.0)  # type: ignore[operator]
        if estimator.startswith("k3")
        else right_kl(lp, ref, old, estimator)
    )


def turned_kl(lp: Tensor, ref: Tensor, old: Tensor, estimator: str = "k3-ratio") -> Tensor:
    """All four with d turned round."""
    found = right_kl(ref, lp, lp, "k3" if estimator == "k3-ratio" else estimator)
    return found * (lp - old).exp() if estimator == "k3-ratio" else found


KL_MISTAKES = mistakes(
    right_kl,
    ("d is upside down: log π − log π_ref.", turned_kl),
    (
        "d is cut off in yours where it is large: the loss is that of d itself, however far the policy has gone.",
        lambda lp, ref, old, estimator="k3-ratio": right_kl(
            ref + (lp - ref).clamp(-20, 20), ref, ref + (lp - ref).clamp(-20, 20) - (lp - old), estimator
        ),
    ),
    ("k2 is half of d².", only("k2", lambda lp, ref, old: (ref - lp) ** 2)),
    ("The −1 of k3 is missing: it is 0 where π = π_ref.", with_k3(lambda d: d.exp() - d)),
    ("exp(−d), not its logarithm, is the first part of k3.", with_k3(lambda d: d - d - 1)),
    (
        "The ratio is upside down: π over π_old.",
        only("k3-ratio", lambda lp, ref, old: right_kl(lp, ref, old, "k3") * (old - lp).exp()),
    ),
    (
        "The ratio is that of π to π_old, not to π_ref.",
        only("k3-ratio", lambda lp, ref, old: right_kl(lp, ref, old, "k3") * (lp - ref).exp()),
    ),
    (
        '"k3-ratio" is k3 *times* π/π_old: in yours the ratio is 1, or is missing.',
        only("k3-ratio", lambda lp, ref, old: right_kl(lp, ref, old, "k3")),
    ),
)
kl_values = Cases(
    "kl_losses",
    name="four_estimates",
    promise="Each estimator's value at each token, near the reference and far from it, for fresh and older samples.",
    points=2,
    reference=right_kl,
    pool=kl_pool,
    mistakes=KL_MISTAKES,
    hints={"the estimator k1": "k1 is d = log π − log π_ref itself, with its own sign: below 0, too."},
)
kl_slopes = Cases(
    "kl_losses",
    name="the_gradients_are_those_of_a_loss",
    promise="The gradient reaches the log-probs now, through the ratio too, and nothing else.",
    points=2,
    reference=right_kl,
    pool=kl_pool,
    gradient=("logps", "ref_logps", "old_logps"),
    hints={
        "gradient": "Constants are what was sampled and the reference: detach those two, and nothing of `logps`, "
        "in the ratio neither.",
    },
)
kl_rest = Cases(
    "kl_losses",
    name="kl_keeps_dtype_and_refuses_other_words",
    promise="Shape and dtype are those of the log-probs, which stay as they are; other estimators raise ValueError.",
    points=1,
    reference=right_kl,
    pool=kl_forms,
    keeps_inputs=True,
    fresh=True,
    hints={"no error": "Raise ValueError for every other word."},
)
