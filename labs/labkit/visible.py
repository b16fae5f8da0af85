"""Visible checks: they tell a student at once what works, what does not and what the likely mistake is."""

from __future__ import annotations

import dis
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

from labkit.answers import of_function
from labkit.compare import describe, difference
from labkit.exercises import record
from labkit.findings import EXACT, KINDS, OF_FORM, compared
from labkit.help_sheet import read_help
from labkit.looking import STUB, Looked, look
from labkit.outcome import GREEN, PLAIN, ChecksFailed, Outcome
from labkit.telling import is_kind, is_stub, told


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
            found, hint = told(error, KINDS["error"] if hint else "")
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
            found, hint = told(error)
            outcomes.append(Outcome(found[0], False, (*found[1:], "the checks after this one did not run"), hint))
        if not outcomes:
            print(f"{exercise}: there are no checks in this cell.")
            return True
        passed = sum(o.passed for o in outcomes)
        record(exercise, passed, len(outcomes), code=partial(of_function, exercise))
        if passed < len(outcomes):
            raise ChecksFailed(exercise, tuple(outcomes)) from None
        print("\n".join([f"{GREEN}{exercise}: {_all(passed)}{PLAIN}", *(o.lines()[0] for o in outcomes)]))
        return False


def checks(exercise: str, folder: str | Path = ".") -> Any:
    """Run the visible checks of one exercise of this lab, show how they came out, and record it.

    ```python
    checks("top_k_filter")
    ```

    They lie sealed beside the notebook, in `<lab>.help.json`. Every check runs, whatever others raise. The outcome is
    added to `progress.jsonl` in the notebook's folder. An exercise that is not written yet shows what will be checked;
    the notebook goes on, but for Validate and grading it has failed.

    Checks of one's own stand in a block, each a call of `Check`; at its end they are shown and recorded:

    ```python
    with checks("top_k_filter") as check:
        check.equal(top_k_filter(x, 2), expected, "keeps the two largest", hint="Did you mask before sorting?")
    ```

    Args:
        exercise: the name of the function.
        folder: where the lab lies, for a notebook that runs in another folder.

    Raises:
        ChecksFailed: at least one check failed.
        LabError: there are no checks of that exercise.
    """
    caller = sys._getframe(1)
    if _opens_a_block(caller):
        return Checks(exercise)
    place = Path(folder)
    show(exercise, look(read_help(place, exercise).checks(exercise), caller.f_globals), place)
    return None


def show(exercise: str, looked: Looked, folder: Path) -> None:
    """Show what was looked at, and record it in the lab's folder. Raises ChecksFailed."""
    outcomes, passed = looked.outcomes, looked.passed
    record(exercise, passed, len(outcomes), folder, partial(of_function, exercise))
    if passed == len(outcomes):
        print("\n".join([f"{GREEN}{exercise}: {_all(passed)}{PLAIN}", *(o.lines()[0] for o in outcomes)]))
        return
    failed = ChecksFailed(exercise, outcomes, _notes(exercise, looked))
    if looked.missing and not os.environ.get("NBGRADER_EXECUTION"):
        print("\n".join(failed.told(colour=True)))
        return
    raise failed from None


def _notes(exercise: str, looked: Looked) -> tuple[str, ...]:
    if looked.missing == STUB:
        return (f"{looked.who} is not written yet: put your code in the place of raise NotImplementedError().",)
    if looked.missing:
        return (f"{exercise} is not defined: run its cell, or Run → Run All Above Selected Cell.",)
    return ()


def _opens_a_block(frame: FrameType) -> bool:
    """Whether the call that a frame is in is that of a `with` statement."""
    after = (one.opname for one in dis.get_instructions(frame.f_code) if one.offset > frame.f_lasti)
    following = next((name for name in after if name != "CACHE"), "")
    return following in ("BEFORE_WITH", "COPY")  # COPY: Python 3.14


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
        if is_kind(error, kind):
            return []
        if is_stub(error):
            raise
        found, _ = told(error)
        return [f"expected  {kind.__name__}", f"found     {found[0]}", *found[1:]]
    return [f"expected  {kind.__name__}", f"found     no error; it returned {describe(value)}"]
