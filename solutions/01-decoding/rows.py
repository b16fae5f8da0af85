"""Rows of logits of every kind, from which the cases of lab 01 are made, and words that its checks share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from grader.checks import Case

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
    for dtype in (SINGLE, DOUBLE):
        far = 2000.0 * torch.tensor([[1.0], [-1.0], [0.0]], dtype=dtype)
        family = "double precision" if dtype is DOUBLE else "rows far apart"
        yield Rows(family, shuffled(5, 3, 5, 0.5, dtype) + far)
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
