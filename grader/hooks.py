"""What plugs into nbgrader by name in `nbgrader_config.py`."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence, Set
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor

from grader.cells import claimed_id, is_demo
from grader.course.as_they_come import found_again
from grader.course.paths import find_course
from grader.neutral import neutral

NOTEBOOK_METADATA = ("kernelspec", "language_info")
TAG = re.compile(r"[A-Za-z0-9_.:-]{1,100}")
CELL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


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

    Cells that lost their metadata are known by what they define (`grader.course.as_they_come`).

    What may stay of a student's is listed here: the sources of cells, their ids, and the tag `demo`, by which grading
    skips a cell that earns nothing. All other metadata are the release's; texts that students wrote are neutral: else
    formgrader and feedback would run them in the instructor's browser.
    """
    known = {cell.metadata.nbgrader.grade_id: cell for cell in released.cells if "nbgrader" in cell.metadata}
    demo = {cell["id"] for cell in released.cells if is_demo(cell)}
    texts = _texts_of(released)
    names: list[str | None] = []
    for cell in submitted.cells:
        name = claimed_id(cell)
        names.append(name if name in known and name not in names else None)
    lost = not any(names)
    again = found_again(submitted, released)
    names = [again.places.get(place, name) for place, name in enumerate(names)]
    cells = [_kept(cell, known.get(name or ""), texts, demo) for cell, name in zip(submitted.cells, names, strict=True)]
    previous = None
    for name, cell in known.items():
        if name not in names:
            at_the_end = lost and cell.metadata.nbgrader.grade  # in another notebook answers stand in any order
            place = len(cells) if at_the_end else _place_after(names, previous)
            cells.insert(place, _put_back(cell, again.within.get(name)))
            names.insert(place, name)
        previous = name
    metadata = {key: copy.deepcopy(released.metadata[key]) for key in NOTEBOOK_METADATA if key in released.metadata}
    form = {"nbformat": submitted.nbformat, "nbformat_minor": submitted.nbformat_minor}
    return NotebookNode(cells=cells, metadata=NotebookNode(metadata), **form)


def _kept(
    cell: NotebookNode, graded: NotebookNode | None, texts: Mapping[tuple[str, str], NotebookNode], demo: Set[str]
) -> NotebookNode:
    """A cell with what may stay of it; `graded` is the release's cell whose place it takes."""
    kind = cell.cell_type if graded is None else graded.cell_type
    kept = NotebookNode(cell_type=kind, source=cell.source, metadata=NotebookNode())
    if isinstance(cell.get("id"), str) and CELL_ID.fullmatch(cell["id"]):
        kept["id"] = cell["id"]
    if graded is not None:
        kept.metadata = copy.deepcopy(graded.metadata)
        kept.metadata.pop("tags", None)
    elif _has_demo_tag(cell) or kept.get("id") in demo:
        kept.metadata["tags"] = ["demo"]
    if kind == "code":
        return NotebookNode(kept, outputs=[], execution_count=None)
    return _neutral(kept, texts)


def tame(submitted: NotebookNode, released: NotebookNode) -> NotebookNode:
    """A sanitized notebook of a course that does not restore cells, with no tag on a graded cell and no active text.

    nbgrader itself keeps tags, by which a student would have a graded cell skipped (and get all its points), and other
    metadata. Sources, ids, nbgrader's metadata and the order of cells stay as they are.
    """
    known = {cell.metadata.nbgrader.get("grade_id"): cell for cell in released.cells if "nbgrader" in cell.metadata}
    texts = _texts_of(released)
    for place, cell in enumerate(submitted.cells):
        graded = known.get(claimed_id(cell) or "")
        own = {name: value for name, value in cell.metadata.items() if name == "nbgrader" or isinstance(value, bool)}
        tags = cell.metadata.get("tags") if graded is None else graded.metadata.get("tags")
        plain = [tag for tag in tags if isinstance(tag, str) and TAG.fullmatch(tag)] if isinstance(tags, list) else []
        cell.metadata = NotebookNode(own | ({"tags": plain} if plain else {}))
        if cell.cell_type != "code":
            submitted.cells[place] = _neutral(cell, texts)
    kernel = submitted.metadata.get("kernelspec")
    submitted.metadata = NotebookNode({} if kernel is None else {"kernelspec": kernel})
    if "language_info" in released.metadata:
        submitted.metadata["language_info"] = copy.deepcopy(released.metadata.language_info)
    return submitted


def _texts_of(released: NotebookNode) -> Mapping[tuple[str, str], NotebookNode]:
    return {(cell.cell_type, cell.source): cell for cell in released.cells if cell.cell_type != "code"}


def _neutral(cell: NotebookNode, texts: Mapping[tuple[str, str], NotebookNode]) -> NotebookNode:
    """A text cell: the release's as it is, a student's as text in which nothing acts."""
    same = texts.get((cell.cell_type, cell.source))
    if same is None:  # a raw cell is passed on as it is, to any format: only the release may have one
        cell.cell_type, cell.source = "markdown", neutral(cell.source)
    elif "attachments" in same:
        cell["attachments"] = copy.deepcopy(same.attachments)
    return cell


def _has_demo_tag(cell: NotebookNode) -> bool:
    tags = cell.metadata.get("tags")
    return isinstance(tags, list) and "demo" in tags


def _place_after(names: list[str | None], name: str | None) -> int:
    """The index behind the cell called `name`; 0 for None."""
    return 0 if name is None else names.index(name) + 1


def _put_back(cell: NotebookNode, elsewhere: Sequence[str] | None) -> NotebookNode:
    """A missing cell as it was released; of an answer that stands in another cell, the name alone."""
    restored = copy.deepcopy(cell)
    if elsewhere is not None:
        restored.source = f"# This cell was missing: another one defines {', '.join(elsewhere)}."
    elif restored.cell_type == "code":
        restored.source = "# This cell was missing and was put back for grading.\n" + restored.source
    return restored
