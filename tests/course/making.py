"""Courses of nbgrader for these tests: cells as its toolbar makes them, notebooks of them, released and handed in."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from nbgrader.converters import GenerateAssignment

from grader.course.coursedir import converter, gradebook, load_config
from grader.course.paths import ROOT_VARIABLE, Course

Edit = Callable[[Path], None]
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}


def text(source: str, **metadata: Any) -> NotebookNode:
    """A text cell that nbgrader does not know."""
    return new_markdown_cell(source, metadata=metadata)


def code(source: str, *tags: str) -> NotebookNode:
    """A code cell that nbgrader does not know."""
    return new_code_cell(source, metadata={"tags": list(tags)} if tags else {})


def answer(name: str, source: str) -> NotebookNode:
    """ "Autograded answer": other cells test it."""
    return _known(new_code_cell(source), name, solution=True)


def graded(name: str, points: float, source: str, *tags: str) -> NotebookNode:
    """ "Autograder tests"."""
    cell = _known(new_code_cell(source), name, grade=True, locked=True, points=points)
    if tags:
        cell.metadata.tags = list(tags)
    return cell


def manual(name: str, points: float, source: str, cell_type: str = "markdown") -> NotebookNode:
    """ "Manually graded answer"."""
    make = new_code_cell if cell_type == "code" else new_markdown_cell
    return _known(make(source), name, grade=True, solution=True, points=points)


def task(name: str, points: float, source: str) -> NotebookNode:
    """ "Manually graded task"."""
    return _known(new_markdown_cell(source), name, task=True, locked=True, points=points)


def read_only(name: str, source: str) -> NotebookNode:
    """A locked cell without points."""
    return _known(new_code_cell(source), name, locked=True)


def _known(cell: NotebookNode, name: str, **said: Any) -> NotebookNode:
    flags = {"grade": False, "solution": False, "locked": False, "task": False}
    cell.metadata.nbgrader = flags | {"grade_id": name, "schema_version": 3} | said
    return cell


def notebook(*cells: NotebookNode, kernel: Mapping[str, str] | None = KERNEL) -> NotebookNode:
    """A notebook of cells, with ids that are the same in every run."""
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    return new_notebook(cells=list(cells), metadata={"kernelspec": dict(kernel)} if kernel else {})


def write(folder: Path, files: Mapping[str, NotebookNode | bytes | str]) -> None:
    """Write notebooks and other files by relative name."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, NotebookNode):
            nbformat.write(content, path)
        else:
            path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))


@contextmanager
def at(root: Path) -> Iterator[Course]:
    """The course at `root`, made the current one: here commands and modules beside its configuration are found."""
    before, named = Path.cwd(), os.environ.pop(ROOT_VARIABLE, None)
    os.chdir(root)
    try:
        yield Course(root)
    finally:
        os.chdir(before)
        if named is not None:
            os.environ[ROOT_VARIABLE] = named


def clean_environment(python: Path | str = sys.executable) -> dict[str, str]:
    """For programs of an interpreter that are to find a course by their folder alone."""
    found = {name: value for name, value in os.environ.items() if name != ROOT_VARIABLE}
    found["PATH"] = f"{Path(python).parent}:{found['PATH']}"
    return found | {"PYTHONDONTWRITEBYTECODE": "1"}  # as in our kernels


def release(root: Path, assignment: str, duedate: str = "") -> None:
    """`nbgrader generate_assignment`, of an assignment that may be due at a time."""
    with at(root) as course:
        if duedate:
            with gradebook(course) as book:
                book.update_or_create_assignment(assignment, duedate=duedate)
        converter(GenerateAssignment, load_config(course, assignment_id=assignment)).start()


def hand_in(root: Path, assignment: str, student: str, edit: Edit, when: str = "") -> Path:
    """What a student makes of what was released; `when` goes into `timestamp.txt`."""
    with at(root) as course:
        folder = course.folder("submitted", student, assignment)
    shutil.copytree(course.release_of(assignment), folder)
    edit(folder)
    if when:
        (folder / "timestamp.txt").write_text(when)
    return folder


def nothing(_: Path) -> None:
    """Hand in what was released."""


def answers(name: str = "", /, **sources: str) -> Edit:
    """Fill in cells by their `grade_id`, in the notebook of that name; with one notebook it needs no name."""

    def edit(folder: Path) -> None:
        path = folder / f"{name}.ipynb" if name else next(folder.glob("*.ipynb"))
        found = nbformat.read(path, as_version=4)
        for cell in found.cells:
            known = cell.metadata.get("nbgrader", {}).get("grade_id")
            if known in sources:
                cell.source = sources[known]
        missing = sources.keys() - {cell.metadata.get("nbgrader", {}).get("grade_id") for cell in found.cells}
        assert not missing, f"{path.name} has no cells {missing}"
        nbformat.write(found, path)

    return edit


def changed(change: Callable[[NotebookNode], Any], name: str = "") -> Edit:
    """Do something with the notebook of that name."""

    def edit(folder: Path) -> None:
        path = folder / f"{name}.ipynb" if name else next(folder.glob("*.ipynb"))
        found = nbformat.read(path, as_version=4)
        change(found)
        nbformat.write(found, path)

    return edit


def cell_of(found: NotebookNode, name: str) -> NotebookNode:
    """The first cell of a `grade_id`."""
    return next(cell for cell in found.cells if cell.metadata.get("nbgrader", {}).get("grade_id") == name)


def all_of(*edits: Edit) -> Edit:
    """One edit after another."""

    def edit(folder: Path) -> None:
        for one in edits:
            one(folder)

    return edit


def beside(**files: str) -> Edit:
    """Put files beside the notebooks; `__` in a name stands for a dot, `___` for a slash."""

    def edit(folder: Path) -> None:
        write(folder, {name.replace("___", "/").replace("__", "."): content for name, content in files.items()})

    return edit
