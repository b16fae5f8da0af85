"""What the prose of lab 04 says in numbers, computed: each test is a sentence of the lab."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from rlhf import toy

BETA = 0.5


def test_a_policy_is_optimal_for_a_reward_where_it_has_the_support_of_the_reference(
    solutions: Callable[[str], dict[str, Any]],
) -> None:
    lab = solutions("04-partition-function")
    log_ref, generator = toy.log_probs(0), torch.Generator().manual_seed(0)
    policy = (3 * torch.randn(len(log_ref), generator=generator, dtype=torch.float64)).log_softmax(0)
    reward = lab["reward_from_policy"](policy, log_ref, BETA, torch.tensor(0.7, dtype=torch.float64))
    torch.testing.assert_close(lab["optimal_policy"](log_ref, reward, BETA), policy)
    silent = policy.clone()
    silent[3] = -torch.inf
    needed = lab["reward_from_policy"](silent.log_softmax(0), log_ref, BETA, torch.tensor(0.0).double())
    assert needed[3] == -torch.inf, "no finite reward forbids a response"
    forbidden = log_ref.masked_fill(torch.arange(len(log_ref)) == 3, -torch.inf).log_softmax(0)
    huge = torch.zeros_like(log_ref)
    huge[3] = 1e6
    assert lab["optimal_policy"](forbidden, huge, BETA)[3] == -torch.inf, "no reward brings one back"


def test_minus_beta_log_z_is_a_free_energy_with_beta_as_its_temperature() -> None:
    """F = E − T S: energy −r, temperature β, and S the entropy relative to the reference, −KL(π*‖π_ref)."""
    log_ref, r = toy.log_probs(0), toy.rewards(0)
    for beta in (0.1, 0.5, 2.0):
        log_z = (log_ref + r / beta).logsumexp(0)
        best = log_ref + r / beta - log_z
        energy, entropy = -(best.exp() * r).sum(), -(best.exp() * (best - log_ref)).sum()
        torch.testing.assert_close(-beta * log_z, energy - beta * entropy)
