"""The n-gram baselines sum to one, and agree with a plain reading of the formulas on a corpus small enough to list."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

MODELS = Path(__file__).resolve().parents[2] / "solutions" / "models"
VOCAB = 5


@pytest.fixture
def ngrams(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(MODELS))
    import ngrams

    yield ngrams
    sys.modules.pop("ngrams")


@pytest.fixture
def train() -> np.ndarray:
    return np.random.default_rng(3).choice(VOCAB - 1, size=60, p=[0.5, 0.3, 0.15, 0.05])  # token 4 is never seen


def discount(counts: Counter[tuple[int, ...]]) -> float:
    once, twice = sum(c == 1 for c in counts.values()), sum(c == 2 for c in counts.values())
    return once / (once + 2 * twice) if once else 0.5


def level(counts: Counter[tuple[int, ...]], context: tuple[int, ...], word: int, lower: float) -> float:
    following = {gram: c for gram, c in counts.items() if gram[:-1] == context}
    total = sum(following.values())
    if total == 0:
        return lower
    d = discount(counts)
    return (max(counts[(*context, word)] - d, 0) + d * len(following) * lower) / total


def kneser_ney(train: list[int], context: tuple[int, ...], word: int) -> float:
    """The textbook recursion with dictionaries: raw counts on top, continuation counts below."""
    order = len(context) + 1
    grams = [Counter(tuple(train[i : i + n]) for i in range(len(train) - n + 1)) for n in range(1, order + 1)]
    below = [Counter(gram[1:] for gram in grams[n]) for n in range(1, order)]
    probability = 1 / VOCAB
    for n in range(1, order + 1):
        counts = grams[-1] if n == order else below[n - 1]
        probability = level(counts, context[len(context) - n + 1 :], word, probability)
    return probability


@pytest.mark.parametrize("order", [2, 3])
def test_kneser_ney_is_the_textbook_recursion(ngrams, train: np.ndarray, order: int) -> None:
    held_out = np.random.default_rng(4).integers(VOCAB, size=40)
    wanted = []
    for i in range(1, len(held_out)):
        context = tuple(int(t) for t in held_out[max(0, i - order + 1) : i])
        if order == 3 and i == 1:
            continue  # its bigram level has trigram continuation counts; compared below through the sum to one
        wanted.append(-np.log(kneser_ney(train.tolist(), context, int(held_out[i]))))
    got = ngrams.kneser_ney_nats(train, held_out, VOCAB, order)
    if order == 3:
        first = ngrams.kneser_ney_nats(train, held_out[:2], VOCAB, 3)
        got = (got * (len(held_out) - 1) - first) / (len(held_out) - 2)
    assert got == pytest.approx(np.mean(wanted), abs=1e-12)


@pytest.mark.parametrize("name", ["unigram", "add-one", "kn2", "kn3"])
def test_probabilities_of_all_words_sum_to_one(ngrams, train: np.ndarray, name: str) -> None:
    models = {
        "unigram": lambda h: ngrams.unigram_nats(train, h, VOCAB),
        "add-one": lambda h: ngrams.bigram_add_one_nats(train, h, VOCAB),
        "kn2": lambda h: ngrams.kneser_ney_nats(train, h, VOCAB, 2),
        "kn3": lambda h: ngrams.kneser_ney_nats(train, h, VOCAB, 3),
    }
    for context in range(VOCAB):
        total = sum(np.exp(-models[name](np.array([context, word]))) for word in range(VOCAB))
        assert total == pytest.approx(1.0, abs=1e-12)
    prefix = [2, 0] if name == "kn3" else [0]
    before = models[name](np.array(prefix)) * (len(prefix) - 1) if len(prefix) > 1 else 0.0
    ends = [models[name](np.array([*prefix, word])) * len(prefix) - before for word in range(VOCAB)]
    assert np.exp(-np.array(ends)).sum() == pytest.approx(1.0, abs=1e-12)


def test_the_unigram_and_the_add_one_bigram_by_hand(ngrams) -> None:
    train, held_out = np.array([0, 1, 0, 1, 0]), np.array([0, 1, 1])
    assert ngrams.unigram_nats(train, held_out, 2) == pytest.approx(-np.log(3 / 7))
    assert ngrams.bigram_add_one_nats(train, held_out, 2) == pytest.approx(-(np.log(3 / 4) + np.log(1 / 4)) / 2)
