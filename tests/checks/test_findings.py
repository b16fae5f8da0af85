"""Findings: the first thing that differs, by kind, within what rounding allows; no values in the words."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from grader.checks.values import describe, same
from labkit.findings import KINDS, Near, alike, compared, compared_gradient, form, precision

FLOATS = [torch.float16, torch.bfloat16, torch.float32, torch.float64]


def kind(found: Any, expected: Any, near: Near | None = None) -> str:
    fault = compared(found, expected, near or Near())
    return "" if fault is None else fault.kind


@pytest.mark.parametrize(
    ("found", "expected", "says"),
    [
        (1, 1, ""),
        (1, 1.0, "type"),
        (True, 1, "type"),
        (None, 1, "type"),
        ([1.0], (1.0,), "type"),
        (torch.zeros(2), [0.0, 0.0], "type"),
        (torch.zeros(2), torch.zeros(2).double(), "dtype"),
        (torch.zeros(2), torch.zeros(2, 1), "shape"),
        (torch.zeros(0), torch.zeros(0), ""),
        (torch.zeros(2), torch.tensor([0.0, 1.0]), "value"),
        (torch.tensor([math.nan]), torch.tensor([1.0]), "nan"),
        (torch.tensor([1.0]), torch.tensor([math.nan]), "value"),
        (torch.tensor([math.nan]), torch.tensor([math.nan]), ""),
        (torch.tensor([math.inf]), torch.tensor([math.inf]), ""),
        (torch.tensor([-math.inf]), torch.tensor([math.inf]), "value"),
        (torch.tensor([1e30]), torch.tensor([math.inf]), "value"),
        (torch.tensor([1, 2]), torch.tensor([1, 3]), "value"),
        (torch.tensor([True]), torch.tensor([False]), "value"),
        (torch.tensor([1 + 1j]), torch.tensor([1 + 2j]), "value"),
        (np.zeros(2), np.zeros(2, np.float32), "dtype"),
        (np.zeros(2), np.zeros(3), "shape"),
        (np.array([math.nan]), np.array([0.0]), "nan"),
        (np.array([1, 2]), np.array([1, 2]), ""),
        ([1, 2], [1, 2, 3], "value"),
        ((1, 2), (1, 2, 3), "shape"),
        ({"a": 1}, {"b": 1}, "value"),
        ({"a": 1}, {"a": 1, "b": 1}, "shape"),
        ({"a": torch.zeros(1)}, {"a": torch.zeros(1).half()}, "dtype"),
        ([torch.zeros(1), 1.0], [torch.ones(1), 1], "type"),  # what hides more comes first
        ("a", "b", "value"),
        (math.nan, 0.5, "nan"),
    ],
)
def test_the_first_thing_that_differs(found: Any, expected: Any, says: str) -> None:
    assert kind(found, expected) == says


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("size", [1e-4, 1.0, 1e4])
def test_tolerance_follows_dtype_and_magnitude(dtype: torch.dtype, size: float) -> None:
    right = torch.tensor([[size, size / 3, -size / 7]]).to(dtype)
    step = torch.finfo(dtype).eps
    assert kind((right.double() * (1 + step)).to(dtype), right) == ""
    assert kind((right.double() * (1 + 5000 * max(step, 2**-30))).to(dtype), right) == "value"


def test_a_row_is_judged_by_its_own_magnitude() -> None:
    right = torch.tensor([[1e4, 1.0], [1e-4, 2e-4]])
    mixed = right + torch.tensor([[0.0, 0.0], [0.0, 1e-5]])
    assert kind(mixed, right) == "value"
    assert kind(right + torch.tensor([[0.0, 1e-3], [0.0, 0.0]]), right) == ""  # beside 1e4 that is rounding


def test_floats_of_python_have_the_precision_of_what_went_in() -> None:
    assert kind(1.0 + 1e-6, 1.0, Near(floats=precision([torch.zeros(1)]))) == ""
    assert kind(1.0 + 1e-6, 1.0, Near(floats=precision([2, "x", [1.0]]))) == "value"
    assert kind([3.0, 1e-9], [3.0, 0.0], Near(floats=precision([torch.zeros(1)]))) == ""


def test_a_fixed_tolerance_is_absolute() -> None:
    assert kind(torch.tensor([1e6 + 1.0]), torch.tensor([1e6]), Near(0.5)) == "value"
    assert kind(torch.tensor([0.4]), torch.tensor([0.0]), Near(0.5)) == ""
    assert kind(torch.tensor([1.0 + 2**-23]), torch.tensor([1.0]), Near(0.0)) == "value"


@given(st.floats(), st.floats())
def test_equal_floats_are_the_same_and_far_ones_are_not(a: float, b: float) -> None:
    assert same(a, a)
    assert same(torch.tensor([a], dtype=torch.float64), torch.tensor([a], dtype=torch.float64))
    if a == a and b == b and abs(a - b) > 1e-6 * max(abs(a), abs(b)):
        assert not same(a, b)
        assert kind(a, b) == "value"


def test_words_tell_the_form_and_no_value() -> None:
    fault = compared([42.5], torch.tensor([1.0]))
    assert fault is not None
    assert fault.said == "Expected a float32 tensor of shape [1], found a list of 1."
    inner = compared({"a": 1}, {"a": 1.5})
    assert inner is not None
    assert inner.said == "In it, expected a float, found an int."
    for found in (torch.tensor([42.5]), torch.tensor([math.nan])):
        fault = compared(found, torch.tensor([7.0]))
        assert fault is not None
        assert not any(digit in fault.said for digit in "0123456789")


def test_names_of_a_students_classes_are_not_repeated() -> None:
    class LeakedInput42(list):  # type: ignore[type-arg]
        pass

    assert form(LeakedInput42([1])) == "another kind of object"
    assert form(type("Leaked", (), {})()) == "another kind of object"
    assert describe(None) == "None"


def test_outcomes_are_alike_whatever_their_dtype() -> None:
    assert alike(torch.tensor([0.1]).half(), torch.tensor([0.1]))
    assert alike(torch.tensor([1.0]), torch.tensor([1]))
    assert not alike(torch.tensor([0.1]), torch.tensor([0.2]))
    assert not alike(torch.tensor([[0.1]]), torch.tensor([0.1]))
    assert not alike([0.1], torch.tensor([0.1]))
    assert alike((torch.tensor([1.0]).double(), 0.1), (torch.tensor([1.0]), 0.1))


def test_gradients_are_compared_where_the_right_one_is_finite() -> None:
    def found(got: torch.Tensor | None, wanted: torch.Tensor | None) -> str:
        fault = compared_gradient(got, wanted, "`x`", Near(factor=8.0))
        return "" if fault is None else f"{fault.kind}: {fault.said}"

    right = torch.tensor([1.0, 2.0, 0.0])
    assert found(right.clone(), right) == ""
    assert found(right, torch.tensor([1.0, math.nan, 0.0])) == ""
    assert found(None, torch.zeros(3)) == ""
    assert found(torch.zeros(3), None) == ""
    assert "no gradient reaches `x`" in found(None, right)
    assert "no gradient reaches `x`" in found(torch.zeros(3), right)
    assert found(torch.tensor([1.0, 2.0, math.nan]), right).startswith("nan gradient")
    assert "is another one" in found(torch.tensor([1.0, 2.1, 0.0]), right)
    assert "is another one" in found(torch.ones(2), right)
    assert "none is due" in found(torch.ones(3), None)


def test_every_kind_has_words_of_its_own() -> None:
    assert len(set(KINDS.values())) == len(KINDS)
    assert all(words.endswith((".", "?")) for words in KINDS.values())
