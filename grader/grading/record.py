"""The one writer: results into nbgrader's gradebook and `class/autograded`, as nbgrader's own autograde leaves them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from nbgrader.preprocessors import AssignLatePenalties
from traitlets.config import Config

from grader.course.late import Late, apply_late
from grader.course.paths import Course
from grader.grading.folder import write_folder
from grader.grading.result import Graded, Mark, Submission
from grader.text import StudentText

QUIET = logging.getLogger("grader.record")
QUIET.setLevel(logging.CRITICAL)


ABSENT = Mark(0.0)


def record(
    book: Any,
    course: Course,
    config: Config,
    late: Late,
    lab: str,
    student: str,
    submission: Submission,
    graded: Graded,
) -> list[StudentText]:
    """Write one result: the files first, then all rows of the submission in one transaction.

    Returns, in words, which of the files that were handed in are not in the graded folder.

    Whenever the process ends, the gradebook holds the submission as it was before or as it is now, and the next run
    completes it. What a grader gave by hand in formgrader stays; such cells ask for a look where their grade changed.
    """
    left = write_folder(course, lab, student, submission, graded.notebook)
    with _one_transaction(book):
        _write_rows(book, config, lab, student, submission, graded, late)
    return left


@contextmanager
def _one_transaction(book: Any) -> Iterator[None]:
    """Let nbgrader's calls, each of which commits, only flush; commit once at the end, or take everything back."""
    book.db.commit = book.db.flush
    try:
        yield
    except BaseException:
        book.db.rollback()
        raise
    finally:
        del book.db.commit
    book.db.commit()


def _write_rows(
    book: Any, config: Config, lab: str, student: str, submission: Submission, graded: Graded, late: Late
) -> None:
    book.update_or_create_student(student)
    timestamp = datetime.fromisoformat(submission.handed_in) if submission.handed_in else None
    kept = book.update_or_create_submission(lab, student, **({"timestamp": timestamp} if timestamp else {}))
    apply_late(late, lab, kept)
    for notebook in kept.notebooks:
        for grade in notebook.grades:
            _set_grade(grade, graded.marks.get(grade.name, ABSENT).points)
        for comment in notebook.comments:
            blank = graded.marks.get(comment.name, ABSENT).blank
            comment.auto_comment = "No response." if blank else None
        book.db.flush()
        _set_penalty(config, kept, notebook, student)


def _set_grade(grade: Any, points: float | None) -> None:
    """As nbgrader's SaveAutoGrades."""
    if grade.auto_score == points and not grade.needs_manual_grade:
        return
    same = grade.auto_score == points
    grade.auto_score = points
    if points is None or (grade.manual_score is not None and not same):
        grade.needs_manual_grade = True
    elif grade.manual_score is None:
        grade.needs_manual_grade = False


def _set_penalty(config: Config, submission: Any, notebook: Any, student: str) -> None:
    """By the plugin that nbgrader's configuration names, as AssignLatePenalties does it."""
    notebook.late_submission_penalty = None
    if submission.total_seconds_late <= 0:
        return
    assigner = AssignLatePenalties(config=config, log=QUIET)
    assigner.init_plugin()
    penalty = assigner.plugin_inst.late_submission_penalty(student, notebook.score, submission.total_seconds_late)
    if penalty is not None:
        notebook.late_submission_penalty = assigner._check_late_penalty(notebook, penalty)
