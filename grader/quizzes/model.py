"""What an author writes in a bank: the types of items, their options, blanks and claims, checked as far as shape goes.

Expressions are Python, run by `grader.quizzes.worker` once for each variant: `given` makes names, `claim` decides,
`value` computes. Texts are Markdown with `$maths$` and `{{ expression }}`.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, model_validator

from grader.quizzes.parts import (
    Blank,
    Bloom,
    Code,
    Entry,
    Family,
    Figure,
    Means,
    Measured,
    Model,
    Name,
    Number,
    Option,
    Other,
    Pair,
    Phrases,
    Printed,
    Review,
    Rule,
    Text,
    WrongText,
)

BLANK = re.compile(r"\[\[([a-z][a-z0-9]*)\]\]")
MAX_VARIANTS = 20
Calculator = Literal["pocket", "scientific"]


class Item(Model):
    """What every item has."""

    id: Name
    title: Annotated[str, Field(min_length=1, max_length=80)]
    objective: Annotated[str, Field(min_length=5, max_length=200, description="What who answers it right can do.")]
    lab: Annotated[str, Field(pattern=r"^\d\d-[a-z0-9-]+(?:#[\w-]+)?$", description="02-sorting#merge")]
    bloom: Bloom | None = Field(None, description="What it asks for, by Anderson and Krathwohl (2001).")
    difficulty: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        None, description="A guess: the share of students who answer it right at the first try."
    )
    measured: Measured | None = Field(None, description="Beside the guess, what a class showed; it is taken instead.")
    families: Annotated[list[Family], Field(max_length=3)] = Field([], description="The mistakes that it aims at.")
    points: Annotated[float, Field(gt=0, le=100, strict=False)] = 1.0
    credit: Rule | None = Field(None, description="How parts make points; each type has a default.")
    group: Name | None = Field(None, description="Items of one group are a pool: an attempt shows one of them.")
    core: bool = Field(False, description="A first attempt shows it; without it, the first item of its group.")
    review: Review | None = None
    source: Annotated[str, Field(min_length=5, max_length=400)] | None = Field(
        None, description="Where it is written, for keys that no code can decide."
    )
    note: str | None = Field(None, description="For readers of the bank; students do not see it.")
    given: Code | None = Field(None, description="Makes names. rng, np, math and variant are there.")
    words: Phrases = Field({})
    means: Means | None = Field(None, description="Of an order or a match: what decides it, in words.")
    variants: Annotated[int, Field(ge=1, le=MAX_VARIANTS)] = 1
    stem: Text
    figure: Figure | None = None

    @property
    def expected(self) -> float | None:
        """The share of its points that a student is expected to get, between 0 and 1: measured, else guessed."""
        return self.difficulty if self.measured is None else min(max(self.measured.share, 0.01), 0.99)


class Single(Item):
    """One option is right."""

    type: Literal["single"]
    options: Annotated[list[Option], Field(min_length=2, max_length=20)]
    claim: Code | None = Field(None, description="The claim of options that have a value and no claim of their own.")


class Multiple(Item):
    """Several options may be right: a box for each."""

    type: Literal["multiple"]
    options: Annotated[list[Option], Field(min_length=2, max_length=20)]
    claim: Code | None = Field(None, description="The claim of options that have a value and no claim of their own.")


class Numeric(Item):
    """A number to type."""

    type: Literal["numeric"]
    answer: Number


class Order(Item):
    """Lines to put in order; they are written in the right one."""

    type: Literal["order"]
    entries: Annotated[list[Entry], Field(min_length=2, max_length=8)]
    by: Code | None = Field(None, description="About `answer`, the value of each entry: they are in order if it rises.")
    feedback: Text
    otherwise: Text


class Match(Item):
    """Right sides to choose for left sides."""

    type: Literal["match"]
    pairs: Annotated[list[Pair], Field(min_length=2, max_length=8)]
    others: Annotated[list[Other], Field(max_length=6)] = Field([])
    claim: Code | None = Field(None, description="About `left` and `right`: holds for the pairs and for no others.")
    feedback: Text
    otherwise: Text


class Cloze(Item):
    """A text with blanks: `[[name]]` in the stem."""

    type: Literal["cloze"]
    blanks: Annotated[dict[str, Blank], Field(min_length=1, max_length=8)]

    @model_validator(mode="after")
    def blanks_of_the_stem(self) -> Cloze:
        """Each blank stands once in the stem, and the stem has no other."""
        named = BLANK.findall(self.stem)
        if sorted(named) != sorted(self.blanks):
            raise ValueError(f"the stem has the blanks {sorted(named)}, `blanks` describes {sorted(self.blanks)}")
        return self


class CodeOutput(Item):
    """What a listing prints: typed, or chosen among options. The listing is run, and its output is the key."""

    type: Literal["code-output"]
    code: Code
    options: Annotated[list[Printed], Field(min_length=2, max_length=12)] | None = None
    wrong: list[WrongText] = Field([])
    feedback: Text | None = None
    otherwise: Text | None = None

    @model_validator(mode="after")
    def one_way_to_answer(self) -> CodeOutput:
        """Either options, or texts for what is typed."""
        if self.options is None and (self.feedback is None or self.otherwise is None):
            raise ValueError("without options, give feedback and otherwise")
        if self.options is not None and (self.wrong or self.feedback or self.otherwise):
            raise ValueError("options have their own feedback: take away wrong, feedback and otherwise")
        return self


AnyItem = Annotated[Single | Multiple | Numeric | Order | Match | Cloze | CodeOutput, Field(discriminator="type")]


class BankModel(Model):
    """A file of `quizzes/`."""

    title: Annotated[str, Field(min_length=1, max_length=100)]
    mode: Literal["practice", "exam"] = "practice"
    pass_mark: Annotated[float, Field(ge=0, le=1, strict=False, alias="pass")] = 0.7
    attempts: Annotated[int, Field(ge=1, le=100)] | None = None
    shuffle: bool = True
    released: Annotated[int, Field(ge=1, le=MAX_VARIANTS)] = Field(
        5, description="Variants of an item that students receive; all of them are proved and can be exported."
    )
    note: Text | None = Field(None, description="Shown above the questions.")
    calculator: Calculator | None = Field(
        None, description="What one needs, which is said above the questions; typed numbers may ask for no more."
    )
    given: Code | None = Field(None, description="Runs before the `given` of each item.")
    bound: Literal["required"] | None = Field(
        None, description="Whether every option's text is to be bound to its claim, or signed after reading."
    )
    items: Annotated[list[AnyItem], Field(min_length=1)]

    @model_validator(mode="after")
    def groups_agree(self) -> BankModel:
        """Ids are unique, and items of one group are worth the same."""
        ids = [item.id for item in self.items]
        twice = sorted({name for name in ids if ids.count(name) > 1})
        if twice:
            raise ValueError(f"the id {twice[0]} stands there twice")
        for name in {item.group for item in self.items if item.group}:
            points = {item.points for item in self.items if item.group == name}
            if len(points) > 1:
                raise ValueError(f"the items of group {name} are worth {sorted(points)} points; make them equal")
            core = [item.id for item in self.items if item.group == name and item.core]
            if len(core) > 1:
                raise ValueError(f"the group {name} has {len(core)} core items, {' and '.join(core)}; mark one")
        return self

    def groups(self) -> tuple[tuple[str, ...], ...]:
        """Ids by group, in the order of the file, the core item of each first; an item without a group is alone."""
        pools: dict[str, list[AnyItem]] = {}
        for item in self.items:
            pools.setdefault(f"group {item.group}" if item.group else item.id, []).append(item)
        return tuple(tuple(item.id for item in sorted(pool, key=lambda one: not one.core)) for pool in pools.values())


DEFAULT_CREDIT: dict[str, Rule] = {
    "single": "all-or-nothing",
    "multiple": "right-minus-wrong",
    "numeric": "all-or-nothing",
    "order": "per-part",
    "match": "per-part",
    "cloze": "per-part",
    "code-output": "all-or-nothing",
}


def credit_of(item: Item) -> Rule:
    """The rule that an item names, else the default of its type."""
    kind: str = item.type  # type: ignore[attr-defined]
    return item.credit or DEFAULT_CREDIT[kind]
