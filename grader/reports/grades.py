"""Grades as a table: the gradebook's scores, with the highest score of each quiz over all submissions."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nbgrader.api import MissingEntry

from grader.cells import QUIZ_CELL
from grader.coursedir import gradebook
from grader.grading.ledger import highest
from grader.paths import Course


@dataclass(frozen=True)
class Grade:
    """One student's points in one lab. In `score` are `quiz`, the highest of all submissions, and the late penalty."""

    student: str
    lab: str
    score: float
    max_score: float
    quiz: float | None
    late_penalty: float
    needs_manual_grade: bool


def grades(course: Course, labs: Sequence[str]) -> list[Grade]:
    """The grades of some labs, by lab and student: points given by hand and late penalties are in them.

    Raises:
        LookupError: nbgrader does not know a lab.
    """
    found = []
    with gradebook(course) as book:
        for lab in labs:
            try:
                book.find_assignment(lab)
            except MissingEntry:
                raise LookupError(f"{lab} is not in the gradebook: run `grader grade {lab}` first.") from None
            best = highest(course.ledger(lab), QUIZ_CELL)
            for submission in book.assignment_submissions(lab):
                student = submission.student.id
                cells = {g.name: g for notebook in submission.notebooks for g in notebook.grades}
                now = float(cells[QUIZ_CELL].score or 0.0) if QUIZ_CELL in cells else None
                kept = None if now is None else max(now, best.get(student, 0.0))
                raised = kept - now if kept is not None and now is not None else 0.0
                penalty = float(submission.late_submission_penalty or 0.0)
                found.append(
                    Grade(
                        student=student,
                        lab=lab,
                        score=round(max(0.0, float(submission.score or 0.0) + raised - penalty), 2),
                        max_score=float(submission.max_score),
                        quiz=kept,
                        late_penalty=penalty,
                        needs_manual_grade=bool(submission.needs_manual_grade),
                    )
                )
    return sorted(found, key=lambda grade: (grade.lab, grade.student))


def write_csv(found: Sequence[Grade], path: Path) -> Path:
    """One line a student and lab."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(Grade.__dataclass_fields__))
        writer.writeheader()
        writer.writerows(vars(grade) for grade in found)
    return path
