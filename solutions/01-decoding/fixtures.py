"""Recipes for the policies that checks of lab 01 need on both sides; no answers in here."""

from __future__ import annotations

import copy
from functools import cache
from types import SimpleNamespace

import torch
from transformers import GPT2Config, GPT2LMHeadModel


class TablePolicy:
    """A causal policy of a few tensor operations: quick, and every token of the past counts.

    `policy(ids).logits` is [batch, length, vocab], as of any model.
    """

    def __init__(self, tokens: torch.Tensor, places: torch.Tensor, head: torch.Tensor, bias: torch.Tensor) -> None:
        self._tokens, self._places, self._head, self._bias = tokens, places, head, bias

    def __call__(self, ids: torch.Tensor) -> SimpleNamespace:
        """int64 [batch, length] -> an object with `.logits`, float [batch, length, vocab]."""
        past = (self._tokens[ids] * self._places[: ids.shape[1]]).cumsum(1)
        return SimpleNamespace(logits=(past.sin() @ self._head).to(self._bias.dtype) + self._bias)


def table_policy(
    seed: int, vocab_size: int = 6, spread: float = 1.0, eos_id: int = 5, end: float = 0.0, dtype: str = "float32"
) -> TablePolicy:
    """A random table policy; `end` is added to the logit of EOS: above 0 texts end soon, far below 0 they never do."""
    tokens, places, head = _drawn(seed, vocab_size)
    bias = torch.zeros(vocab_size, dtype=getattr(torch, dtype))
    bias[eos_id] = end
    return TablePolicy(3.0 * tokens, places.clone(), spread * head, bias)


@cache
def _drawn(seed: int, vocab_size: int) -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(seed)
    return tuple(torch.randn(n, m, generator=generator) for n, m in ((vocab_size, 8), (24, 8), (8, vocab_size)))


def toy_policy(seed: int, vocab_size: int = 6, spread: float = 0.7) -> GPT2LMHeadModel:
    """A random GPT-2 with few tokens and one layer, in eval mode, float32.

    `spread` scales the logits: wide enough that no two continuations of a check come near to a tie.
    """
    model = copy.deepcopy(_blank_policy(vocab_size))
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.5)
        model.transformer.ln_f.weight.fill_(spread)
    return model


@cache  # a model takes ten times as long to make as to copy
def _blank_policy(vocab_size: int) -> GPT2LMHeadModel:
    config = GPT2Config(
        vocab_size=vocab_size,
        n_positions=24,
        n_embd=16,
        n_layer=1,
        n_head=2,
        bos_token_id=vocab_size - 1,
        eos_token_id=vocab_size - 1,
        attn_implementation="eager",
    )
    with torch.random.fork_rng(devices=[]):
        return GPT2LMHeadModel(config).eval().requires_grad_(False)


def rehearse() -> None:
    """What kernels would load and build for the first time: it is done once, where they are forked."""
    ids = torch.tensor([[0, 3, 1], [4, 4, 2]])
    table_policy(0)(ids)
    with torch.no_grad():
        toy_policy(0)(ids)
        toy_policy(0, vocab_size=4)(ids.clamp(max=3))
