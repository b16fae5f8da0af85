"""Moodle XML as it comes: what is not understood costs its question and says its line; nothing is guessed."""

from __future__ import annotations

import re

import pytest

from grader.formats.moodle import read as moodle
from grader.formats.reading.drafts import Draft
from grader.quizzes.model import Cloze, Numeric, Order, Single

HEAD = '<?xml version="1.0"?>\n<quiz>\n'
WHOLE = '<question type="shortanswer"><name><text>Whole</text></name><questiontext><text>A?</text></questiontext>'
WHOLE += '<usecase>0</usecase><answer fraction="100"><text>a</text></answer></question>\n'


def read(kind: str, inside: str) -> Draft:
    question = f'<question type="{kind}"><name><text>Odd</text></name>'
    if "<questiontext" not in inside:
        question += "<questiontext><text>What?</text></questiontext>"
    return moodle.read(f"{HEAD}{WHOLE}{question}{inside}</question>\n{WHOLE}</quiz>".encode(), "made.xml")


def answer(text: str, fraction: str = "100", more: str = "") -> str:
    return f'<answer fraction="{fraction}"><text>{text}</text>{more}</answer>'


def cloze(code: str) -> str:
    return f"<questiontext><text>It is {code} here.</text></questiontext>"


UNREADABLE = [
    ("multichoice", answer("a", "full") + answer("b", "0")),
    ("multichoice", answer("a", "") + answer("b", "0")),
    ("multichoice", answer("a", "150") + answer("b", "0")),
    ("multichoice", answer("a", "nan") + answer("b", "0")),
    ("multichoice", "<single>maybe</single>" + answer("a") + answer("b", "0")),
    ("truefalse", answer("wahr") + answer("falsch", "0")),
    ("truefalse", answer("true") + answer("false")),
    ("truefalse", answer("true", "0") + answer("false", "0")),
    ("truefalse", answer("true", "50") + answer("false", "0")),
    ("truefalse", ""),
    ("shortanswer", answer("a", "x")),
    ("shortanswer", "<usecase>often</usecase>" + answer("a")),
    ("shortanswer", answer("")),
    ("numerical", answer("two")),
    ("numerical", answer("1,234")),
    ("numerical", answer("2", more="<tolerance>small</tolerance>")),
    ("numerical", answer("2", more="<tolerance>-1</tolerance>")),
    ("numerical", answer("*")),
    ("numerical", answer("2") + answer("*", "50")),
    ("numerical", answer("2") + "<units><unit><multiplier>60</multiplier><unit_name>min</unit_name></unit></units>"),
    ("matching", "<subquestion><text>a</text><answer><text></text></answer></subquestion>" * 2),
    ("matching", "<subquestion><text>a</text></subquestion>"),
    ("ordering", answer("only", "1")),
    ("cloze", cloze("{1:MULTICHOICE:a~b}")),
    ("cloze", cloze("{1:MULTICHOICE:=a~=b}")),
    ("cloze", cloze("{1:MULTICHOICE:%50%a~b}")),
    ("cloze", cloze("{1:SHORTANSWER:%abc%a}")),
    ("cloze", cloze("{1:SHORTANSWER:%150%a}")),
    ("cloze", cloze("{1:SHORTANSWER:a}")),
    ("cloze", cloze("{1:NUMERICAL:=two}")),
    ("cloze", cloze("{1:NUMERICAL:=1,234}")),
    ("cloze", cloze("{1:NUMERICAL:=2:wide}")),
    ("cloze", cloze("{1:MULTIRESPONSE:=a~b}")),
    ("cloze", cloze("{1:SHORTANSWER:=a")),
    ("cloze", cloze("no blank")),
    ("ddwtos", answer("a")),
]


@pytest.mark.parametrize(
    ("kind", "inside"), UNREADABLE, ids=[re.sub("<[^>]*>", " ", text)[:50] for _, text in UNREADABLE]
)
def test_what_is_not_understood_is_refused_with_its_line(kind: str, inside: str) -> None:
    draft = read(kind, inside)
    assert [item.id for item in draft.items] == ["whole", "whole-2"]
    told = [unread for unread in draft.unread if unread.item == "odd"]
    assert told
    assert all(unread.line == 4 for unread in told)


def test_what_is_understood_is_read() -> None:
    (_, single, _) = read("truefalse", answer("true", "0") + answer("false")).items
    assert isinstance(single, Single)
    assert [option.key for option in single.options] == [None, True]
    (_, alone, _) = read("truefalse", answer("true")).items
    assert isinstance(alone, Single)
    assert [option.key for option in alone.options] == [True, None]
    units = "".join(
        f"<unit><multiplier>{times}</multiplier><unit_name>{name}</unit_name></unit>"
        for times, name in ((60, "s"), (1, "min"))
    )
    (_, number, _) = read("numerical", answer("1 234.5") + answer("one", "0") + f"<units>{units}</units>").items
    assert isinstance(number, Numeric)
    assert (number.answer.value, number.answer.unit) == (1234.5, "min")
    (_, blanks, _) = read("cloze", cloze("{2:NUMERICAL:=1.5:0.1~%0%two}")).items
    assert isinstance(blanks, Cloze)
    assert blanks.points == 2
    order = "".join(answer(text, "0") for text in "abc")
    (_, entries, _) = read("ordering", f"<gradingtype>ALL_OR_NOTHING</gradingtype>{order}").items
    assert isinstance(entries, Order)
    assert ([entry.text for entry in entries.entries], entries.credit) == (["a", "b", "c"], "all-or-nothing")
