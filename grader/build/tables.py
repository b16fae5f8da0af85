"""Tables of mistakes that can be true: each entry differs from the right answer, and from every other, somewhere."""

from __future__ import annotations

import builtins
import inspect
from collections.abc import Callable
from functools import partial
from itertools import combinations

from grader.checks.cases import Case
from grader.checks.judging import OR, TELLING, Judge
from grader.checks.registry import LabChecks
from grader.kernels.many import NO_GRAPH, Answer
from labkit.findings import KINDS, alike

PROMISED_ERRORS = ("Raises:", "raises")


def tables_refused(checks: LabChecks) -> list[str]:
    """What no table of mistakes, and no reference, may be: one line each."""
    return [said for check in checks.checks if check.judge for said in _refused(check.judge)]


def _of_errors(key: str | tuple[str, str]) -> bool:
    """Whether the key of a hint is the name of a built-in error, or of several."""
    named = [getattr(builtins, name, None) for name in key.split(OR)] if isinstance(key, str) else [None]
    return all(isinstance(kind, type) and issubclass(kind, BaseException) for kind in named)


def _refused(judge: Judge) -> list[str]:
    cases, where = judge.cases, judge.cases.where
    pool = tuple(judge.pool.values())
    found = []
    families = {case.family for case in pool}
    known = {*KINDS, *families, *((kind, family) for kind in KINDS for family in families)}
    unknown = [key for key in cases.hints if key not in known and not _of_errors(key)]
    found += [f"{where}: hints for {key!r}: no finding is of that kind, and no family is called so" for key in unknown]
    for case in pool:
        right = judge.expected(case)
        if right.no_gradient not in ("", NO_GRAPH):
            found.append(f"{where}: the gradient of its reference fails with {right.no_gradient} for case {case.name!r}")
    if cases.gradient and not any(_is_there(judge.expected(case)) for case in pool):
        found.append(f"{where}: its reference has no gradient anywhere, which it promises for {', '.join(cases.gradient)}")
    entries: list[tuple[str, Callable[[Case], Answer]]] = [("the right answer", judge.expected)]
    for number, mistake in enumerate(cases.mistakes):
        entries.append((mistake.answer.__name__, partial(judge.mistaken, number)))
        if list(inspect.signature(mistake.answer).parameters) != list(inspect.signature(cases.reference).parameters):
            found.append(f"{where}: {mistake.answer.__name__} has other parameters than the reference")
    for (one, first), (other, second) in combinations(entries, 2):
        if all(_coincide(judge, first(case), second(case), case) for case in pool):
            found.append(f"{where}: {other} is no different from {one} on any case: its hint would be false")
    for number, mistake in enumerate(cases.mistakes):
        telling = sum(judge.tells(number, case) for case in judge.graded)
        if telling < TELLING:
            said = f"{telling} of the graded cases tell {mistake.answer.__name__} apart from all others, {TELLING} must"
            found.append(f"{where}: {said}: widen the pool, or choose again")
    return found


def _is_there(answer: Answer) -> bool:
    return any(part is not None and bool(part.any()) for place in answer.gradients for part in place)


def _coincide(judge: Judge, one: Answer, other: Answer, case: Case) -> bool:
    if one.error is not None or other.error is not None:
        return one.error == other.error
    return alike(one.value, other.value, judge.near(case))
