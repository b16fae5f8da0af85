"""Exams that are marked at once: what counts is written down first, is limited, and tells no key."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.build.release import build_lab
from grader.course.paths import Course
from grader.grading.attempts import Attempts, attempts_file, remembered
from grader.grading.autograde import grade_class
from grader.grading.result import Graded
from grader.live.exams import Exams, RefusedError
from grader.live.received import put_attempts, student_of
from grader.quizzes.kept import load_kept
from grader.quizzes.score import score_attempts
from grader.quizzes.seen import taken
from grader.reports.grades import grades
from labkit.quiz.bank import load_bank
from tests.live.conftest import BANK, LAB, Examined, told

Make = Callable[..., Examined]
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def seed_of(exams: Exams, made: Examined, student: str = "ada") -> int:
    return int(exams.standing(student, BANK, made.bank.hash)["seed"])


def test_an_attempt_is_marked_as_the_grader_marks_it(examined: Make) -> None:
    made = examined(None)
    exams = Exams(made.course)
    for right in (True, False, True):
        line = made.attempt(seed_of(exams, made), right)
        answer = exams.submit("ada", BANK, line)
        scored = score_attempts(line, {made.bank.hash: made.bank}, BANK).attempts[0]
        assert answer["score"] == scored.score
        assert {item: one["share"] for item, one in answer["items"].items()} == scored.items
        assert {part["right"] for one in answer["items"].values() for part in one["parts"].values()} == {right}
        assert answer["responses"] == json.loads(line)["responses"]
    assert answer["standing"] | {"seed": 0} == {"seed": 0, "taken": 3, "left": None, "latest": 1.0, "highest": 1.0}


def test_an_answer_says_nothing_of_what_was_not_answered(examined: Make) -> None:
    made = examined(None)
    exams = Exams(made.course)
    seed = seed_of(exams, made)
    answer = exams.submit("ada", BANK, made.attempt(seed, right=False))
    drawn = [made.bank.by_id[item].variants[variant] for item, variant in made.bank.drawn(seed)]
    verdicts = [verdict for variant in drawn for part in variant.parts for verdict in part.verdicts().values()]
    keys = {verdict.feedback for verdict in verdicts if verdict.credit == 1}
    others = {verdict.feedback for verdict in verdicts if verdict.credit != 1}
    assert keys - others
    assert not told(answer) & (keys - others)
    assert set(answer) == {"attempt", "score", "responses", "items", "standing"}
    assert {name for one in answer["items"].values() for part in one["parts"].values() for name in part} == {
        "right",
        "feedback",
    }


def test_attempts_are_limited_and_come_in_their_order(examined: Make) -> None:
    made = examined(2)
    exams = Exams(made.course)
    first = seed_of(exams, made)
    for seed in (first + 1, first + 64, 0, first - 1):
        with pytest.raises(RefusedError, match="not the questions of your next attempt"):
            exams.submit("ada", BANK, made.attempt(seed))
    assert made.journal == b""
    exams.submit("ada", BANK, made.attempt(first, right=False))
    with pytest.raises(RefusedError, match="not the questions"):
        exams.submit("ada", BANK, made.attempt(first, name="the same questions again"))
    exams.submit("ada", BANK, made.attempt(first + 1))
    before = made.journal
    with pytest.raises(RefusedError, match="No attempts are left"):
        exams.submit("ada", BANK, made.attempt(first + 2))
    assert made.journal == before
    assert exams.standing("ada", BANK, made.bank.hash)["left"] == 0


def test_nobody_is_told_anothers_questions(examined: Make) -> None:
    made = examined()
    exams = Exams(made.course)
    seeds = {seed_of(exams, made, student) // 64 for student in ("ada", "bob", "eve")}
    assert len(seeds) == 3


def test_an_attempt_that_is_sent_again_is_answered_as_before(examined: Make) -> None:
    made = examined(1)
    seed = seed_of(Exams(made.course), made)
    first = Exams(made.course).submit("ada", BANK, made.attempt(seed, right=False))
    before = made.journal
    for right in (False, True):  # its answer got lost; its answers were changed
        again = Exams(made.course).submit("ada", BANK, made.attempt(seed, right))
        assert again == first
    assert made.journal == before


def test_what_was_not_written_down_is_not_told(examined: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    made = examined()
    exams = Exams(made.course)
    seed = seed_of(exams, made)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr("grader.live.exams.append", full)
        with pytest.raises(OSError, match="No space"):
            exams.submit("ada", BANK, made.attempt(seed))
    assert exams.standing("ada", BANK, made.bank.hash)["taken"] == 0
    assert exams.submit("ada", BANK, made.attempt(seed))["score"] == 1.0


def test_a_line_that_was_cut_short_loses_no_other(examined: Make) -> None:
    made = examined()
    exams = Exams(made.course)
    exams.submit("ada", BANK, made.attempt(seed_of(exams, made)))
    path = attempts_file(made.course.ledger(LAB))
    path.write_bytes(made.journal + made.journal[:70])
    exams = Exams(made.course)
    exams.submit("bob", BANK, made.attempt(seed_of(exams, made, "bob")))
    assert [student for student, _ in remembered(path)] == ["ada", "bob"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"hash": "00" * 32}, "never released"),
        ({"hash": 7}, "no attempt at this quiz"),
        ({"bank": "other"}, "no attempt at this quiz"),
        ({"v": 2}, "version"),
        ({"seed": -1}, "seed"),
        ({"seed": True}, "seed"),
        ({"draw": []}, "questions that its seed draws"),
        ({"responses": []}, "questions|counts"),
        ({"attempt": "\x1b[2J"}, "cannot be shown"),
        ({"attempt": None}, "attempt is missing"),
        ({"time": "noon"}, "its time is none"),
    ],
)
def test_what_is_no_attempt_is_refused(examined: Make, changes: dict[str, Any], says: str) -> None:
    made = examined()
    exams = Exams(made.course)
    line = made.attempt(seed_of(exams, made), **changes)
    if changes == {"responses": []}:  # nothing answered: it counts, and earns nothing
        assert exams.submit("ada", BANK, line)["score"] < 1
        return
    with pytest.raises(RefusedError, match=says):
        exams.submit("ada", BANK, line)
    assert made.journal == b""


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def test_whatever_is_sent_is_refused_or_counts(examined: Make) -> None:
    made = examined(None)
    exams = Exams(made.course)

    @given(st.data())
    def holds(data: st.DataObject) -> None:
        seed = seed_of(exams, made)
        record = json.loads(made.attempt(seed, name=f"fuzz {seed}"))
        for name in data.draw(st.lists(st.sampled_from([*record, "score", "x"]), max_size=3)):
            record[name] = data.draw(JSON)
        raw = data.draw(st.just(json.dumps(record).encode()) | st.binary(max_size=60))
        before, count = made.journal, exams.standing("ada", BANK, made.bank.hash)["taken"]
        try:
            answer = exams.submit("ada", BANK, raw)
        except RefusedError:
            assert made.journal == before
        else:
            assert 0 <= answer["score"] <= 1
            assert made.journal.startswith(before)
            assert made.journal.count(b"\n") - before.count(b"\n") == answer["standing"]["taken"] - count <= 1
            json.dumps(answer, allow_nan=False)

    holds()


def test_nobody_fills_the_disk_with_what_no_question_asks(examined: Make) -> None:
    made = examined()
    exams = Exams(made.course)
    line = json.loads(made.attempt(seed_of(exams, made)))
    line["responses"]["loss-falls"]["other"] = line["padding"] = "x" * 100_000
    line["responses"]["other"] = {"a": "x" * 100_000}
    exams.submit("ada", BANK, json.dumps(line).encode())
    assert len(made.journal) < 10_000


def test_what_was_made_through_it_counts_and_nothing_else_does(examined: Make) -> None:
    made = examined(2)
    exams = Exams(made.course)
    seed = seed_of(exams, made)
    wrong, forged = made.attempt(seed, right=False), made.attempt(seed + 1, right=True)
    exams.submit("ada", BANK, wrong)

    def graded(*lines: bytes) -> Graded:
        score = score_attempts(b"\n".join(lines), {made.bank.hash: made.bank}, BANK)
        marks = [one.__dict__ for one in taken(score, {made.bank.hash: made.bank})]
        return Graded(True, {}, notebooks={}, marks={}, attempts=marks)

    attempts = Attempts(made.course, LAB)
    said = attempts.held("ada", graded(wrong, forged), 8.0)
    assert list(said.events) == ["attempts.jsonl: 1 attempt was not made through the service and is not counted"]
    assert attempts._looked_up("ada", graded(wrong, forged))[2].score == 0.0
    assert attempts._looked_up("ada", graded())[2].score == 0.0
    exams.submit("ada", BANK, forged)  # now it was
    assert attempts._looked_up("ada", graded(wrong, forged))[2].score == 1.0
    assert attempts._looked_up("ada", graded())[2].score == 1.0
    assert list(attempts.held("ada", graded(), 8.0).events) == []


def test_the_grader_sees_it_without_a_hand_in_and_beside_one(examined: Make) -> None:
    made = examined()
    exams = Exams(made.course)
    exams.submit("ada", BANK, made.attempt(seed_of(exams, made)), NOON)
    put_attempts(made.course, "ada", LAB, exams.records("ada", LAB), NOON)
    folder = made.course.folder("submitted", "ada", LAB)
    assert {path.name for path in folder.iterdir()} == {"attempts.jsonl", "timestamp.txt"}
    (folder / f"{LAB}.ipynb").write_text("{}")
    (folder / "timestamp.txt").write_text("2026-02-01 12:00:00 UTC\n")
    exams.submit("ada", BANK, made.attempt(seed_of(exams, made)), NOON)
    put_attempts(made.course, "ada", LAB, exams.records("ada", LAB), NOON)
    assert (folder / f"{LAB}.ipynb").read_text() == "{}"
    assert (folder / "timestamp.txt").read_text() == "2026-02-01 12:00:00 UTC\n"
    scored = score_attempts((folder / "attempts.jsonl").read_bytes(), {made.bank.hash: made.bank}, BANK)
    assert (len(scored.attempts), scored.problems) == (2, ())


@pytest.mark.parametrize("bank", ["other", "../sample", ""])
def test_other_banks_are_not_marked(examined: Make, bank: str) -> None:
    made = examined()
    with pytest.raises(RefusedError, match="marks no exam"):
        Exams(made.course).submit("ada", bank, made.attempt(0))


def test_a_file_from_before_it_became_an_exam_is_not_marked(examined: Make) -> None:
    made = examined(mode="practice")
    with pytest.raises(RefusedError, match="before it became an exam"):
        Exams(made.course).standing("ada", BANK, made.bank.hash)


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "../x", "a*", "<b>", ".hidden", "a\nb", "x" * 300, "\ud800", "a\u202eb"]
)
def test_a_name_that_can_be_no_folder_is_refused(name: str) -> None:
    with pytest.raises(RefusedError, match="no student's id"):
        student_of(name)


def test_it_counts_in_the_gradebook_with_a_notebook_and_without(quiz_course: Course) -> None:
    config = quiz_course.root / "nbgrader_config.py"
    config.write_text(f'{config.read_text()}\nc.Quizzes.exam = c.Quizzes.served = ["sample"]\n')
    build_lab(quiz_course, LAB)
    release = load_bank(quiz_course.labs / LAB / f"{BANK}.quiz.json").hash
    made = Examined(quiz_course, load_kept(quiz_course.banks)[release], b"")
    exams = Exams(quiz_course)
    for student in ("ada", "bob"):
        exams.submit(student, BANK, made.attempt(seed_of(exams, made, student)))
        put_attempts(quiz_course, student, LAB, exams.records(student, LAB), NOON)
    forged = quiz_course.folder("submitted", "eve", LAB)
    forged.mkdir(parents=True)
    (forged / "attempts.jsonl").write_bytes(made.attempt(0) + b"\n")
    for student in ("bob", "eve"):
        folder = quiz_course.folder("submitted", student, LAB)
        shutil.copy(quiz_course.labs / LAB / f"{LAB}.ipynb", folder)
    rows = {row.student: row for row in grade_class(quiz_course, LAB)}
    assert {student: row.score for student, row in rows.items()} == {"ada": 9.5, "bob": 9.5, "eve": 0.0}
    assert rows["bob"].events == []
    assert "was not made through the service" in " ".join(rows["eve"].events)
    assert {one.student: one.quiz for one in grades(quiz_course, [LAB])} == {"ada": 9.5, "bob": 9.5, "eve": 0.0}
