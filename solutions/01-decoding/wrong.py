"""Named wrong answers of lab 01: mistakes that people make, the check that catches each, and a piece of its hint."""

# ruff: noqa: F821 - a wrong answer is pasted into the notebook, which defines the functions that it calls.

from __future__ import annotations

from collections.abc import Callable

import torch

from grader.checks import wrong

# apply_temperature -----------------------------------------------------------------------------------------------


@wrong("apply_temperature", caught_by="divides_the_logits", hint="multiply by T")
def multiplies(logits: torch.Tensor, temperature: float) -> torch.Tensor:
    """Multiplies, so that a high temperature sharpens."""
    if temperature <= 0:
        raise ValueError("temperature")
    return logits * temperature


@wrong("apply_temperature", caught_by="divides_the_logits", hint="return probabilities")
def returns_probabilities(logits: torch.Tensor, temperature: float) -> torch.Tensor:
    """Applies softmax already."""
    if temperature <= 0:
        raise ValueError("temperature")
    return (logits / temperature).softmax(-1)


@wrong("apply_temperature", caught_by="refuses_temperatures_that_are_not_positive", hint="a limit")
def divides_by_anything(logits: torch.Tensor, temperature: float) -> torch.Tensor:
    """Never looks at T: T = 0 gives infinities and nan."""
    return logits / temperature


@wrong("apply_temperature", caught_by="refuses_temperatures_that_are_not_positive", hint="negative ones too")
def refuses_only_zero(logits: torch.Tensor, temperature: float) -> torch.Tensor:
    """Lets negative temperatures through, which turn the ranking round."""
    if temperature == 0:
        raise ValueError("temperature")
    return logits / temperature


@wrong("apply_temperature", caught_by="temperature_keeps_dtype_infinities_and_input", hint="changes the tensor")
def divides_in_place(logits: torch.Tensor, temperature: float) -> torch.Tensor:
    """Uses `/=`, which changes the caller's logits."""
    if temperature <= 0:
        raise ValueError("temperature")
    logits /= temperature
    return logits


@wrong("apply_temperature", caught_by="temperature_keeps_dtype_infinities_and_input", hint="float16")
def converts_to_float32(logits: torch.Tensor, temperature: float) -> torch.Tensor:
    """Returns float32 whatever came in."""
    if temperature <= 0:
        raise ValueError("temperature")
    return logits.float() / temperature


# top_k_filter ----------------------------------------------------------------------------------------------------


@wrong("top_k_filter", caught_by="keeps_the_k_largest_of_each_row", hint="k-th largest itself")
def drops_the_kth(logits: torch.Tensor, k: int) -> torch.Tensor:
    """Compares with <=, so that the k-th largest goes too."""
    if k < 1:
        raise ValueError("k")
    kth = logits.topk(min(k, logits.shape[-1])).values[:, -1:]
    return logits.masked_fill(logits <= kth, -torch.inf)


@wrong("top_k_filter", caught_by="keeps_the_k_largest_of_each_row", hint="Each row has its own")
def searches_the_whole_batch(logits: torch.Tensor, k: int) -> torch.Tensor:
    """Takes the k largest of all rows together."""
    if k < 1:
        raise ValueError("k")
    kth = logits.flatten().topk(min(k, logits.shape[-1])).values[-1]
    return logits.masked_fill(logits < kth, -torch.inf)


@wrong("top_k_filter", caught_by="keeps_the_k_largest_of_each_row", hint="need −inf")
def fills_with_zero(logits: torch.Tensor, k: int) -> torch.Tensor:
    """Sets forbidden logits to 0, which leaves them a probability."""
    if k < 1:
        raise ValueError("k")
    kth = logits.topk(min(k, logits.shape[-1])).values[:, -1:]
    return logits.masked_fill(logits < kth, 0.0)


@wrong("top_k_filter", caught_by="keeps_ties_at_the_kth_place", hint="ties with the k-th place")
def picks_k_positions(logits: torch.Tensor, k: int) -> torch.Tensor:
    """Keeps exactly k positions: a token that ties with the k-th is lost."""
    if k < 1:
        raise ValueError("k")
    top = logits.topk(min(k, logits.shape[-1]))
    return torch.full_like(logits, -torch.inf).scatter(-1, top.indices, top.values)


@wrong("top_k_filter", caught_by="k_may_exceed_what_is_there", hint="cap it")
def trusts_k(logits: torch.Tensor, k: int) -> torch.Tensor:
    """Hands k to `topk` as it is, which fails beyond the vocabulary."""
    if k < 1:
        raise ValueError("k")
    return logits.masked_fill(logits < logits.topk(k).values[:, -1:], -torch.inf)


@wrong("top_k_filter", caught_by="top_k_refuses_zero_and_keeps_its_input", hint="below 1")
def lets_k_zero_through(logits: torch.Tensor, k: int) -> torch.Tensor:
    """Takes k = 0 for 'off', as a GenerationConfig does."""
    if k <= 0:
        return logits.clone()
    kth = logits.topk(min(k, logits.shape[-1])).values[:, -1:]
    return logits.masked_fill(logits < kth, -torch.inf)


@wrong("top_k_filter", caught_by="top_k_refuses_zero_and_keeps_its_input", hint="changes the tensor")
def filters_in_place(logits: torch.Tensor, k: int) -> torch.Tensor:
    """Writes −inf into the caller's tensor."""
    if k < 1:
        raise ValueError("k")
    kth = logits.topk(min(k, logits.shape[-1])).values[:, -1:]
    logits[logits < kth] = -torch.inf
    return logits


# top_p_filter ----------------------------------------------------------------------------------------------------


@wrong("top_p_filter", caught_by="keeps_the_token_that_crosses_p", hint="drop the token")
def drops_the_crossing_token(logits: torch.Tensor, p: float) -> torch.Tensor:
    """Cuts where the cumulative probability passes p, without the token that crosses it."""
    if not 0 < p <= 1:
        raise ValueError("p")
    if p == 1:
        return logits.clone()
    ordered, places = logits.sort(dim=-1, descending=True)
    drop = ordered.softmax(-1).cumsum(-1) > p
    return logits.masked_fill(torch.zeros_like(drop).scatter(-1, places, drop), -torch.inf)


@wrong("top_p_filter", caught_by="keeps_the_token_that_crosses_p", hint="one token too many")
def keeps_one_more(logits: torch.Tensor, p: float) -> torch.Tensor:
    """Shifts the mask twice: the token after the crossing one stays too."""
    if not 0 < p <= 1:
        raise ValueError("p")
    ordered, places = logits.sort(dim=-1, descending=True)
    drop = ordered.softmax(-1).cumsum(-1) >= p
    drop = torch.nn.functional.pad(drop, (2, 0))[:, : logits.shape[-1]]
    return logits.masked_fill(torch.zeros_like(drop).scatter(-1, places, drop), -torch.inf)


@wrong("top_p_filter", caught_by="keeps_the_token_that_crosses_p", hint="normalise")
def normalises(logits: torch.Tensor, p: float) -> torch.Tensor:
    """Returns log-probabilities of the nucleus instead of the logits that came in."""
    if not 0 < p <= 1:
        raise ValueError("p")
    ordered, places = logits.sort(dim=-1, descending=True)
    probs = ordered.softmax(-1)
    drop = probs.cumsum(-1) - probs >= p
    return logits.masked_fill(torch.zeros_like(drop).scatter(-1, places, drop), -torch.inf).log_softmax(-1)


@wrong("top_p_filter", caught_by="puts_the_nucleus_back_in_place", hint="still in sorted order")
def forgets_to_scatter(logits: torch.Tensor, p: float) -> torch.Tensor:
    """Lays the mask of the sorted tokens over the unsorted ones."""
    if not 0 < p <= 1:
        raise ValueError("p")
    probs = logits.sort(dim=-1, descending=True).values.softmax(-1)
    return logits.masked_fill(probs.cumsum(-1) - probs >= p, -torch.inf)


@wrong("top_p_filter", caught_by="puts_the_nucleus_back_in_place", hint="sort by probability first")
def sums_unsorted(logits: torch.Tensor, p: float) -> torch.Tensor:
    """Adds up in the order of the ids."""
    if not 0 < p <= 1:
        raise ValueError("p")
    probs = logits.softmax(-1)
    return logits.masked_fill(probs.cumsum(-1) - probs >= p, -torch.inf)


@wrong("top_p_filter", caught_by="keeps_no_more_than_needed_among_ties", hint="by sorted position")
def cuts_at_a_threshold(logits: torch.Tensor, p: float) -> torch.Tensor:
    """Turns the nucleus into a threshold, and lets all ties in."""
    if not 0 < p <= 1:
        raise ValueError("p")
    if p == 1:
        return logits.clone()
    ordered = logits.sort(dim=-1, descending=True).values
    probs = ordered.softmax(-1)
    size = (probs.cumsum(-1) - probs < p).sum(-1, keepdim=True)
    return logits.masked_fill(logits < ordered.gather(-1, size - 1), -torch.inf)


@wrong("top_p_filter", caught_by="p_one_keeps_every_token", hint="Rounding")
def trusts_the_sum_at_p_one(logits: torch.Tensor, p: float) -> torch.Tensor:
    """Runs the sum for p = 1 too, where rounding reaches 1 before the last tokens."""
    if not 0 < p <= 1:
        raise ValueError("p")
    ordered, places = logits.sort(dim=-1, descending=True)
    probs = ordered.softmax(-1)
    drop = probs.cumsum(-1) - probs >= p
    return logits.masked_fill(torch.zeros_like(drop).scatter(-1, places, drop), -torch.inf)


@wrong("top_p_filter", caught_by="top_p_refuses_bad_p_and_keeps_its_input", hint="0 < p <= 1")
def takes_any_p(logits: torch.Tensor, p: float) -> torch.Tensor:
    """Lets p = 0 and p = 1.5 through."""
    if p >= 1:
        return logits.clone()
    ordered, places = logits.sort(dim=-1, descending=True)
    probs = ordered.softmax(-1)
    drop = probs.cumsum(-1) - probs >= p
    return logits.masked_fill(torch.zeros_like(drop).scatter(-1, places, drop), -torch.inf)


@wrong("top_p_filter", caught_by="top_p_refuses_bad_p_and_keeps_its_input", hint="changes the tensor")
def fills_in_place(logits: torch.Tensor, p: float) -> torch.Tensor:
    """Uses `masked_fill_` on the caller's tensor."""
    if not 0 < p <= 1:
        raise ValueError("p")
    ordered, places = logits.sort(dim=-1, descending=True)
    probs = ordered.softmax(-1)
    drop = (probs.cumsum(-1) - probs >= p) & (p < 1)
    return logits.masked_fill_(torch.zeros_like(drop).scatter(-1, places, drop), -torch.inf)


# repetition_penalty ----------------------------------------------------------------------------------------------


@wrong("repetition_penalty", caught_by="seen_tokens_become_less_likely", hint="must fall too")
def divides_all(logits: torch.Tensor, ids: torch.Tensor, penalty: float) -> torch.Tensor:
    """Divides negative logits too, which makes these tokens likelier."""
    if penalty <= 0:
        raise ValueError("penalty")
    return logits.scatter(-1, ids, logits.gather(-1, ids) / penalty)


@wrong("repetition_penalty", caught_by="seen_tokens_become_less_likely", hint="frequency penalty")
def subtracts(logits: torch.Tensor, ids: torch.Tensor, penalty: float) -> torch.Tensor:
    """Subtracts the penalty from the logits of seen tokens."""
    if penalty <= 0:
        raise ValueError("penalty")
    return logits.scatter(-1, ids, logits.gather(-1, ids) - penalty)


@wrong("repetition_penalty", caught_by="seen_tokens_become_less_likely", hint="more likely")
def swaps_the_signs(logits: torch.Tensor, ids: torch.Tensor, penalty: float) -> torch.Tensor:
    """Multiplies positive and divides negative logits."""
    if penalty <= 0:
        raise ValueError("penalty")
    seen = logits.gather(-1, ids)
    return logits.scatter(-1, ids, torch.where(seen < 0, seen / penalty, seen * penalty))


@wrong("repetition_penalty", caught_by="each_row_has_its_own_history", hint="another row")
def mixes_the_rows(logits: torch.Tensor, ids: torch.Tensor, penalty: float) -> torch.Tensor:
    """Penalises in all rows what any row has seen."""
    if penalty <= 0:
        raise ValueError("penalty")
    out, seen = logits.clone(), ids.unique()
    out[:, seen] = torch.where(out[:, seen] < 0, out[:, seen] * penalty, out[:, seen] / penalty)
    return out


@wrong("repetition_penalty", caught_by="counts_a_token_once", hint="each occurrence")
def penalises_each_occurrence(logits: torch.Tensor, ids: torch.Tensor, penalty: float) -> torch.Tensor:
    """Goes over the text token by token, and hits frequent tokens again and again."""
    if penalty <= 0:
        raise ValueError("penalty")
    out = logits.clone()
    for row, text in enumerate(ids.tolist()):
        for token in text:
            out[row, token] = out[row, token] * penalty if out[row, token] < 0 else out[row, token] / penalty
    return out


@wrong("repetition_penalty", caught_by="penalty_keeps_dtype_infinities_and_input", hint="nan")
def multiplies_with_a_mask(logits: torch.Tensor, ids: torch.Tensor, penalty: float) -> torch.Tensor:
    """Mixes old and new logits by a 0/1 mask: 0 times −inf is nan."""
    if penalty <= 0:
        raise ValueError("penalty")
    seen = torch.zeros_like(logits).scatter(-1, ids, 1.0)
    worse = torch.where(logits < 0, logits * penalty, logits / penalty)
    return seen * worse + (1 - seen) * logits


@wrong("repetition_penalty", caught_by="penalty_keeps_dtype_infinities_and_input", hint="changes the tensor")
def scatters_in_place(logits: torch.Tensor, ids: torch.Tensor, penalty: float) -> torch.Tensor:
    """Uses `scatter_` on the caller's logits."""
    if penalty <= 0:
        raise ValueError("penalty")
    seen = logits.gather(-1, ids)
    return logits.scatter_(-1, ids, torch.where(seen < 0, seen * penalty, seen / penalty))


# min_new_tokens --------------------------------------------------------------------------------------------------


@wrong("min_new_tokens", caught_by="forbids_the_end_until_the_minimum", hint="Off by one")
def forbids_one_too_long(logits: torch.Tensor, n_generated: int, minimum: int, eos_id: int) -> torch.Tensor:
    """Compares with <=: the text gets one token more than asked for."""
    out = logits.clone()
    if n_generated <= minimum:
        out[:, eos_id] = -torch.inf
    return out


@wrong("min_new_tokens", caught_by="forbids_the_end_until_the_minimum", hint="needs a logit of −inf")
def sets_eos_to_zero(logits: torch.Tensor, n_generated: int, minimum: int, eos_id: int) -> torch.Tensor:
    """Gives EOS the logit 0, which is no prohibition."""
    out = logits.clone()
    if n_generated < minimum:
        out[:, eos_id] = 0.0
    return out


@wrong("min_new_tokens", caught_by="forbids_only_eos_in_every_row", hint="is a column")
def forbids_in_the_first_row(logits: torch.Tensor, n_generated: int, minimum: int, eos_id: int) -> torch.Tensor:
    """Written for a batch of one."""
    out = logits.clone()
    if n_generated < minimum:
        out[0, eos_id] = -torch.inf
    return out


@wrong("min_new_tokens", caught_by="minimum_keeps_dtype_and_input", hint="changes the tensor")
def forbids_in_place(logits: torch.Tensor, n_generated: int, minimum: int, eos_id: int) -> torch.Tensor:
    """Writes into the caller's logits."""
    if n_generated < minimum:
        logits[:, eos_id] = -torch.inf
    return logits


# sample_next -----------------------------------------------------------------------------------------------------


@wrong("sample_next", caught_by="draws_the_token_on_whose_piece_u_falls", hint="ignores u")
def takes_the_largest(logits: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
    """Greedy, whatever u says."""
    return logits.argmax(-1)


@wrong("sample_next", caught_by="draws_the_token_on_whose_piece_u_falls", hint="order of the ids")
def sums_by_rank(logits: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
    """Inverts the distribution sorted by probability."""
    ordered, places = logits.double().softmax(-1).sort(dim=-1, descending=True)
    rank = (ordered.cumsum(-1) <= u[:, None]).sum(-1, keepdim=True).clamp(max=logits.shape[-1] - 1)
    return places.gather(-1, rank)[:, 0]


@wrong("sample_next", caught_by="draws_the_token_on_whose_piece_u_falls", hint="Add up softmax")
def one_token_late(logits: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
    """Returns the token after the one on whose piece u falls."""
    token = (logits.double().softmax(-1).cumsum(-1) <= u[:, None]).sum(-1) + 1
    return token.clamp(max=logits.shape[-1] - 1)


@wrong("sample_next", caught_by="never_draws_an_impossible_token", hint="must be *above* u")
def searches_from_the_left(logits: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
    """`searchsorted` with its default side: u = 0 finds a first token of probability 0."""
    sums = logits.double().softmax(-1).cumsum(-1)
    token = torch.searchsorted(sums, u[:, None].double())[:, 0]
    return torch.minimum(token, (logits > -torch.inf).cumsum(-1).argmax(-1))


@wrong("sample_next", caught_by="survives_rounding_near_one", hint="last *possible* token")
def clamps_to_the_last_id(logits: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
    """Falls back to the last id of the vocabulary, which may be forbidden."""
    sums = logits.softmax(-1).cumsum(-1)
    return (sums <= u[:, None]).sum(-1).clamp(max=logits.shape[-1] - 1)


@wrong("sample_next", caught_by="survives_rounding_near_one", hint="last *possible* token")
def finds_no_sum_above(logits: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
    """`argmax` of an all-false row is 0: with u near 1 it returns the first token."""
    return (logits.softmax(-1).cumsum(-1) > u[:, None]).int().argmax(-1)


@wrong("sample_next", caught_by="each_row_has_its_own_u", hint="u[i]")
def uses_the_first_u(logits: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
    """Draws all rows with the first uniform."""
    token = (logits.double().softmax(-1).cumsum(-1) <= u[0]).sum(-1)
    return torch.minimum(token, (logits > -torch.inf).cumsum(-1).argmax(-1))


@wrong("sample_next", caught_by="each_row_has_its_own_u", hint="shape [batch]")
def keeps_a_column(logits: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
    """Returns [batch, 1], as `torch.multinomial` does."""
    token = (logits.double().softmax(-1).cumsum(-1) <= u[:, None]).sum(-1)
    return torch.minimum(token, (logits > -torch.inf).cumsum(-1).argmax(-1))[:, None]


# generate --------------------------------------------------------------------------------------------------------


@wrong("generate", caught_by="one_token_left_is_greedy", hint="*whole* text")
def reads_only_the_last_token(
    model: Callable, ids: torch.Tensor, u: torch.Tensor, eos_id: int, *, temperature: float = 1.0,
    k: int | None = None, p: float = 1.0, penalty: float = 1.0, minimum: int = 0,
) -> torch.Tensor:  # fmt: skip
    """Gives the model the last token alone, without its past."""
    ended = torch.zeros(len(ids), dtype=torch.bool)
    for step in range(u.shape[1]):
        with torch.no_grad():
            logits = model(ids[:, -1:]).logits[:, -1]
        logits = repetition_penalty(logits, ids, penalty)
        logits = min_new_tokens(logits, step, minimum, eos_id)
        logits = apply_temperature(logits, temperature)
        logits = logits if k is None else top_k_filter(logits, k)
        logits = top_p_filter(logits, p)
        token = sample_next(logits, u[:, step]).masked_fill(ended, eos_id)
        ids = torch.cat([ids, token[:, None]], dim=1)
        ended = ended | (token == eos_id)
        if ended.all():
            break
    return ids


@wrong("generate", caught_by="one_token_left_is_greedy", hint="Return the prompt")
def returns_only_the_new_tokens(
    model: Callable, ids: torch.Tensor, u: torch.Tensor, eos_id: int, *, temperature: float = 1.0,
    k: int | None = None, p: float = 1.0, penalty: float = 1.0, minimum: int = 0,
) -> torch.Tensor:  # fmt: skip
    """Cuts the prompt off."""
    prompt = ids.shape[1]
    ended = torch.zeros(len(ids), dtype=torch.bool)
    for step in range(u.shape[1]):
        with torch.no_grad():
            logits = model(ids).logits[:, -1]
        logits = repetition_penalty(logits, ids, penalty)
        logits = min_new_tokens(logits, step, minimum, eos_id)
        logits = apply_temperature(logits, temperature)
        logits = logits if k is None else top_k_filter(logits, k)
        logits = top_p_filter(logits, p)
        token = sample_next(logits, u[:, step]).masked_fill(ended, eos_id)
        ids = torch.cat([ids, token[:, None]], dim=1)
        ended = ended | (token == eos_id)
        if ended.all():
            break
    return ids[:, prompt:]


@wrong("generate", caught_by="one_token_left_is_greedy", hint="exactly that many")
def makes_one_token_too_few(
    model: Callable, ids: torch.Tensor, u: torch.Tensor, eos_id: int, *, temperature: float = 1.0,
    k: int | None = None, p: float = 1.0, penalty: float = 1.0, minimum: int = 0,
) -> torch.Tensor:  # fmt: skip
    """Counts the last token of the prompt as a step."""
    ended = torch.zeros(len(ids), dtype=torch.bool)
    for step in range(u.shape[1] - 1):
        with torch.no_grad():
            logits = model(ids).logits[:, -1]
        logits = repetition_penalty(logits, ids, penalty)
        logits = min_new_tokens(logits, step, minimum, eos_id)
        logits = apply_temperature(logits, temperature)
        logits = logits if k is None else top_k_filter(logits, k)
        logits = top_p_filter(logits, p)
        token = sample_next(logits, u[:, step]).masked_fill(ended, eos_id)
        ids = torch.cat([ids, token[:, None]], dim=1)
        ended = ended | (token == eos_id)
        if ended.all():
            break
    return ids


@wrong("generate", caught_by="ended_rows_stay_ended", hint="After EOS")
def goes_on_after_eos(
    model: Callable, ids: torch.Tensor, u: torch.Tensor, eos_id: int, *, temperature: float = 1.0,
    k: int | None = None, p: float = 1.0, penalty: float = 1.0, minimum: int = 0,
) -> torch.Tensor:  # fmt: skip
    """Lets ended rows draw further tokens."""
    ended = torch.zeros(len(ids), dtype=torch.bool)
    for step in range(u.shape[1]):
        with torch.no_grad():
            logits = model(ids).logits[:, -1]
        logits = repetition_penalty(logits, ids, penalty)
        logits = min_new_tokens(logits, step, minimum, eos_id)
        logits = apply_temperature(logits, temperature)
        logits = logits if k is None else top_k_filter(logits, k)
        logits = top_p_filter(logits, p)
        token = sample_next(logits, u[:, step])
        ids = torch.cat([ids, token[:, None]], dim=1)
        ended = ended | (token == eos_id)
        if ended.all():
            break
    return ids


@wrong("generate", caught_by="ended_rows_stay_ended", hint="Stop when all rows")
def never_stops(
    model: Callable, ids: torch.Tensor, u: torch.Tensor, eos_id: int, *, temperature: float = 1.0,
    k: int | None = None, p: float = 1.0, penalty: float = 1.0, minimum: int = 0,
) -> torch.Tensor:  # fmt: skip
    """Fills up to the last column even when all rows have ended."""
    ended = torch.zeros(len(ids), dtype=torch.bool)
    for step in range(u.shape[1]):
        with torch.no_grad():
            logits = model(ids).logits[:, -1]
        logits = repetition_penalty(logits, ids, penalty)
        logits = min_new_tokens(logits, step, minimum, eos_id)
        logits = apply_temperature(logits, temperature)
        logits = logits if k is None else top_k_filter(logits, k)
        logits = top_p_filter(logits, p)
        token = sample_next(logits, u[:, step]).masked_fill(ended, eos_id)
        ids = torch.cat([ids, token[:, None]], dim=1)
        ended = ended | (token == eos_id)
    return ids


@wrong("generate", caught_by="ended_rows_stay_ended", hint="stop too early")
def stops_at_the_first_eos(
    model: Callable, ids: torch.Tensor, u: torch.Tensor, eos_id: int, *, temperature: float = 1.0,
    k: int | None = None, p: float = 1.0, penalty: float = 1.0, minimum: int = 0,
) -> torch.Tensor:  # fmt: skip
    """Stops as soon as one row has ended."""
    ended = torch.zeros(len(ids), dtype=torch.bool)
    for step in range(u.shape[1]):
        with torch.no_grad():
            logits = model(ids).logits[:, -1]
        logits = repetition_penalty(logits, ids, penalty)
        logits = min_new_tokens(logits, step, minimum, eos_id)
        logits = apply_temperature(logits, temperature)
        logits = logits if k is None else top_k_filter(logits, k)
        logits = top_p_filter(logits, p)
        token = sample_next(logits, u[:, step]).masked_fill(ended, eos_id)
        ids = torch.cat([ids, token[:, None]], dim=1)
        ended = ended | (token == eos_id)
        if ended.any():
            break
    return ids


@wrong("generate", caught_by="ended_rows_stay_ended", hint="in the prompt ends nothing")
def takes_the_prompts_eos_for_the_end(
    model: Callable, ids: torch.Tensor, u: torch.Tensor, eos_id: int, *, temperature: float = 1.0,
    k: int | None = None, p: float = 1.0, penalty: float = 1.0, minimum: int = 0,
) -> torch.Tensor:  # fmt: skip
    """Looks for EOS in the whole text, prompt included."""
    ended = torch.zeros(len(ids), dtype=torch.bool)
    for step in range(u.shape[1]):
        with torch.no_grad():
            logits = model(ids).logits[:, -1]
        logits = repetition_penalty(logits, ids, penalty)
        logits = min_new_tokens(logits, step, minimum, eos_id)
        logits = apply_temperature(logits, temperature)
        logits = logits if k is None else top_k_filter(logits, k)
        logits = top_p_filter(logits, p)
        token = sample_next(logits, u[:, step]).masked_fill(ended, eos_id)
        ids = torch.cat([ids, token[:, None]], dim=1)
        ended = (ids == eos_id).any(-1)
        if ended.all():
            break
    return ids


@wrong("generate", caught_by="each_step_draws_with_its_own_column", hint="u[:, step]")
def draws_always_with_the_first_column(
    model: Callable, ids: torch.Tensor, u: torch.Tensor, eos_id: int, *, temperature: float = 1.0,
    k: int | None = None, p: float = 1.0, penalty: float = 1.0, minimum: int = 0,
) -> torch.Tensor:  # fmt: skip
    """Uses the first uniform at every step."""
    ended = torch.zeros(len(ids), dtype=torch.bool)
    for step in range(u.shape[1]):
        with torch.no_grad():
            logits = model(ids).logits[:, -1]
        logits = repetition_penalty(logits, ids, penalty)
        logits = min_new_tokens(logits, step, minimum, eos_id)
        logits = apply_temperature(logits, temperature)
        logits = logits if k is None else top_k_filter(logits, k)
        logits = top_p_filter(logits, p)
        token = sample_next(logits, u[:, 0]).masked_fill(ended, eos_id)
        ids = torch.cat([ids, token[:, None]], dim=1)
        ended = ended | (token == eos_id)
        if ended.all():
            break
    return ids


@wrong("generate", caught_by="filters_come_in_the_order_of_transformers", hint="Temperature comes before top-p")
def temperature_after_top_p(
    model: Callable, ids: torch.Tensor, u: torch.Tensor, eos_id: int, *, temperature: float = 1.0,
    k: int | None = None, p: float = 1.0, penalty: float = 1.0, minimum: int = 0,
) -> torch.Tensor:  # fmt: skip
    """Filters by top-p first and heats what is left."""
    ended = torch.zeros(len(ids), dtype=torch.bool)
    for step in range(u.shape[1]):
        with torch.no_grad():
            logits = model(ids).logits[:, -1]
        logits = repetition_penalty(logits, ids, penalty)
        logits = min_new_tokens(logits, step, minimum, eos_id)
        logits = logits if k is None else top_k_filter(logits, k)
        logits = top_p_filter(logits, p)
        logits = apply_temperature(logits, temperature)
        token = sample_next(logits, u[:, step]).masked_fill(ended, eos_id)
        ids = torch.cat([ids, token[:, None]], dim=1)
        ended = ended | (token == eos_id)
        if ended.all():
            break
    return ids


@wrong("generate", caught_by="filters_come_in_the_order_of_transformers", hint="Top-k comes before top-p")
def top_p_before_top_k(
    model: Callable, ids: torch.Tensor, u: torch.Tensor, eos_id: int, *, temperature: float = 1.0,
    k: int | None = None, p: float = 1.0, penalty: float = 1.0, minimum: int = 0,
) -> torch.Tensor:  # fmt: skip
    """Takes the nucleus first, then its k largest."""
    ended = torch.zeros(len(ids), dtype=torch.bool)
    for step in range(u.shape[1]):
        with torch.no_grad():
            logits = model(ids).logits[:, -1]
        logits = repetition_penalty(logits, ids, penalty)
        logits = min_new_tokens(logits, step, minimum, eos_id)
        logits = apply_temperature(logits, temperature)
        logits = top_p_filter(logits, p)
        logits = logits if k is None else top_k_filter(logits, k)
        token = sample_next(logits, u[:, step]).masked_fill(ended, eos_id)
        ids = torch.cat([ids, token[:, None]], dim=1)
        ended = ended | (token == eos_id)
        if ended.all():
            break
    return ids


@wrong("generate", caught_by="filters_come_in_the_order_of_transformers", hint="must not use up a place")
def minimum_after_top_k(
    model: Callable, ids: torch.Tensor, u: torch.Tensor, eos_id: int, *, temperature: float = 1.0,
    k: int | None = None, p: float = 1.0, penalty: float = 1.0, minimum: int = 0,
) -> torch.Tensor:  # fmt: skip
    """Forbids EOS after top-k has given it a place."""
    ended = torch.zeros(len(ids), dtype=torch.bool)
    for step in range(u.shape[1]):
        with torch.no_grad():
            logits = model(ids).logits[:, -1]
        logits = repetition_penalty(logits, ids, penalty)
        logits = apply_temperature(logits, temperature)
        logits = logits if k is None else top_k_filter(logits, k)
        logits = min_new_tokens(logits, step, minimum, eos_id)
        logits = top_p_filter(logits, p)
        token = sample_next(logits, u[:, step]).masked_fill(ended, eos_id)
        ids = torch.cat([ids, token[:, None]], dim=1)
        ended = ended | (token == eos_id)
        if ended.all():
            break
    return ids


@wrong("generate", caught_by="filters_come_in_the_order_of_transformers", hint="The penalty comes before top-k")
def penalty_after_the_filters(
    model: Callable, ids: torch.Tensor, u: torch.Tensor, eos_id: int, *, temperature: float = 1.0,
    k: int | None = None, p: float = 1.0, penalty: float = 1.0, minimum: int = 0,
) -> torch.Tensor:  # fmt: skip
    """Penalises at the end, among the tokens that are left."""
    ended = torch.zeros(len(ids), dtype=torch.bool)
    for step in range(u.shape[1]):
        with torch.no_grad():
            logits = model(ids).logits[:, -1]
        logits = min_new_tokens(logits, step, minimum, eos_id)
        logits = apply_temperature(logits, temperature)
        logits = logits if k is None else top_k_filter(logits, k)
        logits = top_p_filter(logits, p)
        logits = repetition_penalty(logits, ids, penalty)
        token = sample_next(logits, u[:, step]).masked_fill(ended, eos_id)
        ids = torch.cat([ids, token[:, None]], dim=1)
        ended = ended | (token == eos_id)
        if ended.all():
            break
    return ids


@wrong("generate", caught_by="penalty_counts_the_prompt_and_minimum_does_not", hint="prompt included")
def penalises_new_tokens_only(
    model: Callable, ids: torch.Tensor, u: torch.Tensor, eos_id: int, *, temperature: float = 1.0,
    k: int | None = None, p: float = 1.0, penalty: float = 1.0, minimum: int = 0,
) -> torch.Tensor:  # fmt: skip
    """Leaves the prompt out of the penalty."""
    prompt = ids.shape[1]
    ended = torch.zeros(len(ids), dtype=torch.bool)
    for step in range(u.shape[1]):
        with torch.no_grad():
            logits = model(ids).logits[:, -1]
        logits = repetition_penalty(logits, ids[:, prompt:], penalty)
        logits = min_new_tokens(logits, step, minimum, eos_id)
        logits = apply_temperature(logits, temperature)
        logits = logits if k is None else top_k_filter(logits, k)
        logits = top_p_filter(logits, p)
        token = sample_next(logits, u[:, step]).masked_fill(ended, eos_id)
        ids = torch.cat([ids, token[:, None]], dim=1)
        ended = ended | (token == eos_id)
        if ended.all():
            break
    return ids


@wrong("generate", caught_by="penalty_counts_the_prompt_and_minimum_does_not", hint="counts new tokens")
def counts_the_prompt_for_the_minimum(
    model: Callable, ids: torch.Tensor, u: torch.Tensor, eos_id: int, *, temperature: float = 1.0,
    k: int | None = None, p: float = 1.0, penalty: float = 1.0, minimum: int = 0,
) -> torch.Tensor:  # fmt: skip
    """Compares the minimum with the length of prompt and continuation."""
    ended = torch.zeros(len(ids), dtype=torch.bool)
    for step in range(u.shape[1]):
        with torch.no_grad():
            logits = model(ids).logits[:, -1]
        logits = repetition_penalty(logits, ids, penalty)
        logits = min_new_tokens(logits, ids.shape[1], minimum, eos_id)
        logits = apply_temperature(logits, temperature)
        logits = logits if k is None else top_k_filter(logits, k)
        logits = top_p_filter(logits, p)
        token = sample_next(logits, u[:, step]).masked_fill(ended, eos_id)
        ids = torch.cat([ids, token[:, None]], dim=1)
        ended = ended | (token == eos_id)
        if ended.all():
            break
    return ids


# beam_search -----------------------------------------------------------------------------------------------------


@wrong("beam_search", caught_by="wide_beams_find_the_most_probable_text", hint="log_softmax")
def adds_raw_logits(
    model: Callable, ids: torch.Tensor, beams: int, max_new_tokens: int, eos_id: int
) -> tuple[torch.Tensor, float]:
    """Adds logits, which are not comparable between steps."""
    if beams < 1:
        raise ValueError("beams")
    pool = [(0.0, ids)]
    for step in range(max_new_tokens):
        grown = []
        for score, text in pool:
            if step and text[0, -1] == eos_id:
                grown.append((score, text))
                continue
            with torch.no_grad():
                log_probs = model(text).logits[0, -1]
            for token, log_prob in enumerate(log_probs.tolist()):
                grown.append((score + log_prob, torch.cat([text, torch.tensor([[token]])], dim=1)))
        pool = sorted(grown, key=lambda hypothesis: -hypothesis[0])[:beams]
    return pool[0][1], pool[0][0]


@wrong("beam_search", caught_by="wide_beams_find_the_most_probable_text", hint="more probable text exists")
def ranks_by_the_last_step(
    model: Callable, ids: torch.Tensor, beams: int, max_new_tokens: int, eos_id: int
) -> tuple[torch.Tensor, float]:
    """Ranks by the last token's log-probability and forgets the sum."""
    if beams < 1:
        raise ValueError("beams")
    pool = [(0.0, ids)]
    for step in range(max_new_tokens):
        grown = []
        for score, text in pool:
            if step and text[0, -1] == eos_id:
                grown.append((score, text))
                continue
            with torch.no_grad():
                log_probs = model(text).logits[0, -1].log_softmax(-1)
            for token, log_prob in enumerate(log_probs.tolist()):
                grown.append((log_prob, torch.cat([text, torch.tensor([[token]])], dim=1)))
        pool = sorted(grown, key=lambda hypothesis: -hypothesis[0])[:beams]
    return pool[0][1], pool[0][0]


@wrong("beam_search", caught_by="wide_beams_find_the_most_probable_text", hint="plain sum")
def returns_a_mean(
    model: Callable, ids: torch.Tensor, beams: int, max_new_tokens: int, eos_id: int
) -> tuple[torch.Tensor, float]:
    """Divides the score by the number of new tokens at the end."""
    if beams < 1:
        raise ValueError("beams")
    pool = [(0.0, ids)]
    for step in range(max_new_tokens):
        grown = []
        for score, text in pool:
            if step and text[0, -1] == eos_id:
                grown.append((score, text))
                continue
            with torch.no_grad():
                log_probs = model(text).logits[0, -1].log_softmax(-1)
            for token, log_prob in enumerate(log_probs.tolist()):
                grown.append((score + log_prob, torch.cat([text, torch.tensor([[token]])], dim=1)))
        pool = sorted(grown, key=lambda hypothesis: -hypothesis[0])[:beams]
    return pool[0][1], pool[0][0] / max_new_tokens


@wrong("beam_search", caught_by="narrow_beams_keep_the_best_of_all_extensions", hint="*all* hypotheses together")
def keeps_one_extension_of_each(
    model: Callable, ids: torch.Tensor, beams: int, max_new_tokens: int, eos_id: int
) -> tuple[torch.Tensor, float]:
    """Extends each hypothesis by its best token only, after a first step with the best tokens."""
    if beams < 1:
        raise ValueError("beams")
    pool = [(0.0, ids)]
    for step in range(max_new_tokens):
        grown = []
        for score, text in pool:
            if step and text[0, -1] == eos_id:
                grown.append((score, text))
                continue
            with torch.no_grad():
                log_probs = model(text).logits[0, -1].log_softmax(-1)
            best = log_probs.topk(1 if step else min(beams, len(log_probs)))
            for log_prob, token in zip(best.values.tolist(), best.indices.tolist(), strict=True):
                grown.append((score + log_prob, torch.cat([text, torch.tensor([[token]])], dim=1)))
        pool = sorted(grown, key=lambda hypothesis: -hypothesis[0])[:beams]
    return pool[0][1], pool[0][0]


@wrong("beam_search", caught_by="narrow_beams_keep_the_best_of_all_extensions", hint="*all* hypotheses together")
def starts_with_copies(
    model: Callable, ids: torch.Tensor, beams: int, max_new_tokens: int, eos_id: int
) -> tuple[torch.Tensor, float]:
    """Starts with as many copies of the prompt as there are beams, so that all beams stay the same."""
    if beams < 1:
        raise ValueError("beams")
    pool = [(0.0, ids)] * beams
    for step in range(max_new_tokens):
        grown = []
        for score, text in pool:
            if step and text[0, -1] == eos_id:
                grown.append((score, text))
                continue
            with torch.no_grad():
                log_probs = model(text).logits[0, -1].log_softmax(-1)
            for token, log_prob in enumerate(log_probs.tolist()):
                grown.append((score + log_prob, torch.cat([text, torch.tensor([[token]])], dim=1)))
        pool = sorted(grown, key=lambda hypothesis: -hypothesis[0])[:beams]
    return pool[0][1], pool[0][0]


@wrong("beam_search", caught_by="ended_hypotheses_compete_as_they_are", hint="not extended")
def extends_what_has_ended(
    model: Callable, ids: torch.Tensor, beams: int, max_new_tokens: int, eos_id: int
) -> tuple[torch.Tensor, float]:
    """Goes on after EOS."""
    if beams < 1:
        raise ValueError("beams")
    pool = [(0.0, ids)]
    for step in range(max_new_tokens):
        grown = []
        for score, text in pool:
            with torch.no_grad():
                log_probs = model(text).logits[0, -1].log_softmax(-1)
            for token, log_prob in enumerate(log_probs.tolist()):
                grown.append((score + log_prob, torch.cat([text, torch.tensor([[token]])], dim=1)))
        pool = sorted(grown, key=lambda hypothesis: -hypothesis[0])[:beams]
    return pool[0][1], pool[0][0]


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
    pool = pool or [(0.0, ids)]
    return pool[0][1], pool[0][0]


@wrong("beam_search", caught_by="ended_hypotheses_compete_as_they_are", hint="divided by its length")
def ranks_by_the_mean(
    model: Callable, ids: torch.Tensor, beams: int, max_new_tokens: int, eos_id: int
) -> tuple[torch.Tensor, float]:
    """Ranks by the score per token, which favours long texts."""
    if beams < 1:
        raise ValueError("beams")
    pool = [(0.0, ids)]
    for step in range(max_new_tokens):
        grown = []
        for score, text in pool:
            if step and text[0, -1] == eos_id:
                grown.append((score, text))
                continue
            with torch.no_grad():
                log_probs = model(text).logits[0, -1].log_softmax(-1)
            for token, log_prob in enumerate(log_probs.tolist()):
                grown.append((score + log_prob, torch.cat([text, torch.tensor([[token]])], dim=1)))
        pool = sorted(grown, key=lambda hypothesis: -hypothesis[0] / (hypothesis[1].shape[1] - ids.shape[1]))[:beams]
    return pool[0][1], pool[0][0]


@wrong("beam_search", caught_by="one_beam_is_greedy", hint="below 1")
def takes_any_number_of_beams(
    model: Callable, ids: torch.Tensor, beams: int, max_new_tokens: int, eos_id: int
) -> tuple[torch.Tensor, float]:
    """Treats fewer than one beam as one."""
    beams = max(1, beams)
    pool = [(0.0, ids)]
    for step in range(max_new_tokens):
        grown = []
        for score, text in pool:
            if step and text[0, -1] == eos_id:
                grown.append((score, text))
                continue
            with torch.no_grad():
                log_probs = model(text).logits[0, -1].log_softmax(-1)
            for token, log_prob in enumerate(log_probs.tolist()):
                grown.append((score + log_prob, torch.cat([text, torch.tensor([[token]])], dim=1)))
        pool = sorted(grown, key=lambda hypothesis: -hypothesis[0])[:beams]
    return pool[0][1], pool[0][0]
