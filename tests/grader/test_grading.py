"""A class is graded whatever is handed in: every student has a row with a reason, nothing is lost, nobody gains.

The whole class of odd and broken submissions is graded once, in real sandboxed kernels, and looked at from many sides.
tests/attacks has the hostile ones.
"""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from grader.build.notebooks import write_notebook
from grader.course.coursedir import gradebook
from grader.course.paths import ROOT_VARIABLE, Course
from grader.grading.autograde import Row, grade_class, write_rows
from grader.grading.demo_class import make_class

LAB = "01-toy"
NOISY_MEAN = '''import warnings
def mean(values):
    """The arithmetic mean."""
    warnings.warn("about to divide")
    import sys; print("noise", file=sys.stderr)
    if not values:
        raise ValueError("no values")
    return math.fsum(values) / len(values)
'''


@dataclass(frozen=True)
class Graded:
    """The class after grading: its rows by student, and each file's bytes before and after."""

    course: Course
    rows: dict[str, Row]
    before: dict[Path, bytes]


def cell(notebook: NotebookNode, grade_id: str) -> NotebookNode:
    return next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == grade_id)


def drop(notebook: NotebookNode, *grade_ids: str) -> None:
    notebook.cells = [c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") not in grade_ids]


def tag_all(notebook: NotebookNode, tag: str) -> None:
    for c in notebook.cells:
        c.metadata["tags"] = [tag]


def altered_metadata(notebook: NotebookNode) -> None:
    cell(notebook, "mean-hidden").metadata.nbgrader.update(points=100, locked=False, solution=True)
    cell(notebook, "spread-hidden").metadata.nbgrader.update(grade=False)
    cell(notebook, "spread").metadata.nbgrader.update(grade=True, points=50)
    cell(notebook, "spread-hidden").source = "5.0"


def invented_cells(notebook: NotebookNode) -> None:
    meta = {"grade": True, "grade_id": "bonus", "points": 50, "locked": True, "solution": False, "schema_version": 3}
    notebook.cells.insert(0, nbformat.v4.new_code_cell("50.0", metadata={"nbgrader": meta}))
    notebook.cells.insert(0, nbformat.v4.new_code_cell("50.0", metadata={"nbgrader": {"grade": True}}))
    notebook.cells.insert(0, nbformat.v4.new_code_cell("1", metadata={"nbgrader": "nonsense"}))


def duplicated(notebook: NotebookNode) -> None:
    extra = copy.deepcopy(cell(notebook, "mean-hidden"))
    extra["id"], extra.source = "again", "3.0"
    notebook.cells.append(extra)
    first = copy.deepcopy(extra)
    first["id"] = "first"
    notebook.cells.insert(0, first)


def spoofed_output(notebook: NotebookNode) -> None:
    output = nbformat.v4.new_output("execute_result", {"text/plain": "3.0"}, execution_count=1)
    cell(notebook, "mean-hidden").outputs = [output]


EDITS: dict[str, tuple[str, Callable[[NotebookNode], None], float]] = {
    # name: (what the notebook starts from, the edit, the score it should get)
    "right": ("solution", lambda nb: None, 5.0),
    "noisy": ("solution", lambda nb: cell(nb, "mean").update(source=NOISY_MEAN), 5.0),
    "deleted-tests": ("solution", lambda nb: drop(nb, "mean-checks", "mean-hidden", "spread-hidden"), 5.0),
    "deleted-answer": ("solution", lambda nb: drop(nb, "mean", "mean-checks"), 2.0),
    "deleted-locked": ("solution", lambda nb: drop(nb, "total"), 5.0),
    "changed-locked": ("solution", lambda nb: cell(nb, "total").update(source="def total(values): return 0.0"), 5.0),
    "duplicated": ("blank", duplicated, 0.0),
    "demo-tag": ("blank", lambda nb: tag_all(nb, "demo"), 0.0),
    "skip-tag": ("blank", lambda nb: tag_all(nb, "skip-execution"), 0.0),
    "altered": ("blank", altered_metadata, 0.0),
    "invented": ("blank", invented_cells, 0.0),
    "spoofed": ("blank", spoofed_output, 0.0),
}
BROKEN = {
    # name: what the row says
    "not-json": "is no JSON (line 1, column 1",
    "empty-file": "is an empty file",
    "not-notebook": "is JSON, but no notebook",
    "bad-schema": "is no valid notebook",
    "latin1": "is not UTF-8 text (byte 1 is 0xe9)",
    "two-copies": "no 01-toy.ipynb, but 01-toy (1).ipynb, 01-toy (2).ipynb",
    "missing": "no 01-toy.ipynb, only notes.txt",
    "empty-folder": "is empty",
    "link": "is a link",
    "absent": "nothing handed in",
    "demo-0[12]": "as a pattern",
    **{f"ada{letter}": "formgrader cannot show the name" for letter in "<>&\"'"},
}


@pytest.fixture(scope="module")
def graded(toy_template: Course, tmp_path_factory: pytest.TempPathFactory) -> Graded:
    """The toy class with every edit and every kind of broken submission, graded once."""
    root = tmp_path_factory.mktemp("class") / "course"
    shutil.copytree(toy_template.root, root)
    course = Course(root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(ROOT_VARIABLE, str(root))
        hand_in_everything(course)
        before = {path: path.read_bytes() for path in course.submitted.rglob("*") if path.is_file()}
        rows = grade_class(course, LAB)
    return Graded(course, {row.student: row for row in rows}, before)


def hand_in_everything(course: Course) -> None:
    make_class(course, LAB, size=2)
    starts = {"solution": course.submitted / "demo-01" / LAB, "blank": course.submitted / "demo-02" / LAB}
    for name, (start, edit, _) in EDITS.items():
        notebook = nbformat.read(starts[start] / f"{LAB}.ipynb", as_version=4)
        edit(notebook)
        write_notebook(notebook, course.submitted / name / LAB / f"{LAB}.ipynb")
    raw = {"not-json": b"hello", "empty-file": b"", "not-notebook": b"[]", "bad-schema": b'{"nbformat": 4, "cells": 1}'}
    for name, content in (raw | {"latin1": b"{\xe9}"}).items():
        folder = course.submitted / name / LAB
        folder.mkdir(parents=True)
        (folder / f"{LAB}.ipynb").write_bytes(content)
    for name in ("two-copies", "missing", "empty-folder", "link"):
        (course.submitted / name / LAB).mkdir(parents=True)
    (course.submitted / "absent").mkdir()
    for name in ("demo-0[12]", *(f"ada{letter}" for letter in "<>&\"'")):
        shutil.copytree(starts["solution"], course.submitted / name / LAB)
    for number in (1, 2):
        copied = course.submitted / "two-copies" / LAB / f"{LAB} ({number}).ipynb"
        shutil.copy(starts["solution"] / f"{LAB}.ipynb", copied)
    (course.submitted / "missing" / LAB / "notes.txt").write_text("sorry")
    (course.submitted / "link" / LAB / f"{LAB}.ipynb").symlink_to(starts["solution"] / f"{LAB}.ipynb")


@pytest.mark.parametrize("name", EDITS)
def test_an_edited_notebook_gets_what_its_answers_are_worth(graded: Graded, name: str) -> None:
    row = graded.rows[name]
    assert (row.score, row.max_score, row.graded, row.reason) == (EDITS[name][2], 5.0, True, "")


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_submission_gets_zero_and_a_reason(graded: Graded, name: str) -> None:
    row = graded.rows[name]
    assert (row.score, row.graded) == (0.0, False)
    assert BROKEN[name] in row.reason
    assert row.remedy


def test_every_student_has_one_row_in_the_list_and_in_the_gradebook(graded: Graded) -> None:
    everyone = {"demo-01", "demo-02", *EDITS, *BROKEN}
    assert set(graded.rows) == everyone
    with gradebook(graded.course) as book:
        rows = {s.student.id: s for s in book.assignment_submissions(LAB)}
        assert set(rows) == everyone
        for name, submission in rows.items():
            assert submission.score == graded.rows[name].score
            assert not submission.needs_manual_grade


def test_what_was_handed_in_is_kept_to_the_byte(graded: Graded) -> None:
    after = {path: path.read_bytes() for path in graded.course.submitted.rglob("*") if path.is_file()}
    assert after == graded.before


def test_rows_are_written_for_people_and_programs(graded: Graded) -> None:
    as_json, as_csv = write_rows(graded.course, LAB, list(graded.rows.values()))
    assert [Row(**row) for row in json.loads(as_json.read_text())] == list(graded.rows.values())
    assert len(as_csv.read_text().splitlines()) == len(graded.rows) + 1


def test_a_lab_that_was_not_built_is_refused(toy: Course) -> None:
    toy.gradebook.unlink()
    with pytest.raises(LookupError, match="run `grader build 01-toy` first"):
        grade_class(toy, LAB)
    with pytest.raises(LookupError, match="Assignments: 01-toy"):
        grade_class(toy, "09-none")


def test_a_dead_kernel_costs_its_cell_only(toy: Course) -> None:
    make_class(toy, LAB, size=2)
    path = toy.submitted / "demo-01" / LAB / f"{LAB}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    cell(notebook, "mean").source = "import os\nos._exit(1)"
    write_notebook(notebook, path)
    dead, blank = grade_class(toy, LAB)
    assert (dead.score, dead.graded) == (2.0, True)  # the other exercise
    assert dead.events == ["cell 5 (mean): it ended by itself"]
    assert (blank.score, blank.graded) == (0.0, True)
    assert path.exists()
