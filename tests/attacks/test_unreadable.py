"""Files, folders and notebooks that the grader may not read are rows, on every road; root may read all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from nbgrader.apps.api import NbGraderAPI
from nbgrader.converters import Autograde, NbGraderException
from whole_way import HONEST, TOY, everything_written, go, rows_of

from grader.course.coursedir import converter, gradebook, load_config
from grader.course.paths import Course

pytestmark = pytest.mark.skipif(os.geteuid() == 0, reason="root reads whatever the rights say; see test_as_user.py")

LOCKED: dict[str, tuple[str, int, str]] = {
    "notebook": (f"{TOY}/{TOY}.ipynb", 0o000, f"{TOY}.ipynb cannot be read: Permission denied"),
    "lab": (TOY, 0o000, "cannot be read: Permission denied"),
    "lab-without-x": (TOY, 0o600, "cannot be read: Permission denied"),
    "lab-without-r": (TOY, 0o300, f"{TOY} cannot be read: Permission denied"),
    "home": (".", 0o000, "cannot be read: Permission denied"),
    "beside": (f"{TOY}/note.txt", 0o000, "could not be read and was left out: note.txt"),
    "time": (f"{TOY}/timestamp.txt", 0o000, "could not be read and was left out: timestamp.txt"),
    "below": (f"{TOY}/below", 0o000, "could not be read and was left out: below"),
}
GRADED = ("beside", "time", "below")


@pytest.fixture
def locked(toy_alone: tuple[Course, Any], beside: Callable[[Course], Course]) -> Iterator[tuple[Course, Any]]:
    """The honest students, graded, beside whom some whose work may not be read came; and what was written before."""
    course, before = beside(toy_alone[0]), toy_alone[1]
    notebook = (course.labs / TOY / f"{TOY}.ipynb").read_bytes()
    for student, (place, mode, _) in LOCKED.items():
        folder = course.submitted / student / TOY
        (folder / "below").mkdir(parents=True)
        (folder / f"{TOY}.ipynb").write_bytes(notebook)
        for name in ("note.txt", "timestamp.txt", "below/deep.txt"):
            (folder / name).write_text("2026-11-20 12:00:00 UTC")
        (course.submitted / student / place).chmod(mode)
    yield course, before
    for student, (place, _, _) in LOCKED.items():
        (course.submitted / student / place).chmod(0o700)


def test_what_may_not_be_read_is_a_row_with_its_remedy(locked: tuple[Course, Any]) -> None:
    course, before = locked
    rows = go(course, TOY)
    assert everything_written(course, TOY) == before
    for student, (_, _, said) in LOCKED.items():
        row = rows[student]
        assert any(said in text for text in (row["reason"], *row["events"])), row
        assert row["graded"] == (student in GRADED), row
        assert row["graded"] or "chmod -R u+rX" in row["remedy"], row


def test_a_graded_notebook_that_may_not_be_read_is_a_line(locked: tuple[Course, Any]) -> None:
    course, before = locked
    go(course, TOY)
    for path in (course.autograded / "beside" / TOY / f"{TOY}.ipynb", course.autograded / "time"):
        path.chmod(0o000)
    (course.feedback / "below").chmod(0o500)
    try:
        rows = go(course, TOY)
        assert everything_written(course, TOY) == before
        assert rows["time"]["reason"].startswith("it could not be recorded: PermissionError"), rows["time"]
    finally:
        for folder in (course.autograded / "time", course.feedback / "below"):
            folder.chmod(0o700)


def test_nbgraders_own_road_goes_on(locked: tuple[Course, Any]) -> None:
    """`nbgrader autograde` and formgrader's list of the class: the readable students are there."""
    course, _ = locked
    (course.submitted / "demo-02" / TOY / "timestamp.txt").write_text("9" * 240_000)
    with contextlib.suppress(NbGraderException):  # it names, at the end, whom it could not grade
        converter(Autograde, load_config(course, assignment_id=TOY), force=True).start()
    with gradebook(course) as book:
        scores = {one.student.id: one.score for one in book.assignment_submissions(TOY)}
    assert [scores[student] for student in HONEST] == [rows_of(course, TOY)[student]["score"] for student in HONEST]
    assert {student: scores.get(student) for student in GRADED} == dict.fromkeys(GRADED, 0.0)
    listed = NbGraderAPI(config=load_config(course)).get_submissions(TOY)
    assert {*HONEST, *GRADED} <= {one["student"] for one in listed}
