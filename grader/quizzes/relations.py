"""What the words with which statements compare (see `grader.quizzes.lexicon`) say of the values beside them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np

FAR = 2.0  # "far lower" is less than half, "far higher" more than twice
REACH = 1e-6  # how near, relative to their size, two numbers are one: what floating point and sampling tables lose


def _numbers(value: Any) -> list[float]:
    """Any number, or numbers in any shape, in one row; of a sequence in which they have shapes, see `_steps`."""
    if hasattr(value, "detach"):
        value = value.detach().numpy()
    found = [float(x) for x in np.asarray(value, dtype=float).ravel()]
    if not found or any(math.isnan(x) for x in found):
        raise ValueError("there is nothing to compare" if not found else "there is no number to compare")
    return found


def _same(a: float, b: float, reach: float = 0.0) -> bool:
    if math.isinf(a) or math.isinf(b):
        return a == b
    return abs(a - b) <= max(reach, REACH * max(abs(a), abs(b)), 1e-12)


def _steps(values: Any) -> list[tuple[list[float], list[float]]]:
    """Neighbours in a sequence of numbers or of equally many numbers each."""
    rows = [_numbers(value) for value in values]
    if len(rows) < 2:
        raise ValueError("what moves needs two values or more, such as one before and one after")
    return list(pairwise(rows))


def _each(values: Any, holds: Callable[[float, float], bool]) -> bool:
    """Whether that holds of each step, at each place."""
    return all(holds(a, b) for first, second in _steps(values) for a, b in zip(first, second, strict=True))


def rises(values: Any) -> bool:
    """Each value is larger than the one before it."""
    return _each(values, lambda a, b: a < b and not _same(a, b))


def falls(values: Any) -> bool:
    """Each value is smaller than the one before it."""
    return _each(values, lambda a, b: a > b and not _same(a, b))


def stays(values: Any) -> bool:
    """All values are the same."""
    return _each(values, _same)


def changes(values: Any) -> bool:
    """Not all values are the same."""
    return not stays(values)


def above(a: Any, b: Any, _reach: float = 0.0) -> bool:
    """Every number of `a` is larger than every number of `b`."""
    low, high = min(_numbers(a)), max(_numbers(b))
    return low > high and not _same(low, high)


def below(a: Any, b: Any, _reach: float = 0.0) -> bool:
    """Every number of `a` is smaller than every number of `b`."""
    return above(b, a)


def equal(a: Any, b: Any, reach: float = 0.0) -> bool:
    """All numbers are the same, one by one where there are equally many."""
    first, second = _numbers(a), _numbers(b)
    if len(first) == 1 or len(second) == 1:
        return all(_same(x, y, reach) for x in first for y in second)
    return len(first) == len(second) and all(_same(x, y, reach) for x, y in zip(first, second, strict=True))


def differs(a: Any, b: Any, reach: float = 0.0) -> bool:
    """Not all numbers are the same."""
    return not equal(a, b, reach)


def highest(values: Any) -> bool:
    """The first number is larger than each of the others."""
    first, *others = _numbers(values)
    return bool(others) and above(first, others)


def lowest(values: Any) -> bool:
    """The first number is smaller than each of the others."""
    first, *others = _numbers(values)
    return bool(others) and below(first, others)


def between(values: Any) -> bool:
    """The first number is neither the largest nor the smallest."""
    first, *others = _numbers(values)
    return above(max(others), first) and below(min(others), first)


def far_above(a: Any, b: Any, _reach: float = 0.0) -> bool:
    """Every number of `a` is more than twice as large as every number of `b`."""
    return above(min(_numbers(a)) / FAR, b) and min(_numbers(b)) >= 0


def far_below(a: Any, b: Any, _reach: float = 0.0) -> bool:
    """Every number of `a` is less than half as large as every number of `b`."""
    return far_above(b, a)


def far_rises(values: Any) -> bool:
    """Each value is more than twice as large as the one before it."""
    return all(far_above(second, first) for first, second in _steps(values))


def far_falls(values: Any) -> bool:
    """Each value is less than half as large as the one before it."""
    return all(far_below(second, first) for first, second in _steps(values))


def twice(a: Any, b: Any, reach: float = 0.0) -> bool:
    """`a` is two times `b`."""
    return equal(a, [2 * x for x in _numbers(b)], reach)


def half(a: Any, b: Any, reach: float = 0.0) -> bool:
    """`a` is half of `b`."""
    return twice(b, a, reach)


def doubles(values: Any) -> bool:
    """Each value is two times the one before it."""
    return all(twice(second, first) for first, second in _steps(values))


def halves(values: Any) -> bool:
    """Each value is half of the one before it."""
    return all(half(second, first) for first, second in _steps(values))


def finite(values: Any) -> bool:
    """No number is infinite."""
    return all(map(math.isfinite, _numbers(values)))


def infinite(values: Any) -> bool:
    """Every number is infinite."""
    return all(map(math.isinf, _numbers(values)))


def magnitude(a: Any, tens: float) -> bool:
    """`a` is 10 to that power, to the nearest one."""
    [number] = _numbers(a)
    return number > 0 and abs(math.log10(number) - tens) <= 0.5


RELATIONS: Mapping[str, Callable[..., bool]] = {
    relation.__name__: relation
    for relation in (
        *(rises, falls, stays, changes, above, below, equal, differs, highest, lowest, between),
        *(far_above, far_below, far_rises, far_falls, twice, half, doubles, halves, finite, infinite, magnitude),
    )
}
