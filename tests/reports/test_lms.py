"""Grade files for Canvas and Moodle: their columns, their own lists of students, letters."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from grader.reports.grades import Grade
from grader.reports.lms import Scale, lms_rows, write_lines

TITLES = {"01-toy": "01 · Toy", "02-toy": "02 · Toy"}


def grade(student: str, lab: str, score: float, most: float = 10.0) -> Grade:
    return Grade(student, lab, score, most, None, 0.0, False)


FOUND = [grade("ada", "01-toy", 9.0), grade("bob", "01-toy", 4.25), grade("ada", "02-toy", 30.0, 40.0)]


def test_canvas_gets_its_columns_and_the_points_possible() -> None:
    lines, told = lms_rows(FOUND, "canvas", TITLES, None)
    assert lines == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "01 · Toy", "02 · Toy"],
        ["    Points Possible", "", "", "", "", "10", "40"],
        ["ada", "", "", "ada", "", "9", "30"],
        ["bob", "", "", "bob", "", "4.25", ""],
    ]
    assert told == []


def test_moodle_gets_a_user_name_and_grade_items() -> None:
    assert lms_rows(FOUND, "moodle", TITLES, None)[0] == [
        ["username", "01 · Toy", "02 · Toy"],
        ["ada", "9", "30"],
        ["bob", "4.25", ""],
    ]


def test_a_platforms_own_list_names_students_and_strangers_are_told(tmp_path: Path) -> None:
    roster = tmp_path / "canvas.csv"
    roster.write_text(
        "\ufeffStudent,ID,SIS User ID,SIS Login ID,Section,Old (7)\n"
        "    Points Possible,,,,,5\n"
        '"Lovelace, Ada",4711,s1,ada,"Mon, 8",3\n'
        '"Hopper, Grace",4712,s2,grace,Tue,4\n',
        encoding="utf-8",
    )
    lines, told = lms_rows(FOUND, "canvas", TITLES, None, roster)
    assert lines[2:] == [
        ["Lovelace, Ada", "4711", "s1", "ada", "Mon, 8", "9", "30"],
        ["Hopper, Grace", "4712", "s2", "grace", "Tue", "", ""],
    ]
    assert told == [
        f"bob: has grades here but is not in {roster}; there are: grace.",
        f"grace: is in {roster} but has no grades here; there are: bob.",
    ]
    written = write_lines(lines, tmp_path / "out" / "grades.csv")
    with written.open(newline="", encoding="utf-8") as file:
        assert list(csv.reader(file)) == lines


def test_a_list_without_logins_is_refused(tmp_path: Path) -> None:
    roster = tmp_path / "wrong.csv"
    roster.write_text("a,b\n1,2\n")
    with pytest.raises(LookupError, match="no column is called SIS Login ID"):
        lms_rows(FOUND, "canvas", TITLES, None, roster)


def test_letters_are_by_the_share_of_all_points() -> None:
    lines, _ = lms_rows(FOUND, "moodle", TITLES, Scale.parse("A=78,B=50,F=0"))
    assert [line[-1] for line in lines] == ["Final Grade", "A", "F"]  # ada has 39 of 50, bob 4.25 of 50


@pytest.mark.parametrize(
    ("share", "letter"), [(1.0, "A"), (0.9, "A"), (0.89994, "B"), (0.0, "F"), (0.8, "B"), (0.79, "F")]
)
def test_a_letter_begins_at_its_per_cent(share: float, letter: str) -> None:
    assert Scale.parse("A=90,B=80,F=0").letter(share) == letter


@pytest.mark.parametrize("text", ["A", "A=x", "A=50,B=60,F=0", "A=90,B=80", "A=120,F=0", "A=50,B=50,F=0"])
def test_scales_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(LookupError, match="--letters"):
        Scale.parse(text)
