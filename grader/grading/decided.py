"""What an instructor decides about hand-ins that can be meant in two ways: a side of a conflict, another assignment."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from grader.course.paths import Course
from grader.files import MAX_NOTEBOOK_BYTES, locked, read_plain, write_whole
from grader.grading.autograde import spool_in
from grader.grading.load import load_assignment
from grader.grading.reading import take_in_all
from grader.grading.selection import wanted_of
from grader.text import StudentText, student_text

KEPT = ".ipynb_checkpoints"  # no road grades what lies there, and JupyterLab keeps earlier versions there too


def take_side(course: Course, lab: str, students: Sequence[str], side: str) -> list[StudentText]:
    """Let one side of each notebook with conflict markers be what was handed in; says of each what was done.

    The notebook as it came is kept as `.ipynb_checkpoints/NAME-conflict.ipynb` beside it.

    Raises:
        LookupError: the assignment is not known.
        OSError: something cannot be written; then the notebook is as it was.
    """
    assignment = load_assignment(course, lab)
    said = []
    with spool_in(course) as spool:
        for one in take_in_all(course, lab, wanted_of(course, assignment, spool), students, spool, side):
            if not one.ready:
                said.append(student_text(f"{one.student}: {one.reason}; {one.remedy}"))
                continue
            path = course.folder("submitted", one.student, lab) / one.meant
            kept = path.parent / KEPT / f"{path.stem}-conflict.ipynb"
            if kept.parent.is_symlink():
                raise LookupError(f"{kept.parent} is a link; take it away, and say it again.")
            write_whole(kept, read_plain(path, MAX_NOTEBOOK_BYTES))
            write_whole(path, (spool / one.digest).read_bytes())
            said.append(student_text(f"{one.student}: the side {side} of {path.name} counts; both are in {KEPT}"))
    return said


def move_all(course: Course, lab: str, students: Sequence[str]) -> list[StudentText]:
    """Put each submission that is another assignment's whole work there, with all that lies beside it; says which.

    Where something was handed in for that assignment, nothing is moved.

    Raises:
        LookupError: the assignment is not known.
        OSError: a folder cannot be written; then what was handed in is where it was.
    """
    assignment = load_assignment(course, lab)
    said = []
    with spool_in(course) as spool:
        wanted = wanted_of(course, assignment, spool)
        for one in list(take_in_all(course, lab, wanted, students, spool)):
            if one.meant:
                _move(course, lab, one.meant, one.student)
                said.append(
                    student_text(f"{one.student}: moved to {one.meant}; grade it with `grader grade {one.meant}`")
                )
    return said


def _move(course: Course, lab: str, other: str, student: str) -> None:
    """Move a folder to another assignment, and let its notebook be called like that."""
    here, goal = course.folder("submitted", student, lab), course.folder("submitted", student, other)
    with locked(course.cache / f".{lab}.lock"), locked(course.cache / f".{other}.lock"):
        if os.path.lexists(goal):
            raise LookupError(f"{goal} is there already: look which of the two counts.")
        part = goal.with_name(f".{goal.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        goal.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(here, part, symlinks=True)
        notebook = _notebook_of(part, lab)
        notebook.rename(notebook.with_name(f"{other}.ipynb"))
        part.rename(goal)
        shutil.rmtree(here)


def _notebook_of(folder: Path, lab: str) -> Path:
    path = folder / f"{lab}.ipynb"
    return path if path.is_file() else next(iter(sorted(folder.glob("*.ipynb"))))
