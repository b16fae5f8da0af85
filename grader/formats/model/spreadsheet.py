"""Spreadsheets (.xlsx) of one sheet; equal rows give equal bytes."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import datetime

from grader.formats.model.packages import pack, unpack
from grader.formats.model.xmltext import clean

MAX_CELL = 32_767  # characters that a cell holds
THEN = datetime(2000, 1, 1)  # when every sheet was made, as far as it says
Cell = str | int | float


def xlsx(title: str, rows: Sequence[Sequence[Cell]]) -> bytes:
    """A workbook with a sheet of these rows. Texts stay texts: what begins with `=` is no formula.

    Raises:
        ValueError: a text is longer than a cell holds.
    """
    from openpyxl import Workbook

    book = Workbook()
    book.properties.creator = ""
    sheet = book.active
    sheet.title = title
    for number, row in enumerate(rows, start=1):
        for column, value in enumerate(row, start=1):
            if value == "":
                continue
            if isinstance(value, str) and len(value) > MAX_CELL:
                raise ValueError(f"row {number}, column {column}: {len(value)} characters; a cell holds {MAX_CELL}.")
            cell = sheet.cell(number, column)
            cell.value = clean(value) if isinstance(value, str) else value
            if isinstance(value, str):
                cell.data_type = "s"
    made = io.BytesIO()
    book.save(made)
    files = unpack(made.getvalue())
    files["docProps/core.xml"] = _dated(files["docProps/core.xml"])
    return pack(files, first=["[Content_Types].xml"])


def _dated(properties: bytes) -> bytes:
    """What a book says about itself, with one date for all."""
    from lxml import etree

    root = etree.fromstring(properties)
    for element in root.iter("{http://purl.org/dc/terms/}created", "{http://purl.org/dc/terms/}modified"):
        element.text = THEN.strftime("%Y-%m-%dT%H:%M:%SZ")
    made: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8")
    return made
