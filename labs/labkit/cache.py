"""Where fetched data and models lie, and what makes them whole; nothing is loaded or downloaded here."""

from __future__ import annotations

import os
from pathlib import Path

RATED_TEXTS = "movieReviewSnippets_GroundTruth.txt"
SINGLE_RATINGS = "movieReviewSnippets_anonDataRatings.txt"
SMOL_FILES = ("config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")


def cache_folder() -> Path:
    """The folder of everything fetched: `$LABKIT_CACHE`, or `~/.cache/rlhf-lab-kit`."""
    chosen = os.environ.get("LABKIT_CACHE")
    return Path(chosen).expanduser() if chosen else Path.home() / ".cache" / "rlhf-lab-kit"


def ratings_folder(cache: Path | None = None) -> Path:
    """The folder of the human ratings. It appears under this name only once both files are in it."""
    return (cache or cache_folder()) / "ratings"


def smol_folder(cache: Path | None = None) -> Path:
    """The folder of the model `smol`. It appears under this name only once it is converted and tried."""
    return (cache or cache_folder()) / "smol"


def has_ratings(cache: Path | None = None) -> bool:
    """Whether the human ratings were fetched."""
    return _has(ratings_folder(cache), (RATED_TEXTS, SINGLE_RATINGS))


def has_smol(cache: Path | None = None) -> bool:
    """Whether the model `smol` was fetched."""
    return _has(smol_folder(cache), SMOL_FILES)


def _has(folder: Path, names: tuple[str, ...]) -> bool:
    return all((folder / name).is_file() for name in names)
