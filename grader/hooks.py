"""What plugs into nbgrader by name in `nbgrader_config.py`."""

from __future__ import annotations

import copy
import re
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor

from grader.paths import find_course

TAG = re.compile(r"<(?=[A-Za-z/!?])")


class RestoreCells(NbGraderPreprocessor):  # type: ignore[misc]
    """Give a submission's graded cells back what the release gave them: metadata, no tags, and their place.

    A student may have changed points or ids by hand, tagged a graded cell `demo` so that grading skips it (nbgrader
    would then give full marks), or lost a cell. nbgrader's own OverwriteCells restores sources, but neither tags nor a
    deleted solution cell, and it stops at metadata that contradict one another. Of a cell that stands there twice, the
    first stays the graded one and the other becomes an ordinary cell.
    """

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        """Align `nb` with the released notebook of the same name."""
        names = resources["nbgrader"]
        path = find_course().labs / names["assignment"] / f"{names['notebook']}.ipynb"
        return restore(nb, nbformat.read(path, as_version=4)), resources


def restore(submitted: NotebookNode, released: NotebookNode) -> NotebookNode:
    """`submitted` with the graded cells of `released` in order: same metadata, none missing, unknown ids forgotten.

    HTML in texts that students wrote becomes text: formgrader and feedback would run it in the instructor's browser.
    """
    known = {cell.metadata.nbgrader.grade_id: cell for cell in released.cells if "nbgrader" in cell.metadata}
    demo = {cell["id"] for cell in released.cells if "demo" in cell.metadata.get("tags", [])}
    present: set[str] = set()
    for cell in submitted.cells:
        name = _claimed_id(cell)
        if name is not None and name in known and name not in present:
            present.add(name)
            cell.metadata["nbgrader"] = copy.deepcopy(known[name].metadata.nbgrader)
            cell.metadata.pop("tags", None)
        else:
            cell.metadata.pop("nbgrader", None)
            if cell.get("id") in demo:
                cell.metadata["tags"] = ["demo"]
    given = {cell.source for cell in released.cells}
    for cell in submitted.cells:
        if cell.cell_type != "code" and cell.source not in given:
            cell.source = TAG.sub("&lt;", cell.source)
    previous = None
    for name, cell in known.items():
        if name not in present:
            submitted.cells.insert(_place_after(submitted, previous), _put_back(cell))
        previous = name
    return submitted


def _claimed_id(cell: NotebookNode) -> str | None:
    """The grade_id that a cell of a submission says it has, if it is text."""
    meta = cell.metadata.get("nbgrader")
    name = meta.get("grade_id") if isinstance(meta, dict) else None
    return name if isinstance(name, str) else None


def _place_after(notebook: NotebookNode, name: str | None) -> int:
    """The index behind the last cell called `name`; 0 for None."""
    places = [i for i, cell in enumerate(notebook.cells) if name is not None and _claimed_id(cell) == name]
    return places[-1] + 1 if places else 0


def _put_back(cell: NotebookNode) -> NotebookNode:
    restored = copy.deepcopy(cell)
    if restored.cell_type == "code":
        restored.source = "# This cell was missing and was put back for grading.\n" + restored.source
    return restored
