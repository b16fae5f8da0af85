"""Cells of a notebook as nbgrader and grading see them."""

from __future__ import annotations

from nbformat import NotebookNode


def grade_id(cell: NotebookNode) -> str | None:
    """The nbgrader id of a cell, if it has one."""
    found = cell.metadata.get("nbgrader", {}).get("grade_id")
    return None if found is None else str(found)


def is_demo(cell: NotebookNode) -> bool:
    """Whether grading skips the cell."""
    return "demo" in cell.metadata.get("tags", [])
