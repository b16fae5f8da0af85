"""A class's whole way through the commands, and all that they write about a student."""

from __future__ import annotations

import csv
import json
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from grader.build.release import sealed_quiz
from grader.cli import app
from grader.course.paths import Course
from grader.grading.demo_class import make_class
from grader.quizzes.simulate import simulate
from grader.text import student_lines

TOY, QUIZ = "01-toy", "06-sample"
HONEST = ("demo-01", "demo-02", "demo-03")
Make = Callable[[Path, list[dict[str, Any]]], None]
"""Puts into a folder what a student hands in, made of valid attempts."""
OF_THE_RUN = ("seconds", "executed")  # what differs between two runs on the same work


def said_by(*arguments: str) -> str:
    """What a command prints; that it ends without a traceback, and prints nothing that a terminal obeys."""
    result = CliRunner().invoke(app, list(arguments))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise AssertionError(f"grader {' '.join(arguments)} broke") from result.exception
    assert result.exit_code in (0, 1), result.output
    assert result.output == student_lines(result.output, len(result.output)), ascii(result.output)
    return result.output


def commands(course: Course, lab: str) -> list[tuple[str, ...]]:
    """Every command that reads what students sent, once it was collected."""
    exports = [("export-grades", lab, "--to", to) for to in ("csv", "canvas", "moodle")]
    analyse = [("quiz", "analyse", lab)] if course.bank_of(lab) else []
    return [("grade", lab, "--jobs", "2"), ("feedback", lab), ("report", lab), *exports, *analyse]


def go(course: Course, lab: str) -> dict[str, dict[str, Any]]:
    """Run them all; the rows of grading by student, one for everybody who has a folder."""
    for arguments in commands(course, lab):
        said_by(*arguments)
    return rows_of(course, lab)


def rows_of(course: Course, lab: str) -> dict[str, dict[str, Any]]:
    """The rows of the last run, by student."""
    rows = json.loads((course.reports / lab / "grading.json").read_text(encoding="utf-8"))
    return {row["student"]: row for row in rows}


def written_of(course: Course, lab: str, student: str) -> dict[str, Any]:
    """All that the commands wrote about one student, to the byte."""
    pages = {
        str(path.relative_to(course.class_dir)): path.read_bytes()
        for folder in (course.feedback, course.autograded)
        for path in sorted((folder / student / lab).rglob("*"))
        if path.is_file()
    }
    row = {name: value for name, value in rows_of(course, lab)[student].items() if name not in OF_THE_RUN}
    lines = {path.name: _line_of(path, student) for path in sorted(course.reports.rglob("*gra*.csv"))}
    (report,) = json.loads((course.reports / lab / "report.json").read_text(encoding="utf-8"))
    return pages | lines | {"row": row, "report": dict(report["scores"])[student]}


def _line_of(path: Path, student: str) -> list[str] | bytes:
    if path.name == "grading.csv":
        rows = csv.DictReader(path.read_text(encoding="utf-8").splitlines())
        (row,) = (row for row in rows if row["student"] == student)
        return [value for name, value in row.items() if name not in OF_THE_RUN]
    (line,) = (line for line in path.read_bytes().splitlines() if student.encode() in line.split(b","))
    return line


def honest_class(template: Course, root: Path, lab: str) -> Course:
    """Three honest students beside whom others may come; the first one answers all of it rightly."""
    shutil.copytree(template.root, root)
    course = Course(root)
    make_class(course, lab, size=len(HONEST), seed=1)
    return course


def everything_written(course: Course, lab: str) -> dict[str, dict[str, Any]]:
    """`written_of` each honest student."""
    return {student: written_of(course, lab, student) for student in HONEST}


def valid_attempts(course: Course, lab: str) -> Iterator[dict[str, Any]]:
    """Attempts as the player writes them, one after another; the honest students have others."""
    quiz = sealed_quiz(course, lab)
    assert quiz is not None
    rng = random.Random("whole way")
    while True:
        yield json.loads(simulate(quiz.bank, rng, 0.7).line)


def handed_in(course: Course, lab: str, student: str) -> Path:
    """A blank notebook of somebody, where files may come beside it."""
    folder = course.submitted / student / lab
    folder.mkdir(parents=True)
    shutil.copyfile(course.labs / lab / f"{lab}.ipynb", folder / f"{lab}.ipynb")
    return folder


def stamp(content: bytes) -> Make:
    """Puts a `timestamp.txt` beside a notebook."""
    return lambda folder, _: (folder / "timestamp.txt").write_bytes(content) and None
