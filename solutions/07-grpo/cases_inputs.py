"""What the cases of lab 07 share: numbers, masks, junk, layouts, and references that compute in float64.

References round at the end, so that any order of operations in float32 is near them. Each exercise has a `Cases` for
each part of its definition, and a last one with whatever else its docstring allows.
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
    "0 times nan is nan."
)
NAN_SLOPE = (
    "The gradient is nan where the mask is false: choose by the mask *before* exp and products (`torch.where`), "
    "not after them: 0 times nan is nan backwards, too."
)
SPOILT = "nan and inf where the mask is false"
JUNK = torch.tensor([torch.nan, torch.inf, 1e30, -torch.inf, torch.nan], dtype=F64)
LOSS = {F32: 1e-5, F64: 1e-11}


def numbers(seed: int, *shape: int, scale: float = 1.0, dtype: torch.dtype = F64) -> Tensor:
    """Normal numbers, the same for every course."""
    generator = torch.Generator().manual_seed(seed)
    return (torch.randn(shape, generator=generator, dtype=F64) * scale).to(dtype)


def in_double(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, computed in float64; what comes back has the dtype of its first tensor of floats."""

    @functools.wraps(function)
    def computed(*args: Any, **kwargs: Any) -> Any:
        floats = [a for a in (*args, *kwargs.values()) if isinstance(a, Tensor) and a.is_floating_point()]
        wide = lambda a: a.double() if isinstance(a, Tensor) and a.is_floating_point() else a  # noqa: E731
        found = function(*map(wide, args), **{name: wide(arg) for name, arg in kwargs.items()})
        return found.to(floats[0].dtype) if isinstance(found, Tensor) else found

    return computed


def mistakes(right: Callable[..., Any], *entries: Entry) -> tuple[Mistake, ...]:
    """Entries (hint, answer); the answers get precision and parameters of `right`."""
    return tuple(Mistake(hint, _as(right, answer)) for hint, answer in entries)


def _as(right: Callable[..., Any], answer: Callable[..., Any]) -> Callable[..., Any]:
    made = in_double(lambda *args, **kwargs: answer(*args, **kwargs))
    made.__signature__ = inspect.signature(right)  # type: ignore[attr-defined]
    return made


def only_with(right: Callable[..., Any], word: str, answer: Callable[..., Any]) -> Callable[..., Any]:
    """A mistake that is made with one word for the method, level or scale; with the others the answer is right."""
    signature = inspect.signature(right)

    def mixed(*args: Any, **kwargs: Any) -> Any:
        given = signature.bind(*args, **kwargs)
        given.apply_defaults()
        return answer(*args, **kwargs) if word in _words(given.arguments) else right(*args, **kwargs)

    return mixed


def _words(arguments: dict[str, Any]) -> list[str]:
    return [value for value in arguments.values() if isinstance(value, str)]


def rows(*texts: str) -> Tensor:
    """A mask of texts: `x` is a token that counts."""
    return torch.tensor([[mark == "x" for mark in text] for text in texts])


MASKS = {
    "whole rows": rows("xxxx", "xxxx", "xxxx"),
    "padding on the right": rows("xxx..", "x....", "xxxxx"),
    "padding on the left": rows("..xxx", "....x"),
    "tokens in several places": rows("x.x..x", "..xx.x", ".x...."),
    "a single token": rows("x"),
    "a single response": rows("xxx...."),
    "three responses of up to two tokens": rows("x.", "xx", ".x"),
    "a long response beside a short one": rows("x" * 40 + "." * 5, "xx" + "." * 43),
}


def spoilt(value: Tensor, mask: Tensor, first: int = 0) -> Tensor:
    """`value` with nan, inf and huge numbers where the mask is false."""
    out = value.clone()
    gaps = int((~mask).sum())
    out[~mask] = JUNK.roll(first).repeat(gaps // len(JUNK) + 1)[:gaps].to(value.dtype)
    return out


def layouts(name: str, args: tuple[Any, ...], names: tuple[str, ...], **more: Any) -> Iterator[Case]:
    """The same arguments as tensors that are not contiguous."""
    for layout in LAYOUTS:
        for one in names:
            yield Case(
                f"{name}, {one} {layout}",
                args=args,
                layout={one: layout},
                family="tensors that are not contiguous",
                **more,
            )
