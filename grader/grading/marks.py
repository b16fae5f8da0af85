"""What nbgrader's gradebook takes from the cells of an executed notebook, by nbgrader's own rules."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from nbformat import NotebookNode
from nbgrader.utils import compute_checksum, determine_grade, is_grade, is_task

from grader.cells import grade_id
from grader.grading.result import Mark

QUIET = logging.getLogger("grader.marks")
QUIET.setLevel(logging.CRITICAL)


def marks_of(notebook: NotebookNode) -> Mapping[str, Mark]:
    """The mark of each cell that nbgrader knows, by name.

    Raises:
        ValueError: a test cell ended in more points than it can give; the message names the cell.
    """
    return {name: _mark(cell, name) for cell in notebook.cells if (name := grade_id(cell))}


def _mark(cell: Any, name: str) -> Mark:
    try:
        points = determine_grade(cell, QUIET)[0] if is_grade(cell) else None
    except ValueError as wrong:
        raise ValueError(f"cell {name}: {wrong}") from None
    blank = bool(cell.metadata.nbgrader.get("checksum") == compute_checksum(cell) and not is_task(cell))
    return Mark(None if points is None else float(points), blank, bool(is_grade(cell)))
