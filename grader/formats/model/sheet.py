"""A question as one reads it on paper or on a card: asked, with letters; answered, with what is said about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lxml.etree import _Element as Element

from grader.formats.model.fragments import element, short_listing, unwrapped
from grader.formats.model.pools import Question, shown_order
from grader.formats.model.richtext import Image, Style, tree
from grader.formats.model.typed import right_answers
from grader.formats.model.xmltext import clean
from grader.quizzes.rendered import NOTHING_CHOSEN, RenderedOption, RenderedPart
from labkit.quiz.pages import HOW

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
SHARED = ("order", "match")  # types whose parts choose among the same options
HOW_TO = {"order": "Write the letters in the right order.", "match": "Write a letter for each line."}
Orders = Mapping[str, tuple[int, ...]]  # by part: written places of its options, in the order to show


def orders(seed: str, question: Question, shuffle: bool) -> Orders:
    """A mixed order of the options of each part, the same where parts share them; lines to sort are always mixed."""
    mixed = shuffle or question.item.type in SHARED
    parts = question.variant.parts
    return {part.id: shown_order(f"{seed} {part.pool}", part.options, mixed) for part in parts}


@dataclass(frozen=True)
class Sheet:
    """How a sheet shows texts: their style, and what becomes of figures. `brief` leaves out what wrong answers hear."""

    style: Style
    image: Image | None = None
    brief: bool = False

    def html(self, html: str, tag: str = "div", look: str = "", blanks: Mapping[str, str] | None = None) -> Element:
        """A fragment as the content of a new element."""
        filled = None if blanks is None else lambda name: element("span", "blank", blanks[name])
        made = tree(html, self.style, self.image, filled)
        made.tag = tag
        if look:
            made.set("class", look)
        return made

    def asked(self, question: Question, orders: Orders) -> Element:
        """The question with its options, lines to write on, and how to answer."""
        item, parts = question.item, question.variant.parts
        blanks = {part.id: f"({number}) ……………" for number, part in enumerate(parts, start=1)}
        how = HOW_TO.get(item.type) or HOW.get((item.type, item.credit))
        made = element("div", "asked", self.html(question.variant.stem, "div", "stem", blanks))
        if how:
            made.append(element("p", "how", how))
        if item.type in SHARED:
            made.append(self.options(parts[0], orders[parts[0].id]))
            lines = [self.html(unwrapped(part.label), "span", "label") for part in parts]
            made.append(element("ul", "lines", *[element("li", "", line, " ", _line("short")) for line in lines]))
            return made
        for number, part in enumerate(parts, start=1):
            made.extend(self.field(part, orders[part.id], f"({number}) " if item.type == "cloze" else ""))
        return made

    def options(self, part: RenderedPart, order: tuple[int, ...]) -> Element:
        """Options with letters."""
        shown = [self.option(part.options[number]) for number in order]
        return element("ol", "options", *shown, type="A")

    def option(self, option: RenderedOption) -> Element:
        """One option of a list."""
        body = self.html(unwrapped(short_listing(option.html)), "div", "option")
        return element("li", "fixed" if option.fixed else "", body)

    def field(self, part: RenderedPart, order: tuple[int, ...], before: str) -> Iterator[Element]:
        """What one part shows under the stem."""
        label = self.html(unwrapped(part.label), "span", "label")
        if part.options:
            if before:
                yield element("p", "choose", before, label, ":")
            yield self.options(part, order)
        elif part.code:
            yield element("p", "field", label, ":")
            yield element("div", "box")
        elif not before or part.kind == "number":
            unit = f" {clean(part.unit)}" if part.unit else ""
            line = None if before else _line("long")
            yield element("p", "field", before, label, ": " if line is not None else "", line, unit, _rounded(part))

    def answered(self, question: Question, orders: Orders) -> Element:
        """The right answers, and what is said about them and about known mistakes."""
        parts = question.variant.parts
        made = element("div", "answered")
        if question.item.type == "order":
            (first, *_) = parts
            sorted_ = [next(n for n, option in enumerate(part.options) if option.true) for part in parts]
            made.append(element("ol", "sorted", *[self.lettered(first, orders[first.id], n, "li") for n in sorted_]))
            made.extend(self.heard(parts))
            return made
        if question.item.type == "match":
            pairs = element("ul", "pairs")
            for part in parts:
                right = next(number for number, option in enumerate(part.options) if option.true)
                left = self.html(unwrapped(part.label), "span", "label")
                pairs.append(element("li", "", left, " → ", self.lettered(part, orders[part.id], right, "span")))
            made.append(pairs)
            made.extend(self.heard(parts))
            return made
        for number, part in enumerate(parts, start=1):
            if question.item.type == "cloze":
                label = self.html(unwrapped(part.label), "span", "label")
                made.append(element("p", "choose", f"({number}) ", label, ":"))
            made.extend(self.verdicts(part, orders[part.id]))
        return made

    def lettered(self, part: RenderedPart, order: tuple[int, ...], number: int, tag: str) -> Element:
        """An option with the letter that it has in the list."""
        body = self.html(unwrapped(short_listing(part.options[number].html)), "span", "option")
        return element(tag, "right", element("b", "letter", LETTERS[order.index(number)]), " ", body)

    def heard(self, parts: tuple[RenderedPart, ...]) -> Iterator[Element]:
        """What those hear who are right, and the others."""
        yield self.html(next(option.feedback for option in parts[0].options if option.true), "div", "said")
        if not self.brief:
            yield self.html(parts[0].other, "div", "said other")

    def verdicts(self, part: RenderedPart, order: tuple[int, ...]) -> Iterator[Element]:
        """The right answers of a part; unless brief, the wrong ones too, each with what it hears."""
        if part.options:
            shown = element("ol", "options", type="A")
            for place, number in enumerate(order, start=1):
                option = part.options[number]
                if option.true or not self.brief:
                    entry = self.option(option)
                    entry.set("class", f"{'right' if option.true else 'wrong'} {entry.get('class') or ''}".strip())
                    entry.set("value", str(place))
                    entry.append(self.html(unwrapped(option.feedback), "div", "said"))
                    shown.append(entry)
            yield shown
            return
        unit = f" {clean(part.unit)}" if part.unit else ""
        first, *more = right_answers(part)
        yield self.typed(part, first.answer, unit, first.feedback, "right")
        if more:
            yield element("p", "more", "Also right: ", ", ".join(clean(answer.answer) + unit for answer in more))
        if not self.brief:
            for answer in part.answers:
                if answer.credit < 1:
                    yield self.typed(part, answer.answer, unit, answer.feedback, "wrong")
            if part.other != NOTHING_CHOSEN:
                yield self.html(part.other, "div", "said other")

    def typed(self, part: RenderedPart, answer: str, unit: str, feedback: str, look: str) -> Element:
        """A typed answer with what it hears."""
        text = element("pre", "", clean(answer)) if part.code else element("span", "option", clean(answer) + unit)
        return element("div", f"typed {look}", text, self.html(unwrapped(feedback), "div", "said"))


def _line(look: str) -> Element:
    return element("span", f"line {look}")


def _rounded(part: RenderedPart) -> str:
    if part.kind != "number":
        return ""
    decimals = f"rounded to {part.decimals} decimal{'s' if part.decimals > 1 else ''}"
    return f" ({decimals if part.decimals else 'a whole number'})"
