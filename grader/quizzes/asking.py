"""What is to be evaluated for each variant of an item: its texts, claims, values, listing and figure, as plain data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from grader.quizzes.definitions import Definitions, claim_seen, definitions
from grader.quizzes.load import Loaded
from grader.quizzes.model import AnyItem, Cloze, CodeOutput, Match, Multiple, Numeric, Order, Single
from grader.quizzes.mutants import mutants
from grader.quizzes.parts import Choice, Number, Option, Words
from grader.quizzes.reading import statements
from grader.quizzes.wire import MUTANT

Ask = dict[str, Any]
Step = str | int
Place = tuple[Step, ...]
UNTOLD = ("feedback", "otherwise", "label")  # texts that are shown after an answer, and decide nothing
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
    rougher = {"figure": {"rough": True}} if rough else {}
    known = definitions(bank.model.given, item.given) if variant == 0 else None
    if bank.model.given:
        given.append({"source": bank.model.given, "line": bank.block_line("given")})
    if item.given:
        given.append({"source": item.given, "line": bank.block_line(*bank.place(item), "given")})
    return {
        "bank": bank.name,
        "item": item.id,
        "variant": variant,
        "given": given,
        "asks": [_seen(ask | rougher.get(ask["kind"], {}), item, known) for ask in asks(item)],
        "mutants": list(mutant_asks(item)) if variant == 0 else [],
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
        yield from _options(item.options, item.claim, item.words)
    elif isinstance(item, Numeric):
        yield from _number(item.answer, "answer")
    elif isinstance(item, Order):
        yield from _texts(item, "feedback", "otherwise")
        for place, entry in enumerate(item.entries):
            here = ("entries", place)
            if entry.value is None or item.by is None:
                yield text(entry.text, *here, "text")
                if entry.value is not None:
                    yield value(entry.value, *here, "value") | NUMBER
                continue
            bind = {"answer": {"path": path_of(*here, "answer")}}
            yield value(entry.value, *here, "answer")
            yield text(entry.text, *here, "text") | {"bind": bind}
            yield value(item.by, *here, "value") | NUMBER | {"bind": bind}
    elif isinstance(item, Match):
        yield from _match(item)
    elif isinstance(item, Cloze):
        for name, blank in item.blanks.items():
            yield from _blank(blank, item.words, "blanks", name)
    elif isinstance(item, CodeOutput):
        yield from _code_output(item)


def _seen(ask: Ask, item: AnyItem, known: Definitions | None) -> Ask:
    """A claim with what it is, seen through the names of `given`, and through `answer` where that is an expression."""
    if known is None or ask["kind"] != "claim" or not ask["source"] or not ask["probe"]:
        return ask
    source = ask["bind"].get("answer", {}).get("path")
    answer = next((one["source"] for one in asks(item) if one["path"] == source), None)
    seen = claim_seen(ask["source"], known, answer if isinstance(answer, str) else None)
    return ask | {"seen": seen} if seen else ask


def mutant_asks(item: AnyItem) -> Iterator[Ask]:
    """What the mutants of an item ask where that differs from what the item asks."""
    own = {ask["path"]: ask for ask in asks(item)}
    for number, mutant in enumerate(mutants(item)):
        changed: set[str] = set()
        for ask in asks(mutant.item):
            path, bind = ask["path"], ask.get("bind", {})
            moved = any(source.get("path") in changed for source in bind.values())
            if path.endswith(UNTOLD) or (ask == own.get(path) and not moved):
                continue
            changed.add(path)
            bound = {name: _moved(source, changed, number) for name, source in bind.items()}
            yield ask | {"path": f"{number}{MUTANT}{path}", "bind": bound, "probe": False}


def _moved(source: dict[str, Any], changed: set[str], number: int) -> dict[str, Any]:
    return source | {"path": f"{number}{MUTANT}{source['path']}"} if source.get("path") in changed else source


def text(source: str, *place: Step) -> Ask:
    """A text to fill in."""
    return {"kind": "text", "source": source, "path": path_of(*place)}


def said(source: str, words: Mapping[str, str], *place: Step) -> Ask:
    """A text to fill in that may have statements, whose brackets are not shown."""
    return text(source, *place) | ({"says": True} if words and statements(source) else {})


def value(source: str | int | float, *place: Step) -> Ask:
    """A value to compute, which later asks can bind to a name."""
    return {"kind": "value", "source": source, "path": path_of(*place)}


def path_of(*place: Step) -> str:
    """A place in an item as one text."""
    return "/".join(map(str, place))


def place_of(path: str) -> Place:
    """The place in an item that a path names."""
    return tuple(int(step) if step.isdigit() else step for step in path.split("/"))


def _texts(thing: object, *names: str, place: tuple[Step, ...] = ()) -> Iterator[Ask]:
    for name in names:
        yield text(getattr(thing, name), *place, name)


def _claim(source: str, bind: dict[str, Any], *place: Step, probe: bool = True) -> Ask:
    return {"kind": "claim", "source": source, "path": path_of(*place), "bind": bind, "probe": probe}


def _says(source: str, words: Mapping[str, str]) -> Ask:
    """What a claim has beside its code, where a text makes statements: the text, and what its words stand for."""
    return {"text": source, "words": dict(words)} if words and statements(source) else {}


def _options(options: list[Option], shared: str | None, words: Mapping[str, str], *place: Step) -> Iterator[Ask]:
    for number, option in enumerate(options):
        here = (*place, "options", number)
        bind: dict[str, Any] = {}
        if option.value is not None:
            yield value(option.value, *here, "value")
            bind = {"answer": {"path": path_of(*here, "value")}}
        yield said(option.text, words, *here, "text") | {"bind": bind}
        yield text(option.feedback, *here, "feedback") | {"bind": bind}
        claim = option.claim or (shared if option.value is not None else None)
        says = _says(option.text, words)
        if (claim or says) and option.key is None:
            yield _claim(claim or "", bind, *here, "claim") | says


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


def _blank(blank: Number | Words | Choice, words: Mapping[str, str], *place: Step) -> Iterator[Ask]:
    if isinstance(blank, Number):
        yield from _number(blank, *place)
    elif isinstance(blank, Words):
        yield from _words(blank, *place)
    else:
        yield text(blank.label, *place, "label")
        yield from _options(blank.options, blank.claim, words, *place)


def _match(item: Match) -> Iterator[Ask]:
    yield from _texts(item, "feedback", "otherwise")
    rights: list[tuple[Step, ...]] = []
    for number, pair in enumerate(item.pairs):
        here = ("pairs", number)
        bind = {}
        if pair.left_value is not None:
            yield value(pair.left_value, *here, "left_value")
            bind["left"] = {"path": path_of(*here, "left_value")}
        yield said(pair.left, item.words, *here, "left") | {"bind": bind}
        bind = {}
        if pair.right_value is not None:
            yield value(pair.right_value, *here, "right_value")
            rights.append((*here, "right_value"))
            bind = {"right": {"path": path_of(*here, "right_value")}}
        yield text(pair.right, *here, "right") | {"bind": bind}
    for number, other in enumerate(item.others):
        bind = {}
        if other.value is not None:
            yield value(other.value, "others", number, "value")
            rights.append(("others", number, "value"))
            bind = {"right": {"path": path_of("others", number, "value")}}
        yield text(other.text, "others", number, "text") | {"bind": bind}
    for number, pair in enumerate(item.pairs):
        says = _says(pair.left, item.words)
        if not says and (pair.left_value is None or not item.claim):
            continue
        left = {} if pair.left_value is None else {"left": {"path": path_of("pairs", number, "left_value")}}
        for right in rights:
            bind = left | {"right": {"path": path_of(*right)}}
            yield _claim(item.claim or "", bind, "pairs", number, "claim", *right) | says


def _code_output(item: CodeOutput) -> Iterator[Ask]:
    yield {"kind": "run", "source": item.code, "path": "code"}
    for number, option in enumerate(item.options or []):
        yield from _texts(option, "text", "feedback", place=("options", number))
    for number, wrong in enumerate(item.wrong):
        yield from _texts(wrong, "text", "feedback", place=("wrong", number))
    if item.feedback and item.otherwise:
        yield from _texts(item, "feedback", "otherwise")
