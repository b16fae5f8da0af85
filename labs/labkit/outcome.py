"""How one visible check came out, as lines to show, and the failure that Jupyter shows as a list."""

from __future__ import annotations

from dataclasses import dataclass

GREEN, RED, DIM, PLAIN = "\x1b[32m", "\x1b[31m", "\x1b[2m", "\x1b[0m"


@dataclass(frozen=True)
class Outcome:
    """One check: what it promises, whether it held, what was found instead, and the hint; or nothing yet (`open`)."""

    says: str
    passed: bool
    found: tuple[str, ...] = ()
    hint: str = ""
    open: bool = False

    def lines(self, colour: bool = True) -> list[str]:
        """The check as lines to show: one where it passed or is still to come, a few where it did not pass."""
        green, red, dim, plain = (GREEN, RED, DIM, PLAIN) if colour else ("",) * 4
        if self.passed or self.open:
            return [f"{green}✓{plain} {self.says}" if self.passed else f"☐ {self.says}"]
        lines = [f"{red}✗ {self.says}{plain}", *(f"    {dim}{line}{plain}" for line in self.found)]
        return [*lines, f"    hint: {self.hint}"] if self.hint else lines


class ChecksFailed(AssertionError):  # noqa: N818 - the name that students read
    """Some visible checks of an exercise failed; Jupyter shows the list of them instead of a traceback."""

    goes_on = True  # a run of all cells does not stop here; see goes_on.py

    def __init__(self, exercise: str, outcomes: tuple[Outcome, ...], notes: tuple[str, ...] = ()) -> None:
        self.exercise = exercise
        self.outcomes = outcomes
        self.notes = notes
        super().__init__("\n".join(self.told(colour=False)))

    def told(self, colour: bool) -> list[str]:
        """All of it as lines: how many hold, remarks, each check."""
        passed = sum(o.passed for o in self.outcomes)
        first = f"{self.exercise}: {passed} of {len(self.outcomes)} checks pass"
        return [first, *self.notes, *(line for o in self.outcomes for line in o.lines(colour))]

    def _render_traceback_(self) -> list[str]:
        """What Jupyter, Validate and feedback show."""
        return self.told(colour=True)
