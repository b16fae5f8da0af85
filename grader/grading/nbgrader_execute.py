"""nbgrader's Execute, made safe: what `nbgrader autograde` and formgrader's button run under `nbgrader_config.py`.

It stands in `c.Autograde.autograde_preprocessors` where nbgrader's own Execute stood, and executes and checks a
notebook exactly as `grader grade` does: the same sandbox, the same trusted checks, the same outputs. What follows it,
and writes the gradebook, is nbgrader's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nbformat import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Enum

from grader.grading.assignment import load_assignment
from grader.grading.intake import read_files
from grader.grading.pipeline import grade_notebook
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
        """
        lab, student = resources["nbgrader"]["assignment"], resources["nbgrader"]["student"]
        course = find_course()
        data = load_assignment(course, lab, sandboxed=self.sandbox == "auto").to_bytes()
        assignment, checks = loaded(data)

        def start(files: Mapping[str, bytes]) -> Kernel:
            zygote = own_zygote(tuple(map(tuple, assignment.imports())), assignment.sandboxed)
            return Kernel(zygote, assignment.limits, files)

        graded = grade_notebook(assignment, checks, nb, _files(course, lab, student), start)
        if not assignment.sandboxed:
            self.log.warning("%s was graded without a sandbox: its code could read and write this machine", student)
        for remark in (*graded.events, *graded.flags):
            self.log.warning("%s: %s", student, remark)
        return nb, resources


def _files(course: Course, lab: str, student: str) -> Mapping[str, bytes]:
    """What was handed in beside the notebook: from `submitted`, where no student code has been."""
    return read_files(course, lab, student)
