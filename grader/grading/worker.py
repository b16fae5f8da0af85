"""What a worker does, on this machine or on a cluster: bytes of a submission in, bytes of its result out."""

from __future__ import annotations

import atexit
import hashlib
import multiprocessing.connection
import os
import tempfile
import threading
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from grader.checks.registry import LabChecks, load_lab
from grader.grading.assignment import Assignment, start_zygotes
from grader.grading.pipeline import grade_submission
from grader.grading.result import Submission
from grader.kernels.launch import Started, wait_until_ready
from grader.kernels.recipes import REHEARSE
from grader.threads import one_thread

MEMORY_MB = 4096  # of address space beyond what is there at the start; what is really used is far less

one_thread()  # a worker a core; said before any check loads a library


@lru_cache(maxsize=4)
def loaded(assignment: bytes) -> tuple[Assignment, LabChecks]:
    """An assignment and its checks, from bytes. The checks are written to a folder that only this user can read."""
    found = Assignment.from_bytes(assignment)
    with tempfile.TemporaryDirectory(prefix="grader-checks-") as temporary:
        folder = Path(temporary) / hashlib.sha256(assignment).hexdigest()[:16] / found.lab
        folder.mkdir(parents=True)
        if not (found.checks or any(found.cases.values())):
            return found, LabChecks(found.lab, (), (), None)
        texts = {"checks.py": found.checks, "fixtures.py": found.fixtures, **found.cases}
        for name, text in texts.items():
            if text:
                (folder / name).write_text(text, encoding="utf-8")
        checks = load_lab(folder)
    one_thread()  # and again, where they loaded torch
    return found, checks


def grade_bytes(assignment: bytes, submission: bytes, zygotes: Mapping[str, Started]) -> bytes:
    """Grade one submission with kernels from `zygotes`, by the name of the kernel; quizzes alone need none."""
    found, checks = loaded(assignment)
    return grade_submission(found, checks, Submission.from_bytes(submission), zygotes).to_bytes()


def ahead(checks: LabChecks) -> Iterator[None]:
    """Work out what judging takes, a piece at a time: what right answers give, recipes, and what likely mistakes do."""
    judges = [check.judge for check in checks.checks if check.judge is not None]
    for judge in judges:
        yield from judge.ahead()
    rehearse = getattr(checks.fixtures, REHEARSE, None)
    if rehearse is not None:
        rehearse()
        yield
    for judge in judges:
        yield from judge.mistakes_ahead()


@lru_cache(maxsize=32)
def own_zygotes(assignment: bytes) -> Mapping[str, Started]:
    """The zygotes of this process for an assignment; they end with it.

    Raises:
        SandboxError: kernels cannot be sandboxed here.
    """
    zygotes = start_zygotes(loaded(assignment)[0])
    for zygote in zygotes.values():
        atexit.register(zygote.stop)
    return {name: wait_until_ready(zygote).started for name, zygote in zygotes.items()}


def die_with_parent() -> None:
    """Let this worker end when the process that started it ends, also by SIGKILL: a watching thread waits for that."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_after, args=(parent.sentinel,), daemon=True).start()


def _end_after(sentinel: int) -> None:
    multiprocessing.connection.wait([sentinel])
    os._exit(1)
