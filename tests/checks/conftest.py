"""An exercise with cases that ask for everything: values, dtypes, errors, gradients, layouts, untouched arguments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch

from grader.checks import Case, Cases, Mistake

ORDINARY, ZERO, FAR, LAID = "ordinary rows", "a divisor of 0", "rows far apart", "tensors that lie otherwise"


def share(x: torch.Tensor, by: float) -> torch.Tensor:
    """Each row by its own largest value, divided by `by`."""
    if by == 0:
        raise ValueError("by")
    return (x - x.amax(dim=-1, keepdim=True)) / by


def multiplied(x: torch.Tensor, by: float) -> torch.Tensor:
    return (x - x.amax(dim=-1, keepdim=True)) * by


def over_all(x: torch.Tensor, by: float) -> torch.Tensor:
    return (x - x.max()) / by


def pool() -> Iterator[Case]:
    numbers = torch.arange(12.0).sin()
    for dtype in (torch.float32, torch.float64, torch.float16):
        for shape in ((1, 3), (2, 3), (3, 2)):
            x = numbers[: shape[0] * shape[1]].reshape(shape).to(dtype)
            yield Case(f"{dtype} {shape}", (x, 4.0), family=ORDINARY)
    yield Case("zero", (torch.ones(1, 2), 0.0), family=ZERO)
    yield Case("far", (torch.tensor([[1e4, 2e4], [1e-3, 2e-3]]), 2.0), family=FAR)
    for layout in ("transposed", "strided", "column"):
        yield Case(layout, (torch.arange(6.0).reshape(2, 3), 2.0), layout={"x": layout}, family=LAID)
    yield Case("expanded", (torch.arange(3.0).expand(2, 3), 2.0), layout={"x": "expanded"}, family=LAID)


CASES = Cases(
    "share",
    name="shares",
    promise="Rows are shifted and divided.",
    points=2,
    reference=share,
    pool=pool,
    gradient=("x",),
    keeps_inputs=True,
    fresh=True,
    mistakes=(Mistake("Divide, do not multiply.", multiplied), Mistake("Each row has its own largest.", over_all)),
    hints={"dtype": "Keep the dtype.", FAR: "What is small beside a large row?"},
)


@pytest.fixture
def cases() -> Cases:
    return CASES


@pytest.fixture
def changed() -> Any:
    """`changed(points=3)` gives the cases with another field."""
    return lambda **fields: replace(CASES, **fields)
