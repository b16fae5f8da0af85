"""What may cross between a check and student code, and when two values are the same."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from grader.checks.values import describe, same
from grader.kernels.values import MAX_BYTES, NotAValueError, copy_value

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary()
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(st.text(), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(values)
def test_a_copy_is_the_same_value(value: Any) -> None:
    assert same(copy_value(value), value)


@given(st.lists(st.floats(width=32), min_size=1, max_size=6))
def test_tensors_and_arrays_are_copied_with_dtype_and_content(numbers: list[float]) -> None:
    for original in (torch.tensor(numbers), torch.tensor(numbers).half(), np.array(numbers, dtype=np.float32)):
        copied = copy_value(original)
        assert same(copied, original)
        copied[0] = 1.0 if copied[0] != 1.0 else 2.0
        assert not same(copied, original)


class AlwaysEqual:
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]


class LyingFloat(float):
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = float.__hash__


class LyingTensor(torch.Tensor):
    pass


@pytest.mark.parametrize(
    "hostile",
    [
        AlwaysEqual(),
        LyingFloat(1.0),
        torch.zeros(2).as_subclass(LyingTensor),
        np.float64(1.0),
        np.array([object()]),
        np.array([1.0]).view(np.recarray),
        {AlwaysEqual: 1},
        [1, [2, {"a": AlwaysEqual()}]],
        torch.zeros(2).to_sparse(),
        lambda: 1,
    ],
)
def test_anything_else_is_refused(hostile: object) -> None:
    with pytest.raises(NotAValueError):
        copy_value(hostile)


def test_a_class_name_chosen_by_a_student_is_not_repeated() -> None:
    secret_name = type("the_hidden_input_was_42", (), {})
    with pytest.raises(NotAValueError) as refused:
        copy_value(secret_name())
    assert "42" not in str(refused.value)


def test_depth_and_size_are_bounded() -> None:
    deep: list[Any] = []
    for _ in range(40):
        deep = [deep]
    with pytest.raises(NotAValueError, match="deeper"):
        copy_value(deep)
    with pytest.raises(NotAValueError, match="larger"):
        copy_value(torch.zeros(MAX_BYTES // 4 + 1))
    with pytest.raises(NotAValueError, match="larger"):
        copy_value(["x" * (MAX_BYTES // 2 + 1)] * 2)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (1, 1.0),
        (True, 1),
        ([1], (1,)),
        (torch.tensor([1.0]), torch.tensor([1.0], dtype=torch.float64)),
        (torch.tensor([1.0]), torch.tensor([[1.0]])),
        (torch.tensor([math.inf]), torch.tensor([-math.inf])),
        (torch.tensor([math.inf]), torch.tensor([math.nan])),
        (np.array([1, 2]), np.array([1, 3])),
        ({"a": 1}, {"b": 1}),
        ("1", b"1"),
    ],
)
def test_unlike_values_are_not_the_same_even_with_a_tolerance(a: Any, b: Any) -> None:
    assert not same(a, b, tol=0.5)


def test_tolerance_is_absolute_and_only_for_floats() -> None:
    assert same(torch.tensor([1.0, -math.inf]), torch.tensor([1.0 + 1e-6, -math.inf]), tol=1e-5)
    assert not same(torch.tensor([1e6]), torch.tensor([1e6 + 1.0]), tol=1e-5)
    assert not same(torch.tensor([1]), torch.tensor([2]), tol=5.0)
    assert same(math.nan, math.nan)


def test_describe_tells_the_form_and_never_the_content() -> None:
    assert describe(torch.tensor([[7.0]])) == "a float32 tensor of shape [1, 1]"
    assert describe(np.array([7])) == "a int64 array of shape [1]"
    assert describe([7, 8]) == "a list of 2"
    assert describe(7) == "an int"
    assert describe(AlwaysEqual()) == "another kind of object"
