"""Every exported question has the elements that Moodle's importer reads, as moodle/README.md lists them; no others."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from lxml import etree
from lxml.etree import _Element as Element

from grader.formats import moodle
from grader.formats.model.registry import TYPES, export_bank
from grader.formats.moodle.text import LISTED, percent, shares_of
from grader.quizzes.rendered import RenderedBank, RenderedItem
from tests.formats.making import bank_of, items

ROW = re.compile(r"(?m)^\| ([a-z_]+) \| ([a-z_+? ]+) \|$")
LISTED_TEXTS = {percent(share) for share in LISTED}


def patterns(text: str) -> dict[str, re.Pattern[str]]:
    """The rows of a table: a name, with the pattern of the names that stand inside it."""
    found = {name: re.sub(r"([a-z_]+)([+?]?) ?", r"(?:\1 )\2", inside) for name, inside in ROW.findall(text)}
    return {name: re.compile(pattern.replace("(?:file )?", "(?:file )*")) for name, pattern in found.items()}


SAID = (Path(moodle.__path__[0]) / "README.md").read_text("utf-8")
TYPES_SAID, ELEMENTS_SAID = SAID.split("What stands inside of them")
QUESTIONS, ELEMENTS = patterns(TYPES_SAID), patterns(ELEMENTS_SAID)


def names(element: Element) -> str:
    return "".join(f"{child.tag} " for child in element)


def require_elements(question: Element) -> None:
    kind = question.get("type") or ""
    assert QUESTIONS[kind].fullmatch(names(question)), (kind, names(question))
    for element in question.iterdescendants():
        above = element.getparent()
        if above is not None and (above.tag, element.tag) == ("subquestion", "answer"):
            assert names(element) == "text "
        elif element.tag in ELEMENTS:
            assert ELEMENTS[element.tag].fullmatch(names(element)), (kind, element.tag, names(element))
            if "feedback" in element.tag or element.tag in ("questiontext", "answer", "subquestion"):
                assert element.get("format") in ("html", "moodle_auto_format")
        else:
            assert len(element) == 0, (kind, element.tag)
        if element.tag == "file":
            assert sorted(element.attrib) == ["encoding", "name", "path"]
            base64.b64decode(element.text or "", validate=True)


def require_savable(question: Element) -> None:
    """What makes Moodle stop with a notice while it saves a question."""
    kind, answers = question.get("type"), question.findall("answer")
    shares = [answer.get("fraction") or "" for answer in answers]
    assert 0 < len(question.findtext("name/text") or "") <= 255
    assert 0 < len(question.findtext("idnumber") or "") <= 100
    if kind == "ordering":
        assert len(answers) >= 2
        assert shares == [f"{place}.0000000" for place in range(1, len(answers) + 1)]
        assert 2 <= int(question.findtext("selectcount") or "") == len(answers)
        assert question.find("shownumcorrect") is not None
        assert question.find("incorrectfeedback").getnext().tag == "shownumcorrect"  # type: ignore[union-attr]
    elif kind in ("multichoice", "numerical", "shortanswer"):
        assert all(share.removeprefix("-") in LISTED_TEXTS | {"0"} for share in shares)
        right = [float(share) for share in shares if float(share) > 0]
        if question.findtext("single") == "false":
            assert round(sum(right) / 100, 2) == 1
        else:
            assert max(right) == 100
    elif kind == "matching":
        assert len([sub for sub in question.iterfind("subquestion") if sub.findtext("text")]) >= 2
    for answer in answers:
        assert (answer.findtext("text") or "").strip()
    if kind == "numerical":
        assert (question.find("units") is not None) == (question.findtext("showunits") == "0")


def require_all(bank: RenderedBank) -> None:
    root = etree.fromstring(export_bank(bank, "moodle-xml").data)
    assert {child.tag for child in root} == {"question"}
    for question in root:
        require_elements(question)
        if question.get("type") != "category":
            require_savable(question)


def test_every_question_of_every_bank_has_the_elements_that_moodle_reads(bank: RenderedBank) -> None:
    require_all(bank)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(items(TYPES))
def test_every_question_that_can_be_made_has_them_too(item: RenderedItem) -> None:
    require_all(bank_of(item))


@pytest.mark.parametrize("name", ["shownumcorrect", "selecttype", "incorrectfeedback"])
def test_an_ordering_without_one_of_them_is_found(sample: RenderedBank, name: str) -> None:
    root = etree.fromstring(export_bank(sample, "moodle-xml").data)
    question = next(question for question in root if question.get("type") == "ordering")
    question.remove(question.find(name))
    with pytest.raises(AssertionError, match="ordering"):
        require_elements(question)


@pytest.mark.parametrize("count", range(1, 21))
def test_right_boxes_earn_all_the_marks_together_from_moodles_list(count: int) -> None:
    shares = shares_of(count)
    assert len(shares) == count
    assert set(shares) <= set(LISTED)
    assert round(sum(shares) / 100, 2) == 1
    assert (len(set(shares)) == 1) == (count <= 10 or count == 20)
