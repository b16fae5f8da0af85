"""Inputs of lab 03's exercises, what is right for each, and the mistakes that are likely.

References compute in float64 and round at the end, so that any order of operations in float32 is near them. Each
exercise has one `Cases` for each part of its definition, on plain input, and a last one with whatever else its
docstring allows: dtypes, layouts, anything where the mask is false, inputs that must stay as they are.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from trl.core import LengthSampler

from grader.checks import Built, Case, Cases, Mistake

Tensor = torch.Tensor
Entry = tuple[str, Callable[..., Any]]
F32, F64 = torch.float32, torch.float64
NAMES = {F32: "float32", F64: "float64"}
LAYOUTS = ("transposed", "strided", "column")
NAN = (
    "What stands where the mask is false reaches your result: pick what counts first (`torch.where`, `x[mask]`). "
    "0 times nan is nan, and so is 0/0."
)


def numbers(seed: int, *shape: int, scale: float = 1.0, dtype: torch.dtype = F64) -> Tensor:
    """Normal numbers, the same for every course."""
    generator = torch.Generator().manual_seed(seed)
    return (torch.randn(shape, generator=generator, dtype=F64) * scale).to(dtype)


def without(table: dict[str, Entry], name: str) -> dict[str, Entry]:
    """A table of mistakes without one, which cannot be told from another there."""
    return {other: entry for other, entry in table.items() if other != name}


def in_double(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, computed in float64; what comes back has the dtype of its first tensor of floats."""

    @functools.wraps(function)
    def computed(*args: Any, **kwargs: Any) -> Any:
        floats = [a for a in (*args, *kwargs.values()) if isinstance(a, Tensor) and a.is_floating_point()]
        back = lambda x: x.to(floats[0].dtype) if isinstance(x, Tensor) else x  # noqa: E731
        wide = lambda a: a.double() if isinstance(a, Tensor) and a.is_floating_point() else a  # noqa: E731
        found = function(*map(wide, args), **{name: wide(arg) for name, arg in kwargs.items()})
        if isinstance(found, dict):
            return {name: back(part) for name, part in found.items()}
        return tuple(map(back, found)) if isinstance(found, tuple) else back(found)

    return computed


def mistakes_beside(right: Callable[..., Any], *tables: dict[str, Entry]) -> tuple[Mistake, ...]:
    """Tables of mistakes, name: (hint, answer); the answers get name, precision and parameters of `right`."""
    return tuple(Mistake(hint, _as(right, name, answer)) for table in tables for name, (hint, answer) in table.items())


def _as(right: Callable[..., Any], name: str, answer: Callable[..., Any]) -> Callable[..., Any]:
    called = in_double(answer)
    called.__name__ = name
    called.__signature__ = inspect.signature(right)  # type: ignore[attr-defined]
    return called


# Masks -----------------------------------------------------------------------------------------------------------


def rows(*texts: str) -> Tensor:
    """A mask bool [batch, length] out of rows such as "..xx."."""
    return torch.tensor([[letter == "x" for letter in text] for text in texts])


MASK = rows("..xxx..", "xxxx...", "...x...", "xxxxxxx")
SIDE_BY_SIDE = {
    "responses between query and padding": MASK,
    "responses in rows of another order": MASK.flip(0),
    "responses that reach the right edge": rows("..xxx", "....x", "xxxxx"),
    "responses that begin in the first column": rows("xx...", "x....", "xxxx."),
    "a mask that is true everywhere": rows("xxxxxx", "xxxxxx"),
    "responses of one token": rows("x...", "..x.", "...x", ".x..", ".x.."),
    "more rows than columns": rows("xx", "x.", ".x"),
    "one row": rows(".xxx.."),
    "one row of one token": rows("x"),
    "a single column": rows("x", "x", "x"),
    "a row of 300 tokens": rows("." * 5 + "x" * 300 + "." * 3, "x" * 2 + "." * 306),
}
SCATTERED = {
    "a mask with holes": rows("x.x..x", ".xx.x.", "xxxxxx"),
    "a row without a token": rows("....", "xx.x", "...."),
    "tokens in the last row only": rows("...", "...", "xxx"),
    "two tokens of two rows": rows(".x.", "...", "x.."),
}
ANY = SIDE_BY_SIDE | SCATTERED
KINDS = {
    "responses in rows of another order": "responses between query and padding",
    "more rows than columns": "batches of other shapes",
    "one row": "batches of other shapes",
    "one row of one token": "batches of other shapes",
    "a single column": "batches of other shapes",
    "tokens in the last row only": "a row without a token",
    "two tokens of two rows": "a row without a token",
}
"""Families of masks, where they have not the mask's own name."""
JUNK = torch.tensor([torch.nan, torch.inf, 1e30, -torch.inf, torch.nan], dtype=F64)
SPOILT = "nan and inf where the mask is false"
UNUSUAL = "tensors that are not contiguous"
LOSS = {F32: 2e-6, F64: 1e-11}
"""How far apart two means of numbers of size 1 may be, however near to 0 the mean is."""


def spoilt(value: Tensor, mask: Tensor, first: int = 0) -> Tensor:
    """`value` with nan, ±inf and a huge number where the mask is false."""
    places = (torch.arange(mask.numel()).reshape(mask.shape) + first) % len(JUNK)
    return torch.where(mask, value, JUNK[places].to(value.dtype))


def kept(*values: Tensor, mask: Tensor) -> tuple[Tensor, ...]:
    """`values` at the places that count."""
    return tuple(value[mask] for value in values)


def cleaned(*values: Tensor, mask: Tensor) -> tuple[Tensor, ...]:
    """`values` with 0 at the places that do not count."""
    return tuple(torch.where(mask, value, 0.0) for value in values)


def layouts(name: str, args: tuple[Any, ...], names: tuple[str, ...], **more: Any) -> Iterator[Case]:
    """The same arguments in memory of other layouts."""
    for layout in LAYOUTS:
        laid = dict.fromkeys(names, layout)
        yield Case(f"{name}, {layout}", args=args, layout=laid, family=UNUSUAL, **more)


# build_queries ---------------------------------------------------------------------------------------------------

WORDS = ("this", "film", "is", "the", "thin", "fish", "of", "a", "filmed", "theft", "his", "wit")


def a_review(number: int, length: int) -> str:
    """A text of exactly `length` characters that begins in its own way."""
    words = [WORDS[(number * (k + 3) + k * k) % len(WORDS)] for k in range(length)]
    return ("This film " * (number % 2) + " ".join(words))[:length]


def columns(*texts: str) -> dict[str, list[Any]]:
    """Reviews with labels."""
    return {"text": list(texts), "label": [i % 2 for i in range(len(texts))]}


def right_queries(
    columns: dict[str, list[Any]], tokenizer: Any, low: int = 2, high: int = 8, seed: int = 0
) -> dict[str, list[Any]]:
    """The course's recipe, line by line."""
    np.random.seed(seed)
    length = LengthSampler(low, high)
    reviews = [text for text in columns["text"] if len(text) > 200]
    ids = [tokenizer.encode(text)[: length()] for text in reviews]
    return {"review": reviews, "input_ids": ids, "query": [tokenizer.decode(row) for row in ids]}


def queries_of(
    keep: Callable[[str], bool] = lambda text: len(text) > 200,
    cut: Callable[[Any, str, int], list[int]] = lambda tokenizer, text, n: tokenizer.encode(text)[:n],
    spell: Callable[[Any, str, list[int], int], str] = lambda tokenizer, text, ids, n: tokenizer.decode(ids),
    change: Callable[[list[str]], list[str]] = list,
) -> Callable[..., dict[str, list[Any]]]:
    """The recipe with one of its steps another."""

    def recipe(
        columns: dict[str, list[Any]], tokenizer: Any, low: int = 2, high: int = 8, seed: int = 0
    ) -> dict[str, list[Any]]:
        np.random.seed(seed)
        length = LengthSampler(low, high)
        reviews = change([text for text in columns["text"] if keep(text)])
        drawn = [int(length()) for _ in reviews]
        ids = [cut(tokenizer, text, n) for text, n in zip(reviews, drawn, strict=True)]
        spelt = [spell(tokenizer, text, row, n) for text, row, n in zip(reviews, ids, drawn, strict=True)]
        return {"review": reviews, "input_ids": ids, "query": spelt}

    return recipe


def review_pool() -> Iterator[Case]:
    """Lengths around 200, letters of several bytes, repetitions, spaces at the ends, short and no reviews."""
    mixed = columns(*(a_review(i, n) for i, n in enumerate((201, 350, 200, 199, 260, 202, 40, 201, 0, 205, 230))))
    letters = columns("é" * 200, "é" * 201, "film é" * 40, "ß" * 150, "日本の映画は" * 40, "🎬" * 201, "🎬" * 200)
    ends = columns(
        "  " + a_review(1, 199), "\n" * 201, a_review(2, 198) + "   ", "<br />" * 40, a_review(3, 199) + "\n"
    )
    twice = columns(a_review(1, 300), a_review(2, 201), a_review(1, 300), a_review(2, 201), a_review(5, 220))
    tables = {
        "ordinary reviews": mixed, "reviews with letters of several bytes": letters, "reviews that occur twice": twice,
        "reviews with spaces at their ends": ends, "no review that is kept": columns("short", a_review(3, 200)),
        "a single review": columns(a_review(4, 240)), "no reviews at all": columns(),
    }  # fmt: skip
    for family, table in tables.items():
        for low, high, seed in ((2, 8, 0), (3, 5, 1), (1, 2, 7)):
            name = f"{family}, {low} to {high}, seed {seed}"
            yield Case(name, args=(table, Built("tokenizer"), low, high, seed), family=family)
    for name, low, high in (("far beyond", 150, 400), ("nothing", 0, 3), ("long", 20, 60)):
        family = "lengths other than the usual ones"
        yield Case(f"{family}: {name}", args=(mixed, Built("tokenizer"), low, high, 3), family=family)
    for table in ("ordinary reviews", "reviews with letters of several bytes"):
        yield Case(
            f"defaults, {table}", args=(tables[table], Built("tokenizer")), family="calls without low, high, seed"
        )


build_queries = Cases(
    "build_queries",
    name="a_query_is_its_tokens_in_words",
    promise="`input_ids` are a review's first tokens, and `query` is what they spell, for every kind of review.",
    points=1,
    reference=right_queries,
    pool=review_pool,
    keeps_inputs=True,
    mistakes=(
        Mistake(
            "Cut the tokens, not the characters.",
            queries_of(cut=lambda tokenizer, text, n: tokenizer.encode(text[:n])),
        ),
        Mistake(
            "Cut the tokens, not the words.",
            queries_of(cut=lambda tokenizer, text, n: tokenizer.encode(" ".join(text.split(" ")[:n]))),
        ),
        Mistake(
            "Those are the last tokens; a query is the beginning of a review.",
            queries_of(cut=lambda tokenizer, text, n: tokenizer.encode(text)[-n:]),
        ),
        Mistake(
            "The query is what the tokens spell: decode them; it is not the same number of characters.",
            queries_of(spell=lambda tokenizer, text, ids, n: text[:n]),
        ),
        Mistake(
            "The query holds the whole review: decode the kept tokens only.",
            queries_of(spell=lambda tokenizer, text, ids, n: text),
        ),
        Mistake(
            "No EOS in front here: the tokens of the review as they are.",
            queries_of(cut=lambda tokenizer, text, n: [0, *tokenizer.encode(text)[:n]]),
        ),
        Mistake("200 is a number of characters, not of bytes.", queries_of(keep=lambda text: len(text.encode()) > 200)),
        Mistake("*More than* 200 characters: a review of exactly 200 goes.", queries_of(keep=lambda t: len(t) >= 200)),
        Mistake(
            "A review that is there twice stays there twice.",
            queries_of(change=lambda reviews: list(dict.fromkeys(reviews))),
        ),
        Mistake(
            "Keep the texts as they are: no strip.",
            queries_of(keep=lambda t: len(t.strip()) > 200, change=lambda reviews: [t.strip() for t in reviews]),
        ),
    ),
)


# score_function_gradient -----------------------------------------------------------------------------------------


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


# kl_estimators ---------------------------------------------------------------------------------------------------


@in_double
def right_estimators(logprobs: Tensor, ref_logprobs: Tensor) -> dict[str, Tensor]:
    """Schulman's three, with r = π_ref/π."""
    log_r = ref_logprobs - logprobs
    return {"k1": -log_r, "k2": log_r**2 / 2, "k3": log_r.expm1() - log_r}


def with_part(name: str, part: Callable[[Tensor], Tensor]) -> Callable[..., dict[str, Tensor]]:
    """The three, with one of them another function of log r."""
    return lambda lp, ref: right_estimators(lp, ref) | {name: part(ref - lp)}


ESTIMATOR_MISTAKES = {
    "sign": ("k1 has the wrong sign: over samples of π its mean must not be negative.", with_part("k1", lambda x: x)),
    "turned": (
        "The ratio in k3 is turned: r = π_ref/π, because the samples come from π.",
        with_part("k3", lambda x: (-x).expm1() + x),
    ),
    "swapped": (
        "Policy and reference have changed places: that is the other direction of the KL.",
        lambda lp, ref: right_estimators(ref, lp),
    ),
    "added": ("k3 is (r − 1) − log r: you add log r.", with_part("k3", lambda x: x.expm1() + x)),
    "half": ("k2 has a factor ½.", with_part("k2", lambda x: x**2)),
    "ratio": ("k2 is the square of the log-ratio, not of r − 1.", with_part("k2", lambda x: x.expm1() ** 2 / 2)),
    "absolute": ("k1 may be negative: no absolute value.", with_part("k1", lambda x: x.abs())),
    "no_log": ("k3 is (r − 1) − log r: log r is missing.", with_part("k3", lambda x: x.expm1())),
    "no_one": ("k3 is (r − 1) − log r: the 1 is missing.", with_part("k3", lambda x: x.exp() - x)),
    "mean": (
        "One estimate for each sample: no mean.",
        lambda lp, ref: {name: value.mean() for name, value in right_estimators(lp, ref).items()},
    ),
}  # fmt: skip


def digits_lost(logprobs: Tensor, ref_logprobs: Tensor) -> dict[str, Tensor]:
    """k3 by exp and −1, in the dtype of the log-probs."""
    log_r = ref_logprobs - logprobs
    return {"k1": -log_r, "k2": log_r**2 / 2, "k3": log_r.exp() - 1 - log_r}


def estimate_pool() -> Iterator[Case]:
    """Log-probs of any shape."""
    for seed, shape in enumerate(((5,), (1,), (2, 3), (3, 2), (2, 3, 4), (), (1, 1), (40, 8))):
        for scale in (0.3, 2.0):
            lp, ref = (-numbers(seed + k, *shape, scale=scale).abs() for k in (0, 100))
            family = "log-probs of no dimension" if shape == () else "log-probs of any shape"
            yield Case(f"{list(shape)}, {scale}", args=(lp, ref), family=family)
    same = -numbers(7, 4).abs()
    yield Case("equal", args=(same, same.clone()), family="policies that agree")
    far = torch.tensor([-1.0, -30.0, -0.5, -20.0], dtype=F64)
    yield Case("far apart", args=(far, far.flip(0)), family="policies that are far apart")


def near_pool() -> Iterator[Case]:
    """Policies that hardly differ, both dtypes, layouts."""
    steps = torch.tensor([0.0, 1e-4, -1e-4, 3e-4, -7e-4, 1e-3])
    for level in (-2.0, -1.5, -2.5):
        ref = torch.full((6,), level)
        for name, lp in {"above": ref + steps, "below": ref - steps}.items():
            family = "policies that hardly differ, in float32"
            yield Case(f"{level}, {name}", args=(lp, ref), family=family, tolerance=5e-10)
            yield Case(f"{level}, {name}, 2 × 3", args=(lp.view(2, 3), ref.view(2, 3)), family=family, tolerance=5e-10)
    for scale, tolerance in ((1e-6, 1e-17), (1e-4, 1e-15)):
        lp = torch.full((5,), -2.0, dtype=F64)
        args = (lp, lp + numbers(3, 5, scale=scale))
        yield Case(f"float64, {scale}", args=args, family="policies that hardly differ", tolerance=tolerance)
    for dtype in (F32, F64):
        for seed, shape in enumerate(((5,), (3, 2), (2, 3, 4), ())):
            lp, ref = (-numbers(seed + k, *shape, dtype=dtype).abs() for k in (0, 100))
            yield Case(f"{NAMES[dtype]}, {list(shape)}", args=(lp, ref), family=NAMES[dtype])
        lp, ref = (-numbers(k, 4, 3, dtype=dtype).abs() for k in (0, 100))
        yield from layouts(NAMES[dtype], (lp, ref), ("logprobs", "ref_logprobs"))


estimators_defined = Cases(
    "kl_estimators",
    name="k1_k2_k3_are_those_of_the_definition",
    promise="With r = π_ref/π: k1 = −log r, k2 = ½ (log r)², k3 = (r − 1) − log r, one for each sample.",
    points=2,
    reference=right_estimators,
    pool=estimate_pool,
    mistakes=mistakes_beside(right_estimators, ESTIMATOR_MISTAKES),
)
estimators_near = Cases(
    "kl_estimators",
    name="k3_is_never_negative",
    promise=(
        "k3 is at least 0 and right also where the policies hardly differ, in float32; dtype is kept, "
        "and the arguments stay as they are."
    ),
    points=1,
    reference=right_estimators,
    pool=near_pool,
    keeps_inputs=True,
    fresh=True,
    mistakes=(
        Mistake("e^x − 1 loses all digits where x is small: use `torch.expm1`.", digits_lost),
        *mistakes_beside(right_estimators, without(ESTIMATOR_MISTAKES, "turned")),
    ),
)


# kl_penalised_rewards --------------------------------------------------------------------------------------------


def last_places(mask: Tensor) -> Tensor:
    """True at the last true place of each row, bool [batch, length]."""
    return mask & (mask.cumsum(1) == mask.sum(1, keepdim=True))


def penalty(lp: Tensor, ref: Tensor, mask: Tensor, kl_coef: float) -> Tensor:
    """−β (log π − log π_ref) where the mask is true, else 0."""
    return torch.where(mask, -kl_coef * (lp - ref), 0.0)


@in_double
def right_rewards(scores: Tensor, logprobs: Tensor, ref_logprobs: Tensor, mask: Tensor, kl_coef: float) -> Tensor:
    """Penalties, and the score at each row's last true place."""
    return penalty(logprobs, ref_logprobs, mask, kl_coef) + torch.where(last_places(mask), scores[:, None], 0.0)


def scored_at(place: Callable[[Tensor], Tensor]) -> Callable[..., Tensor]:
    """Rewards with the score at another place: `place` gives bool [batch, length] for a mask."""
    return lambda s, lp, ref, mask, beta: penalty(lp, ref, mask, beta) + place(mask) * s[:, None]


def before_the_first_false(mask: Tensor) -> Tensor:
    """The place in front of a row's first False: where the response ends, if it begins in the first column and ends."""
    return F.one_hot(((~mask).int().argmax(1) - 1) % mask.shape[1], mask.shape[1]).bool()


def last_column(mask: Tensor) -> Tensor:
    """True in the last column."""
    return F.one_hot(torch.full((len(mask),), mask.shape[1] - 1), mask.shape[1]).bool()


def at_count(mask: Tensor) -> Tensor:
    """True at column (number of tokens − 1)."""
    return F.one_hot(mask.sum(1) - 1, mask.shape[1]).bool()


PENALTY_MISTAKES = {
    "sign": (
        "The sign is turned: becoming likelier than under the reference *costs* reward.",
        lambda s, lp, ref, mask, beta: right_rewards(s, ref, lp, mask, beta),
    ),
    "beta": ("β is missing.", lambda s, lp, ref, mask, beta: right_rewards(s, lp, ref, mask, 1.0)),
    "unmasked": (
        "Prompt and padding pay in yours: use the mask.",
        lambda s, lp, ref, mask, beta: -beta * (lp - ref) + last_places(mask) * s[:, None],
    ),
    "absolute": (
        "The penalty of a token may be negative: no absolute value.",
        lambda s, lp, ref, mask, beta: right_rewards(s, (lp - ref).abs(), 0 * ref, mask, beta),
    ),
    "summed": (
        "One reward for each token: the KL is not summed over the response.",
        lambda s, lp, ref, mask, beta: right_rewards(s, lp, ref, mask, beta).sum(1),
    ),
    "at_the_end": (
        "Each token pays its own part: you put the whole sum on the last token.",
        lambda s, lp, ref, mask, beta: (
            last_places(mask) * right_rewards(s, lp, ref, mask, beta).sum(1, keepdim=True)
        ),
    ),
    "probabilities": (
        "Log-probs are subtracted, not probabilities.",
        lambda s, lp, ref, mask, beta: right_rewards(s, lp.exp(), ref.exp(), mask, beta),
    ),
}  # fmt: skip
SCORE_PLACES = {
    "column": (
        "The score lands in the last column, which may be padding: find each response's last token.",
        scored_at(last_column),
    ),
    "masked_away": (
        "The score lands in the last column and is masked away there: find each response's last token.",
        scored_at(lambda mask: last_column(mask) & mask),
    ),
    "every": ("The score comes once, on the last token, not on each.", scored_at(lambda mask: mask)),
    "first": (
        "The score belongs to the last token of the response, not the first.",
        scored_at(lambda mask: last_places(mask.flip(1)).flip(1)),
    ),
    "first_false": (
        "You look for the first False of the mask: a query stands in front of the response, and a response that "
        "reaches the right edge has no False behind it.",
        scored_at(before_the_first_false),
    ),
    "count": (
        "The number of tokens is not the place of the last one: a query stands in front.",
        scored_at(at_count),
    ),
    "replaced": (
        "The score replaces the last token's penalty: add it.",
        lambda s, lp, ref, mask, beta: torch.where(last_places(mask), s[:, None], penalty(lp, ref, mask, beta)),
    ),
    "scaled": (
        "β scales the penalty only, not the score.",
        lambda s, lp, ref, mask, beta: right_rewards(beta * s, lp, ref, mask, beta),
    ),
    "missing": ("The score is missing.", lambda s, lp, ref, mask, beta: penalty(lp, ref, mask, beta)),
    "subtracted": (
        "The score is subtracted in yours: add it.",
        lambda s, lp, ref, mask, beta: right_rewards(-s, lp, ref, mask, beta),
    ),
    "spread": (
        "The score is spread over the tokens: all of it belongs to the last one.",
        lambda s, lp, ref, mask, beta: (
            penalty(lp, ref, mask, beta) + mask * s[:, None] / mask.sum(1, keepdim=True)
        ),
    ),
}  # fmt: skip


def reward_args(seed: int, mask: Tensor, dtype: torch.dtype = F64, scale: float = 1.0) -> tuple[Tensor, ...]:
    """Scores and two log-probs for a mask."""
    lp, ref = (-numbers(seed + k, *mask.shape, scale=scale, dtype=dtype).abs() for k in (1, 2))
    return numbers(seed, len(mask), scale=3, dtype=dtype), lp, ref


def penalty_pool() -> Iterator[Case]:
    """Scores of 0: what is left is the penalty."""
    for seed, (family, mask) in enumerate(SIDE_BY_SIDE.items()):
        zero, lp, ref = reward_args(seed, mask)
        for kl_coef in (0.2, 1.5):
            yield Case(
                f"{family}, β = {kl_coef}", args=(0 * zero, lp, ref, mask, kl_coef), family=KINDS.get(family, family)
            )


def last_token_pool() -> Iterator[Case]:
    """Scores at the ends of responses of every kind."""
    for seed, (family, mask) in enumerate(SIDE_BY_SIDE.items()):
        for kl_coef in (0.2, 1.5, 0.0):
            name = f"{family}, β = {kl_coef}"
            family_of_beta = KINDS.get(family, family) if kl_coef else "β = 0"
            yield Case(name, args=(*reward_args(seed + 30, mask), mask, kl_coef), family=family_of_beta)


def masked_reward_pool() -> Iterator[Case]:
    """Anything where the mask is false, both dtypes, sizes, layouts."""
    for dtype in (F32, F64):
        for seed, (name, mask) in enumerate(SIDE_BY_SIDE.items()):
            some, lp, ref = reward_args(seed + 10, mask, dtype)
            for first in range(1 if mask.all() else 3):
                args = (some, spoilt(lp, mask, first), spoilt(ref, mask, first), mask, 0.5)
                family = NAMES[dtype] if mask.all() else SPOILT
                yield Case(f"{NAMES[dtype]}, {name}, {first}", args=args, family=family)
        for scale in (1e-6, 1e3):
            args = (*reward_args(5, MASK, dtype, scale), MASK, 0.5)
            yield Case(f"{NAMES[dtype]}, log-probs of {scale:g}", args=args, family=f"log-probs of size {scale:g}")
        args = (*reward_args(6, MASK, dtype), MASK, 0.5)
        yield from layouts(NAMES[dtype], args, ("logprobs", "ref_logprobs", "mask"))


rewards_penalty = Cases(
    "kl_penalised_rewards",
    name="each_token_pays_its_kl",
    promise="Each response token has −β (log π − log π_ref); what is no response token has 0.",
    points=2,
    reference=right_rewards,
    pool=penalty_pool,
    mistakes=mistakes_beside(right_rewards, PENALTY_MISTAKES),
)
rewards_score = Cases(
    "kl_penalised_rewards",
    name="the_score_is_added_to_the_last_token",
    promise="The reward model's score is added at the response's last token, on top of that token's penalty.",
    points=2,
    reference=right_rewards,
    pool=last_token_pool,
    mistakes=mistakes_beside(right_rewards, PENALTY_MISTAKES, SCORE_PLACES),
)
rewards_masked = Cases(
    "kl_penalised_rewards",
    name="what_is_masked_does_not_matter",
    promise="Log-probs outside the response may be ±inf or nan; dtype is kept, and the arguments stay as they are.",
    points=1,
    reference=right_rewards,
    pool=masked_reward_pool,
    keeps_inputs=True,
    fresh=True,
    hints={"nan": NAN},
    mistakes=mistakes_beside(right_rewards, without(PENALTY_MISTAKES, "unmasked"), SCORE_PLACES),
)


# gae -------------------------------------------------------------------------------------------------------------


def recursion(
    r: Tensor, v: Tensor, mask: Tensor, gamma: float, decay: float, *, boot: float = 0.0, clean: bool = True
) -> Tensor:
    """Σ decay^l δ_{t+l} with δ = r + γ V' − V, not masked; behind a last token V' is `boot` times its value."""
    if clean:
        r, v = cleaned(r, v, mask=mask)
    after = F.pad(v, (0, 1))[:, 1:]
    delta = r + gamma * torch.where(last_places(mask) & clean, boot * v, after) - v
    out, later = torch.zeros_like(delta), torch.zeros_like(delta[:, 0])
    for t in reversed(range(delta.shape[1])):
        later = delta[:, t] + decay * later
        out[:, t] = later
    return out


def both(advantages: Tensor, values: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """(advantages, returns), 0 where the mask is false."""
    a, v = cleaned(advantages, values, mask=mask)
    return a, a + v


@in_double
def right_gae(
    rewards: Tensor, values: Tensor, mask: Tensor, gamma: float = 1.0, lam: float = 0.95
) -> tuple[Tensor, Tensor]:
    """Advantages and returns, from the definition."""
    return both(recursion(rewards, values, mask, gamma, gamma * lam), values, mask)


def whitened(advantages: Tensor, mask: Tensor) -> Tensor:
    """Advantages that were whitened where they count."""
    some = advantages[mask]
    return torch.where(mask, (advantages - some.mean()) * torch.rsqrt(some.var() + 1e-8), 0.0)


def to_go(r: Tensor, v: Tensor, mask: Tensor, g: float, lam: float) -> tuple[Tensor, Tensor]:
    """The right advantages, and as returns the rewards to come."""
    plain = torch.where(mask, recursion(r, torch.zeros_like(v), mask, g, g), 0.0)
    return right_gae(r, v, mask, g, lam)[0], plain


GAE_MISTAKES = {
    "swapped": (
        "γ and λ have changed places: γ discounts the next value, γλ the next error.",
        lambda r, v, m, g=1.0, lam=0.95: both(recursion(r, v, m, lam, g * lam), v, m),
    ),
    "lambda_only": (
        "The sum decays by λ only: each step further back is γλ.",
        lambda r, v, m, g=1.0, lam=0.95: both(recursion(r, v, m, g, lam), v, m),
    ),
    "gamma_only": (
        "The sum decays by γ only: λ is not used.",
        lambda r, v, m, g=1.0, lam=0.95: both(recursion(r, v, m, g, g), v, m),
    ),
    "flat": (
        "γ is missing in δ: the next value is discounted.",
        lambda r, v, m, g=1.0, lam=0.95: both(recursion(r, v, m, 1.0, g * lam), v, m),
    ),
    "one_step": (
        "That is δ alone: the errors of the later steps are missing.",
        lambda r, v, m, g=1.0, lam=0.95: both(recursion(r, v, m, g, 0.0), v, m),
    ),
    "white_returns": (
        "The returns come before whitening, and this function does not whiten at all.",
        lambda r, v, m, g=1.0, lam=0.95: both(whitened(right_gae(r, v, m, g, lam)[0], m), v, m),
    ),
    "white": (
        "You whiten the advantages here; that is another exercise.",
        lambda r, v, m, g=1.0, lam=0.95: (
            whitened(right_gae(r, v, m, g, lam)[0], m), right_gae(r, v, m, g, lam)[1],
        ),
    ),
    "to_go": (
        "The return is advantage + value (the target of the value head), not the sum of rewards.",
        lambda r, v, m, g=1.0, lam=0.95: to_go(r, v, m, g, lam),
    ),
    "no_value": (
        "The return lacks the value: advantage + value.",
        lambda r, v, m, g=1.0, lam=0.95: (right_gae(r, v, m, g, lam)[0],) * 2,
    ),
    "exchanged": (
        "Returns and advantages have changed places.",
        lambda r, v, m, g=1.0, lam=0.95: right_gae(r, v, m, g, lam)[::-1],
    ),
    "boot": (
        "You bootstrap from the last value again: after the end the value is 0.",
        lambda r, v, m, g=1.0, lam=0.95: both(recursion(r, v, m, g, g * lam, boot=1.0), v, m),
    ),
}  # fmt: skip
PADDING_MISTAKES = {
    "unmasked": (
        "Padding counts in yours: rewards and values outside the mask are 0.",
        lambda r, v, m, g=1.0, lam=0.95: (
            (a := recursion(r, v, m, g, g * lam, clean=False)), a + v,
        ),
    ),
    "masked_afterwards": (
        "Padding flows into the response in yours: mask rewards and values *before* the sum.",
        lambda r, v, m, g=1.0, lam=0.95: both(recursion(r, v, m, g, g * lam, clean=False), v, m),
    ),
    "query_left": (
        "Places outside the response are to be 0 in both results.",
        lambda r, v, m, g=1.0, lam=0.95: (
            (a := recursion(r, v, m, g, g * lam)), a + torch.where(m, v, 0.0),
        ),
    ),
}  # fmt: skip


DECAYS = ((0.9, 0.6), (1.0, 0.95), (0.8, 1.0), (0.7, 0.0), (1.0, 1.0), (0.0, 0.5))


def gae_args(seed: int, mask: Tensor, dtype: torch.dtype = F64, scale: float = 1.0) -> tuple[Tensor, Tensor]:
    """Rewards and values for a mask."""
    return tuple(numbers(seed + k, *mask.shape, scale=scale, dtype=dtype) for k in (1, 2))  # type: ignore[return-value]


def decay_family(gamma: float, lam: float) -> str:
    """What is special about γ and λ."""
    if lam in (0.0, 1.0):
        return f"λ = {lam:g}"
    return f"γ = {gamma:g}" if gamma in (0.0, 1.0) else "γ and λ between 0 and 1"


def advantage_pool() -> Iterator[Case]:
    """Every γ and λ; what is masked is 0 already."""
    for seed, (family, mask) in enumerate(SIDE_BY_SIDE.items()):
        for gamma, lam in DECAYS if mask.shape[1] < 9 else DECAYS[:2]:
            args = (*(part * mask for part in gae_args(seed, mask)), mask, gamma, lam)
            yield Case(f"{family}, γ = {gamma}, λ = {lam}", args=args, family=decay_family(gamma, lam))


def end_pool() -> Iterator[Case]:
    """Numbers at query and padding."""
    for seed, (family, mask) in enumerate(SIDE_BY_SIDE.items()):
        for gamma, lam in ((0.9, 0.8), (1.0, 0.95)):
            args = (*gae_args(seed + 60, mask), mask, gamma, lam)
            yield Case(f"{family}, γ = {gamma}", args=args, family=KINDS.get(family, family))


def masked_gae_pool() -> Iterator[Case]:
    """Anything where the mask is false, both dtypes, sizes, layouts."""
    for dtype in (F32, F64):
        for seed, (name, mask) in enumerate(SIDE_BY_SIDE.items()):
            for first in range(1 if mask.all() else 3):
                args = (*(spoilt(part, mask, first) for part in gae_args(seed + 10, mask, dtype)), mask, 0.9, 0.7)
                family = NAMES[dtype] if mask.all() else SPOILT
                yield Case(f"{NAMES[dtype]}, {name}, {first}", args=args, family=family, tolerance=LOSS[dtype] * 10)
        for scale in (1e-6, 1e4):
            args = (*gae_args(5, MASK, dtype, scale), MASK, 0.9, 0.7)
            yield Case(
                f"{NAMES[dtype]}, size {scale:g}",
                args=args,
                family=f"rewards of size {scale:g}",
                tolerance=LOSS[dtype] * 10 * scale,
            )
        yield from layouts(NAMES[dtype], (*gae_args(6, MASK, dtype), MASK, 0.9, 0.7), ("rewards", "values", "mask"))
        args = (*gae_args(7, MASK, dtype), MASK)
        yield Case(f"{NAMES[dtype]}, γ and λ not given", args=args, family="calls without γ and λ")


gae_sums = Cases(
    "gae",
    name="advantages_are_discounted_errors",
    promise=(
        "The advantage is Σ (γλ)^l δ_{t+l} with δ_t = r_t + γ V_{t+1} − V_t, and the return is advantage plus value."
    ),
    points=3,
    reference=right_gae,
    pool=advantage_pool,
    mistakes=mistakes_beside(right_gae, GAE_MISTAKES),
)
gae_end = Cases(
    "gae",
    name="nothing_comes_after_the_end",
    promise="After a response's last token the value is 0, whatever stands at the padding; masked places are 0.",
    points=2,
    reference=right_gae,
    pool=end_pool,
    mistakes=mistakes_beside(right_gae, GAE_MISTAKES, PADDING_MISTAKES),
)
gae_masked = Cases(
    "gae",
    name="gae_ignores_nan_at_padding",
    promise="Rewards and values outside the response may be nan; dtype is kept, and the arguments stay as they are.",
    points=1,
    reference=right_gae,
    pool=masked_gae_pool,
    keeps_inputs=True,
    fresh=True,
    hints={"nan": NAN},
    mistakes=mistakes_beside(right_gae, GAE_MISTAKES, PADDING_MISTAKES),
)


# whiten ----------------------------------------------------------------------------------------------------------


@in_double
def right_whiten(values: Tensor, mask: Tensor, shift_mean: bool = True) -> Tensor:
    """`trl.core.masked_whiten`, 0 where the mask is false."""
    some = values[mask]
    if len(some) < 2:
        raise ValueError("fewer than two places count")
    return rescaled(values, mask, shift_mean, some.mean(), torch.rsqrt(some.var() + 1e-8))


def rescaled(x: Tensor, mask: Tensor, shift: bool, mean: Tensor, factor: Tensor) -> Tensor:
    """(x − mean) · factor, plus the mean if it is not to be shifted, 0 where the mask is false."""
    return torch.where(mask, (x - mean) * factor + (0.0 if shift else mean), 0.0)


def of_the_kept(factor: Callable[[Tensor], Tensor]) -> Callable[..., Tensor]:
    """Whitening with another factor, a function of the values that count."""
    return lambda x, m, shift=True: rescaled(x, m, shift, x[m].mean(), factor(x[m]))


def by_row(x: Tensor, m: Tensor, shift: bool = True) -> Tensor:
    """Each row has a mean and a variance of its own."""
    count = m.sum(1, keepdim=True)
    mean = torch.where(m, x, 0.0).sum(1, keepdim=True) / count
    var = torch.where(m, (x - mean) ** 2, 0.0).sum(1, keepdim=True) / (count - 1).clamp(min=1)
    return rescaled(x, m, shift, mean, torch.rsqrt(var + 1e-8))


def left_unmasked(x: Tensor, m: Tensor, shift: bool = True) -> Tensor:
    """Whitened everywhere."""
    mean = x[m].mean()
    return (x - mean) * torch.rsqrt(x[m].var() + 1e-8) + (0.0 if shift else mean)


WHITEN_MISTAKES = {
    "bessel": (
        "The variance is Bessel's: divide by n − 1, as TRL does.",
        of_the_kept(lambda k: (k.var(unbiased=False) + 1e-8).rsqrt()),
    ),
    "outside": (
        "The 1e-8 stands inside the root: rsqrt(var + 1e-8).",
        of_the_kept(lambda k: 1 / (k.var().sqrt() + 1e-8)),
    ),
    "variance": (
        "Divide by the standard deviation, not by the variance.",
        of_the_kept(lambda k: 1 / (k.var() + 1e-8)),
    ),
    "by_row": ("The mean is over all tokens of the batch, not of each row.", by_row),
    "everything": (
        "Masked places count in your mean and variance.",
        lambda x, m, shift=True: rescaled(x, m, shift, x.mean(), torch.rsqrt(x.var() + 1e-8)),
    ),
    "zeros": (
        "Masked places count as zeros in your mean and variance.",
        lambda x, m, shift=True: rescaled(
            x, m, shift, torch.where(m, x, 0.0).mean(), torch.rsqrt(torch.where(m, x, 0.0).var() + 1e-8)
        ),
    ),
    "unmasked": ("Masked places are to be 0.", left_unmasked),
}  # fmt: skip
SHIFT_MISTAKES = {
    "always": (
        "shift_mean is not used, or turned round: where it is false, the mean is added again.",
        lambda x, m, shift=True: right_whiten(x, m),
    ),
    "scaled": (
        "Scale the distance from the mean, then add the mean: you scale the mean too.",
        lambda x, m, shift=True: rescaled(x, m, True, 0.0 if not shift else x[m].mean(), (x[m].var() + 1e-8).rsqrt()),
    ),
}  # fmt: skip
NOT_CENTRED = {
    "not_centred": (
        "The mean is not subtracted.",
        lambda x, m, shift=True: torch.where(m, x * (x[m].var() + 1e-8).rsqrt(), 0.0),
    )
}


def one_pass(values: Tensor, mask: Tensor, shift_mean: bool = True) -> Tensor:
    """The variance as mean of squares minus square of the mean, in the dtype of the values."""
    some = values[mask]
    var = ((some**2).mean() - some.mean() ** 2).clamp(min=0) * len(some) / (len(some) - 1)
    return rescaled(values, mask, shift_mean, some.mean(), torch.rsqrt(var + 1e-8))


WHITEN_TOLERANCE = {F32: 2e-5, F64: 1e-6}  # TRL's own n/(n − 1) is a float32


def whiten_pool() -> Iterator[Case]:
    """Masks and sizes."""
    for seed, (family, mask) in enumerate(ANY.items()):
        if mask.sum() < 2:
            continue
        for scale in (1.0, 1e-4, 1e-6, 1e4):
            values = (numbers(seed, *mask.shape) + 3) * scale
            size = KINDS.get(family, family) if scale == 1.0 else f"values of size {scale:g}"
            yield Case(f"{family}, {scale:g}", args=(values, mask), family=size, tolerance=1e-6)


def kept_mean_pool() -> Iterator[Case]:
    """The mean is kept."""
    for seed, (family, mask) in enumerate(ANY.items()):
        if mask.sum() < 2:
            continue
        for shift in (False, True):
            args = (2 * numbers(seed + 40, *mask.shape) + 5, mask, shift)
            yield Case(f"{family}, {shift}", args=args, family=f"shift_mean={shift}", tolerance=1e-5)


def few_tokens_pool() -> Iterator[Case]:
    """Too few tokens, equal values, anything where the mask is false, dtypes, layouts, large means."""
    for dtype in (F32, F64):
        few = {"no token": rows("...", "..."), "a single token": rows("...", ".x.")}
        few |= {"one row of one token": rows("x"), "one row without a token": rows(".")}
        for seed, (family, mask) in enumerate(few.items()):
            for shift in (True, False):
                args = (numbers(seed, *mask.shape, dtype=dtype), mask, shift)
                yield Case(f"{NAMES[dtype]}, {family}, {shift}", args=args, family="fewer than two tokens")
        two = rows("x..", "xx.")
        for first in range(3):
            args = (spoilt(torch.full((2, 3), 7.0, dtype=dtype), two, first), two)
            yield Case(f"{NAMES[dtype]}, equal, {first}", args=args, family="equal values", tolerance=1e-6)
        for seed, (name, mask) in enumerate(ANY.items()):
            if mask.sum() > 1 and not mask.all():
                args = (spoilt(numbers(seed, *mask.shape, dtype=dtype), mask, seed), mask)
                yield Case(f"{NAMES[dtype]}, {name}", args=args, family=SPOILT, tolerance=WHITEN_TOLERANCE[dtype])
        for seed in range(3):
            args = (numbers(seed, 4, 7, dtype=dtype) + 1000, MASK)
            yield Case(f"{NAMES[dtype]}, far {seed}", args=args, family="a mean of 1000 spreads", tolerance=1e-3)
        args = (numbers(9, 4, 7, dtype=dtype), MASK)
        yield from layouts(NAMES[dtype], args, ("values", "mask"), tolerance=WHITEN_TOLERANCE[dtype])
        args = (numbers(9, 1, 2, dtype=dtype), rows("xx"))
        yield Case(f"{NAMES[dtype]}, two", args=args, family="two tokens", tolerance=WHITEN_TOLERANCE[dtype])


whiten_defined = Cases(
    "whiten",
    name="whitening_is_that_of_trl",
    promise="(x − mean) / sqrt(var + 1e-8), with mean and variance over all tokens that count; masked places are 0.",
    points=2,
    reference=right_whiten,
    pool=whiten_pool,
    mistakes=mistakes_beside(right_whiten, WHITEN_MISTAKES, NOT_CENTRED),
)
whiten_kept = Cases(
    "whiten",
    name="whitening_may_keep_the_mean",
    promise="With shift_mean=False the spread is scaled and the mean is added again.",
    points=1,
    reference=right_whiten,
    pool=kept_mean_pool,
    mistakes=mistakes_beside(right_whiten, SHIFT_MISTAKES, without(WHITEN_MISTAKES, "outside")),
)
whiten_few = Cases(
    "whiten",
    name="whitening_needs_two_tokens",
    promise=(
        "Equal values become 0, nan outside the mask is ignored, one token alone raises ValueError; "
        "dtype and arguments stay."
    ),
    points=1,
    reference=right_whiten,
    pool=few_tokens_pool,
    keeps_inputs=True,
    fresh=True,
    hints={
        "nan": NAN,
        "no error": "Of fewer than two tokens there is no variance: raise ValueError instead of returning nan.",
    },
    mistakes=(
        Mistake("The variance loses its digits beside a large mean: take it of the distances from the mean.", one_pass),
        *mistakes_beside(right_whiten, without(WHITEN_MISTAKES, "outside"), NOT_CENTRED),
    ),
)


# ppo_clip_loss ---------------------------------------------------------------------------------------------------


@in_double
def right_policy_loss(
    logprobs: Tensor, old_logprobs: Tensor, advantages: Tensor, mask: Tensor, clip_range: float = 0.2
) -> Tensor:
    """The clipped loss, over the tokens that count."""
    lp, old, adv = kept(logprobs, old_logprobs, advantages, mask=mask)
    return -objective((lp - old).exp(), adv, clip_range).mean()


def objective(ratio: Tensor, adv: Tensor, clip: float) -> Tensor:
    """PPO's objective for each token."""
    return torch.min(ratio * adv, ratio.clamp(1 - clip, 1 + clip) * adv)


def policy_loss(term: Callable[[Tensor, Tensor, float], Tensor]) -> Callable[..., Tensor]:
    """Minus the mean of another term, a function of ratio, advantage and ε."""

    def loss(lp: Tensor, old: Tensor, adv: Tensor, mask: Tensor, clip: float = 0.2) -> Tensor:
        a, b, c = kept(lp, old, adv, mask=mask)
        return -term((a - b).exp(), c, clip).mean()

    return loss


def everywhere(lp: Tensor, old: Tensor, adv: Tensor, clip: float) -> Tensor:
    """The objective at all places."""
    return objective((lp - old).exp(), adv, clip)


def clipped_log_ratio(ratio: Tensor, adv: Tensor, clip: float) -> Tensor:
    """The difference of the log-probs is clipped, not the ratio."""
    return torch.min(ratio * adv, ratio.log().clamp(-clip, clip).exp() * adv)


POLICY_MISTAKES = {
    "clipped_alone": (
        "The clipped term alone is not PPO: the minimum of both keeps the gradient where a step went the wrong way.",
        policy_loss(lambda ratio, adv, clip: ratio.clamp(1 - clip, 1 + clip) * adv),
    ),
    "plain": ("The clip is missing.", policy_loss(lambda ratio, adv, clip: ratio * adv)),
    "above": (
        "You clip at 1 + ε only: below 1 − ε it matters where A < 0.",
        policy_loss(lambda ratio, adv, clip: torch.min(ratio * adv, ratio.clamp(max=1 + clip) * adv)),
    ),
    "below": (
        "You clip at 1 − ε only: above 1 + ε it matters where A > 0.",
        policy_loss(lambda ratio, adv, clip: torch.min(ratio * adv, ratio.clamp(min=1 - clip) * adv)),
    ),
    "maximum": (
        "Minimum of the objective (or maximum of the losses): yours takes the other one.",
        policy_loss(lambda ratio, adv, clip: torch.max(ratio * adv, ratio.clamp(1 - clip, 1 + clip) * adv)),
    ),
    "sign": (
        "The sign is turned: a loss is minus the objective.",
        policy_loss(lambda ratio, adv, clip: -objective(ratio, adv, clip)),
    ),
    "turned": (
        "The ratio is turned: new over old.",
        policy_loss(lambda ratio, adv, clip: objective(1 / ratio, adv, clip)),
    ),
    "log_ratio": (
        "The ratio is e^(difference of log-probs): you clip the difference itself.",
        policy_loss(clipped_log_ratio),
    ),
    "no_exp": (
        "The ratio is e^(difference of log-probs): the exponential is missing.",
        policy_loss(lambda ratio, adv, clip: objective(ratio.log(), adv, clip)),
    ),
    "half_range": (
        "The ratio lies between 1 − ε and 1 + ε: yours is clipped to −ε and ε.",
        policy_loss(lambda ratio, adv, clip: torch.min(ratio * adv, ratio.clamp(-clip, clip) * adv)),
    ),
    "fixed": ("clip_range is not used.", policy_loss(lambda ratio, adv, clip: objective(ratio, adv, 0.2))),
    "sum": (
        "A sum, not a mean: divide by the number of tokens that count.",
        policy_loss(lambda ratio, adv, clip: objective(ratio, adv, clip) * len(adv)),
    ),
}  # fmt: skip
MEAN_MISTAKES = {
    "all_places": (
        "The mean counts masked places: divide by the number of tokens that count.",
        lambda lp, old, adv, m, clip=0.2: -torch.where(m, everywhere(lp, old, adv, clip), 0.0).mean(),
    ),
    "unmasked": (
        "Masked places count in your mean.",
        lambda lp, old, adv, m, clip=0.2: -everywhere(lp, old, adv, clip).mean(),
    ),
    "by_row": (
        "The mean is over all tokens of the batch, not row by row.",
        lambda lp, old, adv, m, clip=0.2: (
            -(torch.where(m, everywhere(lp, old, adv, clip), 0.0).sum(1) / m.sum(1)).mean()
        ),
    ),
}  # fmt: skip


FIRST_STEP_MISTAKES = {
    "surrogate": (
        "That is A · log π, whose value means nothing: the loss is made of the ratio; do not detach it.",
        lambda lp, old, adv, m, clip=0.2: -(adv[m] * lp[m]).mean(),
    ),
    "probabilities": (
        "The ratio is new over old, 1 here: you leave out the old log-probs.",
        lambda lp, old, adv, m, clip=0.2: -objective(lp[m].exp(), adv[m], clip).mean(),
    ),
    "off_by_one": (
        "At ratio 1 each token's objective is A: log-ratios of 0 have e^0 = 1.",
        lambda lp, old, adv, m, clip=0.2: -((lp - old)[m].expm1() - 1).mean(),
    ),
    "sum_of_sizes": (
        "Advantages keep their sign: whitened ones add up to 0.",
        lambda lp, old, adv, m, clip=0.2: -adv[m].abs().mean(),
    ),
    "all_places": MEAN_MISTAKES["unmasked"],
}


def policy_args(
    seed: int, mask: Tensor, dtype: torch.dtype = F64, step: float = 0.4, scale: float = 1.0
) -> tuple[Tensor, ...]:
    """New and old log-probs and advantages for a mask."""
    old = -numbers(seed + 1, *mask.shape).abs()
    lp = old + step * numbers(seed + 2, *mask.shape)
    return lp.to(dtype), old.to(dtype), numbers(seed + 3, *mask.shape, scale=scale, dtype=dtype)


def four_cases_pool() -> Iterator[Case]:
    """Ratios on both sides of the clip and between, for good and bad tokens."""
    ratios = torch.tensor([0.5, 0.79, 0.81, 1.0, 1.19, 1.21, 2.0], dtype=F64)
    for good, bad in ((2.0, -3.0), (0.5, -0.5), (4.0, -1.0)):
        lp = torch.stack([ratios, ratios]).log()
        adv = torch.stack([torch.full_like(ratios, good), torch.full_like(ratios, bad)])
        for clip in (0.2, 0.05, 0.6):
            args = (lp, 0 * lp, adv, torch.ones_like(lp, dtype=torch.bool), clip)
            yield Case(f"all, {good}, {bad}, ε = {clip}", args=args, family="ratios on both sides of the clip")
    for ratio in (0.1, 0.5, 0.9, 1.1, 1.5, 8.0):
        for advantage in (1.0, -1.0, 0.25):
            lp = torch.full((1, 1), ratio, dtype=F64).log()
            args = (lp - 2, 0 * lp - 2, torch.full_like(lp, advantage), rows("x"), 0.2)
            side = "above 1 + ε" if ratio > 1.2 else "below 1 − ε" if ratio < 0.8 else "between 1 − ε and 1 + ε"
            sign = "A > 0" if advantage > 0 else "A < 0"
            yield Case(f"ρ = {ratio}, A = {advantage}", args=args, family=f"a ratio {side} and {sign}")
    nothing = torch.zeros(1, 3, dtype=F64)
    args = (torch.tensor([[0.5, 0.0, -0.5]], dtype=F64), nothing, nothing, rows("xxx"), 0.2)
    yield Case("A = 0", args=args, family="advantages of 0")
    far = torch.tensor([[40.0, -40.0], [40.0, -40.0]], dtype=F64)
    args = (far, 0 * far, torch.tensor([[1.0, 1.0], [-1e-9, -1.0]], dtype=F64), rows("xx", "xx"), 0.2)
    yield Case("far", args=args, family="ratios that are far from 1")


def batch_pool() -> Iterator[Case]:
    """Whole batches, all masks."""
    for seed, (family, mask) in enumerate(ANY.items()):
        for clip in (0.2, 0.05):
            yield Case(
                f"{family}, ε = {clip}", args=(*policy_args(seed, mask), mask, clip), family=KINDS.get(family, family)
            )
        yield Case(f"{family}, ε left out", args=(*policy_args(seed + 90, mask), mask), family="calls without ε")


def first_step_pool() -> Iterator[Case]:
    """The new log-probs are the old ones and advantages are whitened."""
    for seed, (family, mask) in enumerate(ANY.items()):
        if mask.sum() < 2:
            continue
        _, old, raw = policy_args(seed, mask)
        args = (old.clone(), old, torch.where(mask, right_whiten(raw, mask), raw + 1), mask, 0.2)
        yield Case(family, args=args, family="policies that are the old ones", tolerance=LOSS[F64])


def masked_policy_pool() -> Iterator[Case]:
    """Anything where the mask is false, both dtypes, sizes, layouts."""
    for dtype in (F32, F64):
        for seed, (name, mask) in enumerate(ANY.items()):
            family = NAMES[dtype] if mask.all() else SPOILT
            for first in range(1 if mask.all() else 2):
                args = (*(spoilt(part, mask, first) for part in policy_args(seed + 10, mask, dtype)), mask, 0.2)
                yield Case(f"{NAMES[dtype]}, {name}, {first}", args=args, family=family, tolerance=LOSS[dtype])
        for clip in (0.05, 0.5):
            args = (*policy_args(4, MASK, dtype), MASK, clip)
            yield Case(f"{NAMES[dtype]}, ε = {clip}", args=args, family=NAMES[dtype], tolerance=LOSS[dtype])
        for scale in (1e-6, 1e4):
            args, tolerance = (*policy_args(5, MASK, dtype, scale=scale), MASK, 0.2), LOSS[dtype] * scale
            family = f"advantages of size {scale:g}"
            yield Case(f"{NAMES[dtype]}, A of {scale:g}", args=args, family=family, tolerance=tolerance)
        names = ("logprobs", "old_logprobs", "advantages", "mask")
        yield from layouts(NAMES[dtype], (*policy_args(6, MASK, dtype), MASK, 0.2), names, tolerance=LOSS[dtype])


policy_four = Cases(
    "ppo_clip_loss",
    name="loss_and_slope_are_right_in_all_four_cases",
    promise="Value and gradient are right for A > 0 and A < 0, with the ratio above 1 + ε, below 1 − ε and between.",
    points=2,
    reference=right_policy_loss,
    pool=four_cases_pool,
    gradient=("logprobs",),
    mistakes=mistakes_beside(right_policy_loss, POLICY_MISTAKES),
)
policy_batch = Cases(
    "ppo_clip_loss",
    name="loss_is_that_of_trl",
    promise="On a whole batch, value and gradient are those of TRL: the mean over the tokens that count.",
    points=2,
    reference=right_policy_loss,
    pool=batch_pool,
    gradient=("logprobs",),
    mistakes=mistakes_beside(right_policy_loss, POLICY_MISTAKES, MEAN_MISTAKES),
)
policy_first = Cases(
    "ppo_clip_loss",
    name="at_the_first_step_only_the_value_is_zero",
    promise="Where the policy is the old one and advantages are whitened, the loss is 0, but its gradient is −A/n.",
    points=1,
    reference=right_policy_loss,
    pool=first_step_pool,
    gradient=("logprobs",),
    hints={"gradient": "At ratio 1 the slope is −A/n: do not detach the ratio, nor put a number in its place."},
    mistakes=mistakes_beside(right_policy_loss, FIRST_STEP_MISTAKES),
)
policy_masked = Cases(
    "ppo_clip_loss",
    name="loss_ignores_nan_at_padding",
    promise=(
        "What stands at masked places, nan too, changes neither value nor gradient; dtype is kept, and "
        "the arguments stay."
    ),
    points=1,
    reference=right_policy_loss,
    pool=masked_policy_pool,
    gradient=("logprobs",),
    keeps_inputs=True,
    fresh=True,
    hints={"nan": NAN},
    mistakes=mistakes_beside(right_policy_loss, POLICY_MISTAKES, without(MEAN_MISTAKES, "unmasked")),
)


# value_loss_clipped ----------------------------------------------------------------------------------------------


@in_double
def right_value_loss(
    values: Tensor, old_values: Tensor, returns: Tensor, mask: Tensor, clip_range: float = 0.2
) -> Tensor:
    """Half the mean of the larger squared error, over the tokens that count."""
    return 0.5 * worst(*kept(values, old_values, returns, mask=mask), clip_range).mean()


def worst(new: Tensor, old: Tensor, goal: Tensor, clip: float) -> Tensor:
    """The larger squared error of each token."""
    return torch.max((new - goal) ** 2, (near(new, old, clip) - goal) ** 2)


def near(new: Tensor, old: Tensor, clip: float) -> Tensor:
    """The value, clipped to ±ε around the old one."""
    return old + (new - old).clamp(-clip, clip)


def value_loss(term: Callable[[Tensor, Tensor, Tensor, float], Tensor]) -> Callable[..., Tensor]:
    """Half the mean of another error, a function of value, old value, return and ε."""

    def loss(new: Tensor, old: Tensor, goal: Tensor, mask: Tensor, clip: float = 0.2) -> Tensor:
        return 0.5 * term(*kept(new, old, goal, mask=mask), clip).mean()

    return loss


VALUE_MISTAKES = {
    "plain": (
        "The clip is missing, or it is around the returns, where it changes nothing: for each token the larger error "
        "counts, and the clip is around the *old values*.",
        value_loss(lambda v, old, goal, clip: (v - goal) ** 2),
    ),
    "to_zero": (
        "You clip the values themselves to ±ε: clip their distance from the old values.",
        value_loss(lambda v, old, goal, clip: torch.max((v - goal) ** 2, (v.clamp(-clip, clip) - goal) ** 2)),
    ),
    "factor": (
        "The value's clip is a distance, ±ε, not a ratio.",
        value_loss(
            lambda v, old, goal, clip: torch.max(
                (v - goal) ** 2, (old * (v / old).clamp(1 - clip, 1 + clip) - goal) ** 2
            )
        ),
    ),
    "smaller": (
        "The larger of the two errors counts; yours takes the smaller one.",
        value_loss(
            lambda v, old, goal, clip: torch.min((v - goal) ** 2, (near(v, old, clip) - goal) ** 2)
        ),
    ),
    "clipped_alone": (
        "The clipped error alone is not enough: for each token take the larger of both.",
        value_loss(lambda v, old, goal, clip: (near(v, old, clip) - goal) ** 2),
    ),
    "no_half": ("The factor ½ is missing.", value_loss(lambda v, old, goal, clip: 2 * worst(v, old, goal, clip))),
    "absolute": (
        "The loss is squared, not absolute.",
        value_loss(lambda v, old, goal, clip: worst(v, old, goal, clip).sqrt()),
    ),
    "fixed": ("clip_range is not used.", value_loss(lambda v, old, goal, clip: worst(v, old, goal, 0.2))),
    "added": (
        "Of both errors the larger counts, not their sum or mean.",
        value_loss(
            lambda v, old, goal, clip: ((v - goal) ** 2 + (near(v, old, clip) - goal) ** 2) / 2
        ),
    ),
    "sum": (
        "A sum, not a mean: divide by the number of tokens that count.",
        value_loss(lambda v, old, goal, clip: worst(v, old, goal, clip) * len(v)),
    ),
}  # fmt: skip
VALUE_MEANS = {
    "unmasked": (
        "The mean counts masked places.",
        lambda v, old, goal, m, clip=0.2: 0.5 * worst(v, old, goal, clip).mean(),
    ),
    "all_places": (
        "The mean is over the tokens that count: divide by their number.",
        lambda v, old, goal, m, clip=0.2: 0.5 * torch.where(m, worst(v, old, goal, clip), 0.0).mean(),
    ),
    "by_row": (
        "The mean is over all tokens of the batch, not row by row.",
        lambda v, old, goal, m, clip=0.2: (
            0.5 * (torch.where(m, worst(v, old, goal, clip), 0.0).sum(1) / m.sum(1)).mean()
        ),
    ),
}  # fmt: skip


def value_args(
    seed: int, mask: Tensor, dtype: torch.dtype = F64, step: float = 1.0, scale: float = 1.0
) -> tuple[Tensor, ...]:
    """New and old values and returns for a mask; with odd seeds new values are near the returns: the clip counts."""
    old, goal = (numbers(seed + k, *mask.shape, scale=scale) for k in (1, 3))
    moved = 0.9 * (goal - old) if seed % 2 else torch.zeros_like(old)
    noise = numbers(seed + 2, *mask.shape, scale=0.1 if seed % 2 else step) * scale
    return (old + moved + noise).to(dtype), old.to(dtype), goal.to(dtype)


def value_pool() -> Iterator[Case]:
    """Whole batches, all masks."""
    for seed, (family, mask) in enumerate(ANY.items()):
        for clip in (0.2, 0.7):
            yield Case(
                f"{family}, ε = {clip}", args=(*value_args(seed, mask), mask, clip), family=KINDS.get(family, family)
            )
        args = (*value_args(seed + 71, mask, step=0.3), mask)
        yield Case(f"{family}, ε left out", args=args, family="calls without ε")


def token_pool() -> Iterator[Case]:
    """Tokens that ran away, to the right side and to the wrong one, one by one and together."""
    new = torch.tensor([[1.0, 3.0, 0.5, 0.15, -0.7, -2.0]], dtype=F64)
    old = torch.tensor([[0.0, 0.0, 0.1, 0.0, 0.3, -1.4]], dtype=F64)
    goal = torch.tensor([[1.0, 1.0, -1.0, 0.1, -0.9, 0.0]], dtype=F64)
    for clip in (0.2, 0.5, 0.05):
        for k in range(6):
            args = (*(part[:, k : k + 1] for part in (new, old, goal)), rows("x"), clip)
            yield Case(f"token {k}, ε = {clip}", args=args, family="a single token")
        for columns_ in ((0, 1, 2, 3, 4, 5), (1, 2), (3, 4, 5), (5, 0)):
            args = (*(part[:, columns_] for part in (new, old, goal)), rows("x" * len(columns_)), clip)
            yield Case(f"tokens {columns_}, ε = {clip}", args=args, family="tokens on both sides of the clip")


def masked_value_pool() -> Iterator[Case]:
    """Anything where the mask is false, both dtypes, sizes, layouts."""
    for dtype in (F32, F64):
        for seed, (name, mask) in enumerate(ANY.items()):
            family = NAMES[dtype] if mask.all() else SPOILT
            for first in range(1 if mask.all() else 2):
                args = (*(spoilt(part, mask, first) for part in value_args(seed + 10, mask, dtype)), mask, 0.2)
                yield Case(f"{NAMES[dtype]}, {name}, {first}", args=args, family=family)
        for scale, clip in ((1e-6, 2e-7), (1e4, 2000.0), (1e4, 0.2)):
            args = (*value_args(5, MASK, dtype, scale=scale), MASK, clip)
            yield Case(f"{NAMES[dtype]}, {scale:g}, {clip:g}", args=args, family=f"values of size {scale:g}")
        names = ("values", "old_values", "returns", "mask")
        yield from layouts(NAMES[dtype], (*value_args(6, MASK, dtype), MASK, 0.2), names)


value_defined = Cases(
    "value_loss_clipped",
    name="value_loss_is_that_of_trl",
    promise="½ mean of max((V − R)², (clip(V, V_old ± ε) − R)²) over the tokens that count, and its gradient in V.",
    points=2,
    reference=right_value_loss,
    pool=value_pool,
    gradient=("values",),
    mistakes=mistakes_beside(right_value_loss, VALUE_MISTAKES, VALUE_MEANS),
)
value_tokens = Cases(
    "value_loss_clipped",
    name="larger_error_counts_token_by_token",
    promise=(
        "A value that ran away pays in full where it is wrong, and gains nothing beyond the clip where it is right."
    ),
    points=1,
    reference=right_value_loss,
    pool=token_pool,
    gradient=("values",),
    mistakes=mistakes_beside(right_value_loss, VALUE_MISTAKES),
)
value_masked = Cases(
    "value_loss_clipped",
    name="value_loss_ignores_nan_at_padding",
    promise=(
        "What stands at masked places, nan too, changes neither value nor gradient; dtype is kept, and "
        "the arguments stay."
    ),
    points=1,
    reference=right_value_loss,
    pool=masked_value_pool,
    gradient=("values",),
    keeps_inputs=True,
    fresh=True,
    hints={"nan": NAN},
    mistakes=mistakes_beside(right_value_loss, VALUE_MISTAKES, without(VALUE_MEANS, "unmasked")),
)


# explained_variance ----------------------------------------------------------------------------------------------


@in_double
def right_explained(values: Tensor, returns: Tensor, mask: Tensor) -> float:
    """1 − MSE / Var, in float64."""
    seen, goal = kept(values, returns, mask=mask)
    if len(goal) < 2 or bool((goal == goal[0]).all()):
        raise ValueError("no variance to explain")
    return float(1 - ((seen - goal) ** 2).mean() / goal.var())


def explained(share: Callable[[Tensor, Tensor], Any]) -> Callable[..., float]:
    """Another share, a function of values and returns that count."""
    return lambda v, r, m: float(share(*kept(v, r, mask=m)))


def mse(v: Tensor, r: Tensor) -> Tensor:
    """The mean squared error."""
    return ((v - r) ** 2).mean()


EXPLAINED_MISTAKES = {
    "offset": (
        "The error is MSE, not its variance: a constant offset is an error too.",
        explained(lambda v, r: 1 - (v - r).var() / r.var()),
    ),
    "bessel": (
        "The MSE divides by n, the variance is Bessel's, with n − 1: yours has the same for both.",
        explained(lambda v, r: 1 - mse(v, r) / r.var(unbiased=False)),
    ),
    "of_values": (
        "Divide by the variance of the returns, not of the values.",
        explained(lambda v, r: 1 - mse(v, r) / v.var()),
    ),
    "correlation": (
        "That is the squared correlation, which forgives offset and scale.",
        explained(lambda v, r: torch.corrcoef(torch.stack([v, r]))[0, 1] ** 2),
    ),
    "unexplained": (
        "That is the share that is *not* explained: 1 minus it.",
        explained(lambda v, r: mse(v, r) / r.var()),
    ),
    "deviation": (
        "Divide by the variance, not by the standard deviation.",
        explained(lambda v, r: 1 - mse(v, r) / r.std()),
    ),
    "floor": (
        "The result may be far below 0: do not cut it off.",
        explained(lambda v, r: (1 - mse(v, r) / r.var()).clamp(min=0.0)),
    ),
}  # fmt: skip
EXPLAINED_PADDING = {
    "padding": (
        "Masked places count in yours.",
        lambda v, r, m: float(1 - ((v - r) ** 2).mean() / r.var()),
    ),
    "zeros": (
        "Masked places count as zeros in yours: pick what counts first.",
        lambda v, r, m: float(
            1 - (torch.where(m, v - r, 0.0) ** 2).mean() / torch.where(m, r, 0.0).var()
        ),
    ),
}  # fmt: skip


def guesses(returns: Tensor, noise: Tensor) -> dict[str, Tensor]:
    """Values of value heads: good, untrained, off by a constant."""
    return {
        "a fair value head": returns + 0.5 * noise,
        "a value head with an offset": 0.3 * returns + 1.5,
        "an untrained value head": 3 * noise,
    }


def explained_pool() -> Iterator[Case]:
    """Value heads of every quality, all masks."""
    for seed, (family, mask) in enumerate(ANY.items()):
        if mask.sum() < 2:
            continue
        returns = numbers(seed, *mask.shape)
        returns = 2 * returns / returns[mask].std() + 0.5
        for name, values in guesses(returns, numbers(seed + 20, *mask.shape)).items():
            yield Case(
                f"{family}, {name}", args=(values, returns, mask), family=KINDS.get(family, family), tolerance=1e-5
            )


def quality_pool() -> Iterator[Case]:
    """By hand: perfect, constant, off."""
    for seed, count in enumerate((5, 2, 8, 40)):
        goal = torch.arange(1.0, count + 1, dtype=F64)[None]
        mask = torch.ones(1, count, dtype=torch.bool)
        heads = {
            "perfect values": goal, "values that are all the mean": goal * 0 + goal.mean(),
            "values that are off by a constant": goal + 10, "values that are worse than the mean": -goal,
            "values of 0": 0 * goal, "values off by a little": goal + 0.1 * numbers(seed, 1, count),
        }  # fmt: skip
        for family, values in heads.items():
            yield Case(f"{count}, {family}", args=(values, goal, mask), family=family, tolerance=1e-4)


def variance_pool() -> Iterator[Case]:
    """No variance, anything where the mask is false, dtypes, layouts, sizes."""
    for dtype in (F32, F64):
        full = torch.ones(1, 3, dtype=torch.bool)
        some = numbers(1, 1, 3, dtype=dtype)
        for value in (2.0, 0.0, -1.5, 1024.0):
            args = (some, torch.full((1, 3), value, dtype=dtype), full)
            yield Case(f"{NAMES[dtype]}, returns of {value}", args=args, family="returns that are all equal")
            mixed = torch.tensor([[value, 9.0, value], [7.0, value, 8.0]], dtype=dtype)
            args = (numbers(2, 2, 3, dtype=dtype), mixed, rows("x.x", ".x."))
            yield Case(
                f"{NAMES[dtype]}, where the mask is true, {value}", args=args, family="returns that are all equal"
            )
        for family, mask in {"a single token": rows(".x."), "no token": rows("...")}.items():
            args = (some, torch.tensor([[1.0, 3.0, 5.0]], dtype=dtype), mask)
            yield Case(f"{NAMES[dtype]}, {family}", args=args, family=family)
        for seed, (name, mask) in enumerate(ANY.items()):
            values, returns = (numbers(seed + k, *mask.shape, dtype=dtype) for k in (30, 60))
            if mask.sum() > 1 and not mask.all():
                returns = 2 * returns / returns[mask].std()
                args = (spoilt(values, mask, seed), spoilt(returns, mask, seed), mask)
                yield Case(f"{NAMES[dtype]}, {name}", args=args, family=SPOILT, tolerance=1e-4)
        for scale in (1e-6, 1e4):
            args = (numbers(7, 4, 7, scale=scale, dtype=dtype), numbers(8, 4, 7, scale=scale, dtype=dtype), MASK)
            yield Case(f"{NAMES[dtype]}, {scale:g}", args=args, family=f"returns of size {scale:g}", tolerance=1e-4)
        args = (numbers(7, 4, 7, dtype=dtype), numbers(8, 4, 7, dtype=dtype), MASK)
        yield from layouts(NAMES[dtype], args, ("values", "returns", "mask"), tolerance=1e-4)


explained_defined = Cases(
    "explained_variance",
    name="explained_variance_is_that_of_trl",
    promise="1 − MSE / Var(returns), over the tokens that count, the variance with n − 1.",
    points=2,
    reference=right_explained,
    pool=explained_pool,
    mistakes=mistakes_beside(right_explained, EXPLAINED_MISTAKES, EXPLAINED_PADDING),
)
explained_quality = Cases(
    "explained_variance",
    name="perfect_is_one_and_worse_than_the_mean_is_negative",
    promise="Perfect values explain 1, the constant mean explains about 0, and worse than that is negative.",
    points=1,
    reference=right_explained,
    pool=quality_pool,
    mistakes=mistakes_beside(right_explained, without(EXPLAINED_MISTAKES, "of_values")),
)
explained_varies = Cases(
    "explained_variance",
    name="explained_variance_needs_variance",
    promise=(
        "A Python float comes back, nan at masked places is ignored, and returns that do not vary raise ValueError."
    ),
    points=1,
    reference=right_explained,
    pool=variance_pool,
    keeps_inputs=True,
    hints={
        "nan": NAN,
        "type": "Return a Python float: `.item()`.",
        "no error": "Of equal returns, or of fewer than two tokens, there is no variance to explain: raise ValueError.",
    },
    mistakes=mistakes_beside(right_explained, EXPLAINED_MISTAKES, EXPLAINED_PADDING),
)


# group_advantages ------------------------------------------------------------------------------------------------


@in_double
def right_group(rewards: Tensor, method: str) -> Tensor:
    """RLOO's and GRPO's advantages."""
    if rewards.shape[1] < 2 or method not in ("rloo", "grpo"):
        raise ValueError("a single response, or another method")
    return rloo(rewards) if method == "rloo" else grpo(rewards)


def rloo(x: Tensor) -> Tensor:
    """Each reward minus the mean of the others in its row, as in TRL's RLOOTrainer."""
    n = x.shape[1]
    return (x - x.mean(1, keepdim=True)) * n / (n - 1)


def grpo(x: Tensor) -> Tensor:
    """(r − mean) / (sd + 1e-4) in each row, sd with n − 1, as in TRL's GRPOTrainer."""
    return (x - x.mean(1, keepdim=True)) / (x.std(1, keepdim=True) + 1e-4)


def with_rloo(other: Callable[[Tensor], Tensor]) -> Callable[[Tensor, str], Tensor]:
    """RLOO is another function; GRPO is right."""
    return lambda rewards, method: other(rewards) if method == "rloo" else grpo(rewards)


def with_grpo(other: Callable[[Tensor], Tensor]) -> Callable[[Tensor, str], Tensor]:
    """GRPO is another function; RLOO is right."""
    return lambda rewards, method: rloo(rewards) if method == "rloo" else other(rewards)


RLOO_MISTAKES = {
    "own_mean": (
        "Your baseline has the sample itself in it: leave it out, the mean is over the others.",
        with_rloo(lambda x: x - x.mean(1, keepdim=True)),
    ),
    "by_k": (
        "The mean of the others divides by k − 1, not by k.",
        with_rloo(lambda x: x - (x.sum(1, keepdim=True) - x) / x.shape[1]),
    ),
    "all_over": (
        "The sum over the others leaves the sample itself out: subtract it before you divide by k − 1.",
        with_rloo(lambda x: x - x.sum(1, keepdim=True) / (x.shape[1] - 1)),
    ),
    "rloo_batch": (
        "The group is a row: responses to *other* queries are no baseline.",
        with_rloo(lambda x: x - x.mean()),
    ),
    "rloo_columns": ("The group is a row, not a column.", with_rloo(lambda x: rloo(x.T).T)),
    "rloo_spread": ("RLOO does not divide by the spread.", with_rloo(grpo)),
    "rloo_sign": ("The sign is turned: reward minus baseline.", with_rloo(lambda x: -rloo(x))),
}  # fmt: skip
GRPO_MISTAKES = {
    "population": (
        "The standard deviation has n − 1 here, as in TRL.",
        with_grpo(lambda x: (x - x.mean(1, keepdim=True)) / (x.std(1, keepdim=True, unbiased=False) + 1e-4)),
    ),
    "grpo_batch": (
        "Each group has its own mean and spread: not those of the batch.",
        with_grpo(lambda x: (x - x.mean()) / (x.std() + 1e-4)),
    ),
    "batch_spread": (
        "Each group has its own spread: not that of the batch.",
        with_grpo(lambda x: (x - x.mean(1, keepdim=True)) / (x.std() + 1e-4)),
    ),
    "variance": (
        "Divide by the standard deviation, not by the variance.",
        with_grpo(lambda x: (x - x.mean(1, keepdim=True)) / (x.var(1, keepdim=True) + 1e-4)),
    ),
    "inside": (
        "The 1e-4 is added to the standard deviation, not to the variance under the root.",
        with_grpo(lambda x: (x - x.mean(1, keepdim=True)) / (x.var(1, keepdim=True) + 1e-4).sqrt()),
    ),
    "whitening_eps": (
        "GRPO adds 1e-4 to the standard deviation; 1e-8 is that of whitening.",
        with_grpo(lambda x: (x - x.mean(1, keepdim=True)) / (x.std(1, keepdim=True) + 1e-8)),
    ),
    "no_eps": (
        "0/0 is nan: add 1e-4 to the standard deviation.",
        with_grpo(lambda x: (x - x.mean(1, keepdim=True)) / x.std(1, keepdim=True)),
    ),
    "grpo_columns": ("The group is a row, not a column.", with_grpo(lambda x: grpo(x.T).T)),
    "no_spread": ("GRPO divides by the spread.", with_grpo(lambda x: x - x.mean(1, keepdim=True))),
    "others": (
        "GRPO's baseline is the mean of the whole group.",
        with_grpo(lambda x: rloo(x) / (x.std(1, keepdim=True) + 1e-4)),
    ),
}  # fmt: skip
GROUPS = ((3, 4), (1, 2), (3, 2), (2, 3), (4, 4), (2, 8), (1, 5), (2, 300))
LEVELS = torch.tensor([1.0, 0.3, 5.0, 2.0], dtype=F64), torch.tensor([0.0, 4.0, -2.0, 1.0], dtype=F64)


def group(seed: int, queries: int, responses: int, scale: float = 1.0, dtype: torch.dtype = F64) -> Tensor:
    """Rewards in which each query has its own level and spread."""
    spread, level = (part[:queries, None] for part in LEVELS)
    return ((numbers(seed, queries, responses) * spread + level) * scale).to(dtype)


def group_pool(method: str) -> Callable[[], Iterator[Case]]:
    """Groups of every shape and size, for one method."""

    def pool() -> Iterator[Case]:
        for seed, (queries, responses) in enumerate(GROUPS):
            for k, scale in enumerate((1.0, 1e-4, 1e-6, 1e4)):
                size = f"groups of {responses}" if scale == 1.0 else f"rewards of size {scale:g}"
                args = (group(seed + 10 * k, queries, responses, scale), method)
                yield Case(f"{method}, {queries} × {responses}, {scale:g}", args=args, family=size)
        far = group(5, 3, 4) + torch.tensor([[-1e4], [0.0], [1e4]], dtype=F64)
        yield Case(
            f"{method}, far apart", args=(far, method), family="groups whose rewards are far apart", tolerance=1e-7
        )

    return pool


def equal_pool() -> Iterator[Case]:
    """Groups of equal rewards among others, dtypes, layouts."""
    for dtype in (F32, F64):
        for method in ("rloo", "grpo"):
            for value in (2.0, 0.0, -8.0, 0.5):
                rewards = group(3, 3, 4, dtype=dtype)
                rewards[1] = value
                case = f"{NAMES[dtype]}, {method}, {value}"
                yield Case(case, args=(rewards, method), family="a group of equal rewards", tolerance=2e-5)
                args = (torch.full((2, 2), value, dtype=dtype), method)
                yield Case(f"{case}, all", args=args, family="groups of equal rewards", tolerance=1e-9)
            for seed, (queries, responses) in enumerate(GROUPS):
                for scale in (1.0, 1e-4):
                    case = f"{NAMES[dtype]}, {method}, {queries} × {responses}, {scale:g}"
                    args = (group(seed, queries, responses, scale, dtype), method)
                    size = scale if method == "rloo" else 1.0
                    yield Case(case, args=args, family=NAMES[dtype], tolerance=3e-5 * size)
            args = (group(4, 3, 4, dtype=dtype), method)
            yield from layouts(f"{NAMES[dtype]}, {method}", args, ("rewards",), tolerance=2e-5)


def company_pool() -> Iterator[Case]:
    """Groups of one and methods of other names, among right ones."""
    for method in ("rloo", "grpo"):
        for queries in (1, 3):
            args = (numbers(queries, queries, 1), method)
            yield Case(f"{method}, {queries} × 1", args=args, family="a group of a single response")
            yield Case(f"{method}, {queries} × 2", args=(group(queries, queries, 2), method), family="groups of two")
    for method in ("ppo", "RLOO", "Grpo", "GRPO", "", "rloo ", "grp", "rloogrpo"):
        for shape in ((3, 4), (2, 2)):
            args = (group(2, *shape), method)
            yield Case(f"{method!r}, {shape}", args=args, family="a method of another name")
    yield Case("both", args=(numbers(1, 2, 1), "ppo"), family="a method of another name")


group_rloo = Cases(
    "group_advantages",
    name="rloo_leaves_the_sample_itself_out",
    promise="RLOO: reward minus the mean of the *other* responses to the same query.",
    points=1,
    reference=right_group,
    pool=group_pool("rloo"),
    mistakes=mistakes_beside(right_group, RLOO_MISTAKES),
)
group_grpo = Cases(
    "group_advantages",
    name="grpo_standardises_each_group",
    promise="GRPO: reward minus the group's mean, over the group's standard deviation (n − 1) plus 1e-4.",
    points=1,
    reference=right_group,
    pool=group_pool("grpo"),
    mistakes=mistakes_beside(right_group, GRPO_MISTAKES),
)
group_equal = Cases(
    "group_advantages",
    name="equal_rewards_teach_nothing",
    promise="A group whose rewards are all equal has advantages of 0, under both; dtype and rewards stay as they are.",
    points=1,
    reference=right_group,
    pool=equal_pool,
    keeps_inputs=True,
    fresh=True,
    mistakes=mistakes_beside(right_group, RLOO_MISTAKES, GRPO_MISTAKES),
)
group_company = Cases(
    "group_advantages",
    name="groups_need_company",
    promise="A group of one response, or an unknown method, raises ValueError.",
    points=1,
    reference=right_group,
    pool=company_pool,
    hints={
        "no error": "A single response has nobody to be compared with, and "
        'only "rloo" and "grpo", in small letters, are methods: raise ValueError.'
    },
)
