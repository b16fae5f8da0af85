"""Who is who, as files: `class/roster.csv`, which remembers, and lists of students that platforms export."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from grader.course.names import folded
from grader.course.tables import read_table
from grader.files import write_csv
from grader.text import defused, is_student_text, student_text

COLUMNS = ("platform", "number", "name", "student")
LOGINS = ("student", "SIS Login ID", "Username", "username", "ID number", "Email address")
NUMBERS = ("number", "ID", "Identifier")
NAMES = ("name", "Student", "Full name")
PARTICIPANT = "Participant "  # Moodle's worksheets write it before the number that its downloads have
NUMBER = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,39}")  # all digits on Moodle and Canvas
MAX_ID_BYTES = 200
RESERVED = re.compile(r"(?i)(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?")


@dataclass(frozen=True)
class Line:
    """One person as a platform tells them, and the id of the student: empty until an instructor says who it is.

    A line without a platform holds on all of them; one without a number says who has a name. `more` are columns that
    instructors added.
    """

    platform: str
    number: str
    name: str
    student: str
    more: Mapping[str, str] = field(default_factory=dict, compare=False)

    def as_text(self) -> str:
        """The line as it stands in the file, without what instructors added."""
        made = io.StringIO()
        csv.writer(made, lineterminator="").writerow(
            map(defused, (self.platform, self.number, self.name, self.student))
        )
        return made.getvalue()


@dataclass(frozen=True)
class Roster:
    """The lines of a roster in order, and its columns."""

    lines: tuple[Line, ...] = ()
    head: tuple[str, ...] = COLUMNS


def read_remembered(path: Path) -> Roster:
    """Read `class/roster.csv`: a head with platform, number, name and student, in any order and with more columns.

    Encodings and separators are those of `read_table`. A roster that is not there is empty.

    Raises:
        LookupError: it is no such file; the message names file, line, what was expected and found, and the remedy.
    """
    if not path.exists():
        return Roster()
    head, rows = read_table(path)
    if missing := [name for name in COLUMNS if name not in head]:
        raise LookupError(
            f"{path}:1: the columns platform,number,name,student were expected; missing {', '.join(missing)}. "
            "Add them, or move the file away: the next `grader collect` begins a new one."
        )
    lines: list[Line] = []
    numbers: dict[tuple[str, str], tuple[str, int]] = {}
    ids: dict[str, tuple[str, int]] = {}
    for number, row in rows:
        line = Line(
            row["platform"].casefold(),
            row["number"],
            row["name"],
            row["student"],
            {name: row[name] for name in head if name not in COLUMNS},
        )
        _check(line, f"{path}:{number}")
        if line.number and line.student:
            before = numbers.setdefault((line.platform, line.number), (line.student, number))
            if before[0] != line.student:
                said = f"{line.platform or 'number'} {line.number} is {before[0]} in line {before[1]}"
                raise LookupError(f"{path}:{number}: {said}, and {line.student} here; keep the line that is right.")
        if line.student:
            other = ids.setdefault(folded(line.student), (line.student, number))
            if other[0] != line.student:
                said = f"the ids {other[0]} (line {other[1]}) and {line.student} are one for some file systems"
                raise LookupError(f"{path}:{number}: {said}; write one id in one way, and two in two.")
        lines.append(line)
    return Roster(tuple(lines), tuple(head))


def write_remembered(path: Path, roster: Roster, doing: str = "collect") -> None:
    """Write `class/roster.csv` whole; an error says that what was being done, such as `collect`, was not done.

    Raises:
        LookupError: the file cannot be written.
    """
    rows = [
        {
            "platform": line.platform,
            "number": line.number,
            "name": student_text(line.name),
            "student": line.student,
            **line.more,
        }
        for line in roster.lines
    ]
    try:
        write_csv(path, roster.head, rows)
    except OSError as error:
        said = f"{path} cannot be written: {error.strerror or error}. Nothing was {doing}ed"
        raise LookupError(
            f"{said}, because who is who has to be remembered first; mend that and {doing} again."
        ) from None


def read_roster(path: Path) -> tuple[Line, ...]:
    """Read a list of students: one's own (`name,student` or `number,student`), or a platform's export.

    Canvas: `Student`, `ID` and `SIS Login ID` of an exported gradebook. Moodle: `Identifier`, `Full name`, and `ID
    number`, `Username` or `Email address` of a grading worksheet. Lines without an id are passed over.

    Raises:
        LookupError: it is no such file, or one name or number without another to tell them apart is of two students.
    """
    head, rows = read_table(path, {*LOGINS, *NUMBERS, *NAMES})
    login = next((name for name in LOGINS if name in head), None)
    if login is None or not {*head} & {*NUMBERS, *NAMES}:
        found = ", ".join(sorted(head)) or "nothing"
        raise LookupError(f"{path}: columns that tell who is who were expected, such as name,student; found {found}.")
    lines: list[Line] = []
    known: dict[tuple[str, str], str] = {}
    for at, row in rows:
        student = row[login]
        if not student:
            continue
        number = next((row[name].removeprefix(PARTICIPANT) for name in NUMBERS if row.get(name)), "")
        name = next((row[name] for name in NAMES if row.get(name)), "")
        if not number and not name:
            continue
        if known.setdefault((number, "" if number else name), student) != student:
            of = known[number, "" if number else name]
            said = f"{number or name} is of {of} and of {student}"
            raise LookupError(f"{path}:{at}: {said}; tell them apart by a column `number`.")
        lines.append(Line("", number, name, student))
    return tuple(lines)


def id_problem(student: str) -> str:
    """Why an id cannot name a student's folder, or be one student for nbgrader; empty for one that can."""
    if not student or not is_student_text(student) or student != student.strip():
        return "is empty, or holds signs that cannot be shown"
    if student.startswith(".") or student.endswith(".") or re.search(r"[/\\*?\[\]:<>|\"]", student):
        return 'begins or ends with a dot, or holds one of / \\ * ? [ ] : < > | "'
    if len(student.encode()) > MAX_ID_BYTES:
        return f"is longer than {MAX_ID_BYTES} bytes"
    return "is a device on Windows" if RESERVED.fullmatch(student) else ""


def _check(line: Line, where: str) -> None:
    if line.number and not NUMBER.fullmatch(line.number):
        said = f"{student_text(line.number, 40)!r} is no number of a platform"
        raise LookupError(f"{where}: {said}; write it as the platform does (spreadsheets shorten long numbers).")
    if any(unicodedata.category(sign) == "Cc" for sign in "".join((line.platform, line.name, *line.more.values()))):
        raise LookupError(f"{where}: a cell holds control characters; write it anew.")
    if not line.number and not line.name:
        raise LookupError(f"{where}: a number or a name was expected, both are empty; fill one in, or delete the line.")
    if line.student and (problem := id_problem(line.student)):
        raise LookupError(
            f"{where}: the student {student_text(line.student, 40)!r} {problem}, so no folder can be called so; "
            "give another id."
        )
