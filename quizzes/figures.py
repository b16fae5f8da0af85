"""Plots of quiz items, each drawn from the formula that it shows: from an item's `args` to a figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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
    return figure
