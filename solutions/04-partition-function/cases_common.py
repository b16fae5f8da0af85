"""What the cases of lab 04's exercises share: numbers that are the same in every run, shapes, layouts, and words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch

from grader.checks import Case

INF = torch.inf
TOLERANCE = 1e-9
FIRST = "If the first check of this exercise passes: "
KEPT = "Its arguments stay as they are, and what comes back is new."
TENSOR = "Return a tensor: numbers for rows, not a float of Python and no array."
FLOAT64 = "All is float64 here: what goes through float32 has seven digits only."
ROWS = "One number for each row: sum over the last dimension, `sum(-1)`, and over no other."
Z_ROWS = "Z depends on x, not on y: sum over the responses of a prompt, the last dimension, and nothing else."
Z_OF_ROWS = "Each row has its own log Z: subtract `[..., None]`, so that it meets its own row, not a column."
Z_ALONG = "log Z belongs to the prompt: `log_z[..., None]` adds it along the row, not along a column."
N_ROWS = "n is the length of the last dimension, `shape[-1]`; sum over that dimension only."
COMPETE = "Responses compete with those of the same prompt only: compare along the last dimension."
LOG_PROBS = "Return log-probs, float64, in the shape of the rewards."
FORM_OF_ROWS = {"type": TENSOR, "dtype": FLOAT64, "shape": ROWS}
SHAPES = {
    "a single row": ((5,), (2,), (7,)),
    "a single response": ((1,), (1, 1), (3, 1)),
    "a batch": ((2, 5), (3, 2), (3, 3), (1, 4)),
    "more dimensions": ((2, 3, 4), (3, 1, 2)),
    "long rows": ((300,), (2, 300), (20_000,)),
}
LAYOUTS = ("transposed", "strided", "column")


def numbers(*shape: int, seed: int = 0, scale: float = 1.0) -> torch.Tensor:
    """Normal numbers, float64, the same in every run."""
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) * scale


def distribution(*shape: int, seed: int = 0, scale: float = 1.5) -> torch.Tensor:
    """Log-probs in the last dimension, float64; a larger scale makes them sharper."""
    return numbers(*shape, seed=seed, scale=scale).log_softmax(-1)


def rows(*values: list[float]) -> torch.Tensor:
    """A float64 tensor with these rows."""
    return torch.tensor(values, dtype=torch.float64)


def logs(*values: list[float]) -> torch.Tensor:
    """The logarithms of these rows of probabilities, float64; 0 becomes −inf."""
    return rows(*values).log()


def without(log_probs: torch.Tensor, forbidden: list[list[int]]) -> torch.Tensor:
    """The same distributions without some responses, a list for each row."""
    left = log_probs.clone()
    for row, places in enumerate(forbidden):
        left[row, places] = -INF
    return left.log_softmax(-1)


def same_shapes(make: Callable[[tuple[int, ...], int], tuple[Any, ...]], *laid: str) -> Iterator[Case]:
    """A case for every shape and layout; `make` gives arguments of a shape, by a seed; `laid` names those laid out."""
    for family, shapes in SHAPES.items():
        for seed, shape in enumerate(shapes):
            yield Case(f"{list(shape)}", args=make(shape, seed), family=family)
    for seed, layout in enumerate(LAYOUTS):
        for shape in ((3, 4), (2, 3, 5)):
            for names in {laid, *((name,) for name in laid)}:
                given = dict.fromkeys(names, layout)
                case = f"{list(shape)} {layout} {' '.join(names)}"
                yield Case(case, args=make(shape, seed), layout=given, family="tensors that are views of others")
    one = make((4,), 3)
    args = tuple(part.expand(3, *part.shape) if isinstance(part, torch.Tensor) else part for part in one)
    equal = tuple(part.clone() if isinstance(part, torch.Tensor) else part for part in args)
    yield Case("equal rows", args=equal, family="rows that are equal")
    given = dict.fromkeys(laid, "expanded")
    yield Case("expanded rows", args=equal, layout=given, family="rows that are equal")
