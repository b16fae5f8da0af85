"""Graded attempts saved as text: options, what was chosen, verdicts, code and formulas; and the verdicts replay."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.formats.importing import Imported, import_bytes, import_file
from grader.formats.reading.drafts import MISCONCEPTION
from grader.quizzes.load import load
from grader.quizzes.model import Multiple, Single
from grader.quizzes.prove import prove
from tests.formats.elsewhere import with_ours

REPO = Path(__file__).resolve().parents[2]
FILES = REPO / "tests" / "files" / "import"
OWN = FILES / "attempt.txt"


@pytest.fixture(scope="module")
def own() -> Imported:
    return import_file(OWN)


@pytest.fixture(scope="module", params=with_ours("PROVIDED_TEXT", FILES / "assessment.txt"), ids=lambda path: path.stem)
def provided(request: pytest.FixtureRequest) -> Imported:
    """A whole graded assessment in the form in which its page is saved."""
    return import_file(request.param)


def item(found: Imported, number: int) -> Single | Multiple:
    one = found.items[number - 1]
    assert isinstance(one, Single | Multiple)
    return one


def test_every_question_is_read_with_its_options(own: Imported) -> None:
    assert own.kind == "text"
    assert [(one.type, len(one.options)) for one in own.items if isinstance(one, Single | Multiple)] == [
        ("single", 3),
        ("single", 3),
        ("single", 2),
        ("single", 3),
        ("multiple", 3),
    ]
    assert item(own, 1).stem == "The temperature divides the ____."
    texts = [option.text for option in item(own, 5).options]
    assert texts == ["The policy", "A copy of\nthe policy", "The reward model"]


def test_the_verdicts_replay_to_the_grade_of_the_file(own: Imported) -> None:
    assert own.replay is not None
    assert (own.replay.earned, own.replay.of, own.replay.grade) == (3.0, 5.0, 0.6)
    assert own.replay.holds
    assert own.attempt is not None
    assert list(own.attempt.chosen.values()) == [(1,), (1,), (0,), (1,), (0, 1)]
    assert list(own.attempt.verdicts.values()) == [(1.0, 1.0), (1.0, 1.0), (0.0, 1.0), (0.0, 1.0), (1.0, 1.0)]


def test_a_grade_that_the_verdicts_do_not_give_is_told() -> None:
    text = OWN.read_text().replace("**60%**", "**90%**", 1)
    replay = import_bytes(text.encode(), "attempt.txt").replay
    assert replay is not None
    assert (replay.share, replay.grade, replay.holds) == (0.6, 0.9, False)


def test_right_answers_are_keys_and_wrong_ones_await_their_misconception(own: Imported) -> None:
    first = item(own, 1)
    assert [option.key for option in first.options] == [None, True, None]
    assert [option.misconception for option in first.options] == [MISCONCEPTION, None, MISCONCEPTION]
    assert first.options[1].feedback.startswith("Dividing by less than one")
    assert first.source == "imported from attempt.txt"


def test_of_two_options_the_other_one_is_the_key(own: Imported) -> None:
    assert [option.key for option in item(own, 3).options] == [None, True]


def test_a_key_that_the_file_does_not_tell_stays_open_and_is_reported(own: Imported, tmp_path: Path) -> None:
    fourth = item(own, 4)
    assert [(option.key, option.misconception) for option in fourth.options] == [
        (None, None),
        (None, MISCONCEPTION),
        (None, None),
    ]
    told = {(unread.field, unread.line) for unread in own.unread if unread.item == fourth.id}
    assert told == {("key", 51), ("figure", 51)}
    bank = tmp_path / "attempt.yaml"
    bank.write_text(own.yaml)
    failures = [str(fault) for fault in prove(bank).failures]
    assert any("one option is to be true, these are: none" in failure for failure in failures)
    assert {failure.split(": ")[1] for failure in failures if "cited option" in failure} == {fourth.id}


def test_code_keeps_its_lines_and_is_no_question(own: Imported) -> None:
    assert "```python\ntotal = 0\nfor k in range(3):\n\n    total += k  # 1. not a question" in item(own, 2).stem


def test_nothing_in_a_text_is_run(own: Imported) -> None:
    assert "{{ 1 + 1 }}" not in own.yaml
    assert item(own, 2).options[1].feedback == "The sum of 0, 1 and 2 is \\$3."


def test_formulas_are_ones_that_can_be_drawn(own: Imported) -> None:
    assert item(own, 3).options[0].text == r"$\theta^* = \operatorname{arg} \max_\theta E[r]$"


def test_the_bank_loads_with_the_pass_mark_of_the_file(own: Imported, tmp_path: Path) -> None:
    bank = tmp_path / "attempt.yaml"
    bank.write_text(own.yaml)
    loaded = load(bank).model
    assert loaded.pass_mark == 0.75
    assert tuple(loaded.items) == own.items


def test_the_provided_attempt_has_ten_questions_and_seven_right_answers(provided: Imported) -> None:
    assert [(one.type, len(one.options)) for one in provided.items if isinstance(one, Single | Multiple)] == [
        ("single", 4)
    ] * 10
    assert provided.replay is not None
    assert (provided.replay.earned, provided.replay.of, provided.replay.grade) == (7.0, 10.0, 0.7)
    assert provided.replay.holds
    assert provided.attempt is not None
    assert [chosen for (chosen,) in provided.attempt.chosen.values()] == [3, 1, 0, 0, 1, 1, 2, 0, 1, 3]


def test_of_the_provided_attempt_only_open_keys_and_the_plot_are_missing(provided: Imported) -> None:
    numbers = {one.id: number for number, one in enumerate(provided.items, start=1)}
    assert [(numbers[unread.item], unread.field) for unread in provided.unread] == [
        (4, "key"),
        (7, "key"),
        (9, "key"),
        (9, "figure"),
    ]
    assert sum("```python" in one.stem for one in provided.items) == 2
    assert sum("$" in one.stem for one in provided.items) == 2
    assert all(option.text.startswith("$") for option in item(provided, 4).options)
    assert all(option.text.startswith("`") for option in item(provided, 10).options)


def test_the_provided_attempt_loads_and_seven_items_are_proved(provided: Imported, tmp_path: Path) -> None:
    bank = tmp_path / "provided.yaml"
    bank.write_text(provided.yaml)
    proof = prove(bank)
    open_ones = {fault.item for fault in proof.failures if "one option is to be true" in fault.message}
    assert (proof.items, proof.options) == (10, 40)
    assert open_ones == {provided.items[n - 1].id for n in (4, 7, 9)}
    assert {fault.item for fault in proof.failures} == open_ones
