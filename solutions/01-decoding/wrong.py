"""Named wrong answers of lab 01: mistakes that people make, the check that catches each, and a piece of its hint.

Most are changes of the solution: `patched(exercise, what stands there, what stands there instead)`.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from grader.checks import patched, wrong

# apply_temperature -----------------------------------------------------------------------------------------------

multiplies = patched(
    "apply_temperature", "logits / temperature", "logits * temperature",
    caught_by="divides_the_logits", hint="multiply by τ", mistake="Multiplies, so that a high temperature sharpens.",
)  # fmt: skip
returns_probabilities = patched(
    "apply_temperature", "logits / temperature", "(logits / temperature).softmax(-1)",
    caught_by="divides_the_logits", hint="return probabilities", mistake="Applies softmax already.",
)  # fmt: skip
returns_log_probabilities = patched(
    "apply_temperature", "logits / temperature", "(logits / temperature).log_softmax(-1)",
    caught_by="divides_the_logits", hint="return log-probabilities",
    mistake="Normalises, which softmax would not notice.",
)  # fmt: skip
subtracts_the_largest = patched(
    "apply_temperature", "logits / temperature", "(logits - logits.amax(-1, keepdim=True)) / temperature",
    caught_by="divides_the_logits", hint="Subtract nothing", mistake="Shifts each row, which softmax would not notice.",
)  # fmt: skip
forgets_temperature = patched(
    "apply_temperature", "logits / temperature", "logits.clone()",
    caught_by="divides_the_logits", hint="τ changes nothing", mistake="Only looks at the temperature.",
)  # fmt: skip
divides_whole_numbers = patched(
    "apply_temperature", "logits / temperature", "logits // temperature",
    caught_by="divides_the_logits", hint="Divide each logit by τ", mistake="Divides and rounds down.",
)  # fmt: skip
holds_temperature_up = patched(
    "apply_temperature", "logits / temperature", "logits / max(temperature, 0.01)",
    caught_by="divides_the_logits", hint="what is special about these", mistake="Holds τ above 0.01.",
)  # fmt: skip
adds_a_little = patched(
    "apply_temperature", "logits / temperature", "logits / (temperature + 1e-6)",
    caught_by="divides_the_logits", hint="Divide each logit by τ", mistake="Adds a little to τ, for fear of 0.",
)  # fmt: skip
computes_in_single_precision = patched(
    "apply_temperature", "logits / temperature", "(logits.float() / temperature).to(logits.dtype)",
    caught_by="divides_the_logits", hint="loses digits", mistake="Takes float64 logits through float32.",
)  # fmt: skip
divides_by_anything = patched(
    "apply_temperature", "if not temperature > 0:", "if False:",
    caught_by="refuses_temperatures_that_are_not_positive", hint="a limit",
    mistake="Never looks at τ: τ = 0 gives infinities and nan.",
)  # fmt: skip
refuses_only_zero = patched(
    "apply_temperature", "if not temperature > 0:", "if temperature == 0:",
    caught_by="refuses_temperatures_that_are_not_positive", hint="negative ones too",
    mistake="Lets negative temperatures through, which turn the ranking round.",
)  # fmt: skip
refuses_low_ones = patched(
    "apply_temperature", "if not temperature > 0:", "if temperature < 0.1:",
    caught_by="refuses_temperatures_that_are_not_positive", hint="and only there", mistake="Refuses τ = 0.01 too.",
)  # fmt: skip
asserts = patched(
    "apply_temperature", "raise ValueError(", "raise AssertionError(",
    caught_by="refuses_temperatures_that_are_not_positive", hint="raise ValueError for τ = 0",
    mistake="Raises another error.",
)  # fmt: skip
divides_in_place = patched(
    "apply_temperature", "return logits / temperature", "logits /= temperature\n    return logits",
    caught_by="temperature_keeps_dtype_infinities_and_input", hint="Return a new tensor",
    mistake="Uses `/=`, which changes the caller's logits.",
)  # fmt: skip
passes_its_input_through = patched(
    "apply_temperature", "logits / temperature", "logits if temperature == 1 else logits / temperature",
    caught_by="temperature_keeps_dtype_infinities_and_input", hint="a copy", mistake="Returns its input where τ is 1.",
)  # fmt: skip
converts_to_float32 = patched(
    "apply_temperature", "logits / temperature", "logits.float() / temperature",
    caught_by="temperature_keeps_dtype_infinities_and_input", hint="Do not convert",
    mistake="Returns float32 whatever came in.",
)  # fmt: skip
makes_infinity_finite = patched(
    "apply_temperature", "logits / temperature", "(logits / temperature).clamp(min=-1e4)",
    caught_by="temperature_keeps_dtype_infinities_and_input", hint="−inf divided by τ is still −inf",
    mistake="Puts a large negative number in the place of −inf.",
)  # fmt: skip

# top_k_filter ----------------------------------------------------------------------------------------------------

drops_the_kth = patched(
    "top_k_filter", "logits < kth", "logits <= kth",
    caught_by="keeps_the_k_largest_of_each_row", hint="k-th largest itself",
    mistake="Compares with <=, so that the k-th largest goes too.",
)  # fmt: skip
searches_the_whole_batch = patched(
    "top_k_filter", "logits.topk(min(k, logits.shape[-1])).values[:, -1:]",
    "logits.flatten().topk(min(k, logits.numel())).values[-1]",
    caught_by="keeps_the_k_largest_of_each_row", hint="Each row has its own",
    mistake="Takes the k largest of all rows together.",
)  # fmt: skip
takes_the_first_rows_kth = patched(
    "top_k_filter", ".values[:, -1:]", ".values[0, -1]",
    caught_by="keeps_the_k_largest_of_each_row", hint="Does one row decide", mistake="Written for a batch of one.",
)  # fmt: skip
looks_the_values_up = patched(
    "top_k_filter",
    "    kth = logits.topk(min(k, logits.shape[-1])).values[:, -1:]\n    return logits.masked_fill(logits < kth,",
    "    top = logits.topk(min(k, logits.shape[-1])).values\n    return logits.masked_fill(~torch.isin(logits, top),",
    caught_by="keeps_the_k_largest_of_each_row", hint="share one list",
    mistake="`isin` looks among the largest of all rows.",
)  # fmt: skip
fills_with_zero = patched(
    "top_k_filter", "kth, -torch.inf", "kth, 0.0",
    caught_by="keeps_the_k_largest_of_each_row", hint="need −inf",
    mistake="Sets forbidden logits to 0, which leaves them a probability.",
)  # fmt: skip
fills_with_a_large_number = patched(
    "top_k_filter", "kth, -torch.inf", "kth, -1e9",
    caught_by="keeps_the_k_largest_of_each_row", hint="a large negative number is none",
    mistake="Takes -1e9 for −inf.",
)  # fmt: skip
keeps_one_too_many = patched(
    "top_k_filter", "min(k, ", "min(k + 1, ",
    caught_by="keeps_the_k_largest_of_each_row", hint="one token too many", mistake="Counts from 0.",
)  # fmt: skip
keeps_the_smallest = patched(
    "top_k_filter", "logits < kth", "logits > logits.topk(min(k, logits.shape[-1]), largest=False).values[:, -1:]",
    caught_by="keeps_the_k_largest_of_each_row", hint="k smallest", mistake="Sorts the wrong way.",
)  # fmt: skip
takes_near_ties_for_ties = patched(
    "top_k_filter", "logits < kth", "logits < kth - 1e-6",
    caught_by="keeps_the_k_largest_of_each_row", hint="Only equal logits tie", mistake="Compares with a tolerance.",
)  # fmt: skip
compares_in_single_precision = patched(
    "top_k_filter", "logits < kth", "logits.float() < kth.float()",
    caught_by="keeps_the_k_largest_of_each_row", hint="Only equal logits tie",
    mistake="Compares float64 logits as float32.",
)  # fmt: skip
normalises_what_stays = patched(
    "top_k_filter", "return logits.masked_fill(logits < kth, -torch.inf)",
    "return logits.masked_fill(logits < kth, -torch.inf).softmax(-1)",
    caught_by="keeps_the_k_largest_of_each_row", hint="return probabilities", mistake="Returns probabilities.",
)  # fmt: skip
picks_k_positions = patched(
    "top_k_filter",
    "    kth = logits.topk(min(k, logits.shape[-1])).values[:, -1:]\n"
    "    return logits.masked_fill(logits < kth, -torch.inf)",
    "    top = logits.topk(min(k, logits.shape[-1]))\n"
    "    return torch.full_like(logits, -torch.inf).scatter(-1, top.indices, top.values)",
    caught_by="keeps_ties_at_the_kth_place", hint="ties with the k-th place",
    mistake="Keeps exactly k positions: a token that ties with the k-th is lost.",
)  # fmt: skip
counts_values_once = patched(
    "top_k_filter", "    kth = logits.topk(min(k, logits.shape[-1])).values[:, -1:]\n",
    "    kth = torch.stack([row.unique().flip(0)[:k][-1:] for row in logits])\n",
    caught_by="keeps_ties_at_the_kth_place", hint="Ties count one by one",
    mistake="Takes the k-th largest *different* value.",
)  # fmt: skip
trusts_k = patched(
    "top_k_filter", "logits.topk(min(k, logits.shape[-1]))", "logits.topk(k)",
    caught_by="k_may_exceed_what_is_there", hint="cap it",
    mistake="Hands k to `topk` as it is, which fails beyond the vocabulary.",
)  # fmt: skip
refuses_large_k = patched(
    "top_k_filter", "if k < 1:", "if not 1 <= k <= logits.shape[-1]:",
    caught_by="k_may_exceed_what_is_there", hint="cap it", mistake="Raises for a k beyond the vocabulary.",
)  # fmt: skip
returns_its_input = patched(
    "top_k_filter", "    kth =", "    if k >= logits.shape[-1]:\n        return logits\n    kth =",
    caught_by="k_may_exceed_what_is_there", hint="a copy", mistake="Returns its input where all stay.",
)  # fmt: skip
multiplies_by_the_mask = patched(
    "top_k_filter", "return logits.masked_fill(logits < kth, -torch.inf)",
    "keep = (logits >= kth).to(logits.dtype)\n    return keep * logits + keep.log()",
    caught_by="k_may_exceed_what_is_there", hint="do not multiply by a mask", mistake="Arithmetic with a mask.",
)  # fmt: skip
lets_k_zero_through = patched(
    "top_k_filter", '        raise ValueError(f"k must be at least 1, found {k}")', "        return logits.clone()",
    caught_by="top_k_refuses_zero_and_keeps_its_input", hint="below 1",
    mistake="Takes k = 0 for 'off', as a GenerationConfig does.",
)  # fmt: skip
refuses_only_k_zero = patched(
    "top_k_filter", "if k < 1:", "if k == 0:",
    caught_by="top_k_refuses_zero_and_keeps_its_input", hint="below 1",
    mistake="Never thinks of a negative k.",
)  # fmt: skip
filters_in_place = patched(
    "top_k_filter", "return logits.masked_fill(logits < kth, -torch.inf)",
    "logits[logits < kth] = -torch.inf\n    return logits",
    caught_by="top_k_refuses_zero_and_keeps_its_input", hint="Return a new tensor",
    mistake="Writes −inf into the caller's tensor.",
)  # fmt: skip
filters_as_float32 = patched(
    "top_k_filter", "return logits.masked_fill", "return logits.float().masked_fill",
    caught_by="top_k_refuses_zero_and_keeps_its_input", hint="Do not convert",
    mistake="Returns float32 whatever came in.",
)  # fmt: skip

# top_p_filter ----------------------------------------------------------------------------------------------------

BEFORE = "(before >= p) & (p < 1)"
RESULT = "return logits.masked_fill(drop, -torch.inf)"
drops_the_crossing_token = patched(
    "top_p_filter", BEFORE, "(probs.cumsum(-1) > p) & (p < 1)",
    caught_by="keeps_the_token_that_crosses_p", hint="drop the token",
    mistake="Cuts where the cumulative probability passes p, without the token that crosses it.",
)  # fmt: skip
drops_it_unless_it_is_alone = patched(
    "top_p_filter", BEFORE, "(probs.cumsum(-1) > p) & (p < 1) & (torch.arange(probs.shape[-1]) > 0)",
    caught_by="keeps_the_token_that_crosses_p", hint="drop the token",
    mistake="Cuts where the cumulative probability passes p; the first token always stays.",
)  # fmt: skip
goes_on_at_p = patched(
    "top_p_filter", BEFORE, "(before > p) & (p < 1)",
    caught_by="keeps_the_token_that_crosses_p", hint="exactly p has reached it",
    mistake="Keeps a token while the sum before it is p or less: a sum of exactly p is not taken for enough.",
)  # fmt: skip
keeps_one_more = patched(
    "top_p_filter", BEFORE, "(torch.nn.functional.pad(before, (1, 0))[:, :-1] >= p) & (p < 1)",
    caught_by="keeps_the_token_that_crosses_p", hint="one token too many",
    mistake="Shifts the mask twice: the token after the crossing one stays too.",
)  # fmt: skip
sums_in_the_dtype_of_the_logits = patched(
    "top_p_filter", "ordered.float().softmax(-1)", "ordered.softmax(-1)",
    caught_by="keeps_the_token_that_crosses_p", hint="float32 or finer",
    mistake="Sums float16 probabilities in float16.",
)  # fmt: skip
sums_in_half_precision = patched(
    "top_p_filter", "probs.cumsum(-1)", "probs.half().cumsum(-1)",
    caught_by="keeps_the_token_that_crosses_p", hint="probability p or more", mistake="Adds up in float16.",
)  # fmt: skip
stops_a_little_early = patched(
    "top_p_filter", "before >= p", "before >= p - 1e-3",
    caught_by="keeps_the_token_that_crosses_p", hint="probability p or more",
    mistake="Takes nearly p for p.",
)  # fmt: skip
normalises = patched(
    "top_p_filter", RESULT, f"{RESULT}.log_softmax(-1)",
    caught_by="keeps_the_token_that_crosses_p", hint="normalise",
    mistake="Returns log-probabilities of the nucleus instead of the logits that came in.",
)  # fmt: skip
returns_probabilities_of_the_nucleus = patched(
    "top_p_filter", RESULT, f"{RESULT}.softmax(-1)",
    caught_by="keeps_the_token_that_crosses_p", hint="return probabilities", mistake="Returns probabilities.",
)  # fmt: skip
leaves_zeros = patched(
    "top_p_filter", "drop, -torch.inf", "drop, 0.0",
    caught_by="keeps_the_token_that_crosses_p", hint="need −inf", mistake="Sets forbidden logits to 0.",
)  # fmt: skip
keeps_what_should_go = patched(
    "top_p_filter", "masked_fill(drop,", "masked_fill(~drop,",
    caught_by="keeps_the_token_that_crosses_p", hint="keep what should go", mistake="Turns the mask round.",
)  # fmt: skip
forgets_to_scatter = patched(
    "top_p_filter", f"torch.zeros_like(places, dtype=torch.bool).scatter(-1, places, {BEFORE})", BEFORE,
    caught_by="puts_the_nucleus_back_in_place", hint="still in sorted order",
    mistake="Lays the mask of the sorted tokens over the unsorted ones.",
)  # fmt: skip
sums_unsorted = patched(
    "top_p_filter", "ordered, places = logits.sort(dim=-1, descending=True)",
    "ordered, places = logits, torch.arange(logits.shape[-1]).expand(logits.shape)",
    caught_by="puts_the_nucleus_back_in_place", hint="sort by probability first",
    mistake="Adds up in the order of the ids.",
)  # fmt: skip
returns_them_sorted = patched(
    "top_p_filter", RESULT, f"return ordered.masked_fill({BEFORE}, -torch.inf)",
    caught_by="puts_the_nucleus_back_in_place", hint="in sorted order", mistake="Returns the sorted logits.",
)  # fmt: skip
gathers_the_mask = patched(
    "top_p_filter", f"torch.zeros_like(places, dtype=torch.bool).scatter(-1, places, {BEFORE})",
    f"({BEFORE}).gather(-1, places)",
    caught_by="puts_the_nucleus_back_in_place", hint="scatter the decision back",
    mistake="Gathers where it should scatter.",
)  # fmt: skip
mixes_the_rows_up = patched(
    "top_p_filter", "ordered.float().softmax(-1)", "ordered.float().softmax(0)",
    caught_by="puts_the_nucleus_back_in_place", hint="Sort each row by itself",
    mistake="Probabilities down the columns.",
)  # fmt: skip
cuts_at_a_threshold = patched(
    "top_p_filter", RESULT,
    "least = ordered.masked_fill((before >= p) & (p < 1), torch.inf).amin(-1, keepdim=True)\n"
    "    return logits.masked_fill(logits < least, -torch.inf)",
    caught_by="keeps_no_more_than_needed_among_ties", hint="by sorted position",
    mistake="Turns the nucleus into a threshold, and lets all ties in.",
)  # fmt: skip
trusts_the_sum_at_p_one = patched(
    "top_p_filter", BEFORE, "before >= p",
    caught_by="p_one_keeps_every_token", hint="treat p = 1 by itself",
    mistake="Runs the sum for p = 1 too, where rounding reaches 1 before the last tokens.",
)  # fmt: skip
passes_its_input_through_at_one = patched(
    "top_p_filter", "    ordered, places", "    if p == 1:\n        return logits\n    ordered, places",
    caught_by="p_one_keeps_every_token", hint="a copy", mistake="Returns its input where p is 1.",
)  # fmt: skip
takes_any_p = patched(
    "top_p_filter", "if not 0 < p <= 1:", "if False:",
    caught_by="top_p_refuses_bad_p_and_keeps_its_input", hint="0 < p <= 1", mistake="Lets p = 0 and p = 1.5 through.",
)  # fmt: skip
refuses_p_one = patched(
    "top_p_filter", "if not 0 < p <= 1:", "if not 0 < p < 1:",
    caught_by="p_one_keeps_every_token", hint="Follow what its line", mistake="Refuses p = 1.",
)  # fmt: skip
takes_p_zero = patched(
    "top_p_filter", "if not 0 < p <= 1:", "if not 0 <= p <= 1:",
    caught_by="top_p_refuses_bad_p_and_keeps_its_input", hint="0 < p <= 1", mistake="Lets p = 0 through.",
)  # fmt: skip
fills_in_place = patched(
    "top_p_filter", "logits.masked_fill(", "logits.masked_fill_(",
    caught_by="top_p_refuses_bad_p_and_keeps_its_input", hint="Return a new tensor",
    mistake="Uses `masked_fill_` on the caller's tensor.",
)  # fmt: skip
returns_float32 = patched(
    "top_p_filter", RESULT, "return logits.float().masked_fill(drop, -torch.inf)",
    caught_by="top_p_refuses_bad_p_and_keeps_its_input", hint="Do not convert",
    mistake="Returns float32 whatever came in.",
)  # fmt: skip


@wrong("top_p_filter", caught_by="p_one_keeps_every_token", hint="treat p = 1 by itself")
def drops_from_the_bottom_at_p_one_too(logits: torch.Tensor, p: float) -> torch.Tensor:
    """Drops where the ascending sum is at most 1 − p, as transformers does; p = 1 drops what is rounded to 0."""
    if not 0 < p <= 1:
        raise ValueError("p")
    ordered, places = logits.sort(dim=-1)
    drop = ordered.softmax(-1).cumsum(-1) <= 1 - p
    drop[:, -1] = False
    return logits.masked_fill(drop.scatter(-1, places, drop), -torch.inf)


# repetition_penalty ----------------------------------------------------------------------------------------------

WHERE = "torch.where(seen < 0, seen * penalty, seen / penalty)"
divides_all = patched(
    "repetition_penalty", WHERE, "seen / penalty",
    caught_by="seen_tokens_become_less_likely", hint="must fall too",
    mistake="Divides negative logits too, which makes these tokens likelier.",
)  # fmt: skip
multiplies_all = patched(
    "repetition_penalty", WHERE, "seen * penalty",
    caught_by="seen_tokens_become_less_likely", hint="divide it, only negative ones",
    mistake="Multiplies positive logits too.",
)  # fmt: skip
subtracts = patched(
    "repetition_penalty", WHERE, "seen - penalty",
    caught_by="seen_tokens_become_less_likely", hint="frequency penalty",
    mistake="Subtracts the penalty from the logits of seen tokens.",
)  # fmt: skip
swaps_the_signs = patched(
    "repetition_penalty", "seen < 0", "seen > 0",
    caught_by="seen_tokens_become_less_likely", hint="more likely",
    mistake="Multiplies positive and divides negative logits.",
)  # fmt: skip
takes_the_smaller = patched(
    "repetition_penalty", WHERE, "torch.minimum(seen * penalty, seen / penalty)",
    caught_by="seen_tokens_become_less_likely", hint="smaller of both", mistake="Is right for penalties above 1 alone.",
)  # fmt: skip
penalises_all_tokens = patched(
    "repetition_penalty", f"    seen = logits.gather(-1, ids)\n    return logits.scatter(-1, ids, {WHERE})",
    "    return torch.where(logits < 0, logits * penalty, logits / penalty)",
    caught_by="seen_tokens_become_less_likely", hint="every token", mistake="Never looks at the text.",
)  # fmt: skip
penalises_in_single_precision = patched(
    "repetition_penalty", "seen = logits.gather(-1, ids)", "seen = logits.float().gather(-1, ids)",
    caught_by="seen_tokens_become_less_likely", hint="Follow what its line", mistake="Mixes dtypes.",
)  # fmt: skip
loses_double_precision = patched(
    "repetition_penalty", WHERE,
    "torch.where(seen < 0, seen.float() * penalty, seen.float() / penalty).to(logits.dtype)",
    caught_by="seen_tokens_become_less_likely", hint="loses digits", mistake="Takes float64 logits through float32.",
)  # fmt: skip
looks_at_the_last_token = patched(
    "repetition_penalty", "    seen =", "    ids = ids[:, -1:]\n    seen =",
    caught_by="each_row_has_its_own_history", hint="whole text", mistake="Penalises the last token alone.",
)  # fmt: skip
reads_the_first_text = patched(
    "repetition_penalty", "    seen =", "    ids = ids[:1].expand(len(logits), -1)\n    seen =",
    caught_by="each_row_has_its_own_history", hint="row i of the ids", mistake="Written for a batch of one.",
)  # fmt: skip
mixes_the_rows = patched(
    "repetition_penalty", "    seen =", "    ids = ids.flatten().expand(len(logits), -1)\n    seen =",
    caught_by="each_row_has_its_own_history", hint="another row",
    mistake="Penalises in all rows what any row has seen.",
)  # fmt: skip
penalises_each_occurrence = patched(
    "repetition_penalty", f"    seen = logits.gather(-1, ids)\n    return logits.scatter(-1, ids, {WHERE})",
    "    out = logits.clone()\n"
    "    for row, text in enumerate(ids.tolist()):\n"
    "        for token in text:\n"
    "            out[row, token] = out[row, token] * penalty if out[row, token] < 0 else out[row, token] / penalty\n"
    "    return out",
    caught_by="counts_a_token_once", hint="each occurrence",
    mistake="Goes over the text token by token, and hits frequent tokens again and again.",
)  # fmt: skip
adds_the_changes_up = patched(
    "repetition_penalty", f"logits.scatter(-1, ids, {WHERE})", f"logits.scatter_add(-1, ids, {WHERE} - seen)",
    caught_by="counts_a_token_once", hint="worsened once", mistake="`scatter_add` counts every occurrence.",
)  # fmt: skip
multiplies_with_a_mask = patched(
    "repetition_penalty", f"    seen = logits.gather(-1, ids)\n    return logits.scatter(-1, ids, {WHERE})",
    "    seen = torch.zeros_like(logits).scatter(-1, ids, 1.0)\n"
    "    worse = torch.where(logits < 0, logits * penalty, logits / penalty)\n"
    "    return seen * worse + (1 - seen) * logits",
    caught_by="penalty_keeps_dtype_infinities_and_input", hint="nan",
    mistake="Mixes old and new logits by a 0/1 mask: 0 times −inf is nan.",
)  # fmt: skip
scatters_in_place = patched(
    "repetition_penalty", "logits.scatter(", "logits.scatter_(",
    caught_by="penalty_keeps_dtype_infinities_and_input", hint="Return a new tensor",
    mistake="Uses `scatter_` on the caller's logits.",
)  # fmt: skip
returns_its_input_at_one = patched(
    "repetition_penalty", "    seen =", "    if penalty == 1:\n        return logits\n    seen =",
    caught_by="penalty_keeps_dtype_infinities_and_input", hint="a copy",
    mistake="Returns its input where the penalty is 1.",
)  # fmt: skip
takes_any_penalty = patched(
    "repetition_penalty", "if not penalty > 0:", "if penalty == 0:",
    caught_by="penalty_keeps_dtype_infinities_and_input", hint="unless the penalty is above 0",
    mistake="Lets negative penalties through.",
)  # fmt: skip
refuses_rewards = patched(
    "repetition_penalty", "if not penalty > 0:", "if penalty < 1:",
    caught_by="seen_tokens_become_less_likely", hint="Follow what its line", mistake="Refuses penalties below 1.",
)  # fmt: skip
sorts_the_ids = patched(
    "repetition_penalty", "    seen =", "    ids.copy_(ids.sort(-1).values)\n    seen =",
    caught_by="penalty_keeps_dtype_infinities_and_input", hint="Return a new tensor", mistake="Sorts the caller's ids.",
)  # fmt: skip

# min_new_tokens --------------------------------------------------------------------------------------------------

forbids_one_too_long = patched(
    "min_new_tokens", "n_generated < minimum", "n_generated <= minimum",
    caught_by="forbids_the_end_until_the_minimum", hint="from then on EOS is allowed",
    mistake="Compares with <=: the text gets one token more than asked for.",
)  # fmt: skip
forbids_one_too_short = patched(
    "min_new_tokens", "n_generated < minimum", "n_generated + 1 < minimum",
    caught_by="forbids_the_end_until_the_minimum", hint="before the minimum may not be EOS",
    mistake="Counts the token that is drawn now.",
)  # fmt: skip
forbids_afterwards = patched(
    "min_new_tokens", "n_generated < minimum", "n_generated >= minimum",
    caught_by="forbids_the_end_until_the_minimum", hint="EOS", mistake="Takes a minimum for a maximum.",
)  # fmt: skip
sets_eos_to_zero = patched(
    "min_new_tokens", "-torch.inf", "0.0",
    caught_by="forbids_the_end_until_the_minimum", hint="0 is no prohibition", mistake="Gives EOS the logit 0.",
)  # fmt: skip
sets_eos_to_a_large_number = patched(
    "min_new_tokens", "-torch.inf", "-1e9",
    caught_by="forbids_the_end_until_the_minimum", hint="not a large negative number", mistake="Takes -1e9 for −inf.",
)  # fmt: skip
sets_eos_to_plus_infinity = patched(
    "min_new_tokens", "-torch.inf", "torch.inf",
    caught_by="forbids_the_end_until_the_minimum", hint="needs a logit of −inf", mistake="Forgets the sign.",
)  # fmt: skip
always_forbids = patched(
    "min_new_tokens", "if n_generated < minimum:", "if minimum > 0:",
    caught_by="forbids_the_end_until_the_minimum", hint="needs a logit of −inf",
    mistake="Looks at the minimum alone.",
)  # fmt: skip
forbids_in_the_first_row = patched(
    "min_new_tokens", "out[:, eos_id]", "out[0, eos_id]",
    caught_by="forbids_only_eos_in_every_row", hint="not in the first alone", mistake="Written for a batch of one.",
)  # fmt: skip
forbids_a_row = patched(
    "min_new_tokens", "out[:, eos_id]", "out[eos_id]",
    caught_by="forbids_only_eos_in_every_row", hint="is a column", mistake="Takes EOS for a row.",
)  # fmt: skip
forbids_the_last_token = patched(
    "min_new_tokens", "out[:, eos_id]", "out[:, -1]",
    caught_by="forbids_only_eos_in_every_row", hint="need not be the last", mistake="Takes the last token for EOS.",
)  # fmt: skip
forbids_all_up_to_eos = patched(
    "min_new_tokens", "out[:, eos_id]", "out[:, eos_id:]",
    caught_by="forbids_only_eos_in_every_row", hint="nothing else changes",
    mistake="Forbids what comes after EOS as well.",
)  # fmt: skip
forbids_in_place = patched(
    "min_new_tokens", "out = logits.clone()", "out = logits",
    caught_by="minimum_keeps_dtype_and_input", hint="Return a new tensor", mistake="Writes into the caller's logits.",
)  # fmt: skip
copies_only_when_needed = patched(
    "min_new_tokens", "out = logits.clone()", "out = logits.clone() if n_generated < minimum else logits",
    caught_by="minimum_keeps_dtype_and_input", hint="a copy", mistake="Returns its input where EOS is allowed.",
)  # fmt: skip
adds_infinity_times_a_mask = patched(
    "min_new_tokens", "        out[:, eos_id] = -torch.inf\n",
    "        mask = torch.zeros_like(out)\n        mask[:, eos_id] = 1\n        out = out + mask * -torch.inf\n",
    caught_by="minimum_keeps_dtype_and_input", hint="0 · −inf is nan", mistake="0 times −inf is nan.",
)  # fmt: skip
returns_float32_logits = patched(
    "min_new_tokens", "out = logits.clone()", "out = logits.float().clone()",
    caught_by="minimum_keeps_dtype_and_input", hint="Do not convert", mistake="Returns float32 whatever came in.",
)  # fmt: skip

# sample_next -----------------------------------------------------------------------------------------------------

PROBS = "logits.double().softmax(-1)"
TOKEN = "(probs.cumsum(-1) <= u[:, None]).sum(-1)"
BOUNDED = "torch.minimum(token, last)"
takes_the_largest = patched(
    "sample_next", BOUNDED, "logits.argmax(-1)",
    caught_by="draws_the_token_on_whose_piece_u_falls", hint="ignores u", mistake="Greedy, whatever u says.",
)  # fmt: skip
gives_all_the_same_piece = patched(
    "sample_next", BOUNDED, "(u * logits.shape[-1]).long()",
    caught_by="draws_the_token_on_whose_piece_u_falls", hint="equally long piece",
    mistake="Draws without the probabilities.",
)  # fmt: skip
one_token_late = patched(
    "sample_next", BOUNDED, "torch.minimum(token + 1, last)",
    caught_by="draws_the_token_on_whose_piece_u_falls", hint="the token after",
    mistake="Returns the token after the one on whose piece u falls.",
)  # fmt: skip
draws_from_the_right = patched(
    "sample_next", "u[:, None]", "1 - u[:, None]",
    caught_by="draws_the_token_on_whose_piece_u_falls", hint="begin with token 0", mistake="Turns u round.",
)  # fmt: skip
sums_in_float16 = patched(
    "sample_next", f"probs = {PROBS}", "probs = logits.float().softmax(-1).to(torch.float16)",
    caught_by="draws_the_token_on_whose_piece_u_falls", hint="float32 or finer",
    mistake="Softmax in float32, sums in float16.",
)  # fmt: skip
sums_in_float16_for_float16 = patched(
    "sample_next", f"probs = {PROBS}", "probs = logits.float().softmax(-1).to(logits.dtype)",
    caught_by="draws_the_token_on_whose_piece_u_falls", hint="float32 or finer",
    mistake="Goes back to the dtype of the logits before it adds up.",
)  # fmt: skip
softmax_in_float16 = patched(
    "sample_next", f"probs = {PROBS}", "probs = logits.softmax(-1).double()",
    caught_by="draws_the_token_on_whose_piece_u_falls", hint="float32 or finer", mistake="Converts after the softmax.",
)  # fmt: skip
sums_logits = patched(
    "sample_next", f"probs = {PROBS}", "probs = logits.double()",
    caught_by="draws_the_token_on_whose_piece_u_falls", hint="Add up softmax", mistake="Forgets the softmax.",
)  # fmt: skip
softmax_down_the_batch = patched(
    "sample_next", f"probs = {PROBS}", "probs = logits.double().softmax(0)",
    caught_by="draws_the_token_on_whose_piece_u_falls", hint="Add up softmax",
    mistake="Softmax over the wrong dimension.",
)  # fmt: skip
an_equal_sum_is_enough = patched(
    "sample_next", "<= u[:, None]", "< u[:, None]",
    caught_by="never_draws_an_impossible_token", hint="must be *above* u",
    mistake="Compares with <: u = 0 finds a first token of probability 0.",
)  # fmt: skip
clamps_to_the_last_id = patched(
    "sample_next", BOUNDED,
    "(logits.float().softmax(-1).cumsum(-1) <= u[:, None]).sum(-1).clamp(max=logits.shape[-1] - 1)",
    caught_by="survives_rounding_near_one", hint="last *possible* token",
    mistake="Falls back to the last id of the vocabulary, which may be forbidden.",
)  # fmt: skip
finds_no_sum_above = patched(
    "sample_next", BOUNDED, "(logits.softmax(-1).cumsum(-1) > u[:, None]).int().argmax(-1)",
    caught_by="survives_rounding_near_one", hint="last *possible* token",
    mistake="`argmax` of an all-false row is 0: with u near 1 it returns the first token.",
)  # fmt: skip
goes_beyond_the_vocabulary = patched(
    "sample_next", f"probs = {PROBS}",
    "probs = logits.float().softmax(-1)\n    return (probs.cumsum(-1) <= u[:, None]).sum(-1)",
    caught_by="survives_rounding_near_one", hint="last *possible* token", mistake="Trusts the sum to reach 1.",
)  # fmt: skip
uses_the_first_u = patched(
    "sample_next", "u[:, None]", "u[0]",
    caught_by="each_row_has_its_own_u", hint="first u", mistake="Draws all rows with the first uniform.",
)  # fmt: skip
keeps_a_column = patched(
    "sample_next", BOUNDED, f"{BOUNDED}[:, None]",
    caught_by="each_row_has_its_own_u", hint="shape [batch]",
    mistake="Returns [batch, 1], as `torch.multinomial` does.",
)  # fmt: skip
returns_int32 = patched(
    "sample_next", BOUNDED, f"{BOUNDED}.int()",
    caught_by="each_row_has_its_own_u", hint="int64", mistake="Returns int32.",
)  # fmt: skip
returns_a_list = patched(
    "sample_next", BOUNDED, f"{BOUNDED}.tolist()",
    caught_by="each_row_has_its_own_u", hint="int64", mistake="Returns a list.",
)  # fmt: skip
exponentiates_in_place = patched(
    "sample_next", f"probs = {PROBS}", "probs = logits.sub_(logits.amax(-1, keepdim=True)).double().softmax(-1)",
    caught_by="each_row_has_its_own_u", hint="Return a new tensor", mistake="Shifts the caller's logits.",
)  # fmt: skip


@wrong("sample_next", caught_by="draws_the_token_on_whose_piece_u_falls", hint="order of the ids")
def sums_by_rank(logits: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
    """Inverts the distribution sorted by probability."""
    ordered, places = logits.double().softmax(-1).sort(dim=-1, descending=True)
    rank = (ordered.cumsum(-1) <= u[:, None]).sum(-1, keepdim=True).clamp(max=logits.shape[-1] - 1)
    return places.gather(-1, rank)[:, 0]


@wrong("sample_next", caught_by="never_draws_an_impossible_token", hint="must be *above* u")
def searches_from_the_left(logits: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
    """`searchsorted` with its default side: u = 0 finds a first token of probability 0."""
    sums = logits.double().softmax(-1).cumsum(-1)
    token = torch.searchsorted(sums, u[:, None].double())[:, 0]
    return torch.minimum(token, (logits > -torch.inf).cumsum(-1).argmax(-1))


# generate --------------------------------------------------------------------------------------------------------

FILTERS = """        logits = min_new_tokens(repetition_penalty(logits, ids, penalty), step, minimum, eos_id)
        logits = apply_temperature(logits, temperature)
        logits = top_p_filter(logits if k is None else top_k_filter(logits, k), p)
"""
PENALISED = "        logits = repetition_penalty(logits, ids, penalty)\n"
LEAST = "        logits = min_new_tokens(logits, step, minimum, eos_id)\n"
WARMED = "        logits = apply_temperature(logits, temperature)\n"
TOP_K = "        logits = logits if k is None else top_k_filter(logits, k)\n"
TOP_P = "        logits = top_p_filter(logits, p)\n"

reads_only_the_last_token = patched(
    "generate", "model(ids).logits[:", "model(ids[:, -1:]).logits[:",
    caught_by="one_token_left_is_greedy", hint="*whole* text",
    mistake="Gives the model the last token without its past.",
)  # fmt: skip
reads_the_first_place = patched(
    "generate", "logits[:, -1]", "logits[:, 0]",
    caught_by="one_token_left_is_greedy", hint="logits of the last place",
    mistake="Takes the logits of the first place.",
)  # fmt: skip
returns_only_the_new_tokens = patched(
    "generate", "return ids", "return ids[:, -step - 1 :]",
    caught_by="one_token_left_is_greedy", hint="Return the prompt", mistake="Cuts the prompt off.",
)  # fmt: skip
makes_one_token_too_few = patched(
    "generate", "range(u.shape[1])", "range(u.shape[1] - 1)",
    caught_by="one_token_left_is_greedy", hint="exactly that many",
    mistake="Counts the last token of the prompt as a step.",
)  # fmt: skip
goes_on_after_eos = patched(
    "generate", ".masked_fill(ended, eos_id)", "",
    caught_by="ended_rows_stay_ended", hint="After EOS", mistake="Lets ended rows draw further tokens.",
)  # fmt: skip
fills_up_with_zeros = patched(
    "generate", ".masked_fill(ended, eos_id)", ".masked_fill(ended, 0)",
    caught_by="ended_rows_stay_ended", hint="filled up with EOS", mistake="Fills ended rows up with token 0.",
)  # fmt: skip
never_stops = patched(
    "generate", "        if ended.all():\n            break\n", "",
    caught_by="ended_rows_stay_ended", hint="Stop when all rows have ended",
    mistake="Fills up to the last column even when all rows have ended.",
)  # fmt: skip
stops_at_the_first_eos = patched(
    "generate", "ended.all()", "ended.any()",
    caught_by="ended_rows_stay_ended", hint="until *all* rows have drawn",
    mistake="Stops as soon as one row has ended.",
)  # fmt: skip
takes_the_prompts_eos_for_the_end = patched(
    "generate", "ended | (token == eos_id)", "(torch.cat([ids, token[:, None]], dim=1) == eos_id).any(-1)",
    caught_by="ended_rows_stay_ended", hint="in the prompt ends nothing",
    mistake="Looks for EOS in the whole text, prompt included.",
)  # fmt: skip
takes_the_last_token_for_eos = patched(
    "generate", "token == eos_id", "token == logits.shape[-1] - 1",
    caught_by="ended_rows_stay_ended", hint="`eos_id`", mistake="Takes the last token of the vocabulary for EOS.",
)  # fmt: skip
draws_always_with_the_first_column = patched(
    "generate", "u[:, step]", "u[:, 0]",
    caught_by="each_step_draws_with_its_own_column", hint="u[:, step]", mistake="Uses the first uniform at every step.",
)  # fmt: skip
draws_with_the_last_column_first = patched(
    "generate", "u[:, step]", "u[:, -1 - step]",
    caught_by="each_step_draws_with_its_own_column", hint="not the last", mistake="Reads u from the right.",
)  # fmt: skip
draws_all_rows_with_one_row = patched(
    "generate", "u[:, step]", "u[:1, step].expand(len(ids))",
    caught_by="each_step_draws_with_its_own_column", hint="u[:, step]",
    mistake="Draws all rows with the first row of u.",
)  # fmt: skip
takes_the_largest_logit = patched(
    "generate", "sample_next(logits, u[:, step])", "logits.argmax(-1)",
    caught_by="each_step_draws_with_its_own_column", hint="u[:, step]", mistake="Greedy, whatever u says.",
)  # fmt: skip
writes_into_u = patched(
    "generate", "    ended =", "    u.clamp_(0.01, 0.99)\n    ended =",
    caught_by="each_step_draws_with_its_own_column", hint="as they are", mistake="Holds u off its edges, in place.",
)  # fmt: skip
temperature_after_top_p = patched(
    "generate", FILTERS, PENALISED + LEAST + TOP_K + TOP_P + WARMED,
    caught_by="filters_come_in_the_order_of_transformers", hint="Temperature comes before top-p",
    mistake="Filters by top-p first and heats what is left.",
)  # fmt: skip
top_p_before_top_k = patched(
    "generate", FILTERS, PENALISED + LEAST + WARMED + TOP_P + TOP_K,
    caught_by="filters_come_in_the_order_of_transformers", hint="Top-k comes before top-p",
    mistake="Takes the nucleus first, then its k largest.",
)  # fmt: skip
minimum_after_top_k = patched(
    "generate", FILTERS, PENALISED + WARMED + TOP_K + LEAST + TOP_P,
    caught_by="filters_come_in_the_order_of_transformers", hint="The order is penalty",
    mistake="Forbids EOS after top-k has given it a place.",
)  # fmt: skip
minimum_at_the_end = patched(
    "generate", FILTERS, PENALISED + WARMED + TOP_K + TOP_P + LEAST,
    caught_by="filters_come_in_the_order_of_transformers", hint="must not use up a place",
    mistake="Forbids EOS after both filters.",
)  # fmt: skip
penalty_after_the_filters = patched(
    "generate", FILTERS, LEAST + WARMED + TOP_K + TOP_P + PENALISED,
    caught_by="filters_come_in_the_order_of_transformers", hint="The penalty comes before top-k",
    mistake="Penalises at the end, among the tokens that are left.",
)  # fmt: skip
penalty_after_top_k = patched(
    "generate", FILTERS, LEAST + WARMED + TOP_K + PENALISED + TOP_P,
    caught_by="filters_come_in_the_order_of_transformers", hint="it decides what is kept",
    mistake="Penalises among the k largest.",
)  # fmt: skip
forgets_the_temperature = patched(
    "generate", WARMED, "",
    caught_by="filters_come_in_the_order_of_transformers", hint="`temperature` has no effect", mistake="Leaves τ out.",
)  # fmt: skip
forgets_k = patched(
    "generate", "logits if k is None else top_k_filter(logits, k)", "logits",
    caught_by="filters_come_in_the_order_of_transformers", hint="`k` has no effect", mistake="Leaves top-k out.",
)  # fmt: skip
forgets_p = patched(
    "generate", FILTERS, PENALISED + LEAST + WARMED + TOP_K,
    caught_by="filters_come_in_the_order_of_transformers", hint="`p` has no effect", mistake="Leaves top-p out.",
)  # fmt: skip
penalises_new_tokens_only = patched(
    "generate", "repetition_penalty(logits, ids, penalty)",
    "(repetition_penalty(logits, ids[:, ids.shape[1] - step :], penalty) if step else logits)",
    caught_by="penalty_counts_the_prompt_and_minimum_does_not", hint="prompt included",
    mistake="Leaves the prompt out of the penalty.",
)  # fmt: skip
penalises_the_prompt_only = patched(
    "generate", "repetition_penalty(logits, ids, penalty)",
    "repetition_penalty(logits, ids[:, : ids.shape[1] - step], penalty)",
    caught_by="penalty_counts_the_prompt_and_minimum_does_not", hint="not at the prompt alone",
    mistake="Leaves the new tokens out of the penalty.",
)  # fmt: skip
counts_the_prompt_for_the_minimum = patched(
    "generate", ", step, minimum", ", ids.shape[1], minimum",
    caught_by="penalty_counts_the_prompt_and_minimum_does_not", hint="counts new tokens",
    mistake="Compares the minimum with the length of prompt and continuation.",
)  # fmt: skip

# beam_search -----------------------------------------------------------------------------------------------------

BEST = "return pool[0][1], pool[0][0]"
NEW_TOKENS = "(hypothesis[1].shape[1] - ids.shape[1])"
adds_raw_logits = patched(
    "beam_search", ".log_softmax(-1)", "",
    caught_by="wide_beams_find_the_most_probable_text", hint="log_softmax",
    mistake="Adds logits, which are not comparable between steps.",
)  # fmt: skip
adds_probabilities = patched(
    "beam_search", ".log_softmax(-1)", ".softmax(-1)",
    caught_by="wide_beams_find_the_most_probable_text", hint="not probabilities", mistake="Adds probabilities.",
)  # fmt: skip
counts_in_bits = patched(
    "beam_search", BEST, f"{BEST} / 0.6931471805599453",
    caught_by="wide_beams_find_the_most_probable_text", hint="natural logarithms", mistake="Gives the score in bits.",
)  # fmt: skip
ranks_by_the_last_step = patched(
    "beam_search", "score + log_probs[token].item()", "log_probs[token].item()",
    caught_by="wide_beams_find_the_most_probable_text", hint="more probable text exists",
    mistake="Ranks by the last token's log-probability and forgets the sum.",
)  # fmt: skip
returns_a_mean = patched(
    "beam_search", BEST, f"{BEST} / (pool[0][1].shape[1] - ids.shape[1])",
    caught_by="wide_beams_find_the_most_probable_text", hint="plain sum",
    mistake="Divides the score by the number of new tokens at the end.",
)  # fmt: skip
returns_a_tensor = patched(
    "beam_search", "log_probs[token].item()", "log_probs[token]",
    caught_by="wide_beams_find_the_most_probable_text", hint="the score as a float",
    mistake="Returns the score as a tensor.",
)  # fmt: skip
returns_the_text_alone = patched(
    "beam_search", BEST, "return pool[0][1]",
    caught_by="wide_beams_find_the_most_probable_text", hint="Return a pair", mistake="Leaves the score out.",
)  # fmt: skip
returns_one_dimension = patched(
    "beam_search", BEST, "return pool[0][1][0], pool[0][0]",
    caught_by="wide_beams_find_the_most_probable_text", hint="[1, length + new]", mistake="Returns the text as a row.",
)  # fmt: skip
makes_one_step_too_few = patched(
    "beam_search", "range(max_new_tokens)", "range(max_new_tokens - 1)",
    caught_by="wide_beams_find_the_most_probable_text", hint="Make as many steps", mistake="Counts from 1.",
)  # fmt: skip
keeps_one_extension_of_each = patched(
    "beam_search", "topk(min(beams, len(log_probs)))",
    "topk(1 if len(text[0]) > len(ids[0]) else min(beams, len(log_probs)))",
    caught_by="narrow_beams_keep_the_best_of_all_extensions", hint="*all* hypotheses together",
    mistake="Extends each hypothesis by its best token only, after a first step with the best tokens.",
)  # fmt: skip
starts_with_copies = patched(
    "beam_search", "[(0.0, ids, False)]", "[(0.0, ids, False)] * beams",
    caught_by="narrow_beams_keep_the_best_of_all_extensions", hint="*all* hypotheses together",
    mistake="Starts with as many copies of the prompt as there are beams, so that all beams stay the same.",
)  # fmt: skip
keeps_the_worst = patched(
    "beam_search", "-hypothesis[0]", "hypothesis[0]",
    caught_by="narrow_beams_keep_the_best_of_all_extensions", hint="no more, no fewer", mistake="Sorts the wrong way.",
)  # fmt: skip
keeps_one_beam_more = patched(
    "beam_search", "[:beams]", "[: beams + 1]",
    caught_by="narrow_beams_keep_the_best_of_all_extensions", hint="no more, no fewer",
    mistake="Keeps one beam too many.",
)  # fmt: skip
keeps_all = patched(
    "beam_search", "[:beams]", "",
    caught_by="narrow_beams_keep_the_best_of_all_extensions", hint="no more, no fewer", mistake="Never cuts.",
)  # fmt: skip
extends_what_has_ended = patched(
    "beam_search", "bool(token == eos_id)", "False",
    caught_by="ended_hypotheses_compete_as_they_are", hint="it is not extended", mistake="Goes on after EOS.",
)  # fmt: skip
ranks_by_the_mean = patched(
    "beam_search", "-hypothesis[0]", f"-hypothesis[0] / {NEW_TOKENS}",
    caught_by="ended_hypotheses_compete_as_they_are", hint="divided by its length",
    mistake="Ranks by the score per token, which favours long texts.",
)  # fmt: skip
chooses_by_the_mean_at_the_end = patched(
    "beam_search", BEST,
    f"best = max(pool, key=lambda hypothesis: hypothesis[0] / {NEW_TOKENS})\n    return best[1], best[0]",
    caught_by="ended_hypotheses_compete_as_they_are", hint="divided by its length",
    mistake="Ranks by the sum, and chooses by the mean at the end.",
)  # fmt: skip
stops_at_the_first_end = patched(
    "beam_search", "[:beams]\n", "[:beams]\n        if any(hypothesis[2] for hypothesis in pool):\n            break\n",
    caught_by="ended_hypotheses_compete_as_they_are", hint="stays in the pool",
    mistake="Stops as soon as one hypothesis has ended.",
)  # fmt: skip
takes_the_prompts_eos = patched(
    "beam_search", "(0.0, ids, False)", "(0.0, ids, bool(ids[0, -1] == eos_id))",
    caught_by="ended_hypotheses_compete_as_they_are", hint="prompt ends nothing",
    mistake="A prompt that ends with EOS is never continued.",
)  # fmt: skip
leaves_eos_out = patched(
    "beam_search", BEST, "return pool[0][1][:, : pool[0][1].shape[1] - pool[0][2]], pool[0][0]",
    caught_by="ended_hypotheses_compete_as_they_are", hint="belongs to it", mistake="Cuts the EOS off.",
)  # fmt: skip
takes_any_number_of_beams = patched(
    "beam_search", '        raise ValueError(f"beams must be at least 1, found {beams}")', "        beams = 1",
    caught_by="one_beam_is_greedy", hint="below 1", mistake="Treats fewer than one beam as one.",
)  # fmt: skip
refuses_only_zero_beams = patched(
    "beam_search", "if beams < 1:", "if beams == 0:",
    caught_by="one_beam_is_greedy", hint="below 1", mistake="Never thinks of a negative number.",
)  # fmt: skip


@wrong("beam_search", caught_by="ended_hypotheses_compete_as_they_are", hint="not thrown away")
def throws_ended_ones_away(
    model: Callable, ids: torch.Tensor, beams: int, max_new_tokens: int, eos_id: int
) -> tuple[torch.Tensor, float]:
    """Takes ended hypotheses out of the pool and returns the best of the others."""
    if beams < 1:
        raise ValueError("beams")
    pool = [(0.0, ids)]
    for step in range(max_new_tokens):
        grown = []
        for score, text in pool:
            if step and text[0, -1] == eos_id:
                continue
            with torch.no_grad():
                log_probs = model(text).logits[0, -1].log_softmax(-1)
            for token, log_prob in enumerate(log_probs.tolist()):
                grown.append((score + log_prob, torch.cat([text, torch.tensor([[token]])], dim=1)))
        pool = sorted(grown or pool, key=lambda hypothesis: -hypothesis[0])[:beams]
    return pool[0][1], pool[0][0]
