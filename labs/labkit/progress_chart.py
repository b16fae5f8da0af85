"""The chart of a student's progress: a bar for each lab's exercises, and the highest score of each quiz."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from labkit.exercises import WORDS, Exercise
from labkit.picture import STYLE, Picture, picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from labkit.quiz.overview import QuizRow

COLOURS = {True: "#0072B2", False: "#E69F00", None: "#D9D9D9"}  # told apart by colour-blind people too
Labs = Mapping[str, Sequence[Exercise]]


def progress_chart(labs: Labs, quizzes: Sequence[QuizRow]) -> Picture:
    """For each lab a bar of its exercises, passed, tried and not tried yet, and the highest score of its quiz."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context({**STYLE, "axes.grid": False}):
        figure = Figure(figsize=(9 if quizzes else 7, 1.3 + 0.45 * len(labs)), layout="constrained")
        columns = figure.subplots(1, 2, squeeze=False, sharey=True) if quizzes else [[figure.subplots()]]
        _draw_bars(figure, columns[0][0], labs)
        if quizzes:
            _draw_scores(columns[0][1], list(labs), quizzes)
        said = [f"{lab}: {', '.join(_counted(rows))}" for lab, rows in labs.items() if rows]
        said += [f"quiz of {quiz.lab}: {quiz.summary()}" for quiz in quizzes]
        return picture(figure, f"Your progress. {'; '.join(said) or 'no exercises found'}.")


def _draw_bars(figure: Figure, axes: Axes, labs: Labs) -> None:
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


def _draw_scores(axes: Axes, labs: list[str], quizzes: Sequence[QuizRow]) -> None:
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


def _counted(rows: Sequence[Exercise]) -> list[str]:
    return [f"{sum(row.passed is outcome for row in rows)} {word}" for outcome, word in WORDS.items()]
