"""Outcomes as JSON and back: the values that a visible check may compare, of exact built-in kinds, tensors and arrays.

None, booleans, numbers and text stand for themselves; the rest is an object with one key:

    {"l": [...]}  {"t": [...]}  {"d": [[key, value], ...]}  {"T": [dtype, shape, base64]}  {"A": [dtype, shape, base64]}
"""

from __future__ import annotations

import base64
from typing import Any

from labkit.findings import is_array, is_tensor

ALIKE = (bool, int, float, str)


def to_plain(value: Any) -> Any:
    """A value as what JSON can say.

    Raises:
        TypeError: it is of a kind that cannot be said.
    """
    if value is None or type(value) in ALIKE:
        return value
    if type(value) in (list, tuple):
        return {"l" if type(value) is list else "t": [to_plain(part) for part in value]}
    if type(value) is dict:
        return {"d": [[to_plain(key), to_plain(part)] for key, part in value.items()]}
    if is_tensor(value):
        import torch

        raw = value.detach().contiguous().reshape(-1)
        return {"T": [str(value.dtype).removeprefix("torch."), list(value.shape), _text(raw.view(torch.uint8).numpy())]}
    if is_array(value) and value.dtype.kind in "biufc":
        return {"A": [str(value.dtype), list(value.shape), _text(value)]}
    raise TypeError(f"a {type(value).__name__} is no plain value")


def from_plain(said: Any) -> Any:
    """The inverse of `to_plain`."""
    if not isinstance(said, dict):
        return said
    [(kind, content)] = said.items()
    if kind == "l":
        return [from_plain(part) for part in content]
    if kind == "t":
        return tuple(from_plain(part) for part in content)
    if kind == "d":
        return {from_plain(key): from_plain(part) for key, part in content}
    dtype, shape, text = content
    raw = bytearray(base64.b64decode(text))
    if kind == "A":
        import numpy

        return numpy.frombuffer(raw, dtype=dtype).reshape(shape)
    import torch

    kind_of = getattr(torch, dtype)
    return torch.frombuffer(raw, dtype=kind_of).reshape(shape) if raw else torch.empty(shape, dtype=kind_of)


def _text(array: Any) -> str:
    return base64.b64encode(array.tobytes()).decode("ascii")
