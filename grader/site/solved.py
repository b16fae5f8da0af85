"""What the cells of a lab show when everything is solved: the solution is run once, and its outputs are kept."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbconvert.filters import strip_ansi
from nbformat import NotebookNode

from grader.build.notebooks import read_source
from grader.cells import grade_id
from grader.course.paths import Course
from grader.files import write_whole
from labkit.cache import KEEP

NOT_RUN = re.compile(r"\blabkit\.quiz\(|\bhand_in\(|\bProgress\(")  # they show a student's own quiz, zip and progress
WIDGETS = "application/vnd.jupyter.widget-state+json"


class RunError(LookupError):
    """A solution notebook did not run through; the message says which cell, and what it raised."""


def solved(course: Course, lab: str) -> NotebookNode:
    """The solution notebook of a lab with its outputs and its widgets' state, from the cache or run now.

    Raises:
        RunError: a cell raised that may not.
    """
    notebook = read_source(course.solutions / lab / "lab.py")
    kept = course.root / "build" / "site-runs" / f"{lab}-{_key(course, lab, notebook)}.ipynb"
    if kept.is_file():
        return nbformat.read(kept, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code" and ((grade_id(cell) or "").endswith("-hidden") or NOT_RUN.search(cell.source)):
            cell.source = ""
    with tempfile.TemporaryDirectory(prefix="grader-site-") as temporary:
        folder = Path(temporary) / lab
        folder.mkdir()
        for file in _beside(course, lab):
            shutil.copy(file, folder)
        resources = {"metadata": {"path": str(folder)}}
        try:
            kernel = notebook.metadata.get("kernelspec", {}).get("name", "python3")
            client = NotebookClient(notebook, timeout=None, resources=resources, kernel_name=kernel)
            client.execute(env={**os.environ, KEEP: "off"})  # what is shown was trained for it
        except Exception as error:  # noqa: BLE001 - of a cell, of the kernel, of the client
            last = strip_ansi((str(error).strip().splitlines() or [type(error).__name__])[-1])
            raise RunError(f"{lab}: the solution notebook did not run through: {last}") from None
    for older in kept.parent.glob(f"{lab}-*.ipynb"):
        older.unlink()
    write_whole(kept, nbformat.writes(notebook).encode())
    return notebook


def still(output: dict[str, Any], notebook: NotebookNode) -> str | None:
    """The HTML in a widget that was shown, as it stood at the end; None where the output is no widget."""
    view = output.get("data", {}).get("application/vnd.jupyter.widget-view+json")
    if view is None:
        return None
    states = notebook.metadata.get("widgets", {}).get(WIDGETS, {}).get("state", {})
    return _html_of(view["model_id"], states)


def _html_of(model: str, states: dict[str, Any]) -> str:
    found = states.get(model, {})
    state = found.get("state", {})
    inside = "".join(_html_of(child.removeprefix("IPY_MODEL_"), states) for child in state.get("children", []))
    return inside + (str(state.get("value", "")) if found.get("model_name") == "HTMLModel" else "")


def _beside(course: Course, lab: str) -> list[Path]:
    """The files of a lab that its notebook may read: those that students get with it."""
    files = [path for path in (course.labs / lab).glob("*") if path.is_file() and not path.name.startswith(".")]
    return [path for path in files if path.suffix not in (".ipynb", ".jsonl", ".zip")]


def _key(course: Course, lab: str, notebook: NotebookNode) -> str:
    """What the outputs hang on: the source, the files beside it, and the libraries that lie under labs/."""
    digest = hashlib.sha256(nbformat.writes(notebook).encode())
    libraries = [path.parent for path in sorted(course.labs.glob("*/pyproject.toml"))]
    modules = [path for library in libraries for path in sorted(library.rglob("*.py"))]
    for path in [*sorted(_beside(course, lab)), *modules]:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]
