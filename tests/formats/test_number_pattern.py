"""The regular expressions for numbers accept what our scorer accepts, and nothing else."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.formats.model.number_pattern import number_pattern
from labkit.quiz.answers import fixed_notation, read_answer

DIGITS = st.text("0123456789", max_size=4)
TYPED = st.builds(
    lambda sign, whole, point, fraction: sign + whole + point + fraction,
    st.sampled_from(["", "-", "+", "\u2212", "- "]),
    DIGITS,
    st.sampled_from(["", ".", ","]),
    DIGITS,
)


def tie(typed: str, decimals: int) -> bool:
    """Whether a number lies half-way between two, which engines may read either way."""
    digits = re.sub(r"[^0-9.]", "", typed.replace(",", "."))
    return abs(Decimal(digits).scaleb(decimals)) % 1 == Decimal("0.5")


@settings(max_examples=400, deadline=None)
@given(TYPED, st.integers(0, 3), st.sampled_from([0, 1, -1, 10]))
def test_a_pattern_accepts_what_is_rounded_to_its_number(typed: str, decimals: int, off: int) -> None:
    """Against the number that was typed, and numbers beside it."""
    read = read_answer("number", typed, decimals=decimals).answer
    if read and not tie(typed, decimals):
        assert re.search(number_pattern(read, decimals), typed), (typed, read)
    near = Decimal(read or "0") + off * Decimal(1).scaleb(-decimals)
    other = fixed_notation(near, decimals)
    if other != read and not (read and tie(typed, decimals)):
        assert not re.search(number_pattern(other, decimals), typed), (typed, other)


@pytest.mark.parametrize("typed", ["0.69", ".69", "0,69", "0.690", "0.6931", "00.69", "+0.69", " 0.69 "])
def test_the_spellings_of_a_number(typed: str) -> None:
    assert re.search(number_pattern("0.69", 2), typed)


@pytest.mark.parametrize("typed", ["", ".", "-", "0.7", "0.69x", "69", "-0.69", "0.69.0", "0.6 9", "6.9e-1"])
def test_what_is_another_number_or_none(typed: str) -> None:
    assert not re.search(number_pattern("0.69", 2), typed)


@pytest.mark.parametrize("nothing", ["", ".", ",", "-", " "])
def test_nothing_is_not_zero(nothing: str) -> None:
    for decimals in range(4):
        assert not re.search(number_pattern(fixed_notation(0, decimals), decimals), nothing)
