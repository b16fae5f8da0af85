"""A lab's sealed help, `<lab>.help.json`: its visible checks, the hints in steps, and what each trap was.

Each part is sealed by itself, with a key that is made of its name: opening one shows no other, and nobody reads by
accident what is to come. It is no secret. Nothing that gives points is in it: inputs of visible checks, small outcomes
that are right for them, and words.
"""

from __future__ import annotations

import base64
import hashlib
import json
import lzma
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from labkit.errors import LabError
from labkit.plain import from_plain

FORMAT = 1
ENDING = ".help.json"
BLOCK = 256  # parts are padded to a multiple of it, so that lengths tell little
MAX_BYTES = 8 * 2**20
STEPS = ("look where", "the idea", "almost the line")
CHECKS, EXPLANATION = "checks", "explanation"
AGAIN = "Fetch the lab's folder again; your notebook may stay as it is."


@dataclass(frozen=True)
class Wanted:
    """What is right: a value, or the name of the built-in error that is due."""

    value: Any = None
    error: str = ""


@dataclass(frozen=True)
class Probe:
    """One call: statements that prepare it, the expression whose outcome counts, and what is right."""

    setup: str
    call: str
    wanted: Wanted

    @property
    def shown(self) -> list[str]:
        """What a student may run to see the same."""
        return [*self.setup.splitlines(), *self.call.splitlines()]


@dataclass(frozen=True)
class Visible:
    """One visible check. `about` is "value", or the kind that a difference of values is: "gradient", "changed"."""

    promise: str
    probes: tuple[Probe, ...]
    about: str = "value"
    tolerance: float | None = None
    hints: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Trap:
    """A likely mistake, told by what comes out: by (check, probe) the outcome that is not the right one."""

    hint: str
    outcomes: Mapping[tuple[int, int], Any]


@dataclass(frozen=True)
class ExerciseChecks:
    """The visible checks of an exercise; `common` is code that all need, `traps` are the mistakes that are known."""

    exercise: str
    checks: tuple[Visible, ...]
    traps: tuple[Trap, ...] = ()
    common: str = ""


@dataclass(frozen=True)
class Explanation:
    """What the trap of an exercise was, with a counterexample: a call, what is right, and what the trap gives.

    `curves` are numbers to draw: x, right and trapped y; none where there is nothing to see.
    """

    text: str
    call: str = ""
    right: str = ""
    trapped: str = ""
    curves: Mapping[str, Any] = field(default_factory=dict)


class HelpSheet:
    """The content of a help file; parts are opened when they are asked for."""

    def __init__(self, lab: str, salt: str, parts: Mapping[str, Mapping[str, str]], where: str) -> None:
        self.lab, self._salt, self._parts, self._where = lab, salt, parts, where

    def exercises(self) -> list[str]:
        """The exercises that have visible checks, in the lab's order."""
        return list(self._parts)

    def checks(self, exercise: str) -> ExerciseChecks:
        """The visible checks of an exercise. Raises LabError."""
        return checks_of(exercise, self._open(exercise, CHECKS))

    def hints(self, exercise: str) -> int:
        """How many hints there are."""
        return sum(hint_name(number) in self._parts.get(exercise, {}) for number in range(1, len(STEPS) + 1))

    def hint(self, exercise: str, step: int) -> str:
        """The hint of a step, from 1. Raises LabError."""
        return str(self._open(exercise, hint_name(step)))

    def explanation(self, exercise: str) -> Explanation:
        """What the trap was. Raises LabError."""
        return Explanation(**self._open(exercise, EXPLANATION))

    def names(self, exercise: str) -> list[str]:
        """The names of an exercise's parts."""
        return list(self._parts.get(exercise, {}))

    def raw(self, exercise: str, part: str) -> Any:
        """A part as it is. Raises LabError."""
        return self._open(exercise, part)

    def _open(self, exercise: str, part: str) -> Any:
        if exercise not in self._parts:
            known = ", ".join(self._parts) or "none"
            raise LabError(f"{self._where} has no exercise {exercise!r}.", f"Its exercises: {known}.")
        if part not in self._parts[exercise]:
            raise LabError(f"{self._where} has no {part} of {exercise}.", "Ask whoever made the lab.")
        try:
            return opened(self._parts[exercise][part], self._salt, self.lab, exercise, part)
        except (ValueError, lzma.LZMAError):
            raise LabError(f"{self._where} is damaged: {part} of {exercise} cannot be opened.", AGAIN) from None


def read_help(folder: Path, exercise: str) -> HelpSheet:
    """The help that lies in a lab's folder and knows `exercise`.

    Raises:
        LabError: there is none, or it is damaged.
    """
    place = folder.resolve()
    files = sorted(place.glob(f"*{ENDING}"), key=lambda path: path.name != place.name + ENDING)
    if not files:
        remedy = (
            f"Fetch the lab's folder again: it goes with the notebook. Else say where it lies: folder=…{_else(place)}"
        )
        raise LabError(f"There is no help file (LAB{ENDING}) in {place}.", remedy)
    sheets = [load_help(path) for path in files]
    return next((sheet for sheet in sheets if exercise in sheet.exercises()), sheets[0])


def _else(place: Path) -> str:
    found = sorted(place.glob(f"*/*{ENDING}"))[:1]
    return f", such as folder={found[0].parent.name!r}." if found else "."


def load_help(path: Path) -> HelpSheet:
    """Read a help file.

    Raises:
        LabError: it cannot be read, or is no help file.
    """
    try:
        stamp = path.stat()
        return _load(path, stamp.st_mtime_ns, stamp.st_size)
    except OSError as error:
        raise LabError(f"{path} cannot be read: {error.strerror or error}.", AGAIN) from None


@lru_cache(maxsize=8)
def _load(path: Path, _changed: int, size: int) -> HelpSheet:
    if size > MAX_BYTES:
        raise LabError(f"{path} has {size} bytes, at most {MAX_BYTES} are read.", AGAIN)
    return parse_help(path.read_bytes(), path.name)


def parse_help(raw: bytes, where: str) -> HelpSheet:
    """The content of a help file. Raises LabError, which begins with `where`."""
    try:
        said = json.loads(raw)
        if said["format"] != FORMAT:
            raise LabError(f"{where}: it is of format {said['format']}, this labkit reads {FORMAT}.", "Update labkit.")
        parts = {str(name): {str(p): str(text) for p, text in own.items()} for name, own in said["exercises"].items()}
        return HelpSheet(str(said["lab"]), str(said["salt"]), parts, where)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise LabError(f"{where} is no help file of a lab.", AGAIN) from None


def dump_help(lab: str, salt: str, exercises: Mapping[str, Mapping[str, Any]]) -> bytes:
    """A help file of these parts, by exercise and name. The same parts give the same bytes."""
    sealed_parts = {
        exercise: {name: sealed(content, salt, lab, exercise, name) for name, content in parts.items()}
        for exercise, parts in exercises.items()
    }
    said = {"format": FORMAT, "lab": lab, "salt": salt, "exercises": sealed_parts}
    return (json.dumps(said, ensure_ascii=False, indent=1) + "\n").encode("utf-8")


def sealed(content: Any, salt: str, *place: str) -> str:
    """A part of a help file, sealed for its place: JSON, compressed, padded, AES-SIV (RFC 5297), base64."""
    small = lzma.compress(json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8"))
    length = (len(small) // BLOCK + 1) * BLOCK
    plain = small + b"\0" * (length - len(small))
    return base64.b64encode(_cipher(salt, place).encrypt(plain, None)).decode("ascii")


def opened(text: str, salt: str, *place: str) -> Any:
    """The inverse of `sealed`.

    Raises:
        ValueError: it was sealed for another place, or is damaged.
    """
    from cryptography.exceptions import InvalidTag

    try:
        plain = _cipher(salt, place).decrypt(base64.b64decode(text, validate=True), None)
    except InvalidTag:
        raise ValueError("it does not open") from None
    return json.loads(lzma.LZMADecompressor(lzma.FORMAT_XZ).decompress(plain, MAX_BYTES))


def _cipher(salt: str, place: Sequence[str]) -> Any:
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV

    return AESSIV(hashlib.sha512(json.dumps([salt, *place], ensure_ascii=False).encode("utf-8")).digest())


def hint_name(step: int) -> str:
    """What the part of a hint is called."""
    return f"hint {step}"


def checks_of(exercise: str, said: Mapping[str, Any]) -> ExerciseChecks:
    """Visible checks from the content of their part."""
    checks = tuple(
        Visible(
            promise=one["promise"],
            probes=tuple(Probe(p["setup"], p["call"], _wanted(p)) for p in one["probes"]),
            about=one["about"],
            tolerance=one["tolerance"],
            hints=one["hints"],
        )
        for one in said["checks"]
    )
    traps = tuple(
        Trap(one["hint"], {(check, probe): from_plain(value) for check, probe, value in one["outcomes"]})
        for one in said["traps"]
    )
    return ExerciseChecks(exercise, checks, traps, said["common"])


def _wanted(said: Mapping[str, Any]) -> Wanted:
    return Wanted(error=said["error"]) if said["error"] else Wanted(from_plain(said["value"]))
