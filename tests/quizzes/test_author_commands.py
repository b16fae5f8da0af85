"""What authors type: one item alone, an item to start from, true as it stands."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from grader.cli import app
from grader.course.paths import ROOT_VARIABLE
from grader.quizzes.author_commands import _saved
from grader.quizzes.prove import prove
from grader.quizzes.starter import TYPES
from grader.usage import FELL_SHORT, HELD, WRONG_USE

Write = Callable[..., Path]


@pytest.fixture
def course(bank: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "solutions").mkdir()
    (tmp_path / "nbgrader_config.py").write_text("")
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path))
    return bank()


def run(*words: str) -> tuple[int, str]:
    told = CliRunner().invoke(app, ["quiz", *words])
    return told.exit_code, told.output


def test_every_new_item_is_true_bound_and_numbered_where_its_name_is_taken(course: Path) -> None:
    before = course.read_text()
    for kind in (*TYPES, "single"):
        code, output = run("new", "small", kind)
        assert code == HELD, output
    text = course.read_text()
    assert text.startswith(before.rstrip())
    assert "id: new-single-2 " in text
    course.write_text(text.replace("title: A bank\n", "title: A bank\nbound: required\n", 1))
    proof = prove(course)
    assert [str(fault) for fault in proof.failures if fault.item != "powers"] == []
    assert proof.ties["bound"] == proof.options - 2
    assert {item for item, _ in proof.survivors} == {"powers"}


def test_what_is_not_there_is_told_with_what_is(course: Path) -> None:
    assert run("new", "small", "essay") == (
        WRONG_USE,
        "grader: no type is called 'essay'; there are: " + ", ".join(TYPES) + ".\n",
    )
    assert run("new", "07-none", "single")[0] == WRONG_USE
    code, output = run("prove", "small", "--item", "none")
    assert (code, "there are: powers" in output) == (WRONG_USE, True)
    assert run("prove", "--item", "powers")[0] in (HELD, WRONG_USE)
    assert "has nothing to sign" in run("sign", "small", "--item", "powers")[1]


def test_one_item_is_proved_alone(course: Path) -> None:
    second = course.read_text().split("items:\n")[1].replace("id: powers", "id: wrong")
    course.write_text(course.read_text() + second.replace("power(3) > power(2)", "power(3) < power(1)"))
    assert run("prove", "small", "--item", "powers")[0] == HELD
    assert run("prove", str(course), "--item", "wrong")[0] == FELL_SHORT
    assert run("prove", "small")[0] == FELL_SHORT


def test_a_watched_file_is_told_once_for_each_saving(course: Path) -> None:
    saved = _saved(course)
    first = next(saved)
    course.write_text(course.read_text() + "\n# more\n")
    assert next(saved) != first
    saved.close()
