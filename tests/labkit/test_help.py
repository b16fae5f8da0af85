"""Sealed visible checks, hints and explanations, as a student meets them in a lab's folder."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import labkit
from labkit import checks
from labkit.help_sheet import dump_help, load_help
from labkit.visible import ChecksFailed

HALVES = {
    "promise": "halves (4, 2)",
    "about": "value",
    "tolerance": None,
    "hints": {},
    "probes": [
        {"setup": "", "call": "halve([4.0, 2.0])", "error": "", "value": {"l": [2.0, 1.0]}},
        {"setup": "", "call": "halve([10.0, 6.0])", "error": "", "value": {"l": [5.0, 3.0]}},
    ],
}
KEEPS = {
    **HALVES,
    "promise": "leaves its list alone",
    "about": "changed",
    "probes": [{"setup": "x = [4.0]\nhalve(x)", "call": "x", "error": "", "value": {"l": [4.0]}}],
}
REFUSES = {
    **HALVES,
    "promise": "refuses nothing",
    "probes": [{"setup": "", "call": "halve([])", "error": "ValueError", "value": None}],
}
DOUBLES = {"hint": "You double.", "outcomes": [[0, 0, {"l": [8.0, 4.0]}], [0, 1, {"l": [20.0, 12.0]}]]}
SHEET = {
    "halve": {
        "checks": {"checks": [HALVES, KEEPS, REFUSES], "traps": [DOUBLES], "common": "import math"},
        "hint 1": "Look at the factor.",
        "hint 2": "Half of it.",
        "hint 3": "`x / 2`",
        "explanation": {"text": "Why.", "call": "halve([4.0])", "right": "[2.0]", "trapped": "[8.0]", "curves": {}},
    }
}


@pytest.fixture(autouse=True)
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "01-halves"
    folder.mkdir()
    (folder / "01-halves.help.json").write_bytes(dump_help("01-halves", "salt", SHEET))
    monkeypatch.chdir(folder)
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    return folder


def run(halve: Callable[..., Any] | None, code: str = 'checks("halve")') -> None:
    """One cell of a notebook, in which the exercise is as given."""
    exec(compile(code, "<cell>", "exec"), {"checks": checks, "labkit": labkit} | ({"halve": halve} if halve else {}))


def failed(halve: Callable[..., Any]) -> list[str]:
    with pytest.raises(ChecksFailed) as caught:
        run(halve)
    return str(caught.value).splitlines()


def right(values: list[float]) -> list[float]:
    if not values:
        raise ValueError("nothing")
    return [value / 2 for value in values]


def stub(values: list[float]) -> list[float]:
    raise NotImplementedError


def shown(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return re.sub(r"\x1b\[\d+m", "", capsys.readouterr().out).splitlines()


def test_what_is_right_gets_a_list_of_its_promises(capsys: pytest.CaptureFixture[str]) -> None:
    run(right)
    lines = ["halve: all 3 checks pass", "✓ halves (4, 2)", "✓ leaves its list alone", "✓ refuses nothing"]
    assert shown(capsys) == lines


def test_a_stub_shows_what_will_be_checked_and_the_notebook_goes_on(
    lab: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(stub)
    assert shown(capsys) == [
        "halve: 0 of 3 checks pass",
        "stub is not written yet: put your code in the place of raise NotImplementedError().",
        "☐ halves (4, 2)",
        "☐ leaves its list alone",
        "☐ refuses nothing",
    ]
    said = json.loads((lab / "progress.jsonl").read_text())
    assert (said["passed"], said["total"]) == (0, 3)


def test_a_stub_fails_under_validate_and_grading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBGRADER_EXECUTION", "validate")
    assert failed(stub)[0] == "halve: 0 of 3 checks pass"


def test_a_name_that_is_not_there_says_which_cell_to_run(capsys: pytest.CaptureFixture[str]) -> None:
    run(None)
    assert shown(capsys)[1] == "halve is not defined: run its cell, or Run → Run All Above Selected Cell."


def test_every_check_runs_whatever_raised_before() -> None:
    def halve(values: list[float]) -> list[float]:
        if values and values[0] > 4:
            raise KeyError("ten")
        return right(values)

    said = failed(halve)
    assert said[0] == "halve: 2 of 3 checks pass"
    assert "    what was run:" in said
    assert "      halve([10.0, 6.0])" in said
    assert "    KeyError: 'ten'" in said
    assert any(re.fullmatch(r'    line \d+ of halve’s cell: raise KeyError\("ten"\)', line) for line in said)
    assert said[-2:] == ["✓ leaves its list alone", "✓ refuses nothing"]


def test_a_mistake_is_named_where_all_outcomes_are_its_own() -> None:
    def halve(values: list[float]) -> list[float]:
        return [2 * value for value in values]

    said = failed(halve)
    assert "    hint: You double." in said
    assert "    expected  [2.0, 1.0]" in said
    assert "    found     no error; it returned []" in said


def test_a_mistake_is_not_named_where_only_one_outcome_is_its_own() -> None:
    def halve(values: list[float]) -> list[float]:
        return [8.0, 4.0] if values == [4.0, 2.0] else right(values)

    assert not any("You double" in line for line in failed(halve))


def test_another_type_silences_hints_about_the_algorithm() -> None:
    def halve(values: list[float]) -> tuple[float, ...]:
        return tuple(2 * value for value in values)

    said = failed(halve)
    assert not any("You double" in line for line in said)
    assert "    hint: Its docstring says what it returns." in said


def test_a_changed_argument_is_told_as_such() -> None:
    def halve(values: list[float]) -> list[float]:
        out = right(values)
        values[:] = out
        return out

    said = failed(halve)
    assert "    before    [4.0]" in said
    assert any("hint: Return a new value" in line for line in said)


def test_what_the_answer_defines_and_the_checks_use_stays_apart() -> None:
    names: dict[str, Any] = {"checks": checks, "halve": right, "x": "mine"}
    exec('checks("halve")', names)
    assert names["x"] == "mine"
    assert "math" not in names


def test_a_block_of_checks_in_an_older_notebook_still_works(capsys: pytest.CaptureFixture[str]) -> None:
    run(right, 'with checks("halve") as check:\n    check.equal(halve([2.0]), [1.0], "old")')
    assert shown(capsys) == ["halve: the check passes", "✓ old"]


def test_a_notebook_that_runs_elsewhere_names_the_folder(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(lab.parent)
    with pytest.raises(labkit.LabError, match="folder='01-halves'"):
        run(right)
    run(right, 'checks("halve", folder="01-halves")')


def test_hints_come_in_steps_and_are_counted(lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labkit.hint("halve")
    first = shown(capsys)
    assert first[0] == "Hint 1 of 3 (look where): Look at the factor."
    assert len(first) == 2
    for _ in range(3):
        labkit.hint("halve")
    assert shown(capsys)[-4:-1] == [
        "Hint 1 of 3 (look where): Look at the factor.",
        "Hint 2 of 3 (the idea): Half of it.",
        "Hint 3 of 3 (almost the line): `x / 2`",
    ]
    cell = {"cell_type": "code", "metadata": {"nbgrader": {"grade_id": "halve-checks"}}, "source": ""}
    (lab / "01-halves.ipynb").write_text(json.dumps({"cells": [cell], "nbformat": 4, "nbformat_minor": 5}))
    [row] = labkit.Progress(lab.parent).table()
    assert (row.hints, row.passed) == (3, None)
    assert len((lab / "progress.jsonl").read_text().splitlines()) == 3


def test_no_hint_is_shown_or_counted_while_nbgrader_executes(
    lab: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    labkit.hint("halve")
    assert capsys.readouterr().out == ""
    assert not (lab / "progress.jsonl").exists()


def test_the_explanation_waits_until_all_checks_pass(capsys: pytest.CaptureFixture[str]) -> None:
    run(stub, 'labkit.explain("halve")')
    before = shown(capsys)
    assert before[0] == "0 of 3 visible checks of halve pass now. It is not written yet."
    assert "  ☐ refuses nothing" in before
    run(right, 'labkit.explain("halve")')
    after = shown(capsys)
    assert after[0] == "The trap of halve"
    assert after[-3:] == ["  halve([4.0])", "    right      [2.0]", "    with it    [8.0]"]


def test_the_file_tells_nothing_to_who_looks_at_it(lab: Path) -> None:
    text = (lab / "01-halves.help.json").read_text()
    assert not any(word in text for word in ("You double", "Half of it", "halve([", "halves (4, 2)"))


@pytest.mark.parametrize(
    "damage", [lambda t: t[:-40], lambda t: "{}", lambda t: t.replace('"salt": "salt"', '"salt": "x"')]
)
def test_a_damaged_file_is_an_error_that_says_what_to_do(lab: Path, damage: Callable[[str], str]) -> None:
    path = lab / "01-halves.help.json"
    path.write_text(damage(path.read_text()))
    with pytest.raises(labkit.LabError, match="Fetch the lab's folder again"):
        load_help(path).checks("halve")
