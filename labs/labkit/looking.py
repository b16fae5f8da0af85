"""Looking at an answer with an exercise's visible checks: each call by itself, and the hint that fits what is found."""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from labkit.compare import describe, difference
from labkit.findings import KINDS, Finding, Near, alike, compared
from labkit.help_sheet import ExerciseChecks, Probe, Trap, Visible, Wanted
from labkit.outcome import Outcome
from labkit.telling import OURS, STUB_HINT, is_kind, is_stub, student_frames, told

FLOATS = 2e-6
"""How far apart two floats of Python may be, as a part of their size: they come out of float32 mostly."""
SHOWN_APART = 1e-6
"""So far apart, absolutely, numbers may be in any case; the first difference that is shown is a larger one."""
TELLING = 2
"""On how many calls a trap must agree with an answer before it speaks."""
MOST = 0.75
OF_VALUES = ("value", "nan", "shape")
STUB, UNKNOWN = "stub", "not defined"


@dataclass(frozen=True)
class Seen:
    """What one call gave: a value or an exception, and what is wrong with it; `finding` is None where nothing is."""

    value: Any
    error: BaseException | None
    finding: Finding | None


@dataclass(frozen=True)
class Looked:
    """An answer, looked at. `missing` says why nothing could be: its stub is as it was, or its name is not there."""

    outcomes: tuple[Outcome, ...]
    missing: str = ""
    who: str = ""
    """The function that is missing: that of the exercise, or one that it calls."""
    trap: int | None = None
    """The number of the trap that spoke."""

    @property
    def passed(self) -> int:
        """How many checks hold."""
        return sum(outcome.passed for outcome in self.outcomes)


def look(checks: ExerciseChecks, namespace: Mapping[str, Any]) -> Looked:
    """Look at the answer that stands in a notebook's namespace, which stays as it is; every call is made.

    Exceptions of the answer are findings. An interrupt is none, and goes through.
    """
    seen = [[see(checks, check, probe, namespace) for probe in check.probes] for check in checks.checks]
    missing = _missing(checks.exercise, seen)
    if missing:
        outcomes = tuple(Outcome(check.promise, False, open=True) for check in checks.checks)
        return Looked(outcomes, missing, _who(checks.exercise, seen[0][0].error))
    trap = speaking(checks, seen)
    said: set[str] = set()
    found = []
    for number, check in enumerate(checks.checks):
        at = next((place for place, one in enumerate(seen[number]) if one.finding), None)
        if at is None:
            found.append(Outcome(check.promise, True))
            continue
        lines, hint = _lines(checks.exercise, check, check.probes[at], seen[number][at])
        if trap is not None and _explains(checks.traps[trap], number, seen[number]):
            hint = checks.traps[trap].hint
        found.append(Outcome(check.promise, False, tuple(lines), "" if hint in said else hint))
        said.add(hint)
    return Looked(tuple(found), trap=trap)


def see(checks: ExerciseChecks, check: Visible, probe: Probe, namespace: Mapping[str, Any]) -> Seen:
    """Make one call, in a namespace of its own."""
    value, error = called(checks.common, probe.setup, probe.call, namespace)
    if error is not None:
        return Seen(None, error, _of_error(error, probe.wanted))
    if probe.wanted.error:
        return Seen(value, None, Finding("no error"))
    near = Near(check.tolerance, FLOATS)
    try:
        finding = compared(value, probe.wanted.value, near)
        if finding is not None and check.tolerance is None:  # next to 0, rounding is larger than any part of it
            finding = compared(value, probe.wanted.value, Near(SHOWN_APART))
    except (Exception, SystemExit) as odd:  # noqa: BLE001 - a student's own class may raise when it is compared
        return Seen(value, odd, Finding("type"))
    if finding is not None and check.about != "value" and finding.kind in ("value", "nan"):
        nan = finding.kind == "nan" and check.about == "gradient"
        finding = Finding("nan gradient" if nan else check.about)
    return Seen(value, None, finding)


def called(common: str, setup: str, call: str, namespace: Mapping[str, Any]) -> tuple[Any, BaseException | None]:
    """What an expression gives after its statements, in a copy of a namespace: a value, or what was raised."""
    tried = dict(namespace)
    try:
        for part in (common, setup):
            exec(compile(part, OURS, "exec", dont_inherit=True), tried)
        return eval(compile(call, OURS, "eval", dont_inherit=True), tried), None
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever student code raises
        return None, error


def _of_error(error: BaseException, wanted: Wanted) -> Finding | None:
    if wanted.error:
        return None if is_kind(error, getattr(builtins, wanted.error)) else Finding("other error")
    if student_frames(error) or is_stub(error) or isinstance(error, NameError):
        return Finding("error")
    return Finding("type" if _is_ours(error) else "error")


def _is_ours(error: BaseException) -> bool:
    """Whether it came up in the code of a check, which could not go on with what the answer gave."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and trace.tb_frame.f_code.co_filename == OURS


def _missing(exercise: str, seen: Sequence[Sequence[Seen]]) -> str:
    errors = [one.error for calls in seen for one in calls]
    if all(isinstance(error, NameError) and error.name == exercise for error in errors):
        return UNKNOWN
    return STUB if all(error is not None and is_stub(error) for error in errors) else ""


def _who(exercise: str, error: BaseException | None) -> str:
    """The function whose stub was met."""
    frames = student_frames(error) if error is not None else []
    return frames[-1][0].f_code.co_name if frames else exercise


def speaking(checks: ExerciseChecks, seen: Sequence[Sequence[Seen]]) -> int | None:
    """The number of the trap that an answer fell into; None where that is not certain.

    All that the trap changes must come out as the trap has it, and that must be most of what is wrong. Of several such
    traps the one that explains the most speaks; where two explain as much, none does.
    """
    flat = {(i, j): one for i, calls in enumerate(seen) for j, one in enumerate(calls)}
    wrong = {place for place, one in flat.items() if one.finding and one.finding.kind in OF_VALUES}
    explained = {
        number: len(trap.outcomes.keys() & wrong)
        for number, trap in enumerate(checks.traps)
        if len(trap.outcomes) >= TELLING and all(_agrees(flat[place], value) for place, value in trap.outcomes.items())
    }
    most = max(explained.values(), default=0)
    best = [number for number, count in explained.items() if count == most]
    return best[0] if len(best) == 1 and most >= MOST * len(wrong) and most > 0 else None


def _agrees(seen: Seen, outcome: Any) -> bool:
    if seen.error is not None or seen.finding is None:
        return False
    try:
        return alike(seen.value, outcome, Near(None, FLOATS))
    except (Exception, SystemExit):  # noqa: BLE001 - as above
        return False


def _explains(trap: Trap, check: int, seen: Sequence[Seen]) -> bool:
    return any((check, place) in trap.outcomes and one.finding for place, one in enumerate(seen))


def _lines(exercise: str, check: Visible, probe: Probe, seen: Seen) -> tuple[list[str], str]:
    """What was called and found, and the hint by the kind of the finding."""
    assert seen.finding is not None
    kind, wanted = seen.finding.kind, probe.wanted
    hint = check.hints.get(kind, KINDS[kind])
    if seen.error is not None:
        lines, hint = told(seen.error, hint, exercise)
        if is_stub(seen.error):
            hint = STUB_HINT
        if wanted.error:
            lines = [f"expected  {wanted.error}", f"found     {lines[0]}", *lines[1:]]
        elif kind == "type":
            lines = ["what it returned cannot be used as its docstring says:", *lines]
    elif wanted.error:
        lines = [f"expected  {wanted.error}", f"found     no error; it returned {describe(seen.value)}"]
    else:
        near = check.tolerance or SHOWN_APART
        lines = difference(seen.value, wanted.value, near) or difference(seen.value, wanted.value)
        if kind == "changed":
            lines = [line.replace("expected  ", "before    ").replace("found     ", "after     ") for line in lines]
    shown = ["what was run:", *(f"  {line}" for line in probe.shown)]
    return [*shown, *lines], hint
