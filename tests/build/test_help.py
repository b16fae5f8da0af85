"""From a lab's `visible.py` and `hints.yaml` to its help file: what is right is worked out, what is wrong is told."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from grader.build.help import made_help, opened_texts, parts_of
from grader.build.leaks import find_leaks
from grader.build.notebooks import checks_of, solution_namespace
from grader.build.problems import BuildError
from grader.build.release import build_lab, check_lab
from grader.build.rounding import says_the_same
from grader.build.visible import visible_refused
from grader.checks.visible import VisibleError, load_visible
from grader.course.paths import Course
from labkit.help_sheet import CHECKS, dump_help, load_help
from labkit.help_sheet import checks_of as checks_in
from labkit.looking import look
from labkit.plain import to_plain

LAB = "01-toy"
VISIBLE = '''"""The toy's visible checks."""

import math

from grader.checks import visible


@visible("mean")
def of_two():
    """The mean of 1 and 2 is 1.5."""
    values = [1.0, 2.0]
    yield mean(values)
    yield mean([math.pi, 2.5])


@visible("mean", raises=ValueError)
def refuses_none():
    """No values are refused."""
    yield mean([])


@visible("spread")
def of_four():
    """The spread of 1 and 4 is 3."""
    yield spread([1.0, 4.0])
'''
HINTS = """
mean:
  look: At the number of values.
  idea: Add them up, and divide.
  line: "`total(values) / len(values)`"
  trap: A division by one less is another thing.
  example: mean([1.0, 2.0, 6.0])
  wrong: WRONG
"""


@pytest.fixture
def lab(toy: Course) -> Course:
    folder = toy.solutions / LAB
    wrong = next(one.name for one in checks_of(toy, LAB).wrong if one.exercise == "mean")
    (folder / "visible.py").write_text(VISIBLE)
    (folder / "hints.yaml").write_text(HINTS.replace("WRONG", wrong))
    return toy


def test_what_is_right_comes_from_the_solution(lab: Course) -> None:
    mean = checks_in("mean", parts_of(lab, LAB)["mean"][CHECKS])
    assert [check.promise for check in mean.checks] == ["The mean of 1 and 2 is 1.5.", "No values are refused."]
    first, second = mean.checks[0].probes
    assert (first.setup, first.call, first.wanted.value) == ("values = [1.0, 2.0]", "mean(values)", 1.5)
    assert second.wanted.value == pytest.approx(2.8207963)
    assert mean.checks[1].probes[0].wanted.error == "ValueError"
    assert mean.common == "import math"
    assert look(mean, solution_namespace(LAB, lab)).passed == 2


def test_the_file_goes_out_with_the_notebook_and_is_the_same_each_time(lab: Course) -> None:
    build_lab(lab, LAB)
    assert load_help(lab.labs / LAB / f"{LAB}.help.json").exercises() == ["mean", "spread"]
    assert (lab.source / LAB / f"{LAB}.help.json").is_file()
    assert check_lab(lab, LAB) == []
    first = made_help(lab, LAB)
    assert first is not None
    for kept in (lab.root / "build" / "help").iterdir():
        kept.unlink()
    assert made_help(lab, LAB) == first


def test_a_solution_in_a_visible_check_is_found_as_a_leak(lab: Course) -> None:
    path = lab.solutions / LAB / "visible.py"
    inner = "\ndef helper(values):\n    lowest, highest = min(values), max(values)\n    return highest - lowest\n"
    path.write_text(VISIBLE.replace('\n\n@visible("mean")', inner + '\n\n@visible("mean")', 1))
    build_lab(lab, LAB)
    assert any("highest - lowest" in line for line in opened_texts((lab.labs / LAB / f"{LAB}.help.json").read_bytes()))
    assert any(leak.file.name == f"{LAB}.help.json" and "solution" in leak.origin for leak in find_leaks(lab))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("yield mean([])", "yield mean([1.0])", "mean([1.0]) should raise ValueError, and the solution returns one"),
        ("yield spread([1.0, 4.0])", "yield spread([])", "should give a value, and the solution raises ValueError"),
        ('@visible("spread")', '@visible("sprad")', "'sprad', which is no exercise"),
        ("yield spread([1.0, 4.0])", "yield spread", "a function is no plain value"),
        ('    """The spread of 1 and 4 is 3."""\n', "", "has no docstring"),
        ("    yield spread([1.0, 4.0])", "    for x in (1.0, 2.0):\n        yield spread([x])", "in no loop"),
        ("raises=ValueError", 'hints={"valu": "?"}', "no finding is of the kind 'valu'"),
    ],
)
def test_what_cannot_be_meant_is_told_with_its_place(lab: Course, old: str, new: str, said: str) -> None:
    path = lab.solutions / LAB / "visible.py"
    assert old in VISIBLE
    path.write_text(VISIBLE.replace(old, new))
    with pytest.raises(BuildError) as refused:
        parts_of(lab, LAB)
    assert said in str(refused.value)
    assert str(path) in str(refused.value)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("wrong: ", "wrong: nobody_", "wrong.py has no 'nobody_"),
        ("example: mean([1.0, 2.0, 6.0])", "example: spread([1.0])", "take one that tells"),
        ("  idea: Add them up, and divide.\n", "", "mean: idea is missing"),
        ("  look:", "  luck: x\n  look:", "mean: 'luck' is not known"),
        ("mean:\n", "meen:\n", "'meen' has no visible checks"),
    ],
)
def test_help_that_cannot_be_meant_is_told_with_its_place(lab: Course, old: str, new: str, said: str) -> None:
    path = lab.solutions / LAB / "hints.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(BuildError) as refused:
        parts_of(lab, LAB)
    assert said in str(refused.value)
    assert str(path) in str(refused.value)


def test_a_check_that_refuses_a_right_answer_and_missing_hints_are_failures_of_the_lab(lab: Course) -> None:
    build_lab(lab, LAB)
    (lab.solutions / LAB / "right.py").write_text(
        "from grader.checks import right\n\n\n@right('mean')\ndef rounded(values):\n"
        "    if not values:\n        raise ValueError\n    return round(sum(values) / len(values), 1)\n"
    )
    said = visible_refused(lab, LAB, checks_of(lab, LAB), solution_namespace(LAB, lab), lambda _: None)
    assert any("rounded: a visible check refuses it: ✗ The mean of 1 and 2 is 1.5." in one for one in said)
    assert any("spread has no hints" in one for one in said)
    assert not any("stub" in one for one in said)


def test_two_checks_of_one_name_are_refused(tmp_path: Path) -> None:
    (tmp_path / "visible.py").write_text(VISIBLE + VISIBLE)
    with pytest.raises(VisibleError, match="two functions are called of_two"):
        load_visible(tmp_path)


def _help(*values: Any, text: str = "Look at the shape.") -> bytes:
    parts = {"checks": {"values": [to_plain(value) for value in values]}, "hint 1": text}
    return dump_help(LAB, "a salt", {"mean": parts})


@pytest.mark.parametrize(
    ("value", "rounded", "other"),
    [
        (0.1 + 0.2, 0.3, 0.3001),
        ([1.0, float("nan"), -0.0], [1.0 + 1e-12, float("nan"), 0.0], [1.0, 2.0, 0.0]),
        (torch.tensor([1.0, 3e4]), torch.tensor([1.0 + 2e-7, 3e4 + 0.01]), torch.tensor([1.0, 3e4 + 30])),
        (
            torch.tensor([1.0], dtype=torch.float64),
            torch.tensor([1.0 + 1e-12], dtype=torch.float64),
            torch.tensor([1.0]),
        ),
        (torch.tensor([1.5], dtype=torch.bfloat16), torch.tensor([1.5078], dtype=torch.bfloat16), torch.tensor([1])),
        (np.array([2.0, math.inf]), np.array([2.0 + 1e-12, math.inf]), np.array([[2.0, math.inf]])),
    ],
)
def test_what_differs_in_rounding_alone_is_no_change(value: Any, rounded: Any, other: Any) -> None:
    assert _help(value) != _help(rounded)
    assert says_the_same(_help(value, 7, "text"), _help(rounded, 7, "text"))
    assert not says_the_same(_help(value), _help(other))
    assert not says_the_same(_help(value, 7), _help(rounded, 8))
    assert not says_the_same(_help(value), _help(rounded, text="Look at the dtype."))
    assert not says_the_same(_help(value), b"")
    assert not says_the_same(_help(value), _help(rounded).replace(b"a salt", b"o salt"))
