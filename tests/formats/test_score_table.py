"""The table of every response and its points."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest

from grader.formats.model.responses import responses
from grader.formats.model.score_table import score_table
from grader.quizzes.rendered import RenderedBank


@pytest.fixture(scope="module")
def rows(sample: RenderedBank) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(score_table(sample))))


def points(rows: list[dict[str, str]], item: str, variant: int = 1) -> dict[str, float]:
    return {r["response"]: float(r["points"]) for r in rows if r["item"] == item and r["variant"] == str(variant)}


def test_one_choice(rows: list[dict[str, str]]) -> None:
    expected = {"": 0, "The loss falls.": 1, "The loss rises.": 0, "It stays at \\ln 2.": 0, "None of these.": 0}
    assert points(rows, "loss-falls") == points(rows, "loss-falls", 2) == expected


def test_boxes_are_marked_right_minus_wrong(rows: list[dict[str, str]]) -> None:
    found = points(rows, "what-beta-does")  # 2 points, 2 of 4 statements are true
    assert len(found) == 16
    near, less = "The policy stays nearer to the reference.", "The reward counts for less."
    greedy = "The policy becomes greedy."
    assert (found[f"{near} + {less}"], found[near], found[f"{near} + {greedy}"], found[greedy]) == (2, 1, 0, 0)
    assert found[f"{near} + {less} + {greedy}"] == 1


def test_numbers(rows: list[dict[str, str]]) -> None:
    assert points(rows, "ln-two") == {"": 0, "0.69": 1, "0.00": 0, "9876543.5": 0}


def test_orders_and_matches_are_marked_by_the_part(rows: list[dict[str, str]]) -> None:
    orders, matches = points(rows, "ppo-steps"), points(rows, "who-is-who")
    assert len(orders) == 7
    assert orders["p1: Sample responses; p2: Take a gradient step; p3: Score them"] == pytest.approx(1 / 3, abs=1e-6)
    assert len(matches) == 5**3
    assert matches["p1: eight; p2: nine; p3: four"] == 1.5
    assert matches["p1: eight"] == 0.5


def test_blanks_and_listings(rows: list[dict[str, str]]) -> None:
    blanks = points(rows, "fill-in")
    assert blanks["b1: 3; b2: partition function; b3: rises"] == 1
    assert blanks["b2: normaliser"] == pytest.approx(1 / 3, abs=1e-6)
    assert points(rows, "what-prints")["n = 0\\nn = 1"] == 1


def test_many_combinations_are_thinned_out_but_keep_every_answer(sample: RenderedBank) -> None:
    item = next(item for item in sample.items if item.id == "who-is-who")
    (variant,) = item.variants
    parts = tuple(replace(part, id=f"x{n}") for n, part in enumerate(variant.parts * 2))
    many = list(responses(item, replace(variant, parts=parts)))
    assert len(many) < 6 * 4 * 2 + 2
    for part in parts:
        assert {given[part.id] for given in many if part.id in given} == {(0,), (1,), (2,), (3,)}
