"""Submissions that want memory, time or disk of the grading processes rather than of the kernel; each is made."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import nbformat
from attack_files import Expected
from attack_makers import Made, Make, drop, put, put_raw
from nbformat import NotebookNode

WANTS_MEMORY: dict[str, Made] = {}
MEGABYTE = 2**20
TEXT_LIMIT = "of text, at most 8 are read"
REFUSED_FOR_MEMORY = "more memory than a submission may have"
BUDGET = "all its outputs together are more than"


def wants(score: float, *report: str, graded: bool = True) -> Callable[[Make], Make]:
    """Declare such a submission and what it should get."""

    def declare(make: Make) -> Make:
        WANTS_MEMORY[make.__name__] = Made(Expected(score, report or ("-",), graded), make)
        return make

    return declare


def printing(right: NotebookNode, source: str, cells: int = 200) -> NotebookNode:
    """The answered notebook, and after it cells that all print."""
    right.cells += [nbformat.v4.new_code_cell(source) for _ in range(cells)]
    return right


@wants(5, BUDGET)
def two_hundred_megabytes_printed(folder: Path, right: NotebookNode, blank: NotebookNode) -> None:
    """200 cells that print 1 MB each."""
    put(folder, printing(right, "print('x' * 1_000_000)"))


@wants(5, BUDGET)
def wide_characters_printed(folder: Path, right: NotebookNode, blank: NotebookNode) -> None:
    """The same with emoji, which are four bytes each in memory and twelve in escaped JSON."""
    put(folder, printing(right, "print('\\U0001f600' * 1_000_000)"))


@wants(5, BUDGET)
def many_small_outputs(folder: Path, right: NotebookNode, blank: NotebookNode) -> None:
    """200 cells with thousands of outputs each."""
    put(folder, printing(right, "for n in range(5_000):\n    display(n)"))


@wants(0, TEXT_LIMIT, graded=False)
def fifty_megabytes_of_text(folder: Path, right: NotebookNode, blank: NotebookNode) -> None:
    """As large as may be read, in one text cell."""
    right.cells.append(nbformat.v4.new_markdown_cell("x" * (49 * MEGABYTE)))
    put(folder, right)


@wants(0, REFUSED_FOR_MEMORY, graded=False)
def fifty_megabytes_with_an_emoji(folder: Path, right: NotebookNode, blank: NotebookNode) -> None:
    """The same with one emoji in front: every character of Python's string is four bytes wide."""
    right.cells.append(nbformat.v4.new_markdown_cell("\U0001f600" + "x" * (49 * MEGABYTE)))
    put(folder, right)


@wants(5)
def plots_with_an_emoji(folder: Path, right: NotebookNode, blank: NotebookNode) -> None:
    """An honest notebook of 40 MB of plots and an emoji: it is read."""
    output = nbformat.v4.new_output("display_data", {"image/png": "iVBORw0K" + "A" * (4 * MEGABYTE)})
    right.cells.append(nbformat.v4.new_markdown_cell("\U0001f600"))
    right.cells += [nbformat.v4.new_code_cell("", outputs=[output]) for _ in range(10)]
    put(folder, right)


@wants(0, REFUSED_FOR_MEMORY, graded=False)
def many_small_objects(folder: Path, right: NotebookNode, blank: NotebookNode) -> None:
    """As many parts as may be read, each a dictionary."""
    content = json.loads(nbformat.writes(right))
    content["metadata"]["x"] = [{"a": {}}] * 320_000
    put_raw(folder, content)


@wants(0, REFUSED_FOR_MEMORY, graded=False)
def many_small_cells(folder: Path, right: NotebookNode, blank: NotebookNode) -> None:
    """As many cells as may be read, each with as much metadata as fits."""
    content = json.loads(nbformat.writes(right))
    cell = {"cell_type": "markdown", "source": "", "metadata": {"tags": [], "x": [{"a": [0]}] * 150}}
    content["cells"] += [cell | {"id": f"m{number}"} for number in range(1_900)]
    put_raw(folder, content)


@wants(0, "nested too deep", graded=False)
def deep_and_wide(folder: Path, right: NotebookNode, blank: NotebookNode) -> None:
    """Two thousand towers of a hundred floors."""
    put_raw(folder, nbformat.writes(right)[:-2] + ', "x": [' + ("[" * 100 + "]" * 100 + ",") * 2_000 + "0]}")


@wants(5)
def twenty_megabytes_of_files(folder: Path, right: NotebookNode, blank: NotebookNode) -> None:
    """As many bytes beside the notebook as are taken."""
    noise = random.Random(0)
    for number in range(2):
        (folder / f"data-{number}.csv").write_bytes(noise.randbytes(10 * MEGABYTE - 100))
    put(folder, right)


@wants(5)
def attempts_of_many_lines(folder: Path, right: NotebookNode, blank: NotebookNode) -> None:
    """Eight megabytes of attempts, of no bank, in lines as short as they can be."""
    (folder / "attempts.jsonl").write_bytes(b'{"v":1,"bank":"toy"}\n' * (8 * MEGABYTE // 21))
    put(folder, right)


@wants(5, "timestamp.txt has")
def fifteen_megabytes_of_timestamp(folder: Path, right: NotebookNode, blank: NotebookNode) -> None:
    """A time that goes on for 15 MB."""
    (folder / "timestamp.txt").write_bytes(b"2026-01-01 00:00:00 UTC" + b"0" * (15 * MEGABYTE - 100))
    put(folder, right)


@wants(0, "are missing and were put back")
def everything_at_once(folder: Path, right: NotebookNode, blank: NotebookNode) -> None:
    """Eight megabytes of cells without an answer, and twenty of files."""
    twenty_megabytes_of_files(folder, right, blank)
    drop(right, "mean", "spread", "mean-hidden")
    right.cells.append(nbformat.v4.new_markdown_cell("\U0001f600" + "x" * (7 * MEGABYTE)))
    put(folder, printing(right, "print('\\U0001f600' * 1_000_000)", 10))
