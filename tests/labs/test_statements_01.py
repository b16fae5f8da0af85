"""What the prose of lab 01 says in numbers, computed: each test is a sentence of the lab."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import torch

import rlhf


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


def test_a_table_of_bigrams_guesses_more_than_two_in_five_of_what_tiny_says_and_saves_as_many_passes(
    shown: Callable[..., dict[str, Any]],
) -> None:
    lab = shown(
        "01-decoding", "def distinct(", "N, LENGTH = 12, 24", "def verdict(", "V = len(tiny_tokenizer)",
        "own = tiny.generate(", "def speculate(",
    )  # fmt: skip
    bigrams, frequencies = (each.sum(-1).mean().item() for each in lab["kept"].values())
    assert bigrams == pytest.approx(0.435, abs=0.03)
    assert frequencies == pytest.approx(0.20, abs=0.05)
    passes = []
    for seed in range(20):
        torch.manual_seed(seed)
        passes.append(lab["speculate"](lab["start"][:1], 48)[1])
    assert sum(passes) / 20 == pytest.approx(28, abs=2)
