"""Submitted attempts: a JSON line each in `attempts.jsonl`, only ever added to; and a reader that stops at nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from labkit.quiz.draw import MAX_SEED

ATTEMPTS_FILE = "attempts.jsonl"
VERSION = 1
MAX_BYTES = 16 * 2**20
MAX_NAME = 200


@dataclass(frozen=True)
class Attempt:
    """One submitted attempt at a bank: what was drawn, what was answered, and how the student's own player scored it.

    `draw` are (item, variant) in the order shown; `responses` maps item -> part -> answer as typed; `score` is the
    share of the points, from 0 to 1, or None in an exam. The grader never trusts `score`.
    """

    bank: str
    hash: str
    attempt: str
    time: datetime
    seed: int
    draw: tuple[tuple[str, int], ...]
    responses: Mapping[str, Mapping[str, str]]
    score: float | None


def append_attempt(path: Path, attempt: Attempt) -> None:
    """Add one line to the file, and return only when the disk has it. A last line cut short is left to itself.

    Raises:
        OSError: the file cannot be written.
    """
    binary = getattr(os, "O_BINARY", 0)  # Windows would write other line ends
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | binary, 0o644)
    with os.fdopen(descriptor, "r+b", buffering=0) as file:
        size = file.seek(0, os.SEEK_END)
        cut = size > 0 and file.seek(size - 1) >= 0 and file.read(1) != b"\n"
        line = (b"\n" if cut else b"") + attempt_line(attempt)
        if file.write(line) != len(line):
            raise OSError(f"{path} took only a part of the attempt; is the disk full?")
        os.fsync(file.fileno())


def read_attempts(path: Path) -> tuple[list[Attempt], list[str]]:
    """Every intact attempt of the file in order, and a sentence for each line that is not one. Nothing is raised.

    A file that is not there holds no attempts. The same attempt twice counts once.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return [], []
    except OSError as error:
        return [], [f"{path.name} cannot be read: {error.strerror or error}."]
    found: dict[str, Attempt] = {}
    problems = [f"{path.name} is larger than {MAX_BYTES} bytes; the rest is left out."] if len(raw) > MAX_BYTES else []
    for number, line in enumerate(raw[:MAX_BYTES].split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            attempt = _attempt(line)
        except (ValueError, KeyError, TypeError, RecursionError, OverflowError) as error:
            said = (str(error).splitlines() or [type(error).__name__])[0]
            problems.append(f"{path.name}, line {number}: no attempt, left out ({said[:100]}).")
            continue
        found.setdefault(attempt.attempt, attempt)
    return list(found.values()), problems


def attempt_line(attempt: Attempt) -> bytes:
    """The line of the file that an attempt is."""
    content = {
        "v": VERSION,
        "bank": attempt.bank,
        "hash": attempt.hash,
        "attempt": attempt.attempt,
        "time": attempt.time.isoformat(timespec="seconds"),
        "seed": attempt.seed,
        "draw": [{"item": item, "variant": variant} for item, variant in attempt.draw],
        "responses": attempt.responses,
    }
    if attempt.score is not None:
        content["score"] = attempt.score
    return json.dumps(content, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def _attempt(line: bytes) -> Attempt:
    said = json.loads(line.decode("utf-8"))
    json.dumps(said, ensure_ascii=False).encode("utf-8")  # half a surrogate pair could not be shown later
    if _object(said)["v"] != VERSION:
        raise ValueError(f"version {VERSION} was expected, found {str(said['v'])[:20]}")
    when = datetime.fromisoformat(_text(said["time"]))
    return Attempt(
        bank=_text(said["bank"]),
        hash=_text(said["hash"]),
        attempt=_text(said["attempt"]),
        time=when if when.tzinfo else when.replace(tzinfo=UTC),
        seed=_whole(said["seed"], MAX_SEED),
        draw=tuple((_text(drawn["item"]), _whole(drawn["variant"], 10**4)) for drawn in said["draw"]),
        responses={_text(item): _answers(parts) for item, parts in _object(said["responses"]).items()},
        score=_score(said.get("score")),
    )


def _object(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    raise _wrong("an object", value)


def _answers(parts: Any) -> dict[str, str]:
    if not all(isinstance(answer, str) for answer in _object(parts).values()):
        raise _wrong("answers", parts)
    return {_text(part): str(answer) for part, answer in parts.items()}


def _text(value: Any) -> str:
    if isinstance(value, str) and len(value) <= MAX_NAME:
        return value
    raise _wrong("a short text", value)


def _whole(value: Any, top: int) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= top:
        return value
    raise _wrong(f"a whole number from 0 to {top}", value)


def _score(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1:  # nan is not
        return float(value)
    raise _wrong("a score from 0 to 1", value)


def _wrong(expected: str, found: Any) -> ValueError:
    return ValueError(f"expected {expected}, found {str(found)[:40]!r}")
