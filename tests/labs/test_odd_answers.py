"""Whatever an answer is, a check of a lab calls it a miss: no value of a student breaks a check."""

from __future__ import annotations

import math
import random
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from grader.build.notebooks import checks_of, solution_namespace
from grader.checks.running import run_check
from grader.checks.student import InProcess, Result
from grader.course.paths import Course
from grader.kernels.many import Answer, Asked
from grader.kernels.values import NotAValueError, copy_value

LABS = ("01-decoding", "02-reward-model", "03-ppo", "04-partition-function", "05-dpo", "07-grpo", "08-evaluation")
TRIES = 10  # odd answers for each check; all labs and kinds together are some 30,000
ODD: tuple[Any, ...] = (
    *(None, True, 0, -1, 10**300, 0.5, math.nan, math.inf, "", "x", b"x", [], (), {}),
    *([None] * 3, [[1], [2]], [math.nan], [10**400], ["a", "b"], (None, None), {"a": 1}, {0: None}),
    *(torch.tensor(1.0), torch.tensor(3), torch.tensor(True), torch.zeros(0), torch.zeros(0, 3), torch.zeros(3, 0)),
    *(torch.zeros(1), torch.zeros(1, 1, 1, 1, 1), torch.zeros(2, 3, dtype=torch.complex64), torch.zeros(2, 3).half()),
    *(torch.zeros(3, dtype=torch.bfloat16), torch.full((3,), 10**12), torch.full((2, 3), math.nan)),
    *(np.array(1.0), np.zeros(3), np.zeros((2, 3), np.int64), np.zeros(0), np.zeros(3, bool), np.zeros(3, complex)),
    *([torch.zeros(3)], [np.zeros(3)], (torch.zeros(3), torch.zeros(3)), {"a": torch.zeros(3)}),
)  # fmt: skip
CHANGED: tuple[Callable[[torch.Tensor], Any], ...] = (
    lambda x: x.flatten()[0],
    lambda x: x[None],
    lambda x: x[..., None],
    lambda x: x.flatten(),
    lambda x: x.half(),
    lambda x: x.double(),
    lambda x: x.nan_to_num().long(),
    lambda x: x != 0,
    lambda x: x.to(torch.complex128),
    lambda x: x.numpy().copy(),
    lambda x: x.tolist(),
    lambda x: x * math.nan,
    lambda x: -x,
    lambda x: x[:0],
    lambda x: x[..., :0],
    lambda x: x[:-1],
    lambda x: torch.cat([x, x]),
    str,
)


def odd_answers(right: Any, depth: int = 0) -> Iterator[Any]:
    """Answers that are not the right one: of other types, and the right one with a part of it changed."""
    yield from ODD
    if isinstance(right, torch.Tensor):
        for change in CHANGED:
            try:
                yield change(right)
            except (RuntimeError, IndexError, TypeError):  # not every tensor can be changed so
                continue
    elif isinstance(right, list | tuple):
        kind = type(right)
        yield from (list(right) if kind is tuple else tuple(right), right[:-1], right + right, right[::-1])
        yield from (kind([part] * len(right)) for part in ODD)
        if right and depth < 2:
            yield from (kind([part, *right[1:]]) for part in odd_answers(right[0], depth + 1))
    elif isinstance(right, dict):
        yield from (dict.fromkeys(right, part) for part in ODD)
        for key in right if depth < 2 else ():
            yield from (right | {key: part} for part in odd_answers(right[key], depth + 1))
    elif isinstance(right, int | float) and abs(right) < 10**15:
        yield from (torch.tensor(right), np.array(right), [right], str(right), -right, complex(right))


class OddOnce(InProcess):
    """An honest student, one of whose answers is replaced; `answers` are the honest ones, by the number of the call."""

    def __init__(self, namespace: Mapping[str, Any], fixtures: Any, at: int = -1, odd: Any = None) -> None:
        super().__init__(namespace, fixtures)
        self.answers: dict[int, Any] = {}
        self._number, self._at, self._odd = -1, at, odd

    def _called(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], keep: bool = False
    ) -> Result:
        found = super()._called(function, args, kwargs, keep)
        self._number += 1
        if keep or found.error is not None:
            return found
        self.answers[self._number] = found.value
        return Result(self._odd, None, found.args_before, found.args_after) if self._number == self._at else found

    def call_many(self, name: str, calls: Sequence[Asked]) -> list[Answer]:
        found = super().call_many(name, calls)
        for place, answer in enumerate(found):
            self._number += 1
            if answer.error is not None:
                continue
            self.answers[self._number] = answer.value
            if self._number == self._at:
                found[place] = replace(answer, value=self._odd)
        return found


@pytest.mark.parametrize("lab", LABS)
def test_no_answer_breaks_a_check(repo: Course, lab: str) -> None:
    checks, rng = checks_of(repo, lab), random.Random(lab)
    namespace, faults, tried = solution_namespace(lab, repo), [], 0
    for check in checks.checks:
        honest = OddOnce(namespace, checks.fixtures)
        assert run_check(check, lab, honest, b"odd").passed, check.name
        tries = [(at, odd) for at, right in honest.answers.items() for odd in odd_answers(right)]
        for at, odd in rng.sample(tries, min(TRIES, len(tries))):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # casts of odd dtypes warn
                try:
                    odd = copy_value(odd)
                except NotAValueError:
                    continue  # it would not have crossed
                done = run_check(check, lab, OddOnce(namespace, checks.fixtures, at, odd), b"odd")
            tried += 1
            faults += [f"{check.name}, call {at}: {type(odd).__name__} {done.fault}"] * bool(done.fault)
    assert faults == []
    assert tried > 5 * len(checks.checks)
