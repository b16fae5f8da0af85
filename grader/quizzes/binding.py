"""What ties each option's text to its claim: the engine, a reader who signed, a source, or nothing.

An option is *bound* where its text makes statements, or shows the `answer` that the claim is about, and where no mutant
of it goes through (`grader.quizzes.mutants`). Of what is prose, somebody says that it means what its claim computes
(`means`), and signs that (`grader.quizzes.signing`). What a source decides is *cited*.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from grader.quizzes.asking import place_of
from grader.quizzes.definitions import Definitions, compares_with_itself, definitions, expressions, overlooked
from grader.quizzes.evaluated import Evaluated
from grader.quizzes.load import Fault, Loaded
from grader.quizzes.model import AnyItem, Cloze, CodeOutput, Match, Multiple, Numeric, Order, Single
from grader.quizzes.mutants import mutants
from grader.quizzes.parts import Choice, Number, Option, Words
from grader.quizzes.reading import statements
from grader.quizzes.signing import Signed, content_hash
from grader.quizzes.truth import of_variant

Tie = Literal["bound", "signed", "cited", "neither"]
TIES: tuple[Tie, ...] = ("bound", "signed", "cited", "neither")
NEAR = 0.01


@dataclass(frozen=True)
class Place:
    """Something to choose, tick, order, match or type, or all of them where they can only be read together.

    `path` is where it stands, `count` how many it is, `tie` what is tried first, `means` whether it says what it means.
    """

    path: str
    tie: Tie
    count: int = 1
    means: bool = False


@dataclass(frozen=True)
class Bindings:
    """What came of one item: its places with their ties, and the mutants that went through, by place."""

    item: AnyItem
    places: tuple[Place, ...]
    survivors: Mapping[str, tuple[str, ...]]
    tried: int

    def names(self) -> tuple[str, ...]:
        """The mutants that went through, each once, those of signed texts too."""
        return tuple(dict.fromkeys(name for names in self.survivors.values() for name in names))

    def counts(self) -> Counter[str]:
        """How many are bound, signed, cited, and neither."""
        return Counter({tie: sum(place.count for place in self.places if place.tie == tie) for tie in TIES})


def places(item: AnyItem) -> Iterator[Place]:
    """All places of an item, each with the tie that its form promises."""
    if isinstance(item, Single | Multiple):
        yield from _options(item, item.options, item.claim, "options")
    elif isinstance(item, Numeric):
        yield _typed("answer", item.answer)
    elif isinstance(item, Order):
        valued = all(entry.value is not None for entry in item.entries)
        shown = item.by and all(_shows("answer", entry.text) for entry in item.entries)
        tie: Tie = "cited" if not valued else "bound" if shown else "neither"
        yield Place("entries", tie, len(item.entries), item.means is not None)
    elif isinstance(item, Match):
        read = all(_shows("left", pair.left) or (item.words and statements(pair.left)) for pair in item.pairs)
        shown = all(_shows("right", pair.right) for pair in item.pairs)
        decided = item.claim is not None or (item.words and all(statements(pair.left) for pair in item.pairs))
        tie = "cited" if not decided else "bound" if read and shown else "neither"
        yield Place("pairs", tie, len(item.pairs) + len(item.others), item.means is not None)
    elif isinstance(item, Cloze):
        for name, blank in item.blanks.items():
            if isinstance(blank, Choice):
                yield from _options(item, blank.options, blank.claim, f"blanks/{name}/options")
            else:
                yield _typed(f"blanks/{name}", blank)
    elif isinstance(item, CodeOutput):
        yield Place("code", "bound", len(item.options) if item.options else 1 + len(item.wrong))


def _options(item: AnyItem, options: list[Option], shared: str | None, here: str) -> Iterator[Place]:
    for number, option in enumerate(options):
        says = bool(item.words and statements(option.text))
        claim = option.claim or (shared if option.value is not None else None)
        tie: Tie = "neither"
        if claim is None and not says:
            tie = "cited" if item.source else "neither"
        elif says or (option.value is not None and _shows("answer", option.text)):
            tie = "bound"
        yield Place(f"{here}/{number}", tie, 1, option.means is not None)


def _typed(path: str, typed: Number | Words) -> Place:
    known = 1 if isinstance(typed, Number) else len(typed.answers)
    return Place(path, "cited" if typed.claim is None else "bound", known + len(typed.wrong))


def _shows(name: str, text: str) -> bool:
    return any(re.search(rf"\b{name}\b", shown) for shown in expressions(text))


def bindings(bank: Loaded, item: AnyItem, one: Evaluated | None, signed: Signed) -> Bindings:
    """What ties the texts of an item; `one` is its first variant with its mutants, None where none was evaluated."""
    survived: dict[str, list[str]] = {}
    tried = 0
    for number, mutant in enumerate(mutants(item) if one is not None and not one.broken else ()):
        found = one.mutants.get(str(number)) if one is not None else None
        if one is None or found is None or not _differs(one, found):
            continue
        tried += 1
        if _goes_through(mutant.item, one, found):
            for path in mutant.places:
                survived.setdefault(path, []).append(mutant.name)
    own = signed.get(item.id, {})
    tied = []
    for place in places(item):
        tie = place.tie
        is_signed = own.get(place.path) == content_hash(bank, item, place.path) if place.path in own else False
        if tie == "bound" and place.path in survived:
            tie = "neither"
        if tie == "neither" and is_signed and place.means:
            tie = "signed"
        elif tie == "cited" and not is_signed and bank.model.bound:
            tie = "neither"
        tied.append(replace(place, tie=tie))
    return Bindings(item, tuple(tied), {path: tuple(names) for path, names in survived.items()}, tried)


def _differs(one: Evaluated, found: Mapping[str, object]) -> bool:
    """Whether a student would see another text, or a value of another size."""
    seen = [path for path in found if path.endswith(("/text", "/left", "/right", "/value"))]
    return any(not _near(one.results.get(path), found[path]) for path in seen)


def _near(a: object, b: object) -> bool:
    """Whether two texts are the same, or two values as near as typed answers are."""
    if isinstance(a, float) and isinstance(b, float):
        return abs(a - b) <= NEAR * max(abs(a), abs(b))
    return a == b


def _goes_through(mutant: AnyItem, one: Evaluated, found: Mapping[str, object]) -> bool:
    """Whether nothing is found untrue in a mutant; what broke was noticed."""
    if any(result is None for result in found.values()):
        return False
    return not any(True for _ in of_variant(mutant, replace(one, results={**one.results, **found}), idle=False))


def binding_faults(bank: Loaded, bound: Bindings) -> Iterator[Fault]:
    """What a bank that asks for it has to have bound or signed, and what of it is not."""
    item = bound.item
    for place in bound.places:
        if place.tie == "neither":
            yield bank.fault(item, _why(bank, bound, place), *place_of(place.path))
    known = definitions(bank.model.given, item.given)
    read = {place.path for place in bound.places if place.tie == "signed"}
    for path, text, claim, value in _claims(item):
        shown = "" if path in read else text
        yield from (bank.fault(item, message, *place_of(path)) for message in _idle(shown, claim, value, known))


def _why(bank: Loaded, bound: Bindings, place: Place) -> str:
    sign = f"`grader quiz sign {bank.name} --item {bound.item.id}`"
    gone = bound.survivors.get(place.path, ())
    if next(one for one in places(bound.item) if one.path == place.path).tie == "cited":
        return f"what a source decides is signed by who has read both: {sign}"
    if place.means:
        return f"it is not signed as it stands now: read its text, claim and `means`, then {sign}"
    if gone:
        more = f", and {len(gone) - 1} more" if len(gone) > 1 else ""
        return f"a change of its text goes unnoticed: {gone[0]}{more}; bind that too, or say `means` and sign it"
    return f"nothing binds its text to its claim: make ((statements)), show `answer`, or say `means` and {sign}"


def _claims(item: AnyItem) -> Iterator[tuple[str, str, str, str | None]]:
    """The claims of options: their path, text, code, and the code of their value."""
    sets: Sequence[tuple[str, list[Option], str | None]] = ()
    if isinstance(item, Single | Multiple):
        sets = [("options", item.options, item.claim)]
    elif isinstance(item, Cloze):
        sets = [
            (f"blanks/{name}/options", blank.options, blank.claim)
            for name, blank in item.blanks.items()
            if isinstance(blank, Choice)
        ]
    elif isinstance(item, Numeric) and item.answer.claim and isinstance(item.answer.value, str):
        yield "answer", "", item.answer.claim, item.answer.value
    for here, options, shared in sets:
        for number, option in enumerate(options):
            claim = option.claim or (shared if option.value is not None else None)
            if claim:
                value = option.value if isinstance(option.value, str) else None
                yield f"{here}/{number}", option.text, claim, value


def _idle(text: str, claim: str, value: str | None, known: Definitions) -> Iterator[str]:
    if compares_with_itself(claim, known, value):
        yield "this claim compares something with itself, seen through the names of `given`"
    for expression in expressions(text):
        missed = overlooked(expression, f"({claim}, {value or 0})", known)
        if missed:
            yield f"its text shows {', '.join(sorted(missed))}, which its claim does not look at"
