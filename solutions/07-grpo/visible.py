"""Lab 07's visible checks: what students see from the start, run as often as they like, and get hints from."""

import torch

from grader.checks import visible

FUN = "A film about nothing at all, but it is fun!"
TWICE = "It is. It is not a good film at all."
DASHES = "So - this is a film - and a fun one."
NAN = torch.nan


def doubles(*numbers):
    """A float64 tensor."""
    return torch.tensor(numbers, dtype=torch.float64)


def marked(*rows):
    """A mask of texts: x is a token that counts."""
    return torch.tensor([[mark == "x" for mark in row] for row in rows])


@visible("sentence_rewards")
def the_sentences_of_the_example():
    """The worked example: 1.0, 0.0 and 1.0, a list of floats."""
    yield sentence_rewards([FUN, TWICE, DASHES])
    yield sentence_rewards(["Who would not see a film like this again?", "We saw it . and we liked it all the same"])


@visible("sentence_rewards")
def one_mark_and_it_is_the_last():
    """One of `.`, `!` and `?`, and that at the end: none is too few, two are too many."""
    yield sentence_rewards([FUN[:-1], FUN + "!", "No! It is not a film that one forgets.", "." + FUN[:-1]])
    yield sentence_rewards([FUN[:-1] + "?", "What a film? I had to leave after the first hour"])


@visible("sentence_rewards")
def words_have_a_letter():
    """Dashes and numbers are no words; *don't* and *2nd* are."""
    yield sentence_rewards(["It - is - a film of two ideas.", "I don't see why it's the 2nd of that kind."])
    yield sentence_rewards(
        [
            "We've seen the 1st one - and it's - on the whole - better.",
            "One two 3 4 5 6 7 eight.",
            "Don't they say it's the 3rd one yet?",
        ]
    )


@visible("sentence_rewards")
def white_space_does_not_count():
    """Neither around a text nor, however much, between its words; an empty text earns 0.0."""
    yield sentence_rewards([f"  {FUN}\n", "", " \n", FUN.replace(" ", "\n")])
    yield sentence_rewards(
        [f"\t{DASHES} ", "It is\na film of two old friends.", "It  is  a  film  on  one  dog  at  sea."]
    )


@visible("sentence_rewards")
def both_bounds_count():
    """Ten words are within 10 to 12, and within 8 to 10."""
    yield sentence_rewards([FUN, FUN[2:], "And so " + FUN], 10, 12)
    yield sentence_rewards([FUN, "And " + FUN, FUN[7:]], 8, 10)


@visible("sentence_rewards", raises=ValueError)
def refuses_three_to_two():
    """3 to 2 words are refused, whatever the texts."""
    yield sentence_rewards([FUN], 3, 2)
    yield sentence_rewards([], 3, 2)


@visible("pass_at_k", tol=1e-9)
def the_passes_of_the_example():
    """The worked example: 0.5; where none is right exactly 0, where one is wrong and two are submitted exactly 1."""
    yield pass_at_k([4, 4, 4], [1, 0, 3], 2)
    yield pass_at_k([9, 7, 5], [2, 3, 4], 3)


@visible("pass_at_k", tol=1e-9)
def one_try_is_the_share():
    """pass@1 is c/n."""
    yield pass_at_k([8, 5], [3, 1], 1)
    yield pass_at_k([11], [4], 1)


@visible(
    "pass_at_k", tol=1e-9, hints={"error": "Whole numbers of Python may have any size: divide them as whole numbers."}
)
def ten_thousand_samples():
    """Large numbers: of 10,000 samples one is right, 5,000 are submitted: 0.5."""
    yield pass_at_k([10_000], [1], 5_000)
    yield pass_at_k([6_000, 3_000], [2, 3], 1_500)


@visible("pass_at_k", raises=ValueError)
def refuses_k_above_any_n():
    """k = 4 is refused where one task has 3 samples, and k = 0 always."""
    yield pass_at_k([8, 3], [1, 1], 4)
    yield pass_at_k([8, 3], [1, 1], 0)


@visible("grpo_advantages", tol=1e-5)
def the_advantages_of_the_example():
    """The worked example, group (1, 0, 0, 0): 0.75 and −0.25 with "none", nearly twice that with "group"."""
    yield grpo_advantages(torch.tensor([[1.0, 0.0, 0.0, 0.0]]), "none")
    yield grpo_advantages(torch.tensor([[1.0, 0.0, 0.0, 0.0]]))


@visible("grpo_advantages", tol=1e-5)
def each_group_by_itself():
    """Each row has a mean and a deviation of its own; 1e-4 counts where rewards hardly differ."""
    yield grpo_advantages(torch.tensor([[1.0, 4.0, 2.5], [-2.0, 7.0, 0.5]]), "none")
    yield grpo_advantages(torch.tensor([[1.0, 4.0, 2.5], [-2.0, 7.0, 0.5]]), "group")
    yield grpo_advantages(doubles([0.3, 0.301, 0.3025], [5.0, 9.5, 6.0]), "group")


@visible("grpo_advantages", tol=1e-5)
def one_deviation_for_the_batch():
    """With "batch" the means are those of the groups, and the deviation is that of all rewards."""
    yield grpo_advantages(torch.tensor([[1.0, 4.0, 2.5], [-2.0, 7.0, 0.5]]), "batch")
    yield grpo_advantages(torch.tensor([[1.0, 0.0], [1.0, 1.0], [0.25, -3.0]]), "batch")


@visible("grpo_advantages", about="changed")
def the_rewards_stay():
    """The rewards that it is given stay as they were."""
    rewards = torch.tensor([[1.0, 4.0, 2.5], [-2.0, 7.0, 0.5]])
    grpo_advantages(rewards)
    yield rewards


@visible("grpo_advantages", raises=ValueError)
def refuses_other_scales():
    """Another word, such as "std", is refused."""
    yield grpo_advantages(torch.tensor([[1.0, 0.0]]), "std")


@visible("expected_gradient", tol=1e-9)
def the_gradient_of_the_example():
    """The worked example, two responses and "mean": 1/8 and −1/8."""
    yield expected_gradient(doubles(0.0, 0.0), doubles(1.0, 0.0), 2, "mean")
    yield expected_gradient(doubles(0.4, -0.7), doubles(3.0, 0.5), 3, "mean")


@visible("expected_gradient", tol=1e-9)
def none_and_others_are_exact():
    """With "none" and "others" it is the gradient of E[r], whatever the size of the group."""
    yield expected_gradient(doubles(0.5, -1.0, 0.2), doubles(1.0, 4.0, -2.0), 3, "none")
    yield expected_gradient(doubles(0.3, -0.6), doubles(2.0, -1.0), 2, "none")
    yield expected_gradient(doubles(0.5, -1.0, 0.2), doubles(1.0, 4.0, -2.0), 3, "others")
    yield expected_gradient(doubles(0.5, -1.0, 0.2), doubles(1.0, 4.0, -2.0), 2, "others")


@visible("expected_gradient", tol=1e-9)
def mean_is_shorter():
    """With "mean" and groups of three it is 2/3 of that."""
    yield expected_gradient(doubles(0.5, -1.0, 0.2), doubles(1.0, 4.0, -2.0), 3, "mean")


@visible("expected_gradient", tol=1e-9)
def group_divides_in_each_group():
    """With "group" each group's advantages are divided by its own deviation plus 1e-4."""
    yield expected_gradient(doubles(0.5, -1.0, 0.2), doubles(1.0, 4.0, -2.0), 3, "group")
    yield expected_gradient(doubles(1.5, -0.3), doubles(0.0, 2.5), 4, "group")


@visible("expected_gradient", raises=ValueError)
def refuses_other_methods():
    """Another word, such as "rloo", is refused."""
    yield expected_gradient(doubles(0.0, 0.0), doubles(1.0, 0.0), 2, "rloo")


NOW = torch.tensor([[-0.8, -1.4, -9.0]])
OLD = torch.tensor([[-1.0, -1.0, 0.0]])
TWO = marked("xx.")
LATER = torch.tensor([[-0.2, -2.1, -0.7, -1.6], [-1.3, -0.4, -2.2, -0.9]])
BEFORE = torch.tensor([[-0.5, -1.9, -1.5, -0.1], [-1.1, -1.6, -0.3, -2.4]])
HOLES = marked(".xxx", "x.x.")


@visible("importance_ratios", tol=1e-5)
def a_ratio_for_each_token():
    """The worked example, per token: 1.2214 and 0.6703, and 1 where the mask is false."""
    yield importance_ratios(NOW, OLD, TWO)
    yield importance_ratios(LATER, BEFORE, HOLES, "token")


@visible("importance_ratios", tol=1e-5)
def a_ratio_for_each_response():
    """Per sequence: 0.9048 at both of its tokens, and 1 where the mask is false."""
    yield importance_ratios(NOW, OLD, TWO, "sequence")
    yield importance_ratios(LATER, BEFORE, HOLES, "sequence")
    yield importance_ratios(
        torch.tensor([[-1.0], [-0.3]]), torch.tensor([[-1.2], [-0.9]]), marked("x", "x"), "sequence"
    )


@visible("importance_ratios", tol=1e-5)
def what_is_masked_may_be_anything():
    """nan and inf where the mask is false change nothing."""
    yield importance_ratios(torch.tensor([[-0.8, -1.4, NAN]]), torch.tensor([[-1.0, -1.0, torch.inf]]), TWO)
    yield importance_ratios(torch.tensor([[-0.8, -1.4, NAN]]), OLD, TWO, "sequence")


@visible("importance_ratios", about="gradient", tol=1e-5)
def the_gradient_reaches_the_tokens_that_count():
    """The gradient reaches `logps`, and is 0 where the mask is false, also if nan stands there."""
    lp = torch.tensor([[-0.8, -1.4, NAN]], requires_grad=True)
    ratios = importance_ratios(lp, OLD, TWO)
    yield torch.autograd.grad(ratios.sum(), lp)[0] if ratios.requires_grad else torch.zeros_like(lp)


@visible("importance_ratios", raises=ValueError)
def refuses_other_levels():
    """Another word, such as "tokens", is refused."""
    yield importance_ratios(NOW, OLD, TWO, "tokens")


@visible("clipped_losses", tol=1e-5)
def the_losses_of_the_example():
    """The worked example: −2.56, 3 and 1.6; and −1 for a ratio of 0.5 and an advantage of 2."""
    yield clipped_losses(torch.tensor([[1.5, 0.5], [1.5, 0.5]]), torch.tensor([2.0, -2.0]), 0.2, 0.28)
    yield clipped_losses(torch.tensor([[1.9, 0.3, 1.1], [1.4, 0.6, 0.9]]), torch.tensor([0.7, -3.0]), 0.2, 0.2)


@visible("clipped_losses", tol=1e-5)
def both_edges():
    """A ratio of 1.25 is cut with high = 0.2 and not with 0.28; 0.75 is cut with low = 0.2 and not with 0.3."""
    yield clipped_losses(torch.tensor([[1.25, 0.75], [1.25, 0.75]]), torch.tensor([1.5, -0.8]), 0.2, 0.28)
    yield clipped_losses(torch.tensor([[1.25, 0.75], [1.25, 0.75]]), torch.tensor([1.5, -0.8]), 0.3, 0.2)


@visible("clipped_losses", about="gradient", tol=1e-5)
def no_gradient_where_the_clip_cuts():
    """The gradient is −A where the clip does not cut, and 0 where it does."""
    rho = torch.tensor([[1.5, 0.5], [1.5, 0.5]], requires_grad=True)
    losses = clipped_losses(rho, torch.tensor([2.0, -2.0]))
    yield torch.autograd.grad(losses.sum(), rho)[0] if losses.requires_grad else torch.zeros_like(rho)


@visible("clipped_losses", about="changed")
def the_ratios_stay():
    """The ratios that it is given stay as they were."""
    rho = torch.tensor([[1.5, 0.5], [1.9, 0.3]])
    clipped_losses(rho, torch.tensor([2.0, -2.0]))
    yield rho


CUT = torch.tensor([[1.5, 0.5, 1.0], [1.5, 0.5, 0.7]])
FIVE = marked("xxx", "xx.")


@visible("clip_shares", tol=1e-6)
def one_of_five_on_each_side():
    """Two responses, five tokens: one is cut below, one above, so (0.2, 0.2), two Python floats."""
    yield clip_shares(CUT, torch.tensor([2.0, -2.0]), FIVE)
    yield clip_shares(torch.tensor([[0.9, 0.4, 0.6, 1.7], [0.3, 1.3, 2.0, 1.6]]), torch.tensor([-1.0, 0.5]), HOLES)


@visible("clip_shares", tol=1e-6)
def edges_of_their_own():
    """low is the lower edge, high the upper one."""
    yield clip_shares(CUT, torch.tensor([2.0, -2.0]), FIVE, 0.6, 0.4)
    yield clip_shares(
        torch.tensor([[0.75, 0.4, 1.25, 1.7], [1.25, 0.75, 2.0, 1.6]]), torch.tensor([-1.0, 0.5]), HOLES, 0.2, 0.3
    )


@visible("clip_shares", tol=1e-6)
def an_advantage_of_zero_is_not_cut():
    """Where the advantage is 0 nothing is cut."""
    yield clip_shares(CUT, torch.tensor([0.0, 0.0]), FIVE)
    yield clip_shares(CUT, torch.tensor([0.0, 1.0]), FIVE)


@visible("normalised_loss", tol=1e-6)
def the_averages_of_the_example():
    """The worked example: 2, 2 and 0.75."""
    yield normalised_loss(torch.tensor([[3.0, 1.0], [2.0, 0.0]]), marked("xx", "x."), "grpo", 4)
    yield normalised_loss(torch.tensor([[3.0, 1.0], [2.0, 0.0]]), marked("xx", "x."), "dapo", 4)
    yield normalised_loss(torch.tensor([[3.0, 1.0], [2.0, 0.0]]), marked("xx", "x."), "dr_grpo", 4)


@visible("normalised_loss", tol=1e-6)
def responses_or_tokens():
    """A long response beside a short one: with "grpo" responses count alike, with "dapo" tokens do."""
    yield normalised_loss(torch.tensor([[4.0, 4.5, 6.0], [1.0, 0.0, 0.0]]), marked("xxx", "x.."), "grpo")
    yield normalised_loss(torch.tensor([[4.0, 4.5, 6.0], [1.0, 0.0, 0.0]]), marked("xxx", "x.."), "dapo")
    yield normalised_loss(torch.tensor([[0.0, -2.0, 7.0, 1.5], [2.5, 0.0, 3.0, 0.0]]), HOLES, "grpo")
    yield normalised_loss(torch.tensor([[0.0, -2.0, 7.0, 1.5], [2.5, 0.0, 3.0, 0.0]]), HOLES)


@visible("normalised_loss", tol=1e-6)
def a_constant_for_dr_grpo():
    """With "dr_grpo" the sum is divided by batch times `longest`, whatever the lengths."""
    yield normalised_loss(torch.tensor([[4.0, 4.5, 6.0], [1.0, 0.0, 0.0]]), marked("xxx", "x.."), "dr_grpo", 5)
    yield normalised_loss(torch.tensor([[0.0, -2.0, 7.0, 1.5], [2.5, 0.0, 3.0, 0.0]]), HOLES, "dr_grpo")


@visible("normalised_loss", tol=1e-6)
def masked_losses_may_be_nan():
    """nan where the mask is false changes nothing."""
    yield normalised_loss(torch.tensor([[3.0, 1.0], [2.0, NAN]]), marked("xx", "x."), "grpo")
    yield normalised_loss(torch.tensor([[3.0, 1.0], [2.0, NAN]]), marked("xx", "x."), "dapo")


@visible("normalised_loss", raises=ValueError)
def refuses_other_averages():
    """Another word, such as "ppo", is refused."""
    yield normalised_loss(torch.tensor([[3.0]]), marked("x"), "ppo")


@visible("kl_losses", tol=1e-5)
def the_estimates_of_the_example():
    """The worked example: k1 = 0.5, k2 = 0.125, k3 = 0.1065, and the same with a ratio of 1."""
    yield kl_losses(torch.tensor([-1.0]), torch.tensor([-1.5]), torch.tensor([-1.0]), "k1")
    yield kl_losses(torch.tensor([-1.0]), torch.tensor([-1.5]), torch.tensor([-1.0]), "k2")
    yield kl_losses(torch.tensor([-1.0]), torch.tensor([-1.5]), torch.tensor([-1.0]), "k3")
    yield kl_losses(torch.tensor([-1.0]), torch.tensor([-1.5]), torch.tensor([-1.0]), "k3-ratio")


@visible("kl_losses", tol=1e-5)
def far_from_all():
    """Where π, π_ref and π_old all differ; "k3-ratio" is what you get without a word."""
    yield kl_losses(torch.tensor([-2.0, -0.4]), torch.tensor([-0.9, -1.6]), torch.tensor([-1.7, -0.8]), "k1")
    yield kl_losses(torch.tensor([-2.0, -0.4]), torch.tensor([-0.9, -1.6]), torch.tensor([-1.7, -0.8]), "k2")
    yield kl_losses(torch.tensor([-2.0, -0.4]), torch.tensor([-0.9, -1.6]), torch.tensor([-1.7, -0.8]), "k3")
    yield kl_losses(torch.tensor([-2.0, -0.4]), torch.tensor([-0.9, -1.6]), torch.tensor([-1.7, -0.8]))
    yield kl_losses(torch.tensor([-1.2]), torch.tensor([-0.5]), torch.tensor([-1.9]), "k3-ratio")


@visible("kl_losses", about="gradient", tol=1e-5)
def the_gradient_is_that_of_a_loss():
    """The worked example's gradients in log π: 1, 0.5, 0.3935, and 0.5 with the ratio, whose value is 1."""
    lp, ref, old = torch.tensor([-1.0], requires_grad=True), torch.tensor([-1.5]), torch.tensor([-1.0])
    losses = [kl_losses(lp, ref, old, name).sum() for name in ("k1", "k2", "k3", "k3-ratio")]
    yield [torch.autograd.grad(one, lp)[0].item() if one.requires_grad else 0.0 for one in losses]


@visible("kl_losses", raises=ValueError)
def refuses_other_estimators():
    """Another word, such as "k4", is refused."""
    yield kl_losses(torch.tensor([-1.0]), torch.tensor([-1.5]), torch.tensor([-1.0]), "k4")


LP, REF = doubles([-1.0, -2.0], [-0.5, -0.3]), doubles([-1.4, -1.0], [-0.2, -1.2])
THEN = doubles([-1.5, -2.0], [-0.4, -0.7])
GOOD = doubles(1.0, -2.0)
THREE = marked("xx", "x.")


@visible("grpo_loss", tol=1e-6)
def without_a_price():
    """β = 0: the three averages, at both levels."""
    yield grpo_loss(LP, THEN, REF, GOOD, THREE)
    yield grpo_loss(LP, THEN, REF, GOOD, THREE, "grpo", "sequence", longest=4)
    yield grpo_loss(LP, THEN, REF, GOOD, THREE, "dr_grpo", "sequence", longest=4)


@visible("grpo_loss", tol=1e-6)
def with_edges_of_its_own():
    """low and high are those of the clip."""
    yield grpo_loss(LP, THEN, REF, GOOD, THREE, low=0.05, high=0.7)
    yield grpo_loss(LP, THEN, REF, -GOOD, THREE, "grpo", low=0.7, high=0.05)


@visible("grpo_loss", tol=1e-6)
def with_a_price():
    """β = 0.5: k3 times the ratio of the level, added to each token's loss."""
    yield grpo_loss(LP, THEN, REF, GOOD, THREE, beta=0.5)
    yield grpo_loss(LP, THEN, REF, GOOD, THREE, "grpo", "sequence", beta=0.5)
    yield grpo_loss(LP, THEN, REF, GOOD, THREE, "dr_grpo", "sequence", beta=2.0, longest=4)


@visible("grpo_loss", about="gradient", tol=1e-6)
def no_gradient_at_padding():
    """The gradient reaches the tokens that count, and is 0 at padding, also if nan stands there."""
    lp = doubles([-1.0, -2.0], [-0.5, NAN]).requires_grad_()
    loss = grpo_loss(lp, THEN, REF, GOOD, THREE, beta=0.5)
    yield torch.autograd.grad(loss, lp)[0] if loss.requires_grad else torch.zeros_like(lp)
