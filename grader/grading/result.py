"""What goes into grading and what comes out, as frozen values that can be sent as bytes."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from grader.text import NO_TEXT, StudentText, student_text


@dataclass(frozen=True)
class Submission:
    """What was handed in, as `intake.read_submission` took it in.

    `notebooks` are those of the assignment, by name, as valid nbformat 4 without stored outputs; `files` are the others
    by relative name; `digest` tells what was handed in from everything else; `handed_in` is a time in UTC (ISO 8601),
    or empty; `notes` tell what was left. `student` is known only where the course's own steps may ask who it is.
    """

    notebooks: Mapping[str, bytes]
    files: Mapping[str, bytes] = field(default_factory=dict)
    digest: str = ""
    handed_in: str = ""
    notes: Sequence[StudentText] = ()
    student: str = ""

    def to_bytes(self) -> bytes:
        """A line of JSON that says what follows, then the notebooks and the files as they are.

        Files of 20 MB are spared the detour through text, which would be in memory several times over.
        """
        sizes = [[(name, len(content)) for name, content in part.items()] for part in (self.notebooks, self.files)]
        head = [self.digest, self.handed_in, list(self.notes), self.student, *sizes]
        return b"".join([json.dumps(head).encode("ascii"), b"\n", *self.notebooks.values(), *self.files.values()])

    @staticmethod
    def from_bytes(data: bytes) -> Submission:
        """The inverse of `to_bytes`."""
        at = data.index(b"\n") + 1
        digest, handed_in, notes, student, *parts = json.loads(data[:at])
        found: list[dict[str, bytes]] = []
        for sizes in parts:
            found.append({})
            for name, size in sizes:
                found[-1][name], at = data[at : at + size], at + size
        return Submission(found[0], found[1], digest, handed_in, texts(notes), student)


def texts(values: Sequence[object]) -> list[StudentText]:
    """Texts that passed the door of `grader.text`, after a way on which their type was lost."""
    return [student_text(value) for value in values]


@dataclass(frozen=True)
class Mark:
    """What nbgrader's gradebook takes of one cell: points, None where a person gives them; is it untouched.

    `graded` is False where the cell itself takes no points: an answer that another cell tests, or a task.
    """

    points: float | None
    blank: bool = False
    graded: bool = True


@dataclass(frozen=True)
class Graded:
    """The result of one submission. `notebooks` are what goes to `autograded`; none when nothing could be graded.

    `scores` are by `label`. `events` says what went wrong and cost points or time; `flags` what an instructor should
    look at; `marks` are those of the cells that nbgrader knows, by notebook and name; `files` are what notebooks wrote.
    """

    graded: bool
    scores: dict[str, float]
    notebooks: dict[str, str] = field(default_factory=dict)
    reason: StudentText = NO_TEXT
    remedy: StudentText = NO_TEXT
    outcomes: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    events: list[StudentText] = field(default_factory=list)
    flags: list[StudentText] = field(default_factory=list)
    marks: Mapping[str, Mapping[str, Mark]] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)
    attempts: list[dict[str, Any]] = field(default_factory=list)
    """Scored attempts at the quiz, as `grader.quizzes.seen.Taken`: the recorder holds them to the limit."""
    seconds: float = 0.0

    def to_bytes(self) -> bytes:
        """As JSON."""
        files = {name: base64.b64encode(content).decode("ascii") for name, content in self.files.items()}
        return json.dumps(asdict(self) | {"files": files}).encode()

    @staticmethod
    def from_bytes(data: bytes) -> Graded:
        """The inverse of `to_bytes`."""
        said = json.loads(data)
        for name in ("reason", "remedy"):
            said[name] = student_text(said[name])
        for name in ("events", "flags"):
            said[name] = texts(said[name])
        said["marks"] = {
            notebook: {name: Mark(**mark) for name, mark in marks.items()} for notebook, marks in said["marks"].items()
        }
        said["files"] = {name: base64.b64decode(content) for name, content in said["files"].items()}
        return Graded(**said)


def label(notebook: str, cell: str, alone: bool) -> str:
    """What a graded cell is called in tables: its name, and where there are several notebooks theirs before it."""
    return cell if alone else f"{notebook}/{cell}"


@dataclass(frozen=True)
class Task:
    """A submission to grade, under the key of its result: the file that holds it, so that a class fits into memory."""

    key: str
    path: Path

    def read(self) -> bytes:
        """The submission, as `Submission.to_bytes` wrote it."""
        return self.path.read_bytes()


@dataclass(frozen=True)
class Done:
    """A task's result, or, when the grader itself failed on it, `failure`."""

    key: str
    graded: Graded | None
    failure: str = ""
