"""Lab 01: its solution against transformers, its checks against disturbed policies, and its notebook as a whole."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from transformers import GenerationConfig
from transformers.generation import logits_process as hf

from grader.checks.registry import LabChecks
from grader.checks.student import InProcess, Ref

LAB = "01-decoding"
EOS = 5
few = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


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
    solution: dict[str, Any], lab: LabChecks, answers: dict[str, Any], seed: int, setting: dict[str, Any]
) -> None:
    policy = lab.fixtures.toy_policy(seed=seed)
    expected = policy.generate(
        answers["PROMPTS"],
        attention_mask=torch.ones_like(answers["PROMPTS"]),
        do_sample=False,
        max_new_tokens=9,
        repetition_penalty=setting.get("penalty", 1.0),
        min_new_tokens=setting.get("minimum", 0),
        pad_token_id=EOS,
    )
    got = solution["generate"](policy, answers["PROMPTS"], torch.full((3, 9), 0.5), EOS, k=1, **setting)
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


@pytest.mark.parametrize("seed", range(6))
def test_wide_beams_agree_with_enumeration(
    solution: dict[str, Any], lab: LabChecks, answers: dict[str, Any], seed: int
) -> None:
    policy = lab.fixtures.toy_policy(seed=seed, vocab_size=4, spread=0.4)
    prompt = answers["PROMPT"]
    score, new = max((answers["scored"](policy, prompt, text), text) for text in answers["all_texts"](4, 3, 3))
    text, found = solution["beam_search"](policy, torch.tensor([prompt]), 100, 3, 3)
    assert text[0].tolist() == prompt + new
    assert found == pytest.approx(score, abs=1e-4)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("beams", [2, 3])
def test_beams_without_an_end_agree_with_transformers(
    solution: dict[str, Any], lab: LabChecks, answers: dict[str, Any], seed: int, beams: int
) -> None:
    """transformers keeps ended hypotheses apart; where nothing ends, both searches are the same."""
    policy = lab.fixtures.toy_policy(seed=seed, spread=0.4)
    policy.generation_config.eos_token_id = None
    prompt = torch.tensor([answers["PROMPT"]])
    expected = policy.generate(
        prompt,
        attention_mask=torch.ones_like(prompt),
        num_beams=beams,
        do_sample=False,
        max_new_tokens=5,
        length_penalty=0.0,
        pad_token_id=EOS,
    )
    assert torch.equal(solution["beam_search"](policy, prompt, beams, 5, answers["NO_END"])[0], expected)


class Disturbed(InProcess):
    """The solution with policies whose logits are off by up to 0.001: no check may hang on less than that."""

    def build(self, recipe: str, /, **kwargs: Any) -> Ref:
        ref = super().build(recipe, **kwargs)
        noisy = copy.deepcopy(ref.twin)

        def disturb(_module: Any, _inputs: Any, z: torch.Tensor) -> torch.Tensor:
            generator = torch.Generator().manual_seed(z.shape[1])
            return z + 0.002 * (torch.rand(z.shape, generator=generator) - 0.5)

        noisy.lm_head.register_forward_hook(disturb)
        return Ref(twin=ref.twin, handle=noisy, owner=self)


@pytest.mark.parametrize("exercise", ["generate", "beam_search"])
def test_no_check_hangs_on_a_near_tie(
    solution: dict[str, Any], lab: LabChecks, answers: dict[str, Any], exercise: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that rounds otherwise must not decide a grade."""
    monkeypatch.setitem(answers, "SCORE_TOLERANCE", 0.02)
    student = Disturbed(solution, lab.fixtures)
    for check in lab.of(exercise):
        check.body(student)


def test_the_solution_notebook_runs_whole(executed: Any, lab: LabChecks) -> None:
    """It may take up to 90 seconds: one plot, which the lab is about, needs some 4,600 tokens written on a CPU."""
    assert "✗" not in executed.printed
    assert executed.pictures >= 9
    assert executed.points == sum(check.points for check in lab.checks) == 40
