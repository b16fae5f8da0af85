"""What is typed, as other systems compare it: numbers that round to an accepted one, and accepted texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import zip_longest

from grader.formats.model.registry import Losses
from grader.quizzes.keyed import Answer
from grader.quizzes.rendered import RenderedBank, RenderedPart

UNLISTED = "numbers are compared as texts: {} are listed; others, such as 1e-1 or one with more decimals, are wrong"
POINT_ONLY = "reads numbers with a point and a hyphen; 0,693 and 4 480 and a Unicode minus are refused or wrong"


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


def accepted_range(part: RenderedPart, answer: Answer | None = None) -> tuple[Decimal, Decimal, bool, bool]:
    """The numbers that round to an accepted one, or to `answer`: from, to, and whether both ends belong to them.

    Answers are rounded half to even, so an end belongs to the range if the even neighbour does.
    """
    unit = Decimal(1).scaleb(-part.decimals)
    accepted = [Decimal(known.answer) for known in part.answers if known.credit] if answer is None else []
    least, most = (min(accepted), max(accepted)) if answer is None else (Decimal(answer.answer),) * 2
    even_least, even_most = (int(end / unit) % 2 == 0 for end in (least, most))
    return least - unit / 2, most + unit / 2, even_least, even_most


def plain(number: Decimal) -> Decimal:
    """The number without needless zeros, and without an exponent when it is written."""
    short = number.normalize()
    return short.quantize(Decimal(1)) if short == short.to_integral() else short


def say_point_only(bank: RenderedBank, losses: Losses, system: str) -> None:
    """Note what a system that reads numbers itself does not read, if the bank asks for numbers."""
    if any(part.kind == "number" for item in bank.items for variant in item.variants for part in variant.parts):
        losses.add("", "numbers", f"{system} {POINT_ONLY}")


# Where numbers are compared as texts ------------------------------------------------------------------------------


def spellings(part: RenderedPart, most: int) -> list[str]:
    """How people write the accepted numbers, the likelier spellings first, at most `most` of them.

    0.10 → 0.10, 0.1, .10, .1, 0,10, 0,1 …, 0.100; with a hyphen and a minus sign; 4480 also as 4,480 and 4 480; then
    all of them with the unit behind.
    """
    each = [_spelt(answer.answer, part.decimals) for answer in right_answers(part)]
    bare = [text for several in zip_longest(*each) for text in several if text is not None]
    behind = [f"{text}{gap}{part.unit}" for gap in (" ", "") for text in bare] if part.unit else []
    return list(dict.fromkeys([*bare, *behind]))[:most]


def listed(part: RenderedPart, texts: Sequence[str]) -> str:
    """How many spellings of a number are listed, in words for a report of losses."""
    every = len(spellings(part, 10**6))
    return UNLISTED.format(f"{len(texts)} of {every} usual spellings" if len(texts) < every else f"{every} spellings")


def _spelt(number: str, decimals: int) -> Iterator[str]:
    sign, digits = ("-", number[1:]) if number.startswith("-") else ("", number)
    whole, _, after = digits.partition(".")
    least = len(after.rstrip("0"))
    lengths = dict.fromkeys([decimals, least, *range(least, max(decimals, 1) + 2)])
    for minus in dict.fromkeys((sign, "−" if sign else "")):
        for point in ".,":
            for length in lengths:
                tail = after[:length].ljust(length, "0")
                if point == "," and (not tail or (whole != "0" and len(tail) == 3 and length > decimals)):
                    continue  # 3,000 is 3000 to most who write it
                yield f"{minus}{whole}{point}{tail}" if tail else f"{minus}{whole}"
                if whole == "0" and tail:
                    yield f"{minus}{point}{tail}"
        if len(whole) > 3:
            for mark, point in ((",", "."), (" ", "."), (" ", ",")):
                grouped = f"{minus}{int(whole):,}".replace(",", mark)
                yield from (
                    grouped + (f"{point}{tail}" if tail else "") for tail in dict.fromkeys((after, after[:least]))
                )
