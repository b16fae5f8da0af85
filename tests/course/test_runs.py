"""A class of an ordinary assignment, killed and resumed, cached, on a cluster, in PostgreSQL: the same grades."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
import pytest
from distributed import Client, LocalCluster

from grader.course.paths import Course
from grader.grading.assignment import Assignment
from grader.grading.autograde import Row, grade_class
from grader.grading.on_dask import run_on
from grader.grading.result import Done, Task

from .assignments import intro
from .making import all_of, answers, at, hand_in, release
from .roads import Graded, Rows, by_us, differences, rows_of

STUDENTS = 6
KILLED_AFTER = """
import os, signal, sys
from grader.course.paths import find_course
from grader.grading import autograde, record

def stop_at(progress):
    if progress.done == int(sys.argv[1]):
        os.kill(os.getpid(), signal.SIGKILL)

autograde.MOMENT_SECONDS = -1.0  # each is recorded by itself, however fast the machine
if sys.argv[2] == "between files and rows":
    real, seen = record.insert_all, []
    def inserting(*args):
        real(*args)
        seen.append(1)
        if len(seen) == 3:
            os.kill(os.getpid(), signal.SIGKILL)
    record.insert_all = inserting
autograde.grade_class(find_course(), "ps03", watch=stop_at, engine=autograde.local_engine(2))
"""


@pytest.fixture(scope="module")
def handed_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six students, with different answers."""
    root = tmp_path_factory.mktemp("runs") / "course"
    intro.make(root, students=())
    for number in range(STUDENTS):
        spoiled = {name: intro.SPOILED[name] for name in ("invert", "read_numbers", "is_leap")[: number % 4]}
        edit = all_of(answers(**intro.RIGHT | spoiled, why=f"Reason {number}."))
        hand_in(root, intro.NAME, f"student-{number}", edit)
    return root


@pytest.fixture(scope="module")
def unbroken(handed_in: Path, tmp_path_factory: pytest.TempPathFactory) -> Graded:
    """The class, graded in one go."""
    root = tmp_path_factory.mktemp("unbroken") / "course"
    shutil.copytree(handed_in, root)
    return by_us(root, intro.NAME)


@pytest.fixture
def course(handed_in: Path, tmp_path: Path) -> Iterator[Course]:
    """A copy of the class before it is graded."""
    shutil.copytree(handed_in, tmp_path / "course")
    with at(tmp_path / "course") as current:
        yield current


@pytest.fixture
def graded(unbroken: Graded, tmp_path: Path) -> Iterator[Course]:
    """A copy of the class after it was graded."""
    shutil.copytree(unbroken.root, tmp_path / "course")
    with at(tmp_path / "course") as current:
        yield current


def plain(rows: Sequence[Row]) -> list[Row]:
    return [replace(row, executed=False, seconds=0.0) for row in rows]


def nothing(*_: Any) -> Any:
    raise AssertionError("no engine may be started")


@pytest.mark.parametrize(("done", "place"), [("2", ""), ("0", "between files and rows")])
def test_a_killed_run_goes_on_where_it_was(course: Course, unbroken: Graded, done: str, place: str) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED_AFTER, done, place], cwd=course.root, check=False)
    assert killed.returncode == -signal.SIGKILL
    resumed = grade_class(course, intro.NAME)
    assert 0 < sum(row.executed for row in resumed) < STUDENTS
    assert plain(resumed) == plain(list(unbroken.table.values()))
    assert differences(rows_of(course, intro.NAME), unbroken.rows) == []


def test_what_was_graded_is_not_executed_again(graded: Course, unbroken: Graded) -> None:
    rows = grade_class(graded, intro.NAME, engine=nothing)
    assert plain(rows) == plain(list(unbroken.table.values()))
    assert differences(rows_of(graded, intro.NAME), unbroken.rows) == []


def test_changed_work_alone_is_executed(graded: Course) -> None:
    answers(fib="def fib(n):\n    return 0")(graded.folder("submitted", "student-0", intro.NAME))
    (graded.folder("submitted", "student-1", intro.NAME) / "more.txt").write_text("more")
    rows = grade_class(graded, intro.NAME)
    assert [row.student for row in rows if row.executed] == ["student-0", "student-1"]


def _another_test(course: Course) -> None:
    path = course.source_of(intro.NAME) / f"{intro.NAME}.ipynb"
    found = nbformat.read(path, as_version=4)
    (cell,) = [one for one in found.cells if one.metadata.get("nbgrader", {}).get("grade_id") == "fib_seen"]
    cell.source = "assert fib(5) == 5"
    nbformat.write(found, path)
    shutil.rmtree(course.release_of(intro.NAME))
    release(course.root, intro.NAME)


def _another_file(course: Course) -> None:
    (course.source_of(intro.NAME) / "numbers.txt").write_text("1\n")


def _another_setting(course: Course) -> None:
    with (course.root / "nbgrader_config.py").open("a") as config:
        config.write("c.Execute.timeout = 5\n")


@pytest.mark.parametrize("change", [_another_test, _another_file, _another_setting])
def test_what_a_grade_depends_on_is_graded_anew(graded: Course, change: Any) -> None:
    change(graded)
    started: list[int] = []

    def engine(_: Assignment, tasks: Sequence[Task]) -> Iterator[Done]:
        started.append(len(tasks))
        return iter(())

    with pytest.raises(KeyError):  # an engine that gives no results leaves students without rows
        grade_class(Course(graded.root), intro.NAME, engine=engine)
    assert started == [STUDENTS]


def test_equal_submissions_are_executed_once(course: Course) -> None:
    for name in ("twin-1", "twin-2"):
        shutil.copytree(course.root / "submitted" / "student-0", course.root / "submitted" / name)
    tasks_of: list[int] = []

    def engine(_: Assignment, tasks: Sequence[Task]) -> Iterator[Done]:
        tasks_of.append(len(tasks))
        return iter(())

    with pytest.raises(KeyError):
        grade_class(course, intro.NAME, engine=engine)
    assert tasks_of == [STUDENTS]


def test_on_a_cluster(course: Course, unbroken: Graded) -> None:
    def engine(assignment: Assignment, tasks: Sequence[Task]) -> Iterator[Done]:
        with (
            LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
            Client(cluster) as client,
        ):
            yield from run_on(client, assignment, tasks)

    assert plain(grade_class(course, intro.NAME, engine=engine)) == plain(list(unbroken.table.values()))
    assert differences(rows_of(course, intro.NAME), unbroken.rows) == []


def test_in_postgresql(graded: Course, postgres: str, unbroken: Graded) -> None:
    address = postgres.replace("postgresql://", "postgresql+psycopg://")
    (graded.root / "gradebook.db").unlink()
    with (graded.root / "nbgrader_config.py").open("a") as config:
        config.write(f'c.CourseDirectory.db_url = "{address}"\n')
    other = Course(graded.root)
    shutil.rmtree(other.release_of(intro.NAME))
    release(graded.root, intro.NAME)
    assert plain(grade_class(other, intro.NAME)) == plain(list(unbroken.table.values()))
    found: Rows = rows_of(other, intro.NAME)
    assert differences(found, unbroken.rows) == []
    assert not (graded.root / "gradebook.db").exists()
