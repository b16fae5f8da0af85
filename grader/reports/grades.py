"""Grades as a table: the gradebook's, a line a student and lab."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbgrader import api

from grader.cells import QUIZ_CELL
from grader.course.coursedir import gradebook
from grader.course.known import gone
from grader.course.paths import Course
from grader.course.standing import standings
from grader.files import write_csv
from grader.text import StudentText, student_text


@dataclass(frozen=True)
class Grade:
    """One student's points in one lab. In `score` are `quiz`, the best of all submissions, what a person gave, and what
    being late took off; `by_hand` and `late_penalty` say how much.
    """

    student: StudentText
    lab: str
    score: float
    max_score: float
    quiz: float | None
    late_penalty: float
    needs_manual_grade: bool
    by_hand: float = 0.0


def grades(course: Course, labs: Sequence[str]) -> list[Grade]:
    """The grades of some labs, by lab and student, without those who left.

    Raises:
        LookupError: nbgrader does not know a lab, or the roster cannot be read.
    """
    found: list[Grade] = []
    left = gone(course)
    with gradebook(course) as book:
        for lab in labs:
            try:
                now = standings(book, lab)
            except api.MissingEntry:
                raise LookupError(f"{lab} is not in the gradebook: run `grader grade {lab}` first.") from None
            quizzes = _quizzes(book, lab)
            found += [
                Grade(
                    student=student_text(student),
                    lab=lab,
                    score=one.score,
                    max_score=one.max_score,
                    quiz=quizzes.get(student),
                    late_penalty=one.late_penalty,
                    needs_manual_grade=one.needs_manual_grade,
                    by_hand=one.by_hand,
                )
                for student, one in now.items()
                if student not in left
            ]
    return sorted(found, key=lambda grade: (grade.lab, grade.student))


def _quizzes(book: Any, lab: str) -> dict[str, float]:
    """The points of the quiz by student, where the lab has one."""
    points = (
        book.db.query(api.Student.id, api.Grade.score)
        .select_from(api.Grade)
        .join(api.GradeCell, api.Grade.cell_id == api.GradeCell.id)
        .join(api.SubmittedNotebook, api.Grade.notebook_id == api.SubmittedNotebook.id)
        .join(api.SubmittedAssignment, api.SubmittedNotebook.assignment_id == api.SubmittedAssignment.id)
        .join(api.Student)
        .join(api.Assignment, api.SubmittedAssignment.assignment_id == api.Assignment.id)
        .filter(api.Assignment.name == lab, api.GradeCell.name == QUIZ_CELL)
    )
    return {student: float(score or 0.0) for student, score in points}


def write_grades(found: Sequence[Grade], path: Path) -> Path:
    """One line a student and lab."""
    return write_csv(path, list(Grade.__dataclass_fields__), [vars(grade) for grade in found])
