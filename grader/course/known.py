"""Whom a course knows: in its gradebook, its folders and its roster; who has left; and the name that was meant."""

from __future__ import annotations

from collections.abc import Mapping

from grader.course.coursedir import gradebook
from grader.course.late import Late, late_file
from grader.course.names import nearest
from grader.course.paths import Course
from grader.course.roster import Line, read_remembered
from grader.text import StudentText, student_text

LEFT = "left"  # a column of class/roster.csv: since when, or yes


def in_gradebook(course: Course) -> set[str]:
    """Everybody with a row in the gradebook."""
    with gradebook(course) as book:
        return {student.id for student in book.students if not student.id.startswith(".")}


def in_submitted(course: Course) -> set[str]:
    """Everybody with a folder among what was handed in."""
    return {student for lab in course.known() or ["any"] for student in course.students("submitted", lab)}


def in_roster(course: Course) -> Mapping[str, tuple[Line, ...]]:
    """The lines of `class/roster.csv`, by student.

    Raises:
        LookupError: it cannot be read.
    """
    found: dict[str, list[Line]] = {}
    for line in read_remembered(course.roster).lines:
        if line.student:
            found.setdefault(line.student, []).append(line)
    return {student: tuple(lines) for student, lines in found.items()}


def everybody(course: Course) -> set[str]:
    """Everybody whom the course knows, gone or not."""
    return in_gradebook(course) | in_submitted(course) | {*in_roster(course)}


def gone(course: Course) -> Mapping[str, StudentText]:
    """Who has left, and how it is known.

    All lines of somebody in `class/roster.csv` say something in the column `left`; or the roster does not have them,
    something of theirs was graded here, and no folder of theirs is among what was handed in any more.

    Raises:
        LookupError: the roster cannot be read.
    """
    listed = in_roster(course)
    found: dict[str, StudentText] = {}
    for student, lines in listed.items():
        since = [line.more.get(LEFT, "").strip() for line in lines]
        if all(since):
            found[student] = student_text(f"left: {since[0]}" if since[0].casefold() != "yes" else "left")
    there = in_submitted(course)
    for student in in_gradebook(course) - there - {*listed}:
        if any(course.folder("autograded", student, lab).is_dir() for lab in course.known()):
            found[student] = student_text("nothing of theirs is among what was handed in any more")
    return dict(sorted(found.items()))


def require_known(course: Course, late: Late) -> None:
    """Make sure that everybody who has an extension is somebody.

    Raises:
        LookupError: a name is nobody's; the message has the nearest one.
    """
    names = {student: lab for lab, granted in late.extensions.items() for student in granted}
    if not names or not (wrong := sorted({*names} - (known := everybody(course)))):
        return
    where = f"{late_file(course)}: [extensions.{names[wrong[0]]}]"
    named = student_text(wrong[0], 60)
    raise LookupError(
        f"{where}: no student is called {named!r}; {nearest(wrong[0], known)} Who has not handed in anything yet is "
        "known by a line of the roster, or by `nbgrader db student add`."
    )
