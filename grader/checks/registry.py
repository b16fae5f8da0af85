"""`@check` and `@wrong`: how a lab's hidden checks and known mistakes are declared, and how they are loaded."""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

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


@dataclass(frozen=True)
class Wrong:
    """A mistake that people make: an answer to `exercise` that the check `caught_by` must miss with `hint`."""

    exercise: str
    name: str
    caught_by: str
    hint: str
    mistake: str
    source: str
    line: int


@dataclass(frozen=True)
class LabChecks:
    """All that a lab's folder says about checking: its checks, its wrong answers, its fixtures."""

    lab: str
    checks: tuple[Check, ...]
    wrong: tuple[Wrong, ...]
    fixtures: ModuleType | None

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


def wrong(exercise: str, *, caught_by: str, hint: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare a wrong answer to `exercise`, and which check must catch it with a hint that contains `hint`."""

    def declare(body: Callable[..., Any]) -> Callable[..., Any]:
        body.__wrong__ = Wrong(  # type: ignore[attr-defined]
            exercise=exercise,
            name=body.__name__,
            caught_by=caught_by,
            hint=hint,
            mistake=" ".join((inspect.getdoc(body) or "").split()),
            source=_source_as(body, exercise),
            line=body.__code__.co_firstlineno,
        )
        return body

    return declare


def _source_as(body: Callable[..., Any], name: str) -> str:
    """The source of a decorated function under another name, without its decorators."""
    lines = inspect.getsource(body).splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("def "))
    lines[start] = lines[start].replace(f"def {body.__name__}(", f"def {name}(", 1)
    return "\n".join(lines[start:]) + "\n"


def load_lab(folder: Path) -> LabChecks:
    """Load `checks.py`, `wrong.py` and `fixtures.py` of a lab's folder in `solutions/`.

    Raises:
        FileNotFoundError: the folder has no `checks.py`.
        ValueError: two checks of a lab share a name, or a wrong answer names a check or exercise that is not there.
    """
    checks = _declared(folder / "checks.py", "__check__")
    wrongs = _declared(folder / "wrong.py", "__wrong__") if (folder / "wrong.py").exists() else []
    fixtures = _load(folder / "fixtures.py") if (folder / "fixtures.py").exists() else None
    lab = LabChecks(folder.name, tuple(checks), tuple(wrongs), fixtures)
    by_name: dict[str, Check] = {}
    for item in lab.checks:
        if item.name in by_name:
            raise ValueError(f"{folder / 'checks.py'}:{item.line}: a second check is called {item.name}; rename one.")
        by_name[item.name] = item
    for answer in lab.wrong:
        catcher = by_name.get(answer.caught_by)
        if catcher is None or catcher.exercise != answer.exercise:
            known = ", ".join(c.name for c in lab.of(answer.exercise)) or "none"
            raise ValueError(
                f"{folder / 'wrong.py'}:{answer.line}: {answer.name} is to be caught by {answer.caught_by!r}, "
                f"which is no check of {answer.exercise}. Its checks: {known}."
            )
    return lab


def _declared(path: Path, mark: str) -> list[Any]:
    """Everything that `path` declares, in the order of the file; what it imports from elsewhere is left out."""
    module = _load(path)
    return [getattr(item, mark) for item in vars(module).values() if callable(item) and hasattr(item, mark)]


def _load(path: Path) -> ModuleType:
    """Import a file of a lab under a name of its own: folder names such as 01-decoding are no module names."""
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing: every graded lab has one.")
    digest = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:8]
    name = f"lab_{digest}_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be imported.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
