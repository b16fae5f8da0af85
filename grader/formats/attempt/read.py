"""Graded attempts saved as text: from the tokens of `lines` to questions, and to items with the keys that are told."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from grader.formats.attempt import marks
from grader.formats.attempt.asked import Asked, Chosen, asked_of
from grader.formats.attempt.lines import POINTS, Token, tokens
from grader.formats.reading import prose
from grader.formats.reading.drafts import Attempt, Draft, Drafts, ReadOption, options, words
from grader.formats.reading.spelling import IMAGE, blank_mark, escape, literal, with_blanks
from grader.quizzes.parts import OPEN

GRADE = re.compile(rf"(?:{marks.GRADE})\W{{0,20}}(\d{{1,3}}(?:[.,]\d{{1,4}})?)\s*%", re.IGNORECASE)
PASS = re.compile(r"To pass\D{0,40}?(\d{1,3}(?:\.\d{1,4})?)\s*%", re.IGNORECASE)
PICTURE = re.compile(r"\b(?:plots?|figures?|graphs?|diagrams?|pictures?|images?|charts?)\b", re.IGNORECASE)


def looks_like(text: str) -> bool:
    """Whether a text has numbered questions, and boxes, marks, points or verdicts."""
    found = list(tokens(rows_of(text)))
    boxes = sum(token.kind == "option" and token.style == "box" for token in found)
    graded = any(token.kind in ("points", "verdict") for token in found)
    strong = any(token.strong for token in found)
    many = sum(token.kind == "option" for token in found) >= 2
    return any(token.kind == "question" for token in found) and (boxes >= 2 or graded or (strong and many))


def rows_of(text: str) -> list[str]:
    """Lines, however they end."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def read(text: str, file: str) -> Draft:
    """Read a graded attempt.

    What was chosen and whether it was right tell the key of a question that was answered rightly, and of one with two
    options; marks and lines such as "Correct answer: B" tell it too.
    In others the key stays open, and the report says so.
    """
    drafts = Drafts(file)
    found = list(tokens(rows_of(text)))
    head, questions = split(found)
    top = "\n".join(token.text for token in head)
    grade, passed = GRADE.search(top), PASS.search(top)
    limit = float(passed[1]) / 100 if passed else None
    drafts.pass_mark = limit if limit is not None and limit <= 1 else None
    marking = _Marking(drafts)
    outside = sum(token.quoted for token in found if token.kind != "blank") * 2 > sum(t.kind != "blank" for t in found)
    for start, body in questions:
        marking.item(asked_of(start, body, outside))
    whole = len(marking.chosen) == len(questions)
    share = float(grade[1].replace(",", ".")) / 100 if grade and whole else None
    return drafts.done(Attempt(marking.chosen, marking.verdicts, share) if marking.chosen else None)


def split(found: Sequence[Token]) -> tuple[list[Token], list[tuple[Token, list[Token]]]]:
    """What stands before the first question, and each question with what belongs to it.

    Where questions are called by that word, bare numbers are none. Else a number counts if it is the next one, and has
    points below it where questions have points.
    """
    named = any(token.strong for token in found)
    pointed = any(token.kind == "points" for token in found)
    head: list[Token] = []
    questions: list[tuple[Token, list[Token]]] = []
    for place, token in enumerate(found):
        due = questions[-1][0].number + 1 if questions else None
        if token.kind == "question" and token.strong:
            begins = due is None or token.number >= due
        else:
            begins = token.kind == "question" and not named and _begins(found, place, due, pointed)
        if begins:
            questions.append((token, []))
        elif token.kind == "question" and not token.strong and not token.text and named and _same(found, place):
            continue  # the number of the question that follows
        elif questions:
            questions[-1][1].append(token)
        else:
            head.append(token)
    return head, questions


def _same(found: Sequence[Token], place: int) -> bool:
    later = next((token for token in found[place + 1 : place + 6] if token.kind != "blank"), None)
    return later is not None and later.strong and later.number == found[place].number


def _begins(found: Sequence[Token], place: int, due: int | None, pointed: bool) -> bool:
    """Whether a bare number begins a question."""
    token = found[place]
    if due is not None and token.number < due:
        return False
    below = False
    for later in found[place + 1 : place + 60]:
        if later.kind == "points":
            below = True
            break
        if later.kind in ("option", "verdict") or (
            later.kind == "question" and later.number == token.number + 1 and later.text
        ):
            break
    return below if pointed else due is None or token.number == due


@dataclass
class _Marking:
    """Makes items of questions, and keeps what was chosen and earned."""

    drafts: Drafts
    chosen: dict[str, tuple[int, ...]] = field(default_factory=dict)
    verdicts: dict[str, tuple[float, float]] = field(default_factory=dict)

    def markdown(self, name: str, text: str, what: str, line: int) -> str:
        """A text as our Markdown."""
        return prose.of_markdown(text, lambda said: self.drafts.note(name, what, said, line))

    def item(self, asked: Asked) -> None:
        """An item, or a note that says why there is none."""
        stem = "\n".join(asked.stem).strip()
        title = _plain(next((row for row in asked.stem if row.strip()), "")) or f"Question {asked.number}"
        name = self.drafts.name(f"q{asked.number}-{title}"[:40].rsplit(" ", 1)[0], f"q{asked.number}")
        if len(asked.options) >= 2:
            kept = self.choice(asked, name, title, stem)
        else:
            kept = self.typed(asked, name, title, stem)
        if not kept:
            return
        if asked.points is not None:
            self.verdicts[name] = asked.points
        elif asked.verdict in ("right", "wrong"):
            self.verdicts[name] = (float(asked.verdict == "right"), 1.0)
        if PICTURE.search(stem) and not IMAGE.search(stem) and "```" not in stem:
            said = (
                "the text speaks of a picture that the file does not have: draw it by a function of quizzes/figures.py"
            )
            self.drafts.note(name, "figure", said, asked.line)

    def choice(self, asked: Asked, name: str, title: str, stem: str) -> bool:
        """Options, with the keys that the file tells."""
        line, truths, ticked = asked.line, asked.truths(), asked.ticked()
        feedback = self.markdown(name, "\n".join(asked.feedback), "feedback", line)
        first = ticked[:1] or [number for number, true in enumerate(truths) if true][:1]
        read = [
            ReadOption(
                self.markdown(name, "\n".join(option.rows), "options", line),
                true,
                self.markdown(name, "\n".join(option.feedback), "feedback", line)
                or (feedback if number in first else ""),
            )
            for number, (option, true) in enumerate(zip(asked.options, truths, strict=True))
        ]
        item = self.drafts.add(
            "multiple" if asked.several() else "single",
            name,
            line,
            title=title,
            stem=self.markdown(name, stem, "stem", line) or escape(title),
            points=(asked.points[1] if asked.points else 1.0) or None,
            options=options(read),
            note=feedback if feedback and not first else None,
        )
        if item is None:
            return False
        if asked.guessed:
            self.drafts.note(
                name, "options", "its options have no marks: each paragraph after the question is one", line
            )
        if ticked:
            self.chosen[name] = tuple(ticked)
        else:
            self.drafts.note(name, "chosen", "the file does not tell which option was chosen", line)
        if None in truths:
            places = ", ".join(str(number + 1) for number, true in enumerate(truths) if true is None)
            said = f"the file does not tell which of the options {places} is right: say `key: true` of it"
            self.drafts.note(name, "key", f"{said}, and `misconception:` of the others", line)
        return True

    def typed(self, asked: Asked, name: str, title: str, stem: str) -> bool:
        """What was typed, known to be right or wrong."""
        line = asked.line
        told = [option.text for option in asked.options] if asked.typed else []
        right = [text for text in asked.answers if text]
        full = asked.full()
        if told and full is True and not right:
            right = told
        wrong = [text for text in told if full is False and text not in right]
        if not (right or wrong):
            count = len(asked.options)
            said = f"{count} options were found, 2 are needed, and no typed answer with a verdict: left out"
            self.drafts.note(name, "options", said, line)
            return False
        feedback = self.markdown(
            name, "\n".join([*asked.feedback, *(r for o in asked.options for r in o.feedback)]), "feedback", line
        )
        blank = words(
            [literal(text[:200]) for text in right] or [OPEN],
            feedback if full is not False else "",
            feedback if full is False else "",
            [(literal(text[:200]), feedback) for text in wrong],
        )
        shown = self.markdown(name, stem, "stem", line) or escape(title)
        item = self.drafts.add(
            "cloze",
            name,
            line,
            title=title,
            stem=with_blanks(f"{shown}\n\n{blank_mark('answer')}"),
            points=(asked.points[1] if asked.points else 1.0) or None,
            blanks={"answer": blank},
        )
        if item is None:
            return False
        if right:
            self.drafts.note(
                name, "answers", "other spellings of the typed answer may be right too: say them in `answers`", line
            )
        else:
            self.drafts.note(
                name, "key", f"the file does not tell the right answer: write it in place of {OPEN!r}", line
            )
        return True


def _plain(text: str) -> str:
    return " ".join(re.sub(r"[*`_$]+", " ", text).split())


__all__ = ["POINTS", "Chosen", "looks_like", "read"]
