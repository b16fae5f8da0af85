"""Cases of `pool_reward`: inputs, what is right for each, and likely mistakes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from cases_inputs import DTYPES, drawn, last, mask_of, quarters

from grader.checks import Built, Case, Cases, Mistake

Head = Callable[[torch.Tensor], torch.Tensor]


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


def sum_over_tokens(hidden: torch.Tensor, attention_mask: torch.Tensor, head: Head) -> torch.Tensor:
    return head(hidden).squeeze(-1).masked_fill(attention_mask == 0, 0.0).sum(1)


def highest_reward(hidden: torch.Tensor, attention_mask: torch.Tensor, head: Head) -> torch.Tensor:
    return head(hidden).squeeze(-1).masked_fill(attention_mask == 0, -torch.inf).amax(1)


def weight_alone(hidden: torch.Tensor, attention_mask: torch.Tensor, head: Any) -> torch.Tensor:
    return (hidden[torch.arange(len(hidden)), last(attention_mask)] @ head.weight.T).squeeze(-1)


def times_a_mask(hidden: torch.Tensor, attention_mask: torch.Tensor, head: Head) -> torch.Tensor:
    only = F.one_hot(last(attention_mask), attention_mask.shape[1]).to(hidden.dtype)
    return (head(hidden).squeeze(-1) * only).sum(1)


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
    for dtype in DTYPES:
        args = quarters(23, 4, 5, 3, dtype=dtype), mask, Built("adds_up", dtype="float64")
        yield Case(f"{dtype}, a head in float64", args, family="a head with a dtype of its own")
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
    for kind, filling in {"nan": math.nan, "inf": math.inf}.items():
        spoilt = hidden.masked_fill(mask[..., None] == 0, filling)
        for name, head in {
            "linear": linear(3, 7, trains=True),
            "network": Built("network", width=3, seed=3, trains=True),
        }.items():
            yield Case(f"{name}, {kind} at padding", (spoilt, mask, head), family=f"{kind} at padded places")


SQUEEZED = "Shape [batch], also for one row: `squeeze(-1)` takes the last dimension only, `squeeze()` takes all."
LAST_PLACE = Mistake("You read at the last place of every row, padding or not.", at_the_last_place)
BY_NUMBER = Mistake(
    "You read the number of tokens minus 1, which is right for padding on the right only.", at_the_number_of_tokens
)
POOLED = {
    "type": "A tensor, float [batch], no list and no array.",
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
        Mistake("You add up the rewards of all tokens; the reward is read at the last one.", sum_over_tokens),
        Mistake("That is the highest reward of the row; read the last token's.", highest_reward),
        Mistake("The head has a bias as well: call the head, do not multiply by its weight.", weight_alone),
    ),
    hints=POOLED
    | {
        "AttributeError": "Is it an attribute that the head does not have? It may be any function: call it, "
        "`head(vectors)`."
    },
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
