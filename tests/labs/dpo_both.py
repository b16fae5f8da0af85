"""Runs in both environments: the losses of their own DPOTrainer on the same pairs, tokens and models. Prints JSON.

python tests/labs/dpo_both.py
"""

from __future__ import annotations

import json
import tempfile
from typing import Any

import torch
from datasets import Dataset, disable_progress_bars
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel
from trl import DPOConfig, DPOTrainer
from trl import __version__ as version

from rlhf.models import WEIGHTS
from rlhf.quiet import quiet_transformers

BETA, SMOOTHED = 0.1, 0.1
TYPES = ("sigmoid", "hinge", "ipo", "nca_pair", "sppo_hard", "apo_zero", "apo_down", "robust", "exo_pair")
PAIRS = {
    "prompt": ["The film", "I saw", "A good", "There is"],
    "chosen": [
        " is a quiet joy from end to end.",
        " it twice.",
        " cast, and a story.",
        " so much to love in this one!",
    ],
    "rejected": [" bores.", " it and wished that I had not, for it is long.", " idea, badly told.", " nothing here."],
}
OLD = version.startswith("0.")  # it puts BOS before the prompt itself


def tiny(noise: float) -> PreTrainedModel:
    """Tiny in float32, its weights disturbed alike wherever this runs."""
    model = AutoModelForCausalLM.from_pretrained(WEIGHTS / "tiny", torch_dtype=torch.float32)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for _, weight in sorted(model.named_parameters()):
            weight.add_(noise * torch.randn(weight.shape, generator=generator))
    return model


def made() -> Any:
    """A trainer of TRL's, the policy a little off the reference."""
    tokenizer = AutoTokenizer.from_pretrained(WEIGHTS / "tiny")
    tokenizer.pad_token = eos = tokenizer.eos_token
    pairs = PAIRS if OLD else PAIRS | {"prompt": [eos + prompt for prompt in PAIRS["prompt"]]}
    named = {"tokenizer" if OLD else "processing_class": tokenizer}
    more = {"max_prompt_length": 32, "remove_unused_columns": False} if OLD else {"bf16": False}
    config = DPOConfig(
        output_dir=tempfile.mkdtemp(), beta=BETA, max_length=64, use_cpu=True, report_to=[], disable_tqdm=True,
        per_device_train_batch_size=len(pairs["prompt"]), gradient_checkpointing=False, **more,
    )  # fmt: skip
    return DPOTrainer(tiny(0.01), tiny(0.0), args=config, train_dataset=Dataset.from_dict(pairs), **named)


def loss(trainer: Any, batch: dict[str, Any], name: str, smoothing: float) -> float:
    """The mean loss of the pairs."""
    trainer.label_smoothing = smoothing
    with torch.no_grad():
        if OLD:
            trainer.loss_type = name
            return float(trainer.get_batch_loss_metrics(trainer.model, batch, "eval")[0])
        trainer.loss_types, trainer.loss_weights = [name], [1.0]
        return float(trainer._compute_loss(trainer.model, batch, return_outputs=False))


def main() -> None:
    """All losses; smoothing where a type needs it, and once where it is asked for in vain today."""
    torch.set_num_threads(1)
    disable_progress_bars()
    with quiet_transformers():
        trainer = made()
        trainer.model.eval()
        batch = trainer.data_collator([trainer.train_dataset[i] for i in range(len(PAIRS["prompt"]))])
        found = {name: loss(trainer, batch, name, SMOOTHED * (name in ("robust", "exo_pair"))) for name in TYPES}
        smoothed = loss(trainer, batch, "sigmoid", SMOOTHED)
    print(json.dumps({"version": version, "losses": found, "smoothed": smoothed}))


if __name__ == "__main__":
    main()
