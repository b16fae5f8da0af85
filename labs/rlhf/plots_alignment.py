"""Plots of labs 04 and 05: probabilities of whole responses, the reward–KL frontier, estimates and their spread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from labkit.picture import Picture
from labkit.picture import picture as _picture
from rlhf.plots import COLOURS, GREY, MARKERS, _cycle, _draw_lines, _figure, _log_axis, _said

if TYPE_CHECKING:
    import torch

DARK = "#555555"
EXACT = "#000000"

Path = tuple[Sequence[float], Sequence[float]]  # KL in nats, expected reward


def response_bars(panels: Mapping[str, torch.Tensor], names: Sequence[str], *, top: int = 10) -> Picture:
    """Bars of the probabilities of whole responses, one panel for each policy, the same responses in all of them.

    Args:
        panels: title -> probabilities, float `[responses]`.
        names: the responses in words.
        top: how many responses are shown, those that are most probable in any panel; the others share the last bar.

    Raises:
        ValueError: a policy has another number of responses than there are names.
    """
    import torch

    for title, probs in panels.items():
        if list(probs.shape) != [len(names)]:
            raise ValueError(f"panel {title!r}: expected probabilities [{len(names)}], found {list(probs.shape)}")
    chosen = torch.stack(list(panels.values())).max(0).values.topk(min(top, len(names))).indices
    first = next(iter(panels.values()))
    chosen = chosen[first[chosen].argsort(descending=True)]
    labels = [*(names[i] for i in chosen.tolist()), "all others"]
    bars = {t: [*p[chosen].tolist(), max(0.0, 1.0 - float(p[chosen].sum()))] for t, p in panels.items()}
    places = range(len(labels))
    with _figure(2.3 * len(panels) + 1.9, 0.24 * len(labels) + 0.9, columns=len(panels)) as (figure, axes):
        for axis, colour, (title, values) in zip(axes, _cycle(COLOURS), bars.items(), strict=False):
            axis.barh(places, values, color=[*[colour] * (len(labels) - 1), GREY], height=0.72)
            for place, value in enumerate(values):
                axis.text(value, place, f" {_share(value)}", va="center", fontsize=8, color="#333333")
            axis.set(title=title, xlabel="probability", yticks=[], xlim=(0, 1.3 * max(map(max, bars.values()))))
            axis.grid(visible=False, axis="y")
        axes[0].set_yticks(places, labels)
        axes[0].invert_yaxis()
        said = "; ".join(
            f"{title}: " + ", ".join(f"{n} {_share(v)}" for n, v in list(zip(labels, values, strict=True))[:4])
            for title, values in bars.items()
        )
        return _picture(figure, f"Probabilities of responses. {said}.")


def frontier(
    best: Path,
    *,
    marks: Mapping[str, tuple[float, float]] | None = None,
    paths: Mapping[str, Path] | None = None,
    clouds: Mapping[str, Path] | None = None,
    kl_to: float | None = None,
) -> Picture:
    """Expected reward against KL from the reference: the best that is possible, and where other policies lie.

    Args:
        best: the frontier, from small KL to large.
        marks: text -> a point of the frontier to write it at, such as a value of β.
        paths: label -> other policies along a line, each with a marker.
        clouds: label -> other policies as single points.
        kl_to: right end of the KL axis, in nats.
    """
    with _figure(6.4, 4.0) as (figure, axes):
        axis = axes[0]
        axis.plot(*best, color=EXACT, label="π*, one point for each β", zorder=4)
        axis.fill_between(best[0], best[1], max(best[1]) * 1.08, color=EXACT, alpha=0.06, linewidth=0)
        colours = iter(_cycle(COLOURS))  # as `lines` gives them: a policy keeps its colour
        for (label, path), marker in zip((paths or {}).items(), _cycle(MARKERS), strict=False):
            axis.plot(*path, color=next(colours), marker=marker, linewidth=1.2, label=label, zorder=3)
        for label, cloud in (clouds or {}).items():
            axis.scatter(*cloud, color=next(colours), s=9, alpha=0.55, linewidths=0, label=label, zorder=2)
        for text, (kl, reward) in (marks or {}).items():
            axis.plot([kl], [reward], color=EXACT, marker="o", zorder=5)
            axis.annotate(
                text, (kl, reward), xytext=(-6, 5), textcoords="offset points", ha="right", fontsize=9, color=EXACT
            )
        axis.set(xlabel="KL(π‖π_ref) in nats", ylabel="expected reward", ylim=(None, max(best[1]) * 1.08))
        axis.set_xlim(-0.09 * (kl_to or max(best[0])), kl_to)
        axis.legend(loc="lower right", fontsize=9, markerscale=1.3)
        return _picture(figure, "Expected reward against KL. " + _said_paths(best, paths or {}, clouds or {}))


def estimates(
    x: Sequence[float],
    exact: Sequence[float],
    spreads: Mapping[str, tuple[Sequence[float], Sequence[float], Sequence[float]]],
    *,
    x_label: str,
    y_label: str,
    log_x: bool = True,
) -> Picture:
    """An exact curve and estimates of it, each drawn as its mean with a band that holds nine of ten estimates.

    Args:
        x: where the estimates were made.
        exact: the true heights.
        spreads: label -> lower edges, means, upper edges.
        x_label: what x is, with its unit.
        y_label: what the heights are, with their unit.
        log_x: whether the x axis is logarithmic.
    """
    with _figure(6.0, 3.6) as (figure, axes):
        axis = axes[0]
        axis.plot(x, exact, color=EXACT, label="exact", zorder=4)
        for (label, (low, mean, high)), colour, marker in zip(
            spreads.items(), _cycle(COLOURS), _cycle(MARKERS), strict=False
        ):
            axis.fill_between(x, low, high, color=colour, alpha=0.2, linewidth=0)
            axis.plot(x, mean, color=colour, marker=marker, label=label, zorder=3)
        axis.set(xlabel=x_label, ylabel=y_label)
        if log_x:
            _log_axis(axis, "x")
        axis.legend()
        means = {"exact": exact, **{label: mean for label, (_, mean, _) in spreads.items()}}
        return _picture(figure, f"{y_label} against {x_label}, exact and estimated. {_said(x, means)}")


def lines(
    x: Sequence[float],
    heights: Mapping[str, Sequence[float]],
    *,
    x_label: str,
    y_label: str,
    levels: Mapping[str, float] | None = None,
    log_x: bool = False,
    log_y: bool = False,
    markers: bool = True,
) -> Picture:
    """Lines over one axis, not from 0 up as `plots.curves` but over the range of the heights.

    Args:
        x: places of the points; whole numbers get whole ticks.
        heights: label -> one height for each place; all positive where `log_y`.
        x_label: what x is, with its unit.
        y_label: what the heights are, with their unit.
        levels: dashed lines to compare with, written at the right end, label -> height.
        log_x: whether the x axis is logarithmic.
        log_y: whether the y axis is logarithmic.
        markers: whether each point has a marker.
    """
    from matplotlib.ticker import MaxNLocator

    with _figure(6.8 if levels else 5.8, 3.4) as (figure, axes):
        axis = axes[0]
        _draw_lines(axis, x, heights, {})
        for line in axis.lines if not markers else ():
            line.set_marker("")
        for label, height in (levels or {}).items():
            axis.axhline(height, color=GREY, linestyle="--", linewidth=1.2, zorder=1)
            axis.text(1.01, height, label, transform=axis.get_yaxis_transform(), va="center", fontsize=9, color=DARK)
        axis.set(xlabel=x_label, ylabel=y_label)
        axis.margins(y=0.1)
        if log_x:
            _log_axis(axis, "x")
        elif all(isinstance(place, int) for place in x):
            axis.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
        if log_y:
            axis.set_yscale("log")
        if len(heights) > 1:
            axis.legend(fontsize=9, frameon=True, framealpha=1.0, edgecolor="none")
        return _picture(figure, f"{y_label} against {x_label}. {_said(x, heights)}")


def _share(value: float) -> str:
    if value >= 0.005:
        return f"{value:.2f}"
    return "0" if value < 1e-99 else f"{value:.0e}".replace("e-0", "e-")


def _said_paths(best: Path, paths: Mapping[str, Path], clouds: Mapping[str, Path]) -> str:
    """The paths in words: their ends, and the range of each cloud."""
    said = [f"The frontier rises from {best[1][0]:.2f} to {best[1][-1]:.2f} while KL grows to {best[0][-1]:.1f} nats."]
    for label, (kl, reward) in paths.items():
        said.append(f"{label}: from {reward[0]:.2f} at {kl[0]:.2f} nats to {reward[-1]:.2f} at {kl[-1]:.2f}.")
    said += [f"{label}: rewards from {min(r):.2f} to {max(r):.2f}." for label, (_, r) in clouds.items()]
    return " ".join(said)
