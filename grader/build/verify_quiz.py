"""The proof that a quiz is scored as it should be: right answers full, wrong ones nothing, student and grader agree."""

from __future__ import annotations

import random
from collections.abc import Iterator

from grader.build.release import sealed_quiz
from grader.course.paths import Course
from grader.quizzes.keep import Made
from grader.quizzes.score import score_attempts
from grader.quizzes.simulate import simulate
from labkit.quiz.bank import parse_bank
from labkit.quiz.sealed import open_part

SEEDS = 20


def verify_quiz(course: Course, lab: str) -> list[str]:
    """What does not hold of a lab's quiz; nothing for a lab without one.

    Raises:
        BuildError: the bank is untrue or broken.
    """
    made = sealed_quiz(course, lab)
    return [] if made is None else [f"{lab}, {made.file_name}: {said}" for said in _failures(made)]


def _failures(made: Made) -> Iterator[str]:
    banks, worth = {made.bank.hash: made.bank}, made.bank.max_points
    rng = random.Random(made.name)
    for skill, wanted in ((1.0, worth), (0.0, 0.0)):
        for _ in range(SEEDS):
            line = simulate(made.bank, rng, skill).line
            got = score_attempts(line.encode(), banks, made.name)
            if got.points != wanted or got.problems:
                yield f"answers that are all {'right' if skill else 'wrong'} earn {got.points:g} of {worth:g}"
                break
    if score_attempts(None, banks, made.name).points != 0:
        yield "no attempt earns points"
    if made.bank.mode == "practice":
        yield from _disagreements(made)


def _disagreements(made: Made) -> Iterator[str]:
    """Answers whose sealed verdict, as a student opens it, is not what the grader's table says."""
    public = parse_bank(made.sealed)
    for item in made.bank.items:
        for variant in item.variants:
            for part in variant.parts:
                for answer, verdict in part.verdicts().items():
                    if open_part(public, item.id, variant.variant, part.id, answer) != verdict:
                        yield f"{item.id}, variant {variant.variant}, {part.id}: the sealed verdict on {answer!r} differs"
