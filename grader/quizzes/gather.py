"""Every student's attempts at the quiz of a lab, as they were handed in, rescored."""

from __future__ import annotations

from grader.paths import Course
from grader.quizzes.keep import load_kept
from grader.quizzes.run import ATTEMPTS_FILE
from grader.quizzes.score import MAX_FILE, AttemptScore, QuizScore, score_attempts


def class_attempts(course: Course, lab: str) -> dict[str, QuizScore]:
    """By student, in order; students who handed in no attempts file are left out.

    Raises:
        LookupError: the lab has no quiz.
    """
    path = course.bank_of(lab)
    if path is None:
        raise LookupError(f"{lab} has no quiz: there is no bank of its name in {course.quizzes}.")
    banks = load_kept(course.banks)
    found = {}
    for file in sorted(course.submitted.glob(f"*/{lab}/{ATTEMPTS_FILE}")):
        if file.is_symlink() or not file.is_file():
            continue
        with file.open("rb") as opened:
            raw = opened.read(MAX_FILE + 1)
        found[file.parent.parent.name] = score_attempts(raw, banks, path.stem)
    return found


def first_attempts(course: Course, lab: str) -> list[AttemptScore]:
    """The first intact attempt of each student: what they knew before any feedback."""
    return [scored.attempts[0] for scored in class_attempts(course, lab).values() if scored.attempts]
