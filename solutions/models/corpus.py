"""The text the tiny policy learns from: IMDb reviews without repeats, split by whole reviews, as token ids."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import ByteLevelBPETokenizer
from transformers import GPT2TokenizerFast

EOS = "<|endoftext|>"
HELD_OUT = 500
SPLIT_SEED = 2026


@dataclass(frozen=True)
class Split:
    """Whole reviews, none of them twice: `train` to learn from, `held_out` to measure on."""

    train: list[str]
    held_out: list[str]


def clean(text: str) -> str:
    """HTML line breaks become newlines; nothing else changes.

    >>> clean("Good.<br /><br />Very good.")
    'Good.\\nVery good.'
    """
    return re.sub(r"\s*(<br\s*/?>\s*)+", "\n", text).strip()


def split_reviews(reviews: list[str], held_out: int = HELD_OUT, seed: int = SPLIT_SEED) -> Split:
    """Drop repeated reviews, then hold out `held_out` whole ones, chosen by `seed`."""
    unique = list(dict.fromkeys(clean(review) for review in reviews))
    order = np.random.default_rng(seed).permutation(len(unique))
    return Split(
        train=[unique[i] for i in order[held_out:]],
        held_out=[unique[i] for i in order[:held_out]],
    )


def train_tokenizer(texts: list[str], vocab_size: int, out: Path) -> GPT2TokenizerFast:
    """Learn a byte-level BPE on `texts` and save it to `out` as a `GPT2TokenizerFast`.

    The class matters: a bare `PreTrainedTokenizerFast` also returns `token_type_ids`, which GPT-2 would add to its
    embeddings.
    """
    bpe = ByteLevelBPETokenizer()
    bpe.train_from_iterator(texts, vocab_size=vocab_size, min_frequency=2, special_tokens=[EOS], show_progress=False)
    out.mkdir(parents=True, exist_ok=True)
    bpe.save_model(str(out))
    tokenizer = GPT2TokenizerFast(
        vocab_file=str(out / "vocab.json"),
        merges_file=str(out / "merges.txt"),
        bos_token=EOS,
        eos_token=EOS,
        unk_token=EOS,
    )
    tokenizer.save_pretrained(out)
    return tokenizer


def to_stream(texts: list[str], tokenizer: GPT2TokenizerFast) -> NDArray[np.int64]:
    """All reviews in one row of ids, each one preceded by the end-of-text token: int64 `[tokens]`."""
    eos = tokenizer.eos_token_id
    ids = tokenizer(texts, add_special_tokens=False, verbose=False)["input_ids"]
    return np.concatenate([np.array([eos, *row], dtype=np.int64) for row in ids])
