"""Graded attempts saved as text: numbered questions, options with boxes, verdicts, feedback, and the grade."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from grader.export.readers.drafts import Attempt, Draft, Drafts, ReadOption, options
from grader.export.readers.spelling import FENCE, IMAGE, escape, mended

EMPTY, TICKED = "☐◯○⬜▢", "☒☑◉●✅🔘⬛▣"
OPTION = re.compile(
    rf"^\s{{0,8}}(?:[-*•+]\s+)?(?:(?P<sign>[{EMPTY}{TICKED}])\ufe0f?|[\[(](?P<mark>[ xX*]?)[\])])\s+(?P<text>\S.*)$"
)
QUESTION = re.compile(r"^\s{0,3}(?:#{1,6}\s+)?\**(?:Question\s+)?(?P<number>\d{1,4})[.):]\**\s+(?P<text>\S.*)$")
POINTS = re.compile(r"^\s*\**(?P<earned>\d{1,4}(?:\.\d{1,6})?)\s*/\s*(?P<of>\d{1,4}(?:\.\d{1,6})?)\s+points?\**\s*$")
VERDICT = re.compile(
    r"^\s*\**\s*(?:[✓✔✗✘⊗❌✅×☓]\ufe0f?\s*)?\**\s*"
    r"(?P<verdict>Correct|Incorrect|Partially correct|Not quite)[.!]?\s*\**\s*$",
    re.IGNORECASE,
)
GRADE = re.compile(r"Your (?:grade|score):?\s*\**\s*(\d{1,3}(?:\.\d{1,4})?)\s*%", re.IGNORECASE)
PASS = re.compile(r"To pass\D{0,40}?(\d{1,3}(?:\.\d{1,4})?)\s*%", re.IGNORECASE)
PICTURE = re.compile(r"\b(?:plots?|figures?|graphs?|diagrams?|pictures?|images?|charts?)\b", re.IGNORECASE)
SEVERAL = re.compile(r"\b(?:select|choose|check|mark) (?:all|every)\b|\ball that apply\b", re.IGNORECASE)


@dataclass
class _Option:
    ticked: bool
    rows: list[str]


@dataclass
class _Question:
    line: int
    number: int
    stem: list[str]
    points: tuple[float, float] | None = None
    options: list[_Option] = field(default_factory=list)
    verdict: str = ""
    feedback: list[str] = field(default_factory=list)


def looks_like(text: str) -> bool:
    """Whether a text has numbered questions and options with boxes."""
    rows = text.splitlines()
    return any(map(QUESTION.match, rows)) and sum(1 for row in rows if OPTION.match(row)) >= 2


def read(text: str, file: str) -> Draft:
    """Read a graded attempt.

    What was chosen and whether it was right tell the key of a question that was answered rightly, and of one with two
    options. In others the key stays open, and the report says so.
    """
    drafts = Drafts(file)
    rows = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    questions, head = _split(rows)
    grade = next((float(found[1]) / 100 for row in head if (found := GRADE.search(row))), None)
    passed = next((float(found[1]) / 100 for row in head if (found := PASS.search(row))), None)
    drafts.pass_mark = passed if passed is not None and passed <= 1 else None
    chosen: dict[str, tuple[int, ...]] = {}
    verdicts: dict[str, tuple[float, float]] = {}
    for question in questions:
        name = _item(drafts, question)
        if name is None:
            continue
        chosen[name] = tuple(number for number, option in enumerate(question.options) if option.ticked)
        if question.points is not None:
            verdicts[name] = question.points
        elif question.verdict in ("correct", "incorrect"):
            verdicts[name] = (float(question.verdict == "correct"), 1.0)
    return drafts.done(Attempt(chosen, verdicts, grade))


def _split(rows: Sequence[str]) -> tuple[list[_Question], list[str]]:
    """The questions, and the lines before the first. A number at the start of a line counts if it is the next one."""
    pointed = any(map(POINTS.match, rows))
    questions: list[_Question] = []
    head: list[str] = []
    fenced = ""
    for number, row in enumerate(rows):
        fence = FENCE.match(row)
        if fenced or (fence and questions):
            ended = bool(fence and fenced and fence[1].startswith(fenced) and not fence[2])
            opened = fence[1] if fence and not fenced else fenced
            fenced = "" if ended else opened
            _take(questions[-1], row.rstrip())
            continue
        start = QUESTION.match(row)
        following = next((later for later in rows[number + 1 : number + 12] if later.strip()), "")
        due = questions[-1].number + 1 if questions else None
        begins = start is not None and (due is None or int(start["number"]) == due)
        if start is not None and begins and (not pointed or POINTS.match(following) or _later(rows, number)):
            questions.append(_Question(number + 1, int(start["number"]), [start["text"].rstrip()]))
        elif questions:
            _take(questions[-1], row.rstrip())
        else:
            head.append(row)
    return questions, head


def _later(rows: Sequence[str], start: int) -> bool:
    """Whether the points of a question stand below a stem of several lines, before its options."""
    for row in rows[start + 1 : start + 60]:
        if POINTS.match(row):
            return True
        if OPTION.match(row) or QUESTION.match(row):
            return False
    return False


def _take(question: _Question, row: str) -> None:
    """One line of a question, by what came before it."""
    points, option, verdict = POINTS.match(row), OPTION.match(row), VERDICT.match(row)
    if points and question.points is None and not question.options:
        question.points = (float(points["earned"]), float(points["of"]))
    elif verdict and question.options and not question.verdict:
        question.verdict = verdict["verdict"].lower()
    elif question.verdict:
        question.feedback.append(row)
    elif option:
        ticked = (option["sign"] or " ") in TICKED or (option["mark"] or "").strip() != ""
        question.options.append(_Option(ticked, [option["text"].rstrip()]))
    elif question.options:
        question.options[-1].rows.append(row.strip())
    else:
        question.stem.append(row)


def _item(drafts: Drafts, question: _Question) -> str | None:
    stem = "\n".join(question.stem).strip()
    title = _plain(next(row for row in question.stem if row.strip()))
    name = drafts.name(f"q{question.number}-{title}"[:40].rsplit(" ", 1)[0])
    line = question.line

    def markdown(text: str, what: str) -> str:
        return mended(text, lambda said: drafts.note(name, what, said, line))

    if len(question.options) < 2:
        drafts.note(name, "options", f"{len(question.options)} options with boxes, 2 are needed: left out", line)
        return None
    earned, of = question.points or (0.0, 1.0)
    full = earned == of if question.points else question.verdict == "correct"
    ticked = [number for number, option in enumerate(question.options) if option.ticked]
    several = len(ticked) > 1 or bool(SEVERAL.search(stem))
    truths = _truths(question, ticked, full, several)
    feedback = markdown("\n".join(question.feedback), "feedback")
    read_options = [
        ReadOption(markdown("\n".join(option.rows), "options"), true, feedback if number in ticked[:1] else "")
        for number, (option, true) in enumerate(zip(question.options, truths, strict=True))
    ]
    item = drafts.add(
        "multiple" if several else "single",
        name,
        line,
        title=title,
        stem=markdown(stem, "stem") or escape(title),
        points=of or None,
        options=options(read_options),
    )
    if item is None:
        return None
    if not ticked:
        drafts.note(name, "chosen", "no option was chosen", line)
    if None in truths:
        places = ", ".join(str(number + 1) for number, true in enumerate(truths) if true is None)
        said = f"the file does not tell which of the options {places} is right: say `key: true` of it"
        drafts.note(name, "key", f"{said}, and `misconception:` of the others", line)
    if PICTURE.search(stem) and not IMAGE.search(stem) and "```" not in stem:
        said = "the text speaks of a picture that the file does not have: draw it with a function of quizzes/figures.py"
        drafts.note(name, "figure", said, line)
    return name


def _truths(question: _Question, ticked: list[int], full: bool, several: bool) -> list[bool | None]:
    """What the verdict tells about each option; None where it tells nothing."""
    count = len(question.options)
    if not ticked or not (question.points or question.verdict):
        return [None] * count
    if full:
        return [number in ticked for number in range(count)]
    if several:
        return [None] * count
    known: list[bool | None] = [False if number in ticked else None for number in range(count)]
    return [True if true is None else true for true in known] if count == 2 else known


def _plain(text: str) -> str:
    return " ".join(re.sub(r"[*`_$]+", " ", text).split())
