"""When something was handed in: the `timestamp.txt` that nbgrader, `grader collect` and students write."""

from __future__ import annotations

from datetime import UTC, datetime

import dateutil.parser  # type: ignore[import-untyped]
import dateutil.tz  # type: ignore[import-untyped]

MOST_BYTES = 100  # nbgrader's own have 30; parsing takes quadratic time


def time_of(raw: bytes | str) -> datetime | None:
    """The time in UTC, without a zone, as nbgrader keeps it; None where the text is too long or holds no time."""
    try:
        text = (raw if isinstance(raw, str) else raw.decode("utf-8")).strip()
        if not text or len(raw) > MOST_BYTES:
            return None
        found = _parsed(text)
        return (found if found.tzinfo is None else found.astimezone(UTC)).replace(tzinfo=None)
    except Exception:  # noqa: BLE001 - dateutil raises many kinds, and a number too large for its type
        return None


def _parsed(text: str) -> datetime:
    """As nbgrader.utils.parse_utc, whose import takes two seconds: a third word names or numbers the time zone."""
    words = text.split(" ")
    zones: dict[str, object] = {}
    if len(words) == 3:
        text = f"{words[0]} {words[1]} TZ"
        try:
            zones["TZ"] = int(words[2])
        except ValueError:
            zones["TZ"] = dateutil.tz.gettz(words[2])
    found: datetime = dateutil.parser.parse(text, tzinfos=zones)
    return found
