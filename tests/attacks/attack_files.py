"""Attacks as files: what each does, what it should get, and how it becomes a submission."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode

from grader.cells import grade_id

FOLDER = Path(__file__).parent / "notebooks"
ANSWERS = {
    "mean": """def mean(values: list[float]) -> float:
    if not values:
        raise ValueError("no values")
    return total(values) / len(values)
""",
    "spread": """def spread(values: list[float]) -> float:
    return max(values) - min(values)
""",
}


@dataclass(frozen=True)
class Expected:
    """What a submission should get: the exact score, whether it is graded, and what its row must say, all of it."""

    score: float
    report: tuple[str, ...]
    graded: bool = True


@dataclass(frozen=True)
class Attack:
    """One file of `notebooks/`: a header of `# key: value` lines, then cells in jupytext's py:percent."""

    name: str
    what: str
    blank: bool
    expected: Expected
    body: str


def read_attack(path: Path) -> Attack:
    """Read one attack; `what`, `base`, `score` and one or more `report` lines are required."""
    head, mark, body = path.read_text(encoding="utf-8").partition("# %%")
    said: dict[str, list[str]] = {}
    for line in head.splitlines():
        key, _, value = line.removeprefix("# ").partition(": ")
        if value:
            said.setdefault(key, []).append(value)
    unknown = set(said) - {"what", "base", "score", "report"}
    assert not unknown, f"{path}: unknown header lines {sorted(unknown)}"
    assert said["base"][0] in ("blank", "solution"), f"{path}: base is blank or solution"
    expected = Expected(float(said["score"][0]), tuple(said["report"]))
    return Attack(path.stem, said["what"][0], said["base"][0] == "blank", expected, mark + body)


def all_attacks() -> dict[str, Attack]:
    """Every attack by its name."""
    return {path.stem: read_attack(path) for path in sorted(FOLDER.glob("*.py"))}


def answered(release: NotebookNode) -> NotebookNode:
    """The release with both exercises answered rightly."""
    notebook = copy.deepcopy(release)
    for name, source in ANSWERS.items():
        cell_of(notebook, name).source = source
    return notebook


def submission_of(attack: Attack, release: NotebookNode, places: dict[str, str]) -> NotebookNode:
    """The hostile notebook: the blank or answered release, with the attack's cells put where they say.

    A cell says `replace`, `before` or `after` with a grade_id, or `start` or `end`; `@NAME@` becomes `places[NAME]`.
    """
    notebook = copy.deepcopy(release) if attack.blank else answered(release)
    text = attack.body
    for name, path in places.items():
        text = text.replace(f"@{name}@", path)
    for cell in jupytext.reads(text, "py:percent").cells:
        where, _, target = cell.metadata.pop("place").partition(" ")
        cell.metadata.pop("lines_to_next_cell", None)
        if where == "replace":
            cell_of(notebook, target).source = cell.source
        elif where == "start":
            notebook.cells.insert(0, cell)
        elif where == "end":
            notebook.cells.append(cell)
        else:
            at = notebook.cells.index(cell_of(notebook, target)) + {"before": 0, "after": 1}[where]
            notebook.cells.insert(at, cell)
    nbformat.validate(notebook)
    return notebook


def cell_of(notebook: NotebookNode, name: str) -> NotebookNode:
    """The cell with that grade_id."""
    return next(cell for cell in notebook.cells if grade_id(cell) == name)
