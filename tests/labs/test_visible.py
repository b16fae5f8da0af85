"""The sealed visible checks of the five labs on thirty wrong answers: every check runs, no hint is false."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import pytest
from labs.thirty_wrong import THIRTY, WrongAnswer

from grader.build.help import in_place, quietly
from grader.build.notebooks import solution_namespace
from grader.course.paths import Course
from labkit.findings import KINDS
from labkit.help_sheet import ExerciseChecks, load_help
from labkit.looking import Looked, look

LABS = ("01-decoding", "02-reward-model", "03-ppo", "04-partition-function", "05-dpo")


@cache
def namespace_of(course: Course, lab: str) -> dict[str, Any]:
    return solution_namespace(lab, course)


def looked_at(course: Course, answer: WrongAnswer) -> tuple[ExerciseChecks, Looked]:
    visible = load_help(course.labs / answer.lab / f"{answer.lab}.help.json").checks(answer.exercise)
    with in_place(namespace_of(course, answer.lab), answer.exercise, answer.source) as namespace, quietly():
        return visible, look(visible, namespace)


@pytest.mark.parametrize("answer", THIRTY, ids=lambda one: f"{one.lab}-{one.exercise}")
def test_every_check_runs_and_no_hint_is_false(repo: Course, answer: WrongAnswer) -> None:
    visible, looked = looked_at(repo, answer)
    assert len(looked.outcomes) == len(visible.checks)
    assert not looked.missing
    assert looked.passed < len(visible.checks)
    for outcome in looked.outcomes:
        assert outcome.passed or outcome.found
    named = "" if looked.trap is None else visible.traps[looked.trap].hint
    assert (answer.may_say in named) if answer.may_say else not named
    said = {outcome.hint for outcome in looked.outcomes} - {""}
    own: Mapping[str, Any] = {hint: check for check in visible.checks for hint in check.hints.values()}
    assert said <= {*KINDS.values(), *own, named} | {
        hint for hint in said if hint.startswith(("Is it spelt", "Put your"))
    }


@pytest.mark.parametrize("lab", LABS)
def test_every_exercise_has_checks_three_hints_and_an_explanation(repo: Course, lab: str) -> None:
    sheet = load_help(repo.labs / lab / f"{lab}.help.json")
    for exercise in sheet.exercises():
        assert sheet.checks(exercise).checks
        assert sheet.hints(exercise) == 3
        told = sheet.explanation(exercise)
        assert told.right != told.trapped
