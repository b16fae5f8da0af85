"""Cases of `accuracy_ceiling`: inputs, what is right for each, and likely mistakes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from statistics import median

import torch
from cases_crowds import CLOSE, CROWD, CROWDS, HALF, ODD, Ratings, mean, wins
from cases_inputs import A_FLOAT, i64

from grader.checks import Case, Cases, Mistake

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


def means_from_shares(ratings: Ratings, pairs: torch.Tensor, label: str = "one_rater") -> float:
    """Each rating is divided by itself, and rounded: 4/3 and 8/6 come out differently."""

    def rounded(row: Sequence[int]) -> float:
        return sum(x / len(row) for x in row)

    return ceiling(ratings, pairs, label, by_mean=lambda a, b: HALF if rounded(a) == rounded(b) else Fraction(1))


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


AGAIN = "A pair that comes more than once counts each time: no set, no `unique`."
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
    hints=CEILING
    | {
        "value": "The mean over the pairs of max(p, 1 − p), with all pairs of raters, ties half.",
        "a pair that comes again": AGAIN,
    },
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
        Mistake("4/3 and 8/6 are equal means, however they are rounded: take sum / len.", means_from_shares),
        Mistake("Means that are close are not equal: only equal ones are a coin flip.", near_means_tie),
        Mistake("The sum over the pairs: divide by how many there are.", sum_of_bets),
    ),
    hints=CEILING
    | {
        "value": "The mean over the pairs: 1 where the two means differ, 0.5 where they are equal.",
        "a pair that comes again": AGAIN,
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
        "TypeError": 'label is "one_rater" by default: the function can be called without it.',
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
    hints=CEILING
    | {
        "other error": "Raise ValueError before you look at the ratings.",
        "no error": "No pairs, or a label that is not exactly one of the two: raise ValueError.",
    },
)
