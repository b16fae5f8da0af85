"""Lists of the class as platforms export them, into class/roster.csv: read, compared, written whole or not at all."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from grader.cli import app
from grader.course.known import gone
from grader.course.names import folded
from grader.course.paths import Course
from grader.course.roster import Line, Roster, id_problem, read_remembered, write_remembered
from grader.exchange.lists import read_list
from grader.exchange.roster_import import MARK, import_list, planned
from grader.reports.grades import Grade
from grader.reports.lms import lms_rows, write_lines
from tests.exchange.test_returned import feedback, returned
from tests.exchange.test_who_is_who import LAB, moodle

TODAY = date(2026, 10, 5)
CANVAS = (
    "Student,ID,SIS User ID,SIS Login ID,Section,Essay (7),Current Score\n"
    ",,,,,Manual Posting,\n"
    "    Points Possible,,,,,10,(read only)\n"
    '"Lovelace, Ada",4711,s1,ada,"Mon, 8 and Tue",9,90\n'
    '"Hopper, Grace",4712,s2,grace,Tue,,\n'
    '"Student, Test",99,,0123456789abcdef0123456789abcdef01234567,Tue,,\n'
)
ADA, GRACE = ("4711", "Lovelace, Ada", "ada"), ("4712", "Hopper, Grace", "grace")
MOODLE = (
    "First name,Last name,ID number,Email address,Groups\nAda,Lovelace,ada,ada@a.org,Mon\nGrace,Hopper,grace,g@a.org,\n"
)
M_ADA, M_GRACE = ("", "Ada Lovelace", "ada"), ("", "Grace Hopper", "grace")
NO_NAMES = [("", "ada", "ada"), ("", "grace", "grace")]

# What is read of each file: platform, and number, name and id of each person.
READ: dict[str, tuple[str | bytes, str, list[tuple[str, str, str]]]] = {
    "Canvas": (CANVAS, "canvas", [ADA, GRACE]),
    "Canvas, byte order mark": ("\ufeff" + CANVAS, "canvas", [ADA, GRACE]),
    "Canvas, semicolons": (CANVAS.replace(",", ";").replace('"Lovelace; A', '"Lovelace, A').replace(
        '"Hopper; G', '"Hopper, G').replace('"Student; T', '"Student, T'), "canvas", [ADA, GRACE]),
    "Canvas, sep=": ("sep=,\r\n" + CANVAS.replace("\n", "\r\n"), "canvas", [ADA, GRACE]),
    "Canvas, UTF-16": (CANVAS.encode("utf-16"), "canvas", [ADA, GRACE]),
    "Canvas, UTF-16 without a mark": (CANVAS.encode("utf-16-le"), "canvas", [ADA, GRACE]),
    "Canvas, old Macs": (CANVAS.replace("\n", "\r"), "canvas", [ADA, GRACE]),
    "Canvas, names apart": (
        "LastName,FirstName,ID,SIS Login ID,Section\n    Points Possible,,,,\nLovelace,Ada,4711,ada,A\n"
        "Hopper,Grace,4712,grace,A\nStudent,Test,99,,A\n", "canvas", [ADA, GRACE]),
    "Canvas, every column": (
        "Student,ID,SIS User ID,SIS Login ID,Integration ID,Root Account,Section\n"
        '"Lovelace, Ada",4711,s1,ada,i1,school.org,A\n', "canvas", [ADA]),
    "Canvas, no login for all": (
        'Student,ID,SIS User ID,SIS Login ID,Section\n"Lovelace, Ada",4711,ada,,A\n'
        '"Hopper, Grace",4712,grace,grace,A\n', "canvas", [ADA, GRACE]),
    "Canvas, a real person called Test Student": (
        'Student,ID,SIS User ID,SIS Login ID,Section\n"Student, Test",5,s5,tstudent,A\n', "canvas",
        [("5", "Student, Test", "tstudent")]),
    "Canvas, People": (
        "Name,Login ID,SIS ID,Section,Role\nAda Lovelace,ada,s1,A,Student\nMs T,t,s9,A,Teacher\nTa,u,s8,A,TA\n",
        "canvas", [M_ADA]),
    "Canvas, users": (
        "canvas_user_id,user_id,integration_id,login_id,first_name,last_name,sortable_name,email,status\n"
        '4711,s1,,ada,Ada,Lovelace,"Lovelace, Ada",a@a.org,active\n4713,s3,,x,X,Y,"Y, X",x@a.org,deleted\n',
        "canvas", [ADA]),
    "Canvas, New Analytics": (
        'Student Name,Student ID,Student SIS ID,Email,Section Name\n"Lovelace, Ada",4711,s1,ada@a.org,A\n', "canvas",
        [("4711", "Lovelace, Ada", "ada@a.org")]),
    "Moodle, participants": (MOODLE, "moodle", [M_ADA, M_GRACE]),
    "Moodle, tabs and UTF-16, as Excel saves text": (
        MOODLE.replace(",", "\t").encode("utf-16"), "moodle", [M_ADA, M_GRACE]),
    "Moodle, grades": (
        "First name,Surname,ID number,Institution,Department,Email address,Quiz,Quiz,Last downloaded from this course\n"
        "Ada,Lovelace,ada,,,ada@a.org,5.00,-,1761\n", "moodle", [M_ADA]),
    "Moodle, German": (
        "Vorname;Nachname;ID-Nummer;E-Mail-Adresse;Rollen\nAda;Lovelace;ada;a@a.org;Teilnehmer/in\nT;T;t;t@a.org;Trainer/in\n",
        "moodle", [M_ADA]),
    "Moodle, e-mail alone": (
        "First name,Last name,Email address\nAda,Lovelace,ada@a.org\n", "moodle", [("", "Ada Lovelace", "ada@a.org")]),
    "Moodle, not everybody has a number": (
        "First name,Last name,ID number,Email address\nAda,Lovelace,,ada@a.org\nGrace,Hopper,g,g@a.org\n", "moodle",
        [("", "Ada Lovelace", "ada@a.org"), ("", "Grace Hopper", "g@a.org")]),
    "Moodle, worksheet": (
        "Identifier,Full name,ID number,Email address,Status,Grade\n"
        "Participant 1234567,Ada Lovelace,ada,a@a.org,Submitted,5\n", "moodle", [("1234567", "Ada Lovelace", "ada")]),
    "Moodle, German worksheet": (
        "ID;Vollständiger Name;E-Mail-Adresse\nTeilnehmer/in1234567;Ada Lovelace;ada\n", "moodle",
        [("1234567", "Ada Lovelace", "ada")]),
    "Moodle, upload of users": (
        "username,firstname,lastname,email\nada,Ada,Lovelace,a@a.org\n", "moodle", [M_ADA]),
    "Moodle, suspended": (
        "First name,Last name,Username,Status\nAda,Lovelace,ada,Active\nX,Y,x,Suspended\n", "moodle", [M_ADA]),
    "plain": ("name,student\nAda Lovelace,ada\n", "", [M_ADA]),
    "plain, with numbers and a formula": (
        "number,name,student\n7,'=SUM(A1),ada\n", "", [("7", "=SUM(A1)", "ada")]),
    "plain, Name and Username": ("Name;Username\n\nAda Lovelace;ada\n;\n", "", [M_ADA]),
    "nbgrader's": ("id,first_name,last_name,email\nada,Ada,Lovelace,\n", "", [M_ADA]),
    "ids alone": ("username,01 · Toy\nada,5\ngrace,\n", "moodle", NO_NAMES),
}  # fmt: skip

REFUSED: dict[str, tuple[str | bytes, str]] = {
    "no list": ("a,b\n1,2\n", r":1: a list of students was expected: .* found a, b\. Export it again"),
    "empty": ("", r":1: a list of students was expected: .* found nothing"),
    "nobody": ("name,student\n", "with a line for each student was expected; found none"),
    "a workbook": (b"PK\x03\x04\x14\x00", "a CSV file was expected, this is a workbook; save the sheet as CSV UTF-8"),
    "Latin-1": (
        "name,student\nAda,ada\nM\xfcller,m\n".encode("latin-1"), r":3: no text in UTF-8; save it as CSV UTF-8"),
    "an id twice": (
        "name,student\nAda,ada\nGrace,ada\n",
        r":3: student ada stands in line 2 too \(Ada there, Grace here\); each student needs one line"),
    "two ids, one folder": ("name,student\nAda,ada\nGrace,ADA\n", ":3: student ADA is ada for some file systems"),
    "a number twice": (
        "number,name,student\n7,Ada,ada\n7,Grace,grace\n", ":3: the number 7 is of ada in line 2, and of grace here"),
    "an id that is a path": ("name,student\nAda,../ada\n", r":2: student '../ada' .* no folder can be called so"),
    "an id with a control sign": ("name,student\nAda,a\x00b\n", ":2: student .* signs that cannot be shown"),
    "a device": ("name,student\nAda,nul\n", ":2: student 'nul' is a device on Windows"),
    "a number as a spreadsheet shortens it": (
        "Student,ID,SIS Login ID,Section\nAda,4.71E+11,ada,A\n", r":2: '4.71E\+11' is no number of a platform"),
    "a name with a comma": ("name,student\nLovelace, Ada,ada\n", ":2: 2 columns were expected, 3 were found"),
    "a column twice": ("name,student,student\nAda,ada,b\n", ":1: two columns are called student and student"),
    "half an id": (
        "First name,Last name,ID number\nAda,Lovelace,\nGrace,Hopper,g\n", ":2: Ada Lovelace has nothing in ID"),
}  # fmt: skip


def put(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return path


def run(*arguments: object) -> tuple[int, Any]:
    result = CliRunner().invoke(app, ["roster", "import", *map(str, arguments), "--json"])
    return result.exit_code, json.loads(result.stdout) if result.stdout else result.stderr


def states(told: Mapping[str, Any]) -> dict[str, str]:
    return {one["student"]: one["state"] for one in told["students"]}


@pytest.mark.parametrize("name", READ)
def test_lists_are_read_as_platforms_export_them(tmp_path: Path, name: str) -> None:
    content, platform, people = READ[name]
    found = read_list(put(tmp_path / "list.csv", content))
    assert found.platform == platform
    assert [(one.number, one.name, one.student) for one in found.entries] == people


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_used_is_said_with_its_line(toy: Course, tmp_path: Path, name: str) -> None:
    content, why = REFUSED[name]
    path = put(tmp_path / "list.csv", content)
    toy.roster.parent.mkdir(parents=True, exist_ok=True)
    toy.roster.write_text("platform,number,name,student\n,,Bob,bob\n")
    with pytest.raises(LookupError, match=why) as refused:
        read_list(path)
    assert str(path) in str(refused.value)
    assert run(path)[0] == 2
    assert toy.roster.read_text() == "platform,number,name,student\n,,Bob,bob\n"


def test_all_errors_are_told_at_once_and_few_of_many(tmp_path: Path) -> None:
    with pytest.raises(LookupError) as refused:
        read_list(put(tmp_path / "list.csv", "name,student\n" + "".join(f"n{n},a/{n}\n" for n in range(50))))
    lines = str(refused.value).splitlines()
    assert len(lines) == 22
    assert lines[-2:] == [f"{tmp_path / 'list.csv'}: 30 more lines like these.", "Nothing was imported."]


def test_another_column_may_be_the_id_and_other_encodings_be_named(tmp_path: Path) -> None:
    path = put(tmp_path / "list.csv", MOODLE.replace("Grace,H", "M\xfcller,H").encode("cp1252"))
    found = read_list(path, "Email address", "cp1252")
    assert [(one.name, one.student) for one in found.entries] == [
        ("Ada Lovelace", "ada@a.org"),
        ("Müller Hopper", "g@a.org"),
    ]
    with pytest.raises(LookupError, match="--id 'Shoe size' is none of its columns: First name, "):
        read_list(path, "Shoe size", "cp1252")
    with pytest.raises(LookupError, match="--encoding 'cp-none' is not known"):
        read_list(path, None, "cp-none")


def test_the_roster_is_written_once_and_the_same_again(toy: Course, tmp_path: Path) -> None:
    path = put(tmp_path / "gradebook.csv", CANVAS)
    code, told = run(path, "--dry-run")
    assert (code, told["written"], toy.roster.exists()) == (0, False, False)
    assert told["passed"] == [
        "line 2: the settings of assignments",
        "line 3: the points of assignments",
        "line 6: Canvas's test student",
    ]
    assert run(path) == (0, told | {"written": True})
    assert states(told) == {"ada": "added", "grace": "added"}
    text = toy.roster.read_text()
    assert next(csv.DictReader(io.StringIO(text))) == {
        "platform": "canvas",
        "number": "4711",
        "name": "Lovelace, Ada",
        "student": "ada",
        "SIS User ID": "s1",
        "SIS Login ID": "ada",
        "Section": "Mon, 8 and Tue",
    }
    assert states(run(path)[1]) == {"ada": "same", "grace": "same"}
    assert toy.roster.read_text() == text


def test_what_instructors_wrote_stays_and_changes_are_told(toy: Course, tmp_path: Path) -> None:
    toy.roster.parent.mkdir(parents=True, exist_ok=True)
    toy.roster.write_text(
        "student;name;number;platform;note;left\n"
        "ada-lovelace;lovelaceada;4711;canvas;front row;\n"  # as collect wrote it
        "alan;Alan;;;;2026-09-01\n"
        ";hoppergrace;4712;canvas;asked;\n"
        "kurt;Kurt;5;canvas;;\n"
    )
    code, told = run(put(tmp_path / "g.csv", CANVAS))
    assert (code, states(told)) == (0, {"ada-lovelace": "renamed", "grace": "added", "kurt": "gone"})
    assert told["notes"] == [
        "ada of the list is ada-lovelace here; `grader student rename ada-lovelace ada` gives them the platform's name"
    ]
    lines = {line.student: line for line in read_remembered(toy.roster).lines}
    assert lines["ada-lovelace"].more["note"] == "front row"
    assert (lines["grace"].name, lines["grace"].more["note"]) == ("Hopper, Grace", "asked")
    assert lines["alan"].more["left"] == "2026-09-01"
    assert MARK.fullmatch(lines["kurt"].more["left"])
    assert {"kurt", "alan"} == {*gone(toy)}
    renewed = (
        CANVAS.replace('"Lovelace, Ada",4711,s1,ada', '"Byron, Ada",4711,s1,ada.b') + '"Gödel, Kurt",5,s5,kurt,Tue,,\n'
    )
    code, told = run(put(tmp_path / "h.csv", renewed))
    assert states(told) == {"ada-lovelace": "renamed", "kurt": "back", "grace": "same"}
    assert {*gone(toy)} == {"alan"}
    assert told["students"][0]["what"] == "Lovelace, Ada → Byron, Ada; SIS Login ID: ada → ada.b"


def test_a_part_of_the_class_and_another_class(toy: Course, tmp_path: Path) -> None:
    run(put(tmp_path / "all.csv", CANVAS))
    before = toy.roster.read_bytes()
    head = "Student,ID,SIS User ID,SIS Login ID,Section\n"
    other = put(tmp_path / "other.csv", f"{head}Eve,1,,eve,A\n")
    code, told = run(other)
    assert code == 2
    assert "none of the 2 that class/roster.csv knows is in it" in told
    assert toy.roster.read_bytes() == before
    assert states(run(other, "--part")[1]) == {"eve": "added"}
    assert gone(toy) == {}
    code, told = run(put(tmp_path / "moodle.csv", MOODLE))  # another platform's list says nothing of Canvas
    assert states(told) == {"ada": "changed", "grace": "changed"}
    assert gone(toy) == {}


@pytest.mark.parametrize(
    ("roster", "rows", "why"),
    [
        (
            "canvas,1,Ada,al\n,,Ada Two,ada\n",
            "Ada,1,,ada,A\n",
            "Ada is al in class/roster.csv, and ada is a student",
        ),
        (
            ",,Ada,Ada\n",
            "Ada,1,,ada,A\n",
            ":2: the id ada is Ada here, one folder for some file systems: `grader student",
        ),
        ("canvas,1,Ada,al\n", "Ada,1,,x,A\nAda,2,,al,A\n", r":3: Ada and Ada \(line 2\) would both be al"),
    ],
)
def test_people_who_cannot_be_told_apart_stop_it(toy: Course, tmp_path: Path, roster: str, rows: str, why: str) -> None:
    toy.roster.parent.mkdir(parents=True, exist_ok=True)
    toy.roster.write_text("platform,number,name,student\n" + roster)
    path = put(tmp_path / "list.csv", "Student,ID,SIS User ID,SIS Login ID,Section\n" + rows)
    with pytest.raises(LookupError, match=why):
        import_list(toy, read_list(path), path)
    assert toy.roster.read_text() == "platform,number,name,student\n" + roster


def test_a_name_that_nobody_else_has_is_the_same_person_on_one_platform_only(tmp_path: Path) -> None:
    found = read_list(put(tmp_path / "list.csv", MOODLE))
    there = Roster((Line("moodle", "11", "Ada Lovelace", "ada-l"), Line("canvas", "9", "Hopper, Grace", "g-hopper")))
    plan = planned(there, found, tmp_path, {"ada-l", "g-hopper"}, TODAY)
    assert [(one.student, one.state) for one in plan.moved] == [("grace", "added"), ("ada-l", "changed")]
    assert "grace is called like g-hopper: `grader student merge g-hopper grace` if they are one" in plan.notes
    twice = Roster((*there.lines, Line("moodle", "12", "Ada Lovelace", "ada-2")))
    with pytest.raises(LookupError, match=r":2: Ada Lovelace may be ada-2 or ada-l: `grader student rename ada-2 ada`"):
        planned(twice, found, tmp_path / "list.csv", {"ada-l", "ada-2", "g-hopper"}, TODAY)
    canvas = read_list(put(tmp_path / "canvas.csv", CANVAS))  # whose numbers stay a person's
    namesake = Roster((Line("canvas", "1", "Ada Lovelace", "ada-1"), Line("canvas", "4712", "hoppergrace", "grace")))
    plan = planned(namesake, canvas, tmp_path, {"ada-1", "grace"}, TODAY)
    assert {one.student: one.state for one in plan.moved} == {"ada": "added", "grace": "renamed", "ada-1": "gone"}


def test_a_roster_that_cannot_be_written_stays(toy: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(put(tmp_path / "all.csv", CANVAS))
    before = toy.roster.read_bytes()
    put(tmp_path / "new.csv", CANVAS.replace("ada", "ada.b"))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("grader.course.roster.write_csv", full)
    code, told = run(tmp_path / "new.csv")
    assert code == 2
    assert "Nothing was imported" in told
    assert toy.roster.read_bytes() == before
    assert [path.name for path in toy.roster.parent.glob("*roster*") if path.suffix != ".lock"] == ["roster.csv"]


def test_moodles_download_is_collected_and_fed_back_by_the_imported_names(toy: Course, tmp_path: Path) -> None:
    run(put(tmp_path / "participants.csv", MOODLE))
    bulk = moodle(tmp_path / "m.zip", (1234567, "Ada Lovelace"), (1234568, "Grace Hopper"))
    feedback(toy, "ada", "grace")
    assert returned(bulk)[1]["students"] == ["ada", "grace"]
    assert CliRunner().invoke(app, ["collect", str(bulk)]).exit_code == 0
    assert {path.name for path in toy.submitted.iterdir() if (path / LAB).is_dir()} >= {"ada", "grace"}
    numbers = {line.number: line.student for line in read_remembered(toy.roster).lines if line.number}
    assert numbers == {"1234567": "ada", "1234568": "grace"}
    code, told = run(tmp_path / "participants.csv")
    assert (code, states(told)) == (0, {"ada": "same", "grace": "same"})


def test_worksheets_teach_the_numbers_of_each_assignment(toy: Course, tmp_path: Path) -> None:
    run(put(tmp_path / "participants.csv", MOODLE))
    first = moodle(tmp_path / "1.zip", (11, "Ada Lovelace"), (12, "Grace Hopper"))
    second = moodle(tmp_path / "2.zip", (21, "Ada Lovelace"), (22, "Grace Hopper"), content="second ")
    assert CliRunner().invoke(app, ["collect", str(first)]).exit_code == 0
    assert CliRunner().invoke(app, ["collect", str(second)]).exit_code == 1  # numbers of nobody
    sheet = "Identifier,Full name,ID number\nParticipant 21,Ada Lovelace,ada\nParticipant 22,Grace Hopper,grace\n"
    code, told = run(put(tmp_path / "worksheet.csv", sheet))
    assert (code, states(told)) == (0, {"ada": "changed", "grace": "changed"})
    assert CliRunner().invoke(app, ["collect", str(second)]).exit_code == 0
    assert (toy.submitted / "grace" / LAB / f"{LAB}.ipynb").read_text() == "second 22"
    for name in ("participants.csv", "worksheet.csv"):
        assert states(run(tmp_path / name)[1]) == {"ada": "same", "grace": "same"}
    kept = [line.more.get("ID number") for line in read_remembered(toy.roster).lines]
    assert sorted(filter(None, kept)) == ["ada", "grace"]
    run(put(tmp_path / "less.csv", MOODLE.replace("Grace,Hopper,grace,g@a.org,\n", "")))
    assert {*gone(toy)} == {"grace"}
    assert states(run(tmp_path / "participants.csv")[1]) == {"ada": "same", "grace": "back"}
    assert gone(toy) == {}


def grade(student: str) -> Grade:
    return Grade(student, LAB, 4.0, 5.0, None, 0.0, False)  # type: ignore[arg-type]


def test_grades_go_back_by_the_platforms_own_columns(tmp_path: Path) -> None:
    both = planned(Roster(), read_list(put(tmp_path / "c.csv", CANVAS)), tmp_path, set(), TODAY).roster
    both = planned(both, read_list(put(tmp_path / "m.csv", MOODLE)), tmp_path, {"ada", "grace"}, TODAY).roster
    lines, told = lms_rows([grade("ada"), grade("bob")], "canvas", {LAB: "Toy"}, None, None, both.lines)
    assert lines == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Toy"],
        ["    Points Possible", "", "", "", "", "5"],
        ["Lovelace, Ada", "4711", "s1", "ada", "Mon, 8 and Tue", "4"],
        ["Hopper, Grace", "4712", "s2", "grace", "Tue", ""],
    ]
    assert [line.partition(";")[0] for line in told] == [
        "bob: has grades here, and no line of canvas in class/roster.csv"
    ]
    lines, told = lms_rows([grade("ada")], "moodle", {LAB: "Toy"}, None, None, both.lines)
    assert (lines, told) == ([["ID number", "Toy"], ["ada", "4"], ["grace", ""]], [])


NAMES = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn")), min_size=1, max_size=20)
PEOPLE = st.lists(
    st.tuples(st.integers(1, 10**12), NAMES, st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)),
    min_size=1,
    max_size=8,
    unique_by=(lambda one: one[0], lambda one: folded(one[2])),
).filter(lambda people: not any(id_problem(one[2]) or one[2].startswith(("'", "\ufeff")) for one in people))


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(PEOPLE)
def test_our_own_grade_file_is_read_back_as_the_list_it_was_made_from(
    tmp_path_factory: pytest.TempPathFactory, people: list[tuple[int, str, str]]
) -> None:
    """A platform's list, imported; grades exported for it; that file imported again: nobody is other than before."""
    folder = tmp_path_factory.mktemp("round")
    rows = [[name, str(number), f"s{number}", student, "A"] for number, name, student in people]
    head = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"]
    path = write_lines([head, ["    Points Possible", *[""] * 4], *rows], folder / "c.csv")
    found = read_list(path)
    roster = planned(Roster(), found, path, set(), TODAY).roster
    write_remembered(folder / "roster.csv", roster)
    again = read_remembered(folder / "roster.csv")
    assert (again.lines, [line.more for line in again.lines]) == (roster.lines, [line.more for line in roster.lines])
    lines, told = lms_rows(
        [grade(one.student) for one in found.entries], "canvas", {LAB: "Toy"}, None, None, again.lines
    )
    assert told == []
    made = write_lines(lines, folder / "grades.csv")
    known = {line.student for line in again.lines}
    plan = planned(again, read_list(made), made, known, TODAY)
    assert {one.state for one in plan.moved} <= {"same"}


def test_ids_of_two_students_are_nobodys(tmp_path: Path) -> None:
    there = Roster(
        (
            Line("moodle", "", "A", "a", {"ID number": "one", "Email address": "a@a.org"}),
            Line("moodle", "", "B", "b", {"ID number": "two", "Email address": "b@a.org"}),
        )
    )
    found = read_list(put(tmp_path / "list.csv", "First name,Last name,ID number,Email address\nC,D,one,b@a.org\n"))
    with pytest.raises(
        LookupError, match=r":2: the ids of C D are of a and of b in class/roster.csv: mend their lines"
    ):
        planned(there, found, tmp_path / "list.csv", {"a", "b"}, TODAY)


def test_a_class_that_has_other_ids_is_told_so_in_few_lines(tmp_path: Path) -> None:
    there = Roster(tuple(Line("canvas", f"{n}", f"N {n}", f"n-{n}") for n in range(1, 31)))
    rows = "".join(f"N {n},{n},login{n},A\n" for n in range(1, 31))
    found = read_list(put(tmp_path / "list.csv", "Student,ID,SIS Login ID,Section\n" + rows))
    plan = planned(there, found, tmp_path, {f"n-{n}" for n in range(1, 31)}, TODAY)
    assert (len(plan.notes), plan.notes[-1]) == (6, "25 more have another id here than on the list")
    assert {one.state for one in plan.moved} == {"changed"}
