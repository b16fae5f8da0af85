"""One student's failure is that student's row: whatever was handed in, the others are as before, on each way.

Each thing is handed in by one student of a small class; two honest classmates are compared with a class without them.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nbgrader.apps.api import NbGraderAPI
from typer.testing import CliRunner

from grader.cli import app
from grader.coursedir import gradebook, load_config
from grader.grading import outputs
from grader.grading.autograde import Row, grade_class, write_rows
from grader.grading.demo_class import make_class
from grader.kernels.limits import Limits
from grader.paths import ROOT_VARIABLE, Course

TOY, QUIZ = "01-toy", "06-sample"
HONEST = ("demo-01", "demo-03")
Hand = Callable[[Path], None]


def attempts_with(**fields: Any) -> Hand:
    """Two intact attempts, in which these fields are replaced."""

    def hand(folder: Path) -> None:
        path = folder / "attempts.jsonl"
        line = json.loads(path.read_text().splitlines()[0])
        path.write_text(2 * (json.dumps(line | fields) + "\n"))

    return hand


def answer_with(text: str) -> Hand:
    """One attempt whose answers are all this text."""

    def hand(folder: Path) -> None:
        path = folder / "attempts.jsonl"
        line = json.loads(path.read_text().splitlines()[0])
        line["responses"] = {item: dict.fromkeys(parts, text) for item, parts in line["responses"].items()}
        path.write_text(json.dumps(line) + "\n")

    return hand


def timestamp(content: bytes) -> Hand:
    return lambda folder: (folder / "timestamp.txt").write_bytes(content) and None


IN_QUIZZES: dict[str, tuple[Hand, str]] = {
    # name: what is handed in, and the words of the row
    "half-an-id": (attempts_with(attempt="\ud800"), "its id has characters that cannot be shown"),
    "coloured-id": (attempts_with(attempt="\x1b[31m"), "its id has characters that cannot be shown"),
    "turned-id": (attempts_with(attempt="a\u202eb"), "its id has characters that cannot be shown"),
    "half-a-time": (attempts_with(time="\ud800"), "its time is none"),
    "half-an-answer": (answer_with("\ud800"), ""),
    "formula": (answer_with("=cmd|'/c calc'!A0"), ""),
    "no-bank": (attempts_with(bank="\ud800"), ""),
    "numbers": (attempts_with(time=1e308, seed=-1, draw={"a": []}, responses=None), "the seed is no whole number"),
    "long-time": (timestamp(b"1" * 101), "timestamp.txt has 101 bytes, at most 100 are read"),
    "quadratic-time": (timestamp(b"1" * 240_000), "timestamp.txt has 240,000 bytes, at most 100 are read"),
    "no-time": (timestamp(b"\xff\xd8 never"), "timestamp.txt holds no time"),
}


def everything(course: Course, lab: str) -> list[Row]:
    """All that an instructor does with a class; nothing of it may end in a traceback."""
    rows = grade_class(course, lab)
    write_rows(course, lab, rows)
    for command in (["feedback", lab], ["report", lab], ["export-grades"], ["quiz", "analyse", lab]):
        if lab == TOY and command[0] == "quiz":
            continue
        done = CliRunner().invoke(app, command)
        assert done.exit_code in (0, 1), (command, done.output, done.exception)
        assert done.exception is None or isinstance(done.exception, SystemExit)
        assert "\x1b[31m" not in done.output
    return rows


def honest(course: Course, lab: str) -> dict[str, bytes]:
    """What the honest students have after that."""
    found = {name: (course.feedback / name / lab / f"{lab}.html").read_bytes() for name in HONEST}
    table = lines_of(course.reports / "grades.csv")
    return found | {f"csv {line[0]}": repr(line).encode() for line in table if line[0] in HONEST}


def lines_of(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


@pytest.fixture(scope="module")
def quiz_class(quiz_template: Course, tmp_path_factory: pytest.TempPathFactory) -> tuple[Course, dict[str, bytes]]:
    """A class of the quiz, and what its honest students have where nobody else is in it."""
    course = Course(tmp_path_factory.mktemp("quiz") / "course")
    shutil.copytree(quiz_template.root, course.root)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv(ROOT_VARIABLE, str(course.root))
        patched.chdir(course.root)
        make_class(course, QUIZ, size=3)
        alone = Course(course.root.parent / "alone")
        shutil.copytree(course.root, alone.root)
        patched.setenv(ROOT_VARIABLE, str(alone.root))
        patched.chdir(alone.root)
        everything(alone, QUIZ)
    return course, honest(alone, QUIZ)


def test_what_stands_in_attempts_and_times_is_that_students_row(
    quiz_class: tuple[Course, dict[str, bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    course, alone = quiz_class
    monkeypatch.setenv(ROOT_VARIABLE, str(course.root))
    monkeypatch.chdir(course.root)
    for name, (hand, _) in IN_QUIZZES.items():
        shutil.copytree(course.submitted / "demo-01", course.submitted / name)
        hand(course.submitted / name / QUIZ)
    rows = {row.student: row for row in everything(course, QUIZ)}
    for name, (_, says) in IN_QUIZZES.items():
        row = rows[name]
        assert row.graded, row
        assert says in " ".join(row.events), row
        json.dumps([row.reason, row.events, row.flags], ensure_ascii=False).encode()
    assert honest(course, QUIZ) == alone
    for path in (course.reports / QUIZ).glob("*.csv"):
        assert not [cell for line in lines_of(path) for cell in line if cell.startswith("=")], path


def test_names_that_are_markup_or_commands_are_rows(toy: Course) -> None:
    make_class(toy, TOY, size=3)
    for name in ("[red]x", "[/]", "a\x1b[31m", "b\u202ec", "<img src=x onerror=alert(1)>"):
        shutil.copytree(toy.submitted / "demo-01", toy.submitted / name.replace("/", "\u2215"))
    done = CliRunner().invoke(app, ["grade", TOY])
    assert done.exit_code == 1, done.output
    assert done.output.isascii() or "\x1b" not in done.output
    rows = json.loads((toy.reports / TOY / "grading.json").read_text())
    assert sum(row["graded"] for row in rows) == 3
    assert all(row["reason"] and row["remedy"] for row in rows if not row["graded"])


def test_the_outputs_of_a_notebook_have_a_budget(toy: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    make_class(toy, TOY, size=2)
    path = toy.submitted / "demo-01" / TOY / f"{TOY}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells += [nbformat.v4.new_code_cell('print("€" * 350_000)', id=f"print-{n}") for n in range(40)]
    nbformat.write(notebook, path)
    (flooded, blank) = grade_class(toy, TOY)
    assert (flooded.score, flooded.graded, blank.graded) == (5.0, True, True)
    assert "all its outputs together are more than 8 MB" in " ".join(flooded.events)
    written = toy.autograded / "demo-01" / TOY / f"{TOY}.ipynb"
    assert written.stat().st_size < 3 * outputs.NOTEBOOK_BYTES + 10**6  # the sign has three bytes


def test_whatever_breaks_while_one_student_is_recorded_or_shown_is_a_line(
    toy: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_class(toy, TOY, size=4)
    everything(toy, TOY)
    before = honest(toy, TOY)
    (toy.autograded / "demo-02" / TOY / f"{TOY}.ipynb").chmod(0o644)
    (toy.autograded / "demo-02" / TOY / f"{TOY}.ipynb").write_bytes(b'{"cells": \xff')
    shutil.rmtree(toy.feedback / "demo-04")
    (toy.feedback / "demo-04").write_text("a file where a folder has to be")
    for command in (["feedback", TOY], ["report", TOY]):
        done = CliRunner().invoke(app, command)
        assert done.exit_code == 1, done.output
        assert "demo-02" in done.output
    assert honest(toy, TOY) == before
    shutil.rmtree(toy.autograded / "demo-02")
    (toy.autograded / "demo-02").write_text("a file where a folder has to be")
    rows = {row.student: row for row in grade_class(toy, TOY)}
    assert not rows["demo-02"].graded
    assert "could not be recorded" in rows["demo-02"].reason
    assert rows["demo-01"].score == 5.0


def test_a_worker_that_hangs_on_one_submission_costs_that_one(toy: Course) -> None:
    """The reader and the grader are ended; the others go on. A pipe where the notebook should be is no notebook."""
    make_class(toy, TOY, size=2)
    folder = toy.submitted / "pipe" / TOY
    folder.mkdir(parents=True)
    os.mkfifo(folder / f"{TOY}.ipynb")
    shutil.copytree(toy.submitted / "demo-01", toy.submitted / "pipes")
    os.mkfifo(toy.submitted / "pipes" / TOY / "attempts.jsonl")
    rows = {row.student: row for row in grade_class(toy, TOY)}
    assert not rows["pipe"].graded
    assert (rows["pipes"].score, rows["demo-01"].score) == (5.0, 5.0)


@pytest.mark.skipif(os.getuid() == 0, reason="root may read everything; tests/test_as_user.py runs this as nobody")
def test_what_may_not_be_read_is_a_row_or_a_remark(toy: Course) -> None:
    make_class(toy, TOY, size=2)
    closed = []
    for name, inside in (("notebook", f"{TOY}.ipynb"), ("beside", "notes.txt"), ("folder", "."), ("student", "..")):
        shutil.copytree(toy.submitted / "demo-01", toy.submitted / name)
        (toy.submitted / name / TOY / "notes.txt").write_text("mine")
        closed.append((toy.submitted / name / TOY / inside).resolve())
        closed[-1].chmod(0)
    try:
        done = CliRunner().invoke(app, ["grade", TOY])
        assert done.exit_code == 1, done.output
        rows = {row["student"]: row for row in json.loads((toy.reports / TOY / "grading.json").read_text())}
        assert rows["demo-01"]["score"] == rows["beside"]["score"] == 5.0
        assert "could not be read and was left out: notes.txt" in " ".join(rows["beside"]["events"])
        for name in ("notebook", "folder", "student"):
            assert "Permission denied" in rows[name]["reason"], rows[name]
            assert "chmod" in rows[name]["remedy"]
        again = CliRunner().invoke(app, ["feedback", TOY])
        assert again.exit_code in (0, 1), again.output
    finally:
        for path in closed:
            path.chmod(0o700)


def test_nbgraders_own_road_goes_on_too(toy: Course) -> None:
    """`nbgrader autograde` of a class with a notebook that is none, and times that would take it minutes or stop it."""
    make_class(toy, TOY, size=2)
    for name, hand in {"quadratic": timestamp(b"1" * 240_000), "no-time": timestamp(b"never")}.items():
        shutil.copytree(toy.submitted / "demo-01", toy.submitted / name)
        hand(toy.submitted / name / TOY)
    shutil.copytree(toy.submitted / "demo-01", toy.submitted / "broken")
    (toy.submitted / "broken" / TOY / f"{TOY}.ipynb").write_bytes(b"\xff{")
    command = [str(Path(sys.executable).with_name("nbgrader")), "autograde", TOY, "--create"]
    done = subprocess.run(command, cwd=toy.root, capture_output=True, text=True, check=False)
    assert "broken" in done.stderr
    with gradebook(toy) as book:
        scores = {one.student.id: one.score for one in book.assignment_submissions(TOY)}
    assert [scores[name] for name in ("demo-01", "quadratic", "no-time", "broken")] == [5.0, 5.0, 5.0, 0.0]
    api = NbGraderAPI(config=load_config(toy))  # what formgrader's pages ask
    assert {one["student"]: one["timestamp"] for one in api.get_submissions(TOY)} == dict.fromkeys(scores)


def test_two_runs_at_once_on_a_fresh_gradebook(toy: Course) -> None:
    make_class(toy, TOY, size=4)
    command = [sys.executable, "-m", "grader.cli", "grade", TOY, "--json", "--jobs", "1"]
    both = [subprocess.Popen(command, cwd=toy.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
    said = [run.communicate() for run in both]
    assert [run.returncode for run in both] == [0, 0], said
    first, second = (json.loads(out) for out, _ in said)
    assert [row["score"] for row in first] == [row["score"] for row in second]
    with gradebook(toy) as book:
        scores = {one.student.id: one.score for one in book.assignment_submissions(TOY)}
    assert scores == {row["student"]: row["score"] for row in first}


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None), max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(codec=None), max_size=8), inner),
    max_leaves=8,
)
NAMES = st.binary(min_size=1, max_size=40).filter(lambda name: not {0, 47} & set(name) and name.strip(b".") != b"")


@st.composite
def hostile(draw: st.DrawFn) -> dict[str, Any]:
    """One student's way to fuzz: fields of attempts, of the notebook and of a cell, a time, files beside it."""
    parts = ["id", "cell_type", "source", "metadata", "outputs", "execution_count"]
    whole = ["cells", "metadata", "nbformat", "x"]
    fields = ["v", "bank", "hash", "attempt", "time", "seed", "draw", "responses", "score", "more"]
    return {
        "attempt": draw(st.dictionaries(st.sampled_from(fields), ANY_JSON, max_size=3)),
        "notebook": draw(st.dictionaries(st.sampled_from(whole), ANY_JSON, max_size=1)),
        "cell": draw(
            st.dictionaries(
                st.sampled_from(parts),
                ANY_JSON,
                max_size=2,
            )
        ),
        "metadata": draw(st.dictionaries(st.sampled_from(["nbgrader", "tags", "jupyter", "x"]), ANY_JSON, max_size=2)),
        "time": draw(st.binary(max_size=200)),
        "files": draw(st.dictionaries(NAMES, st.binary(max_size=50), max_size=3)),
    }


def lay(folder: Path, how: dict[str, Any], lab: str) -> None:
    """Turn a copy of an honest submission into a hostile one."""
    attempts, path = folder / "attempts.jsonl", folder / f"{lab}.ipynb"
    if attempts.exists():
        lines = [json.loads(line) for line in attempts.read_text().splitlines()]
        attempts.write_text("".join(json.dumps(line | how["attempt"]) + "\n" for line in lines))
    notebook = json.loads(path.read_text())
    for cell in notebook["cells"][1:3]:
        cell["metadata"] |= how["metadata"]
    notebook["cells"][-1] |= how["cell"]
    path.write_text(json.dumps(notebook | how["notebook"]))
    (folder / "timestamp.txt").write_bytes(how["time"])
    for name, content in how["files"].items():
        place = folder / os.fsdecode(name)
        if not place.exists():
            place.write_bytes(content)


@settings(max_examples=2, deadline=None)
@given(st.lists(hostile(), min_size=8, max_size=8))
def test_anything_anywhere_is_a_row_and_the_honest_are_as_before(
    quiz_class: tuple[Course, dict[str, bytes]], ways: list[dict[str, Any]]
) -> None:
    """A fuzzer: each example is a class with eight hostile students, graded, shown, reported and exported."""
    template, alone = quiz_class
    course = Course(template.root.parent / "fuzzed")
    shutil.rmtree(course.root, ignore_errors=True)
    shutil.copytree(template.root, course.root)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv(ROOT_VARIABLE, str(course.root))
        patched.chdir(course.root)
        for left in course.submitted.iterdir():
            if left.name not in (*HONEST, "demo-02"):
                shutil.rmtree(left)
        for number, how in enumerate(ways):
            shutil.copytree(course.submitted / "demo-01", course.submitted / f"fuzz-{number}")
            lay(course.submitted / f"fuzz-{number}" / QUIZ, how, QUIZ)
        rows = everything(course, QUIZ)
        assert {row.student for row in rows} >= {f"fuzz-{number}" for number in range(len(ways))}
        assert all(row.graded or row.reason for row in rows)
        assert honest(course, QUIZ) == alone


def test_limits_are_what_the_readme_says() -> None:
    assert (outputs.NOTEBOOK_BYTES, Limits().output_bytes) == (8_000_000, 1_000_000)
