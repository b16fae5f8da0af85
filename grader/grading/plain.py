"""nbgrader's own Autograde on one submission: as configured, or with its own Execute, for comparison.

`grader verify`'s parity tests and `make bench` compare with stock nbgrader, which runs hidden checks in the student's
kernel: nobody's class is graded that way.
"""

from __future__ import annotations

from nbgrader.converters import Autograde

from grader.course.coursedir import convert
from grader.course.paths import Course

STEP = "nbgrader.preprocessors."
STOCK_STEPS = [STEP + "Execute", STEP + "IgnorePattern", STEP + "LimitOutput", STEP + "SaveAutoGrades"]
STOCK_STEPS += [STEP + "AssignLatePenalties", STEP + "CheckCellMetadata"]


def autograde_plainly(course: Course, lab: str, student: str) -> str:
    """Run nbgrader's Autograde with its own steps. Returns what went wrong in one line, or nothing."""
    return autograde(course, lab, student, STOCK_STEPS)


def autograde(course: Course, lab: str, student: str, steps: list[str] | None = None) -> str:
    """Run nbgrader's Autograde as configured, or with other `steps`. Returns what went wrong, or nothing."""
    said = {} if steps is None else {"Autograde": {"autograde_preprocessors": steps}}
    return convert(Autograde, course, lab, student, said)
