"""From a file of another system to a bank of ours in YAML, with a report of everything that was not read."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from errno import ENOTDIR
from pathlib import Path
from typing import Any, Literal, get_args

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, LiteralScalarString

from grader.files import write_whole
from grader.formats.model.packages import PackageError
from grader.formats.model.xmltext import XmlError
from grader.formats.reading.drafts import Attempt, Draft, ImportRefusedError, Unread, short
from grader.formats.reading.spelling import BRACES, FILLED_IN
from grader.formats.todo import Todo, todo
from grader.quizzes.model import AnyItem, BankModel, Cloze, Multiple, Single
from labkit.quiz.scoring import item_score

Kind = Literal["text", "moodle-xml", "gift", "qti12", "qti21"]
KINDS: tuple[Kind, ...] = get_args(Kind)
MAX_BYTES = 32 * 2**20
PLAIN = re.compile(r"[ -~\u00a1-\ud7ff\uf900-\ufffd]+(?:\n[ -~\u00a1-\ud7ff\uf900-\ufffd]+|\n)*")


@dataclass(frozen=True)
class Replay:
    """A graded attempt scored anew: points earned and possible, and the items whose verdict comes out otherwise."""

    earned: float
    of: float
    grade: float | None
    differ: tuple[str, ...]

    @property
    def share(self) -> float:
        """From 0 to 1."""
        return self.earned / self.of if self.of else 0.0

    @property
    def holds(self) -> bool:
        """Whether every verdict comes out as it stands in the file, and so does the grade, to a whole percent."""
        return not self.differ and (self.grade is None or round(100 * self.grade) == round(100 * self.share))


@dataclass(frozen=True)
class Imported:
    """A bank from elsewhere: its YAML, its items, what was not read, and the replay of a graded attempt.

    `pictures` has the pictures that its texts show, by their address beside the bank.
    """

    file: str
    kind: Kind
    yaml: str
    items: tuple[AnyItem, ...]
    unread: tuple[Unread, ...]
    attempt: Attempt | None = None
    replay: Replay | None = None
    counts: dict[str, int] = field(default_factory=dict)
    pictures: Mapping[str, bytes] = field(default_factory=dict)

    def write(self, bank: Path) -> None:
        """Write the bank, and its pictures beside it.

        Raises:
            OSError: something cannot be written, or `pictures` is no folder.
        """
        bank.parent.mkdir(parents=True, exist_ok=True)
        for address, data in self.pictures.items():
            goal = bank.parent / address
            if goal.parent.is_symlink():
                raise NotADirectoryError(ENOTDIR, "it is a link; pictures are put into a folder", str(goal.parent))
            goal.parent.mkdir(exist_ok=True)
            write_whole(goal, data)
        write_whole(bank, self.yaml.encode())

    @property
    def todo(self) -> Todo:
        """What is left to do."""
        return todo(self.items, self.unread)


def import_file(path: Path, kind: str | None = None) -> Imported:
    """Read a file of another system. Nothing in it is run, fetched, or written anywhere.

    Args:
        path: the file.
        kind: its format, out of `KINDS`; found out by default.

    Raises:
        FileNotFoundError: it is not there.
        ImportRefusedError: it is too large, broken, of no known format, or hostile.
    """
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise ImportRefusedError(f"{path}: {size} bytes; at most {MAX_BYTES} are read. Split it.")
    return import_bytes(path.read_bytes(), path.name, kind)


def import_bytes(data: bytes, file: str, kind: str | None = None) -> Imported:
    """Read the content of a file; see `import_file`."""
    if len(data) > MAX_BYTES:
        raise ImportRefusedError(f"{file}: {len(data)} bytes; at most {MAX_BYTES} are read. Split it.")
    try:
        known = detect(data) if kind is None else _kind(kind)
        draft = _readers()[known](data, file)
    except (ImportRefusedError, PackageError, XmlError) as error:
        raise ImportRefusedError(f"{file}: {error}") from None
    if not draft.items:
        told = "".join(f" {unread.item}: {unread.said}." for unread in draft.unread[:3])
        raise ImportRefusedError(f"{file}: no question in it could be read.{told} Check --from.")
    text = dump_yaml(draft, file)
    replay = replayed(draft.items, draft.attempt) if draft.attempt else None
    counts: dict[str, int] = {}
    for item in draft.items:
        counts[item.type] = counts.get(item.type, 0) + 1
    return Imported(file, known, text, draft.items, draft.unread, draft.attempt, replay, counts, draft.pictures)


def _kind(name: str) -> Kind:
    for kind in KINDS:
        if kind == name:
            return kind
    raise ImportRefusedError(f"no format is called {name!r}; there are: {', '.join(KINDS)}.")


def detect(data: bytes) -> Kind:
    """The format of a file, by what is in it.

    Raises:
        ImportRefusedError: none of ours.
    """
    from grader.formats.attempt import read as text
    from grader.formats.gift import read as gift
    from grader.formats.reading import packaged

    if data[:4] == b"PK\x03\x04" or data.lstrip()[:1] == b"<" or data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        try:
            return packaged.detect(data)
        except XmlError:
            if data.lstrip()[:2] in (b"<!", b"<?") or not text.looks_like(data.decode("utf-8-sig", "ignore")):
                raise  # else an attempt with remains of HTML
    written = decoded(data)
    if text.looks_like(written):
        return "text"
    if gift.looks_like(written):
        return "gift"
    raise ImportRefusedError(
        f"this is none of {', '.join(KINDS)}: no XML, no zip, no questions with boxes, no braces with answers. "
        "Say --from if it is one all the same."
    )


def decoded(data: bytes) -> str:
    """Text in UTF-8, with or without a mark at its beginning.

    Raises:
        ImportRefusedError: it is in another encoding; the message has the line.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        found = f"byte {data[error.start]:#04x}"
        raise ImportRefusedError(f"line {line}: {found} is not UTF-8; save the file as UTF-8.") from None


def _readers() -> dict[Kind, Callable[[bytes, str], Draft]]:
    from grader.formats.attempt import read as text
    from grader.formats.gift import read as gift
    from grader.formats.moodle import read as moodle
    from grader.formats.qti import read as qti21
    from grader.formats.qti12 import read as qti12

    return {
        "text": lambda data, file: text.read(decoded(data), file),
        "gift": lambda data, file: gift.read(decoded(data), file),
        "moodle-xml": moodle.read,
        "qti12": qti12.read,
        "qti21": qti21.read,
    }


def replayed(items: tuple[AnyItem, ...], attempt: Attempt) -> Replay:
    """Score what was chosen with the keys of the items, and compare with the verdicts of the file."""
    earned = of = 0.0
    differ = []
    for item in items:
        if not isinstance(item, Single | Multiple) or item.id not in attempt.chosen:
            continue
        chosen = attempt.chosen[item.id]
        points = item.points * _share(item, chosen)
        earned, of = earned + points, of + item.points
        verdict = attempt.verdicts.get(item.id)
        if verdict is not None and abs(verdict[0] - points) > 0.005:
            differ.append(item.id)
    return Replay(earned, of, attempt.grade, tuple(differ))


def _share(item: Single | Multiple, chosen: tuple[int, ...]) -> float:
    keys = {number for number, option in enumerate(item.options) if option.key}
    if isinstance(item, Single):
        return float(len(chosen) == 1 and set(chosen) == keys)
    if not keys:
        return 0.0
    credits = [(1 if number in keys else -1) if number in chosen else 0 for number in range(len(item.options))]
    return item_score("right-minus-wrong", credits, len(keys))


# YAML -------------------------------------------------------------------------------------------------------------

FIRST = ("id", "type", "title", "objective", "bloom", "difficulty", "families", "lab", "points", "credit", "group")


def dump_yaml(draft: Draft, file: str) -> str:
    """A draft as a bank in YAML, which `grader.quizzes.load` reads as the same items."""
    bank = CommentedMap()
    bank["title"] = short(draft.title, 100) or short(Path(file).stem, 100) or "Imported"
    if draft.pass_mark is not None:
        bank["pass"] = draft.pass_mark
    if not draft.shuffle:
        bank["shuffle"] = False
    items = CommentedSeq(_node(_ordered(item)) for item in draft.items)
    for number in range(1, len(items)):
        items.yaml_set_comment_before_after_key(number, before="\n")
    bank["items"] = items
    head = f"Imported from {short(file, 80)}. Nothing here is proved: it rests on that file."
    bank.yaml_set_start_comment(f"{head}\nReplace every (imported …), and give what code can decide a claim.")
    writer = YAML()
    writer.width = 110
    writer.indent(mapping=2, sequence=4, offset=2)
    made = io.StringIO()
    writer.dump(bank, made)
    text = re.sub(r"(?m)[ ]+$", "", made.getvalue())  # where a text goes on in the next line
    _require_same(text, draft)
    return text


def _ordered(item: AnyItem) -> dict[str, Any]:
    said = item.model_dump(exclude_defaults=True, by_alias=True)
    said["type"] = item.type
    if isinstance(item, Cloze):
        said["blanks"] = {name: {"kind": item.blanks[name].kind} | blank for name, blank in said["blanks"].items()}
    return {name: said[name] for name in FIRST if name in said} | {n: v for n, v in said.items() if n not in FIRST}


def _node(value: Any) -> Any:
    if isinstance(value, dict):
        return CommentedMap((key, _node(inside)) for key, inside in value.items())
    if isinstance(value, list | tuple):
        return CommentedSeq(_node(inside) for inside in value)
    if not isinstance(value, str):
        return value
    for found in FILLED_IN.finditer(value):
        if found[0] != BRACES:
            raise AssertionError(f"an imported text would be run: {value[:80]!r}")
    if not PLAIN.fullmatch(value):
        return DoubleQuotedScalarString(value)
    rows = value.split("\n")
    if len(rows) > 1 and rows[0][:1] != " " and not any(row != row.rstrip() for row in rows):
        return LiteralScalarString(value)
    return DoubleQuotedScalarString(value) if len(rows) > 1 or value != value.strip() else value


def _require_same(text: str, draft: Draft) -> None:
    """What is written has to be read back as it is; a difference is a fault of this module."""
    from ruamel.yaml.error import YAMLError

    try:
        tree = YAML(typ="safe", pure=True).load(text)
        read = BankModel.model_validate(tree)
    except (YAMLError, ValueError) as error:
        raise AssertionError(f"the bank that was written cannot be read: {error}") from error
    if tuple(read.items) != draft.items:
        raise AssertionError("the bank that was written reads otherwise")


__all__ = ["KINDS", "Imported", "Unread", "import_bytes", "import_file"]
