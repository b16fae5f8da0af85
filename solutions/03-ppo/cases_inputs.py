"""What the cases of lab 03 share: numbers, masks, junk, layouts, and references that compute in float64.

References round at the end, so that any order of operations in float32 is near them. Each exercise has one `Cases` for
each part of its definition, on plain input, and a last one with whatever else its docstring allows: dtypes, layouts,
anything where the mask is false, inputs that must stay as they are.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import torch

from grader.checks import Case, Mistake

Tensor = torch.Tensor
Entry = tuple[str, Callable[..., Any]]
F32, F64 = torch.float32, torch.float64
NAMES = {F32: "float32", F64: "float64"}
LAYOUTS = ("transposed", "strided", "column")
NAN = (
    "What stands where the mask is false reaches your result: pick what counts first (`torch.where`, `x[mask]`). "
    "0 times nan is nan, and so is 0/0."
)


def numbers(seed: int, *shape: int, scale: float = 1.0, dtype: torch.dtype = F64) -> Tensor:
    """Normal numbers, the same for every course."""
    generator = torch.Generator().manual_seed(seed)
    return (torch.randn(shape, generator=generator, dtype=F64) * scale).to(dtype)


def without(table: dict[str, Entry], name: str) -> dict[str, Entry]:
    """A table of mistakes without one, which cannot be told from another there."""
    return {other: entry for other, entry in table.items() if other != name}


def in_double(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, computed in float64; what comes back has the dtype of its first tensor of floats."""

    @functools.wraps(function)
    def computed(*args: Any, **kwargs: Any) -> Any:
        floats = [a for a in (*args, *kwargs.values()) if isinstance(a, Tensor) and a.is_floating_point()]
        back = lambda x: x.to(floats[0].dtype) if isinstance(x, Tensor) else x  # noqa: E731
        wide = lambda a: a.double() if isinstance(a, Tensor) and a.is_floating_point() else a  # noqa: E731
        found = function(*map(wide, args), **{name: wide(arg) for name, arg in kwargs.items()})
        if isinstance(found, dict):
            return {name: back(part) for name, part in found.items()}
        return tuple(map(back, found)) if isinstance(found, tuple) else back(found)

    return computed


def mistakes_beside(right: Callable[..., Any], *tables: dict[str, Entry]) -> tuple[Mistake, ...]:
    """Tables of mistakes, name: (hint, answer); the answers get name, precision and parameters of `right`."""
    return tuple(Mistake(hint, _as(right, name, answer)) for table in tables for name, (hint, answer) in table.items())


def _as(right: Callable[..., Any], name: str, answer: Callable[..., Any]) -> Callable[..., Any]:
    called = in_double(answer)
    called.__name__ = name
    called.__signature__ = inspect.signature(right)  # type: ignore[attr-defined]
    return called


# Masks -----------------------------------------------------------------------------------------------------------


def rows(*texts: str) -> Tensor:
    """A mask bool [batch, length] out of rows such as "..xx."."""
    return torch.tensor([[letter == "x" for letter in text] for text in texts])


MASK = rows("..xxx..", "xxxx...", "...x...", "xxxxxxx")
SIDE_BY_SIDE = {
    "responses between query and padding": MASK,
    "responses in rows of another order": MASK.flip(0),
    "responses that reach the right edge": rows("..xxx", "....x", "xxxxx"),
    "responses that begin in the first column": rows("xx...", "x....", "xxxx."),
    "a mask that is true everywhere": rows("xxxxxx", "xxxxxx"),
    "responses of one token": rows("x...", "..x.", "...x", ".x..", ".x.."),
    "more rows than columns": rows("xx", "x.", ".x"),
    "one row": rows(".xxx.."),
    "one row of one token": rows("x"),
    "a single column": rows("x", "x", "x"),
    "a row of 300 tokens": rows("." * 5 + "x" * 300 + "." * 3, "x" * 2 + "." * 306),
}
SCATTERED = {
    "a mask with holes": rows("x.x..x", ".xx.x.", "xxxxxx"),
    "a row without a token": rows("....", "xx.x", "...."),
    "tokens in the last row only": rows("...", "...", "xxx"),
    "two tokens of two rows": rows(".x.", "...", "x.."),
}
ANY = SIDE_BY_SIDE | SCATTERED
KINDS = {
    "responses in rows of another order": "responses between query and padding",
    "more rows than columns": "batches of other shapes",
    "one row": "batches of other shapes",
    "one row of one token": "batches of other shapes",
    "a single column": "batches of other shapes",
    "tokens in the last row only": "a row without a token",
    "two tokens of two rows": "a row without a token",
}
"""Families of masks, where they have not the mask's own name."""
JUNK = torch.tensor([torch.nan, torch.inf, 1e30, -torch.inf, torch.nan], dtype=F64)
SPOILT = "nan and inf where the mask is false"
UNUSUAL = "tensors that are not contiguous"
LOSS = {F32: 2e-6, F64: 1e-11}
"""How far apart two means of numbers of size 1 may be, however near to 0 the mean is."""


def spoilt(value: Tensor, mask: Tensor, first: int = 0) -> Tensor:
    """`value` with nan, ±inf and a huge number where the mask is false."""
    places = (torch.arange(mask.numel()).reshape(mask.shape) + first) % len(JUNK)
    return torch.where(mask, value, JUNK[places].to(value.dtype))


def all_spoilt(values: tuple[Tensor, ...], mask: Tensor, first: int) -> Iterator[Tensor]:
    """`values`, with another of these at the same place in each."""
    return (spoilt(value, mask, first + k) for k, value in enumerate(values))


def kept(*values: Tensor, mask: Tensor) -> tuple[Tensor, ...]:
    """`values` at the places that count."""
    return tuple(value[mask] for value in values)


def cleaned(*values: Tensor, mask: Tensor) -> tuple[Tensor, ...]:
    """`values` with 0 at the places that do not count."""
    return tuple(torch.where(mask, value, 0.0) for value in values)


def layouts(name: str, args: tuple[Any, ...], names: tuple[str, ...], **more: Any) -> Iterator[Case]:
    """The same arguments in memory of other layouts."""
    for layout in LAYOUTS:
        laid = dict.fromkeys(names, layout)
        yield Case(f"{name}, {layout}", args=args, layout=laid, family=UNUSUAL, **more)
