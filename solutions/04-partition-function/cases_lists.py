"""Inputs of `count_sequences` and `sequence_log_probs`, what is right for each, and the mistakes that are likely."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import torch
from cases_common import LAYOUTS, TOLERANCE

from grader.checks import Built, Case, Cases, Mistake

# count_sequences ---------------------------------------------------------------------------------------------------


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
    for vocab, length in ((50257, 4), (50257, 100), (10, 23), (3, 2000), (2, 4000), (4096, 300)):
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
        "ValueError or IndexError or ZeroDivisionError": "With T = 0 there is one sequence, the empty one, and V "
        "= 1 is a vocabulary, too: no error there.",
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
        "ValueError or IndexError or ZeroDivisionError": "With T = 0 or V = 1 there is one response, with V = 2 "
        "there are T + 1: no error there. Mind a "
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
        "value": "Stay with whole numbers of Python: `/`, `math.pow` and floats round from 2^53, int64 ends at 2^63.",
        "type": INT,
        "OverflowError or RecursionError or ZeroDivisionError or MemoryError": "Large sizes are no error: floats "
        "overflow at 10^308, a function that calls itself ends at a thousand "
        "calls, and V = 2 makes V − 2 zero.",
        "other error": "Raise ValueError, no other error, when V is below 1 or T below 0.",
        "no error": "Raise ValueError when V is below 1 or T below 0, with `stops` and without.",
        "time": "Do not list the sequences: multiply.",
    },
)

# sequence_log_probs ------------------------------------------------------------------------------------------------

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
