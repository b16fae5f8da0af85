"""From what was typed to the one spelling that is compared: numbers rounded, texts folded, choices as they are."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal

from labkit.quiz.numbers import as_recorded, bare, meanings, shortest

MAX_ANSWER = 2000
LARGEST_EXPONENT = 30
EXACT = Context(prec=120)


@dataclass(frozen=True)
class Reading:
    """An answer as it is compared; or, when it cannot be read, a `problem` to show to the student.

    `meant` are the two numbers of which the student has to say which is meant.
    """

    answer: str
    problem: str = ""
    meant: tuple[str, ...] = ()


def read_answer(
    kind: str, raw: str, *, decimals: int = 0, unit: str = "", case: bool = False, code: bool = False
) -> Reading:
    """The one spelling of an answer to a part of `kind`, as it is typed. An empty one stays empty; nothing is raised.

    number: comma or point, groups of three digits, any minus sign, an exponent, the unit behind it or not; rounded half
    to even to `decimals`, in fixed notation, never −0. A comma before a single group of three is asked about: `4,480`
    may be 4480 or 4.48. text: NFC, trimmed, white space inside collapsed, case folded unless `case`. A text of `code`
    keeps its lines and the spaces inside them. choice and check: as it is.
    """
    if len(raw) > MAX_ANSWER:
        return Reading("", f"This answer has {len(raw)} characters; at most {MAX_ANSWER} are read.")
    if kind == "number":
        return _number(raw, decimals, unit)
    if kind == "text":
        return Reading(_code(raw, case) if code else _text(raw, case))
    return Reading(raw)


def to_record(kind: str, raw: str, *, unit: str = "") -> str:
    """An answer as an attempt records it, so that `read_recorded` reads it as `read_answer` reads what was typed.

    It is what was typed, but for numbers that a record reads otherwise: `1,234,567` becomes 1234567. A number of which
    it was not said what it means is no number in the record either: `4,480` becomes `4,480 (4480 or 4.48?)`.
    """
    if kind != "number":
        return raw
    text = bare(raw, unit)
    found = meanings(text)
    if len(found) > 1:
        return f"{raw.strip()} ({_either(found)})"
    return found[0] if found and as_recorded(text) != found[0] else raw


def read_recorded(
    kind: str, recorded: str, *, decimals: int = 0, unit: str = "", case: bool = False, code: bool = False
) -> str:
    """The one spelling of an answer in an attempt's record, old or new; empty if it cannot be read."""
    if kind != "number" or len(recorded) > MAX_ANSWER:
        return read_answer(kind, recorded, decimals=decimals, unit=unit, case=case, code=code).answer
    number = as_recorded(bare(recorded, unit))
    return _rounded(number, recorded, decimals).answer if number else ""


def fixed_notation(value: Decimal | float | int, decimals: int) -> str:
    """A finite number rounded half to even to `decimals`, as `read_answer` spells it: 1e-9 to 2 decimals is 0.00."""
    exact = Decimal(repr(float(value))) if isinstance(value, float) else Decimal(value)
    rounded = exact.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_EVEN, context=EXACT)
    return f"{abs(rounded) if rounded == 0 else rounded:f}"


def _number(raw: str, decimals: int, unit: str) -> Reading:
    text = bare(raw, unit)
    found = meanings(text)
    if len(found) > 1:
        said = f"{_shown(raw)} may be two numbers: {_either(found)} Write the one that you mean, without the comma."
        return Reading("", said, tuple(shortest(number) for number in found))
    if found:
        return _rounded(found[0], raw, decimals)
    return Reading("", f"{_shown(raw)} is no number. Write it like 1234.5 or -0,25 or 1.5e-3." if text else "")


def _rounded(number: str, raw: str, decimals: int) -> Reading:
    value = Decimal(number)
    if value and abs(value.adjusted()) > LARGEST_EXPONENT:
        if value.adjusted() > 0:
            return Reading("", f"{_shown(raw)} is too large. Check the exponent.")
        value = Decimal(0)
    return Reading(fixed_notation(value, decimals))


def _either(numbers: tuple[str, ...]) -> str:
    return f"{' or '.join(shortest(number) for number in numbers)}?"


def _shown(raw: str) -> str:
    return repr(raw.strip()[:40])


def _text(raw: str, case: bool) -> str:
    text = " ".join(unicodedata.normalize("NFC", raw).split())
    return text if case else unicodedata.normalize("NFC", text.casefold())


def _code(raw: str, case: bool) -> str:
    lines = [line.rstrip() for line in unicodedata.normalize("NFC", raw).splitlines()]
    text = "\n".join(lines).strip("\n")
    return text if case else unicodedata.normalize("NFC", text.casefold())
