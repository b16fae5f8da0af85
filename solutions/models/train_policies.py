"""Train the policies of lab 08 from tiny, each with TRL's own trainer, and keep what changed as thin matrices.

    python solutions/models/train_policies.py ppo --out labs/rlhf/weights/policies              # TRL 0.11.4
    python solutions/models/train_policies.py dpo grpo salad --out labs/rlhf/weights/policies   # TRL 1.16, rlhf-today

All of them raise the score of the shipped reward model. `card_policies.py` measures what came out.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from transformers import PreTrainedModel

import rlhf
from rlhf.quiet import quiet_transformers
from rlhf.sampling import NEW_TOKENS, beginnings, respond
from rlhf.variants import LEFT, RIGHT

HELD_OUT = 512  # beginnings that DPO and GRPO do not train on: `beginnings(tokenizer, 512)`
PROMPTS = 1024
RANK = 16
GRPO = {"learning_rate": 1e-4, "max_steps": 14, "beta": 0.0}
SALAD = {**GRPO, "max_steps": 40}  # the same, and on and on
DPO = {"learning_rate": 2e-4, "max_steps": 60, "beta": 0.1}
PPO = {"learning_rate": 3e-4, "init_kl_coef": 0.2, "steps": 35}
DRAWS = 4  # responses to a prompt, of which the best and the worst are a pair of DPO

Policy = tuple[PreTrainedModel, dict[str, Any]]


def common(seed: int) -> dict[str, Any]:
    """What all trainers of TRL 1.16 are told here: float32 on the CPU, and silence."""
    return {
        "output_dir": tempfile.mkdtemp(), "lr_scheduler_type": "constant", "seed": seed, "use_cpu": True, "bf16": False,
        "gradient_checkpointing": False, "save_strategy": "no", "report_to": [], "disable_tqdm": True,
        "logging_steps": 10,
    }  # fmt: skip


def train_grpo(seed: int, **settings: Any) -> Policy:
    """GRPO on the reward model's score of beginning and response; `settings` are those of `GRPOConfig`."""
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer

    model, tokenizer = rlhf.load_policy("tiny")
    judge, its_tokenizer = rlhf.load_reward_model()

    def reward(prompts: list[str], completions: list[str], **_: Any) -> list[float]:
        whole = [prompt + completion for prompt, completion in zip(prompts, completions, strict=True)]
        return rlhf.score_texts(judge, its_tokenizer, whole).tolist()

    config = GRPOConfig(
        per_device_train_batch_size=64, num_generations=8, max_completion_length=NEW_TOKENS, **settings, **common(seed)
    )
    data = Dataset.from_dict({"prompt": beginnings(tokenizer, PROMPTS, first=HELD_OUT)})
    trainer = GRPOTrainer(model, reward, args=config, train_dataset=data, processing_class=tokenizer)
    trainer.train()
    return model, {"trainer": "GRPOTrainer", "batch": 64, "group": 8, **settings}


def train_dpo(seed: int, **settings: Any) -> Policy:
    """DPO on pairs of what tiny says itself: of some responses to a beginning, the best and the worst by score."""
    from datasets import Dataset
    from trl import DPOConfig, DPOTrainer

    model, tokenizer = rlhf.load_policy("tiny")
    reference, _ = rlhf.load_policy("tiny")
    judge, its_tokenizer = rlhf.load_reward_model()
    prompts = beginnings(tokenizer, PROMPTS, first=HELD_OUT)
    drawn = respond(reference, tokenizer, [p for p in prompts for _ in range(DRAWS)], seed=seed)
    scores = rlhf.score_texts(judge, its_tokenizer, drawn.texts).view(-1, DRAWS)
    best, worst = (places.tolist() for places in (scores.argmax(-1), scores.argmin(-1)))
    said = [drawn.texts[place * DRAWS : (place + 1) * DRAWS] for place in range(len(prompts))]
    rows = [
        {"prompt": prompt, "chosen": texts[good][len(prompt) :], "rejected": texts[bad][len(prompt) :]}
        for prompt, texts, good, bad in zip(prompts, said, best, worst, strict=True)
    ]
    rows = [row for row in rows if row["chosen"] and row["rejected"]]
    config = DPOConfig(per_device_train_batch_size=16, max_length=64, **settings, **common(seed))
    trainer = DPOTrainer(
        model, reference, args=config, train_dataset=Dataset.from_list(rows), processing_class=tokenizer
    )
    trainer.train()
    return model, {"trainer": "DPOTrainer", "batch": 16, "draws": DRAWS, **settings}


def train_ppo(seed: int, learning_rate: float, init_kl_coef: float, steps: int) -> Policy:
    """The loop of lab 03, as its notebook runs it, on other beginnings."""
    from bench_labs import loop_namespace

    from grader.course.paths import find_course

    lab = loop_namespace(find_course())
    config = lab["make_config"](
        "tiny", learning_rate=learning_rate, init_kl_coef=init_kl_coef, batch_size=lab["BATCH"], seed=seed
    )
    trainer = lab["start"](config)
    lab["train"](trainer, steps)
    settings = {"learning_rate": learning_rate, "init_kl_coef": init_kl_coef, "steps": steps}
    return trainer.model.pretrained_model, {"trainer": "PPOTrainer", "batch": lab["BATCH"], **settings}


TRAIN: dict[str, Callable[[int], Policy]] = {
    "dpo": lambda seed: train_dpo(seed, **DPO),
    "grpo": lambda seed: train_grpo(seed, **GRPO),
    "ppo": lambda seed: train_ppo(seed, **PPO),
    "salad": lambda seed: train_grpo(seed, **SALAD),
}


def thin(change: torch.Tensor, rank: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The best product of matrices `[m, rank]` and `[rank, n]` for a matrix `[m, n]` (Eckart and Young 1936)."""
    u, s, v = torch.linalg.svd(change, full_matrices=False)
    root = s[:rank].sqrt()
    return u[:, :rank] * root, root[:, None] * v[:rank]


def change_of(model: PreTrainedModel, rank: int = RANK) -> dict[str, torch.Tensor]:
    """What training changed of tiny, float16: matrices as two thin ones, vectors whole."""
    start = dict(rlhf.load_policy("tiny")[0].named_parameters())
    change: dict[str, torch.Tensor] = {}
    for name, weight in model.named_parameters():
        moved = (weight - start[name]).detach().float()
        if moved.ndim == 2:
            change[name + LEFT], change[name + RIGHT] = thin(moved, rank)
        else:
            change[name] = moved
    return {name: part.half().contiguous() for name, part in change.items()}


def main(arguments: Sequence[str] | None = None) -> int:
    """Train the policies that are named, one after another."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="+", choices=sorted(TRAIN))
    parser.add_argument("--out", type=Path, required=True, help="the folder of the changes")
    parser.add_argument("--whole", type=Path, help="keep the whole weights here too, to compare")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(arguments)
    args.out.mkdir(parents=True, exist_ok=True)
    recipe = args.out / "recipe.json"
    for name in args.names:
        started = time.process_time()
        with quiet_transformers():
            model, made = TRAIN[name](args.seed)
        save_file(change_of(model), args.out / f"{name}.safetensors")
        if args.whole:
            model.save_pretrained(args.whole / name)
        known = json.loads(recipe.read_text()) if recipe.is_file() else {}
        known[name] = {**made, "seed": args.seed, "rank": RANK}
        recipe.write_text(json.dumps(dict(sorted(known.items())), indent=2) + "\n")
        print(f"{name}: {time.process_time() - started:.0f} s of CPU", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
