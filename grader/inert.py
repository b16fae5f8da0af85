"""Which files of students may stand in `class/autograded`, from where servers and browsers show them.

The list says what may pass. Pages, pictures that are programs (SVG), PDF files (which hold scripts), Markdown,
notebooks, archives and code do not: a kernel that starts in that folder would import code of this name or that.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from grader.text import StudentText, student_text

TEXTS = frozenset({".txt", ".csv", ".tsv", ".json", ".jsonl", ".log"})
PICTURES = {
    ".png": (b"\x89PNG\r\n\x1a\n",),
    ".jpg": (b"\xff\xd8\xff",),
    ".jpeg": (b"\xff\xd8\xff",),
    ".gif": (b"GIF87a", b"GIF89a"),
}
# Marks that no address, no shell and no guess of a content type reads: `ab:x.html?.txt` is HTML to Python's mimetypes.
MARKS = frozenset(" ._-()+=@")
CONFIGURATION = "_config.json"  # jupyter_server_config.json, nbgrader_config.json: programs read these in any folder
# What labkit writes beside a notebook: it stays behind without a word.
OWN = re.compile(r"\.quiz-[\w.-]+\.draft\.json|[\w.-]+-hand-in\.zip")
MOST_NAMED = 5


def is_inert(name: str, content: bytes) -> bool:
    """Whether a file can do nothing wherever it is opened: its name, by its last ending, and its content agree."""
    path = PurePosixPath(name)
    kind = path.suffix.lower()
    if not all(map(_is_plain, path.parts)) or path.name.lower().endswith(CONFIGURATION):
        return False
    if kind in PICTURES:
        return content.startswith(PICTURES[kind])
    return kind in TEXTS and _is_text(content)


def left_behind(files: Mapping[str, bytes], others: Iterable[str] = ()) -> list[StudentText]:
    """One line that names what stays in `class/submitted`, or none; `others` are names that the release has too."""
    known = set(others)
    names = sorted(
        name
        for name, content in files.items()
        if name not in known and not is_inert(name, content) and not OWN.fullmatch(PurePosixPath(name).name)
    )
    if not names:
        return []
    told = ", ".join(student_text(name, 60) for name in names[:MOST_NAMED])
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return [student_text(f"left in submitted/: {told}{more}; only text and pixel images are shown beside a notebook")]


def _is_plain(part: str) -> bool:
    """Whether a name is read alike by people, file systems, servers and shells: letters, digits and a few marks."""
    if part[0] in " .-" or part[-1] in " .":
        return False
    return all(letter in MARKS or letter.isalnum() or unicodedata.category(letter) in ("Mn", "Mc") for letter in part)


def _is_text(content: bytes) -> bool:
    try:
        return "\0" not in content.decode("utf-8")
    except UnicodeDecodeError:
        return False
