"""The grammar of saved attempts, a line at a time: from rows of text to tokens with a kind.

Kinds are `question`, `points`, `option`, `verdict`, `feedback` (a label), `answer` and `chosen` (a label and what it
says), `noise`, `blank`, `code` (a row of a listing, as it is) and `text`.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from grader.formats.attempt import marks
from grader.formats.reading.spelling import FENCE, PYTHON

QUOTED = re.compile(r"^ {0,3}>[ ]?")
TAG = re.compile(
    r"</?(?:p|div|span|br|li|ul|ol|font|label|section|article|h[1-6]|hr|u|td|tr|table)(?:\s[^<>]*)?/?>", re.I
)
BOLD_TAG = re.compile(r"</?(?:b|strong)>", re.I)
STRONG = re.compile(
    rf"^\s*(?:[-*•+]\s+)?(?:#{{1,6}}\s+)?\**\s*(?:(?P<same>\d{{1,4}})[.):]\s*\**\s*)?(?:(?:{marks.QUESTION})\s*#?\s*|Q\s?)"
    r"(?P<number>\d{1,4})(?:\s*(?:of|/|von|sur|de|di|van)\s*\d{1,4})?(?P<end>[.):]|\s*[-–—]\s|\**\s*$|\**\s)\s*\**\s*(?P<text>.*)$",
    re.IGNORECASE,
)
WEAK = re.compile(r"^\s{0,3}(?:#{1,6}\s+)?\**(?P<number>\d{1,4})[.):]\**(?:\s+(?P<text>\S.*))?$")
NUMBER = r"\d{1,4}(?:[.,]\d{1,6})?"
POINTS = re.compile(
    rf"^\s*[\[(]?\**(?P<earned>{NUMBER})\s*(?:/|out of|von|sur|de|di|van)\s*(?P<of>{NUMBER})\s*"
    rf"(?:{marks.POINT})?\(?s?\)?\**[\])]?\s*$|"
    rf"^\s*\**(?:Mark|Marks|Points|Erreichte Punkte|Note(?: de)?|Score)\s*:?\s*(?P<mark>{NUMBER})\s*"
    r"(?:/|out of|von|sur|de)\s*"
    rf"(?P<most>{NUMBER})\**\s*$",
    re.IGNORECASE,
)
BOX = re.compile(
    rf"^\s*(?:[-*•+]\s+|[A-Ha-h][.)]\s+)?(?:(?P<sign>[{marks.SIGNS}])\ufe0f?|"
    r"[\[(](?P<mark>[ xX*]?)[\])](?!\())\s+(?P<text>\S.*)$"
)
AFTER = re.compile(rf"^(?P<text>.*\S)\s*(?P<sign>[{marks.RIGHT}{marks.WRONG}])\ufe0f?\s*\**$")
BULLET = re.compile(r"^\s*[-*•+]\s+(?P<text>\S.*)$")
LETTER = re.compile(r"^\s*(?:[-*•+]\s+)?(?P<bold>\**)\(?(?P<letter>[A-Ha-h])[.):]\**\s+(?P<text>\S.*)$")
BOLD = re.compile(r"^(\*\*|__)(?P<text>(?:(?!\1).)+)\1$")
VERDICT = re.compile(
    rf"^\s*\**\s*(?:[{marks.RIGHT}{marks.WRONG}×]\ufe0f?\s*)?\**\s*"
    rf"(?P<word>(?P<partly>{marks.PARTLY})|(?P<wrong>{marks.INCORRECT})|(?P<right>{marks.CORRECT}))"
    r"\**\s*(?:[.!]?\s*\**\s*$|[.!:]\**\s+(?P<rest>\S.*)$)",
    re.IGNORECASE,
)
LABEL = re.compile(
    rf"^\s*\**(?:(?P<feedback>{marks.FEEDBACK})|(?P<chosen>{marks.CHOSEN})|(?P<answer>{marks.ANSWER}))\**\s*:\**\s*(?P<text>.*)$",
    re.IGNORECASE,
)
LISTED = re.compile(r"^\s{0,4}(?P<number>\d{1,3})(?:(?:[ \t]|[ \t]?[|:][ \t]?)(?P<text>.*))?$")


@dataclass(frozen=True)
class Token:
    """One row. `mark` is ticked, empty, right, wrong or nothing; `style` says how an option is made known."""

    kind: str
    line: int
    text: str = ""
    mark: str = ""
    style: str = ""
    number: int = 0
    points: tuple[float, float] | None = None
    quoted: bool = False
    strong: bool = False


def tokens(rows: Sequence[str]) -> Iterator[Token]:
    """The tokens of a file; numbers that were pasted with a listing go, and its rows become one between fences."""
    fence = ""
    for number, raw in _listed(rows):
        quoted = bool(QUOTED.match(raw))
        row = QUOTED.sub("", raw) if quoted else raw
        found = FENCE.match(row)
        if fence or found:
            ended = bool(fence and found and found[1].startswith(fence) and not found[2])
            fence = "" if ended else fence or (found[1] if found else "")
            yield Token("code", number, row.rstrip(), quoted=quoted)
            continue
        yield _token(number, _cleaned(row), quoted)


def _cleaned(row: str) -> str:
    """A row without remains of HTML, outside of code."""
    parts = re.split(r"(`[^`]*`|\$[^$]*\$)", row)
    for place in range(0, len(parts), 2):
        said = BOLD_TAG.sub("**", TAG.sub(" ", parts[place]))
        parts[place] = html.unescape(said).replace("\xa0", " ") if "&" in said or "\xa0" in said else said
    return "".join(parts)


def _token(line: int, row: str, quoted: bool) -> Token:
    if not row.strip() or row.strip() in ("-", "*", "•", "+", "–"):
        return Token("blank", line, quoted=quoted)
    if row.strip(" *.").casefold() in marks.NOISE:
        return Token("noise", line, row, quoted=quoted)
    if found := POINTS.match(row):
        earned, of = found["earned"] or found["mark"], found["of"] or found["most"]
        if re.search(r"[A-Za-z]", row):
            return Token("points", line, row, points=(_float(earned), _float(of)), quoted=quoted)
    if (found := STRONG.match(row)) and _one_question(found):
        return Token(
            "question", line, _unbold(row, found["text"]), number=int(found["number"]), quoted=quoted, strong=True
        )
    if found := VERDICT.match(row):
        kind = "right" if found["right"] else "wrong" if found["wrong"] else "partly"
        return Token("verdict", line, found["rest"] or "", kind, found["word"].casefold(), quoted=quoted)
    if found := LABEL.match(row):
        kind = "feedback" if found["feedback"] else "chosen" if found["chosen"] else "answer"
        return Token(kind, line, found["text"].strip(" *"), quoted=quoted)
    if found := WEAK.match(row):
        return Token(
            "question", line, (found["text"] or "").rstrip(), number=int(found["number"]), style=row, quoted=quoted
        )
    return _option(line, row, quoted) or Token("text", line, row.rstrip(), quoted=quoted)


def _one_question(found: re.Match[str]) -> bool:
    """Whether `Question 3` is one's number, and no words of a text such as "Question 3 asked for the loss."."""
    return (not found["same"] or found["same"] == found["number"]) and (
        bool(found["end"].strip()) or not found["text"] or "**" in found[0] or found[0].lstrip().startswith("#")
    )


def _unbold(row: str, text: str) -> str:
    said = text.strip()
    return said.removesuffix("**").rstrip() if row.count("**") % 2 == 0 and said.count("**") % 2 else said


def _option(line: int, row: str, quoted: bool) -> Token | None:
    if found := BOX.match(row):
        sign = found["sign"] or ("●" if (found["mark"] or "").strip() else "○")
        return Token("option", line, found["text"].rstrip(), mark_of(sign), "box", quoted=quoted)
    said, mark = row, ""
    if found := AFTER.match(row):
        said, mark = found["text"], mark_of(found["sign"])
    if found := LETTER.match(said):
        text = found["text"].rstrip()
        bold = (bool(found["bold"]) and text.endswith("**")) or BOLD.match(text)
        text = text.strip("*").rstrip() if bold else text
        return Token(
            "option",
            line,
            text,
            mark or ("ticked" if bold else ""),
            "letter",
            ord(found["letter"].upper()) - 64,
            quoted=quoted,
        )
    if found := BULLET.match(said):
        text = found["text"].rstrip()
        bold = BOLD.match(text)
        return Token(
            "option", line, bold["text"] if bold else text, mark or ("ticked" if bold else ""), "bullet", quoted=quoted
        )
    if mark:
        return Token("option", line, said.strip(), mark, "box", quoted=quoted)
    return None


def mark_of(sign: str) -> str:
    """What a sign says."""
    for name, signs in (
        ("empty", marks.EMPTY),
        ("ticked", marks.TICKED),
        ("right", marks.RIGHT),
        ("wrong", marks.WRONG),
    ):
        if sign in signs:
            return name
    return ""


def _float(text: str) -> float:
    return float(text.replace(",", "."))


def _listed(rows: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Rows with their numbers; a listing that was pasted with numbers of its own loses them and gets fences."""
    place = 0
    fence = ""
    while place < len(rows):
        found = FENCE.match(QUOTED.sub("", rows[place]))
        if found:
            fence = ("" if found[1].startswith(fence) and not found[2] else fence) if fence else found[1]
        count = 0 if fence or found else _pasted(rows[place : place + 400])
        if not count:
            yield place + 1, rows[place]
            place += 1
            continue
        quoted = "> " if QUOTED.match(rows[place]) else ""
        yield place + 1, f"{quoted}```"
        for row in rows[place : place + count]:
            match = LISTED.match(QUOTED.sub("", row))
            place += 1
            yield place, quoted + ((match["text"] or "") if match else "")
        yield place, f"{quoted}```"


def _pasted(rows: Sequence[str]) -> int:
    """How many rows from the first are a listing with its numbers in front: two at least, from 1 on, of code."""
    texts = []
    for number, row in enumerate(rows, start=1):
        match = LISTED.match(QUOTED.sub("", row))
        if match is None or int(match["number"]) != number:
            break
        texts.append(match["text"] or "")
    code = sum(1 for text in texts if PYTHON.search(text) or re.search(r"[=;{}]|\w\(", text))
    return len(texts) if len(texts) >= 2 and code >= 1 and any(texts) else 0
