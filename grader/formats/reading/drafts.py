"""What a reader found: items of our model, what it could not read, and, in a graded attempt, what was chosen."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lxml.etree import _Element as Element
from pydantic import TypeAdapter, ValidationError

from grader.formats.reading.pictures import Picture, Pictures, nowhere
from grader.formats.reading.spelling import escape
from grader.quizzes.model import AnyItem
from grader.quizzes.pictures import ADDRESS

MISCONCEPTION = "(imported; say what who chooses it believes)"
NO_FEEDBACK = "(imported without feedback; say why)"
EMPTY = "(imported without text)"
OBJECTIVE = "(imported; say what who answers it right can do)"
LAB = "00-imported"
MAX_ITEMS = 2_000
MAX_UNREAD = 10_000
ITEM: TypeAdapter[Any] = TypeAdapter(AnyItem)
TAGS = ("objective", "bloom", "difficulty", "family", "lab")


class UnknownError(ValueError):
    """An expression or rule that is not known here."""


class ImportRefusedError(ValueError):
    """A file that is refused as a whole; the message says the line where that is known, and what to do."""


@dataclass(frozen=True)
class Unread:
    """Something that was not read: of an item, or of the file (then `item` is empty); `line` counts from 1."""

    item: str
    field: str
    said: str
    line: int | None = None


@dataclass(frozen=True)
class Attempt:
    """A graded attempt: by item the options chosen, the points earned and possible; and the grade, from 0 to 1."""

    chosen: Mapping[str, tuple[int, ...]]
    verdicts: Mapping[str, tuple[float, float]]
    grade: float | None = None


@dataclass(frozen=True)
class Draft:
    """A bank as a reader leaves it. `pictures` has those that its texts show, by address."""

    title: str
    items: tuple[AnyItem, ...]
    unread: tuple[Unread, ...]
    attempt: Attempt | None = None
    pass_mark: float | None = None
    shuffle: bool = True
    pictures: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class ReadOption:
    """One option. `true` is None where the file does not tell."""

    text: str
    true: bool | None
    feedback: str = ""
    fixed: bool = False

    def written(self) -> dict[str, Any]:
        """As a bank says it: a key cites the file, a distractor's misconception is still to be named."""
        said: dict[str, Any] = {"text": self.text or EMPTY, "feedback": self.feedback or NO_FEEDBACK}
        if self.true is not None:
            said |= {"key": True} if self.true else {"misconception": MISCONCEPTION}
        return said | ({"fixed": True} if self.fixed else {})


@dataclass
class Drafts:
    """Collects what a reader finds in one file."""

    file: str
    title: str = ""
    pass_mark: float | None = None
    shuffle: bool = True
    items: list[AnyItem] = field(default_factory=list)
    unread: dict[Unread, None] = field(default_factory=dict)
    ids: set[str] = field(default_factory=set)
    pictures: Pictures = field(default_factory=Pictures)

    def note(self, item: str, what: str, said: str, line: int | None = None) -> None:
        """Something was not read; the same thing counts once."""
        if len(self.unread) < MAX_UNREAD:
            self.unread.setdefault(Unread(item, what, said, line))

    def name(self, wanted: str, otherwise: str = "item") -> str:
        """An id that no other item has, like `wanted`."""
        base = slug(wanted) or slug(otherwise) or "item"
        made, number = base, 1
        while made in self.ids:
            number += 1
            made = f"{base[:54].rstrip('-')}-{number}"
        self.ids.add(made)
        return made

    def add(self, kind: str, name: str, line: int | None = None, **fields: Any) -> AnyItem | None:
        """Take an item of a type under an id from `name`; None, and a note, if our model has no place for it.

        Fields that are None are left out; `title`, `objective`, `lab` and `source` have defaults.
        """
        given = {key: value for key, value in fields.items() if value is not None}
        title = short(given.pop("title", "") or name, 80)
        objective = short(given.pop("objective", ""), 200)
        common = {
            "id": name,
            "type": kind,
            "title": title or name,
            "objective": objective if len(objective) >= 5 else OBJECTIVE,
            "lab": given.pop("lab", LAB),
            "source": f"imported from {short(self.file, 300)}",
        }
        if len(self.items) >= MAX_ITEMS:
            raise ImportRefusedError(f"more than {MAX_ITEMS} questions; split the file.")
        try:
            item: AnyItem = ITEM.validate_python(common | given)
        except ValidationError as error:
            found = error.errors(include_url=False)[0]
            place = ".".join(str(step) for step in found["loc"][1:])
            self.note(name, kind, f"it has no place in a bank ({place}: {found['msg']}); it is left out", line)
            return None
        self.items.append(item)
        return item

    def done(self, attempt: Attempt | None = None) -> Draft:
        """The draft. Items of a group with different points, or alone in it, lose the group."""
        items = tuple(self._regrouped())
        said = " ".join(item.model_dump_json() for item in items)
        named = set(ADDRESS.findall(said))
        shown = {address: data for address, data in self.pictures.taken.items() if address in named}
        return Draft(self.title, items, tuple(self.unread), attempt, self.pass_mark, self.shuffle, shown)

    def _regrouped(self) -> Iterable[AnyItem]:
        groups: dict[str, list[AnyItem]] = {}
        for item in self.items:
            if item.group:
                groups.setdefault(item.group, []).append(item)
        for item in self.items:
            others = groups.get(item.group or "", [])
            if item.group and len({other.points for other in others}) > 1:
                self.note(item.id, "group", f"the questions of {item.group} are worth different points: no pool")
            elif len(others) > 1 or not item.group:
                yield item
                continue
            yield item.model_copy(update={"group": None})


@dataclass
class ItemReader:
    """One item of an XML file on its way into the drafts; formats say how it is read."""

    drafts: Drafts
    root: Element
    name: str = field(default="", init=False)
    picture: Picture = field(default=nowhere, kw_only=True)

    @property
    def title(self) -> str:
        """What the file calls the item."""
        return (self.root.get("title") or "").strip()

    def note(self, said: str, what: str = "texts") -> None:
        """Something of this item was not read."""
        self.drafts.note(self.name, what, said, self.root.sourceline)

    def leave_out(self, what: str, why: str) -> None:
        """The item is not read."""
        self.note(f"{why}; it is left out", what)

    def take(self, kind: str, stem: str, **fields: Any) -> None:
        """Take the item."""
        shown = stem or escape(self.title) or "…"
        self.drafts.add(kind, self.name, self.root.sourceline, title=self.title, stem=shown, **fields)


def options(found: Sequence[ReadOption]) -> list[dict[str, Any]]:
    """Options as a bank says them."""
    return [option.written() for option in found]


def choice(found: Sequence[ReadOption], label: str = "") -> dict[str, Any]:
    """A blank with a menu."""
    return {"kind": "choice", "options": options(found)} | ({"label": label} if label else {})


def words(
    answers: Sequence[str],
    feedback: str,
    otherwise: str,
    wrong: Sequence[tuple[str, str]] = (),
    case: bool = False,
) -> dict[str, Any]:
    """A blank for a text; `wrong` has wrong texts with their feedback."""
    made: dict[str, Any] = {"kind": "text", "answers": list(dict.fromkeys(answers))}
    if case:
        made["case"] = True
    made |= {"feedback": feedback or NO_FEEDBACK, "otherwise": otherwise or NO_FEEDBACK}
    told = [{"text": text, "misconception": MISCONCEPTION, "feedback": said or NO_FEEDBACK} for text, said in wrong]
    return made | ({"wrong": told} if told else {})


def slug(text: str) -> str:
    """Lower-case words joined by hyphens, at most 60 signs."""
    ascii_only = unicodedata.normalize("NFKD", text[:300]).encode("ascii", "ignore").decode().lower()
    return "-".join(re.findall(r"[a-z0-9]+", ascii_only))[:60].strip("-")


def short(text: str, most: int) -> str:
    """One line of at most `most` characters, without double braces."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text.replace("{{", "{ {")).split())
    return line if len(line) <= most else line[: most - 1] + "…"


def plain_points(text: str | None, otherwise: float = 1.0) -> float:
    """Points as a number above 0; the default where there are none that our banks allow."""
    try:
        points = float(text or "")
    except ValueError:
        return otherwise
    return round(points, 7) if 0 < points <= 100 else otherwise


def from_tags(tags: Iterable[str]) -> tuple[dict[str, Any], list[str]]:
    """What our exports say in tags, as fields of an item; and the tags that are not ours."""
    known: dict[str, Any] = {}
    rest = []
    for tag in tags:
        name, _, value = (part.strip() for part in tag.partition(":"))
        if name == "family":
            known.setdefault("families", []).append(value)
        elif name == "difficulty" and re.fullmatch(r"0\.\d{1,6}", value) and float(value) > 0:
            known[name] = float(value)
        elif name == "points" and plain_points(value, 0.0):
            known[name] = plain_points(value)
        elif name in TAGS and value:
            known[name] = value
        else:
            rest.append(tag)
    return known, rest
