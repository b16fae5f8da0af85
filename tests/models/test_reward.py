"""The reward model that ships: what its card claims, recomputed on snippets that it never saw; how it reads a text."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

import rlhf
from labkit import LabError

ROOT = Path(__file__).resolve().parents[2]
REWARD = ROOT / "labs" / "rlhf" / "weights" / "reward"


@pytest.fixture(scope="module")
def agreement() -> Iterator[ModuleType]:
    """solutions/models/agreement.py."""
    sys.path.insert(0, str(ROOT / "solutions" / "models"))
    import agreement

    yield agreement
    sys.path.pop(0)
    sys.modules.pop("agreement")


@pytest.fixture(scope="module")
def card() -> dict[str, tuple[float, float]]:
    """Accuracies in percent, wide pairs and all, read from the card."""
    rows = re.findall(r"^\| \**(.+?)\** \| ([\d.]+) % \| ([\d.]+) % \|$", (REWARD / "README.md").read_text(), re.M)
    return {name: (float(wide), float(every)) for name, wide, every in rows}


@pytest.fixture(scope="module")
def loaded() -> Any:
    return rlhf.load_reward_model()


def test_it_is_a_frozen_sequence_classifier_of_at_most_10_megabytes(loaded: Any) -> None:
    from transformers import GPT2ForSequenceClassification

    model, tokenizer = loaded
    assert sum(file.stat().st_size for file in REWARD.iterdir()) <= 10e6
    assert isinstance(model, GPT2ForSequenceClassification)
    assert not model.training
    assert not any(parameter.requires_grad for parameter in model.parameters())
    assert tokenizer.padding_side == "right"
    assert tokenizer.get_vocab() == rlhf.load_policy("tiny")[1].get_vocab()


def test_the_split_is_the_same_whatever_the_order_and_shares_no_text() -> None:
    ratings = rlhf.load_ratings()
    train, held_out = rlhf.split_ratings(ratings)
    assert (len(train), len(held_out)) == (9_605, 1_000)
    assert not set(train["text"]) & set(held_out["text"])
    turned = rlhf.split_ratings(ratings.select(range(len(ratings) - 1, -1, -1)))[1]
    assert sorted(turned["id"]) == sorted(held_out["id"])


def test_held_out_accuracy_and_ceilings_are_those_of_the_card(
    loaded: Any, card: dict[str, tuple[float, float]], agreement: ModuleType
) -> None:
    """All 499,500 pairs. At least 80 % of the wide ones, and 12 points more than VADER has on them."""
    _, held_out = rlhf.split_ratings()
    means = torch.tensor(list(held_out["mean"]))
    found = agreement.accuracy(rlhf.score_texts(*loaded, list(held_out["text"])), means)
    ceiling = agreement.one_rater_ceiling(agreement.histograms(list(held_out["ratings"])), means)
    assert card["reward"] == pytest.approx((100 * found.wide, 100 * found.every), abs=0.11)
    by_rater = next(value for name, value in card.items() if name.startswith("ceiling"))
    assert by_rater == pytest.approx((100 * ceiling.wide, 100 * ceiling.every), abs=0.06)
    assert found.wide >= 0.80
    assert 100 * found.wide >= card["VADER 3.3.2"][0] + 12


def test_the_mean_reward_of_training_snippets_is_0(loaded: Any) -> None:
    train, _ = rlhf.split_ratings()
    assert rlhf.score_texts(*loaded, list(train["text"])[::20]).mean().item() == pytest.approx(0.0, abs=0.15)


def test_a_reward_does_not_depend_on_neighbours_and_is_that_of_transformers(loaded: Any) -> None:
    model, tokenizer = loaded
    texts = ["A film.", "It is a long and rather tedious film about nothing much.", "Great fun!", "A film."]
    together = rlhf.score_texts(model, tokenizer, texts)
    alone = torch.cat([rlhf.score_texts(model, tokenizer, [text]) for text in texts])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-5)
    assert together[0].item() == pytest.approx(together[3].item(), abs=1e-5)
    with torch.no_grad():
        theirs = model(**tokenizer(texts, padding=True, return_tensors="pt")).logits.squeeze(-1)
    torch.testing.assert_close(together, theirs, rtol=0, atol=1e-4)


def test_a_training_model_scores_without_dropout_and_goes_on_training(loaded: Any) -> None:
    model, tokenizer = loaded
    expected = rlhf.score_texts(model, tokenizer, ["A fine film."])
    try:
        model.train()
        assert torch.equal(rlhf.score_texts(model, tokenizer, ["A fine film."]), expected)
        assert model.training
    finally:
        model.eval()


def test_long_texts_are_cut_and_no_texts_give_no_rewards(loaded: Any) -> None:
    rewards = rlhf.score_texts(*loaded, ["A very long film. " * 100, "A very long film. " * 200])
    assert rewards[0].item() == pytest.approx(rewards[1].item(), abs=1e-5)
    assert rlhf.score_texts(*loaded, []).shape == (0,)


@pytest.mark.parametrize(("texts", "says"), [("A film.", "one string"), (["A film.", ""], "Text 1 of 2 is empty")])
def test_wrong_texts_are_refused(loaded: Any, texts: Any, says: str) -> None:
    with pytest.raises(LabError, match=says):
        rlhf.score_texts(*loaded, texts)


def test_missing_weights_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("rlhf.reward.WEIGHTS", tmp_path)
    with pytest.raises(LabError, match=r"reward model are missing: .* no config.json"):
        rlhf.load_reward_model()


def test_agreement_is_counted_exactly(agreement: ModuleType) -> None:
    """Against all pairs of raters, one by one."""
    crowd = [[0, 1], [4, 4, -4], [-1], [3, 2, 2, -4, 0]]
    shares = agreement.histograms(crowd)
    found = agreement.agreement(shares, shares)
    for i, a in enumerate(crowd):
        for j, b in enumerate(crowd):
            wanted = sum((x > y) + 0.5 * (x == y) for x in a for y in b) / (len(a) * len(b))
            assert found[i, j].item() == pytest.approx(wanted, abs=1e-6)
