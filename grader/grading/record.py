"""The one writer: results into nbgrader's gradebook and `autograded`, as nbgrader's own autograde leaves them.

Rows of new submissions go in together, in one transaction (`rows`); those of others by nbgrader's calls, one by one.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from nbgrader.preprocessors import AssignLatePenalties
from traitlets.config import Config

from grader.course.late import Late, apply_late
from grader.course.paths import Course
from grader.grading.assignment import Assignment
from grader.grading.folder import write_folder
from grader.grading.result import Graded, Mark, Submission
from grader.grading.rows import BLANK, NOTHING, New, insert_all, unknown
from grader.text import StudentText

QUIET = logging.getLogger("grader.record")
QUIET.setLevel(logging.CRITICAL)


@dataclass(frozen=True)
class Result:
    """What is to be recorded of a student; `again` says that it was recorded before, and by nobody else since."""

    student: str
    submission: Submission | None
    graded: Graded
    again: bool = False


Recorded = list[StudentText] | Exception
"""In words, which of the files that were handed in are not in the graded folder; or why it could not be recorded."""


@dataclass(frozen=True)
class Gradebook:
    """Where results go: the open gradebook of a course, and what rows depend on."""

    book: Any
    course: Course
    config: Config
    late: Late
    assignment: Assignment


def record_all(to: Gradebook, results: Sequence[Result]) -> list[Recorded]:
    """Write results: the files of each first, then the rows of all.

    Whenever the process ends, the gradebook holds each submission as it was before or as it is now, and the next run
    completes it. What a grader gave by hand in formgrader stays. With trusted checks such cells ask for a look where
    their grade changed; with ordinary tests all do, as in nbgrader, unless this result is recorded `again`.
    Where nothing could be graded, an assignment with trusted checks has rows with 0 points. One with ordinary tests has
    what nbgrader leaves: no row where nothing was handed in, and no points where a step failed.
    What cannot be recorded stops nothing else.
    """
    done: dict[int, Recorded] = {}
    rows: dict[int, Result] = {}
    for number, one in enumerate(results):
        try:
            done[number] = write_folder(to.course, to.assignment, one.student, one.submission, one.graded)
        except Exception as refused:  # noqa: BLE001 - one student's failure, whatever it is, is no other's
            done[number] = refused
            continue
        if to.assignment.trusted or one.submission or _handed_in(to.course, to.assignment, one.student):
            rows[number] = one
    inserted = _insert(to, list(rows.values()))
    for number, one in rows.items():
        if one.student in inserted:
            continue
        try:
            _update(to, one)
        except Exception as refused:  # noqa: BLE001 - as above
            done[number] = refused
    return [done[number] for number in range(len(results))]


def _insert(to: Gradebook, results: Sequence[Result]) -> set[str]:
    """Insert the rows of new submissions, together; whose they are. Where one is refused, none is there."""
    found = [New(r.student, r.submission.handed_in if r.submission else "", r.graded) for r in results]
    try:
        new = unknown(to.book, to.late, to.assignment.lab, found)
        if new:
            insert_all(to.book, to.late, to.assignment, new)
        to.book.db.commit()
    except Exception:  # noqa: BLE001 - each is tried by itself then, and tells
        to.book.db.rollback()
        return set()
    return {one.student for one in new}


def _update(to: Gradebook, one: Result) -> None:
    """By nbgrader's own calls."""
    with _one_transaction(to.book):
        _write_rows(to.book, to.config, to.assignment, one.student, one.submission, one.graded, to.late)
        if not to.assignment.trusted and one.graded.graded and not one.again:
            _ask_for_a_look(to.book.find_submission(to.assignment.lab, one.student), one.graded)


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
            comment.auto_comment = BLANK if mark.blank else None


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
