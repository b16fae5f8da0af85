"""Measure the policies of lab 08, find the scale at which each costs as much as best-of-16, and write their card.

    python solutions/models/card_policies.py --out labs/rlhf/weights/policies     # in either environment

It also looks for a hump with a learned gold: best-of-n by proxies that learned from few snippets.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from train_policies import HELD_OUT

import rlhf
from rlhf.proxies import fit_probe, last_hidden
from rlhf.sampling import beginnings, respond, token_logps
from rlhf.variants import load_variant, stops_curves

N = 16
TARGET = math.log(N) - (N - 1) / N
PROMPTS, SEARCH, SEED = 256, 128, 11
GUESSES = 4
SIZES = (32, 100, 300, 1000)
DRAWS, AMONG = 256, 32  # draws of best-of-n, for so many beginnings
PROXIES = (0, 1, 2)  # seeds: which snippets a proxy learned from
TRIES = (1, 4, 16, 64, 256)

HEAD = """# Policies of lab 08

Four policies that were trained from tiny to please the shipped reward model, with TRL's own trainers (`ppo` with those
of TRL 0.11.4, the others with 1.16), each kept as what changed of tiny's weights: matrices as a product of two thin
ones (rank {rank}, float16), vectors whole. `rlhf.variants` adds them up again. Trained by
`solutions/models/train_policies.py` (settings: `recipe.json`), measured by `solutions/models/card_policies.py`.

On {prompts} beginnings of four tokens that DPO and GRPO did not train on, responses of at most 16 tokens, drawn
unfiltered at temperature 1. The win rate is the reward model's, against other samples of tiny; it is the very number
that they were trained for.

| policy | trainer | KL, nats a response | win rate | scale that costs {target:.2f} nats | KL there | win rate there |
|---|---|---|---|---|---|---|
"""


def kl_of(policy: Any, tiny: Any, tokenizer: Any, prompts: list[str], seed: int) -> tuple[float, list[str]]:
    """KL from tiny, in nats a response, and the texts that it was estimated from."""
    texts = respond(policy, tokenizer, prompts, seed=seed)
    gap = token_logps(policy, texts).double() - token_logps(tiny, texts).double()
    return (gap * texts.mask).sum(-1).mean().item(), texts.texts


def scale_for(name: str, target: float, kl: float, tiny: Any, tokenizer: Any, prompts: list[str]) -> float:
    """The share of a policy's change at which its KL is `target`, to two digits; `kl` is that of the whole change.

    Near tiny the KL grows with the square of the scale, which makes each guess better than the one before.
    """
    scale = 1.0
    for guess in range(GUESSES):
        scale *= math.sqrt(target / kl)
        if guess + 1 < GUESSES:
            kl, _ = kl_of(load_variant(name, scale=scale)[0], tiny, tokenizer, prompts, SEED)
    return round(scale, 2)


def measure(recipe: dict[str, dict[str, Any]]) -> list[str]:
    """Rows of the table; the scales go into `recipe`."""
    tiny, tokenizer = rlhf.load_policy("tiny")
    judge, its_tokenizer = rlhf.load_reward_model()
    prompts = beginnings(tokenizer, PROMPTS)
    base = rlhf.score_texts(judge, its_tokenizer, respond(tiny, tokenizer, prompts, seed=SEED + 1).texts)

    def wins(texts: list[str]) -> float:
        gap = rlhf.score_texts(judge, its_tokenizer, texts) - base
        return (0.5 + 0.5 * gap.sign()).mean().item()

    rows = []
    for name, made in recipe.items():
        kl, texts = kl_of(load_variant(name)[0], tiny, tokenizer, prompts, SEED)
        scale = scale_for(name, TARGET, kl, tiny, tokenizer, prompts[:SEARCH])
        cheap, cheap_texts = kl_of(load_variant(name, scale=scale)[0], tiny, tokenizer, prompts, SEED + 2)
        made |= {"scale": scale}
        rows.append(
            f"| {name} | {made['trainer']} | {kl:.2f} | {wins(texts):.3f} | {scale:.2f} | {cheap:.2f} | "
            f"{wins(cheap_texts):.3f} |"
        )
        print(rows[-1], flush=True)
    return rows


def look_for_a_hump() -> dict[int, tuple[list[float], list[float]]]:
    """Best-of-n by proxies of several sizes, judged by a gold that is learned too.

    Returns:
        Snippets that a proxy learned from -> the gold's means over all beginnings and proxies, in standard deviations
        of tiny, one for each n; and their standard errors, over beginnings.
    """
    tiny, tokenizer = rlhf.load_policy("tiny")
    judge, its_tokenizer = rlhf.load_reward_model()
    prompts = beginnings(tokenizer, AMONG, first=HELD_OUT)
    texts = respond(tiny, tokenizer, [prompt for prompt in prompts for _ in range(DRAWS)], seed=SEED).texts
    gold = rlhf.score_texts(judge, its_tokenizer, texts).double()
    gold = ((gold - gold.mean()) / gold.std()).view(AMONG, DRAWS)
    hidden, found = last_hidden(tiny, tokenizer, texts), {}
    for size in SIZES:
        golds = torch.zeros(AMONG, len(TRIES), dtype=torch.float64)
        for seed in PROXIES:
            proxy = fit_probe(tiny, tokenizer, size, seed=seed).of(hidden).double().view(AMONG, DRAWS)
            rows = [[_best(*row, n) for n in TRIES] for row in zip(proxy, gold, strict=True)]
            golds += torch.tensor(rows, dtype=torch.float64) / len(PROXIES)
        found[size] = golds.mean(0).tolist(), (golds.std(0) / math.sqrt(AMONG)).tolist()
        print(size, *found[size], flush=True)
    return found


def told(found: dict[int, tuple[list[float], list[float]]]) -> str:
    """Those means as a table, and whether a gold turned round by more than two standard errors."""
    turned = [size for size, (means, errors) in found.items() if max(means) - means[-1] > 2 * errors[-1]]
    verdict = f"It turns round with {turned}." if turned else "It turns round nowhere by more than two standard errors."
    rows = [
        f"| {size:,} | " + " | ".join(f"{round(x, 2) + 0:.2f} ± {e:.2f}" for x, e in zip(*columns, strict=True)) + " |"
        for size, columns in found.items()
    ]
    head = "| snippets | " + " | ".join(f"n = {n}" for n in TRIES) + " |\n|" + "---|" * (1 + len(TRIES))
    return (
        "Best-of-n by proxies that learned from so many snippets (a linear map on tiny's last hidden state), judged\n"
        f"by the shipped reward model, which learned from 9,605: mean gold of {len(PROXIES)} proxies, in standard\n"
        f"deviations of tiny, {DRAWS} draws for each of {AMONG} beginnings, with standard errors over beginnings.\n"
        f"{verdict}\n\n" + "\n".join([head, *rows])
    )


def _best(proxy: torch.Tensor, gold: torch.Tensor, n: int) -> float:
    """Mean gold of the best of n by proxy, over all choices of n."""
    total = math.comb(len(proxy), n)
    kept = torch.tensor([math.comb(place, n - 1) / total for place in range(len(proxy))], dtype=torch.float64)
    return (kept @ gold[proxy.argsort()]).item()


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and write README.md and the scales beside the policies."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="the folder of the policies")
    args = parser.parse_args(arguments)
    recipe = json.loads((args.out / "recipe.json").read_text())
    rows = measure(recipe)
    (args.out / "recipe.json").write_text(json.dumps(recipe, indent=2) + "\n")
    print("the scales are written", flush=True)
    rank = next(iter(recipe.values()))["rank"]
    parts = [HEAD.format(rank=rank, prompts=PROMPTS, target=TARGET) + "\n".join(rows)]
    parts.append(told(look_for_a_hump()))
    turns = "\n".join(_turn(seed, run) for seed, run in stops_curves().items())
    parts.append(
        '`stops.json`: trained on "stops", judged by "one sentence of 8 to 12 words"\n'
        "(`solutions/models/curves_stops.py`).\n\n"
        "| seed | gold at the start | highest | at KL | at the end | proxy at the end |\n|---|---|---|---|---|---|\n"
        + turns
    )
    (args.out / "README.md").write_text("\n\n".join(parts) + "\n")
    return 0


def _turn(seed: int, run: list[dict[str, float]]) -> str:
    top = max(run, key=lambda row: row["gold"])
    return (
        f"| {seed} | {run[0]['gold']:.3f} | {top['gold']:.3f} | {top['KL']:.1f} | {run[-1]['gold']:.3f} | "
        f"{run[-1]['proxy']:.3f} |"
    )


if __name__ == "__main__":
    sys.exit(main())
