"""A first look at what was handed in: is there a notebook that can be read, and if not, why."""

from __future__ import annotations

import glob
import json
from dataclasses import dataclass
from pathlib import Path

import nbformat

from grader.paths import Course

MAX_NOTEBOOK_BYTES = 50 * 1024 * 1024


@dataclass(frozen=True)
class Intake:
    """One student's submission of one lab: ready to grade, or the reason why not and what would help."""

    student: str
    ready: bool
    reason: str = ""
    remedy: str = ""


def look_at(course: Course, lab: str, student: str) -> Intake:
    """Read a submission as data only; nothing of it runs."""
    folder = course.submitted / student / lab
    path = folder / f"{lab}.ipynb"
    if glob.escape(student) != student:
        found = f"nbgrader would read the name {student} as a pattern for many names"
        return Intake(student, False, found, "rename the folder: no *, ? or [ in it")
    if not folder.is_dir():
        return Intake(student, False, "nothing handed in", f"put {path.name} into {_short(course, folder)}")
    if folder.is_symlink() or path.is_symlink():
        return Intake(student, False, "the submission is a link", "replace it by the file itself")
    if not path.is_file():
        return _without_notebook(course, student, folder, path)
    size = path.stat().st_size
    if size > MAX_NOTEBOOK_BYTES:
        found = f"{path.name} has {size / 2**20:.0f} MB, at most {MAX_NOTEBOOK_BYTES // 2**20} are read"
        return Intake(student, False, found, "clear its outputs and hand it in again")
    problem = _unreadable(path.read_bytes())
    if problem:
        return Intake(student, False, f"{path.name} {problem}", "ask for the file again; this one is kept as it is")
    return Intake(student, True)


def _without_notebook(course: Course, student: str, folder: Path, path: Path) -> Intake:
    others = sorted(file.name for file in folder.iterdir())
    notebooks = [name for name in others if name.endswith(".ipynb")]
    if notebooks:
        remedy = f"if it is this lab, rename it to {path.name} and grade again"
        return Intake(student, False, f"no {path.name}, but {', '.join(notebooks[:3])}", remedy)
    if others:
        return Intake(student, False, f"no {path.name}, only {', '.join(others[:3])}", "ask for the notebook")
    return Intake(student, False, f"the folder {_short(course, folder)} is empty", "ask for the notebook")


def _unreadable(raw: bytes) -> str:
    """What keeps `raw` from being a notebook; empty when nothing does."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        return f"is not UTF-8 text (byte {error.start} is {raw[error.start]:#04x})"
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}: {error.msg}"
        return f"is no JSON ({where})" if text.strip() else "is an empty file"
    except RecursionError:
        return "is nested too deep to be a notebook"
    if not isinstance(content, dict) or "nbformat" not in content:
        return "is JSON, but no notebook"
    try:
        nbformat.validate(nbformat.reads(text, as_version=4))
    except Exception as error:  # noqa: BLE001 - nbformat raises many kinds for hostile input
        return f"is no valid notebook ({str(error).splitlines()[0][:120] or type(error).__name__})"
    return ""


def _short(course: Course, path: Path) -> str:
    return str(path.relative_to(course.root))
