"""Cases of `preference_pairs`: inputs, what is right for each, and likely mistakes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from statistics import median

import torch
from cases_crowds import CROWD, CROWDS, HALF, SEVENTHS, THIRDS, Ratings, mean, wins
from cases_inputs import f64, i64

from grader.checks import Case, Cases, Mistake

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


def means_from_shares(ratings: Ratings, min_gap: float = 0.0) -> Preferred:
    """Each rating is divided by itself, and rounded: 4/3 and 8/6 come out differently."""
    means = {tuple(row): sum(x / len(row) for x in row) for row in ratings if row}

    def gap(a: Sequence[int], b: Sequence[int]) -> float:
        return means[tuple(a)] - means[tuple(b)]

    if not all(ratings):
        raise ValueError("a snippet has no ratings")
    kept = [
        (i, j) if gap(ratings[i], ratings[j]) > 0 else (j, i)
        for i, j in itertools.combinations(range(len(ratings)), 2)
        if gap(ratings[i], ratings[j]) != 0 and abs(gap(ratings[i], ratings[j])) >= min_gap
    ]
    return i64(*kept), f64(*(float(wins(ratings[i], ratings[j])) for i, j in kept))


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
    """All crowds, without a least gap; hundreds of raters only where they matter."""
    for name, (family, ratings) in CROWDS.items():
        if name != "many raters":
            yield Case(name, (ratings,), family=family)


def crowds_for_p() -> Iterator[Case]:
    """All crowds, and some with a least gap."""
    for name, (family, ratings) in CROWDS.items():
        if name not in ("close", "many snippets"):
            yield Case(name, (ratings,), family=family)
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
        Mistake("4/3 and 8/6 are equal means, however they are rounded: take sum / len.", means_from_shares),
        Mistake("The order is that of `combinations(range(n), 2)`: by the earlier snippet first.", other_order),
        Mistake("Keep the order of `combinations(range(n), 2)`: do not sort by the chosen one.", sorted_by_places),
    ),
    hints={
        "value": "All pairs whose means differ, (chosen, rejected), in the order of combinations(range(n), 2).",
        ("shape", "means that no float holds"): "4/3 and 8/6 are equal means: take sum / len.",
        (
            "shape",
            "means that are close to one another",
        ): "Means 0.00001 apart differ: only equal ones are no preference.",
        "type": PAIRS,
        "dtype": PAIRS,
        "shape": "One row for each pair whose means differ, however little: int64 [pairs, 2], and float64 [pairs].",
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
    mistakes=(
        Mistake("min_gap is not used.", any_gap),
        Mistake("A gap of exactly min_gap is enough: >=.", more_than_the_gap),
        Mistake("Equal means are no preference: leave such a pair out, even if min_gap is 0.", equal_means_too),
        Mistake("min_gap is the least gap, not the largest.", small_gaps_only),
        Mistake("The gap has no sign: either of the two may have the higher mean.", gap_one_way),
    ),
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
        "RuntimeError or IndexError or ValueError": "Without a pair return two empty tensors: `torch.zeros(0, 2, "
        "dtype=torch.int64)` is one.",
        "other error": "Raise ValueError before you divide by the number of raters.",
        "no error": "A snippet without ratings has no mean: raise ValueError, wherever it is, whatever min_gap is.",
        "changed": NOT_SORTED,
    },
)
