"""Every quiz of a lab's folder with where the student stands in it, for the progress page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from labkit.quiz.attempts import ATTEMPTS_FILE, read_attempts
from labkit.quiz.bank import BankError, load_bank
from labkit.quiz.standing import Standing, percent, standing


@dataclass(frozen=True)
class QuizRow:
    """One quiz: its lab, its title, and where the student stands in it."""

    lab: str
    title: str
    standing: Standing

    @property
    def done(self) -> bool:
        """Passed; or, in an exam, which only the grader scores, at least one attempt made."""
        return bool(self.standing.taken) if self.standing.mode == "exam" else bool(self.standing.passed)

    def outcome(self) -> str:
        """How it came out, in words: `passed`, `not passed yet`, `not tried yet`, `recorded` for an exam."""
        if not self.standing.taken:
            return "not tried yet"
        if self.standing.mode == "exam":
            return "recorded; the grader scores it"
        return "passed" if self.standing.passed else "not passed yet"

    def summary(self) -> str:
        """How it came out, and the highest score if there is one."""
        highest = self.standing.highest
        return self.outcome() + ("" if highest is None else f", highest {percent(highest)}")

    def scores(self) -> tuple[str, str, str, str]:
        """The latest score, the highest, the one to pass, and the attempts, as a table shows them."""
        at = self.standing
        latest, highest = ("–" if score is None else percent(score) for score in (at.latest, at.highest))
        return (
            latest,
            highest,
            percent(at.pass_mark),
            f"{at.taken}" if at.left is None else f"{at.taken} of {at.taken + at.left}",
        )

    def next(self) -> str:
        """What to do about it, in a sentence; empty if there is nothing to do."""
        if self.done or self.standing.left == 0:
            return ""
        if not self.standing.taken or self.standing.highest is None:
            return f"Next: take the quiz of {self.lab}."
        highest, needed = percent(self.standing.highest), percent(self.standing.pass_mark)
        return f"Next: take the quiz of {self.lab} again; your highest is {highest}, to pass you need {needed}."


def read_quizzes(folder: Path) -> tuple[list[QuizRow], list[str]]:
    """The quizzes of a lab's folder, by name, and a sentence for each thing that could not be read."""
    attempts, problems = read_attempts(folder / ATTEMPTS_FILE)
    lab, rows = folder.resolve().name, []
    problems = [f"{lab}: {problem}" for problem in problems]
    for path in sorted(folder.glob("*.quiz.json")):
        try:
            bank = load_bank(path)
        except (BankError, OSError) as error:
            problems.append(str(error))
            continue
        rows.append(QuizRow(lab, bank.title, standing(bank, attempts)))
    return rows, problems
