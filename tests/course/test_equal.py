"""Assignments in the forms that courses have: our gradebook is nbgrader's own, to the row."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import nbformat
import pytest

from grader.course.coursedir import gradebook
from grader.course.paths import Course

from .assignments import dataframes, intro, numerical, pandas_homework, quickstart, renamed
from .making import all_of, answers
from .roads import Graded, Roads, differences, files_of, on_all


def test_the_quickstart_course(quickstart_class: Roads) -> None:
    stock, ours = quickstart_class.stock, quickstart_class.ours
    assert len(stock.rows) > 50
    assert differences(stock.rows, ours.rows) == []
    assert len({row.score for row in ours.table.values()}) >= 3
    assert files_of(stock, quickstart.NAME) == files_of(ours, quickstart.NAME)


def test_a_homework_with_numpy_pandas_and_matplotlib(pandas_class: Roads) -> None:
    stock, ours = pandas_class.stock, pandas_class.ours
    assert len(stock.rows) > 80
    assert differences(stock.rows, ours.rows) == []
    assert files_of(stock, pandas_homework.NAME) == files_of(ours, pandas_homework.NAME)


def test_a_configuration_that_says_something_of_everything(renamed_class: Roads) -> None:
    stock, ours, mixed = renamed_class.stock, renamed_class.ours, renamed_class.mixed
    assert len(stock.rows) > 100
    assert differences(stock.rows, ours.rows) == []
    assert mixed
    assert differences(stock.rows, mixed.rows) == []
    assert files_of(stock, renamed.NAME) == files_of(ours, renamed.NAME) == files_of(mixed, renamed.NAME)
    assert "guest" not in files_of(ours, renamed.NAME)
    penalties = {key[1]: row["penalty"] for key, row in ours.rows.items() if key[0] == "notebook" and key[2] == "one"}
    assert penalties == {"ada": None, "bob": 3, "cleo": None, "dan": 0, "eve": None}
    assert ours.score("ada", "is-ada") == 1  # a step of the course's own knows who is graded
    assert ours.score("bob", "is-ada") == 0


def test_graded_folders_have_the_permissions_and_sources_that_nbgrader_gives_them(renamed_class: Roads) -> None:
    def seen(graded: Graded) -> list[tuple[str, str, int]]:
        root = graded.root / renamed.NAME / "looked at"
        paths = [path for path in sorted(root.rglob("*")) if path.is_file()]
        return [(str(path.relative_to(root)), content(path), path.stat().st_mode) for path in paths]

    def content(path: Path) -> str:
        if path.suffix != ".ipynb":
            return path.read_text()
        return str([(cell.cell_type, cell.source) for cell in nbformat.read(path, as_version=4).cells])

    assert renamed_class.mixed
    assert seen(renamed_class.stock) == seen(renamed_class.ours) == seen(renamed_class.mixed)


@pytest.mark.long
@pytest.mark.parametrize("form", [intro, numerical, dataframes], ids=lambda module: module.NAME)
def test_the_forms_that_public_courses_have(form: ModuleType, tmp_path: Path) -> None:
    form.make(tmp_path / "course")
    roads = on_all(tmp_path / "course", form.NAME)
    assert len(roads.stock.rows) >= 50
    assert differences(roads.stock.rows, roads.ours.rows) == []
    assert files_of(roads.stock, form.NAME) == files_of(roads.ours, form.NAME)
    assert len({row.score for row in roads.ours.table.values()}) == 3


def test_work_that_is_handed_in_again_after_a_person_graded_it(tmp_path: Path) -> None:
    """nbgrader takes what is newer, keeps the points that were given by hand, and asks for another look."""
    intro.make(tmp_path / "course", students=("alan", "kurt"))

    def again(root: Path) -> None:
        with gradebook(Course(root)) as book:
            for student in ("alan", "kurt"):
                book.find_grade("why", intro.NAME, intro.NAME, student).manual_score = 3
                by_hand = book.find_grade("is_leap_seen", intro.NAME, intro.NAME, student)
                by_hand.manual_score, by_hand.extra_credit = 1, 0.5
                for cell in ("why", "is_leap_seen"):
                    book.find_grade(cell, intro.NAME, intro.NAME, student).needs_manual_grade = False
                book.find_comment("why", intro.NAME, intro.NAME, student).manual_comment = "Good."
            book.db.commit()
        folder = root / "submitted" / "alan" / intro.NAME
        all_of(answers(fib=intro.SPOILED["invert"], why="Another reason."))(folder)
        (folder / "timestamp.txt").write_text("2026-04-03 08:00:00 UTC")

    roads = on_all(tmp_path / "course", intro.NAME, between=again)
    assert differences(roads.stock.rows, roads.ours.rows) == []
    found = {student: roads.ours.rows["grade", student, intro.NAME, "why"] for student in ("alan", "kurt")}
    assert {student: (row["manual"], row["needs"]) for student, row in found.items()} == {
        "alan": (3, True),
        "kurt": (3, False),
    }
