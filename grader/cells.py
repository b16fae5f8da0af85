"""Cells of a notebook as nbgrader and grading see them."""

from __future__ import annotations

import ast

from nbformat import NotebookNode

QUIZ_CELL = "quiz-hidden"


def grade_id(cell: NotebookNode) -> str | None:
    """The nbgrader id of a cell, if it has one."""
    found = cell.metadata.get("nbgrader", {}).get("grade_id")
    return None if found is None else str(found)


def tags_of(cell: NotebookNode) -> list[str]:
    """The tags of a cell."""
    return list(cell.metadata.get("tags", []))


def is_demo(cell: NotebookNode) -> bool:
    """Whether grading skips the cell."""
    return "demo" in tags_of(cell)


def imports_of(notebook: NotebookNode) -> list[list[str]]:
    """The imports of a notebook's code cells: lists of a module and the names taken from it.

    Demo cells are left out, and cells that do not parse (magics).
    """
    found: dict[str, set[str]] = {}
    for cell in notebook.cells:
        if cell.cell_type != "code" or is_demo(cell):
            continue
        try:
            tree = ast.parse(cell.source)
        except SyntaxError:
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    found.setdefault(alias.name, set())
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.setdefault(node.module, set()).update(alias.name for alias in node.names)
    return [[module, *sorted(names - {"*"})] for module, names in found.items() if module.split(".")[0] != "grader"]
