"""Lab 01: its solution against transformers, its cases against disturbed policies, and its notebook as a whole."""

from __future__ import annotations

import itertools
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from transformers import GenerationConfig
from transformers.generation import logits_process as hf

from grader.checks.registry import LabChecks

LAB = "01-decoding"
EOS = 5
NO_END = 99  # no column: the solution does not mind, and nothing ends
PROMPTS = torch.tensor([[0, 3, 1], [4, 4, 2], [2, 0, 0]])
PROMPT = [2, 0, 3]
few = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@st.composite
def logits(draw: st.DrawFn) -> torch.Tensor:
    """Float32 [batch, vocab] in steps of a quarter, so with many ties, and −inf here and there; some are finite."""
    batch, vocab = draw(st.integers(1, 3)), draw(st.integers(1, 7))
    number = st.one_of(st.integers(-24, 24).map(lambda n: n / 4), st.just(-torch.inf))
    row = st.lists(number, min_size=vocab, max_size=vocab).filter(lambda values: max(values) > -torch.inf)
    return torch.tensor(draw(st.lists(row, min_size=batch, max_size=batch)))


@few
@given(z=logits(), temperature=st.sampled_from([0.05, 0.5, 1.0, 1.7, 20.0]))
def test_temperature_is_that_of_transformers(solution: dict[str, Any], z: torch.Tensor, temperature: float) -> None:
    expected = hf.TemperatureLogitsWarper(temperature)(None, z)
    assert torch.equal(solution["apply_temperature"](z, temperature), expected)


@few
@given(z=logits(), k=st.integers(1, 9))
def test_top_k_is_that_of_transformers(solution: dict[str, Any], z: torch.Tensor, k: int) -> None:
    assert torch.equal(solution["top_k_filter"](z, k), hf.TopKLogitsWarper(k)(None, z))


@few
@given(z=logits(), p=st.floats(0.05, 0.99))
def test_top_p_keeps_the_count_and_the_mass_of_transformers(
    solution: dict[str, Any], z: torch.Tensor, p: float
) -> None:
    """Which of several tied tokens stay may differ, how many and with what probability may not."""
    probs = z.double().softmax(-1)
    sums = probs.sort(descending=True).values.cumsum(-1)
    assume(((sums - p).abs() > 1e-4).all())
    ours, theirs = solution["top_p_filter"](z, p), hf.TopPLogitsWarper(p)(None, z)
    assert torch.equal(ours.isfinite().sum(-1), theirs.isfinite().sum(-1))
    assert torch.allclose((probs * ours.isfinite()).sum(-1), (probs * theirs.isfinite()).sum(-1))
    assert torch.equal(ours[ours.isfinite()], z[ours.isfinite()])


@few
@given(z=logits(), penalty=st.sampled_from([0.5, 1.0, 1.2, 3.0]), data=st.data())
def test_repetition_penalty_is_that_of_transformers(
    solution: dict[str, Any], z: torch.Tensor, penalty: float, data: st.DataObject
) -> None:
    row = st.lists(st.integers(0, z.shape[1] - 1), min_size=4, max_size=4)
    ids = torch.tensor([data.draw(row) for _ in z])
    expected = hf.RepetitionPenaltyLogitsProcessor(penalty)(ids, z)
    assert torch.equal(solution["repetition_penalty"](z, ids, penalty), expected)


@few
@given(z=logits(), generated=st.integers(0, 4), minimum=st.integers(0, 4), data=st.data())
def test_min_new_tokens_is_that_of_transformers(
    solution: dict[str, Any], z: torch.Tensor, generated: int, minimum: int, data: st.DataObject
) -> None:
    eos_id = data.draw(st.integers(0, z.shape[1] - 1))
    text = torch.zeros(len(z), 2 + generated, dtype=torch.long)
    expected = hf.MinNewTokensLengthLogitsProcessor(2, minimum, eos_id)(text, z)
    assert torch.equal(solution["min_new_tokens"](z, generated, minimum, eos_id), expected)


@few
@given(z=logits(), u=st.floats(0, 1, exclude_max=True, width=32))
def test_sample_next_draws_the_piece_that_holds_u(solution: dict[str, Any], z: torch.Tensor, u: float) -> None:
    token = solution["sample_next"](z, torch.full((len(z),), u))
    probs = z.double().softmax(-1)
    right = probs.cumsum(-1).gather(-1, token[:, None])[:, 0]
    own = probs.gather(-1, token[:, None])[:, 0]
    assert token.dtype == torch.int64
    assert (own > 0).all()
    assert (right - own <= u + 1e-12).all()
    assert (u <= right + 1e-12).all()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("setting", [{}, {"penalty": 1.7}, {"minimum": 6}, {"penalty": 1.3, "minimum": 4}])
def test_generate_with_one_token_left_is_transformers_greedy(
    solution: dict[str, Any], lab: LabChecks, seed: int, setting: dict[str, Any]
) -> None:
    policy = lab.fixtures.toy_policy(seed=seed)
    expected = policy.generate(
        PROMPTS,
        attention_mask=torch.ones_like(PROMPTS),
        do_sample=False,
        max_new_tokens=9,
        repetition_penalty=setting.get("penalty", 1.0),
        min_new_tokens=setting.get("minimum", 0),
        pad_token_id=EOS,
    )
    got = solution["generate"](policy, PROMPTS, torch.full((3, 9), 0.5), EOS, k=1, **setting)
    assert torch.equal(got, expected)


def test_the_reference_has_the_order_of_transformers(lab: LabChecks) -> None:
    """The order that checks.py and the notebook teach is read out of transformers itself."""
    config = GenerationConfig(
        do_sample=True, repetition_penalty=1.2, min_new_tokens=3, temperature=0.7, top_k=5, top_p=0.9, eos_token_id=EOS
    )
    config._eos_token_tensor = torch.tensor([EOS])
    policy = lab.fixtures.toy_policy(seed=0)
    found = policy._get_logits_processor(config, 3, None, None, hf.LogitsProcessorList(), model_kwargs={})
    assert [type(step) for step in found] == [
        hf.RepetitionPenaltyLogitsProcessor,
        hf.MinNewTokensLengthLogitsProcessor,
        hf.TemperatureLogitsWarper,
        hf.TopKLogitsWarper,
        hf.TopPLogitsWarper,
    ]


@torch.no_grad()
def scored(model: Any, new: list[int]) -> float:
    """Sum of the log-probabilities of `new` after `PROMPT`, in nats."""
    log_probs = model(torch.tensor([PROMPT + new])).logits[0].double().log_softmax(-1)
    return sum(log_probs[len(PROMPT) - 1 + i, token].item() for i, token in enumerate(new))


def all_texts(vocab: int, steps: int, eos_id: int) -> list[list[int]]:
    """Every continuation: `steps` tokens without EOS, or up to `steps` tokens of which the last is EOS."""
    others = [token for token in range(vocab) if token != eos_id]
    texts = [list(text) for text in itertools.product(others, repeat=steps)]
    return texts + [[*text, eos_id] for n in range(steps) for text in itertools.product(others, repeat=n)]


@pytest.mark.parametrize("seed", range(6))
def test_wide_beams_agree_with_enumeration(solution: dict[str, Any], lab: LabChecks, seed: int) -> None:
    policy = lab.fixtures.toy_policy(seed=seed, vocab_size=4, spread=0.4)
    score, new = max((scored(policy, text), text) for text in all_texts(4, 3, 3))
    text, found = solution["beam_search"](policy, torch.tensor([PROMPT]), 100, 3, 3)
    assert text[0].tolist() == PROMPT + new
    assert found == pytest.approx(score, abs=1e-4)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("beams", [2, 3])
def test_beams_without_an_end_agree_with_transformers(
    solution: dict[str, Any], lab: LabChecks, seed: int, beams: int
) -> None:
    """transformers keeps ended hypotheses apart; where nothing ends, both searches are the same."""
    policy = lab.fixtures.toy_policy(seed=seed, spread=0.4)
    policy.generation_config.eos_token_id = None
    prompt = torch.tensor([PROMPT])
    expected = policy.generate(
        prompt,
        attention_mask=torch.ones_like(prompt),
        num_beams=beams,
        do_sample=False,
        max_new_tokens=5,
        length_penalty=0.0,
        pad_token_id=EOS,
    )
    assert torch.equal(solution["beam_search"](policy, prompt, beams, 5, NO_END)[0], expected)


class Disturbed:
    """A policy whose logits are off by up to 0.001: no case may hang on less than that."""

    def __init__(self, policy: Any, salt: int) -> None:
        self._policy, self._salt = policy, salt

    def __call__(self, ids: torch.Tensor) -> SimpleNamespace:
        logits = self._policy(ids).logits
        generator = torch.Generator().manual_seed(100 * self._salt + logits.shape[1])
        noise = 0.002 * (torch.rand(logits.shape[1:], generator=generator) - 0.5)
        return SimpleNamespace(logits=logits + noise.to(logits.dtype))


@pytest.mark.parametrize("exercise", ["generate", "beam_search"])
def test_no_case_hangs_on_a_near_tie(lab: LabChecks, exercise: str) -> None:
    """A machine that rounds otherwise must not decide a grade."""
    for check in lab.of(exercise):
        judge = check.judge
        assert judge is not None
        for case in judge.pool.values():
            expected = judge.expected(case)
            if expected.error is not None:
                continue
            built, *others = case.args
            policy = getattr(lab.fixtures, built.recipe)(**built.kwargs)
            for salt in (0, 1):
                found = judge.cases.reference(Disturbed(policy, salt), *others, **case.kwargs)
                texts = [value if exercise == "generate" else value[0] for value in (found, expected.value)]
                assert torch.equal(*texts), f"{check.name}: {case.name}"


def test_the_solution_notebook_runs_whole(executed: Any, lab: LabChecks) -> None:
    """It may take up to 90 seconds: one plot, which the lab is about, needs some 4,600 tokens written on a CPU."""
    assert "✗" not in executed.printed
    assert "the same texts: True; it holds 8 KB a token" in executed.printed
    assert executed.pictures >= 13
    assert executed.points == sum(check.points for check in lab.checks) == 40
    assert executed.silent == [], "each step, or each tenth, is told"
    assert executed.lines == [
        ("texts", 4),
        ("settings", 16),
        ("four texts", 2),
        ("beams", 3),
        ("beam search", 93),
    ]
