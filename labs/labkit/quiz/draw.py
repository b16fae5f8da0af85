"""What one attempt shows: an item of each group, a variant of each item, an order of its options; from a seed alone."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from labkit.quiz.bank import Bank, Part, Variant

MAX_SEED = 2**53  # a whole number that JavaScript can hold


@dataclass(frozen=True)
class Drawn:
    """One question of an attempt: `parts` in the order to show, `orders` the option ids of each part that has some."""

    item: str
    variant: int
    parts: tuple[str, ...]
    orders: Mapping[str, tuple[str, ...]]


def draw_items(
    bank: str, groups: Sequence[Sequence[str]], variants: Mapping[str, int], seed: int
) -> tuple[tuple[str, int], ...]:
    """(item, variant) for each group, in order.

    Seed 0 draws the first item of each group in its first variant. `seed` and `seed + 1` differ in the item or the
    variant wherever a group has more than one of both together; over successive seeds all of them come up equally
    often.

    Args:
        bank: the bank's name.
        groups: ids of items, one list a group.
        variants: how many variants each item has.
        seed: from 0 to 2**53.
    """
    drawn = []
    for group in groups:
        first, *others = [(item, variant) for item in group for variant in range(variants[item])]
        ordered = [first, *sorted(others, key=lambda pair: _digest(bank, *map(str, pair)))]
        drawn.append(ordered[seed % len(ordered)])
    return tuple(drawn)


def draw(bank: Bank, seed: int) -> tuple[Drawn, ...]:
    """What the attempt with this seed shows. Items keep the order of the groups; options are shuffled.

    Options marked `fixed`, and all options of a bank with `shuffle: false`, keep their places. In one item, equal
    options come in the same order in every part.
    """
    counts = {item.id: len(item.variants) for item in bank.items}
    drawn = []
    for name, number in draw_items(bank.bank, bank.groups, counts, seed):
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
