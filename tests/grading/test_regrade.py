"""`grader regrade`: what a changed check would move is told before it is written."""

from __future__ import annotations

import json
from typing import Any

from typer.testing import CliRunner

from grader.cli import app
from grader.course.coursedir import gradebook
from grader.course.paths import Course
from grader.grading.autograde import grade_class
from grader.reports.grades import grades

LAB = "01-toy"


def scores(course: Course) -> dict[tuple[str, str], float]:
    with gradebook(course) as book:
        return {
            (s.student.id, g.name): float(g.auto_score or 0.0)
            for s in book.assignment_submissions(LAB)
            for n in s.notebooks
            for g in n.grades
        }


def run(*arguments: str) -> tuple[int, list[dict[str, Any]], str]:
    result = CliRunner().invoke(app, ["regrade", LAB, *arguments, "--json"])
    return result.exit_code, json.loads(result.stdout), result.stderr


def test_unchanged_checks_move_nothing(toy_class: Course) -> None:
    grade_class(toy_class, LAB)
    assert run("--what-if")[:2] == (0, [])


def test_a_changed_check_is_told_then_written(toy_class: Course) -> None:
    grade_class(toy_class, LAB)
    before = scores(toy_class)
    with gradebook(toy_class) as book:
        book.find_grade("mean-hidden", LAB, LAB, "demo-01").manual_score = 0.5
        book.db.commit()
    path = toy_class.solutions / LAB / "checks.py"
    text = path.read_text()
    assert text.count("math.fsum(values) / 5") == 1
    path.write_text(text.replace("math.fsum(values) / 5", "math.fsum(values) / 5 + 1"))
    code, moved, said = run("--what-if")
    assert code == 1
    assert f"{len(moved)} scores would move" in said
    assert scores(toy_class) == before
    assert {one["cell"] for one in moved} == {"mean-hidden"}
    assert all(one["after"] < one["before"] == before[one["student"], "mean-hidden"] for one in moved)
    assert [one["by_hand"] for one in moved if one["student"] == "demo-01"] == [True]
    code, written, _ = run()
    assert code == 0
    assert [one | {"score": None} for one in written] == [one | {"score": None} for one in moved]
    now = {one.student: one.score for one in grades(toy_class, [LAB])}
    assert all(one["score"] == now[one["student"]] for one in written), "the grade after it"
    after = scores(toy_class)
    assert {key: after[key] for key in before if after[key] != before[key]} == {
        (one["student"], one["cell"]): one["after"] for one in moved
    }
    assert run("--what-if")[1] == []
