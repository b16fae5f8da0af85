"""Who is who: from the names and numbers that a platform uses to the ids of students in the gradebook."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

LOGINS = ("student", "SIS Login ID", "Username", "username", "ID number", "Email address")
NUMBERS = ("number", "ID", "Identifier")
NAMES = ("name", "Student", "Full name")
PARTICIPANT = "Participant "  # Moodle's worksheets write it before the number that its downloads have


@dataclass(frozen=True)
class Roster:
    """Ids by number and by name. Names are compared without case, accents, spaces and order of their parts."""

    numbers: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)

    def find(self, number: str, name: str) -> str | None:
        """The id of a student; a number counts before a name."""
        return self.numbers.get(number) if number in self.numbers else self.names.get(squeezed(name))


def read_roster(path: Path) -> Roster:
    """Read a CSV file with a head: one's own (`name,student` or `number,student`), or a platform's export.

    Canvas: `Student`, `ID` and `SIS Login ID` of an exported gradebook. Moodle: `Identifier`, `Full name`, and `ID
    number`, `Username` or `Email address` of a grading worksheet.

    Raises:
        LookupError: it is no such file, or two students have one name.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [{key: (value or "").strip() for key, value in row.items() if key} for row in csv.DictReader(file)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise LookupError(f"{path}: no CSV file in UTF-8: {error}.") from None
    head = set(rows[0]) if rows else set()
    login = next((name for name in LOGINS if name in head), None)
    if login is None or not head & {*NUMBERS, *NAMES}:
        found = ", ".join(sorted(head)) or "nothing"
        raise LookupError(f"{path}: columns that tell who is who were expected, such as name,student; found {found}.")
    numbers: dict[str, str] = {}
    names: dict[str, str] = {}
    for line, row in enumerate(rows, start=2):
        student = row[login]
        if not student:
            continue
        for key in (name for name in NUMBERS if row.get(name)):
            numbers[row[key].removeprefix(PARTICIPANT)] = student
        for key in (name for name in NAMES if row.get(name)):
            for spelling in _spellings(row[key]):
                if names.setdefault(spelling, student) != student:
                    said = f"{row[key]} is the name of {names[spelling]} and of {student}"
                    raise LookupError(f"{path}:{line}: {said}; tell them apart by a column `number`.")
    return Roster(numbers, names)


def squeezed(name: str, joiner: str = "") -> str:
    """A name in small letters and digits alone: `Ada  Lovelace` gives adalovelace, or ada-lovelace with a joiner."""
    plain = "".join(sign for sign in unicodedata.normalize("NFKD", name) if not unicodedata.combining(sign))
    return joiner.join(re.findall(r"[\w.@]+" if joiner else r"[^\W_]+", plain.casefold())).strip("._")


def _spellings(name: str) -> set[str]:
    """`Lovelace, Ada` and `Ada Lovelace` as platforms write them in the names of files."""
    last, comma, first = name.partition(",")
    parts = [first, last] if comma else [name]
    words = " ".join(parts).split()
    turned = words[1:] + words[:1], words[-1:] + words[:-1]
    return {squeezed(" ".join(words)), squeezed(name), *(squeezed(" ".join(one)) for one in turned)}
