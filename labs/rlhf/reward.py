"""The shipped reward model: `load_reward_model` loads it, `score_texts` gives each text one number, `split_ratings`
names the snippets that it never saw.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from labkit.errors import LabError
from rlhf.models import WEIGHTS, _need
from rlhf.quiet import quiet_transformers

if TYPE_CHECKING:
    import torch
    from datasets import Dataset
    from transformers import GPT2ForSequenceClassification, PreTrainedTokenizerBase

HELD_OUT = 1_000
LONGEST = 256


def load_reward_model() -> tuple[GPT2ForSequenceClassification, PreTrainedTokenizerBase]:
    """The reward model that comes with the kit, in float32, in eval mode, frozen, and its tokenizer.

    It is the body of the tiny policy with one output, trained on the human ratings (see its card,
    `rlhf/weights/reward/README.md`). Rewards are on the Bradley–Terry scale: σ(r_a − r_b) estimates how probable it
    is that a random rater of text a likes it better than a random rater of text b likes b. Their mean over the training
    snippets is 0. The tokenizer is the tiny policy's, so token ids can be passed on; it pads on the right.

    >>> model, tokenizer = load_reward_model()
    >>> good, bad = score_texts(model, tokenizer, ["A wonderful film.", "A dull film."])

    Raises:
        LabError: the weights are missing.
    """
    import torch
    from transformers import AutoTokenizer, GPT2ForSequenceClassification

    remedy = "Install rlhf again from a complete copy of the folder labs."
    folder = _need(WEIGHTS / "reward", "The weights of the reward model are missing", remedy)
    with quiet_transformers():
        tokenizer = AutoTokenizer.from_pretrained(folder, padding_side="right")
        model = GPT2ForSequenceClassification.from_pretrained(folder, torch_dtype=torch.float32)
    return model.eval().requires_grad_(False), tokenizer


def score_texts(
    model: Any, tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], *, batch_size: int = 64
) -> torch.Tensor:
    """The reward of each text, read at its last token: float32 `[texts]`, without a gradient.

    Texts of equally many tokens are scored together, so there is no padding, and the reward of a text does not depend
    on its neighbours. Nothing is added before or after a text; only the first 256 tokens of a longer one count.

    Args:
        model: a `GPT2ForSequenceClassification` with one label, such as that of `load_reward_model`.
        tokenizer: the tokenizer that `model` was trained with.
        texts: plain texts, without special tokens: decode with `skip_special_tokens=True`.
        batch_size: how many texts at a time.

    Raises:
        LabError: `texts` is one string, or one of the texts is empty: there is no token to read its reward at.
    """
    import torch

    if isinstance(texts, str):
        raise LabError("score_texts expects a list of texts, found one string.", "Write [text] instead of text.")
    ids = tokenizer(list(texts), truncation=True, max_length=LONGEST)["input_ids"] if len(texts) else []
    by_length: dict[int, list[int]] = defaultdict(list)
    for place, row in enumerate(ids):
        by_length[len(row)].append(place)
    if 0 in by_length:
        raise LabError(
            f"Text {by_length[0][0]} of {len(texts)} is empty: it has no token to read a reward at.",
            "Score prompt and response together, or leave empty responses out.",
        )
    rewards = torch.empty(len(ids))
    training = model.training
    model.eval()
    with torch.no_grad():
        for places in by_length.values():
            for start in range(0, len(places), batch_size):
                chosen = places[start : start + batch_size]
                hidden = model.base_model(torch.tensor([ids[place] for place in chosen])).last_hidden_state
                rewards[chosen] = model.score(hidden[:, -1]).squeeze(-1)
    model.train(training)
    return rewards


def split_ratings(ratings: Dataset | None = None) -> tuple[Dataset, Dataset]:
    """The human ratings as (9,605 to learn from, 1,000 held out), columns as in `load_ratings`.

    Held out are the 1,000 snippets whose text has the smallest SHA-256: chosen by chance, but the same 1,000 whatever
    the order of the rows, and a text that occurs twice is never on both sides. The shipped reward model saw none of
    them.

    Args:
        ratings: the result of `load_ratings`; loaded if not given.

    Raises:
        LabError: the ratings were not fetched.
    """
    if ratings is None:
        from rlhf.data import load_ratings

        ratings = load_ratings()
    digests = [hashlib.sha256(text.strip().lower().encode()).hexdigest() for text in ratings["text"]]
    order = sorted(range(len(digests)), key=lambda place: (digests[place], place))
    return ratings.select(sorted(order[HELD_OUT:])), ratings.select(sorted(order[:HELD_OUT]))
