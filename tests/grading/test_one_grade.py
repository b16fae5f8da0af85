"""One grade: whoever shows it, shows the same number, whatever happened to the submission."""

from __future__ import annotations

import csv
import json
import random
import re
from pathlib import Path
from typing import Any

import pytest
from nbgrader.apps.api import NbGraderAPI
from typer.testing import CliRunner

from grader.build.release import build_lab
from grader.cli import app
from grader.course.coursedir import gradebook, load_config
from grader.course.paths import Course
from grader.grading.demo_class import make_class
from grader.grading.plain import autograde
from grader.quizzes.kept import load_kept
from grader.quizzes.simulate import simulate
from labkit.quiz.bank import load_bank

LAB, ADA = "01-toy", "demo-01"
FILES = Path(__file__).parents[1] / "files"
LATE = """
[policy]
per_day = 0.1

[due]
01-toy = "2026-11-20 12:00 UTC"
"""


QUIZ = """
# %% nbgrader={"grade": true, "grade_id": "quiz-hidden", "locked": true, "points": 10, "schema_version": 3, \
"solution": false, "task": false}
### BEGIN HIDDEN TESTS
from grader.quizzes import run_quiz

run_quiz("01-toy", "toy")
### END HIDDEN TESTS
"""


@pytest.fixture
def course(toy: Course) -> Course:
    """The toy lab with a quiz at its end, for 5 and 10 points, and two students, of whom the first is ada."""
    source = toy.solutions / LAB / "lab.py"
    source.write_text(source.read_text() + QUIZ)
    toy.quizzes.mkdir()
    bank = (FILES / "quiz" / "small.yaml").read_text()
    (toy.quizzes / "toy.yaml").write_text(bank.replace("  - id: powers\n", "  - id: powers\n    points: 10\n"))
    (toy.quizzes / "secret").write_text("5e" * 32 + "\n")
    build_lab(toy, LAB)
    make_class(toy, LAB, size=2)
    (toy.class_dir / "late.toml").write_text(LATE)
    return toy


def attempt(course: Course, skill: float) -> str:
    bank = load_kept(course.banks)[load_bank(course.labs / LAB / "toy.quiz.json").hash]
    return simulate(bank, random.Random(3), skill).line


def hand_in(course: Course, time: str, skill: float) -> None:
    folder = course.submitted / ADA / LAB
    (folder / "attempts.jsonl").write_text(attempt(course, skill))
    (folder / "timestamp.txt").write_text(time)


def run(*arguments: str) -> Any:
    result = CliRunner().invoke(app, [*arguments, "--json"])
    assert result.exit_code in (0, 1), result.output
    return json.loads(result.stdout)


def of_ada(lines: list[dict[str, Any]], who: str = "student") -> float:
    return float(next(line["score"] for line in lines if line[who] == ADA))


def formgrader(course: Course) -> set[float]:
    """What formgrader's pages show: of the submission, of its notebook, of the student, and the mean of the class."""
    api = NbGraderAPI(config=load_config(course))
    others = sum(line["score"] for line in api.get_submissions(LAB) if line["student"] != ADA)
    with gradebook(course) as book:
        number = book.find_assignment(LAB).num_submissions
    shown = [
        api.get_submission(LAB, ADA)["score"],
        of_ada(api.get_submissions(LAB)),
        of_ada(api.get_notebook_submissions(LAB, LAB)),
        api.get_student_notebook_submissions(ADA, LAB)[0]["score"],
        api.get_student(ADA)["score"],
        of_ada(api.get_students(), "id"),
        number * api.get_assignment(LAB)["average_score"] - others,
        number * api.get_notebooks(LAB)[0]["average_score"] - others,
    ]
    return {round(score, 2) for score in shown}


def shown(course: Course) -> dict[str, float]:
    """Ada's grade, wherever one can read it without grading."""
    with gradebook(course) as book:
        row = book.find_submission(LAB, ADA)
        kept = round(max(0.0, row.score - row.late_submission_penalty), 2)
    run("feedback", LAB)
    page = (course.feedback / ADA / LAB / f"{LAB}.html").read_text()
    run("report", LAB)
    numbers = formgrader(course)
    assert len(numbers) == 1, numbers
    exported = of_ada(run("export-grades", LAB))
    table = csv.DictReader((course.reports / "grades.csv").read_text().splitlines())
    assert exported == of_ada(list(table))
    return {
        "gradebook": kept,
        "export": exported,
        "formgrader": numbers.pop(),
        "feedback": float(re.findall(r'class="score">([0-9.]+) ', page)[0]),
        "report": dict(json.loads((course.reports / LAB / "report.json").read_text())[0]["scores"]).get(ADA, kept),
    }


def everywhere(course: Course) -> float:
    """Grade, and say what all of them show."""
    graded = of_ada(run("grade", LAB))
    numbers = {"grade": graded, **shown(course)}
    assert len(set(numbers.values())) == 1, numbers
    return graded


def test_one_student_through_a_term(course: Course) -> None:
    hand_in(course, "2026-11-20 11:00:00 UTC", 1.0)
    assert everywhere(course) == 15.0
    hand_in(course, "2026-11-21 11:00:00 UTC", 0.0)  # late by a day, and with a worse quiz: the best one counts
    assert everywhere(course) == 13.5
    with gradebook(course) as book:
        book.find_grade("mean-hidden", LAB, LAB, ADA).manual_score = 1.0
        book.find_grade("spread-hidden", LAB, LAB, ADA).extra_credit = 0.5
        book.db.commit()
    by_hand = shown(course)
    assert set(by_hand.values()) == {13.5 - 1.5}, "until it is graded again, the penalty stays as it was"
    assert everywhere(course) == 12.15
    (row,) = [row for row in json.loads((course.reports / LAB / "grading.json").read_text()) if row["student"] == ADA]
    assert (row["late_penalty"], row["by_hand"]) == (1.35, -1.5)
    checks = course.solutions / LAB / "checks.py"
    checks.write_text(checks.read_text().replace("math.fsum(values) / 5", "math.fsum(values) / 5 + 1"))
    moved = {one["cell"]: one for one in run("regrade", LAB, "--what-if") if one["student"] == ADA}
    assert [*moved] == ["mean-hidden"], "the quiz that was held to its best does not move"
    assert moved["mean-hidden"]["score"] == set(shown(course).values()).pop() == 12.15
    moved = {one["cell"]: one for one in run("regrade", LAB) if one["student"] == ADA}
    assert moved["mean-hidden"]["score"] == everywhere(course) == 12.15, "what a person gave stays"
    (course.class_dir / "late.toml").write_text(LATE + f"\n[extensions.{LAB}]\n{ADA} = 3\n")
    assert everywhere(course) == 13.5
    hand_in(course, "2026-11-26 11:00:00 UTC", 1.0)  # three days late, counted from the extension
    assert everywhere(course) == 9.45
    (course.submitted / ADA / LAB / f"{LAB}.ipynb").write_text("no notebook")
    kept = round(0.7 * (1.0 + 0.5 + 10.0), 2)
    assert of_ada(run("grade", LAB)) == of_ada(run("export-grades", LAB)) == kept, "the quiz, and what a person gave"


def test_nbgraders_own_road_gives_the_same(course: Course) -> None:
    hand_in(course, "2026-11-20 11:00:00 UTC", 1.0)
    assert of_ada(run("grade", LAB)) == 15.0
    hand_in(course, "2026-11-22 11:00:00 UTC", 0.0)
    assert autograde(course, LAB, ADA) == ""
    numbers = shown(course)
    assert set(numbers.values()) == {15 * 0.8}, numbers
