"""The proof: what is untrue, undecided, broken or badly put is a failure with its line and item."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from grader.cli import app
from grader.course.paths import ROOT_VARIABLE
from grader.quizzes.prove import prove
from grader.usage import FELL_SHORT, HELD, WRONG_USE

Write = Callable[..., Path]


def test_a_proved_bank_has_no_failure_and_is_counted(bank: Write) -> None:
    proof = prove(bank())
    assert [str(fault) for fault in proof.failures] == []
    assert (proof.items, proof.options, proof.claims, proof.cited, proof.variants) == (1, 2, 4, 0, 2)


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("power(3) > power(2)", "power(3) < power(1)", 15, "the key is false"),
        ("power(3) < power(2)", "power(3) > power(1)", 18, "the distractor is true"),
        ("power(3) < power(2)", "power(3) > power(2)", 18, "option 1 has the same claim"),
        ("power(3) > power(2)", "3 > 2", 15, "it is a constant"),
        ("power(3) > power(2)", "power(3) == power(3)", 15, "it compares something with itself"),
        ("power(3) > power(2)", "base ** 2 >= 0", 15, "it is True whatever base may be"),
        ("power(3) > power(2)", "all(power(n) > 0 for n in [])", 15, "it is True whatever power may be"),
        ("power(3) > power(2)", "power(3)", 15, "a claim says True or False; this one gives int"),
        ("power(3) > power(2)", "powr(3) > 2", 15, "NameError"),
        ("        claim: power(3) > power(2)\n", "", 14, "nothing decides it"),
        ("        misconception: turns it round\n", "", 18, "the key is false"),
        ("variants: 2", "variants: 3", 11, "variants 0 and 2 collide"),
        ("the second power", "the third power", 3, "two options read the same"),
        ("What is larger", "What is $x larger", 12, "maths is not closed"),
        ("What is larger", r"What is $\nonsense$ larger", 12, "is no command that can be drawn"),
        ("What is larger", r"What is $\frac{1}{2$ larger", 12, "braces are not closed"),
        ("the third power", "the third power, which has one more factor than the second one has", 3, "tell-tale"),
        ("base = 2 + variant", "base = 2 / variant", 9, "given broke: ZeroDivisionError"),
        ("base = 2 + variant", "base = = 2", 9, "given broke: SyntaxError"),
        ("power = lambda n: base ** n", "power = lambda n: bas ** n", 15, "NameError"),
    ],
)
def test_what_does_not_hold_is_found_where_it_stands(bank: Write, old: str, new: str, line: int, says: str) -> None:
    if says.startswith("variants"):
        path = bank(old="base = 2 + variant", new="base = 2 + variant % 2")
        path.write_text(path.read_text().replace(old, new))
    else:
        path = bank(old=old, new=new)
    failures = [str(fault) for fault in prove(path).failures]
    assert any(failure.startswith(f"{path}:{line}: powers: ") and says in failure for failure in failures), failures


FIGURES = r"""
import matplotlib.pyplot as plt


def line(slope):
    figure, axes = plt.subplots(layout="constrained")
    axes.plot([0, 1], [0, slope])
    axes.set_title("$x$" if slope < LAST else r"$\nonsense$")
    return figure
"""


def test_a_plot_is_drawn_in_variants_that_no_student_receives_too(bank: Write) -> None:
    figure = 'figure: {draw: line, args: {slope: "{{ variant }}"}, alt: A straight line that begins at the origin.}'
    path = bank(old="variants: 2", new=f"variants: 7\n    {figure}")
    path.with_name("figures.py").write_text(f"{FIGURES}LAST = 7\n")
    assert prove(path).failures == ()
    path.with_name("figures.py").write_text(f"{FIGURES}LAST = 6\n")
    (failure,) = prove(path).failures
    assert "nonsense" in str(failure)


def test_a_claim_that_does_not_end_is_stopped_and_the_others_go_on(bank: Write) -> None:
    path = bank(old="power(3) > power(2)", new="any(False for _ in iter(int, 1)) or base")
    failures = [str(fault) for fault in prove(path, limit=0.5).failures]
    assert len(failures) == 1
    assert "it took longer than 0.5 s" in failures[0]


def test_a_claim_that_heeds_no_alarm_is_ended_with_its_process(bank: Write) -> None:
    deaf = "__import__('signal').pthread_sigmask(0, [14]) is None or any(False for _ in iter(int, 1)) or base"
    failures = [str(fault) for fault in prove(bank(old="power(3) > power(2)", new=deaf), limit=0.5).failures]
    assert len(failures) == 1
    assert "it was stopped" in failures[0]


def test_a_claim_that_would_take_for_ever_when_disturbed_is_proved(bank: Write) -> None:
    slow = "sum(1 for _ in range(base ** 4)) > base"  # with a base of 2001 it would take days
    proof = prove(bank(old="power(3) > power(2)", new=slow))
    assert [str(fault) for fault in proof.failures] == []


def test_a_claim_that_ends_the_process_breaks_itself_alone(bank: Write) -> None:
    path = bank(old="power(3) > power(2)", new="__import__('os')._exit(3) or base")
    assert [fault.line for fault in prove(path).failures] == [15]


def test_output_of_a_bank_does_not_get_into_the_results(bank: Write) -> None:
    loud = "__import__('os').write(1, b'{}' * 99) > 0 and power(3) > power(2)"
    assert [str(fault) for fault in prove(bank(old="power(3) > power(2)", new=loud)).failures] == []


NUMBER = """\
title: A bank
items:
  - id: third
    type: numeric
    title: A third
    objective: divide
    lab: 01-decoding
    given: |
      n = 3
    stem: What is one over {{ n }}?
    answer:
      value: 1 / n
      decimals: 2
      claim: abs(n * answer - 1) < 0.02
      feedback: Right.
      otherwise: Divide again.
      wrong:
        - value: n
          misconception: takes the inverse
          feedback: The other way round.
"""


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("value: 1 / n", "value: 1 / (n + 1)", "the key is false: the claim fails for 0.25"),
        ("< 0.02", "< 2", "the claim holds for a value that is too far off"),
        ("- value: n", "- value: 0.33 + 0 * n", "which is listed already"),
        ("abs(n * answer - 1) < 0.02", "n == 3", "the wrong value is true"),
        ("      claim: abs(n * answer - 1) < 0.02\n", "", "nothing decides it"),
        ("value: 1 / n", "value: str(n)", "'3' is no number"),
        ("decimals: 2", "decimals: 2\n      tolerance: 0.2", "at most 15 are sealed"),
    ],
)
def test_a_number_is_proved_by_its_claim(bank: Write, old: str, new: str, says: str) -> None:
    assert [str(f) for f in prove(bank(NUMBER)).failures] == []
    failures = [str(fault) for fault in prove(bank(NUMBER, old, new)).failures]
    assert any(says in failure for failure in failures), failures


def test_keys_at_one_place_only_are_a_bias(bank: Write) -> None:
    item = (HEAD_ITEM + THREE).replace("id: powers", "id: powers-{n}")
    text = "title: A bank\nitems:\n" + "".join(item.replace("{n}", str(n)) for n in range(6))
    failures = [str(fault) for fault in prove(bank(text)).failures]
    assert any("the key is written at place 1 in 6 of 6 items" in failure for failure in failures), failures
    assert any("the key is the longest option in 6 of 6 items" in failure for failure in failures)


HEAD_ITEM = """\
  - id: powers
    type: single
    title: Powers
    objective: compare powers
    lab: 01-decoding
    given: |
      power = lambda n: 2 ** n
    stem: What is right?
"""
THREE = """\
    options:
      - {text: it is rising, claim: power(3) > power(2), feedback: Right.}
      - {text: it falls, claim: power(3) < power(2), feedback: No., misconception: turns it round}
      - {text: it stays, claim: power(3) == power(2), feedback: No., misconception: takes it for a constant}
"""

SHARED = """\
title: A bank
items:
  - id: match-them
    type: match
    title: Powers
    objective: compute powers
    lab: 01-decoding
    stem: Match.
    given: |
      two = 2
    claim: two ** left == right
    pairs:
      - {left: third, right: eight, left_value: 3, right_value: 8}
      - {left: second, right: four, left_value: 2, right_value: 4}
    feedback: Right.
    otherwise: Multiply again.
  - id: order-them
    type: order
    title: Powers
    objective: order powers
    lab: 01-decoding
    stem: Order.
    given: |
      two = 2
    entries:
      - {text: second, value: two ** 2}
      - {text: third, value: two ** 3}
    feedback: Right.
    otherwise: Multiply again.
  - id: print-them
    type: code-output
    title: Powers
    objective: read powers
    lab: 01-decoding
    stem: What is printed?
    code: print(2 ** 3)
    options:
      - {text: "8", feedback: Right.}
      - {text: "6", feedback: No., misconception: multiplies}
"""


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("right_value: 8", "right_value: 9", "the pair is false: the claim fails for its own right side"),
        ("right_value: 4", "right_value: 8", "the pair is false: the claim holds for another right side"),
        ("value: two ** 3", "value: two", "the order is false: its value 2 does not rise above 4"),
        ("print(2 ** 3)", "print(2 * 3)", "the key is false: the code prints '6"),
        ("print(2 ** 3)", "print(2 * 3)", "the distractor is true: the code prints it"),
    ],
)
def test_pairs_orders_and_listings_are_proved(bank: Write, old: str, new: str, says: str) -> None:
    assert [str(f) for f in prove(bank(SHARED)).failures] == []
    failures = [str(fault) for fault in prove(bank(SHARED, old, new)).failures]
    assert any(says in failure for failure in failures), failures


@pytest.fixture
def course(bank: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "solutions").mkdir()
    (tmp_path / "nbgrader_config.py").write_text("")
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path))
    return bank()


def test_the_command_counts_and_falls_short_with_file_line_and_item(course: Path) -> None:
    held = CliRunner().invoke(app, ["quiz", "prove", "--json"])
    assert held.exit_code == HELD
    told = json.loads(held.stdout)
    counts = {"items": 1, "options": 2, "claims": 4, "cited": 0, "claimed": 1.0}
    ties = {"bound": 0, "signed": 0, "cited": 0, "neither": 2}
    survivors = [{"item": "powers", "change": "the texts of options 1 and 2 exchanged"}]
    bound = {"ties": ties, "mutants": 1, "survivors": survivors}
    assert told == [
        {"bank": "small", **counts, "computed": 1, "fewest_variants": 2, "variants": 2, **bound, "failures": []},
    ]
    course.write_text(course.read_text().replace("power(3) > power(2)", "power(3) < power(1)"))
    fell = CliRunner().invoke(app, ["quiz", "prove", "small"])
    assert fell.exit_code == FELL_SHORT
    assert f"{course}:15: powers: the key is false" in fell.output
    assert CliRunner().invoke(app, ["quiz", "prove", "none"]).exit_code == WRONG_USE
