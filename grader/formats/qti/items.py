"""One question as an assessment item of QTI 2.1 or 3.0."""

from __future__ import annotations

from dataclasses import dataclass, field

from lxml.etree import _Element as Element

from grader.formats.model.figures import Figure, Figures
from grader.formats.model.pools import Question, shown_order
from grader.formats.model.registry import Losses
from grader.formats.model.richtext import is_block, plain
from grader.formats.model.xmltext import number
from grader.formats.qti.dialect import Dialect, fill
from grader.formats.qti.scoring import CREDIT, Said, option_id, processing, response_id
from grader.quizzes.rendered import RenderedOption, RenderedPart

STYLESHEET = "styles.css"
LINE = 60  # characters that a field of one line shows at most


@dataclass
class ItemWriter:
    """Writes questions of one bank. Figures are collected; `shuffle` is the bank's."""

    dialect: Dialect
    shuffle: bool
    losses: Losses
    figures: Figures = field(default_factory=lambda: Figures("images/"))

    def item(self, question: Question) -> Element:
        """A question as a document of its own."""
        make, item, parts = self.dialect.make, question.item, question.variant.parts
        root = self.dialect.root(
            "assessmentItem",
            identifier=identifier(question.id),
            title=question.title,
            adaptive=False,
            timeDependent=False,
        )
        root.set("{http://www.w3.org/XML/1998/namespace}lang", "en")
        said: list[Said] = []
        rules = processing(self.dialect, question, said)
        body = self.body(question)
        outcomes = dict.fromkeys(one.outcome for one in said)
        boxes = parts[0].kind == "boxes"
        fill(
            root,
            *self.responses(question),
            self.outcome("SCORE", 0, normalMaximum=number(item.points), normalMinimum="0"),
            self.outcome("MAXSCORE", item.points),
            self.outcome(CREDIT, 0),
            *[
                make(
                    "outcomeDeclaration",
                    identifier=outcome,
                    cardinality="multiple" if boxes else "single",
                    baseType="identifier",
                )
                for outcome in outcomes or ["FEEDBACK"]
            ],
            make("stylesheet", href=f"../{STYLESHEET}", type="text/css"),
            body,
            rules,
            *[self.modal(one) for one in said if one.html],
        )
        return root

    # Declarations ------------------------------------------------------------------------------------------------

    def responses(self, question: Question) -> list[Element]:
        """The response variables with the right answers."""
        item, parts = question.item, question.variant.parts
        if item.type == "order":
            keys = [self.keys(part)[0] for part in parts]
            return [self.response("RESPONSE", "ordered", "identifier", keys)]
        if item.type == "match":
            keys = [f"l{place} {self.keys(part)[0]}" for place, part in enumerate(parts, start=1)]
            pairs = [(f"l{n} {k}", 1) for n, part in enumerate(parts, start=1) for k in self.keys(part)]
            return [self.response("RESPONSE", "multiple", "directedPair", keys, pairs)]
        if parts[0].kind == "boxes":
            entries = [(option_id(n), 1 if option.true else -1) for n, option in enumerate(parts[0].options)]
            bound = sum(option.true for option in parts[0].options) if item.credit == "right-minus-wrong" else None
            return [self.response("RESPONSE", "multiple", "identifier", self.keys(parts[0]), entries, bound)]
        made = []
        for part in parts:
            right = [answer.answer for answer in part.answers if answer.credit]
            kind = {"number": "float", "text": "string"}.get(part.kind, "identifier")
            keys = self.keys(part)[:1] if part.kind == "choice" else right[:1]
            made.append(self.response(response_id(item, part), "single", kind, keys))
        return made

    def outcome(self, name: str, start: float, **attributes: str) -> Element:
        """An outcome variable that is a number."""
        make = self.dialect.make
        default = make("defaultValue", make("value", number(start)))
        return make(
            "outcomeDeclaration", default, identifier=name, cardinality="single", baseType="float", **attributes
        )

    def keys(self, part: RenderedPart) -> list[str]:
        """The identifiers of the true options."""
        return [option_id(place) for place, option in enumerate(part.options) if option.true]

    def response(
        self,
        name: str,
        cardinality: str,
        kind: str,
        keys: list[str],
        entries: list[tuple[str, int]] | None = None,
        bound: int | None = None,
    ) -> Element:
        """A response variable, with a mapping where `entries` are given, from 0 to `bound` where that is."""
        make = self.dialect.make
        correct = make("correctResponse", *[make("value", key) for key in keys]) if keys else None
        mapping = None
        if entries:
            bounds = {} if bound is None else {"lowerBound": "0", "upperBound": str(bound)}
            made = [make("mapEntry", mapKey=key, mappedValue=value) for key, value in entries]
            mapping = make("mapping", *made, defaultValue="0", **bounds)
        attributes = {"identifier": name, "cardinality": cardinality, "baseType": kind}
        return make("responseDeclaration", correct, mapping, **attributes)

    # Body --------------------------------------------------------------------------------------------------------

    def body(self, question: Question) -> Element:
        """The stem, then the interaction; the interactions of a cloze item stand in the stem."""
        item, variant = question.item, question.variant
        blanks = {part.id: part for part in variant.parts} if item.type == "cloze" else {}
        stem = self.dialect.rich(
            "div",
            variant.stem,
            self.image,
            (lambda name: self.inline(question, blanks[name])) if blanks else None,
        )
        stem.set("class", "stem")
        return self.dialect.make("itemBody", stem, None if blanks else self.interaction(question))

    def interaction(self, question: Question) -> Element:
        """The one interaction below the stem."""
        item, parts = question.item, question.variant.parts
        if item.type == "order":
            return self.order(question)
        if item.type == "match":
            return self.match(question)
        part = parts[0]
        if part.kind in ("choice", "boxes"):
            return self.dialect.make(
                "choiceInteraction",
                *self.choices(question, part, "simpleChoice"),
                responseIdentifier="RESPONSE",
                shuffle=self.shuffle,
                maxChoices=0 if part.kind == "boxes" else 1,
            )
        if part.code and any("\n" in answer.answer for answer in part.answers):
            self.losses.add(item.id, "spaces", "spaces at the ends of typed lines count")
            prompt = self.dialect.make("prompt", self.label(part))
            lines = max(answer.answer.count("\n") for answer in part.answers) + 1
            return self.dialect.make(
                "extendedTextInteraction",
                prompt,
                responseIdentifier="RESPONSE",
                expectedLines=lines,
                format="preformatted",
            )
        return self.dialect.html("p", self.label(part), ": ", self.inline(question, part), self.unit(part))

    def label(self, part: RenderedPart) -> Element:
        """A part's label, inline."""
        return self.dialect.rich("span", part.label)

    def unit(self, part: RenderedPart) -> str | None:
        """What stands behind a number."""
        return f" {part.unit}" if part.unit else None

    def choices(self, question: Question, part: RenderedPart, name: str) -> list[Element]:
        """Options in an order that tells nothing."""
        always = question.item.type in ("order", "match")
        order = shown_order(f"{question.id} {part.id}", part.options, self.shuffle or always)
        return [self.choice(name, place, part.options[place]) for place in order]

    def choice(self, name: str, place: int, option: RenderedOption) -> Element:
        """One option."""
        made = self.dialect.make(name, identifier=option_id(place), fixed=option.fixed)
        if name == "simpleAssociableChoice":
            made.set(self.dialect.attribute("matchMax"), "0")
        self.put(made, option.html)
        return made

    def put(self, goal: Element, html: str) -> None:
        """Rich text inside an element."""
        holder = self.dialect.rich("span", html, self.image)
        fill(goal, holder.text)
        for child in list(holder):
            goal.append(child)

    def inline(self, question: Question, part: RenderedPart) -> Element:
        """A field or a menu in running text."""
        item, response = question.item, response_id(question.item, part)
        if part.kind == "choice":
            return self.menu(question, part, response)
        if part.kind == "number":
            self.losses.add(
                item.id, "numbers", "how a number may be spelt is up to the player, such as a decimal comma"
            )
            if part.unit:
                self.losses.add(item.id, "unit", "it stands behind the field, and may not be typed with the number")
        else:
            self.losses.add(item.id, "spaces", "spaces around and inside typed texts count")
        longest = max((len(answer.answer) for answer in part.answers), default=10)
        return self.dialect.make(
            "textEntryInteraction", responseIdentifier=response, expectedLength=min(max(longest + 2, 8), LINE)
        )

    def menu(self, question: Question, part: RenderedPart, response: str) -> Element:
        """A menu in running text."""
        made = self.dialect.make("inlineChoiceInteraction", responseIdentifier=response, shuffle=self.shuffle)
        for place in shown_order(f"{question.id} {part.id}", part.options, self.shuffle):
            option = part.options[place]
            choice = self.dialect.make("inlineChoice", identifier=option_id(place), fixed=option.fixed)
            if self.dialect.maths_in_menus and not is_block(option.html):
                self.put(choice, option.html)
            else:
                if "<math" in option.html:
                    self.losses.add(question.item.id, "maths", "in a menu, formulas are written as TeX")
                fill(choice, plain(option.html).replace("\n", " "))
            made.append(choice)
        return made

    def order(self, question: Question) -> Element:
        """Entries to put in order."""
        part = question.variant.parts[0]
        return self.dialect.make(
            "orderInteraction",
            *self.choices(question, part, "simpleChoice"),
            responseIdentifier="RESPONSE",
            shuffle=True,
        )

    def match(self, question: Question) -> Element:
        """A right side for each left side."""
        make, parts = self.dialect.make, question.variant.parts
        lefts = []
        for place, part in enumerate(parts, start=1):
            left = make("simpleAssociableChoice", identifier=f"l{place}", matchMax=1, fixed=True)
            self.put(left, part.label)
            lefts.append(left)
        rights = self.choices(question, parts[0], "simpleAssociableChoice")
        return make(
            "matchInteraction",
            make("simpleMatchSet", *lefts),
            make("simpleMatchSet", *rights),
            responseIdentifier="RESPONSE",
            shuffle=True,
            maxAssociations=len(parts),
        )

    def image(self, figure: Figure, alt: str) -> str:
        """A figure's address, from the folder of the items."""
        return "../" + self.figures.add(figure, alt)

    # Feedback ----------------------------------------------------------------------------------------------------

    def modal(self, said: Said) -> Element:
        """A feedback that is shown after an answer."""
        attributes = {"outcomeIdentifier": said.outcome, "identifier": said.value, "showHide": "show"}
        if said.title:
            attributes["title"] = " ".join(plain(said.title).split())
        html = said.html if is_block(said.html) else f"<p>{said.html}</p>"
        made = self.dialect.make("modalFeedback", **attributes)
        goal = made
        if self.dialect.content_bodies:
            goal = self.dialect.make("contentBody")
            made.append(goal)
        self.put(goal, html)
        return made


def identifier(name: str) -> str:
    """An id of a bank as an identifier of QTI, which does not begin with a digit; no two become one."""
    return f"_{name}" if name[0].isdigit() else name
