"""Lab 08's visible checks: what students see from the start, run as often as they like, and get hints from."""

import math

import torch

from grader.checks import visible

SAID = torch.tensor([[True, True, True, False], [True, False, False, False], [True, True, True, True]])
POLICY = torch.tensor([[-1.2, -0.4, -3.1, -2.0], [-2.5, -0.7, -1.1, -0.3], [-0.9, -1.6, -0.2, -4.3]])
REF = torch.tensor([[-2.0, -1.5, -2.6, -0.1], [-1.4, -3.0, -2.2, -5.1], [-1.3, -1.1, -2.4, -5.0]])
MIXED = (["first", "first", "second"], ["first", "second", "tie"])
LONG = (
    ["first", "tie", "second", "first", "first", "tie", "first"],
    ["second", "first", "second", "tie", "first", "tie", "first"],
)


def doubles(*numbers):
    """A float64 tensor."""
    return torch.tensor(numbers, dtype=torch.float64)


@visible("sequence_kl")
def the_estimate_of_the_example():
    """The worked example: 1 nat, with a standard error of 1."""
    said = torch.tensor([[True, True], [True, False]])
    yield sequence_kl(torch.tensor([[-1.0, -2.0], [-1.0, -7.0]]), torch.tensor([[-2.0, -3.0], [-1.0, -9.0]]), said)
    yield sequence_kl(POLICY, REF, SAID)


@visible("sequence_kl")
def single_sums_may_be_negative():
    """A response that the reference finds likelier has a negative sum, and counts with its sign."""
    yield sequence_kl(REF, POLICY, SAID)
    yield sequence_kl(doubles([-4.0], [-0.5], [-1.5]), doubles([-1.0], [-2.0], [-1.0]), torch.ones(3, 1).bool())


@visible("sequence_kl", hints={"nan": "What stands behind a response's end here? Does your line choose, or multiply?"})
def what_the_mask_hides_is_nothing():
    """Behind a response's end there may be nan or −inf: nothing of it counts."""
    yield sequence_kl(POLICY.masked_fill(~SAID, math.nan), REF, SAID)
    yield sequence_kl(POLICY.masked_fill(~SAID, -math.inf), REF.masked_fill(~SAID, -math.inf), SAID)


@visible("sequence_kl", raises=ValueError)
def refuses_a_single_response():
    """A single response has no standard error, and is refused."""
    yield sequence_kl(POLICY[:1], REF[:1], SAID[:1])


@visible("best_of_n_kl")
def the_price_of_the_example():
    """The worked example: best-of-2 from two equal responses costs 0.1308 nats, not the bound's 0.1931."""
    yield best_of_n_kl(doubles(0.5, 0.5), 2)
    yield best_of_n_kl(doubles(0.25, 0.45, 0.3), 3)


@visible("best_of_n_kl")
def the_worst_response_comes_first():
    """`probs` goes from the worst response to the best."""
    yield best_of_n_kl(doubles(0.7, 0.2, 0.1), 4)
    yield best_of_n_kl(doubles(0.1, 0.2, 0.7), 4)


@visible("best_of_n_kl")
def one_draw_changes_nothing():
    """n = 1 costs 0."""
    yield best_of_n_kl(doubles(0.15, 0.6, 0.25), 1)


@visible("best_of_n_kl", hints={"nan": "(1/2)^10000 is 0 as a float: which logarithm is taken of it?"})
def ten_thousand_draws():
    """Ten thousand draws of two equal responses cost log 2."""
    yield best_of_n_kl(doubles(0.5, 0.5), 10_000)
    yield best_of_n_kl(doubles(0.35, 0.4, 0.25), 8000)


@visible("best_of_n_kl", raises=ValueError)
def refuses_no_draw():
    """n = 0 is refused."""
    yield best_of_n_kl(doubles(0.5, 0.5), 0)


@visible("best_of_n_means")
def the_means_of_the_example():
    """The worked example: mean proxy 5/3, mean gold 13/3."""
    yield best_of_n_means(doubles(0.0, 1.0, 2.0), doubles(5.0, 7.0, 3.0), 2)
    yield best_of_n_means(doubles(0.3, 1.1, 1.7, 2.2, 4.0), doubles(2.0, -1.0, 6.5, 0.5, 3.0), 3)


@visible("best_of_n_means")
def samples_come_in_any_order():
    """The samples come in any order, and each gold stays with its proxy."""
    yield best_of_n_means(doubles(2.0, 0.0, 1.0), doubles(3.0, 5.0, 7.0), 2)
    yield best_of_n_means(doubles(1.7, 4.0, 0.3, 2.2, 1.1, 0.9), doubles(6.5, 3.0, 2.0, 0.5, -1.0, 8.0), 2)


@visible("best_of_n_means")
def equal_proxies_are_kept_equally_often():
    """Of equal proxies each is kept equally often: (0, 2, 2) with golds (5, 7, 3) gives 2 and 5."""
    yield best_of_n_means(doubles(0.0, 2.0, 2.0), doubles(5.0, 7.0, 3.0), 2)
    yield best_of_n_means(doubles(1.5, 0.5, 1.5, 0.5, 2.5, 1.5), doubles(4.0, 1.0, -2.0, 6.0, 3.5, 9.0), 3)


@visible("best_of_n_means", raises=ValueError)
def refuses_more_than_there_are():
    """A choice of 4 out of 3 samples is refused."""
    yield best_of_n_means(doubles(0.0, 1.0, 2.0), doubles(5.0, 7.0, 3.0), 4)


@visible("value_at_kl")
def the_values_of_the_example():
    """The worked example: 0.3 at KL 1, and 0.4 at KL 3."""
    yield value_at_kl([0.0, 4.0, 2.0], [0.1, 0.3, 0.5], 1.0)
    yield value_at_kl([0.0, 4.0, 2.0], [0.1, 0.3, 0.5], 3.0)
    yield value_at_kl([6.0, 0.5, 3.5, 1.5], [-1.0, 2.0, 0.25, 4.0], 1.8)


@visible("value_at_kl")
def a_point_has_its_own_value():
    """At a point, the first and the last one too, the value is that of the point."""
    yield value_at_kl([0.0, 4.0, 2.0], [0.1, 0.3, 0.5], 2.0)
    yield value_at_kl([0.0, 4.0, 2.0], [0.1, 0.3, 0.5], 4.0)


@visible("value_at_kl", about="changed")
def the_lists_stay_as_they_are():
    """The lists that it is given stay as they were."""
    kls, values = [3.0, 0.0, 1.0], [0.2, 0.4, 0.9]
    value_at_kl(kls, values, 2.0)
    yield (kls, values)


@visible("value_at_kl", raises=ValueError)
def says_nothing_beyond_the_ends():
    """At KL 5 nobody knows: beyond the points it is refused, and without points."""
    yield value_at_kl([0.0, 4.0, 2.0], [0.1, 0.3, 0.5], 5.0)
    yield value_at_kl([], [], 1.0)


@visible("wilson_interval")
def the_interval_of_the_example():
    """The worked example: 8 wins of 10 give (0.4902, 0.9433)."""
    yield wilson_interval(8, 10)
    yield wilson_interval(31, 80)


@visible("wilson_interval")
def nothing_but_wins():
    """25 of 25 give (0.8668, 1): the interval is not empty."""
    yield wilson_interval(25, 25)
    yield wilson_interval(0, 40)


@visible("wilson_interval")
def half_wins_and_another_z():
    """A tie is half a win, and z may be another."""
    yield wilson_interval(6.5, 9, 1.5)
    yield wilson_interval(12.5, 30, 2.2)


@visible("wilson_interval", raises=ValueError)
def refuses_counts_that_cannot_be():
    """No comparisons, and 11 wins of 10, are refused."""
    yield wilson_interval(0, 0)
    yield wilson_interval(11, 10)


@visible("both_orders")
def the_orders_of_the_example():
    """The worked example: a win rate of 0.5833 and a bias of 0.0833."""
    yield both_orders(*MIXED)
    yield both_orders(*LONG)


@visible("both_orders")
def a_judge_that_looks_at_the_place_alone():
    """For a judge that looks at the place alone neither policy is better: 0.5, and the largest bias, ½ or −½."""
    yield both_orders(["first"] * 4, ["first"] * 4)
    yield both_orders(["second"] * 5, ["second"] * 5)


@visible("both_orders")
def a_judge_without_a_habit():
    """For a judge without a habit the bias is 0."""
    yield both_orders(["first", "first", "tie", "second"], ["second", "second", "tie", "first"])


@visible("both_orders", raises=ValueError)
def refuses_what_is_no_verdict():
    """No pairs, other words, and lists of different lengths are refused."""
    yield both_orders([], [])
    yield both_orders(["first"], ["A"])
    yield both_orders(["first", "tie"], ["second"])


@visible("win_rate_at_equal_length", tol=1e-5)
def the_fit_of_the_example():
    """The worked example: 0.5 at equal length, and φ = 0.6748."""
    yield win_rate_at_equal_length(doubles(1.0, 0.0), doubles(1.0, -1.0))
    yield win_rate_at_equal_length(
        doubles(1.0, 0.0, 1.0, 0.5, 0.0, 1.0, 1.0, 0.0), doubles(1.4, -0.3, 0.2, 0.9, 1.1, 2.3, -0.8, -1.6)
    )


@visible("win_rate_at_equal_length", tol=1e-5)
def without_gaps_the_plain_rate():
    """Where all texts are equally long it is the plain win rate, here 0.625, and φ is 0."""
    yield win_rate_at_equal_length(doubles(1.0, 1.0, 0.0, 0.5), torch.zeros(4, dtype=torch.float64))


@visible("win_rate_at_equal_length", tol=1e-5)
def another_penalty():
    """A larger penalty makes φ smaller."""
    yield win_rate_at_equal_length(
        doubles(1.0, 1.0, 0.0, 0.5, 0.0, 1.0), doubles(0.7, 1.9, -0.4, 1.2, 0.3, -0.6), penalty=4.0
    )
    yield win_rate_at_equal_length(
        doubles(1.0, 1.0, 0.0, 0.5, 0.0, 1.0), doubles(0.7, 1.9, -0.4, 1.2, 0.3, -0.6), penalty=0.2
    )


@visible("win_rate_at_equal_length", raises=ValueError)
def refuses_nothing_but_wins():
    """Nothing but wins, or nothing but losses, is refused."""
    yield win_rate_at_equal_length(torch.ones(3, dtype=torch.float64), doubles(0.5, -1.0, 2.0))
    yield win_rate_at_equal_length(torch.zeros(3, dtype=torch.float64), doubles(0.5, -1.0, 2.0))


@visible("sign_test")
def the_claim_of_the_example():
    """The worked example: 9 of 10, which w = 0.8 reaches with probability 0.3758."""
    yield sign_test(10, 0.8)
    yield sign_test(40, 0.65)


@visible("sign_test")
def another_level():
    """Another α needs another number of wins."""
    yield sign_test(12, 0.7, 0.1)
    yield sign_test(30, 0.75, level=0.01)


@visible("sign_test")
def three_comparisons_are_too_few():
    """Three wins of three come by chance with probability 1/8: no number is enough, (4, 0.0)."""
    yield sign_test(3, 0.9)
    yield sign_test(6, 0.95, 0.01)


@visible("sign_test")
def two_thousand_comparisons():
    """Two thousand comparisons, and win rates of 0 and 1, are no harder."""
    yield sign_test(2000, 0.55)
    yield sign_test(9, 1.0)
    yield sign_test(9, 0.0)


@visible("comparisons_needed")
def the_plan_of_the_example():
    """The worked example: w = 0.6 needs 153 comparisons; half the edge needs 617, about four times as many."""
    yield comparisons_needed(0.6)
    yield comparisons_needed(0.55)


@visible("comparisons_needed")
def another_level_and_another_power():
    """α and the power may be others."""
    yield comparisons_needed(0.64, level=0.02)
    yield comparisons_needed(0.64, power=0.95)
    yield comparisons_needed(0.57, 0.1, 0.7)


@visible("comparisons_needed", raises=ValueError)
def refuses_no_edge():
    """w = ½ has no edge, and is refused."""
    yield comparisons_needed(0.5)
