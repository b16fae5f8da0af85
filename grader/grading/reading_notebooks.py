"""From the bytes of a notebook to a valid one of format 4 without outputs, or in words what keeps it from being one."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import nbformat
from nbformat import NotebookNode

from grader.course.as_they_come import (
    AGAIN,
    OURS,
    SIDES,
    THEIRS,
    Conflict,
    UnreadError,
    conflict_in,
    marked_cells,
    text_of,
    why_no_json,
)
from grader.text import StudentText, student_text

MAX_CELLS = 2_000
MAX_PARTS = 1_000_000
MAX_JSON_DEPTH = 60
MAX_CONTENT = 8 * 2**20
KEYS = frozenset({"id", "cell_type", "metadata", "source", "attachments", "outputs", "execution_count"})
IDS_SINCE = 5  # nbformat 4.5


@dataclass(frozen=True)
class Read:
    """A notebook as it is graded: in bytes, and as it was read; and what is to be said of it."""

    content: bytes
    notebook: NotebookNode
    notes: tuple[StudentText, ...] = ()


def read_notebook(raw: bytes, lab: str) -> Read:
    """The notebook of `raw` as it is graded.

    It comes back as nbformat 4 writes it: valid, without stored outputs and attachments, at most 8 MB of text. Stored
    outputs and attachments count for nothing and may be large: they go before anything else looks at them. Where git's
    conflict markers stand in it, it is read if both sides are the same work.

    Raises:
        UnreadError: there is none, and why.
    """
    name = f"{lab}.ipynb"
    _require_few_parts(raw, name)
    text, said = text_of(raw, name)
    try:
        found = _read(text, name)
    except json.JSONDecodeError as error:
        conflict = conflict_in(text)
        if conflict is None:
            raise why_no_json(text, error, name) from None
        found = _of_both(conflict, name)
        said = said or f"{name} has git's conflict markers; both sides have the same cells"
    with _quietly():
        written: str = nbformat.writes(found)
    notes = tuple(student_text(note) for note in (said, marked_cells(found)) if note)
    return Read(written.encode("utf-8"), found, notes)


def read_side(raw: bytes, lab: str, side: str) -> bytes:
    """The text of one side of a conflict, whose notebook can be read; as it stands, with its outputs.

    Raises:
        UnreadError: there is no conflict, or nothing to read on that side.
    """
    name = f"{lab}.ipynb"
    _require_few_parts(raw, name)
    conflict = conflict_in(text_of(raw, name)[0])
    if conflict is None:
        raise UnreadError(f"{name} has no conflict markers", "grade it without --side")
    text = conflict.texts.get(side, "")
    _side(text, name, side)
    return text.encode("utf-8")


def _of_both(conflict: Conflict, name: str) -> NotebookNode:
    """What both sides of a conflict are, where they differ in nothing that is graded."""
    found: dict[str, NotebookNode] = {}
    for side, text in conflict.texts.items():
        with suppress(UnreadError):
            found[side] = _side(text, name, side)
    if len(found) == len(SIDES) and _work(found[OURS]) == _work(found[THEIRS]):
        return found[OURS]
    here, there = (student_text(label, 40) for label in conflict.labels)
    where = f"in line {conflict.line}" + (f" and {conflict.places - 1} more places" if conflict.places > 1 else "")
    said = f"{name} has git's conflict markers {where}"
    if not found:
        raise UnreadError(f"{said}; neither {here} nor {there} can be read alone")
    options = " or ".join(
        f"--side {side} ({label})" for side, label in ((OURS, here), (THEIRS, there)) if side in found
    )
    unread = "".join(
        f"; {label} cannot be read" for side, label in ((OURS, here), (THEIRS, there)) if side not in found
    )
    raise UnreadError(f"{said}: {here} or {there}{unread}", f"say which side counts: {options}, or {AGAIN}")


def _side(text: str, name: str, side: str) -> NotebookNode:
    try:
        return _read(text, name)
    except json.JSONDecodeError as error:
        raise UnreadError(f"{name} is no JSON on the side {side} (line {error.lineno}: {error.msg})") from None


def _work(notebook: NotebookNode) -> list[tuple[Any, ...]]:
    return [(cell.cell_type, cell.source, cell.metadata.get("nbgrader")) for cell in notebook.cells]


def _require_few_parts(raw: bytes, name: str) -> None:
    parts = sum(map(raw.count, (b"[", b"{", b",")))
    if parts > MAX_PARTS:
        raise UnreadError(f"{name} has {parts:,} parts, at most {MAX_PARTS:,} are read: clear its outputs")


def _read(text: str, name: str) -> NotebookNode:
    """The notebook that a text is, without what does not count.

    Raises:
        JSONDecodeError: it is no JSON.
        UnreadError: it is JSON, and no notebook.
    """
    try:
        content = json.loads(text)
    except json.JSONDecodeError:
        raise
    except (RecursionError, ValueError):  # a number of more than 4,300 digits is a ValueError
        raise UnreadError(f"{name} is nested too deep, or holds a number too long, to be a notebook") from None
    if not isinstance(content, dict) or "nbformat" not in content:
        raise UnreadError(f"{name} is JSON, but no notebook")
    if _deeper(content, MAX_JSON_DEPTH):
        raise UnreadError(f"{name} is nested too deep to be a notebook")
    cells = content.get("cells")
    if isinstance(cells, list) and len(cells) > MAX_CELLS:
        raise UnreadError(f"{name} has {len(cells)} cells, at most {MAX_CELLS} are read")
    _drop(cells)
    for sheet in content["worksheets"] if isinstance(content.get("worksheets"), list) else []:  # of nbformat 3
        _drop(sheet.get("cells") if isinstance(sheet, dict) else None)
    if content.get("nbformat") == 4:
        _forget_unknown(cells, content.get("nbformat_minor"))
    kept = json.dumps(content, ensure_ascii=False).encode("utf-8", "replace").decode("utf-8")  # no lone surrogates
    del content
    if len(kept) > MAX_CONTENT:
        held = f"the cells of {name} hold {len(kept) / 2**20:.0f} MB of text"
        raise UnreadError(f"{held}, at most {MAX_CONTENT // 2**20} are read")
    try:
        with _quietly():
            notebook: NotebookNode = nbformat.reads(kept, as_version=4)
            nbformat.validate(notebook)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - nbformat raises many kinds for hostile input
        said = (str(error).splitlines() or [""])[0][:120]
        raise UnreadError(f"{name} is no valid notebook ({student_text(said) or type(error).__name__})") from None
    if len(notebook.cells) > MAX_CELLS:
        raise UnreadError(f"{name} has {len(notebook.cells)} cells, at most {MAX_CELLS} are read")
    return notebook


@contextmanager
def _quietly() -> Iterator[None]:
    """What nbformat mends, such as cells without an id, it warns of on the terminal, over the bar of the class."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _deeper(content: Any, most: int) -> bool:
    """Whether JSON is nested deeper than `most`; what copies and writes it later recurses."""
    level = [content]
    for _ in range(most):
        level = [
            part
            for node in level
            for part in (node.values() if isinstance(node, dict) else node)
            if isinstance(part, dict | list)
        ]
        if not level:
            return False
    return True


def _forget_unknown(cells: Any, minor: Any) -> None:
    """Forget keys of cells that their format does not know, such as ids before 4.5: nbgrader only remarks on them."""
    known = KEYS if isinstance(minor, int) and minor >= IDS_SINCE else KEYS - {"id"}
    for cell in cells if isinstance(cells, list) else []:
        for name in [name for name in cell if name not in known] if isinstance(cell, dict) else []:
            del cell[name]


def _drop(cells: Any) -> None:
    for cell in cells if isinstance(cells, list) else []:
        if isinstance(cell, dict) and isinstance(cell.get("outputs"), list):
            cell["outputs"] = []
        if isinstance(cell, dict):
            cell.pop("attachments", None)
