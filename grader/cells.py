"""Cells of a notebook as nbgrader and grading see them."""

from __future__ import annotations

import ast
import contextlib
import re
import warnings
from collections.abc import Mapping
from typing import Any

from nbformat import NotebookNode

QUIZ_CELL = "quiz-hidden"
CELL_MAGIC = re.compile(r"\s*%%(\w+)[^\n]*(?:\n|$)")
# Magics whose cell is Python that runs in the notebook.
OF_PYTHON = ("capture", "time", "timeit", "prun")
# What code that trains speaks of. That part of torch loads hundreds of modules at the first step, and only then.
TRAINING = re.compile(r"\b(optim|[Oo]ptimi[sz]ers?|Adam\w*|SGD|\w*Trainer|compile)\b")
OF_TRAINING = "torch.optim"


def grade_id(cell: Mapping[str, Any]) -> str | None:
    """The nbgrader id of a cell, if it has one; a cell as nbformat or as JSON has it."""
    found = cell["metadata"].get("nbgrader", {}).get("grade_id")
    return None if found is None else str(found)


def claimed_id(cell: NotebookNode) -> str | None:
    """The nbgrader id that a cell of a submission says it has, if it is text: metadata of students may be anything."""
    meta = cell.metadata.get("nbgrader")
    name = meta.get("grade_id") if isinstance(meta, dict) else None
    return name if isinstance(name, str) else None


def tags_of(cell: NotebookNode) -> list[str]:
    """The tags of a cell."""
    return list(cell.metadata.get("tags", []))


def is_demo(cell: NotebookNode) -> bool:
    """Whether grading skips the cell."""
    return "demo" in tags_of(cell)


def imports_of(notebook: NotebookNode) -> list[list[str]]:
    """The imports of a notebook's code cells: lists of a module and the names taken from it. Nothing is executed.

    Demo cells are left out, and cells that are no Python. Where torch is imported and a cell speaks of training, what
    trains is among them.
    """
    found: dict[str, set[str]] = {}
    code = [cell for cell in notebook.cells if cell.cell_type == "code" and not is_demo(cell)]
    for cell in code:
        for node in ast.walk(_parsed(cell.source)):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    found.setdefault(alias.name, set())
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.setdefault(node.module, set()).update(alias.name for alias in node.names)
    if "torch" in found and any(TRAINING.search(cell.source) for cell in code):
        found.setdefault(OF_TRAINING, set())
    return [[module, *sorted(names - {"*"})] for module, names in found.items() if module.split(".")[0] != "grader"]


def _parsed(source: str) -> ast.AST:
    """A cell as Python; magics and commands become calls, as IPython has it. What is no Python becomes nothing."""
    magic = CELL_MAGIC.match(source)
    if magic:
        return _parsed(source[magic.end() :]) if magic[1] in OF_PYTHON else ast.Module([], [])
    with contextlib.suppress(SyntaxError, ValueError, RecursionError, MemoryError):
        return _quietly(source)
    with contextlib.suppress(SyntaxError, ValueError, RecursionError, MemoryError):
        return _quietly(_transformed(source))
    return ast.Module([], [])


def _quietly(source: str) -> ast.AST:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of escapes in a cell's texts
        return ast.parse(source)


def _transformed(source: str) -> str:
    """What IPython makes of a cell before Python sees it. It is imported here: few cells need it."""
    from IPython.core.inputtransformer2 import TransformerManager

    return str(TransformerManager().transform_cell(source))
