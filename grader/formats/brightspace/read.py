"""Items of Brightspace (D2L), which counts right and wrong parts in variables: `D2L_Correct`, `D2L_Incorrect`.

A blank is named by the label inside its field, a left side by `respident`, and an entry of an order is compared with
the number of its place.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from lxml.etree import _Element as Element

from grader.formats.model.xmltext import children, name_of
from grader.formats.qti12.item import RESPONSES, TEXTS, QtiItem, is_plain
from grader.formats.qti12.rules import variable
from grader.formats.reading import prose
from grader.formats.reading.drafts import NO_FEEDBACK, ReadOption, options, words
from grader.formats.reading.numbers import read_decimal
from grader.formats.reading.spelling import literal, with_blanks

COUNTED = {"D2L_Correct": 1, "D2L_Incorrect": -1}
UNSCORED = {
    "Long Answer": "an essay, which nothing scores",
    "Written Response": "an essay, which nothing scores",
    "Arithmetic": "a question with a formula; write it anew with `given:` and `variants:`",
    "Significant Figures": "a question with a formula; write it anew with `given:` and `variants:`",
    "Likert": "a scale on which nothing is right",
}
PATTERN = re.compile(r"[\\^$|*+\[\]{}]")


class BrightspaceItem(QtiItem):
    """One item of Brightspace."""

    def read(self) -> None:
        """Read the item, or note why not."""
        self.begin()
        kind = self.fields.get("qmd_questiontype", "")
        found = [e for e in self.root.iter() if name_of(e) in RESPONSES]
        if kind in UNSCORED:
            self.leave_out(kind, UNSCORED[kind])
        elif not found:
            self.leave_out("presentation", "a text without answers")
        elif kind == "Multi-Select" and len(found) == 1:
            self.boxes(found[0])
        elif kind == "Ordering" or (len(found) == 1 and found[0].get("rcardinality") == "Ordered"):
            self.entries(found)
        elif all(name_of(response) == "response_str" for response in found):
            self.blanks()
        elif kind == "Matching" or len(found) > 1:
            self.sides(found)
        else:
            presentation = next(e for e in self.root.iter() if name_of(e) == "presentation")
            self.choice(self.html(self.stem_html(presentation)), found[0])

    def one_of(self, response: Element) -> bool:
        """Whether one option is to be chosen: the kind tells, where a choice may be called `Multiple` too."""
        return self.fields.get("qmd_questiontype") in ("Multiple Choice", "True/False") or super().one_of(response)

    def stem(self) -> str:
        """The stem in Markdown."""
        return self.html(self.stem_html(next(e for e in self.root.iter() if name_of(e) == "presentation")))

    def earned(self, tests_hold: Mapping[str, Any]) -> Decimal:
        """Right parts less wrong ones, or points where the item counts those."""
        counted = Decimal(0)
        known = False
        for condition in self.rules.conditions:
            held = next((e for e in children(condition) if name_of(e) == "conditionvar"), None)
            for element in (e for e in children(condition) if name_of(e) == "setvar" and variable(e) in COUNTED):
                known = True
                if held is not None and self.rules.all(children(held), tests_hold):
                    counted += COUNTED[variable(element)] * (read_decimal(element.text or "") or Decimal(0))
        return counted if known else self.rules.run(tests_hold)[0]

    def boxes(self, response: Element) -> None:
        """Several options: what a tick changes tells whether it is right; where it changes nothing, that is open."""
        name = response.get("ident") or ""
        silent = self.earned({name: []})
        read = []
        for label, text in self.labels(response).items():
            change = self.earned({name: [label]}) - silent
            read.append(ReadOption(text, None if change == 0 else change > 0, self.ticked(name, label)))
        if any(option.true is None for option in read) or not any(option.true for option in read):
            self.note("the item does not say of each option whether it is right: say which is", "key")
        if not any(option.true for option in read):
            read = [ReadOption(option.text, None, option.feedback) for option in read]
        self.note(
            "by which rule its ticks earn points is not read; here wrong ones take right ones away", "partial credit"
        )
        self.add("multiple", self.stem(), options=options(read))

    def named(self, response: Element) -> list[str]:
        """The names under which conditions speak of a response."""
        own = [response.get("ident"), response.get("respident")]
        return [name for name in own if name]

    def keys_of(self, names: Iterable[str]) -> list[Element]:
        """What has to be equal to one of these names to earn something; none where a condition says more than that."""
        wanted, found = set(names), []
        for condition in self.rules.conditions:
            tests = [e for e in condition.iter() if name_of(e) == "varequal" and e.get("respident") in wanted]
            if not tests or not _earns(condition):
                continue
            held = next((e for e in children(condition) if name_of(e) == "conditionvar"), condition)
            inside = [e for e in held.iter() if isinstance(e.tag, str) and e is not held]
            if any(name_of(e) not in ("varequal", "or") for e in inside) or len(tests) != sum(
                name_of(e) == "varequal" for e in inside
            ):
                return []
            found += tests
        return found

    def blanks(self) -> None:
        """A text with fields in it."""
        presentation = next(e for e in self.root.iter() if name_of(e) == "presentation")
        html, found = "", dict[str, Any]()
        for element in presentation.iter():
            inside = any(name_of(above) in RESPONSES for above in element.iterancestors())
            if name_of(element) in TEXTS and not inside:
                text = "".join(element.itertext())
                html += re.sub(r"[&<>]", lambda m: f"&#{ord(m[0])};", text) if is_plain(element) else text
            elif name_of(element) in RESPONSES:
                ours = f"b{len(found) + 1}"
                labels = [e.get("ident") or "" for e in element.iter() if name_of(e) == "response_label"]
                blank = self.field(self.keys_of([*self.named(element), *labels]))
                if blank is None:
                    self.leave_out("blank", f"its blank {len(found) + 1} cannot be read")
                    return
                found[ours] = blank
                html += f' <span {prose.BLANK}="{ours}"></span> '
        self.add("cloze", with_blanks(self.html(html)), blanks=found)

    def field(self, tests: Sequence[Element]) -> dict[str, Any] | None:
        """What may be typed into a field; None where nothing plain is right."""
        texts = [(test.text or "").strip() for test in tests]
        if not texts or any(not text or PATTERN.search(text) for text in texts):
            return None
        case = any((test.get("case") or "no").lower() == "yes" for test in tests)
        said = self.said(tests)
        return words([literal(text) for text in texts], said, "", case=case)

    def said(self, tests: Sequence[Element]) -> str:
        """The feedback that comes with conditions."""
        conditions = [next(e for e in test.iterancestors() if name_of(e) == "respcondition") for test in tests]
        links = [e.get("linkrefid") or "" for c in conditions for e in c.iter() if name_of(e) == "displayfeedback"]
        return "\n\n".join(dict.fromkeys(self.feedback[link] for link in links if self.feedback.get(link)))

    def sides(self, found: Sequence[Element]) -> None:
        """Left sides, each with the same right sides to choose from."""
        pairs, used = [], set()
        right: dict[str, str] = {}
        for response in found:
            labels = self.labels(response, inline=True)
            right |= labels
            keys = list(dict.fromkeys((test.text or "").strip() for test in self.keys_of(self.named(response))))
            left = next((child for child in children(response) if name_of(child) == "material"), None)
            said = "" if left is None else self.material(left, inline=True)
            if len(keys) != 1 or not labels.get(keys[0]) or not said:
                self.leave_out("match", f"{len(keys)} right sides belong to its left side {said[:40]!r}")
                return
            pairs.append({"left": said, "right": labels[keys[0]]})
            used.add(labels[keys[0]])
        others = [{"text": text} for text in dict.fromkeys(right.values()) if text and text not in used]
        self.add("match", self.stem(), pairs=pairs, others=others or None, **self.all_said())

    def entries(self, found: Sequence[Element]) -> None:
        """Entries, each of which has a place."""
        labels = {name: text for response in found for name, text in self.labels(response, inline=True).items()}
        groups = [name for response in found for name in self.named(response)]
        places: dict[str, int] = {}
        for label in labels:
            tests = self.keys_of([label, *(f"{group}_{label}" for group in groups)])
            told = {(test.text or "").strip() for test in tests}
            if len(told) == 1 and (text := told.pop()).isdigit():
                places[label] = int(text)
        if sorted(places.values()) != list(range(1, len(labels) + 1)) or not all(labels.values()):
            self.leave_out("order", "its conditions do not give each entry a place")
            return
        right = sorted(labels, key=places.__getitem__)
        self.add("order", self.stem(), entries=[{"text": labels[name]} for name in right], **self.all_said())

    def all_said(self) -> dict[str, str]:
        """What every answer hears: Brightspace has no other feedback on a whole."""
        said = self.whole({}) or NO_FEEDBACK
        return {"feedback": said, "otherwise": said}


def _earns(condition: Element) -> bool:
    """Whether a condition counts something as right."""
    for element in (e for e in children(condition) if name_of(e) == "setvar"):
        value = read_decimal(element.text or "")
        if variable(element) != "D2L_Incorrect" and value is not None and value > 0:
            return True
    return False
