"""`class/autograded/STUDENT/LAB`: the graded notebook, what the release has, and of what was handed in the inert."""

from __future__ import annotations

import contextlib
import logging
import shutil
from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import NbGraderPreprocessor

from grader.course.coursedir import course_of, load_config
from grader.course.paths import Course
from grader.files import write_whole
from grader.grading.assignment import Assignment
from grader.grading.given import Given, given_files, under
from grader.grading.intake import read_files
from grader.grading.result import Graded, Submission
from grader.inert import is_inert, left_behind
from grader.text import StudentText, student_text

READ_ONLY = 0o444


def write_folder(
    course: Course, assignment: Assignment, student: str, submission: Submission | None, graded: Graded
) -> list[StudentText]:
    """Write the folder of one graded submission; where nothing was graded there is none.

    Returns one line for the student's row that names the files that stay in `submitted`, or none.
    """
    folder = course.folder("autograded", student, assignment.lab)
    if not graded.notebooks:
        shutil.rmtree(folder, ignore_errors=True)
        return []
    handed_in = submission.files if submission else {}
    notebooks = {f"{name}.ipynb": text.encode("utf-8") for name, text in graded.notebooks.items()}
    others = {path.name for path in course.source_of(assignment.lab).glob("*.ipynb")} - notebooks.keys()
    kept = others - {f"{master.name}.ipynb" for master in assignment.masters}  # graded before, not asked for now
    given = assignment.given
    beside = _beside([*given.names, *notebooks], {**handed_in, **graded.files}, given.spared) | dict(given.small)
    _write(folder, beside | notebooks, assignment.steps.permissions, kept | given.large.keys())
    _copy_large(folder, given, assignment.steps.permissions)
    return left_behind(handed_in, [*given.names, *given.spared])


class KeepInert(NbGraderPreprocessor):  # type: ignore[misc]
    """For `nbgrader autograde`, which copies nothing of a student (`course.coursedir`): what `grader grade` leaves."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        """Write the folder of the submission in `resources`; the notebook is written later, and comes back as it is."""
        course = course_of(self)
        lab, student = resources["nbgrader"]["assignment"], resources["nbgrader"]["student"]
        config = load_config(course)
        given = given_files(course, lab, config)
        files = files_of(course, lab, student, self.log, tuple(CourseDirectory(config=config).ignore))
        lay_out(course, lab, student, files, given)
        for line in left_behind(files, [*given.names, *given.spared]):
            self.log.warning("%s: %s", student, line)
        return nb, resources


def lay_out(course: Course, lab: str, student: str, files: Mapping[str, bytes], given: Given) -> None:
    """Let the graded folder that nbgrader works on hold what `grader grade` leaves in one: of a student the inert.

    nbgrader makes that folder anew for each run; what notebooks wrote into it, and they themselves, stay.
    """
    folder = course.folder("autograded", student, lab)
    folder.mkdir(parents=True, exist_ok=True)
    notebooks = {path.name for path in (*course.source_of(lab).glob("*.ipynb"), *folder.glob("*.ipynb"))}
    kept = {name for name, content in files_in(folder).items() if is_inert(name, content)} | set(given.spared)
    beside = _beside([*given.names, *notebooks], files, given.spared) | dict(given.small)
    _write(folder, beside, READ_ONLY, notebooks | given.large.keys() | kept)
    _copy_large(folder, given, READ_ONLY)


def files_in(folder: Path, without: Set[str] = frozenset()) -> Mapping[str, bytes]:
    """What stands in a graded folder, but for some names."""
    plain = [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink()]
    names = {path.relative_to(folder).as_posix(): path for path in plain}
    return {name: path.read_bytes() for name, path in names.items() if name not in without}


def files_of(
    course: Course, lab: str, student: str, log: logging.Logger, ignore: Sequence[str] = ()
) -> Mapping[str, bytes]:
    """What was handed in beside the notebooks: from `submitted`, where no student code has been.

    Raises:
        OSError: it cannot be read; `log` says what to do. nbgrader leaves this submission ungraded and goes on.
    """
    try:
        return read_files(course.folder("submitted", student, lab), ignore)
    except OSError as refused:
        what = f"{course.submitted.name}/{student_text(student)}"
        why = refused.strerror or type(refused).__name__
        log.error("%s/%s cannot be read: %s. Look at its rights: chmod -R u+rX %s", what, lab, why, what)
        raise


def _beside(taken: list[str], files: Mapping[str, bytes], spared: Sequence[str]) -> dict[str, bytes]:
    """Of what was handed in or written, the inert, but nothing that stands where the course has its own: `taken`.

    What the instructor spared by name from being overwritten is there too, as it was handed in.
    """
    found = under(files, taken).items()
    return {name: content for name, content in found if name in spared or is_inert(name, content)}


def _copy_large(folder: Path, given: Given, mode: int) -> None:
    """The course's large files, copied once."""
    for name in given.large:
        source, goal = given.path(name), folder / name
        if goal.is_file() and not goal.is_symlink() and _same(source, goal):
            continue
        goal.parent.mkdir(parents=True, exist_ok=True)
        part = goal.with_name(f".{goal.name}.part")
        part.unlink(missing_ok=True)
        shutil.copy2(source, part)
        part.chmod(mode)
        part.replace(goal)


def _same(one: Path, other: Path) -> bool:
    a, b = one.stat(), other.stat()
    return (a.st_size, a.st_mtime_ns) == (b.st_size, b.st_mtime_ns)


def _write(folder: Path, files: Mapping[str, bytes], mode: int, kept: Set[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    _remove_others(folder, files.keys() | kept)
    for name, content in files.items():
        path = folder / name
        if not path.is_file() or path.read_bytes() != content:
            write_whole(path, content, mode)


def _remove_others(folder: Path, names: Set[str]) -> None:
    """Remove all else, so that a file can stand where a folder was and the other way round."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            with contextlib.suppress(OSError):  # not empty: it is needed
                path.rmdir()
        elif str(path.relative_to(folder)) not in names:
            path.unlink()
