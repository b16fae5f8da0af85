"""Brightspace: the CSV file that its question library imports, a row for each thing said about a question.

D2L documents this file (a sample comes with the import dialogue), and not the packages in which it moves courses. A
cell with HTML has `HTML` in the next one; feedback on options has no such cell and is plain text.
"""

from __future__ import annotations

import csv
import io
from decimal import Decimal

from grader.formats.model.fitting import that_fit
from grader.formats.model.number_pattern import number_pattern
from grader.formats.model.oneline import html_line
from grader.formats.model.outputs import as_options, needs_lines
from grader.formats.model.pools import Question, shown_order
from grader.formats.model.registry import FEATURES, TYPES, Losses, exporter, nothing_carried
from grader.formats.model.richtext import Style, plain
from grader.formats.model.typed import right_answers
from grader.quizzes.rendered import RenderedBank, RenderedItem, RenderedPart

STYLE = Style(maths="mathml", code="inline", xml=False)
COLUMNS = 5
SCORING = {"right-minus-wrong": "RightMinusWrong", "per-part": "RightAnswers", "all-or-nothing": "AllOrNothing"}
SHARES = {"per-part": "EquallyWeighted", "all-or-nothing": "AllOrNothing"}
MINUS_SAID = (
    "Brightspace shares the points out over all options, not over the true ones: half-right ticks earn otherwise"
)
FIGURE = "its words stand in the text; upload the picture and put it there"
Row = tuple[object, ...]


@exporter(
    "brightspace",
    title="Brightspace question library (CSV)",
    suffix=".brightspace.csv",
    types=set(TYPES) - {"cloze"},
    features=frozenset(FEATURES) - {"pools", "figures", "fixed options", "tags", "shuffle"},
)
def write(bank: RenderedBank, losses: Losses) -> bytes:
    """Rows of five cells in UTF-8 with the mark by which Brightspace knows it; a row of empty cells between questions.

    Raises:
        NothingCarriedError: no question fits.
    """
    questions = that_fit(bank, losses, lambda question, own: _rows(question, own))
    if not questions:
        raise nothing_carried(bank, "Brightspace", losses)
    made = io.StringIO()
    table = csv.writer(made, lineterminator="\r\n")
    for rows in questions:
        for row in rows:
            table.writerow([*row, *[""] * (COLUMNS - len(row))])
        table.writerow([""] * COLUMNS)
    return made.getvalue().encode("utf-8-sig")


def _rows(question: Question, losses: Losses) -> list[Row] | None:
    item, parts = question.item, question.variant.parts
    part = parts[0]
    if "<img" in question.variant.stem:
        losses.add(item.id, "figures", FIGURE)
    if item.type == "order":
        return [*_head("O", question), ("Scoring", SHARES[item.credit]), *_entries(question, losses)]
    if item.type == "match":
        return _pairs(question, losses)
    if part.kind in ("number", "text") and not needs_lines(part):
        return [*_head("SA", question, _asked(part)), ("InputBox", 1, 40), *_typed(question, part, losses)]
    options = part.options or as_options(question, part, losses)
    if not options:
        return None
    several = part.kind == "boxes"
    rows = _head("MS" if several else "MC", question)
    if several:
        rows.append(("Scoring", SCORING[item.credit]))
        if item.credit == "right-minus-wrong":
            losses.add(item.id, "partial credit", MINUS_SAID)
    right = 1 if several else 100
    for number in shown_order(question.id, options):
        option = options[number]
        if "<math" in option.feedback:
            losses.add(item.id, "maths", "feedback on options is plain text; its formulas are TeX")
        said = " ".join(plain(option.feedback).split())
        rows.append(("Option", right * option.true, html(option.html), "HTML", said))
    return rows


def _head(kind: str, question: Question, more: str = "") -> list[Row]:
    item = question.item
    rows: list[Row] = [
        ("NewQuestion", kind),
        ("ID", question.id),
        ("Title", " ".join(question.title.split())),
        ("QuestionText", html(question.variant.stem + more), "HTML"),
        ("Points", f"{item.points:g}"),
        ("Difficulty", _difficulty(item)),
    ]
    return rows


def _difficulty(item: RenderedItem) -> int:
    """From 1 to 5; our number is the share that answers it right at first."""
    return 3 if item.difficulty is None else 5 - min(4, int(item.difficulty * 5))


def _entries(question: Question, losses: Losses) -> list[Row]:
    """Entries in the right order. What is heard about the whole stands under the question."""
    parts = question.variant.parts
    entries = [next(option.html for option in part.options if option.true) for part in parts]
    return [*[("Item", html(entry), "HTML", "") for entry in entries], *_whole(question, losses)]


def _pairs(question: Question, losses: Losses) -> list[Row] | None:
    """Numbered choices (left sides), and for each right side the number of its choice."""
    item, parts = question.item, question.variant.parts
    rights = [next(option.html for option in part.options if option.true) for part in parts]
    if len(rights) < len(parts[0].options) and len(set(rights)) == len(rights):
        losses.add(item.id, "others", "right sides that belong to no left side are left out")
    rows = [*_head("M", question), ("Scoring", SHARES[item.credit])]
    rows += [("Choice", number, html(part.label), "HTML") for number, part in enumerate(parts, start=1)]
    rows += [("Match", number, html(right), "HTML") for number, right in enumerate(rights, start=1)]
    return [*rows, *_whole(question, losses)]


def _whole(question: Question, losses: Losses) -> list[Row]:
    part = question.variant.parts[0]
    said = next(option.feedback for option in part.options if option.true)
    if said and part.other:
        losses.add(question.item.id, "feedback", "one feedback is shown to all; what wrong answers hear is left out")
    return [("Feedback", html(said), "HTML")] if said else []


def _typed(question: Question, part: RenderedPart, losses: Losses) -> list[Row]:
    """Accepted texts; a number is a pattern of its spellings."""
    item, right = question.item, right_answers(part)
    if any(not answer.credit for answer in part.answers):
        losses.add(item.id, "option feedback", "known wrong answers have no feedback of their own")
    if part.unit:
        losses.add(item.id, "unit", "it stands in the text, and may not be typed with the number")
    if part.kind == "number":
        rows: list[Row] = [("Answer", 100, number_pattern(a.answer, part.decimals), "regexp") for a in right]
    else:
        compared = "sensitive" if part.case else ""
        rows = [("Answer", 100, " ".join(answer.answer.split()), compared) for answer in right]
    said = right[0].feedback
    if said and part.other:
        losses.add(item.id, "feedback", "one feedback is shown to all; what wrong answers hear is left out")
    return [*rows, ("Feedback", html(said), "HTML")] if said else rows


def _asked(part: RenderedPart) -> str:
    label = f"<p>{part.label}</p>" if part.label else ""
    if part.kind != "number":
        return label
    rounded = f"rounded like {Decimal(0).scaleb(-part.decimals)}" if part.decimals else "a whole number"
    unit = f"in {plain(part.unit)}, " if part.unit and "<" not in part.unit else ""
    return f"{label}<p>({unit}{rounded})</p>"


def html(fragment: str) -> str:
    """A fragment as HTML in one cell; figures as their words."""
    return html_line(fragment, STYLE, lambda _figure, _alt: "")
