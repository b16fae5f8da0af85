"""Plots of lab 07: several seeds of several runs, each seed a thin line and their mean a thick one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from labkit.picture import Picture
from labkit.picture import picture as _picture
from rlhf.plots import COLOURS, _cycle, _figure

DASHES = ("-", "--", "-.", ":")


def seeds(
    panels: Mapping[str, Mapping[str, Sequence[Sequence[float]]]],
    *,
    steps: Mapping[str, Sequence[float]] | None = None,
    smooth: int = 5,
) -> Picture:
    """Panels over the steps of training, each with an axis of its own.

    Args:
        panels: title, what is measured, with its unit -> (label of a run -> for each seed one number a step).
        steps: title -> the steps of its numbers, where they are not 1, 2, 3 …; such panels are not smoothed.
        smooth: how many steps a point is the mean of, itself and those before it.
    """
    from matplotlib.ticker import MaxNLocator

    drawn = {
        title: {
            label: [list(one) if title in (steps or {}) else moving_mean(one, smooth) for one in values]
            for label, values in runs.items()
        }
        for title, runs in panels.items()
    }
    with _figure(min(3.3 * len(panels) + 0.6, 11.0), 3.3, columns=len(panels), sharey=False) as (figure, axes):
        for axis, (title, runs) in zip(axes, drawn.items(), strict=True):
            known = (steps or {}).get(title)
            for (label, lines), colour, dash in zip(runs.items(), _cycle(COLOURS), _cycle(DASHES), strict=False):
                x = list(known or range(1, len(lines[0]) + 1))
                for line in lines:
                    axis.plot(x, line, color=colour, linestyle=dash, linewidth=0.7, alpha=0.5)
                axis.plot(x, _means(lines), color=colour, linestyle=dash, linewidth=2.2, label=label)
            axis.set(title=title, xlabel="step")
            axis.set_ylim(bottom=min(0.0, axis.get_ylim()[0]))
            axis.yaxis.set_major_locator(MaxNLocator(nbins=8, steps=[1, 2, 5, 10]))  # no 2.5 tokens
        handles, labels = axes[0].get_legend_handles_labels()
        if len(labels) > 1:
            figure.legend(handles, labels, loc="outside upper center", ncols=len(labels))
        return _picture(figure, f"Runs of several seeds against the step of training. {_said(drawn)}")


def moving_mean(values: Sequence[float], width: int) -> list[float]:
    """Each value's mean with up to `width` − 1 before it.

    >>> moving_mean([1.0, 3.0, 5.0], 2)
    [1.0, 2.0, 4.0]
    """
    parts = [values[max(0, end - width) : end] for end in range(1, len(values) + 1)]
    return [sum(part) / len(part) for part in parts]


def _means(lines: Sequence[Sequence[float]]) -> list[float]:
    return [sum(column) / len(column) for column in zip(*lines, strict=True)]


def _said(panels: Mapping[str, Mapping[str, Sequence[Sequence[float]]]]) -> str:
    """Where the mean of each run starts and ends, in words."""
    parts = []
    for title, runs in panels.items():
        ends = [(label, _means([[one[0], one[-1]] for one in values])) for label, values in runs.items()]
        parts.append(f"{title}: " + "; ".join(f"{label} from {a:.2f} to {b:.2f}" for label, (a, b) in ends) + ".")
    return " ".join(parts)
