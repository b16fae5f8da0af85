"""The figures of the class report, as `data:` addresses of SVG: the same bytes for the same class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from grader.quizzes.analyse import BANDS, ItemAnalysis
from grader.reports.svg import FAINT, GREY, INK, bar, dot, drawing, line, steps, upwards, words

if TYPE_CHECKING:
    from grader.reports.class_report import ExerciseRate

BLUE, ORANGE, GREEN, YELLOW = "#1f4e9c", "#c25b00", "#1a7f37", "#e3b341"
BINS = 10
DASHES = ("6 3", "2 2", "7 2 2 2", "10 3", "1 4", "8 2 2 2 2 2")
LEFT, WIDE = 46.0, 600.0
SIGN = 6.2  # pixels of a letter, about


def score_distribution(scores: Sequence[float], most: float, wide: float = WIDE, high: float = 200) -> str:
    """How many students are in each tenth of the points."""
    counts = [0] * BINS
    for score in scores:
        counts[min(max(int(BINS * score / (most or 1) + 1e-9), 0), BINS - 1)] += 1
    top, bottom = 10.0, high - 34
    tallest = max(*counts, 1) * 1.08
    step = (wide - LEFT - 10) / BINS

    def height(count: float) -> float:
        return bottom - (bottom - top) * count / tallest

    parts = []
    for tick in steps(max(*counts, 1), 4 if high > 150 else 2):
        parts += [line([(LEFT, height(tick)), (wide - 10, height(tick))])]
        parts += [words(LEFT - 6, height(tick) + 4, f"{tick:g}", "end", GREY)]
    for place, count in enumerate(counts):
        if count:
            parts.append(bar(LEFT + place * step + 1, height(count), step - 2, bottom - height(count), BLUE))
    for place in range(0, BINS + 1, 2):
        parts.append(words(LEFT + place * step, bottom + 14, f"{(most or 1) * place / BINS:.4g}", "middle", GREY))
    parts += [line([(LEFT, bottom), (wide - 10, bottom)], GREY)]
    parts += [words((LEFT + wide) / 2, high - 6, f"points of {most:g}", "middle", GREY)]
    parts += [upwards(12, (top + bottom) / 2, "students")]
    return drawing(wide, high, parts)


def exercise_rates(exercises: Sequence[ExerciseRate]) -> str:
    """For each exercise the shares of students with all, some and none of its points."""
    left = 16 + SIGN * max(len(one.exercise) for one in exercises)
    row, top, wide = 22.0, 26.0, max(WIDE, left + 330)
    scale = (wide - left - 40) / 100
    parts = []
    for place, (label, colour, edge) in enumerate(
        (("all points", GREEN, ""), ("some", YELLOW, ""), ("none", "#fff", GREY))
    ):
        parts += [bar(left + 100 * place, 6, 11, 11, colour, edge), words(left + 16 + 100 * place, 16, label)]
    for place, one in enumerate(exercises):
        y, x, of = top + row * place, left, max(one.full + one.partly + one.none, 1)
        parts.append(words(left - 8, y + 13, one.exercise, "end"))
        for count, colour, ink in ((one.full, GREEN, "#fff"), (one.partly, YELLOW, INK), (one.none, "#fff", INK)):
            share = 100 * count / of
            if count:
                parts.append(bar(x, y + 2, share * scale, row - 6, colour, GREY if colour == "#fff" else ""))
            if share >= 8:
                parts.append(words(x + share * scale / 2, y + 14, f"{share:.0f} %", "middle", ink))
            x += share * scale
    bottom = top + row * len(exercises) + 4
    for tick in range(0, 101, 25):
        parts.append(words(left + tick * scale, bottom + 12, f"{tick} %" if tick else "0", "middle", GREY))
    parts.append(words(left + 50 * scale, bottom + 28, "of the students", "middle", GREY))
    return drawing(wide, bottom + 34, parts)


def item_map(items: Sequence[ItemAnalysis]) -> str:
    """Items by difficulty and discrimination, numbered as in the table; good items lie high and not at the sides."""
    least = min([-0.2, *(item.low - 0.05 for item in items if item.low is not None)])
    top, bottom, right = 10.0, 276.0, WIDE - 14

    def at(x: float, y: float) -> tuple[float, float]:
        return LEFT + (right - LEFT) * x, bottom - (bottom - top) * (y - least) / (1 - least)

    parts = []
    for tick in (tenth / 4 for tenth in range(-4, 5)):
        if tick >= least:
            parts += [line([at(0, tick), at(1, tick)], GREY if tick == 0 else FAINT)]
            parts += [words(LEFT - 6, at(0, tick)[1] + 4, f"{tick:g}", "end", GREY)]
    for tick in (fifth / 5 for fifth in range(6)):
        parts.append(words(at(tick, least)[0], bottom + 15, f"{tick:g}", "middle", GREY))
    parts.append(line([at(0, 1), at(0, least), at(1, least)], GREY))
    shown = [(number, one) for number, one in enumerate(items, start=1) if one.discrimination is not None]
    for _, one in shown:
        if one.low is not None and one.high is not None:
            parts.append(line([at(one.difficulty, one.low), at(one.difficulty, one.high)], "#b6c2cf"))
    for number, one in shown:
        x, y = at(one.difficulty, one.discrimination or 0.0)
        parts += [dot(x, y, 8.5, "#fff", BLUE), words(x, y + 3.5, str(number), "middle", INK, 'font-size="10"')]
    parts.append(words((LEFT + right) / 2, bottom + 31, "share of points (right: easy)", "middle", GREY))
    parts.append(upwards(12, (top + bottom) / 2, "correlation with the rest"))
    return drawing(WIDE, bottom + 38, parts)


def answer_curves(item: ItemAnalysis) -> str:
    """The share of students that gave each answer to the first part, from the weakest third to the strongest."""
    first = [choice for choice in item.choices if choice.part == item.choices[0].part] if item.choices else []
    top, bottom, right = 10.0, 164.0, 320.0

    def at(third: float, share: float) -> tuple[float, float]:
        return LEFT + 30 + (right - LEFT - 60) * third / (BANDS - 1), bottom - (bottom - top) * share

    parts = []
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        parts += [line([(LEFT, at(0, tick)[1]), (right, at(0, tick)[1])], GREY if tick == 0 else FAINT)]
        parts += [words(LEFT - 6, at(0, tick)[1] + 4, f"{tick:g}", "end", GREY)]
    for third, name in enumerate(("weakest third", "middle", "strongest third")):
        parts.append(words(at(third, 0)[0], bottom + 16, name, "middle", GREY))
    parts.append(upwards(12, (top + bottom) / 2, "share who gave it"))
    wrong = 0
    for number, choice in enumerate(first, start=1):
        points = [at(third, share) for third, share in enumerate(choice.curve)]
        y = top + 6 + 16 * (number - 1)
        colour, dash, width = (GREEN, "", 2.4) if choice.key else (ORANGE, DASHES[wrong % len(DASHES)], 1.6)
        wrong += not choice.key
        parts += [line(points, colour, width, dash), *(dot(x, y, 3 if choice.key else 2.2, colour) for x, y in points)]
        parts += [line([(right + 12, y), (right + 36, y)], colour, width, dash)]
        parts += [words(right + 42, y + 4, f"{number} (key)" if choice.key else str(number))]
    return drawing(right + 100, max(bottom + 24, top + 16 * len(first) + 8), parts)


def trend(labels: Sequence[str], shares: Sequence[float], wide: float = 380, high: float = 88) -> str:
    """Mean shares of the points, from the first to the last of some labs or weeks."""
    top, bottom, left, right = 18.0, high - 20, 48.0, wide - 26

    def at(place: int, share: float) -> tuple[float, float]:
        x = left + (right - left) * (place / (len(shares) - 1) if len(shares) > 1 else 0.5)
        return x, bottom - (bottom - top) * min(max(share, 0), 1)

    parts = []
    for tick in (0.0, 0.5, 1.0):
        parts += [line([(left - 8, at(0, tick)[1]), (right + 14, at(0, tick)[1])], GREY if tick == 0 else FAINT)]
        parts += [words(left - 12, at(0, tick)[1] + 4, f"{100 * tick:.0f} %", "end", GREY, 'font-size="9"')]
    points = [at(place, share) for place, share in enumerate(shares)]
    parts.append(line(points, BLUE, 2))
    each = max(1, round(SIGN * max(map(len, labels)) * len(labels) / (right - left) + 0.4))
    for place, ((x, y), share) in enumerate(zip(points, shares, strict=True)):
        parts.append(dot(x, y, 3, BLUE))
        if (len(points) - 1 - place) % each == 0:
            parts += [
                words(x, y - 7, f"{100 * share:.0f}", "middle"),
                words(x, high - 6, labels[place], "middle", GREY),
            ]
    return drawing(wide, high, parts)
