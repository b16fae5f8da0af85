"""Recipes for the policies that checks of lab 04 need on both sides; no answers in here."""

from __future__ import annotations

import copy
from functools import cache
from types import SimpleNamespace
from typing import Any

import torch
from transformers import GPT2Config, GPT2LMHeadModel

from rlhf import toy


class CountedPolicy(GPT2LMHeadModel):
    """A GPT-2 that counts how often it is called, in `calls`."""

    calls: int = 0

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """As that of GPT-2."""
        self.calls += 1
        return super().forward(*args, **kwargs)


def counted_policy(seed: int, vocab_size: int = 4) -> CountedPolicy:
    """A random GPT-2 with few tokens and one layer, in eval mode, float64: batches of any size agree to 1e-12."""
    model = copy.deepcopy(_blank_policy(vocab_size))
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64) * 0.5)
        model.transformer.ln_f.weight.fill_(0.7)
    return model


@cache  # a model takes ten times as long to make as to copy
def _blank_policy(vocab_size: int) -> CountedPolicy:
    config = GPT2Config(
        vocab_size=vocab_size,
        n_positions=16,
        n_embd=16,
        n_layer=1,
        n_head=2,
        bos_token_id=vocab_size - 1,
        eos_token_id=vocab_size - 1,
        attn_implementation="eager",
    )
    with torch.random.fork_rng(devices=[]):
        return CountedPolicy(config).double().eval()


KEYS = 1009


class TablePolicy(torch.nn.Module):
    """A policy whose next token depends on all before it, in their order, through one row of a table: quick and exact.

    Batches of any size agree to the last digit. `calls` counts how often it is called.
    """

    def __init__(self, table: torch.Tensor) -> None:
        super().__init__()
        self.table = torch.nn.Parameter(table)
        self.calls = 0

    def forward(self, ids: torch.Tensor) -> SimpleNamespace:
        """`.logits`, `[batch, length, vocab]` in the dtype of the table."""
        self.calls += 1
        key, keys = torch.zeros_like(ids[:, 0]), []
        for place in range(ids.shape[1]):
            key = (key * 31 + ids[:, place] + 1) % KEYS
            keys.append(key)
        return SimpleNamespace(logits=self.table[torch.stack(keys, dim=1)])


def table_policy(seed: int, vocab_size: int = 4, dtype: str = "float64", scale: float = 1.5) -> TablePolicy:
    """A random `TablePolicy`; a larger scale makes it sharper."""
    generator = torch.Generator().manual_seed(seed)
    table = torch.randn(KEYS, vocab_size, generator=generator, dtype=torch.float64) * scale
    return TablePolicy(table.to(getattr(torch, dtype)))


def rehearse() -> None:
    """What kernels would load and build for the first time: it is done once, where they are forked."""
    ids = torch.tensor([[0, 3, 1], [2, 2, 1]])
    with torch.no_grad():
        counted_policy(0)(ids)
        table_policy(0)(ids)
    for prompt in range(len(toy.PROMPTS)):
        toy.log_probs(prompt)
        toy.rewards(prompt)
