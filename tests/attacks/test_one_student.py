"""One student, one failure: whatever somebody hands in or says is that student's row, in plain text.

The others' rows, pages, lines and graded notebooks are what they are without that student, byte for byte.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbgrader.utils import parse_utc
from whole_way import (
    HONEST,
    QUIZ,
    TOY,
    Make,
    commands,
    everything_written,
    go,
    handed_in,
    rows_of,
    said_by,
    stamp,
    valid_attempts,
)

from grader.course.paths import Course
from grader.files import write_whole
from grader.grading import outputs
from grader.grading.pipeline import NO_FILE
from grader.times import MOST_BYTES, time_of

RED = "\x1b[31m"
FORMULA = "=cmd|' /C calc'!A0"


def lines(*attempts: Any) -> bytes:
    return "".join(json.dumps(one) + "\n" for one in attempts).encode("ascii")


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
        own = [row["reason"], row["remedy"], *(one for one in row["events"] if one != NO_FILE), *row["flags"]]
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


def test_no_library_repeats_a_students_text_on_the_terminal(
    toy_alone: tuple[Course, Any], beside: Callable[[Course], Course], capfd: pytest.CaptureFixture[str]
) -> None:
    course = beside(toy_alone[0])
    path = handed_in(course, TOY, "echo") / f"{TOY}.ipynb"
    notebook = json.loads(path.read_text())
    for cell in notebook["cells"]:
        cell["id"] = f"{RED}red"
    path.write_text(json.dumps(notebook | {f"{RED}extra": RED}))
    said_by("grade", TOY, "--jobs", "1")
    notebook["cells"][0]["id"] = "same"
    notebook["cells"][1]["id"] = "same"
    path.write_text(json.dumps(notebook))
    said_by("grade", TOY, "--jobs", "1")
    assert capfd.readouterr().err == ""
