"""Every response to a question that says something of its own, and the marks of our scorer: for comparing systems."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from grader.formats.model.richtext import plain
from grader.quizzes.keyed import KeyedBank, KeyedItem
from grader.quizzes.rendered import RenderedBank, RenderedItem, RenderedPart, RenderedVariant, keyed
from grader.quizzes.score import item_share
from grader.quizzes.seal import option_ids

MOST = 256  # responses to one question; above that, those that differ little from the right one
ANOTHER_NUMBER = "9876543.5"
ANOTHER_TEXT = "something else"
Given = Mapping[str, tuple[int, ...] | str]
"""Part → numbers of the options that were chosen, from 0 on, or what was typed; without parts that are left alone."""


@dataclass(frozen=True)
class Marked:
    """A response and what it earns. `share` is from 0 to 1."""

    given: Given
    said: str
    share: float


def marked(bank: RenderedBank, secret: bytes) -> Iterator[tuple[RenderedItem, RenderedVariant, Marked]]:
    """Every response to every variant of every item, marked by the trusted scorer."""
    with_keys = keyed(bank, secret)
    for item in bank.items:
        for place, variant in enumerate(item.variants):
            for given in responses(item, variant):
                answers = _as_recorded(bank, variant, given, secret)
                share = _share(with_keys, item.id, place, answers)
                yield item, variant, Marked(given, said(variant, given), share)


def responses(item: RenderedItem, variant: RenderedVariant) -> Iterator[Given]:
    """Nothing; every choice, every set of boxes, every order, every known and an unknown text, and their combinations.

    Where those are more than `MOST`: each answer to one part alone, and with all others right; orders with two entries
    exchanged or all moved on; sets of boxes that differ from the right one, or from none, in at most two.
    """
    parts = variant.parts
    yield {}
    if item.type == "order":
        names = [part.id for part in parts]
        for order in _orders(len(parts)):
            yield {name: (place,) for name, place in zip(names, order, strict=True)}
        return
    each = [list(_answers(part)) for part in parts]
    number = 1
    for answers in each:
        number *= len(answers) + 1
    if number <= MOST:
        for combined in itertools.product(*[[None, *answers] for answers in each]):
            given = {part.id: answer for part, answer in zip(parts, combined, strict=True) if answer is not None}
            if given:
                yield given
        return
    right = {part.id: _right(part) for part in parts}
    seen = set()
    for part, answers in zip(parts, each, strict=True):
        for answer in answers:
            for given in ({part.id: answer}, right | {part.id: answer}):
                if (known := tuple(sorted(given.items()))) not in seen:
                    seen.add(known)
                    yield given


def said(variant: RenderedVariant, given: Given) -> str:
    """A response in words: the plain texts of options, what was typed; parts of a question by their names."""
    told = []
    for part in variant.parts:
        answer = given.get(part.id)
        if answer is None:
            continue
        text = answer if isinstance(answer, str) else " + ".join(plain(part.options[n].html) for n in answer)
        told.append(text if len(variant.parts) == 1 else f"{part.id}: {text}")
    return "; ".join(told)


def _answers(part: RenderedPart) -> Iterator[tuple[int, ...] | str]:
    if part.kind == "choice":
        yield from ((number,) for number in range(len(part.options)))
    elif part.kind == "boxes":
        yield from _sets(part)
    else:
        yield from (answer.answer for answer in part.answers)
        yield ANOTHER_NUMBER if part.kind == "number" else ANOTHER_TEXT


def _right(part: RenderedPart) -> tuple[int, ...] | str:
    if part.options:
        return tuple(number for number, option in enumerate(part.options) if option.true)
    return next(answer.answer for answer in part.answers if answer.credit)


def _sets(part: RenderedPart) -> Iterator[tuple[int, ...]]:
    """Sets of ticked boxes that are not empty."""
    numbers = range(len(part.options))
    if 2 ** len(numbers) <= MOST:
        for size in range(1, len(numbers) + 1):
            yield from itertools.combinations(numbers, size)
        return
    right = {number for number in numbers if part.options[number].true}
    changes = [{n} for n in numbers] + [set(pair) for pair in itertools.combinations(numbers, 2)]
    sets = [frozenset(start ^ change) for start in (right, set[int]()) for change in [set[int](), *changes]]
    yield from (tuple(sorted(one)) for one in dict.fromkeys(sets) if one)


def _orders(length: int) -> Iterator[tuple[int, ...]]:
    if length <= 5:
        yield from itertools.permutations(range(length))
        return
    start = tuple(range(length))
    found = [start[step:] + start[:step] for step in range(length)]
    for one, other in itertools.combinations(start, 2):
        moved = list(start)
        moved[one], moved[other] = other, one
        found.append(tuple(moved))
    yield from dict.fromkeys(found)


def _as_recorded(bank: RenderedBank, variant: RenderedVariant, given: Given, secret: bytes) -> dict[str, str]:
    """A response as an attempt records it: with public ids of options, and 0 for boxes that were left alone."""
    answers: dict[str, str] = {}
    for part in variant.parts:
        answer = given.get(part.id)
        if answer is None:
            continue
        if isinstance(answer, str):
            answers[part.id] = answer
            continue
        ids = option_ids(secret, bank.bank, part.pool, len(part.options))
        if part.kind == "boxes":
            answers |= {name: str(int(number in answer)) for number, name in enumerate(ids)}
        else:
            answers[part.id] = ids[answer[0]]
    return answers


def _share(bank: KeyedBank, item: str, variant: int, answers: dict[str, str]) -> float:
    found: KeyedItem = bank.by_id[item]
    return item_share(found, variant, answers)
