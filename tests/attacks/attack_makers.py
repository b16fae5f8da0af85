"""Attacks that a file of cells cannot hold: altered metadata, broken containers, floods of files. Each is made."""

from __future__ import annotations

import base64
import copy
import io
import json
import os
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nbformat
from attack_files import Expected, cell_of
from nbformat import NotebookNode

from grader.build.notebooks import write_notebook
from grader.cells import grade_id

LAB = "01-toy"
Make = Callable[[Path, NotebookNode, NotebookNode], None]


@dataclass(frozen=True)
class Made:
    """An attack that `make(folder, answered, release)` lays down."""

    expected: Expected
    make: Make


MADE: dict[str, Made] = {}


def made(score: float, *report: str, graded: bool = True) -> Callable[[Make], Make]:
    """Declare an attack and what it should get."""

    def declare(make: Make) -> Make:
        MADE[make.__name__] = Made(Expected(score, report or ("-",), graded), make)
        return make

    return declare


def put(folder: Path, notebook: NotebookNode) -> None:
    write_notebook(notebook, folder / f"{LAB}.ipynb")


def put_raw(folder: Path, content: object) -> None:
    (folder / f"{LAB}.ipynb").write_text(content if isinstance(content, str) else json.dumps(content))


def drop(notebook: NotebookNode, *names: str) -> None:
    notebook.cells = [cell for cell in notebook.cells if grade_id(cell) not in names]


@made(0, "other metadata")
def altered_metadata(folder: Path, right: NotebookNode, blank: NotebookNode) -> None:
    """Points, locks, ids and kinds of graded cells are changed."""
    cell_of(blank, "mean-hidden").metadata.nbgrader.update(points=100, locked=False, solution=True)
    cell_of(blank, "mean-checks").metadata.nbgrader.update(points=50)
    cell_of(blank, "spread").metadata.nbgrader.update(grade=True, points=50)
    cell_of(blank, "spread-hidden").source = "5.0"
    cell_of(blank, "spread-hidden").metadata.nbgrader.update(grade=False, schema_version=1)
    put(folder, blank)


@made(0, "other metadata, tags")
def demo_tags(folder: Path, right: NotebookNode, blank: NotebookNode) -> None:
    """Every cell says that grading skips it."""
    for cell in blank.cells:
        cell.metadata["tags"] = ["demo"]
    put(folder, blank)


@made(0, "other metadata, tags")
def skip_tags(folder: Path, right: NotebookNode, blank: NotebookNode) -> None:
    """The tag by which nbclient skips cells."""
    for cell in blank.cells:
        cell.metadata["tags"] = ["skip-execution", "raises-exception"]
    put(folder, blank)


@made(0, "not of this lab")
def invented_cells(folder: Path, right: NotebookNode, blank: NotebookNode) -> None:
    """Cells that claim to be graded and worth fifty points."""
    meta = {"grade": True, "grade_id": "bonus", "points": 50, "locked": True, "solution": False, "schema_version": 3}
    for place, nbgrader in enumerate((meta, {"grade": True}, "nonsense", meta | {"grade_id": "mean-hidden"}, [], 3)):
        blank.cells.insert(place, nbformat.v4.new_code_cell("50.0", metadata={"nbgrader": nbgrader}))
    put(folder, blank)


@made(5, "are missing and were put back")
def removed_cells(folder: Path, right: NotebookNode, blank: NotebookNode) -> None:
    """Graded cells are gone: the release's come back."""
    drop(right, "mean-hidden", "spread-hidden", "mean-checks", "total")
    put(folder, right)


@made(0, "are missing and were put back")
def only_cells_removed(folder: Path, right: NotebookNode, blank: NotebookNode) -> None:
    """No cell at all."""
    right.cells = []
    put(folder, right)


@made(2, "in another order")
def reordered_cells(folder: Path, right: NotebookNode, blank: NotebookNode) -> None:
    """The checks of `mean` come before its answer: what is there at their place counts."""
    hidden = cell_of(right, "mean-hidden")
    right.cells.remove(hidden)
    right.cells.insert(0, hidden)
    put(folder, right)


@made(5, "another type")
def other_cell_types(folder: Path, right: NotebookNode, blank: NotebookNode) -> None:
    """Hidden cells and right answers that claim to be text: the release says what they are."""
    for name, kind in {"mean-hidden": "markdown", "spread-hidden": "raw", "mean": "markdown", "spread": "raw"}.items():
        cell = cell_of(right, name)
        cell.cell_type = kind
        cell.pop("outputs", None)
        cell.pop("execution_count", None)
    put(folder, right)


@made(5, "another kernel")
def other_kernel(folder: Path, right: NotebookNode, blank: NotebookNode) -> None:
    """Another kernelspec and language."""
    right.metadata = nbformat.from_dict(
        {"kernelspec": {"name": "bash", "display_name": "sh", "language": "bash"}, "language_info": {"name": "bash"}}
    )
    put(folder, right)


@made(0)
def stored_outputs(folder: Path, right: NotebookNode, blank: NotebookNode) -> None:
    """Outputs that say 3.0 are handed in with the notebook."""
    for cell in blank.cells:
        if cell.cell_type == "code":
            cell.outputs = [nbformat.v4.new_output("execute_result", {"text/plain": "3.0"}, execution_count=1)]
    put(folder, blank)


@made(5)
def active_content(folder: Path, right: NotebookNode, blank: NotebookNode) -> None:
    """Widgets, HTML, SVG, JavaScript, false images: stored, and displayed while grading."""
    evil = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    right.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": {"a": {"html": evil}}}}
    right.metadata["title"] = evil
    data = {
        "text/html": evil,
        "application/javascript": "alert(1)",
        "image/svg+xml": f"<svg xmlns='http://www.w3.org/2000/svg'>{evil}</svg>",
        "application/vnd.jupyter.widget-view+json": {"model_id": "a"},
        "text/markdown": evil,
        "text/latex": evil,
        "application/vnd.plotly.v1+json": {"data": []},
        "image/png": base64.b64encode(evil.encode()).decode(),
    }
    right.cells.append(nbformat.v4.new_code_cell(outputs=[nbformat.v4.new_output("display_data", data)]))
    right.cells.append(nbformat.v4.new_code_cell(f"display({data!r}, raw=True)"))
    png = "iVBORw0KGgo" + base64.b64encode(b'"><script>alert(1)</script>').decode()
    right.cells.append(nbformat.v4.new_code_cell(f"display({{'image/png': {png!r} + '\"><script>'}}, raw=True)"))
    text = nbformat.v4.new_markdown_cell("![](attachment:a.svg)")
    text["attachments"] = {"a.svg": {"image/svg+xml": evil}}
    right.cells.append(text)
    put(folder, right)


@made(5)
def nbformat_3(folder: Path, right: NotebookNode, blank: NotebookNode) -> None:
    """The format of 2013."""
    old = nbformat.convert(copy.deepcopy(right), 3)
    put_raw(folder, nbformat.writes(old))


@made(5)
def half_characters(folder: Path, right: NotebookNode, blank: NotebookNode) -> None:
    """Lone surrogates and NULs in sources, ids and outputs."""
    right.cells.append(nbformat.v4.new_code_cell('print("\\ud800 \\x00 \\x1b[31m")\nx = "@"'))
    text = nbformat.writes(right).replace("@", "\\ud800\\u0000")
    put_raw(folder, text)


@made(0, "at most 50 are read", graded=False)
def fifty_megabytes(folder: Path, right: NotebookNode, blank: NotebookNode) -> None:
    """A notebook of 51 MB."""
    right.cells.append(nbformat.v4.new_markdown_cell("x" * (51 * 2**20)))
    put(folder, right)


@made(5)
def forty_megabytes_of_outputs(folder: Path, right: NotebookNode, blank: NotebookNode) -> None:
    """A notebook that is large by its plots, and honest."""
    image = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(3 * 2**20)).decode()
    for _ in range(10):
        output = nbformat.v4.new_output("display_data", {"image/png": image})
        right.cells.append(nbformat.v4.new_code_cell("", outputs=[output]))
    put(folder, right)


@made(0, "nested too deep", graded=False)
def deep_json(folder: Path, right: NotebookNode, blank: NotebookNode) -> None:
    """A hundred thousand brackets."""
    put_raw(folder, "[" * 100_000)


@made(0, "nested too deep", graded=False)
def deep_metadata(folder: Path, right: NotebookNode, blank: NotebookNode) -> None:
    """Metadata that JSON can read and deep copies cannot."""
    nested: dict[str, object] = {}
    for _ in range(400):
        nested = {"a": nested}
    right.cells[0].metadata["deep"] = nested
    put_raw(folder, json.dumps(right))


@made(0, "cells, at most", graded=False)
def many_cells(folder: Path, right: NotebookNode, blank: NotebookNode) -> None:
    """A notebook of a hundred thousand cells."""
    content = json.loads(nbformat.writes(right))
    content["cells"] += [{"cell_type": "markdown", "metadata": {}, "source": "", "id": "a"}] * 100_000
    put_raw(folder, content)


@made(0, "parts", graded=False)
def many_parts(folder: Path, right: NotebookNode, blank: NotebookNode) -> None:
    """Twelve million empty lists in the metadata."""
    put_raw(folder, nbformat.writes(right)[:-2] + ', "x": [' + "[]," * 12_000_000 + "[]]}")


@made(0, "number too long", graded=False)
def long_number(folder: Path, right: NotebookNode, blank: NotebookNode) -> None:
    """A number of a million digits."""
    put_raw(folder, '{"nbformat": ' + "9" * 1_000_000 + "}")


@made(0, "no valid notebook", graded=False)
def false_schema(folder: Path, right: NotebookNode, blank: NotebookNode) -> None:
    """Cells, metadata and tags of the wrong kinds; an error message with control characters."""
    content = json.loads(nbformat.writes(right))
    content["cells"][0]["metadata"] = {"tags": "demo", "name": {"\x1b[2J\u202e": 1}}
    content["cells"][1] = ["\x1b]0;owned\x07"]
    put_raw(folder, content)


@made(0, "is a link", graded=False)
def linked_notebook(folder: Path, right: NotebookNode, blank: NotebookNode) -> None:
    """The notebook is a link to somebody else's."""
    (folder / f"{LAB}.ipynb").symlink_to(folder.parents[1] / "honest-1" / LAB / f"{LAB}.ipynb")


@made(0, "is a link", graded=False)
def linked_folder(folder: Path, right: NotebookNode, blank: NotebookNode) -> None:
    """The folder is a link to somebody else's."""
    folder.rmdir()
    folder.symlink_to(folder.parents[1] / "honest-1" / LAB)


@made(5)
def linked_files(folder: Path, right: NotebookNode, blank: NotebookNode) -> None:
    """Files and folders beside the notebook are links out of it, and a pipe waits for a reader."""
    (folder / "secret.txt").symlink_to(folder.parents[2] / "secret")
    (folder / "class").symlink_to(folder.parents[2])
    os.mkfifo(folder / "pipe")
    walk = "import os\nfor folder, _, files in os.walk('.', followlinks=True):\n    print(folder, files)\n"
    right.cells.append(nbformat.v4.new_code_cell(walk + "open('secret.txt').read()"))
    put(folder, right)


@made(5, "left out")
def ten_thousand_files(folder: Path, right: NotebookNode, blank: NotebookNode) -> None:
    """Ten thousand files beside the notebook."""
    for number in range(10_000):
        (folder / f"{number:05d}.txt").touch()
    put(folder, right)


@made(5, "left out")
def deep_folders(folder: Path, right: NotebookNode, blank: NotebookNode) -> None:
    """Folders in folders, deeper than Python recurses."""
    put(folder, right)
    here = os.open(folder, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)


@made(5, "left out")
def large_file(folder: Path, right: NotebookNode, blank: NotebookNode) -> None:
    """A file of 18 MB beside the notebook."""
    (folder / "data.bin").write_bytes(bytes(18 * 2**20))
    put(folder, right)


@made(5)
def shadowing_files(folder: Path, right: NotebookNode, blank: NotebookNode) -> None:
    """Files that would be imported instead of the grader's own."""
    for name in ("sitecustomize", "grader", "torch", "numpy", "checks", "fixtures", "nbformat", "json"):
        (folder / f"{name}.py").write_text("raise SystemExit('ATTACK SUCCEEDED')")
    (folder / "grader").mkdir()
    (folder / "grader" / "__init__.py").write_text("raise SystemExit('ATTACK SUCCEEDED')")
    put(folder, right)


@made(0, "no 01-toy.ipynb, only", graded=False)
def archive_with_paths(folder: Path, right: NotebookNode, blank: NotebookNode) -> None:
    """An archive instead of the notebook, with names that lead out of any folder: nothing unpacks it."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in (f"../../../honest-1/{LAB}/{LAB}.ipynb", "/etc/owned", "a/../../../secret"):
            archive.writestr(name, "owned")
    (folder / f"{LAB}.zip").write_bytes(packed.getvalue())


@made(0, "no 01-toy.ipynb, but", graded=False)
def odd_names(folder: Path, right: NotebookNode, blank: NotebookNode) -> None:
    """File names with control characters, markup and bytes that are no text."""
    for name in (b"\xff\xfe.ipynb", b"\x1b[2J.ipynb", b"[bold red]x\n.ipynb", b"=cmd().ipynb"):
        Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_bytes(b"{}")


@made(5, "left out")
def long_names(folder: Path, right: NotebookNode, blank: NotebookNode) -> None:
    """A file name as long as a file system allows: no room for a suffix while it is written."""
    (folder / ("n" * 250)).touch()
    put(folder, right)


@made(5)
def file_for_folder(folder: Path, right: NotebookNode, blank: NotebookNode) -> None:
    """A file where the release has a folder, and a folder where it has a file."""
    (folder / "data").touch()
    (folder / "data.txt").mkdir()
    (folder / "data.txt" / "x").touch()
    put(folder, right)
