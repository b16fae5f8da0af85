"""Feedback goes back under the names of the platform's own download, as each platform's importer reads them."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from grader.cli import app
from grader.course.paths import Course
from grader.usage import FELL_SHORT, HELD, WRONG_USE
from tests.exchange.test_collect import LAB, packed, put, run


def returned(*arguments: object) -> tuple[int, Any]:
    result = CliRunner().invoke(app, ["return-feedback", LAB, *map(str, arguments), "--json"])
    return result.exit_code, json.loads(result.stdout) if result.stdout else result.stderr


def feedback(course: Course, *students: str) -> None:
    for student in students:
        path = course.folder("feedback", student, LAB) / f"{LAB}.html"
        path.parent.mkdir(parents=True)
        path.write_text(f"the page of {student}")


def as_moodle_reads(path: str) -> tuple[int, str, str, str] | None:
    """Participant, kind and name of the plugin, and file, by `assignfeedback_file_zip_importer` of Moodle."""
    parts = path.split("/")
    while parts:
        found = parts.pop(0).split("_", 4)
        if len(found) >= 4 and found[1].isdigit():
            rest = [found[4] if len(found) > 4 else "", *parts]
            return int(found[1]), found[2], found[3], "/".join(rest).lstrip("/")
    return None


def as_canvas_reads(path: str) -> tuple[int, int]:
    """The user and the submitted file, by `infer_comment_context_from_filename` of Canvas: the first two numbers."""
    user, file = [part for part in path.rpartition("/")[2].split("_") if part.isdigit()][:2]
    return int(user), int(file)


@pytest.mark.parametrize("form", ["_assignsubmission_file/", "_assignsubmission_file_/", "_assignsubmission_file_"])
def test_moodle_finds_each_student(toy: Course, tmp_path: Path, form: str) -> None:
    notebook = (toy.labs / LAB / f"{LAB}.ipynb").read_bytes()
    names = {"Ada Lovelace": 1234567, "Grace Müller": 1234568, "Alan Turing": 1234569}
    bulk = put(
        tmp_path / "moodle.zip", {f"{name}_{number}{form}{LAB}.ipynb": notebook for name, number in names.items()}
    )
    assert run(bulk)[0] == HELD
    feedback(toy, "ada-lovelace", "grace-muller")
    code, told = returned(bulk)
    assert code == FELL_SHORT
    assert told["students"] == ["ada-lovelace", "grace-muller"]
    assert [one["why"] for one in told["left"]] == ["no page of feedback"]
    with zipfile.ZipFile(told["file"]) as archive:
        found = {as_moodle_reads(name): archive.read(name).decode() for name in archive.namelist()}
    assert found == {
        (1234567, "assignsubmission", "file", f"{LAB}.html"): "the page of ada-lovelace",
        (1234568, "assignsubmission", "file", f"{LAB}.html"): "the page of grace-muller",
    }


def test_canvas_finds_each_student(toy: Course, tmp_path: Path) -> None:
    notebook = (toy.labs / LAB / f"{LAB}.ipynb").read_bytes()
    names = [f"lovelaceada_4711_15_{LAB}.ipynb", f"hoppergrace_LATE_4712_16_{LAB}-1.ipynb"]
    bulk = put(tmp_path / "submissions.zip", dict.fromkeys(names, notebook))
    assert run(bulk)[0] == HELD
    students = sorted(path.name for path in toy.submitted.iterdir())
    feedback(toy, *students)
    code, told = returned(bulk, "--out", tmp_path / "back.zip")
    assert (code, told["students"], told["file"]) == (HELD, students, str(tmp_path / "back.zip"))
    with zipfile.ZipFile(tmp_path / "back.zip") as archive:
        assert sorted(map(as_canvas_reads, archive.namelist())) == [(4711, 15), (4712, 16)]
        assert all(name.endswith(f"_{LAB}.html") for name in archive.namelist())


def test_who_is_not_known_is_told(toy: Course, tmp_path: Path) -> None:
    bulk = tmp_path / "moodle.zip"
    bulk.write_bytes(packed({f"Ada Lovelace_1_assignsubmission_file/{LAB}.ipynb": b"{}"}))
    code, told = returned(bulk)
    assert code == WRONG_USE
    assert "class/roster.csv" in told
    assert not (toy.reports / LAB / "feedback.zip").exists()
