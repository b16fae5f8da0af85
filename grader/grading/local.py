"""The engine of one machine: worker processes that check, one zygote that forks kernels for all of them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from grader.grading.assignment import Assignment, start_zygotes
from grader.grading.forks import modules_of, one_thread_inherited, start_server
from grader.grading.mother import Mother
from grader.grading.pool import Lost, run_tasks
from grader.grading.result import Done, Graded, Task
from grader.kernels.launch import Zygote, wait_until_ready

SLACK, MORE_SECONDS = 2.0, 120.0  # the trusted side's own work on a submission, on a busy machine


class Local:
    """Grades on this machine with `jobs` workers. Its zygotes may be started before it is known what there is to do."""

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs
        self._zygotes: Mapping[str, Zygote] | None = None

    @contextmanager
    def begun(self, assignment: Assignment) -> Iterator[None]:
        """Meanwhile the zygotes of an assignment import what they need; they end at the end.

        Raises:
            SandboxError: kernels cannot be sandboxed here.
        """
        with one_thread_inherited():
            zygotes = start_zygotes(assignment)
        self._zygotes = zygotes
        try:
            yield
        finally:
            self._zygotes = None
            _stop(zygotes)

    def __call__(self, assignment: Assignment, tasks: Sequence[Task]) -> Iterator[Done]:
        """See `run_locally`."""
        return run_locally(assignment, tasks, self.jobs, self._zygotes)


def run_locally(
    assignment: Assignment, tasks: Sequence[Task], jobs: int, begun: Mapping[str, Zygote] | None = None
) -> Iterator[Done]:
    """Grade tasks with `jobs` workers and yield results as they come; `begun` are zygotes that run already.

    A worker that dies (the machine ran out of memory, say) costs time only: its task is tried again, so that a single
    submission cannot fail another. One that hangs is ended, and its submission is told.

    Raises:
        SandboxError: kernels cannot be sandboxed here.
    """
    data, limits = assignment.to_bytes(), assignment.limits
    with one_thread_inherited(), _zygotes(assignment, begun) as zygotes:
        context = start_server(modules_of([assignment.checks, *assignment.cases.values()]))
        started = {name: zygote.started for name, zygote in zygotes.items()}
        mother = Mother(context, data, started)
        try:
            for zygote in zygotes.values():  # the mother works ahead meanwhile
                wait_until_ready(zygote)
            asked = ((task.key, os.fsencode(task.path)) for task in tasks)
            seconds = SLACK * limits.submission_seconds + MORE_SECONDS
            for key, answer in run_tasks(mother.start, asked, min(jobs, len(tasks)), seconds):
                if isinstance(answer, Lost):
                    yield Done(key, None, answer.reason)
                else:
                    yield Done(key, Graded.from_bytes(answer))
        finally:
            mother.close()


@contextmanager
def _zygotes(assignment: Assignment, begun: Mapping[str, Zygote] | None) -> Iterator[Mapping[str, Zygote]]:
    """Those of the assignment's kernels, which end at the end, or those that were begun."""
    if begun is not None:
        yield begun
        return
    zygotes = start_zygotes(assignment)
    try:
        yield zygotes
    finally:
        _stop(zygotes)


def _stop(zygotes: Mapping[str, Zygote]) -> None:
    for zygote in zygotes.values():
        zygote.stop()
