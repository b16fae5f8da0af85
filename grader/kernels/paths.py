"""Where a kernel finds modules: the working folder stands between Python's own modules and the installed packages."""

from __future__ import annotations

import os
import sys

INSTALLED = ("site-packages", "dist-packages")
HERE = ""
OURS = frozenset({"grader"})  # where a course has a module of that name, it means its own
_own: set[str] = set()


def keep_own() -> None:
    """Remember what the kernel itself has imported by now: in an ipykernel too this is there before any notebook."""
    _own.update(sys.modules)


def see_working_folder() -> None:
    """Put the working folder where IPython puts it: after Python's own modules, before what is installed."""
    if HERE not in sys.path:
        first = (i for i, path in enumerate(sys.path) if os.path.basename(path) in INSTALLED)
        sys.path.insert(next(first, 0), HERE)


def forget_shadowed() -> None:
    """Forget what was imported before the fork where the working folder has modules of these names."""
    for name in _modules_here():
        if name in sys.modules and name not in _own - OURS and _comes_after(sys.modules[name]):
            for loaded in [one for one in sys.modules if one == name or one.startswith(f"{name}.")]:
                del sys.modules[loaded]
    # All else lies as it did before the fork; forgetting all of it would take 4 ms.
    sys.path_importer_cache.pop(os.getcwd(), None)


def _comes_after(module: object) -> bool:
    """Whether the working folder is looked at before where a module lies: not so for Python's own.

    A folder without `__init__.py` comes last wherever it is, and so does what is installed to be edited in its place.
    """
    found = getattr(module, "__file__", None)
    if found is None:
        return hasattr(module, "__path__")
    here = sys.path.index(HERE) if HERE in sys.path else len(sys.path)
    before, after = (tuple(f"{path}/" for path in part) for part in (sys.path[:here], sys.path[here + 1 :]))
    return bool(found.startswith(after) or not found.startswith(before))


def _modules_here() -> list[str]:
    """The names that `import` would find in the working folder; a folder without `__init__.py` comes last."""
    with os.scandir(".") as entries:
        names = [one.name for one in entries]
    modules = [name.removesuffix(".py") for name in names if name.endswith(".py")]
    return modules + [name for name in names if os.path.isfile(f"{name}/__init__.py")]
