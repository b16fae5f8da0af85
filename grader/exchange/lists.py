"""Lists of a class as platforms export them: people with a platform's own ids, whatever the file is called.

The platform is known by the head. Canvas: an exported gradebook (`Student`, or `LastName` and `FirstName`; `ID`, `SIS
User ID`, `SIS Login ID`, `Section`; a line of points, perhaps one of posting policies before it, the test student as
the last), the table of the People page, the class roster of New Analytics, a report of users. Moodle: participants,
grades, a grading worksheet, an upload of users; heads in some other languages too. Else a list of one's own.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.course.names import folded
from grader.course.people import MAX_NAME
from grader.course.roster import NUMBER, PARTICIPANT, id_problem
from grader.course.tables import read_table
from grader.exchange.list_forms import ALIASES, FORMS, Form, key_of
from grader.text import StudentText, student_text

MOST_TOLD = 20
STAFF = re.compile(
    r"teacher|instructor|\bta\b|assistant|designer|observer|manager|creator|grader"
    r"|trainer|dozent|lehr|enseignant|profesor|docente|beobacht|observa",
    re.IGNORECASE,
)
LEARNER = re.compile(r"student|étudiant|studier|teilnehm|estudiante|aluno|learner", re.IGNORECASE)
TEST_STUDENT = {"Student, Test", "Test Student"}  # Canvas's student view; its login is empty or a hash
HASH = re.compile(r"[0-9a-f]{40}|")
POINTS = "Points Possible"


@dataclass(frozen=True)
class Entry:
    """One person of a list: line, the platform's number where it has one, name, id, and the other columns by name."""

    line: int
    platform: str
    number: str
    name: StudentText
    student: str
    kept: Mapping[str, str]


@dataclass(frozen=True)
class ClassList:
    """A list that was read: what it is, of which platform, by which column students are called, and who is in it.

    `passed` are lines that are no students, with the reason.
    """

    title: str
    platform: str
    column: str
    entries: tuple[Entry, ...]
    passed: tuple[StudentText, ...]


def read_list(path: Path, column: str | None = None, encoding: str | None = None) -> ClassList:
    """Read a list of a class.

    Args:
        path: the file.
        column: which column is a student's id; by default the first of the platform's that everybody has.
        encoding: what the file is in, where it is neither UTF-8 nor UTF-16.

    Raises:
        LookupError: it is no list of students, or lines of it cannot be used: two of one id or number, no id, an id
            that can name no folder. The message has all of them with file, line, expected, found and remedy.
    """
    known = {alias for aliases in ALIASES.values() for alias in aliases}
    known |= {name for form in FORMS for name in (*form.kept, *form.ids, *form.names, form.number)}
    head, lines = read_table(path, (), encoding)
    names: dict[str, str] = {}
    for name in head:
        if (key := key_of(name)) in known and key in names:
            raise LookupError(f"{path}:1: two columns are called {names[key]} and {name}; take one away.")
        names.setdefault(key, name)
    form = _form(path, head, names)
    rows = list(lines)
    people, passed = [], []
    for line, row in rows:
        cells = {key: row[name] for key, name in names.items()}
        if why := _no_student(form, cells):
            passed.append(student_text(f"line {line}: {why}"))
        else:
            people.append((line, cells))
    chosen = _chosen(path, form, names, [cells for _, cells in people], column)
    entries = [_entry(form, line, cells, chosen) for line, cells in people]
    if problems := [*_unusable(entries, names[chosen]), *_twice(entries, names[chosen])]:
        told = [f"{path}:{line}: {why}" for line, why in sorted(problems)]
        more = [f"{path}: {len(told) - MOST_TOLD} more lines like these."] if len(told) > MOST_TOLD else []
        raise LookupError("\n".join([*told[:MOST_TOLD], *more, "Nothing was imported."]))
    if not entries:
        raise LookupError(
            f"{path}: {form.title} with a line for each student was expected; found none. Export it again."
        )
    return ClassList(form.title, form.platform, names[chosen], tuple(entries), tuple(passed))


def _form(path: Path, head: Sequence[str], names: Mapping[str, str]) -> Form:
    for form in FORMS:
        if all(need & names.keys() for need in form.needs):
            return form
    found = ", ".join(student_text(name, 40) for name in head[:12]) or "nothing"
    raise LookupError(
        f"{path}:1: a list of students was expected: an export of Canvas's gradebook or of Moodle's participants, or "
        f"the columns name,student; found {found}. Export it again, or give its columns these names."
    )


def _no_student(form: Form, cells: Mapping[str, str]) -> str:
    """Why a line of an export is nobody who hands in."""
    if form.platform == "canvas":
        name = _name(form, cells)
        if name.startswith(POINTS):
            return "the points of assignments"
        if not name and not cells.get(form.number, ""):
            return "the settings of assignments"
        if name in TEST_STUDENT and not cells.get("sisuserid") and HASH.fullmatch(cells.get("sisloginid", "")):
            return "Canvas's test student"
    if cells.get("status", "").casefold() in ("deleted", "suspended"):
        return f"{cells['status']} on the platform"
    role = next((cells[name] for name in form.roles if cells.get(name)), "")
    if STAFF.search(role) and not LEARNER.search(role):
        return f"no student but {role}"
    return ""


def _name(form: Form, cells: Mapping[str, str]) -> StudentText:
    if {"lastname", "firstname"} <= {*form.names} or not form.names:
        first, last = (next((cells[a] for a in ALIASES[n] if a in cells), "") for n in ("First name", "Last name"))
        canvas = form.platform == "canvas"
        told = ", ".join(filter(None, (last, first))) if canvas else " ".join(filter(None, (first, last)))
        told = told if not told.startswith(POINTS) else POINTS
    else:
        told = next((cells[name] for name in form.names if cells.get(name)), "")
    return StudentText(student_text(unicodedata.normalize("NFC", told.strip()), MAX_NAME).strip())


def _chosen(
    path: Path, form: Form, names: Mapping[str, str], people: Sequence[Mapping[str, str]], column: str | None
) -> str:
    """The column by which students are called: the one that was asked for, or the likeliest that everybody has."""
    if column is not None:
        if key_of(column) not in names:
            raise LookupError(f"{path}:1: --id {column!r} is none of its columns: {', '.join(names.values())}.")
        return key_of(column)
    there = [name for name in form.ids if name in names]
    full = [name for name in there if all(cells[name] for cells in people)]
    some = [name for name in there if any(cells[name] for cells in people)]
    return (full or some or there)[0]


def _entry(form: Form, line: int, cells: Mapping[str, str], chosen: str) -> Entry:
    number = cells.get(form.number, "")
    if form.number == "*":  # what Moodle's worksheet calls it depends on the language
        number = next((cells[name] for name in ALIASES["Identifier"] if name in cells), "")
        number = re.sub(r"^\D+(?=\d+$)", "", number.removeprefix(PARTICIPANT))
    student = unicodedata.normalize("NFC", cells[chosen])
    kept = {name: student_text(cells[key]) for key, name in form.kept.items() if cells.get(key)}
    platform = form.platform or cells.get("platform", "").casefold()
    return Entry(line, platform, number, _name(form, cells) or student_text(student, MAX_NAME), student, kept)


def _unusable(entries: Iterable[Entry], column: str) -> Iterable[tuple[int, str]]:
    for one in entries:
        if not one.student:
            yield one.line, f"{one.name or one.number} has nothing in {column}; fill it in, or choose a column by --id."
        elif problem := id_problem(one.student):
            said = f"{column} {student_text(one.student, 40)!r} {problem}, so no folder can be called so"
            yield one.line, f"{said}; give another one, or choose a column by --id."
        if one.number and not NUMBER.fullmatch(one.number):
            said = f"{student_text(one.number, 40)!r} is no number of a platform"
            yield one.line, f"{said}; write it as the platform does (spreadsheets shorten long numbers)."


def _twice(entries: Iterable[Entry], column: str) -> Iterable[tuple[int, str]]:
    ids: dict[tuple[str, str], Entry] = {}
    numbers: dict[tuple[str, str], Entry] = {}
    for one in entries:
        before = ids.setdefault((one.platform, folded(one.student)), one)
        if one.student and before is not one:
            same = (
                "stands"
                if before.student == one.student
                else f"is {before.student} for some file systems, which stands"
            )
            said = f"{column} {one.student} {same} in line {before.line} too ({before.name} there, {one.name} here)"
            yield one.line, f"{said}; each student needs one line and an id of their own."
            continue
        other = numbers.setdefault((one.platform, one.number), one)
        if one.number and other is not one:
            said = f"the number {one.number} is of {other.student} in line {other.line}, and of {one.student} here"
            yield one.line, f"{said}; keep the line that is right."
