"""Visible checks: all run, failures read as a short list with hints, the outcome is recorded."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from labkit import checks
from labkit.visible import ChecksFailed, Outcome


@pytest.fixture(autouse=True)
def lab_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "01-decoding"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    return folder


def failure(block: Callable[[Any], None]) -> str:
    with pytest.raises(ChecksFailed) as caught, checks("task") as check:
        block(check)
    assert isinstance(caught.value, AssertionError)
    assert caught.value.__suppress_context__
    return str(caught.value)


def recorded(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "progress.jsonl").read_text().splitlines()]


def stub(*_: object) -> None:
    raise NotImplementedError("todo")


def test_a_block_that_passes_shows_a_list(capsys: pytest.CaptureFixture[str]) -> None:
    with checks("task") as check:
        check.equal(1, 1, "is one")
        check.close(1.0, 1.0 + 1e-7, "is near")
        check.raises(ValueError, lambda: int("x"), "refuses x")
        check.true(torch.tensor(True), "holds")
        check.unchanged([1], [1], "leaves it alone")
    lines = re.sub(r"\x1b\[\d+m", "", capsys.readouterr().out).splitlines()
    assert lines == ["task: all 5 checks pass", "✓ is one", "✓ is near", "✓ refuses x", "✓ holds", "✓ leaves it alone"]


def test_every_check_runs_and_the_failure_lists_all() -> None:
    def block(check: Any) -> None:
        check.equal([1], [2], "first", hint="Count again.")
        check.equal(1, 1, "second")
        check.close(1.0, 2.0, "third")

    assert failure(block).splitlines() == [
        "task: 1 of 3 checks pass",
        "✗ first",
        "    expected  [2]",
        "    found     [1]",
        "    first difference at [0]: expected 2, found 1",
        "    hint: Count again.",
        "✓ second",
        "✗ third",
        "    expected  2.0",
        "    found     1.0",
    ]


def test_jupyter_gets_a_coloured_list_instead_of_a_traceback() -> None:
    outcomes = (Outcome("good", True), Outcome("bad", False, ("found     False",), "Why?"))
    assert ChecksFailed("task", outcomes)._render_traceback_() == [
        "task: 1 of 2 checks pass",
        "\x1b[32m✓\x1b[0m good",
        "\x1b[31m✗ bad\x1b[0m",
        "    \x1b[2mfound     False\x1b[0m",
        "    hint: Why?",
    ]


def test_a_stub_reads_as_not_written_yet() -> None:
    said = failure(lambda check: check.equal(stub(1), 1, "is one"))
    assert said.splitlines()[1:] == [
        "✗ stub: not written yet",
        "    the checks after this one did not run",
        "    hint: Put your code in the place of raise NotImplementedError().",
    ]


@pytest.mark.parametrize("kind", [ValueError, RuntimeError, Exception])
def test_a_stub_never_passes_for_a_refusal(kind: type[Exception]) -> None:
    assert (
        "    stub: not written yet" in failure(lambda check: check.raises(kind, stub, "refuses", hint="")).splitlines()
    )


def test_torchs_own_not_implemented_is_no_stub() -> None:
    def shift() -> torch.Tensor:
        return torch.empty(1, device="meta").cpu()

    said = failure(lambda check: check.equal(shift(), 1, "is one"))
    assert "NotImplementedError: Cannot copy out of meta tensor" in said
    assert "not written yet" not in said


def test_an_error_names_the_line_of_the_student_not_of_a_library() -> None:
    def shift(x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.cross_entropy(x, x[0])

    said = failure(lambda check: check.equal(shift(torch.zeros(2, 3)), 1, "is one")).splitlines()
    assert re.match(r"✗ (RuntimeError|ValueError): ", said[1])
    assert re.fullmatch(
        r"    line \d+ of shift’s cell: return torch\.nn\.functional\.cross_entropy\(x, x\[0\]\)", said[2]
    )


def test_an_undefined_name_says_what_to_do() -> None:
    said = failure(lambda check: check.equal(top_k_filtre(1), 1, "is one"))  # type: ignore[name-defined]  # noqa: F821
    assert "NameError: name 'top_k_filtre' is not defined" in said
    assert "Run All Above" in said


def test_the_wrong_exception_is_told_with_its_line() -> None:
    def divide() -> float:
        return 1 / 0

    said = failure(lambda check: check.raises(ValueError, divide, "refuses 0", hint="Test it first.")).splitlines()
    assert said[2:4] == ["    expected  ValueError", "    found     ZeroDivisionError: division by zero"]
    assert said[4].endswith("of divide’s cell: return 1 / 0")


def test_no_exception_is_told_with_what_came_back() -> None:
    said = failure(lambda check: check.raises(ValueError, lambda: 3, "refuses 0"))
    assert "found     no error; it returned 3" in said


def test_a_students_own_exception_class_counts_as_its_built_in_kind() -> None:
    class TooColdError(ValueError):
        pass

    def refuse() -> None:
        raise TooColdError

    with checks("task") as check:
        check.raises(ValueError, refuse, "refuses")


def test_a_changed_argument_is_shown_before_and_after() -> None:
    said = failure(lambda check: check.unchanged([2], [1], "leaves it alone"))
    assert said.splitlines()[2:] == [
        "    before    [1]",
        "    after     [2]",
        "    first difference at [0]: before 1, after 2",
    ]


def test_a_condition_that_is_no_truth_value_fails() -> None:
    assert "ambiguous" in failure(lambda check: check.true(torch.zeros(3), "holds"))


def test_a_value_that_cannot_be_compared_fails_its_check_only() -> None:
    class Moody:
        def __eq__(self, other: object) -> bool:
            raise ValueError("not today")

        __hash__ = None  # type: ignore[assignment]

    def block(check: Any) -> None:
        check.equal(Moody(), Moody(), "is equal")
        check.equal(1, 1, "goes on")

    assert "✓ goes on" in failure(block)


def test_an_interrupt_is_left_alone(lab_folder: Path) -> None:
    with pytest.raises(KeyboardInterrupt), checks("task"):
        raise KeyboardInterrupt
    assert not (lab_folder / "progress.jsonl").exists()


def test_a_block_without_checks_passes_nothing(lab_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with checks("task"):
        pass
    assert "no checks" in capsys.readouterr().out
    assert not (lab_folder / "progress.jsonl").exists()


def test_outcomes_are_appended(lab_folder: Path) -> None:
    failure(lambda check: check.equal(1, 2, "is two"))
    with checks("task") as check:
        check.equal(2, 2, "is two")
    first, second = recorded(lab_folder)
    assert (first["lab"], first["exercise"], first["passed"], first["total"]) == ("01-decoding", "task", 0, 1)
    assert (second["passed"], second["total"]) == (1, 1)
    assert first["time"].endswith("+00:00")


def test_nothing_is_recorded_while_nbgrader_executes(lab_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    with checks("task") as check:
        check.true(True, "holds")
    assert not (lab_folder / "progress.jsonl").exists()


def test_a_place_that_cannot_be_written_does_not_fail_the_checks(lab_folder: Path) -> None:
    (lab_folder / "progress.jsonl").mkdir()
    with checks("task") as check:
        check.true(True, "holds")
