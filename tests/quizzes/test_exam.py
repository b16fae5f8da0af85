"""A course makes a bank an exam by a line of its configuration: then no key of it leaves the instructor's side."""

from __future__ import annotations

import json
import random

import pytest

from grader.build.leaks import find_leaks
from grader.build.release import build_lab, check_lab
from grader.course.paths import Course
from grader.exchange.bundle import leaks_in
from grader.quizzes.kept import load_kept
from grader.quizzes.load import load
from grader.quizzes.own import exams
from grader.quizzes.prove import proved_bank
from grader.quizzes.score import score_attempts
from grader.quizzes.simulate import simulate
from labkit.quiz.attempts import read_attempts
from labkit.quiz.bank import load_bank, unpacked
from labkit.quiz.sealed import open_part
from labkit.quiz.session import open_quiz

LAB, BANK = "06-sample", "sample"


def make_exam(course: Course, said: str = '["sample"]') -> None:
    config = course.root / "nbgrader_config.py"
    config.write_text(f"{config.read_text()}\nc.Quizzes.exam = {said}\n")


def test_the_released_exam_has_no_key_and_the_grader_scores_it(quiz_course: Course) -> None:
    sealed = quiz_course.labs / LAB / "sample.quiz.json"
    assert b'"sealed": [\n' in unpacked(sealed.read_bytes())
    make_exam(quiz_course)
    assert [str(drift.path) for drift in check_lab(quiz_course, LAB)] == [str(sealed)]
    build_lab(quiz_course, LAB)
    exam, bank = unpacked(sealed.read_bytes()).decode(), load_bank(sealed)
    assert bank.mode == "exam"
    parts = [part for item in bank.items for variant in item.variants for part in variant.parts]
    assert {part.sealed for part in parts} == {()}
    shown = {"id", "kind", "label", "options", "decimals", "unit", "case", "code", "fixed", "sealed"}
    for item in json.loads(exam)["items"]:
        assert {name for variant in item["variants"] for part in variant["parts"] for name in part} <= shown
    kept = load_kept(quiz_course.banks)[bank.hash]
    for item in kept.items:
        for variant in item.variants:
            for part in variant.parts:
                for verdict in part.verdicts().values():
                    assert not verdict.feedback or verdict.feedback not in exam
    assert find_leaks(quiz_course) == []
    assert check_lab(quiz_course, LAB) == []
    line = simulate(kept, random.Random(1), 1.0).line
    assert score_attempts(line.encode(), load_kept(quiz_course.banks), BANK).points == 9.5


def test_the_player_shows_it_as_an_exam(quiz_course: Course) -> None:
    make_exam(quiz_course)
    build_lab(quiz_course, LAB)
    quiz = open_quiz(BANK, quiz_course.labs / LAB)
    assert "The grader scores your answers" in repr(quiz)
    quiz.submit(anyway=True)
    assert quiz.result is None
    [attempt], problems = read_attempts(quiz_course.labs / LAB / "attempts.jsonl")
    assert (attempt.score, problems) == (None, [])


def test_attempts_made_while_it_was_practice_still_score(quiz_course: Course) -> None:
    [old] = load_kept(quiz_course.banks).values()
    line = simulate(old, random.Random(1), 1.0).line
    make_exam(quiz_course)
    build_lab(quiz_course, LAB)
    kept = load_kept(quiz_course.banks)
    assert sorted(bank.mode for bank in kept.values()) == ["exam", "practice"]
    assert score_attempts(line.encode(), kept, BANK).points == 9.5


@pytest.mark.parametrize("where", ["06-sample/sample.quiz.json", "06-sample/old.quiz.json", "06-sample/page.html"])
def test_keys_of_an_exam_under_labs_are_a_leak(quiz_course: Course, where: str) -> None:
    practice = (quiz_course.labs / LAB / "sample.quiz.json").read_text()
    make_exam(quiz_course)
    build_lab(quiz_course, LAB)
    page = json.dumps(json.loads(practice)) if where.endswith("html") else practice
    (quiz_course.labs / where).write_text(page)
    assert {leak.origin for leak in find_leaks(quiz_course)} == {"sealed keys of the exam sample (run `grader build`)"}
    assert "the exam sample" in " ".join(leaks_in(quiz_course, {f"labs/{where}": page.encode()}))


def test_exports_treat_it_as_an_exam_too(quiz_course: Course) -> None:
    path = quiz_course.quizzes / "sample.yaml"
    assert load(path).model.mode == "practice"
    assert proved_bank(path).mode == "practice"
    make_exam(quiz_course)
    assert proved_bank(path).mode == "exam"


@pytest.mark.parametrize(
    ("said", "says"), [('"sample"', "a list of banks"), ("[1]", "a list of banks"), ('["smaple"]', "no bank is called")]
)
def test_a_setting_that_is_none_is_told(quiz_course: Course, said: str, says: str) -> None:
    make_exam(quiz_course, said)
    with pytest.raises(LookupError, match=says):
        exams(quiz_course)


def test_the_keys_of_a_practice_bank_can_be_found_by_trying(quiz_course: Course) -> None:
    """What sealing does not promise, and an exam does: every key among options opens for whoever tries them all."""
    bank = load_bank(quiz_course.labs / LAB / "sample.quiz.json")
    choices = [
        (item.id, variant.variant, part)
        for item in bank.items
        for variant in item.variants[:1]
        for part in variant.parts
        if part.kind == "choice"
    ]
    assert choices
    for item, variant, part in choices:
        found = [open_part(bank, item, variant, part.id, option.id).credit for option in part.options]
        assert found.count(1) == 1
