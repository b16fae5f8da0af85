"""Judging: each wrong answer is found by its kind, with the hint that names it and none that is false."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch

from grader.checks import Built, Case, Cases, Missed, Mistake
from grader.checks.judging import Judge, summed_up
from grader.checks.student import InProcess
from grader.kernels.many import Answer
from labkit.findings import KINDS, Finding

Share = Callable[[torch.Tensor, float], Any]


def missed(cases: Cases, answer: Callable[..., Any], fixtures: Any = None) -> Missed | None:
    try:
        Judge(cases, fixtures)(InProcess({cases.exercise: answer}, fixtures))
    except Missed as found:
        return found
    return None


def told(cases: Cases, answer: Callable[..., Any]) -> tuple[str, str]:
    found = missed(cases, answer)
    assert found is not None, "it passes"
    return found.reason, found.hint


def checked(by: float) -> None:
    if by == 0:
        raise ValueError


def test_right_answers_pass_however_they_are_written(cases: Cases) -> None:
    def rows(x: torch.Tensor, by: float) -> torch.Tensor:
        checked(by)
        return torch.stack([(row - row.max()) / by for row in x])

    def by_parts(x: torch.Tensor, by: float) -> torch.Tensor:
        checked(by)
        return x / by - x.max(dim=1).values[:, None] / by

    assert missed(cases, cases.reference) is None
    assert missed(cases, rows) is None
    assert missed(cases, by_parts) is None


def test_a_listed_mistake_is_named(cases: Cases) -> None:
    def multiplies(x: torch.Tensor, by: float) -> torch.Tensor:
        checked(by)
        return (x - x.max(-1, keepdim=True).values) * by

    def mixes(x: torch.Tensor, by: float) -> torch.Tensor:
        checked(by)
        return (x - x.max()) / by

    assert told(cases, multiplies)[1] == "Divide, do not multiply."
    assert told(cases, mixes)[1] == "Each row has its own largest."


def test_a_hint_for_an_error_is_not_told_of_another(cases: Cases) -> None:
    """A hint that presumes a cause has the names of the errors that come of it; a misspelt name has none of them."""
    overflow = "Numbers may be large."
    named = replace(cases, hints={"OverflowError or RecursionError": overflow})

    def raising(*errors: type[Exception]) -> Callable[..., Any]:
        left = itertools.cycle(errors)

        def answer(x: torch.Tensor, by: float) -> torch.Tensor:
            raise next(left)

        return answer

    assert told(named, raising(OverflowError))[1] == overflow
    assert told(named, raising(OverflowError, RecursionError))[1] == overflow
    assert told(named, raising(NameError))[1] == KINDS["error"]
    assert told(named, raising(OverflowError, TypeError))[1] == KINDS["error"]


def test_another_mistake_gets_no_listed_hint(cases: Cases) -> None:
    def forgets_to_shift(x: torch.Tensor, by: float) -> torch.Tensor:
        checked(by)
        return x / by

    reason, hint = told(cases, forgets_to_shift)
    assert reason == "The values differ."
    assert hint == KINDS["value"]


def test_dtype_comes_before_the_algorithm(cases: Cases) -> None:
    def wrong_in_both(x: torch.Tensor, by: float) -> torch.Tensor:
        checked(by)
        return ((x - x.amax(-1, keepdim=True)) * by).to(torch.float16 if x.dtype != torch.float16 else torch.float32)

    reason, hint = told(cases, wrong_in_both)
    assert reason.startswith("Expected a float32 tensor of shape [1, 3], found a float16 tensor of shape [1, 3].")
    assert hint == "Keep the dtype."


def test_an_error_names_its_type_its_line_and_the_kind_of_input(cases: Cases) -> None:
    def fails(x: torch.Tensor, by: float) -> torch.Tensor:
        checked(by)
        if not x.is_contiguous():
            x = x.view(-1)[0]
        return (x - x.amax(dim=-1, keepdim=True)) / by

    reason, hint = told(cases, fails)
    line = fails.__code__.co_firstlineno + 3
    assert reason == f"It raised RuntimeError (line {line} of its cell) for tensors that lie otherwise."
    assert hint == KINDS["error"]


def test_an_error_that_is_due_and_another_one(cases: Cases) -> None:
    def lets_it_through(x: torch.Tensor, by: float) -> torch.Tensor:
        return (x - x.amax(dim=-1, keepdim=True)) / by

    def raises_another(x: torch.Tensor, by: float) -> torch.Tensor:
        if by == 0:
            raise ZeroDivisionError("by 0.0")
        return (x - x.amax(dim=-1, keepdim=True)) / by

    assert told(cases, lets_it_through) == (
        "Expected ValueError, but it returned a float32 tensor of shape [1, 2] for a divisor of 0.",
        KINDS["no error"],
    )
    reason, _ = told(cases, raises_another)
    assert reason.startswith("Expected ValueError. It raised ZeroDivisionError (line ")


def test_a_value_wrong_in_one_family_says_so(cases: Cases) -> None:
    def one_maximum(x: torch.Tensor, by: float) -> torch.Tensor:
        checked(by)
        small = x if bool(x.abs().max() < 100) else x + x.abs().max() - x.abs().max()
        return (small - small.amax(dim=-1, keepdim=True)) / by

    reason, hint = told(cases, one_maximum)
    assert reason == "The values differ only for rows far apart."
    assert hint == "What is small beside a large row?"


def test_gradients_are_looked_at(cases: Cases) -> None:
    def cut(x: torch.Tensor, by: float) -> torch.Tensor:
        checked(by)
        return (x - x.amax(dim=-1, keepdim=True)).detach() / by

    def half(x: torch.Tensor, by: float) -> torch.Tensor:
        checked(by)
        return (x - x.amax(dim=-1, keepdim=True).detach()) / by

    def numpy(x: torch.Tensor, by: float) -> torch.Tensor:
        checked(by)
        return torch.from_numpy((x.numpy() - x.numpy().max(-1, keepdims=True)) / by).to(x.dtype)

    assert told(cases, cut)[0].startswith("The value is right, but no gradient reaches `x`")
    assert told(cases, half)[0].startswith("The value is right, but its gradient with respect to `x` is another one")
    reason, hint = told(cases, numpy)
    assert reason.startswith("The value is right, but its gradient fails with RuntimeError (line ")
    assert hint == KINDS["gradient"]


def test_a_nan_gradient_behind_a_mask_is_told_as_that() -> None:
    def right(x: torch.Tensor) -> torch.Tensor:
        return torch.where(x > 0, x, 1.0).log()

    def hidden(x: torch.Tensor) -> torch.Tensor:
        return torch.where(x > 0, x.sqrt().log() * 2, torch.zeros(()))

    def own_pool() -> Iterator[Case]:
        yield Case("a", (torch.tensor([1.0, 2.0]),), family="positive numbers")
        yield Case("b", (torch.tensor([1.0, -2.0]),), family="negative numbers")

    cases = Cases("f", name="c", promise="p", points=1, reference=right, pool=own_pool, gradient=("x",))
    reason, hint = told(cases, hidden)
    assert reason == "The value is right, but its gradient with respect to `x` is nan for negative numbers."
    assert hint == KINDS["nan gradient"]


def test_arguments_stay_and_results_are_new(cases: Cases) -> None:
    def in_place(x: torch.Tensor, by: float) -> torch.Tensor:
        checked(by)
        x -= x.amax(dim=-1, keepdim=True).clone()
        return x / by

    def same_memory(x: torch.Tensor, by: float) -> torch.Tensor:
        checked(by)
        done = (x - x.amax(dim=-1, keepdim=True)) / by
        return done if x.dtype != torch.float64 else x.copy_(done) and x if False else _kept(x, done)

    def _kept(x: torch.Tensor, done: torch.Tensor) -> torch.Tensor:
        return done

    assert told(cases, in_place)[0].startswith("It changes `x`, which it is given")
    assert missed(cases, same_memory) is None

    def given() -> Iterator[Case]:
        yield Case("a", ([3.0, 1.0], torch.zeros(2)))

    def right(values: list[float], x: torch.Tensor) -> dict[str, Any]:
        return {"values": sorted(values), "x": x.clone()}

    own = Cases("f", name="c", promise="p", points=1, reference=right, pool=given, fresh=True, keeps_inputs=True)
    assert missed(own, right) is None
    alias = told(own, lambda values, x: {"values": sorted(values), "x": x})[0]
    assert alias == "What it returns shares memory with `x`."
    assert told(own, lambda values, x: {"values": values.sort() or values, "x": x + 0})[0].startswith("It changes")


def test_no_hint_is_given_where_two_mistakes_look_alike(changed: Any) -> None:
    def also_multiplied(x: torch.Tensor, by: float) -> torch.Tensor:
        return (x - x.amax(dim=-1, keepdim=True)) * by

    cases = changed(mistakes=(Mistake("One.", also_multiplied), Mistake("Two.", lambda x, by: also_multiplied(x, by))))
    assert told(cases, lambda x, by: checked(by) or also_multiplied(x, by))[1] == KINDS["value"]


def test_one_input_is_not_enough_for_a_hint() -> None:
    def right(x: torch.Tensor) -> torch.Tensor:
        return x.sum(-1)

    def mean(x: torch.Tensor) -> torch.Tensor:
        return x.mean(-1)

    def own_pool(count: int) -> Iterator[Case]:
        for number in range(count):
            yield Case(str(number), (torch.tensor([[1.0, 2.0 + number]]),))
        yield Case("alone", (torch.tensor([[1.0]]),))  # where the mistake is right

    table = (Mistake("A sum, not a mean.", mean),)
    few, enough = (
        Cases("f", name="c", promise="p", points=1, reference=right, pool=lambda n=n: own_pool(n), mistakes=table)
        for n in (1, 2)
    )
    assert told(few, mean)[1] == KINDS["value"]
    assert told(enough, mean)[1] == "A sum, not a mean."


def test_what_is_not_unique_is_judged_by_a_relation() -> None:
    def first_maximum(values: list[float]) -> int:
        return values.index(max(values))

    def any_maximum(case: Case, found: int, expected: int) -> str:
        values = case.args[0]
        return "" if values[found] == max(values) else "There is a larger one."

    def own_pool() -> Iterator[Case]:
        yield Case("ties", ([1.0, 3.0, 3.0],), family="ties")
        yield Case("none", ([3.0, 1.0],))

    cases = Cases("f", name="c", promise="p", points=1, reference=first_maximum, pool=own_pool, accept=any_maximum)
    assert missed(cases, lambda values: len(values) - 1 - values[::-1].index(max(values))) is None
    assert told(cases, lambda values: values.index(min(values)))[0] == "There is a larger one."
    assert told(cases, lambda values: 17)[0] == "The values differ."  # where the relation itself fails
    assert told(cases, lambda values: 1.0)[0] == "Expected an int, found a float."


def test_an_unwritten_answer_says_only_that(cases: Cases) -> None:
    def stub(x: torch.Tensor, by: float) -> torch.Tensor:
        raise NotImplementedError

    assert told(cases, stub)[0] == "It is not written yet."
    assert missed(cases, cases.reference) is None
    assert told(cases, None)[0] == "It raised NameError."  # type: ignore[arg-type]


def test_recipes_give_each_call_an_object_of_its_own() -> None:
    class Fixtures:
        @staticmethod
        def scale(by: float) -> torch.nn.Linear:
            made = torch.nn.Linear(1, 1, bias=False)
            torch.nn.init.constant_(made.weight, by)
            return made

    def right(model: torch.nn.Linear, x: torch.Tensor) -> torch.Tensor:
        return model(x)

    def own_pool() -> Iterator[Case]:
        for number in range(3):
            yield Case(str(number), (Built("scale", by=2.0), torch.ones(1, 1)))

    def spoils(model: torch.nn.Linear, x: torch.Tensor) -> torch.Tensor:
        out = model(x)
        torch.nn.init.zeros_(model.weight)
        return out

    cases = Cases("f", name="c", promise="p", points=1, reference=right, pool=own_pool, gradient=("model", "x"))
    assert missed(cases, right, Fixtures) is None
    assert missed(cases, spoils, Fixtures) is not None  # by its gradient
    cut = missed(cases, lambda model, x: x * model.weight.detach(), Fixtures)
    assert cut is not None
    assert "no gradient reaches `model`" in cut.reason


def test_references_depend_on_the_case_alone(cases: Cases) -> None:
    """In another order, and again, and in another judge, outcomes are the same."""
    one, other = Judge(cases), Judge(cases)
    shuffled = list(one.pool.values())
    random.Random(1).shuffle(shuffled)
    for case in shuffled:
        first, again = one.expected(case), other.outcome(cases.reference, case)
        assert first is one.expected(case)
        assert other.finding(case, again) is None
        assert one.finding(case, again) is None


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"promise": " "}, "no promise"),
        ({"points": 0}, "more than 0"),
        ({"gradient": ("y",)}, "'y' is no parameter of its reference: x, by"),
    ],
)
def test_cases_that_help_nobody_are_refused(changed: Any, fields: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        changed(**fields)


@pytest.mark.parametrize(
    ("case", "says"),
    [
        (Case("a", (torch.ones(1, 1),)), r"case 'a' does not fit share"),
        (Case("a", (torch.ones(1, 1), 1.0), layout={"y": "strided"}), "nothing lies as y='strided'"),
        (Case("a", (torch.ones(1, 1), 1.0), layout={"x": "sideways"}), "nothing lies as x='sideways'"),
    ],
)
def test_cases_that_do_not_fit_are_refused(cases: Cases, case: Case, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        cases.asked(case)


def test_a_pool_has_each_name_once(changed: Any) -> None:
    twice = changed(pool=lambda: iter([Case("a", (torch.ones(1, 1), 1.0))] * 2))
    with pytest.raises(ValueError, match="two cases are called 'a'"):
        _ = Judge(twice).pool
    with pytest.raises(ValueError, match=r"graded.json names 'b' of shares, which is no case"):
        _ = Judge(changed(), None, ["b"]).graded


def test_of_many_findings_the_most_frequent_is_told() -> None:
    values = [Finding("value", "The values differ.", "a")] * 3
    errors = [Finding("error", "It raised KeyError.", "b")]
    inputs = [("b", False), *[("a", False)] * 3, ("c", False), ("d", True)]
    assert summed_up([*errors, *values, None, None], inputs) == ("family", "The values differ only for a.", ["a"])
    assert summed_up([*errors, None], [("b", False), ("c", False)])[1] == "It raised KeyError for b."
    assert summed_up([*errors, None], [("b", False)] * 2)[1] == "It raised KeyError."
    some = [Finding("value", "The values differ.", name) for name in "abc"]
    assert summed_up([*some, None], [(name, False) for name in "abcd"])[1] == "The values differ for a, b and c."
    assert summed_up([*some, None], [(name, name == "d") for name in "abcd"])[1] == "The values differ."
    let_through = [None, Finding("no error", "Expected KeyError, but it returned None.", "d")]
    assert summed_up(let_through, [("a", False), ("d", True)])[1] == "Expected KeyError, but it returned None for d."


def test_whatever_comes_back_is_judged(cases: Cases) -> None:
    """No answer breaks the judge: it is a finding, with words."""
    judge = Judge(cases)
    odd: list[Any] = [None, True, 0, math.nan, 10**300, "x", b"x", [], {}, (), [torch.zeros(1)], torch.zeros(0)]
    odd += [torch.zeros(2, 3, dtype=torch.complex64), torch.tensor(3), {"a": None}, [[[]]]]
    for value in odd:
        for case in judge.pool.values():
            found = judge.finding(case, Answer(value, gradients=((None,), (torch.zeros(0),))))
            assert found is not None
            assert found.said
