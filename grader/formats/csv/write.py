"""A table for spreadsheets and scripts: a row for each answer that has a verdict of its own, texts in Markdown."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from grader.formats.model.markdown import markdown
from grader.formats.model.pools import Question, numbered
from grader.formats.model.registry import Losses, exporter
from grader.quizzes.rendered import RenderedBank, RenderedPart

COLUMNS = (
    "bank",
    "item",
    "question",
    "group",
    "type",
    "title",
    "points",
    "credit",
    "objective",
    "bloom",
    "difficulty",
    "families",
    "lab",
    "source",
    "stem",
    "figure",
    "part",
    "kind",
    "label",
    "decimals",
    "tolerance",
    "unit",
    "case",
    "code",
    "answer",
    "right",
    "fixed",
    "feedback",
    "misconception",
)
Row = dict[str, object]


@exporter(
    "csv",
    title="CSV table",
    suffix=".csv",
    features=(
        "pools",
        "feedback",
        "option feedback",
        "partial credit",
        "maths",
        "code",
        "fixed options",
        "tags",
        "tolerance",
        "points",
        "shuffle",
    ),
)
def write(bank: RenderedBank, losses: Losses) -> bytes:
    """UTF-8 with the mark by which spreadsheets know it, commas, lines as in RFC 4180; cells are what was written.

    The row of an empty answer says what every answer hears that is not listed. A spreadsheet runs a cell that begins
    with `=` as a formula: open tables of banks that you trust.
    """
    del losses
    groups = {item: group[0] for group in bank.groups for item in group if len(group) > 1}
    made = io.StringIO()
    table = csv.DictWriter(made, COLUMNS, lineterminator="\r\n")
    table.writeheader()
    for question in numbered(bank, Losses()):
        for row in _rows(bank, question):
            table.writerow(row | {"group": groups.get(question.item.id, "")})
    return made.getvalue().encode("utf-8-sig")


def _rows(bank: RenderedBank, question: Question) -> Iterator[Row]:
    item, variant = question.item, question.variant
    about: Row = {
        "bank": bank.bank,
        "item": item.id,
        "question": question.id,
        "type": item.type,
        "title": item.title,
        "points": f"{item.points:g}",
        "credit": item.credit,
        "objective": item.objective,
        "bloom": item.bloom,
        "difficulty": "" if item.difficulty is None else f"{item.difficulty:g}",
        "families": " ".join(item.families),
        "lab": item.lab,
        "source": item.source,
        "stem": markdown(variant.stem, lambda _figure, _alt: ""),
        "figure": variant.alt,
    }
    for part in variant.parts:
        asked = about | {"part": part.id, "kind": part.kind, "label": markdown(part.label)}
        if part.kind == "number":
            asked |= {"decimals": part.decimals, "tolerance": f"{part.tolerance:g}", "unit": part.unit}
        if part.kind == "text":
            asked |= {"case": int(part.case), "code": int(part.code)}
        yield from (asked | answer for answer in _answers(part))


def _answers(part: RenderedPart) -> Iterator[Row]:
    for option in part.options:
        yield {
            "answer": markdown(option.html),
            "right": int(option.true),
            "fixed": int(option.fixed),
            "feedback": markdown(option.feedback),
            "misconception": option.misconception,
        }
    for typed in part.answers:
        yield {
            "answer": typed.answer,
            "right": int(typed.credit == 1),
            "feedback": markdown(typed.feedback),
            "misconception": typed.misconception,
        }
    if part.kind in ("number", "text"):
        yield {"answer": "", "right": 0, "feedback": markdown(part.other)}
