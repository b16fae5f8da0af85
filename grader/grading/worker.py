"""What a worker does, on this machine or on a cluster: bytes of a submission in, bytes of its result out."""

from __future__ import annotations

import atexit
import hashlib
import multiprocessing.connection
import os
import tempfile
import threading
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from grader.checks.registry import LabChecks, load_lab
from grader.grading.assignment import Assignment
from grader.grading.pipeline import grade_submission
from grader.grading.result import Submission
from grader.kernels.client import Kernel
from grader.kernels.launch import Started, lab_zygote, wait_until_ready
from grader.settings import CourseSettings
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
        if not found.checks:
            return found, LabChecks(found.lab, (), (), None)
        (folder / "checks.py").write_text(found.checks, encoding="utf-8")
        if found.fixtures:
            (folder / "fixtures.py").write_text(found.fixtures, encoding="utf-8")
        checks = load_lab(folder)
    one_thread()  # and again, where they loaded torch
    return found, checks


def grade_bytes(assignment: bytes, submission: bytes, zygote: Started | None) -> bytes:
    """Grade one submission with kernels from `zygote`; a lab of quizzes alone needs none."""
    found, checks = loaded(assignment)

    def start(files: Mapping[str, bytes]) -> Kernel:
        if zygote is None:
            raise RuntimeError(f"{found.lab} has exercises, and no zygote was started for it")
        return Kernel(zygote, found.limits, files)

    return grade_submission(found, checks, Submission.from_bytes(submission), start).to_bytes()


@lru_cache(maxsize=4)
def own_zygote(imports: tuple[tuple[str, ...], ...], settings: CourseSettings, sandboxed: bool) -> Started:
    """The zygote of this process for what a notebook imports; it ends with it.

    Raises:
        SandboxError: kernels cannot be sandboxed here.
    """
    zygote = wait_until_ready(lab_zygote(imports, settings, sandboxed))
    atexit.register(zygote.stop)
    return zygote.started


def die_with_parent() -> None:
    """Let this worker end when the process that started it ends, also by SIGKILL: a watching thread waits for that."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_after, args=(parent.sentinel,), daemon=True).start()


def _end_after(sentinel: int) -> None:
    multiprocessing.connection.wait([sentinel])
    os._exit(1)
