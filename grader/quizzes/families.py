"""Sixteen families of mistakes that items and their distractors aim at: a name each, and what goes wrong in it."""

from __future__ import annotations

from typing import Literal, get_args

Family = Literal[
    "kl-penalty",
    "beta",
    "dpo-at-the-start",
    "log-prob-sums",
    "dpo-margin",
    "partition-function",
    "sampling-order",
    "greedy-limits",
    "repetition-penalty",
    "policy-gradient",
    "ppo-clip",
    "who-is-trained",
    "over-optimisation",
    "advantages",
    "label-noise",
    "on-and-off-policy",
]

FAMILIES: dict[Family, str] = {
    "kl-penalty": "the direction of the KL, its estimators, and the sign of single terms",
    "beta": "what larger and smaller β do, both limits, and scaling the reward",
    "dpo-at-the-start": "the DPO loss at ln 2, and what can move it there",
    "log-prob-sums": "sum or mean of log-probs, the shift by one, masks, pad and eos, padding side",
    "dpo-margin": "DPO raises the margin while both log-probs may fall",
    "partition-function": "what Z depends on, when it cancels, adding f(x), value vectors and eos",
    "sampling-order": "temperature and truncation in their order, the token that crosses p, ties",
    "greedy-limits": "top-k of 1, temperature as a limit, what greedy means",
    "repetition-penalty": "how the penalty treats signs and the prompt, unlike a frequency penalty",
    "policy-gradient": "where the gradient flows, surrogates, baselines",
    "ppo-clip": "ratio 1 at the first step, min and clip, what they leave of the gradient",
    "who-is-trained": "reward model, value head, policy and reference: who is trained on what",
    "over-optimisation": "a proxy reward that rises while quality falls",
    "advantages": "returns, GAE, bootstrapping, γ and λ, whitening",
    "label-noise": "noisy labels, ceilings, the Bradley–Terry scale",
    "on-and-off-policy": "whose samples, whose log-probs, filtered or not",
}

assert tuple(FAMILIES) == get_args(Family)
