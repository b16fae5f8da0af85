"""nbgrader's Execute, made safe: what `nbgrader autograde` and formgrader's button run under `nbgrader_config.py`.

It stands in `c.Autograde.autograde_preprocessors` where nbgrader's own Execute stood, and executes and checks a
notebook exactly as `grader grade` does: the same sandbox, the same trusted checks, the same outputs, and the same limit
of a quiz's attempts over all submissions. What follows it, and writes the gradebook, is nbgrader's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Enum

from grader.cells import QUIZ_CELL, grade_id
from grader.files import locked
from grader.grading.assignment import load_assignment
from grader.grading.attempts import Attempts
from grader.grading.folder import files_of
from grader.grading.pipeline import grade_notebook
from grader.grading.result import Graded
from grader.grading.worker import loaded, own_zygote
from grader.kernels.client import Kernel
from grader.paths import Course, find_course


class Execute(NbGraderPreprocessor):  # type: ignore[misc]
    """Execute a sanitized notebook in a warm, sandboxed kernel, with trusted checks at the places of hidden cells."""

    sandbox = Enum(
        ["auto", "none"],
        default_value="auto",
        help="'auto' refuses to run where no sandbox is to be had; 'none' runs student code with this user's rights.",
    ).tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        """Fill in the outputs of `nb`; what went wrong goes to nbgrader's log.

        Raises:
            SandboxError: no sandbox is to be had here; nbgrader reports it and leaves the submission ungraded.
            OSError: what was handed in cannot be read; nbgrader leaves this submission ungraded and goes on.
        """
        lab, student = resources["nbgrader"]["assignment"], resources["nbgrader"]["student"]
        course = find_course()
        data = load_assignment(course, lab, sandboxed=self.sandbox == "auto").to_bytes()
        assignment, checks = loaded(data)

        def start(files: Mapping[str, bytes]) -> Kernel:
            imports = tuple(map(tuple, assignment.imports()))
            zygote = own_zygote(imports, assignment.settings, assignment.sandboxed)
            return Kernel(zygote, assignment.limits, files)

        graded = grade_notebook(assignment, checks, nb, files_of(course, lab, student, self.log), start)
        graded, copied = _hold(course, lab, student, graded, assignment.max_scores().get(QUIZ_CELL, 0.0))
        _show_quiz(nb, graded)
        if not assignment.sandboxed:
            self.log.warning("%s was graded without a sandbox: its code could read and write this machine", student)
        for remark in (*graded.events, *graded.flags, *copied):
            self.log.warning("%s: %s", student, remark)
        return nb, resources


def _hold(course: Course, lab: str, student: str, graded: Graded, worth: float) -> tuple[Graded, list[str]]:
    """The result held to the limit of attempts, and flags; one run at a time reads what was seen and adds to it."""
    with locked(course.cache / ".recording"):
        return Attempts(course.ledger(lab)).hold(student, graded, worth)


def _show_quiz(nb: NotebookNode, graded: Graded) -> None:
    """Put the outputs of the result's quiz cell into `nb`, where SaveAutoGrades reads the points."""
    held = {grade_id(cell): cell for cell in nbformat.reads(graded.notebook, as_version=4).cells}
    for cell in nb.cells:
        if grade_id(cell) == QUIZ_CELL:
            cell.outputs = held[QUIZ_CELL].outputs
