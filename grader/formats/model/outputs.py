"""What a program prints, as options, for systems whose fields have one line; and what plain text cannot show."""

from __future__ import annotations

from collections.abc import Sequence

from lxml import etree

from grader.formats.model.pools import Question
from grader.formats.model.registry import Losses
from grader.formats.model.xmltext import clean
from grader.quizzes.rendered import RenderedOption, RenderedPart

SHOWN = {"<img": "a figure", "<pre": "a listing", "<table": "a table"}


def beyond_text(question: Question, options: Sequence[RenderedOption]) -> str:
    """What a question or its options show that plain text cannot; empty if it is all text."""
    htmls = [question.variant.stem, *[option.html for option in options]]
    return next((said for tag, said in SHOWN.items() if any(tag in html for html in htmls)), "")


def needs_lines(part: RenderedPart) -> bool:
    """Whether a text of several lines is to be typed."""
    return part.kind == "text" and any("\n" in answer.answer for answer in part.answers)


def as_options(question: Question, part: RenderedPart, losses: Losses) -> tuple[RenderedOption, ...]:
    """The known outputs as options, which is a loss; none where no wrong one is known, which leaves the item out."""
    if all(answer.credit for answer in part.answers):
        said = "a field has one line, and no wrong output is known to choose from; it is left out"
        losses.add(question.item.id, question.item.type, said)
        return ()
    said = "a field has one line: the output is chosen among the known wrong ones instead of typed"
    losses.add(question.item.id, "typing", said)
    return tuple(
        RenderedOption(_listing(answer.answer), answer.answer, bool(answer.credit), answer.feedback)
        for answer in part.answers
    )


def _listing(text: str) -> str:
    holder = etree.Element("pre")
    holder.text = clean(text)
    made: str = etree.tostring(holder, encoding="unicode", method="html")
    return made
