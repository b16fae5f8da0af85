"""Cells of every odd kind show in our kernel what they show in stock's, but for a list, each with its reason.

`odd_cells.ipy` holds the cells. They run in order, once under nbgrader's own Execute and an ipykernel, and once here.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbgrader.preprocessors import Execute

from grader.kernels.client import Kernel
from grader.kernels.launch import start_zygote, wait_until_ready
from grader.kernels.limits import Limits

CELLS = dict(
    part.split("\n", 1) for part in Path(__file__).with_name("odd_cells.ipy").read_text().split("# %% ") if part
)
FILES = {
    "data.csv": b"1,2\n",
    "beside.py": b"VALUE = 12\n",
    "markupsafe.py": b"MINE = 'the one beside the notebook'\n",
    "textwrap.py": b"",
}
# Name of a cell -> why it shows something else here. `grader/kernels/README.md` says it in words.
FOLDER = "the folder lies somewhere else; its name is the same"
FRAMES = "the traceback has frames of the kernel's own code"
NO_BROWSER = "there is no browser at the other end: what widgets catch is shown where it was printed"
COLLECTED = "coroutines that nobody awaited are told of when they are collected, which may be earlier or later"
BETTER = "stock shows nothing, or its own failure"
DELIBERATE = {
    "pwd": FOLDER,
    "cd": FOLDER,
    "cd back": FOLDER,
    "environment": "stock has a debugger in every kernel, and its variable",
    "environment of Jupyter": "no Jupyter is around",
    "flags": "Python starts apart from the instructor's settings",
    "command, background": FRAMES,
    "writing no text": FRAMES,
    "writing bytes": "the stream's class has another name",
    "load_ext unknown": FRAMES,
    "debug": FRAMES,
    "asyncio.run": FRAMES,
    "run_until_complete": FRAMES,
    "input": FRAMES,
    "raw input": FRAMES,
    "getpass": FRAMES,
    "module's error": FRAMES,
    "inspect class": FRAMES,
    "pip": FRAMES,
    "edit": "nobody edits the file that stock makes",
    "display id": "an update reaches the displays of its own cell: what earlier cells showed has been handed over",
    "interact": NO_BROWSER,
    "widget output": NO_BROWSER,
    "error that breaks": BETTER,
    "reset": COLLECTED,
}
# Stock collects streams and descriptors in threads: it joins, or tears apart, what comes within a moment. Ours stands
# in the order in which it was written. What is in each stream is the same.
TIMING = {
    "streams in turn",
    "os.system",
    "subprocess",
    "subprocess to stderr",
    "subprocess and prints",
    "descriptor 1",
    "descriptor 2",
    "the first stdout",
    "C's stdout",
    "much from a subprocess",
    "processes that print",
    "fork that prints",
    "unittest",
}
# What stock's threads publish after the cell has ended, when nobody listens, is lost: on a busy machine the end of any
# stream. Ours always stands there, this too.
LATE = {
    f"descriptor {number}": f'{{"name": "{stream}", "output_type": "stream", "text": "to descriptor {number}\\n"}}'
    for number, stream in ((1, "stdout"), (2, "stderr"))
}
NORMAL = {
    r"\\u001b\[[0-9;]*m": "",
    r"0x[0-9a-f]+": "0x",
    r"/tmp/ipykernel_\d+/\d+\.py": "a cell",
    r"\(\d{5,}\.py, ": "(a cell, ",
    r"(CPU times|Wall time): [^\\]*": "a time",
    r"[\d.]+ [nμm]?s ±[^\\]*": "a time",
    r"in \d\.\d+s": "in a time",
    r"[0-9a-f]{32}": "an id",
    r'"execution_count": \d+, ': "",
    r'(/[^/\s"]+)+/lib/python3': "python3",
    r"~/[^\s\"]+/lib/python3": "python3",
}


def joined(outputs: list[Any], all_of_them: bool) -> list[Any]:
    """Outputs with what went to one stream in a row, or in all, as one."""
    found: list[Any] = []
    for output in outputs:
        before = [one for one in (found if all_of_them else found[-1:]) if one.get("name", "") == output.get("name")]
        if before:
            before[-1]["text"] += output["text"]
        else:
            found.append(dict(output))
    return found


def normal(name: str, outputs: list[Any]) -> list[str]:
    """Outputs as text, without what differs between two runs of one kernel."""
    found: list[str] = []
    for output in joined(outputs, name in TIMING):
        text = json.dumps(output, sort_keys=True, ensure_ascii=False)
        for pattern, instead in NORMAL.items():
            text = re.sub(pattern, instead, text)
        found.append(text)
    return found


def streams(outputs: list[str]) -> dict[str, str]:
    """The text of each stream."""
    found = [json.loads(one) for one in outputs]
    return {one["name"]: one["text"] for one in found if one["output_type"] == "stream"}


def without_streams(outputs: list[str]) -> set[str]:
    """What is no stream."""
    return {one for one in outputs if json.loads(one)["output_type"] != "stream"}


def by_stock(folder: Path) -> dict[str, list[str]]:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in CELLS.values()])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    Execute(timeout=60).preprocess(notebook, {"metadata": {"path": str(folder)}})
    return {name: normal(name, cell.outputs) for name, cell in zip(CELLS, notebook.cells, strict=True)}


def by_ours(folder: str) -> dict[str, list[str]]:
    with start_zygote([["markupsafe"], ["numpy"], ["pandas"], ["matplotlib.pyplot"], ["ipywidgets"]]) as zygote:
        limits = Limits(cell_seconds=60.0, output_bytes=2_000_000)
        kernel = Kernel(wait_until_ready(zygote).started, limits, FILES, folder)
        found = {name: normal(name, kernel.run(source)) for name, source in CELLS.items()}
        kernel.close()
    return found


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """What each cell shows, in stock's kernel and in ours."""
    folder = tmp_path_factory.mktemp("course") / "ps1"
    folder.mkdir()
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("NBGRADER_EXECUTION", "autograde")
        patched.delenv("PYTEST_CURRENT_TEST", raising=False)  # an ipykernel that finds it collects no descriptors
        patched.setenv("SHELL", "/bin/bash")
        patched.setenv("PYTHONDONTWRITEBYTECODE", "1")  # as in our kernels: else a folder of bytecode is listed
        for name in ("COLUMNS", "LINES"):
            patched.delenv(name, raising=False)
        patched.setenv("PATH", f"{Path(os.sys.executable).parent}:{os.environ['PATH']}")
        stock = by_stock(folder)
    return stock, by_ours(folder.name)


@pytest.mark.parametrize("name", CELLS)
def test_a_cell_shows_what_stock_shows(both: Any, name: str) -> None:
    stock, ours = both
    if name in TIMING:
        assert not without_streams(ours[name]) ^ without_streams(stock[name])
        assert streams(ours[name]).keys() >= streams(stock[name]).keys()
        for stream, text in streams(ours[name]).items():  # what stock lost came last, or it tore two writers apart
            assert not Counter(streams(stock[name]).get(stream, "")) - Counter(text)
        assert LATE.get(name, "") in ["", *ours[name]]
    elif name not in DELIBERATE:
        assert ours[name] == stock[name]
    else:  # a score sees whether a cell fails
        assert fails(ours[name]) == fails(stock[name])
        assert ours[name] != stock[name] or DELIBERATE[name] == COLLECTED


def fails(outputs: list[str]) -> bool:
    return any('"output_type": "error"' in output for output in outputs)


def test_every_reason_is_a_cells() -> None:
    assert TIMING | set(DELIBERATE) <= set(CELLS)
    assert set(LATE) <= TIMING
