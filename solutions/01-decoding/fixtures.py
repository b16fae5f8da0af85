"""Recipes for the policies that checks of lab 01 need on both sides; no answers in here."""

from __future__ import annotations

import torch
from transformers import GPT2Config, GPT2LMHeadModel


def toy_policy(seed: int, vocab_size: int = 6, spread: float = 0.7) -> GPT2LMHeadModel:
    """A random GPT-2 with few tokens and one layer, in eval mode, float32.

    `spread` scales the logits: wide enough that no two continuations of a check come near to a tie.
    """
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
        model = GPT2LMHeadModel(config).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.5)
        model.transformer.ln_f.weight.fill_(spread)
    return model
