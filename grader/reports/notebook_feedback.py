"""nbgrader's own feedback, a page a graded notebook, for assignments with ordinary tests: students side by side.

A student whose pages cannot be made is a line; nbgrader's command does one after another.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from grader.course.coursedir import convert, gradebook, submitters
from grader.course.paths import Course
from grader.files import write_whole
from grader.reports.feedback import for_release
from grader.text import student_text


def write_notebook_feedback(
    course: Course, lab: str, told: Callable[[int, int], None] = lambda *_: None
) -> tuple[list[Path], list[str]]:
    """Have nbgrader's GenerateFeedback, as the course configures it, make the pages of each graded submission.

    Args:
        course: the course.
        lab: the assignment.
        told: called with how many students are done, and how many there are.

    Returns:
        The pages, and whose could not be written with the reason.
    """
    with gradebook(course) as book:
        students = [name for name in submitters(book, lab) if course.folder("autograded", name, lab).is_dir()]
    written: list[Path] = []
    failures: list[str] = []
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["nbgrader.converters", __name__])
    with ProcessPoolExecutor(min(len(students) or 1, len(os.sched_getaffinity(0))), mp_context=context) as pool:
        for number, (name, why) in enumerate(
            zip(students, pool.map(_generate, [(course, lab, name) for name in students]), strict=True), start=1
        ):
            try:
                pages = sorted(course.folder("feedback", name, lab).glob("*.html"))
                if why:
                    raise RuntimeError(why)
                for other, content in for_release(course, name, lab).items():
                    write_whole(course.folder("feedback", name, lab) / other, content)
                written += pages
            except Exception as broken:  # noqa: BLE001 - one student's failure, whatever it is, is no other's
                failures.append(student_text(f"{name}: no page was written: {broken}"))
            told(number, len(students))
    return written, failures


def _generate(asked: tuple[Course, str, str]) -> str:
    """In a process of its own: the pages of one student. Returns what went wrong, or nothing."""
    from nbgrader.converters import GenerateFeedback

    course, lab, student = asked
    return convert(GenerateFeedback, course, lab, student)
