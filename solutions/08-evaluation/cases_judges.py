"""Inputs of `wilson_interval`, `both_orders` and `win_rate_at_equal_length`, and the mistakes that are likely."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
from cases_distance import TWO, noise

from grader.checks import Case, Cases, Mistake

# wilson_interval -----------------------------------------------------------------------------------------------------


def reference_interval(wins: float, comparisons: int, z: float = 1.96) -> tuple[float, float]:
    """The roots of (ŵ − w)² = z² w (1 − w) / m in w, the larger one first worked out, both by the stable formula.

    Raises:
        ValueError: no comparisons, or wins that cannot be.
    """
    if comparisons < 1 or not 0 <= wins <= comparisons:
        raise ValueError("wins")
    rate = wins / comparisons
    a, b, c = 1 + z * z / comparisons, -(2 * rate + z * z / comparisons), rate * rate
    root = math.sqrt(max(b * b - 4 * a * c, 0.0))
    upper = (-b + root) / (2 * a)
    return (c / (a * upper) if upper else 0.0), upper


def counts() -> Iterator[Case]:
    return iter({case.name: case for case in some_counts()}.values())


def some_counts() -> Iterator[Case]:
    """Of few comparisons several shares are the same number of wins."""
    for m in (1, 2, 5, 10, 37, 256, 100_000):
        for share in (0.1, 0.5, 0.62, 0.97):
            wins = round(share * m)
            yield Case(f"{wins} of {m}", (wins, m), family="some wins")
            for z in (1.0, 1.6449, 2.5758):
                yield Case(f"{wins} of {m}, {z}", (wins, m, z), family="another z")
        yield Case(f"half of {m}", (m / 2, m), family="wins with halves")
        yield Case(f"a half more of {m}", (m // 2 + 0.5, m), family="wins with halves")
    yield Case("by name", (7, 9), {"z": 3.0}, family="another z")


def edges() -> Iterator[Case]:
    return iter({case.name: case for case in some_edges()}.values())


def some_edges() -> Iterator[Case]:
    for m in (1, 2, 10, 256, 100_000):
        for z in (1.96, 1.0, 4.0):
            yield Case(f"none of {m}, {z}", (0, m, z), family="no win at all")
            yield Case(f"all of {m}, {z}", (m, m, z), family="nothing but wins")
            yield Case(f"half of one of {m}, {z}", (0.5, m, z), family="half a win")
    for wins, m in ((0, 0), (1, 0), (0, -1), (-1, 10), (-0.5, 10), (10.5, 10), (11, 10), (3, 2), (-3, -2)):
        yield Case(f"{wins} of {m}", (wins, m), family="counts that cannot be")


def _rooted(formula: Callable[[float, int, float], tuple[float, float]]) -> Callable[..., tuple[float, float]]:
    def answer(wins: float, comparisons: int, z: float = 1.96) -> tuple[float, float]:
        return formula(wins / comparisons, comparisons, z)

    return answer


def _wald(w: float, m: int, z: float) -> tuple[float, float]:
    half = z * math.sqrt(w * (1 - w) / m)
    return w - half, w + half


def _wald_cut(w: float, m: int, z: float) -> tuple[float, float]:
    low, high = _wald(w, m, z)
    return max(low, 0.0), min(high, 1.0)


def _bits(w: float, m: int, z: float, middle: float, inside: float, below: float) -> tuple[float, float]:
    half = z * math.sqrt(w * (1 - w) / m + inside)
    return (w + middle - half) / below, (w + middle + half) / below


def _divided(w: float, m: int, z: float, middle: float, half: float) -> tuple[float, float]:
    low, high = _bits(w, m, z, z * z / (2 * m), z * z / (4 * m * m), 1.0)
    return (low + high) / 2 / middle - (high - low) / 2 / half, (low + high) / 2 / middle + (high - low) / 2 / half


def _agresti(w: float, m: int, z: float) -> tuple[float, float]:
    return _wald((w * m + z * z / 2) / (m + z * z), round(m + z * z), z)


WILSON_MISTAKES = (
    Mistake("That is the textbook's interval, ŵ ± z√(ŵ(1 − ŵ)/m), which is empty at 0 and 1.", _rooted(_wald)),
    Mistake("That is the textbook's interval, cut at 0 and 1. Wilson's stays inside by itself.", _rooted(_wald_cut)),
    Mistake(
        "Everything is divided by 1 + z²/m.",
        _rooted(lambda w, m, z: _bits(w, m, z, z * z / (2 * m), z * z / (4 * m * m), 1.0)),
    ),
    Mistake(
        "The middle is pulled towards one half: z²/(2m) is missing beside ŵ.",
        _rooted(lambda w, m, z: _bits(w, m, z, 0.0, z * z / (4 * m * m), 1 + z * z / m)),
    ),
    Mistake(
        "Under the root z²/(4m²) is missing.",
        _rooted(lambda w, m, z: _bits(w, m, z, z * z / (2 * m), 0.0, 1 + z * z / m)),
    ),
    Mistake(
        "Under the root it is z²/(4m²): m is squared too.",
        _rooted(lambda w, m, z: _bits(w, m, z, z * z / (2 * m), z * z / (4 * m), 1 + z * z / m)),
    ),
    Mistake(
        "Beside ŵ it is z²/(2m), half of what is divided by.",
        _rooted(lambda w, m, z: _bits(w, m, z, z * z / m, z * z / (4 * m * m), 1 + z * z / m)),
    ),
    Mistake(
        "z is an argument: 1.96 is only its default.",
        lambda wins, comparisons, z=1.96: reference_interval(wins, comparisons),
    ),
    Mistake(
        "z² is wanted in three places: is z itself used?",
        _rooted(lambda w, m, z: _bits(w, m, z, z / (2 * m), z / (4 * m * m), 1 + z / m)),
    ),
    Mistake(
        "Lower end first, then the upper one.",
        lambda wins, comparisons, z=1.96: reference_interval(wins, comparisons, z)[::-1],
    ),
    Mistake(
        "The half width is divided by 1 + z²/m as well as the middle.",
        _rooted(lambda w, m, z: _divided(w, m, z, 1 + z * z / m, 1.0)),
    ),
    Mistake(
        "The middle is divided by 1 + z²/m as well as the half width.",
        _rooted(lambda w, m, z: _divided(w, m, z, 1.0, 1 + z * z / m)),
    ),
    Mistake("That is Agresti and Coull's interval: the counts padded, then the textbook's formula.", _rooted(_agresti)),
)

interval_is_wilsons = Cases(
    "wilson_interval",
    name="interval_is_wilsons",
    promise="Both ends are Wilson's, for any counts, halves and z.",
    points=2,
    reference=reference_interval,
    pool=counts,
    tolerance=1e-9,
    mistakes=WILSON_MISTAKES,
    hints={
        "type": TWO,
        "another z": "z is an argument, and stands in all three places.",
        "value": "Lay your line beside the formula, term by term.",
    },
)
interval_holds_at_the_edges = Cases(
    "wilson_interval",
    name="interval_holds_at_the_edges",
    promise="With no win, and with nothing but wins, the interval is not empty; counts that cannot be are refused.",
    points=2,
    reference=reference_interval,
    pool=edges,
    tolerance=1e-9,
    mistakes=WILSON_MISTAKES[:-1],
    hints={
        "type": TWO,
        "no error": "Raise ValueError for no comparisons, and for wins below 0 or above the comparisons.",
        "other error": "Test the counts before you divide: it is a ValueError that is promised.",
        "value": "The formula holds as it stands for no win, half a win and nothing but wins: work out each term.",
    },
)


# both_orders ---------------------------------------------------------------------------------------------------------

WORDS = ("first", "second", "tie")


def reference_orders(shown_first: list[str], shown_second: list[str]) -> tuple[float, float]:
    """By counting words.

    Raises:
        ValueError: no pairs, lists of different lengths, or another word.
    """
    if len(shown_first) == 0 or len(shown_first) != len(shown_second):
        raise ValueError("pairs")
    if any(word not in WORDS for word in [*shown_first, *shown_second]):
        raise ValueError("word")
    verdicts = 2 * len(shown_first)
    won = shown_first.count("first") + shown_second.count("second")
    ties = shown_first.count("tie") + shown_second.count("tie")
    for_first = shown_first.count("first") + shown_second.count("first")
    return (won + ties / 2) / verdicts, (for_first + ties / 2) / verdicts - 0.5


def verdicts() -> Iterator[Case]:
    for count in (1, 2):
        for one in itertools.product(WORDS, repeat=count):
            for other in itertools.product(WORDS, repeat=count):
                yield Case(f"{one} {other}", ([*one], [*other]), family=_kind([*one], [*other]))
    for seed in range(12):
        count = 3 + 5 * seed
        one, other = (
            [WORDS[k] for k in torch.randint(0, 3, (count,), generator=torch.Generator().manual_seed(s)).tolist()]
            for s in (seed, 90 + seed)
        )
        yield Case(f"many {count}", (one, other), family=_kind(one, other))
    lopsided = (["first"] * 9 + ["tie"], ["second"] * 4 + ["first"] * 6)
    yield Case("lopsided", lopsided, family=_kind(*lopsided))


def _kind(one: list[str], other: list[str]) -> str:
    if reference_orders(one, other)[1] < 0:
        return "a judge that prefers what is shown second"
    return "verdicts with ties" if "tie" in (*one, *other) else "verdicts without ties"


def refused() -> Iterator[Case]:
    yield Case("none", ([], []), family="no pairs")
    for one, other in ((["first"], []), ([], ["tie"]), (["first", "tie"], ["second"])):
        yield Case(f"{one} {other}", ([*one], [*other]), family="lists of different lengths")
    for one, other in ((["tie"], ["first", "first"]), (["first", "second"], ["second", "tie", "first"])):
        yield Case(f"{one} {other}", ([*one], [*other]), family="lists of different lengths")
    for word in ("First", "FIRST", "A", "", "both", " first", "ties"):
        yield Case(f"{word!r} in one", ([word, "tie"], ["tie", "first"]), family="another word")
        yield Case(f"{word!r} in the other", (["first", "tie"], ["second", word]), family="another word")
    yield Case("plain", (["first", "second", "first"], ["second", "second", "tie"]), family="verdicts that are fine")
    yield Case("plain too", (["tie", "second", "first"], ["first", "second", "tie"]), family="verdicts that are fine")


def _points(side: list[str], word: str, tie: float = 0.5) -> float:
    return sum(1.0 if verdict == word else tie if verdict == "tie" else 0.0 for verdict in side)


def _as_if(rate: Callable[[list[str], list[str]], float], bias: Callable[[list[str], list[str]], float]) -> Any:
    def answer(shown_first: list[str], shown_second: list[str]) -> tuple[float, float]:
        return rate(shown_first, shown_second), bias(shown_first, shown_second)

    return answer


def _rate(one: list[str], other: list[str]) -> float:
    return reference_orders(one, other)[0]


def _bias(one: list[str], other: list[str]) -> float:
    return reference_orders(one, other)[1]


def _consistent(one: list[str], other: list[str]) -> float:
    sure = [1.0 if a == "first" else 0.0 for a, b in zip(one, other, strict=True) if {a, b} == {"first", "second"}]
    return sum(sure) / len(sure) if sure else 0.5


def _same_verdict(one: list[str], other: list[str]) -> float:
    sure = [
        _points([a], "first")
        for a, b in zip(one, other, strict=True)
        if _points([a], "first") == _points([b], "second")
    ]
    return sum(sure) / len(sure) if sure else 0.5


def _without_ties(one: list[str], other: list[str]) -> float:
    told = [verdict for verdict in (*one, *other) if verdict != "tie"]
    return (told.count("first") / len(told) if told else 0.5) - 0.5


def _agree(one: list[str], other: list[str]) -> float:
    """A pair is won only where both orders say so; all else is a tie."""
    marks = {("first", "second"): 1.0, ("second", "first"): 0.0}
    return sum(marks.get(pair, 0.5) for pair in zip(one, other, strict=True)) / len(one)


ORDER_MISTAKES = (
    Mistake(
        'Shown second, A wins where the verdict is "second": you counted "first" in both orders.',
        _as_if(lambda a, b: (_points(a, "first") + _points(b, "first")) / (2 * len(a)), _bias),
    ),
    Mistake(
        "That is the win rate of the other policy.",
        _as_if(lambda a, b: 1 - _rate(a, b), _bias),
    ),
    Mistake("That is the first order alone; average both.", _as_if(lambda a, b: _points(a, "first") / len(a), _bias)),
    Mistake("That is the second order alone; average both.", _as_if(lambda a, b: _points(b, "second") / len(b), _bias)),
    Mistake(
        "A tie is half a win.",
        _as_if(lambda a, b: (_points(a, "first", 0) + _points(b, "second", 0)) / (2 * len(a)), _bias),
    ),
    Mistake(
        "A tie is half a win, not a whole one.",
        _as_if(lambda a, b: (_points(a, "first", 1) + _points(b, "second", 1)) / (2 * len(a)), _bias),
    ),
    Mistake("Pairs whose winner changes with the order stay in: half a win each.", _as_if(_consistent, _bias)),
    Mistake("Pairs whose verdict changes with the order stay in: half a win each.", _as_if(_same_verdict, _bias)),
    Mistake("The bias is a share of all verdicts: ties stay among them, by halves.", _as_if(_rate, _without_ties)),
    Mistake(
        "Average the two verdicts of a pair: a win and a tie are three quarters, not a tie.", _as_if(_agree, _bias)
    ),
    Mistake(
        "The bias is the share for what was shown first, less one half.", _as_if(_rate, lambda a, b: _bias(a, b) + 0.5)
    ),
    Mistake(
        "The bias is a share of the verdicts: all of both orders are below.",
        _as_if(_rate, lambda a, b: 2 * _bias(a, b)),
    ),
    Mistake(
        "In the bias too a tie is half a verdict for what was shown first.",
        _as_if(_rate, lambda a, b: (a.count("first") + b.count("first")) / (2 * len(a)) - 0.5),
    ),
    Mistake(
        "A tie is half a verdict for each side, in the win rate and in the bias.",
        _as_if(
            lambda a, b: (_points(a, "first", 0) + len(b) - _points(b, "first", 0)) / (2 * len(a)),
            lambda a, b: (a.count("first") + b.count("first")) / (2 * len(a)) - 0.5,
        ),
    ),
    Mistake("The bias is for what is shown first: yours has the other sign.", _as_if(_rate, lambda a, b: -_bias(a, b))),
    Mistake(
        "The bias counts what was shown first in both orders, whoever wrote it; yours is A's share in the first order.",
        _as_if(_rate, lambda a, b: _points(a, "first") / len(a) - 0.5),
    ),
    Mistake(
        "Win rate first, then the bias.",
        lambda shown_first, shown_second: reference_orders(shown_first, shown_second)[::-1],
    ),
)

both_orders_are_averaged = Cases(
    "both_orders",
    name="both_orders_are_averaged",
    promise="Each verdict counts once, a tie half, in the win rate and in the bias; the lists stay as they are.",
    points=3,
    reference=reference_orders,
    pool=verdicts,
    keeps_inputs=True,
    tolerance=1e-9,
    mistakes=ORDER_MISTAKES,
    hints={
        "type": "Return two Python floats in a tuple.",
        "value": "Take two pairs, by hand: the points of A in both orders, then those of what was shown first.",
        "a judge that prefers what is shown second": "The bias has a sign: only below 0 something is wrong.",
        "verdicts with ties": "Without ties it is right: where does a tie count, in the win rate and in the bias?",
    },
)
odd_verdicts_are_refused = Cases(
    "both_orders",
    name="odd_verdicts_are_refused",
    promise="No pairs, lists of different lengths, and other words raise ValueError.",
    points=1,
    reference=reference_orders,
    pool=refused,
    keeps_inputs=True,
    tolerance=1e-9,
    hints={
        "type": "Return two Python floats in a tuple.",
        (
            "no error",
            "another word",
        ): "Any other word raises ValueError, in either list, also one that looks alike, or is empty.",
        ("no error", "no pairs"): "No pairs at all raise ValueError.",
        (
            "no error",
            "lists of different lengths",
        ): "Each pair has a verdict in both orders: other lengths raise ValueError, whichever list is longer.",
        "no error": "Look before you count: at the lengths, and at the words.",
        "other error": "Look before you count, and raise ValueError yourself.",
    },
)


# win_rate_at_equal_length --------------------------------------------------------------------------------------------


def reference_control(wins: torch.Tensor, gaps: torch.Tensor, penalty: float = 1.0) -> tuple[float, float]:
    """Newton's method with steps that are halved until the loss falls.

    Raises:
        ValueError: all wins, or all losses.
    """
    y, d = wins.double(), gaps.double()
    if bool((y == 1).all()) or bool((y == 0).all()):
        raise ValueError("wins")

    def loss(theta: float, phi: float) -> float:
        u = theta + phi * d
        return float((torch.nn.functional.softplus(u) - y * u).sum()) + penalty * phi * phi / 2

    theta = phi = 0.0
    for _ in range(200):
        q = torch.sigmoid(theta + phi * d)
        s = q * (1 - q)
        g0, g1 = float((q - y).sum()), float(((q - y) * d).sum()) + penalty * phi
        h00, h01, h11 = float(s.sum()), float((s * d).sum()), float((s * d * d).sum()) + penalty
        det = h00 * h11 - h01 * h01
        step0, step1 = (h11 * g0 - h01 * g1) / det, (h00 * g1 - h01 * g0) / det
        size, before = 1.0, loss(theta, phi)
        while loss(theta - size * step0, phi - size * step1) > before + 1e-12 and size > 1e-9:
            size /= 2
        theta, phi = theta - size * step0, phi - size * step1
        if abs(step0) + abs(step1) < 1e-13:
            break
    return 1 / (1 + math.exp(-theta)), phi


def judged(count: int, seed: int, theta: float, phi: float, shift: float = 0.0) -> tuple[torch.Tensor, torch.Tensor]:
    """(wins, gaps) as such a judge gives them; every seventh pair is a tie."""
    gaps = (noise(count, seed=seed) + shift).clamp(-5, 5)
    drawn = torch.rand(count, generator=torch.Generator().manual_seed(300 + seed), dtype=torch.float64)
    wins = (drawn < torch.sigmoid(theta + phi * gaps)).double()
    wins[::7] = 0.5
    return wins, gaps


HABITS = (  # θ, φ, and the mean gap
    (0.0, 0.0, 0.0), (0.0, 0.0, 1.0), (0.5, 1.0, 0.0), (0.5, 1.0, -0.5), (-0.7, -0.5, 1.0), (1.0, 2.0, -0.5),
    (1.0, 2.0, 1.0), (0.3, -2.5, 0.5),
)  # fmt: skip


def fitted() -> Iterator[Case]:
    for seed, count in enumerate((3, 10, 60, 400)):
        for theta, phi, shift in HABITS:
            args = judged(count, seed, theta, phi, shift)
            yield Case(f"{count} {theta} {phi} {shift}", args, family="wins that go with length, more or less")
    for penalty in (0.01, 0.5, 4.0, 100.0):
        for seed in (5, 6):
            yield Case(f"penalty {penalty} {seed}", (*judged(40, seed, 0.4, 0.8), penalty), family="another penalty")
    yield Case("by name", judged(25, 8, 0.2, 1.2), {"penalty": 2.0}, family="another penalty")
    wins = torch.tensor([1.0, 0.0, 1.0, 0.5, 1.0, 0.0], dtype=torch.float64)
    zero = torch.zeros(6, dtype=torch.float64)
    yield Case("no gaps", (wins, zero), family="texts of equal length")
    yield Case("no gaps, penalty 3", (wins, zero, 3.0), family="texts of equal length")
    for gap in (1.0, -2.0):
        yield Case(f"gap {gap}", (wins, zero + gap), family="gaps that are all equal")
    ramp = torch.linspace(-5, 5, 6, dtype=torch.float64)
    for shift in (0.1, -0.1, 1.5):
        yield Case(f"parted {shift}", ((ramp > shift).double(), ramp), family="wins that length tells apart")
    for count in (6, 10, 40):
        ramp = torch.linspace(-5, 5, count, dtype=torch.float64)
        for shift in (1.5, -3.0):
            family = "wins that length tells apart, and a small penalty"
            yield Case(f"parted {shift} of {count}, 0.01", ((ramp > shift).double(), ramp, 0.01), family=family)
            yield Case(f"turned {shift} of {count}, 0.01", ((ramp < shift).double(), ramp, 0.01), family=family)
    args = judged(30, 9, 0.3, 0.7)
    yield Case("strided", args, family="tensors that are views", layout={"wins": "strided", "gaps": "strided"})


def rare_wins() -> Iterator[Case]:
    for count in (20, 200):
        for rare, usual in ((1.0, 0.0), (0.0, 1.0), (0.5, 0.0), (0.5, 1.0)):
            wins = torch.full((count,), usual, dtype=torch.float64)
            wins[count // 3] = rare
            gaps = noise(count, seed=40).clamp(-5, 5)
            yield Case(f"one {rare} of {count}, else {usual}", (wins, gaps), family="wins that are rare, or losses")
    for usual in (0.0, 1.0):
        wins = torch.full((4000,), usual, dtype=torch.float64)
        wins[1333] = 0.5
        gaps = noise(4000, seed=41).clamp(-5, 5)
        yield Case(f"one tie of 4000, else {usual}", (wins, gaps), family="thousands of pairs, and all but one alike")
    for value, what in ((1.0, "nothing but wins"), (0.0, "nothing but losses")):
        for count in (1, 4):
            for gap in (0.0, 1.0):
                wins = torch.full((count,), value, dtype=torch.float64)
                gaps = torch.full((count,), gap, dtype=torch.float64)
                yield Case(f"{what} {count} {gap}", (wins, gaps), family=what)
    ties = torch.full((4,), 0.5, dtype=torch.float64)
    yield Case("ties", (ties, torch.arange(4.0, dtype=torch.float64)), family="nothing but ties")


def _fit(**change: Any) -> Callable[..., tuple[float, float]]:
    """The fit with one thing otherwise: both penalised, a penalty twice or half as large, no penalty, gaps changed."""

    def answer(wins: torch.Tensor, gaps: torch.Tensor, penalty: float = 1.0) -> tuple[float, float]:
        y, d = wins.double(), change.get("gaps", lambda g: g)(gaps.double())
        y = change.get("wins", lambda w: w)(y)
        weight = change.get("weight", lambda p: (0.0, p))(penalty)
        rows = torch.stack([torch.ones_like(d), d], dim=1)
        ridge, found = torch.diag(torch.tensor(weight, dtype=torch.float64)), torch.zeros(2, dtype=torch.float64)
        for _ in range(change.get("steps", 60)):
            q = torch.sigmoid(rows @ found)
            curvature = rows.T @ (rows * (q * (1 - q))[:, None]) + ridge
            if not curvature.isfinite().all():
                break  # it has run away, and stays wrong
            found = found - torch.linalg.lstsq(curvature, rows.T @ (q - y) + ridge @ found).solution
        told: Callable[[float, float], tuple[float, float]] = change.get(
            "told", lambda theta, phi: (1 / (1 + math.exp(-theta)), phi)
        )
        return told(found[0].item(), found[1].item())

    return answer


def _plain(wins: torch.Tensor, gaps: torch.Tensor, penalty: float = 1.0) -> tuple[float, float]:
    return wins.mean().item(), _fit()(wins, gaps, penalty)[1]


def _line(wins: torch.Tensor, gaps: torch.Tensor, penalty: float = 1.0) -> tuple[float, float]:
    away = gaps - gaps.mean()
    slope = (away * wins).sum() / ((away * away).sum() + penalty)
    return (wins.mean() - slope * gaps.mean()).item(), slope.item()


CONTROL_MISTAKES = (
    Mistake("That is the plain win rate. Report the fit's at d = 0, σ(θ).", _plain),
    Mistake("θ has no penalty: with one, the win rate is pulled towards one half.", _fit(weight=lambda p: (p, p))),
    Mistake("The penalty is λ/2 · φ²: its slope is λφ, not 2λφ.", _fit(weight=lambda p: (0.0, 2 * p))),
    Mistake(
        "The penalty is λ/2 · φ²: its slope is λφ, not λφ/2.",
        _fit(weight=lambda p: (0.0, p / 2)),
    ),
    Mistake(
        "The loss is a sum over all pairs; beside their mean the penalty weighs too much.",
        lambda wins, gaps, penalty=1.0: _fit()(wins, gaps, penalty * len(wins)),
    ),
    Mistake("λ is an argument: 1 is only its default.", _fit(weight=lambda p: (0.0, 1.0))),
    Mistake("The penalty is missing.", _fit(weight=lambda p: (0.0, 0.0))),
    Mistake("A gap of 0 means equal length: do not take the mean off the gaps.", _fit(gaps=lambda d: d - d.mean())),
    Mistake(
        "The gaps are in standard deviations already: do not divide by theirs again.", _fit(gaps=lambda d: d / d.std())
    ),
    Mistake("One step of Newton's method is not enough: go on until nothing moves.", _fit(steps=1)),
    Mistake("σ(θ) is asked for, not θ.", _fit(told=lambda theta, phi: (theta, phi))),
    Mistake(
        "That is the win rate at d = 1. Equal length is d = 0.",
        _fit(told=lambda theta, phi: (1 / (1 + math.exp(-theta - phi)), phi)),
    ),
    Mistake("The win rate first, then φ.", _fit(told=lambda theta, phi: (phi, 1 / (1 + math.exp(-theta))))),
    Mistake(
        "φ itself, not σ(φ).", _fit(told=lambda theta, phi: (1 / (1 + math.exp(-theta)), 1 / (1 + math.exp(-phi))))
    ),
    Mistake("A tie is s = 0.5, not a loss.", _fit(wins=lambda y: (y == 1).double())),
    Mistake("A tie is s = 0.5, not a win.", _fit(wins=lambda y: (y > 0).double())),
    Mistake("That is a straight line through wins of 0 and 1. It is the log-odds that are a line.", _line),
    Mistake("The gaps have a sign: a shorter text is no longer one.", _fit(gaps=torch.abs)),
    Mistake("d is how much longer the first text is: yours has the other sign.", _fit(gaps=torch.neg)),
    Mistake(
        "A tie is s = 0.5: tied pairs stay in the fit.",
        lambda wins, gaps, penalty=1.0: _fit()(wins[wins != 0.5], gaps[wins != 0.5], penalty),
    ),
)

FAR = "There the fit is far from 0. Does it come to rest, in float64, with λ on φ alone, and is it told as it is?"

length_is_taken_off = Cases(
    "win_rate_at_equal_length",
    name="length_is_taken_off",
    promise="σ(θ) and φ are those of the penalised fit; wins and gaps are not changed.",
    points=4,
    reference=reference_control,
    pool=fitted,
    keeps_inputs=True,
    tolerance=2e-6,
    mistakes=CONTROL_MISTAKES,
    hints={
        "type": TWO,
        "another penalty": "λ is an argument: λφ in the slope, λ in the curvature, for φ alone.",
        "texts of equal length": "With no gaps at all θ is the log-odds of the plain win rate, and φ is 0.",
        "wins that go with length, more or less": "Only with the plainest inputs: does the fit come to rest there?",
        "wins that length tells apart": FAR,
        "wins that length tells apart, and a small penalty": FAR,
        "RuntimeError or ZeroDivisionError": "Is the curvature singular? With equal gaps only the penalty keeps it "
        "from that: λ belongs into it.",
        "value": "Check slope and curvature against the formula, and that the steps have come to rest.",
    },
)
rare_wins_are_fitted = Cases(
    "win_rate_at_equal_length",
    name="rare_wins_are_fitted",
    promise="A single win or loss is enough for a fit; all wins, or all losses, are refused.",
    points=2,
    reference=reference_control,
    pool=rare_wins,
    keeps_inputs=True,
    tolerance=2e-6,
    mistakes=(
        *CONTROL_MISTAKES[:3],
        CONTROL_MISTAKES[4],
        *CONTROL_MISTAKES[7:9],
        *CONTROL_MISTAKES[10:14],
        CONTROL_MISTAKES[18],
    ),
    hints={
        "type": TWO,
        "no error": "Nothing but wins, or nothing but losses: raise ValueError, θ would be infinite.",
        "other error": "Test for all wins and all losses first, and raise ValueError.",
        "wins that are rare, or losses": FAR,
        "thousands of pairs, and all but one alike": FAR,
        "value": "The same fit as ever, with θ far from 0: slope, curvature, and steps until it rests.",
    },
)
