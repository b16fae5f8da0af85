"""Hidden checks of lab 05 that are not cases: what `load_policy_and_reference` loads stays in the student's kernel."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from fixtures import checkpoint

from grader.checks import Missed, Result, Student, check, expect, same

PROBE = torch.tensor([[3, 1, 4, 1, 5]])
FORM = (
    "Run `facts_of_models(sample, torch.tensor([[0, 1, 2]]))` in your notebook and read the error. Three things are to "
    "come back: model, model_ref, tokenizer, in this order."
)
OWN_MEMORY = (
    "The reference moves with the policy: it is the same object, or shares its parameters. Load it a second time."
)


@dataclass(frozen=True)
class Trusted:
    """What is right about the model of a checkpoint: its parameters, its vocabulary, its logits for the probe."""

    size: int
    vocabulary: int
    logits: torch.Tensor


@cache
def trusted(**described: Any) -> Trusted:
    """The model of the checkpoint that `fixtures.checkpoint` makes of these arguments, loaded once."""
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(checkpoint(**described)).eval()
    with torch.no_grad():
        logits: torch.Tensor = model(PROBE).logits
    return Trusted(sum(p.numel() for p in model.parameters()), model.config.vocab_size, logits)


def facts(student: Student, **described: Any) -> tuple[dict[str, Any], Trusted, Result]:
    """What came back about the models of a checkpoint, and what is right.

    Raises:
        Missed: nothing came back, or not what the cell `facts_of_models` gives.
    """
    result = student.facts_of_models(student.build("checkpoint", **described), PROBE)
    found = expect(result).value(dict, hint=FORM)
    trainable = found.get("trainable")
    if not isinstance(trainable, list) or len(trainable) != 2:
        raise Missed("The cell `facts_of_models` has changed: leave it as it was given to you.")
    return found, trusted(**described), result


def other_weights(who: str, found: Any, wanted: torch.Tensor) -> str:
    """What to say of logits that are not those of the checkpoint."""
    if isinstance(found, torch.Tensor) and found.shape == wanted.shape and found.dtype != wanted.dtype:
        return f"The {who} computes in another dtype than the checkpoint: leave its weights as they are stored."
    if isinstance(found, torch.Tensor) and found.shape != wanted.shape:
        return f"The {who} is no model of this size: load what stands under `name`, not a fixed one."
    return (
        f"The {who}'s weights are not those of the checkpoint: `from_pretrained(name)`, not `from_config` "
        f"or a fixed name."
    )


@check("load_policy_and_reference", points=1)
def both_have_the_weights_of_the_checkpoint(student: Student) -> None:
    """Policy and reference both start with the weights of the checkpoint."""
    for seed in (1, 2):
        found, model, result = facts(student, seed=seed)
        wanted = model.logits
        for who in ("policy", "reference"):
            logits = found.get(f"{who}_logits")
            expect(result).that(same(logits, wanted, 1e-4), hint=other_weights(who, logits, wanted))


@check("load_policy_and_reference", points=2)
def reference_is_frozen_and_in_eval(student: Student) -> None:
    """No parameter of the reference wants a gradient and its dropout is off; every parameter of the policy does."""
    found, model, result = facts(student, seed=3)
    size = model.size
    of_policy, of_reference = found["trainable"]
    hint = "The reference would be trained: `model_ref.requires_grad_(False)`."
    if same(of_policy, 0) and same(of_reference, 0):
        hint = "The policy cannot learn: freeze the reference only."
    elif not same(of_reference, size):
        hint = "A part of the reference would be trained: `model_ref.requires_grad_(False)` freezes all of it."
    expect(result).that(same(of_reference, 0), hint=hint)
    hint = "The policy cannot learn: freeze the reference only."
    if not same(of_policy, 0):
        hint = (
            "A part of the policy cannot learn, or it has more parameters than the checkpoint: load it and leave it so."
        )
    expect(result).that(same(of_policy, size), hint=hint)
    hint = "The reference is in training mode, so dropout blurs it: `model_ref.eval()`."
    expect(result).that(found.get("reference_in_training_mode") is False, hint=hint)


@check("load_policy_and_reference", points=1)
def reference_has_its_own_memory(student: Student) -> None:
    """When the policy's parameters move, the reference answers as before."""
    found, model, result = facts(student, seed=4)
    before, after = found.get("reference_logits"), found.get("reference_logits_after_a_step")
    hint = other_weights("reference", before, model.logits)
    expect(result).that(isinstance(before, torch.Tensor) and before.shape == (1, 5, model.vocabulary), hint=hint)
    expect(result).that(same(after, before, 1e-4), hint=OWN_MEMORY)


@check("load_policy_and_reference", points=1)
def pad_is_eos(student: Student) -> None:
    """The tokenizer pads with its EOS token, whatever that is, and has not grown."""
    for eos, place, pad in (("</s>", 7, ""), ("<end>", 26, ""), ("</s>", 3, "q")):
        found, model, result = facts(student, seed=5, eos=eos, place=place, pad=pad)
        hint = "The vocabulary has grown: a new pad token has no row in the embeddings. Use the EOS token."
        expect(result).that(same(found.get("vocabulary"), model.vocabulary), hint=hint)
        hint = "The pad token is another one than the EOS token of this tokenizer: ask for `tokenizer.eos_token`."
        if found.get("pad_token") is None:
            hint = "`tokenizer.pad_token = tokenizer.eos_token` is missing: GPT-2 has no pad token."
        right = same([found.get("pad_token"), found.get("pad_token_id")], [eos, place])
        expect(result).that(right, hint=hint)
