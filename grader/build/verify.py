"""The proof that checks check: the solution earns all, a blank nothing, and every named mistake is caught.

Twice: in this process, as stock nbgrader runs checks, and across processes in a sandboxed kernel, as `grader grade` does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import nbformat

from grader.build.across import verify_across
from grader.build.notebooks import checks_of, execute_code, graded_code, quiz_of, solution_namespace
from grader.build.verify_quiz import verify_quiz
from grader.checks.registry import Check, LabChecks, Wrong
from grader.checks.running import Outcome, run_check
from grader.checks.student import InProcess
from grader.paths import Course
from grader.threads import one_thread

SEEDS = 50
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Verification:
    """What `grader verify` found about one lab; it holds when `failures` is empty."""

    lab: str
    exercises: int
    checks: int
    points: float
    wrong: int
    caught: int
    runs: int
    runs_in_kernel: int
    failures: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)


def verify_lab(course: Course, lab: str, seeds: int = SEEDS, progress: Progress = lambda _: None) -> Verification:
    """Run every check of a lab against its solution, its blank release and its wrong answers.

    In this process, checks that draw from `rng` run under `seeds` seeds, the others once; in a kernel, all run once. The
    points are those of the exercises and of the lab's quiz.
    """
    checks = checks_of(course, lab)
    one_thread()  # small tensors: two threads on busy cores only wait for one another
    secrets = [f"verify-{i}".encode() for i in range(seeds)]
    failures: list[str] = []
    runs = 0

    def outcomes(check: Check, namespace: dict[str, Any]) -> list[Outcome]:
        nonlocal runs
        chosen = secrets if check.seeded else secrets[:1]
        runs += len(chosen)
        student = InProcess(namespace, checks.fixtures)
        return [run_check(check, lab, student, secret) for secret in chosen]

    namespace = solution_namespace(lab, course)
    blank = _blank_namespace(course, lab)
    for check in checks.checks:
        progress(check.name)
        for got in outcomes(check, namespace):
            if not got.passed:
                failures.append(f"{_where(check)}: the solution misses it: {got.fault or got.reason} {got.hint}")
                break
        if any(got.passed for got in outcomes(check, blank)):
            failures.append(f"{_where(check)}: the blank release passes it")
    caught = 0
    for answer in checks.wrong:
        progress(answer.name)
        failure = _not_caught(answer, checks, namespace, outcomes)
        caught += failure is None
        failures += [failure] if failure else []
    across = verify_across(course, lab, checks, secrets[0], progress)
    failures += across.failures
    proved = {answer.caught_by for answer in checks.wrong}
    failures += [f"{_where(c)}: no wrong answer proves that it catches any" for c in checks.checks if c.name not in proved]
    failures += [
        f"{lab}: {exercise} has {n} wrong answers, at least 3 are asked for"
        for exercise in checks.exercises()
        if (n := sum(answer.exercise == exercise for answer in checks.wrong)) < 3
    ]
    progress("quiz")
    failures += verify_quiz(course, lab)
    quiz = quiz_of(course, lab)
    return Verification(
        lab=lab,
        exercises=len(checks.exercises()),
        checks=len(checks.checks),
        points=sum(check.points for check in checks.checks) + (quiz.points if quiz else 0.0),
        wrong=len(checks.wrong),
        caught=caught,
        runs=runs,
        runs_in_kernel=across.runs,
        failures=failures,
    )


def _blank_namespace(course: Course, lab: str) -> dict[str, Any]:
    """What a student who wrote nothing has: the release, executed."""
    release = nbformat.read(course.labs / lab / f"{lab}.ipynb", as_version=4)
    return execute_code(graded_code(release))


def _not_caught(
    answer: Wrong,
    checks: LabChecks,
    namespace: dict[str, Any],
    outcomes: Callable[[Check, dict[str, Any]], list[Outcome]],
) -> str | None:
    """Why a wrong answer is not caught as it says; None when it is. The namespace is as before afterwards."""
    where = f"wrong.py:{answer.line} {answer.name}"
    right = namespace[answer.exercise]
    check = next(check for check in checks.checks if check.name == answer.caught_by)
    try:
        exec(compile(answer.source, f"<{answer.name}>", "exec", dont_inherit=True), namespace)
        for got in outcomes(check, namespace):
            if got.passed:
                return f"{where}: {check.name} passes it ({answer.mistake})"
            if answer.hint not in got.hint:
                return f"{where}: {check.name} caught it with another hint: {got.hint!r} lacks {answer.hint!r}"
            if got.fault:
                return f"{where}: {check.name} broke on it: {got.fault}"
    except NameError as unknown:  # a student would see it too: the notebook does not import that name
        return f"{where}: its definition raises {unknown!r} in the notebook"
    finally:
        namespace[answer.exercise] = right
    return None


def _where(check: Check) -> str:
    return f"checks.py:{check.line} {check.name}"
