"""What makes a true bank a bad quiz: options that are alike, keys that give themselves away, variants that collide."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterator
from math import comb

from grader.quizzes.arithmetic import too_much
from grader.quizzes.asking import place_of
from grader.quizzes.load import Fault, Loaded
from grader.quizzes.model import AnyItem
from grader.quizzes.rendered import RenderedBank, RenderedItem, RenderedPart

MIN_ALT = 20
LONGER = 1.5  # a key that is so many times as long as the longest distractor gives itself away
MIN_LENGTH = 30
CHANCE = 0.01  # what is less likely than that by chance is no chance
EMPTY_ALTS = ("image", "picture", "figure", "plot", "a plot", "graph")
HEAVY = 500_000  # characters
PIXELS = re.compile(r'<img src="data:image/(?:png|jpeg|gif);base64,[^"]*" alt="([^"]*)"')
FILE_NAME = re.compile(r"[\w.-]+\.(?:png|jpe?g|gif|svg|webp|bmp|tiff?)", re.IGNORECASE)


def lint(bank: Loaded, rendered: RenderedBank, of_all: bool = True) -> list[Fault]:
    """All faults of form of the items that are rendered; with `of_all`, of the bank as a whole too."""
    faults: list[Fault] = []
    items = {item.id: item for item in bank.model.items}
    for shown in rendered.items:
        item = items[shown.id]
        found = [
            *_alike(shown),
            *_collisions(shown),
            *_telltale(shown),
            *_alt(item, shown),
            *_wordless(shown),
            *_heavy(shown),
            *(
                (place_of(path), said)
                for path, said in too_much(item, bank.model.calculator, bank.model.given, item.given)
            ),
        ]
        faults += [bank.fault(item, message, *place) for place, message in dict.fromkeys(found)]
    if of_all:
        faults += [bank.fault(None, message, "items") for message in _biases(rendered)]
    return faults


def _choices(item: RenderedItem) -> Iterator[RenderedPart]:
    """Every set of options with one key; of order and match, which share theirs, none."""
    if item.type in ("single", "cloze", "code-output"):
        yield from (part for variant in item.variants for part in variant.parts if part.kind == "choice")


def _alike(item: RenderedItem) -> Iterator[tuple[tuple[str, ...], str]]:
    for variant in item.variants:
        for part in variant.parts:
            seen = Counter(option.html for option in part.options)
            for option in part.options:
                if seen[option.html] > 1:
                    yield (), f"two options read the same: {option.plain[:50]!r} (variant {variant.written})"


def _collisions(item: RenderedItem) -> Iterator[tuple[tuple[str, ...], str]]:
    seen: dict[object, int] = {}
    for variant in item.variants:
        looks = (variant.stem, tuple((part.label, tuple(o.html for o in part.options)) for part in variant.parts))
        if looks in seen:
            first, second = sorted((seen[looks], variant.written))
            yield ("variants",), f"variants {first} and {second} collide: a student sees the same"
        seen.setdefault(looks, variant.written)


def _telltale(item: RenderedItem) -> Iterator[tuple[tuple[str, ...], str]]:
    for part in _choices(item):
        keys = [len(option.plain) for option in part.options if option.true]
        others = [len(option.plain) for option in part.options if not option.true]
        if keys and others and keys[0] >= MIN_LENGTH and keys[0] > LONGER * max(others):
            said = f"{keys[0]} characters, the longest distractor {max(others)}"
            yield (), f"the key is tell-tale: it has {said}; shorten it, or say more in the others"


def _alt(item: AnyItem, shown: RenderedItem) -> Iterator[tuple[tuple[str, ...], str]]:
    if item.figure is None:
        return
    for variant in shown.variants:
        alt = " ".join(variant.alt.split())
        if len(alt) < MIN_ALT or alt.lower().rstrip(".") in EMPTY_ALTS:
            yield ("figure", "alt"), f"alt says {alt!r}: tell what the plot shows in at least {MIN_ALT} characters"


def _wordless(shown: RenderedItem) -> Iterator[tuple[tuple[str, ...], str]]:
    """Pictures beside the bank whose words are missing, or say no more than that there is one."""
    texts = [text for variant in shown.variants for text in (variant.stem, *map(_all_html, variant.parts))]
    for alt in dict.fromkeys(html.unescape(said) for text in texts for said in PIXELS.findall(text)):
        if alt.lower().strip(" .") in ("", *EMPTY_ALTS) or FILE_NAME.fullmatch(alt):
            yield (), f"a picture has the words {alt!r}: tell in ![…] what it shows, without giving the key away"


def _heavy(shown: RenderedItem) -> Iterator[tuple[tuple[str, ...], str]]:
    """Pictures in feedback, each of which is as long as all that is sealed of its item."""
    parts = [part for variant in shown.variants for part in variant.parts]
    said = [answer.feedback for part in parts for answer in part.answers] + [part.other for part in parts]
    longest = max(map(len, [*said, *(option.feedback for part in parts for option in part.options)]), default=0)
    if longest > HEAVY:
        told = f"a feedback has pictures of {longest // 1000} kB, and all of an item's is sealed to one length"
        yield (), f"{told}: make them smaller"


def _all_html(part: RenderedPart) -> str:
    shown = [part.label, part.other, *(text for option in part.options for text in (option.html, option.feedback))]
    return " ".join([*shown, *(answer.feedback for answer in part.answers)])


def _biases(bank: RenderedBank) -> Iterator[str]:
    """Keys that are too often the longest option, or too often at one place, over the bank's items with one key."""
    parts = [next(_choices(item)) for item in bank.items if any(True for _ in _choices(item))]
    parts = [part for part in parts if sum(option.true for option in part.options) == 1]
    if not parts:
        return
    chance = sum(1 / len(part.options) for part in parts) / len(parts)
    longest = sum(_key_is_longest(part) for part in parts)
    if _tail(longest, len(parts), chance) < CHANCE:
        yield f"the key is the longest option in {longest} of {len(parts)} items: lengthen distractors, shorten keys"
    places = Counter(next(n for n, option in enumerate(part.options) if option.true) for part in parts)
    for place, count in places.items():
        if _tail(count, len(parts), chance) < CHANCE:
            yield f"the key is written at place {place + 1} in {count} of {len(parts)} items: mix the places"


def _key_is_longest(part: RenderedPart) -> bool:
    lengths = [len(option.plain) for option in part.options]
    key = next(n for n, option in enumerate(part.options) if option.true)
    return lengths[key] == max(lengths) and lengths.count(lengths[key]) == 1


def _tail(count: int, total: int, chance: float) -> float:
    """The probability of at least `count` successes in `total` tries: the upper tail of the binomial distribution."""
    return sum(comb(total, k) * chance**k * (1 - chance) ** (total - k) for k in range(count, total + 1))
