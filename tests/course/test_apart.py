"""Work that stops nbgrader or cheats it: the rest is graded here, and the student's row says what happened.

Deliberately other than nbgrader, each of which leaves the student, or all who come later, without grades there:

- A kernel that ends (`os._exit`, memory) or cannot be stopped: the other cells are graded in a new one. `exit()` and
  SIGKILL to itself do not end one.
- A graded cell that stands there twice: the last counts; nbgrader says so too, and then stops the whole class.
- A cell with a name of another assignment gives nothing; nbgrader fails the submission.
- A value above the maximum: no cell of the submission gets points, and the row names the cell; nbgrader fails it too,
  and keeps the points of the cells before.
- Metadata of an old form fail this one submission, where nbgrader stops the class.
- Words in `timestamp.txt`: graded without a time, and the row says so.

And what nbgrader gives points or room to:

- A student's tag on a graded cell does not have it skipped.
- Of a student's files only the inert stand in the graded folder; links lead nowhere.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from .assignments import apart
from .roads import Graded, by_stock, by_us, files_of


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Graded:
    """The class, graded."""
    root = tmp_path_factory.mktemp("apart") / "course"
    apart.make(root)
    return by_us(root, apart.NAME)


def scores(found: Graded, student: str) -> list[float | None]:
    return [found.score(student, f"{name}-test") for name in ("one", "two", "three")]


@pytest.mark.parametrize(
    ("student", "expected", "said"),
    [
        ("dies", [2, 0, 4], "cell 4 (two): it ended by itself"),
        ("exits", [2, 0, 4], ""),
        ("killed", [2, 0, 4], ""),
        ("stubborn", [2, 0, 4], "cell 4 (two): it took too long and could not be stopped"),
        ("loops", [2, 0, 4], "cell 5 (two-test): it took more than 3 s and was stopped"),
        ("copies", [2, 2, 4], "copied cells give no points: the last of each counts (1)"),
        ("renames", [2, None, 4], "cells with names that the assignment does not have give no points (1)"),
        ("no-time", [2, 2, 4], "timestamp.txt holds no time: when it was handed in is not known"),
        ("skips", [0, 2, 0], ""),
        ("linked", [2, 2, 4], ""),
        ("right", [2, 2, 4], ""),
    ],
)
def test_the_rest_is_graded(found: Graded, student: str, expected: list[float | None], said: str) -> None:
    row = found.table[student]
    assert scores(found, student) == expected
    assert row.score == sum(points or 0 for points in expected)
    assert [*row.events, *row.flags] == ([said] if said else [])
    assert found.rows["submission", student]["needs"] is (student != "skips")


@pytest.mark.parametrize(
    ("student", "reason"),
    [
        ("above", "ValueError: cell two-test: partial credit cannot be greater than maximum points for cell"),
        ("infinite", "ValueError: cell two-test: partial credit cannot be greater than maximum points for cell"),
        ("old-form", "SchemaTooOldError: Outdated schema version: 1 (expected 3)"),
        ("cut-off", "apart.ipynb is no JSON"),
    ],
)
def test_what_cannot_be_graded_has_no_points_and_asks_for_a_person(found: Graded, student: str, reason: str) -> None:
    assert not found.table[student].graded
    assert reason in found.table[student].reason
    assert scores(found, student) == [None, None, None]
    assert found.rows["submission", student]["needs"]
    assert student not in files_of(found, apart.NAME)


def test_only_inert_files_of_a_student_stand_in_the_graded_folder(found: Graded) -> None:
    assert files_of(found, apart.NAME)["page"] == ["apart.ipynb", "notes.txt"]
    assert files_of(found, apart.NAME)["linked"] == ["apart.ipynb"]
    (line,) = found.table["page"].events
    assert line.startswith("left in submitted/: code.py, page.html")


def test_one_copied_cell_stops_nbgrader_and_everybody_after_it(tmp_path: Path) -> None:
    root = tmp_path / "course"
    apart.make(root, only=("copies", "right"))
    stock = by_stock(root, apart.NAME)
    assert "Cell with id 'one-test' exists multiple times!" in stock.said
    assert scores(stock, "copies") == [None, None, None]
    assert not stock.of("right")
