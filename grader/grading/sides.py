"""One side of a notebook with git's conflict markers, for an instructor who says which one counts.

It runs where `intake` does. What was handed in is read only; see `decided` for what is done with a side.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from grader.course.as_they_come import UnreadError
from grader.course.paths import Course
from grader.files import MAX_NOTEBOOK_BYTES, read_plain, write_whole
from grader.grading.intake import Taken, Wanted
from grader.grading.looking import NotReadyError, look_at
from grader.grading.reading_notebooks import read_notebook, read_side
from grader.text import student_text


def settle(course: Course, lab: str, student: str, wanted: Wanted, side: str, spool: Path) -> Taken:
    """Write the side of a conflict that counts to `spool`, under its digest.

    `Taken.meant` is the name of the notebook; where there is no conflict that has this side, it is not ready.
    """
    try:
        there = look_at(course, student, course.folder("submitted", student, lab), wanted.notebooks)
        for name, path in there.items():
            raw = read_plain(path, MAX_NOTEBOOK_BYTES)
            if _is_read(raw, name):
                continue
            text = read_side(raw, name, side)
            digest = hashlib.sha256(text).hexdigest()
            write_whole(spool / digest, text)
            return Taken(student, True, digest=digest, meant=path.name)
    except (NotReadyError, UnreadError) as found:
        return Taken(student, False, student_text(found.reason), student_text(found.remedy))
    except (OSError, MemoryError) as refused:
        said = f"it cannot be read: {type(refused).__name__}"
        return Taken(student, False, student_text(said), student_text("look at its rights, and grade again"))
    return Taken(student, False, student_text("it has no conflict"), student_text("grade it without --side"))


def _is_read(raw: bytes, name: str) -> bool:
    try:
        read_notebook(raw, name)
    except UnreadError:
        return False
    return True
