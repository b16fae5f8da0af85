"""Lab 03: each part is TRL's to the last digit, the parts together find the optimum, and the loop earns reward."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from types import FunctionType, ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from grader.build.notebooks import read_source
from grader.checks.registry import LabChecks
from grader.course.paths import Course
from rlhf.quiet import quiet_transformers

LAB = "03-ppo"


def cases(count: int = 60) -> Iterator[tuple[torch.Generator, torch.Tensor]]:
    """A generator and a mask bool [batch, length] each: one token, whole rows, query and padding of any length."""
    for case in range(count):
        generator = torch.Generator().manual_seed(case)
        batch, length = 2 + case % 4, 2 + case % 7
        start = torch.randint(0, length, (batch, 1), generator=generator)
        end = start + 1 + (torch.rand(batch, 1, generator=generator) * (length - start)).long()
        place = torch.arange(length)
        yield generator, (place >= start) & (place < end)


def normal(generator: torch.Generator, mask: torch.Tensor, scale: float = 1.0) -> torch.Tensor:
    return torch.randn(mask.shape, generator=generator, dtype=torch.float64) * scale


def test_rewards_are_those_of_trl(solution: dict[str, Any]) -> None:
    from trl import PPOTrainer

    for case, (generator, mask) in enumerate(cases()):
        lp, ref = (normal(generator, mask, (1, 30)[case % 2]) for _ in range(2))
        scores, beta = torch.randn(len(mask), generator=generator, dtype=torch.float64), (0.0, 0.2, 3.0)[case % 3]
        trainer = SimpleNamespace(kl_ctl=SimpleNamespace(value=beta), _kl_penalty=lambda a, b: a - b)
        theirs = PPOTrainer.compute_rewards(trainer, scores, lp, ref, mask.long())[0]
        found = solution["kl_penalised_rewards"](scores, lp, ref, mask, beta)
        torch.testing.assert_close(found[mask], theirs[mask], rtol=0, atol=1e-12)
        assert (found[~mask] == 0).all()


def test_advantages_and_returns_are_those_of_trl(solution: dict[str, Any]) -> None:
    from trl import PPOTrainer

    for case, (generator, mask) in enumerate(cases()):
        rewards, values = (normal(generator, mask) for _ in range(2))
        gamma, lam = ((1.0, 0.95), (0.9, 0.5), (1.0, 0.0), (0.3, 1.0))[case % 4]
        config = SimpleNamespace(whiten_rewards=False, gamma=gamma, lam=lam)
        trainer = SimpleNamespace(config=config)
        _, white, returns = PPOTrainer.compute_advantages(trainer, values, rewards, mask.long())
        advantages, ours = solution["gae"](rewards, values, mask, gamma, lam)
        torch.testing.assert_close(ours[mask], returns[mask], rtol=0, atol=1e-12)
        if mask.sum() > 1:
            found = solution["whiten"](advantages, mask)[mask]  # TRL's n/(n − 1) is a float32
            torch.testing.assert_close(found, white[mask], rtol=1e-6, atol=1e-6)


def test_losses_and_their_gradients_are_those_of_trl(solution: dict[str, Any]) -> None:
    from trl import PPOTrainer

    for case, (generator, mask) in enumerate(cases()):
        if mask.sum() < 2:
            continue
        clip = (0.2, 0.01, 0.9)[case % 3]
        config = SimpleNamespace(cliprange=clip, cliprange_value=clip, vf_coef=1.0, ratio_threshold=torch.inf)
        old, adv, old_values, returns = (normal(generator, mask) for _ in range(4))
        slopes = []
        for ours in (True, False):
            lp = (old + 0.3 * adv.roll(1, 0)).requires_grad_()
            values = (old_values + 0.5 * returns.roll(1, 1)).requires_grad_()
            if ours:
                pg = solution["ppo_clip_loss"](lp, old, adv, mask, clip)
                vf = solution["value_loss_clipped"](values, old_values, returns, mask, clip)
            else:
                pg, vf, _ = PPOTrainer.loss(
                    SimpleNamespace(config=config), old, old_values, torch.zeros(*mask.shape, 2), values, lp,
                    mask.long(), adv, returns,
                )  # fmt: skip
            (pg + vf).backward()
            slopes.append((pg.detach(), vf.detach(), lp.grad, values.grad))
        for found, wanted in zip(*slopes, strict=True):
            torch.testing.assert_close(found, wanted, rtol=0, atol=1e-12)


def test_the_score_function_is_unbiased_on_the_toy_model(solution: dict[str, Any]) -> None:
    from rlhf import toy

    model, y, r = toy.ToyModel(), toy.responses(), toy.rewards(1)
    ids = [torch.tensor([[toy.PROMPT_IDS[1], word]]) for word in range(toy.VOCAB_SIZE - 1)]
    table = torch.stack([model(i).logits[0, -1] for i in [*ids, torch.tensor([[toy.PROMPT_IDS[1]]])]])
    pi = toy.log_probs(1).exp()
    step = 1e-6

    def objective(logits: torch.Tensor) -> float:
        """E r, summed by hand: no autograd, no exercise."""
        log_p, total = logits.log_softmax(-1).tolist(), 0.0
        for row, reward in zip(y.tolist(), r.tolist(), strict=True):
            state, log_prob = toy.EOS_ID, 0.0
            for token in row:
                log_prob += log_p[state][token]
                if token == toy.EOS_ID:
                    break
                state = token
            total += np.exp(log_prob) * reward
        return total

    for baseline in (0.0, 2.0):
        mean = (pi[:, None, None] * solution["score_function_gradient"](table, y, r, baseline)).sum(0)
        for row, column in ((4, 0), (0, 4), (2, 1), (3, 3)):
            nudge = torch.zeros_like(table)
            nudge[row, column] = step
            slope = (objective(table + nudge) - objective(table - nudge)) / (2 * step)
            assert mean[row, column].item() == pytest.approx(slope, abs=1e-8)


def test_kl_estimators_agree_with_the_divergence_of_torch(solution: dict[str, Any]) -> None:
    for _, mask in cases(20):
        generator = torch.Generator().manual_seed(int(mask.sum()))
        lp, ref = (torch.randn(5, 11, generator=generator, dtype=torch.float64).log_softmax(-1) for _ in range(2))
        exact = torch.nn.functional.kl_div(ref, lp, log_target=True, reduction="none").sum(-1)
        found = solution["kl_estimators"](lp, ref)
        for name in ("k1", "k3"):
            torch.testing.assert_close((lp.exp() * found[name]).sum(-1), exact, rtol=0, atol=1e-12)
        assert (found["k3"] >= 0).all()


def test_queries_are_those_of_the_course_recipe(solution: dict[str, Any]) -> None:
    """`datasets` and `LengthSampler`, as TRL's own example has it, on real reviews."""
    from trl.core import LengthSampler

    import rlhf

    tokenizer = rlhf.load_policy("tiny")[1]
    reviews = rlhf.load_reviews().shuffle(seed=3).select(range(150))
    short = [{"text": text[:cut], "label": 1} for text, cut in zip(reviews["text"], (200, 201, 202) * 50, strict=True)]
    rows = type(reviews).from_list(short)
    wanted = rows.rename_column("text", "review").filter(lambda row: len(row["review"]) > 200)
    np.random.seed(11)
    length = LengthSampler(2, 8)
    ids = [tokenizer.encode(review)[: length()] for review in wanted["review"]]
    found = solution["build_queries"](rows[:], tokenizer, seed=11)
    assert found == {"review": wanted["review"], "input_ids": ids, "query": [tokenizer.decode(i) for i in ids]}
    assert {len(row) for row in ids} == set(range(2, 8))


def test_group_advantages_by_hand(solution: dict[str, Any]) -> None:
    generator = torch.Generator().manual_seed(5)
    rewards = torch.randn(6, 5, generator=generator, dtype=torch.float64)
    rloo, grpo = (solution["group_advantages"](rewards, method) for method in ("rloo", "grpo"))
    for i, row in enumerate(rewards.tolist()):
        for k, own in enumerate(row):
            others = row[:k] + row[k + 1 :]
            assert rloo[i, k].item() == pytest.approx(own - sum(others) / 4, abs=1e-12)
            assert grpo[i, k].item() == pytest.approx((own - np.mean(row)) / (np.std(row, ddof=1) + 1e-4), abs=1e-12)


def test_equal_rewards_have_advantages_of_exactly_0(solution: dict[str, Any]) -> None:
    """0.1 and 1234.567 too, whose mean is off by a rounding, which 1e-4 below the line would blow up."""
    for value in (0.1, 1234.567, -7e-3):
        for method in ("rloo", "grpo"):
            assert (solution["group_advantages"](torch.full((2, 3), value), method) == 0).all()


def test_the_estimate_has_the_dtype_of_the_logits(solution: dict[str, Any]) -> None:
    responses, rewards = torch.tensor([[0, 2, 2]]), torch.tensor([2.0], dtype=torch.float64)
    for dtype in (torch.float32, torch.float64):
        found = solution["score_function_gradient"](torch.zeros(3, 3, dtype=dtype), responses, rewards, 0.5)
        assert found.dtype == dtype


def test_the_gradient_flows_into_the_log_probs_only(solution: dict[str, Any]) -> None:
    lp, old, adv = (torch.randn(2, 3, generator=torch.Generator().manual_seed(i)).requires_grad_() for i in range(3))
    solution["ppo_clip_loss"](lp, old, adv, torch.ones(2, 3, dtype=torch.bool)).backward()
    assert lp.grad is not None
    assert old.grad is None
    assert adv.grad is None


def test_a_loss_without_a_graph_has_slope_0(solution: dict[str, Any]) -> None:
    """The clip may cut the graph: a right loss, written with if and else, is then a constant."""
    constant = {**solution, "ppo_clip_loss": lambda *_: torch.tensor(-1.2)}
    function = FunctionType(solution["loss_and_slope"].__code__, constant)
    one = torch.ones(1, 1)
    loss, slope = function(one, one, one, one.bool(), 0.2)
    assert loss == torch.tensor(-1.2)
    assert slope == torch.zeros(1, 1)


def test_the_parts_together_find_the_optimum_of_the_toy(solution: dict[str, Any]) -> None:
    """PPO of nothing but the lab's functions, values in a table: KL to the exact optimum falls from 2.2 below 0.05."""
    from rlhf import toy

    beta, log_ref, y, r = 0.5, toy.log_probs(0), toy.responses(), toy.rewards(0)
    log_star = (log_ref + r / beta).log_softmax(0)
    eos = toy.EOS_ID
    state = torch.nn.functional.pad(y, (1, 0), value=eos)[:, :-1]
    mask = torch.nn.functional.pad((y == eos).cumsum(1), (1, 0))[:, :-1] == 0
    prefixes = torch.stack([state, torch.arange(4).expand_as(state)]).flatten(1).T  # (last word, place): 20 rows
    index = (prefixes[:, 0] * 4 + prefixes[:, 1]).view_as(state)
    ids = [torch.tensor([[toy.PROMPT_IDS[0], word]]) for word in range(4)] + [torch.tensor([[toy.PROMPT_IDS[0]]])]
    start = torch.stack([toy.ToyModel()(i).logits[0, -1] for i in ids]).repeat_interleave(4, 0)
    logits = start.clone().requires_grad_()
    values = torch.zeros(20, dtype=torch.float64, requires_grad=True)
    ref = start.log_softmax(-1)[index, y]
    optimizer = torch.optim.Adam([logits, values], lr=0.05)
    generator = torch.Generator().manual_seed(0)

    def log_pi() -> torch.Tensor:
        return torch.where(mask, logits.log_softmax(-1)[index, y], 0.0)

    def distance() -> float:
        lp = log_pi().sum(1).detach()
        return (lp.exp() * (lp - log_star)).sum().item()

    before = distance()
    for _ in range(60):
        with torch.no_grad():
            lp_all, v_all = log_pi(), values[index]
            rows = torch.multinomial(lp_all.sum(1).exp(), 256, replacement=True, generator=generator)
            m, old, v = mask[rows], lp_all[rows], v_all[rows]
            rewards = solution["kl_penalised_rewards"](r[rows], old, ref[rows], m, beta)
            advantages, returns = solution["gae"](rewards, v, m)
            advantages = solution["whiten"](advantages, m)
        for _ in range(4):
            optimizer.zero_grad()
            loss = solution["ppo_clip_loss"](log_pi()[rows], old, advantages, m)
            (loss + solution["value_loss_clipped"](values[index][rows], v, returns, m)).backward()
            optimizer.step()
    after = distance()
    print(f"KL to the optimum: {before:.3f} → {after:.3f} nats")
    assert before > 2
    assert after < 0.05


@pytest.fixture(scope="module")
def bench(repo: Course) -> Iterator[ModuleType]:
    """solutions/models/bench_labs.py."""
    sys.path.insert(0, str(repo.solutions / "models"))
    import bench_labs

    yield bench_labs
    sys.path.pop(0)
    sys.modules.pop("bench_labs")


@pytest.fixture(scope="module")
def loop(bench: ModuleType, repo: Course, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The notebook's loop, with a policy out of a folder that `save_pretrained` wrote."""
    import rlhf

    folder = str(tmp_path_factory.mktemp("checkpoint"))
    for part in rlhf.load_policy("tiny"):
        part.save_pretrained(folder)
    namespace: dict[str, Any] = bench.loop_namespace(repo, folder)
    assert namespace["MODEL"] == folder
    return namespace


@pytest.mark.filterwarnings("ignore")
def test_the_loop_runs_with_a_local_checkpoint(bench: ModuleType, loop: dict[str, Any]) -> None:
    run = bench.measure(loop, seed=1, steps=2)
    assert run.first == run.last
    assert run.kl > 0
    assert 0.3 < run.distinct < 1
    assert not run.holds


@pytest.mark.filterwarnings("ignore")
def test_padding_on_the_right_gives_the_log_probs_of_the_model(loop: dict[str, Any]) -> None:
    """And padding on the left does not, which is why the notebook turns it round."""
    with quiet_transformers():
        trainer = loop["start"](loop["make_config"](loop["MODEL"], batch_size=2))
        ids, responses = [torch.tensor([5, 6, 7, 8, 9]), torch.tensor([10])], [torch.tensor([11, 12])] * 2
        alone = trainer.model.pretrained_model(torch.tensor([[10, 11, 12]])).logits.log_softmax(-1)
        wanted = alone[0, [0, 1], [11, 12]]
        found = {}
        for side in ("right", "left"):
            trainer.tokenizer.padding_side = side
            inputs = trainer.prepare_model_inputs(ids, responses)
            with torch.no_grad():
                logprobs, _, _, mask = trainer.batched_forward_pass(trainer.model, ids, responses, inputs)
            found[side] = logprobs[1][mask[1].bool()]
    torch.testing.assert_close(found["right"], wanted, rtol=0, atol=1e-4)
    assert (found["left"] - wanted).abs().max() > 0.01


def test_the_table_names_every_part_of_trl_that_the_lab_uses(repo: Course) -> None:
    cells = read_source(repo.solutions / LAB / "lab.py").cells
    table = next(cell.source for cell in cells if "Where this lives today" in cell.source)
    code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    used = {name for names in re.findall(r"from trl[\w.]* import (.+)", code) for name in names.split(", ")}
    used |= set(re.findall(r"trainer\.(\w+)", code)) | set(re.findall(r'"((?:objective|ppo)/[\w/]+)"', code))
    used |= set(re.findall(r"^        (\w+)=", code.split("return PPOConfig(")[1].split(")")[0], re.M))
    ours = {"config", "model", "optimizer", "ppo/loss/value", "ppo/returns/mean", "ppo/returns/var"}
    assert not {name for name in used - ours if name not in table}


def test_graded_cells_need_nothing_of_demo_cells(without_demos: dict[str, Any]) -> None:
    """Visible checks included: they pass without a model file and without training."""
    assert "trainer" not in without_demos


def test_texts_of_a_model_stay_texts_on_the_page() -> None:
    """What a policy writes is not trusted: no tag of it reaches the notebook."""
    from rlhf import plots_ppo

    page = plots_ppo.before_and_after(["<b>q"], [("<script>", 0.5)], [("a & b", -1.0)])._repr_html_()
    assert "<script>" not in page
    assert all(part in page for part in ("&lt;b&gt;q", "&lt;script&gt;", "a &amp; b", "+0.50", "-1.00"))


def test_the_solution_notebook_runs_whole(executed: Any, lab: LabChecks) -> None:
    """What it prints is what the text says. Nearly two minutes idle: 82 steps of PPO on one thread.

    Fewer would not do: 36 show that the loop earns its reward, thirty more what β does, the rest how it fails.
    """
    printed = executed.printed
    assert "✗" not in printed
    assert not [output for output in executed.outputs if output.get("name") == "stderr"]
    assert executed.points == sum(check.points for check in lab.checks) == 50
    assert executed.pictures == 11
    assert executed.silent == [], "each step, or each tenth, is told"
    runs = [("PPO, β = 0.2", 35), ("PPO, β = 0.2", 6), ("PPO, β = 0", 15), ("PPO, β = 1", 15), ("PPO, β = 0", 25)]
    assert executed.lines == [*runs, ("filters", 4)]
    assert float(re.search(r"ended with EOS within 16 tokens: (\d+)%", printed)[1]) < 20
    gain, errors = map(float, re.search(r"gain (\S+) SD, (\S+) standard errors", printed).groups())
    assert gain >= 0.8
    assert errors >= 5
    assert float(re.search(r"KL (\S+) nats; distinct", printed)[1]) < 12
    assert float(re.search(r"distinct tokens \S+ → (\S+)", printed)[1]) >= 0.45
    compared = re.findall(r"yours +(\S+) +TRL's +(\S+)", printed)
    assert len(compared) == 5
    for yours, theirs in compared:
        assert float(yours) == pytest.approx(float(theirs), abs=2e-4)
