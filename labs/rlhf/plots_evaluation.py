"""Plots of lab 08: a proxy and its gold along a training, win rates with their intervals, power."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from labkit.picture import Picture
from labkit.picture import picture as _picture
from rlhf.plots import COLOURS, GREY, _cycle, _figure

DASHES = ("-", "--", "-.", ":")
Run = Sequence[Mapping[str, float]]


def over_optimisation(runs: Mapping[str, Run]) -> Picture:
    """Proxy and gold against KL, a panel each with an axis of its own; one line a run, the last one strong.

    Args:
        runs: label -> rows with `KL` in nats, and the shares `proxy` and `gold`.
    """
    with _figure(8.4, 3.4, columns=2, sharey=False) as (figure, axes):
        for axis, what in zip(axes, ("proxy", "gold"), strict=True):
            for place, (label, rows) in enumerate(runs.items()):
                strong = place == len(runs) - 1
                axis.plot(
                    [row["KL"] for row in rows], [row[what] for row in rows], label=label,
                    color=COLOURS[1] if strong else COLOURS[0], marker="o" if strong else "",
                    linestyle="-" if strong else DASHES[place % len(DASHES)], linewidth=2.0 if strong else 1.1,
                    zorder=3 if strong else 2,
                )  # fmt: skip
            axis.set(xlabel="KL from tiny (nats a response)", ylim=(0, None))
        axes[0].set_ylabel("share of texts that stop (proxy)")
        axes[1].set_ylabel("one sentence of 8 to 12 words (gold)")
        axes[0].legend(loc="lower right", fontsize=9)
        return _picture(figure, f"Proxy and gold against KL. {' '.join(map(_turn, runs, runs.values()))}")


def intervals(rows: Mapping[str, tuple[float, float, float]], *, even: str) -> Picture:
    """Win rates as points with their intervals, a row each, beside a line at one half.

    Args:
        rows: name -> (win rate, lower, upper).
        even: what the line at one half means.
    """
    with _figure(6.2, 0.42 * len(rows) + 1.0) as (figure, axes):
        axis, places = axes[0], range(len(rows))
        for place, (rate, low, high) in zip(places, rows.values(), strict=True):
            axis.plot([low, high], [place, place], color=COLOURS[0], linewidth=2.2)
            axis.plot([rate], [place], color=COLOURS[0], marker="o", markersize=6)
            axis.text(1.04, place, f"{rate:.3f}", va="center", fontsize=9, color="#333333")
        axis.axvline(0.5, color=GREY, linestyle="--", linewidth=1.2)
        axis.set_yticks(places, list(rows))
        axis.set(xlabel=f"win rate against tiny, 95 % interval (dashed: {even})", xlim=(0.3, 1.02))
        axis.set_ylim(len(rows) - 0.5, -0.5)
        said = "; ".join(f"{name} {rate:.3f}, from {low:.3f} to {high:.3f}" for name, (rate, low, high) in rows.items())
        return _picture(figure, f"Win rates with 95 % intervals: {said}.")


def power(counts: Sequence[int], lines: Mapping[str, Sequence[float]], *, wish: float) -> Picture:
    """The probability that a claim succeeds against the number of comparisons, with the wished-for one dashed."""
    with _figure(6.0, 3.3) as (figure, axes):
        axis = axes[0]
        for (label, heights), colour, dash in zip(lines.items(), _cycle(COLOURS), _cycle(DASHES), strict=False):
            axis.plot(counts, heights, color=colour, linestyle=dash, label=label)
        axis.axhline(wish, color=GREY, linestyle="--", linewidth=1.2)
        axis.set(xlabel="comparisons m", ylabel="power", ylim=(0, 1.03), xscale="log")
        axis.set_xticks([10, 20, 50, 100, 200, 500, 1000], ["10", "20", "50", "100", "200", "500", "1000"])
        axis.legend(loc="lower right")
        first = {
            name: next((m for m, h in zip(counts, heights, strict=True) if h >= wish), None)
            for name, heights in lines.items()
        }
        reached = "; ".join(f"{name}: at {m}" if m else f"{name}: not here" for name, m in first.items())
        return _picture(figure, f"Power against the number of comparisons. {wish:g} is first reached by {reached}.")


def _turn(label: str, rows: Run) -> str:
    """Where a run's gold is highest, and where both ended, in words."""
    top = max(rows, key=lambda row: row["gold"])
    last = rows[-1]
    return (
        f"{label}: the gold rises from {rows[0]['gold']:.2f} to {top['gold']:.2f} at {top['KL']:.1f} nats and ends at "
        f"{last['gold']:.2f}, while the proxy ends at {last['proxy']:.2f}."
    )
