"""A new item to start from, of each type: commented, true as it stands, at the end of its lab's bank."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

from grader.course.paths import Course
from grader.files import write_whole

TYPES = ("single", "multiple", "numeric", "order", "match", "cloze", "code-output")


def begin(course: Course, lab: str, kind: str) -> tuple[Path, str]:
    """Write an item of that type at the end of a lab's bank, which is made if need be: the file, and the item's id.

    Raises:
        LookupError: there is no such lab or type; the message lists those that there are.
    """
    if kind not in TYPES:
        raise LookupError(f"no type is called {kind!r}; there are: {', '.join(TYPES)}.")
    labs = list(course.assignments())
    known = {
        **{bank: next((one for one in labs if one.partition("-")[2] == bank), bank) for bank in course.bank_files()}
    }
    known |= {one: one for one in labs}
    if lab not in known:
        raise LookupError(f"no lab is called {lab!r}; there are: {', '.join(labs) or 'none'}.")
    path = course.bank_of(lab) or course.bank_files().get(lab) or course.quizzes / f"{lab}.yaml"
    before = path.read_text(encoding="utf-8") if path.exists() else f"title: {lab}\nbound: required\nitems:\n"
    name = next(
        one for one in _names(f"new-{kind}") if not re.search(rf"^\s*- id: {one}(?:\s|$)", before, re.MULTILINE)
    )
    text = resources.files("grader.quizzes").joinpath("templates", f"item-{kind}.yaml.j2").read_text(encoding="utf-8")
    of_bank = re.search(r"^    lab: ([\w-]+)", before, re.MULTILINE)
    its_lab = known[lab] if known[lab] in labs or of_bank is None else of_bank[1]
    item = text.replace("THE-ID", name).replace("THE-LAB", its_lab)
    write_whole(path, f"{before.rstrip()}\n{item}".encode())
    return path, name


def _names(first: str) -> list[str]:
    return [first, *(f"{first}-{number}" for number in range(2, 100))]
