"""Cases of `min_new_tokens`: transformers' own processor is the reference."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from rows import HINTS, INF, Rows, dtypes, holes, layouts, normal, sizes
from transformers.generation.logits_process import MinNewTokensLengthLogitsProcessor

from grader.checks import Case, Cases, Mistake


def reference_minimum(logits: torch.Tensor, n_generated: int, minimum: int, eos_id: int) -> torch.Tensor:
    """The processor of transformers, for a text of one prompt token and `n_generated` new ones."""
    text = torch.zeros(len(logits), 1 + n_generated, dtype=torch.long)
    return MinNewTokensLengthLogitsProcessor(1, minimum, eos_id)(text, logits).clone()


def forbidding(
    when: Callable[[int, int], bool] = lambda n, least: n < least, value: float = -INF, row: int | None = None
) -> Callable[..., torch.Tensor]:
    """Puts `value` at EOS, in all rows or one, where `when(n_generated, minimum)`."""

    def forbidden(logits: torch.Tensor, n_generated: int, minimum: int, eos_id: int) -> torch.Tensor:
        out = logits.clone()
        if when(n_generated, minimum):
            out[slice(None) if row is None else row, eos_id] = value
        return out

    return forbidden


MINIMUM_VALUE = "While fewer than `minimum` new tokens are there, EOS needs a logit of −inf; nothing else changes."
MINIMUM_MISTAKES = (
    Mistake(
        "With `minimum` tokens generated the text is long enough: from then on EOS is allowed. Is it off by one?",
        forbidding(lambda n, least: n <= least),
    ),
    Mistake(
        "The last token before the minimum may not be EOS either. Is it off by one?",
        forbidding(lambda n, least: n < least - 1),
    ),
    Mistake("While the text is too short, EOS needs a logit of −inf: 0 is no prohibition.", forbidding(value=0.0)),
    Mistake(
        "While the text is too short, EOS needs a logit of −inf, not a large negative number.", forbidding(value=-1e9)
    ),
    Mistake("EOS is forbidden in every row, not in the first alone.", forbidding(row=0)),
    Mistake("EOS is forbidden in every row, not in the last alone.", forbidding(row=-1)),
    Mistake(
        "EOS is `eos_id`, which need not be the last token.",
        lambda logits, n_generated, minimum, eos_id: forbidding()(logits, n_generated, minimum, -1),
    ),
    Mistake(
        "EOS is `eos_id`, which need not be token 0.",
        lambda logits, n_generated, minimum, eos_id: forbidding()(logits, n_generated, minimum, 0),
    ),
)


def minima() -> Iterator[Case]:
    """Around the minimum, from both sides; small and large ones."""
    scores = normal(0, 2, 5, scale=2.0)
    for minimum in (0, 1, 3, 7, 200):
        for n_generated in sorted({0, 1, max(0, minimum - 2), max(0, minimum - 1), minimum, minimum + 1, minimum + 5}):
            family = "texts that are too short" if n_generated < minimum else "texts that are long enough"
            yield Rows(family, scores).case(n_generated, minimum, 2)


forbids_until_minimum = Cases(
    "min_new_tokens",
    name="forbids_the_end_until_the_minimum",
    promise="EOS is forbidden while fewer than `minimum` new tokens are there, and allowed from then on.",
    points=1,
    reference=reference_minimum,
    pool=minima,
    tolerance=0.0,
    hints={"value": MINIMUM_VALUE, "family": MINIMUM_VALUE, **HINTS},
    mistakes=MINIMUM_MISTAKES,
)


def columns() -> Iterator[Case]:
    """EOS in every column of every size."""
    for rows in sizes():
        vocab = rows.logits.shape[1]
        for eos_id in sorted({0, 1 % vocab, vocab // 2, vocab - 1}):
            yield rows.case(1, 2, eos_id)
    for n_generated, minimum in ((2, 2), (1, 3), (3, 1), (0, 0)):
        yield Rows("ordinary rows", normal(0, 2, 5)).case(n_generated, minimum, 2)
    for rows in layouts():
        yield rows.case(0, 1, 1)
        yield rows.case(0, 1, rows.logits.shape[1] - 1)


forbids_only_eos = Cases(
    "min_new_tokens",
    name="forbids_only_eos_in_every_row",
    promise="EOS is forbidden in every row of the batch, and no other token is touched.",
    points=1,
    reference=reference_minimum,
    pool=columns,
    tolerance=0.0,
    hints={
        "value": MINIMUM_VALUE,
        "IndexError": "`eos_id` is a column: `logits[:, eos_id]` is EOS in every row, `logits[eos_id]` is a row.",
        **HINTS,
    },
    mistakes=(
        Mistake(
            "`eos_id` is a column: `logits[:, eos_id]` is EOS in every row, `logits[eos_id]` is a row.",
            lambda logits, n_generated, minimum, eos_id: logits.index_fill(0, torch.tensor([eos_id]), -INF),
        ),
        *MINIMUM_MISTAKES,
    ),
)


def kept_by_minimum() -> Iterator[Case]:
    """dtypes, −inf, layouts, before and after the minimum."""
    for i, rows in enumerate((*dtypes(), *holes(), *layouts())):
        yield rows.case(0, 1, i % rows.logits.shape[1], note=f"{i} too short")
        yield rows.case(i % 3 + 1, 1, i % rows.logits.shape[1], note=f"{i} long enough")
        yield rows.case(i % 2, 3, i % rows.logits.shape[1], note=f"{i} far too short")


minimum_keeps = Cases(
    "min_new_tokens",
    name="minimum_keeps_dtype_and_input",
    promise="The dtype stays, and a new tensor comes back: the logits that were passed in are not changed.",
    points=1,
    reference=reference_minimum,
    pool=kept_by_minimum,
    tolerance=0.0,
    keeps_inputs=True,
    fresh=True,
    hints={
        "nan": "Set EOS to −inf, and do no arithmetic with the others: 0 · −inf is nan.",
        "value": MINIMUM_VALUE,
        **HINTS,
    },
    mistakes=MINIMUM_MISTAKES,
)
