"""Who makes a command raise, ends its processes or meets a full disk costs nobody else anything, and is told."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from whole_way import HONEST, QUIZ, TOY, commands, everything_written, go, handed_in, said_by, written_of

from grader.course.paths import ROOT_VARIABLE, Course
from grader.grading import local


def graded_notebook(course: Course, student: str) -> Path:
    return course.autograded / student / TOY / f"{TOY}.ipynb"


def with_checks(data: object) -> str:
    output = {"output_type": "display_data", "metadata": {}, "data": {"application/vnd.rlhf.checks+json": data}}
    cell = nbformat.v4.new_code_cell("", metadata={"nbgrader": {"grade_id": "mean-hidden"}})
    return json.dumps(nbformat.v4.new_notebook(cells=[cell | {"outputs": [output]}]))


def told_at_noon(course: Course, student: str) -> None:
    with sqlite3.connect(course.gradebook) as book:
        command = "UPDATE submitted_assignment SET timestamp = 'noon' WHERE student_id = ?"
        assert book.execute(command, [student]).rowcount == 1


def page_is_a_folder(course: Course, student: str) -> None:
    page = course.feedback / student / TOY / f"{TOY}.html"
    page.unlink()
    (page / "x").mkdir(parents=True)


NOTEBOOKS = {
    "no-text": b"\xff{",
    "no-notebook": b"[]",
    "no-cells": b'{"nbformat": 4, "nbformat_minor": 5}',
    "too-deep": b"[" * 100_000,
    "other-checks": with_checks({"checks": [{"a": 1}]}).encode(),
    "checks-of-text": with_checks("text").encode(),
}
ELSEWHERE = {"page-is-a-folder": page_is_a_folder, "told-at-noon": told_at_noon}


def test_a_student_who_makes_a_command_raise_is_a_line(
    toy_alone: tuple[Course, Any], beside: Callable[[Course], Course]
) -> None:
    course, before = beside(toy_alone[0]), toy_alone[1]
    hostile = [*NOTEBOOKS, *ELSEWHERE, "no-file"]
    for student in hostile:
        handed_in(course, TOY, student)
    go(course, TOY)
    others = {student: written_of(course, TOY, student) for student in hostile}
    for student, content in NOTEBOOKS.items():
        path = graded_notebook(course, student)
        path.unlink()
        path.write_bytes(content)
    graded_notebook(course, "no-file").unlink()
    graded_notebook(course, "no-file").mkdir()
    for student, break_it in ELSEWHERE.items():
        break_it(course, student)
    said = [said_by(*arguments) for arguments in commands(course, TOY)[1:]]
    assert everything_written(course, TOY) == before
    for student in hostile:
        lines_of = [line for text in said for line in text.splitlines() if f"{student}: " in line]
        assert lines_of, (student, said)
        assert all("grade again" in line for line in lines_of), lines_of
    shutil.rmtree(course.feedback)
    go(course, TOY)
    assert everything_written(course, TOY) == before
    for student in set(hostile) - {"told-at-noon"}:
        assert written_of(course, TOY, student) == others[student]


WORDS = """    word = student.word().value
    if word == "die":
        import os; os._exit(9)
    if word == "leave":
        raise SystemExit
    if word == "hang":
        import time; time.sleep(100_000)
    if word == "memory":
        bytearray(2**45)
    if word == "raise":
        raise RuntimeError("\\x1b[31m\\ud800")
"""
LOST = {
    "die": "the grader failed: the grading process died three times on it",
    "leave": "the grader failed: the grading process died three times on it",
    "hang": "the grader failed: it took more than 12 s",
    "memory": "the check averages broke: MemoryError",
    "raise": "the check averages broke: RuntimeError: \ufffd[31m\ufffd",
}


def test_a_student_who_ends_or_stops_the_grading_process_is_a_row(
    toy_alone: tuple[Course, Any], beside: Callable[[Course], Course], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Checks with a hole that a student found: the worker is lost, the class is not."""
    monkeypatch.setattr(local, "SLACK", 0.0)
    monkeypatch.setattr(local, "MORE_SECONDS", 12.0)
    course, before = beside(toy_alone[0]), toy_alone[1]
    checks = course.solutions / TOY / "checks.py"
    promise = '    """The mean is the sum divided by the count."""\n'
    assert promise in checks.read_text()
    checks.write_text(checks.read_text().replace(promise, promise + WORDS))
    for word in LOST:
        path = handed_in(course, TOY, word) / f"{TOY}.ipynb"
        notebook = nbformat.read(path, as_version=4)
        notebook.cells.insert(1, nbformat.v4.new_code_cell(f"def word():\n    return {word!r}"))
        nbformat.write(notebook, path)
    rows = go(course, TOY)
    assert everything_written(course, TOY) == before
    for word, said in LOST.items():
        assert any(said in text for text in (rows[word]["reason"], *rows[word]["flags"])), rows[word]
        assert rows[word]["score"] == 0


def grader_as_a_process(course: Course, *arguments: str) -> subprocess.Popen[str]:
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    command = [str(Path(sys.executable).parent / "grader"), *arguments]
    return subprocess.Popen(command, cwd=course.root, env=os.environ | {ROOT_VARIABLE: str(course.root)}, **pipes)


def test_two_runs_at_once_on_a_fresh_gradebook_are_both_right(
    quiz_alone: tuple[Course, Any], beside: Callable[[Course], Course], quiz_template: Course
) -> None:
    course, before = beside(quiz_alone[0]), quiz_alone[1]
    for written in (course.autograded, course.feedback, course.reports, course.cache, course.ledger(QUIZ).parent):
        shutil.rmtree(written)
    for path in course.class_dir.glob("gradebook.db*"):
        path.unlink()
    shutil.copyfile(quiz_template.gradebook, course.gradebook)
    runs = [grader_as_a_process(course, "grade", QUIZ, "--jobs", "2") for _ in range(2)]
    said = [run.communicate()[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], said
    for arguments in commands(course, QUIZ)[1:]:
        said_by(*arguments)
    assert everything_written(course, QUIZ) == before
    assert len(course.ledger(QUIZ).read_text().splitlines()) == len(HONEST)


FULL = """
mount -t tmpfs -o size=64m tmpfs "$1" && cp -a "$2" "$1/course" && cd "$1/course" || exit 99
export GRADER_ROOT=$PWD
for room in 4 150; do
    head -c $(( ($(df --output=avail -k . | tail -n 1) - room) * 1024 )) /dev/zero > "$1/filler"
    "$3" grade "$4" --jobs 1 -q; echo "ended with $?"
    rm "$1/filler"
done
"$3" grade "$4" --jobs 1 --json > "$5"
"""


def test_a_full_disk_is_said_and_the_next_run_is_right(
    quiz_alone: tuple[Course, Any], quiz_template: Course, tmp_path: Path
) -> None:
    fresh, disk = tmp_path / "fresh", tmp_path / "disk"
    shutil.copytree(quiz_template.root, fresh)
    shutil.copytree(quiz_alone[0].submitted, fresh / "class" / "submitted")
    disk.mkdir()
    apart = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]
    if subprocess.run(
        [*apart, "mount", "-t", "tmpfs", "tmpfs", str(disk)], check=False, capture_output=True
    ).returncode:
        pytest.skip("no disk of one's own can be mounted here")
    grader, rows = Path(sys.executable).parent / "grader", tmp_path / "rows.json"
    command = [*apart, "bash", "-c", FULL, "full", disk, fresh, grader, QUIZ, rows]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "Traceback" not in said
    assert re.findall("ended with (.)", said) in (["2", "1"], ["2", "2"]), said
    assert "database or disk is full" in said
    assert "No space left on device" in said
    listed = json.loads(rows.read_text())
    assert [one["score"] for one in listed if one["graded"]] == [row["row"]["score"] for row in quiz_alone[1].values()]
