"""Visible checks: they tell a student at once what works, what does not and what the likely mistake is."""

from __future__ import annotations

import builtins
import linecache
import os
import sysconfig
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

from labkit.answers import of_function
from labkit.compare import describe, difference
from labkit.exercises import record
from labkit.findings import EXACT, KINDS, OF_FORM, compared

GREEN, RED, DIM, PLAIN = "\x1b[32m", "\x1b[31m", "\x1b[2m", "\x1b[0m"
MAX_LINE = 200
_LIBRARIES = {str(Path(__file__).parent), *(sysconfig.get_path(p) for p in ("stdlib", "purelib", "platlib"))}


@dataclass(frozen=True)
class Outcome:
    """One check: what it promises, whether it held, what was found instead, and the hint."""

    says: str
    passed: bool
    found: tuple[str, ...] = ()
    hint: str = ""

    def lines(self, colour: bool = True) -> list[str]:
        """The check as lines to show: one where it passed, a few where it did not."""
        green, red, dim, plain = (GREEN, RED, DIM, PLAIN) if colour else ("",) * 4
        if self.passed:
            return [f"{green}✓{plain} {self.says}"]
        lines = [f"{red}✗ {self.says}{plain}", *(f"    {dim}{line}{plain}" for line in self.found)]
        return [*lines, f"    hint: {self.hint}"] if self.hint else lines


class ChecksFailed(AssertionError):  # noqa: N818 - the name that students read
    """Some visible checks of an exercise failed; Jupyter shows the list of them instead of a traceback."""

    goes_on = True  # a run of all cells does not stop here; see goes_on.py

    def __init__(self, exercise: str, outcomes: tuple[Outcome, ...]) -> None:
        self.exercise = exercise
        self.outcomes = outcomes
        super().__init__("\n".join(self._lines(colour=False)))

    def _lines(self, colour: bool) -> list[str]:
        passed = sum(o.passed for o in self.outcomes)
        first = f"{self.exercise}: {passed} of {len(self.outcomes)} checks pass"
        return [first, *(line for o in self.outcomes for line in o.lines(colour))]

    def _render_traceback_(self) -> list[str]:
        """What Jupyter, Validate and feedback show."""
        return self._lines(colour=True)


class Check:
    """The checks of one exercise, collected one by one; a check that fails does not stop the next."""

    def __init__(self, exercise: str) -> None:
        self.exercise = exercise
        self.outcomes: list[Outcome] = []

    def equal(self, found: Any, expected: Any, says: str, *, hint: str = "") -> None:
        """`found` has the type, dtype, shape and exact values of `expected`; nan equals nan.

        The hint is about values: where the type, dtype or shape differs, words about those take its place.
        """
        self._add(says, _fitting(found, expected, hint), lambda: difference(found, expected))

    def close(self, found: Any, expected: Any, says: str, *, hint: str = "", tol: float = 1e-6) -> None:
        """As `equal`, but floating-point numbers may be `tol` apart (absolutely)."""
        self._add(says, _fitting(found, expected, hint), lambda: difference(found, expected, tol))

    def unchanged(self, value: Any, before: Any, says: str, *, hint: str = "") -> None:
        """`value`, an argument of a call, is still as `before`, a copy made before the call."""
        self._add(says, hint, lambda: _changed(difference(value, before)))

    def true(self, condition: Any, says: str, *, hint: str = "") -> None:
        """`condition` is true; a function is called first, so that an error in it fails this check only."""
        self._add(says, hint, lambda: _untrue(condition() if callable(condition) else condition))

    def raises(self, kind: type[BaseException], call: Callable[[], Any], says: str, *, hint: str = "") -> None:
        """`call()` raises `kind`, or a class of the student's own derived from it."""
        self._add(says, hint, lambda: _not_raised(kind, call))

    def _add(self, says: str, hint: str, find: Callable[[], list[str]]) -> None:
        try:
            found = find()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever student code raises fails this check only
            found, hint = _told(error, KINDS["error"] if hint else "")
        self.outcomes.append(Outcome(says, not found, tuple(found), hint))


class Checks:
    """`with checks("exercise") as check:`; at the end of the block it shows and records how the checks came out."""

    def __init__(self, exercise: str) -> None:
        self._check = Check(exercise)

    def __enter__(self) -> Check:
        self._check.outcomes.clear()
        return self._check

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        """Raises:
        ChecksFailed: a check failed, or the block itself raised.
        """
        if error is not None and not isinstance(error, Exception | SystemExit):
            return False
        outcomes, exercise = self._check.outcomes, self._check.exercise
        if error is not None:
            found, hint = _told(error)
            outcomes.append(Outcome(found[0], False, (*found[1:], "the checks after this one did not run"), hint))
        if not outcomes:
            print(f"{exercise}: there are no checks in this cell.")
            return True
        passed = sum(o.passed for o in outcomes)
        record(exercise, passed, len(outcomes), of_function(exercise))
        if passed < len(outcomes):
            raise ChecksFailed(exercise, tuple(outcomes)) from None
        print("\n".join([f"{GREEN}{exercise}: {_all(passed)}{PLAIN}", *(o.lines()[0] for o in outcomes)]))
        return False


def checks(exercise: str) -> Checks:
    """The visible checks of one exercise.

    ```python
    with checks("top_k_filter") as check:
        check.equal(top_k_filter(x, 2), expected, "keeps the two largest", hint="Did you mask before sorting?")
    ```

    Every check in the block runs. If all hold, the block ends with a short list; the outcome is added to
    `progress.jsonl` in the notebook's folder.

    Raises:
        ChecksFailed: at the end of the block, where at least one check failed or the code in it raised.
    """
    return Checks(exercise)


def _all(count: int) -> str:
    return "the check passes" if count == 1 else f"all {count} checks pass"


def _fitting(found: Any, expected: Any, hint: str) -> str:
    """The hint that fits what differs: the given one only where it is the values."""
    try:
        fault = compared(found, expected, EXACT)
    except (Exception, SystemExit):  # noqa: BLE001 - of a student's own class; the comparison that is shown says it
        return hint
    return KINDS[fault.kind] if hint and fault is not None and fault.kind in OF_FORM else hint


def _changed(lines: list[str]) -> list[str]:
    return [line.replace("expected", "before  ", 1).replace("found   ", "after   ", 1) for line in lines[:2]] + [
        line.replace("expected", "before").replace("found", "after") for line in lines[2:]
    ]


def _untrue(condition: Any) -> list[str]:
    return [] if bool(condition) else [f"found     {describe(condition)}"]


def _not_raised(kind: type[BaseException], call: Callable[[], Any]) -> list[str]:
    try:
        value = call()
    except (Exception, SystemExit) as error:
        if _is_kind(error, kind):
            return []
        if _is_stub(error):
            raise
        found, _ = _told(error)
        return [f"expected  {kind.__name__}", f"found     {found[0]}", *found[1:]]
    return [f"expected  {kind.__name__}", f"found     no error; it returned {describe(value)}"]


def _is_kind(error: BaseException, kind: type[BaseException]) -> bool:
    """A built-in kind must be met exactly, else an unwritten stub would pass for a RuntimeError."""
    if vars(builtins).get(kind.__name__) is not kind:
        return isinstance(error, kind)
    return next(c for c in type(error).__mro__ if vars(builtins).get(c.__name__) is c) is kind


def _told(error: BaseException, hint: str = "") -> tuple[list[str], str]:
    """An exception as lines (what, then where in the student's code), and the hint that fits it."""
    frame = _student_frame(error)
    if _is_stub(error):
        name = frame[0].f_code.co_name if frame else "the function"
        return [f"{name}: not written yet"], "Put your code in the place of raise NotImplementedError()."
    message = (str(error).strip().splitlines() or [""])[0]
    lines = [f"{type(error).__name__}: {message}"[:MAX_LINE].removesuffix(": ")]
    if frame is not None:
        name, source = frame[0].f_code.co_name, _source(*frame)
        place = f"line {frame[1]} of {'this cell' if name.startswith('<') else name + '’s cell'}"
        lines.append(f"{place}: {source}"[:MAX_LINE] if source else place)
    if isinstance(error, NameError) and not isinstance(error, UnboundLocalError):
        hint = "Is it spelt right? If so, run the cell that defines it, or Run → Run All Above Selected Cell."
    return lines, hint


def _is_stub(error: BaseException) -> bool:
    """Whether a `raise NotImplementedError` was met; torch raises it too, for what it cannot compute."""
    if not isinstance(error, NotImplementedError):
        return False
    frame = _student_frame(error)
    return frame is None or "NotImplementedError" in (_source(*frame) or "NotImplementedError")


def _student_frame(error: BaseException) -> tuple[FrameType, int] | None:
    """The innermost frame, with its line, that is neither Python's, a library's nor labkit's."""
    frames = list(traceback.walk_tb(error.__traceback__))
    own = [(f, line) for f, line in frames if not _is_library(f.f_code.co_filename)]
    return own[-1] if own else None


def _is_library(filename: str) -> bool:
    return filename.startswith("<frozen") or any(filename.startswith(f"{folder}{os.sep}") for folder in _LIBRARIES)


def _source(frame: FrameType, line: int) -> str:
    return linecache.getline(frame.f_code.co_filename, line, frame.f_globals).strip()
