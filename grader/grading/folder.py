"""`class/autograded/STUDENT/LAB`: the graded notebook, what the release has, and of what was handed in the inert."""

from __future__ import annotations

import contextlib
import logging
import shutil
from collections.abc import Mapping, Set
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor

from grader.course.paths import Course, find_course
from grader.files import write_whole
from grader.grading.intake import read_files
from grader.grading.result import Submission
from grader.inert import is_inert, left_behind
from grader.text import StudentText, student_text

READ_ONLY = 0o444


def write_folder(course: Course, lab: str, student: str, submission: Submission, notebook: str) -> list[StudentText]:
    """Write the folder of one graded submission; without a notebook there is none.

    Returns one line for the student's row that names the files that stay in `submitted`, or none.
    """
    folder = course.autograded / student / lab
    if not notebook:
        shutil.rmtree(folder, ignore_errors=True)
        return []
    released = _released(course.source / lab)
    _write(folder, _beside(lab, released, submission.files) | {f"{lab}.ipynb": notebook.encode("utf-8")})
    return left_behind(submission.files, released)


class KeepInert(NbGraderPreprocessor):  # type: ignore[misc]
    """For `nbgrader autograde`, which copies nothing of a student (`course.coursedir`): what `grader grade` leaves."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        """Write the folder of the submission in `resources`; the notebook is written later, and comes back as it is."""
        course = find_course()
        lab, student = resources["nbgrader"]["assignment"], resources["nbgrader"]["student"]
        files, released = files_of(course, lab, student, self.log), _released(course.source / lab)
        notebooks = {path.name for path in (course.source / lab).glob("*.ipynb")}  # nbgrader writes them itself
        _write(course.autograded / student / lab, _beside(lab, released, files), notebooks)
        for line in left_behind(files, released):
            self.log.warning("%s: %s", student, line)
        return nb, resources


def files_of(course: Course, lab: str, student: str, log: logging.Logger) -> Mapping[str, bytes]:
    """What was handed in beside the notebook: from `submitted`, where no student code has been.

    Raises:
        OSError: it cannot be read; `log` says what to do. nbgrader leaves this submission ungraded and goes on.
    """
    try:
        return read_files(course, lab, student)
    except OSError as refused:
        what = f"{course.submitted.name}/{student_text(student)}"
        why = refused.strerror or type(refused).__name__
        log.error("%s/%s cannot be read: %s. Look at its rights: chmod -R u+rX %s", what, lab, why, what)
        raise


def _released(master: Path) -> dict[str, bytes]:
    """The release's own files, by relative name; notebooks aside."""
    paths = [path for path in sorted(master.rglob("*")) if path.is_file() and path.suffix != ".ipynb"]
    return {str(path.relative_to(master)): path.read_bytes() for path in paths}


def _beside(lab: str, released: Mapping[str, bytes], files: Mapping[str, bytes]) -> dict[str, bytes]:
    """What stands beside the notebook; of what was handed in, nothing that stands where the release has its own."""
    taken = [*released, f"{lab}.ipynb"]
    folders = {str(parent) for name in taken for parent in Path(name).parents}
    kept = {
        name: content
        for name, content in files.items()
        if is_inert(name, content)
        and name not in folders
        and not any(str(parent) in taken for parent in Path(name).parents)
    }
    return kept | dict(released)


def _write(folder: Path, files: dict[str, bytes], kept: Set[str] = frozenset()) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    _remove_others(folder, files.keys() | kept)
    for name, content in files.items():
        path = folder / name
        if not path.is_file() or path.read_bytes() != content:
            write_whole(path, content, READ_ONLY)


def _remove_others(folder: Path, names: Set[str]) -> None:
    """Remove all else, so that a file can stand where a folder was and the other way round."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            with contextlib.suppress(OSError):  # not empty: it is needed
                path.rmdir()
        elif str(path.relative_to(folder)) not in names:
            path.unlink()
