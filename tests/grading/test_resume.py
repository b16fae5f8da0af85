"""A run that is killed, at whatever moment, loses nothing; what was graded once is not executed again."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import psutil
import pytest

from grader.course.paths import ROOT_VARIABLE, Course
from grader.grading.autograde import Row, grade_class
from grader.grading.demo_class import make_class

from .conftest import STUDENTS

LAB = "01-toy"
Rows = Callable[[Course], list[tuple[Any, ...]]]
OwnProcesses = Callable[[], set[psutil.Process]]
ENOUGH = 120  # seconds in which processes that lost their parent end, however busy the machine is

KILLED_AFTER = """
import os, signal, sys
from grader.grading import autograde, record
from grader.course.paths import find_course

def stop_at(progress):
    if progress.done == int(sys.argv[1]):
        os.kill(os.getpid(), signal.SIGKILL)

if sys.argv[2] == "between files and rows":
    real = record._set_penalty
    seen = []
    def penalty(*args):
        seen.append(1)
        if len(seen) == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        real(*args)
    record._set_penalty = penalty
autograde.grade_class(find_course(), "01-toy", watch=stop_at, engine=autograde.local_engine(2))
"""


@pytest.fixture(scope="module")
def unbroken(
    toy_template: Course, gradebook_rows: Rows, tmp_path_factory: pytest.TempPathFactory
) -> tuple[list[Row], list[tuple[Any, ...]]]:
    """What a run that nothing stops returns of the class, and what stands in its gradebook."""
    course = Course(tmp_path_factory.mktemp("unbroken") / "course")
    shutil.copytree(toy_template.root, course.root)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv(ROOT_VARIABLE, str(course.root))
        make_class(course, LAB, size=STUDENTS)
        return [plain(row) for row in grade_class(course, LAB)], gradebook_rows(course)


@pytest.mark.parametrize(("done", "place"), [("2", ""), (str(STUDENTS - 1), ""), ("0", "between files and rows")])
def test_a_killed_run_goes_on_where_it_was_and_ends_as_an_unbroken_one(
    toy_class: Course,
    gradebook_rows: Rows,
    unbroken: tuple[list[Row], list[tuple[Any, ...]]],
    own_processes: OwnProcesses,
    done: str,
    place: str,
) -> None:
    before = own_processes()
    killed = subprocess.run([sys.executable, "-c", KILLED_AFTER, done, place], cwd=toy_class.root, check=False)
    assert killed.returncode == -signal.SIGKILL
    _, left = psutil.wait_procs(own_processes() - before, timeout=ENOUGH)
    assert left == []  # what the killed run had started ends by itself
    resumed = grade_class(toy_class, LAB)
    assert 0 < sum(row.executed for row in resumed) < len(resumed)  # what was finished is not run again
    assert ([plain(row) for row in resumed], gradebook_rows(toy_class)) == unbroken


def plain(row: Row) -> Row:
    """A row without what differs from run to run."""
    return replace(row, executed=False, seconds=0.0)


def test_an_unchanged_class_is_not_executed_and_changes_nothing(toy_class: Course, gradebook_rows: Rows) -> None:
    first = grade_class(toy_class, LAB)
    before = gradebook_rows(toy_class)
    files = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in toy_class.autograded.rglob("*") if p.is_file()}

    def nothing(*_: Any) -> Any:
        raise AssertionError("no engine may be started")

    second = grade_class(toy_class, LAB, engine=nothing)
    assert not any(row.executed for row in second)
    assert [plain(row) for row in second] == [plain(row) for row in first]
    assert gradebook_rows(toy_class) == before
    assert files == {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in toy_class.autograded.rglob("*") if p.is_file()}


def test_a_changed_check_and_a_changed_submission_are_executed_and_nothing_else(toy_class: Course) -> None:
    grade_class(toy_class, LAB)
    changed = toy_class.submitted / "demo-03" / LAB / f"{LAB}.ipynb"
    changed.write_text(changed.read_text().replace('"cells"', ' "cells"', 1))
    rows = grade_class(toy_class, LAB)
    assert [row.student for row in rows if row.executed] == ["demo-03"]
    checks = toy_class.solutions / LAB / "checks.py"
    checks.write_text(checks.read_text() + "\n# another thought\n")
    assert all(row.executed for row in grade_class(toy_class, LAB))


def test_a_damaged_result_is_executed_again(toy_class: Course) -> None:
    first = grade_class(toy_class, LAB, ["demo-01", "demo-02"])
    damaged = sorted((toy_class.cache / LAB).glob("*.json"))[0]
    damaged.write_bytes(damaged.read_bytes()[:100])
    second = grade_class(toy_class, LAB, ["demo-01", "demo-02"])
    assert sum(row.executed for row in second) == 1
    assert [plain(row) for row in second] == [plain(row) for row in first]


def test_equal_submissions_are_executed_once(toy_class: Course) -> None:
    for name in ("twin-1", "twin-2", "twin-3"):
        shutil.copytree(toy_class.submitted / "demo-01", toy_class.submitted / name)
    rows = grade_class(toy_class, LAB)
    assert len(list((toy_class.cache / LAB).glob("*.json"))) == len(rows) - 3
    assert {row.score for row in rows if row.student.startswith("twin")} == {5.0}
