"""Preference pairs out of the human ratings: two snippets that begin alike, and what people thought of each."""

from __future__ import annotations

import random
from collections import defaultdict
from itertools import combinations
from typing import TYPE_CHECKING

from rlhf.data import load_ratings

if TYPE_CHECKING:
    from datasets import Dataset

WORDS = 2
MIN_GAP = 1.0
HELD_OUT = 0.2
SEED = 0

Row = tuple[str, str, float, float]


def rating_pairs(*, max_words: int = 20, per_prompt: int = 40, seed: int = SEED) -> tuple[Dataset, Dataset]:
    """Pairs of snippets whose first two words agree and whose mean ratings are at least 1 apart: (train, held out).

    Columns: `first`, `second` (str), `first_mean`, `second_mean` (float, −4 … 4); which of the two comes first says
    nothing. The ratings have 32,802 such pairs under 693 prompts (upper and lower case are the same here). Kept are
    snippets of at most `max_words` words, and at most `per_prompt` pairs of a prompt, else *The film* alone would be a
    quarter of all. A fifth of the prompts is held out, each with all its pairs: no prompt stands on both sides. The
    same `seed` gives the same pairs in the same order.

    Raises:
        LabError: the ratings were not fetched.
    """
    groups = pairs_by_prompt(max_words)
    rng = random.Random(seed)
    prompts = sorted(groups)
    rng.shuffle(prompts)
    cut = round(HELD_OUT * len(prompts))
    return _table(prompts[cut:], groups, per_prompt, rng), _table(prompts[:cut], groups, per_prompt, rng)


def pairs_by_prompt(max_words: int | None = None) -> dict[str, list[Row]]:
    """All pairs, as rows of the columns of `rating_pairs`, by their first two words in lower case."""
    ratings = load_ratings()
    groups: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for text, mean in zip(ratings["text"], ratings["mean"], strict=True):
        words = text.split(" ")
        if len(words) > WORDS and (max_words is None or len(words) <= max_words):
            groups[" ".join(words[:WORDS]).lower()].append((text, mean))
    pairs = {
        prompt: [(a, b, x, y) for (a, x), (b, y) in combinations(group, 2) if abs(x - y) >= MIN_GAP]
        for prompt, group in groups.items()
    }
    return {prompt: rows for prompt, rows in pairs.items() if rows}


def _table(prompts: list[str], groups: dict[str, list[Row]], per_prompt: int, rng: random.Random) -> Dataset:
    from datasets import Dataset

    rows = [row for p in prompts for row in rng.sample(groups[p], min(per_prompt, len(groups[p])))]
    rows = [(b, a, y, x) if rng.random() < 0.5 else (a, b, x, y) for a, b, x, y in rows]
    rng.shuffle(rows)
    columns = zip(*rows, strict=True)
    return Dataset.from_dict(
        {
            name: list(column)
            for name, column in zip(("first", "second", "first_mean", "second_mean"), columns, strict=True)
        }
    )
