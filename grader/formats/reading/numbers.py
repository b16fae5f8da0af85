"""Numbers with a margin, as other systems have them, and numbers with decimals, as ours: from one to the other."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal, InvalidOperation
from typing import Any

from grader.formats.reading.drafts import MISCONCEPTION, NO_FEEDBACK
from grader.quizzes.rendered import RenderedPart
from labkit.quiz.numbers import MINUS, meanings

MOST = 15  # numbers of a blank that have a verdict of their own, as the sealed file allows
EXACT = Context(prec=80)
SPELLING = re.compile(r"[+-]?(?:[0-9]{1,30}(?:\.[0-9]{0,30})?|\.[0-9]{1,30})(?:[eE][+-]?[0-9]{1,2})?")
LARGEST = Decimal(10) ** 30


@dataclass(frozen=True)
class Span:
    """All numbers from `low` to `high`."""

    low: Decimal
    high: Decimal

    @property
    def middle(self) -> Decimal:
        """The number half-way."""
        return EXACT.divide(EXACT.add(self.low, self.high), Decimal(2))

    @property
    def margin(self) -> Decimal:
        """How far the ends are from the middle."""
        return EXACT.divide(EXACT.subtract(self.high, self.low), Decimal(2))


def read_decimal(text: str) -> Decimal | None:
    """A number as it is spelt elsewhere; None if it is none, may be two (`4,480`), or is beyond what our banks take."""
    spelt = text.strip().translate(MINUS)
    if not SPELLING.fullmatch(spelt):
        found = meanings(spelt)
        spelt = found[0] if len(found) == 1 else ""
    if not SPELLING.fullmatch(spelt):
        return None
    try:
        value = Decimal(spelt)
    except InvalidOperation:
        return None
    return value if abs(value) <= LARGEST else None


def span_as_spelt(value: str, margin: str = "0") -> Span | None:
    """The numbers within a margin of a value; None if one of the two is no number, or the margin less than 0."""
    middle, reach = read_decimal(value), read_decimal(margin)
    return None if middle is None or reach is None or reach < 0 else around(middle, reach)


def around(value: Decimal, margin: Decimal) -> Span:
    """From a value and a margin to its span."""
    return Span(EXACT.subtract(value, abs(margin)), EXACT.add(value, abs(margin)))


def spans(part: RenderedPart) -> list[tuple[Span, bool, str]]:
    """What a part accepts or knows to be wrong, as spans of what may be typed: (span, whether right, feedback).

    An answer is rounded to the part's decimals before it is compared, so each listed number stands for all that round
    to it, and neighbours that are right make one span.
    """
    half = Decimal(5).scaleb(-part.decimals - 1)
    right = sorted(Decimal(answer.answer) for answer in part.answers if answer.credit > 0)
    feedback = next((answer.feedback for answer in part.answers if answer.credit > 0), "")
    found: list[tuple[Span, bool, str]] = []
    for number in right:
        if found and found[-1][0].high >= number - half:
            found[-1] = (Span(found[-1][0].low, number + half), True, feedback)
        else:
            found.append((Span(number - half, number + half), True, feedback))
    wrong = [(Decimal(answer.answer), answer.feedback) for answer in part.answers if answer.credit <= 0]
    return found + [(Span(number - half, number + half), False, said) for number, said in wrong]


def fixed(number: Decimal) -> str:
    """A number without an exponent and without needless noughts."""
    text = f"{number:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text


def number(
    right: Span,
    wrong: Sequence[tuple[Span, str]],
    feedback: str,
    otherwise: str,
    unit: str = "",
    label: str = "",
) -> tuple[dict[str, Any], list[str]]:
    """A number to type, as a bank says it; and in words what about it had to be changed."""
    notes = []
    decimals, count = _grid(right, MOST - len(wrong))
    if count is None:
        decimals, told = _nearest(right, MOST - len(wrong))
        notes += [told] if told else []
    made: dict[str, Any] = {"value": _float(right.middle), "decimals": decimals}
    if count is None and right.margin > Decimal(5).scaleb(-decimals - 1):
        made["tolerance"] = float(right.margin)
    elif count is not None and count > 1:
        made["tolerance"] = float(Decimal(count - 1) / 2 * Decimal(1).scaleb(-decimals))
    if unit:
        made["unit"] = unit
    told_wrong = []
    for span, said in wrong:
        if span.margin and _grid(span, 1) != (decimals, 1):
            notes.append(f"the margin of the wrong number {fixed(span.middle)} is half a unit of the last decimal")
        told_wrong.append(
            {"value": _float(span.middle), "misconception": MISCONCEPTION, "feedback": said or NO_FEEDBACK}
        )
    if told_wrong:
        made["wrong"] = told_wrong
    made |= {"feedback": feedback or NO_FEEDBACK, "otherwise": otherwise or NO_FEEDBACK}
    return made | ({"label": label} if label else {}), notes


def _float(value: Decimal) -> float | int:
    whole = value == value.to_integral_value() and abs(value) < 2**53
    return int(value) if whole else float(value)


def _grid(span: Span, most: int) -> tuple[int, int | None]:
    """Decimals and count of the rounded numbers that stand for exactly this span; (0, None) if there are none."""
    for decimals in range(9):
        unit = Decimal(1).scaleb(-decimals)
        count = EXACT.divide(EXACT.subtract(span.high, span.low), unit)
        first = EXACT.divide(EXACT.add(span.low, unit / 2), unit)
        if count >= 1 and count == count.to_integral_value() and first == first.to_integral_value():
            return (decimals, int(count)) if count <= most else (0, None)
    return 0, None


def _nearest(span: Span, most: int) -> tuple[int, str]:
    """Decimals at which the numbers in a span are one or more, but not too many to list; and what that changes."""
    if not span.margin:
        exponent = span.middle.normalize().as_tuple().exponent
        decimals = min(8, max(0, -int(exponent)))
        return (
            decimals,
            f"only exactly {fixed(span.middle)} was right; now what rounds to it does, with {decimals} decimals",
        )
    best = 8
    for decimals in range(8, -1, -1):
        unit = Decimal(1).scaleb(-decimals)
        low = EXACT.divide(span.low, unit).to_integral_value(ROUND_CEILING)
        high = EXACT.divide(span.high, unit).to_integral_value(ROUND_FLOOR)
        if 1 <= high - low + 1 <= most:
            best = decimals
            break
    said = f"from {fixed(span.low)} to {fixed(span.high)} was right; now answers are rounded to {best} decimals first"
    return best, said
