"""A submission as the release wants it: nbgrader's own preprocessors, against an assignment instead of a database."""

from __future__ import annotations

import json
import logging
from types import SimpleNamespace
from typing import Any

from nbformat import NotebookNode
from nbgrader.api import MissingEntry
from nbgrader.preprocessors import CheckCellMetadata, ClearOutput, DeduplicateIds, NbGraderPreprocessor, OverwriteCells

from grader.grading.assignment import Assignment
from grader.hooks import restore

QUIET = logging.getLogger("grader.sanitize")
QUIET.setLevel(logging.CRITICAL)


class Master:
    """The part of nbgrader's gradebook that OverwriteCells reads, answered from an assignment."""

    def __init__(self, assignment: Assignment) -> None:
        self._cells = {cell.name: SimpleNamespace(**vars(cell)) for cell in assignment.cells}

    def find_source_cell(self, name: str, *_: str) -> Any:
        """See nbgrader.api.Gradebook."""
        if name not in self._cells:
            raise MissingEntry(name)
        return self._cells[name]

    find_graded_cell = find_source_cell


class OverwriteFromMaster(OverwriteCells):  # type: ignore[misc]
    """nbgrader's OverwriteCells with a master at hand in `resources`."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        """As nbgrader's; no database is opened."""
        self.notebook_id = self.assignment_id = resources["lab"]
        self.gradebook = resources["master"]
        found: tuple[NotebookNode, dict[str, Any]] = NbGraderPreprocessor.preprocess(self, nb, resources)
        return found


def sanitize(assignment: Assignment, notebook: NotebookNode) -> NotebookNode:
    """Align a submission with its assignment: outputs gone, graded cells restored, the kernel that of the release.

    The order is that of `nbgrader_config.py`.
    """
    resources: dict[str, Any] = {"lab": assignment.lab, "master": Master(assignment)}
    notebook, _ = ClearOutput(log=QUIET).preprocess(notebook, resources)
    notebook = restore(notebook, assignment.released)
    notebook, _ = DeduplicateIds(log=QUIET).preprocess(notebook, resources)
    if assignment.kernelspec:
        notebook.metadata["kernelspec"] = json.loads(assignment.kernelspec)
    notebook, _ = OverwriteFromMaster(log=QUIET).preprocess(notebook, resources)
    notebook, _ = CheckCellMetadata(log=QUIET).preprocess(notebook, resources)
    found: NotebookNode = notebook
    return found
