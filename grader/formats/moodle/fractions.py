"""What Moodle's two formats share: answers that earn a fraction of the marks, and what our items make of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from grader.formats.reading.drafts import EMPTY, NO_FEEDBACK, Drafts, ReadOption, choice, options, words
from grader.formats.reading.numbers import Span, number
from grader.formats.reading.spelling import blank_mark, escape, literal, with_blanks

PLACES = ("ABSOLUTE_POSITION", "ABSOLUTE", "ABS")  # rules by which each entry at its place counts
ENOUGH = 99.9  # percent, of an answer that is right
BLANK_NAME = "answer"
HERE = blank_mark(BLANK_NAME)


class NotUnderstoodError(ValueError):
    """Answers that cannot be read without guessing; the message says what, and what is done about it."""


@dataclass(frozen=True)
class Graded:
    """An answer as Moodle has it: percent of the marks, text or numbers, feedback in Markdown."""

    percent: float
    text: str
    feedback: str = ""
    span: Span | None = None


@dataclass(frozen=True)
class Stem:
    """What goes before the answers. `markdown` has a `blank_mark` where an answer belongs inside the text."""

    name: str
    title: str
    markdown: str
    line: int | None = None
    general: str = ""
    points: float | None = None
    more: dict[str, Any] = field(default_factory=dict)


def choice_item(drafts: Drafts, stem: Stem, answers: Sequence[Graded], single: bool, fixed: bool = False) -> None:
    """Options, of which one or several are right. Inside a text they become a blank with a menu."""
    best = max((answer.percent for answer in answers), default=0.0)
    partial = [answer for answer in answers if 0 < answer.percent < (best if single else 1)]
    if single and partial:
        said = f"{len(partial)} options earn a part of the marks; here they earn none"
        drafts.note(stem.name, "partial credit", said, stem.line)
    truths = [answer.percent > 0 and (not single or answer.percent == best) for answer in answers]
    if single and sum(truths) > 1:
        drafts.note(stem.name, "key", f"{sum(truths)} options earn all the marks; it takes several answers", stem.line)
        single = False
    found = [
        ReadOption(answer.text, true, answer.feedback or stem.general, fixed and number == len(answers) - 1)
        for number, (answer, true) in enumerate(zip(answers, truths, strict=True))
    ]
    if HERE in stem.markdown and single:
        _cloze(drafts, stem, {BLANK_NAME: choice(found)})
        return
    credit = None if single else _credit(drafts, stem, answers, truths)
    if not any(truths):
        drafts.note(stem.name, "key", "no option earns marks: say which is right", stem.line)
        found = [ReadOption(option.text, None, option.feedback) for option in found]
    drafts.add(
        "single" if single else "multiple",
        stem.name,
        stem.line,
        **_common(stem, used_general=any(not answer.feedback for answer in answers)),
        options=options(found),
        credit=credit,
    )


def _credit(drafts: Drafts, stem: Stem, answers: Sequence[Graded], truths: Sequence[bool]) -> str | None:
    """The rule that several right options follow; the default, and a note, where ours has none like it."""
    right = [answer.percent for answer, true in zip(answers, truths, strict=True) if true]
    wrong = [answer.percent for answer, true in zip(answers, truths, strict=True) if not true]
    equal = bool(right) and max(right) - min(right) < 0.01
    share = right[0] if right else 0.0
    if equal and wrong and all(percent <= -ENOUGH for percent in wrong) and len(right) > 1:
        return "all-or-nothing"
    if not equal or any(abs(percent + share) > 0.01 for percent in wrong):
        said = (
            "the percents of its options differ; here each right tick counts the same, and a wrong tick takes it back"
        )
        drafts.note(stem.name, "partial credit", said, stem.line)
    return None


def typed_blank(drafts: Drafts, stem: Stem, answers: Sequence[Graded], case: bool, what: str = "") -> dict[str, Any]:
    """A text to type. `*` alone stands for every other answer."""
    known = [answer for answer in answers if answer.text.strip() and answer.text.strip() != "*"]
    rest = next((answer.feedback for answer in answers if answer.text.strip() == "*"), "")
    if any(answer.text.strip() == "*" and answer.percent > 0 for answer in answers):
        drafts.note(stem.name, "answers", f"{what}every answer earns marks; here only those that are listed", stem.line)
    for answer in known:
        if "*" in answer.text.replace("\\*", ""):
            said = f"{what}the star in {answer.text[:40]!r} stood for any text; here it is a star"
            drafts.note(stem.name, "answers", said, stem.line)
        if 0 < answer.percent < ENOUGH:
            said = f"{what}{answer.text[:40]!r} earns {answer.percent:g} % of the marks; here it earns none"
            drafts.note(stem.name, "partial credit", said, stem.line)
    right = [answer for answer in known if answer.percent >= ENOUGH]
    wrong = [answer for answer in known if answer.percent < ENOUGH]
    return words(
        [_literal(answer.text) for answer in right],
        next((answer.feedback for answer in right if answer.feedback), "") or stem.general,
        rest or stem.general,
        [(_literal(answer.text), answer.feedback) for answer in wrong],
        case,
    )


def _literal(text: str) -> str:
    return literal(text.strip().replace("\\*", "*"))


def number_blank(
    drafts: Drafts, stem: Stem, answers: Sequence[Graded], unit: str = "", what: str = ""
) -> dict[str, Any] | None:
    """A number to type; None, and a note, if none earns marks."""
    right = [answer for answer in answers if answer.span is not None and answer.percent >= ENOUGH]
    wrong = [answer for answer in answers if answer.span is not None and answer.percent < ENOUGH]
    rest = next((answer.feedback for answer in answers if answer.span is None), "")
    if any(answer.span is None and answer.percent > 0 for answer in answers):
        drafts.note(stem.name, "answers", f"{what}any number earns marks; it is left out", stem.line)
        return None
    if not right or right[0].span is None:
        drafts.note(stem.name, "answers", f"{what}no number earns the marks; it is left out", stem.line)
        return None
    for answer in right[1:]:
        drafts.note(stem.name, "answers", f"{what}another right number, {answer.text[:40]}, is left out", stem.line)
    for answer in wrong:
        if answer.percent > 0:
            said = f"{what}{answer.text[:40]} earns {answer.percent:g} % of the marks; here it earns none"
            drafts.note(stem.name, "partial credit", said, stem.line)
    made, notes = number(
        right[0].span,
        [(answer.span, answer.feedback) for answer in wrong[:10] if answer.span is not None],
        right[0].feedback or stem.general,
        rest or stem.general,
        unit,
    )
    for said in notes:
        drafts.note(stem.name, "tolerance", what + said, stem.line)
    return made


def numeric_item(drafts: Drafts, stem: Stem, answers: Sequence[Graded], unit: str = "") -> None:
    """An item whose answer is a number."""
    made = number_blank(drafts, stem, answers, unit)
    if made is None:
        return
    if HERE in stem.markdown:
        _cloze(drafts, stem, {BLANK_NAME: {"kind": "number"} | made})
    else:
        drafts.add("numeric", stem.name, stem.line, **_common(stem, used_general=True), answer=made)


def typed_item(drafts: Drafts, stem: Stem, answers: Sequence[Graded], case: bool = False) -> None:
    """An item whose answer is a text: a cloze item with one blank."""
    _cloze(drafts, stem, {BLANK_NAME: typed_blank(drafts, stem, answers, case)})


def true_false_item(drafts: Drafts, stem: Stem, true: bool, if_true: str, if_false: str) -> None:
    """An item with the options True and False."""
    choice_item(
        drafts, stem, [Graded(100.0 * true, "True", if_true), Graded(100.0 * (not true), "False", if_false)], True
    )


def match_item(
    drafts: Drafts,
    stem: Stem,
    pairs: Sequence[tuple[str, str]],
    others: Sequence[str],
    feedback: str = "",
    otherwise: str = "",
    credit: str | None = None,
) -> None:
    """Left sides with their right sides."""
    drafts.add(
        "match",
        stem.name,
        stem.line,
        **_common(stem, used_general=not (feedback or otherwise)),
        pairs=[{"left": left or EMPTY, "right": right or EMPTY} for left, right in pairs],
        others=[{"text": text or EMPTY} for text in dict.fromkeys(others)] or None,
        feedback=feedback or stem.general or NO_FEEDBACK,
        otherwise=otherwise or stem.general or NO_FEEDBACK,
        credit=credit,
    )


def order_item(
    drafts: Drafts, stem: Stem, entries: Sequence[str], feedback: str, otherwise: str, credit: str | None = None
) -> None:
    """Entries in the right order."""
    drafts.add(
        "order",
        stem.name,
        stem.line,
        **_common(stem, used_general=not (feedback or otherwise)),
        entries=[{"text": entry or EMPTY} for entry in entries],
        feedback=feedback or stem.general or NO_FEEDBACK,
        otherwise=otherwise or stem.general or NO_FEEDBACK,
        credit=credit,
    )


def order_credit(drafts: Drafts, stem: Stem, rule: str, shown: str) -> str | None:
    """The credit of an ordering question of Moodle; a note where its rule is another, or it `shown` not all entries."""
    rule = rule.strip().upper()
    if rule not in (*PLACES, "ALL_OR_NOTHING"):
        said = f"its marks follow the rule {rule[:40] or '?'}; here each entry at its place counts"
        drafts.note(stem.name, "partial credit", said, stem.line)
    if shown.strip().upper() not in ("ALL", "EXACT", "0"):
        drafts.note(stem.name, "entries", "it showed some of its entries; here it shows all", stem.line)
    return "all-or-nothing" if rule == "ALL_OR_NOTHING" else None


def cloze_item(drafts: Drafts, stem: Stem, blanks: dict[str, Any], credit: str | None = None) -> None:
    """A text with blanks."""
    common = _common(stem, False)
    common["stem"] = with_blanks(common["stem"])
    drafts.add("cloze", stem.name, stem.line, **common, blanks=blanks, credit=credit)


def _cloze(drafts: Drafts, stem: Stem, blanks: dict[str, Any]) -> None:
    text = stem.markdown if HERE in stem.markdown else f"{stem.markdown}\n\n{HERE}".strip()
    cloze_item(drafts, Stem(stem.name, stem.title, text, stem.line, stem.general, stem.points, stem.more), blanks)


def _common(stem: Stem, used_general: bool) -> dict[str, Any]:
    """What every item takes from its stem; feedback for everybody that no answer took becomes a note."""
    note = stem.general if stem.general and not used_general else None
    said = {
        "title": stem.title,
        "stem": stem.markdown or escape(stem.title) or "…",
        "points": stem.points,
        "note": note,
    }
    return said | stem.more


def span_of(value: Decimal, margin: Decimal) -> Span:
    """The numbers within a margin of a value."""
    return Span(value - abs(margin), value + abs(margin))
