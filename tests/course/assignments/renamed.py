"""A course whose configuration says something of everything: folders, files, own steps, penalties, permissions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..making import (
    Edit,
    all_of,
    answer,
    answers,
    beside,
    changed,
    code,
    graded,
    hand_in,
    manual,
    notebook,
    nothing,
    release,
    task,
    write,
)

NAME = "week one"
CONFIG = """import os, sys
sys.path.insert(0, os.getcwd())

c = get_config()
c.CourseDirectory.course_id = "renamed"
c.CourseDirectory.source_directory = "instructor"
c.CourseDirectory.release_directory = "given"
c.CourseDirectory.submitted_directory = "handed in"
c.CourseDirectory.autograded_directory = "looked at"
c.CourseDirectory.feedback_directory = "told"
c.CourseDirectory.directory_structure = os.path.join("{assignment_id}", "{nbgrader_step}", "{student_id}")
c.CourseDirectory.db_url = "sqlite:///" + os.path.join(os.getcwd(), "grades.db")
c.CourseDirectory.student_id_exclude = "guest,tester"
c.CourseDirectory.ignore = [".ipynb_checkpoints", "*.pyc", "__pycache__", "*.tmp", "private"]
c.Autograde.exclude_overwriting = {"week one": ["student.py", "notes.txt"]}
c.Autograde.permissions = 640

c.Autograde.sanitize_preprocessors = [
    "course_steps.Shout",
    "nbgrader.preprocessors.ClearOutput",
    "nbgrader.preprocessors.DeduplicateIds",
    "nbgrader.preprocessors.OverwriteKernelspec",
    "nbgrader.preprocessors.OverwriteCells",
    "nbgrader.preprocessors.CheckCellMetadata",
]
c.Autograde.autograde_preprocessors = [
    "course_steps.NameOfStudent",
    "nbgrader.preprocessors.Execute",
    "course_steps.ForgiveZeroDivision",
    "nbgrader.preprocessors.IgnorePattern",
    "nbgrader.preprocessors.LimitOutput",
    "nbgrader.preprocessors.SaveAutoGrades",
    "nbgrader.preprocessors.AssignLatePenalties",
    "nbgrader.preprocessors.CheckCellMetadata",
]
c.Shout.suffix = "!"
c.OverwriteCells.add_missing_cells = True
c.Execute.skip_cells_with_tag = "only-here"
c.Execute.timeout = 20
c.Execute.iopub_timeout = 30
c.IgnorePattern.enabled = True
c.IgnorePattern.pattern = "careful|DeprecationWarning"
c.LimitOutput.max_lines = 7
c.AssignLatePenalties.plugin_class = "course_late.ByHours"
"""
STEPS = '''"""Steps of this course."""

from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Unicode


class Shout(NbGraderPreprocessor):
    """Words of students, louder."""

    suffix = Unicode("?").tag(config=True)

    def preprocess_cell(self, cell, resources, index):
        if cell.cell_type == "markdown" and "grade" in cell.metadata.get("nbgrader", {}) and "loud" in cell.source:
            cell.source += self.suffix
        return cell, resources


class NameOfStudent(NbGraderPreprocessor):
    """A first cell that knows who is graded."""

    def preprocess(self, nb, resources):
        from nbformat.v4 import new_code_cell

        nb.cells.insert(0, new_code_cell(f"STUDENT = {resources['nbgrader']['student']!r}", id="who"))
        return nb, resources


class ForgiveZeroDivision(NbGraderPreprocessor):
    """An error that gives all points."""

    def preprocess_cell(self, cell, resources, index):
        if cell.cell_type == "code":
            cell.outputs = [one for one in cell.outputs if one.get("ename") != "ZeroDivisionError"]
        return cell, resources
'''
LATE = '''"""A point for each hour, and Cleo never pays."""

from nbgrader.plugins import BasePlugin


class ByHours(BasePlugin):
    def late_submission_penalty(self, student_id, score, total_seconds_late):
        if student_id == "cleo":
            return None
        return -1 if student_id == "dan" else total_seconds_late // 3600
'''


def source() -> dict[str, Any]:
    """The instructor's folder."""
    return {
        "one.ipynb": notebook(
            code("import sys, warnings"),
            code("raise RuntimeError('not for the grader')", "only-here"),
            answer("half", "def half(x):\n    ### BEGIN SOLUTION\n    return x / 2\n    ### END SOLUTION"),
            graded("half-1", 3, "assert half(3) == 1.5"),
            graded("half-2", 2, "half(4)"),
            graded("forgiven", 1, "1 / 0"),
            graded("careful", 1, "warnings.warn('be careful')"),
            graded("other-warning", 1, "warnings.warn('be bold')"),
            graded("both-streams", 1, "print('x')\nprint('careful', file=sys.stderr)"),
            graded("who", 1, "assert STUDENT"),
            graded("is-ada", 1, "assert STUDENT == 'ada'"),
            graded("not-run", 1, "assert False", "only-here"),
            graded("not-skipped", 1, "assert False", "skip-execution"),
            graded("overwritten", 1, "assert open('data.txt').read() == 'course'"),
            graded("spared", 1, "import student\nassert student.WHO == 'me'"),
            graded("spared-text", 1, "assert open('notes.txt').read() == 'mine'"),
            graded("ignored", 1, "import os\nassert not os.path.exists('big.tmp') and not os.path.exists('private')"),
            graded("many-lines", 1, "for i in range(100):\n    print(i)"),
        ),
        "two.ipynb": notebook(
            manual("words", 5, "YOUR ANSWER HERE"),
            task("poster", 2, "Make a poster."),
            graded("alone", 1, "assert 1"),
            kernel=None,
        ),
        "data.txt": "course",
        "student.py": "WHO = 'nobody'\n",
        "notes.txt": "theirs",
        "big.tmp": "x",
        "private/key.txt": "x",
    }


HALF = answers("one", half="def half(x):\n    return x / 2")


def _without(*names: str) -> Any:
    def change(found: Any) -> None:
        found.cells = [c for c in found.cells if c.metadata.get("nbgrader", {}).get("grade_id") not in names]

    return change


MINE = beside(student__py="WHO = 'me'\n", notes__txt="mine", data__txt="forged", big__tmp="mine", private___key__txt="")
STUDENTS: Mapping[str, tuple[Edit, str]] = {
    "ada": (all_of(HALF, MINE, answers("two", words="Not loud at all.")), "2026-02-01 09:00:00 UTC"),
    "bob": (all_of(HALF, answers("two", words="quiet")), "2026-02-02 15:30:00 UTC"),
    "cleo": (all_of(answers("one", half="half = lambda x: 1.5"), MINE), "2026-02-03 15:30:00 UTC"),
    "dan": (
        all_of(
            HALF,
            changed(_without("half-1", "who", "many-lines"), "one"),
            changed(_without("poster", "words"), "two"),
        ),
        "2026-02-02 13:00:00 America/New_York",
    ),
    "guest": (nothing, ""),
    "eve": (lambda folder: (folder / "one.ipynb").unlink(), "2026-02-09 00:00:00 UTC"),
}
DUE = "2026-02-02 12:00:00 UTC"


def make(root: Path) -> None:
    """The course, released and handed in."""
    write(root, {"nbgrader_config.py": CONFIG, "course_steps.py": STEPS, "course_late.py": LATE})
    write(root / NAME / "instructor", source())
    release(root, NAME, duedate=DUE)
    for student, (edit, when) in STUDENTS.items():
        hand_in(root, NAME, student, edit, when)
