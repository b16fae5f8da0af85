"""`grader convert`: asserts as a skeleton of trusted checks, which run as they stand and judge as the asserts did."""

from __future__ import annotations

from pathlib import Path

import pytest
from nbformat import NotebookNode
from typer.testing import CliRunner

from grader.build.convert import convert, summary
from grader.checks.registry import load_lab
from grader.checks.running import run_check
from grader.checks.student import InProcess
from grader.cli import app
from grader.course.paths import Course

from .making import answer, at, graded, notebook, read_only, write

SOLUTION = '''def mean(values):
    """The mean."""
    if not values:
        raise ValueError("no values")
    return sum(values) / len(values)'''
TESTS = '''"""The mean of several lists."""
assert mean([1, 2, 3]) == 2.0
assert 5.0 == mean([5])
import math
assert math.isclose(mean([0.1, 0.2]), 0.15)
assert mean([True]) is True or True
try:
    mean([])
except ValueError:
    pass
else:
    raise AssertionError("did not raise")'''
PATCHES = """before = mean
mean = None
assert before([1]) == 1.0
mean = before"""


def course_with(root: Path, *cells: NotebookNode) -> Course:
    write(root / "source" / "ps1", {"problem.ipynb": notebook(*cells)})
    return Course(root)


@pytest.fixture
def course(tmp_path: Path) -> Course:
    cells = [answer("mean", SOLUTION), graded("test-mean", 2, TESTS), graded("uses", 1, PATCHES)]
    return course_with(tmp_path, *cells, read_only("given", "import os"))


def test_what_an_assert_says_of_a_call_becomes_a_check(course: Course) -> None:
    text, found = convert(course, "ps1")
    assert summary(found) == {"cells": 2, "checks": 4, "left": 2 + 4}
    assert [one.exercise for one in found] == ["mean", "uses"]
    assert 'expect(student.mean([1, 2, 3])).equals(2.0, hint="' in text
    assert 'expect(student.mean([])).raises("ValueError", hint="' in text
    assert "#     assert mean([True]) is True or True" in text
    assert "#     mean = None" in text


def test_the_skeleton_runs_and_judges(course: Course) -> None:
    text, _ = convert(course, "ps1")
    folder = course.solutions / "ps1"
    write(folder, {"checks.py": text})
    checks = load_lab(folder)
    right: dict[str, object] = {}
    exec(SOLUTION, right)
    wrong = {"mean": lambda values: sum(values) / len(values)}  # another error for no values
    for namespace, outcome in ((right, [True] * 4), (wrong, [True, True, True, False])):
        student = InProcess(namespace, checks.fixtures)
        assert [run_check(check, "ps1", student, b"").passed for check in checks.of("mean")] == outcome
    assert sum(check.points for check in checks.of("mean")) == 2


def test_two_cells_on_one_function_are_two_exercises(tmp_path: Path) -> None:
    cells = [
        answer("mean", SOLUTION),
        graded("small", 1, "assert mean([1]) == 1.0"),
        graded("big", 2, "assert mean([9]) == 9.0"),
    ]
    _, found = convert(course_with(tmp_path, *cells), "ps1")
    assert [one.exercise for one in found] == ["small", "big"]


def test_magics_are_left_to_the_author(tmp_path: Path) -> None:
    cells = [answer("mean", SOLUTION), graded("test", 1, "%time mean([1])\nassert mean([1]) == 1.0")]
    _, [one] = convert(course_with(tmp_path, *cells), "ps1")
    assert (one.said, len(one.left)) == ((), 2)


def test_the_command_writes_once_and_never_over_what_is_there(course: Course) -> None:
    (course.root / "nbgrader_config.py").write_text("c = get_config()\n")
    with at(course.root):
        first, second, other = (CliRunner().invoke(app, ["convert", name]) for name in ("ps1", "ps1", "ps2"))
    assert first.exit_code == 0
    assert "4 checks from 2 test cells" in " ".join(first.output.split())
    assert second.exit_code == 2
    assert "is there already" in second.output
    assert other.exit_code == 2
    assert "has no notebooks" in other.output
