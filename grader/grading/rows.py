"""Rows of submissions that the gradebook does not know yet, many at once: those that nbgrader's own calls would make.

nbgrader makes an object for each cell of each submission, and writes it by itself: thirty milliseconds a submission.
Here the rows of all go in with a statement for each table, by the tables of nbgrader's own classes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from nbgrader import api
from nbgrader.utils import parse_utc
from sqlalchemy import insert, select

from grader.course.late import Late
from grader.grading.assignment import Assignment
from grader.grading.result import Graded, Mark

GRADED = ("GradeCell", "TaskCell")
COMMENTED = ("SolutionCell", "TaskCell")
BLANK = "No response."
NOTHING = Mark(0.0)
STUDENT, SUBMITTED, NOTEBOOK, GRADE, COMMENT = (
    kind.__table__ for kind in (api.Student, api.SubmittedAssignment, api.SubmittedNotebook, api.Grade, api.Comment)
)
CELL, OF_NOTEBOOK, OF_ASSIGNMENT = (kind.__table__ for kind in (api.BaseCell, api.Notebook, api.Assignment))

Rows = dict[str, Any]


@dataclass(frozen=True)
class New:
    """A result of a student: when it was handed in (ISO 8601, or nothing), and what it gave."""

    student: str
    handed_in: str
    graded: Graded

    @property
    def timestamp(self) -> datetime | None:
        """When it was handed in, as the gradebook has it: UTC, without saying so."""
        found: datetime | None = parse_utc(datetime.fromisoformat(self.handed_in)) if self.handed_in else None
        return found


@dataclass(frozen=True)
class Cell:
    """A cell of the gradebook that submissions have rows for: its id, name, and kind, and its notebook's."""

    id: str
    name: str
    kind: str
    notebook: str
    notebook_id: str


def unknown(book: Any, late: Late, lab: str, results: Sequence[New]) -> list[New]:
    """Those of `results` whose rows can be inserted: of students without a submission, and not late.

    What is late is left to nbgrader's plugins, which ask its objects; so is all where people come from a hub.
    """
    if book.authenticator:
        return []
    names = [one.student for one in results]
    query = select(SUBMITTED.c.student_id).join(OF_ASSIGNMENT).where(OF_ASSIGNMENT.c.name == lab)
    there = set(book.db.execute(query.where(SUBMITTED.c.student_id.in_(names))).scalars())
    due = book.db.execute(select(OF_ASSIGNMENT.c.duedate).where(OF_ASSIGNMENT.c.name == lab)).scalar_one()
    due = late.due[lab].replace(tzinfo=None) if lab in late.due else due
    return [one for one in results if one.student not in there and not _may_be_late(one, due, late, lab)]


def _may_be_late(one: New, due: datetime | None, late: Late, lab: str) -> bool:
    """Also of who has an extension of nothing, which nbgrader refuses by itself."""
    handed_in, extension = one.timestamp, late.extensions.get(lab, {}).get(one.student)
    if due is None:
        return extension is not None
    return handed_in is not None and handed_in > due + (extension or timedelta())


def insert_all(book: Any, late: Late, assignment: Assignment, results: Sequence[New]) -> None:
    """Insert the rows of results that are `unknown`; the caller commits. Nothing is asked of the database twice."""
    lab, db = assignment.lab, book.db
    known = book.find_assignment(lab)
    if lab in late.due:
        known.duedate = late.due[lab].replace(tzinfo=None)
        db.flush()
    notebooks = dict(db.execute(select(OF_NOTEBOOK.c.id, OF_NOTEBOOK.c.name).where(_of(known))).all())
    cells = list(_cells(db, notebooks))
    names = [one.student for one in results]
    there = set(db.execute(select(STUDENT.c.id).where(STUDENT.c.id.in_(names))).scalars())
    made: dict[Any, list[Rows]] = {STUDENT: [], SUBMITTED: [], NOTEBOOK: [], GRADE: [], COMMENT: []}
    made[STUDENT] = [{"id": name} for name in names if name not in there]
    for one in results:
        submission = _id()
        extension = late.extensions.get(lab, {}).get(one.student)
        own = {"id": submission, "assignment_id": known.id, "student_id": one.student}
        made[SUBMITTED].append(own | {"timestamp": one.timestamp, "extension": extension})
        ids = {notebook: _id() for notebook in notebooks}
        for notebook, number in ids.items():
            made[NOTEBOOK].append({"id": number, "assignment_id": submission, "notebook_id": notebook})
        for cell in cells:
            row = {"id": _id(), "notebook_id": ids[cell.notebook_id], "cell_id": cell.id}
            if cell.kind in GRADED:
                made[GRADE].append(row | _grade(assignment, one.graded, cell))
            if cell.kind in COMMENTED:
                made[COMMENT].append(row | {"id": _id(), "auto_comment": _comment(one.graded, cell)})
    for table, rows in made.items():
        if rows:
            db.execute(insert(table), rows)


def _of(known: Any) -> Any:
    return OF_NOTEBOOK.c.assignment_id == known.id


def _id() -> str:
    """As nbgrader's."""
    return uuid4().hex


def _cells(db: Any, notebooks: Mapping[str, str]) -> Iterator[Cell]:
    query = select(CELL.c.id, CELL.c.name, CELL.c.type, CELL.c.notebook_id).where(CELL.c.notebook_id.in_(notebooks))
    for number, name, kind, notebook in db.execute(query):
        if kind in (*GRADED, *COMMENTED):
            yield Cell(number, name, kind, notebooks[notebook], notebook)


def _grade(assignment: Assignment, graded: Graded, cell: Cell) -> Rows:
    """The columns of a new grade: as `record.write_rows` leaves them, where there was nothing before."""
    points, known = None, False
    marks = graded.marks.get(cell.notebook, {})
    if graded.graded and cell.notebook in graded.marks:
        mark = marks.get(cell.name, Mark(None, graded=False))
        points, known = mark.points, mark.graded and mark.points is not None
    elif cell.notebook in {master.name for master in assignment.masters} and (graded.graded or assignment.trusted):
        points = marks.get(cell.name, NOTHING).points  # not handed in, or not to be graded: what it earned before
        known = points is not None
    return {"auto_score": points if known else None, "needs_manual_grade": not known}


def _comment(graded: Graded, cell: Cell) -> str | None:
    mark = graded.marks.get(cell.notebook, {}).get(cell.name) if graded.graded else None
    return BLANK if mark is not None and mark.blank else None
