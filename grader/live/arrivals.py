"""What stands in the class's folders now, and what of it was graded already, by names, sizes and times."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from grader.course.paths import Course
from grader.files import write_whole
from grader.grading.looking import IGNORED

MOST_ENTRIES = 500  # of a submission that are looked at; intake reads fewer
MOST_DEPTH = 20
HOUR = timedelta(hours=1)

Key = tuple[str, str]
"""An assignment and a student."""


def arrivals(course: Course, labs: Sequence[str]) -> dict[Key, str]:
    """Every submission that is there, with a mark that changes with any of its files."""
    found = {}
    for lab in labs:
        for student in course.students("submitted", lab):
            if mark := mark_of(course.folder("submitted", student, lab)):
                found[lab, student] = mark
    return found


def mark_of(folder: Path) -> str:
    """A mark of the files in a folder, by their names, sizes and times; empty where there is none. No link is followed.

    A student's folder that is a link, and an empty one, has no mark: `grader grade` says what is wrong with it.
    """
    seen = hashlib.sha256()
    count = 0
    if not folder.is_symlink() and not folder.parent.is_symlink():
        for name, status in itertools.islice(_files(str(folder), "", MOST_DEPTH), MOST_ENTRIES):
            count += 1
            seen.update(os.fsencode(name) + f"\0{status.st_size} {status.st_mtime_ns} {status.st_ino}\0".encode())
    return seen.hexdigest() if count else ""


def _files(folder: str, above: str, depth: int) -> Iterator[tuple[str, os.stat_result]]:
    try:
        with os.scandir(folder) as found:
            entries = sorted(itertools.islice(found, MOST_ENTRIES), key=lambda one: one.name)
    except OSError:  # it went meanwhile, or cannot be read
        return
    for entry in entries:
        if entry.name in IGNORED:
            continue
        try:
            if entry.is_dir(follow_symlinks=False) and depth:
                yield from _files(entry.path, f"{above}{entry.name}/", depth - 1)
            else:
                yield above + entry.name, entry.stat(follow_symlinks=False)
        except OSError:
            continue


@dataclass(frozen=True)
class Line:
    """One submission that `grader watch` graded: its mark, when, in UTC, and why that failed, where it did."""

    lab: str
    student: str
    mark: str
    at: str
    why: str = ""


class Journal:
    """What `grader watch` graded, in `watched.jsonl` of the grader's own folder: a line each, written at the end.

    A run that is killed before a line is written grades that submission once more, which the cache makes quick.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._last: dict[Key, Line] = {}
        self._times: dict[Key, list[datetime]] = defaultdict(list)
        for line in read_lines(path):
            self._remember(line)

    def is_graded(self, key: Key, mark: str) -> bool:
        """Whether exactly this was graded last."""
        return key in self._last and self._last[key].mark == mark

    def last(self, key: Key) -> datetime | None:
        """When it was graded last; None where it never was."""
        return datetime.fromisoformat(self._last[key].at) if key in self._last else None

    def why_not(self, key: Key) -> str:
        """Why it could not be graded last; nothing where it could."""
        return self._last[key].why if key in self._last else ""

    def waits_until(self, key: Key, hourly: int, now: datetime) -> datetime | None:
        """When a student's work may be graded again, at most `hourly` times in any hour; None where it may be now."""
        last = [time for time in self._times[key] if now - HOUR < time <= now]
        return last[-hourly] + HOUR if len(last) >= hourly else None

    def add(self, done: Mapping[Key, str], now: datetime, whys: Mapping[Key, str] | None = None) -> None:
        """Write down that these were graded, or why not."""
        lines = [Line(*key, mark, now.isoformat(), (whys or {}).get(key, "")) for key, mark in done.items()]
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="ascii") as file:
            file.writelines(json.dumps(asdict(line)) + "\n" for line in lines)
        for line in lines:
            self._remember(line)

    def shorten(self, now: datetime) -> None:
        """Keep the last mark of each submission, and the times of the last hour."""
        kept = [
            replace(self._last[key], at=time.isoformat())
            for key, times in self._times.items()
            for time in [one for one in times[:-1] if now - HOUR < one] + times[-1:]
        ]
        if kept:
            write_whole(self._path, "".join(json.dumps(asdict(line)) + "\n" for line in kept).encode("ascii"))

    def _remember(self, line: Line) -> None:
        self._last[line.lab, line.student] = line
        self._times[line.lab, line.student].append(datetime.fromisoformat(line.at))


def read_lines(path: Path) -> Iterator[Line]:
    """Every intact line: a run that was killed may leave half of one."""
    for text in path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else ():
        try:
            line = Line(**json.loads(text))
            if datetime.fromisoformat(line.at).tzinfo is None:
                continue
        except (ValueError, TypeError, AttributeError):
            continue
        yield line


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)
