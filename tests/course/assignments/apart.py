"""Where our gradebook is another than nbgrader's, and why: work that stops nbgrader, or that cheats it.

In each case nbgrader leaves the student, or the whole class, without grades, or gives points for nothing. Here the rest
of the notebook is graded, and the student's row says what happened.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from ..making import (
    Edit,
    all_of,
    answer,
    answers,
    beside,
    cell_of,
    changed,
    code,
    graded,
    hand_in,
    manual,
    notebook,
    release,
    write,
)

NAME = "apart"
CONFIG = 'c = get_config()\nc.CourseDirectory.course_id = "apart"\nc.Execute.timeout = 3\n'
STUB = "# YOUR CODE HERE\nraise NotImplementedError()"


def source() -> dict[str, Any]:
    """The instructor's folder."""
    return {
        "apart.ipynb": notebook(
            code("import os"),
            answer("one", STUB),
            graded("one-test", 2, "assert one() == 1"),
            answer("two", STUB),
            graded("two-test", 3, "two()"),
            answer("three", STUB),
            graded("three-test", 4, "assert three() == 3"),
            manual("words", 5, "YOUR ANSWER HERE"),
        )
    }


ONE, TWO, THREE = (f"def {name}():\n    return {value}" for name, value in (("one", 1), ("two", 2), ("three", 3)))
RIGHT = answers(one=ONE, two=TWO, three=THREE, words="mine")


def _with_tag(tag: str) -> Any:
    def change(found: NotebookNode) -> None:
        for name in ("one-test", "three-test"):
            cell_of(found, name).metadata.tags = [tag]

    return change


def _copied(found: NotebookNode) -> None:
    copy = NotebookNode(cell_of(found, "one-test") | {"id": "copy", "source": "assert False"})
    found.cells.insert(1, copy)


def _renamed(found: NotebookNode) -> None:
    cell_of(found, "two-test").metadata.nbgrader.grade_id = "from-last-week"


def _old(found: NotebookNode) -> None:
    for cell in found.cells:
        if "nbgrader" in cell.metadata:
            cell.metadata.nbgrader.schema_version = 1


def _cut(folder: Path) -> None:
    path = folder / "apart.ipynb"
    path.write_bytes(path.read_bytes()[:200])


WRONG = answers(one="def one():\n    return 7", two=TWO, three="def three():\n    return 7")
STUDENTS: Mapping[str, tuple[Edit, str]] = {
    "above": (all_of(RIGHT, answers(two="def two():\n    return 99")), ""),
    "copies": (all_of(RIGHT, changed(_copied)), ""),
    "cut-off": (_cut, ""),
    "dies": (all_of(RIGHT, answers(two="os._exit(1)")), ""),
    "exits": (all_of(RIGHT, answers(two="exit()")), ""),
    "infinite": (all_of(RIGHT, answers(two="def two():\n    return float('inf')")), ""),
    "killed": (all_of(RIGHT, answers(two="import signal\nos.kill(os.getpid(), signal.SIGKILL)")), ""),
    "linked": (all_of(RIGHT, lambda folder: (folder / "notes.txt").symlink_to("/etc/passwd")), ""),
    "loops": (all_of(RIGHT, answers(two="def two():\n    while True:\n        pass")), ""),
    "no-time": (RIGHT, "yesterday evening"),
    "old-form": (all_of(RIGHT, changed(_old)), ""),
    "page": (all_of(RIGHT, beside(page__html="<script>alert(1)</script>", code__py="", notes__txt="mine")), ""),
    "renames": (all_of(RIGHT, changed(_renamed)), ""),
    "right": (RIGHT, ""),
    "skips": (all_of(WRONG, changed(_with_tag("skip-execution"))), ""),
    "stubborn": (
        all_of(
            RIGHT,
            answers(
                two="while True:\n    try:\n        while True:\n            pass\n"
                "    except KeyboardInterrupt:\n        pass"
            ),
        ),
        "",
    ),
}


def make(root: Path, only: Collection[str] = STUDENTS) -> None:
    """The course, released and handed in by some."""
    write(root, {"nbgrader_config.py": CONFIG})
    write(root / "source" / NAME, source())
    release(root, NAME)
    for student in only:
        edit, when = STUDENTS[student]
        hand_in(root, NAME, student, edit, when)
