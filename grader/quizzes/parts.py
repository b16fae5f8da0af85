"""What items of a bank are made of: texts, options, numbers, blanks and pairs, checked as far as shape goes."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
Rule = Literal["all-or-nothing", "right-minus-wrong", "per-part"]
Bloom = Literal["remember", "understand", "apply", "analyse", "evaluate", "create"]


def _name(text: str) -> str:
    if not NAME.fullmatch(text):
        raise ValueError("write lower-case words joined by hyphens, such as loss-falls-with-u")
    return text


Name = Annotated[str, AfterValidator(_name), Field(max_length=60)]
Family = Annotated[str, AfterValidator(_name), Field(max_length=60, description="One of the course's families.")]
Text = Annotated[str, Field(min_length=1, max_length=5000, description="Markdown with $maths$ and {{ expressions }}.")]
Code = Annotated[str, Field(min_length=1, max_length=5000, description="Python, run once for each variant.")]
Value = Annotated[str | int | float, Field(description="A number, or a Python expression that gives one.")]
Means = Annotated[str, Field(min_length=10, max_length=500)]
Phrases = Annotated[
    dict[Annotated[str, Field(min_length=2, max_length=80)], Code],
    Field(description="What ((statements)) speak of: words, and the Python that computes what they stand for."),
]


class Model(BaseModel):
    """No unknown keys, no silent conversions, no changes afterwards."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Figure(Model):
    """A plot drawn by a function of `quizzes/figures.py`."""

    draw: Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]*$", description="A function of quizzes/figures.py.")]
    args: dict[str, str | int | float | bool] = Field({}, description="Its arguments; {{ beta }} alone is the value.")
    alt: Text = Field(description="What the plot shows, for those who do not see it, without giving the key away.")


class Review(Model):
    """Where to read again."""

    label: Text
    href: str = Field(
        max_length=300,
        pattern=r"^(?:\.\./)?[\w./-]+(?:#[^\s#<>\"]+)?$",
        description="A path from the lab, # and a heading with hyphens for spaces.",
    )


class Option(Model):
    """One option. It is a distractor if it names a misconception, else a key; the claim must say the same."""

    text: Text
    feedback: Text
    claim: Code | None = Field(None, description="Holds for a key, fails for a distractor.")
    value: Value | None = Field(None, description="Bound to the name `answer` in this option's text and claim.")
    key: Literal[True] | None = Field(None, description="A key that no code can decide; the item cites its source.")
    misconception: Annotated[str, Field(min_length=3, max_length=200)] | None = None
    fixed: bool = Field(False, description="Keeps its place when the others are shuffled.")
    means: Means | None = Field(None, description="What the claim computes, in words: for texts that nothing reads.")


class WrongValue(Model):
    """A wrong number that a known mistake gives."""

    value: Value
    misconception: Annotated[str, Field(min_length=3, max_length=200)]
    feedback: Text


class WrongText(Model):
    """A wrong text that a known mistake gives."""

    text: Annotated[str, Field(min_length=1, max_length=1000)]
    misconception: Annotated[str, Field(min_length=3, max_length=200)]
    feedback: Text


class Number(Model):
    """A number to type."""

    kind: Literal["number"] = "number"
    value: Value
    decimals: Annotated[int, Field(ge=0, le=8, description="Answers are rounded to that many.")]
    tolerance: Value | None = Field(None, description="Accepted distance; half a unit of the last decimal by default.")
    unit: Annotated[str, Field(max_length=40)] = ""
    claim: Code | None = Field(None, description="About the name `answer`: holds for the value, fails for wrong ones.")
    wrong: list[WrongValue] = []
    feedback: Text
    otherwise: Text = Field(description="For every other answer.")
    label: Text = "Answer"


OPEN = "(imported; say what is right)"
"""Stands among the answers of a text that was imported without its key; no bank that holds it is true."""


class Words(Model):
    """A short text to type."""

    kind: Literal["text"]
    answers: Annotated[list[Annotated[str, Field(min_length=1, max_length=200)]], Field(min_length=1)]
    case: bool = Field(False, description="Whether capitals count.")
    claim: Code | None = Field(None, description="About the name `answer`: holds for answers, fails for wrong ones.")
    wrong: list[WrongText] = []
    feedback: Text
    otherwise: Text
    label: Text = "Answer"


class Choice(Model):
    """A choice in a blank."""

    kind: Literal["choice"]
    options: Annotated[list[Option], Field(min_length=2, max_length=20)]
    claim: Code | None = Field(None, description="The claim of options that have a value and no claim of their own.")
    label: Text = "Answer"


Blank = Annotated[Number | Words | Choice, Field(discriminator="kind")]


class Measured(Model):
    """What a class showed of an item, written by `grader quiz analyse LAB --update`."""

    share: Annotated[float, Field(ge=0, le=1, strict=False, description="The mean share of the item's points.")]
    students: Annotated[int, Field(ge=1)]


class Entry(Model):
    """One line to put in order."""

    text: Text
    value: Value | None = Field(None, description="Entries are in order if their values rise.")


class Pair(Model):
    """A left side and the right side that belongs to it."""

    left: Text
    right: Text
    left_value: Value | None = None
    right_value: Value | None = None


class Other(Model):
    """A right side that belongs to no left side."""

    text: Text
    value: Value | None = None


class Printed(Model):
    """An option of a code-output item: it is right if the code prints it."""

    text: Annotated[str, Field(min_length=1, max_length=1000, description="Output, as printed; {{ }} is filled in.")]
    feedback: Text
    misconception: Annotated[str, Field(min_length=3, max_length=200)] | None = None
