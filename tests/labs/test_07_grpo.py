"""Lab 07: each part is TRL 1.16's, what the text enumerates holds, and the runs that it ships keep their targets."""

from __future__ import annotations

import importlib.util
import itertools
import json
import math
import re
import statistics
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from grader.build.notebooks import read_source
from grader.checks.registry import LabChecks
from grader.course.paths import Course
from rlhf import today, verifiable

LAB = "07-grpo"
REPLACED = {"STEPS = 60": "STEPS = 4"}  # the whole notebook, with short runs; the long ones are shipped
SEEDS = ("0", "1", "2")


@pytest.fixture(scope="module")
def beside_trl(repo: Course) -> dict[str, Any]:
    """What `trl_today.py` found in the second environment."""
    python = today.python_of(today.today_folder())
    script = Path(__file__).with_name("trl_today.py")
    done = subprocess.run([str(python), str(script)], cwd=repo.root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_loss_gradient_advantages_and_shares_are_those_of_trl(beside_trl: dict[str, Any]) -> None:
    assert beside_trl["losses"] < 1e-6
    assert beside_trl["slopes"] < 1e-5
    assert beside_trl["shares"] < 1e-6
    assert beside_trl["groups"] < 1e-5
    assert beside_trl["rloo"] < 1e-5


def test_defaults_and_removed_arguments_are_what_the_text_says(beside_trl: dict[str, Any]) -> None:
    said = {
        "grpo.beta": "0.0", "rloo.beta": "0.05", "grpo.num_generations": "8", "rloo.num_generations": "2",
        "grpo.learning_rate": "1e-06", "rloo.learning_rate": "1e-06", "grpo.max_completion_length": "512",
        "grpo.per_device_train_batch_size": "8", "grpo.bf16": "True", "grpo.gradient_checkpointing": "True",
        "scale_rewards": "group", "loss_type": "dapo", "importance_sampling_level": "token", "epsilon": "0.2",
        "use_bias_correction_kl": "True", "grpo.num_iterations": "1", "normalize": "False",
    }  # fmt: skip
    assert {name: beside_trl["defaults"][name] for name in said} == said
    assert "linear" in beside_trl["defaults"]["grpo.lr_scheduler_type"].lower()
    assert beside_trl["refused"] == ["max_prompt_length", "no_cuda", "kl_coef", "evaluation_strategy", "tokenizer"]


def policies() -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Logits and a reference over five responses."""
    generator = torch.Generator().manual_seed(7)
    draw = lambda: torch.randn(5, generator=generator, dtype=torch.float64) * 1.5  # noqa: E731
    return [(draw(), draw().log_softmax(-1)) for _ in range(20)]


def test_only_k2_and_k3_with_the_ratio_have_the_gradient_of_the_kl(solution: dict[str, Any]) -> None:
    for logits, log_ref in policies():
        logits.requires_grad_()
        lp = logits.log_softmax(-1)
        pi = lp.detach().exp()

        def slope(loss: torch.Tensor, logits: torch.Tensor = logits) -> torch.Tensor:
            return torch.autograd.grad(loss, logits, retain_graph=True)[0]

        forward = slope((lp.exp() * (lp - log_ref)).sum())
        turned = slope((log_ref.exp() * (log_ref - lp)).sum())
        found = {
            name: slope((pi * solution["kl_losses"](lp, log_ref, lp.detach(), name)).sum())
            for name in ("k1", "k2", "k3", "k3-ratio")
        }
        assert found["k1"].abs().max() < 1e-12
        torch.testing.assert_close(found["k2"], forward, rtol=0, atol=1e-12)
        torch.testing.assert_close(found["k3"], turned, rtol=0, atol=1e-12)
        torch.testing.assert_close(found["k3-ratio"], forward, rtol=0, atol=1e-12)
        assert (found["k3"] - forward).abs().max() > 0.01


def test_rloo_is_unbiased_and_grpo_is_not(solution: dict[str, Any]) -> None:
    for (logits, _), size in itertools.product(policies()[:6], (2, 3, 4)):
        rewards = torch.tensor([1.0, 0.0, 0.3, 0.0, 1.0], dtype=torch.float64)
        pi = logits.softmax(-1)
        exact = pi * (rewards - pi @ rewards)
        found = {
            m: solution["expected_gradient"](logits, rewards, size, m) for m in ("none", "mean", "others", "group")
        }
        torch.testing.assert_close(found["none"], exact, rtol=0, atol=1e-12)
        torch.testing.assert_close(found["others"], exact, rtol=0, atol=1e-12)
        torch.testing.assert_close(found["mean"], (1 - 1 / size) * exact, rtol=0, atol=1e-12)
        if size > 2:
            assert torch.nn.functional.cosine_similarity(found["group"], exact, dim=0) < 1 - 1e-6


def enumerated(logits: torch.Tensor, rewards: torch.Tensor, size: int, part: float) -> tuple[torch.Tensor, float]:
    """Mean and total variance of a group's gradient, with `part` of the mean of the others as baseline."""
    pi = logits.softmax(-1)
    groups = torch.tensor(list(itertools.product(range(len(logits)), repeat=size)))
    r = rewards[groups]
    advantages = r - part * (r.sum(1, keepdim=True) - r) / (size - 1)
    scores = torch.nn.functional.one_hot(groups, len(logits)) - pi
    gradients, chance = (advantages[..., None] * scores).mean(1), pi[groups].prod(1)[:, None]
    mean = (chance * gradients).sum(0)
    return mean, (chance * (gradients - mean) ** 2).sum().item()


def test_every_baseline_of_the_others_is_unbiased_and_differs_in_noise(solution: dict[str, Any]) -> None:
    """With the numbers of the lab's own table."""
    logits, rewards = (torch.tensor(row, dtype=torch.float64) for row in ([0.5, -1.0, 0.2, 1.0], [1.0, 0.0, 0.0, 0.3]))
    for size in (2, 4, 6):
        exact, turned = (solution["expected_gradient"](logits, rewards, size, name) for name in ("others", "group"))
        assert torch.nn.functional.cosine_similarity(turned, exact, dim=0) < math.cos(math.radians(5))
        noise = {}
        for part in (0.0, 0.5, 1.0, 2.0):
            mean, noise[part] = enumerated(logits, rewards, size, part)
            torch.testing.assert_close(mean, exact, rtol=0, atol=1e-12)
        assert (noise[1.0] < noise[0.0]) == (size > 2)


def test_pass_at_k_is_unbiased(solution: dict[str, Any]) -> None:
    for n, p in itertools.product((4, 8, 12), (0.05, 0.3, 0.9)):
        chance = [math.comb(n, c) * p**c * (1 - p) ** (n - c) for c in range(n + 1)]
        for k in range(1, n + 1):
            found = solution["pass_at_k"]([n] * (n + 1), list(range(n + 1)), k)
            assert sum(w * e for w, e in zip(chance, found, strict=True)) == pytest.approx(1 - (1 - p) ** k, abs=1e-12)


def test_the_obvious_estimate_loses_a_quarter() -> None:
    n = k = 8
    chance = [math.comb(n, c) * 0.1**c * 0.9 ** (n - c) for c in range(n + 1)]
    obvious = sum(w * (1 - (1 - c / n) ** k) for c, w in enumerate(chance))
    assert obvious / (1 - 0.9**k) == pytest.approx(0.75, abs=0.02)


def demo_cell(repo: Course, words: str) -> str:
    """The one demo cell that holds these words."""
    found = [cell.source for cell in read_source(repo.solutions / LAB / "lab.py").cells if words in cell.source]
    assert len(found) == 1
    return found[0]


def test_only_dr_grpo_leaves_the_gradient_of_lengths_as_it_is(solution: dict[str, Any], repo: Course) -> None:
    names = dict(solution)
    exec(demo_cell(repo, "def update("), names)
    places = torch.arange(1, 9)
    long, short = (right.double() for right in (places >= 5, places <= 2))
    found = {
        (method, level): (names["update"](long, method, level), names["update"](short, method, level))
        for method, level in (("grpo", "token"), ("grpo", "sequence"), ("dapo", "token"), ("dr_grpo", "token"))
    }
    assert found["dr_grpo", "token"] == pytest.approx([1 / 16, 1 / 16], abs=1e-12)  # (1 − 1/G) / L
    assert found["grpo", "token"] == pytest.approx(found["grpo", "sequence"], abs=1e-12)
    ratio = {key: short / long for key, (long, short) in found.items()}
    assert ratio["grpo", "token"] == pytest.approx(1.6, abs=0.05)
    assert ratio["dapo", "token"] == pytest.approx(1.3, abs=0.05), "less biased, not unbiased"


def test_the_difficulty_bias_is_what_the_text_says(solution: dict[str, Any], repo: Course) -> None:
    names = dict(solution)
    exec(demo_cell(repo, "def weight(").split("share = ")[0], names)
    weight = names["weight"]
    for p in (0.01, 0.3, 0.5, 0.99):
        assert weight(p, "none") == pytest.approx(1 - 1 / 8, abs=1e-12)
    assert weight(0.01, "group") / weight(0.5, "group") == pytest.approx(1.4, abs=0.05)
    assert weight(0.02, "group") == pytest.approx(weight(0.98, "group"))


def script(repo: Course) -> ModuleType:
    """`solutions/models/train_grpo.py`."""
    spec = importlib.util.spec_from_file_location("train_grpo", repo.solutions / "models" / "train_grpo.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["grpo", "no std", "beta 0.04", "rloo"])
def test_every_shipped_run_learns_to_write_one_sentence(name: str) -> None:
    runs = verifiable.shipped_runs()[name]
    assert tuple(runs) == SEEDS
    for run in runs.values():
        first, last = sum(run["reward"][:5]) / 5, sum(run["reward"][-5:]) / 5
        assert len(run["reward"]) == 60
        assert first < 0.06
        assert last >= 0.30


def mean_and_error(values: list[float]) -> tuple[float, float]:
    """Mean and standard error."""
    return statistics.fmean(values), statistics.stdev(values) / len(values) ** 0.5


def test_what_the_text_says_of_the_curves() -> None:
    runs = verifiable.shipped_runs()
    last = {name: mean_and_error([sum(run["reward"][-5:]) / 5 for run in runs[name].values()]) for name in runs}
    kl = {name: statistics.fmean(run["looks"][-1]["KL"] for run in runs[name].values()) for name in runs}
    lengths = [run["length"] for name in ("grpo", "no std", "beta 0.04", "rloo") for run in runs[name].values()]
    for name in ("no std", "rloo"):
        gap = abs(last[name][0] - last["grpo"][0])
        assert gap < 2 * (last[name][1] ** 2 + last["grpo"][1] ** 2) ** 0.5
    lower = last["grpo"][0] - last["beta 0.04"][0]
    assert round(lower, 2) == 0.03
    assert 1.4 < lower / (last["beta 0.04"][1] ** 2 + last["grpo"][1] ** 2) ** 0.5 < 1.6
    assert all(runs["beta 0.04"][seed]["looks"][-1]["KL"] < runs["grpo"][seed]["looks"][-1]["KL"] for seed in SEEDS)
    assert (round(kl["beta 0.04"], 1), round(kl["grpo"], 1)) == (4.6, 6.2)
    assert all(15 < length[0] <= 16 and sum(length[-5:]) / 5 < 11 for length in lengths)


def test_stop_at_once_collapses() -> None:
    for run in verifiable.shipped_runs()["stops"].values():
        start, end = run["looks"][0], run["looks"][-1]
        assert sum(run["reward"][-5:]) / 5 > 0.9
        assert end["length"] < 3 < 15 < start["length"] <= 16
        assert end["distinct"] < start["distinct"]
        assert end["KL"] > 2


def test_the_card_is_that_of_the_runs(repo: Course) -> None:
    runs = verifiable.shipped_runs()
    assert (repo.labs / "rlhf" / "runs" / "README.md").read_text() == script(repo).card(runs)


def test_openings_are_no_sentences() -> None:
    class Words:
        def __call__(self, text: str) -> dict[str, list[str]]:
            return {"input_ids": text.split(" ")}

        def decode(self, ids: list[str]) -> str:
            return " ".join(ids)

    found = verifiable.openings(Words(), 40)
    assert len(found) == 40
    assert not any(mark in text for text in found for mark in ".!?<\n")
    assert all(1 <= len(text.split()) <= 7 for text in found)
    assert found[:5] == verifiable.openings(Words(), 5)


def test_the_table_names_every_part_of_trl_that_the_lab_uses(repo: Course) -> None:
    cells = read_source(repo.solutions / LAB / "lab.py").cells
    table = next(cell.source for cell in cells if "Where this lives today" in cell.source)
    settings = next(cell.source for cell in cells if "These are the fields that matter" in cell.source)
    code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    fields = set(
        re.findall(r'^    "?(\w+)"?:|, "(\w+)":', code[code.index("COMMON = {") : code.index("def build(")], re.M)
    )
    used = {name for pair in fields for name in pair if name}
    ours = {"max_steps", "logging_steps", "model_init_kwargs", "use_cpu", "save_strategy", "report_to", "disable_tqdm"}
    assert not {name for name in used - ours if name not in table + settings}
    assert all(name in table for name in ("GRPOTrainer", "RLOOTrainer", "LengthSampler", "PPOConfig", "TypeError"))


def test_graded_cells_need_nothing_of_demo_cells(without_demos: dict[str, Any]) -> None:
    """Nor TRL: they run in the first environment too."""
    assert "grpo" not in without_demos


def test_it_asks_for_the_second_environment(repo: Course) -> None:
    spec = read_source(repo.solutions / LAB / "lab.py").metadata["kernelspec"]
    assert (spec["name"], spec["display_name"]) == (today.KERNEL, today.DISPLAY_NAME)


def test_the_solution_notebook_runs_whole(executed: Any, lab: LabChecks) -> None:
    """With four steps instead of sixty."""
    printed = executed.printed
    assert "✗" not in printed
    assert not [output for output in executed.outputs if output.get("name") == "stderr"]
    assert executed.points == sum(check.points for check in lab.checks) == 48
    assert executed.pictures == 4
    rows = re.findall(r"^\w+ +\| \w+ +\| 0\.\d+ +\| ([+-]\S+) \| ([+-]\S+)$", printed, re.M)
    assert len(rows) == 12
    assert max(abs(float(yours) - float(theirs)) for yours, theirs in rows) < 1.1e-6
    assert len(re.findall(r"^(?:GRPO|RLOO): reward", printed, re.M)) == 2
    lines = [output["data"].get("text/plain", "") for output in executed.outputs if "data" in output]
    assert [line.split(" steps")[0] for line in lines if " steps in " in line] == ["GRPO: 4 of 4", "RLOO: 4 of 4"]
