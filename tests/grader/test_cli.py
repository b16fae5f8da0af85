"""The command line: what it prints, and the exit codes that scripts rely on."""

from __future__ import annotations

import json
import shutil

import pytest
from typer.testing import CliRunner, Result

from grader.cli import app
from grader.course.paths import Course
from grader.usage import FELL_SHORT, HELD, WRONG_USE

LAB = "01-toy"


def grader(*args: str) -> Result:
    return CliRunner().invoke(app, list(args))


def test_build_says_what_changed_and_check_holds_after_it(toy: Course) -> None:
    (toy.labs / LAB / f"{LAB}.ipynb").unlink()
    built = grader("build", "--json")
    assert built.exit_code == HELD
    assert json.loads(built.stdout)["changed"] == [str(toy.labs / LAB / f"{LAB}.ipynb")]
    assert grader("build", "--check").exit_code == HELD


def test_check_falls_short_on_drift_and_on_a_leak_and_names_the_file(toy: Course) -> None:
    (toy.labs / "notes.md").write_text("### BEGIN SOLUTION\n")
    (toy.labs / LAB / f"{LAB}.ipynb").unlink()
    checked = grader("build", "--check")
    assert checked.exit_code == FELL_SHORT
    assert f"{LAB}.ipynb: is missing" in checked.output
    assert "notes.md:1: the marker BEGIN SOLUTION" in checked.output


def test_verify_counts_and_falls_short(toy: Course) -> None:
    held = grader("verify", LAB, "--json")
    assert held.exit_code == HELD
    assert json.loads(held.stdout)[0] | {"runs": 0, "runs_in_kernel": 12, "failures": []} == {
        "lab": LAB,
        "exercises": 2,
        "checks": 3,
        "points": 5.0,
        "wrong": 6,
        "caught": 6,
        "right": 0,
        "cases": 0,
        "runs": 0,
        "runs_in_kernel": 12,
        "failures": [],
    }
    wrong = toy.solutions / LAB / "wrong.py"
    wrong.write_text(wrong.read_text().replace("last less first", "first less last"))
    assert grader("verify", LAB).exit_code == FELL_SHORT


@pytest.mark.parametrize("command", ["build", "verify", "grade", "demo-class"])
def test_an_unknown_lab_is_wrong_use_and_the_known_ones_are_named(toy: Course, command: str) -> None:
    said = grader(command, "99-none")
    assert said.exit_code == WRONG_USE
    assert LAB in said.output
    assert "Traceback" not in said.output


def test_a_source_out_of_order_is_wrong_use_with_file_and_line(toy: Course) -> None:
    path = toy.solutions / LAB / "lab.py"
    path.write_text(path.read_text().replace('"points": 3', '"points": 4'))
    said = grader("build")
    assert said.exit_code == WRONG_USE
    assert f"{path}:" in said.output


def test_a_simulated_class_is_graded_as_expected_and_grade_gives_it_the_same_rows(toy: Course) -> None:
    made = grader("demo-class", LAB, "--students", "4", "--json")
    assert made.exit_code == HELD, made.output
    rows = json.loads(made.stdout)
    assert [row["expected"] for row in rows][:2] == [5.0, 0.0]
    shutil.rmtree(toy.submitted / "demo-04")
    (toy.submitted / "late" / LAB).mkdir(parents=True)
    graded = grader("grade", LAB, "--json")
    assert graded.exit_code == FELL_SHORT
    again = {row["student"]: row for row in json.loads(graded.stdout)}
    for row in rows[:3]:
        assert again[row["student"]]["score"] == row["score"]
    assert again["demo-04"]["gone"]
    assert "nothing of theirs is among what was handed in" in again["demo-04"]["reason"]
    assert "is empty" in again["late"]["reason"]
