"""Other values of the same kind, for the names of a claim: what would it say if they were given?"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import numpy as np


def another(value: Any, seed: int) -> Any:
    """Another function, whose values depend on the arguments alone; what is no function stays."""
    if callable(value) and not isinstance(value, type):

        def altered(*args: Any, **kwargs: Any) -> Any:
            given = value(*args, **kwargs)
            return shaken(given, f"{seed} {getattr(value, '__name__', '')} {args!r} {kwargs!r}")

        return altered
    return value


def shaken(value: Any, by: str) -> Any:
    """Another value, the same one for the same words `by`; what has no such stays."""
    if isinstance(value, bool | np.bool_):
        return value
    draws = np.random.default_rng(zlib.crc32(by.encode()))
    if isinstance(value, int | np.integer):
        return value + int(draws.integers(1, 1000))
    if isinstance(value, float | np.floating):
        return value * float(draws.uniform(0.3, 3)) + float(draws.uniform(0.01, 0.1))
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        return value * draws.uniform(0.3, 3, value.shape) + draws.uniform(0.01, 0.1, value.shape)
    return value


def disturbed(value: Any) -> list[Any]:
    """Other values of the same kind, far from this one; of functions, others that give such values."""
    if isinstance(value, bool | np.bool_):
        return [not value]
    if isinstance(value, float | np.floating):
        return [-value, value * 1000 + 1, value * 0, float("inf")]
    if isinstance(value, int | np.number | np.ndarray):
        return [-value, value * 1000 + 1, value * 0]
    if isinstance(value, str):
        return ["", value[::-1] + "?"]
    if isinstance(value, list | tuple):
        others = [_first(item) for item in value]
        return [
            value[::-1],
            value[:0],
            *(type(value)(made) for made in (others, [*others[:1], *value[1:]], [*value[:1], *others[1:]])),
        ]
    if isinstance(value, dict | set | frozenset):
        return [type(value)()]
    if isinstance(value, type):
        return [object]
    if callable(value):
        return [_after(value, way) for way in range(5)]
    return [_other(value)] if _is_tensor(value) else []


def _first(value: Any) -> Any:
    others = disturbed(value)
    return others[0] if others else value


def _after(function: Callable[..., Any], way: int) -> Callable[..., Any]:
    """The function, with what it gives disturbed in one way."""

    def altered(*args: Any, **kwargs: Any) -> Any:
        given = function(*args, **kwargs)
        others = disturbed(given)
        return others[min(way, len(others) - 1)] if others else None

    return altered


def _is_tensor(value: Any) -> bool:
    return type(value).__module__.startswith("torch") and hasattr(value, "detach")


def _other(value: Any) -> Any:
    return -value
