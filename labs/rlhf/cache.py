"""What this course fetches: where it lies, and what makes it whole; nothing is loaded or downloaded here."""

from __future__ import annotations

from pathlib import Path

import labkit.cache
from labkit.cache import has_all

RATED_TEXTS = "movieReviewSnippets_GroundTruth.txt"
SINGLE_RATINGS = "movieReviewSnippets_anonDataRatings.txt"
SMOL_FILES = ("config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")


def cache_folder() -> Path:
    """The folder of everything fetched: `$LABKIT_CACHE`, or `~/.cache/rlhf-lab-kit`."""
    return labkit.cache.cache_folder("rlhf-lab-kit")


def ratings_folder(cache: Path | None = None) -> Path:
    """The folder of the human ratings. It appears under this name only once both files are in it."""
    return (cache or cache_folder()) / "ratings"


def smol_folder(cache: Path | None = None) -> Path:
    """The folder of the model `smol`. It appears under this name only once it is converted and tried."""
    return (cache or cache_folder()) / "smol"


def has_ratings(cache: Path | None = None) -> bool:
    """Whether the human ratings were fetched."""
    return has_all(ratings_folder(cache), (RATED_TEXTS, SINGLE_RATINGS))


def has_smol(cache: Path | None = None) -> bool:
    """Whether the model `smol` was fetched."""
    return has_all(smol_folder(cache), SMOL_FILES)
