"""Exercises of a lab's notebook, and how their visible checks came out, as `progress.jsonl` beside it says."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from labkit.errors import LabError

PROGRESS_FILE = "progress.jsonl"
CHECKS = "-checks"  # the ending of the grade_id of a cell of visible checks; before it stands the exercise's name
HEADING = re.compile(r"^#\s+(.+?)\s*$", re.M)
WORDS = {True: "passed", False: "not all pass yet", None: "not tried yet"}
_unrecorded: list[bool] = []


@dataclass(frozen=True)
class Exercise:
    """How the visible checks of one exercise came out last; `passed` and `when` (UTC) are None before the first try.

    `hints` is how many steps of its help were taken.
    """

    lab: str
    exercise: str
    passed: bool | None
    when: datetime | None
    hints: int = 0


def record(exercise: str, passed: int, total: int, folder: Path | None = None, code: Callable[[], str] = str) -> None:
    """Add one line to `progress.jsonl` in a lab's folder, the current one else: `passed` of `total` checks held.

    `code` gives the fingerprint of the answer that was checked (answers.py), by which hand_in tells what changed since.

    Nothing is written while nbgrader executes the notebook, nor into a folder that cannot be written: a check must
    never fail because of it.
    """
    if _is_recorded():
        _add_line(folder, {"exercise": exercise, "passed": passed, "total": total, "code": code()})


def record_hint(exercise: str, step: int, folder: Path) -> None:
    """Add one line to the `progress.jsonl` of a lab's folder: a step of the help of `exercise` was taken."""
    if _is_recorded():
        _add_line(folder, {"exercise": exercise, "hint": step})


def _is_recorded() -> bool:
    return not (os.environ.get("NBGRADER_EXECUTION") or _unrecorded)


def _add_line(folder: Path | None, said: dict[str, Any]) -> None:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    try:
        place = (folder or Path.cwd()).resolve()
        line = json.dumps({"lab": place.name, **said, "time": now})
        with (place / PROGRESS_FILE).open("a", encoding="utf-8") as file:
            file.write(line + "\n")
    except OSError:
        return


@contextmanager
def unrecorded() -> Iterator[None]:
    """Nothing is written meanwhile: who proves checks makes no progress."""
    _unrecorded.append(True)
    try:
        yield
    finally:
        _unrecorded.pop()


def read_lab(folder: Path) -> list[Exercise]:
    """The exercises of the lab in `folder`, in the order of its notebook, with the last outcome of each.

    Raises:
        LabError: the notebook is no valid notebook.
    """
    latest = {name: (passed, when) for name, passed, when in _outcomes(folder / PROGRESS_FILE)}
    lab = folder.resolve().name
    names = _exercises(notebook_of(folder))
    found = []
    for name in names:
        passed, when = latest.get(name, (None, None))
        found.append(Exercise(lab, name, passed, when, hints_taken(name, folder)))
    return found


def hints_taken(exercise: str, folder: Path) -> int:
    """How many steps of an exercise's help were taken: the highest that is recorded."""
    steps = [said.get("hint") for said in progress_lines(folder / PROGRESS_FILE) if said.get("exercise") == exercise]
    return max((step for step in steps if type(step) is int), default=0)


def read_notebook(path: Path) -> dict[str, Any]:
    """A notebook as its JSON object, with a list of cells.

    Raises:
        LabError: the file cannot be read, or is no notebook.
    """
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(notebook, dict) and isinstance(notebook.get("cells"), list):
            return notebook
        reason = "it has no list of cells"
    except (OSError, ValueError, RecursionError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
    remedy = "Take an older version (File → Revert Notebook to Checkpoint), or your last good copy, and save it."
    raise LabError(f"{path} is no valid notebook: {reason}.", remedy)


def notebook_of(folder: Path) -> Path:
    """The notebook of a lab's folder: it has the folder's name."""
    return folder / f"{folder.resolve().name}.ipynb"


def title_of(notebook: Path) -> str:
    """The first heading of a notebook; empty if it has none or cannot be read."""
    try:
        cells = read_notebook(notebook)["cells"]
    except LabError:
        return ""
    for cell in cells:
        is_text = isinstance(cell, dict) and cell.get("cell_type") == "markdown"
        if is_text and (found := HEADING.search(source_of(cell))):
            return found[1]
    return ""


def source_of(cell: dict[str, Any]) -> str:
    """A cell's text; notebooks keep it as a string or as a list of lines."""
    source = cell.get("source", "")
    return "".join(map(str, source)) if isinstance(source, list) else str(source)


def _exercises(path: Path) -> list[str]:
    names = []
    for cell in read_notebook(path)["cells"]:
        found: Any = cell
        for key in ("metadata", "nbgrader", "grade_id"):
            found = found.get(key) if isinstance(found, dict) else None
        if isinstance(found, str) and found.endswith(CHECKS):
            names.append(found.removesuffix(CHECKS))
    return list(dict.fromkeys(names))


def _outcomes(path: Path) -> Iterator[tuple[str, bool, datetime]]:
    """Every line of a progress file that tells an outcome: exercise, whether all checks held, when."""
    for said in progress_lines(path):
        try:
            passed, total, when = int(said["passed"]), int(said["total"]), datetime.fromisoformat(said["time"])
            yield str(said["exercise"]), passed == total > 0, when if when.tzinfo else when.replace(tzinfo=UTC)
        except (ValueError, KeyError, TypeError):
            continue


def progress_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Every readable line of a progress file. Broken lines are skipped."""
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError:
        return
    for line in lines:
        try:
            said = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(said, dict):
            yield said
