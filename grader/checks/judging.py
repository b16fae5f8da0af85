"""Judging answers to cases: what is right, what is found, and the one hint that fits."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from types import ModuleType
from typing import Any

from grader.checks.cases import Case, Cases
from grader.checks.expectations import Missed
from grader.checks.student import SAID, Student, StudentError, recipe_of
from grader.kernels.many import NO_GRAPH, Answer, Asked, Builder, answer_to
from grader.kernels.many_wire import Calls
from labkit.findings import (
    EXACT,
    KINDS,
    Finding,
    Near,
    Wide,
    compared,
    compared_gradient,
    form,
    precision,
)

TELLING = 2
"""On how many inputs that tell it apart a mistake must agree with an answer before it speaks."""
NOT_CALLED = "NotCalled"
FEW = 3
"""So many families of inputs are named, not more."""
OF_VALUES = ("value", "nan", "family")
OF_MISTAKES = (*OF_VALUES, "shape")
"""Kinds of findings where a listed mistake may be named: it agrees in shape as well as in values."""
NEARLY_ALL, MOST = 0.9, 0.75
OR = " or "
"""Between the names of errors for which a hint is."""
RIGHT = -1
"""The number of the reference, where mistakes have theirs."""
NOT_PLAIN = "no plain value"
GRADIENTS_MAY_DIFFER = 8.0
"""Times as far as values: a gradient passes each step twice."""


class Judge:
    """The body of the check that a `Cases` is: it knows what is right for each case of the pool.

    Outcomes of the reference and of mistakes are worked out once a process: they depend on the case alone.
    """

    def __init__(self, cases: Cases, fixtures: ModuleType | None = None, chosen: Sequence[str] | None = None) -> None:
        self.cases, self.chosen = cases, chosen
        self._build = Builder(lambda recipe: recipe_of(fixtures, recipe))
        self._asked: dict[str, Asked] = {}
        self._names: dict[str, list[str]] = {}
        self._near: dict[str, Near] = {}
        self._expected: dict[str, Answer] = {}
        self._tells: dict[tuple[int, str], bool] = {}
        self._mistaken: dict[tuple[int, str], Answer] = {}
        self._wide: dict[tuple[int, str], Wide | None] = {}
        self._same: dict[tuple[int, int, str], bool] = {}

    @cached_property
    def pool(self) -> dict[str, Case]:
        """All cases by name.

        Raises:
            ValueError: two have the same name.
        """
        found: dict[str, Case] = {}
        for case in self.cases.pool():
            if case.name in found:
                raise ValueError(f"{self.cases.where}: two cases are called {case.name!r}.")
            found[case.name] = case
        return found

    @cached_property
    def graded(self) -> tuple[Case, ...]:
        """The cases that give the points: those chosen; where nobody chose, all of the pool.

        Raises:
            ValueError: one that was chosen is not in the pool any more.
        """
        if self.chosen is None:
            return tuple(self.pool.values())
        lost = [name for name in self.chosen if name not in self.pool]
        if lost:
            said = f"graded.json names {lost[0]!r} of {self.cases.name}, which is no case of its pool"
            raise ValueError(f"{said}: run grader verify LAB --mutants --choose again.")
        return tuple(self.pool[name] for name in self.chosen)

    @cached_property
    def _calls(self) -> Calls:
        """The calls of the graded cases, which are the same for each student."""
        return Calls(map(self.asked, self.graded))

    def ahead(self) -> Iterator[None]:
        """Work out what judging right answers takes, a piece at a time, for a process that has nothing else to do.

        Raises:
            ValueError: as `graded` does.
        """
        for case in self.graded:
            self.expected(case)
            yield
        _ = self._calls  # encoded here

    def mistakes_ahead(self) -> Iterator[None]:
        """Likewise what judging wrong answers takes.

        Raises:
            ValueError: as `graded` does.
        """
        for number in range(len(self.cases.mistakes)):
            for case in self.graded:
                self.tells(number, case)
                yield

    def __call__(self, student: Student) -> None:
        """Judge a student on the graded cases.

        Raises:
            Missed: an answer falls short.
        """
        self.judge(self.graded, student.call_many(self.cases.exercise, self._calls))

    def on_all(self, student: Student) -> None:
        """Judge a student on every case of the pool, as `__call__` does on the graded ones.

        Raises:
            Missed: an answer falls short.
        """
        cases = tuple(self.pool.values())
        self.judge(cases, student.call_many(self.cases.exercise, [self.asked(case) for case in cases]))

    def judge(self, cases: Sequence[Case], answers: Sequence[Answer]) -> None:
        """Lay the answers beside what is right.

        Raises:
            Missed: one falls short; with what was found, and the hint that fits.
        """
        called = [(case, answer) for case, answer in zip(cases, answers, strict=True) if answer.error != NOT_CALLED]
        if len(called) < len(cases):
            cases, answers = zip(*(called or [(cases[0], Answer(None, NOT_CALLED))]), strict=True)
        found = [self.finding(case, answer) for case, answer in zip(cases, answers, strict=True)]
        if any(found):
            shown = [one and one.for_family(case.family) for case, one in zip(cases, found, strict=True)]
            inputs = [(case.family, self.expected(case).error is not None) for case in cases]
            kind, reason, families = summed_up(shown, inputs)
            raise Missed(self._hint(kind, families, list(zip(cases, answers, found, strict=True))), reason)

    def asked(self, case: Case) -> Asked:
        """The call of a case."""
        if case.name not in self._asked:
            self._asked[case.name] = self.cases.asked(case)
        return self._asked[case.name]

    def expected(self, case: Case) -> Answer:
        """What the reference gives."""
        if case.name not in self._expected:
            self._expected[case.name] = self.outcome(self.cases.reference, case)
        return self._expected[case.name]

    def mistaken(self, number: int, case: Case) -> Answer:
        """What the mistake of that number gives."""
        key = number, case.name
        if key not in self._mistaken:
            self._mistaken[key] = self.outcome(self.cases.mistakes[number].answer, case)
        return self._mistaken[key]

    def _outcome_of(self, number: int, case: Case) -> Wide | None:
        """What the mistake of that number gives, or the reference (`RIGHT`); None where it is an error."""
        key = number, case.name
        if key not in self._wide:
            answer = self.expected(case) if number == RIGHT else self.mistaken(number, case)
            self._wide[key] = _wide(answer)
        return self._wide[key]

    def outcome(self, function: Callable[..., Any], case: Case) -> Answer:
        """What a function of this process gives."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of libraries, about inputs that are odd on purpose
            return answer_to(function, self.asked(case), self._build)

    def near(self, case: Case) -> Near:
        """How far apart two right values may be."""
        if case.name not in self._near:
            fixed = case.tolerance if case.tolerance is not None else self.cases.tolerance
            self._near[case.name] = Near(fixed, precision([*case.args, *case.kwargs.values()]))
        return self._near[case.name]

    def finding(self, case: Case, answer: Answer) -> Finding | None:
        """The first thing that is wrong with an answer; None where nothing is."""
        expected = self.expected(case)
        if answer.error is not None:
            return None if answer.error == expected.error else _of_error(answer, expected)
        if expected.error is not None:
            return Finding("no error", f"Expected {expected.error}, but it returned {form(answer.value)}.")
        fault = compared(answer.value, expected.value, self.near(case))
        judged = fault is None or fault.kind in OF_VALUES
        if self.cases.accept is not None and judged and compared(answer.value, expected.value, EXACT) is not None:
            fault = self._accepted(case, answer, expected, "value" if fault is None else fault.kind)
        if fault is not None:
            return fault
        if self.cases.keeps_inputs and answer.changed:
            return Finding("changed", f"It changes {self._of(case, answer.changed)}, which it is given.")
        if self.cases.fresh and answer.shared:
            return Finding("shared", f"What it returns shares memory with {self._of(case, answer.shared)}.")
        return self._gradient(case, answer, expected)

    def _of(self, case: Case, places: Sequence[int]) -> str:
        if case.name not in self._names:
            self._names[case.name] = self.cases.names(case)
        names = self._names[case.name]
        return " and ".join(f"`{names[place]}`" for place in places if place < len(names))

    def _accepted(self, case: Case, answer: Answer, expected: Answer, kind: str) -> Finding | None:
        assert self.cases.accept is not None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                said = self.cases.accept(case, answer.value, expected.value)
        except Exception:  # noqa: BLE001 - a relation need not foresee every value; what it cannot judge is not right
            said = "The values differ."
        return Finding(kind, said) if said else None

    def _gradient(self, case: Case, answer: Answer, expected: Answer) -> Finding | None:
        asked = self.asked(case).gradient
        if not asked or expected.no_gradient not in ("", NO_GRAPH):
            return None
        if answer.no_gradient not in ("", NO_GRAPH):
            said = f"The value is right, but its gradient fails with {answer.no_gradient}"
            return Finding("gradient", f"{said}{_in_line(answer)} where {self._of(case, asked)} requires one.")
        near = Near(case.tolerance, factor=GRADIENTS_MAY_DIFFER)
        unique = self.cases.accept is None or compared(answer.value, expected.value, self.near(case)) is None
        for number, place in enumerate(asked) if unique else ():
            wanted = expected.gradients[number] if expected.gradients else []
            got = answer.gradients[number] if answer.gradients else []
            for i in range(max(len(wanted), len(got))):
                one, other = (part[i] if i < len(part) else None for part in (got, wanted))
                fault = compared_gradient(one, other, self._of(case, (place,)), near)
                if fault is not None:
                    return fault
        return None

    def _hint(self, kind: str, families: Sequence[str], shown: Sequence[tuple[Case, Answer, Finding | None]]) -> str:
        if kind in OF_MISTAKES:
            wide = [(case, _wide(answer), found) for case, answer, found in shown]
            for number, mistake in enumerate(self.cases.mistakes):
                if self._speaks(number, wide):
                    return mistake.hint
        hints = self.cases.hints
        keys: list[str | tuple[str, str]] = []
        if len(families) == 1:
            keys = [(kind, families[0]), *([families[0]] if kind == "family" else [])]
        if kind == "error":
            errors = {answer.error for _, answer, found in shown if found is not None and found.kind == kind}
            keys += [key for key in hints if isinstance(key, str) and errors <= {*key.split(OR)}]
        keys += [kind, *(["gradient"] if kind == "nan gradient" else [])]
        return next((hints[key] for key in keys if key in hints), KINDS[kind])

    def _speaks(self, number: int, shown: Sequence[tuple[Case, Wide | None, Finding | None]]) -> bool:
        """Whether an answer is that mistake.

        It agrees on inputs that tell the mistake apart, on nearly all of them, and the mistake explains most of what is
        wrong with it.
        """

        def agrees(case: Case, answer: Wide | None) -> bool:
            return answer is not None and _are_alike(answer, self._outcome_of(number, case), self.near(case))

        telling = [agrees(case, answer) for case, answer, _ in shown if self.tells(number, case)]
        if sum(telling) < max(TELLING, NEARLY_ALL * len(telling)):
            return False
        wrong = [agrees(case, answer) for case, answer, found in shown if found and found.kind in OF_MISTAKES]
        return sum(wrong) >= MOST * len(wrong)

    def tells(self, number: int, case: Case) -> bool:
        """Whether a case tells a mistake apart from the right answer and from every other mistake of the table."""
        key = number, case.name
        if key not in self._tells:
            self._tells[key] = self._tells_apart(number, case)
        return self._tells[key]

    def _tells_apart(self, number: int, case: Case) -> bool:
        # mistakes are about values
        if self._outcome_of(number, case) is None or self._outcome_of(RIGHT, case) is None:
            return False
        others = [RIGHT, *(other for other in range(len(self.cases.mistakes)) if other != number)]
        return not any(self._give_the_same(number, other, case) for other in others)

    def _give_the_same(self, number: int, other: int, case: Case) -> bool:
        """Whether two mistakes, or one and the reference, give the same for a case."""
        key = min(number, other), max(number, other), case.name
        if key not in self._same:
            one, two = (self._outcome_of(each, case) for each in key[:2])
            self._same[key] = one is not None and _are_alike(one, two, self.near(case))
        return self._same[key]


def _wide(answer: Answer) -> Wide | None:
    """The value of an answer, to be laid beside others; None where it is an error."""
    return None if answer.error is not None else Wide.of(answer.value)


def _are_alike(one: Wide, other: Wide | None, near: Near) -> bool:
    return other is not None and one.is_like(other, near)


def summed_up(findings: Sequence[Finding | None], inputs: Sequence[tuple[str, bool]]) -> tuple[str, str, list[str]]:
    """Findings of many cases as one: its kind, its sentence, and the families of inputs that it is about.

    `inputs` are the family of each case, and whether an error is due there. Of several kinds, that of the most cases;
    of equally many, the one that hides the most. Families are named where there are few, and others that are right.
    """
    faults = [one for one in findings if one is not None]
    order = list(KINDS)
    kinds = {one.kind for one in faults}
    kind = min(kinds, key=lambda k: (-sum(one.kind == k for one in faults), order.index(k)))
    chosen = [one for one in faults if one.kind == kind]
    named = list(dict.fromkeys(one.family for one in chosen))
    peers = {family for family, due in inputs if kind in ("no error", "other error") or not due}
    said = chosen[0].said
    if "" in named or len(named) > FEW or peers <= set(named):
        return kind, said, named
    of_values = {one.family for one in faults if one.kind in OF_VALUES}
    only = kind in OF_VALUES and len(of_values) == 1
    listed = " and ".join(filter(None, [", ".join(named[:-1]), named[-1]]))
    sentence = f"{said.rstrip('.')} {'only ' if only else ''}for {listed}."
    return "family" if only and kind == "value" else kind, sentence, named


def _of_error(answer: Answer, expected: Answer) -> Finding:
    error = str(answer.error)
    if error in ("TimeLimit", NOT_CALLED):
        return Finding("time", SAID[error])
    if error in SAID:
        return Finding("error", SAID[error])
    if error.startswith(NOT_PLAIN) and expected.error is None:
        return Finding("type", f"It returned {error}.")
    said = StudentError(error).said().rstrip(".") + _in_line(answer)
    if expected.error is not None:
        return Finding("other error", f"Expected {expected.error}. {said}.")
    return Finding("error", f"{said}.")


def _in_line(answer: Answer) -> str:
    return f" (line {answer.line} of its cell)" if answer.line else ""


def judges_of(declared: Sequence[Cases], fixtures: ModuleType | None, graded: Mapping[str, list[str]]) -> list[Judge]:
    """A judge for each `Cases` of a lab; `graded` are the names of the chosen cases, by the name of the check."""
    return [Judge(cases, fixtures, graded.get(cases.name)) for cases in declared]
