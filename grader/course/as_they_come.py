"""Honest hand-ins as they come from other programs, or went wrong: how they are meant, or what they are in words.

All rules stand here, and only rules: they take bytes, text and cells, and open nothing. `filenames` has those about
names. Who asks: the processes that read (`grader.grading.intake`), and `grader.hooks`, on every road to a grade.

A rule takes as meant what can mean one thing only: an encoding, the name of a copy, a cell by the function that it
defines. Where there is a choice (a side of a conflict, another assignment), it says so, and a person chooses.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nbformat import NotebookNode

from grader.cells import claimed_id

AGAIN = "ask for the file again; this one is kept as it is"
OURS, THEIRS = "ours", "theirs"
SIDES = (OURS, THEIRS)
MARKER = re.compile(r"^(?P<kind><{7}|\|{7}|={7}|>{7})(?: (?P<label>[^\r\n]{0,200}).*)?\r?$", re.M)
MARKED = ("<<<<<<< ", ">>>>>>> ")  # within a cell, also where nbdime writes each into a cell of its own
FUNCTIONS = re.compile(r"^(?:async[ \t]+def|def|class)[ \t]+([^\W\d]\w*)", re.M)
ASSIGNED = re.compile(r"^([^\W\d]\w*)[ \t]*(?::[^=\n]*)?=(?!=)", re.M)
MOST_NAMED = 3
MOST_MARKERS = 10_000

# What begins so is no notebook, whatever its name says: what it is, and what to do.
IN_ITS_PLACE: Sequence[tuple[re.Pattern[str], str, str]] = (
    (
        re.compile(r"(?i)<(?:!doctype|html|head|\?xml)"),
        "a web page",
        "ask for the notebook itself: File → Download in JupyterLab, Raw on a code platform",
    ),
    (re.compile(r"PK\x03\x04"), "a zip", "unpack it there, and grade again"),
    (re.compile(r"%PDF"), "a PDF", "ask for the notebook itself: File → Download in JupyterLab"),
    (re.compile(r"version https://git-lfs"), "a pointer of Git LFS", "ask for the file itself: git lfs pull"),
    (
        re.compile(r"(?:#|import |from |def |\"\"\"|'''|# -\*-|%)"),
        "no notebook but code or text",
        "ask for the notebook itself: File → Download in JupyterLab",
    ),
)


class UnreadError(Exception):
    """Why a notebook cannot be graded, and what would help."""

    def __init__(self, reason: str, remedy: str = AGAIN) -> None:
        super().__init__(reason)
        self.reason, self.remedy = reason, remedy


def text_of(raw: bytes, name: str) -> tuple[str, str]:
    """The text of a notebook, and what is to be said of its encoding, which is mostly nothing.

    It is UTF-8, with a byte order mark or without (editors of Windows write one), or UTF-16 or -32, as JSON was once
    allowed to be (RFC 4627, section 3). What is none of them, and a notebook when it is read as Windows-1252, is that.

    Raises:
        UnreadError: it is no text.
    """
    try:
        return raw.decode(json.detect_encoding(raw)), ""
    except UnicodeDecodeError as error:
        refused = UnreadError(f"{name} is not UTF-8 text (byte {error.start} is {raw[error.start]:#04x})")
    if found := what_it_is(raw[:200].decode("latin-1"), name):
        raise UnreadError(*found)
    if raw.lstrip()[:1] != b"{" or raw.rstrip()[-1:] != b"}" or b'"nbformat"' not in raw:
        raise refused
    try:
        return raw.decode("cp1252"), f"{name} is not UTF-8 and was read as Windows-1252: accents may be wrong"
    except UnicodeDecodeError:
        raise refused from None


def what_it_is(text: str, name: str) -> tuple[str, str] | None:
    """What stands in the place of a notebook, by how it begins, and what to do; None where that says nothing."""
    start = text.lstrip("\ufeff\r\n\t ")
    found = ((what, remedy) for begins, what, remedy in IN_ITS_PLACE if begins.match(start))
    return next(((f"{name} is {what}", remedy) for what, remedy in found), None)


def why_no_json(text: str, error: json.JSONDecodeError, name: str) -> UnreadError:
    """Why a text is no notebook, where it is no JSON."""
    if not text.strip():
        return UnreadError(f"{name} is an empty file")
    if found := what_it_is(text, name):
        return UnreadError(*found)
    where = f"line {error.lineno}, column {error.colno}: {error.msg}"
    cut = text.lstrip()[:1] == "{" and text.rstrip()[-1:] != "}"
    return UnreadError(f"{name} is no JSON ({where})" + (": it breaks off, and its end is lost" if cut else ""))


@dataclass(frozen=True)
class Conflict:
    """Git's conflict markers in a text that is to be JSON: what the sides are called, how many places, the first line.

    `texts` has what each side would be, by `SIDES`; it is empty where the markers are no whole ones.
    """

    labels: tuple[str, str]
    places: int
    line: int
    texts: Mapping[str, str] = field(default_factory=dict)


def conflict_in(text: str) -> Conflict | None:
    """The conflict that a text holds; None where there is none. Markers are those of git-merge(1), diff3's too."""
    found = itertools.islice(MARKER.finditer(text), MOST_MARKERS)
    marks = [(one["kind"][0], (one["label"] or "").strip(), one.start(), one.end()) for one in found]
    begins = [mark for mark in marks if mark[0] == "<"]
    if not begins or not any(mark[0] == ">" for mark in marks):
        return None
    line = text.count("\n", 0, begins[0][2]) + 1
    labels = (begins[0][1] or OURS, next(label for kind, label, *_ in marks if kind == ">") or THEIRS)
    if len(marks) == MOST_MARKERS or not re.fullmatch(r"(?:<\|?=>)+", "".join(mark[0] for mark in marks)):
        return Conflict(labels, len(begins), line)
    sides: dict[str, list[str]] = {OURS: [], THEIRS: []}
    into: Sequence[str] = SIDES
    at = 0
    after: Mapping[str, Sequence[str]] = {"<": (OURS,), "|": (), "=": (THEIRS,), ">": SIDES}
    for kind, _, start, end in marks:
        for side in into:
            sides[side].append(text[at:start])
        into, at = after[kind], end + 1
    for side in into:
        sides[side].append(text[at:])
    return Conflict(labels, len(begins), line, {side: "".join(parts) for side, parts in sides.items()})


def marked_cells(notebook: NotebookNode) -> str:
    """What is to be said of conflict markers inside of cells, which are valid JSON and no Python; mostly nothing."""
    begin, end = ([at for at, cell in enumerate(notebook.cells, 1) if mark in cell.source] for mark in MARKED)
    places = [str(at) for at in begin if end and at <= end[-1]]
    if not places:
        return ""
    more = f" and {len(places) - MOST_NAMED} more" if len(places) > MOST_NAMED else ""
    return f"git's conflict markers stand in cell {', '.join(places[:MOST_NAMED])}{more}: a side was never chosen"


@dataclass(frozen=True)
class Signature:
    """What tells a notebook of the course from its others: the names of its cells, and what its answers define."""

    lab: str
    notebook: str
    ids: frozenset[str]
    defines: frozenset[str]

    @staticmethod
    def from_json(said: Mapping[str, Any]) -> Signature:
        """From what is made of one by `as_json`."""
        return Signature(said["lab"], said["notebook"], frozenset(said["ids"]), frozenset(said["defines"]))

    def as_json(self) -> dict[str, Any]:
        """For the processes that read."""
        return {"lab": self.lab, "notebook": self.notebook, "ids": sorted(self.ids), "defines": sorted(self.defines)}


def whose(notebook: NotebookNode, own: Signature, known: Collection[Signature]) -> list[Signature]:
    """Which other notebooks of the course this one is, the likeliest first; none where it may well be its own.

    It is another's where it has no cell that `own` alone has of the two, and more than half of those that only the
    other has. Cells count by nbgrader's names; where it has none that anybody knows, by the functions that they define.
    """
    ids = {name for cell in notebook.cells if (name := claimed_id(cell))}
    defines = {name for cell in notebook.cells if cell.cell_type == "code" for name in defined(cell.source)}
    by_ids = any(ids & one.ids for one in (own, *known))
    found: list[tuple[float, int, Signature]] = []
    for one in known:
        if (one.lab, one.notebook) == (own.lab, own.notebook):
            continue
        has, its, mine = (ids, one.ids, own.ids) if by_ids else (defines, one.defines, own.defines)
        if its - mine and mine - its and not has & (mine - its):
            share = len(has & (its - mine)) / len(its - mine)
            if share > 0.5:
                found.append((share, len(has & its), one))
    found.sort(key=lambda entry: (-entry[0], -entry[1], entry[2].lab, entry[2].notebook))
    return [one for share, count, one in found if (share, count) == found[0][:2]]


def is_own(notebook: NotebookNode, own: Signature) -> bool:
    """Whether a notebook of any name has more than half of the cells of `own`."""
    ids = {name for cell in notebook.cells if (name := claimed_id(cell))}
    return len(ids & own.ids) * 2 > len(own.ids) > 0


def defined(source: str) -> list[str]:
    """The functions and classes that a cell defines at its top level; where there are none, the names it assigns.

    By the lines alone: a cell with magics, or one that is no Python elsewhere, defines what it defines.
    """
    return FUNCTIONS.findall(source) or ASSIGNED.findall(source)


@dataclass(frozen=True)
class FoundAgain:
    """Graded cells of a release that a submission has without their name.

    `places` gives the name of a cell of the submission by its place; `within` names the released cells whose functions
    stand in a cell that is another one's, and what they define.
    """

    places: Mapping[int, str] = field(default_factory=dict)
    within: Mapping[str, Sequence[str]] = field(default_factory=dict)
    by_function: Sequence[str] = ()


def found_again(submitted: NotebookNode, released: NotebookNode) -> FoundAgain:
    """Find the cells that lost nbgrader's metadata: pasted into a new notebook, retyped, put together in one cell.

    An answer is the last cell that defines a function of the released one and is not the released text itself; any
    other cell, and an answer that nobody defines, is the first with the released text.
    """
    known = {name: cell for cell in released.cells if (name := claimed_id(cell))}
    claimed = [claimed_id(cell) for cell in submitted.cells]
    missing = {name: cell for name, cell in known.items() if name not in claimed}
    free = [at for at, name in enumerate(claimed) if name not in known]
    if not missing:
        return FoundAgain()
    does = {at: _bound(cell.source) for at, cell in enumerate(submitted.cells) if cell.cell_type == "code"}
    given = {(cell.cell_type, cell.source.strip()) for cell in released.cells}
    own = [at for at in free if at in does and ("code", submitted.cells[at].source.strip()) not in given]
    wanted = dict(_answers(missing))
    places: dict[int, str] = {}
    for name, names in wanted.items():
        place = next((at for at in reversed(own) if at not in places and names & does[at]), None)
        if place is not None:
            places[place] = name
    by_function = list(places.values())
    within = {
        name: sorted(names)
        for name, names in wanted.items()
        if name not in by_function and any(names & does[at] for at in does if at in places or claimed[at] in known)
    }
    for name, cell in missing.items():
        text = (cell.cell_type, cell.source.strip())
        if name in by_function or name in within or not text[1]:
            continue
        same = (at for at in free if at not in places and _text(submitted.cells[at]) == text)
        if (place := next(same, None)) is not None:
            places[place] = name
    return FoundAgain(places, within, by_function)


def _answers(missing: Mapping[str, NotebookNode]) -> Iterator[tuple[str, set[str]]]:
    """The names that only one of the answers defines, by the name of its cell."""
    cells = {
        name: defined(cell.source)
        for name, cell in missing.items()
        if cell.cell_type == "code" and cell.metadata.nbgrader.get("solution") and not cell.metadata.nbgrader.locked
    }
    for name, names in cells.items():
        others = {one for other, found in cells.items() if other != name for one in found}
        if own := {*names} - others:
            yield name, own


def _bound(source: str) -> set[str]:
    return {*FUNCTIONS.findall(source), *ASSIGNED.findall(source)}


def _text(cell: NotebookNode) -> tuple[str, str]:
    return cell.cell_type, cell.source.strip()
