"""Grading a class: intake, what the cache has, the engine for the rest, one recorder, and a row for every student."""

from __future__ import annotations

import csv
import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from nbgrader.api import MissingEntry

from grader.cells import QUIZ_CELL
from grader.coursedir import gradebook, load_config
from grader.grading.assignment import Assignment, load_assignment
from grader.grading.attempts import Attempts
from grader.grading.cache import Cache
from grader.grading.intake import is_text, look_at, printable, read_submission
from grader.grading.late import read_late
from grader.grading.ledger import Entry, Ledger
from grader.grading.local import run_locally
from grader.grading.record import record
from grader.grading.result import Done, Graded, Submission, Task
from grader.kernels.limits import Limits
from grader.paths import Course

Engine = Callable[[Assignment, Sequence[Task]], Iterator[Done]]


@dataclass(frozen=True)
class Row:
    """One student's result. `graded` is False when the submission could not be graded; `reason` then says why.

    `events` tells what went wrong while it ran, `flags` what an instructor should look at. `executed` is False where
    the result of an earlier run was taken.
    """

    student: str
    score: float
    max_score: float
    graded: bool
    reason: str = ""
    remedy: str = ""
    events: list[str] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    seconds: float = 0.0
    executed: bool = False


@dataclass(frozen=True)
class Progress:
    """How far a run is: submissions recorded and in all, those taken from the cache, those not gradable so far."""

    done: int
    total: int
    cached: int
    failed: int
    student: str = ""


Watch = Callable[[Progress], None]


def local_engine(jobs: int | None = None) -> Engine:
    """The engine of this machine with `jobs` workers; as many as there are cores by default."""
    workers = jobs or len(os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1))
    return lambda assignment, tasks: run_locally(assignment, tasks, workers)


def roster(course: Course) -> list[str]:
    """Every student whom the gradebook knows or who has a folder under `class/submitted`, in order.

    A student without a submission of the lab at hand gets a row too.
    """
    folders = {p.name for p in course.submitted.iterdir() if p.is_dir()} if course.submitted.exists() else set()
    with gradebook(course) as book:
        known = {student.id for student in book.students}
    return sorted(name for name in folders | known if not name.startswith("."))


def require_assignment(course: Course, lab: str) -> None:
    """Make sure that nbgrader knows the lab and has its master.

    Raises:
        LookupError: `grader build` has not been run here.
    """
    course.require_assignment(lab)
    master = course.source / lab / f"{lab}.ipynb"
    with gradebook(course) as book:
        try:
            book.find_assignment(lab)
            registered = True
        except MissingEntry:
            registered = False
    if not registered or not master.exists():
        raise LookupError(f"{lab} is not registered in the gradebook: run `grader build {lab}` first.")


def grade_class(
    course: Course,
    lab: str,
    students: list[str] | None = None,
    watch: Watch = lambda _: None,
    engine: Engine | None = None,
    limits: Limits | None = None,
    sandboxed: bool = True,
) -> list[Row]:
    """Grade a lab for every student, and give each a row, whatever was handed in.

    Results are kept under `class/cache` as they come and recorded at once: a run that is stopped at any moment goes on
    where it was. Equal submissions are executed once.

    Raises:
        LookupError: the lab is not registered.
        SandboxError: kernels cannot be sandboxed here.
    """
    require_assignment(course, lab)
    read_late(course)  # a broken file is told before anything is graded
    assignment = load_assignment(course, lab, limits, sandboxed)
    names = roster(course) if students is None else students
    run = _Recorder(course, assignment, watch, len(names))
    with run:
        waiting = run.record_what_is_known(names)
        tasks = [Task(key, waiting[key][0][1]) for key in waiting]
        if tasks:
            for done in (engine or local_engine())(assignment, tasks):
                run.record_done(done, waiting[done.key])
    return [run.rows[name] for name in names]


class _Recorder:
    """Records results one after another; the only one who writes the gradebook."""

    def __init__(self, course: Course, assignment: Assignment, watch: Watch, total: int) -> None:
        self.rows: dict[str, Row] = {}
        self._course, self._assignment, self._watch, self._total = course, assignment, watch, total
        self._cache = Cache(course.cache / assignment.lab)
        self._config = load_config(course)
        self._opened = gradebook(course)
        self._ledger = Ledger(course.ledger(assignment.lab))
        self._attempts = Attempts(course.ledger(assignment.lab))
        self._cached = 0

    def __enter__(self) -> _Recorder:
        self._book = self._opened.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._opened.__exit__(None, None, None)

    def record_what_is_known(self, names: Sequence[str]) -> dict[str, list[tuple[str, Submission]]]:
        """Record everybody who needs no execution; returns the others: students and their submission, by key."""
        waiting: dict[str, list[tuple[str, Submission]]] = defaultdict(list)
        for name in names:
            seen = look_at(self._course, self._assignment.lab, name)
            if not seen.ready:
                nothing = Graded(False, {}, reason=seen.reason, remedy=seen.remedy)
                self._record(name, Submission(b""), nothing, executed=False)
                continue
            submission = read_submission(self._course, self._assignment.lab, name)
            key = submission.key(self._assignment.digest)
            known = self._cache.get(key)
            if known is None:
                waiting[key].append((name, submission))
            else:
                self._cached += 1
                self._record(name, submission, known, executed=False)
        return waiting

    def record_done(self, done: Done, students: list[tuple[str, Submission]]) -> None:
        """Keep and record a result, for each student who handed exactly this in."""
        graded = done.graded
        if graded is None:
            remedy = "run `grader grade` again; if it stays, look at the notebook: what was handed in is kept"
            graded = Graded(False, {}, reason=f"the grader failed: {done.failure}", remedy=remedy)
        else:
            self._cache.put(done.key, graded)
        for name, submission in students:
            self._record(name, submission, graded, executed=True)

    def _record(self, name: str, submission: Submission, graded: Graded, executed: bool) -> None:
        lab = self._assignment.lab
        copied: list[str] = []
        if graded.graded and is_text(name):
            worth = self._assignment.max_scores().get(QUIZ_CELL, 0.0)
            graded, copied = self._attempts.hold(name, graded, worth)
        if is_text(name):  # else no database can hold it; it has a row all the same
            record(self._book, self._course, self._config, lab, name, submission, graded)
            if graded.graded:
                self._ledger.add(Entry(name, submission.key(self._assignment.digest), graded.scores))
        flags = [*graded.flags, *copied]
        if not self._assignment.sandboxed and graded.graded:
            flags.append("graded without a sandbox (--sandbox=none): student code could read and write this machine")
        self.rows[name] = Row(
            student=printable(name),
            score=round(sum(graded.scores.values()), 2),
            max_score=sum(self._assignment.max_scores().values()),
            graded=graded.graded,
            reason=graded.reason,
            remedy=graded.remedy,
            events=graded.events,
            flags=flags,
            seconds=graded.seconds,
            executed=executed,
        )
        failed = sum(not row.graded for row in self.rows.values())
        self._watch(Progress(len(self.rows), self._total, self._cached, failed, printable(name)))


def write_rows(course: Course, lab: str, rows: list[Row], keep_others: bool = False) -> list[Path]:
    """Write a run's rows to `class/reports/<lab>/grading.json` and `.csv`, and name the files.

    With `keep_others`, rows of students who were not in this run stay as they were.
    """
    folder = course.reports / lab
    folder.mkdir(parents=True, exist_ok=True)
    as_json = folder / "grading.json"
    if keep_others and as_json.exists():
        here = {row.student for row in rows}
        before = [Row(**row) for row in json.loads(as_json.read_text(encoding="utf-8"))]
        rows = sorted([*(row for row in before if row.student not in here), *rows], key=lambda row: row.student)
    as_json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n", encoding="utf-8")
    as_csv = folder / "grading.csv"
    with as_csv.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(Row.__dataclass_fields__))
        writer.writeheader()
        for row in rows:
            writer.writerow(asdict(row) | {"events": "; ".join(row.events), "flags": "; ".join(row.flags)})
    return [as_json, as_csv]
