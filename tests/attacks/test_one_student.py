"""One student, one failure: whatever somebody hands in, or makes raise, is that student's row or line.

The others' rows, pages, lines and graded notebooks are what they are without that student, byte for byte.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbgrader.apps.api import NbGraderAPI
from nbgrader.converters import Autograde, NbGraderException
from nbgrader.utils import parse_utc
from whole_way import (
    HONEST,
    QUIZ,
    TOY,
    commands,
    everything_written,
    go,
    honest_class,
    rows_of,
    said_by,
    valid_attempts,
    written_of,
)

from grader.coursedir import converter, gradebook, load_config
from grader.files import write_whole
from grader.grading import local, outputs
from grader.paths import ROOT_VARIABLE, Course
from grader.times import MOST_BYTES, time_of

RED = "\x1b[31m"
FORMULA = "=cmd|' /C calc'!A0"
Make = Callable[[Path, list[dict[str, Any]]], None]


@pytest.fixture(scope="module")
def quiz_alone(quiz_template: Course, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Course, Any]]:
    """Honest students of the quiz, graded, and all that was written of them."""
    yield from graded_alone(quiz_template, tmp_path_factory.mktemp("alone") / "course", QUIZ)


@pytest.fixture(scope="module")
def toy_alone(toy_template: Course, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Course, Any]]:
    """Honest students of the exercises, graded, and all that was written of them."""
    yield from graded_alone(toy_template, tmp_path_factory.mktemp("alone") / "course", TOY)


def graded_alone(template: Course, root: Path, lab: str) -> Iterator[tuple[Course, Any]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(ROOT_VARIABLE, str(root))
        course = honest_class(template, root, lab)
        go(course, lab)
    yield course, everything_written(course, lab)


@pytest.fixture
def beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Course], Course]:
    """`beside(course)` is a copy of a graded class, to which others come."""

    def copied(course: Course) -> Course:
        root = tmp_path / "class of others"
        shutil.copytree(course.root, root, symlinks=True)
        monkeypatch.setenv(ROOT_VARIABLE, str(root))
        monkeypatch.chdir(root)
        return Course(root)

    return copied


def lines(*attempts: Any) -> bytes:
    return "".join(json.dumps(one) + "\n" for one in attempts).encode("ascii")


def handed_in(course: Course, lab: str, student: str) -> Path:
    """A blank notebook of somebody, where files may come beside it."""
    folder = course.submitted / student / lab
    folder.mkdir(parents=True)
    shutil.copyfile(course.labs / lab / f"{lab}.ipynb", folder / f"{lab}.ipynb")
    return folder


# What stands in attempts.jsonl and timestamp.txt: who, what their file holds, the words of their row.


def attempts(*change: dict[str, Any], answers: str | None = None) -> Make:
    """A file of valid attempts but for these changes, one attempt a change."""

    def make(folder: Path, valid: list[dict[str, Any]]) -> None:
        made = [one | new for one, new in zip(valid, change, strict=False)]
        if answers is not None:
            made = [
                one | {"responses": {item: dict.fromkeys(parts, answers) for item, parts in one["responses"].items()}}
                for one in made
            ]
        (folder / "attempts.jsonl").write_bytes(lines(*made))

    return make


def stamp(content: bytes) -> Make:
    return lambda folder, _: (folder / "timestamp.txt").write_bytes(content) and None


SAID: dict[str, tuple[Make, str]] = {
    "same-id": (attempts({"attempt": "\ud800"}, {"attempt": "\ud800"}), "line 2: its id has characters that cannot be"),
    "odd-time": (attempts({"time": "\ud800"}), "line 1: its time is none (\ufffd)"),
    "odd-answer": (attempts({}, answers="\ud800"), ""),
    "red-id": (attempts({"attempt": f"{RED}red"}), "line 1: its id has characters that cannot be shown"),
    "formula-id": (attempts({"attempt": FORMULA}), ""),
    "formula-time": (attempts({"time": FORMULA}), f"its time is none ({FORMULA})"),
    "formula-answer": (attempts({}, answers=FORMULA), ""),
    "stamp-101": (stamp(b"2026-11-20 12:00:00 UTC".ljust(MOST_BYTES + 1)), "timestamp.txt has 101 bytes, at most 100"),
    "stamp-100": (stamp(b"2026-11-20 12:00:00 UTC".ljust(MOST_BYTES)), ""),
    "stamp-240kB": (stamp(b"1" * 240_000), "timestamp.txt has 240,000 bytes"),
    "stamp-15MB": (stamp(b"1" * (15 * 2**20)), "timestamp.txt has 15,728,640 bytes"),
    "stamp-file": (stamp(b"2026-11-20 12:00:00 /etc/passwd"), ""),
    "stamp-red": (stamp(RED.encode()), "timestamp.txt holds no time"),
    "stamp-10-000-years": (stamp(b"99999-01-01 00:00:00 UTC"), "timestamp.txt holds no time"),
    "stamp-before-time": (stamp(b"0001-01-01 00:00:00 +9999"), "timestamp.txt holds no time"),
    "=cmd|calc": (attempts({}), ""),
    "@SUM(1)": (attempts({}), ""),
    "[red]x[-]": (attempts({}), "rename the folder"),
    "[-]": (attempts({}), "rename the folder"),
    ":bomb:": (attempts({}), ""),
    "red\x1b[31m": (attempts({}), "rename the folder"),
    "over\u202eride": (attempts({}), "rename the folder"),
    os.fsdecode(b"no\xfftext"): (attempts({}), "rename the folder"),
    "two\nlines": (attempts({}), "rename the folder"),
}


def test_what_a_student_says_is_their_own_row_and_plain_text(
    quiz_alone: tuple[Course, Any], beside: Callable[[Course], Course]
) -> None:
    course, before = beside(quiz_alone[0]), quiz_alone[1]
    valid = valid_attempts(course, QUIZ)
    for student, (make, _) in SAID.items():
        make(handed_in(course, QUIZ, student), list(islice(valid, 2)))
    said = "".join(said_by(*arguments) for arguments in commands(course, QUIZ))
    assert "Traceback" not in said
    assert ":bomb:" in said
    assert "[red]x[-]" in said
    assert everything_written(course, QUIZ) == before
    rows = list(rows_of(course, QUIZ).values())
    assert len(rows) == len(SAID) + len(HONEST)
    told = {student: rows_of(course, QUIZ).get(student) for student in SAID}
    for student, (_, words) in SAID.items():
        row = told[student] or next(one for one in rows if one["student"].startswith(student[:2]))
        own = [row["reason"], row["remedy"], *row["events"], *row["flags"]]
        assert any(words in text for text in own) if words else not any(own), row
        assert all(text.isprintable() for text in (row["student"], *own)), row
    for table in course.reports.rglob("*.csv"):
        assert table.read_text(encoding="utf-8").replace("\n", "").isprintable()
        assert ",=" not in "," + table.read_text().replace("\n", ",").replace('"', "")
    assert (course.reports / "grades.csv").read_text().count("'=cmd") == 1


@given(st.text(st.sampled_from("0123456789-: +/.TZUEuropeBrlin"), max_size=40))
def test_times_are_read_as_nbgrader_reads_them(text: str) -> None:
    try:
        wanted = parse_utc(text.strip()).replace(tzinfo=None) if text.strip() else None
    except Exception:  # noqa: BLE001 - whatever it raises, it is no time
        wanted = None
    assert time_of(text) == wanted or "/" in text


def test_readers_do_not_load_what_only_graders_need() -> None:
    """They are started for each command: with nbgrader they took ten times as long."""
    heavy = ("nbgrader", "sqlalchemy", "torch", "pydantic", "IPython")
    code = f"import grader.grading.reading, sys; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_two_hundred_cells_that_print_a_megabyte_each(
    toy_alone: tuple[Course, Any], beside: Callable[[Course], Course]
) -> None:
    """What is kept of a notebook is bounded, on the way and on the disk; the work is graded for what it does."""
    course, before = beside(toy_alone[0]), toy_alone[1]
    folder = handed_in(course, TOY, "talker")
    path = folder / f"{TOY}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[:0] = [nbformat.v4.new_code_cell('print("€" * 350_000)') for _ in range(200)]
    nbformat.write(notebook, path)
    row = go(course, TOY)["talker"]
    assert row["graded"]
    assert any("all its outputs together are more than 8 MB" in event for event in row["events"]), row["events"]
    kept = course.autograded / "talker" / TOY / f"{TOY}.ipynb"
    assert kept.stat().st_size < 4 * outputs.NOTEBOOK_BYTES
    assert everything_written(course, TOY) == before


def test_equal_work_that_is_read_at_the_same_time_is_nobodys_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two readers write one file for it: here the second one begins and ends before the first one has ended."""
    path, whole = tmp_path / "spool" / "digest", Path.replace
    code = "import sys, pathlib, grader.files as f; f.write_whole(pathlib.Path(sys.argv[1]), b'equal')"

    def in_between(part: Path, goal: Path) -> Path:
        subprocess.run([sys.executable, "-c", code, str(path)], check=True)
        return whole(part, goal)

    monkeypatch.setattr(Path, "replace", in_between)
    write_whole(path, b"equal")
    assert [(one.name, one.read_bytes()) for one in path.parent.iterdir()] == [("digest", b"equal")]


# Students who make a command raise: their graded notebook, their page or their row of the gradebook is broken.


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
        assert all("grade again" in line for line in lines_of)
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
    "hang": "the grader failed: it took more than 9 s",
    "memory": "the check averages broke: MemoryError",
    "raise": "the check averages broke: RuntimeError: \ufffd[31m\ufffd",
}


def test_a_student_who_ends_or_stops_the_grading_process_is_a_row(
    toy_alone: tuple[Course, Any], beside: Callable[[Course], Course], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Checks with a hole that a student found: the worker is lost, the class is not."""
    monkeypatch.setattr(local, "SLACK", 0.0)
    monkeypatch.setattr(local, "MORE_SECONDS", 9.0)
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
    runs = [grader_as_a_process(course, "grade", QUIZ, "--jobs", "2") for _ in range(3)]
    said = [run.communicate()[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0, 0], said
    for arguments in commands(course, QUIZ)[1:]:
        said_by(*arguments)
    assert everything_written(course, QUIZ) == before
    assert len(course.ledger(QUIZ).read_text().splitlines()) == len(HONEST)


# nbgrader's own road, and formgrader's list of the class.


def schema(version: object) -> Make:
    """The notebook with nbgrader's metadata in another version of its format."""

    def make(folder: Path, _: list[dict[str, Any]]) -> None:
        path = folder / f"{TOY}.ipynb"
        notebook = json.loads(path.read_bytes())
        for cell in notebook["cells"]:
            if "nbgrader" in cell["metadata"]:
                cell["metadata"]["nbgrader"]["schema_version"] = version
        path.write_text(json.dumps(notebook))

    return make


def linked(goal: str) -> Make:
    return lambda folder, _: (folder / "timestamp.txt").symlink_to(goal)


def link_notebook(path: Path) -> None:
    path.rename(path.with_name("other.ipynb"))
    path.symlink_to("other.ipynb")


NBGRADER: dict[str, Make] = {
    "stamp-long": stamp(b"9" * 240_000),
    "stamp-no-text": stamp(b"\xff\xfe"),
    "stamp-pipe": lambda folder, _: os.mkfifo(folder / "timestamp.txt"),
    "stamp-folder": lambda folder, _: (folder / "timestamp.txt").mkdir(),
    "stamp-link": linked("/proc/self/environ"),
    "notebook-link": lambda folder, _: link_notebook(folder / f"{TOY}.ipynb"),
    "old-schema": schema(0),
    "new-schema": schema(99),
    "no-schema": schema("\ud800"),
    "no-json": lambda folder, _: (folder / f"{TOY}.ipynb").write_text("{") and None,
}


def test_nbgraders_own_road_and_formgraders_list_go_on(
    toy_alone: tuple[Course, Any], beside: Callable[[Course], Course]
) -> None:
    course = beside(toy_alone[0])
    for student, make in NBGRADER.items():
        make(handed_in(course, TOY, student), [])
    with contextlib.suppress(NbGraderException):  # it names, at the end, whom it could not grade
        converter(Autograde, load_config(course, assignment_id=TOY), force=True).start()
    with gradebook(course) as book:
        scores = {one.student.id: one.score for one in book.assignment_submissions(TOY)}
    for student in HONEST:
        assert scores[student] == rows_of(course, TOY)[student]["score"]
    listed = {one["student"]: one for one in NbGraderAPI(config=load_config(course)).get_submissions(TOY)}
    assert listed.keys() == {*HONEST, *NBGRADER}
    assert {student for student in NBGRADER if not listed[student]["autograded"]} == {"no-json", "notebook-link"}
    assert not (course.autograded / "stamp-link" / TOY / "timestamp.txt").exists()
