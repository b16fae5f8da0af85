"""A class on a Dask cluster and in a PostgreSQL gradebook is graded as on one machine into SQLite."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from distributed import Client, LocalCluster
from typer.testing import CliRunner

from grader.build.release import build_lab
from grader.cli import app
from grader.course.paths import ROOT_VARIABLE, Course
from grader.grading.assignment import Assignment
from grader.grading.autograde import grade_class
from grader.grading.on_dask import run_on
from grader.grading.result import Done, Task

LAB = "01-toy"
Rows = Callable[[Course], list[tuple[Any, ...]]]


def test_a_cluster_that_loses_a_worker_gives_the_same_gradebook(
    toy_class: Course, gradebook_rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = Course(toy_class.root.parent / "alone")
    shutil.copytree(toy_class.root, alone.root)
    killed: list[int] = []

    def engine(assignment: Assignment, tasks: Sequence[Task]) -> Iterator[Done]:
        with (
            LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
            Client(cluster) as client,
        ):
            for done in run_on(client, assignment, tasks):
                if not killed:
                    killed.append(next(iter(client.run(os.getpid).values())))
                    os.kill(killed[0], signal.SIGKILL)
                yield done

    rows = grade_class(toy_class, LAB, engine=engine)
    assert killed
    monkeypatch.setenv(ROOT_VARIABLE, str(alone.root))
    expected = grade_class(alone, LAB)
    assert [replace(row, seconds=0.0) for row in rows] == [replace(row, seconds=0.0) for row in expected]
    assert gradebook_rows(toy_class) == gradebook_rows(alone)


def test_the_gradebook_may_be_postgresql(
    toy_class: Course, postgres: str, gradebook_rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    grade_class(toy_class, LAB)
    in_sqlite = gradebook_rows(toy_class)
    toy_class.gradebook.unlink()
    shutil.rmtree(toy_class.autograded)
    address = postgres.replace("postgresql://", "postgresql+psycopg://")
    monkeypatch.setenv("GRADER_DB", address)
    build_lab(toy_class, LAB)
    result = CliRunner().invoke(app, ["grade", LAB, "--db", postgres, "--quiet"])
    assert result.exit_code == 0, result.output
    assert not toy_class.gradebook.exists()
    assert gradebook_rows(toy_class) == in_sqlite
