"""From what was typed to the one spelling that is compared: numbers rounded, texts folded, choices as they are."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal

MAX_ANSWER = 2000
MAX_NUMBER = 40
LARGEST_EXPONENT = 30
NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:[.,][0-9]*)?|[.,][0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
MINUS = dict.fromkeys((0x2212, 0x2013, 0xFE63, 0xFF0D), "-")  # minus, en dash, small and full-width hyphen
EXACT = Context(prec=120)


@dataclass(frozen=True)
class Reading:
    """An answer as it is compared; or, when it cannot be read, a `problem` to show to the student."""

    answer: str
    problem: str = ""


def read_answer(
    kind: str, raw: str, *, decimals: int = 0, unit: str = "", case: bool = False, code: bool = False
) -> Reading:
    """The one spelling of an answer to a part of `kind`. An empty answer stays empty; nothing is ever raised.

    number: comma or point, any minus sign, an exponent, the unit behind it or not; rounded half to even to `decimals`,
    in fixed notation, never −0. text: NFC, trimmed, white space inside collapsed, case folded unless `case`. A text of
    `code` keeps its lines and the spaces inside them. choice and check: as it is.
    """
    if len(raw) > MAX_ANSWER:
        return Reading("", f"This answer has {len(raw)} characters; at most {MAX_ANSWER} are read.")
    if kind == "number":
        return _number(raw, decimals, unit)
    if kind == "text":
        return Reading(_code(raw, case) if code else _text(raw, case))
    return Reading(raw)


def fixed_notation(value: Decimal | float | int, decimals: int) -> str:
    """A finite number rounded half to even to `decimals`, as `read_answer` spells it: 1e-9 to 2 decimals is 0.00."""
    exact = Decimal(repr(float(value))) if isinstance(value, float) else Decimal(value)
    rounded = exact.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_EVEN, context=EXACT)
    return f"{abs(rounded) if rounded == 0 else rounded:f}"


def _number(raw: str, decimals: int, unit: str) -> Reading:
    text = unicodedata.normalize("NFC", raw).strip().translate(MINUS)
    if unit and text.endswith(unit):
        text = text[: -len(unit)].strip()
    text = re.sub(r"^([+-])\s+", r"\1", text)
    if not text:
        return Reading("")
    if not NUMBER.fullmatch(text) or len(text) > MAX_NUMBER:
        return Reading("", f"{raw.strip()[:40]!r} is no number. Write it like 1234.5 or -0,25 or 1.5e-3.")
    value = Decimal(text.replace(",", "."))
    if value and abs(value.adjusted()) > LARGEST_EXPONENT:
        if value.adjusted() > 0:
            return Reading("", f"{raw.strip()[:40]!r} is too large. Check the exponent.")
        value = Decimal(0)
    return Reading(fixed_notation(value, decimals))


def _text(raw: str, case: bool) -> str:
    text = " ".join(unicodedata.normalize("NFC", raw).split())
    return text if case else unicodedata.normalize("NFC", text.casefold())


def _code(raw: str, case: bool) -> str:
    lines = [line.rstrip() for line in unicodedata.normalize("NFC", raw).splitlines()]
    text = "\n".join(lines).strip("\n")
    return text if case else unicodedata.normalize("NFC", text.casefold())
