"""A language model so small that all its responses can be listed: five words, four places, 341 responses.

    from rlhf import toy

    model = toy.ToyModel()                       # model(ids).logits, like a GPT-2
    ids = torch.tensor([[toy.PROMPT_IDS[0]]])    # "The film is"
    y = toy.responses()                          # int64 [341, 4]
    log_ref = toy.log_probs(0)                   # float64 [341], log π_ref(y|x) after prompt 0
    r = toy.rewards(0)                           # float64 [341]

A response ends with `<end>`, or after `MAX_NEW_TOKENS` words without one. Shorter responses are filled up with `<end>`,
as a batch of GPT-2's is; only the first `<end>` is part of them.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import cache
from types import SimpleNamespace

import torch

WORDS = ("good", "bad", "very", "and", "<end>")
VOCAB_SIZE = len(WORDS)
EOS_ID = 4
MAX_NEW_TOKENS = 4
PROMPTS = ("The film is", "The film is not")
PROMPT_IDS = (5, 6)  # a prompt is one id, which no response contains

# π_ref(next word | prompt, last word): one table for each prompt.
_NEXT = torch.tensor(
    [
        [
            [0.02, 0.01, 0.02, 0.25, 0.70],  # after good
            [0.01, 0.02, 0.02, 0.25, 0.70],  # after bad
            [0.55, 0.35, 0.08, 0.01, 0.01],  # after very
            [0.45, 0.25, 0.25, 0.02, 0.03],  # after and
            [0.35, 0.25, 0.36, 0.01, 0.03],  # at the start
        ],
        [
            [0.02, 0.02, 0.03, 0.13, 0.80],
            [0.01, 0.03, 0.02, 0.14, 0.80],
            [0.65, 0.27, 0.05, 0.01, 0.02],
            [0.40, 0.30, 0.25, 0.02, 0.03],
            [0.42, 0.20, 0.34, 0.01, 0.03],
        ],
    ],
    dtype=torch.float64,
)
_START = 4  # the row of each table that is read right after the prompt


class ToyModel(torch.nn.Module):
    """The reference model π_ref, called like a model of transformers; a module without parameters."""

    def forward(self, ids: torch.Tensor) -> SimpleNamespace:
        """Logits of the next word at every place: `.logits`, float64 `[batch, length, 5]`.

        Args:
            ids: int64 `[batch, length]`; the first id of each row is its prompt, the others are words.

        Raises:
            ValueError: a row does not begin with a prompt.
        """
        prompt = ids[:, :1] - PROMPT_IDS[0]
        if not bool(((prompt >= 0) & (prompt < len(PROMPTS))).all()):
            raise ValueError(
                f"each row of ids must begin with a prompt, one of {PROMPT_IDS}; found {ids[:, 0].tolist()}"
            )
        last = ids.clone()
        last[:, 0] = _START
        return SimpleNamespace(logits=_NEXT.log()[prompt.expand_as(ids), last])


@cache
def _listed() -> tuple[tuple[int, ...], ...]:
    """Every response once, in the order of its ids, without the filling."""
    others = [token for token in range(VOCAB_SIZE) if token != EOS_ID]
    found = [(*words, EOS_ID) for n in range(MAX_NEW_TOKENS) for words in itertools.product(others, repeat=n)]
    return tuple(sorted([*found, *itertools.product(others, repeat=MAX_NEW_TOKENS)]))


def responses() -> torch.Tensor:
    """Every response, int64 `[341, 4]`, in the order of its ids; filled up with `<end>`."""
    return torch.tensor([[*y, *[EOS_ID] * (MAX_NEW_TOKENS - len(y))] for y in _listed()])


def log_probs(prompt: int) -> torch.Tensor:
    """Log π_ref(y|x) in nats, float64 `[341]`, in the order of `responses()`; `prompt` is 0 or 1.

    The first `<end>` counts, the filling does not, so the probabilities of all responses add up to 1.
    """
    return _log_probs(prompt).clone()


@cache  # it is asked for again and again
def _log_probs(prompt: int) -> torch.Tensor:
    table = _NEXT[prompt].log().tolist()
    return torch.tensor(
        [sum(table[last][word] for last, word in zip((_START, *y), y, strict=False)) for y in _listed()],
        dtype=torch.float64,
    )


def rewards(prompt: int) -> torch.Tensor:
    """A reward r(x, y) that only counts words, float64 `[341]`, in the order of `responses()`.

    Each *good* gives 1 and each *bad* −1; a *very* right before one of them gives half of that word's reward more.
    After "The film is not" every sign is turned. Nothing asks whether it is English: the best response is a list of
    one word, and π_ref hardly ever says it.
    """
    return _rewards(prompt).clone()


@cache
def _rewards(prompt: int) -> torch.Tensor:
    worth = {0: 1.0, 1: -1.0}
    sign = (1.0, -1.0)[prompt]
    totals = []
    for y in _listed():
        total = 0.0
        for word, following in itertools.zip_longest(y, y[1:]):
            total += worth.get(word, 0.0) + (0.5 * worth.get(following, 0.0) if word == 2 else 0.0)
        totals.append(sign * total)
    return torch.tensor(totals, dtype=torch.float64)


def text(response: Sequence[int] | torch.Tensor) -> str:
    """A response in words, up to its first `<end>`.

    >>> text([2, 0, 4, 4])
    'very good <end>'
    """
    ids = [int(i) for i in response]
    words = ids[: ids.index(EOS_ID) + 1] if EOS_ID in ids else ids
    return " ".join(WORDS[i] for i in words)
