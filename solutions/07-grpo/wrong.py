"""Named wrong answers of lab 07: mistakes that people make, the check that catches each, and a piece of its hint."""

from __future__ import annotations

import math

import torch

from grader.checks import patched, wrong

DTYPE = "compare it with the dtypes that came in"
CHANGED = "no `/=` and no assignment"

# sentence_rewards ------------------------------------------------------------------------------------------------


marks_anywhere = patched(
    "sentence_rewards",
    'marks == 1 and text[-1] in ".!?"',
    'text[-1:] in (".", "!", "?")',
    caught_by="one_sentence_of_so_many_words",
    hint="Only the last character may be one",
    mistake="Looks at the last character alone: two sentences pass.",
)
one_mark_anywhere = patched(
    "sentence_rewards",
    'marks == 1 and text[-1] in ".!?"',
    "marks == 1",
    caught_by="one_sentence_of_so_many_words",
    hint="Must the one mark be the last",
    mistake="Counts marks and does not look where the one stands.",
)
no_strip = patched(
    "sentence_rewards",
    "text = text.strip()",
    "text = text",
    caught_by="one_sentence_of_so_many_words",
    hint="`text.strip()`",
    mistake="A newline at the end is the last character.",
)
every_part_is_a_word = patched(
    "sentence_rewards",
    "[word for word in text.split() if any(letter.isalpha() for letter in word)]",
    "text.split()",
    caught_by="one_sentence_of_so_many_words",
    hint="without a letter is no word",
    mistake="Counts dashes and numbers as words.",
)
splits_at_blanks = patched(
    "sentence_rewards",
    "text.split()",
    'text.split(" ")',
    caught_by="one_sentence_of_so_many_words",
    hint="*any* white space",
    mistake="Two words with a newline between them are one.",
)
letters_only = patched(
    "sentence_rewards",
    "any(letter.isalpha() for letter in word)",
    'word.strip(".!?,").isalpha()',
    caught_by="one_sentence_of_so_many_words",
    hint="one letter in it is enough",
    mistake="Leaves out don't and co-op.",
)
full_stops_only = patched(
    "sentence_rewards",
    'marks = sum(text.count(mark) for mark in ".!?")\n        rewards.append(float(marks == 1 and text[-1] in ".!?"',
    'marks = text.count(".")\n        rewards.append(float(marks == 1 and text[-1] == "."',
    caught_by="one_sentence_of_so_many_words",
    hint="end sentences, too",
    mistake="Forgets questions and exclamations.",
)
below_the_most = patched(
    "sentence_rewards",
    "<= most",
    "< most",
    caught_by="one_sentence_of_so_many_words",
    hint="at most, not below",
    mistake="Leaves the largest number out, as range does.",
)
above_the_least = patched(
    "sentence_rewards",
    "least <= len",
    "least < len",
    caught_by="one_sentence_of_so_many_words",
    hint="at least, not above",
    mistake="Leaves the smallest number out.",
)
truth_values = patched(
    "sentence_rewards",
    "float(marks",
    "(marks",
    caught_by="one_sentence_of_so_many_words",
    hint="makes 1.0 of True",
    mistake="Returns truth values.",
)
last_of_nothing = patched(
    "sentence_rewards",
    'marks == 1 and text[-1] in ".!?"',
    'text[-1] in ".!?" and marks == 1',
    caught_by="one_sentence_of_so_many_words",
    hint="Follow what its line",
    mistake="Reads the last character of an empty text.",
)
any_bounds = patched(
    "sentence_rewards",
    "least > most",
    "False",
    caught_by="refuses_bounds_in_the_wrong_order",
    hint="Compare least and most",
    mistake="Takes bounds in the wrong order, and gives zeros.",
)
equal_bounds_refused = patched(
    "sentence_rewards",
    "least > most",
    "least >= most",
    caught_by="one_sentence_of_so_many_words",
    hint="Follow what its line",
    mistake="Refuses exactly ten words.",
)


@wrong("sentence_rewards", caught_by="refuses_bounds_in_the_wrong_order", hint="Compare least and most")
def refuses_with_a_text_only(texts: list[str], least: int = 8, most: int = 12) -> list[float]:
    """Looks at the bounds inside the loop: without texts nothing is refused."""
    import re

    rewards = []
    for text in texts:
        if least > most:
            raise ValueError("bounds")
        text = text.strip()
        words = [word for word in text.split() if any(letter.isalpha() for letter in word)]
        rewards.append(float(re.fullmatch(r"[^.!?]*[.!?]", text) is not None and least <= len(words) <= most))
    return rewards


# pass_at_k -------------------------------------------------------------------------------------------------------


the_obvious = patched(
    "pass_at_k",
    "math.comb(n - c, k) / math.comb(n, k)",
    "(1 - c / n) ** k",
    caught_by="is_the_share_of_choices_with_a_right_one",
    hint="draws the same sample again",
    mistake="1 − (1 − c/n)^k, which is too low on average.",
)
all_wrong = patched(
    "pass_at_k",
    "1.0 - math.comb(n - c, k)",
    "math.comb(n - c, k)",
    caught_by="is_the_share_of_choices_with_a_right_one",
    hint="*all wrong*",
    mistake="Forgets to subtract from 1.",
)
all_right = patched(
    "pass_at_k",
    "1.0 - math.comb(n - c, k)",
    "math.comb(c, k)",
    caught_by="is_the_share_of_choices_with_a_right_one",
    hint="nothing but right ones",
    mistake="Counts choices in which all are right.",
)
not_all_right = patched(
    "pass_at_k",
    "math.comb(n - c, k)",
    "math.comb(c, k)",
    caught_by="is_the_share_of_choices_with_a_right_one",
    hint="those that are all wrong",
    mistake="Counts choices that are not all right.",
)
k_times_the_share = patched(
    "pass_at_k",
    "1.0 - math.comb(n - c, k) / math.comb(n, k)",
    "min(1.0, k * c / n)",
    caught_by="is_the_share_of_choices_with_a_right_one",
    hint="k times c/n",
    mistake="Adds up the chances of k samples.",
)
only_the_share = patched(
    "pass_at_k",
    "1.0 - math.comb(n - c, k) / math.comb(n, k)",
    "c / n",
    caught_by="is_the_share_of_choices_with_a_right_one",
    hint="pass@1",
    mistake="Does not use k.",
)
floats_too_large = patched(
    "pass_at_k",
    "math.comb(n - c, k) / math.comb(n, k)",
    "float(math.comb(n - c, k)) / float(math.comb(n, k))",
    caught_by="is_the_share_of_choices_with_a_right_one",
    hint="divide the two, without",
    mistake="Turns numbers of hundreds of digits into floats.",
)
any_k = patched(
    "pass_at_k",
    "k < 1 or any(n < k for n in samples)",
    "k < 1",
    caught_by="refuses_k_out_of_range",
    hint="each task's n",
    mistake="Takes a k above n.",
)
first_n_only = patched(
    "pass_at_k",
    "any(n < k for n in samples)",
    "samples[0] < k",
    caught_by="refuses_k_out_of_range",
    hint="each task's n",
    mistake="Looks at the first task's n.",
)
k_of_zero = patched(
    "pass_at_k",
    "k < 1 or",
    "k < 0 or",
    caught_by="refuses_k_out_of_range",
    hint="each task's n",
    mistake="Takes a k of 0.",
)
k_of_n_refused = patched(
    "pass_at_k",
    "n < k",
    "n <= k",
    caught_by="refuses_k_out_of_range",
    hint="Follow what its line",
    mistake="Refuses k = n.",
)


@wrong("pass_at_k", caught_by="is_the_share_of_choices_with_a_right_one", hint="Work a small example by hand")
def rounds_to_six(samples: list[int], correct: list[int], k: int) -> list[float]:
    """Rounds."""
    if k < 1 or any(n < k for n in samples):
        raise ValueError("k")
    return [round(1 - math.comb(n - c, k) / math.comb(n, k), 5) for n, c in zip(samples, correct, strict=True)]


# grpo_advantages -------------------------------------------------------------------------------------------------


mean_of_the_batch = patched(
    "grpo_advantages",
    "rewards - rewards.mean(1, keepdim=True)",
    "rewards - rewards.mean()",
    caught_by="compares_each_response_with_its_group",
    hint="compared with itself",
    mistake="Subtracts the batch's mean.",
)
deviation_by_n = patched(
    "grpo_advantages",
    "rewards.std(1, keepdim=True)",
    "rewards.std(1, keepdim=True, correction=0)",
    caught_by="compares_each_response_with_its_group",
    hint="with n − 1",
    mistake="Divides the squares by n.",
)
smaller_epsilon = patched(
    "grpo_advantages",
    "rewards.std(1, keepdim=True) + 1e-4",
    "rewards.std(1, keepdim=True) + 1e-8",
    caught_by="compares_each_response_with_its_group",
    hint="1e-4 is added",
    mistake="Adds 1e-8.",
)
epsilon_under_the_root = patched(
    "grpo_advantages",
    "(rewards.std(1, keepdim=True) + 1e-4)",
    "(rewards.var(1, keepdim=True) + 1e-4).sqrt()",
    caught_by="compares_each_response_with_its_group",
    hint="not to the variance",
    mistake="Adds it to the variance.",
)
divides_by_the_variance = patched(
    "grpo_advantages",
    "rewards.std(1, keepdim=True)",
    "rewards.var(1, keepdim=True)",
    caught_by="compares_each_response_with_its_group",
    hint="Divided by the variance",
    mistake="Divides by the variance.",
)
leaves_itself_out = patched(
    "grpo_advantages",
    "rewards - rewards.mean(1, keepdim=True)",
    "(rewards - rewards.mean(1, keepdim=True)) * rewards.shape[1] / (rewards.shape[1] - 1)",
    caught_by="compares_each_response_with_its_group",
    hint="mean of the *others*",
    mistake="Takes RLOO's baseline.",
)
turned_round = patched(
    "grpo_advantages",
    "rewards - rewards.mean(1, keepdim=True)",
    "rewards.mean(1, keepdim=True) - rewards",
    caught_by="compares_each_response_with_its_group",
    hint="sign is turned",
    mistake="Punishes what is good.",
)
no_baseline = patched(
    "grpo_advantages",
    "rewards - rewards.mean(1, keepdim=True)",
    "rewards.clone()",
    caught_by="compares_each_response_with_its_group",
    hint="Nothing is subtracted",
    mistake="Forgets the baseline.",
)
batch_as_group = patched(
    "grpo_advantages",
    "advantages / (rewards.std() + 1e-4)",
    "advantages / (rewards.std(1, keepdim=True) + 1e-4)",
    caught_by="batch_divides_by_one_deviation",
    hint="each group's own deviation",
    mistake='Treats "batch" as "group".',
)
deviation_of_what_is_left = patched(
    "grpo_advantages",
    "advantages / (rewards.std() + 1e-4)",
    "advantages / (advantages.std() + 1e-4)",
    caught_by="batch_divides_by_one_deviation",
    hint="what is left after",
    mistake="Takes the deviation of the differences.",
)
mean_of_deviations = patched(
    "grpo_advantages",
    "advantages / (rewards.std() + 1e-4)",
    "advantages / (rewards.std(1).mean() + 1e-4)",
    caught_by="batch_divides_by_one_deviation",
    hint="mean of the groups' deviations",
    mistake="Averages the groups' deviations.",
)
takes_any_word = patched(
    "grpo_advantages",
    'scale not in ("group", "batch", "none")',
    "False",
    caught_by="keeps_dtype_and_refuses_other_words",
    hint="one of the three words",
    mistake="Takes any word as none.",
)
centres_in_place = patched(
    "grpo_advantages",
    "advantages = rewards - rewards.mean(1, keepdim=True)",
    "rewards -= rewards.mean(1, keepdim=True)\n    advantages = rewards.clone()",
    caught_by="keeps_dtype_and_refuses_other_words",
    hint=CHANGED,
    mistake="Changes the caller's rewards.",
)
advantages_of_32_bits = patched(
    "grpo_advantages",
    "advantages = rewards - rewards.mean(1, keepdim=True)",
    "rewards = rewards.float()\n    advantages = rewards - rewards.mean(1, keepdim=True)",
    caught_by="keeps_dtype_and_refuses_other_words",
    hint=DTYPE,
    mistake="Returns float32 for float64.",
)

# expected_gradient -----------------------------------------------------------------------------------------------


all_groups_alike = patched(
    "expected_gradient",
    "(probs[groups].prod(1)[:, None] * (advantages[..., None] * scores).mean(1)).sum(0)",
    "(advantages[..., None] * scores).mean(1).mean(0)",
    caught_by="adds_up_all_groups",
    hint="with its probability",
    mistake="Takes the plain mean over groups.",
)
one_hot_alone = patched(
    "expected_gradient",
    "F.one_hot(groups, len(logits)) - probs",
    "F.one_hot(groups, len(logits)).to(probs)",
    caught_by="adds_up_all_groups",
    hint="*minus π*",
    mistake="Leaves π out of the score.",
)
sum_over_the_group = patched(
    "expected_gradient",
    "scores).mean(1)",
    "scores).sum(1)",
    caught_by="adds_up_all_groups",
    hint="1/G is missing",
    mistake="Sums over the group.",
)
others_with_oneself = patched(
    "expected_gradient",
    "(r.sum(1, keepdim=True) - r) / (size - 1)",
    "r.mean(1, keepdim=True)",
    caught_by="adds_up_all_groups",
    hint="leaves the response itself out",
    mistake="Has itself among the others.",
)
no_repeats = patched(
    "expected_gradient",
    "itertools.product(range(len(logits)), repeat=size)",
    "itertools.combinations(range(len(logits)), size)",
    caught_by="adds_up_all_groups",
    hint="come twice in a group",
    mistake="Draws without putting back.",
)
downhill = patched(
    "expected_gradient",
    "advantages[..., None] * scores",
    "-advantages[..., None] * scores",
    caught_by="adds_up_all_groups",
    hint="sign is turned",
    mistake="Returns the gradient of a loss.",
)
not_divided = patched(
    "expected_gradient",
    'grpo_advantages(r, "none" if method == "mean" else "group")',
    'grpo_advantages(r, "none")',
    caught_by="divides_within_each_group",
    hint="deviation plus 1e-4",
    mistake='Does not divide with "group".',
)
by_the_deviation_of_all = patched(
    "expected_gradient",
    'grpo_advantages(r, "none" if method == "mean" else "group")',
    'grpo_advantages(r, "none" if method == "mean" else "batch")',
    caught_by="divides_within_each_group",
    hint="Work a small example by hand",
    mistake="Divides by the deviation of all groups together.",
)
exp_without_care = patched(
    "expected_gradient",
    "logits.softmax(-1)",
    "logits.exp() / logits.exp().sum()",
    caught_by="survives_extremes_and_refuses_other_words",
    hint="exp of 1000",
    mistake="Overflows.",
)
takes_any_method = patched(
    "expected_gradient",
    'method not in ("none", "mean", "others", "group")',
    "False",
    caught_by="survives_extremes_and_refuses_other_words",
    hint="every other word",
    mistake="Takes any word.",
)

# importance_ratios -----------------------------------------------------------------------------------------------


upside_down = patched(
    "importance_ratios",
    "logps - old_logps.detach()",
    "old_logps.detach() - logps",
    caught_by="each_token_has_its_ratio",
    hint="upside down",
    mistake="π_old over π.",
)
log_ratios = patched(
    "importance_ratios",
    "return log_ratio.exp()",
    "return log_ratio",
    caught_by="each_token_has_its_ratio",
    hint="take exp of it",
    mistake="Forgets exp.",
)
zero_at_padding = patched(
    "importance_ratios",
    "log_ratio.exp()",
    "log_ratio.exp() * mask",
    caught_by="each_token_has_its_ratio",
    hint="1, not 0",
    mistake="Gives 0 where the mask is false.",
)
detached_now = patched(
    "importance_ratios",
    "logps - old_logps.detach()",
    "logps.detach() - old_logps.detach()",
    caught_by="each_token_has_its_ratio",
    hint="and not `logps`",
    mistake="Cuts the graph.",
)
gradient_into_the_old = patched(
    "importance_ratios",
    "old_logps.detach()",
    "old_logps",
    caught_by="each_token_has_its_ratio",
    hint="detach `old_logps`",
    mistake="Lets the gradient into what was sampled.",
)
sum_of_log_ratios = patched(
    "importance_ratios",
    "(log_ratio.sum(1) / mask.sum(1))",
    "log_ratio.sum(1)",
    caught_by="each_response_has_its_ratio",
    hint="not their sum",
    mistake="Takes the response's own ratio: GSPO's is its root.",
)
mean_over_places = patched(
    "importance_ratios",
    "(log_ratio.sum(1) / mask.sum(1))",
    "log_ratio.mean(1)",
    caught_by="each_response_has_its_ratio",
    hint="not over all places",
    mistake="Divides by the width of the tensor.",
)
mean_of_ratios = patched(
    "importance_ratios",
    "(log_ratio.sum(1) / mask.sum(1))",
    "((log_ratio.exp() * mask).sum(1) / mask.sum(1)).log()",
    caught_by="each_response_has_its_ratio",
    hint="mean of the ratios",
    mistake="Averages the ratios themselves.",
)
one_for_the_batch = patched(
    "importance_ratios",
    "(log_ratio.sum(1) / mask.sum(1))[:, None]",
    "log_ratio.sum() / mask.sum()",
    caught_by="each_response_has_its_ratio",
    hint="not one for the batch",
    mistake="Averages over the whole batch.",
)
tokens_whatever_is_asked = patched(
    "importance_ratios",
    'if level == "sequence":',
    "if False:",
    caught_by="each_response_has_its_ratio",
    hint="one for the whole response",
    mistake="Does not look at level.",
)
not_shaped_like_tokens = patched(
    "importance_ratios",
    "log_ratio = torch.where(mask, (log_ratio.sum(1) / mask.sum(1))[:, None], 0.0)",
    "log_ratio = (log_ratio.sum(1) / mask.sum(1))[:, None]",
    caught_by="each_response_has_its_ratio",
    hint="[batch, length] at both levels",
    mistake="Returns one column.",
)
ratios_masked_afterwards = patched(
    "importance_ratios",
    "torch.where(mask, logps - old_logps.detach(), 0.0)",
    "(logps - old_logps.detach()) * mask",
    caught_by="masked_ratios_are_one",
    hint="0 times nan is nan",
    mistake="Multiplies by the mask.",
)


@wrong("importance_ratios", caught_by="masked_ratios_are_one", hint="The gradient is nan")
def chooses_after_exp(
    logps: torch.Tensor, old_logps: torch.Tensor, mask: torch.Tensor, level: str = "token"
) -> torch.Tensor:
    """Values are right; backwards 0 meets inf."""
    if level not in ("token", "sequence"):
        raise ValueError(level)
    gap = logps - old_logps.detach()
    if level == "sequence":
        gap = torch.where(mask, gap, 0.0).sum(1, keepdim=True) / mask.sum(1, keepdim=True) + 0 * logps
    return torch.where(mask, gap.exp(), 1.0)


any_level = patched(
    "importance_ratios",
    'level not in ("token", "sequence")',
    "False",
    caught_by="masked_ratios_are_one",
    hint="every other word",
    mistake="Takes any word.",
)

# clipped_losses --------------------------------------------------------------------------------------------------


clipped_only = patched(
    "clipped_losses",
    "-torch.min(ratios * a, ratios.clamp(1 - low, 1 + high) * a)",
    "-(ratios.clamp(1 - low, 1 + high) * a)",
    caught_by="keeps_the_minimum",
    hint="clipped term alone",
    mistake="Clips without the minimum.",
)
never_clipped = patched(
    "clipped_losses",
    "-torch.min(ratios * a, ratios.clamp(1 - low, 1 + high) * a)",
    "-(ratios * a)",
    caught_by="keeps_the_minimum",
    hint="nothing is clipped",
    mistake="Does not clip.",
)
the_maximum = patched(
    "clipped_losses",
    "torch.min",
    "torch.max",
    caught_by="keeps_the_minimum",
    hint="not the maximum",
    mistake="Takes the maximum.",
)
no_minus = patched(
    "clipped_losses",
    "-torch.min",
    "torch.min",
    caught_by="keeps_the_minimum",
    hint="the loss is minus that",
    mistake="Returns the objective.",
)
edges_exchanged = patched(
    "clipped_losses",
    "clamp(1 - low, 1 + high)",
    "clamp(1 - high, 1 + low)",
    caught_by="has_two_edges",
    hint="changed places",
    mistake="Exchanges the edges.",
)
upper_edge_by_low = patched(
    "clipped_losses",
    "1 + high) * a",
    "1 + low) * a",
    caught_by="has_two_edges",
    hint="`high` is not used",
    mistake="PPO's one ε.",
)
lower_edge_by_high = patched(
    "clipped_losses",
    "1 - low",
    "1 - high",
    caught_by="has_two_edges",
    hint="`low` is not used",
    mistake="One ε, the other one.",
)
ratio_detached = patched(
    "clipped_losses",
    "ratios * a,",
    "ratios.detach() * a,",
    caught_by="the_gradient_stops_where_the_clip_cuts",
    hint="through the ratio",
    mistake="Cuts the graph where the clip does not.",
)
advantages_with_gradient = patched(
    "clipped_losses",
    "advantages.detach()[:, None]",
    "advantages[:, None]",
    caught_by="the_gradient_stops_where_the_clip_cuts",
    hint="advantages.detach()",
    mistake="Lets the gradient into the advantages.",
)
clamped_in_place = patched(
    "clipped_losses",
    "ratios * a, ratios.clamp(",
    "ratios * a, ratios.detach().clamp_(",
    caught_by="the_gradient_stops_where_the_clip_cuts",
    hint=CHANGED,
    mistake="clamp_ changes the caller's ratios.",
)
advantages_along_the_row = patched(
    "clipped_losses",
    "[:, None]",
    "",
    caught_by="keeps_the_minimum",
    hint="Follow what its line",
    mistake="Lays the advantages along the tokens.",
)

# clip_shares -----------------------------------------------------------------------------------------------------


both_signs = patched(
    "clip_shares",
    "(ratios < 1 - low) & (a < 0)\n    above = mask & (ratios > 1 + high) & (a > 0)",
    "(ratios < 1 - low)\n    above = mask & (ratios > 1 + high)",
    caught_by="counts_what_the_clip_cuts",
    hint="one sign of the advantage",
    mistake="Counts all that is outside.",
)
signs_exchanged = patched(
    "clip_shares",
    "(a < 0)\n    above = mask & (ratios > 1 + high) & (a > 0)",
    "(a > 0)\n    above = mask & (ratios > 1 + high) & (a < 0)",
    caught_by="counts_what_the_clip_cuts",
    hint="signs are turned",
    mistake="Exchanges the signs.",
)
of_all_places = patched(
    "clip_shares",
    "below.sum().item() / mask.sum().item(), above.sum().item() / mask.sum().item()",
    "below.sum().item() / mask.numel(), above.sum().item() / mask.numel()",
    caught_by="counts_what_the_clip_cuts",
    hint="Padding is in your total",
    mistake="Divides by all places.",
)
mean_of_rows = patched(
    "clip_shares",
    "below.sum().item() / mask.sum().item(), above.sum().item() / mask.sum().item()",
    "(below.sum(1) / mask.sum(1)).mean().item(), (above.sum(1) / mask.sum(1)).mean().item()",
    caught_by="counts_what_the_clip_cuts",
    hint="not the mean of the rows",
    mistake="Averages the responses' shares.",
)
shares_exchanged = patched(
    "clip_shares",
    "below.sum().item() / mask.sum().item(), above.sum().item() / mask.sum().item()",
    "above.sum().item() / mask.sum().item(), below.sum().item() / mask.sum().item()",
    caught_by="counts_what_the_clip_cuts",
    hint="First below",
    mistake="Above comes first.",
)
one_epsilon = patched(
    "clip_shares",
    "1 + high) &",
    "1 + low) &",
    caught_by="counts_what_the_clip_cuts",
    hint="`high` is not used",
    mistake="One ε for both.",
)
edges_cut = patched(
    "clip_shares",
    "(ratios < 1 - low)",
    "(ratios <= 1 - low)",
    caught_by="counts_what_the_clip_cuts",
    hint="at an edge is not cut",
    mistake="Counts a ratio at the edge.",
)
tensors_for_floats = patched(
    "clip_shares",
    "below.sum().item() / mask.sum().item(), above.sum().item() / mask.sum().item()",
    "below.sum() / mask.sum(), above.sum() / mask.sum()",
    caught_by="counts_what_the_clip_cuts",
    hint="Two Python floats",
    mistake="Returns tensors.",
)
padding_counted = patched(
    "clip_shares",
    "below = mask & (ratios < 1 - low) & (a < 0)\n    above = mask & (ratios > 1 + high) & (a > 0)",
    "below = (ratios < 1 - low) & (a < 0)\n    above = (ratios > 1 + high) & (a > 0)",
    caught_by="counts_nothing_that_is_masked",
    hint="is counted in yours",
    mistake="Counts what padding holds.",
)

# normalised_loss -------------------------------------------------------------------------------------------------


grpo_by_tokens = patched(
    "normalised_loss",
    "(kept.sum(1) / mask.sum(1)).mean()",
    "kept.sum() / mask.sum()",
    caught_by="three_ways_to_average",
    hint="yours weighs tokens alike",
    mistake='Treats "grpo" as "dapo".',
)
dapo_by_responses = patched(
    "normalised_loss",
    "kept.sum() / mask.sum()\n",
    "(kept.sum(1) / mask.sum(1)).mean()\n",
    caught_by="three_ways_to_average",
    hint="yours weighs responses alike",
    mistake='Treats "dapo" as "grpo".',
)
mean_of_places = patched(
    "normalised_loss",
    "(kept.sum(1) / mask.sum(1)).mean()",
    "kept.mean(1).mean()",
    caught_by="three_ways_to_average",
    hint="not by the number of places",
    mistake="Divides by the width of the tensor.",
)
tokens_of_all_places = patched(
    "normalised_loss",
    "kept.sum() / mask.sum()\n",
    "kept.mean()\n",
    caught_by="three_ways_to_average",
    hint="not by all places",
    mistake="`mean()` of what was set to 0.",
)
constant_is_the_width = patched(
    "normalised_loss",
    "(len(losses) * longest)",
    "losses.numel()",
    caught_by="three_ways_to_average",
    hint="not the width of the tensor",
    mistake="Takes the longest response of the batch.",
)
batch_forgotten = patched(
    "normalised_loss",
    "(len(losses) * longest)",
    "longest",
    caught_by="three_ways_to_average",
    hint="batch is missing",
    mistake="Divides by longest alone.",
)
dr_grpo_by_tokens = patched(
    "normalised_loss",
    "(len(losses) * longest)",
    "mask.sum()",
    caught_by="three_ways_to_average",
    hint="not by the tokens that there are",
    mistake='Treats "dr_grpo" as "dapo".',
)
sums_responses = patched(
    "normalised_loss",
    "(kept.sum(1) / mask.sum(1)).mean()",
    "(kept.sum(1) / mask.sum(1)).sum()",
    caught_by="three_ways_to_average",
    hint="averaged, not summed",
    mistake="Sums the responses' means.",
)
a_loss_a_response = patched(
    "normalised_loss",
    "(kept.sum(1) / mask.sum(1)).mean()",
    "kept.sum(1) / mask.sum(1)",
    caught_by="three_ways_to_average",
    hint="a tensor of shape []",
    mistake="Returns one loss for each response.",
)
multiplied_by_the_mask = patched(
    "normalised_loss",
    "torch.where(mask, losses, 0.0)",
    "losses * mask",
    caught_by="masked_losses_do_not_matter",
    hint="0 times nan is nan",
    mistake="Multiplies by the mask.",
)
other_methods = patched(
    "normalised_loss",
    'if method == "dr_grpo":',
    "if True:",
    caught_by="masked_losses_do_not_matter",
    hint="every other word",
    mistake="Takes any word.",
)
losses_detached = patched(
    "normalised_loss",
    "torch.where(mask, losses, 0.0)",
    "torch.where(mask, losses.detach(), 0.0)",
    caught_by="three_ways_to_average",
    hint="no detach, no no_grad",
    mistake="Cuts the graph.",
)

# kl_losses -------------------------------------------------------------------------------------------------------


k1_turned = patched(
    "kl_losses",
    '"k1": d',
    '"k1": -d',
    caught_by="four_estimates",
    hint="with its own sign",
    mistake="Returns −d.",
)
k2_whole = patched(
    "kl_losses",
    "d**2 / 2",
    "d**2",
    caught_by="four_estimates",
    hint="half of d²",
    mistake="Forgets the half.",
)
k3_without_one = patched(
    "kl_losses",
    "k3 = (-d).exp() + d - 1",
    "k3 = (-d).exp() + d",
    caught_by="four_estimates",
    hint="−1 of k3",
    mistake="Forgets the −1.",
)
k3_without_exp = patched(
    "kl_losses",
    "k3 = (-d).exp() + d - 1",
    "k3 = d - d - 1",
    caught_by="four_estimates",
    hint="exp(−d), not its logarithm",
    mistake="Takes log-probs for probabilities.",
)
ratio_upside_down = patched(
    "kl_losses",
    "(logps - old_logps.detach()).exp()",
    "(old_logps.detach() - logps).exp()",
    caught_by="four_estimates",
    hint="π over π_old",
    mistake="π_old over π.",
)
ratio_to_the_reference = patched(
    "kl_losses",
    "(logps - old_logps.detach()).exp()",
    "(logps - ref_logps.detach()).exp()",
    caught_by="four_estimates",
    hint="not to π_ref",
    mistake="π over π_ref.",
)
ratio_forgotten = patched(
    "kl_losses",
    " * (logps - old_logps.detach()).exp()",
    "",
    caught_by="four_estimates",
    hint="or is missing",
    mistake='Treats "k3-ratio" as "k3".',
)
ratio_without_gradient = patched(
    "kl_losses",
    "(logps - old_logps.detach()).exp()",
    "(logps.detach() - old_logps.detach()).exp()",
    caught_by="the_gradients_are_those_of_a_loss",
    hint="in the ratio neither",
    mistake="Detaches the ratio: the value stays, the gradient is k3's again.",
)
reference_learns = patched(
    "kl_losses",
    "logps - ref_logps.detach()",
    "logps - ref_logps",
    caught_by="the_gradients_are_those_of_a_loss",
    hint="detach those two",
    mistake="Lets the gradient into the reference.",
)
kl_without_gradient = patched(
    "kl_losses",
    "d = logps - ref_logps.detach()",
    "d = (logps - ref_logps).detach()",
    caught_by="the_gradients_are_those_of_a_loss",
    hint="nothing of `logps`",
    mistake="Detaches d.",
)
kl_of_any_word = patched(
    "kl_losses",
    "if estimator not in losses:",
    'estimator = estimator if estimator in losses else "k3"\n    if estimator not in losses:',
    caught_by="kl_keeps_dtype_and_refuses_other_words",
    hint="every other word",
    mistake="Takes any word.",
)

# grpo_loss -------------------------------------------------------------------------------------------------------


always_tokens = patched(
    "grpo_loss",
    "importance_ratios(logps, old, mask, level)",
    "importance_ratios(logps, old, mask)",
    caught_by="ratios_clip_and_average",
    hint="level of the ratios is not used",
    mistake="Forgets to pass the level on.",
)
always_dapo = patched(
    "grpo_loss",
    "normalised_loss(losses, mask, method, longest)",
    "normalised_loss(losses, mask, longest=longest)",
    caught_by="ratios_clip_and_average",
    hint='always that of "dapo"',
    mistake="Forgets to pass the method on.",
)
edges_not_passed = patched(
    "grpo_loss",
    "clipped_losses(ratios, advantages, low, high)",
    "clipped_losses(ratios, advantages)",
    caught_by="ratios_clip_and_average",
    hint="what is special about these",
    mistake="Forgets to pass the edges on.",
)
kl_without_ratio = patched(
    "grpo_loss",
    'kl_losses(logps, ref, old, "k3") * ratios',
    'kl_losses(logps, ref, old, "k3")',
    caught_by="the_price_of_the_kl",
    hint="k3 is multiplied by the ratio",
    mistake="GRPO as it was published.",
)
kl_by_token_ratio = patched(
    "grpo_loss",
    'kl_losses(logps, ref, old, "k3") * ratios',
    "kl_losses(logps, ref, old)",
    caught_by="the_price_of_the_kl",
    hint="not always that of the token",
    mistake="Takes exercise 9 as it is, at the sequence level too.",
)
kl_as_k1 = patched(
    "grpo_loss",
    'kl_losses(logps, ref, old, "k3") * ratios',
    'kl_losses(logps, ref, old, "k1")',
    caught_by="the_price_of_the_kl",
    hint="That is k1",
    mistake="Takes k1 as a loss.",
)
kl_subtracted = patched(
    "grpo_loss",
    "+ beta *",
    "- beta *",
    caught_by="the_price_of_the_kl",
    hint="not subtracted",
    mistake="Pays for distance.",
)
kl_without_beta = patched(
    "grpo_loss",
    "beta * kl_losses",
    "kl_losses",
    caught_by="ratios_clip_and_average",
    hint="Work a small example by hand",
    mistake="Forgets β.",
)
not_cleaned = patched(
    "grpo_loss",
    "(torch.where(mask, part, 0.0) for part in (logps, old_logps.detach(), ref_logps.detach()))",
    "(logps, old_logps.detach(), ref_logps.detach())",
    caught_by="masked_log_probs_do_not_matter",
    hint="The gradient is nan",
    mistake="Leaves the padding's log-probs to the average: the values are right.",
)
