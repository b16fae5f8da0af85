"""Plots of quiz items, each drawn from the formula that it shows: from an item's `args` to a figure."""

from __future__ import annotations

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


# 03-ppo ---------------------------------------------------------------------------------------------------------------

BLUE, ORANGE, GREEN = "#1f4e9c", "#d97a00", "#1b7f5a"
CURVES = {
    "solid": {"linestyle": "-", "marker": "o", "color": BLUE},
    "dashed": {"linestyle": "--", "marker": "s", "color": ORANGE},
    "dotted": {"linestyle": ":", "marker": "^", "color": GREEN},
}


def gradient_variance(probabilities: list[float], rewards: list[float], now: float, new: float) -> Figure:
    """The exact variance of (r − b) ∇ log π(y) from one sample, over the baseline b (Williams 1992, section 4).

    Summed over the logits of a softmax with these probabilities; two baselines are marked.
    """
    p, r = np.array(probabilities), np.array(rewards)
    scores = np.eye(len(p)) - p

    def variance(baseline: float) -> float:
        estimates = (r - baseline)[:, None] * scores
        return float((p[:, None] * (estimates - p @ estimates) ** 2).sum())

    figure, axes = plt.subplots(figsize=(4.8, 2.9))
    low, high = min(now, new) - 0.7, max(now, new) + 0.7
    baselines = np.linspace(low, high, 200)
    axes.plot(baselines, [variance(b) for b in baselines], linewidth=2, color=BLUE)
    for baseline, name, marker, color in ((now, "now", "o", ORANGE), (new, "new", "s", GREEN)):
        axes.plot(baseline, variance(baseline), marker, markersize=9, color=color, label=f"{name}: b = {baseline:g}")
    axes.set(xlabel="baseline b", ylabel="variance of the gradient", xlim=(low, high), ylim=(0, None))
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def policy_beside_reference(tokens: list[str], policy: list[float], reference: list[float]) -> Figure:
    """Bars of the next token's probabilities under π and π_ref, with their values."""
    figure, axes = plt.subplots(figsize=(4.8, 2.9))
    places = np.arange(len(tokens))
    for shift, heights, name, look in (
        (-0.2, policy, "policy π", {"color": BLUE}),
        (0.2, reference, "reference π_ref", {"color": "#ffffff", "edgecolor": ORANGE, "hatch": "//"}),
    ):
        bars = axes.bar(places + shift, heights, 0.38, label=name, **look)
        axes.bar_label(bars, [f"{height:.3f}".rstrip("0") for height in heights], fontsize=8, padding=2)
    axes.set(ylabel="probability", xlabel="next token", ylim=(0, 1.25 * max(*policy, *reference)))
    axes.set_xticks(places, tokens)
    axes.legend(frameon=False, ncols=2, loc="upper center", bbox_to_anchor=(0.5, 1.18))
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def advantages_along_text(curves: dict[str, list[float]]) -> Figure:
    """Advantages over the tokens of one response; a curve is named by its line: solid, dashed or dotted."""
    figure, axes = plt.subplots(figsize=(4.8, 2.9))
    for name, heights in curves.items():
        axes.plot(range(1, len(heights) + 1), heights, linewidth=2, markersize=6, label=name, **CURVES[name])
    axes.axhline(0, linewidth=0.8, color="#555555")
    axes.set(xlabel="token of the response", ylabel="advantage", xticks=range(1, len(curves["solid"]) + 1))
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, ncols=3, loc="upper center", bbox_to_anchor=(0.5, 1.18))
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def ppo_loss_against_ratio(advantage: float, clip_range: float) -> Figure:
    """One token's loss −min(ρA, clip(ρ, 1 ± ε) A) over the ratio ρ (Schulman et al. 2017, equation 7, negated)."""
    figure, axes = plt.subplots(figsize=(4.8, 2.9))
    ratio = np.linspace(0.2, 1.8, 321)
    clipped = np.clip(ratio, 1 - clip_range, 1 + clip_range)
    axes.plot(ratio, -np.minimum(ratio * advantage, clipped * advantage), linewidth=2, color=BLUE)
    axes.set(xlabel="ratio ρ", ylabel="loss of the token", xlim=(0.2, 1.8), xticks=np.arange(0.2, 1.9, 0.2))
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def values_against_returns(values: list[float], returns: list[float]) -> Figure:
    """What the value head says over what came, a point for each token, with the line on which both are equal."""
    figure, axes = plt.subplots(figsize=(3.6, 3.4))
    low, high = min(*values, *returns) - 1, max(*values, *returns) + 1
    axes.plot([low, high], [low, high], linestyle="--", linewidth=1, color="#555555", label="V = R")
    axes.plot(returns, values, "o", markersize=8, color=BLUE, label="a token")
    ticks = np.arange(np.ceil(low), high + 0.5)
    axes.set(xlabel="return R", ylabel="value V", xlim=(low, high), ylim=(low, high), xticks=ticks, yticks=ticks)
    axes.set_aspect("equal")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, loc="upper left")
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def proxy_and_quality(alpha: float, beta: float, proxy_beta: float, end: float) -> Figure:
    """Quality and the reward model's score over the KL, both d (α − β log d) with d = √KL, β smaller for the score.

    Gao, Schulman and Hilton 2023, equation 1, for reinforcement learning.
    """
    figure, axes = plt.subplots(figsize=(4.8, 2.9))
    kl = np.linspace(1e-6, end, 400)
    d = np.sqrt(kl)
    axes.plot(kl, d * (alpha - proxy_beta * np.log(d)), "--", linewidth=2, color=ORANGE, label="reward model")
    axes.plot(kl, d * (alpha - beta * np.log(d)), linewidth=2, color=BLUE, label="people")
    axes.axhline(0, linewidth=0.8, color="#555555")
    axes.set(xlabel="KL to the reference, nats", ylabel="mean score", xlim=(0, end))
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure
