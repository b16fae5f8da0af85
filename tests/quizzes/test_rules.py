"""What both sides share: one spelling for answers, the rules of credit, the draw from a seed; and idle claims."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.quizzes.probing import why_idle
from grader.quizzes.render import accepted_numbers
from labkit.quiz.answers import fixed_notation, read_answer
from labkit.quiz.draw import draw, draw_items
from labkit.quiz.scoring import item_score
from labkit.quiz.sealed import load_bank

FILES = Path(__file__).resolve().parents[1] / "files" / "quiz"


@pytest.mark.parametrize(
    ("raw", "decimals", "answer"),
    [
        ("0.125", 2, "0.12"),
        ("0.135", 2, "0.14"),
        ("-0.001", 2, "0.00"),
        ("−1,5", 1, "-1.5"),
        (" + 3 ", 0, "3"),
        ("1e3", 0, "1000"),
        ("1.5E-3", 4, "0.0015"),
        (".5", 1, "0.5"),
        ("5.", 1, "5.0"),
        ("0.7 nats", 1, "0.7"),
        ("1e-400", 2, ""),
        ("", 2, ""),
    ],
)
def test_numbers_have_one_spelling(raw: str, decimals: int, answer: str) -> None:
    read = read_answer("number", raw, decimals=decimals, unit="nats")
    assert read.answer == (answer or read.answer)
    assert (read.problem == "") == (answer != "" or raw != "1e1000")


@pytest.mark.parametrize("raw", ["1,234.5", "1_000", "ten", "nan", "inf", "1e999", "0x10", "٣", "1 2", "--1", "9" * 60])
def test_what_is_no_number_is_told_and_nothing_is_raised(raw: str) -> None:
    read = read_answer("number", raw, decimals=2)
    assert read.answer == ""
    assert read.problem


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e9, max_value=1e9), st.integers(0, 6))
def test_rounding_is_exact_and_half_to_even(value: float, decimals: int) -> None:
    exact = Fraction(repr(value)) * 10**decimals
    assert Fraction(fixed_notation(value, decimals)) == Fraction(round(exact), 10**decimals)
    assert read_answer("number", fixed_notation(value, decimals), decimals=decimals).answer == fixed_notation(
        value, decimals
    )


@given(st.text(max_size=60), st.sampled_from(["number", "text", "choice", "check"]), st.booleans(), st.booleans())
def test_any_answer_can_be_read_and_reads_the_same_again(raw: str, kind: str, case: bool, code: bool) -> None:
    once = read_answer(kind, raw, decimals=3, case=case, code=code).answer
    assert read_answer(kind, once, decimals=3, case=case, code=code).answer == once


def test_texts_are_folded_and_code_keeps_its_lines() -> None:
    assert read_answer("text", "  Partition\u00a0 FUNCTION ").answer == "partition function"
    assert read_answer("text", "cafe\u0301", case=True).answer == "café"
    assert read_answer("text", "\nn  = 0 \r\nN = 1\n\n", case=True, code=True).answer == "n  = 0\nN = 1"


@pytest.mark.parametrize(
    ("value", "tolerance", "decimals", "accepted"),
    [
        (np.log(2), None, 2, ["0.69"]),
        (0.125, None, 2, ["0.12", "0.13"]),
        (0.5, 0.1, 1, ["0.5", "0.4", "0.6"]),
        (0.0, 0.01, 2, ["0.00", "-0.01", "0.01"]),
        (12.0, 0, 0, ["12"]),
    ],
)
def test_numbers_within_the_tolerance_are_accepted(
    value: float, tolerance: float | None, decimals: int, accepted: list[str]
) -> None:
    assert accepted_numbers(value, tolerance, decimals) == accepted


@pytest.mark.parametrize(
    ("rule", "credits", "of", "share"),
    [
        ("all-or-nothing", [1, 1], 0, 1.0),
        ("all-or-nothing", [1, 0], 0, 0.0),
        ("per-part", [1, 0, 1, 1], 0, 0.75),
        ("right-minus-wrong", [1, 1, 0, 0], 2, 1.0),
        ("right-minus-wrong", [1, 1, -1, 0], 2, 0.5),
        ("right-minus-wrong", [1, -1, -1, 0], 2, 0.0),
        ("right-minus-wrong", [0, 0], 1, 0.0),
    ],
)
def test_credit_follows_the_rule(rule: str, credits: list[int], of: int, share: float) -> None:
    assert item_score(rule, credits, of) == share


def test_credit_refuses_what_makes_no_sense() -> None:
    for rule, credits, of in (("half", [1], 0), ("per-part", [], 0), ("right-minus-wrong", [1], 0)):
        with pytest.raises(ValueError, match=r"rule|part|true option"):
            item_score(rule, credits, of)


def test_ticking_everything_earns_less_than_knowing() -> None:
    """Two of four are true: all four boxes ticked earn nothing."""
    assert item_score("right-minus-wrong", [1, 1, -1, -1], 2) == 0.0


@given(st.integers(0, 2**53 - 40))
def test_a_retake_shows_something_else_and_all_comes_up(seed: int) -> None:
    groups, variants = [["a"], ["b", "c"], ["d"]], {"a": 3, "b": 2, "c": 1, "d": 1}
    drawn = [draw_items("bank", groups, variants, seed + k) for k in range(6)]
    for first, second in pairwise(drawn):
        assert first[0] != second[0]
        assert first[1] != second[1]
        assert first[2] == second[2] == ("d", 0)
    assert Counter(one[0] for one in drawn) == Counter({("a", k): 2 for k in range(3)})
    assert Counter(one[1] for one in drawn) == Counter({("b", 0): 2, ("b", 1): 2, ("c", 0): 2})


def test_options_are_shuffled_and_fixed_ones_stay() -> None:
    bank = load_bank(FILES / "sample.quiz.json")
    orders: Counter[Any] = Counter()
    for seed in range(600):
        first = draw(bank, seed)[0]
        order = first.orders["p1"]
        options = bank.item(first.item).variants[first.variant].part("p1").options
        assert order[-1] == next(option.id for option in options if option.fixed)
        orders[order] += 1
    assert len(orders) == 6
    assert min(orders.values()) > 60  # of 600 seeds, fixed ones, each of six orders comes about 100 times


def test_equal_options_come_in_one_order_in_all_parts() -> None:
    shown = next(d for d in draw(load_bank(FILES / "sample.quiz.json"), 3) if d.item == "who-is-who")
    assert len(set(shown.orders.values())) == 1


@pytest.mark.parametrize(
    ("claim", "holds", "idle"),
    [
        ("f(3) > f(2)", True, ""),
        ("f(3) < f(2)", False, ""),
        ("np.isclose(f(2), f(2.5))", False, ""),
        ("not np.isclose(f(2), 2 * f(1))", False, ""),
        ("b < 100", True, ""),
        ("all(f(n) > f(n - 1) for n in grid)", True, ""),
        ("cls is dict", True, ""),
        ("'x' in word", True, ""),
        ("not flag", True, ""),
        ("True", True, "a constant"),
        ("1 < 2", True, "a constant"),
        ("np.pi > 3", True, "a constant"),
        ("b == b", True, "with itself"),
        ("b ** 2 >= 0", True, "it is True whatever b may be"),
        ("b ** 2 < 0", False, "it is False whatever b may be"),
        ("all(f(n) > 0 for n in [])", True, "it is True whatever f may be"),
        ("f(1) > 0 or True", True, "it is True whatever f may be"),
    ],
)
def test_idle_claims_are_found(claim: str, holds: bool, idle: str) -> None:
    names = {"np": np, "f": lambda n: 2.0 * n, "b": 1.5, "grid": [2, 3], "cls": dict, "word": "xyz", "flag": False}
    assert eval(claim, dict(names)) == holds
    found = why_idle(claim, names, holds)
    assert (found == "") if idle == "" else (idle in found), found
