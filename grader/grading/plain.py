"""Stock nbgrader on one submission: its own Execute, hidden checks in the student's kernel. For honest work only.

`grader verify`'s parity tests and `make bench` compare with it; nobody's class is graded this way.
"""

from __future__ import annotations

import logging

from nbgrader.converters import Autograde
from nbgrader.converters.base import NbGraderException

from grader.course.coursedir import converter, load_config
from grader.course.paths import Course

STEP = "nbgrader.preprocessors."
STOCK_STEPS = [STEP + "Execute", STEP + "IgnorePattern", STEP + "LimitOutput", STEP + "SaveAutoGrades"]
STOCK_STEPS += [STEP + "AssignLatePenalties", STEP + "CheckCellMetadata"]


def autograde_plainly(course: Course, lab: str, student: str) -> str:
    """Run nbgrader's Autograde with its own steps. Returns what went wrong in one line, or nothing."""
    return autograde(course, lab, student, STOCK_STEPS)


def autograde(course: Course, lab: str, student: str, steps: list[str] | None = None) -> str:
    """Run nbgrader's Autograde as configured, or with other `steps`. Returns what went wrong, or nothing."""
    config = load_config(course, assignment_id=lab, student_id=student)
    if steps is not None:
        config.Autograde.autograde_preprocessors = steps
    log = logging.getLogger(f"grader.autograde.{student}")
    log.setLevel(logging.WARNING)
    log.propagate = False
    heard = _Heard()
    log.addHandler(heard)
    try:
        converter(Autograde, config, log=log, force=True).start()
    except NbGraderException:
        return heard.cause() or "nbgrader could not grade it"
    finally:
        log.removeHandler(heard)
    return ""


class _Heard(logging.Handler):
    """Keeps the errors that nbgrader logs, to say in one line what happened."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines += record.getMessage().strip().splitlines()

    def cause(self) -> str:
        """The exception at the end of a traceback if one was logged, else the first error."""
        ends = [line for line in self.lines if line and not line[0].isspace() and "Error" in line.split(":")[0]]
        return "".join(ends[-1:] or self.lines[:1])[:200]
