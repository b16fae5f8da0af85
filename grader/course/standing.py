"""What a grade is: a submission's points as nbgrader's gradebook has them, the same wherever they are shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nbgrader.api import Assignment, Grade, Student, SubmittedAssignment, SubmittedNotebook
from sqlalchemy import case, func, or_


@dataclass(frozen=True)
class Standing:
    """One submission's grade, in points.

    `score` is what counts, at least 0: what graded cells earned (the best quiz of all submissions among them), with
    what a person gave instead or on top, less what being late costs. `by_hand` is how much of it, above or below 0, a
    person's points make up; `late_penalty` what is taken off.
    """

    score: float
    max_score: float
    late_penalty: float = 0.0
    by_hand: float = 0.0
    needs_manual_grade: bool = False


def standings(book: Any, lab: str) -> Mapping[str, Standing]:
    """The grade of everybody with a row for an assignment, by student, in one look at the gradebook.

    Raises:
        MissingEntry: the gradebook has no such assignment.
    """
    most = float(book.find_assignment(lab).max_score)
    auto = func.coalesce(Grade.auto_score, 0.0)
    given = or_(Grade.manual_score.isnot(None), func.coalesce(Grade.extra_credit, 0.0) != 0.0)
    of_cells = (
        book.db.query(
            Student.id,
            func.coalesce(func.sum(Grade.score), 0.0),
            func.coalesce(func.sum(case((given, Grade.score - auto), else_=0.0)), 0.0),
            func.coalesce(func.max(case((Grade.needs_manual_grade, 1), else_=0)), 0),
        )
        .select_from(SubmittedAssignment)
        .join(Student)
        .join(Assignment)
        .outerjoin(SubmittedNotebook, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
        .outerjoin(Grade, Grade.notebook_id == SubmittedNotebook.id)
        .filter(Assignment.name == lab)
        .group_by(Student.id)
    )
    lateness = (
        book.db.query(Student.id, func.coalesce(func.sum(SubmittedNotebook.late_submission_penalty), 0.0))
        .select_from(SubmittedNotebook)
        .join(SubmittedAssignment, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
        .join(Student)
        .join(Assignment)
        .filter(Assignment.name == lab)
        .group_by(Student.id)
    )
    penalties = dict(lateness.all())
    return {
        student: Standing(
            score=counted(float(earned), float(penalties.get(student, 0.0))),
            max_score=most,
            late_penalty=round(float(penalties.get(student, 0.0)), 2),
            by_hand=round(float(by_hand), 2),
            needs_manual_grade=bool(waits),
        )
        for student, earned, by_hand, waits in of_cells
    }


def counted(earned: float, penalty: float) -> float:
    """The points that count of those that were earned, in hundredths, as nbgrader's own export has them."""
    return round(max(0.0, earned - penalty), 2)
