"""Simulated attempts whose score is known from how they were made, for demonstrations and tests of the scorer."""

from __future__ import annotations

import json
import random
import uuid
from dataclasses import dataclass

from grader.quizzes.keyed import KeyedBank, KeyedItem, KeyedPart

NONSENSE = "no such answer"


@dataclass(frozen=True)
class Simulated:
    """A line of an attempts file, and the score from 0 to 1 that it is worth by the way it was made."""

    line: str
    expected: float


def simulate(bank: KeyedBank, rng: random.Random, skill: float) -> Simulated:
    """One attempt of a student who answers each part rightly with probability `skill`; 1 is all right, 0 all wrong."""
    seed = rng.randrange(2**32)
    drawn = bank.drawn(seed)
    responses, earned = {}, 0.0
    for item_id, variant in drawn:
        item = bank.by_id[item_id]
        responses[item_id], share = _answers(item, variant, rng, skill)
        earned += share * item.points
    record = {
        "v": 1,
        "bank": bank.bank,
        "hash": bank.hash,
        "attempt": str(uuid.UUID(int=rng.getrandbits(128), version=4)),
        "time": f"2026-01-01T00:{rng.randrange(60):02d}:00+00:00",
        "seed": seed,
        "draw": [{"item": item, "variant": variant} for item, variant in drawn],
        "responses": responses,
        "score": 1.0,  # what a student's own file claims; the scorer does not look at it
    }
    return Simulated(json.dumps(record), earned / bank.max_points)


def _answers(item: KeyedItem, variant: int, rng: random.Random, skill: float) -> tuple[dict[str, str], float]:
    """Answers to one item, and the share of its points that they earn, counted while they are made."""
    parts = item.variants[variant].parts
    answers: dict[str, str] = {}
    right = ticked_right = ticked_wrong = 0
    for part in parts:
        knows = rng.random() < skill
        answers[part.id] = _answer(part, knows, rng)
        right += knows
        if part.kind == "check" and answers[part.id] == "1":
            ticked_right, ticked_wrong = ticked_right + knows, ticked_wrong + (not knows)
    if item.credit == "right-minus-wrong":
        return answers, max(0.0, (ticked_right - ticked_wrong) / max(part.of for part in parts))
    return answers, right / len(parts) if item.credit == "per-part" else float(right == len(parts))


def _answer(part: KeyedPart, knows: bool, rng: random.Random) -> str:
    if part.kind == "check":
        true = next(answer.credit for answer in part.answers if answer.answer == "1") == 1
        return "1" if true == knows else "0"
    fitting = [answer.answer for answer in part.answers if (answer.credit == 1) == knows]
    return rng.choice(fitting) if fitting else NONSENSE
