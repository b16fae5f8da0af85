"""A lab's help file: the visible checks with what is right for them, the traps that are known, hints in steps.

What is right is what the solution gives; a trap is what a `Mistake` of the lab gives where that differs. References and
mistakes stay here: only their outcomes for the inputs of visible checks go out.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import io
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.build.help_texts import FILE as TEXTS_FILE
from grader.build.help_texts import HelpTextError, HelpTexts, help_texts
from grader.build.rounding import says_the_same
from grader.build.notebooks import checks_of, solution_namespace
from grader.build.problems import BuildError, Problem
from grader.checks.cases import Mistake
from grader.checks.judging import Judge
from grader.checks.registry import LabChecks
from grader.checks.visible import FILE, DeclaredVisible, VisibleChecks, VisibleError, load_visible
from grader.course.paths import Course
from grader.files import write_whole
from grader.threads import one_thread
from labkit.compare import describe
from labkit.exercises import unrecorded
from labkit.findings import Near, alike, compared
from labkit.help_sheet import (
    CHECKS,
    ENDING,
    EXPLANATION,
    ExerciseChecks,
    Trap,
    dump_help,
    hint_name,
    parse_help,
)
from labkit.help_sheet import checks_of as parsed
from labkit.looking import FLOATS, TELLING, called
from labkit.plain import to_plain

MEMORY = Path("build") / "help"
Place = tuple[int, int]


@dataclass(frozen=True)
class MadeHelp:
    """A help file, ready for release."""

    file_name: str
    content: bytes


def made_help(course: Course, lab: str) -> MadeHelp | None:
    """The help file of a lab; None for a lab that has no `visible.py`. The same sources give the same bytes.

    Where what was released says the same but for rounding, it stays.

    Raises:
        BuildError: a visible check, or the help, cannot be as it is.
    """
    folder = course.solutions / lab
    if not (folder / FILE).exists():
        return None
    known = course.root / MEMORY / f"{_stamp(course, folder)}{ENDING}"
    if known.is_file():
        return MadeHelp(f"{lab}{ENDING}", known.read_bytes())
    content = dump_help(lab, _salt(lab), parts_of(course, lab))
    released = course.labs / lab / f"{lab}{ENDING}"
    before = released.read_bytes() if released.is_file() else b""
    content = before if says_the_same(content, before) else content
    with contextlib.suppress(OSError):  # another process may write the same
        write_whole(known, content)
    return MadeHelp(f"{lab}{ENDING}", content)


def _salt(lab: str) -> str:
    return hashlib.sha256(f"help of {lab}".encode()).hexdigest()[:32]


def _stamp(course: Course, folder: Path) -> str:
    """What the help of a lab depends on: its folder, the libraries of students, and what makes it."""
    here = Path(__file__).resolve().parent
    files = [path for path in folder.iterdir() if path.suffix in (".py", ".yaml")]
    files += [*course.labs.glob("*/*.py"), *here.glob("help*.py"), *here.parent.glob("checks/*.py")]
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()[:32]


def parts_of(course: Course, lab: str) -> dict[str, dict[str, Any]]:
    """The parts of a lab's help file, by exercise.

    Raises:
        BuildError: see `made_help`.
    """
    folder = course.solutions / lab
    one_thread()  # small tensors: two threads on busy cores only wait for one another
    visible, texts, checks = *sources(folder), checks_of(course, lab)
    namespace = solution_namespace(lab, course)
    _require(folder, visible, texts, checks)
    found: dict[str, dict[str, Any]] = {}
    with quietly():
        for exercise in (name for name in checks.exercises() if visible.of(name)):
            content = _checks(folder, visible, exercise, checks, namespace)
            found[exercise] = {CHECKS: content}
            if exercise in texts:
                steps = {hint_name(number): text for number, text in enumerate(texts[exercise].steps, start=1)}
                trap = _explanation(folder, texts[exercise], exercise, checks, namespace)
                found[exercise] |= steps | {EXPLANATION: trap}
    return found


def sources(folder: Path) -> tuple[VisibleChecks, dict[str, HelpTexts]]:
    """A lab's visible checks and help, as their author wrote them. Raises BuildError."""
    try:
        return load_visible(folder), help_texts(folder)
    except VisibleError as error:
        raise BuildError([Problem(folder / FILE, error.line, str(error))]) from None
    except HelpTextError as error:
        raise BuildError([Problem(folder / TEXTS_FILE, error.line, str(error))]) from None


def _require(folder: Path, visible: VisibleChecks, texts: Mapping[str, HelpTexts], checks: LabChecks) -> None:
    known = checks.exercises()
    problems = [
        Problem(folder / FILE, one.line, f"{one.name} is of {one.exercise!r}, which is no exercise: {', '.join(known)}.")
        for one in visible.checks
        if one.exercise not in known
    ]
    problems += [
        Problem(folder / TEXTS_FILE, text.line, f"{name!r} has no visible checks.")
        for name, text in texts.items()
        if name not in visible.exercises()
    ]
    if problems:
        raise BuildError(problems)


@contextmanager
def quietly() -> Iterator[None]:
    """What answers print and warn of is not shown, and no progress is written."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings(), unrecorded():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def in_place(namespace: dict[str, Any], exercise: str, answer: Callable[..., Any] | str) -> Iterator[dict[str, Any]]:
    """The namespace with another answer to an exercise, a function or its source; afterwards it is as before."""
    before = dict(namespace)
    try:
        if isinstance(answer, str):
            exec(compile(answer, f"<{exercise}>", "exec", dont_inherit=True), namespace)
        else:
            namespace[exercise] = answer
        yield namespace
    finally:
        namespace.clear()
        namespace.update(before)


def _checks(
    folder: Path, visible: VisibleChecks, exercise: str, checks: LabChecks, namespace: dict[str, Any]
) -> dict[str, Any]:
    declared = visible.of(exercise)
    content: dict[str, Any] = {"checks": [], "traps": [], "common": visible.common}
    for one in declared:
        probes = [
            {"setup": call.setup, "call": call.expression, **_right(folder, visible, one, number, namespace)}
            for number, call in enumerate(one.calls)
        ]
        hints = dict(one.hints)
        said = {"promise": one.promise, "about": one.about, "tolerance": one.tolerance, "hints": hints, "probes": probes}
        content["checks"].append(said)
    traps = traps_of(parsed(exercise, content), exercise, checks, namespace)
    content["traps"] = [
        {"hint": t.hint, "outcomes": [[*place, to_plain(value)] for place, value in t.outcomes.items()]} for t in traps
    ]
    return content


def _right(
    folder: Path, visible: VisibleChecks, one: DeclaredVisible, number: int, namespace: dict[str, Any]
) -> dict[str, Any]:
    """What the solution gives to a call: a plain value, or the error that is due."""
    call = one.calls[number]
    value, error = called(visible.common, call.setup, call.expression, namespace)
    again, _ = called(visible.common, call.setup, call.expression, namespace)
    found = type(error).__name__ if error is not None else ""
    if found != one.raises:
        due = f"should raise {one.raises}" if one.raises else "should give a value"
        said = f"{call.expression} {due}, and the solution {f'raises {error!r}' if found else 'returns one'}."
        raise BuildError([Problem(folder / FILE, one.line, f"{one.name}: {said}")])
    if found:
        return {"error": found, "value": None}
    try:
        plain = to_plain(value)
    except TypeError as error:
        said = f"{one.name}: {call.expression} gives what cannot be compared: {error}."
        raise BuildError([Problem(folder / FILE, one.line, said)]) from None
    if compared(again, value, Near(0.0)) is not None:
        said = f"{one.name}: {call.expression} gives another value each time: fix what it draws."
        raise BuildError([Problem(folder / FILE, one.line, said)])
    return {"error": "", "value": plain}


def traps_of(visible: ExerciseChecks, exercise: str, checks: LabChecks, namespace: dict[str, Any]) -> list[Trap]:
    """The mistakes of an exercise that its visible checks can tell apart, each by what it gives."""
    judges = [check.judge for check in checks.of(exercise) if check.judge]
    found: list[tuple[Trap, Mistake]] = []
    for mistake in (mistake for judge in judges for mistake in judge.cases.mistakes):
        with in_place(namespace, exercise, mistake.answer):
            outcomes = outcomes_of(visible, namespace)
        alike_here = [known for trap, known in found if _same(outcomes, trap.outcomes)]
        if outcomes and not any(_same_everywhere(mistake, known, judges) for known in alike_here):
            found.append((Trap(mistake.hint, outcomes), mistake))
    return _told_apart([trap for trap, _ in found])


def outcomes_of(visible: ExerciseChecks, namespace: Mapping[str, Any]) -> dict[Place, Any]:
    """What an answer gives where it is a plain value, one is due, and it is not the right one."""
    found = {}
    for i, check in enumerate(visible.checks):
        for j, probe in enumerate(check.probes):
            if check.about != "value" or probe.wanted.error:
                continue
            value, error = called(visible.common, probe.setup, probe.call, namespace)
            if error is None and not _alike(value, probe.wanted.value):
                found[i, j] = value
    return {place: value for place, value in found.items() if _is_plain(value)}


def _same_everywhere(one: Mistake, other: Mistake, judges: Sequence[Judge]) -> bool:
    """Whether two entries are one mistake, which two checks list: they do the same on all graded cases."""
    if one.answer is other.answer:
        return True
    pairs = (
        (judge.outcome(one.answer, case), judge.outcome(other.answer, case))
        for judge in judges
        for case in judge.graded
    )
    return all(a.error == b.error and (a.error is not None or _alike(a.value, b.value)) for a, b in pairs)


def _told_apart(traps: Sequence[Trap]) -> list[Trap]:
    """Those that can speak: they change two outcomes or more, and not the same as another."""
    return [
        trap
        for trap in traps
        if len(trap.outcomes) >= TELLING
        and not any(other is not trap and _same(trap.outcomes, other.outcomes) for other in traps)
    ]


def _same(one: Mapping[Place, Any], other: Mapping[Place, Any]) -> bool:
    return one.keys() == other.keys() and all(_alike(value, other[place]) for place, value in one.items())


def _alike(one: Any, other: Any) -> bool:
    try:
        return alike(one, other, Near(None, FLOATS))
    except Exception:  # noqa: BLE001 - what a mistake gives may be anything
        return False


def _is_plain(value: Any) -> bool:
    try:
        to_plain(value)
    except TypeError:
        return False
    return True


def _explanation(
    folder: Path, texts: HelpTexts, exercise: str, checks: LabChecks, namespace: dict[str, Any]
) -> dict[str, Any]:
    """The trap in words, with its counterexample worked out."""

    def problem(message: str) -> BuildError:
        return BuildError([Problem(folder / TEXTS_FILE, texts.line, f"{exercise}: {message}")])

    wrong = next((one for one in checks.wrong if one.name == texts.wrong and one.exercise == exercise), None)
    if wrong is None:
        names = ", ".join(one.name for one in checks.wrong if one.exercise == exercise)
        raise problem(f"wrong.py has no {texts.wrong!r} of it; it has: {names}.")
    setup, expression = _split(texts.example)
    right = _described(setup, expression, namespace)
    with in_place(namespace, exercise, wrong.source):
        trapped = _described(setup, expression, namespace)
    if right == trapped:
        raise problem(f"the example gives {right} both for the solution and for {texts.wrong}: take one that tells.")
    curves: dict[str, Any] = {}
    if texts.plot:
        xs, error = called("", setup, texts.plot["x"], namespace)
        if error is not None:
            raise problem(f"plot, x: {error!r}")
        points = [float(x) for x in xs]
        curves = {"x": points, "right": _curve(setup, texts, points, namespace, problem)}
        with in_place(namespace, exercise, wrong.source):
            curves["trapped"] = _curve(setup, texts, points, namespace, problem)
        curves |= {name: texts.plot[name] for name in ("x_label", "y_label")}
    return {"text": texts.trap, "call": texts.example, "right": right, "trapped": trapped, "curves": curves}


def _curve(
    setup: str,
    texts: HelpTexts,
    points: Sequence[float],
    namespace: dict[str, Any],
    problem: Callable[[str], BuildError],
) -> list[float]:
    found = []
    for x in points:
        value, error = called("", setup, texts.plot["y"], namespace | {"x": x})
        if error is not None:
            raise problem(f"plot, y at x = {x}: {error!r}")
        found.append(round(float(value), 6))
    return found


def _split(example: str) -> tuple[str, str]:
    """Statements, and the expression at the end."""
    nodes = ast.parse(example).body
    lines = example.splitlines()
    start = nodes[-1].lineno - 1
    return "\n".join(lines[:start]), "\n".join(lines[start:])


def _described(setup: str, expression: str, namespace: Mapping[str, Any]) -> str:
    value, error = called("", setup, expression, namespace)
    return describe(value) if error is None else f"{type(error).__name__}: {error}"


def opened_texts(content: bytes) -> list[str]:
    """All that a help file tells whoever opens it, as lines; for the scan for answers."""
    sheet = parse_help(content, "help")
    parts = [sheet.raw(exercise, part) for exercise in sheet.exercises() for part in sheet.names(exercise)]
    return [line for part in parts for text in _texts(part) for line in text.splitlines()]


def _texts(part: Any) -> Iterator[str]:
    if isinstance(part, str):
        yield part
    elif isinstance(part, dict):
        for value in part.values():
            yield from _texts(value)
    elif isinstance(part, list):
        for value in part:
            yield from _texts(value)


