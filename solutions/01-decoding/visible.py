"""Lab 01's visible checks: what students see from the start, run as often as they like, and get hints from."""

import torch

from grader.checks import visible

INF = torch.inf


@visible("apply_temperature")
def a_low_temperature_spreads():
    """τ = 0.5 doubles the logits (2, 1, 0)."""
    yield apply_temperature(torch.tensor([[2.0, 1.0, 0.0]]), 0.5)
    yield apply_temperature(torch.tensor([[-1.0, 3.0, 0.5]]), 0.5)


@visible("apply_temperature")
def a_high_temperature_flattens():
    """τ = 2 halves them, each row by itself."""
    yield apply_temperature(torch.tensor([[2.0, 1.0, 0.0], [0.5, -3.0, 8.0]]), 2.0)


@visible("apply_temperature", about="changed")
def leaves_its_input_alone():
    """The logits that it is given stay as they were."""
    z = torch.tensor([[2.0, 1.0, 0.0]])
    apply_temperature(z, 2.0)
    yield z


@visible("apply_temperature", raises=ValueError)
def refuses_zero():
    """τ = 0 is refused."""
    yield apply_temperature(torch.tensor([[2.0, 1.0, 0.0]]), 0.0)


@visible("top_k_filter")
def keeps_two_in_each_row():
    """k = 2 keeps the two largest of each row and forbids the others."""
    yield top_k_filter(torch.tensor([[1.0, 4.0, 2.0, 3.0], [9.0, 8.0, 7.0, 6.0]]), 2)
    yield top_k_filter(torch.tensor([[0.5, -2.0, 3.5, -1.0, 1.5], [-3.0, 6.0, -4.0, 2.5, -5.0]]), 3)


@visible("top_k_filter")
def keeps_ties():
    """What ties with the k-th largest stays too."""
    yield top_k_filter(torch.tensor([[3.0, 1.0, 2.0, 2.0]]), 2)
    yield top_k_filter(torch.tensor([[5.0, 5.0, 1.0, 0.0]]), 1)
    yield top_k_filter(torch.tensor([[7.0, 7.0, 4.0, 2.0, 1.0]]), 3)


@visible("top_k_filter")
def takes_a_large_k():
    """A k beyond the vocabulary keeps all."""
    yield top_k_filter(torch.tensor([[1.0, 4.0, 2.0, 3.0]]), 50)


@visible("top_k_filter", raises=ValueError)
def refuses_to_keep_nothing():
    """k = 0 is refused."""
    yield top_k_filter(torch.tensor([[1.0, 4.0, 2.0, 3.0]]), 0)


@visible("top_p_filter")
def keeps_what_crosses_p():
    """p = 0.7 keeps 0.5 and 0.3 of (0.5, 0.3, 0.15, 0.05); p = 0.4 keeps 0.5 alone."""
    z = torch.tensor([[0.5, 0.3, 0.15, 0.05]]).log()
    yield top_p_filter(z, 0.7)
    yield top_p_filter(z, 0.4)


@visible("top_p_filter")
def finds_the_nucleus_anywhere():
    """Each row has its own nucleus, and its tokens need not be sorted."""
    z = torch.tensor([[0.08, 0.05, 0.75, 0.12], [0.3, 0.38, 0.2, 0.12]]).log()
    yield top_p_filter(z, 0.6)
    yield top_p_filter(z, 0.83)


@visible("top_p_filter")
def keeps_all_for_one():
    """p = 1 keeps even a token of probability e^-40."""
    yield top_p_filter(torch.tensor([[0.0, -40.0]]), 1.0)
    yield top_p_filter(torch.tensor([[-30.0, 2.0, -25.0]]), 1.0)


@visible("top_p_filter", raises=ValueError)
def refuses_p_of_zero():
    """p = 0 is refused."""
    yield top_p_filter(torch.tensor([[0.5, 0.3]]).log(), 0.0)


@visible("repetition_penalty")
def seen_logits_fall():
    """A seen logit above 0 is divided, one below 0 is multiplied; the others stay."""
    yield repetition_penalty(torch.tensor([[4.0, 3.0, -1.0]]), torch.tensor([[0, 2]]), 2.0)
    yield repetition_penalty(torch.tensor([[-3.0, 1.5, 6.0, -0.5]]), torch.tensor([[0, 2]]), 1.5)


@visible("repetition_penalty")
def once_however_often():
    """A token that was seen three times is penalised once."""
    yield repetition_penalty(torch.tensor([[4.0, 3.0, -1.0]]), torch.tensor([[0, 2, 0, 0]]), 2.0)
    yield repetition_penalty(torch.tensor([[8.0, -3.0, 1.0]]), torch.tensor([[1, 1, 2]]), 1.5)


@visible("repetition_penalty")
def each_row_has_its_own_history():
    """Row i of the ids is the history of row i of the logits."""
    z = torch.tensor([[4.0, 3.0, -1.0, 2.0], [4.0, 3.0, -1.0, 2.0]])
    yield repetition_penalty(z, torch.tensor([[0, 2, 0], [3, 1, 1]]), 2.0)
    yield repetition_penalty(z, torch.tensor([[3, 3, 1], [0, 2, 2]]), 3.0)


@visible("repetition_penalty", raises=ValueError)
def refuses_a_penalty_of_zero():
    """A penalty of 0 is refused."""
    yield repetition_penalty(torch.tensor([[4.0, 3.0, -1.0]]), torch.tensor([[0, 2]]), 0.0)


@visible("min_new_tokens")
def forbids_the_end_before_the_minimum():
    """EOS is forbidden in every row while fewer tokens than the minimum are there."""
    z = torch.tensor([[1.0, 2.0, 3.0, 0.5], [4.0, 5.0, 6.0, 1.5], [7.0, -1.0, 2.0, 2.5]])
    yield min_new_tokens(z, 1, 2, eos_id=1)
    yield min_new_tokens(z, 0, 2, eos_id=2)
    yield min_new_tokens(z, 3, 5, eos_id=1)


@visible("min_new_tokens")
def allows_the_end_at_the_minimum():
    """EOS is allowed once the minimum is there."""
    z = torch.tensor([[1.0, 2.0, 3.0, 0.5], [4.0, 5.0, 6.0, 1.5], [7.0, -1.0, 2.0, 2.5]])
    yield min_new_tokens(z, 2, 2, eos_id=1)
    yield min_new_tokens(z, 5, 2, eos_id=2)
    yield min_new_tokens(z, 0, 0, eos_id=1)


@visible("min_new_tokens", about="changed")
def min_new_tokens_leaves_its_input_alone():
    """The logits that it is given stay as they were."""
    z = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    min_new_tokens(z, 1, 2, eos_id=1)
    yield z


@visible("sample_next")
def u_falls_on_a_piece():
    """u = 0.2, 0.6 and 0.95 draw tokens 0, 1 and 2 of (0.5, 0.3, 0.2)."""
    z = torch.tensor([[0.5, 0.3, 0.2]] * 3).log()
    yield sample_next(z, torch.tensor([0.2, 0.6, 0.95]))
    yield sample_next(z, torch.tensor([0.9, 0.1, 0.7]))


@visible("sample_next")
def pieces_lie_in_the_order_of_ids():
    """The pieces lie in the order of the ids, and are as long as the probabilities."""
    z = torch.tensor([[0.1, 0.2, 0.3, 0.4], [0.4, 0.1, 0.3, 0.2], [0.25, 0.05, 0.6, 0.1]]).log()
    yield sample_next(z, torch.tensor([0.25, 0.45, 0.28]))
    yield sample_next(z, torch.tensor([0.55, 0.75, 0.95]))


@visible("sample_next")
def zero_draws_a_possible_token():
    """u = 0 never draws a token of probability 0."""
    yield sample_next(torch.tensor([[-INF, 0.0, 0.0]]), torch.tensor([0.0]))
    yield sample_next(torch.tensor([[-INF, -INF, 1.0, 2.0]]), torch.tensor([0.0]))


@visible("generate")
def one_candidate_is_greedy():
    """k = 1 is greedy: the good film <end>; a row that has ended is filled up with <end>."""
    start, halves = torch.tensor([[0], [3]]), torch.full((2, 6), 0.5)
    yield generate(toy, start, halves, 4, k=1)
    yield generate(toy, start.flip(0), halves[:, :5], 4, k=1)


@visible("generate")
def each_step_has_its_own_u():
    """Step s is drawn with column s of u."""
    start = torch.tensor([[0], [3]])
    yield generate(toy, start, torch.tensor([[0.6, 0.2, 0.05], [0.05, 0.1, 0.99]]), 4)
    yield generate(toy, start, torch.tensor([[0.95, 0.1, 0.7, 0.4], [0.15, 0.7, 0.9, 0.3]]), 4)


@visible("generate")
def the_minimum_forbids_the_end():
    """minimum = 1 forbids EOS as the first new token."""
    start, halves = torch.tensor([[0], [3]]), torch.full((2, 2), 0.5)
    yield generate(toy, start, halves, 4, k=1, minimum=1)
    yield generate(toy, start, torch.full((2, 3), 0.5), 4, k=1, minimum=2)


@visible("beam_search")
def one_beam_is_greedy():
    """One beam is greedy."""
    text, _ = beam_search(toy, torch.tensor([[0]]), 1, 2, 4)
    yield text
    yield beam_search(toy, torch.tensor([[0]]), 1, 3, 4)


@visible("beam_search")
def two_beams_find_more():
    """Two beams find: the bad film."""
    text, _ = beam_search(toy, torch.tensor([[0]]), 2, 2, 4)
    yield text


@visible("beam_search", tol=1e-3)
def the_score_is_a_log_prob():
    """Its score is the log-probability of all new tokens, here ln 0.342."""
    _, score = beam_search(toy, torch.tensor([[0]]), 2, 2, 4)
    yield score
    yield beam_search(toy, torch.tensor([[0]]), 2, 3, 4)


@visible("beam_search")
def what_has_ended_is_not_extended():
    """A hypothesis that has ended keeps its score and is not extended."""
    text, _ = beam_search(toy, torch.tensor([[0]]), 3, 6, 4)
    yield text
    yield beam_search(toy, torch.tensor([[0]]), 4, 8, 4)
