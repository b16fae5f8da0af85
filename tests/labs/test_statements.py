"""What the labs' prose says in numbers, computed: each test is a sentence of a lab."""

from __future__ import annotations

import itertools
import json
import math
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import fields
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from trl import PPOConfig

import rlhf
from grader.build.notebooks import read_source, solution_namespace
from grader.cells import is_demo
from grader.course.paths import Course
from rlhf import today, toy
from rlhf.models import WEIGHTS
from rlhf.pairs import rating_pairs

BETA = 0.5


@pytest.fixture(scope="module")
def solutions(repo: Course) -> Callable[[str], dict[str, Any]]:
    """What the graded cells of a lab's solution define."""
    return cache(lambda lab: solution_namespace(lab, repo))


@pytest.fixture(scope="module")
def shown(repo: Course, solutions: Callable[[str], dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """What a lab's solution defines, and then its demo cells that hold one of some texts, each found once."""

    def run(lab: str, *texts: str, **given: Any) -> dict[str, Any]:
        cells = [cell.source for cell in read_source(repo.solutions / lab / "lab.py").cells if is_demo(cell)]
        assert [sum(text in cell for cell in cells) for text in texts] == [1] * len(texts)
        names = solutions(lab) | given
        for cell in cells:
            if any(text in cell for text in texts):
                exec(compile(cell, f"<{lab}>", "exec"), names)
        return names

    return run


def moved(c: float) -> torch.Tensor:
    """Log-probs of π ∝ π_ref exp(c r) on the toy."""
    return (toy.log_probs(0) + c * toy.rewards(0)).log_softmax(0)


# Lab 01 ---------------------------------------------------------------------------------------------------------------


def test_to_say_nothing_is_more_probable_than_what_four_beams_find(
    solutions: Callable[[str], dict[str, Any]],
) -> None:
    model, tokenizer = rlhf.load_policy("tiny")
    ids = tokenizer("This movie is", return_tensors="pt").input_ids
    with torch.no_grad():
        first = model(ids).logits[0, -1].log_softmax(-1)
    _, score = solutions("01-decoding")["beam_search"](model, ids, 4, 16, tokenizer.eos_token_id)
    silence = first[tokenizer.eos_token_id]
    assert silence.item() > score, "the empty text"
    assert (first > silence).sum() > 1000, "and no beam keeps it"
    entropy = torch.distributions.Categorical(logits=first / 2).entropy().item()
    assert math.log(len(first)) - entropy < 0.3 * (math.log(len(first)) - 5.0), "at τ = 2 little is left"


@pytest.fixture(scope="module")
def along() -> torch.Tensor:
    """Logits of tiny after each word of the sentence that lab 01 looks at, and after *This movie is*."""
    model, tokenizer = rlhf.load_policy("tiny")
    sentence = (
        "I have to say that this is one of the worst movies I have ever seen. The acting was terrible and the plot"
    )
    with torch.no_grad():
        texts = [tokenizer(text, return_tensors="pt").input_ids for text in (sentence, "This movie is")]
        return torch.cat([model(texts[0]).logits[0, :-1], model(texts[1]).logits[0, -1:]])


def test_min_p_and_typical_sampling_cut_as_told(
    along: torch.Tensor, solutions: Callable[[str], dict[str, Any]]
) -> None:
    from transformers import MinPLogitsWarper, TypicalLogitsWarper

    pi = along.softmax(-1)
    for p_min in (0.05, 0.1):
        kept = MinPLogitsWarper(p_min)(None, along).isfinite()
        assert torch.equal(kept, pi >= p_min * pi.amax(-1, keepdim=True))
    distance = (-pi.log() - torch.special.entr(pi).sum(-1, keepdim=True)).abs()
    typical = {p: TypicalLogitsWarper(p)(None, along).isfinite() for p in (0.5, 0.9)}
    for p, kept in typical.items():
        farthest = distance.masked_fill(~kept, 0).amax(-1, keepdim=True)
        assert (distance[~kept] >= farthest.expand_as(distance)[~kept]).all(), "the nearest to the entropy"
        assert ((pi * kept).sum(-1) >= p - 1e-6).all()
        assert ((pi * (kept & (distance < farthest))).sum(-1) < p).all(), "and no more than p needs"
    assert not typical[0.5][-1, along[-1].topk(4).indices].any(), "the favourites surprise too little"
    nucleus = solutions("01-decoding")["top_p_filter"](along, 0.9).isfinite()
    assert (nucleus == typical[0.9]).all(-1).double().mean() > 0.9, "at p = 0.9 hardly to be seen"
    sizes = MinPLogitsWarper(0.05)(None, along).isfinite().sum(-1)
    assert (sizes < nucleus.sum(-1))[nucleus.sum(-1) > 20].all(), "sterner in doubt"


class Chance:
    """Takes the place of a random generator, and goes through every way that it can decide."""

    def __init__(self) -> None:
        self.path: list[tuple[int, int]] = []  # the branch that is taken, of how many

    def runs(self) -> Iterator[None]:
        """Once for each way; its probability is `weight`."""
        while True:
            self.depth, self.weight = 0, 1.0
            yield
            while self.path and self.path[-1][0] == self.path[-1][1] - 1:
                self.path.pop()
            if not self.path:
                return
            self.path[-1] = (self.path[-1][0] + 1, self.path[-1][1])

    def draw(self, probs: list[float]) -> int:
        possible = [place for place, p in enumerate(probs) if p > 0]
        if self.depth == len(self.path):
            self.path.append((0, len(possible)))
        place = possible[self.path[self.depth][0]]
        self.depth += 1
        self.weight *= probs[place]
        return place

    def multinomial(self, probs: torch.Tensor, _count: int) -> torch.Tensor:
        return torch.full((*probs.shape[:-1], 1), self.draw(probs.flatten().tolist()))

    def __gt__(self, threshold: torch.Tensor) -> bool:
        """Whether a uniform number is above a threshold."""
        return self.draw([float(threshold), 1 - float(threshold)]) == 1


def test_speculative_decoding_is_exact_and_a_redraw_from_the_policy_is_not(
    shown: Callable[..., dict[str, Any]],
) -> None:
    lab = shown("01-decoding", "def verdict(", "def speculative(")
    policy, plain, speculative = lab["policy"], lab["plain"], lab["speculative"]
    for last, n in itertools.product(range(5), (1, 2, 3, 4)):
        assert (speculative(last, n) - plain(last, n)).abs().max() <= 5e-16
    exact = plain(1, 3)
    assert exact.sum().item() == pytest.approx(1, abs=1e-15)
    wrong = speculative(1, 3, policy)
    assert wrong.sum().item() == pytest.approx(1, abs=1e-15)
    assert (wrong - exact).abs().sum().item() / 2 == pytest.approx(0.20, abs=0.005)


def test_the_loop_that_writes_by_guesses_is_exact_over_all_that_chance_can_do(
    shown: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The notebook's own loop, with the toy for tiny: guesses kept, lost, and one more where all were kept."""
    toys = shown("01-decoding", "def verdict(")
    fakes = {
        "tiny": lambda ids: SimpleNamespace(logits=toys["policy"].log()[ids]),
        "bigrams": toys["draft"],
        "start": torch.tensor([[1]]),
        "tiny_tokenizer": SimpleNamespace(decode=str),
    }
    speculate = shown("01-decoding", "def verdict(", "def speculate(", **fakes)["speculate"]
    chance, found = Chance(), torch.zeros(5, 5, 5, dtype=torch.float64)
    monkeypatch.setattr(torch.Tensor, "multinomial", lambda probs, count: chance.multinomial(probs, count))
    monkeypatch.setattr(torch, "rand", lambda _shape: chance)
    asked = set()
    for _ in chance.runs():
        text, passes = speculate(torch.tensor([[1]]), 3, guesses=2)
        found[tuple(text[0, 1:].tolist())] += chance.weight
        asked.add(passes)
    monkeypatch.undo()
    assert asked == {1, 2, 3}
    assert (found - toys["plain"](1, 3)).abs().max() <= 5e-16


def test_a_table_of_bigrams_guesses_more_than_two_in_five_of_what_tiny_says(
    shown: Callable[..., dict[str, Any]],
) -> None:
    kept = shown("01-decoding", "def distinct(", "N, LENGTH = 12, 24", "V = len(tiny_tokenizer)", "own = generate(")[
        "kept"
    ]
    bigrams, frequencies = (each.sum(-1).mean().item() for each in kept.values())
    assert bigrams == pytest.approx(0.45, abs=0.04)
    assert frequencies == pytest.approx(0.20, abs=0.05)


# Lab 02 ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("p", [0.55, 0.7, 0.9])
def test_labels_of_one_random_rater_have_their_lowest_loss_at_the_log_odds(p: float) -> None:
    """Hard labels, a share p of them one way round; the order of the means is all of them one way."""
    labels = torch.tensor([1.0] * round(1000 * p) + [-1.0] * round(1000 * (1 - p)), dtype=torch.float64)
    ahead = torch.tensor(math.log(p / (1 - p)), dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(-F.logsigmoid(labels * ahead).mean(), ahead)
    assert slope.item() == pytest.approx(0, abs=1e-12)
    for far in (0.0, 5.0, 50.0):
        ahead = torch.tensor(far, dtype=torch.float64, requires_grad=True)
        (slope,) = torch.autograd.grad(-F.logsigmoid(ahead), ahead)
        assert slope.item() < 0, "always asks for more"


def crowd(count: int = 300) -> tuple[list[list[int]], torch.Tensor]:
    """Ratings of the held-out snippets that lab 02 shows, and P(row beats column)."""
    held_out = rlhf.split_ratings()[1]
    picked = torch.randperm(len(held_out), generator=torch.Generator().manual_seed(0))[:count]
    ratings = list(held_out.select(picked.tolist())["ratings"])
    return ratings, beating(ratings)


def beating(ratings: list[list[int]]) -> torch.Tensor:
    shares = torch.stack([torch.bincount(torch.tensor(row) + 4, minlength=9).double() / len(row) for row in ratings])
    return shares @ (shares.cumsum(1) - 0.5 * shares).T


def test_the_crowds_hardly_go_round_in_circles_and_obey_bradley_and_terry() -> None:
    ratings, share = crowd()
    beats = torch.where(share > 0.5 + 1e-9, share, 0.0)
    wins = (beats > 0).double()
    circles = torch.einsum("ij,jk,ki->", wins, wins, wins).item() / 3
    assert 0 < circles < 1e-4 * math.comb(300, 3)
    for k, row in enumerate(beats):
        assert torch.minimum(torch.minimum(row[:, None], beats), beats[:, k]).max() < 0.52, "by a hair"
    score = torch.zeros(300, dtype=torch.float64)
    for _ in range(300):
        said = torch.sigmoid(score[:, None] - score)
        score += 4 * (share - said).mean(dim=1)
    assert (share - said).mean(dim=1).abs().max() < 1e-6, "the top of the likelihood"
    generator = torch.Generator().manual_seed(1)
    drawn = [[row[k] for k in torch.randint(len(row), (len(row),), generator=generator)] for row in ratings]
    noise = (beating(drawn) - share).abs().mean()
    assert (share - said).abs().mean() < 0.03 < noise < 0.05, "misses p by less than the chance of the raters"


def test_transformers_reads_before_the_first_pad_id() -> None:
    """Up to 4.48; from 4.49 at the last id that is not the pad id."""
    import transformers

    shape = transformers.GPT2Config(vocab_size=9, n_positions=8, n_embd=8, n_layer=1, n_head=2, num_labels=1,
                                    bos_token_id=0, eos_token_id=0, pad_token_id=0)  # fmt: skip
    torch.manual_seed(0)
    model = transformers.GPT2ForSequenceClassification(shape).eval()
    ids = torch.tensor([[4, 5, 0, 6, 7, 0, 0]])  # an EOS inside, one at the end, padding
    with torch.no_grad():
        each = model.score(model.transformer(ids).last_hidden_state)[0, :, 0]
        read = model(ids, attention_mask=torch.tensor([[1, 1, 1, 1, 1, 1, 0]])).logits.item()
    early = tuple(map(int, transformers.__version__.split(".")[:2])) < (4, 49)
    assert read == pytest.approx(each[1 if early else 4].item(), abs=1e-6)


@pytest.mark.filterwarnings("ignore")
def test_a_base_model_does_not_do_as_it_is_told_and_forty_steps_of_sft_teach_it(
    shown: Callable[..., dict[str, Any]],
) -> None:
    lab = shown("02-reward-model", 'asking, words = rlhf.load_policy("tiny")', "def answers(", "before_sft = judged()",
                "to_show = {", "after_sft = judged()")  # fmt: skip
    parted = {}
    for when in ("before", "after"):
        good, bad = (lab[f"{when}_sft"][wish] for wish in ("good", "bad"))
        parted[when] = ((good.mean() - bad.mean()) / ((good.var() + bad.var()) / len(good)).sqrt()).item()
    assert abs(parted["before"]) < 2.5 < 3.5 < parted["after"]
    assert lab["after_sft"]["good"].mean() > 0 > lab["after_sft"]["bad"].mean()
    assert all(lab["answers"](wish)[1] > 0.33 for wish in lab["ASKED"]), "nearly half come to an end"
    # What was asked is read, not learned: the loss is the mean over the answers' tokens, their EOS included.
    [(ids, labels)] = [lab["shown"]("good", "A fine film.")]
    with torch.no_grad():
        out = lab["asking"](ids[None], labels=labels[None])
        log_probs = out.logits[0, :-1].log_softmax(-1).gather(-1, ids[1:, None]).squeeze(-1)
    told = len(lab["words"](lab["prompts"]["good"]).input_ids)
    assert lab["words"].decode(ids[told:]) == "A fine film." + lab["words"].eos_token
    assert out.loss.item() == pytest.approx(-log_probs[told - 1 :].mean().item(), abs=1e-5)
    lab["asking"], _ = rlhf.load_policy("tiny")
    assert lab["answers"]("good")[1] < 0.1, "before, hardly any"


# Lab 03 ---------------------------------------------------------------------------------------------------------------


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


# Lab 04 ---------------------------------------------------------------------------------------------------------------


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


# Lab 05 ---------------------------------------------------------------------------------------------------------------


def test_the_loss_is_peoples_doubt_plus_a_kl_that_only_the_optimum_brings_to_0() -> None:
    log_ref, r = toy.log_probs(0), toy.rewards(0)
    first, second = torch.triu_indices(len(r), len(r), offset=1)
    p = torch.sigmoid(r[first] - r[second])
    doubt = -torch.xlogy(p, p) - torch.xlogy(1 - p, 1 - p)
    generator = torch.Generator().manual_seed(0)
    for noise in (0.0, 1e-3, 0.1, 3.0):
        policy = moved(1 / BETA) + noise * torch.randn(len(r), generator=generator, dtype=torch.float64)
        gained = policy.log_softmax(0) - log_ref
        z = BETA * (gained[first] - gained[second])
        loss = -p * F.logsigmoid(z) - (1 - p) * F.logsigmoid(-z)
        kl = p * (p.log() - F.logsigmoid(z)) + (1 - p) * ((1 - p).log() - F.logsigmoid(-z))
        torch.testing.assert_close(loss, doubt + kl, rtol=0, atol=1e-12)
        assert (kl.mean().item() < 1e-15) == (noise == 0.0)
        torch.testing.assert_close(policy.log_softmax(0), (log_ref + (gained - gained[0])).log_softmax(0))


def test_the_gradient_of_dpo_is_the_one_written_out(solutions: Callable[[str], dict[str, Any]]) -> None:
    """−β σ(−β log u) (∇ log π(y_w) − ∇ log π(y_l)), for a policy with parameters that responses share."""
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(7, 3, generator=generator, dtype=torch.float64)
    theta = torch.randn(3, generator=generator, dtype=torch.float64, requires_grad=True)
    ref = torch.randn(7, generator=generator, dtype=torch.float64).log_softmax(0)
    for won, lost in itertools.permutations(range(7), 2):
        log_pi = (features @ theta).log_softmax(0)
        loss = solutions("05-dpo")["dpo_loss"](*(x[[k]] for x in (log_pi, ref) for k in (won, lost)), 0.1)
        (found,) = torch.autograd.grad(loss.sum(), theta, retain_graph=True)
        slopes = [torch.autograd.grad(log_pi[k], theta, retain_graph=True)[0] for k in (won, lost)]
        log_u = (log_pi[won] - log_pi[lost] - ref[won] + ref[lost]).detach()
        weight = solutions("05-dpo")["dpo_gradient_weight"](log_u.exp(), 0.1)
        torch.testing.assert_close(found, -weight * (slopes[0] - slopes[1]))


def test_an_outlier_pulls_ipo_by_50_and_dpo_by_no_more_than_beta(solutions: Callable[[str], dict[str, Any]]) -> None:
    zero = torch.zeros(1, dtype=torch.float64)
    slopes = {}
    for name in ("dpo_loss", "ipo_loss"):
        log_u = torch.tensor([-20.0], dtype=torch.float64, requires_grad=True)
        solutions("05-dpo")[name](log_u, zero, zero, zero, 0.1).sum().backward()
        slopes[name] = -log_u.grad.item()
    assert slopes["ipo_loss"] == pytest.approx(50)
    assert slopes["dpo_loss"] == pytest.approx(0.088, abs=5e-4)


@pytest.fixture(scope="module")
def held_out(solutions: Callable[[str], dict[str, Any]]) -> dict[str, list[str]]:
    return solutions("05-dpo")["format_preferences"](**rating_pairs()[1][:])


def reference_logps(held_out: dict[str, list[str]], side: str, sequence_logprob: Any) -> torch.Tensor:
    model, tokenizer = rlhf.load_policy("tiny")
    tokenizer.pad_token = eos = tokenizer.eos_token
    found = []
    for start in range(0, len(held_out["prompt"]), 51):
        prompts, responses = (held_out[name][start : start + 51] for name in ("prompt", side))
        texts = [eos + prompt + response + eos for prompt, response in zip(prompts, responses, strict=True)]
        batch = tokenizer(texts, return_tensors="pt", padding=True, padding_side="right")
        lengths = torch.tensor([len(tokenizer(eos + prompt).input_ids) for prompt in prompts])
        with torch.no_grad():
            logits = model(**batch).logits
        found.append(sequence_logprob(logits, batch.input_ids, batch.attention_mask, lengths))
    return torch.cat(found)


def test_means_of_batches_are_the_mean_where_batches_divide_and_yardsticks_are_as_told(
    held_out: dict[str, list[str]], solutions: Callable[[str], dict[str, Any]]
) -> None:
    lab = solutions("05-dpo")
    chosen, rejected = (reference_logps(held_out, side, lab["sequence_logprob"]) for side in ("chosen", "rejected"))
    assert len(chosen) == 459 == 9 * 51

    def mean_of_means(size: int) -> float:
        return torch.stack([part.mean() for part in chosen.split(size)]).mean().item()

    assert mean_of_means(51) == pytest.approx(chosen.mean().item(), abs=1e-3)
    assert len(chosen.split(64)[-1]) == 11
    assert mean_of_means(64) - chosen.mean().item() == pytest.approx(1.0, abs=0.1), "off by one nat"

    accuracy = lab["preference_accuracy"]
    votes: Counter[str] = Counter()
    train = lab["format_preferences"](**rating_pairs()[0][:])
    for good, bad in zip(train["chosen"], train["rejected"], strict=True):
        one, other = set(good.lower().split()), set(bad.lower().split())
        votes.update(one - other)
        votes.subtract(other - one)

    def by_words(side: str) -> torch.Tensor:
        told = [[max(-3, min(3, votes[w])) for w in set(text.lower().split())] for text in held_out[side]]
        return torch.tensor([sum(row) for row in told]).double()

    lengths = [torch.tensor(list(map(len, held_out[side]))).double() for side in ("chosen", "rejected")]
    assert accuracy(chosen, rejected) == pytest.approx(0.49, abs=0.03)
    assert accuracy(*lengths) == pytest.approx(0.52, abs=0.03)
    assert 0.55 < accuracy(by_words("chosen"), by_words("rejected")) < 0.63


@pytest.mark.filterwarnings("ignore")
def test_dropout_moves_the_first_training_loss_and_no_evaluation(
    held_out: dict[str, list[str]], tmp_path: Path
) -> None:
    import datasets
    from transformers import AutoModelForCausalLM, AutoTokenizer, PrinterCallback
    from trl import DPOConfig, DPOTrainer

    tokenizer = AutoTokenizer.from_pretrained(WEIGHTS / "tiny")
    tokenizer.pad_token = tokenizer.eos_token
    plain = AutoModelForCausalLM.from_pretrained(WEIGHTS / "tiny").config
    assert (plain.resid_pdrop, plain.attn_pdrop, plain.embd_pdrop) == (0.0, 0.0, 0.0), "tiny has none"
    data = datasets.Dataset.from_dict({name: column[:4] for name, column in held_out.items()})
    for disabled in (True, False):
        model, model_ref = (
            AutoModelForCausalLM.from_pretrained(WEIGHTS / "tiny", resid_pdrop=0.1, embd_pdrop=0.1) for _ in range(2)
        )
        arguments = DPOConfig(
            output_dir=str(tmp_path), beta=0.1, max_steps=1, per_device_train_batch_size=4, disable_dropout=disabled,
            max_length=64, max_prompt_length=16, remove_unused_columns=False, logging_steps=1, save_strategy="no",
            report_to=[], disable_tqdm=True, seed=0,
        )  # fmt: skip
        trainer = DPOTrainer(model, model_ref, args=arguments, train_dataset=data, eval_dataset=data,
                             tokenizer=tokenizer)  # fmt: skip
        trainer.remove_callback(PrinterCallback)
        assert trainer.evaluate()["eval_loss"] == pytest.approx(math.log(2), abs=1e-6), "evaluation: never"
        trainer.train()
        first = next(row["loss"] for row in trainer.state.log_history if "loss" in row)
        assert (abs(first - math.log(2)) < 1e-4) == disabled, "training: where it is on"


@pytest.fixture(scope="module")
def more_losses(shown: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """Lab 05's sampled pairs of the toy, DPO on them, and the four losses of section 12."""
    return shown("05-dpo", "# log π_ref(y|x), [prompt", "def train_dpo(", "sampled = train_dpo(", "def dpo_and_nll(")


def test_the_four_losses_are_those_of_trl(more_losses: dict[str, Any]) -> None:
    from trl import CPOTrainer, KTOTrainer, ORPOTrainer

    lab, accelerator = more_losses, SimpleNamespace(device="cpu", gather=lambda number: number)
    won, lost, size, log_ref = (lab[name] for name in ("won", "lost", "size", "log_ref"))
    noise = torch.randn(341, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    lp = (log_ref[0] + noise).log_softmax(0)
    each = lp / size
    assert size.tolist() == [len(toy.text(y).split()) for y in toy.responses()]
    trainer = SimpleNamespace(
        beta=2.0, simpo_gamma=1.0, loss_type="simpo", label_smoothing=0.0, accelerator=accelerator
    )
    torch.testing.assert_close(lab["simpo"](lp), CPOTrainer.cpo_loss(trainer, each[won], each[lost])[0])
    trainer = SimpleNamespace(beta=0.25, accelerator=accelerator)
    odds = ORPOTrainer.odds_ratio_loss(trainer, each[won], each[lost])[0]
    torch.testing.assert_close(lab["orpo"](lp), -each[won] - odds)
    trainer = SimpleNamespace(
        beta=0.5, loss_type="kto", desirable_weight=1.0, undesirable_weight=1.0, calculate_KL=True,
        accelerator=accelerator,
    )  # fmt: skip
    kl = (lp.exp() * (lp - log_ref[0])).sum()
    both = KTOTrainer.kto_loss(trainer, lp[won], lp[lost], kl[None], log_ref[0, won], log_ref[0, lost], 0 * kl[None])[0]
    torch.testing.assert_close(lab["kto"](lp), both[: len(won)] + both[len(won) :])
    dpo = lab["dpo_loss"](lp[won], lp[lost], log_ref[0, won], log_ref[0, lost], 0.5)
    torch.testing.assert_close(lab["dpo_and_nll"](lp), dpo - each[won])


def test_only_an_nll_holds_the_chosen_up_and_what_differs_is_where_a_loss_stops(more_losses: dict[str, Any]) -> None:
    lab = more_losses
    runs = {name: lab["train_dpo"](name, lab[name], 300) for name in ("dpo_and_nll", "simpo", "orpo", "kto")}
    runs["dpo"] = lab["sampled"][:301]

    def at(name: str, step: int) -> tuple[float, float, float]:
        lp = runs[name][step]
        kl = (lp.exp() * (lp - lab["log_ref"][0])).sum().item()
        return lp[lab["won"]].mean().item(), kl, (lp.exp() * lab["r"][0]).sum().item()

    rises = {name: at(name, 300)[0] > at(name, 0)[0] for name in runs}
    assert rises == {"dpo_and_nll": True, "orpo": True, "simpo": False, "kto": False, "dpo": False}
    for name, kl in {"dpo_and_nll": 0.35, "orpo": 0.26, "kto": 0.76}.items():
        assert at(name, 300)[1] == pytest.approx(kl, abs=0.05)
        assert at(name, 150)[1] == pytest.approx(at(name, 300)[1], abs=0.02), "it stops"
    for name in ("dpo", "simpo"):
        assert at(name, 300)[1] > at(name, 150)[1] + 0.5, "it runs on"
        assert max(at(name, step)[2] for step in range(0, 300, 10)) > at(name, 300)[2] + 0.05, "and loses reward again"
    near = {
        name: min(range(301), key=lambda step, name=name: abs(at(name, step)[1] - 1.5)) for name in ("dpo", "simpo")
    }
    assert at("dpo", near["dpo"])[2] > at("simpo", near["simpo"])[2] + 0.2, "for each nat SimPO gets less"


@pytest.mark.filterwarnings("ignore")
def test_with_lora_the_model_with_its_adapter_off_is_the_reference(shown: Callable[..., dict[str, Any]]) -> None:
    lab = shown("05-dpo", "train_rows, held_out_rows =", "datasets.disable_progress", "def logps(", "from peft import",
                'live.Line("LoRA"')  # fmt: skip
    for off, two in zip(lab["off"], lab["two"], strict=True):
        assert torch.equal(off, two.detach())
    assert (lab["one_model"] - lab["two_models"]).abs().max() < 2e-5
    assert lab["moved"] > 1, "and the policy has moved"
    assert sum(map(torch.numel, lab["learned"])) == pytest.approx(33_000, abs=500)


def test_trl_of_today_has_the_same_losses_on_the_same_tokens(repo: Course) -> None:
    """0.11.4 puts BOS before a prompt, 1.16 does not: it is in the prompts there."""
    script = Path(__file__).with_name("dpo_both.py")
    found = []
    for python in (sys.executable, str(today.python_of(today.today_folder()))):
        done = subprocess.run([python, str(script)], cwd=repo.root, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        found.append(json.loads(done.stdout.splitlines()[-1]))
    old, new = found
    assert (old["version"], new["version"]) == ("0.11.4", "1.16.0")
    for name, loss in old["losses"].items():
        assert abs(new["losses"][name] - loss) <= 1.2e-6 * max(1.0, abs(loss)), name
    assert abs(old["smoothed"] - old["losses"]["sigmoid"]) > 1e-3
    assert new["smoothed"] == new["losses"]["sigmoid"], "label_smoothing does nothing to sigmoid any more"
