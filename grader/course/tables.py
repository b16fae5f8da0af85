"""CSV files as people and platforms save them: which encoding, which separator; a head, and lines by number."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from grader.text import FORMULA, student_text

MAX_BYTES = 32 * 2**20
SEPARATORS = ",;\t"
ENCODINGS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
    b"PK\x03\x04": "a workbook",
    b"\xd0\xcf\x11\xe0": "a workbook",
}
TOLD = re.compile(r'"?sep=([,;\t])"?[\r\n]+', re.IGNORECASE)  # a first line by which spreadsheets learn the separator


def read_table(
    path: Path, columns: Collection[str] | None = None, encoding: str | None = None
) -> tuple[list[str], Iterator[tuple[int, dict[str, str]]]]:
    """The head of a CSV file, and its lines by number; empty ones are passed over.

    UTF-8, with or without a byte order mark, and UTF-16, as spreadsheets save "Unicode text"; commas, semicolons or
    tabs between columns, whichever makes most columns of the head.

    Args:
        path: the file.
        columns: which names of columns matter: two others may be called alike, as assignments are in grade books.
        encoding: what the file is in, where it is neither UTF-8 nor UTF-16.

    Raises:
        LookupError: it is no such file; the message names file, line, what was expected and found, and the remedy.
    """
    text = _text(path, encoding)
    before = 0
    separator = ""
    if told := TOLD.match(text):
        text, separator, before = text[told.end() :], told[1], 1
    first = re.split(r"[\r\n]", text, maxsplit=1)[0]
    separator = separator or max(SEPARATORS, key=lambda one: len(next(csv.reader([first], delimiter=one), [])))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        head = [cell.strip() for cell in next(reader, [])]
    except csv.Error as error:
        raise LookupError(f"{path}:1: no CSV file: {error}.") from None
    named = [name for name in head if name]
    matter = [name for name in named if columns is None or name in columns]
    if len(matter) != len(set(matter)):
        raise LookupError(f"{path}:1: two columns have one name: {', '.join(map(student_text, matter))}; rename one.")
    return named, _rows(path, reader, head, before)


def _text(path: Path, encoding: str | None) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise LookupError(f"{path}: more than {MAX_BYTES // 2**20} MB; this is no list of students.")
        raw = path.read_bytes()
    except OSError as error:
        raise LookupError(f"{path}: cannot be read: {error.strerror or error}.") from None
    found = next((name for mark, name in ENCODINGS.items() if raw.startswith(mark)), "")
    if found == "a workbook":
        raise LookupError(f"{path}: a CSV file was expected, this is a workbook; save the sheet as CSV UTF-8.")
    if not found and raw[:2].count(0) == 1:  # UTF-16 without a mark
        found = "utf-16-be" if raw[0] == 0 else "utf-16-le"
    try:
        return raw.decode(found or encoding or "utf-8")
    except LookupError:
        raise LookupError(f"--encoding {encoding!r} is not known; write it like cp1252 or latin-1.") from None
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        said = f"no text in {(found or encoding or 'utf-8').upper()}"
        raise LookupError(f"{path}:{line}: {said}; save it as CSV UTF-8 again.") from None


def _rows(
    path: Path, reader: Iterator[list[str]], head: Sequence[str], skipped: int
) -> Iterator[tuple[int, dict[str, str]]]:
    before = 1
    try:
        for cells in reader:
            line, before = skipped + before + 1, reader.line_num  # type: ignore[attr-defined]  # csv's own reader has it
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) > len(head) and any(cell.strip() for cell in cells[len(head) :]):
                said = f"{len(head)} columns were expected, {len(cells)} were found"
                raise LookupError(f"{path}:{line}: {said}; put a name with a comma into quotation marks.")
            full = [*cells, *[""] * (len(head) - len(cells))]
            yield line, {name: _undefused(cell.strip()) for name, cell in zip(head, full, strict=False) if name}
    except csv.Error as error:
        at = skipped + reader.line_num  # type: ignore[attr-defined]
        raise LookupError(f"{path}:{at}: no CSV file: {error}.") from None


def _undefused(cell: str) -> str:
    """A cell without the apostrophe that keeps spreadsheets from calculating it."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(FORMULA) else cell
