"""What differs from the release is named, and what a browser would run becomes text."""

from __future__ import annotations

import copy
from collections.abc import Callable

import nbformat
import pytest
from nbconvert import HTMLExporter
from nbformat import NotebookNode

from grader.course.paths import Course
from grader.grading.alterations import alterations, later_definitions
from grader.hooks import restore

LAB = "01-toy"


@pytest.fixture
def released(toy_template: Course) -> NotebookNode:
    return nbformat.read(toy_template.labs / LAB / f"{LAB}.ipynb", as_version=4)


def cell(notebook: NotebookNode, name: str) -> NotebookNode:
    return next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == name)


CHANGES: dict[str, tuple[Callable[[NotebookNode], object], str]] = {
    "missing": (lambda nb: nb.cells.remove(cell(nb, "mean-hidden")), "cells mean-hidden are missing"),
    "doubled": (lambda nb: nb.cells.append(copy.deepcopy(cell(nb, "mean"))), "cells mean stand there more than once"),
    "points": (lambda nb: cell(nb, "mean-hidden").metadata.nbgrader.update(points=9), "cells mean-hidden have other"),
    "tags": (lambda nb: cell(nb, "mean").metadata.update(tags=["demo"]), "cells mean have other metadata"),
    "text": (lambda nb: cell(nb, "total").update(source="def total(v): return 0"), "cells total are locked"),
    "order": (lambda nb: nb.cells.reverse(), "are in another order"),
    "kernel": (lambda nb: nb.metadata.update(kernelspec={"name": "bash"}), "another kernel"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_each_change_is_named_and_nothing_else(released: NotebookNode, change: str) -> None:
    edit, said = CHANGES[change]
    submitted = copy.deepcopy(released)
    assert alterations(submitted, released) == []
    edit(submitted)
    (line,) = alterations(submitted, released)
    assert said in line


def test_a_definition_after_the_checks_is_named(released: NotebookNode) -> None:
    exercises = {"mean-hidden": "mean", "spread-hidden": "spread"}
    assert later_definitions(released, exercises) == []
    released.cells.append(nbformat.v4.new_code_cell("mean = print\ndef other(): pass"))
    assert later_definitions(released, exercises) == [
        "mean defined again after the checks, which saw the earlier definition"
    ]


def test_html_that_students_write_is_shown_as_text(released: NotebookNode) -> None:
    submitted = copy.deepcopy(released)
    text = "**Note**: $a < b$ <script>alert(1)</script> <img src=x onerror=alert(2)>"
    submitted.cells.append(nbformat.v4.new_markdown_cell(text))
    submitted.cells.append(nbformat.v4.new_raw_cell("<script>alert(3)</script>", metadata={"format": "text/html"}))
    page, _ = HTMLExporter(template_name="basic").from_notebook_node(restore(submitted, released))
    assert "<script>alert" not in page
    assert "<img" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "<strong>Note</strong>" in page
