"""What goes into grading and what comes out, as frozen values that can be sent as bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from grader.text import NO_TEXT, StudentText, student_text


@dataclass(frozen=True)
class Submission:
    """What was handed in, as `intake.read_submission` took it in.

    `notebook` is valid nbformat 4 without stored outputs; `files` are the others by relative name; `digest` tells what
    was handed in from everything else; `handed_in` is a time in UTC (ISO 8601), or empty; `notes` tell what was left.
    """

    notebook: bytes
    files: Mapping[str, bytes] = field(default_factory=dict)
    digest: str = ""
    handed_in: str = ""
    notes: Sequence[StudentText] = ()

    def to_bytes(self) -> bytes:
        """A line of JSON that says what follows, then the notebook and the files as they are.

        Files of 20 MB are spared the detour through text, which would be in memory several times over.
        """
        files = [(name, len(content)) for name, content in self.files.items()]
        head = [self.digest, self.handed_in, list(self.notes), len(self.notebook), files]
        return b"".join([json.dumps(head).encode("ascii"), b"\n", self.notebook, *self.files.values()])

    @staticmethod
    def from_bytes(data: bytes) -> Submission:
        """The inverse of `to_bytes`."""
        at = data.index(b"\n") + 1
        digest, handed_in, notes, length, sizes = json.loads(data[:at])
        notebook, at = data[at : at + length], at + length
        files = {}
        for name, size in sizes:
            files[name], at = data[at : at + size], at + size
        return Submission(notebook, files, digest, handed_in, texts(notes))


def texts(values: Sequence[object]) -> list[StudentText]:
    """Texts that passed the door of `grader.text`, after a way on which their type was lost."""
    return [student_text(value) for value in values]


@dataclass(frozen=True)
class Mark:
    """What nbgrader's gradebook takes of one graded cell: points, None where a person gives them; is it untouched."""

    points: float | None
    blank: bool = False


@dataclass(frozen=True)
class Graded:
    """The result of one submission. `notebook` is what goes to `class/autograded`; empty when nothing could be graded.

    `events` says what went wrong and cost points or time; `flags` what an instructor should look at; `marks` are those
    of the notebook's cells that nbgrader knows, by name.
    """

    graded: bool
    scores: dict[str, float]
    notebook: str = ""
    reason: StudentText = NO_TEXT
    remedy: StudentText = NO_TEXT
    outcomes: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    events: list[StudentText] = field(default_factory=list)
    flags: list[StudentText] = field(default_factory=list)
    marks: Mapping[str, Mark] = field(default_factory=dict)
    attempts: list[dict[str, Any]] = field(default_factory=list)
    """Scored attempts at the quiz, as `grader.quizzes.seen.Taken`: the recorder holds them to the limit."""
    seconds: float = 0.0

    def to_bytes(self) -> bytes:
        """As JSON."""
        return json.dumps(asdict(self)).encode()

    @staticmethod
    def from_bytes(data: bytes) -> Graded:
        """The inverse of `to_bytes`."""
        said = json.loads(data)
        for name in ("reason", "remedy"):
            said[name] = student_text(said[name])
        for name in ("events", "flags"):
            said[name] = texts(said[name])
        said["marks"] = {name: Mark(**mark) for name, mark in said["marks"].items()}
        return Graded(**said)


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
