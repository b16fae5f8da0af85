"""Cases of `repetition_penalty`: transformers' own processor is the reference."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from rows import DIGITS, DOUBLE, HALF, HINTS, INF, SINGLE, Rows, dtypes, holes, layouts, normal, sizes
from transformers.generation.logits_process import RepetitionPenaltyLogitsProcessor

from grader.checks import Case, Cases, Mistake


def reference_penalty(logits: torch.Tensor, ids: torch.Tensor, penalty: float) -> torch.Tensor:
    """The processor of transformers, which asks for a float."""
    return RepetitionPenaltyLogitsProcessor(float(penalty))(ids, logits)


def history(seed: int, logits: torch.Tensor, length: int) -> torch.Tensor:
    """Random ids, [batch, length]."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(logits.shape[1], (logits.shape[0], length), generator=generator)


def changed_where_seen(change: Callable[[torch.Tensor, float], torch.Tensor]) -> Callable[..., torch.Tensor]:
    """`change(logits, penalty)` at the tokens that a row has seen."""

    def changed(logits: torch.Tensor, ids: torch.Tensor, penalty: float) -> torch.Tensor:
        seen = torch.zeros(logits.shape, dtype=torch.bool).scatter(1, ids, True)
        return torch.where(seen, change(logits, penalty), logits)

    return changed


def worse(z: torch.Tensor, penalty: float) -> torch.Tensor:
    """Every logit, penalised."""
    return torch.where(z < 0, z * penalty, z / penalty)


def for_each_occurrence(logits: torch.Tensor, ids: torch.Tensor, penalty: float) -> torch.Tensor:
    """As often as a token occurs."""
    counts = torch.zeros(logits.shape, dtype=DOUBLE).scatter_add(1, ids, torch.ones(ids.shape, dtype=DOUBLE))
    return torch.where(logits < 0, logits.double() * penalty**counts, logits.double() / penalty**counts).to(
        logits.dtype
    )


def seen_by_any(logits: torch.Tensor, ids: torch.Tensor, penalty: float) -> torch.Tensor:
    """What one row has seen counts for all."""
    return changed_where_seen(worse)(logits, ids.flatten().expand(len(logits), -1), penalty)


def seen_by_first(logits: torch.Tensor, ids: torch.Tensor, penalty: float) -> torch.Tensor:
    """The first row's text counts for all."""
    return changed_where_seen(worse)(logits, ids[:1].expand(len(logits), -1), penalty)


PENALTY_VALUE = "Divide seen positive logits, multiply seen negative ones, leave all others."
PENALTY_MISTAKES = (
    Mistake(
        "A seen negative logit must fall too: multiply it, dividing brings it nearer to 0.",
        changed_where_seen(lambda z, penalty: z / penalty),
    ),
    Mistake(
        "A seen positive logit must fall: divide it, only negative ones are multiplied.",
        changed_where_seen(lambda z, penalty: z * penalty),
    ),
    Mistake(
        "You make repetition more likely: divide positive logits, multiply negative ones.",
        changed_where_seen(lambda z, penalty: torch.where(z < 0, z / penalty, z * penalty)),
    ),
    Mistake(
        "That subtracts, as a frequency penalty does: divide or multiply.",
        changed_where_seen(lambda z, penalty: z - penalty),
    ),
    Mistake(
        "You change every token: only those that a row has seen are worsened.",
        lambda logits, ids, penalty: worse(logits, penalty),
    ),
)
PENALTY_ROWS = (
    Mistake("Tokens that another row has seen are none of this row's business: index row by row.", seen_by_any),
    Mistake("Each row has its own text: row i of the ids belongs to row i of the logits.", seen_by_first),
    Mistake(
        "The whole text counts, not its last token alone.",
        lambda logits, ids, penalty: changed_where_seen(worse)(logits, ids[:, -1:], penalty),
    ),
)
PENALTY_ONCE = Mistake(
    "The penalty is applied once for each occurrence. Apply it once for each token that occurs at all.",
    for_each_occurrence,
)


REWARDS = "penalties below 1"


def seen_tokens() -> Iterator[Case]:
    """Distinct ids in every row, each size and scale, penalties above and below 1."""
    scores = torch.tensor([[4.0, -2.0, 1.0, -3.0, 0.5], [-1.0, 6.0, -0.25, 2.0, 0.0]])
    ids = torch.tensor([[0, 1, 3], [2, 3, 4]])
    for penalty in (2.0, 1.25, 0.5, 1.0, 1.0001, 10.0):
        yield Rows(REWARDS if penalty < 1 else "ordinary rows", scores).case(ids, penalty)
    for penalty in (2, 1):
        yield Rows("a penalty that is an integer", scores).case(ids, penalty)
    for i, rows in enumerate(sizes()):
        some = torch.stack(
            [
                (torch.arange(min(3, rows.logits.shape[1])) + row) % rows.logits.shape[1]
                for row in range(len(rows.logits))
            ]
        )
        for penalty in ((1.3, 0.7), (2.0, 0.4), (5.0, 1.0))[i % 3]:
            yield rows.case(some, penalty, family=REWARDS if penalty < 1 else "")
    yield Rows("zeros", torch.zeros(2, 3)).case(torch.tensor([[0, 1], [1, 2]]), 2.0)


seen_become_less_likely = Cases(
    "repetition_penalty",
    name="seen_tokens_become_less_likely",
    promise="A seen logit is divided by the penalty where it is positive and multiplied where it is negative.",
    points=2,
    reference=reference_penalty,
    pool=seen_tokens,
    hints={
        "value": PENALTY_VALUE,
        REWARDS: "Below 1 too: divide from 0 up, multiply below 0. The smaller of both is wrong there.",
        **HINTS,
        **DIGITS,
    },
    mistakes=(*PENALTY_MISTAKES, *PENALTY_ROWS),
)


def histories() -> Iterator[Case]:
    """Other texts in other rows; short, long and lying across memory."""
    scores = torch.tensor([[4.0, -2.0, 1.0, -3.0, 0.5], [-1.0, 6.0, -0.25, 2.0, 0.75]])
    yield Rows("rows with other texts", scores).case(torch.tensor([[0, 1, 2], [3, 3, 1]]), 2.0, note="overlapping")
    yield Rows("rows with other texts", scores).case(torch.tensor([[0, 1], [3, 4]]), 2.0, note="apart")
    for batch, vocab, length in ((3, 6, 2), (2, 6, 1), (1, 5, 4), (3, 4, 3), (5, 3, 1), (2, 300, 40)):
        rows = Rows("rows with other texts", normal(batch + vocab, batch, vocab, scale=2.0))
        for seed in (0, 1):
            yield rows.case(history(seed, rows.logits, length), 1.7, note=f"length {length}, {seed}")
            reversed_rows = Rows(rows.family, rows.logits.flip(0))
            yield reversed_rows.case(history(seed, rows.logits, length).flip(0), 0.6, note=f"reversed {length}, {seed}")
    for layout in ("transposed", "strided", "column"):
        for rows in (
            Rows("ids that lie across memory", normal(3, 3, 5)),
            Rows("ids that lie across memory", normal(4, 2, 7)),
        ):
            ids = history(5, rows.logits, 4)
            yield Case(f"ids {layout} {len(ids)}", (rows.logits, ids, 2.0), family=rows.family, layout={"ids": layout})


own_history = Cases(
    "repetition_penalty",
    name="each_row_has_its_own_history",
    promise="Row i of the logits is changed by row i of the ids alone.",
    points=1,
    reference=reference_penalty,
    pool=histories,
    hints={
        "value": "Row i of the logits is changed by row i of the ids alone: `gather` and `scatter` do that.",
        **HINTS,
    },
    mistakes=(*PENALTY_ROWS, PENALTY_ONCE, *PENALTY_MISTAKES),
)


def repeated() -> Iterator[Case]:
    """Tokens that occur often."""
    scores = torch.tensor([[4.0, -2.0, 1.0, -3.0, 0.5], [-1.0, 6.0, -0.25, 2.0, 0.75]])
    many = torch.tensor([[0, 0, 0, 1, 1, 0, 4], [1, 2, 1, 2, 1, 2, 2]])
    for penalty in (1.5, 0.5, 3.0):
        for cut_off in (7, 4, 2):
            yield Rows("tokens that occur often", scores).case(many[:, :cut_off], penalty, note=f"{cut_off} {penalty}")
        yield Rows("one token all along", scores).case(torch.full((2, 30), 1), penalty)
        yield Rows("one token all along", scores[:1]).case(torch.zeros(1, 400, dtype=torch.long), penalty)
        yield Rows("texts longer than the vocabulary", normal(1, 3, 2)).case(history(2, normal(1, 3, 2), 9), penalty)


once = Cases(
    "repetition_penalty",
    name="counts_a_token_once",
    promise="A token that occurs many times is penalised once, like one that occurs a single time.",
    points=1,
    reference=reference_penalty,
    pool=repeated,
    hints={"value": "However often a token occurs, its logit is worsened once.", **HINTS},
    mistakes=(PENALTY_ONCE, *PENALTY_MISTAKES, *PENALTY_ROWS),
)


def kept_by_penalty() -> Iterator[Case]:
    """dtypes, −inf seen and unseen, layouts, a penalty of 1; and penalties that are refused."""
    for i, rows in enumerate((*dtypes(), *holes(), *layouts())):
        for length, penalty in ((2, 2.0), (1, (1.0, 0.5, 1.2)[i % 3])):
            yield rows.case(history(i, rows.logits, length), penalty, note=f"{i} length {length} {penalty}")
    whole = torch.arange(3).expand(2, 3).clone()
    hole = torch.tensor([[2.0, -INF, -1.0], [-INF, -INF, 0.5]])
    for dtype in (HALF, SINGLE):
        for penalty in (2.0, 0.5):
            yield Rows("−inf among the seen logits", hole.to(dtype)).case(whole, penalty)
    for penalty in (0.0, 0, -1.5, -1):
        family = "a penalty of 0" if penalty == 0 else "negative penalties"
        yield Rows("two rows", hole).case(whole, penalty, note=f"{type(penalty).__name__} {penalty}", family=family)


penalty_keeps = Cases(
    "repetition_penalty",
    name="penalty_keeps_dtype_infinities_and_input",
    promise="−inf and the dtype stay; inputs are not changed; a penalty of 0 or below raises ValueError.",
    points=1,
    reference=reference_penalty,
    pool=kept_by_penalty,
    keeps_inputs=True,
    fresh=True,
    hints={
        "nan": "−inf must stay −inf. Arithmetic with a 0/1 mask makes it nan (0 · −inf): choose with `torch.where`.",
        "no error": "Raise ValueError unless the penalty is above 0.",
        "other error": "Raise ValueError unless the penalty is above 0.",
        "value": PENALTY_VALUE,
        **HINTS,
    },
    mistakes=(*PENALTY_MISTAKES, *PENALTY_ROWS, PENALTY_ONCE),
)
