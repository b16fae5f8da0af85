"""Reading a bank's YAML: hostile input refused, and every error with its line and item id."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.reader import ReaderError
from ruamel.yaml.scalarstring import LiteralScalarString
from ruamel.yaml.scanner import RoundTripScanner

from grader.course.settings import load_settings
from grader.quizzes.model import AnyItem, BankModel

MAX_BYTES = 2 * 2**20
MAX_DEPTH = 20
ALIAS_OR_TAG = "aliases (*name) and tags (!name) are not read; write the value out, a text in quotes."
Place = tuple[str | int, ...]


@dataclass(frozen=True)
class Fault:
    """Something wrong in a bank: where, in which item, and what to do."""

    file: Path
    line: int
    item: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.item + ': ' if self.item else ''}{self.message}"


class QuizError(Exception):
    """A bank cannot be used; `faults` says why, one by one."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = faults


@dataclass(frozen=True)
class Loaded:
    """A bank as written, with the lines of what it says. Its name is that of its file."""

    path: Path
    model: BankModel
    tree: CommentedMap
    first: int = 0
    """The place in the file of the first of `model.items`, where only some of them are looked at."""

    @property
    def name(self) -> str:
        """What attempts call it."""
        return self.path.stem

    def line(self, *place: str | int) -> int:
        """The line of a key or of an entry, counted from 1; of the nearest thing around it that has one."""
        return line_of(self.tree, place)

    def place(self, item: AnyItem) -> Place:
        """Where an item stands in the file."""
        return ("items", self.first + self.model.items.index(item))

    def only(self, item: str) -> Loaded:
        """The bank with one of its items alone. Raises LookupError, which lists the items that there are."""
        kept = [one for one in self.model.items if one.id == item]
        if not kept:
            raise LookupError(
                f"{self.path} has no item {item!r}; there are: {', '.join(i.id for i in self.model.items)}."
            )
        model = self.model.model_copy(update={"items": kept})
        return replace(self, model=model, first=self.model.items.index(kept[0]))

    def fault(self, item: AnyItem | None, message: str, *inside: str | int) -> Fault:
        """A fault of an item, at something inside of it."""
        if item is None:
            return Fault(self.path, self.line(*inside), "", message)
        return Fault(self.path, self.line(*self.place(item), *inside), item.id, message)

    def block_line(self, *place: str | int) -> int:
        """The line where the text of a value begins: behind the `|` of a block, else on the line of its key."""
        node: Any = self.tree
        for step in place:
            node = node[step]
        return self.line(*place) + isinstance(node, LiteralScalarString)


def line_of(tree: Any, place: Place) -> int:
    """The line of what stands at `place` in a tree of ruamel.yaml; unknown steps, which pydantic adds, are skipped."""
    node, line = tree, 1
    for step in place:
        if isinstance(node, CommentedMap) and step in node:
            line = node.lc.key(step)[0] + 1
        elif isinstance(node, CommentedSeq) and isinstance(step, int) and step < len(node):
            line = node.lc.item(step)[0] + 1
        else:
            continue
        node = node[step]
    return line


def load(path: Path) -> Loaded:
    """Read a bank.

    Raises:
        FileNotFoundError: it is not there.
        QuizError: it is not as the model says.
    """
    bank = _loaded(path, path.read_bytes())
    if faults := _unknown_families(bank):
        raise QuizError(faults)
    return bank


def _unknown_families(bank: Loaded) -> list[Fault]:
    """Families of mistakes that the bank's course does not name, where it names any."""
    if not any(item.families for item in bank.model.items):
        return []
    from grader.quizzes.own import course_of  # nbgrader's configuration, which takes a while to read

    course = course_of(bank.path)
    known = load_settings(course.root).families if course else {}
    return [
        bank.fault(
            item, f"families: {name!r} is none of this course; there are: {', '.join(known)}.", "families", place
        )
        for item in bank.model.items
        for place, name in enumerate(item.families)
        if known and name not in known
    ]


@lru_cache(maxsize=16)
def _loaded(path: Path, raw: bytes) -> Loaded:
    tree = _parse(path, raw)
    try:
        model = BankModel.model_validate(_plain(tree))
    except ValidationError as error:
        raise QuizError(_faults(path, tree, error)) from None
    return Loaded(path, model, tree)


def _parse(path: Path, raw: bytes) -> CommentedMap:
    def refuse(line: int, message: str) -> QuizError:
        return QuizError([Fault(path, line, "", message)])

    if len(raw) > MAX_BYTES:
        raise refuse(1, f"{len(raw)} bytes; a bank has at most {MAX_BYTES}. Split it.")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise refuse(line, f"byte {raw[error.start]:#04x} is not UTF-8; save the file as UTF-8.") from None
    try:
        reader = YAML(typ="rt")
        reader.Scanner = _Strict
        tree = reader.load(text)
    except _RefusedError as refused:
        raise refuse(refused.line, str(refused)) from None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = " ".join(str(error.problem or error.context or "no YAML").split())
        raise refuse(mark.line + 1 if mark else 1, f"no YAML: {said}. Check quotes, colons and indentation.") from None
    except ReaderError as error:
        raise refuse(text.count("\n", 0, error.position) + 1, f"no YAML: {error.reason}.") from None
    except Exception as error:  # noqa: BLE001 - ruamel.yaml raises many kinds for files that are not in order
        raise refuse(1, f"no YAML: {' '.join(str(error).split())[:120]}.") from None
    if not isinstance(tree, CommentedMap):
        raise refuse(1, "a mapping with title and items was expected.")
    return tree


class _RefusedError(Exception):
    """What a bank may not hold, and its line."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


class _Strict(RoundTripScanner):
    """Stops at what no bank needs, before anything is made of it."""

    def fetch_more_tokens(self) -> None:
        """Read on; raises _RefusedError where what is read lies too deep."""
        super().fetch_more_tokens()
        if len(self.indents) + self.flow_level > MAX_DEPTH:
            raise _RefusedError(self.reader.line + 1, f"nested more than {MAX_DEPTH} deep.")

    def fetch_alias(self) -> None:
        """Raises _RefusedError: an alias may make a small file huge."""
        raise _RefusedError(self.reader.line + 1, ALIAS_OR_TAG)

    def fetch_tag(self) -> None:
        """Raises _RefusedError: a tag may make anything."""
        raise _RefusedError(self.reader.line + 1, ALIAS_OR_TAG)


def _plain(node: Any) -> Any:
    """Ruamel's tree as built-in types; its numbers and texts are subclasses that a strict model refuses."""
    if isinstance(node, dict):
        return {str(key): _plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_plain(value) for value in node]
    for kind in (bool, int, float, str):
        if isinstance(node, kind):
            return kind(node)
    return node


def _faults(path: Path, tree: CommentedMap, error: ValidationError) -> list[Fault]:
    faults = []
    for found in error.errors(include_url=False):
        place = found["loc"]
        inside = [str(step) for step in place if not isinstance(step, int)]
        said = found["msg"].removeprefix("Value error, ")
        name = inside[-1] if inside else "bank"
        if found["type"] == "extra_forbidden":
            said = f"{name} is no key that is known here; check its spelling and indentation"
        elif found["type"] == "missing":
            said = f"{name} is missing"
        elif found["type"].startswith("union_tag"):
            said = f"{said[0].lower()}{said[1:]}"
        else:
            value = repr(found["input"])
            said = f"{name}: {said[0].lower()}{said[1:]}, found {value if len(value) <= 60 else value[:57] + '…'}"
        faults.append(Fault(path, line_of(tree, place), _item_id(tree, place), f"{said}."))
    return list(dict.fromkeys(faults))


def _item_id(tree: CommentedMap, place: Place) -> str:
    if len(place) < 2 or place[0] != "items" or not isinstance(place[1], int):
        return ""
    item = tree["items"][place[1]]
    return str(item.get("id", f"item {place[1] + 1}")) if isinstance(item, dict) else f"item {place[1] + 1}"
