"""Measure the trained reward model on the held-out snippets and write its card, the README.md beside its weights.

    pip install --no-deps --target build/vader vaderSentiment==3.3.2
    python solutions/models/card_reward.py --model labs/rlhf/weights/reward --vader build/vader

VADER, the rule-based rater of the people who collected the ratings, is the baseline. Nothing else in the kit needs it.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import torch
from agreement import Accuracy, accuracy, agreement, histograms, one_rater_ceiling
from transformers import AutoTokenizer, GPT2ForSequenceClassification

from rlhf import load_reviews, score_texts, split_ratings

EXCERPT = 30  # words of a review
REVIEWS = 1_000
SAMPLES = (0, 250, 500, 750, 999)  # ranks among the held-out snippets, by reward


def vader_scores(folder: Path, texts: list[str]) -> torch.Tensor:
    """VADER's compound score of each text, float32 `[texts]`, in [−1, 1]."""
    sys.path.insert(0, str(folder))
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    analyzer = SentimentIntensityAnalyzer()
    return torch.tensor([analyzer.polarity_scores(text)["compound"] for text in texts])


def calibration(rewards: torch.Tensor, shares: torch.Tensor, bins: int = 10) -> list[tuple[float, float]]:
    """Mean predicted and mean observed preference of all pairs, each in both orders, by tenths of the predicted one."""
    others = ~torch.eye(len(rewards), dtype=torch.bool)
    predicted = torch.sigmoid(rewards[:, None] - rewards)[others]
    observed = agreement(shares, shares)[others]
    place = (predicted * bins).long().clamp(max=bins - 1)
    return [(predicted[place == k].mean().item(), observed[place == k].mean().item()) for k in range(bins)]


def review_accuracy(model: GPT2ForSequenceClassification, tokenizer: AutoTokenizer, seed: int = 0) -> float:
    """How often the beginning of a positive IMDb review gets a higher reward than that of a negative one."""
    reviews = load_reviews()
    chosen = np.random.default_rng(seed).permutation(len(reviews))[:REVIEWS].tolist()
    rows = reviews.select(chosen)
    rewards = score_texts(model, tokenizer, [" ".join(text.split()[:EXCERPT]) for text in rows["text"]])
    labels = torch.tensor(list(rows["label"]))
    gap = rewards[labels == 1, None] - rewards[None, labels == 0]
    return (0.5 + 0.5 * gap.sign()).mean().item()


def write_card(model_dir: Path, vader: Path) -> Path:
    """Write README.md beside the weights."""
    recipe = json.loads((model_dir / "recipe.json").read_text())
    tokenizer = AutoTokenizer.from_pretrained(model_dir)
    model = GPT2ForSequenceClassification.from_pretrained(model_dir, torch_dtype=torch.float32).eval()
    train, held_out = split_ratings()
    texts, means, shares = list(held_out["text"]), torch.tensor(list(held_out["mean"])), histograms(held_out["ratings"])
    rewards = score_texts(model, tokenizer, texts)
    rows: dict[str, Accuracy] = {
        "VADER 3.3.2": accuracy(vader_scores(vader, texts), means),
        "**reward**": accuracy(rewards, means),
        "ceiling, where the label is one random rater of each": one_rater_ceiling(shares, means),
    }
    table = "\n".join(f"| {name} | {100 * a.wide:.1f} % | {100 * a.every:.1f} % |" for name, a in rows.items())
    order = rewards.argsort(descending=True).tolist()
    bins = "\n".join(f"| {p:.2f} | {o:.2f} |" for p, o in calibration(rewards, shares))
    learned = score_texts(model, tokenizer, list(train["text"]))
    by_rank = ", ".join(f"{rank + 1}: {means[order[rank]]:+.1f}" for rank in SAMPLES)
    card = f"""# reward: the reward model of the labs

The body of the tiny policy with one output (`GPT2ForSequenceClassification`, one label):
{model.num_parameters() / 1e6:.2f} million parameters, saved as float16. It gives a short text about a film one
number: how favourable people would find it. `rlhf.load_reward_model()` loads it, `rlhf.score_texts` scores texts.

- Data: {len(train):,} of the 10,605 human-rated snippets (Hutto and Gilbert 2014). Held out are the {len(held_out):,}
  that `rlhf.split_ratings` names, never trained on and never used to choose anything. Nothing else was learned from:
  not the labels of the IMDb reviews, nor the `rotten_tomatoes` rows of the wheel, which hold 8,469 of the snippets.
- Training: {recipe["steps"]:,} steps of {recipe["batch"]} snippets, all pairs of a batch compared; the target of a pair
  is the share of its rater pairs that prefer the first, ties half. AdamW, bf16 autocast, dropout {recipe["dropout"]},
  seed {recipe["seed"]}. All settings: `recipe.json`.
- Made by `solutions/models/train_reward.py`, measured by `solutions/models/card_reward.py`.

Share of the held-out pairs in which the snippet with the higher mean rating gets the higher reward:

| | means at least 1 apart | all pairs |
|---|---|---|
{table}

Where the label is the order of the mean ratings, as in the other rows, the ceiling is 100 %.

A reward is read at the last token, without BOS or EOS. Rewards are on the Bradley–Terry scale, and their mean over the
snippets trained on is 0 (standard deviation there {learned.std():.2f}, on the held-out ones {rewards.std():.2f}).
Is σ(r_a − r_b) the share of rater pairs that prefer a? All held-out pairs in both orders, by tenths of the prediction:

| predicted | observed |
|---|---|
{bins}

The first {EXCERPT} words of {REVIEWS:,} IMDb reviews: a positive one beats a negative one in
{100 * review_accuracy(model, tokenizer):.1f} % of pairs.

Human ratings go from −4 to 4, their means on the held-out snippets from {means.min():+.1f} to {means.max():+.1f}. Mean
human rating of the held-out snippets, by rank of their reward: {by_rank}.

It judges the words of a text about a film and nothing else, can be fooled by short nonsense (lab 02 shows how), and has
learned from opinions that people wrote on the internet. Use it to learn about alignment, for nothing else.
"""
    path = model_dir / "README.md"
    path.write_text(card, encoding="utf-8")
    return path


def main() -> None:
    """Read the command line, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="the folder of the weights")
    parser.add_argument("--vader", type=Path, required=True, help="the folder that vaderSentiment was installed to")
    args = parser.parse_args()
    print(f"written: {write_card(args.model, args.vader)}")


if __name__ == "__main__":
    main()
