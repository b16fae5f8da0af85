"""Who marks an attempt, counts it, and says what comes next: this machine, or the hub's service for its exams."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from labkit.quiz.attempts import Attempt
from labkit.quiz.bank import Bank
from labkit.quiz.draw import MAX_SEED, Drawn, first_seed
from labkit.quiz.marking import Result, mark
from labkit.quiz.service import UNKNOWN, Marker, Served, ServiceError, service
from labkit.quiz.standing import Standing, standing

AGAIN = "Free some space or make the folder writable, then submit again"


@dataclass(frozen=True)
class Marked:
    """The answers that count, the verdict on them where there is one, and the score that goes into the record."""

    responses: Mapping[str, Mapping[str, str]]
    result: Result | None
    recorded: float | None = None


class Here:
    """The student's machine: it marks practice by its sealed verdicts, and only records an exam."""

    problems: tuple[str, ...] = ()
    unwritten = f"Nothing was submitted. {AGAIN}."
    """What to do where an attempt cannot be written."""

    def __init__(self, bank: Bank) -> None:
        self._bank = bank

    def standing(self, attempts: Sequence[Attempt]) -> Standing:
        """Where these attempts leave the student."""
        return standing(self._bank, attempts)

    def next_seed(self, last: Attempt | None) -> int:
        """That of a random run of attempts first; then the next one, which `draw` makes differ wherever it can."""
        return first_seed(secrets.randbelow(MAX_SEED)) if last is None else (last.seed + 1) % MAX_SEED

    def is_next(self, seed: int) -> bool:
        """Whether an attempt with this seed may be made now."""
        return seed >= 0

    def name(self, seed: int) -> str:
        """What a new attempt is called."""
        del seed
        return str(uuid.uuid4())

    def mark(self, attempt: Attempt, drawn: Sequence[Drawn]) -> Marked:
        """The verdict on an attempt. Raises BankError: the bank is damaged."""
        if self._bank.mode == "exam":
            return Marked(attempt.responses, None)
        result = mark(self._bank, drawn, attempt.responses)
        return Marked(attempt.responses, result, result.score)


class AtService(Here):
    """The hub's service marks this exam, counts the attempts at it, and says which questions are next."""

    unwritten = f"The grader has your answers. {AGAIN}, to see what came of them."

    def __init__(self, bank: Bank, marker: Marker, served: Served | None) -> None:
        super().__init__(bank)
        self._marker, self._served = marker, served

    def standing(self, attempts: Sequence[Attempt]) -> Standing:
        """As the service says; where it cannot be reached, as this machine knows it, and what was wrong."""
        self.problems = ()
        if self._served is None:
            try:
                self._served = self._marker.served()
            except ServiceError as error:
                self.problems = (f"{error.what} {error.remedy}",)
        return super().standing(attempts) if self._served is None else self._served.standing

    def next_seed(self, last: Attempt | None) -> int:
        """As the service says: nobody answers questions that it will not take.

        Raises:
            ServiceError: it cannot be reached, or does not mark this file of the bank.
        """
        del last
        self._served = self._served or self._marker.served()
        return self._served.seed

    def is_next(self, seed: int) -> bool:
        """Whether the service takes an attempt with this seed; one that it has taken gets its verdict again."""
        return self._served is None or seed == self._served.seed

    def name(self, seed: int) -> str:
        """The same for the same questions: the service knows an attempt again whose answer got lost."""
        return self._marker.name(seed)

    def mark(self, attempt: Attempt, drawn: Sequence[Drawn]) -> Marked:
        """The service's verdict, on what it took of the attempt first.

        Raises:
            ServiceError: it does not take it, or cannot be reached.
        """
        del drawn
        try:
            responses, result, self._served = self._marker.submit(attempt)
        except ServiceError:
            self._served = None  # what it said of the next attempt is out of date, it may be
            raise
        return Marked(responses, result)


def marks_of(bank: Bank) -> Here:
    """Who marks a bank: the service, where there is one that marks this exam or cannot be reached now."""
    found = service() if bank.mode == "exam" else None
    if found is None:
        return Here(bank)
    marker = Marker(found, bank)
    try:
        return AtService(bank, marker, marker.served())
    except ServiceError as error:
        return Here(bank) if error.status == UNKNOWN else AtService(bank, marker, None)
