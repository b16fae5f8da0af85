"""QTI 2.1 and 2.2: single items and packages. Keys and feedback are what the item's own response processing says."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from lxml import etree
from lxml.etree import _Element as Element

from grader.formats.model.xmltext import children, name_of
from grader.formats.qti.processing import Declared, Processing, bounds, declared
from grader.formats.qti.read_package import About, about_items
from grader.formats.reading import prose
from grader.formats.reading.drafts import (
    EMPTY,
    NO_FEEDBACK,
    Draft,
    Drafts,
    ItemReader,
    ReadOption,
    UnknownError,
    choice,
    options,
    plain_points,
)
from grader.formats.reading.numbers import read_decimal
from grader.formats.reading.packaged import opened
from grader.formats.reading.spelling import blank_mark, with_blanks
from grader.formats.reading.verdicts import FAR, UNLIKELY, Earn, Say, boxes_rule, number_of, words_of

INLINE = ("textEntryInteraction", "inlineChoiceInteraction")
BLOCK = ("choiceInteraction", "orderInteraction", "matchInteraction", "extendedTextInteraction")
FEEDBACK = ("modalFeedback", "feedbackInline", "feedbackBlock")


def read(data: bytes, file: str) -> Draft:
    """Read a package, or one item.

    Raises:
        XmlError, PackageError: it is broken or hostile.
        ImportRefusedError: no item is in it.
    """
    drafts = Drafts(file)
    package = opened(data, "assessmentItem")
    found = package.documents
    about = about_items(drafts, found)
    shuffled = []
    for path, root in found.items():
        if name_of(root) == "assessmentItem":
            picture = package.picture(drafts.pictures, path)
            item = _Item(drafts, root, about.get(path, About()), picture=picture)
            try:
                item.read()
            except UnknownError as error:
                item.leave_out("responseProcessing", str(error))
            shuffled += [e.get("shuffle") for e in root.iter() if name_of(e) in ("choiceInteraction",)]
    drafts.shuffle = not shuffled or "true" in shuffled
    return drafts.done()


@dataclass
class _Item(ItemReader):
    about: About
    responses: Mapping[str, Declared] = field(default_factory=dict)
    processing: Processing = field(init=False)
    said: list[tuple[str, str, bool, str]] = field(default_factory=list)
    touched: dict[str, frozenset[str]] = field(default_factory=dict)
    inner: dict[str, list[str]] = field(default_factory=dict)  # feedback inside a choice, which is on that choice
    blind: bool = False  # whether the rules cannot be run

    def read(self) -> None:
        """Read the item, or note why not."""
        self.name = self.drafts.name(self.root.get("identifier") or self.title)
        self.responses = declared(self.root)
        self.processing = Processing(self.root, self.responses)
        body = next((child for child in children(self.root) if name_of(child) == "itemBody"), None)
        if body is None:
            self.leave_out("itemBody", "it has no body")
            return
        body = copy.deepcopy(body)
        self.feedback(body)
        if any(name_of(element) == "rubricBlock" for element in body.iter()):
            self.note("a rubricBlock")
            for element in [element for element in body.iter() if name_of(element) == "rubricBlock"]:
                _take_out(element)
        inside = [element for element in body.iter() if name_of(element).endswith("Interaction")]
        self.check_rules()
        kinds = {name_of(element) for element in inside}
        if not inside:
            self.leave_out("description", "a text without answers")
        elif unknown := kinds - set(INLINE + BLOCK):
            self.leave_out(sorted(unknown)[0], "an interaction that our banks do not have")
        elif len(inside) == 1 and kinds <= set(BLOCK):
            self.one_block(body, inside[0])
        elif kinds <= set(INLINE):
            self.inline(body, inside)
        else:
            self.leave_out("interactions", "several interactions of different kinds")

    def markdown(self, element: Element, inline: bool = False) -> str:
        """An element's content."""
        return prose.of_element(element, self.note, self.picture, inline=inline, tex=False)

    def feedback(self, body: Element) -> None:
        """Collect all feedback, and take what stands in the body out of it."""
        found = [element for element in children(self.root) if name_of(element) in FEEDBACK]
        inner = [element for element in body.iter() if name_of(element) in FEEDBACK]
        for element in found + inner:
            shows = element.get("showHide") != "hide"
            names = element.get("outcomeIdentifier") or "", element.get("identifier") or ""
            self.said.append((*names, shows, self.markdown(element)))
            within = next((above for above in element.iterancestors() if name_of(above) == "simpleChoice"), None)
            if within is not None and shows:
                self.inner.setdefault(within.get("identifier") or "", []).append(self.said[-1][-1])
        for element in inner:
            _take_out(element)

    def check_rules(self) -> None:
        """Whether the rules can be run."""
        try:
            self.processing.run({name: one.whole() for name, one in self.responses.items()})
            self.processing.score({})
            if not self.processing.scores:
                raise UnknownError("its rules set no score")
        except UnknownError as error:
            self.blind = True
            self.note(
                f"{error}; correct responses alone tell what is right, and feedback is lost", "responseProcessing"
            )

    def earned(self, given: Mapping[str, Any]) -> Decimal:
        """What a response earns."""
        if not self.blind:
            return self.processing.score(given)
        right = [self.responses[name].whole() for name in given if name in self.responses]
        return Decimal(int(all(value == one for value, one in zip(given.values(), right, strict=False))))

    def shown(self, given: Mapping[str, Any], only: frozenset[str] | None = None) -> str:
        """The feedback on a response; that of some outcomes only."""
        if self.blind:
            return ""
        outcomes = self.processing.run(given)
        texts = []
        for outcome, name, shows, text in self.said:
            if only is not None and outcome not in only:
                continue
            value = outcomes.get(outcome)
            holds = name in value if isinstance(value, list) else name == value
            if holds == shows and text not in texts:
                texts.append(text)
        return "\n\n".join(text for text in texts if text)

    def points(self) -> float:
        """The most that can be earned."""
        best = (
            self.earned({name: one.whole() for name, one in self.responses.items()}) if not self.blind else Decimal(0)
        )
        return plain_points(str(best or self.processing.start.get("MAXSCORE") or 1))

    def add(self, kind: str, stem: str, **fields: Any) -> None:
        """Take the item with what its package says."""
        about = {"objective": self.about.objective, "lab": self.about.lab, "group": self.about.group or None}
        self.take(kind, stem, points=self.points(), **about, **fields)

    # Interactions on their own --------------------------------------------------------------------------------

    def one_block(self, body: Element, interaction: Element) -> None:
        """An interaction that is a block."""
        prompt = next((child for child in children(interaction) if name_of(child) == "prompt"), None)
        kind = name_of(interaction)
        response = self.responses.get(interaction.get("responseIdentifier") or "")
        if response is None:
            self.leave_out(kind, "its response is not declared")
            return
        asked = "" if prompt is None or kind == "extendedTextInteraction" else self.markdown(prompt)
        _take_out(interaction)
        stem = "\n\n".join(part for part in (self.markdown(body), asked) if part)
        read = {
            "choiceInteraction": self.choice,
            "orderInteraction": self.order,
            "matchInteraction": self.match,
            "extendedTextInteraction": self.long_text,
        }[kind]
        read(stem, interaction, response)

    def choice(self, stem: str, interaction: Element, response: Declared) -> None:
        """One option, or several."""
        found = [child for child in children(interaction) if name_of(child) == "simpleChoice"]
        names = [child.get("identifier") or "" for child in found]
        single = response.cardinality == "single"
        right = [name in response.correct for name in names]
        read = []
        for child, name, true in zip(found, names, right, strict=True):
            given = {response.name: name if single else [name]}
            text, said = self.markdown(child), self.shown(given) if single else self.ticked(response, name, names)
            known = true if response.correct or self.blind else self.earned(given) > 0
            if single and not self.blind and response.correct and (self.earned(given) > 0) != true:
                self.note(f"the option {text[:40]} earns otherwise than the correct response says", "key")
            if not single and f"{said}\n".startswith(f"{text}\n"):  # feedback on a box may repeat which one it is
                said = said.removeprefix(text).lstrip("\n")
            inner = [one for one in self.inner.get(name, []) if one and one not in said]
            said = "\n\n".join(one for one in (said, *inner) if one)
            read.append(ReadOption(text, known, said, child.get("fixed") == "true"))
        if all(option.fixed for option in read):
            read = [ReadOption(option.text, option.true, option.feedback) for option in read]
        if not any(option.true for option in read):
            self.note("no option is right: say which is", "key")
            read = [ReadOption(option.text, None, option.feedback, option.fixed) for option in read]
        credit = None
        if not single and not self.blind:
            truths = [bool(option.true) for option in read]
            credit, known = boxes_rule(names, truths, lambda some: self.earned({response.name: some}))
            if not known:
                self.note("its ticks earn points by a rule that our banks do not have", "partial credit")
        self.add("single" if single else "multiple", stem, options=options(read), credit=credit)

    def ticked(self, response: Declared, name: str, names: Sequence[str]) -> str:
        """The feedback on one box: what has its identifier, else what comes with its tick and with no other."""
        own = [text for _, identifier, shows, text in self.said if identifier == name and shows]
        if own or self.blind:
            return "\n\n".join(own[:1])
        others = self.shown({response.name: [other for other in names if other != name]})
        said = self.shown({response.name: [name]})
        return "" if said == others else said

    def order(self, stem: str, interaction: Element, response: Declared) -> None:
        """Entries to put in order."""
        texts = {
            child.get("identifier") or "": self.markdown(child, inline=True)
            for child in children(interaction)
            if name_of(child) == "simpleChoice"
        }
        right = tuple(name for name in response.correct if name in texts)
        if len(right) != len(texts):
            self.leave_out("orderInteraction", "its correct response does not name every entry once")
            return
        swapped = (right[1], right[0], *right[2:])
        self.add(
            "order",
            stem,
            entries=[{"text": texts[name] or EMPTY} for name in right],
            feedback=self.shown({response.name: right}) or NO_FEEDBACK,
            otherwise=self.shown({response.name: swapped}) or NO_FEEDBACK,
            credit=self.parts_rule({response.name: swapped}, len(right) > 2),
        )

    def parts_rule(self, partly: Mapping[str, Any], expected: bool) -> str | None:
        """`all-or-nothing` if a partly right response earns nothing although it would earn its share."""
        if self.blind:
            self.note("whether parts of it earn points is not known; here they do", "partial credit")
            return None
        return "all-or-nothing" if expected and self.earned(partly) <= 0 else None

    def match(self, stem: str, interaction: Element, response: Declared) -> None:
        """Left sides and right sides."""
        sets = [child for child in children(interaction) if name_of(child) == "simpleMatchSet"]
        if len(sets) != 2:
            self.leave_out("matchInteraction", "it has not two sets")
            return
        left, right = (
            {c.get("identifier") or "": self.markdown(c, inline=True) for c in children(one)} for one in sets
        )
        pairs = [tuple(str(pair).split(" ", 1)) for pair in response.correct]
        known = {one[0]: one[1] for one in pairs if len(one) == 2 and one[0] in left and one[1] in right}
        if set(known) != set(left) or len(pairs) != len(left):
            self.leave_out("matchInteraction", "its correct response does not give each left side one right side")
            return
        first = [f"{name} {known[name]}" for name in left]
        self.add(
            "match",
            stem,
            pairs=[{"left": left[name] or EMPTY, "right": right[known[name]] or EMPTY} for name in left],
            others=[{"text": text or EMPTY} for name, text in right.items() if name not in known.values()] or None,
            feedback=self.shown({response.name: first}) or NO_FEEDBACK,
            otherwise=self.shown({response.name: first[:1]}) or NO_FEEDBACK,
            credit=self.parts_rule({response.name: first[:1]}, len(first) > 1),
        )

    def long_text(self, stem: str, _: Element, response: Declared) -> None:
        """A text of several lines."""
        blank = self.words(response)
        if blank is None:
            self.leave_out("extendedTextInteraction", "a text that nothing scores")
            return
        self.add("cloze", with_blanks(f"{stem}\n\n{blank_mark('answer')}"), blanks={"answer": blank})

    # Interactions in a text -----------------------------------------------------------------------------------

    def inline(self, body: Element, inside: Sequence[Element]) -> None:
        """Blanks in a text; a number alone in the last paragraph is the answer of a numeric item."""
        one = self.responses.get(inside[0].get("responseIdentifier") or "")
        last = children(body)[-1] if children(body) else body
        alone = len(inside) == 1 and inside[0] in list(last) and name_of(last) == "p" and len(children(body)) > 1
        if alone and one is not None and one.base in ("float", "integer"):
            before, after = _around(inside[0], last)
            made = self.number(one, self.markdown(after, inline=True)[:40], self.markdown(before, inline=True))
            if made is not None:
                body.remove(last)
                self.add("numeric", self.markdown(body), answer=made)
            return
        blanks: dict[str, Any] = {}
        for place, element in enumerate(inside, start=1):
            blank = self.blank(element)
            if blank is None:
                self.leave_out("blank", f"its blank {place} cannot be read")
                return
            name = (element.get("responseIdentifier") or "").removeprefix("RESPONSE_").lower()
            name = name if re.fullmatch(r"[a-z][a-z0-9]*", name) and name not in blanks else f"b{place}"
            blanks[name] = blank
            mark = etree.Element("span")
            mark.set(prose.BLANK, name)
            mark.tail = element.tail
            parent = element.getparent()
            assert parent is not None
            parent.replace(element, mark)
        credit = None
        if len(blanks) > 1 and not self.blind:
            some = next(iter(self.responses.values()))
            credit = "all-or-nothing" if self.earned({some.name: some.whole()}) <= 0 else None
        self.add("cloze", with_blanks(self.markdown(body)), blanks=blanks, credit=credit)

    def blank(self, element: Element) -> dict[str, Any] | None:
        """One blank."""
        response = self.responses.get(element.get("responseIdentifier") or "")
        if response is None:
            return None
        if name_of(element) == "textEntryInteraction":
            if response.base in ("float", "integer"):
                made = self.number(response)
                return None if made is None else {"kind": "number"} | made
            return self.words(response)
        read = []
        for child in (child for child in children(element) if name_of(child) == "inlineChoice"):
            name = child.get("identifier") or ""
            true = name in response.correct if response.correct else self.earn(response)(name) > 0
            read.append(ReadOption(self.markdown(child, inline=True), true, self.own(response, name)))
        return choice(read) if sum(bool(option.true) for option in read) == 1 else None

    def own(self, response: Declared, value: Any) -> str:
        """The feedback that a value of one response brings; that of the other responses stays out."""
        if self.blind:
            return ""
        if response.name not in self.touched:
            far = FAR if response.base in ("float", "integer") else UNLIKELY
            tries = [self.processing.run({response.name: one}) for one in (None, response.whole(), far, value)]
            names = {name for one in tries for name in one if one[name] != tries[0].get(name)}
            self.touched[response.name] = frozenset(names)
        return self.shown({response.name: value}, self.touched[response.name])

    def number(self, response: Declared, unit: str = "", label: str = "") -> dict[str, Any] | None:
        """The numbers that are right, out of what the rules say about every number at which they change."""
        edges = {value for value in response.correct if isinstance(value, Decimal)}
        edges |= {key for text in response.mapping or {} if isinstance(key := read_decimal(text), Decimal)}
        for comparison, text in self.processing.constants(response.name):
            value = read_decimal(text)
            if value is not None:
                edges |= set(bounds(value, comparison)) if name_of(comparison) == "equal" else {value}
        return number_of(edges, self.earn(response), self.say(response), self.note, unit, label)

    def earn(self, response: Declared) -> Earn:
        """What a value of one response earns beside right answers to the others, which may be needed for any points."""
        if self.blind:
            return lambda value: self.earned({response.name: value})
        others = {one.name: one.whole() for one in self.responses.values() if one.name != response.name}
        without = self.earned(others)
        return lambda value: self.earned(others | {response.name: value}) - without

    def say(self, response: Declared) -> Say:
        """The feedback on a value of one response."""
        return lambda value: self.own(response, value)

    def words(self, response: Declared) -> dict[str, Any] | None:
        """The texts that are right, and those that have feedback of their own."""
        known = [str(value) for value in response.correct] + list(response.mapping or {})
        known += [text for _, text in self.processing.constants(response.name)]
        return words_of(known, self.earn(response), self.say(response))


def _take_out(element: Element) -> None:
    """Remove an element; what follows it stays."""
    parent = element.getparent()
    if parent is None:
        return
    before = element.getprevious()
    if element.tail:
        if before is None:
            parent.text = (parent.text or "") + element.tail
        else:
            before.tail = (before.tail or "") + element.tail
    element.tail = None
    parent.remove(element)


def _around(element: Element, parent: Element) -> tuple[Element, Element]:
    """What stands before and after an element in a paragraph."""
    before, after = etree.Element("span"), etree.Element("span")
    before.text, after.text = parent.text, element.tail
    later = False
    for child in copy.deepcopy(list(parent)):
        if name_of(child) == name_of(element):
            later = True
        else:
            (after if later else before).append(child)
    return before, after
