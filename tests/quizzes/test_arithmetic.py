"""Numbers that are to be typed ask for no more than the calculator that the page names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from grader.course.paths import Course
from grader.quizzes.arithmetic import SAID, operations, too_much
from grader.quizzes.load import load
from grader.quizzes.prove import examined

NUMBER = """\
title: A bank
calculator: pocket
items:
  - id: growth
    type: numeric
    title: Growth
    objective: compute a power
    lab: 01-decoding
    given: |
      import math
      rate = 0.5
      grown = math.exp(rate)
      times = lambda x: x * x
    stem: How large is it?
    answer: {value: VALUE, decimals: 2, claim: answer > 1, feedback: Right., otherwise: No.}
"""


@pytest.fixture
def found(tmp_path: Path) -> Callable[..., list[str]]:
    """What is too much in the item, with this value, stem and calculator."""

    def look(value: str, stem: str = "How large is it?", calculator: str = "pocket") -> list[str]:
        text = NUMBER.replace("VALUE", value).replace("How large is it?", stem).replace("pocket", calculator)
        (tmp_path / "bank.yaml").write_text(text)
        model = load(tmp_path / "bank.yaml").model
        [item] = model.items
        return [said for _, said in too_much(item, model.calculator, model.given, item.given)]

    return look


@pytest.mark.parametrize(
    ("value", "needed"),
    [
        ("math.exp(rate)", "exp"),
        ("2 * grown", "exp"),
        ("times(math.log(3))", "log"),
        ("rate ** 0.3", "a power"),
        ("rate ** times(6)", "a power"),
        ("(1 + rate) ** 11", "a power"),
    ],
)
def test_what_a_pocket_calculator_has_not_is_told(found: Callable[..., list[str]], value: str, needed: str) -> None:
    [said] = found(value)
    assert said.startswith(f"{needed} is more than a pocket calculator does")
    assert found(value, calculator="scientific") == []


@pytest.mark.parametrize("value", ["times(rate) + math.sqrt(2) / 3", "(1 + rate) ** 8", "7"])
def test_what_it_has_is_not(found: Callable[..., list[str]], value: str) -> None:
    assert found(value) == []


def test_what_the_stem_shows_need_not_be_computed(found: Callable[..., list[str]]) -> None:
    shown = "How large is it? ($e^{0.5}={{ grown:.3f }}$, and $e^2={{ math.exp( 2 ):.2f }}$.)"
    assert found("2 * grown", shown) == found("rate * math.exp(2)", shown) == []
    assert found("math.exp(3) * grown", shown) != []


def test_a_function_that_stands_in_tables_is_too_much_for_both() -> None:
    assert set(operations("phi(1.2)", frozenset(), "phi = lambda x: math.erf(x)")) >= {"erf"}


def test_the_page_says_what_one_needs(tmp_path: Path) -> None:
    path = tmp_path / "bank.yaml"
    path.write_text(NUMBER.replace("VALUE", "times(2)").replace("title: A bank", "title: A bank\nnote: One question."))
    note = examined(load(path), 1, walls="none")[0].note
    assert "One question. Paper, pencil and a pocket calculator are enough." in note


def test_each_bank_says_which_calculator_and_asks_for_no_more(repo: Course) -> None:
    """Among them three items of the assessment that asked for powers of e beside a pocket calculator."""
    for path in repo.bank_files().values():
        model = load(path).model
        assert model.calculator in SAID
        for item in model.items:
            assert list(too_much(item, model.calculator, model.given, item.given)) == [], item.id
