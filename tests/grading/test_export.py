"""`grader export-grades`: the gradebook's points, with the highest score of a quiz over all submissions."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from typer.testing import CliRunner

from grader.cli import app
from grader.course.coursedir import gradebook
from grader.course.paths import Course
from grader.grading.autograde import grade_class
from grader.grading.ledger import Entry, Ledger, entries

LAB = "01-toy"


def test_the_table_has_what_the_gradebook_has(toy_class: Course) -> None:
    rows = {row.student: row.score for row in grade_class(toy_class, LAB)}
    with gradebook(toy_class) as book:
        book.find_grade("mean-hidden", LAB, LAB, "demo-01").manual_score = 1.0
        book.db.commit()
    result = CliRunner().invoke(app, ["export-grades", LAB])
    assert result.exit_code == 0, result.output
    with (toy_class.reports / "grades.csv").open(newline="") as file:
        table = {line["student"]: float(line["score"]) for line in csv.DictReader(file)}
    assert table == rows | {"demo-01": 3.0}


def test_a_ledger_keeps_every_change_and_survives_a_cut_line(tmp_path: Path) -> None:
    path = tmp_path / "history" / "lab.jsonl"
    ledger = Ledger(path)
    for points, key in ((7.0, "a"), (10.0, "b"), (4.0, "c"), (10.0, "b")):
        ledger.add(Entry("ada", key, {"quiz-hidden": points, "other": 1.0}))
    path.write_bytes(path.read_bytes() + b'{"student": "ada", "key')
    again = Ledger(path)
    again.add(Entry("bob", "a", {"other": 2.0}))
    again.add(Entry("ada", "c", {"quiz-hidden": 4.0}))
    assert [(entry.student, entry.key) for entry in entries(path)] == [
        ("ada", "a"),
        ("ada", "b"),
        ("ada", "c"),
        ("ada", "b"),
        ("bob", "a"),
        ("ada", "c"),
    ]


def test_a_lab_that_was_never_graded_is_said(toy: Course) -> None:
    toy.gradebook.unlink()
    result = CliRunner().invoke(app, ["export-grades", LAB])
    assert result.exit_code == 2
    assert "run `grader grade 01-toy` first" in result.stderr


def test_scripts_get_json(toy_class: Course) -> None:
    grade_class(toy_class, LAB, ["demo-01"])
    result = CliRunner().invoke(app, ["export-grades", LAB, "--json"])
    assert [grade["student"] for grade in json.loads(result.stdout)] == ["demo-01"]
