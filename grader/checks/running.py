"""Running checks: outcomes, the score they give, and the one line that a notebook's hidden cell runs."""

from __future__ import annotations

import hashlib
import hmac
import html
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from grader.checks.expectations import Missed
from grader.checks.registry import Check, LabChecks, load_lab
from grader.checks.student import InProcess, Student
from grader.course.paths import Course, find_course

CHECKS_MIME = "application/vnd.grader.checks+json"
CHECKS_MIMES = (CHECKS_MIME, "application/vnd.rlhf.checks+json")  # the second stands in what was graded before 0.5


@dataclass(frozen=True)
class Outcome:
    """How one check ended. `fault` tells an instructor that the check itself broke; students do not see it."""

    check: str
    promise: str
    passed: bool
    points: float
    reason: str = ""
    hint: str = ""
    fault: str = ""


def seeded_rng(secret: bytes, check_id: str) -> np.random.Generator:
    """The generator of a check: HMAC-SHA256 of the course secret and the check's id, the same on every road."""
    digest = hmac.new(secret, check_id.encode(), hashlib.sha256).digest()
    return np.random.default_rng(int.from_bytes(digest, "big"))


def run_check(check: Check, lab: str, student: Student, secret: bytes) -> Outcome:
    """Run one check. A check that breaks by itself is not passed, and its fault is kept for the instructor."""
    args = (seeded_rng(secret, f"{lab}/{check.exercise}/{check.name}"),) if check.seeded else ()
    try:
        check.body(student, *args)
    except Missed as missed:
        return Outcome(check.name, check.promise, False, check.points, missed.reason, missed.hint)
    except Exception as broken:  # noqa: BLE001 - a broken check must not stop a class
        fault = f"{type(broken).__name__}: {broken}"
        return Outcome(check.name, check.promise, False, check.points, "This check could not run.", "", fault)
    return Outcome(check.name, check.promise, True, check.points)


def run_exercise(lab: LabChecks, exercise: str, student: Student, secret: bytes) -> tuple[Outcome, ...]:
    """Run all checks of one exercise.

    Raises:
        LookupError: the lab has no check of that exercise.
    """
    checks = lab.of(exercise)
    if not checks:
        raise LookupError(f"{lab.lab} has no checks of {exercise!r}. Exercises: {', '.join(lab.exercises())}.")
    return tuple(run_check(check, lab.lab, student, secret) for check in checks)


def score(outcomes: tuple[Outcome, ...]) -> float:
    """The points of the checks passed: a built-in float, never less than 0 or more than all of them."""
    total = sum(outcome.points for outcome in outcomes)
    earned = sum(outcome.points for outcome in outcomes if outcome.passed)
    return float(round(min(max(earned, 0.0), total), 2))


def run(lab: str, exercise: str, namespace: dict[str, Any]) -> float:
    """The line of a hidden cell: run an exercise's checks on the notebook's `namespace` and return the points.

    It never raises and lets no student output through, because nbgrader gives full marks for odd results and none for
    any output on stderr. In a notebook it also shows which promises were kept, with hints for the others.
    """
    from IPython.utils.capture import capture_output

    try:
        with capture_output():
            course = find_course()
            checks = _lab(course, lab)
            outcomes = run_exercise(checks, exercise, InProcess(namespace, checks.fixtures), course.secret())
    except BaseException as broken:  # noqa: BLE001 - the cell must end in a number whatever happens
        outcomes = (Outcome(exercise, "", False, 0.0, "The checks could not run.", "", repr(broken)),)
    _show(exercise, outcomes)
    return score(outcomes)


@lru_cache(maxsize=8)
def _lab(course: Course, lab: str) -> LabChecks:
    return load_lab(course.solutions / lab)


def _show(exercise: str, outcomes: tuple[Outcome, ...]) -> None:
    from IPython.core.getipython import get_ipython
    from IPython.display import display

    if get_ipython() is not None:
        display(as_mime(exercise, outcomes), raw=True)


def as_mime(exercise: str, outcomes: tuple[Outcome, ...]) -> dict[str, Any]:
    """Outcomes as a notebook's output: for readers as text and as HTML, for reports as data without faults."""
    checks = [{name: value for name, value in asdict(o).items() if name != "fault"} for o in outcomes]
    data = {"exercise": exercise, "checks": checks}
    return {"text/plain": as_text(exercise, outcomes), "text/html": as_html(exercise, outcomes), CHECKS_MIME: data}


def as_text(exercise: str, outcomes: tuple[Outcome, ...]) -> str:
    """Outcomes as lines of text for a student: promises, and hints for those not kept."""
    lines = [exercise]
    for o in outcomes:
        lines.append(f"  {'✓' if o.passed else '✗'} {o.promise}")
        if not o.passed:
            lines += [f"      {part}" for part in (o.reason, o.hint) if part]
    return "\n".join(lines)


def as_html(exercise: str, outcomes: tuple[Outcome, ...]) -> str:
    """Outcomes as an HTML list for a student; everything escaped."""
    items = []
    for o in outcomes:
        mark, word = ("✓", "passed") if o.passed else ("✗", "missed")
        more = "" if o.passed else "".join(f"<br>{html.escape(part)}" for part in (o.reason, o.hint) if part)
        items.append(f'<li><span aria-label="{word}">{mark}</span> {html.escape(o.promise)}{more}</li>')
    return f"<p><code>{html.escape(exercise)}</code></p><ul>{''.join(items)}</ul>"
