"""nbgrader's own Execute in the sandbox: for kernels of other languages, and settings that only nbclient knows."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any

from nbformat import NotebookNode

from grader.cells import grade_id
from grader.grading import outputs
from grader.grading.assignment import Assignment, Master
from grader.kernels.launch import Started
from grader.kernels.provisioner import foreign_kernel

QUIET = logging.getLogger("grader.stock")
QUIET.setLevel(logging.CRITICAL)
OTHER_LANGUAGE = "its kernel {} is no plain Python"


def execute_in_stocks_way(
    assignment: Assignment,
    master: Master,
    notebook: NotebookNode,
    files: Mapping[str, bytes],
    started: Started,
    step: type[Any],
) -> tuple[Mapping[str, bytes], list[str]]:
    """Have `step` execute a notebook whose kernel is a program in the sandbox; outputs are cleaned as of any kernel.

    Returns what the notebook wrote, and in words that nbgrader's own way was taken and why.

    Raises:
        SandboxError: kernels cannot be sandboxed here.
        Exception: what nbclient raises, such as for a kernel that died: nbgrader fails such a submission too.
    """
    name = assignment.kernel(master)
    kernel = foreign_kernel(
        assignment.programs[name],
        started,
        assignment.limits,
        folder=plain_name(assignment.lab),
        lower=assignment.given.lower,
        files=files,
    )
    execute = step(config=assignment.steps.settings(), log=QUIET, kernel_manager_class=kernel.manager)
    execute.preprocess(notebook, {"metadata": {"name": master.name}})
    budget, scores = outputs.Budget(), master.max_scores()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            worth = scores.get(grade_id(cell) or "", 0.0)
            cell.outputs = outputs.clean(cell.outputs, budget, results=worth > 0)
    left = kernel.harvest()
    why = assignment.steps.stock_execute or OTHER_LANGUAGE.format(name)
    return left.files, [f"nbgrader's own Execute ran it, because {why}", *left.left_out, *budget.overdrawn()]


def plain_name(lab: str) -> str:
    """A name that a folder can have: the assignment's own, wherever it can."""
    return lab if re.fullmatch(r"[\w.+ -]{1,100}", lab) and lab.strip(".") else "work"
