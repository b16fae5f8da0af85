"""A first look at what was handed in: is there a notebook that can be read, and if not, why."""

from __future__ import annotations

import glob
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from grader.grading.result import Submission
from grader.paths import Course

MAX_NOTEBOOK_BYTES = 50 * 1024 * 1024
MAX_OTHER_BYTES = 20 * 1024 * 1024
MAX_OTHER_FILE_BYTES = 15 * 1024 * 1024
MAX_OTHER_FILES = 100
MAX_NAME_BYTES = 200
MAX_ENTRIES = 20_000
MAX_FOLDER_DEPTH = 20
MAX_CELLS = 2_000
MAX_PARTS = 3_000_000
MAX_JSON_DEPTH = 60
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
    if not is_text(student):
        return Intake(student, False, "the name of the folder is no UTF-8 text", "rename the folder")
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

    Links and what nbgrader ignores are left out, and so is everything beyond 100 files, 15 MB in one or 20 MB in all,
    20 folders deep or with a name of more than 200 bytes; the submission says so.
    """
    folder = course.submitted / student / lab
    notebook = folder / f"{lab}.ipynb"
    files: dict[str, bytes] = {}
    left, complete = MAX_OTHER_BYTES, True
    for path in _files_below(folder):
        if path is None:
            complete = False
        elif path != notebook:
            size = path.stat().st_size
            name = str(path.relative_to(folder))
            too_long = any(len(os.fsencode(part)) > MAX_NAME_BYTES for part in Path(name).parts)
            if too_long or size > min(left, MAX_OTHER_FILE_BYTES) or len(files) == MAX_OTHER_FILES:
                complete = False
                continue
            left -= size
            files[name] = path.read_bytes()
    return Submission(notebook.read_bytes(), files, complete)


def _files_below(folder: Path) -> Iterator[Path | None]:
    """Plain files in and below `folder`, in order, links not followed; None once for all that is too many or deep."""
    entries, folders = 0, [(folder, 0)]
    while folders:
        here, depth = folders.pop(0)
        with os.scandir(here) as found:
            listed = sorted(found, key=lambda entry: entry.name)
        for entry in listed:
            entries += 1
            if entries > MAX_ENTRIES:
                yield None
                return
            if entry.name in IGNORED or entry.is_symlink():
                continue
            if entry.is_file():
                yield here / entry.name
            elif entry.is_dir() and depth < MAX_FOLDER_DEPTH:
                folders.append((here / entry.name, depth + 1))
            elif entry.is_dir():
                yield None


def _without_notebook(course: Course, student: str, folder: Path, path: Path) -> Intake:
    others = sorted(file.name for file in folder.iterdir() if file.name not in IGNORED)
    others = [printable(name)[:60] for name in others]
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
    parts = sum(map(text.count, "[{,"))
    if parts > MAX_PARTS:
        return f"{name} has {parts:,} parts, at most {MAX_PARTS:,} are read: clear its outputs"
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}: {error.msg}"
        return f"{name} is no JSON ({where})" if text.strip() else f"{name} is an empty file"
    except (RecursionError, ValueError):  # a number of more than 4,300 digits is a ValueError
        return f"{name} is nested too deep, or holds a number too long, to be a notebook"
    if not isinstance(content, dict) or "nbformat" not in content:
        return f"{name} is JSON, but no notebook"
    if _deeper(content, MAX_JSON_DEPTH):
        return f"{name} is nested too deep to be a notebook"
    cells = content.get("cells")
    if isinstance(cells, list) and len(cells) > MAX_CELLS:
        return f"{name} has {len(cells)} cells, at most {MAX_CELLS} are read"
    _clear_outputs(cells)
    try:
        notebook = nbformat.reads(_without_surrogates(content), as_version=4)
        nbformat.validate(notebook)
    except Exception as error:  # noqa: BLE001 - nbformat raises many kinds for hostile input
        said = (str(error).splitlines() or [""])[0][:120]
        return f"{name} is no valid notebook ({printable(said) or type(error).__name__})"
    if len(notebook.cells) > MAX_CELLS:
        return f"{name} has {len(notebook.cells)} cells, at most {MAX_CELLS} are read"
    return notebook


def _deeper(content: Any, most: int) -> bool:
    """Whether JSON is nested deeper than `most`; what copies and writes it later recurses."""
    level = [content]
    for _ in range(most):
        level = [
            part
            for node in level
            for part in (node.values() if isinstance(node, dict) else node)
            if isinstance(part, dict | list)
        ]
        if not level:
            return False
    return True


def _clear_outputs(cells: Any) -> None:
    """Stored outputs count for nothing, and may be large: they go before anything else looks at them."""
    for cell in cells if isinstance(cells, list) else []:
        if isinstance(cell, dict) and isinstance(cell.get("outputs"), list):
            cell["outputs"] = []


def is_text(name: str) -> bool:
    """Whether the name of a file is UTF-8; Linux allows any bytes."""
    return not any(0xD800 <= ord(letter) < 0xE000 for letter in name)


def printable(text: str) -> str:
    """Text of a stranger for one line of a report: no control characters, no halves of characters."""
    return "".join(letter if letter.isprintable() else "�" for letter in text)


def _without_surrogates(content: object) -> str:
    """JSON can escape halves of characters, which no file can hold; they become question marks."""
    return json.dumps(content, ensure_ascii=False).encode("utf-8", "replace").decode("utf-8")


def _short(course: Course, path: Path) -> str:
    return str(path.relative_to(course.root))
