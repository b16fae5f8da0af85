"""Inputs of `best_of_n_policy`, what is right for each, and the mistakes that are likely."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from cases_common import (
    COMPETE,
    FIRST,
    FLOAT64,
    INF,
    KEPT,
    LOG_PROBS,
    TOLERANCE,
    distribution,
    logs,
    numbers,
    rows,
    same_shapes,
)

from grader.checks import Case, Cases, Mistake


def best(ref_log_probs: torch.Tensor, rewards: torch.Tensor, n: int) -> torch.Tensor:
    """The winner of k draws meets the winner of k more, who came later, and stays if it is as good; n in powers of two.

    Raises:
        ValueError: n is below 1.
    """
    if n < 1:
        raise ValueError("n")
    stays = (rewards[..., :, None] >= rewards[..., None, :]).double()

    def meet(first: torch.Tensor, later: torch.Tensor) -> torch.Tensor:
        beats_later = (stays * later[..., None, :]).sum(-1)
        beaten_first = ((1 - stays) * first[..., :, None]).sum(-2)
        return first * beats_later + later * beaten_first

    wins, power = torch.ones(0), ref_log_probs.exp()
    while n:
        if n & 1:
            wins = power if wins.numel() == 0 else meet(wins, power)
        power, n = meet(power, power), n >> 1
    return wins.log()


def same_probabilities(case: Case, found: torch.Tensor, expected: torch.Tensor) -> str:
    """Probabilities right to 1e-9, −inf where π_ref is 0, and no nan."""
    never = case.args[0] == -INF
    if bool(found.isnan().any()):
        return "There is nan where a log-prob is due."
    if bool((found[never] != -INF).any()):
        return "A response that π_ref forbids has a log-prob that is not −inf."
    return "" if torch.allclose(found.exp(), expected.exp(), rtol=0, atol=TOLERANCE) else "The values differ."


def draws() -> Iterator[Case]:
    """One row without ties."""
    parts = rows([0.1, 0.25, 0.05, 0.4, 0.2])[0].log()
    for n in (2, 3, 5, 16, 10_000):
        yield Case(f"{n}", args=(parts, rows([0.5, -1.0, 3.0, 0.25, 1.0])[0], n), family="rewards that all differ")
    for seed, size in enumerate((2, 3, 6, 9)):
        for n in (2, 7):
            args = (distribution(size, seed=seed), numbers(size, seed=seed), n)
            yield Case(f"{size} {n}", args=args, family="rewards that all differ")
    for scale in (1e-9, 1e-6, 1e4):
        args = (distribution(5, seed=3), 1.0 + numbers(5, seed=3) * scale, 3)
        yield Case(f"scale {scale}", args=args, family="rewards that differ by little or much")
    rare = logs([0.3, 0.7 - 1e-4, 1e-4], [0.3, 0.7 - 1e-6, 1e-6], [1e-6, 0.5, 0.5 - 1e-6])
    for row in range(3):
        for n in (2, 2000, 10_000):
            args = (rare[row].clone(), rows([0.0, 1.0, 2.0])[0], n)
            yield Case(f"rare {row} {n}", args=args, family="rare responses and many draws")
    yield Case("single", args=(torch.zeros(1).double(), rows([2.0])[0], 3), family="a single response")


def ties() -> Iterator[Case]:
    """One row with equal rewards."""
    for parts, r in (
        ([5, 3, 2], [0.0, 1.0, 1.0]),
        ([2, 5, 1, 8, 4], [1.0, 0.0, 1.0, 1.0, 0.0]),
        ([1, 6, 3], [2.0, 2.0, 2.0]),
        ([4, 1, 1, 4], [-1.0, 3.0, 3.0, -1.0]),
    ):
        ref = (torch.tensor(parts, dtype=torch.float64) / sum(parts)).log()
        for n in (1, 2, 4, 100):
            family = "rewards that are all equal" if len(set(r)) == 1 else "rewards with ties"
            yield Case(f"{parts} {n}", args=(ref, rows(r)[0], n), family=family)
    ref = distribution(4, seed=2)
    nearly = "rewards that are nearly equal"
    yield Case("nearly", args=(ref, rows([1.0, 1.0 + 1e-9, 1.0, 0.0])[0], 3), family=nearly)
    yield Case(
        "nearly, by more",
        args=(ref, rows([1.0, 1.0 - 1e-6, 2.0, 2.0 + 1e-6])[0], 3),
        family=nearly,
    )
    yield Case("nearly, five", args=(distribution(5, seed=6), 1 + 1e-8 * torch.arange(5.0).double(), 2), family=nearly)
    batch = torch.stack(
        [1.0 + 1e-9 * numbers(4, seed=7).round(), numbers(4, seed=8) * 1e-12, rows([2.0, 2.0, 1.0, 1.0])[0]]
    )
    yield Case("nearly, a batch", args=(distribution(3, 4, seed=9), batch, 3), family=nearly)
    yield Case("nearly, a batch of one", args=(distribution(1, 4, seed=9), batch[:1].clone(), 5), family=nearly)
    yield Case("large", args=(ref, rows([1e4, 1e4 + 1e-3, 1e4, -1e4])[0], 3), family=nearly)


def forbidden() -> Iterator[Case]:
    """Responses that are never drawn, alone or in a tie, or of a probability too small for a float."""
    never = logs([0.5, 0.0, 0.3, 0.2, 0.0], [0.0, 0.6, 0.0, 0.1, 0.3])
    tempting = rows([1.0, 50.0, 2.0, 2.0, -3.0], [80.0, 0.5, 40.0, 1.5, 1.5])
    for n in (1, 2, 40, 5000):
        yield Case(f"{n}", args=(never, tempting, n), family="forbidden responses")
        for row in (0, 1):
            yield Case(f"{n}, row {row}", args=(never[row], tempting[row], n), family="forbidden responses")
    tied = rows([2.0, 2.0, 0.0, 1.0, 1.0], [0.0, 0.0, -1.0, 0.0, 5.0])
    for n in (1, 3):
        yield Case(f"{n} tied", args=(never, tied, n), family="forbidden responses in a tie")
    low = rows([-0.5, -1e4, -800.0, 0.0], [-1e4, 0.2, -20.0, -900.0]).log_softmax(-1)
    for n in (1, 2, 40):
        yield Case(f"{n} low", args=(low, numbers(2, 4, seed=1), n), family="probabilities too small for a float")
        yield Case(
            f"{n} low, tied",
            args=(low, rows([1.0, 0.0, 0.0, 1.0], [2.0, 0.0, 2.0, 2.0]), n),
            family="probabilities too small for a float",
        )
    ref = distribution(2, 5, seed=4)
    for n in (1, 10_000):
        family = "one draw" if n == 1 else "very many draws"
        yield Case(f"{n}, all allowed", args=(ref, numbers(2, 5, seed=4), n), family=family)
        yield Case(f"{n}, with ties", args=(ref, numbers(2, 5, seed=4).round(), n), family=family)


def contests() -> Iterator[Case]:
    """Every shape and layout, and numbers of draws that are none."""

    def make(shape: tuple[int, ...], seed: int) -> tuple[Any, ...]:
        return distribution(*shape, seed=seed), numbers(*shape, seed=40 + seed).round(), 6

    for case in same_shapes(make, "ref_log_probs", "rewards"):
        if case.args[0].shape[-1] <= 300:  # all pairs are compared
            yield case
    ref, r = distribution(2, 5, seed=1), numbers(2, 5, seed=2)
    for n in (0, -1, -3):
        yield Case(f"{n} draws", args=(ref, r, n), family="n below 1")
        yield Case(f"{n} draws, one row", args=(ref[0], r[0], n), family="n below 1")


def _masses(ref: torch.Tensor, r: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """F⁻(r_y), and the probability of all responses of reward r_y."""
    mine, other, p = r[..., :, None], r[..., None, :], ref.exp()[..., None, :]
    return (p * (other < mine)).sum(-1), (p * (other == mine)).sum(-1)


def _shares(ref: torch.Tensor, r: torch.Tensor, n: int) -> torch.Tensor:
    """(F^n − F⁻^n) / (F − F⁻), nan where a reward has no mass."""
    below, equal = _masses(ref, r)
    return ((below + equal) ** n - below**n) / equal


def _of_masses(wins: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    """An answer that is a formula in F⁻, the mass of a reward, π_ref and n."""
    return lambda ref_log_probs, rewards, n: wins(*_masses(ref_log_probs, rewards), ref_log_probs.exp(), n).log()


def _by_sorting(ref_log_probs: torch.Tensor, rewards: torch.Tensor, n: int) -> torch.Tensor:
    order = rewards.argsort(dim=-1, stable=True)
    upto = ref_log_probs.gather(-1, order).exp().cumsum(-1)
    wins = upto**n - torch.nn.functional.pad(upto, (1, 0))[..., :-1] ** n
    return torch.zeros_like(rewards).scatter(-1, order, wins).log()


DRAW_MISTAKES = (
    Mistake(
        "You return probabilities: return log-probs.",
        lambda ref_log_probs, rewards, n: best(ref_log_probs, rewards, n).exp(),
    ),
    Mistake(
        "F^n is the chance that *no* draw is better: subtract that all are worse.",
        lambda ref_log_probs, rewards, n: n * sum(_masses(ref_log_probs, rewards)).log(),
    ),
    Mistake(
        "n π F^(n−1) is the formula for densities: with lumps of probability it adds up to more than 1.",
        _of_masses(lambda below, equal, p, n: n * p * (below + equal) ** (n - 1)),
    ),
    Mistake(
        "n π (F⁻)^(n−1) misses that a response may be drawn twice.",
        _of_masses(lambda below, equal, p, n: n * p * below ** (n - 1)),
    ),
    Mistake(
        "The n draws come from π_ref: F weighs responses by π_ref, and does not just count them.",
        lambda ref_log_probs, rewards, n: best(torch.zeros_like(ref_log_probs).log_softmax(-1), rewards, n),
    ),
    Mistake(
        "That is the worst of n: turn the comparison round.",
        lambda ref_log_probs, rewards, n: best(ref_log_probs, -rewards, n),
    ),
    Mistake(
        "That is π_ref itself, the best of one: n draws are n powers.",
        lambda ref_log_probs, rewards, n: ref_log_probs.clone(),
    ),
)
SHARE = "Ties: F(r)^n − F⁻(r)^n belongs to all responses of reward r together. Share it as π_ref does."
TIE_MISTAKES = (
    *DRAW_MISTAKES[:3],
    Mistake(SHARE, _of_masses(lambda below, equal, p, n: (below + equal) ** n - below**n)),
    Mistake(SHARE, _by_sorting),
    Mistake(
        "Rewards that are nearly equal are not equal: compare with `==`, not with `isclose`.",
        lambda ref_log_probs, rewards, n: best(ref_log_probs, (rewards * 1e5).round() / 1e5, n),
    ),
)
FORM_OF_DRAWS = {
    "type": LOG_PROBS,
    "dtype": FLOAT64,
    "shape": LOG_PROBS,
    "nan": "nan: where π_ref is 0 the result is −inf. Mind 0/0 and 0 · inf there.",
    "no error": "Raise ValueError when n is below 1.",
}

best_without_ties = Cases(
    "best_of_n_policy",
    name="best_of_n_without_ties",
    promise="The policy is that of the best of n draws from π_ref, exactly, as listing all n-tuples of draws shows.",
    points=2,
    reference=best,
    pool=draws,
    accept=same_probabilities,
    tolerance=TOLERANCE,
    mistakes=DRAW_MISTAKES,
    hints={
        **FORM_OF_DRAWS,
        "value": "P(y wins) = F(r_y)^n − F⁻(r_y)^n where no other response has the same reward; float64 to the end.",
        "rare responses and many draws": "n draws are n powers, as many as they are, and no ε is small beside 1e-6.",
        "rewards that differ by little or much": "Rewards that are nearly equal are not equal: use `<` and `==`.",
    },
)
best_with_ties = Cases(
    "best_of_n_policy",
    name="ties_share_as_the_reference_does",
    promise="Responses of equal reward share their probability in the proportions of π_ref; those nearly equal do not.",
    points=2,
    reference=best,
    pool=ties,
    accept=same_probabilities,
    tolerance=TOLERANCE,
    mistakes=TIE_MISTAKES,
    hints={
        **FORM_OF_DRAWS,
        "value": FIRST + SHARE,
        "rewards that are nearly equal": "Rewards that are nearly equal are not equal: compare with `<` and `==`.",
    },
)
best_with_forbidden = Cases(
    "best_of_n_policy",
    name="best_of_many_and_of_one",
    promise="One draw gives π_ref; many draws give the best response that it allows; what it forbids is never drawn.",
    points=1,
    reference=best,
    pool=forbidden,
    keeps_inputs=True,
    fresh=True,
    accept=same_probabilities,
    tolerance=TOLERANCE,
    mistakes=(
        *TIE_MISTAKES[:5],
        Mistake(
            "0/0 is nan: a forbidden response that ties with none has the mass 0. Choose −inf where π_ref is 0.",
            lambda ref_log_probs, rewards, n: ref_log_probs + _shares(ref_log_probs, rewards, n).log(),
        ),
    ),
    hints={
        **FORM_OF_DRAWS,
        "value": FIRST + "one draw gives π_ref; what it forbids has −inf and takes no part in F.",
        "forbidden responses": "A forbidden response is never drawn: it has probability 0 and takes no part in F.",
        "forbidden responses in a tie": "A forbidden response in a tie gets nothing; the others share by π_ref.",
        "probabilities too small for a float": "exp(−800) is 0, 0/0 is nan: where a reward has no mass, choose −inf.",
        "one draw": "With one draw F − F⁻ is π_ref.",
        "very many draws": "With very many draws only the best responses that are allowed are left.",
    },
)
best_of_rows = Cases(
    "best_of_n_policy",
    name="best_of_n_for_each_prompt",
    promise="Each prompt's responses compete among themselves; n below 1 raises ValueError. " + KEPT,
    points=1,
    reference=best,
    pool=contests,
    accept=same_probabilities,
    tolerance=TOLERANCE,
    keeps_inputs=True,
    fresh=True,
    mistakes=TIE_MISTAKES[:5],
    hints={
        **FORM_OF_DRAWS,
        "shape": COMPETE,
        "value": FIRST + COMPETE,
    },
)
