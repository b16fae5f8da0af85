"""Deleting or rewriting lines of an attempts file buys no attempt that the grader has seen."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.quizzes.seen import Taken, limited


def attempt(name: str, score: float = 0.5, limit: int | None = 3, digest: str = "") -> Taken:
    return Taken("sample", name, "2026-11-28T10:00:00+00:00", score, limit, digest or name)


A, B, C, D = (attempt(name, score) for name, score in (("a", 0.1), ("b", 0.4), ("c", 0.3), ("d", 1.0)))


def test_the_file_alone_decides_at_first_and_again() -> None:
    first = limited([], [A, B])
    assert (first.score, first.new, first.remarks) == (0.4, (A, B), ())
    again = limited([A, B], [A, B])
    assert (again.score, again.new, again.remarks) == (0.4, (), ())
    assert limited([A, B], [A, B, C]).new == (C,)


def test_deleted_lines_count_as_made() -> None:
    found = limited([A, B, C], [D])
    assert (found.in_file, found.counted, found.new) == (0.0, (), ())
    assert (found.score, found.earlier) == (0.4, (A, B, C))  # what they earned stays
    assert found.remarks == (
        "3 attempts that were handed in before are missing, or stand behind others",
        "1 attempt is beyond the limit and not counted: those that were handed in before count too",
    )
    found = limited([A], [C, D, B])
    assert (found.new, found.score) == ((C, D), 1.0)
    assert found.remarks[0] == "1 attempt that was handed in before is missing, or stands behind others"


def test_a_rewritten_attempt_counts_as_it_was_seen() -> None:
    found = limited([A], [replace(A, score=1.0, digest="other")])
    assert (found.score, found.new) == (0.1, ())
    assert found.remarks == ("1 attempt was changed after it was handed in: what was handed in first counts",)


def test_an_attempt_that_is_scored_anew_counts_as_it_is_scored_now() -> None:
    assert limited([A], [replace(A, score=0.2)]).score == 0.2


@pytest.mark.parametrize("seen", [[], [A], [A, B, C]])
def test_without_a_limit_only_rewriting_is_held(seen: list[Taken]) -> None:
    free = [replace(one, limit=None) for one in (B, C, D)]
    assert limited([replace(one, limit=None) for one in seen], free).score == 1.0


NAMES = st.lists(st.sampled_from("abcdefgh"), unique=True, max_size=8)


@settings(max_examples=200, deadline=None)
@given(st.lists(NAMES, min_size=1, max_size=5), st.integers(1, 4))
def test_over_any_submissions_no_more_attempts_count_than_are_allowed(files: list[list[str]], limit: int) -> None:
    seen: list[Taken] = []
    counted: list[set[str]] = [set()]
    for names in files:
        handed_in = [attempt(name, ord(name) / 200, limit) for name in names]
        found = limited(seen, handed_in)
        seen += found.new
        counted.append(counted[-1] | {one.attempt for one in found.counted})
        again = limited(seen, handed_in)
        assert (again.score, again.counted, again.new) == (found.score, found.counted, ())
    assert len(counted[-1]) <= limit
    assert all(before <= after for before, after in pairwise(counted))
