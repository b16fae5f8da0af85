"""Evaluating banks: their code runs shut in, item by item, and no bank can stop the program or take it over.

A process of its own (`grader.quizzes.forker`) forks, for each item, one that enters the sandbox in which students'
kernels run: no network, no file of the author's, nothing writable that stays, bounded memory and processes. What comes
back is read as a stranger's: bounded, by kind, and only as results of the item that was asked for. So a bank may lie
about itself, and about nothing else.
"""

from __future__ import annotations

import logging
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

from grader.course.settings import NOTHING_SAID, CourseSettings
from grader.kernels.sandbox import SandboxError
from grader.quizzes.evaluated import Evaluated
from grader.quizzes.processes import Forker, Worker

LIMIT = 60.0  # seconds for one thing to evaluate
LOG = logging.getLogger("grader.quizzes")

Walls = Literal["required", "preferred", "none"]
"""Whether banks run in the sandbox: always, or else not at all; where one can be had; or with the author's rights."""


def evaluate(
    requests: Iterable[dict[str, Any]],
    limit: float = LIMIT,
    walls: Walls = "required",
    course: CourseSettings = NOTHING_SAID,
    enough: Callable[[Evaluated], bool] = lambda _: False,
) -> Iterator[Evaluated]:
    """Run requests of `grader.quizzes.asking` one after the other; those of one item stand together.

    A process serves all of an item; one that hangs or dies is replaced, what it worked on is broken, the rest goes on.
    Where a variant is `enough`, the others of its item are left out.

    Raises:
        SandboxError: no sandbox is to be had here, and one is required.
    """
    waiting = list(requests)
    if not waiting:
        return
    with tempfile.TemporaryDirectory(prefix="grader-quiz-") as folder:
        forker = _started(Path(folder), waiting, walls, course)
        try:
            for _, of_item in groupby(waiting, key=lambda request: request["item"]):
                worker: Worker | None = None
                try:
                    for request in of_item:
                        worker = worker if worker is not None and worker.alive else Worker(forker)
                        one = worker.run(request | {"limit": limit}, 1.5 * limit)  # for those that heed no alarm
                        yield one
                        if enough(one):
                            break
                finally:
                    if worker is not None:
                        worker.close()
        finally:
            forker.close()


def _started(folder: Path, requests: Sequence[dict[str, Any]], walls: Walls, course: CourseSettings) -> Forker:
    """The forker for these requests, with a sandbox where one is wanted and can be had."""
    if walls == "none":
        return Forker(folder, requests, course, sandboxed=False)
    try:
        if sys.platform != "linux":
            raise SandboxError(f"the sandbox needs Linux, this is {sys.platform}.")
        forker = Forker(folder, requests, course, sandboxed=True)
        try:
            Worker(forker).close()
        except BaseException:
            forker.close()
            raise
    except SandboxError as refused:
        if walls == "required":
            raise
        LOG.warning("the course's own banks run with your rights, not shut in: %s", refused)
        return Forker(folder, requests, course, sandboxed=False)
    return forker
