"""Where a student stands in a quiz: latest, highest, the pass mark, attempts left; in the words of the player."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from labkit.quiz.attempts import Attempt
from labkit.quiz.bank import Bank

ROUNDING = 1e-9  # 7 points of 10, added up in floating point, are a pass at 0.7


@dataclass(frozen=True)
class Standing:
    """Scores from 0 to 1, None before the first attempt and in an exam; `left` is None without a limit.

    `mode` is the bank's, or `served` for an exam that a service marks at once: it has scores as practice has.
    """

    mode: str
    pass_mark: float
    taken: int
    left: int | None
    latest: float | None
    highest: float | None

    @property
    def passed(self) -> bool | None:
        """Whether the highest score reaches the pass mark; None if there is no score."""
        return None if self.highest is None else self.highest >= self.pass_mark - ROUNDING

    def line(self) -> str:
        """The line at the head of the player."""
        if self.mode == "exam":
            count = "No attempt" if not self.taken else "1 attempt" if self.taken == 1 else f"{self.taken} attempts"
            need = f"To pass you need at least {percent(self.pass_mark)}."
            return (
                f"{count} recorded. The grader scores your answers; this page cannot. {need} Your highest score counts."
            )
        need = f"To pass you need at least {percent(self.pass_mark)}. We keep your highest score."
        if self.latest is None or self.highest is None:
            return need
        return f"Your latest: {percent(self.latest)} · Your highest: {percent(self.highest)} · {need}"

    def left_line(self) -> str:
        """How many attempts are left; empty where they are not limited."""
        if self.left is None:
            return ""
        return f"Attempts left: {self.left} of {self.taken + self.left}." if self.left else "No attempts are left."


def standing(bank: Bank, attempts: Sequence[Attempt]) -> Standing:
    """Where the attempts at this bank, in the order of submission, leave a student; those at other banks do not count.

    An attempt at an older release of the bank keeps the score that it had. Beyond the limit of attempts none counts.
    """
    own = [attempt for attempt in attempts if attempt.bank == bank.bank]
    scores = (
        [attempt.score for attempt in own[: bank.attempts] if attempt.score is not None]
        if bank.mode == "practice"
        else []
    )
    left = None if bank.attempts is None else max(bank.attempts - len(own), 0)
    latest, highest = (scores[-1], max(scores)) if scores else (None, None)
    return Standing(bank.mode, bank.pass_mark, len(own), left, latest, highest)


def percent(share: float) -> str:
    """A share from 0 to 1 as whole per cents, rounded down: what reads 70% is at least 70%."""
    return f"{math.floor(100 * share + ROUNDING * 100)}%"
