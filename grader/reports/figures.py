"""The figures of the class report, as `data:` addresses of SVG: the same bytes for the same class."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from grader.quizzes.analyse import BANDS, ItemAnalysis

if TYPE_CHECKING:
    from grader.reports.class_report import ExerciseRate

BLUE, ORANGE, GREY, GREEN = "#1f4e9c", "#c25b00", "#8a929a", "#1a7f37"
BINS = 10
STYLES = ("--", ":", "-.", (0, (6, 1, 1, 1, 1, 1)), (0, (1, 3)), (0, (8, 3)))
MARKERS = "svDPX*"


def score_distribution(scores: Sequence[float], most: float) -> str:
    """How many students are in each tenth of the points."""
    figure = Figure(figsize=(6.4, 2.4))
    axes = figure.subplots()
    edges = np.linspace(0, most or 1, BINS + 1)
    counts, _ = np.histogram(scores, bins=edges)
    axes.bar(edges[:-1], counts, width=edges[1] - edges[0], align="edge", color=BLUE, edgecolor="white")
    axes.set(xlabel=f"points of {most:g}", ylabel="students", xlim=(0, most or 1), ylim=(0, max(counts.max(), 1) * 1.1))
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    return _address(figure)


def exercise_rates(exercises: Sequence[ExerciseRate]) -> str:
    """For each exercise the shares of students with all, some and none of its points."""
    figure = Figure(figsize=(6.4, 0.8 + 0.32 * len(exercises)))
    axes = figure.subplots()
    places = np.arange(len(exercises))[::-1]
    left = np.zeros(len(exercises))
    for name, colour, hatch in (("full", GREEN, ""), ("partly", "#e3b341", "//"), ("none", "#d1d9e0", "")):
        counts = np.array([getattr(exercise, name) for exercise in exercises], dtype=float)
        sums = np.array([exercise.full + exercise.partly + exercise.none for exercise in exercises], dtype=float)
        shares = 100 * counts / np.maximum(sums, 1)
        label = {"full": "all points", "partly": "some", "none": "none"}[name]
        axes.barh(places, shares, left=left, color=colour, hatch=hatch, edgecolor="white", label=label)
        left += shares
    axes.set_yticks(places, [exercise.exercise for exercise in exercises])
    axes.set(xlabel="per cent of the students", xlim=(0, 100))
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, frameon=False)
    return _address(figure)


def item_map(items: Sequence[ItemAnalysis]) -> str:
    """Items by difficulty and discrimination, numbered as in the table; good items lie high and not at the sides."""
    figure = Figure(figsize=(6.4, 3.2))
    axes = figure.subplots()
    axes.axhline(0, color=GREY, linewidth=1)
    for number, item in enumerate(items, start=1):
        if item.discrimination is None or item.low is None or item.high is None:
            continue
        x, y = item.difficulty, item.discrimination
        axes.plot([x, x], [item.low, item.high], color="#c9d1d9", linewidth=1, zorder=1)
        axes.text(x, y, str(number), ha="center", va="center", fontsize=8, zorder=2,
                  bbox={"boxstyle": "circle,pad=0.2", "facecolor": "white", "edgecolor": BLUE})  # fmt: skip
    axes.set(xlabel="share of points (right: easy)", ylabel="correlation with the rest", xlim=(0, 1))
    axes.set_ylim(min([-0.2, *(item.low - 0.05 for item in items if item.low is not None)]), 1)
    return _address(figure)


def answer_curves(item: ItemAnalysis) -> str:
    """The share of students that gave each answer to the first part, from the weakest third to the strongest."""
    first = [choice for choice in item.choices if choice.part == item.choices[0].part] if item.choices else []
    figure = Figure(figsize=(4.2, 2.2))
    axes = figure.subplots()
    places = np.arange(BANDS)
    wrong = 0
    for number, choice in enumerate(first, start=1):
        if choice.key:
            axes.plot(places, choice.curve, color=GREEN, linewidth=2.2, marker="o", label=f"{number} (key)")
        else:
            style, marker = STYLES[wrong % len(STYLES)], MARKERS[wrong % len(MARKERS)]
            axes.plot(
                places, choice.curve, color=ORANGE, linestyle=style, marker=marker, markersize=4, label=str(number)
            )
            wrong += 1
    axes.set_xticks(places, ["weakest third", "middle", "strongest third"])
    axes.set(ylim=(-0.03, 1.03), ylabel="share who gave it")
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize=8)
    return _address(figure)


def _address(figure: Figure) -> str:
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
    out = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "report", "svg.fonttype": "path"}):
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None}, bbox_inches="tight")
    return f"data:image/svg+xml;base64,{base64.b64encode(out.getvalue()).decode('ascii')}"
