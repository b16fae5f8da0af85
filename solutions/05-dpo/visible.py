"""Lab 05's visible checks: what students see from the start, run as often as they like, and get hints from."""

import torch
from torch.nn import functional as F

from grader.checks import visible

GOOD, BAD = "A film of grace", "A film  without it"
IDS = torch.tensor([[0, 7, 3, 0, 0, 0], [0, 5, 2, 2, 6, 0]])
MASK = torch.tensor([[1, 1, 1, 1, 0, 0], [1, 1, 1, 1, 1, 1]])


def doubles(*numbers):
    """A float64 tensor."""
    return torch.tensor(numbers, dtype=torch.float64)


def some_logits():
    """Logits [2, 6, 8] that no formula of the lab makes."""
    return (torch.arange(96, dtype=torch.float64) * 1.7).sin().view(2, 6, 8) * 3


def four(*numbers):
    """Four log-probs as tensors of one pair each."""
    return [torch.tensor([number]) for number in numbers]


@visible("loss_against_u", tol=1e-6)
def the_loss_of_the_example():
    """The worked example, β = 0.5: 1.0986, 0.6931 and 0.4055."""
    yield loss_against_u(doubles(0.25, 1.0, 4.0), 0.5)
    yield loss_against_u(doubles(0.1, 2.0, 30.0), 2.0)


@visible("loss_against_u", tol=1e-3)
def stays_finite_for_extreme_u():
    """It stays finite for u = 1e-30 and 1e30."""
    yield loss_against_u(torch.tensor([1e-30, 1e30]), 2.0)


@visible("loss_against_u", raises=ValueError)
def refuses_beta_of_zero():
    """β = 0 is refused."""
    yield loss_against_u(doubles(0.25, 1.0), 0.0)


@visible("dpo_gradient_weight", tol=1e-6)
def the_weight_of_the_example():
    """The worked example, β = 0.5: 1/3, 1/4 and 1/6."""
    yield dpo_gradient_weight(doubles(0.25, 1.0, 4.0), 0.5)
    yield dpo_gradient_weight(doubles(0.1, 2.0, 30.0), 2.0)


@visible("dpo_gradient_weight", tol=1e-9)
def agrees_with_autograd():
    """It is minus the slope of the loss in log u, as autograd has it."""
    log_u = doubles(0.7, 1.3, 9.0).log().requires_grad_()
    (-F.logsigmoid(0.3 * log_u)).sum().backward()
    yield (dpo_gradient_weight(doubles(0.7, 1.3, 9.0), 0.3) + log_u.grad).abs().max().item()


@visible("sequence_logprob", tol=1e-9)
def a_padded_row():
    """A row with padding: the response and its EOS count, the padding does not."""
    yield sequence_logprob(some_logits()[:1], IDS[:1], MASK[:1], torch.tensor([2]))
    yield sequence_logprob(some_logits()[1:], IDS[:1], MASK[:1], torch.tensor([1]))


@visible("sequence_logprob", tol=1e-9)
def rows_with_their_own_prompts():
    """Each row has its own prompt: of 2 tokens, of 3 tokens."""
    yield sequence_logprob(some_logits(), IDS, MASK, torch.tensor([2, 3]))
    yield sequence_logprob(some_logits(), IDS, MASK, torch.tensor([3, 2]))


@visible("sequence_logprob", about="gradient")
def gradients_reach_the_logits():
    """Gradients reach the logits: this is what gets trained."""
    z = some_logits().requires_grad_()
    found = sequence_logprob(z, IDS, MASK, torch.tensor([2, 3])).sum()
    yield torch.autograd.grad(found, z)[0] if found.requires_grad else torch.zeros_like(z)


@visible("implicit_reward")
def policy_minus_reference():
    """The worked example, and a response that became likelier: −1 and 0.5."""
    yield implicit_reward(torch.tensor([-12.0, -9.0]), torch.tensor([-10.0, -10.0]), 0.5)
    yield implicit_reward(torch.tensor([-3.0, -7.5]), torch.tensor([-4.5, -7.0]), 0.25)


@visible("implicit_reward", tol=1e-3)
def long_texts():
    """Long texts: log-probs of −2,000 give 0.1, not inf or nan."""
    yield implicit_reward(torch.tensor([-2000.0]), torch.tensor([-2001.0]), 0.1)


@visible("dpo_loss", tol=1e-4)
def the_dpo_loss_of_the_example():
    """The worked example: 0.5544, one loss for each pair."""
    yield dpo_loss(*four(-10.0, -14.0, -11.0, -12.0), 0.1)
    yield dpo_loss(
        torch.tensor([-8.0, -3.0]),
        torch.tensor([-9.5, -2.0]),
        torch.tensor([-7.0, -4.0]),
        torch.tensor([-9.0, -3.5]),
        0.7,
    )


@visible("dpo_loss", tol=1e-4)
def with_label_smoothing():
    """With label smoothing of 0.1: 0.5844."""
    yield dpo_loss(*four(-10.0, -14.0, -11.0, -12.0), 0.1, 0.1)
    yield dpo_loss(*four(-8.0, -9.5, -7.0, -9.5), 0.7, 0.3)


@visible("dpo_loss", tol=1e-4)
def ln_two_at_the_start():
    """ln 2 where the policy is the reference."""
    yield dpo_loss(*four(-10.0, -14.0, -10.0, -14.0), 7.0)


@visible("dpo_loss", about="gradient")
def gradients_reach_the_policy():
    """Gradients reach the policy's log-probs, at the start too."""
    chosen, rejected = torch.zeros(1, requires_grad=True), torch.zeros(1, requires_grad=True)
    loss = dpo_loss(chosen, rejected, torch.zeros(1), torch.zeros(1), 1.0).sum()
    yield torch.autograd.grad(loss, (chosen, rejected), allow_unused=True) if loss.requires_grad else (None, None)


@visible("dpo_loss", tol=1e-1)
def the_loss_stays_finite():
    """9,000 behind costs 8,990, and not inf or nan."""
    yield dpo_loss(*four(-9000.0, -10.0, 0.0, 0.0), 1.0)


@visible("format_preferences")
def cuts_after_the_prompt():
    """The worked example: the prompt is the first two words, and responses keep their spaces."""
    yield format_preferences([GOOD, "No plot  at all"], [BAD, "No plot to speak of"], [2.0, 0.0], [-1.5, -1.0])
    yield format_preferences(
        ["The plot  is thin", "An old tale"],
        ["The plot sings.", "An old one, with a long end "],
        [1.0, 3.0],
        [0.5, -2.0],
    )


@visible("format_preferences")
def the_better_one_may_come_second():
    """The higher mean is chosen, whichever place it has."""
    yield format_preferences([BAD], [GOOD], [-1.5], [2.0])
    yield format_preferences([BAD, GOOD], [GOOD, BAD], [-3.0, -2.0], [-1.0, -2.5])


@visible("format_preferences")
def a_tie_is_no_preference():
    """A tie is no preference: the pair is left out."""
    yield format_preferences([GOOD, GOOD], [BAD, BAD], [1.0, 1.0], [1.0, 0.0])
    yield format_preferences([GOOD], [BAD], [0.5], [0.5])


@visible("format_preferences", raises=ValueError)
def refuses_other_beginnings():
    """Texts that begin with other words are refused, *A filmmaker* beside *A film* too."""
    yield format_preferences([GOOD], ["A filmmaker speaks"], [1.0], [0.0])


@visible("load_policy_and_reference")
def both_start_alike():
    """Both start with the same weights."""
    facts = facts_of_models(sample, torch.tensor([[0, 1, 2]]))
    yield torch.equal(facts["policy_logits"], facts["reference_logits"])


@visible("load_policy_and_reference")
def the_policy_can_learn():
    """The policy can learn: all of it is trainable."""
    facts = facts_of_models(sample, torch.tensor([[0, 1, 2]]))
    yield facts["trainable"][0]


@visible("load_policy_and_reference")
def the_reference_is_frozen():
    """The reference is frozen: nothing of it is trainable."""
    facts = facts_of_models(sample, torch.tensor([[0, 1, 2]]))
    yield facts["trainable"][1]


@visible("load_policy_and_reference")
def training_leaves_the_reference_alone():
    """Training the policy leaves the reference alone."""
    facts = facts_of_models(sample, torch.tensor([[0, 1, 2]]))
    yield torch.equal(facts["reference_logits"], facts["reference_logits_after_a_step"])


@visible("load_policy_and_reference")
def it_pads_with_eos():
    """The tokenizer pads with its EOS token."""
    facts = facts_of_models(sample, torch.tensor([[0, 1, 2]]))
    yield facts["pad_token"]


@visible("preference_accuracy")
def the_accuracy_of_the_example():
    """The worked example: 0.5, as a Python float."""
    yield preference_accuracy(torch.tensor([1.0, 0.0, -2.0]), torch.tensor([0.0, 0.0, 3.0]))
    yield preference_accuracy(torch.tensor([1.0, 2.5, -2.0, 0.5]), torch.tensor([0.0, 0.5, 3.0, 0.25]))


@visible("preference_accuracy")
def an_untrained_policy():
    """An untrained policy ties everywhere: 0.5."""
    yield preference_accuracy(torch.zeros(4), torch.zeros(4))
    yield preference_accuracy(torch.tensor([2.0, 1.0, -1.0]), torch.tensor([2.0, 0.0, -1.0]))


@visible("preference_accuracy", raises=ValueError)
def refuses_no_pairs():
    """No pairs are refused."""
    yield preference_accuracy(torch.zeros(0), torch.zeros(0))


@visible("ipo_loss", tol=1e-6)
def the_ipo_loss_of_the_example():
    """The worked example: log u = 3 misses its target 5 by 2, squared 4."""
    yield ipo_loss(doubles(-8.0), doubles(-13.0), doubles(-10.0), doubles(-12.0), 0.1)
    yield ipo_loss(doubles(-8.0, -3.0), doubles(-9.5, -2.0), doubles(-7.0, -4.0), doubles(-9.0, -3.5), 0.7)


@visible("ipo_loss", tol=1e-6)
def per_token():
    """Per token: each side divided by its own length, 18.49."""
    yield ipo_loss(
        doubles(-8.0), doubles(-13.0), doubles(-10.0), doubles(-12.0), 0.1, (torch.tensor([4]), torch.tensor([5]))
    )
    yield ipo_loss(
        doubles(-6.0), doubles(-9.0), doubles(-7.5), doubles(-8.0), 0.5, (torch.tensor([3]), torch.tensor([2]))
    )


@visible("ipo_loss", raises=ValueError)
def ipo_refuses_beta_of_zero():
    """β = 0 is refused."""
    yield ipo_loss(doubles(-8.0), doubles(-13.0), doubles(-10.0), doubles(-12.0), 0.0)
