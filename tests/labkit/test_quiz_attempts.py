"""`attempts.jsonl` is only ever added to, and its reader takes what is intact and says what is not."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.quiz.attempts import Attempt, append_attempt, read_attempts
from labkit.quiz.drafts import Draft, load_draft, save_draft

MOMENT = datetime(2026, 1, 2, 10, 0, tzinfo=UTC)


def attempt(name: str = "a", score: float | None = 0.7) -> Attempt:
    return Attempt("bank", "f00d", name, MOMENT, 7, (("q1", 2), ("q2", 0)), {"q1": {"p1": "0,5 ‑ β"}}, score)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "attempts.jsonl"


def test_what_is_appended_is_read_back(path: Path) -> None:
    append_attempt(path, attempt("a"))
    append_attempt(path, attempt("b", None))
    assert read_attempts(path) == ([attempt("a"), attempt("b", None)], [])


def test_a_line_has_the_fields_that_the_grader_reads(path: Path) -> None:
    append_attempt(path, attempt())
    assert json.loads(path.read_text()) == {
        "v": 1,
        "bank": "bank",
        "hash": "f00d",
        "attempt": "a",
        "time": "2026-01-02T10:00:00+00:00",
        "seed": 7,
        "draw": [{"item": "q1", "variant": 2}, {"item": "q2", "variant": 0}],
        "responses": {"q1": {"p1": "0,5 ‑ β"}},
        "score": 0.7,
    }


def test_an_exam_records_no_score(path: Path) -> None:
    append_attempt(path, attempt("a", None))
    assert "score" not in json.loads(path.read_text())


def test_nothing_written_before_is_touched(path: Path) -> None:
    before = b'{"v": 1, "half'
    path.write_bytes(before)
    append_attempt(path, attempt())
    assert path.read_bytes().startswith(before + b"\n")
    found, problems = read_attempts(path)
    assert found == [attempt()]
    assert len(problems) == 1
    assert problems[0].startswith("attempts.jsonl, line 1: no attempt, left out (")


def test_no_file_is_no_attempts(path: Path) -> None:
    assert read_attempts(path) == ([], [])


def test_a_folder_in_its_place_is_told(path: Path) -> None:
    path.mkdir()
    found, problems = read_attempts(path)
    assert found == []
    assert "cannot be read" in problems[0]
    with pytest.raises(OSError, match="directory"):
        append_attempt(path, attempt())


def test_the_same_attempt_twice_counts_once(path: Path) -> None:
    append_attempt(path, attempt())
    path.write_bytes(2 * path.read_bytes())
    assert read_attempts(path) == ([attempt()], [])


BROKEN = [
    b"null",
    b"[]",
    b"{}",
    b"\xff\xfe",
    b'"\\ud800"',
    b"[" * 100_000,
    b'{"v": 2}',
    b"1" * 5000,
]
FIELDS: list[tuple[str, object]] = [
    ("v", 2),
    ("bank", 3),
    ("bank", "x" * 300),
    ("attempt", "\ud800"),
    ("time", "yesterday"),
    ("time", None),
    ("seed", True),
    ("seed", -1),
    ("seed", 1.5),
    ("draw", 3),
    ("draw", [["q1", 0]]),
    ("draw", [{"item": "q1"}]),
    ("responses", []),
    ("responses", {"q1": []}),
    ("responses", {"q1": {"p1": 3}}),
    ("score", 1.01),
    ("score", float("nan")),
    ("score", True),
    ("score", "1"),
]


@pytest.mark.parametrize("line", BROKEN)
def test_a_broken_line_is_told_and_the_others_count(path: Path, line: bytes) -> None:
    append_attempt(path, attempt("a"))
    path.write_bytes(path.read_bytes() + line + b"\n")
    append_attempt(path, attempt("b"))
    found, problems = read_attempts(path)
    assert [one.attempt for one in found] == ["a", "b"]
    assert len(problems) == 1
    assert "line 2" in problems[0]


@pytest.mark.parametrize(("field", "value"), FIELDS)
def test_a_field_with_another_value_makes_the_line_no_attempt(path: Path, field: str, value: object) -> None:
    append_attempt(path, attempt())
    path.write_text(json.dumps(json.loads(path.read_text()) | {field: value}))
    found, problems = read_attempts(path)
    assert found == []
    assert len(problems) == 1


@given(st.binary(max_size=400))
def test_no_bytes_stop_the_readers(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any-bytes"
    path.write_bytes(raw)
    assert read_attempts(path)[0] == []
    assert load_draft(path)[0] is None


@given(st.dictionaries(st.text(max_size=9), st.dictionaries(st.text(max_size=9), st.text(max_size=40)), max_size=4))
def test_drafts_come_back_as_they_went(
    tmp_path_factory: pytest.TempPathFactory, answers: dict[str, dict[str, str]]
) -> None:
    path = tmp_path_factory.getbasetemp() / "draft"
    save_draft(path, Draft("f00d", 2**52, answers))
    assert load_draft(path) == (Draft("f00d", 2**52, answers), "")


def test_a_damaged_draft_is_told(tmp_path: Path) -> None:
    path = tmp_path / ".quiz-x.draft.json"
    assert load_draft(path) == (None, "")
    for content in ("{", "[]", '{"hash": "a", "seed": "1", "answers": {}}', '{"hash": "a", "seed": 1, "answers": [1]}'):
        path.write_text(content)
        found, problem = load_draft(path)
        assert found is None
        assert "is damaged" in problem
