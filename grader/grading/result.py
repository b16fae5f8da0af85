"""What goes into grading and what comes out, as frozen values that can be sent as bytes."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Submission:
    """What was handed in: the notebook's bytes, and the other files by relative name; `complete` unless some were left.

    Too large, too many or too deep: see `intake.read_submission`.
    """

    notebook: bytes
    files: Mapping[str, bytes] = field(default_factory=dict)
    complete: bool = True

    def to_bytes(self) -> bytes:
        """As JSON."""
        files = {name: base64.b64encode(content).decode("ascii") for name, content in sorted(self.files.items())}
        return json.dumps([base64.b64encode(self.notebook).decode("ascii"), files, self.complete]).encode()

    @staticmethod
    def from_bytes(data: bytes) -> Submission:
        """The inverse of `to_bytes`."""
        notebook, files, complete = json.loads(data)
        content = {name: base64.b64decode(text) for name, text in files.items()}
        return Submission(base64.b64decode(notebook), content, complete)

    def key(self, assignment: str) -> str:
        """The name of this submission's result under an assignment with that digest."""
        return hashlib.sha256(assignment.encode() + self.to_bytes()).hexdigest()


@dataclass(frozen=True)
class Graded:
    """The result of one submission. `notebook` is what goes to `class/autograded`; empty when nothing could be graded.

    `events` says what went wrong and cost points or time; `flags` what an instructor should look at.
    """

    graded: bool
    scores: dict[str, float]
    notebook: str = ""
    reason: str = ""
    remedy: str = ""
    outcomes: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    attempts: list[dict[str, Any]] = field(default_factory=list)
    """Scored attempts at the quiz, as `grader.quizzes.seen.Taken`: the recorder holds them to the limit."""
    seconds: float = 0.0

    def to_bytes(self) -> bytes:
        """As JSON."""
        return json.dumps(asdict(self)).encode()

    @staticmethod
    def from_bytes(data: bytes) -> Graded:
        """The inverse of `to_bytes`."""
        return Graded(**json.loads(data))


@dataclass(frozen=True)
class Task:
    """A submission to grade, under the key of its result."""

    key: str
    submission: Submission


@dataclass(frozen=True)
class Done:
    """A task's result, or, when the grader itself failed on it, `failure`."""

    key: str
    graded: Graded | None
    failure: str = ""
