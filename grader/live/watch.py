"""Grading what arrives, one look after another: kernels stay warm, and feedback is written at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime

from grader.course.paths import Course
from grader.exchange.told import NotTakenError
from grader.grading.assignment import Assignment
from grader.grading.autograde import Row, grade_class, write_rows
from grader.grading.load import is_trusted, load_assignment
from grader.grading.local import Local
from grader.live.arrivals import Journal, Key, arrivals, now
from grader.live.exchange import Exchanged, exchange_of, is_newer, newest, release_feedback, take
from grader.reports.feedback import write_feedback
from grader.reports.notebook_feedback import write_notebook_feedback
from grader.text import NO_TEXT, StudentText, student_text

LOOK_SECONDS, LOOK_SHARE = 0.3, 10  # between two looks; so many times as long as a look takes where that is more
TOGETHER = 16  # submissions of an assignment that are graded before the next look; their feedback is written then
WARM = 2  # assignments whose kernels stay warm: those that work came for last
RETRY_SECONDS = 30.0


@dataclass(frozen=True)
class Told:
    """What happened: a submission was graded, with its row and the seconds since it was seen first; or words."""

    lab: str
    student: StudentText
    row: Row | None = None
    seconds: float = 0.0
    words: StudentText = NO_TEXT


def waiting(course: Course, labs: Sequence[str]) -> list[Key]:
    """What `watch` would grade if it began now; nothing is changed. What the exchange holds is among it."""
    journal = Journal(course.watched)
    found = [key for key, mark in arrivals(course, labs).items() if not journal.is_graded(key, mark)]
    exchange = exchange_of(course)
    sent = newest(exchange.inbound, labs) if exchange else []
    return [*dict.fromkeys([*found, *((one.lab, one.student) for one in sent if is_newer(course, one))])]


def watch(
    course: Course,
    labs: Sequence[str],
    wait: Callable[[float], bool],
    told: Callable[[Told], None],
    hourly: int,
    jobs: int,
    clock: Callable[[], datetime] = now,
) -> None:
    """Grade what arrives for these assignments, and write each student's feedback, look after look.

    A submission is graded when it is the same at two looks, so that a copy that is under way is not. What arrived
    first is graded first. What was graded is written down after its feedback: a run that was killed goes on there.

    Args:
        course: the course.
        labs: the assignments.
        wait: waits for so many seconds, and says whether to look again.
        told: told of each submission, and of what went wrong.
        hourly: the most gradings of one student and assignment in any hour; what comes more often waits.
        jobs: worker processes.
        clock: the time.

    Raises:
        SandboxError: kernels cannot be sandboxed here.
    """
    _Watch(course, labs, told, hourly, jobs, clock).run(wait)


class _Watch:
    """The state of one call of `watch`."""

    def __init__(
        self,
        course: Course,
        labs: Sequence[str],
        told: Callable[[Told], None],
        hourly: int,
        jobs: int,
        clock: Callable[[], datetime],
    ) -> None:
        self._course, self._labs, self._told, self._hourly, self._clock = course, labs, told, hourly, clock
        self._journal = Journal(course.watched)
        self._journal.shorten(clock())
        self._exchange = exchange_of(course)
        self._engines = _Engines(course, jobs)
        self._before: Mapping[Key, str] = {}
        self._first: dict[Key, float] = {}  # when what is not graded yet was seen first
        self._said: dict[tuple[str, str], str] = {}
        self._again: dict[str, float] = {}  # when an assignment that could not be graded is tried again

    def run(self, wait: Callable[[float], bool]) -> None:
        """Look, and grade, until there is no further look."""
        with self._engines.kept():
            again = True
            while again:
                before = time.monotonic()
                if self._exchange is not None:
                    self._take_in(self._exchange)
                due = self._due()
                took = time.monotonic() - before
                for lab, keys in due.items():
                    self._grade(lab, keys)
                again = wait(0.0 if due else max(LOOK_SECONDS, min(LOOK_SHARE * took, RETRY_SECONDS)))

    def _take_in(self, exchange: Exchanged) -> None:
        for one in newest(exchange.inbound, self._labs):
            try:
                take(self._course, exchange, one)
                self._said.pop((one.lab, one.student), None)
            except (NotTakenError, OSError) as refused:
                why = f"{refused.why}; {refused.remedy}" if isinstance(refused, NotTakenError) else str(refused)
                self._say(one.lab, one.student, f"{one.path.name} stays in the exchange: {why}")

    def _due(self) -> dict[str, dict[Key, str]]:
        """What is to be graded now, by assignment, the first of them first."""
        there = arrivals(self._course, self._labs)
        open_ = {key: mark for key, mark in there.items() if not self._journal.is_graded(key, mark)}
        seen = time.monotonic()
        self._first = {key: self._first.get(key, seen) for key in open_}
        before, self._before = self._before, there
        due: dict[str, dict[Key, str]] = {}
        for key in sorted(open_, key=lambda one: (self._first[one], one)):
            lab, student = key
            if before.get(key) != open_[key] or self._again.get(lab, 0.0) > seen:
                continue
            until = self._journal.waits_until(key, self._hourly, self._clock())
            if until is not None:
                at = f"{until.astimezone():%H:%M}"
                self._say(lab, student, f"was graded {self._hourly} times within an hour; the next time is at {at}")
            elif len(due.setdefault(lab, {})) < TOGETHER:
                due[lab][key] = open_[key]
        return {lab: keys for lab, keys in due.items() if keys}

    def _grade(self, lab: str, keys: Mapping[Key, str]) -> None:
        students = [student for _, student in keys]
        try:
            with self._engines.of(lab) as engine:
                rows = grade_class(self._course, lab, students, engine=engine)
            write_rows(self._course, lab, rows, keep_others=True)
            write = write_feedback if is_trusted(self._course, lab) else write_notebook_feedback
            failures = write(self._course, lab, students=students)[1]
        except (LookupError, OSError) as error:  # the release is being written, the disk is full: not for ever
            self._again[lab] = time.monotonic() + RETRY_SECONDS
            self._say(lab, "", f"{error}; it is tried again in {RETRY_SECONDS:g} s")
            return
        self._said.pop((lab, ""), None)
        for failure in failures:
            self._told(Told(lab, NO_TEXT, words=student_text(failure)))
        row_of = {row.student: row for row in rows}
        for key in keys:
            if self._exchange is not None and (why := release_feedback(self._exchange, *key)):
                self._say(*key, f"the feedback could not be released: {why}")
            row = row_of[student_text(key[1])]
            self._told(Told(lab, row.student, row, time.monotonic() - self._first[key]))
        whys = {key: row_of[student_text(key[1])].reason for key in keys}
        self._journal.add(keys, self._clock(), whys)

    def _say(self, lab: str, student: str, words: str) -> None:
        """Say something, once."""
        if self._said.get((lab, student)) != words:
            self._said[lab, student] = words
            self._told(Told(lab, student_text(student), words=student_text(words)))


class _Engines:
    """The warm kernels: of the assignments that work came for last."""

    def __init__(self, course: Course, jobs: int) -> None:
        self._course, self._jobs = course, jobs
        self._warm: dict[str, tuple[str, Local, ExitStack]] = {}

    @contextmanager
    def kept(self) -> Iterator[None]:
        """They end at the end."""
        try:
            yield
        finally:
            for *_, stack in self._warm.values():
                stack.close()
            self._warm.clear()

    @contextmanager
    def of(self, lab: str) -> Iterator[Local]:
        """The engine of an assignment as it is now, with kernels that are warm."""
        assignment = load_assignment(self._course, lab)
        found = self._warm.pop(lab, None)
        if found is not None and found[0] != assignment.digest:  # released anew
            found[2].close()
            found = None
        if found is None:
            found = self._begun(assignment)
        self._warm[lab] = found
        while len(self._warm) > WARM:
            self._warm.pop(next(iter(self._warm)))[2].close()
        yield found[1]

    def _begun(self, assignment: Assignment) -> tuple[str, Local, ExitStack]:
        engine, stack = Local(self._jobs), ExitStack()
        if not assignment.steps.serial:
            stack.enter_context(engine.begun(assignment))
        return assignment.digest, engine, stack
