"""Named wrong answers of lab 05: mistakes that people make, the check that catches each, and a piece of its hint.

Most change the solution in one place. A hint that stands in no table of `cases.py` is that of a kind of finding.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM, AutoTokenizer

from grader.checks import patched, wrong

DTYPE = "compare it with the dtypes that came in"
SHAPE = "which shape comes back"
CHANGED = "no `/=` and no assignment"
GRADIENT = "no detach, no no_grad"
VALUE = "Work a small example by hand"

# loss_against_u ---------------------------------------------------------------------------------------------------

puts_beta_inside = patched(
    "loss_against_u",
    "beta * u.log()",
    "(beta * u).log()",
    caught_by="loss_is_minus_log_sigmoid",
    hint="β stands outside",
    mistake="Takes log(βu) for β log u.",
)
forgets_the_logarithm = patched(
    "loss_against_u",
    "beta * u.log()",
    "beta * u",
    caught_by="loss_is_minus_log_sigmoid",
    hint="not βu",
    mistake="Puts the ratio itself into σ.",
)
turns_the_curve_round = patched(
    "loss_against_u",
    "(beta * u.log())",
    "(-beta * u.log())",
    caught_by="loss_is_minus_log_sigmoid",
    hint="must fall as u grows",
    mistake="Has the minus inside σ: the loss rises with u.",
)
leaves_the_minus_out = patched(
    "loss_against_u",
    "-F.logsigmoid(beta * u.log())",
    "F.logsigmoid(beta * u.log())",
    caught_by="loss_is_minus_log_sigmoid",
    hint="That is log σ",
    mistake="Returns the log-likelihood, which is negative.",
)
averages_the_curve = patched(
    "loss_against_u",
    "-F.logsigmoid(beta * u.log())",
    "-F.logsigmoid(beta * u.log()).mean()",
    caught_by="loss_is_minus_log_sigmoid",
    hint="mean",
    mistake="Returns the batch's mean, as a training loop would.",
)
forgets_beta_in_the_loss = patched(
    "loss_against_u",
    "beta * u.log()",
    "u.log()",
    caught_by="loss_is_minus_log_sigmoid",
    hint="β is missing",
    mistake="Has no β at all.",
)
takes_the_decimal_logarithm = patched(
    "loss_against_u",
    "u.log()",
    "u.log10()",
    caught_by="loss_is_minus_log_sigmoid",
    hint="natural one",
    mistake="Uses the logarithm to the base 10.",
)
raises_to_a_power = patched(
    "loss_against_u",
    "-F.logsigmoid(beta * u.log())",
    "torch.log1p(u ** (-beta))",
    caught_by="loss_survives_extreme_ratios",
    hint="σ rounds to 0 or 1",
    mistake="Uses log(1 + u^−β), right on paper, which overflows for small u.",
)
takes_the_log_of_sigmoid = patched(
    "loss_against_u",
    "-F.logsigmoid(beta * u.log())",
    "-torch.log(torch.sigmoid(beta * u.log()))",
    caught_by="loss_survives_extreme_ratios",
    hint="σ rounds to 0 or 1",
    mistake="σ of a very negative number is 0 in floating point, and log 0 is −inf.",
)
adds_an_eps_to_u = patched(
    "loss_against_u",
    "u.log()",
    "(u + 1e-8).log()",
    caught_by="loss_survives_extreme_ratios",
    hint="neither a clamp nor an eps",
    mistake='Adds 1e-8 to u, "for stability".',
)
adds_e_to_one = patched(
    "loss_against_u",
    "-F.logsigmoid(beta * u.log())",
    "(1 + torch.exp(-beta * u.log())).log()",
    caught_by="loss_survives_extreme_ratios",
    hint="σ rounds to 0 or 1",
    mistake="Writes −log σ out, and e^−z overflows.",
)
takes_any_beta = patched(
    "loss_against_u",
    "not beta > 0",
    "False",
    caught_by="loss_refuses_beta_of_zero_and_keeps_dtype",
    hint="unless β > 0",
    mistake="Gives ln 2 for β = 0, and a rising loss for negative β.",
)
takes_a_beta_of_zero = patched(
    "loss_against_u",
    "not beta > 0",
    "beta < 0",
    caught_by="loss_refuses_beta_of_zero_and_keeps_dtype",
    hint="unless β > 0",
    mistake="Refuses negative β only.",
)
raises_a_key_error = patched(
    "loss_against_u",
    "ValueError(f",
    "KeyError(f",
    caught_by="loss_refuses_beta_of_zero_and_keeps_dtype",
    hint="unless β > 0",
    mistake="Raises another error.",
)
logs_in_place = patched(
    "loss_against_u",
    "beta * u.log()",
    "u.log_() * beta",
    caught_by="loss_refuses_beta_of_zero_and_keeps_dtype",
    hint=CHANGED,
    mistake="Uses `log_`, and the caller's ratios are gone.",
)
loss_of_float64 = patched(
    "loss_against_u",
    "-F.logsigmoid(beta * u.log())",
    "-F.logsigmoid(beta * u.double().log())",
    caught_by="loss_refuses_beta_of_zero_and_keeps_dtype",
    hint=DTYPE,
    mistake="Computes in float64 and does not come back.",
)
loss_of_float32 = patched(
    "loss_against_u",
    "-F.logsigmoid(beta * u.log())",
    "-F.logsigmoid(beta * u.float().log())",
    caught_by="loss_refuses_beta_of_zero_and_keeps_dtype",
    hint=DTYPE,
    mistake="Computes in float32 and does not come back.",
)
loss_of_flat_ratios = patched(
    "loss_against_u",
    "-F.logsigmoid(beta * u.log())",
    "-F.logsigmoid(beta * u.flatten().log())",
    caught_by="loss_refuses_beta_of_zero_and_keeps_dtype",
    hint=SHAPE,
    mistake="Flattens u and leaves it flat.",
)
loss_with_32_bits = patched(
    "loss_against_u",
    "-F.logsigmoid(beta * u.log())",
    "-F.logsigmoid(beta * u.float().log()).to(u.dtype)",
    caught_by="loss_is_minus_log_sigmoid",
    hint=VALUE,
    mistake="Computes float64 in float32.",
)


@wrong("loss_against_u", caught_by="loss_refuses_beta_of_zero_and_keeps_dtype", hint="Follow what its line")
def loops_over_the_first_dimension(u: torch.Tensor, beta: float) -> torch.Tensor:
    """A loop over u, which a tensor without dimensions does not allow, nor one without elements `stack`."""
    if not beta > 0:
        raise ValueError("beta")
    return torch.stack([-F.logsigmoid(beta * one.log()) for one in u])


# dpo_gradient_weight ----------------------------------------------------------------------------------------------

differentiates_in_u = patched(
    "dpo_gradient_weight",
    "beta * torch.sigmoid(-beta * u.log())",
    "beta * torch.sigmoid(-beta * u.log()) / u",
    caught_by="weight_is_the_slope_in_log_u",
    hint="slope in u",
    mistake="Takes the derivative in u, which has another factor 1/u.",
)
weighs_the_right_ones = patched(
    "dpo_gradient_weight",
    "(-beta * u",
    "(beta * u",
    caught_by="weight_is_the_slope_in_log_u",
    hint="A minus is missing",
    mistake="Gives most weight to pairs that are in order already.",
)
drops_the_inner_derivative = patched(
    "dpo_gradient_weight",
    "beta * torch.sigmoid(-beta * u.log())",
    "torch.sigmoid(-beta * u.log())",
    caught_by="weight_is_the_slope_in_log_u",
    hint="factor β in front",
    mistake="Forgets the chain rule's factor β.",
)
returns_the_slope = patched(
    "dpo_gradient_weight",
    "beta * torch.sigmoid(-beta * u.log())",
    "-beta * torch.sigmoid(-beta * u.log())",
    caught_by="weight_is_the_slope_in_log_u",
    hint="which is negative",
    mistake="Returns the slope with its sign.",
)
leaves_beta_out_of_sigma = patched(
    "dpo_gradient_weight",
    "(-beta * u.log())",
    "(-u.log())",
    caught_by="weight_is_the_slope_in_log_u",
    hint="inside σ as well",
    mistake="Has β in front only.",
)
weighs_the_ratio = patched(
    "dpo_gradient_weight",
    "-beta * u.log()",
    "-beta * u",
    caught_by="weight_is_the_slope_in_log_u",
    hint="not −βu",
    mistake="Puts the ratio itself into σ.",
)
returns_the_loss = patched(
    "dpo_gradient_weight",
    "beta * torch.sigmoid(-beta * u.log())",
    "-F.logsigmoid(beta * u.log())",
    caught_by="weight_is_the_slope_in_log_u",
    hint="That is the loss",
    mistake="Returns the loss of exercise 1.",
)
divides_exponentials = patched(
    "dpo_gradient_weight",
    "beta * torch.sigmoid(-beta * u.log())",
    "beta * u ** (-beta) / (1 + u ** (-beta))",
    caught_by="weight_stays_between_zero_and_beta",
    hint="do not divide two powers",
    mistake="β u^−β / (1 + u^−β): inf / inf for small u.",
)
adds_an_eps_to_the_ratio = patched(
    "dpo_gradient_weight",
    "u.log()",
    "(u + 1e-8).log()",
    caught_by="weight_stays_between_zero_and_beta",
    hint="no eps",
    mistake="Adds 1e-8 to u.",
)
clamps_the_ratio = patched(
    "dpo_gradient_weight",
    "u.log()",
    "u.clamp(1e-6, 1e6).log()",
    caught_by="weight_stays_between_zero_and_beta",
    hint=VALUE,
    mistake="Bounds u, and the limits with it.",
)
weight_of_float64 = patched(
    "dpo_gradient_weight",
    "u.log()",
    "u.double().log()",
    caught_by="weight_is_the_slope_in_log_u",
    hint=DTYPE,
    mistake="Computes float32 in float64 and returns that.",
)
weight_of_flat_ratios = patched(
    "dpo_gradient_weight",
    "u.log()",
    "u.flatten().log()",
    caught_by="weight_is_the_slope_in_log_u",
    hint=SHAPE,
    mistake="Flattens u and leaves it flat.",
)
weight_by_log_in_place = patched(
    "dpo_gradient_weight",
    "u.log()",
    "u.log_()",
    caught_by="weight_is_the_slope_in_log_u",
    hint=CHANGED,
    mistake="Uses `log_`.",
)

# sequence_logprob -------------------------------------------------------------------------------------------------

does_not_shift = patched(
    "sequence_logprob",
    "logits[:, :-1].log",
    "logits[:, 1:].log",
    caught_by="sums_the_response_after_the_shift",
    hint="The shift is missing",
    mistake="Reads each token's log-prob from the logits at its own place, which have seen it.",
)
averages = patched(
    "sequence_logprob",
    "0.0).sum(-1)",
    "0.0).sum(-1) / response.sum(-1)",
    caught_by="sums_the_response_after_the_shift",
    hint="Mean instead of sum",
    mistake="Returns the mean per token, as a cross-entropy loss does.",
)
counts_the_prompt = patched(
    "sequence_logprob",
    " & (place >= prompt_lengths[:, None])",
    "",
    caught_by="sums_the_response_after_the_shift",
    hint="count the prompt",
    mistake="Sums over prompt and response: log π(x, y) instead of log π(y|x).",
)
forgets_that_the_places_moved = patched(
    "sequence_logprob",
    "torch.arange(1, ids.shape[1])",
    "torch.arange(ids.shape[1] - 1)",
    caught_by="sums_the_response_after_the_shift",
    hint="first token of the response",
    mistake="Numbers the shifted tokens from 0, so that the response begins one token late.",
)
begins_in_the_prompt = patched(
    "sequence_logprob",
    "place >= prompt_lengths[:, None]",
    "place >= prompt_lengths[:, None] - 1",
    caught_by="sums_the_response_after_the_shift",
    hint="last token of the prompt",
    mistake="Begins one token early.",
)
adds_logits = patched(
    "sequence_logprob",
    ".log_softmax(-1)",
    "",
    caught_by="sums_the_response_after_the_shift",
    hint="`log_softmax` first",
    mistake="Sums logits, which are not normalised.",
)
normalises_over_places = patched(
    "sequence_logprob",
    ".log_softmax(-1)",
    ".log_softmax(1)",
    caught_by="sums_the_response_after_the_shift",
    hint=VALUE,
    mistake="Takes the softmax over places instead of words.",
)
negates_the_sum = patched(
    "sequence_logprob",
    "return log_probs",
    "return -log_probs",
    caught_by="sums_the_response_after_the_shift",
    hint="sign is turned",
    mistake="Returns the negative log-likelihood, which is a loss.",
)
sums_over_the_batch = patched(
    "sequence_logprob",
    "0.0).sum(-1)",
    "0.0).sum()",
    caught_by="sums_the_response_after_the_shift",
    hint="do not sum over the batch",
    mistake="One number for all rows.",
)
takes_the_first_prompt_for_all = patched(
    "sequence_logprob",
    "prompt_lengths[:, None]",
    "prompt_lengths[0]",
    caught_by="sums_the_response_after_the_shift",
    hint="first row's length",
    mistake="Uses one prompt length for the whole batch.",
)
masks_by_id = patched(
    "sequence_logprob",
    "attention_mask[:, 1:].bool()",
    "(ids[:, 1:] != 0)",
    caught_by="the_real_eos_counts_and_padding_does_not",
    hint="You drop every EOS",
    mistake="Takes every token with the pad id for padding, the real EOS too.",
)
counts_padding = patched(
    "sequence_logprob",
    "attention_mask[:, 1:].bool() & ",
    "",
    caught_by="the_real_eos_counts_and_padding_does_not",
    hint="Padding counts",
    mistake="Never looks at the attention mask.",
)
shifts_the_mask_the_other_way = patched(
    "sequence_logprob",
    "attention_mask[:, 1:]",
    "attention_mask[:, :-1]",
    caught_by="the_real_eos_counts_and_padding_does_not",
    hint="The first pad counts",
    mistake="Cuts the mask like the logits: the first pad instead of the last token at its end.",
)
stops_before_the_end = patched(
    "sequence_logprob",
    "attention_mask[:, 1:].bool()",
    "(place < attention_mask.sum(-1, keepdim=True) - 1)",
    caught_by="the_real_eos_counts_and_padding_does_not",
    hint="last token of the response is lost",
    mistake="Takes the EOS for padding by its place: one token short.",
)
stops_at_the_first_eos = patched(
    "sequence_logprob",
    "0.0).sum(-1)",
    "0.0).masked_fill(((ids[:, 1:] == 0) & (place >= prompt_lengths[:, None])).cumsum(-1) - ((ids[:, 1:] == "
    "0) & (place >= prompt_lengths[:, None])).long() > 0, 0.0).sum(-1)",
    caught_by="the_real_eos_counts_and_padding_does_not",
    hint="stop at the first EOS",
    mistake="A response may hold another EOS before its last.",
)
multiplies_by_the_mask = patched(
    "sequence_logprob",
    "log_probs.masked_fill(~response, 0.0).sum(-1)",
    "(log_probs * response).sum(-1)",
    caught_by="what_stands_at_padding_is_ignored",
    hint="0 times inf or nan",
    mistake="Multiplies by 0 what does not count.",
)
adds_a_little = patched(
    "sequence_logprob",
    "logits[:, :-1].log_softmax(-1)",
    "(logits[:, :-1].softmax(-1) + 1e-8).log()",
    caught_by="forbidden_tokens_give_minus_infinity",
    hint="makes the whole response impossible",
    mistake='Adds 1e-8 inside the logarithm, "for stability".',
)
logs_the_softmax = patched(
    "sequence_logprob",
    ".log_softmax(-1)",
    ".softmax(-1).log()",
    caught_by="forbidden_tokens_give_minus_infinity",
    hint="rounded to 0",
    mistake="The logarithm of a softmax, −inf for improbable tokens.",
)
drops_the_impossible = patched(
    "sequence_logprob",
    "0.0).sum(-1)",
    "0.0).nan_to_num(neginf=0.0).sum(-1)",
    caught_by="forbidden_tokens_give_minus_infinity",
    hint="left out of your sum",
    mistake="Replaces −inf by 0.",
)
logprob_of_float64 = patched(
    "sequence_logprob",
    "logits[:, :-1].log",
    "logits[:, :-1].double().log",
    caught_by="forbidden_tokens_give_minus_infinity",
    hint=DTYPE,
    mistake="Computes in float64 and returns that.",
)
logprob_of_float32 = patched(
    "sequence_logprob",
    "logits[:, :-1].log",
    "logits[:, :-1].float().log",
    caught_by="forbidden_tokens_give_minus_infinity",
    hint=DTYPE,
    mistake="Computes in float32 and returns that.",
)
detaches_the_logits = patched(
    "sequence_logprob",
    "logits[:, :-1].log",
    "logits.detach()[:, :-1].log",
    caught_by="sums_the_response_after_the_shift",
    hint=GRADIENT,
    mistake="Cuts the logits off the graph.",
)
spoils_the_ids = patched(
    "sequence_logprob",
    "    log_probs = logits",
    "    ids[attention_mask == 0] = 0\n    attention_mask *= torch.arange(ids.shape[1]) >= prompt_lengths[:, "
    "None]\n    log_probs = logits",
    caught_by="the_real_eos_counts_and_padding_does_not",
    hint=CHANGED,
    mistake="Writes into the attention mask.",
)
fills_the_logits_in_place = patched(
    "sequence_logprob",
    "    log_probs = logits",
    "    logits[attention_mask == 0] = 0.0\n    log_probs = logits",
    caught_by="what_stands_at_padding_is_ignored",
    hint=CHANGED,
    mistake="Writes into the logits where they do not count.",
)


@wrong("sequence_logprob", caught_by="sums_the_response_after_the_shift", hint=GRADIENT)
def adds_up_items(
    logits: torch.Tensor, ids: torch.Tensor, attention_mask: torch.Tensor, prompt_lengths: torch.Tensor
) -> torch.Tensor:
    """Right numbers by `.item()`, which trains nothing."""
    log_probs = logits.log_softmax(-1)
    totals = []
    for row in range(len(ids)):
        places = range(int(prompt_lengths[row]), int(attention_mask[row].sum()))
        totals.append(sum(log_probs[row, place - 1, ids[row, place]].item() for place in places))
    return torch.tensor(totals, dtype=logits.dtype)


# implicit_reward --------------------------------------------------------------------------------------------------

subtracts_the_policy = patched(
    "implicit_reward",
    "beta * (policy_logps - ref_logps)",
    "beta * (ref_logps - policy_logps)",
    caught_by="reward_is_beta_times_the_log_ratio",
    hint="sign is turned",
    mistake="Reference minus policy: the KL penalty's sign.",
)
forgets_beta = patched(
    "implicit_reward",
    "beta * (policy_logps - ref_logps)",
    "policy_logps - ref_logps",
    caught_by="reward_is_beta_times_the_log_ratio",
    hint="β is missing",
    mistake="Returns the log-ratio only.",
)
divides_by_beta = patched(
    "implicit_reward",
    "beta * (policy_logps - ref_logps)",
    "(policy_logps - ref_logps) / beta",
    caught_by="reward_is_beta_times_the_log_ratio",
    hint="Multiply by β",
    mistake="Divides, as π* does with r.",
)
leaves_the_logarithm = patched(
    "implicit_reward",
    "beta * (policy_logps - ref_logps)",
    "beta * (policy_logps - ref_logps).exp()",
    caught_by="reward_is_beta_times_the_log_ratio",
    hint="ratio of probabilities",
    mistake="Returns β π/π_ref.",
)
forgets_the_bracket = patched(
    "implicit_reward",
    "beta * (policy_logps - ref_logps)",
    "beta * policy_logps - ref_logps",
    caught_by="reward_is_beta_times_the_log_ratio",
    hint="in brackets",
    mistake="β before the policy's log-prob only.",
)
averages_the_rewards = patched(
    "implicit_reward",
    "beta * (policy_logps - ref_logps)",
    "(beta * (policy_logps - ref_logps)).mean()",
    caught_by="reward_is_beta_times_the_log_ratio",
    hint="no mean",
    mistake="One number for the batch.",
)
reward_of_float64 = patched(
    "implicit_reward",
    "beta * (policy_logps - ref_logps)",
    "beta * (policy_logps.double() - ref_logps.double())",
    caught_by="reward_is_beta_times_the_log_ratio",
    hint=DTYPE,
    mistake="Computes in float64 and returns that.",
)
adds_a_small_number = patched(
    "implicit_reward",
    "beta * (policy_logps - ref_logps)",
    "beta * (policy_logps - ref_logps + 1e-8)",
    caught_by="reward_is_beta_times_the_log_ratio",
    hint=VALUE,
    mistake="Adds 1e-8 to the log-ratio.",
)
divides_probabilities = patched(
    "implicit_reward",
    "beta * (policy_logps - ref_logps)",
    "beta * (policy_logps.exp() / ref_logps.exp()).log()",
    caught_by="reward_of_long_texts_is_finite",
    hint="e^−2000 is 0",
    mistake="Goes through the probabilities, which are 0 for long texts.",
)
goes_through_the_exponential = patched(
    "implicit_reward",
    "beta * (policy_logps - ref_logps)",
    "beta * torch.log(torch.exp(policy_logps - ref_logps))",
    caught_by="reward_of_long_texts_is_finite",
    hint="inf or 0",
    mistake="log(exp(p − q)): inf beyond 88 nats in float32, 709 in float64.",
)
clamps_the_log_ratio = patched(
    "implicit_reward",
    "beta * (policy_logps - ref_logps)",
    "beta * (policy_logps - ref_logps).clamp(-100, 100)",
    caught_by="reward_of_long_texts_is_finite",
    hint="a clamp cuts off",
    mistake="Bounds the log-ratio.",
)
subtracts_in_place = patched(
    "implicit_reward",
    "beta * (policy_logps - ref_logps)",
    "policy_logps.sub_(ref_logps) * beta",
    caught_by="reward_is_beta_times_the_log_ratio",
    hint=CHANGED,
    mistake="Changes the caller's log-probs.",
)

# dpo_loss ---------------------------------------------------------------------------------------------------------

adds_the_reference = patched(
    "dpo_loss",
    ") - (ref_chosen",
    ") + (ref_chosen",
    caught_by="loss_is_that_of_the_paper",
    hint="subtracted, not added",
    mistake="Adds the reference's margin instead of subtracting it.",
)
forgets_the_reference = patched(
    "dpo_loss",
    " - (ref_chosen - ref_rejected)",
    "",
    caught_by="loss_is_that_of_the_paper",
    hint="reference is missing",
    mistake="Compares the policy's log-probs only.",
)
prefers_the_rejected = patched(
    "dpo_loss",
    "beta * ((policy_chosen - policy_rejected) - (ref_chosen - ref_rejected))",
    "beta * ((policy_rejected - policy_chosen) - (ref_rejected - ref_chosen))",
    caught_by="loss_is_that_of_the_paper",
    hint="changed places",
    mistake="Rejected minus chosen.",
)
forgets_a_bracket = patched(
    "dpo_loss",
    "beta * ((policy_chosen - policy_rejected) - (ref_chosen - ref_rejected))",
    "beta * (policy_chosen - policy_rejected - ref_chosen - ref_rejected)",
    caught_by="loss_is_that_of_the_paper",
    hint="bracket is missing",
    mistake="Drops the bracket around the reference's difference.",
)
scales_the_policy_only = patched(
    "dpo_loss",
    "beta * ((policy_chosen - policy_rejected) - (ref_chosen - ref_rejected))",
    "beta * (policy_chosen - policy_rejected) - (ref_chosen - ref_rejected)",
    caught_by="loss_is_that_of_the_paper",
    hint="difference too",
    mistake="β before the policy's difference only.",
)
forgets_beta_in_log_u = patched(
    "dpo_loss", "beta * ((", "((", caught_by="loss_is_that_of_the_paper", hint="Where is β", mistake="No β at all."
)
averages_the_pairs = patched(
    "dpo_loss",
    "-(1 - label_smoothing) * F.logsigmoid(z) - label_smoothing * F.logsigmoid(-z)",
    "(-(1 - label_smoothing) * F.logsigmoid(z) - label_smoothing * F.logsigmoid(-z)).mean()",
    caught_by="loss_is_that_of_the_paper",
    hint="no mean",
    mistake="Returns one number for the batch.",
)
detaches_the_policy = patched(
    "dpo_loss",
    "(policy_chosen - policy_rejected)",
    "(policy_chosen - policy_rejected).detach()",
    caught_by="loss_is_that_of_the_paper",
    hint=GRADIENT,
    mistake="Cuts the policy off the graph: right values, and nothing is trained.",
)
detaches_the_rejected = patched(
    "dpo_loss",
    "(policy_chosen - policy_rejected)",
    "(policy_chosen - policy_rejected.detach())",
    caught_by="loss_is_that_of_the_paper",
    hint=GRADIENT,
    mistake="Trains on the chosen responses only.",
)
adds_a_margin = patched(
    "dpo_loss",
    "beta * ((policy_chosen - policy_rejected) - (ref_chosen - ref_rejected))",
    "beta * ((policy_chosen - policy_rejected) - (ref_chosen - ref_rejected)) - 1",
    caught_by="loss_starts_at_ln_2",
    hint="a number is added",
    mistake="Asks for a margin of 1, as a hinge loss does.",
)
never_starts = patched(
    "dpo_loss",
    "-(1 - label_smoothing) * F.logsigmoid(z) - label_smoothing * F.logsigmoid(-z)",
    "(1 - label_smoothing) * (torch.relu(-z) + torch.log1p(torch.exp(-z.abs()))) + label_smoothing * "
    "(torch.relu(z) + torch.log1p(torch.exp(-z.abs())))",
    caught_by="loss_starts_at_ln_2",
    hint="relu, abs and clamp",
    mistake="relu(−z) + log(1 + e^−|z|): its slope is 0 at z = 0, where every pair starts.",
)
ignores_the_smoothing = patched(
    "dpo_loss",
    "-(1 - label_smoothing) * F.logsigmoid(z) - label_smoothing * F.logsigmoid(-z)",
    "-F.logsigmoid(z)",
    caught_by="smoothing_mixes_both_orders",
    hint="not used",
    mistake="Never looks at η.",
)
subtracts_the_turned_order = patched(
    "dpo_loss",
    " - label_smoothing * F",
    " + label_smoothing * F",
    caught_by="smoothing_mixes_both_orders",
    hint="both parts are losses",
    mistake="Has a plus before the second log σ, as robust DPO has.",
)
makes_it_robust = patched(
    "dpo_loss",
    "-(1 - label_smoothing) * F.logsigmoid(z) - label_smoothing * F.logsigmoid(-z)",
    "(-(1 - label_smoothing) * F.logsigmoid(z) + label_smoothing * F.logsigmoid(-z)) / (1 - 2 * label_smoothing)",
    caught_by="smoothing_mixes_both_orders",
    hint="'robust' DPO",
    mistake="Subtracts the turned order and divides by 1 − 2η.",
)
swaps_the_shares = patched(
    "dpo_loss",
    "-(1 - label_smoothing) * F.logsigmoid(z) - label_smoothing * F.logsigmoid(-z)",
    "-label_smoothing * F.logsigmoid(z) - (1 - label_smoothing) * F.logsigmoid(-z)",
    caught_by="smoothing_mixes_both_orders",
    hint="changed places",
    mistake="Gives η to the labelled order.",
)
keeps_the_whole_first_part = patched(
    "dpo_loss",
    "-(1 - label_smoothing) * F",
    "-F",
    caught_by="smoothing_mixes_both_orders",
    hint="add up to 1",
    mistake="The weights add up to 1 + η.",
)
mixes_probabilities = patched(
    "dpo_loss",
    "-(1 - label_smoothing) * F.logsigmoid(z) - label_smoothing * F.logsigmoid(-z)",
    "-torch.log((1 - label_smoothing) * torch.sigmoid(z) + label_smoothing * torch.sigmoid(-z))",
    caught_by="smoothing_mixes_both_orders",
    hint="σ is mixed",
    mistake="Mixes the probabilities, not their logarithms.",
)
logs_the_sigmoid = patched(
    "dpo_loss",
    "-(1 - label_smoothing) * F.logsigmoid(z) - label_smoothing * F.logsigmoid(-z)",
    "-(1 - label_smoothing) * torch.sigmoid(z).log() - label_smoothing * (1 - torch.sigmoid(z)).log()",
    caught_by="loss_stays_finite_and_exact",
    hint="σ rounds to 0 or 1",
    mistake="log(sigmoid(z)) is −inf for z below −745.",
)
goes_through_the_ratio = patched(
    "dpo_loss",
    "-(1 - label_smoothing) * F.logsigmoid(z) - label_smoothing * F.logsigmoid(-z)",
    "(1 - label_smoothing) * torch.log(1 + torch.exp(-z)) + label_smoothing * torch.log(1 + torch.exp(z))",
    caught_by="loss_stays_finite_and_exact",
    hint="σ rounds to 0 or 1",
    mistake="Computes a power of u itself, which over- or underflows.",
)
bounds_the_margin = patched(
    "dpo_loss",
    "beta * ((policy_chosen - policy_rejected) - (ref_chosen - ref_rejected))",
    "(beta * ((policy_chosen - policy_rejected) - (ref_chosen - ref_rejected))).clamp(-100, 100)",
    caught_by="loss_stays_finite_and_exact",
    hint="σ rounds to 0 or 1",
    mistake="Bounds β log u, and the loss with it.",
)
smooths_with_anything = patched(
    "dpo_loss",
    "not 0 <= label_smoothing <= 0.5",
    "False",
    caught_by="loss_refuses_odd_smoothing_and_keeps_dtype",
    hint="beyond one half",
    mistake="Takes any η.",
)
smooths_up_to_one = patched(
    "dpo_loss",
    "<= 0.5:",
    "<= 1:",
    caught_by="loss_refuses_odd_smoothing_and_keeps_dtype",
    hint="beyond one half",
    mistake="Takes η up to 1.",
)
refuses_one_half = patched(
    "dpo_loss",
    "<= 0.5:",
    "< 0.5:",
    caught_by="smoothing_mixes_both_orders",
    hint="Follow what its line",
    mistake="Refuses η = 0.5, which is allowed.",
)
asserts_the_smoothing = patched(
    "dpo_loss",
    "    if not 0",
    "    assert 0 <= label_smoothing <= 0.5\n    if not 0",
    caught_by="loss_refuses_odd_smoothing_and_keeps_dtype",
    hint="beyond one half",
    mistake="Raises AssertionError.",
)
dpo_of_float64 = patched(
    "dpo_loss",
    "beta * ((policy_chosen - policy_rejected) - (ref_chosen - ref_rejected))",
    "beta * ((policy_chosen.double() - policy_rejected) - (ref_chosen - ref_rejected))",
    caught_by="loss_refuses_odd_smoothing_and_keeps_dtype",
    hint=DTYPE,
    mistake="Computes in float64 and returns that.",
)
subtracts_the_reference_in_place = patched(
    "dpo_loss",
    "beta * ((policy_chosen - policy_rejected) - (ref_chosen - ref_rejected))",
    "beta * ((policy_chosen - policy_rejected) - ref_chosen.sub_(ref_rejected))",
    caught_by="loss_refuses_odd_smoothing_and_keeps_dtype",
    hint=CHANGED,
    mistake="Changes the reference's log-probs.",
)

# format_preferences -----------------------------------------------------------------------------------------------

strips_the_response = patched(
    "format_preferences",
    "    return columns",
    '    return {name: texts if name == "prompt" else [t.strip() for t in texts] for name, texts in columns.items()}',
    caught_by="responses_join_their_prompt_to_the_text",
    hint="The spaces around the response",
    mistake="Strips the response, so that prompt and response grow together.",
)
drops_one_space = patched(
    "format_preferences",
    "better[len(prompt) :]",
    "better[len(prompt) + 1 :]",
    caught_by="responses_join_their_prompt_to_the_text",
    hint=VALUE,
    mistake="Cuts the space off the chosen response, not off the rejected one.",
)
returns_whole_texts = patched(
    "format_preferences",
    '        columns["prompt"]',
    '        prompt, better, worse = prompt, prompt + better, prompt + worse\n        columns["prompt"]',
    caught_by="responses_join_their_prompt_to_the_text",
    hint="repeats the prompt",
    mistake="Gives the whole texts as responses, as newer chat formats do.",
)
appends_eos = patched(
    "format_preferences",
    "    return columns",
    '    return {name: texts if name == "prompt" else [t + "<|endoftext|>" for t in texts] for name, texts in '
    "columns.items()}",
    caught_by="responses_join_their_prompt_to_the_text",
    hint="TRL adds the EOS",
    mistake="Ends each response with EOS, which the trainer does as well.",
)
replaces_the_prompt = patched(
    "format_preferences",
    "    return columns",
    '    return {name: texts if name == "prompt" else [t.replace(p, "") for t, p in zip(texts, '
    'columns["prompt"])] for name, texts in columns.items()}',
    caught_by="responses_join_their_prompt_to_the_text",
    hint="Every place of the prompt",
    mistake="Cuts the prompt's words out wherever they stand.",
)
gives_the_prompt_a_space = patched(
    "format_preferences",
    "(prompt)\n",
    '(prompt + " ")\n',
    caught_by="responses_join_their_prompt_to_the_text",
    hint="has none at its end",
    mistake="Leaves the space at the prompt.",
)
takes_the_worse_text = patched(
    "format_preferences",
    "a_mean > b_mean",
    "a_mean < b_mean",
    caught_by="the_higher_mean_is_chosen",
    hint="worse text is chosen",
    mistake="Chooses the lower mean.",
)
compares_the_amounts = patched(
    "format_preferences",
    "a_mean > b_mean",
    "abs(a_mean) > abs(b_mean)",
    caught_by="the_higher_mean_is_chosen",
    hint="not the larger amount",
    mistake="Compares absolute values: −3 beats −1.",
)
takes_the_first = patched(
    "format_preferences",
    "a_mean > b_mean",
    "True",
    caught_by="the_higher_mean_is_chosen",
    hint="always the first",
    mistake="Always chooses the first text.",
)
compares_with_zero = patched(
    "format_preferences",
    "a_mean > b_mean",
    "a_mean > 0",
    caught_by="the_higher_mean_is_chosen",
    hint="not with 0",
    mistake="Calls the first text the better one if its mean is above 0.",
)
keeps_ties = patched(
    "format_preferences",
    "            continue\n",
    "            pass\n",
    caught_by="ties_are_left_out_and_order_stays",
    hint="leave the pair out",
    mistake="Lets ties through: the second text wins them by accident.",
)
calls_near_means_equal = patched(
    "format_preferences",
    "a_mean == b_mean",
    "abs(a_mean - b_mean) < 1e-3",
    caught_by="the_higher_mean_is_chosen",
    hint="exactly equal",
    mistake="Leaves out pairs whose means are close.",
)
stops_at_a_tie = patched(
    "format_preferences",
    "            continue\n",
    "            break\n",
    caught_by="ties_are_left_out_and_order_stays",
    hint="leave the pair out",
    mistake="Ends at the first tie.",
)
drops_what_comes_twice = patched(
    "format_preferences",
    '        columns["prompt"]',
    '        if better[len(prompt) :] in columns["chosen"] and worse[len(prompt) :] in columns["rejected"]:\n '
    '           continue\n        columns["prompt"]',
    caught_by="ties_are_left_out_and_order_stays",
    hint="stays twice",
    mistake="Leaves a pair out that it has seen.",
)
asks_startswith = patched(
    "format_preferences",
    "prompt.lower() != other.lower()",
    "not b.lower().startswith(prompt.lower())",
    caught_by="beginnings_are_compared_word_by_word",
    hint="*words* of both texts",
    mistake="Tests with `startswith`, which cuts *The films* after *The film*.",
)
compares_the_first_word = patched(
    "format_preferences",
    "prompt.lower() != other.lower()",
    "prompt.lower().split()[0] != other.lower().split()[0]",
    caught_by="beginnings_are_compared_word_by_word",
    hint="*words* of both texts",
    mistake="Compares one word of two.",
)
takes_any_beginning = patched(
    "format_preferences",
    "prompt.lower() != other.lower()",
    "False",
    caught_by="beginnings_are_compared_word_by_word",
    hint="*words* of both texts",
    mistake="Never compares the beginnings.",
)
minds_upper_and_lower_case = patched(
    "format_preferences",
    "prompt.lower() != other.lower()",
    "prompt != other",
    caught_by="beginnings_are_compared_word_by_word",
    hint="Follow what its line",
    mistake="Refuses pairs whose beginnings differ in case.",
)
writes_the_prompt_in_lower_case = patched(
    "format_preferences",
    "(prompt)\n",
    "(prompt.lower())\n",
    caught_by="beginnings_are_compared_word_by_word",
    hint="as the first text has it",
    mistake="Returns the lower-case words that it compared.",
)
takes_the_prompt_of_the_chosen = patched(
    "format_preferences",
    "(prompt)\n",
    "(better[: len(prompt)])\n",
    caught_by="beginnings_are_compared_word_by_word",
    hint="not as the chosen one",
    mistake="Writes the prompt as the better text has it.",
)


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


@wrong("format_preferences", caught_by="beginnings_are_compared_word_by_word", hint="cut by length")
def removes_the_prefix(
    first: list[str], second: list[str], first_mean: list[float], second_mean: list[float]
) -> dict[str, list[str]]:
    """`removeprefix` leaves a text whole that writes the prompt in another case."""
    columns: dict[str, list[str]] = {"prompt": [], "chosen": [], "rejected": []}
    for a, b, x, y in zip(first, second, first_mean, second_mean, strict=True):
        if x == y:
            continue
        prompt, other = (" ".join(text.split(" ")[:2]) for text in (a, b))
        if prompt.lower() != other.lower():
            raise ValueError(prompt)
        better, worse = (a, b) if x > y else (b, a)
        columns["prompt"].append(prompt)
        columns["chosen"].append(better.removeprefix(prompt))
        columns["rejected"].append(worse.removeprefix(prompt))
    return columns


@wrong("format_preferences", caught_by="ties_are_left_out_and_order_stays", hint=CHANGED)
def pops_the_ties(
    first: list[str], second: list[str], first_mean: list[float], second_mean: list[float]
) -> dict[str, list[str]]:
    """Removes ties from the lists that it was given."""
    for i in reversed(range(len(first))):
        if first_mean[i] == second_mean[i]:
            for part in (first, second, first_mean, second_mean):
                part.pop(i)
    columns: dict[str, list[str]] = {"prompt": [], "chosen": [], "rejected": []}
    for a, b, x, y in zip(first, second, first_mean, second_mean, strict=True):
        prompt, other = (" ".join(text.split(" ")[:2]) for text in (a, b))
        if prompt.lower() != other.lower():
            raise ValueError(prompt)
        better, worse = (a, b) if x > y else (b, a)
        columns["prompt"].append(prompt)
        columns["chosen"].append(better[len(prompt) :])
        columns["rejected"].append(worse[len(prompt) :])
    return columns


# load_policy_and_reference ---------------------------------------------------------------------------------------


@wrong(
    "load_policy_and_reference",
    caught_by="both_have_the_weights_of_the_checkpoint",
    hint="The reference's weights are not those",
)
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


@wrong("load_policy_and_reference", caught_by="pad_is_eos", hint="ask for `tokenizer.eos_token`")
def knows_the_eos_of_gpt2(name: str) -> tuple[torch.nn.Module, torch.nn.Module, object]:
    """Writes GPT-2's EOS down, which another tokenizer does not have."""
    model = AutoModelForCausalLM.from_pretrained(name)
    model_ref = AutoModelForCausalLM.from_pretrained(name).requires_grad_(False).eval()
    tokenizer = AutoTokenizer.from_pretrained(name)
    tokenizer.pad_token = "<|endoftext|>"
    return model, model_ref, tokenizer


@wrong("load_policy_and_reference", caught_by="pad_is_eos", hint="ask for `tokenizer.eos_token`")
def pads_with_id_zero(name: str) -> tuple[torch.nn.Module, torch.nn.Module, object]:
    """Takes id 0 for the EOS."""
    model = AutoModelForCausalLM.from_pretrained(name)
    model_ref = AutoModelForCausalLM.from_pretrained(name).requires_grad_(False).eval()
    tokenizer = AutoTokenizer.from_pretrained(name)
    tokenizer.pad_token_id = 0
    return model, model_ref, tokenizer


@wrong("load_policy_and_reference", caught_by="both_have_the_weights_of_the_checkpoint", hint="another dtype")
def halves_the_reference(name: str) -> tuple[torch.nn.Module, torch.nn.Module, object]:
    """A reference in bfloat16, to save memory: its log-probs are no longer the policy's."""
    model = AutoModelForCausalLM.from_pretrained(name)
    model_ref = AutoModelForCausalLM.from_pretrained(name, torch_dtype=torch.bfloat16).requires_grad_(False).eval()
    tokenizer = AutoTokenizer.from_pretrained(name)
    tokenizer.pad_token = tokenizer.eos_token
    return model, model_ref, tokenizer


@wrong("load_policy_and_reference", caught_by="reference_is_frozen_and_in_eval", hint="A part of the reference")
def freezes_the_head_only(name: str) -> tuple[torch.nn.Module, torch.nn.Module, object]:
    """Freezes the last layer of the reference."""
    model = AutoModelForCausalLM.from_pretrained(name)
    model_ref = AutoModelForCausalLM.from_pretrained(name).eval()
    model_ref.lm_head.requires_grad_(False)
    tokenizer = AutoTokenizer.from_pretrained(name)
    tokenizer.pad_token = tokenizer.eos_token
    return model, model_ref, tokenizer


@wrong("load_policy_and_reference", caught_by="reference_has_its_own_memory", hint="shares its parameters")
def shares_the_state(name: str) -> tuple[torch.nn.Module, torch.nn.Module, object]:
    """`load_state_dict(assign=True)` puts the policy's own tensors into the reference."""
    model = AutoModelForCausalLM.from_pretrained(name)
    model_ref = AutoModelForCausalLM.from_pretrained(name).requires_grad_(False).eval()
    model_ref.load_state_dict(model.state_dict(), assign=True)
    tokenizer = AutoTokenizer.from_pretrained(name)
    tokenizer.pad_token = tokenizer.eos_token
    return model, model_ref, tokenizer


@wrong("load_policy_and_reference", caught_by="both_have_the_weights_of_the_checkpoint", hint="read the error")
def returns_the_tokenizer_first(name: str) -> tuple[object, torch.nn.Module, torch.nn.Module]:
    """The right three in another order."""
    model = AutoModelForCausalLM.from_pretrained(name)
    model_ref = AutoModelForCausalLM.from_pretrained(name).requires_grad_(False).eval()
    tokenizer = AutoTokenizer.from_pretrained(name)
    tokenizer.pad_token = tokenizer.eos_token
    return tokenizer, model, model_ref


# preference_accuracy ----------------------------------------------------------------------------------------------

counts_the_mistakes = patched(
    "preference_accuracy",
    "chosen_rewards > rejected_rewards",
    "chosen_rewards < rejected_rewards",
    caught_by="counts_the_pairs_that_are_in_order",
    hint="wrong orders",
    mistake="Counts the pairs in the wrong order.",
)
looks_at_the_chosen_only = patched(
    "preference_accuracy",
    "chosen_rewards > rejected_rewards",
    "chosen_rewards > 0",
    caught_by="counts_the_pairs_that_are_in_order",
    hint="above 0",
    mistake="Asks whether the chosen response became likelier than under the reference.",
)
compares_the_means = patched(
    "preference_accuracy",
    "(wins + 0.5 * ties).mean().item()",
    "float(chosen_rewards.mean() > rejected_rewards.mean())",
    caught_by="counts_the_pairs_that_are_in_order",
    hint="not the two means",
    mistake="Compares the mean rewards.",
)
counts_pairs = patched(
    "preference_accuracy",
    ".mean()",
    ".sum()",
    caught_by="counts_the_pairs_that_are_in_order",
    hint="A share, not a number",
    mistake="Returns how many pairs are in order.",
)
averages_in_the_dtype = patched(
    "preference_accuracy",
    "return (wins + 0.5 * ties)",
    "return (wins + 0.5 * ties).to(chosen_rewards.dtype)",
    caught_by="counts_the_pairs_that_are_in_order",
    hint="in the dtype of the rewards",
    mistake="Takes the mean in the rewards' dtype: two or three decimals for bfloat16.",
)
counts_strictly = patched(
    "preference_accuracy",
    "wins + 0.5 * ties",
    "wins",
    caught_by="a_tie_is_half_a_point",
    hint="as in TRL",
    mistake="A strict >, as in TRL: an untrained policy has 0.",
)
counts_ties_in_full = patched(
    "preference_accuracy",
    "0.5 * ties",
    "ties",
    caught_by="a_tie_is_half_a_point",
    hint=">= calls",
    mistake="≥: an untrained policy is perfect.",
)
leaves_ties_out = patched(
    "preference_accuracy",
    "(wins + 0.5 * ties).mean().item()",
    "(wins.sum() / (1 - ties).sum()).item()",
    caught_by="a_tie_is_half_a_point",
    hint="Ties are left out",
    mistake="Divides by the pairs that do not tie.",
)
calls_near_ones_equal = patched(
    "preference_accuracy",
    "(wins + 0.5 * ties).mean().item()",
    "torch.where(torch.isclose(chosen_rewards, rejected_rewards, atol=1e-5), 0.5, wins).mean().item()",
    caught_by="a_tie_is_half_a_point",
    hint="A lead of 1e-12",
    mistake="Uses `isclose` for ties.",
)
divides_by_no_pairs = patched(
    "preference_accuracy",
    "len(chosen_rewards) == 0",
    "False",
    caught_by="accuracy_is_a_float_and_refuses_nothing_to_count",
    hint="raise ValueError",
    mistake="Gives nan for an empty batch.",
)
returns_a_tensor = patched(
    "preference_accuracy",
    ".item()",
    "",
    caught_by="accuracy_is_a_float_and_refuses_nothing_to_count",
    hint="`.item()`",
    mistake="Forgets `.item()`.",
)
returns_a_percentage = patched(
    "preference_accuracy",
    "(wins + 0.5 * ties).mean().item()",
    "100 * (wins + 0.5 * ties).mean().item()",
    caught_by="counts_the_pairs_that_are_in_order",
    hint=VALUE,
    mistake="Counts in per cent.",
)
subtracts_the_rejected_in_place = patched(
    "preference_accuracy",
    "wins = (chosen_rewards > rejected_rewards)",
    "ties = (chosen_rewards == rejected_rewards).double()\n    wins = (chosen_rewards.sub_(rejected_rewards) > 0)",
    caught_by="counts_the_pairs_that_are_in_order",
    hint=CHANGED,
    mistake="Changes the chosen rewards.",
)

# ipo_loss ---------------------------------------------------------------------------------------------------------

forgets_the_two = patched(
    "ipo_loss",
    "1 / (2 * beta)",
    "1 / beta",
    caught_by="ipo_regresses_log_u_on_its_target",
    hint="not 1/β",
    mistake="Aims at 1/β.",
)
reads_one_over_two_times_beta = patched(
    "ipo_loss",
    "1 / (2 * beta)",
    "1 / 2 * beta",
    caught_by="ipo_regresses_log_u_on_its_target",
    hint="β divides",
    mistake="Writes 1 / 2 * beta, which Python reads as β/2.",
)
scales_log_u_as_dpo_does = patched(
    "ipo_loss",
    "(chosen - rejected - 1 / (2 * beta)) ** 2",
    "(beta * (chosen - rejected) - 1 / (2 * beta)) ** 2",
    caught_by="ipo_regresses_log_u_on_its_target",
    hint="not in front of log u",
    mistake="Keeps DPO's β before log u.",
)
forgets_the_square = patched(
    "ipo_loss",
    " ** 2",
    "",
    caught_by="ipo_regresses_log_u_on_its_target",
    hint="square is missing",
    mistake="Returns the distance to the target.",
)
adds_the_target = patched(
    "ipo_loss",
    "- 1 / (2",
    "+ 1 / (2",
    caught_by="ipo_regresses_log_u_on_its_target",
    hint="*reach*",
    mistake="Drives log u to −1/(2β).",
)
squares_log_u_only = patched(
    "ipo_loss",
    "(chosen - rejected - 1 / (2 * beta)) ** 2",
    "(chosen - rejected) ** 2 - 1 / (2 * beta)",
    caught_by="ipo_regresses_log_u_on_its_target",
    hint="around the whole",
    mistake="Squares log u, then subtracts the target.",
)
averages_the_squares = patched(
    "ipo_loss",
    "(chosen - rejected - 1 / (2 * beta)) ** 2",
    "((chosen - rejected - 1 / (2 * beta)) ** 2).mean()",
    caught_by="ipo_regresses_log_u_on_its_target",
    hint="no mean",
    mistake="One number for the batch.",
)
detaches_log_u = patched(
    "ipo_loss",
    "(chosen - rejected - 1 / (2 * beta)) ** 2",
    "((chosen - rejected).detach() - 1 / (2 * beta)) ** 2",
    caught_by="ipo_regresses_log_u_on_its_target",
    hint=GRADIENT,
    mistake="Right values, and nothing is trained.",
)
ipo_of_float64 = patched(
    "ipo_loss",
    "policy_chosen - ref_chosen, policy",
    "policy_chosen.double() - ref_chosen, policy",
    caught_by="ipo_regresses_log_u_on_its_target",
    hint=DTYPE,
    mistake="Computes in float64 and returns that.",
)
ignores_the_lengths = patched(
    "ipo_loss",
    "chosen, rejected = chosen / lengths[0], rejected / lengths[1]",
    "pass",
    caught_by="ipo_per_token_is_that_of_trl",
    hint="`lengths` is not used",
    mistake="The paper's loss in both cases.",
)
divides_by_the_chosen_length = patched(
    "ipo_loss",
    "rejected / lengths[1]",
    "rejected / lengths[0]",
    caught_by="ipo_per_token_is_that_of_trl",
    hint="that of the chosen",
    mistake="Divides both sides by the length of the chosen response.",
)
swaps_the_lengths = patched(
    "ipo_loss",
    "chosen, rejected = chosen / lengths[0], rejected / lengths[1]",
    "chosen, rejected = chosen / lengths[1], rejected / lengths[0]",
    caught_by="ipo_per_token_is_that_of_trl",
    hint="changed places",
    mistake="Divides by the other side's length.",
)
divides_the_policy_only = patched(
    "ipo_loss",
    "chosen, rejected = chosen / lengths[0], rejected / lengths[1]",
    "chosen, rejected = policy_chosen / lengths[0] - ref_chosen, policy_rejected / lengths[1] - ref_rejected",
    caught_by="ipo_per_token_is_that_of_trl",
    hint="reference's log-probs",
    mistake="Leaves the reference's log-probs as sums.",
)
divides_in_place = patched(
    "ipo_loss",
    "    chosen, rejected = policy_chosen - ref_chosen, policy_rejected - ref_rejected\n    if lengths is not "
    "None:\n        chosen, rejected = chosen / lengths[0], rejected / lengths[1]",
    "    if lengths is not None:\n        for part, length in zip((policy_chosen, policy_rejected, "
    "ref_chosen, ref_rejected), (*lengths, *lengths)):\n            part /= length\n    chosen, rejected = "
    "policy_chosen - ref_chosen, policy_rejected - ref_rejected",
    caught_by="ipo_per_token_is_that_of_trl",
    hint=CHANGED,
    mistake="Divides its arguments in place when lengths are given.",
)
divides_by_zero = patched(
    "ipo_loss",
    "not beta > 0",
    "False",
    caught_by="ipo_refuses_beta_of_zero",
    hint="unless β > 0",
    mistake="Raises ZeroDivisionError for β = 0 and takes a negative β.",
)
refuses_only_zero = patched(
    "ipo_loss",
    "not beta > 0",
    "beta == 0",
    caught_by="ipo_refuses_beta_of_zero",
    hint="unless β > 0",
    mistake="Takes a negative β.",
)
