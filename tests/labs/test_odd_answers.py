"""No answer breaks a check: whatever a function returns, a check that cannot read it is missed; it is no fault."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from grader.build.notebooks import checks_of, solution_namespace
from grader.checks.running import run_check
from grader.checks.student import InProcess
from grader.paths import Course

ODD: tuple[Any, ...] = (
    *(None, True, 3, 0.5, float("nan"), float("inf"), "x", "", b"x", [], [1.0], [None, "a"], {}, {"a": 1}),
    *((), (torch.tensor(1.0), torch.tensor(2.0)), (None, None, None), (torch.zeros(2, 3), torch.zeros(2))),
    *(torch.tensor(1.0), torch.tensor(1), torch.tensor(True), torch.tensor([]), torch.tensor([1.0])),
    *(torch.zeros(2, 3), torch.zeros(2, 2, 2), torch.zeros(2, 3, dtype=torch.long), torch.zeros(2, 3).bool()),
    *(torch.zeros(2, dtype=torch.complex64), torch.full((2, 3), torch.nan), torch.zeros(2, 3, dtype=torch.float16)),
    *(np.array(1.0), np.zeros(3), np.zeros((2, 2), dtype=np.int64)),
)
LABS = ("01-decoding", "02-reward-model", "03-ppo", "04-partition-function", "05-dpo")


def always(value: Any) -> Callable[..., Any]:
    """A function that returns this, whatever it is asked."""
    return lambda *_, **__: value


@pytest.mark.parametrize("lab", LABS)
def test_no_answer_breaks_a_check(repo: Course, lab: str) -> None:
    checks, namespace = checks_of(repo, lab), dict(solution_namespace(lab, repo))
    faults = []
    for exercise in checks.exercises():
        for number, value in enumerate(ODD):
            student = InProcess({**namespace, exercise: always(value)}, checks.fixtures)
            done = [run_check(check, lab, student, b"secret") for check in checks.of(exercise)]
            faults += [(exercise, one.check, number, one.fault) for one in done if one.fault]
    assert faults == []
