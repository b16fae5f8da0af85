"""What the prose of lab 03 says in numbers, computed: each test is a sentence of the lab."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import pytest
import torch
from trl import PPOConfig

import rlhf
from rlhf import toy

BETA = 0.5


def moved(c: float) -> torch.Tensor:
    """Log-probs of π ∝ π_ref exp(c r) on the toy."""
    return (toy.log_probs(0) + c * toy.rewards(0)).log_softmax(0)


@pytest.mark.parametrize("c", [0.1, 0.5, 1.0, 2.0])
def test_k3_as_a_loss_has_the_gradient_of_the_other_kl(c: float) -> None:
    log_ref = toy.log_probs(0)
    table = moved(c).requires_grad_()
    log_pi = table.log_softmax(0)
    d, drawn, ratio = log_pi - log_ref, log_pi.detach().exp(), (log_pi - log_pi.detach()).exp()
    k3 = (-d).expm1() + d

    def slope(loss: torch.Tensor) -> torch.Tensor:
        return torch.autograd.grad(loss, table, retain_graph=True)[0]

    exact, other = slope((log_pi.exp() * d).sum()), slope((log_ref.exp() * (log_ref - log_pi)).sum())
    assert slope((drawn * d).sum()).abs().max() < 1e-12, "k1: none"
    torch.testing.assert_close(slope((drawn * d**2 / 2).sum()), exact, rtol=0, atol=1e-12)
    torch.testing.assert_close(slope((drawn * k3).sum()), other, rtol=0, atol=1e-12)
    torch.testing.assert_close(slope((drawn * ratio * k3).sum()), exact, rtol=0, atol=1e-12)
    assert (other - exact).norm() > 0.05 * exact.norm()
    assert (drawn * k3).sum().item() == pytest.approx((drawn * d).sum().item(), abs=1e-12), "its value is right"
    # In the reward, minus k1 is exact by the score function.
    torch.testing.assert_close(slope((drawn * d.detach() * log_pi).sum()), exact, rtol=0, atol=1e-12)


def test_k3_is_biased_where_the_policy_cannot_say_what_the_reference_can() -> None:
    log_ref = toy.log_probs(0)
    kept = log_ref.exp() >= log_ref.exp().topk(10).values[-1]
    pi = log_ref[kept].log_softmax(0)  # the reference, filtered
    d = pi - log_ref[kept]
    k3 = (pi.exp() * ((-d).expm1() + d)).sum()
    lost = 1 - log_ref[kept].exp().sum().item()
    assert (pi.exp() * d).sum().item() == pytest.approx(-math.log(1 - lost), abs=1e-12)
    assert k3.item() == pytest.approx((pi.exp() * d).sum().item() - lost, abs=1e-12)


def outside_after(epochs: int) -> tuple[float, float]:
    """Share of ratios outside 1 ± 0.2, and the largest, in the PPO of lab 05: means over 20 steps."""
    log_ref, r = toy.log_probs(0), toy.rewards(0)
    generator = torch.Generator().manual_seed(0)
    table = log_ref.clone().requires_grad_()
    optimizer = torch.optim.Adam([table], lr=0.05)
    shares, largest = [], 0.0
    for _ in range(20):
        old = table.detach().log_softmax(0)
        y = torch.multinomial(old.exp(), 256, replacement=True, generator=generator)
        reward = r[y] - BETA * (old - log_ref)[y]
        advantage = (reward - reward.mean()) / (reward.std() + 1e-8)
        for _ in range(epochs):
            ratio = (table.log_softmax(0)[y] - old[y]).exp()
            loss = -torch.min(ratio * advantage, ratio.clamp(0.8, 1.2) * advantage).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        ratio = (table.detach().log_softmax(0)[y] - old[y]).exp()
        shares.append(((ratio - 1).abs() > 0.2).double().mean().item())
        largest = max(largest, ratio.max().item())
    return sum(shares) / len(shares), largest


def test_the_clip_is_no_fence() -> None:
    share, _ = outside_after(4)
    assert share == pytest.approx(1 / 7, abs=0.03)
    share, largest = outside_after(16)
    assert share == pytest.approx(4 / 5, abs=0.08)
    assert largest > 2


def pull(p: float, n: int, *, divided: bool) -> float:
    """Expected gradient of a group of n with rewards 0 and 1, in units of ∇p: exact, over all counts of right ones."""
    total = 0.0
    for right in range(n + 1):
        mean = right / n
        spread = math.sqrt(n * mean * (1 - mean) / (n - 1)) + 1e-4 if divided else 1.0
        score = right * (1 - mean) * (1 - p) + (n - right) * mean * p
        total += math.comb(n, right) * p**right * (1 - p) ** (n - right) * score / n / spread
    return total / (p * (1 - p))


def test_dividing_by_the_standard_deviation_favours_the_nearly_decided() -> None:
    for n, p in itertools.product((2, 4, 8), (0.02, 0.3, 0.5)):
        assert pull(p, n, divided=False) == pytest.approx((n - 1) / n), "the mean alone: shorter, and that is all"
    assert pull(0.02, 8, divided=True) / pull(0.5, 8, divided=True) == pytest.approx(1.4, abs=0.02)
    assert math.sqrt(0.5 * 0.5) / math.sqrt(0.02 * 0.98) == pytest.approx(3.6, abs=0.05)
    assert pull(0.02, 900, divided=True) / pull(0.5, 900, divided=True) == pytest.approx(3.6, abs=0.1)
    for p in (0.02, 0.3, 0.9):  # the slope of what is climbed, 2 arcsin √p
        slope = (2 * math.asin(math.sqrt(p + 1e-6)) - 2 * math.asin(math.sqrt(p - 1e-6))) / 2e-6
        assert slope == pytest.approx(1 / math.sqrt(p * (1 - p)), rel=1e-4)


def test_rloo_has_n_over_n_minus_1_times_the_variance_within(solutions: Callable[[str], dict[str, Any]]) -> None:
    rewards = (0.0, 1.0, 3.0)
    variance = sum(r * r for r in rewards) / 3 - (sum(rewards) / 3) ** 2
    for n in (2, 4):
        groups = torch.tensor(list(itertools.product(rewards, repeat=n)), dtype=torch.float64)
        advantages = solutions("03-ppo")["group_advantages"](groups, "rloo")
        assert advantages.mean().item() == pytest.approx(0, abs=1e-12)
        assert (advantages**2).mean().item() == pytest.approx(n / (n - 1) * variance)


def test_rloo_takes_two_responses_unless_told_otherwise() -> None:
    from trl import RLOOConfig

    assert {field.name: field.default for field in fields(RLOOConfig)}["rloo_k"] == 2


def test_few_responses_of_sixteen_tokens_have_ended() -> None:
    model, tokenizer = rlhf.load_policy("tiny")
    ids = tokenizer("This movie is", return_tensors="pt").input_ids.expand(128, -1)
    torch.manual_seed(0)
    texts = model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=True, top_k=0, max_new_tokens=16,
                           pad_token_id=tokenizer.eos_token_id)  # fmt: skip
    assert (texts[:, ids.shape[1] :] == tokenizer.eos_token_id).any(1).double().mean() < 0.2


@pytest.fixture(scope="module")
def climbing(shown: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """Lab 03's climb with exact gradients on the toy."""
    return shown("03-ppo", "def climb(", log_ref=toy.log_probs(0), r=toy.rewards(0))


def test_a_kl_in_the_reward_leads_to_the_optimum_and_k3_in_the_loss_to_that_of_the_other_kl(
    climbing: dict[str, Any],
) -> None:
    log_ref, r = toy.log_probs(0), toy.rewards(0)
    way = {
        where: climbing["climb"](where, climbing["FixedKLController"](0.5))
        for where in ("reward", "k3 × ratio", "k1", "k3")
    }
    best = moved(1 / 0.5)
    assert way["reward"][-1][0] == pytest.approx((best.exp() * (best - log_ref)).sum().item(), abs=0.01)
    assert way["reward"][-1][1] == pytest.approx((best.exp() * r).sum().item(), abs=0.01)
    for one, other in zip(way["reward"], way["k3 × ratio"], strict=True):
        assert one == pytest.approx(other, abs=1e-6), "the same way"
    assert way["k1"][-1][0] > 12, "no price at all"
    assert way["k1"][-1][1] == pytest.approx(r.max().item(), abs=0.01)
    low, high = r.max().item() + 1e-9, r.max().item() + 10
    for _ in range(200):  # π = β π_ref / (λ − r), with the λ that makes it add up to 1
        middle = (low + high) / 2
        low, high = (middle, high) if (0.5 * log_ref.exp() / (middle - r)).sum() > 1 else (low, middle)
    other = 0.5 * log_ref.exp() / (low - r)
    assert other.sum().item() == pytest.approx(1, abs=1e-9)
    rest = (other * (other.log() - log_ref)).sum().item()
    assert rest == pytest.approx(10.4, abs=0.05)
    assert way["k3"][-1][0] == pytest.approx(rest, abs=0.1)


def test_the_controller_finds_the_price_of_its_target_slowly(climbing: dict[str, Any]) -> None:
    adaptive = climbing["AdaptiveKLController"]
    cheap, dear = (climbing["climb"]("reward", adaptive(b, target=1.0, horizon=4000), 500) for b in (0.05, 2.0))
    for kl, _, beta in (cheap[-1], dear[-1]):
        assert kl == pytest.approx(1.0, abs=0.03)
        assert beta == pytest.approx(0.62, abs=0.015)
    assert max(kl for kl, _, _ in cheap) == pytest.approx(11, abs=0.5)
    default = {field.name: field.default for field in fields(PPOConfig)}
    assert (default["target"], default["horizon"], default["adap_kl_ctrl"]) == (6, 10_000, True)
    price = adaptive(0.2, default["target"], default["horizon"])
    for _ in range(35):
        price.update(0.0, 32)
    assert 1 - price.value / 0.2 == pytest.approx(0.02, abs=0.005)
