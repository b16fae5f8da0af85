"""The values that may pass between a check and student code: exact types, bounded size and depth."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

MAX_BYTES = 16 * 1024 * 1024
MAX_DEPTH = 32
MAX_INT_BITS = 4096
NOT_PLAIN = "expected a plain value (numbers, text, lists, arrays, tensors), found {}"
# Of numpy's types those that C knows: "? b h i l B H I L e f d", and the complex "F D".
NUMBERS = (
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64"),
)
NUMPY_SCALARS = tuple(f"numpy {name}" for name in (*NUMBERS, "complex64", "complex128"))
SCALARS = (type(None), bool, int, float, str, bytes)


class NotAValueError(TypeError):
    """An object that may not pass; the message names its type, never its content."""


@dataclass(frozen=True)
class Handle:
    """The name of an object that stays in the kernel."""

    name: str


def is_array(value: object) -> bool:
    """Whether a value is exactly an array of numpy, which is not imported for that: other environments may lack it."""
    numpy = sys.modules.get("numpy")
    return numpy is not None and type(value) is getattr(numpy, "ndarray", None)


def is_tensor(value: object) -> bool:
    """Whether a value is exactly a tensor of torch, which is not imported for that: where it is not, there is none."""
    torch = sys.modules.get("torch")
    return torch is not None and type(value) is getattr(torch, "Tensor", None)


def type_name(value: object) -> str:
    """The name of a value's type if it is a plain one, else "another kind of object".

    Names of classes that a student defined are not repeated: they could carry anything into feedback.

    >>> type_name(1.5)
    'float'
    """
    kind = type(value)
    if kind in (*SCALARS, list, tuple, dict, set) or is_array(value) or is_tensor(value):
        return "None" if value is None else kind.__name__
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.generic) and kind.__module__ == "numpy":
        name = f"numpy {value.dtype.name}"
        return name if name in NUMPY_SCALARS else "another kind of object"
    return "another kind of object"


def copy_value(value: Any, depth: int = 0) -> Any:
    """A deep copy of `value`, made only of None, bool, int, float, str, bytes, list, tuple, dict, ndarray and tensor.

    Types are exact: a subclass, which could lie about equality, does not pass.

    Raises:
        NotAValueError: something else is in it, it is nested deeper than 32, or holds more than 16 MB.
    """
    return _copy(value, depth, [MAX_BYTES])


def _copy(value: Any, depth: int, left: list[int]) -> Any:
    """As `copy_value`; `left` holds the bytes that may still come, so that nothing grows before it is counted."""
    if depth > MAX_DEPTH:
        raise NotAValueError(f"the value is nested deeper than {MAX_DEPTH}")
    kind = type(value)
    if kind in SCALARS:
        _take(_scalar_size(value), left)
        return value
    if kind is list or kind is tuple:
        _take(8, left)
        return kind([_copy(part, depth + 1, left) for part in value])
    if kind is dict:
        _take(8, left)
        if any(type(key) not in SCALARS for key in value):
            raise NotAValueError("a key of the dict is not a plain value")
        for key in value:
            _take(_scalar_size(key), left)
        return {key: _copy(part, depth + 1, left) for key, part in value.items()}
    if is_array(value):
        if value.dtype.kind not in "biufc" or not value.dtype.isnative:
            raise NotAValueError("the array does not hold numbers")
        _take(int(value.nbytes) + 8, left)
        return sys.modules["numpy"].array(value, copy=True, subok=False)
    if is_tensor(value):
        torch = sys.modules["torch"]
        if value.layout is not torch.strided or value.device.type != "cpu" or value.is_quantized:
            raise NotAValueError("the tensor is not a dense CPU tensor")
        _take(value.numel() * value.element_size() + 8, left)
        return value.detach().clone(memory_format=torch.contiguous_format)
    raise NotAValueError(NOT_PLAIN.format(type_name(value)))


def _scalar_size(value: Any) -> int:
    if type(value) is int and value.bit_length() > MAX_INT_BITS:
        raise NotAValueError(f"the number has more than {MAX_INT_BITS} bits")
    return len(value) if type(value) in (str, bytes) else 8


def _take(size: int, left: list[int]) -> None:
    left[0] -= size
    if left[0] < 0:
        raise NotAValueError(f"the value is larger than {MAX_BYTES // 2**20} MB")
