"""What the prose of lab 02 says in numbers, computed: each test is a sentence of the lab."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F

import rlhf


@pytest.mark.parametrize("p", [0.55, 0.7, 0.9])
def test_labels_of_one_random_rater_have_their_lowest_loss_at_the_log_odds(p: float) -> None:
    """Hard labels, a share p of them one way round; the order of the means is all of them one way."""
    labels = torch.tensor([1.0] * round(1000 * p) + [-1.0] * round(1000 * (1 - p)), dtype=torch.float64)
    ahead = torch.tensor(math.log(p / (1 - p)), dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(-F.logsigmoid(labels * ahead).mean(), ahead)
    assert slope.item() == pytest.approx(0, abs=1e-12)
    for far in (0.0, 5.0, 50.0):
        ahead = torch.tensor(far, dtype=torch.float64, requires_grad=True)
        (slope,) = torch.autograd.grad(-F.logsigmoid(ahead), ahead)
        assert slope.item() < 0, "always asks for more"


def crowd(count: int = 300) -> tuple[list[list[int]], torch.Tensor]:
    """Ratings of the held-out snippets that lab 02 shows, and P(row beats column)."""
    held_out = rlhf.split_ratings()[1]
    picked = torch.randperm(len(held_out), generator=torch.Generator().manual_seed(0))[:count]
    ratings = list(held_out.select(picked.tolist())["ratings"])
    return ratings, beating(ratings)


def beating(ratings: list[list[int]]) -> torch.Tensor:
    shares = torch.stack([torch.bincount(torch.tensor(row) + 4, minlength=9).double() / len(row) for row in ratings])
    return shares @ (shares.cumsum(1) - 0.5 * shares).T


def test_the_crowds_hardly_go_round_in_circles_and_obey_bradley_and_terry() -> None:
    ratings, share = crowd()
    beats = torch.where(share > 0.5 + 1e-9, share, 0.0)
    wins = (beats > 0).double()
    circles = torch.einsum("ij,jk,ki->", wins, wins, wins).item() / 3
    assert 0 < circles < 1e-4 * math.comb(300, 3)
    for k, row in enumerate(beats):
        assert torch.minimum(torch.minimum(row[:, None], beats), beats[:, k]).max() < 0.52, "by a hair"
    score = torch.zeros(300, dtype=torch.float64)
    for _ in range(300):
        said = torch.sigmoid(score[:, None] - score)
        score += 4 * (share - said).mean(dim=1)
    assert (share - said).mean(dim=1).abs().max() < 1e-6, "the top of the likelihood"
    generator = torch.Generator().manual_seed(1)
    drawn = [[row[k] for k in torch.randint(len(row), (len(row),), generator=generator)] for row in ratings]
    noise = (beating(drawn) - share).abs().mean()
    assert (share - said).abs().mean() < 0.03 < noise < 0.05, "misses p by less than the chance of the raters"


def test_transformers_reads_before_the_first_pad_id() -> None:
    """Up to 4.48; from 4.49 at the last id that is not the pad id."""
    import transformers

    shape = transformers.GPT2Config(vocab_size=9, n_positions=8, n_embd=8, n_layer=1, n_head=2, num_labels=1,
                                    bos_token_id=0, eos_token_id=0, pad_token_id=0)  # fmt: skip
    torch.manual_seed(0)
    model = transformers.GPT2ForSequenceClassification(shape).eval()
    ids = torch.tensor([[4, 5, 0, 6, 7, 0, 0]])  # an EOS inside, one at the end, padding
    with torch.no_grad():
        each = model.score(model.transformer(ids).last_hidden_state)[0, :, 0]
        read = model(ids, attention_mask=torch.tensor([[1, 1, 1, 1, 1, 1, 0]])).logits.item()
    early = tuple(map(int, transformers.__version__.split(".")[:2])) < (4, 49)
    assert read == pytest.approx(each[1 if early else 4].item(), abs=1e-6)


@pytest.mark.filterwarnings("ignore")
def test_a_base_model_does_not_do_as_it_is_told_and_forty_steps_of_sft_teach_it(
    shown: Callable[..., dict[str, Any]],
) -> None:
    lab = shown("02-reward-model", 'asking, words = rlhf.load_policy("tiny")', "def answers(", "before_sft = judged()",
                "to_show = {", "after_sft = judged()")  # fmt: skip
    parted = {}
    for when in ("before", "after"):
        good, bad = (lab[f"{when}_sft"][wish] for wish in ("good", "bad"))
        parted[when] = ((good.mean() - bad.mean()) / ((good.var() + bad.var()) / len(good)).sqrt()).item()
    assert abs(parted["before"]) < 2 < 5 < parted["after"]
    assert lab["after_sft"]["good"].mean() > 0 > lab["after_sft"]["bad"].mean()
    assert all(lab["answers"](wish)[1] > 0.6 for wish in lab["ASKED"]), "most come to an end"
    # What was asked is read, not learned: the loss is the mean over the answers' tokens, their EOS included.
    [(ids, labels)] = [lab["shown"]("good", "A fine film.")]
    with torch.no_grad():
        out = lab["asking"](ids[None], labels=labels[None])
        log_probs = out.logits[0, :-1].log_softmax(-1).gather(-1, ids[1:, None]).squeeze(-1)
    told = len(lab["words"](lab["prompts"]["good"]).input_ids)
    assert lab["words"].decode(ids[told:]) == "A fine film." + lab["words"].eos_token
    assert out.loss.item() == pytest.approx(-log_probs[told - 1 :].mean().item(), abs=1e-5)
    lab["asking"], _ = rlhf.load_policy("tiny")
    assert lab["answers"]("good")[1] < 0.1, "before, hardly any"
