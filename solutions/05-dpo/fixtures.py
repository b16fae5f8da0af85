"""Recipes for the objects that checks of lab 05 need on both sides; no answers in here."""

from __future__ import annotations

import atexit
import copy
import shutil
import tempfile
from functools import cache

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoModelForCausalLM, AutoTokenizer, GPT2Config, GPT2LMHeadModel, GPT2TokenizerFast

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def checkpoint(seed: int, dropout: float = 0.3, eos: str = "<|endoftext|>", place: int = 0, pad: str = "") -> str:
    """The path of a folder with a random GPT-2 of one layer, which has dropout, and a tokenizer without a pad token.

    Its EOS token is the text `eos` with the id `place`. With `pad`, a letter, it comes with that pad token.
    """
    folder = tempfile.mkdtemp(prefix="lab-05-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    tokens = [*LETTERS[:place], eos, *LETTERS[place:]]
    spelling = Tokenizer(models.BPE(vocab={token: i for i, token in enumerate(tokens)}, merges=[]))
    spelling.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    spelling.decoder = decoders.ByteLevel()
    special = {"bos_token": eos, "eos_token": eos, "unk_token": eos} | ({"pad_token": pad} if pad else {})
    GPT2TokenizerFast(tokenizer_object=spelling, **special).save_pretrained(folder)
    model = copy.deepcopy(_blank_model(len(tokens), place, dropout))
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.5)
    model.save_pretrained(folder)
    return folder


@cache  # a model takes ten times as long to make as to copy
def _blank_model(size: int, place: int, dropout: float) -> GPT2LMHeadModel:
    config = GPT2Config(
        vocab_size=size, n_positions=16, n_embd=16, n_layer=1, n_head=2, bos_token_id=place, eos_token_id=place,
        resid_pdrop=dropout, embd_pdrop=dropout, attn_pdrop=dropout,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        return GPT2LMHeadModel(config)


def rehearse() -> None:
    """What kernels would load and build for the first time: it is done once, where they are forked."""
    folder = checkpoint(0)
    AutoTokenizer.from_pretrained(folder)
    logits = AutoModelForCausalLM.from_pretrained(folder)(torch.tensor([[0, 3, 1]])).logits
    logits.log_softmax(-1).sum().backward()
