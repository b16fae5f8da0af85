"""Choosing graded cases: few, quick, and enough to kill whatever the pool kills."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any

from grader.checks.cases import Case
from grader.checks.judging import Judge
from grader.kernels.many import Builder, answer_to

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


class Choice:
    """What fills a choice up: cases that tell mistakes apart, and others spread over the pool, within the time."""

    def __init__(self, function: Callable[..., Any], pool: Mapping[Key, tuple[Judge, Case]], build: Builder) -> None:
        self.pool, self._function, self._build = pool, function, build

    def filled(self, chosen: Sequence[Key]) -> set[Key]:
        """A choice with what is graded besides."""
        found = set(chosen) | self._telling(set(chosen))
        spent = sum(map(self._cost, found))
        rest = [key for key in self.pool if key not in found]
        stride = max(len(rest) / FILLED, 1.0)
        for key in [rest[int(i * stride)] for i in range(min(FILLED, len(rest)))]:
            cost = self._cost(key)
            if spent + cost <= BUDGET_MS:
                spent += cost
                found.add(key)
        for check in {key[0] for key in self.pool}:
            own = [key for key in self.pool if key[0] == check]
            found.update(own[: max(LEAST - sum(key in found for key in own), 0)])
        return found

    def _telling(self, found: set[Key]) -> set[Key]:
        """Cheap cases for each listed mistake that too few of those found tell apart."""
        added: set[Key] = set()
        by_check: dict[str, list[Key]] = {}
        for key in self.pool:
            by_check.setdefault(key[0], []).append(key)
        for keys in by_check.values():
            judge = self.pool[keys[0]][0]
            for number in range(len(judge.cases.mistakes)):
                telling = [key for key in keys if judge.tells(number, self.pool[key][1])]
                missing = TOLD - sum(key in found or key in added for key in telling)
                others = [key for key in telling if key not in found and key not in added]
                added.update(others[: max(missing, 0)])
        return added

    def _cost(self, key: Key) -> float:
        return milliseconds(self._function, [self.pool[key]], self._build, runs=3)
