"""Inputs of lab 01's exercises, what is right for each, and the mistakes that are likely.

References are transformers' own processors where it has one that keeps the docstring, else the definition, in float64.
"""

# ruff: noqa: ARG005 - a mistake has the signature of its exercise, whatever it leaves out of account.

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import pad
from transformers.generation.logits_process import (
    LogitsProcessorList,
    MinNewTokensLengthLogitsProcessor,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
)

from grader.checks import Built, Case, Cases, Mistake

INF = torch.inf
HALF, BRAIN, SINGLE, DOUBLE = torch.float16, torch.bfloat16, torch.float32, torch.float64
NEW = "Return a new tensor: no `/=`, no `masked_fill_`, no assignment into what you are given."
COPY = "Where nothing goes, return a copy (`clone`), not the tensor that you were given."
KEEP = "Do not convert the result: float16 logits come back as float16, float64 as float64."
HINTS = {"changed": NEW, "shared": COPY, "dtype": KEEP}
DIGITS = {"double precision": "Compute in the dtype of the logits: float32 on the way loses digits of float64."}


def normal(seed: int, batch: int, vocab: int, dtype: torch.dtype = SINGLE, scale: float = 1.0) -> torch.Tensor:
    """Random logits, the same on every machine."""
    generator = torch.Generator().manual_seed(seed)
    return (torch.randn(batch, vocab, generator=generator, dtype=DOUBLE) * scale).to(dtype)


def shuffled(seed: int, batch: int, vocab: int, step: float = 0.25, dtype: torch.dtype = SINGLE) -> torch.Tensor:
    """Rows without ties, `step` between neighbours by size."""
    generator = torch.Generator().manual_seed(seed)
    return torch.stack([torch.randperm(vocab, generator=generator) * step for _ in range(batch)]).to(dtype)


def log_of(*rows: list[float]) -> torch.Tensor:
    """Logits with these probabilities, not normalised: each row is shifted by another number."""
    return torch.tensor(rows, dtype=DOUBLE).log().add(torch.arange(1.0, len(rows) + 1)[:, None]).float()


@dataclass(frozen=True)
class Rows:
    """Logits, what is special about them, and how they lie in memory."""

    family: str
    logits: torch.Tensor
    layout: str = ""

    @property
    def name(self) -> str:
        """Unique where the logits differ in dtype, shape or layout; the caller adds what else differs."""
        dtype = str(self.logits.dtype).removeprefix("torch.")
        return f"{self.family}, {dtype} {list(self.logits.shape)}"

    def case(self, *args: Any, note: str = "", family: str = "", tolerance: float | None = None) -> Case:
        """A case with these logits first."""
        layout = {"logits": self.layout} if self.layout else {}
        name = f"{self.name} {note or ' '.join(str(a) for a in args if not isinstance(a, torch.Tensor))}"
        return Case(name, (self.logits, *args), family=family or self.family, layout=layout, tolerance=tolerance)


def sizes() -> Iterator[Rows]:
    """Ordinary rows of every size and scale."""
    for batch in (1, 2, 3):
        for vocab in (1, 2, 5):
            yield Rows("small batches of few tokens", normal(10 * batch + vocab, batch, vocab, scale=3.0))
    yield Rows("many tokens", normal(1, 2, 300, scale=2.0))
    yield Rows("many rows", normal(2, 130, 4, scale=2.0))
    yield Rows("double precision", normal(3, 2, 6, DOUBLE))
    for scale in (1e-6, 1e-3, 1e2, 1e4):
        yield Rows(f"logits of size {scale:g}", normal(4, 3, 5, scale=scale))
    yield Rows("rows far apart", normal(5, 3, 4) + 500.0 * torch.tensor([[1.0], [-1.0], [0.0]]))
    yield Rows("rows in falling and in rising order", torch.stack([torch.arange(6.0), torch.arange(6.0).flip(0)]))
    yield Rows("negative logits only", -normal(6, 2, 5).abs() - 0.5)
    yield Rows("equal logits", torch.full((2, 4), 1.5))


def dtypes() -> Iterator[Rows]:
    """Every float dtype."""
    for dtype in (HALF, BRAIN, DOUBLE, SINGLE):
        for batch, vocab in ((1, 5), (2, 3), (3, 2)):
            yield Rows(f"{str(dtype).removeprefix('torch.')} logits", shuffled(vocab, batch, vocab, 0.75, dtype) - 1.0)


def holes() -> Iterator[Rows]:
    """−inf in every place, never in a whole row."""
    for dtype in (SINGLE, HALF):
        yield Rows("−inf among the logits", torch.tensor([[1.5, -INF, -3.0], [-INF, 0.25, 6.0]], dtype=dtype))
        yield Rows("all but one −inf", torch.tensor([[-INF, -INF, -2.0, -INF], [4.0, -INF, -INF, -INF]], dtype=dtype))


def layouts() -> Iterator[Rows]:
    """Tensors that do not lie in memory row after row."""
    for layout, said in (
        ("transposed", "a transposed tensor"),
        ("strided", "a slice with steps"),
        ("column", "a slice"),
    ):
        yield Rows(said, shuffled(7, 3, 5) - 2.0, layout)
        yield Rows(said, shuffled(8, 2, 4, dtype=BRAIN) - 1.0, layout)
    yield Rows("one row, expanded", shuffled(9, 1, 5).repeat(3, 1) - 1.0, "expanded")


# apply_temperature -----------------------------------------------------------------------------------------------


def reference_temperature(logits: torch.Tensor, temperature: float) -> torch.Tensor:
    """The processor of transformers, which asks for a float."""
    return TemperatureLogitsWarper(float(temperature))(None, logits)


def temperatures() -> Iterator[Case]:
    """Every size and scale, each with two temperatures."""
    chosen = (0.5, 2.0, 0.125, 1.0, 3.7, 0.9, 40.0)
    for i, rows in enumerate(sizes()):
        for temperature in (chosen[i % 7], chosen[(i + 3) % 7]):
            yield rows.case(temperature)
    plain = Rows("ordinary rows", normal(0, 2, 4, scale=3.0))
    for temperature in chosen:
        yield plain.case(temperature)
    for temperature in (2, 1, 5):
        yield plain.case(temperature, note=f"integer {temperature}", family="a temperature that is an integer")
    for temperature in (1e-3, 1e-6, 1e-9, 1e4):
        yield plain.case(temperature, family="very low and very high temperatures")


divides_the_logits = Cases(
    "apply_temperature",
    name="divides_the_logits",
    promise="Every logit is divided by the temperature: below 1 sharpens, above 1 flattens.",
    points=1,
    reference=reference_temperature,
    pool=temperatures,
    hints={"value": "Divide each logit by T, and do nothing else to it.", **HINTS, **DIGITS},
    mistakes=(
        Mistake(
            "Did you multiply by T? A high temperature must flatten the distribution.",
            lambda logits, temperature: logits * temperature,
        ),
        Mistake(
            "Did you return probabilities? Return the logits; softmax comes later.",
            lambda logits, temperature: (logits / temperature).softmax(-1),
        ),
        Mistake(
            "Did you return log-probabilities? Only divide, do not normalise.",
            lambda logits, temperature: (logits / temperature).log_softmax(-1),
        ),
        Mistake("T changes nothing of what you return.", lambda logits, temperature: logits.clone()),
        Mistake(
            "Subtract nothing: softmax is the same with or without, the logits are not.",
            lambda logits, temperature: (logits - logits.amax(-1, keepdim=True)) / temperature,
        ),
    ),
)


def refused_temperatures() -> Iterator[Case]:
    """0, below 0, and just above."""
    for rows in (Rows("one row", normal(0, 1, 3)), Rows("two rows", normal(1, 2, 2, HALF))):
        for temperature in (0.0, 0, -1.0, -0.5, -2, -1e-6):
            note = f"{type(temperature).__name__} {temperature}"
            yield rows.case(temperature, note=note, family="T = 0" if temperature == 0 else "negative temperatures")
        for temperature in (0.01, 0.5, 1.0):
            yield rows.case(temperature, family="temperatures above 0")


refuses_temperatures = Cases(
    "apply_temperature",
    name="refuses_temperatures_that_are_not_positive",
    promise="A temperature of 0 or below raises ValueError; a small positive one does not.",
    points=1,
    reference=reference_temperature,
    pool=refused_temperatures,
    hints={
        "no error": "T = 0 is a limit, not a division: raise ValueError for every T of 0 or below, negative ones too.",
        "error": "Raise ValueError where T is 0 or below, and only there.",
        **HINTS,
    },
)


def kept_by_temperature() -> Iterator[Case]:
    """dtypes, −inf, layouts; with T = 1 too, where a tensor could come back as it is."""
    for i, rows in enumerate((*dtypes(), *holes(), *layouts())):
        yield rows.case((0.5, 2.0, 1.0)[i % 3])
        yield rows.case((1.0, 0.7, 3.0)[i % 3])


keeps_what_temperature_must_keep = Cases(
    "apply_temperature",
    name="temperature_keeps_dtype_infinities_and_input",
    promise="The dtype stays, −inf stays −inf, and a new tensor comes back: the logits passed in are not changed.",
    points=1,
    reference=reference_temperature,
    pool=kept_by_temperature,
    keeps_inputs=True,
    fresh=True,
    hints={
        "nan": "−inf divided by T is still −inf: there is nothing to mask.",
        "value": "Divide each logit by T; −inf divided by T is still −inf.",
        **HINTS,
    },
    mistakes=divides_the_logits.mistakes,
)

# top_k_filter ----------------------------------------------------------------------------------------------------


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
        "error": "k may be larger than the number of tokens: cap it, and keep what is there.",
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
    hints={"no error": "Raise ValueError for every k below 1.", "value": TOP_K_VALUE, **HINTS},
    mistakes=TOP_K_MISTAKES[:-1],
)

# top_p_filter ----------------------------------------------------------------------------------------------------


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
        "many tokens": "Are probabilities and sums float32 or finer? In float16 many small ones are lost.",
        **HINTS,
    },
    mistakes=(WITHOUT_CROSSING, WITHOUT_CROSSING_BUT_ONE, ONE_MORE, *TOP_P_FORM, *IN_ORDER),
)


def scattered() -> Iterator[Case]:
    """Unsorted rows, each another order."""
    rows = log_of([0.05, 0.6, 0.1, 0.025, 0.225], [0.3, 0.02, 0.08, 0.5, 0.1], [0.07, 0.13, 0.2, 0.26, 0.34])
    for p in (0.75, 0.5, 0.9):
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
        "value": "Nothing may go at p = 1, at least one token always stays, and −inf stays −inf.",
        "nan": "−inf must stay −inf: choose with `where` or `masked_fill`, do not multiply by a mask.",
        "p = 1 with faint tokens": "With p = 1 nothing goes. Rounding lets a float sum reach 1 early, and makes a faint "
        "probability 0: treat p = 1 by itself.",
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
    hints={"no error": "Raise ValueError unless 0 < p <= 1.", "value": TOP_P_VALUE, **HINTS},
    mistakes=(WITHOUT_CROSSING, ONE_MORE, *IN_ORDER, *TOP_P_FORM),
)

# repetition_penalty ----------------------------------------------------------------------------------------------


def reference_penalty(logits: torch.Tensor, ids: torch.Tensor, penalty: float) -> torch.Tensor:
    """The processor of transformers, which asks for a float."""
    return RepetitionPenaltyLogitsProcessor(float(penalty))(ids, logits)


def history(seed: int, logits: torch.Tensor, length: int) -> torch.Tensor:
    """Random ids, [batch, length]."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(logits.shape[1], (logits.shape[0], length), generator=generator)


def changed_where_seen(change: Callable[[torch.Tensor, float], torch.Tensor]) -> Callable[..., torch.Tensor]:
    """`change(logits, penalty)` at the tokens that a row has seen."""

    def changed(logits: torch.Tensor, ids: torch.Tensor, penalty: float) -> torch.Tensor:
        seen = torch.zeros(logits.shape, dtype=torch.bool).scatter(1, ids, True)
        return torch.where(seen, change(logits, penalty), logits)

    return changed


def worse(z: torch.Tensor, penalty: float) -> torch.Tensor:
    """Every logit, penalised."""
    return torch.where(z < 0, z * penalty, z / penalty)


def for_each_occurrence(logits: torch.Tensor, ids: torch.Tensor, penalty: float) -> torch.Tensor:
    """As often as a token occurs."""
    counts = torch.zeros(logits.shape, dtype=DOUBLE).scatter_add(1, ids, torch.ones(ids.shape, dtype=DOUBLE))
    return torch.where(logits < 0, logits.double() * penalty**counts, logits.double() / penalty**counts).to(
        logits.dtype
    )


def seen_by_any(logits: torch.Tensor, ids: torch.Tensor, penalty: float) -> torch.Tensor:
    """What one row has seen counts for all."""
    return changed_where_seen(worse)(logits, ids.flatten().expand(len(logits), -1), penalty)


def seen_by_first(logits: torch.Tensor, ids: torch.Tensor, penalty: float) -> torch.Tensor:
    """The first row's text counts for all."""
    return changed_where_seen(worse)(logits, ids[:1].expand(len(logits), -1), penalty)


PENALTY_VALUE = "Divide seen positive logits, multiply seen negative ones, leave all others."
PENALTY_MISTAKES = (
    Mistake(
        "A seen negative logit must fall too: multiply it, dividing brings it nearer to 0.",
        changed_where_seen(lambda z, penalty: z / penalty),
    ),
    Mistake(
        "A seen positive logit must fall: divide it, only negative ones are multiplied.",
        changed_where_seen(lambda z, penalty: z * penalty),
    ),
    Mistake(
        "You make repetition more likely: divide positive logits, multiply negative ones.",
        changed_where_seen(lambda z, penalty: torch.where(z < 0, z / penalty, z * penalty)),
    ),
    Mistake(
        "That subtracts, as a frequency penalty does: divide or multiply.",
        changed_where_seen(lambda z, penalty: z - penalty),
    ),
    Mistake(
        "You change every token: only those that a row has seen are worsened.",
        lambda logits, ids, penalty: worse(logits, penalty),
    ),
)
PENALTY_ROWS = (
    Mistake("Tokens that another row has seen are none of this row's business: index row by row.", seen_by_any),
    Mistake("Each row has its own text: row i of the ids belongs to row i of the logits.", seen_by_first),
    Mistake(
        "The whole text counts, not its last token alone.",
        lambda logits, ids, penalty: changed_where_seen(worse)(logits, ids[:, -1:], penalty),
    ),
)
PENALTY_ONCE = Mistake(
    "The penalty is applied once for each occurrence. Apply it once for each token that occurs at all.",
    for_each_occurrence,
)


REWARDS = "penalties below 1"


def seen_tokens() -> Iterator[Case]:
    """Distinct ids in every row, each size and scale, penalties above and below 1."""
    scores = torch.tensor([[4.0, -2.0, 1.0, -3.0, 0.5], [-1.0, 6.0, -0.25, 2.0, 0.0]])
    ids = torch.tensor([[0, 1, 3], [2, 3, 4]])
    for penalty in (2.0, 1.25, 0.5, 1.0, 1.0001, 10.0):
        yield Rows(REWARDS if penalty < 1 else "ordinary rows", scores).case(ids, penalty)
    for penalty in (2, 1):
        yield Rows("a penalty that is an integer", scores).case(ids, penalty)
    for i, rows in enumerate(sizes()):
        some = torch.stack(
            [
                (torch.arange(min(3, rows.logits.shape[1])) + row) % rows.logits.shape[1]
                for row in range(len(rows.logits))
            ]
        )
        for penalty in ((1.3, 0.7), (2.0, 0.4), (5.0, 1.0))[i % 3]:
            yield rows.case(some, penalty, family=REWARDS if penalty < 1 else "")
    yield Rows("zeros", torch.zeros(2, 3)).case(torch.tensor([[0, 1], [1, 2]]), 2.0)


seen_become_less_likely = Cases(
    "repetition_penalty",
    name="seen_tokens_become_less_likely",
    promise="A seen logit is divided by the penalty where it is positive and multiplied where it is negative.",
    points=2,
    reference=reference_penalty,
    pool=seen_tokens,
    hints={
        "value": PENALTY_VALUE,
        REWARDS: "A penalty below 1 rewards: here too divide from 0 up, multiply below 0. The smaller of both is the wrong one.",
        **HINTS,
        **DIGITS,
    },
    mistakes=(*PENALTY_MISTAKES, *PENALTY_ROWS),
)


def histories() -> Iterator[Case]:
    """Other texts in other rows; short, long and lying across memory."""
    scores = torch.tensor([[4.0, -2.0, 1.0, -3.0, 0.5], [-1.0, 6.0, -0.25, 2.0, 0.75]])
    yield Rows("rows with other texts", scores).case(torch.tensor([[0, 1, 2], [3, 3, 1]]), 2.0, note="overlapping")
    yield Rows("rows with other texts", scores).case(torch.tensor([[0, 1], [3, 4]]), 2.0, note="apart")
    for batch, vocab, length in ((3, 6, 2), (2, 6, 1), (1, 5, 4), (3, 4, 3), (5, 3, 1), (2, 300, 40)):
        rows = Rows("rows with other texts", normal(batch + vocab, batch, vocab, scale=2.0))
        for seed in (0, 1):
            yield rows.case(history(seed, rows.logits, length), 1.7, note=f"length {length}, {seed}")
            reversed_rows = Rows(rows.family, rows.logits.flip(0))
            yield reversed_rows.case(history(seed, rows.logits, length).flip(0), 0.6, note=f"reversed {length}, {seed}")
    for layout in ("transposed", "strided", "column"):
        for rows in (
            Rows("ids that lie across memory", normal(3, 3, 5)),
            Rows("ids that lie across memory", normal(4, 2, 7)),
        ):
            ids = history(5, rows.logits, 4)
            yield Case(f"ids {layout} {len(ids)}", (rows.logits, ids, 2.0), family=rows.family, layout={"ids": layout})


own_history = Cases(
    "repetition_penalty",
    name="each_row_has_its_own_history",
    promise="Row i of the logits is changed by row i of the ids alone.",
    points=1,
    reference=reference_penalty,
    pool=histories,
    hints={
        "value": "Row i of the logits is changed by row i of the ids alone: `gather` and `scatter` do that.",
        **HINTS,
    },
    mistakes=(*PENALTY_ROWS, PENALTY_ONCE, *PENALTY_MISTAKES),
)


def repeated() -> Iterator[Case]:
    """Tokens that occur often."""
    scores = torch.tensor([[4.0, -2.0, 1.0, -3.0, 0.5], [-1.0, 6.0, -0.25, 2.0, 0.75]])
    many = torch.tensor([[0, 0, 0, 1, 1, 0, 4], [1, 2, 1, 2, 1, 2, 2]])
    for penalty in (1.5, 0.5, 3.0):
        for cut_off in (7, 4, 2):
            yield Rows("tokens that occur often", scores).case(many[:, :cut_off], penalty, note=f"{cut_off} {penalty}")
        yield Rows("one token all along", scores).case(torch.full((2, 30), 1), penalty)
        yield Rows("one token all along", scores[:1]).case(torch.zeros(1, 400, dtype=torch.long), penalty)
        yield Rows("texts longer than the vocabulary", normal(1, 3, 2)).case(history(2, normal(1, 3, 2), 9), penalty)


once = Cases(
    "repetition_penalty",
    name="counts_a_token_once",
    promise="A token that occurs many times is penalised once, like one that occurs a single time.",
    points=1,
    reference=reference_penalty,
    pool=repeated,
    hints={"value": "However often a token occurs, its logit is worsened once.", **HINTS},
    mistakes=(PENALTY_ONCE, *PENALTY_MISTAKES, *PENALTY_ROWS),
)


def kept_by_penalty() -> Iterator[Case]:
    """dtypes, −inf seen and unseen, layouts, a penalty of 1; and penalties that are refused."""
    for i, rows in enumerate((*dtypes(), *holes(), *layouts())):
        for length, penalty in ((2, 2.0), (1, (1.0, 0.5, 1.2)[i % 3])):
            yield rows.case(history(i, rows.logits, length), penalty, note=f"{i} length {length} {penalty}")
    whole = torch.arange(3).expand(2, 3).clone()
    hole = torch.tensor([[2.0, -INF, -1.0], [-INF, -INF, 0.5]])
    for dtype in (HALF, SINGLE):
        for penalty in (2.0, 0.5):
            yield Rows("−inf among the seen logits", hole.to(dtype)).case(whole, penalty)
    for penalty in (0.0, 0, -1.5, -1):
        family = "a penalty of 0" if penalty == 0 else "negative penalties"
        yield Rows("two rows", hole).case(whole, penalty, note=f"{type(penalty).__name__} {penalty}", family=family)


penalty_keeps = Cases(
    "repetition_penalty",
    name="penalty_keeps_dtype_infinities_and_input",
    promise="−inf and the dtype stay; inputs are not changed; a penalty of 0 or below raises ValueError.",
    points=1,
    reference=reference_penalty,
    pool=kept_by_penalty,
    keeps_inputs=True,
    fresh=True,
    hints={
        "nan": "−inf must stay −inf. Arithmetic with a 0/1 mask makes it nan (0 · −inf): choose with `torch.where`.",
        "no error": "Raise ValueError unless the penalty is above 0.",
        "value": PENALTY_VALUE,
        **HINTS,
    },
    mistakes=(*PENALTY_MISTAKES, *PENALTY_ROWS, PENALTY_ONCE),
)

# min_new_tokens --------------------------------------------------------------------------------------------------


def reference_minimum(logits: torch.Tensor, n_generated: int, minimum: int, eos_id: int) -> torch.Tensor:
    """The processor of transformers, for a text of one prompt token and `n_generated` new ones."""
    text = torch.zeros(len(logits), 1 + n_generated, dtype=torch.long)
    return MinNewTokensLengthLogitsProcessor(1, minimum, eos_id)(text, logits).clone()


def forbidding(
    when: Callable[[int, int], bool] = lambda n, least: n < least, value: float = -INF, row: int | None = None
) -> Callable[..., torch.Tensor]:
    """Puts `value` at EOS, in all rows or one, where `when(n_generated, minimum)`."""

    def forbidden(logits: torch.Tensor, n_generated: int, minimum: int, eos_id: int) -> torch.Tensor:
        out = logits.clone()
        if when(n_generated, minimum):
            out[slice(None) if row is None else row, eos_id] = value
        return out

    return forbidden


MINIMUM_VALUE = "While fewer than `minimum` new tokens are there, EOS needs a logit of −inf; nothing else changes."
MINIMUM_MISTAKES = (
    Mistake(
        "With `minimum` tokens generated the text is long enough: from then on EOS is allowed. Is it off by one?",
        forbidding(lambda n, least: n <= least),
    ),
    Mistake(
        "The last token before the minimum may not be EOS either. Is it off by one?",
        forbidding(lambda n, least: n < least - 1),
    ),
    Mistake("While the text is too short, EOS needs a logit of −inf: 0 is no prohibition.", forbidding(value=0.0)),
    Mistake(
        "While the text is too short, EOS needs a logit of −inf, not a large negative number.", forbidding(value=-1e9)
    ),
    Mistake("EOS is forbidden in every row, not in the first alone.", forbidding(row=0)),
    Mistake("EOS is forbidden in every row, not in the last alone.", forbidding(row=-1)),
    Mistake(
        "EOS is `eos_id`, which need not be the last token.",
        lambda logits, n_generated, minimum, eos_id: forbidding()(logits, n_generated, minimum, -1),
    ),
    Mistake(
        "EOS is `eos_id`, which need not be token 0.",
        lambda logits, n_generated, minimum, eos_id: forbidding()(logits, n_generated, minimum, 0),
    ),
)


def minima() -> Iterator[Case]:
    """Around the minimum, from both sides; small and large ones."""
    scores = normal(0, 2, 5, scale=2.0)
    for minimum in (0, 1, 3, 7, 200):
        for n_generated in sorted({0, 1, max(0, minimum - 2), max(0, minimum - 1), minimum, minimum + 1, minimum + 5}):
            family = "texts that are too short" if n_generated < minimum else "texts that are long enough"
            yield Rows(family, scores).case(n_generated, minimum, 2)


forbids_until_minimum = Cases(
    "min_new_tokens",
    name="forbids_the_end_until_the_minimum",
    promise="EOS is forbidden while fewer than `minimum` new tokens are there, and allowed from then on.",
    points=1,
    reference=reference_minimum,
    pool=minima,
    tolerance=0.0,
    hints={"value": MINIMUM_VALUE, **HINTS},
    mistakes=MINIMUM_MISTAKES,
)


def columns() -> Iterator[Case]:
    """EOS in every column of every size."""
    for rows in sizes():
        vocab = rows.logits.shape[1]
        for eos_id in sorted({0, 1 % vocab, vocab // 2, vocab - 1}):
            yield rows.case(1, 2, eos_id)
    for n_generated, minimum in ((2, 2), (1, 3), (3, 1), (0, 0)):
        yield Rows("ordinary rows", normal(0, 2, 5)).case(n_generated, minimum, 2)
    for rows in layouts():
        yield rows.case(0, 1, 1)
        yield rows.case(0, 1, rows.logits.shape[1] - 1)


forbids_only_eos = Cases(
    "min_new_tokens",
    name="forbids_only_eos_in_every_row",
    promise="EOS is forbidden in every row of the batch, and no other token is touched.",
    points=1,
    reference=reference_minimum,
    pool=columns,
    tolerance=0.0,
    hints={
        "value": MINIMUM_VALUE,
        "error": "`eos_id` is a column: `logits[:, eos_id]` is EOS in every row, `logits[eos_id]` is a row.",
        **HINTS,
    },
    mistakes=(
        Mistake(
            "`eos_id` is a column: `logits[:, eos_id]` is EOS in every row, `logits[eos_id]` is a row.",
            lambda logits, n_generated, minimum, eos_id: logits.index_fill(0, torch.tensor([eos_id]), -INF),
        ),
        *MINIMUM_MISTAKES,
    ),
)


def kept_by_minimum() -> Iterator[Case]:
    """dtypes, −inf, layouts, before and after the minimum."""
    for i, rows in enumerate((*dtypes(), *holes(), *layouts())):
        yield rows.case(0, 1, i % rows.logits.shape[1], note=f"{i} too short")
        yield rows.case(i % 3 + 1, 1, i % rows.logits.shape[1], note=f"{i} long enough")
        yield rows.case(i % 2, 3, i % rows.logits.shape[1], note=f"{i} far too short")


minimum_keeps = Cases(
    "min_new_tokens",
    name="minimum_keeps_dtype_and_input",
    promise="The dtype stays, and a new tensor comes back: the logits that were passed in are not changed.",
    points=1,
    reference=reference_minimum,
    pool=kept_by_minimum,
    tolerance=0.0,
    keeps_inputs=True,
    fresh=True,
    hints={
        "nan": "Set EOS to −inf, and do no arithmetic with the others: 0 · −inf is nan.",
        "value": MINIMUM_VALUE,
        **HINTS,
    },
    mistakes=MINIMUM_MISTAKES,
)

# sample_next -----------------------------------------------------------------------------------------------------


def inverse_cdf(logits: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
    """The first token whose sum in float64 is above u, among possible ones; the last of these where there is none."""
    probs = logits.double().softmax(-1)
    token = (probs.cumsum(-1) <= u[:, None]).sum(-1)
    return torch.minimum(token, (probs > 0).cumsum(-1).argmax(-1))


def is_draw(case: Case, found: torch.Tensor, _expected: torch.Tensor) -> str:
    """Sums within rounding of u leave a choice; `case.tolerance` 0 says that all sums are exact."""
    logits, u = case.args[0].double(), case.args[1].double()
    slack = 1e-5 if case.tolerance is None else case.tolerance
    if bool((found < 0).any()) or bool((found >= logits.shape[1]).any()):
        return "There is no such token."
    probs = logits.softmax(-1)
    sums = probs.cumsum(-1)
    own, right = (x.gather(-1, found[:, None])[:, 0] for x in (probs, sums))
    if bool((own == 0).any()):
        return "A token of probability 0 was drawn."
    is_last = found == (probs > 0).cumsum(-1).argmax(-1)
    hit = (right - own <= u + slack) & ((u < right + slack) | is_last)
    return "" if bool(hit.all()) else "u does not lie on the piece of the token that was drawn."


def by_rank(logits: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
    """Pieces sorted by probability."""
    ordered = logits.sort(descending=True)
    return ordered.indices.gather(-1, inverse_cdf(ordered.values, u)[:, None])[:, 0]


def from_sums(
    token_of: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """A draw by `token_of(sums, u)` in float64."""
    return lambda logits, u: token_of(logits.double().softmax(-1).cumsum(-1), u.double()[:, None])


DRAW_VALUE = "Add up softmax(logits) from token 0 on; the first sum above u is the token."
DRAW_MISTAKES = (
    Mistake("That ignores u: it always takes the most probable token.", lambda logits, u: logits.argmax(-1)),
    Mistake("Did you sort by probability? The pieces lie in the order of the ids.", by_rank),
    Mistake(
        "That gives every token an equally long piece: use softmax(logits).",
        lambda logits, u: (u * logits.shape[1]).long(),
    ),
    Mistake(
        "That is the token after the one on whose piece u falls.",
        lambda logits, u: (inverse_cdf(logits, u) + 1).clamp(max=logits.shape[1] - 1),
    ),
    Mistake(
        "That is the token before the one on whose piece u falls.",
        lambda logits, u: (inverse_cdf(logits, u) - 1).clamp(min=0),
    ),
    Mistake("The pieces begin with token 0 at the left.", lambda logits, u: inverse_cdf(logits, 1 - u.double())),
    Mistake(
        "Every row is drawn with the first u: row i must be drawn with u[i].",
        lambda logits, u: inverse_cdf(logits, u[:1].expand(len(u))),
    ),
    Mistake(
        "Row i must be drawn with u[i]: the order of u is turned round.",
        lambda logits, u: inverse_cdf(logits, u.flip(0)),
    ),
)
FROM_THE_LEFT = Mistake(
    "The sum must be *above* u, not equal to it: with u = 0 a first sum of 0 is not.",
    from_sums(lambda sums, u: (sums < u).sum(-1).clamp(max=sums.shape[-1] - 1)),
)


def inside(logits: torch.Tensor, seed: int, low: float = 0.1) -> torch.Tensor:
    """For each row a u inside the piece of a random token, `low` of its length from both ends."""
    generator = torch.Generator().manual_seed(seed)
    probs = logits.double().softmax(-1)
    piece = torch.multinomial(probs, 1, generator=generator)
    part = low + (1 - 2 * low) * torch.rand(len(logits), 1, generator=generator, dtype=DOUBLE)
    own = probs.gather(-1, piece)
    return (probs.cumsum(-1).gather(-1, piece) - own * part)[:, 0].float()


def pieces() -> Iterator[Case]:
    """Every token of a table, u on edges that floats meet exactly, each size and scale, float16 with many tokens."""
    table = torch.tensor([[0.125, 0.4, 0.075, 0.3, 0.1], [0.05, 0.15, 0.5, 0.1, 0.2], [0.3, 0.3, 0.2, 0.15, 0.05]])
    edges = pad(table.double().cumsum(-1), (1, 0))
    for token in range(5):
        u = (edges[:, token] + torch.tensor([0.2, 0.5, 0.8]) * table[:, token]).float()
        yield Rows("ordinary rows", table.log() + 3.0).case(u, note=f"token {token}")
        yield Rows("ordinary rows", table.log().flip(0)).case(u.flip(0), note=f"reversed, token {token}")
    for dtype in (SINGLE, HALF, BRAIN, DOUBLE):
        for batch in (
            torch.zeros(5, 4, dtype=dtype),
            torch.tensor([[2.0, -INF, 2.0, 2.0, -INF, 2.0]] * 5, dtype=dtype),
        ):
            u = torch.tensor([0.0, 0.25, 0.5, 0.75, 0.9])
            yield Rows("a u that meets a sum exactly", batch).case(u, note="quarters", tolerance=0.0)
    for i, rows in enumerate(sizes()):
        yield rows.case(inside(rows.logits, i), note=f"{i}")
        yield rows.case(inside(rows.logits, 100 + i), note=f"{i} again")
    for dtype in (HALF, BRAIN, SINGLE, DOUBLE):
        many = torch.zeros(40, 1200, dtype=dtype)
        yield Rows("many tokens", many).case(inside(many, 7, low=0.3), note="equal")
        many = normal(9, 40, 700, dtype, scale=0.3)
        yield Rows("many tokens", many).case(inside(many, 8, low=0.3), note="random")
    vast = torch.zeros(4, 20_000)
    yield Rows("a whole vocabulary", vast).case(inside(vast, 3, low=0.4), note="equal")


draws_on_the_piece = Cases(
    "sample_next",
    name="draws_the_token_on_whose_piece_u_falls",
    promise="The token is the first, in the order of ids, whose cumulative probability is above u.",
    points=2,
    reference=inverse_cdf,
    pool=pieces,
    accept=is_draw,
    hints={
        "value": DRAW_VALUE,
        "family": "For all other inputs it is right. Are sums float32 or finer, and is one equal to u not above it?",
        **HINTS,
    },
    mistakes=(*DRAW_MISTAKES, FROM_THE_LEFT),
)


def impossible() -> Iterator[Case]:
    """−inf before, between and behind possible tokens; u = 0."""
    rows = torch.tensor([[-INF, -INF, 1.0, -INF, 2.0, -INF], [-INF, 0.0, -INF, -INF, -INF, -INF]])
    for dtype in (SINGLE, HALF, DOUBLE):
        for first in (0.0, 0.1, 0.4, 0.99):
            yield Rows("−inf among the logits", rows.to(dtype)).case(torch.tensor([first, 0.0]), note=f"{first}")
        single = torch.tensor([[-INF, -INF, -3.0], [7.0, -INF, -INF], [-INF, 0.0, -INF]], dtype=dtype)
        for first in (0.0, 0.5, 1 - 2.0**-24):
            yield Rows("all but one −inf", single).case(torch.full((3,), first), note=f"{first}")
    twice = torch.tensor([[-INF, 1.0, -INF, 1.5]]).repeat(3, 1)
    for first in (0.0, 0.3, 0.9):
        yield Rows("−inf among the logits", twice).case(torch.tensor([first, 0.95, 0.05]), note=f"{first}")
    faint = torch.tensor([[-INF, -90.0, 0.0, -90.0], [0.0, -INF, -30.0, -INF]])
    for first in (0.0, 0.3, 0.9):
        yield Rows("faint tokens", faint).case(torch.tensor([first, 0.2]), note=f"{first}")
    yield Rows("one token", torch.tensor([[2.0], [-5.0]])).case(torch.tensor([0.0, 1 - 2.0**-24]), note="both ends")
    yield Rows("one token", torch.tensor([[2.0]])).case(torch.tensor([0.5]), note="one row")


never_impossible = Cases(
    "sample_next",
    name="never_draws_an_impossible_token",
    promise="A token with logit −inf is never drawn, not even with u = 0.",
    points=1,
    reference=inverse_cdf,
    pool=impossible,
    accept=is_draw,
    hints={
        "value": "Only a token whose own probability is above 0 may be drawn, and its sum must be *above* u.",
        **HINTS,
    },
    mistakes=(
        Mistake(
            "A token with probability 0 was drawn. The sum must be *above* u: with u = 0 a first sum of 0 is not.",
            from_sums(lambda sums, u: (sums < u).sum(-1).clamp(max=sums.shape[-1] - 1)),
        ),
        *DRAW_MISTAKES[:1],
        *DRAW_MISTAKES[6:],
    ),
)


def near_one() -> Iterator[Case]:
    """Uniforms just below 1, with the last tokens impossible, where sums in float32 and float16 end early or late."""
    largest = 1.0 - 2.0**-24
    for size, dtype in (
        (3001, SINGLE),
        (700, SINGLE),
        (50, HALF),
        (1200, HALF),
        (1200, BRAIN),
        (700, DOUBLE),
        (11, SINGLE),
    ):
        for gone in (3, 1):
            logits = torch.full((2, size), -1.0, dtype=dtype)
            logits[:, size - gone :] = -INF
            u = torch.tensor([largest, 0.5 / (size - gone)])
            yield Rows("u just below 1", logits).case(u, note=f"{gone} gone")
            yield Rows("u just below 1", logits.flip(0)[:1]).case(u[:1], note=f"{gone} gone")
    for size in (10, 49, 98, 700, 3001):
        logits = normal(size, 3, size, scale=0.05)
        yield Rows("u just below 1", logits).case(torch.full((3,), largest), note="all possible")


survives_rounding = Cases(
    "sample_next",
    name="survives_rounding_near_one",
    promise="Where rounding leaves the whole sum at or below u, the last possible token is drawn.",
    points=1,
    reference=inverse_cdf,
    pool=near_one,
    accept=is_draw,
    hints={
        "value": "With u just below 1 no sum may be above it: fall back to the last *possible* token; sum in float32.",
        "error": "With u just below 1 no sum may be above it: fall back to the last *possible* token.",
        **HINTS,
    },
    mistakes=DRAW_MISTAKES[:5],
)


def batches() -> Iterator[Case]:
    """Batches of every size, each row with its own u; other layouts."""
    two = torch.tensor([[0.0, 0.0]] * 5 + [[-1.0, 3.0]])
    yield Rows("rows with another u each", two).case(torch.tensor([0.9, 0.1, 0.2, 0.8, 0.3, 0.001]), note="six rows")
    for batch, vocab in ((1, 4), (2, 2), (3, 2), (2, 5), (5, 3), (130, 3)):
        for seed in (0, 1):
            logits = normal(seed, batch, vocab, scale=1.5)
            yield Rows("rows with another u each", logits).case(inside(logits, seed), note=f"{seed}")
    for dtype in (HALF, BRAIN, SINGLE, DOUBLE):
        logits = normal(3, 3, 4, dtype)
        yield Rows(f"{str(dtype).removeprefix('torch.')} logits", logits).case(inside(logits, 4), note="three rows")
    for rows in layouts():
        yield rows.case(inside(rows.logits, 6), note="layout")
    logits = normal(5, 3, 4)
    yield Case("u strided", (logits, inside(logits, 2)), family="a u that is a column", layout={"u": "strided"})


own_u = Cases(
    "sample_next",
    name="each_row_has_its_own_u",
    promise="Row i is drawn with u[i]; the answer is one int64 id for each row, and inputs are not changed.",
    points=1,
    reference=inverse_cdf,
    pool=batches,
    accept=is_draw,
    keeps_inputs=True,
    hints={
        "value": "Row i must be drawn with u[i].",
        "shape": "Return int64 of shape [batch], one id for each row.",
        "type": "Return a tensor, int64 of shape [batch].",
        "dtype": "Return int64, one id for each row.",
        "changed": NEW,
    },
    mistakes=DRAW_MISTAKES,
)

# generate --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Loop:
    """The loop of `generate`, with transformers' processors; what is not as by default is a mistake."""

    order: str = "penalty minimum temperature k p"
    reads: str = "text"  # what the model gets: the text, or its last token
    returns: str = "text"  # or the new tokens
    fewer: int = 0  # columns of u that are left out
    fills: bool = True  # whether ended rows get EOS
    stops: str = "all"  # when all have ended, when one has, or never
    prompt_ends: bool = False  # whether an EOS in the prompt counts
    column: str = "own"  # of u: that of the step, the first, or the last ones first
    penalised: str = "text"  # or the new tokens, or the prompt
    counted: str = "new"  # tokens for the minimum, or those of the text

    @property
    def __name__(self) -> str:
        """As functions have one."""
        return repr(self)

    @torch.no_grad()
    def __call__(
        self, model: Any, ids: torch.Tensor, u: torch.Tensor, eos_id: int, *, temperature: float = 1.0,
        k: int | None = None, p: float = 1.0, penalty: float = 1.0, minimum: int = 0,
    ) -> torch.Tensor:  # fmt: skip
        """The text, by the arguments of the exercise."""
        prompt, steps = ids.shape[1], u.shape[1] - self.fewer
        filters: dict[str, Any] = {"temperature": TemperatureLogitsWarper(float(temperature))}
        filters |= {
            "minimum": MinNewTokensLengthLogitsProcessor(prompt if self.counted == "new" else 0, minimum, eos_id)
        }
        filters |= {"k": TopKLogitsWarper(k)} if k is not None else {}
        filters |= {"p": reference_top_p_by(p)} if p < 1 else {}
        for step in range(steps):
            seen = {"text": ids, "new": ids[:, prompt:], "prompt": ids[:, :prompt]}[self.penalised]
            filters["penalty"] = lambda _ids, z, seen=seen: reference_penalty(z, seen, penalty)
            processors = LogitsProcessorList([filters[name] for name in self.order.split() if name in filters])
            logits = processors(ids, model(ids if self.reads == "text" else ids[:, -1:]).logits[:, -1])
            place = {"own": step, "first": 0, "backwards": steps - 1 - step}[self.column]
            token = inverse_cdf(logits, u[:, place])
            ended = (ids[:, 0 if self.prompt_ends else prompt :] == eos_id).any(-1)
            token = token.masked_fill(ended, eos_id) if self.fills else token
            ids = torch.cat([ids, token[:, None]], dim=1)
            ended |= token == eos_id
            if (self.stops == "all" and ended.all()) or (self.stops == "any" and ended.any()):
                break
        return ids if self.returns == "text" else ids[:, prompt:]


def reference_top_p_by(p: float) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """The nucleus as a processor."""
    return lambda _ids, logits: reference_top_p(logits, p)


PROMPTS = torch.tensor([[0, 3, 1], [4, 4, 2], [2, 0, 0]])
EOS = 5
OWN = "`generate` calls your earlier functions: mend those first if their checks fail."
ORDER = "The order is penalty, minimum, temperature, top-k, top-p, draw."


def uniforms(seed: int, batch: int, steps: int) -> torch.Tensor:
    """Fixed numbers; a test holds every draw of a case away from the edges of its piece."""
    return torch.rand(batch, steps, generator=torch.Generator().manual_seed(seed))


def text_case(
    family: str, seed: int, *, ids: torch.Tensor = PROMPTS, steps: int = 6, eos_id: int = EOS,
    policy: str = "table_policy", of_policy: dict[str, Any] | None = None, **setting: Any,
) -> Case:  # fmt: skip
    """A case of `generate`: a policy, prompts, uniforms, a setting."""
    built = Built(policy, seed=seed, **({"eos_id": eos_id} if policy == "table_policy" else {}), **(of_policy or {}))
    said = " ".join(f"{name}={value}" for name, value in setting.items())
    name = f"{family}, {policy} {seed} {of_policy or ''} {list(ids.shape)}x{steps} eos {eos_id} {said}"
    return Case(name, (built, ids, uniforms(seed, len(ids), steps), eos_id), setting, family=family)


def greedy() -> Iterator[Case]:
    """With k = 1: batches of one and of three, prompts of one token and of two, one step and many."""
    for seed in (2, 4, 8, 11):
        yield text_case("one token left", seed, steps=7, k=1)
    for seed in (3, 5):
        yield text_case("one row", seed, ids=torch.tensor([[3]]), steps=5, k=1)
        yield text_case("more rows than tokens", seed, ids=torch.tensor([[0, 3], [2, 2], [1, 4]]), steps=4, k=1)
        yield text_case("one step", seed, steps=1, k=1)
    for seed in (2, 3):
        yield text_case("a real network", seed, steps=6, policy="toy_policy", k=1)
    for dtype in ("float64", "float16"):
        yield text_case("other dtypes", 7, k=1, of_policy={"dtype": dtype})


GENERATE_FORM = (
    Mistake("Return the prompt together with the new tokens.", Loop(returns="new")),
    Mistake("u has one column for each new token: make exactly that many.", Loop(fewer=1)),
    Mistake("Give the *whole* text so far to the model at each step, not its last token.", Loop(reads="last token")),
)
GENERATE_END = (
    Mistake("After EOS a row gets EOS at every further step, whatever the model says.", Loop(fills=False)),
    Mistake("Stop when all rows have ended: no further columns.", Loop(stops="never")),
    Mistake("You stop too early: go on until *all* rows have drawn EOS.", Loop(stops="any")),
)
PROMPT_ENDS = Mistake("An EOS in the prompt ends nothing: look at new tokens only.", Loop(prompt_ends=True))
GENERATE_COLUMNS = (
    Mistake("Use `u[:, step]`: you draw every token with the first column.", Loop(column="first")),
    Mistake("Column 0 of u draws the first new token, not the last.", Loop(column="backwards")),
)
GENERATE_HINTS = {
    "value": f"Each step: logits of the last place for the whole text, the filters in their order, a draw. {OWN}",
    "shape": "Prompt first, then one token a step, until the columns of u are used up or all rows have ended.",
    "changed": "Return a new tensor, and leave `ids` and `u` as they are.",
    "error": OWN,
}

one_token_left = Cases(
    "generate",
    name="one_token_left_is_greedy",
    promise="With k = 1 the text is the greedy one: prompt first, then one token from the whole text at each step.",
    points=2,
    reference=Loop(),
    pool=greedy,
    hints=GENERATE_HINTS,
    mistakes=(
        *GENERATE_FORM,
        Mistake(
            "k = 1 leaves one token to draw: `top_k_filter` is not applied.",
            Loop(order="penalty minimum temperature p"),
        ),
    ),
)

WITH_END = torch.tensor([[EOS, 3, 1], [EOS, 4, 2], [2, EOS, 0]])


def endings() -> Iterator[Case]:
    """Texts that end early, late, never, all at once; EOS in the prompt; EOS as any column."""
    for seed in (0, 2, 4, 7, 9, 12):
        yield text_case("rows that end at different steps", seed, steps=12, of_policy={"end": 1.0})
    for seed in (1, 2, 3, 4):
        yield text_case("prompts with an EOS", seed, ids=WITH_END, steps=12, of_policy={"end": 1.0})
    for seed in (1, 2, 3):
        for eos_id in (0, 2):
            yield text_case("an EOS that is not the last token", seed, steps=9, eos_id=eos_id, of_policy={"end": 1.0})
        yield text_case("rows that end at once", seed, steps=4, of_policy={"end": 9.0})
        yield text_case("rows that never end", seed, steps=5, of_policy={"end": -INF})
        yield text_case("one row", seed, ids=PROMPTS[1:2], steps=8, of_policy={"end": 1.5})
        yield text_case(
            "prompts of one token", seed + 2, ids=torch.tensor([[EOS], [1]]), steps=7, of_policy={"end": 1.0}
        )
    for seed in (7, 9):
        yield text_case("a real network", seed, steps=9, policy="toy_policy")


ended_stay = Cases(
    "generate",
    name="ended_rows_stay_ended",
    promise="A row that has drawn EOS is filled up with EOS, and once every row has ended the text stops.",
    points=2,
    reference=Loop(),
    pool=endings,
    hints=GENERATE_HINTS
    | {
        "value": f"After EOS a row is filled up with EOS; until then it is drawn as ever. {OWN}",
        "shape": f"Go on until *all* rows have drawn EOS, then stop. An EOS in the prompt ends nothing; EOS is `eos_id`. {OWN}",
    },
    mistakes=(*GENERATE_END, PROMPT_ENDS, *GENERATE_FORM, *GENERATE_COLUMNS),
)


def own_columns() -> Iterator[Case]:
    """No filter at all: what is drawn depends on the policy and on u."""
    for seed in (0, 3, 6, 7):
        yield text_case("ordinary settings", seed, of_policy={"spread": 0.5})
        yield text_case("more steps than tokens", seed, steps=11, of_policy={"spread": 0.3, "end": -2.0})
    for seed in (1, 2):
        yield text_case(
            "two tokens", seed, ids=torch.tensor([[0, 1], [1, 1], [0, 0]]), eos_id=1, of_policy={"vocab_size": 2}
        )
        yield text_case("other dtypes", seed + 2, of_policy={"dtype": "float64", "spread": 0.5})
        yield text_case("one row", seed, ids=PROMPTS[:1], of_policy={"spread": 0.5, "end": -2.0})


own_column = Cases(
    "generate",
    name="each_step_draws_with_its_own_column",
    promise="New token s of row i is drawn with u[i, s]; inputs are not changed.",
    points=1,
    reference=Loop(),
    pool=own_columns,
    keeps_inputs=True,
    hints=GENERATE_HINTS
    | {"value": f"Use `u[:, step]`, one column for each step, the first for the first new token. {OWN}"},
    mistakes=(*GENERATE_COLUMNS, *GENERATE_FORM, *GENERATE_END),
)


def orders() -> Iterator[Case]:
    """Two settings at once, in which their order tells; and each alone."""
    for seed in (0, 2, 4, 6, 7, 8):
        yield text_case("temperature and top-p", seed, temperature=2.5, p=0.6)
    for seed in (0, 2, 5, 7, 8, 9):
        yield text_case("top-k and top-p", seed, k=2, p=0.75)
    for seed in (0, 1, 3, 4):
        yield text_case("top-k and a minimum", seed, k=2, minimum=6, of_policy={"end": 1.0})
    for seed in (0, 2, 3, 9):
        yield text_case("penalty and top-k", seed, k=2, penalty=2.5)
    for seed in (2, 3, 7, 9):
        yield text_case("penalty and top-p", seed, p=0.5, penalty=2.5)
    for seed in (1, 2, 3):
        yield text_case("top-p and a minimum", seed, p=0.7, minimum=4, of_policy={"end": 1.0})
        yield text_case("all settings at once", seed, temperature=1.5, k=4, p=0.8, penalty=1.4, minimum=3)
        yield text_case("temperature alone", seed, temperature=2.0)
        yield text_case("top-k alone", seed, k=2)
        yield text_case("top-p alone", seed, p=0.6)


in_order = Cases(
    "generate",
    name="filters_come_in_the_order_of_transformers",
    promise="Repetition penalty, minimum, temperature, top-k, top-p, draw: in this order.",
    points=2,
    reference=Loop(),
    pool=orders,
    hints=GENERATE_HINTS | {"value": f"{ORDER} {OWN}", "family": f"{ORDER} Is each setting used, and passed on?"},
    mistakes=(
        Mistake(
            f"Temperature comes before top-p: a flat distribution has a large nucleus. {OWN}",
            Loop(order="penalty minimum k p temperature"),
        ),
        Mistake(
            f"Top-k comes before top-p: the nucleus is that of the k tokens. {OWN}",
            Loop(order="penalty minimum temperature p k"),
        ),
        Mistake(
            f"The minimum comes before top-k and top-p: a forbidden EOS must not use up a place. {OWN}",
            Loop(order="penalty temperature k p minimum"),
        ),
        Mistake(
            f"The penalty comes before top-k and top-p: it decides what they keep. {OWN}",
            Loop(order="minimum temperature k p penalty"),
        ),
        Mistake(f"`temperature` has no effect. {OWN}", Loop(order="penalty minimum k p")),
        Mistake(f"`k` has no effect. {OWN}", Loop(order="penalty minimum temperature p")),
        Mistake(f"`p` has no effect. {OWN}", Loop(order="penalty minimum temperature k")),
        Mistake(f"`penalty` has no effect. {OWN}", Loop(order="minimum temperature k p")),
        Mistake(f"`minimum` has no effect. {OWN}", Loop(order="penalty temperature k p")),
        *GENERATE_FORM,
        *GENERATE_COLUMNS,
    ),
)


def counted() -> Iterator[Case]:
    """A minimum or a penalty alone, with prompts of other lengths."""
    for seed in (0, 3, 5, 8):
        yield text_case("a minimum", seed, minimum=5, steps=8, of_policy={"end": 1.5})
    for seed in (1, 2, 6):
        yield text_case(
            "a minimum and a prompt of one token", seed, ids=torch.tensor([[3], [1]]), minimum=3, of_policy={"end": 1.5}
        )
        yield text_case("a minimum that is never reached", seed, minimum=50, steps=4, of_policy={"end": 2.0})
    for seed in (2, 7, 8, 9):
        yield text_case("a penalty", seed, penalty=1.8, steps=8)
    for seed in (1, 4, 5):
        yield text_case("a penalty below 1", seed, penalty=0.6)
        yield text_case(
            "a penalty and a prompt of one token", seed, ids=torch.tensor([[3], [1], [0], [4]]), penalty=2.5
        )


counts_right = Cases(
    "generate",
    name="penalty_counts_the_prompt_and_minimum_does_not",
    promise="The penalty looks at prompt and new tokens; the minimum counts new tokens only.",
    points=1,
    reference=Loop(),
    pool=counted,
    hints=GENERATE_HINTS
    | {
        "shape": f"`minimum` counts new tokens: the step number. The text stops when all rows have ended. {OWN}",
        "value": f"The penalty looks at the whole text so far, `minimum` counts new tokens only. {OWN}",
    },
    mistakes=(
        Mistake(
            f"`minimum` counts new tokens: the step number, not the length of the text. {OWN}", Loop(counted="text")
        ),
        Mistake(
            f"The penalty looks at the whole text, prompt included, as it stands at that step. {OWN}",
            Loop(penalised="new"),
        ),
        Mistake(
            f"The penalty looks at the text as it stands at that step, not at the prompt alone. {OWN}",
            Loop(penalised="prompt"),
        ),
        Mistake(f"`penalty` has no effect. {OWN}", Loop(order="minimum temperature k p")),
        Mistake(f"`minimum` has no effect. {OWN}", Loop(order="penalty temperature k p")),
        *GENERATE_FORM,
        *GENERATE_END[:1],
        *GENERATE_COLUMNS,
    ),
)

# beam_search -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Beams:
    """Beam search by its definition, over all extensions, in float64; what is not as by default is a mistake."""

    scores: str = "log-probabilities"  # or probabilities, logits, or logarithms to base 2
    ranks: str = "sum"  # or last, mean
    returns: str = "sum"  # or mean, of the winner
    copies: bool = False  # whether it starts with as many copies of the prompt as there are beams
    extensions: str = "all"  # or the best of each hypothesis alone
    ended: str = "stay"  # or go on, or are thrown away
    prompt_ends: bool = False  # whether an EOS at the end of the prompt counts
    fewer: int = 0  # steps that are left out
    cuts: str = ""  # what of the winning text is left out: its prompt, its EOS

    @property
    def __name__(self) -> str:
        """As functions have one."""
        return repr(self)

    @torch.no_grad()
    def __call__(
        self, model: Any, ids: torch.Tensor, beams: int, max_new_tokens: int, eos_id: int
    ) -> tuple[torch.Tensor, float]:
        """The text and its score, by the arguments of the exercise."""
        if beams < 1:
            raise ValueError("beams")
        prompt = ids[0].tolist()
        pool: list[tuple[float, list[int], float]] = [(0.0, [], 0.0)] * (beams if self.copies else 1)
        for step in range(max_new_tokens - self.fewer):
            grown = []
            for key, new, total in pool:
                if (new or prompt if self.prompt_ends else new)[-1:] == [eos_id] and self.ended != "go on":
                    grown += [(key, new, total)] if self.ended == "stay" else []
                    continue
                gains = self._gains(model(torch.tensor([prompt + new])).logits[0, -1].double())
                best = max(gains)
                for token, gain in enumerate(gains):
                    if self.extensions == "all" or gain == best or not step:
                        score = total + gain
                        ranked_by = {"sum": score, "last": gain, "mean": score / (len(new) + 1)}[self.ranks]
                        grown.append((ranked_by, [*new, token], score))
            pool = sorted(grown or pool, key=lambda hypothesis: -hypothesis[0])[:beams]
        _, new, total = pool[0]
        text = [] if self.cuts == "prompt" else list(prompt)
        text += new[:-1] if self.cuts == "EOS" and new[-1:] == [eos_id] else new
        return torch.tensor([text]), total / (len(new) if self.returns == "mean" else 1)

    def _gains(self, logits: torch.Tensor) -> list[float]:
        """What each token adds to a score."""
        log_probs = logits.log_softmax(-1)
        kinds = {
            "logits": logits,
            "probabilities": log_probs.exp(),
            "logarithms to base 2": log_probs / 0.6931471805599453,
        }
        found: list[float] = kinds.get(self.scores, log_probs).tolist()
        return found


PROMPT = torch.tensor([[2, 0, 3]])
NEVER = -30.0  # added to the logit of EOS where nothing is to end: EOS stays a column


def beam_case(
    family: str, seed: int, beams: int, steps: int, *, ids: torch.Tensor = PROMPT, eos_id: int = EOS,
    policy: str = "table_policy", **of_policy: Any,
) -> Case:  # fmt: skip
    """A case of `beam_search`: a policy, one prompt, beams, steps."""
    built = Built(policy, seed=seed, **({"eos_id": eos_id} if policy == "table_policy" else {}), **of_policy)
    name = f"{family}, {policy} {seed} {of_policy or ''} {ids.tolist()} eos {eos_id}: {beams} beams, {steps} steps"
    return Case(name, (built, ids, beams, steps, eos_id), family=family)


NARROW = ((0, 2), (0, 3), (1, 3), (6, 3), (7, 2), (7, 3), (10, 2), (12, 2), (12, 3), (13, 3))
ENDING = (
    (0, 2, 0.3),
    (0, 3, 0.3),
    (9, 2, 0.3),
    (5, 3, 0.3),
    (2, 2, -0.5),
    (4, 3, -0.5),
    (7, 3, -1.0),
    (1, 3, 0.3),
    (7, 2, 0.3),
)


def wide() -> Iterator[Case]:
    """Beams wide enough to keep everything, so that the best text of all is found."""
    for seed in range(6):
        yield beam_case("beams as wide as can be", seed, 80, 3, end=NEVER, vocab_size=5, eos_id=4, spread=0.6)
    for seed in range(3):
        yield beam_case("one step", seed, 9, 1, spread=0.6)
        yield beam_case("two tokens", seed, 40, 4, ids=torch.tensor([[1, 0]]), vocab_size=2, eos_id=1, spread=0.6)
    yield beam_case("a real network", 1, 30, 2, policy="toy_policy", spread=0.4)
    yield beam_case("other dtypes", 2, 80, 3, vocab_size=5, eos_id=4, spread=0.6, dtype="float64")


BEAM_VALUE = "A more probable text exists. Sum `log_softmax` of the logits over the whole text; start from one prompt."
BEAM_SCORES = (
    Mistake("Logits are not comparable between steps: add `log_softmax` of them.", Beams(scores="logits")),
    Mistake("Add log-probabilities, not probabilities.", Beams(scores="probabilities")),
    Mistake("Right text, wrong score: nats are natural logarithms.", Beams(scores="logarithms to base 2")),
    Mistake(
        "A more probable text exists: rank by the sum over all new tokens, not by the last one.", Beams(ranks="last")
    ),
    Mistake(
        "Right text, wrong score: it is the plain sum of the log-probabilities of the new tokens, in nats.",
        Beams(returns="mean"),
    ),
)
BEAM_FORM = (
    Mistake("Return the prompt together with the new tokens.", Beams(cuts="prompt")),
    Mistake("Make as many steps as `max_new_tokens` says.", Beams(fewer=1)),
)
BEAM_POOL = (
    Mistake(
        "Rank the extensions of *all* hypotheses together; several of one hypothesis may stay, and none of another.",
        Beams(extensions="best"),
    ),
    Mistake(
        "Start from one prompt: copies bring the same extension many times. Rank *all* hypotheses together, each once.",
        Beams(copies=True),
    ),
)
BEAM_END = (
    Mistake("What has ended stays in the pool as it is: it is not extended.", Beams(ended="go on")),
    Mistake("What has ended stays in the pool as it is: it is not thrown away.", Beams(ended="thrown away")),
    Mistake("What has ended competes by its plain sum: not divided by its length.", Beams(ranks="mean")),
    Mistake("An EOS in the prompt ends nothing: look at new tokens only.", Beams(prompt_ends=True)),
    Mistake("The EOS of a text belongs to it: return it too.", Beams(cuts="EOS")),
)
BEAM_HINTS = {
    "shape": "Return prompt and new tokens, [1, length + new], up to its EOS and no padding.",
    "type": "Return a pair: ids, int64 [1, length + new] with the prompt in front, and the score as a float.",
    "dtype": "Return a pair: ids, int64 [1, length + new] with the prompt in front, and the score as a float.",
    "changed": "Return a new tensor, and leave `ids` as it is.",
}

finds_the_best = Cases(
    "beam_search",
    name="wide_beams_find_the_most_probable_text",
    promise="With beams wide enough to keep everything, the result is the most probable of all continuations.",
    points=2,
    reference=Beams(),
    pool=wide,
    tolerance=1e-4,
    hints=BEAM_HINTS | {"value": BEAM_VALUE},
    mistakes=(*BEAM_SCORES, *BEAM_FORM),
)


def narrow() -> Iterator[Case]:
    """Few beams, where what is cut and what stays decides."""
    for seed, beams in NARROW:
        yield beam_case("few beams", seed, beams, 5, end=NEVER, spread=0.5)
    for seed in (1, 3):
        yield beam_case("a prompt of one token", seed, 2, 4, ids=torch.tensor([[1]]), end=NEVER, spread=0.5)
        yield beam_case(
            "more beams than tokens", seed, 5, 4, vocab_size=3, eos_id=2, ids=torch.tensor([[1, 0]]), spread=0.5
        )
        yield beam_case("an EOS that cannot come", seed, 2, 4, eos_id=0, end=-INF, spread=0.5)


keeps_the_best = Cases(
    "beam_search",
    name="narrow_beams_keep_the_best_of_all_extensions",
    promise="After each step the best extensions of all hypotheses together stay, as many as there are beams.",
    points=2,
    reference=Beams(),
    pool=narrow,
    tolerance=1e-4,
    hints=BEAM_HINTS
    | {"value": "After each step the `beams` best extensions of all hypotheses together stay, no more, no fewer."},
    mistakes=(*BEAM_POOL, *BEAM_SCORES, *BEAM_FORM),
)


def with_ends() -> Iterator[Case]:
    """Hypotheses that end early, late, all; EOS in the prompt; EOS as any column."""
    for seed, beams, end in ENDING:
        yield beam_case("hypotheses that end", seed, beams, 5, vocab_size=4, eos_id=3, end=end, spread=0.6)
        yield beam_case(
            "an EOS that is not the last token", seed, beams, 4, vocab_size=4, eos_id=0, end=end, spread=0.6
        )
    for seed in (1, 4, 5):
        for ids in ([[EOS]], [[2, 0, EOS]]):
            yield beam_case("a prompt that ends with EOS", seed, 3, 4, ids=torch.tensor(ids), spread=0.6)
        yield beam_case("all texts end at once", seed, 2, 5, end=9.0)
    for seed in (2, 3):
        yield beam_case("beams as wide as can be", seed, 300, 3, vocab_size=4, eos_id=3, end=0.5, spread=0.6)


ended_compete = Cases(
    "beam_search",
    name="ended_hypotheses_compete_as_they_are",
    promise="A hypothesis that ends in EOS is not extended, keeps its score and competes with the longer ones.",
    points=1,
    reference=Beams(),
    pool=with_ends,
    tolerance=1e-4,
    hints=BEAM_HINTS
    | {
        "shape": "What has ended stays in the pool as it is: not extended, not thrown away, not divided by its length. Only a new "
        "EOS ends a text, and it belongs to it.",
        "value": "What has ended stays in the pool as it is: not extended, not thrown away, not divided by its length.",
    },
    mistakes=(*BEAM_END, *BEAM_SCORES[:4], *BEAM_POOL, *BEAM_FORM),
)


def one_beam() -> Iterator[Case]:
    """Greedy decoding; no beam at all."""
    for seed in (0, 2, 3, 5):
        yield beam_case("one beam", seed, 1, 6, spread=0.8)
        yield beam_case("one beam", seed, 1, 6, end=NEVER, spread=0.8)
    yield beam_case("a real network", 2, 1, 5, policy="toy_policy")
    for beams in (0, -2, -1):
        yield beam_case("fewer than one beam", 2, beams, 4)


one_beam_is_greedy = Cases(
    "beam_search",
    name="one_beam_is_greedy",
    promise="One beam is greedy decoding; fewer than one raises ValueError; the prompt is not changed.",
    points=1,
    reference=Beams(),
    pool=one_beam,
    keeps_inputs=True,
    tolerance=1e-4,
    hints=BEAM_HINTS
    | {
        "no error": "Raise ValueError when `beams` is below 1.",
        "value": "With one beam only the best token stays, step by step.",
    },
    mistakes=(*BEAM_END[:1], *BEAM_SCORES[:3], *BEAM_SCORES[4:], *BEAM_FORM),
)
