"""Who is who: class/roster.csv remembers, and people who could be taken for one another are all held back."""

from __future__ import annotations

import csv
import io
import os
import unicodedata
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from grader.cli import app
from grader.course.names import folded, made_id, name_key, spellings
from grader.course.paths import Course
from grader.course.people import Held, person, who_is_who
from grader.course.roster import Line, Roster, id_problem, read_remembered, read_roster, write_remembered
from grader.exchange.collect import collect

LAB = "01-toy"
HEAD = "platform,number,name,student\n"


def packed(files: Mapping[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 11, 20, 12, 0, 0)), content)
    return made.getvalue()


def moodle(path: Path, *people: tuple[int, str], content: str = "") -> Path:
    """A download with a notebook of each; its content tells whose it is."""
    path.write_bytes(
        packed(
            {
                f"{name}_{number}_assignsubmission_file/{LAB}.ipynb": f"{content}{number}".encode()
                for number, name in people
            }
        )
    )
    return path


def there(course: Course) -> dict[str, str]:
    """The notebook of each student in class/submitted."""
    return {path.parent.parent.name: path.read_text() for path in course.submitted.glob(f"*/{LAB}/{LAB}.ipynb")}


def lines(course: Course) -> list[list[str]]:
    with course.roster.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))[1:]


NAMESAKES = [
    "Ada Lovelace",
    "ＡＤＡ -Lovelace!",
    "ada  lovelace",
    "Ada-Lovelace",
    "ADA LOVELACE",
    "Ada Lóvelace",
    unicodedata.normalize("NFD", "Áda Lovelace"),
    "Аda Lоvеlасе",  # Cyrillic
    "Ada Lοvelace",  # Greek
    "Ada\u200b Love\u00adlace",
    "Ada Lovelace\u3164",
    "\u202eAda Lovelace",
    "Ａda　Lovelace",
    "Lovelace Ada",
    "Lovelace, Ada",
]


@pytest.mark.parametrize("other", NAMESAKES[1:13])
def test_namesakes_in_one_download_are_all_held_back(other: str) -> None:
    run = [(person("moodle", "1", "Ada Lovelace"), Path("a")), (person("moodle", "2", other), Path("a"))]
    for seen in (run, run[::-1]):
        decided = who_is_who([*seen, (person("moodle", "3", "Bob"), Path("a"))], Roster())
        assert decided.students[("moodle", "3", "")] == "bob"
        assert [type(decided.students[("moodle", number, "")]) for number in "12"] == [Held, Held]


@pytest.mark.parametrize("other", NAMESAKES)
def test_a_namesake_in_a_second_download_is_held_back_and_the_first_stays(
    toy: Course, tmp_path: Path, other: str
) -> None:
    collect(toy, [moodle(tmp_path / "1.zip", (1, "Ada Lovelace"))])
    assert there(toy) == {"ada-lovelace": "1"}
    found, left = collect(toy, [moodle(tmp_path / "2.zip", (2, other), (3, "Bob"))])
    assert [one.student for one in found] == ["bob"]
    assert there(toy) == {"ada-lovelace": "1", "bob": "3"}
    assert len(left) == 1
    assert "class/roster.csv" in left[0].remedy
    assert [line[1::2] for line in lines(toy)] == [["1", "ada-lovelace"], ["2", ""], ["3", "bob"]]
    text = toy.roster.read_text()
    toy.roster.write_text("\n".join(f"{line}ada-2" if line.endswith(",") else line for line in text.splitlines()))
    found, left = collect(toy, [tmp_path / "2.zip", tmp_path / "1.zip"])
    assert left == []
    assert there(toy) == {"ada-lovelace": "1", "ada-2": "2", "bob": "3"}


def test_namesakes_of_one_download_stay_held_back_when_they_come_alone(toy: Course, tmp_path: Path) -> None:
    both = moodle(tmp_path / "both.zip", (1, "Ada Lovelace"), (2, "ADA LOVELACE"))
    found, left = collect(toy, [both])
    assert (found, len(left)) == ([], 2)
    assert left[1].why == "more than one person is called Ada Lovelace: moodle 1, moodle 2"
    assert "behind `moodle,1,Ada Lovelace,` in class/roster.csv" in left[1].remedy
    for number, name in ((1, "Ada Lovelace"), (2, "ADA LOVELACE")):
        for same_people in (False, True):
            alone = moodle(tmp_path / "one.zip", (number, name))
            assert collect(toy, [alone], same_people=same_people)[0] == []
    assert there(toy) == {}
    toy.roster.write_text(f"{HEAD}moodle,1,Ada Lovelace,ada\nmoodle,2,ADA LOVELACE,ada-too\n")
    before = toy.roster.read_bytes()
    assert collect(toy, [both])[1] == []
    assert there(toy) == {"ada": "1", "ada-too": "2"}
    assert toy.roster.read_bytes() == before


def test_a_number_that_is_known_keeps_its_student_whatever_the_name(toy: Course, tmp_path: Path) -> None:
    collect(toy, [moodle(tmp_path / "1.zip", (1, "Ada Byron"), (2, "Bob"))])
    found, left = collect(toy, [moodle(tmp_path / "2.zip", (1, "Bob"), (2, "Ada Byron"), content="new")])
    assert left == []
    assert there(toy) == {"ada-byron": "new1", "bob": "new2"}
    found, left = collect(toy, [moodle(tmp_path / "3.zip", (1, "Ada Byron"), (9, "Ada Byron"), content="third")])
    assert [one.student for one in found] == ["ada-byron"]
    assert there(toy) == {"ada-byron": "third1", "bob": "new2"}
    assert len(left) == 1


def test_nobody_takes_the_folder_of_somebody_the_roster_does_not_know(toy: Course, tmp_path: Path) -> None:
    """Bob came through nbgrader's exchange; a display name is no proof of being him."""
    for name in ("bob", "Cy"):
        (toy.submitted / name / LAB).mkdir(parents=True)
        (toy.submitted / name / LAB / f"{LAB}.ipynb").write_text("through the exchange")
    found, left = collect(toy, [moodle(tmp_path / "m.zip", (1, "Bob"), (2, "cy"))])
    assert found == []
    assert [one.why for one in left] == [f"{name} is there already, and may be somebody else" for name in ("bob", "Cy")]
    assert set(there(toy).values()) == {"through the exchange"}
    toy.roster.write_text(f"{HEAD}moodle,1,Bob,bob\nmoodle,2,cy,cy\n")
    found, left = collect(toy, [tmp_path / "m.zip"])
    assert [one.student for one in found] == ["bob"]
    assert [one.why for one in left] == ["class/submitted has Cy, and cy would be the same for some file systems"]
    assert there(toy) == {"bob": "1", "Cy": "through the exchange"}


def test_new_numbers_of_the_same_people(toy: Course, tmp_path: Path) -> None:
    """Moodle numbers people anew in each assignment: an instructor who knows that names are enough says so."""
    collect(toy, [moodle(tmp_path / "1.zip", (1, "Ada"), (2, "Bob"))])
    second = moodle(tmp_path / "2.zip", (11, "Ada"), (12, "Bob"), (13, "Cy"), (14, "Cy"), content="new")
    found, left = collect(toy, [second])
    assert found == []
    assert ["--same-people" in one.remedy for one in sorted(left, key=str)] == [True, True, False, False]
    found, left = collect(toy, [second], same_people=True)
    assert there(toy) == {"ada": "new11", "bob": "new12"}
    assert [one.why.partition(":")[0] for one in left] == ["more than one person is called Cy"] * 2
    assert collect(toy, [moodle(tmp_path / "3.zip", (11, "Ada"), (12, "Bob"))])[1] == []


def test_lists_of_students_close_the_class_and_are_remembered(toy: Course, tmp_path: Path) -> None:
    told = (Line("", "1", "Ada", "a1"), Line("", "", "Bob Bayes", "b2"), Line("", "", "Di", "d4"))
    bulk = moodle(tmp_path / "m.zip", (1, "Ada"), (2, "Bayes, Bob"), (3, "Cy"), (4, "Di"), (5, "di"), (6, "ada"))
    _, left = collect(toy, [bulk], roster=told)
    assert there(toy) == {"a1": "1", "b2": "2"}
    assert {one.why for one in left} == {
        "nobody in the roster is Cy 3",
        "more than one person is called Di: moodle 4, moodle 5",
        "more than one person is called di: moodle 4, moodle 5",
        "more than one person is called ada: moodle 1, moodle 6",
    }
    assert lines(toy) == [
        ["moodle", "1", "Ada", "a1"],
        ["moodle", "2", "Bayes, Bob", "b2"],
        ["moodle", "4", "Di", ""],
        ["moodle", "5", "di", ""],
        ["moodle", "6", "ada", ""],
    ]
    assert collect(toy, [moodle(tmp_path / "n.zip", (1, "Ada"), (2, "Bob"))])[1] == []
    _, left = collect(toy, [bulk], roster=[Line("", "1", "Ada", "other")])
    assert "moodle 1 is a1 in class/roster.csv and other in the list of --roster" in [one.why for one in left]


def test_people_without_numbers_are_their_names(toy: Course, tmp_path: Path) -> None:
    bulk = tmp_path / "folders.zip"
    bulk.write_bytes(packed({f"{name}/{LAB}.ipynb": name.encode() for name in ("Ada L", "ada l", "Bob")}))
    _, left = collect(toy, [bulk])
    assert (there(toy), len(left)) == ({"bob": "Bob"}, 2)
    bulk.write_bytes(packed({f"{name}/{LAB}.ipynb": b"new" for name in ("BOB", "Cy")}))
    _, left = collect(toy, [bulk])
    assert (there(toy), len(left)) == ({"bob": "Bob", "cy": "new"}, 1)
    bulk.write_bytes(packed({f"Bob/{LAB}.ipynb": b"new"}))
    assert collect(toy, [bulk])[1] == []
    assert there(toy)["bob"] == "new"


def test_what_an_instructor_wrote_stays(toy: Course, tmp_path: Path) -> None:
    toy.roster.parent.mkdir(exist_ok=True)
    toy.roster.write_text("\ufeffgroup;student;name;number;platform\nA;ada;Ada;1;Moodle\n\nB;;Bob;2;moodle\n", "utf-8")
    assert collect(toy, [moodle(tmp_path / "m.zip", (1, "Ada"), (2, "Bob"), (3, "=cmd"))])[1] == []
    assert toy.roster.read_text().splitlines() == [
        "group,student,name,number,platform",
        "A,ada,Ada,1,moodle",
        "B,bob,Bob,2,moodle",
        ",cmd,'=cmd,3,moodle",
    ]
    assert read_remembered(toy.roster).lines[-1] == Line("moodle", "3", "=cmd", "cmd")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ":1: the columns platform,number,name,student were expected; missing platform"),
        ("platform,number,name\n", ":1: the columns .* missing student"),
        ("platform,number,name,student,name\n", ":1: two columns have one name"),
        (f"{HEAD}moodle,1.2E+15,Ada,ada\n", r":2: '1\.2E\+15' is no number of a platform"),
        (f"{HEAD}moodle,,,ada\n", ":2: a number or a name was expected"),
        (f"{HEAD}\nmoodle,1,Ada,../ada\n", ":3: the student '../ada' begins or ends with a dot"),
        (f"{HEAD}moodle,1,Ada,{'a' * 201}\n", ":2: the student .* is longer than 200 bytes"),
        (f"{HEAD}moodle,1,Ada,a\x1b[31m\n", ":2: the student .* holds signs that cannot be shown"),
        (f"{HEAD}moodle,1,Ada,nul\n", ":2: the student 'nul' is a device"),
        (f"{HEAD}moodle,1,A,ada\ncanvas,1,A,b\nmoodle,1,A,eve\n", ":4: moodle 1 is ada in line 2, and eve here"),
        (
            f"{HEAD}moodle,1,A,ada\nmoodle,2,B,Ada\n",
            r":3: the ids ada \(line 2\) and Ada are one for some file systems",
        ),
        (f"{HEAD}moodle,1,A,é\nmoodle,2,B,e\u0301\n", ":3: the ids"),
        (f"{HEAD}moodle,1,Lovelace, Ada,ada\n", ":2: 4 columns were expected, 5 were found; put a name with a comma"),
        (f'{HEAD}moodle,1,"A\nB",ada\nmoodle,x,C,c\n', ":2: a cell holds control characters"),
        (f"{HEAD}moodle,1,\xe9,a\n".encode("latin-1"), ":2: no text in UTF-8; save it as CSV UTF-8"),
        (f"{HEAD}moodle,1,\0,a\n", ":2: a cell holds control characters"),
    ],
)
def test_errors_of_the_roster_name_file_and_line(toy: Course, tmp_path: Path, text: str | bytes, said: str) -> None:
    toy.roster.parent.mkdir(exist_ok=True)
    raw = text if isinstance(text, bytes) else text.encode()
    toy.roster.write_bytes(raw)
    with pytest.raises(LookupError, match=f"roster.csv{said}"):
        read_remembered(toy.roster)
    result = CliRunner().invoke(app, ["collect", str(moodle(tmp_path / "m.zip", (7, "Zoe")))])
    assert (result.exit_code, result.stdout) == (2, "")
    assert str(toy.roster) in result.stderr
    assert toy.roster.read_bytes() == raw
    assert not toy.submitted.exists() or there(toy) == {}


def test_a_roster_that_cannot_be_written_stops_before_anything_is_taken(toy: Course, tmp_path: Path) -> None:
    (toy.class_dir / f".roster.csv.{os.getpid()}.part" / "in the way").mkdir(parents=True)
    result = CliRunner().invoke(app, ["collect", str(moodle(tmp_path / "m.zip", (7, "Zoe")))])
    assert result.exit_code == 2
    assert "Nothing was collected" in result.stderr
    assert not toy.submitted.exists() or there(toy) == {}


def test_platforms_own_lists(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("Identifier,Full name,Email address,Status\nParticipant 77,Ada Lovelace,ada@x.org,Submitted\n")
    assert read_roster(path) == (Line("", "77", "Ada Lovelace", "ada@x.org"),)
    path.write_text('Student,ID,SIS User ID,SIS Login ID\n    Points Possible,,,\n"Lovelace, Ada",4711,s,ada\n')
    assert read_roster(path) == (Line("", "4711", "Lovelace, Ada", "ada"),)
    path.write_text("number,name,student\n1,Ada L,a\n2,Ada L,b\n")
    assert [line.student for line in read_roster(path)] == ["a", "b"]
    for text, said in (
        ("name,student\nAda L,a\nAda L,b\n", r":3: Ada L is of a and of b; tell them apart by a column `number`"),
        ("number,student\n1,a\n1,b\n", ":3: 1 is of a and of b"),
        ("a,b\n1,2\n", "columns that tell who is who were expected"),
    ):
        path.write_text(text)
        with pytest.raises(LookupError, match=said):
            read_roster(path)
    with pytest.raises(LookupError, match="cannot be read"):
        read_roster(tmp_path)


@pytest.mark.parametrize("student", ["../up", ".hidden", "a/b", "a*", "x" * 201, "a\nb", "CON", "a:b", " a", "a."])
def test_ids_that_cannot_be_folders_are_left(toy: Course, tmp_path: Path, student: str) -> None:
    found, left = collect(toy, [moodle(tmp_path / "m.zip", (1, "Ada"))], roster=[Line("", "1", "Ada", student)])
    assert found == []
    assert left[0].why.startswith("the id ")
    assert there(toy) == {}


def test_the_names_of_other_scripts_stay_apart() -> None:
    apart = ["राम", "रमा", "がく", "かく", "김민준", "김민중", "Анна", "Инна", "محمد", "أحمد", "Müller", "Möller"]
    assert len({name_key(name) for name in apart}) == len(apart)
    assert len({made_id(name) for name in apart}) == len(apart)
    assert name_key("Sørensen") == name_key("Sorensen")
    assert name_key("Straße") == name_key("STRASSE")
    assert (made_id("Ada  Lovelace"), made_id("Łukasz O'Neil"), made_id("🙂")) == ("ada-lovelace", "łukasz-o-neil", "")


@given(st.text(max_size=30))
def test_ids_made_of_names_are_harmless(name: str) -> None:
    made = made_id(name)
    assert not set(made) & set("/\\*?[]\0 '=+")
    assert not made.startswith((".", "-", "@"))
    assert made_id(made) == made
    assert name_key(made) == name_key(name)
    assert name_key(name) in spellings(name)


PEOPLE = st.lists(
    st.tuples(
        st.sampled_from(["moodle", "canvas", "folders"]),
        st.integers(1, 6).map(str),
        st.sampled_from([*NAMESAKES[:6], "Bob", "bob", "BOB.", "Бob", "🙂", "", "7"]),
        st.sampled_from([Path("one"), Path("two")]),
    ),
    max_size=8,
)


@given(st.lists(PEOPLE, min_size=1, max_size=4))
@settings(max_examples=150)
def test_no_student_is_ever_two_people_who_only_look_alike(
    runs: list[list[tuple[str, str, str, Path]]],
) -> None:
    """Over any number of runs: a student is one identity, unless an instructor writes otherwise."""
    roster, owners = Roster(), dict[str, tuple[str, str, str]]()
    for people in runs:
        seen = [
            (person(platform, "" if platform == "folders" else number, name), download)
            for platform, number, name, download in people
        ]
        decided = who_is_who(seen, roster)
        for identity, student in decided.students.items():
            if isinstance(student, str):
                assert owners.setdefault(folded(student), identity) == identity
        roster = decided.roster
    ids = [folded(line.student) for line in roster.lines if line.student]
    assert len(ids) == len(set(ids))


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
ROW = st.tuples(st.sampled_from(["moodle", ""]), st.integers(0, 10**18), TEXT, TEXT)


@given(rows=st.lists(ROW, max_size=5))
@settings(max_examples=100)
def test_rosters_come_back_as_they_were_written(
    rows: list[tuple[str, int, str, str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "roster-round-trip.csv"
    made: dict[tuple[str, int], Line] = {}
    for at, (platform, number, name, student) in enumerate(rows):
        clean, usable = person(platform, str(number), name), f"{student.strip()}{at}"
        made[platform, number] = Line(platform, str(number), clean.name, "" if id_problem(usable) else usable)
    write_remembered(path, Roster(tuple(made.values())))
    again = read_remembered(path)
    told = [(line.platform, line.number, name_key(line.name), line.student) for line in again.lines]
    assert told == [(line.platform, line.number, name_key(line.name), line.student) for line in made.values()]
    write_remembered(path, again)
    assert read_remembered(path) == again


ANYBODY = st.tuples(st.sampled_from(["moodle", "folders", "files"]), st.integers(1, 4), st.text(max_size=12))


@given(
    people=st.lists(ANYBODY, max_size=6),
    told=st.none()
    | st.lists(st.tuples(TEXT, st.sampled_from(["Ada", "ada", "e\u0301", "é", "=1", "a/b"])), max_size=4),
    same=st.booleans(),
)
@settings(max_examples=200)
def test_whatever_collect_remembers_it_can_read(
    people: list[tuple[str, int, str]],
    told: list[tuple[str, str]] | None,
    same: bool,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Any names of people and any list of students: the roster is read again, and says the same the next time."""
    path = tmp_path_factory.getbasetemp() / "remembered.csv"
    seen = []
    for platform, number, name in people:
        printable = name.encode("utf-8", "replace").decode()
        seen.append((person(platform, str(number) if platform == "moodle" else "", printable), Path("one")))
    listed = (
        None if told is None else [Line("", str(at), name.strip(), student) for at, (name, student) in enumerate(told)]
    )
    first = who_is_who(seen, Roster(), listed, same_people=same)
    write_remembered(path, first.roster)
    again = who_is_who(seen, read_remembered(path), listed, same_people=same)
    decided = {identity: student for identity, student in first.students.items() if isinstance(student, str)}
    assert {identity: again.students[identity] for identity in decided if identity[1]} == {
        identity: student for identity, student in decided.items() if identity[1]
    }


def test_a_number_that_no_platform_has_fits_no_pattern(toy: Course, tmp_path: Path) -> None:
    long = "9" * 41
    (tmp_path / "m.zip").write_bytes(
        packed({f"A_{long}_assignsubmission_file/{LAB}.ipynb": b"", f"B_٣_assignsubmission_file/{LAB}.ipynb": b""})
    )
    found, left = collect(toy, [tmp_path / "m.zip"])
    assert (found, [one.why for one in left]) == ([], ["its path fits no pattern"] * 2)
