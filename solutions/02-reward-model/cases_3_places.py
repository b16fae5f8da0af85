"""Cases of `last_token_index`: inputs, what is right for each, and likely mistakes."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from cases_inputs import last, mask_of

from grader.checks import Case, Cases, Mistake

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
    "very long and odd": ((3001, 2050, 2998), 3001),
    "many rows": (tuple(1 + (7 * k) % 9 for k in range(300)), 9),
}


LONG = 100


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
        family = "long rows" if length > LONG else family
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
                family = "long rows" if length > LONG else both
                yield Case(f"{name}, {'left' if first else 'right'} first", (mask,), family=family)
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
    "long rows": "Places in long rows need int64 all the way: int8 ends at 127, bfloat16 at 256, float16 at 2048.",
    "dtype": INT64,
    "shape": INT64,
    "type": INT64,
    "other error": "Raise ValueError, before you look for the place.",
    "no error": "A row without a token has no last one: raise ValueError, or it would get the reward of a pad.",
    "changed": "Your function changes the mask: work on a copy.",
}
NO_PAD = "A row without padding has no pad to look for, and may be one token long."
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
    hints=PLACES | {("error", "rows without padding"): NO_PAD},
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
    hints=PLACES | {("error", "rows without padding"): NO_PAD},
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
