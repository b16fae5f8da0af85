"""Lab 02's visible checks: what students see from the start, run as often as they like, and get hints from."""

import math

import torch

from grader.checks import visible

THREE = [[2, 3], [-1, 2], [0, 1]]
RIGHT = torch.tensor([[1, 1, 1, 0, 0], [1, 0, 0, 0, 0], [1, 1, 1, 1, 1]])


def head_of_two():
    """A reward head that gives twice its one input."""
    double = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.constant_(double.weight, 2.0)
    return double


@visible("preference_pairs")
def pairs_name_the_higher_mean_first():
    """Pairs hold places, int64, the snippet with the higher mean first; equal means make no pair."""
    yield preference_pairs([[2, 3], [-1, 2]])[0]
    yield preference_pairs([[0, 1], [2, 4], [-3], [1, 0]])[0]


@visible("preference_pairs")
def the_share_counts_all_pairs_of_raters():
    """P counts all pairs of raters, ties half: 0.875 in the worked example. A higher mean need not win."""
    yield preference_pairs([[2, 3], [-1, 2]])[1]
    yield preference_pairs([[0, 0, 0], [-2, -2, 4]])[1]
    yield preference_pairs([[1, 3], [1, 1, 0], [2]])[1]


@visible("preference_pairs")
def exactly_min_gap_is_enough():
    """With a gap of 1, pairs whose means differ by exactly 1 count, and smaller gaps do not."""
    yield preference_pairs([[0, 0, 0], [1], [3, 1], [-2, 4]], 1.0)
    yield preference_pairs([[0], [2], [1], [4, 3]], 2.0)


@visible("bradley_terry_loss", tol=1e-4)
def the_worked_example():
    """−log σ(2 − 1) is 0.3133, and a tie costs ln 2: one loss for each pair."""
    yield bradley_terry_loss(torch.tensor([2.0, 0.0]), torch.tensor([1.0, 0.0]))
    yield bradley_terry_loss(torch.tensor([-1.0, 0.5, 3.0]), torch.tensor([1.0, 0.25, -0.5]))


@visible("bradley_terry_loss", tol=1e-4)
def margins_count_inside():
    """Each pair has a margin of its own, whatever its sign: ahead by exactly m is only a coin flip."""
    yield bradley_terry_loss(torch.tensor([2.0, 0.0]), torch.tensor([1.0, 0.0]), torch.tensor([1.0, -2.0]))
    yield bradley_terry_loss(torch.tensor([0.5, -1.5]), torch.tensor([1.0, 1.0]), torch.tensor([-0.75, 3.0]))


@visible("bradley_terry_loss", tol=1e-2)
def stays_finite():
    """10,000 behind costs 10,000, and not inf or nan."""
    yield bradley_terry_loss(torch.tensor([-1e4, 1e4]), torch.tensor([0.0, 0.0]))
    yield bradley_terry_loss(torch.tensor([-3e3, 50.0]), torch.tensor([2e3, -9e3]))


@visible("last_token_index")
def padding_on_the_right():
    """Padding on the right: the places 2, 0 and 4, counted from 0."""
    yield last_token_index(RIGHT)
    yield last_token_index(torch.tensor([[1, 1, 0, 0], [1, 1, 1, 0]]))


@visible("last_token_index")
def padding_on_the_left():
    """Padding on the left: the last place in each row."""
    yield last_token_index(RIGHT.flip(1))
    yield last_token_index(torch.tensor([[0, 0, 1, 1], [0, 1, 1, 1]]))


@visible("last_token_index", raises=ValueError)
def refuses_a_row_without_tokens():
    """A row without any token is refused, though other rows have some."""
    yield last_token_index(torch.tensor([[1, 0], [0, 0]]))


@visible("pool_reward")
def reads_the_last_token():
    """The reward of the vector at each row's last token, wherever the padding is: 14 and 8."""
    hidden = torch.tensor([[[5.0], [7.0], [9.0]], [[math.nan], [1.0], [4.0]]])
    yield pool_reward(hidden, torch.tensor([[1, 1, 0], [0, 1, 1]]), head_of_two())
    yield pool_reward(
        torch.tensor([[[1.0], [2.0], [6.0]], [[3.0], [8.0], [4.0]]]),
        torch.tensor([[1, 0, 0], [1, 1, 0]]),
        head_of_two(),
    )


@visible("pool_reward", about="gradient")
def the_gradient_reaches_last_tokens():
    """Gradients reach the vectors of last tokens, and no others."""
    hidden = torch.tensor([[[5.0], [7.0], [9.0]], [[3.0], [1.0], [4.0]]], requires_grad=True)
    found = pool_reward(hidden, torch.tensor([[1, 1, 0], [0, 1, 1]]), head_of_two())
    yield (
        torch.autograd.grad(found.sum(), hidden, allow_unused=True)[0]
        if found.requires_grad
        else torch.zeros_like(hidden)
    )


@visible("centre_rewards")
def each_prompt_has_its_own_mean():
    """Each prompt's own mean comes off, in whatever order the responses stand."""
    yield centre_rewards(torch.tensor([1.0, 10.0, 3.0, 20.0]), torch.tensor([7, 2, 7, 2]))
    yield centre_rewards(torch.tensor([4.0, -1.0, 0.5, 2.0, 2.5]), torch.tensor([-3, 9, -3, 9, -3]))


@visible("centre_rewards", about="changed")
def leaves_r_alone():
    """The rewards that it is given stay as they were."""
    r = torch.tensor([1.0, 10.0, 3.0, 20.0])
    centre_rewards(r, torch.tensor([7, 2, 7, 2]))
    yield r


@visible("pairwise_accuracy")
def the_share_of_right_orders():
    """The share of pairs whose chosen snippet has the higher reward, a Python float: 0.5 in the worked example."""
    yield pairwise_accuracy(torch.tensor([1.0, 4.0, 4.0]), torch.tensor([[1, 0], [0, 2], [1, 2]]))
    yield pairwise_accuracy(torch.tensor([-1.0, 4.0, 2.0, 3.0]), torch.tensor([[1, 0], [2, 0], [3, 1], [0, 3], [1, 2]]))


@visible("pairwise_accuracy")
def ties_count_half():
    """A model that cannot tell has 0.5."""
    yield pairwise_accuracy(torch.zeros(3), torch.tensor([[0, 1], [2, 1]]))
    yield pairwise_accuracy(torch.tensor([1.0, 1.0, 0.0]), torch.tensor([[0, 1], [0, 2], [1, 2]]))


@visible("pairwise_accuracy", raises=ValueError)
def refuses_no_pairs():
    """No pairs are refused."""
    yield pairwise_accuracy(torch.zeros(3), torch.zeros(0, 2, dtype=torch.int64))


@visible("accuracy_ceiling")
def one_rater_each():
    """With the label of one rater: the worked example has 0.6875."""
    yield accuracy_ceiling(THREE, torch.tensor([[0, 1], [1, 2]]))
    yield accuracy_ceiling([[1, 4], [0, 2, 2], [3]], torch.tensor([[1, 0], [2, 1], [0, 2]]))


@visible("accuracy_ceiling")
def the_mean_as_label():
    """With the order of the means as label: the worked example has 0.75, equal means are a coin flip."""
    yield accuracy_ceiling(THREE, torch.tensor([[0, 1], [1, 2]]), "mean")
    yield accuracy_ceiling([[1, 3], [2], [4], [0]], torch.tensor([[0, 1], [2, 3], [1, 3]]), "mean")


@visible("accuracy_ceiling")
def the_lower_mean_may_be_the_better_bet():
    """Whoever bets on one rater bets on the more probable order, which need not be that of the means."""
    yield accuracy_ceiling([[4, -1, -1, -1], [0]], torch.tensor([[0, 1]]))
    yield accuracy_ceiling([[-4, 1, 1], [0, 0], [2, -3, 4]], torch.tensor([[0, 1], [1, 2]]))


@visible("accuracy_ceiling", raises=ValueError)
def refuses_other_labels():
    """Other labels are refused."""
    yield accuracy_ceiling(THREE, torch.tensor([[0, 1]]), "median")
