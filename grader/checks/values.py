"""What checks say of values: what they are, in words, and whether two are alike."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np

from grader.kernels.values import type_name


def is_tensor_like(value: Any) -> bool:
    """Whether a value is a tensor of torch or of a class made from it. Where torch is not loaded, there is none."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def describe(value: Any) -> str:
    """What a student may be told of a value: its type, dtype and shape, never its content.

    >>> describe(np.zeros((2, 3)))
    'a float64 array of shape [2, 3]'
    """
    if is_tensor_like(value):
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
    if is_tensor_like(a):
        torch = sys.modules["torch"]
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
