"""Whether a bank is true: keys' claims hold, distractors' fail, and each claim could have said otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from grader.quizzes.asking import path_of, place_of
from grader.quizzes.evaluated import Evaluated
from grader.quizzes.load import Fault, Loaded
from grader.quizzes.model import AnyItem, Cloze, CodeOutput, Match, Multiple, Numeric, Order, Single
from grader.quizzes.parts import OPEN, Choice, Number, Option, Words
from grader.quizzes.reading import statements

NEEDS = "a claim, or `source` of the item"


def truth_faults(bank: Loaded, item: AnyItem, variants: Sequence[Evaluated]) -> list[Fault]:
    """Everything untrue, undecided or broken in one item; each fault once, with the variants that have it."""
    where: dict[tuple[str, str], list[int]] = {}
    for one in variants:
        for path, message in of_variant(item, one):
            where.setdefault((path, message), []).append(one.variant)
    faults = []
    for (path, message), numbers in where.items():
        told = "" if len(numbers) == item.variants else f" (variant {', '.join(map(str, numbers))})"
        faults.append(bank.fault(item, message + told, *place_of(path)))
    return faults + [fault for one in variants[:1] for fault in _broken_given(bank, item, one)]


def _broken_given(bank: Loaded, item: AnyItem, one: Evaluated) -> Iterator[Fault]:
    for broken in one.broken:
        if broken.path == "given":
            line = (broken.line or 1) + (broken.inside or 1) - 1
            yield Fault(bank.path, line, item.id, f"given broke: {broken.message}")


def of_variant(item: AnyItem, one: Evaluated, idle: bool = True) -> Iterator[tuple[str, str]]:
    """What is untrue in one variant: its place, and why; with `idle`, claims that cannot come out the other way too."""
    for broken in one.broken:
        if broken.path != "given":
            yield broken.path, f"{broken.path} broke: {broken.message}"
    if one.broken:
        return
    if isinstance(item, Single | Multiple):
        yield from _options(item, one, item.options, item.claim, isinstance(item, Single))
    elif isinstance(item, Numeric):
        yield from _number(item, one, item.answer, "answer")
    elif isinstance(item, Order):
        yield from _order(item, one)
    elif isinstance(item, Match):
        yield from _match(item, one)
    elif isinstance(item, Cloze):
        for name, blank in item.blanks.items():
            if isinstance(blank, Number):
                yield from _number(item, one, blank, "blanks", name)
            elif isinstance(blank, Choice):
                yield from _options(item, one, blank.options, blank.claim, True, "blanks", name)
            else:
                yield from _words(item, one, blank, "blanks", name)
    elif isinstance(item, CodeOutput) and item.options is not None:
        yield from _printed(item, one)
    for path, result in one.results.items() if idle else ():
        if isinstance(result, dict) and result.get("idle"):
            yield path, f"this claim cannot come out the other way: {result['idle']}"


def _options(
    item: AnyItem, one: Evaluated, options: list[Option], shared: str | None, single: bool, *place: str | int
) -> Iterator[tuple[str, str]]:
    true = []
    own: dict[str, int] = {}
    for number, option in enumerate(options):
        here = path_of(*place, "options", number)
        says = bool(item.words and statements(option.text))
        claimed = says or option.claim is not None or (shared is not None and option.value is not None)
        if claimed and option.key:
            yield here, "it has a claim, which decides: take `key` away"
        elif not claimed and not item.source:
            yield here, f"nothing decides it: give it {NEEDS}"
        elif not claimed and bool(option.key) == bool(option.misconception):
            yield here, "a cited option says `key: true`, or names a misconception, not both"
        elif option.key and option.misconception:
            yield here, "a key has no misconception"
        holds = one.holds(f"{here}/claim") if claimed else bool(option.key)
        if claimed and holds and option.misconception:
            yield f"{here}/claim", f"the distractor is true: its claim holds ({option.text[:50].strip()})"
        if claimed and not holds and not option.misconception:
            yield (
                f"{here}/claim",
                f"the key is false: its claim fails ({option.text[:50].strip()}); a distractor names a misconception",
            )
        if holds:
            true.append(number)
        if option.claim and option.value is None and not says:
            spelling = "".join(option.claim.split())
            if spelling in own:
                yield (
                    f"{here}/claim",
                    f"option {own[spelling] + 1} has the same claim: it does not depend on what they say",
                )
            own.setdefault(spelling, number)
    if single and len(true) != 1:
        said = ", ".join(str(number + 1) for number in true) or "none"
        yield path_of(*place, "options"), f"one option is to be true, these are: {said}"
    if not single and not true:
        yield path_of(*place, "options"), "no option is true"


def _number(item: AnyItem, one: Evaluated, number: Number, *place: str | int) -> Iterator[tuple[str, str]]:
    here = path_of(*place)
    if number.claim is None and item.source is None:
        yield here, f"nothing decides it: give it {NEEDS}"
    if number.claim is None:
        return
    if not one.holds(f"{here}/claim"):
        yield f"{here}/claim", f"the key is false: the claim fails for {one.results.get(f'{here}/value')}"
    for index in range(len(number.wrong)):
        if one.holds(f"{here}/wrong/{index}/claim"):
            yield f"{here}/wrong/{index}", "the wrong value is true: the claim holds for it"
    if one.holds(f"{here}/off-1") or one.holds(f"{here}/off+1"):
        yield f"{here}/claim", "the claim holds for a value that is too far off: let it use `answer`, and be strict"


def _words(item: AnyItem, one: Evaluated, words: Words, *place: str | int) -> Iterator[tuple[str, str]]:
    here = path_of(*place)
    for index, answer in enumerate(words.answers):
        if OPEN.casefold() in " ".join(answer.split()).casefold():
            yield f"{here}/answers/{index}", f"its key is open: write the right answer in place of {OPEN!r}"
    if words.claim is None:
        if item.source is None:
            yield here, f"nothing decides it: give it {NEEDS}"
        return
    for index in range(len(words.answers)):
        if not one.holds(f"{here}/answers/{index}/claim"):
            yield f"{here}/answers/{index}", f"the key is false: the claim fails for {words.answers[index]!r}"
    for index, wrong in enumerate(words.wrong):
        if one.holds(f"{here}/wrong/{index}/claim"):
            yield f"{here}/wrong/{index}", f"the wrong text {wrong.text!r} is true: the claim holds for it"


def _order(item: Order, one: Evaluated) -> Iterator[tuple[str, str]]:
    values = [one.number(f"entries/{n}/value") for n in range(len(item.entries))]
    known = [value for value in values if value is not None]
    if not known and item.source is None:
        yield "entries", "nothing decides the order: give each entry a `value` that rises, or the item a `source`"
    elif known and len(known) < len(values):
        yield "entries", "give each entry a value that is a number, or none of them"
    for place, (first, second) in enumerate(pairwise(known)):
        if not first < second:
            yield f"entries/{place + 1}", f"the order is false: its value {second:g} does not rise above {first:g}"


def _match(item: Match, one: Evaluated) -> Iterator[tuple[str, str]]:
    says = bool(item.words) and all(statements(pair.left) for pair in item.pairs)
    valued = all((says or pair.left_value is not None) and pair.right_value is not None for pair in item.pairs)
    if item.claim is None and item.source is None and not says:
        yield "pairs", "nothing decides the pairs: give the item a claim about `left` and `right`, or a `source`"
    if item.claim is None and not says:
        return
    if not valued or any(other.value is None for other in item.others):
        yield "pairs", "the claim needs left_value and right_value of each pair, and the value of each other"
        return
    for number in range(len(item.pairs)):
        mine = one.text(f"pairs/{number}/right")
        rights = [(f"pairs/{n}/right_value", one.text(f"pairs/{n}/right")) for n in range(len(item.pairs))]
        rights += [(f"others/{n}/value", one.text(f"others/{n}/text")) for n in range(len(item.others))]
        for path, shown in rights:
            holds = one.holds(f"pairs/{number}/claim/{path}")
            if holds != (shown == mine):
                said = "holds for another right side" if holds else "fails for its own right side"
                yield f"pairs/{number}", f"the pair is false: the claim {said} ({shown[:40]})"


def _printed(item: CodeOutput, one: Evaluated) -> Iterator[tuple[str, str]]:
    printed = one.results["code"]["printed"].strip()
    true = []
    for number, option in enumerate(item.options or []):
        right = one.text(f"options/{number}/text").strip() == printed
        if right and option.misconception:
            yield f"options/{number}", "the distractor is true: the code prints it"
        if not right and not option.misconception:
            yield f"options/{number}", f"the key is false: the code prints {printed[:60]!r}"
        true += [number] if right else []
    if len(true) != 1:
        yield "options", f"one option is to be what the code prints, {len(true)} are"
