"""The one writer: results into nbgrader's gradebook and `autograded`, as nbgrader's own autograde leaves them."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from nbgrader.preprocessors import AssignLatePenalties
from traitlets.config import Config

from grader.course.late import Late, apply_late
from grader.course.paths import Course
from grader.grading.assignment import Assignment
from grader.grading.folder import write_folder
from grader.grading.result import Graded, Mark, Submission
from grader.text import StudentText

QUIET = logging.getLogger("grader.record")
QUIET.setLevel(logging.CRITICAL)

NOTHING = Mark(0.0)


def record(
    book: Any,
    course: Course,
    config: Config,
    late: Late,
    assignment: Assignment,
    student: str,
    submission: Submission | None,
    graded: Graded,
    again: bool = False,
) -> list[StudentText]:
    """Write one result: the files first, then all rows of the submission in one transaction.

    Returns, in words, which of the files that were handed in are not in the graded folder.

    Whenever the process ends, the gradebook holds the submission as it was before or as it is now, and the next run
    completes it. What a grader gave by hand in formgrader stays. With trusted checks such cells ask for a look where
    their grade changed; with ordinary tests all do, as in nbgrader, unless this result is recorded `again`.
    Where nothing could be graded, an assignment with trusted checks has rows with 0 points. One with ordinary tests has
    what nbgrader leaves: no row where nothing was handed in, and no points where a step failed.
    """
    left = write_folder(course, assignment, student, submission, graded)
    if not assignment.trusted and submission is None and not _handed_in(course, assignment, student):
        return left
    with _one_transaction(book):
        _write_rows(book, config, assignment, student, submission, graded, late)
        if not assignment.trusted and graded.graded and not again:
            _ask_for_a_look(book.find_submission(assignment.lab, student), graded)
    return left


def _handed_in(course: Course, assignment: Assignment, student: str) -> bool:
    """Whether there is a notebook, though it could not be read."""
    folder = course.folder("submitted", student, assignment.lab)
    return any((folder / f"{master.name}.ipynb").is_file() for master in assignment.masters)


def _ask_for_a_look(submission: Any, graded: Graded) -> None:
    """As nbgrader's SaveAutoGrades: what a person graded before is looked at again."""
    for notebook in submission.notebooks:
        for grade in notebook.grades:
            mark = graded.marks.get(notebook.name, {}).get(grade.name)
            if mark is not None and mark.graded:
                grade.needs_manual_grade = grade.manual_score is not None or mark.points is None


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
    book: Any,
    config: Config,
    assignment: Assignment,
    student: str,
    submission: Submission | None,
    graded: Graded,
    late: Late,
) -> None:
    book.update_or_create_student(student)
    handed_in = submission.handed_in if submission else ""
    timestamp = {"timestamp": datetime.fromisoformat(handed_in)} if handed_in else {}
    kept = book.update_or_create_submission(assignment.lab, student, **timestamp)
    apply_late(late, assignment.lab, kept)
    for notebook in kept.notebooks:
        if notebook.name not in {master.name for master in assignment.masters}:
            continue  # not asked for now
        if graded.graded and notebook.name in graded.marks:
            _write_marks(notebook, graded.marks[notebook.name])
        elif graded.graded or assignment.trusted:
            _write_zeros(notebook, graded.graded, graded.marks.get(notebook.name, {}))
        if (graded.graded or not assignment.trusted) and notebook.name not in graded.marks:
            continue  # as nbgrader, which looks at no penalty of a notebook that was not handed in or not graded
        book.db.flush()
        _set_penalty(config, kept, notebook, student)


def _write_marks(notebook: Any, marks: Mapping[str, Mark]) -> None:
    """Cells that the notebook has; what it lost keeps what it had, which is nothing at first."""
    for grade in notebook.grades:
        mark = marks.get(grade.name)
        if mark is not None and mark.graded:
            _set_grade(grade, mark.points)
    for comment in notebook.comments:
        mark = marks.get(comment.name)
        if mark is not None:
            comment.auto_comment = "No response." if mark.blank else None


def _write_zeros(notebook: Any, missing: bool, kept: Mapping[str, Mark]) -> None:
    """A notebook that was not handed in, or one that could not be graded; `kept` is what it earned before."""
    for grade in notebook.grades:
        if missing:
            grade.auto_score, grade.needs_manual_grade = 0.0, False
        else:
            _set_grade(grade, kept.get(grade.name, NOTHING).points)
    for comment in () if missing else notebook.comments:
        comment.auto_comment = None


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
