"""The attempts of all submissions of a lab, in `class/history/LAB.attempts.jsonl`: a line an attempt, at first sight.

It is read and written when a result is recorded, never while one is graded: a grade depends on the submission alone.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import nbformat

from grader.cells import QUIZ_CELL, grade_id
from grader.course.paths import Course
from grader.grading.quiz_outputs import of_quiz
from grader.grading.result import Graded, Mark, texts
from grader.quizzes.kept import load_kept
from grader.quizzes.own import served
from grader.quizzes.score import QuizScore
from grader.quizzes.seen import Limited, Taken, limited, taken
from grader.text import student_text

MOST = 500  # remembered attempts of a student, where a bank does not limit them


def attempts_file(ledger: Path) -> Path:
    """Where the attempts of the lab of this ledger are remembered."""
    return ledger.with_name(f"{ledger.stem}.attempts.jsonl")


def remembered(path: Path) -> Iterator[tuple[str, Taken]]:
    """Every intact line: the student, and the attempt."""
    for student, one, _ in journaled(path):
        yield student, one


def journaled(path: Path) -> Iterator[tuple[str, Taken, dict[str, Any] | None]]:
    """As `remembered`, with the attempt as the player sent it where it was made through `grader serve`."""
    for line in path.read_text(encoding="utf-8", errors="replace").split("\n") if path.exists() else ():
        try:
            said = json.loads(line)
            record = said.pop("record", None)
            yield str(said.pop("student")), Taken(**said), record if isinstance(record, dict) else None
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            continue


def append(path: Path, lines: Sequence[Mapping[str, Any]]) -> None:
    """Add lines to a file of attempts, and return when the disk has them. A last line cut short is left to itself.

    It is one call of the system, so that the lines of two processes do not mix.

    Raises:
        OSError: they cannot be written; a line of which a part was written is passed over.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b", buffering=0) as file:
        size = file.seek(0, os.SEEK_END)
        cut = size > 0 and file.seek(size - 1) >= 0 and file.read(1) != b"\n"
        content = b"\n" * cut + "".join(json.dumps(line) + "\n" for line in lines).encode("ascii")
        if file.write(content) != len(content):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        os.fsync(file.fileno())


def counted(course: Course, lab: str, scored: Mapping[str, QuizScore]) -> dict[str, QuizScore]:
    """By student, the attempts that count of those handed in last: for reports, which score the files anew."""
    banks, at_once = load_kept(course.banks), served(course)
    seen: dict[str, list[Taken]] = {}
    for student, one in remembered(attempts_file(course.ledger(lab))):
        seen.setdefault(student, []).append(one)
    found = {}
    for student, score in scored.items():
        handed_in = taken(score, banks)
        known = [one for one in seen.get(student, ()) if one.bank in {t.bank for t in handed_in}]
        held = limited(known, handed_in, at_once)
        count = {(one.attempt, one.digest) for one in held.counted}
        pairs = zip(score.attempts, handed_in, strict=True)
        attempts = tuple(one for one, told in pairs if (told.attempt, told.digest) in count)
        best = max(attempts, key=lambda one: one.score, default=None)
        points = score.points if best == score.best else round((best.score if best else 0.0) * score.max_points, 2)
        problems = (*score.problems, *texts(held.remarks))
        found[student] = QuizScore(points, score.max_points, best, attempts, problems)
    return found


def stamp_of(path: Path) -> tuple[int, ...] | None:
    """What changes with a file; None where there is none."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


class Attempts:
    """The attempts of one lab that were seen so far; those that `grader serve` sees meanwhile too."""

    def __init__(self, course: Course, lab: str) -> None:
        self._path = attempts_file(course.ledger(lab))
        self._served = served(course)
        self._stamp: tuple[int, ...] | None = ()
        self._read()

    def _read(self) -> None:
        """Read the file, unless it is as it was."""
        if self._stamp == (stamp := stamp_of(self._path)):
            return
        self._stamp = stamp
        self._seen: dict[str, list[Taken]] = {}
        self._first: dict[tuple[str, str], str] = {}
        for student, one in remembered(self._path):
            self._note(student, one)

    def _note(self, student: str, one: Taken) -> None:
        self._seen.setdefault(student, []).append(one)
        self._first.setdefault((one.bank, one.attempt), student)

    def hold(self, student: str, graded: Graded, worth: float) -> tuple[Graded, list[str]]:
        """As `held`, with flags; new attempts are remembered."""
        handed_in, seen, found = self._looked_up(student, graded)
        owners = {self._first.get((one.bank, one.attempt), student) for one in handed_in} - {student}
        flags = [f"attempts.jsonl: the same attempt as {student_text(name)}'s" for name in sorted(owners)]
        self._remember(student, found.new[: max(0, MOST - len(seen))])
        return _held(graded, found, worth), flags

    def held(self, student: str, graded: Graded, worth: float) -> Graded:
        """The result with its quiz held to the limit of attempts; the best attempt of all submissions counts.

        Args:
            student: whose it is.
            graded: the result of the submission by itself.
            worth: what the quiz is worth.
        """
        return _held(graded, self._looked_up(student, graded)[2], worth)

    def kept(self, student: str, graded: Graded, cells: Mapping[str, Collection[str]], worth: float) -> Graded:
        """A result that gives nothing, with the points that the student's quiz earned in earlier submissions.

        Args:
            student: whose it is.
            graded: why nothing could be graded.
            cells: the graded cells of each notebook.
            worth: what the quiz is worth.
        """
        self._read()
        points = _points(limited(self._seen.get(student, ()), ()), worth)
        places = [name for name, known in cells.items() if QUIZ_CELL in known] if points else []
        return replace(graded, marks={name: {QUIZ_CELL: Mark(points)} for name in places})

    def _looked_up(self, student: str, graded: Graded) -> tuple[list[Taken], list[Taken], Limited]:
        """The attempts of a result, those that were seen before, and what counts."""
        self._read()
        handed_in = [Taken(**one) for one in graded.attempts]
        banks = {one.bank for one in handed_in}
        seen = [one for one in self._seen.get(student, ()) if not banks or one.bank in banks]
        return handed_in, seen, limited(seen, handed_in, self._served)

    def _remember(self, student: str, new: tuple[Taken, ...]) -> None:
        if not new:
            return
        append(self._path, [{"student": student, **asdict(one)} for one in new])
        for one in new:
            self._note(student, one)
        self._stamp = stamp_of(self._path)


def _points(found: Limited, worth: float) -> float:
    return min(round(found.score * worth, 2), worth)


def _held(graded: Graded, found: Limited, worth: float) -> Graded:
    """The result with the points that count, also in the cell that nbgrader reads."""
    events = [*graded.events, *texts([f"attempts.jsonl: {remark}" for remark in found.remarks])]
    points = _points(found, worth)
    if QUIZ_CELL not in graded.scores or points == graded.scores[QUIZ_CELL]:
        return replace(graded, events=events)
    best = "" if found.score == found.in_file else " The best attempt was handed in before, and counts."
    lines = [f"Quiz: {points:g} of {worth:g} points.{best}", *(f"attempts.jsonl, {one}." for one in found.remarks)]
    notebooks, marks = dict(graded.notebooks), dict(graded.marks)
    for name in [name for name, known in graded.marks.items() if QUIZ_CELL in known]:
        notebook = nbformat.reads(notebooks[name], as_version=4)
        for cell in notebook.cells:
            if grade_id(cell) == QUIZ_CELL:
                cell.outputs = of_quiz(lines, points)
        notebooks[name] = nbformat.writes(notebook)
        marks[name] = {**marks[name], QUIZ_CELL: Mark(points)}
    scores = graded.scores | {QUIZ_CELL: points}
    return replace(graded, scores=scores, notebooks=notebooks, marks=marks, events=events)
