"""Named wrong answers of lab 04: mistakes that people make, the check that catches each, and a piece of its hint."""

# ruff: noqa: F821 - a wrong answer is pasted into the notebook, which defines the functions that it calls.

from __future__ import annotations

import math

import torch

from grader.checks import patched, wrong

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


@wrong("count_sequences", caught_by="counts_exactly_however_many", hint="floats overflow")
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


@wrong("count_sequences", caught_by="counts_responses_that_stop", hint="divides by V − 2")
def divides_by_v_minus_two(vocab_size: int, max_tokens: int, stops: bool = False) -> int:
    """Uses the geometric series for two tokens, too: 0/0."""
    if vocab_size < 1 or max_tokens < 0:
        raise ValueError("sizes")
    if not stops:
        return vocab_size**max_tokens
    return ((vocab_size - 1) ** (max_tokens + 1) - 1) // (vocab_size - 2)


@wrong("count_sequences", caught_by="counts_exactly_however_many", hint="calls itself ends")
def calls_itself_for_each_token(vocab_size: int, max_tokens: int, stops: bool = False) -> int:
    """Is right until Python's stack ends."""
    if vocab_size < 1 or max_tokens < 0:
        raise ValueError("sizes")
    if max_tokens == 0:
        return 1
    return stops + (vocab_size - stops) * count_sequences(vocab_size, max_tokens - 1, stops)


@wrong("count_sequences", caught_by="counts_exactly_however_many", hint="int64 ends at 2^63")
def multiplies_in_int64(vocab_size: int, max_tokens: int, stops: bool = False) -> int:
    """Lets torch multiply."""
    if vocab_size < 1 or max_tokens < 0:
        raise ValueError("sizes")
    powers = torch.full((max_tokens,), vocab_size - stops).cumprod(0)
    if stops:
        return 1 + int(powers.sum())
    return int(powers[-1]) if max_tokens else 1


refuses_no_tokens = patched(
    "count_sequences",
    "max_tokens < 0",
    "max_tokens < 1",
    caught_by="counts_v_to_the_t",
    hint="the empty one",
    mistake="Takes T = 0 for nonsense.",
)
refuses_one_token = patched(
    "count_sequences",
    "vocab_size < 1",
    "vocab_size <= 1",
    caught_by="counts_responses_that_stop",
    hint="no error there",
    mistake="Takes V = 1 for nonsense.",
)
refuses_nothing_that_stops = patched(
    "count_sequences",
    "if vocab_size < 1 or max_tokens < 0:",
    "if not stops and (vocab_size < 1 or max_tokens < 0):",
    caught_by="counts_exactly_however_many",
    hint="with `stops` and without",
    mistake="Looks at its arguments in one branch only.",
)
returns_a_float = patched(
    "count_sequences",
    "return ended + (vocab_size - 1) ** max_tokens",
    "return float(ended + (vocab_size - 1) ** max_tokens)",
    caught_by="counts_responses_that_stop",
    hint="Return an int",
    mistake="Returns a float of the right size.",
)

# sequence_log_probs ----------------------------------------------------------------------------------------------


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


extends_ended_texts = patched(
    "sequence_log_probs",
    "ended = ids[:, -1] == eos_id",
    "ended = torch.zeros(len(ids), dtype=torch.bool)",
    caught_by="lists_each_response_once",
    hint="one continuation only",
    mistake="Lets texts go on after EOS.",
)
keeps_the_prompt = patched(
    "sequence_log_probs",
    "return ids[:, prompt.shape[1] :], log_probs",
    "return ids, log_probs",
    caught_by="lists_each_response_once",
    hint="without the prompt",
    mistake="Returns the whole texts.",
)
pads_with_zero = patched(
    "sequence_log_probs",
    "return ids[:, prompt.shape[1] :], log_probs",
    "ids = ids[:, prompt.shape[1] :]\n    return ids * ((ids == eos_id).cumsum(-1) <= 1), log_probs",
    caught_by="lists_each_response_once",
    hint="after the first EOS comes EOS",
    mistake="Fills up with token 0.",
)
charges_the_filling = patched(
    "sequence_log_probs",
    "step.masked_fill(ended[:, None], 0.0)",
    "step",
    caught_by="adds_up_the_log_probs_of_its_tokens",
    hint="filling after the first EOS",
    mistake="Adds the log-prob of every EOS of the filling.",
)
ends_for_nothing = patched(
    "sequence_log_probs",
    "step.masked_fill(ended[:, None], 0.0)",
    "step.index_fill(1, torch.tensor(eos_id), 0.0)",
    caught_by="adds_up_the_log_probs_of_its_tokens",
    hint="Ending is a choice",
    mistake="Leaves the first EOS out of the sum, together with the filling.",
)
adds_logits = patched(
    "sequence_log_probs",
    ".double().log_softmax(-1)",
    ".double()",
    caught_by="adds_up_the_log_probs_of_its_tokens",
    hint="`log_softmax` of the logits",
    mistake="Takes logits for log-probs.",
)
rounds_before_it_adds = patched(
    "sequence_log_probs",
    ".double().log_softmax(-1)",
    ".log_softmax(-1).double()",
    caught_by="adds_up_the_log_probs_of_its_tokens",
    hint="what was rounded does not come back",
    mistake="Computes the log-softmax in the model's precision.",
)
leaves_the_logarithms = patched(
    "sequence_log_probs",
    ".log_softmax(-1)",
    ".softmax(-1).log()",
    caught_by="adds_up_the_log_probs_of_its_tokens",
    hint="No `exp` on the way",
    mistake="Takes the logarithm of probabilities that are 0 as floats.",
)
shows_the_last_token_alone = patched(
    "sequence_log_probs",
    "step = model(ids)",
    "step = model(ids[:, -1:])",
    caught_by="adds_up_the_log_probs_of_its_tokens",
    hint="not its last token alone",
    mistake="Forgets the context.",
)
shows_the_prompt_once = patched(
    "sequence_log_probs",
    "step = model(ids)",
    "step = model(ids if ids.shape[1] == prompt.shape[1] else ids[:, prompt.shape[1] :])",
    caught_by="adds_up_the_log_probs_of_its_tokens",
    hint="prompt included",
    mistake="Gives the model the new tokens alone.",
)
returns_float32 = patched(
    "sequence_log_probs",
    "prompt.shape[1] :], log_probs",
    "prompt.shape[1] :], log_probs.float()",
    caught_by="adds_up_the_log_probs_of_its_tokens",
    hint="log-probs float64",
    mistake="Returns another dtype.",
)
returns_a_list = patched(
    "sequence_log_probs",
    "return ids[:, prompt.shape[1] :], log_probs",
    "return [ids[:, prompt.shape[1] :], log_probs]",
    caught_by="adds_up_the_log_probs_of_its_tokens",
    hint="a tuple of two tensors",
    mistake="Returns a list of two.",
)
ends_with_the_prompt = patched(
    "sequence_log_probs",
    "torch.tensor([False])",
    "prompt[:, -1] == eos_id",
    caught_by="eos_in_the_prompt_ends_nothing",
    hint="No text has ended at the start",
    mistake="Takes an EOS of the prompt for the end of the response.",
)
asks_for_the_vocabulary_first = patched(
    "sequence_log_probs",
    "    for _ in range(max_new_tokens):",
    "    model(prompt)\n    for _ in range(max_new_tokens):",
    caught_by="one_batch_for_each_step",
    hint="once more than there are steps",
    mistake="Calls the model once for the size of its vocabulary.",
)

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


clamps_terms_at_zero = patched(
    "kl_divergence",
    "    return terms.masked_fill",
    "    terms = terms.clamp(min=0)\n    return terms.masked_fill",
    caught_by="kl_weighs_by_its_first_argument",
    hint="do not clamp",
    mistake="Allows no negative terms.",
)
works_in_float32 = patched(
    "kl_divergence",
    "    terms = log_p",
    "    log_p, log_q = log_p.float(), log_q.float()\n    terms = log_p",
    caught_by="kl_weighs_by_its_first_argument",
    hint="seven digits",
    mistake="Computes and returns float32.",
)
returns_a_float_for_one_row = patched(
    "kl_divergence",
    ".sum(-1)",
    ".sum(-1).tolist()",
    caught_by="kl_weighs_by_its_first_argument",
    hint="Return a tensor",
    mistake="Returns floats of Python.",
)
sums_the_second_dimension = patched(
    "kl_divergence",
    ".sum(-1)",
    ".sum(min(1, log_p.ndim - 1))",
    caught_by="kl_of_each_row",
    hint="over the last dimension",
    mistake="Takes every batch for two-dimensional.",
)
squeezes_what_comes_back = patched(
    "kl_divergence",
    ".sum(-1)",
    ".sum(-1).squeeze()",
    caught_by="kl_of_each_row",
    hint="One number for each row",
    mistake="Loses the dimension of a batch of one.",
)
clears_its_arguments = patched(
    "kl_divergence",
    "    terms = log_p",
    "    log_q[log_p == -torch.inf] = 0.0\n    terms = log_p",
    caught_by="kl_with_probabilities_of_zero",
    hint="Return a new value",
    mistake="Sets log q to 0 in place where p is 0.",
)
goes_through_probabilities = patched(
    "kl_divergence",
    "log_p.exp() * (log_p - log_q)",
    "log_p.exp() * (log_p.exp().log() - log_q.exp().log())",
    caught_by="kl_with_probabilities_of_zero",
    hint="e^−900",
    mistake="Takes the logarithm of probabilities that are 0 as floats.",
)


@wrong("kl_divergence", caught_by="kl_with_probabilities_of_zero", hint="work with what you are given")
def trusts_a_categorical(log_p: torch.Tensor, log_q: torch.Tensor) -> torch.Tensor:
    """`torch.distributions` takes a q of e^−900 for 0."""
    made = torch.distributions.Categorical
    return torch.distributions.kl_divergence(made(logits=log_p), made(logits=log_q))


@wrong("kl_divergence", caught_by="kl_with_probabilities_of_zero", hint="in that row alone")
def spreads_infinity(log_p: torch.Tensor, log_q: torch.Tensor) -> torch.Tensor:
    """Makes all rows infinite when one is."""
    if ((log_q == -torch.inf) & (log_p > -torch.inf)).any():
        return torch.full(log_p.shape[:-1], torch.inf, dtype=torch.float64)
    return (log_p.exp() * (log_p - log_q)).masked_fill(log_p == -torch.inf, 0.0).sum(-1)


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


@wrong("kl_objective", caught_by="objective_of_each_prompt", hint="over no other")
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


scales_all_by_beta = patched(
    "kl_objective",
    "return (log_policy.exp() * rewards).sum(-1) - beta * kl_divergence(log_policy, ref_log_probs)",
    "return beta * ((log_policy.exp() * rewards).sum(-1) - kl_divergence(log_policy, ref_log_probs))",
    caught_by="reward_minus_beta_kl",
    hint="β multiplies the KL alone",
    mistake="Multiplies the reward by β, too.",
)
forgets_the_leash = patched(
    "kl_objective",
    " - beta * kl_divergence(log_policy, ref_log_probs)",
    "",
    caught_by="reward_minus_beta_kl",
    hint="The leash is missing",
    mistake="Expects the reward and nothing else.",
)
gives_one_number_a_response = patched(
    "kl_objective",
    "(log_policy.exp() * rewards).sum(-1) - beta * kl_divergence(log_policy, ref_log_probs)",
    "log_policy.exp() * (rewards - beta * (log_policy - ref_log_probs))",
    caught_by="reward_minus_beta_kl",
    hint="One row gives one number",
    mistake="Does not sum.",
)
averages_the_prompts = patched(
    "kl_objective",
    "(log_policy.exp() * rewards).sum(-1) - beta * kl_divergence(log_policy, ref_log_probs)",
    "((log_policy.exp() * rewards).sum(-1) - beta * kl_divergence(log_policy, ref_log_probs)).mean()",
    caught_by="objective_of_each_prompt",
    hint="One number for each row",
    mistake="Takes the mean over the batch, as a loss would.",
)
subtracts_in_place = patched(
    "kl_objective",
    "    return (log_policy.exp() * rewards)",
    "    rewards.mul_(log_policy.exp())\n    return (rewards)",
    caught_by="objective_of_each_prompt",
    hint="Return a new value",
    mistake="Multiplies the rewards in place.",
)
bounds_the_policy_in_place = patched(
    "kl_objective",
    "    return (log_policy",
    "    log_policy.clamp_(min=-1e30)\n    return (log_policy",
    caught_by="objective_with_forbidden_responses",
    hint="Return a new value",
    mistake="Replaces −inf in place.",
)

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


puts_beta_into_float32 = patched(
    "log_partition",
    "rewards / beta",
    "rewards / torch.tensor([float(beta)])",
    caught_by="weighs_exp_r_over_beta_by_the_reference",
    hint="float64 to the end",
    mistake="Makes β a float32 tensor, which rounds it.",
)
takes_one_maximum_for_all_rows = patched(
    "log_partition",
    "return (ref_log_probs + rewards / beta).logsumexp(-1)",
    "terms = ref_log_probs + rewards / beta\n    return terms.max() + (terms - terms.max()).exp().sum(-1).log()",
    caught_by="stays_finite_at_rewards_of_ten_thousand",
    hint="Each row needs its own maximum",
    mistake="Takes the largest term of the whole batch out: other rows are 0.",
)
bounds_r_over_beta = patched(
    "log_partition",
    "rewards / beta",
    "(rewards / beta).clamp(-5000, 5000)",
    caught_by="stays_finite_at_rewards_of_ten_thousand",
    hint="it is the range",
    mistake="Cuts r/β off, so that `exp` never overflows.",
)
divides_in_place = patched(
    "log_partition",
    "rewards / beta",
    "rewards.div_(beta)",
    caught_by="z_belongs_to_the_prompt",
    hint="Return a new value",
    mistake="Divides the rewards of the caller.",
)
divides_one_row_in_place = patched(
    "log_partition",
    "    return (ref_log_probs",
    "    if rewards.ndim == 1:\n        rewards /= beta\n        beta = 1\n    return (ref_log_probs",
    caught_by="z_belongs_to_the_prompt",
    hint="Return a new value",
    mistake="Divides in place in one branch only.",
)
keeps_the_last_dimension = patched(
    "log_partition",
    ".logsumexp(-1)",
    ".logsumexp(-1, keepdim=True)",
    caught_by="z_belongs_to_the_prompt",
    hint="Z depends on x, not on y",
    mistake="Keeps a dimension of one.",
)
bounds_beta_from_below = patched(
    "log_partition",
    "rewards / beta",
    "rewards / max(beta, 1e-6)",
    caught_by="refuses_beta_that_is_not_positive",
    hint="no lower bound",
    mistake="Takes small prices for a division by 0.",
)
asserts = patched(
    "log_partition",
    '        raise ValueError(f"beta must be above 0, found {beta}")',
    "        raise AssertionError(beta)",
    caught_by="refuses_beta_that_is_not_positive",
    hint="no other error",
    mistake="Raises another error.",
)

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


@wrong("optimal_policy", caught_by="small_beta_takes_the_best_that_is_allowed", hint="no lower bound")
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


@wrong("optimal_policy", caught_by="small_beta_takes_the_best_that_is_allowed", hint="leave the logarithms nowhere")
def divides_exponentials(ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float) -> torch.Tensor:
    """Divides overflowing weights: inf/inf."""
    weights = ref_log_probs.exp() * (rewards / beta).exp()
    return (weights / weights.sum(-1, keepdim=True)).log()


@wrong("optimal_policy", caught_by="large_beta_gives_the_reference", hint="Only r/β matters")
def normalises_the_rewards(ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float) -> torch.Tensor:
    """Standardises the rewards first, so that their scale is lost."""
    scaled = (rewards - rewards.mean(-1, keepdim=True)) / rewards.std(-1, keepdim=True)
    return (ref_log_probs + scaled / beta).log_softmax(-1)


policy_in_float32 = patched(
    "optimal_policy",
    "return ref_log_probs + rewards / beta - log_partition(ref_log_probs, rewards, beta)[..., None]",
    "return (ref_log_probs + rewards / beta).float().log_softmax(-1)",
    caught_by="tilts_the_reference_by_the_reward",
    hint="seven digits",
    mistake="Returns float32.",
)
tilts_the_reference_in_place = patched(
    "optimal_policy",
    "return ref_log_probs + rewards / beta - log_partition(ref_log_probs, rewards, beta)[..., None]",
    "ref_log_probs += rewards / beta\n    return ref_log_probs.log_softmax(-1)",
    caught_by="each_prompt_has_its_own_z",
    hint="Return a new value",
    mistake="Adds to what it is given.",
)
normalises_columns = patched(
    "optimal_policy",
    "return ref_log_probs + rewards / beta - log_partition(ref_log_probs, rewards, beta)[..., None]",
    "return (ref_log_probs + rewards / beta).log_softmax(0)",
    caught_by="each_prompt_has_its_own_z",
    hint="its own row",
    mistake="Normalises over the prompts.",
)
takes_logs_of_a_softmax = patched(
    "optimal_policy",
    "return ref_log_probs + rewards / beta - log_partition(ref_log_probs, rewards, beta)[..., None]",
    "return (ref_log_probs + rewards / beta).softmax(-1).log()",
    caught_by="small_beta_takes_the_best_that_is_allowed",
    hint="`log_softmax` keeps",
    mistake="Loses probabilities that are 0 as floats.",
)
shifts_by_one_maximum = patched(
    "optimal_policy",
    "return ref_log_probs + rewards / beta - log_partition(ref_log_probs, rewards, beta)[..., None]",
    """shifted = ref_log_probs + rewards / beta
    shifted = shifted - shifted.max()
    return shifted - shifted.exp().sum(-1, keepdim=True).log()""",
    caught_by="small_beta_takes_the_best_that_is_allowed",
    hint="Each row needs its own maximum",
    mistake="Takes the largest term of the whole batch out: other rows are 0.",
)
replaces_infinities = patched(
    "optimal_policy",
    "return ref_log_probs + rewards / beta - log_partition(ref_log_probs, rewards, beta)[..., None]",
    "return (ref_log_probs + rewards / beta).log_softmax(-1).nan_to_num(neginf=-1e9)",
    caught_by="small_beta_takes_the_best_that_is_allowed",
    hint="What π_ref forbids stays forbidden",
    mistake="Returns large numbers in the place of −inf.",
)
gives_back_the_reference = patched(
    "optimal_policy",
    "return ref_log_probs + rewards / beta - log_partition(ref_log_probs, rewards, beta)[..., None]",
    "if beta > 1e5:\n        return ref_log_probs\n    return (ref_log_probs + rewards / beta).log_softmax(-1)",
    caught_by="large_beta_gives_the_reference",
    hint="nothing else",
    mistake="Takes a huge β for an infinite one.",
)

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


@wrong("reward_from_policy", caught_by="adds_each_prompts_own_log_z", hint="its own row")
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


rewards_in_float32 = patched(
    "reward_from_policy",
    "return beta * (log_policy - ref_log_probs + log_z[..., None])",
    "return beta * (log_policy - ref_log_probs + log_z[..., None]).float()",
    caught_by="inverts_the_optimal_policy",
    hint="seven digits",
    mistake="Returns float32.",
)
takes_every_batch_for_a_table = patched(
    "reward_from_policy",
    "log_z[..., None]",
    "log_z.reshape(-1, 1)",
    caught_by="inverts_the_optimal_policy",
    hint="log Z belongs to the prompt",
    mistake="Makes log Z a column: one row becomes a table.",
)
subtracts_in_the_callers_tensor = patched(
    "reward_from_policy",
    "return beta * (log_policy - ref_log_probs + log_z[..., None])",
    "log_policy -= ref_log_probs\n    return beta * (log_policy + log_z[..., None])",
    caught_by="adds_each_prompts_own_log_z",
    hint="Return a new value",
    mistake="Subtracts in place.",
)
adds_the_first_log_z = patched(
    "reward_from_policy",
    "log_z[..., None]",
    "log_z.flatten()[0]",
    caught_by="adds_each_prompts_own_log_z",
    hint="along the row",
    mistake="Gives all prompts the Z of the first.",
)
takes_the_log_of_the_ratio = patched(
    "reward_from_policy",
    "return beta * (log_policy - ref_log_probs + log_z[..., None])",
    "return beta * ((log_policy - ref_log_probs).exp().log() + log_z[..., None])",
    caught_by="works_on_log_probs_alone",
    hint="leaves the range of floats",
    mistake="Leaves the logarithms and comes back.",
)
takes_the_log_of_z = patched(
    "reward_from_policy",
    "return beta * (log_policy - ref_log_probs + log_z[..., None])",
    "return beta * (log_policy - ref_log_probs + log_z.exp().log()[..., None])",
    caught_by="works_on_log_probs_alone",
    hint="log Z is added as it is",
    mistake="Makes Z of log Z on the way.",
)
bounds_the_log_ratio = patched(
    "reward_from_policy",
    "return beta * (log_policy - ref_log_probs + log_z[..., None])",
    "return beta * ((log_policy - ref_log_probs).clamp(-500, 500) + log_z[..., None])",
    caught_by="works_on_log_probs_alone",
    hint="no bounds",
    mistake="Cuts the log-ratio off.",
)

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


divides_by_n_minus_one = patched(
    "monte_carlo_log_partition",
    "math.log(rewards.shape[-1])",
    "math.log(max(rewards.shape[-1] - 1, 1))",
    caught_by="averages_exp_r_over_beta",
    hint="minus log n",
    mistake="Takes the mean for a variance.",
)
takes_log_n_in_float32 = patched(
    "monte_carlo_log_partition",
    "math.log(rewards.shape[-1])",
    "torch.tensor(rewards.shape[-1]).log()",
    caught_by="averages_exp_r_over_beta",
    hint="float64 to the end",
    mistake="Takes the logarithm of an int64 tensor, which is float32.",
)
takes_the_best_sample = patched(
    "monte_carlo_log_partition",
    "return (rewards / beta).logsumexp(-1) - math.log(rewards.shape[-1])",
    "return (rewards / beta).amax(-1)",
    caught_by="averages_exp_r_over_beta",
    hint="logsumexp of r/β",
    mistake="Takes the limit β → 0.",
)
takes_one_maximum_for_the_batch = patched(
    "monte_carlo_log_partition",
    "return (rewards / beta).logsumexp(-1) - math.log(rewards.shape[-1])",
    "top = (rewards / beta).max()\n    return top + (rewards / beta - top).exp().mean(-1).log()",
    caught_by="estimate_survives_large_rewards",
    hint="Each row needs its own maximum",
    mistake="Takes the largest reward of the whole batch out: rows far apart become −inf.",
)
takes_the_maximum_over_rows = patched(
    "monte_carlo_log_partition",
    "return (rewards / beta).logsumexp(-1) - math.log(rewards.shape[-1])",
    """top = (rewards / beta).amax(0, keepdim=True)
    return (top + (rewards / beta - top).exp().mean(-1, keepdim=True).log())[..., 0]""",
    caught_by="estimate_survives_large_rewards",
    hint="Each row needs its own maximum",
    mistake="Takes the maximum over the prompts: right for one row only.",
)
divides_the_rewards_in_place = patched(
    "monte_carlo_log_partition",
    "(rewards / beta)",
    "rewards.div_(beta)",
    caught_by="one_estimate_for_each_row",
    hint="Return a new value",
    mistake="Divides the rewards of the caller.",
)
takes_n_from_the_second_dimension = patched(
    "monte_carlo_log_partition",
    "math.log(rewards.shape[-1])",
    "math.log(rewards.shape[min(1, rewards.ndim - 1)])",
    caught_by="one_estimate_for_each_row",
    hint="n is the length of the last",
    mistake="Takes every batch for two-dimensional.",
)

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


returns_log_ess = patched(
    "effective_sample_size",
    ".exp()",
    "",
    caught_by="square_of_the_sum_over_sum_of_squares",
    hint="`exp` comes last",
    mistake="Returns log ESS.",
)
rounds_to_whole_samples = patched(
    "effective_sample_size",
    ".exp()",
    ".exp().round()",
    caught_by="square_of_the_sum_over_sum_of_squares",
    hint="(Σ w)² / Σ w²",
    mistake="Counts whole samples.",
)
squares_the_largest_share = patched(
    "effective_sample_size",
    "return (2 * log_weights.logsumexp(-1) - (2 * log_weights).logsumexp(-1)).exp()",
    "return 1 / log_weights.softmax(-1).amax(-1)",
    caught_by="square_of_the_sum_over_sum_of_squares",
    hint="Σw/max w",
    mistake="Divides by the largest weight.",
)
scales_all_rows_alike = patched(
    "effective_sample_size",
    "return (2 * log_weights.logsumexp(-1) - (2 * log_weights).logsumexp(-1)).exp()",
    "w = (log_weights - log_weights.max()).exp()\n    return w.sum(-1) ** 2 / (w * w).sum(-1)",
    caught_by="scale_of_the_weights_does_not_matter",
    hint="Each row needs its own maximum",
    mistake="Takes the largest weight of the whole batch out: 0/0 in other rows.",
)
bounds_log_weights = patched(
    "effective_sample_size",
    "return (2 * log_weights.logsumexp(-1) - (2 * log_weights).logsumexp(-1)).exp()",
    "w = log_weights.clamp(-300, 300).exp()\n    return w.sum(-1) ** 2 / (w * w).sum(-1)",
    caught_by="scale_of_the_weights_does_not_matter",
    hint="it is the range",
    mistake="Cuts log-weights off, so that `exp` never overflows.",
)
shifts_in_place = patched(
    "effective_sample_size",
    "return (2 * log_weights",
    """log_weights -= log_weights.amax(-1, keepdim=True)
    return (2 * log_weights""",
    caught_by="ess_of_each_row_with_weights_of_zero",
    hint="Return a new value",
    mistake="Shifts what it is given.",
)
shifts_by_the_mean = patched(
    "effective_sample_size",
    "return (2 * log_weights.logsumexp(-1) - (2 * log_weights).logsumexp(-1)).exp()",
    "w = (log_weights - log_weights.mean(-1, keepdim=True)).exp()\n    return w.sum(-1) ** 2 / (w * w).sum(-1)",
    caught_by="ess_of_each_row_with_weights_of_zero",
    hint="where does it meet another −inf",
    mistake="Shifts by the mean, which is −inf where a weight is 0.",
)

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


draws_a_thousand_at_most = patched(
    "best_of_n_policy",
    "    mine, other, probs",
    "    n = min(n, 1024)\n    mine, other, probs",
    caught_by="best_of_n_without_ties",
    hint="as many as they are",
    mistake="Cuts n off.",
)
adds_an_epsilon_to_the_mass = patched(
    "best_of_n_policy",
    " / equal\n",
    " / (equal + 1e-12)\n",
    caught_by="best_of_n_without_ties",
    hint="no ε is small",
    mistake="Guards the division with a number that is not small beside rare responses.",
)
draws_once = patched(
    "best_of_n_policy",
    "    mine, other, probs",
    "    n = 1\n    mine, other, probs",
    caught_by="best_of_n_without_ties",
    hint="n draws are n powers",
    mistake="Returns π_ref.",
)
ties_what_is_close = patched(
    "best_of_n_policy",
    "(other == mine)",
    "torch.isclose(other, mine)",
    caught_by="ties_share_as_the_reference_does",
    hint="nearly equal are not equal",
    mistake="Takes nearly equal rewards for ties.",
)
looks_at_minus_infinity_only = patched(
    "best_of_n_policy",
    "masked_fill(equal == 0,",
    "masked_fill(ref_log_probs == -torch.inf,",
    caught_by="best_of_many_and_of_one",
    hint="where π_ref is 0",
    mistake="Forgets that exp(−800) is 0: 0/0.",
)
turns_nan_into_zero = patched(
    "best_of_n_policy",
    ".masked_fill(equal == 0, -torch.inf)",
    ".nan_to_num(0.0, neginf=-torch.inf)",
    caught_by="best_of_many_and_of_one",
    hint="takes no part in F",
    mistake="Turns nan into a log-prob of 0.",
)
returns_what_it_was_given = patched(
    "best_of_n_policy",
    "    mine, other, probs",
    "    if n == 1:\n        return ref_log_probs\n    mine, other, probs",
    caught_by="best_of_many_and_of_one",
    hint="Return a copy",
    mistake="Returns its argument for one draw.",
)
refuses_no_draws_only = patched(
    "best_of_n_policy",
    "n < 1",
    "n == 0",
    caught_by="best_of_n_for_each_prompt",
    hint="below 1",
    mistake="Lets negative numbers of draws through.",
)
adds_to_the_reference = patched(
    "best_of_n_policy",
    "    return (ref_log_probs + wins.log())",
    "    ref_log_probs += wins.log()\n    return ref_log_probs",
    caught_by="best_of_n_for_each_prompt",
    hint="Return a new value",
    mistake="Adds in place.",
)
