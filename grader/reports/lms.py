"""Grades as the gradebook imports of learning platforms take them: a line a student, a column a lab.

Canvas: `Student, ID, SIS User ID, SIS Login ID, Section`, then assignments, with their points in a second line (Canvas
Instructor Guide, "How do I import grades in the Gradebook?"). Moodle: `username`, or `ID number` or `Email address`,
then grade items; the import asks which column is what (Moodle docs, "Grade import"). Points are each student's best, as
`grades` gives them. Who is who for a platform stands in its own export, or since `grader roster import` in
`class/roster.csv`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.course.names import nearest
from grader.course.roster import Line
from grader.course.tables import read_table
from grader.files import write_csv
from grader.reports.grades import Grade

FORMATS = ("csv", "canvas", "moodle")
CANVAS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
CANVAS_LOGIN, MOODLE_LOGIN = "SIS Login ID", "username"
MOODLE_LOGINS = ("username", "Username", "ID number", "Email address")
POINTS_POSSIBLE = "    Points Possible"


@dataclass(frozen=True)
class Scale:
    """Letters by the least share of all points that each needs, the best first: A from 0.9, B from 0.8 …"""

    steps: tuple[tuple[str, float], ...]

    @staticmethod
    def parse(text: str) -> Scale:
        """Read `A=90,B=80,C=70,D=60,F=0`: letters with the least per cent.

        Raises:
            LookupError: it is no such list, does not fall, or does not end at 0.
        """
        try:
            pairs = [part.split("=") for part in text.split(",")]
            steps = tuple((letter.strip(), float(least) / 100) for letter, least in pairs)
        except ValueError:
            raise LookupError(f"--letters {text!r} is no list such as A=90,B=80,C=70,D=60,F=0.") from None
        shares = [least for _, least in steps]
        if shares != sorted(set(shares), reverse=True) or shares[-1] != 0 or shares[0] > 1:
            raise LookupError(f"--letters {text!r}: per cents have to fall from at most 100 to 0, as in A=90,B=50,F=0.")
        return Scale(steps)

    def letter(self, share: float) -> str:
        """The letter of a share of all points; shares are compared as shown, in hundredths of a per cent."""
        return next(letter for letter, least in self.steps if round(share, 4) >= least)


def lms_rows(
    found: Sequence[Grade],
    target: str,
    titles: Mapping[str, str],
    scale: Scale | None,
    roster: Path | None = None,
    remembered: Sequence[Line] = (),
) -> tuple[list[list[str]], list[str]]:
    """The lines of the file with its head, and what an instructor should know.

    Args:
        found: grades by lab and student.
        target: `canvas` or `moodle`.
        titles: what each lab is called on the platform.
        scale: for a column with a letter over all labs.
        roster: a gradebook or user list that the platform exported; its columns that name students are taken over.
        remembered: without one, the lines of `class/roster.csv`, of those who have not left.

    Raises:
        LookupError: the roster has no column that names students.
    """
    labs = list(dict.fromkeys(grade.lab for grade in found))
    most = {grade.lab: grade.max_score for grade in found}
    by_student: dict[str, dict[str, Grade]] = {}
    for grade in found:
        by_student.setdefault(grade.student, {})[grade.lab] = grade
    known, head, told = _identities(target, roster, remembered, sorted(by_student))
    lines = [[*head, *(titles[lab] for lab in labs), *(["Final Grade"] if scale else [])]]
    if target == "canvas":
        lines.append([POINTS_POSSIBLE, *[""] * (len(head) - 1), *(f"{most[lab]:g}" for lab in labs)])
        lines[-1] += ["(read only)"] if scale else []
    for student, identity in known.items():
        own = by_student.get(student, {})
        line = [*identity, *(f"{own[lab].score:g}" if lab in own else "" for lab in labs)]
        if scale:
            earned, possible = sum(grade.score for grade in own.values()), sum(most.values())
            line.append(scale.letter(earned / possible if possible else 0.0))
        lines.append(line)
    return lines, told


def write_lines(lines: Sequence[Sequence[str]], path: Path) -> Path:
    """Write a CSV file in UTF-8, as both platforms read it."""
    return write_csv(path, lines[0], lines[1:])


def _identities(
    target: str, roster: Path | None, remembered: Sequence[Line], students: Sequence[str]
) -> tuple[dict[str, list[str]], list[str], list[str]]:
    """By student the cells that tell the platform who it is, their heads, and who is missing on either side."""
    if roster is None:
        return _remembered(target, remembered, students)
    found, lines = read_table(roster, {*CANVAS, *MOODLE_LOGINS})
    rows = [row for _, row in lines]
    possible = (CANVAS_LOGIN,) if target == "canvas" else MOODLE_LOGINS
    login = next((name for name in possible if name in found), None)
    if login is None:
        raise LookupError(f"{roster}: no column is called {' or '.join(possible)}; export it from {target} again.")
    head = [name for name in CANVAS if name in found] if target == "canvas" else [login]
    listed = {row[login]: [row[name] for name in head] for row in rows if row[login]}
    here, there = [one for one in students if one not in listed], [one for one in listed if one not in students]
    told = [f"{student}: has grades here but is not in {roster}; {nearest(student, there)}" for student in here]
    told += [f"{student}: is in {roster} but has no grades here; {nearest(student, here)}" for student in there]
    return listed, head, told


def _remembered(
    target: str, lines: Sequence[Line], students: Sequence[str]
) -> tuple[dict[str, list[str]], list[str], list[str]]:
    """The same by what `grader roster import` wrote into `class/roster.csv`; without that, by their ids alone.

    Moodle finds students by one column: the first that everybody has something in.
    """
    names = CANVAS[2:] if target == "canvas" else MOODLE_LOGINS
    own = {
        line.student: line
        for line in lines
        if line.platform == target and line.student and any(line.more.get(name) for name in names)
    }
    if not own:
        if target == "moodle":
            return {student: [student] for student in students}, [MOODLE_LOGIN], []
        return {student: [student, "", "", student, ""] for student in students}, list(CANVAS), []
    here = [student for student in students if student not in own]
    told = [
        f"{student}: has grades here, and no line of {target} in class/roster.csv; {nearest(student, own)} "
        "Import the platform's list anew."
        for student in here
    ]
    if target == "canvas":
        cells = {
            one: [line.name, line.number, *(line.more.get(name, "") for name in names)] for one, line in own.items()
        }
        return dict(sorted(cells.items())), list(CANVAS), told
    full = [name for name in names if all(line.more.get(name) for line in own.values())]
    login = (full or [name for name in names if any(line.more.get(name) for line in own.values())])[0]
    told += [f"{one}: has no {login} in class/roster.csv" for one in sorted(own) if not own[one].more.get(login)]
    found = {one: [line.more[login]] for one, line in sorted(own.items()) if line.more.get(login)}
    return found, [MOODLE_LOGIN if login == "Username" else login], told
