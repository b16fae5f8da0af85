"""Anki's own library opens our decks: cards, media, no key on the front, and no second copy on a second import."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from anki.collection import Collection, ImportAnkiPackageOptions, ImportAnkiPackageRequest

from grader.formats.model.pools import numbered
from grader.formats.model.registry import Losses, export_bank
from grader.quizzes.rendered import RenderedBank

if TYPE_CHECKING:
    from anki.cards import Card


@pytest.fixture
def collection(tmp_path: Path) -> Iterator[Collection]:
    """An empty collection of Anki."""
    made = Collection(str(tmp_path / "collection.anki2"))
    yield made
    made.close()


def take_in(collection: Collection, bank: RenderedBank) -> int:
    """Import a bank's deck; how many notes were new."""
    path = Path(collection.path).with_name(f"{bank.bank}.apkg")
    path.write_bytes(export_bank(bank, "anki").data)
    request = ImportAnkiPackageRequest(package_path=str(path), options=ImportAnkiPackageOptions())
    return len(collection.import_anki_package(request).log.new)


def cards(collection: Collection) -> dict[str, Card]:
    """The cards by the id of their question."""
    found = [collection.get_card(card) for card in collection.find_cards("")]
    return {card.note()["Id"].split(" ")[1]: card for card in found}


def test_every_question_is_a_card_once(collection: Collection, bank: RenderedBank) -> None:
    wanted = [question.id for question in numbered(bank, Losses())]
    assert take_in(collection, bank) == len(wanted)
    assert sorted(cards(collection)) == sorted(wanted)
    names = [deck.name for deck in collection.decks.all_names_and_ids()]
    assert f"RLHF Lab Kit::{bank.title}" in names
    assert take_in(collection, bank) == 0
    assert collection.note_count() == len(wanted)


def test_the_front_asks_and_the_back_tells(collection: Collection, bank: RenderedBank) -> None:
    take_in(collection, bank)
    made = cards(collection)
    for question in numbered(bank, Losses()):
        shown = made[question.id].render_output()
        front, back = shown.question_text.split("<script>")[0], shown.answer_text
        assert re.search(r'class="[^"]*(right|wrong|said)', front) is None
        for part in question.variant.parts:
            if question.item.type not in ("order", "match"):
                assert [len(re.findall(r'<li class="right', back)) > 0] == [any(o.true for o in part.options)] or (
                    len(question.variant.parts) > 1
                )
        assert "said" in back
        assert "\\(" in shown.question_text or "alttext" not in question.variant.stem or "\\[" in shown.question_text


def test_figures_are_media_and_are_found(collection: Collection, bank: RenderedBank) -> None:
    take_in(collection, bank)
    used = {
        name
        for card in cards(collection).values()
        for name in re.findall(r'src="([^"]+)"', card.render_output().question_text)
    }
    stored = {path.name for path in Path(collection.media.dir()).iterdir()}
    assert used == stored
    assert bool(used) == any(variant.figure for item in bank.items for variant in item.variants)
    assert all((Path(collection.media.dir()) / name).read_bytes().startswith(b"\x89PNG") for name in used)


def test_tags_say_lab_and_type(collection: Collection, sample: RenderedBank) -> None:
    take_in(collection, sample)
    assert {"sample", "05-dpo", "numeric"} <= set(cards(collection)["ln-two_1"].note().tags)
    assert len(collection.find_cards("tag:cloze")) == 1


def test_the_same_bank_gives_the_same_file(sample: RenderedBank) -> None:
    assert export_bank(sample, "anki").data == export_bank(sample, "anki").data


def test_cards_have_colours_for_the_night(sample: RenderedBank, collection: Collection) -> None:
    take_in(collection, sample)
    css = next(iter(cards(collection).values())).render_output().css
    rules = [re.search(pattern, css) for pattern in (r"\.card \{([^}]*)\}", r"\.nightMode[^{]*\{([^}]*)\}")]
    day, night = (set(re.findall(r"--([\w-]+):", rule[1])) for rule in rules if rule)
    assert night <= day
    assert {"ink", "ground", "right", "wrong"} <= night
