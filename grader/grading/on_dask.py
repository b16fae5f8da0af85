"""The engine of a Dask cluster: the same pure function, bytes in and bytes out, one zygote a worker.

Each worker machine has the same installation of the kit; submissions, checks and results travel as bytes, and nothing
of them stays there. A worker that is lost has its submissions given to another.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence

from distributed import Client, LocalCluster, WorkerPlugin, as_completed
from distributed.worker import Worker

from grader.grading.assignment import Assignment
from grader.grading.result import Done, Graded, Task

RETRIES = 3
AHEAD = 4


class Zygotes(WorkerPlugin):  # type: ignore[misc]
    """On each worker: zygotes of its own, started with the worker, ended with it."""

    name = "grader-zygote"

    def __init__(self, assignment: bytes) -> None:
        self.assignment = assignment

    def setup(self, worker: Worker) -> None:
        """Import, load the checks, start the zygote and try its sandbox.

        Raises:
            SandboxError: this machine has no sandbox.
        """
        from grader.grading.assignment import start_zygotes
        from grader.grading.worker import loaded
        from grader.kernels.launch import wait_until_ready

        self.zygotes = start_zygotes(loaded(self.assignment)[0])
        started = {name: wait_until_ready(zygote).started for name, zygote in self.zygotes.items()}
        worker.grader = (self.assignment, started)

    def teardown(self, worker: Worker) -> None:  # noqa: ARG002 - Dask's signature
        """End the zygotes, and with them every kernel."""
        for zygote in self.zygotes.values():
            zygote.stop()


def _grade(submission: bytes) -> bytes:
    """On a worker: one task."""
    from distributed import get_worker

    from grader.grading.worker import grade_bytes

    assignment, started = get_worker().grader
    return grade_bytes(assignment, submission, started)


def dask_engine(scheduler: str | None, jobs: int | None) -> Callable[[Assignment, Sequence[Task]], Iterator[Done]]:
    """The engine of the cluster at `scheduler`; without one, of a cluster of `jobs` processes on this machine."""

    def run(assignment: Assignment, tasks: Sequence[Task]) -> Iterator[Done]:
        if scheduler is not None:
            with Client(scheduler) as client:
                yield from run_on(client, assignment, tasks)
            return
        with (
            LocalCluster(n_workers=jobs, threads_per_worker=1, dashboard_address=":0") as cluster,
            Client(cluster) as client,
        ):
            yield from run_on(client, assignment, tasks)

    return run


def run_on(client: Client, assignment: Assignment, tasks: Sequence[Task]) -> Iterator[Done]:
    """Grade tasks on the workers of `client` and yield results as they come.

    No more submissions are on their way than the workers have threads for, four times over: a class need not fit into
    memory here.
    """
    client.register_plugin(Zygotes(assignment.to_bytes()))
    waiting = iter(tasks)
    running = as_completed()
    keys: dict[str, str] = {}

    def send(task: Task) -> None:
        future = client.submit(_grade, task.read(), key=f"grade-{task.key}", retries=RETRIES)
        keys[future.key] = task.key
        running.add(future)

    for task in itertools.islice(waiting, AHEAD * max(1, sum(client.nthreads().values()))):
        send(task)
    for future in running:
        error = future.exception()
        if error is None:
            done = Done(keys[future.key], Graded.from_bytes(future.result()))
        else:
            done = Done(keys[future.key], None, f"{type(error).__name__}: {error}")
        following = next(waiting, None)
        if following is not None:
            send(following)
        yield done
