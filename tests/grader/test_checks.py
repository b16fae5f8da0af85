"""The checking language: calls, expectations, outcomes, points, and the line of a hidden cell."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from grader.checks import Missed, Student, check, expect, run
from grader.checks.registry import LabChecks, load_lab
from grader.checks.running import Outcome, as_html, as_text, run_check, run_exercise, score, seeded_rng
from grader.checks.student import InProcess
from grader.course.paths import Course


def student_with(**functions: Callable[..., Any]) -> InProcess:
    return InProcess(functions)


def lab_of(*bodies: Callable[..., None]) -> LabChecks:
    return LabChecks("lab", tuple(body.__check__ for body in bodies), (), None)  # type: ignore[attr-defined]


def test_a_call_gets_copies_and_reports_what_it_changed() -> None:
    def shift(x: torch.Tensor) -> torch.Tensor:
        x += 1
        return x

    x = torch.zeros(2)
    result = student_with(shift=shift).shift(x)
    assert torch.equal(x, torch.zeros(2))
    expect(result).equals(torch.ones(2), hint="")
    with pytest.raises(Missed, match="changed"):
        expect(result).unchanged(hint="Copy first.")


@pytest.mark.parametrize("stop", [SystemExit, KeyboardInterrupt, NotImplementedError, RecursionError])
def test_nothing_that_student_code_raises_gets_out(stop: type[BaseException]) -> None:
    def f() -> None:
        raise stop("a message with the hidden input 42")

    result = student_with(f=f).f()
    assert result.error is not None
    assert result.error.kind == stop.__name__
    assert "42" not in result.error.said()


def test_an_exception_class_of_a_student_is_told_by_its_built_in_parent() -> None:
    class Leak42Error(ValueError):
        pass

    def f() -> None:
        raise Leak42Error

    expect(student_with(f=f).f()).raises("ValueError", hint="")


def test_a_missing_function_is_a_name_error() -> None:
    result = student_with().nothing(1)
    assert result.error is not None
    assert result.error.kind == "NameError"


def test_no_answer_earns_nothing_not_even_unchanged_inputs() -> None:
    def f(x: torch.Tensor) -> None:
        raise NotImplementedError

    result = student_with(f=f).f(torch.zeros(1))
    attempts: list[Callable[[], object]] = [
        lambda: expect(result).unchanged(hint="h"),
        lambda: expect(result).that(True, hint="h"),
        lambda: expect(result).tensor(hint="h"),
        lambda: expect(result).value(hint="h"),
        lambda: expect(result).equals(None, hint="h"),
        lambda: expect(result).raises("ValueError", hint="h"),
    ]
    for attempt in attempts:
        with pytest.raises(Missed, match="not written yet"):
            attempt()


def test_returning_none_is_no_answer() -> None:
    result = student_with(f=lambda x: None).f(torch.zeros(1))
    with pytest.raises(Missed):
        expect(result).unchanged(hint="h")
    with pytest.raises(Missed):
        expect(result).that(True, hint="h")


def test_a_wrong_form_is_named_and_a_wrong_value_is_not_shown() -> None:
    with pytest.raises(Missed, match=r"Expected a float32 tensor of shape \[2\], found a list of 2"):
        expect(student_with(f=lambda: [0.0, 1.0]).f()).equals(torch.tensor([0.0, 1.0]), hint="")
    with pytest.raises(Missed, match=r"^The values differ. Which sign\?$"):
        expect(student_with(f=lambda: -3.5).f()).equals(3.5, hint="Which sign?")


def test_tensor_and_value_hand_over_well_formed_answers_only() -> None:
    answer = student_with(f=lambda: torch.ones(2, 3)).f()
    assert expect(answer).tensor([2, 3], torch.float32).sum() == 6
    with pytest.raises(Missed, match=r"int64 tensor"):
        expect(answer).tensor([2, 3], torch.int64)
    with pytest.raises(Missed, match=r"shape \[3, 2\]"):
        expect(answer).tensor([3, 2])
    with pytest.raises(Missed, match="Expected float, found an int"):
        expect(student_with(f=lambda: 1).f()).value(float)


def test_seeded_inputs_are_the_same_on_every_run_and_differ_between_courses_and_checks() -> None:
    draw = [seeded_rng(*key).integers(2**62) for key in [(b"a", "x"), (b"a", "x"), (b"b", "x"), (b"a", "y")]]
    assert draw[0] == draw[1]
    assert len({int(number) for number in draw}) == 3


def test_points_are_those_of_the_checks_passed() -> None:
    @check("f", points=2)
    def first(student: Student) -> None:
        """First."""
        expect(student.f()).equals(1, hint="h")

    @check("f", points=1.5)
    def second(student: Student, rng: np.random.Generator) -> None:
        """Second."""
        expect(student.f()).equals(2, hint="h")

    outcomes = run_exercise(lab_of(first, second), "f", student_with(f=lambda: 1), b"")
    assert [o.passed for o in outcomes] == [True, False]
    assert score(outcomes) == 2.0
    assert type(score(outcomes)) is float


def test_a_check_that_breaks_is_a_fault_for_the_instructor_and_silent_for_the_student() -> None:
    @check("f", points=1)
    def broken(student: Student) -> None:
        """Broken."""
        raise ZeroDivisionError("the reference is 42")

    outcome = run_check(broken.__check__, "lab", student_with(), b"")  # type: ignore[attr-defined]
    assert not outcome.passed
    assert "42" in outcome.fault
    assert "42" not in as_text("f", (outcome,)) + as_html("f", (outcome,))


def test_declarations_that_help_nobody_are_refused() -> None:
    with pytest.raises(ValueError, match="no docstring"):

        @check("f", points=1)
        def silent(student: Student) -> None: ...

    with pytest.raises(ValueError, match="more than 0"):

        @check("f", points=0)
        def free(student: Student) -> None:
            """Free."""


def test_a_wrong_answer_must_name_a_check_that_is_there(toy: Course) -> None:
    path = toy.solutions / "01-toy" / "wrong.py"
    path.write_text(path.read_text().replace('caught_by="spans"', 'caught_by="spins"'))
    with pytest.raises(
        ValueError, match=r"wrong.py:\d+: last_less_first is to be caught by 'spins'.*Its checks: spans"
    ):
        load_lab(path.parent)


def test_feedback_is_escaped() -> None:
    outcome = Outcome("c", "a < b & c", False, 1.0, "", "use <code>")
    shown = as_html("<f>", (outcome,))
    assert "a &lt; b &amp; c" in shown
    assert "<code>&lt;f&gt;</code>" in shown
    assert "use &lt;code&gt;" in shown


def test_the_hidden_line_returns_a_float_and_lets_no_output_through(
    toy: Course, capsys: pytest.CaptureFixture[str]
) -> None:
    def loud(values: list[float]) -> float:
        print("the input is", values)
        sys.stderr.write("noise")
        return sum(values) / len(values) if values else (_ for _ in ()).throw(ValueError())  # type: ignore[no-any-return]

    got = run("01-toy", "mean", {"mean": loud})
    assert type(got) is float
    assert got == 3.0
    assert capsys.readouterr() == ("", "")


def test_the_hidden_line_never_raises(toy: Course) -> None:
    assert run("01-toy", "no such exercise", {}) == 0.0
    assert run("no such lab", "mean", {}) == 0.0
