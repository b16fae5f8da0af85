"""Who is graded: what an assignment needs to be known, the class, and which of it was asked for."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from pathlib import Path

from nbgrader import api

from grader.course.as_they_come import Signature, defined
from grader.course.coursedir import gradebook, time_in
from grader.course.known import gone, in_gradebook
from grader.course.names import nearest
from grader.course.paths import Course
from grader.files import write_whole
from grader.grading.assignment import Assignment
from grader.grading.intake import Wanted

SIGNATURES = "signatures.json"


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
    """Every student whom the gradebook knows or who has a folder among what was handed in, in order; who left is not.

    A student without a submission of the assignment at hand gets a row too.

    Raises:
        LookupError: the roster cannot be read.
    """
    everyone = {*course.students("submitted", lab), *in_gradebook(course)}
    return sorted(everyone - {*gone(course)} - set(course.layout.excluded))


def chosen(course: Course, lab: str, pattern: str | None, newer: bool) -> list[str]:
    """The students whose names match a pattern; with `newer`, those of them whose work is newer than what was graded.

    Raises:
        LookupError: nobody's does.
    """
    everyone = roster(course, lab)
    names = [name for name in everyone if pattern is None or fnmatchcase(name, pattern)]
    if not names and pattern is not None:
        for name, why in gone(course).items():
            if fnmatchcase(name, pattern):
                raise LookupError(f"{name} is gone ({why}); see `grader student list`.")
        raise LookupError(f"no student is called {pattern!r}; {nearest(pattern, everyone)}")
    return [name for name in names if not newer or _is_newer(course, lab, name)]


def _is_newer(course: Course, lab: str, student: str) -> bool:
    """As nbgrader has it: never graded, or with a time that is later than that of what was graded."""
    graded = course.folder("autograded", student, lab)
    if not graded.is_dir():
        return True
    now, before = (time_in(folder) for folder in (course.folder("submitted", student, lab), graded))
    return now is not None and before is not None and now > before


def wanted_of(course: Course, assignment: Assignment, spool: Path) -> Wanted:
    """What of a student's folder is a submission of it; what tells the course's notebooks apart is left in `spool`."""
    names = tuple(master.name for master in assignment.masters)
    path = spool / SIGNATURES
    write_whole(path, json.dumps([one.as_json() for one in signatures(course)]).encode("ascii"))
    large = tuple(assignment.given.large)
    return Wanted(names, assignment.steps.ignore, assignment.steps.by_student, large, str(path))


def signatures(course: Course) -> list[Signature]:
    """What tells the notebooks of the course apart, by assignment and name."""
    found: dict[tuple[str, str], tuple[set[str], set[str]]] = {}
    with gradebook(course) as book:
        cell = api.SourceCell
        columns = (api.Assignment.name, api.Notebook.name, cell.name, cell.cell_type, cell.locked, cell.source)
        query = book.db.query(*columns).select_from(cell).join(api.Notebook, cell.notebook_id == api.Notebook.id)
        for lab, notebook, name, kind, locked, source in query.join(
            api.Assignment, api.Notebook.assignment_id == api.Assignment.id
        ):
            ids, defines = found.setdefault((lab, notebook), (set(), set()))
            ids.add(name)
            defines.update(defined(source or "") if kind == "code" and not locked else ())
    return [
        Signature(lab, notebook, frozenset(ids), frozenset(defines))
        for (lab, notebook), (ids, defines) in sorted(found.items())
    ]
