"""Cases of `top_p_filter`: the definition in float64 is the reference, and a relation judges ties and rounding."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from rows import BRAIN, DOUBLE, HALF, HINTS, INF, SINGLE, Rows, holes, layouts, log_of, normal, sizes
from torch.nn.functional import pad

from grader.checks import Case, Cases, Mistake


def ranked(logits: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Places by falling probability, the probabilities there, and the sum before each: [batch, vocab], float64."""
    ordered, places = logits.double().sort(dim=-1, descending=True, stable=True)
    probs = ordered.softmax(-1)
    return places, probs, probs.cumsum(-1) - probs


def back(places: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """A mask in sorted order, at the tokens' own places."""
    return torch.zeros_like(mask).scatter(-1, places, mask)


def reference_top_p(logits: torch.Tensor, p: float) -> torch.Tensor:
    """The nucleus by its definition, in float64; of several right answers, that of a stable sort."""
    if not 0 < p <= 1:
        raise ValueError("p")
    places, _, before = ranked(logits)
    return logits.masked_fill(back(places, (before >= p) & (p < 1)), -INF)


def is_nucleus(case: Case, found: torch.Tensor, _expected: torch.Tensor) -> str:
    """Ties and sums within rounding of p leave a choice; `case.tolerance` 0 says that all sums are exact."""
    logits, p = case.args
    slack = 1e-5 if case.tolerance is None else case.tolerance
    kept = found > -INF
    if not torch.equal(found, logits.masked_fill(~kept, -INF)):
        return "A logit that stays has another value, or one that goes is not −inf."
    probs = logits.double().softmax(-1)
    if p == 1:
        return "" if torch.equal(kept, logits > -INF) else "A token is lost although p is 1."
    mass = (probs * kept).sum(-1)
    least = probs.masked_fill(~kept, INF).amin(-1)
    if bool((probs.masked_fill(kept, 0.0).amax(-1) > least * (1 + slack)).any()):
        return "A token stays that is less probable than one that goes."
    if not bool((kept.any(-1) & (mass >= p - slack)).all()):
        return "Too few tokens stay: together they do not reach p."
    return (
        "Too many tokens stay: without the last one p is reached too."
        if bool((mass - least >= p + slack).any())
        else ""
    )


def cut(drops: Callable[[torch.Tensor, torch.Tensor, float], torch.Tensor]) -> Callable[..., torch.Tensor]:
    """A top-p that drops, in sorted order, where `drops(probabilities, sums, p)` says so."""

    def filtered(logits: torch.Tensor, p: float) -> torch.Tensor:
        places, probs, _ = ranked(logits)
        return logits.masked_fill(back(places, drops(probs, probs.cumsum(-1), p)), -INF)

    return filtered


def at_threshold(logits: torch.Tensor, p: float) -> torch.Tensor:
    """Compares with the last kept probability, so that ties come in together."""
    kept = reference_top_p(logits, p)
    return logits.masked_fill(logits < kept.nan_to_num(neginf=INF).amin(-1, keepdim=True), -INF)


def in_sorted_order(logits: torch.Tensor, p: float) -> torch.Tensor:
    """The mask as it lies after sorting."""
    return logits.masked_fill(ranked(logits)[2] >= p, -INF)


def unsorted(logits: torch.Tensor, p: float) -> torch.Tensor:
    """Sums in the order of the ids."""
    probs = logits.double().softmax(-1)
    return logits.masked_fill(probs.cumsum(-1) - probs >= p, -INF)


def returned_sorted(logits: torch.Tensor, p: float) -> torch.Tensor:
    """Logits in sorted order."""
    return reference_top_p(logits.sort(descending=True).values, p)


TOP_P_VALUE = "Keep the fewest most probable tokens that together have probability p or more."
WITHOUT_CROSSING = Mistake(
    "Did you drop the token that crosses p? The nucleus must reach p, even where one token does that alone.",
    cut(lambda _probs, sums, p: sums > p),
)
WITHOUT_CROSSING_BUT_ONE = Mistake(
    "Did you drop the token that crosses p? The nucleus must reach p.",
    cut(lambda _probs, sums, p: (sums > p) & (torch.arange(sums.shape[-1]) > 0)),
)
ONE_MORE = Mistake(
    "You keep one token too many: stop once the sum has reached p.",
    cut(lambda probs, sums, p: pad(sums - probs >= p, (1, 0))[:, :-1]),
)
IN_ORDER = (
    Mistake("Your sum runs over tokens in the order of their ids: sort by probability first.", unsorted),
    Mistake("The mask is still in sorted order: scatter it back to the tokens' own places.", in_sorted_order),
    Mistake("You return the logits in sorted order: each token must keep its place.", returned_sorted),
)
TOP_P_FORM = (
    Mistake(
        "Did you return probabilities? Return the logits that stay, unchanged.",
        lambda logits, p: reference_top_p(logits, p).softmax(-1),
    ),
    Mistake(
        "Did you normalise? Logits that stay are returned as they came.",
        lambda logits, p: reference_top_p(logits, p).log_softmax(-1),
    ),
    Mistake(
        "Forbidden tokens need −inf, so that softmax gives exactly 0.",
        lambda logits, p: reference_top_p(logits, p).nan_to_num(neginf=0.0),
    ),
    Mistake(
        "Did you keep what should go? The most probable tokens stay.",
        lambda logits, p: logits.masked_fill(reference_top_p(logits, p) > -INF, -INF),
    ),
)
EXACT = "rows whose sum reaches p exactly"


def crossings() -> Iterator[Case]:
    """Sorted rows, all p; sums that meet p exactly; every size and scale; float16 with many tokens."""
    sorted_rows = log_of([0.5, 0.3, 0.15, 0.05], [0.6, 0.25, 0.1, 0.05], [0.4, 0.34, 0.2, 0.06])
    for p in (0.7, 0.35, 0.9, 0.97, 0.05, 0.55):
        yield Rows("rows in falling order", sorted_rows).case(p)
    for p in (0.25, 0.5, 0.75):
        for dtype in (SINGLE, HALF, BRAIN, DOUBLE):
            yield Rows(EXACT, torch.zeros(1, 4, dtype=dtype)).case(p, tolerance=0.0)
        yield Rows(EXACT, torch.full((3, 4), -7.0)).case(p, note=f"equal {p}", tolerance=0.0)
        halves = torch.tensor([[0.0, 0.0, -INF, -INF], [0.0, 0.0, 0.0, 0.0], [-INF, 3.0, -INF, 3.0]])
        yield Rows(EXACT, halves).case(p, note=f"holes {p}", tolerance=0.0)
    for dtype in (SINGLE, DOUBLE):
        yield Rows(EXACT, torch.zeros(2, 2, dtype=dtype)).case(0.5, tolerance=0.0)
    for i, rows in enumerate(sizes()):
        if rows.family not in ("equal logits", "logits of size 1e-06"):
            yield rows.case((0.9, 0.6, 0.3)[i % 3])
            yield rows.case((0.45, 0.8, 0.99)[i % 3])
    for p in (1e-20, 1e-6):
        yield Rows("a very small p", normal(12, 3, 6, scale=2.0)).case(p)
    yield Rows("many tokens", normal(13, 2, 300, DOUBLE)).case(1 - 2.0**-53)
    for dtype in (HALF, BRAIN, SINGLE):
        many = normal(11, 2, 1500, dtype, scale=0.5)
        for p in (0.5, 0.8, 0.95):
            yield Rows("many tokens", many).case(p)
        yield Rows("many tokens", torch.zeros(1, 3000, dtype=dtype)).case(0.6)


keeps_the_crossing = Cases(
    "top_p_filter",
    name="keeps_the_token_that_crosses_p",
    promise="The nucleus is the smallest set whose probability reaches p: the token that crosses p belongs to it.",
    points=2,
    reference=reference_top_p,
    pool=crossings,
    accept=is_nucleus,
    hints={
        "value": TOP_P_VALUE,
        EXACT: "A sum of exactly p has reached it: with probabilities 0.5 and 0.5, p = 0.5 keeps one token.",
        "many tokens": "Are probabilities and sums float32 or finer, and compared with p itself?",
        **HINTS,
    },
    mistakes=(WITHOUT_CROSSING, WITHOUT_CROSSING_BUT_ONE, ONE_MORE, *TOP_P_FORM, *IN_ORDER),
)


def scattered() -> Iterator[Case]:
    """Unsorted rows, each another order."""
    rows = log_of([0.05, 0.6, 0.1, 0.025, 0.225], [0.3, 0.02, 0.08, 0.5, 0.1], [0.07, 0.13, 0.2, 0.26, 0.34])
    for p in (0.75, 0.45, 0.87):
        yield Rows("rows in no order", rows).case(p)
        yield Rows("rows in no order", rows.flip(0)).case(p, note=f"reversed {p}")
        yield Rows("rows in no order", rows[1:2]).case(p)
        yield Rows("rows in rising order", rows.sort().values).case(p)
        for layout in layouts():
            yield layout.case(p)
    for seed in range(4):
        yield Rows("rows in no order", normal(20 + seed, 3, 7, scale=2.0)).case(0.8, note=f"{seed}")


puts_back = Cases(
    "top_p_filter",
    name="puts_the_nucleus_back_in_place",
    promise="Tokens are judged by probability, row by row, and the verdict goes back to each token's own place.",
    points=1,
    reference=reference_top_p,
    pool=scattered,
    accept=is_nucleus,
    hints={
        "value": "Sort each row by itself, decide there, and scatter the decision back to the tokens' own places.",
        **HINTS,
    },
    mistakes=(*IN_ORDER, WITHOUT_CROSSING, WITHOUT_CROSSING_BUT_ONE, ONE_MORE, *TOP_P_FORM),
)


def tied_at_p() -> Iterator[Case]:
    """Ties across the edge of the nucleus."""
    ties = torch.tensor([[0.4, 0.2, 0.2, 0.2], [0.25, 0.25, 0.25, 0.25], [0.1, 0.1, 0.7, 0.1]]).log()
    for p in (0.55, 0.85, 0.3, 0.15):
        yield Rows("tokens that tie at the edge", ties).case(p)
        yield Rows("tokens that tie at the edge", ties[:1]).case(p)
        yield Rows("tokens that tie at the edge", torch.full((2, 7), -3.0, dtype=HALF)).case(p)
        yield Rows("equal logits", torch.full((2, 5), 1e-6)).case(p)
        yield Rows("many equal logits", torch.ones(1, 300)).case(p)


few_among_ties = Cases(
    "top_p_filter",
    name="keeps_no_more_than_needed_among_ties",
    promise="Among tokens of equal probability at the edge, only as many stay as are needed to reach p.",
    points=1,
    reference=reference_top_p,
    pool=tied_at_p,
    accept=is_nucleus,
    hints={"value": TOP_P_VALUE, **HINTS},
    mistakes=(
        Mistake(
            "Compared with a threshold, ties come in all together. Decide by sorted position, not by value.",
            at_threshold,
        ),
        Mistake(
            "Compared with a threshold, ties go all together. Decide by sorted position, not by value.",
            lambda logits, p: logits.masked_fill(
                logits <= reference_top_p(logits, p).nan_to_num(neginf=INF).amin(-1, keepdim=True), -INF
            ),
        ),
        WITHOUT_CROSSING,
        WITHOUT_CROSSING_BUT_ONE,
        ONE_MORE,
        *TOP_P_FORM,
    ),
)


def whole_rows() -> Iterator[Case]:
    """All of p = 1: faint tokens; vocabularies of one token; −inf."""
    faint = torch.tensor([[0.0, -40.0, 3.0, -25.0], [2.0, -INF, 1.0, -90.0]])
    for p in (1.0, 1):
        note = type(p).__name__
        yield Rows("p = 1 with faint tokens", faint).case(p, note=note)
        yield Rows("p = 1 with faint tokens", torch.tensor([[0.0, -120.0], [-800.0, 0.0]])).case(p, note=note)
        yield Rows("p = 1 with faint tokens", torch.tensor([[0.0, -30.0]], dtype=HALF)).case(p, note=note)
        yield Rows("p = 1", normal(0, 3, 300, scale=5.0)).case(p, note=note)
        yield Rows("p = 1", torch.zeros(2, 3)).case(p, note=note)
    for p in (0.1, 0.999, 1.0):
        yield Rows("one token", torch.tensor([[-3.0], [5.0]])).case(p)
        yield Rows("one token", torch.tensor([[-3.0]], dtype=BRAIN)).case(p)
    for i, rows in enumerate(holes()):
        for p in (0.8, 0.3, 1.0):
            yield rows.case(p, note=f"{i} {p}")


p_one = Cases(
    "top_p_filter",
    name="p_one_keeps_every_token",
    promise="With p = 1 every token stays, however improbable; a vocabulary of one token stays; −inf stays −inf.",
    points=1,
    reference=reference_top_p,
    pool=whole_rows,
    accept=is_nucleus,
    fresh=True,
    hints={
        "value": "With p = 1 nothing goes: treat p = 1 by itself, as sums reach 1 early. One token always stays.",
        "nan": "−inf must stay −inf: choose with `where` or `masked_fill`, do not multiply by a mask.",
        "p = 1 with faint tokens": "With p = 1 nothing goes. Rounding lets sums reach 1 early, and makes faint "
        "probabilities 0: treat p = 1 by itself.",
        **HINTS,
    },
    mistakes=TOP_P_FORM,
)


def refused_p() -> Iterator[Case]:
    """Every p outside (0, 1]; and what must stay: dtype, input, a tensor of its own."""
    third = log_of([0.1, 0.6, 0.3], [0.5, 0.15, 0.35])
    for dtype in (HALF, BRAIN, SINGLE, DOUBLE):
        for p in (0.7, 0.2, 1.0):
            yield Rows(f"{str(dtype).removeprefix('torch.')} logits", third.to(dtype)).case(p)
    for p in (0.0, 0, -0.2, -1, 1.5, 2, 1.0001):
        family = "p = 0" if p == 0 else "p above 1" if p > 1 else "negative p"
        yield Rows("ordinary rows", third).case(p, note=f"{type(p).__name__} {p}", family=family)
        yield Rows("ordinary rows", third.half()).case(p, note=f"{type(p).__name__} {p}", family=family)


top_p_refuses = Cases(
    "top_p_filter",
    name="top_p_refuses_bad_p_and_keeps_its_input",
    promise="A p outside (0, 1] raises ValueError; the dtype stays; a new tensor comes back, the input is not changed.",
    points=1,
    reference=reference_top_p,
    pool=refused_p,
    accept=is_nucleus,
    keeps_inputs=True,
    fresh=True,
    hints={
        "no error": "Raise ValueError unless 0 < p <= 1.",
        "other error": "Raise ValueError unless 0 < p <= 1.",
        "value": TOP_P_VALUE,
        **HINTS,
    },
    mistakes=(WITHOUT_CROSSING, ONE_MORE, *IN_ORDER, *TOP_P_FORM),
)
