"""The proof that checks check: the solution earns all, a blank nothing, and every named mistake is caught.

Twice: in this process, as stock nbgrader runs checks, and across processes in a sandboxed kernel, as `grader grade` does.
"""

from __future__ import annotations

from collections.abc import Callable
import warnings
from dataclasses import asdict, dataclass, field, replace
from types import ModuleType
from typing import Any

import nbformat

from grader.build.across import verify_across
from grader.build.notebooks import checks_of, execute_code, graded_code, quiz_of, solution_namespace
from grader.build.tables import tables_refused
from grader.build.verify_quiz import verify_quiz
from grader.build.visible import visible_refused
from grader.checks.answers import Right, Wrong
from grader.checks.registry import Check, LabChecks
from grader.checks.running import Outcome, run_check
from grader.checks.student import InProcess
from grader.course.paths import Course
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
    right: int
    cases: int
    runs: int
    runs_in_kernel: int
    failures: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)


def verify_lab(
    course: Course, lab: str, seeds: int = SEEDS, progress: Progress = lambda _: None, exercise: str | None = None
) -> Verification:
    """Run every check of a lab against its solution, its blank release, its right and its wrong answers.

    In this process, checks that draw from `rng` run under `seeds` seeds, the others once, and cases on their whole
    pool; in a kernel, all run once. The points are those of the exercises and of the lab's quiz. With `exercise`, only
    that one is looked at.

    Raises:
        LookupError: the lab has no such exercise.
    """
    checks = checks_of(course, lab)
    if exercise is not None:
        checks = only(checks, exercise)
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
        failures += _on_all(check, namespace, checks.fixtures, "the solution")
    caught = 0
    for answer in checks.wrong:
        progress(answer.name)
        failure = _not_caught(answer, checks, namespace, outcomes)
        caught += failure is None
        failures += [failure] if failure else []
    failures += [
        failure for answer in checks.right if (failure := _not_accepted(answer, checks, namespace, outcomes, progress))
    ]
    failures += visible_refused(course, lab, checks, namespace, progress)
    failures += tables_refused(checks)
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
    quiz = quiz_of(course, lab) if exercise is None else None
    failures += verify_quiz(course, lab) if exercise is None else []
    return Verification(
        lab=lab,
        exercises=len(checks.exercises()),
        checks=len(checks.checks),
        points=sum(check.points for check in checks.checks) + (quiz.points if quiz else 0.0),
        wrong=len(checks.wrong),
        caught=caught,
        right=len(checks.right),
        cases=sum(len(check.judge.pool) for check in checks.checks if check.judge),
        runs=runs,
        runs_in_kernel=across.runs,
        failures=failures,
    )


def only(checks: LabChecks, exercise: str) -> LabChecks:
    """What a lab says about one of its exercises.

    Raises:
        LookupError: it has no such exercise.
    """
    if exercise not in checks.exercises():
        raise LookupError(f"{checks.lab} has no exercise {exercise!r}; it has: {', '.join(checks.exercises())}.")
    return replace(
        checks,
        checks=checks.of(exercise),
        wrong=tuple(one for one in checks.wrong if one.exercise == exercise),
        right=tuple(one for one in checks.right if one.exercise == exercise),
    )


def _on_all(check: Check, namespace: dict[str, Any], fixtures: ModuleType | None, who: str) -> list[str]:
    """Which case of the whole pool an answer misses, if any."""
    if check.judge is None:
        return []
    judge, student = check.judge, InProcess(namespace, fixtures)
    cases = tuple(judge.pool.values())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        answers = student.call_many(check.exercise, [judge.asked(case) for case in cases])
    missed = [
        (case, found) for case, answer in zip(cases, answers, strict=True) if (found := judge.finding(case, answer))
    ]
    if not missed:
        return []
    (case, found), more = missed[0], f" (and {len(missed) - 1} more cases)" if len(missed) > 1 else ""
    return [f"{_where(check)}: {who} misses case {case.name!r}{more}: {found.kind}: {found.said}"]


def _not_accepted(
    answer: Right,
    checks: LabChecks,
    namespace: dict[str, Any],
    outcomes: Callable[[Check, dict[str, Any]], list[Outcome]],
    progress: Progress,
) -> str | None:
    """Why a right answer does not get all points of the hidden checks; None when it does."""
    where = f"right.py:{answer.line} {answer.name}"
    progress(answer.name)
    before = namespace[answer.exercise]
    try:
        exec(compile(answer.source, f"<{answer.name}>", "exec", dont_inherit=True), namespace)
        for check in checks.of(answer.exercise):
            for got in outcomes(check, namespace):
                if not got.passed:
                    return f"{where}: {check.name} refuses it: {got.fault or got.reason} {got.hint}"
            for said in _on_all(check, namespace, checks.fixtures, "it"):
                return f"{where}: {said}"
    except NameError as unknown:
        return f"{where}: its definition raises {unknown!r} in the notebook"
    finally:
        namespace[answer.exercise] = before
    return None


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
    return f"{check.file}:{check.line} {check.name}"
