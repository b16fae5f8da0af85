"""Moodle's answers inside a text: `{1:SHORTANSWER:=right#feedback~wrong}`. See docs.moodle.org, "Embedded Answers"."""

from __future__ import annotations

import html as entities
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from grader.formats.moodle.fractions import ENOUGH, Graded, NotUnderstoodError, Stem, number_blank, typed_blank
from grader.formats.reading import prose
from grader.formats.reading.drafts import Drafts, ReadOption, choice
from grader.formats.reading.numbers import span_as_spelt
from grader.formats.reading.pictures import Picture, nowhere

START = re.compile(r"\{(\d{0,4}):([A-Z_]{2,20}):")
NUMERICAL = ("NUMERICAL", "NM")
SHORT = ("SHORTANSWER", "SA", "MW", "SHORTANSWER_C", "SAC", "MWC")
MENU = re.compile(r"(?:MULTICHOICE|MC)(?:_?[VH]?S?)?")
WEIGHT = re.compile(r"(?:=|%(-?\d{1,3}(?:[.,]\d{0,10})?)%)")
MAX_BLANKS = 50


@dataclass
class Found:
    """A text with spans for its blanks, what the blanks ask, and what they are worth together."""

    html: str
    blanks: dict[str, Any] = field(default_factory=dict)
    points: float = 0.0


def read_cloze(drafts: Drafts, name: str, line: int | None, html: str, picture: Picture = nowhere) -> Found | None:
    """Take the answers out of a text; None, and a note, if one of them cannot be read."""
    made, end = Found(""), 0
    weights: list[int] = []
    for start in START.finditer(html):
        if start.start() < end:
            continue
        close = _close(html, start.end())
        if close is None or len(weights) >= MAX_BLANKS:
            drafts.note(name, "cloze", f"the answers at {html[start.start() : start.start() + 40]!r} do not end", line)
            return None
        blank_name = f"b{len(weights) + 1}"
        try:
            blank = _blank(drafts, name, line, start[2], html[start.end() : close], blank_name, picture)
        except NotUnderstoodError as error:
            drafts.note(name, "cloze", f"blank {blank_name}: {error}; it is left out", line)
            return None
        if blank is None:
            return None
        weights.append(int(start[1] or 1))
        made.blanks[blank_name] = blank
        made.html += f'{html[end : start.start()]}<span {prose.BLANK}="{blank_name}"></span>'
        end = close + 1
    if not weights:
        drafts.note(name, "cloze", "a text without answers; it is left out", line)
        return None
    if len(set(weights)) > 1:
        drafts.note(name, "partial credit", f"its blanks weigh {weights}; here each counts the same", line)
    made.html += html[end:]
    made.points = float(min(100, sum(weights)) or 1)
    return made


def _close(html: str, start: int) -> int | None:
    """Where the brace of an answer closes: the first that no backslash escapes."""
    for found in re.compile(r"\}").finditer(html, start, start + 100_000):
        if html[found.start() - 1] != "\\":
            return found.start()
    return None


def _alternatives(code: str) -> Iterator[tuple[float, str, str]]:
    """Percent, answer and feedback of each alternative, as written.

    Raises:
        NotUnderstoodError: what should be a percent is none from -100 to 100.
    """
    for piece in re.split(r"(?<!\\)~", code):
        weight = WEIGHT.match(piece)
        percent = 0.0
        if weight:
            percent = 100.0 if weight[1] is None else float(weight[1].replace(",", "."))
        if abs(percent) > 100 or (weight is None and piece.startswith("%")):
            raise NotUnderstoodError(f"the weight of {piece[:40]!r} is no percent from -100 to 100")
        body = piece[weight.end() :] if weight else piece
        cut = re.search(r"(?<!\\)(?<!&)(?<!&amp;)#", body)
        if body:
            yield percent, body[: cut.start()] if cut else body, body[cut.end() :] if cut else ""


def _decoded(text: str) -> str:
    return entities.unescape(re.sub(r"\\([}#~/\"\\])", r"\1", text))


def _blank(
    drafts: Drafts, name: str, line: int | None, kind: str, code: str, blank: str, picture: Picture
) -> dict[str, Any] | None:
    def note(said: str) -> None:
        drafts.note(name, f"blank {blank}", said, line)

    stem = Stem(name, name, "", line)
    found = [
        (percent, _decoded(text), prose.to_markdown(_decoded(said), note, picture))
        for percent, text, said in _alternatives(code)
    ]
    if MENU.fullmatch(kind):
        right = [percent for percent, _, _ in found if percent > 0]
        if len(right) != 1 or right[0] < ENOUGH:
            said = f"blank {blank}: a menu has one option that earns all the marks, here {len(right)} earn {right}"
            drafts.note(name, "cloze", f"{said}; left out", line)
            return None
        return choice(
            [
                ReadOption(prose.to_markdown(text, note, picture, inline=True), percent >= ENOUGH, feedback)
                for percent, text, feedback in found
            ]
        )
    if kind in SHORT:
        graded = [Graded(percent, text, feedback) for percent, text, feedback in found]
        return typed_blank(drafts, stem, graded, kind in SHORT[3:], f"blank {blank}: ")
    if kind in NUMERICAL:
        numbers = []
        for percent, text, feedback in found:
            value, colon, margin = text.strip().partition(":")
            span = span_as_spelt(value, margin if colon else "0")
            if span is None and text.strip() != "*":
                note(f"{text[:40]!r} is no number; " + ("the question" if percent > 0 else "it") + " is left out")
                if percent > 0:
                    return None
                continue
            numbers.append(Graded(percent, text, feedback, span))
        made = number_blank(drafts, stem, numbers, what=f"blank {blank}: ")
        return None if made is None else {"kind": "number"} | made
    drafts.note(name, "cloze", f"answers of the kind {kind}, which our banks do not have; it is left out", line)
    return None
