"""What the checks of lab 08 do before a student's kernel is forked; no exercise of it needs an object of its own."""

from __future__ import annotations

import torch


def rehearse() -> None:
    """What kernels would load and build for the first time: it is done once, where they are forked."""
    rows = torch.eye(2, dtype=torch.float64).requires_grad_()
    torch.linalg.solve(rows, torch.ones(2, dtype=torch.float64)).sum().backward()
    torch.special.xlogy(torch.ones(2), torch.ones(2)).lgamma().cumsum(0)
