"""The trusted scorer: from the bytes of an attempts file to points, with the grader's own keys and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from grader.quizzes.keyed import KeyedBank, KeyedItem, KeyedPart
from grader.text import StudentText, is_student_text, student_lines, student_text
from labkit.quiz.answers import MAX_ANSWER, read_recorded
from labkit.quiz.draw import MAX_SEED
from labkit.quiz.scoring import item_score
from labkit.quiz.sealed import Verdict

MAX_FILE = 8 * 2**20
MAX_LINE = 2**20
MAX_LINES = 10_000
MAX_ID = 200
MAX_TIME = 40
MAX_PROBLEMS = 50
VERSION = 1


@dataclass(frozen=True)
class AttemptScore:
    """One attempt, rescored. `score` is from 0 to 1; of each item the share of its points, variant, answers by part."""

    attempt: StudentText
    time: StudentText
    hash: str
    score: float
    items: Mapping[str, float] = field(default_factory=dict)
    variants: Mapping[str, int] = field(default_factory=dict)
    answers: Mapping[str, Mapping[str, StudentText]] = field(default_factory=dict)
    misconceptions: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class QuizScore:
    """What a student's attempts earn: those of the best one, and what was wrong with the file, line by line."""

    points: float
    max_points: float
    best: AttemptScore | None
    attempts: tuple[AttemptScore, ...]
    problems: tuple[StudentText, ...]

    def to_bytes(self) -> bytes:
        """As JSON; which attempt is the best is told by its place."""
        best = None if self.best is None else self.attempts.index(self.best)
        content = asdict(self) | {"best": best}
        return json.dumps(content).encode("ascii")

    @staticmethod
    def from_bytes(data: bytes) -> QuizScore:
        """The inverse of `to_bytes`."""
        said = json.loads(data)
        attempts = tuple(_attempt_of(one) for one in said["attempts"])
        best = None if said["best"] is None else attempts[said["best"]]
        problems = tuple(student_text(problem) for problem in said["problems"])
        return QuizScore(said["points"], said["max_points"], best, attempts, problems)


def _attempt_of(said: dict[str, Any]) -> AttemptScore:
    own = {"attempt": student_text(said["attempt"], MAX_ID), "time": student_text(said["time"], MAX_TIME)}
    answers = {
        item: {part: student_lines(answer, MAX_ANSWER) for part, answer in parts.items()}
        for item, parts in said["answers"].items()
    }
    misconceptions = tuple((item, what) for item, what in said["misconceptions"])
    return AttemptScore(**{**said, **own, "answers": answers, "misconceptions": misconceptions})


class _RefusedError(ValueError):
    """Why an attempt does not count."""


def score_attempts(
    raw: bytes | None, banks: Mapping[str, KeyedBank], bank: str, max_points: float | None = None
) -> QuizScore:
    """Score an attempts file. It is a function of its arguments alone, and raises nothing, whatever the bytes are.

    Every intact attempt is scored anew with the bank of its hash, and the best counts. An attempt is refused when it is
    damaged, when its bank was never released, when it shows other questions than its seed draws, when its id stands
    there already, or when it comes after as many as the bank allows.

    Args:
        raw: the bytes of `attempts.jsonl`; None if there is no such file, which is no problem and earns 0.
        banks: released banks by hash, as `grader.quizzes.kept.load_kept` gives them.
        bank: the name of the bank; attempts at others are passed over.
        max_points: what the quiz is worth now; by default what the best attempt's own bank was worth.
    """
    problems: list[str] = []
    attempts: list[AttemptScore] = []
    seen: set[str] = set()
    for number, record in _records(raw or b"", problems):
        try:
            if _text(record, "bank") != bank:
                continue
            scored, limit = _score(record, banks, bank)
            if scored.attempt in seen:
                raise _RefusedError(f"attempt {scored.attempt[:40]} stands there a second time")
            if limit is not None and len(attempts) >= limit:
                raise _RefusedError(f"only the first {limit} attempts count")
        except _RefusedError as refused:
            problems.append(f"line {number}: {refused}")
            continue
        seen.add(scored.attempt)
        attempts.append(scored)
    best = max(attempts, key=lambda attempt: attempt.score, default=None)
    worth = max_points
    if worth is None:
        own = [kept.max_points for kept in banks.values() if kept.bank == bank]
        worth = banks[best.hash].max_points if best else max(own, default=0.0)
    if len(problems) > MAX_PROBLEMS:
        problems[MAX_PROBLEMS:] = [f"and {len(problems) - MAX_PROBLEMS} more"]
    points = float(round((best.score if best else 0.0) * worth, 2))
    return QuizScore(points, float(worth), best, tuple(attempts), tuple(student_text(problem) for problem in problems))


def _records(raw: bytes, problems: list[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """The lines that are JSON objects, numbered; the others are told."""
    if len(raw) > MAX_FILE:
        problems.append(f"the file has {len(raw)} bytes, of which the first {MAX_FILE} are read")
    lines = raw[:MAX_FILE].split(b"\n")
    if len(lines) > MAX_LINES:
        problems.append(f"the file has {len(lines)} lines, of which the first {MAX_LINES} are read")
    for number, line in enumerate(lines[:MAX_LINES], start=1):
        if not line.strip():
            continue
        try:
            if len(line) > MAX_LINE:
                raise ValueError(f"{len(line)} bytes, at most {MAX_LINE} are read")
            record = json.loads(line.decode("utf-8"))
        except (ValueError, RecursionError) as error:
            problems.append(f"line {number}: damaged ({ascii(str(error))[1:81]}); it does not count")
            continue
        if isinstance(record, dict):
            yield number, record
        else:
            problems.append(f"line {number}: {type(record).__name__} instead of an attempt; it does not count")


def _score(record: dict[str, Any], banks: Mapping[str, KeyedBank], name: str) -> tuple[AttemptScore, int | None]:
    if record.get("v") != VERSION:
        raise _RefusedError(f"version {ascii(record.get('v'))[:20]}, {VERSION} was expected")
    kept = banks.get(_text(record, "hash"))
    if kept is None or kept.bank != name:
        raise _RefusedError(f"its bank {ascii(record['hash'])[:70]} was never released here")
    seed = record.get("seed")
    if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed <= MAX_SEED:
        raise _RefusedError(f"the seed is no whole number from 0 to {MAX_SEED}")
    drawn = kept.drawn(seed)
    if record.get("draw") != [{"item": item, "variant": variant} for item, variant in drawn]:
        raise _RefusedError("it does not show the questions that its seed draws")
    responses = record.get("responses")
    if not isinstance(responses, dict):
        raise _RefusedError("it has no responses")
    items: dict[str, float] = {}
    answers: dict[str, dict[str, str]] = {}
    misconceptions: list[tuple[str, str]] = []
    earned = 0.0
    for item_id, variant in drawn:
        item, given = kept.by_id[item_id], responses.get(item_id)
        items[item_id], answers[item_id] = 0.0, {}
        if isinstance(given, dict) and given:
            parts = item.variants[variant].parts
            answers[item_id] = {part.id: _answer(part, given.get(part.id)) for part in parts}
            items[item_id], betrayed = _item(item, parts, answers[item_id])
            misconceptions += [(item_id, what) for what in betrayed]
        earned += item.points * items[item_id]
    told = AttemptScore(
        attempt=_name(record),
        time=_time(record),
        hash=kept.hash,
        score=earned / kept.max_points,
        items=items,
        variants=dict(drawn),
        answers={
            item: {part: student_lines(answer, MAX_ANSWER) for part, answer in parts.items()}
            for item, parts in answers.items()
        },
        misconceptions=tuple(misconceptions),
    )
    return told, kept.attempts


def item_share(item: KeyedItem, variant: int, given: Mapping[str, Any]) -> float:
    """The share of an item's points that answers (part → answer as recorded) to one of its variants earn."""
    parts = item.variants[variant].parts
    return _item(item, parts, {part.id: _answer(part, given.get(part.id)) for part in parts})[0] if given else 0.0


def verdicts_of(record: Mapping[str, Any], bank: KeyedBank) -> dict[str, dict[str, Verdict]]:
    """By item and part, the verdict on what an attempt answers, for a record that `score_attempts` takes.

    A part without an answer gets the verdict on other answers, as in the player.
    """
    found: dict[str, dict[str, Verdict]] = {}
    for item, variant in bank.drawn(record["seed"]):
        given = record["responses"].get(item)
        given = given if isinstance(given, dict) else {}
        parts = bank.by_id[item].variants[variant].parts
        found[item] = {part.id: part.verdict(_answer(part, given.get(part.id))) for part in parts}
    return found


def _item(item: KeyedItem, parts: Sequence[KeyedPart], answers: Mapping[str, str]) -> tuple[float, list[str]]:
    """The share of an item's points, and the misconceptions that its answers betray."""
    credits: list[int] = []
    betrayed: list[str] = []
    of = 0
    for part in parts:
        answer = answers[part.id]
        verdict = part.verdict(answer)
        credits.append(verdict.credit)
        of = max(of, verdict.of)
        misconception = part.misconception(answer) if verdict.credit < 1 else ""
        betrayed += [misconception] if misconception else []
    return item_score(item.credit, credits, of), betrayed


def _answer(part: KeyedPart, given: object) -> str:
    """The answer in the spelling that is compared; empty where there is none, or none that can be read."""
    if not isinstance(given, str) or len(given) > MAX_ANSWER:
        return ""
    return read_recorded(part.kind, given, decimals=part.decimals, unit=part.unit, case=part.case, code=part.code)


def _name(record: dict[str, Any]) -> StudentText:
    """An attempt's id; one that cannot be shown as it stands could be taken for another's."""
    name = _text(record, "attempt")
    if not is_student_text(name, MAX_ID):
        raise _RefusedError("its id has characters that cannot be shown")
    return StudentText(name)


def _time(record: dict[str, Any]) -> StudentText:
    """When an attempt was made, as the player wrote it: it is shown, and nothing depends on it."""
    told = student_text(_text(record, "time"), MAX_TIME)
    try:
        datetime.fromisoformat(told)
    except ValueError:
        raise _RefusedError(f"its time is none ({told})") from None
    return told


def _text(record: dict[str, Any], name: str) -> str:
    value = record.get(name)
    if not isinstance(value, str) or len(value) > 200:
        raise _RefusedError(f"{name} is missing or no short text")
    return value
