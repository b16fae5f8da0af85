"""A paragraph on its way to Markdown: pieces of text, code and emphasis, escaped when all of them are known."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from grader.formats.reading.spelling import SPACE, code_span, escape, lines
from grader.quizzes.markup import to_inline


@dataclass
class Line:
    """Pieces of a paragraph, in order: `text`, to be escaped when it is whole; `code`; `open` and `close` of emphasis,
    with its sign; and `ready` Markdown.
    """

    pieces: list[tuple[str, str]] = field(default_factory=list)

    def add(self, kind: str, said: str) -> None:
        """Add a piece; neighbours that Markdown cannot keep apart become one."""
        before = self.pieces[-1] if self.pieces else ("", "")
        if kind in ("text", "code") and before[0] == kind:
            self.pieces[-1] = (kind, before[1] + said)
        elif kind == "open" and before == ("close", said):
            self.pieces.pop()
        elif said:
            self.pieces.append((kind, said))

    def text(self, said: str) -> None:
        """Add text."""
        self.add("text", SPACE.sub(" ", said))

    def ready(self, markdown: str) -> None:
        """Add Markdown."""
        self.add("ready", markdown)

    def markdown(self) -> str:
        """The paragraph; white space as HTML shows it, breaks as they are. Emphasis that Markdown cannot say goes."""
        pieces = _outside(self.pieces)
        made = _whole(pieces)
        if any(kind == "open" for kind, _ in pieces):
            shown = to_inline(made)
            wanted = [sum(piece == ("open", sign) for piece in pieces) for sign in ("*", "**")]
            if [shown.count("<em>"), shown.count("<strong>")] != wanted:
                return _whole([piece for piece in pieces if piece[0] not in ("open", "close")])
        return made


def _outside(pieces: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """White space at the ends of emphasis goes outside, and emphasis of nothing goes."""
    made = list(pieces)
    place = 0
    while place < len(made) - 1:
        (kind, said), (following, text) = made[place], made[place + 1]
        if kind == "open" and following == "close":
            del made[place : place + 2]
            place = max(0, place - 2)
        elif kind == "open" and following == "text" and text[0] == " ":
            made[place : place + 2] = [("text", " "), (kind, said), *([("text", text[1:])] if text[1:] else [])]
            place = max(0, place - 1)
        elif kind == "text" and following == "close" and said[-1] == " ":
            made[place : place + 2] = [*([("text", said[:-1])] if said[:-1] else []), (following, text), ("text", " ")]
            place = max(0, place - 1)
        else:
            place += 1
    return made


def _whole(pieces: list[tuple[str, str]]) -> str:
    line = Line()
    for kind, said in pieces:
        line.add(kind, said)
    write = {"text": escape, "code": code_span}
    made = "".join(write[kind](said) if kind in write else said for kind, said in line.pieces)
    rows = [re.sub(r" +", " ", row) if "`" not in row and "$" not in row else row for row in made.split("\n")]
    rows = [row.strip(" ") for row in rows if row.strip(" ") not in ("", "\\")]
    return re.sub(r"(?<!\\)\\$", "", lines("\n".join(rows)))
