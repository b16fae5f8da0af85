"""The points of every response to every item of a bank, as CSV."""

from __future__ import annotations

import csv
import io

from grader.export.responses import marked
from grader.quizzes.rendered import RenderedBank

COLUMNS = ("item", "variant", "response", "points")
SECRET = bytes(32)  # ids of options are made and read here alone


def score_table(bank: RenderedBank) -> str:
    """The CSV. Variants count from 1; points are those of the trusted scorer, to six decimals at most."""
    made = io.StringIO()
    writer = csv.writer(made, lineterminator="\n")
    writer.writerow(COLUMNS)
    for item, variant, mark in marked(bank, SECRET):
        points = f"{round(mark.share * item.points, 6):g}"
        writer.writerow([item.id, variant.variant + 1, mark.said.replace("\n", "\\n"), points])
    return made.getvalue()
