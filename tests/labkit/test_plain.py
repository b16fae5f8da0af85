"""Outcomes as JSON: whatever may be compared comes back as it was, type, dtype, shape and bits."""

import json
import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from labkit.findings import EXACT, compared
from labkit.plain import from_plain, to_plain

LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


def there_and_back(value: Any) -> Any:
    return from_plain(json.loads(json.dumps(to_plain(value))))


@given(VALUES)
def test_values_come_back(value: Any) -> None:
    assert compared(there_and_back(value), value, EXACT) is None


@pytest.mark.parametrize(
    "value",
    [
        torch.tensor([[1.5, -math.inf], [math.nan, 1e-30]]),
        torch.tensor(2.5, dtype=torch.bfloat16),
        torch.arange(6).view(2, 3).T,
        torch.zeros(0, 3, dtype=torch.float64),
        torch.tensor([True, False]),
        np.array([[1, 2]], dtype=np.int16),
        10**400,
    ],
)
def test_tensors_arrays_and_large_numbers_come_back(value: Any) -> None:
    assert compared(there_and_back(value), value, EXACT) is None


def test_a_module_is_refused() -> None:
    with pytest.raises(TypeError, match="a Linear is no plain value"):
        to_plain([torch.nn.Linear(1, 1)])
