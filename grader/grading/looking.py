"""What is there of a submission, by names, links and sizes: the notebooks, copies of them, or why there is none.

It runs where `intake` does; nothing is read.
"""

from __future__ import annotations

import contextlib
import glob
import itertools
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from grader.course.filenames import is_attempts, is_notebook, lab_of
from grader.course.paths import Course
from grader.files import MAX_NOTEBOOK_BYTES
from grader.text import is_student_text, student_text
from labkit.quiz.attempts import ATTEMPTS_FILE

MAX_NAME_BYTES = 200
MAX_ENTRIES = 20_000
IGNORED = {".ipynb_checkpoints", "__pycache__", ".nbgrader.log", ".DS_Store"}
UNSHOWN = frozenset("<>&\"'")  # formgrader's templates write a student's id into HTML as it is


class NotReadyError(Exception):
    """Why a submission cannot be graded, and what would help; `meant` as in `Taken`."""

    def __init__(self, reason: str, remedy: str, meant: str = "") -> None:
        super().__init__(reason)
        self.reason, self.remedy, self.meant = student_text(reason), student_text(remedy), meant


def attempts_in(folder: Path) -> Path:
    """The file of attempts of a submission: of its name, else the only copy of that."""
    path = folder / ATTEMPTS_FILE
    if not os.path.lexists(path):
        with contextlib.suppress(OSError), os.scandir(folder) as found:
            copies = [entry.name for entry in itertools.islice(found, MAX_ENTRIES) if is_attempts(entry.name)]
            return folder / copies[0] if len(copies) == 1 else path
    return path


def look_at(course: Course, student: str, folder: Path, names: Sequence[str]) -> dict[str, Path]:
    """The notebooks that are there, of those that are wanted, by their names there."""
    if glob.escape(student) != student:
        found = f"nbgrader would read the name {student} as a pattern for many names"
        raise NotReadyError(found, "rename the folder: no *, ? or [ in it")
    if UNSHOWN & set(student):
        found = f"formgrader cannot show the name {student}"
        raise NotReadyError(found, "rename the folder: no <, >, &, \" or ' in it")
    if not is_text(student):
        raise NotReadyError("the name of the folder is no UTF-8 text", "rename the folder")
    if not is_student_text(student, MAX_NAME_BYTES):
        raise NotReadyError("the name of the folder has characters that cannot be shown", "rename the folder")
    if not folder.is_dir():
        raise _nothing_in(course, folder, names[0])
    paths = {name: folder / f"{name}.ipynb" for name in names}
    if any(place.is_symlink() for place in (folder.parent, folder, *paths.values())):
        raise NotReadyError("the submission is a link", "replace it by the file itself")
    there = {name: path for name, path in paths.items() if path.is_file()}
    if len(there) < len(names):
        there = _with_copies(folder, names, there)
    if not there:
        _without_notebook(course, folder, paths[names[0]])
    for path in there.values():
        size = path.stat().st_size
        if size > MAX_NOTEBOOK_BYTES:
            found = f"{student_text(path.name, 60)} has {size / 2**20:.0f} MB, at most {MAX_NOTEBOOK_BYTES // 2**20}"
            raise NotReadyError(f"{found} are read", "clear its outputs and hand it in again")
    return there


def _with_copies(folder: Path, names: Sequence[str], there: Mapping[str, Path]) -> dict[str, Path]:
    """And copies of those that are not there, `X-Copy1.ipynb` for X; or the only notebook, whatever it is called.

    Raises:
        NotReadyError: there are several copies.
    """
    with os.scandir(folder) as found:
        some = [entry for entry in itertools.islice(found, MAX_ENTRIES) if is_notebook(entry.name)]
    others = sorted(
        entry.name
        for entry in some
        if entry.is_file(follow_symlinks=False) and is_text(entry.name) and folder / entry.name not in there.values()
    )
    chosen = dict(there)
    for name in names:
        copies = [other for other in others if lab_of(other, names) == name]
        if name in there or not copies:
            continue
        if len(copies) > 1:
            said = f"no {name}.ipynb, but {', '.join(student_text(copy, 60) for copy in copies[:3])}"
            raise NotReadyError(said, f"rename the one that counts to {name}.ipynb and grade again")
        chosen[name] = folder / copies[0]
    if not chosen and len(names) == len(others) == 1:
        chosen[names[0]] = folder / others[0]
    return {name: chosen[name] for name in names if name in chosen}


def _nothing_in(course: Course, folder: Path, name: str) -> NotReadyError:
    """That nothing was handed in; or only in a folder that is called like a copy of it."""
    with contextlib.suppress(OSError), os.scandir(folder.parent) as found:
        listed = sorted(entry.name for entry in itertools.islice(found, MAX_ENTRIES) if entry.is_dir())
        near = [student_text(other, 60) for other in listed if lab_of(other, [folder.name]) is not None]
        if near:
            return NotReadyError(f"no folder {folder.name}, but {near[0]}", f"rename it to {folder.name}, grade again")
    return NotReadyError("nothing handed in", f"put {name}.ipynb into {_short(course, folder)}")


def _without_notebook(course: Course, folder: Path, path: Path) -> None:
    with os.scandir(folder) as found:
        listed = [entry.name for entry in itertools.islice(found, MAX_ENTRIES) if entry.name not in IGNORED]
    others = [student_text(name, 60) for name in sorted(listed)]
    notebooks = [name for name in others if is_notebook(name)]
    if notebooks:
        remedy = f"if one is this one, rename it to {path.name} and grade again"
        raise NotReadyError(f"no {path.name}, but {', '.join(notebooks[:3])}", remedy)
    if others:
        raise NotReadyError(f"no {path.name}, only {', '.join(others[:3])}", "ask for the notebook")
    raise NotReadyError(f"the folder {_short(course, folder)} is empty", "ask for the notebook")


def is_text(name: str) -> bool:
    """Whether the name of a file is UTF-8; Linux allows any bytes."""
    return not any(0xD800 <= ord(letter) < 0xE000 for letter in name)


def _short(course: Course, path: Path) -> str:
    with contextlib.suppress(ValueError):
        return str(path.relative_to(course.root))
    return str(path)
