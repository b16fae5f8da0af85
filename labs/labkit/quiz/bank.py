"""A sealed bank as a student's machine has it: what is in the file, read strictly, with errors that name the place."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import lzma
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FORMAT = 2
PLAIN_FORMAT = 1  # banks that were handed out before 0.6: the content itself, not packed
MAX_BYTES = 32 * 2**20
MAX_MEMORY = 64 * 2**20  # what unpacking may take
MODES = ("practice", "exam")
RULES = ("all-or-nothing", "right-minus-wrong", "per-part")
AGAIN = "Fetch the lab's folder again."
KINDS = ("choice", "check", "number", "text")
TYPES = ("single", "multiple", "numeric", "order", "match", "cloze", "code-output")


class BankError(ValueError):
    """A file is no sealed bank; the message names the file, the place in it, and what was expected."""


@dataclass(frozen=True)
class Option:
    """One thing to choose; `fixed` options keep their place when the others are shuffled."""

    id: str
    html: str
    fixed: bool = False


@dataclass(frozen=True)
class Part:
    """One answer to give: a choice among options, a box to tick, a number, or a text.

    `decimals` and `unit` belong to numbers, `case` and `code` to texts (see `labkit.quiz.answers`), `fixed` to boxes,
    which are options too. `sealed` are the ciphertexts that `labkit.quiz.sealed.open_part` tries; none in an exam.
    """

    id: str
    kind: str
    label: str = ""
    options: tuple[Option, ...] = ()
    decimals: int = 0
    unit: str = ""
    case: bool = False
    code: bool = False
    fixed: bool = False
    sealed: tuple[bytes, ...] = ()


@dataclass(frozen=True)
class Variant:
    """One wording of an item: its stem in HTML, and its parts."""

    variant: int
    stem: str
    parts: tuple[Part, ...]

    def part(self, name: str) -> Part:
        """The part called `name`. Raises LookupError."""
        found: Part = _named(self.parts, name, "part")
        return found


@dataclass(frozen=True)
class Review:
    """Where to read again after a wrong answer."""

    label: str
    href: str


@dataclass(frozen=True)
class Item:
    """One question, in one or more variants; `credit` is the rule of `labkit.quiz.scoring.item_score`.

    `difficulty` is the share of its points that a student is expected to get; None where the bank does not tell.
    """

    id: str
    title: str
    type: str
    points: float
    credit: str
    review: Review | None
    variants: tuple[Variant, ...]
    difficulty: float | None = None


@dataclass(frozen=True)
class Choice:
    """An item that a group may show: how many variants it has, and its difficulty, as `Item` has it."""

    item: str
    variants: int
    difficulty: float | None = None


@dataclass(frozen=True)
class Kdf:
    """How answers become keys: the parameters of scrypt (RFC 7914), and the bank's salt."""

    n: int
    r: int
    p: int
    salt: bytes


@dataclass(frozen=True)
class Bank:
    """A sealed bank; `hash` is the SHA-256 of its content in hex, which attempts record: packing does not change it.

    `draw` is the version of `labkit.quiz.draw.draw_items` that its attempts are drawn by.
    """

    bank: str
    title: str
    mode: str
    pass_mark: float
    attempts: int | None
    shuffle: bool
    note: str
    kdf: Kdf
    groups: tuple[tuple[str, ...], ...]
    items: tuple[Item, ...]
    hash: str
    draw: int = 1

    def item(self, name: str) -> Item:
        """The item called `name`. Raises LookupError."""
        found: Item = _named(self.items, name, "item")
        return found

    def choices(self) -> tuple[tuple[Choice, ...], ...]:
        """What each group may show."""
        items = [[self.item(name) for name in group] for group in self.groups]
        return tuple(tuple(Choice(i.id, len(i.variants), i.difficulty) for i in group) for group in items)

    @property
    def max_points(self) -> float:
        """The points that one attempt can give: an item of each group (all of a group are worth the same)."""
        return sum(self.item(group[0]).points for group in self.groups)


def _named(things: tuple[Any, ...], name: str, what: str) -> Any:
    for thing in things:
        if thing.id == name:
            return thing
    raise LookupError(f"no {what} is called {name!r}; there are: {', '.join(thing.id for thing in things)}.")


def load_bank(path: str | Path) -> Bank:
    """Read a sealed bank, `<bank>.quiz.json`.

    Raises:
        FileNotFoundError: it is not there.
        BankError: it is no sealed bank of this format.
    """
    path = Path(path)
    return parse_bank(path.read_bytes(), str(path))


def parse_bank(raw: bytes, where: str = "bank") -> Bank:
    """Read the bytes of a sealed bank. Raises BankError, whose message begins with `where`."""
    inner = unpacked(raw, where)
    content = _json(inner, where)
    top = _Fields(content, where)
    kdf = top.inner("kdf")
    if kdf.get("name", str) != "scrypt":
        raise kdf.error("name", "scrypt")
    items = top.each("items", _item)
    bank = Bank(
        bank=top.get("bank", str),
        title=top.get("title", str),
        mode=top.one_of("mode", MODES),
        pass_mark=top.number("pass", 0.0, 1.0),
        attempts=None if content.get("attempts") is None else int(top.number("attempts", 1, 10**6)),
        shuffle=top.get("shuffle", bool),
        note=top.get("note", str),
        kdf=Kdf(_cost(kdf, "n"), _cost(kdf, "r"), _cost(kdf, "p"), kdf.binary("salt", bytes.fromhex)),
        groups=tuple(_names(group, top) for group in top.get("groups", list)),
        items=items,
        hash=hashlib.sha256(inner).hexdigest(),
        draw=int(top.number("draw", 1, 2)) if "draw" in top.value else 1,
    )
    grouped = [name for group in bank.groups for name in group]
    if sorted(grouped) != sorted(item.id for item in items) or not all(bank.groups):
        raise top.error("groups", "each item in one group, and no empty group")
    return bank


def packed(content: bytes) -> bytes:
    """The file of a bank with this content: JSON, in which the content stands compressed (xz) as base64."""
    small = lzma.compress(content, filters=[{"id": lzma.FILTER_LZMA2, "preset": 9, "dict_size": 2**23}])
    said = {"format": FORMAT, "packed": base64.b64encode(small).decode("ascii")}
    return (json.dumps(said, indent=1) + "\n").encode("ascii")


def unpacked(raw: bytes, where: str = "bank") -> bytes:
    """The content of a bank's file, which is JSON again; a file of the first format is its own content.

    Raises:
        BankError: it is no bank, or more than may be read; the message begins with `where`.
    """
    if len(raw) > MAX_BYTES:
        raise BankError(f"{where}: {len(raw)} bytes, at most {MAX_BYTES} are read.")
    top = _Fields(_json(raw, where), where)
    if (found := top.get("format", int)) == PLAIN_FORMAT:
        return raw
    if found != FORMAT:
        raise top.error("format", f"{FORMAT}; update labkit")
    reader = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MAX_MEMORY)
    try:
        content = reader.decompress(_base64(top.get("packed", str), top, "packed"), MAX_BYTES)
    except lzma.LZMAError as error:
        raise BankError(f"{where}: packed: {error}. {AGAIN}") from None
    if not reader.eof:
        raise BankError(f"{where}: packed: it ends too early, or holds more than {MAX_BYTES} bytes. {AGAIN}")
    return content


def _json(raw: bytes, where: str) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise BankError(f"{where}: no JSON ({error}). {AGAIN}") from None


def _item(fields: _Fields) -> Item:
    review = None if fields.value.get("review") is None else fields.inner("review")
    variants = fields.each("variants", _variant)
    if [variant.variant for variant in variants] != list(range(len(variants))) or not variants:
        raise fields.error("variants", "variants numbered 0, 1, 2 …")
    return Item(
        id=fields.get("id", str),
        title=fields.get("title", str),
        type=fields.one_of("type", TYPES),
        points=fields.number("points", 0.0, 1e6),
        credit=fields.one_of("credit", RULES),
        review=None if review is None else Review(review.get("label", str), review.get("href", str)),
        variants=variants,
        difficulty=None if fields.value.get("difficulty") is None else fields.number("difficulty", 0.0, 1.0),
    )


def _variant(fields: _Fields) -> Variant:
    return Variant(int(fields.number("variant", 0, 1e4)), fields.get("stem", str), fields.each("parts", _part))


def _part(fields: _Fields) -> Part:
    return Part(
        id=fields.get("id", str),
        kind=fields.one_of("kind", KINDS),
        label=fields.get("label", str),
        options=fields.each("options", _option) if "options" in fields.value else (),
        decimals=int(fields.number("decimals", 0, 12)) if "decimals" in fields.value else 0,
        unit=fields.get("unit", str, ""),
        case=fields.get("case", bool, False),
        code=fields.get("code", bool, False),
        fixed=fields.get("fixed", bool, False),
        sealed=tuple(_base64(text, fields) for text in fields.get("sealed", list)),
    )


def _option(fields: _Fields) -> Option:
    return Option(fields.get("id", str), fields.get("html", str), fields.get("fixed", bool, False))


def _cost(fields: _Fields, name: str) -> int:
    return int(fields.number(name, 1, 2**16))


def _names(group: object, fields: _Fields) -> tuple[str, ...]:
    if not isinstance(group, list) or not all(isinstance(name, str) for name in group):
        raise fields.error("groups", "lists of item ids")
    return tuple(group)


def _base64(text: object, fields: _Fields, name: str = "sealed") -> bytes:
    try:
        return base64.b64decode(str(text), validate=True)
    except (binascii.Error, ValueError):
        raise fields.error(name, "base64") from None


class _Fields:
    """A JSON object with its place in the file, for errors."""

    def __init__(self, value: object, where: str) -> None:
        if not isinstance(value, dict):
            raise BankError(f"{where}: an object was expected, found {type(value).__name__}.")
        self.value: dict[str, Any] = value
        self.where = where

    def error(self, name: str, expected: str) -> BankError:
        found = repr(self.value.get(name, "nothing"))
        return BankError(f"{self.where}: {name}: expected {expected}, found {found[:80]}.")

    def get(self, name: str, kind: type, default: Any = None) -> Any:
        value = self.value.get(name, default)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise self.error(name, f"a value of type {kind.__name__}")
        return value

    def number(self, name: str, low: float, high: float) -> float:
        value = self.value.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not (low <= value <= high):
            raise self.error(name, f"a number from {low:g} to {high:g}")
        if not math.isfinite(value):
            raise self.error(name, "a finite number")
        return value

    def one_of(self, name: str, allowed: tuple[str, ...]) -> str:
        value = self.value.get(name)
        if value not in allowed:
            raise self.error(name, "one of " + ", ".join(allowed))
        return str(value)

    def binary(self, name: str, decode: Callable[[str], bytes]) -> bytes:
        try:
            return decode(self.get(name, str))
        except ValueError:
            raise self.error(name, "bytes in hex") from None

    def inner(self, name: str) -> _Fields:
        return _Fields(self.value.get(name), f"{self.where}: {name}")

    def each(self, name: str, make: Callable[[_Fields], Any]) -> tuple[Any, ...]:
        """Every object of a list, made by `make`; their ids, where they have any, are unique."""
        values = self.get(name, list)
        made = tuple(make(_Fields(value, f"{self.where}: {name}[{place}]")) for place, value in enumerate(values))
        ids = [thing.id for thing in made if hasattr(thing, "id")]
        if len(set(ids)) != len(ids):
            raise BankError(f"{self.where}: {name}: an id stands there twice.")
        return made
