"""Small reward models: a linear map on what a language model makes of a text, fitted to few human ratings."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from rlhf.reward import score_texts, split_ratings

if TYPE_CHECKING:
    import torch

RIDGE = 1.0


@dataclass(frozen=True)
class Probe:
    """A linear map on hidden states: `slope` float64 `[width]`, and `level`, the score where a state is 0."""

    model: Any
    tokenizer: Any
    slope: torch.Tensor
    level: float

    def __call__(self, texts: Sequence[str]) -> torch.Tensor:
        """Scores of texts, float32 `[texts]`."""
        return self.of(last_hidden(self.model, self.tokenizer, texts))

    def of(self, hidden: torch.Tensor) -> torch.Tensor:
        """Scores of texts whose hidden states are known: `[texts, width]` to float32 `[texts]`."""
        return (hidden.double() @ self.slope + self.level).float()


def fit_probe(model: Any, tokenizer: Any, count: int, *, seed: int) -> Probe:
    """A scorer of texts, fitted by ridge regression to the mean ratings of `count` snippets.

    It reads the model's last hidden state at the last token. The snippets are drawn from those that the shipped reward
    model may have learned from, never from the held-out ones.

    Args:
        model: a GPT-2; only its body is used, and it stays as it is.
        tokenizer: its tokenizer.
        count: how many snippets, 2 or more.
        seed: which ones.

    Raises:
        LabError: the ratings were not fetched.
    """
    import torch

    learned, _ = split_ratings()
    rows = learned.select(random.Random(seed).sample(range(len(learned)), count))
    hidden = last_hidden(model, tokenizer, list(rows["text"])).double()
    means = torch.tensor(rows["mean"], dtype=torch.float64)
    centre = hidden.mean(0)
    away = hidden - centre
    gram = away.T @ away + RIDGE * count * torch.eye(hidden.shape[1], dtype=torch.float64)
    slope = torch.linalg.solve(gram, away.T @ (means - means.mean()))
    return Probe(model, tokenizer, slope, float(means.mean() - centre @ slope))


def last_hidden(model: Any, tokenizer: Any, texts: Sequence[str]) -> torch.Tensor:
    """The last hidden state at each text's last token, float32 `[texts, width]`."""
    import torch

    found: list[torch.Tensor] = []

    def keep(last: torch.Tensor) -> torch.Tensor:
        found.append(last)
        return last[:, :1]

    body = SimpleNamespace(
        training=model.training, eval=model.eval, train=model.train, base_model=model.transformer, score=keep
    )
    ids = tokenizer(list(texts), truncation=True, max_length=256)["input_ids"]
    order = sorted(range(len(ids)), key=lambda place: len(ids[place]))
    score_texts(body, tokenizer, [texts[place] for place in order])
    rows = torch.empty(len(texts), found[0].shape[-1])
    rows[order] = torch.cat(found)
    return rows
