"""Every export has the pictures of every place, or says that it has their words; and importers bring them back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from grader.formats.importing import import_bytes
from grader.formats.model.places import pictured
from grader.formats.model.registry import Exported, NothingCarriedError, export_bank, formats
from grader.formats.reading.drafts import Draft
from grader.quizzes.rendered import RenderedBank
from tests.formats.pictures import img, png
from tests.formats.placed import PLACES, carried, placed
from tests.formats.reading import again, canonical, shown, variants_of

READ = {"moodle-xml": "moodle-xml", "gift": "gift", "qti12": "qti12", "imscc": "qti12"}
READ |= {"blackboard": "qti12", "qti21": "qti21", "openolat": "qti21"}
PRINTED = ("print",)  # PDF keeps pixels and not files


def exported(bank: RenderedBank, name: str) -> Exported | None:
    """None where the format has no such item."""
    try:
        return export_bank(bank, name)
    except NothingCarriedError:
        return None


@pytest.mark.parametrize("kind", PLACES)
@pytest.mark.parametrize("name", sorted(set(formats()) - set(PRINTED)))
def test_a_picture_is_in_the_file_or_among_the_losses(name: str, kind: str) -> None:
    made = placed(kind)
    file = exported(made.bank, name)
    if file is None:
        return
    said = " ".join(loss.said for loss in file.losses if loss.field == "figures")
    no_feedback = bool({"feedback", "option feedback"} & {loss.field for loss in file.losses})
    for place, picture in made.pictures.items():
        spoken = place in ("feedback", "other")
        if carried(file.data, picture):
            assert place not in said or name == "html", "a loss is told that is none"  # its menus show words
        elif not (spoken and (no_feedback or name == "html")):  # lost with its text; or sealed
            told = "feedback" if spoken else place
            assert told in said if "figures" in formats()[name].features else said, (place, file.losses)


@pytest.mark.parametrize("kind", PLACES)
@pytest.mark.parametrize("name", READ)
def test_pictures_come_back_in_their_places_with_their_words(name: str, kind: str) -> None:
    made = placed(kind)
    file = exported(made.bank, name)
    if file is None:
        return
    found = import_bytes(file.data, file.file_name, READ[name])
    in_words = formats()[name].in_words
    wanted = {picture for place, picture in made.pictures.items() if place not in in_words}
    lost = {p for place, p in made.pictures.items() if not carried(file.data, p) and place in ("feedback", "other")}
    assert set(found.pictures.values()) == wanted - lost
    assert all("picture" not in note.said and "image" not in note.said for note in found.unread)
    assert found.todo.wordless == ()
    ((_, variant),) = variants_of(again(Draft("Made", found.items, found.unread, pictures=found.pictures)))
    was = made.bank.items[0].variants[0]
    assert canonical(variant.stem)[0] == canonical(was.stem)[0]
    if kind in ("single", "multiple"):
        assert shown(variant, kind)["options"][0][0] == shown(was, kind)["options"][0][0]


def test_places_are_found() -> None:
    assert {kind: pictured(placed(kind).bank.items[0]) for kind in PLACES} == {
        "single": {"options", "feedback"},
        "multiple": {"options", "feedback"},
        "numeric": {"feedback"},
        "order": {"entries", "feedback"},
        "match": {"left sides", "right sides", "feedback"},
        "cloze": {"menus", "feedback"},
    }


def test_h5p_shows_one_picture_and_tells_of_the_others() -> None:
    made = placed("single")
    (item,) = made.bank.items
    assert carried(export_bank(made.bank, "h5p").data, made.pictures["stem"])
    stem = item.variants[0].stem + f"<p>{img(png(99), 'a second one')}</p>"
    more = replace(item, variants=(replace(item.variants[0], stem=stem),))
    file = export_bank(replace(made.bank, items=(more,)), "h5p")
    assert not carried(file.data, png(99))
    assert "one figure is shown above a question" in " ".join(loss.said for loss in file.losses)
