"""Response processing of QTI: our credits and feedback as rules that any delivery engine runs.

Every number is computed with `gte` and `lte` and not with the tolerance of `equal`, because engines that know the one
need not know the other; every comparison stands in a condition of its own behind a test for NULL, because engines
look at all members of an `and`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from lxml.etree import _Element as Element

from grader.formats.model.pools import Question
from grader.formats.model.typed import accepted_range
from grader.formats.model.xmltext import number
from grader.formats.qti.dialect import Dialect
from grader.quizzes.keyed import Answer
from grader.quizzes.rendered import RenderedItem, RenderedPart

NONE, OTHER, RIGHT = "NONE", "OTHER", "RIGHT"
CREDIT = "CREDIT"  # counts right parts: whole numbers, which no engine rounds


@dataclass(frozen=True)
class Said:
    """A feedback: shown where the outcome variable has that value."""

    outcome: str
    value: str
    title: str
    html: str


def option_id(number: int) -> str:
    """The identifier of an option, by its place in the bank."""
    return f"o{number + 1}"


def response_id(item: RenderedItem, part: RenderedPart) -> str:
    """The identifier of a part's response variable; items that are one interaction have one response."""
    return "RESPONSE" if is_one(item) else f"RESPONSE_{part.id}"


def is_one(item: RenderedItem) -> bool:
    """Whether all parts of an item are one interaction."""
    return item.type in ("order", "match") or len(item.variants[0].parts) == 1


def processing(dialect: Dialect, question: Question, said: list[Said]) -> Element:
    """The rules of one question. The feedback that they choose is added to `said`."""
    return _Rules(dialect, question, said).all()


@dataclass
class _Rules:
    dialect: Dialect
    question: Question
    said: list[Said]

    def all(self) -> Element:
        """The score, then the feedback."""
        item, parts = self.question.item, self.question.variant.parts
        if parts[0].kind == "boxes":
            rules = [self.score_of_boxes(parts[0]), self.feedback_on_boxes(parts[0])]
        elif item.type in ("order", "match"):
            rules = [*self.scores(), self.feedback_on_whole()]
        else:
            rules = self.scores()
            for part in parts:
                rules += self.feedback_on(part)
        return self.dialect.make("responseProcessing", *rules)

    def scores(self) -> list[Element]:
        """Conditions that set or raise the score."""
        item, parts = self.question.item, self.question.variant.parts
        responses = list(dict.fromkeys(response_id(item, part) for part in parts))
        rights = [self.right(part, place) for place, part in enumerate(parts, start=1)]
        if len(rights) == 1 or item.credit != "per-part":
            full = self.set("SCORE", self.value("float", item.points))
            return [self.when_answered(responses, self.when(_all(self.dialect, rights), full))]
        made = []
        for part, right in zip(parts, rights, strict=True):
            more = self.set(CREDIT, self.dialect.make("sum", self.variable(CREDIT), self.value("float", 1)))
            made.append(self.when_answered([response_id(item, part)], self.when(right, more)))
        each = self.value("float", item.points / len(parts))
        return [*made, self.set("SCORE", self.dialect.make("product", self.variable(CREDIT), each))]

    def right(self, part: RenderedPart, place: int) -> Element:
        """Whether a part has full credit."""
        make, item = self.dialect.make, self.question.item
        response = response_id(item, part)
        if part.kind == "number":
            return self.within(response, *accepted_range(part))
        if part.kind == "text":
            right = [self.reads(response, known, part) for known in part.answers if known.credit]
            return _any(self.dialect, right)
        keys = [number for number, option in enumerate(part.options) if option.true]
        if item.type == "order":
            at = [make("index", self.variable(response), n=str(place)) for _ in keys]
            return _any(self.dialect, [make("match", a, self.identifier(k)) for a, k in zip(at, keys, strict=True)])
        if item.type == "match":
            pairs = [make("baseValue", f"l{place} {option_id(key)}", baseType="directedPair") for key in keys]
            chosen = [make("member", pair, self.variable(response)) for pair in pairs]
            return _any(self.dialect, chosen)
        return _any(self.dialect, [make("match", self.variable(response), self.identifier(key)) for key in keys])

    def within(self, response: str, least: Decimal, most: Decimal, from_: bool, to: bool) -> Element:
        """Whether a number lies in a range."""
        make = self.dialect.make
        low = make("gte" if from_ else "gt", self.variable(response), self.value("float", f"{least:f}"))
        high = make("lte" if to else "lt", self.variable(response), self.value("float", f"{most:f}"))
        return make("and", low, high)

    def reads(self, response: str, known: Answer, part: RenderedPart) -> Element:
        """Whether a text is a known one."""
        text = self.value("string", known.answer)
        return self.dialect.make("stringMatch", self.variable(response), text, caseSensitive=part.case)

    def when_answered(self, responses: Sequence[str], *rules: Element) -> Element:
        """Rules that run only if there are responses: engines differ in what they make of NULL in comparisons."""
        make = self.dialect.make
        given = [make("not", make("isNull", self.variable(response))) for response in responses]
        return self.when(_all(self.dialect, given), *rules)

    def score_of_boxes(self, part: RenderedPart) -> Element:
        """The mapping has 1 for a box rightly ticked, −1 for one wrongly ticked; the rule makes points of the sum."""
        item, make = self.question.item, self.dialect.make
        true = sum(option.true for option in part.options)
        mapped = make("mapResponse", identifier="RESPONSE")
        if item.credit == "all-or-nothing":
            full = make("match", self.variable("RESPONSE"), make("correct", identifier="RESPONSE"))
            return self.when_answered(
                ["RESPONSE"], self.when(full, self.set("SCORE", self.value("float", item.points)))
            )
        if item.credit == "per-part":  # a box that is rightly left alone counts too
            left = make("sum", mapped, self.value("float", len(part.options) - true))
            each = self.value("float", item.points / len(part.options))
            return self.when_answered(["RESPONSE"], self.set("SCORE", make("product", left, each)))
        share = make("product", mapped, self.value("float", item.points / max(true, 1)))
        return self.when_answered(["RESPONSE"], self.set("SCORE", share))

    def feedback_on_boxes(self, part: RenderedPart) -> Element:
        """After an answer, all feedback, each behind the statement that it is about."""
        ids = []
        for place, option in enumerate(part.options):
            if option.feedback:
                ids.append(option_id(place))
                self.said.append(Said("FEEDBACK", ids[-1], "", f"{_block(option.html)}{_block(option.feedback)}"))
        shown = self.dialect.make("multiple", *[self.value("identifier", name) for name in ids or [NONE]])
        return self.when_answered(["RESPONSE"], self.set("FEEDBACK", shown))

    def feedback_on_whole(self) -> Element:
        """One feedback for all places, or all pairs, right; and one for the rest."""
        part = self.question.variant.parts[0]
        right = next(option.feedback for option in part.options if option.true)
        self.said += [Said("FEEDBACK", RIGHT, "", right), Said("FEEDBACK", OTHER, "", part.other)]
        full = self.dialect.make(
            "match", self.variable("RESPONSE"), self.dialect.make("correct", identifier="RESPONSE")
        )
        return self.when_answered(["RESPONSE"], self.chain([(full, RIGHT)], "FEEDBACK"))

    def feedback_on(self, part: RenderedPart) -> list[Element]:
        """A feedback for what was chosen or typed, and one for everything else."""
        item = self.question.item
        outcome, response = feedback_id(item, part), response_id(item, part)
        title = "" if is_one(item) else part.label
        self.said.append(Said(outcome, OTHER, title, part.other))
        if part.kind == "choice":
            for number, option in enumerate(part.options):
                self.said.append(Said(outcome, option_id(number), title, option.feedback))
            return [
                self.set(outcome, self.value("identifier", OTHER)),
                self.when_answered([response], self.set(outcome, self.variable(response))),
            ]
        chain = []
        kinds: dict[tuple[int, str], list[Answer]] = {}
        for known in part.answers:
            kinds.setdefault((known.credit, known.feedback), []).append(known)
        for number, ((credit, feedback), same) in enumerate(kinds.items(), start=1):
            self.said.append(Said(outcome, f"F{number}", title, feedback))
            if part.kind == "number":
                ranges = [accepted_range(part)] if credit else [accepted_range(part, answer) for answer in same]
                tests = [self.within(response, *one) for one in ranges]
            else:
                tests = [self.reads(response, answer, part) for answer in same]
            chain.append((_any(self.dialect, tests), f"F{number}"))
        return [
            self.set(outcome, self.value("identifier", OTHER)),
            self.when_answered([response], self.chain(chain, outcome)),
        ]

    def chain(self, chain: Sequence[tuple[Element, str]], outcome: str) -> Element:
        """The value of the first condition that holds, else OTHER."""
        make = self.dialect.make
        rules = [
            make("responseElseIf" if number else "responseIf", test, self.set(outcome, self.value("identifier", value)))
            for number, (test, value) in enumerate(chain)
        ]
        rest = make("responseElse", self.set(outcome, self.value("identifier", OTHER)))
        return make("responseCondition", *rules, rest)

    def when(self, test: Element, *rules: Element) -> Element:
        """Rules that run if a test holds."""
        return self.dialect.make("responseCondition", self.dialect.make("responseIf", test, *rules))

    def set(self, outcome: str, value: Element) -> Element:
        """Set an outcome variable."""
        return self.dialect.make("setOutcomeValue", value, identifier=outcome)

    def variable(self, name: str) -> Element:
        """The value of a variable."""
        return self.dialect.make("variable", identifier=name)

    def identifier(self, number: int) -> Element:
        """An option as a value."""
        return self.value("identifier", option_id(number))

    def value(self, kind: str, value: str | float) -> Element:
        """A constant."""
        return self.dialect.make("baseValue", number(value) if kind == "float" else str(value), baseType=kind)


def feedback_id(item: RenderedItem, part: RenderedPart) -> str:
    """The outcome variable that chooses a part's feedback."""
    return "FEEDBACK" if is_one(item) else f"FEEDBACK_{part.id}"


def _any(dialect: Dialect, tests: Sequence[Element]) -> Element:
    return tests[0] if len(tests) == 1 else dialect.make("or", *tests)


def _all(dialect: Dialect, tests: Sequence[Element]) -> Element:
    return tests[0] if len(tests) == 1 else dialect.make("and", *tests)


def _block(html: str) -> str:
    return html if html.lstrip().startswith("<") else f"<p>{html}</p>"
