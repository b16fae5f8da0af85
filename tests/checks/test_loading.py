"""What a lab's folder says about checking reaches those who grade: cases, what they import, and the choice."""

from __future__ import annotations

import sys

import pytest

from grader.build.release import build_lab
from grader.checks.running import run_exercise, score
from grader.checks.student import InProcess
from grader.course.paths import Course
from grader.grading.load import load_assignment
from grader.grading.worker import loaded

LAB = "01-toy"
CASES = """
from collections.abc import Iterator

from grader.checks import Case, Cases
from inputs import lists

def pool() -> Iterator[Case]:
    for number, values in enumerate(lists()):
        yield Case(str(number), (values,))


def reference(values: list[float]) -> float:
    return max(values) - min(values)


spread = Cases("spread", name="spans_all", promise="All lists.", points=2, reference=reference, pool=pool)
"""


def test_graders_have_cases_their_imports_and_their_choice(toy: Course) -> None:
    folder = toy.solutions / LAB
    (folder / "cases.py").write_text(CASES)
    (folder / "inputs.py").write_text("def lists():\n    return [[1.0, 3.0], [3.0, 1.0], [2.0]]\n")
    (folder / "graded.json").write_text('{"spans_all": ["0", "2"]}')
    source = folder / "lab.py"
    text = source.read_text()
    hidden = '"grade_id": "spread-hidden", "locked": true, "points": 2'
    assert hidden in text
    source.write_text(text.replace(hidden, hidden.replace("2", "4")))
    build_lab(toy, LAB)
    before = set(sys.modules)
    assignment = load_assignment(toy, LAB)
    assert set(assignment.cases) == {"cases.py", "inputs.py", "graded.json"}
    found, checks = loaded(assignment.to_bytes())
    assert found.cases == assignment.cases
    [judge] = [check.judge for check in checks.of("spread") if check.judge]
    assert [case.name for case in judge.graded] == ["0", "2"]
    outcomes = run_exercise(checks, "spread", InProcess({"spread": lambda values: max(values) - min(values)}), b"")
    assert score(outcomes) == 4.0
    assert not {"cases", "inputs", "checks"} & (set(sys.modules) - before)
    (folder / "inputs.py").unlink()
    with pytest.raises(ModuleNotFoundError, match="inputs"):
        loaded(load_assignment(toy, LAB).to_bytes())
