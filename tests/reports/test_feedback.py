"""Feedback pages and the class report: what they say, and what must not be in them."""

from __future__ import annotations

import csv
import json
import re
import shutil
from html import unescape
from pathlib import Path

import pytest
from lxml import html
from typer.testing import CliRunner

from grader.cli import app
from grader.course.coursedir import gradebook
from grader.course.paths import Course
from grader.grading.autograde import grade_class, write_rows
from grader.grading.demo_class import make_class
from grader.reports.class_report import lab_report
from grader.reports.pages import duration, points, share
from grader.reports.results import lab_results
from tests.reports.conftest import STUDENTS, TOY

QUIZ = "06-sample"


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, result.output
    return result.output


def text_of(path: Path) -> str:
    return " ".join(html.fromstring(path.read_text()).text_content().split())


def page_of(course: Course, student: str, lab: str) -> Path:
    return course.class_dir / "feedback" / student / lab / f"{lab}.html"


def test_each_student_gets_a_page_with_score_checks_and_hints(graded: Course) -> None:
    run("feedback", TOY)
    for result in lab_results(graded, TOY).results:
        text = text_of(page_of(graded, result.student, TOY))
        assert f"{points(result.score)} of {points(result.max_score)} points" in text
        for exercise in result.exercises:
            assert exercise.checks, exercise
            for check in exercise.checks:
                assert f"{'✓ passed' if check.passed else '✗ missed'} {check.promise}" in text
                assert check.passed or not check.hint or check.hint in text
    assert "✗ missed" in text_of(page_of(graded, "demo-02", TOY))
    assert "✗ missed" not in text_of(page_of(graded, "demo-01", TOY))


def test_points_and_comments_given_by_hand_are_shown_and_escaped(graded: Course) -> None:
    run("feedback", TOY)
    page = page_of(graded, "demo-02", TOY).read_text()
    assert "Nearly &lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script" not in page
    assert "(given by hand)" in page


def test_no_hidden_line_reference_or_wrong_answer_is_on_a_page(graded: Course) -> None:
    run("feedback", TOY)
    checks = (graded.solutions / TOY / "checks.py").read_text()
    secret = [
        line.strip()
        for line in checks.splitlines()
        if len(line.strip()) > 30 and '"""' not in line and "hint" not in line
    ]
    assert len(secret) >= 3
    for path in graded.feedback.glob(f"*/{TOY}/*.html"):
        page = unescape(path.read_text())
        assert not re.search(r"HIDDEN TESTS|grader\.checks|Traceback|globals\(\)", page)
        assert [line for line in secret if line in page] == []


def test_a_page_that_is_released_is_this_one(graded: Course) -> None:
    """nbgrader's release_feedback copies `<lab>.html` of the student's feedback folder; see tests/test_guides.py."""
    run("feedback", TOY)
    names = sorted(p.name for p in (graded.feedback / "demo-01" / TOY).iterdir())
    assert names == [f"{TOY}.html", "submission_secret.txt", "timestamp.txt"]
    page = page_of(graded, "demo-01", TOY).read_text()
    assert re.search(r"Feedback for demo-01( · handed in [\d: -]+ UTC)?</p>", page)


def test_the_secret_of_a_submission_goes_with_its_page_and_no_file_of_ours_does(graded: Course) -> None:
    """A student's folder may hold links, and bytes that are no text: neither stops or reaches the release."""
    ours = graded.class_dir / "late.toml"
    ours.write_text("ours")
    for student, content in (("demo-01", b"a1b2"), ("demo-02", b"\xff"), ("demo-03", b"")):
        (graded.submitted / student / TOY / "submission_secret.txt").write_bytes(content)
    (graded.submitted / "demo-04" / TOY / "submission_secret.txt").symlink_to(ours)
    run("feedback", TOY)
    told = {p.parent.parent.name: p.read_text() for p in graded.feedback.glob(f"*/{TOY}/submission_secret.txt")}
    assert len(told) == len(set(told.values())) == STUDENTS
    assert told.pop("demo-01") == "a1b2"
    assert {len(secret) for secret in told.values()} == {128}


def test_a_submission_that_could_not_be_graded_is_said(graded: Course) -> None:
    broken = graded.submitted / "demo-03" / TOY / f"{TOY}.ipynb"
    broken.write_text("{")
    write_rows(graded, TOY, grade_class(graded, TOY))
    run("feedback", TOY)
    text = text_of(page_of(graded, "demo-03", TOY))
    assert "Not graded:" in text
    assert "0 of" in text
    report = lab_report(graded, TOY)
    assert (report.students, report.graded) == (STUDENTS, STUDENTS - 1)
    assert report.run is not None
    assert [student for student, _ in report.run.not_graded] == ["demo-03"]


def test_late_penalties_are_taken_off_and_told(graded: Course) -> None:
    with gradebook(graded) as book:
        one = book.find_submission(TOY, "demo-01")
        one.notebooks[0].late_submission_penalty = 0.5
        book.update_or_create_assignment(TOY, duedate="2026-01-01 00:00:00 UTC")
        book.update_or_create_submission(TOY, "demo-01", timestamp="2026-01-03 00:00:00 UTC")
        full = float(one.score)
        book.db.commit()
    run("feedback", TOY)
    text = text_of(page_of(graded, "demo-01", TOY))
    assert f"{points(full - 0.5)} of {points(full)} points" in text
    assert "Handed in 2 days late: 0.5 points were taken off." in text
    run("export-grades", TOY)
    with (graded.reports / "grades.csv").open(newline="") as file:
        rows = {row["student"]: row for row in csv.DictReader(file)}
    assert float(rows["demo-01"]["score"]) == full - 0.5


def test_the_report_counts_what_the_gradebook_and_the_rows_say(graded: Course) -> None:
    said = run("report", TOY)
    folder = graded.reports / TOY
    assert {p.name for p in folder.iterdir()} >= {
        "report.html",
        "report.json",
        "exercises.csv",
        "items.csv",
        "choices.csv",
    }
    assert str(folder / "report.html") in said
    [report] = json.loads((folder / "report.json").read_text())
    results = lab_results(graded, TOY).results
    assert report["students"] == report["graded"] == STUDENTS
    assert report["mean"] == pytest.approx(sum(one.score for one in results) / STUDENTS)
    for exercise in report["exercises"]:
        own = [one for result in results for one in result.exercises if one.name == exercise["exercise"]]
        assert exercise["full"] == sum(one.score == one.max_score for one in own)
        assert exercise["none"] == sum(one.score == 0 for one in own)
        for check in exercise["checks"]:
            outcomes = [c for one in own for c in one.checks if c.check == check["check"]]
            assert (check["passed"], check["of"]) == (sum(c.passed for c in outcomes), len(outcomes))
    text = text_of(folder / "report.html")
    for mistake in report["misconceptions"]:
        assert mistake["what"] in text
    assert "Every submission could be graded." in text


def test_a_page_needs_nothing_but_itself(graded: Course) -> None:
    run("report", TOY)
    run("feedback", TOY)
    for path in (graded.reports / TOY / "report.html", page_of(graded, "demo-01", TOY)):
        tree = html.fromstring(path.read_text())
        addresses = [a for name in ("src", "href") for a in tree.xpath(f"//@{name}")]
        assert [a for a in addresses if not a.startswith(("data:", "#"))] == []
        assert tree.xpath("//img[not(@alt)]") == []


def test_quiz_attempts_are_told_item_by_item_without_a_key(quiz_course: Course) -> None:
    make_class(quiz_course, QUIZ, size=12)
    write_rows(quiz_course, QUIZ, grade_class(quiz_course, QUIZ))
    run("feedback")
    run("report")
    analysed = json.loads(run("quiz", "analyse", QUIZ, "--json"))
    assert [analysed] == [one["quiz"] for one in json.loads((quiz_course.reports / "report.json").read_text())]
    results = {one.student: one for one in lab_results(quiz_course, QUIZ).results}
    for student, result in results.items():
        text = text_of(page_of(quiz_course, student, QUIZ))
        if result.quiz is None or result.quiz.best is None:
            assert ("No attempts.jsonl" if result.quiz is None else "No attempt") in text
            assert "was handed in" in text
            continue
        best = result.quiz.best
        right = sum(value == 1 for value in best.items.values())
        assert text.count("✓ right") == right, student
        assert text.count("✗ not right") == sum(value == 0 for value in best.items.values())
        assert f"{points(result.quiz_points or 0)} of" in text
    assert text_of(page_of(quiz_course, "demo-01", QUIZ)).count("✗ not right") == 0
    assert "KR-20" in text_of(quiz_course.reports / "report.html") or "alpha" in text_of(
        quiz_course.reports / "report.html"
    )


def test_what_cells_hold_is_no_formula_for_a_spreadsheet(quiz_course: Course) -> None:
    make_class(quiz_course, QUIZ, size=5)
    grade_class(quiz_course, QUIZ)
    run("report", QUIZ)
    for path in (quiz_course.reports / QUIZ).glob("*.csv"):
        with path.open(newline="") as file:
            for row in csv.DictReader(file):
                for value in filter(None, row.values()):
                    assert value[0] not in "=@+"
                    assert value[0] != "-" or re.fullmatch(r"-[\d.e-]+", value)


def test_a_lab_that_nobody_handed_in_is_no_class_with_a_mean_of_zero(toy: Course) -> None:
    run("report", TOY)
    text = text_of(toy.reports / TOY / "report.html")
    assert "Nobody has handed in this lab yet." in text
    assert "The mean is" not in text


def test_a_lab_that_was_never_graded_is_said(toy: Course) -> None:
    shutil.rmtree(toy.class_dir)
    for command in ("feedback", "report"):
        result = CliRunner().invoke(app, [command, TOY])
        assert result.exit_code == 2
        assert f"run `grader grade {TOY}` first" in result.stderr


@pytest.mark.parametrize(
    ("seconds", "said"), [(40, "40 seconds"), (60, "1 minute"), (7200, "2 hours"), (86400, "1 day")]
)
def test_times_are_told_in_words(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_shares_stay_between_nothing_and_all() -> None:
    assert (share(3, 2), share(-1, 2), share(1, 3), share(1, 0)) == (100, 0, 33, 0)
    assert (points(7.0), points(7.5), points(7.256)) == ("7", "7.5", "7.26")
