"""The library of the course on RLHF: models, data, rewards, plots. Everything in it loads when it is first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rlhf import plots as plots
    from rlhf.data import load_ratings as load_ratings
    from rlhf.data import load_reviews as load_reviews
    from rlhf.models import MODELS as MODELS
    from rlhf.models import load_policy as load_policy
    from rlhf.models import smol_installed as smol_installed
    from rlhf.reward import load_reward_model as load_reward_model
    from rlhf.reward import score_texts as score_texts
    from rlhf.reward import split_ratings as split_ratings

# Where each public name lives; "" is a module of its own.
_HOME = {
    "MODELS": "models",
    "load_policy": "models",
    "load_ratings": "data",
    "load_reviews": "data",
    "load_reward_model": "reward",
    "plots": "",
    "score_texts": "reward",
    "smol_installed": "models",
    "split_ratings": "reward",
}

__all__ = [
    "MODELS",
    "load_policy",
    "load_ratings",
    "load_reviews",
    "load_reward_model",
    "plots",
    "score_texts",
    "smol_installed",
    "split_ratings",
]


def __getattr__(name: str) -> object:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'rlhf' has no attribute {name!r}")
    value = import_module(f"rlhf.{home}").__dict__[name] if home else import_module(f"rlhf.{name}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
