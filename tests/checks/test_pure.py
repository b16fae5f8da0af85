"""What is worked out once a process is the same in each: what is asked, and what is right, to the byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.checks.judging import Judge
from grader.checks.registry import LabChecks, load_lab
from grader.kernels.many_wire import Calls, packed
from grader.kernels.wire import dump
from grader.threads import one_thread

SOLUTIONS = Path(__file__).parents[2] / "solutions"
LABS = sorted({path.parent.name for path in SOLUTIONS.glob("*/cases*.py")})


def judges(checks: LabChecks) -> dict[str, Judge]:
    return {check.name: check.judge for check in checks.checks if check.judge is not None}


def asked(judge: Judge) -> bytes:
    return b"".join(
        dump({"cases": part.packed[0]}, part.packed[1]) for part in Calls(map(judge.asked, judge.graded)).parts
    )


def right(judge: Judge) -> bytes:
    return dump(*packed([judge.expected(case) for case in judge.graded], "id", more=False))


@pytest.mark.parametrize("lab", LABS)
def test_references_and_requests_are_pure(lab: str) -> None:
    one_thread()
    once, again = judges(load_lab(SOLUTIONS / lab)), judges(load_lab(SOLUTIONS / lab))
    assert once
    for name, judge in once.items():
        before = asked(judge)
        expected = right(judge)
        for case in reversed(again[name].graded):  # in another order: nothing is left of the one before
            again[name].expected(case)
        assert right(again[name]) == expected, name
        assert asked(judge) == before == asked(again[name]), f"{name}: its reference changes what students are asked"
