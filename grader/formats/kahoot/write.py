"""Kahoot: the spreadsheet of its template, a question a row."""

from __future__ import annotations

from grader.formats.model.fitting import that_fit
from grader.formats.model.outputs import as_options, beyond_text, needs_lines
from grader.formats.model.pools import Question, shown_order
from grader.formats.model.registry import Losses, exporter, nothing_carried
from grader.formats.model.richtext import plain
from grader.formats.model.spreadsheet import Cell, xlsx
from grader.quizzes.rendered import RenderedBank

QUESTION, ANSWER, ANSWERS = 120, 75, 4  # characters of a question and of an answer, and answers, at most
SECONDS = (5, 10, 20, 30, 60, 90, 120, 240)  # the time limits that Kahoot knows
LONGEST = SECONDS[-1]
HEADINGS = (
    "Question - max 120 characters",
    *[f"Answer {number} - max 75 characters" for number in range(1, ANSWERS + 1)],
    "Time limit (sec) – 5, 10, 20, 30, 60, 90, 120, or 240 secs",
    "Correct answer(s) - choose at least one",
)


@exporter(
    "kahoot",
    title="Kahoot spreadsheet",
    suffix=".kahoot.xlsx",
    types=("single", "multiple", "code-output"),
    features=("shuffle",),
)
def write(bank: RenderedBank, losses: Losses) -> bytes:
    """A row for each question that fits: at most 120 characters, 75 an answer, 4 answers. What does not is left out.

    Raises:
        NothingCarriedError: no question fits.
    """
    rows = that_fit(bank, losses, lambda question, own: _row(bank, question, own))
    if not rows:
        raise nothing_carried(bank, "Kahoot", losses)
    return xlsx("Quiz", [HEADINGS, *rows])


def _row(bank: RenderedBank, question: Question, losses: Losses) -> list[Cell] | None:
    item = question.item
    part = question.variant.parts[0]
    options = part.options
    if not options and needs_lines(part):
        losses.add(item.id, item.type, "its answers have several lines; it is left out")
        return None
    if not options and not (options := as_options(question, part, losses)):
        return None
    asked = " ".join(plain(question.variant.stem).split())
    order = shown_order(question.id, options, bank.shuffle)
    answers = [" ".join(plain(options[number].html).split()) for number in order]
    for found, most, what in (
        (len(asked), QUESTION, "characters in a question"),
        (max(map(len, answers)), ANSWER, "characters in an answer"),
        (len(answers), ANSWERS, "answers"),
    ):
        if found > most:
            losses.add(item.id, item.type, f"Kahoot takes {most} {what}, this has {found}; it is left out")
            return None
    if shown := beyond_text(question, options):
        losses.add(item.id, item.type, f"it shows {shown}, which a cell cannot; it is left out")
        return None
    if len(set(answers)) < len(answers):
        losses.add(item.id, item.type, "as plain text, two of its answers read the same; it is left out")
        return None
    right = ",".join(str(place) for place, number in enumerate(order, start=1) if options[number].true)
    return [asked, *answers, *[""] * (ANSWERS - len(answers)), LONGEST, int(right) if right.isdigit() else right]
