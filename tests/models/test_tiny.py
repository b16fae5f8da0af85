"""The tiny policy that ships: its size, its class, and the held-out loss that its card claims."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from transformers import AutoModelForCausalLM, AutoTokenizer, GPT2LMHeadModel, GPT2TokenizerFast

import rlhf

ROOT = Path(__file__).resolve().parents[2]
TINY = ROOT / "labs" / "rlhf" / "weights" / "tiny"
REVIEWS = 40


@pytest.fixture
def card() -> dict[str, tuple[float, float]]:
    """Nats a token and nats a byte of each model, read from the card."""
    rows = re.findall(r"^\| \**(.+?)\** \| ([\d.]+) \| ([\d.]+) \|$", (TINY / "README.md").read_text(), re.M)
    return {name: (float(token), float(byte)) for name, token, byte in rows}


def test_it_is_a_gpt2_of_at_most_16_megabytes_that_the_auto_classes_load() -> None:
    assert sum(file.stat().st_size for file in TINY.iterdir()) <= 16e6
    assert isinstance(AutoModelForCausalLM.from_pretrained(TINY), GPT2LMHeadModel)
    tokenizer = AutoTokenizer.from_pretrained(TINY)
    assert isinstance(tokenizer, GPT2TokenizerFast)
    assert set(tokenizer("A film")) == {"input_ids", "attention_mask"}


def test_the_tokenizer_gives_every_text_back() -> None:
    tokenizer = AutoTokenizer.from_pretrained(TINY)
    for text in ["This movie is", "naïve – 10/10 \n\n 😀", " two  spaces ", *rlhf.load_reviews()["text"][:20]]:
        assert tokenizer.decode(tokenizer(text).input_ids, clean_up_tokenization_spaces=False) == text


def test_the_card_puts_it_below_every_baseline(card: dict[str, tuple[float, float]]) -> None:
    tiny = card.pop("tiny")
    assert len(card) == 4
    assert all(tiny[0] < token and tiny[1] < byte for token, byte in card.values())
    assert tiny[0] < 4.21
    assert tiny[1] < 1.15


def test_the_held_out_loss_is_the_one_on_the_card(
    card: dict[str, tuple[float, float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the first 40 of the 500 held-out reviews, whose loss lies within 0.1 of that of all."""
    monkeypatch.syspath_prepend(str(ROOT / "solutions" / "models"))
    import corpus
    import train_tiny

    texts = corpus.split_reviews(rlhf.load_reviews()["text"]).held_out[:REVIEWS]
    model, tokenizer = rlhf.load_policy("tiny")
    stream = corpus.to_stream(texts, tokenizer).astype(np.uint16)
    recipe = json.loads((TINY / "recipe.json").read_text())
    loss = train_tiny.held_out_loss(model, stream, recipe["context"])
    assert loss == pytest.approx(card["tiny"][0], abs=0.1)
    for name in ("corpus", "train_tiny"):
        sys.modules.pop(name)
