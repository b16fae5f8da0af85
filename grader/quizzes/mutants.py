"""Mutants of an item: its texts exchanged, a digit, a word or a sign in a right one changed. Each is to be untrue.

The proof of a mutant that goes through tells what of the item's texts nothing binds to its claims. The idea is that of
mutation testing (DeMillo, Lipton and Sayward, 1978), turned from programs to sentences.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from grader.quizzes.lexicon import OPPOSITE
from grader.quizzes.model import AnyItem, Cloze, Match, Multiple, Numeric, Order, Single
from grader.quizzes.parts import Choice, Number, Option

MOST = 12  # changes of one text
FILLED = re.compile(r"\{\{ .+? \}\}")
FORMAT = re.compile(r":[^:{}'\"\]]* \}\}$")
MATHS = re.compile(r"\$[^$]+\$|\{\{ .+? \}\}")
DIGIT = re.compile(r"(?<![A-Za-z_])\d+")
SIGN = re.compile(r"(?<=[\w\s)}])[-−+<>](?=[\s\w({\\])")
TURNED = {"-": "+", "−": "+", "+": "-", "<": ">", ">": "<"}
TURNING = re.compile(
    rf"(?<![\w\\])(?:{'|'.join(map(re.escape, sorted(OPPOSITE, key=len, reverse=True)))})(?!\w)", re.IGNORECASE
)


@dataclass(frozen=True)
class Mutant:
    """An item with a change, which is told in words, and the places of the item whose binding it tries."""

    name: str
    places: tuple[str, ...]
    item: AnyItem


def mutants(item: AnyItem) -> Iterator[Mutant]:
    """All mutants of an item, always in the same order."""
    if isinstance(item, Single | Multiple):
        for name, places, options in _of_options(item.options, "options"):
            yield Mutant(name, places, item.model_copy(update={"options": options}))
    elif isinstance(item, Numeric):
        for name, number in _of_number(item.answer):
            yield Mutant(name, ("answer",), item.model_copy(update={"answer": number}))
    elif isinstance(item, Order):
        for first, entries in _exchanged(item.entries, "text"):
            name = f"the texts of entries {first + 1} and {first + 2} exchanged"
            yield Mutant(name, ("entries",), item.model_copy(update={"entries": entries}))
    elif isinstance(item, Match):
        for name, pairs in _of_pairs(item):
            yield Mutant(name, ("pairs",), item.model_copy(update={"pairs": pairs}))
    elif isinstance(item, Cloze):
        for blank, content in item.blanks.items():
            for name, places, changed in _of_blank(content, f"blanks/{blank}"):
                yield Mutant(name, places, item.model_copy(update={"blanks": item.blanks | {blank: changed}}))


def _of_options(options: list[Option], here: str) -> Iterator[tuple[str, tuple[str, ...], list[Option]]]:
    keys = [place for place, option in enumerate(options) if not option.misconception]
    for key in keys:
        for other in (place for place in range(len(options)) if place not in keys):
            for field in ("text", "value"):
                if getattr(options[key], field) != getattr(options[other], field):
                    name = f"the {field}s of options {key + 1} and {other + 1} exchanged"
                    yield name, (f"{here}/{key}", f"{here}/{other}"), _swapped(options, key, other, field)
        for name, text in altered(options[key].text):
            changed = options[key].model_copy(update={"text": text})
            yield f"{name} in option {key + 1}", (f"{here}/{key}",), _with(options, key, changed)


def _of_number(number: Number) -> Iterator[tuple[str, Number]]:
    if number.claim is None or not isinstance(number.value, str):
        return
    for name, text in altered(f"{{{{ {number.value.strip()} }}}}"):
        yield f"{name} in the value", number.model_copy(update={"value": text[3:-3]})


def _of_pairs(item: Match) -> Iterator[tuple[str, Any]]:
    for side in ("left", "right"):
        for first, pairs in _exchanged(item.pairs, side):
            yield f"the {side} sides of pairs {first + 1} and {first + 2} exchanged", pairs
    for place, pair in enumerate(item.pairs):
        for name, text in altered(pair.left):
            yield f"{name} in pair {place + 1}", _with(item.pairs, place, pair.model_copy(update={"left": text}))


def _of_blank(blank: Any, here: str) -> Iterator[tuple[str, tuple[str, ...], Any]]:
    if isinstance(blank, Choice):
        for name, places, options in _of_options(blank.options, f"{here}/options"):
            yield f"{name} of {here}", places, blank.model_copy(update={"options": options})
    elif isinstance(blank, Number):
        for name, number in _of_number(blank):
            yield f"{name} of {here}", (here,), number


def _exchanged(things: Sequence[Any], field: str) -> Iterator[tuple[int, list[Any]]]:
    """The things with this field of two neighbours exchanged, for each place."""
    for first in range(len(things) - 1):
        if getattr(things[first], field) != getattr(things[first + 1], field):
            yield first, _swapped(things, first, first + 1, field)


def _swapped(things: Sequence[Any], first: int, second: int, field: str) -> list[Any]:
    a, b = things[first], things[second]
    changed = _with(things, first, a.model_copy(update={field: getattr(b, field)}))
    return _with(changed, second, b.model_copy(update={field: getattr(a, field)}))


def _with(things: Sequence[Any], place: int, thing: Any) -> list[Any]:
    return [*things[:place], thing, *things[place + 1 :]]


def altered(text: str) -> Iterator[tuple[str, str]]:
    """A text with one thing in it turned round: what, in words, and the text. No more than `MOST`."""
    found = [*_digits(text), *_words(text), *_signs(text)]
    for start, end, new in sorted(found)[:MOST]:
        around = text[max(0, start - 12) : min(len(text), end + 8)].strip()
        yield f"{text[start:end]!r} made {new!r} (near {around!r})", text[:start] + new + text[end:]


def _digits(text: str) -> Iterator[tuple[int, int, str]]:
    formats = [range(*_format(match)) for match in FILLED.finditer(text)]
    for match in DIGIT.finditer(text):
        if not any(match.start() in inside for inside in formats):
            number = match.group()
            yield match.start(), match.end(), number[:-1] + str((int(number[-1]) + 1) % 10)


def _format(match: re.Match[str]) -> tuple[int, int]:
    """Where the format of a `{{ number:.2f }}` stands."""
    found = FORMAT.search(match.group())
    return (match.start() + found.start(), match.end()) if found else (0, 0)


def _words(text: str) -> Iterator[tuple[int, int, str]]:
    filled = [range(*match.span()) for match in MATHS.finditer(text)]
    for match in TURNING.finditer(text):
        if not any(match.start() in inside for inside in filled):
            yield match.start(), match.end(), OPPOSITE[match.group().lower()]


def _signs(text: str) -> Iterator[tuple[int, int, str]]:
    for maths in MATHS.finditer(text):
        for match in SIGN.finditer(text, *maths.span()):
            yield match.start(), match.end(), TURNED[match.group()]
