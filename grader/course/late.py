"""Late work, configured in one place: `class/late.toml` has the policy, due dates and extensions of a class.

```toml
[policy]
per_day = 0.1          # share of the score that each day begun takes off
grace_minutes = 15     # so late is not late
most = 0.5             # share of the score that is taken off at most

[due]
01-decoding = "2026-12-01 23:59 Europe/Berlin"

[extensions.01-decoding]
ada = 3                # days
```

Recording a result writes due dates and extensions into the gradebook; the penalty itself comes from `LatePolicy`, which
nbgrader_config.py names as nbgrader's plugin, so that every road takes off the same.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from nbgrader.plugins import BasePlugin

from grader.course.names import nearest
from grader.course.paths import Course, find_course

DAY = 86_400.0
KNOWN: Mapping[str, tuple[float, float]] = {"per_day": (0, 1), "grace_minutes": (0, 100_000), "most": (0, 1)}


@dataclass(frozen=True)
class Late:
    """A class's rules: nothing is taken off without a file. `due` is in UTC; extensions are by lab and student."""

    per_day: float = 0.0
    grace_minutes: float = 0.0
    most: float = 1.0
    due: Mapping[str, datetime] = field(default_factory=dict)
    extensions: Mapping[str, Mapping[str, timedelta]] = field(default_factory=dict)

    def penalty(self, score: float, seconds_late: float) -> float:
        """The points to take off a score for that many seconds after the due date, extensions included."""
        over = seconds_late - 60 * self.grace_minutes
        days = math.ceil(over / DAY) if over > 0 else 0
        return round(score * min(self.per_day * days, self.most), 2)


class LatePolicy(BasePlugin):  # type: ignore[misc]
    """nbgrader's plugin point: `c.AssignLatePenalties.plugin_class = "grader.course.late.LatePolicy"`."""

    def late_submission_penalty(self, student_id: str, score: float, total_seconds_late: float) -> float | None:  # noqa: ARG002
        """The points to take off, or None where there is no policy."""
        late = read_late(find_course())
        return late.penalty(score, total_seconds_late) if late.per_day else None


def late_file(course: Course) -> Path:
    """Where the rules of a class stand."""
    return course.class_dir / "late.toml"


def read_late(course: Course) -> Late:
    """The rules of a class; those without any penalty, due date and extension if there is no file.

    Raises:
        LookupError: the file is no TOML, or says something that is not known here.
    """
    path = late_file(course)
    if not path.exists():
        return Late()
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise LookupError(f"{path}: no TOML: {error}.") from None
    for name in told.keys() - {"policy", "due", "extensions"}:
        raise LookupError(f"{path}: [{name}] is not known; there are [policy], [due] and [extensions.LAB].")
    labs = set(course.known())
    for name in (told.get("due", {}).keys() | told.get("extensions", {}).keys()) - labs:
        raise LookupError(f"{path}: no assignment is called {name!r}; {nearest(name, labs)}")
    numbers = {name: _number(path, name, value) for name, value in told.get("policy", {}).items()}
    due = {lab: _date(path, lab, value) for lab, value in told.get("due", {}).items()}
    extensions = {
        lab: {student: timedelta(days=_days(path, student, days)) for student, days in granted.items()}
        for lab, granted in told.get("extensions", {}).items()
    }
    return Late(**numbers, due=due, extensions=extensions)


def apply_late(late: Late, lab: str, submission: Any) -> None:
    """Write the due date of a lab, and the extension of a submission's student, into the gradebook.

    What the file does not mention stays as formgrader or nbgrader's own commands have set it.
    """
    if lab in late.due:
        submission.assignment.duedate = late.due[lab].replace(tzinfo=None)
    if lab in late.extensions:
        submission.extension = late.extensions[lab].get(submission.student.id)


def _number(path: Path, name: str, value: object) -> float:
    if name not in KNOWN:
        raise LookupError(f"{path}: policy.{name} is not known; there are {', '.join(KNOWN)}.")
    least, most = KNOWN[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise LookupError(f"{path}: policy.{name} is a number from {least:g} to {most:g}, not {value!r}.")
    return float(value)


def _days(path: Path, student: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 3650:
        raise LookupError(f"{path}: the extension of {student} is a number of days, not {value!r}.")
    return float(value)


def _date(path: Path, lab: str, value: object) -> datetime:
    if isinstance(value, datetime):
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    try:
        day, clock, *zone = str(value).split()
        found = datetime.strptime(f"{day} {clock}", "%Y-%m-%d %H:%M")
        return found.replace(tzinfo=ZoneInfo(zone[0]) if zone else UTC).astimezone(UTC)
    except (ValueError, ZoneInfoNotFoundError):
        wanted = "a time such as 2026-12-01 23:59 Europe/Berlin"
        raise LookupError(f"{path}: due.{lab} is {wanted}, not {value!r}.") from None
