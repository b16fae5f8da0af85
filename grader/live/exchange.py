"""nbgrader's exchange while `grader watch` runs: what students submit comes in, and their feedback goes out.

A folder in `inbound` is a student's own, and its links may lead anywhere: `nbgrader collect` follows them with the
instructor's rights. Here plain files are copied alone, each through the folder that was opened, within bounds.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath

try:
    import pwd
except ImportError:  # pragma: no cover - no names of users there; nbgrader skips its check as well
    pwd = None  # type: ignore[assignment]

from nbgrader.coursedir import CourseDirectory
from nbgrader.exchange.default import Exchange, ExchangeCollect, ExchangeReleaseFeedback
from traitlets.config import Config

from grader.course.coursedir import load_config, time_in
from grader.course.paths import Course
from grader.exchange.told import NotTakenError
from grader.text import NO_TEXT, StudentText, student_text
from grader.times import time_of

SENT = re.compile(r"(?P<student>[^/]+?)\+(?P<lab>[^/+]+)\+(?P<time>[^/+]+)(?:\+[^/+]*)?")
MOST_FILES, MOST_BYTES = 500, 200 * 2**20
PIECE = 2**20
LOOK = "look at it in the exchange with care"


@dataclass(frozen=True)
class Inbound:
    """One folder that a student submitted."""

    path: Path
    student: str
    lab: str
    time: datetime


@dataclass(frozen=True)
class Exchanged:
    """The exchange of a course."""

    inbound: Path
    check_owner: bool
    config: Config


def exchange_of(course: Course) -> Exchanged | None:
    """The exchange that nbgrader's configuration names; None where there is none here."""
    config = load_config(course)
    coursedir = CourseDirectory(config=config)
    root = Path(str(Exchange(coursedir=coursedir, config=config).root))
    inbound = root / coursedir.course_id / "inbound"
    if not coursedir.course_id or not inbound.is_dir():
        return None
    return Exchanged(inbound, bool(ExchangeCollect(coursedir=coursedir, config=config).check_owner), config)


def newest(inbound: Path, labs: Sequence[str]) -> list[Inbound]:
    """The last submission of each student and assignment, in the order in which they were handed in."""
    found: dict[tuple[str, str], Inbound] = {}
    with suppress(OSError), os.scandir(inbound) as entries:
        for entry in entries:
            match = SENT.fullmatch(entry.name)
            if match is None or match["lab"] not in labs or not entry.is_dir(follow_symlinks=False):
                continue
            time = time_of(match["time"])
            key = match["student"], match["lab"]
            if time is not None and (key not in found or found[key].time < time):
                found[key] = Inbound(Path(entry.path), *key, time)
    return sorted(found.values(), key=lambda one: (one.time, one.student))


def is_newer(course: Course, one: Inbound) -> bool:
    """Whether what was submitted is newer than what is in the class's folder, by the rule of `nbgrader collect`."""
    goal = course.folder("submitted", one.student, one.lab)
    there = time_in(goal) if goal.is_dir() and not goal.is_symlink() else None
    return there is None or there < one.time


def take(course: Course, exchange: Exchanged, one: Inbound) -> bool:
    """Put what was submitted into the class's folder, where it is newer than what is there; whether it was put.

    Raises:
        NotTakenError: it is not the student's own, or too large, or no folder that can be read.
        OSError: it cannot be written.
    """
    if not is_newer(course, one):
        return False
    goal = course.folder("submitted", one.student, one.lab)
    if Path(one.student).name != one.student or one.student.startswith(".") or goal.parent.is_symlink():
        raise NotTakenError("its name can be no student's folder", LOOK)
    part, old = (goal.with_name(f".{goal.name}.{suffix}") for suffix in ("part", "old"))
    for left in (part, old):
        shutil.rmtree(left, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        _copy(exchange, one, part)
        if os.path.lexists(goal):
            goal.rename(old)
        part.rename(goal)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    shutil.rmtree(old, ignore_errors=True)
    return True


def _copy(exchange: Exchanged, one: Inbound, goal: Path) -> None:
    left_files, left_bytes = MOST_FILES, MOST_BYTES
    for name, folder in _plain_files(exchange, one):
        descriptor = os.open(name.rpartition("/")[2], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
        with os.fdopen(descriptor, "rb") as source:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                continue
            left_files -= 1
            path = goal / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as copy:
                while piece := source.read(PIECE):
                    left_bytes -= len(piece)
                    if left_files < 0 or left_bytes < 0:
                        most = f"{MOST_FILES} files or {MOST_BYTES // 2**20} MB"
                        raise NotTakenError(f"it has more than {most}", LOOK)
                    copy.write(piece)


def _plain_files(exchange: Exchanged, one: Inbound) -> Iterator[tuple[str, int]]:
    """The files of a submission that are no links, each with the open folder that it is in."""
    top = os.open(one.path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        if exchange.check_owner and pwd is not None:
            owner = os.fstat(top).st_uid
            with suppress(KeyError):
                if pwd.getpwuid(owner).pw_name == one.student:
                    owner = -1
            if owner != -1:
                raise NotTakenError(f"it says {one.student}, and belongs to user {owner}", LOOK)
        for above, folders, names, folder in os.fwalk(".", dir_fd=top, follow_symlinks=False):
            folders.sort()
            for name in sorted(names):
                if stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
                    yield str(PurePosixPath(above, name)), folder
    finally:
        os.close(top)


def release_feedback(exchange: Exchanged, lab: str, student: str) -> StudentText:
    """Put a student's pages where `nbgrader fetch_feedback` finds them. Returns why that failed, or nothing."""
    config = exchange.config.copy()
    config.CourseDirectory.assignment_id, config.CourseDirectory.student_id = lab, student
    release = ExchangeReleaseFeedback(coursedir=CourseDirectory(config=config), config=config)
    release.log.setLevel("ERROR")
    try:
        release.start()
    except Exception as error:  # noqa: BLE001 - one student's failure, whatever it is, is no other's
        return student_text(f"{type(error).__name__}: {error}")
    return NO_TEXT
