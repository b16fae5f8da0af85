"""Recipes for the policies that checks of lab 04 need on both sides; no answers in here."""

from __future__ import annotations

from typing import Any

import torch
from transformers import GPT2Config, GPT2LMHeadModel


class CountedPolicy(GPT2LMHeadModel):
    """A GPT-2 that counts how often it is called, in `calls`."""

    calls: int = 0

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """As that of GPT-2."""
        self.calls += 1
        return super().forward(*args, **kwargs)


def counted_policy(seed: int, vocab_size: int = 4) -> CountedPolicy:
    """A random GPT-2 with few tokens and one layer, in eval mode, float64: batches of any size agree to 1e-12."""
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
        model = CountedPolicy(config).double().eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64) * 0.5)
        model.transformer.ln_f.weight.fill_(0.7)
    return model
