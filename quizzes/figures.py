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
