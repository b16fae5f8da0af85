"""What a result rests on: every change of it is seen, and nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from rlhf.digest import UnreadableError, digest

CELL = """
import functools
import torch
import torch.nn.functional as F
from dataclasses import dataclass

SCALE, NAMES, TABLE = 2, {"a": [1, 2]}, torch.ones(3)

@dataclass
class Settings:
    rate: float = 0.1

class Base:
    factor = 3
    def times(self, x):
        "Says something."
        return self.factor * x

class Model(Base):
    def __init__(self):
        self.bias = 1.0
    @property
    def twice(self):
        return 2 * self.bias

def closing(over):
    return lambda x: x + over

@torch.no_grad()
def inner(x, y=5):
    return F.relu(x) * SCALE + len(NAMES["a"]) + TABLE.sum() + closing(7)(y)

def odd(n):
    return n and even(n - 1)

def even(n):
    return not n or odd(n - 1)

add = functools.partial(inner, y=6)
settings, model, close = Settings(), Model(), closing(8)

def train(x):
    return [inner(part) for part in x], odd(3), add(x), settings.rate, model.times(2), close(1)
"""
CHANGES = (
    ("SCALE, NAMES, TABLE = 2", "SCALE, NAMES, TABLE = 3"),
    ('{"a": [1, 2]}', '{"a": [1, 3]}'),
    ("torch.ones(3)", "torch.ones(4)"),
    ("rate: float = 0.1", "rate: float = 0.2"),
    ("factor = 3", "factor = 4"),
    ("self.factor * x", "self.factor + x"),
    ("self.bias = 1.0", "self.bias = 1.5"),
    ("return 2 * self.bias", "return 3 * self.bias"),
    ("x + over", "x - over"),
    ("closing(8)", "closing(9)"),
    ("y=5", "y=4"),
    ("y=6", "y=7"),
    ("F.relu", "F.gelu"),
    ("not n or odd", "not n and odd"),
    ("odd(3)", "odd(5)"),
    ("[inner(part) for", "[inner(2 * part) for"),
)
SAME = (
    ("SCALE, NAMES", "\n\n# above\nSCALE, NAMES"),
    ("or odd(n - 1)", "or odd(n - 1)  # twice"),
    ("SCALE, NAMES", "UNUSED = object()\nSCALE, NAMES"),
    ('"Says something."', '"Says something."  '),
)


def read(cell: str) -> str:
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(cell, "<cell>", "exec"), namespace)
    return digest(namespace["train"])


@pytest.mark.parametrize(("old", "new"), CHANGES)
def test_each_change_of_what_the_notebook_says_is_seen(old: str, new: str) -> None:
    assert CELL.count(old) == 1
    assert read(CELL.replace(old, new)) != read(CELL)


@pytest.mark.parametrize(("old", "new"), SAME)
def test_what_changes_nothing_is_not_seen(old: str, new: str) -> None:
    assert read(CELL.replace(old, new)) == read(CELL)


VALUES = (
    *(0, 1, True, 1.0, "1", b"1", None, [], [1], (1,), {}, {"1": 1}, {1}, "", "é", range(2), float("nan")),
    *(torch.zeros(2), torch.zeros(2, 1), torch.zeros(2, dtype=torch.float64), torch.zeros(2, dtype=torch.bfloat16)),
    *(np.zeros(2), np.zeros(2, dtype=np.float32), np.float32(0), torch.tensor(0.0), torch.float32, [torch.zeros(2)]),
    *(torch.nn.Linear(1, 1), torch.nn.Linear(1, 2), torch.nn.Linear(1, 1, bias=False), torch.nn.ReLU()),
    *(torch.nn.Linear(1, 1).eval(), torch.Generator().manual_seed(1), torch.Generator().manual_seed(2), torch.relu),
    *([[1], 2], [1, [2]], [[1, 2]], ["ab", "c"], ["a", "bc"], [torch.zeros(2), 1], torch, np),
)


def test_different_values_have_different_digests() -> None:
    torch.manual_seed(0)
    found = [digest(value) for value in VALUES]
    assert len(set(found)) == len(VALUES)
    assert found == [digest(value) for value in VALUES], "and the same one twice"


def test_random_numbers_count_where_they_are_named() -> None:
    first, named = digest(1), digest(torch.get_rng_state())
    torch.rand(1)
    assert digest(1) == first
    assert digest(torch.get_rng_state()) != named


def test_a_circle_ends() -> None:
    circle: list[Any] = [torch.zeros(1)]
    circle.append({"again": circle})
    first = digest(circle)
    circle[1]["again"] = [circle]
    assert digest(circle) != first


@pytest.mark.parametrize("value", [object(), iter([]), [1, object()], {"a": iter([])}, np.array([object()])])
def test_what_cannot_be_read_has_no_digest(value: object) -> None:
    with pytest.raises(UnreadableError):
        digest(value)
