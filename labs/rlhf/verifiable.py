"""What rewards that a program can check need: beginnings of reviews, and measures of what a policy writes.

A task of this kind has no reward model: a function looks at the text and says 1 or 0.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

NEW_TOKENS = 16  # the longest response of lab 07's runs


def openings(tokenizer: Any, count: int = 512, low: int = 3, high: int = 8, seed: int = 0) -> list[str]:
    """The first `low` to `high` − 1 tokens of `count` reviews: prompts that are no sentence yet.

    Openings in which a sentence already ends, or a line, are left out: they decide the task before it begins.
    """
    from rlhf.data import load_reviews

    drawn = random.Random(seed)
    reviews = load_reviews()["text"]
    order = list(range(len(reviews)))
    drawn.shuffle(order)
    found: list[str] = []
    for place in order:
        ids = tokenizer(str(reviews[place])[:200])["input_ids"][: drawn.randrange(low, high)]
        text = tokenizer.decode(ids).strip()
        if text and not any(mark in text for mark in ".!?<\n"):
            found.append(text)
        if len(found) == count:
            break
    return found


def measured(model: Any, reference: Any, tokenizer: Any, prompts: Sequence[str], seed: int = 0) -> dict[str, Any]:
    """Sample a response to each prompt and measure it.

    Args:
        model: a causal language model.
        reference: another one with the same tokens.
        tokenizer: pads on the left.
        prompts: one response is drawn for each, at temperature 1, unfiltered, of at most `NEW_TOKENS` tokens.
        seed: of the sampling; PyTorch's own generator is left as it was.

    Returns:
        texts (prompt and response), KL to the reference in nats (a response's sum, the mean over responses), length
        (tokens, EOS included) and distinct (share of different tokens among all that were written).
    """
    import torch

    was = model.training
    model.eval()
    inputs = tokenizer(list(prompts), return_tensors="pt", padding=True)
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(seed)
        ids = model.generate(
            **inputs, max_new_tokens=NEW_TOKENS, do_sample=True, top_k=0, top_p=1.0, pad_token_id=tokenizer.eos_token_id
        )
        start = inputs["input_ids"].shape[1]
        written, mask = ids[:, start:], _until_eos(ids[:, start:], tokenizer.eos_token_id)
        attention = torch.cat([inputs["attention_mask"], mask.long()], dim=1)
        gaps = [log_probs(one, ids, attention, start) for one in (model, reference)]
    model.train(was)
    kl = ((gaps[0] - gaps[1]) * mask).sum(1).mean().item()
    texts = [
        prompt + tokenizer.decode(row[keep], skip_special_tokens=True)
        for prompt, row, keep in zip(prompts, written, mask, strict=True)
    ]
    tokens = written[mask]
    distinct = len(tokens.unique()) / max(1, len(tokens))
    return {"texts": texts, "KL": kl, "length": mask.sum(1).double().mean().item(), "distinct": distinct}


def _until_eos(ids: torch.Tensor, eos: int) -> torch.Tensor:
    """True up to the first EOS of each row, which counts."""
    ended = (ids == eos).cumsum(1)
    return (ended == 0) | ((ended == 1) & (ids == eos))


def log_probs(model: Any, ids: torch.Tensor, attention: torch.Tensor, start: int) -> torch.Tensor:
    """Log-probs of the tokens from `start` on, float [batch, length − start], in nats.

    Args:
        model: a causal language model.
        ids: int64 [batch, length].
        attention: int64 [batch, length], 1 for tokens, 0 for padding on either side.
        start: the first place that counts, at least 1.
    """
    places = (attention.cumsum(1) - 1).clamp(min=0)
    logits = model(input_ids=ids, attention_mask=attention, position_ids=places).logits[:, start - 1 : -1]
    chosen: torch.Tensor = logits.log_softmax(-1).gather(-1, ids[:, start:, None]).squeeze(-1)
    return chosen


def history(log: Sequence[Mapping[str, Any]]) -> dict[str, list[float]]:
    """Of a trainer's `state.log_history` what lab 07 draws: reward, length, share of groups that teach nothing."""
    rows = [row for row in log if "reward" in row]
    names = {
        "reward": "reward",
        "length": "completions/mean_length",
        "equal groups": "frac_reward_zero_std",
        "entropy": "entropy",
    }
    return {ours: [float(row[theirs]) for row in rows] for ours, theirs in names.items() if theirs in rows[0]}


def shipped_runs() -> dict[str, dict[str, dict[str, Any]]]:
    """The runs of lab 07 that come with the kit: name of a run -> seed -> what was measured; runs/ has their card.

    A run has `reward`, `length`, `equal groups` and `entropy`, a number for each step, and `looks` at the policy: step,
    KL, length, distinct and six texts.
    """
    import json
    from pathlib import Path

    path = Path(__file__).parent / "runs" / "grpo.json"
    found: dict[str, dict[str, dict[str, Any]]] = json.loads(path.read_text(encoding="utf-8"))
    return found
