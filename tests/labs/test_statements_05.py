"""What the prose of lab 05 says in numbers, computed: each test is a sentence of the lab."""

from __future__ import annotations

import itertools
import json
import math
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import torch.nn.functional as F

import rlhf
from grader.course.paths import Course
from rlhf import today, toy
from rlhf.models import WEIGHTS
from rlhf.pairs import rating_pairs

BETA = 0.5


def test_the_loss_is_peoples_doubt_plus_a_kl_that_only_the_optimum_brings_to_0() -> None:
    log_ref, r = toy.log_probs(0), toy.rewards(0)
    first, second = torch.triu_indices(len(r), len(r), offset=1)
    p = torch.sigmoid(r[first] - r[second])
    doubt = -torch.xlogy(p, p) - torch.xlogy(1 - p, 1 - p)
    generator = torch.Generator().manual_seed(0)
    for noise in (0.0, 1e-3, 0.1, 3.0):
        policy = log_ref + r / BETA + noise * torch.randn(len(r), generator=generator, dtype=torch.float64)
        gained = policy.log_softmax(0) - log_ref
        z = BETA * (gained[first] - gained[second])
        loss = -p * F.logsigmoid(z) - (1 - p) * F.logsigmoid(-z)
        kl = p * (p.log() - F.logsigmoid(z)) + (1 - p) * ((1 - p).log() - F.logsigmoid(-z))
        torch.testing.assert_close(loss, doubt + kl, rtol=0, atol=1e-12)
        assert (kl.mean().item() < 1e-15) == (noise == 0.0)
        torch.testing.assert_close(policy.log_softmax(0), (log_ref + (gained - gained[0])).log_softmax(0))


def test_the_gradient_of_dpo_is_the_one_written_out(solutions: Callable[[str], dict[str, Any]]) -> None:
    """−β σ(−β log u) (∇ log π(y_w) − ∇ log π(y_l)), for a policy with parameters that responses share."""
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(7, 3, generator=generator, dtype=torch.float64)
    theta = torch.randn(3, generator=generator, dtype=torch.float64, requires_grad=True)
    ref = torch.randn(7, generator=generator, dtype=torch.float64).log_softmax(0)
    for won, lost in itertools.permutations(range(7), 2):
        log_pi = (features @ theta).log_softmax(0)
        loss = solutions("05-dpo")["dpo_loss"](*(x[[k]] for x in (log_pi, ref) for k in (won, lost)), 0.1)
        (found,) = torch.autograd.grad(loss.sum(), theta, retain_graph=True)
        slopes = [torch.autograd.grad(log_pi[k], theta, retain_graph=True)[0] for k in (won, lost)]
        log_u = (log_pi[won] - log_pi[lost] - ref[won] + ref[lost]).detach()
        weight = solutions("05-dpo")["dpo_gradient_weight"](log_u.exp(), 0.1)
        torch.testing.assert_close(found, -weight * (slopes[0] - slopes[1]))


def test_an_outlier_pulls_ipo_by_50_and_dpo_by_no_more_than_beta(solutions: Callable[[str], dict[str, Any]]) -> None:
    zero = torch.zeros(1, dtype=torch.float64)
    slopes = {}
    for name in ("dpo_loss", "ipo_loss"):
        log_u = torch.tensor([-20.0], dtype=torch.float64, requires_grad=True)
        solutions("05-dpo")[name](log_u, zero, zero, zero, 0.1).sum().backward()
        slopes[name] = -log_u.grad.item()
    assert slopes["ipo_loss"] == pytest.approx(50)
    assert slopes["dpo_loss"] == pytest.approx(0.088, abs=5e-4)


@pytest.fixture(scope="module")
def held_out(solutions: Callable[[str], dict[str, Any]]) -> dict[str, list[str]]:
    return solutions("05-dpo")["format_preferences"](**rating_pairs()[1][:])


def reference_logps(held_out: dict[str, list[str]], side: str, sequence_logprob: Any) -> torch.Tensor:
    model, tokenizer = rlhf.load_policy("tiny")
    tokenizer.pad_token = eos = tokenizer.eos_token
    found = []
    for start in range(0, len(held_out["prompt"]), 51):
        prompts, responses = (held_out[name][start : start + 51] for name in ("prompt", side))
        texts = [eos + prompt + response + eos for prompt, response in zip(prompts, responses, strict=True)]
        batch = tokenizer(texts, return_tensors="pt", padding=True, padding_side="right")
        lengths = torch.tensor([len(tokenizer(eos + prompt).input_ids) for prompt in prompts])
        with torch.no_grad():
            logits = model(**batch).logits
        found.append(sequence_logprob(logits, batch.input_ids, batch.attention_mask, lengths))
    return torch.cat(found)


def test_means_of_batches_are_the_mean_where_batches_divide_and_yardsticks_are_as_told(
    held_out: dict[str, list[str]], solutions: Callable[[str], dict[str, Any]]
) -> None:
    lab = solutions("05-dpo")
    chosen, rejected = (reference_logps(held_out, side, lab["sequence_logprob"]) for side in ("chosen", "rejected"))
    assert len(chosen) == 459 == 9 * 51

    def mean_of_means(size: int) -> float:
        return torch.stack([part.mean() for part in chosen.split(size)]).mean().item()

    assert mean_of_means(51) == pytest.approx(chosen.mean().item(), abs=1e-3)
    assert len(chosen.split(64)[-1]) == 11
    assert mean_of_means(64) - chosen.mean().item() == pytest.approx(1.0, abs=0.1), "off by one nat"

    accuracy = lab["preference_accuracy"]
    votes: Counter[str] = Counter()
    train = lab["format_preferences"](**rating_pairs()[0][:])
    for good, bad in zip(train["chosen"], train["rejected"], strict=True):
        one, other = set(good.lower().split()), set(bad.lower().split())
        votes.update(one - other)
        votes.subtract(other - one)

    def by_words(side: str) -> torch.Tensor:
        told = [[max(-3, min(3, votes[w])) for w in set(text.lower().split())] for text in held_out[side]]
        return torch.tensor([sum(row) for row in told]).double()

    lengths = [torch.tensor(list(map(len, held_out[side]))).double() for side in ("chosen", "rejected")]
    assert accuracy(chosen, rejected) == pytest.approx(0.49, abs=0.03)
    assert accuracy(*lengths) == pytest.approx(0.52, abs=0.03)
    assert 0.55 < accuracy(by_words("chosen"), by_words("rejected")) < 0.63


@pytest.mark.filterwarnings("ignore")
def test_dropout_moves_the_first_training_loss_and_no_evaluation(
    held_out: dict[str, list[str]], tmp_path: Path
) -> None:
    import datasets
    from transformers import AutoModelForCausalLM, AutoTokenizer, PrinterCallback
    from trl import DPOConfig, DPOTrainer

    tokenizer = AutoTokenizer.from_pretrained(WEIGHTS / "tiny")
    tokenizer.pad_token = tokenizer.eos_token
    plain = AutoModelForCausalLM.from_pretrained(WEIGHTS / "tiny").config
    assert (plain.resid_pdrop, plain.attn_pdrop, plain.embd_pdrop) == (0.0, 0.0, 0.0), "tiny has none"
    data = datasets.Dataset.from_dict({name: column[:4] for name, column in held_out.items()})
    for disabled in (True, False):
        model, model_ref = (
            AutoModelForCausalLM.from_pretrained(WEIGHTS / "tiny", resid_pdrop=0.1, embd_pdrop=0.1) for _ in range(2)
        )
        arguments = DPOConfig(
            output_dir=str(tmp_path), beta=0.1, max_steps=1, per_device_train_batch_size=4, disable_dropout=disabled,
            max_length=64, max_prompt_length=16, remove_unused_columns=False, logging_steps=1, save_strategy="no",
            report_to=[], disable_tqdm=True, seed=0,
        )  # fmt: skip
        trainer = DPOTrainer(model, model_ref, args=arguments, train_dataset=data, eval_dataset=data,
                             tokenizer=tokenizer)  # fmt: skip
        trainer.remove_callback(PrinterCallback)
        assert trainer.evaluate()["eval_loss"] == pytest.approx(math.log(2), abs=1e-6), "evaluation: never"
        trainer.train()
        first = next(row["loss"] for row in trainer.state.log_history if "loss" in row)
        assert (abs(first - math.log(2)) < 1e-4) == disabled, "training: where it is on"


@pytest.fixture(scope="module")
def more_losses(shown: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """Lab 05's sampled pairs of the toy, DPO on them, and the four losses of section 12."""
    return shown("05-dpo", "# log π_ref(y|x), [prompt", "def train_dpo(", "sampled = train_dpo(", "def dpo_and_nll(")


def test_the_four_losses_are_those_of_trl(more_losses: dict[str, Any]) -> None:
    from trl import CPOTrainer, KTOTrainer, ORPOTrainer

    lab, accelerator = more_losses, SimpleNamespace(device="cpu", gather=lambda number: number)
    won, lost, size, log_ref = (lab[name] for name in ("won", "lost", "size", "log_ref"))
    noise = torch.randn(341, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    lp = (log_ref[0] + noise).log_softmax(0)
    each = lp / size
    assert size.tolist() == [len(toy.text(y).split()) for y in toy.responses()]
    trainer = SimpleNamespace(
        beta=2.0, simpo_gamma=1.0, loss_type="simpo", label_smoothing=0.0, accelerator=accelerator
    )
    torch.testing.assert_close(lab["simpo"](lp), CPOTrainer.cpo_loss(trainer, each[won], each[lost])[0])
    trainer = SimpleNamespace(beta=0.25, accelerator=accelerator)
    odds = ORPOTrainer.odds_ratio_loss(trainer, each[won], each[lost])[0]
    torch.testing.assert_close(lab["orpo"](lp), -each[won] - odds)
    trainer = SimpleNamespace(
        beta=0.5, loss_type="kto", desirable_weight=1.0, undesirable_weight=1.0, calculate_KL=True,
        accelerator=accelerator,
    )  # fmt: skip
    kl = (lp.exp() * (lp - log_ref[0])).sum()
    both = KTOTrainer.kto_loss(trainer, lp[won], lp[lost], kl[None], log_ref[0, won], log_ref[0, lost], 0 * kl[None])[0]
    torch.testing.assert_close(lab["kto"](lp), both[: len(won)] + both[len(won) :])
    dpo = lab["dpo_loss"](lp[won], lp[lost], log_ref[0, won], log_ref[0, lost], 0.5)
    torch.testing.assert_close(lab["dpo_and_nll"](lp), dpo - each[won])


def test_only_an_nll_holds_the_chosen_up_and_what_differs_is_where_a_loss_stops(more_losses: dict[str, Any]) -> None:
    lab = more_losses
    runs = {name: lab["train_dpo"](name, lab[name], 300) for name in ("dpo_and_nll", "simpo", "orpo", "kto")}
    runs["dpo"] = lab["sampled"][:301]

    def at(name: str, step: int) -> tuple[float, float, float]:
        lp = runs[name][step]
        kl = (lp.exp() * (lp - lab["log_ref"][0])).sum().item()
        return lp[lab["won"]].mean().item(), kl, (lp.exp() * lab["r"][0]).sum().item()

    rises = {name: at(name, 300)[0] > at(name, 0)[0] for name in runs}
    assert rises == {"dpo_and_nll": True, "orpo": True, "simpo": False, "kto": False, "dpo": False}
    for name, kl in {"dpo_and_nll": 0.35, "orpo": 0.26, "kto": 0.76}.items():
        assert at(name, 300)[1] == pytest.approx(kl, abs=0.05)
        assert at(name, 150)[1] == pytest.approx(at(name, 300)[1], abs=0.02), "it stops"
    for name in ("dpo", "simpo"):
        assert at(name, 300)[1] > at(name, 150)[1] + 0.5, "it runs on"
        assert max(at(name, step)[2] for step in range(0, 300, 10)) > at(name, 300)[2] + 0.05, "and loses reward again"
    near = {
        name: min(range(301), key=lambda step, name=name: abs(at(name, step)[1] - 1.5)) for name in ("dpo", "simpo")
    }
    assert at("dpo", near["dpo"])[2] > at("simpo", near["simpo"])[2] + 0.2, "for each nat SimPO gets less"


@pytest.mark.filterwarnings("ignore")
def test_with_lora_the_model_with_its_adapter_off_is_the_reference(shown: Callable[..., dict[str, Any]]) -> None:
    lab = shown("05-dpo", "train_rows, held_out_rows =", "datasets.disable_progress", "def logps(", "from peft import",
                'live.Line("LoRA"')  # fmt: skip
    for off, two in zip(lab["off"], lab["two"], strict=True):
        assert torch.equal(off, two.detach())
    assert (lab["one_model"] - lab["two_models"]).abs().max() < 2e-5
    assert lab["moved"] > 1, "and the policy has moved"
    assert sum(map(torch.numel, lab["learned"])) == pytest.approx(33_000, abs=500)


def test_trl_of_today_has_the_same_losses_on_the_same_tokens(repo: Course) -> None:
    """0.11.4 puts BOS before a prompt, 1.16 does not: it is in the prompts there."""
    script = Path(__file__).with_name("dpo_both.py")
    found = []
    for python in (sys.executable, str(today.python_of(today.today_folder()))):
        done = subprocess.run([python, str(script)], cwd=repo.root, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        found.append(json.loads(done.stdout.splitlines()[-1]))
    old, new = found
    assert (old["version"], new["version"]) == ("0.11.4", "1.16.0")
    for name, loss in old["losses"].items():
        assert abs(new["losses"][name] - loss) <= 1.2e-6 * max(1.0, abs(loss)), name
    assert abs(old["smoothed"] - old["losses"]["sigmoid"]) > 1e-3
    assert new["smoothed"] == new["losses"]["sigmoid"], "label_smoothing does nothing to sigmoid any more"
