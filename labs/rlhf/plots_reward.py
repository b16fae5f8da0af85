"""Plots of lab 02: how raters disagree, what a pair's label is worth, and how good and how honest a reward model is."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from labkit.picture import Picture
from labkit.picture import picture as _picture
from rlhf.plots import COLOURS, GREY, MARKERS, _cycle, _figure

if TYPE_CHECKING:
    import torch

LEVELS = range(-4, 5)
DARK = "#555555"
DASHES = ("-", "--", "-.", ":")


def raters(snippets: Mapping[str, Sequence[int]]) -> Picture:
    """Bars of single ratings, one panel for each snippet; a dashed line at the mean.

    Args:
        snippets: text -> its ratings, ints −4 … 4, one a rater.
    """
    with _figure(2.7 * len(snippets), 2.9, columns=len(snippets)) as (figure, axes):
        said = []
        for axis, colour, (text, ratings) in zip(axes, _cycle(COLOURS), snippets.items(), strict=False):
            counts, mean = Counter(ratings), sum(ratings) / len(ratings)
            axis.bar(LEVELS, [counts[level] for level in LEVELS], color=colour, width=0.8)
            axis.axvline(mean, color="black", linestyle="--", linewidth=1.2)
            axis.set_title("\n".join(textwrap.wrap(text.replace("$", r"\$"), 34)), fontsize=8.5)
            axis.set(xlabel=f"rating (mean {mean:.1f})".replace("-", "−"), xticks=list(LEVELS))
            axis.grid(visible=False, axis="x")
            said.append(f"{text!r}: " + ", ".join(f"{counts[level]} gave {level}" for level in sorted(counts)))
        axes[0].set_ylabel("raters")
        return _picture(figure, f"Ratings of {len(snippets)} snippets. {'; '.join(said)}.")


def agreement(gap: torch.Tensor, p: torch.Tensor, *, width: float = 0.5) -> Picture:
    """The probability that two raters agree with a pair's label, against the gap of its mean ratings.

    Args:
        gap: how far the two means are apart, float `[pairs]`, above 0.
        p: the probability that a random rater of each agrees with the order of the means, float `[pairs]`.
        width: pairs within this much of gap are drawn together: the middle one, and the band of the middle 80 %.
    """
    import torch

    edges = [k * width for k in range(1 + int(float(gap.max()) / width))]
    binned = [(start, p[(gap >= start) & (gap < start + width)]) for start in edges]
    kept = [(start + width / 2, values) for start, values in binned if len(values) >= 20]
    x = [middle for middle, _ in kept]
    low, mid, high = (
        [float(torch.quantile(values.double(), q)) for _, values in kept] for q in (0.1, 0.5, 0.9)
    )  # fmt: skip
    with _figure(6.0, 3.5) as (figure, axes):
        axis = axes[0]
        axis.fill_between(x, low, high, color=COLOURS[0], alpha=0.2, linewidth=0, label="the middle 80 % of pairs")
        axis.plot(x, mid, color=COLOURS[0], marker="o", label="the middle pair")
        axis.axhline(0.5, color=GREY, linestyle="--", linewidth=1.2)
        axis.text(x[-1], 0.505, "coin flip", va="bottom", ha="right", fontsize=9, color=DARK)
        axis.set(
            xlabel="gap between the two mean ratings", ylabel="P(two raters agree with the label)", ylim=(0.38, 1.02)
        )
        axis.legend(loc="lower right", bbox_to_anchor=(1.0, 0.26))
        said = " ".join(f"At a gap of {g:.2f} it is {m:.2f}." for g, m in zip(x, mid, strict=True))
        return _picture(figure, f"Probability that two raters agree with the order of the means. {said}")


def losses(runs: Mapping[str, Sequence[float]], levels: Mapping[str, float], *, window: int = 30) -> Picture:
    """Training losses over the steps, as running means.

    Args:
        runs: label -> loss of each step, nats a pair.
        levels: label -> height of a dashed line to compare with.
        window: how many steps a running mean covers.
    """
    with _figure(6.4, 3.5) as (figure, axes):
        axis, said = axes[0], []
        for (label, values), colour, dash in zip(runs.items(), _cycle(COLOURS), _cycle(DASHES), strict=False):
            smooth = [sum(values[i - window : i]) / window for i in range(window, len(values) + 1)]
            axis.plot(range(window, len(values) + 1), smooth, color=colour, linestyle=dash, label=label)
            said.append(f"{label} goes from {smooth[0]:.3f} to {smooth[-1]:.3f}")
        for label, height in levels.items():
            axis.axhline(height, color=GREY, linestyle=":", linewidth=1.4)
            axis.text(window, height, label, va="bottom", ha="left", fontsize=9, color=DARK)
            said.append(f"{label}: {height:.3f}")
        axis.set(xlabel="step", ylabel=f"loss, nats a pair (mean of {window} steps)")
        axis.margins(y=0.08)
        axis.legend(loc="upper right", bbox_to_anchor=(1.0, 0.92))
        return _picture(figure, f"Loss against the training step. {'; '.join(said)}.")


def accuracies(panels: Mapping[str, tuple[Mapping[str, float], float]]) -> Picture:
    """Bars of accuracies, one panel for each kind of pair or label, with the ceiling that no model passes.

    Args:
        panels: title -> (model -> share of pairs in the right order, the ceiling), all in [0, 1].
    """
    names = list(next(iter(panels.values()))[0])
    with _figure(2.9 * len(panels) + 1.6, 0.36 * len(names) + 1.3, columns=len(panels)) as (figure, axes):
        for axis, colour, (title, (shares, ceiling)) in zip(axes, _cycle(COLOURS), panels.items(), strict=False):
            axis.barh(range(len(names)), [shares[name] for name in names], color=colour, height=0.66)
            for place, name in enumerate(names):
                axis.text(shares[name] - 0.01, place, f"{shares[name]:.3f}", va="center", ha="right", color="white")
            axis.axvline(ceiling, color="black", linestyle="--", linewidth=1.4)
            axis.set(xlim=(0.5, 1.02), xlabel=f"accuracy (ceiling {ceiling:.3f})", title=title)
            axis.grid(visible=False, axis="y")
        axes[0].set_yticks(range(len(names)), names)
        axes[0].invert_yaxis()
        said = "; ".join(
            f"{title}: " + ", ".join(f"{n} {v:.3f}" for n, v in shares.items()) + f", ceiling {ceiling:.3f}"
            for title, (shares, ceiling) in panels.items()
        )
        return _picture(figure, f"Accuracies. {said}.")


def calibration(models: Mapping[str, torch.Tensor], observed: torch.Tensor, *, bins: int = 10) -> Picture:
    """Predicted against observed preference, and how often each prediction is made.

    Args:
        models: label -> P(first preferred to second) as predicted, float `[pairs]`.
        observed: the share of rater pairs that prefer the first, float `[pairs]`.
        bins: into how many equal parts predictions are sorted; a part with fewer than 20 pairs is left out.
    """
    with _figure(8.2, 3.7, columns=2, sharey=False) as (figure, axes):
        axes[0].plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1.2, label="honest")
        said = []
        for (label, predicted), colour, marker in zip(models.items(), _cycle(COLOURS), _cycle(MARKERS), strict=False):
            place = (predicted * bins).long().clamp(max=bins - 1)
            parts = [place == k for k in range(bins) if int((place == k).sum()) >= 20]
            x, y = ([float(values[part].mean()) for part in parts] for values in (predicted, observed))
            axes[0].plot(x, y, color=colour, marker=marker, label=label)
            shares = [float((place == k).double().mean()) for k in range(bins)]
            axes[1].plot([(k + 0.5) / bins for k in range(bins)], shares, color=colour, marker=marker)
            said.append(f"{label}: where it predicts {x[0]:.2f}, {y[0]:.2f} is observed; {x[-1]:.2f}, {y[-1]:.2f}")
        axes[0].set(xlabel="predicted preference", ylabel="observed preference", xlim=(0, 1), ylim=(0, 1))
        axes[0].legend(loc="upper left")
        axes[1].set(xlabel="predicted preference", ylabel="share of pairs", xlim=(0, 1))
        axes[1].set_ylim(bottom=0)
        return _picture(figure, f"Calibration. {'; '.join(said)}.")


def climb(steps: Mapping[str, float], levels: Mapping[str, float]) -> Picture:
    """The reward of a text that is changed word by word; dashed levels to compare with.

    Args:
        steps: the text after each change -> its reward.
        levels: label -> height of a dashed line.
    """
    texts = [text.replace("$", r"\$") for text in steps]
    with _figure(6.8, 0.36 * len(texts) + 1.2) as (figure, axes):
        axis: Any = axes[0]
        axis.plot(list(steps.values()), range(len(texts)), color=COLOURS[1], marker="o")
        for label, height in levels.items():
            axis.axvline(height, color=GREY, linestyle="--", linewidth=1.2)
            axis.text(height, -0.75, label, va="bottom", ha="center", fontsize=9, color=DARK)
        axis.set_yticks(range(len(texts)), texts)
        axis.set(xlabel="reward", ylim=(len(texts) - 0.5, -0.6))
        axis.grid(visible=False, axis="y")
        said = "; ".join(f"{text!r} {reward:.2f}" for text, reward in steps.items())
        marks = "; ".join(f"{label}: {height:.2f}" for label, height in levels.items())
        return _picture(figure, f"Reward of a text as its words are replaced: {said}. {marks}.")
