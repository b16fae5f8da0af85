"""A first look at what was handed in: is there a notebook that can be read, and if not, why."""

from __future__ import annotations

import glob
import json
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from grader.grading.result import Submission
from grader.paths import Course

MAX_NOTEBOOK_BYTES = 50 * 1024 * 1024
MAX_OTHER_BYTES = 20 * 1024 * 1024
MAX_OTHER_FILES = 100
IGNORED = {".ipynb_checkpoints", "__pycache__", ".nbgrader.log", ".DS_Store"}


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
    if any(place.is_symlink() for place in (folder.parent, folder, path)):
        return Intake(student, False, "the submission is a link", "replace it by the file itself")
    if not path.is_file():
        return _without_notebook(course, student, folder, path)
    size = path.stat().st_size
    if size > MAX_NOTEBOOK_BYTES:
        found = f"{path.name} has {size / 2**20:.0f} MB, at most {MAX_NOTEBOOK_BYTES // 2**20} are read"
        return Intake(student, False, found, "clear its outputs and hand it in again")
    return Intake(student, True)


def read_submission(course: Course, lab: str, student: str) -> Submission:
    """The bytes of a submission that `look_at` found ready: its notebook, and the other files beside it.

    Links and what nbgrader ignores are left out, and so is everything beyond 100 files or 20 MB in all.
    """
    folder = course.submitted / student / lab
    notebook = folder / f"{lab}.ipynb"
    files: dict[str, bytes] = {}
    left = MAX_OTHER_BYTES
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path == notebook or path.is_symlink() or not path.is_file() or IGNORED & set(name.parts):
            continue
        if any((folder / parent).is_symlink() for parent in name.parents):
            continue
        left -= path.stat().st_size
        if left < 0 or len(files) == MAX_OTHER_FILES:
            break
        files[str(name)] = path.read_bytes()
    return Submission(notebook.read_bytes(), files)


def _without_notebook(course: Course, student: str, folder: Path, path: Path) -> Intake:
    others = sorted(file.name for file in folder.iterdir() if file.name not in IGNORED)
    notebooks = [name for name in others if name.endswith(".ipynb")]
    if notebooks:
        remedy = f"if it is this lab, rename it to {path.name} and grade again"
        return Intake(student, False, f"no {path.name}, but {', '.join(notebooks[:3])}", remedy)
    if others:
        return Intake(student, False, f"no {path.name}, only {', '.join(others[:3])}", "ask for the notebook")
    return Intake(student, False, f"the folder {_short(course, folder)} is empty", "ask for the notebook")


def read_notebook(raw: bytes, lab: str) -> NotebookNode | str:
    """The notebook of `raw` as nbformat 4, or in words what keeps it from being one."""
    name = f"{lab}.ipynb"
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        return f"{name} is not UTF-8 text (byte {error.start} is {raw[error.start]:#04x})"
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}: {error.msg}"
        return f"{name} is no JSON ({where})" if text.strip() else f"{name} is an empty file"
    except (RecursionError, ValueError):  # a number of more than 4,300 digits is a ValueError
        return f"{name} is nested too deep, or holds a number too long, to be a notebook"
    if not isinstance(content, dict) or "nbformat" not in content:
        return f"{name} is JSON, but no notebook"
    try:
        notebook = nbformat.reads(_without_surrogates(text, content), as_version=4)
        nbformat.validate(notebook)
    except Exception as error:  # noqa: BLE001 - nbformat raises many kinds for hostile input
        said = (str(error).splitlines() or [""])[0][:120]
        return f"{name} is no valid notebook ({said or type(error).__name__})"
    return notebook


def _without_surrogates(text: str, content: object) -> str:
    """JSON can escape halves of characters, which no file can hold; they become question marks."""
    if "\\ud" not in text.lower():
        return text
    return json.dumps(content, ensure_ascii=False).encode("utf-8", "replace").decode("utf-8")


def _short(course: Course, path: Path) -> str:
    return str(path.relative_to(course.root))
