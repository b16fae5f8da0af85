"""Grading a class through nbgrader's own Autograde, one student at a time, so that no one stops the others."""

from __future__ import annotations

import csv
import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from nbgrader.api import MissingEntry
from nbgrader.converters import Autograde
from nbgrader.converters.base import NbGraderException

from grader.build.notebooks import QUIZ_CELL
from grader.coursedir import converter, gradebook, load_config
from grader.grading.intake import Intake, look_at
from grader.paths import Course
from grader.quizzes.run import ATTEMPTS_FILE, score_file
from grader.quizzes.score import QuizScore

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Row:
    """One student's result. `graded` is False when the submission could not be graded; `reason` then says why."""

    student: str
    score: float
    max_score: float
    graded: bool
    reason: str = ""
    remedy: str = ""


def roster(course: Course) -> list[str]:
    """Every student whom the gradebook knows or who has a folder under `class/submitted`, in order.

    A student without a submission of the lab at hand gets a row too.
    """
    folders = {p.name for p in course.submitted.iterdir() if p.is_dir()} if course.submitted.exists() else set()
    with gradebook(course) as book:
        known = {student.id for student in book.students}
    return sorted(name for name in folders | known if not name.startswith("."))


def require_assignment(course: Course, lab: str) -> None:
    """Make sure that nbgrader knows the lab and has its master.

    Raises:
        LookupError: `grader build` has not been run here.
    """
    course.require_assignment(lab)
    master = course.source / lab / f"{lab}.ipynb"
    with gradebook(course) as book:
        try:
            book.find_assignment(lab)
            registered = True
        except MissingEntry:
            registered = False
    if not registered or not master.exists():
        raise LookupError(f"{lab} is not registered in {course.gradebook}: run `grader build {lab}` first.")


def grade_class(
    course: Course, lab: str, students: list[str] | None = None, progress: Progress = lambda *_: None
) -> list[Row]:
    """Autograde a lab for every student, and give each a row, whatever was handed in.

    Raises:
        LookupError: the lab is not registered.
    """
    require_assignment(course, lab)
    names = roster(course) if students is None else students
    rows = []
    for done, name in enumerate(names):
        progress(name, done, len(names))
        rows.append(grade_student(course, lab, name))
    progress("", len(names), len(names))
    return rows


def grade_student(course: Course, lab: str, student: str) -> Row:
    """Autograde one submission, or record a zero with the reason why it cannot be."""
    seen = look_at(course, lab, student)
    if not seen.ready:
        return _record_zero(course, lab, seen)
    said = _autograde(course, lab, student)
    if said:
        return _record_zero(course, lab, Intake(student, False, said, "open the notebook; what was handed in is kept"))
    quiz = _trusted_quiz(course, lab, student)
    with gradebook(course) as book:
        submission = book.find_submission(lab, student)
        for grade in (grade for notebook in submission.notebooks for grade in notebook.grades):
            if quiz is not None and grade.name == QUIZ_CELL:
                grade.auto_score = quiz.points
        book.db.commit()
        score, max_score = float(submission.score), float(submission.max_score)
        if submission.needs_manual_grade:
            return Row(student, score, max_score, False, "some cells have no score yet", "grade them in formgrader")
    reason, remedy = _quiz_problems(quiz)
    return Row(student, score, max_score, True, reason, remedy)


def _trusted_quiz(course: Course, lab: str, student: str) -> QuizScore | None:
    """The quiz as scored here from what was handed in, whatever the notebook's code did to its own copy meanwhile."""
    bank = course.bank_of(lab)
    if bank is None:
        return None
    return score_file(course, lab, bank.stem, course.submitted / student / lab / ATTEMPTS_FILE)


def _quiz_problems(quiz: QuizScore | None) -> tuple[str, str]:
    """What of a student's attempts did not count, and what to do; nothing where all of them did."""
    if quiz is None or not quiz.problems:
        return "", ""
    more = f" and {len(quiz.problems) - 1} more" if len(quiz.problems) > 1 else ""
    return f"{ATTEMPTS_FILE}: {quiz.problems[0]}{more}", "the intact attempts count; ask for the file if one is missed"


def _autograde(course: Course, lab: str, student: str) -> str:
    """Run nbgrader's Autograde on one submission. Returns what went wrong in one line, or nothing."""
    config = load_config(course, assignment_id=lab, student_id=student)
    log = logging.getLogger(f"grader.autograde.{student}")
    log.setLevel(logging.WARNING)
    log.propagate = False
    heard = _Heard()
    log.addHandler(heard)
    try:
        converter(Autograde, config, log=log, force=True).start()
    except NbGraderException:
        return heard.cause() or "nbgrader could not grade it"
    finally:
        log.removeHandler(heard)
    return ""


class _Heard(logging.Handler):
    """Keeps the errors that nbgrader logs, to say in one line what happened."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines += record.getMessage().strip().splitlines()

    def cause(self) -> str:
        """The exception at the end of a traceback if one was logged, else the first error."""
        ends = [line for line in self.lines if line and not line[0].isspace() and "Error" in line.split(":")[0]]
        return "".join(ends[-1:] or self.lines[:1])[:200]


def _record_zero(course: Course, lab: str, seen: Intake) -> Row:
    """A gradebook row of zeros, so that the roster and the gradebook agree; what was handed in stays as it is."""
    with gradebook(course) as book:
        book.update_or_create_student(seen.student)
        max_score = float(book.find_assignment(lab).max_score)
        submission = book.update_or_create_submission(lab, seen.student)
        for notebook in submission.notebooks:
            for grade in notebook.grades:
                grade.auto_score, grade.needs_manual_grade = 0.0, False
        book.db.commit()
    return Row(seen.student, 0.0, max_score, False, seen.reason, seen.remedy)


def write_rows(course: Course, lab: str, rows: list[Row]) -> Iterator[Path]:
    """Write a run's rows to `class/reports/<lab>/grading.json` and `.csv`, and name the files."""
    folder = course.reports / lab
    folder.mkdir(parents=True, exist_ok=True)
    as_json = folder / "grading.json"
    as_json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n", encoding="utf-8")
    yield as_json
    as_csv = folder / "grading.csv"
    with as_csv.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(Row.__dataclass_fields__))
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)
    yield as_csv
