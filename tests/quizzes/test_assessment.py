"""The final assessment: ten of forty questions, and an attempt with seven right answers replayed by option ids."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import pytest

from grader.course.paths import Course
from grader.quizzes.keep import Made, make
from grader.quizzes.prove import prove
from grader.quizzes.score import QuizScore, score_attempts
from labkit.quiz.bank import parse_bank
from labkit.quiz.draw import draw
from labkit.quiz.scoring import item_score
from labkit.quiz.sealed import open_part

# Question: the option that was chosen, the option that is right.
CHOSEN = {
    "what-temperature-does": ("o9af7", "o9af7"),  # the temperature
    "what-a-rollout-is": ("o6de9", "o6de9"),  # a response to each query
    "how-rlhf-aligns": ("oa593", "oa593"),  # tuned against a reward model trained on judgements
    "log-derivative": ("o2f67", "oeeac"),  # arg max of the objective, where a gradient was asked for
    "who-varies-lengths": ("o5140", "o5140"),  # LengthSampler
    "what-ppoconfig-is": ("oa667", "oa667"),  # settings: the model and the learning rate
    "what-beta-weighs": ("o341c", "o47f3"),  # probabilities that add up to one
    "why-z-is-out-of-reach": ("o6e19", "o6e19"),  # exponentially many terms
    "loss-against-u": ("o2572", "o37cf"),  # a loss that is higher for u > 1
    "first-the-model": ("o02ed", "o02ed"),  # AutoModelForCausalLM.from_pretrained
}


@pytest.fixture(scope="module")
def made(repo: Course) -> Made:
    return make(repo.quizzes / "assessment.yaml")


def test_an_attempt_asks_one_of_four_about_each_of_ten_subjects(made: Made) -> None:
    assert [group[0] for group in made.bank.groups] == list(CHOSEN)
    assert min(len(group) for group in made.bank.groups) == 4
    assert len(made.bank.groups) == 10
    bank = parse_bank(made.sealed)
    assert [(one.item, one.variant) for one in draw(bank, 0)] == [(name, 0) for name in CHOSEN]
    first, second = (draw(bank, seed) for seed in (1, 2))
    assert all((a.item, a.variant) != (b.item, b.variant) for a, b in zip(first, second, strict=True))


def record(made: Made, number: int, choices: dict[str, str]) -> dict[str, Any]:
    """An attempt with the seed that draws the first question of each subject."""
    drawn = draw(parse_bank(made.sealed), 0)
    return {
        "v": 1,
        "bank": "assessment",
        "hash": made.bank.hash,
        "attempt": str(uuid.UUID(int=number, version=4)),
        "time": "2026-01-01T00:00:00+00:00",
        "seed": 0,
        "draw": [{"item": d.item, "variant": d.variant} for d in drawn],
        "responses": {item: {"p1": option} for item, option in choices.items()},
    }


def scored(made: Made, records: list[dict[str, Any]]) -> QuizScore:
    raw = "".join(json.dumps(line) + "\n" for line in records).encode()
    return score_attempts(raw, {made.bank.hash: made.bank}, "assessment")


def test_seven_of_ten_then_ten_then_a_worse_one(made: Made) -> None:
    first = {item: chosen for item, (chosen, _) in CHOSEN.items()}
    perfect = {item: key for item, (_, key) in CHOSEN.items()}
    worse = first | {"what-a-rollout-is": "o3b1a"}
    history = []
    records: list[dict[str, Any]] = []
    for number, choices in enumerate((first, perfect, worse)):
        records.append(record(made, number, choices))
        got = scored(made, records)
        assert got.best is not None
        history.append((got.points, f"{got.attempts[-1].score:.0%}", f"{got.best.score:.0%}"))
    assert history == [(7.0, "70%", "70%"), (10.0, "100%", "100%"), (10.0, "60%", "100%")]
    assert got.problems == ()
    assert scored(made, records[:1]).attempts[0].score >= made.bank.pass_mark


def test_the_attempt_betrays_three_misconceptions(made: Made) -> None:
    got = scored(made, [record(made, 11, {item: chosen for item, (chosen, _) in CHOSEN.items()})])
    assert got.attempts[0].misconceptions == (
        ("log-derivative", "takes the aim of training for its gradient"),
        ("what-beta-weighs", "confuses beta with the partition function"),
        ("loss-against-u", "reads the axis backwards"),
    )


def test_the_student_sees_what_the_grader_counts_in_every_variant(made: Made) -> None:
    bank = parse_bank(made.sealed)
    for item in map(bank.item, CHOSEN):
        for variant in item.variants:
            for chosen, right in (CHOSEN[item.id], CHOSEN[item.id][::-1]):
                verdict = open_part(bank, item.id, variant.variant, "p1", chosen)
                assert item_score(item.credit, [verdict.credit]) == float(chosen == CHOSEN[item.id][1])
                assert verdict.feedback
                assert right


def test_the_plot_and_the_mended_question_are_there(made: Made) -> None:
    plot = made.bank.by_id["loss-against-u"].variants[0].stem
    assert 'src="data:image/svg+xml;base64,' in plot
    assert 'alt="A curve of the loss over u from 0 to 4.' in plot
    key = next(a for a in made.bank.by_id["log-derivative"].variants[0].parts[0].answers if a.credit)
    assert r"\nabla\pi=\pi\,\nabla\log\pi" in key.feedback


def test_where_numbers_or_code_allow_there_are_three_variants_or_more(made: Made) -> None:
    counts = {name: len(made.bank.by_id[name].variants) for name in CHOSEN}
    definitions = ("what-a-rollout-is", "how-rlhf-aligns")
    assert {name: n for name, n in counts.items() if n < 3} == dict.fromkeys(definitions, 1)


def test_a_wrong_key_is_caught(repo: Course, tmp_path: Path) -> None:
    text = (repo.quizzes / "assessment.yaml").read_text()
    start = text.index("  - id: what-beta-weighs")
    one = text[: text.index("items:")] + "items:\n" + text[start : text.index("\n  - id:", start)] + "\n"
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(one.replace("        misconception: turns beta round\n", ""))
    failures = [str(fault) for fault in prove(wrong).failures]
    assert len(failures) == 1
    assert "what-beta-weighs: the key is false: its claim fails (It weighs the reward" in failures[0]
