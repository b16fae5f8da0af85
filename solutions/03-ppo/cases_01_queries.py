"""Cases of `build_queries`: reviews around 200 characters, of all letters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from trl.core import LengthSampler

from grader.checks import Built, Case, Cases, Mistake

WORDS = ("this", "film", "is", "the", "thin", "fish", "of", "a", "filmed", "theft", "his", "wit")


def a_review(number: int, length: int) -> str:
    """A text of exactly `length` characters that begins in its own way."""
    words = [WORDS[(number * (k + 3) + k * k) % len(WORDS)] for k in range(length)]
    return ("This film " * (number % 2) + " ".join(words))[:length]


def columns(*texts: str) -> dict[str, list[Any]]:
    """Reviews with labels."""
    return {"text": list(texts), "label": [i % 2 for i in range(len(texts))]}


def right_queries(
    columns: dict[str, list[Any]], tokenizer: Any, low: int = 2, high: int = 8, seed: int = 0
) -> dict[str, list[Any]]:
    """The course's recipe, line by line."""
    np.random.seed(seed)
    length = LengthSampler(low, high)
    reviews = [text for text in columns["text"] if len(text) > 200]
    ids = [tokenizer.encode(text)[: length()] for text in reviews]
    return {"review": reviews, "input_ids": ids, "query": [tokenizer.decode(row) for row in ids]}


def queries_of(
    keep: Callable[[str], bool] = lambda text: len(text) > 200,
    cut: Callable[[Any, str, int], list[int]] = lambda tokenizer, text, n: tokenizer.encode(text)[:n],
    spell: Callable[[Any, str, list[int], int], str] = lambda tokenizer, text, ids, n: tokenizer.decode(ids),
    change: Callable[[list[str]], list[str]] = list,
) -> Callable[..., dict[str, list[Any]]]:
    """The recipe with one of its steps another."""

    def recipe(
        columns: dict[str, list[Any]], tokenizer: Any, low: int = 2, high: int = 8, seed: int = 0
    ) -> dict[str, list[Any]]:
        np.random.seed(seed)
        length = LengthSampler(low, high)
        reviews = change([text for text in columns["text"] if keep(text)])
        drawn = [int(length()) for _ in reviews]
        ids = [cut(tokenizer, text, n) for text, n in zip(reviews, drawn, strict=True)]
        spelt = [spell(tokenizer, text, row, n) for text, row, n in zip(reviews, ids, drawn, strict=True)]
        return {"review": reviews, "input_ids": ids, "query": spelt}

    return recipe


def review_pool() -> Iterator[Case]:
    """Lengths around 200, letters of several bytes, repetitions, spaces at the ends, short and no reviews."""
    mixed = columns(*(a_review(i, n) for i, n in enumerate((201, 260, 200, 199, 310, 40, 202))))
    letters = columns("é" * 200, "é" * 201, "film é" * 40, "ß" * 150, "日本の映画は" * 34, "🎬" * 60)
    ends = columns(
        "  " + a_review(1, 199), "\n" * 201, a_review(2, 198) + "   ", "<br />" * 40, a_review(3, 199) + "\n"
    )
    twice = columns(a_review(1, 300), a_review(2, 201), a_review(1, 300), a_review(2, 201))
    tables = {
        "ordinary reviews": mixed, "reviews with letters of several bytes": letters, "reviews that occur twice": twice,
        "reviews with spaces at their ends": ends, "no review that is kept": columns("short", a_review(3, 200)),
        "a single review": columns(a_review(4, 240)), "no reviews at all": columns(),
    }  # fmt: skip
    for family, table in tables.items():
        for low, high, seed in ((2, 8, 0), (3, 5, 1), (1, 2, 7)):
            name = f"{family}, {low} to {high}, seed {seed}"
            yield Case(name, args=(table, Built("tokenizer"), low, high, seed), family=family)
    for name, low, high in (("far beyond", 150, 400), ("nothing", 0, 3), ("long", 20, 60)):
        family = "lengths other than the usual ones"
        yield Case(f"{family}: {name}", args=(mixed, Built("tokenizer"), low, high, 3), family=family)
    for table in ("ordinary reviews", "reviews with letters of several bytes"):
        yield Case(
            f"defaults, {table}", args=(tables[table], Built("tokenizer")), family="calls without low, high, seed"
        )


build_queries = Cases(
    "build_queries",
    name="a_query_is_its_tokens_in_words",
    promise="`input_ids` are a review's first tokens, and `query` is what they spell, for every kind of review.",
    points=1,
    reference=right_queries,
    pool=review_pool,
    keeps_inputs=True,
    mistakes=(
        Mistake(
            "Cut the tokens, not the characters.",
            queries_of(cut=lambda tokenizer, text, n: tokenizer.encode(text[:n])),
        ),
        Mistake(
            "Cut the tokens, not the words.",
            queries_of(cut=lambda tokenizer, text, n: tokenizer.encode(" ".join(text.split(" ")[:n]))),
        ),
        Mistake(
            "Those are the last tokens; a query is the beginning of a review.",
            queries_of(cut=lambda tokenizer, text, n: tokenizer.encode(text)[-n:]),
        ),
        Mistake(
            "The query is what the tokens spell: decode them; it is not the same number of characters.",
            queries_of(spell=lambda tokenizer, text, ids, n: text[:n]),
        ),
        Mistake(
            "The query holds the whole review: decode the kept tokens only.",
            queries_of(spell=lambda tokenizer, text, ids, n: text),
        ),
        Mistake(
            "No EOS in front here: the tokens of the review as they are.",
            queries_of(cut=lambda tokenizer, text, n: [0, *tokenizer.encode(text)[:n]]),
        ),
        Mistake("200 is a number of characters, not of bytes.", queries_of(keep=lambda text: len(text.encode()) > 200)),
        Mistake("*More than* 200 characters: a review of exactly 200 goes.", queries_of(keep=lambda t: len(t) >= 200)),
        Mistake(
            "A review that is there twice stays there twice.",
            queries_of(change=lambda reviews: list(dict.fromkeys(reviews))),
        ),
        Mistake(
            "Keep the texts as they are: no strip.",
            queries_of(keep=lambda t: len(t.strip()) > 200, change=lambda reviews: [t.strip() for t in reviews]),
        ),
    ),
)
