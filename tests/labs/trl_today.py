"""Runs in the second environment: lab 07's solution beside TRL 1.16's trainers, on their own tensors. Prints JSON.

python tests/labs/trl_today.py
"""

from __future__ import annotations

import inspect
import itertools
import json
import tempfile
from typing import Any

import torch
from datasets import Dataset
from trl import GRPOConfig, GRPOTrainer, RLOOConfig, RLOOTrainer

import rlhf
from grader.build.notebooks import solution_namespace
from grader.course.paths import find_course
from rlhf.models import WEIGHTS
from rlhf.quiet import quiet_transformers

PROMPTS = ["The film is", "I saw this", "A good story", "What a"]
GROUP, LONGEST = 4, 8
REMOVED = {"max_prompt_length": 8, "no_cuda": True, "kl_coef": 0.1, "evaluation_strategy": "no"}


def lengths(completions: list[str], **_: Any) -> list[float]:
    """A reward that differs within groups."""
    return [float(len(text) % 7) for text in completions]


def settings(**changes: Any) -> dict[str, Any]:
    """What both configurations share."""
    return {
        "output_dir": tempfile.mkdtemp(), "num_generations": GROUP, "per_device_train_batch_size": GROUP * len(PROMPTS),
        "max_completion_length": LONGEST, "use_cpu": True, "bf16": False, "gradient_checkpointing": False,
        "report_to": [], "model_init_kwargs": {"dtype": "float32"}, "seed": 0, "disable_tqdm": True, **changes,
    }  # fmt: skip


def made(trainer: Any, config: Any, **changes: Any) -> Any:
    """A trainer of tiny."""
    data = Dataset.from_dict({"prompt": PROMPTS * 4})
    _, tokenizer = rlhf.load_policy("tiny")
    with quiet_transformers():
        return trainer(
            str(WEIGHTS / "tiny"), reward_funcs=lengths, args=config(**settings(**changes)), train_dataset=data,
            processing_class=tokenizer,
        )  # fmt: skip


def compared(trainer: Any, names: dict[str, Any]) -> tuple[float, float, float, float]:
    """The largest differences of losses, gradients, shares that are clipped, advantages."""
    rows = [{"prompt": prompt} for prompt in PROMPTS for _ in range(GROUP)]
    torch.manual_seed(0)
    trainer.model.train()
    with torch.no_grad():
        batch = trainer._generate_and_score_completions(rows)
    rewards = torch.tensor(list(trainer._logs["rewards"]["lengths"])[-len(rows) :]).view(-1, GROUP)
    of_groups = (names["grpo_advantages"](rewards).flatten() - batch["advantages"]).abs().max().item()
    ids, seen = (torch.cat([batch[f"prompt_{part}"], batch[f"completion_{part}"]], 1) for part in ("ids", "mask"))
    ask, mask = (ids, seen, batch["completion_ids"].shape[1]), batch["completion_mask"].bool()
    logps = lambda: trainer._get_per_token_logps_and_entropies(trainer.model, *ask)[0]  # noqa: E731
    now = logps().detach()
    noise = torch.Generator().manual_seed(1)
    old, ref = (now + scale * torch.randn(now.shape, generator=noise) for scale in (0.3, 0.7))
    batch |= {"old_per_token_logps": old, "ref_per_token_logps": ref}
    weight = trainer.model.get_input_embeddings().weight
    of_losses = of_slopes = of_shares = 0.0
    combinations = itertools.product(("grpo", "dapo", "dr_grpo"), ("token", "sequence"), (0.2, 0.28), (0.0, 0.04, 1.0))
    for method, level, high, beta in combinations:
        trainer.loss_type, trainer.importance_sampling_level = method, level
        trainer.epsilon_high, trainer.beta = high, beta
        trainer.current_gradient_accumulation_steps = 1
        theirs = trainer._compute_loss(trainer.model, batch)
        metrics = [trainer._metrics["train"][f"clip_ratio/{side}_mean"][-1] for side in ("low", "high")]
        ours = names["grpo_loss"](logps(), old, ref, batch["advantages"], mask, method, level, 0.2, high, beta, LONGEST)
        of_losses = max(of_losses, abs(theirs.item() - ours.item()))
        if high == 0.28:
            slopes = [torch.autograd.grad(loss, weight)[0] for loss in (theirs, ours)]
            of_slopes = max(of_slopes, (slopes[0] - slopes[1]).abs().max().item())
        if level == "token":
            shares = names["clip_shares"](
                names["importance_ratios"](now, old, mask), batch["advantages"], mask, 0.2, high
            )
            of_shares = max(of_shares, *(abs(a - b) for a, b in zip(metrics, shares, strict=True)))
    return of_losses, of_slopes, of_shares, of_groups


def left_out(trainer: Any) -> float:
    """The largest difference of RLOOTrainer's advantages from reward minus the mean of the others."""
    torch.manual_seed(0)
    trainer.model.train()
    with torch.no_grad():
        batch = trainer._generate_and_score_completions([{"prompt": p} for p in PROMPTS for _ in range(GROUP)])
    rewards = torch.tensor(list(trainer._logs["rewards"]["lengths"])[-GROUP * len(PROMPTS) :]).view(-1, GROUP)
    others = (rewards.sum(1, keepdim=True) - rewards) / (GROUP - 1)
    return float(((rewards - others).flatten() - batch["advantages"]).abs().max())


def defaults() -> dict[str, Any]:
    """What the lab says of TRL's defaults."""
    with tempfile.TemporaryDirectory() as folder:
        grpo, rloo = (kind(output_dir=folder, use_cpu=True) for kind in (GRPOConfig, RLOOConfig))
    names = ("beta", "num_generations", "learning_rate", "max_completion_length", "per_device_train_batch_size",
             "lr_scheduler_type", "bf16", "gradient_checkpointing", "num_iterations")  # fmt: skip
    both = {
        f"{kind}.{name}": str(getattr(one, name)) for kind, one in (("grpo", grpo), ("rloo", rloo)) for name in names
    }
    more = (
        "scale_rewards",
        "loss_type",
        "importance_sampling_level",
        "epsilon",
        "epsilon_high",
        "use_bias_correction_kl",
    )
    return both | {name: str(getattr(grpo, name)) for name in more} | {"normalize": str(rloo.normalize_advantages)}


def refused() -> list[str]:
    """Arguments that raise TypeError."""
    found = []
    for name, value in REMOVED.items():
        try:
            GRPOConfig(output_dir=tempfile.mkdtemp(), use_cpu=True, **{name: value})
        except TypeError:
            found.append(name)
    return found if "tokenizer" in inspect.signature(GRPOTrainer).parameters else [*found, "tokenizer"]


def main() -> None:
    """All of it."""
    torch.set_num_threads(1)
    names = solution_namespace("07-grpo", find_course())
    said = {"defaults": defaults(), "refused": refused()}
    grpo = made(GRPOTrainer, GRPOConfig, beta=0.04)
    losses, slopes, shares, groups = compared(grpo, names)
    rloo = made(RLOOTrainer, RLOOConfig, beta=0.0)
    found = {"losses": losses, "slopes": slopes, "shares": shares, "groups": groups, "rloo": left_out(rloo)}
    print(json.dumps(found | said))


if __name__ == "__main__":
    main()
