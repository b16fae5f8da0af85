"""The formats that a bank can be written in, what each can carry, and what is lost on the way."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from importlib.resources import files
from typing import Literal, get_args

import grader.formats as package
from grader.formats.model.places import Place, pictured
from grader.quizzes.rendered import RenderedBank, RenderedItem

Feature = Literal[
    "pools",
    "feedback",
    "option feedback",
    "partial credit",
    "maths",
    "code",
    "figures",
    "shuffle",
    "fixed options",
    "tags",
    "tolerance",
    "points",
]
FEATURES: tuple[Feature, ...] = get_args(Feature)
WRITER = re.compile(r"grader\.formats\.\w+\.write(_\w+)?")  # modules that register writers: write.py, write_NAME.py
TYPES = ("single", "multiple", "numeric", "order", "match", "cloze", "code-output")


@dataclass(frozen=True)
class Loss:
    """Something that a format cannot carry: of an item (or of the whole bank, then `item` is empty) a field."""

    item: str
    field: str
    said: str


@dataclass
class Losses:
    """Collects losses; the same one counts once."""

    found: dict[Loss, None] = field(default_factory=dict)

    def add(self, item: str, field: str, said: str) -> None:
        """Note that a field of an item was lost, and how. `field` is a type, a Feature, or a field's name."""
        self.found.setdefault(Loss(item, field, said))

    def all(self) -> tuple[Loss, ...]:
        """Every loss, in the order in which they were noted."""
        return tuple(self.found)

    def left_out(self) -> set[str]:
        """The items that are not in the file: those with a loss whose field is a type."""
        return {loss.item for loss in self.found if loss.field in TYPES}


Writer = Callable[[RenderedBank, Losses], bytes]


class NothingCarriedError(ValueError):
    """A format can carry none of a bank's items; `losses` says why, item by item. It crosses processes."""

    def __init__(self, said: str, losses: tuple[Loss, ...]) -> None:
        super().__init__(said, losses)
        self.losses = losses

    def __str__(self) -> str:
        return str(self.args[0])


def nothing_carried(bank: RenderedBank, title: str, losses: Losses) -> NothingCarriedError:
    """The error that says so of a bank and a format."""
    said = f"{bank.bank}: {title} can carry none of its {len(bank.items)} items."
    return NothingCarriedError(said, losses.all())


@dataclass(frozen=True)
class Format:
    """A format: its name on the command line, its title, the end of its files' names, and what it can carry.

    `in_words` names the places in which it shows the words of pictures, and not the pictures.
    """

    name: str
    title: str
    suffix: str
    types: frozenset[str]
    features: frozenset[Feature]
    write: Writer
    in_words: frozenset[Place] = frozenset()

    @property
    def guide(self) -> str:
        """How to import a file of it there, and what changes, in Markdown; it lies beside the writer."""
        return (files(self.write.__module__.rpartition(".")[0]) / f"{self.name}.md").read_text("utf-8")


@dataclass(frozen=True)
class Exported:
    """A bank in one format. `items` counts the items that are in it; without any, there are no bytes."""

    format: str
    file_name: str
    data: bytes
    losses: tuple[Loss, ...]
    items: int


_FORMATS: dict[str, Format] = {}


def exporter(
    name: str,
    *,
    title: str,
    suffix: str,
    types: Iterable[str] = TYPES,
    features: Iterable[Feature] = FEATURES,
    in_words: Iterable[Place] = (),
) -> Callable[[Writer], Writer]:
    """Register a writer: a function from a bank and `Losses` to the bytes of one file.

    Args:
        name: on the command line, such as qti21.
        title: for people.
        suffix: the end of the file's name, such as `.qti21.zip`; the bank's name stands before it.
        types: of items, out of `TYPES`; items of others are left out and reported.
        features: out of `FEATURES`; an item that uses another is written without it, and that is reported.
        in_words: places out of `PLACES` where words stand for pictures, which is reported; of a format with figures.
    """

    def register(write: Writer) -> Writer:
        _FORMATS[name] = Format(name, title, suffix, frozenset(types), frozenset(features), write, frozenset(in_words))
        return write

    return register


def formats() -> Mapping[str, Format]:
    """Every format by name, in the order of their names."""
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if WRITER.fullmatch(module.name):
            importlib.import_module(module.name)
    return dict(sorted(_FORMATS.items()))


def format_named(name: str) -> Format:
    """One format. Raises LookupError, which lists those that there are."""
    known = formats()
    if name not in known:
        raise LookupError(f"no format is called {name!r}; there are: {', '.join(known)}, or all.")
    return known[name]


def export_bank(bank: RenderedBank, name: str) -> Exported:
    """A bank in a format, with everything that the format cannot carry told.

    Raises:
        LookupError: no such format.
        NothingCarriedError: the format can carry none of the items.
    """
    target = format_named(name)
    losses = Losses()
    kept = []
    for item in bank.items:
        if item.type in target.types:
            kept.append(item)
        else:
            losses.add(item.id, item.type, f"{target.title} has no items of this type; it is left out")
    if not kept:
        raise nothing_carried(bank, target.title, losses)
    data = target.write(_only(bank, kept), losses)
    told = {(loss.item, loss.field) for loss in losses.all()}  # a writer's own words say more
    for item in kept:
        for used in sorted(used_features(bank, item) - target.features):
            if (item.id, used) not in told and item.id not in losses.left_out():
                losses.add(item.id, used, f"{target.title} cannot carry it")
        places = sorted(pictured(item) & target.in_words)
        if places and item.id not in losses.left_out():
            losses.add(item.id, "figures", f"pictures in {' and '.join(places)} are their words there")
    return Exported(name, bank.bank + target.suffix, data, losses.all(), len(bank.items) - len(losses.left_out()))


def used_features(bank: RenderedBank, item: RenderedItem) -> frozenset[Feature]:
    """What an item uses of what a format may lack."""
    parts = [part for variant in item.variants for part in variant.parts]
    options = [option for part in parts for option in part.options]
    answers = [answer for part in parts for answer in part.answers]
    texts = [variant.stem for variant in item.variants] + [option.html for option in options]
    texts += [option.feedback for option in options] + [answer.feedback for answer in answers]
    texts += [text for part in parts for text in (part.label, part.other)]
    asks_parts = len(item.variants[0].parts) > 1 or parts[0].kind == "boxes"
    group = next((group for group in bank.groups if item.id in group), (item.id,))
    uses: dict[Feature, bool] = {
        "pools": len(item.variants) > 1 or len(group) > 1,
        "feedback": any(option.feedback for option in options) or any(part.answers for part in parts),
        "option feedback": len({option.feedback for option in options}) > 2 or any(not a.credit for a in answers),
        "partial credit": item.credit != "all-or-nothing" and asks_parts,
        "maths": any("<math" in text for text in texts),
        "code": any("<pre" in text for text in texts),
        "figures": any("<img" in text for text in texts),
        "shuffle": bank.shuffle and len(options) > 1,
        "fixed options": any(option.fixed for option in options),
        "tags": bool(item.objective or item.bloom or item.families),
        "tolerance": any(part.kind == "number" for part in parts),
        "points": item.points != 1,
    }
    return frozenset(name for name, used in uses.items() if used)


def _only(bank: RenderedBank, items: list[RenderedItem]) -> RenderedBank:
    ids = {item.id for item in items}
    groups = (tuple(name for name in group if name in ids) for group in bank.groups)
    return replace(bank, items=tuple(items), groups=tuple(group for group in groups if group))
