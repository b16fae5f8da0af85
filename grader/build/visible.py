"""The proof of visible checks: right answers pass, a stub shows them all, no hint names a mistake that was not made."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import nbformat

from grader.build.help import in_place, parts_of, quietly, sources
from grader.build.help_texts import FILE as TEXTS_FILE
from grader.build.notebooks import execute_code, graded_code, source_notebook
from grader.cells import grade_id
from grader.checks.cases import Case
from grader.checks.judging import NEARLY_ALL, Judge
from grader.checks.registry import LabChecks
from grader.checks.student import InProcess
from grader.checks.visible import FILE
from grader.course.paths import Course
from labkit.exercises import unrecorded
from labkit.findings import alike
from labkit.help_sheet import CHECKS, ExerciseChecks, checks_of
from labkit.looking import STUB, Looked, look
from labkit.plain import to_plain

CELL = "-checks"
Progress = Callable[[str], None]


def visible_refused(
    course: Course, lab: str, checks: LabChecks, namespace: dict[str, Any], progress: Progress
) -> list[str]:
    """What is wrong with the visible checks of a lab; nothing where all is as it should be.

    Where a lab has a `visible.py`, its checks must accept the solution and every right answer, be all open for a stub,
    call with no input that gives points, and name no mistake that an answer of wrong.py does not make. Where it has
    none, the cells of its notebook must accept what is right.
    """
    folder = course.solutions / lab
    if not (folder / FILE).exists():
        return list(_refused_by_cells(course, lab, checks, namespace, progress))
    release = nbformat.read(course.labs / lab / f"{lab}.ipynb", as_version=4)
    blank = execute_code(graded_code(release))
    parts, texts = parts_of(course, lab), sources(folder)[1]
    found = []
    for exercise in checks.exercises():
        progress(f"visible checks of {exercise}")
        if exercise not in parts:
            found.append(f"{folder / FILE}: {exercise} has no visible checks")
            continue
        if exercise not in texts:
            found.append(f"{folder / TEXTS_FILE}: {exercise} has no hints")
        visible = checks_of(exercise, parts[exercise][CHECKS])
        with quietly():
            found += _of_right(visible, checks, namespace)
            found += _of_stub(visible, blank)
            found += _of_wrong(visible, checks, namespace)
            found += _of_inputs(visible, checks, namespace)
    return found


def _of_right(visible: ExerciseChecks, checks: LabChecks, namespace: dict[str, Any]) -> Iterator[str]:
    exercise = visible.exercise
    right = [(f"right.py:{one.line} {one.name}", one.source) for one in checks.right if one.exercise == exercise]
    for where, source in [(f"the solution of {exercise}", ""), *right]:
        with in_place(namespace, exercise, source):
            looked = look(visible, namespace)
        for outcome in looked.outcomes:
            if not outcome.passed:
                yield f"{where}: a visible check refuses it: {' / '.join(outcome.lines(colour=False))}"
                break


def _of_stub(visible: ExerciseChecks, blank: Mapping[str, Any]) -> Iterator[str]:
    looked = look(visible, blank)
    if looked.missing != STUB or not all(outcome.open for outcome in looked.outcomes):
        yield f"the stub of {visible.exercise}: its visible checks are not all open ({looked.missing or 'it is called'})"


def _of_wrong(visible: ExerciseChecks, checks: LabChecks, namespace: dict[str, Any]) -> Iterator[str]:
    for one in checks.wrong:
        if one.exercise != visible.exercise:
            continue
        with in_place(namespace, one.exercise, one.source):
            looked = look(visible, namespace)
            false = named_falsely(visible, looked, checks, namespace)
        if false:
            yield f"wrong.py:{one.line} {one.name}: the visible checks name another mistake: {false!r}"


def named_falsely(visible: ExerciseChecks, looked: Looked, checks: LabChecks, namespace: Mapping[str, Any]) -> str:
    """The hint that names a mistake which the answer in `namespace` does not make; empty where none does.

    An answer makes a mistake where, on nearly all cases of a pool that the mistake changes, it gives what the mistake
    gives.
    """
    if looked.trap is None:
        return ""
    hint = visible.traps[looked.trap].hint
    for check in checks.of(visible.exercise):
        for number, mistake in enumerate(check.judge.cases.mistakes if check.judge else ()):
            if check.judge and mistake.hint == hint and _makes(check.judge, number, visible.exercise, checks, namespace):
                return ""
    return hint


def _makes(judge: Judge, number: int, exercise: str, checks: LabChecks, namespace: Mapping[str, Any]) -> bool:
    changed = [case for case in judge.pool.values() if _differs(judge, number, case)]
    student = InProcess(namespace, checks.fixtures)
    answers = student.call_many(exercise, [judge.asked(case) for case in changed])
    same = [
        answer.error is None and alike(answer.value, judge.mistaken(number, case).value, judge.near(case))
        for case, answer in zip(changed, answers, strict=True)
    ]
    return bool(same) and sum(same) >= NEARLY_ALL * len(same)


def _differs(judge: Judge, number: int, case: Case) -> bool:
    wrong, right = judge.mistaken(number, case), judge.expected(case)
    if wrong.error is not None or right.error is not None:
        return False
    return not alike(wrong.value, right.value, judge.near(case))


def _of_inputs(visible: ExerciseChecks, checks: LabChecks, namespace: dict[str, Any]) -> Iterator[str]:
    """The calls of visible checks that are cases which give points, too; what must be refused gives nothing away."""
    asked: list[Any] = []
    right = namespace[visible.exercise]

    def listening(*args: Any, **kwargs: Any) -> Any:
        asked.append(_plain_call(args, kwargs))
        return right(*args, **kwargs)

    with in_place(namespace, visible.exercise, listening):
        look(visible, namespace)
    for check in checks.of(visible.exercise):
        for case in check.judge.graded if check.judge else ():
            call = _plain_call(case.args, case.kwargs)
            refused = check.judge is not None and check.judge.expected(case).error is not None
            if call is not None and call in asked and not refused:
                yield f"{check.file}: {check.name}: the graded case {case.name!r} is a call of a visible check: change either"


def _plain_call(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """A call as plain values; None where it holds a model, which two calls never share."""
    try:
        return to_plain([list(args), dict(kwargs)])
    except TypeError:
        return None


def _refused_by_cells(
    course: Course, lab: str, checks: LabChecks, namespace: dict[str, Any], progress: Progress
) -> Iterator[str]:
    """Why right answers, and the solution, do not pass the cells of visible checks that stand in the notebook.

    A cell runs in a copy of `namespace`, as the names stand in it: the solution, with one answer in its place; it sees
    what the cells of visible checks before it define.
    """
    cells = {name: cell.source for cell in source_notebook(course, lab).cells if (name := grade_id(cell) or "")}
    shown = dict(namespace)
    for exercise in checks.exercises():
        source = cells.get(f"{exercise}{CELL}")
        if source is None:
            continue
        progress(f"visible checks of {exercise}")
        answers = [(f"right.py:{one.line} {one.name}", one.source) for one in checks.right if one.exercise == exercise]
        for where, answer in [(f"the solution of {exercise}", ""), *answers]:
            said = _refused(source, answer, dict(shown) if answer else shown, exercise)
            if said:
                yield f"{where}: a visible check refuses it: {said}"


def _refused(cell: str, answer: str, tried: dict[str, Any], exercise: str) -> str:
    """What the visible checks say of an answer; nothing where they pass."""
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings(), unrecorded():
            warnings.simplefilter("ignore")
            exec(compile(answer, f"<{exercise}>", "exec", dont_inherit=True), tried)
            exec(compile(cell, f"<{exercise}{CELL}>", "exec", dont_inherit=True), tried)
    except Exception as refused:  # noqa: BLE001 - whatever a cell raises, it refuses
        return f"{type(refused).__name__}: {refused}"
    return ""
