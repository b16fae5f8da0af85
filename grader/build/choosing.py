"""Choosing graded cases: few, quick, and enough to kill whatever the pool kills."""

from __future__ import annotations

import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from statistics import median
from typing import Any

from grader.checks.cases import Case
from grader.checks.expectations import Missed
from grader.checks.judging import TELLING, Judge
from grader.kernels.many import Answer, Builder, answer_to

FILLED = 30
"""Cases of the pool that are graded besides, spread evenly."""
BUDGET_MS = 18.0
"""CPU time of one run that is left for them."""
LEAST = 3
"""Cases of each check that are graded."""
TOLD = 3
"""Cases that tell each listed mistake apart; where that takes more time than there is, as many as it must be."""
TOLD_AT_LEAST = TELLING
CHEAP_MS = 0.25
"""What quicker cases count as: less cannot be measured."""
Key = tuple[str, str]


@dataclass(frozen=True)
class Wanted:
    """A choice is to hold `count` of `keys`, or all of them if there are fewer."""

    keys: frozenset[Key]
    count: int = 1

    def missing(self, chosen: Set[Key]) -> int:
        """How many more it is to hold."""
        return max(min(self.count, len(self.keys)) - len(self.keys & chosen), 0)


def covered(wants: Sequence[Wanted], costs: Mapping[Key, float], chosen: Set[Key] = frozenset()) -> list[Key]:
    """Keys that a choice lacks for `wants`: always that which serves most of them for its cost; the first of several.

    >>> covered([Wanted(frozenset({("c", "a"), ("c", "b")}), 2)], {("c", "a"): 1.0, ("c", "b"): 0.5})
    [('c', 'b'), ('c', 'a')]
    """
    held, added = set(chosen), []
    open_wants = [want for want in wants if want.missing(held)]
    while open_wants:
        served = Counter(key for want in open_wants for key in want.keys - held)
        best = max((key for key in costs if key in served), key=lambda key: served[key] / costs[key])
        held.add(best)
        added.append(best)
        open_wants = [want for want in open_wants if want.missing(held)]
    return added


def choose(kills: Sequence[Sequence[Key]], costs: Mapping[Key, float], chosen: Set[Key] = frozenset()) -> list[Key]:
    """Keys that a choice lacks to have one of each of `kills`; see `covered`.

    >>> choose([[("c", "a"), ("c", "b")], [("c", "b")]], {("c", "a"): 1.0, ("c", "b"): 1.0})
    [('c', 'b')]
    """
    return covered([Wanted(frozenset(keys)) for keys in kills if keys], costs, chosen)


def milliseconds(
    function: Callable[..., Any], cases: Sequence[tuple[Judge, Case]], build: Builder, runs: int = 5
) -> float:
    """CPU time of one run of `function` on `cases`, judged; the median of some."""
    spent = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(runs):
            start = time.process_time()
            for judge, case in cases:
                judge.finding(case, answer_to(function, judge.asked(case), build))
            spent.append(time.process_time() - start)
    return 1000 * median(spent)


@dataclass(frozen=True)
class Known:
    """A wrong answer that the lab names: its check must catch it with its hint. `answers` are those to all cases."""

    check: str
    hint: str
    answers: Mapping[str, Answer]


class Choice:
    """The cases that are graded: those for each mutant, mistake, family and wrong answer, the quickest, and others."""

    def __init__(
        self,
        function: Callable[..., Any],
        pool: Mapping[Key, tuple[Judge, Case]],
        build: Builder,
        wrong: Sequence[Known] = (),
    ) -> None:
        self.pool, self._function, self._build, self._wrong = pool, function, build, wrong
        self._by_check: dict[str, list[Key]] = {}
        for key in pool:
            self._by_check.setdefault(key[0], []).append(key)
        self.costs = {key: max(milliseconds(function, [pool[key]], build, runs=3), CHEAP_MS) for key in pool}

    def filled(self, chosen: Sequence[Key]) -> set[Key]:
        """A choice with what is graded besides."""
        found: set[Key] = set()
        for told in (TOLD, TOLD_AT_LEAST):
            found = {*chosen, *covered(list(self._besides(told)), self.costs, set(chosen))}
            for one in self._wrong:
                self._catch(one, self.pool[self._by_check[one.check][0]][0], found)
            if self._spent(found) <= BUDGET_MS:
                break
        self._spread(found)
        return found

    def _besides(self, told: int) -> Iterator[Wanted]:
        """What each check wants: cases that tell its mistakes, each refusal, one of each family, and a few at all."""
        for keys in self._by_check.values():
            judge = self.pool[keys[0]][0]
            for key in keys:
                if judge.expected(self.pool[key][1]).error is not None:  # each may be forgotten by itself; it is quick
                    yield Wanted(frozenset([key]))
            for number in range(len(judge.cases.mistakes)):
                yield Wanted(frozenset(key for key in keys if judge.tells(number, self.pool[key][1])), told)
            for family in dict.fromkeys(self.pool[key][1].family for key in keys):
                yield Wanted(frozenset(key for key in keys if self.pool[key][1].family == family))
            yield Wanted(frozenset(keys), LEAST)

    def _catch(self, one: Known, judge: Judge, found: set[Key]) -> None:
        """Add cases that a wrong answer misses, the quickest first, until it is caught with its hint, if it ever is."""
        keys = self._by_check[one.check]
        missed = [key for key in keys if judge.finding(self.pool[key][1], one.answers[key[1]])]
        waiting = sorted((key for key in missed if key not in found), key=lambda key: self.costs[key])
        while not self._is_caught(one, judge, found) and waiting:
            found.add(waiting.pop(0))

    def _is_caught(self, one: Known, judge: Judge, found: set[Key]) -> bool:
        cases = [self.pool[key][1] for key in self._by_check[one.check] if key in found]
        try:
            judge.judge(cases, [one.answers[case.name] for case in cases])
        except Missed as missed:
            return one.hint in missed.hint
        return False

    def _spread(self, found: set[Key]) -> None:
        """Add cases from all over the pool, while there is time."""
        spent = self._spent(found)
        rest = [key for key in self.pool if key not in found]
        stride = max(len(rest) / FILLED, 1.0)
        for key in [rest[int(i * stride)] for i in range(min(FILLED, len(rest)))]:
            if spent + self.costs[key] <= BUDGET_MS:
                spent += self.costs[key]
                found.add(key)

    def _spent(self, keys: Iterable[Key]) -> float:
        return sum(self.costs[key] for key in keys)
