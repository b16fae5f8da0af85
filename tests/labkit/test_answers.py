"""`hand_in()` says which answers are no more what their visible checks saw."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from labkit import hand_in
from labkit.answers import changed_since, fingerprint

LAB = "01-a"
NO_HISTORY = Config({"HistoryManager": {"enabled": False}})  # else a thread of each shell stays
ANSWER = "def half(x: float) -> float:\n    return x / 2"
CHECKS = 'from labkit import checks\nwith checks("half") as check:\n    check.equal(half(3.0), 1.5, "halves")'


def save(folder: Path, answer: Any) -> None:
    cells = [
        {"cell_type": "code", "metadata": {"nbgrader": {"grade_id": name}}, "source": source}
        for name, source in {"half": answer, "half-checks": CHECKS}.items()
    ]
    (folder / f"{LAB}.ipynb").write_text(json.dumps({"cells": cells}))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / LAB
    place.mkdir()
    monkeypatch.chdir(place)
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    return place


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])  # a shell puts its own there
    InteractiveShell.clear_instance()
    yield InteractiveShell.instance(colors="nocolor", config=NO_HISTORY)
    InteractiveShell.clear_instance()


def check(shell: InteractiveShell, answer: str) -> None:
    for source in (answer, CHECKS):
        assert shell.run_cell(source, store_history=True).success


def test_what_was_checked_is_not_changed(folder: Path, shell: InteractiveShell, capsys: Any) -> None:
    check(shell, ANSWER)
    save(folder, ANSWER)
    assert changed_since(folder) == []
    hand_in()
    assert "All visible checks passed.\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    "answer",
    [
        ANSWER + "  # half",
        "\n" + ANSWER.replace("\n", "\n\n") + "\n\n",
        ANSWER.splitlines(keepends=True),
        ANSWER.replace("x / 2", "(x\n        / 2)"),
    ],
)
def test_comments_and_line_breaks_are_no_change(folder: Path, shell: InteractiveShell, answer: Any) -> None:
    check(shell, ANSWER)
    save(folder, answer)
    assert changed_since(folder) == []


@pytest.mark.parametrize(
    "answer", [ANSWER.replace("/ 2", "/ 3"), ANSWER.replace("x / 2", "x /"), "", ANSWER + "\nhalf = None", "%%time\n1"]
)
def test_a_change_is_told_and_the_zip_is_written_all_the_same(
    folder: Path, shell: InteractiveShell, answer: str, capsys: Any
) -> None:
    check(shell, ANSWER)
    save(folder, answer)
    assert changed_since(folder) == ["half"]
    capsys.readouterr()
    hand_in()
    said = capsys.readouterr().out
    assert "Changed since its visible checks ran last: half. Run those checks again, then save." in said
    assert "All visible checks passed, before those changes." in said
    assert (folder / f"{LAB}-hand-in.zip").is_file()


def test_the_last_run_of_the_checks_counts(folder: Path, shell: InteractiveShell) -> None:
    check(shell, ANSWER)
    other = ANSWER.replace("x / 2", "0.5 * x")
    save(folder, other)
    assert changed_since(folder) == ["half"]
    check(shell, other)
    assert changed_since(folder) == []


def test_magics_are_part_of_an_answer(folder: Path, shell: InteractiveShell) -> None:
    answer = "%matplotlib --list\n" + ANSWER
    check(shell, answer)
    save(folder, answer)
    assert changed_since(folder) == []


def test_lines_of_older_versions_say_nothing(folder: Path) -> None:
    line = {"lab": LAB, "exercise": "half", "passed": 1, "total": 1, "time": "2026-01-01T00:00:00+00:00"}
    (folder / "progress.jsonl").write_text(json.dumps(line) + '\n{"exercise": 1}\n[]\n"code"\n')
    save(folder, "whatever")
    assert changed_since(folder) == []


def test_fingerprints_are_short_and_stable() -> None:
    assert fingerprint("x = 1") == fingerprint("x  =  1  # one")
    assert fingerprint("x = 1") != fingerprint("x = 2")
    assert fingerprint("x = (") == fingerprint("x = (  \n")
    assert len(fingerprint("\ud800")) == 16
