"""The one writer: results into nbgrader's gradebook and `class/autograded`, as nbgrader's own autograde leaves them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import nbformat
from nbgrader.preprocessors import AssignLatePenalties
from nbgrader.utils import compute_checksum, determine_grade, is_grade, is_task, parse_utc
from traitlets.config import Config

from grader.cells import grade_id
from grader.grading.folder import write_folder
from grader.grading.late import Late, apply_late, read_late
from grader.grading.result import Graded, Submission
from grader.paths import Course

QUIET = logging.getLogger("grader.record")
QUIET.setLevel(logging.CRITICAL)


def record(
    book: Any, course: Course, config: Config, lab: str, student: str, submission: Submission, graded: Graded
) -> None:
    """Write one result: the files first, then all rows of the submission in one transaction.

    Whenever the process ends, the gradebook holds the submission as it was before or as it is now, and the next run
    completes it. What a grader gave by hand in formgrader stays; such cells ask for a look where their grade changed.
    """
    write_folder(course, lab, student, submission, graded.notebook)
    with _one_transaction(book):
        _write_rows(book, config, lab, student, submission, graded, read_late(course))


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
    timestamp = _timestamp(submission)
    kept = book.update_or_create_submission(lab, student, **({"timestamp": timestamp} if timestamp else {}))
    apply_late(late, lab, kept)
    cells = _cells(graded)
    for notebook in kept.notebooks:
        for grade in notebook.grades:
            _set_grade(grade, cells.get(grade.name))
        for comment in notebook.comments:
            cell = cells.get(comment.name)
            blank = cell is not None and _unchanged(cell)
            comment.auto_comment = "No response." if blank else None
        book.db.flush()
        _set_penalty(config, kept, notebook, student)


def _set_grade(grade: Any, cell: Any) -> None:
    """As nbgrader's SaveAutoGrades; a cell that is not there gets 0."""
    points = determine_grade(cell, QUIET)[0] if cell is not None and is_grade(cell) else 0.0
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


def _cells(graded: Graded) -> dict[str, Any]:
    if not graded.notebook:
        return {}
    cells = nbformat.reads(graded.notebook, as_version=4).cells
    return {name: cell for cell in cells if (name := grade_id(cell))}


def _unchanged(cell: Any) -> bool:
    return bool(cell.metadata.nbgrader.get("checksum") == compute_checksum(cell) and not is_task(cell))


def _timestamp(submission: Submission) -> datetime | None:
    """When it was handed in, if a `timestamp.txt` says so; one that cannot be read says nothing."""
    try:
        found: datetime | None = parse_utc(submission.files["timestamp.txt"].decode().strip())
    except (KeyError, ValueError, UnicodeDecodeError, OverflowError):
        return None
    return found
