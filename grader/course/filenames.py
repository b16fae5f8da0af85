"""Names of files as students' machines make them: which are nobody's work, which are no names, which are copies."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from pathlib import PurePosixPath

from labkit.quiz.attempts import ATTEMPTS_FILE

MAX_NAME = 255  # bytes in a part of a path, as file systems have it
MAX_PATH = 1000
JUNK_PARTS = {
    "__macosx",
    ".ds_store",
    "thumbs.db",
    "ehthumbs.db",
    "desktop.ini",
    "icon\r",
    ".thumbnails",
    ".ipynb_checkpoints",
    "__pycache__",
    ".spotlight-v100",
    ".trashes",
    ".fseventsd",
    "$recycle.bin",
    "system volume information",
}
DRIVE = re.compile(r"[A-Za-z]:/")
RESERVED = re.compile(r"(?i)(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?:\s*\..*)?\s*")  # Windows opens a device
_SPACE = r"(?:[ _+]|%20)"
_COPY_WORDS = r"copy|kopie|copie|copia|cópia"
COPY_AFTER = re.compile(
    rf"(?:{_SPACE}*(?:\(|%28)\d{{1,4}}(?:\)|%29)"  # browsers, Windows: X (1)
    rf"|-(?:copy|checkpoint)\d*"  # Jupyter: X-Copy1
    rf"|{_SPACE}*[-–]?{_SPACE}+(?:{_COPY_WORDS})(?:{_SPACE}+\d{{1,3}})?"  # macOS: X copy 2; Windows: X - Copy
    rf"|[-_]\d{{1,2}}|{_SPACE}+\d{{1,2}}"  # Canvas: X-1; macOS: X 2
    rf"|\.ipynb|{_SPACE}+)$",  # a browser that adds an ending adds it behind ours
    re.IGNORECASE,
)
COPY_BEFORE = re.compile(
    rf"^(?:(?:copy|kopie|copie|copia|cópia){_SPACE}+(?:\(\d+\){_SPACE}+)?(?:of|von|de|di|du){_SPACE}+|{_SPACE}+)",
    re.IGNORECASE,
)


def is_junk(path: str) -> bool:
    """Whether a path is what systems and editors leave in folders, at any level: `__MACOSX/`, `._x`, `Thumbs.db` …"""
    return any(part.casefold() in JUNK_PARTS or part.startswith(("._", ".~", "~$")) for part in path.split("/"))


def name_problem(path: str) -> str:
    """What makes a path in a zip none that is taken, in words; empty for a harmless one."""
    if any(0xD800 <= ord(sign) < 0xE000 for sign in path):
        return "its name is no UTF-8"
    parts = path.split("/")
    problems = {
        "it has no name": not path.strip("/ "),
        "its name leads out of the zip (`..`)": ".." in (part.strip() for part in parts),
        "its name is an absolute path": path.startswith("/") or bool(DRIVE.match(path)),
        "its name holds a backslash": "\\" in path,
        "its name holds a colon": ":" in path,
        "its name is too long": max(map(_length, parts)) > MAX_NAME or _length(path) > MAX_PATH,
        "its name holds control characters": any(unicodedata.category(sign) == "Cc" for sign in path),
        "its name is a device on Windows": any(RESERVED.fullmatch(part) for part in parts),
    }
    return next((problem for problem, found in problems.items() if found), "")


def lab_of(name: str, labs: Collection[str]) -> str | None:
    """The lab whose notebook a name means, however often it was copied: `Copy of 01-decoding-Copy1 (2).ipynb`."""
    stem = PurePosixPath(name).name
    stem = re.sub(r"(?i)\.ipynb$", "", re.sub(r"(?i)(\.ipynb.*)\.(?:txt|json)$", r"\1", stem))
    known = {lab.casefold(): lab for lab in labs}
    return next((known[one] for one in _without_copies(stem) if one in known), None)


def copies(name: str) -> tuple[int, ...]:
    """The numbers of a copied name, to tell the later of two: () for X.ipynb, (2,) for X-2.ipynb and X (2).ipynb."""
    stem = PurePosixPath(name).stem
    least = list(_without_copies(stem))[-1]
    return tuple(map(int, re.findall(r"\d{1,4}", stem.casefold().replace(least, "", 1))))


def is_notebook(name: str) -> bool:
    """Whether a name is a notebook's, also where a browser added `.txt` or `.json`."""
    return bool(re.search(r"(?i)\.ipynb(?:\.txt|\.json)?$", name))


def is_attempts(name: str) -> bool:
    """Whether a name is that of the attempts of quizzes, or of a copy of them."""
    stem, _, ending = ATTEMPTS_FILE.partition(".")
    base = PurePosixPath(name).name.casefold().removesuffix(".txt")
    return base.endswith(f".{ending}") and stem in _without_copies(base.removesuffix(f".{ending}"))


def _without_copies(stem: str) -> list[str]:
    """A name in small letters, and what is left of it as each sign of a copy is taken off."""
    left = [unicodedata.normalize("NFKC", stem[:MAX_NAME]).casefold()]
    while True:
        shorter = COPY_AFTER.sub("", left[-1]) or left[-1]
        shorter = shorter if shorter != left[-1] else COPY_BEFORE.sub("", left[-1]) or left[-1]
        if shorter == left[-1]:
            return left
        left.append(shorter)


def _length(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))
