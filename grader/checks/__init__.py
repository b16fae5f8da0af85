"""The checking language: `@check` functions that call a `Student`, `expect` answers, and name the mistake."""

from grader.checks.expectations import Missed, expect
from grader.checks.registry import check, wrong
from grader.checks.running import Outcome, run
from grader.checks.student import Ref, Result, Student
from grader.checks.values import same

__all__ = ["Missed", "Outcome", "Ref", "Result", "Student", "check", "expect", "run", "same", "wrong"]
