"""nbgrader's own feedback, a page a graded notebook, for assignments with ordinary tests: students side by side.

A student whose pages cannot be made, or take too long, is a line; nbgrader's command does one after another.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from grader.course.coursedir import convert, gradebook, submitters
from grader.course.paths import Course
from grader.files import write_whole
from grader.grading.forks import begin, start_server
from grader.grading.pool import Lost, limit_memory, run_tasks, serve
from grader.reports.feedback import for_release
from grader.text import student_text
from grader.threads import cores

SECONDS = 120.0
MEMORY_MB = 2048  # of address space beyond what is there at the start


def write_notebook_feedback(
    course: Course,
    lab: str,
    told: Callable[[int, int], None] = lambda *_: None,
    students: Sequence[str] | None = None,
) -> tuple[list[Path], list[str]]:
    """Have nbgrader's GenerateFeedback, as the course configures it, make the pages of each graded submission.

    Args:
        course: the course.
        lab: the assignment.
        told: called with how many students are done, and how many there are.
        students: whose; everybody's by default.

    Returns:
        The pages, and whose could not be written with the reason.
    """
    with gradebook(course) as book:
        graded = [name for name in submitters(book, lab) if course.folder("autograded", name, lab).is_dir()]
    some = [name for name in graded if students is None or name in students]
    asked = [(name, _request(course, lab, name)) for name in some]
    context = start_server([__name__])

    def start(connection: Connection) -> Callable[[], None]:
        return begin(context, _work, connection)

    written: list[Path] = []
    failures: list[str] = []
    answers = run_tasks(start, asked, min(len(asked), cores()), SECONDS) if asked else ()
    for number, (name, answer) in enumerate(answers, start=1):
        why = answer.reason if isinstance(answer, Lost) else answer.decode("utf-8")
        try:
            if why:
                raise RuntimeError(why)
            folder = course.folder("feedback", name, lab)
            for other, content in for_release(course, name, lab).items():
                write_whole(folder / other, content)
            written += sorted(folder.glob("*.html"))
        except Exception as broken:  # noqa: BLE001 - one student's failure, whatever it is, is no other's
            failures.append(student_text(f"{name}: no page was written: {broken}"))
        told(number, len(some))
    return sorted(written), sorted(failures)


def _request(course: Course, lab: str, student: str) -> bytes:
    return json.dumps({"course": course.to_json(), "lab": lab, "student": student}).encode("ascii")


def _work(connection: Connection) -> None:
    """In a worker: the pages of one student after another."""
    from grader.grading.worker import die_with_parent

    die_with_parent()
    limit_memory(MEMORY_MB)
    serve(connection, _generate)


def _generate(request: bytes) -> bytes:
    """The pages of one student. Returns what went wrong, or nothing."""
    from nbgrader.converters import GenerateFeedback

    asked: dict[str, Any] = json.loads(request)
    logging.disable(logging.NOTSET)  # to hear what nbgrader says; nothing of it is shown here
    logging.lastResort = None
    return convert(GenerateFeedback, Course.from_json(asked["course"]), asked["lab"], asked["student"]).encode("utf-8")
