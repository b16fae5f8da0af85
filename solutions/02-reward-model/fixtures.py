"""Recipes for the objects that checks of lab 02 need on both sides; no answers in here."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch

Module = TypeVar("Module", bound=torch.nn.Module)


def head(width: int, seed: int, dtype: str = "float64", trains: bool = False) -> torch.nn.Linear:
    """A reward head, from `width` numbers to one, with a bias that matters; quarters, which every dtype holds."""
    layer = torch.nn.Linear(width, 1, dtype=getattr(torch, dtype))
    return _filled(layer, seed).requires_grad_(trains)


def network(width: int, seed: int, trains: bool = False) -> torch.nn.Sequential:
    """A reward head of two layers, float64."""
    layers = torch.nn.Sequential(torch.nn.Linear(width, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1)).double()
    return _filled(layers, seed).requires_grad_(trains)


def adds_up(dtype: str = "") -> Callable[[torch.Tensor], torch.Tensor]:
    """A head that is no module: twice the sum of the numbers, less 1; in a dtype of its own, if it has one."""
    own = getattr(torch, dtype) if dtype else None
    return lambda vectors: 2 * vectors.to(own or vectors.dtype).sum(-1, keepdim=True) - 1


def _filled(module: Module, seed: int) -> Module:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randint(1, 6, parameter.shape, generator=generator) / 4)
            parameter.mul_(1 - 2 * (torch.arange(parameter.numel()) % 2).view(parameter.shape))
    return module


def rehearse() -> None:
    """What kernels would load and build for the first time: it is done once, where they are forked."""
    vectors = torch.ones(2, 3, dtype=torch.float64)
    loss = head(3, 0, trains=True)(vectors).sum() + network(3, 0, trains=True)(vectors).sum()
    torch.nn.functional.softplus(loss).backward()
    adds_up()(vectors)
