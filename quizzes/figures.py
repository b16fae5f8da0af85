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
