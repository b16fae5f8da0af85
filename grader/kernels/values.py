"""The values that may pass between a check and student code: exact types, bounded size and depth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

MAX_BYTES = 16 * 1024 * 1024
MAX_DEPTH = 32
MAX_INT_BITS = 4096
NOT_PLAIN = "expected a plain value (numbers, text, lists, arrays, tensors), found {}"
NUMPY_SCALARS = tuple(f"numpy {np.dtype(name).name}" for name in "? b h i l B H I L e f d F D".split())
SCALARS = (type(None), bool, int, float, str, bytes)


class NotAValueError(TypeError):
    """An object that may not pass; the message names its type, never its content."""


@dataclass(frozen=True)
class Handle:
    """The name of an object that stays in the kernel."""

    name: str


def type_name(value: object) -> str:
    """The name of a value's type if it is a plain one, else "another kind of object".

    Names of classes that a student defined are not repeated: they could carry anything into feedback.

    >>> type_name(1.5)
    'float'
    """
    kind = type(value)
    plain = (*SCALARS, list, tuple, dict, set, np.ndarray, torch.Tensor)
    if kind in plain:
        return "None" if value is None else kind.__name__
    if isinstance(value, np.generic) and kind.__module__ == "numpy" and f"numpy {value.dtype.name}" in NUMPY_SCALARS:
        return f"numpy {value.dtype.name}"
    return "another kind of object"


def copy_value(value: Any, depth: int = 0) -> Any:
    """A deep copy of `value`, made only of None, bool, int, float, str, bytes, list, tuple, dict, ndarray and tensor.

    Types are exact: a subclass, which could lie about equality, does not pass.

    Raises:
        NotAValueError: something else is in it, it is nested deeper than 32, or holds more than 16 MB.
    """
    copied, size = _copy(value, depth)
    _refuse_size(size)
    return copied


def _copy(value: Any, depth: int) -> tuple[Any, int]:
    if depth > MAX_DEPTH:
        raise NotAValueError(f"the value is nested deeper than {MAX_DEPTH}")
    kind = type(value)
    if kind in SCALARS:
        return value, _scalar_size(value)
    if kind is list or kind is tuple:
        parts = [_copy(part, depth + 1) for part in value]
        return kind(part for part, _ in parts), 8 + sum(size for _, size in parts)
    if kind is dict:
        if any(type(key) not in SCALARS for key in value):
            raise NotAValueError("a key of the dict is not a plain value")
        items = {key: _copy(part, depth + 1) for key, part in value.items()}
        return {k: part for k, (part, _) in items.items()}, 8 + sum(size for _, size in items.values())
    if kind is np.ndarray:
        if value.dtype.kind not in "biufc" or not value.dtype.isnative:
            raise NotAValueError("the array does not hold numbers")
        _refuse_size(int(value.nbytes))
        return np.array(value, copy=True, subok=False), int(value.nbytes)
    if kind is torch.Tensor:
        if value.layout is not torch.strided or value.device.type != "cpu" or value.is_quantized:
            raise NotAValueError("the tensor is not a dense CPU tensor")
        size = value.numel() * value.element_size()
        _refuse_size(size)
        return value.detach().clone(memory_format=torch.contiguous_format), size
    raise NotAValueError(NOT_PLAIN.format(type_name(value)))


def _scalar_size(value: Any) -> int:
    if type(value) is int and value.bit_length() > MAX_INT_BITS:
        raise NotAValueError(f"the number has more than {MAX_INT_BITS} bits")
    return len(value) if type(value) in (str, bytes) else 8


def _refuse_size(size: int) -> None:
    if size > MAX_BYTES:
        raise NotAValueError(f"the value is larger than {MAX_BYTES // 2**20} MB")
