"""The check of cells' metadata says of every notebook what nbgrader's own says."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nbformat import NotebookNode, from_dict
from nbgrader.nbgraderformat import ValidationError
from nbgrader.preprocessors import CheckCellMetadata

from grader.grading.metadata import CheckMetadata

FLAGS = st.sampled_from([True, False, 1, 0, None, "yes"])
CELLS = st.fixed_dictionaries(
    {"cell_type": st.sampled_from(["code", "markdown"])},
    optional={
        "nbgrader": st.fixed_dictionaries(
            {},
            optional={
                "schema_version": st.sampled_from([3, 3, 3, 2, 4, "3"]),
                "grade": FLAGS,
                "solution": FLAGS,
                "locked": FLAGS,
                "task": FLAGS,
                "grade_id": st.sampled_from(["a", "b", "c", "", 1, "bad name!"]),
                "points": st.sampled_from([0, 1, 2.5, -1, float("nan"), "3", None]),
                "cell_type": st.sampled_from(["code", "markdown"]),
                "more": st.integers(),
            },
        )
    },
)


def as_notebook(cells: list[dict[str, Any]]) -> NotebookNode:
    made = [
        {"cell_type": one["cell_type"], "source": "", "metadata": {k: v for k, v in one.items() if k == "nbgrader"}}
        for one in cells
    ]
    return from_dict({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def outcome(step: Any, notebook: NotebookNode) -> tuple[str, str]:
    try:
        step.preprocess(notebook, {})
    except Exception as raised:  # noqa: BLE001 - whatever it raises is compared
        return type(raised).__name__, str(raised)
    return "", ""


@settings(deadline=None, max_examples=60)
@given(st.lists(CELLS, max_size=4))
def test_it_says_what_nbgrader_says(cells: list[dict[str, Any]]) -> None:
    notebook = as_notebook(cells)
    before = copy.deepcopy(notebook)
    kind, said = outcome(CheckCellMetadata(), copy.deepcopy(notebook))
    for _ in (1, 2):  # the second time it knows
        assert outcome(CheckMetadata(), notebook) == (kind, said)
    assert repr(notebook) == repr(before)


GRADED = {"schema_version": 3, "grade": True, "solution": False, "locked": True, "grade_id": "a", "points": 1}


def test_what_is_wrong_is_refused_each_time() -> None:
    right = as_notebook([{"cell_type": "code", "nbgrader": GRADED}])
    twice = as_notebook([{"cell_type": "code", "nbgrader": GRADED}] * 2)
    other = as_notebook([{"cell_type": "markdown", "nbgrader": GRADED}])
    for _ in (1, 2):
        CheckMetadata().preprocess(right, {})
        for wrong in (twice, other):
            with pytest.raises(ValidationError, match="corrupted"):
                CheckMetadata().preprocess(wrong, {})
