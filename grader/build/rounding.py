"""Whether two help files say the same but for the last digits of numbers, which differ from processor to processor."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np

from labkit.errors import LabError
from labkit.help_sheet import parse_help
from labkit.plain import from_plain

RELATIVE, ABSOLUTE = 1e-6, 1e-9
COARSE = {"float32": 1e-4, "float16": 1e-2, "bfloat16": 3e-2}  # relative, by the kind of number
ARRAYS = ({"T"}, {"A"})


def says_the_same(one: bytes, other: bytes) -> bool:
    """Whether the parts of two help files are equal, numbers that are not whole up to rounding."""
    try:
        return _near(_content(one), _content(other))
    except (LabError, ValueError, KeyError, TypeError):  # no help file, or one of another format
        return False


def _content(raw: bytes) -> Any:
    sheet = parse_help(raw, "it")
    head = {name: part for name, part in json.loads(raw).items() if name != "exercises"}
    return [head, {name: {part: sheet.raw(name, part) for part in sheet.names(name)} for name in sheet.exercises()}]


def _near(one: Any, other: Any) -> bool:
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        if set(one) in ARRAYS:
            return set(one) == set(other) and _arrays_are_near(one, other)
        return list(one) == list(other) and all(_near(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(_near, one, other))
    if isinstance(one, float):
        both_nan = math.isnan(one) and math.isnan(other)
        return both_nan or math.isclose(one, other, rel_tol=RELATIVE, abs_tol=ABSOLUTE)
    return bool(one == other)


def _arrays_are_near(one: dict[str, Any], other: dict[str, Any]) -> bool:
    [(dtype, shape, _)], [(its_dtype, its_shape, _)] = one.values(), other.values()
    if (dtype, shape) != (its_dtype, its_shape):
        return False
    here, there = (np.asarray(_wide(from_plain(part))) for part in (one, other))
    if here.dtype.kind not in "fc":
        return bool((here == there).all())
    relative = COARSE.get(dtype, RELATIVE)
    return bool(np.allclose(here, there, rtol=relative, atol=relative * 1e-2, equal_nan=True))


def _wide(value: Any) -> Any:
    """Tensors as NumPy has them, which has no bfloat16."""
    if hasattr(value, "is_floating_point"):
        return value.double().numpy() if value.is_floating_point() else value.numpy()
    return value
