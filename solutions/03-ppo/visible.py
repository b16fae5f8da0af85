"""Lab 03's visible checks: what students see from the start, run as often as they like, and get hints from."""

import torch
from torch.nn import functional as F

from grader.checks import visible
from rlhf import toy as words

NAN, INF = torch.nan, torch.inf
SAMPLE = {"text": ["abcdefgh" * 26, "x" * 200, "ijklmnop" * 40, "short"], "label": [1, 0, 1, 0]}
FIVE = torch.tensor([[1.0, 2.0, 3.0, 4.0, 5.0, 99.0]])
FIRST_FIVE = torch.tensor([[True, True, True, True, True, False]])
GROUPS = torch.tensor([[1.0, 2.0, 6.0], [5.0, 5.0, 5.0]])


def doubles(*rows):
    """A float64 tensor."""
    return torch.tensor(rows, dtype=torch.float64)


def mask_of(*rows):
    """A mask, written in 0 and 1."""
    return torch.tensor(rows).bool()


def all_responses():
    """Logits of a policy on the toy's words, all 341 responses with their rewards, and their probabilities."""
    logits = (torch.arange(25.0, dtype=torch.float64).view(5, 5) * 0.37).sin()
    y, r = words.responses(), words.rewards(0)
    state = F.pad(y, (1, 0), value=words.EOS_ID)[:, :-1]
    counts = F.pad((y == words.EOS_ID).cumsum(1), (1, 0))[:, :-1] == 0
    log_pi = (logits.log_softmax(-1)[state, y] * counts).sum(1)
    return logits, y, r, log_pi.exp()[:, None, None]


@visible("build_queries")
def three_columns():
    """Three columns: review, input_ids and query."""
    yield list(build_queries(SAMPLE, Letters(), seed=0))


@visible("build_queries")
def reviews_of_more_than_200():
    """Reviews of more than 200 characters are kept, whole."""
    yield build_queries(SAMPLE, Letters(), seed=0)["review"]
    yield build_queries({"text": ["y" * 201, "z" * 199, "w" * 200], "label": [0, 1, 1]}, Letters(), seed=1)["review"]


@visible("build_queries")
def a_length_for_each_kept_review():
    """With seed 0 the lengths are 6 and 7: one draw for each kept review."""
    yield build_queries(SAMPLE, Letters(), seed=0)["query"]
    yield build_queries(SAMPLE, Letters(), seed=3)["query"]


@visible("build_queries")
def ids_and_text_agree():
    """A query is its ids, decoded."""
    found = build_queries(SAMPLE, Letters(), seed=0)
    yield [list(map(ord, query)) for query in found["query"]] == found["input_ids"]


@visible("build_queries")
def low_and_high_are_used():
    """Lengths lie between low and high."""
    yield build_queries(SAMPLE, Letters(), 3, 4)["query"]
    yield build_queries(SAMPLE, Letters(), 10, 30, 2)["query"]


@visible("make_config")
def takes_the_model():
    """The model's name is passed on."""
    yield facts_of_config("tiny", 3e-4, 0.05, 16, 7)["model_name"]


@visible("make_config")
def takes_the_learning_rate():
    """The learning rate is passed on."""
    yield facts_of_config("tiny", 3e-4, 0.05, 16, 7)["learning_rate"]


@visible("make_config")
def takes_beta():
    """β, here 0.05, is the coefficient of the KL at the start."""
    yield facts_of_config("tiny", 3e-4, 0.05, 16, 7)["init_kl_coef"]


@visible("make_config")
def beta_stays_fixed():
    """β stays fixed: nothing adapts it."""
    yield facts_of_config("tiny", 3e-4, 0.05, 16, 7)["adap_kl_ctrl"]


@visible("make_config")
def one_mini_batch():
    """The batch is one mini-batch, of 16."""
    facts = facts_of_config("tiny", 3e-4, 0.05, 16, 7)
    yield [facts["batch_size"], facts["mini_batch_size"]]


@visible("make_config")
def the_rest_is_trls():
    """What was not asked for keeps TRL's default."""
    yield facts_of_config("tiny", 3e-4, 0.05, 16, 7)["gamma"]


@visible("score_function_gradient")
def the_worked_example():
    """The worked example: each row that was read has one-hot minus probabilities, times r − b."""
    flat = torch.zeros(3, 3, dtype=torch.float64)
    yield score_function_gradient(flat, torch.tensor([[0, 2, 2]]), doubles(3.0), 1.0)
    yield score_function_gradient(
        doubles([0.5, 1.0, 0.0], [0.0, -1.0, 2.0], [1.0, 0.0, 0.5]),
        torch.tensor([[1, 1, 2], [0, 1, 0]]),
        doubles(2.0, -1.0),
        0.5,
    )


@visible("score_function_gradient", tol=1e-9)
def the_mean_is_the_exact_gradient():
    """The mean over all 341 responses is the exact gradient, without a baseline."""
    logits, y, r, pi = all_responses()
    yield (pi * score_function_gradient(logits, y, r, 0.0)).sum(0)


@visible("score_function_gradient", tol=1e-9)
def a_baseline_changes_no_mean():
    """With a baseline of 5 the mean is the same gradient."""
    logits, y, r, pi = all_responses()
    yield (pi * score_function_gradient(logits, y, r, 5.0)).sum(0)


@visible("kl_estimators")
def a_dict_of_three():
    """A dict of k1, k2 and k3."""
    yield list(kl_estimators(doubles(-1.0, -2.0), doubles(-2.0, -1.0)))


@visible("kl_estimators")
def k1_of_the_example():
    """k1 is 1 and −1 in the worked example."""
    yield kl_estimators(doubles(-1.0, -2.0), doubles(-2.0, -1.0)).get("k1")
    yield kl_estimators(doubles(-0.5, -3.0), doubles(-0.25, -1.0)).get("k1")


@visible("kl_estimators")
def k2_of_the_example():
    """k2 is one half twice."""
    yield kl_estimators(doubles(-1.0, -2.0), doubles(-2.0, -1.0)).get("k2")
    yield kl_estimators(doubles(-0.5, -3.0), doubles(-0.25, -1.0)).get("k2")


@visible("kl_estimators", tol=1e-6)
def k3_of_the_example():
    """k3 is 0.3679 and 0.7183."""
    yield kl_estimators(doubles(-1.0, -2.0), doubles(-2.0, -1.0)).get("k3")
    yield kl_estimators(doubles(-0.5, -3.0), doubles(-0.25, -1.0)).get("k3")


@visible(
    "kl_estimators", hints={"value": "Two numbers of about 1 are subtracted somewhere: what is left of their digits?"}
)
def k3_stays_above_zero():
    """k3 is above 0 for policies that hardly differ, in float32 too."""
    k3 = kl_estimators(torch.tensor([-2.0]), torch.tensor([-2.0001]))["k3"]
    yield bool((k3 > 0).all())


@visible("kl_penalised_rewards")
def the_penalised_example():
    """The worked example: the penalty on every token of the response, the score on top at its last one."""
    lp, ref = torch.tensor([[-9.0, -1.0, -1.0, -9.0]]), torch.tensor([[-7.0, -2.0, -4.0, -5.0]])
    yield kl_penalised_rewards(torch.tensor([2.0]), lp, ref, mask_of([0, 1, 1, 0]), 0.5)
    yield kl_penalised_rewards(torch.tensor([-1.0]), lp, ref, mask_of([0, 1, 1, 1]), 0.25)


@visible("kl_penalised_rewards")
def each_row_has_its_own_end():
    """Each row has its own score and its own last token, the last column too."""
    lp, ref = (
        torch.tensor([[-1.0, -2.0, -0.5], [-3.0, -1.0, -2.0]]),
        torch.tensor([[-2.0, -1.5, -1.0], [-1.0, -1.5, -4.0]]),
    )
    yield kl_penalised_rewards(torch.tensor([3.0, -2.0]), lp, ref, mask_of([1, 1, 0], [0, 1, 1]), 0.1)
    yield kl_penalised_rewards(torch.tensor([0.5, 1.5]), lp, ref, mask_of([1, 0, 0], [1, 1, 1]), 1.0)


@visible("kl_penalised_rewards")
def junk_at_padding_does_no_harm():
    """nan and inf at padding do no harm."""
    lp, ref = torch.tensor([[NAN, -1.0, -1.0, INF]]), torch.tensor([[-7.0, -2.0, -4.0, NAN]])
    yield kl_penalised_rewards(torch.tensor([2.0]), lp, ref, mask_of([0, 1, 1, 0]), 0.5)


@visible("gae")
def the_advantages():
    """The advantages of the worked example, 0.22 and 0.4."""
    yield gae(doubles([0.0, 0.0, 1.0, 7.0]), doubles([9.0, 0.5, 0.6, 7.0]), mask_of([0, 1, 1, 0]), 0.9, 0.5)[0]
    yield gae(doubles([0.3, -1.0, 2.0]), doubles([0.2, 0.4, -0.5]), mask_of([1, 1, 1]), 0.8, 0.6)[0]


@visible("gae")
def the_returns():
    """The returns of the worked example, 0.72 and 1: advantage plus value."""
    yield gae(doubles([0.0, 0.0, 1.0, 7.0]), doubles([9.0, 0.5, 0.6, 7.0]), mask_of([0, 1, 1, 0]), 0.9, 0.5)[1]
    yield gae(doubles([0.3, -1.0, 2.0]), doubles([0.2, 0.4, -0.5]), mask_of([1, 1, 1]), 0.8, 0.6)[1]


@visible("gae")
def lambda_of_one():
    """With λ = 1 the return is the discounted reward to come."""
    yield gae(doubles([0.0, 0.0, 1.0, 7.0]), doubles([9.0, 0.5, 0.6, 7.0]), mask_of([0, 1, 1, 0]), 0.9, 1.0)[1]


@visible("whiten")
def mean_zero_and_variance_one():
    """The worked example: mean 0 and variance 1 (n − 1) over the three values that count, 0 elsewhere."""
    yield whiten(doubles([1.0, 2.0, 9.0], [3.0, 9.0, 9.0]), mask_of([1, 1, 0], [1, 0, 0]))
    yield whiten(doubles([4.0, -2.0, 1.0], [0.5, 3.0, 6.0]), mask_of([1, 0, 1], [1, 1, 0]))


@visible("whiten")
def the_mean_can_be_kept():
    """With shift_mean=False the mean is added again."""
    yield whiten(doubles([1.0, 2.0, 9.0], [3.0, 9.0, 9.0]), mask_of([1, 1, 0], [1, 0, 0]), shift_mean=False)
    yield whiten(doubles([4.0, -2.0, 1.0], [0.5, 3.0, 6.0]), mask_of([1, 0, 1], [1, 1, 0]), shift_mean=False)


@visible("whiten", tol=1e-5)
def tiny_values_are_not_blown_up():
    """Values of 1e-4 are not blown up to 1: 1e-8 is added inside the root."""
    yield whiten(doubles([1e-4, 2e-4, 9e-4], [3e-4, 9e-4, 9e-4]), mask_of([1, 1, 0], [1, 0, 0]))
    yield whiten(doubles([1e-5, 3e-5]), mask_of([1, 1]))


@visible("whiten", raises=ValueError)
def refuses_a_single_value():
    """A single value is refused."""
    yield whiten(doubles([1.0, 2.0, 9.0]), mask_of([0, 1, 0]))


@visible("ppo_clip_loss")
def likelier_and_good():
    """ρ = 1.5 and A = 1: loss −1.2, and no gradient any more."""
    one, zero = mask_of([1]), torch.zeros(1, 1)
    yield loss_and_slope(torch.tensor([[1.5]]).log(), zero, torch.tensor([[1.0]]), one, 0.2)


@visible("ppo_clip_loss")
def less_likely_and_good():
    """ρ = 0.5 and A = 1: loss −0.5, gradient −0.5."""
    one, zero = mask_of([1]), torch.zeros(1, 1)
    yield loss_and_slope(torch.tensor([[0.5]]).log(), zero, torch.tensor([[1.0]]), one, 0.2)


@visible("ppo_clip_loss")
def likelier_and_bad():
    """ρ = 1.5 and A = −1: loss 1.5, gradient 1.5."""
    one, zero = mask_of([1]), torch.zeros(1, 1)
    yield loss_and_slope(torch.tensor([[1.5]]).log(), zero, torch.tensor([[-1.0]]), one, 0.2)


@visible("ppo_clip_loss")
def less_likely_and_bad():
    """ρ = 0.5 and A = −1: loss 0.8, and no gradient any more."""
    one, zero = mask_of([1]), torch.zeros(1, 1)
    yield loss_and_slope(torch.tensor([[0.5]]).log(), zero, torch.tensor([[-1.0]]), one, 0.2)


@visible("ppo_clip_loss")
def at_the_first_step():
    """ρ = 1: no loss, but a gradient of −A/n over the three tokens that count."""
    mask, zeros = mask_of([1, 1], [1, 0]), torch.zeros(2, 2)
    yield loss_and_slope(zeros, zeros, torch.tensor([[1.0, -3.0], [2.0, 50.0]]), mask, 0.2)


@visible("value_loss_clipped")
def clipped_above():
    """V_old = 0, R = 1, V = 0.9: the clipped error is the larger one, 0.32."""
    zero, goal, one = torch.zeros(1, 1), torch.ones(1, 1), mask_of([1])
    yield value_loss_clipped(torch.tensor([[0.9]]), zero, goal, one)
    yield value_loss_clipped(torch.tensor([[1.6]]), torch.tensor([[0.3]]), torch.tensor([[2.0]]), one)


@visible("value_loss_clipped")
def the_plain_error_may_be_larger():
    """V_old = 0, R = 1, V = −0.5: the plain error is the larger one, 1.125."""
    zero, goal, one = torch.zeros(1, 1), torch.ones(1, 1), mask_of([1])
    yield value_loss_clipped(torch.tensor([[-0.5]]), zero, goal, one)
    yield value_loss_clipped(torch.tensor([[-0.7]]), torch.tensor([[0.4]]), torch.tensor([[1.5]]), one)


@visible("value_loss_clipped")
def within_the_clip():
    """V_old = 0, R = 1, V = 0.1: nothing is clipped, 0.405."""
    zero, goal, one = torch.zeros(1, 1), torch.ones(1, 1), mask_of([1])
    yield value_loss_clipped(torch.tensor([[0.1]]), zero, goal, one)
    yield value_loss_clipped(torch.tensor([[0.35]]), torch.tensor([[0.3]]), torch.tensor([[-1.0]]), one)


@visible("value_loss_clipped")
def the_mean_over_what_counts():
    """The mean over two tokens that count, with nan at the third: 0.7225."""
    yield value_loss_clipped(torch.tensor([[0.9, -0.5, NAN]]), torch.zeros(1, 3), torch.ones(1, 3), mask_of([1, 1, 0]))
    yield value_loss_clipped(
        torch.tensor([[0.1, 7.0], [2.0, -1.0]]), torch.zeros(2, 2), torch.ones(2, 2), mask_of([1, 0], [1, 1])
    )


@visible("value_loss_clipped", about="gradient")
def its_gradient_is_finite():
    """Its gradient reaches the values that count, and is finite."""
    values = torch.tensor([[0.9, -0.5, NAN]], requires_grad=True)
    loss = value_loss_clipped(values, torch.zeros(1, 3), torch.ones(1, 3), mask_of([1, 1, 0]))
    yield torch.autograd.grad(loss, values)[0] if loss.requires_grad else torch.zeros(1, 3)


@visible("explained_variance", tol=1e-5)
def a_perfect_guess():
    """V = R explains all: 1."""
    yield explained_variance(FIVE, FIVE, FIRST_FIVE)


@visible("explained_variance", tol=1e-5)
def a_constant_guess():
    """V = 3, the mean of the returns, explains 0.2: the variance divides by n − 1."""
    yield explained_variance(0 * FIVE + 3, FIVE, FIRST_FIVE)
    yield explained_variance(0 * FIVE + 2, FIVE, FIRST_FIVE)


@visible("explained_variance", tol=1e-5)
def an_offset_is_an_error():
    """V = R + 10 is worse than nothing: −39."""
    yield explained_variance(FIVE + 10, FIVE, FIRST_FIVE)
    yield explained_variance(torch.tensor([[1.5, 0.5, 3.0]]), torch.tensor([[1.0, -1.0, 4.0]]), mask_of([1, 1, 1]))


@visible("explained_variance", raises=ValueError)
def refuses_equal_returns():
    """Equal returns are refused."""
    yield explained_variance(FIVE, 0 * FIVE, FIRST_FIVE)


@visible("group_advantages")
def leave_one_out():
    """RLOO: the mean of the others comes off."""
    yield group_advantages(GROUPS, "rloo")
    yield group_advantages(torch.tensor([[0.5, -1.0], [2.0, 3.5]]), "rloo")


@visible("group_advantages", tol=1e-4)
def grpo_standardises():
    """GRPO: the group's mean comes off, and its standard deviation plus 1e-4 divides."""
    yield group_advantages(GROUPS, "grpo")
    yield group_advantages(torch.tensor([[0.5, -1.0], [2.0, 3.5]]), "grpo")


@visible("group_advantages", raises=ValueError)
def refuses_a_single_response():
    """A group of one is refused."""
    yield group_advantages(GROUPS[:, :1], "rloo")


@visible("group_advantages", raises=ValueError)
def refuses_other_methods():
    """Another method is refused."""
    yield group_advantages(GROUPS, "ppo")
