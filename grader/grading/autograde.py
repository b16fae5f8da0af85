"""Grading a class: intake, what the cache has, the engine for the rest, one recorder, and a row for every student."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from grader.cells import QUIZ_CELL
from grader.course.coursedir import gradebook, held_cells, load_config
from grader.course.known import gone, require_known
from grader.course.late import read_late
from grader.course.paths import Course
from grader.course.standing import Standing, standings
from grader.files import locked, write_csv, write_whole
from grader.grading.assignment import Assignment
from grader.grading.attempts import Attempts
from grader.grading.cache import Cache
from grader.grading.intake import Taken
from grader.grading.ledger import Entry, Ledger
from grader.grading.load import load_assignment
from grader.grading.local import Local
from grader.grading.looking import is_text
from grader.grading.reading import take_in_all, task_of
from grader.grading.record import Gradebook, Result, record_all
from grader.grading.result import Done, Graded, Submission, Task, texts
from grader.grading.selection import require_assignment, roster, wanted_of
from grader.grading.serial import grade_serially
from grader.kernels.limits import Limits
from grader.text import NO_TEXT, StudentText, student_text
from grader.threads import cores

AGAIN = "run `grader grade` again; if it stays, look at the notebook: what was handed in is kept"
WITHOUT_SANDBOX = "graded without a sandbox (--sandbox=none): student code could read and write this machine"
GONE = student_text("`grader student remove` or `rename`; else nothing: nobody exports it")
SPOOL = ".handed-in-"
TOGETHER, MOMENT_SECONDS = 64, 0.2  # results that are recorded at once, and how long the first of them waits for others

Engine = Callable[[Assignment, Sequence[Task]], Iterator[Done]]


@dataclass(frozen=True)
class Row:
    """One student's result. `graded` is False when the submission could not be graded; `reason` then says why.

    `score` is the gradebook's; in it are what a person gave (`by_hand`) and what being late took off (`late_penalty`).
    `events` tells what went wrong while it ran, `flags` what an instructor should look at. `executed` is False where
    the result of an earlier run was taken, `gone` True for who left: nothing was graded, the points stay as they were.
    """

    student: StudentText
    score: float
    max_score: float
    graded: bool
    reason: StudentText = NO_TEXT
    remedy: StudentText = NO_TEXT
    events: list[StudentText] = field(default_factory=list)
    flags: list[StudentText] = field(default_factory=list)
    seconds: float = 0.0
    executed: bool = False
    late_penalty: float = 0.0
    by_hand: float = 0.0
    gone: bool = False

    @staticmethod
    def from_json(said: dict[str, Any]) -> Row:
        """A row as `write_rows` wrote it."""
        own = {name: student_text(said[name]) for name in ("student", "reason", "remedy")}
        return Row(**{**said, **own, "events": texts(said["events"]), "flags": texts(said["flags"])})


@dataclass(frozen=True)
class Progress:
    """How far a run is: submissions recorded and in all, those taken from the cache, those not gradable so far."""

    done: int
    total: int
    cached: int
    failed: int
    student: StudentText = NO_TEXT


Watch = Callable[[Progress], None]


def local_engine(jobs: int | None = None) -> Local:
    """The engine of this machine with `jobs` workers; as many as there are cores by default."""
    return Local(jobs or cores())


def grade_class(
    course: Course,
    lab: str,
    students: list[str] | None = None,
    watch: Watch = lambda _: None,
    engine: Engine | None = None,
    limits: Limits | None = None,
    sandboxed: bool = True,
    waits: Callable[[], None] = lambda: None,
    notebooks: str = "*",
    force: bool = False,
) -> list[Row]:
    """Grade an assignment for every student, and give each a row, whatever was handed in.

    Results are kept under `class/cache` as they come and recorded at once: a run that is stopped at any moment goes on
    where it was. Equal submissions are executed once. Of two runs on one lab the later one waits for the other, and
    takes its results; `waits` is called then. `notebooks` is a pattern of their names; with `force` nothing is taken
    from the cache.

    Raises:
        LookupError: the lab is not registered.
        SandboxError: kernels cannot be sandboxed here.
    """
    require_assignment(course, lab)
    require_known(course, read_late(course))  # a broken file is told before anything is graded
    assignment = load_assignment(course, lab, limits, sandboxed, notebooks)
    names = roster(course, lab) if students is None else students
    runs_on = engine or local_engine()
    with (
        _begun(runs_on, course, assignment, len(names)),
        locked(course.cache / f".{lab}.lock", waits),
        spool_in(course) as spool,
        _Recorder(course, assignment, watch, len(names), spool) as run,
    ):
        waiting = run.record_what_is_known(names, force)
        if assignment.steps.serial:
            for taken in [one for students in waiting.values() for one in students]:
                run.note(taken, grade_serially(course, assignment, taken.student))
            waiting = {}
        tasks = [task_of(taken[0], spool, assignment.digest) for taken in waiting.values()]
        if tasks:
            for done in runs_on(assignment, tasks):
                run.record_done(done, waiting[done.key])
        run.flush()
        return run.as_recorded(names, gone(course) if students is None else {})


def _begun(engine: Engine, course: Course, assignment: Assignment, students: int) -> AbstractContextManager[None]:
    """While submissions are read, zygotes import what they need: where there are more students than known results."""
    known = sum(1 for _ in (course.cache / assignment.lab).glob("*.json"))
    if not isinstance(engine, Local) or assignment.steps.serial or known >= students:
        return nullcontext()
    return engine.begun(assignment)


@contextmanager
def spool_in(course: Course) -> Iterator[Path]:
    """A folder for what was read, where results are kept; it goes with the run, and what a killed run left goes too."""
    course.cache.mkdir(parents=True, exist_ok=True)
    for left in course.cache.glob(f"{SPOOL}*"):
        if not _is_running(left.name.removeprefix(SPOOL).split("-")[0]):
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"{SPOOL}{os.getpid()}-", dir=course.cache) as folder:
        yield Path(folder)


def _is_running(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True


class _Recorder:
    """Records results one after another; the only one who writes the gradebook. It reads only what workers wrote."""

    def __init__(self, course: Course, assignment: Assignment, watch: Watch, total: int, spool: Path) -> None:
        self.rows: dict[str, Row] = {}
        self._spool, self._late = spool, read_late(course)
        self._course, self._assignment, self._watch, self._total = course, assignment, watch, total
        self._cache = Cache(course.cache / assignment.lab)
        self._config = load_config(course)
        self._opened = gradebook(course)
        self._ledger = Ledger(course.ledger(assignment.lab))
        self._attempts = Attempts(course, assignment.lab)
        self._cached = self._failed = 0
        self._waiting: list[tuple[Taken, Result, bool]] = []
        self._flushed = -MOMENT_SECONDS

    def __enter__(self) -> _Recorder:
        book = self._opened.__enter__()
        self._gradebook = Gradebook(book, self._course, self._config, self._late, self._assignment)
        # Nobody else changes cells meanwhile, and no student is recorded twice: nothing is read again after a commit.
        book.db().expire_on_commit = False
        self._cells = held_cells(book, self._assignment.lab)
        return self

    def __exit__(self, *error: object) -> None:
        try:
            self.flush()  # also of a run that is stopped: what was graded is there
        finally:
            self._opened.__exit__(None, None, None)

    def record_what_is_known(self, names: Sequence[str], force: bool) -> dict[str, list[Taken]]:
        """Record everybody who needs no execution; returns the others, by the key of their result, in order."""
        waiting: dict[str, list[Taken]] = defaultdict(list)
        not_ready = []
        place = {name: number for number, name in enumerate(names)}
        wanted = wanted_of(self._course, self._assignment, self._spool)
        for taken in take_in_all(self._course, self._assignment.lab, wanted, names, self._spool):
            if not taken.ready:
                not_ready.append(taken)
                continue
            key = taken.key(self._assignment.digest)
            known = None if force or self._assignment.steps.serial else self._cache.get(key)
            if known is None:
                waiting[key].append(taken)
            else:
                self._cached += 1
                self._record(taken, known, executed=False)
        for taken in sorted(not_ready, key=lambda one: place[one.student]):
            self._record(taken, Graded(False, {}, reason=taken.reason, remedy=taken.remedy), executed=False)
        return dict(sorted(waiting.items(), key=lambda entry: place[entry[1][0].student]))

    def record_done(self, done: Done, students: Sequence[Taken]) -> None:
        """Keep and record a result, for each student who handed exactly this in."""
        graded = done.graded
        if graded is None:
            reason = student_text(f"the grader failed: {done.failure}")
            graded = Graded(False, {}, reason=reason, remedy=student_text(AGAIN))
        else:
            self._cache.put(done.key, graded)
        for taken in students:
            self._record(taken, graded, executed=True)

    def as_recorded(self, names: Sequence[str], left: Mapping[str, StudentText]) -> list[Row]:
        """The rows of a run, with the grades that the gradebook has now; of who left only that they did, and those."""
        now = standings(self._gradebook.book, self._assignment.lab)
        for name, why in left.items():
            if name in now:
                said = student_text(f"gone: {why}")
                self.rows[name] = Row(student_text(name), 0.0, 0.0, False, said, GONE, gone=True)
        names = sorted({*names, *(name for name in left if name in now)})
        return [_with(self.rows[name], now.get(name)) for name in names]

    def note(self, taken: Taken, graded: Graded) -> None:
        """A row for a result that is recorded already."""
        self._row(taken, graded, [], executed=True)

    def _record(self, taken: Taken, graded: Graded, executed: bool) -> None:
        """Record a result now or, where many come at once, with those that follow within a moment."""
        try:
            if is_text(taken.student):  # else no database can hold it; it has a row all the same
                self._waiting.append((taken, self._held(taken, graded), executed))
            else:
                self._row(taken, graded, [], executed)
        except Exception as broken:  # noqa: BLE001 - one student's failure, whatever it is, is no other's
            self._row(taken, _not_recorded(broken), [], executed)
        if len(self._waiting) >= TOGETHER or time.monotonic() > self._flushed + MOMENT_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Record what waits."""
        waiting, self._waiting = self._waiting, []
        if waiting:
            with locked(self._course.cache / ".recording"):  # another run may record another lab meanwhile
                results = [
                    replace(result, again=self._ledger.is_last(taken.student, taken.key(self._assignment.digest)))
                    for taken, result, _ in waiting
                ]
                recorded = record_all(self._gradebook, results)
            for (taken, result, executed), left in zip(waiting, recorded, strict=True):
                if isinstance(left, Exception):
                    self._row(taken, _not_recorded(left), [], executed)
                    continue
                if result.graded.graded:
                    key = taken.key(self._assignment.digest)
                    self._ledger.add(Entry(taken.student, key, result.graded.scores))
                self._row(taken, result.graded, left, executed)
        self._flushed = time.monotonic()

    def _row(self, taken: Taken, graded: Graded, left: Sequence[StudentText], executed: bool) -> None:
        name, flags = taken.student, graded.flags
        if not self._assignment.sandboxed and graded.graded:
            flags = [*flags, student_text(WITHOUT_SANDBOX)]
        row = Row(
            student=student_text(name),
            score=0.0,
            max_score=self._assignment.max_score(),
            graded=graded.graded,
            reason=graded.reason,
            remedy=graded.remedy,
            events=[*graded.events, *left],
            flags=flags,
            seconds=graded.seconds,
            executed=executed,
        )
        self.rows[name] = row
        self._failed += not row.graded
        self._watch(Progress(len(self.rows), self._total, self._cached, self._failed, row.student))

    def _held(self, taken: Taken, graded: Graded) -> Result:
        """What is to be recorded: the result held to the limit of attempts, and what was handed in."""
        if graded.graded:
            worth = self._assignment.worth(QUIZ_CELL)
            graded, copied = self._attempts.hold(taken.student, graded, worth)
            graded = replace(graded, flags=[*graded.flags, *texts(copied)])
        elif self._assignment.trusted:
            cells = {master.name: master.max_scores().keys() for master in self._assignment.masters}
            graded = self._attempts.kept(taken.student, graded, cells, self._assignment.worth(QUIZ_CELL))
        data = (self._spool / taken.digest).read_bytes() if taken.ready else None
        return Result(taken.student, None if data is None else Submission.from_bytes(data), graded)


def _not_recorded(broken: Exception) -> Graded:
    reason = student_text(f"it could not be recorded: {type(broken).__name__}: {broken}")
    return Graded(False, {}, reason=reason, remedy=student_text(AGAIN))


def _with(row: Row, now: Standing | None) -> Row:
    if now is None:
        return row
    return replace(row, score=now.score, max_score=now.max_score, late_penalty=now.late_penalty, by_hand=now.by_hand)


def write_rows(course: Course, lab: str, rows: list[Row], keep_others: bool = False) -> list[Path]:
    """Write a run's rows to `class/reports/<lab>/grading.json` and `.csv`, and name the files.

    With `keep_others`, rows of students who were not in this run stay as they were.
    """
    with locked(course.cache / ".recording"):
        return _write_rows(course.reports / lab, rows, keep_others)


def _write_rows(folder: Path, rows: list[Row], keep_others: bool) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    as_json = folder / "grading.json"
    if keep_others and as_json.exists():
        here = {row.student for row in rows}
        before = [Row.from_json(row) for row in json.loads(as_json.read_text(encoding="utf-8"))]
        rows = sorted([*(row for row in before if row.student not in here), *rows], key=lambda row: row.student)
    write_whole(as_json, (json.dumps([asdict(row) for row in rows], indent=1) + "\n").encode("utf-8"))
    joined = [asdict(row) | {"events": "; ".join(row.events), "flags": "; ".join(row.flags)} for row in rows]
    return [as_json, write_csv(folder / "grading.csv", list(Row.__dataclass_fields__), joined)]
