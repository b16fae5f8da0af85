"""What is typed, as other systems compare it: numbers that round to an accepted one, and accepted texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from grader.quizzes.keyed import Answer
from grader.quizzes.rendered import RenderedPart


@dataclass(frozen=True)
class Span:
    """Numbers from `low` to `high`, and what is said about them. The exact ends may be read either way."""

    low: Decimal
    high: Decimal
    feedback: str

    @property
    def middle(self) -> Decimal:
        """The number half-way."""
        return plain((self.low + self.high) / 2)

    @property
    def reach(self) -> Decimal:
        """The distance from the middle to either end."""
        return plain((self.high - self.low) / 2)


def accepted(part: RenderedPart) -> Span:
    """What rounds to an accepted number: they are neighbours, so it is one span."""
    numbers = [Decimal(answer.answer) for answer in right_answers(part)]
    half = half_unit(part.decimals)
    return Span(plain(min(numbers) - half), plain(max(numbers) + half), right_answers(part)[0].feedback)


def known_wrong(part: RenderedPart) -> tuple[Span, ...]:
    """What rounds to a number that a known mistake gives, one span a mistake."""
    half = half_unit(part.decimals)
    wrong = [(Decimal(answer.answer), answer.feedback) for answer in part.answers if answer.credit < 1]
    return tuple(Span(plain(number - half), plain(number + half), feedback) for number, feedback in wrong)


def right_answers(part: RenderedPart) -> Sequence[Answer]:
    """The typed answers that are right, the one to show first."""
    return [answer for answer in part.answers if answer.credit == 1]


def half_unit(decimals: int) -> Decimal:
    """Half a unit of the last decimal."""
    return Decimal(5).scaleb(-decimals - 1)


def plain(number: Decimal) -> Decimal:
    """The number without needless zeros, and without an exponent when it is written."""
    short = number.normalize()
    return short.quantize(Decimal(1)) if short == short.to_integral() else short
