"""`grader watch`: what arrives is graded and fed back, once, in order, not too often, whatever happens meanwhile."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from nbgrader.auth import Authenticator
from nbgrader.coursedir import CourseDirectory
from nbgrader.exchange.default import ExchangeFetchFeedback, ExchangeSubmit

from grader.course.coursedir import gradebook, load_config
from grader.course.paths import Course
from grader.exchange.students import make, remove, rename
from grader.live.arrivals import Journal, mark_of, read_lines
from grader.live.exchange import exchange_of, newest
from grader.live.given_back import Feedback
from grader.live.watch import Told, waiting, watch
from tests.course.assignments import intro
from tests.course.making import answers, at, clean_environment, hand_in

LAB = intro.NAME
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
Action = Callable[[], object]
# nbgrader's release of feedback leaves files to be closed when they are collected.
OPEN = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course with an ordinary assignment that nobody has handed in."""
    root = tmp_path_factory.mktemp("watched") / "course"
    intro.make(root, students=())
    return root


@pytest.fixture
def course(released: Path, tmp_path: Path) -> Iterator[Course]:
    """A copy of it, and its exchange."""
    shutil.copytree(released, tmp_path / "course")
    with (tmp_path / "course" / "nbgrader_config.py").open("a") as config:
        config.write(f"c.Exchange.root = {str(tmp_path / 'exchange')!r}\n")
    with at(tmp_path / "course") as current:
        yield current


def send(course: Course, student: str, **sources: str) -> Action:
    """Hand this in, in place of what was there."""

    def action() -> None:
        shutil.rmtree(course.folder("submitted", student, LAB), ignore_errors=True)
        hand_in(course.root, LAB, student, answers(**intro.RIGHT | sources))

    return action


def nothing() -> None:
    """Look only."""


def watched(course: Course, *actions: Action, hourly: int = 9, times: Iterator[datetime] | None = None) -> list[Told]:
    """What is told where these happen between two looks each; two more looks follow."""
    told: list[Told] = []
    waiting_for = iter((*actions, nothing, nothing))

    rows = 0

    def wait(seconds: float) -> bool:
        nonlocal rows
        before, rows = rows, len(graded(told))
        assert seconds == 0 or rows == before  # however long grading took, the next look is at once
        action = next(waiting_for, None)
        if action is not None:
            action()
        return action is not None

    if times is None:
        watch(course, [LAB], wait, told.append, hourly, 1)
    else:
        watch(course, [LAB], wait, told.append, hourly, 1, lambda: next(times))
    return told


def graded(told: list[Told]) -> list[tuple[str, float]]:
    return [(one.student, one.row.score) for one in told if one.row is not None]


def page(course: Course, student: str) -> Path:
    return course.folder("feedback", student, LAB) / f"{LAB}.html"


def test_what_arrives_is_graded_and_fed_back_once(course: Course) -> None:
    assert waiting(course, [LAB]) == []
    told = watched(course, send(course, "ada"), nothing, send(course, "eve", is_leap="def is_leap(year): return True"))
    assert [student for student, _ in graded(told)] == ["ada", "eve"]
    ada, eve = (score for _, score in graded(told))
    assert 0 < eve < ada
    assert page(course, "ada").is_file()
    assert page(course, "eve").is_file()
    assert waiting(course, [LAB]) == []
    with gradebook(course) as book:
        assert book.find_submission(LAB, "ada").score == ada
    assert watched(course, nothing) == []  # another run knows it


def test_who_handed_in_through_the_service_has_the_page_by_it(course: Course) -> None:
    """Also of work that cannot be graded: what is told is about what was handed in last."""
    feedback = Feedback(course)
    watched(course, send(course, "ada"))
    first = feedback.of("ada", LAB, [LAB])
    assert first["last"]
    assert first["pages"] == {f"{LAB}.html": page(course, "ada").read_text()}
    send(course, "ada", is_leap="def is_leap(year): return True")()
    assert feedback.of("ada", LAB, [LAB]) == first | {"last": False}
    watched(course)
    second = feedback.of("ada", LAB, [LAB])
    assert second["last"]
    assert second["pages"] != first["pages"]
    (course.folder("submitted", "ada", LAB) / f"{LAB}.ipynb").write_text("no notebook")
    watched(course)
    third = feedback.of("ada", LAB, [LAB])
    assert third["pages"] == second["pages"]
    assert f"{LAB}.ipynb" in third["why"]
    assert not second["why"]
    assert Feedback(course).of("ada", LAB, [LAB]) == third


def test_a_copy_that_is_under_way_is_not_graded(course: Course, tmp_path: Path) -> None:
    whole = hand_in(course.root, LAB, "ada", answers(**intro.RIGHT))
    shutil.move(whole, tmp_path / "whole")
    text = (tmp_path / "whole" / f"{LAB}.ipynb").read_bytes()

    def grow(share: float) -> Action:
        def action() -> None:
            whole.mkdir(parents=True, exist_ok=True)
            (whole / f"{LAB}.ipynb").write_bytes(text[: int(share * len(text))])

        return action

    told = watched(course, grow(0.2), grow(0.6), grow(0.9), grow(1.0))
    assert len(graded(told)) == len(told) == 1
    assert told[0].row is not None
    assert told[0].row.graded


def test_what_came_first_is_graded_first(course: Course) -> None:
    told = watched(course, send(course, "zoe"), send(course, "bob"), send(course, "ada"))
    assert [student for student, _ in graded(told)] == ["zoe", "bob", "ada"]


def test_nobody_is_graded_more_often_than_an_hour_allows(course: Course) -> None:
    minutes = [0, 0, 1, 1, 2, 2, 30, 30, 59, 59, 60, 60, 61, 61, 62, 62, 63, 63]
    now = {"at": 0}

    def times() -> Iterator[datetime]:
        while True:
            yield NOON + timedelta(minutes=now["at"])

    def at_minute(minute: int, action: Action) -> Action:
        def both() -> None:
            now["at"] = minute
            action()

        return both

    actions: list[Action] = []
    for number, minute in enumerate(minutes):
        action = send(course, "ada", fib=f"def fib(n): return {number}") if number in (0, 2, 4) else nothing
        actions.append(at_minute(minute, action))
    told = watched(course, *actions, hourly=2, times=times())
    assert len(graded(told)) == 3
    words = [one.words for one in told if one.row is None]
    assert len(words) == 1
    assert words[0].startswith("was graded 2 times within an hour; the next time is at")
    journal = Journal(course.watched)
    assert journal.waits_until((LAB, "ada"), 3, NOON + timedelta(minutes=60)) is None
    at_ = [line.split('"at": "')[1][:16] for line in course.watched.read_text().splitlines()]
    assert at_ == ["2026-03-01T12:00", "2026-03-01T12:01", "2026-03-01T13:00"]


def test_a_run_that_was_killed_loses_nothing(course: Course) -> None:
    first = watched(course, send(course, "ada"), send(course, "eve"))
    lines = course.watched.read_text().splitlines(keepends=True)
    course.watched.write_text("".join(lines[:-1]) + lines[-1][:20])  # before the last line was whole
    page(course, "eve").unlink()
    (again,) = watched(course, nothing)
    assert again.row is not None
    assert again.student == "eve"
    assert not again.row.executed  # its result was kept
    assert graded([again]) == graded(first)[1:]
    assert page(course, "eve").is_file()


def test_it_goes_on_where_one_submission_or_the_class_cannot_be_graded(course: Course) -> None:
    def broken() -> None:
        folder = course.folder("submitted", "mal", LAB)
        folder.mkdir(parents=True)
        (folder / f"{LAB}.ipynb").write_bytes(b'{"cells": [')

    def unknown() -> None:
        (course.class_dir / "late.toml").write_text('[extensions.ps03]\nnobody = "2027-01-01"\n')

    told = watched(course, broken, send(course, "ada"))
    assert [(one.student, one.row.graded) for one in told if one.row] == [("mal", False), ("ada", True)]
    told = watched(course, unknown, send(course, "eve"), nothing)
    assert [one.row for one in told] == [None]
    assert "nobody" in told[0].words
    assert "tried again" in told[0].words


def test_a_mark_changes_with_any_file_and_follows_no_link(tmp_path: Path) -> None:
    folder = tmp_path / "ada" / LAB
    assert mark_of(folder) == ""
    (folder / "data").mkdir(parents=True)
    assert mark_of(folder) == ""
    (folder / "data" / "one.txt").write_text("1")
    marks = [mark_of(folder)]
    (folder / "data" / "one.txt").write_text("12")
    marks.append(mark_of(folder))
    (folder / "two.txt").symlink_to("/etc")
    marks.append(mark_of(folder))
    assert len({*marks, ""}) == 4
    assert mark_of(folder) == marks[-1]
    (tmp_path / "eve").symlink_to(tmp_path / "ada")
    assert mark_of(tmp_path / "eve" / LAB) == ""


def _outside(course: Course) -> Path:
    """The exchange, with room for what students send."""
    exchange = course.root.parent / "exchange" / "cs1"
    for name in ("inbound", "feedback"):
        (exchange / name).mkdir(parents=True)
        (exchange / name).chmod(0o777)
    return exchange


@OPEN
def test_the_exchange_is_taken_in_and_gets_the_feedback(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    _outside(course)
    student = "root" if os.getuid() == 0 else os.environ["USER"]
    home = course.root.parent / "home"
    hand_in(course.root, LAB, student, answers(**intro.RIGHT))
    shutil.move(course.folder("submitted", student, LAB), home / LAB)
    config = load_config(course, assignment_id=LAB, student_id=student)
    with monkeypatch.context() as there:
        there.chdir(home)
        config.Exchange.cache = str(home / "cache")
        student_side = {
            "coursedir": CourseDirectory(config=config),
            "config": config,
            "authenticator": Authenticator(config=config),
        }
        release_folder = course.root.parent / "exchange" / "cs1" / "outbound" / LAB
        shutil.copytree(course.release_of(LAB), release_folder)
        ExchangeSubmit(**student_side).start()
    assert waiting(course, [LAB]) == [(LAB, student)]
    told = watched(course)
    assert [one for one, _ in graded(told)] == [student]
    assert told[0].row is not None
    assert told[0].row.graded
    with monkeypatch.context() as there:
        there.chdir(home)
        ExchangeFetchFeedback(**student_side).start()
    (fetched,) = (home / LAB / "feedback").glob(f"*/{LAB}.html")
    assert fetched.read_bytes() == page(course, student).read_bytes()


@OPEN
def test_what_a_student_links_to_is_not_taken_and_nobody_hands_in_for_another(course: Course, tmp_path: Path) -> None:
    inbound = _outside(course) / "inbound"
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key.txt").write_text("secret")
    me = "root" if os.getuid() == 0 else os.environ["USER"]
    for student, moment in ((me, "10:00:00"), ("ada", "10:00:01")):
        folder = inbound / f"{student}+{LAB}+2026-03-01 {moment} UTC+x1"
        shutil.copytree(course.release_of(LAB), folder)
        (folder / "timestamp.txt").write_text(f"2026-03-01 {moment} UTC")
        (folder / "one.txt").symlink_to(tmp_path / "secret" / "key.txt")
        (folder / "more").symlink_to(tmp_path / "secret")
    exchange = exchange_of(course)
    assert exchange is not None
    assert [one.student for one in newest(exchange.inbound, [LAB])] == [me, "ada"]
    told = watched(course)
    assert [one for one, _ in graded(told)] == [me]
    (refused,) = (one.words for one in told if one.row is None)
    assert f": it says ada, and belongs to user {os.getuid()}; look" in refused
    assert {path.name for path in course.folder("submitted", me, LAB).rglob("*")} >= {f"{LAB}.ipynb", "timestamp.txt"}
    assert not [path for path in course.submitted.rglob("*") if path.name in ("one.txt", "more", "key.txt")]


def test_the_journal_goes_with_the_student(course: Course) -> None:
    watched(course, send(course, "ada"), send(course, "eve"))
    make(course, rename(course, "ada", "ada2"))
    make(course, remove(course, "eve"))
    text = course.watched.read_text()
    assert '"ada2"' in text
    assert "eve" not in text


def test_the_command_watches_until_it_is_told_to_end(course: Course) -> None:
    command = [sys.executable, "-m", "grader.cli", "watch", LAB, "--jobs", "1", "--json"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=clean_environment(), cwd=course.root
    )
    try:
        assert process.stderr is not None
        assert process.stderr.readline().startswith(f"watching {LAB}")
        send(course, "ada")()
        assert process.stdout is not None
        assert '"student": "ada"' in process.stdout.readline()
        assert page(course, "ada").is_file()
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate()
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, errors
    assert [line.student for line in read_lines(course.watched)] == ["ada"]
    asked = [*command[:3], "watch", "--dry-run"]
    dry = subprocess.run(asked, stdout=subprocess.PIPE, text=True, env=clean_environment(), cwd=course.root, check=True)
    assert dry.stdout == "0 submissions would be graded\n"
