"""When something was handed in: the `timestamp.txt` that nbgrader, `grader collect` and students write."""

from __future__ import annotations

from datetime import datetime

from nbgrader.utils import parse_utc

MOST_BYTES = 100  # nbgrader's own have 30; parsing takes quadratic time


def time_of(raw: bytes | str) -> datetime | None:
    """The time in UTC, without a zone, as nbgrader keeps it; None where the text is too long or holds no time."""
    try:
        text = (raw if isinstance(raw, str) else raw.decode("utf-8")).strip()
        if not text or len(raw) > MOST_BYTES:
            return None
        found: datetime = parse_utc(text)
        return found.replace(tzinfo=None)
    except Exception:  # noqa: BLE001 - dateutil raises many kinds, and a number too large for its type
        return None
