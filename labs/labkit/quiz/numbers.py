"""Numbers as people type them: commas and points, groups of three digits, any minus sign, an exponent."""

from __future__ import annotations

import re
import unicodedata

MAX_NUMBER = 40
NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:[.,][0-9]*)?|[.,][0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
GROUPS = re.compile(
    r"(?P<sign>[+-]?)(?P<whole>[1-9][0-9]{0,2}(?P<mark>[,.' ])[0-9]{3}(?:(?P=mark)[0-9]{3})*)"
    r"(?:(?!(?P=mark))[.,](?P<after>[0-9]+))?(?P<power>(?:[eE][+-]?[0-9]{1,3})?)"
)
MINUS = dict.fromkeys((0x2212, 0x2013, 0xFE63, 0xFF0D), "-")  # minus, en dash, small and full-width hyphen
SPACES = dict.fromkeys((0xA0, 0x2007, 0x2008, 0x2009, 0x200A, 0x202F), " ")  # that stand between groups of digits
APOSTROPHES = dict.fromkeys((0x2019, 0x02BC), "'")


def bare(raw: str, unit: str) -> str:
    """What was typed, without the unit and spaces around it, with `-` for any minus sign."""
    text = unicodedata.normalize("NFC", raw).strip().translate(MINUS)
    if unit and text.endswith(unit):
        text = text[: -len(unit)].strip()
    return re.sub(r"^([+-])\s+", r"\1", text)


def as_recorded(text: str) -> str:
    """The number in an attempt's record, with a point; empty if it is none. A comma is a decimal comma there.

    This reading never changes, so that attempts keep their scores: `4,480` in a record is 4.48.
    """
    return text.replace(",", ".") if NUMBER.fullmatch(text) and len(text) <= MAX_NUMBER else ""


def meanings(text: str) -> tuple[str, ...]:
    """The numbers that a text may stand for, with a point and without groups: one, or none; two where it is unclear.

    `4,480.5` → 4480.5; `1.234.567,5` → 1234567.5; `4 480` and `4'480` → 4480; `0,693` → 0.693, as no group begins with
    0; `4.480` → 4.480, as a point alone is a decimal point. A comma before a single group may be either: `4,480` →
    4480, 4.480.
    """
    plain = as_recorded(text)
    found = GROUPS.fullmatch(text.translate(SPACES | APOSTROPHES)) if len(text) <= MAX_NUMBER else None
    if found is None or (plain and found["mark"] == "."):
        return (plain,) if plain else ()
    whole = found["whole"].replace(found["mark"], "")
    after = f".{found['after']}" if found["after"] else ""
    grouped = f"{found['sign']}{whole}{after}{found['power']}"
    return (grouped, plain) if plain else (grouped,)


def shortest(number: str) -> str:
    """A number with a point, without needless zeros after it: 4.480 → 4.48, 4.000e2 → 4e2."""
    found = re.fullmatch(r"([^.eE]*)(\.[0-9]*)?([eE].*)?", number)
    if found is None:
        return number
    return f"{found[1]}{(found[2] or '').rstrip('0').rstrip('.')}{found[3] or ''}"
