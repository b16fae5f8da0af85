"""From what an LMS lets instructors download to `class/submitted`: bulk zips of Moodle and Canvas, and single hand-ins.

Moodle packs `Ada Lovelace_1234567_assignsubmission_file/…` (or that as a prefix of each file), Canvas
`lovelaceada_LATE_4711_815_01-decoding-hand-in-1.zip`. Each file in there is a zip of `labkit.hand_in()`, a notebook, or
an `attempts.jsonl`. Nothing is written outside `class/submitted`; whatever is not understood is listed.
"""

from __future__ import annotations

import re
import shutil
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path, PurePosixPath

from grader.coursedir import gradebook
from grader.exchange.roster import Roster, squeezed
from grader.export.packages import PackageError, unpack
from grader.paths import Course
from grader.quizzes.run import ATTEMPTS_FILE

PATTERNS: Mapping[str, re.Pattern[str]] = {
    "moodle": re.compile(r"(?P<name>[^/]+?)_(?P<number>\d+)_assignsubmission_file_?/?(?P<file>[^/]+)"),
    "canvas": re.compile(r"(?P<name>[^_/]+)_(?P<late>LATE_)?(?P<number>\d+)_\d+_(?P<file>[^/]+)"),
    "folders": re.compile(r"(?P<name>[^/]+)/(?P<file>[^/]+)"),
}
JUNK = re.compile(r"__MACOSX/|.*/?\.DS_Store$|.*_assignsubmission_onlinetext")
AGAIN = re.compile(r"(?: ?\(\d+\)|-\d{1,2})$")  # what browsers and Canvas add to a name that was there before
ZIP, TIMESTAMP = b"PK\x03\x04", "timestamp.txt"
MAX_ID = 100
NO_CLOCK = 1980  # the year of zip entries that carry no time
BEGINNING = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Sent:
    """One file of one student as it lay in a download; `time` is when the platform got it, where that is known."""

    source: str
    name: str
    number: str
    file: str
    late: bool
    time: datetime | None
    content: bytes


@dataclass(frozen=True)
class Collected:
    """A submission that was put in place: its files, when it was handed in, and whether the platform called it late."""

    student: str
    lab: str
    files: tuple[str, ...]
    time: str
    late: bool


@dataclass(frozen=True)
class Left:
    """A file that was not understood, why, and what to do."""

    source: str
    why: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.source}: {self.why}; {self.remedy}"


class _NotUnderstoodError(Exception):
    """Why a file is no part of a submission, and what to do."""

    def left(self, source: str) -> Left:
        """The same, of a file."""
        why, remedy = self.args
        return Left(source, why, remedy)


def collect(
    course: Course,
    downloads: Sequence[Path],
    pattern: re.Pattern[str] | None = None,
    roster: Roster | None = None,
    lab: str | None = None,
    zone: tzinfo = UTC,
) -> tuple[list[Collected], list[Left]]:
    """Put downloads into `class/submitted/<student>/<lab>/`; what was there of a student and lab is replaced.

    Args:
        course: the course.
        downloads: bulk zips; or hand-in zips and notebooks, whose folder is named like the student.
        pattern: how paths in bulk zips read, with the groups `file`, and `name` or `number`, and perhaps `late`; the
            first of `PATTERNS` that fits every path by default.
        roster: who the platform's names and numbers are; without it, names make ids.
        lab: the lab of files whose own name does not tell it.
        zone: where the platform's clock stands.

    Returns:
        What was put in place, and what was not understood.
    """
    left: list[Left] = []
    parts: dict[tuple[str, str], list[tuple[Sent, dict[str, bytes]]]] = {}
    owners: dict[str, set[str]] = {}
    sent = [one for download in downloads for one in _read(course, download, pattern, zone, left)]
    for one in sorted(sent, key=lambda s: (s.time or BEGINNING, s.source)):
        try:
            student = _as_folder(_student(one, roster, owners))
            where, files = _files(one, course, lab, left)
        except _NotUnderstoodError as error:
            left.append(error.left(one.source))
            continue
        parts.setdefault((student, where), []).append((one, files))
    return [_put(course, student, where, found) for (student, where), found in sorted(parts.items())], left


def _read(
    course: Course, download: Path, pattern: re.Pattern[str] | None, zone: tzinfo, left: list[Left]
) -> Iterator[Sent]:
    """The files in a download; of a notebook or a hand-in zip, itself."""
    if not download.is_file():
        left.append(Left(str(download), "there is no such file", "check the path"))
        return
    content = download.read_bytes()
    try:
        entries = unpack(content) if content[:4] == ZIP else {}
    except PackageError as error:
        left.append(Left(str(download), f"refused: {error}", "look at it with care, or download it again"))
        return
    if not entries or _is_hand_in(course, entries):
        time = datetime.fromtimestamp(download.stat().st_mtime, tz=UTC)
        yield Sent(str(download), download.resolve().parent.name, "", download.name, False, time, content)
        return
    times, known = _times(download, zone), [path for path in entries if not JUNK.match(path)]
    chosen = pattern or next((one for one in PATTERNS.values() if all(map(one.fullmatch, known))), None)
    for path in sorted(known):
        source = f"{download.name}:{path}"
        match = next((m for one in ([chosen] if chosen else PATTERNS.values()) if (m := one.fullmatch(path))), None)
        if match is None:
            left.append(Left(source, "its path fits no pattern", "say how paths read with --pattern"))
            continue
        groups = {name: value or "" for name, value in match.groupdict().items()}
        late = bool(groups.get("late"))
        name, number = groups.get("name", "").strip(), groups.get("number", "")
        yield Sent(source, name, number, groups["file"], late, times.get(path), entries[path])


def _is_hand_in(course: Course, entries: Mapping[str, bytes]) -> bool:
    """Whether a zip is what `labkit.hand_in()` makes: `<lab>/<lab>.ipynb`, and perhaps more of that folder."""
    return any(f"{lab}/{lab}.ipynb" in entries for lab in course.assignments()) and len(entries) <= 2


def _times(download: Path, zone: tzinfo) -> dict[str, datetime]:
    """When the platform got each file, by its path; entries without a clock say nothing."""
    with zipfile.ZipFile(download) as archive:
        found = {entry.filename.replace("\\", "/"): entry.date_time for entry in archive.infolist()}
    told = {}
    for path, time in found.items():
        if time[0] > NO_CLOCK:
            try:
                told[path] = datetime(*time, tzinfo=zone).astimezone(UTC)
            except ValueError:
                continue
    return told


def _student(one: Sent, roster: Roster | None, owners: dict[str, set[str]]) -> str:
    """The id of who sent a file: by the roster, else made of the name, which then has to belong to one person."""
    if roster is not None:
        found = roster.find(one.number, one.name)
        if found is None:
            who = " ".join(part for part in (one.name, one.number) if part)
            raise _NotUnderstoodError(f"nobody in the roster is {who}", "add them to the roster")
        return found
    student = squeezed(one.name, "-") or one.number
    if not student:
        raise _NotUnderstoodError("it names no student", "say who is who with --roster")
    owners.setdefault(student, set()).add(one.number)
    if len(owners[student]) > 1:
        raise _NotUnderstoodError(f"two people are called {one.name}", "say who is who with --roster")
    return student


def _as_folder(student: str) -> str:
    """An id that can be a folder, and that nbgrader takes for one student."""
    if not student or student.startswith(".") or len(student) > MAX_ID or re.search(r"[/\\\\*?\[\]\0]", student):
        raise _NotUnderstoodError(f"{student[:40]!r} cannot be the name of a folder", "give another id in the roster")
    return student


def _files(one: Sent, course: Course, lab: str | None, left: list[Left]) -> tuple[str, dict[str, bytes]]:
    """The lab of a file, and what it brings by its name in the submission."""
    if one.content[:4] == ZIP:
        return _from_zip(one, course, lab, left)
    name = PurePosixPath(one.file)
    if name.suffix == ".ipynb":
        where = _lab_of(name.stem, course, lab)
        return where, {f"{where}.ipynb": one.content}
    if AGAIN.sub("", name.stem) + name.suffix == ATTEMPTS_FILE:
        if lab is None:
            raise _NotUnderstoodError("it does not say of which lab it is", "say it with --lab")
        return lab, {ATTEMPTS_FILE: one.content}
    raise _NotUnderstoodError("it is no notebook and no hand-in zip", "ask for the file of labkit.hand_in()")


def _from_zip(one: Sent, course: Course, lab: str | None, left: list[Left]) -> tuple[str, dict[str, bytes]]:
    try:
        entries = unpack(one.content)
    except PackageError as error:
        raise _NotUnderstoodError(f"refused: {error}", "look at it with care, or ask for it again") from None
    notebooks = [path for path in entries if path.endswith(".ipynb") and ".ipynb_checkpoints" not in path]
    if len(notebooks) != 1:
        raise _NotUnderstoodError(f"it holds {len(notebooks)} notebooks, one was expected", "ask for it again")
    where = _lab_of(PurePosixPath(notebooks[0]).stem, course, lab)
    files = {f"{where}.ipynb": entries.pop(notebooks[0])}
    for path, content in sorted(entries.items()):
        if PurePosixPath(path).name == ATTEMPTS_FILE:
            files[ATTEMPTS_FILE] = content
        elif not JUNK.match(path):
            left.append(Left(f"{one.source}:{path}", "it is no part of a hand-in", "nothing, unless you asked for it"))
    return where, files


def _lab_of(stem: str, course: Course, lab: str | None) -> str:
    known = course.assignments()
    if stem in known or AGAIN.sub("", stem) in known:
        return stem if stem in known else AGAIN.sub("", stem)
    if lab is None:
        raise _NotUnderstoodError(f"{stem} is the name of no lab", "say of which lab it is with --lab")
    return lab


def _put(course: Course, student: str, lab: str, found: Sequence[tuple[Sent, dict[str, bytes]]]) -> Collected:
    """Write a submission whole: the newest of each file, and when the newest of them was handed in."""
    files = {name: content for _, brought in found for name, content in brought.items()}
    newest = found[-1][0]
    time = _stamp(course, lab, newest)
    if time is not None:
        files[TIMESTAMP] = f"{time:%Y-%m-%d %H:%M:%S} UTC\n".encode()
    goal = course.submitted / student / lab
    part = goal.with_name(f".{lab}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    for name, content in files.items():
        (part / name).write_bytes(content)
    if goal.is_symlink():
        goal.unlink()
    shutil.rmtree(goal, ignore_errors=True)
    part.rename(goal)
    return Collected(student, lab, tuple(sorted(files)), f"{time:%Y-%m-%d %H:%M}" if time else "", newest.late)


def _stamp(course: Course, lab: str, one: Sent) -> datetime | None:
    """When a file was handed in; what the platform calls late is after the due date, whatever its clock says."""
    if not one.late:
        return one.time
    with gradebook(course) as book:
        due: datetime | None = next((one.duedate for one in book.assignments if one.name == lab), None)
    if due is None:
        return one.time
    first_late = due.replace(tzinfo=UTC) + timedelta(seconds=1)
    return max(one.time or first_late, first_late)
