"""What evaluating one variant of one item gave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Broken:
    """Something that could not be evaluated. `inside` is the line within its source, where that is known."""

    path: str
    message: str
    line: int | None = None
    inside: int | None = None


@dataclass(frozen=True)
class Evaluated:
    """One variant of one item: results by path, and what broke."""

    item: str
    variant: int
    results: Mapping[str, Any] = field(default_factory=dict)
    broken: tuple[Broken, ...] = ()
    mutants: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What the item's mutants gave where they differ from it (see `grader.quizzes.mutants`); None where they broke."""

    def text(self, path: str) -> str:
        """A filled-in text; empty where it broke."""
        return str(self.results.get(path, ""))

    def number(self, path: str) -> float | None:
        """A number; None where it broke or is none."""
        found = self.results.get(path)
        return found if isinstance(found, float) else None

    def holds(self, path: str) -> bool | None:
        """What a claim said; None where it broke or was not asked."""
        found = self.results.get(path)
        return bool(found["holds"]) if isinstance(found, dict) and "holds" in found else None
