"""Response processing of QTI 1.2: conditions on responses that set SCORE and show feedback (ASI XML Binding, 3.5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from lxml.etree import _Element as Element

from grader.formats.model.xmltext import children, name_of
from grader.formats.reading.drafts import UnknownError
from grader.formats.reading.numbers import read_decimal

NEAR = Decimal("0.001")  # thirds are written with two decimals
COMPARED = ("varequal", "vargt", "vargte", "varlt", "varlte", "varsubstring")


@dataclass
class Rules:
    """The response processing of one item: it sets SCORE and shows feedback."""

    item: Element
    conditions: list[Element] = field(init=False)
    best: Decimal = field(init=False)
    limited: bool = field(init=False)  # whether the item says so
    goes_on: bool = field(init=False)  # as in Blackboard, where feedback on options follows the score
    adds: bool = False  # whether what is set adds up; see `percents_add_up`

    def __post_init__(self) -> None:
        """Find the conditions, and what SCORE can be at most."""
        self.conditions = [element for element in self.item.iter() if name_of(element) == "respcondition"]
        limits = [e.get("maxvalue") for e in self.item.iter() if name_of(e) == "decvar" and e.get("maxvalue")]
        self.limited = bool(limits)
        self.goes_on = any(name_of(e).startswith("bbmd_") for e in self.item.iter())
        self.best = (read_decimal(limits[0] or "") if limits else None) or Decimal(100)

    def run(self, given: Mapping[str, Any]) -> tuple[Decimal, list[str]]:
        """The score and the feedback's names after a response.

        Raises:
            UnknownError: a condition that is not known here.
        """
        score = Decimal(0)
        shown: list[str] = []
        scored = False
        for condition in self.conditions:
            inside = {name_of(child): child for child in children(condition)}
            if "conditionvar" not in inside:
                continue
            tests = children(inside["conditionvar"])
            if not tests or not (
                not shown if [name_of(test) for test in tests] == ["other"] else self.all(tests, given)
            ):
                continue
            for child in children(condition):
                if name_of(child) == "displayfeedback":
                    shown.append(child.get("linkrefid") or "")
                elif name_of(child) == "setvar" and variable(child) in ("SCORE", "que_score"):
                    score = score if scored else self.set(score, child)
            sets = "setvar" in inside and (inside["setvar"].get("action") or "Set") == "Set"
            if sets and not self.adds and (condition.get("continue") or "").lower() != "yes":
                if not self.goes_on:
                    break
                scored = True
        return score, shown

    def percents_add_up(self, name: str) -> bool:
        """Whether each option of a response sets a percent of its own, and those above zero are the whole together.

        So WebCT writes what a tick earns. Read by the letter, the first tick alone would count, and nobody could earn
        all the points.
        """
        percents: dict[str, Decimal] = {}
        for condition in self.conditions:
            tests = [test for test in condition.iter() if name_of(test) == "conditionvar" for test in children(test)]
            sets = [child for child in children(condition) if name_of(child) == "setvar"]
            if [name_of(test) for test in tests] == ["other"]:
                continue
            value = read_decimal(sets[0].text or "") if len(sets) == 1 else None
            alone = len(tests) == 1 and name_of(tests[0]) == "varequal" and tests[0].get("respident") == name
            option = (tests[0].text or "").strip() if alone else ""
            if not alone or value is None or (sets[0].get("action") or "Set") != "Set" or option in percents:
                return False
            percents[option] = value
        above = [value for value in percents.values() if value > 0]
        return len(above) > 1 and abs(sum(above) - self.best) <= self.best * NEAR

    def set(self, score: Decimal, element: Element) -> Decimal:
        """The score after a `setvar`."""
        said = (element.text or "").strip()
        value = self.best if said == "SCORE.max" else read_decimal(said)
        if value is None:
            raise UnknownError(f"the score {said[:40]!r}")
        action = element.get("action") or "Set"
        if action == "Set":
            return score + value if self.adds else value
        if action in ("Add", "Subtract"):
            return score + value if action == "Add" else score - value
        raise UnknownError(f"the action {action[:40]}")

    def all(self, conditions: list[Element], given: Mapping[str, Any]) -> bool:
        """Whether all conditions hold; several values that one answer may equal are choices, as Canvas reads them."""
        equal = [condition for condition in conditions if name_of(condition) == "varequal"]
        names = {condition.get("respident") for condition in equal}
        if len(equal) > 1 and len(names) == 1 and not isinstance(given.get(names.pop() or ""), list):
            rest = [condition for condition in conditions if condition not in equal]
            return any(self.holds(one, given) for one in equal) and all(self.holds(one, given) for one in rest)
        return all(self.holds(condition, given) for condition in conditions)

    def holds(self, condition: Element, given: Mapping[str, Any]) -> bool:
        """Whether one condition holds."""
        name = name_of(condition)
        if name in ("and", "or", "not"):
            found = [self.holds(child, given) for child in children(condition)]
            return any(found) if name == "or" else all(found) if name == "and" else not any(found)
        if name == "other":
            return True
        named = condition.get("respident") or ""
        if self.goes_on and name == "varequal" and named not in given and not (condition.text or "").strip():
            return any(named == one or (isinstance(one, list) and named in one) for one in given.values())
        value = given.get(named)
        if name == "unanswered":
            return value is None
        if name not in COMPARED:
            raise UnknownError(f"the condition {name}")
        values = [] if value is None else value if isinstance(value, list) else [value]
        place = condition.get("index")
        if place and place.isdigit() and isinstance(value, list):
            values = values[int(place) - 1 : int(place)]
        return any(_compared(name, one, condition) for one in values)


def variable(setvar: Element) -> str:
    """The name of what a `setvar` sets; Blackboard spells the attribute otherwise."""
    return setvar.get("varname") or setvar.get("variablename") or "SCORE"


def _compared(name: str, value: Any, condition: Element) -> bool:
    said = condition.text or ""
    if isinstance(value, Decimal):
        number = read_decimal(said)
        if number is None:
            return False
        return {
            "varequal": value == number,
            "vargt": value > number,
            "vargte": value >= number,
            "varlt": value < number,
            "varlte": value <= number,
        }.get(name, False)
    if name not in ("varequal", "varsubstring"):
        return False
    first, second = str(value).strip(), said.strip()
    if (condition.get("case") or "No").lower() == "no":
        first, second = first.casefold(), second.casefold()
    return second in first if name == "varsubstring" else first == second
