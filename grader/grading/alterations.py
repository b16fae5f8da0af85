"""What of a submission differs from its release where it must not: told to the instructor, and restored anyway."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Mapping

from nbformat import NotebookNode

from grader.cells import claimed_id
from grader.course.as_they_come import found_again

MAX_NAMED = 6


def alterations(submitted: NotebookNode, released: NotebookNode) -> list[str]:
    """One line a kind of change: cells missing, doubled, invented, moved, changed; another kernel."""
    known = {cell.metadata.nbgrader.grade_id: cell for cell in released.cells if "nbgrader" in cell.metadata}
    claimed = [(name, cell) for cell in submitted.cells if (name := claimed_id(cell)) is not None]
    again = found_again(submitted, released)
    back = {*again.places.values(), *again.within}
    by_text = [name for name in again.places.values() if name not in again.by_function]
    count = Counter(name for name, _ in claimed)
    first = dict(reversed(claimed))
    order = [name for name in dict.fromkeys(name for name, _ in claimed) if name in known]
    found = {
        "have lost nbgrader's metadata, and are known by the function that they define": list(again.by_function),
        "have lost nbgrader's metadata, and are known by their text": by_text,
        "are missing, and another cell defines what they ask for": list(again.within),
        "are missing and were put back": [name for name in known if name not in count and name not in back],
        "stand there more than once; the first counts": [name for name in count if name in known and count[name] > 1],
        "are not of this lab and give no points": [_short(name) for name in count if name not in known],
        "have other metadata, tags or another type, which was undone": [
            name for name, cell in first.items() if name in known and _differs(cell, known[name])
        ],
        "are locked, and their changed text was undone": [
            name
            for name, cell in first.items()
            if name in known and known[name].metadata.nbgrader.locked and cell.source != known[name].source
        ],
        "are in another order": [] if order == [name for name in known if name in order] else order,
    }
    lines = [f"cells {_listed(names)} {what}" for what, names in found.items() if names]
    return lines + ["it asks for another kernel, which was undone"] * (_kernel(submitted) != _kernel(released))


def later_definitions(notebook: NotebookNode, exercises: Mapping[str, str]) -> list[str]:
    """Exercises whose function is defined again after its hidden cell: what counted is what stood there before.

    `exercises` names the exercise of each hidden cell.
    """
    checked: set[str] = set()
    again: list[str] = []
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        name = claimed_id(cell)
        if name is not None and name in exercises:
            checked.add(exercises[name])
        else:
            again += [defined for defined in _defined(cell.source) if defined in checked and defined not in again]
    return [f"{_listed(again)} defined again after the checks, which saw the earlier definition"] if again else []


def _defined(source: str) -> Iterator[str]:
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def _kernel(notebook: NotebookNode) -> object:
    spec = notebook.metadata.get("kernelspec")
    return spec.get("name") if isinstance(spec, dict) else None


def _differs(cell: NotebookNode, known: NotebookNode) -> bool:
    names = ("grade", "locked", "solution", "task", "points")
    meta, wanted = cell.metadata.nbgrader, known.metadata.nbgrader
    return (
        cell.cell_type != known.cell_type
        or any(meta.get(name) != wanted.get(name) for name in names)
        or bool(cell.metadata.get("tags"))
    )


def _short(name: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in name[:40])


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    return ", ".join(names[:MAX_NAMED]) + more
