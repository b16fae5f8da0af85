"""Who is who in a run: from people as platforms tell them to ids of students, with all namesakes held back."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.course.names import folded, made_id, name_key, spellings
from grader.course.roster import Line, Roster, id_problem
from grader.text import student_text

MOST_NAMED = 5
MAX_NAME = 200
FILES = "files"  # the platform of a hand-in that was given by itself: its folder names the student

RENAME = "rename that folder, or give another id in class/roster.csv, and collect again"


@dataclass(frozen=True)
class Person:
    """Somebody as a platform tells them: by a number; or, where it has none, by a name alone."""

    platform: str
    number: str
    name: str

    @property
    def identity(self) -> tuple[str, str, str]:
        """What makes two of them one: a number, whatever the name; without one the name, sign by sign."""
        return self.platform, self.number, "" if self.number else self.name

    def __str__(self) -> str:
        return " ".join(part for part in (self.platform, self.number or self.name) if part)


def person(platform: str, number: str, name: str) -> Person:
    """A person with a name that can be shown and stored."""
    return Person(platform, number, student_text(unicodedata.normalize("NFC", name.strip()), MAX_NAME).strip())


@dataclass(frozen=True)
class Held:
    """Why nothing of a person is taken, and what to do."""

    why: str
    remedy: str


@dataclass(frozen=True)
class Decided:
    """The student of each person, by identity, or why they are held back; and what is to be remembered of both."""

    students: Mapping[tuple[str, str, str], str | Held]
    roster: Roster


def who_is_who(
    seen: Iterable[tuple[Person, Path]],
    remembered: Roster,
    told: Sequence[Line] | None = None,
    folders: Collection[str] = (),
    same_people: bool = False,
) -> Decided:
    """Decide of each person who it is.

    A number that a roster knows decides. Otherwise a name does, if nobody else could be meant by it: nobody else in
    these downloads, nobody in the rosters under another number, no folder that is there already.

    Args:
        seen: people, with the downloads that they are in.
        remembered: `class/roster.csv`.
        told: another list of students, such as a platform's; then nobody else is taken.
        folders: the names in `class/submitted`.
        same_people: a known name under a new number is the same person, as in Moodle, which numbers anew in each
            assignment; two of one name in one download are held back all the same.
    """
    run = _Run(seen, remembered, told, folders, same_people)
    students = {identity: run.decide(one) for identity, one in run.people.items()}
    for group in list(_shared(students, run)):
        names = ", ".join(sorted(str(run.people[identity]) for identity in group))
        for identity in group:
            students[identity] = run.ask(run.people[identity], f"more than one person would be this student: {names}")
    return Decided(students, _remember(remembered, run, students))


class _Run:
    """What is known while people are decided upon, by number and by name."""

    def __init__(
        self,
        seen: Iterable[tuple[Person, Path]],
        remembered: Roster,
        told: Sequence[Line] | None,
        folders: Collection[str],
        same_people: bool,
    ) -> None:
        self.people: dict[tuple[str, str, str], Person] = {}
        self.downloads: dict[tuple[str, str, str], set[Path]] = defaultdict(set)
        self.of_key: dict[str, set[tuple[str, str, str]]] = defaultdict(set)
        for one, download in seen:
            self.people.setdefault(one.identity, one)
            self.downloads[one.identity].add(download)
            self.of_key[name_key(one.name)].add(one.identity)
        self.remembered, self.told, self.same_people = remembered, told, same_people
        self.numbers: dict[tuple[str, str], str] = {}
        self.told_numbers: dict[tuple[str, str], str] = {}
        self.names: dict[str, list[Line]] = defaultdict(list)
        for lines, numbers in ((remembered.lines, self.numbers), (told or (), self.told_numbers)):
            for line in lines:
                if line.number and line.student:
                    numbers[line.platform, line.number] = line.student
                for key in spellings(line.name) - {""}:
                    self.names[key].append(line)
        self.ids = {folded(line.student): line.student for line in (*remembered.lines, *(told or ())) if line.student}
        self.spelled = {folded(line.student): line.student for line in remembered.lines if line.student}
        self.folders = {folded(folder): folder for folder in folders}
        self.exact = {*self.ids.values(), *self.folders.values()}
        self.nameless = {
            (line.platform, line.name): line.student for line in remembered.lines if line.student and not line.number
        }
        self.owners: dict[str, list[Line]] = defaultdict(list)
        for line in (*remembered.lines, *(told or ())):
            if line.number and line.student:
                self.owners[folded(line.student)].append(line)

    def decide(self, one: Person) -> str | Held:
        """The student, or why that is not known."""
        if not one.number and not one.name:
            return Held("it names no student", "say how paths read with --pattern, or name its folder like the student")
        student = self.by_number(one)
        if student is None:
            student = self._by_name(one)
        if isinstance(student, Held):
            return student
        if problem := id_problem(student):
            return self.ask(one, f"the id {student_text(student, 40)!r} {problem}")
        before = self.spelled.get(folded(student), student)
        if before != student:
            return Held(
                f"class/roster.csv has the id {before}, and {student} would be the same for some file systems", RENAME
            )
        there = self.folders.get(folded(student), student)
        if there != student and unicodedata.normalize("NFC", there) != unicodedata.normalize("NFC", student):
            return Held(f"class/submitted has {there}, and {student} would be the same for some file systems", RENAME)
        return student

    def ask(self, one: Person, why: str) -> Held:
        """Hold a person back until the instructor completes their line, or says that only the number is new."""
        line = Line(one.platform, one.number, one.name, "").as_text()
        remedy = f"write the student's id behind `{line}` in class/roster.csv, and collect again"
        here = self.downloads[one.identity]
        namesakes = self.of_key.get(name_key(one.name), set())
        alone = not any(other != one.identity and self.downloads[other] & here for other in namesakes)
        if one.number and alone and not self.same_people:
            remedy += "; if names tell all people apart, and only numbers are new, add --same-people"
        return Held(why, remedy)

    def by_number(self, one: Person) -> str | Held | None:
        """The student by a number, by a name that was decided upon before, or by a folder that is called like an id."""
        if one.platform == FILES and one.name in self.exact:
            return one.name
        if not one.number:
            return self.nameless.get((one.platform, one.name))
        here = self.numbers.get((one.platform, one.number)) or self.numbers.get(("", one.number))
        there = self.told_numbers.get(("", one.number))
        if here and there and here != there:
            said = f"{one} is {here} in class/roster.csv and {there} in the list of --roster"
            return Held(said, "make the two agree, and collect again")
        return here or there

    def _by_name(self, one: Person) -> str | Held:
        key = name_key(one.name)
        if one.name and (rivals := self._rivals(one, key)):
            others = ", ".join(sorted({str(one), *rivals}))
            return self.ask(one, f"more than one person is called {one.name}: {others}")
        lines = [line for line in self.names.get(key, []) if key and line.student and self._may_mean(line, one)]
        students = sorted({line.student for line in lines})
        owner = next((line for one_id in students for line in self.owners[folded(one_id)]), None)
        if owner and one.number and not self.same_people:
            return self.ask(one, f"{owner.student} is already the student with the number {owner.number}")
        if len(students) == 1:
            return students[0]
        if students:
            return self.ask(one, f"{one.name} is the name of {' and of '.join(students)}")
        if self.told is not None:
            return Held(f"nobody in the roster is {one.name} {one.number}".strip(), "add them to the roster")
        student = made_id(one.name) or one.number
        if not student:
            return self.ask(one, "it names no student")
        taken = self.ids.get(folded(student)) or self.folders.get(folded(student))
        if taken:
            return self.ask(one, f"{taken} is there already, and may be somebody else")
        return student

    def _may_mean(self, line: Line, one: Person) -> bool:
        """Whether a line of a roster says by its name who somebody is; nobody else is meant by it then."""
        return self.same_people or line.platform in ("", one.platform)

    def _rivals(self, one: Person, key: str) -> set[str]:
        """Who else could be meant by a person's name, in words."""
        found: set[str] = set()
        for identity in self.of_key.get(key, ()):
            together = not self.same_people or self.downloads[identity] & self.downloads[one.identity]
            if identity != one.identity and together:
                found.add(str(self.people[identity]))
            if len(found) == MOST_NAMED:
                return found
        for line in self.names.get(key, []) if key else []:
            if self.same_people and line.student:
                continue
            other = Person(line.platform or one.platform, line.number, line.name)
            by_name = not line.number and (not line.platform or (one.number and line.platform == one.platform))
            if not by_name and other.identity != one.identity:
                found.add(str(other))
            if len(found) == MOST_NAMED:
                break
        return found


def _shared(students: Mapping[tuple[str, str, str], str | Held], run: _Run) -> Iterable[set[tuple[str, str, str]]]:
    """People who would be one student, or one folder for some file systems, by no more than their names."""
    groups: dict[str, set[tuple[str, str, str]]] = defaultdict(set)
    for identity, student in students.items():
        if isinstance(student, str):
            groups[folded(student)].add(identity)
    for group in groups.values():
        named = {identity for identity in group if run.by_number(run.people[identity]) is None}
        if len({students[identity] for identity in group}) > 1:  # told by a list, in two spellings
            yield group
            continue
        if named and len(group) > 1:
            apart = not run.same_people or any(
                run.downloads[a] & run.downloads[b] for a in named for b in group if a != b
            )
            if apart:
                yield named


def _remember(roster: Roster, run: _Run, students: Mapping[tuple[str, str, str], str | Held]) -> Roster:
    """The roster with those who were decided upon, and with those who have to be; what stands there stays."""
    lines = list(roster.lines)
    places: dict[tuple[str, str, str], int] = {}
    for at, line in enumerate(lines):
        places.setdefault(Person(line.platform, line.number, line.name).identity, at)
    for identity, student in sorted(students.items()):
        one, known = run.people[identity], student if isinstance(student, str) else ""
        if ("", one.number, "") in places and one.number:
            continue
        at = places.get(identity, -1)
        if at < 0:
            if isinstance(student, str) or "class/roster.csv" in student.remedy:
                lines.append(Line(one.platform, one.number, one.name, known))
        elif known and not lines[at].student:
            old = lines[at]
            lines[at] = Line(old.platform, old.number, old.name, known, old.more)
    return Roster(tuple(lines), roster.head)
