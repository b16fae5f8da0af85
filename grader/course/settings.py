"""What a course tells the kit of itself: the section `c.Grader` of its `nbgrader_config.py`, as a frozen value.

    c.Grader.readable = ["mylib", "~/data"]                  # what kernels may read besides Python and labkit
    c.Grader.environment = {"LABKIT_CACHE": "~/.cache/my-course"}
    c.Grader.warm = {"mylib": ["mylib.slow"]}                # what is imported ahead where a notebook imports mylib
    c.Grader.distributions = ["mylib"]                       # whose version a grade depends on
    c.Grader.families = {"off-by-one": "bounds of loops"}    # of mistakes that quiz items aim at
    c.Grader.kernel_name = "Python 3"                        # how the kernel of released notebooks is called
    c.Grader.kernels = {"today": "Python 3 (today)"}         # further kernels that labs may name
    c.Grader.looks = "mylib.looks:LOOKS"                     # what `grader doctor` looks at besides
    c.Grader.title = "Algorithms"                            # what bundles and exports say
    c.Grader.prepare = ["python -m mylib.fetch"]             # what a student runs once, after the installation
    c.Grader.class_directory = "class"                       # the grader's own folder: cache, history, reports
    c.Grader.limits = {"memory_mb": 4096}                    # what a kernel may use; see kernels/limits.py
    c.Grader.hourly = 6                                      # gradings of a student and assignment in an hour, by watch

Nothing of it has to be said: the defaults are those of a course that has none of these.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from grader.course.config import CONFIG, read_config


@dataclass(frozen=True)
class CourseSettings:
    """What a course says of itself. Paths may begin with `~`, the home of whoever starts kernels on that machine."""

    readable: tuple[str, ...] = ()
    """What kernels may read besides Python, its packages and labkit: names of packages, and paths."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables of kernels and of banks' code."""
    warm: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Modules to import ahead where a notebook imports the package that they are listed under; under `*`, always."""
    distributions: tuple[str, ...] = ()
    """Installed distributions whose version a grade, or what a bank's code computes, depends on."""
    families: Mapping[str, str] = field(default_factory=dict)
    """Families of mistakes that quiz items aim at: a name each, and what goes wrong. Without any, every name goes."""
    kernel_name: str = "Python 3"
    """How JupyterLab calls the kernel of released notebooks."""
    kernels: Mapping[str, str] = field(default_factory=dict)
    """Further kernels that the header of a lab's source may name: what JupyterLab calls each."""
    looks: str = ""
    """`module:NAME` of a mapping of what `grader doctor` looks at to functions that give (verdict, found, remedy)."""
    title: str = ""
    """What the course is called, where its files and its banks are given away."""
    prepare: tuple[str, ...] = ()
    """Commands that a student runs once in `labs/`, after the installation."""
    class_directory: str = "grading"
    """The grader's own folder: cache, history, reports, who is who."""
    limits: Mapping[str, float] = field(default_factory=dict)
    """What a kernel may use, by the names of `grader.kernels.limits.Limits`."""
    hourly: int = 6
    """The most gradings of one student and assignment in an hour by `grader watch`."""

    def __hash__(self) -> int:
        return hash(self.to_json())

    def to_json(self) -> str:
        """As JSON, one way only."""
        return json.dumps(asdict(self), sort_keys=True)

    @staticmethod
    def from_json(text: str) -> CourseSettings:
        """The inverse of `to_json`."""
        return _checked(json.loads(text), "settings")

    def of_grades(self) -> CourseSettings:
        """The part that a grade depends on."""
        return CourseSettings(self.readable, self.environment, self.warm, self.distributions)

    def packages(self) -> list[Path]:
        """The folders of the packages that are readable; a package that is not installed is left out."""
        found = (_folder(name) for name in self.readable if not _is_path(name))
        return [folder for folder in found if folder is not None]

    def paths(self) -> list[Path]:
        """Everything that is readable, as it lies on this machine."""
        return [*self.packages(), *(Path(name).expanduser() for name in self.readable if _is_path(name))]

    def variables(self) -> dict[str, str]:
        """The environment as it is on this machine."""
        return {name: _home(value) for name, value in self.environment.items()}


NOTHING_SAID = CourseSettings()


def load_settings(root: Path) -> CourseSettings:
    """What the course at `root` says; nothing where it has no configuration.

    Raises:
        LookupError: a setting is not known, or of another kind than expected.
    """
    path = root / CONFIG
    return _loaded(root, path.read_bytes()) if path.is_file() else NOTHING_SAID


@lru_cache(maxsize=8)
def _loaded(root: Path, _text: bytes) -> CourseSettings:
    return _checked(read_config(root).get("Grader", {}), f"{root / CONFIG}: c.Grader")


def _checked(said: Mapping[str, Any], where: str) -> CourseSettings:
    known = [setting.name for setting in fields(CourseSettings)]
    found: dict[str, Any] = {}
    for name, value in said.items():
        if name not in known:
            raise LookupError(f"{where}.{name} is not known; there are {', '.join(known)}.")
        found[name] = _as(type(getattr(NOTHING_SAID, name)), name, value, where)
    if "warm" in found:
        found["warm"] = {base: _as(tuple, f"warm[{base!r}]", names, where) for base, names in found["warm"].items()}
    for name in ("environment", "families", "kernels"):
        for key, value in found.get(name, {}).items():
            _as(str, f"{name}[{key!r}]", value, where)
    return replace(NOTHING_SAID, **found)


def _as(kind: type[Any], name: str, value: Any, where: str) -> Any:
    """A setting in the kind that it has here."""
    if kind is tuple and isinstance(value, list | tuple) and all(isinstance(part, str) for part in value):
        return tuple(value)
    if kind is dict and isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return dict(value)
    if kind is str and isinstance(value, str):
        return value
    if kind is int and isinstance(value, int) and value > 0 and not isinstance(value, bool):
        return value
    kinds = {"tuple": "a list of names", "dict": "a dict by names", "str": "text", "int": "a whole number above 0"}
    wanted = kinds[kind.__name__]
    raise LookupError(f"{where}.{name}: {wanted} was expected, found {value!r:.60}.")


def installed_version(distribution: str) -> str:
    """The version of a distribution that is installed here; "none" where it is not: that is another environment too."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "none"


def _is_path(name: str) -> bool:
    return "/" in name or name.startswith("~")


def _folder(package: str) -> Path | None:
    """Where an installed package lies; it is not imported."""
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return None
    places = list(spec.submodule_search_locations or ()) if spec else []
    return Path(places[0]) if places else None


def _home(value: str) -> str:
    return str(Path(value).expanduser()) if value.startswith("~") else value
