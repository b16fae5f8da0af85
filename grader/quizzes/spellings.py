"""Every spelling of a number that is accepted."""

from __future__ import annotations

import math
from decimal import Decimal

from labkit.quiz.answers import fixed_notation

MAX_ACCEPTED = 15


def half_unit(decimals: int) -> float:
    """Half a unit of the last decimal: the tolerance of numbers that name none."""
    return 0.5 * 10.0**-decimals


def accepted_numbers(value: float, tolerance: float | None, decimals: int) -> list[str]:
    """Every number of that many decimals within `tolerance` of `value`, as answers spell them, nearest first.

    Without a tolerance that is the rounded value; both neighbours, if the value lies half-way between them.
    """
    unit = Decimal(1).scaleb(-decimals)
    exact = Decimal(repr(float(value)))
    reach = Decimal(repr(half_unit(decimals) if tolerance is None else float(tolerance)))
    reach += unit * Decimal("1e-6")  # what floating point loses
    nearest = Decimal(fixed_notation(exact, decimals))
    steps = min(math.ceil(reach / unit), MAX_ACCEPTED + 1)
    found = [nearest + unit * step for step in sorted(range(-steps, steps + 1), key=abs)]
    kept = [number for number in found if abs(number - exact) <= reach]
    return [fixed_notation(number, decimals) for number in kept or [nearest]]
