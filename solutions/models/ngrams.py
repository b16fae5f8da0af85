"""N-gram baselines on token streams: unigram, add-one bigram, and interpolated Kneser–Ney bigram and trigram.

Kneser–Ney as in Chen & Goodman (1999), "An empirical study of smoothing techniques for language modeling", section 2.7,
interpolated, with one discount an order, D = n1 / (n1 + 2 n2); the lowest order is interpolated with the uniform one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Counts:
    """Counts of n-grams, which are written as one number each: `keys` sorted, `counts` beside them."""

    keys: Ids
    counts: Ids

    def of(self, keys: Ids) -> Ids:
        """The count of each key; 0 where it is absent."""
        if len(self.keys) == 0:
            return np.zeros(len(keys), dtype=np.int64)
        at = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where(self.keys[at] == keys, self.counts[at], 0)

    def discount(self) -> float:
        """D = n1 / (n1 + 2 n2), with n_c the number of n-grams that have count c."""
        once, twice = int((self.counts == 1).sum()), int((self.counts == 2).sum())
        return once / (once + 2 * twice) if once else 0.5


def count(keys: Ids, weights: Ids | None = None) -> Counts:
    """Count `keys`; with `weights`, add those up instead of ones."""
    unique, where = np.unique(keys, return_inverse=True)
    totals = np.bincount(where, weights=weights).astype(np.int64)
    return Counts(unique, totals)


def unigram_nats(train: Ids, held_out: Ids, vocab: int) -> float:
    """Add-one unigram: mean negative log-probability of held-out tokens, from the second one on, in nats."""
    counts = np.bincount(train, minlength=vocab)
    return float(-np.log((counts[held_out[1:]] + 1) / (len(train) + vocab)).mean())


def bigram_add_one_nats(train: Ids, held_out: Ids, vocab: int) -> float:
    """Add-one bigram: mean nats a token, from the second one on."""
    pairs = count(train[:-1] * vocab + train[1:])
    contexts = np.bincount(train[:-1], minlength=vocab)
    seen = pairs.of(held_out[:-1] * vocab + held_out[1:])
    return float(-np.log((seen + 1) / (contexts[held_out[:-1]] + vocab)).mean())


def kneser_ney_nats(train: Ids, held_out: Ids, vocab: int, order: int) -> float:
    """Interpolated Kneser–Ney of `order` 2 or 3: mean nats a token, from the second one on.

    The second token has one token before it only, so a trigram takes its bigram level there.
    """
    unigrams, bigrams = _lower_levels(train, vocab, order)
    contexts, words = held_out[:-1], held_out[1:]
    flat = np.full(len(words), 1.0 / vocab)
    single = _interpolate(unigrams, np.zeros_like(words), words, flat, vocab)
    probability = _interpolate(bigrams, contexts, words, single, vocab)
    if order == 3:
        trigrams = count((train[:-2] * vocab + train[1:-1]) * vocab + train[2:])
        pairs = contexts[:-1] * vocab + contexts[1:]
        probability[1:] = _interpolate(trigrams, pairs, words[1:], probability[1:], vocab)
    return float(-np.log(probability).mean())


def _lower_levels(train: Ids, vocab: int, order: int) -> tuple[Counts, Counts]:
    """The counts of the two lower levels: below the top, a count says how many different tokens stood before."""
    pairs = count(train[:-1] * vocab + train[1:])
    if order == 3:
        triples = np.unique((train[:-2] * vocab + train[1:-1]) * vocab + train[2:])
        pairs = count(triples % (vocab * vocab))
    kinds = np.unique(train[:-1] * vocab + train[1:])
    return count(kinds % vocab), pairs


def _interpolate(grams: Counts, context: Ids, word: Ids, lower: Floats, vocab: int) -> Floats:
    """One level: (max(c − D, 0) + D · kinds(context) · lower) / c(context); `lower` alone where the context is new."""
    discount = grams.discount()
    totals = count(grams.keys // vocab, grams.counts)
    kinds = count(grams.keys // vocab)
    total = totals.of(context)
    kept = np.maximum(grams.of(context * vocab + word) - discount, 0.0)
    safe = np.maximum(total, 1)
    return np.where(total > 0, (kept + discount * kinds.of(context) * lower) / safe, lower)
