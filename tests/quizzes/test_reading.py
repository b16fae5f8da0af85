"""Statements in texts: what is read is what is claimed, and what cannot be read is said."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.quizzes.lexicon import OPPOSITES, WORDS
from grader.quizzes.reading import NAME, UnreadError, claim_of, statements, unmarked
from grader.quizzes.relations import RELATIONS

WORDS_OF = {
    "the loss": "before, after",
    "for $u>1$": "right",
    "for $0<u<1$": "left",
    "the number of terms": "many",
    "the mean": "mean",
}


def holds(text: str, **names: object) -> bool:
    return bool(eval(claim_of(text, WORDS_OF), {NAME: RELATIONS, "np": np, **names}))


@pytest.mark.parametrize(
    ("text", "names", "true"),
    [
        ("((The loss falls))", {"before": 2.0, "after": 1.0}, True),
        ("((The loss falls))", {"before": 1.0, "after": 1.0}, False),
        ("((The loss rises))", {"before": 2.0, "after": 1.0}, False),
        ("((the loss stays as it was)), whatever", {"before": 0.1 + 0.2, "after": 0.3}, True),
        ("((the loss does not depend on it))", {"before": 1.0, "after": 1.1}, False),
        ("((the loss is not lower))", {"before": 1.0, "after": 1.1}, True),
        ("((the loss is far lower))", {"before": 1.0, "after": 0.6}, False),
        ("((the loss is far lower))", {"before": 1.0, "after": 0.4}, True),
        ("It ((is lower for $0<u<1$ than for $u>1$))", {"left": [1, 2], "right": [3, 4]}, True),
        ("It ((is lower for $0<u<1$ than for $u>1$))", {"left": [1, 3], "right": [2, 4]}, False),
        ("It ((is lower for $u>1$ than for $0<u<1$))", {"left": [1, 2], "right": [3, 4]}, False),
        ("((the mean is 0.69))", {"mean": 0.693147}, True),
        ("((the mean is 0.70))", {"mean": 0.693147}, False),
        ("((the mean is below −1))", {"mean": -1.5}, True),
        ("((the number of terms is about $10^{ 94 }$))", {"many": 50257**20}, True),
        ("((the number of terms is about $10^{95}$))", {"many": 50257**20}, False),
        ("((the mean is infinite))", {"mean": float("inf")}, True),
        ("((the loss falls)) and ((the mean is 3))", {"before": 2, "after": 1, "mean": 3}, True),
        ("((the loss falls)) and ((the mean is 3))", {"before": 2, "after": 1, "mean": 4}, False),
    ],
)
def test_a_statement_is_true_as_its_words_say(text: str, names: dict[str, object], true: bool) -> None:
    assert holds(text, **names) is true


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("((the loss plummets))", "nothing reads 'plummets'"),
        ("((it falls))", "names none of the item's words"),
        ("((the loss falls and the mean rises))", "too much at once"),
        ("((the loss))", "no word that compares"),
        ("((for $u>1$ it is largest for $0<u<1$))", "largest goes with one"),
        ("((the mean falls to 0.3))", "falls goes with one of the item's words, here are 2"),
        ("((the loss far stays))", "far and much go with"),
        ("((the number of terms is above $10^{3}$))", "a power of ten"),
    ],
)
def test_what_cannot_be_read_is_told(text: str, says: str) -> None:
    with pytest.raises(UnreadError, match=re.escape(says)):
        claim_of(text, WORDS_OF)


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_of_two_numbers_one_is_lower_higher_or_the_same(a: float, b: float) -> None:
    found = [RELATIONS[name](a, b) for name in ("above", "below", "equal")]
    assert found.count(True) == 1
    assert [RELATIONS[name]((b, a)) for name in ("rises", "falls", "stays")] == found
    assert RELATIONS["differs"](a, b) != RELATIONS["equal"](a, b)


@pytest.mark.parametrize(("word", "other"), [pair for _, _, pairs in OPPOSITES for pair in pairs])
def test_opposites_are_never_both_true(word: str, other: str) -> None:
    for name, against in zip(WORDS[word], WORDS[other], strict=True):
        for values in ((1.0, 2.0), (2.0, 1.0), (2.0, 4.0), (3.0, 3.0), (2.0, 1.0, 3.0)):
            arguments = (
                [values] if name in ("rises", "falls", "stays", "changes", "highest", "lowest") else list(values[:2])
            )
            if name and against and name in RELATIONS and len(arguments) <= 2:
                try:
                    both = RELATIONS[name](*arguments) and RELATIONS[against](*arguments)
                except TypeError:
                    continue
                assert not both


def test_brackets_are_not_shown() -> None:
    text = "It is so: ((the loss falls)), and ((the mean is 3)). f((x)) is no statement to students either."
    assert statements(text)[:2] == ["the loss falls", "the mean is 3"]
    assert "((" not in unmarked(text)
