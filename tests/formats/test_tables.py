"""CSV, Markdown, JupyterQuiz and OLX: whatever a bank says comes out as it went in."""

from __future__ import annotations

import csv
import io
import json
import tarfile
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from lxml import etree

from grader.formats.model.figures import drawing
from grader.formats.model.markdown import markdown
from grader.formats.model.pools import numbered
from grader.formats.model.registry import TYPES, Losses, export_bank
from grader.formats.model.typed import accepted, known_wrong
from grader.quizzes.markup import to_html
from grader.quizzes.rendered import RenderedBank, RenderedPart
from labkit.quiz.answers import read_answer

from .making import banks, numbers


def rows(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


@settings(max_examples=25, deadline=None)
@given(banks(TYPES))
def test_a_table_says_what_the_bank_says(bank: RenderedBank) -> None:
    found = rows(export_bank(bank, "csv").data)
    wanted = []
    for question in numbered(bank, Losses()):
        for part in question.variant.parts:
            told = [(markdown(o.html), str(int(o.true)), markdown(o.feedback)) for o in part.options]
            told += [(a.answer, str(int(a.credit == 1)), markdown(a.feedback)) for a in part.answers]
            told += [("", "0", markdown(part.other))] if part.kind in ("number", "text") else []
            wanted += [(question.id, part.id, *one) for one in told]
    assert [(r["question"], r["part"], r["answer"], r["right"], r["feedback"]) for r in found] == wanted


def test_a_table_has_the_same_columns_in_each_row_and_the_mark_of_utf_8(bank: RenderedBank) -> None:
    data = export_bank(bank, "csv").data
    assert data.startswith(b"\xef\xbb\xbfbank,item,question,")
    lines = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    assert {len(line) for line in lines} == {len(lines[0])}
    assert b"\r\n" in data


@settings(max_examples=25, deadline=None)
@given(banks(TYPES))
def test_markdown_shows_each_text_as_it_was(bank: RenderedBank) -> None:
    """A sheet is Markdown in our own dialect: read again, it has the text of every stem, option and feedback."""
    sheet = export_bank(bank, "markdown").data.decode()
    body = sheet.split("\n[figure-")[0]
    assert body.startswith("# ")
    questions = numbered(bank, Losses())
    assert body.count("\n## ") >= 2 * len(questions)
    for question in questions:
        for part in question.variant.parts:
            for said in [answer.feedback for answer in part.answers if answer.credit == 1]:
                first = markdown(said).split("\n")[0]
                assert first in body


def test_a_sheet_has_its_figures_and_its_key(sample: RenderedBank) -> None:
    sheet = export_bank(sample, "markdown").data.decode()
    asked, key = sheet.split("\n# Key\n")
    assert "![A curve that falls from left to right][figure-" in asked
    assert sheet.count("]: <data:image/svg+xml;base64,") == len(sample.items[0].variants)
    assert "Right: each factor" not in asked
    assert "Right: each factor" in key
    assert "<table" not in to_html(asked.replace("![", "[").split("[figure-")[0])


class _Reader(HTMLParser):
    """The text of HTML, without what stands in formulas."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.text = ""

    def handle_data(self, data: str) -> None:
        self.text += data


def text_of(html: str) -> str:
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return " ".join(reader.text.split())


@settings(max_examples=25, deadline=None)
@given(banks(TYPES))
def test_jupyterquiz_takes_no_text_for_maths_or_links(bank: RenderedBank) -> None:
    try:
        made = json.loads(export_bank(bank, "jupyterquiz").data)
    except ValueError:
        return
    for question in made:
        for text in (question["question"], *[one["feedback"] for one in question["answers"]]):
            assert "$" not in text
            assert "[" not in text


def test_jupyterquiz_says_which_answers_are_right(bank: RenderedBank) -> None:
    made = json.loads(export_bank(bank, "jupyterquiz").data)
    found = [one for one in made if one["type"] in ("multiple_choice", "many_choice")]
    parts = [question.variant.parts for question in numbered(bank, Losses())]
    chosen = [own[0] for own in parts if len(own) == 1 and own[0].options]
    for part, one in zip(chosen, found, strict=True):
        wanted = {text_of(option.html): option.true for option in part.options}
        assert {text_of(answer["answer"]): answer["correct"] for answer in one["answers"]} == wanted


@settings(max_examples=40, deadline=None)
@given(numbers())
def test_what_lies_in_the_span_of_a_number_is_what_we_accept(part: RenderedPart) -> None:
    span = accepted(part)
    right = {answer.answer for answer in part.answers if answer.credit == 1}
    step = (span.high - span.low) / 16
    for number in range(1, 16):  # not the ends, which lie half-way between two rounded numbers
        typed = str(span.low + step * number)
        assert read_answer("number", typed, decimals=part.decimals).answer in right
    for outside in (span.low - step, span.high + step):
        assert read_answer("number", str(outside), decimals=part.decimals).answer not in right
    assert abs(span.middle - span.low - span.reach) < step
    assert len(known_wrong(part)) == len(part.answers) - len(right)


def library(data: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        files = {member.name: archive.extractfile(member) for member in archive.getmembers()}
        return {name: file.read() for name, file in files.items() if file}


@settings(max_examples=25, deadline=None)
@given(banks(TYPES))
def test_a_library_lists_its_problems_and_each_is_xml(bank: RenderedBank) -> None:
    made = library(export_bank(bank, "olx").data)
    listed = [one.get("url_name") for one in etree.fromstring(made["library/library.xml"])]
    problems = {name.removeprefix("library/problem/")[:-4] for name in made if name.startswith("library/problem/")}
    assert set(listed) == problems
    for name in listed:
        problem = etree.fromstring(made[f"library/problem/{name}.xml"])
        for image in problem.iter("img"):
            assert "library" + (image.get("src") or "") in made
        if not bank.items:
            continue
        for group in problem.iter("choicegroup", "checkboxgroup"):
            assert [one.get("correct") for one in group].count("true") >= 1
            assert all(one.find("choicehint") is not None for one in group)


def test_a_library_holds_each_kind_of_response(sample: RenderedBank) -> None:
    made = export_bank(sample, "olx")
    problems = [etree.fromstring(data) for name, data in library(made.data).items() if "/problem/" in name]
    tags = {element.tag for problem in problems for element in problem.iter()}
    assert {"multiplechoiceresponse", "choiceresponse", "numericalresponse", "stringresponse", "optionresponse"} <= tags
    number = next(
        one for problem in problems for one in problem.iter("numericalresponse") if one.get("answer") == "0.69"
    )
    assert number.find("responseparam").attrib == {"type": "tolerance", "default": "0.005"}
    fixed = [one for problem in problems for one in problem.iter("choice") if one.get("fixed")]
    assert {one.text for one in fixed} == {"None of these."}
    assert any(loss.item == "what-prints" and loss.field == "code-output" for loss in made.losses)


@pytest.mark.parametrize("name", ["csv", "markdown", "jupyterquiz", "olx", "h5p"])
def test_the_same_bank_gives_the_same_bytes(sample: RenderedBank, name: str) -> None:
    assert export_bank(sample, name).data == export_bank(sample, name).data


def test_figures_lose_their_document_type(sample: RenderedBank) -> None:
    figure = sample.items[0].variants[0].figure
    assert b"<!DOCTYPE" not in drawing(figure).svg.data
