"""What comes in through `grader serve` is put where `grader watch` looks: a lab's files, an exam's attempts."""

from __future__ import annotations

import glob
import json
import os
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from grader.course.paths import Course
from grader.course.people import FILES, person
from grader.exchange.downloads import Sent
from grader.exchange.handins import Asked, Budget, parts_of, require_space
from grader.exchange.place import put_submission
from grader.exchange.told import NotTakenError, Told
from grader.files import write_whole
from grader.grading.looking import MAX_NAME_BYTES, UNSHOWN
from grader.live.exams import FORBIDDEN, NOT_FOUND, UNREADABLE, RefusedError
from grader.text import is_student_text, student_text
from grader.times import TIMESTAMP
from labkit.quiz.attempts import ATTEMPTS_FILE

FULL = 507  # RFC 4918, section 11.5


def student_of(name: str) -> str:
    """The student of a user of the hub: their name, if it can be a folder's. Raises RefusedError."""
    plain = (
        bool(name) and Path(name).name == name and not name.startswith(".") and is_student_text(name, MAX_NAME_BYTES)
    )
    if not plain or glob.escape(name) != name or UNSHOWN & set(name) or len(os.fsencode(name)) > MAX_NAME_BYTES:
        raise RefusedError(FORBIDDEN, "Your name on this hub can be no student's id here; tell your instructor.")
    return name


def require_room(course: Course) -> None:
    """Whether the disk has room for what comes. Raises RefusedError."""
    try:
        require_space(course.class_dir)
    except NotTakenError as full:
        raise RefusedError(FULL, f"Nothing was handed in: {full.why}. Tell your instructor.") from None


def receive(
    course: Course, student: str, lab: str, upload: Path, labs: Collection[str], now: datetime
) -> dict[str, Any]:
    """Put a hand-in in place of what was there of the student and lab.

    Args:
        course: the course.
        student: whose it is.
        lab: the lab.
        upload: a notebook, or the zip of `labkit.hand_in()`.
        labs: all assignments.
        now: when it came.

    Returns:
        The receipt: the lab, its files, when it came, and what of the hand-in was left out.

    Raises:
        RefusedError: it is no hand-in of the lab; what was there stays.
        OSError: it cannot be written; what was there stays.
    """
    if lab not in labs:
        raise RefusedError(NOT_FOUND, "No lab of that name is handed in here.")
    told = Told()
    source = student_text("the hand-in")
    sent = Sent(source, person(FILES, "", student), f"{lab}.ipynb", False, now, upload, None)
    try:
        with ExitStack() as opened:
            parts = parts_of(sent, Asked(labs, lab, Budget(upload.parent), told, student))
            for part in parts:
                opened.enter_context(part.content)
            others = sorted({part.lab for part in parts} - {lab})
            if others:
                raise RefusedError(UNREADABLE, f"Nothing was handed in: this is {', '.join(others)}, not {lab}.")
            files: dict[str, BinaryIO | bytes] = {part.name: part.content for part in parts}
            put_submission(_folder(course, student, lab), lab, files | {TIMESTAMP: _stamp(now)})
    except NotTakenError as error:
        raise RefusedError(UNREADABLE, f"Nothing was handed in: {error.why}; {error.remedy}.") from None
    left = [str(one) for one in told.finished()]
    return {"lab": lab, "files": sorted(files), "time": now.isoformat(timespec="seconds"), "left": left}


def put_attempts(course: Course, student: str, lab: str, records: Sequence[Mapping[str, Any]], now: datetime) -> None:
    """Let `grader watch` see an exam's attempts: as the file of attempts of what was handed in, or of nothing else.

    When a lab was handed in stays as it is: an attempt makes no notebook late.

    Raises:
        OSError: it cannot be written. The attempts are written down all the same.
    """
    lines = "".join(json.dumps(record) + "\n" for record in records).encode("ascii")
    folder = _folder(course, student, lab)
    goal = folder / lab
    if goal.is_dir() and not goal.is_symlink() and not folder.is_symlink():
        write_whole(goal / ATTEMPTS_FILE, lines)  # the journal has them, whatever becomes of the disk
        return
    try:
        put_submission(folder, lab, {ATTEMPTS_FILE: lines, TIMESTAMP: _stamp(now)})
    except NotTakenError as error:
        raise OSError(f"{error.why}; {error.remedy}") from None


def _folder(course: Course, student: str, lab: str) -> Path:
    """The student's folder, of which that of the lab is a part."""
    goal = course.folder("submitted", student, lab)
    if goal.name != lab or goal.parent.name != student:
        said = "This course's folders (CourseDirectory.directory_structure) are others than hand-ins are put into."
        raise RefusedError(NOT_FOUND, said)
    return goal.parent


def _stamp(now: datetime) -> bytes:
    return f"{now.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC\n".encode()
