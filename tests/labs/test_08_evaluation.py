"""Lab 08: its figures are exact, its policies ship as they were measured, and the notebook shows what its text says."""

from __future__ import annotations

import itertools
import math
import re
from statistics import NormalDist
from typing import Any

import pytest
import torch

import rlhf
from grader.build.notebooks import read_source
from grader.checks.registry import LabChecks
from grader.course.paths import Course
from rlhf.sampling import NEW_TOKENS, PROMPT_TOKENS
from rlhf.variants import stops_curves, variants

LAB = "08-evaluation"
TARGET = math.log(16) - 15 / 16


@pytest.fixture(scope="module")
def prose(repo: Course) -> str:
    """All text cells of the lab."""
    cells = read_source(repo.solutions / LAB / "lab.py").cells
    return "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def test_best_of_n_costs_what_its_listed_draws_cost(solution: dict[str, Any], prose: str) -> None:
    """Every outcome of n draws, listed; and the formula is a bound that many responses reach."""
    probs = torch.tensor([0.2, 0.5, 0.3], dtype=torch.float64)
    for n in (1, 2, 3, 5):
        won = torch.zeros(3, dtype=torch.float64)
        for draws in itertools.product(range(3), repeat=n):
            won[max(draws)] += math.prod(probs[k].item() for k in draws)
        expected = (won * (won / probs).log()).sum().item()
        assert solution["best_of_n_kl"](probs, n) == pytest.approx(expected, abs=1e-12)
        assert expected <= math.log(n) - (n - 1) / n + 1e-12
    even = torch.full((100_000,), 1e-5, dtype=torch.float64)
    for n in (2, 16, 256):
        assert solution["best_of_n_kl"](even, n) == pytest.approx(math.log(n) - (n - 1) / n, abs=5e-4)
    assert round(TARGET, 2) == 1.84
    assert "1.84" in prose
    assert "nats at most" in prose


def test_means_of_best_of_n_are_those_of_all_choices(solution: dict[str, Any]) -> None:
    generator = torch.Generator().manual_seed(8)
    for count, n in ((5, 2), (6, 3), (7, 7), (4, 1)):
        proxy = torch.randint(0, 4, (count,), generator=generator).double()  # with ties
        gold = torch.randn(count, generator=generator, dtype=torch.float64)
        golds = []
        for choice in itertools.combinations(range(count), n):
            best = max(proxy[k].item() for k in choice)
            tied = [gold[k].item() for k in choice if proxy[k] == best]
            golds.append(sum(tied) / len(tied))
        assert solution["best_of_n_means"](proxy, gold, n)[1] == pytest.approx(sum(golds) / len(golds), abs=1e-12)


def test_wilsons_interval_covers_and_the_textbooks_does_not(solution: dict[str, Any]) -> None:
    """Exact coverage, by adding up all outcomes of 50 comparisons at a win rate of 0.97."""
    rate, m = 0.97, 50
    covered = {"wilson": 0.0, "textbook": 0.0}
    for wins in range(m + 1):
        probability = math.comb(m, wins) * rate**wins * (1 - rate) ** (m - wins)
        low, high = solution["wilson_interval"](wins, m)
        half = 1.96 * math.sqrt(wins / m * (1 - wins / m) / m)
        covered["wilson"] += probability * (low <= rate <= high)
        covered["textbook"] += probability * (abs(wins / m - rate) <= half)
    assert covered["wilson"] > 0.92
    assert covered["textbook"] < 0.80


def test_numbers_on_power_in_the_text_are_right(solution: dict[str, Any], prose: str) -> None:
    needed = solution["comparisons_needed"]
    assert f"{needed(0.51):,}" in prose
    assert needed(0.6) == 153
    assert needed(0.55) == 617
    edge = next(w / 1000 for w in range(501, 1000) if needed(w / 1000) <= 256)
    assert round(edge - 0.5, 2) == 0.08
    assert "about 0.08" in prose
    for rate in (0.55, 0.6, 0.7, 0.9):  # "off by a few hundredths where comparisons are few"
        m = needed(rate)
        assert solution["sign_test"](m, rate)[1] == pytest.approx(0.8, abs=0.04)
    reached = [next(m for m in range(10, 1001, 10) if solution["sign_test"](m, w)[1] >= 0.8) for w in (0.7, 0.6, 0.55)]
    assert reached == [40, 160, 620]
    assert "0.7 is seen with 40 comparisons, one of 0.6 takes 160, and one of 0.55 more than 600" in prose
    z = NormalDist()
    assert f"{z.inv_cdf(0.95):.4f}" in prose
    assert f"{z.inv_cdf(0.8):.4f}" in prose
    assert "11/1024" in prose
    assert sum(math.comb(10, k) for k in (9, 10)) == 11
    assert "56/1024" in prose
    assert sum(math.comb(10, k) for k in (8, 9, 10)) == 56


def test_length_control_gives_back_what_a_habit_took(solution: dict[str, Any]) -> None:
    """Expected verdicts of a judge whose log-odds are θ + φ d: a tie each, in the right share."""
    gaps = torch.linspace(-2, 4, 2000, dtype=torch.float64)
    for theta, phi in ((0.0, 1.5), (0.8, -0.7)):
        wins = torch.sigmoid(theta + phi * gaps)
        rate, slope = solution["win_rate_at_equal_length"](wins, gaps, 1e-6)
        assert rate == pytest.approx(1 / (1 + math.exp(-theta)), abs=1e-6)
        assert slope == pytest.approx(phi, abs=1e-6)


def test_shipped_runs_have_their_hump() -> None:
    """Trained on "stops": three seeds, each with its highest gold far above the end while the proxy climbs on."""
    runs = stops_curves()
    assert len(runs) >= 3
    for rows in runs.values():
        gold = [row["gold"] for row in rows]
        assert gold[0] < 0.08
        assert max(gold) >= 0.18
        assert max(gold) - gold[-1] >= 0.07
        assert gold[-1] < max(gold) / 2  # "more than half of that is lost again"
        assert rows[-1]["proxy"] >= 0.9
        assert 3.5 < rows[-1]["tokens"] < 4.5
        assert 0 < gold.index(max(gold)) < len(gold) - 1
        assert [row["KL"] for row in rows] == sorted(row["KL"] for row in rows)


def test_the_text_says_of_the_policies_what_made_them(prose: str) -> None:
    made = {name: {key: value for key, value in row.items() if key != "scale"} for name, row in variants().items()}
    assert made["salad"] == made["grpo"] | {"max_steps": 40}
    assert made["grpo"]["max_steps"] == 14
    assert made["grpo"]["beta"] == 0
    assert "for 40 steps instead of 14" in prose
    assert (PROMPT_TOKENS, NEW_TOKENS) == (4, 16)
    assert "four tokens each" in prose
    assert "at most 16 tokens" in prose
    learned, _ = rlhf.split_ratings()
    assert f"learned from {len(learned):,} snippets" in prose


def test_the_best_of_sixteen_wins_sixteen_of_seventeen(prose: str) -> None:
    """Of n + 1 numbers in any order, the first n hold the largest in n of n + 1 cases."""
    for n in (1, 2, 4, 6):
        rows = list(itertools.permutations(range(n + 1)))
        assert sum(max(row[:n]) > row[n] for row in rows) * (n + 1) == n * len(rows)
    assert "16 of 17" in prose


def test_graded_cells_need_nothing_of_demo_cells(without_demos: dict[str, Any]) -> None:
    assert "tiny" not in without_demos


def test_the_table_names_every_part_of_trl_that_the_lab_uses(repo: Course) -> None:
    notebook = read_source(repo.solutions / LAB / "lab.py")
    table = next(cell.source for cell in notebook.cells if "Where this lives today" in cell.source)
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    used = {name for names in re.findall(r"from trl[\w.]* import (.+)", code) for name in names.split(", ")}
    assert used == {"GRPOConfig", "GRPOTrainer"}
    assert not {name for name in used | {"TrainerCallback"} if name not in table}


def test_one_letter_stands_for_one_thing(prose: str) -> None:
    """The table of symbols names each letter once."""
    table = prose[prose.index("## Symbols") : prose.index("## Quiz")]
    heads = [row.split(" | ")[0] for row in table.splitlines() if row.startswith("| $")]
    letters = [letter for head in heads for letter in re.findall(r"\$([^$]+)\$", head)]
    assert len(letters) == len(set(letters)) >= 14
    assert "[table](#Symbols)" in prose


@pytest.mark.filterwarnings("ignore")
def test_the_solution_notebook_runs_whole(executed: Any, lab: LabChecks) -> None:
    """What it prints is what the text says. About two minutes of one core, half of it in `GRPOTrainer`."""
    printed = executed.printed
    assert "✗" not in printed
    assert not [output for output in executed.outputs if output.get("name") == "stderr"]
    assert executed.points == sum(check.points for check in lab.checks) == 40
    assert executed.pictures == 6
    kl = {name: float(value) for name, value in re.findall(r"(\w+) +KL +(-?\d+\.\d+) ±", printed)}
    assert kl["tiny"] == 0
    assert min(kl["dpo"], kl["ppo"], kl["grpo"]) > 1
    lines = [output.get("data", {}).get("text/plain", "") for output in executed.outputs]
    ended = [line for line in lines if re.search(r": (\d+) of \1 steps in ", line)]
    assert [line.split(":")[0] for line in ended] == ["draws", "stops, seed 0", "policies"]
    gold = [float(value) for value in re.findall(r"gold +(\d\.\d{3})  tokens", printed)]
    assert max(gold) >= 0.18
    assert max(gold) - gold[-1] >= 0.07
    rows = re.findall(r"([a-z0-9 ]+?) +(\d\.\d\d) nats: (\d\.\d{3}) \[(\d\.\d{3}), ", printed)
    table = {name.strip(): (float(nats), float(rate), float(low)) for name, nats, rate, low in rows}
    for name in ("best of 16", "dpo", "ppo", "grpo"):
        nats, rate, low = table[name]
        assert nats == pytest.approx(TARGET, abs=0.35)
        assert low > 0.5
        assert rate > 0.6
    assert table["best of 16"][1] == pytest.approx(16 / 17, abs=0.045)
    assert max(table[name][1] for name in ("dpo", "ppo", "grpo")) < table["best of 16"][1] - 0.05
    salad = re.search(r"wins (\d\.\d{3}) \[\d\.\d{3}, 1\.000\] at (\d+) nats", printed)
    assert float(salad[1]) >= 0.99
    assert int(salad[2]) > 50
    order = float(re.search(r"real order wins (\d\.\d{3})", printed)[1])
    assert 0.52 < order < 0.63  # "about six cases of ten"
    controlled = re.findall(r"plain (\d\.\d{3}), at equal length (\d\.\d{3})", printed)
    (honest, honest_at_equal), (lover, lover_at_equal) = [tuple(map(float, row)) for row in controlled]
    assert abs(honest - honest_at_equal) < 0.03
    assert abs(lover_at_equal - honest) < 0.06 < lover - honest
    for both in re.findall(r"tiny shown first \d\.\d\d, both orders (\d\.\d\d)", printed):
        assert float(both) == pytest.approx(0.5, abs=0.05)
