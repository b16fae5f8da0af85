"""What both sides share: one spelling for answers, the rules of credit, the draw from a seed; and idle claims."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.quizzes.probing import why_idle
from grader.quizzes.spellings import accepted_numbers
from labkit.quiz.answers import fixed_notation, read_answer, read_recorded, to_record
from labkit.quiz.draw import draw
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


@pytest.mark.parametrize("raw", ["1,234,5", "1_000", "ten", "nan", "inf", "1e999", "0x10", "٣", "1 2", "--1", "9" * 60])
def test_what_is_no_number_is_told_and_nothing_is_raised(raw: str) -> None:
    read = read_answer("number", raw, decimals=2)
    assert read.answer == ""
    assert read.problem


@pytest.mark.parametrize(
    ("raw", "answer"),
    [
        ("1,234,567", "1234567.00"),
        ("1.234.567", "1234567.00"),
        ("4,480.5", "4480.50"),
        ("4.480,5", "4480.50"),
        ("-1,234,567.891", "-1234567.89"),
        ("4 480", "4480.00"),
        ("4\u2009480", "4480.00"),
        ("4\u00a0480,5", "4480.50"),
        ("1\u202f234\u202f567", "1234567.00"),
        ("4'480", "4480.00"),
        ("4’480.25", "4480.25"),
        ("− 4 480", "-4480.00"),
        ("1,234,567e-3", "1234.57"),
        ("1,234,567 nats", "1234567.00"),
        ("4.480", "4.48"),  # a point alone is a decimal point
        ("4,48", "4.48"),
        ("0,693", "0.69"),  # no group begins with 0
        ("00,123", "0.12"),
        ("1234,567", "1234.57"),  # no group has four digits
        ("4,4800", "4.48"),
    ],
)
def test_groups_of_three_digits_are_read(raw: str, answer: str) -> None:
    read = read_answer("number", raw, decimals=2, unit="nats")
    assert (read.answer, read.problem, read.meant) == (answer, "", ())


@pytest.mark.parametrize(
    ("raw", "meant"),
    [
        ("4,480", ("4480", "4.48")),
        ("-1,000", ("-1000", "-1")),
        ("+12,345 nats", ("+12345", "+12.345")),
        ("−123,456e2", ("-123456e2", "-123.456e2")),
    ],
)
@pytest.mark.parametrize("decimals", [0, 3])
def test_a_comma_before_a_single_group_is_asked_about(raw: str, meant: tuple[str, str], decimals: int) -> None:
    read = read_answer("number", raw, decimals=decimals, unit="nats")
    assert read.answer == ""
    assert read.meant == meant
    assert f"{meant[0]} or {meant[1]}?" in read.problem
    assert all(read_answer("number", number, decimals=decimals).answer for number in meant)


@pytest.mark.parametrize(
    "raw",
    [
        *("1,234,56", "12,34,567", "1,234.567.8", "1.234,567,8", "1, 234", "1  234", "4,480,", "4,480.", "0,693,147"),
        *("1 234,", "0 480", "0'480", "1,234 567", "1.234'567", "1'234'56", "1_000", "1,234,567,8"),
    ],
)
def test_what_only_looks_like_groups_is_no_number(raw: str) -> None:
    read = read_answer("number", raw, decimals=2)
    assert (read.answer, read.meant) == ("", ())
    assert "is no number" in read.problem


@given(
    st.integers(0, 10**12),
    st.sampled_from(["", "5", "25", "125"]),
    st.sampled_from([(",", "."), (".", ","), (" ", "."), (" ", ","), ("\u2009", ","), ("'", "."), ("’", ",")]),
    st.sampled_from(["", "-", "−"]),
)
def test_every_grouped_number_is_read_or_asked_about_and_never_guessed(
    whole: int, after: str, marks: tuple[str, str], sign: str
) -> None:
    mark, point = marks
    raw = sign + f"{whole:,}".replace(",", mark) + (point + after if after else "")
    value = Fraction(f"{whole}.{after or 0}") * (-1 if sign else 1)
    read = read_answer("number", raw, decimals=3)
    lone = 1000 <= whole < 10**6 and not after
    if mark == "," and lone:
        assert read.answer == ""
        assert [Fraction(number) for number in read.meant] == [value, value / 1000]
    elif mark == "." and lone:
        assert Fraction(read.answer) == value / 1000
    elif whole < 1000 and len(after) == 3 and point == "," and whole > 0:
        assert [Fraction(number) for number in read.meant] == [value * 1000, value]
    else:
        assert Fraction(read.answer) == value


TYPED_NUMBERS = st.text("0123456789,.' \u2009-−+eE", max_size=14)


@given(TYPED_NUMBERS, st.sampled_from(["", "nats", "%"]), st.integers(0, 4))
def test_a_record_is_read_as_what_was_typed(raw: str, unit: str, decimals: int) -> None:
    typed = read_answer("number", raw, decimals=decimals, unit=unit).answer
    kept = to_record("number", raw, unit=unit)
    assert read_recorded("number", kept, decimals=decimals, unit=unit) == typed
    assert read_answer("number", kept, decimals=decimals, unit=unit).answer == typed
    assert to_record("number", kept, unit=unit) == kept


@pytest.mark.parametrize(
    ("recorded", "answer"),
    [("4,480", "4.48"), ("−0,5 nats", "-0.50"), ("1,234,567", ""), ("4,480.5", ""), ("4 480", ""), ("1e2", "100.00")],
)
def test_records_made_before_keep_their_reading(recorded: str, answer: str) -> None:
    assert read_recorded("number", recorded, decimals=2, unit="nats") == answer


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
