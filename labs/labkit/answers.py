"""Whether an answer is still the one that was checked: fingerprints of answer cells, in kernel and notebook."""

from __future__ import annotations

import ast
import hashlib
import linecache
import sys
from pathlib import Path
from typing import Any

from labkit.exercises import PROGRESS_FILE, notebook_of, progress_lines, read_notebook, source_of


def fingerprint(source: str) -> str:
    """16 hex digits that change with what a cell does, not with its comments or line breaks."""
    try:
        return _of_python(_plain(source))
    except SyntaxError:  # of IPython, about what it alone understands
        return _of_python(source)


def _of_python(source: str) -> str:
    try:
        kept = ast.dump(ast.parse(source))
    except (SyntaxError, ValueError, RecursionError):
        kept = "\n".join(line.rstrip() for line in source.strip().splitlines())
    return hashlib.sha256(kept.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def of_function(exercise: str) -> str:
    """The fingerprint of the cell that defined the function `exercise` in this kernel; empty if that is not known."""
    code = getattr(vars(sys.modules["__main__"]).get(exercise), "__code__", None)
    lines = linecache.getlines(code.co_filename) if code is not None else []
    return _of_python("".join(lines)) if lines else ""  # as IPython compiled it


def changed_since(folder: Path) -> list[str]:
    """The exercises whose answer cells, as the notebook is saved, are not what their visible checks saw last.

    Raises:
        LabError: the notebook is no valid notebook.
    """
    checked = _checked(folder / PROGRESS_FILE)
    changed = []
    for cell in read_notebook(notebook_of(folder))["cells"]:
        name = _grade_id(cell)
        if checked.get(name) and fingerprint(source_of(cell)) != checked[name]:
            changed.append(name)
    return changed


def _checked(path: Path) -> dict[str, str]:
    """The fingerprint that the last line of each exercise has; empty where that line was written without one."""
    outcomes = (said for said in progress_lines(path) if "exercise" in said and "passed" in said)
    return {str(said["exercise"]): str(said.get("code", "")) for said in outcomes}


def _grade_id(cell: Any) -> str:
    found = cell
    for key in ("metadata", "nbgrader", "grade_id"):
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, str) else ""


def _plain(source: str) -> str:
    """A cell as Python: what IPython alone understands is translated where IPython is at work."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return source if shell is None else str(shell.transform_cell(source))
