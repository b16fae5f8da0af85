"""`hand_in()` packs the notebook and the attempts, and says what a student should know before uploading."""

import json
import os
import shutil
import zipfile
from pathlib import Path

import pytest

import labkit
from labkit import LabError, hand_in

LAB = "01-decoding"
FILES = Path(__file__).resolve().parent.parent / "files" / "quiz"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / LAB
    place.mkdir()
    cell = {"cell_type": "code", "metadata": {"nbgrader": {"grade_id": "top_k-checks"}}, "source": ""}
    (place / f"{LAB}.ipynb").write_text(json.dumps({"cells": [cell]}))
    monkeypatch.chdir(place)
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    return place


def names(zip_file: Path) -> list[str]:
    with zipfile.ZipFile(zip_file) as archive:
        assert archive.testzip() is None
        return archive.namelist()


def test_the_zip_holds_notebook_and_attempts(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "attempts.jsonl").write_text("{}\n")
    (folder / "other.txt").write_text("x")
    hand_in()
    assert names(folder / f"{LAB}-hand-in.zip") == [f"{LAB}/{LAB}.ipynb", f"{LAB}/attempts.jsonl"]
    said = capsys.readouterr().out
    assert f"Ready to upload: {LAB}-hand-in.zip" in said
    assert "attempts.jsonl" in said
    assert "Visible checks not passed yet: top_k." in said
    assert "Save first" not in said
    assert sorted(path.name for path in folder.iterdir()) == [
        f"{LAB}-hand-in.zip",
        f"{LAB}.ipynb",
        "attempts.jsonl",
        "other.txt",
    ]


def test_it_tells_how_the_quiz_went(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copyfile(FILES / "sample.quiz.json", folder / "sample.quiz.json")
    hand_in()
    said = capsys.readouterr().out
    assert "Quiz: not tried yet." in said
    assert f"There is no attempts.jsonl in {LAB}, so the quiz will give 0 points." in said
    quiz = labkit.quiz("sample")
    quiz.hand_over()
    hand_in()
    assert names(folder / f"{LAB}-hand-in.zip") == [f"{LAB}/{LAB}.ipynb", f"{LAB}/attempts.jsonl"]
    said = capsys.readouterr().out
    assert "Quiz: not passed yet, your highest is 0%." in said
    assert "There is no attempts.jsonl" not in said


def test_without_attempts_the_notebook_goes_alone(folder: Path) -> None:
    hand_in(folder)
    assert names(folder / f"{LAB}-hand-in.zip") == [f"{LAB}/{LAB}.ipynb"]


def test_the_same_files_give_the_same_zip(folder: Path) -> None:
    hand_in()
    first = folder / f"{LAB}-hand-in.zip"
    before = first.read_bytes()
    os.utime(folder / f"{LAB}.ipynb", (10**9, 10**9))
    hand_in()
    assert first.read_bytes() == before


def test_a_notebook_saved_long_ago_asks_to_save_first(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.utime(folder / f"{LAB}.ipynb", (10**9, 10**9))
    hand_in()
    assert "Save first: Ctrl+S, then run this cell again." in capsys.readouterr().out


def test_when_all_checks_passed_it_says_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = {"lab": LAB, "exercise": "top_k", "passed": 2, "total": 2, "time": "2026-01-01T00:00:00+00:00"}
    (folder / "progress.jsonl").write_text(json.dumps(line) + "\n")
    hand_in()
    assert "All visible checks passed." in capsys.readouterr().out


def test_nothing_is_written_while_nbgrader_executes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    hand_in()
    assert not (folder / f"{LAB}-hand-in.zip").exists()


def test_a_renamed_notebook_is_told(folder: Path) -> None:
    (folder / f"{LAB}.ipynb").rename(folder / "mine.ipynb")
    with pytest.raises(LabError, match=r"Found: mine\.ipynb") as caught:
        hand_in()
    assert f"{LAB}.ipynb" in caught.value.remedy


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]"])
def test_a_broken_notebook_is_refused_and_the_old_zip_stays(folder: Path, content: bytes) -> None:
    hand_in()
    made = folder / f"{LAB}-hand-in.zip"
    before = made.read_bytes()
    (folder / f"{LAB}.ipynb").write_bytes(content)
    with pytest.raises(LabError, match="is no valid notebook"):
        hand_in()
    assert made.read_bytes() == before


def test_a_zip_that_cannot_be_written_is_told(folder: Path) -> None:
    (folder / f"{LAB}-hand-in.zip").mkdir()
    with pytest.raises(LabError, match="could not be written"):
        hand_in()
    assert not (folder / f"{LAB}-hand-in.zip.part").exists()
