"""`grader serve` over HTTP, without a hub: the player's way, many at once, odd clients, and what is cut off.

Who asks is here what the token says; that the hub says it, `tests/hub` shows.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import http.client
import json
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pytest
from tornado.netutil import bind_sockets
from tornado.web import RequestHandler

from grader.grading.attempts import attempts_file, remembered
from grader.live.arrivals import Journal, mark_of
from grader.live.serve import SaidError, application, server
from grader.live.serve import Service as Serving
from labkit.errors import LabError
from labkit.handin import hand_in
from labkit.quiz.attempts import ATTEMPTS_FILE, read_attempts
from labkit.quiz.drafts import draft_path
from labkit.quiz.service import SERVICE, TOKEN, Service, ServiceError
from labkit.quiz.session import Quiz, open_quiz
from labkit.returned import feedback
from tests.live.conftest import BANK, LAB, Examined, answer_to, told

PREFIX = "/services/grader/"
MANY = 200
NOTEBOOK = json.dumps({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


async def by_the_token(handler: RequestHandler) -> str:
    kind, _, name = handler.request.headers.get("Authorization", "").partition(" ")
    if kind != "token" or not name:
        raise SaidError(401, "A token was expected.")
    return name


@dataclass(frozen=True)
class Running:
    """A service that runs in a thread, and its port."""

    serving: Serving
    port: int

    def as_user(self, name: str) -> Service:
        """The service as this student's machine sees it."""
        return Service(f"http://127.0.0.1:{self.port}/services/grader", name)

    def connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)


@contextlib.contextmanager
def running(made: Examined) -> Iterator[Running]:
    """The service of a course, until the end of the block."""
    serving = Serving(made.course, by_the_token)
    (listening,) = bind_sockets(0, "127.0.0.1")
    loop = asyncio.new_event_loop()
    ended = asyncio.Event()

    async def run() -> None:
        serves = server(application(serving, PREFIX))
        serves.add_socket(listening)
        await ended.wait()
        serves.stop()
        await serving.finished()
        await serves.close_all_connections()

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()))
    thread.start()
    try:
        yield Running(serving, listening.getsockname()[1])
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join()
        serving.close()
        loop.close()


@pytest.fixture
def student(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Examined, Running], Path]:
    """`student(made, running)` is ada's folder of the lab, on a machine where the service is."""

    def make(made: Examined, where: Running) -> Path:
        monkeypatch.setenv(SERVICE, where.as_user("ada").address)
        monkeypatch.setenv(TOKEN, "ada")
        folder = tmp_path / "ada" / LAB
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{BANK}.quiz.json").write_bytes(made.sealed)
        return folder

    return make


def answer_all(quiz: Quiz, made: Examined, right: bool) -> None:
    for item, variant in made.bank.drawn(quiz.seed):
        for part in made.bank.by_id[item].variants[variant].parts:
            quiz.put(item, part.id, answer_to(part, right))


def test_the_player_shows_verdict_and_feedback_at_once(
    examined: Callable[..., Examined], student: Callable[[Examined, Running], Path]
) -> None:
    made = examined(2)
    with running(made) as where:
        folder = student(made, where)
        quiz = open_quiz(BANK, folder)
        assert quiz.page()["mode"] == "practice"
        answer_all(quiz, made, right=True)
        quiz.hand_over()
        page = quiz.page()
        assert page["headline"] == "Your grade: 100%. You passed."
        assert page["left"] == "Attempts left: 1 of 2."
        assert {item["result"]["mark"] for item in page["items"]} == {"right"}
        assert any(part["feedback"] for item in page["items"] for part in item["parts"])
        again = open_quiz(BANK, folder)  # the kernel was restarted
        assert again.page()["items"] == page["items"]
        again.retake()
        again.hand_over()
        assert again.page()["headline"] == "Your grade: 0%. Not passed yet."
        with pytest.raises(LabError, match="No attempts are left"):
            again.retake()
        attempts, problems = read_attempts(folder / ATTEMPTS_FILE)
        assert (len(attempts), problems, {one.score for one in attempts}) == (2, [], {None})


def test_an_answer_that_got_lost_is_had_again(
    examined: Callable[..., Examined],
    student: Callable[[Examined, Running], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = examined(1)
    with running(made) as where:
        folder = student(made, where)
        quiz = open_quiz(BANK, folder)
        answer_all(quiz, made, right=True)
        ask = Service.ask

        def lost(self: Service, path: str, body: bytes | None = None) -> dict[str, Any]:
            ask(self, path, body)
            raise ServiceError("The network went.", "Try again.")

        with monkeypatch.context() as broken:
            broken.setattr(Service, "ask", lost)
            with pytest.raises(LabError, match="The network went"):
                quiz.hand_over()
        assert not (folder / ATTEMPTS_FILE).exists()
        assert draft_path(folder, BANK).is_file()
        again = open_quiz(BANK, folder)
        assert again.page()["headline"] == "Your grade: 100%. You passed."
        assert len(read_attempts(folder / ATTEMPTS_FILE)[0]) == 1
        assert not draft_path(folder, BANK).exists()


def test_where_it_cannot_be_reached_no_answer_is_lost(
    examined: Callable[..., Examined], student: Callable[[Examined, Running], Path]
) -> None:
    made = examined()
    with running(made) as where:
        folder = student(made, where)
        quiz = open_quiz(BANK, folder)
        answer_all(quiz, made, right=True)
    with pytest.raises(LabError, match="cannot be reached"):
        quiz.hand_over()
    later = open_quiz(BANK, folder)
    assert later.answers == quiz.answers
    assert "cannot be reached" in " ".join(later.problems)
    draft_path(folder, BANK).unlink()
    with pytest.raises(LabError, match="cannot be reached"):  # no questions that would not be taken
        open_quiz(BANK, folder)


def test_an_exam_that_the_service_does_not_mark_is_as_without_it(
    examined: Callable[..., Examined], student: Callable[[Examined, Running], Path]
) -> None:
    made = examined()
    config = made.course.root / "nbgrader_config.py"
    config.write_text(config.read_text().replace('c.Quizzes.served = ["sample"]', ""))
    with running(made) as where:
        quiz = open_quiz(BANK, student(made, where))
        assert "The grader scores your answers" in repr(quiz)
        quiz.hand_over()
        assert quiz.result is None
        assert made.journal == b""


def test_a_lab_is_handed_in_when_it_is_sent(
    examined: Callable[..., Examined],
    student: Callable[[Examined, Running], Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    made = examined()
    with running(made) as where:
        folder = student(made, where)
        (folder / f"{LAB}.ipynb").write_bytes(NOTEBOOK)
        goal = made.course.folder("submitted", "ada", LAB)
        hand_in(folder)
        assert "labkit.hand_in(send=True)" in capsys.readouterr().out
        assert not goal.exists()
        hand_in(folder, send=True)
        assert f"Handed in: {LAB}.ipynb at " in capsys.readouterr().out
        assert (goal / f"{LAB}.ipynb").read_bytes() == NOTEBOOK
        quiz = open_quiz(BANK, folder)
        quiz.hand_over()
        where.as_user("ada").ask(f"labs/{LAB}", NOTEBOOK)  # the notebook alone: the attempt stays beside it
        assert {path.name for path in goal.iterdir()} == {f"{LAB}.ipynb", "attempts.jsonl", "timestamp.txt"}
        assert list(where.serving.arriving.iterdir()) == []


def test_feedback_comes_back_to_whom_it_is_about(
    examined: Callable[..., Examined],
    student: Callable[[Examined, Running], Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What `grader watch` leaves is put here by hand; `test_watch.py` has it graded."""
    made = examined()
    with running(made) as where:
        folder = student(made, where)
        (folder / f"{LAB}.ipynb").write_bytes(NOTEBOOK)
        hand_in(folder, send=True)
        assert "labkit.feedback()" in capsys.readouterr().out
        with pytest.raises(LabError, match="no feedback on it yet"):
            feedback(folder)
        there = made.course.folder("submitted", "ada", LAB)
        Journal(made.course.watched).add({(LAB, "ada"): mark_of(there)}, datetime(2026, 3, 1, 12, tzinfo=UTC))
        with pytest.raises(LabError, match="no feedback on it yet"):
            feedback(folder)
        page = made.course.folder("feedback", "ada", LAB) / f"{LAB}.html"
        page.parent.mkdir(parents=True)
        for words in ("<p>5 of 8</p>", "<p>6 of 8, and a comment</p>"):
            page.write_text(words)
            feedback(folder)
            assert (folder / "feedback" / f"{LAB}.html").read_text() == words
        said = capsys.readouterr().out
        assert said.count(f"feedback/{LAB}.html") == 2
        assert "not graded yet" not in said
        hand_in(folder, send=True)
        feedback(folder)
        assert "What you handed in after that is not graded yet" in capsys.readouterr().out
        Journal(made.course.watched).add({(LAB, "ada"): mark_of(there)}, datetime.now(UTC), {(LAB, "ada"): "no JSON"})
        feedback(folder)
        said = capsys.readouterr().out
        assert "could not be graded" in said
        assert ": no JSON\nYour feedback from before:\n" in said
        for name, lab in (("bob", LAB), ("ada", "99-other")):
            with pytest.raises(ServiceError) as refused:
                where.as_user(name).ask(f"labs/{lab}")
            assert refused.value.status == 404
        page.unlink()
        page.symlink_to(made.course.root / "nbgrader_config.py")
        assert where.as_user("ada").ask(f"labs/{LAB}")["pages"] == {}


@pytest.mark.parametrize(
    "said", [{}, {"pages": [], "graded": "now", "last": True}, {"pages": {"a.html": "x"}, "graded": 5, "last": True}]
)
def test_feedback_that_is_not_understood_changes_nothing(
    said: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SERVICE, "http://127.0.0.1:1/services/grader")
    monkeypatch.setenv(TOKEN, "ada")
    monkeypatch.setattr(Service, "ask", lambda *_: said)
    with pytest.raises(LabError, match="not understood"):
        feedback(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_pages_are_written_into_their_folder_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SERVICE, "http://127.0.0.1:1/services/grader")
    monkeypatch.setenv(TOKEN, "ada")
    pages = dict.fromkeys(("../a.html", "/tmp/b.html", ".c.html", "d.txt", "e e.html"), "x")
    monkeypatch.setattr(Service, "ask", lambda *_: {"pages": pages, "graded": "2026-03-01T12:00:00Z", "last": True})
    feedback(tmp_path)
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.html")] == ["feedback/e e.html"]


def test_where_no_service_is_feedback_says_where_to_look(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="Assignment List"):
        feedback(tmp_path)


def test_nothing_is_lost_of_many_at_once(examined: Callable[..., Examined]) -> None:
    """Attempts and hand-ins of 200 students together, then each student's second attempt."""
    made = examined(2)
    students = [f"s{number:03}" for number in range(MANY)]
    with running(made) as where, ThreadPoolExecutor(MANY) as threads:
        process = psutil.Process()

        def hand_in_and_attempt(name: str) -> dict[str, Any]:
            where.as_user(name).ask(f"labs/{LAB}", NOTEBOOK)
            return attempt(name)

        def attempt(name: str) -> dict[str, Any]:
            service = where.as_user(name)
            seed = service.ask(f"quizzes/{BANK}?release={made.bank.hash}")["seed"]
            return service.ask(f"quizzes/{BANK}", made.attempt(seed, int(name[1:]) % 2 == 0))

        first = list(threads.map(hand_in_and_attempt, students))
        gc.collect()
        before = process.memory_info().rss
        second = list(threads.map(attempt, students))
        assert process.memory_info().rss - before < 32 * 2**20
    assert [answer["score"] for answer in first] == [1.0, 0.0] * (MANY // 2)
    assert [answer["standing"]["left"] for answer in second] == [0] * MANY
    seen: dict[str, list[str]] = {}
    times = []
    for name, one in remembered(attempts_file(made.course.ledger(LAB))):
        seen.setdefault(name, []).append(one.attempt)
        times.append(one.time)
    assert sorted(seen) == students
    expected = [[answer["attempt"] for answer in both] for both in zip(first, second, strict=True)]
    assert [seen[name] for name in students] == expected
    assert times == sorted(times)
    for name in students:
        there = made.course.folder("submitted", name, LAB)
        assert (there / f"{LAB}.ipynb").read_bytes() == NOTEBOOK
        assert len(read_attempts(there / ATTEMPTS_FILE)[0]) == 2
    with running(made) as where:  # a restart knows all of them
        answers = [where.as_user(name).ask(f"quizzes/{BANK}?release={made.bank.hash}") for name in students]
    assert answers == [answer["standing"] for answer in second]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "nothing", 404),
        ("GET", "quizzes/other", 404),
        ("GET", "quizzes/..%2fsample", 404),
        ("GET", f"quizzes/{BANK}", 410),
        ("GET", f"quizzes/{BANK}?release=%ff", 400),
        ("GET", "%ff", 404),
        ("DELETE", f"quizzes/{BANK}", 405),
        ("PUT", f"labs/{LAB}", 405),
        ("GET", f"labs/{LAB}", 404),  # no feedback yet
        ("POST", f"quizzes/{BANK}", 422),
        ("POST", "labs/..", 404),
        ("POST", "labs/%2e%2e%2f%2e%2e", 404),
        ("BREW", "", 405),
    ],
)
def test_odd_requests_are_answered_in_words(
    examined: Callable[..., Examined], method: str, path: str, status: int
) -> None:
    made = examined()
    with running(made) as where:
        connection = where.connection()
        for token, expected in (("", 401 if status not in (404, 405) else None), ("ada", status)):
            connection.request(method, f"{PREFIX}{path}", headers={"Authorization": f"token {token}"} if token else {})
            answer = connection.getresponse()
            said = json.loads(answer.read())
            assert set(said) == {"problem"}
            assert answer.status == expected or expected is None
            assert "Traceback" not in said["problem"]
        connection.close()
    assert made.journal == b""


@pytest.mark.parametrize("name", ["a%2fb", "..", ".x", "a*b", "<script>", "x" * 300, "\u00ff"])
def test_users_whose_names_can_be_no_folder_get_nowhere(examined: Callable[..., Examined], name: str) -> None:
    made = examined()
    name = name.replace("%2f", "/")
    with running(made) as where:
        connection = where.connection()
        connection.request("POST", f"{PREFIX}labs/{LAB}", NOTEBOOK, {"Authorization": f"token {name}"})
        status = connection.getresponse().status
        connection.close()
    assert status == (200 if name == "\u00ff" else 403)
    assert {path.name for path in made.course.root.iterdir()} == {
        "nbgrader_config.py",
        "quizzes",
        "solutions",
        "labs",
        "class",
    }


def test_a_body_that_is_cut_off_or_too_long_changes_nothing(examined: Callable[..., Examined]) -> None:
    made = examined()
    with running(made) as where:
        head = f"POST {PREFIX}labs/{LAB} HTTP/1.1\r\nHost: x\r\nAuthorization: token ada\r\n"
        attempt = head.replace(f"labs/{LAB}", f"quizzes/{BANK}")
        endless = b"Transfer-Encoding: chunked\r\n\r\n" + 20 * (b"20000\r\n" + b"x" * 0x20000 + b"\r\n")
        for request in (
            head.encode() + b"Content-Length: 100\r\n\r\nhalf",
            head.encode() + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhalf",
            head.encode() + b"Content-Length: 99999999999\r\n\r\n",
            head.encode() + b"Content-Length: -1\r\n\r\n",
            attempt.encode() + endless,
            b"\x00" * 70_000,
            head.encode() + b"X: " + b"x" * 70_000,
        ):
            with socket.create_connection(("127.0.0.1", where.port)) as raw, contextlib.suppress(OSError):
                raw.sendall(request)
                raw.shutdown(socket.SHUT_WR)
                while raw.recv(65536):
                    pass
        assert where.as_user("ada").ask("")["quizzes"] == [BANK]
        assert where.serving.under_way == {}
        assert list(where.serving.arriving.iterdir()) == []
    assert made.journal == b""
    assert not made.course.folder("submitted", "ada", LAB).exists()


def test_what_another_student_did_is_told_to_nobody(examined: Callable[..., Examined]) -> None:
    made = examined()
    with running(made) as where:
        ada, bob = where.as_user("ada"), where.as_user("bob")
        place = f"quizzes/{BANK}"
        seed = ada.ask(f"{place}?release={made.bank.hash}")["seed"]
        line = made.attempt(seed)
        assert told(ada.ask(place, line))
        with pytest.raises(ServiceError, match="not the questions of your next attempt"):
            bob.ask(place, line)
        assert bob.ask(f"{place}?release={made.bank.hash}")["taken"] == 0
