"""Policies that were trained from tiny, kept as small changes of its weights; `load_variant` adds them up again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.errors import LabError
from rlhf.models import WEIGHTS, load_policy

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

FOLDER = WEIGHTS / "policies"
LEFT, RIGHT = ".left", ".right"


def variants() -> dict[str, dict[str, Any]]:
    """What is known of each policy, by its name: how it was made, and what its card says of it."""
    recipes: dict[str, dict[str, Any]] = json.loads((FOLDER / "recipe.json").read_text(encoding="utf-8"))
    return recipes


def load_variant(name: str, *, scale: float = 1.0) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A policy that was trained from tiny, in float32, in eval mode, and tiny's tokenizer.

    A change of a matrix is kept as a product of two thin ones; that of a vector whole.

    Args:
        name: one of `variants()`, such as "dpo".
        scale: how much of the change is added: 0 is tiny, 1 the policy as it was trained, and what lies between is a
            policy of smaller KL.

    Raises:
        LabError: there is no such policy.
    """
    path = FOLDER / f"{name}.safetensors"
    if not path.is_file():
        there = ", ".join(f'"{file.stem}"' for file in sorted(FOLDER.glob("*.safetensors")))
        raise LabError(f"There is no policy {name!r} in {FOLDER}.", f"Use one of {there}.")
    model, tokenizer = load_policy("tiny")
    add_change(model, path, scale)
    return model, tokenizer


def add_change(model: PreTrainedModel, path: Path, scale: float) -> None:
    """Add `scale` times the change in `path` to the weights of `model`, in place.

    Raises:
        LabError: the file names a weight that the model has not.
    """
    import torch
    from safetensors.torch import load_file

    change = {name: part.float() for name, part in load_file(path).items()}
    weights = dict(model.named_parameters())
    names = {name.removesuffix(LEFT).removesuffix(RIGHT) for name in change}
    if strange := sorted(names - weights.keys()):
        raise LabError(f"{path.name} changes {strange[0]}, which the model has not.", "Install rlhf again.")
    with torch.no_grad():
        for name in names:
            whole = change[name] if name in change else change[name + LEFT] @ change[name + RIGHT]
            weights[name].add_(whole, alpha=scale)


def stops_curves() -> dict[int, list[dict[str, float]]]:
    """What was seen while tiny was trained to stop, for several seeds: seed -> a row for each look.

    A row has `step`, `KL` in nats a response, the shares `proxy` and `gold`, and `tokens` a response. The cells of
    lab 08 made them; see `solutions/models/curves_stops.py`.
    """
    runs: dict[str, list[dict[str, float]]] = json.loads((FOLDER / "stops.json").read_text(encoding="utf-8"))
    return {int(seed): rows for seed, rows in runs.items()}
