"""The trusted scorer: exact on simulated attempts, deaf to what a file claims, and calm on hostile bytes."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.quizzes.keyed import KeyedBank, parse_kept
from grader.quizzes.score import MAX_PROBLEMS, score_attempts
from grader.quizzes.simulate import simulate
from labkit.quiz.answers import read_answer
from labkit.quiz.draw import draw
from labkit.quiz.scoring import item_score
from labkit.quiz.sealed import load_bank, open_part

FILES = Path(__file__).resolve().parents[1] / "files" / "quiz"
KEPT = parse_kept((FILES / "sample.kept.json").read_text())
BANKS = {KEPT.hash: KEPT}


def attempt(skill: float = 1.0, chance: int = 0, **changes: Any) -> str:
    return json.dumps(json.loads(simulate(KEPT, random.Random(chance), skill).line) | changes)


def scored(*lines: str | bytes, banks: dict[str, KeyedBank] = BANKS) -> Any:
    raw = b"\n".join(line.encode() if isinstance(line, str) else line for line in lines) + b"\n"
    return score_attempts(raw, banks, "sample")


def test_simulated_attempts_get_the_score_that_they_were_made_for() -> None:
    rng = random.Random(5)
    for _ in range(300):
        made = simulate(KEPT, rng, rng.random())
        got = scored(made.line)
        assert got.attempts[0].score == pytest.approx(made.expected, abs=1e-12)
        assert got.points == round(made.expected * 9.5, 2)


def test_the_highest_counts_wherever_it_stands() -> None:
    lines = [attempt(skill, seed) for seed, skill in enumerate((0.0, 1.0, 0.3))]
    got = scored(*lines)
    assert (got.points, got.max_points, len(got.attempts), got.problems) == (9.5, 9.5, 3, ())
    assert got.best == got.attempts[1]


def test_a_score_that_the_file_claims_is_not_looked_at() -> None:
    assert scored(attempt(0.0, score=1.0)).points == 0.0
    assert scored(attempt(1.0, score=0.0)).points == 9.5


def test_no_file_and_an_empty_one_earn_nothing_and_are_no_problem() -> None:
    for raw in (None, b"", b"\n\n"):
        got = score_attempts(raw, BANKS, "sample")
        assert (got.points, got.max_points, got.best, got.problems) == (0.0, 9.5, None, ())


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"{", "line 2: damaged"),
        (b"\xff\xfe", "line 2: damaged"),
        (b"[" * 100_000, "line 2: damaged"),
        (b"9" * 5000, "line 2: damaged"),
        (b"[]", "line 2: list instead of an attempt"),
        (b"{}", "line 2: bank is missing"),
        (attempt(v=2), "line 2: version 2, 1 was expected"),
        (attempt(hash="0" * 64), "was never released here"),
        (attempt(seed=-1), "the seed is no whole number"),
        (attempt(seed=True), "the seed is no whole number"),
        (attempt(seed=10**30), "the seed is no whole number"),
        (attempt(draw=[]), "does not show the questions that its seed draws"),
        (attempt(seed=4), "does not show the questions that its seed draws"),
        (attempt(responses=[]), "it has no responses"),
        (attempt(attempt=7), "attempt is missing or no short text"),
        (attempt(seed=0), "does not show the questions"),
    ],
)
def test_a_line_that_cannot_count_is_told_and_the_others_count(line: str | bytes, says: str) -> None:
    got = scored(attempt(0.5, 9), line, attempt(1.0, 8))
    assert got.points == 9.5
    assert len(got.attempts) == 2
    assert len(got.problems) == 1
    assert says in got.problems[0]


def test_an_attempt_counts_once() -> None:
    got = scored(attempt(0.2), attempt(0.2))
    assert len(got.attempts) == 1
    assert "a second time" in got.problems[0]


def test_attempts_at_another_bank_are_passed_over() -> None:
    got = scored(attempt(bank="other"), attempt(0.0))
    assert (got.points, got.problems) == (0.0, ())


def test_only_as_many_attempts_count_as_the_bank_allows() -> None:
    exam = parse_kept((FILES / "sample-exam.kept.json").read_text())
    rng = random.Random(3)
    lines = [simulate(exam, rng, skill).line for skill in (0.0, 1.0)]
    got = score_attempts("\n".join(lines).encode(), {exam.hash: exam}, "sample-exam")
    assert (got.points, len(got.attempts)) == (0.0, 1)
    assert "only the first 1 attempts count" in got.problems[0]


def test_a_changed_bank_does_not_change_old_attempts() -> None:
    flipped = replace(KEPT, hash="f" * 64, items=tuple(replace(i, points=i.points * 2) for i in KEPT.items))
    got = score_attempts(attempt(1.0).encode(), {**BANKS, flipped.hash: flipped}, "sample", max_points=19.0)
    assert (got.best.score, got.points) == (1.0, 19.0)  # type: ignore[union-attr]
    assert got.best.hash == KEPT.hash  # type: ignore[union-attr]


def test_answers_of_wrong_kinds_are_empty_answers() -> None:
    record = json.loads(attempt())
    for item in record["responses"].values():
        for part in item:
            item[part] = {"a": [1]}
    assert scored(json.dumps(record)).points == 0.0
    record["responses"] = dict.fromkeys(record["responses"], "a")
    assert scored(json.dumps(record)).points == 0.0


def test_the_same_number_may_be_written_in_many_ways() -> None:
    record = json.loads(attempt(0.0))
    for text in ("0.69", " 0,693 ", "+6.9e-1", "0.6931 nats", "69E-2"):
        record["responses"] = {"ln-two": {"p1": text}}
        assert scored(json.dumps(record)).attempts[0].items["ln-two"] == 1.0, text
    for text in ("-0.69", "0.7", "ln 2", "0.69.", "inf", "nan", "1e999", "", "0_69"):
        record["responses"] = {"ln-two": {"p1": text}}
        assert scored(json.dumps(record)).attempts[0].items["ln-two"] == 0.0, text


def test_misconceptions_are_told_for_reports() -> None:
    record = json.loads(attempt(0.0))
    record["responses"] = {"ln-two": {"p1": "0"}}
    assert scored(json.dumps(record)).attempts[0].misconceptions == (("ln-two", "takes the start for the end"),)


def test_problems_are_told_but_not_without_end() -> None:
    got = scored(*[b"{"] * 500)
    assert len(got.problems) == MAX_PROBLEMS + 1
    assert got.problems[-1] == "and 450 more"


def test_player_and_grader_draw_the_same() -> None:
    bank = load_bank(FILES / "sample.quiz.json")
    for seed in range(50):
        here = KEPT.drawn(seed)
        assert [(d.item, d.variant) for d in draw(bank, seed)] == list(here)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_scored(raw: bytes) -> None:
    assert score_attempts(raw, BANKS, "sample").points == 0.0


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(json.loads(attempt()))), values)
def test_any_value_in_any_field_is_scored(field: str, value: Any) -> None:
    got = scored(attempt(**{field: value}))
    assert 0.0 <= got.points <= 9.5
    json.dumps(got.problems).encode()


@settings(max_examples=150, deadline=None)
@given(st.data(), values)
def test_any_answer_is_scored(data: st.DataObject, value: Any) -> None:
    record = json.loads(attempt())
    item = data.draw(st.sampled_from(sorted(record["responses"])))
    part = data.draw(st.sampled_from(sorted(record["responses"][item])))
    record["responses"][item][part] = value
    got = scored(json.dumps(record))
    assert 0.0 <= got.points <= 9.5
    assert got.problems == ()


def test_opening_with_the_students_file_gives_the_graders_score() -> None:
    bank = load_bank(FILES / "sample.quiz.json")
    rng = random.Random(11)
    for _ in range(40):
        line = simulate(KEPT, rng, rng.random()).line
        record, got = json.loads(line), scored(line).attempts[0]
        earned = 0.0
        for shown in record["draw"]:
            item = bank.item(shown["item"])
            given = record["responses"][item.id]
            verdicts = []
            for part in item.variants[shown["variant"]].parts:
                spelling = {"decimals": part.decimals, "unit": part.unit, "case": part.case, "code": part.code}
                answer = read_answer(part.kind, given[part.id], **spelling).answer
                verdicts.append(open_part(bank, item.id, shown["variant"], part.id, answer))
            share = item_score(item.credit, [v.credit for v in verdicts], max(v.of for v in verdicts))
            assert share == got.items[item.id]
            earned += share * item.points
        assert earned / bank.max_points == pytest.approx(got.score, abs=1e-12)
