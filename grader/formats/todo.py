"""What is left to do in a bank that was imported: keys to settle, claims and misconceptions to write, pictures."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from grader.formats.reading.drafts import LAB, MISCONCEPTION, NO_FEEDBACK, OBJECTIVE, Unread
from grader.quizzes.model import AnyItem
from grader.quizzes.parts import OPEN

PICTURE = re.compile(r"\b(?:image|picture|figure)s?\b")
WORDLESS = re.compile(r"!\[\s*\]\(")
NAMES = 8  # items that a line names; the others are counted


@dataclass(frozen=True)
class Todo:
    """Items by id for each kind of work. `open`: what is right is not known. `cited`: what is right rests on the file.

    The others are numbers of texts to write: misconceptions, feedback, objectives; and items without a lab.
    """

    open: tuple[str, ...]
    cited: tuple[str, ...]
    pictures: tuple[str, ...]
    wordless: tuple[str, ...] = ()
    misconceptions: int = 0
    feedback: int = 0
    objectives: int = 0
    labs: int = 0

    def lines(self) -> list[str]:
        """A sentence for each kind of work that there is."""
        texts = {"misconception": self.misconceptions, "feedback": self.feedback, "objective": self.objectives}
        written = [f"{count} × {name}" for name, count in texts.items() if count]
        said = {
            "say what is right": _named(self.open),
            "give a claim to what code can decide; until then the key rests on the file": _named(self.cited),
            "look at the pictures": _named(self.pictures),
            "say in ![…] what the pictures show, for those who do not see them": _named(self.wordless),
            "replace what says (imported …)": ", ".join(written),
            f"name the lab of items that have {LAB}": str(self.labs) if self.labs else "",
        }
        return [f"{what}: {where}" for what, where in said.items() if where]


def todo(items: Iterable[AnyItem], unread: Iterable[Unread]) -> Todo:
    """Look through what was read."""
    items = tuple(items)
    told = {note.item for note in unread if PICTURE.search(note.said)}
    said = {item.id: item.model_dump(by_alias=True) for item in items}
    texts = [text for item in said.values() for text in _texts(item)]
    return Todo(
        open=tuple(
            name for name, item in said.items() if any(map(_is_open, _choices(item))) or OPEN in list(_texts(item))
        ),
        cited=tuple(name for name, item in said.items() if not _decided(item)),
        pictures=tuple(name for name, item in said.items() if name in told or item.get("figure")),
        wordless=tuple(name for name, item in said.items() if any(map(WORDLESS.search, _texts(item)))),
        misconceptions=texts.count(MISCONCEPTION),
        feedback=texts.count(NO_FEEDBACK),
        objectives=texts.count(OBJECTIVE),
        labs=sum(item.lab == LAB for item in items),
    )


def _choices(item: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
    """Every list of options."""
    for part in (item, *(item.get("blanks") or {}).values()):
        if part.get("options"):
            yield part["options"]


def _is_open(options: list[dict[str, Any]]) -> bool:
    """Whether an option says neither that it is right nor what who chooses it believes."""
    return any(not option["key"] and not option["misconception"] and not option["claim"] for option in options)


def _decided(value: Any) -> bool:
    """Whether a claim decides something in an item."""
    if isinstance(value, dict):
        return any(bool(inside) if name == "claim" else _decided(inside) for name, inside in value.items())
    return isinstance(value, list) and any(map(_decided, value))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for inside in value.values():
            yield from _texts(inside)
    elif isinstance(value, list | tuple):
        for inside in value:
            yield from _texts(inside)
    elif isinstance(value, str):
        yield value


def _named(items: tuple[str, ...]) -> str:
    more = f" and {len(items) - NAMES} more" if len(items) > NAMES else ""
    return ", ".join(items[:NAMES]) + more
