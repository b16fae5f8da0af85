"""What passes between the trusted side and banks' processes: how they are set up, and what their answers may be."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

MUTANT = ":"  # in a path: behind the number of a mutant, of which a broken result is as good as any other


@dataclass(frozen=True)
class Settings:
    """What the trusted side tells: the sandbox's root and what may be read in it, or a home where there is none.

    `imports` are lists of a module and of names to take from it; `draws` says that figures will be drawn;
    `private_mb` is the memory that the processes of one item may really use together, where LIMITS counts addresses.
    """

    sandboxed: bool
    root: str
    home: str
    paths: list[str]
    imports: list[list[str]]
    draws: bool
    private_mb: int


def _is_text(value: Any) -> bool:
    """Whether a result is text that a file can hold."""
    if type(value) is not str:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_value(value: Any) -> bool:
    return _is_text(value) or (type(value) is float and math.isfinite(value))


def _is_claim(value: Any) -> bool:
    if type(value) is not dict or set(value) != {"holds", "idle"}:
        return False
    return type(value["holds"]) is bool and _is_text(value["idle"])


def _is_run(value: Any) -> bool:
    return type(value) is dict and set(value) == {"code", "printed"} and all(map(_is_text, value.values()))


READ: Mapping[str, Callable[[Any], bool]] = {
    "given": lambda value: value is True,
    "text": _is_text,
    "value": _is_value,
    "claim": _is_claim,
    "run": _is_run,
    "figure": _is_text,
}


def whole(value: Any) -> int | None:
    """A number of a line, where it is one."""
    return value if type(value) is int and 0 < value < 10**6 else None
