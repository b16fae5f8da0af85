"""Inputs of lab 02's exercises, what is right for each, and the mistakes that are likely."""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from statistics import median
from typing import Any

import torch
import torch.nn.functional as F

from grader.checks import Built, Case, Cases, Mistake

Ratings = list[list[int]]
Head = Callable[[torch.Tensor], torch.Tensor]
HALF = Fraction(1, 2)
DTYPES = {"float64": torch.float64, "float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
HALVES = ("float16", "bfloat16")


def f64(*values: float) -> torch.Tensor:
    """A float64 tensor."""
    return torch.tensor(values, dtype=torch.float64)


def i64(*rows: Sequence[int]) -> torch.Tensor:
    """An int64 tensor of pairs, [pairs, 2], also without any."""
    return torch.tensor(rows, dtype=torch.int64).view(-1, 2)


# Crowds of raters, for the first exercise and the last -------------------------------------------------------------

# Unequal numbers of raters, all powers of 2: means are exact in floating point. Ratings reach both ends of the scale.
CROWD: Ratings = [[0, 1], [4, 4, -4, 4], [-1], [3, 3, 3, 2, -4, 4, 1, 0], [2, 2], [-4, -4, -3, -4], [1, 3]]
# The first snippet beats the second on average, but loses to it three times in four.
ODD: Ratings = [[4, -1, -1, -1], [0], [2, 2, 3], [2, 3], [-4, 4], [1, 0, 1, 0, 1]]
THIRDS: Ratings = [[1, 1, 2], [1, 1, 1, 1, 2, 2], [0, 1], [2, 1, 1, 1, 2, 1, 1, 2, 1]]
SEVENTHS: Ratings = [[0, 0, 0, 1, 1, 1, 0], [1, 0, 0, 1, 0, 0, 1] * 3, [3, -3, 3, -3, 3, 0, 0], [-1, 2] * 7]
# Two means near 3 that are 0.00001 apart.
CLOSE: Ratings = [[3] * 299 + [2], [3] * 298 + [2], [3] * 5]


def a_crowd(seed: int, snippets: int, least: int, most: int) -> Ratings:
    """Drawn ratings, the same in every process."""
    draw = random.Random(seed)
    centres = [draw.choice(range(-3, 4)) for _ in range(snippets)]
    return [
        [
            max(-4, min(4, centre + draw.choice((-2, -1, -1, 0, 0, 0, 1, 1, 2))))
            for _ in range(draw.randint(least, most))
        ]
        for centre in centres
    ]


CROWDS: dict[str, tuple[str, Ratings]] = {
    "unequal": ("snippets with different numbers of raters", CROWD),
    "reversed": ("snippets with different numbers of raters", CROWD[::-1]),
    "odd": ("snippets where the lower mean wins more often", ODD),
    "odd reversed": ("snippets where the lower mean wins more often", ODD[::-1]),
    "odd pair": ("snippets where the lower mean wins more often", [[0, 0], [4, -1, -1, -1]]),
    "negative": ("means below 0", [[-3], [-1], [-2, -2], [-4, -3]]),
    "negative pair": ("means below 0", [[-1, -2], [-4]]),
    "totals": ("snippets whose sums are in another order than their means", [[1], [2, 2, 1, 1], [1, 1, 1, 0, 1], [3]]),
    "totals below 0": ("snippets whose sums are in another order than their means", [[-1, -1, -1], [-2], [-4, 0, -2]]),
    "medians": (
        "snippets whose medians are in another order than their means",
        [[4, 0, 0], [1, 1, 1], [-4, 2, 2], [0]],
    ),
    "signs": ("means on both sides of 0", [[-2], [1], [-1, -2], [2, 0], [0, 0]]),
    "thirds": ("means that no float holds", THIRDS),
    "sevenths": ("means that no float holds", SEVENTHS),
    "close": ("means that are close to one another", CLOSE),
    "ties": ("equal ratings of many raters", [[2, 2, 2], [2, 2, 1], [2, 3, 3, 3, 2], [2, 2, 2, 2, 1]]),
    "ends": ("ratings at both ends of the scale", [[-4, -4], [4, 4, 4], [-4, 4, 4], [4, -4, -4]]),
    "one each": ("snippets with one rater each", [[2], [-4], [0], [4], [2], [-1]]),
    "many raters": ("snippets with hundreds of raters", a_crowd(1, 3, 290, 310)),
    "many snippets": ("many snippets", a_crowd(2, 24, 1, 3)),
    **{f"drawn {k}": ("crowds of 15 to 29 raters", a_crowd(10 + k, 5, 15, 29)) for k in range(6)},
    **{f"drawn small {k}": ("small crowds", a_crowd(30 + k, 4, 1, 5)) for k in range(12)},
}


def mean(row: Sequence[int]) -> Fraction:
    """The mean of the ratings, exactly."""
    return Fraction(sum(row), len(row))


def wins(a: Sequence[int], b: Sequence[int], tie: Fraction = HALF) -> Fraction:
    """P(a random rating of `a` is above one of `b`), a tie counting `tie`."""
    sides = itertools.product(Counter(a).items(), Counter(b).items())
    points = sum(((1 if x > y else tie) * m * n for (x, m), (y, n) in sides if x >= y), Fraction(0))
    return Fraction(points) / (len(a) * len(b))


# preference_pairs ------------------------------------------------------------------------------------------------

Preferred = tuple[torch.Tensor, torch.Tensor]
Keeps = Callable[[Fraction, float], bool]
Before = Callable[[Sequence[int], Sequence[int]], bool]
Share = Callable[[Sequence[int], Sequence[int]], Fraction | float]


def answered(
    ratings: Ratings,
    min_gap: float,
    keeps: Keeps = lambda gap, least: gap != 0 and abs(gap) >= least,
    before: Before = lambda a, b: mean(a) > mean(b),
    share: Share = wins,
) -> Preferred:
    """The answer of one who keeps pairs by `keeps`, says by `before` who is chosen, and counts p by `share`."""
    if not all(ratings):
        raise ValueError("a snippet has no ratings")
    pairs, p = [], []
    for i, j in itertools.combinations(range(len(ratings)), 2):
        if keeps(mean(ratings[i]) - mean(ratings[j]), min_gap):
            a, b = (i, j) if before(ratings[i], ratings[j]) else (j, i)
            pairs.append((a, b))
            p.append(float(share(ratings[a], ratings[b])))
    return i64(*pairs), f64(*p)


def right_pairs(ratings: Ratings, min_gap: float = 0.0) -> Preferred:
    """The definition, in fractions."""
    return answered(ratings, min_gap)


def first_is_chosen(ratings: Ratings, min_gap: float = 0.0) -> Preferred:
    return answered(ratings, min_gap, before=lambda a, b: True)


def rejected_first(ratings: Ratings, min_gap: float = 0.0) -> Preferred:
    pairs, p = answered(ratings, min_gap)
    return pairs.flip(1), p


def larger_amounts(ratings: Ratings, min_gap: float = 0.0) -> Preferred:
    return answered(ratings, min_gap, before=lambda a, b: abs(mean(a)) > abs(mean(b)))


def larger_sums(ratings: Ratings, min_gap: float = 0.0) -> Preferred:
    return answered(ratings, min_gap, before=lambda a, b: sum(a) > sum(b))


def larger_medians(ratings: Ratings, min_gap: float = 0.0) -> Preferred:
    return answered(ratings, min_gap, before=lambda a, b: median(a) > median(b))


def likelier_winners(ratings: Ratings, min_gap: float = 0.0) -> Preferred:
    return answered(ratings, min_gap, before=lambda a, b: wins(a, b) > HALF)


def other_order(ratings: Ratings, min_gap: float = 0.0) -> Preferred:
    pairs, p = answered(ratings, min_gap)
    order = sorted(range(len(pairs)), key=lambda k: sorted(pairs[k].tolist(), reverse=True))
    return pairs[order], p[order]


def sorted_by_places(ratings: Ratings, min_gap: float = 0.0) -> Preferred:
    pairs, p = answered(ratings, min_gap)
    order = sorted(range(len(pairs)), key=lambda k: pairs[k].tolist())
    return pairs[order], p[order]


def ties_for_nothing(ratings: Ratings, min_gap: float = 0.0) -> Preferred:
    return answered(ratings, min_gap, share=lambda a, b: wins(a, b, Fraction(0)))


def ties_in_full(ratings: Ratings, min_gap: float = 0.0) -> Preferred:
    return answered(ratings, min_gap, share=lambda a, b: wins(a, b, Fraction(1)))


def ties_left_out(ratings: Ratings, min_gap: float = 0.0) -> Preferred:
    def share(a: Sequence[int], b: Sequence[int]) -> float:
        won, lost = wins(a, b, Fraction(0)), wins(b, a, Fraction(0))
        return float(won / (won + lost))

    return answered(ratings, min_gap, share=share)


def never_below_half(ratings: Ratings, min_gap: float = 0.0) -> Preferred:
    return answered(ratings, min_gap, share=lambda a, b: max(wins(a, b), 1 - wins(a, b)))


def of_the_rejected(ratings: Ratings, min_gap: float = 0.0) -> Preferred:
    return answered(ratings, min_gap, share=lambda a, b: wins(b, a))


def of_the_first(ratings: Ratings, min_gap: float = 0.0) -> Preferred:
    """The share of the snippet that comes first in the list, chosen or not."""
    pairs, _ = answered(ratings, min_gap)
    return pairs, f64(*(float(wins(ratings[min(pair)], ratings[max(pair)])) for pair in pairs.tolist()))


def sigma_of_the_gap(ratings: Ratings, min_gap: float = 0.0) -> Preferred:
    return answered(ratings, min_gap, share=lambda a, b: 1 / (1 + math.exp(mean(b) - mean(a))))


def place_by_place(ratings: Ratings, min_gap: float = 0.0) -> Preferred:
    def share(a: Sequence[int], b: Sequence[int]) -> float:
        both = list(zip(a, b, strict=False))
        return sum((x > y) + 0.5 * (x == y) for x, y in both) / len(both)

    return answered(ratings, min_gap, share=share)


def any_gap(ratings: Ratings, min_gap: float = 0.0) -> Preferred:
    return answered(ratings, 0.0)


def more_than_the_gap(ratings: Ratings, min_gap: float = 0.0) -> Preferred:
    return answered(ratings, min_gap, keeps=lambda gap, least: abs(gap) > least)


def equal_means_too(ratings: Ratings, min_gap: float = 0.0) -> Preferred:
    return answered(ratings, min_gap, keeps=lambda gap, least: abs(gap) >= least)


def small_gaps_only(ratings: Ratings, min_gap: float = 0.0) -> Preferred:
    return answered(ratings, min_gap, keeps=lambda gap, least: gap != 0 and abs(gap) <= least)


def gap_one_way(ratings: Ratings, min_gap: float = 0.0) -> Preferred:
    return answered(ratings, min_gap, keeps=lambda gap, least: gap != 0 and gap >= least)


def crowds() -> Iterator[Case]:
    """All crowds, without a least gap."""
    for name, (family, ratings) in CROWDS.items():
        yield Case(name, (ratings,), family=family)


def crowds_for_p() -> Iterator[Case]:
    """All crowds, and some with a least gap."""
    yield from crowds()
    for least in (0.5, 1, 2.25):
        yield Case(f"unequal, {least}", (CROWD, least), family="a least gap")


def is_clear(ratings: Ratings, least: float) -> bool:
    """Whether no rounding of a mean can decide which pairs are kept: a gap met within rounding is no case."""
    for a, b in itertools.combinations(map(mean, ratings), 2):
        exact = not any(x.denominator & (x.denominator - 1) for x in (a, b))
        if not exact and abs(abs(a - b) - Fraction(least)) < 1e-6 and a != b:
            return False
    return True


def gaps() -> Iterator[Case]:
    """Least gaps that are reached exactly, not at all, or by all pairs."""
    reached, twos = "gaps that are exactly min_gap", [[1, 1], [0, 2], [2], [2, 1], [-1, 4, -2, -1], [0]]
    for name, ratings in {"unequal": CROWD, "reversed": CROWD[::-1], "twos": twos, "ends": CROWDS["ends"][1]}.items():
        for least in (0.25, 0.5, 1.0, 1.25, 1.5, 2.5, 4.0, 8.0):
            yield Case(f"{name}, {least}", (ratings, least), family=reached)
    for name, ratings in {"thirds": THIRDS, "sevenths": SEVENTHS, "twos": twos}.items():
        for least in (0.0, 1e-9):
            yield Case(f"equal means {name}, {least}", (ratings, least), family="equal means")
    yield Case("by name", (CROWD,), {"min_gap": 0.5}, family=reached)
    yield Case("a whole number", (CROWD, 1), family=reached)
    yield Case("a whole number, twos", (twos, 1), family=reached)
    yield Case("a large one", (CROWD, 100.0), family="a min_gap that no pair reaches")
    yield Case("a little too large", (CROWD, 2.5000001), family="gaps that are just too small")
    yield Case("a little too large, ends", (CROWDS["ends"][1], 8.0000001), family="gaps that are just too small")
    for k in range(6):
        ratings = CROWDS[f"drawn {k}"][1]
        for least in (0.3, 1.7):
            if is_clear(ratings, least):
                yield Case(f"drawn {k}, {least}", (ratings, least), family="crowds of 15 to 29 raters")


def odd_crowds() -> Iterator[Case]:
    """Nothing to compare, and snippets without ratings."""
    none, empty = "snippets without any pair", "a snippet without ratings"
    for name, ratings in {"equal": [[1, 1], [1]], "one": [[3]], "one of two": [[3, -1]], "thirds": THIRDS[:2]}.items():
        yield Case(name, (ratings,), family=none)
    yield Case("last is empty", ([[1], []],), family=empty)
    yield Case("first is empty", ([[], [1], [2]],), family=empty)
    yield Case("middle is empty", ([[3], [], [2]],), family=empty)
    yield Case("both are empty", ([[], []],), family=empty)
    yield Case("the only one is empty", ([[]],), family=empty)
    yield Case("empty, and a large gap", ([[1], [2], []], 9.0), family=empty)
    yield Case("too far", ([[1], [2, 3], [0]], 5.0), family=none)
    yield Case("a pair", ([[3, -1], [2, 0, -2, -2]], 0.25), family="two snippets")
    yield Case("a pair unsorted", ([[-4, 3, 0], [4, -2, 4, 1]],), family="two snippets")


def same_pairs(case: Case, found: Preferred, expected: Preferred) -> str:
    """Only who is preferred; the probabilities are another check's."""
    return "" if torch.equal(found[0], expected[0]) else "The pairs differ."


def same_shares(case: Case, found: Preferred, expected: Preferred) -> str:
    """Only the probabilities, to float64."""
    if torch.allclose(found[1], expected[1], rtol=0, atol=1e-12):
        return ""
    if torch.allclose(found[1], expected[1], rtol=0, atol=1e-6):
        return "The probabilities have six right decimals, as float32 has, not those of float64."
    return "The probabilities differ."


PAIRS = (
    "Two tensors, int64 [pairs, 2] and float64 [pairs], also without a pair: `torch.tensor(pairs, dtype=torch.int64)`."
)
EMPTY_PAIRS = "Without a pair the shapes are [0, 2] and [0]: `.view(-1, 2)` gives the first."
NOT_SORTED = "Do not sort or change the lists you are given: `sorted` makes a new one."

the_higher_mean = Cases(
    "preference_pairs",
    name="the_higher_mean_is_chosen",
    promise="Every pair with different means comes once, the higher mean first, in the order asked for.",
    points=2,
    reference=right_pairs,
    pool=crowds,
    keeps_inputs=True,
    accept=same_pairs,
    mistakes=(
        Mistake("The chosen one is the one with the higher mean, not the one that comes first.", first_is_chosen),
        Mistake("The rejected one stands first: (chosen, rejected).", rejected_first),
        Mistake("Compare means, not their amounts: −1 is better than −3.", larger_amounts),
        Mistake("Compare means, not sums: snippets have different numbers of raters.", larger_sums),
        Mistake("Compare means, not medians.", larger_medians),
        Mistake("The higher mean is chosen, though the other one may win more often.", likelier_winners),
        Mistake("Equal means are no preference: leave such a pair out, even if min_gap is 0.", equal_means_too),
        Mistake("The order is that of `combinations(range(n), 2)`: by the earlier snippet first.", other_order),
        Mistake("Keep the order of `combinations(range(n), 2)`: do not sort by the chosen one.", sorted_by_places),
    ),
    hints={
        "value": "All pairs whose means differ, (chosen, rejected), in the order of combinations(range(n), 2).",
        "means that no float holds": "Means that are equal as fractions are equal: take sum / len.",
        "means that are close to one another": "Means 0.00001 apart differ: only equal ones are no preference.",
        "type": PAIRS,
        "dtype": PAIRS,
        "shape": "One row for each pair whose means differ: int64 [pairs, 2], and float64 [pairs].",
        "changed": NOT_SORTED,
    },
)
p_counts = Cases(
    "preference_pairs",
    name="p_counts_all_pairs_of_raters",
    promise="The probability is the share of rater pairs that agree with the order of the means; a tie counts half.",
    points=2,
    reference=right_pairs,
    pool=crowds_for_p,
    keeps_inputs=True,
    accept=same_shares,
    mistakes=(
        Mistake("Equal ratings count nothing in yours: they are half a win.", ties_for_nothing),
        Mistake("Equal ratings count as agreement in yours: they are half a win.", ties_in_full),
        Mistake("You leave ties out of the count: they stay in it, with half a point.", ties_left_out),
        Mistake("p may lie below one half: do not turn it round.", never_below_half),
        Mistake("That is 1 − p: do raters agree that the *chosen* one is better?", of_the_rejected),
        Mistake("That is the share of the snippet that comes first: p is that of the chosen one.", of_the_first),
        Mistake("p is counted from the raters, not σ of the gap.", sigma_of_the_gap),
        Mistake(
            "Raters are anonymous: compare every one with every one of the other, not place by place.", place_by_place
        ),
    ),
    hints={
        "value": "The share of all pairs of raters with the higher rating for the chosen one, ties half.",
        "type": PAIRS,
        "dtype": PAIRS,
        "shape": "One p for each pair whose means differ: int64 [pairs, 2], and float64 [pairs].",
        "changed": NOT_SORTED,
    },
)
min_gap = Cases(
    "preference_pairs",
    name="min_gap_is_reached_by_equality",
    promise="A gap of exactly min_gap is enough, a smaller one is not; equal means are never a pair.",
    points=2,
    reference=right_pairs,
    pool=gaps,
    keeps_inputs=True,
    accept=same_pairs,
    hints={
        "value": "Keep the pairs whose means differ, and by at least min_gap.",
        "shape": "Keep pairs whose means differ by min_gap or more: exactly min_gap is enough, equal means never are.",
        "type": PAIRS,
        "dtype": PAIRS,
        "changed": NOT_SORTED,
    },
)
odd = Cases(
    "preference_pairs",
    name="odd_crowds_are_handled",
    promise="No pair gives empty tensors of the right form; a snippet without ratings raises ValueError; inputs stay.",
    points=1,
    reference=right_pairs,
    pool=odd_crowds,
    keeps_inputs=True,
    tolerance=1e-12,
    hints={
        "type": PAIRS,
        "dtype": PAIRS,
        "shape": EMPTY_PAIRS,
        "error": "Raise ValueError before you divide by the number of raters. Without a pair, `torch.tensor` of an "
        "empty list has no dtype and no second dimension: give it both.",
        "no error": "A snippet without ratings has no mean: raise ValueError, wherever it is, whatever min_gap is.",
        "changed": NOT_SORTED,
    },
)


# bradley_terry_loss ----------------------------------------------------------------------------------------------

Margin = torch.Tensor | None


def lead(r_chosen: torch.Tensor, r_rejected: torch.Tensor, margin: Margin = None) -> torch.Tensor:
    """What goes into σ, in float64."""
    ahead = r_chosen.double() - r_rejected.double()
    return ahead if margin is None else ahead - margin.double()


def bradley_terry(r_chosen: torch.Tensor, r_rejected: torch.Tensor, margin: Margin = None) -> torch.Tensor:
    """−log σ(chosen − rejected − margin), computed in float64."""
    return (-F.logsigmoid(lead(r_chosen, r_rejected, margin))).to(r_chosen.dtype)


def sides_changed(r_chosen: torch.Tensor, r_rejected: torch.Tensor, margin: Margin = None) -> torch.Tensor:
    return bradley_terry(r_rejected, r_chosen, margin)


def log_sigma(r_chosen: torch.Tensor, r_rejected: torch.Tensor, margin: Margin = None) -> torch.Tensor:
    return -bradley_terry(r_chosen, r_rejected, margin)


def minus_sigma(r_chosen: torch.Tensor, r_rejected: torch.Tensor, margin: Margin = None) -> torch.Tensor:
    return -torch.sigmoid(lead(r_chosen, r_rejected, margin)).to(r_chosen.dtype)


def one_minus_sigma(r_chosen: torch.Tensor, r_rejected: torch.Tensor, margin: Margin = None) -> torch.Tensor:
    return torch.sigmoid(-lead(r_chosen, r_rejected, margin)).to(r_chosen.dtype)


def hinge(r_chosen: torch.Tensor, r_rejected: torch.Tensor, margin: Margin = None) -> torch.Tensor:
    wanted = torch.ones_like(r_chosen) if margin is None else margin
    return lead(r_rejected, r_chosen, -wanted).clamp(min=0).to(r_chosen.dtype)


def each_by_itself(r_chosen: torch.Tensor, r_rejected: torch.Tensor, margin: Margin = None) -> torch.Tensor:
    return (-F.logsigmoid(r_chosen.double()) - F.logsigmoid(-r_rejected.double())).to(r_chosen.dtype)


def in_bits(r_chosen: torch.Tensor, r_rejected: torch.Tensor, margin: Margin = None) -> torch.Tensor:
    return bradley_terry(r_chosen, r_rejected, margin) / math.log(2)


def margin_added(r_chosen: torch.Tensor, r_rejected: torch.Tensor, margin: Margin = None) -> torch.Tensor:
    return bradley_terry(r_chosen, r_rejected, None if margin is None else -margin)


def margin_forgotten(r_chosen: torch.Tensor, r_rejected: torch.Tensor, margin: Margin = None) -> torch.Tensor:
    return bradley_terry(r_chosen, r_rejected)


def margin_multiplied(r_chosen: torch.Tensor, r_rejected: torch.Tensor, margin: Margin = None) -> torch.Tensor:
    ahead = lead(r_chosen, r_rejected) * (1.0 if margin is None else margin.double())
    return (-F.logsigmoid(ahead)).to(r_chosen.dtype)


def margin_outside(r_chosen: torch.Tensor, r_rejected: torch.Tensor, margin: Margin = None) -> torch.Tensor:
    return bradley_terry(r_chosen, r_rejected) + (0.0 if margin is None else margin)


def margin_clamped(r_chosen: torch.Tensor, r_rejected: torch.Tensor, margin: Margin = None) -> torch.Tensor:
    return bradley_terry(r_chosen, r_rejected, None if margin is None else margin.clamp(min=0))


def margin_without_sign(r_chosen: torch.Tensor, r_rejected: torch.Tensor, margin: Margin = None) -> torch.Tensor:
    return bradley_terry(r_chosen, r_rejected, None if margin is None else margin.abs())


def one_margin_for_all(r_chosen: torch.Tensor, r_rejected: torch.Tensor, margin: Margin = None) -> torch.Tensor:
    return bradley_terry(r_chosen, r_rejected, None if margin is None else margin[:1].expand_as(margin))


def mean_margin(r_chosen: torch.Tensor, r_rejected: torch.Tensor, margin: Margin = None) -> torch.Tensor:
    return bradley_terry(r_chosen, r_rejected, None if margin is None else margin.mean().expand_as(margin))


def log_of_sigma(r_chosen: torch.Tensor, r_rejected: torch.Tensor, margin: Margin = None) -> torch.Tensor:
    return -torch.log(torch.sigmoid(lead(r_chosen, r_rejected, margin))).to(r_chosen.dtype)


def log_of_sigma_plus(r_chosen: torch.Tensor, r_rejected: torch.Tensor, margin: Margin = None) -> torch.Tensor:
    return -torch.log(torch.sigmoid(lead(r_chosen, r_rejected, margin)) + 1e-8).to(r_chosen.dtype)


# Leads of 20 to 30 do not occur: torch's softplus leaves out e^−20 there. Quarters are exact in float16 and bfloat16,
# and so are their differences; the losses of a case are never all tiny, which logsumexp rounds to 0 with good reason.
CHOSEN = {
    "one": [0.5],
    "two": [2.0, -1.5],
    "three": [0.25, -3.0, 1.5],
    "seven": [2.0, 0.5, -1.0, -3.0, 4.0, -0.25, 1.0],
}
REJECTED = {
    "one": [0.75],
    "two": [-0.25, 1.0],
    "three": [1.25, 1.0, -2.0],
    "seven": [1.0, 2.5, -1.5, -7.0, -1.0, 3.75, 0.0],
}
MARGINS = {
    "positive": [1.0, 0.25, 3.0, 0.5, 2.0, 1.5, 0.75],
    "negative": [-1.0, -0.5, -2.0, -0.25, -3.0, -1.25, -0.75],
    "mixed": [0.5, -1.5, 2.0, -0.25, 1.0, 0.0, -2.0],
    "zero": [0.0] * 7,
    "one zero": [0.0, 2.0, 0.0, -1.0, 0.0, 0.0, 0.5],
}


def drawn(seed: int, *shape: int, scale: float = 1.0, dtype: str = "float64") -> torch.Tensor:
    """Normal numbers, the same in every process."""
    generator = torch.Generator().manual_seed(seed)
    return (scale * torch.randn(*shape, generator=generator, dtype=torch.float64)).to(DTYPES[dtype])


def compared_rewards() -> Iterator[Case]:
    """Rewards without a margin, of moderate size."""
    for dtype in ("float64", "float32"):
        for size in ("seven", "three", "two", "one"):
            sides = [torch.tensor(side[size], dtype=DTYPES[dtype]) for side in (CHOSEN, REJECTED)]
            family = "a single pair" if size == "one" else "ordinary rewards"
            yield Case(f"{dtype} {size}", tuple(sides), family=family)
            yield Case(f"{dtype} {size}, changed", tuple(sides[::-1]), family=family)
        equal = torch.tensor([1.5, -2.0, 0.0], dtype=DTYPES[dtype])
        yield Case(f"{dtype} equal", (equal, equal.clone()), family="equal rewards")
        for seed, scale in enumerate((1.0, 3.0, 1e-3, 1e-6)):
            sides = [drawn(seed + 10 * side, 5 + seed, scale=scale, dtype=dtype) for side in (1, 2)]
            yield Case(
                f"{dtype} drawn, {scale}", tuple(sides), family="small rewards" if scale < 1 else "ordinary rewards"
            )
        far = drawn(7, 6, dtype=dtype) + 1000
        yield Case(f"{dtype} far from 0", (far, far.flip(0) - 1), family="rewards far from 0", tolerance=1e-3)
    yield Case("many", (drawn(3, 300, scale=2), drawn(4, 300, scale=2)), family="many pairs")
    yield Case("no margin by name", (drawn(5, 4), drawn(6, 4)), {"margin": None}, family="ordinary rewards")


def compared_with_margins() -> Iterator[Case]:
    """Rewards with margins of every sign."""
    for dtype in ("float64", "float32"):
        for kind, numbers in MARGINS.items():
            for size in ("seven", "three", "two", "one"):
                sides = [torch.tensor(side[size], dtype=DTYPES[dtype]) for side in (CHOSEN, REJECTED)]
                margin = torch.tensor(numbers[: len(sides[0])], dtype=DTYPES[dtype])
                family = {"mixed": "margins of both signs", "one zero": "margins of 0"}.get(kind, f"{kind} margins")
                yield Case(
                    f"{dtype} {kind} {size}", (*sides, margin), family=family.replace("zero margins", "margins of 0")
                )
    for seed, scale in ((1, 1.0), (2, 4.0), (3, 1e-3)):
        args = [drawn(seed + 10 * side, 5, scale=scale) for side in (1, 2, 3)]
        yield Case(f"drawn, {scale}", tuple(args), family="margins of both signs")
    yield Case("many", tuple(drawn(k, 300) for k in (1, 2, 3)), family="many pairs")
    yield Case("by name", (drawn(5, 4), drawn(6, 4)), {"margin": drawn(7, 4)}, family="margins of both signs")


def far_rewards() -> Iterator[Case]:
    """Every dtype, leads up to ±10,000, other layouts: loss and gradients."""
    both = "rewards that are far apart"
    for dtype, kind in DTYPES.items():
        top = torch.tensor(1e4, dtype=kind).item()
        for name, (chosen, rejected) in {
            "mixed": ([top, -top, 0.5, -800.0, 40.0], [0.0, 0.0, top, 0.0, 0.0]),
            "lost": ([-top, 0.0], [0.0, top]),
            "hundred": ([-128.0, 0.25, 96.0], [0.0, 128.0, -32.0]),
            "both": ([top / 2, -top / 2, 1.0], [-top / 2, top / 2, 0.5]),
            "one": ([-top], [0.0]),
            "thousand": ([0.0, 1.0], [1024.0, 0.5]),
        }.items():
            sides = torch.tensor(chosen, dtype=kind), torch.tensor(rejected, dtype=kind)
            yield Case(f"{dtype} {name}", sides, family=both)
            if name != "hundred":  # and no lead is 0 then: where relu and abs bend, their gradient is a matter of taste
                first = top if name in ("one", "thousand") else -top / 2
                margin = torch.tensor([first, -1.0, 0.25, 2.0, -64.0][: len(chosen)], dtype=kind)
                yield Case(f"{dtype} {name}, margin", (*sides, margin), family=both)
        for size in ("seven", "three", "two", "one"):
            sides = torch.tensor(CHOSEN[size], dtype=kind), torch.tensor(REJECTED[size], dtype=kind)
            margin = torch.tensor(MARGINS["mixed"][: len(sides[0])], dtype=kind)
            yield Case(f"{dtype} near, {size}", sides, family=f"{dtype} rewards")
            yield Case(f"{dtype} near, {size}, margin", (*sides, margin), family=f"{dtype} rewards")
        for layout in ("strided", "column"):
            args = tuple(torch.tensor(side["seven"], dtype=kind) for side in (CHOSEN, REJECTED))
            how = {"r_chosen": layout, "r_rejected": layout}
            yield Case(f"{dtype} {layout}", args, layout=how, family="tensors that are parts of larger ones")
    args = torch.full((4,), 1.5), torch.tensor([1.0, 2.0, -3.0, 0.5]), torch.full((4,), -0.25)
    layout = {"r_chosen": "expanded", "margin": "expanded"}
    yield Case("expanded", args, layout=layout, family="tensors that repeat one number")


ONE_LOSS = "One loss for each pair: no mean, no sum."
KEEP_DTYPE = "The losses have the dtype of the rewards."
NO_CHANGE = "Your function changes what it is given: no `-=`, `x = x - y` makes a new tensor."
NO_DETACH = "The loss trains the model through both rewards: no `detach`, `no_grad`, `.item()` or numpy on the way."

loss_of_the_trainer = Cases(
    "bradley_terry_loss",
    name="loss_is_that_of_the_trainer",
    promise="Without a margin each pair's loss is −log σ(r_chosen − r_rejected).",
    points=2,
    reference=bradley_terry,
    pool=compared_rewards,
    mistakes=(
        Mistake("Chosen and rejected have changed places.", sides_changed),
        Mistake("That is log σ; the loss is minus that, and never negative.", log_sigma),
        Mistake("That is −σ: the logarithm is missing.", minus_sigma),
        Mistake("That is 1 − σ: the loss is −log σ.", one_minus_sigma),
        Mistake("That is a hinge loss; Bradley–Terry's is −log σ.", hinge),
        Mistake("Each reward by itself means nothing: σ takes the difference.", each_by_itself),
        Mistake("In nats: the natural logarithm, not that to base 2.", in_bits),
    ),
    hints={"value": "−log σ(chosen − rejected), for each pair.", "shape": ONE_LOSS, "dtype": KEEP_DTYPE},
)
margin_is_subtracted = Cases(
    "bradley_terry_loss",
    name="the_margin_is_subtracted",
    promise="With margins each pair's loss is −log σ(r_chosen − r_rejected − margin), each with its own, of any sign.",
    points=2,
    reference=bradley_terry,
    pool=compared_with_margins,
    mistakes=(
        Mistake("The margin is added: then the loss asks for less, not for more.", margin_added),
        Mistake("The margin is not used.", margin_forgotten),
        Mistake("The margin is subtracted inside σ, not multiplied.", margin_multiplied),
        Mistake("The margin belongs inside σ, not in front of or behind the logarithm.", margin_outside),
        Mistake("A negative margin counts, too: do not cut it off at 0.", margin_clamped),
        Mistake("A negative margin lowers what is asked: keep its sign.", margin_without_sign),
        Mistake("Each pair has its own margin, not all that of the first.", one_margin_for_all),
        Mistake("Each pair has its own margin, not all the mean.", mean_margin),
        Mistake("That is a hinge: inside, the margin is subtracted and nothing is cut off.", hinge),
    ),
    hints={
        "value": "−log σ(chosen − rejected − margin), for each pair.",
        "error": "Is it `if margin`? A tensor of many numbers has no answer to that: ask `margin is None`.",
        "shape": ONE_LOSS,
        "dtype": KEEP_DTYPE,
    },
)
finite_and_trainable = Cases(
    "bradley_terry_loss",
    name="loss_stays_finite_and_keeps_form",
    promise="Differences of ±10,000 give exact losses; dtype and gradients are kept; inputs are not changed.",
    points=2,
    reference=bradley_terry,
    pool=far_rewards,
    gradient=("r_chosen", "r_rejected"),
    keeps_inputs=True,
    mistakes=(
        Mistake(
            "Not finite: σ has rounded to 0, or e^x was too large. `F.logsigmoid` takes care of both.", log_of_sigma
        ),
        Mistake(
            "A small number inside the logarithm ends the loss near 18: `F.logsigmoid` needs none.",
            log_of_sigma_plus,
        ),
    ),
    hints={
        "nan": "Not finite: e^x was too large, and inf less inf is nan. `F.logsigmoid` takes care.",
        "shape": ONE_LOSS,
        "dtype": KEEP_DTYPE,
        "changed": NO_CHANGE,
        "gradient": NO_DETACH,
        "nan gradient": "`where` hides an e^x that is too large from the value, not the gradient. Use `F.logsigmoid`.",
    },
)


# last_token_index ------------------------------------------------------------------------------------------------


def mask_of(lengths: Sequence[int], length: int, left: Sequence[bool]) -> torch.Tensor:
    """A row for each number of tokens, padded on the left where it says so."""
    rows = [
        [0] * (length - n) + [1] * n if on_left else [1] * n + [0] * (length - n)
        for n, on_left in zip(lengths, left, strict=True)
    ]
    return torch.tensor(rows)


SIZES: dict[str, tuple[tuple[int, ...], int]] = {
    "four by five": ((2, 1, 5, 4), 5),
    "one by seven": ((3,), 7),
    "one by one": ((1,), 1),
    "one by two": ((1,), 2),
    "two by one": ((1, 1), 1),
    "three by two": ((1, 2, 1), 2),
    "two by three": ((1, 3), 3),
    "three by three": ((2, 1, 3), 3),
    "none is full": ((2, 4, 1), 6),
    "all are full": ((4, 4, 4), 4),
    "all alike": ((2, 2, 2), 4),
    "five by three": ((3, 1, 2, 1, 3), 3),
    "long": ((290, 1, 300, 131), 300),
    "very long": ((2999, 2049, 3000), 3000),
    "many rows": (tuple(1 + (7 * k) % 9 for k in range(300)), 9),
}


def last(mask: torch.Tensor) -> torch.Tensor:
    """The place of the last 1 of each row, int64."""
    return torch.tensor([max(k for k, bit in enumerate(row) if bit == 1) for row in mask.tolist()])


def last_places(attention_mask: torch.Tensor) -> torch.Tensor:
    """The definition, row by row."""
    if not all(any(row) for row in attention_mask.tolist()):
        raise ValueError("a row has no token")
    return last(attention_mask)


def number_of_tokens(attention_mask: torch.Tensor) -> torch.Tensor:
    return attention_mask.sum(1)


def tokens_less_one(attention_mask: torch.Tensor) -> torch.Tensor:
    return attention_mask.sum(1) - 1


def last_column(attention_mask: torch.Tensor) -> torch.Tensor:
    return torch.full((len(attention_mask),), attention_mask.shape[1] - 1)


def before_the_first_pad(attention_mask: torch.Tensor) -> torch.Tensor:
    return (attention_mask == 0).int().argmax(1) - 1


def first_tokens(attention_mask: torch.Tensor) -> torch.Tensor:
    return attention_mask.argmax(1)


def from_the_end(attention_mask: torch.Tensor) -> torch.Tensor:
    return attention_mask.flip(1).argmax(1)


def sided(left: bool) -> Iterator[Case]:
    side = "left" if left else "right"
    for name, (lengths, length) in SIZES.items():
        mask = mask_of(lengths, length, [left] * len(lengths))
        family = f"rows padded on the {side}" if any(n < length for n in lengths) else "rows without padding"
        yield Case(name, (mask,), family=family)
        if len(mask) > 1 and name in ("four by five", "three by two", "none is full"):
            yield Case(f"{name}, reversed", (mask.flip(0),), family=family)
            yield Case(f"{name}, last row", (mask[-1:],), family=family)
        if name in ("four by five", "none is full", "five by three"):
            yield Case(f"{name}, transposed", (mask,), layout={"attention_mask": "transposed"}, family=family)
    full = torch.ones(3, 4, dtype=torch.int64)
    yield Case("expanded", (full,), layout={"attention_mask": "expanded"}, family="rows without padding")


def on_the_right() -> Iterator[Case]:
    """Rows padded on the right, or not at all."""
    yield from sided(left=False)


def on_the_left() -> Iterator[Case]:
    """Rows padded on the left, or not at all."""
    yield from sided(left=True)


def on_both_sides() -> Iterator[Case]:
    """Rows of all kinds in one batch, and rows without a token."""
    both, none = "rows padded on either side in one batch", "a row without a token"
    for name, (lengths, length) in SIZES.items():
        if len(lengths) > 1 and any(n < length for n in lengths):
            for first in (True, False):
                mask = mask_of(lengths, length, [(k % 2 == 0) is first for k in range(len(lengths))])
                yield Case(f"{name}, {'left' if first else 'right'} first", (mask,), family=both)
    mixed = mask_of((2, 4, 1, 5, 3), 5, [False, True, True, False, True])
    for layout in ("transposed", "strided", "column"):
        yield Case(layout, (mixed,), layout={"attention_mask": layout}, family=both)
    full_first = mask_of((4, 2, 3), 4, [False, False, True])
    yield Case("full first", (full_first,), family=both)
    yield Case("full last", (full_first.flip(0),), family=both)
    for place in range(3):
        mask = full_first.clone()
        mask[place] = 0
        yield Case(f"empty, {place}", (mask,), family=none)
    yield Case("empty and full", (torch.tensor([[1, 1, 1], [0, 0, 0]]),), family=none)
    yield Case("only empty", (torch.tensor([[0, 0, 0]]),), family=none)
    yield Case("one pad", (torch.tensor([[0]]),), family=none)
    yield Case("all are empty", (torch.zeros(2, 4, dtype=torch.int64),), family=none)
    yield Case("empty of length one", (torch.tensor([[1], [0], [1]]),), family=none)


INT64 = "int64 [batch]: one place a row, also for one row."
COUNTED = "The number of tokens minus 1 holds for padding on the right only."
ALWAYS_LAST = "That is always the last place: right for padding on the left only."
FIRST_PAD = "You look for the first pad. A full row has none, and in front of a row on the left is no token."
PLACES = {
    "value": "int64 [batch]: the place of the last 1 of a row.",
    "family": "int64 [batch]: the place of the last 1 of a row.",
    "dtype": INT64,
    "shape": INT64,
    "type": INT64,
    "no error": "A row without a token has no last one: raise ValueError, or it would get the reward of a pad.",
    "changed": "Your function changes the mask: work on a copy.",
}
SHARED_MISTAKES = (
    Mistake("That is one too far: the first pad, or a number of tokens. Places count from 0.", number_of_tokens),
    Mistake("That is the first token; the last one has read them all.", first_tokens),
    Mistake("Count from the front: you return how far the last token is from the end.", from_the_end),
)

right_padded = Cases(
    "last_token_index",
    name="padding_on_the_right",
    promise="Padding on the right: the last token is the one before the first pad, or the last place of a full row.",
    points=1,
    reference=last_places,
    pool=on_the_right,
    keeps_inputs=True,
    mistakes=(*SHARED_MISTAKES, Mistake(ALWAYS_LAST, last_column), Mistake(FIRST_PAD, before_the_first_pad)),
    hints=PLACES,
)
left_padded = Cases(
    "last_token_index",
    name="padding_on_the_left",
    promise="Padding on the left: the last token is at the last place, however many pads stand before the row.",
    points=2,
    reference=last_places,
    pool=on_the_left,
    keeps_inputs=True,
    mistakes=(
        *(one for one in SHARED_MISTAKES if one.answer is not from_the_end),
        Mistake(COUNTED, tokens_less_one),
        Mistake(FIRST_PAD, before_the_first_pad),
    ),
    hints=PLACES,
)
mixed_sides = Cases(
    "last_token_index",
    name="both_sides_in_one_batch",
    promise="Rows padded on either side may stand together; one token is enough, none is a ValueError; the mask stays.",
    points=2,
    reference=last_places,
    pool=on_both_sides,
    keeps_inputs=True,
    mistakes=(
        *SHARED_MISTAKES,
        Mistake(COUNTED, tokens_less_one),
        Mistake(ALWAYS_LAST, last_column),
        Mistake(FIRST_PAD, before_the_first_pad),
    ),
    hints=PLACES | {"value": "int64 [batch]: the place of the last 1 of a row; each row has a side of its own."},
)


# pool_reward -----------------------------------------------------------------------------------------------------


def pooled(hidden: torch.Tensor, attention_mask: torch.Tensor, head: Head) -> torch.Tensor:
    """The reward read at the last token of each row."""
    return head(hidden[torch.arange(len(hidden)), last(attention_mask)]).squeeze(-1)


def at_the_last_place(hidden: torch.Tensor, attention_mask: torch.Tensor, head: Head) -> torch.Tensor:
    return head(hidden[:, -1]).squeeze(-1)


def at_the_number_of_tokens(hidden: torch.Tensor, attention_mask: torch.Tensor, head: Head) -> torch.Tensor:
    return head(hidden[torch.arange(len(hidden)), attention_mask.sum(1) - 1]).squeeze(-1)


def at_the_first_token(hidden: torch.Tensor, attention_mask: torch.Tensor, head: Head) -> torch.Tensor:
    return head(hidden[torch.arange(len(hidden)), attention_mask.argmax(1)]).squeeze(-1)


def at_the_first_place(hidden: torch.Tensor, attention_mask: torch.Tensor, head: Head) -> torch.Tensor:
    return head(hidden[:, 0]).squeeze(-1)


def mean_over_tokens(hidden: torch.Tensor, attention_mask: torch.Tensor, head: Head) -> torch.Tensor:
    kept = hidden.masked_fill(attention_mask[..., None] == 0, 0.0)
    return head(kept.sum(1) / attention_mask.sum(1, keepdim=True)).squeeze(-1)


def highest_reward(hidden: torch.Tensor, attention_mask: torch.Tensor, head: Head) -> torch.Tensor:
    return head(hidden).squeeze(-1).masked_fill(attention_mask == 0, -torch.inf).amax(1)


def weight_alone(hidden: torch.Tensor, attention_mask: torch.Tensor, head: Any) -> torch.Tensor:
    return (hidden[torch.arange(len(hidden)), last(attention_mask)] @ head.weight.T).squeeze(-1)


def times_a_mask(hidden: torch.Tensor, attention_mask: torch.Tensor, head: Head) -> torch.Tensor:
    only = F.one_hot(last(attention_mask), attention_mask.shape[1]).to(hidden.dtype)
    return (head(hidden).squeeze(-1) * only).sum(1)


def quarters(seed: int, *shape: int, dtype: str = "float64") -> torch.Tensor:
    """Numbers of which sums of products are exact in any order, in every dtype."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(-6, 7, shape, generator=generator).to(DTYPES[dtype]) / 4


def linear(width: int, seed: int, dtype: str = "float64", trains: bool = False) -> Built:
    return Built("head", width=width, seed=seed, dtype=dtype, trains=trains)


# batch, length and width differ, so that no axis passes for another.
BATCHES: dict[str, tuple[tuple[int, ...], int, int]] = {
    "four by five": ((2, 1, 5, 4), 5, 3),
    "three by two": ((1, 2, 1), 2, 4),
    "two by three": ((3, 1), 3, 5),
    "two by seven": ((6, 2), 7, 2),
    "five by three": ((1, 3, 2, 2, 1), 3, 2),
    "wide": ((2, 3, 1), 4, 64),
    "a cube": ((1, 3, 2), 3, 3),
    "long": ((299, 20, 300), 300, 2),
}


def sides_of(lengths: Sequence[int]) -> dict[str, list[bool]]:
    """Padding on the right, on the left, and on both in one batch."""
    count = len(lengths)
    return {"right": [False] * count, "left": [True] * count, "either side": [k % 2 == 0 for k in range(count)]}


def batches() -> Iterator[Case]:
    """Ordinary numbers everywhere, padding included."""
    for seed, (name, (lengths, length, width)) in enumerate(BATCHES.items()):
        for side, left in sides_of(lengths).items():
            hidden, mask = drawn(seed, len(lengths), length, width), mask_of(lengths, length, left)
            family = f"rows padded on {side if side == 'either side' else f'the {side}'}"
            yield Case(f"{name}, {side}", (hidden, mask, linear(width, seed)), family=family)
    hidden, mask = drawn(20, 4, 5, 3), mask_of((2, 1, 5, 4), 5, [False, True, True, False])
    yield Case("a network", (hidden, mask, Built("network", width=3, seed=1)), family="a head of several layers")
    yield Case("a network, right", (hidden, mask_of((2, 1, 5, 4), 5, [False] * 4), Built("network", width=3, seed=2)),
               family="a head of several layers")  # fmt: skip
    yield Case("a function", (hidden, mask, Built("adds_up")), family="a head that is a plain function")
    for layout in ("transposed", "strided", "column"):
        yield Case(
            f"hidden {layout}",
            (hidden, mask, linear(3, 3)),
            layout={"hidden": layout},
            family="a tensor that is part of a larger one",
        )
        yield Case(
            f"mask {layout}",
            (hidden, mask, linear(3, 3)),
            layout={"attention_mask": layout},
            family="a tensor that is part of a larger one",
        )
    for dtype in DTYPES:
        args = quarters(21, 4, 5, 3, dtype=dtype), mask, linear(3, 4, dtype)
        yield Case(f"{dtype}", args, family=f"{dtype} vectors")
        yield Case(
            f"{dtype}, right", (args[0], mask_of((3, 4, 1, 2), 5, [False] * 4), args[2]), family=f"{dtype} vectors"
        )
    for scale in (1e-6, 1e4):
        yield Case(f"scale {scale}", (scale * hidden, mask, linear(3, 5)), family="vectors of another size")
    yield Case("all full", (hidden, torch.ones(4, 5, dtype=torch.int64), linear(3, 6)), family="rows without padding")


def spoilt_batches() -> Iterator[Case]:
    """What must not be read, nor counted, is spoilt."""
    fillings = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf, "1e30": 1e30}
    for seed, (name, (lengths, length, width)) in enumerate(BATCHES.items()):
        for (side, left), (kind, filling) in zip(
            sides_of(lengths).items(), list(fillings.items())[seed % 2 :], strict=False
        ):
            mask = mask_of(lengths, length, left)
            hidden = drawn(seed, len(lengths), length, width).masked_fill(mask[..., None] == 0, filling)
            yield Case(
                f"{name}, {side}, {kind}", (hidden, mask, linear(width, seed)), family=f"{kind} at padded places"
            )
    mask = mask_of((2, 1, 5, 4), 5, [False, True, True, False])
    for dtype in DTYPES:
        for kind, filling in list(fillings.items())[:3]:
            hidden = quarters(21, 4, 5, 3, dtype=dtype).masked_fill(mask[..., None] == 0, filling)
            yield Case(f"{dtype}, {kind}", (hidden, mask, linear(3, 4, dtype)), family=f"{kind} at padded places")
    for kind, filling in fillings.items():
        hidden = drawn(5, 4, 5, 3).masked_fill(mask[..., None] == 0, filling)
        yield Case(
            f"network, {kind}", (hidden, mask, Built("network", width=3, seed=1)), family=f"{kind} at padded places"
        )


def single_rows() -> Iterator[Case]:
    """Batches of one, vectors of one number, rows of one token."""
    for seed, (rows, length, width) in enumerate(
        ((1, 3, 2), (1, 1, 1), (1, 1, 3), (1, 4, 1), (4, 5, 1), (2, 1, 1), (3, 1, 2), (2, 2, 1), (1, 300, 2))
    ):
        family = "a batch of one row" if rows == 1 else "vectors of one number" if width == 1 else "rows of one token"
        for left in (False, True):
            mask = mask_of([1 + (k + length // 2) % length for k in range(rows)], length, [left] * rows)
            for dtype in ("float64", "float32") if rows == 1 else ("float64",):
                hidden = quarters(seed, rows, length, width, dtype=dtype)
                name = f"{rows} by {length} by {width}, {'left' if left else 'right'}, {dtype}"
                yield Case(name, (hidden, mask, linear(width, seed, dtype)), family=family)
    hidden, mask = drawn(9, 1, 4, 3), torch.tensor([[1, 1, 0, 0]])
    yield Case("a network", (hidden, mask, Built("network", width=3, seed=1)), family="a batch of one row")
    yield Case("a function", (hidden, mask, Built("adds_up")), family="a batch of one row")


def trained_batches() -> Iterator[Case]:
    """Heads that are trained, on vectors that are trained; padding holds ordinary numbers."""
    for seed, (name, (lengths, length, width)) in enumerate(BATCHES.items()):
        for side, left in sides_of(lengths).items():
            args = drawn(seed, len(lengths), length, width), mask_of(lengths, length, left)
            yield Case(f"{name}, {side}", (*args, linear(width, seed, trains=True)), family="a linear head")
    hidden, mask = drawn(20, 4, 5, 3), mask_of((2, 1, 5, 4), 5, [False, True, True, False])
    for seed in (1, 2):
        head = Built("network", width=3, seed=seed, trains=True)
        yield Case(f"a network {seed}", (hidden, mask, head), family="a head of several layers")
    yield Case("a function", (hidden, mask, Built("adds_up")), family="a head that is a plain function")
    for dtype in DTYPES:
        args = quarters(21, 4, 5, 3, dtype=dtype), mask, linear(3, 4, dtype, trains=True)
        yield Case(f"{dtype}", args, family=f"{dtype} vectors")
    for layout in ("transposed", "strided", "column"):
        args = hidden, mask, linear(3, 3, trains=True)
        yield Case(layout, args, layout={"hidden": layout}, family="a tensor that is part of a larger one")
    yield Case("one row", (drawn(22, 1, 3, 2), torch.tensor([[1, 1, 0]]), linear(2, 1, trains=True)), family="one row")


SQUEEZED = "Shape [batch], also for one row: `squeeze(-1)` takes the last dimension only, `squeeze()` takes all."
LAST_PLACE = Mistake("You read at the last place of every row, padding or not.", at_the_last_place)
BY_NUMBER = Mistake(
    "You read the number of tokens minus 1, which is right for padding on the right only.", at_the_number_of_tokens
)
POOLED = {
    "value": "head(the vector at each row's last token), one number a row.",
    "shape": SQUEEZED,
    "dtype": "The rewards have the dtype that the head gives.",
    "changed": "Your function changes hidden or the mask: no assignment into them, no method that ends in `_`.",
}

read_at_the_last_token = Cases(
    "pool_reward",
    name="reward_is_read_at_the_last_token",
    promise="Each row's reward is the head's answer to the vector at its last token, whichever side is padded.",
    points=2,
    reference=pooled,
    pool=batches,
    keeps_inputs=True,
    mistakes=(
        LAST_PLACE,
        BY_NUMBER,
        Mistake("That is the mean over all tokens; the reward is read at the last one.", mean_over_tokens),
        Mistake("You read the first place, which has seen nothing.", at_the_first_place),
        Mistake("You read the first token, which has seen nothing.", at_the_first_token),
        Mistake("That is the highest reward of the row; read the last token's.", highest_reward),
        Mistake("The head has a bias as well: call the head, do not multiply by its weight.", weight_alone),
    ),
    hints=POOLED
    | {"error": "Is it an attribute that the head does not have? It may be any function: call it, `head(vectors)`."},
)
padding_is_not_read = Cases(
    "pool_reward",
    name="padding_may_hold_anything",
    promise="What stands at padded places does not matter, not even nan or inf.",
    points=1,
    reference=pooled,
    pool=spoilt_batches,
    keeps_inputs=True,
    mistakes=(
        Mistake("Padding gets into the reward: 0 times nan is nan. Pick the vector by its place.", times_a_mask),
        LAST_PLACE,
        BY_NUMBER,
    ),
    hints=POOLED,
)
one_row = Cases(
    "pool_reward",
    name="a_batch_of_one_keeps_its_shape",
    promise="One row gives float [1], also if it has one token or a width of 1; hidden is not changed.",
    points=1,
    reference=pooled,
    pool=single_rows,
    keeps_inputs=True,
    hints=POOLED,
)
trains_model_and_head = Cases(
    "pool_reward",
    name="rewards_train_model_and_head",
    promise="Gradients reach the vectors of last tokens, no others, and the head's parameters.",
    points=1,
    reference=pooled,
    pool=trained_batches,
    gradient=("hidden", "head"),
    keeps_inputs=True,
    hints=POOLED
    | {
        "gradient": "The model is trained through hidden, the head by its own parameters: no `detach`, `no_grad` or "
        "numpy, and no copy of either."
    },
)


# centre_rewards --------------------------------------------------------------------------------------------------


def grouped(r: torch.Tensor, prompt_ids: torch.Tensor, middle: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
    """For each response what `middle` says of the rewards of its prompt, float64."""
    wide = r.double()
    return torch.stack([middle(wide[prompt_ids == prompt]) for prompt in prompt_ids])


def centred(r: torch.Tensor, prompt_ids: torch.Tensor) -> torch.Tensor:
    """Each reward minus its prompt's mean, in fractions."""
    groups: dict[int, list[Fraction]] = {}
    for prompt, value in zip(prompt_ids.tolist(), r.tolist(), strict=True):
        groups.setdefault(prompt, []).append(Fraction(value))
    means = {prompt: sum(values) / len(values) for prompt, values in groups.items()}
    exact = [float(Fraction(v) - means[prompt]) for v, prompt in zip(r.tolist(), prompt_ids.tolist(), strict=True)]
    return torch.tensor(exact, dtype=torch.float64).to(r.dtype)


def less_one_mean(r: torch.Tensor, prompt_ids: torch.Tensor) -> torch.Tensor:
    return (r.double() - r.double().mean()).to(r.dtype)


def divided_by_the_spread(r: torch.Tensor, prompt_ids: torch.Tensor) -> torch.Tensor:
    return (centred(r.double(), prompt_ids) / grouped(r, prompt_ids, lambda x: x.std())).to(r.dtype)


def divided_by_the_flat_spread(r: torch.Tensor, prompt_ids: torch.Tensor) -> torch.Tensor:
    return (centred(r.double(), prompt_ids) / grouped(r, prompt_ids, lambda x: x.std(correction=0))).to(r.dtype)


def sign_turned(r: torch.Tensor, prompt_ids: torch.Tensor) -> torch.Tensor:
    return -centred(r, prompt_ids)


def means_themselves(r: torch.Tensor, prompt_ids: torch.Tensor) -> torch.Tensor:
    return grouped(r, prompt_ids, lambda x: x.mean()).to(r.dtype)


def less_the_sum(r: torch.Tensor, prompt_ids: torch.Tensor) -> torch.Tensor:
    return (r.double() - grouped(r, prompt_ids, lambda x: x.sum())).to(r.dtype)


def less_the_first(r: torch.Tensor, prompt_ids: torch.Tensor) -> torch.Tensor:
    return (r.double() - grouped(r, prompt_ids, lambda x: x[0])).to(r.dtype)


def less_the_highest(r: torch.Tensor, prompt_ids: torch.Tensor) -> torch.Tensor:
    return (r.double() - grouped(r, prompt_ids, lambda x: x.max())).to(r.dtype)


def less_the_median(r: torch.Tensor, prompt_ids: torch.Tensor) -> torch.Tensor:
    return (r.double() - grouped(r, prompt_ids, lambda x: x.median())).to(r.dtype)


def less_the_others(r: torch.Tensor, prompt_ids: torch.Tensor) -> torch.Tensor:
    """The mean of the other responses, as RLOO takes it."""
    counts = grouped(r, prompt_ids, lambda x: torch.tensor(float(len(x)), dtype=torch.float64))
    return (centred(r.double(), prompt_ids) * counts / (counts - 1)).to(r.dtype)


def sorted_by_prompt(r: torch.Tensor, prompt_ids: torch.Tensor) -> torch.Tensor:
    return centred(r, prompt_ids)[prompt_ids.argsort(stable=True)]


def neighbours_only(r: torch.Tensor, prompt_ids: torch.Tensor) -> torch.Tensor:
    runs = torch.cat([torch.zeros(1, dtype=torch.int64), (prompt_ids.diff() != 0).long().cumsum(0)])
    return centred(r, runs)


def summed_in_its_dtype(r: torch.Tensor, prompt_ids: torch.Tensor) -> torch.Tensor:
    """Sums one by one, each rounded."""
    _, places, counts = prompt_ids.unique(return_inverse=True, return_counts=True)
    sums = torch.zeros(len(counts), dtype=r.dtype).index_add(0, places, r)
    return r - (sums / counts.to(r.dtype))[places]


EPSILON = {"float64": 2.0**-52, "float32": 2.0**-23, "float16": 2.0**-10, "bfloat16": 2.0**-7}
ROUNDINGS = {"float64": 64, "float32": 32, "float16": 2, "bfloat16": 2}
"""Steps of the dtype at the largest reward by which two right answers differ; halves have their sums in float32."""


def responses(name: str, r: torch.Tensor, prompts: Sequence[int], family: str, **more: Any) -> Case:
    """A case of `centre_rewards`, with a tolerance that follows the rewards, not what is left of them."""
    dtype = str(r.dtype).removeprefix("torch.")
    near = ROUNDINGS[dtype] * EPSILON[dtype] * float(r.double().abs().max())
    return Case(name, (r, torch.tensor(prompts)), family=family, tolerance=near, **more)


def in_groups() -> Iterator[Case]:
    """Responses of a prompt stand together, and prompts come in order."""
    two = "two prompts"
    for dtype, kind in list(DTYPES.items())[:2]:
        for name, numbers, prompts in (
            ("two and three", (1.0, 3.0, 10.0, 20.0, 60.0), (0, 0, 1, 1, 1)),
            ("three and three", (-2.0, 0.5, 4.0, 8.0, -1.0, 3.0), (0, 0, 0, 1, 1, 1)),
            ("two and two", (5.0, -5.5, 2.0, 2.25), (0, 0, 1, 1)),
            ("four and two", (1.0, 2.0, 4.0, 16.0, -3.0, 5.0), (1, 1, 1, 1, 2, 2)),
        ):
            yield responses(f"{dtype} {name}", torch.tensor(numbers, dtype=kind), prompts, two)
        yield responses(f"{dtype} one prompt", drawn(1, 6, dtype=dtype), (3,) * 6, "one prompt")
        yield responses(f"{dtype} one response", drawn(2, 1, dtype=dtype), (3,), "one response a prompt")
        yield responses(f"{dtype} one each", drawn(3, 3, dtype=dtype), (0, 1, 2), "one response a prompt")
        yield responses(f"{dtype} equal", torch.full((4,), 2.5, dtype=kind), (0, 0, 1, 1), "equal rewards")
        for scale in (1e-6, 1e-3, 1e4):
            yield responses(
                f"{dtype} {scale}",
                drawn(4, 7, scale=scale, dtype=dtype),
                (0, 0, 0, 1, 1, 2, 2),
                "rewards of another size",
            )
        yield responses(f"{dtype} far", 1e4 + drawn(5, 6, dtype=dtype), (0, 0, 0, 1, 1, 1), "rewards far from 0")
        yield responses(
            f"{dtype} apart", torch.tensor([1e4, 1e4 + 2, -5.0, 1.0], dtype=kind), (0, 0, 1, 1), "prompts far apart"
        )
    yield responses("many", drawn(6, 300, scale=3), [k // 30 for k in range(300)], "many responses")
    yield responses("one of 300", drawn(7, 300, scale=3), [4] * 300, "one prompt")


def in_any_order() -> Iterator[Case]:
    """Names of prompts that are no places, in any order."""
    apart = "responses of a prompt that do not stand together"
    yield responses("alternating", f64(1.0, 10.0, 3.0, 20.0, 5.0, -7.0), (7, 2, 7, 2, 7, 2), apart)
    yield responses("alternating, lower first", f64(1.0, 10.0, 3.0, 20.0, 5.0, -7.0), (2, 7, 2, 7, 2, 7), apart)
    yield responses("large and negative", f64(5.0, 1.0, 9.0, 2.0), (10**15, -3, 10**15, -3), "large and negative ids")
    yield responses("single", f64(4.0, 2.0, 8.0), (3, 1, 2), "one response a prompt")
    yield responses("falling", f64(4.0, 2.0, 8.0, 1.0, 5.0), (9, 9, 4, 4, 4), "prompts in falling order")
    yield responses("falling ends", f64(1.0, 2.0, 3.0, 9.0, -4.0), (5, 1, 1, 5, 5), apart)
    yield responses("negative", f64(1.0, 2.0, 4.0, -8.0), (-1, -2, -1, -2), "negative ids")
    yield responses("negative only", f64(1.0, 2.0, 4.0), (-7, -7, -7), "negative ids")
    yield responses("zero and minus", f64(3.0, -1.0, 8.0, 2.0, 1.0), (0, -1, 1, -1, 0), "negative ids")
    yield responses("neighbours", f64(1.0, 2.0, 4.0, 8.0), (2**53, 2**53 + 1, 2**53, 2**53 + 1), "large ids")
    yield responses("neighbours of float32", f64(1.0, 2.0, 4.0, 8.0), (2**24, 2**24 + 1, 2**24, 2**24 + 1), "large ids")
    yield responses(
        "extremes", f64(1.0, 5.0, 2.0, 7.0), (2**63 - 1, -(2**63), 2**63 - 1, -(2**63)), "large and negative ids"
    )
    yield responses("modulo", f64(1.0, 2.0, 5.0, 9.0, 4.0, -1.0), (1, 257, 1, 257, 65537, 65537), "large ids")
    yield responses("gaps", f64(1.0, 2.0, 5.0, 9.0, 4.0), (100, 0, 100, 0, 50), apart)
    for seed in range(4):
        draw = random.Random(seed)
        prompts = [draw.choice((11, -4, 3, 0, 10**16)) for _ in range(13)]
        yield responses(f"drawn {seed}", drawn(seed, 13, scale=4), prompts, apart)
        yield responses(f"drawn {seed}, reversed", drawn(seed, 13, scale=4).flip(0), prompts[::-1], apart)
    yield responses("drawn, float32", drawn(8, 9, dtype="float32"), (4, 0, 4, 9, 0, 4, 9, 9, 1), apart)
    yield responses("many", drawn(9, 300), [(7 * k) % 13 - 5 for k in range(300)], apart)


def in_every_dtype() -> Iterator[Case]:
    """Every dtype, sums that need a wide one, other layouts."""
    prompts = (4, 0, 4, 9, 0, 4, 9)
    for dtype, kind in DTYPES.items():
        yield responses(f"{dtype}", quarters(1, 7, dtype=dtype), prompts, f"{dtype} rewards")
        yield responses(f"{dtype}, one", quarters(2, 1, dtype=dtype) + 1, (5,), f"{dtype} rewards")
        yield responses(f"{dtype}, two", quarters(3, 2, dtype=dtype) + 1, (5, 5), f"{dtype} rewards")
        yield responses(f"{dtype}, two prompts", quarters(4, 3, dtype=dtype) + 1, (5, 2, 5), f"{dtype} rewards")
        yield responses(
            f"{dtype}, large",
            torch.full((6,), 3e4, dtype=kind) + 64 * quarters(4, 6, dtype=dtype),
            (1, 2, 1, 2, 1, 2),
            f"large {dtype} rewards",
        )
        yield responses(f"{dtype}, far", (1000 + drawn(5, 8)).to(kind), (0, 1) * 4, f"large {dtype} rewards")
        yield responses(
            f"{dtype}, many",
            (1 + drawn(6, 1200, scale=0.25)).to(kind),
            [k % 2 for k in range(1200)],
            f"many {dtype} rewards",
        )
        yield responses(
            f"{dtype}, one prompt", (2 + drawn(7, 5000, scale=0.25)).to(kind), [1] * 5000, f"many {dtype} rewards"
        )
        for layout in ("strided", "column"):
            family = "tensors that are parts of larger ones"
            yield responses(
                f"{dtype}, {layout}",
                quarters(8, 7, dtype=dtype),
                prompts,
                family,
                layout={"r": layout, "prompt_ids": layout},
            )
    yield responses(
        "expanded",
        torch.full((4,), 1.5),
        (1, 1, 1, 1),
        "tensors that repeat one number",
        layout={"r": "expanded", "prompt_ids": "expanded"},
    )


FORM_OF_R = "float [responses], of the dtype of r."
CENTRED = {
    "value": "Each reward minus the mean of the rewards of the same prompt.",
    "error": "Are ids places in a table there? They are names: they may be negative or very large. See `unique`.",
    "time": "Is there a loop or a table up to the largest id? Ids are names, and may be very large. See `unique`.",
    "dtype": FORM_OF_R,
    "shape": FORM_OF_R,
    "changed": "Your function changes r: `r.clone()` first.",
    "shared": "Return a new tensor: `r.clone()` first.",
}

own_means = Cases(
    "centre_rewards",
    name="each_prompt_has_its_own_mean",
    promise="From each reward the mean of its own prompt's rewards is taken; the spread stays as it is.",
    points=2,
    reference=centred,
    pool=in_groups,
    mistakes=(
        Mistake("That is one mean for all: each prompt has its own.", less_one_mean),
        Mistake("Do not divide: the scale of the rewards is real, only their mean is free.", divided_by_the_spread),
        Mistake("Do not divide: the scale is real, only the mean is free.", divided_by_the_flat_spread),
        Mistake("The sign is turned: reward minus mean.", sign_turned),
        Mistake("That is the mean itself; subtract it from each reward.", means_themselves),
        Mistake("You subtract the sum of the prompt's rewards: divide it by how many there are.", less_the_sum),
        Mistake("You subtract the first reward of the prompt: subtract the mean.", less_the_first),
        Mistake("You subtract the highest reward of the prompt: subtract the mean.", less_the_highest),
        Mistake("You subtract the median: subtract the mean.", less_the_median),
        Mistake("You subtract the mean of the other responses: the reward itself counts in it, too.", less_the_others),
    ),
    hints=CENTRED,
)
any_order = Cases(
    "centre_rewards",
    name="prompts_may_come_in_any_order",
    promise="Prompt ids may be any numbers, and responses of one prompt need not stand together; the order stays.",
    points=2,
    reference=centred,
    pool=in_any_order,
    mistakes=(
        Mistake("You return the rewards sorted by prompt: they stay in their places.", sorted_by_prompt),
        Mistake("Only neighbours are taken together: responses of one prompt may be far apart.", neighbours_only),
        Mistake("That is one mean for all: each prompt has its own.", less_one_mean),
    ),
    hints=CENTRED,
)
dtype_and_inputs_stay = Cases(
    "centre_rewards",
    name="dtype_and_rewards_stay",
    promise="Every float dtype is kept, its sums do not lose small parts, and a new tensor comes back; r stays.",
    points=1,
    reference=centred,
    pool=in_every_dtype,
    keeps_inputs=True,
    fresh=True,
    mistakes=(
        Mistake(
            "The sum is rounded at every step: add float16 and bfloat16 in float32, or take `mean`.",
            summed_in_its_dtype,
        ),
    ),
    hints=CENTRED,
)


# pairwise_accuracy -----------------------------------------------------------------------------------------------


def points_of(rewards: torch.Tensor, pairs: torch.Tensor, tie: Fraction = HALF) -> Fraction:
    """Wins, and `tie` of the ties."""
    r = rewards.double()
    chosen, rejected = r[pairs[:, 0]], r[pairs[:, 1]]
    return int((chosen > rejected).sum()) + tie * int((chosen == rejected).sum())


def exact_accuracy(rewards: torch.Tensor, pairs: torch.Tensor) -> float:
    """Wins and half of the ties over all pairs, in exact arithmetic."""
    if len(pairs) == 0:
        raise ValueError("no pairs")
    return float(points_of(rewards, pairs) / len(pairs))


def wrong_orders(rewards: torch.Tensor, pairs: torch.Tensor) -> float:
    return exact_accuracy(rewards, pairs.flip(1))


def a_number_of_pairs(rewards: torch.Tensor, pairs: torch.Tensor) -> float:
    return float(points_of(rewards, pairs))


def over_the_snippets(rewards: torch.Tensor, pairs: torch.Tensor) -> float:
    return float(points_of(rewards, pairs) / len(rewards))


def above_zero(rewards: torch.Tensor, pairs: torch.Tensor) -> float:
    return (rewards[pairs[:, 0]] > 0).double().mean().item()


def two_means(rewards: torch.Tensor, pairs: torch.Tensor) -> float:
    r = rewards.double()
    return float(r[pairs[:, 0]].mean() > r[pairs[:, 1]].mean())


def places_compared(rewards: torch.Tensor, pairs: torch.Tensor) -> float:
    return (pairs[:, 0] > pairs[:, 1]).double().mean().item()


def share_in_its_dtype(rewards: torch.Tensor, pairs: torch.Tensor) -> float:
    chosen, rejected = rewards[pairs[:, 0]], rewards[pairs[:, 1]]
    return ((chosen > rejected).to(rewards.dtype) + 0.5 * (chosen == rejected).to(rewards.dtype)).mean().item()


def ties_count_nothing(rewards: torch.Tensor, pairs: torch.Tensor) -> float:
    return float(points_of(rewards, pairs, Fraction(0)) / len(pairs))


def ties_count_in_full(rewards: torch.Tensor, pairs: torch.Tensor) -> float:
    return float(points_of(rewards, pairs, Fraction(1)) / len(pairs))


def ties_dropped(rewards: torch.Tensor, pairs: torch.Tensor) -> float:
    won, lost = points_of(rewards, pairs, Fraction(0)), points_of(rewards, pairs.flip(1), Fraction(0))
    return float(won / (won + lost)) if won + lost else math.nan


def near_is_equal(rewards: torch.Tensor, pairs: torch.Tensor) -> float:
    chosen, rejected = rewards[pairs[:, 0]], rewards[pairs[:, 1]]
    near = torch.isclose(chosen, rejected)
    return torch.where(near, 0.5, (chosen > rejected).double()).mean().item()


def all_ordered(rewards: Sequence[float]) -> torch.Tensor:
    """All pairs whose first has the higher or an equal reward."""
    return i64(*((i, j) for i, j in itertools.permutations(range(len(rewards)), 2) if rewards[i] >= rewards[j]))


REWARDS = (0.3, -5.0, 2.0, -0.1, 7.0, -2.0)
SEVEN = i64((0, 1), (2, 3), (4, 2), (5, 1), (1, 5), (0, 3), (2, 0))


def drawn_pairs(seed: int, snippets: int, count: int) -> torch.Tensor:
    """Pairs of different snippets, some more than once."""
    draw = random.Random(seed)
    return i64(*(draw.sample(range(snippets), 2) for _ in range(count)))


def ordered_pairs() -> Iterator[Case]:
    """No ties, of every dtype and size."""
    for dtype, kind in DTYPES.items():
        rewards = torch.tensor(REWARDS, dtype=kind)
        yield Case(f"{dtype} seven", (rewards, SEVEN), family=f"{dtype} rewards")
        yield Case(f"{dtype} three", (rewards, SEVEN[3:6]), family=f"{dtype} rewards")
        yield Case(f"{dtype} permuted", (rewards, SEVEN.flip(1)), family=f"{dtype} rewards")
    for seed, (snippets, count) in enumerate(((2, 3), (3, 7), (9, 11), (9, 72), (40, 300), (300, 1), (5, 2))):
        rewards = drawn(seed, snippets)
        yield Case(
            f"drawn {snippets}, {count}", (rewards, drawn_pairs(seed, snippets, count)), family="ordinary rewards"
        )
    for dtype in DTYPES:
        rewards = torch.arange(200, dtype=torch.float64).sub(100).to(DTYPES[dtype])
        yield Case(f"{dtype} many", (rewards, drawn_pairs(9, 200, 3001)), family="many pairs")
    small = "leads that are very small"
    for name, (low, high) in {"1e-12": (0.0, 1e-12), "at one": (1.0, 1.0 + 2**-52), "tiny": (1e-300, 2e-300)}.items():
        yield Case(f"lead {name}", (f64(low, high, 5.0), i64((1, 0), (1, 0), (0, 2))), family=small)
        yield Case(f"lag {name}", (f64(low, high, 5.0), i64((0, 1), (2, 0), (0, 1))), family=small)
    yield Case("lead at 10,000", (torch.tensor([1e4, 1e4 + 1e-3]), i64((1, 0), (1, 0), (0, 1))), family=small)
    yield Case("lead at -10,000", (f64(-1e4, -1e4 - 1e-9, 3.0), i64((1, 0), (0, 1), (0, 1))), family=small)
    yield Case(
        "lead at 1e-6", (torch.tensor([1e-6, 1.0000001e-6, 2e-6]), i64((1, 0), (2, 1), (0, 2), (1, 0))), family=small
    )
    yield Case(
        "lead in float16", (torch.tensor([1.0, 1.0 + 2**-10, 0.0]).half(), i64((1, 0), (1, 0), (2, 0))), family=small
    )
    negative = f64(-1.0, -2.0, -3.0, -0.5)
    yield Case("below 0", (negative, i64((0, 1), (1, 2), (3, 0), (2, 3))), family="rewards below 0")
    yield Case("above 0", (negative.neg(), i64((0, 1), (1, 2), (3, 0), (2, 3), (2, 1))), family="rewards above 0")
    for scale in (1e-6, 1e4):
        yield Case(
            f"scale {scale}", (drawn(5, 8, scale=scale), drawn_pairs(5, 8, 13)), family="rewards of another size"
        )
    for layout in ("transposed", "strided", "column"):
        args = torch.tensor(REWARDS), SEVEN
        yield Case(f"pairs {layout}", args, layout={"pairs": layout}, family="tensors that are parts of larger ones")
    yield Case(
        "rewards strided",
        (torch.tensor(REWARDS), SEVEN),
        layout={"rewards": "strided"},
        family="tensors that are parts of larger ones",
    )
    yield Case("one pair again", (f64(1.0, 2.0), i64((1, 0), (1, 0), (0, 1))), family="a pair that comes again")


def tied_pairs() -> Iterator[Case]:
    """Rewards that are equal, and some that are nearly."""
    some, near = "some equal rewards", "rewards that are nearly equal"
    for dtype, kind in DTYPES.items():
        yield Case(
            f"{dtype} zeros",
            (torch.zeros(4, dtype=kind), i64((0, 1), (2, 3), (1, 3))),
            family="rewards that are all equal",
        )
        yield Case(
            f"{dtype} example",
            (torch.tensor([1.0, 4.0, 4.0], dtype=kind), i64((1, 0), (0, 2), (1, 2), (2, 1), (1, 0))),
            family=some,
        )
        yield Case(
            f"{dtype} more lost",
            (torch.tensor([1.0, 4.0, 4.0], dtype=kind), i64((0, 1), (0, 2), (1, 2), (2, 1), (0, 1))),
            family=some,
        )
    yield Case("nearly", (f64(0.5, 0.5, 0.5 + 1e-12), i64((0, 1), (2, 1), (2, 0))), family=near)
    yield Case("nearly behind", (f64(0.5, 0.5, 0.5 - 1e-12), i64((0, 1), (2, 1), (2, 0))), family=near)
    yield Case(
        "nearly at 10,000", (torch.tensor([1e4, 1e4 + 1e-3, 1e4]), i64((1, 0), (0, 2), (1, 2), (0, 2))), family=near
    )
    yield Case("nearly at 0", (f64(1e-9, 0.0, 0.0, 2e-9), i64((0, 1), (1, 2), (3, 0), (3, 1))), family=near)
    yield Case("signed zeros", (f64(0.0, -0.0, 1.0), i64((0, 1), (1, 0), (2, 1))), family="0 and −0")
    yield Case("large", (f64(1e4, 1e4, -1e4), i64((0, 1), (0, 2), (1, 0), (1, 2))), family=some)
    yield Case("one tie", (f64(3.0, 3.0), i64((0, 1))), family="rewards that are all equal")
    for seed in range(5):
        rewards = torch.tensor([random.Random(seed).choice((-1.0, 0.0, 0.25, 3.0)) for _ in range(7)])
        rewards = torch.cat([rewards, torch.tensor([0.0, -1.0, 0.0])]).to(list(DTYPES.values())[seed % 4])
        yield Case(f"drawn {seed}", (rewards, drawn_pairs(seed, 10, 9 + 2 * seed)), family=some)
    yield Case("many", (torch.arange(300).remainder(3).double(), drawn_pairs(6, 300, 1000)), family="many pairs")


def forms() -> Iterator[Case]:
    """All right, all wrong, nothing."""
    for dtype, kind in DTYPES.items():
        rewards = torch.tensor([3.0, 1.0, 2.0], dtype=kind)
        right = all_ordered(rewards.tolist())
        yield Case(f"{dtype} all", (rewards, right), family="pairs that are all in order")
        yield Case(f"{dtype} none", (rewards, right.flip(1)), family="pairs that are all in the wrong order")
        yield Case(f"{dtype} one", (rewards, i64((0, 1))), family="a single pair")
        yield Case(f"{dtype} no pairs", (rewards, i64()), family="no pairs")
    yield Case("one snippet, no pairs", (torch.zeros(1), i64()), family="no pairs")
    yield Case("half", (torch.tensor([3.0, 1.0]), i64((0, 1), (1, 0))), family="two pairs")
    yield Case("no snippets", (torch.zeros(0), i64()), family="no pairs")


A_FLOAT = "Return a Python float: `.item()`, or `float(...)`."
ACCURACY = {
    "value": "The share of pairs with a higher reward for the chosen one, ties half.",
    "type": A_FLOAT,
    "no error": "Without pairs there is no accuracy: raise ValueError, nan would spoil every average.",
    "changed": "Your function changes the rewards or the pairs.",
}

in_order = Cases(
    "pairwise_accuracy",
    name="counts_the_pairs_that_are_in_order",
    promise="The share of pairs whose first snippet has the higher reward, however small the lead.",
    points=2,
    reference=exact_accuracy,
    pool=ordered_pairs,
    keeps_inputs=True,
    tolerance=1e-6,
    mistakes=(
        Mistake("That is the share of wrong orders: pairs are (chosen, rejected).", wrong_orders),
        Mistake("A share, not a number of pairs: divide by how many there are.", a_number_of_pairs),
        Mistake("Divide by the number of pairs, not of snippets.", over_the_snippets),
        Mistake("That is the share of chosen rewards above 0; compare each with its rejected one.", above_zero),
        Mistake("Compare pair by pair, not two means.", two_means),
        Mistake("The numbers in pairs are places in rewards: look the rewards up.", places_compared),
        Mistake("You average in the dtype of the rewards: float16 and bfloat16 round the share.", share_in_its_dtype),
        Mistake("A lead counts however small it is: `isclose` and rounding take it for a tie.", near_is_equal),
    ),
    hints=ACCURACY
    | {"leads that are very small": "A lead counts however small it is: compare the rewards as they are."},
)
tied = Cases(
    "pairwise_accuracy",
    name="a_tie_is_half_a_point",
    promise="Pairs with exactly equal rewards count half; a model that gives every text the same reward has 0.5.",
    points=2,
    reference=exact_accuracy,
    pool=tied_pairs,
    keeps_inputs=True,
    tolerance=1e-6,
    mistakes=(
        Mistake(
            "Ties count nothing in yours: a model that cannot tell guesses right half of the time.", ties_count_nothing
        ),
        Mistake("Ties count in full: >= calls a model that cannot tell perfect.", ties_count_in_full),
        Mistake("You leave ties out of the count: they stay in it, with half a point.", ties_dropped),
        Mistake("Only exactly equal rewards tie; a lead of 1e-12 is a lead.", near_is_equal),
        Mistake("That is the share of wrong orders: pairs are (chosen, rejected).", wrong_orders),
    ),
    hints=ACCURACY
    | {"value": "Only exactly equal rewards tie; each tie is half a point.", "0 and −0": "0 and −0 are equal: a tie."},
)
float_or_error = Cases(
    "pairwise_accuracy",
    name="accuracy_is_a_float_and_refuses_no_pairs",
    promise="The answer is a Python float, also when it is 1; without pairs there is a ValueError.",
    points=1,
    reference=exact_accuracy,
    pool=forms,
    keeps_inputs=True,
    tolerance=1e-6,
    hints=ACCURACY,
)


# accuracy_ceiling ------------------------------------------------------------------------------------------------

Bet = Callable[[Sequence[int], Sequence[int]], Fraction]
Average = Callable[[list[Fraction]], Fraction]


def likelier(a: Sequence[int], b: Sequence[int]) -> Fraction:
    """What the better bet wins if one random rater of each makes the label."""
    p = wins(a, b)
    return max(p, 1 - p)


def means_differ(a: Sequence[int], b: Sequence[int]) -> Fraction:
    """What the better bet wins if the means make the label."""
    return HALF if mean(a) == mean(b) else Fraction(1)


def average(bets: list[Fraction]) -> Fraction:
    """Their mean."""
    return sum(bets, Fraction(0)) / len(bets)


def ceiling(
    ratings: Ratings,
    pairs: torch.Tensor,
    label: str,
    one_rater: Bet = likelier,
    by_mean: Bet = means_differ,
    over: Average = average,
) -> float:
    """The answer of one who bets so."""
    kinds = {"one_rater": one_rater, "mean": by_mean}
    if len(pairs) == 0 or label not in kinds:
        raise ValueError("no pairs, or another label")
    return float(over([kinds[label](ratings[i], ratings[j]) for i, j in pairs.tolist()]))


def exact_ceiling(ratings: Ratings, pairs: torch.Tensor, label: str = "one_rater") -> float:
    """The definition, in fractions."""
    return ceiling(ratings, pairs, label)


def bets_on_means(ratings: Ratings, pairs: torch.Tensor, label: str = "one_rater") -> float:
    def bet(a: Sequence[int], b: Sequence[int]) -> Fraction:
        return wins(a, b) if mean(a) > mean(b) else wins(b, a) if mean(b) > mean(a) else HALF

    return ceiling(ratings, pairs, label, one_rater=bet)


def mean_first(ratings: Ratings, pairs: torch.Tensor, label: str = "one_rater") -> float:
    return ceiling(ratings, pairs, label, one_rater=wins, over=lambda bets: max(average(bets), 1 - average(bets)))


def bets_on_the_first(ratings: Ratings, pairs: torch.Tensor, label: str = "one_rater") -> float:
    return ceiling(ratings, pairs, label, one_rater=wins)


def loses_ties(ratings: Ratings, pairs: torch.Tensor, label: str = "one_rater") -> float:
    return ceiling(ratings, pairs, label, one_rater=lambda a, b: max(wins(a, b, Fraction(0)), wins(b, a, Fraction(0))))


def wins_ties(ratings: Ratings, pairs: torch.Tensor, label: str = "one_rater") -> float:
    return ceiling(ratings, pairs, label, one_rater=lambda a, b: max(wins(a, b, Fraction(1)), wins(b, a, Fraction(1))))


def strict_against_the_rest(ratings: Ratings, pairs: torch.Tensor, label: str = "one_rater") -> float:
    """Ties go to the second of the two."""
    return ceiling(
        ratings, pairs, label, one_rater=lambda a, b: max(wins(a, b, Fraction(0)), 1 - wins(a, b, Fraction(0)))
    )


def sum_of_bets(ratings: Ratings, pairs: torch.Tensor, label: str = "one_rater") -> float:
    return ceiling(ratings, pairs, label, over=lambda bets: sum(bets, Fraction(0)))


def worse_bets(ratings: Ratings, pairs: torch.Tensor, label: str = "one_rater") -> float:
    return ceiling(ratings, pairs, label, one_rater=lambda a, b: 1 - likelier(a, b))


def best_pair(ratings: Ratings, pairs: torch.Tensor, label: str = "one_rater") -> float:
    return ceiling(ratings, pairs, label, over=max)


def label_not_used(ratings: Ratings, pairs: torch.Tensor, label: str = "one_rater") -> float:
    return ceiling(ratings, pairs, "one_rater")


def always_one(ratings: Ratings, pairs: torch.Tensor, label: str = "one_rater") -> float:
    return ceiling(ratings, pairs, label, by_mean=lambda a, b: Fraction(1))


def nothing_for_equal_means(ratings: Ratings, pairs: torch.Tensor, label: str = "one_rater") -> float:
    return ceiling(ratings, pairs, label, by_mean=lambda a, b: Fraction(mean(a) != mean(b)))


def first_mean_higher(ratings: Ratings, pairs: torch.Tensor, label: str = "one_rater") -> float:
    return ceiling(ratings, pairs, label, by_mean=lambda a, b: HALF * ((mean(a) > mean(b)) + (mean(a) >= mean(b))))


def sums_compared(ratings: Ratings, pairs: torch.Tensor, label: str = "one_rater") -> float:
    return ceiling(ratings, pairs, label, by_mean=lambda a, b: HALF if sum(a) == sum(b) else Fraction(1))


def medians_compared(ratings: Ratings, pairs: torch.Tensor, label: str = "one_rater") -> float:
    return ceiling(ratings, pairs, label, by_mean=lambda a, b: HALF if median(a) == median(b) else Fraction(1))


def near_means_tie(ratings: Ratings, pairs: torch.Tensor, label: str = "one_rater") -> float:
    return ceiling(ratings, pairs, label, by_mean=lambda a, b: HALF if abs(mean(a) - mean(b)) < 1e-4 else Fraction(1))


ODD_PAIRS = i64((0, 1), (2, 3), (4, 1), (3, 4), (5, 0), (2, 5))


def all_pairs(ratings: Ratings) -> torch.Tensor:
    """Each two snippets once."""
    return i64(*itertools.combinations(range(len(ratings)), 2))


def ceilings(*label: str) -> Iterator[Case]:
    """All crowds, with their pairs in both orders."""
    yield Case("odd, some", (ODD, ODD_PAIRS, *label), family=CROWDS["odd"][0])
    yield Case("odd, some, turned", (ODD, ODD_PAIRS.flip(1), *label), family=CROWDS["odd"][0])
    chosen = i64((0, 1), (3, 1), (5, 2), (6, 4), (0, 6))
    yield Case("crowd, some", (CROWD, chosen, *label), family=CROWDS["unequal"][0])
    yield Case(
        "crowd, again", (CROWD, i64((0, 1), (3, 1), (0, 1), (0, 1), (1, 0)), *label), family="a pair that comes again"
    )
    for name, (family, ratings) in CROWDS.items():
        if name != "many snippets":
            yield Case(name, (ratings, all_pairs(ratings), *label), family=family)
        if name.startswith(("drawn small", "thirds", "sevenths", "odd pair", "ends")):
            turned = all_pairs(ratings)
            turned[::2] = turned[::2].flip(1)
            yield Case(f"{name}, turned", (ratings, turned, *label), family=family)
    yield Case("a single pair", (ODD, i64((1, 0)), *label), family="a single pair")
    yield Case(
        "alike", ([[1, 2], [1, 2], [2, 1]], i64((0, 1), (1, 2)), *label), family="snippets with the same ratings"
    )
    for layout in ("transposed", "strided", "column"):
        yield Case(
            f"pairs {layout}",
            (ODD, ODD_PAIRS, *label),
            layout={"pairs": layout},
            family="tensors that are parts of larger ones",
        )


def for_one_rater() -> Iterator[Case]:
    """The label named, by place and by name."""
    yield from ceilings("one_rater")
    yield Case("by name", (ODD, ODD_PAIRS), {"label": "one_rater"}, family=CROWDS["odd"][0])


def for_means() -> Iterator[Case]:
    """The label named, by place and by name."""
    yield Case("crowd, ties", (CROWD, i64((4, 6), (0, 1), (6, 4), (2, 5)), "mean"), family="equal means")
    thirds = [[1, 1, 2], [1, 1, 1, 1, 2, 2], [0, 1]]
    yield Case("thirds, some", (thirds, i64((0, 1), (1, 2)), "mean"), family="equal means that no float holds")
    yield Case(
        "equal sums", ([[1, 1], [2], [1, 1, 0], [2, 0]], i64((0, 1), (1, 2), (0, 3)), "mean"), family="equal sums"
    )
    yield Case("equal medians", ([[0, 0, 3], [0], [1, 0, 2]], i64((0, 1), (0, 2)), "mean"), family="equal medians")
    yield Case("close, some", (CLOSE, i64((0, 1), (0, 1), (2, 1)), "mean"), family=CROWDS["close"][0])
    yield Case("close, one", (CLOSE[:2], i64((0, 1)), "mean"), family=CROWDS["close"][0])
    yield from ceilings("mean")
    yield Case("by name", (CROWD, all_pairs(CROWD)), {"label": "mean"}, family="equal means")


def without_a_label() -> Iterator[Case]:
    """The label left out."""
    yield from (
        case
        for case in ceilings()
        if case.name in ("odd, some", "crowd, some", "alike", "thirds", "ties", "odd pair", "unequal")
    )
    equal = [[1, 3], [2], [0, 4], [-1, 2]]
    yield Case("equal means", (equal, all_pairs(equal)), family="equal means")


def nonsense() -> Iterator[Case]:
    """No pairs, other labels; and two that make sense."""
    for label in ("means", "median", "", "Mean", "MEAN", "ONE_RATER", "one rater", "one_rater ", "one", "rater"):
        yield Case(f"label {label!r}", (ODD, ODD_PAIRS, label), family="another label")
    yield Case("label, one pair", (ODD, ODD_PAIRS[:1], "mode"), family="another label")
    yield Case("label by name", (ODD, ODD_PAIRS), {"label": "raters"}, family="another label")
    for label in ("mean", "one_rater"):
        yield Case(f"no pairs, {label}", (ODD, i64(), label), family="no pairs")
        yield Case(f"sense, {label}", (ODD, ODD_PAIRS, label), family="ordinary crowds")
    yield Case("no pairs, no label", (ODD, i64()), family="no pairs")
    yield Case("no pairs, another label", (ODD, i64(), "median"), family="no pairs")


CEILING = {
    "type": A_FLOAT,
    "changed": "Your function changes the ratings or the pairs: do not sort the lists you are given.",
}

one_rater = Cases(
    "accuracy_ceiling",
    name="one_rater_ceiling_bets_on_the_likelier_order",
    promise="For labels by one rater each, a pair's ceiling is max(p, 1 − p), ties half; the ceiling is their mean.",
    points=3,
    reference=exact_ceiling,
    pool=for_one_rater,
    keeps_inputs=True,
    tolerance=1e-6,
    mistakes=(
        Mistake(
            "That bets on the higher mean. The more probable order may be the other one: max(p, 1 − p).", bets_on_means
        ),
        Mistake(
            "Take the better bet of each pair first, then the mean: a mean of p, turned round at the end, is less.",
            mean_first,
        ),
        Mistake("That is the mean of p: a model may bet against the first of the two.", bets_on_the_first),
        Mistake("Equal ratings are lost: the label is then a coin flip, half a point.", loses_ties),
        Mistake("Equal ratings count in full: the label is then a coin flip, half a point.", wins_ties),
        Mistake("Equal ratings are half a win for either side; in yours all go to one.", strict_against_the_rest),
        Mistake("The sum over the pairs: divide by how many there are.", sum_of_bets),
        Mistake("That is the worse bet of each pair: max, not min.", worse_bets),
        Mistake("That is the best pair's: the ceiling is the mean over the pairs.", best_pair),
    ),
    hints=CEILING | {"value": "The mean over the pairs of max(p, 1 − p), with all pairs of raters, ties half."},
)
by_means = Cases(
    "accuracy_ceiling",
    name="mean_ceiling_is_one_but_for_ties",
    promise="For labels by the order of the means, a pair's ceiling is 1, and one half where the means are equal.",
    points=2,
    reference=exact_ceiling,
    pool=for_means,
    keeps_inputs=True,
    tolerance=1e-6,
    mistakes=(
        Mistake("label is not used: this is the ceiling for one rater.", label_not_used),
        Mistake("Equal means are a coin flip: half a point for such a pair.", always_one),
        Mistake(
            "No point for equal means: their label is a coin flip, and half of the bets are right.",
            nothing_for_equal_means,
        ),
        Mistake(
            "A model may bet on either of the two: 1 where the means differ, whichever is higher.", first_mean_higher
        ),
        Mistake("Compare means, not sums: snippets have different numbers of raters.", sums_compared),
        Mistake("Compare means, not medians.", medians_compared),
        Mistake("Means that are close are not equal: only equal ones are a coin flip.", near_means_tie),
        Mistake("The sum over the pairs: divide by how many there are.", sum_of_bets),
    ),
    hints=CEILING
    | {
        "value": "The mean over the pairs: 1 where the two means differ, 0.5 where they are equal.",
        "means that no float holds": "Means that are equal as fractions are equal: take sum / len.",
        "equal means that no float holds": "Means that are equal as fractions are equal: take sum / len.",
        "means that are close to one another": "Means that are 0.00001 apart differ: only equal ones are a coin flip.",
    },
)
default_label = Cases(
    "accuracy_ceiling",
    name="one_rater_is_the_default",
    promise="Without a label it is the ceiling for one rater; the answer is a Python float, never below one half.",
    points=1,
    reference=exact_ceiling,
    pool=without_a_label,
    keeps_inputs=True,
    tolerance=1e-6,
    hints=CEILING
    | {
        "value": 'label is "one_rater" by default: the mean over the pairs of max(p, 1 − p).',
        "error": 'label is "one_rater" by default: the function can be called without it.',
    },
)
refuses_nonsense = Cases(
    "accuracy_ceiling",
    name="ceiling_refuses_nonsense",
    promise='No pairs, or a label that is neither "mean" nor "one_rater", raises ValueError.',
    points=1,
    reference=exact_ceiling,
    pool=nonsense,
    keeps_inputs=True,
    tolerance=1e-6,
    hints=CEILING | {"no error": "No pairs, or a label that is not exactly one of the two: raise ValueError."},
)
