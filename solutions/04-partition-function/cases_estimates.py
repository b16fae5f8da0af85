"""Inputs of `monte_carlo_log_partition` and `effective_sample_size`, what is right, and the likely mistakes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
from cases_common import (
    FIRST,
    FLOAT64,
    FORM_OF_ROWS,
    KEPT,
    N_ROWS,
    ROWS,
    TENSOR,
    TOLERANCE,
    distribution,
    logs,
    numbers,
    rows,
    same_shapes,
)
from cases_optimum import log_z

from grader.checks import Case, Cases, Mistake

# monte_carlo_log_partition -----------------------------------------------------------------------------------------


def estimate(ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float) -> torch.Tensor:
    """Log of the mean of exp(r/β)."""
    return log_z(torch.full_like(rewards, -math.log(rewards.shape[-1])), rewards, beta)


def samples() -> Iterator[Case]:
    """One row of samples, with repeats, from references of every kind."""
    worked = (rows([0.75, 0.75, 0.75, 0.25]).log()[0], rows([0.0, 0.0, 0.0, 1.0])[0], 0.5)
    yield Case("the worked example", args=worked, family="samples with repeats")
    drawn = rows([0.5, -1.0, 0.5, 2.0, 0.5, -1.0, 0.0])[0]
    log_drawn = logs([0.3, 0.1, 0.3, 0.05, 0.3, 0.1, 0.25])[0]
    for beta in (0.5, 2.0, 0.25, 1, 1e3, 0.01):
        yield Case(f"beta {beta}", args=(log_drawn, drawn, beta), family="samples with repeats")
    for seed, size in enumerate((2, 3, 5, 12)):
        ref, r = distribution(20, seed=seed)[:size].clone(), numbers(size, seed=seed)
        yield Case(f"{size}", args=(ref, r, 0.5), family="samples that are all different")
        yield Case(f"{size} zeros", args=(torch.zeros_like(ref), r, 0.5), family="a reference that is sure")
        yield Case(
            f"{size} alike", args=(torch.full_like(ref, -2.0), r * 0 + 1.5, 0.5), family="the same sample n times"
        )
        yield Case(f"{size} rare", args=(torch.full_like(ref, -900.0), r, 0.5), family="improbable samples")
    yield Case("one", args=(log_drawn[:1].clone(), drawn[:1].clone(), 0.5), family="one sample")


def drawn_from(shape: Sequence[int], seed: int) -> torch.Tensor:
    """Log-probs of samples: no distribution over the samples."""
    return distribution(*shape[:-1], shape[-1] + 9, seed=seed)[..., : shape[-1]].clone()


def sampled_rows() -> Iterator[Case]:
    """Every shape and layout."""
    return same_shapes(
        lambda shape, seed: (drawn_from(shape, seed), numbers(*shape, seed=40 + seed), 0.5), "ref_log_probs", "rewards"
    )


def large_rewards() -> Iterator[Case]:
    """R/β of ±1e4, and rows as far apart as that."""
    drawn = rows([0.5, -1.0, 0.5, 2.0, 0.5, -1.0, 0.0])[0]
    ref = distribution(20, seed=1)[:7].clone()
    for name, r in {"mixed": drawn, "low": drawn - 3.0, "equal": drawn * 0 - 1.0, "high": drawn.abs() + 1}.items():
        yield Case(name, args=(ref, r, 2e-4), family="r/β of ±10,000")
        yield Case(f"{name}, unscaled", args=(ref, r * 5e3, 1.0), family="r/β of ±10,000")
    apart = rows([1.0, 0.9, 1.0], [-1.0, -0.9, -1.0], [0.0, 0.001, 0.0])
    for name, r in {"all": apart, "two": apart[:2].clone(), "other order": apart.flip(0)}.items():
        yield Case(f"apart, {name}", args=(drawn_from(r.shape, 2), r, 1e-4), family="rows far apart")
    offset = torch.tensor([[0.0], [900.0], [-900.0]]).double()
    yield Case(
        "apart by hundreds",
        args=(drawn_from((3, 4), 3), numbers(3, 4, seed=3) + offset, 1.0),
        family="rows far apart",
    )


ESTIMATE_MISTAKES = (
    Mistake(
        "Sampling from π_ref has weighed already: do not multiply by π_ref again.",
        lambda ref_log_probs, rewards, beta: (ref_log_probs + rewards / beta).logsumexp(-1),
    ),
    Mistake(
        "Weighed by π_ref twice: sampling did that already.",
        lambda ref_log_probs, rewards, beta: (
            (ref_log_probs + rewards / beta).logsumexp(-1) - math.log(rewards.shape[-1])
        ),
    ),
    Mistake(
        "Weighed by normalised π_ref: the samples were drawn from it, each counts 1/n.",
        lambda ref_log_probs, rewards, beta: (ref_log_probs.log_softmax(-1) + rewards / beta).logsumexp(-1),
    ),
    Mistake("A mean, not a sum: subtract log n.", lambda ref_log_probs, rewards, beta: (rewards / beta).logsumexp(-1)),
    Mistake(
        "That is the mean of r/β. Average exp(r/β), then take the logarithm.",
        lambda ref_log_probs, rewards, beta: rewards.mean(-1) / beta,
    ),
    Mistake(
        "β on the wrong side: divide r by β.",
        lambda ref_log_probs, rewards, beta: estimate(ref_log_probs, rewards, 1 / beta),
    ),
    Mistake("β is missing.", lambda ref_log_probs, rewards, beta: estimate(ref_log_probs, rewards, 1.0)),
    Mistake(
        "You return Ẑ: return its logarithm.",
        lambda ref_log_probs, rewards, beta: estimate(ref_log_probs, rewards, beta).exp(),
    ),
    Mistake(
        "You return β log Ẑ: return log Ẑ.",
        lambda ref_log_probs, rewards, beta: beta * estimate(ref_log_probs, rewards, beta),
    ),
    Mistake(
        "Divide the sum by n, not its logarithm.",
        lambda ref_log_probs, rewards, beta: (rewards / beta).logsumexp(-1) / rewards.shape[-1],
    ),
    Mistake(
        "A response drawn three times counts three times.",
        lambda ref_log_probs, rewards, beta: estimate(ref_log_probs, rewards.unique(), beta),
    ),
)

estimate_of_one_row = Cases(
    "monte_carlo_log_partition",
    name="averages_exp_r_over_beta",
    promise="Log Ẑ is the logarithm of the mean of exp(r/β) over the samples, each counted once.",
    points=2,
    reference=estimate,
    pool=samples,
    tolerance=TOLERANCE,
    mistakes=ESTIMATE_MISTAKES,
    hints={
        "value": "logsumexp of r/β, minus log n, float64 to the end.",
        "type": TENSOR,
        "dtype": FLOAT64,
        "shape": "One row gives one number: a tensor without dimensions.",
    },
)
estimate_at_extremes = Cases(
    "monte_carlo_log_partition",
    name="estimate_survives_large_rewards",
    promise="r/β of ±10,000 gives a finite estimate, for each row its own.",
    points=1,
    reference=estimate,
    pool=large_rewards,
    keeps_inputs=True,
    fresh=True,
    tolerance=TOLERANCE,
    mistakes=(
        *ESTIMATE_MISTAKES[:4],
        Mistake(
            "exp(10000) is inf, exp(−10000) is 0: sum in logarithms with `torch.logsumexp`.",
            lambda ref_log_probs, rewards, beta: (rewards / beta).exp().mean(-1).log(),
        ),
        Mistake(
            "Each row needs its own maximum: with one for the whole batch the other rows are exp(−20000) = 0.",
            lambda ref_log_probs, rewards, beta: (
                (rewards / beta).max() + ((rewards - rewards.max()) / beta).exp().mean(-1).log()
            ),
        ),
    ),
    hints={
        **FORM_OF_ROWS,
        "value": FIRST + "it is the range, exp(10000) is inf, exp(−10000) is 0. Sum in "
        "logarithms with `torch.logsumexp`.",
        "nan": "inf − inf, or a logarithm of what is not positive: sum in logarithms with `torch.logsumexp`.",
        "rows far apart": "Each row needs its own maximum: with one for the whole batch the other rows are 0.",
    },
)
estimate_of_rows = Cases(
    "monte_carlo_log_partition",
    name="one_estimate_for_each_row",
    promise="Every row of samples gives its own estimate, with its own n; one sample is a sample. " + KEPT,
    points=1,
    reference=estimate,
    pool=sampled_rows,
    tolerance=TOLERANCE,
    keeps_inputs=True,
    fresh=True,
    mistakes=(
        *ESTIMATE_MISTAKES[:4],
        Mistake(
            "n is the length of the last dimension, `shape[-1]`, not the number of rows.",
            lambda ref_log_probs, rewards, beta: (rewards / beta).logsumexp(-1) - math.log(len(rewards)),
        ),
        Mistake(
            "n is the length of the last dimension, `shape[-1]`, not the number of all samples.",
            lambda ref_log_probs, rewards, beta: (rewards / beta).logsumexp(-1) - math.log(rewards.numel()),
        ),
    ),
    hints={**FORM_OF_ROWS, "shape": N_ROWS, "value": FIRST + N_ROWS},
)

# effective_sample_size ---------------------------------------------------------------------------------------------


def effective(log_weights: torch.Tensor) -> torch.Tensor:
    """(Σ w)² / Σ w², with the largest weight of each row as 1."""
    w = (log_weights - log_weights.amax(-1, keepdim=True)).exp()
    return w.sum(-1) ** 2 / (w * w).sum(-1)


def weights() -> Iterator[Case]:
    """One row of weights."""
    for values in ([3.0, 1.0], [0.5, 4.0, 1.0, 0.25], [7.0, 1.0, 1.0, 1.0, 2.0], [1e-3, 1.0], [1e3, 1.0, 1e3]):
        yield Case(f"{values}", args=(logs(values)[0],), family="a few weights")
    for values in ([2.0, 2.0, 2.0], [1.0, 1.0], [0.1] * 7):
        yield Case(f"{values}", args=(logs(values)[0],), family="equal weights")
    for value in (1.0, 5.0, 1e-3):
        yield Case(f"one {value}", args=(logs([value])[0],), family="a single weight")
    for seed, scale in enumerate((1e-6, 1e-2, 1.0, 5.0, 30.0)):
        yield Case(
            f"scale {scale}", args=(numbers(6, seed=seed, scale=scale),), family="weights near and far from equal"
        )


def heavy() -> Iterator[Case]:
    """Weights of e^±10000, alone, in all of a row, and in some rows."""
    log_w = logs([3.0, 1.0, 0.5, 0.25])
    for shift in (1e4, -1e4, 400.0, -400.0, 800.0, 20.0):
        yield Case(f"{shift}", args=(log_w[0] + shift,), family="weights of e^±10000")
        yield Case(f"{shift}, a batch", args=(log_w + shift,), family="weights of e^±10000")
    apart = torch.cat([log_w + 9e3, log_w.flip(-1) - 9e3, log_w * 2])
    yield Case("rows apart", args=(apart,), family="rows far apart")
    yield Case("two rows apart", args=(apart[:2].clone(),), family="rows far apart")
    yield Case("rows apart, light first", args=(apart.flip(0),), family="rows far apart")
    yield Case(
        "rows apart by hundreds",
        args=(numbers(3, 4, seed=1) + rows([0.0], [900.0], [-900.0]),),
        family="rows far apart",
    )
    yield Case(
        "rows apart, with zeros",
        args=(logs([1.0, 0.0, 3.0], [0.0, 2.0, 2.0]) + rows([1e4], [-1e4]),),
        family="rows far apart",
    )
    for values in ([1e4, -1e4, 0.0], [1e4, 1e4, -1e4], [-5e3, -1e4, -5e3]):
        yield Case(f"{values}", args=(rows(values)[0],), family="weights far apart in one row")


def weightless() -> Iterator[Case]:
    """Rows of every shape, some with weights of 0."""
    zero = "weights of 0"
    some = logs([1.0, 0.0, 1.0, 0.0], [0.0, 0.0, 2.0, 0.0], [1.0, 3.0, 0.0, 2.0])
    yield Case("zeros", args=(some,), family=zero)
    for row in range(3):
        yield Case(f"zeros, row {row}", args=(some[row].clone(),), family=zero)
    yield Case("zeros beside light ones", args=(some[:1] - 5.0,), family=zero)
    for case in same_shapes(lambda shape, seed: (numbers(*shape, seed=seed),), "log_weights"):
        size = case.args[0].shape[-1]
        yield Case(case.name, args=case.args, layout=case.layout, family=case.family, tolerance=TOLERANCE * size)


ESS_MISTAKES = (
    Mistake(
        "That is the share ESS/n: return how many samples count.",
        lambda log_weights: effective(log_weights) / log_weights.shape[-1],
    ),
    Mistake("Upside down: the square of the sum is on top.", lambda log_weights: 1 / effective(log_weights)),
    Mistake(
        "Weights are exp(log_weights): you used the logarithms.",
        lambda log_weights: log_weights.sum(-1) ** 2 / (log_weights**2).sum(-1),
    ),
    Mistake(
        "Normalise first, or divide the square of the sum: 1/Σw² is right only if Σw = 1.",
        lambda log_weights: 1 / (2 * log_weights).exp().sum(-1),
    ),
    Mistake(
        "That is exp(entropy), another measure: use sums of weights and of squared weights.",
        lambda log_weights: (-(log_weights.softmax(-1) * log_weights.log_softmax(-1)).nan_to_num(0.0).sum(-1)).exp(),
    ),
    Mistake("Square the sum.", lambda log_weights: log_weights.exp().sum(-1) / (2 * log_weights).exp().sum(-1)),
    Mistake("Square each weight below: Σ w², not Σ w.", lambda log_weights: log_weights.exp().sum(-1)),
    Mistake(
        "That is Σw/max w, another measure.",
        lambda log_weights: (log_weights - log_weights.amax(-1, keepdim=True)).exp().sum(-1),
    ),
    Mistake("You return log ESS: `exp` comes last.", lambda log_weights: effective(log_weights).log()),
)

ess_of_one_row = Cases(
    "effective_sample_size",
    name="square_of_the_sum_over_sum_of_squares",
    promise="ESS = (Σ w)² / Σ w²: n for equal weights, 1 where one weight has all.",
    points=1,
    reference=effective,
    pool=weights,
    tolerance=TOLERANCE,
    mistakes=ESS_MISTAKES,
    hints={
        "value": "(Σ w)² / Σ w² with w = exp(log_weights), float64 to the end.",
        "type": TENSOR,
        "dtype": FLOAT64,
        "shape": "One row gives one number: a tensor without dimensions.",
    },
)
ess_at_extremes = Cases(
    "effective_sample_size",
    name="scale_of_the_weights_does_not_matter",
    promise="Weights of e^±10000 give the same number as weights of 1.",
    points=1,
    reference=effective,
    pool=heavy,
    keeps_inputs=True,
    fresh=True,
    tolerance=TOLERANCE,
    mistakes=(
        *ESS_MISTAKES[:2],
        Mistake(
            "exp(10000) is inf, and inf/inf is nan: take `logsumexp` of w and of w², and `exp` last.",
            lambda log_weights: log_weights.exp().sum(-1) ** 2 / (2 * log_weights).exp().sum(-1),
        ),
        Mistake(
            "Each row needs its own maximum: with one for the whole batch the other rows are exp(−18000) = 0.",
            lambda log_weights: (
                (log_weights - log_weights.max()).exp().sum(-1) ** 2
                / (2 * (log_weights - log_weights.max())).exp().sum(-1)
            ),
        ),
    ),
    hints={
        **FORM_OF_ROWS,
        "value": FIRST + "it is the range, take `logsumexp` of w and of w², and `exp` last.",
        "nan": "exp(10000) is inf, and inf/inf is nan, as is 0/0: take `logsumexp` of w and of w², and `exp` last.",
        "rows far apart": "Each row needs its own scale: with one maximum for the whole batch the other rows are 0.",
    },
)
ess_of_rows = Cases(
    "effective_sample_size",
    name="ess_of_each_row_with_weights_of_zero",
    promise="Every row has its own number; a weight of 0 (−inf) does not count. " + KEPT,
    points=1,
    reference=effective,
    pool=weightless,
    tolerance=TOLERANCE,
    keeps_inputs=True,
    fresh=True,
    mistakes=(
        *ESS_MISTAKES[:2],
        Mistake(
            "−inf is a weight of 0 and adds to neither sum: as 0 it would be a weight of 1.",
            lambda log_weights: effective(log_weights.nan_to_num(neginf=0.0)),
        ),
    ),
    hints={
        **FORM_OF_ROWS,
        "nan": "−inf is a weight of 0 and adds to neither sum: where does it meet another −inf, or a 0?",
        "value": FIRST + ROWS,
        "weights of 0": "−inf is a weight of 0 and adds to neither sum.",
    },
)
