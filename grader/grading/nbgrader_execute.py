"""nbgrader's Execute, made safe: what `nbgrader autograde` and formgrader's button run under `nbgrader_config.py`.

It stands in `c.Autograde.autograde_preprocessors` where nbgrader's own Execute stood, and executes and checks a
notebook exactly as `grader grade` does: the same sandbox, the same trusted checks, the same outputs, and the same limit
of a quiz's attempts over all submissions. Selection of submissions, what follows, and the gradebook are nbgrader's.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from glob import escape
from typing import Any

import nbformat
import nbgrader.preprocessors
from nbformat import NotebookNode
from traitlets import Enum

from grader.cells import QUIZ_CELL, grade_id
from grader.course.coursedir import course_of
from grader.course.paths import Course
from grader.files import locked, write_whole
from grader.grading.assignment import Assignment, in_order
from grader.grading.attempts import Attempts
from grader.grading.folder import files_in, files_of, lay_out
from grader.grading.given import under
from grader.grading.load import load_assignment
from grader.grading.marks import marks_of
from grader.grading.pipeline import Executed, Files, execute_notebook, itself
from grader.grading.result import Graded
from grader.grading.worker import loaded, own_zygotes
from grader.kernels.environments import kernel_of


class Execute(nbgrader.preprocessors.Execute):  # type: ignore[misc]
    """Execute a sanitized notebook in a warm, sandboxed kernel, with trusted checks at the places of hidden cells.

    `step` executes where the engine does not: nbgrader's own, or what a course has in its place.
    """

    step: type[Any] = nbgrader.preprocessors.Execute
    sandbox = Enum(
        ["auto", "none"],
        default_value="auto",
        help="'auto' refuses to run where no sandbox is to be had; 'none' runs student code with this user's rights.",
    ).tag(config=True)

    def preprocess(
        self,
        nb: NotebookNode,
        resources: dict[str, Any],
        km: Any = None,  # noqa: ARG002 - nbconvert's signature
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Fill in the outputs of `nb`; what went wrong goes to nbgrader's log.

        Raises:
            SandboxError: no sandbox is to be had here; nbgrader reports it and leaves the submission ungraded.
            NoKernelError: neither the course nor the configuration names a kernel, and the one of the notebook is none.
            OSError: what was handed in cannot be read; nbgrader leaves this submission ungraded and goes on.
        """
        names = resources["nbgrader"]
        lab, student, name = names["assignment"], names["student"], names["notebook"]
        course = course_of(self, names["db_url"])
        data = self._assignment(course, lab, name)
        assignment, checks = loaded(data)
        if not json.loads(assignment.masters[0].kernelspec or "{}") and not assignment.steps.kernel_name:
            kernel_of(str(nb.metadata.get("kernelspec", {}).get("name", "")))  # as stock, which would start that one
        ignore = () if assignment.trusted else assignment.steps.ignore
        files = files_of(course, lab, student, self.log, ignore)
        if not assignment.trusted:
            files = self._beside(course, assignment, student, files) | itself(name, nb)
        done = execute_notebook(assignment, assignment.masters[0], checks, nb, files, own_zygotes(data), self.step)
        copied = _hold(course, assignment, student, done, nb) if assignment.worth(QUIZ_CELL) else []
        if not assignment.trusted:
            WROTE.files[name] = done.files
            self._write(course, assignment, student, done.files)
        if not assignment.sandboxed:
            self.log.warning("%s was graded without a sandbox: its code could read and write this machine", student)
        for remark in (*done.events, *done.flags, *copied):
            self.log.warning("%s: %s", student, remark)
        return nb, resources

    def _beside(self, course: Course, assignment: Assignment, student: str, handed_in: Files) -> dict[str, bytes]:
        """What a notebook with ordinary tests finds beside it: what nbgrader put there, and what it may not show."""
        lab, given = assignment.lab, assignment.given
        before = WROTE.before((str(course.root), lab, student), assignment.masters[0].name)
        there = files_in(course.folder("autograded", student, lab), without=given.large.keys())
        files = under({**there, **handed_in}, given.names) | dict(given.small)
        return under(files, before) | dict(before)

    def _write(self, course: Course, assignment: Assignment, student: str, files: Files) -> None:
        """What the notebook wrote goes into the graded folder, of whose kinds a course may keep some out."""
        if any(step.endswith(".KeepInert") for step in assignment.steps.sanitize):
            lay_out(course, assignment.lab, student, files, assignment.given)
            return
        folder = course.folder("autograded", student, assignment.lab)
        for path, content in files.items():
            write_whole(folder / path, content)

    def _assignment(self, course: Course, lab: str, notebook: str) -> bytes:
        """The assignment with this notebook alone, as bytes."""
        sandboxed = self.sandbox == "auto"
        return load_assignment(course, lab, sandboxed=sandboxed, only=escape(notebook), config=self.config).to_bytes()


@dataclass
class _Wrote:
    """What notebooks of one submission wrote, by notebook: of the submission that this process executed last."""

    submission: tuple[str, ...] = ()
    files: dict[str, Files] = field(default_factory=dict)

    def before(self, submission: tuple[str, ...], notebook: str) -> Files:
        """What those wrote that nbgrader executes before `notebook`."""
        if submission != self.submission:
            self.submission, self.files = submission, {}
        names = sorted((name for name in self.files if in_order(name) < in_order(notebook)), key=in_order)
        return {path: content for name in names for path, content in self.files[name].items()}


WROTE = _Wrote()


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
        held, flags = Attempts(course, assignment.lab).hold(student, graded, worth)
    cells = {grade_id(cell): cell for cell in nbformat.reads(held.notebooks[name], as_version=4).cells}
    for cell in nb.cells:
        if grade_id(cell) == QUIZ_CELL:
            cell.outputs = cells[QUIZ_CELL].outputs
    return [*flags, *held.events]
