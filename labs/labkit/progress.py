"""Progress: which visible checks and which quizzes passed, read beside each notebook, as table, chart and next step."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.errors import LabError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from labkit.plots import Picture
    from labkit.quiz.overview import QuizRow

PROGRESS_FILE = "progress.jsonl"
CHECKS = "-checks"  # the ending of the grade_id of a cell of visible checks; before it stands the exercise's name
WORDS = {True: "passed", False: "not all pass yet", None: "not tried yet"}
COLOURS = {True: "#0072B2", False: "#E69F00", None: "#D9D9D9"}  # told apart by colour-blind people too


@dataclass(frozen=True)
class Exercise:
    """How the visible checks of one exercise came out last; `passed` and `when` (UTC) are None before the first try."""

    lab: str
    exercise: str
    passed: bool | None
    when: datetime | None


def record(exercise: str, passed: int, total: int) -> None:
    """Add one line to `progress.jsonl` in the current folder: `passed` of the `total` checks of `exercise` held.

    Nothing is written while nbgrader executes the notebook, nor into a folder that cannot be written: a check must
    never fail because of it.
    """
    if os.environ.get("NBGRADER_EXECUTION"):
        return
    now = datetime.now(UTC).isoformat(timespec="seconds")
    try:
        folder = Path.cwd()
        line = json.dumps({"lab": folder.name, "exercise": exercise, "passed": passed, "total": total, "time": now})
        with (folder / PROGRESS_FILE).open("a", encoding="utf-8") as file:
            file.write(line + "\n")
    except OSError:
        return


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
            if not _notebook(folder).is_file():
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
        import matplotlib as mpl
        from matplotlib.figure import Figure

        from labkit import plots

        labs = self._by_lab()
        width = 9 if self._quizzes else 7
        with mpl.rc_context({**plots.STYLE, "axes.grid": False}):
            figure = Figure(figsize=(width, 1.3 + 0.45 * len(labs)), layout="constrained")
            columns = figure.subplots(1, 2, squeeze=False, sharey=True) if self._quizzes else [[figure.subplots()]]
            _draw_bars(figure, columns[0][0], labs)
            if self._quizzes:
                _draw_scores(columns[0][1], list(labs), self._quizzes)
            buffer = io.BytesIO()
            figure.savefig(buffer, dpi=2 * plots.PIXELS_PER_INCH, metadata={"Software": None})
        said = [f"{lab}: {', '.join(_counted(rows))}" for lab, rows in labs.items() if rows]
        said += [f"quiz of {quiz.lab}: {quiz.summary()}" for quiz in self._quizzes]
        alt = f"Your progress. {'; '.join(said) or 'no exercises found'}."
        return plots.Picture(buffer.getvalue(), alt, width * plots.PIXELS_PER_INCH)

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

        return progress_page(self)


def _draw_bars(figure: Figure, axes: Axes, labs: dict[str, list[Exercise]]) -> None:
    from matplotlib.ticker import MaxNLocator

    left = [0] * len(labs)
    for outcome, word in WORDS.items():
        counts = [sum(row.passed is outcome for row in rows) for rows in labs.values()]
        bars = axes.barh(list(labs), counts, left=left, height=0.6, color=COLOURS[outcome], label=word)
        ink = "white" if outcome else "black"
        axes.bar_label(bars, [str(n) if n else "" for n in counts], label_type="center", color=ink)
        left = [start + count for start, count in zip(left, counts, strict=True)]
    axes.invert_yaxis()
    axes.set(xlabel="exercises", xlim=(0, max(left, default=1) or 1), title="Your progress: visible checks")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.legend(loc="outside lower center", ncols=len(WORDS))


def _draw_scores(axes: Axes, labs: list[str], quizzes: list[QuizRow]) -> None:
    """The highest score of each quiz as a bar, the latest as a diamond, the pass mark as a line."""
    for quiz in quizzes:
        at, row = quiz.standing, labs.index(quiz.lab)
        axes.vlines(100 * at.pass_mark, row - 0.38, row + 0.38, color="black", linestyle="--", linewidth=1.2)
        if at.highest is None or at.latest is None:
            axes.text(2, row, "recorded" if at.taken else "not tried yet", va="center", color="#595959")
            continue
        axes.barh(row, 100 * at.highest, height=0.6, color=COLOURS[bool(at.passed)])
        axes.plot(100 * at.latest, row, marker="D", color="white", markeredgecolor="black", linestyle="")
    axes.set(xlim=(0, 104), xlabel="highest score, % (◆ latest, ┆ to pass)", title="Quizzes")


def _counted(rows: list[Exercise]) -> list[str]:
    return [f"{sum(row.passed is outcome for row in rows)} {word}" for outcome, word in WORDS.items()]


def read_lab(folder: Path) -> list[Exercise]:
    """The exercises of the lab in `folder`, in the order of its notebook, with the last outcome of each.

    Raises:
        LabError: the notebook is no valid notebook.
    """
    latest = {name: (passed, when) for name, passed, when in _outcomes(folder / PROGRESS_FILE)}
    lab = folder.resolve().name
    return [Exercise(lab, name, *latest.get(name, (None, None))) for name in _exercises(_notebook(folder))]


def read_notebook(path: Path) -> dict[str, Any]:
    """A notebook as its JSON object, with a list of cells.

    Raises:
        LabError: the file cannot be read, or is no notebook.
    """
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(notebook, dict) and isinstance(notebook.get("cells"), list):
            return notebook
        reason = "it has no list of cells"
    except (OSError, ValueError, RecursionError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
    remedy = "Take an older version (File → Revert Notebook to Checkpoint), or your last good copy, and save it."
    raise LabError(f"{path} is no valid notebook: {reason}.", remedy)


def _notebook(folder: Path) -> Path:
    return folder / f"{folder.resolve().name}.ipynb"


def _exercises(path: Path) -> list[str]:
    names = []
    for cell in read_notebook(path)["cells"]:
        found: Any = cell
        for key in ("metadata", "nbgrader", "grade_id"):
            found = found.get(key) if isinstance(found, dict) else None
        if isinstance(found, str) and found.endswith(CHECKS):
            names.append(found.removesuffix(CHECKS))
    return list(dict.fromkeys(names))


def _outcomes(path: Path) -> Iterator[tuple[str, bool, datetime]]:
    """Every readable line of a progress file: exercise, whether all checks held, when. Broken lines are skipped."""
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError:
        return
    for line in lines:
        try:
            said = json.loads(line)
            passed, total, when = int(said["passed"]), int(said["total"]), datetime.fromisoformat(said["time"])
            yield str(said["exercise"]), passed == total > 0, when if when.tzinfo else when.replace(tzinfo=UTC)
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
