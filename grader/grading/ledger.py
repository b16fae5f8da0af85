"""What each student earned each time: one line under `class/history` whenever another result is recorded."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Entry:
    """One student's result for one submission: its key, and the points of each graded cell."""

    student: str
    key: str
    scores: Mapping[str, float]


class Ledger:
    """The results of one lab. A line that a crash cut off is passed over; the result is recorded again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._last = {entry.student: entry.key for entry in entries(path)}
        self._cut_off = path.exists() and path.read_bytes()[-1:] not in (b"", b"\n")

    def is_last(self, student: str, key: str) -> bool:
        """Whether this result of the student was recorded last."""
        return self._last.get(student) == key

    def add(self, entry: Entry) -> None:
        """Append a result, unless it is the student's last."""
        if self.is_last(entry.student, entry.key):
            return
        self._last[entry.student] = entry.key
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(("\n" if self._cut_off else "") + json.dumps(asdict(entry)) + "\n")
        self._cut_off = False


def entries(path: Path) -> Iterator[Entry]:
    """Every intact line of a ledger."""
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else ():
        try:
            yield Entry(**json.loads(line))
        except (ValueError, TypeError):
            continue
