"""Outputs that need no checks, and so no torch: a quiz's, and the number that nbgrader reads as a grade."""

from __future__ import annotations

import html

from nbformat import NotebookNode
from nbformat.v4 import new_output


def of_quiz(lines: list[str], points: float) -> list[NotebookNode]:
    """What a quiz's hidden cell shows: the score of the best attempt, and what was wrong with the file."""
    marked = "".join(f"<p>{html.escape(line)}</p>" for line in lines)
    return [new_output("display_data", {"text/plain": "\n".join(lines), "text/html": marked}), of_points(points)]


def of_points(points: float) -> NotebookNode:
    """A number that nbgrader reads as the grade of its cell."""
    return new_output("execute_result", {"text/plain": repr(points)}, execution_count=1)
