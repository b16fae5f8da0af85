"""Run All goes on past what is not written yet, and stops at every other error; under nbgrader nothing goes on."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from labkit.goes_on import install, names_of
from labkit.visible import checks

STUB = "def half(x: float) -> float:\n    raise NotImplementedError()"
NO_HISTORY = Config({"HistoryManager": {"enabled": False}})  # else a thread of each shell stays
TRACEBACK = "Traceback (most recent call last)"


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])  # a shell puts its own there
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance(colors="nocolor", config=NO_HISTORY)
    install()
    yield shell
    InteractiveShell.clear_instance()


def run(shell: InteractiveShell, source: str, capsys: pytest.CaptureFixture[str]) -> tuple[bool, str]:
    """Whether the run would go on, and what the cell showed."""
    result = shell.run_cell(source, store_history=True)
    shown = capsys.readouterr()
    return result.success, (shown.out + shown.err).strip()


def test_a_cell_that_calls_a_stub_says_so_in_one_line(shell: InteractiveShell, capsys: Any) -> None:
    assert run(shell, STUB, capsys) == (True, "")
    assert run(shell, "y = half(3.0)", capsys) == (True, "half is not written yet: this cell waits for it.")


def test_what_that_cell_would_have_made_is_waited_for(shell: InteractiveShell, capsys: Any) -> None:
    run(shell, STUB, capsys)
    run(shell, "y = half(3.0)\nz = y + 1", capsys)
    told = "This cell waits for half, which is not written yet: with it, z is made above."
    assert run(shell, "w = z * 2", capsys) == (True, told)
    assert run(shell, "print(w)", capsys)[1].endswith("with it, w is made above.")


def test_once_it_is_written_everything_runs(shell: InteractiveShell, capsys: Any) -> None:
    for source in (STUB, "y = half(3.0)", "print(y)"):
        run(shell, source, capsys)
    for source in (STUB.replace("raise NotImplementedError()", "return x / 2"), "y = half(3.0)"):
        assert run(shell, source, capsys) == (True, "")
    assert run(shell, "print(y)", capsys) == (True, "1.5")
    run(shell, "del y", capsys)
    assert run(shell, "other", capsys)[0] is False


@pytest.mark.parametrize(
    "source",
    [
        "1 / 0",
        "nobody_made_this",
        "import io; io.IOBase().fileno()",
        "raise NotImplementedError('of this very cell')",
        "def other():\n    return NotImplementedError\nother()()()",
        "def other():\n    nobody_made_this\nother()",
        "exec(compile('raise NotImplementedError()', 'elsewhere.py', 'exec'))",
        "def (",
    ],
)
def test_every_other_error_stops_as_ever(shell: InteractiveShell, source: str, capsys: Any) -> None:
    went_on, shown = run(shell, source, capsys)
    assert not went_on
    assert "waits" not in shown
    assert "Error" in shown or "UnsupportedOperation" in shown


def test_visible_checks_that_fail_are_shown_and_go_on(
    shell: InteractiveShell, capsys: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shell.user_ns["checks"] = checks
    source = 'with checks("half") as check:\n    check.equal(1, 2, "is two")'
    went_on, shown = run(shell, source, capsys)
    assert went_on
    assert "is two" in shown
    assert TRACEBACK not in shown


@pytest.mark.parametrize("why", ["autograde", "validate"])
def test_under_nbgrader_everything_fails_as_it_must(
    shell: InteractiveShell, why: str, capsys: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NBGRADER_EXECUTION", why)
    monkeypatch.chdir(tmp_path)
    shell.user_ns["checks"] = checks
    run(shell, STUB, capsys)
    went_on, shown = run(shell, "y = half(3.0)", capsys)
    assert not went_on
    assert TRACEBACK in shown
    assert not run(shell, "y", capsys)[0]
    assert not run(shell, 'with checks("half") as check:\n    check.equal(1, 2, "is two")', capsys)[0]


def test_a_kernel_that_grades_is_never_hooked(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance(config=NO_HISTORY)
    try:
        before = shell.custom_exceptions
        install()
        assert shell.custom_exceptions == before
    finally:
        InteractiveShell.clear_instance()


def test_the_names_of_a_cell() -> None:
    source = "import a.b, c as d\nx, (y, *z) = 1, (2, 3)\nfor i in []:\n    w = 1\nwith o() as p:\n    pass\n"
    source += "def f(q):\n    r = 1\nclass G:\n    s = 1\n[t for t in []]\nu: int = 1\nv += 1\nlambda k: (m := k)"
    assert names_of(source) == ("a", "d", "x", "y", "z", "i", "w", "p", "f", "G", "u", "v")
    assert names_of("def (") == ()
