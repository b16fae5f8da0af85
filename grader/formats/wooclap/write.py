"""Wooclap: the spreadsheet that it imports, a question a row: type, title, right answers, choices."""

from __future__ import annotations

from grader.formats.model.fitting import that_fit
from grader.formats.model.outputs import as_options, beyond_text
from grader.formats.model.pools import Question, shown_order
from grader.formats.model.registry import Losses, exporter, nothing_carried
from grader.formats.model.richtext import Style, inner, plain, tree
from grader.formats.model.spreadsheet import Cell, xlsx
from grader.quizzes.rendered import RenderedBank

KIND = "MCQ"  # one right answer or several
STYLE = Style(maths="tex-dollars", code="plain")


@exporter(
    "wooclap",
    title="Wooclap spreadsheet",
    suffix=".wooclap.xlsx",
    types=("single", "multiple", "code-output"),
    features=("maths", "shuffle"),
)
def write(bank: RenderedBank, losses: Losses) -> bytes:
    """A row for each question; formulas stand between dollars. What shows more than text is left out.

    Raises:
        NothingCarriedError: all questions show more than text.
    """
    rows = that_fit(bank, losses, lambda question, own: _row(bank, question, own))
    if not rows:
        raise nothing_carried(bank, "Wooclap", losses)
    most = max(len(row) for row in rows) - 3
    return xlsx("Questions", [["Type", "Title", "Correct", *[f"Choice {n}" for n in range(1, most + 1)]], *rows])


def _row(bank: RenderedBank, question: Question, losses: Losses) -> list[Cell] | None:
    item = question.item
    part = question.variant.parts[0]
    options = part.options or as_options(question, part, losses)
    if not options:
        return None
    if shown := beyond_text(question, options):
        losses.add(item.id, item.type, f"it shows {shown}, which a cell cannot; it is left out")
        return None
    order = shown_order(question.id, options, bank.shuffle)
    choices = [text(options[number].html) for number in order]
    if len(set(choices)) < len(choices):
        losses.add(item.id, item.type, "as plain text, two of its answers read the same; it is left out")
        return None
    right = ",".join(str(place) for place, number in enumerate(order, start=1) if options[number].true)
    return [KIND, text(question.variant.stem), int(right) if right.isdigit() else right, *choices]


def text(html: str) -> str:
    """A fragment as plain text with `$maths$`; a dollar that is none is escaped."""
    root = tree(html.replace("$", "\ue024"), STYLE, lambda _figure, _alt: "")
    return " ".join(plain(inner(root, xml=False)).split()).replace("\ue024", "\\$")
