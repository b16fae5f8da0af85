"""From what answers earn, and the feedback they bring, to keys, mistakes and rules, where programs score."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any

from grader.formats.reading.drafts import words
from grader.formats.reading.numbers import Span, number
from grader.formats.reading.spelling import literal
from labkit.quiz.scoring import item_score

Earn = Callable[[Any], Decimal]
"""From a value of one response to what it earns."""
Say = Callable[[Any], str]
"""From a value of one response to its feedback in Markdown."""
Note = Callable[[str, str], None]
"""Takes what was not read: in words, and the field."""

UNLIKELY = "\u2e3b unlikely \u2e3b"
FAR = Decimal(10) ** 12
MAX_CANDIDATES = 300
RULES = ("right-minus-wrong", "per-part", "all-or-nothing")


def number_of(
    edges: Iterable[Decimal], earn: Earn, say: Say, note: Note, unit: str = "", label: str = ""
) -> dict[str, Any] | None:
    """A number to type, out of the verdicts on every number at which they may change; None if none is right."""
    found = sorted(set(edges))[:MAX_CANDIDATES]
    runs = _runs(found, earn, say) if found else []
    right = [run for run in runs if run[1]]
    if not right:
        return None
    for run in right[1:]:
        note(f"another right number, {run[0].middle}, is left out", "answers")
    other = say(FAR)
    wrong = [(span, said) for span, true, said in runs if not true and said and said != other]
    made, notes = number(right[0][0], wrong[:10], right[0][2], other, unit.strip(), label.strip(" :"))
    for said in notes:
        note(said, "tolerance")
    return made


def _runs(edges: Sequence[Decimal], earn: Earn, say: Say) -> list[tuple[Span, bool, str]]:
    """Stretches between the smallest and the largest edge in which every number has one verdict."""
    points = [Span(edges[0], edges[0])]
    for low, high in pairwise(edges):
        points += [Span(low, high), Span(high, high)]
    made: list[tuple[Span, bool, str]] = []
    for point in points:
        true, said = earn(point.middle) > 0, say(point.middle)
        if made and made[-1][1:] == (true, said):
            made[-1] = (Span(made[-1][0].low, point.high), true, said)
        else:
            made.append((point, true, said))
    return made


def words_of(candidates: Iterable[str], earn: Earn, say: Say) -> dict[str, Any] | None:
    """A text to type: which candidates are right, which have feedback of their own; None if none is right."""
    other = say(UNLIKELY)
    right, wrong, said = [], [], ""
    case = False
    for text in list(dict.fromkeys(candidates))[:MAX_CANDIDATES]:
        if not text.strip():
            continue
        if earn(text) > 0:
            right.append(literal(text.strip()))
            said = said or say(text)
            case = case or (text.swapcase() != text and earn(text.swapcase()) <= 0)
        elif say(text) != other:
            wrong.append((literal(text.strip()), say(text)))
    return words(right, said, other, wrong, case) if right else None


def boxes_rule(names: Sequence[str], truths: Sequence[bool], earn: Earn) -> tuple[str | None, bool]:
    """The rule by which ticks earn points, out of what some ticks earn; None for the default, False if none fits."""
    keys = [name for name, true in zip(names, truths, strict=True) if true]
    others = [name for name, true in zip(names, truths, strict=True) if not true]
    if not keys:
        return None, True
    ticks = [keys, keys[:1], keys + others[:1], keys[:1] + others[:1], list(names)]
    best = earn(keys)
    shares = [float(earn(some) / best) if best else 0.0 for some in ticks]
    for rule in RULES:
        expected = []
        for some in ticks:
            if rule == RULES[0]:
                credits = [(1 if true else -1) if name in some else 0 for name, true in zip(names, truths, strict=True)]
            else:
                credits = [int((name in some) == true) for name, true in zip(names, truths, strict=True)]
            expected.append(item_score(rule, credits, len(keys)))
        if all(abs(max(one, 0.0) - other) < 1e-3 for one, other in zip(shares, expected, strict=True)):
            return (None if rule == RULES[0] else rule), True
    return None, False
