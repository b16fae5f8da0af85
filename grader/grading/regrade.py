"""What changed checks would do to grades that are given: the class is graded again, and nothing of it is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from grader.cells import QUIZ_CELL
from grader.course.coursedir import gradebook
from grader.course.paths import Course
from grader.course.standing import standings
from grader.grading.attempts import Attempts
from grader.grading.autograde import Engine, local_engine, spool_in
from grader.grading.cache import Cache
from grader.grading.load import load_assignment
from grader.grading.reading import take_in_all, task_of
from grader.grading.result import label
from grader.grading.selection import require_assignment, roster, wanted_of


@dataclass(frozen=True)
class Moved:
    """A graded cell whose automatic score would change; `by_hand` where a person's score stays whatever happens.

    `score` is the student's grade in the assignment, as the gradebook has it.
    """

    student: str
    cell: str
    before: float
    after: float
    max_score: float
    by_hand: bool
    score: float


def what_if(
    course: Course,
    lab: str,
    engine: Engine | None = None,
    watch: Callable[[int, int], None] = lambda *_: None,
    sandboxed: bool = True,
) -> list[Moved]:
    """Grade every submission with the checks as they are now, and compare with the gradebook's automatic scores.

    Results go to the cache, which holds them by content: a `grader grade` that follows takes them from there.

    Raises:
        LookupError: the lab is not registered.
        SandboxError: kernels cannot be sandboxed here.
    """
    require_assignment(course, lab)
    assignment = load_assignment(course, lab, sandboxed=sandboxed)
    cache = Cache(course.cache / lab)
    with spool_in(course) as spool:
        read = take_in_all(course, lab, wanted_of(course, assignment, spool), roster(course, lab), spool)
        ready = [taken for taken in read if taken.ready]
        keys = {taken.student: taken.key(assignment.digest) for taken in ready}
        found = {key: known for key in set(keys.values()) if (known := cache.get(key)) is not None}
        tasks = {keys[one.student]: task_of(one, spool, assignment.digest) for one in ready}
        waiting = [task for key, task in tasks.items() if key not in found]
        watch(len(found), len(tasks))
        for done in (engine or local_engine())(assignment, waiting) if waiting else ():
            if done.graded is not None:
                cache.put(done.key, done.graded)
                found[done.key] = done.graded
            watch(len(found), len(tasks))
    attempts, worth = Attempts(course, lab), assignment.worth(QUIZ_CELL)
    scores = {name: attempts.held(name, found[key], worth).scores for name, key in keys.items() if key in found}
    with gradebook(course) as book:
        now = standings(book, lab)
        return [
            moved
            for one in book.assignment_submissions(lab)
            for moved in _moved(one, scores.get(one.student.id), now[one.student.id].score)
        ]


def _moved(submission: Any, scores: dict[str, float] | None, score: float) -> Iterator[Moved]:
    alone = len(submission.notebooks) == 1
    for notebook in submission.notebooks if scores is not None else ():
        for grade in notebook.grades:
            cell = label(notebook.name, grade.name, alone)
            before, after = float(grade.auto_score or 0.0), float((scores or {}).get(cell, 0.0))
            if grade.max_score and abs(before - after) > 1e-9:
                by_hand = grade.manual_score is not None
                yield Moved(submission.student.id, cell, before, after, float(grade.max_score), by_hand, score)
