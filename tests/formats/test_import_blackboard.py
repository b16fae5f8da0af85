"""Blackboard's packages: keys, points and feedback are kept; what a changed item does not tell stays open."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from lxml import etree

from grader.formats.importing import Imported, _readers, import_bytes
from grader.formats.model.registry import export_bank
from grader.formats.reading.drafts import slug
from grader.quizzes.model import AnyItem, Cloze, Match, Multiple, Numeric, Order, Single
from grader.quizzes.parts import Choice, Words
from grader.quizzes.rendered import RenderedBank, RenderedPart
from tests.formats.foreign_packages import (
    BLACKBOARD_ITEMS,
    NOT3,
    THREE,
    bb_item,
    blackboard,
    condition,
    equal,
    options,
    percent,
)
from tests.formats.pictures import jpeg
from tests.formats.reading import again, canonical, variants_of


@pytest.fixture(scope="module")
def package() -> Imported:
    return import_bytes(blackboard(), "pools.zip")


def key_of(item: AnyItem) -> Any:
    """What is right in an item."""
    if isinstance(item, Single | Multiple):
        return [option.text for option in item.options if option.key]
    if isinstance(item, Numeric):
        return item.answer.value, item.answer.decimals, item.answer.tolerance
    if isinstance(item, Order):
        return [entry.text for entry in item.entries]
    if isinstance(item, Match):
        return [(pair.left, pair.right) for pair in item.pairs]
    assert isinstance(item, Cloze)
    menus = [[o.text for o in blank.options if o.key] for blank in item.blanks.values() if isinstance(blank, Choice)]
    return menus or [sorted(blank.answers) for blank in item.blanks.values() if isinstance(blank, Words)]


RIGHT: dict[str, Any] = {
    "Multiple Choice": ["two"],
    "True/False": ["false"],
    "Either/Or": ["Yes"],
    "Multiple Answer": ["one", "two"],
    "Ordering": ["three", "one", "two"],
    "Matching": [("2^3", "eight"), ("3^2", "nine")],
    "Numeric": (0.69, 2, 0.01),
    "Fill in the Blank": [["reference", "the reference"]],
    "Fill in the Blank Plus": [["reference"], ["fixed", "frozen"]],
    "Jumbled Sentence": [["reference"], ["frozen"]],
}


def test_every_kind_keeps_its_key_its_points_its_pictures_and_its_feedback(package: Imported) -> None:
    found = {item.title: item for item in package.items if not item.group}
    assert {title: key_of(item) for title, item in found.items()} == RIGHT
    assert {title: item.points for title, item in found.items()} == dict.fromkeys(RIGHT, 4.0) | {"True/False": 2.0}
    choice, boxes = found["Multiple Choice"], found["Multiple Answer"]
    assert isinstance(choice, Single)
    assert isinstance(boxes, Multiple)
    (address,) = package.pictures
    assert choice.stem == f"Which is $x^2$? ![a parabola]({address})"
    assert package.pictures[address] == jpeg(1)
    assert [option.feedback for option in choice.options] == ["Look again.", "two it is", "Look again."]
    assert [option.feedback for option in boxes.options] == ["Well done.", "Well done.", "not three"]
    said = [(item.feedback, item.otherwise) for item in found.values() if isinstance(item, Match | Order)]
    assert said == [("Well done.", "Look again.")] * 2
    rules = {title: item.credit for title, item in found.items() if isinstance(item, Multiple | Order | Match | Cloze)}
    assert rules["Multiple Answer"] is None  # right minus wrong
    assert (rules["Ordering"], rules["Matching"]) == ("all-or-nothing", None)
    assert rules["Fill in the Blank Plus"] is rules["Jumbled Sentence"] is None  # each part counts
    jumbled = found["Jumbled Sentence"]
    assert isinstance(jumbled, Cloze)
    assert jumbled.stem == "The [[who]] is [[what]]."
    assert [[o.text for o in menu.options] for menu in jumbled.blanks.values() if isinstance(menu, Choice)] == [
        ["reference", "policy", "frozen"]
    ] * 2


def test_a_pool_from_which_a_test_draws_is_a_group_worth_what_the_test_says(package: Imported) -> None:
    drawn = [item for item in package.items if item.group]
    assert [(item.group, item.points) for item in drawn] == [("drawn", 3.0)] * 2
    assert package.yaml.split("\n")[2] == "title: The test"


def test_what_is_not_read_is_told(package: Imported) -> None:
    assert [(note.item, note.field) for note in package.unread] == [("numeric", "tolerance"), ("essay", "Essay")]


def test_percents_that_are_no_rule_of_ours_are_told() -> None:
    item = bb_item(
        "Multiple Answer",
        "Which ones?",
        options(THREE, "Multiple"),
        condition(NOT3) + "@other" + percent("h1", 80) + percent("h2", 20) + percent("h3", -50),
        partial="true",
    )
    found = import_bytes(blackboard({"it": item}), "pools.zip")
    assert key_of(found.items[0]) == ["one", "two"]
    assert [note.field for note in found.unread] == ["partial credit"]


def test_a_condition_and_percents_that_differ_leave_the_key_open() -> None:
    conditions = condition(equal("h2")) + "@other" + percent("h1", 100) + percent("h2", 0)
    item = bb_item("Multiple Choice", "Which?", options(THREE), conditions)
    found = import_bytes(blackboard({"it": item}), "pools.zip")
    assert found.todo.open == ("multiple-choice",)
    assert key_of(found.items[0]) == []


@pytest.mark.parametrize("kind", RIGHT)
def test_a_changed_item_has_its_key_or_is_open_or_left_out(kind: str) -> None:
    """One change at a time: an element of the rules goes, or says what nobody knows, or turns round."""
    whole = etree.fromstring(BLACKBOARD_ITEMS[kind])
    rules = whole.find("resprocessing")
    assert rules is not None
    places = [element for element in rules.iter() if element.tag not in ("resprocessing", "outcomes", "decvar")]
    opened = 0
    for place in range(len(places)):
        for change in ("drop", "unknown", "not", "text", "score", "name"):
            item = copy.deepcopy(whole)
            again = item.find("resprocessing")
            assert again is not None
            one = [e for e in again.iter() if e.tag not in ("resprocessing", "outcomes", "decvar")][place]
            if not changed(one, change):
                continue
            other = BLACKBOARD_ITEMS["Ordering" if kind == "Numeric" else "Numeric"]
            section = f"<section>{etree.tostring(item).decode()}{other}</section>"
            found = import_bytes(
                f"<questestinterop><assessment>{section}</assessment></questestinterop>".encode(), "pool.dat"
            )
            read = [item for item in found.items if item.title == kind]
            told = [note.item for note in found.unread]
            key = key_of(read[0]) if read else []
            if key != RIGHT[kind]:
                opened += 1
                assert key == [] or narrower(key, RIGHT[kind]), (change, etree.tostring(one), key)
                assert slug(kind) in told or key, (change, etree.tostring(one))
    assert opened


def narrower(key: Any, right: Any) -> bool:
    """Whether a key accepts less than the right one, and nothing else."""
    return isinstance(key, list) and all(
        isinstance(k, list) and set(k) <= set(r) for k, r in zip(key, right, strict=True)
    )


def changed(element: Any, change: str) -> bool:
    """Change one element in place; False where there is nothing to change."""
    above = element.getparent()
    if change == "drop":
        above.remove(element)
    elif change == "unknown" and element.tag in ("varequal", "and", "or", "not", "vargte", "varlte"):
        element.tag = "varinside"
    elif change == "not" and element.tag == "varequal" and element.text:
        held = etree.Element("not")
        above.replace(element, held)
        held.append(element)
    elif change == "text" and element.tag in ("varequal", "vargte", "varlte") and element.text and len(element) == 0:
        element.text = "nobody knows"
        return element.get("respident") == "response" and not is_typed(element)
    elif change == "score" and element.tag == "setvar" and element.text == "SCORE.max":
        element.text = "0"
    elif change == "name" and element.tag == "varequal" and element.text:
        element.set("respident", "somebody")
    else:
        return False
    return True


def is_typed(element: Any) -> bool:
    """Whether an item's accepted texts are free, so that any other text is another key."""
    root = element.getroottree().getroot()
    return root.find(".//response_str") is not None


# Our own packages --------------------------------------------------------------------------------------------------


def right_in(part: RenderedPart) -> list[str]:
    return [canonical(option.html) for option in part.options if option.true]


def test_every_bank_comes_back_with_its_keys(bank: RenderedBank) -> None:

    made = export_bank(bank, "blackboard")
    draft = _readers()["qti12"](made.data, made.file_name)
    assert draft.title == bank.title
    lost = {loss.item for loss in made.losses if loss.field == "code-output"}
    written = variants_of(bank)
    order = [name for group in bank.groups for name in group]  # a pool's items come back together
    written = sorted(((i, v) for i, v in written if i.id not in lost), key=lambda one: order.index(one[0].id))
    found = variants_of(again(draft))
    assert len(found) == len(written)
    for (item, variant), (back, shown) in zip(written, found, strict=True):
        if item.type in ("single", "multiple"):
            assert back.type == item.type
            assert sorted(map(str, right_in(shown.parts[0]))) == sorted(map(str, right_in(variant.parts[0])))
        elif item.type in ("order", "match"):
            assert [right_in(part) for part in shown.parts] == [right_in(part) for part in variant.parts]
        elif item.type == "numeric":
            right = {answer.answer for answer in variant.parts[0].answers if answer.credit}
            assert {answer.answer for answer in shown.parts[0].answers if answer.credit} == right
        elif item.type == "cloze":
            for part, again_part in zip(variant.parts, shown.parts, strict=True):
                right = right_in(part) if part.options else [a.answer for a in part.answers if a.credit]
                read = {answer.answer for answer in again_part.answers if answer.credit}
                assert len(read) >= 1
                assert part.options or read <= {" ".join(text.split()) for text in right}
        assert back.points == item.points
    told = {note.field for note in draft.unread}
    assert told <= {"texts", "tolerance", "partial credit"}, draft.unread
