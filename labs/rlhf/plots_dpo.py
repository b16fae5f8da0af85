"""Plots of lab 05: smooth curves of a loss or a weight, and what happens to both log-probs during training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from labkit.picture import Picture
from labkit.picture import picture as _picture
from rlhf.plots import COLOURS, GREY, _cycle, _figure

if TYPE_CHECKING:
    import torch

DASHES = ("-", "--", "-.", ":")


def smooth(
    panels: Mapping[str, tuple[torch.Tensor, Mapping[str, torch.Tensor]]],
    *,
    y_label: str,
    dots: Mapping[float, float] | None = None,
    log_x: Sequence[str] = (),
    y_to: float | None = None,
) -> Picture:
    """Curves without markers, one panel for each x axis, the same y axis in all of them.

    Args:
        panels: label of the x axis -> (x, float `[points]`; line label -> heights, float `[points]`).
        y_label: what the heights are, with their unit.
        dots: points to mark in every panel, x -> y.
        log_x: the panels whose x axis is logarithmic, in powers of ten.
        y_to: where the y axis ends; by default where the highest curve does.
    """
    with _figure(3.6 * len(panels) + (2.0 if len(panels) == 1 else 0.6), 3.5, columns=len(panels)) as (figure, axes):
        for axis, (x_label, (x, lines)) in zip(axes, panels.items(), strict=True):
            for (label, y), colour, dash in zip(lines.items(), _cycle(COLOURS), _cycle(DASHES), strict=False):
                axis.plot(x.tolist(), y.tolist(), color=colour, linestyle=dash, label=label)
            for place, height in (dots or {}).items():
                axis.plot([place], [height], color="black", marker="o", markersize=6, zorder=5)
            if x_label in log_x:
                axis.set_xscale("log")
            axis.set(xlabel=x_label, ylim=(0 if y_to is None else -0.03 * y_to, y_to))
        axes[0].set_ylabel(y_label)
        axes[-1].legend()
        return _picture(figure, f"{y_label} against {', '.join(panels)}. {_ends(panels)}")


def training(sides: Mapping[str, Sequence[float]], margin: Sequence[float]) -> Picture:
    """Two panels over the steps of a training: how far the log-probs of both sides have moved, and the margin.

    Args:
        sides: label -> nats above the reference, a batch mean for each step; chosen first, then rejected.
        margin: log u, chosen minus rejected, in nats, for each step.
    """
    steps = range(1, len(margin) + 1)
    with _figure(8.4, 3.4, columns=2) as (figure, axes):
        for (label, values), colour, dash in zip(sides.items(), _cycle(COLOURS), _cycle(DASHES), strict=False):
            axes[0].plot(steps, values, color=colour, linestyle=dash, label=label)
        axes[1].plot(steps, margin, color=COLOURS[2], label="margin: log u")
        for axis in axes:
            axis.axhline(0.0, color=GREY, linewidth=1.0)
            axis.set_xlabel("step")
            axis.legend(loc="best")
        axes[0].set_ylabel("nats, mean of the batch")
        said = "; ".join(
            f"{label} goes from {y[0]:.1f} to {y[-1]:.1f}" for label, y in {**sides, "the margin": margin}.items()
        )
        return _picture(figure, f"Log-probabilities against the training step, in nats. {said}.")


def _ends(panels: Mapping[str, tuple[torch.Tensor, Mapping[str, torch.Tensor]]]) -> str:
    """Where each curve of the last panel starts and ends, in words."""
    x, lines = list(panels.values())[-1]
    return " ".join(f"{n} goes from {y[0]:.2f} at {x[0]:g} to {y[-1]:.2f} at {x[-1]:g}." for n, y in lines.items())
