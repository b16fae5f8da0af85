"""What the raters say about pairs of snippets: agreement, the pairs that count, accuracy and its ceilings, exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

LEVELS = 9  # ratings are −4 … 4
WIDE = 1 - 1e-6  # a gap of exactly 1 is wide, whatever floating point makes of it


@dataclass(frozen=True)
class Accuracy:
    """Shares of pairs in [0, 1]: those whose mean ratings are at least 1 apart, and all whose means differ."""

    wide: float
    every: float


def histograms(ratings: Sequence[Sequence[int]]) -> torch.Tensor:
    """Share of raters at each level −4 … 4: float32 `[snippets, 9]`, rows add up to 1."""
    counts = torch.zeros(len(ratings), LEVELS)
    for row, marks in zip(counts, ratings, strict=True):
        row += torch.bincount(torch.tensor(marks) + LEVELS // 2, minlength=LEVELS)
    return counts / counts.sum(-1, keepdim=True)


def agreement(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """P(a random rater of i rates higher than one of j), ties half: `[n, 9]`, `[m, 9]` -> `[n, m]`."""
    below = torch.tril(torch.ones(LEVELS, LEVELS), diagonal=-1) + 0.5 * torch.eye(LEVELS)
    return first @ below @ second.T


def accuracy(rewards: torch.Tensor, means: torch.Tensor) -> Accuracy:
    """How often the higher mean rating gets the higher reward, ties of rewards half; both float `[snippets]`."""
    i, j = torch.triu_indices(len(means), len(means), offset=1)
    gap = means[i] - means[j]
    right = 0.5 + 0.5 * torch.sign(rewards[i] - rewards[j]) * torch.sign(gap)
    return Accuracy(right[gap.abs() >= WIDE].mean().item(), right[gap != 0].mean().item())


def one_rater_ceiling(shares: torch.Tensor, means: torch.Tensor) -> Accuracy:
    """The most that any model can agree with one random rater of each snippet: E max(p, 1 − p)."""
    i, j = torch.triu_indices(len(means), len(means), offset=1)
    p = agreement(shares, shares)[i, j]
    best, gap = torch.maximum(p, 1 - p), (means[i] - means[j]).abs()
    return Accuracy(best[gap >= WIDE].mean().item(), best.mean().item())
