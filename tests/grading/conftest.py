"""What tests of grading share: a class of the toy lab, and its gradebook as rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from grader.course.coursedir import gradebook
from grader.course.paths import Course
from grader.grading.demo_class import make_class

LAB = "01-toy"
STUDENTS = 6


@pytest.fixture
def toy_class(toy: Course) -> Course:
    """Six students of the toy lab, with different answers."""
    make_class(toy, LAB, size=STUDENTS)
    return toy


@pytest.fixture(scope="session")
def gradebook_rows() -> Callable[[Course], list[tuple[Any, ...]]]:
    """Every row of a gradebook that a grade depends on, without numbers and times that differ from run to run."""

    def rows(course: Course) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = []
        with gradebook(course) as book:
            for submission in book.assignment_submissions(LAB):
                student = submission.student.id
                found.append((student, submission.score, submission.max_score, submission.needs_manual_grade))
                for notebook in submission.notebooks:
                    found.append((student, notebook.name, notebook.late_submission_penalty))
                    for g in notebook.grades:
                        found.append((student, g.name, g.auto_score, g.manual_score, g.needs_manual_grade, g.max_score))
                    found += [(student, c.name, c.auto_comment, c.manual_comment) for c in notebook.comments]
        return sorted(found, key=repr)

    return rows
