"""Late work: one file says what is taken off, and every road takes it off."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from grader.cli import app
from grader.course.coursedir import gradebook
from grader.course.late import Late, read_late
from grader.course.paths import Course
from grader.grading.autograde import grade_class
from grader.grading.demo_class import make_class
from grader.grading.plain import autograde

LAB, DAY = "01-toy", 86_400.0
FILE = """
[policy]
per_day = 0.25
grace_minutes = 15
most = 0.6

[due]
01-toy = "2026-11-20 12:00 Europe/Berlin"

[extensions.01-toy]
demo-04 = 2
"""
HANDED_IN = {  # in UTC; the due date is 11:00
    "demo-01": "2026-11-20 11:10:00 UTC",
    "demo-03": "2026-11-21 12:00:00 UTC",
    "demo-04": "2026-11-21 12:00:00 UTC",
    "demo-05": "2026-11-30 12:00:00 UTC",
}
TAKEN = {"demo-01": 0.0, "demo-03": 0.5, "demo-04": 0.0, "demo-05": 0.6}  # of the score


@pytest.fixture
def late_class(toy: Course) -> Course:
    make_class(toy, LAB, size=5)
    (toy.class_dir / "late.toml").write_text(FILE)
    for student, time in HANDED_IN.items():
        (toy.submitted / student / LAB / "timestamp.txt").write_text(time + "\n")
    return toy


def penalties(course: Course) -> dict[str, tuple[float, float]]:
    with gradebook(course) as book:
        return {s.student.id: (s.score, s.late_submission_penalty or 0.0) for s in book.assignment_submissions(LAB)}


def test_the_policy_takes_off_days_begun_after_grace_and_extension(late_class: Course) -> None:
    grade_class(late_class, LAB)
    for student, (score, penalty) in penalties(late_class).items():
        assert penalty == pytest.approx(score * TAKEN.get(student, 0.0)), student


def test_nbgraders_own_road_takes_off_the_same(late_class: Course) -> None:
    grade_class(late_class, LAB)
    before = penalties(late_class)
    assert autograde(late_class, LAB, "demo-03") == ""
    assert penalties(late_class) == before


def test_an_extension_that_is_taken_back_is_gone(late_class: Course) -> None:
    grade_class(late_class, LAB)
    path = late_class.class_dir / "late.toml"
    path.write_text(path.read_text().replace("demo-04 = 2", ""))
    grade_class(late_class, LAB)
    score, penalty = penalties(late_class)["demo-04"]
    assert penalty == pytest.approx(score * 0.5)


def test_without_a_file_nothing_is_taken_off(late_class: Course) -> None:
    (late_class.class_dir / "late.toml").unlink()
    grade_class(late_class, LAB)
    assert {penalty for _, penalty in penalties(late_class).values()} == {0.0}


def test_times_are_read_with_their_zone(late_class: Course) -> None:
    assert read_late(late_class).due == {LAB: datetime(2026, 11, 20, 11, 0, tzinfo=UTC)}
    assert read_late(late_class).extensions == {LAB: {"demo-04": timedelta(days=2)}}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("per_day = 0.25", "per_day = 25", "policy.per_day is a number from 0 to 1, not 25"),
        ("per_day = 0.25", "perday = 0.25", "policy.perday is not known"),
        ("[policy]", "[polic]", r"\[polic\] is not known"),
        ('01-toy = "', '01-tyo = "', "no assignment is called '01-tyo'"),
        ("12:00 Europe/Berlin", "noon", "due.01-toy is a time such as"),
        ("12:00 Europe/Berlin", "12:00 Europe/Bonn", "due.01-toy is a time such as"),
        ("demo-04 = 2", 'demo-04 = "two"', "the extension of demo-04 is a number of days"),
        ("[policy]", "[policy", "no TOML"),
    ],
)
def test_a_mistake_in_the_file_is_told_before_anything_is_graded(
    late_class: Course, old: str, new: str, said: str
) -> None:
    path = late_class.class_dir / "late.toml"
    path.write_text(FILE.replace(old, new))
    with pytest.raises(LookupError, match=said):
        read_late(late_class)
    result = CliRunner().invoke(app, ["grade", LAB])
    assert result.exit_code == 2
    assert "late.toml" in result.stderr
    assert penalties(late_class) == {}


@given(st.floats(0, 1e7), st.floats(0, 100), st.floats(0, 1), st.floats(0, 1))
def test_a_penalty_never_exceeds_its_most_and_grows_with_time(
    seconds: float, score: float, per_day: float, most: float
) -> None:
    late = Late(per_day, 10, most)
    assert 0 <= late.penalty(score, seconds) <= score * most + 0.005
    assert late.penalty(score, seconds) <= late.penalty(score, seconds + DAY)


def test_grace_ends_to_the_second() -> None:
    late = Late(0.1, 15, 1.0)
    assert [late.penalty(10.0, s) for s in (0, 900, 900.5, 900 + DAY, 901 + DAY)] == [0.0, 0.0, 1.0, 1.0, 2.0]
