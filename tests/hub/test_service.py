"""`grader serve` as a service of a real hub: who may ask, what is told, what 200 at once leave, and a restart.

It skips for others than root: only root can be several users.
"""

from __future__ import annotations

import http.client
import io
import json
import select
import sys
import urllib.error
import zipfile
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest

from grader.course.paths import Course
from grader.live.serve import AT_ONCE
from grader.quizzes.kept import load_kept
from labkit.quiz.bank import load_bank
from tests.hub.conftest import BANK, EXAM, LAB, SERVING, Hub, readable, watching
from tests.live.conftest import Examined

MANY = 200


@pytest.fixture(scope="module")
def exam(hub: Hub) -> Examined:
    """The exam with its keys, and its file as students have it."""
    path = hub.course / "labs" / EXAM / f"{BANK}.quiz.json"
    course = Course(hub.course)
    return Examined(course, load_kept(course.banks)[load_bank(path).hash], path.read_bytes())


def refused(hub: Hub, token: str, path: str, body: bytes | None = None) -> tuple[int, str]:
    with pytest.raises(urllib.error.HTTPError) as found:
        hub.service(token, path, body)
    with found.value as answer:
        return answer.code, str(json.loads(answer.read())["problem"])


def standing(hub: Hub, exam: Examined, token: str) -> dict[str, Any]:
    return dict(hub.service(token, f"quizzes/{BANK}?release={exam.bank.hash}"))


def service_of(hub: Hub) -> psutil.Process:
    """The process of the service."""
    below = psutil.Process(hub.process).children(recursive=True)
    (found,) = [one for one in below if one.cmdline()[-1:] == ["serve"]]
    return found


def test_only_who_has_a_token_for_it_is_answered(hub: Hub, exam: Examined) -> None:
    assert refused(hub, "", "")[0] == 401
    assert refused(hub, "x" * 5000, "")[0] == 401
    assert refused(hub, "0123456789abcdef", "")[0] == 403
    narrow = hub.api("POST", "users/ada/tokens", {"expires_in": 600, "scopes": ["read:users:name!user"]})["token"]
    assert refused(hub, narrow, "") == (403, "This token is not for this service.")
    assert hub.service(hub.token("ada"), "") == {"quizzes": [BANK], "labs": [LAB, EXAM]}
    assert refused(hub, hub.token("ada"), "other")[0] == 404
    assert standing(hub, exam, hub.token("ada"))["taken"] == 0


def test_the_player_shows_verdict_and_feedback_at_once(hub: Hub, exam: Examined) -> None:
    """On bob's machine, which has no key: what stands there is the sealed exam and what the service told."""
    script = (
        "import json, labkit\n"
        "from labkit.quiz.session import open_quiz\n"
        f"quiz = open_quiz({BANK!r}, '.')\n"
        "assert quiz.page()['mode'] == 'practice', quiz.problems\n"
        "quiz.hand_over()\n"
        "page = quiz.page()\n"
        "again = open_quiz(" + repr(BANK) + ", '.').page()\n"
        "quiz.retake()\n"
        "print(json.dumps([page, again, quiz.seed]))\n"
    )
    home = hub.home("bob") / EXAM
    hub.run("bob", "mkdir", str(home))
    (home / f"{BANK}.quiz.json").write_bytes(exam.sealed)
    seed = standing(hub, exam, hub.token("bob"))["seed"]
    environment = [f"GRADER_SERVICE={hub.address}/services/grader", f"JUPYTERHUB_API_TOKEN={hub.token('bob')}"]
    said = hub.run("bob", "env", "-C", str(home), *environment, sys.executable, "-c", script).stdout
    page, again, next_seed = json.loads(said)
    assert page["phase"] == "results"
    assert page["headline"].startswith("Your grade: ")
    assert all(item["result"] for item in page["items"])
    assert [item["parts"] for item in again["items"]] == [item["parts"] for item in page["items"]]
    assert page["left"] == "Attempts left: 1 of 2."
    assert next_seed == seed + 1


def test_a_hand_in_lies_where_the_grader_looks(hub: Hub) -> None:
    token = hub.token("ada")
    notebook = (hub.course / "labs" / LAB / f"{LAB}.ipynb").read_bytes()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(f"{LAB}/{LAB}.ipynb", notebook)
    for body in (notebook, packed.getvalue()):
        receipt = hub.service(token, f"labs/{LAB}", body)
        assert (receipt["lab"], receipt["files"], receipt["left"]) == (LAB, [f"{LAB}.ipynb"], [])
        assert (Course(hub.course).folder("submitted", "ada", LAB) / f"{LAB}.ipynb").read_bytes() == notebook
    assert refused(hub, token, "labs/99-other", notebook)[0] == 404
    code, why = refused(hub, token, f"labs/{LAB}", b"PK\x03\x04 no zip")
    assert (code, "Nothing was handed in" in why) == (422, True)
    assert (Course(hub.course).folder("submitted", "ada", LAB) / f"{LAB}.ipynb").read_bytes() == notebook
    assert readable(hub, "bob", [hub.course, hub.home("ada"), hub.folder / "hub"]) == []


def test_feedback_comes_back_by_it(hub: Hub) -> None:
    """Ada hands in, `grader watch` grades as the account of the course, and her kernel fetches her page, not bob's."""
    notebook = (hub.course / "labs" / LAB / f"{LAB}.ipynb").read_bytes()
    hub.service(hub.token("ada"), f"labs/{LAB}", notebook)
    with watching(hub) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["student"] == "ada"
        process.terminate()
        assert process.wait() == 0
    home = hub.home("ada") / LAB
    hub.run("ada", "mkdir", str(home))
    environment = [f"GRADER_SERVICE={hub.address}/services/grader", f"JUPYTERHUB_API_TOKEN={hub.token('ada')}"]
    script = "import labkit; labkit.feedback()"
    said = hub.run("ada", "env", "-C", str(home), *environment, sys.executable, "-c", script)
    assert f"feedback/{LAB}.html" in said.stdout
    page = Course(hub.course).folder("feedback", "ada", LAB) / f"{LAB}.html"
    assert (home / "feedback" / f"{LAB}.html").read_bytes() == page.read_bytes()
    assert refused(hub, hub.token("bob"), f"labs/{LAB}")[0] == 404


def test_bodies_are_bounded_before_they_are_read(hub: Hub) -> None:
    token, place = hub.token("ada"), urlsplit(hub.address)
    for path, size in ((f"quizzes/{BANK}", 2 * 2**20), (f"labs/{LAB}", 65 * 2**20)):
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=60)
        connection.putrequest("POST", f"/services/grader/{path}")
        connection.putheader("Authorization", f"token {token}")
        connection.putheader("Content-Length", str(size))
        connection.endheaders()
        connection.send(b"x")  # the hub's proxy sends the head with the first of the body; the answer waits for no more
        answer = connection.getresponse()
        assert answer.status == 413, path
        assert "are taken" in json.loads(answer.read())["problem"]
        connection.close()


def test_nothing_is_lost_of_many_at_once_and_nothing_after_a_restart(hub: Hub, exam: Examined) -> None:
    students = [f"s{number:03}" for number in range(MANY)]
    hub.api("POST", "users", {"usernames": students})
    tokens = {student: hub.token(student) for student in students}
    seeds = {student: standing(hub, exam, tokens[student])["seed"] for student in students}
    process = service_of(hub)
    before = process.memory_info().rss

    def submit(student: str) -> dict[str, Any]:
        number = int(student[1:])
        return dict(hub.service(tokens[student], f"quizzes/{BANK}", exam.attempt(seeds[student], number % 2 == 0)))

    with ThreadPoolExecutor(MANY) as threads:
        answers = dict(zip(students, threads.map(submit, students), strict=True))
    assert process.memory_info().rss - before < 64 * 2**20
    assert {student: answer["score"] for student, answer in answers.items()} == {
        student: 1.0 if int(student[1:]) % 2 == 0 else 0.0 for student in students
    }
    written = [json.loads(line) for line in exam.journal.splitlines()]
    mine = [line["student"] for line in written if line["student"] in tokens]
    assert sorted(mine) == students
    times = [line["time"] for line in written]
    assert times == sorted(times)
    times_served = hub.log.count(SERVING)
    process.kill()
    hub.log.wait(SERVING, times_served + 1)  # the hub looks every half a minute, and starts it again
    again = standing(hub, exam, tokens[students[0]])
    assert again == answers[students[0]]["standing"]
    with ThreadPoolExecutor(16) as threads:
        assert list(threads.map(submit, students)) == [answers[student] for student in students]
    assert exam.journal.count(b"\n") == len(written)


def test_one_student_cannot_keep_all_others_out(hub: Hub, exam: Examined) -> None:
    """Who sends without end has two requests under way at most; another one is answered meanwhile."""
    token, place = hub.token("ada"), urlsplit(hub.address)
    slow = []
    for _ in range(AT_ONCE + 1):
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=60)
        connection.putrequest("POST", f"/services/grader/labs/{LAB}")
        connection.putheader("Authorization", f"token {token}")
        connection.putheader("Content-Length", "1000")
        connection.endheaders()
        connection.send(b"x")
        slow.append(connection)
    (ready, *_), _, _ = select.select([connection.sock for connection in slow], [], [])
    (answer,) = [connection.getresponse() for connection in slow if connection.sock is ready]
    assert answer.status == 429
    assert "taken" in standing(hub, exam, hub.token("bob"))
    answer.close()
    for connection in slow:
        connection.close()


def test_the_service_keeps_its_files_to_itself(hub: Hub) -> None:
    for user in ("ada", "bob"):
        assert readable(hub, user, [hub.course, hub.folder / "hub", hub.folder / "hub.json"]) == []
    assert list((hub.course / "class" / "arriving").iterdir()) == []
