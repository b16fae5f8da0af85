"""A page of feedback for each student, where nbgrader's `release_feedback` takes it: `class/feedback/<student>/<lab>/`.

It shows promises and hints of checks, verdicts and feedback on the student's own answers, and comments. Hidden inputs,
references, keys, tracebacks and faults of checks are not in its data.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from grader.cells import QUIZ_CELL
from grader.course.paths import Course
from grader.files import read_plain, write_whole
from grader.quizzes.kept import load_kept
from grader.quizzes.keyed import KeyedBank, KeyedItem
from grader.quizzes.score import AttemptScore
from grader.reports.pages import page
from grader.reports.results import HIDDEN, LabResults, Result, lab_results
from grader.text import student_text

QUIZ = QUIZ_CELL.removesuffix(HIDDEN)
SECRET, TIMESTAMP = "submission_secret.txt", "timestamp.txt"
MOST_BYTES = 1_000  # of either; nbgrader's own have fewer than 200


def write_feedback(
    course: Course,
    lab: str,
    told: Callable[[int, int], None] = lambda *_: None,
    students: Sequence[str] | None = None,
) -> tuple[list[Path], list[str]]:
    """Write the page of every student of a lab; returns the pages, and whose could not be written with the reason.

    Args:
        course: the course.
        lab: the lab.
        told: called with how many pages are written, and how many there are.
        students: whose; everybody's by default.

    Raises:
        LookupError: the lab is not in the gradebook.
    """
    results = lab_results(course, lab, students)
    banks = load_kept(course.banks) if course.bank_of(lab) else {}
    written = []
    failures = [f"{student}: {why}" for student, why in results.failed]
    for number, result in enumerate(results.results, start=1):
        goal = course.folder("feedback", result.student, lab) / f"{lab}.html"
        try:
            write_whole(goal, feedback_page(results, result, banks).encode("utf-8"))
            for name, content in for_release(course, result.student, lab).items():
                write_whole(goal.with_name(name), content)
            written.append(goal)
        except Exception as broken:  # noqa: BLE001 - one student's failure, whatever it is, is no other's
            what = f"{result.student}: no page was written: grade again ({type(broken).__name__}: {broken})"
            failures.append(student_text(what))
        told(number, len(results.results))
    return written, failures


def for_release(course: Course, student: str, lab: str) -> dict[str, bytes]:
    """What nbgrader's `release_feedback` reads beside a page: when the work was handed in, and the submission's secret.

    `nbgrader submit` writes the secret, and `fetch_feedback` finds the page by it. What came another way has none, and
    gets one that nobody can guess, since one page without it would stop the release of all others.
    """
    folder = course.folder("submitted", student, lab)
    made = hmac.new(course.secret(), f"feedback {lab} {student}".encode(), hashlib.sha512).hexdigest()
    found = {SECRET: made.encode(), TIMESTAMP: b""}
    for name in found:
        path = folder / name
        if any(place.is_symlink() for place in (folder.parent, folder)):
            continue
        with suppress(OSError):  # not there, or not readable: what came another way has none
            found[name] = _text(read_plain(path, MOST_BYTES)) or found[name]
    return found


def _text(content: bytes) -> bytes:
    """What a student's file says, where it is text: nbgrader reads it as such."""
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return b""
    return content


def feedback_page(lab: LabResults, result: Result, banks: Mapping[str, KeyedBank]) -> str:
    """One student's page."""
    quiz = result.quiz
    best = quiz.best if quiz else None
    attempts = [
        {"time": one.time[:16].replace("T", " "), "score": one.score, "best": one is best}
        for one in (quiz.attempts if quiz else ())
    ]
    worth = next((exercise.max_score for exercise in result.exercises if exercise.name == QUIZ), 0.0)
    return page(
        "feedback.html.j2",
        lab=lab,
        result=result,
        row={"reason": lab.rows.get(result.shown, {}).get("reason", "")},
        quiz_name=QUIZ,
        quiz_worth=worth,
        attempts=attempts,
        items=list(_items(best, banks)) if best else [],
        problems=quiz.problems if quiz else (),
    )


def _items(best: AttemptScore, banks: Mapping[str, KeyedBank]) -> Iterator[dict[str, Any]]:
    """The questions of an attempt: verdict, the feedback on what the student answered, and where to read again."""
    bank = banks[best.hash]
    for name, share in best.items.items():
        item = bank.by_id[name]
        verdict = "passed" if share == 1 else "partly" if share > 0 else "missed"
        said = list(dict.fromkeys(_said(item, best.variants[name], best.answers[name])))
        yield {"title": item.title, "verdict": verdict, "said": said, "review": item.review}


def _said(item: KeyedItem, variant: int, answers: Mapping[str, str]) -> Iterator[str]:
    """The bank's feedback on each answer that was given; it was rendered when the bank was built."""
    for part in item.variants[variant].parts:
        answer = answers.get(part.id, "")
        if part.kind == "check" and answer != "1":
            continue
        feedback = part.verdict(answer).feedback
        if feedback:
            yield feedback
