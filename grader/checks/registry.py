"""`@check`, and all that a lab's folder says about checking, loaded."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from grader.checks.answers import Right, Wrong, patched_source
from grader.checks.cases import Cases
from grader.checks.judging import Judge, judges_of

CHECKS = ("checks.py", "cases*.py")
CheckBody = Callable[..., None]


@dataclass(frozen=True)
class Check:
    """One promise about one exercise, worth `points`."""

    exercise: str
    name: str
    points: float
    promise: str
    body: CheckBody
    seeded: bool
    line: int
    file: str = "checks.py"

    @property
    def judge(self) -> Judge | None:
        """What judges its cases, for a check that is a `Cases`."""
        return self.body if isinstance(self.body, Judge) else None


@dataclass(frozen=True)
class LabChecks:
    """All that a lab's folder says about checking: its checks, wrong and right answers, and its fixtures."""

    lab: str
    checks: tuple[Check, ...]
    wrong: tuple[Wrong, ...]
    fixtures: ModuleType | None
    right: tuple[Right, ...] = ()

    def exercises(self) -> list[str]:
        """Names of the exercises, in the order of their first check."""
        return list(dict.fromkeys(check.exercise for check in self.checks))

    def of(self, exercise: str) -> tuple[Check, ...]:
        """The checks of one exercise."""
        return tuple(check for check in self.checks if check.exercise == exercise)

    def points(self, exercise: str) -> float:
        """The most that an exercise can give."""
        return sum(check.points for check in self.of(exercise))


def check(exercise: str, *, points: float) -> Callable[[CheckBody], CheckBody]:
    """Declare a check of `exercise`: a function `(student)` or `(student, rng)` with a docstring that students read."""

    def declare(body: CheckBody) -> CheckBody:
        promise = inspect.getdoc(body) or ""
        where = f"{inspect.getsourcefile(body)}:{body.__code__.co_firstlineno}"
        if not promise:
            raise ValueError(f"{where}: check {body.__name__} has no docstring; students read it in their feedback.")
        if points <= 0:
            raise ValueError(f"{where}: check {body.__name__} is worth {points} points; give it more than 0.")
        body.__check__ = Check(  # type: ignore[attr-defined]
            exercise=exercise,
            name=body.__name__,
            points=float(points),
            promise=" ".join(promise.split()),
            body=body,
            seeded="rng" in inspect.signature(body).parameters,
            line=body.__code__.co_firstlineno,
        )
        return body

    return declare


def load_lab(folder: Path) -> LabChecks:
    """Load what a lab's folder in `solutions/` says about checking.

    That is `checks.py` or `cases.py` or both; where they are, `wrong.py`, `right.py`, `fixtures.py`, and the choice of
    graded cases, `graded.json`. A long `cases.py` may be several: `cases_….py`, which may import one another.

    Raises:
        FileNotFoundError: the folder has no `checks.py` and no `cases.py`.
        ValueError: two checks of a lab share a name, an answer names a check or exercise that is not there, or a patch
            does not fit the solution.
    """
    if not any(path for name in CHECKS for path in folder.glob(name)):
        raise FileNotFoundError(f"{folder / 'checks.py'} is missing: every graded lab has one, or a cases.py.")
    with _importable(folder):
        fixtures = _load(folder / "fixtures.py") if (folder / "fixtures.py").exists() else None
        checks = _declared(folder / "checks.py", "__check__") + _checks_of_cases(folder, fixtures)
        order = _in_order(folder / "lab.py", list(dict.fromkeys(check.exercise for check in checks)))
        checks.sort(key=lambda check: order.index(check.exercise))
        right = tuple(_declared(folder / "right.py", "__right__"))
        lab = LabChecks(folder.name, tuple(checks), tuple(_wrong(folder)), fixtures, right)
    by_name: dict[str, Check] = {}
    for item in lab.checks:
        if item.name in by_name:
            raise ValueError(f"{folder / item.file}:{item.line}: a second check is called {item.name}; rename one.")
        by_name[item.name] = item
    for answer in lab.wrong:
        catcher = by_name.get(answer.caught_by)
        if catcher is None or catcher.exercise != answer.exercise:
            known = ", ".join(c.name for c in lab.of(answer.exercise)) or "none"
            raise ValueError(
                f"{folder / 'wrong.py'}:{answer.line}: {answer.name} is to be caught by {answer.caught_by!r}, "
                f"which is no check of {answer.exercise}. Its checks: {known}."
            )
    for one in lab.right:
        if one.exercise not in order:
            said = f"{one.name} answers {one.exercise!r}, which has no checks. Exercises: {', '.join(order)}."
            raise ValueError(f"{folder / 'right.py'}:{one.line}: {said}")
    return lab


def _in_order(source: Path, exercises: list[str]) -> list[str]:
    """Exercises as they stand in the lab's source, where that is there; others after them, as they were."""
    text = source.read_text(encoding="utf-8") if source.exists() else ""
    places = {exercise: text.find(f'"grade_id": "{exercise}"') for exercise in exercises}
    return sorted(exercises, key=lambda exercise: places[exercise] if places[exercise] >= 0 else len(text))


def _checks_of_cases(folder: Path, fixtures: ModuleType | None) -> list[Check]:
    """A check for each `Cases` that `cases.py` declares."""
    chosen = folder / "graded.json"
    declared = {
        item: path.name
        for path in sorted(folder.glob("cases*.py"))
        for item in vars(_load(path)).values()
        if isinstance(item, Cases) and Path(item.file).resolve() == path.resolve()
    }
    graded = json.loads(chosen.read_text(encoding="utf-8")) if chosen.exists() else {}
    return [
        Check(
            exercise=judge.cases.exercise,
            name=judge.cases.name,
            points=float(judge.cases.points),
            promise=" ".join(judge.cases.promise.split()),
            body=judge,
            seeded=False,
            line=judge.cases.line,
            file=declared[judge.cases],
        )
        for judge in judges_of(list(declared), fixtures, graded)
    ]


def _wrong(folder: Path) -> Iterator[Wrong]:
    """The wrong answers of a lab, in the order of the file; those that are patches with their source."""
    path = folder / "wrong.py"
    if not path.exists():
        return
    module = _load(path)
    found = [item.__wrong__ for item in vars(module).values() if callable(item) and hasattr(item, "__wrong__")]
    named = {id(item): name for name, item in vars(module).items() if isinstance(item, Wrong)}
    for one in getattr(module, "__patched__", []):
        found.append(replace(one, name=named.get(id(one), one.name), source=patched_source(folder, one)))
    yield from sorted(found, key=lambda one: one.line)


def _declared(path: Path, mark: str) -> list[Any]:
    """Everything that `path` declares, in the order of the file; nothing where there is no such file."""
    if not path.exists():
        return []
    module = _load(path)
    return [getattr(item, mark) for item in vars(module).values() if callable(item) and hasattr(item, mark)]


def _load(path: Path) -> ModuleType:
    """Import a file of a lab that is importable now."""
    return importlib.import_module(path.stem)


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """The files of a lab can be imported meanwhile, by one another, too.

    Afterwards each has a name of its own, since other labs have files that are called so, and no other import finds it.
    """
    digest = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:8]
    names = {path.stem for path in folder.glob("*.py")}
    others = {name: sys.modules.pop(name) for name in names & set(sys.modules)}
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in names & set(sys.modules):
            sys.modules[f"lab_{digest}_{name}"] = sys.modules.pop(name)
        sys.modules.update(others)
