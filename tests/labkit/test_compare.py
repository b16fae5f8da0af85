"""How two values differ is said exactly and briefly."""

import math
from typing import Any

import numpy as np
import pytest
import torch

from labkit.compare import describe, difference

NAN, INF = math.nan, math.inf


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        3,
        2.5,
        NAN,
        -INF,
        "text",
        [1, [2.0, NAN]],
        (1, 2),
        {"a": [1]},
        np.array([1.0, NAN, INF]),
        np.array([], dtype=np.int64),
        np.float32(1.5),
        torch.tensor([[1.0, -INF], [NAN, 2.0]]),
        torch.tensor([True, False]),
        torch.tensor(2**62 + 1),
        torch.tensor([0.1], dtype=torch.bfloat16),
        torch.tensor([0.1], dtype=torch.float16),
        torch.tensor([1 + 2j]),
        torch.eye(2).to_sparse(),
    ],
    ids=str,
)
def test_a_value_equals_itself(value: Any) -> None:
    assert difference(value, value) == []


@pytest.mark.parametrize(
    ("found", "expected", "said"),
    [
        (None, 1.0, "the type differs: expected float, found None (is there a return?)"),
        (1, True, "the type differs: expected bool, found int"),
        (np.float64(1.0), 1.0, "the type differs: expected float, found numpy float64"),
        ([1], (1,), "the type differs: expected tuple, found list"),
        (np.zeros(2), torch.zeros(2), "the type differs: expected a torch tensor, found a numpy array"),
        (torch.zeros(2), torch.zeros(2, 1), "the shape differs: expected [2, 1], found [2]"),
        (torch.zeros(2).half(), torch.zeros(2), "the dtype differs: expected float32, found float16"),
        ([1, 2], [1, 2, 3], "the length differs: expected 3, found 2"),
        ({"b": 1, "a": 2}, {"a": 2, "b": 1}, "the keys differ: expected ['a', 'b'], found ['b', 'a']"),
        ({"a": [1, 5]}, {"a": [1, 2]}, "at key 'a': first difference at [1]: expected 2, found 5"),
        (torch.tensor([1.0, 2.0]), torch.tensor([1.0, -INF]),
         "first difference at [1]: expected -inf, found 2.0 (1 of 2 differ)"),
        (torch.tensor([0.0, NAN]), torch.tensor([NAN, NAN]),
         "first difference at [0]: expected nan, found 0.0 (1 of 2 differ)"),
        (torch.tensor(2**62 + 1), torch.tensor(2**62), "found     int64 tensor []: 4611686018427387905"),
        (torch.tensor(1.0), torch.tensor(1.0000001), "expected 1.0000001192092896, found 1.0"),
        (np.array([INF]), np.array([-INF]), "first difference at [0]: expected -inf, found inf (1 of 1 differ)"),
    ],
)  # fmt: skip
def test_a_difference_is_named(found: Any, expected: Any, said: str) -> None:
    assert difference(found, expected)[-1] == said


def test_numbers_that_look_alike_are_shown_with_all_their_digits() -> None:
    found = difference(torch.tensor([1.0]), torch.tensor([1.0000001]))
    assert found[-1] == "first difference at [0]: expected 1.0000001192092896, found 1.0 (1 of 1 differ)"


def test_tolerance_is_absolute_and_for_floating_point_only() -> None:
    assert difference(torch.tensor([1e6 + 1.0]), torch.tensor([1e6]), tol=0.5)
    assert difference([1.0, NAN, INF], [1.1, NAN, INF], tol=0.2) == []
    assert difference(1.0, INF, tol=1e300)
    assert difference(1, 2, tol=5)
    assert difference(torch.tensor([1]), torch.tensor([2]), tol=5)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (torch.arange(8.0).reshape(2, 4), "float32 tensor [2, 4]: 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, …"),
        (torch.zeros(0, 3), "float32 tensor [0, 3]: empty"),
        (np.array([1, 2]), "int64 array [2]: 1, 2"),
        (0.1 + 0.2, "0.3"),
        (list(range(9)), "[0, 1, 2, 3, 4, 5, ...] (9 items)"),
    ],
)
def test_values_are_shown_in_short(value: Any, said: str) -> None:
    assert describe(value) == said


def test_a_repr_that_raises_does_no_harm() -> None:
    class Broken:
        def __repr__(self) -> str:
            raise ValueError

    assert "Broken" in describe(Broken())
