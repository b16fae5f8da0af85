"""Attempts that the grader has seen: once handed in, an attempt counts as made, whatever a later file says of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from grader.quizzes.keyed import KeyedBank
from grader.quizzes.score import QuizScore

MISSING = "that were handed in before are missing, or stand"


@dataclass(frozen=True)
class Taken:
    """One scored attempt: its id, its share of the points, how many its bank allows, and a digest of its answers."""

    bank: str
    attempt: str
    time: str
    score: float
    limit: int | None
    digest: str


@dataclass(frozen=True)
class Limited:
    """What counts of the attempts of a file, those not seen before, and what to tell; `earlier` are not in the file."""

    counted: tuple[Taken, ...]
    new: tuple[Taken, ...]
    remarks: tuple[str, ...]
    earlier: tuple[Taken, ...] = ()

    @property
    def score(self) -> float:
        """The best share of the points, from 0 to 1, of this file and of all that were handed in before it."""
        return max([self.in_file, *(one.score for one in self.earlier)])

    @property
    def in_file(self) -> float:
        """The best share of the points of what counts in this file."""
        return max((one.score for one in self.counted), default=0.0)


def taken(scored: QuizScore, banks: Mapping[str, KeyedBank]) -> list[Taken]:
    """The attempts of a file that were scored, as they are remembered."""
    found = []
    for one in scored.attempts:
        said = json.dumps([one.hash, one.variants, one.answers], sort_keys=True)
        digest = hashlib.sha256(said.encode()).hexdigest()
        kept = banks[one.hash]
        found.append(Taken(kept.bank, one.attempt, one.time, one.score, kept.attempts, digest))
    return found


def limited(seen: Sequence[Taken], handed_in: Sequence[Taken], served: Collection[str] = ()) -> Limited:
    """Which attempts of a file count: the first that its bank allows, in the order in which the grader first saw them.

    Args:
        seen: a student's attempts at the bank in all earlier submissions, in the order of first sight.
        handed_in: those of the file, in its order.
        served: the banks that `grader serve` marks at once. It has seen every attempt at them, and tells what is right
            in each; so one that it has not seen does not count, and one that is not in the file is not missing.

    An attempt that was changed after it was seen counts with what it earned then. What is missing in the file counts
    as made, with what it earned then. Without anything seen, the file alone decides.
    """
    used: dict[str, Taken] = {}
    for one in seen:
        used.setdefault(one.attempt, one)
    counted: list[Taken] = []
    new: list[Taken] = []
    changed = beyond = aside = 0
    for one in handed_in:
        known = used.get(one.attempt)
        if known is not None:
            changed += known.digest != one.digest
            counted.append(one if known.digest == one.digest else known)
        elif one.bank in served:
            aside += 1
        elif one.limit is not None and len(used) >= one.limit:
            beyond += 1
        else:
            used[one.attempt] = one
            counted.append(one)
            new.append(one)
    here = {one.attempt for one in handed_in}
    earlier = [one for one in dict.fromkeys(one.attempt for one in seen) if one not in here]
    missing = sum(used[one].bank not in served for one in earlier)
    remarks = []
    if missing:
        are = "that was handed in before is missing, or stands" if missing == 1 else MISSING
        remarks.append(f"{_attempts(missing)} {are} behind others")
    if changed:
        were = "was changed after it was" if changed == 1 else "were changed after they were"
        remarks.append(f"{_attempts(changed)} {were} handed in: what was handed in first counts")
    if beyond:
        are = "is beyond the limit and not counted" if beyond == 1 else "are beyond the limit and not counted"
        remarks.append(f"{_attempts(beyond)} {are}: those that were handed in before count too")
    if aside:
        are = "was not made through the service and is" if aside == 1 else "were not made through the service and are"
        remarks.append(f"{_attempts(aside)} {are} not counted")
    return Limited(tuple(counted), tuple(new), tuple(remarks), tuple(used[attempt] for attempt in earlier))


def _attempts(number: int) -> str:
    return "1 attempt" if number == 1 else f"{number} attempts"
