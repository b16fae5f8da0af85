"""Labs side by side: results in the order asked for, errors as they were, one lab without a process of its own."""

from __future__ import annotations

import os
import shutil
from functools import partial

import pytest

from grader.build.problems import BuildError
from grader.build.release import check_lab
from grader.build.side_by_side import for_each_lab
from grader.course.paths import Course

BUILT, NEW = "01-toy", "02-toy"


@pytest.fixture
def two_labs(toy: Course) -> Course:
    """The toy course with a second lab that was not built yet."""
    shutil.copytree(toy.solutions / BUILT, toy.solutions / NEW)
    source = toy.solutions / NEW / "lab.py"
    source.write_text(source.read_text().replace(BUILT, NEW))
    return toy


def test_results_come_in_the_order_of_the_labs(two_labs: Course) -> None:
    told: list[str] = []
    built, new = for_each_lab(partial(check_lab, two_labs), [BUILT, NEW], told.append)
    assert built == []
    assert [(drift.path.name, drift.what) for drift in new] == [(f"{NEW}.ipynb", "is missing; run `grader build`")]
    assert told == ["1 of 2 labs", "2 of 2 labs"]


def test_an_error_keeps_its_problems(two_labs: Course) -> None:
    source = two_labs.solutions / NEW / "lab.py"
    source.write_text(source.read_text().replace("### END SOLUTION", ""))
    with pytest.raises(BuildError) as alone:
        check_lab(two_labs, NEW)
    with pytest.raises(BuildError) as caught:
        for_each_lab(partial(check_lab, two_labs), [BUILT, NEW])
    assert caught.value.problems == alone.value.problems != []


def test_one_lab_needs_no_other_process() -> None:
    assert for_each_lab(lambda lab: (lab, os.getpid()), ["01"]) == [("01", os.getpid())]
    assert for_each_lab(os.getenv, []) == []
