"""The points of every response to every item of a bank, as CSV and as JSON."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from grader.formats.model.responses import Given, marked
from grader.formats.model.richtext import plain
from grader.quizzes.rendered import RenderedBank, RenderedItem, RenderedPart, RenderedVariant

COLUMNS = ("item", "variant", "response", "points")
SECRET = bytes(32)  # ids of options are made and read here alone
DECIMALS = 6  # of points


def score_table(bank: RenderedBank) -> str:
    """The CSV. Variants count from 1; points are those of the trusted scorer, to six decimals at most."""
    made = io.StringIO()
    writer = csv.writer(made, lineterminator="\n")
    writer.writerow(COLUMNS)
    for item, variant, mark in marked(bank, SECRET):
        points = f"{round(mark.share * item.points, DECIMALS):g}"
        writer.writerow([item.id, variant.variant + 1, mark.said.replace("\n", "\\n"), points])
    return made.getvalue()


def score_json(bank: RenderedBank) -> str:
    """The same as JSON: `{"bank", "questions": […], "responses": […]}`, a response a line.

    A question is a variant of an item with its parts; options have their plain text, in the order of the bank, and what
    is typed has its accepted texts. In a response, `given` says for each part what was typed, or the places of the
    options that were chosen, from 0 on; a part that was left alone is not there.
    """
    questions = [_question(item, variant) for item in bank.items for variant in item.variants]
    rows = [
        {
            "item": item.id,
            "variant": variant.variant + 1,
            "given": _given(mark.given),
            "response": mark.said,
            "points": round(mark.share * item.points, DECIMALS),
        }
        for item, variant, mark in marked(bank, SECRET)
    ]
    lists = {"questions": questions, "responses": rows}
    parts = [f'"bank": {_dumped(bank.bank)}']
    parts += [f'"{name}": [\n{_listed(entries)}\n]' for name, entries in lists.items()]
    return "{" + ",\n".join(parts) + "}\n"


def _listed(entries: list[dict[str, Any]]) -> str:
    return ",\n".join(map(_dumped, entries))


def _dumped(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _given(given: Given) -> dict[str, str | list[int]]:
    return {name: answer if isinstance(answer, str) else list(answer) for name, answer in given.items()}


def _question(item: RenderedItem, variant: RenderedVariant) -> dict[str, Any]:
    return {
        "item": item.id,
        "variant": variant.variant + 1,
        "type": item.type,
        "credit": item.credit,
        "points": item.points,
        "stem": plain(variant.stem),
        "parts": [_part(part) for part in variant.parts],
    }


def _part(part: RenderedPart) -> dict[str, Any]:
    told: dict[str, Any] = {"id": part.id, "kind": part.kind, "label": plain(part.label)}
    if part.options:
        return told | {"options": [{"text": plain(o.html), "right": o.true} for o in part.options]}
    if part.kind == "number":
        told |= {"decimals": part.decimals, "unit": part.unit}
    return told | {"answers": [{"text": a.answer, "right": a.credit == 1} for a in part.answers]}
