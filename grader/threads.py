"""Cores and threads: how many cores are ours, and one thread for numbers, as on small arrays several only wait."""

from __future__ import annotations

import os
import sys

ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def cores() -> int:
    """The cores that this process may use: in a container fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def one_thread() -> None:
    """Tell libraries that are loaded later by the environment, and torch itself where it is loaded already."""
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
