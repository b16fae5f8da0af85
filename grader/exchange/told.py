"""What was left out, as lines for people: why, what to do, and so few of a kind that nobody can hide the rest."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from grader.text import StudentText, student_text

MOST_OF_A_KIND = 5
MOST_LINES = 2_000


@dataclass(frozen=True)
class Left:
    """A file, or all files of a person, that was left out, why, and what to do."""

    source: StudentText
    why: StudentText
    remedy: StudentText

    def __str__(self) -> str:
        return f"{self.source}: {self.why}; {self.remedy}"


class NotTakenError(Exception):
    """Why a file is no part of a submission, and what to do."""

    def __init__(self, why: str, remedy: str) -> None:
        super().__init__(why, remedy)
        self.why, self.remedy = why, remedy


@dataclass
class Told:
    """The lines so far; more than a few of one kind of one person are counted instead."""

    lines: list[Left] = field(default_factory=list)
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    dropped: int = 0

    def add(self, source: str, why: str, remedy: str, whose: str = "") -> None:
        """Tell of one file; `whose` says together with what it counts."""
        kind = (whose or "", why)
        if kind not in self.counts and len(self.lines) >= MOST_LINES:
            self.dropped += 1
            return
        self.counts[kind] += 1
        if self.counts[kind] <= MOST_OF_A_KIND:
            self.lines.append(Left(student_text(source), student_text(why), student_text(remedy)))

    def finished(self) -> list[Left]:
        """All lines, with one for each kind of which there were more."""
        more = [
            Left(
                student_text(whose or "elsewhere"),
                student_text(f"{count - MOST_OF_A_KIND} more files: {why}"),
                AS_ABOVE,
            )
            for (whose, why), count in self.counts.items()
            if count > MOST_OF_A_KIND
        ]
        if self.dropped:
            more.append(
                Left(student_text("all downloads"), student_text(f"{self.dropped} more files are left out"), AS_ABOVE)
            )
        return [*self.lines, *more]


AS_ABOVE = student_text("do as with those above")
