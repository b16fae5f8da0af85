"""Cases of `pairwise_accuracy`: inputs, what is right for each, and likely mistakes."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator, Sequence
from fractions import Fraction

import torch
from cases_inputs import A_FLOAT, DTYPES, drawn, f64, i64

from grader.checks import Case, Cases, Mistake

HALF = Fraction(1, 2)


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


ACCURACY = {
    "value": "The share of pairs with a higher reward for the chosen one, ties half.",
    "type": A_FLOAT,
    "other error": "Raise ValueError before you divide by the number of pairs.",
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
