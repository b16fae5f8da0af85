"""What became of the submissions of a lab: scores of the gradebook, checks as graded notebooks show them, attempts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import nbformat
from nbgrader.api import MissingEntry

from grader.cells import QUIZ_CELL, grade_id
from grader.checks.running import CHECKS_MIMES, Outcome
from grader.course.coursedir import gradebook, submitters
from grader.course.known import gone
from grader.course.paths import Course
from grader.course.standing import Standing, standings
from grader.files import MAX_NOTEBOOK_BYTES, read_plain
from grader.grading.attempts import counted
from grader.grading.class_attempts import class_attempts
from grader.grading.result import label
from grader.quizzes.score import QuizScore
from grader.reports.rows import GradeRow, SubmissionRow, submission_rows
from grader.text import NO_TEXT, StudentText, student_lines, student_text

HIDDEN = "-hidden"


@dataclass(frozen=True)
class Exercise:
    """One graded cell of one submission. `checks` is empty where the grader could not run them, and for quizzes.

    `source` is what the student wrote; `by_hand` says that a person gave the score, `waits` that one has to.
    """

    name: str
    score: float
    max_score: float
    checks: tuple[Outcome, ...] = ()
    source: StudentText = NO_TEXT
    comment: str = ""
    by_hand: bool = False
    waits: bool = False


@dataclass(frozen=True)
class Result:
    """One student's result in one lab. `score` is the gradebook's; the late penalty and a person's points are in it."""

    student: str
    name: str
    lab: str
    score: float
    max_score: float
    late_penalty: float
    exercises: tuple[Exercise, ...]
    quiz_points: float | None = None
    quiz: QuizScore | None = None
    submitted: datetime | None = None
    seconds_late: float = 0.0
    comments: tuple[str, ...] = ()
    by_hand: float = 0.0

    @property
    def shown(self) -> StudentText:
        """The student's id, which is the name of a folder, as pages, tables and rows of grading have it."""
        return student_text(self.student)

    @property
    def waits(self) -> bool:
        """Whether a person has to give points."""
        return any(exercise.waits for exercise in self.exercises)


@dataclass(frozen=True)
class LabResults:
    """A lab's results by student, in order, and the rows of the last grading run, by student."""

    lab: str
    title: str
    max_score: float
    results: tuple[Result, ...]
    rows: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    failed: tuple[tuple[StudentText, StudentText], ...] = ()
    """Students whose result cannot be read, and why: nothing is said of them but that."""
    run: datetime | None = None
    gone: Mapping[str, StudentText] = field(default_factory=dict)
    """Who left, and how that is known: of those there are no results."""


def lab_results(course: Course, lab: str, students: Sequence[str] | None = None) -> LabResults:
    """Everything about a lab that reports and feedback need, of these students or of all.

    Raises:
        LookupError: the lab is not in the gradebook.
    """
    quizzes = counted(course, lab, class_attempts(course, lab, students)) if course.bank_of(lab) else {}
    left = gone(course)
    with gradebook(course) as book:
        try:
            assignment = book.find_assignment(lab)
            now = standings(book, lab)
        except MissingEntry:
            raise LookupError(f"{lab} is not in the gradebook: run `grader grade {lab}` first.") from None
        found: list[Result] = []
        failed: list[tuple[StudentText, StudentText]] = []
        there = [one for one in submitters(book, lab) if students is None or one in students]
        rows = submission_rows(book, lab, [one for one in there if one not in left])
        for student, row in rows.items():
            try:
                if isinstance(row, Exception):
                    raise row
                found.append(_result(course, lab, row, now[student], quizzes))
            except Exception as broken:  # noqa: BLE001 - one student's failure, whatever it is, is no other's
                why = f"their result cannot be read: grade again ({type(broken).__name__}: {broken})"
                failed.append((student_text(student), student_text(why)))
        max_score = float(assignment.max_score)
    path = course.reports / lab / "grading.json"
    run = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    return LabResults(
        lab=lab,
        title=title_of(course, lab),
        max_score=max_score,
        failed=tuple(sorted(failed)),
        results=tuple(sorted(found, key=lambda result: result.student)),
        rows={row["student"]: row for row in run if row["student"] not in left},
        gone={student: why for student, why in left.items() if student in there},
        run=datetime.fromtimestamp(path.stat().st_mtime).astimezone() if path.exists() else None,
    )


def _result(course: Course, lab: str, row: SubmissionRow, now: Standing, quizzes: Mapping[str, QuizScore]) -> Result:
    folder = course.folder("autograded", row.student, lab)
    exercises: list[Exercise] = []
    unused: list[str] = []
    quiz_points = None
    for notebook in row.notebooks:
        cells = dict(_cells(folder / f"{notebook.name}.ipynb"))
        own = []
        for grade in notebook.grades:
            if not grade.max_score:
                continue  # visible checks, for no points
            if grade.name == QUIZ_CELL:
                quiz_points = grade.score
            own.append(_exercise(grade, cells, notebook.comments))
        order = {name: place for place, name in enumerate(cells)}
        own.sort(key=lambda exercise: order.get(exercise.name + HIDDEN, order.get(exercise.name, len(order))))
        used = {exercise.name for exercise in own} | {exercise.name + HIDDEN for exercise in own}
        unused += [text for name, text in notebook.comments.items() if name not in used]
        alone = len(row.notebooks) == 1
        exercises += [replace(one, name=label(notebook.name, one.name, alone)) for one in own]
    return Result(
        student=row.student,
        name=student_text(row.name),
        lab=lab,
        score=now.score,
        max_score=now.max_score,
        late_penalty=now.late_penalty,
        by_hand=now.by_hand,
        exercises=tuple(exercises),
        quiz_points=quiz_points,
        quiz=quizzes.get(row.student),
        submitted=row.submitted,
        seconds_late=row.seconds_late,
        comments=tuple(unused),
    )


def _exercise(grade: GradeRow, cells: Mapping[str, Mapping[str, Any]], comments: Mapping[str, str]) -> Exercise:
    short = grade.name.removesuffix(HIDDEN)
    said = [comments[key] for key in dict.fromkeys((grade.name, short)) if key in comments]
    return Exercise(
        name=short,
        score=grade.score,
        max_score=grade.max_score,
        checks=_outcomes(cells.get(grade.name)),
        source=student_lines(cells[short]["source"]) if short in cells else NO_TEXT,
        comment="\n".join(said),
        by_hand=grade.by_hand,
        waits=grade.waits,
    )


def _cells(path: Path) -> list[tuple[str, Mapping[str, Any]]]:
    """The cells of a graded notebook that nbgrader knows, as JSON; none where there is no such notebook.

    Raises:
        OSError: it cannot be read, or is larger than any that the grader writes.
        Exception: it is no notebook.
    """
    if not path.exists():
        return []
    content = json.loads(read_plain(path, 2 * MAX_NOTEBOOK_BYTES))
    notebook = content if content["nbformat"] == 4 else nbformat.convert(content, 4)
    return [(name, cell) for cell in notebook["cells"] if (name := grade_id(cell))]


def _outcomes(cell: Mapping[str, Any] | None) -> tuple[Outcome, ...]:
    """The checks that the grader wrote into a hidden cell."""
    for output in cell.get("outputs", ()) if cell is not None else ():
        data = next((found for name in CHECKS_MIMES if (found := output.get("data", {}).get(name)) is not None), None)
        if data is not None:
            return tuple(Outcome(**check) for check in data["checks"])
    return ()


def title_of(course: Course, lab: str) -> str:
    """The first heading of the released notebook."""
    path = course.labs / lab / f"{lab}.ipynb"
    if path.is_file():
        for cell in nbformat.read(path, as_version=4).cells:
            for line in cell.source.splitlines() if cell.cell_type == "markdown" else ():
                if line.startswith("# "):
                    return str(line[2:].strip())
    return lab
