"""What inputs of several exercises of lab 02 are made of."""

from __future__ import annotations

from collections.abc import Sequence

import torch

DTYPES = {"float64": torch.float64, "float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
A_FLOAT = "Return a Python float: `.item()`, or `float(...)`."
"""What to say where a tensor came back, or an int."""


def f64(*values: float) -> torch.Tensor:
    """A float64 tensor."""
    return torch.tensor(values, dtype=torch.float64)


def i64(*rows: Sequence[int]) -> torch.Tensor:
    """An int64 tensor of pairs, [pairs, 2], also without any."""
    return torch.tensor(rows, dtype=torch.int64).view(-1, 2)


def drawn(seed: int, *shape: int, scale: float = 1.0, dtype: str = "float64") -> torch.Tensor:
    """Normal numbers, the same in every process."""
    generator = torch.Generator().manual_seed(seed)
    return (scale * torch.randn(*shape, generator=generator, dtype=torch.float64)).to(DTYPES[dtype])


def quarters(seed: int, *shape: int, dtype: str = "float64") -> torch.Tensor:
    """Numbers of which sums of products are exact in any order, in every dtype."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(-6, 7, shape, generator=generator).to(DTYPES[dtype]) / 4


def mask_of(lengths: Sequence[int], length: int, left: Sequence[bool]) -> torch.Tensor:
    """A row for each number of tokens, padded on the left where it says so."""
    rows = [
        [0] * (length - n) + [1] * n if on_left else [1] * n + [0] * (length - n)
        for n, on_left in zip(lengths, left, strict=True)
    ]
    return torch.tensor(rows)


def last(mask: torch.Tensor) -> torch.Tensor:
    """The place of the last 1 of each row, int64."""
    return torch.tensor([max(k for k, bit in enumerate(row) if bit == 1) for row in mask.tolist()])
