"""What a course's configuration says of autograding, as a value that travels: nbgrader's steps and their settings."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from nbclient import NotebookClient
from nbconvert.exporters import NotebookExporter
from nbgrader.converters import Autograde
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import Execute
from traitlets.config import Config
from traitlets.config.loader import LazyConfigValue
from traitlets.utils.importstring import import_item

from grader.kernels.limits import Limits

OWNERS = ("nbgrader", "nbconvert", "grader")  # steps of these packages ask nobody who the student is
LAZY, CLASS = "a list that was added to", "a class"
# What of `c.Execute` a forked kernel does as nbclient does it; any other setting goes to nbclient itself.
UNDERSTOOD = frozenset(
    {"timeout", "iopub_timeout", "startup_timeout", "interrupt_on_timeout", "error_on_timeout", "shutdown_kernel"}
    | {"enabled", "skip_cells_with_tag", "extra_arguments", "allow_errors", "raise_on_iopub_timeout", "sandbox"}
    | {"kernel_name", "execute_retries", "ipython_hist_file", "store_widget_state", "record_timing", "coalesce_streams"}
)


@dataclass(frozen=True)
class Steps:
    """nbgrader's steps of autograding, and what the configuration says to them.

    `sanitize` and `autograde` name preprocessors; `config` is what of the configuration they read, as JSON.
    `by_student` says that some of them may ask who the student is. `stock_execute` says why nbclient has to execute,
    and `serial` why nbgrader's own Autograde has to run, one submission after another; both are empty as a rule.
    """

    sanitize: tuple[str, ...]
    autograde: tuple[str, ...]
    config: str = "{}"
    cell_seconds: float | None = 30.0
    enabled: bool = True
    skip_tag: str = "skip-execution"
    kernel_name: str = ""
    kernel_limits: str = "{}"
    permissions: int = 0o444
    ignore: tuple[str, ...] = ()
    by_student: bool = False
    stock_execute: str = ""
    serial: str = ""

    @staticmethod
    def from_json(said: Mapping[str, Any]) -> Steps:
        """From what `dataclasses.asdict` made, after a way through JSON."""
        lists = {name: tuple(said[name]) for name in ("sanitize", "autograde", "ignore")}
        return Steps(**{**said, **lists})

    def settings(self) -> Config:
        """What the steps read of the configuration."""
        return Config({section: _restored(values) for section, values in json.loads(self.config).items()})

    def limits(self, submission_seconds: float = Limits.submission_seconds) -> Limits:
        """What a kernel may use; a cell has what `c.Execute.timeout` says, and `c.Grader.limits` says the rest."""
        longest = max(submission_seconds, Limits.submission_seconds)
        seconds = longest if self.cell_seconds is None else self.cell_seconds
        found = Limits(cell_seconds=seconds, submission_seconds=max(longest, seconds))
        if submission_seconds != Limits.submission_seconds:
            found = replace(found, cpu_seconds=max(found.cpu_seconds, int(submission_seconds)))
        return replace(found, **json.loads(self.kernel_limits))


def steps_of(config: Config) -> Steps:
    """The steps that a configuration asks for, as nbgrader itself would take them.

    Raises:
        LookupError: the configuration cannot be read, or `c.Grader.limits` names what is no limit.
    """
    directory = CourseDirectory(config=config)
    autograde = Autograde(coursedir=directory, config=config)
    execute = Execute(config=config)
    lists = (autograde.sanitize_preprocessors, autograde.autograde_preprocessors)
    classes = [_found(step) for steps in lists for step in steps]
    sections = {kind.__name__ for step in classes if inspect.isclass(step) for kind in step.__mro__}
    problems: list[str] = []
    said = {name: _plain(config[name], f"c.{name}", problems) for name in sorted(sections & set(config))}
    return Steps(
        sanitize=tuple(_name(step, problems) for step in lists[0]),
        autograde=tuple(_name(step, problems) for step in lists[1]),
        config=json.dumps(said, sort_keys=True),
        cell_seconds=None if execute.timeout is None or execute.timeout < 0 else float(execute.timeout),
        enabled=bool(execute.enabled),
        skip_tag=str(execute.skip_cells_with_tag),
        kernel_name=str(execute.kernel_name or ""),
        kernel_limits=json.dumps(_limits(config)),
        permissions=int(str(autograde.permissions), 8),
        ignore=tuple(directory.ignore),
        by_student=any(not _is_ours(step) for step in classes),
        stock_execute="; ".join(_not_understood(config, classes)),
        serial="; ".join([*_serial(autograde), *problems]),
    )


def _limits(config: Config) -> dict[str, Any]:
    said = dict(config.get("Grader", {}).get("limits", {}))
    unknown = said.keys() - Limits.__dataclass_fields__.keys()
    if unknown:
        known = ", ".join(Limits.__dataclass_fields__)
        raise LookupError(f"c.Grader.limits: {', '.join(sorted(unknown))} is not known; there are {known}.")
    return said


def _serial(autograde: Any) -> Iterator[str]:
    """What only nbgrader's own converter does."""
    for name in ("pre_convert_hook", "post_convert_hook"):
        if getattr(autograde, name) is not None:
            yield f"c.Autograde.{name} is set"
    if autograde.exporter_class is not NotebookExporter:
        yield "c.Autograde.exporter_class is set"


def _not_understood(config: Config, classes: list[Any]) -> Iterator[str]:
    for kind in Execute.__mro__:
        for name in config.get(kind.__name__, {}):
            if kind.__name__ not in ("NbConvertBase", "Preprocessor") and name not in UNDERSTOOD:
                yield f"c.{kind.__name__}.{name} is set"
    for step in classes:
        if executes(step) and step is not Execute and not step.__module__.startswith("grader."):
            yield f"{step.__module__}.{step.__qualname__} executes"


def executes(step: Any) -> bool:
    """Whether a step runs student code: nbgrader's Execute, nbconvert's, or any other that nbclient does it for."""
    return inspect.isclass(step) and issubclass(step, NotebookClient)


def _is_ours(step: Any) -> bool:
    return str(getattr(step, "__module__", "")).partition(".")[0] in OWNERS


def _found(step: Any) -> Any:
    """The class of a step, which may be named.

    Raises:
        LookupError: there is nothing of that name.
    """
    if not isinstance(step, str):
        return step
    try:
        return import_item(step)
    except (ImportError, ValueError) as missing:
        raise LookupError(f"nbgrader_config.py names the step {step}, which cannot be imported: {missing}") from None


def _name(step: Any, problems: list[str]) -> str:
    """The name under which another process finds a step."""
    found = _found(step)
    name = f"{getattr(found, '__module__', '')}.{getattr(found, '__qualname__', '')}"
    try:
        if import_item(name) is found:
            return name
    except (ImportError, ValueError):
        pass
    problems.append(f"the step {name} lies in the configuration itself")
    return name


def _plain(value: Any, where: str, problems: list[str]) -> Any:
    """A value of the configuration as JSON has it; what is none is a problem."""
    if isinstance(value, LazyConfigValue):
        return {LAZY: _plain(value.to_dict(), where, problems)}
    if isinstance(value, Mapping):
        return {str(name): _plain(one, f"{where}.{name}", problems) for name, one in value.items()}
    if isinstance(value, list | tuple | set):
        return [_plain(one, where, problems) for one in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if inspect.isclass(value):
        return {CLASS: _name(value, problems)}
    problems.append(f"{where} is no plain value")
    return None


def _restored(value: Any) -> Any:
    """The inverse of `_plain`."""
    if isinstance(value, list):
        return [_restored(one) for one in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {CLASS}:
        return import_item(value[CLASS])
    if value.keys() == {LAZY}:
        lazy = LazyConfigValue()
        told = _restored(value[LAZY])
        lazy.extend(told.get("extend", []))
        lazy.prepend(told.get("prepend", []))
        lazy.update(told.get("update", {})) if told.get("update") else None
        for place, one in told.get("inserts", []):
            lazy.insert(place, one)
        return lazy
    return {name: _restored(one) for name, one in value.items()}
