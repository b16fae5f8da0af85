"""Help when stuck: `hint`, in three steps, and `explain`, which shows what the trap was once the checks pass."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

from labkit.exercises import hints_taken, record_hint
from labkit.help_sheet import STEPS, Explanation, read_help
from labkit.looking import STUB, look

if TYPE_CHECKING:
    from labkit.picture import Picture

WIDTH = 88


def hint(exercise: str, step: int | None = None, folder: str | Path = ".") -> None:
    """Show the next step of the help for an exercise: look where, the idea, almost the line.

    Steps are counted, and shown in your progress. They cost no points. While nbgrader executes the notebook, nothing is
    shown.

    Args:
        exercise: the name of the function.
        step: 1, 2 or 3 shows the steps up to that one; without it, up to the next one.
        folder: where the lab lies, for a notebook that runs in another folder.

    Raises:
        LabError: there is no help for that exercise.
    """
    if os.environ.get("NBGRADER_EXECUTION"):
        return
    place = Path(folder)
    sheet = read_help(place, exercise)
    taken, total = hints_taken(exercise, place), sheet.hints(exercise)
    step = max(1, min(taken + 1 if step is None else step, total))
    texts = [sheet.hint(exercise, number) for number in range(1, step + 1)]
    for number, text in enumerate(texts, start=1):
        print("\n".join(wrap(f"Hint {number} of {total} ({STEPS[number - 1]}): {text}", WIDTH, subsequent_indent="  ")))
    if step > taken:
        record_hint(exercise, step, place)
    more = f'labkit.hint("{exercise}") again shows the next step' if step < total else "That was the last step"
    print(f"{more}. Hints are counted in your progress and cost no points.")


def explain(exercise: str, folder: str | Path = ".") -> Picture | None:
    """Show what the trap of an exercise was, with a counterexample, and a plot where there is something to see.

    It opens when all visible checks of the exercise pass; before that it says what is missing.

    Args:
        exercise: the name of the function.
        folder: where the lab lies, for a notebook that runs in another folder.

    Raises:
        LabError: there is no explanation for that exercise.
    """
    if os.environ.get("NBGRADER_EXECUTION"):
        return None
    sheet = read_help(Path(folder), exercise)
    looked = look(sheet.checks(exercise), sys._getframe(1).f_globals)
    if looked.passed < len(looked.outcomes):
        why = " It is not written yet." if looked.missing == STUB else ""
        print(f"{looked.passed} of {len(looked.outcomes)} visible checks of {exercise} pass now.{why}")
        print("The explanation opens when all do. Missing:")
        print("\n".join(f"  ☐ {outcome.says}" for outcome in looked.outcomes if not outcome.passed))
        print(f'labkit.hint("{exercise}") helps in steps.')
        return None
    told = sheet.explanation(exercise)
    print("\n".join(_lines(exercise, told)))
    return _drawn(exercise, told) if told.curves else None


def _lines(exercise: str, told: Explanation) -> list[str]:
    lines = [f"The trap of {exercise}", "", *wrap(told.text, WIDTH)]
    if told.call:
        calls = told.call.splitlines()
        lines += [
            "",
            *(f"  {line}" for line in calls),
            f"    right      {told.right}",
            f"    with it    {told.trapped}",
        ]
    return lines


def _drawn(exercise: str, told: Explanation) -> Picture:
    """The right curve and that of the trap."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    from labkit.picture import STYLE, picture

    curves = told.curves
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(6, 3), layout="constrained")
        axes = figure.subplots()
        axes.plot(curves["x"], curves["right"], label="right")
        axes.plot(curves["x"], curves["trapped"], label="with the trap", linestyle="--")
        axes.set(xlabel=curves["x_label"], ylabel=curves["y_label"])
        axes.legend()
        ends = " and ".join(f"{curves[name][-1]:.3g}" for name in ("right", "trapped"))
        axis = f"{curves['y_label']} against {curves['x_label']}"
        alt = f"{axis}: right, and with the trap of {exercise}; they end at {ends}."
        return picture(figure, alt)
