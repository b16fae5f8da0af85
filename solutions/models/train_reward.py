"""Train the reward model that ships, on the human ratings, from the tiny policy's body; stop and resume at any time.

    python solutions/models/train_reward.py --out labs/rlhf/weights/reward --work build/reward

Every step takes a batch of snippets and compares all of them with each other: the loss of a pair is the cross-entropy
between σ(r_i − r_j) and the share of rater pairs that prefer i, ties half. One idle core needs about four minutes.
The 1,000 snippets that `rlhf.split_ratings` holds out are never trained on, nor used to choose anything: with
--dev, 1,000 of the others are put aside to compare recipes on.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from agreement import accuracy, agreement, histograms
from torch.nn.utils.rnn import pad_sequence
from transformers import AutoTokenizer, GPT2ForSequenceClassification, PreTrainedTokenizerBase

from rlhf.models import WEIGHTS
from rlhf.reward import score_texts, split_ratings

DEV = 1_000
GROUP = 16
PAD = 1  # any id but that of EOS: transformers warns of inputs that end in EOS without a mask


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the weights; saved beside them."""

    batch: int = 64
    steps: int = 800
    lr: float = 3e-4
    head_lr: float = 3e-3
    weight_decay: float = 0.01
    warmup: float = 0.1
    dropout: float = 0.1
    seed: int = 0

    def lr_scale(self, step: int) -> float:
        """Warm up, then fall linearly to zero: the factor of both learning rates at `step`, in [0, 1]."""
        at = step / self.steps
        return min(at / self.warmup, (1.0 - at) / (1.0 - self.warmup))


def new_model(recipe: Recipe, tokenizer: PreTrainedTokenizerBase) -> GPT2ForSequenceClassification:
    """The tiny policy's body, and a head that starts at zero: every text has reward 0."""
    model = GPT2ForSequenceClassification.from_pretrained(
        WEIGHTS / "tiny",
        num_labels=1,
        torch_dtype=torch.float32,
        resid_pdrop=recipe.dropout,
        embd_pdrop=recipe.dropout,
        attn_pdrop=recipe.dropout,
        pad_token_id=tokenizer.eos_token_id,
    )
    torch.nn.init.zeros_(model.score.weight)
    return model


def batches(count: int, recipe: Recipe, start: int) -> Iterator[np.ndarray[Any, np.dtype[np.int64]]]:
    """Places of the snippets of each step, `[batch]`; every epoch in a new order, known from the seed."""
    per_epoch, step = count // recipe.batch, start
    while True:
        epoch, at = divmod(step, per_epoch)
        order = np.random.default_rng([recipe.seed, epoch]).permutation(count)
        yield order[at * recipe.batch : (at + 1) * recipe.batch]
        step += 1


def rewards_of(model: GPT2ForSequenceClassification, rows: list[list[int]]) -> torch.Tensor:
    """The reward at the last token of each row of ids, float32 `[batch]`; padded on the right, where no token looks."""
    by_length = sorted(range(len(rows)), key=lambda place: len(rows[place]))
    rewards = torch.empty(len(rows))
    for places in (by_length[i : i + GROUP] for i in range(0, len(rows), GROUP)):  # little padding in each
        lengths = torch.tensor([len(rows[place]) for place in places])
        ids = pad_sequence([torch.tensor(rows[place]) for place in places], batch_first=True, padding_value=PAD)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            hidden = model.transformer(ids, use_cache=False).last_hidden_state
        last = hidden[torch.arange(len(places)), lengths - 1].float()
        rewards = rewards.index_put((torch.tensor(places),), model.score(last).squeeze(-1))
    return rewards


def all_pairs_loss(rewards: torch.Tensor, shares: torch.Tensor) -> torch.Tensor:
    """Mean Bradley–Terry cross-entropy over all pairs of the batch, nats; rewards `[batch]`, shares `[batch, 9]`."""
    i, j = torch.triu_indices(len(rewards), len(rewards), offset=1)
    return F.binary_cross_entropy_with_logits(rewards[i] - rewards[j], agreement(shares, shares)[i, j])


def optimizer(model: GPT2ForSequenceClassification, recipe: Recipe) -> torch.optim.Optimizer:
    """AdamW; weight decay on the matrices only, a higher rate for the head, which starts from nothing."""
    body = list(model.transformer.parameters())
    return torch.optim.AdamW(
        [
            {"params": [p for p in body if p.ndim == 2], "weight_decay": recipe.weight_decay, "lr": recipe.lr},
            {"params": [p for p in body if p.ndim != 2], "weight_decay": 0.0, "lr": recipe.lr},
            {"params": list(model.score.parameters()), "weight_decay": 0.0, "lr": recipe.head_lr},
        ],
        betas=(0.9, 0.98),
        fused=True,
    )


@torch.no_grad()
def centre(model: GPT2ForSequenceClassification, mean: float) -> None:
    """Shift all rewards by −`mean`, exactly, through the bias of the last layer norm: the head has none."""
    weight = model.score.weight[0]
    model.transformer.ln_f.bias -= mean * weight / weight.square().sum()


def train(recipe: Recipe, out: Path, work: Path, dev: bool, save_every: int) -> None:
    """Train from the newest checkpoint under `work` to the end of the recipe, then save fp16 weights to `out`."""
    tokenizer = AutoTokenizer.from_pretrained(WEIGHTS / "tiny", padding_side="right")
    tokenizer.pad_token = tokenizer.eos_token
    rated, _ = split_ratings()
    order = np.random.default_rng(DEV).permutation(len(rated))  # the rows are sorted: good reviews come first
    test = rated.select(order[:DEV]) if dev else None
    rated = rated.select(order[DEV:]) if dev else rated
    ids, shares = tokenizer(list(rated["text"]))["input_ids"], histograms(list(rated["ratings"]))
    torch.manual_seed(recipe.seed)
    model = new_model(recipe, tokenizer).train()
    optim = optimizer(model, recipe)
    base = [group["lr"] for group in optim.param_groups]
    checkpoint, step = work / "checkpoint.pt", 0
    work.mkdir(parents=True, exist_ok=True)
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        model.load_state_dict(state["model"])
        optim.load_state_dict(state["optimizer"])
        step = state["step"]
        print(f"resuming at step {step} of {recipe.steps}", flush=True)
    rows, started, losses = batches(len(ids), recipe, step), time.monotonic(), []
    while step < recipe.steps:
        torch.manual_seed(recipe.seed + step)  # the same dropout whether or not the run was stopped here
        for group, lr in zip(optim.param_groups, base, strict=True):
            group["lr"] = lr * recipe.lr_scale(step + 1)
        chosen = next(rows)
        loss = all_pairs_loss(rewards_of(model, [ids[k] for k in chosen]), shares[chosen])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optim.step()
        optim.zero_grad(set_to_none=True)
        step, losses = step + 1, [*losses[-49:], loss.item()]
        if step % 50 == 0:
            pace = (time.monotonic() - started) / 50
            started = time.monotonic()
            print(f"step {step}/{recipe.steps}  loss {sum(losses) / len(losses):.4f}  {pace:.2f} s a step", flush=True)
        if step % save_every == 0 or step == recipe.steps:
            part = checkpoint.with_suffix(".part")
            torch.save({"model": model.state_dict(), "optimizer": optim.state_dict(), "step": step}, part)
            part.replace(checkpoint)
            if test is not None:
                found = accuracy(score_texts(model, tokenizer, list(test["text"])), torch.tensor(list(test["mean"])))
                print(f"step {step}  dev: gap >= 1 {found.wide:.4f}, all pairs {found.every:.4f}", flush=True)
                started = time.monotonic()
    model.eval()
    centre(model, score_texts(model, tokenizer, list(rated["text"])).mean().item())
    model.config._name_or_path = ""  # else the config would tell where this machine keeps its files
    model.half().save_pretrained(out)
    tokenizer.save_pretrained(out)
    (out / "recipe.json").write_text(json.dumps(asdict(recipe), indent=1) + "\n")


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="where the model and its tokenizer go")
    parser.add_argument("--work", type=Path, required=True, help="where checkpoints are kept")
    parser.add_argument("--dev", action="store_true", help="put 1,000 training snippets aside and measure on them")
    parser.add_argument("--save-every", type=int, default=100, help="steps between checkpoints")
    parser.add_argument("--threads", type=int, default=2, help="cores to use: 1 is faster where others are busy")
    for field in fields(Recipe):
        name = "--" + field.name.replace("_", "-")
        parser.add_argument(name, type=type(field.default), default=field.default, help="default: %(default)s")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    recipe = Recipe(**{field.name: getattr(args, field.name) for field in fields(Recipe)})
    train(recipe, args.out, args.work, args.dev, args.save_every)


if __name__ == "__main__":
    main()
