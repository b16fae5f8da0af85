"""Choosing graded cases: few, quick, and enough to kill whatever the pool kills."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from grader.checks.cases import Case
from grader.checks.expectations import Missed
from grader.checks.judging import Judge
from grader.kernels.many import Answer, Builder, answer_to

FILLED = 30
"""Cases of the pool that are graded besides, spread evenly."""
BUDGET_MS = 18.0
"""CPU time of one run that is left for them."""
LEAST = 3
"""Cases of each check that are graded."""
TOLD = 3
"""Cases that tell each listed mistake apart."""
Key = tuple[str, str]


def choose(kills: Sequence[Sequence[Key]], order: Sequence[Key]) -> list[Key]:
    """A few keys of which each of `kills` has one: always that which most of those left have; the first of several.

    >>> choose([[("c", "a"), ("c", "b")], [("c", "b")]], [("c", "a"), ("c", "b")])
    [('c', 'b')]
    """
    left = [set(keys) for keys in kills if keys]
    chosen: list[Key] = []
    while left:
        best = max(order, key=lambda key: sum(key in keys for keys in left))
        chosen.append(best)
        left = [keys for keys in left if best not in keys]
    return chosen


def milliseconds(function: Callable[..., Any], cases: Sequence[tuple[Judge, Case]], build: Builder, runs: int = 5) -> float:
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
    """What fills a choice up, within the time: cases for each mistake, each family, each wrong answer, and others."""

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

    def filled(self, chosen: Sequence[Key]) -> set[Key]:
        """A choice with what is graded besides."""
        found = set(chosen)
        for check, keys in self._by_check.items():
            judge = self.pool[keys[0]][0]
            for number in range(len(judge.cases.mistakes)):
                _at_least(TOLD, [key for key in keys if judge.tells(number, self.pool[key][1])], found)
            for family in dict.fromkeys(self.pool[key][1].family for key in keys):
                _at_least(1, [key for key in keys if self.pool[key][1].family == family], found)
            _at_least(LEAST, keys, found)
            for one in self._wrong:
                if one.check == check:
                    self._catch(one, judge, found)
        self._spread(found)
        return found

    def _catch(self, one: Known, judge: Judge, found: set[Key]) -> None:
        """Add cases that a wrong answer misses until it is caught with its hint, if it ever is."""
        keys = self._by_check[one.check]
        missed = [key for key in keys if judge.finding(self.pool[key][1], one.answers[key[1]])]
        waiting = [key for key in missed if key not in found]
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
        spent = sum(map(self._cost, found))
        rest = [key for key in self.pool if key not in found]
        stride = max(len(rest) / FILLED, 1.0)
        for key in [rest[int(i * stride)] for i in range(min(FILLED, len(rest)))]:
            cost = self._cost(key)
            if spent + cost <= BUDGET_MS:
                spent += cost
                found.add(key)

    def _cost(self, key: Key) -> float:
        return milliseconds(self._function, [self.pool[key]], self._build, runs=3)


def _at_least(count: int, keys: Sequence[Key], found: set[Key]) -> None:
    """Add the first of `keys` until so many of them are found."""
    missing = count - sum(key in found for key in keys)
    found.update([key for key in keys if key not in found][: max(missing, 0)])
