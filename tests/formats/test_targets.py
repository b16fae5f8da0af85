"""Brightspace, OpenOlat, Kahoot, Wooclap; and every bank in every format, with the truth about what is lost."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from dataclasses import replace
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from lxml import etree

from grader.formats.kahoot.write import ANSWER, ANSWERS, HEADINGS, QUESTION, SECONDS
from grader.formats.model.pools import numbered
from grader.formats.model.registry import TYPES, Exported, Losses, NothingCarriedError, export_bank, formats
from grader.formats.model.responses import responses
from grader.formats.model.richtext import MATHML, plain
from grader.formats.model.spreadsheet import xlsx
from grader.quizzes.rendered import RenderedBank
from tests.formats.making import banks

NEW = ("blackboard", "blackboard-text", "brightspace", "ilias", "kahoot", "openolat", "wooclap")
SLOW = ("print",)  # needs Chromium; test_sheets.py has it


def exported(bank: RenderedBank, name: str) -> Exported:
    """A bank in a format; nothing in it where the format can carry nothing."""
    try:
        return export_bank(bank, name)
    except NothingCarriedError as nothing:
        return Exported(name, "", b"", nothing.losses, 0)


@pytest.mark.parametrize("name", [name for name in formats() if name not in SLOW])
def test_every_bank_in_every_format(bank: RenderedBank, name: str) -> None:
    """Every item is in the file, or a loss says that it is left out; whatever it uses is carried, or told."""
    made = exported(bank, name)
    gone = {loss.item for loss in made.losses if loss.field in TYPES}
    assert made.items == len(bank.items) - len(gone)
    assert bool(made.data) == (made.items > 0)
    assert gone <= {item.id for item in bank.items}
    assert all(loss.said for loss in made.losses)
    if name in NEW:
        assert exported(bank, name).data == made.data


@pytest.mark.parametrize("name", NEW)
def test_made_banks_are_written_whatever_their_texts_are(name: str) -> None:
    @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
    @given(banks(TYPES))
    def check(bank: RenderedBank) -> None:
        made = exported(bank, name)
        assert made.items == len(bank.items) - len({loss.item for loss in made.losses if loss.field in TYPES})
        if made.data and name == "blackboard-text":
            lines = made.data.decode().split("\r\n")[:-1]
            assert all(line and "\n" not in line for line in lines)
            kinds = {line.split("\t")[0] for line in lines}
            assert kinds <= {"MC", "MA", "FIB", "FIB_PLUS", "NUM", "ORD", "MAT"}
        if made.data and name.endswith(("blackboard", "ilias", "openolat")):
            with zipfile.ZipFile(io.BytesIO(made.data)) as package:
                for path in package.namelist():
                    if path.endswith((".xml", ".dat")):
                        etree.fromstring(package.read(path))

    check()


# Brightspace -------------------------------------------------------------------------------------------------------


def blocks(data: bytes) -> dict[str, list[list[str]]]:
    """The rows of each question, by its ID."""
    assert data.startswith("\ufeff".encode())
    found: dict[str, list[list[str]]] = {}
    block: list[list[str]] = []
    for row in csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")):
        assert len(row) == 5
        if not any(row):
            found[next(cells[1] for cells in block if cells[0] == "ID")] = block
            block = []
        else:
            block.append(row)
    assert not block
    return found


def test_brightspace_has_the_keys(bank: RenderedBank) -> None:
    found = blocks(export_bank(bank, "brightspace").data)
    for question in numbered(bank, Losses()):
        rows = found.get(question.id)
        if rows is None:
            assert question.item.type in ("cloze", "code-output")
            continue
        part, item = question.variant.parts[0], question.item
        assert [row[1] for row in rows if row[0] == "Points"] == [f"{item.points:g}"]
        options = [row for row in rows if row[0] == "Option"]
        full = "1" if part.kind == "boxes" else "100"
        if part.options and item.type in ("single", "multiple", "code-output"):
            assert sum(row[1] == full for row in options) == sum(option.true for option in part.options)
            assert {" ".join(row[4].split()) for row in options if row[1] == full} == {
                " ".join(plain(option.feedback).split()) for option in part.options if option.true
            }
        if item.type == "match":
            choices = {row[1] for row in rows if row[0] == "Choice"}
            assert {row[1] for row in rows if row[0] == "Match"} == choices
        if item.type == "order":
            assert sum(row[0] == "Item" for row in rows) == len(question.variant.parts)


def test_brightspace_takes_the_numbers_that_we_take(bank: RenderedBank) -> None:
    found = blocks(export_bank(bank, "brightspace").data)
    for question in numbered(bank, Losses()):
        if question.item.type != "numeric":
            continue
        (part,) = question.variant.parts
        patterns = [row[2] for row in found[question.id] if row[0] == "Answer"]
        right = {answer.answer for answer in part.answers if answer.credit}
        for given_ in responses(question.item, question.variant):
            typed = given_.get(part.id, "")
            assert isinstance(typed, str)
            assert any(re.search(pattern, typed) for pattern in patterns) == (typed in right), typed


# OpenOlat ----------------------------------------------------------------------------------------------------------


def test_openolat_is_valid_and_has_no_mathml(bank: RenderedBank, schema: Any) -> None:
    loaded = schema("qti21/imsqti_v2p1p2.xsd")
    with zipfile.ZipFile(io.BytesIO(export_bank(bank, "openolat").data)) as package:
        paths = [path for path in package.namelist() if path.startswith("items/") or path == "test.xml"]
        assert "QTI21PackageConfig.xml" in package.namelist()
        for path in paths:
            root = etree.fromstring(package.read(path))
            assert loaded.validate(root), loaded.error_log
            assert not any(True for _ in root.iter(f"{{{MATHML}}}math"))
            assert not re.search(r"[. ]|^\d", path.removesuffix(".xml").removeprefix("items/"))
        test = etree.fromstring(package.read("test.xml"))
    names = test.xpath("//*[local-name()='outcomeDeclaration']/@identifier")
    assert {"SCORE", "MAXSCORE", "MINSCORE", "PASS"} == set(names)


def test_openolat_keeps_every_formula(sample: RenderedBank) -> None:
    def texts(name: str) -> str:
        with zipfile.ZipFile(io.BytesIO(export_bank(sample, name).data)) as package:
            return "".join(package.read(path).decode() for path in package.namelist() if path.startswith("items/"))

    formulas = texts("qti21").count("<math ")
    assert texts("openolat").count('class="math"') == formulas > 0


# Spreadsheets ------------------------------------------------------------------------------------------------------


def rows_of(data: bytes) -> list[tuple[Any, ...]]:
    sheet = openpyxl.load_workbook(io.BytesIO(data)).active
    return list(sheet.iter_rows(values_only=True))


@pytest.mark.parametrize("name", ["kahoot", "wooclap"])
def test_the_right_answers_are_right(bank: RenderedBank, name: str) -> None:
    made = exported(bank, name)
    if not made.items:
        return
    head, *rows = rows_of(made.data)
    first = 1 if name == "kahoot" else 3
    told = head.index(HEADINGS[-1] if name == "kahoot" else "Correct")
    keys = {
        frozenset(flat(option.html) for option in part.options if option.true)
        for question in numbered(bank, Losses())
        for part in question.variant.parts
    }
    for row in rows:
        right = [int(place) for place in str(row[told]).split(",")]
        assert frozenset(flat(str(row[first + place - 1]).replace("$", "")) for place in right) in keys


def flat(html: str) -> str:
    return " ".join(plain(html).split())


def test_kahoot_keeps_its_limits(bank: RenderedBank) -> None:
    made = exported(bank, "kahoot")
    if not made.items:
        assert all("Kahoot" in loss.said for loss in made.losses if loss.field in TYPES)
        return
    head, *rows = rows_of(made.data)
    assert head == HEADINGS
    for row in rows:
        asked, *answers, seconds, _ = row
        assert len(asked) <= QUESTION
        assert len(answers) == ANSWERS
        assert all(len(answer) <= ANSWER for answer in answers if answer)
        assert seconds in SECONDS


def test_variants_that_do_not_fit_leave_the_others_in(sample: RenderedBank) -> None:
    item = next(item for item in sample.items if item.id == "what-beta-does")
    (variant,) = item.variants
    long = replace(variant, variant=1, stem=f"<p>{'long ' * 40}</p>")
    two = replace(item, variants=(variant, long))
    bank = replace(sample, items=(two,), groups=((item.id,),))
    made = export_bank(bank, "kahoot")
    assert (made.items, len(rows_of(made.data))) == (1, 2)
    assert (
        "variants",
        "1 of 2 are left out: Kahoot takes 120 characters in a question, this has 199; it is left out",
    ) in {(loss.field, loss.said) for loss in made.losses}


def test_a_text_that_begins_with_a_sign_is_no_formula() -> None:
    made = xlsx("x", [["=1+1", "+1", 2, 2.5, ""]])
    assert made == xlsx("x", [["=1+1", "+1", 2, 2.5, ""]])
    cells = next(openpyxl.load_workbook(io.BytesIO(made)).active.iter_rows())
    assert [(cell.value, cell.data_type) for cell in cells] == [("=1+1", "s"), ("+1", "s"), (2, "n"), (2.5, "n")]
    with pytest.raises(ValueError, match="row 1, column 1: 32768 characters; a cell holds 32767"):
        xlsx("x", [["a" * 32768]])
