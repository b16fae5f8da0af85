"""The values that may pass between a check and student code: exact types, bounded size and depth."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

MAX_BYTES = 16 * 1024 * 1024
MAX_DEPTH = 32
SCALARS = (type(None), bool, int, float, str, bytes)


class NotAValueError(TypeError):
    """An object that may not pass; the message names its type, never its content."""


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
    if isinstance(value, np.generic) and kind.__module__ == "numpy":
        return f"numpy {kind.__name__}"
    return "another kind of object"


def copy_value(value: Any, depth: int = 0) -> Any:
    """A deep copy of `value`, made only of None, bool, int, float, str, bytes, list, tuple, dict, ndarray and tensor.

    Types are exact: a subclass, which could lie about equality, does not pass.

    Raises:
        NotAValueError: something else is in it, it is nested deeper than 32, or holds more than 16 MB.
    """
    copied, size = _copy(value, depth)
    if size > MAX_BYTES:
        raise NotAValueError(f"the value is larger than {MAX_BYTES // 2**20} MB")
    return copied


def _copy(value: Any, depth: int) -> tuple[Any, int]:
    if depth > MAX_DEPTH:
        raise NotAValueError(f"the value is nested deeper than {MAX_DEPTH}")
    kind = type(value)
    if kind in SCALARS:
        return value, len(value) if kind in (str, bytes) else 8
    if kind is list or kind is tuple:
        parts = [_copy(part, depth + 1) for part in value]
        return kind(part for part, _ in parts), 8 + sum(size for _, size in parts)
    if kind is dict:
        if any(type(key) not in SCALARS for key in value):
            raise NotAValueError("a key of the dict is not a plain value")
        items = {key: _copy(part, depth + 1) for key, part in value.items()}
        return {k: part for k, (part, _) in items.items()}, 8 + sum(size for _, size in items.values())
    if kind is np.ndarray:
        if value.dtype.kind not in "biufc":
            raise NotAValueError("the array does not hold numbers")
        _refuse_size(int(value.nbytes))
        return np.array(value, copy=True, subok=False), int(value.nbytes)
    if kind is torch.Tensor:
        if value.layout is not torch.strided or value.device.type != "cpu" or value.is_quantized:
            raise NotAValueError("the tensor is not a dense CPU tensor")
        size = value.numel() * value.element_size()
        _refuse_size(size)
        return value.detach().clone(memory_format=torch.contiguous_format), size
    raise NotAValueError(f"expected a plain value (numbers, text, lists, arrays, tensors), found {type_name(value)}")


def _refuse_size(size: int) -> None:
    if size > MAX_BYTES:
        raise NotAValueError(f"the value is larger than {MAX_BYTES // 2**20} MB")


def describe(value: Any) -> str:
    """What a student may be told of a value: its type, dtype and shape, never its content.

    >>> describe(torch.zeros(2, 3))
    'a float32 tensor of shape [2, 3]'
    """
    if isinstance(value, torch.Tensor):
        return f"a {str(value.dtype).removeprefix('torch.')} tensor of shape {list(value.shape)}"
    if isinstance(value, np.ndarray):
        return f"a {value.dtype} array of shape {list(value.shape)}"
    if isinstance(value, list | tuple | dict):
        return f"a {type_name(value)} of {len(value)}"
    name = type_name(value)
    return name if name in ("None", "another kind of object") else f"{'an' if name[0] in 'aeio' else 'a'} {name}"


def same(a: Any, b: Any, tol: float = 0.0) -> bool:
    """Whether two copied values are alike: same types, dtypes and shapes, numbers within `tol`.

    nan equals nan; infinities must stand in the same places with the same sign. Integers, booleans and text are exact.
    """
    if type(a) is not type(b):
        return False
    if isinstance(a, torch.Tensor):
        if a.dtype != b.dtype or a.shape != b.shape:
            return False
        if not a.dtype.is_floating_point and not a.dtype.is_complex:
            return bool(torch.equal(a, b))
        wide = torch.complex128 if a.dtype.is_complex else torch.float64
        return bool(torch.isclose(a.to(wide), b.to(wide), rtol=0.0, atol=tol, equal_nan=True).all())
    if isinstance(a, np.ndarray):
        if a.dtype != b.dtype or a.shape != b.shape:
            return False
        if a.dtype.kind not in "fc":
            return bool(np.array_equal(a, b))
        return bool(np.isclose(a, b, rtol=0.0, atol=tol, equal_nan=True).all())
    if isinstance(a, float):
        return (math.isnan(a) and math.isnan(b)) or a == b or abs(a - b) <= tol
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(same(x, y, tol) for x, y in zip(a, b, strict=True))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key], tol) for key in a)
    return bool(a == b)
