"""Plots of quiz items, each drawn from the formula that it shows: from an item's `args` to a figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


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


# Lab 04-partition-function.

STYLES = (("#1f4e9c", "-"), ("#c2571a", "--"), ("#2b7a4b", "-."), ("#555555", ":"))
HATCHES = ("", "///", "\\\\\\", "xx")


def sequences_against_length(vocab: int, longest: int) -> Figure:
    """The power of ten of V^T, the number of sequences of T tokens, for T from 0 to `longest`."""
    figure, axes = plt.subplots(figsize=(4.8, 2.9))
    lengths = np.arange(longest + 1)
    axes.plot(lengths, lengths * np.log10(vocab), linewidth=2, color=STYLES[0][0], marker="o", markersize=4)
    axes.set(xlabel="tokens T", ylabel="power of ten", xlim=(0, longest + 0.3), ylim=(0, None))
    axes.set_title(f"Number of sequences, V = {vocab}")
    axes.set_xticks(lengths[::2])
    axes.grid(color="#dddddd")
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def policies_as_bars(policies: Mapping[str, Sequence[float]]) -> Figure:
    """Probabilities of the same responses under several policies, side by side; `policies` is name -> probabilities."""
    figure, axes = plt.subplots(figsize=(4.8, 2.9))
    count = len(policies)
    for k, (name, probs) in enumerate(policies.items()):
        places = np.arange(len(probs)) + (k - (count - 1) / 2) * 0.8 / count
        bars = axes.bar(places, probs, 0.8 / count, label=name, hatch=HATCHES[k], facecolor=STYLES[k][0], alpha=0.75)
        axes.bar_label(bars, labels=["0" if p == 0 else "" for p in probs], fontsize=9)
    axes.set_xticks(range(len(probs)), [f"y{n + 1}" for n in range(len(probs))])
    axes.set(xlabel="response", ylabel="probability")
    axes.legend(frameon=False, ncols=count, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def gain_and_price(ref: Sequence[float], rewards: Sequence[float], beta: float) -> Figure:
    """Along π_t ∝ π_ref exp(t r): the reward gained over the reference, and β KL(π_t‖π_ref), for t from 0 to 4."""
    figure, axes = plt.subplots(figsize=(4.8, 3.1))
    t = np.linspace(0, 4, 161)
    policies = np.asarray(ref) * np.exp(t[:, None] * np.asarray(rewards))
    policies /= policies.sum(1, keepdims=True)
    gain = policies @ np.asarray(rewards) - np.dot(ref, rewards)
    price = beta * (policies * np.log(policies / np.asarray(ref))).sum(1)
    axes.plot(t, gain, linewidth=2, color=STYLES[0][0], linestyle=STYLES[0][1], label="reward gained")
    axes.plot(t, price, linewidth=2, color=STYLES[1][0], linestyle=STYLES[1][1], label="price β KL")
    axes.set(xlabel="t", ylabel="reward", xlim=(0, 4), ylim=(0, None))
    axes.set_xticks(np.arange(0, 4.1, 0.5))
    axes.grid(color="#dddddd")
    axes.legend(frameon=False, ncols=2, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def frontier_with_tangent(ref: Sequence[float], rewards: Sequence[float], beta: float) -> Figure:
    """Reward over KL of π* ∝ π_ref exp(r/b) for all b, with the point of b = β and its tangent."""
    figure, axes = plt.subplots(figsize=(4.8, 3.1))
    scale = 1 / np.append(np.geomspace(0.08, 60, 300), beta)
    policies = np.asarray(ref) * np.exp(scale[:, None] * np.asarray(rewards))
    policies /= policies.sum(1, keepdims=True)
    kl = (policies * np.log(np.maximum(policies, 1e-300) / np.asarray(ref))).sum(1)
    reward = policies @ np.asarray(rewards)
    axes.plot(kl[:-1], reward[:-1], linewidth=2, color=STYLES[0][0])
    reach = np.array([max(0.0, kl[-1] - 0.25), kl[-1] + 0.25])
    axes.plot(reach, reward[-1] + beta * (reach - kl[-1]), color=STYLES[1][0], linestyle="--", linewidth=1.5)
    axes.plot(kl[-1:], reward[-1:], "o", color=STYLES[1][0])
    axes.set(xlabel="KL from the reference (nats)", ylabel="expected reward", xlim=(0, None))
    axes.grid(color="#dddddd")
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def reward_and_maximum(ref: Sequence[float], rewards: Sequence[float], beta: float) -> Figure:
    """E[r] under π* and β log Z over β, with a dotted line at one β (Rafailov et al. 2023, equation 4)."""
    figure, axes = plt.subplots(figsize=(4.8, 3.1))
    betas = np.geomspace(0.05, 50, 200)
    logs = np.log(ref) + np.asarray(rewards) / betas[:, None]
    log_z = np.logaddexp.reduce(logs, axis=1)
    reward = np.exp(logs - log_z[:, None]) @ np.asarray(rewards)
    axes.plot(betas, reward, linewidth=2, color=STYLES[0][0], linestyle=STYLES[0][1], label="E[r] under π*")
    axes.plot(betas, betas * log_z, linewidth=2, color=STYLES[1][0], linestyle=STYLES[1][1], label="β log Z")
    axes.axvline(beta, linestyle=":", color="#555555")
    axes.set(xlabel="β", ylabel="reward", xscale="log", xlim=(0.05, 50))
    axes.set_xticks([0.1, 1, 10], ["0.1", "1", "10"])
    axes.grid(color="#dddddd")
    axes.legend(frameon=False, ncols=2, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def running_estimates(rewards: Sequence[float], betas: Sequence[float]) -> Figure:
    """β log Ẑ = β log((1/n) Σ exp(r/β)) of the first n rewards, for each n and β; the curves are called A, B, C."""
    figure, axes = plt.subplots(figsize=(4.8, 3.1))
    n = np.arange(1, len(rewards) + 1)
    for name, beta, (colour, style) in zip("ABCD", betas, STYLES, strict=False):
        heights = beta * (np.logaddexp.accumulate(np.asarray(rewards) / beta) - np.log(n))
        axes.plot(n, heights, linewidth=1.8, color=colour, linestyle=style, label=name)
    axes.set(xlabel="samples", ylabel="β log Ẑ (reward)", xlim=(0, len(rewards)))
    axes.grid(color="#dddddd")
    axes.legend(frameon=False, ncols=len(betas), loc="lower center", bbox_to_anchor=(0.5, 1.0), handlelength=3)
    axes.spines[["top", "right"]].set_visible(False)


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
