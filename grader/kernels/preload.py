"""What a zygote imports before it forks: what the assignment imports, but for modules that start threads.

A fork copies only the thread that calls it: a module whose threads are gone may wait for them for ever. Such a module
is found by counting threads after each import; threads do not end again, so the zygote starts anew without it.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType

WARM = {
    # Modules that libraries import when first used, for up to a second in every kernel, under the name of a package or
    # of the module whose use it takes; a course names more of them.
    "torch": (
        "torch._subclasses.schema_check_mode",
        "torch.distributions",
        "torch.fx.experimental.symbolic_shapes",
        "torch.utils.data",
        "safetensors.torch",
    ),
    "torch.optim": ("torch._dynamo",),
    "matplotlib": ("matplotlib.pyplot", "matplotlib_inline.backend_inline", "matplotlib.backends.backend_agg"),
    "labkit": ("labkit.rehearsal",),
    "IPython": ("IPython.core.completer", "IPython.core.magics.pylab", "IPython.display"),
}
EVERY = "*"  # what stands under this name in a course's list is imported for every assignment
ENDING_SECONDS = 0.5
PAUSE = 0.02


class ThreadsStartedError(Exception):
    """A module started threads; the message is its name."""


def threads() -> int:
    """Threads of this process; 1 where the system does not say."""
    return len(os.listdir("/proc/self/task")) if os.path.isdir("/proc/self/task") else 1


def preload(imports: Sequence[Sequence[str]], warm: Mapping[str, Sequence[str]], without: Sequence[str]) -> list[str]:
    """Import modules, and names from them; what cannot be imported is left to the notebook. Returns what failed.

    Raises:
        ThreadsStartedError: a module started threads that did not end.
    """
    failed = []
    bases = {name for module, *_ in imports for name in (module, module.split(".")[0])} | {"IPython", EVERY}
    ahead = ([name] for known in (WARM, warm) for base, modules in known.items() for name in modules if base in bases)
    began = threads()
    for module, *names in [*imports, *ahead]:
        if any(module == other or module.startswith(f"{other}.") for other in without):
            continue
        try:
            loaded = importlib.import_module(module)
            for name in names:
                _take(loaded, name)
        except (Exception, SystemExit):  # noqa: BLE001 - the notebook meets the same error and shows it
            failed.append(module)
        if stay(began):
            raise ThreadsStartedError(module)
    return failed


def _take(module: ModuleType, name: str) -> None:
    """As `from module import name`: what is no attribute may be a module in it, or the notebook's error."""
    if not hasattr(module, name):
        with contextlib.suppress(ImportError):
            importlib.import_module(f"{module.__name__}.{name}")


def stay(began: int) -> bool:
    """Whether there are more threads than there were; a thread may be about to end."""
    deadline = time.monotonic() + ENDING_SECONDS
    while threads() > began:
        if time.monotonic() > deadline:
            return True
        time.sleep(PAUSE)
    return False


def start_anew(command: Sequence[str], settings: Mapping[str, object], folder: str) -> None:
    """Become the program `command` with other settings: it finds them in a file, because its input has been read."""
    file = Path(folder, "settings.json")
    file.write_text(json.dumps(settings))
    sys.stdout.flush()
    os.execv(command[0], [*command, str(file)])
