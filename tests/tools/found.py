"""Where a tool was found, what the environment says of it, and what is said of one that cannot be had.

`CHROMIUM`, `NODE` and `POSTGRES` each say one of four things:

| value | meaning |
|---|---|
| nothing | the system's, else what set-up fetches |
| a path | that program, and no other |
| `none` | as if the system had none: what set-up fetches |
| `off` | nothing is looked for, and tests that need it skip |
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

HIDDEN: Literal["none"] = "none"
OFF: Literal["off"] = "off"
T = TypeVar("T")


@dataclass(frozen=True)
class Found:
    """A program, and whose it is: the name of a variable, `the system's`, or what was fetched."""

    path: Path
    whose: str

    def __str__(self) -> str:
        """As set-up tells it."""
        return f"{self.path} ({self.whose})"


class MissingError(LookupError):
    """A tool cannot be had here. The message is one line: what, why, remedy."""


class WrongSettingError(ValueError):
    """A variable names a program that is not there: to be corrected, not to be passed over."""


def said(variable: str, tool: str) -> Path | Literal["", "none"]:
    """What the environment says of a tool: a program, `none`, or nothing.

    Raises:
        MissingError: it says `off`.
        WrongSettingError: it names no program.
    """
    value = os.environ.get(variable, "")
    if value == OFF:
        raise MissingError(f"{tool}: {variable}={OFF} switches it off.")
    if value in ("", HIDDEN):
        return HIDDEN if value else ""
    found = shutil.which(value)
    if found is None:
        raise WrongSettingError(
            f"{variable} is {value}, but there is no such program: name one by its path, or say {HIDDEN} (the "
            f"system's is not looked at) or {OFF} (tests that need {tool} skip)."
        )
    return Path(found).absolute()


def first(tool: str, remedy: str, *ways: Callable[[], T]) -> T:
    """What the first way that works gives.

    Raises:
        MissingError: none of them does; it says why, way by way.
    """
    why = []
    for way in ways:
        try:
            return way()
        except MissingError as missing:
            why.append(str(missing))
    raise MissingError(f"{tool}: {'; '.join(why)}. {remedy}")
