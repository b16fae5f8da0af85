"""Blackboard's text upload: a question a line, its fields between tabs, the first of them the type.

The fields of each type are those of Blackboard's help, "Upload questions"; Blackboard shows TeX between `$$`.
"""

from __future__ import annotations

from decimal import Decimal

from grader.formats.model.figures import pixel_uri
from grader.formats.model.fitting import that_fit
from grader.formats.model.oneline import ascii_html, html_line
from grader.formats.model.outputs import as_options, needs_lines
from grader.formats.model.pools import Question, shown_order
from grader.formats.model.registry import Losses, exporter, nothing_carried
from grader.formats.model.richtext import Style, plain
from grader.formats.model.typed import accepted, right_answers
from grader.quizzes.rendered import RenderedBank, RenderedPart

STYLE = Style(maths="tex-double", code="inline")
MOST_BLANKS = 10  # variables of one FIB_PLUS question
Fields = list[str]


@exporter(
    "blackboard-text",
    title="Blackboard text upload",
    suffix=".blackboard.txt",
    features=("maths", "code", "figures", "shuffle", "tolerance"),
)
def write(bank: RenderedBank, losses: Losses) -> bytes:
    """Lines of HTML fields in UTF-8. Blackboard asks for the points and for partial credit after the upload.

    Raises:
        NothingCarriedError: no question fits.
    """
    lines = that_fit(bank, losses, lambda question, own: _line(bank, question, own))
    if not lines:
        raise nothing_carried(bank, "Blackboard text upload", losses)
    return "".join("\t".join(fields) + "\r\n" for fields in lines).encode()


def _line(bank: RenderedBank, question: Question, losses: Losses) -> Fields | None:
    item, parts = question.item, question.variant.parts
    part = parts[0]
    if item.type == "cloze":
        return _blanks(question, losses)
    if item.type == "order":
        rest = [html(next(o.html for o in each.options if o.true)) for each in parts]
        return ["ORD", html(question.variant.stem), *rest]
    if item.type == "match":
        return _pairs(question, losses)
    if part.kind == "number":
        span = accepted(part)
        _lose_wrong(question, part, losses)
        return ["NUM", html(question.variant.stem + _asked(part)), str(span.middle), str(span.reach)]
    if part.kind == "text" and not needs_lines(part):
        _lose_wrong(question, part, losses)
        if part.case:
            losses.add(item.id, "case", "Blackboard does not look at capitals in uploaded questions")
        right = [" ".join(answer.answer.split()) for answer in right_answers(part)]
        return ["FIB", html(question.variant.stem + _asked(part)), *right]
    options = part.options or as_options(question, part, losses)
    if not options:
        return None
    order = shown_order(f"{question.id} {part.id}", options, bank.shuffle)
    rest = [field for n in order for field in (html(options[n].html), "correct" if options[n].true else "incorrect")]
    return ["MA" if part.kind == "boxes" else "MC", html(question.variant.stem), *rest]


def _pairs(question: Question, losses: Losses) -> Fields | None:
    """Left and right sides, one to one: Blackboard mixes the right ones."""
    item, parts = question.item, question.variant.parts
    rights = [next(o.html for o in part.options if o.true) for part in parts]
    if len(set(rights)) < len(rights):
        losses.add(item.id, item.type, "two left sides have one right side, which Blackboard marks wrongly; left out")
        return None
    if len(rights) < len(parts[0].options):
        losses.add(item.id, "others", "right sides that belong to no left side are left out")
    sides = [html(side) for part, right in zip(parts, rights, strict=True) for side in (part.label, right)]
    return ["MAT", html(question.variant.stem), *sides]


def _blanks(question: Question, losses: Losses) -> Fields | None:
    """Named blanks in brackets, and for each its name and right answers, then an empty field."""
    item, parts = question.item, question.variant.parts
    if len(parts) > MOST_BLANKS:
        losses.add(item.id, item.type, f"Blackboard takes {MOST_BLANKS} blanks, this has {len(parts)}; it is left out")
        return None
    stem = html_line(question.variant.stem, STYLE, pixel_uri, lambda name: _shown(parts, name))
    fields = ["FIB_PLUS", ascii_html(stem)]
    for place, part in enumerate(parts):
        if part.options:
            said = "a menu becomes a blank: its options stand in the text, and one of them is typed"
            losses.add(item.id, "menus", said)
            right = [_option(option.html) for option in part.options if option.true]
        else:
            _lose_wrong(question, part, losses)
            right = [answer.answer for answer in right_answers(part)]
        if part.kind == "number":
            losses.add(item.id, "tolerance", "the accepted numbers are listed; other spellings of them are wrong")
        fields += [*([""] if place else []), part.id, *[" ".join(text.split()) for text in right]]
    return fields


def _shown(parts: tuple[RenderedPart, ...], name: str) -> str:
    part = next(part for part in parts if part.id == name)
    shown = f"[{name}]"
    if part.options:
        order = shown_order(name, part.options)
        shown += f" ({' / '.join(_option(part.options[number].html) for number in order)})"
    return f"{shown} {part.unit}".rstrip()


def _option(fragment: str) -> str:
    return " ".join(plain(fragment).split())


def _asked(part: RenderedPart) -> str:
    """What is to be typed: the label, the unit, and the decimals."""
    label = f"<p>{part.label}</p>" if part.label else ""
    if part.kind != "number":
        return label
    example = str(Decimal(0).scaleb(-part.decimals))
    rounded = f"rounded like {example}" if part.decimals else "a whole number"
    unit = f"in {plain(part.unit)}, " if part.unit and "<" not in part.unit else ""
    return f"{label}<p>({unit}{rounded})</p>"


def _lose_wrong(question: Question, part: RenderedPart, losses: Losses) -> None:
    if any(not answer.credit for answer in part.answers):
        losses.add(question.item.id, "option feedback", "known wrong answers have no feedback of their own")


def html(fragment: str) -> str:
    """A fragment as HTML in one field; empty fields mean something else, so nothing becomes an entity."""
    return ascii_html(html_line(fragment, STYLE, pixel_uri)) or "&#160;"
