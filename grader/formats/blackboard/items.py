"""Questions as items of Blackboard's own QTI 1.2: its fields (`bbmd_…`), its blocks, its text in `mat_formattedtext`.

The structure is that of the pools which Blackboard exports. An answer is known by a name of 32 hexadecimal digits; a
match has a list of such names for each left side, and the texts of the right sides stand beside them in one order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from lxml.etree import _Element as Element

from grader.formats.blackboard.parts import Pictures, label, make, metadata, object_id
from grader.formats.model.oneline import ascii_html, html_line
from grader.formats.model.outputs import as_options, needs_lines
from grader.formats.model.pools import Question, shown_order
from grader.formats.model.registry import Losses
from grader.formats.model.richtext import Blank, Style, plain
from grader.formats.model.typed import accepted, right_answers
from grader.formats.model.xmltext import number
from grader.quizzes.rendered import RenderedOption, RenderedPart

STYLE = Style(maths="tex-double", code="inline")
ONE = "response"
RIGHT, WRONG = "correct", "incorrect"


@dataclass
class BlackboardWriter:
    """Writes the questions of one bank. `shuffle` is the bank's."""

    shuffle: bool
    losses: Losses
    pictures: Pictures = field(default_factory=Pictures)
    item_id: str = ""  # of the item that is being written

    def item(self, question: Question) -> Element | None:
        """A question as an item; None, with a loss, where Blackboard has nothing like it."""
        item, parts = question.item, question.variant.parts
        self.item_id = object_id(question.id)
        part = parts[0]
        if item.type == "cloze":
            return self.blanks(question)
        if item.type in ("order", "match"):
            return self.matching(question)
        if part.kind == "number":
            return self.number(question, part)
        if part.kind == "text" and not needs_lines(part):
            return self.text(question, part)
        options = part.options or as_options(question, part, self.losses)
        return self.choice(question, part, options) if options else None

    # Types -------------------------------------------------------------------------------------------------------

    def choice(self, question: Question, part: RenderedPart, options: Sequence[RenderedOption]) -> Element:
        """One option, or several."""
        item, several = question.item, part.kind == "boxes"
        names = [label(question.id, str(place)) for place in range(len(options))]
        labels = []
        for place in shown_order(f"{question.id} {part.id}", options, self.shuffle):
            text = make("flow_mat", self.material(options[place].html), class_="FORMATTED_TEXT_BLOCK")
            held = make("response_label", text, ident=names[place], shuffle="Yes", rarea="Ellipse", rrange="Exact")
            labels.append(make("flow_label", held, class_="Block"))
        shown = make("render_choice", *labels, shuffle="No", minnumber="0", maxnumber="0")
        kind = "Multiple" if several else "Single"
        response = make("response_lid", shown, ident=ONE, rcardinality=kind, rtiming="No")
        states = [self.equal(ONE, name) for name in names]
        if several:
            states = [one if option.true else make("not", one) for one, option in zip(states, options, strict=True)]
            conditions = [self.scores(make("and", *states))]
        else:
            conditions = [self.scores(one) for one, option in zip(states, options, strict=True) if option.true]
        conditions.append(self.otherwise())
        true = max(sum(option.true for option in options), 1)
        partial = several and item.credit == "right-minus-wrong"
        for name, option in zip(names, options, strict=True):
            percent = (100 if option.true else -100) / true if partial else 100.0 * option.true * (not several)
            conditions.append(self.answered(name, percent))
        said = {name: option.feedback for name, option in zip(names, options, strict=True)}
        if several and item.credit == "per-part":
            self.losses.add(item.id, "partial credit", "all or nothing: Blackboard cannot count boxes left alone")
        if any(option.fixed for option in options):
            self.losses.add(item.id, "fixed options", "answers are shown in one mixed order or all at random")
        more = {"bbmd_partialcredit": "true" if partial else "false", "bbmd_negative_points_ind": "N"}
        return self.whole(
            question, "Multiple Answer" if several else "Multiple Choice", [response], conditions, said, more
        )

    def number(self, question: Question, part: RenderedPart) -> Element:
        """A number in a range: that of all numbers that round to an accepted one."""
        span = accepted(part)
        test = [
            make("vargte", text=str(span.low), respident=ONE),
            make("varlte", text=str(span.high), respident=ONE),
            self.equal(ONE, str(span.middle)),
        ]
        condition = self.scores(*test)
        response = make("response_num", self.field("Decimal"), ident=ONE, rcardinality="Single", rtiming="No")
        self.lose_wrong(question, part)
        said = {RIGHT: span.feedback, WRONG: part.other}
        return self.whole(question, "Numeric", [response], [condition, self.otherwise()], said, asked=part)

    def text(self, question: Question, part: RenderedPart) -> Element:
        """A text to type, compared whole."""
        conditions = []
        said = {RIGHT: right_answers(part)[0].feedback, WRONG: part.other}
        for place, answer in enumerate(right_answers(part)):
            name = label(question.id, f"answer {place}")
            condition = make("respcondition", make("conditionvar", self.equal(ONE, answer.answer, part.case)))
            condition.set("title", name)
            condition.append(make("setvar", text="EXACT", variablename="EvaluationType", action="Set"))
            condition.append(make("displayfeedback", linkrefid=RIGHT, feedbacktype="Response"))
            conditions.append(condition)
        response = make("response_str", self.field("String"), ident=ONE, rcardinality="Single", rtiming="No")
        self.lose_wrong(question, part)
        return self.whole(question, "Fill in the Blank", [response], [*conditions, self.otherwise()], said, asked=part)

    def matching(self, question: Question) -> Element:
        """A right side for each left side; a place of an order is matched with its entry."""
        item, parts = question.item, question.variant.parts
        if item.type == "order":
            self.losses.add(item.id, "ordering", "it is a matching question of places and entries")
        order = shown_order(f"{question.id} match", parts[0].options)
        flows, conditions = [], []
        for part in parts:
            names = [label(question.id, f"{part.id} {place}") for place in range(len(part.options))]
            held = [
                make("response_label", ident=names[place], shuffle="Yes", rarea="Ellipse", rrange="Exact")
                for place in order
            ]
            choices = make("flow_label", *held, class_="Block")
            shown = make("render_choice", choices, shuffle="Yes", minnumber="0", maxnumber="0")
            name = label(question.id, part.id)
            response = make("response_lid", shown, ident=name, rcardinality="Single", rtiming="No")
            flows.append(make("flow", response, self.formatted(part.label), class_="Block"))
            key = next(place for place, option in enumerate(part.options) if option.true)
            condition = make("respcondition", make("conditionvar", self.equal(name, names[key])))
            condition.append(make("displayfeedback", linkrefid=RIGHT, feedbacktype="Response"))
            conditions.append(condition)
        rights = [make("flow", self.formatted(parts[0].options[place].html), class_="Block") for place in order]
        said = {
            RIGHT: next(option.feedback for option in parts[0].options if option.true),
            WRONG: parts[0].other,
        }
        per_part = item.credit == "per-part"
        more = {"bbmd_partialcredit": "true" if per_part else "false"}
        block = make("flow", *rights, class_="RIGHT_MATCH_BLOCK")
        return self.whole(question, "Matching", flows, [*conditions, self.otherwise()], said, more, beside=block)

    def blanks(self, question: Question) -> Element:
        """Named blanks; a menu becomes a blank whose options stand in the text."""
        item, parts = question.item, question.variant.parts
        responses, groups = [], []
        for part in parts:
            shown = self.field("String")
            responses.append(make("response_str", shown, ident=part.id, rcardinality="Single", rtiming="No"))
            if part.options:
                self.losses.add(item.id, "menus", "its options stand in the text, and one of them is typed")
                right = [_option(option) for option in part.options if option.true]
            else:
                right = [answer.answer for answer in right_answers(part)]
                self.lose_wrong(question, part)
            if part.kind == "number":
                said = "the accepted numbers are listed; other spellings of them are wrong"
                self.losses.add(item.id, "tolerance", said)
            groups.append(make("or", *[self.equal(part.id, text, part.case) for text in right]))
        conditions = [self.scores(make("and", *groups)), self.otherwise()]
        feedback = [option.feedback for part in parts for option in part.options]
        feedback += [answer.feedback for part in parts for answer in part.answers]
        if any(feedback):
            self.losses.add(item.id, "feedback", "blanks have no feedback of their own")
        more = {"bbmd_partialcredit": "true" if item.credit == "per-part" else "false"}
        return self.whole(
            question,
            "Fill in the Blank Plus",
            responses,
            conditions,
            {},
            more,
            blank=lambda name: self._blank(parts, name),
        )

    # Pieces ------------------------------------------------------------------------------------------------------

    def whole(
        self,
        question: Question,
        kind: str,
        responses: Sequence[Element],
        conditions: Sequence[Element],
        said: dict[str, str],
        more: dict[str, str] | None = None,
        asked: RenderedPart | None = None,
        beside: Element | None = None,
        blank: Blank | None = None,
    ) -> Element:
        """An item of its parts. `said` is feedback by name; `asked` is the field of it."""
        item = question.item
        stem = question.variant.stem + (_asked(asked) if asked else "")
        told = make("flow", self.formatted(stem, blank), class_="QUESTION_BLOCK")
        block = make("flow", told, make("flow", *responses, class_="RESPONSE_BLOCK"), beside, class_="Block")
        maximum = f"{item.points:.5f}"
        score = make("decvar", varname="SCORE", vartype="Decimal", defaultval="0", minvalue="0", maxvalue=maximum)
        feedback = [self.said(name, said.get(name, "")) for name in (RIGHT, WRONG)]
        feedback += [self.said(name, html, solution=True) for name, html in said.items() if name not in (RIGHT, WRONG)]
        about = metadata("itemmetadata", self.item_id, "Item", kind, item.points, **(more or {}))
        processing = make("resprocessing", make("outcomes", score), *conditions, scoremodel="SumOfScores")
        return make(
            "item",
            about,
            make("presentation", block),
            processing,
            *feedback,
            title=question.title,
            maxattempts="0",
        )

    def said(self, name: str, html: str, solution: bool = False) -> Element:
        """A feedback; that of an answer is a solution."""
        text = make("flow_mat", self.material(html), class_="FORMATTED_TEXT_BLOCK") if html else None
        flow = make("flow_mat", text, class_="Block")
        if solution:
            flow = make("solution", make("solutionmaterial", flow), view="All", feedbackstyle="Complete")
        return make("itemfeedback", flow, ident=name, view="All")

    def formatted(self, html: str, blank: Blank | None = None) -> Element:
        """A text as a block."""
        return make("flow", self.material(html, blank), class_="FORMATTED_TEXT_BLOCK")

    def material(self, html: str, blank: Blank | None = None) -> Element:
        """A text in its element: HTML, written as text."""
        owner = self.item_id
        text = ascii_html(html_line(html, STYLE, lambda figure, _alt: self.pictures.add(figure, owner), blank))
        return make("material", make("mat_extension", make("mat_formattedtext", text=text, type="HTML")))

    def field(self, kind: str) -> Element:
        """A field to type into."""
        sizes = dict.fromkeys(("rows", "columns", "maxchars", "minnumber", "maxnumber"), "0")
        return make("render_fib", prompt="Box", fibtype=kind, encoding="UTF_8", charset="us-ascii", **sizes)

    def equal(self, name: str, value: str, case: bool = False) -> Element:
        """Whether a response is a value."""
        return make("varequal", text=value, respident=name, case="Yes" if case else "No")

    def scores(self, *tests: Element) -> Element:
        """Full marks where the tests hold."""
        full = make("setvar", text="SCORE.max", variablename="SCORE", action="Set")
        shown = make("displayfeedback", linkrefid=RIGHT, feedbacktype="Response")
        return make("respcondition", make("conditionvar", *tests), full, shown, title="correct")

    def otherwise(self) -> Element:
        """Nothing for all other responses."""
        none = make("setvar", text="0", variablename="SCORE", action="Set")
        shown = make("displayfeedback", linkrefid=WRONG, feedbacktype="Response")
        return make("respcondition", make("conditionvar", make("other")), none, shown, title="incorrect")

    def answered(self, name: str, percent: float) -> Element:
        """What one answer earns by itself, in per cent, and its feedback."""
        earned = make("setvar", text=number(round(percent, 5)), variablename="SCORE", action="Set")
        shown = make("displayfeedback", linkrefid=name, feedbacktype="Response")
        return make("respcondition", make("conditionvar", self.equal(name, "")), earned, shown)

    def lose_wrong(self, question: Question, part: RenderedPart) -> None:
        """Known wrong answers that are typed have no place here."""
        if any(not answer.credit for answer in part.answers):
            said = "known wrong answers get the feedback of all others"
            self.losses.add(question.item.id, "option feedback", said)

    def _blank(self, parts: Sequence[RenderedPart], name: str) -> str:
        part = next(part for part in parts if part.id == name)
        shown = f"[{name}]"
        if part.options:
            order = shown_order(name, part.options)
            shown += f" ({' / '.join(_option(part.options[place]) for place in order)})"
        return f"{shown} {part.unit}".rstrip()


def _option(option: RenderedOption) -> str:
    return " ".join(plain(option.html).split())


def _asked(part: RenderedPart) -> str:
    """What is to be typed: the label, the unit, and the decimals."""
    lines = f"<p>{part.label}</p>" if part.label else ""
    if part.kind != "number":
        return lines
    unit = f"in {plain(part.unit)}, " if part.unit and "<" not in part.unit else ""
    rounded = f"rounded to {part.decimals} decimals" if part.decimals else "a whole number"
    return f"{lines}<p>({unit}{rounded})</p>"
