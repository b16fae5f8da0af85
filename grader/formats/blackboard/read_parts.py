"""Where Blackboard's items say what: the stem, the whole key, what each option earns, feedback, the rule of parts."""

from __future__ import annotations

import re
from decimal import Decimal

from lxml.etree import _Element as Element

from grader.formats.model.xmltext import children, name_of
from grader.formats.qti12.item import RESPONSES, QtiItem
from grader.formats.qti12.rules import variable
from grader.formats.reading import prose
from grader.formats.reading.drafts import UnknownError
from grader.formats.reading.numbers import read_decimal

RIGHT, WRONG, SCORE = "correct", "incorrect", "SCORE"


class BlackboardParts(QtiItem):
    """What all kinds of Blackboard's items have."""

    def html(self, html: str, inline: bool = False) -> str:
        """HTML as Markdown; formulas stand between double dollars, in a line too."""
        found = re.sub(r"\$\$([^$<>]{1,2000})\$\$", r"\\(\1\\)", html)
        return prose.to_markdown(found, self.note, self.picture, inline=inline, dollars=False)

    def block(self, name: str) -> Element | None:
        """The flow of a class."""
        return next((e for e in self.root.iter() if name_of(e) == "flow" and e.get("class") == name), None)

    def question(self) -> str:
        """The HTML of the stem."""
        block = self.block("QUESTION_BLOCK")
        if block is None:
            block = next(e for e in self.root.iter() if name_of(e) == "presentation")
        return self.stem_html(block)

    def responses(self) -> list[Element]:
        """All responses."""
        return [e for e in self.root.iter() if name_of(e) in RESPONSES]

    def only(self) -> Element:
        """The one response.

        Raises:
            UnknownError: there are others, or none.
        """
        found = self.responses()
        if len(found) != 1:
            raise UnknownError(f"{len(found)} responses where Blackboard has one")
        return found[0]

    def whole_key(self) -> Element | None:
        """What the condition titled `correct` asks."""
        for condition in self.rules.conditions:
            if (condition.get("title") or "").strip().lower() == RIGHT and earns(condition):
                return next((e for e in children(condition) if name_of(e) == "conditionvar"), None)
        return None

    def shown_as_right(self) -> Element | None:
        """What the condition asks that shows the feedback on a right answer, where one alone does."""
        found = [c for c in self.rules.conditions if RIGHT in shows(c) and WRONG not in shows(c) and earns(c)]
        return next((e for e in children(found[0]) if name_of(e) == "conditionvar"), None) if len(found) == 1 else None

    def percents(self) -> dict[str, Decimal]:
        """What each option earns by itself, in percent of the points."""
        found = {}
        for condition in self.rules.conditions:
            tests = [e for e in condition.iter() if name_of(e) == "varequal"]
            if len(tests) == 1 and not (tests[0].text or "").strip():
                earned = [e.text or "" for e in condition.iter() if name_of(e) == "setvar"]
                value = read_decimal(earned[0]) if earned else None
                if value is not None:
                    found[tests[0].get("respident") or ""] = value
        return found

    def general(self, true: bool) -> str:
        """The feedback on a right or a wrong answer."""
        return self.feedback.get(RIGHT if true else WRONG, "")

    def partial(self) -> bool | None:
        """Whether parts of an answer earn points; None where the item does not tell."""
        said = self.fields.get("bbmd_partialcredit", "").strip().lower()
        if self.fields.get("bbmd_negative_points_ind", "N").upper() not in ("N", ""):
            self.note("wrong parts may take points away; here none is below 0", "partial credit")
        return said == "true" if said in ("true", "false") else None


def shows(condition: Element) -> list[str]:
    """The names of the feedback that a condition shows."""
    return [e.get("linkrefid") or "" for e in condition.iter() if name_of(e) == "displayfeedback"]


def earns(condition: Element) -> bool:
    """Whether a condition takes no points away: all that it sets of the score is above 0."""
    for element in condition.iter():
        if name_of(element) == "setvar" and variable(element) == SCORE:
            said = (element.text or "").strip()
            value = read_decimal(said)
            if said != f"{SCORE}.max" and (value is None or value <= 0):
                return False
    return True
