"""One thread for numbers in this process: on small arrays, several threads on busy cores only wait for one another."""

from __future__ import annotations

import os
import sys

ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def one_thread() -> None:
    """Tell libraries that are loaded later by the environment, and torch itself where it is loaded already."""
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
