"""Cases of `score_function_gradient`: responses of any length, logits up to ±1000."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from cases_inputs import F32, F64, NAMES, Tensor, in_double, layouts, mistakes_beside, numbers

from grader.checks import Case, Cases


def score_sums(logits: Tensor, responses: Tensor, *, filling: bool = False, eos: bool = True) -> tuple[Tensor, Tensor]:
    """How often (row, token) was chosen and how often a row was read: [batch, vocab, vocab], [batch, vocab]."""
    vocab = logits.shape[0]
    chosen = torch.zeros(len(responses), vocab, vocab, dtype=logits.dtype)
    for i, row in enumerate(responses.tolist()):
        state = vocab - 1
        for token in row:
            if token != vocab - 1 or eos:
                chosen[i, state, token] += 1
            if token == vocab - 1 and not filling:
                break
            state = token
    return chosen, chosen.sum(-1)


def scores(logits: Tensor, responses: Tensor, **how: bool) -> Tensor:
    """∇ log π(y), [batch, vocab, vocab]."""
    chosen, reads = score_sums(logits, responses, **how)
    return chosen - reads[..., None] * logits.softmax(-1)


def response_probs(logits: Tensor, responses: Tensor) -> Tensor:
    """π(y), [batch]."""
    chosen, _ = score_sums(logits, responses)
    return torch.where(chosen > 0, chosen * logits.log_softmax(-1), 0.0).sum((1, 2)).exp()


@in_double
def right_score(logits: Tensor, responses: Tensor, rewards: Tensor, baseline: float = 0.0) -> Tensor:
    """(r − b) ∇ log π(y) for each response."""
    return (rewards - baseline)[:, None, None] * scores(logits, responses)


def once(logits: Tensor, responses: Tensor) -> Tensor:
    """∇ log π(y), in which the last visit of a row overwrites those before it."""
    vocab = logits.shape[0]
    out, probs = torch.zeros(len(responses), vocab, vocab, dtype=logits.dtype), logits.softmax(-1)
    for i, row in enumerate(responses.tolist()):
        state = vocab - 1
        for token in row:
            out[i, state] = F.one_hot(torch.tensor(token), vocab) - probs[state]
            if token == vocab - 1:
                break
            state = token
    return out


def lead(rewards: Tensor, baseline: float) -> Tensor:
    """(r − b), to be multiplied with scores."""
    return (rewards - baseline)[:, None, None]


def first_rows(logits: Tensor, responses: Tensor) -> Tensor:
    """∇ log π(y) with row 0, not that of EOS, read at the start."""
    chosen, _ = score_sums(logits, responses)
    for i, row in enumerate(responses.tolist()):
        chosen[i, -1, row[0]] -= 1
        chosen[i, 0, row[0]] += 1
    return chosen - chosen.sum(-1)[..., None] * logits.softmax(-1)


SCORE_MISTAKES = {
    "mean": (
        "The mean over the samples comes later: one gradient for each response.",
        lambda x, y, r, b=0.0: (lead(r, b) * scores(x, y)).mean(0),
    ),
    "plus": ("The baseline is subtracted from the reward.", lambda x, y, r, b=0.0: lead(r, -b) * scores(x, y)),
    "no_baseline": ("The baseline is not used.", lambda x, y, r, b=0.0: lead(r, 0.0) * scores(x, y)),
    "weighed": (
        "That is ∇π, not ∇ log π: sampling has put the factor π in already.",
        lambda x, y, r, b=0.0: lead(r, b) * response_probs(x, y)[:, None, None] * scores(x, y),
    ),
    "picked": (
        "∇ log softmax is one-hot *minus* the probabilities: all logits of a visited row move.",
        lambda x, y, r, b=0.0: lead(r, b) * score_sums(x, y)[0],
    ),
    "turned": (
        "The sign is turned: this is the gradient of J, to climb; a loss would be minus that.",
        lambda x, y, r, b=0.0: -lead(r, b) * scores(x, y),
    ),
    "unweighed": ("The reward is missing: it weighs the score.", lambda x, y, r, b=0.0: scores(x, y)),
    "taken_off": (
        "The baseline comes off the reward, before it multiplies the score, not off the product.",
        lambda x, y, r, b=0.0: lead(r, 0.0) * scores(x, y) - b,
    ),
    "filling": (
        "The filling after the first EOS counts in yours; nobody sampled it.",
        lambda x, y, r, b=0.0: lead(r, b) * scores(x, y, filling=True),
    ),
    "no_eos": (
        "The first EOS was sampled like any token: it counts.",
        lambda x, y, r, b=0.0: lead(r, b) * scores(x, y, eos=False),
    ),
    "once": (
        "A row that is read twice has both parts: add to it (`+=`), do not overwrite it.",
        lambda x, y, r, b=0.0: lead(r, b) * once(x, y),
    ),
    "first": (
        "At the start the row of EOS is read, the last one.",
        lambda x, y, r, b=0.0: lead(r, b) * first_rows(x, y),
    ),
    "transposed": (
        "Rows and columns have changed places: the row is the last word, the column the next one.",
        lambda x, y, r, b=0.0: lead(r, b) * scores(x, y).transpose(1, 2),
    ),
}  # fmt: skip
OVERFLOW = (
    "e^1000 overflows and e^−1000 is 0: use `softmax` or `log_softmax`, no quotient nor logarithm of such numbers."
)


def drawn_responses(seed: int, batch: int, places: int, vocab: int) -> Tensor:
    """Responses of any length up to `places`, filled up with EOS."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.randint(0, vocab, (batch, places), generator=generator)
    after = F.pad((y == vocab - 1).cumsum(1), (1, 0))[:, :-1] > 0
    return y.masked_fill(after, vocab - 1)


SHAPES = ((5, 3, 4), (1, 3, 3), (2, 5, 3), (3, 2, 5), (4, 1, 4), (1, 1, 2), (3, 12, 3), (2, 4, 2), (4, 6, 12))


def sample_pool() -> Iterator[Case]:
    """Responses of any length, with and without an EOS."""
    for seed, (batch, places, vocab) in enumerate(SHAPES):
        logits, y = numbers(seed, vocab, vocab), drawn_responses(seed, batch, places, vocab)
        r = numbers(seed + 50, batch)
        for baseline in (0.0, 0.7, -20.0):
            name = f"{batch} × {places}, vocabulary {vocab}, b = {baseline}"
            family = "a baseline" if baseline else "ordinary responses"
            yield Case(name, args=(logits, y, r, baseline), family=family)
    twice = torch.tensor([[0, 0, 0, 2], [1, 1, 2, 2], [0, 1, 0, 1]])
    for seed in range(2):
        args = (numbers(seed, 3, 3), twice, numbers(seed + 9, 3), 0.5)
        yield Case(f"rows read twice {seed}", args=args, family="responses that read a row twice")
    yield Case("no baseline given", args=(numbers(1, 3, 3), twice, numbers(2, 3)), family="calls without a baseline")


def filling_pool() -> Iterator[Case]:
    """Responses of which most is filling."""
    for vocab in (2, 3, 5):
        eos = vocab - 1
        early = torch.tensor([[eos] * 4, [0, eos, eos, eos], [0, 0, eos, eos], [0, 0, 0, eos], [0, 0, 0, 0]])
        for seed in range(3):
            args = (numbers(seed, vocab, vocab), early, numbers(seed + 20, 5), 0.4)
            yield Case(f"vocabulary {vocab}, {seed}", args=args, family="responses of which much is filling")
            args = (numbers(seed, vocab, vocab), early[:1], torch.ones(1, dtype=F64), 0.25)
            yield Case(f"vocabulary {vocab}, {seed}, only EOS", args=args, family="a response that is only EOS")


def extreme_pool() -> Iterator[Case]:
    """Logits of ±1000, float32, layouts."""
    far = torch.tensor([[1000.0, -1000.0, 0.0], [0.0, 0.0, 0.0], [-1000.0, 1000.0, 1000.0]], dtype=F64)
    y = torch.tensor([[1, 0, 2], [2, 2, 2], [0, 1, 1]])
    for dtype in (F32, F64):
        r = torch.tensor([2.0, -1.0, 0.5], dtype=dtype)
        for name, logits in {"far": far, "all high": far * 0 + 1000, "all low": far * 0 - 1000, "turned": -far}.items():
            yield Case(
                f"{NAMES[dtype]}, {name}", args=(logits.to(dtype), y, r, 0.5), family="logits of ±1000", tolerance=3e-4
            )
        for seed, (batch, places, vocab) in enumerate(SHAPES):
            args = (
                numbers(seed, vocab, vocab, dtype=dtype), drawn_responses(seed, batch, places, vocab),
                numbers(seed, batch, dtype=dtype), 0.3,
            )  # fmt: skip
            yield Case(f"{NAMES[dtype]}, {batch} × {places}", args=args, family=NAMES[dtype])
        args = (numbers(3, 4, 4, dtype=dtype), drawn_responses(3, 5, 3, 4), numbers(4, 5, dtype=dtype), 0.5)
        yield from layouts(NAMES[dtype], args, ("logits", "responses"))
        for scale in (1e-6, 1e4):
            args = (numbers(3, 4, 4, dtype=dtype), drawn_responses(3, 5, 3, 4), numbers(4, 5, scale=scale, dtype=dtype))
            yield Case(f"{NAMES[dtype]}, rewards of {scale:g}", args=args, family=f"rewards of size {scale:g}")


score_each = Cases(
    "score_function_gradient",
    name="each_sample_is_its_advantage_times_its_score",
    promise="The estimate of one response is (r − b) ∇ log π(y), by the logits of the rows that it visited.",
    points=2,
    reference=right_score,
    pool=sample_pool,
    mistakes=mistakes_beside(right_score, SCORE_MISTAKES),
)
score_eos = Cases(
    "score_function_gradient",
    name="only_the_first_eos_counts",
    promise="The first EOS of a response counts, the filling after it does not.",
    points=1,
    reference=right_score,
    pool=filling_pool,
    mistakes=mistakes_beside(right_score, SCORE_MISTAKES),
)
score_extreme = Cases(
    "score_function_gradient",
    name="extreme_logits_stay_finite",
    promise="Logits of ±1000 give finite gradients; dtype is kept, and the arguments stay as they are.",
    points=1,
    reference=right_score,
    pool=extreme_pool,
    keeps_inputs=True,
    fresh=True,
    hints={"nan": OVERFLOW},
    mistakes=mistakes_beside(right_score, SCORE_MISTAKES),
)
