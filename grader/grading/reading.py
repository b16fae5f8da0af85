"""The processes that read what was handed in: light ones, of their own, under limits of memory, time and output.

The grader itself never parses a student's file. It starts these, says which student's work to take in, and gets back
a few short texts and a file that they wrote. See `intake.take_in` for what they do.
"""

from __future__ import annotations

import atexit
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from grader.course.paths import Course
from grader.files import read_plain
from grader.grading.intake import Taken, Wanted, take_in
from grader.grading.looking import attempts_in
from grader.grading.mother import Mother, mind
from grader.grading.pool import Lost, limit_memory, run_tasks, serve
from grader.grading.result import Task
from grader.grading.sides import settle
from grader.quizzes.kept import load_kept
from grader.quizzes.score import MAX_FILE, QuizScore, score_attempts
from grader.text import student_text
from grader.threads import cores

SECONDS = 60.0
MEMORY_MB = 360  # a notebook of 50 MB with an emoji, four bytes a character, takes 300
FILE_MB = 64
LOOK_AGAIN = "look at what was handed in; it is kept as it is"


def readers() -> int:
    """As many as there are cores, at most two: reading is a small part of the work."""
    return min(2, cores())


def take_in_all(
    course: Course, lab: str, wanted: Wanted, students: Iterable[str], spool: Path, side: str = ""
) -> Iterator[Taken]:
    """Have each student's work read; in the order in which it is done. What is ready lies in `spool` then.

    With `side`, only that side of each notebook with conflict markers; see `sides.settle`.
    """
    more = {"spool": str(spool), "wanted": asdict(wanted), "side": side}
    asked = [(name, _request(course, lab, name, more)) for name in students]
    for name, answer in _answers(asked):
        if isinstance(answer, Lost):
            said = student_text(f"it could not be read: {answer.reason}")
            yield Taken(name, False, reason=said, remedy=student_text(LOOK_AGAIN))
        else:
            yield Taken.from_bytes(name, answer)


def score_all(course: Course, lab: str, bank: str, students: Sequence[str]) -> Iterator[tuple[str, QuizScore]]:
    """Each student's attempts at a bank, rescored; nothing of students without an attempts file."""
    asked = [(name, _request(course, lab, name, {"bank": bank})) for name in students]
    for name, answer in _answers(asked):
        if isinstance(answer, Lost):
            why = student_text(f"it could not be read: {answer.reason}")
            yield name, QuizScore(0.0, 0.0, None, (), (why,))
        elif answer:
            yield name, QuizScore.from_bytes(answer)


def task_of(taken: Taken, spool: Path, assignment: str) -> Task:
    """The task of grading what was read, under an assignment with that digest."""
    return Task(taken.key(assignment), spool / taken.digest)


def _request(course: Course, lab: str, student: str, more: Mapping[str, Any]) -> bytes:
    return json.dumps({"course": course.to_json(), "lab": lab, "student": student, **more}).encode("ascii")


def _answer(request: bytes) -> bytes:
    asked = json.loads(request)
    course = Course.from_json(asked["course"])
    lab, student = asked["lab"], asked["student"]
    if "spool" in asked:
        wanted, spool = Wanted.from_json(asked["wanted"]), Path(asked["spool"])
        if side := asked.get("side"):
            return settle(course, lab, student, wanted, side, spool).to_bytes()
        return take_in(course, lab, student, wanted, spool).to_bytes()
    path = attempts_in(course.folder("submitted", student, lab))
    if any(place.is_symlink() for place in (path.parent.parent, path.parent, path)) or not path.is_file():
        return b""
    return score_attempts(read_plain(path, MAX_FILE, cut=True), _banks(course.banks), asked["bank"]).to_bytes()


_banks = cache(load_kept)


def _answers(asked: Sequence[tuple[str, bytes]]) -> Iterator[tuple[str, bytes | Lost]]:
    if asked:
        yield from run_tasks(_mother_of(os.getpid()).start, asked, min(readers(), len(asked)), SECONDS)


@cache
def _mother_of(_process: int) -> Mother:
    """What this process has its readers forked from: it starts when the first is needed, and ends with this process."""
    found = Mother(_begin)
    atexit.register(found.close)
    return found


def _begin(control: Connection) -> Callable[[], None]:
    command = [sys.executable, "-m", "grader.grading.reading", str(control.fileno())]
    process = subprocess.Popen(command, pass_fds=[control.fileno()], stdin=subprocess.DEVNULL)

    def end() -> None:
        process.kill()
        process.wait()

    return end


def _work(connection: Connection) -> None:
    """In a reader: answer, until the grader goes."""
    megabyte = 2**20
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_MB * megabyte, FILE_MB * megabyte))
    limit_memory(MEMORY_MB)
    serve(connection, _answer)


def main() -> None:
    """Have readers forked, as told by the descriptor that the first argument names."""
    mind(Connection(int(sys.argv[1])), _work, iter(()))


if __name__ == "__main__":
    main()
