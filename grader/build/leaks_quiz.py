"""The scan for quiz keys under `labs/`: the bank secret, claims, feedback, misconceptions, and whole banks."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from grader.build.notebooks import quiz_refused
from grader.course.paths import Course
from grader.quizzes.keep import read_secret
from grader.quizzes.load import QuizError, load
from grader.quizzes.model import BankModel
from grader.quizzes.own import made_exam
from labkit.quiz.bank import BankError, unpacked

MIN_PROSE = 24
MIN_CODE = 16
PROSE = {"feedback", "otherwise", "misconception", "note", "source"}
CODE = {"claim"}
PUBLIC = {"stem", "text", "left", "right", "label", "alt", "code", "title", "objective"}
SPLIT = re.compile(r"\{\{.*?\}\}|\$[^$]*\$|`[^`]*`|\*+|\n\n|\\[A-Za-z]+|[\"“”&<>\\]")
# Ciphertexts and figures: no prose and no code is so long without a space, a line end or an operator.
ENCODED = re.compile(r"[A-Za-z0-9+/]{120,}={0,2}")
# A line of a bank that decides or explains an answer, wherever it stands.
BANK_LINE = re.compile(r"^\s*(?:- )?(?:key: true|claim: \S|misconception: \S)", re.M)
# A bank inside another file.
PACKED = re.compile(rb'"format":\s*2,\s*"packed":\s*"[A-Za-z0-9+/=]+"')
# Ciphertexts of a bank's answers, which only a practice bank has.
SEALED = re.compile(r'"sealed":\s*\[\s*"')

Found = tuple[Path, int, str, str]


def find_quiz_leaks(course: Course) -> Iterator[Found]:
    """(file, line, what stands there, where it comes from) for every piece of a bank's keys under `labs/`.

    Raises:
        BuildError: a bank is not in order.
        LookupError: there are banks and no secret.
    """
    banks = course.bank_files()
    if not banks:
        return
    secret = read_secret(course.quizzes)
    pieces: dict[str, str] = {}
    exams_here = []
    for name, path in banks.items():
        try:
            exams_here += [name] if made_exam(path) or load(path).model.mode == "exam" else []
            pieces |= {piece: f"a secret of the bank {name}" for piece in secret_pieces(path)}
        except QuizError as error:
            raise quiz_refused(error) from None
    for file in sorted(path for path in course.labs.rglob("*") if path.is_file() and "__pycache__" not in path.parts):
        raw = handed_out(file)
        for shape in (secret, secret.hex().encode()):
            if shape in raw:
                yield file, raw[: raw.index(shape)].count(b"\n") + 1, "…", "the secret of quizzes/secret"
        if "weights" in file.parts:
            continue
        plain = raw.decode("utf-8", errors="replace").replace('\\"', '"')
        for name in exams_here:
            if (found := SEALED.search(plain)) and re.search(rf'"bank":\s*"{re.escape(name)}"', plain):
                line = plain[: found.start()].count("\n") + 1
                yield file, line, found.group(0)[:40], f"sealed keys of the exam {name} (run `grader build`)"
        text = ENCODED.sub("…", raw.decode("utf-8", errors="replace"))
        if file.suffix in (".yaml", ".yml", ".json", ".txt") and (found := BANK_LINE.search(text)):
            yield file, text[: found.start()].count("\n") + 1, found.group(0).strip(), "a line of a bank"
        for piece in _found(pieces, text):
            yield file, _line(text, piece), piece[:60], pieces[piece]


def _found(pieces: Iterable[str], text: str) -> Iterator[str]:
    """The pieces that stand in a text, however it breaks its lines.

    Where a text has not all words that stand between the first and the last one of a piece, it has not the piece: that
    is soon seen, and nearly always so.
    """
    folded, tight = _folded(text), _tight(text)
    words = set(folded.split(" "))
    for piece in pieces:
        whole = piece.split(" ")
        if all(word in words for word in whole[1:-1]) and piece in folded:
            yield piece
        if len(whole) == 1 and piece in tight:
            yield piece


def handed_out(file: Path) -> bytes:
    """What a file tells whoever reads it with the kit: a sealed bank is its content; banks in others follow them."""
    raw = file.read_bytes()
    inner = []
    for found in PACKED.finditer(raw):
        with suppress(BankError):
            inner.append(unpacked(b"{" + found.group(0) + b"}", file.name))
    return inner[0] if inner and file.name.endswith(".quiz.json") else b"\n".join([raw, *inner])


def secret_pieces(path: Path) -> set[str]:
    """What of a bank students must not read: prose in pieces between markup, code without white space."""
    secrets: list[tuple[str, str]] = []
    public: list[str] = []
    _collect(load(path).model, "", secrets, public)
    shown = {_folded(text) for text in public}
    pieces: set[str] = set()
    for kind, text in secrets:
        if kind == "code":
            lines = [tight for line in text.splitlines() if len(tight := _tight(line)) >= MIN_CODE]
            pieces |= {line for line in lines if not any(line in _tight(known) for known in public)}
        else:
            parts = [folded for part in SPLIT.split(text) if len(folded := _folded(part).strip(" .,:;")) >= MIN_PROSE]
            pieces |= {part for part in parts if not any(part in known for known in shown)}
    return pieces


def _collect(node: Any, name: str, secrets: list[tuple[str, str]], public: list[str]) -> None:
    """Sort a bank's texts into secret ones and public ones, by the name of their field."""
    if isinstance(node, BaseModel):
        for field in type(node).model_fields:
            shown = isinstance(node, BankModel) and field == "note"  # a bank's note is for students, an item's is not
            _collect(getattr(node, field), "stem" if shown else field, secrets, public)
    elif isinstance(node, dict):
        for value in node.values():
            _collect(value, name, secrets, public)
    elif isinstance(node, list | tuple):
        for value in node:
            _collect(value, name, secrets, public)
    elif isinstance(node, str):
        if name in PROSE:
            secrets.append(("prose", node))
        elif name in CODE:
            secrets.append(("code", node))
        elif name in PUBLIC:
            public.append(node)


def _folded(text: str) -> str:
    """A text with entities read, JSON's escapes taken away, and white space collapsed."""
    return " ".join(html.unescape(text.replace('\\"', '"').replace("\\n", " ")).split())


def _tight(text: str) -> str:
    return "".join(html.unescape(text.replace('\\"', '"').replace("\\n", "")).split())


def _line(text: str, piece: str) -> int:
    """The first line that holds the beginning of a piece; 1 if it is broken over lines."""
    start = piece[:20]
    lines = enumerate(text.splitlines(), start=1)
    return next((number for number, line in lines if start in _folded(line) or start in _tight(line)), 1)
