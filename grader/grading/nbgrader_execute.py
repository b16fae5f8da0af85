"""nbgrader's Execute, made safe: what `nbgrader autograde` and formgrader's button run under `nbgrader_config.py`.

It stands in `c.Autograde.autograde_preprocessors` where nbgrader's own Execute stood, and executes and checks a
notebook exactly as `grader grade` does: the same sandbox, the same trusted checks, the same outputs, and the same limit
of a quiz's attempts over all submissions. Selection of submissions, what follows, and the gradebook are nbgrader's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from glob import escape
from pathlib import Path
from typing import Any

import nbformat
import nbgrader.preprocessors
from nbformat import NotebookNode
from traitlets import Enum

from grader.cells import QUIZ_CELL, grade_id
from grader.course.paths import Course, Layout, find_course
from grader.files import locked, write_whole
from grader.grading.assignment import Assignment, load_assignment
from grader.grading.attempts import Attempts
from grader.grading.folder import files_in, files_of
from grader.grading.marks import marks_of
from grader.grading.pipeline import Executed, execute_notebook
from grader.grading.result import Graded
from grader.grading.worker import loaded, new_kernel, own_zygote
from grader.kernels.client import Kernel


class Execute(nbgrader.preprocessors.Execute):  # type: ignore[misc]
    """Execute a sanitized notebook in a warm, sandboxed kernel, with trusted checks at the places of hidden cells."""

    sandbox = Enum(
        ["auto", "none"],
        default_value="auto",
        help="'auto' refuses to run where no sandbox is to be had; 'none' runs student code with this user's rights.",
    ).tag(config=True)

    def preprocess(
        self, nb: NotebookNode, resources: dict[str, Any], km: Any = None
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Fill in the outputs of `nb`; what went wrong goes to nbgrader's log.

        Raises:
            SandboxError: no sandbox is to be had here; nbgrader reports it and leaves the submission ungraded.
            OSError: what was handed in cannot be read; nbgrader leaves this submission ungraded and goes on.
        """
        names = resources["nbgrader"]
        lab, student, name = names["assignment"], names["student"], names["notebook"]
        course = course_of(self, names["db_url"])
        assignment, checks = loaded(self._assignment(course, lab, name))
        why = assignment.steps.stock_execute
        if why:
            self.log.warning("nbgrader's own Execute runs %s, because %s", name, why)
            return super().preprocess(nb, resources, km)  # type: ignore[no-any-return]

        def start(files: Mapping[str, bytes]) -> Kernel:
            imports = tuple(map(tuple, assignment.imports()))
            zygote = own_zygote(imports, assignment.settings, assignment.sandboxed)
            return new_kernel(assignment, zygote, files)

        folder = course.folder("autograded", student, lab)
        files = files_of(course, lab, student, self.log) if assignment.trusted else files_in(folder, assignment.given)
        done = execute_notebook(assignment, assignment.masters[0], checks, nb, files, start)
        copied = _hold(course, assignment, student, done, nb) if done.attempts else []
        for path, content in done.files.items():
            write_whole(folder / path, content)
        if not assignment.sandboxed:
            self.log.warning("%s was graded without a sandbox: its code could read and write this machine", student)
        for remark in (*done.events, *done.flags, *copied):
            self.log.warning("%s: %s", student, remark)
        return nb, resources

    def _assignment(self, course: Course, lab: str, notebook: str) -> bytes:
        """The assignment with this notebook alone, as bytes."""
        sandboxed = self.sandbox == "auto"
        return load_assignment(course, lab, sandboxed=sandboxed, only=escape(notebook), config=self.config).to_bytes()


def course_of(step: Any, db: str) -> Course:
    """The course that nbgrader's converter works on, whose exporter a step belongs to; else the one around us."""
    owner = step
    while owner is not None:
        if hasattr(owner, "coursedir"):
            return Course(Path(owner.coursedir.root), Layout.of(owner.config), db)
        owner = getattr(owner, "parent", None)
    return replace(find_course(), db=db)


def _hold(course: Course, assignment: Assignment, student: str, done: Executed, nb: NotebookNode) -> list[str]:
    """Hold a quiz to its limit of attempts, in the cell that SaveAutoGrades reads; one run at a time does it.

    Returns flags.
    """
    name, worth = assignment.masters[0].name, assignment.worth(QUIZ_CELL)
    marks = marks_of(nb)
    quiz = marks[QUIZ_CELL].points or 0.0
    graded = Graded(
        True,
        {QUIZ_CELL: quiz},
        notebooks={name: nbformat.writes(nb)},
        marks={name: marks},
        attempts=done.attempts,
    )
    with locked(course.cache / ".recording"):
        held, flags = Attempts(course.ledger(assignment.lab)).hold(student, graded, worth)
    cells = {grade_id(cell): cell for cell in nbformat.reads(held.notebooks[name], as_version=4).cells}
    for cell in nb.cells:
        if grade_id(cell) == QUIZ_CELL:
            cell.outputs = cells[QUIZ_CELL].outputs
    return [*flags, *held.events]
