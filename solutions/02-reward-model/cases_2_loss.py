"""Cases of `bradley_terry_loss`: inputs, what is right for each, and likely mistakes."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from cases_inputs import DTYPES, drawn

from grader.checks import Case, Cases, Mistake

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
    ahead = r_chosen - r_rejected
    return -torch.log(torch.sigmoid(ahead if margin is None else ahead - margin))


def log_of_sigma_plus(r_chosen: torch.Tensor, r_rejected: torch.Tensor, margin: Margin = None) -> torch.Tensor:
    ahead = r_chosen - r_rejected
    return -torch.log(torch.sigmoid(ahead if margin is None else ahead - margin) + 1e-8)


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
            "won": ([128.0, 0.5, 64.0], [0.0, 0.25, -1.0]),
            "one": ([-top], [0.0]),
            "thousand": ([0.0, 1.0], [1024.0, 0.5]),
        }.items():
            sides = torch.tensor(chosen, dtype=kind), torch.tensor(rejected, dtype=kind)
            yield Case(f"{dtype} {name}", sides, family=both)
            if name not in ("hundred", "won"):  # no lead is 0: relu and abs bend there, and have several gradients
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
A_TENSOR = "A tensor, float [pairs], no list and no array."
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
    hints={
        "value": "−log σ(chosen − rejected), for each pair, in the dtype of the rewards from beginning to end.",
        "shape": ONE_LOSS,
        "type": A_TENSOR,
        "dtype": KEEP_DTYPE,
    },
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
        "value": "−log σ(chosen − rejected − margin), for each pair with its own margin.",
        "negative margins": "A margin below 0 is subtracted as any other: the chosen one may be behind.",
        "margins of 0": "A margin of 0 is a margin: the others of the batch count still.",
        "type": A_TENSOR,
        "RuntimeError": "Is it `if margin`? A tensor of many numbers has no answer to that: ask `margin is None`.",
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
        "rewards that are far apart": "If a lead is large, σ rounds to 0 and e^x to inf: `F.logsigmoid` does neither.",
        "type": A_TENSOR,
        "nan": "Not finite: e^x was too large, and inf less inf is nan. `F.logsigmoid` takes care.",
        "shape": ONE_LOSS,
        "dtype": KEEP_DTYPE,
        "changed": NO_CHANGE,
        "gradient": NO_DETACH,
        "nan gradient": "`where` hides an e^x that is too large from the value, not the gradient. Use `F.logsigmoid`.",
    },
)
