"""The engine of one machine: worker processes that check, one zygote that forks kernels for all of them."""

from __future__ import annotations

import ast
import multiprocessing
import os
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, contextmanager, nullcontext

from grader.grading.assignment import Assignment, zygote_for
from grader.grading.result import Done, Graded, Task
from grader.kernels.launch import Started, Zygote, wait_until_ready

ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

_assignment = b""


def run_locally(assignment: Assignment, tasks: Sequence[Task], jobs: int) -> Iterator[Done]:
    """Grade tasks with `jobs` workers and yield results as they come.

    A worker that dies (the machine ran out of memory, say) costs time only: its tasks are tried again, then one by one,
    so that a single submission cannot fail another.

    Raises:
        SandboxError: kernels cannot be sandboxed here.
    """
    with _one_thread(), _zygote(assignment) as zygote:
        left = list(tasks)
        for _ in range(2):
            left = yield from _round(assignment, left, min(jobs, len(left)), zygote)
        for task in left:
            if (yield from _round(assignment, [task], 1, zygote)):
                yield Done(task.key, None, "the grading process died three times on it")


def _zygote(assignment: Assignment) -> AbstractContextManager[Zygote | None]:
    """None for a lab of quizzes alone, which runs nothing."""
    return zygote_for(assignment) if assignment.exercises() else nullcontext()


def _round(
    assignment: Assignment, tasks: list[Task], workers: int, zygote: Zygote | None
) -> Generator[Done, None, list[Task]]:
    """Grade tasks with a fresh pool; returns those that were lost because a worker died."""
    if not tasks:
        return []
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["grader.grading.worker", *_modules(assignment.checks)])
    lost = []
    with ProcessPoolExecutor(workers, context, initializer=_prepare, initargs=(assignment.to_bytes(),)) as pool:
        try:
            for _ in range(workers):  # workers start now, while the zygote imports
                pool.submit(os.getpid)
            started = wait_until_ready(zygote).started if zygote else None
            futures = {pool.submit(_grade, task.submission.to_bytes(), started): task for task in tasks}
            for future in as_completed(futures):
                task, error = futures.pop(future), future.exception()
                if isinstance(error, BrokenProcessPool):
                    lost.append(task)
                elif error is not None:
                    yield Done(task.key, None, f"{type(error).__name__}: {error}")
                else:
                    yield Done(task.key, Graded.from_bytes(future.result()))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return lost


def _modules(checks: str) -> list[str]:
    """What a `checks.py` imports: the server imports it once, and every worker has it."""
    found = [node for node in ast.parse(checks).body if isinstance(node, ast.Import | ast.ImportFrom)]
    names = [alias.name for node in found if isinstance(node, ast.Import) for alias in node.names]
    return names + [node.module for node in found if isinstance(node, ast.ImportFrom) and node.module]


@contextmanager
def _one_thread() -> Iterator[None]:
    """Worker processes use one thread each; what the environment says of that is as before afterwards."""
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _prepare(assignment: bytes) -> None:
    """In a worker, before its first task."""
    global _assignment
    from grader.grading.worker import die_with_parent, loaded

    die_with_parent()
    _assignment = assignment
    loaded(assignment)


def _grade(submission: bytes, zygote: Started | None) -> bytes:
    """In a worker: one task."""
    from grader.grading.worker import grade_bytes

    return grade_bytes(_assignment, submission, zygote)
