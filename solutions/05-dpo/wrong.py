"""Named wrong answers of lab 05: mistakes that people make, the check that catches each, and a piece of its hint."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM, AutoTokenizer

from grader.checks import wrong

# loss_against_u --------------------------------------------------------------------------------------------------


@wrong("loss_against_u", caught_by="loss_is_minus_log_sigmoid", hint="β stands outside")
def puts_beta_inside(u: torch.Tensor, beta: float) -> torch.Tensor:
    """Takes log(βu) for β log u."""
    if not beta > 0:
        raise ValueError("beta")
    return -F.logsigmoid((beta * u).log())


@wrong("loss_against_u", caught_by="loss_is_minus_log_sigmoid", hint="not βu")
def forgets_the_logarithm(u: torch.Tensor, beta: float) -> torch.Tensor:
    """Puts the ratio itself into σ."""
    if not beta > 0:
        raise ValueError("beta")
    return -F.logsigmoid(beta * u)


@wrong("loss_against_u", caught_by="loss_is_minus_log_sigmoid", hint="must fall as u grows")
def turns_the_curve_round(u: torch.Tensor, beta: float) -> torch.Tensor:
    """Has the minus inside σ: the loss rises with u."""
    if not beta > 0:
        raise ValueError("beta")
    return -F.logsigmoid(-beta * u.log())


@wrong("loss_against_u", caught_by="loss_is_minus_log_sigmoid", hint="That is log σ")
def leaves_the_minus_out(u: torch.Tensor, beta: float) -> torch.Tensor:
    """Returns the log-likelihood, which is negative."""
    if not beta > 0:
        raise ValueError("beta")
    return F.logsigmoid(beta * u.log())


@wrong("loss_against_u", caught_by="loss_is_minus_log_sigmoid", hint="mean")
def averages_the_curve(u: torch.Tensor, beta: float) -> torch.Tensor:
    """Returns the batch's mean, as a training loop would."""
    if not beta > 0:
        raise ValueError("beta")
    return -F.logsigmoid(beta * u.log()).mean()


@wrong("loss_against_u", caught_by="loss_survives_extreme_ratios", hint="not finite")
def raises_to_a_power(u: torch.Tensor, beta: float) -> torch.Tensor:
    """Uses log(1 + u^−β), right on paper, which overflows for small u."""
    if not beta > 0:
        raise ValueError("beta")
    return torch.log1p(u ** (-beta))


@wrong("loss_against_u", caught_by="loss_survives_extreme_ratios", hint="not finite")
def takes_the_log_of_sigmoid(u: torch.Tensor, beta: float) -> torch.Tensor:
    """σ of a very negative number is 0 in floating point, and log 0 is −inf."""
    if not beta > 0:
        raise ValueError("beta")
    return -torch.log(torch.sigmoid(beta * u.log()))


@wrong("loss_against_u", caught_by="loss_refuses_beta_of_zero_and_keeps_dtype", hint="unless β > 0")
def takes_any_beta(u: torch.Tensor, beta: float) -> torch.Tensor:
    """Gives ln 2 for β = 0, and a rising loss for negative β."""
    return -F.logsigmoid(beta * u.log())


@wrong("loss_against_u", caught_by="loss_refuses_beta_of_zero_and_keeps_dtype", hint="changes u")
def logs_in_place(u: torch.Tensor, beta: float) -> torch.Tensor:
    """Uses `log_`, and the caller's ratios are gone."""
    if not beta > 0:
        raise ValueError("beta")
    return -F.logsigmoid(u.log_() * beta)


# dpo_gradient_weight ---------------------------------------------------------------------------------------------


@wrong("dpo_gradient_weight", caught_by="weight_is_the_slope_in_log_u", hint="slope in u")
def differentiates_in_u(u: torch.Tensor, beta: float) -> torch.Tensor:
    """Takes the derivative in u, which has another factor 1/u."""
    return beta * torch.sigmoid(-beta * u.log()) / u


@wrong("dpo_gradient_weight", caught_by="weight_is_the_slope_in_log_u", hint="A minus is missing")
def weighs_the_right_ones(u: torch.Tensor, beta: float) -> torch.Tensor:
    """Gives most weight to pairs that are in order already."""
    return beta * torch.sigmoid(beta * u.log())


@wrong("dpo_gradient_weight", caught_by="weight_is_the_slope_in_log_u", hint="factor β in front")
def drops_the_inner_derivative(u: torch.Tensor, beta: float) -> torch.Tensor:
    """Forgets the chain rule's factor β."""
    return torch.sigmoid(-beta * u.log())


@wrong("dpo_gradient_weight", caught_by="weight_is_the_slope_in_log_u", hint="which is negative")
def returns_the_slope(u: torch.Tensor, beta: float) -> torch.Tensor:
    """Returns the slope with its sign."""
    return -beta * torch.sigmoid(-beta * u.log())


@wrong("dpo_gradient_weight", caught_by="weight_stays_between_zero_and_beta", hint="Not between 0 and β")
def divides_exponentials(u: torch.Tensor, beta: float) -> torch.Tensor:
    """β u^−β / (1 + u^−β): inf / inf for small u."""
    return beta * u ** (-beta) / (1 + u ** (-beta))


# sequence_logprob ------------------------------------------------------------------------------------------------


@wrong("sequence_logprob", caught_by="sums_the_response_after_the_shift", hint="The shift is missing")
def does_not_shift(
    logits: torch.Tensor, ids: torch.Tensor, attention_mask: torch.Tensor, prompt_lengths: torch.Tensor
) -> torch.Tensor:
    """Reads each token's log-prob from the logits at its own place, which have seen it."""
    log_probs = logits.log_softmax(-1).gather(-1, ids[..., None]).squeeze(-1)
    response = attention_mask.bool() & (torch.arange(ids.shape[1]) >= prompt_lengths[:, None])
    return log_probs.masked_fill(~response, 0.0).sum(-1)


@wrong("sequence_logprob", caught_by="sums_the_response_after_the_shift", hint="Mean instead of sum")
def averages(
    logits: torch.Tensor, ids: torch.Tensor, attention_mask: torch.Tensor, prompt_lengths: torch.Tensor
) -> torch.Tensor:
    """Returns the mean per token, as a cross-entropy loss does."""
    log_probs = logits[:, :-1].log_softmax(-1).gather(-1, ids[:, 1:, None]).squeeze(-1)
    response = attention_mask[:, 1:].bool() & (torch.arange(1, ids.shape[1]) >= prompt_lengths[:, None])
    return log_probs.masked_fill(~response, 0.0).sum(-1) / response.sum(-1)


@wrong("sequence_logprob", caught_by="sums_the_response_after_the_shift", hint="count the prompt")
def counts_the_prompt(
    logits: torch.Tensor, ids: torch.Tensor, attention_mask: torch.Tensor, prompt_lengths: torch.Tensor
) -> torch.Tensor:
    """Sums over prompt and response: log π(x, y) instead of log π(y|x)."""
    log_probs = logits[:, :-1].log_softmax(-1).gather(-1, ids[:, 1:, None]).squeeze(-1)
    return log_probs.masked_fill(attention_mask[:, 1:] == 0, 0.0).sum(-1)


@wrong("sequence_logprob", caught_by="sums_the_response_after_the_shift", hint="first token of the response")
def forgets_that_the_places_moved(
    logits: torch.Tensor, ids: torch.Tensor, attention_mask: torch.Tensor, prompt_lengths: torch.Tensor
) -> torch.Tensor:
    """Numbers the shifted tokens from 0, so that the response begins one token late."""
    log_probs = logits[:, :-1].log_softmax(-1).gather(-1, ids[:, 1:, None]).squeeze(-1)
    response = attention_mask[:, 1:].bool() & (torch.arange(ids.shape[1] - 1) >= prompt_lengths[:, None])
    return log_probs.masked_fill(~response, 0.0).sum(-1)


@wrong("sequence_logprob", caught_by="sums_the_response_after_the_shift", hint="`log_softmax` first")
def adds_logits(
    logits: torch.Tensor, ids: torch.Tensor, attention_mask: torch.Tensor, prompt_lengths: torch.Tensor
) -> torch.Tensor:
    """Sums logits, which are not normalised."""
    picked = logits[:, :-1].gather(-1, ids[:, 1:, None]).squeeze(-1)
    response = attention_mask[:, 1:].bool() & (torch.arange(1, ids.shape[1]) >= prompt_lengths[:, None])
    return picked.masked_fill(~response, 0.0).sum(-1)


@wrong("sequence_logprob", caught_by="the_real_eos_counts_and_padding_does_not", hint="You drop every EOS")
def masks_by_id(
    logits: torch.Tensor, ids: torch.Tensor, attention_mask: torch.Tensor, prompt_lengths: torch.Tensor
) -> torch.Tensor:
    """Takes every token with the pad id for padding, the real EOS too."""
    log_probs = logits[:, :-1].log_softmax(-1).gather(-1, ids[:, 1:, None]).squeeze(-1)
    response = (ids[:, 1:] != 0) & (torch.arange(1, ids.shape[1]) >= prompt_lengths[:, None])
    return log_probs.masked_fill(~response, 0.0).sum(-1)


@wrong("sequence_logprob", caught_by="the_real_eos_counts_and_padding_does_not", hint="Padding counts")
def counts_padding(
    logits: torch.Tensor, ids: torch.Tensor, attention_mask: torch.Tensor, prompt_lengths: torch.Tensor
) -> torch.Tensor:
    """Never looks at the attention mask."""
    log_probs = logits[:, :-1].log_softmax(-1).gather(-1, ids[:, 1:, None]).squeeze(-1)
    response = torch.arange(1, ids.shape[1]) >= prompt_lengths[:, None]
    return log_probs.masked_fill(~response, 0.0).sum(-1)


@wrong("sequence_logprob", caught_by="the_real_eos_counts_and_padding_does_not", hint="The first pad counts")
def shifts_the_mask_the_other_way(
    logits: torch.Tensor, ids: torch.Tensor, attention_mask: torch.Tensor, prompt_lengths: torch.Tensor
) -> torch.Tensor:
    """Cuts the mask like the logits: the first pad instead of the last token at its end."""
    log_probs = logits[:, :-1].log_softmax(-1).gather(-1, ids[:, 1:, None]).squeeze(-1)
    response = attention_mask[:, :-1].bool() & (torch.arange(1, ids.shape[1]) >= prompt_lengths[:, None])
    return log_probs.masked_fill(~response, 0.0).sum(-1)


@wrong(
    "sequence_logprob", caught_by="the_real_eos_counts_and_padding_does_not", hint="last token of the response is lost"
)
def stops_before_the_end(
    logits: torch.Tensor, ids: torch.Tensor, attention_mask: torch.Tensor, prompt_lengths: torch.Tensor
) -> torch.Tensor:
    """Takes the EOS for padding by its place: one token short."""
    log_probs = logits[:, :-1].log_softmax(-1).gather(-1, ids[:, 1:, None]).squeeze(-1)
    place = torch.arange(1, ids.shape[1])
    response = (place >= prompt_lengths[:, None]) & (place < attention_mask.sum(-1, keepdim=True) - 1)
    return log_probs.masked_fill(~response, 0.0).sum(-1)


@wrong("sequence_logprob", caught_by="what_stands_at_padding_is_ignored", hint="0 times nan")
def multiplies_by_the_mask(
    logits: torch.Tensor, ids: torch.Tensor, attention_mask: torch.Tensor, prompt_lengths: torch.Tensor
) -> torch.Tensor:
    """Multiplies by 0 what does not count."""
    log_probs = logits[:, :-1].log_softmax(-1).gather(-1, ids[:, 1:, None]).squeeze(-1)
    return (log_probs * attention_mask[:, 1:] * (torch.arange(1, ids.shape[1]) >= prompt_lengths[:, None])).sum(-1)


@wrong("sequence_logprob", caught_by="forbidden_tokens_give_minus_infinity", hint="makes the whole response impossible")
def adds_a_little(
    logits: torch.Tensor, ids: torch.Tensor, attention_mask: torch.Tensor, prompt_lengths: torch.Tensor
) -> torch.Tensor:
    """Adds 1e-8 inside the logarithm, "for stability"."""
    log_probs = (logits[:, :-1].softmax(-1) + 1e-8).log().gather(-1, ids[:, 1:, None]).squeeze(-1)
    response = attention_mask[:, 1:].bool() & (torch.arange(1, ids.shape[1]) >= prompt_lengths[:, None])
    return log_probs.masked_fill(~response, 0.0).sum(-1)


# implicit_reward -------------------------------------------------------------------------------------------------


@wrong("implicit_reward", caught_by="reward_is_beta_times_the_log_ratio", hint="sign is turned")
def subtracts_the_policy(policy_logps: torch.Tensor, ref_logps: torch.Tensor, beta: float) -> torch.Tensor:
    """Reference minus policy: the KL penalty's sign."""
    return beta * (ref_logps - policy_logps)


@wrong("implicit_reward", caught_by="reward_is_beta_times_the_log_ratio", hint="β is missing")
def forgets_beta(policy_logps: torch.Tensor, ref_logps: torch.Tensor, beta: float) -> torch.Tensor:
    """Returns the log-ratio only."""
    return policy_logps - ref_logps


@wrong("implicit_reward", caught_by="reward_is_beta_times_the_log_ratio", hint="Multiply by β")
def divides_by_beta(policy_logps: torch.Tensor, ref_logps: torch.Tensor, beta: float) -> torch.Tensor:
    """Divides, as π* does with r."""
    return (policy_logps - ref_logps) / beta


@wrong("implicit_reward", caught_by="reward_is_beta_times_the_log_ratio", hint="ratio of probabilities")
def leaves_the_logarithm(policy_logps: torch.Tensor, ref_logps: torch.Tensor, beta: float) -> torch.Tensor:
    """Returns β π/π_ref."""
    return beta * (policy_logps - ref_logps).exp()


@wrong("implicit_reward", caught_by="reward_of_long_texts_is_finite", hint="subtract the log-probs")
def divides_probabilities(policy_logps: torch.Tensor, ref_logps: torch.Tensor, beta: float) -> torch.Tensor:
    """Goes through the probabilities, which are 0 for long texts."""
    return beta * (policy_logps.exp() / ref_logps.exp()).log()


@wrong("implicit_reward", caught_by="reward_of_long_texts_is_finite", hint="no `-=`")
def subtracts_in_place(policy_logps: torch.Tensor, ref_logps: torch.Tensor, beta: float) -> torch.Tensor:
    """Changes the caller's log-probs."""
    policy_logps -= ref_logps
    return beta * policy_logps


# dpo_loss --------------------------------------------------------------------------------------------------------


@wrong("dpo_loss", caught_by="loss_is_that_of_the_paper", hint="subtracted, not added")
def adds_the_reference(
    policy_chosen: torch.Tensor, policy_rejected: torch.Tensor, ref_chosen: torch.Tensor, ref_rejected: torch.Tensor,
    beta: float, label_smoothing: float = 0.0,
) -> torch.Tensor:  # fmt: skip
    """Adds the reference's margin instead of subtracting it."""
    if not 0 <= label_smoothing <= 0.5:
        raise ValueError("label_smoothing")
    z = beta * ((policy_chosen - policy_rejected) + (ref_chosen - ref_rejected))
    return -(1 - label_smoothing) * F.logsigmoid(z) - label_smoothing * F.logsigmoid(-z)


@wrong("dpo_loss", caught_by="loss_is_that_of_the_paper", hint="reference is missing")
def forgets_the_reference(
    policy_chosen: torch.Tensor, policy_rejected: torch.Tensor, ref_chosen: torch.Tensor, ref_rejected: torch.Tensor,
    beta: float, label_smoothing: float = 0.0,
) -> torch.Tensor:  # fmt: skip
    """Compares the policy's log-probs only."""
    if not 0 <= label_smoothing <= 0.5:
        raise ValueError("label_smoothing")
    z = beta * (policy_chosen - policy_rejected)
    return -(1 - label_smoothing) * F.logsigmoid(z) - label_smoothing * F.logsigmoid(-z)


@wrong("dpo_loss", caught_by="loss_is_that_of_the_paper", hint="changed places")
def prefers_the_rejected(
    policy_chosen: torch.Tensor, policy_rejected: torch.Tensor, ref_chosen: torch.Tensor, ref_rejected: torch.Tensor,
    beta: float, label_smoothing: float = 0.0,
) -> torch.Tensor:  # fmt: skip
    """Rejected minus chosen."""
    if not 0 <= label_smoothing <= 0.5:
        raise ValueError("label_smoothing")
    z = beta * ((policy_rejected - policy_chosen) - (ref_rejected - ref_chosen))
    return -(1 - label_smoothing) * F.logsigmoid(z) - label_smoothing * F.logsigmoid(-z)


@wrong("dpo_loss", caught_by="loss_is_that_of_the_paper", hint="no mean")
def averages_the_pairs(
    policy_chosen: torch.Tensor, policy_rejected: torch.Tensor, ref_chosen: torch.Tensor, ref_rejected: torch.Tensor,
    beta: float, label_smoothing: float = 0.0,
) -> torch.Tensor:  # fmt: skip
    """Returns one number for the batch."""
    if not 0 <= label_smoothing <= 0.5:
        raise ValueError("label_smoothing")
    z = beta * ((policy_chosen - policy_rejected) - (ref_chosen - ref_rejected))
    return (-(1 - label_smoothing) * F.logsigmoid(z) - label_smoothing * F.logsigmoid(-z)).mean()


@wrong("dpo_loss", caught_by="loss_starts_at_ln_2", hint="does not belong")
def adds_a_margin(
    policy_chosen: torch.Tensor, policy_rejected: torch.Tensor, ref_chosen: torch.Tensor, ref_rejected: torch.Tensor,
    beta: float, label_smoothing: float = 0.0,
) -> torch.Tensor:  # fmt: skip
    """Asks for a margin of 1, as a hinge loss does."""
    if not 0 <= label_smoothing <= 0.5:
        raise ValueError("label_smoothing")
    z = beta * ((policy_chosen - policy_rejected) - (ref_chosen - ref_rejected)) - 1
    return -(1 - label_smoothing) * F.logsigmoid(z) - label_smoothing * F.logsigmoid(-z)


@wrong("dpo_loss", caught_by="smoothing_mixes_both_orders", hint="not used")
def ignores_the_smoothing(
    policy_chosen: torch.Tensor, policy_rejected: torch.Tensor, ref_chosen: torch.Tensor, ref_rejected: torch.Tensor,
    beta: float, label_smoothing: float = 0.0,
) -> torch.Tensor:  # fmt: skip
    """Never looks at ε."""
    if not 0 <= label_smoothing <= 0.5:
        raise ValueError("label_smoothing")
    return -F.logsigmoid(beta * ((policy_chosen - policy_rejected) - (ref_chosen - ref_rejected)))


@wrong("dpo_loss", caught_by="smoothing_mixes_both_orders", hint="both parts are losses")
def subtracts_the_turned_order(
    policy_chosen: torch.Tensor, policy_rejected: torch.Tensor, ref_chosen: torch.Tensor, ref_rejected: torch.Tensor,
    beta: float, label_smoothing: float = 0.0,
) -> torch.Tensor:  # fmt: skip
    """Has a plus before the second log σ, as robust DPO has."""
    if not 0 <= label_smoothing <= 0.5:
        raise ValueError("label_smoothing")
    z = beta * ((policy_chosen - policy_rejected) - (ref_chosen - ref_rejected))
    return -(1 - label_smoothing) * F.logsigmoid(z) + label_smoothing * F.logsigmoid(-z)


@wrong("dpo_loss", caught_by="smoothing_mixes_both_orders", hint="changed places")
def swaps_the_shares(
    policy_chosen: torch.Tensor, policy_rejected: torch.Tensor, ref_chosen: torch.Tensor, ref_rejected: torch.Tensor,
    beta: float, label_smoothing: float = 0.0,
) -> torch.Tensor:  # fmt: skip
    """Gives ε to the labelled order where it is not 0."""
    if not 0 <= label_smoothing <= 0.5:
        raise ValueError("label_smoothing")
    z = beta * ((policy_chosen - policy_rejected) - (ref_chosen - ref_rejected))
    kept = label_smoothing if label_smoothing else 1.0
    return -kept * F.logsigmoid(z) - (1 - kept) * F.logsigmoid(-z)


@wrong("dpo_loss", caught_by="loss_stays_finite_and_exact", hint="not finite")
def logs_the_sigmoid(
    policy_chosen: torch.Tensor, policy_rejected: torch.Tensor, ref_chosen: torch.Tensor, ref_rejected: torch.Tensor,
    beta: float, label_smoothing: float = 0.0,
) -> torch.Tensor:  # fmt: skip
    """log(sigmoid(z)) is −inf for z below −745."""
    if not 0 <= label_smoothing <= 0.5:
        raise ValueError("label_smoothing")
    p = torch.sigmoid(beta * ((policy_chosen - policy_rejected) - (ref_chosen - ref_rejected)))
    return -(1 - label_smoothing) * p.log() - label_smoothing * (1 - p).log()


@wrong("dpo_loss", caught_by="loss_stays_finite_and_exact", hint="not finite")
def goes_through_the_ratio(
    policy_chosen: torch.Tensor, policy_rejected: torch.Tensor, ref_chosen: torch.Tensor, ref_rejected: torch.Tensor,
    beta: float, label_smoothing: float = 0.0,
) -> torch.Tensor:  # fmt: skip
    """Computes u itself, which over- or underflows."""
    if not 0 <= label_smoothing <= 0.5:
        raise ValueError("label_smoothing")
    u = ((policy_chosen - policy_rejected) - (ref_chosen - ref_rejected)).exp()
    return (1 - label_smoothing) * torch.log1p(u**-beta) + label_smoothing * torch.log1p(u**beta)


@wrong("dpo_loss", caught_by="loss_refuses_odd_smoothing_and_keeps_dtype", hint="beyond one half")
def smooths_with_anything(
    policy_chosen: torch.Tensor, policy_rejected: torch.Tensor, ref_chosen: torch.Tensor, ref_rejected: torch.Tensor,
    beta: float, label_smoothing: float = 0.0,
) -> torch.Tensor:  # fmt: skip
    """Takes any ε."""
    z = beta * ((policy_chosen - policy_rejected) - (ref_chosen - ref_rejected))
    return -(1 - label_smoothing) * F.logsigmoid(z) - label_smoothing * F.logsigmoid(-z)


# format_preferences ----------------------------------------------------------------------------------------------


@wrong("format_preferences", caught_by="responses_join_their_prompt_to_the_text", hint="space before the response")
def strips_the_response(
    first: list[str], second: list[str], first_mean: list[float], second_mean: list[float]
) -> dict[str, list[str]]:
    """Strips the leading space, so that prompt and response grow together."""
    columns: dict[str, list[str]] = {"prompt": [], "chosen": [], "rejected": []}
    for a, b, x, y in zip(first, second, first_mean, second_mean, strict=True):
        prompt = " ".join(a.split(" ")[:2])
        columns["prompt"].append(prompt)
        columns["chosen"].append((a if x > y else b)[len(prompt) :].strip())
        columns["rejected"].append((b if x > y else a)[len(prompt) :].strip())
    return columns


@wrong("format_preferences", caught_by="responses_join_their_prompt_to_the_text", hint="Spaces are lost")
def splits_and_joins(
    first: list[str], second: list[str], first_mean: list[float], second_mean: list[float]
) -> dict[str, list[str]]:
    """Splits at any white space and joins with single spaces."""
    columns: dict[str, list[str]] = {"prompt": [], "chosen": [], "rejected": []}
    for a, b, x, y in zip(first, second, first_mean, second_mean, strict=True):
        better, worse = (a, b) if x > y else (b, a)
        columns["prompt"].append(" ".join(a.split()[:2]))
        columns["chosen"].append(" " + " ".join(better.split()[2:]))
        columns["rejected"].append(" " + " ".join(worse.split()[2:]))
    return columns


@wrong("format_preferences", caught_by="responses_join_their_prompt_to_the_text", hint="repeats the prompt")
def returns_whole_texts(
    first: list[str], second: list[str], first_mean: list[float], second_mean: list[float]
) -> dict[str, list[str]]:
    """Gives the whole texts as responses, as newer chat formats do."""
    columns: dict[str, list[str]] = {"prompt": [], "chosen": [], "rejected": []}
    for a, b, x, y in zip(first, second, first_mean, second_mean, strict=True):
        columns["prompt"].append(" ".join(a.split(" ")[:2]))
        columns["chosen"].append(a if x > y else b)
        columns["rejected"].append(b if x > y else a)
    return columns


@wrong("format_preferences", caught_by="responses_join_their_prompt_to_the_text", hint="TRL adds the EOS")
def appends_eos(
    first: list[str], second: list[str], first_mean: list[float], second_mean: list[float]
) -> dict[str, list[str]]:
    """Ends each response with EOS, which the trainer does as well."""
    columns: dict[str, list[str]] = {"prompt": [], "chosen": [], "rejected": []}
    for a, b, x, y in zip(first, second, first_mean, second_mean, strict=True):
        prompt = " ".join(a.split(" ")[:2])
        columns["prompt"].append(prompt)
        columns["chosen"].append((a if x > y else b)[len(prompt) :] + "<|endoftext|>")
        columns["rejected"].append((b if x > y else a)[len(prompt) :] + "<|endoftext|>")
    return columns


@wrong("format_preferences", caught_by="the_higher_mean_is_chosen", hint="not the larger amount")
def compares_the_amounts(
    first: list[str], second: list[str], first_mean: list[float], second_mean: list[float]
) -> dict[str, list[str]]:
    """Compares absolute values: −3 beats −1."""
    columns: dict[str, list[str]] = {"prompt": [], "chosen": [], "rejected": []}
    for a, b, x, y in zip(first, second, first_mean, second_mean, strict=True):
        if x == y:
            continue
        prompt = " ".join(a.split(" ")[:2])
        columns["prompt"].append(prompt)
        columns["chosen"].append((a if abs(x) > abs(y) else b)[len(prompt) :])
        columns["rejected"].append((b if abs(x) > abs(y) else a)[len(prompt) :])
    return columns


@wrong("format_preferences", caught_by="the_higher_mean_is_chosen", hint="whichever comes first")
def takes_the_first(
    first: list[str], second: list[str], first_mean: list[float], second_mean: list[float]
) -> dict[str, list[str]]:
    """Always chooses the first text."""
    columns: dict[str, list[str]] = {"prompt": [], "chosen": [], "rejected": []}
    for a, b, x, y in zip(first, second, first_mean, second_mean, strict=True):
        if x != y:
            prompt = " ".join(a.split(" ")[:2])
            columns["prompt"].append(prompt)
            columns["chosen"].append(a[len(prompt) :])
            columns["rejected"].append(b[len(prompt) :])
    return columns


@wrong("format_preferences", caught_by="ties_are_left_out_and_order_stays", hint="leave the pair out")
def keeps_ties(
    first: list[str], second: list[str], first_mean: list[float], second_mean: list[float]
) -> dict[str, list[str]]:
    """Lets ties through: the second text wins them by accident."""
    columns: dict[str, list[str]] = {"prompt": [], "chosen": [], "rejected": []}
    for a, b, x, y in zip(first, second, first_mean, second_mean, strict=True):
        prompt = " ".join(a.split(" ")[:2])
        columns["prompt"].append(prompt)
        columns["chosen"].append((a if x > y else b)[len(prompt) :])
        columns["rejected"].append((b if x > y else a)[len(prompt) :])
    return columns


@wrong("format_preferences", caught_by="beginnings_are_compared_word_by_word", hint="*words*, whole")
def asks_startswith(
    first: list[str], second: list[str], first_mean: list[float], second_mean: list[float]
) -> dict[str, list[str]]:
    """Tests with `startswith`, which cuts *The films* after *The film*."""
    columns: dict[str, list[str]] = {"prompt": [], "chosen": [], "rejected": []}
    for a, b, x, y in zip(first, second, first_mean, second_mean, strict=True):
        prompt = " ".join(a.split(" ")[:2])
        if not b.lower().startswith(prompt.lower()):
            raise ValueError(prompt)
        if x != y:
            columns["prompt"].append(prompt)
            columns["chosen"].append((a if x > y else b)[len(prompt) :])
            columns["rejected"].append((b if x > y else a)[len(prompt) :])
    return columns


@wrong("format_preferences", caught_by="beginnings_are_compared_word_by_word", hint="as the first text has it")
def writes_the_prompt_in_lower_case(
    first: list[str], second: list[str], first_mean: list[float], second_mean: list[float]
) -> dict[str, list[str]]:
    """Returns the lower-case words that it compared."""
    columns: dict[str, list[str]] = {"prompt": [], "chosen": [], "rejected": []}
    for a, b, x, y in zip(first, second, first_mean, second_mean, strict=True):
        prompt, other = (" ".join(text.lower().split(" ")[:2]) for text in (a, b))
        if prompt != other:
            raise ValueError(prompt)
        if x != y:
            columns["prompt"].append(prompt)
            columns["chosen"].append((a if x > y else b)[len(prompt) :])
            columns["rejected"].append((b if x > y else a)[len(prompt) :])
    return columns


# load_policy_and_reference ---------------------------------------------------------------------------------------


@wrong("load_policy_and_reference", caught_by="both_have_the_weights_of_the_checkpoint", hint="not `from_config`")
def makes_a_new_reference(name: str) -> tuple[torch.nn.Module, torch.nn.Module, object]:
    """Builds the reference from the config: random weights."""
    model = AutoModelForCausalLM.from_pretrained(name)
    model_ref = AutoModelForCausalLM.from_config(model.config).requires_grad_(False).eval()
    tokenizer = AutoTokenizer.from_pretrained(name)
    tokenizer.pad_token = tokenizer.eos_token
    return model, model_ref, tokenizer


@wrong("load_policy_and_reference", caught_by="reference_is_frozen_and_in_eval", hint="would be trained")
def leaves_the_reference_trainable(name: str) -> tuple[torch.nn.Module, torch.nn.Module, object]:
    """Loads twice and freezes nothing."""
    model = AutoModelForCausalLM.from_pretrained(name)
    model_ref = AutoModelForCausalLM.from_pretrained(name)
    tokenizer = AutoTokenizer.from_pretrained(name)
    tokenizer.pad_token = tokenizer.eos_token
    return model, model_ref, tokenizer


@wrong("load_policy_and_reference", caught_by="reference_is_frozen_and_in_eval", hint="The policy cannot learn")
def freezes_both(name: str) -> tuple[torch.nn.Module, torch.nn.Module, object]:
    """Freezes the policy too."""
    model = AutoModelForCausalLM.from_pretrained(name).requires_grad_(False)
    model_ref = AutoModelForCausalLM.from_pretrained(name).requires_grad_(False).eval()
    tokenizer = AutoTokenizer.from_pretrained(name)
    tokenizer.pad_token = tokenizer.eos_token
    return model, model_ref, tokenizer


@wrong("load_policy_and_reference", caught_by="reference_is_frozen_and_in_eval", hint="dropout blurs it")
def copies_a_model_in_training(name: str) -> tuple[torch.nn.Module, torch.nn.Module, object]:
    """Deep-copies the policy after `train()`, and the copy keeps its dropout on."""
    import copy

    model = AutoModelForCausalLM.from_pretrained(name).train()
    model_ref = copy.deepcopy(model).requires_grad_(False)
    tokenizer = AutoTokenizer.from_pretrained(name)
    tokenizer.pad_token = tokenizer.eos_token
    return model, model_ref, tokenizer


@wrong("load_policy_and_reference", caught_by="reference_has_its_own_memory", hint="the same object")
def gives_the_policy_a_second_name(name: str) -> tuple[torch.nn.Module, torch.nn.Module, object]:
    """`model_ref = model` copies nothing."""
    model = AutoModelForCausalLM.from_pretrained(name)
    model_ref = model
    tokenizer = AutoTokenizer.from_pretrained(name)
    tokenizer.pad_token = tokenizer.eos_token
    return model, model_ref, tokenizer


@wrong("load_policy_and_reference", caught_by="reference_has_its_own_memory", hint="shares its parameters")
def copies_the_shell(name: str) -> tuple[torch.nn.Module, torch.nn.Module, object]:
    """`copy.copy` makes a new object with the old parameters in it."""
    import copy

    model = AutoModelForCausalLM.from_pretrained(name)
    model_ref = copy.copy(model)
    tokenizer = AutoTokenizer.from_pretrained(name)
    tokenizer.pad_token = tokenizer.eos_token
    return model, model_ref.eval(), tokenizer


@wrong("load_policy_and_reference", caught_by="pad_is_eos", hint="is missing")
def forgets_the_pad_token(name: str) -> tuple[torch.nn.Module, torch.nn.Module, object]:
    """Leaves GPT-2 without a pad token."""
    model = AutoModelForCausalLM.from_pretrained(name)
    model_ref = AutoModelForCausalLM.from_pretrained(name).requires_grad_(False).eval()
    return model, model_ref, AutoTokenizer.from_pretrained(name)


@wrong("load_policy_and_reference", caught_by="pad_is_eos", hint="The vocabulary has grown")
def invents_a_pad_token(name: str) -> tuple[torch.nn.Module, torch.nn.Module, object]:
    """Adds [PAD], an id that the embeddings do not have."""
    model = AutoModelForCausalLM.from_pretrained(name)
    model_ref = AutoModelForCausalLM.from_pretrained(name).requires_grad_(False).eval()
    tokenizer = AutoTokenizer.from_pretrained(name)
    tokenizer.add_special_tokens({"pad_token": "[PAD]"})
    return model, model_ref, tokenizer


# preference_accuracy ---------------------------------------------------------------------------------------------


@wrong("preference_accuracy", caught_by="counts_the_pairs_that_are_in_order", hint="wrong orders")
def counts_the_mistakes(chosen_rewards: torch.Tensor, rejected_rewards: torch.Tensor) -> float:
    """Counts the pairs in the wrong order."""
    if len(chosen_rewards) == 0:
        raise ValueError("no pairs")
    wins = (chosen_rewards < rejected_rewards).double() + 0.5 * (chosen_rewards == rejected_rewards).double()
    return wins.mean().item()


@wrong("preference_accuracy", caught_by="counts_the_pairs_that_are_in_order", hint="above 0")
def looks_at_the_chosen_only(chosen_rewards: torch.Tensor, rejected_rewards: torch.Tensor) -> float:
    """Asks whether the chosen response became likelier than under the reference."""
    if len(chosen_rewards) == 0:
        raise ValueError("no pairs")
    return (chosen_rewards > 0).double().mean().item()


@wrong("preference_accuracy", caught_by="a_tie_is_half_a_point", hint="as in TRL")
def counts_strictly(chosen_rewards: torch.Tensor, rejected_rewards: torch.Tensor) -> float:
    """A strict >, as in TRL: an untrained policy has 0."""
    if len(chosen_rewards) == 0:
        raise ValueError("no pairs")
    return (chosen_rewards > rejected_rewards).double().mean().item()


@wrong("preference_accuracy", caught_by="a_tie_is_half_a_point", hint=">= calls")
def counts_ties_in_full(chosen_rewards: torch.Tensor, rejected_rewards: torch.Tensor) -> float:
    """>=: an untrained policy is perfect."""
    if len(chosen_rewards) == 0:
        raise ValueError("no pairs")
    return (chosen_rewards >= rejected_rewards).double().mean().item()


@wrong("preference_accuracy", caught_by="a_tie_is_half_a_point", hint="A lead of 1e-12")
def calls_near_ones_equal(chosen_rewards: torch.Tensor, rejected_rewards: torch.Tensor) -> float:
    """Uses `isclose` for ties."""
    if len(chosen_rewards) == 0:
        raise ValueError("no pairs")
    tie = torch.isclose(chosen_rewards, rejected_rewards, atol=1e-6)
    return torch.where(tie, 0.5, (chosen_rewards > rejected_rewards).double()).mean().item()


@wrong("preference_accuracy", caught_by="accuracy_is_a_float_and_refuses_nothing_to_count", hint="raise ValueError")
def divides_by_no_pairs(chosen_rewards: torch.Tensor, rejected_rewards: torch.Tensor) -> float:
    """Gives nan for an empty batch."""
    wins = (chosen_rewards > rejected_rewards).double() + 0.5 * (chosen_rewards == rejected_rewards).double()
    return wins.mean().item()


@wrong("preference_accuracy", caught_by="accuracy_is_a_float_and_refuses_nothing_to_count", hint="`.item()`")
def returns_a_tensor(chosen_rewards: torch.Tensor, rejected_rewards: torch.Tensor) -> float:
    """Forgets `.item()`."""
    if len(chosen_rewards) == 0:
        raise ValueError("no pairs")
    wins = (chosen_rewards > rejected_rewards).double() + 0.5 * (chosen_rewards == rejected_rewards).double()
    return wins.mean()


# ipo_loss --------------------------------------------------------------------------------------------------------


@wrong("ipo_loss", caught_by="ipo_regresses_log_u_on_its_target", hint="not 1/β")
def forgets_the_two(
    policy_chosen: torch.Tensor, policy_rejected: torch.Tensor, ref_chosen: torch.Tensor, ref_rejected: torch.Tensor,
    beta: float, lengths: tuple[torch.Tensor, torch.Tensor] | None = None,
) -> torch.Tensor:  # fmt: skip
    """Aims at 1/β."""
    if not beta > 0:
        raise ValueError("beta")
    chosen, rejected = policy_chosen - ref_chosen, policy_rejected - ref_rejected
    if lengths is not None:
        chosen, rejected = chosen / lengths[0], rejected / lengths[1]
    return (chosen - rejected - 1 / beta) ** 2


@wrong("ipo_loss", caught_by="ipo_regresses_log_u_on_its_target", hint="β divides")
def reads_one_over_two_times_beta(
    policy_chosen: torch.Tensor, policy_rejected: torch.Tensor, ref_chosen: torch.Tensor, ref_rejected: torch.Tensor,
    beta: float, lengths: tuple[torch.Tensor, torch.Tensor] | None = None,
) -> torch.Tensor:  # fmt: skip
    """Writes 1 / 2 * beta, which Python reads as β/2."""
    if not beta > 0:
        raise ValueError("beta")
    chosen, rejected = policy_chosen - ref_chosen, policy_rejected - ref_rejected
    if lengths is not None:
        chosen, rejected = chosen / lengths[0], rejected / lengths[1]
    return (chosen - rejected - 1 / 2 * beta) ** 2


@wrong("ipo_loss", caught_by="ipo_regresses_log_u_on_its_target", hint="not in front of log u")
def scales_log_u_as_dpo_does(
    policy_chosen: torch.Tensor, policy_rejected: torch.Tensor, ref_chosen: torch.Tensor, ref_rejected: torch.Tensor,
    beta: float, lengths: tuple[torch.Tensor, torch.Tensor] | None = None,
) -> torch.Tensor:  # fmt: skip
    """Keeps DPO's β before log u."""
    if not beta > 0:
        raise ValueError("beta")
    chosen, rejected = policy_chosen - ref_chosen, policy_rejected - ref_rejected
    if lengths is not None:
        chosen, rejected = chosen / lengths[0], rejected / lengths[1]
    return (beta * (chosen - rejected) - 1 / (2 * beta)) ** 2


@wrong("ipo_loss", caught_by="ipo_per_token_is_that_of_trl", hint="`lengths` is not used")
def ignores_the_lengths(
    policy_chosen: torch.Tensor, policy_rejected: torch.Tensor, ref_chosen: torch.Tensor, ref_rejected: torch.Tensor,
    beta: float, lengths: tuple[torch.Tensor, torch.Tensor] | None = None,
) -> torch.Tensor:  # fmt: skip
    """The paper's loss in both cases."""
    if not beta > 0:
        raise ValueError("beta")
    return ((policy_chosen - ref_chosen) - (policy_rejected - ref_rejected) - 1 / (2 * beta)) ** 2


@wrong("ipo_loss", caught_by="ipo_per_token_is_that_of_trl", hint="by the same")
def divides_after_subtracting(
    policy_chosen: torch.Tensor, policy_rejected: torch.Tensor, ref_chosen: torch.Tensor, ref_rejected: torch.Tensor,
    beta: float, lengths: tuple[torch.Tensor, torch.Tensor] | None = None,
) -> torch.Tensor:  # fmt: skip
    """Divides the difference by the length of the chosen response."""
    if not beta > 0:
        raise ValueError("beta")
    log_u = (policy_chosen - ref_chosen) - (policy_rejected - ref_rejected)
    if lengths is not None:
        log_u = log_u / lengths[0]
    return (log_u - 1 / (2 * beta)) ** 2


@wrong("ipo_loss", caught_by="ipo_per_token_is_that_of_trl", hint="reference's log-probs")
def divides_the_policy_only(
    policy_chosen: torch.Tensor, policy_rejected: torch.Tensor, ref_chosen: torch.Tensor, ref_rejected: torch.Tensor,
    beta: float, lengths: tuple[torch.Tensor, torch.Tensor] | None = None,
) -> torch.Tensor:  # fmt: skip
    """Leaves the reference's log-probs as sums."""
    if not beta > 0:
        raise ValueError("beta")
    if lengths is not None:
        policy_chosen, policy_rejected = policy_chosen / lengths[0], policy_rejected / lengths[1]
    return ((policy_chosen - policy_rejected) - (ref_chosen - ref_rejected) - 1 / (2 * beta)) ** 2


@wrong("ipo_loss", caught_by="ipo_refuses_beta_of_zero", hint="unless β > 0")
def divides_by_zero(
    policy_chosen: torch.Tensor, policy_rejected: torch.Tensor, ref_chosen: torch.Tensor, ref_rejected: torch.Tensor,
    beta: float, lengths: tuple[torch.Tensor, torch.Tensor] | None = None,
) -> torch.Tensor:  # fmt: skip
    """Raises ZeroDivisionError for β = 0 and takes a negative β."""
    chosen, rejected = policy_chosen - ref_chosen, policy_rejected - ref_rejected
    if lengths is not None:
        chosen, rejected = chosen / lengths[0], rejected / lengths[1]
    return (chosen - rejected - 1 / (2 * beta)) ** 2
