"""How many results the recorder takes a second: one real result of a lab, recorded for as many students as asked."""

from __future__ import annotations

import time
from dataclasses import dataclass

from grader.course.coursedir import gradebook, load_config
from grader.course.late import read_late
from grader.course.paths import Course
from grader.grading.autograde import TOGETHER
from grader.grading.cache import Cache
from grader.grading.load import load_assignment
from grader.grading.record import Gradebook, Result, record_all
from grader.grading.result import Graded, Submission


@dataclass(frozen=True)
class Recorder:
    """Seconds that one submission takes: its rows alone; and with its graded folder and the kept result."""

    rows: float
    whole: float


def measured(course: Course, lab: str, size: int) -> Recorder:
    """Record results for students that the gradebook does not know, as many at once as the recorder does."""
    assignment = load_assignment(course, lab)
    [first, *_] = sorted((course.cache / lab).glob("*.json"))
    graded = Graded.from_bytes(first.read_bytes())
    submission = Submission({name: text.encode() for name, text in graded.notebooks.items()})
    cache = Cache(course.cache / "bench")
    with gradebook(course) as book:
        to = Gradebook(book, course, load_config(course), read_late(course), assignment)
        took = []
        for kind, one in (("rows", Graded(True, graded.scores, marks=graded.marks)), ("whole", graded)):
            began = time.perf_counter()
            for start in range(0, size, TOGETHER):
                names = [f"{kind}-{number}" for number in range(start, min(start + TOGETHER, size))]
                if kind == "whole":
                    for name in names:
                        cache.put(name, one)
                for said in record_all(to, [Result(name, submission, one) for name in names]):
                    if isinstance(said, Exception):
                        raise said
            took.append((time.perf_counter() - began) / size)
    return Recorder(*took)
