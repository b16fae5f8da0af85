"""A bank on one HTML page for those who write it: every item with its keys, claims, feedback and figures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from grader.quizzes.evaluate import Walls
from grader.quizzes.load import Fault, load
from grader.quizzes.model import AnyItem, Cloze, Match, Multiple, Numeric, Single
from grader.quizzes.parts import Choice, Option
from grader.quizzes.prove import Progress, examined
from grader.quizzes.rendered import RenderedItem, RenderedVariant

EMPTY_BLANK = '<span data-part="{0}"></span>'
NAMED_BLANK = '<span class="blank">{0}</span>'
TYPED = -1  # the place of a claim that is about what is typed


@dataclass(frozen=True)
class Shown:
    """An item as the page shows it.

    `claims`, and `means`, what they compute in words, are by part and place of the option; `claim` and `meant` are the
    item's own.
    """

    item: RenderedItem
    group: str
    given: str
    claim: str
    claims: dict[tuple[str, int], str]
    means: dict[tuple[str, int], str]
    meant: str


def preview(
    path: Path, variants: int | None = None, progress: Progress = lambda _: None, walls: Walls | None = None
) -> tuple[str, list[Fault]]:
    """The page of a bank, and what does not hold of it, which the page lists too.

    Args:
        path: the YAML file.
        variants: the most variants of an item to show; as many as students receive by default.
        progress: told what is being evaluated.
        walls: whether its code is shut in, as for `prove`.

    Raises:
        QuizError: the file is no bank.
        SandboxError: its code cannot be shut in here.
    """
    bank = load(path)
    rendered, faults = examined(bank, variants or bank.model.released, progress, walls=walls)
    items = [_shown(item, seen) for item, seen in zip(bank.model.items, rendered.items, strict=True)]
    environment = Environment(
        loader=PackageLoader("grader.quizzes", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["stem"] = _stem
    css = resources.files("labkit.quiz").joinpath("player.css").read_text(encoding="utf-8")
    page = environment.get_template("preview.html.j2")
    return page.render(bank=rendered, items=items, faults=list(map(str, faults)), player_css=css, typed=TYPED), faults


def _stem(variant: RenderedVariant) -> str:
    """The stem with its blanks to be seen by name."""
    stem = variant.stem
    for part in variant.parts:
        stem = stem.replace(EMPTY_BLANK.format(part.id), NAMED_BLANK.format(part.id))
    return stem


def _shown(item: AnyItem, seen: RenderedItem) -> Shown:
    claim = item.claim if isinstance(item, Single | Multiple | Match) else None
    means = {place: option.means for place, option in _each(item) if option.means}
    return Shown(seen, item.group or "", item.given or "", claim or "", _claims(item), means, item.means or "")


def _each(item: AnyItem) -> Iterator[tuple[tuple[str, int], Option]]:
    """The options of an item by part and place."""
    if isinstance(item, Single | Multiple):
        yield from ((("p1", place), option) for place, option in enumerate(item.options))
    for name, blank in item.blanks.items() if isinstance(item, Cloze) else ():
        if isinstance(blank, Choice):
            yield from (((name, place), option) for place, option in enumerate(blank.options))


def _claims(item: AnyItem) -> dict[tuple[str, int], str]:
    if isinstance(item, Single | Multiple):
        return _of_options("p1", item.options)
    if isinstance(item, Numeric):
        return {("p1", TYPED): item.answer.claim or ""}
    found: dict[tuple[str, int], str] = {}
    for name, blank in item.blanks.items() if isinstance(item, Cloze) else ():
        if isinstance(blank, Choice):
            found |= _of_options(name, blank.options, blank.claim)
        else:
            found[name, TYPED] = blank.claim or ""
    return found


def _of_options(part: str, options: Iterable[Option], shared: str | None = None) -> dict[tuple[str, int], str]:
    return {(part, number): option.claim or shared or "" for number, option in enumerate(options)}
