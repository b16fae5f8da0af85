"""`Cases`: a check that calls an exercise with many inputs and lays each outcome beside that of a reference."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from grader.kernels.many import LAYOUTS, Asked, Built
from labkit.findings import KINDS

Relation = Callable[["Case", Any, Any], str]


def _line_of_caller() -> int:
    return sys._getframe(2).f_lineno


def _file_of_caller() -> str:
    return sys._getframe(2).f_code.co_filename


@dataclass(frozen=True, eq=False)
class Case:
    """One input. `family` is the kind of input, in words that students read after "for"; `name` they never see.

    `layout` says for arguments by name how their tensors lie in memory: transposed, expanded, strided or column.
    `tolerance` is absolute, for this case alone.
    """

    name: str
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    family: str = ""
    layout: Mapping[str, str] = field(default_factory=dict)
    tolerance: float | None = None


@dataclass(frozen=True)
class Mistake:
    """A likely mistake: what to say of it, and an answer that makes it, with the signature of the exercise."""

    hint: str
    answer: Callable[..., Any]


@dataclass(frozen=True, eq=False)
class Cases:
    """A check of `exercise` on all cases of a pool; each keyword is one promise of the exercise's docstring.

    Args:
        exercise: the function that is called.
        name: the name of the check, one of its kind in a lab.
        promise: what students read.
        points: what it gives, above 0.
        reference: called as the exercise; returns what is right, or raises the built-in error that is promised.
        pool: yields the cases, the same in every process; their names differ.
        gradient: arguments with respect to which the docstring promises a gradient.
        keeps_inputs: arguments are not changed.
        fresh: the result shares no memory with an argument.
        accept: a relation instead of the comparison of values, for what is not unique: (case, found, expected) -> ""
            where it holds, else what does not, as a sentence. Type, dtype and shape agree already where it is asked.
        tolerance: absolute; None goes by dtype and magnitude.
        mistakes: likely ones, each with its hint.
        hints: own words by the kind of a finding (`labkit.findings.KINDS`), by (kind, family) where it is of that
            family alone, by an error's name ("IndexError or KeyError") where no other was raised, or by a family
            where values are wrong only there.

    Raises:
        ValueError: something in it cannot be meant so.
    """

    exercise: str
    name: str
    promise: str
    points: float
    reference: Callable[..., Any]
    pool: Callable[[], Iterable[Case]]
    gradient: tuple[str, ...] = ()
    keeps_inputs: bool = False
    fresh: bool = False
    accept: Relation | None = None
    tolerance: float | None = None
    mistakes: tuple[Mistake, ...] = ()
    hints: Mapping[str | tuple[str, str], str] = field(default_factory=dict)
    line: int = field(default_factory=_line_of_caller)
    file: str = field(default_factory=_file_of_caller)

    def __post_init__(self) -> None:
        """Refuse what helps nobody."""
        where = self.where
        if not self.promise.strip():
            raise ValueError(f"{where}: it has no promise; students read it in their feedback.")
        if self.points <= 0:
            raise ValueError(f"{where}: it is worth {self.points} points; give it more than 0.")
        known = inspect.signature(self.reference).parameters
        for name in self.gradient:
            if name not in known:
                raise ValueError(f"{where}: gradient {name!r} is no parameter of its reference: {', '.join(known)}.")

    @property
    def where(self) -> str:
        """The file and line that declare it, and its name."""
        return f"{Path(self.file).name}:{self.line} {self.name}"

    def asked(self, case: Case) -> Asked:
        """A case as a call, its arguments by place.

        Raises:
            ValueError: it does not fit the reference's signature, or names an argument or a layout that is not there.
        """
        names = self.names(case)
        for name, layout in case.layout.items():
            if name not in names or layout not in LAYOUTS:
                said = f"case {case.name!r}: nothing lies as {name}={layout!r}"
                raise ValueError(f"{said}; layouts: {', '.join(LAYOUTS)}")
        by_place = {names.index(name): how for name, how in case.layout.items()}
        gradient = tuple(sorted(names.index(name) for name in self.gradient if name in names))
        return Asked(tuple(case.args), dict(case.kwargs), by_place, gradient)

    def names(self, case: Case) -> list[str]:
        """The names of a case's arguments, by place."""
        signature = inspect.signature(self.reference)
        try:
            signature.bind(*case.args, **case.kwargs)
        except TypeError as wrong:
            raise ValueError(f"case {case.name!r} does not fit {self.reference.__name__}{signature}: {wrong}") from None
        positional = [
            f"{p.name}[{i}]" if p.kind is p.VAR_POSITIONAL else p.name
            for p in signature.parameters.values()
            if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD, p.VAR_POSITIONAL)
            for i in range(len(case.args) if p.kind is p.VAR_POSITIONAL else 1)
        ]
        return [*positional[: len(case.args)], *case.kwargs]


__all__ = ["KINDS", "Built", "Case", "Cases", "Mistake"]
