"""Lab 04's visible checks: what students see from the start, run as often as they like, and get hints from."""

import torch

from grader.checks import visible
from rlhf import toy as words

LOG_REF = torch.stack([words.log_probs(prompt) for prompt in (0, 1)])
R = torch.stack([words.rewards(prompt) for prompt in (0, 1)])
PROMPT = torch.tensor([[words.PROMPT_IDS[0]]])


def logs(*probabilities):
    """Log-probs, float64, of probabilities."""
    return torch.tensor(probabilities, dtype=torch.float64).log()


def doubles(*numbers):
    """A float64 tensor."""
    return torch.tensor(numbers, dtype=torch.float64)


@visible("count_sequences")
def each_place_has_v_choices():
    """3 tokens and 2 places make 9 sequences, 2 tokens and 10 places 1,024."""
    yield count_sequences(3, 2)
    yield count_sequences(2, 10)
    yield count_sequences(5, 3)


@visible("count_sequences")
def responses_stop():
    """With 3 tokens and 2 places there are 7 responses, as listed above."""
    yield count_sequences(3, 2, stops=True)
    yield count_sequences(4, 3, stops=True)
    yield count_sequences(5, 4, stops=True)


@visible("count_sequences")
def stays_exact():
    """It stays exact beyond floats: 10 to the 400."""
    yield count_sequences(10, 400)


@visible("count_sequences", raises=ValueError)
def refuses_an_empty_vocabulary():
    """An empty vocabulary is refused."""
    yield count_sequences(0, 3)


@visible("sequence_log_probs", tol=1e-6)
def one_place_is_the_next_word():
    """One place: the probabilities of the next word."""
    _, log_y = sequence_log_probs(words.ToyModel(), PROMPT, 1, words.EOS_ID)
    yield log_y


@visible("sequence_log_probs")
def two_places_make_21():
    """Two places: 21 responses, in the order of their ids, without the prompt."""
    y, _ = sequence_log_probs(words.ToyModel(), PROMPT, 2, words.EOS_ID)
    yield list(y.shape)
    yield y


@visible("sequence_log_probs")
def log_probs_add_up():
    """The log-prob of *good <end>*, the fifth, is ln(0.35 · 0.70): EOS counts."""
    _, log_y = sequence_log_probs(words.ToyModel(), PROMPT, 2, words.EOS_ID)
    yield log_y[4].item()


@visible("sequence_log_probs")
def they_are_all_there():
    """The probabilities of all responses add up to 1."""
    _, log_y = sequence_log_probs(words.ToyModel(), PROMPT, 3, words.EOS_ID)
    yield log_y.exp().sum().item()


@visible("kl_divergence", tol=1e-6)
def the_kl_of_the_example():
    """The worked example, the first row: 0.1438 nats."""
    yield kl_divergence(logs([0.5, 0.5], [0.9, 0.1]), logs([0.75, 0.25], [0.3, 0.7]))
    yield kl_divergence(logs(0.6, 0.3, 0.1), logs(0.2, 0.2, 0.6))


@visible("kl_divergence")
def no_distance_from_itself():
    """No distance from itself."""
    yield kl_divergence(logs(0.5, 0.3, 0.2), logs(0.5, 0.3, 0.2))


@visible("kl_divergence")
def what_p_never_says():
    """What p never says adds 0."""
    yield kl_divergence(logs(1.0, 0.0), logs(0.5, 0.5))
    yield kl_divergence(logs(0.4, 0.0, 0.6), logs(0.2, 0.5, 0.3))


@visible("kl_divergence")
def what_q_forbids():
    """It is infinite where q forbids what p says."""
    yield kl_divergence(logs(0.5, 0.5), logs(1.0, 0.0))


@visible("kl_divergence")
def a_number_for_each_row():
    """One number for each row."""
    yield list(kl_divergence(LOG_REF, LOG_REF).shape)
    yield kl_divergence(LOG_REF, LOG_REF.flip(0))


@visible("kl_objective", tol=1e-6)
def the_objective_of_the_example():
    """The worked example: 0.2123."""
    yield kl_objective(logs(0.5, 0.5), logs(0.75, 0.25), doubles(1.0, 0.0), 2.0)
    yield kl_objective(logs(0.6, 0.3, 0.1), logs(0.2, 0.2, 0.6), doubles(0.5, -1.0, 3.0), 0.7)


@visible("kl_objective")
def the_reference_pays_nothing():
    """The reference pays no KL: for each prompt its expected reward is left."""
    yield kl_objective(LOG_REF, LOG_REF, R, 0.5)


@visible("kl_objective")
def a_larger_beta_costs_more():
    """A larger β costs more."""
    p, q, r = logs(0.5, 0.5), logs(0.75, 0.25), doubles(0.5, 2.0)
    yield bool(kl_objective(p, q, r, 3.0) < kl_objective(p, q, r, 1.0))


@visible("log_partition", tol=1e-5)
def log_z_of_the_example():
    """The worked example, the first row: log Z is 0.9545."""
    yield log_partition(logs([0.75, 0.25], [0.5, 0.5]), doubles([0.0, 1.0], [0.25, -1.0]), 0.5)
    yield log_partition(logs(0.2, 0.5, 0.3), doubles(1.5, -0.5, 0.25), 2.0)


@visible("log_partition")
def without_reward_z_is_one():
    """Without any reward Z = 1."""
    yield log_partition(logs(0.75, 0.25), doubles(0.0, 0.0), 0.5)


@visible("log_partition")
def large_rewards_are_no_trouble():
    """r/β = 10,000 is no trouble."""
    yield log_partition(logs(0.75, 0.25), doubles(0.0, 1.0), 1e-4)


@visible("log_partition")
def a_z_for_each_prompt():
    """One number for each prompt."""
    yield list(log_partition(LOG_REF, R, 1.0).shape)
    yield log_partition(LOG_REF, R, 0.7)


@visible("log_partition", raises=ValueError)
def refuses_beta_of_zero():
    """β = 0 is refused."""
    yield log_partition(logs(0.75, 0.25), doubles(0.0, 1.0), 0.0)


@visible("optimal_policy", tol=1e-5)
def the_policy_of_the_example():
    """The worked example, the first row: probabilities 0.2888 and 0.7112, as log-probs."""
    yield optimal_policy(logs([0.75, 0.25], [0.5, 0.5]), doubles([0.0, 1.0], [0.25, -1.0]), 0.5)
    yield optimal_policy(logs(0.2, 0.5, 0.3), doubles(1.5, -0.5, 0.25), 2.0)


@visible("optimal_policy")
def each_prompt_adds_up():
    """Each prompt's policy adds up to 1."""
    yield optimal_policy(LOG_REF, R, 0.5).logsumexp(-1)


@visible("optimal_policy", tol=1e-9)
def a_constant_changes_nothing():
    """r + 7 has the same optimum."""
    yield optimal_policy(logs(0.75, 0.25), doubles(7.0, 8.0), 0.5)


@visible("optimal_policy", tol=1e-8)
def a_huge_beta_gives_the_reference():
    """A huge β gives the reference."""
    yield optimal_policy(logs(0.75, 0.25), doubles(0.0, 1.0), 1e9)


@visible("reward_from_policy", tol=1e-9)
def gives_back_the_rewards():
    """It gives back the toy's rewards."""
    yield reward_from_policy(
        LOG_REF + R / 0.5 - torch.logsumexp(LOG_REF + R / 0.5, -1)[:, None],
        LOG_REF,
        0.5,
        torch.logsumexp(LOG_REF + R / 0.5, -1),
    )
    yield reward_from_policy(logs([0.5, 0.5], [0.1, 0.9]), logs([0.75, 0.25], [0.4, 0.6]), 3.0, doubles(0.25, -1.5))


@visible("reward_from_policy")
def equal_policies():
    """π = π_ref: the same reward, β log Z, for all responses."""
    yield reward_from_policy(logs(0.75, 0.25), logs(0.75, 0.25), 2.0, torch.tensor(3.0, dtype=torch.float64))


@visible("monte_carlo_log_partition", tol=1e-5)
def the_estimate_of_the_example():
    """The worked example: 0.9545 from four samples."""
    yield monte_carlo_log_partition(logs([0.75, 0.75, 0.75, 0.25]), doubles([0.0, 0.0, 0.0, 1.0]), 0.5)
    yield monte_carlo_log_partition(logs(0.2, 0.5, 0.5), doubles(1.0, -0.5, -0.5), 2.0)


@visible("monte_carlo_log_partition")
def large_rewards_in_samples():
    """r/β = 20,000 is no trouble."""
    yield monte_carlo_log_partition(logs(0.75, 0.75, 0.75, 0.25), doubles(1.0, 1.0, 1.0, 2.0), 1e-4)


@visible("monte_carlo_log_partition", tol=1e-9)
def an_estimate_for_each_row():
    """One estimate for each row."""
    yield monte_carlo_log_partition(
        logs([0.75, 0.25], [0.5, 0.5], [0.25, 0.25]), doubles([0.0, 1.0], [2.0, -1.0], [0.5, 0.5]), 1.0
    )


@visible("effective_sample_size", tol=1e-9)
def the_sizes_of_the_examples():
    """The worked examples: 3, 1 and 1.6, row by row."""
    yield effective_sample_size(logs([2.0, 2.0, 2.0], [1.0, 0.0, 0.0], [3.0, 1.0, 0.0]))
    yield effective_sample_size(logs([1.0, 2.0, 3.0, 4.0]))


@visible("effective_sample_size", tol=1e-5)
def weights_of_any_size():
    """Weights e^10000 times as large have the same size."""
    yield effective_sample_size(logs([2.0, 2.0, 2.0], [1.0, 0.0, 0.0], [3.0, 1.0, 0.0]) + 1e4)


@visible("best_of_n_policy", tol=1e-9)
def the_best_of_two():
    """The worked example, the first row: probabilities 0.25, 0.45 and 0.3, as log-probs."""
    yield best_of_n_policy(logs([0.5, 0.3, 0.2], [0.2, 0.2, 0.6]), doubles([0.0, 1.0, 1.0], [3.0, 1.0, 2.0]), 2)
    yield best_of_n_policy(logs(0.1, 0.4, 0.3, 0.2), doubles(2.0, -1.0, 2.0, 0.5), 3)


@visible("best_of_n_policy", tol=1e-9)
def the_best_of_one():
    """The best of one is the reference."""
    yield best_of_n_policy(logs(0.1, 0.4, 0.3, 0.2), doubles(2.0, -1.0, 2.0, 0.5), 1)


@visible("best_of_n_policy", tol=1e-9)
def adds_up_for_each_prompt():
    """It adds up to 1 for each prompt."""
    yield best_of_n_policy(LOG_REF, R, 16).logsumexp(-1)


@visible("best_of_n_policy", raises=ValueError)
def refuses_no_draws():
    """n = 0 is refused."""
    yield best_of_n_policy(logs(0.5, 0.3, 0.2), doubles(0.0, 1.0, 1.0), 0)
