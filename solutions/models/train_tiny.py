"""Train the tiny policy, a GPT-2 of 4.3 million parameters, on the IMDb reviews; stop and resume at any time.

    python solutions/models/train_tiny.py --out labs/rlhf/weights/tiny --work build/tiny

Matrices of the blocks are updated by Muon (Jordan et al. 2024, momentum orthogonalised by Newton–Schulz), all other
parameters by AdamW. The learning rate warms up, stays, and falls linearly to zero over the last third of the tokens.
Checkpoints lie under --work; the same command goes on from the newest one. Two CPU cores need about an hour.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from corpus import split_reviews, to_stream, train_tokenizer
from numpy.typing import NDArray
from transformers import GPT2Config, GPT2LMHeadModel, GPT2TokenizerFast

from rlhf import load_reviews


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the weights; saved beside them."""

    vocab_size: int = 4096
    width: int = 256
    layers: int = 4
    heads: int = 4
    context: int = 256
    batch: int = 16
    tokens: int = 18_432_000
    warmup: float = 0.02
    decay: float = 0.33
    lr_matrices: float = 0.02
    lr_other: float = 3e-3
    weight_decay: float = 0.01
    seed: int = 0

    @property
    def steps(self) -> int:
        """Optimizer steps, each on `batch * context` tokens."""
        return self.tokens // (self.batch * self.context)

    def lr_scale(self, step: int) -> float:
        """Warm up, stay, decay: the factor of both learning rates at `step`, in [0, 1]."""
        at = step / self.steps
        return min(1.0, at / self.warmup, max(0.0, 1.0 - at) / self.decay)


def new_model(recipe: Recipe, eos: int) -> GPT2LMHeadModel:
    """A GPT-2 with random weights. `gelu_pytorch_tanh` is `gelu_new` in one fused call."""
    torch.manual_seed(recipe.seed)
    return GPT2LMHeadModel(
        GPT2Config(
            vocab_size=recipe.vocab_size,
            n_positions=recipe.context,
            n_embd=recipe.width,
            n_layer=recipe.layers,
            n_head=recipe.heads,
            activation_function="gelu_pytorch_tanh",
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
            bos_token_id=eos,
            eos_token_id=eos,
        )
    )


def batches(stream: NDArray[np.uint16], recipe: Recipe, start: int) -> Iterator[torch.Tensor]:
    """Rows of `context + 1` ids, int64 `[batch, context + 1]`; every epoch in a new order, known from the seed."""
    rows = (len(stream) - 1) // recipe.context
    per_epoch = rows // recipe.batch
    step = start
    while True:
        epoch, at = divmod(step, per_epoch)
        rng = np.random.default_rng([recipe.seed, epoch])
        offset = int(rng.integers(recipe.context))
        order = rng.permutation((len(stream) - 1 - offset) // recipe.context)
        chosen = order[at * recipe.batch : (at + 1) * recipe.batch]
        starts = offset + chosen * recipe.context
        yield torch.from_numpy(np.stack([stream[s : s + recipe.context + 1] for s in starts]).astype(np.int64))
        step += 1


def next_token_loss(model: GPT2LMHeadModel, rows: torch.Tensor) -> torch.Tensor:
    """Mean negative log-probability of each next token, in nats; rows int64 `[batch, context + 1]`."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = model(rows[:, :-1], use_cache=False).logits
    return F.cross_entropy(logits.flatten(0, 1).float(), rows[:, 1:].flatten())


@torch.no_grad()
def held_out_loss(model: GPT2LMHeadModel, stream: NDArray[np.uint16], context: int, batch: int = 32) -> float:
    """Nats a token over the whole stream, in windows of `context` tokens without overlap, in float32."""
    model.eval()
    ids = torch.from_numpy(stream.astype(np.int64))
    total, count = 0.0, 0
    starts = list(range(0, len(ids) - 1, context))
    for i in range(0, len(starts), batch):
        rows = [ids[s : s + context + 1] for s in starts[i : i + batch]]
        padded = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=-100)
        logits = model(padded[:, :-1].clamp(min=0)).logits
        total += F.cross_entropy(logits.flatten(0, 1), padded[:, 1:].flatten(), reduction="sum").item()
        count += int((padded[:, 1:] != -100).sum())
    model.train()
    return total / count


def optimizers(model: GPT2LMHeadModel, recipe: Recipe) -> list[torch.optim.Optimizer]:
    """Muon for the matrices inside the blocks, AdamW for embeddings, biases and layer norms."""
    matrices = [p for n, p in model.named_parameters() if ".h." in n and p.ndim == 2]
    others = [p for n, p in model.named_parameters() if not (".h." in n and p.ndim == 2)]
    return [
        torch.optim.Muon(matrices, lr=recipe.lr_matrices, weight_decay=recipe.weight_decay),
        torch.optim.AdamW(others, lr=recipe.lr_other, betas=(0.9, 0.95), weight_decay=0.0, fused=True),
    ]


def load_streams(work: Path, tokenizer_dir: Path, recipe: Recipe) -> tuple[GPT2TokenizerFast, list[NDArray[np.uint16]]]:
    """The tokenizer, and the training and held-out streams; made once, kept under `work`."""
    files = [work / "train.npy", work / "held_out.npy"]
    if not all(f.exists() for f in files):
        split = split_reviews(load_reviews()["text"])
        tokenizer = train_tokenizer(split.train, recipe.vocab_size, tokenizer_dir)
        work.mkdir(parents=True, exist_ok=True)
        for file, texts in zip(files, (split.train, split.held_out), strict=True):
            np.save(file, to_stream(texts, tokenizer).astype(np.uint16))
    return GPT2TokenizerFast.from_pretrained(tokenizer_dir), [np.load(f) for f in files]


def train(recipe: Recipe, out: Path, work: Path, compiled: bool, save_every: int) -> None:
    """Train from the newest checkpoint under `work` to the end of the recipe, then save fp16 weights to `out`."""
    tokenizer, (stream, held_out) = load_streams(work, out, recipe)
    model = new_model(recipe, tokenizer.eos_token_id).train()
    optims = optimizers(model, recipe)
    checkpoint, step = work / "checkpoint.pt", 0
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        model.load_state_dict(state["model"])
        for optim, saved in zip(optims, state["optimizers"], strict=True):
            optim.load_state_dict(saved)
        step = state["step"]
        print(f"resuming at step {step} of {recipe.steps}", flush=True)
    loss_of = torch.compile(next_token_loss) if compiled else next_token_loss
    base = [group["lr"] for optim in (optimizers(model, recipe)) for group in optim.param_groups]
    rows, started, seen, running = batches(stream, recipe, step), time.monotonic(), 0, math.nan
    while step < recipe.steps:
        groups = [group for optim in optims for group in optim.param_groups]
        for group, lr in zip(groups, base, strict=True):
            group["lr"] = lr * recipe.lr_scale(step + 1)
        loss = loss_of(model, next(rows))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optim in optims:
            optim.step()
            optim.zero_grad(set_to_none=True)
        step, seen = step + 1, seen + recipe.batch * recipe.context
        running = loss.item() if math.isnan(running) else 0.98 * running + 0.02 * loss.item()
        if step % 50 == 0:
            rate = seen / (time.monotonic() - started)
            left = (recipe.steps - step) * recipe.batch * recipe.context / rate / 60
            print(
                f"step {step}/{recipe.steps}  loss {running:.3f}  {rate:.0f} tokens/s  {left:.0f} min left", flush=True
            )
        if step % save_every == 0 or step == recipe.steps:
            part = checkpoint.with_suffix(".part")
            saved = {"model": model.state_dict(), "optimizers": [o.state_dict() for o in optims], "step": step}
            torch.save(saved, part)
            part.replace(checkpoint)
            print(f"step {step}  held out {held_out_loss(model, held_out[:40_000], recipe.context):.3f}", flush=True)
    model.half().save_pretrained(out)
    (out / "recipe.json").write_text(json.dumps(asdict(recipe), indent=1) + "\n")


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="where the model and its tokenizer go")
    parser.add_argument("--work", type=Path, required=True, help="where token streams and checkpoints are kept")
    parser.add_argument("--tokens", type=int, default=Recipe.tokens, help="tokens to train on (default: %(default)s)")
    parser.add_argument("--compile", action="store_true", help="use torch.compile: needs g++, a quarter faster")
    parser.add_argument("--save-every", type=int, default=250, help="steps between checkpoints")
    args = parser.parse_args()
    torch.set_num_threads(2)
    train(Recipe(tokens=args.tokens), args.out, args.work, args.compile, args.save_every)


if __name__ == "__main__":
    main()
