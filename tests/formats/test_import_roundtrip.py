"""From an item to a foreign format, through our importer, and back to an item that shows, asks and scores the same.

What a format cannot carry, and says so in its losses, is expected to be lost: `as_written` lists it.
"""

from __future__ import annotations

import html as entities
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings

from grader.formats.importing import _readers
from grader.formats.model.registry import export_bank
from grader.formats.model.xmltext import clean
from grader.quizzes.markup import to_plain as plain_of
from grader.quizzes.rendered import RenderedBank, RenderedItem, RenderedVariant
from tests.formats.making import bank_of, items
from tests.formats.reading import again, canonical, shown, variants_of

FEW = settings(
    max_examples=10,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],  # shrinking such items takes minutes
    suppress_health_check=list(HealthCheck),
)
TYPES = ("single", "multiple", "numeric", "order", "match", "cloze")
PLAIN_RIGHTS = ("moodle-xml", "gift", "qti12")  # right sides are plain text there


def to_plain(html: str) -> str:
    """Plain text without the signs that no XML has."""
    return plain_of(clean(html))


def read(bank: RenderedBank, name: str, through_yaml: bool = False) -> list[tuple[RenderedItem, RenderedVariant]]:
    made = export_bank(bank, name)
    return variants_of(again(_readers()[name](made.data, made.file_name), through_yaml))


def as_written(variant: RenderedVariant, kind: str, name: str) -> RenderedVariant:
    """A variant as a format can say it: where it puts units and labels."""
    part = variant.parts[0]
    unit = entities.escape(part.unit)
    if name == "moodle-xml" and kind == "cloze" and unit:
        blank = f'<span data-part="{part.id}"></span>'
        return replace(variant, stem=variant.stem.replace(blank, f"{blank} {unit}"))
    if name == "gift" and kind == "numeric" and unit:
        return replace(variant, stem=f"{variant.stem}<p>[{unit}]</p>")
    if name == "qti12" and kind == "numeric":
        shown_unit = f" ({part.unit})" if part.unit and "<" not in part.unit else ""
        return replace(variant, stem=f"{variant.stem}<p>{part.label}{shown_unit}</p>")
    return variant


def compared(variant: RenderedVariant, kind: str, name: str) -> dict[str, Any]:
    """What of a variant has to be the same."""
    told = shown(variant, kind)
    if kind == "match":
        rights = [to_plain(option.html) for part in variant.parts for option in part.options if option.true]
        others = {to_plain(option.html) for option in variant.parts[0].options} - set(rights)
        if name in PLAIN_RIGHTS:
            lefts = [canonical(part.label) if name != "qti12" else to_plain(part.label) for part in variant.parts]
            told |= {"pairs": list(zip(lefts, rights, strict=True)), "others": others}
        if name == "gift":
            told["feedback"] = told["feedback"][0]
    if name == "qti21" and kind == "cloze":  # entries of menus are plain text
        for blank, part in zip(told["blanks"], variant.parts, strict=True):
            if "menu" in blank:
                menu = [(to_plain(o.html), o.true, canonical(o.feedback)) for o in part.options]
                blank["menu"] = sorted(menu, key=repr)
    for blank in told.get("blanks", []):  # a wrong answer that gets the feedback of all others is one of them
        if "answers" in blank:
            known = [(" ".join(clean(text).split()), said) for text, said in blank["answers"].items()]
            told_apart = [(text, said) for text, said in known if said[0] > 0 or said[1] not in ((), blank["other"])]
            blank["answers"] = {text: said for text, said in told_apart if text}
    if name == "qti21":  # whether capitals count shows in right answers that have letters; else it makes no difference
        for blank in told.get("blanks", []):
            right = [text for text, said in blank.get("answers", {}).items() if said[0] > 0]
            if "case" in blank and all(text.swapcase() == text for text in right):
                blank["answers"] = {text.casefold(): said for text, said in blank["answers"].items()}
                blank["case"] = False
    if name == "qti12" and kind == "numeric":
        for blank in told["blanks"]:  # known wrong numbers get the feedback of all others
            blank["answers"] = {number: said for number, said in blank["answers"].items() if said[0] > 0}
    return told


def require_same(bank: RenderedBank, name: str, through_yaml: bool = False) -> None:
    written, found = variants_of(bank), read(bank, name, through_yaml)
    assert len(found) == len(written)
    for (item, variant), (item_again, variant_again) in zip(written, found, strict=True):
        kind = item.type
        assert item_again.type == kind
        was, is_now = compared(as_written(variant, kind, name), kind, name), compared(variant_again, kind, name)
        if was["stem"] == ():  # a question without words is called by its title
            was["stem"] = is_now["stem"]
        assert is_now == was
        if name not in ("gift", "qti12") and kind not in ("multiple", "cloze", "match"):
            assert item_again.credit == item.credit


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("name", ["moodle-xml", "gift", "qti21", "qti12"])
def test_an_item_comes_back(name: str, kind: str) -> None:
    if (name, kind) in {("gift", "cloze"), ("gift", "order"), ("qti12", "cloze"), ("qti12", "order")}:
        pytest.skip("the format has nothing like it; the test of places and the losses tell what becomes of it")

    @FEW
    @given(items((kind,)))
    def comes_back(item: RenderedItem) -> None:
        assume(
            all(clean(a.answer).strip() for v in item.variants for part in v.parts for a in part.answers if a.credit)
        )
        require_same(bank_of(item), name)

    comes_back()


@pytest.mark.parametrize("name", ["moodle-xml", "gift", "qti21", "qti12"])
def test_items_come_back_through_yaml(name: str) -> None:
    @settings(FEW, max_examples=5)
    @given(items(("single", "match")))
    def comes_back(item: RenderedItem) -> None:
        require_same(bank_of(item), name, through_yaml=True)

    comes_back()


@pytest.mark.parametrize("name", ["gift", "qti12"])
def test_an_order_comes_back_as_a_matching_of_places(name: str) -> None:
    @settings(FEW, max_examples=5)
    @given(items(("order",)))
    def comes_back(item: RenderedItem) -> None:
        for (_, written), (found_item, found) in zip(
            variants_of(bank_of(item)), read(bank_of(item), name), strict=True
        ):
            assert found_item.type == "match"
            entries = [to_plain(option.html) for part in written.parts for option in part.options if option.true]
            rights = [to_plain(option.html) for part in found.parts for option in part.options if option.true]
            assert rights == entries
            assert len(found.parts) == len(written.parts)

    comes_back()


def test_every_bank_comes_back_from_every_format_that_is_read(bank: RenderedBank) -> None:
    for name in ("moodle-xml", "gift", "qti21", "qti12"):
        made = export_bank(bank, name)
        draft = _readers()[name](made.data, made.file_name)
        lost = {loss.item for loss in made.losses if loss.field in (*TYPES, "code-output")}
        written = [item for item in bank.items if item.id not in lost]
        assert len(draft.items) == sum(len(item.variants) for item in written)
        assert draft.title == bank.title
        assert {unread.field for unread in draft.unread} <= {"texts", "partial credit"}  # figures; Canvas's own rules
        groups = {item.group for item in draft.items if item.group}
        pools = [group for group in bank.groups if sum(len(i.variants) for i in written if i.id in group) > 1]
        assert len(groups) == len(pools)
