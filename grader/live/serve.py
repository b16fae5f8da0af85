"""`grader serve`: a service of a JupyterHub that marks exams and takes hand-ins, with keys and checks on its side only.

| request | answer |
|---|---|
| `GET quizzes/BANK?release=HASH` | where the student stands, and the seed of the next attempt |
| `POST quizzes/BANK` with an attempt | the verdict on it; see `grader.live.exams` |
| `POST labs/LAB` with a notebook or a hand-in zip | a receipt; `grader watch` grades it |
| `GET labs/LAB` | their pages of feedback, once `grader watch` has written them |

Who asks is who the hub says: a token of theirs stands in the request's head, as Jupyter's kernels have it. Bodies are
bounded before they are read; those of labs go to the disk as they come. One thread does all work in the order in which
it came, and the loop, which waits for no disk, takes in what comes meanwhile.
"""

from __future__ import annotations

import json
import logging
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import IO, Any, TypeVar

from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.web import Application, HTTPError, RequestHandler, stream_request_body

from grader.course.coursedir import assignment_names
from grader.course.paths import Course
from grader.exchange.handins import LOOK_EVERY, MAX_FILE
from grader.live.exams import Exams, RefusedError
from grader.live.given_back import Feedback
from grader.live.received import FULL, put_attempts, receive, require_room, student_of
from grader.quizzes.score import MAX_LINE
from grader.text import student_text

Identify = Callable[[RequestHandler], Awaitable[str]]
"""The name of the user whose token a request bears. Raises HTTPError."""

T = TypeVar("T")
AT_ONCE = 2  # requests of one student that bring something, and are under way
IDLE_SECONDS, BODY_SECONDS = 60, 300
LABS_SECONDS = 10.0
MAX_HEAD, MAX_DIGITS = 2**14, 20
BANK, LAB = r"(?P<bank>[^/]{1,200})", r"(?P<lab>[^/]{1,200})"
LOG = logging.getLogger(__name__)


class SaidError(HTTPError):
    """Why something is refused, as whoever asked is told it. What other errors say stays here."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(status)
        self.why = why


class Service:
    """What the handlers share: the course, its exams, the one thread that works, and where what comes is kept."""

    def __init__(self, course: Course, identify: Identify) -> None:
        self.course, self.identify = course, identify
        self.exams = Exams(course)
        self.feedback = Feedback(course)
        self.arriving = course.class_dir / "arriving"
        shutil.rmtree(self.arriving, ignore_errors=True)  # what a run that was killed had not taken: nobody was told so
        self.arriving.mkdir(parents=True)
        self.under_way: Counter[str] = Counter()
        self._labs: list[str] = []
        self._asked = float("-inf")
        self._worker = ThreadPoolExecutor(1, "work")

    async def work(self, job: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Do something after all that was asked before."""
        return await IOLoop.current().run_in_executor(self._worker, job)

    def labs(self) -> list[str]:
        """All assignments; the gradebook is asked again after some seconds."""
        if time.monotonic() > self._asked + LABS_SECONDS:
            self._labs, self._asked = assignment_names(self.course), time.monotonic()
        return self._labs

    def show_attempts(self, student: str, lab: str) -> None:
        """Let the grader see the attempts at a lab's exam beside what was handed in, if there are any."""
        records = self.exams.records(student, lab)
        try:
            if records:
                put_attempts(self.course, student, lab, records, datetime.now(UTC))
        except (OSError, RefusedError) as error:  # they are written down; the next attempt or hand-in brings them there
            LOG.warning("%s, %s: %s", student_text(student), lab, student_text(str(error)))

    async def finished(self) -> None:
        """Wait until what was asked is done and told."""
        await self.work(dict)

    def close(self) -> None:
        """End the thread, after what was asked."""
        self._worker.shutdown(wait=True)


def application(service: Service, prefix: str) -> Application:
    """The service below a prefix such as `/services/grader/`."""
    shared = {"service": service}
    return Application(
        [
            (prefix, _Home, shared),
            (f"{prefix}quizzes/{BANK}", _Quiz, shared),
            (f"{prefix}labs/{LAB}", _Lab, shared),
        ],
        default_handler_class=_Nothing,
        default_handler_args=shared,
        log_function=_log,
    )


def server(app: Application) -> HTTPServer:
    """Its server, with bounds on all that a client may send. Only hand-ins may have more than an attempt has."""
    return HTTPServer(
        app,
        max_header_size=MAX_HEAD,
        max_body_size=MAX_LINE,
        idle_connection_timeout=IDLE_SECONDS,
        body_timeout=BODY_SECONDS,
    )


@stream_request_body
class _Answers(RequestHandler):
    """A handler whose answers are JSON, for who has a token; it keeps of a body what its kind keeps."""

    most = 0
    """Bytes that a body may have."""

    def initialize(self, service: Service) -> None:
        self.service = service
        self.student = ""
        self.counted = self.whole = False

    def set_default_headers(self) -> None:
        self.set_header("Content-Type", "application/json")
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Content-Security-Policy", "sandbox; default-src 'none'")
        self.clear_header("Server")

    def check_xsrf_cookie(self) -> None:
        """No cookie says who asks, so that no page of somebody else can ask in their name."""

    async def prepare(self) -> None:
        name = await self.service.identify(self)
        self.student = _told(lambda: student_of(name))
        if self.request.method == "POST":
            self._begin()

    def _begin(self) -> None:
        """Somebody known sends something, which has not come yet."""
        said = self.request.headers.get("Content-Length", "0")
        if said.isascii() and said.isdigit() and (len(said) > MAX_DIGITS or int(said) > self.most):
            raise SaidError(413, f"At most {self.most / 2**20:g} MB are taken.")
        if self.service.under_way[self.student] >= AT_ONCE:
            raise SaidError(429, "What you sent before is under way; wait for it.")
        self.begin()
        self.service.under_way[self.student] += 1
        self.counted = True

    def begin(self) -> None:
        """Get ready for what comes. Raises SaidError."""

    def data_received(self, chunk: bytes) -> None:
        """A piece of the body, which nobody asked for."""

    async def answer(self, job: Callable[[], dict[str, Any]]) -> None:
        """Do something in turn, and answer with what it gives."""
        self.finish(json.dumps(await self.service.work(lambda: _told(job))))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Why it was refused; of a fault of ours nothing but that it is one."""
        if not self.whole:
            self.set_header("Connection", "close")  # what may follow of the body is not read
        error = (kwargs.get("exc_info") or (None, None, None))[1]
        self.finish(json.dumps({"problem": error.why if isinstance(error, SaidError) else _phrase(status_code)}))

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """What was refused is no fault."""
        if not isinstance(value, SaidError):
            super().log_exception(typ, value, tb)

    def on_finish(self) -> None:
        self._over()

    def on_connection_close(self) -> None:
        """The other side went. What had come whole is done all the same, what had not is forgotten."""
        super().on_connection_close()
        if not self.whole:
            self._over()

    def _over(self) -> None:
        self.forget()
        if self.counted:
            self.counted = False
            self.service.under_way -= Counter([self.student])

    def forget(self) -> None:
        """Let go of what came."""


class _Nothing(_Answers):
    """Any other address."""

    async def prepare(self) -> None:
        raise SaidError(404, "There is nothing at this address.")


class _Home(_Answers):
    """What there is."""

    async def get(self) -> None:
        await self.answer(lambda: {"quizzes": self.service.exams.names, "labs": self.service.labs()})


class _Quiz(_Answers):
    """An exam."""

    most = MAX_LINE

    def begin(self) -> None:
        self.raw = bytearray()

    def data_received(self, chunk: bytes) -> None:
        if self.counted:
            self.raw += chunk  # the connection takes no more than a line has

    async def get(self, bank: str) -> None:
        release = self.get_query_argument("release", "")
        await self.answer(lambda: self.service.exams.standing(self.student, bank, release))

    async def post(self, bank: str) -> None:
        self.whole = True
        await self.answer(lambda: self._submit(bank))

    def _submit(self, bank: str) -> dict[str, Any]:
        exams = self.service.exams
        answer = exams.submit(self.student, bank, bytes(self.raw))
        self.service.show_attempts(self.student, exams.lab_of(bank))
        return answer


class _Lab(_Answers):
    """A lab that is handed in, and its feedback."""

    most = MAX_FILE
    upload: IO[bytes] | None = None
    refused: SaidError | None = None
    unlooked = 0

    def begin(self) -> None:
        _told(lambda: require_room(self.service.course))
        self.request.connection.set_max_body_size(MAX_FILE)  # type: ignore[union-attr]  # HTTP1Connection has it
        self.upload = tempfile.NamedTemporaryFile(dir=self.service.arriving)  # noqa: SIM115 - `forget` closes it

    def data_received(self, chunk: bytes) -> None:
        if self.upload is None or self.refused is not None:
            return
        self.unlooked += len(chunk)
        try:
            if self.unlooked >= LOOK_EVERY:
                self.unlooked = 0
                _told(lambda: require_room(self.service.course))
            self.upload.write(chunk)
        except SaidError as refused:
            self.refused = refused
        except OSError:
            self.refused = SaidError(FULL, "Nothing was handed in: it cannot be written here. Tell your instructor.")

    async def get(self, lab: str) -> None:
        await self.answer(lambda: self.service.feedback.of(self.student, lab, self.service.labs()))

    async def post(self, lab: str) -> None:
        self.whole = True
        if self.refused is not None:
            raise self.refused
        await self.answer(lambda: self._receive(lab))

    def _receive(self, lab: str) -> dict[str, Any]:
        course, upload = self.service.course, self.upload
        if upload is None:
            raise RefusedError(FULL, "Nothing was handed in.")
        with upload:  # it is gone when it is answered
            upload.flush()
            receipt = receive(course, self.student, lab, Path(upload.name), self.service.labs(), datetime.now(UTC))
        self.service.show_attempts(self.student, lab)
        return receipt

    def forget(self) -> None:
        if self.upload is not None:
            self.upload.close()
            self.upload = None


def _told(job: Callable[[], T]) -> T:
    """What a job gives; what it refuses is told to whoever asked."""
    try:
        return job()
    except RefusedError as refused:
        raise SaidError(refused.status, student_text(refused.why)) from None


def _phrase(status: int) -> str:
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return "Something went wrong here, and nothing was told. Try again, and tell your instructor if it stays."
    return HTTPStatus(status).phrase


def _log(handler: RequestHandler) -> None:
    """A line a request: who, what, how it went. No token, no answer."""
    who = student_text(getattr(handler, "student", "") or "nobody")
    path, took = student_text(handler.request.path, 200), 1000 * handler.request.request_time()
    LOG.info("%s %s %s %s %.0f ms", who, handler.request.method, path, handler.get_status(), took)
