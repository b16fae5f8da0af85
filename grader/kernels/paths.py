"""Where a kernel finds modules: the working folder stands between Python's own modules and the installed packages."""

from __future__ import annotations

import importlib
import os
import sys

INSTALLED = ("site-packages", "dist-packages")
HERE = ""
_own: set[str] = set()


def keep_own() -> None:
    """Remember what the kernel itself has imported by now: in an ipykernel too this is there before any notebook."""
    _own.update(sys.modules)


def see_working_folder() -> None:
    """Put the working folder where IPython puts it: after Python's own modules, before what is installed."""
    if HERE not in sys.path:
        first = (i for i, path in enumerate(sys.path) if os.path.basename(path) in INSTALLED)
        sys.path.insert(next(first, 0), HERE)
    importlib.invalidate_caches()


def forget_shadowed() -> None:
    """Forget what was imported before the fork where the working folder has modules of these names."""
    after = tuple(f"{path}/" for path in sys.path[sys.path.index(HERE) + 1 :]) if HERE in sys.path else ()
    for name in _modules_here():
        found = getattr(sys.modules.get(name), "__file__", None)
        if name not in _own and found is not None and found.startswith(after):
            for loaded in [one for one in sys.modules if one == name or one.startswith(f"{name}.")]:
                del sys.modules[loaded]
    importlib.invalidate_caches()


def _modules_here() -> list[str]:
    """The names that `import` would find in the working folder; a folder without `__init__.py` comes last."""
    with os.scandir(".") as entries:
        names = [one.name for one in entries]
    modules = [name.removesuffix(".py") for name in names if name.endswith(".py")]
    return modules + [name for name in names if os.path.isfile(f"{name}/__init__.py")]
