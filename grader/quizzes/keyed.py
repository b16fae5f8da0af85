"""A bank with its keys, as parts and answers: what sealing writes for students, and what the trusted scorer keeps."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from labkit.quiz.bank import Choice
from labkit.quiz.draw import draw_items
from labkit.quiz.sealed import OTHER, Verdict

KEPT_FORMAT = 1


@dataclass(frozen=True)
class Answer:
    """One answer that has a verdict of its own. `misconception` is for reports; students do not get it."""

    answer: str
    credit: int
    feedback: str = ""
    misconception: str = ""


@dataclass(frozen=True)
class KeyedOption:
    """An option with its public id."""

    id: str
    html: str
    fixed: bool = False


@dataclass(frozen=True)
class KeyedPart:
    """A part with the verdicts on its answers; `other` is the feedback on every answer that is not listed."""

    id: str
    kind: str
    answers: tuple[Answer, ...]
    other: str = ""
    label: str = ""
    options: tuple[KeyedOption, ...] = ()
    decimals: int = 0
    unit: str = ""
    case: bool = False
    code: bool = False
    fixed: bool = False
    of: int = 0

    def verdict(self, answer: str) -> Verdict:
        """The verdict on a normalised answer."""
        for known in self.answers:
            if known.answer == answer:
                return Verdict(known.credit, known.feedback, self.of, self._right(known))
        return Verdict(0, self.other, self.of, None if self.kind == "check" else False)

    def _right(self, given: Answer) -> bool:
        """Whether an answer is right: of a box, its credit does not always tell, that of the ticked one does."""
        if self.kind != "check":
            return given.credit == 1
        return next(known.credit == 1 for known in self.answers if known.answer == "1") == (given.answer == "1")

    def misconception(self, answer: str) -> str:
        """What a wrong answer betrays; empty where the bank names nothing."""
        return next((known.misconception for known in self.answers if known.answer == answer), "")

    def verdicts(self) -> dict[str, Verdict]:
        """Every listed answer, and the empty one for all others."""
        return {known.answer: self.verdict(known.answer) for known in self.answers} | {OTHER: self.verdict(OTHER)}


@dataclass(frozen=True)
class KeyedVariant:
    """A variant with its keys; `stem` is HTML."""

    variant: int
    stem: str
    parts: tuple[KeyedPart, ...]


@dataclass(frozen=True)
class KeyedItem:
    """An item with its keys."""

    id: str
    title: str
    type: str
    points: float
    credit: str
    variants: tuple[KeyedVariant, ...]
    review: tuple[str, str] | None = None
    difficulty: float | None = None


@dataclass(frozen=True)
class KeyedBank:
    """A bank with its keys. `hash` is that of the sealed file; empty until it is sealed."""

    bank: str
    title: str
    mode: str
    pass_mark: float
    attempts: int | None
    shuffle: bool
    note: str
    groups: tuple[tuple[str, ...], ...]
    items: tuple[KeyedItem, ...]
    hash: str = ""
    draw: int = 1
    by_id: Mapping[str, KeyedItem] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_id", {item.id: item for item in self.items})

    @property
    def max_points(self) -> float:
        """The points that one attempt can give: an item of each group."""
        return sum(self.by_id[group[0]].points for group in self.groups)

    def choices(self) -> tuple[tuple[Choice, ...], ...]:
        """What each group may show, as `labkit.quiz.draw.draw_items` takes it."""
        items = [[self.by_id[name] for name in group] for group in self.groups]
        return tuple(tuple(Choice(i.id, len(i.variants), i.difficulty) for i in group) for group in items)

    def drawn(self, seed: int) -> tuple[tuple[str, int], ...]:
        """(item, variant) of each question that the attempt with this seed shows."""
        return draw_items(self.bank, self.choices(), seed, self.draw)


def dump_kept(bank: KeyedBank) -> str:
    """A bank as JSON to keep: everything that scoring and reports need, one way only."""
    content = asdict(bank)
    del content["by_id"]
    return json.dumps({"format": KEPT_FORMAT} | content, ensure_ascii=False, indent=1) + "\n"


def parse_kept(text: str) -> KeyedBank:
    """A bank that `dump_kept` wrote.

    Raises:
        ValueError: it was written by another version.
    """
    content: dict[str, Any] = json.loads(text)
    if content.pop("format", None) != KEPT_FORMAT:
        raise ValueError(f"a kept bank of format {KEPT_FORMAT} was expected.")
    items = tuple(_item(item) for item in content.pop("items"))
    groups = tuple(tuple(group) for group in content.pop("groups"))
    return KeyedBank(items=items, groups=groups, **content)


def _item(content: dict[str, Any]) -> KeyedItem:
    variants = tuple(
        KeyedVariant(v["variant"], v["stem"], tuple(_part(part) for part in v["parts"]))
        for v in content.pop("variants")
    )
    review = content.pop("review")
    return KeyedItem(variants=variants, review=None if review is None else (review[0], review[1]), **content)


def _part(content: dict[str, Any]) -> KeyedPart:
    answers = tuple(Answer(**answer) for answer in content.pop("answers"))
    options = tuple(KeyedOption(**option) for option in content.pop("options"))
    return KeyedPart(answers=answers, options=options, **content)
