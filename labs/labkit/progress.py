"""Progress: which visible checks and which quizzes passed, read beside each notebook, as table, chart and next step."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from labkit.errors import LabError
from labkit.exercises import Exercise, notebook_of, read_lab

if TYPE_CHECKING:
    from labkit.picture import Picture
    from labkit.quiz.overview import QuizRow


class Progress:
    """Where a student stands in every lab under `root`: in a notebook, show it, `.plot()` it, or ask for `.next()`.

    A lab is a folder with a notebook of the same name; its exercises are the notebook's cells of visible checks.
    An exercise counts as passed if all its checks held the last time that they ran, a quiz if the highest attempt
    reached its pass mark.

    Raises:
        LabError: `root` is no folder.
    """

    def __init__(self, root: str | Path = ".") -> None:
        self.root = Path(root)
        if not self.root.is_dir():
            raise LabError(f"There is no folder {self.root.resolve()}.", 'Give the folder of the labs: Progress("..").')
        self.problems: tuple[str, ...] = ()
        self._rows: list[Exercise] = []
        self._quizzes: list[QuizRow] = []
        for folder in sorted(path for path in self.root.iterdir() if path.is_dir()):
            if not notebook_of(folder).is_file():
                continue
            try:
                self._rows += read_lab(folder)
            except LabError as error:
                self.problems += (error.what,)
            self._add_quizzes(folder)

    def _add_quizzes(self, folder: Path) -> None:
        if not any(folder.glob("*.quiz.json")):
            return  # and the quizzes' modules are not loaded
        from labkit.quiz.overview import read_quizzes

        quizzes, problems = read_quizzes(folder)
        self._quizzes += quizzes
        self.problems += tuple(problems)

    def table(self) -> list[Exercise]:
        """Every exercise of every lab, in the order of the labs and of their notebooks."""
        return list(self._rows)

    def quizzes(self) -> list[QuizRow]:
        """Every quiz of every lab, in the order of the labs."""
        return list(self._quizzes)

    def next(self) -> str:
        """What to do next, in a sentence."""
        if not self._rows and not self._quizzes:
            return f"No exercises were found under {self.root.resolve()}."
        for lab in self._labs():
            for row in self._rows:
                if row.lab == lab and row.passed is False:
                    return f"Next: go on with {row.exercise} in {lab}; its checks do not all pass yet."
                if row.lab == lab and row.passed is None:
                    return f"Next: try {row.exercise} in {lab}."
            for quiz in self._quizzes:
                if quiz.lab == lab and quiz.next():
                    return quiz.next()
        done = "All visible checks pass" + (", and all quizzes are done" if self._quizzes else "")
        return f"{done}. Hand in each lab with the last cell of its notebook."

    def plot(self) -> Picture:
        """For each lab a bar of its exercises, passed, tried and not tried yet, and the highest score of its quiz."""
        from labkit.progress_chart import progress_chart

        return progress_chart(self._by_lab(), self._quizzes)

    def _labs(self) -> list[str]:
        return sorted({row.lab for row in self._rows} | {quiz.lab for quiz in self._quizzes})

    def _by_lab(self) -> dict[str, list[Exercise]]:
        labs: dict[str, list[Exercise]] = {lab: [] for lab in self._labs()}
        for row in self._rows:
            labs[row.lab].append(row)
        return labs

    def _repr_html_(self) -> str:
        """What to do next, the chart, and tables for eyes and screen readers, with links that open the notebooks."""
        from labkit.progress_page import progress_page

        picture = self.plot()._repr_html_()
        return progress_page(self.root, self.next(), picture, self._rows, self._quizzes, self.problems)
