"""Who is graded: what an assignment needs to be known, the class, and which of it was asked for."""

from __future__ import annotations

from difflib import get_close_matches
from fnmatch import fnmatchcase

from grader.course.coursedir import gradebook, time_in
from grader.course.paths import Course
from grader.grading.assignment import Assignment
from grader.grading.intake import Wanted


def require_assignment(course: Course, lab: str) -> None:
    """Make sure that nbgrader knows the assignment.

    Raises:
        LookupError: it does not; the message says what registers it.
    """
    with gradebook(course) as book:
        known = {one.name for one in book.assignments if one.notebooks}
    if lab in known:
        return
    if lab in course.assignments():
        raise LookupError(f"{lab} is not registered in the gradebook: run `grader build {lab}` first.")
    if course.source_of(lab).is_dir():
        raise LookupError(f"{lab} is not registered in the gradebook: run `nbgrader generate_assignment {lab}` first.")
    there = ", ".join(sorted(known | set(course.assignments()))) or "none yet"
    raise LookupError(f"No assignment is called {lab!r} in {course.root}. Assignments: {there}.")


def roster(course: Course, lab: str) -> list[str]:
    """Every student whom the gradebook knows or who has a folder among what was handed in, in order.

    A student without a submission of the assignment at hand gets a row too.
    """
    with gradebook(course) as book:
        known = {student.id for student in book.students if not student.id.startswith(".")}
    return sorted({*course.students("submitted", lab), *known} - set(course.layout.excluded))


def chosen(course: Course, lab: str, pattern: str | None, newer: bool) -> list[str]:
    """The students whose names match a pattern; with `newer`, those of them whose work is newer than what was graded.

    Raises:
        LookupError: nobody's does.
    """
    everyone = roster(course, lab)
    names = [name for name in everyone if pattern is None or fnmatchcase(name, pattern)]
    if not names and pattern is not None:
        near = ", ".join(get_close_matches(pattern, everyone, 3)) or ", ".join(everyone[:3]) or "nobody"
        raise LookupError(f"no student is called {pattern!r}; there are: {near}.")
    return [name for name in names if not newer or _is_newer(course, lab, name)]


def _is_newer(course: Course, lab: str, student: str) -> bool:
    """As nbgrader has it: never graded, or with a time that is later than that of what was graded."""
    graded = course.folder("autograded", student, lab)
    if not graded.is_dir():
        return True
    now, before = (time_in(folder) for folder in (course.folder("submitted", student, lab), graded))
    return now is not None and before is not None and now > before


def wanted_of(assignment: Assignment) -> Wanted:
    """What of a student's folder is a submission of it."""
    names = tuple(master.name for master in assignment.masters)
    return Wanted(names, assignment.steps.ignore, assignment.steps.by_student, tuple(assignment.given.large))
