"""Item analysis: the numbers of R's package psych, and advice that names what is wrong."""

from __future__ import annotations

import json
import random
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from grader.quizzes.analyse import analyse
from grader.quizzes.classical import alpha, corrected_correlation, interval, variant_drift
from grader.quizzes.keyed import KeyedBank
from grader.quizzes.learn import write_measured
from grader.quizzes.load import load
from grader.quizzes.parts import Measured
from grader.quizzes.score import AttemptScore, score_attempts
from grader.quizzes.simulate import simulate

FILES = Path(__file__).resolve().parents[1] / "files" / "quiz"
# Twelve students, six items. The figures below are those of psych 2.2.9 (R 4.2.2):
#   a <- psych::alpha(as.data.frame(x)); a$total$raw_alpha
#   r <- a$item.stats$r.drop; psych::r.con(r[3], 12)
STUDENTS = """
111101 110100 101111 000100 111111 010000 100101 111011 000100 111101 011100 101110
"""
BINARY = np.array([list(map(float, row)) for row in STUDENTS.split()])
PARTIAL = BINARY.copy()
PARTIAL[:, 4] = PARTIAL[:, 4] * 0.5 + np.array([0.5, 0, 0.5, 0, 0.25, 0, 0.5, 0.5, 0, 0.25, 0, 0.5])


def rest_correlations(table: np.ndarray) -> list[float | None]:
    return [corrected_correlation(table[:, k], np.delete(table, k, 1).mean(1))[0] for k in range(table.shape[1])]


def test_alpha_is_that_of_psych() -> None:
    assert alpha(BINARY) == pytest.approx(0.6571428571, abs=1e-9)
    assert alpha(PARTIAL) == pytest.approx(0.6936416185, abs=1e-9)


def test_alpha_of_zeros_and_ones_is_kr20() -> None:
    """KR-20 by its own formula: k/(k−1) (1 − Σ p q / σ²), with the variances of the whole group."""
    p = BINARY.mean(0)
    total = BINARY.sum(1).var()
    assert alpha(BINARY) == pytest.approx(6 / 5 * (1 - (p * (1 - p)).sum() / total), abs=1e-12)


def test_corrected_correlations_are_those_of_psych() -> None:
    wanted = [0.70164641545, 0.06142951168, 0.71483189135, -0.08770580193, 0.40291148201, 0.61545745490]
    assert rest_correlations(BINARY) == pytest.approx(wanted, abs=1e-9)
    wanted = [0.73913043478, 0.05165412831, 0.68466424850, -0.06511745300, 0.57558783145, 0.67636300809]
    assert rest_correlations(PARTIAL) == pytest.approx(wanted, abs=1e-9)


def test_the_interval_is_fishers() -> None:
    _, low, high = corrected_correlation(PARTIAL[:, 2], np.delete(PARTIAL, 2, 1).sum(1))
    assert (low, high) == pytest.approx((0.1824544398, 0.9035385399), abs=1e-9)


def test_drift_is_kruskals() -> None:
    """R: kruskal.test(list(c(1,0,1,1,0,1), c(0,0,1,0,0,0), c(1,1,1,.5,1,1)))$p.value"""
    shares = {0: [1, 0, 1, 1, 0, 1], 1: [0, 0, 1, 0, 0, 0], 2: [1, 1, 1, 0.5, 1, 1], 7: [1.0]}
    assert variant_drift(shares) == pytest.approx(0.03071652347, abs=1e-9)


def test_what_cannot_be_known_is_not_told() -> None:
    same = np.ones((5, 3))
    assert alpha(same) is None
    assert alpha(BINARY[:1]) is None
    assert corrected_correlation([1, 1, 1, 1], [0.1, 0.2, 0.3, 0.4]) == (None, None, None)
    assert corrected_correlation([1, 0, 1], [0.1, 0.2, 0.3]) == (None, None, None)
    assert variant_drift({0: [1.0, 1.0], 1: [1.0, 1.0]}) is None
    assert variant_drift({0: [1.0, 0.0]}) is None


def first_attempts(bank: KeyedBank, size: int) -> list[AttemptScore]:
    rng = random.Random(3)
    lines = [simulate(bank, rng, rng.random()).line for _ in range(size)]
    return [score_attempts(line.encode(), {bank.hash: bank}, bank.bank).attempts[0] for line in lines]


def alone(attempts: list[AttemptScore]) -> list[list[AttemptScore]]:
    """A class in which everybody tried once."""
    return [[one] for one in attempts]


def test_counts_of_answers_add_up_to_those_who_had_the_item(kept: KeyedBank) -> None:
    attempts = first_attempts(kept, 120)
    found = analyse({kept.hash: kept}, kept.bank, alone(attempts))
    assert found.attempts == 120
    assert sum(item.count for item in found.items) == sum(len(one.items) for one in attempts)
    for item in found.items:
        had = [one for one in attempts if item.item in one.items]
        assert item.count == len(had)
        assert item.difficulty == pytest.approx(np.mean([one.items[item.item] for one in had]))
        assert sum(variant.count for variant in item.variants) == item.count
        for part in {choice.part for choice in item.choices}:
            assert sum(choice.count for choice in item.choices if choice.part == part) == item.count, item.item
            answers = [choice.answer for choice in item.choices if choice.part == part]
            assert len(set(answers)) == len(answers)


def test_options_that_nobody_chose_are_listed_and_advised_on(kept: KeyedBank) -> None:
    attempts = first_attempts(kept, 200)
    single = next(item for item in kept.items if item.type == "single")
    never = next(a.answer for a in single.variants[0].parts[0].answers if a.credit == 0)
    some = [one for one in attempts if one.answers.get(single.id, {}).get("p1") != never]
    [found] = [item for item in analyse({kept.hash: kept}, kept.bank, alone(some)).items if item.item == single.id]
    [choice] = [choice for choice in found.choices if choice.answer == never]
    assert (choice.count, choice.share, choice.rest) == (0, 0.0, None)
    assert any(said.startswith(f"nobody chose {choice.text[:60]!r}") for said in found.advice)


def test_an_item_whose_key_is_wrong_is_found(kept: KeyedBank) -> None:
    """Students who know most answer the item otherwise than the key says."""
    single = next(item for item in kept.items if item.type == "single")
    attempts = [
        replace(one, items={**one.items, single.id: float(one.score < 0.5)}) if single.id in one.items else one
        for one in first_attempts(kept, 200)
    ]
    [found] = [item for item in analyse({kept.hash: kept}, kept.bank, alone(attempts)).items if item.item == single.id]
    assert found.high is not None
    assert found.high < 0
    assert "students who do well elsewhere get it wrong: check the key and the wording" in found.advice


def test_few_answers_are_no_ground_for_advice(kept: KeyedBank) -> None:
    found = analyse({kept.hash: kept}, kept.bank, alone(first_attempts(kept, 5)))
    assert all(
        item.advice == (f"only {item.count} answers: wait for more before you change anything",) for item in found.items
    )


def test_nobody_and_other_banks_are_no_error(kept: KeyedBank) -> None:
    assert analyse({kept.hash: kept}, kept.bank, []).items == ()
    assert analyse({kept.hash: kept}, "another", alone(first_attempts(kept, 3))).attempts == 0
    json.dumps([vars(item) for item in analyse({}, kept.bank, alone(first_attempts(kept, 3))).items])


def test_an_item_counts_when_a_student_meets_it_first(kept: KeyedBank) -> None:
    """Items beside the core come up in retakes only; an item that comes up again tells nothing new."""
    first, second = first_attempts(kept, 2)
    found = analyse({kept.hash: kept}, kept.bank, [[first, second, first], [second]])
    met = Counter({**dict.fromkeys(first.items, 1), **dict.fromkeys(second.items, 1)})
    met.update(second.items.keys())
    assert {item.item: item.count for item in found.items} == met
    assert found.attempts == 2


@pytest.mark.parametrize(("share", "count", "low", "high"), [(0.5, 10, 0.2366, 0.7634), (0.0, 20, 0.0, 0.1611)])
def test_the_interval_of_a_share_is_wilsons(share: float, count: int, low: float, high: float) -> None:
    """As scipy.stats.binomtest(5, 10).proportion_ci(method="wilson")."""
    wanted = stats.binomtest(round(share * count), count).proportion_ci(method="wilson")
    assert interval(share, count) == pytest.approx((wanted.low, wanted.high), abs=1e-4)
    assert interval(share, count) == pytest.approx((low, high), abs=1e-4)


def test_what_was_not_expected_is_named_and_the_bank_learns_it(kept: KeyedBank, tmp_path: Path) -> None:
    source = FILES / "sample.yaml"
    bank = tmp_path / "sample.yaml"
    shutil.copyfile(source, bank)
    shutil.copyfile(source.parent / "figures.py", tmp_path / "figures.py")
    first = load(bank).model.items[0]
    knowing = [replace(one, items={**one.items, first.id: 1.0}) for one in first_attempts(kept, 30)]
    guessed = replace(kept, items=tuple(replace(i, difficulty=0.3) if i.id == first.id else i for i in kept.items))
    found = analyse({kept.hash: guessed}, kept.bank, alone(knowing))
    said = next(item for item in found.items if item.item == first.id).advice
    assert any(one.startswith("30% was expected, 100% measured") for one in said)
    before = bank.read_text().splitlines()
    written = write_measured(bank, found)
    after = bank.read_text().splitlines()
    assert [line for line in after if "measured:" not in line] == before
    model = load(bank).model
    assert [item.id for item in model.items if item.measured] == written
    assert (model.items[0].measured, model.items[0].expected) == (Measured(share=1.0, students=30), 0.99)
    assert write_measured(bank, found) == written
    assert bank.read_text().splitlines() == after
