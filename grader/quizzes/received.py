"""What students receive, looked at as they see it: the variants that are released, and what a reader could go by.

`grader.quizzes.lint` looks at one variant at a time; here stands what several of them, or a whole bank, give away.
"""

from __future__ import annotations

import html
import json
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import combinations
from math import comb
from pathlib import Path

from grader.quizzes.load import Fault, Loaded
from grader.quizzes.model import AnyItem
from grader.quizzes.own import course_of
from grader.quizzes.rendered import RenderedBank, RenderedItem, RenderedPart, RenderedVariant

NEGATIVE_ZERO = re.compile(r"(?<![\w.)\]])(?<![\d)\]]\s)[-−]\s?0(?:[.,]0+)?(?![\w.,]*\d)")
NUMBER = re.compile(r"[-−]?\d+(?:\.\d+)?")
NEAR = 0.01  # numbers nearer than that, by their size, differ by rounding to a reader
CHANCE = 0.01  # what is less likely than that by chance is no chance
FEW = 4  # released variants below which no answer can be said to prevail
ABSOLUTE = re.compile(r"\b(?:always|never|any|all|none|no|only|every|nothing|nobody|whatever)\b", re.IGNORECASE)
OF_THE_ABOVE = re.compile(r"\b(?:all|none|both|neither) of (?:the above|these|them)\b", re.IGNORECASE)
LABEL = re.compile(r"Lab (\d\d), sections? (\d+)[^:]*: (.+)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def received_faults(bank: Loaded, rendered: RenderedBank, of_all: bool) -> list[Fault]:
    """All faults of what students receive: of items, and with `of_all` of the bank as a whole."""
    items = {item.id: item for item in bank.model.items}
    faults = []
    for shown in rendered.items:
        item = items[shown.id]
        released = shown.variants[: bank.model.released]
        found = [*_zeros(shown), *_near(shown), *_prevailing(shown, released), *_above(shown)]
        faults += [bank.fault(item, message) for message in dict.fromkeys(found)]
        faults += [bank.fault(item, message, "review") for message in _review(bank, item)]
    if of_all:
        faults += [bank.fault(None, message, "items") for message in _absolute(rendered)]
    return faults


def _texts(variant: RenderedVariant) -> Iterator[str]:
    yield variant.plain
    yield variant.alt
    for part in variant.parts:
        yield from (option.plain for option in part.options)
        yield from (option.feedback for option in part.options)
        yield from (answer.feedback for answer in part.answers)


def _zeros(item: RenderedItem) -> Iterator[str]:
    for variant in item.variants:
        for text in _texts(variant):
            if found := NEGATIVE_ZERO.search(_without_tags(text)):
                yield f"a text shows {found.group()!r}: add 0.0 to what is rounded, so that zero has no sign"


def _without_tags(text: str) -> str:
    shown = re.sub(r"<annotation.*?</annotation>|<img[^>]*>|<[^>]+>", " ", text, flags=re.DOTALL)
    return " ".join(html.unescape(shown).split())


def _near(item: RenderedItem) -> Iterator[str]:
    """Options that read the same but for numbers that hardly differ."""
    for variant in item.variants:
        for part in _sets(item, variant):
            for a, b in combinations(part.options, 2):
                first, second = NUMBER.findall(a.plain), NUMBER.findall(b.plain)
                if a.plain == b.plain or NUMBER.sub("#", a.plain) != NUMBER.sub("#", b.plain):
                    continue
                if all(_close(x, y) for x, y in zip(first, second, strict=True)):
                    yield f"two options hardly differ: {a.plain[:40]!r} and {b.plain[:40]!r}"


def _close(a: str, b: str) -> bool:
    x, y = (float(one.replace("−", "-")) for one in (a, b))
    whole = "." not in a and "." not in b
    return x == y or (not whole and abs(x - y) <= NEAR * max(abs(x), abs(y)))


def _sets(item: RenderedItem, variant: RenderedVariant) -> Iterator[RenderedPart]:
    if item.type in ("single", "multiple", "cloze", "code-output"):
        yield from (part for part in variant.parts if part.options)


def _prevailing(item: RenderedItem, released: tuple[RenderedVariant, ...]) -> Iterator[str]:
    """An answer that changes from variant to variant, and yet is the same in most of those that are released."""
    if len(released) < FEW or item.type in ("order", "match", "multiple"):
        return
    for place in range(len(released[0].parts)):
        keys = [_key(variant.parts[place]) for variant in item.variants]
        answer, often = Counter(keys[: len(released)]).most_common(1)[0]
        if len(set(keys)) > 1 and often > len(released) / 2:
            yield (
                f"the answer is {answer[:40]!r} in {often} of the {len(released)} released variants: "
                "let it depend on `variant` in another way"
            )


def _key(part: RenderedPart) -> str:
    if part.options:
        return " | ".join(option.plain for option in part.options if option.true)
    return next((answer.answer for answer in part.answers if answer.credit), "")


def _above(item: RenderedItem) -> Iterator[str]:
    for variant in item.variants[:1]:
        for part in variant.parts:
            for option in part.options:
                if OF_THE_ABOVE.search(option.plain):
                    yield f"an option speaks of the others, which are mixed: {option.plain[:50]!r}"


def _review(bank: Loaded, item: AnyItem) -> Iterator[str]:
    """A review link that leads to no heading of its lab, or is called by another one than it leads to."""
    course = course_of(bank.path)
    if course is None or item.review is None:
        return
    lab, _, anchor = item.review.href.partition("#")
    notebook = (course.labs / item.lab.partition("#")[0] / lab).resolve()
    if not notebook.is_file():
        yield f"review: there is no {notebook.name} where {lab} leads"
        return
    known = headings(notebook, notebook.stat().st_mtime_ns)
    if anchor and anchor not in known:
        near = ", ".join(sorted(known, key=lambda one: -len(set(one) & set(anchor)))[:2])
        yield f"review: {notebook.name} has no heading {anchor!r}; like it: {near}"
    elif anchor and (said := LABEL.fullmatch(item.review.label)):
        heading = re.sub(r"[`$\\]", "", known[anchor]).casefold()
        number, words = said[2], re.sub(r"[`$\\]", "", said[3]).casefold()
        if heading[:1].isdigit() and (not heading.startswith(f"{number} ·") or words not in heading):
            yield f"review: the label says {said[2]}: {said[3]!r}, the heading is {known[anchor]!r}"


@cache
def headings(notebook: Path, _changed: int) -> dict[str, str]:
    """The headings of a notebook by the name that JupyterLab gives them: hyphens for spaces, no marks of code."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]  # as `grader build` wrote it
    text = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    return {one.replace("`", "").replace(" ", "-"): one for one in HEADING.findall(text)}


def _absolute(bank: RenderedBank) -> Iterator[str]:
    """Absolute words so much more often in distractors than in keys, or the other way round, that they give away."""
    counts: Counter[tuple[bool, bool]] = Counter()
    for item in bank.items:
        if item.type in ("single", "multiple"):
            for option in (option for part in item.variants[0].parts for option in part.options):
                counts[option.true, bool(ABSOLUTE.search(option.plain))] += 1
    keys, others = ([counts[true, False], counts[true, True]] for true in (True, False))
    marked, total = keys[1] + others[1], sum(keys) + sum(others)
    if not marked or marked == total:
        return
    for name, (_, with_word), size in (("keys", keys, sum(keys)), ("distractors", others, sum(others))):
        if _tail(with_word, size, marked, total) < CHANCE:
            yield f"absolute words (all, never, only …) stand in {with_word} of {size} {name}, where a reader sees them"


def _tail(found: int, drawn: int, marked: int, total: int) -> float:
    """The probability of at least `found` marked ones among so many drawn: the hypergeometric upper tail."""
    most = min(drawn, marked)
    ways = sum(comb(marked, k) * comb(total - marked, drawn - k) for k in range(found, most + 1))
    return ways / comb(total, drawn)
