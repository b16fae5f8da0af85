"""The hub's service that marks exams at once and takes hand-ins, as a student's machine sees it. No key comes from it.

`GRADER_SERVICE` says where it is; who asks is said by the token that JupyterHub gives to every server of a student.
"""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote

from labkit.errors import LabError
from labkit.quiz.attempts import Attempt, attempt_line
from labkit.quiz.bank import Bank
from labkit.quiz.marking import ItemResult, Result
from labkit.quiz.sealed import Verdict
from labkit.quiz.standing import Standing

SERVICE, TOKEN = "GRADER_SERVICE", "JUPYTERHUB_API_TOKEN"
SECONDS = 30
MAX_BYTES = 16 * 2**20
KEPT = "Nothing is lost: your work is kept here. Try again in a while, and tell your instructor if it stays."
UNKNOWN = 404
T = TypeVar("T")
Responses = Mapping[str, Mapping[str, str]]


class ServiceError(LabError):
    """The service refused something, with a status of HTTP, or could not be reached: then the status is 0."""

    def __init__(self, what: str, remedy: str, status: int = 0) -> None:
        super().__init__(what, remedy)
        self.status = status


class _NoWayRound(urllib.request.HTTPRedirectHandler):
    """A token is for the service alone: no answer leads it elsewhere."""

    def redirect_request(self, *_: Any) -> None:
        return None


@dataclass(frozen=True)
class Service:
    """Where the service is, and the token that says who asks."""

    address: str
    token: str

    def ask(self, path: str, body: bytes | None = None) -> dict[str, Any]:
        """What it answers to a GET, or to a POST of a body.

        Raises:
            ServiceError: it refuses, cannot be reached, or answers something else than JSON.
        """
        head = {"Authorization": f"token {self.token}", "Content-Type": "application/octet-stream"}
        request = urllib.request.Request(f"{self.address}/{path}", data=body, headers=head)
        try:
            with urllib.request.build_opener(_NoWayRound).open(request, timeout=SECONDS) as answer:
                said = json.loads(answer.read(MAX_BYTES))
        except urllib.error.HTTPError as error:
            with error:
                raise ServiceError(_problem(error.read(MAX_BYTES)), KEPT, error.code) from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            cut = body is not None and isinstance(reason, BrokenPipeError | ConnectionResetError)
            large = f" It ended the connection: are {len(body or b'') / 2**20:.0f} MB too much?" if cut else ""
            what = f"The grading service of this hub cannot be reached ({reason}).{large}"
            raise ServiceError(what, KEPT) from None
        if not isinstance(said, dict):
            raise _odd()
        return said


def service() -> Service | None:
    """The service of this hub; None where there is none, and while nbgrader executes a notebook."""
    address, token = os.environ.get(SERVICE, "").rstrip("/"), os.environ.get(TOKEN, "")
    if not address.startswith(("http://", "https://")) or not token or os.environ.get("NBGRADER_EXECUTION"):
        return None
    return Service(address, token)


@dataclass(frozen=True)
class Served:
    """Where the service says that a student stands, and the seed of the next attempt."""

    standing: Standing
    seed: int


@dataclass(frozen=True)
class Marker:
    """The service, for one exam."""

    service: Service
    bank: Bank

    def served(self) -> Served:
        """Where the student stands. Raises ServiceError."""
        return _read(self._standing, self.service.ask(f"{self._path}?release={self.bank.hash}"))

    def submit(self, attempt: Attempt) -> tuple[Responses, Result, Served]:
        """What the service took of an attempt, its verdict, and where that leaves the student.

        One that it took before gets its verdict again.

        Raises:
            ServiceError: it does not take it, or cannot be reached.
        """
        return _read(self._marked, self.service.ask(self._path, attempt_line(attempt)))

    def name(self, seed: int) -> str:
        """What an attempt with this seed is called: the same when it is sent again, because no answer came."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self.bank.hash} {seed}"))

    @property
    def _path(self) -> str:
        return f"quizzes/{quote(self.bank.bank, safe='')}"

    def _standing(self, said: Mapping[str, Any]) -> Served:
        left, latest, highest = (said[name] for name in ("left", "latest", "highest"))
        scores = [None if score is None else float(score) for score in (latest, highest)]
        taken, places = int(said["taken"]), None if left is None else int(left)
        return Served(Standing("served", self.bank.pass_mark, taken, places, *scores), int(said["seed"]))

    def _marked(self, said: Mapping[str, Any]) -> tuple[Responses, Result, Served]:
        items = tuple(
            ItemResult(
                item,
                float(one["share"]),
                {
                    part: Verdict(int(found["right"] is True), str(found["feedback"]), right=found["right"])
                    for part, found in one["parts"].items()
                },
            )
            for item, one in said["items"].items()
        )
        responses = {item: {**parts} for item, parts in said["responses"].items() if parts}
        return responses, Result(items, float(said["score"])), self._standing(said["standing"])


def _read(read: Callable[[Mapping[str, Any]], T], said: dict[str, Any]) -> T:
    try:
        return read(said)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise _odd() from None


def _odd() -> ServiceError:
    return ServiceError("The grading service of this hub answered something that is not understood.", KEPT)


def _problem(raw: bytes) -> str:
    """Why the service refused; it may be the hub's proxy that answers, with a page."""
    try:
        return str(json.loads(raw)["problem"])
    except (ValueError, KeyError, TypeError):
        return "The grading service of this hub does not answer now."
