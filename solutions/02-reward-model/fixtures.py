"""Recipes for the objects that checks of lab 02 need on both sides; no answers in here."""

from __future__ import annotations

import torch


def head(width: int, seed: int) -> torch.nn.Linear:
    """A reward head in float64, from `width` numbers to one, with a bias that matters."""
    generator = torch.Generator().manual_seed(seed)
    layer = torch.nn.Linear(width, 1, dtype=torch.float64)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    return layer.requires_grad_(False)
