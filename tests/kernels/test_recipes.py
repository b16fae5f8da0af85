"""Recipes of a lab: executed once where kernels are forked from, rehearsed, and otherwise as if a kernel did it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from grader.kernels.client import Kernel
from grader.kernels.launch import Started, start_zygote, wait_until_ready
from grader.kernels.limits import Limits
from grader.kernels.many import Asked, Built
from grader.kernels.many_wire import taken
from grader.kernels.values import Handle

SOURCE = """
import os, tempfile
BORN = os.getpid()

class Counter:
    def __init__(self):
        self.calls, self.module = 0, type(self).__module__

def counter():
    return Counter()

def rehearse():
    import this_is_loaded_ahead
    tempfile.mkdtemp()
"""
LOADED = "open('/dev/null').close()\n"


@pytest.fixture(scope="module")
def rehearsed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Started, str]]:
    """A zygote that rehearsed `SOURCE`, and its folder."""
    folder = tmp_path_factory.mktemp("modules")
    (folder / "this_is_loaded_ahead.py").write_text(LOADED)
    told = {"PYTHONPATH": str(folder)}
    with start_zygote([["math"]], environment=told, readable=[folder], recipes=SOURCE) as zygote:
        yield wait_until_ready(zygote).started, zygote.folder


@pytest.fixture
def kernel(rehearsed: tuple[Started, str]) -> Iterator[Kernel]:
    one = Kernel(rehearsed[0], Limits(cell_seconds=10.0, call_seconds=10.0))
    yield one
    one.close()


def result_of(one: Kernel, source: str) -> Any:
    [output] = one.run(source)
    return eval(output["data"]["text/plain"])


def test_what_recipes_load_is_there_in_each_kernel_and_they_cannot_be_imported(kernel: Kernel) -> None:
    source = "import sys; [name in sys.modules for name in ('this_is_loaded_ahead', 'fixtures')]"
    assert result_of(kernel, source) == [True, False]
    [error] = kernel.run("import fixtures")
    assert error["ename"] == "ModuleNotFoundError"


def test_recipes_of_the_same_text_are_those_that_were_rehearsed(kernel: Kernel) -> None:
    kept = kernel.build(SOURCE, "counter", {})["kept"]
    assert kernel.call_method(Handle(kept), "__getattribute__", ["module"], {})[1][0] == "fixtures"
    assert result_of(kernel, "import sys, os; sys.modules['fixtures'].BORN == os.getpid()") is False


def test_recipes_of_another_text_are_executed_in_the_kernel(kernel: Kernel) -> None:
    kernel.build(SOURCE + "\nOTHER = 1\n", "counter", {})
    assert result_of(kernel, "import sys; sys.modules['fixtures'].OTHER") == 1


def test_a_built_argument_is_found_in_the_rehearsed_recipes(kernel: Kernel) -> None:
    kernel.run("def of(one):\n    one.calls += 1\n    return [one.calls, one.module]")
    found = []
    kernel.call_many("of", [Asked((Built("counter"),))] * 2, lambda message, most: _add(found, message, most), SOURCE)
    assert [one.value for one in found] == [[1, "fixtures"]] * 2  # each call has its own


def _add(found: list[Any], message: Any, most: int) -> int:
    answers = taken(message, most, str)
    found.extend(answers)
    return len(answers)


def test_a_rehearsal_leaves_no_file(rehearsed: tuple[Started, str]) -> None:
    assert sorted(path.name for path in Path(rehearsed[1]).iterdir()) == ["root", "socket", "stderr.txt", "trial"]


@pytest.mark.parametrize("broken", ["import nothing_of_this_name", "def rehearse():\n    raise SystemExit"])
def test_recipes_that_fail_are_met_by_the_kernel(broken: str) -> None:
    with start_zygote([["math"]], recipes=broken + "\ndef one():\n    return 1\n") as zygote:
        one = Kernel(wait_until_ready(zygote).started, Limits(cell_seconds=10.0, call_seconds=10.0))
        try:
            assert one.run("1 + 1")[0]["data"]["text/plain"] == "2"
        finally:
            one.close()


def test_recipes_that_start_threads_are_left_to_the_kernel() -> None:
    source = "import threading, time\nthreading.Thread(target=time.sleep, args=(600,), daemon=True).start()\nHERE = 1\n"
    source += "def one():\n    return [1]\n"
    with start_zygote([["math"]], recipes=source) as zygote:
        started = wait_until_ready(zygote).started
        assert any("fixtures" in warning for warning in started.warnings)
        one = Kernel(started, Limits(cell_seconds=10.0, call_seconds=10.0))
        try:
            assert one.build(source, "one", {})["kept"]
        finally:
            one.close()


def test_every_lab_says_what_to_rehearse_and_it_runs() -> None:
    for path in sorted((Path(__file__).parents[2] / "solutions").glob("*/fixtures.py")):
        assert "def rehearse() -> None:" in path.read_text(), path
