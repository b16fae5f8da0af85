"""Exams that are marked at once, on the instructor's side: an attempt comes in, is written down, and is answered.

Everything is as the grader has it: `score_attempts` reads the attempt, `limited` says whether it counts, and the line
is written into the file of the attempts that the grader has seen, before anything is told. So a restart loses none, and
a grade counts them, whatever a student hands in later. Answers hold the verdict on what was answered, and no key.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from grader.course.paths import Course
from grader.files import locked
from grader.grading.attempts import MOST, append, attempts_file, journaled, stamp_of
from grader.quizzes.keep import read_secret
from grader.quizzes.kept import load_kept
from grader.quizzes.keyed import KeyedBank
from grader.quizzes.own import served
from grader.quizzes.score import MAX_LINE, AttemptScore, QuizScore, score_attempts, verdicts_of
from grader.quizzes.seal import digest
from grader.quizzes.seen import Taken, limited, taken
from labkit.quiz.answers import MAX_ANSWER
from labkit.quiz.draw import MAX_SEED, first_seed

GONE, CONFLICT, FORBIDDEN, NOT_FOUND, UNREADABLE = 410, 409, 403, 404, 422  # RFC 9110, section 15.5


class RefusedError(Exception):
    """Why something is not taken, as a status of HTTP and in words."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status, self.why = status, why


@dataclass(frozen=True)
class Known:
    """One attempt that was seen; `record` is what the player sent, where it came through the service."""

    taken: Taken
    record: Mapping[str, Any] | None


class Exams:
    """The exams of a course that are marked at once, and everybody's attempts at them. One thread at a time uses it."""

    def __init__(self, course: Course) -> None:
        self._course, self._names = course, served(course)
        self._labs = {path.stem: lab for lab in course.known() if (path := course.bank_of(lab))}
        self._seen: dict[str, tuple[tuple[int, ...] | None, dict[str, list[Known]]]] = {}

    @property
    def names(self) -> list[str]:
        """The banks."""
        return sorted(self._names & self._labs.keys())

    def lab_of(self, bank: str) -> str:
        """The lab of a bank. Raises RefusedError: it is none that is marked here."""
        if bank not in self._names or bank not in self._labs:
            raise RefusedError(NOT_FOUND, "This service marks no exam of that name.")
        return self._labs[bank]

    def standing(self, student: str, bank: str, release: str) -> dict[str, Any]:
        """Where a student stands, and the seed of the next attempt.

        Args:
            student: who it is.
            bank: the bank.
            release: the hash of the bank's file that the student has.

        Raises:
            RefusedError: there is no such exam, or that file was never released.
        """
        known = self._known(self.lab_of(bank), student, bank)
        return self._standing(student, self._released(bank, release), known)

    def submit(self, student: str, bank: str, raw: bytes, now: datetime | None = None) -> dict[str, Any]:
        """Take an attempt, unless it was taken before, and answer with the verdict on what was taken.

        Who sends an attempt again, because the answer got lost or the answers were changed, gets the verdict on what
        was taken first. The answer is a function of what was taken, so that a lost one can be had again.

        Args:
            student: who sends it.
            bank: the bank.
            raw: a line as `labkit.quiz.attempts` writes it.
            now: the time.

        Raises:
            RefusedError: it is no attempt that counts; nothing was written down.
            OSError: it cannot be written down; nothing was told.
        """
        lab = self.lab_of(bank)
        with locked(self._course.cache / ".recording"):  # nobody is renamed meanwhile
            known = self._known(lab, student, bank)
            record, release, scored = self._read(bank, raw)
            (new,) = taken(scored, {release.hash: release})
            found = next((one for one in known if one.taken.attempt == new.attempt), None)
            if found is None:
                self._require_next(student, release, record, known, new)
                record |= {"time": (now or datetime.now(UTC)).isoformat(timespec="seconds")}
                found = Known(Taken(**{**asdict(new), "time": record["time"]}), record)
                append(self._path(lab), [{"student": student, **asdict(found.taken), "record": record}])
                known = [*known, found]
                self._remember(lab, student, found)
        return self._answer(student, found, known)

    def records(self, student: str, lab: str) -> list[Mapping[str, Any]]:
        """What came through the service of a student for a lab, in order, as the player's own file has it."""
        banks = [bank for bank in self.names if self._labs[bank] == lab]
        known = [one for bank in banks for one in self._known(lab, student, bank)]
        return [one.record for one in known if one.record is not None]

    # What is known ---------------------------------------------------------------------------------------------------

    def _path(self, lab: str) -> Any:
        return attempts_file(self._course.ledger(lab))

    def _known(self, lab: str, student: str, bank: str) -> list[Known]:
        """A student's attempts at a bank in the order of first sight, each once."""
        path = self._path(lab)
        stamp = stamp_of(path)
        if lab not in self._seen or self._seen[lab][0] != stamp:
            everybody: dict[str, list[Known]] = {}
            for name, one, record in journaled(path):
                everybody.setdefault(name, []).append(Known(one, record))
            self._seen[lab] = stamp, everybody
        first: dict[str, Known] = {}
        for known in self._seen[lab][1].get(student, ()):
            if known.taken.bank == bank:
                first.setdefault(known.taken.attempt, known)
        return list(first.values())

    def _remember(self, lab: str, student: str, one: Known) -> None:
        """Keep what was just written, so that the file need not be read for the next."""
        _, everybody = self._seen[lab]
        everybody.setdefault(student, []).append(one)
        self._seen[lab] = stamp_of(self._path(lab)), everybody

    def _released(self, bank: str, release: str) -> KeyedBank:
        kept = load_kept(self._course.banks).get(release)
        if kept is None or kept.bank != bank:
            raise RefusedError(GONE, "This quiz's file was never released here. Fetch the lab again.")
        if kept.mode != "exam":
            raise RefusedError(GONE, "This quiz's file is from before it became an exam. Fetch the lab again.")
        return kept

    # Taking ----------------------------------------------------------------------------------------------------------

    def _read(self, bank: str, raw: bytes) -> tuple[dict[str, Any], KeyedBank, QuizScore]:
        """The attempt, the release that it is at, and what it earns."""
        try:
            record = json.loads(raw[: MAX_LINE + 1].decode("utf-8"))
        except (ValueError, RecursionError):
            raise RefusedError(UNREADABLE, "This is no attempt: it is no JSON.") from None
        if not isinstance(record, dict):
            raise RefusedError(UNREADABLE, "This is no attempt: an object was expected.")
        if not isinstance(record.get("hash"), str) or record.get("bank") != bank:
            raise RefusedError(UNREADABLE, "This is no attempt at this quiz.")
        release = self._released(bank, record["hash"])
        record = _bounded(record, release)
        scored = score_attempts(json.dumps(record).encode("ascii"), {release.hash: release}, bank)
        if len(scored.attempts) != 1:
            why = scored.problems[0] if scored.problems else "nothing in it counts"
            raise RefusedError(UNREADABLE, f"This is no attempt that counts: {why}.")
        return record, release, scored

    def _require_next(
        self, student: str, release: KeyedBank, record: Mapping[str, Any], known: Sequence[Known], new: Taken
    ) -> None:
        """Whether an attempt may be made now, and is the one that comes next. Raises RefusedError."""
        held = limited([one.taken for one in known], [new])
        if not held.new or len(known) >= MOST:
            raise RefusedError(FORBIDDEN, "No attempts are left. Your highest score is kept.")
        if record["seed"] != self._next_seed(student, release.bank, known):
            raise RefusedError(CONFLICT, "These are not the questions of your next attempt. Run the quiz's cell again.")

    def _next_seed(self, student: str, bank: str, known: Sequence[Known]) -> int:
        """The one after the last; the first is drawn for each student, and can be told by nobody without the secret."""
        seeds = [one.record["seed"] for one in known if one.record is not None]
        if seeds:
            return int(seeds[-1] + 1) % MAX_SEED
        drawn = digest(read_secret(self._course.quizzes), "served", bank, student)
        return first_seed(int.from_bytes(drawn[:8], "big") % MAX_SEED)

    # Answering -------------------------------------------------------------------------------------------------------

    def _standing(self, student: str, release: KeyedBank, known: Sequence[Known]) -> dict[str, Any]:
        scores = [one.taken.score for one in known]
        left = None if release.attempts is None else max(release.attempts - len(known), 0)
        return {
            "seed": self._next_seed(student, release.bank, known),
            "taken": len(known),
            "left": left,
            "latest": scores[-1] if scores else None,
            "highest": max(scores, default=None),
        }

    def _answer(self, student: str, found: Known, known: Sequence[Known]) -> dict[str, Any]:
        """The verdict on what was taken: of each part, whether it is right and what to say about it."""
        if found.record is None:
            raise RefusedError(CONFLICT, "This attempt was handed in before it could be marked here.")
        record, bank = dict(found.record), found.taken.bank
        release = self._released(bank, record["hash"])
        one = _scored(record, release)
        return {
            "attempt": found.taken.attempt,
            "score": one.score,
            "responses": {item: _texts(record["responses"].get(item)) for item in one.items},
            "items": {
                item: {
                    "share": one.items[item],
                    "parts": {part: {"right": said.right, "feedback": said.feedback} for part, said in parts.items()},
                }
                for item, parts in verdicts_of(record, release).items()
            },
            "standing": self._standing(student, release, known),
        }


def _scored(record: Mapping[str, Any], release: KeyedBank) -> AttemptScore:
    (one,) = score_attempts(json.dumps(record).encode("ascii"), {release.hash: release}, release.bank).attempts
    return one


def _bounded(record: Mapping[str, Any], release: KeyedBank) -> dict[str, Any]:
    """What of an attempt is read, and nothing else: no student fills the disk with what no question asks for."""
    responses = record.get("responses")
    kept: dict[str, dict[str, str]] = {}
    for item in release.items:
        parts = {part.id for variant in item.variants for part in variant.parts}
        said = _texts(responses.get(item.id)) if isinstance(responses, dict) else {}
        given = {part: text for part, text in said.items() if part in parts and len(text) <= MAX_ANSWER}
        kept |= {item.id: given} if given else {}
    names = ("v", "bank", "hash", "attempt", "time", "seed", "draw")
    return {name: record[name] for name in names if name in record} | {"responses": kept}


def _texts(given: object) -> dict[str, str]:
    """The answers of an item as they were sent; what is none is left out."""
    return {part: said for part, said in given.items() if isinstance(said, str)} if isinstance(given, dict) else {}
