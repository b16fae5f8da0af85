"""Plots of lab 03: the clipped loss against the ratio, runs of PPO step by step, responses before and after."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from labkit.picture import PIXELS_PER_INCH, STYLE, Picture
from labkit.picture import picture as _picture
from rlhf.plots import COLOURS, GREY, MARKERS, _cycle, _figure

DASHES = ("-", "--", "-.", ":")


def against_ratio(
    x: Sequence[float], sides: Mapping[str, Sequence[tuple[float, float]]], *, clip_range: float
) -> Picture:
    """Two panels over the ratio π/π_old, the loss of one token and its slope in log π; the clip range is shaded.

    Args:
        x: ratios.
        sides: label, such as a sign of the advantage -> (loss, slope) at each ratio.
        clip_range: ε.
    """
    with _figure(8.2, 3.3, columns=2) as (figure, axes):
        for axis, which, title in zip(axes, (0, 1), ("loss", "slope of the loss in log π"), strict=True):
            for (label, pairs), colour, dash in zip(sides.items(), _cycle(COLOURS), _cycle(DASHES), strict=False):
                axis.plot(x, [pair[which] for pair in pairs], color=colour, linestyle=dash, label=label)
            axis.axvspan(1 - clip_range, 1 + clip_range, color=GREY, alpha=0.12, linewidth=0)
            axis.axhline(0.0, color=GREY, linewidth=0.9)
            axis.set(xlabel="ratio π/π_old (grey: 1 ± ε)", title=title)
        axes[0].legend()
        said = "; ".join(
            f"{label}: loss from {y[0][0]:.2f} to {y[-1][0]:.2f}, slope from {y[0][1]:.2f} to {y[-1][1]:.2f}"
            for label, y in sides.items()
        )
        return _picture(figure, f"Loss and slope for ratios from {x[0]:.1f} to {x[-1]:.1f}. {said}.")


def runs(
    panels: Mapping[str, Mapping[str, Sequence[float]]], *, levels: Mapping[str, float] | None = None, columns: int = 4
) -> Picture:
    """Panels over the steps of training, each with an axis of its own: the same runs, seen from several sides.

    Args:
        panels: title, what is measured, with its unit -> (label of a run -> one number for each step).
        levels: title -> a height to compare with, drawn as a dashed line.
        columns: how many panels stand side by side.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    columns = min(columns, len(panels))
    rows = -(-len(panels) // columns)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(2.55 * columns + 0.4, 2.6 * rows + 0.4), layout="constrained")
        axes = list(figure.subplots(rows, columns, squeeze=False).flat)
        for axis in axes[len(panels) :]:
            axis.set_visible(False)
        for axis, (title, lines) in zip(axes, panels.items(), strict=False):
            for (label, y), colour, dash in zip(lines.items(), _cycle(COLOURS), _cycle(DASHES), strict=False):
                axis.plot(range(1, len(y) + 1), y, color=colour, linestyle=dash, label=label, linewidth=1.5)
            if title in (levels or {}):
                axis.axhline((levels or {})[title], color=GREY, linestyle=":", linewidth=1.3, zorder=1)
            axis.set(title=title, xlabel="step")
            axis.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
        handles, labels = axes[0].get_legend_handles_labels()
        if len(labels) > 1:
            figure.legend(handles, labels, loc="outside upper center", ncols=min(len(labels), 5))
        said = " ".join(
            f"{title}: "
            + "; ".join(f"{label} from {_ends(y)[0]:.2f} to {_ends(y)[1]:.2f}" for label, y in lines.items())
            + "."
            for title, lines in panels.items()
        )
        return _picture(figure, f"Training step by step, means of the first and the last five steps. {said}")


def trade_off(points: Mapping[str, tuple[float, float]], *, x_label: str, y_label: str) -> Picture:
    """Labelled points, joined in their order: what one quantity costs in another.

    Args:
        points: label -> (x, y).
        x_label: what x is, with its unit.
        y_label: what y is, with its unit.
    """
    with _figure(5.8, 3.4) as (figure, axes):
        axis = axes[0]
        axis.plot(*zip(*points.values(), strict=True), color=GREY, linewidth=1.0, zorder=1)
        for (label, (x, y)), colour, marker in zip(points.items(), _cycle(COLOURS), _cycle(MARKERS), strict=False):
            axis.plot([x], [y], color=colour, marker=marker, markersize=8, linestyle="", zorder=3)
            axis.annotate(label, (x, y), xytext=(8, -4), textcoords="offset points", fontsize=9, color=colour)
        axis.set(xlabel=x_label, ylabel=y_label)
        axis.margins(x=0.16, y=0.14)
        said = "; ".join(f"{label}: {y:.2f} at {x:.2f}" for label, (x, y) in points.items())
        return _picture(figure, f"{y_label} against {x_label}. {said}.")


@dataclass(frozen=True)
class Table:
    """Rows of texts and numbers as a table on the page; everything in it is escaped."""

    head: tuple[str, ...]
    rows: tuple[tuple[str | float, ...], ...]

    def _repr_html_(self) -> str:
        """How Jupyter shows it."""
        style = "text-align:left;vertical-align:top;padding:2px 10px"
        head = "".join(f'<th style="{style}">{html.escape(name)}</th>' for name in self.head)
        body = "".join(
            "<tr>" + "".join(f'<td style="{style}">{html.escape(_said(cell))}</td>' for cell in row) + "</tr>"
            for row in self.rows
        )
        width = f"max-width:{10 * PIXELS_PER_INCH}px"
        return f'<table style="{width}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'

    def __repr__(self) -> str:
        return "\n".join(" | ".join(_said(cell) for cell in row) for row in (self.head, *self.rows))


def before_and_after(
    queries: Sequence[str], before: Sequence[tuple[str, float]], after: Sequence[tuple[str, float]]
) -> Table:
    """Responses to the same queries side by side, each with its reward.

    Args:
        queries: the texts that both continue.
        before: (response, reward) for each query, of the policy as it was.
        after: the same of the policy as it is now.
    """
    rows = tuple((q, b, x, a, y) for q, (b, x), (a, y) in zip(queries, before, after, strict=True))
    return Table(("query", "before", "reward", "after", "reward"), rows)


def _said(cell: str | float) -> str:
    return cell if isinstance(cell, str) else f"{cell:+.2f}"


def _ends(values: Sequence[float]) -> tuple[float, float]:
    """Means of the first and the last five."""
    first, last = values[:5], values[-5:]
    return sum(first) / len(first), sum(last) / len(last)
