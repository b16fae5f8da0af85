"""Labs worked on side by side, a process a core: a course is verified in the time of its slowest labs, not of their sum."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import forkserver, get_context
from multiprocessing.context import ForkServerContext
from typing import TypeVar

from grader.threads import cores

Result = TypeVar("Result")


def begin(module: str) -> ForkServerContext:
    """Have a process import `module` from which others are forked; whoever knows early that it will be needed, says so.

    It imports once what each of them needs, while this process goes on.
    """
    context = get_context("forkserver")
    context.set_forkserver_preload([module])
    forkserver.ensure_running()
    return context


def for_each_lab(
    work: Callable[[str], Result], labs: Sequence[str], progress: Callable[[str], None] = lambda _: None
) -> list[Result]:
    """What `work(lab)` gives for each lab, in their order; one lab alone is worked on in this process.

    `work` and what it returns or raises travel between processes: take a function of a module, or a partial of one.
    `progress` is told how many labs are done.

    Raises:
        whatever `work` raises first.
    """
    if len(labs) < 2:  # noqa: PLR2004 - a process more would only cost its start
        return [work(lab) for lab in labs]
    context = begin(getattr(work, "func", work).__module__)
    with ProcessPoolExecutor(min(len(labs), cores()), context) as pool:
        waiting = [pool.submit(work, lab) for lab in labs]
        for done, future in enumerate(as_completed(waiting), start=1):
            if future.exception() is not None:
                pool.shutdown(wait=False, cancel_futures=True)
                break
            progress(f"{done} of {len(labs)} labs")
        return [future.result() for future in waiting if not future.cancelled()]
