"""Cases of `apply_temperature`: transformers' own processor is the reference."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from rows import BRAIN, DIGITS, HALF, HINTS, Rows, dtypes, holes, layouts, normal, sizes
from transformers.generation.logits_process import TemperatureLogitsWarper

from grader.checks import Case, Cases, Mistake


def reference_temperature(logits: torch.Tensor, temperature: float) -> torch.Tensor:
    """The processor of transformers, which asks for a float."""
    return TemperatureLogitsWarper(float(temperature))(None, logits)


def temperatures() -> Iterator[Case]:
    """Every size and scale, each with two temperatures."""
    chosen = (0.5, 2.0, 0.125, 1.0, 3.7, 0.9, 40.0)
    for i, rows in enumerate(sizes()):
        for temperature in (chosen[i % 7], chosen[(i + 3) % 7]):
            yield rows.case(temperature)
    plain = Rows("ordinary rows", normal(0, 2, 4, scale=3.0))
    for temperature in chosen:
        yield plain.case(temperature)
    for temperature in (2, 1, 5):
        yield plain.case(temperature, note=f"integer {temperature}", family="a temperature that is an integer")
    for temperature in (1e-3, 1e-6, 1e-9, 1e4):
        yield plain.case(temperature, family="very low and very high temperatures")


divides_the_logits = Cases(
    "apply_temperature",
    name="divides_the_logits",
    promise="Every logit is divided by the temperature: below 1 sharpens, above 1 flattens.",
    points=1,
    reference=reference_temperature,
    pool=temperatures,
    hints={"value": "Divide each logit by τ, and do nothing else to it.", **HINTS, **DIGITS},
    mistakes=(
        Mistake(
            "Did you multiply by τ? A high temperature must flatten the distribution.",
            lambda logits, temperature: logits * temperature,
        ),
        Mistake(
            "Did you return probabilities? Return the logits; softmax comes later.",
            lambda logits, temperature: (logits / temperature).softmax(-1),
        ),
        Mistake(
            "Did you return log-probabilities? Only divide, do not normalise.",
            lambda logits, temperature: (logits / temperature).log_softmax(-1),
        ),
        Mistake("τ changes nothing of what you return.", lambda logits, temperature: logits.clone()),
        Mistake(
            "Subtract nothing: softmax is the same with or without, the logits are not.",
            lambda logits, temperature: (logits - logits.amax(-1, keepdim=True)) / temperature,
        ),
    ),
)


def refused_temperatures() -> Iterator[Case]:
    """0, below 0, and just above."""
    for rows in (Rows("one row", normal(0, 1, 3)), Rows("two rows", normal(1, 2, 2, HALF))):
        for temperature in (0.0, 0, -1.0, -0.5, -2, -1e-6):
            note = f"{type(temperature).__name__} {temperature}"
            yield rows.case(temperature, note=note, family="τ = 0" if temperature == 0 else "negative temperatures")
        for temperature in (0.01, 0.5, 1.0):
            yield rows.case(temperature, family="temperatures above 0")


refuses_temperatures = Cases(
    "apply_temperature",
    name="refuses_temperatures_that_are_not_positive",
    promise="A temperature of 0 or below raises ValueError; a small positive one does not.",
    points=1,
    reference=reference_temperature,
    pool=refused_temperatures,
    hints={
        "no error": "τ = 0 is a limit, not a division: raise ValueError for τ = 0, and negative ones too.",
        "other error": "τ = 0 is a limit, not a division: raise ValueError for τ = 0, and negative ones too.",
        "ValueError": "Raise ValueError where τ is 0 or below, and only there.",
        **HINTS,
    },
)


def kept_by_temperature() -> Iterator[Case]:
    """dtypes, −inf, layouts; with τ = 1 too, where a tensor could come back as it is."""
    for i, rows in enumerate((*dtypes(), *holes(), *layouts())):
        yield rows.case((0.5, 2.0, 1.0)[i % 3])
        yield rows.case((1.0, 0.7, 3.0)[i % 3])
    for dtype in (HALF, BRAIN):
        rows = Rows(f"{str(dtype).removeprefix('torch.')} logits", torch.tensor([[0.0, -1.0, 2.0]], dtype=dtype))
        for temperature in (1e-8, 1e-5, 3e5):
            yield rows.case(temperature, family="very low and very high temperatures")


keeps_what_temperature_must_keep = Cases(
    "apply_temperature",
    name="temperature_keeps_dtype_infinities_and_input",
    promise="The dtype stays, −inf stays −inf, and a new tensor comes back: the logits passed in are not changed.",
    points=1,
    reference=reference_temperature,
    pool=kept_by_temperature,
    keeps_inputs=True,
    fresh=True,
    hints={
        "nan": "−inf divided by τ is still −inf: there is nothing to mask.",
        "value": "Divide each logit by τ; −inf divided by τ is still −inf.",
        "−inf among the logits": "Divide each logit by τ; −inf divided by τ is still −inf.",
        "all but one −inf": "Divide each logit by τ; −inf divided by τ is still −inf.",
        **HINTS,
    },
    mistakes=divides_the_logits.mistakes,
)
