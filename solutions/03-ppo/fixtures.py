"""Recipes for the objects that checks of lab 03 need on both sides; no answers in here."""

from __future__ import annotations

from functools import cache

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import GPT2TokenizerFast
from trl import PPOConfig

EOS = "<|endoftext|>"
MERGES = [("Ġ", "t"), ("Ġt", "h"), ("Ġth", "e"), ("i", "s"), ("f", "i"), ("fi", "l"), ("fil", "m"), ("Ġ", "film")]


@cache  # it has no state, and takes as long to make as a hundred reviews to encode
def tokenizer() -> GPT2TokenizerFast:
    """A byte-level BPE of single bytes and a few longer tokens, so that tokens are neither characters nor words."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens = [EOS, *alphabet, *(first + second for first, second in MERGES)]
    backend = Tokenizer(models.BPE(vocab={token: i for i, token in enumerate(tokens)}, merges=MERGES))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    return GPT2TokenizerFast(
        tokenizer_object=backend, bos_token=EOS, eos_token=EOS, unk_token=EOS, clean_up_tokenization_spaces=False
    )


def rehearse() -> None:
    """What kernels would load and build for the first time: it is done once, where they are forked."""
    made = tokenizer()
    made.decode(made(" the film")["input_ids"])
    PPOConfig(batch_size=2, mini_batch_size=1)
    scores = torch.ones(2, 3, requires_grad=True)
    torch.where(scores.log_softmax(-1) > 0, scores, 0.0).sum().backward()
