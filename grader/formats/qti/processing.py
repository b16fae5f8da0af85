"""QTI 2's response processing, run on a response: what it earns and which feedback it shows.

See 1EdTech, "QTI 2.1 Assessment, Test and Item Information Model", sections 8 (response processing), 15 (expressions).
What is here is what fixed items need; anything else raises `UnknownError`, and readers fall back on correct responses.
An ordered container is a tuple, a multiple one a list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from lxml.etree import _Element as Element

from grader.formats.model.xmltext import children, name_of
from grader.formats.reading.drafts import UnknownError
from grader.formats.reading.numbers import read_decimal

MAX_STEPS = 20_000
Value = Any  # None, a text, a Decimal, a bool, or a list of these


class _ExitError(Exception):
    """The item ends its processing."""


@dataclass(frozen=True)
class Declared:
    """A response that an item declares."""

    name: str
    cardinality: str
    base: str
    correct: tuple[Value, ...]
    mapping: Mapping[str, Decimal] | None = None
    default: Decimal = Decimal(0)
    case: bool = True
    least: Decimal | None = None
    most: Decimal | None = None

    def whole(self) -> Value:
        """The correct response as one value."""
        if not self.correct:
            return None
        if self.cardinality == "single":
            return self.correct[0]
        return self.correct if self.cardinality == "ordered" else list(self.correct)


def typed_value(text: str, base: str) -> Value:
    """A value in its base type; None where it is not in it."""
    if base in ("float", "integer", "duration"):
        return read_decimal(text)
    if base == "boolean":
        return text.strip().lower() in ("true", "1")
    if base in ("pair", "directedPair"):
        return " ".join(text.split())
    return text.strip() if base == "identifier" else text


def declared(item: Element) -> dict[str, Declared]:
    """The response declarations of an item by name."""
    found = {}
    for element in children(item):
        if name_of(element) != "responseDeclaration":
            continue
        base = element.get("baseType") or "identifier"
        correct: tuple[Value, ...] = ()
        mapping, default, case = None, Decimal(0), True
        limits: tuple[Decimal | None, Decimal | None] = (None, None)
        for child in children(element):
            if name_of(child) == "correctResponse":
                values = (typed_value(value.text or "", base) for value in children(child))
                correct = tuple(value for value in values if value is not None)
            elif name_of(child) == "mapping":
                default = read_decimal(child.get("defaultValue") or "0") or Decimal(0)
                limits = read_decimal(child.get("lowerBound") or ""), read_decimal(child.get("upperBound") or "")
                entries = [entry for entry in children(child) if name_of(entry) == "mapEntry"]
                mapping = {
                    e.get("mapKey") or "": read_decimal(e.get("mappedValue") or "") or Decimal(0) for e in entries
                }
                case = not any(entry.get("caseSensitive") == "false" for entry in entries)
        name = element.get("identifier") or ""
        found[name] = Declared(
            name, element.get("cardinality") or "single", base, correct, mapping, default, case, *limits
        )
    return found


@dataclass
class Processing:
    """The rules of one item."""

    item: Element
    responses: Mapping[str, Declared]
    rules: Element | None = field(init=False)
    start: dict[str, Value] = field(init=False)

    def __post_init__(self) -> None:
        """Find the rules and the outcomes' defaults."""
        self.rules = next((child for child in children(self.item) if name_of(child) == "responseProcessing"), None)
        self.start = {}
        for outcome in (child for child in children(self.item) if name_of(child) == "outcomeDeclaration"):
            base, value = outcome.get("baseType") or "identifier", None
            for default in (child for child in children(outcome) if name_of(child) == "defaultValue"):
                value = typed_value(children(default)[0].text or "", base) if len(default) else None
            if value is None and base in ("float", "integer"):
                value = Decimal(0)
            self.start[outcome.get("identifier") or ""] = value

    def run(self, given: Mapping[str, Value]) -> dict[str, Value]:
        """The outcomes after a response.

        Raises:
            UnknownError: the rules use what is not known here.
        """
        run = _Run(dict(self.start), given, self.responses)
        if self.rules is None:
            raise UnknownError("there is no response processing")
        template = (self.rules.get("template") or "").rsplit("/", 1)[-1].removesuffix(".xml")
        try:
            if not children(self.rules) and template:
                run.template(template)
            else:
                run.rules(children(self.rules))
        except _ExitError:
            pass
        except (TypeError, IndexError, ArithmeticError) as error:
            raise UnknownError(f"its response processing is not in order ({error})") from None
        return run.outcomes

    @property
    def scores(self) -> bool:
        """Whether the rules say a score at all: a template does, others set it."""
        if self.rules is None or (self.rules.get("template") and not children(self.rules)):
            return True
        set_there = [e.get("identifier") for e in self.rules.iter() if name_of(e) == "setOutcomeValue"]
        return "SCORE" in set_there

    def score(self, given: Mapping[str, Value]) -> Decimal:
        """What a response earns."""
        score = self.run(given).get("SCORE")
        if isinstance(score, bool) or not isinstance(score, Decimal):
            raise UnknownError("there is no outcome SCORE")
        return score

    def constants(self, name: str) -> Iterator[tuple[Element, str]]:
        """Every constant that the rules compare with a response, with the element that does."""
        for element in [] if self.rules is None else self.rules.iter():
            if name_of(element) != "baseValue":
                continue
            parent = element.getparent()
            if parent is not None and any(
                c.get("identifier") == name for c in parent.iter() if name_of(c) == "variable"
            ):
                yield parent, element.text or ""


@dataclass
class _Run:
    outcomes: dict[str, Value]
    given: Mapping[str, Value]
    responses: Mapping[str, Declared]
    steps: int = 0

    def template(self, name: str) -> None:
        """The standard templates."""
        one = self.responses.get("RESPONSE")
        if one is None or name not in ("match_correct", "map_response"):
            raise UnknownError(f"the template {name[:40]}")
        if name == "map_response":
            self.outcomes["SCORE"] = self.mapped(one)
        else:
            right = _same(self.given.get("RESPONSE"), one.whole())
            self.outcomes["SCORE"] = Decimal(int(right and one.whole() is not None))

    def rules(self, rules: list[Element]) -> None:
        """Rules, one after the other."""
        for rule in rules:
            self.steps += 1
            if self.steps > MAX_STEPS:
                raise UnknownError("response processing of more than 20,000 steps")
            name = name_of(rule)
            if name == "responseCondition":
                self.condition(rule)
            elif name == "setOutcomeValue":
                self.outcomes[rule.get("identifier") or ""] = self.value(children(rule)[0])
            elif name == "responseProcessingFragment":
                self.rules(children(rule))
            elif name == "exitResponse":
                raise _ExitError
            else:
                raise UnknownError(f"the rule {name}")

    def condition(self, rule: Element) -> None:
        """The first branch that holds."""
        for branch in children(rule):
            inside = children(branch)
            if name_of(branch) == "responseElse":
                self.rules(inside)
                return
            if self.value(inside[0]) is True:
                self.rules(inside[1:])
                return

    def mapped(self, one: Declared) -> Decimal:
        """What a response is worth by its mapping."""
        if one.mapping is None:
            raise UnknownError("a mapping that is not there")
        given = self.given.get(one.name)
        values = [] if given is None else given if isinstance(given, list | tuple) else [given]
        table = one.mapping if one.case else {key.casefold(): worth for key, worth in one.mapping.items()}
        keys = {str(value) if one.case else str(value).casefold() for value in values}
        worth = sum((table.get(key, one.default) for key in sorted(keys)), Decimal(0))
        worth = worth if one.least is None else max(worth, one.least)
        return worth if one.most is None else min(worth, one.most)

    def value(self, expression: Element) -> Value:
        """The value of an expression."""
        self.steps += 1
        name = name_of(expression)
        if name == "baseValue":
            return typed_value(expression.text or "", expression.get("baseType") or "string")
        if name == "null":
            return None
        if name in ("variable", "correct", "mapResponse"):
            return self.reference(name, expression.get("identifier") or "")
        values = [self.value(child) for child in children(expression)]
        if name in _OPERATORS:
            return _OPERATORS[name](values, expression)
        if name in _COMPARED:
            first, second = values
            return None if first is None or second is None else _COMPARED[name](first, second)
        raise UnknownError(f"the expression {name}")

    def reference(self, kind: str, name: str) -> Value:
        """The value of a variable, its correct value, or what it is mapped to."""
        if kind == "variable" and name not in self.responses:
            return self.outcomes.get(name)
        if name not in self.responses:
            raise UnknownError(f"the response {name[:40]}, which is not declared")
        if kind == "variable":
            return self.given.get(name)
        return self.responses[name].whole() if kind == "correct" else self.mapped(self.responses[name])


def _same(first: Value, second: Value) -> bool:
    if isinstance(first, list) and isinstance(second, list):
        return sorted(map(str, first)) == sorted(map(str, second))
    return bool(first == second)


def _string_match(values: list[Value], expression: Element) -> Value:
    first, second = values
    if first is None or second is None:
        return None
    if expression.get("caseSensitive") == "false":
        first, second = str(first).casefold(), str(second).casefold()
    return second in first if expression.get("substring") == "true" else first == second


def _equal(values: list[Value], expression: Element) -> Value:
    first, second = values
    if first is None or second is None:
        return None
    low, high = bounds(second, expression)
    return low <= first <= high


def bounds(value: Decimal, expression: Element) -> tuple[Decimal, Decimal]:
    """The numbers that `equal` takes for a value."""
    mode = expression.get("toleranceMode") or "exact"
    parts = [read_decimal(part) or Decimal(0) for part in (expression.get("tolerance") or "0").split()] or [Decimal(0)]
    below, above = parts[0], parts[-1]
    if mode == "exact":
        below = above = Decimal(0)
    elif mode == "relative":
        below, above = abs(value) * below / 100, abs(value) * above / 100
    return value - below, value + above


def _and(values: list[Value], _: Element) -> Value:
    return False if False in values else None if None in values else True


def _or(values: list[Value], _: Element) -> Value:
    return True if True in values else None if None in values else False


def _not(values: list[Value], _: Element) -> Value:
    return None if values[0] is None else not values[0]


def _is_null(values: list[Value], _: Element) -> Value:
    return values[0] in (None, "", [], ())


def _match(values: list[Value], _: Element) -> Value:
    return None if None in values else _same(values[0], values[1])


def _member(values: list[Value], _: Element) -> Value:
    return None if None in values else values[0] in values[1]


def _contains(values: list[Value], _: Element) -> Value:
    return None if None in values else all(value in values[0] for value in values[1])


def _index(values: list[Value], expression: Element) -> Value:
    place = int(expression.get("n") or "1") - 1
    return values[0][place] if isinstance(values[0], tuple) and 0 <= place < len(values[0]) else None


def _container(values: list[Value], expression: Element) -> Value:
    kinds = (list, tuple)
    flat = [one for value in values if value is not None for one in (value if isinstance(value, kinds) else [value])]
    return (tuple(flat) if name_of(expression) == "ordered" else flat) or None


def _sum(values: list[Value], _: Element) -> Value:
    return None if None in values else sum(values, Decimal(0))


def _product(values: list[Value], _: Element) -> Value:
    if None in values:
        return None
    made = Decimal(1)
    for value in values:
        made *= value
    return made


_OPERATORS: dict[str, Callable[[list[Value], Element], Value]] = {
    "and": _and,
    "or": _or,
    "not": _not,
    "isNull": _is_null,
    "match": _match,
    "stringMatch": _string_match,
    "equal": _equal,
    "member": _member,
    "contains": _contains,
    "index": _index,
    "multiple": _container,
    "ordered": _container,
    "sum": _sum,
    "product": _product,
    "max": lambda values, _: None if None in values else max(values),
    "min": lambda values, _: None if None in values else min(values),
    "containerSize": lambda values, _: Decimal(len(values[0])) if isinstance(values[0], list | tuple) else Decimal(0),
}
_COMPARED: dict[str, Callable[[Value, Value], Value]] = {
    "gt": lambda first, second: first > second,
    "gte": lambda first, second: first >= second,
    "lt": lambda first, second: first < second,
    "lte": lambda first, second: first <= second,
    "subtract": lambda first, second: first - second,
    "divide": lambda first, second: None if second == 0 else first / second,
}
