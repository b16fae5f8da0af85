"""nbgrader's steps on one notebook, in a process that never opens the gradebook: an assignment answers in its place.

Steps are those that the configuration lists, in its order. The few that read or write the gradebook, or execute, have a
stand-in here; all others, also a course's own, run as they are.
"""

from __future__ import annotations

import inspect
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from types import SimpleNamespace
from typing import Any

import nbgrader.preprocessors as stock
from nbformat import NotebookNode
from nbgrader.api import MissingEntry
from traitlets.config import Config
from traitlets.utils.importstring import import_item

from grader.cells import grade_id
from grader.grading.assignment import Assignment, Master, MasterCell
from grader.grading.configured import executes
from grader.grading.marks import marks_of
from grader.grading.metadata import CheckMetadata
from grader.grading.result import Mark
from grader.hooks import RestoreCells, restore, tame

QUIET = logging.getLogger("grader.steps")
QUIET.setLevel(logging.CRITICAL)
CONTEXT = "grader"

Step = Callable[[NotebookNode, Any], tuple[NotebookNode, Any]]


@dataclass
class Context:
    """What stand-ins work with: the notebook's master, how its cells are executed; the marks, and what they noted."""

    assignment: Assignment
    master: Master
    execute: Callable[[NotebookNode, type[Any]], None]
    marks: Mapping[str, Mark] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


class GradebookOf:
    """The part of nbgrader's gradebook that OverwriteCells reads, answered from an assignment."""

    def __init__(self, master: Master) -> None:
        self._cells = {cell.name: _row(cell) for cell in master.cells}

    def find_source_cell(self, name: str, *_: str) -> Any:
        """See nbgrader.api.Gradebook."""
        if name not in self._cells:
            raise MissingEntry(name)
        return self._cells[name]

    find_graded_cell = find_source_cell

    def find_notebook(self, *_: str) -> Any:
        """See nbgrader.api.Gradebook."""
        cells = list(self._cells.values())
        return SimpleNamespace(
            source_cells=cells,
            grade_cells=[cell for cell in cells if cell.max_score is not None and not cell.task],
            solution_cells=[cell for cell in cells if cell.solution],
            task_cells=[cell for cell in cells if cell.task],
        )


def _row(cell: MasterCell) -> SimpleNamespace:
    return SimpleNamespace(**vars(cell))


class ForgetCopies(stock.DeduplicateIds):  # type: ignore[misc]
    """nbgrader's DeduplicateIds: of two cells the last counts. What it leaves of the other would stop others."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        """As nbgrader's; copies are cells that nbgrader does not know."""
        nb, resources = super().preprocess(nb, resources)
        _forget(nb, resources, "copied cells give no points: the last of each counts")
        return nb, resources


class OverwriteFromMaster(stock.OverwriteCells):  # type: ignore[misc]
    """nbgrader's OverwriteCells; no database is opened, and cells of no known name do not stop CheckCellMetadata."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        """As nbgrader's."""
        context: Context = resources[CONTEXT]
        self.notebook_id, self.assignment_id = context.master.name, context.assignment.lab
        self.gradebook = GradebookOf(context.master)
        nb, resources = stock.NbGraderPreprocessor.preprocess(self, nb, resources)
        _forget(nb, resources, "cells with names that the assignment does not have give no points")
        if self.add_missing_cells:
            nb, resources = self.add_missing_grade_cells(nb, resources)
            nb, resources = self.add_missing_task_cells(nb, resources)
        return nb, resources


def _forget(nb: NotebookNode, resources: dict[str, Any], why: str) -> None:
    """Take nbgrader's metadata from cells that lost their name, and note how many there were."""
    nameless = [cell for cell in nb.cells if "nbgrader" in cell.metadata and not grade_id(cell)]
    for cell in nameless:
        del cell.metadata["nbgrader"]
    if nameless:
        resources[CONTEXT].notes.append(f"{why} ({len(nameless)})")


class SetKernelspec(stock.OverwriteKernelspec):  # type: ignore[misc]
    """nbgrader's OverwriteKernelspec; no database is opened."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        """As nbgrader's."""
        known = resources[CONTEXT].master.kernelspec
        spec = json.loads(known) if known else None
        if spec:
            nb.metadata["kernelspec"] = spec
        return nb, resources


class RestoreFromRelease(stock.NbGraderPreprocessor):  # type: ignore[misc]
    """`grader.hooks.RestoreCells`; no file is read."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        """As it."""
        return restore(nb, resources[CONTEXT].master.released), resources


class RunCells(stock.NbGraderPreprocessor):  # type: ignore[misc]
    """In the place of Execute, whose settings were read when the assignment was; or of a course's own kind of it."""

    step: type[Any] = stock.Execute

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        """Fill in the outputs."""
        context: Context = resources[CONTEXT]
        if context.assignment.steps.enabled:
            context.execute(nb, self.step)
        return nb, resources


class TakeMarks(stock.SaveAutoGrades):  # type: ignore[misc]
    """In the place of SaveAutoGrades: the marks are taken here, by nbgrader's rules, and written by the recorder."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        """Note the marks of the notebook's cells."""
        resources[CONTEXT].marks = marks_of(nb)
        return nb, resources


@cache
def _stand_ins() -> Mapping[Any, Any]:
    """By the step that stands in a configuration, what runs here in its place; None where the recorder does it."""
    from grader.grading.folder import KeepInert
    from grader.grading.nbgrader_execute import Execute

    return {
        stock.DeduplicateIds: ForgetCopies,
        stock.OverwriteCells: OverwriteFromMaster,
        stock.OverwriteKernelspec: SetKernelspec,
        RestoreCells: RestoreFromRelease,
        stock.Execute: RunCells,
        Execute: RunCells,
        stock.SaveAutoGrades: TakeMarks,
        stock.CheckCellMetadata: CheckMetadata,
        stock.AssignLatePenalties: None,
        KeepInert: None,
    }


def autograde(context: Context, notebook: NotebookNode, told: Mapping[str, str]) -> NotebookNode:
    """All steps on one notebook; what the configuration lists may raise anything.

    Args:
        context: see `Context`; its `marks` are set.
        notebook: what was handed in.
        told: what steps find in `resources["nbgrader"]`.
    """
    steps = context.assignment.steps
    resources: dict[str, Any] = {"nbgrader": dict(told), "metadata": {"name": context.master.name}, CONTEXT: context}
    config = steps.settings()
    sanitizing = _built(steps.sanitize, config)
    notebook = _run(sanitizing, notebook, resources)
    if not any(isinstance(step, RestoreFromRelease) for step in sanitizing):
        notebook = tame(notebook, context.master.released)
    return _run(_built(steps.autograde, config), notebook, resources)


def _run(steps: Sequence[Step], notebook: NotebookNode, resources: dict[str, Any]) -> NotebookNode:
    for step in steps:
        notebook, resources = step(notebook, resources)
    return notebook


def _built(names: Sequence[str], config: Config) -> list[Step]:
    stand_ins = _stand_ins()
    kinds = (_in_place_of(kind, stand_ins) for kind in map(import_item, names))
    return [_made(kind, config) for kind in kinds if kind is not None]


def _in_place_of(kind: Any, stand_ins: Mapping[Any, Any]) -> Any:
    if kind not in stand_ins and executes(kind):
        return type(kind.__name__, (RunCells,), {"step": kind})
    return stand_ins.get(kind, kind)


def _made(kind: Any, config: Config) -> Step:
    """A step ready to be called: nbconvert takes classes and plain functions alike."""
    make: Callable[..., Step] = kind
    return make(config=config, log=QUIET) if inspect.isclass(kind) else kind
