"""Questions as items of QTI 1.2, in the words of Canvas, and of Common Cartridge where that differs.

Canvas reads the type of a question from a metadata field (`question_type`), scores in per cent, and shows feedback by
the names of its blocks: `<answer>_fb` for an answer, `correct_fb` and `general_incorrect_fb` for the whole.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from lxml import etree
from lxml.etree import _Element as Element

from grader.formats.model.figures import Figure, Figures
from grader.formats.model.pools import Question, shown_order
from grader.formats.model.registry import Losses
from grader.formats.model.richtext import Style, plain, rich
from grader.formats.model.typed import accepted_range, listed, spellings
from grader.formats.model.xmltext import clean, number
from grader.quizzes.rendered import RenderedOption, RenderedPart

NAMESPACE = "http://www.imsglobal.org/xsd/ims_qtiasiv1p2"
STYLE = Style(maths="mathml", code="inline", xml=False)
ONE = "response1"
SPELLINGS = 100  # of a number that is compared as text; the ids of a blank's answers end there
RIGHT, WRONG = "correct_fb", "general_incorrect_fb"
PARTIAL = {"multiple": "right-minus-wrong", "order": "per-part", "match": "per-part", "cloze": "per-part"}


def make(name: str, *content: Element | None, text: str | None = None, **attributes: str) -> Element:
    """An element of QTI 1.2; content that is None is passed over."""
    made = etree.Element(f"{{{NAMESPACE}}}{name}", nsmap={None: NAMESPACE})
    for key, value in attributes.items():
        made.set(key, clean(value))
    if text is not None:
        made.text = clean(text)
    for piece in content:
        if piece is not None:
            made.append(piece)
    return made


def fields(pairs: dict[str, str]) -> Element:
    """Metadata."""
    made = [
        make("qtimetadatafield", make("fieldlabel", text=label), make("fieldentry", text=entry))
        for label, entry in pairs.items()
    ]
    return make("qtimetadata", *made)


@dataclass
class Item:
    """An item that is being put together."""

    kind: str
    presentation: list[Element] = field(default_factory=list)
    conditions: list[Element] = field(default_factory=list)
    feedback: dict[str, str] = field(default_factory=dict)


@dataclass
class Writer12:
    """Writes questions. `base` stands before the paths of figures; `cartridge` is for Common Cartridge."""

    base: str
    shuffle: bool
    losses: Losses
    cartridge: bool = False
    figures: Figures = field(default_factory=lambda: Figures("images/", "png"))

    def item(self, question: Question) -> Element | None:
        """A question as an item; None, with a loss, where the format has nothing like it."""
        made = self._made(question)
        if made is None:
            return None
        if not self.cartridge and PARTIAL.get(question.item.type, question.item.credit) != question.item.credit:
            rule = PARTIAL[question.item.type]
            self.losses.add(question.item.id, "partial credit", f"Canvas always marks {rule} in items of this type")
        pairs = {"question_type": made.kind, "points_possible": number(question.item.points)}
        if self.cartridge:
            pairs = {"cc_profile": made.kind, "cc_weighting": str(max(1, round(question.item.points)))}
        outcomes = make("outcomes", make("decvar", maxvalue="100", minvalue="0", varname="SCORE", vartype="Decimal"))
        blocks = [
            make("itemfeedback", make("flow_mat", self.material(html)), ident=name)
            for name, html in made.feedback.items()
        ]
        return make(
            "item",
            make("itemmetadata", fields(pairs)),
            make("presentation", *made.presentation),
            make("resprocessing", outcomes, *made.conditions),
            *blocks,
            ident=f"q-{question.id}",
            title=question.title,
        )

    def _made(self, question: Question) -> Item | None:
        item, parts = question.item, question.variant.parts
        if item.type == "cloze":
            return self.blanks(question)
        if item.type in ("order", "match"):
            return self.matching(question)
        part = parts[0]
        if part.kind == "choice":
            return self.choice(question, part, part.options)
        if part.kind == "boxes":
            return self.boxes(question, part)
        if part.kind == "number" and not self.cartridge:
            return self.number(question, part)
        return self.text(question, part)

    # Types -------------------------------------------------------------------------------------------------------

    def choice(self, question: Question, part: RenderedPart, options: Sequence[RenderedOption]) -> Item:
        """One option of several."""
        made = Item("cc.multiple_choice.v0p1" if self.cartridge else "multiple_choice_question")
        labels = self.labels(question, part, options)
        made.presentation = [self.stem(question), self.choices(ONE, "Single", labels)]
        self.option_feedback(made, options)
        right = [make("varequal", text=answer_id(n), respident=ONE) for n, o in enumerate(options) if o.true]
        if len(right) == 1:
            made.conditions.append(self.scores(right[0]))
        else:
            made.conditions += [self.scores(one) for one in right]
        return made

    def boxes(self, question: Question, part: RenderedPart) -> Item:
        """Several options."""
        made = Item("cc.multiple_response.v0p1" if self.cartridge else "multiple_answers_question")
        labels = self.labels(question, part, part.options)
        made.presentation = [self.stem(question), self.choices(ONE, "Multiple", labels)]
        self.option_feedback(made, part.options)
        states = []
        for place, option in enumerate(part.options):
            ticked = make("varequal", text=answer_id(place), respident=ONE)
            states.append(ticked if option.true else make("not", ticked))
        made.conditions.append(self.scores(make("and", *states)))
        return made

    def number(self, question: Question, part: RenderedPart) -> Item:
        """A number in a range: that of all numbers that round to an accepted one."""
        made = Item("numerical_question")
        made.presentation = [self.stem(question, self.label(part)), self.field(ONE, "Decimal")]
        least, most, _, _ = accepted_range(part)
        low = make("vargte", text=f"{least:f}", respident=ONE)
        high = make("varlte", text=f"{most:f}", respident=ONE)
        made.conditions.append(self.scores(low, high, feedback=self.right(made, part)))
        self.wrong(made, part)
        self.lose_wrong(question, part)
        if part.unit:
            self.losses.add(question.item.id, "unit", "it stands in the text, and may not be typed with the number")
        return made

    def text(self, question: Question, part: RenderedPart) -> Item | None:
        """A text to type; what is printed in several lines is chosen among known outputs."""
        right = [answer for answer in part.answers if answer.credit]
        if part.code and any("\n" in answer.answer for answer in part.answers):
            return self.output(question, part)
        made = Item("cc.fib.v0p1" if self.cartridge else "short_answer_question")
        made.presentation = [self.stem(question, self.label(part)), self.field(ONE, "String")]
        case = {"case": "Yes" if part.case else "No"}
        texts = spellings(part, SPELLINGS) if part.kind == "number" else [answer.answer for answer in right]
        accepted = [make("varequal", text=text, respident=ONE, **case) for text in texts]
        made.conditions.append(self.scores(*accepted, feedback=self.right(made, part)))
        self.wrong(made, part)
        self.lose_wrong(question, part)
        if part.kind == "number":
            self.losses.add(question.item.id, "tolerance", listed(part, texts))
        elif part.case and not self.cartridge:
            self.losses.add(question.item.id, "case", "Canvas does not look at capitals")
        return made

    def output(self, question: Question, part: RenderedPart) -> Item | None:
        """A field has one line: longer outputs become options."""
        if all(answer.credit for answer in part.answers):
            said = "a field has one line, and no wrong output is known to choose from; it is left out"
            self.losses.add(question.item.id, question.item.type, said)
            return None
        said = "a field has one line: the output is chosen among the known wrong ones instead of typed"
        self.losses.add(question.item.id, "typing", said)
        options = tuple(
            RenderedOption(_listing(answer.answer), answer.answer, bool(answer.credit), answer.feedback)
            for answer in part.answers
        )
        return self.choice(question, part, options)

    def matching(self, question: Question) -> Item:
        """A right side for each left side. Canvas has no ordering: a place is matched with its entry."""
        item, parts = question.item, question.variant.parts
        if item.type == "order":
            self.losses.add(item.id, "ordering", "Canvas has none: it is a matching question of places and entries")
        made = Item("matching_question", [self.stem(question)])
        order = shown_order(f"{question.id} match", parts[0].options)
        shown = [part.label for part in parts] + [option.html for option in parts[0].options]
        if any("<math" in html for html in shown):
            self.losses.add(item.id, "maths", "the sides of matching questions are plain text: formulas are TeX")
        rights: list[Element] = []
        for place, part in enumerate(parts):
            name = f"response_{place + 1}"
            labels = [make("response_label", self.plain(part.options[n].html), ident=answer_id(n)) for n in order]
            held = make("response_lid", self.plain(part.label), make("render_choice", *labels), ident=name)
            made.presentation.append(held)
            key = next(n for n, option in enumerate(part.options) if option.true)
            rights.append(make("varequal", text=answer_id(key), respident=name))
            made.conditions.append(self.adds(copy.copy(rights[-1]), 100 / len(parts)))
        said = next(option.feedback for option in parts[0].options if option.true)
        self.whole(made, make("and", *rights), said, parts[0].other)
        return made

    def blanks(self, question: Question) -> Item:
        """Blanks: all of them menus, or all of them fields."""
        item, parts = question.item, question.variant.parts
        menus = all(part.kind == "choice" for part in parts)
        made = Item("multiple_dropdowns_question" if menus else "fill_in_multiple_blanks_question")
        stem = rich(question.variant.stem, STYLE, self.image, lambda name: self._blank(parts, name, menus))
        made.presentation = [make("material", make("mattext", text=stem, texttype="text/html"))]
        for place, part in enumerate(parts):
            name = f"response_{part.id}"
            answers = self.known(question, part, menus)
            labels = []
            for n, (text, true, feedback) in enumerate(answers):
                ident = answer_id(n, place)
                labels.append(make("response_label", self.words(text), ident=ident))
                test = make("varequal", text=ident, respident=name)
                if feedback:
                    made.feedback[f"{ident}_fb"] = feedback
                    made.conditions.append(self.shows(f"{ident}_fb", copy.copy(test)))
                if true:
                    made.conditions.append(self.adds(test, 100 / len(parts)))
            held = make("response_lid", self.words(part.id), make("render_choice", *labels), ident=name)
            made.presentation.append(held)
        if not menus and any(part.kind == "choice" for part in parts):
            said = "Canvas does not mix menus and fields: the options stand in the text, and one of them is typed"
            self.losses.add(item.id, "menus", said)
        return made

    def known(self, question: Question, part: RenderedPart, menus: bool) -> list[tuple[str, bool, str]]:
        """What can be chosen in a blank, or is right when typed: text, whether it is true, feedback."""
        if part.kind == "choice":
            if any("<math" in option.html for option in part.options):
                self.losses.add(question.item.id, "maths", "in blanks, formulas are written as TeX")
            found = [(plain(option.html).replace("\n", " "), option.true, option.feedback) for option in part.options]
            return [one for one in found if menus or one[1]]
        self.lose_wrong(question, part)
        if part.kind == "number":
            texts = spellings(part, SPELLINGS)
            self.losses.add(question.item.id, "tolerance", listed(part, texts))
            right = next(answer for answer in part.answers if answer.credit)
            return [(text, True, right.feedback) for text in texts]
        return [(answer.answer, True, answer.feedback) for answer in part.answers if answer.credit]

    # Pieces ------------------------------------------------------------------------------------------------------

    def _blank(self, parts: Sequence[RenderedPart], name: str, menus: bool) -> str:
        part = next(part for part in parts if part.id == name)
        shown = f"[{name}]"
        if part.kind == "choice" and not menus:
            order = shown_order(f"{name}", part.options)
            shown += f" ({' / '.join(plain(part.options[n].html) for n in order)})"
        return f"{shown} {part.unit}".rstrip()

    def image(self, figure: Figure, alt: str) -> str:
        """A figure's address."""
        return self.base + self.figures.add(figure, alt)

    def html(self, html: str) -> str:
        """Rich text for these systems."""
        return rich(html, STYLE, self.image)

    def material(self, html: str) -> Element:
        """Rich text in its element."""
        return make("material", make("mattext", text=self.html(html), texttype="text/html"))

    def plain(self, html: str) -> Element:
        """Plain text in its element, from HTML."""
        return self.words(plain(html).replace("\n", " "))

    def words(self, text: str) -> Element:
        """Plain text in its element."""
        return make("material", make("mattext", text=text, texttype="text/plain"))

    def stem(self, question: Question, label: str = "") -> Element:
        """The question."""
        return self.material(question.variant.stem + label)

    def label(self, part: RenderedPart) -> str:
        """What is to be typed, and its unit."""
        unit = plain(f"<span>({part.unit})</span>") if part.unit and "<" not in part.unit else ""
        return f"<p>{part.label} {unit}</p>".replace(" </p>", "</p>")

    def labels(self, question: Question, part: RenderedPart, options: Sequence[RenderedOption]) -> list[Element]:
        """Options in an order that tells nothing."""
        made = []
        for place in shown_order(f"{question.id} {part.id}", options, self.shuffle):
            option = options[place]
            stays: dict[str, Any] = {"rshuffle": "No"} if option.fixed else {}
            made.append(make("response_label", self.material(option.html), ident=answer_id(place), **stays))
        return made

    def choices(self, name: str, cardinality: str, labels: list[Element]) -> Element:
        """The options of a response."""
        shown = make("render_choice", *labels, shuffle="Yes" if self.shuffle else "No")
        return make("response_lid", shown, ident=name, rcardinality=cardinality)

    def field(self, name: str, kind: str) -> Element:
        """A field to type into."""
        label = make("response_label", ident="answer1", rshuffle="No")
        attributes = {"fibtype": kind} if kind == "Decimal" else {}
        return make("response_str", make("render_fib", label, **attributes), ident=name, rcardinality="Single")

    def scores(self, *tests: Element, feedback: str = "") -> Element:
        """Full marks where a test holds; `vargte` and `varlte` hold together."""
        shown = make("displayfeedback", feedbacktype="Response", linkrefid=feedback) if feedback else None
        full = make("setvar", text="100", action="Set", varname="SCORE")
        condition = make("respcondition", make("conditionvar", *tests), full, shown)
        condition.set("continue", "No")
        return condition

    def adds(self, test: Element, percent: float) -> Element:
        """A share of the marks where a test holds."""
        more = make("setvar", text=f"{percent:.2f}", action="Add", varname="SCORE")
        return make("respcondition", make("conditionvar", test), more)

    def shows(self, name: str, test: Element) -> Element:
        """A feedback where a test holds."""
        shown = make("displayfeedback", feedbacktype="Response", linkrefid=name)
        condition = make("respcondition", make("conditionvar", test), shown)
        condition.set("continue", "Yes")
        return condition

    def option_feedback(self, made: Item, options: Sequence[RenderedOption]) -> None:
        """A feedback for each option."""
        for place, option in enumerate(options):
            if option.feedback:
                name = f"{answer_id(place)}_fb"
                made.feedback[name] = option.feedback
                test = make("varequal", text=answer_id(place), respident=ONE)
                made.conditions.append(self.shows(name, test))

    def right(self, made: Item, part: RenderedPart) -> str:
        """The name of the feedback on right answers; empty where there is none."""
        said = next((answer.feedback for answer in part.answers if answer.credit), "")
        if said:
            made.feedback[RIGHT] = said
        return RIGHT if said else ""

    def wrong(self, made: Item, part: RenderedPart) -> None:
        """The feedback on all other answers."""
        if part.other:
            made.feedback[WRONG] = part.other
            made.conditions.append(self.shows(WRONG, make("other")))

    def whole(self, made: Item, test: Element, right: str, wrong: str) -> None:
        """Feedback on an answer that is right throughout, and on any other."""
        for name, html, when in ((RIGHT, right, test), (WRONG, wrong, make("other"))):
            if html:
                made.feedback[name] = html
                made.conditions.append(self.shows(name, when))

    def lose_wrong(self, question: Question, part: RenderedPart) -> None:
        """Known wrong answers that are typed have no place in the format."""
        if any(not answer.credit for answer in part.answers):
            said = "known wrong answers get the feedback of all others"
            self.losses.add(question.item.id, "option feedback", said)


def answer_id(option: int, part: int = 0) -> str:
    """The identifier of an answer: Canvas wants numbers."""
    return str(1001 + 100 * part + option)


def _listing(text: str) -> str:
    holder = etree.Element("pre")
    holder.text = clean(text)
    made: str = etree.tostring(holder, encoding="unicode", method="html")
    return made
