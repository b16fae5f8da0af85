"""Named wrong answers of lab 04: mistakes that people make, the check that catches each, and a piece of its hint."""

# ruff: noqa: F821 - a wrong answer is pasted into the notebook, which defines the functions that it calls.

from __future__ import annotations

import math

import torch

from grader.checks import wrong

# count_sequences -------------------------------------------------------------------------------------------------


@wrong("count_sequences", caught_by="counts_v_to_the_t", hint="not T^V")
def swaps_base_and_exponent(vocab_size: int, max_tokens: int, stops: bool = False) -> int:
    """Takes T^V for V^T."""
    if vocab_size < 1 or max_tokens < 0:
        raise ValueError("sizes")
    if stops:
        return sum((vocab_size - 1) ** n for n in range(max_tokens + 1))
    return max_tokens**vocab_size


@wrong("count_sequences", caught_by="counts_v_to_the_t", hint="EOS is one of the V")
def leaves_eos_out(vocab_size: int, max_tokens: int, stops: bool = False) -> int:
    """Counts only sequences without EOS."""
    if vocab_size < 1 or max_tokens < 0:
        raise ValueError("sizes")
    if stops:
        return sum((vocab_size - 1) ** n for n in range(max_tokens + 1))
    return (vocab_size - 1) ** max_tokens


@wrong("count_sequences", caught_by="counts_responses_that_stop", hint="After EOS nothing follows")
def goes_on_after_eos(vocab_size: int, max_tokens: int, stops: bool = False) -> int:
    """Ignores that a response stops at EOS."""
    if vocab_size < 1 or max_tokens < 0:
        raise ValueError("sizes")
    return vocab_size**max_tokens


@wrong("count_sequences", caught_by="counts_responses_that_stop", hint="cut off after T tokens")
def forgets_those_cut_off(vocab_size: int, max_tokens: int, stops: bool = False) -> int:
    """Counts only responses that end with EOS."""
    if vocab_size < 1 or max_tokens < 0:
        raise ValueError("sizes")
    return sum((vocab_size - 1) ** n for n in range(max_tokens)) if stops else vocab_size**max_tokens


@wrong("count_sequences", caught_by="counts_responses_that_stop", hint="Only V − 1 tokens")
def sums_powers_of_v(vocab_size: int, max_tokens: int, stops: bool = False) -> int:
    """Adds V^t for all lengths, as if EOS could stand before EOS."""
    if vocab_size < 1 or max_tokens < 0:
        raise ValueError("sizes")
    return sum(vocab_size**n for n in range(max_tokens + 1)) if stops else vocab_size**max_tokens


@wrong("count_sequences", caught_by="counts_exactly_however_many", hint="whole numbers")
def counts_with_floats(vocab_size: int, max_tokens: int, stops: bool = False) -> int:
    """Rounds through a float, which is wrong from 2^53 on and overflows later."""
    if vocab_size < 1 or max_tokens < 0:
        raise ValueError("sizes")
    if stops:
        return int(sum(math.pow(vocab_size - 1, n) for n in range(max_tokens + 1)))
    return int(math.pow(vocab_size, max_tokens))


@wrong("count_sequences", caught_by="counts_exactly_however_many", hint="V is below 1 or T below 0")
def counts_nonsense(vocab_size: int, max_tokens: int, stops: bool = False) -> int:
    """Never looks at its arguments."""
    if stops:
        return sum((vocab_size - 1) ** n for n in range(max_tokens + 1))
    return vocab_size**max_tokens


# sequence_log_probs ----------------------------------------------------------------------------------------------


@wrong("sequence_log_probs", caught_by="lists_each_response_once", hint="That is V^T")
def extends_ended_texts(
    model: torch.nn.Module, prompt: torch.Tensor, max_new_tokens: int, eos_id: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Lets texts go on after EOS."""
    ids, log_probs = prompt, torch.zeros(1, dtype=torch.float64)
    for _ in range(max_new_tokens):
        step = model(ids).logits[:, -1].double().log_softmax(-1)
        vocab = step.shape[-1]
        tokens = torch.arange(vocab).repeat(len(ids))
        ids = torch.cat([ids.repeat_interleave(vocab, 0), tokens[:, None]], 1)
        log_probs = (log_probs[:, None] + step).flatten()
    return ids[:, prompt.shape[1] :], log_probs


@wrong("sequence_log_probs", caught_by="lists_each_response_once", hint="without the prompt")
def keeps_the_prompt(
    model: torch.nn.Module, prompt: torch.Tensor, max_new_tokens: int, eos_id: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns the whole texts."""
    ids, log_probs, ended = prompt, torch.zeros(1, dtype=torch.float64), torch.zeros(1, dtype=torch.bool)
    for _ in range(max_new_tokens):
        step = model(ids).logits[:, -1].double().log_softmax(-1).masked_fill(ended[:, None], 0.0)
        vocab = step.shape[-1]
        tokens = torch.arange(vocab).repeat(len(ids))
        keep = ~ended.repeat_interleave(vocab) | (tokens == eos_id)
        ids = torch.cat([ids.repeat_interleave(vocab, 0), tokens[:, None]], 1)[keep]
        log_probs, ended = (log_probs[:, None] + step).flatten()[keep], ids[:, -1] == eos_id
    return ids, log_probs


@wrong("sequence_log_probs", caught_by="lists_each_response_once", hint="Some responses are missing")
def drops_ended_texts(
    model: torch.nn.Module, prompt: torch.Tensor, max_new_tokens: int, eos_id: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Throws a text away once it has ended."""
    ids, log_probs = prompt, torch.zeros(1, dtype=torch.float64)
    for place in range(max_new_tokens):
        step = model(ids).logits[:, -1].double().log_softmax(-1)
        vocab = step.shape[-1]
        tokens = torch.arange(vocab).repeat(len(ids))
        keep = (tokens != eos_id) | (place == max_new_tokens - 1)
        ids = torch.cat([ids.repeat_interleave(vocab, 0), tokens[:, None]], 1)[keep]
        log_probs = (log_probs[:, None] + step).flatten()[keep]
    return ids[:, prompt.shape[1] :], log_probs


@wrong("sequence_log_probs", caught_by="lists_each_response_once", hint="in order of its ids")
def orders_by_the_last_token(
    model: torch.nn.Module, prompt: torch.Tensor, max_new_tokens: int, eos_id: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Swaps `repeat` and `repeat_interleave`: texts and their log-probs go apart."""
    ids, log_probs, ended = prompt, torch.zeros(1, dtype=torch.float64), torch.zeros(1, dtype=torch.bool)
    for _ in range(max_new_tokens):
        step = model(ids).logits[:, -1].double().log_softmax(-1).masked_fill(ended[:, None], 0.0)
        vocab = step.shape[-1]
        tokens = torch.arange(vocab).repeat_interleave(len(ids))
        keep = ~ended.repeat(vocab) | (tokens == eos_id)
        ids = torch.cat([ids.repeat(vocab, 1), tokens[:, None]], 1)[keep]
        log_probs, ended = (log_probs[:, None] + step).flatten()[keep], ids[:, -1] == eos_id
    return ids[:, prompt.shape[1] :], log_probs


@wrong("sequence_log_probs", caught_by="adds_up_the_log_probs_of_its_tokens", hint="filling after the first EOS")
def charges_the_filling(
    model: torch.nn.Module, prompt: torch.Tensor, max_new_tokens: int, eos_id: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Adds the log-prob of every EOS of the filling."""
    ids, log_probs, ended = prompt, torch.zeros(1, dtype=torch.float64), torch.zeros(1, dtype=torch.bool)
    for _ in range(max_new_tokens):
        step = model(ids).logits[:, -1].double().log_softmax(-1)
        vocab = step.shape[-1]
        tokens = torch.arange(vocab).repeat(len(ids))
        keep = ~ended.repeat_interleave(vocab) | (tokens == eos_id)
        ids = torch.cat([ids.repeat_interleave(vocab, 0), tokens[:, None]], 1)[keep]
        log_probs, ended = (log_probs[:, None] + step).flatten()[keep], ids[:, -1] == eos_id
    return ids[:, prompt.shape[1] :], log_probs


@wrong("sequence_log_probs", caught_by="adds_up_the_log_probs_of_its_tokens", hint="Ending is a choice")
def ends_for_nothing(
    model: torch.nn.Module, prompt: torch.Tensor, max_new_tokens: int, eos_id: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Leaves the first EOS out of the sum, together with the filling."""
    ids, log_probs, ended = prompt, torch.zeros(1, dtype=torch.float64), torch.zeros(1, dtype=torch.bool)
    for _ in range(max_new_tokens):
        step = model(ids).logits[:, -1].double().log_softmax(-1)
        step[:, eos_id] = 0.0
        vocab = step.shape[-1]
        tokens = torch.arange(vocab).repeat(len(ids))
        keep = ~ended.repeat_interleave(vocab) | (tokens == eos_id)
        ids = torch.cat([ids.repeat_interleave(vocab, 0), tokens[:, None]], 1)[keep]
        log_probs, ended = (log_probs[:, None] + step).flatten()[keep], ids[:, -1] == eos_id
    return ids[:, prompt.shape[1] :], log_probs


@wrong("sequence_log_probs", caught_by="adds_up_the_log_probs_of_its_tokens", hint="Sum, not mean")
def takes_the_mean(
    model: torch.nn.Module, prompt: torch.Tensor, max_new_tokens: int, eos_id: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Divides each sum by the number of its tokens."""
    ids, log_probs, ended = prompt, torch.zeros(1, dtype=torch.float64), torch.zeros(1, dtype=torch.bool)
    used = torch.zeros(1, dtype=torch.float64)
    for _ in range(max_new_tokens):
        step = model(ids).logits[:, -1].double().log_softmax(-1).masked_fill(ended[:, None], 0.0)
        vocab = step.shape[-1]
        tokens = torch.arange(vocab).repeat(len(ids))
        keep = ~ended.repeat_interleave(vocab) | (tokens == eos_id)
        used = (used + (~ended).double()).repeat_interleave(vocab)[keep]
        ids = torch.cat([ids.repeat_interleave(vocab, 0), tokens[:, None]], 1)[keep]
        log_probs, ended = (log_probs[:, None] + step).flatten()[keep], ids[:, -1] == eos_id
    return ids[:, prompt.shape[1] :], log_probs / used


@wrong("sequence_log_probs", caught_by="adds_up_the_log_probs_of_its_tokens", hint="`log_softmax` of the logits")
def adds_logits(
    model: torch.nn.Module, prompt: torch.Tensor, max_new_tokens: int, eos_id: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Takes logits for log-probs."""
    ids, log_probs, ended = prompt, torch.zeros(1, dtype=torch.float64), torch.zeros(1, dtype=torch.bool)
    for _ in range(max_new_tokens):
        step = model(ids).logits[:, -1].double().masked_fill(ended[:, None], 0.0)
        vocab = step.shape[-1]
        tokens = torch.arange(vocab).repeat(len(ids))
        keep = ~ended.repeat_interleave(vocab) | (tokens == eos_id)
        ids = torch.cat([ids.repeat_interleave(vocab, 0), tokens[:, None]], 1)[keep]
        log_probs, ended = (log_probs[:, None] + step).flatten()[keep], ids[:, -1] == eos_id
    return ids[:, prompt.shape[1] :], log_probs


@wrong("sequence_log_probs", caught_by="eos_in_the_prompt_ends_nothing", hint="No text has ended at the start")
def ends_with_the_prompt(
    model: torch.nn.Module, prompt: torch.Tensor, max_new_tokens: int, eos_id: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Asks whether the last token is EOS before it has written one."""
    ids, log_probs = prompt, torch.zeros(1, dtype=torch.float64)
    for _ in range(max_new_tokens):
        ended = ids[:, -1] == eos_id
        step = model(ids).logits[:, -1].double().log_softmax(-1).masked_fill(ended[:, None], 0.0)
        vocab = step.shape[-1]
        tokens = torch.arange(vocab).repeat(len(ids))
        keep = ~ended.repeat_interleave(vocab) | (tokens == eos_id)
        ids = torch.cat([ids.repeat_interleave(vocab, 0), tokens[:, None]], 1)[keep]
        log_probs = (log_probs[:, None] + step).flatten()[keep]
    return ids[:, prompt.shape[1] :], log_probs


@wrong("sequence_log_probs", caught_by="one_batch_for_each_step", hint="text by text")
def calls_text_by_text(
    model: torch.nn.Module, prompt: torch.Tensor, max_new_tokens: int, eos_id: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Right, but with one call of the model for every text."""
    pool = [(prompt[0].tolist(), 0.0, False)]
    for _ in range(max_new_tokens):
        grown = []
        for text, total, ended in pool:
            if ended:
                grown.append(([*text, eos_id], total, True))
                continue
            log_probs = model(torch.tensor([text])).logits[0, -1].double().log_softmax(-1).tolist()
            grown += [([*text, token], total + lp, token == eos_id) for token, lp in enumerate(log_probs)]
        pool = grown
    ids = torch.tensor([text[prompt.shape[1] :] for text, _, _ in pool])
    return ids, torch.tensor([total for _, total, _ in pool], dtype=torch.float64)


# kl_divergence ---------------------------------------------------------------------------------------------------


@wrong("kl_divergence", caught_by="kl_weighs_by_its_first_argument", hint="The direction")
def reverses_kl(log_p: torch.Tensor, log_q: torch.Tensor) -> torch.Tensor:
    """Computes KL(q‖p)."""
    return (log_q.exp() * (log_q - log_p)).masked_fill(log_q == -torch.inf, 0.0).sum(-1)


@wrong("kl_divergence", caught_by="kl_weighs_by_its_first_argument", hint="The direction")
def trusts_the_order_of_f_kl_div(log_p: torch.Tensor, log_q: torch.Tensor) -> torch.Tensor:
    """Calls `F.kl_div(log_p, log_q)`, which takes the second for the target."""
    return torch.nn.functional.kl_div(log_p, log_q, log_target=True, reduction="none").sum(-1)


@wrong("kl_divergence", caught_by="kl_weighs_by_its_first_argument", hint="weigh by p")
def weighs_by_q(log_p: torch.Tensor, log_q: torch.Tensor) -> torch.Tensor:
    """Takes the right difference and the wrong weights."""
    return (log_q.exp() * (log_p - log_q)).sum(-1)


@wrong("kl_divergence", caught_by="kl_weighs_by_its_first_argument", hint="not a mean")
def averages_over_responses(log_p: torch.Tensor, log_q: torch.Tensor) -> torch.Tensor:
    """Divides by the number of responses."""
    return (log_p.exp() * (log_p - log_q)).masked_fill(log_p == -torch.inf, 0.0).mean(-1)


@wrong("kl_divergence", caught_by="kl_weighs_by_its_first_argument", hint="no absolute values")
def makes_every_term_positive(log_p: torch.Tensor, log_q: torch.Tensor) -> torch.Tensor:
    """Believes that every single term must be positive."""
    return (log_p.exp() * (log_p - log_q).abs()).masked_fill(log_p == -torch.inf, 0.0).sum(-1)


@wrong("kl_divergence", caught_by="kl_of_each_row", hint="sum over the last dimension")
def sums_all_rows_of_kl(log_p: torch.Tensor, log_q: torch.Tensor) -> torch.Tensor:
    """Sums over the whole batch."""
    return (log_p.exp() * (log_p - log_q)).masked_fill(log_p == -torch.inf, 0.0).sum()


@wrong("kl_divergence", caught_by="kl_with_probabilities_of_zero", hint="is nan")
def multiplies_zero_by_infinity(log_p: torch.Tensor, log_q: torch.Tensor) -> torch.Tensor:
    """Lets 0 · (−inf) become nan."""
    return (log_p.exp() * (log_p - log_q)).sum(-1)


@wrong("kl_divergence", caught_by="kl_with_probabilities_of_zero", hint="+inf")
def clamps_log_probs(log_p: torch.Tensor, log_q: torch.Tensor) -> torch.Tensor:
    """Cuts log-probs off at −100, so that a forbidden response costs a finite price."""
    p, q = log_p.clamp(min=-100.0), log_q.clamp(min=-100.0)
    return (log_p.exp() * (p - q)).sum(-1)


@wrong("kl_divergence", caught_by="kl_with_probabilities_of_zero", hint="+inf")
def adds_epsilon(log_p: torch.Tensor, log_q: torch.Tensor) -> torch.Tensor:
    """Adds 1e-10 to probabilities before taking logarithms."""
    p, q = log_p.exp(), log_q.exp()
    return (p * ((p + 1e-10) / (q + 1e-10)).log()).sum(-1)


# kl_objective ----------------------------------------------------------------------------------------------------


@wrong("kl_objective", caught_by="reward_minus_beta_kl", hint="subtract it")
def rewards_the_kl(
    log_policy: torch.Tensor, ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float
) -> torch.Tensor:
    """Adds the KL."""
    return (log_policy.exp() * rewards).sum(-1) + beta * kl_divergence(log_policy, ref_log_probs)


@wrong("kl_objective", caught_by="reward_minus_beta_kl", hint="The direction")
def reverses_the_leash(
    log_policy: torch.Tensor, ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float
) -> torch.Tensor:
    """Takes KL(π_ref‖π)."""
    return (log_policy.exp() * rewards).sum(-1) - beta * kl_divergence(ref_log_probs, log_policy)


@wrong("kl_objective", caught_by="reward_minus_beta_kl", hint="not under the reference")
def expects_under_the_reference(
    log_policy: torch.Tensor, ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float
) -> torch.Tensor:
    """Takes the expected reward of π_ref."""
    return (ref_log_probs.exp() * rewards).sum(-1) - beta * kl_divergence(log_policy, ref_log_probs)


@wrong("kl_objective", caught_by="reward_minus_beta_kl", hint="you divide by it")
def divides_kl_by_beta(
    log_policy: torch.Tensor, ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float
) -> torch.Tensor:
    """Has β on the wrong side."""
    return (log_policy.exp() * rewards).sum(-1) - kl_divergence(log_policy, ref_log_probs) / beta


@wrong("kl_objective", caught_by="reward_minus_beta_kl", hint="not a plain mean")
def averages_rewards(
    log_policy: torch.Tensor, ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float
) -> torch.Tensor:
    """Counts all rewards alike."""
    return rewards.mean(-1) - beta * kl_divergence(log_policy, ref_log_probs)


@wrong("kl_objective", caught_by="objective_of_each_prompt", hint="last dimension only")
def pools_the_prompts(
    log_policy: torch.Tensor, ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float
) -> torch.Tensor:
    """Sums the rewards of all prompts."""
    return (log_policy.exp() * rewards).sum() - beta * kl_divergence(log_policy, ref_log_probs)


@wrong("kl_objective", caught_by="objective_with_forbidden_responses", hint="0 · (−inf)")
def writes_kl_out_without_care(
    log_policy: torch.Tensor, ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float
) -> torch.Tensor:
    """Computes E[r − β (log π − log π_ref)] in one go: nan where π is 0."""
    return (log_policy.exp() * (rewards - beta * (log_policy - ref_log_probs))).sum(-1)


@wrong("kl_objective", caught_by="objective_with_forbidden_responses", hint="costs infinitely much")
def repairs_infinities(
    log_policy: torch.Tensor, ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float
) -> torch.Tensor:
    """Turns nan and infinity into numbers, and lets a policy leave the support."""
    terms = (log_policy.exp() * (rewards - beta * (log_policy - ref_log_probs))).nan_to_num(0.0, 0.0, 0.0)
    return terms.sum(-1)


# log_partition ---------------------------------------------------------------------------------------------------


@wrong("log_partition", caught_by="weighs_exp_r_over_beta_by_the_reference", hint="π_ref is missing")
def forgets_the_reference(ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float) -> torch.Tensor:
    """Sums exp(r/β) over all responses."""
    if beta <= 0:
        raise ValueError("beta")
    return (rewards / beta).logsumexp(-1)


@wrong("log_partition", caught_by="weighs_exp_r_over_beta_by_the_reference", hint="A plain mean")
def takes_a_plain_mean(ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float) -> torch.Tensor:
    """Takes every response for equally probable."""
    if beta <= 0:
        raise ValueError("beta")
    return (rewards / beta).logsumexp(-1) - math.log(rewards.shape[-1])


@wrong("log_partition", caught_by="weighs_exp_r_over_beta_by_the_reference", hint="β on the wrong side")
def multiplies_by_beta(ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float) -> torch.Tensor:
    """Uses exp(β r)."""
    if beta <= 0:
        raise ValueError("beta")
    return (ref_log_probs + rewards * beta).logsumexp(-1)


@wrong("log_partition", caught_by="weighs_exp_r_over_beta_by_the_reference", hint="take the expectation of exp(r/β)")
def swaps_log_and_mean(ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float) -> torch.Tensor:
    """Takes the expectation of r/β, which is below log Z."""
    if beta <= 0:
        raise ValueError("beta")
    return (ref_log_probs.exp() * rewards / beta).sum(-1)


@wrong("log_partition", caught_by="weighs_exp_r_over_beta_by_the_reference", hint="return its logarithm")
def returns_z_itself(ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float) -> torch.Tensor:
    """Returns Z."""
    if beta <= 0:
        raise ValueError("beta")
    return (ref_log_probs + rewards / beta).logsumexp(-1).exp()


@wrong("log_partition", caught_by="stays_finite_at_rewards_of_ten_thousand", hint="never leave the logarithms")
def exponentiates_first(ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float) -> torch.Tensor:
    """Sums probabilities times exponentials, and overflows."""
    if beta <= 0:
        raise ValueError("beta")
    return (ref_log_probs.exp() * (rewards / beta).exp()).sum(-1).log()


@wrong("log_partition", caught_by="stays_finite_at_rewards_of_ten_thousand", hint="never leave the logarithms")
def takes_out_the_largest_reward_only(ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float) -> torch.Tensor:
    """Takes max r/β out of the sum, not the maximum of the whole term: what is left may all be 0."""
    if beta <= 0:
        raise ValueError("beta")
    top = (rewards / beta).max(-1, keepdim=True).values
    return top[..., 0] + (ref_log_probs.exp() * (rewards / beta - top).exp()).sum(-1).log()


@wrong("log_partition", caught_by="z_belongs_to_the_prompt", hint="Z depends on x, not on y")
def sums_over_the_prompts(ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float) -> torch.Tensor:
    """Sums over the first dimension: one Z for each response."""
    if beta <= 0:
        raise ValueError("beta")
    return (ref_log_probs + rewards / beta).logsumexp(0)


@wrong("log_partition", caught_by="z_belongs_to_the_prompt", hint="Z depends on x, not on y")
def one_z_for_the_batch(ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float) -> torch.Tensor:
    """Sums over all prompts together and repeats the result."""
    if beta <= 0:
        raise ValueError("beta")
    terms = ref_log_probs + rewards / beta
    return terms.flatten().logsumexp(0).expand(terms.shape[:-1])


@wrong("log_partition", caught_by="refuses_beta_that_is_not_positive", hint="raise ValueError for both")
def takes_any_beta(ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float) -> torch.Tensor:
    """Divides by β = 0."""
    return (ref_log_probs + rewards / beta).logsumexp(-1)


@wrong("log_partition", caught_by="refuses_beta_that_is_not_positive", hint="raise ValueError for both")
def refuses_zero_alone(ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float) -> torch.Tensor:
    """Lets a negative β through, which rewards the worst."""
    if beta == 0:
        raise ValueError("beta")
    return (ref_log_probs + rewards / beta).logsumexp(-1)


# optimal_policy --------------------------------------------------------------------------------------------------


@wrong("optimal_policy", caught_by="tilts_the_reference_by_the_reward", hint="π_ref is missing")
def softmax_of_the_reward(ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float) -> torch.Tensor:
    """Uses exp(r/β) without the reference: better than random policies, and not the best."""
    return (rewards / beta).log_softmax(-1)


@wrong("optimal_policy", caught_by="tilts_the_reference_by_the_reward", hint="β on the wrong side")
def tilts_by_beta_r(ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float) -> torch.Tensor:
    """Uses exp(β r)."""
    return (ref_log_probs + rewards * beta).log_softmax(-1)


@wrong("optimal_policy", caught_by="tilts_the_reference_by_the_reward", hint="not normalised")
def forgets_z(ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float) -> torch.Tensor:
    """Returns the weights."""
    return ref_log_probs + rewards / beta


@wrong("optimal_policy", caught_by="tilts_the_reference_by_the_reward", hint="not log π_ref")
def divides_the_reference_too(ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float) -> torch.Tensor:
    """Puts π_ref under the temperature, too."""
    return ((ref_log_probs + rewards) / beta).log_softmax(-1)


@wrong("optimal_policy", caught_by="tilts_the_reference_by_the_reward", hint="return log-probs")
def gives_probabilities(ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float) -> torch.Tensor:
    """Returns probabilities."""
    return (ref_log_probs + rewards / beta).softmax(-1)


@wrong("optimal_policy", caught_by="each_prompt_has_its_own_z", hint="its own row")
def one_z_for_all_prompts(ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float) -> torch.Tensor:
    """Normalises over all prompts together."""
    weights = ref_log_probs + rewards / beta
    return weights - weights.flatten().logsumexp(0)


@wrong("optimal_policy", caught_by="each_prompt_has_its_own_z", hint="its own row")
def lays_z_along_the_responses(ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float) -> torch.Tensor:
    """Subtracts log Z without a last dimension: with as many prompts as responses nothing complains."""
    return ref_log_probs + rewards / beta - log_partition(ref_log_probs, rewards, beta)


@wrong("optimal_policy", caught_by="small_beta_takes_the_best_that_is_allowed", hint="never nan")
def leaves_the_support(ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float) -> torch.Tensor:
    """Gives forbidden responses a tiny probability first, which a high reward blows up."""
    return (ref_log_probs.clamp(min=-200.0) + rewards / beta).log_softmax(-1)


@wrong("optimal_policy", caught_by="small_beta_takes_the_best_that_is_allowed", hint="not equally")
def switches_to_argmax(ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float) -> torch.Tensor:
    """For small β spreads the probability evenly over the best responses that are allowed."""
    if beta >= 0.01:
        return (ref_log_probs + rewards / beta).log_softmax(-1)
    allowed = rewards.masked_fill(ref_log_probs == -torch.inf, -torch.inf)
    best = allowed == allowed.max(-1, keepdim=True).values
    return torch.where(best, 0.0, -torch.inf).to(ref_log_probs).log_softmax(-1)


@wrong("optimal_policy", caught_by="small_beta_takes_the_best_that_is_allowed", hint="never nan")
def divides_exponentials(ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float) -> torch.Tensor:
    """Divides overflowing weights: inf/inf."""
    weights = ref_log_probs.exp() * (rewards / beta).exp()
    return (weights / weights.sum(-1, keepdim=True)).log()


@wrong("optimal_policy", caught_by="large_beta_gives_the_reference", hint="Only r/β matters")
def normalises_the_rewards(ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float) -> torch.Tensor:
    """Standardises the rewards first, so that their scale is lost."""
    scaled = (rewards - rewards.mean(-1, keepdim=True)) / rewards.std(-1, keepdim=True)
    return (ref_log_probs + scaled / beta).log_softmax(-1)


# reward_from_policy ----------------------------------------------------------------------------------------------


@wrong("reward_from_policy", caught_by="inverts_the_optimal_policy", hint="multiplied by β as well")
def adds_log_z_without_beta(
    log_policy: torch.Tensor, ref_log_probs: torch.Tensor, beta: float, log_z: torch.Tensor
) -> torch.Tensor:
    """Adds log Z in nats to rewards."""
    return beta * (log_policy - ref_log_probs) + log_z[..., None]


@wrong("reward_from_policy", caught_by="inverts_the_optimal_policy", hint="log Z is missing")
def leaves_log_z_out(
    log_policy: torch.Tensor, ref_log_probs: torch.Tensor, beta: float, log_z: torch.Tensor
) -> torch.Tensor:
    """Returns the implicit reward of DPO, which is only known up to f(x)."""
    return beta * (log_policy - ref_log_probs)


@wrong("reward_from_policy", caught_by="inverts_the_optimal_policy", hint="you divide")
def divides_by_beta(
    log_policy: torch.Tensor, ref_log_probs: torch.Tensor, beta: float, log_z: torch.Tensor
) -> torch.Tensor:
    """Has β on the wrong side."""
    return (log_policy - ref_log_probs + log_z[..., None]) / beta


@wrong("reward_from_policy", caught_by="inverts_the_optimal_policy", hint="not π_ref/π")
def turns_the_ratio_round(
    log_policy: torch.Tensor, ref_log_probs: torch.Tensor, beta: float, log_z: torch.Tensor
) -> torch.Tensor:
    """Takes log π_ref − log π."""
    return beta * (ref_log_probs - log_policy + log_z[..., None])


@wrong("reward_from_policy", caught_by="inverts_the_optimal_policy", hint="you subtract it")
def subtracts_log_z(
    log_policy: torch.Tensor, ref_log_probs: torch.Tensor, beta: float, log_z: torch.Tensor
) -> torch.Tensor:
    """Has the sign of log Z wrong."""
    return beta * (log_policy - ref_log_probs - log_z[..., None])


@wrong("reward_from_policy", caught_by="adds_each_prompts_own_log_z", hint="along the row")
def lays_log_z_along_a_column(
    log_policy: torch.Tensor, ref_log_probs: torch.Tensor, beta: float, log_z: torch.Tensor
) -> torch.Tensor:
    """Adds log Z without a last dimension."""
    return beta * (log_policy - ref_log_probs + log_z)


@wrong("reward_from_policy", caught_by="works_on_log_probs_alone", hint="never the ratio")
def divides_probabilities(
    log_policy: torch.Tensor, ref_log_probs: torch.Tensor, beta: float, log_z: torch.Tensor
) -> torch.Tensor:
    """Takes the logarithm of a ratio of probabilities: 0/0."""
    return beta * ((log_policy.exp() / ref_log_probs.exp()).log() + log_z[..., None])


# monte_carlo_log_partition ---------------------------------------------------------------------------------------


@wrong("monte_carlo_log_partition", caught_by="averages_exp_r_over_beta", hint="by π_ref again")
def sums_the_samples_like_all_responses(
    ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float
) -> torch.Tensor:
    """Calls `log_partition` on the samples."""
    return (ref_log_probs + rewards / beta).logsumexp(-1)


@wrong("monte_carlo_log_partition", caught_by="averages_exp_r_over_beta", hint="π_ref twice")
def averages_with_pi_ref(ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float) -> torch.Tensor:
    """Weighs samples of π_ref by π_ref again, then divides by n."""
    return (ref_log_probs + rewards / beta).logsumexp(-1) - math.log(rewards.shape[-1])


@wrong("monte_carlo_log_partition", caught_by="averages_exp_r_over_beta", hint="normalised π_ref")
def normalises_pi_ref_over_the_samples(ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float) -> torch.Tensor:
    """Makes π_ref a distribution over the samples and weighs by it."""
    return (ref_log_probs.log_softmax(-1) + rewards / beta).logsumexp(-1)


@wrong("monte_carlo_log_partition", caught_by="averages_exp_r_over_beta", hint="subtract log n")
def forgets_log_n(ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float) -> torch.Tensor:
    """Sums instead of averaging."""
    return (rewards / beta).logsumexp(-1)


@wrong("monte_carlo_log_partition", caught_by="averages_exp_r_over_beta", hint="mean of r/β")
def averages_r_over_beta(ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float) -> torch.Tensor:
    """Takes the mean inside the logarithm of the exponential."""
    return (rewards / beta).mean(-1)


@wrong("monte_carlo_log_partition", caught_by="averages_exp_r_over_beta", hint="counts three times")
def drops_repeats(ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float) -> torch.Tensor:
    """Counts each reward once, however often it was drawn."""
    kept = rewards.unique() if rewards.ndim == 1 else rewards
    return (kept / beta).logsumexp(-1) - math.log(kept.shape[-1])


@wrong("monte_carlo_log_partition", caught_by="estimate_survives_large_rewards", hint="sum in logarithms")
def averages_exponentials(ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float) -> torch.Tensor:
    """Overflows."""
    return (rewards / beta).exp().mean(-1).log()


@wrong("monte_carlo_log_partition", caught_by="one_estimate_for_each_row", hint="n is the length of the last")
def takes_n_from_the_first_dimension(ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float) -> torch.Tensor:
    """Uses `len`, which is the number of rows."""
    return (rewards / beta).logsumexp(-1) - math.log(len(rewards))


@wrong("monte_carlo_log_partition", caught_by="one_estimate_for_each_row", hint="that dimension only")
def pools_all_rows(ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float) -> torch.Tensor:
    """Makes one estimate of all prompts."""
    return (rewards / beta).flatten().logsumexp(0) - math.log(rewards.numel())


# effective_sample_size -------------------------------------------------------------------------------------------


@wrong("effective_sample_size", caught_by="square_of_the_sum_over_sum_of_squares", hint="share ESS/n")
def returns_the_share(log_weights: torch.Tensor) -> torch.Tensor:
    """Divides by n."""
    ess = (2 * log_weights.logsumexp(-1) - (2 * log_weights).logsumexp(-1)).exp()
    return ess / log_weights.shape[-1]


@wrong("effective_sample_size", caught_by="square_of_the_sum_over_sum_of_squares", hint="Upside down")
def turns_the_fraction_round(log_weights: torch.Tensor) -> torch.Tensor:
    """Has the sum of squares on top."""
    return ((2 * log_weights).logsumexp(-1) - 2 * log_weights.logsumexp(-1)).exp()


@wrong("effective_sample_size", caught_by="square_of_the_sum_over_sum_of_squares", hint="you used the logarithms")
def forgets_to_exponentiate(log_weights: torch.Tensor) -> torch.Tensor:
    """Takes the logarithms for weights."""
    return log_weights.sum(-1) ** 2 / (log_weights**2).sum(-1)


@wrong("effective_sample_size", caught_by="square_of_the_sum_over_sum_of_squares", hint="exp(entropy)")
def exponentiates_the_entropy(log_weights: torch.Tensor) -> torch.Tensor:
    """Returns the perplexity of the weights."""
    log_p = log_weights.log_softmax(-1)
    return (-(log_p.exp() * log_p).nan_to_num(0.0).sum(-1)).exp()


@wrong("effective_sample_size", caught_by="square_of_the_sum_over_sum_of_squares", hint="Normalise first")
def forgets_to_normalise(log_weights: torch.Tensor) -> torch.Tensor:
    """Uses 1/Σw² on weights that do not add up to 1."""
    return 1 / (2 * log_weights).exp().sum(-1)


@wrong("effective_sample_size", caught_by="scale_of_the_weights_does_not_matter", hint="inf/inf is nan")
def overflows(log_weights: torch.Tensor) -> torch.Tensor:
    """Leaves the logarithms at once."""
    weights = log_weights.exp()
    return weights.sum(-1) ** 2 / (weights**2).sum(-1)


@wrong("effective_sample_size", caught_by="ess_of_each_row_with_weights_of_zero", hint="One number for each row")
def counts_the_whole_batch(log_weights: torch.Tensor) -> torch.Tensor:
    """Pools all rows."""
    flat = log_weights.flatten()
    return (2 * flat.logsumexp(0) - (2 * flat).logsumexp(0)).exp()


@wrong("effective_sample_size", caught_by="ess_of_each_row_with_weights_of_zero", hint="−inf is a weight of 0")
def fills_infinities_with_zero(log_weights: torch.Tensor) -> torch.Tensor:
    """Turns log-weights of −inf into 0, which are weights of 1."""
    finite = log_weights.nan_to_num(neginf=0.0)
    return (2 * finite.logsumexp(-1) - (2 * finite).logsumexp(-1)).exp()


# best_of_n_policy ------------------------------------------------------------------------------------------------


@wrong("best_of_n_policy", caught_by="best_of_n_without_ties", hint="subtract that all are worse")
def takes_the_cumulative(ref_log_probs: torch.Tensor, rewards: torch.Tensor, n: int) -> torch.Tensor:
    """Returns F^n: the chance that no draw is better."""
    if n < 1:
        raise ValueError("n")
    mine, other = rewards[..., :, None], rewards[..., None, :]
    return n * (ref_log_probs.exp()[..., None, :] * (other <= mine)).sum(-1).log()


@wrong("best_of_n_policy", caught_by="best_of_n_without_ties", hint="formula for densities")
def uses_the_density(ref_log_probs: torch.Tensor, rewards: torch.Tensor, n: int) -> torch.Tensor:
    """Uses n π F^(n−1), which holds only where no response has probability of its own."""
    if n < 1:
        raise ValueError("n")
    mine, other = rewards[..., :, None], rewards[..., None, :]
    upto = (ref_log_probs.exp()[..., None, :] * (other <= mine)).sum(-1)
    return (n * ref_log_probs.exp() * upto ** (n - 1)).log()


@wrong("best_of_n_policy", caught_by="best_of_n_without_ties", hint="may be drawn twice")
def lets_it_win_once(ref_log_probs: torch.Tensor, rewards: torch.Tensor, n: int) -> torch.Tensor:
    """Counts only draws in which the winner occurs a single time."""
    if n < 1:
        raise ValueError("n")
    mine, other = rewards[..., :, None], rewards[..., None, :]
    below = (ref_log_probs.exp()[..., None, :] * (other < mine)).sum(-1)
    return (n * ref_log_probs.exp() * below ** (n - 1)).log()


@wrong("best_of_n_policy", caught_by="best_of_n_without_ties", hint="does not just count them")
def draws_uniformly(ref_log_probs: torch.Tensor, rewards: torch.Tensor, n: int) -> torch.Tensor:
    """Ranks responses without weighing them by π_ref."""
    if n < 1:
        raise ValueError("n")
    mine, other = rewards[..., :, None], rewards[..., None, :]
    upto, below = (other <= mine).double().mean(-1), (other < mine).double().mean(-1)
    return (upto**n - below**n).log()


@wrong("best_of_n_policy", caught_by="best_of_n_without_ties", hint="worst of n")
def keeps_the_worst(ref_log_probs: torch.Tensor, rewards: torch.Tensor, n: int) -> torch.Tensor:
    """Turns the comparison round."""
    if n < 1:
        raise ValueError("n")
    mine, other, probs = rewards[..., :, None], rewards[..., None, :], ref_log_probs.exp()[..., None, :]
    above, equal = (probs * (other > mine)).sum(-1), (probs * (other == mine)).sum(-1)
    return ref_log_probs + (((above + equal) ** n - above**n) / equal).log()


@wrong("best_of_n_policy", caught_by="ties_share_as_the_reference_does", hint="Share it as π_ref does")
def gives_every_tie_the_whole(ref_log_probs: torch.Tensor, rewards: torch.Tensor, n: int) -> torch.Tensor:
    """Gives each of several equal responses what belongs to all of them."""
    if n < 1:
        raise ValueError("n")
    mine, other, probs = rewards[..., :, None], rewards[..., None, :], ref_log_probs.exp()[..., None, :]
    return ((probs * (other <= mine)).sum(-1) ** n - (probs * (other < mine)).sum(-1) ** n).log()


@wrong("best_of_n_policy", caught_by="ties_share_as_the_reference_does", hint="Share it as π_ref does")
def shares_ties_equally(ref_log_probs: torch.Tensor, rewards: torch.Tensor, n: int) -> torch.Tensor:
    """Divides by the number of equal responses."""
    if n < 1:
        raise ValueError("n")
    mine, other, probs = rewards[..., :, None], rewards[..., None, :], ref_log_probs.exp()[..., None, :]
    upto, below = (probs * (other <= mine)).sum(-1), (probs * (other < mine)).sum(-1)
    return ((upto**n - below**n) / (other == mine).sum(-1)).log()


@wrong("best_of_n_policy", caught_by="ties_share_as_the_reference_does", hint="Share it as π_ref does")
def breaks_ties_by_sorting(ref_log_probs: torch.Tensor, rewards: torch.Tensor, n: int) -> torch.Tensor:
    """Sorts by reward and sums up: of equal responses the last in the order gets most."""
    if n < 1:
        raise ValueError("n")
    order = rewards.argsort(dim=-1, stable=True)
    upto = ref_log_probs.gather(-1, order).exp().cumsum(-1)
    wins = upto**n - torch.nn.functional.pad(upto, (1, 0))[..., :-1] ** n
    return torch.zeros_like(rewards).scatter(-1, order, wins).log()


@wrong("best_of_n_policy", caught_by="best_of_many_and_of_one", hint="where π_ref is 0")
def divides_zero_by_zero(ref_log_probs: torch.Tensor, rewards: torch.Tensor, n: int) -> torch.Tensor:
    """Forgets that a forbidden response may tie with none: 0/0."""
    if n < 1:
        raise ValueError("n")
    mine, other, probs = rewards[..., :, None], rewards[..., None, :], ref_log_probs.exp()[..., None, :]
    below, equal = (probs * (other < mine)).sum(-1), (probs * (other == mine)).sum(-1)
    return ref_log_probs + (((below + equal) ** n - below**n) / equal).log()


@wrong("best_of_n_policy", caught_by="best_of_n_for_each_prompt", hint="same prompt only")
def lets_prompts_compete(ref_log_probs: torch.Tensor, rewards: torch.Tensor, n: int) -> torch.Tensor:
    """Compares the responses of all prompts with each other."""
    if n < 1:
        raise ValueError("n")
    r, p = rewards.flatten(), ref_log_probs.flatten().exp()
    below, equal = (p * (r < r[:, None])).sum(-1), (p * (r == r[:, None])).sum(-1)
    wins = ((below + equal) ** n - below**n) / equal
    return ref_log_probs + wins.log().view(rewards.shape)


@wrong("best_of_n_policy", caught_by="best_of_n_for_each_prompt", hint="below 1")
def takes_any_n(ref_log_probs: torch.Tensor, rewards: torch.Tensor, n: int) -> torch.Tensor:
    """Draws nothing and returns something."""
    mine, other, probs = rewards[..., :, None], rewards[..., None, :], ref_log_probs.exp()[..., None, :]
    below, equal = (probs * (other < mine)).sum(-1), (probs * (other == mine)).sum(-1)
    return ref_log_probs + (((below + equal) ** n - below**n) / equal).log()
