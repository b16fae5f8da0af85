"""Numbers where systems compare texts: what students type is listed, and all that is listed is right."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from grader.formats.canvas.items import SPELLINGS
from grader.formats.importing import import_bytes
from grader.formats.model.packages import unpack
from grader.formats.model.registry import export_bank
from grader.formats.model.typed import listed, spellings
from grader.quizzes.keyed import Answer
from grader.quizzes.rendered import RenderedBank, RenderedItem, RenderedPart, RenderedVariant
from labkit.quiz.answers import read_answer
from labkit.quiz.numbers import bare, meanings
from tests.formats.making import bank_of, numbers


def number(*accepted: str, decimals: int, unit: str = "") -> RenderedPart:
    answers = tuple(Answer(text, 1, "<p>Yes.</p>") for text in accepted)
    return RenderedPart("b1", "number", "Value", answers=answers, decimals=decimals, unit=unit, other="<p>No.</p>")


@pytest.mark.parametrize(
    ("part", "wanted"),
    [
        (number("0.1", decimals=1), ["0.1", ".1", "0.10", ".10", "0,1", ",1", "0,10", ",10"]),
        (
            number("0.10", decimals=2),
            ["0.10", ".10", "0.1", ".1", "0.100", ".100", "0,10", ",10", "0,1", ",1", "0,100"],
        ),
        (number("3", decimals=0), ["3", "3.0", "3,0"]),
        (number("3.00", decimals=2), ["3.00", "3", "3.0", "3.000", "3,00", "3,0"]),
        (number("-0.5", decimals=1), ["-0.5", "-.5", "−0.5", "−.5", "−0,5", "−,5"]),
        (number("4480", decimals=0), ["4480", "4,480", "4 480", "4480.0"]),
        (number("4480.50", decimals=2), ["4480.50", "4480.5", "4,480.5", "4 480,5", "4480,50"]),
        (number("0.7", decimals=1, unit="nats"), ["0.7", "0.7 nats", "0.7nats", ".7 nats", "0,7 nats"]),
        (number("0.69", "0.70", decimals=2), ["0.69", "0.70", ".69", "0.7", "0,7"]),
    ],
    ids=lambda value: value.answers[0].answer if isinstance(value, RenderedPart) else "",
)
def test_what_students_type_is_listed(part: RenderedPart, wanted: list[str]) -> None:
    assert set(wanted) <= set(spellings(part, SPELLINGS))


@given(numbers())
def test_all_that_is_listed_is_an_accepted_number(part: RenderedPart) -> None:
    right = {Decimal(answer.answer) for answer in part.answers if answer.credit}
    found = spellings(part, SPELLINGS)
    assert len(set(found)) == len(found) <= SPELLINGS
    for text in found:
        (value, *others) = meanings(bare(text, part.unit))
        assert {Decimal(value), *map(Decimal, others)} & right
        read = read_answer("number", text, decimals=part.decimals, unit=part.unit)
        assert read.meant or Decimal(read.answer) in right


@given(numbers(), st.integers(1, 200))
def test_the_likelier_spellings_come_first_and_the_report_counts_them(part: RenderedPart, most: int) -> None:
    every = spellings(part, 10**6)
    found = spellings(part, most)
    assert found == every[:most]
    said = listed(part, found)
    assert (f"{len(found)} of {len(every)} usual" in said) == (most < len(every))
    assert f"{len(found)}" in said
    first = [answer.answer for answer in part.answers if answer.credit][:most]
    assert set(first) <= set(found)


def cloze(*parts: RenderedPart) -> RenderedBank:
    stem = "<p>Two numbers: " + " ".join(f'<span data-part="{part.id}"></span>' for part in parts) + "</p>"
    variant = RenderedVariant(0, stem, "Two numbers", parts)
    return bank_of(RenderedItem("two", "Two", "cloze", "write them", "05-dpo", 1.0, "per-part", None, (variant,)))


def test_canvas_gets_every_spelling_with_an_id_of_its_own() -> None:
    wide = number(*[f"{n / 100:.2f}" for n in range(100, 131)], decimals=2, unit="nats")
    made = export_bank(cloze(wide, replace(number("0.10", decimals=2), id="b2")), "qti12")
    (quiz,) = [data for path, data in unpack(made.data).items() if path.endswith("made.xml")]
    root = etree.fromstring(quiz)
    blanks = root.findall(".//{*}response_lid")
    texts = [[one.text for one in blank.iterfind(".//{*}response_label//{*}mattext")] for blank in blanks]
    assert len(texts[0]) == SPELLINGS
    assert texts[1] == spellings(number("0.10", decimals=2), SPELLINGS)
    names = [label.get("ident") for label in root.iterfind(".//{*}response_label")]
    assert len(set(names)) == len(names)
    points = {test.text for test in root.iterfind(".//{*}varequal")}
    assert set(names) <= points
    assert any("100 of" in loss.said for loss in made.losses if loss.field == "tolerance")


@settings(max_examples=20, deadline=None)
@given(numbers("b1"))
def test_what_canvas_accepts_comes_back(part: RenderedPart) -> None:
    first = replace(part, unit="")
    wanted = set(spellings(first, SPELLINGS))
    for bank in (cloze(first), cloze(first, replace(number("0.10", decimals=2), id="b2"))):
        (item,) = import_bytes(export_bank(bank, "qti12").data, "made.zip").items
        assert set(item.blanks["b1"].answers) == wanted  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["moodle-xml", "gift", "olx", "jupyterquiz"])
def test_systems_that_read_numbers_with_a_point_only_say_so(sample: RenderedBank, name: str) -> None:
    said = [loss.said for loss in export_bank(sample, name).losses if (loss.item, loss.field) == ("", "numbers")]
    assert len(said) == 1
    assert "0,693" in said[0]
    plain = tuple(item for item in sample.items if item.type == "single")
    without = replace(sample, items=plain, groups=tuple((item.id,) for item in plain))
    assert not any(loss.field == "numbers" for loss in export_bank(without, name).losses)
