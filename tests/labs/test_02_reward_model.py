"""Lab 02: the loss is TRL's, ceilings are exact, and a model learns from human ratings what its text says it learns."""

from __future__ import annotations

import itertools
import re
import sys
from collections.abc import Iterator
from fractions import Fraction
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch

import rlhf
from grader.build.notebooks import read_source
from grader.checks.registry import LabChecks
from grader.course.paths import Course

LAB = "02-reward-model"


@pytest.fixture(scope="module")
def agreement(repo: Course) -> Iterator[ModuleType]:
    """solutions/models/agreement.py, which counts by matrices."""
    sys.path.insert(0, str(repo.solutions / "models"))
    import agreement

    yield agreement
    sys.path.pop(0)
    sys.modules.pop("agreement")


def trl_loss(chosen: torch.Tensor, rejected: torch.Tensor, margin: torch.Tensor | None) -> torch.Tensor:
    """`RewardTrainer.compute_loss` of TRL 0.11.4, the mean over the pairs, called on what it reads of a trainer."""
    from trl import RewardTrainer

    trainer = SimpleNamespace(use_reward_data_collator=True, args=SimpleNamespace(center_rewards_coefficient=None))
    inputs = {
        "input_ids_chosen": chosen,
        "attention_mask_chosen": None,
        "input_ids_rejected": rejected,
        "attention_mask_rejected": None,
    }
    if margin is not None:
        inputs["margin"] = margin
    return RewardTrainer.compute_loss(trainer, lambda input_ids, **_: {"logits": input_ids}, inputs)


def test_the_loss_and_its_gradients_are_those_of_trl(solution: dict[str, Any]) -> None:
    generator = torch.Generator().manual_seed(2)
    for case in range(100):
        scale = (1.0, 30.0, 1e4)[case % 3]
        sides = [scale * torch.randn(7, generator=generator, dtype=torch.float64) for _ in range(2)]
        margin = torch.rand(7, generator=generator, dtype=torch.float64) if case % 2 else None
        found = []
        for loss in (lambda c, r, m: solution["bradley_terry_loss"](c, r, m).mean(), trl_loss):
            leaves = [side.clone().requires_grad_() for side in sides]
            value = loss(*leaves, margin)
            value.backward()
            found.append([value.detach(), *(leaf.grad for leaf in leaves)])
        for ours, theirs in zip(*found, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-9)


def test_the_loss_that_cases_expect_is_that_of_trl(lab: LabChecks) -> None:
    judges = [check.judge for check in lab.of("bradley_terry_loss") if check.judge is not None]
    tried = 0
    for judge in judges:
        for case in judge.pool.values():
            chosen, rejected, *rest = (*case.args, *case.kwargs.values())
            if chosen.dtype == torch.float64:
                expected = judge.expected(case).value.mean()
                margin = rest[0] if rest else None
                torch.testing.assert_close(expected, trl_loss(chosen, rejected, margin), rtol=1e-9, atol=1e-9)
                tried += 1
    assert tried > 50


def test_no_case_of_preference_pairs_is_decided_by_rounding(lab: LabChecks) -> None:
    """A gap that floats meet only nearly may be kept or not: the docstring says nothing of it."""
    for check in lab.of("preference_pairs"):
        assert check.judge is not None
        for case in check.judge.pool.values():
            ratings, least = case.args[0], case.kwargs.get("min_gap", (*case.args[1:], 0.0)[0])
            means = [Fraction(sum(row), len(row)) for row in ratings if row]
            for a, b in itertools.combinations(means, 2):
                rounded = abs(float(a) - float(b)) >= least
                assert a == b or rounded == (abs(a - b) >= least), case.name
                held = all(float(mean) == mean for mean in (a, b))
                assert held or a == b or abs(abs(a - b) - Fraction(least)) > 1e-7, case.name


def test_pairs_of_real_snippets_are_those_counted_one_by_one(solution: dict[str, Any]) -> None:
    ratings = list(rlhf.load_ratings().select(range(0, 10_600, 400))["ratings"])
    pairs, p = solution["preference_pairs"](ratings, 0.5)
    wanted = []
    for i, j in itertools.combinations(range(len(ratings)), 2):
        gap = sum(ratings[i]) / len(ratings[i]) - sum(ratings[j]) / len(ratings[j])
        if abs(gap) >= 0.5:
            wanted.append([i, j] if gap > 0 else [j, i])
    assert pairs.tolist() == wanted
    for (i, j), share in zip(wanted, p.tolist(), strict=True):
        wins = sum((x > y) + 0.5 * (x == y) for x in ratings[i] for y in ratings[j])
        assert share == pytest.approx(wins / len(ratings[i]) / len(ratings[j]), abs=1e-12)


def test_the_last_token_is_found_in_every_mask_there_is(solution: dict[str, Any]) -> None:
    for length in range(1, 7):
        rows = [[1] * n + [0] * (length - n) for n in range(1, length + 1)]
        rows += [row[::-1] for row in rows]
        wanted = [max(k for k in range(length) if row[k]) for row in rows]
        assert solution["last_token_index"](torch.tensor(rows)).tolist() == wanted


def test_pooling_is_that_of_transformers_where_that_is_right(solution: dict[str, Any]) -> None:
    model, tokenizer = rlhf.load_reward_model()
    texts = ["A film.", "It is a long and rather tedious film about nothing.", "Great fun!"]
    batch = tokenizer(texts, padding=True, return_tensors="pt")
    with torch.no_grad():
        hidden = model.base_model(**batch).last_hidden_state
        found = solution["pool_reward"](hidden, batch.attention_mask, model.score)
        torch.testing.assert_close(found, model(**batch).logits.squeeze(-1), rtol=0, atol=1e-5)
    torch.testing.assert_close(found, rlhf.score_texts(model, tokenizer, texts), rtol=0, atol=1e-4)


def test_no_order_of_the_snippets_beats_the_ceiling(solution: dict[str, Any]) -> None:
    """All 120 orders of five snippets, judged by every pair of raters; the best one reaches it here."""
    ratings = [[4, -1, -1, -1], [0], [2, 2, 3], [-4, 4], [1, 0, 1]]
    pairs = torch.tensor(list(itertools.combinations(range(5), 2)))
    ceiling = solution["accuracy_ceiling"](ratings, pairs, "one_rater")

    def accuracy(rewards: tuple[int, ...]) -> float:
        right = 0.0
        for i, j in pairs.tolist():
            a, b = (ratings[i], ratings[j]) if rewards[i] > rewards[j] else (ratings[j], ratings[i])
            right += sum((x > y) + 0.5 * (x == y) for x in a for y in b) / (len(a) * len(b))
        return right / len(pairs)

    best = max(accuracy(order) for order in itertools.permutations(range(5)))
    assert best == pytest.approx(ceiling, abs=1e-12)


def test_the_ceilings_of_held_out_snippets_are_those_counted_by_matrices(
    solution: dict[str, Any], agreement: ModuleType
) -> None:
    _, held_out = rlhf.split_ratings()
    some = held_out.select(range(0, 1_000, 10))
    ratings, means = list(some["ratings"]), torch.tensor(list(some["mean"]))
    pairs = torch.tensor(list(itertools.combinations(range(len(ratings)), 2)))
    wanted = agreement.one_rater_ceiling(agreement.histograms(ratings), means)
    assert solution["accuracy_ceiling"](ratings, pairs) == pytest.approx(wanted.every, abs=1e-6)
    differ = solution["preference_pairs"](ratings)[0]
    assert solution["accuracy_ceiling"](ratings, differ, "mean") == 1.0
    assert solution["accuracy_ceiling"](ratings, pairs, "mean") == pytest.approx(0.5 + 0.5 * len(differ) / len(pairs))


def test_the_table_names_every_part_of_trl_that_the_lab_uses(repo: Course) -> None:
    cells = read_source(repo.solutions / LAB / "lab.py").cells
    table = next(cell.source for cell in cells if "Where this lives today" in cell.source)
    code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    used = {name for names in re.findall(r"from trl[\w.]* import (.+)", code) for name in names.split(", ")}
    used |= set(re.findall(r"trainer\.(\w+)", code)) - {"utils"}
    for call in re.findall(r"RewardConfig\((.*?)\)  # fmt", code, re.S):
        used |= set(re.findall(r"(\w+)=", call))
    ours = {"output_dir", "per_device_train_batch_size", "warmup_steps", "seed", "disable_tqdm"}
    assert not {name for name in used - ours if name not in table}


def test_graded_cells_need_nothing_of_demo_cells(without_demos: dict[str, Any]) -> None:
    """Visible checks included: they pass without a model file, without ratings and without training."""
    assert "RewardTrainer" not in without_demos


def numbers(pattern: str, text: str) -> list[float]:
    """The numbers in the groups of the first match."""
    match = re.search(pattern, text)
    assert match is not None, pattern
    return [float(group) for group in match.groups()]


def test_the_solution_notebook_runs_whole(executed: Any, lab: LabChecks) -> None:
    """What it prints and draws is what the text says. About 80 seconds on one core, most of it in `RewardTrainer`."""
    printed = executed.printed
    assert "✗" not in printed
    assert not [output for output in executed.outputs if output.get("name") == "stderr"]
    assert executed.pictures == 7
    assert executed.points == sum(check.points for check in lab.checks) == 40
    assert executed.silent == [], "each step, or each tenth, is told"
    assert executed.lines == [("SFT", 40), ("hard labels", 200), ("soft targets", 200), ("search", 5), ("search", 3)]
    for _, before, after in re.findall(r"(\n|^)loss (\S+) → (\S+)", printed):
        assert float(after) < float(before) - 0.1
    certain = {name: numbers(rf"{name} +is certain to (\S+) on average, and right in (\S+)\n", printed) for name in
               ("hard labels", "soft targets", "the kit's")}  # fmt: skip
    over = {name: says - right for name, (says, right) in certain.items()}
    assert over["hard labels"] > over["soft targets"] + 0.02, "hard labels make overconfident"
    assert over["hard labels"] > 0.03
    said = "".join(output.get("data", {}).get("text/html", "") for output in executed.outputs)
    for name, least in (("hard labels", 0.75), ("soft targets", 0.75), ("the kit&#x27;s", 0.84)):
        assert numbers(rf"wide pairs, label: means: .*?{name} (\d\.\d+)", said)[0] >= least
    climb = said[said.index("Reward of a text as its words are replaced") :]
    rewards = [float(reward) for reward in re.findall(r"&#x27; (-?\d+\.\d+)", climb)]
    assert len(rewards) == 6
    assert rewards == sorted(rewards)
    best = numbers(r"best of 1,000: (\d+\.\d+)", climb)[0]
    assert rewards[0] < 0 < best < rewards[-1], "nonsense beats every snippet by people"
    assert numbers(r"(-?\d+\.\d+)  This film is a complete waste of time\.\n", printed)[0] < -1
    assert numbers(r"(-?\d+\.\d+)  Not a good film\.", printed)[0] > 0
