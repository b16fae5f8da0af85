"""The sealed visible checks of the labs on wrong answers, six a lab: every check runs, no hint is false."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest

from grader.build.help import in_place, quietly
from grader.build.notebooks import solution_namespace
from grader.course.paths import Course
from labkit.findings import KINDS
from labkit.help_sheet import ExerciseChecks, load_help
from labkit.looking import Looked, look


# Six a lab, as people write them; none of them is one of the lab's own.
@dataclass(frozen=True)
class WrongAnswer:
    lab: str
    exercise: str
    source: str
    may_say: str = ""


def of(lab: str, exercise: str, signature: str, body: str, may_say: str = "") -> WrongAnswer:
    lines = "\n".join(f"    {line}" for line in body.strip().splitlines())
    return WrongAnswer(lab, exercise, f"def {exercise}({signature}):\n{lines}\n", may_say)


FOUR = "policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta"
ANSWERS = (
    of("01-decoding", "apply_temperature", "logits, temperature", "return logits / (temperature + 1)"),
    of("01-decoding", "apply_temperature", "logits, temperature", "return (logits / temperature).tolist()"),
    of("01-decoding", "top_k_filter", "logits, k", "return logits.topk(k).values"),
    of(
        "01-decoding",
        "top_p_filter",
        "logits, p",
        """
probs = logits.softmax(-1)
return logits.masked_fill(probs < p, -torch.inf)
""",
    ),
    of("01-decoding", "repetition_penalty", "logits, ids, penalty", "return logits[ids] / penalty"),
    of("01-decoding", "sample_next", "logits, u", "return (logits.softmax(-1).cumsum(-1) > u).int().argmax(-1)"),
    of(
        "02-reward-model",
        "preference_pairs",
        "ratings, min_gap=0.0",
        "return [(i, j) for i in range(len(ratings)) for j in range(i) if ratings[i] > ratings[j]]",
    ),
    of(
        "02-reward-model",
        "bradley_terry_loss",
        "chosen, rejected, margin=None",
        "return -F.logsigmoid(chosen / rejected)",
    ),
    of(
        "02-reward-model",
        "bradley_terry_loss",
        "chosen, rejected, margin=None",
        "return -F.logsigmoid(chosen - rejected - margin)",
    ),
    of("02-reward-model", "last_token_index", "mask", "return mask.nonzero()[-1]"),
    of("02-reward-model", "centre_rewards", "r, prompt_ids", "return r - r[prompt_ids]"),
    of(
        "02-reward-model",
        "pairwise_accuracy",
        "rewards, pairs",
        "return (rewards[pairs[0]] > rewards[pairs[1]]).float().mean().item()",
    ),
    of("03-ppo", "build_queries", "columns, tokenizer, low=2, high=8, seed=0", "return {'query': columns['text']}"),
    of("03-ppo", "kl_estimators", "logprobs, ref_logprobs", "return (logprobs - ref_logprobs).mean()"),
    of(
        "03-ppo",
        "kl_penalised_rewards",
        "scores, logprobs, ref_logprobs, mask, kl_coef",
        "return scores - kl_coef * (logprobs - ref_logprobs)",
    ),
    of("03-ppo", "gae", "rewards, values, mask, gamma=1.0, lam=0.95", "return rewards - values"),
    of(
        "03-ppo",
        "whiten",
        "values, mask, shift_mean=True",
        "return (values[mask] - values[mask].mean()) / values[mask].std()",
    ),
    of("03-ppo", "group_advantages", "rewards, method", "return rewards - rewards.median()"),
    of(
        "04-partition-function",
        "count_sequences",
        "vocab_size, max_tokens, stops=False",
        "return vocab_size * max_tokens",
        "Multiply V choices",
    ),
    of(
        "04-partition-function",
        "kl_divergence",
        "log_p, log_q",
        "return (log_p - log_q).sum(-1)",
        "Weigh each difference by p",
    ),
    of("04-partition-function", "kl_divergence", "log_p, log_q", "return F.kl_div(log_q, log_p.exp()).undefined"),
    of(
        "04-partition-function",
        "log_partition",
        "ref_log_probs, rewards, beta",
        "return (rewards / beta).exp().log().sum(-1)",
    ),
    of(
        "04-partition-function",
        "optimal_policy",
        "ref_log_probs, rewards, beta",
        "return ref_log_probs * rewards / beta",
    ),
    of("04-partition-function", "effective_sample_size", "log_weights", "return (log_weights != 0).sum(-1)"),
    of("05-dpo", "loss_against_u", "u, beta", "return beta * u.log()"),
    of("05-dpo", "dpo_gradient_weight", "u, beta", "return 1 / (1 + u)", "β is missing"),
    of("05-dpo", "dpo_loss", f"{FOUR}, label_smoothing=0.0", "return (policy_chosen - policy_rejected) * beta"),
    of("05-dpo", "format_preferences", "first, second, first_mean, second_mean", "return list(zip(first, second))"),
    of("05-dpo", "preference_accuracy", "chosen_rewards, rejected_rewards", "return chosen_rewards > rejected_rewards"),
    of("05-dpo", "ipo_loss", f"{FOUR}, lengths=None", "return (policy_chosen - ref_chosen - 1 / (2 * beta)) ** 2"),
    of(
        "07-grpo",
        "sentence_rewards",
        "texts, least=8, most=12",
        "return [float(least <= len(text.split()) <= most) for text in texts]",
    ),
    of("07-grpo", "pass_at_k", "samples, correct, k", "return [c / n for n, c in zip(samples, correct)]", "pass@1"),
    of(
        "07-grpo",
        "grpo_advantages",
        "rewards, scale='group'",
        "return (rewards - rewards.mean()) / (rewards.std() + 1e-4)",
    ),
    of(
        "07-grpo",
        "clipped_losses",
        "ratios, advantages, low=0.2, high=0.2",
        "return -ratios.clamp(1 - low, 1 + high) * advantages[:, None]",
        "clipped term alone",
    ),
    of(
        "07-grpo",
        "normalised_loss",
        "losses, mask, method='dapo', longest=16",
        "return (losses * mask).sum() / mask.sum()",
    ),
    of(
        "07-grpo",
        "kl_losses",
        "logps, ref_logps, old_logps, estimator='k3-ratio'",
        "return (logps - ref_logps).exp() - 1",
    ),
)

LABS = ("01-decoding", "02-reward-model", "03-ppo", "04-partition-function", "05-dpo", "07-grpo", "08-evaluation")


@cache
def namespace_of(course: Course, lab: str) -> dict[str, Any]:
    return solution_namespace(lab, course)


def looked_at(course: Course, answer: WrongAnswer) -> tuple[ExerciseChecks, Looked]:
    visible = load_help(course.labs / answer.lab / f"{answer.lab}.help.json").checks(answer.exercise)
    with in_place(namespace_of(course, answer.lab), answer.exercise, answer.source) as namespace, quietly():
        return visible, look(visible, namespace)


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda one: f"{one.lab}-{one.exercise}")
def test_every_check_runs_and_no_hint_is_false(repo: Course, answer: WrongAnswer) -> None:
    visible, looked = looked_at(repo, answer)
    assert len(looked.outcomes) == len(visible.checks)
    assert not looked.missing
    assert looked.passed < len(visible.checks)
    for outcome in looked.outcomes:
        assert outcome.passed or outcome.found
    named = "" if looked.trap is None else visible.traps[looked.trap].hint
    assert (answer.may_say in named) if answer.may_say else not named
    said = {outcome.hint for outcome in looked.outcomes} - {""}
    own: Mapping[str, Any] = {hint: check for check in visible.checks for hint in check.hints.values()}
    assert said <= {*KINDS.values(), *own, named} | {
        hint for hint in said if hint.startswith(("Is it spelt", "Put your"))
    }


@pytest.mark.parametrize("lab", LABS)
def test_every_exercise_has_checks_three_hints_and_an_explanation(repo: Course, lab: str) -> None:
    sheet = load_help(repo.labs / lab / f"{lab}.help.json")
    for exercise in sheet.exercises():
        assert sheet.checks(exercise).checks
        assert sheet.hints(exercise) == 3
        told = sheet.explanation(exercise)
        assert told.right != told.trapped
