"""Questions as items of QTI 1.2 in the words of ILIAS: types by `QUESTIONTYPE`, points at every answer.

The structure is that of ILIAS's own question pools. An answer is known by its place in the bank; feedback is shown by
the names of its blocks: `response_<answer>`, `response_allcorrect`, `response_onenotcorrect`.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass

from lxml.etree import _Element as Element

from grader.formats.ilias.parts import ALL, NOT_ALL, STYLE, adds, make, material, points, ready, whole
from grader.formats.model.figures import pixel_uri
from grader.formats.model.outputs import as_options, needs_lines
from grader.formats.model.pools import Question, shown_order
from grader.formats.model.registry import Losses
from grader.formats.model.richtext import inner, plain, tree
from grader.formats.model.typed import accepted, right_answers
from grader.quizzes.rendered import RenderedOption, RenderedPart

TERMS = 1000  # the first name of a right side; left sides are named from 1 on
BLANK = "\ue00c"  # stands in a text where a gap goes


@dataclass(frozen=True)
class IliasWriter:
    """Writes the questions of one bank. `shuffle` is the bank's."""

    shuffle: bool
    losses: Losses

    def item(self, question: Question) -> Element | None:
        """A question as an item; None, with a loss, where ILIAS has nothing like it."""
        item, parts = question.item, question.variant.parts
        part = parts[0]
        if item.type == "order":
            return self.ordering(question)
        if item.type == "match":
            return self.matching(question)
        if part.kind == "number" and item.type != "cloze":
            return self.number(question, part)
        if item.type == "cloze" or (part.kind == "text" and not needs_lines(part)):
            return self.cloze(question)
        options = part.options or as_options(question, part, self.losses)
        return self.choice(question, part, options) if options else None

    # Types -------------------------------------------------------------------------------------------------------

    def choice(self, question: Question, part: RenderedPart, options: Sequence[RenderedOption]) -> Element:
        """One option, or several: then ticking and leaving alone both have points."""
        several = part.kind == "boxes"
        name = "MCMR" if several else "MCSR"
        order = shown_order(f"{question.id} {part.id}", options, self.shuffle)
        labels = [make("response_label", material(options[n].html), ident=str(n)) for n in order]
        if self.shuffle and any(option.fixed for option in options):
            self.losses.add(question.item.id, "fixed options", "ILIAS shuffles all answers, or none")
        response = make(
            "response_lid", self.choices(labels), ident=name, rcardinality="Multiple" if several else "Single"
        )
        conditions = []
        for place, option in enumerate(options):
            ticked, left = (
                self.worth(question, options, option) if several else (option.true * question.item.points, 0.0)
            )
            test = make("varequal", text=str(place), respident=name)
            conditions.append(adds(test, ticked, f"response_{place}"))
            if several:
                other = make("not", make("varequal", text=str(place), respident=name))
                conditions.append(adds(other, left))
        said = {f"response_{place}": option.feedback for place, option in enumerate(options)}
        fields = {"thumb_size": "", "feedback_setting": "2", "singleline": "0"}
        kind = "MULTIPLE CHOICE QUESTION" if several else "SINGLE CHOICE QUESTION"
        return whole(question, kind, [self.stem(question), response], conditions, said, fields)

    def worth(
        self, question: Question, options: Sequence[RenderedOption], option: RenderedOption
    ) -> tuple[float, float]:
        """The points of a box that is ticked, and of one that is left alone."""
        item = question.item
        if item.credit == "per-part":
            each = item.points / len(options)
            return (each, 0.0) if option.true else (0.0, each)
        each = item.points / max(sum(one.true for one in options), 1)
        if item.credit == "all-or-nothing":
            self.losses.add(
                item.id, "partial credit", "some of the right boxes earn their share, wrong ones take it back"
            )
        return (each, 0.0) if option.true else (-each, 0.0)

    def number(self, question: Question, part: RenderedPart) -> Element:
        """A number in a range: that of all numbers that round to an accepted one."""
        span = accepted(part)
        field = make("render_fib", fibtype="Decimal", maxchars="20")
        response = make("response_num", field, ident="NUM", rcardinality="Single", numtype="Decimal")
        low = make("vargte", text=str(span.low), respident="NUM")
        high = make("varlte", text=str(span.high), respident="NUM")
        condition = adds([low, high], question.item.points, "Correct")
        del condition.attrib["continue"]
        self.lose_wrong(question, part)
        said = {"Correct": "", ALL: span.feedback, NOT_ALL: part.other}
        stem = self.stem(question, _asked(part))
        return whole(question, "NUMERIC QUESTION", [stem, response], [condition], said)

    def ordering(self, question: Question) -> Element:
        """Entries in the right order, each known by its place; ILIAS mixes them."""
        item, parts = question.item, question.variant.parts
        entries = [next(option.html for option in part.options if option.true) for part in parts]
        labels = []
        for place, entry in enumerate(entries):
            depth = make("material", make("mattext", text="0", label="answerdepth"))
            labels.append(make("response_label", material(entry), depth, ident=str(place)))
        shown = make("render_choice", *labels, shuffle="Yes")
        response = make("response_lid", shown, ident="OQT", rcardinality="Ordered")
        conditions = [
            adds(
                make("varequal", text=str(place), respident="OQT", index=str(place)),
                item.points / len(parts),
                f"link_{place}",
            )
            for place in range(len(parts))
        ]
        self.lose_rule(question)
        said = {f"link_{place}": "" for place in range(len(parts))} | _on_whole(parts[0])
        fields = {"thumb_geometry": "100", "element_height": "", "points": points(item.points)}
        return whole(question, "ORDERING QUESTION", [self.stem(question), response], conditions, said, fields)

    def matching(self, question: Question) -> Element | None:
        """Definitions (left sides), and terms (right sides) to put to them, each once."""
        item, parts = question.item, question.variant.parts
        options = parts[0].options
        keys = [next(n for n, option in enumerate(part.options) if option.true) for part in parts]
        if len(set(keys)) < len(keys):
            why = "two left sides have one right side, which ILIAS would mark wrongly; it is left out"
            self.losses.add(item.id, item.type, why)
            return None
        order = shown_order(f"{question.id} match", options)
        terms = [TERMS + place for place in range(len(options))]
        group = ",".join(str(terms[place]) for place in order)
        labels = [
            make("response_label", material(part.label), ident=str(place), match_max="1", match_group=group)
            for place, part in enumerate(parts, start=1)
        ]
        labels += [make("response_label", material(options[n].html), ident=str(terms[n])) for n in order]
        response = make("response_grp", self.choices(labels), ident="MQ", rcardinality="Multiple")
        conditions, names = [], []
        for place, key in enumerate(keys, start=1):
            names.append(f"correct_{terms[key]}_{place}")
            test = make("varsubset", text=f"{terms[key]},{place}", respident="MQ")
            conditions.append(adds(test, item.points / len(parts), names[-1]))
        self.lose_rule(question)
        fields = {"shuffle": "1", "thumb_geometry": "100", "matching_mode": "1:1"}
        said = dict.fromkeys(names, "") | _on_whole(parts[0])
        return whole(question, "MATCHING QUESTION", [self.stem(question), response], conditions, said, fields)

    def cloze(self, question: Question) -> Element:
        """A text with gaps: typed, chosen, or numbers. Output that is typed is one gap under the question."""
        item, parts = question.item, question.variant.parts
        inside = item.type == "cloze"
        text = question.variant.stem if inside else f"<p>{parts[0].label} {BLANK}</p>"
        root = tree(text, STYLE, pixel_uri, lambda name: BLANK + name + BLANK)
        pieces = inner(root, xml=False).split(BLANK)
        by_name = {part.id: part for part in parts}
        order = [by_name[name] for name in pieces[1::2]] if inside else [parts[0]]
        texts = pieces[0::2] if inside else pieces
        presentation = [material("&#160;") if inside else self.stem(question)]
        conditions: list[Element] = []
        for place, part in enumerate(order):
            presentation += [ready(texts[place]), self.gap(part, place)]
            conditions += self.gap_points(question, part, place)
        presentation.append(ready(f" {order[-1].unit}{texts[len(order)]}" if order[-1].unit else texts[len(order)]))
        self.lose_cloze(question)
        rating = "cs" if any(part.case for part in parts) else "ci"
        none = base64.b64encode(b"[]").decode()
        fields = {"textgaprating": rating, "fixedTextLength": "", "identicalScoring": "1", "combinations": none}
        right = next((answer.feedback for answer in parts[0].answers if answer.credit), "")
        said = {} if inside else {ALL: right, NOT_ALL: parts[0].other}
        return whole(question, "CLOZE QUESTION", presentation, conditions, said, fields)

    def gap(self, part: RenderedPart, place: int) -> Element:
        """One gap."""
        name = f"gap_{place}"
        if part.options:
            shown = shown_order(f"gap {part.id}", part.options, self.shuffle)
            labels = [
                make("response_label", make("material", make("mattext", text=_option(part.options[n]))), ident=str(n))
                for n in shown
            ]
            return make("response_str", self.choices(labels), ident=name, rcardinality="Single")
        if part.kind == "number":
            span = accepted(part)
            field = make("render_fib", fibtype="Decimal", prompt="Box", columns="20", maxchars="20")
            field.set("minnumber", str(span.low))
            field.set("maxnumber", str(span.high))
            return make("response_num", field, ident=name, numtype="Decimal", rcardinality="Single")
        field = make("render_fib", fibtype="String", prompt="Box", columns="30", maxchars="200")
        return make("response_str", field, ident=name, rcardinality="Single")

    def gap_points(self, question: Question, part: RenderedPart, place: int) -> list[Element]:
        """What earns points in a gap."""
        each = question.item.points / len(question.variant.parts)
        if part.options:
            known = [(_option(option), option.true * each) for option in part.options]
        elif part.kind == "number":
            known = [(str(accepted(part).middle), each)]
        else:
            known = [(answer.answer, each) for answer in right_answers(part)]
        return [adds(make("varequal", text=text, respident=f"gap_{place}"), worth) for text, worth in known]

    # Pieces ------------------------------------------------------------------------------------------------------

    def stem(self, question: Question, more: str = "") -> Element:
        """The question."""
        return material(question.variant.stem + more)

    def choices(self, labels: Sequence[Element]) -> Element:
        """The answers to choose from."""
        return make("render_choice", *labels, shuffle="Yes" if self.shuffle else "No")

    def lose_wrong(self, question: Question, part: RenderedPart) -> None:
        """Known wrong answers that are typed have no place in the format."""
        if any(not answer.credit for answer in part.answers):
            said = "known wrong answers get the feedback of all others"
            self.losses.add(question.item.id, "option feedback", said)

    def lose_rule(self, question: Question) -> None:
        """Several answers always count one by one."""
        if question.item.credit == "all-or-nothing":
            self.losses.add(question.item.id, "partial credit", "each right answer earns its share")

    def lose_cloze(self, question: Question) -> None:
        """What gaps cannot say."""
        item, parts = question.item, question.variant.parts
        if len(parts) > 1:
            self.lose_rule(question)
        for part in parts:
            self.lose_wrong(question, part)
            if any("<math" in option.html for option in part.options):
                self.losses.add(item.id, "maths", "in menus, formulas are written as TeX")
        if len({part.case for part in parts if part.kind == "text"}) > 1:
            self.losses.add(item.id, "case", "ILIAS looks at capitals in all gaps, or in none")
        heard = [o.feedback for part in parts for o in part.options] + [a.feedback for p in parts for a in p.answers]
        if item.type == "cloze" and any(heard):
            self.losses.add(item.id, "feedback", "gaps have no feedback of their own")


def _on_whole(part: RenderedPart) -> dict[str, str]:
    right = next(option.feedback for option in part.options if option.true)
    return {ALL: right, NOT_ALL: part.other}


def _option(option: RenderedOption) -> str:
    return " ".join(plain(option.html).split())


def _asked(part: RenderedPart) -> str:
    label = f"<p>{part.label}</p>" if part.label else ""
    unit = f"in {plain(part.unit)}, " if part.unit and "<" not in part.unit else ""
    rounded = f"rounded to {part.decimals} decimals" if part.decimals else "a whole number"
    return f"{label}<p>({unit}{rounded})</p>"
