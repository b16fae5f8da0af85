"""Cases of `top_k_filter`: transformers' own processor is the reference."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from rows import DOUBLE, HALF, HINTS, INF, SINGLE, Rows, dtypes, holes, layouts, normal, shuffled, sizes
from transformers.generation.logits_process import TopKLogitsWarper

from grader.checks import Case, Cases, Mistake


def reference_top_k(logits: torch.Tensor, k: int) -> torch.Tensor:
    """The processor of transformers."""
    return TopKLogitsWarper(k)(None, logits)


def below_kth(logits: torch.Tensor, k: int) -> torch.Tensor:
    """Which logits are below the k-th largest of their row."""
    return logits < logits.topk(min(k, logits.shape[-1])).values[:, -1:]


SHARED = torch.tensor([[5.0, 4.0, 1.0, 0.0], [1.0, 0.0, -1.0, -2.0], [4.0, 5.0, 9.0, 8.0]])


def k_largest() -> Iterator[Case]:
    """Every size and scale, each with a small, a middling and a large k; no ties but where k keeps all."""
    for rows in sizes():
        for k in sorted({1, 2, max(1, rows.logits.shape[1] - 1), rows.logits.shape[1]}):
            if rows.family != "equal logits":
                yield rows.case(k)
    for k in (1, 3, 6):
        yield Rows("rows far apart", 0.5 * shuffled(k, 3, 7) + torch.tensor([[20.0], [0.0], [10.0]])).case(k)
    for k in (1, 2, 3):
        yield Rows("rows that share values", SHARED).case(k)
    close = torch.tensor([[1.0, 1.0 + 1e-12, 1.0 - 1e-12], [0.0, 1e-9, -1e-9]], dtype=DOUBLE)
    for k in (1, 2):
        yield Rows("logits that nearly tie", close).case(k)
        yield Rows("logits that nearly tie", torch.tensor([[2.0, 2.000001, 1.999999]])).case(k)
        yield Rows("negative logits only", torch.tensor([[-1.0, -2.0, -4.0], [-9.0, -3.0, -5.0]])).case(k)


TOP_K_VALUE = "Each row has its own k-th largest logit; logits below it become −inf, the others stay untouched."
TOP_K_MISTAKES = (
    Mistake(
        "Did you drop the k-th largest itself? Only logits *below* it go.",
        lambda logits, k: logits.masked_fill(logits <= logits.topk(min(k, logits.shape[-1])).values[:, -1:], -INF),
    ),
    Mistake(
        "Did you search the whole batch for the k largest? Each row has its own.",
        lambda logits, k: logits.masked_fill(logits < logits.flatten().topk(min(k, logits.numel())).values[-1], -INF),
    ),
    Mistake(
        "Does one row decide for all? Each row has its own k-th largest logit.",
        lambda logits, k: logits.masked_fill(logits < logits[:1].topk(min(k, logits.shape[-1])).values[:, -1:], -INF),
    ),
    Mistake(
        "Forbidden tokens need −inf, so that softmax gives exactly 0.",
        lambda logits, k: logits.masked_fill(below_kth(logits, k), 0.0),
    ),
    Mistake(
        "Forbidden tokens need −inf, so that softmax gives exactly 0; a large negative number is none.",
        lambda logits, k: logits.masked_fill(below_kth(logits, k), -1e9 if logits.dtype != HALF else -1e4),
    ),
    Mistake(
        "Did you return probabilities? Return the logits.",
        lambda logits, k: logits.masked_fill(below_kth(logits, k), -INF).softmax(-1),
    ),
    Mistake("Did you keep the k smallest?", lambda logits, k: -reference_top_k(-logits, k).nan_to_num(neginf=INF)),
    Mistake(
        "That is one token too many: the (k + 1)-th largest goes.", lambda logits, k: reference_top_k(logits, k + 1)
    ),
    Mistake(
        "The rows share one list of what stays: compare each row with its own k-th largest.",
        lambda logits, k: logits.masked_fill(~torch.isin(logits, logits.topk(min(k, logits.shape[-1])).values), -INF),
    ),
    Mistake(
        "Only equal logits tie: compare them exactly, without a tolerance.",
        lambda logits, k: logits.masked_fill(
            logits < logits.topk(min(k, logits.shape[-1])).values[:, -1:] - 1e-6, -INF
        ),
    ),
)

keeps_the_k_largest = Cases(
    "top_k_filter",
    name="keeps_the_k_largest_of_each_row",
    promise="In each row exactly the k largest logits stay as they were; all others are −inf.",
    points=1,
    reference=reference_top_k,
    pool=k_largest,
    tolerance=0.0,
    hints={
        "value": TOP_K_VALUE,
        "logits that nearly tie": "Only equal logits tie: compare them exactly, in their own dtype.",
        **HINTS,
    },
    mistakes=TOP_K_MISTAKES,
)


def tied_at_k() -> Iterator[Case]:
    """Ties across the k-th place, above it, and everywhere."""
    for dtype in (SINGLE, HALF, DOUBLE):
        ties = torch.tensor([[2.0, 5.0, 2.0, -1.0, 2.0], [3.0, 3.0, 3.0, 3.0, 3.0]], dtype=dtype)
        for k in (1, 2, 3, 4):
            yield Rows("ties at the k-th place", ties).case(k)
    for k in (1, 2, 3):
        yield Rows("ties at the k-th place", torch.zeros(3, 4)).case(k, note=f"zeros {k}")
        yield Rows("ties at the k-th place", torch.tensor([[0.0, -0.0, -1.0], [7.0, 7.0, 1.0]])).case(k)
        yield Rows("ties above the k-th place", torch.tensor([[4.0, 1.0, 4.0, 0.0, -3.0]])).case(k)
    yield Rows("ties among many", torch.arange(300.0).div(3, rounding_mode="floor")[None]).case(100)


keeps_ties = Cases(
    "top_k_filter",
    name="keeps_ties_at_the_kth_place",
    promise="A logit that equals the k-th largest stays, even if more than k tokens stay then.",
    points=1,
    reference=reference_top_k,
    pool=tied_at_k,
    tolerance=0.0,
    hints={"value": TOP_K_VALUE, **HINTS},
    mistakes=(
        Mistake(
            "Some token ties with the k-th place and is lost. Compare with the k-th value, do not pick k positions.",
            lambda logits, k: torch.full_like(logits, -INF).scatter(-1, *chosen_places(logits, k)),
        ),
        Mistake(
            "Ties count one by one, not as one place: the k-th largest of (5, 2, 2) is 2 for k = 2 and for k = 3.",
            lambda logits, k: torch.stack(
                [row.masked_fill(row < row.unique().flip(0)[:k][-1], -INF) for row in logits]
            ),
        ),
        *TOP_K_MISTAKES[:2],
    ),
)


def chosen_places(logits: torch.Tensor, k: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The k best places of each row and what stands there."""
    top = logits.topk(min(k, logits.shape[-1]))
    return top.indices, top.values


def large_k() -> Iterator[Case]:
    """A k above the vocabulary, above the number of possible tokens, and just below."""
    for rows in (*holes(), Rows("few tokens", normal(0, 2, 3)), Rows("one token", normal(1, 2, 1))):
        vocab = rows.logits.shape[1]
        for k in sorted({vocab, vocab + 1, 50, 2, 1}):
            yield rows.case(k, family="" if k <= vocab else "a k larger than the vocabulary")


k_may_exceed = Cases(
    "top_k_filter",
    name="k_may_exceed_what_is_there",
    promise="A k larger than the vocabulary keeps every token, and a logit of −inf stays −inf.",
    points=1,
    reference=reference_top_k,
    pool=large_k,
    tolerance=0.0,
    fresh=True,
    hints={
        "RuntimeError or IndexError or ValueError": "k may be larger than the number of tokens: cap it, and keep "
        "what is there.",
        "value": "k may be larger than the number of tokens, or of those that are not −inf: keep what is there.",
        "nan": "−inf must stay −inf: choose with `where` or `masked_fill`, do not multiply by a mask.",
        **HINTS,
    },
    mistakes=TOP_K_MISTAKES[:2],
)


def refused_k() -> Iterator[Case]:
    """0 and below; and what must stay: dtype, input, a tensor of its own."""
    for i, rows in enumerate((*dtypes(), *layouts())):
        yield rows.case(1 + i % 2)
        if i < 4:
            yield rows.case(50)
    for k in (1, 2, 3):
        yield Rows("rows that share values", SHARED.to(DOUBLE)).case(k)
    for rows in (Rows("one row", normal(0, 1, 3)), Rows("two rows", normal(1, 2, 2, HALF))):
        for k in (0, -1, -5):
            yield rows.case(k, family="k below 1")


top_k_refuses = Cases(
    "top_k_filter",
    name="top_k_refuses_zero_and_keeps_its_input",
    promise="A k below 1 raises ValueError; the dtype stays; a new tensor comes back, the input is not changed.",
    points=1,
    reference=reference_top_k,
    pool=refused_k,
    tolerance=0.0,
    keeps_inputs=True,
    fresh=True,
    hints={
        "no error": "Raise ValueError for every k below 1.",
        "other error": "Raise ValueError for every k below 1.",
        "value": TOP_K_VALUE,
        **HINTS,
    },
    mistakes=TOP_K_MISTAKES[:-1],
)
