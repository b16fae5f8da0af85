"""Formgrader shows what counts: nbgrader 0.9.6 lists scores from which nothing was taken off for being late.

Its export and its feedback take the penalty off, its pages do not: one submission has two numbers. Importing this
module mends what the pages ask, `nbgrader.apps.api.NbGraderAPI`; the gradebook stays as it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import wraps
from typing import Any

from nbgrader.api import Assignment, Notebook, Student, SubmittedAssignment, SubmittedNotebook
from nbgrader.apps.api import NbGraderAPI

Penalties = Counter[tuple[str, str, str]]  # by assignment, student and notebook


def _penalties(api: Any) -> Penalties:
    """What was taken off, where something was."""
    with api.gradebook as book:
        found = (
            book.db.query(Assignment.name, Student.id, Notebook.name, SubmittedNotebook.late_submission_penalty)
            .select_from(SubmittedNotebook)
            .join(SubmittedAssignment, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
            .join(Notebook, SubmittedNotebook.notebook_id == Notebook.id)
            .join(Assignment, SubmittedAssignment.assignment_id == Assignment.id)
            .join(Student)
            .filter(SubmittedNotebook.late_submission_penalty > 0)
        )
        return Counter({(lab, student, name): float(off) for lab, student, name, off in found})


def _off(penalties: Penalties, lab: str = "", student: str = "", notebook: str = "") -> float:
    """The sum of the penalties of one assignment, student and notebook, or of all where none is named."""
    wanted = (lab, student, notebook)
    meant = [key for key in penalties if all(not one or one == had for one, had in zip(wanted, key, strict=True))]
    return sum(penalties[key] for key in meant)


Line = dict[str, Any]  # what formgrader shows in one row


def _shows(name: str, off: Callable[..., float], score: str = "score") -> None:
    """Let a method of nbgrader's give scores less penalties, in the line or the list of lines that it answers with.

    Args:
        name: of the method.
        off: what to take off, from nbgrader's API, all penalties, a line and the arguments of the method.
        score: where in a line the score stands.
    """
    before = getattr(NbGraderAPI, name)

    @wraps(before)
    def method(self: Any, *args: Any, **options: Any) -> Any:
        answer = before(self, *args, **options)
        lines: list[Line] = answer if isinstance(answer, list) else [answer]
        shown = [line for line in lines if line and line.get(score)]
        if shown and (penalties := _penalties(self)):
            for line in shown:
                line[score] = max(0.0, round(line[score] - off(self, penalties, line, *args), 6))
        return answer

    setattr(NbGraderAPI, name, method)


def _of_submission(_api: Any, penalties: Penalties, line: Line, *_: str) -> float:
    return _off(penalties, line["name"], line["student"])


def _of_student(_api: Any, penalties: Penalties, line: Line, *_: str) -> float:
    return _off(penalties, student=line["id"])


def _of_notebook(_api: Any, penalties: Penalties, line: Line, lab: str, notebook: str) -> float:
    return _off(penalties, lab, line["student"], notebook)


def _of_students_notebook(_api: Any, penalties: Penalties, line: Line, student: str, lab: str) -> float:
    return _off(penalties, lab, student, line["name"])


def _mean(api: Any, penalties: Penalties, line: Line, *_: str) -> float:
    with api.gradebook as book:  # the line counts all that were handed in, the mean those that were graded
        submissions: int = book.find_assignment(line["name"]).num_submissions
    return _off(penalties, line["name"]) / submissions


def _mean_of_notebook(_api: Any, penalties: Penalties, line: Line, lab: str) -> float:
    return _off(penalties, lab, notebook=line["name"]) / (line["num_submissions"] or 1)


_shows("get_submission", _of_submission)
_shows("get_submissions", _of_submission)
_shows("get_student", _of_student)
_shows("get_students", _of_student)
_shows("get_notebook_submissions", _of_notebook)
_shows("get_student_notebook_submissions", _of_students_notebook)
_shows("get_assignment", _mean, "average_score")
_shows("get_notebooks", _mean_of_notebook, "average_score")
