"""Texts bound to claims: a change that nothing notices is named, and fails where the bank asks for more."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from grader.cli import app
from grader.quizzes.load import load
from grader.quizzes.mutants import altered, mutants
from grader.quizzes.prove import Proof, prove
from grader.quizzes.signing import FILE
from grader.usage import FELL_SHORT, HELD

Write = Callable[..., Path]

STATED = """\
title: A bank
bound: required
items:
  - id: powers
    type: single
    title: Powers
    objective: compare powers
    lab: 01-decoding
    given: |
      base = 2 + variant
      power = lambda n: base ** n
    words:
      the third power: power(3)
      the second power: power(2)
      the exponent's power: power(1), power(2), power(3)
    variants: 2
    stem: What is right, for a base of {{ base }}?
    options:
      - text: That ((the third power is larger than the second power)).
        feedback: Right.
      - text: That ((the exponent's power falls)), one after the other.
        misconception: turns it round
        feedback: No.
      - text: That ((the third power is 8, as the second power is)) by chance.
        misconception: mixes them up
        feedback: No.
"""
STATED = STATED.replace(
    "((the third power is 8, as the second power is)) by chance", "((the third power equals the second power))"
)
SHOWN = (
    STATED[: STATED.index("    words:")]
    + """\
    variants: 2
    stem: What is the third power, for a base of {{ base }}?
    claim: answer == power(3)
    options:
      - {text: "{{ answer }}", value: base * base * base, feedback: Right.}
      - {text: "{{ answer }}", value: 3 * base, feedback: No., misconception: multiplies}
"""
)
PROSE = SHOWN.replace('"{{ answer }}", value: base', '"{{ answer }}, by the rule", value: base').replace(
    '"{{ answer }}", value: 3', '"{{ answer }}, by guessing", value: 3'
)


def said(path: Path) -> tuple[Proof, list[str]]:
    proof = prove(path)
    return proof, [str(fault) for fault in proof.failures]


@pytest.mark.parametrize("text", [STATED, SHOWN])
def test_what_is_read_or_shown_is_bound(bank: Write, text: str) -> None:
    proof, failures = said(bank(text))
    assert failures == []
    assert proof.ties["bound"] == sum(proof.ties.values()) == proof.options
    assert proof.mutants > 0
    assert proof.survivors == ()


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("larger than the second", "smaller than the second", "the key is false"),
        (
            "third power is larger than the second power",
            "second power is larger than the third power",
            "the key is false",
        ),
        ("exponent's power falls", "exponent's power rises", "the distractor is true"),
        ("exponent's power falls", "exponent's power tumbles", "nothing reads 'tumbles'"),
    ],
)
def test_a_wrong_word_in_a_text_is_untrue(bank: Write, old: str, new: str, says: str) -> None:
    _, failures = said(bank(STATED, old, new))
    assert any(says in failure for failure in failures), failures


def test_prose_beside_an_answer_goes_unnoticed_and_is_named(bank: Write) -> None:
    proof, failures = said(bank(PROSE))
    assert proof.ties["neither"] == 2
    assert ("powers", "the texts of options 1 and 2 exchanged") in proof.survivors
    assert all("a change of its text goes unnoticed: the texts of options 1 and 2 exchanged" in one for one in failures)
    free, failures = said(bank(PROSE.replace("bound: required\n", "")))
    assert failures == []
    assert free.ties == proof.ties


def test_a_reader_signs_and_a_change_asks_again(bank: Write) -> None:
    means = PROSE.replace("feedback: Right.", "means: The base times itself and again, feedback: Right.")
    means = means.replace("feedback: No.", "means: Three times the base and no more, feedback: No.")
    path = bank(means)
    assert len(said(path)[1]) == 2
    told = CliRunner().invoke(app, ["quiz", "sign", str(path), "--item", "powers"], input="y\ny\n")
    assert told.exit_code == HELD, told.output
    assert "by the rule" in told.output
    assert "The base times itself" in told.output
    proof, failures = said(path)
    assert (failures, proof.ties["signed"]) == ([], 2)
    signed = json.loads(path.with_name(FILE).read_text())
    assert list(signed["small"]["powers"]) == ["options/0", "options/1"]
    for old, new in (
        ("by the rule", "by a rule"),
        ("base * base * base", "base ** 3"),
        ("itself and again", "itself"),
        ("2 + variant", "3 + variant"),
        ("answer == power(3)", "power(3) == answer"),
    ):
        _, failures = said(bank(means, old, new))
        assert any("it is not signed as it stands now" in failure for failure in failures), old
    exchanged = means.replace("by the rule", "BY").replace("by guessing", "by the rule").replace("BY", "by guessing")
    assert len(said(bank(exchanged))[1]) == 2


def test_what_is_not_confirmed_is_not_signed(bank: Write) -> None:
    means = PROSE.replace("feedback: Right.", "means: The base times itself and again, feedback: Right.")
    told = CliRunner().invoke(app, ["quiz", "sign", str(bank(means)), "--item", "powers"], input="n\n")
    assert told.exit_code == FELL_SHORT
    assert "0 of 1 signed" in told.output


@pytest.mark.parametrize(
    ("given", "claim"),
    [
        ("gap = float(power(3) - power(2))", "np.isclose(gap, power(3) - power(2))"),
        ("times = power(3) / power(2)", "np.isclose(power(3), times * power(2))"),
        ("part = float(rng.uniform()); rest = 1 - part", "not (part + rest == 1) or power(3) > power(2)"),
    ],
)
def test_a_claim_that_compares_a_thing_with_itself_is_found_through_names(bank: Write, given: str, claim: str) -> None:
    text = (bank().read_text()).replace("    variants: 2", f"      {given}\n    variants: 2")
    _, failures = said(bank(text, "power(3) > power(2)", claim))
    assert any("cannot come out the other way" in failure for failure in failures), failures


def test_a_claim_with_another_way_to_the_same_number_is_no_such(bank: Write) -> None:
    text = bank().read_text().replace("    variants: 2", "      cube = base * base * base\n    variants: 2")
    assert said(bank(text, "power(3) > power(2)", "cube == power(3)"))[1] == []


def test_a_number_in_a_text_that_the_claim_does_not_look_at_is_found(bank: Write) -> None:
    shown = STATED.replace("base = 2", "tens = 7\n      base = 2").replace("((the third", "{{ tens }} ((the third", 1)
    text = shown.replace("feedback: Right.", "feedback: Right.\n        claim: power(3) > power(2)")
    _, failures = said(bank(text))
    assert any("its text shows tens, which its claim does not look at" in failure for failure in failures), failures


def test_an_order_and_a_match_are_bound_by_what_they_show(bank: Write) -> None:
    order = (
        SHOWN[: SHOWN.index("    claim:")].replace("type: single", "type: order")
        + """\
    by: power(answer)
    entries: [{text: "{{ answer }}", value: 1}, {text: "{{ answer }}", value: 3}]
    feedback: Right.
    otherwise: No.
"""
    )
    assert said(bank(order))[1] == []
    loose = order.replace('"{{ answer }}", value: 1', "one, value: 1").replace(
        '"{{ answer }}", value: 3', "three, value: 3"
    )
    proof, failures = said(bank(loose))
    assert proof.ties["neither"] == 2
    assert len(failures) == 1


def test_an_item_is_left_at_its_first_untrue_variant_and_form_is_told_with_it(bank: Write) -> None:
    text = STATED.replace("variants: 2", "variants: 9").replace("larger than", "smaller than")
    second = (
        STATED[STATED.index("  - id:") :].replace("id: powers", "id: more").replace("falls))", "falls)) of the above")
    )
    proof, failures = said(bank(text + second.replace("one after the other", "all of the above")))
    assert any(re.search(r"the key is false.*\(variant 0\)$", failure) for failure in failures), failures
    assert any("more: an option speaks of the others" in failure for failure in failures), failures
    assert proof.variants == 11


def test_changes_of_a_text_are_its_digits_words_and_signs_but_no_formats() -> None:
    text = "The ratio {{ 2 * beta:.2f }} rises to $10^{3}$, $a+b<c$, and the first is larger."
    changed = {new for _, new in altered(text)}
    for old, new in (
        ("2 * beta", "3 * beta"),
        ("rises", "falls"),
        ("$10^{3}$", "$11^{3}$"),
        ("{3}", "{4}"),
        ("a+b", "a-b"),
    ):
        assert text.replace(old, new) in changed
    assert text.replace("b<c", "b>c") in changed
    assert text.replace("first", "last") in changed
    assert not any(".3f" in one for one in changed)


def test_mutants_are_the_same_each_time(bank: Write) -> None:
    [item] = load(bank(STATED)).model.items
    assert [one.name for one in mutants(item)] == [one.name for one in mutants(item)]
    assert {one.name for one in mutants(item)} >= {"the texts of options 1 and 2 exchanged"}
