"""Outputs that need no checks, and so no torch: how one is made, a quiz's, and the number that nbgrader reads."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

from nbformat import NotebookNode


def made(kind: str, data: Mapping[str, Any] | None = None, **more: Any) -> NotebookNode:
    """An output as nbformat's `new_output` makes it, of parts that are valid by their making.

    Validating each by itself takes a twelfth of a worker's time; a notebook is validated whole when it is written.
    """
    output = NotebookNode(output_type=kind, **more)
    if data is not None:
        output.data, output.metadata = data, NotebookNode()
    return output


def of_quiz(lines: list[str], points: float) -> list[NotebookNode]:
    """What a quiz's hidden cell shows: the score of the best attempt, and what was wrong with the file."""
    marked = "".join(f"<p>{html.escape(line)}</p>" for line in lines)
    return [made("display_data", {"text/plain": "\n".join(lines), "text/html": marked}), of_points(points)]


def of_points(points: float) -> NotebookNode:
    """A number that nbgrader reads as the grade of its cell."""
    return made("execute_result", {"text/plain": repr(points)}, execution_count=1)
