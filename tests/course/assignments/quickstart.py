"""nbgrader's own example course, as `nbgrader quickstart` makes it, and five students who take it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import nbgrader

from ..making import Edit, all_of, answers, hand_in, nothing, release

NAME = "ps1"
CONFIG = """c = get_config()
c.CourseDirectory.course_id = "course101"
c.IncludeHeaderFooter.header = "source/header.ipynb"
"""
SQUARES = """def squares(n):
    if n < 1:
        raise ValueError("n must be at least 1")
    return [i ** 2 for i in range(1, n + 1)]
"""
SUM = "def sum_of_squares(n):\n    return sum(squares(n))"

STUDENTS: Mapping[str, Edit] = {
    "bitdiddle": answers("problem1", squares=SQUARES, sum_of_squares=SUM),
    "hacker": all_of(
        answers("problem1", squares=SQUARES.replace("n + 1", "n"), sum_of_squares=SUM),
        answers("problem2", **{"part-a": "The sum *of* $i^2$.", "part-b": "Because it is so."}),
    ),
    "nothing": nothing,
    "one-of-two": lambda folder: (folder / "problem2.ipynb").unlink(),
    "reasoner": answers("problem1", squares="def squares(n):\n    return n", sum_of_squares=SUM + " + 1"),
}


def make(root: Path) -> None:
    """The course, released and handed in."""
    example = Path(nbgrader.__file__).parent / "docs" / "source" / "user_guide" / "source"
    shutil.copytree(example, root / "source", ignore=shutil.ignore_patterns("*.html", "ps1_autotest"))
    (root / "nbgrader_config.py").write_text(CONFIG)
    release(root, NAME)
    for student, edit in STUDENTS.items():
        hand_in(root, NAME, student, edit)
