"""Hidden checks of lab 02 and their reference answers: exact counting in fractions, and TRL's own loss."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from statistics import median
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from trl import RewardTrainer

from grader.checks import Result, Student, check, expect, same

Ratings = list[list[int]]
HALF = Fraction(1, 2)


def likely(result: Result, mistakes: Mapping[str, Any], default: str) -> str:
    """The hint (key) of the first mistake whose outcome is what came back; `default` if none is."""
    got = result.value
    for hint, outcome in mistakes.items():
        if isinstance(outcome, torch.Tensor):
            fits = isinstance(got, torch.Tensor) and got.shape == outcome.shape
            if fits and torch.allclose(got.double(), outcome.double(), rtol=1e-5, atol=1e-5, equal_nan=True):
                return hint
        elif same(got, outcome, 1e-6):
            return hint
    return default


def f64(*values: float) -> torch.Tensor:
    """A float64 tensor."""
    return torch.tensor(values, dtype=torch.float64)


def i64(*rows: Sequence[int]) -> torch.Tensor:
    """An int64 tensor of pairs, [pairs, 2], also without any."""
    return torch.tensor(rows, dtype=torch.int64).view(-1, 2)


# preference_pairs ------------------------------------------------------------------------------------------------

# Unequal numbers of raters, all powers of 2: means are exact in floating point. Ratings reach both ends of the scale.
CROWD: Ratings = [[0, 1], [4, 4, -4, 4], [-1], [3, 3, 3, 2, -4, 4, 1, 0], [2, 2], [-4, -4, -3, -4], [1, 3]]


def mean(row: Sequence[int]) -> Fraction:
    """The mean of the ratings, exactly."""
    return Fraction(sum(row), len(row))


def wins(a: Sequence[int], b: Sequence[int], tie: Fraction = HALF) -> Fraction:
    """P(a random rating of `a` is above one of `b`), a tie counting `tie`."""
    points = sum((Fraction(x > y) + tie * (x == y) for x, y in itertools.product(a, b)), Fraction(0))
    return points / (len(a) * len(b))


def ordered(ratings: Ratings, min_gap: float = 0.0) -> list[tuple[int, int]]:
    """The pairs that should come back, (chosen, rejected)."""
    pairs = []
    for i, j in itertools.combinations(range(len(ratings)), 2):
        gap = mean(ratings[i]) - mean(ratings[j])
        if gap != 0 and abs(gap) >= min_gap:
            pairs.append((i, j) if gap > 0 else (j, i))
    return pairs


def shares(ratings: Ratings, pairs: Sequence[tuple[int, int]], tie: Fraction = HALF) -> torch.Tensor:
    """P(raters agree) of each pair, float64."""
    return f64(*(float(wins(ratings[i], ratings[j], tie)) for i, j in pairs))


FORM = "Return two tensors: int64 [pairs, 2] and float64 [pairs]."


def part(result: Result, place: int) -> Result:
    """One of the two things that came back, as a result of its own."""
    both = expect(result).value(tuple, hint=FORM)
    expect(result).that(len(both) == 2, hint=FORM)
    return Result(both[place], None, result.args_before, result.args_after)


@check("preference_pairs", points=2)
def the_higher_mean_is_chosen(student: Student) -> None:
    """Every pair with different means comes once, the snippet with the higher mean first, in the order asked for."""
    for ratings in (CROWD, CROWD[::-1], [[-3], [-1], [-2, -2]], [[1], [2, 2, 1, 1]]):
        got = part(student.preference_pairs(ratings), 0)
        expected = ordered(ratings)
        by_place = [(min(pair), max(pair)) for pair in expected]
        magnitude = [(i, j) if abs(mean(ratings[i])) > abs(mean(ratings[j])) else (j, i) for i, j in expected]
        totals = [(i, j) if sum(ratings[i]) > sum(ratings[j]) else (j, i) for i, j in expected]
        middle = [(i, j) if median(ratings[i]) > median(ratings[j]) else (j, i) for i, j in expected]
        mistakes = {
            "The chosen one is the one with the higher mean, not the one that comes first.": i64(*by_place),
            "The rejected one stands first: (chosen, rejected).": i64(*expected).flip(1),
            "Compare means, not their amounts: −1 is better than −3.": i64(*magnitude),
            "Compare means, not sums: snippets have different numbers of raters.": i64(*totals),
            "Compare means, not medians.": i64(*middle),
            "int64 [pairs, 2], not [2, pairs].": i64(*expected).T,
        }
        default = "All pairs whose means differ, (chosen, rejected), in the order of combinations(range(n), 2)."
        expect(got).equals(i64(*expected), hint=likely(got, mistakes, default))


@check("preference_pairs", points=2)
def p_counts_all_pairs_of_raters(student: Student) -> None:
    """The probability is the share of rater pairs that agree with the order of the means; a tie counts half."""
    for ratings in (CROWD, [[4, -1, -1, -1], [0, 0]], [[2, 2, 2], [2, 2, 1], [2, 3, 3, 3, 2]]):
        result = student.preference_pairs(ratings)
        pairs, got = ordered(ratings), part(result, 1)
        expected = shares(ratings, pairs)
        gaps = f64(*(float(mean(ratings[i]) - mean(ratings[j])) for i, j in pairs))
        crowds = [(ratings[i], ratings[j]) for i, j in pairs]
        in_step = [[x > y for x, y in zip(a, b, strict=False)] for a, b in crowds]
        untied = [wins(a, b, Fraction(0)) / (1 - wins(a, b, Fraction(1)) + wins(a, b, Fraction(0))) for a, b in crowds]
        mistakes = {
            "Equal ratings count nothing in yours: they are half a win.": shares(ratings, pairs, Fraction(0)),
            "Equal ratings count as agreement in yours: they are half a win.": shares(ratings, pairs, Fraction(1)),
            "You leave ties out of the count: they stay in it, with half a point.": f64(*map(float, untied)),
            "p may lie below one half: do not turn it round.": torch.maximum(expected, 1 - expected),
            "That is 1 − p: do raters agree that the *chosen* one is better?": 1 - expected,
            "p is counted from the raters, not σ of the gap.": torch.sigmoid(gaps),
            "Raters are anonymous: compare every one with every one of the other, not place by place.": f64(
                *(sum(row) / len(row) for row in in_step)
            ),
        }  # fmt: skip
        hint = likely(got, mistakes, "The share of all pairs of raters with the higher rating for the chosen one.")
        expect(got).close(expected, tol=1e-6, hint=hint)


@check("preference_pairs", points=2)
def min_gap_is_reached_by_equality(student: Student) -> None:
    """A gap of exactly min_gap is enough, a smaller one is not; equal means are never a pair."""
    for ratings, min_gap in ((CROWD, 0.5), (CROWD, 2.5), ([[1, 1], [0, 2], [2], [2, 1]], 1.0), (CROWD, 0.0)):
        result = student.preference_pairs(ratings, min_gap)
        expected, got = ordered(ratings, min_gap), part(result, 0)
        strict = [(i, j) for i, j in expected if mean(ratings[i]) - mean(ratings[j]) > min_gap]
        tied = [
            (i, j) if mean(ratings[i]) >= mean(ratings[j]) else (j, i)
            for i, j in itertools.combinations(range(len(ratings)), 2)
            if abs(mean(ratings[i]) - mean(ratings[j])) >= min_gap
        ]
        mistakes = {
            "min_gap is not used.": i64(*ordered(ratings)),
            "A gap of exactly min_gap is enough: >=.": i64(*strict),
            "Equal means are no preference: leave such a pair out, even if min_gap is 0.": i64(*tied),
        }
        default = "Keep the pairs whose means differ, and by at least min_gap."
        expect(got).equals(i64(*expected), hint=likely(got, mistakes, default))
        expect(part(result, 1)).close(shares(ratings, expected), tol=1e-6, hint="One p for each pair that is kept.")


@check("preference_pairs", points=1)
def odd_crowds_are_handled(student: Student) -> None:
    """No pair gives empty tensors of the right form; a snippet without ratings raises ValueError; inputs stay."""
    hint = "Without pairs: int64 [0, 2] and float64 [0], as `torch.tensor(pairs, dtype=torch.int64).view(-1, 2)` gives."
    for ratings in ([[1, 1], [1]], [[3]]):
        result = student.preference_pairs(ratings)
        expect(part(result, 0)).equals(i64(), hint=hint)
        expect(part(result, 1)).equals(f64(), hint=hint)
    result = student.preference_pairs([[3, -1], [2, 0, -2, -2]], 0.25)
    expect(part(result, 0)).equals(i64((0, 1)), hint="Two snippets, one pair.")
    expect(result).unchanged(hint="Your function changes the ratings: do not sort the lists you are given.")
    for ratings in ([[1], []], [[], []]):
        hint = "A snippet without ratings has no mean: raise ValueError."
        expect(student.preference_pairs(ratings)).raises("ValueError", hint=hint)


# bradley_terry_loss ----------------------------------------------------------------------------------------------


def trl_loss(chosen: torch.Tensor, rejected: torch.Tensor, margin: torch.Tensor | None = None) -> torch.Tensor:
    """The loss of each pair by `RewardTrainer.compute_loss` of TRL 0.11.4, called on a model that returns rewards."""
    settings = SimpleNamespace(
        use_reward_data_collator=True, args=SimpleNamespace(center_rewards_coefficient=None)
    )  # fmt: skip
    losses = []
    for k in range(len(chosen)):
        sides = {f"input_ids_{name}": side[k] for name, side in (("chosen", chosen), ("rejected", rejected))}
        inputs = sides | {"attention_mask_chosen": None, "attention_mask_rejected": None}
        if margin is not None:
            inputs["margin"] = margin[k]
        losses.append(RewardTrainer.compute_loss(settings, lambda input_ids, **_: {"logits": input_ids}, inputs))
    return torch.stack(losses)


def softplus(z: torch.Tensor) -> torch.Tensor:
    """log(1 + e^z), exact in float64."""
    return -torch.nn.functional.logsigmoid(-z)


@check("bradley_terry_loss", points=2)
def loss_is_that_of_the_trainer(student: Student, rng: np.random.Generator) -> None:
    """Without a margin each pair's loss is −log σ(r_chosen − r_rejected)."""
    drawn = tuple(torch.tensor(rng.normal(size=(2, 5)) * 4))
    for chosen, rejected in ((f64(2.0, 0.5, -1.0, -3.0), f64(1.0, 2.5, -1.0, -7.0)), drawn, (f64(0.3), f64(0.9))):
        result = student.bradley_terry_loss(chosen, rejected)
        expected = trl_loss(chosen, rejected)
        mistakes = {
            "Chosen and rejected have changed places.": softplus(chosen - rejected),
            "One loss for each pair: no mean, no sum.": expected.mean(),
            "That is log σ; the loss is minus that, and never negative.": -expected,
            "That is −σ: the logarithm is missing.": -torch.sigmoid(chosen - rejected),
            "That is a hinge loss; Bradley–Terry's is −log σ.": (1 - (chosen - rejected)).clamp(min=0),
            "Each reward by itself means nothing: σ takes the difference.": softplus(-chosen) + softplus(rejected),
        }
        hint = likely(result, mistakes, "−log σ(chosen − rejected), for each pair.")
        expect(result).close(expected, tol=1e-6, hint=hint)


@check("bradley_terry_loss", points=2)
def the_margin_is_subtracted(student: Student) -> None:
    """With margins each pair's loss is −log σ(r_chosen − r_rejected − margin), each with its own."""
    chosen, rejected, margin = f64(2.0, 0.5, -1.0), f64(1.0, 2.5, -1.5), f64(1.0, 0.25, 3.0)
    for m in (margin, margin.flip(0), f64(0.0, 0.0, 0.0), f64(0.0, 2.0, 0.0)):
        result = student.bradley_terry_loss(chosen, rejected, m)
        ahead = chosen - rejected
        mistakes = {
            "The margin is added: then the loss asks for less, not for more.": softplus(-(ahead + m)),
            "The margin is not used.": softplus(-ahead),
            "The margin is subtracted inside σ, not multiplied.": softplus(-(ahead * m)),
            "The margin belongs inside σ, not in front of or behind the logarithm.": softplus(-ahead) + m,
            "That is a hinge: inside, the margin is subtracted and nothing is cut off.": (m - ahead).clamp(min=0),
        }
        default = "−log σ(chosen − rejected − margin). Test `margin is None`: `if margin` fails for a tensor of many."
        hint = default if not m.any() else likely(result, mistakes, default)
        expect(result).close(trl_loss(chosen, rejected, m), tol=1e-6, hint=hint)


@check("bradley_terry_loss", points=2)
def loss_stays_finite_and_keeps_form(student: Student) -> None:
    """Differences of ±10,000 give exact losses; float32 stays float32; inputs are not changed."""
    hint = "Not finite or not exact: σ has rounded. Use `F.logsigmoid(x)`, not `log(sigmoid(x))` or `log(1 + exp(−x))`."
    for chosen, rejected, m in (
        (f64(1e4, -1e4, 0.0, -800.0, 40.0), f64(0.0, 0.0, 1e4, 0.0, 0.0), None),
        (f64(0.0, 5e3), f64(0.0, -5e3), f64(1e4, 1e4)),
    ):
        arguments = (chosen, rejected) if m is None else (chosen, rejected, m)
        expect(student.bradley_terry_loss(*arguments)).close(trl_loss(chosen, rejected, m), tol=1e-6, hint=hint)
    wide = student.bradley_terry_loss(torch.tensor([-1e4, 1e4]), torch.tensor([0.0, 0.0]))
    expect(wide).tensor((2,), torch.float32, hint="float32 in, float32 out, one loss for each pair.")
    expect(wide).close(torch.tensor([1e4, 0.0]), tol=1e-2, hint=hint)
    result = student.bradley_terry_loss(torch.tensor([1.0, 2.0]), torch.tensor([0.5, 3.0]), torch.tensor([0.1, 0.2]))
    expect(result).unchanged(hint="Your function changes its arguments: no `-=`.")


# last_token_index ------------------------------------------------------------------------------------------------

RIGHT = torch.tensor([[1, 1, 0, 0, 0], [1, 0, 0, 0, 0], [1, 1, 1, 1, 1], [1, 1, 1, 1, 0]])
LEFT = RIGHT.flip(1)


def last(mask: torch.Tensor) -> torch.Tensor:
    """The place of the last 1 of each row."""
    return torch.tensor([max(k for k, bit in enumerate(row) if bit == 1) for row in mask.tolist()])


def first_pad(mask: torch.Tensor) -> torch.Tensor:
    """The place of the first 0 of each row, 0 where there is none."""
    return (mask == 0).int().argmax(1)


def places(student: Student, mask: torch.Tensor) -> None:
    """Compare with the last 1 of each row, and name the likely mistake."""
    result = student.last_token_index(mask)
    width = mask.shape[1]
    mistakes = {
        "That is one too far: the first pad, or a number of tokens. Places count from 0.": mask.sum(1),
        "The number of tokens minus 1 holds for padding on the right only.": mask.sum(1) - 1,
        "That is always the last place: right for padding on the left only.": torch.full((len(mask),), width - 1),
        "You look for the first pad. A full row has none, and in front of a row on the left is no token.": (
            first_pad(mask) - 1
        ),
        "That is the first token; the last one has read them all.": mask.argmax(1),
        "Count from the front: you return how far the last token is from the end.": mask.flip(1).argmax(1),
    }
    expect(result).equals(last(mask), hint=likely(result, mistakes, "int64 [batch]: the place of the last 1 of a row."))


@check("last_token_index", points=1)
def padding_on_the_right(student: Student) -> None:
    """Padding on the right: the last token is the one before the first pad, or the last place of a full row."""
    places(student, RIGHT)
    places(student, torch.tensor([[1, 1, 1, 0, 0, 0, 0]]))


@check("last_token_index", points=2)
def padding_on_the_left(student: Student) -> None:
    """Padding on the left: the last token is at the last place, however many pads stand before the row."""
    places(student, LEFT)
    places(student, torch.tensor([[0, 0, 0, 0, 1, 1, 1]]))


@check("last_token_index", points=2)
def both_sides_in_one_batch(student: Student) -> None:
    """Rows padded on either side may stand together; one token is enough, none is a ValueError; the mask stays."""
    mixed = torch.cat([RIGHT, LEFT])[torch.tensor([0, 4, 1, 5, 2, 7, 3])]
    places(student, mixed)
    places(student, torch.tensor([[1]]))
    hint = "Your function changes the mask: work on a copy."
    expect(student.last_token_index(mixed)).unchanged(hint=hint)
    for empty in (torch.tensor([[0, 0, 0], [1, 1, 0]]), torch.tensor([[0]])):
        hint = "A row without a token has no last one: raise ValueError, or it would get the reward of a pad."
        expect(student.last_token_index(empty)).raises("ValueError", hint=hint)


# pool_reward -----------------------------------------------------------------------------------------------------


def vectors(seed: int, rows: int, length: int, width: int) -> torch.Tensor:
    """float64 [rows, length, width]."""
    return torch.randn(rows, length, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def pooled(hidden: torch.Tensor, at: torch.Tensor, head: Any) -> torch.Tensor:
    """The reward read at one place of each row."""
    return head(hidden[torch.arange(len(hidden)), at]).squeeze(-1)


@check("pool_reward", points=2)
def reward_is_read_at_the_last_token(student: Student) -> None:
    """Each row's reward is the head's answer to the vector at its last token, whichever side is padded."""
    for seed, mask in ((1, RIGHT), (2, LEFT), (3, torch.cat([LEFT[:1], RIGHT[1:3]]))):
        hidden, head = vectors(seed, *mask.shape, width=3), student.build("head", width=3, seed=seed)
        result = student.pool_reward(hidden, mask, head)
        expected = pooled(hidden, last(mask), head.twin)
        at_all, real = head.twin(hidden).squeeze(-1), mask.bool()
        mistakes = {
            "You read at the last place of every row, padding or not.": at_all[:, -1],
            "You read the number of tokens minus 1, which is right for padding on the right only.": at_all[
                torch.arange(len(mask)), mask.sum(1) - 1
            ],
            "That is the mean over all tokens; the reward is read at the last one.": (
                at_all.masked_fill(~real, 0.0).sum(1) / mask.sum(1)
            ),
            "You read the first token, which has seen nothing.": at_all[:, 0],
            "That is the highest reward of the row; read the last token's.": at_all.masked_fill(~real, -torch.inf).amax(
                1
            ),
            "The head has a bias as well: call the head, do not multiply by its weight.": expected - head.twin.bias,
            "Shape [batch]: take the last dimension away, `squeeze(-1)`.": expected[:, None],
        }
        hint = likely(result, mistakes, "head(the vector at each row's last token), one number a row.")
        expect(result).close(expected, tol=1e-9, hint=hint)


@check("pool_reward", points=2)
def padding_may_hold_anything(student: Student) -> None:
    """What stands at padded places does not matter, not even nan or inf."""
    for seed, mask in ((4, RIGHT), (5, LEFT)):
        hidden, head = vectors(seed, *mask.shape, width=4), student.build("head", width=4, seed=seed)
        expected = pooled(hidden, last(mask), head.twin)
        for filling in (math.nan, math.inf, 1e30):
            spoilt = hidden.masked_fill(~mask.bool()[..., None], filling)
            hint = "Padding gets into the reward: pick the vector by its place; 0 times nan is nan."
            expect(student.pool_reward(spoilt, mask, head)).close(expected, tol=1e-9, hint=hint)


@check("pool_reward", points=1)
def a_batch_of_one_keeps_its_shape(student: Student) -> None:
    """One row gives float [1], also if it has one token or a width of 1; hidden is not changed."""
    for seed, mask, width in ((6, torch.tensor([[1, 1, 0]]), 2), (7, torch.tensor([[1]]), 1), (8, RIGHT[:2], 1)):
        hidden, head = vectors(seed, *mask.shape, width=width), student.build("head", width=width, seed=seed)
        result = student.pool_reward(hidden, mask, head)
        hint = "Shape [batch], also for one row: `squeeze(-1)` takes the last dimension only, `squeeze()` takes all."
        expect(result).close(pooled(hidden, last(mask), head.twin), tol=1e-9, hint=hint)
        expect(result).unchanged(hint="Your function changes hidden or the mask.")


# centre_rewards --------------------------------------------------------------------------------------------------


def centred(r: torch.Tensor, prompt_ids: torch.Tensor) -> torch.Tensor:
    """Each reward minus its prompt's mean, in fractions."""
    values, prompts = [Fraction(value) for value in r.tolist()], prompt_ids.tolist()
    groups: dict[int, list[Fraction]] = {
        x: [v for v, y in zip(values, prompts, strict=True) if y == x] for x in prompts
    }
    exact = [v - sum(groups[x]) / len(groups[x]) for v, x in zip(values, prompts, strict=True)]
    return torch.tensor([float(value) for value in exact], dtype=r.dtype)


@check("centre_rewards", points=2)
def each_prompt_has_its_own_mean(student: Student) -> None:
    """From each reward the mean of its own prompt's rewards is taken; the spread stays as it is."""
    for r, x in (
        (f64(1.0, 3.0, 10.0, 20.0, 60.0), torch.tensor([0, 0, 1, 1, 1])),
        (f64(-2.0, 0.5, 4.0, 8.0, -1.0, 3.0), torch.tensor([0, 0, 0, 1, 1, 1])),
    ):
        result = student.centre_rewards(r, x)
        expected = centred(r, x)
        firsts = torch.stack([r[x == prompt][0] for prompt in x])
        highest = torch.stack([r[x == prompt].max() for prompt in x])
        middle = torch.stack([r[x == prompt].median() for prompt in x])
        sums = torch.stack([r[x == prompt].sum() for prompt in x])
        spread = torch.stack([r[x == prompt].std() for prompt in x])
        flat = torch.stack([r[x == prompt].std(correction=0) for prompt in x])
        mistakes = {
            "That is one mean for all: each prompt has its own.": r - r.mean(),
            "Do not divide: the scale of the rewards is real, only their mean is free.": expected / spread,
            "Do not divide: the scale is real, only the mean is free.": expected / flat,
            "The sign is turned: reward minus mean.": -expected,
            "That is the mean itself; subtract it from each reward.": r - expected,
            "You subtract the sum of the prompt's rewards: divide it by how many there are.": r - sums,
            "You subtract the first reward of the prompt: subtract the mean.": r - firsts,
            "You subtract the highest reward of the prompt: subtract the mean.": r - highest,
            "You subtract the median: subtract the mean.": r - middle,
        }
        hint = likely(result, mistakes, "Each reward minus the mean of the rewards of the same prompt.")
        expect(result).close(expected, tol=1e-9, hint=hint)


@check("centre_rewards", points=2)
def prompts_may_come_in_any_order(student: Student) -> None:
    """Prompt ids may be any numbers, and responses of one prompt need not stand together; the order stays."""
    for r, x in (
        (f64(1.0, 10.0, 3.0, 20.0, 5.0, -7.0), torch.tensor([7, 2, 7, 2, 7, 2])),
        (f64(5.0, 1.0, 9.0, 2.0), torch.tensor([10**12, -3, 10**12, -3])),
        (f64(4.0, 2.0, 8.0), torch.tensor([3, 1, 2])),
    ):
        result = student.centre_rewards(r, x)
        order = x.argsort(stable=True)
        mistakes = {
            "You return the rewards sorted by prompt: they stay in their places.": centred(r, x)[order],
            "Only neighbours are taken together: responses of one prompt may be far apart.": torch.zeros_like(r),
        }
        hint = likely(
            result, mistakes, "Ids are names: do not use them as places in a table, and do not rely on their order."
        )
        expect(result).close(centred(r, x), tol=1e-9, hint=hint)


@check("centre_rewards", points=1)
def adding_f_of_x_changes_nothing(student: Student, rng: np.random.Generator) -> None:
    """Rewards that differ by a number for each prompt are the same after centring; float32 stays, inputs stay."""
    x = torch.tensor([4, 0, 4, 9, 0, 4, 9])
    r = torch.tensor(rng.integers(-8, 8, 7), dtype=torch.float64)
    moved = r + torch.where(x == 4, 100.0, torch.where(x == 0, -50.0, 3.0)).double()
    hint = "Adding the same number to all rewards of a prompt must change nothing."
    expect(student.centre_rewards(moved, x)).close(centred(r, x), tol=1e-9, hint=hint)
    result = student.centre_rewards(r.float(), x)
    expect(result).tensor((7,), torch.float32, hint="float32 in, float32 out.")
    expect(result).unchanged(hint="Your function changes r: `r.clone()` first.")


# pairwise_accuracy -----------------------------------------------------------------------------------------------


def exact_accuracy(rewards: torch.Tensor, pairs: torch.Tensor, tie: Fraction = HALF) -> float:
    """Wins and `tie` of the ties over all pairs, in exact arithmetic."""
    r = rewards.tolist()
    points = sum((Fraction(r[i] > r[j]) + tie * (r[i] == r[j]) for i, j in pairs.tolist()), Fraction(0))
    return float(points / len(pairs))


REWARDS = f64(0.3, -5.0, 2.0, -0.1, 7.0, -2.0)


@check("pairwise_accuracy", points=2)
def counts_the_pairs_that_are_in_order(student: Student, rng: np.random.Generator) -> None:
    """The share of pairs whose first snippet has the higher reward, however small the lead."""
    drawn = torch.tensor(rng.normal(size=9))
    chance = torch.tensor(list(itertools.permutations(range(9), 2)))[torch.tensor(rng.permutation(72)[:11])]
    for rewards, pairs in (
        (REWARDS, i64((0, 1), (2, 3), (4, 2), (5, 1), (1, 5), (0, 3), (2, 0))),
        (drawn, chance),
        (f64(0.0, 1e-12, 5.0), i64((1, 0), (1, 0), (0, 2))),
    ):
        result = student.pairwise_accuracy(rewards, pairs)
        expected, chosen = exact_accuracy(rewards, pairs), rewards[pairs[:, 0]]
        mistakes = {
            "That is the share of wrong orders: pairs are (chosen, rejected).": 1 - expected,
            "A share, not a number of pairs: divide by how many there are.": expected * len(pairs),
            "That is the share of chosen rewards above 0; compare each with its rejected one.": (
                (chosen > 0).double().mean().item()
            ),
            "Compare pair by pair, not two means.": float(chosen.mean() > rewards[pairs[:, 1]].mean()),
            "The numbers in pairs are places in rewards: look the rewards up.": (
                (pairs[:, 0] > pairs[:, 1]).double().mean().item()
            ),
        }
        hint = likely(result, mistakes, "The share of pairs with a higher reward for the chosen one, a Python float.")
        expect(result).close(expected, tol=1e-6, hint=hint)


@check("pairwise_accuracy", points=2)
def a_tie_is_half_a_point(student: Student) -> None:
    """Pairs with exactly equal rewards count half; a model that gives every text the same reward has 0.5."""
    for rewards, pairs in (
        (torch.zeros(4, dtype=torch.float64), i64((0, 1), (2, 3), (1, 3))),
        (f64(1.0, 4.0, 4.0), i64((1, 0), (0, 2), (1, 2), (2, 1))),
        (f64(0.5, 0.5, 0.5 + 1e-12), i64((0, 1), (2, 1), (2, 0))),
    ):
        result = student.pairwise_accuracy(rewards, pairs)
        mistakes = {
            "Ties count nothing in yours: a model that cannot tell guesses right half of the time.": (
                exact_accuracy(rewards, pairs, Fraction(0))
            ),
            "Ties count in full: >= calls a model that cannot tell perfect.": exact_accuracy(
                rewards, pairs, Fraction(1)
            ),
        }
        default = "Only exactly equal rewards tie; each tie is half a point. A lead of 1e-12 is a lead."
        expect(result).close(exact_accuracy(rewards, pairs), tol=1e-6, hint=likely(result, mistakes, default))


@check("pairwise_accuracy", points=1)
def accuracy_is_a_float_and_refuses_no_pairs(student: Student) -> None:
    """The answer is a Python float, also when it is 1; without pairs there is a ValueError."""
    result = student.pairwise_accuracy(torch.tensor([3.0, 1.0]), i64((0, 1)))
    expect(result).value(float, hint="Return a Python float: `.item()`.")
    expect(result).close(1.0, tol=1e-6, hint="The only pair is in order: 1.0.")
    hint = "Without pairs there is no accuracy: raise ValueError, nan would spoil every average."
    expect(student.pairwise_accuracy(torch.zeros(3), i64())).raises("ValueError", hint=hint)


# accuracy_ceiling ------------------------------------------------------------------------------------------------

# The first snippet beats the second on average, but loses to it three times in four.
ODD: Ratings = [[4, -1, -1, -1], [0], [2, 2, 3], [2, 3], [-4, 4], [1, 0, 1, 0, 1]]
SOME = i64((0, 1), (2, 3), (4, 1), (3, 4), (5, 0), (2, 5))


def exact_ceiling(ratings: Ratings, pairs: torch.Tensor, label: str) -> float:
    """E max(p, 1 − p) for one rater; for means 1, or ½ where they are equal."""
    total = Fraction(0)
    for i, j in pairs.tolist():
        p = wins(ratings[i], ratings[j])
        total += max(p, 1 - p) if label == "one_rater" else (HALF if mean(ratings[i]) == mean(ratings[j]) else 1)
    return float(total / len(pairs))


@check("accuracy_ceiling", points=3)
def one_rater_ceiling_bets_on_the_likelier_order(student: Student) -> None:
    """For labels by one rater each, a pair's ceiling is max(p, 1 − p), ties half; the ceiling is their mean."""
    for ratings, pairs in ((ODD, SOME), (ODD, SOME.flip(1)), (CROWD, i64((0, 1), (3, 1), (5, 2), (6, 4), (0, 6)))):
        result = student.accuracy_ceiling(ratings, pairs, "one_rater")
        p = [wins(ratings[i], ratings[j]) for i, j in pairs.tolist()]
        by_mean = [
            q if mean(ratings[i]) > mean(ratings[j]) else (1 - q if mean(ratings[i]) < mean(ratings[j]) else HALF)
            for q, (i, j) in zip(p, pairs.tolist(), strict=True)
        ]
        no_ties = [
            max(wins(ratings[i], ratings[j], Fraction(0)), wins(ratings[j], ratings[i], Fraction(0)))
            for i, j in pairs.tolist()
        ]
        full = [
            max(wins(ratings[i], ratings[j], Fraction(1)), wins(ratings[j], ratings[i], Fraction(1)))
            for i, j in pairs.tolist()
        ]
        average = sum(p) / len(p)
        expected = exact_ceiling(ratings, pairs, "one_rater")
        mistakes = {
            "That bets on the higher mean. The more probable order may be the other one: max(p, 1 − p).": (
                float(sum(by_mean) / len(p))
            ),
            "Take the better bet of each pair first, then the mean: a mean of p, turned round at the end, is less.": (
                float(max(average, 1 - average))
            ),
            "That is the mean of p: a model may bet against the first of the two.": float(average),
            "Equal ratings are lost: the label is then a coin flip, half a point.": float(sum(no_ties) / len(p)),
            "Equal ratings count in full: the label is then a coin flip, half a point.": float(sum(full) / len(p)),
            "The sum over the pairs: divide by how many there are.": expected * len(p),
        }
        hint = likely(
            result, mistakes, "The mean over the pairs of max(p, 1 − p), with all pairs of raters, ties half."
        )
        expect(result).close(expected, tol=1e-6, hint=hint)


@check("accuracy_ceiling", points=2)
def mean_ceiling_is_one_but_for_ties(student: Student) -> None:
    """For labels by the order of the means, a pair's ceiling is 1, and one half where the means are equal."""
    for ratings, pairs in (
        (ODD, SOME),
        (CROWD, i64((4, 6), (0, 1), (6, 4), (2, 5))),
        ([[1, 1, 2], [1, 1, 1, 1, 2, 2], [0, 1]], i64((0, 1), (1, 2))),
    ):
        result = student.accuracy_ceiling(ratings, pairs, "mean")
        mistakes = {
            "label is not used: this is the ceiling for one rater.": exact_ceiling(ratings, pairs, "one_rater"),
            "Equal means are a coin flip: half a point for such a pair.": 1.0,
            "No point for equal means: their label is a coin flip, and half of the bets are right.": (
                2 * exact_ceiling(ratings, pairs, "mean") - 1
            ),
        }
        default = "The mean over the pairs: 1 where the two means differ, 0.5 where they are equal."
        expect(result).close(
            exact_ceiling(ratings, pairs, "mean"), tol=1e-6, hint=likely(result, mistakes, default)
        )  # fmt: skip


@check("accuracy_ceiling", points=1)
def one_rater_is_the_default(student: Student) -> None:
    """Without a label it is the ceiling for one rater; the answer is a Python float, never below one half."""
    result = student.accuracy_ceiling(ODD, SOME)
    expect(result).value(float, hint="Return a Python float.")
    hint = 'label is "one_rater" by default.'
    expect(result).close(exact_ceiling(ODD, SOME, "one_rater"), tol=1e-6, hint=hint)
    expect(result).unchanged(hint="Your function changes the ratings: do not sort the lists you are given.")
    same = student.accuracy_ceiling([[1, 2], [1, 2]], i64((0, 1)))
    expect(same).close(0.5, tol=1e-6, hint="Two snippets with the same ratings: nobody can do better than a coin.")


@check("accuracy_ceiling", points=1)
def ceiling_refuses_nonsense(student: Student) -> None:
    """No pairs, or a label that is neither "mean" nor "one_rater", raises ValueError."""
    expect(student.accuracy_ceiling(ODD, i64(), "mean")).raises("ValueError", hint="Without pairs: ValueError.")
    for label in ("means", "median", ""):
        hint = "An unknown label must not be taken for one of the two: raise ValueError."
        expect(student.accuracy_ceiling(ODD, SOME, label)).raises("ValueError", hint=hint)
