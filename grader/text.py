"""The one door for text of strangers: what students, their files and their kernels say, made fit for people and files.

Whatever came through `student_text` or `student_lines` has a type of its own, `StudentText`: it holds no lone
surrogate, which no file and no database can store, no control character, which a terminal would obey, and no
bidirectional override, which shows words in another order than they stand (Unicode Technical Report 36, section 2.10),
and it is bounded. What is printed, or written to CSV, HTML, JSON or a database, is of that type. Answers and notebooks
that are only scored or executed stay as they came.
"""

from __future__ import annotations

from typing import NewType

StudentText = NewType("StudentText", str)
"""Text that passed the door; see `student_text`."""

NO_TEXT = StudentText("")
MAX_TEXT = 400
MAX_LINES_TEXT = 20_000
ODD = "\N{REPLACEMENT CHARACTER}"
CUT = "…"
JOINERS = "\u200c\u200d"  # letters of Persian and Indic scripts, and emoji, are joined by these
BIDI = {*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C}
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def student_text(value: object, most: int = MAX_TEXT) -> StudentText:
    """One line of a stranger's text, at most `most` characters long.

    Spaces of all kinds and ends of lines become a space; what cannot be shown becomes U+FFFD; what is no text is told
    as Python writes it, without ever running code of the value's own.
    """
    text = _as_text(value, most)
    return StudentText(_cut("".join(map(_sign, text[: most + 1])), most))


def student_lines(value: object, most: int = MAX_LINES_TEXT) -> StudentText:
    """Text of several lines, such as a comment, an output or an answer: as `student_text`, but lines and tabs stay."""
    text = _as_text(value, most).replace("\r\n", "\n").replace("\r", "\n")
    return StudentText(_cut("".join(c if c in "\n\t" else _sign(c) for c in text[: most + 1]), most))


def is_student_text(text: str, most: int = MAX_TEXT) -> bool:
    """Whether `text` passes the door unchanged, as a name that is used as it stands has to."""
    return text == student_text(text, most)


def defused(value: object) -> object:
    """A value for a cell of a CSV file: text that a spreadsheet would calculate gets an apostrophe in front.

    A number stays one. See OWASP, "CSV Injection".
    """
    if not isinstance(value, str) or not value.startswith(FORMULA):
        return value
    try:
        float(value)
    except ValueError:
        return f"'{value}"
    return value


def _as_text(value: object, most: int) -> str:
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, bytes):
        return value[: 4 * most + 4].decode("utf-8", "replace")
    if value is None or isinstance(value, bool | int | float):
        return repr(value) if not isinstance(value, int) or abs(value) < 10**most else "a very long number"
    return f"a {type(value).__name__}"


def _sign(character: str) -> str:
    if character.isprintable() or character in JOINERS:
        return character
    if ord(character) in BIDI:
        return ODD
    return " " if character.isspace() and character not in "\x1c\x1d\x1e\x1f\x85" else ODD


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + CUT
