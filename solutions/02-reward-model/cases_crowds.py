"""Crowds of raters, for `preference_pairs` and `accuracy_ceiling`, and what they say of one another."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

Ratings = list[list[int]]
HALF = Fraction(1, 2)

# Unequal numbers of raters, all powers of 2: means are exact in floating point. Ratings reach both ends of the scale.
CROWD: Ratings = [[0, 1], [4, 4, -4, 4], [-1], [3, 3, 3, 2, -4, 4, 1, 0], [2, 2], [-4, -4, -3, -4], [1, 3]]
# The first snippet beats the second on average, but loses to it three times in four.
ODD: Ratings = [[4, -1, -1, -1], [0], [2, 2, 3], [2, 3], [-4, 4], [1, 0, 1, 0, 1]]
THIRDS: Ratings = [[1, 1, 2], [1, 1, 1, 1, 2, 2], [0, 1], [2, 1, 1, 1, 2, 1, 1, 2, 1]]
SEVENTHS: Ratings = [[0, 0, 0, 1, 1, 1, 0], [1, 0, 0, 1, 0, 0, 1] * 3, [3, -3, 3, -3, 3, 0, 0], [-1, 2] * 7]
# Two means near 3 that are 0.00001 apart.
CLOSE: Ratings = [[3] * 299 + [2], [3] * 298 + [2], [3] * 5]


def a_crowd(seed: int, snippets: int, least: int, most: int) -> Ratings:
    """Drawn ratings, the same in every process."""
    draw = random.Random(seed)
    centres = [draw.choice(range(-3, 4)) for _ in range(snippets)]
    return [
        [
            max(-4, min(4, centre + draw.choice((-2, -1, -1, 0, 0, 0, 1, 1, 2))))
            for _ in range(draw.randint(least, most))
        ]
        for centre in centres
    ]


CROWDS: dict[str, tuple[str, Ratings]] = {
    "unequal": ("snippets with different numbers of raters", CROWD),
    "reversed": ("snippets with different numbers of raters", CROWD[::-1]),
    "odd": ("snippets where the lower mean wins more often", ODD),
    "odd reversed": ("snippets where the lower mean wins more often", ODD[::-1]),
    "odd pair": ("snippets where the lower mean wins more often", [[0, 0], [4, -1, -1, -1]]),
    "negative": ("means below 0", [[-3], [-1], [-2, -2], [-4, -3]]),
    "negative pair": ("means below 0", [[-1, -2], [-4]]),
    "totals": ("snippets whose sums are in another order than their means", [[1], [2, 2, 1, 1], [1, 1, 1, 0, 1], [3]]),
    "totals below 0": ("snippets whose sums are in another order than their means", [[-1, -1, -1], [-2], [-4, 0, -2]]),
    "medians": (
        "snippets whose medians are in another order than their means",
        [[4, 0, 0], [1, 1, 1], [-4, 2, 2], [0]],
    ),
    "signs": ("means on both sides of 0", [[-2], [1], [-1, -2], [2, 0], [0, 0]]),
    "thirds": ("means that no float holds", THIRDS),
    "sevenths": ("means that no float holds", SEVENTHS),
    "tenths": ("means that no float holds", [[1] * 3 + [0] * 7, [1] * 6 + [0] * 14, [0, 1], [3] + [0] * 9]),
    "fifths": (
        "means that no float holds",
        [[2, 2, 2, 1, 1], [4, 4, 0, 0, 0], [-1] + [2] * 4 + [1], [2, 1, 2, 2, 1] * 5],
    ),
    "close": ("means that are close to one another", CLOSE),
    "ties": ("equal ratings of many raters", [[2, 2, 2], [2, 2, 1], [2, 3, 3, 3, 2], [2, 2, 2, 2, 1]]),
    "ends": ("ratings at both ends of the scale", [[-4, -4], [4, 4, 4], [-4, 4, 4], [4, -4, -4]]),
    "one each": ("snippets with one rater each", [[2], [-4], [0], [4], [2], [-1]]),
    "many raters": ("snippets with hundreds of raters", a_crowd(1, 3, 290, 310)),
    "many ones": ("snippets with hundreds of raters", [[1] * 300, [0, 1], [2] * 150, [-1] * 140, [0, -1]]),
    "many snippets": ("many snippets", a_crowd(2, 14, 1, 3)),
    **{f"drawn {k}": ("crowds of 15 to 29 raters", a_crowd(10 + k, 5, 15, 29)) for k in range(6)},
    **{f"drawn small {k}": ("small crowds", a_crowd(30 + k, 4, 1, 5)) for k in range(12)},
}


def mean(row: Sequence[int]) -> Fraction:
    """The mean of the ratings, exactly."""
    return Fraction(sum(row), len(row))


def wins(a: Sequence[int], b: Sequence[int], tie: Fraction = HALF) -> Fraction:
    """P(a random rating of `a` is above one of `b`), a tie counting `tie`."""
    sides = itertools.product(Counter(a).items(), Counter(b).items())
    points = sum(((1 if x > y else tie) * m * n for (x, m), (y, n) in sides if x >= y), Fraction(0))
    return Fraction(points) / (len(a) * len(b))
