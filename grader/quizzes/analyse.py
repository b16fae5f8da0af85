"""Item analysis: what a class says about each item of a bank, by classical test theory.

An item is judged by the first time that each student met it, the bank as a whole by first attempts.
Difficulty is the mean share of an item's points. Discrimination is the correlation of that share with the rest of the
attempt, the item itself left out (corrected point-biserial; Guilford 1953), with Fisher's interval. Reliability is
Cronbach's alpha over the places of an attempt (1951, equation 2), which is KR-20 (Kuder and Richardson 1937) where all
shares are 0 or 1. Advice follows Haladyna and Rodriguez, Developing and Validating Test Items (2013), chapter 17.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from grader.quizzes.classical import alpha, corrected_correlation, interval, variant_drift
from grader.quizzes.keyed import KeyedBank, KeyedPart
from grader.quizzes.markup import to_plain
from grader.quizzes.score import AttemptScore

FEW = 10  # with fewer answers nothing is advised
HARD, EASY = 0.25, 0.95  # below the first and above the second an item tells little
WEAK = 0.15  # a correlation that tells the able from the others only faintly
DRIFT = 0.01  # the p-value below which variants differ
BANDS = 3  # of students, by the rest of their attempt: the points of a distractor's curve
TYPED = {"number", "text"}


@dataclass(frozen=True)
class Choice:
    """How often one answer to one part was given.

    `rest` is the mean share of the rest of the attempts of who gave it, `curve` the share of students that gave it in
    each third of the class, the weakest first.
    """

    part: str
    label: str
    answer: str
    text: str
    key: bool
    count: int
    share: float
    rest: float | None
    curve: tuple[float, ...]
    misconception: str = ""


@dataclass(frozen=True)
class VariantCount:
    """One variant: how many students had it, and the mean share of points."""

    variant: int
    count: int
    difficulty: float


@dataclass(frozen=True)
class ItemAnalysis:
    """What is known about one item. Correlations are None where the shares do not vary, or too few answered.

    `least` and `most` are Wilson's 95 % interval (1927) of the difficulty, `guess` is what the bank expected.
    """

    item: str
    title: str
    count: int
    difficulty: float
    least: float
    most: float
    guess: float | None
    discrimination: float | None
    low: float | None
    high: float | None
    choices: tuple[Choice, ...]
    variants: tuple[VariantCount, ...]
    drift: float | None
    advice: tuple[str, ...]


@dataclass(frozen=True)
class BankAnalysis:
    """A bank: one first attempt a student. `alpha` is None for fewer than two students or places, or without spread."""

    bank: str
    attempts: int
    mean: float
    spread: float
    alpha: float | None
    binary: bool
    items: tuple[ItemAnalysis, ...]


def analyse(banks: Mapping[str, KeyedBank], name: str, students: Iterable[Sequence[AttemptScore]]) -> BankAnalysis:
    """Analyse the attempts of a class at a bank.

    Args:
        banks: released banks by hash.
        name: the bank's name.
        students: the attempts of each student in their order, rescored; those at other banks are passed over.
    """
    own = [[one for one in made if one.hash in banks and banks[one.hash].bank == name] for made in students]
    attempts = [made[0] for made in own if made]
    order = [item.id for one in attempts for item in banks[one.hash].items]
    by_item: dict[str, list[AttemptScore]] = {item: [] for item in dict.fromkeys(order)}
    for made in own:
        met: set[str] = set()
        for one in made:
            for item in one.items.keys() - met:
                by_item.setdefault(item, []).append(one)
            met |= one.items.keys()
    scores = np.array([one.score for one in attempts])
    table = _places(attempts)
    return BankAnalysis(
        bank=name,
        attempts=len(attempts),
        mean=float(scores.mean()) if len(scores) else 0.0,
        spread=float(scores.std(ddof=1)) if len(scores) > 1 else 0.0,
        alpha=alpha(table),
        binary=bool(np.isin(table, (0.0, 1.0)).all()),
        items=tuple(_item(banks, item, answered) for item, answered in by_item.items() if answered),
    )


def _places(attempts: Sequence[AttemptScore]) -> NDArray[np.float64]:
    """Students by places of an attempt; attempts at releases with another number of places are left out."""
    lengths = Counter(len(one.items) for one in attempts)
    usual = max(lengths, key=lambda length: lengths[length], default=0)
    rows = [list(one.items.values()) for one in attempts if len(one.items) == usual]
    return np.array(rows, dtype=np.float64).reshape(len(rows), usual)


def _item(banks: Mapping[str, KeyedBank], item: str, answered: Sequence[AttemptScore]) -> ItemAnalysis:
    shares = [one.items[item] for one in answered]
    rest = [_rest(one, item) for one in answered]
    r, low, high = corrected_correlation(shares, rest)
    variants: dict[int, list[float]] = {}
    for one in answered:
        variants.setdefault(one.variants[item], []).append(one.items[item])
    drift = variant_drift(variants)
    latest = banks[answered[-1].hash].by_id[item]
    choices = tuple(_choices(banks, item, answered, rest))
    difficulty = float(np.mean(shares))
    least, most = interval(difficulty, len(shares))
    return ItemAnalysis(
        item=item,
        title=latest.title,
        count=len(answered),
        difficulty=difficulty,
        least=least,
        most=most,
        guess=latest.difficulty,
        discrimination=r,
        low=low,
        high=high,
        choices=choices,
        variants=tuple(VariantCount(n, len(own), float(np.mean(own))) for n, own in sorted(variants.items())),
        drift=drift,
        advice=(
            *_advice(len(answered), difficulty, r, high, choices, drift),
            *_surprise(len(answered), difficulty, least, most, latest.difficulty),
        ),
    )


def _surprise(count: int, difficulty: float, least: float, most: float, guess: float | None) -> Iterable[str]:
    """Whether the bank expected something else than was measured."""
    if count >= FEW and guess is not None and not least <= guess <= most:
        yield f"{guess:.0%} was expected, {difficulty:.0%} measured ({least:.0%} … {most:.0%}): --update writes it down"


def _rest(attempt: AttemptScore, item: str) -> float:
    """The mean share of the other questions of an attempt."""
    others = [share for name, share in attempt.items.items() if name != item]
    return float(np.mean(others)) if others else 0.0


def _choices(
    banks: Mapping[str, KeyedBank], item: str, answered: Sequence[AttemptScore], rest: Sequence[float]
) -> Iterable[Choice]:
    """The answers that were given, and options that nobody chose, part by part; typed answers by what they betray."""
    bands = _bands(rest)
    sizes = Counter(bands)
    for place, part in enumerate(banks[answered[-1].hash].by_id[item].variants[0].parts):
        given = [_told(banks, one, item, place) for one in answered]
        lines = {one.answer: one for one in reversed([*_possible(part), *given])}  # the first of equal ones is kept
        for one in reversed(lines.values()):
            chose = [number for number, told in enumerate(given) if told.answer == one.answer]
            hits = Counter(bands[number] for number in chose)
            yield Choice(
                part=part.id,
                label=to_plain(part.label) if part.kind != "check" else "",
                answer=one.answer,
                text=one.text,
                key=one.key,
                count=len(chose),
                share=len(chose) / len(given),
                rest=float(np.mean([rest[number] for number in chose])) if chose else None,
                curve=tuple(hits[band] / sizes[band] if sizes[band] else 0.0 for band in range(BANDS)),
                misconception=one.misconception,
            )


@dataclass(frozen=True)
class _Told:
    """An answer as it is counted; `answer` is what equal ones have in common over variants and releases."""

    answer: str
    text: str
    key: bool
    misconception: str = ""


def _possible(part: KeyedPart) -> list[_Told]:
    """The answers that a student could choose: all options, or the tick of a box."""
    if part.kind == "check":
        return [_choice(part, "1", part.label)]
    return [_choice(part, option.id, option.html) for option in part.options]


def _choice(part: KeyedPart, answer: str, markup: str) -> _Told:
    return _Told(answer, to_plain(markup), part.verdict(answer).credit == 1, part.misconception(answer))


def _told(banks: Mapping[str, KeyedBank], attempt: AttemptScore, item: str, place: int) -> _Told:
    """What one student answered to a part. Options are told as the newest release shows them in its first variant."""
    part = banks[attempt.hash].by_id[item].variants[attempt.variants[item]].parts[place]
    answer = attempt.answers[item].get(part.id, "")
    if not answer:
        return _Told("", "no answer", False)
    if part.kind == "check" and answer == "0":
        return _Told("0", "left empty", part.verdict("0").credit == 1 or part.verdict("1").credit != 1)
    if part.kind not in TYPED:
        shown = part.label if part.kind == "check" else next((o.html for o in part.options if o.id == answer), answer)
        return _choice(part, answer, shown)
    if part.verdict(answer).credit == 1:
        return _Told("right", "the right answer", True)
    misconception = part.misconception(answer)
    return _Told(misconception or "other", misconception or "another answer", False, misconception)


def _bands(rest: Sequence[float]) -> list[int]:
    """Each student's third of the class, by the rest of the attempt; equal rests are in one third."""
    ranks = stats.rankdata(rest, method="average") - 0.5
    return [min(int(BANDS * rank / len(rest)), BANDS - 1) for rank in ranks]


def _advice(
    count: int,
    difficulty: float,
    r: float | None,
    high: float | None,
    choices: Sequence[Choice],
    drift: float | None,
) -> Iterable[str]:
    """What an author should look at, in words."""
    if count < FEW:
        yield f"only {count} answers: wait for more before you change anything"
        return
    if r is not None and high is not None and high < 0:
        yield "students who do well elsewhere get it wrong: check the key and the wording"
    elif r is not None and r < WEAK and HARD <= difficulty <= EASY:
        yield "it hardly tells able students from others: look for a second defensible option or a vague stem"
    if difficulty < HARD:
        yield f"hard: {difficulty:.0%} of the points; is it taught, and does the stem ask what is meant?"
    if difficulty > EASY:
        yield f"easy: {difficulty:.0%} of the points; keep it for warming up, or sharpen the distractors"
    for choice in choices:
        if choice.misconception and choice.count == 0 and not choice.key:
            yield f"nobody chose {choice.text[:60]!r}: no student believes it; write another distractor"
        if choice.misconception and choice.count >= FEW / 2 and choice.curve[-1] > choice.curve[0] + 0.1:
            yield f"{choice.text[:60]!r} attracts the strongest third most: is it defensible?"
    if drift is not None and drift < DRIFT:
        yield f"its variants are not equally hard (p = {drift:.3f}): look at the numbers that they draw"
