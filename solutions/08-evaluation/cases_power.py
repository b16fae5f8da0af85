"""Inputs of `sign_test` and `comparisons_needed`, what is right for each, and the mistakes that are likely."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import cache
from statistics import NormalDist
from typing import Any

from grader.checks import Case, Cases, Mistake

# sign_test -----------------------------------------------------------------------------------------------------------


@cache
def by_chance(comparisons: int) -> tuple[int, ...]:
    """In how many of 2^m equally likely outcomes there are at least so many wins, for 0 … m + 1."""
    tails = [0]
    for wins in range(comparisons, -1, -1):
        tails.append(tails[-1] + math.comb(comparisons, wins))
    return tuple(reversed(tails))


def log_prob(wins: int, comparisons: int, rate: float) -> float:
    """Log-probability of exactly so many wins."""
    if rate in (0.0, 1.0):
        return 0.0 if wins == round(rate * comparisons) else -math.inf
    ways = math.lgamma(comparisons + 1) - math.lgamma(wins + 1) - math.lgamma(comparisons - wins + 1)
    return ways + wins * math.log(rate) + (comparisons - wins) * math.log1p(-rate)


def tail(wins: int, comparisons: int, rate: float) -> float:
    """P(at least so many wins)."""
    return math.fsum(math.exp(log_prob(k, comparisons, rate)) for k in range(wins, comparisons + 1))


def least(comparisons: int, level: float, more: int = 0) -> int:
    """The smallest number of wins whose tail is at most the level; with `more` the tail begins so much later."""
    tails = by_chance(comparisons)
    for wins in range(comparisons + 1):
        if tails[min(wins + more, comparisons + 1)] <= level * 2**comparisons:
            return wins
    return comparisons + 1


def reference_test(comparisons: int, win_rate: float, level: float = 0.05) -> tuple[int, float]:
    """Chance by whole numbers, power by logarithms."""
    if comparisons > 1000:  # level · 2^m is beyond floats
        tails, total = by_chance(comparisons), 2**comparisons
        needed = next((k for k in range(comparisons + 1) if tails[k] / total <= level), comparisons + 1)
    else:
        needed = least(comparisons, level)
    return needed, tail(needed, comparisons, win_rate)


NEVER, MANY_STRICT = "too few comparisons", "hundreds of comparisons and a small level"


def tests() -> Iterator[Case]:
    for comparisons in (5, 6, 10, 25, 100, 256):
        for rate in (0.3, 0.5, 0.55, 0.8, 0.97):
            yield Case(f"{comparisons} {rate}", (comparisons, rate), family="comparisons of usual numbers")
            family = _family(comparisons, 0.01, "another level")
            yield Case(f"{comparisons} {rate} strict", (comparisons, rate, 0.01), family=family)
            yield Case(f"{comparisons} {rate} loose", (comparisons, rate, 0.2), family="another level")
    yield Case("by name", (30, 0.7), {"level": 0.1}, family="another level")


def _family(comparisons: int, level: float, else_: str) -> str:
    return NEVER if least(comparisons, level) > comparisons else else_


def odd_tests() -> Iterator[Case]:
    for comparisons in (1, 2, 3, 4):
        for rate in (0.5, 0.85, 1.0, 0.0):
            yield Case(f"{comparisons} {rate}", (comparisons, rate), family=NEVER)
    for comparisons in (6, 20, 300):
        for rate in (0.0, 1.0):
            yield Case(f"{comparisons} {rate}", (comparisons, rate), family="a win rate of 0 or 1")
        yield Case(f"{comparisons} all", (comparisons, 0.6, 0.9999999), family="a level near 1")
        yield Case(f"{comparisons} tiny", (comparisons, 0.9, 1e-9), family=_family(comparisons, 1e-9, "a tiny level"))
    for comparisons in (605, 722, 1112):
        for rate in (0.5, 0.56):
            yield Case(f"{comparisons} {rate} 0.001", (comparisons, rate, 0.001), family=MANY_STRICT)
    for comparisons, rate in (
        (1000, 0.5),
        (1030, 0.53),
        (1030, 0.01),
        (1500, 0.6),
        (2000, 0.5),
        (2000, 0.53),
        (2000, 0.01),
    ):
        yield Case(f"{comparisons} {rate}", (comparisons, rate), family="a thousand comparisons and more")


def _test(
    needed: Callable[[int, float], int] = least,
    power: Callable[[int, int, float], float] = tail,
) -> Callable[..., Any]:
    def answer(comparisons: int, win_rate: float, level: float = 0.05) -> tuple[int, float]:
        enough = needed(comparisons, level)
        return enough, power(enough, comparisons, win_rate)

    return answer


def _normal_power(wins: float, comparisons: int, rate: float) -> float:
    spread = math.sqrt(comparisons * rate * (1 - rate))
    return 1 - NormalDist(comparisons * rate, spread).cdf(wins) if spread else float(rate * comparisons >= wins)


TEST_MISTAKES = (
    Mistake(
        "The tail counts the number itself: P(at least k), not P(more than k).", _test(lambda m, a: least(m, a, 1))
    ),
    Mistake(
        "One more than is needed: the first number whose tail is at most α is enough.",
        _test(lambda m, a: min(least(m, a) + 1, m + 1)),
    ),
    Mistake(
        "One side only: a claim that A is better is not made by losing. α is not halved.",
        _test(lambda m, a: least(m, a / 2)),
    ),
    Mistake(
        "The power counts the needed number itself: P(at least), not P(more).",
        _test(power=lambda k, m, w: tail(k + 1, m, w)),
    ),
    Mistake(
        "The power is a tail: at least so many wins, not exactly so many.",
        _test(power=lambda k, m, w: math.exp(log_prob(k, m, w)) if k <= m else 0.0),
    ),
    Mistake(
        "That is how probable it is to miss; the power is the rest.",
        _test(power=lambda k, m, w: 1 - tail(k, m, w) if k <= m else 0.0),
    ),
    Mistake("The power is at the true win rate, not at one half.", _test(power=lambda k, m, w: tail(k, m, 0.5))),
    Mistake("That is the power of the other policy, 1 − w.", _test(power=lambda k, m, w: tail(k, m, 1 - w))),
    Mistake("The power by the normal distribution is near; the sum is exact.", _test(power=_normal_power)),
    Mistake(
        "The power by the normal distribution is near, also with half a win off; the sum is exact.",
        _test(power=lambda k, m, w: _normal_power(k - 0.5, m, w) if k <= m else 0.0),
    ),
    Mistake(
        "Power first? The needed wins come first.",
        lambda comparisons, win_rate, level=0.05: reference_test(comparisons, win_rate, level)[::-1],
    ),
    Mistake(
        "α is an argument: 0.05 is only its default.",
        lambda comparisons, win_rate, level=0.05: reference_test(comparisons, win_rate),
    ),
)
FORM = "Return a Python int and a Python float in a tuple."
NO_NUMBER = "Where even all wins are too probable by chance, no number is enough: m + 1 and 0.0."

claim_is_exact = Cases(
    "sign_test",
    name="claim_is_exact",
    promise="The needed wins are the fewest that chance reaches with probability α at most; the power is exact.",
    points=3,
    reference=reference_test,
    pool=tests,
    tolerance=1e-8,
    mistakes=TEST_MISTAKES,
    hints={
        "type": FORM,
        "another level": "With α = 0.05 it is right: what becomes of another α, a smaller and a larger one?",
        NEVER: NO_NUMBER,
        "value": "The tail of w = ½ for each number of wins; the smallest with at most α; then the tail of w there.",
    },
)
test_holds_at_the_edges = Cases(
    "sign_test",
    name="test_holds_at_the_edges",
    promise="Too few comparisons give (m + 1, 0.0); win rates of 0 and 1, and 2,000 comparisons, are right.",
    points=2,
    reference=reference_test,
    pool=odd_tests,
    tolerance=1e-8,
    mistakes=TEST_MISTAKES[:1],
    hints={
        "type": FORM,
        "OverflowError": "Where C(2000, 1000) meets a float it is too large: logarithms, or whole numbers until "
        "the end.",
        "nan": "Where does nan come from? 0 · log 0 is nan for a computer: `torch.xlogy`, or powers.",
        NEVER: NO_NUMBER,
        "a win rate of 0 or 1": "At w = 0 no win comes, at w = 1 no loss: 0⁰ is 1.",
        "a thousand comparisons and more": "There too both numbers are exact. Does anything over- or underflow? "
        "2⁻²⁰⁰⁰ is 0 as a float.",
        MANY_STRICT: "The needed wins are exact, for any number of comparisons: lay them beside the tail of w = ½.",
        "value": "Few comparisons, rates of 0 and 1, thousands of comparisons: which of them is wrong?",
    },
)


# comparisons_needed --------------------------------------------------------------------------------------------------


def reference_needed(win_rate: float, level: float = 0.05, power: float = 0.8) -> int:
    """By the spreads of ŵ at ½ and at w, for one comparison.

    Raises:
        ValueError: win_rate is not between ½ and 1.
    """
    if win_rate <= 0.5 or win_rate >= 1:
        raise ValueError("win_rate")
    chance, truth = NormalDist(0.5, 0.5), NormalDist(win_rate, math.sqrt(win_rate - win_rate * win_rate))
    reach = (chance.inv_cdf(1 - level) - 0.5) + (truth.inv_cdf(power) - win_rate)
    return math.ceil((reach / (win_rate - 0.5)) ** 2)


def plans() -> Iterator[Case]:
    for rate in (0.51, 0.52, 0.56, 0.62, 0.65, 0.7, 0.8, 0.9, 0.97, 0.999):
        yield Case(f"{rate}", (rate,), family="level and power by default")
        for level in (0.01, 0.1):
            yield Case(f"{rate} {level}", (rate, level), family="another level")
        for power in (0.6, 0.9, 0.99):
            yield Case(f"{rate} power {power}", (rate,), {"power": power}, family="another power")
        yield Case(f"{rate} both", (rate, 0.025, 0.95), family="another level and another power")
    for rate in (0.5, 0.4, 0.0, -1.0, 1.0, 1.5):
        yield Case(f"{rate}", (rate,), family="a win rate that is no edge")
    yield Case("tiny edge", (0.5005,), family="a tiny edge")


def _plan(
    formula: Callable[[float, float, float], float],
    rounded: Callable[[float], int] = math.ceil,
    quantile: Callable[[float], float] = lambda level: 1 - level,
) -> Callable[..., int]:
    def answer(win_rate: float, level: float = 0.05, power: float = 0.8) -> int:
        return rounded(formula(win_rate, NormalDist().inv_cdf(quantile(level)), NormalDist().inv_cdf(power)))

    return answer


def _wide(w: float, z: float, p: float) -> float:
    return ((z / 2 + p * math.sqrt(w * (1 - w))) / (w - 0.5)) ** 2


needs_are_worked_out = Cases(
    "comparisons_needed",
    name="needs_are_worked_out",
    promise="The number is that of the formula, rounded up; a win rate without an edge is refused.",
    points=4,
    reference=reference_needed,
    pool=plans,
    mistakes=(
        Mistake(
            "One-sided: the quantile at 1 − α, not at 1 − α/2.", _plan(_wide, quantile=lambda level: 1 - level / 2)
        ),
        Mistake("Round up: with fewer the power is missed.", _plan(_wide, math.floor)),
        Mistake("Rounded up is enough: no extra comparison on top.", _plan(_wide, lambda m: math.ceil(m) + 1)),
        Mistake(
            "The whole ratio is squared.", _plan(lambda w, z, p: (z / 2 + p * math.sqrt(w * (1 - w))) ** 2 / (w - 0.5))
        ),
        Mistake("The ratio is squared.", _plan(lambda w, z, p: (z / 2 + p * math.sqrt(w * (1 - w))) / (w - 0.5))),
        Mistake("The edge is w − ½, not w.", _plan(lambda w, z, p: ((z / 2 + p * math.sqrt(w * (1 - w))) / w) ** 2)),
        Mistake(
            "At ½ the standard deviation of a comparison is ½: z is halved.",
            _plan(lambda w, z, p: ((z + p * math.sqrt(w * (1 - w))) / (w - 0.5)) ** 2),
        ),
        Mistake(
            "Under w the standard deviation is √(w(1 − w)): the root is missing.",
            _plan(lambda w, z, p: ((z / 2 + p * w * (1 - w)) / (w - 0.5)) ** 2),
        ),
        Mistake(
            "By chance, at ½, the spread is ½, not √(w(1 − w)).",
            _plan(lambda w, z, p: (z + p) ** 2 * w * (1 - w) / (w - 0.5) ** 2),
        ),
        Mistake("Under w the spread is √(w(1 − w)), not ½.", _plan(lambda w, z, p: ((z / 2 + p / 2) / (w - 0.5)) ** 2)),
        Mistake(
            "One part has the wrong sign: the quantiles are those at 1 − α and at the power, and the parts add up.",
            _plan(lambda w, z, p: ((z / 2 - p * math.sqrt(w * (1 - w))) / (w - 0.5)) ** 2),
        ),
        Mistake("The part of the power is missing.", _plan(lambda w, z, p: (z / 2 / (w - 0.5)) ** 2)),
        Mistake(
            "The quantiles are exchanged: α goes with ½, the power with w.",
            _plan(lambda w, z, p: ((p / 2 + z * math.sqrt(w * (1 - w))) / (w - 0.5)) ** 2),
        ),
        Mistake(
            "α is an argument: 0.05 is only its default.",
            lambda win_rate, level=0.05, power=0.8: reference_needed(win_rate, power=power),
        ),
        Mistake(
            "The power is an argument: 0.8 is only its default.",
            lambda win_rate, level=0.05, power=0.8: reference_needed(win_rate, level),
        ),
    ),
    hints={
        "type": "Return a Python int: `math.ceil`.",
        "no error": "w at or below ½, or at 1 and above: raise ValueError.",
        "other error": "Test w first, and raise ValueError: at ½ the edge is 0.",
        "another power": "z_power is `NormalDist().inv_cdf(power)`.",
        "another level": "z₁₋α is `NormalDist().inv_cdf(1 - level)`.",
        "value": "Lay your line beside the formula, term by term.",
    },
)
