"""The engine of one machine: a lost worker costs time only, and without a sandbox nothing runs unless one says so."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from typer.testing import CliRunner

from grader.cli import app
from grader.course.paths import Course
from grader.grading.autograde import Progress, grade_class, local_engine

from .conftest import STUDENTS

LAB = "01-toy"
Rows = Callable[[Course], list[tuple[Any, ...]]]


def workers() -> list[psutil.Process]:
    """The forks of the server that this process's pools come from."""
    children = [one for one in psutil.Process().children(recursive=True) if one.status() != psutil.STATUS_ZOMBIE]
    return [one for one in children if "forkserver" in " ".join(one.cmdline()) and one.ppid() != os.getpid()]


def test_a_killed_worker_costs_time_only(toy_class: Course) -> None:
    killed: list[int] = []

    def kill_one(progress: Progress) -> None:
        if not killed:
            killed.append(workers()[0].pid)
            os.kill(killed[0], signal.SIGKILL)

    rows = grade_class(toy_class, LAB, watch=kill_one, engine=local_engine(2))
    assert killed
    assert all(row.graded for row in rows)
    again = grade_class(toy_class, LAB)
    assert [replace(row, executed=False) for row in rows] == again


def test_what_checks_leave_in_the_temporary_folder_goes_with_the_run(toy_class: Course, tmp_path: Path) -> None:
    made = tmp_path / "made"
    checks = toy_class.solutions / LAB / "checks.py"
    leaves = f"import pathlib, tempfile\npathlib.Path({str(made)!r}).write_text(tempfile.mkdtemp())\n"
    checks.write_text(f"{checks.read_text(encoding='utf-8')}\n{leaves}", encoding="utf-8")
    assert all(row.graded for row in grade_class(toy_class, LAB, engine=local_engine(1)))
    folder = Path(made.read_text())
    assert folder.is_absolute()
    assert not folder.exists()


def test_progress_counts_to_the_end(toy_class: Course) -> None:
    seen: list[Progress] = []
    grade_class(toy_class, LAB, watch=seen.append, engine=local_engine(1))
    assert [now.done for now in seen] == list(range(1, STUDENTS + 1))
    assert {(now.total, now.cached, now.failed) for now in seen} == {(STUDENTS, 0, 0)}
    seen.clear()
    (toy_class.submitted / "demo-04" / LAB / f"{LAB}.ipynb").write_text("hello")
    grade_class(toy_class, LAB, watch=seen.append, engine=local_engine(1))
    assert seen[-1] == Progress(STUDENTS, STUDENTS, STUDENTS - 1, 1, "demo-04")


def test_without_a_sandbox_the_reason_and_the_way_out_are_said(toy_class: Course) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can give up a capability here; anybody else needs user namespaces")
    command = ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin", sys.executable, "-m", "grader.cli"]
    run = subprocess.run([*command, "grade", LAB], cwd=toy_class.root, capture_output=True, text=True, check=False)
    assert run.returncode == 2
    said = " ".join(run.stderr.split())
    assert "the system does not give namespaces" in said
    assert "--sandbox=none" in said
    trusting = subprocess.run(
        [*command, "grade", LAB, "--sandbox", "none", "--json"],
        cwd=toy_class.root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert trusting.returncode == 0, trusting.stderr
    rows = json.loads(trusting.stdout)
    assert all("without a sandbox" in row["flags"][0] for row in rows)


def test_no_sandbox_gives_the_same_scores_under_another_key(toy_class: Course) -> None:
    shut_in = grade_class(toy_class, LAB)
    free = grade_class(toy_class, LAB, sandboxed=False)
    assert all(row.executed for row in free)
    assert [row.score for row in free] == [row.score for row in shut_in]


def test_a_script_gets_json_and_an_exit_code(toy_class: Course) -> None:
    (toy_class.submitted / "demo-02" / LAB / f"{LAB}.ipynb").write_text("{}")
    result = CliRunner().invoke(app, ["grade", LAB, "--jobs", "1", "--json"])
    assert result.exit_code == 1
    rows = json.loads(result.stdout)
    assert [row["student"] for row in rows if not row["graded"]] == ["demo-02"]
    assert "demo-02: 01-toy.ipynb is JSON, but no notebook" in result.stderr
    quiet = CliRunner().invoke(app, ["grade", LAB, "--quiet"])
    assert (quiet.exit_code, quiet.stdout) == (1, "")


@pytest.mark.parametrize("wrong", [["--engine", "ray"], ["--sandbox", "maybe"], ["--scheduler", "tcp://127.0.0.1:1"]])
def test_wrong_use_is_said(toy: Course, wrong: list[str]) -> None:
    result = CliRunner().invoke(app, ["grade", LAB, *wrong])
    assert result.exit_code == 2
    assert "--" in result.stderr
