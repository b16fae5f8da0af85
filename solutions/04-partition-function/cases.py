"""Inputs of lab 04's exercises, what is right for each, and the mistakes that are likely."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch

from grader.checks import Built, Case, Cases, Mistake

INF = torch.inf
TOLERANCE = 1e-9
FIRST = "If the first check of this exercise passes: "
KEPT = "Its arguments stay as they are, and what comes back is new."
TENSOR = "Return a tensor: numbers for rows, not a float of Python and no array."
FLOAT64 = "All is float64 here: what goes through float32 has seven digits only."
ROWS = "One number for each row: sum over the last dimension, `sum(-1)`, and over no other."
Z_ROWS = "Z depends on x, not on y: sum over the responses of a prompt, the last dimension, and nothing else."
Z_OF_ROWS = "Each row has its own log Z: subtract `[..., None]`, so that it meets its own row, not a column."
Z_ALONG = "log Z belongs to the prompt: `log_z[..., None]` adds it along the row, not along a column."
N_ROWS = "n is the length of the last dimension, `shape[-1]`; sum over that dimension only."
COMPETE = "Responses compete with those of the same prompt only: compare along the last dimension."
SHAPES = {
    "a single row": ((5,), (2,), (7,)),
    "a single response": ((1,), (1, 1), (3, 1)),
    "a batch": ((2, 5), (3, 2), (3, 3), (1, 4)),
    "more dimensions": ((2, 3, 4), (3, 1, 2)),
    "long rows": ((300,), (2, 300), (20_000,)),
}
LAYOUTS = ("transposed", "strided", "column")


def numbers(*shape: int, seed: int = 0, scale: float = 1.0) -> torch.Tensor:
    """Normal numbers, float64, the same in every run."""
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) * scale


def distribution(*shape: int, seed: int = 0, scale: float = 1.5) -> torch.Tensor:
    """Log-probs in the last dimension, float64; a larger scale makes them sharper."""
    return numbers(*shape, seed=seed, scale=scale).log_softmax(-1)


def rows(*values: list[float]) -> torch.Tensor:
    """A float64 tensor with these rows."""
    return torch.tensor(values, dtype=torch.float64)


def logs(*values: list[float]) -> torch.Tensor:
    """The logarithms of these rows of probabilities, float64; 0 becomes −inf."""
    return rows(*values).log()


def without(log_probs: torch.Tensor, forbidden: list[list[int]]) -> torch.Tensor:
    """The same distributions without some responses, a list for each row."""
    left = log_probs.clone()
    for row, places in enumerate(forbidden):
        left[row, places] = -INF
    return left.log_softmax(-1)


# count_sequences -------------------------------------------------------------------------------------------------


def counted(vocab_size: int, max_tokens: int, stops: bool = False) -> int:
    """Place by place: the texts that are open, and those that have ended."""
    if vocab_size < 1 or max_tokens < 0:
        raise ValueError("sizes")
    unfinished, ended = 1, 0
    for _ in range(max_tokens):
        ended += unfinished if stops else 0
        unfinished *= vocab_size - 1 if stops else vocab_size
    return unfinished + ended


def exact_lengths() -> Iterator[Case]:
    """Sequences of exactly T tokens: sizes that could be listed, and a few more."""
    for vocab, length in itertools.product(range(1, 8), range(6)):
        family = "no tokens at all" if length == 0 else "a single token" if vocab == 1 else "small sizes"
        yield Case(f"{vocab} {length}", args=(vocab, length), family=family)
    for vocab, length in ((9, 1), (2, 10), (4, 7), (7, 3), (300, 2), (2, 50)):
        yield Case(f"{vocab} {length} by name", args=(vocab, length), kwargs={"stops": False}, family="larger sizes")


def responses_that_stop() -> Iterator[Case]:
    """Responses: sizes that could be listed, and a few more."""
    for vocab, length in itertools.product(range(1, 8), range(6)):
        family = "no tokens at all" if length == 0 else "EOS as the only token" if vocab == 1 else "small sizes"
        family = "a vocabulary of two" if vocab == 2 and length else family
        yield Case(f"{vocab} {length}", args=(vocab, length, True), family=family)
    for vocab, length in ((9, 1), (2, 10), (4, 7), (7, 3), (300, 2), (2, 50)):
        yield Case(f"{vocab} {length} by name", args=(vocab, length), kwargs={"stops": True}, family="larger sizes")


def beyond_floats() -> Iterator[Case]:
    """Counts that no float holds, and sizes that are none."""
    for vocab, length in ((50257, 4), (50257, 100), (10, 23), (3, 2000), (2, 3000), (4096, 1024)):
        for stops in (False, True):
            yield Case(f"{vocab} {length} {stops}", args=(vocab, length, stops), family="counts beyond 2^53")
    for vocab, length in ((0, 3), (0, 0), (-2, 2), (-1, 3), (4, -1), (1, -2), (0, -1)):
        for stops in (False, True):
            yield Case(f"{vocab} {length} {stops}", args=(vocab, length, stops), family="sizes that are none")


def _powers(base: int, first: int, last: int) -> int:
    return sum(base**n for n in range(first, last + 1))


INT = "Return an int: whole numbers only, no float and no tensor."

v_to_the_t = Cases(
    "count_sequences",
    name="counts_v_to_the_t",
    promise="There are V^T sequences of exactly T tokens.",
    points=1,
    reference=counted,
    pool=exact_lengths,
    mistakes=(
        Mistake(
            "V^T, not T^V: each of the T places has V choices.",
            lambda vocab_size, max_tokens, stops=False: max_tokens**vocab_size,
        ),
        Mistake(
            "EOS is one of the V tokens: without `stops` all V may stand anywhere.",
            lambda vocab_size, max_tokens, stops=False: (vocab_size - 1) ** max_tokens,
        ),
        Mistake(
            "`stops` is False by default: then sequences have exactly T tokens.",
            lambda vocab_size, max_tokens, stops=False: counted(vocab_size, max_tokens, True),
        ),
        Mistake(
            "Sequences of exactly T tokens: shorter ones do not count.",
            lambda vocab_size, max_tokens, stops=False: _powers(vocab_size, 0, max_tokens),
        ),
        Mistake(
            "Multiply V choices for each of T places; do not add them.",
            lambda vocab_size, max_tokens, stops=False: vocab_size * max_tokens,
        ),
    ),
    hints={
        "value": "Multiply V choices for each of T places.",
        "error": "With T = 0 there is one sequence, the empty one, and V = 1 is a vocabulary, too: no error there.",
        "type": INT,
        "no tokens at all": "With T = 0 there is one sequence, the empty one.",
    },
)
stopped = Cases(
    "count_sequences",
    name="counts_responses_that_stop",
    promise="With `stops`, a response ends with its first EOS or after T tokens: 341 of them for V = 5 and T = 4.",
    points=1,
    reference=counted,
    pool=responses_that_stop,
    mistakes=(
        Mistake(
            "After EOS nothing follows: what comes behind it makes no new response.",
            lambda vocab_size, max_tokens, stops=False: vocab_size**max_tokens,
        ),
        Mistake(
            "Responses that were cut off after T tokens, without EOS, count too.",
            lambda vocab_size, max_tokens, stops=False: _powers(vocab_size - 1, 0, max_tokens - 1),
        ),
        Mistake(
            "A response may be EOS alone: there is one with no word before it.",
            lambda vocab_size, max_tokens, stops=False: _powers(vocab_size - 1, 1, max_tokens),
        ),
        Mistake(
            "Only V − 1 tokens may stand before EOS.",
            lambda vocab_size, max_tokens, stops=False: _powers(vocab_size, 0, max_tokens),
        ),
        Mistake(
            "That counts the responses without EOS only.",
            lambda vocab_size, max_tokens, stops=False: (vocab_size - 1) ** max_tokens,
        ),
        Mistake(
            "Those cut off count once: n runs from 0 to T − 1, and then come (V − 1)^T.",
            lambda vocab_size, max_tokens, stops=False: (
                _powers(vocab_size - 1, 0, max_tokens) + (vocab_size - 1) ** max_tokens
            ),
        ),
    ),
    hints={
        "error": "With T = 0 or V = 1 there is one response, with V = 2 there are T + 1: no error there. Mind a "
        "formula that divides by V − 2.",
        "value": "(V − 1)^n responses have n words and then EOS, for n = 0 … T − 1; (V − 1)^T are cut off.",
        "type": INT,
        "no tokens at all": "With T = 0 there is one response, the empty one.",
        "EOS as the only token": "With V = 1 there is one response: EOS, and 0^0 is 1.",
        "a vocabulary of two": "With V = 2 there are T + 1 responses: mind a formula that divides by V − 2.",
    },
)
however_many = Cases(
    "count_sequences",
    name="counts_exactly_however_many",
    promise="The count is a whole number, exact for GPT-2 and 100 tokens too; nonsense raises ValueError.",
    points=1,
    reference=counted,
    pool=beyond_floats,
    hints={
        "value": "Stay with whole numbers: `math.pow`, `/` and floats round from 2^53 on and overflow at 10^308.",
        "type": INT,
        "counts beyond 2^53": "Stay with whole numbers of Python: floats round from 2^53 on, int64 ends at 2^63.",
        "error": "ValueError is for sizes that are none, no other error. Large sizes are no error: floats overflow at "
        "10^308, a function that calls itself ends at a thousand calls, and V = 2 makes V − 2 zero.",
        "no error": "Raise ValueError when V is below 1 or T below 0, with `stops` and without.",
        "time": "Do not list the sequences: multiply.",
    },
)

# sequence_log_probs ----------------------------------------------------------------------------------------------

Scored = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


def listed(vocab: int, length: int, eos: int) -> torch.Tensor:
    """Every response, filled up with EOS, in the order of its ids: of all V^T sequences, those that stop at EOS."""
    texts = itertools.product(range(vocab), repeat=length)
    return torch.tensor([y for y in texts if eos not in y or set(y[y.index(eos) :]) == {eos}])


@torch.no_grad()
def scored(model: Any, prompt: torch.Tensor, max_new_tokens: int, eos_id: int) -> Scored:
    """All responses, the log-prob of each token [responses, tokens], and how many EOS stand before it."""
    texts = listed(model(prompt).logits.shape[-1], max_new_tokens, eos_id)
    whole = torch.cat([prompt.expand(len(texts), -1), texts], dim=1)
    each = model(whole).logits.double().log_softmax(-1)[:, prompt.shape[1] - 1 : -1]
    ended = (texts == eos_id).long()
    return texts, each.gather(-1, texts[..., None])[..., 0], ended.cumsum(-1) - ended


def summed(model: Any, prompt: torch.Tensor, max_new_tokens: int, eos_id: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The tokens up to the first EOS, that one included."""
    texts, each, before = scored(model, prompt, max_new_tokens, eos_id)
    return texts, (each * (before == 0)).sum(-1)


def _otherwise(add: Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]) -> Callable[..., Any]:
    """The right list with other numbers: `add` gets the texts' tokens that are EOS, log-probs, and EOS before."""

    def answer(model: Any, prompt: torch.Tensor, max_new_tokens: int, eos_id: int) -> tuple[torch.Tensor, torch.Tensor]:
        texts, each, before = scored(model, prompt, max_new_tokens, eos_id)
        return texts, add(texts == eos_id, each, before)

    return answer


Pair = tuple[torch.Tensor, torch.Tensor]


@torch.no_grad()
def rounded(model: Any, prompt: torch.Tensor, max_new_tokens: int, eos_id: int) -> Pair:
    """A log-softmax in the model's own precision."""
    texts, _, before = scored(model, prompt, max_new_tokens, eos_id)
    log_probs = model(torch.cat([prompt.expand(len(texts), -1), texts], dim=1)).logits.log_softmax(-1).double()
    each = log_probs[:, prompt.shape[1] - 1 : -1].gather(-1, texts[..., None])[..., 0]
    return texts, (each * (before == 0)).sum(-1)


@torch.no_grad()
def without_prompt(model: Any, prompt: torch.Tensor, max_new_tokens: int, eos_id: int) -> Pair:
    """The prompt is there for the first token alone."""
    texts, each, before = scored(model, prompt, max_new_tokens, eos_id)
    later = model(texts).logits.double().log_softmax(-1)[:, :-1].gather(-1, texts[:, 1:, None])[..., 0]
    return texts, (torch.cat([each[:, :1], later], dim=1) * (before == 0)).sum(-1)


@torch.no_grad()
def last_token_alone(model: Any, prompt: torch.Tensor, max_new_tokens: int, eos_id: int) -> Pair:
    """The model sees one token a time."""
    texts, _, before = scored(model, prompt, max_new_tokens, eos_id)
    seen = torch.cat([prompt[:, -1:].expand(len(texts), -1), texts], dim=1)[:, :-1]
    log_probs = torch.stack([model(seen[:, [place]]).logits[:, -1] for place in range(max_new_tokens)], dim=1)
    each = log_probs.double().log_softmax(-1).gather(-1, texts[..., None])[..., 0]
    return texts, (each * (before == 0)).sum(-1)


def policies() -> Iterator[Case]:
    """Models of every dtype and sharpness, every place of EOS, prompts with and without it."""

    def case(family: str, prompt: list[int], steps: int, eos: int, layout: str = "", **policy: Any) -> Case:
        name = f"{prompt} {steps} {eos} {layout} {sorted(policy.items())}"
        args = (Built("table_policy", **policy), torch.tensor([prompt]), steps, eos)
        return Case(name, args=args, family=family, layout={"prompt": layout} if layout else {})

    for vocab, steps in ((4, 3), (3, 4), (2, 5), (5, 2), (3, 1)):
        for eos in range(vocab):
            yield case("EOS at every place of the vocabulary", [1, 0], steps, eos, seed=steps, vocab_size=vocab)
    for prompt in ([0], [2, 0, 1], [1, 1, 2, 0, 0]):
        yield case("prompts of every length", prompt, 3, 3, seed=7, vocab_size=4)
        yield case("prompts of every length", prompt, 2, 3, seed=8, vocab_size=4)
    for prompt in ([3], [3, 1, 3], [1, 3, 3, 0], [0, 2, 3], [3, 3]):
        yield case("prompts with EOS in them", prompt, 3, 3, seed=9, vocab_size=4)
    for dtype in ("float32", "bfloat16", "float16"):
        for steps in (1, 3):
            yield case("models of a lower precision", [2, 0], steps, 1, seed=steps, vocab_size=4, dtype=dtype)
    for scale in (0.0, 1e-6, 30.0, 300.0):
        family = "responses of a probability too small for a float" if scale > 1 else "models that are nearly uniform"
        for steps in (2, 3):
            yield case(family, [2, 0], steps, 0, seed=steps, vocab_size=3, scale=scale)
    for steps in (1, 3):
        yield case("a vocabulary of EOS alone", [0], steps, 0, seed=1, vocab_size=1)
        yield case("a vocabulary of two", [1], steps, 1, seed=1, vocab_size=2)
    yield case("many responses", [1], 1, 299, seed=2, vocab_size=300)
    yield case("many responses", [1], 2, 5, seed=3, vocab_size=20)
    yield case("many responses", [1, 2], 7, 1, seed=4, vocab_size=2)
    for layout in LAYOUTS:
        yield case("prompts that are views", [2, 0, 1], 2, 3, layout, seed=5, vocab_size=4)


adds_up_the_log_probs = Cases(
    "sequence_log_probs",
    name="adds_up_the_log_probs_of_its_tokens",
    promise="A response's log-prob is the sum of its tokens' log-probs, the first EOS counted and the filling not, "
    "in float64.",
    points=3,
    reference=summed,
    pool=policies,
    tolerance=TOLERANCE,
    keeps_inputs=True,
    fresh=True,
    mistakes=(
        Mistake(
            "The filling after the first EOS costs nothing: leave it out of the sum.",
            _otherwise(lambda eos, each, before: each.sum(-1)),
        ),
        Mistake(
            "Ending is a choice, too: the log-prob of the first EOS belongs to the sum.",
            _otherwise(lambda eos, each, before: (each * ((before == 0) & ~eos)).sum(-1)),
        ),
        Mistake(
            "Sum, not mean: a response's probability is the product over its tokens.",
            _otherwise(lambda eos, each, before: (each * (before == 0)).sum(-1) / (before == 0).sum(-1)),
        ),
        Mistake(
            "You return probabilities: return their logarithms.",
            _otherwise(lambda eos, each, before: (each * (before == 0)).sum(-1).exp()),
        ),
        Mistake(
            "You return negative log-probs: a log-prob is at most 0.",
            _otherwise(lambda eos, each, before: -(each * (before == 0)).sum(-1)),
        ),
        Mistake("`.double()` comes before `log_softmax`: what was rounded does not come back.", rounded),
        Mistake("Give the model the whole text so far at each step, prompt included.", without_prompt),
        Mistake("Give the model the whole text so far at each step, not its last token alone.", last_token_alone),
        Mistake(
            "A response is all its tokens: the log-prob of its last one is not enough.",
            _otherwise(lambda eos, each, before: each.gather(-1, (before == 0).sum(-1, keepdim=True) - 1)[..., 0]),
        ),
    ),
    hints={
        "type": "Return a tuple of two tensors: ids, then log-probs.",
        "dtype": "ids are int64, log-probs float64: `.double()` before `log_softmax`.",
        "shape": "One row of ids, and one log-prob, for each response; see the check that lists them.",
        "value": "Add `log_softmax` of the logits at the last place, in float64, token by token, given prompt and all "
        "tokens so far.",
        "models of a lower precision": "`.double()` comes before `log_softmax`: what was rounded does not come back.",
        "responses of a probability too small for a float": "No `exp` on the way: stay with `log_softmax`.",
        "prompts with EOS in them": "An EOS in the prompt ends nothing: no text has ended at the start.",
        "prompts that are views": "A prompt may lie in memory in any way: read it by its places only.",
    },
)

# kl_divergence ---------------------------------------------------------------------------------------------------


def kl(log_p: torch.Tensor, log_q: torch.Tensor) -> torch.Tensor:
    """KL(p‖q) of log-probs, with the rule that 0 · log 0 is 0."""
    difference = torch.where(log_p == -INF, 0.0, log_p - log_q)
    return (log_p.exp() * difference).sum(-1)


def pairs() -> Iterator[Case]:
    """Two distributions in a row each."""
    worked = (logs([0.5, 0.5])[0], logs([0.75, 0.25])[0])
    yield Case("the worked example", args=worked, family="two responses")
    yield Case("the other direction", args=worked[::-1], family="two responses")
    for seed, size in enumerate((3, 4, 5, 7, 12)):
        p, q = distribution(size, seed=seed), distribution(size, seed=90 + seed)
        yield Case(f"{size}", args=(p, q), family="a few responses")
        yield Case(f"{size} with itself", args=(p, p.clone()), family="equal distributions")
        yield Case(f"{size} uniform", args=(p, torch.zeros_like(q).log_softmax(-1)), family="a uniform distribution")
    for scale in (1e-6, 1e-3, 20.0):
        family = "sharp distributions" if scale > 1 else "nearly equal distributions"
        p, q = distribution(6, seed=5, scale=scale), distribution(6, seed=6, scale=scale)
        yield Case(f"scale {scale}", args=(p, q), family=family)


def same_shapes(make: Callable[[tuple[int, ...], int], tuple[Any, ...]], *laid: str) -> Iterator[Case]:
    """A case for every shape and layout; `make` gives arguments of a shape, by a seed; `laid` names those laid out."""
    for family, shapes in SHAPES.items():
        for seed, shape in enumerate(shapes):
            yield Case(f"{list(shape)}", args=make(shape, seed), family=family)
    for seed, layout in enumerate(LAYOUTS):
        for shape in ((3, 4), (2, 3, 5)):
            for names in {laid, *((name,) for name in laid)}:
                given = dict.fromkeys(names, layout)
                case = f"{list(shape)} {layout} {' '.join(names)}"
                yield Case(case, args=make(shape, seed), layout=given, family="tensors that are views of others")
    one = make((4,), 3)
    args = tuple(part.expand(3, *part.shape) if isinstance(part, torch.Tensor) else part for part in one)
    equal = tuple(part.clone() if isinstance(part, torch.Tensor) else part for part in args)
    yield Case("equal rows", args=equal, family="rows that are equal")
    given = dict.fromkeys(laid, "expanded")
    yield Case("expanded rows", args=equal, layout=given, family="rows that are equal")


def zeros() -> Iterator[Case]:
    """Rows with responses that p, or q, or neither ever gives, and with log-probs that `exp` makes 0."""
    some, all_ = distribution(4, 5, seed=1), distribution(4, 5, seed=2)
    p = without(some, [[0], [1, 4], [0, 1, 2, 3], []])
    yield Case("p forbids", args=(p, all_), family="responses that p never gives")
    yield Case("p forbids, one row", args=(p[1], all_[1]), family="responses that p never gives")
    q = without(all_, [[0], [4], [0, 2, 3], []])
    yield Case("both forbid", args=(p, q), family="responses that neither gives")
    yield Case("both forbid, one row", args=(p[0], q[0]), family="responses that neither gives")
    yield Case("one response each", args=(p[2], p[2].clone()), family="responses that neither gives")
    forbidden = "responses that p gives and q forbids"
    yield Case("q forbids in all rows", args=(all_, p[[0, 1, 2, 0]]), family=forbidden)
    yield Case("q forbids in some rows", args=(p, without(all_, [[1], [], [4], [2]])), family=forbidden)
    yield Case("q forbids, one row", args=(some[0], q[0]), family=forbidden)
    yield Case("two that share nothing", args=(logs([1.0, 0.0])[0], logs([0.0, 1.0])[0]), family=forbidden)
    low = "log-probs as low as -1e4"
    deep = rows([-0.5, -1e4, -800.0, 0.0], [-1e4, 0.2, -20.0, -900.0]).log_softmax(-1)
    yield Case("q low", args=(distribution(2, 4, seed=3), deep), family=low)
    yield Case("q low, one row", args=(distribution(4, seed=4), deep[0]), family=low)
    yield Case("p low", args=(deep, distribution(2, 4, seed=5)), family=low)
    yield Case("both low", args=(deep, deep.flip(-1)), family=low)
    yield Case("p low and never", args=(without(deep, [[1], [0]]), distribution(2, 4, seed=6)), family=low)


KL_MISTAKES = (
    Mistake(
        "The direction: KL(p‖q) is an expectation over p. You weigh by q, or swap the two.",
        lambda log_p, log_q: kl(log_q, log_p),
    ),
    Mistake("That is −KL(p‖q): log p − log q, not log q − log p.", lambda log_p, log_q: -kl(log_p, log_q)),
    Mistake("That is −KL(q‖p): weigh by p, and take log p − log q.", lambda log_p, log_q: -kl(log_q, log_p)),
    Mistake("In nats, with the natural logarithm, not in bits.", lambda log_p, log_q: kl(log_p, log_q) / math.log(2)),
    Mistake(
        "A sum over responses, not a mean: p weighs them already.",
        lambda log_p, log_q: kl(log_p, log_q) / log_p.shape[-1],
    ),
    Mistake(
        "A response where p < q counts negatively: no absolute values.",
        lambda log_p, log_q: (log_p.exp() * (log_p - log_q).abs()).masked_fill(log_p == -INF, 0.0).sum(-1),
    ),
    Mistake(
        "A response where p < q counts negatively: do not clamp the terms at 0.",
        lambda log_p, log_q: (log_p.exp() * (log_p - log_q).clamp(min=0)).masked_fill(log_p == -INF, 0.0).sum(-1),
    ),
    Mistake(
        "Weigh each difference by p: a plain sum or mean counts all responses alike.",
        lambda log_p, log_q: (log_p - log_q).mean(-1),
    ),
    Mistake(
        "Weigh each difference by p: a plain sum or mean counts all responses alike.",
        lambda log_p, log_q: (log_p - log_q).sum(-1),
    ),
)

kl_of_one_row = Cases(
    "kl_divergence",
    name="kl_weighs_by_its_first_argument",
    promise="KL(p‖q) is the sum of p · (log p − log q), in nats.",
    points=2,
    reference=kl,
    pool=pairs,
    tolerance=TOLERANCE,
    mistakes=KL_MISTAKES,
    hints={
        "value": "Σ p (log p − log q) over all responses; the arguments are log-probs, float64 to the end.",
        "type": TENSOR,
        "dtype": FLOAT64,
        "shape": "One row gives one number: a tensor without dimensions.",
    },
)
kl_of_rows = Cases(
    "kl_divergence",
    name="kl_of_each_row",
    promise="Every row of a batch gets its own number: the last dimension is summed, no other. " + KEPT,
    points=1,
    reference=kl,
    pool=lambda: same_shapes(
        lambda shape, seed: (distribution(*shape, seed=seed), distribution(*shape, seed=40 + seed)), "log_p", "log_q"
    ),
    tolerance=TOLERANCE,
    keeps_inputs=True,
    fresh=True,
    mistakes=KL_MISTAKES[:2],
    hints={"type": TENSOR, "dtype": FLOAT64, "shape": ROWS, "value": FIRST + ROWS},
)
kl_with_zeros = Cases(
    "kl_divergence",
    name="kl_with_probabilities_of_zero",
    promise="A response with p = 0 adds nothing; one with q = 0 < p makes the KL infinite; low log-probs count too.",
    points=1,
    reference=kl,
    pool=zeros,
    keeps_inputs=True,
    fresh=True,
    tolerance=TOLERANCE,
    mistakes=(
        *KL_MISTAKES[:2],
        Mistake(
            "Where q forbids what p allows the KL is +inf. Adding a small number to q hides that.",
            lambda log_p, log_q: (log_p.exp() * ((log_p.exp() + 1e-10) / (log_q.exp() + 1e-10)).log()).sum(-1),
        ),
        Mistake(
            "Where q forbids what p allows the KL is +inf. Clamping log-probs hides that.",
            lambda log_p, log_q: (log_p.exp() * (log_p.clamp(min=-100) - log_q.clamp(min=-100))).sum(-1),
        ),
        Mistake(
            "Where q forbids what p allows the KL is +inf: only p = 0 takes a term away.",
            lambda log_p, log_q: (log_p.exp() * (log_p - log_q)).nan_to_num(0.0, 0.0, 0.0).sum(-1),
        ),
        Mistake(
            "Log-probs come as they are: through `exp` and back by `log`, e^−900 becomes log 0.",
            lambda log_p, log_q: torch.where(
                log_p == -INF, 0.0, log_p.exp() * (log_p.exp().log() - log_q.exp().log())
            ).sum(-1),
        ),
    ),
    hints={
        "type": TENSOR,
        "dtype": FLOAT64,
        "shape": ROWS,
        "nan": "Where p = 0 the term is 0, also where q = 0 too: 0 · (−inf) is nan, so choose with `torch.where`.",
        "value": FIRST + "p = 0 adds 0, q = 0 < p adds +inf, and all other log-probs count as they are.",
        "responses that p never gives": "Where p = 0 the term is 0, whatever q is.",
        "responses that neither gives": "Where p = 0 the term is 0, also where q = 0 too.",
        "responses that p gives and q forbids": "Where q forbids what p allows the KL is +inf, in that row alone.",
        "log-probs as low as -1e4": "exp(−900) is 0 as a float, its logarithm is −900: work with what you are given.",
    },
)

# kl_objective ----------------------------------------------------------------------------------------------------


def objective(
    log_policy: torch.Tensor, ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float
) -> torch.Tensor:
    """J(π), straight from its definition."""
    return (log_policy.exp() * rewards).sum(-1) - beta * kl(log_policy, ref_log_probs)


def goals() -> Iterator[Case]:
    """One row, at every price and size of rewards."""
    for seed, beta in enumerate((0.5, 2.0, 0.125, 1, 3, 1e-4, 1e3)):
        args = (distribution(5, seed=seed), distribution(5, seed=40 + seed), numbers(5, seed=80 + seed), beta)
        yield Case(f"beta {beta}", args=args, family="β of every size" if beta not in (1, 3) else "β that is an int")
    for seed, scale in enumerate((1e-6, 1e-2, 1e2, 1e4)):
        args = (distribution(6, seed=seed), distribution(6, seed=40 + seed), numbers(6, seed=80, scale=scale), 0.7)
        yield Case(f"scale {scale}", args=args, family="rewards of every size")
    same = distribution(4, seed=3)
    yield Case("no KL", args=(same, same.clone(), numbers(4, seed=5), 2.0), family="a policy that is the reference")
    yield Case("no reward", args=(same, distribution(4, seed=4), torch.zeros(4).double(), 2.0), family="no rewards")
    yield Case(
        "equal rewards", args=(same, distribution(4, seed=4), torch.ones(4).double(), 0.5), family="equal rewards"
    )


def given_up() -> Iterator[Case]:
    """Policies that give up responses, and that say what the reference forbids."""
    for number, case in enumerate(zeros()):
        policy, ref = case.args
        yield Case(
            case.name, args=(policy, ref, numbers(*policy.shape, seed=number), 0.5), family=GIVEN_UP[case.family]
        )


GIVEN_UP = {
    "responses that p never gives": "responses that π never gives",
    "responses that neither gives": "responses that neither π nor π_ref gives",
    "responses that p gives and q forbids": "responses that π gives and π_ref forbids",
    "log-probs as low as -1e4": "log-probs as low as -1e4",
}
OWN_KL = " It may call your `kl_divergence`: mend that first if its checks fail."
J_MISTAKES = (
    Mistake(
        "The KL is a price: subtract it.",
        lambda log_policy, ref_log_probs, rewards, beta: (
            (log_policy.exp() * rewards).sum(-1) + beta * kl(log_policy, ref_log_probs)
        ),
    ),
    Mistake(
        "The direction: the leash is KL(π‖π_ref), over responses of π.",
        lambda log_policy, ref_log_probs, rewards, beta: (
            (log_policy.exp() * rewards).sum(-1) - beta * kl(ref_log_probs, log_policy)
        ),
    ),
    Mistake(
        "Rewards are expected under π, not under the reference.",
        lambda log_policy, ref_log_probs, rewards, beta: (
            (ref_log_probs.exp() * rewards).sum(-1) - beta * kl(log_policy, ref_log_probs)
        ),
    ),
    Mistake(
        "β multiplies the KL; you divide by it.",
        lambda log_policy, ref_log_probs, rewards, beta: (
            (log_policy.exp() * rewards).sum(-1) - kl(log_policy, ref_log_probs) / beta
        ),
    ),
    Mistake(
        "β multiplies the KL, not the reward.",
        lambda log_policy, ref_log_probs, rewards, beta: (
            beta * (log_policy.exp() * rewards).sum(-1) - kl(log_policy, ref_log_probs)
        ),
    ),
    Mistake(
        "β is missing.",
        lambda log_policy, ref_log_probs, rewards, beta: (
            (log_policy.exp() * rewards).sum(-1) - kl(log_policy, ref_log_probs)
        ),
    ),
    Mistake(
        "β multiplies the KL alone, not the reward too.",
        lambda log_policy, ref_log_probs, rewards, beta: (
            beta * ((log_policy.exp() * rewards).sum(-1) - kl(log_policy, ref_log_probs))
        ),
    ),
    Mistake(
        "Weigh the rewards by π: an expectation, not a plain mean.",
        lambda log_policy, ref_log_probs, rewards, beta: rewards.mean(-1) - beta * kl(log_policy, ref_log_probs),
    ),
    Mistake(
        "Weigh the rewards by π: an expectation, not a plain sum.",
        lambda log_policy, ref_log_probs, rewards, beta: rewards.sum(-1) - beta * kl(log_policy, ref_log_probs),
    ),
    Mistake(
        "The leash is missing: subtract β KL(π‖π_ref).",
        lambda log_policy, ref_log_probs, rewards, beta: (log_policy.exp() * rewards).sum(-1),
    ),
)

J_POOLED = Mistake(
    ROWS,
    lambda log_policy, ref_log_probs, rewards, beta: (
        (log_policy.exp() * rewards).sum() - beta * kl(log_policy, ref_log_probs)
    ),
)

objective_of_one_row = Cases(
    "kl_objective",
    name="reward_minus_beta_kl",
    promise="J(π) is the expected reward under π minus β times KL(π‖π_ref).",
    points=2,
    reference=objective,
    pool=goals,
    tolerance=TOLERANCE,
    mistakes=J_MISTAKES,
    hints={
        "value": "E_π[r] − β KL(π‖π_ref), nothing else, float64 to the end." + OWN_KL,
        "nan": "A nan from ordinary numbers: which line makes it?" + OWN_KL,
        "type": TENSOR + OWN_KL,
        "dtype": FLOAT64 + OWN_KL,
        "shape": "One row gives one number: a tensor without dimensions." + OWN_KL,
    },
)
objective_of_rows = Cases(
    "kl_objective",
    name="objective_of_each_prompt",
    promise="Every prompt has its own objective: one number for each row. " + KEPT,
    points=1,
    reference=objective,
    pool=lambda: same_shapes(
        lambda shape, seed: (
            distribution(*shape, seed=seed),
            distribution(*shape, seed=40 + seed),
            numbers(*shape, seed=80 + seed),
            0.7,
        ),
        "log_policy",
        "ref_log_probs",
        "rewards",
    ),
    tolerance=TOLERANCE,
    keeps_inputs=True,
    fresh=True,
    mistakes=(*J_MISTAKES[:3], J_POOLED),
    hints={
        "type": TENSOR + OWN_KL,
        "dtype": FLOAT64 + OWN_KL,
        "shape": ROWS + OWN_KL,
        "value": FIRST + ROWS + OWN_KL,
    },
)
objective_with_zeros = Cases(
    "kl_objective",
    name="objective_with_forbidden_responses",
    promise="A policy may give up responses; one that says what the reference forbids has J = −inf.",
    points=1,
    reference=objective,
    pool=given_up,
    keeps_inputs=True,
    fresh=True,
    tolerance=TOLERANCE,
    mistakes=(
        *J_MISTAKES[:3],
        J_POOLED,
        Mistake(
            "Saying what the reference forbids costs infinitely much: J = −inf, not nan and no large number.",
            lambda log_policy, ref_log_probs, rewards, beta: (
                (log_policy.exp() * (rewards - beta * (log_policy - ref_log_probs))).nan_to_num(0.0, 0.0, 0.0).sum(-1)
            ),
        ),
    ),
    hints={
        "type": TENSOR + OWN_KL,
        "dtype": FLOAT64 + OWN_KL,
        "shape": ROWS + OWN_KL,
        "nan": "What π never says adds 0 to both parts; take care of 0 · (−inf)." + OWN_KL,
        "value": FIRST
        + "what π never says adds 0 to both parts; what only π_ref forbids costs infinitely much."
        + OWN_KL,
        "responses that π gives and π_ref forbids": "Saying what the reference forbids costs infinitely much: "
        "J = −inf, in that row alone." + OWN_KL,
        "log-probs as low as -1e4": "Log-probs count as they are, also where `exp` makes them 0." + OWN_KL,
    },
)

# log_partition ---------------------------------------------------------------------------------------------------


def log_z(ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float) -> torch.Tensor:
    """Log Z by hand: the largest term is taken out, the others are summed with it.

    Raises:
        ValueError: β is 0 or negative.
    """
    if beta <= 0:
        raise ValueError("beta")
    terms = ref_log_probs + rewards / beta
    top = terms.max(-1, keepdim=True).values
    return top[..., 0] + (terms - top).exp().sum(-1).log()


def tilts() -> Iterator[Case]:
    """One row, at every price and size of rewards."""
    yield Case("the worked example", args=(logs([0.75, 0.25])[0], rows([0.0, 1.0])[0], 0.5), family="two responses")
    for seed, beta in enumerate((0.5, 2.0, 0.25, 1e-3, 1e4, 1, 3)):
        args = (distribution(5, seed=seed), numbers(5, seed=40 + seed), beta)
        yield Case(f"beta {beta}", args=args, family="β of every size" if beta not in (1, 3) else "β that is an int")
    for seed, scale in enumerate((1e-6, 1e-2, 10.0, 1e3)):
        args = (distribution(6, seed=seed), numbers(6, seed=80 + seed, scale=scale), 0.7)
        yield Case(f"scale {scale}", args=args, family="rewards of every size")
    yield Case("no reward", args=(distribution(4, seed=4), torch.zeros(4).double(), 0.5), family="no rewards")
    yield Case("equal", args=(distribution(4, seed=4), torch.full((4,), -2.0).double(), 0.5), family="equal rewards")
    yield Case(
        "uniform", args=(torch.zeros(4).double().log_softmax(-1), numbers(4, seed=4), 0.5), family="a uniform reference"
    )


def extremes() -> Iterator[Case]:
    """R/β of ±1e4, rows as far apart as that, improbable responses and forbidden ones with the highest reward."""
    ref = rows([-0.5, -1.0, -3.0], [-800.0, -1e-9, -50.0], [-1e4, -2.0, -0.1]).log_softmax(-1)
    large = "r/β of ±10,000"
    for name, r in {
        "high": rows([1.0, -1.0, 0.5], [1.0, 0.0, 0.5], [1.0, 0.9, 1.0]),
        "low": rows([-1.0, -1.0, -1.0], [-1.0, -0.99, -1.0], [-0.5, -1.0, -0.7]),
    }.items():
        yield Case(name, args=(ref, r, 1e-4), family=large)
        yield Case(f"{name}, one row", args=(ref[1], r[1], 1e-4), family=large)
        yield Case(f"{name}, unscaled", args=(ref, r * 1e4, 1.0), family=large)
    apart = "rows far apart"
    yield Case("apart", args=(ref, rows([1.0, 0.9, 0.5], [-1.0, -0.9, -0.5], [0.0, 0.1, 0.0]), 1e-4), family=apart)
    yield Case("apart, two rows", args=(distribution(2, 4, seed=1), rows([1.0] * 4, [-1.0] * 4), 1e-4), family=apart)
    offset = torch.tensor([[0.0], [900.0], [-900.0]]).double()
    yield Case(
        "apart by hundreds", args=(distribution(3, 4, seed=2), numbers(3, 4, seed=2) + offset, 1.0), family=apart
    )
    low = "a likely response that all others beat"
    yield Case("unlikely and high", args=(rows([0.0, -2000.0])[0], rows([0.0, 1.0])[0], 1e-3), family=low)
    yield Case("unlikely, higher", args=(rows([0.0, -1000.0, -900.0])[0], rows([-1.0, 1.0, 0.0])[0], 1e-2), family=low)
    forbids = "forbidden responses of high reward"
    never = without(distribution(2, 5, seed=3), [[1, 4], [0, 2]])
    tempting = rows([1.0, 50.0, 2.0, 2.0, -3.0], [80.0, 0.5, 40.0, 1.5, 1.5])
    for beta in (1.0, 1e-2):
        yield Case(f"forbidden {beta}", args=(never, tempting, beta), family=forbids)
        yield Case(f"forbidden {beta}, one row", args=(never[1], tempting[1], beta), family=forbids)
    alone = logs([0.0, 1.0, 0.0], [1.0, 0.0, 0.0])
    yield Case("one is allowed", args=(alone, rows([1.0, -1.0, 0.5], [0.3, 1.0, 1.0]), 1e-4), family=forbids)


def prompts(names: tuple[str, str] = ("ref_log_probs", "rewards")) -> Iterator[Case]:
    """Every shape and layout, and rewards with an offset for each prompt."""
    yield from same_shapes(
        lambda shape, seed: (distribution(*shape, seed=seed), numbers(*shape, seed=40 + seed), 0.5), *names
    )
    for seed, shape in enumerate(((2, 5), (3, 3), (2, 3, 4))):
        shift = numbers(*shape[:-1], 1, seed=60 + seed, scale=20.0)
        args = (distribution(*shape, seed=seed), numbers(*shape, seed=20 + seed) + shift, 0.5)
        yield Case(f"{list(shape)} shifted", args=args, family="rewards with an f(x) of each prompt")


def prices() -> Iterator[Case]:
    """Prices that are refused, and small and huge ones that are not."""
    ref, r = distribution(2, 5, seed=1), numbers(2, 5, seed=2)
    for beta in (0.0, 0, -0.5, -1e-12, -3, -INF):
        yield Case(f"{beta!r}", args=(ref, r, beta), family="β of 0 or below")
        yield Case(f"{beta!r}, one row", args=(ref[0], r[0], beta), family="β of 0 or below")
    for beta in (1e-3, 1e-9, 1e6, 1e300):
        yield Case(f"{beta!r}", args=(ref, r * min(beta, 1.0), beta), family="every β above 0")


FORM_OF_ROWS = {"type": TENSOR, "dtype": FLOAT64, "shape": ROWS}
Z_MISTAKES = (
    Mistake(
        "π_ref is missing: each exp(r/β) has the weight π_ref(y|x).",
        lambda ref_log_probs, rewards, beta: (rewards / beta).logsumexp(-1),
    ),
    Mistake(
        "A plain mean of exp(r/β) is no expectation under π_ref.",
        lambda ref_log_probs, rewards, beta: (rewards / beta).logsumexp(-1) - math.log(rewards.shape[-1]),
    ),
    Mistake(
        "β on the wrong side: divide r by β, a small β sharpens.",
        lambda ref_log_probs, rewards, beta: log_z(ref_log_probs, rewards, 1 / beta),
    ),
    Mistake(
        "Divide r by β inside the sum; dividing log Z is something else.",
        lambda ref_log_probs, rewards, beta: log_z(ref_log_probs, rewards, 1) / beta,
    ),
    Mistake("β is missing.", lambda ref_log_probs, rewards, beta: log_z(ref_log_probs, rewards, 1)),
    Mistake(
        "You return Z: return its logarithm.",
        lambda ref_log_probs, rewards, beta: log_z(ref_log_probs, rewards, beta).exp(),
    ),
    Mistake(
        "You return β log Z: return log Z.",
        lambda ref_log_probs, rewards, beta: beta * log_z(ref_log_probs, rewards, beta),
    ),
    Mistake(
        "That is E_ref[r]/β: take the expectation of exp(r/β), then the logarithm.",
        lambda ref_log_probs, rewards, beta: (ref_log_probs.exp() * rewards).sum(-1) / beta,
    ),
    Mistake(
        "exp(−r/β) rewards the worst: no minus.",
        lambda ref_log_probs, rewards, beta: log_z(ref_log_probs, -rewards, beta),
    ),
    Mistake(
        "π_ref enters as its logarithm: log π_ref + r/β, not π_ref + r/β.",
        lambda ref_log_probs, rewards, beta: (ref_log_probs.exp() + rewards / beta).logsumexp(-1),
    ),
)
STAY = "exp(10000) is inf, exp(−10000) is 0: never leave the logarithms. `torch.logsumexp` does it."

z_of_one_row = Cases(
    "log_partition",
    name="weighs_exp_r_over_beta_by_the_reference",
    promise="Z(x) is the sum of π_ref(y|x) · exp(r/β), and its logarithm comes back.",
    points=2,
    reference=log_z,
    pool=tilts,
    tolerance=TOLERANCE,
    mistakes=Z_MISTAKES,
    hints={
        "value": "log Σ_y exp(log π_ref(y|x) + r(x, y)/β), float64 to the end.",
        "type": TENSOR,
        "dtype": FLOAT64,
        "shape": "One row gives one number: a tensor without dimensions.",
    },
)
z_at_extremes = Cases(
    "log_partition",
    name="stays_finite_at_rewards_of_ten_thousand",
    promise="r/β of ±10,000, rows far apart, improbable responses and forbidden ones leave log Z finite and right.",
    points=1,
    reference=log_z,
    pool=extremes,
    keeps_inputs=True,
    fresh=True,
    tolerance=TOLERANCE,
    mistakes=(
        *Z_MISTAKES[:2],
        Mistake(
            STAY, lambda ref_log_probs, rewards, beta: (ref_log_probs.exp() * (rewards / beta).exp()).sum(-1).log()
        ),
        Mistake(STAY, lambda ref_log_probs, rewards, beta: (ref_log_probs + rewards / beta).exp().sum(-1).log()),
        Mistake(
            "Take the largest log π_ref + r/β out of the sum, not the largest r/β: what is left may all be 0. "
            "`torch.logsumexp` never leaves the logarithms: never leave the logarithms either.",
            lambda ref_log_probs, rewards, beta: (
                (rewards / beta).amax(-1)
                + (ref_log_probs.exp() * (rewards / beta - (rewards / beta).amax(-1, keepdim=True)).exp()).sum(-1).log()
            ),
        ),
        Mistake(
            "Each row needs its own maximum: with one for the whole batch the other rows are exp(−20000) = 0.",
            lambda ref_log_probs, rewards, beta: (
                (ref_log_probs + rewards / beta).max()
                + ((ref_log_probs + rewards / beta) - (ref_log_probs + rewards / beta).max()).exp().sum(-1).log()
            ),
        ),
    ),
    hints={
        **FORM_OF_ROWS,
        "value": FIRST + "it is the range, exp(10000) is inf, exp(−10000) is 0, a forbidden "
        "response adds 0. `torch.logsumexp` never leaves the logarithms.",
        "nan": "nan comes from inf − inf or 0 · inf: `exp` came too early. Stay in logarithms: `torch.logsumexp`.",
        "rows far apart": "Each row needs its own maximum: with one for the whole batch the other rows are 0.",
        "forbidden responses of high reward": "A forbidden response (log π_ref = −inf) adds 0 to Z, however high its "
        "reward; take it out of the maximum, too.",
    },
)
z_of_rows = Cases(
    "log_partition",
    name="z_belongs_to_the_prompt",
    promise="Every prompt has its own Z, and f(x) added to its rewards adds f(x)/β to log Z. " + KEPT,
    points=1,
    reference=log_z,
    pool=prompts,
    tolerance=TOLERANCE,
    keeps_inputs=True,
    fresh=True,
    mistakes=Z_MISTAKES[:2],
    hints={
        **FORM_OF_ROWS,
        "shape": Z_ROWS,
        "value": FIRST + Z_ROWS,
        "rewards with an f(x) of each prompt": "A constant added to all rewards of a prompt must come out as "
        "f(x)/β: Z is not normalised away.",
    },
)
z_refuses = Cases(
    "log_partition",
    name="refuses_beta_that_is_not_positive",
    promise="A β of 0 or below raises ValueError; a small or huge positive one does not.",
    points=1,
    reference=log_z,
    pool=prices,
    tolerance=TOLERANCE,
    mistakes=Z_MISTAKES[:2],
    hints={
        **FORM_OF_ROWS,
        "no error": "β = 0 is a limit, not a division, and a negative β rewards the worst: raise ValueError for both.",
        "error": "ValueError for a β of 0 or below, and no error for any β above 0.",
        "every β above 0": FIRST + "every β above 0 is allowed, and r is divided by it as it is: no lower bound, no ε.",
        "value": FIRST + "every β above 0 is allowed, and r is divided by it as it is: no lower bound, no ε.",
    },
)

# optimal_policy --------------------------------------------------------------------------------------------------

OWN_Z = " It may call your `log_partition`: mend that first if its checks fail."
LOG_PROBS = "Return log-probs, float64, in the shape of the rewards."


def optimum(ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float) -> torch.Tensor:
    """Log π*, by the formula."""
    return ref_log_probs + rewards / beta - log_z(ref_log_probs, rewards, beta)[..., None]


def limits() -> Iterator[Case]:
    """Prices at which the reference is all that counts."""
    ref, r = distribution(2, 5, seed=1), numbers(2, 5, seed=2)
    never = without(ref, [[1, 4], [0]])
    for beta in (1e6, 1e10, 10**9):
        yield Case(f"beta {beta}", args=(ref, r, beta), family="a huge β")
        yield Case(f"beta {beta} forbidden", args=(never, r, beta), family="a huge β, with forbidden responses")
    for times in (3.0, 100.0, 1e-3):
        yield Case(f"times {times}", args=(ref, times * r, times * 0.4), family="rewards and β at another scale")
        yield Case(
            f"times {times}, one row", args=(ref[0], times * r[0], times * 0.4), family="rewards and β at another scale"
        )


POLICY_MISTAKES = (
    Mistake(
        "π_ref is missing: softmax(r/β) knows no reference.",
        lambda ref_log_probs, rewards, beta: (rewards / beta).log_softmax(-1),
    ),
    Mistake(
        "β on the wrong side: divide r by β, a small β sharpens.",
        lambda ref_log_probs, rewards, beta: optimum(ref_log_probs, rewards, 1 / beta),
    ),
    Mistake(
        "β divides the reward only, not log π_ref.",
        lambda ref_log_probs, rewards, beta: ((ref_log_probs + rewards) / beta).log_softmax(-1),
    ),
    Mistake("β is missing.", lambda ref_log_probs, rewards, beta: (ref_log_probs + rewards).log_softmax(-1)),
    Mistake(
        "That is not normalised: subtract log Z(x).",
        lambda ref_log_probs, rewards, beta: ref_log_probs + rewards / beta,
    ),
    Mistake(
        "You return probabilities: return log-probs.",
        lambda ref_log_probs, rewards, beta: optimum(ref_log_probs, rewards, beta).exp(),
    ),
    Mistake(
        "Subtract log Z; you divide by it.",
        lambda ref_log_probs, rewards, beta: (
            (ref_log_probs + rewards / beta) / log_z(ref_log_probs, rewards, beta)[..., None]
        ),
    ),
    Mistake(
        "Subtract log Z; you add it.",
        lambda ref_log_probs, rewards, beta: (
            ref_log_probs + rewards / beta + log_z(ref_log_probs, rewards, beta)[..., None]
        ),
    ),
    Mistake(
        "exp(−r/β) rewards the worst: no minus.",
        lambda ref_log_probs, rewards, beta: optimum(ref_log_probs, -rewards, beta),
    ),
    Mistake(
        "π_ref weighs once, not twice.",
        lambda ref_log_probs, rewards, beta: (2 * ref_log_probs + rewards / beta).log_softmax(-1),
    ),
    Mistake(
        "π_ref enters as its logarithm: log π_ref + r/β, not π_ref + r/β.",
        lambda ref_log_probs, rewards, beta: (ref_log_probs.exp() + rewards / beta).log_softmax(-1),
    ),
)


def _evenly_where_beta_is_small(ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float) -> torch.Tensor:
    if beta >= 0.01:
        return optimum(ref_log_probs, rewards, beta)
    allowed = rewards.masked_fill(ref_log_probs == -INF, -INF)
    best = allowed == allowed.max(-1, keepdim=True).values
    return torch.zeros_like(rewards).masked_fill(~best, -INF).log_softmax(-1)


FORM_OF_POLICY = {
    "error": "Where shapes do not fit: log Z has one number a row, and `[..., None]` lets it meet its own row." + OWN_Z,
    "type": LOG_PROBS + OWN_Z,
    "dtype": FLOAT64 + OWN_Z,
    "shape": LOG_PROBS + OWN_Z,
}

policy_of_one_row = Cases(
    "optimal_policy",
    name="tilts_the_reference_by_the_reward",
    promise="π* is π_ref · exp(r/β) / Z, as log-probs.",
    points=2,
    reference=optimum,
    pool=tilts,
    tolerance=TOLERANCE,
    mistakes=POLICY_MISTAKES,
    hints={**FORM_OF_POLICY, "value": "log π_ref + r/β − log Z, float64 to the end." + OWN_Z},
)
policy_of_rows = Cases(
    "optimal_policy",
    name="each_prompt_has_its_own_z",
    promise="The probabilities of each prompt add up to 1, and adding f(x) to its rewards changes nothing. " + KEPT,
    points=1,
    reference=optimum,
    pool=prompts,
    tolerance=TOLERANCE,
    keeps_inputs=True,
    fresh=True,
    mistakes=POLICY_MISTAKES[:2],
    hints={
        **FORM_OF_POLICY,
        "shape": Z_OF_ROWS + OWN_Z,
        "value": FIRST + Z_OF_ROWS + OWN_Z,
        "rewards with an f(x) of each prompt": "A constant for each prompt goes into its Z and out again: "
        "π* must stay the same." + OWN_Z,
    },
)
policy_at_extremes = Cases(
    "optimal_policy",
    name="small_beta_takes_the_best_that_is_allowed",
    promise="As β falls π* goes to the highest reward on the reference's support; ties share as π_ref does; no nan; "
    "log-probs stay right where probabilities are too small for a float.",
    points=1,
    reference=optimum,
    pool=extremes,
    keeps_inputs=True,
    fresh=True,
    tolerance=TOLERANCE,
    mistakes=(
        *POLICY_MISTAKES[:2],
        Mistake(
            "With r/β of ±10,000 leave the logarithms nowhere: no `exp` before the end." + OWN_Z,
            lambda ref_log_probs, rewards, beta: (
                ref_log_probs.exp()
                * (rewards / beta).exp()
                / (ref_log_probs.exp() * (rewards / beta).exp()).sum(-1, keepdim=True)
            ).log(),
        ),
        Mistake(
            "With r/β of ±10,000 leave the logarithms nowhere: no `exp` before the end." + OWN_Z,
            lambda ref_log_probs, rewards, beta: (
                ref_log_probs + rewards / beta - (ref_log_probs + rewards / beta).exp().sum(-1, keepdim=True).log()
            ),
        ),
        Mistake(
            "What π_ref forbids stays forbidden: no lower bound for log π_ref, which a high reward would blow up.",
            lambda ref_log_probs, rewards, beta: (ref_log_probs.clamp(min=-200.0) + rewards / beta).log_softmax(-1),
        ),
        Mistake(
            "The best responses that are allowed share the probability as under π_ref, not equally, and no β is 0.",
            _evenly_where_beta_is_small,
        ),
        Mistake(
            "`softmax` and then `log` loses all probabilities below e^−745: `log_softmax` keeps their logarithms.",
            lambda ref_log_probs, rewards, beta: (ref_log_probs + rewards / beta).softmax(-1).log(),
        ),
        Mistake(
            "Each row needs its own maximum: with one for the whole batch the other rows are exp(−20000) = 0.",
            lambda ref_log_probs, rewards, beta: (
                (ref_log_probs + rewards / beta - (ref_log_probs + rewards / beta).max())
                - (ref_log_probs + rewards / beta - (ref_log_probs + rewards / beta).max())
                .exp()
                .sum(-1, keepdim=True)
                .log()
            ),
        ),
    ),
    hints={
        **FORM_OF_POLICY,
        "value": FIRST + "it is the range, no `exp` before the end, and −inf stays −inf." + OWN_Z,
        "nan": "What π_ref forbids stays forbidden (−inf), however high its reward, and nothing is nan: where does "
        "inf meet inf?" + OWN_Z,
        "rows far apart": "Each row needs its own maximum: with one for the whole batch the other rows are 0." + OWN_Z,
        "forbidden responses of high reward": "What π_ref forbids stays forbidden (−inf), however high its reward."
        + OWN_Z,
    },
)
policy_at_limits = Cases(
    "optimal_policy",
    name="large_beta_gives_the_reference",
    promise="As β grows π* goes to π_ref, and only r/β enters: 3r with 3β is the same.",
    points=1,
    reference=optimum,
    pool=limits,
    keeps_inputs=True,
    fresh=True,
    tolerance=TOLERANCE,
    mistakes=(
        *POLICY_MISTAKES[:3],
        Mistake(
            "Only r/β matters, and the size of r with it: do not standardise the rewards.",
            lambda ref_log_probs, rewards, beta: (
                ref_log_probs + (rewards - rewards.mean(-1, keepdim=True)) / rewards.std(-1, keepdim=True) / beta
            ).log_softmax(-1),
        ),
    ),
    hints={
        **FORM_OF_POLICY,
        "value": FIRST
        + "a large β keeps the policy at the reference, and only r/β matters: divide the reward by β, nothing "
        "else." + OWN_Z,
        "rewards and β at another scale": "Only r/β matters: three times the reward at three times β "
        "has the same optimum." + OWN_Z,
        "a huge β": "A large β keeps the policy at the reference: divide the reward by β." + OWN_Z,
    },
)

# reward_from_policy ----------------------------------------------------------------------------------------------


def reward(log_policy: torch.Tensor, ref_log_probs: torch.Tensor, beta: float, log_z: torch.Tensor) -> torch.Tensor:
    """β times the log-ratio, plus β log Z."""
    return beta * (log_policy - ref_log_probs) + beta * log_z[..., None]


def optima() -> Iterator[Case]:
    """One row: optimal policies of known rewards, and any others."""
    for case in tilts():
        ref, r, beta = case.args
        if beta == 1e-3:
            continue
        args = (optimum(ref, r, beta), ref, beta, log_z(ref, r, beta))
        yield Case(case.name, args=args, family=case.family)
    for seed, beta in enumerate((0.1, 1.0, 2.0)):
        args = (distribution(6, seed=seed), distribution(6, seed=9 + seed), beta, numbers(1, seed=seed, scale=5.0)[0])
        yield Case(f"any {beta}", args=args, family="any policy and any log Z")
    ref = distribution(4, seed=4)
    yield Case(
        "the reference", args=(ref, ref.clone(), 2.0, torch.tensor(3.0).double()), family="a policy that is π_ref"
    )
    args = (distribution(4, seed=5), ref, 2.0, torch.tensor(0.0).double())
    yield Case("no log Z", args=args, family="log Z of 0")


def improbable() -> Iterator[Case]:
    """Log-probs as low as −2e4, and log Z as large as ±1e4."""
    policy = rows([-2000.0, 0.0, -900.0], [-1e4, -2e4, 0.0], [-0.3, -800.0, -1.5]).log_softmax(-1)
    ref = rows([-1500.0, -0.7, -1800.0], [-0.7, -0.7, -2e4], [-1e4, 0.0, -750.0]).log_softmax(-1)
    z = torch.full((3,), -3.0, dtype=torch.float64)
    for name, log_p, log_q in (("both low", policy, ref), ("π low", policy, distribution(3, 3, seed=1))):
        yield Case(name, args=(log_p, log_q, 0.1, z), family="log-probs as low as -2e4")
        yield Case(f"{name}, one row", args=(log_p[0], log_q[0], 0.1, z[0]), family="log-probs as low as -2e4")
    yield Case("π_ref low", args=(distribution(3, 3, seed=1), ref, 2.0, z), family="log-probs as low as -2e4")
    for log_p, log_q in (([0.0, -2000.0], [0.0, -1500.0]), ([0.0, -2000.0], [0.0, -900.0]), ([0.0, -9e3], [0.0, -1e3])):
        for beta in (0.1, 2.0):
            args = (rows(log_p)[0], rows(log_q)[0], beta, z[0])
            yield Case(f"{log_p} {log_q} {beta}", args=args, family="log-probs as low as -2e4")
    for row in (1, 2):
        args = (policy[row], ref[row], 0.5, z[row])
        yield Case(f"both low, row {row}", args=args, family="log-probs as low as -2e4")
    for size in (1e4, -1e4, 800.0):
        args = (distribution(3, 4, seed=2), distribution(3, 4, seed=3), 0.5, z * 0 + size)
        yield Case(f"log Z {size}", args=args, family="log Z of ±10,000")
        yield Case(f"log Z {size}, one row", args=(args[0][0], args[1][0], 0.5, args[3][0]), family="log Z of ±10,000")


REWARD_MISTAKES = (
    Mistake(
        "log Z is multiplied by β as well: r = β (log π − log π_ref + log Z).",
        lambda log_policy, ref_log_probs, beta, log_z: beta * (log_policy - ref_log_probs) + log_z[..., None],
    ),
    Mistake(
        "log Z is missing: only differences between responses are right.",
        lambda log_policy, ref_log_probs, beta, log_z: beta * (log_policy - ref_log_probs),
    ),
    Mistake(
        "Add β log Z; you subtract it.",
        lambda log_policy, ref_log_probs, beta, log_z: beta * (log_policy - ref_log_probs - log_z[..., None]),
    ),
    Mistake(
        "Multiply the log-ratio by β; you divide.",
        lambda log_policy, ref_log_probs, beta, log_z: (log_policy - ref_log_probs + log_z[..., None]) / beta,
    ),
    Mistake(
        "The ratio is π/π_ref, not π_ref/π.",
        lambda log_policy, ref_log_probs, beta, log_z: beta * (log_z[..., None] - log_policy + ref_log_probs),
    ),
    Mistake(
        "β is missing.", lambda log_policy, ref_log_probs, beta, log_z: log_policy - ref_log_probs + log_z[..., None]
    ),
    Mistake(
        "π_ref is missing: it is a ratio.",
        lambda log_policy, ref_log_probs, beta, log_z: beta * (log_policy + log_z[..., None]),
    ),
    Mistake(
        "The logarithm of the ratio, not the ratio.",
        lambda log_policy, ref_log_probs, beta, log_z: beta * ((log_policy - ref_log_probs).exp() + log_z[..., None]),
    ),
    Mistake(
        "log Z is a logarithm already: take no other.",
        lambda log_policy, ref_log_probs, beta, log_z: beta * (log_policy - ref_log_probs + log_z.log()[..., None]),
    ),
    Mistake(
        "log Z is added as it is: it is a logarithm, and r is one.",
        lambda log_policy, ref_log_probs, beta, log_z: beta * (log_policy - ref_log_probs + log_z.exp()[..., None]),
    ),
)
FORM_OF_REWARDS = {
    "error": "Where shapes do not fit: log Z has one number a row, and `[..., None]` lets it meet its own row.",
    "type": "Return a tensor, float64, in the shape of the log-probs.",
    "dtype": FLOAT64,
    "shape": Z_ALONG,
}

reward_of_one_row = Cases(
    "reward_from_policy",
    name="inverts_the_optimal_policy",
    promise="R = β log(π/π_ref) + β log Z: the rewards from which π* was made come back.",
    points=2,
    reference=reward,
    pool=optima,
    tolerance=TOLERANCE,
    mistakes=REWARD_MISTAKES,
    hints={**FORM_OF_REWARDS, "value": "β (log π − log π_ref) + β log Z, float64 to the end."},
)
reward_of_rows = Cases(
    "reward_from_policy",
    name="adds_each_prompts_own_log_z",
    promise="Log Z(x) is one number for each prompt, added to all responses of that prompt. " + KEPT,
    points=1,
    reference=reward,
    pool=lambda: same_shapes(
        lambda shape, seed: (
            distribution(*shape, seed=seed),
            distribution(*shape, seed=40 + seed),
            0.5,
            numbers(*shape[:-1], seed=80 + seed),
        ),
        "log_policy",
        "ref_log_probs",
        "log_z",
    ),
    tolerance=TOLERANCE,
    keeps_inputs=True,
    fresh=True,
    mistakes=REWARD_MISTAKES[:3],
    hints={**FORM_OF_REWARDS, "value": FIRST + Z_ALONG},
)
reward_of_the_improbable = Cases(
    "reward_from_policy",
    name="works_on_log_probs_alone",
    promise="Responses with probabilities far too small for a float have finite rewards.",
    points=1,
    reference=reward,
    pool=improbable,
    keeps_inputs=True,
    fresh=True,
    tolerance=TOLERANCE,
    mistakes=(
        *REWARD_MISTAKES[:3],
        Mistake(
            "exp(−2000) is 0 as a float: take the difference of the log-probs, never the ratio of the probabilities.",
            lambda log_policy, ref_log_probs, beta, log_z: (
                beta * ((log_policy.exp() / ref_log_probs.exp()).log() + log_z[..., None])
            ),
        ),
        Mistake(
            "exp(log π − log π_ref) leaves the range of floats beyond ±700: the difference is the logarithm already.",
            lambda log_policy, ref_log_probs, beta, log_z: (
                beta * ((log_policy - ref_log_probs).exp().log() + log_z[..., None])
            ),
        ),
        Mistake(
            "exp(log Z) leaves the range of floats beyond ±700: log Z is added as it is.",
            lambda log_policy, ref_log_probs, beta, log_z: (
                beta * (log_policy - ref_log_probs + log_z.exp().log()[..., None])
            ),
        ),
    ),
    hints={
        **FORM_OF_REWARDS,
        "value": FIRST + "log-probs of −20,000 and log Z of ±10,000 are ordinary numbers: no `exp`, no bounds.",
        "log-probs as low as -2e4": "The difference of log-probs is an ordinary number: no `exp`, no bounds.",
        "log Z of ±10,000": "log Z is an ordinary number, added as it is: no `exp` on the way, no bounds.",
        "nan": "0/0 or inf − inf: an `exp` on the way. Take the difference of the log-probs as they are.",
    },
)

# monte_carlo_log_partition ---------------------------------------------------------------------------------------


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

# effective_sample_size -------------------------------------------------------------------------------------------


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

# best_of_n_policy ------------------------------------------------------------------------------------------------


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
        _of_masses(lambda below, equal, p, n: (below + equal) ** n),
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
