"""Plots of quiz items, each drawn from the formula that it shows: from an item's `args` to a figure."""

from __future__ import annotations

from statistics import NormalDist

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure


def dpo_loss_against_u(beta: float) -> Figure:
    """The DPO loss −log σ(β log u) = log(1 + u^−β) over u from 0 to 4 (Rafailov et al. 2023, equation 7)."""
    figure, axes = plt.subplots(figsize=(4.8, 2.9))
    u = np.linspace(0.02, 4.0, 200)
    axes.plot(u, np.log1p(u**-beta), linewidth=2, color="#1f4e9c")
    axes.axvline(1.0, linestyle=":", color="#555555")
    axes.set(xlabel="u", ylabel="loss", xlim=(0, 4), ylim=(0, None), title=f"DPO loss, β = {beta:g}")
    axes.spines[["top", "right"]].set_visible(False)
    return figure


# Lab 02: a reward model from human ratings ---------------------------------------------------------------------------

BLUE, ORANGE, DARK = "#1f4e9c", "#c1570c", "#555555"


def _axes(**named: object) -> tuple[Figure, plt.Axes]:
    """One plot, legible at 480 pixels."""
    figure, axes = plt.subplots(figsize=(4.8, 3.0))
    axes.set(**named)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(visible=True, color="#dddddd", linewidth=0.7)
    axes.set_axisbelow(True)
    return figure, axes


def agreement_against_gap(spread: float) -> Figure:
    """Φ(gap / (spread √2)): how often two ratings, normal about means a gap apart, are in the order of the means."""
    figure, axes = _axes(
        xlabel="gap between the two mean ratings",
        ylabel="P(two raters agree with the label)",
        xlim=(0, 8),
        ylim=(0.5, 1),
    )
    gap = np.linspace(0, 8, 200)
    normal = NormalDist()
    axes.plot(gap, [normal.cdf(g / (spread * np.sqrt(2))) for g in gap], linewidth=2, color=BLUE)
    axes.set_xticks(range(9))
    axes.set_yticks(np.arange(0.5, 1.01, 0.05), [f"{y:.2f}" for y in np.arange(0.5, 1.01, 0.05)])
    return figure


def expected_pair_loss(p: float) -> Figure:
    """p·(−log σ(d)) + (1 − p)·(−log σ(−d)) over the difference d of the rewards: a label that is right with p."""
    figure, axes = _axes(xlabel="r(chosen) − r(rejected)", ylabel="expected loss, nats", xlim=(-2, 5), ylim=(0, 2.2))
    d = np.linspace(-2, 5, 300)
    axes.plot(d, p * np.log1p(np.exp(-d)) + (1 - p) * np.log1p(np.exp(d)), linewidth=2, color=BLUE)
    axes.set_xticks(
        np.arange(-2, 5.1, 0.5), [f"{x:g}".replace("-", "−") if x % 1 == 0 else "" for x in np.arange(-2, 5.1, 0.5)]
    )
    return figure


def honest_or_not(scale: float) -> Figure:
    """What raters say, σ(scale · d), against what the model says, σ(d), for differences d of its rewards."""
    figure, axes = _axes(
        xlabel="probability that the model gives", ylabel="share of raters who agree", xlim=(0, 1), ylim=(0, 1)
    )
    d = np.linspace(-6, 6, 300)
    axes.plot([0, 1], [0, 1], linestyle=":", color=DARK, label="honest")
    axes.plot(1 / (1 + np.exp(-d)), 1 / (1 + np.exp(-scale * d)), linewidth=2, color=BLUE, label="the model")
    axes.set(xticks=np.arange(0, 1.01, 0.1), yticks=np.arange(0, 1.01, 0.1))
    axes.legend(loc="upper left", frameon=False)
    axes.set_aspect("equal")
    figure.set_size_inches(4.2, 4.2)
    return figure


def accuracy_and_ceiling(by_means: float, by_one: float, ceiling: float) -> Figure:
    """Two accuracies of one model as bars, each with a dashed line at the best that any model can reach."""
    figure, axes = _axes(ylabel="accuracy", xlim=(-0.6, 1.6), ylim=(0.5, 1.05))
    for place, (height, best, hatch, colour) in enumerate([(by_means, 1.0, "", BLUE), (by_one, ceiling, "//", ORANGE)]):
        axes.bar(place, height - 0.5, bottom=0.5, width=0.6, color=colour, hatch=hatch, edgecolor="white")
        axes.text(place, height - 0.02, f"{height:.2f}", ha="center", va="top", color="white", weight="bold",
                  bbox={"facecolor": colour, "edgecolor": "none", "pad": 1.5})  # fmt: skip
        axes.plot([place - 0.4, place + 0.4], [best, best], linestyle="--", color="black", linewidth=1.6)
        axes.text(place, best + 0.008, f"ceiling {best:.2f}", ha="center", va="bottom", fontsize=9)
    axes.set_xticks([0, 1], ["label: order of the means", "label: one rater each"])
    axes.grid(visible=False, axis="x")
    return figure


def proxy_and_gold(alpha: float, beta: float, slack: float) -> Figure:
    """Two rewards of the best of n over d = √KL: d(α − β d) by people, and by the reward model with a smaller β.

    The form is that of Gao, Schulman and Hilton (2022), section 3.1, for best-of-n sampling.
    """
    end = 1.08 * alpha / beta
    d = np.linspace(0, end, 200)
    figure, axes = _axes(xlabel="distance from the reference, √KL", ylabel="reward", xlim=(0, end))
    axes.plot(d, d * (alpha - slack * beta * d), linewidth=2, linestyle="--", color=ORANGE, label="by the reward model")
    axes.plot(d, d * (alpha - beta * d), linewidth=2, color=BLUE, label="by people")
    axes.axhline(0, color=DARK, linewidth=0.8)
    axes.legend(loc="upper left", frameon=False)
    return figure


def four_policies(names: list[str], ref: list[float], candidates: list[list[float]]) -> Figure:
    """The reference and four candidates as bars, one panel for each candidate, the reference outlined behind it."""
    figure, grid = plt.subplots(2, 2, figsize=(5.2, 4.2), sharex=True, sharey=True)
    places = np.arange(len(names))
    for axes, letter, policy in zip(grid.flat, "ABCD", candidates, strict=True):
        axes.bar(places, policy, width=0.55, color=BLUE, label="after training")
        axes.bar(places, ref, width=0.85, fill=False, edgecolor="black", linestyle="--", label="reference")
        axes.set_title(letter, loc="left", weight="bold")
        axes.set_xticks(places, names)
        axes.set_ylim(0, 1.05)
        axes.spines[["top", "right"]].set_visible(False)
    for axes in grid[:, 0]:
        axes.set_ylabel("probability")
    handles, labels = grid.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="upper center", ncols=2, frameon=False)
    return figure
