"""Times of submissions are read as nbgrader reads them, without its imports."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbgrader.utils import parse_utc

from grader.times import MOST_BYTES, time_of

WORDS = ("2026-01-02", "10:00:00", "10:00", "2026-01-02T10:00:00+02:00", "2026-01-02T10:00:00Z", "Jan", "2", "2026")
ZONES = ("UTC", "Z", "+3600", "-7200", "1_0", "Europe/Berlin", "America/New_York", "+02:00", "nowhere", "")


def as_nbgrader(text: str) -> datetime | None:
    try:
        found: datetime = parse_utc(text.strip())
        return found.replace(tzinfo=None)
    except Exception:  # noqa: BLE001 - dateutil raises many kinds
        return None


@given(st.lists(st.sampled_from(WORDS + ZONES), min_size=1, max_size=4).map(" ".join))
@pytest.mark.filterwarnings("ignore::dateutil.parser.UnknownTimezoneWarning")
def test_a_time_is_what_nbgrader_takes_it_for(text: str) -> None:
    expected = as_nbgrader(text) if text.strip() else None
    assert len(text) > MOST_BYTES or time_of(text) == expected


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("2026-01-02 10:00:00 UTC", 10),
        ("2026-01-02 10:00:00.5 Europe/Berlin", 9),
        ("2026-07-02T10:00:00+02:00", 8),
        ("2026-01-02 10:00:00 3600", 9),
    ],
)
def test_a_zone_is_taken_off(text: str, hour: int) -> None:
    found = time_of(text)
    assert found is not None
    assert (found.hour, found.tzinfo) == (hour, None)
