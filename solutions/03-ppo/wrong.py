"""Named wrong answers of lab 03: mistakes that people make, the check that catches each, and a piece of its hint."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from trl import PPOConfig
from trl.core import LengthSampler

from grader.checks import patched, wrong

# build_queries ---------------------------------------------------------------------------------------------------


@wrong("build_queries", caught_by="long_reviews_are_kept_in_order", hint="*More than* 200")
def keeps_exactly_200(columns: dict, tokenizer: object, low: int = 2, high: int = 8, seed: int = 0) -> dict:
    """>= for >."""
    reviews = [text for text in columns["text"] if len(text) >= 200]
    np.random.seed(seed)
    length = LengthSampler(low, high)
    ids = [tokenizer.encode(review)[: length()] for review in reviews]
    return {"review": reviews, "input_ids": ids, "query": [tokenizer.decode(row) for row in ids]}


@wrong("build_queries", caught_by="long_reviews_are_kept_in_order", hint="The columns are")
def keeps_the_label(columns: dict, tokenizer: object, low: int = 2, high: int = 8, seed: int = 0) -> dict:
    """Does not drop the other columns."""
    kept = [(text, label) for text, label in zip(columns["text"], columns["label"], strict=True) if len(text) > 200]
    np.random.seed(seed)
    length = LengthSampler(low, high)
    ids = [tokenizer.encode(text)[: length()] for text, _ in kept]
    queries = [tokenizer.decode(row) for row in ids]
    return {"review": [t for t, _ in kept], "label": [label for _, label in kept], "input_ids": ids, "query": queries}


@wrong("build_queries", caught_by="long_reviews_are_kept_in_order", hint="not tokens")
def filters_by_tokens(columns: dict, tokenizer: object, low: int = 2, high: int = 8, seed: int = 0) -> dict:
    """Takes 200 for a number of tokens."""
    reviews = [text for text in columns["text"] if len(tokenizer.encode(text)) > 200]
    np.random.seed(seed)
    length = LengthSampler(low, high)
    ids = [tokenizer.encode(review)[: length()] for review in reviews]
    return {"review": reviews, "input_ids": ids, "query": [tokenizer.decode(row) for row in ids]}


@wrong("build_queries", caught_by="lengths_come_from_the_sampler", hint="Draw after the filter")
def draws_before_the_filter(columns: dict, tokenizer: object, low: int = 2, high: int = 8, seed: int = 0) -> dict:
    """Draws a length for every review, dropped ones too."""
    np.random.seed(seed)
    length = LengthSampler(low, high)
    drawn = [(text, length()) for text in columns["text"]]
    kept = [(text, n) for text, n in drawn if len(text) > 200]
    ids = [tokenizer.encode(text)[:n] for text, n in kept]
    return {"review": [t for t, _ in kept], "input_ids": ids, "query": [tokenizer.decode(row) for row in ids]}


@wrong("build_queries", caught_by="lengths_come_from_the_sampler", hint="One draw for all")
def draws_once(columns: dict, tokenizer: object, low: int = 2, high: int = 8, seed: int = 0) -> dict:
    """Calls the sampler outside the loop."""
    reviews = [text for text in columns["text"] if len(text) > 200]
    np.random.seed(seed)
    size = LengthSampler(low, high)()
    ids = [tokenizer.encode(review)[:size] for review in reviews]
    return {"review": reviews, "input_ids": ids, "query": [tokenizer.decode(row) for row in ids]}


@wrong("build_queries", caught_by="lengths_come_from_the_sampler", hint="stops before high")
def includes_the_upper_end(columns: dict, tokenizer: object, low: int = 2, high: int = 8, seed: int = 0) -> dict:
    """Believes that LengthSampler(2, 8) yields 8 as well, and mends it."""
    reviews = [text for text in columns["text"] if len(text) > 200]
    np.random.seed(seed)
    length = LengthSampler(low, high + 1)
    ids = [tokenizer.encode(review)[: length()] for review in reviews]
    return {"review": reviews, "input_ids": ids, "query": [tokenizer.decode(row) for row in ids]}


@wrong("build_queries", caught_by="lengths_come_from_the_sampler", hint="np.random.seed(seed)")
def forgets_the_seed(columns: dict, tokenizer: object, low: int = 2, high: int = 8, seed: int = 0) -> dict:
    """Seeds with a number of its own: every seed gives the same queries."""
    reviews = [text for text in columns["text"] if len(text) > 200]
    np.random.seed(1234)
    length = LengthSampler(low, high)
    ids = [tokenizer.encode(review)[: length()] for review in reviews]
    return {"review": reviews, "input_ids": ids, "query": [tokenizer.decode(row) for row in ids]}


@wrong("build_queries", caught_by="lengths_come_from_the_sampler", hint="not the characters")
def cuts_characters(columns: dict, tokenizer: object, low: int = 2, high: int = 8, seed: int = 0) -> dict:
    """Cuts the text before it is tokenized."""
    reviews = [text for text in columns["text"] if len(text) > 200]
    np.random.seed(seed)
    length = LengthSampler(low, high)
    ids = [tokenizer.encode(review[: length()]) for review in reviews]
    return {"review": reviews, "input_ids": ids, "query": [tokenizer.decode(row) for row in ids]}


@wrong("build_queries", caught_by="lengths_come_from_the_sampler", hint="Cut the tokens, not the words")
def cuts_words(columns: dict, tokenizer: object, low: int = 2, high: int = 8, seed: int = 0) -> dict:
    """Takes words for tokens."""
    reviews = [text for text in columns["text"] if len(text) > 200]
    np.random.seed(seed)
    length = LengthSampler(low, high)
    ids = [tokenizer.encode(" ".join(review.split(" ")[: length()])) for review in reviews]
    return {"review": reviews, "input_ids": ids, "query": [tokenizer.decode(row) for row in ids]}


@wrong("build_queries", caught_by="a_query_is_its_tokens_in_words", hint="not the same number of characters")
def reads_the_query_off_the_text(
    columns: dict, tokenizer: object, low: int = 2, high: int = 8, seed: int = 0
) -> dict:  # fmt: skip
    """Right tokens, but the query is as many characters of the review."""
    reviews = [text for text in columns["text"] if len(text) > 200]
    np.random.seed(seed)
    length = LengthSampler(low, high)
    ids = [tokenizer.encode(review)[: length()] for review in reviews]
    return {"review": reviews, "input_ids": ids, "query": [t[: len(i)] for t, i in zip(reviews, ids, strict=True)]}


counts_bytes = patched(
    "build_queries", "if len(text) > 200", "if len(text.encode()) > 200",
    caught_by="a_query_is_its_tokens_in_words", hint="not of bytes",
    mistake="200 bytes of UTF-8",
)  # fmt: skip
forgets_repetitions = patched(
    "build_queries", 'text for text in columns["text"] if', 'text for text in dict.fromkeys(columns["text"]) if',
    caught_by="a_query_is_its_tokens_in_words", hint="stays there twice",
    mistake="Keeps each text once",
)  # fmt: skip
strips_the_texts = patched(
    "build_queries",
    '[text for text in columns["text"] if len(text) > 200]',
    '[t for t in map(str.strip, columns["text"]) if len(t) > 200]',
    caught_by="a_query_is_its_tokens_in_words", hint="no strip",
    mistake="Strips spaces at the ends",
)  # fmt: skip
takes_the_label_out = patched(
    "build_queries",
    'reviews = [text for text in columns["text"]',
    'columns.pop("label")\n    reviews = [text for text in columns["text"]',
    caught_by="long_reviews_are_kept_in_order", hint="changes `columns`",
    mistake="Changes what it is given",
)  # fmt: skip
always_2_to_8 = patched(
    "build_queries", "= LengthSampler(low, high)", "= LengthSampler(2, 8)",
    caught_by="lengths_come_from_the_sampler", hint="low and high are not used",
    mistake="The defaults, hard-wired",
)  # fmt: skip


# make_config -----------------------------------------------------------------------------------------------------


@wrong("make_config", caught_by="kl_coefficient_stays_fixed", hint="adap_kl_ctrl=False")
def leaves_the_controller_on(
    model_name: str, learning_rate: float = 1.41e-5, init_kl_coef: float = 0.2, batch_size: int = 32, seed: int = 0
) -> PPOConfig:
    """TRL's default adapts the coefficient."""
    return PPOConfig(
        model_name=model_name, learning_rate=learning_rate, init_kl_coef=init_kl_coef, batch_size=batch_size,
        mini_batch_size=batch_size, seed=seed,
    )  # fmt: skip


@wrong("make_config", caught_by="config_has_what_was_asked", hint="model_name")
def forgets_the_model(
    model_name: str, learning_rate: float = 1.41e-5, init_kl_coef: float = 0.2, batch_size: int = 32, seed: int = 0
) -> PPOConfig:
    """Leaves model_name at TRL's gpt2."""
    return PPOConfig(
        learning_rate=learning_rate, init_kl_coef=init_kl_coef, adap_kl_ctrl=False, batch_size=batch_size,
        mini_batch_size=batch_size, seed=seed,
    )  # fmt: skip


@wrong("make_config", caught_by="config_has_what_was_asked", hint="init_kl_coef")
def takes_the_target_for_the_coefficient(
    model_name: str, learning_rate: float = 1.41e-5, init_kl_coef: float = 0.2, batch_size: int = 32, seed: int = 0
) -> PPOConfig:
    """Puts β into target_kl, which stops an update early and is off by default."""
    return PPOConfig(
        model_name=model_name, learning_rate=learning_rate, target_kl=init_kl_coef, adap_kl_ctrl=False,
        batch_size=batch_size, mini_batch_size=batch_size, seed=seed,
    )  # fmt: skip


@wrong("make_config", caught_by="config_has_what_was_asked", hint="seed")
def forgets_the_seed_of_the_run(
    model_name: str, learning_rate: float = 1.41e-5, init_kl_coef: float = 0.2, batch_size: int = 32, seed: int = 0
) -> PPOConfig:
    """Every run is the run of seed 0."""
    return PPOConfig(
        model_name=model_name, learning_rate=learning_rate, init_kl_coef=init_kl_coef, adap_kl_ctrl=False,
        batch_size=batch_size, mini_batch_size=batch_size,
    )  # fmt: skip


@wrong("make_config", caught_by="the_rest_is_left_to_trl", hint="mini_batch_size = batch_size")
def takes_mini_batches_of_one(
    model_name: str, learning_rate: float = 1.41e-5, init_kl_coef: float = 0.2, batch_size: int = 32, seed: int = 0
) -> PPOConfig:
    """One response at a time, as in TRL's first examples."""
    return PPOConfig(
        model_name=model_name, learning_rate=learning_rate, init_kl_coef=init_kl_coef, adap_kl_ctrl=False,
        batch_size=batch_size, mini_batch_size=1, seed=seed,
    )  # fmt: skip


@wrong("make_config", caught_by="the_rest_is_left_to_trl", hint="mini_batch_size must divide")
def leaves_the_mini_batch_at_128(
    model_name: str, learning_rate: float = 1.41e-5, init_kl_coef: float = 0.2, batch_size: int = 32, seed: int = 0
) -> PPOConfig:
    """The default does not divide the batch, and TRL refuses."""
    return PPOConfig(
        model_name=model_name, learning_rate=learning_rate, init_kl_coef=init_kl_coef, adap_kl_ctrl=False,
        batch_size=batch_size, seed=seed,
    )  # fmt: skip


@wrong("make_config", caught_by="the_rest_is_left_to_trl", hint="The field gamma")
def discounts(
    model_name: str, learning_rate: float = 1.41e-5, init_kl_coef: float = 0.2, batch_size: int = 32, seed: int = 0
) -> PPOConfig:
    """Brings γ = 0.99 along from games."""
    return PPOConfig(
        model_name=model_name, learning_rate=learning_rate, init_kl_coef=init_kl_coef, adap_kl_ctrl=False,
        batch_size=batch_size, mini_batch_size=batch_size, seed=seed, gamma=0.99,
    )  # fmt: skip


caps_the_mini_batch = patched(
    "make_config", "mini_batch_size=batch_size", "mini_batch_size=min(batch_size, 128)",
    caught_by="the_rest_is_left_to_trl", hint="must divide",
    mistake="Keeps TRL's 128 for larger batches",
)  # fmt: skip
halves_large_batches = patched(
    "make_config",
    "mini_batch_size=batch_size",
    "mini_batch_size=batch_size if batch_size <= 200 else batch_size // 2",
    caught_by="the_rest_is_left_to_trl", hint="mini_batch_size = batch_size",
    mistake="Two mini-batches for large batches",
)  # fmt: skip


# score_function_gradient -----------------------------------------------------------------------------------------


@wrong("score_function_gradient", caught_by="each_sample_is_its_advantage_times_its_score", hint="∇π, not ∇ log π")
def weighs_by_the_probability(
    logits: torch.Tensor, responses: torch.Tensor, rewards: torch.Tensor, baseline: float = 0.0
) -> torch.Tensor:
    """Multiplies by π once more, though the samples come from π."""
    vocab = logits.shape[0]
    grads, logp = torch.zeros(len(responses), vocab, vocab, dtype=logits.dtype), torch.zeros_like(rewards)
    state, alive = torch.full((len(responses),), vocab - 1), torch.ones(len(responses), dtype=torch.bool)
    for token in responses.T:
        score = F.one_hot(token, vocab) - logits.softmax(-1)[state]
        grads[torch.arange(len(token)), state] += score * alive[:, None]
        logp = logp + logits.log_softmax(-1)[state, token] * alive
        alive, state = alive & (token != vocab - 1), token
    return (logp.exp() * (rewards - baseline))[:, None, None] * grads


@wrong("score_function_gradient", caught_by="each_sample_is_its_advantage_times_its_score", hint="*minus* the prob")
def moves_the_sampled_logit_only(
    logits: torch.Tensor, responses: torch.Tensor, rewards: torch.Tensor, baseline: float = 0.0
) -> torch.Tensor:
    """Forgets the normaliser of softmax."""
    vocab = logits.shape[0]
    grads = torch.zeros(len(responses), vocab, vocab, dtype=logits.dtype)
    state, alive = torch.full((len(responses),), vocab - 1), torch.ones(len(responses), dtype=torch.bool)
    for token in responses.T:
        grads[torch.arange(len(token)), state] += F.one_hot(token, vocab) * alive[:, None]
        alive, state = alive & (token != vocab - 1), token
    return (rewards - baseline)[:, None, None] * grads


@wrong("score_function_gradient", caught_by="each_sample_is_its_advantage_times_its_score", hint="is subtracted")
def adds_the_baseline(
    logits: torch.Tensor, responses: torch.Tensor, rewards: torch.Tensor, baseline: float = 0.0
) -> torch.Tensor:
    """r + b: as unbiased as r − b, and of larger variance."""
    vocab = logits.shape[0]
    grads = torch.zeros(len(responses), vocab, vocab, dtype=logits.dtype)
    state, alive = torch.full((len(responses),), vocab - 1), torch.ones(len(responses), dtype=torch.bool)
    for token in responses.T:
        score = F.one_hot(token, vocab) - logits.softmax(-1)[state]
        grads[torch.arange(len(token)), state] += score * alive[:, None]
        alive, state = alive & (token != vocab - 1), token
    return (rewards + baseline)[:, None, None] * grads


@wrong("score_function_gradient", caught_by="each_sample_is_its_advantage_times_its_score", hint="sign is turned")
def descends(
    logits: torch.Tensor, responses: torch.Tensor, rewards: torch.Tensor, baseline: float = 0.0
) -> torch.Tensor:
    """Gives the gradient of the loss."""
    vocab = logits.shape[0]
    grads = torch.zeros(len(responses), vocab, vocab, dtype=logits.dtype)
    state, alive = torch.full((len(responses),), vocab - 1), torch.ones(len(responses), dtype=torch.bool)
    for token in responses.T:
        score = logits.softmax(-1)[state] - F.one_hot(token, vocab)
        grads[torch.arange(len(token)), state] += score * alive[:, None]
        alive, state = alive & (token != vocab - 1), token
    return (rewards - baseline)[:, None, None] * grads


@wrong("score_function_gradient", caught_by="expectation_is_the_exact_gradient", hint="A baseline must not move it")
def subtracts_the_baseline_from_the_gradient(
    logits: torch.Tensor, responses: torch.Tensor, rewards: torch.Tensor, baseline: float = 0.0
) -> torch.Tensor:
    """Takes b off the product, where it does not multiply the score."""
    vocab = logits.shape[0]
    grads = torch.zeros(len(responses), vocab, vocab, dtype=logits.dtype)
    state, alive = torch.full((len(responses),), vocab - 1), torch.ones(len(responses), dtype=torch.bool)
    for token in responses.T:
        score = F.one_hot(token, vocab) - logits.softmax(-1)[state]
        grads[torch.arange(len(token)), state] += score * alive[:, None]
        alive, state = alive & (token != vocab - 1), token
    return rewards[:, None, None] * grads - baseline


@wrong("score_function_gradient", caught_by="only_the_first_eos_counts", hint="nobody sampled it")
def counts_the_filling(
    logits: torch.Tensor, responses: torch.Tensor, rewards: torch.Tensor, baseline: float = 0.0
) -> torch.Tensor:
    """Goes on after the EOS."""
    vocab = logits.shape[0]
    grads = torch.zeros(len(responses), vocab, vocab, dtype=logits.dtype)
    state = torch.full((len(responses),), vocab - 1)
    for token in responses.T:
        grads[torch.arange(len(token)), state] += F.one_hot(token, vocab) - logits.softmax(-1)[state]
        state = token
    return (rewards - baseline)[:, None, None] * grads


@wrong("score_function_gradient", caught_by="only_the_first_eos_counts", hint="it counts")
def stops_before_the_eos(
    logits: torch.Tensor, responses: torch.Tensor, rewards: torch.Tensor, baseline: float = 0.0
) -> torch.Tensor:
    """Takes the EOS for padding."""
    vocab = logits.shape[0]
    grads = torch.zeros(len(responses), vocab, vocab, dtype=logits.dtype)
    state, alive = torch.full((len(responses),), vocab - 1), torch.ones(len(responses), dtype=torch.bool)
    for token in responses.T:
        alive = alive & (token != vocab - 1)
        score = F.one_hot(token, vocab) - logits.softmax(-1)[state]
        grads[torch.arange(len(token)), state] += score * alive[:, None]
        state = token
    return (rewards - baseline)[:, None, None] * grads


@wrong("score_function_gradient", caught_by="extreme_logits_stay_finite", hint="use `softmax`")
def exponentiates_by_hand(
    logits: torch.Tensor, responses: torch.Tensor, rewards: torch.Tensor, baseline: float = 0.0
) -> torch.Tensor:
    """exp over its sum, which overflows."""
    vocab = logits.shape[0]
    probs = logits.exp() / logits.exp().sum(-1, keepdim=True)
    grads = torch.zeros(len(responses), vocab, vocab, dtype=logits.dtype)
    state, alive = torch.full((len(responses),), vocab - 1), torch.ones(len(responses), dtype=torch.bool)
    for token in responses.T:
        score = F.one_hot(token, vocab) - probs[state]
        grads[torch.arange(len(token)), state] += score * alive[:, None]
        alive, state = alive & (token != vocab - 1), token
    return (rewards - baseline)[:, None, None] * grads


overwrites_a_row = patched(
    "score_function_gradient",
    "gradients[batch, state] += score * alive[:, None]",
    "gradients[batch, state] = torch.where(alive[:, None], score, gradients[batch, state])",
    caught_by="each_sample_is_its_advantage_times_its_score", hint="A row that is read twice",
    mistake="= for +=",
)  # fmt: skip
starts_in_row_0 = patched(
    "score_function_gradient", "torch.full_like(batch, vocab - 1)", "torch.zeros_like(batch)",
    caught_by="each_sample_is_its_advantage_times_its_score", hint="At the start the row of EOS is read",
    mistake="Starts in row 0",
)  # fmt: skip
forgets_the_baseline = patched(
    "score_function_gradient", "(rewards - baseline)", "rewards",
    caught_by="each_sample_is_its_advantage_times_its_score", hint="baseline is not used",
    mistake="Ignores b",
)  # fmt: skip
gives_float64 = patched(
    "score_function_gradient", "(rewards - baseline).to(logits.dtype)", "(rewards - baseline).double()",
    caught_by="extreme_logits_stay_finite", hint="which dtype comes back",
    mistake="Computes in float64 and leaves it so",
)  # fmt: skip
changes_the_rewards = patched(
    "score_function_gradient", "return (rewards - baseline)", "rewards -= baseline\n    return (rewards)",
    caught_by="extreme_logits_stay_finite", hint="Return a new value",
    mistake="-= on an argument",
)  # fmt: skip


# kl_estimators ---------------------------------------------------------------------------------------------------


@wrong("kl_estimators", caught_by="k1_k2_k3_are_those_of_the_definition", hint="ratio in k3 is turned")
def turns_the_ratio_of_k3(logprobs: torch.Tensor, ref_logprobs: torch.Tensor) -> dict[str, torch.Tensor]:
    """Takes e^d, π/π_ref, in k3: never negative either, but no estimate of this KL."""
    d = logprobs - ref_logprobs
    return {"k1": d, "k2": d**2 / 2, "k3": d.expm1() - d}


@wrong("kl_estimators", caught_by="k1_k2_k3_are_those_of_the_definition", hint="wrong sign")
def turns_the_sign_of_k1(logprobs: torch.Tensor, ref_logprobs: torch.Tensor) -> dict[str, torch.Tensor]:
    """Reference minus policy."""
    log_r = ref_logprobs - logprobs
    return {"k1": log_r, "k2": log_r**2 / 2, "k3": log_r.expm1() - log_r}


@wrong("kl_estimators", caught_by="k1_k2_k3_are_those_of_the_definition", hint="you subtract d")
def adds_the_log_ratio(logprobs: torch.Tensor, ref_logprobs: torch.Tensor) -> dict[str, torch.Tensor]:
    """e^−d − 1 − d."""
    log_r = ref_logprobs - logprobs
    return {"k1": -log_r, "k2": log_r**2 / 2, "k3": log_r.expm1() + log_r}


@wrong("kl_estimators", caught_by="k1_k2_k3_are_those_of_the_definition", hint="factor ½")
def forgets_the_half(logprobs: torch.Tensor, ref_logprobs: torch.Tensor) -> dict[str, torch.Tensor]:
    """The plain square."""
    log_r = ref_logprobs - logprobs
    return {"k1": -log_r, "k2": log_r**2, "k3": log_r.expm1() - log_r}


@wrong("kl_estimators", caught_by="k1_and_k3_are_unbiased", hint="comes first in d")
def estimates_the_other_direction(logprobs: torch.Tensor, ref_logprobs: torch.Tensor) -> dict[str, torch.Tensor]:
    """Has policy and reference the wrong way round throughout."""
    log_r = logprobs - ref_logprobs
    return {"k1": -log_r, "k2": log_r**2 / 2, "k3": log_r.expm1() - log_r}


@wrong("kl_estimators", caught_by="k3_is_never_negative", hint="expm1")
def loses_the_digits(logprobs: torch.Tensor, ref_logprobs: torch.Tensor) -> dict[str, torch.Tensor]:
    """exp(x) − 1 in float32 is negative or 0 where x is small."""
    log_r = ref_logprobs - logprobs
    return {"k1": -log_r, "k2": log_r**2 / 2, "k3": log_r.exp() - 1 - log_r}


lifts_k3_to_zero = patched(
    "kl_estimators", '"k3": log_r.expm1() - log_r', '"k3": (log_r.exp() - 1 - log_r).clamp(min=0)',
    caught_by="k3_is_never_negative", hint="loses all digits",
    mistake="exp − 1, and what is negative becomes 0",
)  # fmt: skip
writes_into_the_log_probs = patched(
    "kl_estimators", "log_r = ref_logprobs - logprobs", "log_r = ref_logprobs.sub_(logprobs)",
    caught_by="k3_is_never_negative", hint="Return a new value",
    mistake="In place",
)  # fmt: skip
estimates_in_float64 = patched(
    "kl_estimators", "log_r = ref_logprobs - logprobs", "log_r = ref_logprobs.double() - logprobs.double()",
    caught_by="k3_is_never_negative", hint="which dtype comes back",
    mistake="Leaves float64",
)  # fmt: skip
takes_the_magnitude = patched(
    "kl_estimators", '"k1": -log_r', '"k1": log_r.abs()',
    caught_by="k1_k2_k3_are_those_of_the_definition", hint="no absolute value",
    mistake="A distance is not negative, is it",
)  # fmt: skip


# kl_penalised_rewards --------------------------------------------------------------------------------------------


@wrong("kl_penalised_rewards", caught_by="each_token_pays_its_kl", hint="sign is turned")
def pays_for_the_distance(
    scores: torch.Tensor, logprobs: torch.Tensor, ref_logprobs: torch.Tensor, mask: torch.Tensor, kl_coef: float
) -> torch.Tensor:
    """Rewards the distance from the reference."""
    rewards = torch.where(mask, kl_coef * (logprobs - ref_logprobs), 0.0)
    last = mask.shape[1] - 1 - mask.flip(1).int().argmax(1)
    rewards[torch.arange(len(scores)), last] += scores
    return rewards


@wrong("kl_penalised_rewards", caught_by="each_token_pays_its_kl", hint="no absolute value")
def takes_the_absolute_value(
    scores: torch.Tensor, logprobs: torch.Tensor, ref_logprobs: torch.Tensor, mask: torch.Tensor, kl_coef: float
) -> torch.Tensor:
    """A KL is never negative, but its one-sample estimate may be."""
    rewards = torch.where(mask, -kl_coef * (logprobs - ref_logprobs).abs(), 0.0)
    last = mask.shape[1] - 1 - mask.flip(1).int().argmax(1)
    rewards[torch.arange(len(scores)), last] += scores
    return rewards


@wrong("kl_penalised_rewards", caught_by="each_token_pays_its_kl", hint="Prompt and padding pay")
def charges_the_prompt(
    scores: torch.Tensor, logprobs: torch.Tensor, ref_logprobs: torch.Tensor, mask: torch.Tensor, kl_coef: float
) -> torch.Tensor:
    """Uses the mask for the score only."""
    rewards = -kl_coef * (logprobs - ref_logprobs)
    last = mask.shape[1] - 1 - mask.flip(1).int().argmax(1)
    rewards[torch.arange(len(scores)), last] += scores
    return rewards


@wrong("kl_penalised_rewards", caught_by="each_token_pays_its_kl", hint="whole sum on the last")
def charges_all_at_the_end(
    scores: torch.Tensor, logprobs: torch.Tensor, ref_logprobs: torch.Tensor, mask: torch.Tensor, kl_coef: float
) -> torch.Tensor:
    """Gives the sequence's reward at its end: the same sum, no credit for single tokens."""
    kl = torch.where(mask, logprobs - ref_logprobs, 0.0).sum(1)
    rewards = torch.zeros_like(logprobs)
    last = mask.shape[1] - 1 - mask.flip(1).int().argmax(1)
    rewards[torch.arange(len(scores)), last] = scores - kl_coef * kl
    return rewards


@wrong("kl_penalised_rewards", caught_by="the_score_is_added_to_the_last_token", hint="may be padding")
def scores_the_last_column(
    scores: torch.Tensor, logprobs: torch.Tensor, ref_logprobs: torch.Tensor, mask: torch.Tensor, kl_coef: float
) -> torch.Tensor:
    """Forgets that rows end at different places."""
    rewards = torch.where(mask, -kl_coef * (logprobs - ref_logprobs), 0.0)
    rewards[:, -1] += scores
    return rewards


@wrong("kl_penalised_rewards", caught_by="the_score_is_added_to_the_last_token", hint="not on each")
def scores_every_token(
    scores: torch.Tensor, logprobs: torch.Tensor, ref_logprobs: torch.Tensor, mask: torch.Tensor, kl_coef: float
) -> torch.Tensor:
    """Long responses earn their score many times."""
    return torch.where(mask, scores[:, None] - kl_coef * (logprobs - ref_logprobs), 0.0)


@wrong("kl_penalised_rewards", caught_by="the_score_is_added_to_the_last_token", hint="replaces the last")
def overwrites_the_penalty(
    scores: torch.Tensor, logprobs: torch.Tensor, ref_logprobs: torch.Tensor, mask: torch.Tensor, kl_coef: float
) -> torch.Tensor:
    """= for +=: the last token is free of charge."""
    rewards = torch.where(mask, -kl_coef * (logprobs - ref_logprobs), 0.0)
    last = mask.shape[1] - 1 - mask.flip(1).int().argmax(1)
    rewards[torch.arange(len(scores)), last] = scores
    return rewards


@wrong("kl_penalised_rewards", caught_by="the_score_is_added_to_the_last_token", hint="not the first")
def scores_the_first_token(
    scores: torch.Tensor, logprobs: torch.Tensor, ref_logprobs: torch.Tensor, mask: torch.Tensor, kl_coef: float
) -> torch.Tensor:
    """argmax finds the first 1, not the last."""
    rewards = torch.where(mask, -kl_coef * (logprobs - ref_logprobs), 0.0)
    rewards[torch.arange(len(scores)), mask.int().argmax(1)] += scores
    return rewards


@wrong("kl_penalised_rewards", caught_by="what_is_masked_does_not_matter", hint="0 times nan")
def multiplies_by_the_mask(
    scores: torch.Tensor, logprobs: torch.Tensor, ref_logprobs: torch.Tensor, mask: torch.Tensor, kl_coef: float
) -> torch.Tensor:
    """−inf minus −inf is nan, and 0 times nan stays nan."""
    rewards = -kl_coef * (logprobs - ref_logprobs) * mask
    last = mask.shape[1] - 1 - mask.flip(1).int().argmax(1)
    rewards[torch.arange(len(scores)), last] += scores
    return rewards


looks_for_the_first_false = patched(
    "kl_penalised_rewards", "mask.shape[1] - 1 - mask.flip(1).int().argmax(1)", "(~mask).int().argmax(1) - 1",
    caught_by="the_score_is_added_to_the_last_token", hint="first False of the mask",
    mistake="The end is in front of the first False",
)  # fmt: skip
loses_the_score_at_the_edge = patched(
    "kl_penalised_rewards",
    "rewards[torch.arange(len(scores)), last] += scores",
    "rewards[:, :-1] += (mask[:, :-1] & ~mask[:, 1:]) * scores[:, None]",
    caught_by="the_score_is_added_to_the_last_token", hint="reaches the right edge ends there",
    mistake="The end is where the next place is false: there is none behind the right edge",
)  # fmt: skip
counts_the_tokens = patched(
    "kl_penalised_rewards", "mask.shape[1] - 1 - mask.flip(1).int().argmax(1)", "mask.sum(1) - 1",
    caught_by="the_score_is_added_to_the_last_token", hint="number of tokens is not the place",
    mistake="Forgets the query in front",
)  # fmt: skip
rewards_in_float64 = patched(
    "kl_penalised_rewards", "logprobs - ref_logprobs)", "logprobs.double() - ref_logprobs)",
    caught_by="what_is_masked_does_not_matter", hint="which dtype comes back",
    mistake="Leaves float64",
)  # fmt: skip
cleans_the_log_probs_in_place = patched(
    "kl_penalised_rewards", "rewards = torch.where(mask,", "logprobs[~mask] = 0.0\n    rewards = torch.where(mask,",
    caught_by="what_is_masked_does_not_matter", hint="Return a new value",
    mistake="Writes zeros into an argument",
)  # fmt: skip
subtracts_the_score = patched(
    "kl_penalised_rewards", "] += scores", "] -= scores",
    caught_by="the_score_is_added_to_the_last_token", hint="is subtracted in yours",
    mistake="The sign of the score",
)  # fmt: skip


# gae -------------------------------------------------------------------------------------------------------------


@wrong("gae", caught_by="advantages_are_discounted_errors", hint="changed places: γ discounts")
def swaps_gamma_and_lambda(
    rewards: torch.Tensor, values: torch.Tensor, mask: torch.Tensor, gamma: float = 1.0, lam: float = 0.95
) -> tuple[torch.Tensor, torch.Tensor]:
    """λ discounts the next value."""
    rewards, values = (torch.where(mask, part, 0.0) for part in (rewards, values))
    advantages, last, after = torch.zeros_like(rewards), 0.0, 0.0
    for t in reversed(range(rewards.shape[1])):
        last = rewards[:, t] + lam * after - values[:, t] + gamma * lam * last
        advantages[:, t], after = last, values[:, t]
    advantages = torch.where(mask, advantages, 0.0)
    return advantages, advantages + values


@wrong("gae", caught_by="advantages_are_discounted_errors", hint="decays by λ only")
def decays_by_lambda_only(
    rewards: torch.Tensor, values: torch.Tensor, mask: torch.Tensor, gamma: float = 1.0, lam: float = 0.95
) -> tuple[torch.Tensor, torch.Tensor]:
    """Right for γ = 1, as in TRL's default."""
    rewards, values = (torch.where(mask, part, 0.0) for part in (rewards, values))
    advantages, last, after = torch.zeros_like(rewards), 0.0, 0.0
    for t in reversed(range(rewards.shape[1])):
        last = rewards[:, t] + gamma * after - values[:, t] + lam * last
        advantages[:, t], after = last, values[:, t]
    advantages = torch.where(mask, advantages, 0.0)
    return advantages, advantages + values


@wrong("gae", caught_by="advantages_are_discounted_errors", hint="returns come before whitening")
def adds_values_after_whitening(
    rewards: torch.Tensor, values: torch.Tensor, mask: torch.Tensor, gamma: float = 1.0, lam: float = 0.95
) -> tuple[torch.Tensor, torch.Tensor]:
    """Whitens first; the value head then learns a target without a scale."""
    rewards, values = (torch.where(mask, part, 0.0) for part in (rewards, values))
    advantages, last, after = torch.zeros_like(rewards), 0.0, 0.0
    for t in reversed(range(rewards.shape[1])):
        last = rewards[:, t] + gamma * after - values[:, t] + gamma * lam * last
        advantages[:, t], after = last, values[:, t]
    kept = advantages[mask]
    advantages = torch.where(mask, (advantages - kept.mean()) * torch.rsqrt(kept.var() + 1e-8), 0.0)
    return advantages, advantages + values


@wrong("gae", caught_by="advantages_are_discounted_errors", hint="not the sum of rewards")
def returns_the_rewards_to_go(
    rewards: torch.Tensor, values: torch.Tensor, mask: torch.Tensor, gamma: float = 1.0, lam: float = 0.95
) -> tuple[torch.Tensor, torch.Tensor]:
    """Monte Carlo returns, whatever λ is."""
    rewards, values = (torch.where(mask, part, 0.0) for part in (rewards, values))
    advantages, returns = torch.zeros_like(rewards), torch.zeros_like(rewards)
    last, after, total = 0.0, 0.0, 0.0
    for t in reversed(range(rewards.shape[1])):
        last = rewards[:, t] + gamma * after - values[:, t] + gamma * lam * last
        total = rewards[:, t] + gamma * total
        advantages[:, t], returns[:, t], after = last, total, values[:, t]
    return torch.where(mask, advantages, 0.0), torch.where(mask, returns, 0.0)


@wrong("gae", caught_by="nothing_comes_after_the_end", hint="bootstrap from the last value")
def bootstraps_after_the_end(
    rewards: torch.Tensor, values: torch.Tensor, mask: torch.Tensor, gamma: float = 1.0, lam: float = 0.95
) -> tuple[torch.Tensor, torch.Tensor]:
    """Takes the last value for the value of what would come next."""
    rewards, values = (torch.where(mask, part, 0.0) for part in (rewards, values))
    advantages, last = torch.zeros_like(rewards), 0.0
    width = rewards.shape[1]
    final = mask & ~F.pad(mask, (0, 1))[:, 1:]
    for t in reversed(range(width)):
        after = values[:, t + 1] if t < width - 1 else torch.zeros(len(values), dtype=values.dtype)
        after = torch.where(final[:, t], values[:, t], after)
        last = rewards[:, t] + gamma * after - values[:, t] + gamma * lam * last
        advantages[:, t] = last
    advantages = torch.where(mask, advantages, 0.0)
    return advantages, advantages + values


@wrong("gae", caught_by="nothing_comes_after_the_end", hint="*before* the sum")
def masks_afterwards(
    rewards: torch.Tensor, values: torch.Tensor, mask: torch.Tensor, gamma: float = 1.0, lam: float = 0.95
) -> tuple[torch.Tensor, torch.Tensor]:
    """Masks the result, when padding has already flowed into it."""
    advantages, last, after = torch.zeros_like(rewards), 0.0, 0.0
    for t in reversed(range(rewards.shape[1])):
        last = rewards[:, t] + gamma * after - values[:, t] + gamma * lam * last
        advantages[:, t], after = last, values[:, t]
    return torch.where(mask, advantages, 0.0), torch.where(mask, advantages + values, 0.0)


@wrong("gae", caught_by="nothing_comes_after_the_end", hint="Padding counts")
def ignores_the_mask(
    rewards: torch.Tensor, values: torch.Tensor, mask: torch.Tensor, gamma: float = 1.0, lam: float = 0.95
) -> tuple[torch.Tensor, torch.Tensor]:
    """Never looks at it."""
    advantages, last, after = torch.zeros_like(rewards), 0.0, 0.0
    for t in reversed(range(rewards.shape[1])):
        last = rewards[:, t] + gamma * after - values[:, t] + gamma * lam * last
        advantages[:, t], after = last, values[:, t]
    return advantages, advantages + values


@wrong("gae", caught_by="gae_ignores_nan_at_padding", hint="0 times nan")
def multiplies_rewards_by_the_mask(
    rewards: torch.Tensor, values: torch.Tensor, mask: torch.Tensor, gamma: float = 1.0, lam: float = 0.95
) -> tuple[torch.Tensor, torch.Tensor]:
    """As TRL does; nan at padding spoils the row."""
    rewards, values = rewards * mask, values * mask
    advantages, last, after = torch.zeros_like(rewards), 0.0, 0.0
    for t in reversed(range(rewards.shape[1])):
        last = rewards[:, t] + gamma * after - values[:, t] + gamma * lam * last
        advantages[:, t], after = last, values[:, t]
    return advantages * mask, (advantages + values) * mask


takes_one_step = patched(
    "gae", "next_advantage = delta + gamma * lam * next_advantage", "next_advantage = delta",
    caught_by="advantages_are_discounted_errors", hint="errors of the later steps",
    mistake="δ alone",
)  # fmt: skip
forgets_gamma_in_delta = patched(
    "gae", "gamma * next_value", "next_value",
    caught_by="advantages_are_discounted_errors", hint="γ is missing in δ",
    mistake="γ = 1 in δ",
)  # fmt: skip
leaves_the_query = patched(
    "gae", "    advantages = torch.where(mask, advantages, 0.0)\n", "",
    caught_by="nothing_comes_after_the_end", hint="Places outside the response",
    mistake="Does not mask the results",
)  # fmt: skip
cleans_in_place = patched(
    "gae",
    "rewards, values = torch.where(mask, rewards, 0.0), torch.where(mask, values, 0.0)",
    "rewards[~mask], values[~mask] = 0.0, 0.0",
    caught_by="gae_ignores_nan_at_padding", hint="Return a new value",
    mistake="Writes zeros into its arguments",
)  # fmt: skip
computes_in_float64 = patched(
    "gae",
    "torch.zeros_like(rewards)\n    next_value",
    "torch.zeros_like(rewards, dtype=torch.float64)\n    next_value",
    caught_by="gae_ignores_nan_at_padding", hint="which dtype comes back",
    mistake="Leaves float64",
)  # fmt: skip
looks_256_tokens_back = patched(
    "gae", "range(rewards.shape[1])", "range(max(0, rewards.shape[1] - 256), rewards.shape[1])",
    caught_by="nothing_comes_after_the_end", hint="what is special about these",
    mistake="Stops after 256 tokens",
)  # fmt: skip


# whiten ----------------------------------------------------------------------------------------------------------


@wrong("whiten", caught_by="whitening_is_that_of_trl", hint="Bessel")
def divides_by_n(values: torch.Tensor, mask: torch.Tensor, shift_mean: bool = True) -> torch.Tensor:
    """The population's variance."""
    kept = values[mask]
    white = (values - kept.mean()) * torch.rsqrt(kept.var(unbiased=False) + 1e-8)
    return torch.where(mask, white if shift_mean else white + kept.mean(), 0.0)


@wrong("whiten", caught_by="whitening_is_that_of_trl", hint="inside the root: rsqrt")
def adds_epsilon_outside(values: torch.Tensor, mask: torch.Tensor, shift_mean: bool = True) -> torch.Tensor:
    """sd + 1e-8: another number where the spread is small."""
    kept = values[mask]
    white = (values - kept.mean()) / (kept.std() + 1e-8)
    return torch.where(mask, white if shift_mean else white + kept.mean(), 0.0)


@wrong("whiten", caught_by="whitening_is_that_of_trl", hint="Masked places count in")
def counts_masked_places(values: torch.Tensor, mask: torch.Tensor, shift_mean: bool = True) -> torch.Tensor:
    """Mean and variance of the whole tensor."""
    white = (values - values.mean()) * torch.rsqrt(values.var() + 1e-8)
    return torch.where(mask, white if shift_mean else white + values.mean(), 0.0)


@wrong("whiten", caught_by="whitening_is_that_of_trl", hint="count as zeros")
def counts_zeros(values: torch.Tensor, mask: torch.Tensor, shift_mean: bool = True) -> torch.Tensor:
    """Masks by multiplication and forgets the number of tokens."""
    zeroed = values * mask
    white = (values - zeroed.mean()) * torch.rsqrt(zeroed.var() + 1e-8)
    return torch.where(mask, white if shift_mean else white + zeroed.mean(), 0.0)


@wrong("whiten", caught_by="whitening_is_that_of_trl", hint="not of each row")
def whitens_row_by_row(values: torch.Tensor, mask: torch.Tensor, shift_mean: bool = True) -> torch.Tensor:
    """A good response and a bad one then have the same mean advantage."""
    count = mask.sum(1, keepdim=True)
    mean = torch.where(mask, values, 0.0).sum(1, keepdim=True) / count
    var = torch.where(mask, (values - mean) ** 2, 0.0).sum(1, keepdim=True) / (count - 1).clamp(min=1)
    white = (values - mean) * torch.rsqrt(var + 1e-8)
    return torch.where(mask, white if shift_mean else white + mean, 0.0)


@wrong("whiten", caught_by="whitening_may_keep_the_mean", hint="shift_mean is not used")
def always_shifts(values: torch.Tensor, mask: torch.Tensor, shift_mean: bool = True) -> torch.Tensor:
    """Ignores the argument."""
    kept = values[mask]
    return torch.where(mask, (values - kept.mean()) * torch.rsqrt(kept.var() + 1e-8), 0.0)


@wrong("whiten", caught_by="whitening_may_keep_the_mean", hint="you scale the mean too")
def scales_the_mean(values: torch.Tensor, mask: torch.Tensor, shift_mean: bool = True) -> torch.Tensor:
    """Divides the values themselves."""
    kept = values[mask]
    shifted = values - kept.mean() if shift_mean else values
    return torch.where(mask, shifted * torch.rsqrt(kept.var() + 1e-8), 0.0)


@wrong("whiten", caught_by="whitening_needs_two_tokens", hint="instead of returning nan")
def whitens_one_token(values: torch.Tensor, mask: torch.Tensor, shift_mean: bool = True) -> torch.Tensor:
    """Divides by n − 1 = 0."""
    kept = values[mask]
    var = ((kept - kept.mean()) ** 2).sum() / (len(kept) - 1)
    white = (values - kept.mean()) * torch.rsqrt(var + 1e-8)
    return torch.where(mask, white if shift_mean else white + kept.mean(), 0.0)


@wrong("whiten", caught_by="whitening_needs_two_tokens", hint="0 times nan")
def whitens_by_multiplication(values: torch.Tensor, mask: torch.Tensor, shift_mean: bool = True) -> torch.Tensor:
    """As TRL does; nan at padding spoils everything."""
    count = mask.sum()
    if count < 2:
        raise ValueError("two tokens")
    mean = (values * mask).sum() / count
    var = ((values - mean) ** 2 * mask).sum() / (count - 1)
    white = (values - mean) * torch.rsqrt(var + 1e-8)
    return (white if shift_mean else white + mean) * mask


divides_by_the_variance = patched(
    "whiten", "torch.rsqrt(kept.var() + 1e-8)", "(1 / (kept.var() + 1e-8))",
    caught_by="whitening_is_that_of_trl", hint="not by the variance",
    mistake="No root",
)  # fmt: skip
leaves_out_the_shift = patched(
    "whiten", "(values - mean) *", "values *",
    caught_by="whitening_is_that_of_trl", hint="The mean is not subtracted",
    mistake="Only scales",
)  # fmt: skip
turns_shift_mean = patched(
    "whiten", "white if shift_mean else", "white if not shift_mean else",
    caught_by="whitening_is_that_of_trl", hint="though shift_mean is true",
    mistake="The other way round",
)  # fmt: skip
whitens_in_place = patched(
    "whiten", "white = (values - mean)", "values -= mean\n    white = values",
    caught_by="whitening_needs_two_tokens", hint="Return a new value",
    mistake="-= on an argument",
)  # fmt: skip
refuses_three = patched(
    "whiten", "len(kept) < 2", "len(kept) < 3",
    caught_by="whitening_is_that_of_trl", hint="Follow what its line",
    mistake="Refuses two values",
)  # fmt: skip
takes_variance_in_one_pass = patched(
    "whiten", "kept.var()", "(((kept**2).mean() - mean**2).clamp(min=0) * len(kept) / (len(kept) - 1))",
    caught_by="whitening_needs_two_tokens", hint="loses its digits",
    mistake="Mean of squares minus square of the mean",
)  # fmt: skip


# ppo_clip_loss ---------------------------------------------------------------------------------------------------


@wrong("ppo_clip_loss", caught_by="loss_and_slope_are_right_in_all_four_cases", hint="clipped term alone")
def clips_without_the_minimum(
    logprobs: torch.Tensor, old_logprobs: torch.Tensor, advantages: torch.Tensor, mask: torch.Tensor,
    clip_range: float = 0.2,
) -> torch.Tensor:  # fmt: skip
    """No gradient where a step went the wrong way, just when it is needed."""
    ratio = (logprobs[mask] - old_logprobs[mask]).exp()
    return -(ratio.clamp(1 - clip_range, 1 + clip_range) * advantages[mask]).mean()


@wrong("ppo_clip_loss", caught_by="loss_and_slope_are_right_in_all_four_cases", hint="clip at 1 + ε only")
def clips_above_only(
    logprobs: torch.Tensor, old_logprobs: torch.Tensor, advantages: torch.Tensor, mask: torch.Tensor,
    clip_range: float = 0.2,
) -> torch.Tensor:  # fmt: skip
    """For A < 0 nothing stops the ratio from falling to 0."""
    ratio, adv = (logprobs[mask] - old_logprobs[mask]).exp(), advantages[mask]
    return -torch.min(ratio * adv, ratio.clamp(max=1 + clip_range) * adv).mean()


@wrong("ppo_clip_loss", caught_by="loss_and_slope_are_right_in_all_four_cases", hint="takes the other one")
def takes_the_maximum(
    logprobs: torch.Tensor, old_logprobs: torch.Tensor, advantages: torch.Tensor, mask: torch.Tensor,
    clip_range: float = 0.2,
) -> torch.Tensor:  # fmt: skip
    """max of the objective, from TRL's max of the losses."""
    ratio, adv = (logprobs[mask] - old_logprobs[mask]).exp(), advantages[mask]
    return -torch.max(ratio * adv, ratio.clamp(1 - clip_range, 1 + clip_range) * adv).mean()


@wrong("ppo_clip_loss", caught_by="loss_and_slope_are_right_in_all_four_cases", hint="The clip is missing")
def does_not_clip(
    logprobs: torch.Tensor, old_logprobs: torch.Tensor, advantages: torch.Tensor, mask: torch.Tensor,
    clip_range: float = 0.2,
) -> torch.Tensor:  # fmt: skip
    """Plain importance sampling."""
    ratio = (logprobs[mask] - old_logprobs[mask]).exp()
    return -(ratio * advantages[mask]).mean()


@wrong("ppo_clip_loss", caught_by="loss_and_slope_are_right_in_all_four_cases", hint="ratio is turned")
def turns_the_ratio(
    logprobs: torch.Tensor, old_logprobs: torch.Tensor, advantages: torch.Tensor, mask: torch.Tensor,
    clip_range: float = 0.2,
) -> torch.Tensor:  # fmt: skip
    """old over new."""
    ratio, adv = (old_logprobs[mask] - logprobs[mask]).exp(), advantages[mask]
    return -torch.min(ratio * adv, ratio.clamp(1 - clip_range, 1 + clip_range) * adv).mean()


@wrong("ppo_clip_loss", caught_by="loss_is_that_of_trl", hint="divide by the number of tokens")
def averages_over_padding(
    logprobs: torch.Tensor, old_logprobs: torch.Tensor, advantages: torch.Tensor, mask: torch.Tensor,
    clip_range: float = 0.2,
) -> torch.Tensor:  # fmt: skip
    """Masks the terms and divides by all places."""
    ratio = torch.where(mask, logprobs - old_logprobs, 0.0).exp()
    adv = torch.where(mask, advantages, 0.0)
    return -torch.min(ratio * adv, ratio.clamp(1 - clip_range, 1 + clip_range) * adv).mean()


@wrong("ppo_clip_loss", caught_by="loss_is_that_of_trl", hint="not row by row")
def averages_row_by_row(
    logprobs: torch.Tensor, old_logprobs: torch.Tensor, advantages: torch.Tensor, mask: torch.Tensor,
    clip_range: float = 0.2,
) -> torch.Tensor:  # fmt: skip
    """A token of a short response then weighs more."""
    ratio = torch.where(mask, logprobs - old_logprobs, 0.0).exp()
    adv = torch.where(mask, advantages, 0.0)
    terms = torch.min(ratio * adv, ratio.clamp(1 - clip_range, 1 + clip_range) * adv)
    return -(terms.sum(1) / mask.sum(1)).mean()


@wrong("ppo_clip_loss", caught_by="at_the_first_step_only_the_value_is_zero", hint="do not detach")
def writes_the_loss_without_the_ratio(
    logprobs: torch.Tensor, old_logprobs: torch.Tensor, advantages: torch.Tensor, mask: torch.Tensor,
    clip_range: float = 0.2,
) -> torch.Tensor:  # fmt: skip
    """Weighs log-probs by a detached ratio: the REINFORCE surrogate, whose value means nothing."""
    lp, adv = logprobs[mask], advantages[mask]
    ratio = (lp.detach() - old_logprobs[mask]).exp()
    return -(ratio.clamp(1 - clip_range, 1 + clip_range) * adv * lp).mean()


@wrong("ppo_clip_loss", caught_by="loss_ignores_nan_at_padding", hint="0 times nan")
def masks_by_multiplication(
    logprobs: torch.Tensor, old_logprobs: torch.Tensor, advantages: torch.Tensor, mask: torch.Tensor,
    clip_range: float = 0.2,
) -> torch.Tensor:  # fmt: skip
    """As TRL does."""
    ratio = (logprobs - old_logprobs).exp()
    terms = torch.min(ratio * advantages, ratio.clamp(1 - clip_range, 1 + clip_range) * advantages)
    return -(terms * mask).sum() / mask.sum()


@wrong(
    "ppo_clip_loss", caught_by="loss_ignores_nan_at_padding", hint="hides a nan from the value, not from the gradient"
)
def masks_after_the_exponential(
    logprobs: torch.Tensor, old_logprobs: torch.Tensor, advantages: torch.Tensor, mask: torch.Tensor,
    clip_range: float = 0.2,
) -> torch.Tensor:  # fmt: skip
    """`where` hides the nan from the value but not from the gradient."""
    ratio = (logprobs - old_logprobs).exp()
    terms = torch.min(ratio * advantages, ratio.clamp(1 - clip_range, 1 + clip_range) * advantages)
    return -torch.where(mask, terms, 0.0).sum() / mask.sum()


@wrong("ppo_clip_loss", caught_by="loss_ignores_nan_at_padding", hint="reaches your result")
def replaces_nan_by_numbers(
    logprobs: torch.Tensor, old_logprobs: torch.Tensor, advantages: torch.Tensor, mask: torch.Tensor,
    clip_range: float = 0.2,
) -> torch.Tensor:  # fmt: skip
    """nan becomes 0, but inf the largest number, and its exponential is inf."""
    ratio = (logprobs.nan_to_num() - old_logprobs.nan_to_num()).exp()
    adv = advantages.nan_to_num()
    return -(torch.min(ratio * adv, ratio.clamp(1 - clip_range, 1 + clip_range) * adv) * mask).sum() / mask.sum()


detaches_the_log_probs = patched(
    "ppo_clip_loss", "logprobs[mask] - old", "logprobs[mask].detach() - old",
    caught_by="loss_and_slope_are_right_in_all_four_cases", hint="no detach",
    mistake="Cuts the gradient",
)  # fmt: skip
takes_a_number_for_epsilon = patched(
    "ppo_clip_loss", "clamp(1 - clip_range, 1 + clip_range)", "clamp(0.8, 1.2)",
    caught_by="loss_and_slope_are_right_in_all_four_cases", hint="clip_range is not used",
    mistake="ε = 0.2, always",
)  # fmt: skip
fills_the_log_probs_in_place = patched(
    "ppo_clip_loss", "old, adv = old_logprobs", "old_logprobs[~mask] = 0.0\n    old, adv = old_logprobs",
    caught_by="loss_ignores_nan_at_padding", hint="Return a new value",
    mistake="Writes zeros into an argument",
)  # fmt: skip
gives_a_loss_in_float64 = patched(
    "ppo_clip_loss", "ratio = (logprobs[mask]", "ratio = (logprobs[mask].double()",
    caught_by="loss_ignores_nan_at_padding", hint="which dtype comes back",
    mistake="Leaves float64",
)  # fmt: skip
sums_up = patched(
    "ppo_clip_loss", ".mean()", ".sum()",
    caught_by="loss_is_that_of_trl", hint="A sum, not a mean",
    mistake="Sum for mean",
)  # fmt: skip
clips_to_epsilon_itself = patched(
    "ppo_clip_loss", "clamp(1 - clip_range, 1 + clip_range)", "clamp(-clip_range, clip_range)",
    caught_by="loss_and_slope_are_right_in_all_four_cases", hint="clipped to −ε and ε",
    mistake="Forgets the 1",
)  # fmt: skip


# value_loss_clipped ----------------------------------------------------------------------------------------------


@wrong("value_loss_clipped", caught_by="value_loss_is_that_of_trl", hint="around the returns")
def clips_around_the_returns(
    values: torch.Tensor, old_values: torch.Tensor, returns: torch.Tensor, mask: torch.Tensor, clip_range: float = 0.2
) -> torch.Tensor:
    """Then the larger error is always the plain one, and nothing is clipped."""
    v, r = values[mask], returns[mask]
    clipped = r + (v - r).clamp(-clip_range, clip_range)
    return 0.5 * torch.max((v - r) ** 2, (clipped - r) ** 2).mean()


@wrong("value_loss_clipped", caught_by="value_loss_is_that_of_trl", hint="factor ½")
def forgets_the_half_of_the_square(
    values: torch.Tensor, old_values: torch.Tensor, returns: torch.Tensor, mask: torch.Tensor, clip_range: float = 0.2
) -> torch.Tensor:
    """A plain mean square."""
    v, old, r = values[mask], old_values[mask], returns[mask]
    clipped = old + (v - old).clamp(-clip_range, clip_range)
    return torch.max((v - r) ** 2, (clipped - r) ** 2).mean()


@wrong("value_loss_clipped", caught_by="value_loss_is_that_of_trl", hint="divide by their number")
def averages_values_over_padding(
    values: torch.Tensor, old_values: torch.Tensor, returns: torch.Tensor, mask: torch.Tensor, clip_range: float = 0.2
) -> torch.Tensor:
    """Divides by all places."""
    v, old, r = (torch.where(mask, part, 0.0) for part in (values, old_values, returns))
    clipped = old + (v - old).clamp(-clip_range, clip_range)
    return 0.5 * torch.max((v - r) ** 2, (clipped - r) ** 2).mean()


@wrong("value_loss_clipped", caught_by="value_loss_is_that_of_trl", hint="to ±ε")
def clips_the_value_itself(
    values: torch.Tensor, old_values: torch.Tensor, returns: torch.Tensor, mask: torch.Tensor, clip_range: float = 0.2
) -> torch.Tensor:
    """Holds the value near 0 instead of near the old one."""
    v, r = values[mask], returns[mask]
    return 0.5 * torch.max((v - r) ** 2, (v.clamp(-clip_range, clip_range) - r) ** 2).mean()


@wrong("value_loss_clipped", caught_by="larger_error_counts_token_by_token", hint="takes the smaller one")
def takes_the_smaller_error(
    values: torch.Tensor, old_values: torch.Tensor, returns: torch.Tensor, mask: torch.Tensor, clip_range: float = 0.2
) -> torch.Tensor:
    """min, because the policy's loss has min."""
    v, old, r = values[mask], old_values[mask], returns[mask]
    clipped = old + (v - old).clamp(-clip_range, clip_range)
    return 0.5 * torch.min((v - r) ** 2, (clipped - r) ** 2).mean()


@wrong("value_loss_clipped", caught_by="larger_error_counts_token_by_token", hint="clipped error alone")
def uses_the_clipped_error_alone(
    values: torch.Tensor, old_values: torch.Tensor, returns: torch.Tensor, mask: torch.Tensor, clip_range: float = 0.2
) -> torch.Tensor:
    """No gradient beyond the clip, however wrong the value is."""
    v, old, r = values[mask], old_values[mask], returns[mask]
    return 0.5 * ((old + (v - old).clamp(-clip_range, clip_range) - r) ** 2).mean()


@wrong("value_loss_clipped", caught_by="value_loss_ignores_nan_at_padding", hint="0 times nan")
def multiplies_errors_by_the_mask(
    values: torch.Tensor, old_values: torch.Tensor, returns: torch.Tensor, mask: torch.Tensor, clip_range: float = 0.2
) -> torch.Tensor:
    """As TRL does."""
    clipped = old_values + (values - old_values).clamp(-clip_range, clip_range)
    worst = torch.max((values - returns) ** 2, (clipped - returns) ** 2)
    return 0.5 * (worst * mask).sum() / mask.sum()


@wrong(
    "value_loss_clipped",
    caught_by="value_loss_ignores_nan_at_padding",
    hint="hides a nan from the value, not from the gradient",
)
def hides_the_nan_behind_where(
    values: torch.Tensor, old_values: torch.Tensor, returns: torch.Tensor, mask: torch.Tensor, clip_range: float = 0.2
) -> torch.Tensor:
    """The value is right; the gradient is nan at padding."""
    clipped = old_values + (values - old_values).clamp(-clip_range, clip_range)
    worst = torch.max((values - returns) ** 2, (clipped - returns) ** 2)
    return 0.5 * torch.where(mask, worst, 0.0).sum() / mask.sum()


@wrong("value_loss_clipped", caught_by="value_loss_is_that_of_trl", hint="each")
def takes_the_larger_of_two_means(
    values: torch.Tensor, old_values: torch.Tensor, returns: torch.Tensor, mask: torch.Tensor, clip_range: float = 0.2
) -> torch.Tensor:
    """max of the losses, not of the errors."""
    v, old, r = values[mask], old_values[mask], returns[mask]
    clipped = old + (v - old).clamp(-clip_range, clip_range)
    return 0.5 * torch.max(((v - r) ** 2).mean(), ((clipped - r) ** 2).mean())


detaches_the_values = patched(
    "value_loss_clipped", "new, old, goal = values[mask]", "new, old, goal = values.detach()[mask]",
    caught_by="value_loss_is_that_of_trl", hint="no detach",
    mistake="Trains nothing",
)  # fmt: skip
leaves_out_the_clip = patched(
    "value_loss_clipped", "old + (new - old).clamp(-clip_range, clip_range)", "new",
    caught_by="value_loss_is_that_of_trl", hint="The clip is missing",
    mistake="No clip",
)  # fmt: skip
ignores_its_clip_range = patched(
    "value_loss_clipped", "clamp(-clip_range, clip_range)", "clamp(-0.2, 0.2)",
    caught_by="value_loss_is_that_of_trl", hint="clip_range is not used",
    mistake="ε = 0.2, always",
)  # fmt: skip
takes_the_absolute_error = patched(
    "value_loss_clipped",
    "torch.max((new - goal) ** 2, (clipped - goal) ** 2)",
    "torch.max((new - goal).abs(), (clipped - goal).abs())",
    caught_by="value_loss_is_that_of_trl", hint="squared, not absolute",
    mistake="L1",
)  # fmt: skip
gives_a_value_loss_in_float64 = patched(
    "value_loss_clipped", "new, old, goal = values[mask]", "new, old, goal = values[mask].double()",
    caught_by="value_loss_ignores_nan_at_padding", hint="which dtype comes back",
    mistake="Leaves float64",
)  # fmt: skip
cuts_the_clipped_gradient_only = patched(
    "value_loss_clipped", "clipped = old + (new - old)", "clipped = old + (new.detach() - old)",
    caught_by="value_loss_is_that_of_trl", hint="no detach",
    mistake="Half of the gradient inside the clip",
)  # fmt: skip


# explained_variance ----------------------------------------------------------------------------------------------


@wrong("explained_variance", caught_by="explained_variance_is_that_of_trl", hint="MSE, not its variance")
def forgives_an_offset(values: torch.Tensor, returns: torch.Tensor, mask: torch.Tensor) -> float:
    """Variance of the errors, as the usual definition in statistics."""
    v, r = values[mask], returns[mask]
    if len(r) < 2 or r.var() == 0:
        raise ValueError("no variance")
    return (1 - (v - r).var() / r.var()).item()


@wrong("explained_variance", caught_by="explained_variance_is_that_of_trl", hint="with n − 1")
def explains_with_n(values: torch.Tensor, returns: torch.Tensor, mask: torch.Tensor) -> float:
    """R² of the textbooks."""
    v, r = values[mask], returns[mask]
    if len(r) < 2 or r.var() == 0:
        raise ValueError("no variance")
    return (1 - ((v - r) ** 2).mean() / r.var(unbiased=False)).item()


@wrong("explained_variance", caught_by="explained_variance_is_that_of_trl", hint="not of the values")
def divides_by_the_values(values: torch.Tensor, returns: torch.Tensor, mask: torch.Tensor) -> float:
    """Takes the wrong variance."""
    v, r = values[mask], returns[mask]
    if len(r) < 2 or r.var() == 0:
        raise ValueError("no variance")
    return (1 - ((v - r) ** 2).mean() / v.var()).item()


@wrong("explained_variance", caught_by="explained_variance_is_that_of_trl", hint="squared correlation")
def squares_the_correlation(values: torch.Tensor, returns: torch.Tensor, mask: torch.Tensor) -> float:
    """Forgives offset and scale."""
    v, r = values[mask], returns[mask]
    if len(r) < 2 or r.var() == 0:
        raise ValueError("no variance")
    return (torch.corrcoef(torch.stack([v, r]))[0, 1] ** 2).item()


@wrong("explained_variance", caught_by="explained_variance_is_that_of_trl", hint="Masked places count")
def explains_the_padding(values: torch.Tensor, returns: torch.Tensor, mask: torch.Tensor) -> float:
    """Never looks at the mask."""
    return (1 - ((values - returns) ** 2).mean() / returns.var()).item()


@wrong("explained_variance", caught_by="perfect_is_one_and_worse_than_the_mean_is_negative", hint="far below 0")
def never_goes_below_zero(values: torch.Tensor, returns: torch.Tensor, mask: torch.Tensor) -> float:
    """Cuts off at 0: a share cannot be negative, can it."""
    v, r = values[mask], returns[mask]
    if len(r) < 2 or r.var() == 0:
        raise ValueError("no variance")
    return max(0.0, (1 - ((v - r) ** 2).mean() / r.var()).item())


@wrong("explained_variance", caught_by="explained_variance_needs_variance", hint="raise ValueError")
def explains_nothing_as_nan(values: torch.Tensor, returns: torch.Tensor, mask: torch.Tensor) -> float:
    """Divides by 0."""
    v, r = values[mask], returns[mask]
    var = ((r - r.mean()) ** 2).sum() / (len(r) - 1)
    return (1 - ((v - r) ** 2).mean() / var).item()


@wrong("explained_variance", caught_by="explained_variance_needs_variance", hint="`.item()`")
def returns_a_tensor(values: torch.Tensor, returns: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """No Python float."""
    v, r = values[mask], returns[mask]
    if len(r) < 2 or r.var() == 0:
        raise ValueError("no variance")
    return 1 - ((v - r) ** 2).mean() / r.var()


gives_a_numpy_number = patched(
    "explained_variance", ".item()", ".numpy()[()]",
    caught_by="explained_variance_needs_variance", hint="Return a Python float",
    mistake="A NumPy scalar",
)  # fmt: skip
refuses_two_tokens = patched(
    "explained_variance", "len(goal) < 2", "len(goal) < 3",
    caught_by="explained_variance_is_that_of_trl", hint="Follow what its line",
    mistake="Refuses two tokens",
)  # fmt: skip
forgets_equal_returns = patched(
    "explained_variance", " or (goal == goal[0]).all()", "",
    caught_by="explained_variance_needs_variance", hint="raise ValueError",
    mistake="−inf for equal returns",
)  # fmt: skip
gives_what_is_not_explained = patched(
    "explained_variance",
    "(1 - ((seen - goal) ** 2).mean() / goal.var())",
    "(((seen - goal) ** 2).mean() / goal.var())",
    caught_by="perfect_is_one_and_worse_than_the_mean_is_negative", hint="*not* explained",
    mistake="Forgets the 1 −",
)  # fmt: skip


# group_advantages ------------------------------------------------------------------------------------------------


@wrong("group_advantages", caught_by="rloo_leaves_the_sample_itself_out", hint="sample itself in it")
def includes_the_sample(rewards: torch.Tensor, method: str) -> torch.Tensor:
    """The mean of the whole group: too small by (k − 1)/k."""
    k = rewards.shape[1]
    if method not in ("rloo", "grpo") or k < 2:
        raise ValueError("method or group")
    lead = rewards - rewards.mean(1, keepdim=True)
    return lead if method == "rloo" else lead / (rewards.std(1, keepdim=True) + 1e-4)


@wrong("group_advantages", caught_by="rloo_leaves_the_sample_itself_out", hint="k − 1, not by k")
def divides_the_others_by_k(rewards: torch.Tensor, method: str) -> torch.Tensor:
    """Leaves the sample out of the sum, but not out of the count."""
    k = rewards.shape[1]
    if method not in ("rloo", "grpo") or k < 2:
        raise ValueError("method or group")
    if method == "rloo":
        return rewards - (rewards.sum(1, keepdim=True) - rewards) / k
    return (rewards - rewards.mean(1, keepdim=True)) / (rewards.std(1, keepdim=True) + 1e-4)


@wrong("group_advantages", caught_by="rloo_leaves_the_sample_itself_out", hint="not a column")
def groups_by_column(rewards: torch.Tensor, method: str) -> torch.Tensor:
    """Compares responses to different queries."""
    k = rewards.shape[1]
    if method not in ("rloo", "grpo") or k < 2:
        raise ValueError("method or group")
    if method == "rloo":
        return rewards - (rewards.sum(0, keepdim=True) - rewards) / (len(rewards) - 1)
    return (rewards - rewards.mean(0, keepdim=True)) / (rewards.std(0, keepdim=True) + 1e-4)


@wrong("group_advantages", caught_by="grpo_standardises_each_group", hint="not those of the batch")
def standardises_the_batch(rewards: torch.Tensor, method: str) -> torch.Tensor:
    """One mean and one spread for all queries."""
    k = rewards.shape[1]
    if method not in ("rloo", "grpo") or k < 2:
        raise ValueError("method or group")
    if method == "rloo":
        return rewards - (rewards.sum(1, keepdim=True) - rewards) / (k - 1)
    return (rewards - rewards.mean()) / (rewards.std() + 1e-4)


@wrong("group_advantages", caught_by="grpo_standardises_each_group", hint="n − 1 here")
def standardises_with_n(rewards: torch.Tensor, method: str) -> torch.Tensor:
    """The population's standard deviation."""
    k = rewards.shape[1]
    if method not in ("rloo", "grpo") or k < 2:
        raise ValueError("method or group")
    if method == "rloo":
        return rewards - (rewards.sum(1, keepdim=True) - rewards) / (k - 1)
    return (rewards - rewards.mean(1, keepdim=True)) / (rewards.std(1, keepdim=True, unbiased=False) + 1e-4)


@wrong("group_advantages", caught_by="equal_rewards_teach_nothing", hint="0/0 is nan")
def divides_by_zero(rewards: torch.Tensor, method: str) -> torch.Tensor:
    """No 1e-4."""
    k = rewards.shape[1]
    if method not in ("rloo", "grpo") or k < 2:
        raise ValueError("method or group")
    if method == "rloo":
        return rewards - (rewards.sum(1, keepdim=True) - rewards) / (k - 1)
    return (rewards - rewards.mean(1, keepdim=True)) / rewards.std(1, keepdim=True)


@wrong("group_advantages", caught_by="groups_need_company", hint="nobody to be compared with")
def takes_groups_of_one(rewards: torch.Tensor, method: str) -> torch.Tensor:
    """0/0 for a single response."""
    if method not in ("rloo", "grpo"):
        raise ValueError("method")
    if method == "rloo":
        return rewards - (rewards.sum(1, keepdim=True) - rewards) / max(rewards.shape[1] - 1, 1)
    return (rewards - rewards.mean(1, keepdim=True)) / (rewards.std(1, keepdim=True) + 1e-4)


@wrong("group_advantages", caught_by="groups_need_company", hint='only "rloo" and "grpo"')
def takes_any_method(rewards: torch.Tensor, method: str) -> torch.Tensor:
    """Everything that is not RLOO is GRPO."""
    k = rewards.shape[1]
    if k < 2:
        raise ValueError("group")
    if method == "rloo":
        return rewards - (rewards.sum(1, keepdim=True) - rewards) / (k - 1)
    return (rewards - rewards.mean(1, keepdim=True)) / (rewards.std(1, keepdim=True) + 1e-4)


takes_large_letters = patched(
    "group_advantages", '    if method == "rloo":', '    method = method.lower()\n    if method == "rloo":',
    caught_by="groups_need_company", hint="in small letters",
    mistake="Forgives GRPO",
)  # fmt: skip
adds_1e_8 = patched(
    "group_advantages", "+ 1e-4", "+ 1e-8",
    caught_by="grpo_standardises_each_group", hint="1e-8 is that of whitening",
    mistake="The 1e-8 of whitening",
)  # fmt: skip
adds_under_the_root = patched(
    "group_advantages", "(rewards.std(1, keepdim=True) + 1e-4)", "(rewards.var(1, keepdim=True) + 1e-4).sqrt()",
    caught_by="grpo_standardises_each_group", hint="not to the variance",
    mistake="1e-4 under the root",
)  # fmt: skip
subtracts_in_place = patched(
    "group_advantages", "rewards = rewards - rewards[:, :1]", "rewards -= rewards[:, :1].clone()",
    caught_by="equal_rewards_teach_nothing", hint="Return a new value",
    mistake="-= on an argument",
)  # fmt: skip
gives_advantages_in_float64 = patched(
    "group_advantages", "rewards = rewards - rewards[:, :1]", "rewards = rewards.double() - rewards[:, :1]",
    caught_by="equal_rewards_teach_nothing", hint="which dtype comes back",
    mistake="Leaves float64",
)  # fmt: skip
turns_the_baseline = patched(
    "group_advantages",
    "return rewards - (rewards.sum(1, keepdim=True) - rewards) / (size - 1)",
    "return (rewards.sum(1, keepdim=True) - rewards) / (size - 1) - rewards",
    caught_by="rloo_leaves_the_sample_itself_out", hint="sign is turned",
    mistake="Baseline minus reward",
)  # fmt: skip
