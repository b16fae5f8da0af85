"""Downloads of Moodle and Canvas: put in place as they are, hostile ones refused, the rest listed."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from grader.cli import app
from grader.course.coursedir import gradebook
from grader.course.paths import Course
from grader.exchange.downloads import PATTERNS

LAB = "01-toy"
NOON = (2026, 11, 20, 12, 0, 0)


def packed(files: Mapping[str, bytes], time: tuple[int, ...] = NOON) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, time), content)
    return made.getvalue()


@pytest.fixture
def notebook(toy: Course) -> bytes:
    return (toy.labs / LAB / f"{LAB}.ipynb").read_bytes()


@pytest.fixture
def hand_in(notebook: bytes) -> bytes:
    """As `labkit.hand_in()` packs it."""
    return packed({f"{LAB}/{LAB}.ipynb": notebook, f"{LAB}/attempts.jsonl": b'{"v": 1}\n'}, (1980, 1, 1, 0, 0, 0))


def put(path: Path, files: Mapping[str, bytes]) -> Path:
    path.write_bytes(packed(files))
    return path


def run(*arguments: object) -> tuple[int, dict[str, Any]]:
    result = CliRunner().invoke(app, ["collect", *map(str, arguments), "--json"])
    return result.exit_code, json.loads(result.stdout)


def submitted(course: Course, student: str) -> dict[str, bytes]:
    folder = course.submitted / student / LAB
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("form", ["_assignsubmission_file/", "_assignsubmission_file_/", "_assignsubmission_file_"])
def test_moodle_in_folders_and_without(toy: Course, tmp_path: Path, hand_in: bytes, notebook: bytes, form: str) -> None:
    bulk = put(tmp_path / "moodle.zip", {f"Ada Lovelace_1234567{form}{LAB}-hand-in.zip": hand_in})
    assert run(bulk)[0] == 0
    assert submitted(toy, "ada-lovelace") == {
        f"{LAB}.ipynb": notebook,
        "attempts.jsonl": b'{"v": 1}\n',
        "timestamp.txt": b"2026-11-20 12:00:00 UTC\n",
    }


def test_canvas_with_a_roster_and_names_that_it_changed(
    toy: Course, tmp_path: Path, hand_in: bytes, notebook: bytes
) -> None:
    roster = tmp_path / "canvas.csv"
    roster.write_text(
        'Student,ID,SIS User ID,SIS Login ID,Section\n"Lovelace, Ada",4711,,ada,1\nGrace Hopper,4712,,grace,1\n'
    )
    bulk = put(
        tmp_path / "submissions.zip",
        {f"lovelaceada_4711_1_{LAB}-hand-in-2.zip": hand_in, f"hoppergrace_LATE_4712_2_{LAB}-1.ipynb": notebook},
    )
    code, told = run(bulk, "--roster", roster)
    assert code == 0
    assert [(one["student"], one["late"]) for one in told["collected"]] == [("ada", False), ("grace", True)]
    assert submitted(toy, "grace")[f"{LAB}.ipynb"] == notebook


def test_what_canvas_calls_late_is_after_the_due_date(toy: Course, tmp_path: Path, notebook: bytes) -> None:
    with gradebook(toy) as book:
        book.update_or_create_assignment(LAB, duedate="2026-11-25 12:00:00 UTC")
        book.db.commit()
    bulk = put(tmp_path / "c.zip", {f"ada_LATE_1_2_{LAB}.ipynb": notebook, f"bob_3_4_{LAB}.ipynb": notebook})
    run(bulk)
    assert submitted(toy, "ada")["timestamp.txt"] == b"2026-11-25 12:00:01 UTC\n"
    assert submitted(toy, "bob")["timestamp.txt"] == b"2026-11-20 12:00:00 UTC\n"


def test_the_platforms_clock_may_stand_elsewhere(toy: Course, tmp_path: Path, notebook: bytes) -> None:
    run(put(tmp_path / "c.zip", {f"ada_1_2_{LAB}.ipynb": notebook}), "--timezone", "Asia/Tokyo")
    assert submitted(toy, "ada")["timestamp.txt"] == b"2026-11-20 03:00:00 UTC\n"


def test_the_newest_of_several_counts_and_parts_come_together(toy: Course, tmp_path: Path, notebook: bytes) -> None:
    bulk = tmp_path / "canvas.zip"
    with zipfile.ZipFile(bulk, "w") as archive:
        archive.writestr(zipfile.ZipInfo(f"ada_1_9_{LAB}-1.ipynb", (2026, 11, 22, 8, 0, 0)), notebook)
        archive.writestr(zipfile.ZipInfo(f"ada_1_8_{LAB}.ipynb", (2026, 11, 21, 8, 0, 0)), b"older")
        archive.writestr(zipfile.ZipInfo("ada_1_7_attempts.jsonl", (2026, 11, 21, 9, 0, 0)), b"{}\n")
    assert run(bulk, "--lab", LAB)[0] == 0
    assert submitted(toy, "ada") == {
        f"{LAB}.ipynb": notebook,
        "attempts.jsonl": b"{}\n",
        "timestamp.txt": b"2026-11-22 08:00:00 UTC\n",
    }


def test_single_files_are_named_by_their_folder_and_replace_what_was_there(
    toy: Course, tmp_path: Path, hand_in: bytes, notebook: bytes
) -> None:
    stale = toy.submitted / "ada" / LAB / "stale.txt"
    stale.parent.mkdir(parents=True)
    stale.write_text("from last week")
    for student, name, content in (("ada", f"{LAB}-hand-in.zip", hand_in), ("bob", f"{LAB}.ipynb", notebook)):
        (tmp_path / student).mkdir()
        (tmp_path / student / name).write_bytes(content)
    assert run(tmp_path / "ada" / f"{LAB}-hand-in.zip", tmp_path / "bob" / f"{LAB}.ipynb")[0] == 0
    assert set(submitted(toy, "ada")) == {f"{LAB}.ipynb", "attempts.jsonl", "timestamp.txt"}
    assert set(submitted(toy, "bob")) == {f"{LAB}.ipynb", "timestamp.txt"}


def test_a_pattern_of_ones_own(toy: Course, tmp_path: Path, notebook: bytes) -> None:
    bulk = put(tmp_path / "x.zip", {f"week1/ada~{LAB}.ipynb": notebook})
    assert run(bulk, "--pattern", r"week1/(?P<name>\w+)~(?P<file>.+)")[0] == 0
    assert f"{LAB}.ipynb" in submitted(toy, "ada")


def test_what_is_not_understood_is_listed_and_the_rest_goes_in(toy: Course, tmp_path: Path, hand_in: bytes) -> None:
    essay = packed({"essay.txt": b"dear teacher"})
    bulk = put(
        tmp_path / "m.zip",
        {
            f"Ada_1_assignsubmission_file/{LAB}-hand-in.zip": hand_in,
            "Bob_2_assignsubmission_file/essay.docx": b"PK\x03\x04 broken",
            "Cy_3_assignsubmission_file/essay.pdf": b"%PDF",
            "Di_4_assignsubmission_file/essay.zip": essay,
            "Ed_5_assignsubmission_file/attempts.jsonl": b"{}",
            "Fo_6_assignsubmission_file/something.ipynb": b"{}",
            "Fo_6_assignsubmission_onlinetext/onlinetext.html": b"<p>done</p>",
            "__MACOSX/._x": b"",
        },
    )
    code, told = run(bulk)
    assert code == 1
    assert [one["student"] for one in told["collected"]] == ["ada"]
    why = {one["source"].split(":")[1].split("_")[0]: one["why"] for one in told["left"]}
    assert set(why) == {"Bob", "Cy", "Di", "Ed", "Fo"}
    assert why["Bob"].startswith("refused: it is no zip that can be read")
    assert why["Cy"] == "it is no notebook and no hand-in zip"
    assert why["Di"] == "it holds 0 notebooks, one was expected"
    assert why["Ed"] == "it does not say of which lab it is"
    assert why["Fo"] == "something is the name of no lab"
    assert all(one["remedy"] for one in told["left"])


def test_a_link_in_the_way_is_replaced_not_followed(toy: Course, tmp_path: Path, notebook: bytes) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("keep")
    (toy.submitted / "ada").mkdir(parents=True)
    (toy.submitted / "ada" / LAB).symlink_to(precious)
    toy.roster.write_text("platform,number,name,student\ncanvas,1,ada,ada\n")
    run(put(tmp_path / "c.zip", {f"ada_1_1_{LAB}.ipynb": notebook}))
    assert (precious / "file").read_text() == "keep"
    assert not (toy.submitted / "ada" / LAB).is_symlink()


def test_wrong_use_is_said(toy: Course, tmp_path: Path) -> None:
    empty = tmp_path / "empty.csv"
    empty.write_text("")
    for arguments, said in (
        (["--pattern", "("], "no regular expression"),
        (["--pattern", "x"], "needs the groups"),
        (["--timezone", "Moon"], "is not known"),
        (["--lab", "99-none"], "no lab is called"),
        (["--roster", str(empty)], "columns that tell who is who"),
    ):
        result = CliRunner().invoke(app, ["collect", str(tmp_path / "none.zip"), *arguments])
        assert result.exit_code == 2, result.output
        assert said in result.stderr
    assert run(tmp_path / "none.zip")[0] == 1


def test_patterns_do_not_take_one_anothers_paths() -> None:
    moodle, canvas = "Ada L_1_assignsubmission_file_/x.zip", "ada_LATE_1_2_x-y_z.zip"
    assert PATTERNS["moodle"].fullmatch(moodle)
    assert not PATTERNS["canvas"].fullmatch(moodle)
    assert not PATTERNS["moodle"].fullmatch(canvas)
    match = PATTERNS["canvas"].fullmatch(canvas)
    assert match is not None
    assert match.groupdict() == {"name": "ada", "late": "LATE_", "number": "1", "file": "x-y_z.zip"}
