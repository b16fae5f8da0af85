"""What is to be evaluated for each variant of an item: its texts, claims, values, listing and figure, as plain data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from grader.quizzes.load import Loaded
from grader.quizzes.model import (
    AnyItem,
    Choice,
    Cloze,
    CodeOutput,
    Match,
    Multiple,
    Number,
    Numeric,
    Option,
    Order,
    Single,
    Words,
)

Ask = dict[str, Any]
Step = str | int
NUMBER: Ask = {"number": True}  # of a value that has to be one


def request(bank: Loaded, item: AnyItem, variant: int, probe: bool, rough: bool = False) -> dict[str, Any]:
    """One request to `grader.quizzes.worker`: everything to evaluate for one variant of one item.

    Args:
        bank: the bank of the item.
        item: the item.
        variant: the number of the variant.
        probe: whether claims are disturbed too.
        rough: whether its figure is drawn without the layout that makes it fit to be seen and takes most of the time.
    """
    given = []
    if bank.model.given:
        given.append({"source": bank.model.given, "line": bank.block_line("given")})
    if item.given:
        given.append({"source": item.given, "line": bank.block_line(*bank.place(item), "given")})
    return {
        "bank": bank.name,
        "item": item.id,
        "variant": variant,
        "given": given,
        "asks": [ask | {"rough": True} if rough and ask["kind"] == "figure" else ask for ask in asks(item)],
        "probe": probe,
        "figures": str(bank.path.resolve().parent / "figures.py"),
    }


def asks(item: AnyItem) -> Iterator[Ask]:
    """What an item asks; the path of an ask is the place in the item where its source stands, joined by slashes."""
    yield text(item.stem, "stem")
    if item.figure:
        figure: Ask = {"kind": "figure", "source": item.figure.draw, "args": item.figure.args}
        yield figure | {"path": "figure"}
        yield text(item.figure.alt, "figure", "alt")
    if isinstance(item, Single | Multiple):
        yield from _options(item.options, item.claim)
    elif isinstance(item, Numeric):
        yield from _number(item.answer, "answer")
    elif isinstance(item, Order):
        yield from _texts(item, "feedback", "otherwise")
        for place, entry in enumerate(item.entries):
            yield text(entry.text, "entries", place, "text")
            if entry.value is not None:
                yield value(entry.value, "entries", place, "value") | NUMBER
    elif isinstance(item, Match):
        yield from _match(item)
    elif isinstance(item, Cloze):
        for name, blank in item.blanks.items():
            yield from _blank(blank, "blanks", name)
    elif isinstance(item, CodeOutput):
        yield from _code_output(item)


def text(source: str, *place: Step) -> Ask:
    """A text to fill in."""
    return {"kind": "text", "source": source, "path": path_of(*place)}


def value(source: str | int | float, *place: Step) -> Ask:
    """A value to compute, which later asks can bind to a name."""
    return {"kind": "value", "source": source, "path": path_of(*place)}


def path_of(*place: Step) -> str:
    """A place in an item as one text."""
    return "/".join(map(str, place))


def _texts(thing: object, *names: str, place: tuple[Step, ...] = ()) -> Iterator[Ask]:
    for name in names:
        yield text(getattr(thing, name), *place, name)


def _claim(source: str, bind: dict[str, Any], *place: Step, probe: bool = True) -> Ask:
    return {"kind": "claim", "source": source, "path": path_of(*place), "bind": bind, "probe": probe}


def _options(options: list[Option], shared: str | None, *place: Step) -> Iterator[Ask]:
    for number, option in enumerate(options):
        here = (*place, "options", number)
        bind: dict[str, Any] = {}
        if option.value is not None:
            yield value(option.value, *here, "value")
            bind = {"answer": {"path": path_of(*here, "value")}}
        yield text(option.text, *here, "text") | {"bind": bind}
        yield text(option.feedback, *here, "feedback") | {"bind": bind}
        claim = option.claim or (shared if option.value is not None else None)
        if claim and option.key is None:
            yield _claim(claim, bind, *here, "claim")


def _number(number: Number, *place: Step) -> Iterator[Ask]:
    yield value(number.value, *place, "value") | NUMBER
    bind = {"answer": {"path": path_of(*place, "value")}}
    if number.tolerance is not None:
        yield value(number.tolerance, *place, "tolerance") | NUMBER
    for name in ("feedback", "otherwise", "label"):
        yield text(getattr(number, name), *place, name) | {"bind": bind}
    if number.claim:
        yield _claim(number.claim, bind, *place, "claim")
        yield from _far_off(number, *place)
    for index, wrong in enumerate(number.wrong):
        here = (*place, "wrong", index)
        yield value(wrong.value, *here, "value") | NUMBER
        yield text(wrong.feedback, *here, "feedback") | {"bind": {"answer": {"path": path_of(*here, "value")}}}
        if number.claim:
            yield _claim(number.claim, {"answer": {"path": path_of(*here, "value")}}, *here, "claim", probe=False)


def _far_off(number: Number, *place: Step) -> Iterator[Ask]:
    """The claim of a number at values too far off on both sides, where it must fail."""
    for sign in (-1, 1):
        far: dict[str, Any] = {"path": path_of(*place, "value"), "plus": sign * 3 * 10.0**-number.decimals}
        if number.tolerance is not None:
            far["times"] = [path_of(*place, "tolerance"), 3 * sign]
        yield _claim(number.claim or "", {"answer": far}, *place, f"off{sign:+d}", probe=False)


def _words(words: Words, *place: Step) -> Iterator[Ask]:
    yield from _texts(words, "feedback", "otherwise", "label", place=place)
    for index, answer in enumerate(words.answers):
        yield text(answer, *place, "answers", index)
        if words.claim:
            yield _claim(words.claim, {"answer": {"literal": answer}}, *place, "answers", index, "claim")
    for index, wrong in enumerate(words.wrong):
        here = (*place, "wrong", index)
        yield from _texts(wrong, "text", "feedback", place=here)
        if words.claim:
            yield _claim(words.claim, {"answer": {"literal": wrong.text}}, *here, "claim", probe=False)


def _blank(blank: Number | Words | Choice, *place: Step) -> Iterator[Ask]:
    if isinstance(blank, Number):
        yield from _number(blank, *place)
    elif isinstance(blank, Words):
        yield from _words(blank, *place)
    else:
        yield text(blank.label, *place, "label")
        yield from _options(blank.options, blank.claim, *place)


def _match(item: Match) -> Iterator[Ask]:
    yield from _texts(item, "feedback", "otherwise")
    rights: list[tuple[Step, ...]] = []
    for number, pair in enumerate(item.pairs):
        here = ("pairs", number)
        yield from _texts(pair, "left", "right", place=here)
        if pair.left_value is not None and pair.right_value is not None:
            yield value(pair.left_value, *here, "left_value")
            yield value(pair.right_value, *here, "right_value")
            rights.append((*here, "right_value"))
    for number, other in enumerate(item.others):
        yield text(other.text, "others", number, "text")
        if other.value is not None:
            yield value(other.value, "others", number, "value")
            rights.append(("others", number, "value"))
    if not item.claim:
        return
    for number, pair in enumerate(item.pairs):
        if pair.left_value is None or pair.right_value is None:
            continue
        left = {"path": path_of("pairs", number, "left_value")}
        for right in rights:
            bind = {"left": left, "right": {"path": path_of(*right)}}
            yield _claim(item.claim, bind, "pairs", number, "claim", *right)


def _code_output(item: CodeOutput) -> Iterator[Ask]:
    yield {"kind": "run", "source": item.code, "path": "code"}
    for number, option in enumerate(item.options or []):
        yield from _texts(option, "text", "feedback", place=("options", number))
    for number, wrong in enumerate(item.wrong):
        yield from _texts(wrong, "text", "feedback", place=("wrong", number))
    if item.feedback and item.otherwise:
        yield from _texts(item, "feedback", "otherwise")
