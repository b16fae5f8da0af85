"""One class graded in three ways, each in its own copy of the course: by us, by nbgrader, by nbgrader with our Execute.

nbgrader itself runs in a process of its own, in which nothing of ours was imported.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from grader.course.coursedir import gradebook
from grader.course.paths import Course
from grader.grading.autograde import Row, grade_class, local_engine

from .making import at, clean_environment

Rows = dict[tuple[str, ...], Any]
OURS_IN_ITS_PLACE = """
# Our Execute in the place of nbgrader's
from nbgrader.converters import Autograde as _Autograde
from nbgrader.preprocessors import Execute as _Execute
c.Autograde.autograde_preprocessors = [
    "grader.grading.nbgrader_execute.Execute" if step in (_Execute, "nbgrader.preprocessors.Execute") else step
    for step in (c.Autograde.get("autograde_preprocessors") or _Autograde.autograde_preprocessors.default())
]
"""


@dataclass(frozen=True)
class Graded:
    """A class after one of the roads: where, the rows of the gradebook, what was said, and our own table."""

    root: Path
    rows: Rows
    said: str = ""
    table: dict[str, Row] = field(default_factory=dict)

    def of(self, student: str) -> Rows:
        """The rows of one student."""
        return {key: row for key, row in self.rows.items() if key[1] == student}

    def score(self, student: str, cell: str) -> float | None:
        """The automatic score of a cell that is there once."""
        (found,) = [row for key, row in self.rows.items() if key[0] == "grade" and (key[1], key[3]) == (student, cell)]
        return found["auto"]


@dataclass(frozen=True)
class Roads:
    """The same class on the roads that were asked for."""

    stock: Graded
    ours: Graded
    mixed: Graded | None = None


def rows_of(course: Course, assignment: str) -> Rows:
    """Everything in a gradebook that a grade is made of, without numbers and times that differ from run to run."""
    found: Rows = {}
    with gradebook(course) as book:
        for submission in book.assignment_submissions(assignment):
            student = submission.student.id
            found["submission", student] = {
                "time": submission.timestamp,
                "late": submission.total_seconds_late,
                "score": submission.score,
                "max": submission.max_score,
                "needs": submission.needs_manual_grade,
            }
            for one in submission.notebooks:
                found["notebook", student, one.name] = {
                    "penalty": one.late_submission_penalty,
                    "score": one.score,
                    "max": one.max_score,
                    "needs": one.needs_manual_grade,
                }
                for g in one.grades:
                    found["grade", student, one.name, g.name] = {
                        "auto": g.auto_score,
                        "manual": g.manual_score,
                        "extra": g.extra_credit,
                        "needs": g.needs_manual_grade,
                        "max": g.max_score,
                        "score": g.score,
                    }
                for c in one.comments:
                    said = {"auto": c.auto_comment, "manual": c.manual_comment, "comment": c.comment}
                    found["comment", student, one.name, c.name] = said
    return found


def differences(one: Rows, other: Rows) -> list[str]:
    """What differs, a line a row: nothing where the gradebooks are equal."""
    return [
        f"{' '.join(key)}: {one.get(key)} != {other.get(key)}"
        for key in sorted(one.keys() | other.keys())
        if one.get(key) != other.get(key)
    ]


def files_of(graded: Graded, assignment: str) -> dict[str, list[str]]:
    """The names of the files in the graded folders, by student."""
    found = {}
    with at(graded.root) as course:
        names = course.students("autograded", assignment)
    for student in names:
        folder = course.folder("autograded", student, assignment)
        if folder.is_dir():
            found[student] = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    return found


def nbgrader(root: Path, *arguments: str, environment: dict[str, str] | None = None) -> str:
    """Run the command; returns all that it said, whatever became of it."""
    command = [sys.executable, "-m", "nbgrader", *arguments]
    done = subprocess.run(
        command, cwd=root, env=clean_environment() | (environment or {}), capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


def by_stock(root: Path, assignment: str, *options: str) -> Graded:
    """`nbgrader autograde`; kernels are not asked whether they would like to end, which costs a second each."""
    said = nbgrader(root, "autograde", assignment, "--Execute.shutdown_kernel=immediate", *options)
    with at(root) as course:
        return Graded(root, rows_of(course, assignment), said)


def by_us(root: Path, assignment: str, students: list[str] | None = None, jobs: int = 2) -> Graded:
    """`grader grade`."""
    with at(root) as course:
        table = {row.student: row for row in grade_class(course, assignment, students, engine=local_engine(jobs))}
        return Graded(root, rows_of(course, assignment), table=table)


def put_ours_in_its_place(root: Path) -> None:
    """Let nbgrader run our Execute in a course."""
    with (root / "nbgrader_config.py").open("a") as config:
        config.write(OURS_IN_ITS_PLACE)


def by_nbgrader_with_ours(root: Path, assignment: str) -> Graded:
    """`nbgrader autograde` with our Execute, on a copy of a course that lies beside it."""
    place = root.with_name(f"{root.name}-mixed")
    shutil.copytree(root, place, symlinks=True)
    put_ours_in_its_place(place)
    return by_stock(place, assignment)


def on_all(root: Path, assignment: str, mixed: bool = False, between: Callable[[Path], None] | None = None) -> Roads:
    """Grade copies of a course; what `between` does to each is done before it is graded a second time."""
    places = {name: root.with_name(f"{root.name}-{name}") for name in ("stock", "ours", "mixed")}
    for name in ("stock", "ours", *(["mixed"] if mixed else [])):
        shutil.copytree(root, places[name], symlinks=True)
    if mixed:
        put_ours_in_its_place(places["mixed"])

    def grade() -> Roads:
        return Roads(
            by_stock(places["stock"], assignment),
            by_us(places["ours"], assignment),
            by_stock(places["mixed"], assignment) if mixed else None,
        )

    done = grade()
    if between is None:
        return done
    for name in ("stock", "ours", *(["mixed"] if mixed else [])):
        between(places[name])
    return grade()
