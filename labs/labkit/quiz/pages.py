"""What the browser is told: `page`, what a screen shows; `live`, what changes while a student answers. No key in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from labkit.quiz.bank import Bank, Item, Part
from labkit.quiz.draw import Drawn
from labkit.quiz.marking import Answers, ItemResult, Result, is_answered, reading, shown
from labkit.quiz.plain import to_text
from labkit.quiz.sealed import Verdict
from labkit.quiz.standing import ROUNDING, Standing, percent

RECORDED = "Your answers are recorded. The grader will score them: this page cannot."
TAKES_POINTS = "Tick all that are true. A wrong tick takes away what a right one gives."
HOW = {
    ("multiple", "all-or-nothing"): "Tick all that are true. The point is for exactly those.",
    ("multiple", "right-minus-wrong"): TAKES_POINTS,
    ("multiple", "per-part"): "Tick all that are true. Each box counts, ticked or not.",
}
WORDS = {"right": "Correct", "partly": "Partly correct", "wrong": "Incorrect"}


def page(
    bank: Bank,
    drawn: Sequence[Drawn],
    standing: Standing,
    *,
    key: str,
    folder: Path,
    submitted: bool,
    result: Result | None = None,
    problems: Sequence[str] = (),
) -> dict[str, Any]:
    """One screen as JSON: the questions drawn; once `submitted`, with their results, or without any in an exam.

    `key` names the screen: the browser builds it anew when the key changes. All HTML in it is the bank's.
    """
    results = {found.item: found for found in result.items} if result else {}
    return {
        "key": key,
        "folders": _spellings(folder),
        "phase": "results" if submitted else "answering",
        "mode": "exam" if standing.mode == "exam" else "practice",  # whether there are results to show
        "title": bank.title,
        "note": bank.note,
        "standing": standing.line(),
        "passed": standing.passed if submitted else None,
        "left": standing.left_line(),
        "retake": submitted and standing.left != 0,
        "headline": _headline(standing, result) if submitted else "",
        "problems": list(problems),
        "next": _next_lab(folder) if submitted else None,
        "items": [_item(bank, place, question, results) for place, question in enumerate(drawn, start=1)],
    }


def live(bank: Bank, drawn: Sequence[Drawn], answers: Answers) -> dict[str, Any]:
    """The answers as typed, the numbers of the questions still open, and what is wrong with what was typed.

    `meant` has the two numbers of which a student is asked which is meant.
    """
    waiting = []
    problems: dict[str, dict[str, str]] = {}
    meant: dict[str, dict[str, list[str]]] = {}
    for place, question in enumerate(drawn, start=1):
        item, _, parts = shown(bank, question)
        given = answers.get(item.id, {})
        if not is_answered(parts, given):
            waiting.append(place)
        found = {part.id: reading(part, given.get(part.id, "")) for part in parts}
        problems[item.id] = {part: one.problem for part, one in found.items() if one.problem}
        meant[item.id] = {part: list(one.meant) for part, one in found.items() if one.meant}
    return {
        "answers": {item: dict(parts) for item, parts in answers.items()},
        "unanswered": waiting,
        "problems": {item: said for item, said in problems.items() if said},
        "meant": {item: numbers for item, numbers in meant.items() if numbers},
    }


def _spellings(folder: Path) -> list[str]:
    """The folder as JupyterLab may spell it, in full or from the home: the browser makes links of review out of it."""
    home = Path.home()
    short = [f"~/{folder.relative_to(home).as_posix()}"] if folder.is_relative_to(home) else []
    return [folder.as_posix(), *short]


def _next_lab(folder: Path) -> dict[str, str] | None:
    """The lab after the one in this folder, in the order of names; a lab is a folder with a notebook of its name."""
    try:
        labs = sorted(path.name for path in folder.parent.iterdir() if (path / f"{path.name}.ipynb").is_file())
    except OSError:
        return None
    later = [name for name in labs if name > folder.name]
    return {"label": later[0], "href": f"../{quote(later[0])}/{quote(later[0])}.ipynb"} if later else None


def _headline(standing: Standing, result: Result | None) -> str:
    if result is None:
        return RECORDED
    passed = result.score >= standing.pass_mark - ROUNDING
    return f"Your grade: {percent(result.score)}. {'You passed.' if passed else 'Not passed yet.'}"


def _item(bank: Bank, place: int, question: Drawn, results: Mapping[str, ItemResult]) -> dict[str, Any]:
    item, variant, parts = shown(bank, question)
    result = results.get(item.id)
    return {
        "number": place,
        "id": item.id,
        "title": item.title,
        "points": points_text(item.points),
        "how": HOW.get((item.type, item.credit), ""),
        "layout": _layout(item, parts),
        "stem": variant.stem,
        "parts": _each_said_once([_part(part, question.orders.get(part.id, ()), result) for part in parts]),
        "result": _result(item, result) if result else None,
        "review": {"label": item.review.label, "href": item.review.href} if item.review and result else None,
    }


def _part(part: Part, order: Sequence[str], result: ItemResult | None) -> dict[str, Any]:
    options = {option.id: option for option in part.options}
    verdict = result.verdicts[part.id] if result else None
    return {
        "id": part.id,
        "kind": part.kind,
        "label": part.label,
        "text": to_text(part.label),
        "unit": part.unit,
        "decimals": part.decimals if part.kind == "number" else None,
        "code": part.code,
        "options": [{"id": name, "html": options[name].html, "text": to_text(options[name].html)} for name in order],
        "feedback": verdict.feedback if verdict else "",
        "right": _is_right(part, verdict),
    }


def _is_right(part: Part, verdict: Verdict | None) -> bool | None:
    """Whether an answer is right; None before there is a verdict, and for boxes of a bank that does not tell."""
    if verdict is None or verdict.right is not None or part.kind == "check":
        return verdict.right if verdict else None
    return verdict.credit == 1


def _each_said_once(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The parts, without feedback that an earlier part of the question has given already."""
    said: set[str] = set()
    for part in parts:
        part["feedback"] = "" if part["feedback"] in said else part["feedback"]
        said.add(part["feedback"])
    return parts


def _layout(item: Item, parts: Sequence[Part]) -> str:
    """How a question looks: radios, boxes, picks (a menu for each part), blanks in the stem, or fields."""
    if all(part.kind == "check" for part in parts):
        return "boxes"
    if item.type in ("order", "match"):
        return "picks"
    if item.type == "cloze":
        return "blanks"
    return "radios" if all(part.kind == "choice" for part in parts) else "fields"


def _result(item: Item, result: ItemResult) -> dict[str, str]:
    mark = "right" if result.share >= 1 else "partly" if result.share > 0 else "wrong"
    points = f"{result.share * item.points:.3g} / {points_text(item.points)}"
    return {"mark": mark, "word": WORDS[mark], "points": points}


def points_text(points: float) -> str:
    """`1 point`, `1.5 points`."""
    return f"{points:g} point{'' if points == 1 else 's'}"
