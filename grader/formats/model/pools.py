"""Questions, as other systems know them: one variant of one item; and pools of them, of which a test shows one."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from grader.formats.model.registry import Losses
from grader.quizzes.rendered import RenderedBank, RenderedItem, RenderedOption, RenderedVariant


@dataclass(frozen=True)
class Question:
    """One variant of an item. `id` is unique in the bank: the item's, with `_` and a number if it has several."""

    id: str
    title: str
    item: RenderedItem
    variant: RenderedVariant


@dataclass(frozen=True)
class Pool:
    """Questions of which a test shows one, all for the same points."""

    id: str
    title: str
    points: float
    questions: tuple[Question, ...]


def pools(bank: RenderedBank) -> tuple[Pool, ...]:
    """A pool for each group of the bank, in order, with all variants of its items."""
    by_id = {item.id: item for item in bank.items}
    found = []
    for group in bank.groups:
        items = [by_id[name] for name in group]
        made = tuple(question for item in items for question in _questions(item))
        found.append(Pool(group[0], items[0].title, items[0].points, made))
    return tuple(found)


def numbered(bank: RenderedBank, losses: Losses) -> tuple[Question, ...]:
    """Every variant of every item as a question of its own, in the order of the bank, for formats without pools."""
    for item in bank.items:
        if len(item.variants) > 1:
            losses.add(item.id, "pools", f"its variants are {len(item.variants)} numbered questions")
    for group in bank.groups:
        if len(group) > 1:
            for name in group:
                losses.add(name, "pools", f"its group of {len(group)} items is not drawn from; all of them are shown")
    return tuple(question for item in bank.items for question in _questions(item))


def _questions(item: RenderedItem) -> list[Question]:
    if len(item.variants) == 1:
        return [Question(item.id, item.title, item, item.variants[0])]
    return [
        Question(f"{item.id}_{number}", f"{item.title} ({number})", item, variant)
        for number, variant in enumerate(item.variants, start=1)
    ]


def shown_order(seed: str, options: Sequence[RenderedOption], shuffle: bool = True) -> tuple[int, ...]:
    """An order of options that does not give the key away: mixed by `seed`, fixed ones in their places.

    Entries of `order` items and choices of `match` items are written in the right order, so they are always mixed.
    """
    if not shuffle:
        return tuple(range(len(options)))
    free = [number for number, option in enumerate(options) if not option.fixed]
    mixed = iter(sorted(free, key=lambda n: hashlib.sha256(f"{seed}\0{n}".encode()).digest()))
    return tuple(number if option.fixed else next(mixed) for number, option in enumerate(options))
