"""Lab 05: the loss is TRL's to the last digit, DPO finds the optimum, and a small language model learns preferences."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from grader.build.notebooks import read_source
from grader.checks.registry import LabChecks
from grader.course.paths import Course

LAB = "05-dpo"
NAMES = ("policy_chosen", "policy_rejected", "ref_chosen", "ref_rejected")


def trl_losses(
    four: list[torch.Tensor], beta: float, label_smoothing: float, loss_type: str = "sigmoid"
) -> torch.Tensor:
    """`DPOTrainer.dpo_loss` of TRL 0.11.4, called on what it reads of a trainer."""
    from trl import DPOTrainer

    trainer = SimpleNamespace(
        accelerator=SimpleNamespace(device="cpu"), reference_free=False, f_divergence_type="reverse_kl",
        f_divergence_params=None, beta=beta, label_smoothing=label_smoothing, loss_type=loss_type,
    )  # fmt: skip
    return DPOTrainer.dpo_loss(trainer, *four)[0]


def log_prob_cases(count: int = 200, pairs: int = 7) -> list[tuple[list[torch.Tensor], float, float]]:
    """Random and adversarial (log-probs, β, label smoothing): long texts, ties, huge margins, β from 0 to 20."""
    generator = torch.Generator().manual_seed(5)
    cases = []
    for case in range(count):
        scale = (1.0, 30.0, 500.0, 1e4)[case % 4]
        four = [-scale * torch.rand(pairs, generator=generator, dtype=torch.float64) for _ in NAMES]
        if case % 5 == 0:
            four[2], four[3] = four[0].clone(), four[1].clone()  # the policy is the reference
        if case % 7 == 0:
            four[0][0], four[1][0] = 0.0, -1e4
            four[0][1], four[1][1] = -1e4, 0.0
        beta = (0.1, 0.0, 0.01, 0.5, 1.0, 20.0)[case % 6]
        cases.append((four, beta, (0.0, 0.1, 0.5)[case % 3]))
    return cases


def with_gradients(
    losses: Any, four: list[torch.Tensor], beta: float, smoothing: float
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    leaves = [part.clone().requires_grad_() for part in four]
    values = losses(leaves, beta, smoothing)
    values.sum().backward()
    return values.detach(), [leaf.grad for leaf in leaves]


def test_the_loss_and_its_gradients_are_those_of_trl(solution: dict[str, Any]) -> None:
    worst = 0.0
    for four, beta, smoothing in log_prob_cases():
        ours, slopes = with_gradients(lambda leaves, b, e: solution["dpo_loss"](*leaves, b, e), four, beta, smoothing)
        theirs, expected = with_gradients(trl_losses, four, beta, smoothing)
        assert theirs.isfinite().all()
        for found, wanted in zip([ours, *slopes], [theirs, *expected], strict=True):
            worst = max(worst, (found - wanted).abs().max().item())
    assert worst < 1e-6, worst


def test_the_ipo_loss_per_token_is_that_of_trl(solution: dict[str, Any]) -> None:
    generator = torch.Generator().manual_seed(6)
    for four, beta, _ in log_prob_cases(60):
        if beta == 0:
            continue
        chosen, rejected = (torch.randint(1, 40, (7,), generator=generator) for _ in range(2))
        per_token = [part / length for part, length in zip(four, (chosen, rejected) * 2, strict=True)]
        ours = solution["ipo_loss"](*four, beta, (chosen, rejected))
        torch.testing.assert_close(ours, trl_losses(per_token, beta, 0.0, "ipo"), rtol=1e-9, atol=1e-6)


def test_the_weight_is_the_slope_of_the_loss(solution: dict[str, Any]) -> None:
    for beta in (0.1, 0.5, 2.0):
        log_u = torch.linspace(-30, 30, 101, dtype=torch.float64).requires_grad_()
        solution["loss_against_u"](log_u.exp(), beta).sum().backward()
        torch.testing.assert_close(-log_u.grad, solution["dpo_gradient_weight"](log_u.detach().exp(), beta))


def test_log_probs_are_those_of_the_trainer(solution: dict[str, Any]) -> None:
    from trl import DPOTrainer

    generator = torch.Generator().manual_seed(7)
    for _ in range(20):
        logits = torch.randn(3, 9, 11, generator=generator, dtype=torch.float64)
        ids = torch.randint(0, 3, (3, 9), generator=generator)  # id 0, the EOS, is everywhere
        prompts = torch.randint(1, 5, (3,), generator=generator)
        lengths = prompts + torch.randint(1, 5, (3,), generator=generator)
        place = torch.arange(9)
        mask = (place < lengths[:, None]).long()
        labels = ids.masked_fill((mask == 0) | (place < prompts[:, None]), -100)
        found = solution["sequence_logprob"](logits, ids, mask, prompts)
        torch.testing.assert_close(found, DPOTrainer.get_batch_logps(logits, labels)[0], rtol=0, atol=1e-9)


def test_dpo_with_exact_preferences_reaches_the_optimum(solution: dict[str, Any]) -> None:
    from rlhf import toy

    beta, log_ref, r = 0.5, toy.log_probs(0), toy.rewards(0)
    log_star = (log_ref + r / beta).log_softmax(0)
    first, second = torch.triu_indices(len(r), len(r), offset=1)
    wins = torch.sigmoid(r[first] - r[second])
    table = log_ref.clone().requires_grad_()
    optimizer = torch.optim.Adam([table], lr=0.1)
    for _ in range(500):
        lp = table.log_softmax(0)
        pair, ref = (lp[first], lp[second]), (log_ref[first], log_ref[second])
        right, turned = (solution["dpo_loss"](*p, *q, beta) for p, q in ((pair, ref), (pair[::-1], ref[::-1])))
        optimizer.zero_grad()
        (wins * right + (1 - wins) * turned).mean().backward()
        optimizer.step()
    lp = table.detach().log_softmax(0)
    assert (lp.exp() * (lp - log_star)).sum().item() < 1e-6


def test_held_out_prompts_are_in_no_training_pair() -> None:
    from rlhf.pairs import pairs_by_prompt, rating_pairs

    groups = pairs_by_prompt()
    assert (sum(map(len, groups.values())), len(groups)) == (32_802, 693)
    train, held_out = rating_pairs()
    prompts = [{" ".join(text.split(" ")[:2]).lower() for text in side["first"]} for side in (train, held_out)]
    assert not prompts[0] & prompts[1]
    assert len(train) > 1_000
    assert len(held_out) > 256
    again = rating_pairs()[0]
    assert again["first"] == train["first"]


def held_out_margins(trainer: Any, model_ref: Any) -> torch.Tensor:
    """log π − log π_ref of the held-out (chosen, rejected) responses, [2, pairs]."""
    trainer.model.eval()
    parts = []
    with torch.no_grad():
        for batch in trainer.get_eval_dataloader():
            policy, ref = (trainer.concatenated_forward(m, batch)[:2] for m in (trainer.model, model_ref))
            parts.append(torch.stack([p - q for p, q in zip(policy, ref, strict=True)]))
    return torch.cat(parts, dim=1)


@pytest.mark.filterwarnings("ignore")
def test_a_language_model_learns_the_preferences_of_people(solution: dict[str, Any], tmp_path: Path) -> None:
    """Half of the notebook's steps, two more seeds, 200 pairs under prompts that were never trained on."""
    import datasets
    from transformers import PrinterCallback
    from trl import DPOConfig, DPOTrainer

    from rlhf.models import WEIGHTS
    from rlhf.pairs import rating_pairs

    datasets.disable_progress_bars()
    train_rows, held_out_rows = rating_pairs()
    train, held_out = (
        datasets.Dataset.from_dict(solution["format_preferences"](**rows))
        for rows in (train_rows[:], held_out_rows[:200])
    )
    found = []
    for seed in (1, 2):  # the whole notebook, below, is of seed 0
        model, model_ref, tokenizer = solution["load_policy_and_reference"](str(WEIGHTS / "tiny"))
        arguments = DPOConfig(
            output_dir=str(tmp_path), beta=0.1, learning_rate=5e-4, max_steps=15, warmup_steps=3,
            per_device_train_batch_size=16, per_device_eval_batch_size=50, max_length=96, max_prompt_length=16,
            remove_unused_columns=False, logging_steps=1, save_strategy="no", report_to=[], disable_tqdm=True,
            seed=seed,
        )  # fmt: skip
        trainer = DPOTrainer(
            model, model_ref, args=arguments, train_dataset=train, eval_dataset=held_out, tokenizer=tokenizer
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
        log = [row for row in trainer.state.log_history if "rewards/margins" in row]
        assert log[0]["loss"] == pytest.approx(0.6931, abs=1e-4)
        assert log[0]["rewards/accuracies"] == 0.0, "a strict > on ties"
        chosen, rejected = held_out_margins(trainer, model_ref)
        assert chosen.mean() < 0, "the chosen log-prob falls"
        assert rejected.mean() < chosen.mean(), "and the rejected one falls further"
        found.append(solution["preference_accuracy"](chosen, rejected))
    print("held-out accuracy:", found)
    assert min(found) >= 0.58, found


def test_the_table_names_every_part_of_trl_that_the_lab_uses(repo: Course) -> None:
    notebook = read_source(repo.solutions / LAB / "lab.py")
    table = next(cell.source for cell in notebook.cells if "Where this lives today" in cell.source)
    for lab in ("04-partition-function", LAB):
        source = repo.solutions / lab / "lab.py"
        if not source.exists():
            continue
        code = "\n".join(cell.source for cell in read_source(source).cells if cell.cell_type == "code")
        used = {name for names in re.findall(r"from trl[\w.]* import (.+)", code) for name in names.split(", ")}
        used |= set(re.findall(r"trainer\.(\w+)", code))
        for call in re.findall(r"DPOConfig\((.*?)\)  # fmt", code, re.S):
            used |= set(re.findall(r"(\w+)=", call))
        ours = {
            "output_dir",
            "per_device_train_batch_size",
            "per_device_eval_batch_size",
            "warmup_steps",
            "seed",
            "disable_tqdm",
        }
        assert not {name for name in used - ours if name not in table}


def test_graded_cells_need_nothing_of_demo_cells(without_demos: dict[str, Any]) -> None:
    """Visible checks included: they pass without a model file and without training."""
    assert "trainer" not in without_demos


def test_the_solution_notebook_runs_whole(executed: Any, lab: LabChecks) -> None:
    """What it prints and draws is what the text says. About 50 seconds, most of it in `DPOTrainer`."""
    printed = executed.printed
    assert "✗" not in printed
    assert not [output for output in executed.outputs if output.get("name") == "stderr"]
    assert executed.pictures == 7
    assert executed.silent == [], "each step, or each tenth, is told"
    toys = [("DPO, exact preferences", 500), ("DPO, sampled pairs", 500), ("PPO", 100)]
    held_out = ("held-out pairs, by you", 8)
    trained = [held_out, ("held-out pairs, by TRL", 9), ("DPO", 30), held_out, ("yardsticks", 6), ("LoRA", 4)]
    others = [(name, 300) for name in ("DPO + NLL", "SimPO", "ORPO", "KTO")]
    assert executed.lines == toys + trained + others
    assert executed.points == sum(check.points for check in lab.checks) == 40
    assert "accuracy: yours 0.5, TRL's 0.0" in printed
    yours, theirs = map(float, re.search(r"log π\(chosen\): yours (\S+), TRL's (\S+)\n", printed).groups())
    assert yours == pytest.approx(theirs, abs=5e-3), "batches that divide the pairs"
    shares = dict(
        re.findall(r"\n(the longer text|words of the training pairs|reward model of lab 02) +(\d\.\d+)", printed)
    )
    assert float(shares["the longer text"]) < float(shares["words of the training pairs"]) < 0.63
    assert float(shares["reward model of lab 02"]) > 0.85
    assert float(re.search(r"step 500: KL\S+ = (\S+) nats", printed)[1]) < 1e-6
    assert float(re.search(r"held-out accuracy 0.50 → (\S+)", printed)[1]) >= 0.58
    for side in ("chosen", "rejected"):
        before, after = re.search(rf"held out, {side} *: mean log π *(\S+) → *(\S+)", printed).groups()
        assert float(after) < float(before), f"{side}: the log-prob falls"
