"""Cases of `sample_next`: the definition in float64 is the reference, and a relation judges rounding."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from rows import BRAIN, DOUBLE, HALF, HINTS, INF, NEW, SINGLE, Rows, layouts, normal, sizes
from torch.nn.functional import pad

from grader.checks import Case, Cases, Mistake


def inverse_cdf(logits: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
    """The first token whose sum in float64 is above u, among possible ones; the last of these where there is none."""
    probs = logits.double().softmax(-1)
    token = (probs.cumsum(-1) <= u[:, None]).sum(-1)
    return torch.minimum(token, (probs > 0).cumsum(-1).argmax(-1))


def is_draw(case: Case, found: torch.Tensor, _expected: torch.Tensor) -> str:
    """Sums within rounding of u leave a choice; `case.tolerance` 0 says that all sums are exact."""
    logits, u = case.args[0].double(), case.args[1].double()
    slack = 1e-5 if case.tolerance is None else case.tolerance
    if bool((found < 0).any()) or bool((found >= logits.shape[1]).any()):
        return "There is no such token."
    probs = logits.softmax(-1)
    sums = probs.cumsum(-1)
    own, right = (x.gather(-1, found[:, None])[:, 0] for x in (probs, sums))
    if bool((own == 0).any()):
        return "A token of probability 0 was drawn."
    is_last = found == (probs > 0).cumsum(-1).argmax(-1)
    hit = (right - own <= u + slack) & ((u < right + slack) | is_last)
    return "" if bool(hit.all()) else "u does not lie on the piece of the token that was drawn."


def by_rank(logits: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
    """Pieces sorted by probability."""
    ordered = logits.sort(descending=True)
    return ordered.indices.gather(-1, inverse_cdf(ordered.values, u)[:, None])[:, 0]


def from_sums(
    token_of: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """A draw by `token_of(sums, u)` in float64."""
    return lambda logits, u: token_of(logits.double().softmax(-1).cumsum(-1), u.double()[:, None])


DRAW_VALUE = "Add up softmax(logits) from token 0 on; the first sum above u is the token."
DRAW_MISTAKES = (
    Mistake("That ignores u: it always takes the most probable token.", lambda logits, u: logits.argmax(-1)),
    Mistake("Did you sort by probability? The pieces lie in the order of the ids.", by_rank),
    Mistake(
        "That gives every token an equally long piece: use softmax(logits).",
        lambda logits, u: (u * logits.shape[1]).long(),
    ),
    Mistake(
        "That is the token after the one on whose piece u falls.",
        lambda logits, u: (inverse_cdf(logits, u) + 1).clamp(max=logits.shape[1] - 1),
    ),
    Mistake(
        "That is the token before the one on whose piece u falls.",
        lambda logits, u: (inverse_cdf(logits, u) - 1).clamp(min=0),
    ),
    Mistake("The pieces begin with token 0 at the left.", lambda logits, u: inverse_cdf(logits, 1 - u.double())),
    Mistake(
        "Every row is drawn with the first u: row i must be drawn with u[i].",
        lambda logits, u: inverse_cdf(logits, u[:1].expand(len(u))),
    ),
    Mistake(
        "Row i must be drawn with u[i]: the order of u is turned round.",
        lambda logits, u: inverse_cdf(logits, u.flip(0)),
    ),
)
FROM_THE_LEFT = Mistake(
    "The sum must be *above* u, not equal to it: with u = 0 a first sum of 0 is not.",
    from_sums(lambda sums, u: (sums < u).sum(-1).clamp(max=sums.shape[-1] - 1)),
)


def inside(logits: torch.Tensor, seed: int, low: float = 0.1) -> torch.Tensor:
    """For each row a u inside the piece of a random token, `low` of its length from both ends."""
    generator = torch.Generator().manual_seed(seed)
    probs = logits.double().softmax(-1)
    piece = torch.multinomial(probs, 1, generator=generator)
    part = low + (1 - 2 * low) * torch.rand(len(logits), 1, generator=generator, dtype=DOUBLE)
    own = probs.gather(-1, piece)
    return (probs.cumsum(-1).gather(-1, piece) - own * part)[:, 0].float()


def pieces() -> Iterator[Case]:
    """Every token of a table, u on edges that floats meet exactly, each size and scale, float16 with many tokens."""
    table = torch.tensor([[0.125, 0.4, 0.075, 0.3, 0.1], [0.05, 0.15, 0.5, 0.1, 0.2], [0.3, 0.3, 0.2, 0.15, 0.05]])
    edges = pad(table.double().cumsum(-1), (1, 0))
    for token in range(5):
        u = (edges[:, token] + torch.tensor([0.2, 0.5, 0.8]) * table[:, token]).float()
        yield Rows("ordinary rows", table.log() + 3.0).case(u, note=f"token {token}")
        yield Rows("ordinary rows", table.log().flip(0)).case(u.flip(0), note=f"reversed, token {token}")
    for dtype in (SINGLE, HALF, BRAIN, DOUBLE):
        for batch in (
            torch.zeros(5, 4, dtype=dtype),
            torch.tensor([[2.0, -INF, 2.0, 2.0, -INF, 2.0]] * 5, dtype=dtype),
        ):
            u = torch.tensor([0.0, 0.25, 0.5, 0.75, 0.9])
            yield Rows("a u that meets a sum exactly", batch).case(u, note="quarters", tolerance=0.0)
    for i, rows in enumerate(sizes()):
        yield rows.case(inside(rows.logits, i), note=f"{i}")
        yield rows.case(inside(rows.logits, 100 + i), note=f"{i} again")
    for dtype in (HALF, BRAIN, SINGLE, DOUBLE):
        many = torch.zeros(40, 1200, dtype=dtype)
        yield Rows("many tokens", many).case(inside(many, 7, low=0.3), note="equal")
        many = normal(9, 40, 700, dtype, scale=0.3)
        yield Rows("many tokens", many).case(inside(many, 8, low=0.3), note="random")
    vast = torch.zeros(4, 20_000)
    yield Rows("a whole vocabulary", vast).case(inside(vast, 3, low=0.4), note="equal")


draws_on_the_piece = Cases(
    "sample_next",
    name="draws_the_token_on_whose_piece_u_falls",
    promise="The token is the first, in the order of ids, whose cumulative probability is above u.",
    points=2,
    reference=inverse_cdf,
    pool=pieces,
    accept=is_draw,
    hints={
        "value": DRAW_VALUE,
        "family": "For all other inputs it is right. Are sums float32 or finer, and is one equal to u not above it?",
        **HINTS,
    },
    mistakes=(*DRAW_MISTAKES, FROM_THE_LEFT),
)


def impossible() -> Iterator[Case]:
    """−inf before, between and behind possible tokens; u = 0."""
    rows = torch.tensor([[-INF, -INF, 1.0, -INF, 2.0, -INF], [-INF, 0.0, -INF, -INF, -INF, -INF]])
    for dtype in (SINGLE, HALF, DOUBLE):
        for first in (0.0, 0.1, 0.4, 0.99):
            yield Rows("−inf among the logits", rows.to(dtype)).case(torch.tensor([first, 0.0]), note=f"{first}")
        single = torch.tensor([[-INF, -INF, -3.0], [7.0, -INF, -INF], [-INF, 0.0, -INF]], dtype=dtype)
        for first in (0.0, 0.5, 1 - 2.0**-24):
            yield Rows("all but one −inf", single).case(torch.full((3,), first), note=f"{first}")
    twice = torch.tensor([[-INF, 1.0, -INF, 1.5]]).repeat(3, 1)
    for first in (0.0, 0.3, 0.9):
        yield Rows("−inf among the logits", twice).case(torch.tensor([first, 0.95, 0.05]), note=f"{first}")
    faint = torch.tensor([[-INF, -90.0, 0.0, -90.0], [0.0, -INF, -30.0, -INF]])
    for first in (0.0, 0.3, 0.9):
        yield Rows("faint tokens", faint).case(torch.tensor([first, 0.2]), note=f"{first}")
    yield Rows("one token", torch.tensor([[2.0], [-5.0]])).case(torch.tensor([0.0, 1 - 2.0**-24]), note="both ends")
    yield Rows("one token", torch.tensor([[2.0]])).case(torch.tensor([0.5]), note="one row")


never_impossible = Cases(
    "sample_next",
    name="never_draws_an_impossible_token",
    promise="A token with logit −inf is never drawn, not even with u = 0.",
    points=1,
    reference=inverse_cdf,
    pool=impossible,
    accept=is_draw,
    hints={
        "value": "Only a token whose own probability is above 0 may be drawn, and its sum must be *above* u.",
        **HINTS,
    },
    mistakes=(
        Mistake(
            "A token with probability 0 was drawn. The sum must be *above* u: with u = 0 a first sum of 0 is not.",
            from_sums(lambda sums, u: (sums < u).sum(-1).clamp(max=sums.shape[-1] - 1)),
        ),
        *DRAW_MISTAKES[:1],
        *DRAW_MISTAKES[6:],
    ),
)


def near_one() -> Iterator[Case]:
    """Uniforms just below 1, with the last tokens impossible, where sums in float32 and float16 end early or late."""
    largest = 1.0 - 2.0**-24
    for size, dtype in (
        (3001, SINGLE),
        (700, SINGLE),
        (50, HALF),
        (1200, HALF),
        (1200, BRAIN),
        (700, DOUBLE),
        (11, SINGLE),
    ):
        for gone in (3, 1):
            logits = torch.full((2, size), -1.0, dtype=dtype)
            logits[:, size - gone :] = -INF
            u = torch.tensor([largest, 0.5 / (size - gone)])
            yield Rows("u just below 1", logits).case(u, note=f"{gone} gone")
            yield Rows("u just below 1", logits.flip(0)[:1]).case(u[:1], note=f"{gone} gone")
    for size in (3001, 700, 112, 49, 43):  # of the last three the second row's sum in float32 stays below u
        logits = torch.full((2, size), -1.0)
        logits[0, size - 5 :], logits[1, size - 2 :] = -INF, -INF
        yield Rows("u just below 1", logits).case(torch.full((2,), largest), note="rows that end in two places")
    for size in (10, 49, 98, 700, 3001):
        logits = normal(size, 3, size, scale=0.05)
        yield Rows("u just below 1", logits).case(torch.full((3,), largest), note="all possible")


survives_rounding = Cases(
    "sample_next",
    name="survives_rounding_near_one",
    promise="Where rounding leaves the whole sum at or below u, the last possible token is drawn.",
    points=1,
    reference=inverse_cdf,
    pool=near_one,
    accept=is_draw,
    hints={
        "value": "With u just below 1 no sum may be above it: fall back to the last *possible* token; sum in float32.",
        "IndexError or RuntimeError or ValueError or StopIteration": "With u just below 1 no sum may be above "
        "it: fall back to the last *possible* token.",
        **HINTS,
    },
    mistakes=DRAW_MISTAKES[:5],
)


def batches() -> Iterator[Case]:
    """Batches of every size, each row with its own u; other layouts."""
    two = torch.tensor([[0.0, 0.0]] * 5 + [[-1.0, 3.0]])
    yield Rows("rows with another u each", two).case(torch.tensor([0.9, 0.1, 0.2, 0.8, 0.3, 0.001]), note="six rows")
    for batch, vocab in ((1, 4), (2, 2), (3, 2), (2, 5), (5, 3), (130, 3)):
        for seed in (0, 1):
            logits = normal(seed, batch, vocab, scale=1.5)
            yield Rows("rows with another u each", logits).case(inside(logits, seed), note=f"{seed}")
    for dtype in (HALF, BRAIN, SINGLE, DOUBLE):
        logits = normal(3, 3, 4, dtype)
        yield Rows(f"{str(dtype).removeprefix('torch.')} logits", logits).case(inside(logits, 4), note="three rows")
    for rows in layouts():
        yield rows.case(inside(rows.logits, 6), note="layout")
    logits = normal(5, 3, 4)
    yield Case("u strided", (logits, inside(logits, 2)), family="a u that is a column", layout={"u": "strided"})


own_u = Cases(
    "sample_next",
    name="each_row_has_its_own_u",
    promise="Row i is drawn with u[i]; the answer is one int64 id for each row, and inputs are not changed.",
    points=1,
    reference=inverse_cdf,
    pool=batches,
    accept=is_draw,
    keeps_inputs=True,
    hints={
        "value": "Row i must be drawn with u[i].",
        "shape": "Return int64 of shape [batch], one id for each row.",
        "type": "Return a tensor, int64 of shape [batch].",
        "dtype": "Return int64, one id for each row.",
        "changed": NEW,
    },
    mistakes=DRAW_MISTAKES,
)
