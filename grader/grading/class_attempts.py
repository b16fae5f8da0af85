"""Every student's attempts at the quiz of a lab, as they were handed in, rescored; files are read by `reading`."""

from __future__ import annotations

from collections.abc import Sequence

from grader.course.paths import Course
from grader.grading.reading import score_all
from grader.quizzes.score import QuizScore


def class_attempts(course: Course, lab: str, students: Sequence[str] | None = None) -> dict[str, QuizScore]:
    """By student, in order, of these students or of all; who handed in no attempts file is left out.

    A file that cannot be read earns nothing, and its score says why.

    Raises:
        LookupError: the lab has no quiz.
    """
    path = course.bank_of(lab)
    if path is None:
        raise LookupError(f"{lab} has no quiz: there is no bank of its name in {course.quizzes}.")
    names = course.students("submitted", lab) if students is None else students
    return dict(sorted(score_all(course, lab, path.stem, names)))
