"""Answers that a lab declares: `@wrong`, `patched` and `@right`, and their sources."""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CELL = re.compile(r"^# %% ", re.M)
FOR_THE_FORMATTER = re.compile(r" *# fmt: skip$", re.M)


@dataclass(frozen=True)
class Right:
    """A right answer to `exercise` that is written otherwise than the solution: it must get all points."""

    exercise: str
    name: str
    source: str
    line: int


@dataclass(frozen=True)
class Patch:
    """A change of a solution's source by which it becomes wrong."""

    old: str
    new: str


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
    patch: Patch | None = None
    """Where `source` is that of the solution, changed so."""


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


def right(exercise: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare a right answer to `exercise`, written otherwise than the solution: it must get all points."""

    def declare(body: Callable[..., Any]) -> Callable[..., Any]:
        body.__right__ = Right(  # type: ignore[attr-defined]
            exercise, body.__name__, _source_as(body, exercise), body.__code__.co_firstlineno
        )
        return body

    return declare


def patched(exercise: str, old: str, new: str, *, caught_by: str, hint: str, mistake: str = "") -> Wrong:
    """Declare a wrong answer as a change of the solution: `old`, which stands once in its cell, becomes `new`.

    Its name is that of the variable it is assigned to, else its line: `patched_12`.
    """
    caller = sys._getframe(1)
    line = caller.f_lineno
    said = " ".join(mistake.split()) or f"{old.strip()} becomes {new.strip()}"
    declared = Wrong(exercise, f"patched_{line}", caught_by, hint, said, "", line, Patch(old, new))
    caller.f_globals.setdefault("__patched__", []).append(declared)
    return declared


def _source_as(body: Callable[..., Any], name: str) -> str:
    """The source of a declared function under another name; decorators below that of its declaration stay."""
    text = inspect.getsource(body)
    [function] = ast.parse(text).body
    assert isinstance(function, ast.FunctionDef)
    ours = next(i for i, one in enumerate(function.decorator_list) if _called_name(one) in ("wrong", "right"))
    kept = function.decorator_list[ours + 1 :]
    lines = text.splitlines()
    start = kept[0].lineno if kept else function.lineno
    lines[function.lineno - 1] = lines[function.lineno - 1].replace(f"def {body.__name__}(", f"def {name}(", 1)
    return "\n".join(lines[start - 1 :]) + "\n"


def _called_name(decorator: ast.expr) -> str:
    return ast.unparse(decorator.func).rpartition(".")[2] if isinstance(decorator, ast.Call) else ""


def patched_source(folder: Path, one: Wrong) -> str:
    """The source of a wrong answer that is a patch.

    Raises:
        ValueError: the patch does not fit the solution.
    """
    assert one.patch is not None
    source = solution_source(folder / "lab.py", one.exercise)
    count = source.count(one.patch.old)
    if count != 1:
        said = f"{one.patch.old!r} stands {count} times in the solution of {one.exercise}; it must stand there once."
        raise ValueError(f"{folder / 'wrong.py'}:{one.line}: {said}")
    return source.replace(one.patch.old, one.patch.new)


def solution_source(path: Path, exercise: str) -> str:
    """The text of the cell of an exercise in a `lab.py`.

    Raises:
        ValueError: there is none.
    """
    text = path.read_text(encoding="utf-8")
    for cell in CELL.split(text)[1:]:
        head, _, source = cell.partition("\n")
        if f'"grade_id": "{exercise}"' in head:
            return FOR_THE_FORMATTER.sub("", source).strip() + "\n"
    raise ValueError(f"{path}: it has no cell whose grade_id is {exercise!r}.")
