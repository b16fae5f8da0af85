"""What who signs an option has before the eyes: its text, what decides it, and what that means, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from grader.quizzes.binding import places
from grader.quizzes.model import AnyItem, Cloze, Match, Multiple, Numeric, Order, Single
from grader.quizzes.parts import Choice, Number, Option


def to_read(item: AnyItem, blank: str | None = None, option: int | None = None) -> Mapping[str, str]:
    """The pages of an item by place: of all options that say what they mean or are cited, or of one.

    Raises:
        LookupError: there is nothing to read, or not at that place.
    """
    here = "options" if blank is None else f"blanks/{blank}/options"
    asked = None if option is None else f"{here}/{option - 1}"
    pages = {}
    for place in places(item):
        of_blank = blank is None or place.path.startswith(f"blanks/{blank}/")
        if (place.means or place.tie == "cited") and of_blank and asked in (None, place.path):
            pages[place.path] = "\n".join([f"{item.id}, {place.path}", *_page(item, place.path)])
    if not pages:
        raise LookupError(f"{item.id} has nothing to sign there: say `means` of what is prose, then sign it.")
    return pages


def _page(item: AnyItem, path: str) -> Iterator[str]:
    yield f"  stem:   {_folded(item.stem)}"
    steps = path.split("/")
    if isinstance(item, Order):
        yield from (f"  entry:  {_folded(entry.text)}   value: {entry.value}" for entry in item.entries)
        yield f"  by:     {item.by or '-'}"
        yield from _means(item.means, item.source)
    elif isinstance(item, Match):
        for pair in item.pairs:
            yield f"  pair:   {_folded(pair.left)}   {pair.left_value}"
            yield f"          {_folded(pair.right)}   {pair.right_value}"
        yield f"  claim:  {_folded(item.claim or '-')}"
        yield from _means(item.means, item.source)
    elif isinstance(item, Single | Multiple):
        yield from _option(item.options[int(steps[-1])], item.claim, item.source)
    elif isinstance(item, Cloze):
        content = item.blanks[steps[1]]
        if isinstance(content, Choice):
            yield from _option(content.options[int(steps[-1])], content.claim, item.source)
        else:
            yield f"  answer: {content.value if isinstance(content, Number) else content.answers}"
            yield from _means(None, item.source)
    elif isinstance(item, Numeric):
        yield f"  answer: {item.answer.value}"
        yield from _means(None, item.source)


def _option(option: Option, shared: str | None, source: str | None) -> Iterator[str]:
    yield f"  text:   {_folded(option.text)}"
    yield f"  {'false' if option.misconception else 'true '}:  {_folded(option.claim or shared or 'by the source')}"
    if option.value is not None:
        yield f"  value:  {_folded(str(option.value))}"
    yield from _means(option.means, source)


def _means(means: str | None, source: str | None) -> Iterator[str]:
    if means:
        yield f"  means:  {_folded(means)}"
    if source:
        yield f"  source: {_folded(source)}"


def _folded(text: str) -> str:
    return " ".join(text.split())
