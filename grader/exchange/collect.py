"""From what an LMS lets instructors download to `class/submitted`: bulk zips of Moodle and Canvas, and single hand-ins.

Each file in there is a zip of `labkit.hand_in()`, a notebook, or an `attempts.jsonl`. A download is read file by file,
never whole: memory stays flat however large it is. What a student may bring is bounded by student and by file
(`handins`), and by what is free on the disk. Nothing is written but `class/submitted` and `class/roster.csv`; whatever
goes wrong with one student's files is a line of the list, and the others are collected.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from pathlib import Path
from typing import BinaryIO

from grader.course.coursedir import gradebook
from grader.course.filenames import copies
from grader.course.paths import Course
from grader.course.people import Held, who_is_who
from grader.course.roster import Line, read_remembered, write_remembered
from grader.exchange.downloads import Sent, files_in
from grader.exchange.handins import Asked, Budget, Part, parts_of
from grader.exchange.place import put_submission
from grader.exchange.told import Left, NotTakenError, Told

TIMESTAMP = "timestamp.txt"
BEGINNING = datetime.min.replace(tzinfo=UTC)
ROOM = "look at class/submitted, its permissions and the disk, and collect again"


@dataclass(frozen=True)
class Collected:
    """A submission that was put in place: its files, when it was handed in, and whether the platform called it late."""

    student: str
    lab: str
    files: tuple[str, ...]
    time: str
    late: bool


@dataclass(frozen=True)
class Asking:
    """What holds for all students of a run: the labs, that of files whose names tell none, and what is late."""

    labs: Sequence[str]
    lab: str | None
    due: Callable[[str, Sent], datetime | None]


def collect(
    course: Course,
    downloads: Sequence[Path],
    pattern: re.Pattern[str] | None = None,
    roster: Sequence[Line] | None = None,
    lab: str | None = None,
    zone: tzinfo = UTC,
    same_people: bool = False,
) -> tuple[list[Collected], list[Left]]:
    """Put downloads into `class/submitted/<student>/<lab>/`; what was there of a student and lab is replaced.

    Args:
        course: the course.
        downloads: bulk zips; or hand-in zips and notebooks, whose folder is named like the student.
        pattern: how paths in bulk zips read, with the groups `file`, and `name` or `number`, and perhaps `late`; by
            default the platform's that most of the paths fit.
        roster: who else is who, besides `class/roster.csv`; with it, nobody else is taken.
        lab: the lab of files whose own name does not tell it.
        zone: where the platform's clock stands.
        same_people: a known name under a new number is the same person; see `people.who_is_who`.

    Returns:
        What was put in place, and what was left out.

    Raises:
        LookupError: `class/roster.csv` cannot be read or written; then nothing was collected.
    """
    told, labs = Told(), course.assignments()
    remembered = read_remembered(course.roster)
    sent = [one for download in dict.fromkeys(downloads) for one in files_in(download, labs, pattern, zone, told)]
    people = ((one.person, one.download) for one in sent)
    decided = who_is_who(people, remembered, roster, _folders(course.submitted), same_people)
    if decided.roster != remembered:
        write_remembered(course.roster, decided.roster)
    theirs = _by_student(sent, decided.students, told)
    asking = Asking(labs, lab, _clock(course))
    found: list[Collected] = []
    for student, files in sorted(theirs.items()):
        try:
            found += _collected(course, student, files, asking, told)
        except Exception as error:  # noqa: BLE001 - whatever one student's files do, the others are collected
            told.add(student, _why(error), ROOM)
    return found, told.finished()


def _folders(submitted: Path) -> list[str]:
    """The students that are in `class/submitted` already."""
    try:
        return [entry.name for entry in os.scandir(submitted)]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise LookupError(f"{submitted} cannot be read: {error.strerror}; mend that and collect again.") from None


def _by_student(
    sent: Sequence[Sent], students: Mapping[tuple[str, str, str], str | Held], told: Told
) -> dict[str, list[Sent]]:
    """The files of each student, the newest last; people who are held back are told, in one line each."""
    theirs: dict[str, list[Sent]] = defaultdict(list)
    held: dict[tuple[str, str, str], list[Sent]] = defaultdict(list)
    for one in sorted(sent, key=lambda s: (s.time or BEGINNING, copies(s.file), s.source)):
        student = students[one.person.identity]
        if isinstance(student, str):
            theirs[student].append(one)
        else:
            held[one.person.identity].append(one)
    for identity, files in held.items():
        answer = students[identity]
        if isinstance(answer, Held):
            more = f" and {len(files) - 1} more" if len(files) > 1 else ""
            told.add(f"{files[0].source}{more}", answer.why, answer.remedy, str(files[0].person))
    return theirs


def _collected(course: Course, student: str, sent: Sequence[Sent], asking: Asking, told: Told) -> list[Collected]:
    """Put one student's submissions in place, lab by lab: the newest of each file, and when that was handed in."""
    course.submitted.mkdir(parents=True, exist_ok=True)
    budgets: dict[Path, Budget] = defaultdict(lambda: Budget(course.submitted))
    chosen: dict[str, dict[str, Part]] = defaultdict(dict)
    newest: dict[str, Sent] = {}
    found = []
    with ExitStack() as opened:
        for one in sent:
            asked = Asked(asking.labs, asking.lab, budgets[one.download], told, f"{one.download.name}: {one.person}")
            for part in _parts(one, asked, told):
                opened.enter_context(part.content)
                if older := chosen[part.lab].get(part.name):
                    older.content.close()
                chosen[part.lab][part.name] = part
                newest[part.lab] = one
        for lab, parts in sorted(chosen.items()):
            try:
                found.append(_put(course, student, newest[lab], parts, asking.due(lab, newest[lab])))
            except (NotTakenError, OSError) as error:
                why, remedy = (error.why, error.remedy) if isinstance(error, NotTakenError) else (_why(error), ROOM)
                told.add(f"{student}, {lab}", why, remedy)
    return found


def _parts(one: Sent, asked: Asked, told: Told) -> list[Part]:
    try:
        return parts_of(one, asked)
    except NotTakenError as error:
        told.add(one.source, error.why, error.remedy, asked.whose)
    except Exception as error:  # noqa: BLE001 - a file is a line, whatever it does
        told.add(one.source, _why(error), ROOM, asked.whose)
    return []


def _put(course: Course, student: str, newest: Sent, parts: Mapping[str, Part], time: datetime | None) -> Collected:
    files: dict[str, BinaryIO | bytes] = {name: part.content for name, part in parts.items()}
    if time is not None:
        files[TIMESTAMP] = f"{time:%Y-%m-%d %H:%M:%S} UTC\n".encode()
    lab = next(iter(parts.values())).lab
    put_submission(course.submitted / student, lab, files)
    return Collected(student, lab, tuple(sorted(files)), f"{time:%Y-%m-%d %H:%M}" if time else "", newest.late)


def _why(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"it cannot be read or written: {error.strerror or type(error).__name__}"
    return f"it cannot be collected: {type(error).__name__}: {error}"


def _clock(course: Course) -> Callable[[str, Sent], datetime | None]:
    """When a file was handed in; what the platform calls late is after the due date, whatever its clock says."""

    @cache
    def due_date(lab: str) -> datetime | None:
        if not course.gradebook.exists() and not os.environ.get("GRADER_DB"):
            return None  # opening it would make one
        with gradebook(course) as book:
            return next((one.duedate for one in book.assignments if one.name == lab), None)

    def stamp(lab: str, one: Sent) -> datetime | None:
        due = due_date(lab) if one.late else None
        if due is None:
            return one.time
        first_late = due.replace(tzinfo=UTC) + timedelta(seconds=1)
        return max(one.time or first_late, first_late)

    return stamp
