"""Lab 04: the identities of the optimal policy on the toy model, its solution against counting, and its notebook."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grader.checks.registry import LabChecks
from rlhf import toy

LAB = "04-partition-function"
BETAS = [0.05, 0.1, 0.5, 1.0, 5.0]
few = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def random_policies(prompt: int, beta: float, count: int = 200) -> torch.Tensor:
    """Log-probs [4 · count, 341]: any policies, sparse ones, and policies at 1e-2 and 1e-6 around the optimum."""
    ref, r = toy.log_probs(prompt), toy.rewards(prompt)
    best = (ref + r / beta).log_softmax(-1)
    noise = torch.randn(4, count, len(ref), dtype=torch.float64, generator=torch.Generator().manual_seed(prompt))
    sparse = (3 * noise[1]).masked_fill(noise[1] < 1.0, -torch.inf)
    rows = [3 * noise[0], sparse, best + 1e-2 * noise[2], best + 1e-6 * noise[3]]
    return torch.cat(rows).log_softmax(-1)


# The contract: in float64, on the toy model, to 1e-10.


@pytest.mark.parametrize("prompt", [0, 1])
@pytest.mark.parametrize("beta", BETAS)
def test_the_optimum_reaches_beta_log_z(solution: dict[str, Any], prompt: int, beta: float) -> None:
    ref, r = toy.log_probs(prompt), toy.rewards(prompt)
    best = solution["optimal_policy"](ref, r, beta)
    reached = solution["kl_objective"](best, ref, r, beta) - beta * solution["log_partition"](ref, r, beta)
    assert abs(reached.item()) < 1e-10


@pytest.mark.parametrize("prompt", [0, 1])
@pytest.mark.parametrize("beta", BETAS)
def test_every_policy_falls_short_by_beta_times_its_kl_from_the_optimum(
    solution: dict[str, Any], prompt: int, beta: float
) -> None:
    ref, r = toy.log_probs(prompt), toy.rewards(prompt)
    policies = random_policies(prompt, beta)
    best = solution["optimal_policy"](ref, r, beta)
    objective, kl = solution["kl_objective"], solution["kl_divergence"]
    gap = objective(best, ref, r, beta) - objective(policies, ref.expand_as(policies), r.expand_as(policies), beta)
    error = gap - beta * kl(policies, best.expand_as(policies))
    assert error.abs().max().item() < 1e-10
    assert gap.min().item() > -1e-10


def test_rewards_without_the_reference_beat_a_thousand_random_policies_and_not_the_optimum(
    solution: dict[str, Any],
) -> None:
    """Why no check compares with random policies."""
    ref, r, beta = toy.log_probs(0), toy.rewards(0), 0.5
    wrong = (r / beta).log_softmax(-1)
    noise = torch.randn(1000, len(ref), dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    others = (3 * noise).log_softmax(-1)
    objective = solution["kl_objective"]
    assert (objective(others, ref.expand_as(others), r.expand_as(others), beta) < objective(wrong, ref, r, beta)).all()
    best = solution["optimal_policy"](ref, r, beta)
    assert objective(best, ref, r, beta) - objective(wrong, ref, r, beta) > 1.0


@pytest.mark.parametrize("prompt", [0, 1])
def test_the_limits_of_beta(solution: dict[str, Any], prompt: int) -> None:
    ref, r = toy.log_probs(prompt), toy.rewards(prompt)
    ref = ref.masked_fill(r == r.max(), -torch.inf).log_softmax(-1)
    allowed = r[ref > -torch.inf].max()
    low = solution["optimal_policy"](ref, r, 1e-3)
    assert low.exp()[r == allowed].sum().item() == pytest.approx(1.0, abs=1e-12)
    assert 1e-6 * solution["log_partition"](ref, r, 1e-6).item() == pytest.approx(allowed.item(), abs=1e-4)
    high = solution["optimal_policy"](ref, r, 1e9)
    assert torch.allclose(high.exp(), ref.exp(), rtol=0, atol=1e-8)
    expected = (ref.exp() * r).sum().item()
    assert 1e6 * solution["log_partition"](ref, r, 1e6).item() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("prompt", [0, 1])
def test_nothing_lies_above_the_frontier(solution: dict[str, Any], prompt: int) -> None:
    """Best-of-n and other policies: at their own KL the optimum has more reward."""
    ref, r = toy.log_probs(prompt), toy.rewards(prompt)
    kl = solution["kl_divergence"]
    policies = [solution["best_of_n_policy"](ref, r, n) for n in (2, 4, 16, 256)]
    policies += [(ref / t).log_softmax(-1) for t in (0.5, 2.0)]
    for policy in policies:
        low, high = 1e-3, 1e3
        for _ in range(200):
            beta = math.sqrt(low * high)
            best = solution["optimal_policy"](ref, r, beta)
            low, high = (beta, high) if kl(best, ref) > kl(policy, ref) else (low, beta)
        assert (best.exp() * r).sum() > (policy.exp() * r).sum()


@pytest.mark.parametrize("prompt", [0, 1])
@pytest.mark.parametrize("n", [1, 2, 5, 64, 1024])
def test_log_n_bounds_the_kl_of_best_of_n_from_above(solution: dict[str, Any], prompt: int, n: int) -> None:
    ref, r = toy.log_probs(prompt), toy.rewards(prompt)
    kl = solution["kl_divergence"](solution["best_of_n_policy"](ref, r, n), ref).item()
    bound = math.log(n) - (n - 1) / n
    assert kl <= bound + 1e-12
    assert n == 1 or bound - kl > 1e-4


# The solution and the references against counting.


def test_the_toy_lists_a_distribution() -> None:
    for prompt in (0, 1):
        assert toy.log_probs(prompt).exp().sum().item() == pytest.approx(1.0, abs=1e-12)
    texts = [toy.text(y) for y in toy.responses()]
    assert len(set(texts)) == len(texts) == 341
    assert toy.rewards(0)[texts.index("very good and bad")].item() == 0.5
    assert toy.rewards(1)[texts.index("very good and bad")].item() == -0.5


def test_the_toy_refuses_a_text_without_a_prompt() -> None:
    with pytest.raises(ValueError, match="must begin with a prompt"):
        toy.ToyModel()(torch.tensor([[5, 0], [2, 0]]))


@few
@given(vocab=st.integers(1, 5), length=st.integers(0, 5))
def test_responses_are_counted_as_listing_them_does(solution: dict[str, Any], vocab: int, length: int) -> None:
    texts = {
        text[: text.index(0) + 1] if 0 in text else text for text in itertools.product(range(vocab), repeat=length)
    }
    assert solution["count_sequences"](vocab, length, stops=True) == len(texts)
    assert solution["count_sequences"](vocab, length) == len(list(itertools.product(range(vocab), repeat=length)))


@pytest.mark.parametrize("prompt", [0, 1])
def test_enumeration_gives_the_toys_own_log_probs(solution: dict[str, Any], prompt: int) -> None:
    start = torch.tensor([[toy.PROMPT_IDS[prompt]]])
    ids, log_probs = solution["sequence_log_probs"](toy.ToyModel(), start, toy.MAX_NEW_TOKENS, toy.EOS_ID)
    assert torch.equal(ids, toy.responses())
    assert torch.allclose(log_probs, toy.log_probs(prompt), rtol=0, atol=1e-12)


@pytest.mark.parametrize(("vocab", "steps", "eos"), [(3, 4, 1), (4, 3, 3), (5, 2, 0)])
def test_probabilities_of_a_gpt2_add_up_to_one(
    solution: dict[str, Any], lab: LabChecks, vocab: int, steps: int, eos: int
) -> None:
    policy = lab.fixtures.counted_policy(seed=1, vocab_size=vocab)
    ids, log_probs = solution["sequence_log_probs"](policy, torch.tensor([[eos, 0]]), steps, eos)
    assert len(ids) == solution["count_sequences"](vocab, steps, stops=True)
    assert log_probs.exp().sum().item() == pytest.approx(1.0, abs=1e-12)
    assert policy.calls == steps


@pytest.mark.parametrize("seed", range(5))
def test_kl_is_that_of_torch(solution: dict[str, Any], seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    p, q = torch.randn(2, 3, 4, 6, dtype=torch.float64, generator=generator).log_softmax(-1)
    categorical = torch.distributions.Categorical
    expected = torch.distributions.kl_divergence(categorical(logits=p), categorical(logits=q))
    assert torch.allclose(solution["kl_divergence"](p, q), expected, rtol=0, atol=1e-12)


def test_the_reward_comes_back_out_of_the_optimum(solution: dict[str, Any]) -> None:
    ref, r = torch.stack([toy.log_probs(x) for x in (0, 1)]), torch.stack([toy.rewards(x) for x in (0, 1)])
    for beta in BETAS:
        policy, log_z = solution["optimal_policy"](ref, r, beta), solution["log_partition"](ref, r, beta)
        back = solution["reward_from_policy"](policy, ref, beta, log_z)
        assert torch.allclose(back, r, rtol=0, atol=1e-10)


def test_the_estimate_is_unbiased_in_z_and_too_low_in_log_z(solution: dict[str, Any]) -> None:
    """Exactly: over all 27 triples of draws from three responses, weighed by their probability."""
    ref, r = torch.tensor([[0.7, 0.2, 0.1], [0.0, 1.0, 2.0]], dtype=torch.float64)
    ref, beta = ref.log(), 0.5
    triples = torch.tensor(list(itertools.product(range(3), repeat=3)))
    weight = ref[triples].sum(-1).exp()
    found = solution["monte_carlo_log_partition"](ref[triples], r[triples], beta)
    log_z = solution["log_partition"](ref, r, beta).item()
    assert (weight * found.exp()).sum().item() == pytest.approx(math.exp(log_z), abs=1e-10)
    assert (weight * found).sum().item() < log_z - 0.1


def best_by_listing(probs: list[Fraction], rewards: list[float], n: int) -> list[float]:
    """Probability that each response wins, over all tuples of n draws; of equal rewards the first drawn wins."""
    wins = [Fraction(0)] * len(probs)
    for draws in itertools.product(range(len(probs)), repeat=n):
        winner = max(draws, key=lambda y: rewards[y])  # max returns the first of equals
        wins[winner] += math.prod(probs[y] for y in draws)
    return [float(share) for share in wins]


@few
@given(
    parts=st.lists(st.integers(0, 4), min_size=3, max_size=4).filter(lambda p: sum(p) > 0),
    n=st.integers(1, 4),
    data=st.data(),
)
def test_best_of_n_is_that_of_all_tuples_of_draws(
    solution: dict[str, Any], lab: LabChecks, parts: list[int], n: int, data: st.DataObject
) -> None:
    r = data.draw(st.lists(st.sampled_from([-1.0, 0.0, 2.5]), min_size=len(parts), max_size=len(parts)))
    fractions = [Fraction(part, sum(parts)) for part in parts]
    expected = torch.tensor(best_by_listing(fractions, r, n), dtype=torch.float64)
    probs = torch.tensor([float(f) for f in fractions], dtype=torch.float64)
    for best in (solution["best_of_n_policy"], reference(lab, "best_of_n_without_ties")):
        got = best(probs.log(), torch.tensor(r, dtype=torch.float64), n)
        assert not got.isnan().any()
        assert torch.allclose(got.exp(), expected, rtol=0, atol=1e-12)


def reference(lab: LabChecks, check: str) -> Callable[..., torch.Tensor]:
    """What a check's cases are laid beside."""
    return next(one.judge.cases.reference for one in lab.checks if one.name == check and one.judge is not None)


@pytest.mark.parametrize("beta", [0.01, 1.0, 100.0])
def test_references_agree_with_longer_numbers(lab: LabChecks, beta: float) -> None:
    """The references' sums against numpy's long double, where the largest term is not at an end."""
    generator = torch.Generator().manual_seed(0)
    ref, r = torch.randn(2, 4, 7, dtype=torch.float64, generator=generator)
    ref = ref.log_softmax(-1)
    log_p, rewards = (part.numpy().astype(np.longdouble) for part in (ref, r))
    z = np.log(np.exp(log_p + rewards / beta).sum(-1))
    found = reference(lab, "weighs_exp_r_over_beta_by_the_reference")(ref, r, beta)
    assert np.allclose(found.numpy(), z.astype(float), rtol=0, atol=1e-10)
    mean = np.log(np.exp(rewards / beta).mean(-1))
    assert np.allclose(reference(lab, "averages_exp_r_over_beta")(ref, r, beta), mean.astype(float), rtol=0, atol=1e-10)
    w = np.exp(rewards)
    ess = w.sum(-1) ** 2 / (w**2).sum(-1)
    found = reference(lab, "square_of_the_sum_over_sum_of_squares")(r)
    assert np.allclose(found, ess.astype(float), rtol=0, atol=1e-10)


def test_a_policy_of_a_table_reads_all_tokens_in_their_order(lab: LabChecks) -> None:
    """The cases' policy tells texts apart by every token and its place, whatever else is in the batch."""
    policy = lab.fixtures.table_policy(seed=0)
    texts = torch.tensor([[0, 1, 2], [1, 0, 2], [3, 1, 2], [0, 1, 3]])
    with torch.no_grad():
        logits = policy(texts).logits[:, -1]
        assert all(torch.equal(policy(text[None]).logits[0, -1], row) for text, row in zip(texts, logits, strict=True))
    assert len({tuple(row.tolist()) for row in logits}) == len(texts)


# The notebook.


def test_the_solution_notebook_runs_whole(executed: Any, lab: LabChecks) -> None:
    assert "✗" not in executed.printed
    assert executed.pictures >= 10
    assert executed.silent == [], "each step, or each tenth, is told"
    assert executed.lines == [("estimates of n = 100", 8), ("estimates of n = 10,000", 8), ("tokens", 12)]
    assert executed.points == sum(check.points for check in lab.checks) == 45
