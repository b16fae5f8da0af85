"""Names of a course's own library, under `labkit` too: notebooks of a time when it was part of labkit go on running.

A course's library says that it is one by an entry point of the group `labkit.course`, whose value is its module. Where
no such library is installed, these names do not exist.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from functools import cache
from importlib.abc import InspectLoader, Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import CodeType, ModuleType

GROUP = "labkit.course"
OURS = "labkit."


@cache
def libraries() -> tuple[str, ...]:
    """The modules of the course libraries that are installed."""
    from importlib.metadata import entry_points

    return tuple(sorted({point.value for point in entry_points(group=GROUP) if _is_there(point.value)}))


def _is_there(module: str) -> bool:
    """Whether a module can be found; an entry point may outlive what it names."""
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def find(name: str) -> object | None:
    """A public name or a module of a course's library; None where there is none."""
    if name.startswith("_"):
        return None
    for library in libraries():
        found: object | None = getattr(importlib.import_module(library), name, None)
        if found is not None:
            return found
        if importlib.util.find_spec(f"{library}.{name}"):
            return importlib.import_module(f"{library}.{name}")
    return None


def lend_modules() -> None:
    """From now on `import labkit.NAME` gives a course library's module of that name, where labkit has none itself."""
    if not any(isinstance(finder, _Lender) for finder in sys.meta_path):
        sys.meta_path.append(_Lender())


class _Lender(MetaPathFinder):
    """The last finder that Python asks: what nobody has, and what only `labkit` is asked for."""

    def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
        """The spec of a course library's module under the name that labkit is asked for."""
        inner = name.removeprefix(OURS)
        if not name.startswith(OURS) or "." in inner:
            return None
        for library in libraries():
            if importlib.util.find_spec(f"{library}.{inner}"):
                return ModuleSpec(name, _Alias(f"{library}.{inner}"))
        return None


class _Alias(Loader):
    """Loads the very module that the course's library has: no second copy of what it keeps."""

    def __init__(self, real: str) -> None:
        self.real = real

    def create_module(self, _: ModuleSpec) -> ModuleType:
        """The module itself, loaded where it was not."""
        module = importlib.import_module(self.real)
        self._own = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Nothing is run twice; the module keeps the spec under which it was loaded."""
        module.__spec__ = self._own

    def get_code(self, _: str) -> CodeType | None:
        """For `python -m labkit.NAME`."""
        spec = importlib.util.find_spec(self.real)
        return spec.loader.get_code(self.real) if spec and isinstance(spec.loader, InspectLoader) else None
