"""Every student's attempts at the quiz of a lab, as they were handed in, rescored; files are read by `reading`."""

from __future__ import annotations

from grader.course.paths import Course
from grader.grading.reading import score_all
from grader.quizzes.score import QuizScore


def class_attempts(course: Course, lab: str) -> dict[str, QuizScore]:
    """By student, in order; students who handed in no attempts file are left out.

    A file that cannot be read earns nothing, and its score says why.

    Raises:
        LookupError: the lab has no quiz.
    """
    path = course.bank_of(lab)
    if path is None:
        raise LookupError(f"{lab} has no quiz: there is no bank of its name in {course.quizzes}.")
    return dict(sorted(score_all(course, lab, path.stem, course.students("submitted", lab))))
