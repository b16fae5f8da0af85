"""Exam sheets: versions that differ, keys that are right, numbered pages, no option apart from its question."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from lxml import html
from pypdf import PdfReader

from grader.formats.model.registry import export_bank
from grader.formats.paper.browser import find_chromium, pdf_of
from grader.formats.paper.greys import without_colour
from grader.formats.paper.write import exam_page, versions
from grader.quizzes.rendered import RenderedBank
from tests.tools.chromium import chromium
from tests.tools.needed import needed

SVG = (
    '<svg><path style="fill: none; stroke: #1f77b4; stroke-linecap: square"/><path style="stroke: #FF7F0E"/>'
    '<path style="stroke: #1f77b4"/><path style="stroke: #000000"/>'
    '<rect style="fill: #2ca02c"/><rect style="fill: #d62728"/>'
    '<rect style="fill: #2CA02C; stroke: #ffffff"/></svg>'
)


@pytest.fixture(scope="module")
def pages(sample: RenderedBank) -> list[str]:
    """The text of each page of the sample's exam."""
    needed(chromium)
    made = export_bank(sample, "print").data
    return [page.extract_text() for page in PdfReader(io.BytesIO(made)).pages]


def test_each_version_and_each_key_counts_its_own_pages(sample: RenderedBank, pages: list[str]) -> None:
    feet = [re.match(r"page (\d+)\s*((?:Key to v|V)ersion [A-Z])\n", page) for page in pages]
    assert all(feet)
    said = [(foot[2], int(foot[1])) for foot in feet if foot]
    letters = [version.letter for version in versions(sample)]
    assert len(letters) == max(len(item.variants) for item in sample.items)
    names = [f"Version {letter}" for letter in letters] + [f"Key to version {letter}" for letter in letters]
    assert list(dict.fromkeys(name for name, _ in said)) == names
    for name in names:
        numbers = [number for one, number in said if one == name]
        assert numbers == list(range(1, len(numbers) + 1))


def test_no_option_stands_on_another_page_than_its_question(sample: RenderedBank, pages: list[str]) -> None:
    tree = html.fromstring(exam_page(sample))
    checked = 0
    for version in tree.iter("section"):
        name = version.find("h1/span").text_content()
        own = [page for page in pages if re.match(rf"page \d+\s*{name}\n", page)]
        for question in version.iter("article"):
            title = question.find("h2/span").text
            options = [node.text_content().strip() for node in question.find_class("option")]
            options = [text for text in options if re.fullmatch(r"[\w .,]+", text)]
            assert any(title in page and all(option in page for option in options) for page in own), title
            checked += len(options)
    assert checked > 20


def test_keys_name_the_letters_of_the_true_options(sample: RenderedBank) -> None:
    tree = html.fromstring(exam_page(sample))
    sections = {section.find("h1/span").text: section for section in tree.iter("section")}
    for version in versions(sample):
        asked = list(sections[f"Version {version.letter}"].iter("article"))
        keyed = list(sections[f"Key to version {version.letter}"].iter("article"))
        assert len(asked) == len(keyed) == len(version.questions) == 8
        for question, sheet, key in zip(version.questions, asked, keyed, strict=True):
            if question.item.type not in ("single", "multiple"):
                continue
            (part,) = question.variant.parts
            shown = [li.find("div").text_content() for li in sheet.find(".//ol").iter("li")]
            named = [shown[int(li.get("value")) - 1] for li in key.find(".//ol").iter("li")]
            wanted = [html.fromstring(option.html).text_content() for option in part.options if option.true]
            assert sorted(named) == sorted(wanted)


def test_a_sheet_tells_nothing_of_the_key(sample: RenderedBank) -> None:
    tree = html.fromstring(exam_page(sample))
    sheets = [html.tostring(one, encoding="unicode") for one in tree.iter("section") if "key" not in one.get("class")]
    said = {
        option.feedback
        for item in sample.items
        for variant in item.variants
        for part in variant.parts
        for option in (*part.options, *part.answers)
    }
    assert [text for text in said if len(text) > 15 and any(text in sheet for sheet in sheets)] == []


def test_versions_differ_in_their_questions_and_orders(bank: RenderedBank) -> None:
    first, *others = versions(bank)
    for other in others:
        assert [q.id for q in first.questions] != [q.id for q in other.questions]
        assert first.questions[0].item.points > 0
    assert [q.id for q in first.questions] == [group[0] for group in bank.groups]


def test_figures_say_without_colour_what_they_say_with_it() -> None:
    made = without_colour(SVG)
    assert set(re.findall(r"stroke: (#\w+)", made)) == {"#000000", "#ffffff"}
    dashes = [re.search(r"dasharray: ([\d. ]+)", style) for style in re.findall(r'style="([^"]*)"', made)]
    assert [dash and dash[1] for dash in dashes[:4]] == [None, "6 3", None, None]
    greys = re.findall(r"fill: (#\w{6})", made)
    assert len(set(greys)) == 2
    assert greys[0] == greys[2]
    assert all(len({grey[1:3], grey[3:5], grey[5:7]}) == 1 for grey in greys)


def test_without_chromium_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LookupError, match="apt-get install chromium"):
        find_chromium()
    monkeypatch.setenv("CHROMIUM", "/nowhere/chromium")
    with pytest.raises(LookupError, match="CHROMIUM says /nowhere/chromium"):
        pdf_of("<p>a</p>")


def test_a_browser_that_makes_nothing_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "chromium"
    broken.write_text("#!/bin/sh\necho it broke >&2\nexit 7\n")
    broken.chmod(0o755)
    monkeypatch.setenv("CHROMIUM", str(broken))
    with pytest.raises(ValueError, match=r"exit code 7.*it broke"):
        pdf_of("<p>a</p>")
