"""Three roads to a grade agree: `grader grade`, `nbgrader autograde` as configured, stock nbgrader, on honest work."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat

from grader.cells import grade_id
from grader.course.coursedir import gradebook
from grader.course.paths import ROOT_VARIABLE, Course
from grader.grading.autograde import grade_class
from grader.grading.demo_class import make_class
from grader.grading.plain import autograde, autograde_plainly

LAB = "01-toy"
Rows = Callable[[Course], list[tuple[Any, ...]]]


def another(course: Course, name: str, monkeypatch: Any) -> Course:
    """A copy of a course, made the current one."""
    root = course.root.parent / name
    shutil.copytree(course.root, root)
    monkeypatch.setenv(ROOT_VARIABLE, str(root))
    monkeypatch.chdir(root)
    return Course(root)


def test_three_roads_give_the_same_gradebook(toy: Course, gradebook_rows: Rows, monkeypatch: Any) -> None:
    make_class(toy, LAB, size=5)  # the two slow roads take three seconds for each
    students = sorted(path.name for path in toy.submitted.iterdir())
    safe, stock = another(toy, "safe", monkeypatch), another(toy, "stock", monkeypatch)
    assert [autograde_plainly(stock, LAB, student) for student in students] == [""] * len(students)
    monkeypatch.setenv(ROOT_VARIABLE, str(safe.root))
    assert [autograde(safe, LAB, student) for student in students] == [""] * len(students)
    monkeypatch.setenv(ROOT_VARIABLE, str(toy.root))
    rows = grade_class(toy, LAB)
    assert len({row.score for row in rows}) > 2  # the class has different grades
    assert gradebook_rows(toy) == gradebook_rows(safe) == gradebook_rows(stock)


def test_the_two_safe_roads_write_the_same_notebook(toy_class: Course, monkeypatch: Any) -> None:
    safe = another(toy_class, "safe", monkeypatch)
    assert autograde(safe, LAB, "demo-03") == ""
    monkeypatch.setenv(ROOT_VARIABLE, str(toy_class.root))
    grade_class(toy_class, LAB, ["demo-03"])
    first, second = (nbformat.read(notebook_of(course, "demo-03"), as_version=4) for course in (safe, toy_class))
    assert [cell.source for cell in first.cells] == [cell.source for cell in second.cells]
    hidden = [[c.outputs for c in nb.cells if (grade_id(c) or "").endswith("-hidden")] for nb in (first, second)]
    assert hidden[0] == hidden[1]
    assert len(hidden[0]) == 2


def notebook_of(course: Course, student: str) -> Path:
    return course.autograded / student / LAB / f"{LAB}.ipynb"


def test_points_given_by_hand_stay_and_ask_for_a_look_only_where_the_grade_changed(toy_class: Course) -> None:
    grade_class(toy_class, LAB)
    with gradebook(toy_class) as book:
        by_hand = book.find_grade("mean-hidden", LAB, LAB, "demo-01")
        by_hand.manual_score = 1.0
        book.db.commit()
    grade_class(toy_class, LAB)
    with gradebook(toy_class) as book:
        kept = book.find_grade("mean-hidden", LAB, LAB, "demo-01")
        assert (kept.manual_score, kept.auto_score, kept.needs_manual_grade) == (1.0, 3.0, False)
