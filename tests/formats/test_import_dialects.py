"""Packages of Brightspace, WebCT and Canvas: keys, points and feedback are kept, and what is not told stays open."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from lxml import etree

from grader.formats.importing import Imported, import_bytes
from grader.quizzes.model import Multiple, Single
from tests.formats.foreign_packages import (
    AB,
    D2L_ITEMS,
    WEBCT_ITEMS,
    brightspace,
    canvas,
    lid,
    plain_item,
    right_side,
    same,
    text,
    webct,
    when,
)
from tests.formats.pictures import gif, png
from tests.formats.test_import_blackboard import key_of, narrower

BRIGHTSPACE: dict[str, Any] = {
    "Multiple Choice": ["two"],
    "True/False": ["False"],
    "Multi-Select": ["one", "two"],
    "Fill in the Blanks": [["reference"], ["fixed", "frozen"]],
    "Matching": [("cube", "eight"), ("square", "nine")],
    "Ordering": ["two", "one", "three"],
}
WEBCT: dict[str, Any] = {"single": ["two"], "several": ["one", "two"], "match": [("cube", "eight"), ("square", "nine")]}


def feedback(found: Imported, title: str) -> list[str]:
    (item,) = [item for item in found.items if item.title == title]
    assert isinstance(item, Single | Multiple)
    return [option.feedback for option in item.options]


def test_brightspace_keeps_keys_points_pictures_and_feedback() -> None:
    found = import_bytes(brightspace(), "library.zip")
    assert list(found.pictures.values()) == [gif(1)]
    assert found.items[0].stem == f"Which? ![a dot]({next(iter(found.pictures))})"
    assert {item.title: key_of(item) for item in found.items} == BRIGHTSPACE
    assert {item.points for item in found.items} == {2.0}
    assert feedback(found, "Multiple Choice")[:2] == ["not one", "two it is"]
    assert feedback(found, "Multi-Select")[2] == "not three"
    assert [note.field for note in found.unread] == ["partial credit", "Long Answer"]


def test_webct_keeps_keys_and_the_rule_of_percents_that_add_up() -> None:
    found = import_bytes(webct(), "vista.zip")
    assert {item.title: key_of(item) for item in found.items} == WEBCT
    assert feedback(found, "single")[0] == "not one"
    assert [item.credit for item in found.items if isinstance(item, Multiple)] == [None]
    assert found.unread == ()


PERCENTS = [
    ("50 50 -50", ["one", "two"], None, []),
    ("33.33 66.67 0", ["one", "two"], None, ["partial credit"]),
    ("33.33 33.33 33.34", ["one", "two", "three"], None, []),
    ("30 30 0", ["one", "two"], None, ["key", "partial credit"]),  # a part of the whole is not told: the rest is open
]


@pytest.mark.parametrize(("percents", "right", "credit", "told"), PERCENTS)
@pytest.mark.parametrize("kept", ["", ' continue="Yes"'])
def test_percents_that_webct_sets_for_each_tick_add_up(
    percents: str, right: list[str], credit: str | None, told: list[str], kept: str
) -> None:
    rules = "".join(
        when(same(name), percent, "SCORE", "Set", more=kept) for name, percent in zip(AB, percents.split(), strict=True)
    )
    for many in (rules, rules.replace('varname="SCORE"', 'varname="que_score"')):
        item = plain_item("several", text("Which?") + lid(AB, "Multiple"), many)
        found = import_bytes(f"<questestinterop><section>{item}</section></questestinterop>".encode(), "vista.xml")
        (one,) = found.items
        assert isinstance(one, Multiple)
        assert ([option.text for option in one.options if option.key], one.credit) == (right, credit)
        assert sorted(note.field for note in found.unread) == told
        assert bool(found.todo.open) == ("key" in told)


def test_percents_that_webct_sets_for_one_option_or_for_pairs_keep_their_keys() -> None:
    rules = "".join(
        when(same(name), value, "SCORE", "Set") for name, value in zip(AB, ("-50", "100", "0"), strict=True)
    )
    sides = right_side("M1", "cube") + right_side("M2", "square")
    pairs = "".join(when(same(f"R{n}", f"M{n}"), "50", "SCORE", "Set") for n in (1, 2))
    items = plain_item("single", text("Which?") + lid(AB), rules) + plain_item("match", text("Match.") + sides, pairs)
    found = import_bytes(f"<questestinterop><section>{items}</section></questestinterop>".encode(), "vista.xml")
    assert {item.title: key_of(item) for item in found.items} == {key: WEBCT[key] for key in ("single", "match")}
    assert found.unread == ()


def test_canvas_has_each_quiz_once_and_a_bank_that_is_drawn_from_is_a_group() -> None:
    found = import_bytes(canvas(), "course.imscc")
    told = [(item.id, item.group, item.points, key_of(item)) for item in found.items]
    assert sorted(told, key=str) == [
        ("first", "bank", 3.0, ["two"]),
        ("own", None, 2.0, ["two"]),
        ("second", "bank", 3.0, ["two"]),
    ]
    assert feedback(found, "own")[1] == "two it is"
    assert found.yaml.split("\n")[2] == "title: The quiz"
    assert list(found.pictures.values()) == [png(1)]
    assert {item.stem for item in found.items} == {f"See ![a curve]({next(iter(found.pictures))})"}
    assert (found.todo.pictures, found.unread) == ((), ())


MUTATED = [(kind, D2L_ITEMS, BRIGHTSPACE) for kind in BRIGHTSPACE] + [(kind, WEBCT_ITEMS, WEBCT) for kind in WEBCT]


@pytest.mark.parametrize(("kind", "items", "right"), MUTATED, ids=lambda value: value if isinstance(value, str) else "")
def test_a_changed_item_has_its_key_or_is_open_or_left_out(
    kind: str, items: dict[str, str], right: dict[str, Any]
) -> None:
    whole = etree.fromstring(items[kind])
    count = len(list(whole.iter("respcondition", "conditionvar", "varequal", "setvar", "not")))
    lost = 0
    for place in range(count):
        for change in ("drop", "unknown", "score", "name"):
            item = copy.deepcopy(whole)
            one = list(item.iter("respcondition", "conditionvar", "varequal", "setvar", "not"))[place]
            if not changed(one, change):
                continue
            other = next(text for title, text in items.items() if title != kind)  # or nothing may be read at all
            section = f"<section>{etree.tostring(item).decode()}{other}</section>"
            space = 'xmlns:d2l="http://desire2learn.com/x"' if items is D2L_ITEMS else ""
            data = f"<questestinterop {space}>{section}</questestinterop>".encode()
            read = [item for item in import_bytes(data, "some.xml").items if item.title == kind]
            key = key_of(read[0]) if read else []
            if key != right[kind]:
                lost += 1
                fewer = isinstance(read[0], Multiple) and set(key) < set(right[kind]) if read else False
                opened = fewer and any(not o.key and not o.misconception for o in read[0].options)  # type: ignore[union-attr]
                assert key == [] or opened or narrower(key, right[kind]), (change, etree.tostring(one), key)
    assert lost


def changed(element: Any, change: str) -> bool:
    """Change one element in place; False where there is nothing to change."""
    if change == "drop":
        element.getparent().remove(element)
    elif change == "unknown" and element.tag == "varequal":
        element.tag = "varinside"
    elif change == "score" and element.tag == "setvar":
        element.text = "0" if element.text != "0" else "none"
    elif change == "name" and element.tag == "varequal":
        element.set("respident", "somebody")
    else:
        return False
    return True


INNER = """<assessmentItem xmlns="http://www.imsglobal.org/xsd/imsqti_v2p1" identifier="i1" title="T">
<responseDeclaration identifier="RESPONSE" cardinality="{many}" baseType="identifier"><correctResponse><value>B</value>
</correctResponse></responseDeclaration><outcomeDeclaration identifier="SCORE" cardinality="single" baseType="float"/>
<outcomeDeclaration identifier="FEEDBACK" cardinality="{many}" baseType="identifier"/><itemBody><p>Which?</p>
<choiceInteraction responseIdentifier="RESPONSE" maxChoices="0">
<simpleChoice identifier="A">one<feedbackInline outcomeIdentifier="FEEDBACK" identifier="A" showHide="show">not one
</feedbackInline></simpleChoice>
<simpleChoice identifier="B">two<feedbackBlock outcomeIdentifier="FEEDBACK" identifier="B" showHide="show">two it is
</feedbackBlock></simpleChoice></choiceInteraction></itemBody>{rules}
<modalFeedback outcomeIdentifier="FEEDBACK" identifier="A" showHide="show">Look again.</modalFeedback>
</assessmentItem>"""
TEMPLATE = "http://www.imsglobal.org/question/qti_v2p1/rptemplates/match_correct"
SHOWN = """<responseProcessing><responseCondition><responseIf><match><variable identifier="RESPONSE"/>
<correct identifier="RESPONSE"/></match><setOutcomeValue identifier="SCORE"><baseValue baseType="float">1</baseValue>
</setOutcomeValue></responseIf></responseCondition><setOutcomeValue identifier="FEEDBACK">
<variable identifier="RESPONSE"/></setOutcomeValue></responseProcessing>"""


@pytest.mark.parametrize("many", ["single", "multiple"])
@pytest.mark.parametrize("rules", [SHOWN, f'<responseProcessing template="{TEMPLATE}"/>'], ids=["shown", "template"])
def test_feedback_inside_a_choice_and_modal_feedback_on_it_are_the_options_own(many: str, rules: str) -> None:
    found = import_bytes(INNER.format(many=many, rules=rules).encode(), "item.xml")
    (item,) = found.items
    assert isinstance(item, Single | Multiple)
    assert [option.text for option in item.options] == ["one", "two"]
    assert key_of(item) == ["two"]
    first, second = (option.feedback for option in item.options)
    assert "not one" in first
    assert ("Look again." in first) == (rules == SHOWN or many == "multiple")  # without rules nothing shows it
    assert second == "two it is"
