"""JupyterQuiz: a list of questions in JSON, which `jupyterquiz.display_quiz` shows in a notebook."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from grader.formats.model.fragments import unwrapped
from grader.formats.model.pools import Question, numbered, shown_order
from grader.formats.model.registry import Losses, exporter
from grader.formats.model.richtext import Style, rich
from grader.formats.model.typed import accepted, known_wrong, say_point_only
from grader.quizzes.rendered import RenderedBank, RenderedPart

STYLE = Style(maths="mathml", code="inline", xml=False)
TYPES = ("single", "multiple", "numeric", "code-output")


@exporter(
    "jupyterquiz",
    title="JupyterQuiz JSON",
    suffix=".jupyterquiz.json",
    types=TYPES,
    features=("feedback", "option feedback", "maths", "code", "figures", "shuffle", "tolerance"),
)
def write(bank: RenderedBank, losses: Losses) -> bytes:
    """Questions as JupyterQuiz 2.9 reads them. Maths is MathML, which needs no MathJax."""
    say_point_only(bank, losses, "JupyterQuiz")
    made = [_question(bank, question, losses) for question in numbered(bank, losses)]
    return (json.dumps([one for one in made if one], ensure_ascii=False, indent=1) + "\n").encode()


def _question(bank: RenderedBank, question: Question, losses: Losses) -> dict[str, Any] | None:
    """One question; None, and a loss, for output of several lines, which its fields of one line cannot take."""
    (part,) = question.variant.parts
    asked: dict[str, Any] = {"question": shown(question.variant.stem)}
    if part.options:
        several = sum(option.true for option in part.options) > 1
        order = shown_order(question.id, part.options, bank.shuffle)
        answers = [
            {"answer": shown(option.html), "correct": option.true, "feedback": shown(option.feedback)}
            for option in (part.options[number] for number in order)
        ]
        return asked | {"type": "many_choice" if several else "multiple_choice", "answers": answers}
    if part.label:
        asked["question"] += f"<p>{shown(part.label)}{_expected(part)}</p>"
    other = {"type": "default", "feedback": shown(part.other)}
    if part.kind == "number":
        right, wrong = accepted(part), known_wrong(part)
        spans = [(right, True), *[(span, False) for span in wrong]]
        return asked | {
            "type": "numeric",
            "answers": [
                *[
                    {
                        "type": "range",
                        "range": [float(span.low), float(span.high)],
                        "correct": good,
                        "feedback": shown(span.feedback),
                    }
                    for span, good in spans
                ],
                other,
            ],
        }
    if any("\n" in answer.answer for answer in part.answers if answer.credit == 1):
        losses.add(question.item.id, question.item.type, "its fields have one line, the output has several; left out")
        return None
    typed = [
        {
            "answer": answer.answer,
            "correct": answer.credit == 1,
            "match_case": part.case,
            "feedback": shown(answer.feedback),
        }
        for answer in part.answers
    ]
    return asked | {"type": "string", "answers": [*typed, other]}


def _expected(part: RenderedPart) -> str:
    unit = f" in {part.unit}" if part.unit else ""
    if part.kind != "number":
        return ""
    example = str(Decimal(0).scaleb(-part.decimals))
    return f"{shown(unit)} (rounded like {example})" if part.decimals else f"{shown(unit)} (a whole number)"


def shown(html: str) -> str:
    """HTML for JupyterQuiz, which takes dollars for maths and brackets for links wherever they stand: as entities."""
    made = rich(unwrapped(html), STYLE, lambda figure, _alt: figure.svg.uri)
    return made.replace("$", "&#36;").replace("[", "&#91;")
