"""`python -m grader.kernels.bytecode`: import once what zygotes import ahead, in a process that may write bytecode.

Zygotes may write none. Where packages were installed without it (`pip --no-compile`, uv), each of them would compile
what it imports anew, for two seconds.
"""

from __future__ import annotations

import contextlib
import importlib

from grader.course.paths import find_course
from grader.course.settings import load_settings
from grader.kernels.preload import EVERY, WARM


def main() -> None:
    """Import them; what is not installed is left out."""
    warm = load_settings(find_course().root).warm
    names = [name for known in (WARM, warm) for base, modules in known.items() for name in (base, *modules)]
    for name in dict.fromkeys(names):
        if name != EVERY:
            with contextlib.suppress(Exception):  # what cannot be imported is left to who needs it
                importlib.import_module(name)


if __name__ == "__main__":
    main()
