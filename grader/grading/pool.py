"""Worker processes that take one task after another, within limits: one that dies or hangs costs its own task only."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing.connection
import resource
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

START_SECONDS = 180.0
AHEAD = 2  # tasks that a worker holds: it does not wait while results are recorded
TRIES = 3
READY, DONE, FAILED = b"r", b"+", b"-"

Start = Callable[[Connection], Callable[[], None]]
"""Starts a process that calls `serve` with its end of a connection, and returns how to end it at once."""


@dataclass(frozen=True)
class Lost:
    """Why a task has no result."""

    reason: str


@dataclass
class _Worker:
    connection: Connection
    end: Callable[[], None]
    tasks: deque[tuple[str, bytes, int]] = field(default_factory=deque)
    deadline: float = field(default_factory=lambda: time.monotonic() + START_SECONDS)
    ready: bool = False


def run_tasks(
    start: Start, tasks: Iterable[tuple[str, bytes]], workers: int, seconds: float
) -> Iterator[tuple[str, bytes | Lost]]:
    """Have tasks done by `workers` processes, and yield each key with its result, as they come.

    A task whose worker dies is tried again by another, three times in all; one that takes more than `seconds` of wall
    time is given up with its worker. No more tasks are taken from `tasks` than workers hold.

    Raises:
        RuntimeError: workers end before they have taken any task.
    """
    run = _Run(start, iter(tasks), seconds)
    try:
        run.pool = [run.hire() for _ in range(workers)]
        while run.fill():
            yield from run.wait()
    finally:
        for worker in run.pool:
            worker.connection.close()
            worker.end()


class _Run:
    """The state of one call of `run_tasks`."""

    def __init__(self, start: Start, tasks: Iterator[tuple[str, bytes]], seconds: float) -> None:
        self.pool: list[_Worker] = []
        self._start, self._tasks, self._seconds = start, tasks, seconds
        self._again: deque[tuple[str, bytes, int]] = deque()
        self._stillborn = 0

    def hire(self) -> _Worker:
        """Start a worker."""
        ours, theirs = multiprocessing.connection.Pipe()
        with theirs:
            return _Worker(ours, self._start(theirs))

    def fill(self) -> bool:
        """Give every worker its tasks, one each before a second; returns whether anybody has one."""
        for depth in range(AHEAD):
            for place, worker in enumerate(self.pool):
                if len(worker.tasks) > depth:
                    continue
                task = self._next()
                if task is None:
                    return any(one.tasks for one in self.pool)
                if not worker.tasks and worker.ready:
                    worker.deadline = time.monotonic() + self._seconds
                worker.tasks.append(task)
                try:
                    worker.connection.send_bytes(task[1])
                except OSError:  # it has died; `wait` finds that too, and whoever comes after it is given the task
                    self.pool[place].deadline = 0.0
        return True

    def _next(self) -> tuple[str, bytes, int] | None:
        if self._again:
            return self._again.popleft()
        found = next(self._tasks, None)
        return None if found is None else (*found, 1)

    def wait(self) -> list[tuple[str, bytes | Lost]]:
        """What came in the meantime, or whom time ran out for."""
        left = min(worker.deadline for worker in self.pool if worker.tasks) - time.monotonic()
        spoke = multiprocessing.connection.wait([worker.connection for worker in self.pool], max(left, 0.0))
        found: list[tuple[str, bytes | Lost]] = []
        for place, worker in enumerate(self.pool):
            if worker.connection in spoke:
                found += self._hear(place, worker)
            elif worker.tasks and worker.deadline <= time.monotonic():
                key, _, _ = worker.tasks.popleft()
                found.append((key, Lost(f"it took more than {self._seconds:g} s")))
                self._replace(place, worker)
        return found

    def _hear(self, place: int, worker: _Worker) -> list[tuple[str, bytes | Lost]]:
        try:
            said = worker.connection.recv_bytes()
        except (EOFError, OSError):
            return self._bury(place, worker)
        worker.deadline = time.monotonic() + self._seconds
        if said == READY:
            worker.ready, self._stillborn = True, 0
            return []
        key, _, _ = worker.tasks.popleft()
        return [(key, said[1:] if said[:1] == DONE else Lost(said[1:].decode("utf-8", "replace")))]

    def _bury(self, place: int, worker: _Worker) -> list[tuple[str, bytes | Lost]]:
        lost: list[tuple[str, bytes | Lost]] = []
        if not worker.ready:
            self._stillborn += 1
            if self._stillborn > TRIES * len(self.pool):
                raise RuntimeError("the processes that grade end before they begin; run `grader doctor`")
        elif worker.tasks:
            key, data, tries = worker.tasks.popleft()
            if tries < TRIES:
                self._again.append((key, data, tries + 1))
            else:
                lost.append((key, Lost("the grading process died three times on it")))
        self._replace(place, worker)
        return lost

    def _replace(self, place: int, worker: _Worker) -> None:
        self._again.extend(worker.tasks)
        worker.tasks.clear()
        worker.connection.close()
        worker.end()
        self.pool[place] = self.hire()


def serve(connection: Connection, work: Callable[[bytes], bytes]) -> None:
    """In a worker: do tasks until the other side goes. Whatever `work` raises is told, and the next one is done.

    Libraries are silent here: their warnings and logs repeat a student's text, which a terminal would obey.
    """
    warnings.simplefilter("ignore")
    logging.disable()
    with contextlib.suppress(EOFError, OSError):
        connection.send_bytes(READY)
        while True:
            task = connection.recv_bytes()
            try:
                answer = DONE + work(task)
            except MemoryError:
                answer = FAILED + b"it needs more memory than one submission may have"
            except Exception as error:  # noqa: BLE001 - one submission's fault is no other's
                said = f"{type(error).__name__}: {error}"[:300]
                answer = FAILED + said.encode("utf-8", "replace")
            connection.send_bytes(answer)


def limit_memory(megabytes: int) -> None:
    """Let this process have that much more address space than it has now; more raises MemoryError. See setrlimit(2)."""
    status = Path("/proc/self/statm")
    if not status.exists():
        return
    space = int(status.read_text().split()[0]) * resource.getpagesize() + megabytes * 2**20
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    most = space if hard == resource.RLIM_INFINITY else min(space, hard)
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))
