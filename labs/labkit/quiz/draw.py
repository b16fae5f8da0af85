"""What an attempt shows: an item of each group, a variant of the item, an order of its options; from a seed alone."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from labkit.quiz.bank import Bank, Choice, Part, Variant

MAX_SEED = 2**53  # a whole number that JavaScript can hold
VERSION = 2  # how banks that are sealed now draw
RUN = 64  # attempts, after which the core is shown again
TRIES = 64
NEAR = 0.05 + 1e-9  # how far a retake may be from the difficulty of the bank
UNKNOWN = 0.5  # the difficulty of an item for which none is told
BLOCK = 8  # numbers of 32 bits in a digest


@dataclass(frozen=True)
class Drawn:
    """One question of an attempt: `parts` in the order to show, `orders` the option ids of each part that has some."""

    item: str
    variant: int
    parts: tuple[str, ...]
    orders: Mapping[str, tuple[str, ...]]


Question = tuple[str, int]  # item, variant


def draw_items(
    bank: str, groups: Sequence[Sequence[Choice]], seed: int, version: int = VERSION
) -> tuple[Question, ...]:
    """(item, variant) for each group, in order.

    A seed names a run of attempts and a place in it: `seed + 1` is the retake after `seed`, 64 to a run. The first
    attempt of a run shows the core, the first item of each group. A retake shows in each group another item, or another
    variant where the group has one item only; the items first, then their variants, each equally likely, among the
    draws whose expected difficulty lies within 0.05 of that of the bank. The run that begins with seed 0 begins with
    the first variants.

    Args:
        bank: the bank's name.
        groups: what each group may show; the first item of a group is its core.
        seed: from 0 to 2**53.
        version: how the bank draws; 1 is as banks did before 0.6, where items and variants were drawn as one.
    """
    if version == 1:
        return _as_one(bank, groups, seed)
    run, place = divmod(seed, RUN)
    drawn = tuple(_core(bank, group, run) for group in groups)
    wanted = _mean([_mean([_difficulty(choice) for choice in group]) for group in groups])
    for number in range(1, place + 1):
        drawn = _retake(bank, groups, (str(run), str(number)), drawn, wanted)
    return drawn


def first_seed(random: int) -> int:
    """The seed of a first attempt, from any whole number not below 0."""
    return random * RUN % MAX_SEED


def _core(bank: str, group: Sequence[Choice], run: int) -> Question:
    core = group[0]
    return core.item, _number(_digest(bank, str(run), core.item), 0) % core.variants if run else 0


def _retake(
    bank: str, groups: Sequence[Sequence[Choice]], place: tuple[str, str], before: Sequence[Question], wanted: float
) -> tuple[Question, ...]:
    """What follows `before`: the first of up to 64 draws that is as difficult as is wanted, else the nearest to it."""
    best: tuple[float, tuple[Question, ...]] = (math.inf, ())
    for attempt in range(TRIES):
        made, difficulties = [], []
        for number, (group, last) in enumerate(zip(groups, before, strict=True)):
            digest = _digest(bank, *place, str(attempt), str(number // BLOCK))
            choice, variant = _other(group, last, _number(digest, number % BLOCK))
            made.append((choice.item, variant))
            difficulties.append(_difficulty(choice))
        away = abs(_mean(difficulties) - wanted)
        if away < best[0]:
            best = away, tuple(made)
        if away <= NEAR:
            break
    return best[1]


def _other(group: Sequence[Choice], last: Question, number: int) -> tuple[Choice, int]:
    """Another item of a group than the last and one of its variants; another variant where there is one item only."""
    others = [choice for choice in group if choice.item != last[0]]
    if others:
        choice = others[number % len(others)]
        return choice, number // len(others) % choice.variants
    (choice,) = group
    free = [variant for variant in range(choice.variants) if variant != last[1]] or [last[1]]
    return choice, free[number % len(free)]


def _difficulty(choice: Choice) -> float:
    return UNKNOWN if choice.difficulty is None else choice.difficulty


def _mean(values: Sequence[float]) -> float:
    total = 0.0
    for value in values:  # one after the other: JavaScript adds up so, and both have to agree to the last bit
        total += value
    return total / len(values)


def _number(digest: bytes, place: int) -> int:
    return int.from_bytes(digest[4 * place : 4 * place + 4], "big")


def _as_one(bank: str, groups: Sequence[Sequence[Choice]], seed: int) -> tuple[Question, ...]:
    """Version 1: over successive seeds every variant of every item of a group comes up equally often."""
    drawn = []
    for group in groups:
        first, *others = [(choice.item, variant) for choice in group for variant in range(choice.variants)]
        ordered = [first, *sorted(others, key=lambda pair: _digest(bank, *map(str, pair)))]
        drawn.append(ordered[seed % len(ordered)])
    return tuple(drawn)


def draw(bank: Bank, seed: int) -> tuple[Drawn, ...]:
    """What the attempt with this seed shows. Items keep the order of the groups; options are shuffled.

    Options marked `fixed`, and all options of a bank with `shuffle: false`, keep their places. In one item, equal
    options come in the same order in every part.
    """
    drawn = []
    for name, number in draw_items(bank.bank, bank.choices(), seed, bank.draw):
        variant = bank.item(name).variants[number]
        place = (bank.bank, name, str(number), str(seed))
        orders = {part.id: _shuffled_options(part, place, bank.shuffle) for part in variant.parts if part.options}
        drawn.append(Drawn(name, number, _shuffled_parts(variant, place, bank.shuffle), orders))
    return tuple(drawn)


def _shuffled_parts(variant: Variant, place: tuple[str, ...], shuffle: bool) -> tuple[str, ...]:
    """Boxes to tick are options too: they are shuffled among themselves. Other parts stay."""
    free = {part.id: part.kind == "check" and not part.fixed for part in variant.parts}
    return _shuffled(free, place) if shuffle else tuple(free)


def _shuffled_options(part: Part, place: tuple[str, ...], shuffle: bool) -> tuple[str, ...]:
    free = {option.id: not option.fixed for option in part.options}
    return _shuffled(free, place) if shuffle else tuple(free)


def _shuffled(free: Mapping[str, bool], place: tuple[str, ...]) -> tuple[str, ...]:
    """The names, those that are free in the order of their digests on the places that free ones had."""
    moved = iter(sorted((name for name, moves in free.items() if moves), key=lambda name: _digest(*place, name)))
    return tuple(next(moved) if moves else name for name, moves in free.items())


def _digest(*texts: str) -> bytes:
    return hashlib.sha256("\0".join(texts).encode("utf-8", "surrogatepass")).digest()
