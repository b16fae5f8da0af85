"""The checking language: checks call a student's functions, lay answers beside right ones, and name the mistake."""

from grader.checks.answers import patched, right, wrong
from grader.checks.cases import Built, Case, Cases, Mistake
from grader.checks.expectations import Missed, expect
from grader.checks.registry import check
from grader.checks.running import Outcome, run
from grader.checks.student import Ref, Result, Student
from grader.checks.values import same
from grader.checks.visible import visible

__all__ = [
    "Built",
    "Case",
    "Cases",
    "Missed",
    "Mistake",
    "Outcome",
    "Ref",
    "Result",
    "Student",
    "check",
    "expect",
    "patched",
    "right",
    "run",
    "same",
    "visible",
    "wrong",
]
