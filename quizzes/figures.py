"""Plots of quiz items, each drawn from the formula that it shows: from an item's `args` to a figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import NormalDist

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, DARK = "#1f4e9c", "#c1570c", "#1b7f5a", "#555555"


def dpo_loss_against_u(beta: float) -> Figure:
    """The DPO loss −log σ(β log u) = log(1 + u^−β) over u from 0 to 4 (Rafailov et al. 2023, equation 7)."""
    figure, axes = plt.subplots(figsize=(4.8, 2.9))
    u = np.linspace(0.02, 4.0, 200)
    axes.plot(u, np.log1p(u**-beta), linewidth=2, color="#1f4e9c")
    axes.axvline(1.0, linestyle=":", color="#555555")
    axes.set(xlabel="u", ylabel="loss", xlim=(0, 4), ylim=(0, None), title=f"DPO loss, β = {beta:g}")
    axes.spines[["top", "right"]].set_visible(False)
    return figure


# Lab 01: decoding ---------------------------------------------------------------------------------------------------

LINES = (("#0072B2", "-", "o"), ("#D55E00", "--", "s"), ("#009E73", "-.", "^"), ("#7A4E9F", ":", "D"))


def _decoding_axes() -> tuple[Figure, plt.Axes]:
    figure, axes = plt.subplots(figsize=(4.8, 3.0))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(visible=True, color="#dddddd", linewidth=0.7)
    return figure, axes


def log_probs_against_logits(logits: list[float], log_probs: list[float]) -> Figure:
    """A point for each token: its logit, and the natural logarithm of its probability."""
    figure, axes = _decoding_axes()
    axes.plot(logits, log_probs, color="#0072B2", marker="o", linewidth=1)
    axes.set(xlabel="logit z", ylabel="ln π", title="Six tokens: log-probability against logit")
    axes.xaxis.set_major_locator(plt.MultipleLocator(1))
    axes.yaxis.set_major_locator(plt.MaxNLocator(7, steps=[1, 2, 5, 10]))
    return figure


def share_of_the_first(shares: dict[str, list[float]]) -> Figure:
    """The probability of the most probable tokens together, against how many they are; a line for each distribution."""
    figure, axes = _decoding_axes()
    for (name, values), (color, style, marker) in zip(shares.items(), LINES, strict=False):
        axes.plot(
            range(1, len(values) + 1), values, color=color, linestyle=style, marker=marker, markersize=4, label=name
        )
    axes.set(xlabel="number of most probable tokens", ylabel="probability together", ylim=(0, 1.02))
    axes.xaxis.set_major_locator(plt.MultipleLocator(1))
    axes.yaxis.set_major_locator(plt.MultipleLocator(0.1))
    axes.legend(loc="lower right")
    return figure


def nucleus_along_text(sizes: list[int], p: float, k: int) -> Figure:
    """The number of tokens in the nucleus at each place of a text, and the number that top-k allows."""
    figure, axes = _decoding_axes()
    places = range(1, len(sizes) + 1)
    axes.plot(places, sizes, color="#0072B2", marker="o", label=f"nucleus, p = {p:g}")
    axes.axhline(k, color="#D55E00", linestyle="--", label=f"top-k, k = {k}")
    axes.set(xlabel="place in the text", ylabel="tokens", yscale="log", ylim=(0.8, 2 * max(*sizes, k)))
    axes.xaxis.set_major_locator(plt.MultipleLocator(1))
    axes.yaxis.set_major_formatter("{x:g}")
    figure.legend(loc="upper center", ncols=2, bbox_to_anchor=(0.5, 1.02), frameon=False)
    return figure


def first_of_two_against_temperature(gaps: list[float]) -> Figure:
    """The probability σ(gap / T) of the first of two tokens, against the temperature T; a line for each gap."""
    figure, axes = _decoding_axes()
    t = np.geomspace(0.05, 10, 200)
    for name, gap, (color, style, _) in zip("ABC", gaps, LINES, strict=False):
        axes.plot(t, 1 / (1 + np.exp(-gap / t)), color=color, linestyle=style, linewidth=2, label=name)
    axes.set(xlabel="temperature T", ylabel="probability of the first token", xscale="log", ylim=(0.48, 1.02))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.legend(title="pair")
    return figure


def logit_after_penalty(theta: float, names: dict[str, str]) -> Figure:
    """Four ways to change the logit z of a token that has occurred; `names` gives the letter of each way's panel.

    The ways are `penalty` (z/θ from 0 up, zθ below), `divide` (z/θ), `multiply` (zθ), and `subtract` (z − θ).
    """
    figure, panels = plt.subplots(2, 2, figsize=(4.8, 4.0), sharex=True, sharey=True, layout="constrained")
    z = np.array([-3.0, 0.0, 3.0])
    ways = {
        "penalty": np.where(z < 0, z * theta, z / theta),
        "divide": z / theta,
        "multiply": z * theta,
        "subtract": z - theta,
    }
    letters = {letter: ways[way] for way, letter in names.items()}
    for axes, (letter, values) in zip(panels.flat, sorted(letters.items()), strict=True):
        axes.plot(z, z, color="#777777", linestyle=":", linewidth=1.5)
        axes.plot(z, values, color="#0072B2", linewidth=2)
        axes.axhline(0, color="#bbbbbb", linewidth=0.8)
        axes.axvline(0, color="#bbbbbb", linewidth=0.8)
        axes.set_title(letter, fontweight="bold")
        axes.spines[["top", "right"]].set_visible(False)
    figure.supxlabel("logit before", fontsize="medium")
    figure.supylabel("logit after (dotted: unchanged)", fontsize="medium")
    return figure


def running_log_prob(texts: dict[str, list[float]]) -> Figure:
    """The sum of the log-probs of a text's tokens so far, in nats, against their number; a line for each text."""
    figure, axes = _decoding_axes()
    for (name, log_probs), (color, style, marker) in zip(texts.items(), LINES, strict=False):
        sums = np.concatenate([[0.0], np.cumsum(log_probs)])
        axes.plot(range(len(sums)), sums, color=color, linestyle=style, marker=marker, markersize=4, label=name)
    axes.set(xlabel="tokens so far", ylabel="sum of log-probs (nats)", ylim=(None, 0.3))
    axes.xaxis.set_major_locator(plt.MultipleLocator(1))
    axes.yaxis.set_major_locator(plt.MultipleLocator(1))
    axes.legend(title="text")
    return figure


def entropy_against_temperature(rows: dict[str, list[float]]) -> Figure:
    """The entropy of softmax(z / T) in nats, against the temperature T; a line for each row of logits z."""
    figure, axes = _decoding_axes()
    t = np.geomspace(0.05, 20, 120)
    for (name, logits), (color, style, _) in zip(rows.items(), LINES, strict=False):
        z = np.array(logits)[None, :] / t[:, None]
        p = np.exp(z - z.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        axes.plot(t, -(p * np.log(p + 1e-300)).sum(axis=1), color=color, linestyle=style, linewidth=2, label=name)
    axes.set(xlabel="temperature T", ylabel="entropy (nats)", xscale="log", ylim=(0, None))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.legend(loc="upper left")
    return figure


# Lab 02: a reward model from human ratings ---------------------------------------------------------------------------


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


# 03-ppo ---------------------------------------------------------------------------------------------------------------

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
    return figure


# 05-dpo

COLOURS = ("#1f4e9c", "#c2571a", "#2b7a4b")
DASHES = ("-", "--", ":")


def dpo_losses_by_letter(betas: list[float]) -> Figure:
    """The DPO loss log(1 + u^−β) over u on a logarithmic axis, a curve for each β, named A, B, C in the order given."""
    figure, axes = plt.subplots(figsize=(4.8, 3.1))
    u = np.geomspace(0.01, 100, 200)
    for name, beta, colour, dash in zip("ABC", betas, COLOURS, DASHES, strict=True):
        axes.plot(u, np.log1p(u**-beta), linewidth=2.2, color=colour, linestyle=dash, label=name)
    axes.set(xscale="log", xlabel="u (logarithmic axis)", ylabel="loss, nats", ylim=(0, None))
    axes.legend(title="curve", frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def dpo_pulls(small: float, large: float, far: float) -> Figure:
    """The gradient weight β σ(−β log u) = β / (1 + u^β) for two β (Rafailov et al. 2023, the gradient below eq. 7)."""
    figure, axes = plt.subplots(figsize=(4.8, 3.1))
    u = np.geomspace(1 / far, far, 200)
    for beta, colour, dash in zip((small, large), COLOURS, DASHES, strict=False):
        axes.plot(u, beta / (1 + u**beta), linewidth=2.2, color=colour, linestyle=dash, label=f"β = {beta:g}")
    axes.axvline(1.0, linestyle=":", color="#555555")
    axes.set(xscale="log", yscale="log", xlabel="u (logarithmic axis)", ylabel="pull (logarithmic axis)")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def dpo_training_run(chosen: list[float], rejected: list[float]) -> Figure:
    """The log π − log π_ref of the two responses of a pair after each step of a run, in nats."""
    figure, axes = plt.subplots(figsize=(4.8, 3.1))
    for name, path, colour, dash in zip(("chosen", "rejected"), (chosen, rejected), COLOURS, DASHES, strict=False):
        axes.plot(range(len(path)), path, linewidth=2.2, color=colour, linestyle=dash, label=name)
    axes.axhline(0.0, linestyle=":", color="#555555")
    axes.set(xlabel="step", ylabel=r"$\log\,\pi-\log\,\pi_{\mathrm{ref}}$, nats", xlim=(0, len(chosen) - 1))
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def dpo_smoothed_losses(beta: float, eps: list[float], reach: float) -> Figure:
    """The DPO loss with label smoothing over log u, a curve for each ε, named A, B, C in the order given."""
    figure, axes = plt.subplots(figsize=(4.8, 3.1))
    x = np.linspace(-reach / 2, reach, 200)
    for name, share, colour, dash in zip("ABC", eps, COLOURS, DASHES, strict=True):
        loss = (1 - share) * np.log1p(np.exp(-beta * x)) + share * np.log1p(np.exp(beta * x))
        axes.plot(x, loss, linewidth=2.2, color=colour, linestyle=dash, label=name)
    axes.set(xlabel="log u", ylabel="loss, nats", ylim=(0, None))
    axes.legend(title="curve", frameon=False, loc="upper center")
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def dpo_loss_with_pairs(beta: float, dots: dict[str, float]) -> Figure:
    """The DPO loss log(1 + u^−β) over u from 0 to 4, with named pairs on it: name -> u."""
    figure = dpo_loss_against_u(beta)
    axes = figure.axes[0]
    for name, u in dots.items():
        height = np.log1p(u**-beta)
        axes.plot([u], [height], marker="o", markersize=7, color=COLOURS[1])
        axes.annotate(name, (u, height), textcoords="offset points", xytext=(5, 6), fontweight="bold")
    return figure


# Lab 07: GRPO ------------------------------------------------------------------------------------------------------


def grpo_loss_against_ratio(advantage: float, low: float, high: float) -> Figure:
    """One token's loss −min(ρA, clip(ρ, 1 − low, 1 + high) A) over the ratio ρ (DAPO, Yu et al. 2025)."""
    figure, axes = plt.subplots(figsize=(4.8, 2.9))
    ratio = np.linspace(0.3, 1.7, 281)
    clipped = np.clip(ratio, 1 - low, 1 + high)
    axes.plot(ratio, -np.minimum(ratio * advantage, clipped * advantage), linewidth=2, color=BLUE)
    axes.set(xlabel="ratio ρ", ylabel="loss of the token", xlim=(0.3, 1.7), xticks=np.arange(0.3, 1.75, 0.1))
    axes.tick_params(axis="x", labelsize=8)
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def kl_estimates_by_letter(names: Sequence[str], reach: float) -> Figure:
    """k1 = d, k2 = d²/2 and k3 = e^−d + d − 1 over d (Schulman 2020), called A, B and C in the order given."""
    figure, axes = plt.subplots(figsize=(4.8, 3.1))
    d = np.linspace(-reach, reach, 201)
    heights = {"k1": d, "k2": d**2 / 2, "k3": np.exp(-d) + d - 1}
    for letter, name, (colour, dash) in zip("ABC", names, STYLES, strict=False):
        axes.plot(d, heights[name], linewidth=2, color=colour, linestyle=dash, label=letter)
    axes.axhline(0, linewidth=0.8, color=DARK)
    axes.set(xlabel="d, nats", ylabel="estimate, nats", xlim=(-reach, reach))
    axes.grid(alpha=0.3)
    axes.legend(title="curve", frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


# Lab 08: evaluation -------------------------------------------------------------------------------------------------


def proxy_and_gold_of_a_run(kls: Sequence[float], proxy: Sequence[float], gold: Sequence[float]) -> Figure:
    """Shares of texts that meet the proxy and the gold of a training run, against its KL from the reference."""
    figure, axes = plt.subplots(figsize=(4.8, 3.0))
    axes.plot(kls, proxy, color=BLUE, marker="o", markersize=4, label="proxy, trained on")
    axes.plot(kls, gold, color=ORANGE, linestyle="--", marker="s", markersize=4, label="gold, only watched")
    axes.set(xlabel="KL from the reference, nats", ylabel="share of texts", ylim=(0, 1.04), xticks=list(kls)[::2])
    axes.xaxis.set_major_formatter("{x:g}")
    axes.grid(visible=True, color="#dddddd", linewidth=0.7)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="center right", frameon=False)
    return figure
