"""Where in a question pictures stand, for formats that show them in some places and in others their words."""

from __future__ import annotations

from typing import Literal, get_args

from grader.quizzes.rendered import RenderedItem, RenderedPart

Place = Literal["options", "feedback", "entries", "left sides", "right sides", "menus"]
PLACES: tuple[Place, ...] = get_args(Place)


def pictured(item: RenderedItem) -> set[Place]:
    """The places of an item, its stem aside, in which there are pictures."""
    parts = [part for variant in item.variants for part in variant.parts]
    texts: dict[Place, list[str]] = {place: [] for place in PLACES}
    for part in parts:
        texts[_options_of(item, part)] += [option.html for option in part.options]
        texts["feedback"] += [part.other, *(option.feedback for option in part.options)]
        texts["feedback"] += [answer.feedback for answer in part.answers]
        if item.type == "match":
            texts["left sides"].append(part.label)
    return {place for place, found in texts.items() if any("<img" in text for text in found)}


def _options_of(item: RenderedItem, part: RenderedPart) -> Place:
    """What the options of a part are."""
    if item.type in ("order", "match"):
        return "entries" if item.type == "order" else "right sides"
    return "menus" if item.type == "cloze" and part.options else "options"
