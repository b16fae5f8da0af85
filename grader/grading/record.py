"""The one writer: results into nbgrader's gradebook and `class/autograded`, as nbgrader's own autograde leaves them."""

from __future__ import annotations

import contextlib
import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from nbgrader.preprocessors import AssignLatePenalties
from traitlets.config import Config

from grader.files import write_whole
from grader.grading.late import Late, apply_late
from grader.grading.result import Graded, Mark, Submission
from grader.paths import Course

READ_ONLY = 0o444
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
) -> None:
    """Write one result: the files first, then all rows of the submission in one transaction.

    Whenever the process ends, the gradebook holds the submission as it was before or as it is now, and the next run
    completes it. What a grader gave by hand in formgrader stays; such cells ask for a look where their grade changed.
    """
    _write_files(course, lab, student, submission, graded)
    with _one_transaction(book):
        _write_rows(book, config, lab, student, submission, graded, late)


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


def _write_files(course: Course, lab: str, student: str, submission: Submission, graded: Graded) -> None:
    """`class/autograded/<student>/<lab>`: the executed notebook, what the release has, and what else was handed in."""
    folder = course.autograded / student / lab
    if not graded.notebook:
        shutil.rmtree(folder, ignore_errors=True)
        return
    files = _files(course.source / lab, submission, graded.notebook)
    folder.mkdir(parents=True, exist_ok=True)
    _remove_others(folder, set(files))
    for name, content in files.items():
        path = folder / name
        if not path.is_file() or path.read_bytes() != content:
            write_whole(path, content, READ_ONLY)


def _files(master: Path, submission: Submission, notebook: str) -> dict[str, bytes]:
    """What goes to `class/autograded`; of what was handed in, nothing that stands where the release has its own."""
    paths = [path for path in sorted(master.rglob("*")) if path.is_file() and path.suffix != ".ipynb"]
    given = {str(path.relative_to(master)): path.read_bytes() for path in paths}
    given[f"{master.name}.ipynb"] = notebook.encode("utf-8")
    folders = {str(parent) for name in given for parent in Path(name).parents}
    kept = {
        name: content
        for name, content in submission.files.items()
        if name not in folders and not any(str(parent) in given for parent in Path(name).parents)
    }
    return kept | given


def _remove_others(folder: Path, names: set[str]) -> None:
    """Remove what an earlier submission left, so that a file can stand where a folder was and the other way round."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            with contextlib.suppress(OSError):  # not empty: it is needed
                path.rmdir()
        elif str(path.relative_to(folder)) not in names:
            path.unlink()
