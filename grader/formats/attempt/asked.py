"""One question of a saved attempt, out of its tokens: stem, options, what was chosen, verdicts, feedback."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from grader.formats.attempt import marks
from grader.formats.attempt.lines import Token

SEVERAL = re.compile(
    r"\b(?:select|choose|check|mark) (?:all|every|two|three)\b|\ball that apply\b|\bmehrere\b.*\bmöglich|"
    r"\bselecciona todas\b|\bplusieurs réponses\b|\bselezion\w+ tutte\b|\bselecione todas\b",
    re.IGNORECASE,
)
ENDS_STEM = re.compile(r"(?:[?:]|_{2,}\.?|\(?(?:select|choose) [^.]*[.)])\**\s*$", re.IGNORECASE)
LETTERS = re.compile(r"^[A-Ha-h](?:\s*(?:,|;|&|and|und|et|y|e|en)?\s*[A-Ha-h])*[.)]?$")


@dataclass
class Chosen:
    """One option: its mark, its rows, the verdict and feedback that stand below it."""

    mark: str
    rows: list[str]
    letter: int = 0
    verdict: str = ""
    feedback: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """In one line."""
        return " ".join(" ".join(self.rows).split())


@dataclass
class Asked:
    """A question as it was saved. `typed` where what was written was typed, `guessed` where options have no marks."""

    line: int
    number: int
    stem: list[str]
    points: tuple[float, float] | None = None
    options: list[Chosen] = field(default_factory=list)
    verdict: str = ""
    feedback: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    typed: bool = False
    guessed: bool = False
    each: bool = False  # whether verdicts stand below single options

    def full(self) -> bool | None:
        """Whether it was answered rightly; None where the file does not tell."""
        if self.points:
            return self.points[0] >= self.points[1]
        return self.verdict == "right" if self.verdict else None

    def several(self) -> bool:
        """Whether several options may be right."""
        told = sum(true is True for true in self.truths())
        return len(self.ticked()) > 1 or told > 1 or bool(SEVERAL.search("\n".join(self.stem)))

    def marks_are_keys(self) -> bool:
        """Whether ✅ and ❌ tell what is right, and not what was chosen."""
        signs = {option.mark for option in self.options}
        return "wrong" in signs or ("right" in signs and self.full() is None)

    def ticked(self) -> list[int]:
        """The options that were chosen, where that is told."""
        wanted = {"ticked"} if self.marks_are_keys() else {"ticked", "right"}
        return [number for number, option in enumerate(self.options) if option.mark in wanted]

    def truths(self) -> list[bool | None]:
        """What the file tells about each option; None where it tells nothing."""
        count = len(self.options)
        known: list[bool | None] = [None] * count
        named = self.named()
        if named:
            return [number in named for number in range(count)]
        if self.marks_are_keys():
            signs = [option.mark for option in self.options]
            rest = False if "right" in signs else None
            return [True if sign == "right" else False if sign == "wrong" else rest for sign in signs]
        ticked, full = self.ticked(), self.full()
        if ticked and full:
            return [number in ticked for number in range(count)]
        if self.each:
            return [self.below(number, number in ticked) for number in range(count)]
        if not ticked or full is None or len(ticked) > 1 or SEVERAL.search("\n".join(self.stem)):
            return known
        known = [False if number in ticked else None for number in range(count)]
        return [True if true is None else true for true in known] if count == 2 else known

    def below(self, number: int, ticked: bool) -> bool | None:
        """What the verdict below one option tells about it."""
        said = self.options[number].verdict
        if said in marks.SHOULD_BE_LEFT:
            return False
        if said in marks.SHOULD_BE_TICKED:
            return True
        return (said == "right") == ticked if said in ("right", "wrong") and ticked else None

    def named(self) -> set[int]:
        """The options that a line such as "Correct answer: B" names; all of its names have to be found."""
        found: set[int] = set()
        for answer in self.answers:
            places = _places(answer, self.options)
            if not places:
                return set()
            found |= places
        return found


def _places(answer: str, options: Sequence[Chosen]) -> set[int]:
    """The options that an answer names, by letters or by text."""

    def spelt(text: str) -> str:
        return " ".join(re.sub(r"[*`_]+", "", text).split()).casefold().rstrip(".")

    whole = {n for n, option in enumerate(options) if spelt(option.text) == spelt(answer)}
    if whole:
        return whole
    start = re.match(r"^\(?([A-Ha-h])[.):]\s", answer)
    letters = [start[1]] if start else []
    if LETTERS.match(answer.strip(" ()*")):
        letters = re.findall(r"\b[A-Ha-h]\b", answer)
    wanted = {ord(letter.upper()) - 64 for letter in letters}
    found = {n for n, option in enumerate(options) if option.letter and option.letter in wanted}
    return found if len(found) == len(wanted) else set()


def asked_of(start: Token, body: Sequence[Token], outside: bool) -> Asked:
    """A question out of its tokens.

    Args:
        start: the token that begins it.
        body: the tokens up to the next question.
        outside: whether the file is quoted as a whole, so that what stands out of the quotation was chosen.
    """
    asked = Asked(start.line, start.number, [start.text] if start.text else [])
    style = _style(body, outside)
    if style in ("paragraphs", "lines"):
        body = _unmarked(body, style, asked, outside)
        style = "made"
    verdicts = sum(token.kind == "verdict" for token in body)
    last_heard = ""
    for token in body:
        kind = token.kind
        is_option = kind == "option" and _counts(token, style)
        if kind == "points" and asked.points is None and not asked.options:
            asked.points = token.points
        elif kind == "noise":
            continue
        elif is_option:
            last_heard = ""
            asked.options.append(Chosen(token.mark, [token.text], token.number))
        elif kind == "verdict" and _counts_as_verdict(asked, last_heard):
            last_heard = "verdict"
            _hear(asked, token, verdicts > 1)
        elif kind in ("answer", "chosen") and (token.text or kind == "answer"):
            _told(asked, token)
            last_heard = last_heard or "label"
        elif kind == "feedback":
            last_heard = last_heard or "label"
            _feedback(asked, [token.text] if token.text else [])
        elif last_heard:
            _feedback(asked, [_row(token)])
        elif asked.options:
            asked.options[-1].rows.append(_row(token).strip())
        else:
            asked.stem.append(_row(token))
    for option in asked.options:
        while option.rows and not option.rows[-1].strip():
            option.rows.pop()
    if verdicts <= 1 and asked.each and asked.options:
        asked.each = False
    if len(asked.options) == 1 and asked.options[0].mark in ("", "ticked") and style in ("made", "outside"):
        asked.typed = True
    return asked


def _counts_as_verdict(asked: Asked, last_heard: str) -> bool:
    """Whether a word such as "Correct" is a verdict here, and no text of the stem or of the feedback."""
    if not last_heard:
        return bool(asked.options or asked.points or not asked.stem)
    return last_heard != "verdict" and not asked.verdict


def _hear(asked: Asked, token: Token, many: bool) -> None:
    said = token.style if token.style in (*marks.SHOULD_BE_LEFT, *marks.SHOULD_BE_TICKED) else token.mark
    if many and asked.options and not asked.options[-1].verdict:
        asked.options[-1].verdict = said
        asked.each = True
        if len(asked.options) == 1 or token.mark != "right":
            asked.verdict = asked.verdict or token.mark
    elif not asked.verdict:
        asked.verdict = token.mark
    if token.text:
        _feedback(asked, [token.text])


def _feedback(asked: Asked, rows: list[str]) -> None:
    (asked.options[-1].feedback if asked.each and asked.options else asked.feedback).extend(rows)


def _told(asked: Asked, token: Token) -> None:
    """What a line "Answer: …" names; "Your answer: …" was chosen, or typed where there are no options."""
    if token.kind == "answer":
        if token.text:
            asked.answers.append(token.text)
        return
    places = _places(token.text, asked.options)
    for place in places:
        asked.options[place].mark = "ticked"
    if not asked.options and not places:
        asked.options.append(Chosen("ticked", [token.text]))
        asked.typed = True


def _row(token: Token) -> str:
    if token.kind == "question" and not token.strong:
        return token.style.rstrip()
    if token.kind == "option" and token.style == "bullet":
        return f"- {token.text}"
    if token.kind == "option" and token.style == "letter":
        return f"{chr(64 + token.number)}. {token.text}"
    return token.text


def _style(body: Sequence[Token], outside: bool) -> str:
    """How options are made known in a question: by boxes, place, letters, bullets, or not at all."""
    found = [token for token in body if token.kind == "option"]
    boxes = [token for token in found if token.style == "box"]
    if len(boxes) >= 2 or (boxes and len(found) >= 2):
        return "box" if len(boxes) >= 2 else "any"
    letters = [token.number for token in found if token.style == "letter"]
    if len(letters) >= 2 and letters == list(range(1, len(letters) + 1)):
        return "letter"
    if sum(token.style == "bullet" for token in found) >= 2:
        return "bullet"
    if any(token.kind == "points" for token in body):
        return "paragraphs"
    return "lines" if outside or any(token.kind == "verdict" for token in body) else "none"


def _counts(token: Token, style: str) -> bool:
    return (style in ("any", "made") and token.style in ("box", "bullet", "letter", "made")) or token.style == style


def _unmarked(body: Sequence[Token], style: str, asked: Asked, outside: bool) -> list[Token]:
    """The tokens with options where paragraphs after the points, or lines after the question, stand without marks."""
    made: list[Token] = []
    begun = style == "lines" and bool(asked.stem and ENDS_STEM.search(asked.stem[-1]))
    ended = joined = False
    for token in body:
        out = outside and not token.quoted and token.kind in ("text", "option", "question")
        if token.kind in ("verdict", "feedback", "answer", "chosen"):
            ended = True
        if token.kind in ("text", "option", "question") and (out or (begun and not ended)):
            if joined and style == "paragraphs" and not out and made[-1].kind == "option":
                made.append(Token("text", token.line, _row(token)))
            else:
                text = _row(token).strip()
                made.append(
                    Token("option", token.line, text, "ticked" if out else token.mark, "made", quoted=token.quoted)
                )
            joined = style == "paragraphs"
            continue
        joined = False
        made.append(token)
        if token.kind == "points" or (style == "lines" and token.kind == "text" and ENDS_STEM.search(token.text)):
            begun = True
    count = sum(token.kind == "option" for token in made)
    if count == 1 and style == "paragraphs" and not outside:
        rows = [
            t for t in made[next(i for i, t in enumerate(made) if t.kind == "option") :] if t.kind in ("option", "text")
        ]
        verdict = next((i for i, t in enumerate(made) if t.kind in ("verdict", "feedback", "answer")), len(made))
        inside = [t for t in rows if made.index(t) < verdict]
        if len(inside) >= 2:
            made = [Token("option", t.line, t.text, "", "made") if t in inside else t for t in made]
            count = len(inside)
    asked.guessed = count >= 2 and not any(token.kind == "option" and token.mark for token in made)
    return made
