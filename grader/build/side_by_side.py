"""Labs worked on side by side, a process a core: a course is verified in the time of its slowest labs, not of their sum."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from typing import TypeVar

Result = TypeVar("Result")


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
    context = get_context("forkserver")
    context.set_forkserver_preload([getattr(work, "func", work).__module__])  # imported once, not in each process
    with ProcessPoolExecutor(min(len(labs), os.cpu_count() or 1), context) as pool:
        waiting = [pool.submit(work, lab) for lab in labs]
        for done, future in enumerate(as_completed(waiting), start=1):
            if future.exception() is not None:
                pool.shutdown(wait=False, cancel_futures=True)
                break
            progress(f"{done} of {len(labs)} labs")
        return [future.result() for future in waiting if not future.cancelled()]
