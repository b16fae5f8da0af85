"""The door for strangers' text: what passes can be printed, stored and shown, and nothing else passes."""

from __future__ import annotations

import csv
import json
import sqlite3
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.files import write_csv
from grader.text import BIDI, MAX_TEXT, defused, is_student_text, student_lines, student_text

ANY = st.text(st.characters(codec=None), max_size=600)  # lone surrogates too


@given(ANY)
def test_what_passed_can_be_stored_and_obeys_nobody(text: str) -> None:
    for passed in (student_text(text), student_lines(text)):
        passed.encode("utf-8")
        assert json.loads(json.dumps(passed)) == passed
        assert sqlite3.connect(":memory:").execute("select ?", (passed,)).fetchone() == (passed,)
        assert not any(
            ord(c) in BIDI or unicodedata.category(c) in ("Cc", "Cs", "Co", "Cn") for c in passed if c not in "\n\t"
        )
    assert "\n" not in student_text(text)
    assert len(student_text(text)) <= MAX_TEXT


@given(ANY)
def test_passing_twice_changes_nothing_more(text: str) -> None:
    assert student_text(student_text(text)) == student_text(text)
    assert is_student_text(student_text(text))
    assert student_lines(student_lines(text)) == student_lines(text)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.binary(),
        lambda x: st.lists(x) | st.dictionaries(ANY, x),
    )
)
def test_any_value_becomes_text(value: object) -> None:
    student_text(value).encode("utf-8")


@pytest.mark.parametrize(
    ("raw", "passed"),
    [
        ("Ada Lovelace", "Ada Lovelace"),
        ("\ud800", "�"),
        ("\x1b[31mred", "�[31mred"),
        ("a\u202eb", "a�b"),
        ("a\nb\tc\xa0d", "a b c d"),
        ("نمی\u200cشود", "نمی\u200cشود"),
        ("x" * 401, "x" * 399 + "…"),
    ],
)
def test_what_becomes_of_text(raw: str, passed: str) -> None:
    assert student_text(raw) == passed


def test_lines_stay_lines() -> None:
    assert student_lines("a\r\nb\rc\td\x00") == "a\nb\nc\td�"


def test_no_spreadsheet_calculates(tmp_path: Path) -> None:
    path = write_csv(
        tmp_path / "a.csv", ["who", "points"], [{"who": "=cmd|'/c calc'!A0", "points": -2.5}, ["@sum", "-3"]]
    )
    with path.open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == [["who", "points"], ["'=cmd|'/c calc'!A0", "-2.5"], ["'@sum", "-3"]]
    assert defused("-x") == "'-x"
    assert defused(3) == 3
