"""The proof that visible checks accept what is right: every right answer passes the cell that students run."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable
from typing import Any

from grader.build.notebooks import source_notebook
from grader.cells import grade_id
from grader.checks.registry import LabChecks
from grader.course.paths import Course
from labkit.exercises import unrecorded

CHECKS = "-checks"


def refused_right(
    course: Course, lab: str, checks: LabChecks, namespace: dict[str, Any], progress: Callable[[str], None]
) -> list[str]:
    """Why right answers, and the solution, do not pass their cells of visible checks; nothing where all do.

    A cell runs in a copy of `namespace`, as the names stand in it: the solution, with one answer in its place; it sees
    what the cells of visible checks before it define.
    """
    cells = {name: cell.source for cell in source_notebook(course, lab).cells if (name := grade_id(cell) or "")}
    found, shown = [], dict(namespace)
    for exercise in checks.exercises():
        source = cells.get(f"{exercise}{CHECKS}")
        if source is None:
            continue
        progress(f"visible checks of {exercise}")
        answers = [(f"right.py:{one.line} {one.name}", one.source) for one in checks.right if one.exercise == exercise]
        for where, answer in [(f"the solution of {exercise}", ""), *answers]:
            said = _refused(source, answer, dict(shown) if answer else shown, exercise)
            found += [f"{where}: a visible check refuses it: {said}"] if said else []
    return found


def _refused(cell: str, answer: str, tried: dict[str, Any], exercise: str) -> str:
    """What the visible checks say of an answer; nothing where they pass."""
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings(), unrecorded():
            warnings.simplefilter("ignore")
            exec(compile(answer, f"<{exercise}>", "exec", dont_inherit=True), tried)
            exec(compile(cell, f"<{exercise}{CHECKS}>", "exec", dont_inherit=True), tried)
    except Exception as refused:  # noqa: BLE001 - whatever a cell raises, it refuses
        return f"{type(refused).__name__}: {refused}"
    return ""
