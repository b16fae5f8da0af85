"""Recipes for the objects that checks of lab 07 need on both sides: none, its exercises take plain values."""

from __future__ import annotations

import torch


def rehearse() -> None:
    """What kernels would load and build for the first time: it is done once, where they are forked."""
    logps = torch.zeros(2, 3, dtype=torch.float64, requires_grad=True)
    mask = torch.tensor([[True, True, False], [True, False, False]])
    ratios = torch.where(mask, logps, 0.0).exp()
    torch.min(ratios, ratios.clamp(0.8, 1.2)).sum().backward()
    torch.nn.functional.one_hot(mask.long(), 2) - logps.detach().softmax(-1).std()
