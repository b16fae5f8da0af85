"""Grades as a table: the gradebook's scores, with the highest score of each quiz over all submissions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbgrader.api import MissingEntry

from grader.cells import QUIZ_CELL
from grader.course.coursedir import gradebook, submitters
from grader.course.paths import Course
from grader.files import write_csv
from grader.grading.ledger import highest
from grader.text import StudentText, student_text


@dataclass(frozen=True)
class Grade:
    """One student's points in one lab. In `score` are `quiz`, the highest of all submissions, and the late penalty."""

    student: StudentText
    lab: str
    score: float
    max_score: float
    quiz: float | None
    late_penalty: float
    needs_manual_grade: bool


def grades(course: Course, labs: Sequence[str]) -> tuple[list[Grade], list[str]]:
    """The grades of some labs, by lab and student, and whose could not be read.

    Points given by hand and late penalties are in them.

    Raises:
        LookupError: nbgrader does not know a lab.
    """
    found: list[Grade] = []
    failures: list[str] = []
    with gradebook(course) as book:
        for lab in labs:
            try:
                book.find_assignment(lab)
            except MissingEntry:
                raise LookupError(f"{lab} is not in the gradebook: run `grader grade {lab}` first.") from None
            best = highest(course.ledger(lab), QUIZ_CELL)
            for student in submitters(book, lab):
                try:
                    found.append(_grade(lab, book.find_submission(lab, student), best))
                except Exception as broken:  # noqa: BLE001 - one student's failure, whatever it is, is no other's
                    who = f"{student}: {lab} cannot be read from the gradebook"
                    failures.append(student_text(f"{who}: grade again ({type(broken).__name__}: {broken})"))
    return sorted(found, key=lambda grade: (grade.lab, grade.student)), failures


def _grade(lab: str, submission: Any, best: Mapping[str, float]) -> Grade:
    student = submission.student.id
    cells = {g.name: g for notebook in submission.notebooks for g in notebook.grades}
    now = float(cells[QUIZ_CELL].score or 0.0) if QUIZ_CELL in cells else None
    kept = None if now is None else max(now, best.get(student, 0.0))
    raised = kept - now if kept is not None and now is not None else 0.0
    penalty = float(submission.late_submission_penalty or 0.0)
    return Grade(
        student=student_text(student),
        lab=lab,
        score=round(max(0.0, float(submission.score or 0.0) + raised - penalty), 2),
        max_score=float(submission.max_score),
        quiz=kept,
        late_penalty=penalty,
        needs_manual_grade=bool(submission.needs_manual_grade),
    )


def write_grades(found: Sequence[Grade], path: Path) -> Path:
    """One line a student and lab."""
    return write_csv(path, list(Grade.__dataclass_fields__), [vars(grade) for grade in found])
