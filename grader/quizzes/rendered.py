"""A bank as it is shown, in the order in which it is written, with what is true, for sealing and exports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from grader.quizzes.keyed import Answer, KeyedBank, KeyedItem, KeyedOption, KeyedPart, KeyedVariant
from grader.quizzes.seal import option_ids, public_order
from labkit.quiz.draw import VERSION

NOTHING_CHOSEN = "<p>No answer was given.</p>"


@dataclass(frozen=True)
class RenderedOption:
    """One option in HTML, and whether it is true."""

    html: str
    plain: str
    true: bool
    feedback: str
    misconception: str = ""
    fixed: bool = False


@dataclass(frozen=True)
class RenderedPart:
    """One answer to give. `kind` is choice, boxes (a box for each option), number or text.

    `pool` names the set of options; parts that share it share their options' public ids. `answers` and `other` belong
    to what is typed, `value` and `tolerance` to numbers.
    """

    id: str
    kind: str
    label: str = ""
    options: tuple[RenderedOption, ...] = ()
    pool: str = ""
    answers: tuple[Answer, ...] = ()
    other: str = NOTHING_CHOSEN
    value: float = 0.0
    tolerance: float = 0.0
    decimals: int = 0
    unit: str = ""
    case: bool = False
    code: bool = False


@dataclass(frozen=True)
class RenderedVariant:
    """One variant: its stem in HTML with the figure inline, its plain text, and its parts."""

    variant: int
    stem: str
    plain: str
    parts: tuple[RenderedPart, ...]
    figure: str = ""
    alt: str = ""
    written: int = 0
    """The number by which the bank's own code knows it; `variant` counts in the order of release."""


@dataclass(frozen=True)
class RenderedItem:
    """One item in all its variants."""

    id: str
    title: str
    type: str
    objective: str
    lab: str
    points: float
    credit: str
    review: tuple[str, str] | None
    variants: tuple[RenderedVariant, ...]
    bloom: str = ""
    difficulty: float | None = None
    families: tuple[str, ...] = ()
    source: str = ""


@dataclass(frozen=True)
class RenderedBank:
    """A whole bank, before sealing and before any export."""

    bank: str
    title: str
    mode: str
    pass_mark: float
    attempts: int | None
    shuffle: bool
    note: str
    groups: tuple[tuple[str, ...], ...]
    items: tuple[RenderedItem, ...]
    course: str = ""
    """What the bank's course is called, for systems that keep banks of several apart."""


def keyed(bank: RenderedBank, secret: bytes) -> KeyedBank:
    """The bank with public ids and in public order, ready to seal and to keep."""
    items = tuple(
        KeyedItem(
            id=item.id,
            title=item.title,
            type=item.type,
            points=item.points,
            credit=item.credit,
            review=item.review,
            difficulty=item.difficulty,
            variants=tuple(
                KeyedVariant(v.variant, v.stem, tuple(p for part in v.parts for p in _keyed(bank, item, part, secret)))
                for v in item.variants
            ),
        )
        for item in bank.items
    )
    return KeyedBank(
        bank=bank.bank,
        title=bank.title,
        mode=bank.mode,
        pass_mark=bank.pass_mark,
        attempts=bank.attempts,
        shuffle=bank.shuffle,
        note=bank.note,
        groups=bank.groups,
        items=items,
        draw=VERSION,
    )


def _keyed(bank: RenderedBank, item: RenderedItem, part: RenderedPart, secret: bytes) -> Sequence[KeyedPart]:
    if part.kind in ("number", "text"):
        typed = KeyedPart(
            id=part.id,
            kind=part.kind,
            answers=part.answers,
            other=part.other,
            label=part.label,
            decimals=part.decimals,
            unit=part.unit,
            case=part.case,
            code=part.code,
        )
        return [typed]
    ids = option_ids(secret, bank.bank, part.pool, len(part.options))
    order = public_order(ids, [option.fixed for option in part.options])
    if part.kind == "boxes":
        of = sum(option.true for option in part.options)
        return [_box(ids[place], part.options[place], of, item.credit) for place in order]
    answers = (Answer(ids[n], int(o.true), o.feedback, o.misconception) for n, o in enumerate(part.options))
    options = (KeyedOption(ids[n], part.options[n].html, part.options[n].fixed) for n in order)
    return [KeyedPart(part.id, "choice", tuple(answers), part.other, part.label, tuple(options))]


def _box(name: str, option: RenderedOption, of: int, rule: str) -> KeyedPart:
    """A box: credit 1 for the right state. Under right-minus-wrong only ticks count: 1, or −1 for a wrong one."""
    counts = rule == "right-minus-wrong"
    ticked = Answer("1", 1 if option.true else -counts, option.feedback, option.misconception)
    left = Answer("0", int(not option.true and not counts), option.feedback)
    return KeyedPart(name, "check", (ticked, left), "", option.html, fixed=option.fixed, of=of)
