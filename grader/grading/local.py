"""The engine of one machine: worker processes that check, one zygote that forks kernels for all of them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from grader.grading.assignment import Assignment, start_zygotes
from grader.grading.forks import begin, modules_of, one_thread_inherited, start_server
from grader.grading.mother import Mother, mind
from grader.grading.pool import Lost, limit_memory, run_tasks, serve
from grader.grading.result import Done, Graded, Task
from grader.kernels.launch import Started, Zygote, wait_until_ready

SCRATCH = "grader-workers-"  # what checks leave in the folder of temporary files goes with the run
SLACK, MORE_SECONDS = 2.0, 120.0  # the trusted side's own work on a submission, on a busy machine


@dataclass(frozen=True)
class _Running:
    """What all submissions of an assignment are graded by."""

    zygotes: Mapping[str, Zygote]
    mother: Mother


class Local:
    """Grades on this machine with `jobs` workers. What it needs may be started before it is known what there is to do.

    A worker that dies (the machine ran out of memory, say) costs time only: its task is tried again, so that a single
    submission cannot fail another. One that hangs is ended, and its submission is told.
    """

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs
        self._running: _Running | None = None

    @contextmanager
    def begun(self, assignment: Assignment) -> Iterator[None]:
        """Meanwhile processes stay that have imported what the assignment needs; they end at the end.

        Where they run already they are left as they are: whoever started them ends them.

        Raises:
            SandboxError: kernels cannot be sandboxed here.
        """
        if self._running is not None:
            yield
            return
        with _started(assignment) as self._running:
            try:
                yield
            finally:
                self._running = None

    def __call__(self, assignment: Assignment, tasks: Sequence[Task]) -> Iterator[Done]:
        """Grade tasks and yield results as they come.

        Raises:
            SandboxError: kernels cannot be sandboxed here.
        """
        with self.begun(assignment):
            running = self._running
            assert running is not None
            for zygote in running.zygotes.values():  # the mother works ahead meanwhile
                wait_until_ready(zygote)
            asked = ((task.key, os.fsencode(task.path)) for task in tasks)
            seconds = SLACK * assignment.limits.submission_seconds + MORE_SECONDS
            for key, answer in run_tasks(running.mother.start, asked, min(self.jobs, len(tasks)), seconds):
                if isinstance(answer, Lost):
                    yield Done(key, None, answer.reason)
                else:
                    yield Done(key, Graded.from_bytes(answer))


@contextmanager
def _started(assignment: Assignment) -> Iterator[_Running]:
    with one_thread_inherited(), tempfile.TemporaryDirectory(prefix=SCRATCH, ignore_cleanup_errors=True) as scratch:
        zygotes = start_zygotes(assignment)
        try:
            context = start_server(modules_of([assignment.checks, *assignment.cases.values()]))
            data = assignment.to_bytes()
            places = {name: zygote.started for name, zygote in zygotes.items()}
            mother = Mother(lambda control: begin(context, _mind, control, data, places, scratch))
            try:
                yield _Running(zygotes, mother)
            finally:
                mother.close()
        finally:
            for zygote in zygotes.values():
                zygote.stop()


def _mind(control: Connection, assignment: bytes, zygotes: Mapping[str, Started], scratch: str) -> None:
    """In the process that workers are forked from: load the assignment, and work out what every submission needs."""
    from grader.grading.worker import ahead, die_with_parent, loaded

    die_with_parent()
    tempfile.tempdir = scratch
    mind(control, lambda connection: _work(connection, assignment, zygotes), ahead(loaded(assignment)[1]))


def _work(connection: Connection, assignment: bytes, zygotes: Mapping[str, Started]) -> None:
    """In a worker: grade, until the grader goes."""
    from grader.grading.worker import MEMORY_MB, die_with_parent, grade_bytes

    die_with_parent()
    limit_memory(MEMORY_MB)
    serve(connection, lambda path: grade_bytes(assignment, Path(os.fsdecode(path)).read_bytes(), zygotes))
