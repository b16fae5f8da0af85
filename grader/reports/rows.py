"""What the gradebook has of the submissions of a lab, read in four queries, whatever the size of the class."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from nbgrader import api
from sqlalchemy import func

BASE, GRADED, TASK = (kind.__table__ for kind in (api.BaseCell, api.GradeCell, api.TaskCell))


@dataclass(frozen=True)
class GradeRow:
    """The score of one graded cell of a submission; `by_hand` says that a person gave it, `waits` that one has to."""

    name: str
    score: float
    max_score: float
    by_hand: bool
    waits: bool


@dataclass(frozen=True)
class NotebookRow:
    """One notebook of a submission: its graded cells, and comments by cell."""

    name: str
    grades: tuple[GradeRow, ...]
    comments: Mapping[str, str]


@dataclass(frozen=True)
class SubmissionRow:
    """One submission: who, when, how late, and its notebooks by name."""

    student: str
    name: str
    submitted: datetime | None
    seconds_late: float
    notebooks: tuple[NotebookRow, ...]


def submission_rows(book: Any, lab: str, students: Sequence[str]) -> Mapping[str, SubmissionRow | Exception]:
    """The submissions of these students, by student; of a row that cannot be read, why.

    Raises:
        MissingEntry: the gradebook has no such assignment.
    """
    due = book.find_assignment(lab).duedate
    notebooks = _notebooks(book, lab)
    found: dict[str, SubmissionRow | Exception] = {}
    for student, told in _submitted(book, lab, students).items():
        if isinstance(told, Exception):
            found[student] = told
            continue
        first, last, time, extension = told
        found[student] = SubmissionRow(
            student=student,
            name=" ".join(part for part in (first, last) if part),
            submitted=time,
            seconds_late=_late(time, due, extension),
            notebooks=tuple(sorted(notebooks.get(student, ()), key=lambda one: one.name)),
        )
    return found


def _submitted(book: Any, lab: str, students: Sequence[str]) -> dict[str, Any]:
    """Names, time and extension by student. Where they cannot be read together, they are one by one."""
    query = (
        book.db.query(
            api.Student.id,
            api.Student.first_name,
            api.Student.last_name,
            api.SubmittedAssignment.timestamp,
            api.SubmittedAssignment.extension,
        )
        .select_from(api.SubmittedAssignment)
        .join(api.Student)
        .join(api.Assignment)
        .filter(api.Assignment.name == lab)
    )
    wanted = {*students}
    try:
        return {student: told for student, *told in query.all() if student in wanted}
    except Exception:  # noqa: BLE001 - such as a time that is none: one student's row, and no other's
        return {student: _alone(query, student) for student in students}


def _alone(query: Any, student: str) -> Any:
    try:
        return query.filter(api.Student.id == student).one()[1:]
    except Exception as broken:  # noqa: BLE001 - it is told with the student
        return broken


def _late(time: datetime | None, due: datetime | None, extension: timedelta | None) -> float:
    """Seconds after the due date, as nbgrader's `total_seconds_late`."""
    if time is None or due is None:
        return 0.0
    return max(0.0, (time - due - (extension or timedelta())).total_seconds())


def _notebooks(book: Any, lab: str) -> dict[str, list[NotebookRow]]:
    """The notebooks of everybody's submission, by student."""
    grades: dict[str, list[GradeRow]] = defaultdict(list)
    comments: dict[str, dict[str, str]] = defaultdict(dict)
    most = func.coalesce(GRADED.c.max_score, TASK.c.max_score, 0.0)
    kept = (api.Grade.manual_score, api.Grade.extra_credit, api.Grade.needs_manual_grade)
    of_cells = (
        _of_lab(book.db.query(api.SubmittedNotebook.id, BASE.c.name, api.Grade.score, most, *kept), api.Grade, lab)
        .outerjoin(GRADED, GRADED.c.id == BASE.c.id)
        .outerjoin(TASK, TASK.c.id == BASE.c.id)
    )
    for notebook, name, score, worth, given, extra, waits in of_cells:
        by_hand = given is not None or bool(extra)
        grades[notebook].append(GradeRow(str(name), float(score or 0.0), float(worth), by_hand, bool(waits)))
    for notebook, name, text in _of_lab(
        book.db.query(api.SubmittedNotebook.id, BASE.c.name, api.Comment.comment), api.Comment, lab
    ):
        if (text or "").strip():
            comments[notebook][name] = text.strip()
    there = (
        book.db.query(api.SubmittedNotebook.id, api.SubmittedAssignment.student_id, api.Notebook.name)
        .select_from(api.SubmittedNotebook)
        .join(api.SubmittedAssignment, api.SubmittedNotebook.assignment_id == api.SubmittedAssignment.id)
        .join(api.Notebook, api.SubmittedNotebook.notebook_id == api.Notebook.id)
        .join(api.Assignment, api.SubmittedAssignment.assignment_id == api.Assignment.id)
        .filter(api.Assignment.name == lab)
    )
    found: dict[str, list[NotebookRow]] = defaultdict(list)
    for key, student, name in there:
        found[student].append(NotebookRow(str(name), tuple(grades[key]), comments[key]))
    return found


def _of_lab(query: Any, kind: Any, lab: str) -> Any:
    """Rows that belong to a cell of a submitted notebook, of one lab."""
    return (
        query.select_from(kind)
        .join(api.SubmittedNotebook, kind.notebook_id == api.SubmittedNotebook.id)
        .join(api.SubmittedAssignment, api.SubmittedNotebook.assignment_id == api.SubmittedAssignment.id)
        .join(api.Assignment, api.SubmittedAssignment.assignment_id == api.Assignment.id)
        .join(BASE, kind.cell_id == BASE.c.id)
        .filter(api.Assignment.name == lab)
    )
