"""The progress page as HTML: what to do next, the chart, and tables whose links open the notebooks in JupyterLab."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from labkit.exercises import WORDS, Exercise, title_of

if TYPE_CHECKING:
    from labkit.quiz.overview import QuizRow

LEFT = 'style="text-align: left"'  # JupyterLab sets tables flush right


@dataclass(frozen=True)
class Link:
    """A cell of a table that opens a notebook; `path` is seen from the working directory, the notebook's folder."""

    text: str
    path: Path

    def html(self) -> str:
        """The link as JupyterLab follows it: relative to the notebook that shows it."""
        href = Path(os.path.relpath(self.path)).as_posix()
        return f'<a href="{escape(quote(href))}">{escape(self.text)}</a>'


Cell = str | Link


def progress_page(
    root: Path,
    next_step: str,
    chart: str,
    exercises: Sequence[Exercise],
    quizzes: Sequence[QuizRow],
    problems: Sequence[str],
) -> str:
    """What to do next, the chart (HTML), the labs, the quizzes, and exercise by exercise; outcomes are told in words.

    Notebooks are linked where they lie under `root`.
    """
    heads = ("Lab", "Quiz", "Outcome", "Latest", "Highest", "To pass", "Attempts")
    outcomes: list[tuple[Cell, ...]] = [
        (quiz.lab, Link(quiz.title, _notebook(root, quiz.lab)), _signed(quiz.done, quiz.outcome()), *quiz.scores())
        for quiz in quizzes
    ]
    details = _table(
        "Visible checks", ("Lab", "Exercise", "Visible checks", "Last run", "Hints taken"), _exercises(exercises)
    )
    notes = "".join(f"<p>{escape(problem)}</p>" for problem in problems)
    return (
        f"<p><strong>{escape(next_step)}</strong></p>{chart}"
        f"{_table('Labs', ('Folder', 'Lab', 'Visible checks'), _labs(root, exercises, quizzes))}"
        f"{_table('Quizzes', heads, outcomes) if outcomes else ''}"
        f"<details><summary>Exercise by exercise</summary>{details}</details>{notes}"
    )


def _labs(root: Path, exercises: Sequence[Exercise], quizzes: Sequence[QuizRow]) -> list[tuple[Cell, ...]]:
    """A row a lab: its folder, its title as a link, and how many exercises pass their visible checks."""
    outcomes: dict[str, list[bool | None]] = {quiz.lab: [] for quiz in quizzes}
    for row in exercises:
        outcomes.setdefault(row.lab, []).append(row.passed)
    rows: list[tuple[Cell, ...]] = []
    for lab, passed in sorted(outcomes.items()):
        path, good = _notebook(root, lab), sum(one is True for one in passed)
        told = _signed(good == len(passed), f"{good} of {len(passed)} exercises pass") if passed else "a quiz only"
        rows.append((lab, Link(title_of(path) or lab, path), told))
    return rows


def _exercises(table: Sequence[Exercise]) -> list[tuple[Cell, ...]]:
    return [
        (
            row.lab,
            row.exercise,
            _signed(row.passed is True, WORDS[row.passed]),
            f"{row.when.astimezone():%Y-%m-%d %H:%M}" if row.when else "",
            str(row.hints or ""),
        )
        for row in table
    ]


def _notebook(root: Path, lab: str) -> Path:
    return root / lab / f"{lab}.ipynb"


def _signed(good: bool, words: str) -> str:
    return f"{'✓' if good else '–'} {words}"


def _table(caption: str, heads: tuple[str, ...], rows: Sequence[tuple[Cell, ...]]) -> str:
    """An HTML table; the second column names the row."""
    first, second, *others = heads
    head = f'<th scope="col">{first}</th><th scope="col" {LEFT}>{second}</th>'
    head += "".join(f'<th scope="col">{name}</th>' for name in others)
    body = "".join(
        f'<tr><td>{_html(first)}</td><th scope="row" {LEFT}>{_html(name)}</th>'
        + "".join(f"<td>{_html(cell)}</td>" for cell in cells)
        + "</tr>"
        for first, name, *cells in rows
    )
    return f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _html(cell: Cell) -> str:
    return cell.html() if isinstance(cell, Link) else escape(cell)
