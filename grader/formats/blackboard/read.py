"""Items of Blackboard's own QTI 1.2. Each kind (`bbmd_questiontype`) says its key in a way of its own.

The structure is that of the pools which Blackboard exports: the first condition, `correct`, says the whole key; each
option has a condition of its own with the percent that it earns and its feedback; a match lists names of right sides
for each left side, and the right sides' texts stand beside them in the same order.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from lxml.etree import _Element as Element

from grader.formats.blackboard.read_parts import RIGHT, BlackboardParts, earns
from grader.formats.model.xmltext import children, name_of
from grader.formats.reading import prose
from grader.formats.reading.drafts import NO_FEEDBACK, ReadOption, choice, options, words
from grader.formats.reading.numbers import Span, number, read_decimal
from grader.formats.reading.spelling import blank_mark, literal, with_blanks

UNSCORED = {
    "Essay": "an essay, which nothing scores",
    "Short Response": "an answer that nothing scores",
    "File Upload": "a file to hand in",
    "Opinion Scale": "a scale on which nothing is right",
    "Calculated": "a question with a formula; write it anew with `given:` and `variants:`",
    "Calculated Numeric": "a question with a formula; write it anew with `given:` and `variants:`",
    "Hot Spot": "a place in a picture",
    "Quiz Bowl": "a question as the answer, which nothing here scores",
}
PAIRS = {  # the two options of Either/Or, by the name that stands in their place
    "yes_no": ("Yes", "No"),
    "agree_disagree": ("Agree", "Disagree"),
    "right_wrong": ("Right", "Wrong"),
    "true_false": ("True", "False"),
    "on_off": ("On", "Off"),
}
REGEX = re.compile(r"[\\^$.|?*+()\[\]{}]")
NEAR = Decimal("0.01")  # percents are written with five decimals or fewer


class BlackboardItem(BlackboardParts):
    """One item of Blackboard."""

    def read(self) -> None:
        """Read the item, or note why not."""
        self.begin()
        kind = self.fields.get("bbmd_questiontype", "")
        read: dict[str, Callable[[str], None]] = {
            "Multiple Choice": self.one_option,
            "True/False": self.one_option,
            "Either/Or": self.one_option,
            "Multiple Answer": self.some_options,
            "Ordering": self.ordering,
            "Matching": self.matching,
            "Numeric": self.numeric,
            "Fill in the Blank": self.fill_in,
            "Fill in the Blank Plus": self.blanks,
            "Jumbled Sentence": self.blanks,
        }
        if kind in UNSCORED:
            self.leave_out(kind, UNSCORED[kind])
        elif kind in read:
            read[kind](self.html(self.question()))
        else:
            self.leave_out("bbmd_questiontype", f"the kind {kind[:40]!r} is not known here")

    # Kinds ------------------------------------------------------------------------------------------------------

    def shown(self, response: Element) -> dict[str, str]:
        """The options by name."""
        labels = self.labels(response)
        for name, text in labels.items():
            pair, _, which = (text or name).replace("\\", "").partition(".")
            if pair in PAIRS and which in ("true", "false"):
                labels[name] = PAIRS[pair][which == "false"]
        return labels

    def listed(self, labels: Mapping[str, str], keys: Sequence[str]) -> list[dict[str, Any]]:
        """Options; without keys, all are open."""
        known = bool(keys)
        if not known:
            self.note("the item does not say which option is right: say which is", "key")
        read = []
        for name, text in labels.items():
            said = self.feedback.get(name) or (self.general(name in keys) if known else "")
            read.append(ReadOption(text, (name in keys) if known else None, said))
        return options(read)

    def one_option(self, stem: str) -> None:
        """One option of several."""
        labels = self.shown(self.only())
        asked = self.whole_key()
        tests = [] if asked is None else [e for e in asked.iter() if isinstance(e.tag, str) and e is not asked]
        plain = [e for e in tests if name_of(e) == "varequal" and (e.text or "").strip() in labels]
        keys = [(plain[0].text or "").strip()] if len(plain) == len(tests) == 1 else []
        percents = {name: value for name, value in self.percents().items() if name in labels}
        full = [name for name, value in percents.items() if value >= 100]
        if keys and full and keys != full:
            self.note(f"the condition {RIGHT!r} and the percents name different options", "key")
            keys = []
        if any(0 < value < 100 for value in percents.values()):
            self.note("further options earn a part of the points; here they are wrong", "partial credit")
        self.add("single", stem, options=self.listed(labels, keys))

    def some_options(self, stem: str) -> None:
        """All right options of several."""
        labels = self.shown(self.only())
        keys = self.ticks(labels)
        partial = self.partial()
        percents = {name: value for name, value in self.percents().items() if name in labels}
        earning = {name for name, value in percents.items() if value > 0}
        if keys and earning and earning != set(keys):
            self.note(f"the condition {RIGHT!r} and the percents name different options", "key")
            keys = []
        if keys and partial:
            share = Decimal(100) / len(keys)
            expected = {name: share if name in keys else -share for name in labels}
            if any(abs(percents.get(name, Decimal(0)) - expected[name]) > NEAR for name in labels):
                said = "ticks earn percents of their own; here right ones count alike, and a wrong one takes one away"
                self.note(said, "partial credit")
        self.add(
            "multiple",
            stem,
            options=self.listed(labels, keys),
            credit=None if partial else "all-or-nothing",
        )

    def ticks(self, labels: Mapping[str, str]) -> list[str]:
        """The options to tick: those that the condition asks for where it speaks of every option, or of no box left."""
        asked = self.whole_key()
        if asked is None:
            return []
        known = ("conditionvar", "and", "not", "varequal")
        named: dict[str, bool] = {}
        for test in asked.iter():
            if name_of(test) not in known:
                return []
            if name_of(test) != "varequal":
                continue
            name = (test.text or "").strip()
            inverted = sum(name_of(above) == "not" for above in test.iterancestors()) % 2 == 1
            if name not in labels or named.get(name, not inverted) == inverted:
                return []
            named[name] = not inverted
        return [name for name, true in named.items() if true] if set(named) == set(labels) else []

    def ordering(self, stem: str) -> None:
        """Entries in the order in which the condition names them."""
        labels = self.labels(self.only(), inline=True)
        asked = self.whole_key()
        tests = [] if asked is None else [e for e in asked.iter() if isinstance(e.tag, str)]
        right = [(e.text or "").strip() for e in tests if name_of(e) == "varequal"]
        strange = [e for e in tests if name_of(e) not in ("conditionvar", "and", "varequal")]
        if strange or sorted(right) != sorted(labels) or not all(labels.values()):
            self.leave_out("order", "its condition does not give each entry a place")
            return
        self.add(
            "order",
            stem,
            entries=[{"text": labels[name]} for name in right],
            feedback=self.general(True) or NO_FEEDBACK,
            otherwise=self.general(False) or NO_FEEDBACK,
            credit=None if self.partial() else "all-or-nothing",
        )

    def matching(self, stem: str) -> None:
        """Left sides, whose names for right sides stand in the order of the right sides' texts."""
        block = self.block("RIGHT_MATCH_BLOCK")
        flows = [] if block is None else [e for e in children(block) if name_of(e) == "flow"]
        rights = [self.material(flow, inline=True) for flow in flows]
        pairs, used = [], set()
        for response in self.responses():
            name = response.get("ident") or ""
            names = [e.get("ident") or "" for e in response.iter() if name_of(e) == "response_label"]
            keys = [key for key in self.wanted(name, names) if key]
            above = response.getparent()
            left = "" if above is None else self.material(above, inline=True)
            if len(keys) != 1 or len(names) != len(rights) or not left or not rights[names.index(keys[0])]:
                self.leave_out(
                    "match", f"{len(keys)} of {len(rights)} right sides belong to its left side {left[:40]!r}"
                )
                return
            place = names.index(keys[0])
            pairs.append({"left": left, "right": rights[place]})
            used.add(rights[place])
        self.add(
            "match",
            stem,
            pairs=pairs,
            others=[{"text": text} for text in dict.fromkeys(rights) if text and text not in used] or None,
            feedback=self.general(True) or NO_FEEDBACK,
            otherwise=self.general(False) or NO_FEEDBACK,
            credit="all-or-nothing" if self.partial() is False else None,
        )

    def wanted(self, name: str, labels: Sequence[str]) -> list[str]:
        """The names that conditions ask of a response; none if one of them is inverted or unknown."""
        found = [(c, e) for c in self.rules.conditions for e in c.iter() if name_of(e) == "varequal"]
        if not all(earns(condition) for condition, test in found if test.get("respident") == name):
            return []
        tests = [test for _, test in found if test.get("respident") == name]
        texts = [(test.text or "").strip() for test in tests]
        inverted = any(name_of(above) == "not" for test in tests for above in test.iterancestors())
        return [] if inverted or not set(texts) <= set(labels) else list(dict.fromkeys(texts))

    def numeric(self, stem: str) -> None:
        """A number; a range from `vargte` to `varlte`, in which the expected one lies."""
        name, asked = self.only().get("ident") or "", self.whole_key()
        asked = self.shown_as_right() if asked is None else asked
        tests = [] if asked is None else [e for e in asked.iter() if isinstance(e.tag, str) and e is not asked]
        found: dict[str, Decimal] = {}
        for test in tests:
            value = read_decimal(test.text or "")
            if value is None or test.get("respident") != name or name_of(test) in found:
                self.leave_out("Numeric", f"the condition {name_of(test)} {(test.text or '')[:40]!r} is not understood")
                return
            found[name_of(test)] = value
        ends = {"vargte", "varlte"}
        if set(found) not in ({"varequal"}, ends, ends | {"varequal"}):
            self.leave_out("Numeric", "its condition names no number or range")
            return
        middle = found.get("varequal")
        low, high = (found.get(end, middle) for end in ("vargte", "varlte"))
        if low is None or high is None or low > high or not (middle is None or low <= middle <= high):
            self.leave_out("Numeric", f"its range from {low} to {high} does not hold its answer {middle}")
            return
        made, notes = number(Span(low, high), [], self.general(True), self.general(False))
        for said in notes:
            self.note(said, "tolerance")
        self.add("numeric", stem, answer=made)

    def fill_in(self, stem: str) -> None:
        """One text to type; each accepted one has a condition of its own."""
        name = self.only().get("ident") or ""
        tests, ways = [], []
        for condition in filter(earns, self.rules.conditions):
            own = [e for e in condition.iter() if name_of(e) in ("varequal", "varsubset")]
            tests += [test for test in own if test.get("respident") == name]
            ways += [(e.text or "").strip() for e in condition.iter() if name_of(e) == "setvar"]
        strange = {name_of(e) for c in self.rules.conditions for e in c.iter() if name_of(e) in ("not", "varsubstring")}
        blank = None if strange else self.accepted(tests, self.general(True), self.general(False), ways)
        if blank is None:
            self.leave_out("Fill in the Blank", "its accepted texts are not understood")
            return
        self.add("cloze", with_blanks(f"{stem}\n\n{blank_mark('answer')}".strip()), blanks={"answer": blank})

    def accepted(
        self, tests: Sequence[Element], right: str, wrong: str, ways: Sequence[str] = ()
    ) -> dict[str, Any] | None:
        """Accepted texts; a pattern is one only if it is a plain text. None if there is none."""
        texts = []
        for test in tests:
            way = (test.get("setmatch") or "").upper()
            text = (test.text or "").strip()
            if any(said.upper() == "MATCHES" for said in (way, *ways)) and REGEX.search(text):
                return None
            if any(said.upper() == "CONTAINS" for said in (way, *ways)):
                self.note(f"every text that holds {text[:40]!r} was right; here it is to be typed alone", "answers")
            if text:
                texts.append(text)
        case = any((test.get("case") or "No").lower() == "yes" for test in tests)
        return words([literal(text) for text in texts], right, wrong, case=case) if texts else None

    def blanks(self, _: str) -> None:
        """Blanks in brackets; texts to type, or menus whose entries have names."""
        html = self.question()
        asked = self.whole_key()
        tests = [] if asked is None else [e for e in asked.iter() if isinstance(e.tag, str) and e is not asked]
        strange = {name_of(e) for e in tests} - {"and", "or", "varequal", "varsubset"}
        found: dict[str, Any] = {}
        for place, response in enumerate(self.responses(), start=1):
            name = response.get("ident") or ""
            own = [test for test in tests if test.get("respident") == name]
            blank = None
            if f"[{name}]" in html and not strange:
                menu = name_of(response) == "response_lid"
                blank = (
                    self.menu(response, own) if menu else self.accepted(own, self.general(True), self.general(False))
                )
            if blank is None:
                self.leave_out("blank", f"its blank {place} cannot be read")
                return
            ours = name if re.fullmatch(r"[a-z][a-z0-9]*", name) and name not in found else f"b{place}"
            found[ours] = blank
            html = html.replace(f"[{name}]", f'<span {prose.BLANK}="{ours}"></span>', 1)
        if not found:
            self.leave_out("blank", "it has no blanks")
            return
        credit = "all-or-nothing" if self.partial() is False else None
        self.add("cloze", with_blanks(self.html(html)), blanks=found, credit=credit)

    def menu(self, response: Element, tests: Sequence[Element]) -> dict[str, Any] | None:
        """A menu with one right entry."""
        labels = self.labels(response, inline=True)
        keys = {(test.text or "").strip() for test in tests}
        if len(keys) != 1 or not keys <= set(labels):
            return None
        read = [ReadOption(text, name in keys, self.general(name in keys)) for name, text in labels.items()]
        return choice(read)
