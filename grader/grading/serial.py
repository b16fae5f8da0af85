"""nbgrader's own Autograde, one submission after another: for configurations that only it understands.

Such as hooks before and after a conversion, another exporter, or steps that the configuration file itself defines. Its
Execute is still ours, so that student code runs in the sandbox.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nbgrader.converters import Autograde
from nbgrader.coursedir import CourseDirectory
from traitlets.utils.importstring import import_item

from grader.course.coursedir import gradebook, load_config
from grader.course.paths import Course
from grader.grading.assignment import Assignment
from grader.grading.configured import executes
from grader.grading.nbgrader_execute import Execute
from grader.grading.plain import autograde
from grader.grading.result import Graded, label
from grader.text import student_text

SERIALLY = "graded by nbgrader's own Autograde, one after another, because {}"


def grade_serially(course: Course, assignment: Assignment, student: str) -> Graded:
    """Grade one submission, and record it: nbgrader does both."""
    why = autograde(course, assignment.lab, student, _with_our_execute(course))
    if why:
        return Graded(False, {}, reason=student_text(why), remedy=student_text("look at the notebook and at its tests"))
    with gradebook(course) as book:
        scores = dict(_scores(book.find_submission(assignment.lab, student), assignment))
    return Graded(True, scores, events=[student_text(SERIALLY.format(assignment.steps.serial))])


def _with_our_execute(course: Course) -> list[Any]:
    config = load_config(course)
    steps = Autograde(coursedir=CourseDirectory(config=config), config=config).autograde_preprocessors
    found = [import_item(step) if isinstance(step, str) else step for step in steps]
    return [_in_the_sandbox(step) if executes(step) else step for step in found]


def _in_the_sandbox(step: type[Any]) -> type[Any]:
    """Our Execute in the place of whatever executes; where the engine does not understand that, it runs shut in."""
    return step if issubclass(step, Execute) else type(step.__name__, (Execute,), {"step": step})


def _scores(submission: Any, assignment: Assignment) -> Mapping[str, float]:
    return {
        label(notebook.name, grade.name, assignment.alone): float(grade.auto_score or 0.0)
        for notebook in submission.notebooks
        for grade in notebook.grades
    }
