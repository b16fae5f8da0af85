"""What attempts show: the core at first, then other questions, as difficult as the bank, each equally likely."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise, product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.course.paths import Course
from grader.quizzes.load import QuizError, load
from labkit.quiz.bank import Choice
from labkit.quiz.draw import MAX_SEED, RUN, draw_items, first_seed

SEEDS = st.integers(0, MAX_SEED - 2 * RUN)
GROUPS = (
    (Choice("a", 3, 0.6),),
    (Choice("b", 2, 0.5), Choice("c", 1, 0.6), Choice("d", 4, 0.6)),
    (Choice("e", 1, 0.6),),
)


@given(SEEDS)
def test_the_first_version_draws_as_ever(seed: int) -> None:
    """Attempts at banks that were handed out before 0.6 are scored as they were drawn."""
    groups = ((Choice("a", 3),), (Choice("b", 2), Choice("c", 1)), (Choice("d", 1),))
    drawn = [draw_items("bank", groups, seed + k, version=1) for k in range(6)]
    for first, second in pairwise(drawn):
        assert first[0] != second[0]
        assert first[1] != second[1]
        assert first[2] == second[2] == ("d", 0)
    assert Counter(one[0] for one in drawn) == Counter({("a", k): 2 for k in range(3)})
    assert Counter(one[1] for one in drawn) == Counter({("b", 0): 2, ("b", 1): 2, ("c", 0): 2})


@given(st.integers(0, MAX_SEED))
def test_a_first_attempt_shows_the_core(number: int) -> None:
    drawn = draw_items("bank", GROUPS, first_seed(number))
    assert [item for item, _ in drawn] == ["a", "b", "e"]
    assert draw_items("bank", GROUPS, 0) == (("a", 0), ("b", 0), ("e", 0))


@given(SEEDS)
def test_a_retake_shows_another_item_or_else_another_variant(seed: int) -> None:
    if (seed + 1) % RUN:
        first, second = (draw_items("bank", GROUPS, one) for one in (seed, seed + 1))
        assert first[0][1] != second[0][1]
        assert first[1][0] != second[1][0]
        assert first[2] == second[2] == ("e", 0)


def test_items_come_up_equally_often_whatever_their_number_of_variants() -> None:
    """Fixed seeds: after the core b, c comes up as often as d, which has four times the variants."""
    after = Counter(draw_items("bank", GROUPS, RUN * run + 1)[1] for run in range(1, 2001))
    assert sum(count for (item, _), count in after.items() if item == "c") == pytest.approx(1000, abs=70)
    assert {variant for item, variant in after if item == "d"} == {0, 1, 2, 3}
    assert all(count == pytest.approx(250, abs=50) for (item, _), count in after.items() if item == "d")


def test_where_no_draw_is_near_enough_the_nearest_is_taken() -> None:
    groups = ((Choice("easy", 1, 0.9), Choice("hard", 1, 0.1), Choice("fair", 1, 0.41)),)
    drawn = [draw_items("bank", groups, RUN + k)[0][0] for k in range(8)]
    assert drawn[1::2] == ["fair"] * 4
    assert "fair" not in drawn[::2]


def test_of_all_draws_that_are_near_each_is_as_likely() -> None:
    """Enumerated: 2,000 second attempts show each of the draws within 0.05 of the bank, and no other."""
    groups = tuple(tuple(Choice(f"{group}{k}", 1, d) for k, d in enumerate((0.5, 0.4, 0.6, 0.8))) for group in "xyz")
    wanted = (0.5 + 0.4 + 0.6 + 0.8) / 4
    near = {
        tuple((choice.item, 0) for choice in made)
        for made in product(*(group[1:] for group in groups))
        if abs(sum(choice.difficulty or 0 for choice in made) / 3 - wanted) <= 0.05 + 1e-9
    }
    seen = Counter(draw_items("bank", groups, RUN * run + 1) for run in range(1, 2001))
    assert set(seen) == near
    assert max(seen.values()) < 1.4 * min(seen.values())


def test_4000_attempts_at_the_assessment(repo: Course) -> None:
    """First attempts show the core of each of the ten subjects; retakes are as difficult as the bank, nothing twice."""
    model = load(repo.quizzes / "assessment.yaml").model
    items = {item.id: item for item in model.items}
    groups = tuple(tuple(Choice(name, 4, items[name].difficulty) for name in group) for group in model.groups())
    expected = {name: item.difficulty or 0.5 for name, item in items.items()}
    wanted = sum(sum(expected[c.item] for c in group) / len(group) for group in groups) / len(groups)
    core = [group[0].item for group in groups]
    repeats, far = 0, 0
    for run in range(1, 801):
        attempts = [draw_items("assessment", groups, RUN * run + k) for k in range(5)]
        assert [item for item, _ in attempts[0]] == core
        repeats += sum(a[0] == b[0] for one, two in pairwise(attempts) for a, b in zip(one, two, strict=True))
        means = [sum(expected[item] for item, _ in drawn) / len(drawn) for drawn in attempts[1:]]
        far += sum(abs(mean - wanted) > 0.05 + 1e-9 for mean in means)
    assert (repeats, far) == (0, 0)


def test_a_group_has_one_core(tmp_path: Path) -> None:
    sample = (Path(__file__).parents[1] / "files" / "quiz" / "sample.yaml").read_text()
    marked = sample.replace("    group: powers\n", "    group: powers\n    core: true\n")
    (tmp_path / "sample.yaml").write_text(marked)
    with pytest.raises(QuizError, match="core items"):
        load(tmp_path / "sample.yaml")
