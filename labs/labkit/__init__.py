"""The students' library of the RLHF Lab Kit. Everything in it loads when it is first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labkit import plots as plots
    from labkit.data import load_ratings as load_ratings
    from labkit.data import load_reviews as load_reviews
    from labkit.errors import LabError as LabError
    from labkit.handin import hand_in as hand_in
    from labkit.models import MODELS as MODELS
    from labkit.models import load_policy as load_policy
    from labkit.models import smol_installed as smol_installed
    from labkit.progress import Progress as Progress
    from labkit.quiz.session import open_quiz as quiz
    from labkit.reward import load_reward_model as load_reward_model
    from labkit.reward import score_texts as score_texts
    from labkit.reward import split_ratings as split_ratings
    from labkit.visible import checks as checks

# Where each public name lives; "" is a module of its own.
_HOME = {
    "LabError": "errors",
    "MODELS": "models",
    "Progress": "progress",
    "checks": "visible",
    "hand_in": "handin",
    "load_policy": "models",
    "load_ratings": "data",
    "load_reviews": "data",
    "load_reward_model": "reward",
    "plots": "",
    "score_texts": "reward",
    "quiz": "",
    "smol_installed": "models",
    "split_ratings": "reward",
}

__all__ = [
    "MODELS",
    "LabError",
    "Progress",
    "checks",
    "hand_in",
    "load_policy",
    "load_ratings",
    "load_reviews",
    "load_reward_model",
    "plots",
    "quiz",
    "score_texts",
    "smol_installed",
    "split_ratings",
]


def __getattr__(name: str) -> object:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'labkit' has no attribute {name!r}")
    value = import_module(f"labkit.{home}").__dict__[name] if home else import_module(f"labkit.{name}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
