"""The order in which the variants of an item are released, so that the first few lie all over the space."""

from __future__ import annotations

from math import gcd

GOLDEN = (5**0.5 - 1) / 2


def spread(count: int) -> tuple[int, ...]:
    """All variants from 0 to `count` - 1, the first few of them far from each other, and in no step with small numbers.

    Authors write `[…][variant % 4]` and `[…][variant // 4]`: the first five of twenty, 0, 13, 6, 19 and 12, meet each
    of the four remainders, and three quotients.
    """
    steps = [step for step in range(1, count + 1) if gcd(step, count) == 1]
    step = min(steps, key=lambda one: abs(one - GOLDEN * count))
    return tuple(place * step % count for place in range(count))
