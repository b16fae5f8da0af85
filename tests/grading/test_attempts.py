"""A class whose quiz limits attempts: the recorder, the ledger and the grades hold to what was seen before."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import pytest

from grader.build.release import build_lab
from grader.course.coursedir import gradebook
from grader.course.paths import Course, Layout
from grader.grading.attempts import Attempts, attempts_file, remembered
from grader.grading.autograde import Row, grade_class
from grader.grading.plain import autograde
from grader.quizzes.kept import load_kept
from grader.quizzes.simulate import simulate
from grader.reports.grades import grades
from grader.reports.results import lab_results
from labkit.quiz.bank import load_bank

LAB = "06-sample"


@pytest.fixture
def limited_course(quiz_course: Course) -> Course:
    path = quiz_course.quizzes / "sample.yaml"
    path.write_text("attempts: 2\n" + path.read_text())
    build_lab(quiz_course, LAB)
    return quiz_course


def lines(course: Course, *skills: float) -> list[str]:
    bank = load_kept(course.banks)[load_bank(course.labs / LAB / "sample.quiz.json").hash]
    rng = random.Random(3)
    return [simulate(bank, rng, skill).line.rstrip("\n") for skill in skills]


def put(course: Course, student: str, *attempts: str) -> None:
    folder = course.submitted / student / LAB
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(course.labs / LAB / f"{LAB}.ipynb", folder)
    (folder / "attempts.jsonl").write_text("".join(f"{line}\n" for line in attempts))


def hand_in(course: Course, student: str, *attempts: str) -> Row:
    put(course, student, *attempts)
    [row] = grade_class(course, LAB, [student])
    return row


def hand_in_to_nbgrader(course: Course, student: str, *attempts: str) -> float:
    """The same by `nbgrader autograde`; the points as the gradebook has them."""
    put(course, student, *attempts)
    assert autograde(course, LAB, student) == ""
    with gradebook(course) as book:
        return float(book.find_submission(LAB, student).score)


def quiz_of(course: Course, student: str) -> float | None:
    return next(grade.quiz for grade in grades(course, [LAB]) if grade.student == student)


def test_deleting_attempts_buys_none(limited_course: Course) -> None:
    wrong, half, right = lines(limited_course, 0.0, 0.5, 1.0)
    before = hand_in(limited_course, "ada", wrong, half)
    assert 0 < before.score < 9.5
    row = hand_in(limited_course, "ada", right)
    assert row.score == before.score, "what was earned once counts, and what is beyond the limit does not"
    assert "attempts.jsonl: 2 attempts that were handed in before are missing" in " ".join(row.events)
    assert quiz_of(limited_course, "ada") == before.score
    [result] = lab_results(limited_course, LAB).results
    assert (result.quiz_points, result.quiz.attempts, result.quiz.best) == (before.score, (), None)  # type: ignore[union-attr]
    notebook = (limited_course.autograded / "ada" / LAB / f"{LAB}.ipynb").read_text()
    assert "9.5 of 9.5" not in notebook
    assert hand_in(limited_course, "ada", wrong, half).score == before.score


def test_deleting_attempts_buys_none_under_nbgrader_either(limited_course: Course) -> None:
    wrong, half, right = lines(limited_course, 0.0, 0.5, 1.0)
    before = hand_in_to_nbgrader(limited_course, "ada", wrong, half)
    assert 0 < before < 9.5
    assert hand_in_to_nbgrader(limited_course, "ada", right) == before
    graded = (limited_course.autograded / "ada" / LAB / f"{LAB}.ipynb").read_text()
    assert f"Quiz: {before:g} of 9.5 points. The best attempt was handed in before, and counts." in graded
    assert "2 attempts that were handed in before are missing" in graded
    assert hand_in_to_nbgrader(limited_course, "ada", wrong, half) == before
    assert hand_in_to_nbgrader(limited_course, "bob", wrong, right) == 9.5


def test_both_roads_remember_for_one_another(limited_course: Course) -> None:
    wrong, half, right = lines(limited_course, 0.0, 0.5, 1.0)
    before = hand_in(limited_course, "ada", wrong, half).score
    assert 0 < before < 9.5
    assert hand_in_to_nbgrader(limited_course, "ada", right) == before
    assert hand_in_to_nbgrader(limited_course, "bob", wrong, half) == before
    assert hand_in(limited_course, "bob", right).score == before


def test_rewriting_an_attempt_buys_nothing(limited_course: Course) -> None:
    wrong, right = lines(limited_course, 0.0, 1.0)
    assert hand_in(limited_course, "ada", wrong).score == 0.0
    rewritten = json.dumps(json.loads(right) | {"attempt": json.loads(wrong)["attempt"]})
    row = hand_in(limited_course, "ada", rewritten)
    assert row.score == 0.0
    assert "was changed after it was handed in" in " ".join(row.events)
    assert hand_in(limited_course, "ada", wrong, right).score == 9.5
    assert quiz_of(limited_course, "ada") == 9.5


def test_the_same_attempt_of_two_students_is_flagged(limited_course: Course) -> None:
    (right,) = lines(limited_course, 1.0)
    assert hand_in(limited_course, "ada", right).flags == []
    assert hand_in(limited_course, "bob", right).flags == ["attempts.jsonl: the same attempt as ada's"]
    assert hand_in(limited_course, "ada", right).flags == []


def test_an_honest_class_is_graded_as_before(limited_course: Course) -> None:
    wrong, right = lines(limited_course, 0.0, 1.0)
    for _ in range(2):
        row = hand_in(limited_course, "ada", wrong, right)
        assert (row.score, row.events, row.flags) == (9.5, [], [])


def test_a_line_that_a_crash_cut_off_is_passed_over(tmp_path: Path) -> None:
    course = Course(tmp_path, Layout(home="class"))
    ledger = course.ledger("lab")
    ledger.parent.mkdir(parents=True)
    taken = {"bank": "b", "attempt": "a", "time": "", "score": 1.0, "limit": 1, "digest": "d"}
    attempts_file(ledger).write_text(json.dumps({"student": "ada", **taken}) + '\n{"student": "ad\n[1]\n{"stud')
    assert [student for student, _ in remembered(attempts_file(ledger))] == ["ada"]
    Attempts(course, "lab")._remember("bob", tuple(one for _, one in remembered(attempts_file(ledger))))
    assert [student for student, _ in remembered(attempts_file(ledger))] == ["ada", "bob"]
