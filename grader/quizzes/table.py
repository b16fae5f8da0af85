"""What the banks of a course hold, counted: items by bank, type, Bloom level and family of mistakes, as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import get_args

from grader.quizzes.model import AnyItem, BankModel, CodeOutput, Multiple, Order, Single
from grader.quizzes.parts import Bloom

TYPES = ("single", "multiple", "numeric", "order", "match", "cloze", "code-output")
BEGIN = "<!-- counted by `grader build`: do not edit below -->"
END = "<!-- end of what is counted -->"
FENCE = "```"

Count = tuple[str, Callable[[AnyItem], bool]]


def tables(banks: Mapping[str, BankModel], families: Mapping[str, str]) -> str:
    """Markdown tables about the banks, by name: types, Bloom's levels, the course's families of mistakes."""
    items = {name: bank.items for name, bank in banks.items()}
    kinds: list[Count] = [("items", lambda _: True)]
    kinds += [(kind, lambda item, kind=kind: item.type == kind) for kind in TYPES]  # type: ignore[misc]
    kinds += [
        ("computed", is_computed),
        ("with code", shows_code),
        ("with a plot", lambda item: item.figure is not None),
    ]
    levels: list[Count] = [
        (level, lambda item, level=level: item.bloom == level)  # type: ignore[misc]
        for level in get_args(Bloom)
    ]
    by_bank = [[name, *_counted(own, kinds + levels)] for name, own in items.items()]
    everything = [item for own in items.values() for item in own]
    total = ["**all**", *_counted(everything, kinds + levels)]
    split = len(kinds) + 1
    rows = [*by_bank, total]
    of_family = [
        [f"{family}: {what}", *(sum(family in item.families for item in own) for own in (*items.values(), everything))]
        for family, what in families.items()
    ]
    made = [
        _markdown(["bank", *(name for name, _ in kinds)], [row[:split] for row in rows]),
        _markdown(["bank", *(name for name, _ in levels)], [[row[0], *row[split:]] for row in rows]),
    ]
    return "\n\n".join(made + ([_markdown(["family of mistakes", *items, "**all**"], of_family)] if families else []))


def counted(readme: str, banks: Mapping[str, BankModel], families: Mapping[str, str]) -> str:
    """The README with its counted part made anew; unchanged without the two marks."""
    before, mark, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    return f"{before}{mark}\n\n{tables(banks, families)}\n\n{end}{after}" if mark and end else readme


def is_computed(item: AnyItem) -> bool:
    """Whether the numbers of an item change from variant to variant."""
    return item.variants > 1


def shows_code(item: AnyItem) -> bool:
    """Whether a student reads a listing, or puts lines of one in order."""
    if isinstance(item, CodeOutput) or FENCE in item.stem:
        return True
    if isinstance(item, Order):
        return all(entry.text.startswith("`") for entry in item.entries)
    return isinstance(item, Single | Multiple) and any(FENCE in option.text for option in item.options)


def has_plot(item: AnyItem) -> bool:
    """Whether a student reads a plot."""
    return item.figure is not None


def _counted(items: Iterable[AnyItem], counts: Sequence[Count]) -> list[int]:
    return [sum(map(holds, items)) for _, holds in counts]


def _markdown(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [heads, ["---", *("---:" for _ in heads[1:])], *rows]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines)
