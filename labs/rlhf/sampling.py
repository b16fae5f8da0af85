"""What a policy writes: beginnings of reviews, responses to them, and how probable two models find those responses."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rlhf.quiet import quiet_transformers

if TYPE_CHECKING:
    import torch

PROMPT_TOKENS = 4
NEW_TOKENS = 16
BATCH = 256
ENDS = re.compile(r"[.!?\n]")


@dataclass(frozen=True)
class Responses:
    """Responses to beginnings of reviews, a row each; what stands behind a response's EOS is filling.

    `prompt_ids` int64 `[responses, 4]`, `ids` int64 `[responses, new tokens]`, `mask` bool of the same shape, True at
    the tokens of a response, its EOS included; `texts` are beginning and response together, without special tokens.
    """

    prompt_ids: torch.Tensor
    ids: torch.Tensor
    mask: torch.Tensor
    ended: list[bool]
    texts: list[str]

    def __len__(self) -> int:
        return len(self.texts)


def beginnings(tokenizer: Any, count: int, *, first: int = 0) -> list[str]:
    """The first four tokens of `count` reviews, all different, in the order of a fixed shuffle.

    Only beginnings that become the same four tokens again are taken, so that texts and ids say the same, and none in
    which a sentence has ended already.

    Args:
        tokenizer: that of the policy.
        count: how many.
        first: how many to pass over: `beginnings(t, 100, first=900)` shares nothing with `beginnings(t, 900)`.
    """
    from rlhf.data import load_reviews

    reviews = load_reviews().shuffle(seed=8)
    found: dict[str, None] = {}
    for start in range(0, len(reviews), 1000):
        texts = [text[:60] for text in reviews[start : start + 1000]["text"]]
        rows = [row[:PROMPT_TOKENS] for row in tokenizer(texts)["input_ids"]]
        again = tokenizer.batch_decode(rows)
        for text, row, back in zip(again, rows, tokenizer(again)["input_ids"], strict=True):
            if back == row and len(row) == PROMPT_TOKENS and not ENDS.search(text):
                found.setdefault(text)
        if len(found) >= first + count:
            break
    return list(found)[first : first + count]


def respond(
    model: Any, tokenizer: Any, prompts: Sequence[str], *, seed: int, new_tokens: int = NEW_TOKENS
) -> Responses:
    """One response to each prompt, drawn from all that the model would say: temperature 1, no filter.

    Args:
        model: a causal language model; it is in eval mode meanwhile.
        tokenizer: its tokenizer; EOS fills up what ended early.
        prompts: beginnings of equally many tokens, such as those of `beginnings`.
        seed: of torch's generator, which is as before afterwards.
        new_tokens: where a response is cut off.

    Raises:
        ValueError: the prompts are not equally long.
    """
    import torch

    rows = tokenizer(list(prompts))["input_ids"]
    if len({len(row) for row in rows}) != 1:
        raise ValueError(f"expected prompts of equally many tokens, found {sorted({len(row) for row in rows})}")
    prompt_ids, parts = torch.tensor(rows), []
    training = model.training
    model.eval()
    with torch.no_grad(), torch.random.fork_rng(devices=[]), quiet_transformers():
        torch.manual_seed(seed)
        for part in torch.split(prompt_ids, BATCH):
            found = model.generate(
                part, attention_mask=torch.ones_like(part), do_sample=True, top_k=0, top_p=1.0, temperature=1.0,
                max_new_tokens=new_tokens, pad_token_id=tokenizer.eos_token_id,
            )[:, part.shape[1] :]  # fmt: skip
            parts.append(torch.nn.functional.pad(found, (0, new_tokens - found.shape[1]), value=tokenizer.eos_token_id))
    model.train(training)
    ids = torch.cat(parts)
    is_eos = (ids == tokenizer.eos_token_id).long()
    mask = is_eos.cumsum(-1) - is_eos == 0
    spoken = ids.masked_fill(~mask, tokenizer.eos_token_id)
    texts = tokenizer.batch_decode(torch.cat([prompt_ids, spoken], dim=1), skip_special_tokens=True)
    return Responses(prompt_ids, spoken, mask, is_eos.any(-1).tolist(), texts)


def token_logps(model: Any, responses: Responses) -> torch.Tensor:
    """Log π(y_t | x, y_<t) of each token, float32 `[responses, new tokens]`; behind EOS it says nothing."""
    import torch

    whole = torch.cat([responses.prompt_ids, responses.ids], dim=1)
    start, parts = responses.prompt_ids.shape[1], []
    training = model.training
    model.eval()
    with torch.no_grad():
        for part in torch.split(whole, BATCH):
            logits = model(part, attention_mask=torch.ones_like(part)).logits[:, start - 1 : -1].float()
            parts.append(logits.log_softmax(-1).gather(-1, part[:, start:, None]).squeeze(-1))
    model.train(training)
    return torch.cat(parts)
