"""An item of QTI 1.2 as Canvas and Common Cartridge write it: key and feedback are what its own rules say."""

from __future__ import annotations

import html as entities
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lxml.etree import _Element as Element

from grader.formats.model.xmltext import children, name_of
from grader.formats.qti12.rules import COMPARED, Rules
from grader.formats.reading import prose
from grader.formats.reading.drafts import (
    EMPTY,
    NO_FEEDBACK,
    ItemReader,
    ReadOption,
    choice,
    from_tags,
    options,
    plain_points,
)
from grader.formats.reading.numbers import read_decimal
from grader.formats.reading.spelling import blank_mark, with_blanks
from grader.formats.reading.verdicts import UNLIKELY, Earn, Say, boxes_rule, number_of, words_of

BLANKS = ("fill_in_multiple_blanks_question", "multiple_dropdowns_question")  # of a text, even if there is only one
RESPONSES = ("response_lid", "response_str", "response_num", "response_grp")
LEFT_OUT = {
    "essay_question": "an essay, which nothing scores",
    "file_upload_question": "a file to hand in",
    "text_only_question": "a text without answers",
    "calculated_question": "a question with a formula; write it anew with `given:` and `variants:`",
}

TEXTS = ("mattext", "mat_formattedtext")  # the second is Blackboard's
POINTS = ("points_possible", "cc_weighting", "qmd_absolutescore_max", "qmd_weighting")


def is_plain(element: Element) -> bool:
    """Whether a text of a `material` is plain, and no HTML."""
    if name_of(element) == "mat_formattedtext":
        kind = (element.get("type") or "").upper()
        return kind == "PLAIN_TEXT" or (kind == "SMART_TEXT" and "<" not in "".join(element.itertext()))
    return (element.get("texttype") or "text/plain").lower() == "text/plain"


@dataclass
class QtiItem(ItemReader):
    """One item; the dialects of other systems read what they write otherwise."""

    group: str
    worth: float | None
    kind: str = ""
    rules: Rules = field(init=False)
    feedback: dict[str, str] = field(default_factory=dict)
    about: dict[str, Any] = field(default_factory=dict)
    fields: dict[str, str] = field(default_factory=dict)

    def begin(self) -> None:
        """Read what all items have: name, metadata, points, rules, feedback."""
        self.name = self.drafts.name((self.root.get("ident") or self.title).removeprefix("q-"))
        self.fields = fields = self.metadata()
        self.kind = fields.get("question_type") or fields.get("cc_profile") or ""
        self.worth = self.worth or plain_points(next((fields[name] for name in POINTS if fields.get(name)), None))
        tags = [f"{name}: {value}" for name, value in fields.items()]
        self.about = from_tags(tags)[0]
        self.about.pop("points", None)
        self.rules = Rules(self.root)
        for element in (child for child in children(self.root) if name_of(child) == "itemfeedback"):
            self.feedback[element.get("ident") or ""] = self.material(element)

    def read(self) -> None:
        """Read the item, or note why not."""
        self.begin()
        if self.kind in LEFT_OUT:
            self.leave_out(self.kind, LEFT_OUT[self.kind])
            return
        presentation = next((child for child in children(self.root) if name_of(child) == "presentation"), None)
        responses = [] if presentation is None else [e for e in presentation.iter() if name_of(e) in RESPONSES]
        if presentation is None or not responses:
            self.leave_out("presentation", "a text without answers")
            return
        html = self.stem_html(presentation)
        if len(responses) > 1 or self.kind in BLANKS:
            self.several(html, responses)
        elif name_of(responses[0]) == "response_lid":
            ordered = responses[0].get("rcardinality") == "Ordered"
            (self.order if ordered else self.choice)(self.html(html), responses[0])
        else:
            self.typed(self.html(html), responses[0])

    def metadata(self) -> dict[str, str]:
        """The fields of the item's metadata."""
        found = {}
        for element in (e for e in self.root.iter() if name_of(e).startswith(("qmd_", "bbmd_"))):
            found[name_of(element)] = (element.text or "").strip()
        for element in (e for e in self.root.iter() if name_of(e) in ("qtimetadatafield", "qti_metadatafield")):
            said = {name_of(child): (child.text or "").strip() for child in children(element)}
            found[said.get("fieldlabel", "")] = said.get("fieldentry", "")
        return found

    def html(self, html: str, inline: bool = False) -> str:
        """HTML as Markdown."""
        return prose.to_markdown(html, self.note, self.picture, inline=inline, dollars=False)

    def material(self, element: Element, inline: bool = False) -> str:
        """All material of an element as Markdown."""
        made = []
        for child in element.iter():
            if name_of(child) in TEXTS:
                plain = is_plain(child)
                text = "".join(child.itertext())
                said = prose.plain_text(text, self.note, inline=inline, tex=False) if plain else self.html(text, inline)
                made.append(said)
            elif name_of(child) == "matimage":
                made.append(self.html(self.image(child), inline))
        return (" " if inline else "\n\n").join(part for part in made if part)

    def stem_html(self, presentation: Element) -> str:
        """The material of the stem as HTML, which is what stands outside of responses."""
        made = []
        for element in presentation.iter():
            inside = any(name_of(above) in RESPONSES for above in element.iterancestors())
            if name_of(element) in TEXTS and not inside:
                text = "".join(element.itertext())
                if is_plain(element):
                    text = re.sub(r"[&<>]", lambda m: f"&#{ord(m[0])};", text)
                    text = "".join(f"<p>{part}</p>" for part in re.split(r"\n[ \t]*\n", text))
                made.append(text)
            elif name_of(element) == "matimage" and not inside:
                made.append(self.image(element))
        return "\n".join(made)

    def image(self, element: Element) -> str:
        """A picture that the item brings, or names, as HTML."""
        coded = (element.get("embedded") or "").lower() == "base64"
        address = f"data:;base64,{''.join(''.join(element.itertext()).split())}" if coded else element.get("uri") or ""
        return f'<img src="{entities.escape(address)}" alt="{entities.escape(element.get("label") or "")}">'

    def labels(self, response: Element, inline: bool = False) -> dict[str, str]:
        """The options of a response by name."""
        found = [element for element in response.iter() if name_of(element) == "response_label"]
        return {element.get("ident") or "": self.material(element, inline) for element in found}

    def earn(self, name: str) -> Earn:
        """What a value of one response earns."""
        return lambda value: self.rules.run({name: value})[0]

    def say(self, name: str) -> Say:
        """The feedback on a value of one response, without what comes with no answer too, if there is more."""
        silent = self.rules.run({})[1]

        def said(value: Any) -> str:
            shown = self.rules.run({name: value})[1]
            own = [link for link in shown if link not in silent] or shown
            return "\n\n".join(dict.fromkeys(self.feedback.get(link, "") for link in own if self.feedback.get(link)))

        return said

    def add(self, kind: str, stem: str, **fields: Any) -> None:
        """Take the item with what its metadata says."""
        self.take(kind, stem, points=self.worth, **{"group": self.group or None} | self.about, **fields)

    def choice(self, stem: str, response: Element) -> None:
        """One option, or several."""
        name = response.get("ident") or ""
        single = self.one_of(response)
        labels = self.labels(response)
        earn, say = self.earn(name), self.say(name)
        fixed = {
            e.get("ident") for e in response.iter() if name_of(e) == "response_label" and e.get("rshuffle") == "No"
        }
        fixed = set() if len(fixed) == len(labels) else fixed
        if single:
            read = [ReadOption(text, earn(o) > 0, say(o), o in fixed) for o, text in labels.items()]
        else:
            self.rules.adds = self.rules.percents_add_up(name)
            keys = self.keys(name, list(labels))
            open_ones = self.open_ones(name, list(labels), keys)
            read = [
                ReadOption(text, None if o in open_ones else o in keys, self.ticked(name, o), o in fixed)
                for o, text in labels.items()
            ]
        if not any(option.true for option in read):
            self.note("no option is right: say which is", "key")
            read = [ReadOption(option.text, None, option.feedback, option.fixed) for option in read]
        if single and sum(bool(option.true) for option in read) > 1:
            best = max(earn(option) for option in labels)
            alone = sum(earn(option) == best for option in labels) == 1
            said = "the best of them counts as right" if alone else "none more than the others: say which is right"
            self.note(f"several options earn points; {said}", "partial credit" if alone else "key")
            read = [
                ReadOption(option.text, earn(o) == best if alone else None, option.feedback, option.fixed)
                for o, option in zip(labels, read, strict=True)
            ]
        by_kind = single or self.kind == "multiple_answers_question"  # which Canvas marks as our default does
        credit, known = (None, True) if by_kind else boxes_rule(list(labels), [bool(o.true) for o in read], earn)
        if not known:
            self.note("its ticks earn points by a rule that our banks do not have", "partial credit")
        self.add("single" if single else "multiple", stem, options=options(read), credit=credit)

    def one_of(self, response: Element) -> bool:
        """Whether one option is to be chosen, and not several."""
        return (response.get("rcardinality") or "Single") == "Single"

    def keys(self, name: str, labels: list[str]) -> set[str]:
        """The options to tick: what one condition asks for together, else each that earns points alone."""
        for condition in self.rules.conditions:
            asked = [e for e in condition.iter() if name_of(e) == "varequal" and e.get("respident") == name]
            inverted = [e for e in asked if any(name_of(above) == "not" for above in e.iterancestors())]
            ticked = [(e.text or "").strip() for e in asked if e not in inverted]
            if len(asked) > 1 and self.rules.run({name: ticked})[0] >= self.rules.best:
                return set(ticked)
        return {label for label in labels if self.earn(name)([label]) > 0}

    def open_ones(self, name: str, labels: list[str], keys: set[str]) -> list[str]:
        """The options of which nothing is told, where the known keys together do not earn all that can be earned."""
        earned = self.rules.run({name: [label for label in labels if label in keys]})[0]
        if not keys or not self.rules.limited or earned >= self.rules.best:
            return []
        self.note(f"what is known to be right earns {earned} of {self.rules.best}: say what else is right", "key")
        return [label for label in labels if self.earn(name)([label]) == 0]

    def ticked(self, name: str, label: str) -> str:
        """The feedback that comes with one tick, without that on the whole answer."""
        alone, silent = self.rules.run({name: [label]})[1], self.rules.run({name: [UNLIKELY]})[1]
        return "\n\n".join(self.feedback.get(link, "") for link in alone if link not in silent)

    def order(self, stem: str, response: Element) -> None:
        """Entries to put in order: each place names its entry."""
        name = response.get("ident") or ""
        labels = self.labels(response, inline=True)
        places: dict[int, str] = {}
        for element in (e for e in self.root.iter() if name_of(e) == "varequal" and e.get("respident") == name):
            index, text = element.get("index") or "", (element.text or "").strip()
            if index.isdigit() and text in labels:
                places.setdefault(int(index), text)
        right = [places[place] for place in sorted(places)]
        if sorted(right) != sorted(labels):
            self.leave_out("order", "its conditions do not give each entry a place")
            return
        swapped = [right[1], right[0], *right[2:]]
        say = self.say(name)
        credit = "all-or-nothing" if len(right) > 2 and self.earn(name)(swapped) <= 0 else None
        self.add(
            "order",
            stem,
            entries=[{"text": labels[entry] or EMPTY} for entry in right],
            feedback=say(right) or NO_FEEDBACK,
            otherwise=say(swapped) or NO_FEEDBACK,
            credit=credit,
        )

    def blank(self, response: Element) -> dict[str, Any] | None:
        """A text or a number to type, or a menu."""
        name = response.get("ident") or ""
        compared = [e for e in self.root.iter() if name_of(e) in COMPARED and e.get("respident") == name]
        earn, say = self.earn(name), self.say(name)
        if name_of(response) == "response_lid":
            labels = self.labels(response, inline=True)
            if self.kind == "fill_in_multiple_blanks_question" or all(earn(label) > 0 for label in labels):
                typed = {text: label for label, text in labels.items()}
                return words_of(
                    typed,
                    lambda text: max(earn(typed.get(text, text)), earn(text)),  # rules name labels, or their texts
                    lambda text: say(typed.get(text, text)),
                )
            read = [ReadOption(text, earn(label) > 0, say(label)) for label, text in labels.items()]
            return choice(read) if sum(bool(option.true) for option in read) == 1 else None
        kinds = {name_of(e) for e in compared}
        fib = {e.get("fibtype") for e in response.iter() if name_of(e) == "render_fib"}
        numbers = {"vargt", "vargte", "varlt", "varlte", "response_num", "numerical_question", "Decimal", "Integer"}
        if numbers & ({name_of(response), self.kind} | kinds | fib):
            edges = [number for e in compared if (number := read_decimal(e.text or "")) is not None]
            made = number_of(edges, earn, say, self.note)
            return None if made is None else {"kind": "number"} | made
        return words_of([e.text or "" for e in compared], earn, say)

    def typed(self, stem: str, response: Element) -> None:
        """One field."""
        blank = self.blank(response)
        if blank is None:
            self.leave_out(self.kind or name_of(response), "a text that nothing scores")
        elif blank["kind"] == "number":
            self.add("numeric", stem, answer={name: value for name, value in blank.items() if name != "kind"})
        else:
            self.add("cloze", with_blanks(f"{stem}\n\n{blank_mark('answer')}".strip()), blanks={"answer": blank})

    def several(self, html: str, responses: list[Element]) -> None:
        """Several responses: blanks of a text, where it names them in brackets, else pairs."""
        names = {response: self.blank_name(response, html) for response in responses}
        named = all(f"[{name}]" in html for name in names.values())
        if not named and self.kind not in BLANKS:
            self.match(self.html(html), responses)
            return
        blanks: dict[str, Any] = {}
        for place, (response, name) in enumerate(names.items(), start=1):
            blank = self.blank(response)
            if blank is None or f"[{name}]" not in html:
                self.leave_out("blank", f"its blank {place} cannot be read")
                return
            ours = name if re.fullmatch(r"[a-z][a-z0-9]*", name) and name not in blanks else f"b{place}"
            blanks[ours] = blank
            html = html.replace(f"[{name}]", f'<span {prose.BLANK}="{ours}"></span>', 1)
        self.add("cloze", with_blanks(self.html(html)), blanks=blanks, credit=self.parts_rule(responses))

    def blank_name(self, response: Element, html: str) -> str:
        """What a text calls a blank: its ident without Canvas's beginning, else what its own material says."""
        name = (response.get("ident") or "").removeprefix("response_")
        said = next((child for child in children(response) if name_of(child) == "material"), None)
        other = "" if said is None else "".join(said.itertext()).strip()
        return other if f"[{name}]" not in html and other and f"[{other}]" in html else name

    def match(self, stem: str, responses: list[Element]) -> None:
        """Left sides, each with the same right sides to choose from."""
        pairs, used = [], set()
        right: dict[str, str] = {}
        whole: dict[str, Any] = {}
        for response in responses:
            name = response.get("ident") or ""
            labels = self.labels(response, inline=True)
            right |= labels
            keys = [label for label in labels if self.earn(name)(label) > 0] or self.asked(name, labels)
            if len(keys) != 1:
                self.leave_out("match", f"{len(keys)} right sides belong to one left side")
                return
            left = next((child for child in children(response) if name_of(child) == "material"), None)
            said = "" if left is None else self.material(left, inline=True)
            if not labels[keys[0]]:
                self.leave_out("match", "a right side has no text")
                return
            pairs.append({"left": said or EMPTY, "right": labels[keys[0]]})
            used.add(labels[keys[0]])
            whole[name] = keys[0]
        self.add(
            "match",
            stem,
            pairs=pairs,
            others=[{"text": text or EMPTY} for text in dict.fromkeys(right.values()) if text not in used] or None,
            feedback=self.whole(whole) or NO_FEEDBACK,
            otherwise=self.whole(dict.fromkeys(whole, UNLIKELY)) or NO_FEEDBACK,
            credit=self.parts_rule(responses),
        )

    def asked(self, name: str, labels: Mapping[str, str]) -> list[str]:
        """The options that conditions name for a response, where only the whole answer earns points."""
        found = [e for e in self.root.iter() if name_of(e) == "varequal" and e.get("respident") == name]
        return [text for text in dict.fromkeys((e.text or "").strip() for e in found) if text in labels]

    def whole(self, given: Mapping[str, Any]) -> str:
        """The feedback on a whole answer."""
        shown = self.rules.run(given)[1]
        return "\n\n".join(dict.fromkeys(self.feedback[link] for link in shown if self.feedback.get(link)))

    def parts_rule(self, responses: list[Element]) -> str | None:
        """`all-or-nothing` where no single part earns points."""
        for response in responses:
            name = response.get("ident") or ""
            values = [e.text for e in self.root.iter() if name_of(e) in COMPARED and e.get("respident") == name]
            numbers = [number for text in values if (number := read_decimal(text or "")) is not None]
            if any(self.earn(name)((value or "").strip()) > 0 for value in values):
                return None
            if any(self.earn(name)(number) > 0 for number in numbers):
                return None
        return "all-or-nothing"
