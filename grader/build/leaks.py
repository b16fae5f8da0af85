"""The scan for answers under `labs/`: solutions, hidden tests, references, wrong answers, quiz keys."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lxml.html import document_fromstring

from grader.build.help import opened_texts
from grader.build.leaks_quiz import find_quiz_leaks, handed_out
from grader.build.notebooks import read_source
from grader.course.paths import Course
from labkit.help_sheet import ENDING

MARKERS = ("BEGIN SOLUTION", "END SOLUTION", "BEGIN HIDDEN TESTS", "END HIDDEN TESTS", "grader.checks", "grader.quizzes")
REGION = re.compile(r"### BEGIN (?:SOLUTION|HIDDEN TESTS)\n(.*?)### END (?:SOLUTION|HIDDEN TESTS)", re.S)
TEXT_SUFFIXES = {".ipynb", ".py", ".md", ".json", ".jsonl", ".toml", ".txt", ".yaml", ".yml", ".html", ".js", ".css"}
MIN_LINE = 12
FILES = {
    "checks.py": "a hidden check of",
    "cases*.py": "a hidden case of",
    "right.py": "a right answer of",
    "wrong.py": "a wrong answer of",
}


@dataclass(frozen=True)
class Leak:
    """A place under `labs/` that holds something of `solutions/`."""

    file: Path
    line: int
    text: str
    origin: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.origin} stands here: {self.text!r}"


def find_leaks(course: Course) -> list[Leak]:
    """Every answer, hidden test, reference or wrong answer found in a text file under `labs/`, and every key of a quiz.

    Two neighbouring lines of a secret count as found (one line where the secret has no other), after white space and
    comments are taken away; what a lab shows its students anyway, its stubs and worked examples, is no secret.
    """
    return leaks_under(course, course.labs) + [Leak(*leak) for leak in find_quiz_leaks(course)]


def leaks_under(course: Course, folder: Path) -> list[Leak]:
    """Every answer, hidden test, reference or wrong answer of the course in a text file under a folder."""
    secrets: dict[tuple[str, ...], str] = {}
    for lab in course.lab_names():
        secrets |= _secrets(course, lab)
    found: list[Leak] = []
    for file in sorted(folder.rglob("*")):
        if file.suffix in TEXT_SUFFIXES and file.is_file() and "weights" not in file.parts:
            found += _scan(file, secrets)
    return found


def _scan(file: Path, secrets: dict[tuple[str, ...], str]) -> Iterator[Leak]:
    lines = list(_text_lines(file))
    for number, text in lines:
        for marker in MARKERS:
            if marker in text and not (marker.startswith("grader.") and file.suffix == ".md"):
                yield Leak(file, number, text.strip(), f"the marker {marker}")
    kept = [(number, plain) for number, text in lines if (plain := _plain(text))]
    for i, (number, text) in enumerate(kept):
        window = (text, kept[i + 1][1]) if i + 1 < len(kept) else (text,)
        for key in {window, (text,)}:
            if key in secrets:
                yield Leak(file, number, " / ".join(key), secrets[key])


def _text_lines(file: Path) -> Iterator[tuple[int, str]]:
    """Numbered lines of a file; of a notebook, the lines of its cells, numbered by cell; of a page, of its text."""
    if file.name.endswith(ENDING):
        yield from enumerate(opened_texts(file.read_bytes()), start=1)
        return
    text = handed_out(file).decode("utf-8", errors="replace")
    if file.suffix == ".html":  # code is in pieces there, each in a colour of its own
        yield from enumerate(document_fromstring(text or " ").text_content().splitlines(), start=1)
        return
    if file.suffix != ".ipynb":
        yield from enumerate(text.splitlines(), start=1)
        return
    for place, cell in enumerate(json.loads(text)["cells"]):
        source = cell["source"]
        for line in ("".join(source) if isinstance(source, list) else source).splitlines():
            yield place, line


def _secrets(course: Course, lab: str) -> dict[tuple[str, ...], str]:
    """Pairs of neighbouring lines that students must not receive, with where they come from."""
    folder = course.solutions / lab
    cells = [cell.source for cell in read_source(folder / "lab.py").cells]
    public = {plain for source in cells for line in REGION.sub("", source).splitlines() if (plain := _plain(line))}
    blocks: list[tuple[str, list[str]]] = []
    for source in cells:
        blocks += [(f"a solution of {lab}", match.group(1).splitlines()) for match in REGION.finditer(source)]
    for pattern, origin in FILES.items():
        for path in sorted(folder.glob(pattern)):
            blocks += [(f"{origin} {lab}", body) for body in _function_bodies(path)]
    secrets: dict[tuple[str, ...], str] = {}
    for origin, block in blocks:
        lines = [plain for line in block if (plain := _plain(line))]
        for key in _windows(lines):
            if not all(line in public for line in key):
                secrets[key] = origin
    return secrets


def _windows(lines: list[str]) -> Iterable[tuple[str, ...]]:
    if len(lines) == 1:
        return [tuple(lines)] if len(lines[0]) >= MIN_LINE else []
    return [pair for pair in zip(lines, lines[1:], strict=False) if len("".join(pair)) >= 2 * MIN_LINE]


def _function_bodies(path: Path) -> Iterator[list[str]]:
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef) and node.body:
            yield lines[node.body[0].lineno - 1 : node.end_lineno]


def _plain(line: str) -> str:
    """A line without white space around and without a trailing comment."""
    return " ".join(re.sub(r"(^|\s)#.*$", "", line).split())
