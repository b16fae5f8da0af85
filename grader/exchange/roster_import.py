"""A platform's list of the class into `class/roster.csv`: what it changes, worked out first and then written whole.

Somebody of the list is known by the platform's number; else by an id that the platform gave them before; else by the id
of a student; else by a name that nobody else has. Who is known keeps their id here, since folders and grades are called
by it. Lines and columns that the list says nothing of stay as they are.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from grader.course.known import LEFT, everybody
from grader.course.names import folded, name_key, spellings
from grader.course.paths import Course
from grader.course.roster import COLUMNS, Line, Roster, read_remembered, write_remembered
from grader.exchange.lists import MOST_TOLD, ClassList, Entry
from grader.files import locked
from grader.text import StudentText, student_text

IDS = ("SIS User ID", "SIS Login ID", "Integration ID", "ID number", "Username", "Email address")
MARK = re.compile(r"\d{4}-\d{2}-\d{2}: not on the list( of \w+)?")
MOST_NOTED = 5
STATES = ("added", "renamed", "changed", "back", "gone", "same")


@dataclass(frozen=True)
class Moved:
    """What becomes of one student: `added`, `renamed`, `changed`, `back`, `gone` or `same`; and in words, what."""

    student: StudentText
    name: StudentText
    state: str
    what: StudentText


@dataclass(frozen=True)
class Planned:
    """The roster as it would be, what changes, and what an instructor may want to look at."""

    roster: Roster
    moved: tuple[Moved, ...]
    notes: tuple[StudentText, ...]


def import_list(course: Course, found: ClassList, path: Path, part: bool = False, dry: bool = False) -> Planned:
    """Bring `class/roster.csv` up to a list: whole, or with any error not at all.

    Args:
        course: the course.
        found: the list.
        path: where it came from, for messages.
        part: the list is of a part of the class, such as a section: nobody is gone.
        dry: only say what would change.

    Raises:
        LookupError: people of the list cannot be told from others, the list is another class's, or the roster cannot be
            read or written.
    """
    with locked(course.cache / ".roster.lock"):
        before = read_remembered(course.roster)
        plan = planned(before, found, path, everybody(course), date.today(), part)
        made = course.roster.with_name(f".{course.roster.name}.made")
        try:
            write_remembered(made, plan.roster, "import")
            read_remembered(made)  # one that could not be read again would stop every other command
            if not dry and any(one.state != "same" for one in plan.moved):
                write_remembered(course.roster, plan.roster, "import")
        finally:
            made.unlink(missing_ok=True)
    return plan


def planned(before: Roster, found: ClassList, path: Path, known: set[str], today: date, part: bool = False) -> Planned:
    """What a list changes in a roster.

    Args:
        before: the roster.
        found: the list.
        path: where it came from, for messages.
        known: everybody's ids: of the roster, of folders, of the gradebook.
        today: for who is gone.
        part: nobody is gone.

    Raises:
        LookupError: people of the list cannot be told from others, or the list is another class's.
    """
    students, problems = _matched(before, found.entries, known)
    if problems:
        told = [f"{path}:{line}: {why}" for line, why in sorted(problems)]
        more = [f"{path}: {len(told) - MOST_TOLD} more lines like these."] if len(told) > MOST_TOLD else []
        raise LookupError("\n".join([*told[:MOST_TOLD], *more, "Nothing was imported."]))
    lines = list(before.lines)
    moved, notes = [], []
    for entry, student in zip(found.entries, students, strict=True):
        moved.append(_put(lines, entry, student, {line.student for line in before.lines}))
        if student != entry.student:
            said = f"{entry.student} of the list is {student} here; `grader student rename {student} {entry.student}`"
            notes.append(student_text(f"{said} gives them the platform's name"))
    if len(notes) > MOST_NOTED:
        notes[MOST_NOTED:] = [student_text(f"{len(notes) - MOST_NOTED} more have another id here than on the list")]
    notes += _namesakes(before, found.entries, students)
    platforms = {entry.platform for entry in found.entries}
    if not part:
        gone = list(_gone(lines, platforms, {*students}, today))
        if gone and not {line.student for line in before.lines} & {*students}:
            raise LookupError(
                f"{path}: students of this class were expected; none of the {len(gone)} that class/roster.csv knows is "
                "in it. Export the list of this course; or say --part, if the list is of a part of the class."
            )
        moved += gone
    head = [*before.head]
    for name in (*IDS, *dict.fromkeys(name for line in lines for name in line.more), LEFT):
        if name not in head and any(line.more.get(name) for line in lines):
            head.append(name)
    full = [
        replace(line, more={name: line.more.get(name, "") for name in head if name not in COLUMNS}) for line in lines
    ]
    order = {state: place for place, state in enumerate(STATES)}
    moved.sort(key=lambda one: (order[one.state], one.student))
    return Planned(Roster(tuple(full), tuple(head)), tuple(moved), tuple(notes))


def _matched(roster: Roster, entries: Sequence[Entry], known: set[str]) -> tuple[list[str], list[tuple[int, str]]]:
    """The student of each person of a list, and the lines that cannot be taken."""
    numbers, ids, names = _indexed(roster)
    spelled = {folded(student): student for student in known}
    called = Counter((entry.platform, name_key(entry.name)) for entry in entries)
    students: list[str] = []
    problems: list[tuple[int, str]] = []
    owner: dict[tuple[str, str], Entry] = {}
    for entry in entries:
        told = {one for name in IDS for one in ids.get((entry.platform, name, entry.kept.get(name, "")), ())}
        number = numbers.get((entry.platform, entry.number)) or numbers.get(("", entry.number)) if entry.number else ""
        there = spelled.get(folded(entry.student), "")
        sure = number or (next(iter(told)) if len(told) == 1 else "") or there
        key = entry.platform, name_key(entry.name)
        alike = {one.student for one in names.get(key, ()) if not sure and _may_be(one, entry)}
        student = sure or (next(iter(alike)) if len(alike) == 1 else entry.student)
        before = owner.setdefault((entry.platform, student), entry)
        why = ""
        if len(alike) > 1 or (alike and called[key] > 1):
            line = Line(entry.platform, entry.number, entry.name, entry.student).as_text()
            why = f"{entry.name} may be {' or '.join(sorted(alike))}: "
            why += f"`grader student rename {min(alike)} {entry.student}` if so, else add `{line}` to class/roster.csv"
        elif len(told) > 1 and not number and not there:
            why = (
                f"the ids of {entry.name} are of {' and of '.join(sorted(told))} in class/roster.csv: mend their lines"
            )
        elif there and there != student:
            why = f"{entry.name} is {student} in class/roster.csv, and {there} is a student too: "
            why += f"`grader student merge {there} {student}` if they are one"
        elif there and there != entry.student and not number and not told:
            why = f"the id {entry.student} is {there} here, one folder for some file systems: "
            why += f"`grader student rename {there} {entry.student}`"
        elif before is not entry:
            why = f"{entry.name} and {before.name} (line {before.line}) would both be {student}: "
            why += "write the number of each with their student into class/roster.csv"
        problems += [(entry.line, f"{why}; and import again.")] if why else []
        students.append(student)
    return students, problems


def _may_be(line: Line, entry: Entry) -> bool:
    """Whether a line of that name may be a person of a list: numbers of Moodle are another in each assignment."""
    return not line.number or not entry.number or entry.platform == "moodle"


def _indexed(
    roster: Roster,
) -> tuple[dict[tuple[str, str], str], dict[tuple[str, str, str], set[str]], dict[tuple[str, str], list[Line]]]:
    """Students by platform and number; by platform, column and id; and lines of no known id by platform and name."""
    numbers: dict[tuple[str, str], str] = {}
    ids: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    names: dict[tuple[str, str], list[Line]] = defaultdict(list)
    sure = {(line.platform, line.student) for line in roster.lines if any(line.more.get(name) for name in IDS)}
    for line in roster.lines:
        if not line.student:
            continue
        if line.number:
            numbers[line.platform, line.number] = line.student
        for name in IDS:
            if line.more.get(name):
                ids[line.platform, name, line.more[name]].add(line.student)
        if (line.platform, line.student) not in sure:
            for key in spellings(line.name) - {""}:
                names[line.platform, key].append(line)
    return numbers, ids, names


def _put(lines: list[Line], entry: Entry, student: str, before: set[str]) -> Moved:
    """Write a person of a list into the line that is theirs, or into a new one; and say what that changed."""

    def moved(state: str, *what: str) -> Moved:
        return Moved(student_text(student), entry.name, state, student_text("; ".join(filter(None, what))))

    back = _is_back(lines, entry, student)
    news = []
    if entry.platform == "moodle" and entry.number:  # an assignment's number has a line of its own, ids have another
        news += [f"number {entry.number}"] if _numbered(lines, entry, student) else []
        entry = replace(entry, number="")
    at = _place(lines, entry, student)
    if at is None:
        lines.append(Line(entry.platform, entry.number, entry.name, student, dict(entry.kept)))
        state = "back" if back else "changed" if student in before else "added"
        return moved(state, back, *([] if state == "added" else [f"on the list of {entry.platform or 'the class'}"]))
    old = lines[at]
    # A list that says only ids has no names to give.
    name = old.name if entry.name == entry.student and old.name else entry.name
    lines[at] = Line(old.platform, entry.number or old.number, name, student, {**old.more, **entry.kept})
    for key, value in entry.kept.items():
        if old.more.get(key) != value:
            news.append(f"{key}: {old.more.get(key) or '–'} → {value}")
    if entry.number and entry.number != old.number:
        news.append(f"number {entry.number}")
    if old.more.get(LEFT):
        news.append("on the list, and left by class/roster.csv")
    if back:
        return moved("back", back, *news)
    if not old.student:
        return moved("changed" if student in before else "added", *news)
    if old.name != name:
        return moved("renamed", f"{old.name} → {name}", *news)
    return moved("changed" if news else "same", *news)


def _is_back(lines: list[Line], entry: Entry, student: str) -> str:
    """Take away what an earlier list wrote of who was gone, and return it; what a person wrote there stays."""
    found = ""
    for at, line in enumerate(lines):
        left = line.more.get(LEFT, "")
        if line.student == student and line.platform == entry.platform and MARK.fullmatch(left):
            lines[at], found = replace(line, more={**line.more, LEFT: ""}), left
    return found


def _numbered(lines: list[Line], entry: Entry, student: str) -> bool:
    """Make sure that a number of a platform has its student; whether it had none."""
    for at, line in enumerate(lines):
        if (line.platform, line.number) == (entry.platform, entry.number):
            lines[at] = replace(line, student=student)
            return not line.student
    lines.append(Line(entry.platform, entry.number, entry.name, student))
    return True


def _place(lines: Sequence[Line], entry: Entry, student: str) -> int | None:
    """Which line is a person's: of that number; else of that student on that platform without a number."""
    for at, line in enumerate(lines):
        if entry.number and (line.platform, line.number) == (entry.platform, entry.number):
            return at
    for at, line in enumerate(lines):
        if line.student == student and line.platform == entry.platform and not line.number:
            return at
    return None


def _gone(lines: list[Line], platforms: set[str], listed: set[str], today: date) -> Iterator[Moved]:
    """Mark who is on these platforms by the roster, and not by the list; who had left before stays so."""
    gone: dict[str, str] = {}
    for at, line in enumerate(lines):
        if line.student and line.student not in listed and line.platform in platforms and not line.more.get(LEFT):
            gone.setdefault(line.student, line.name)
            of = f" of {line.platform}" if line.platform else ""
            lines[at] = replace(line, more={**line.more, LEFT: f"{today:%Y-%m-%d}: not on the list{of}"})
    for student, name in gone.items():
        still = sorted(
            {line.platform or "all platforms" for line in lines if line.student == student and not line.more.get(LEFT)}
        )
        said = f"still on {', '.join(still)}" if still else "their lines say so in the column left; points stay"
        yield Moved(student_text(student), student_text(name), "gone", student_text(said))


def _namesakes(before: Roster, entries: Sequence[Entry], students: Sequence[str]) -> Iterator[StudentText]:
    """New students who are called like one who was there: the same person under a second id, or somebody else."""
    there: dict[str, set[str]] = defaultdict(set)
    for line in before.lines:
        for key in spellings(line.name) - {""} if line.student else ():
            there[key].add(line.student)
    known = {line.student for line in before.lines}
    for entry, student in zip(entries, students, strict=True):
        others = there.get(name_key(entry.name), set()) - {student}
        if others and student not in known:
            other = min(others)
            said = f"{student} is called like {other}: `grader student merge {other} {student}` if they are one"
            yield student_text(said)
