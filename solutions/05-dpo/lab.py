# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (RLHF labs)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Lab 05 · DPO: preferences without a reward model
#
# Lab 04 ended with a puzzle. We know the best policy, $\pi^* = \pi_\mathrm{ref}\, e^{r/\beta} / Z$, and cannot compute
# it, because $Z$ is a sum over all texts. **Direct preference optimisation**, **DPO** (Rafailov et al. 2023) walks round the
# sum: in a *comparison* of two answers to the same prompt, $Z$ cancels.
#
# What is left is a classifier's loss on pairs. No reward model, no rollouts, no value head.
#
# | | |
# |---|---|
# | Time | about 125 minutes, 9 exercises and a quiz, 48 points |
# | You need | lab 04; a little torch (`gather`, `log_softmax`, `logsigmoid`) |
# | How it works | Fill in each function, run the cell of checks below it, read the hints. Hidden checks run when you are graded. |
# | Words | those that you do not know are in the [glossary](../00-start-here/00-start-here.ipynb#Glossary) |
# | Symbols | each letter, and what it stands for, in the [table](#Symbols) before the quiz |

# %%
import math
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    GPT2Config,
    GPT2LMHeadModel,
    GPT2TokenizerFast,
)

import labkit
import rlhf
from labkit import checks
from rlhf import live, plots_alignment, plots_dpo, toy

# %% [markdown]
# ## 1 · From the optimum to a loss, in five steps
#
# We use the toy model of lab 04: two prompts, 341 possible responses to each, so that *everything* can be computed.
# That way each step of the derivation is not only written but checked.

# %% tags=["demo"]
beta = 0.5
# log π_ref(y|x), [prompt, response]
log_ref = torch.stack([toy.log_probs(prompt) for prompt in (0, 1)])
r = torch.stack([toy.rewards(prompt) for prompt in (0, 1)])  # r(x, y)
log_z = torch.logsumexp(log_ref + r / beta, dim=-1, keepdim=True)
log_star = log_ref + r / beta - log_z  # log π*(y|x)
print(
    f"{log_ref.shape[1]} responses; "
    f"each π* adds up to {log_star.exp().sum(-1).tolist()}"
)

# %% [markdown]
# **Step 1: take the logarithm** of $\pi^* = \pi_\mathrm{ref}\, e^{r/\beta} / Z$ and solve for the reward (Rafailov et
# al., eq. 5):
#
# $$r(x, y) = \beta \log \frac{\pi^*(y \mid x)}{\pi_\mathrm{ref}(y \mid x)} + \beta \log Z(x)$$
#
# A policy *is* a reward, up to a term. How exactly does this hold?

# %% tags=["demo"]
implied = beta * (log_star - log_ref)  # the part that needs no Z
error = (r - (implied + beta * log_z)).abs().max()
print(f"largest difference over {r.numel()} responses: {error:.1e}")

# %% [markdown]
# **Step 2: look at the term.** Is $\beta \log Z$ perhaps zero, or at least the same for all prompts?

# %% tags=["demo"]
for prompt, value in zip(toy.PROMPTS, (beta * log_z).flatten().tolist(), strict=True):
    print(f"{prompt:18} β log Z(x) = {value:.4f}")
spread = (r - implied).std(dim=-1)
print(f"within a prompt, r − implied varies by {spread.max():.1e}")

# %% [markdown]
# Neither: it depends on $x$. But it does not depend on $y$. **Step 3: subtract** two responses to the *same* prompt,
# a preferred $y_w$ and a rejected $y_l$. The term cancels:
#
# $$r(x, y_w) - r(x, y_l) = \beta \log \frac{\pi^*(y_w \mid x)}{\pi_\mathrm{ref}(y_w \mid x)} - \beta \log \frac{\pi^*(y_l \mid x)}{\pi_\mathrm{ref}(y_l \mid x)} = \beta \log u$$
#
# $$u = \frac{\pi(y_w \mid x) / \pi_\mathrm{ref}(y_w \mid x)}{\pi(y_l \mid x) / \pi_\mathrm{ref}(y_l \mid x)}$$
#
# Does it also cancel when the two responses belong to different prompts?

# %% tags=["demo"]
first, second = torch.triu_indices(341, 341, offset=1)  # every pair of responses
same = (r[:, first] - r[:, second]) - (implied[:, first] - implied[:, second])
across = (r[0, first] - r[1, second]) - (implied[0, first] - implied[1, second])
print(
    f"same prompt:    wrong by at most {same.abs().max():.1e} "
    f"over {same.numel():,} pairs"
)
print(f"across prompts: wrong by {across.abs().min():.4f} in every pair")

# %% [markdown]
# Only within a prompt. That is why each DPO pair shares its prompt, and why nothing in DPO can say that one *prompt* is
# better than another. **Step 4: bring in people.** Bradley and Terry's model (1952) needs the difference and
# nothing else:
#
# $$P(y_w \succ y_l \mid x) = \sigma\big(r(x, y_w) - r(x, y_l)\big) = \sigma(\beta \log u)$$

# %% tags=["demo"]
people = torch.sigmoid(r[:, first] - r[:, second])
policy = torch.sigmoid(implied[:, first] - implied[:, second])
print(
    f"largest difference of the two probabilities: {(people - policy).abs().max():.1e}"
)

# %% [markdown]
# **Step 5: maximum likelihood.** Replace the unknown $\pi^*$ by the policy $\pi$ that we train, and make the observed
# choices probable (eq. 7):
#
# $$\mathcal{L}(\pi) = -\,\mathbb{E}_{(x, y_w, y_l)} \log \sigma(\beta \log u)$$
#
# If people choose as in step 4, no policy has a lower loss than $\pi^*$. **Proof.** Take one pair. People prefer $y_w$ with
# probability $p$, the policy says $q = \sigma(\beta \log u)$, and the expected loss of the pair falls into two parts:
#
# $$-p \log q - (1 - p) \log (1 - q) = \underbrace{-p \log p - (1 - p) \log (1 - p)}_{H(p)} + \underbrace{p \log \frac{p}{q} + (1 - p) \log \frac{1 - p}{1 - q}}_{\mathrm{KL}(p \,\|\, q)}$$
#
# $H(p)$ is people's own doubt; no policy changes it. A KL is never below 0, and is 0 at $q = p$ only. By step 4, $\pi^*$ has
# $q = p$ in *every* pair, so it brings all pairs to their floor at once. Does any other policy? Where the pairs link every
# response with every other, $q = p$ in all of them fixes all differences of $\log(\pi / \pi_\mathrm{ref})$. That leaves one
# factor for each prompt, and it is fixed because probabilities add up to 1: $\pi^*$ is the only one. A response that is in
# no pair is bound by nothing.
#
# Here are $\pi_\mathrm{ref}$, $\pi^*$, and two that go half the way and twice the way from one to the other:

# %% tags=["demo"]
for name, stretch in {"π_ref": 0.0, "half-way": 0.5, "π*": 1.0, "twice": 2.0}.items():
    moved = stretch * (log_star - log_ref)
    log_u = moved[:, first] - moved[:, second]
    right, wrong = F.logsigmoid(beta * log_u), F.logsigmoid(-beta * log_u)
    loss = -people * right - (1 - people) * wrong
    print(f"{name:9} loss {loss.mean():.6f}")
doubt = -torch.xlogy(people, people) - torch.xlogy(1 - people, 1 - people)
print(f"the floor, people's own doubt: {doubt.mean():.6f}")

# %% [markdown]
# The reference starts at $\ln 2 = 0.693147$, a coin flip, and $\pi^*$ stands on the floor. All of it rests on step 4: do
# people choose as Bradley and Terry say? Ours nearly do (lab 02, section 3). Now you build the parts, from the curve to a
# trained model.

# %% [markdown]
# ## 2 · The loss is a function of one number
#
# All that a pair contributes is its $u$: how much more the policy has moved towards $y_w$ than towards $y_l$, compared
# with the reference. β stays *outside* the logarithm: $-\log \sigma(\beta \log u)$.
#
# Worked example, $\beta = 0.5$: for $u = 1$ the loss is $\ln 2 = 0.6931$; for $u = 4$, $\beta \log u = \log 2$,
# $\sigma = 2/3$, and the loss is $-\log(2/3) = 0.4055$; for $u = 1/4$ it is $-\log(1/3) = 1.0986$.
#
# ### Exercise 1 · `loss_against_u` (●○○, 8 minutes, 3 points)


# %% nbgrader={"grade": false, "grade_id": "loss_against_u", "locked": false, "schema_version": 3, "solution": true, "task": false}
def loss_against_u(u: torch.Tensor, beta: float) -> torch.Tensor:
    """The DPO loss −log σ(β log u), in nats, for each u.

    Args:
        u: float16, bfloat16, float32 or float64, of any shape (no dimension and no
            element too), u >= 0; 0 and inf are limits, where the loss is inf and 0.
        beta: above 0, no unit.

    Returns:
        A new tensor with the shape and the dtype of u, and as exact as that dtype; u is
        not changed. It is for plots: no gradient is asked for.

    Raises:
        ValueError: beta is not above 0.
    """
    ### BEGIN SOLUTION
    if not beta > 0:
        raise ValueError(f"beta must be above 0, found {beta}")
    return -F.logsigmoid(beta * u.log())
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "loss_against_u-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
checks("loss_against_u")

# %% nbgrader={"grade": true, "grade_id": "loss_against_u-hidden", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `loss_against_u` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("05-dpo", "loss_against_u", globals())
### END HIDDEN TESTS

# %% [markdown]
# Where is the loss lowest, and which β punishes a wrong order ($u < 1$) hardest? Look first at a plain axis, then at a
# logarithmic one.

# %% tags=["demo"]
betas = (0.1, 0.5, 1.0, 2.0)
near, far = torch.linspace(0.02, 6, 300), torch.logspace(-4, 4, 300)
curves = {
    axis: (u, {f"β = {b}": loss_against_u(u, b) for b in betas})
    for axis, u in {"u": near, "u (log axis)": far}.items()
}
plots_dpo.smooth(
    curves,
    y_label="loss −log σ(β log u), nats",
    dots={1.0: math.log(2)},
    log_x=["u (log axis)"],
    y_to=4,
)

# %% [markdown]
# The loss falls everywhere: there is no best $u$, larger is always better. All curves meet at $u = 1$, where the policy
# equals the reference: **the loss starts at ln 2 whatever β is.** On the log axis each curve becomes a straight line on the
# left, where the loss is about $-\beta \log u$: a larger β is a stricter judge.

# %% [markdown]
# ## 3 · Which pairs still teach something?
#
# The slope of the loss in $\log u$ says how strongly a pair pulls. Its size is the **gradient weight**:
#
# $$-\frac{\partial}{\partial \log u} \big({-\log \sigma(\beta \log u)}\big) = \beta\, \sigma(-\beta \log u)$$
#
# Mind the variable: the parameters move *log*-probabilities, so the slope is taken in $\log u$, not in $u$. Written out for
# the parameters $\theta$ of the policy, of which the reference has none, the chain rule gives
#
# $$\nabla_\theta \mathcal{L} = -\,\mathbb{E}\Big[\, \underbrace{\beta\, \sigma(-\beta \log u)}_{\text{how hard}}\; \underbrace{\big(\nabla_\theta \log \pi(y_w \mid x) - \nabla_\theta \log \pi(y_l \mid x)\big)}_{\text{where to}} \,\Big]$$
#
# *Where to* is the same for every pair: make $y_w$ more probable and $y_l$ less. *How hard* depends on how wrong the policy
# still is. Without the weight, rejected texts would be pushed down for ever.
#
# Worked example, $\beta = 0.5$: $u = 1$ gives $0.5 \cdot \tfrac12 = 0.25$; $u = 4$ gives $0.5 \cdot \tfrac13 = 0.1667$.
#
# ### Exercise 2 · `dpo_gradient_weight` (●○○, 8 minutes, 3 points)


# %% nbgrader={"grade": false, "grade_id": "dpo_gradient_weight", "locked": false, "schema_version": 3, "solution": true, "task": false}
def dpo_gradient_weight(u: torch.Tensor, beta: float) -> torch.Tensor:
    """Minus the slope of the DPO loss in log u: β σ(−β log u).

    Rafailov et al. 2023, the gradient below eq. 7.

    Args:
        u: float16, bfloat16, float32 or float64, of any shape (no dimension and no
            element too), u >= 0; 0 and inf are limits, where the weight is β and 0.
        beta: above 0, no unit.

    Returns:
        A new tensor with the shape and the dtype of u, each number between 0 and β; u
        is not changed. It is for plots: no gradient is asked for.
    """
    ### BEGIN SOLUTION
    return beta * torch.sigmoid(-beta * u.log())
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "dpo_gradient_weight-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
checks("dpo_gradient_weight")

# %% nbgrader={"grade": true, "grade_id": "dpo_gradient_weight-hidden", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `dpo_gradient_weight` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("05-dpo", "dpo_gradient_weight", globals())
### END HIDDEN TESTS

# %% [markdown]
# Which pairs dominate an update, those that the policy orders rightly or wrongly? And for which β does the answer
# hardly matter?

# %% tags=["demo"]
weights = {
    "u (log axis)": (far, {f"β = {b}": dpo_gradient_weight(far, b) for b in betas})
}
plots_dpo.smooth(
    weights, y_label="gradient weight β σ(−β log u)", log_x=["u (log axis)"]
)

# %% [markdown]
# Wrongly ordered pairs (left) pull with weight β, well ordered ones fade out, half-way at $u = 1$. With a small β the
# weight hardly changes over eight powers of ten: such a policy goes on separating pairs long after they are right.

# %% [markdown]
# ## 4 · The log-probability of a response
#
# $\log \pi(y \mid x)$ is a **sum** over the response's tokens, its EOS included:
#
# $$\log \pi(y \mid x) = \sum_t \log \pi(y_t \mid x, y_{<t})$$
#
# Three traps. **Shift**: the logits at place $t$ speak about the token at place $t + 1$. **Mask**: prompt tokens do not
# count, padding does not count. **Pad = EOS**: GPT-2 has no pad token, so we borrow EOS (it opens the prompt as well);
# which EOS is real, only the attention mask knows.
#
# Worked example: prompt `<eos> The`, response `film <eos>`, then padding: ids $(0, 7, 3, 0, 0, 0)$, mask
# $(1, 1, 1, 1, 0, 0)$. The log-prob is $\log \pi(3 \mid 0, 7)$ from the logits at place 1, plus
# $\log \pi(0 \mid 0, 7, 3)$ from those at place 2.
#
# ### Exercise 3 · `sequence_logprob` (●●○, 15 minutes, 6 points)


# %% nbgrader={"grade": false, "grade_id": "sequence_logprob", "locked": false, "schema_version": 3, "solution": true, "task": false}
def sequence_logprob(
    logits: torch.Tensor,
    ids: torch.Tensor,
    attention_mask: torch.Tensor,
    prompt_lengths: torch.Tensor,
) -> torch.Tensor:
    """Log π(y|x) of each row's response, in nats: float [batch], dtype of the logits.

    Gradients reach the logits. No argument is changed.

    Args:
        logits: float16, bfloat16, float32 or float64 [batch, length, vocab]; at padded
            places they may be anything, -inf and nan too. At other places they are
            finite, however far apart, or -inf for an impossible token: a response with
            one has -inf.
        ids: int64 [batch, length]: prompt, response, padding on the right. A response
            has at least one token, ends with EOS unless it was cut off, and may hold
            other EOS. The pad id is the EOS id.
        attention_mask: int64 [batch, length], 1 for prompt and response, 0 for padding.
        prompt_lengths: int64 [batch], how many of a row's first tokens are prompt, at
            least 1.
    """
    ### BEGIN SOLUTION
    log_probs = logits[:, :-1].log_softmax(-1).gather(-1, ids[:, 1:, None]).squeeze(-1)
    place = torch.arange(1, ids.shape[1])
    response = attention_mask[:, 1:].bool() & (place >= prompt_lengths[:, None])
    return log_probs.masked_fill(~response, 0.0).sum(-1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "sequence_logprob-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
checks("sequence_logprob")

# %% nbgrader={"grade": true, "grade_id": "sequence_logprob-hidden", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `sequence_logprob` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("05-dpo", "sequence_logprob", globals())
### END HIDDEN TESTS

# %% [markdown]
# ## 5 · The policy as a reward model
#
# Step 1, without the term that cancels, is the **implicit reward** of a response:
#
# $$\hat r(x, y) = \beta \log \frac{\pi(y \mid x)}{\pi_\mathrm{ref}(y \mid x)}$$
#
# It is 0 at the start of training for every text, and it can be read off any trained policy. TRL logs it as
# `rewards/chosen` and `rewards/rejected`. Worked example: $\log \pi = -12$, $\log \pi_\mathrm{ref} = -10$,
# $\beta = 0.5$: $\hat r = -1$.
#
# ### Exercise 4 · `implicit_reward` (●○○, 5 minutes, 3 points)


# %% nbgrader={"grade": false, "grade_id": "implicit_reward", "locked": false, "schema_version": 3, "solution": true, "task": false}
def implicit_reward(
    policy_logps: torch.Tensor, ref_logps: torch.Tensor, beta: float
) -> torch.Tensor:
    """β log(π/π_ref) of each response: its reward, up to a number of the prompt's own.

    Args:
        policy_logps: float16, bfloat16, float32 or float64 [batch], log π(y|x) in nats;
            a long text may have −2000, and another one hundreds of nats more or less.
        ref_logps: the same for log π_ref(y|x), of the same dtype.
        beta: above 0.

    Returns:
        A new float [batch], dtype kept, exactly 0 where both log-probs are equal; no
        argument is changed. It is for logs: no gradient is asked for.
    """
    ### BEGIN SOLUTION
    return beta * (policy_logps - ref_logps)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "implicit_reward-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
checks("implicit_reward")

# %% nbgrader={"grade": true, "grade_id": "implicit_reward-hidden", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `implicit_reward` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("05-dpo", "implicit_reward", globals())
### END HIDDEN TESTS

# %% [markdown]
# ## 6 · The loss on log-probabilities
#
# In practice nobody computes $u$: with long texts it under- or overflows. Stay in logs,
# $\log u = (\log\pi(y_w) - \log\pi(y_l)) - (\log\pi_\mathrm{ref}(y_w) - \log\pi_\mathrm{ref}(y_l))$.
#
# And people err. If a label is wrong with probability $\eta$, the expected loss has both orders in it (**label
# smoothing**, "conservative DPO"):
#
# $$\mathcal{L} = -(1 - \eta) \log \sigma(\beta \log u) - \eta \log \sigma(-\beta \log u)$$
#
# Worked example: $\log\pi = (-10, -14)$, $\log\pi_\mathrm{ref} = (-11, -12)$ for (chosen, rejected) give
# $\log u = 4 - 1 = 3$. With $\beta = 0.1$ the loss is $-\log\sigma(0.3) = 0.5544$; with $\eta = 0.1$ it is
# $0.9 \cdot 0.5544 + 0.1 \cdot 0.8544 = 0.5844$.
#
# ### Exercise 5 · `dpo_loss` (●●○, 15 minutes, 7 points)


# %% nbgrader={"grade": false, "grade_id": "dpo_loss", "locked": false, "schema_version": 3, "solution": true, "task": false}
def dpo_loss(
    policy_chosen: torch.Tensor,
    policy_rejected: torch.Tensor,
    ref_chosen: torch.Tensor,
    ref_rejected: torch.Tensor,
    beta: float,
    label_smoothing: float = 0.0,
) -> torch.Tensor:
    """The DPO loss of each pair, in nats: a new float [pairs], dtype kept, finite.

    Rafailov et al. 2023, eq. 7. Gradients reach policy_chosen and policy_rejected, also
    where log u is 0, as at the start. No argument is changed.

    Args:
        policy_chosen, policy_rejected, ref_chosen, ref_rejected: [pairs], log-probs of
            whole responses in nats, all float16, bfloat16, float32 or float64.
        beta: at least 0; log u may be as large as the dtype holds, and times β ±10,000.
        label_smoothing: η, the probability that a label is wrong, in [0, 0.5].

    Raises:
        ValueError: label_smoothing lies outside [0, 0.5].
    """
    ### BEGIN SOLUTION
    if not 0 <= label_smoothing <= 0.5:
        raise ValueError(f"label_smoothing must lie in [0, 0.5], found {label_smoothing}")
    z = beta * ((policy_chosen - policy_rejected) - (ref_chosen - ref_rejected))
    return -(1 - label_smoothing) * F.logsigmoid(z) - label_smoothing * F.logsigmoid(-z)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "dpo_loss-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
checks("dpo_loss")

# %% nbgrader={"grade": true, "grade_id": "dpo_loss-hidden", "locked": true, "points": 7, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `dpo_loss` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("05-dpo", "dpo_loss", globals())
### END HIDDEN TESTS

# %% [markdown]
# ## 7 · Three ways to one optimum
#
# Does minimising your loss really lead to $\pi^*$? On the toy model we can give it *exact* preferences: every pair of
# responses, each order weighted by its Bradley–Terry probability. The policy is a table with one number for each
# response, and starts as the reference. A line says how far it is. When you open the lab another time, the result of the same
# training is taken from where it was kept, and the line says so; `live.again()` forgets it.


# %% tags=["demo"]
def train_dpo(
    what: str, loss_of: Callable[[torch.Tensor], torch.Tensor], steps: int = 500
) -> list[torch.Tensor]:
    """Log π [response] at the start and after each step.

    `loss_of` maps log π to the losses of all pairs; `what` stands on the line.
    """
    table = log_ref[0].clone().requires_grad_()
    optimizer = torch.optim.Adam([table], lr=0.1)
    path = [log_ref[0]]
    line = live.Line(what, steps, kept=live.Kept([train_dpo, loss_of], [table, path]))
    for _ in line:
        optimizer.zero_grad()
        loss = loss_of(table.log_softmax(0)).mean()
        loss.backward()
        optimizer.step()
        line.tell(loss=loss.detach())
        path.append(table.detach().log_softmax(0))
    return path


def kl(log_p: torch.Tensor, log_q: torch.Tensor) -> float:
    return (log_p.exp() * (log_p - log_q)).sum().item()


# %% tags=["demo"]
# rows win, columns lose: every ordered pair
ref_w, ref_l = log_ref[0, :, None], log_ref[0, None, :]
share = torch.sigmoid(r[0, :, None] - r[0, None, :])  # how often people choose the row
exact = train_dpo(
    "DPO, exact preferences",
    lambda lp: share * dpo_loss(lp[:, None], lp[None, :], ref_w, ref_l, beta),
)
for step in (0, 30, 100, 200, 300, 500):
    print(f"step {step:3}: KL(π‖π*) = {kl(exact[step], log_star[0]):.1e} nats")

# %% [markdown]
# It arrives. Two rivals: the same loss on 2,000 *sampled* pairs with one label each, as real data are; and **PPO**,
# which samples responses, sees their reward minus the KL penalty, and takes clipped steps.

# %% tags=["demo"]
generator = torch.Generator().manual_seed(0)
y = torch.multinomial(log_ref[0].exp(), 4000, True, generator=generator)
y = y.view(2000, 2)
y = y[y[:, 0] != y[:, 1]]
first_wins = torch.sigmoid(r[0, y[:, 0]] - r[0, y[:, 1]])
second_wins = torch.rand(len(y), generator=generator) > first_wins
won, lost = torch.where(second_wins[:, None], y.flip(1), y).T
sampled = train_dpo(
    "DPO, sampled pairs",
    lambda lp: dpo_loss(lp[won], lp[lost], log_ref[0, won], log_ref[0, lost], beta),
)
print(
    f"{len(y)} pairs of different responses; "
    f"KL(π‖π*) = {kl(sampled[-1], log_star[0]):.2f} nats at the end"
)


# %% tags=["demo"]
def train_ppo(steps: int, batch: int = 256) -> list[torch.Tensor]:
    table = log_ref[0].clone().requires_grad_()
    optimizer = torch.optim.Adam([table], lr=0.05)
    path = [log_ref[0]]
    kept = live.Kept([train_ppo], leaves=[table, path, generator])
    line = live.Line("PPO", steps, kept=kept)
    for _ in line:
        old = path[-1]
        y = torch.multinomial(old.exp(), batch, replacement=True, generator=generator)
        reward = r[0, y] - beta * (old - log_ref[0])[y]
        advantage = (reward - reward.mean()) / (reward.std() + 1e-8)
        for _ in range(4):
            ratio = (table.log_softmax(0)[y] - old[y]).exp()
            clipped = ratio.clamp(0.8, 1.2) * advantage
            loss = -torch.min(ratio * advantage, clipped).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        path.append(table.detach().log_softmax(0))
        line.tell(reward=reward.mean())
    return path


# %% tags=["demo"]
ppo = train_ppo(100)
print(
    f"PPO: KL(π‖π*) = {kl(ppo[-1], log_star[0]):.3f} nats after {100 * 256:,} samples"
)

# %% [markdown]
# Who gets how much reward for how much KL? The line is the frontier of lab 04, the best that any policy can do, and all
# three aim at its point for $\beta = 0.5$.


# %% tags=["demo"]
def place(log_p: torch.Tensor) -> tuple[float, float]:
    """KL from the reference, in nats, and expected reward."""
    return kl(log_p, log_ref[0]), (log_p.exp() * r[0]).sum().item()


def points(path: list[torch.Tensor], at: list[int]) -> tuple[list[float], list[float]]:
    return tuple(map(list, zip(*(place(path[step]) for step in at), strict=True)))


optimal = [
    (log_ref[0] + r[0] / b).log_softmax(0)
    for b in torch.logspace(1.5, -0.8, 60).tolist()
]
steps = [0, 5, 10, 20, 40, 60, 100]
paths = {
    "PPO": points(ppo, steps),
    "DPO, exact preferences": points(exact, [*steps, 500]),
    "DPO, sampled pairs": points(sampled, [*steps, 200, 500]),
}
marks = {"π*, β = 0.5": place(log_star[0])}
plots_alignment.frontier(points(optimal, range(60)), marks=marks, paths=paths, kl_to=6)

# %% [markdown]
# Exact DPO arrives. PPO comes within a tenth of a nat, for 25,600 samples that somebody had to reward. Sampled labels
# lead the same way first; then DPO goes on separating responses whose few labels happened to agree, for whom the best
# $u$ is infinite. It pays more and more KL and even loses reward. Stop early, smooth the labels, or take IPO, below.

# %% [markdown]
# ## 8 · Preference pairs from real people
#
# Now to texts. Our human ratings (Hutto and Gilbert 2014) say how each of 10,605 snippets was rated by 15 to 29 people.
# Two snippets that begin with the same two words make a pair: these words are the prompt, the better rated rest is
# chosen. Whole prompts are held out.

# %% tags=["demo"]
from rlhf.pairs import rating_pairs

train_rows, held_out_rows = rating_pairs()
print(len(train_rows), "pairs to train on,", len(held_out_rows), "held out")
for name, value in train_rows[0].items():
    print(f"{name:12} {value!r}")

# %% [markdown]
# TRL wants three columns: `prompt`, `chosen`, `rejected`. It joins prompt and response *as they are* and adds the EOS
# itself. So:
#
# - the prompt is the first two words of `first`, written as there; the responses are everything after the first two words,
#   **with the space**;
# - a response does not repeat the prompt, loses no character and gets no EOS;
# - pairs with equal means are left out; the others stay in order, and no pairs give three empty lists.
#
# Worked example: *A film of grace* (2.0) and *A film  without it* (−1.5) give prompt `'A film'`, chosen `' of grace'`
# and rejected `'  without it'`.
#
# ### Exercise 6 · `format_preferences` (●●○, 12 minutes, 5 points)


# %% nbgrader={"grade": false, "grade_id": "format_preferences", "locked": false, "schema_version": 3, "solution": true, "task": false}
def format_preferences(
    first: list[str],
    second: list[str],
    first_mean: list[float],
    second_mean: list[float],
) -> dict[str, list[str]]:
    """Columns "prompt", "chosen", "rejected", in this order; no argument is changed.

    Args:
        first, second: texts [pairs] of three or more words; one space parts the first
            two.
        first_mean, second_mean: mean ratings [pairs], −4 … 4; the higher one is chosen.
    Raises:
        ValueError: a pair that counts differs in its first two words, whatever their
            case.
    """
    ### BEGIN SOLUTION
    columns = {"prompt": [], "chosen": [], "rejected": []}
    for a, b, a_mean, b_mean in zip(first, second, first_mean, second_mean, strict=True):
        if a_mean == b_mean:
            continue
        prompt, other = (" ".join(text.split(" ")[:2]) for text in (a, b))
        if prompt.lower() != other.lower():
            raise ValueError(f"the texts begin with {prompt!r} and {other!r}: they are no pair")
        better, worse = (a, b) if a_mean > b_mean else (b, a)
        columns["prompt"].append(prompt)
        columns["chosen"].append(better[len(prompt) :])
        columns["rejected"].append(worse[len(prompt) :])
    return columns
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "format_preferences-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
checks("format_preferences")

# %% nbgrader={"grade": true, "grade_id": "format_preferences-hidden", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `format_preferences` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("05-dpo", "format_preferences", globals())
### END HIDDEN TESTS

# %% [markdown]
# ## 9 · Two models and a tokenizer
#
# DPO needs the policy that learns and the reference that does not. They start with the same weights, but share no
# memory: otherwise the reference moves along, $u$ stays 1, and the loss stays at $\ln 2$ for ever.
#
# In this order, as everywhere in the course:
#
# 1. `model`, by `AutoModelForCausalLM.from_pretrained(name)`;
# 2. `model_ref`, a second copy: no parameter wants a gradient, and it is in eval mode (dropout off);
# 3. `tokenizer`, whose pad token becomes its EOS token. A *new* pad token would need a new row in the embeddings.
#
# ### Exercise 7 · `load_policy_and_reference` (●●○, 10 minutes, 5 points)


# %% nbgrader={"grade": false, "grade_id": "load_policy_and_reference", "locked": false, "schema_version": 3, "solution": true, "task": false}
def load_policy_and_reference(
    name: str,
) -> tuple[torch.nn.Module, torch.nn.Module, object]:
    """(model, model_ref, tokenizer) for DPO.

    Args:
        name: a folder with a model and its tokenizer, or an id of the hub. Its EOS
            token may have any text and any id.

    Returns:
        The policy, all of it trainable; the reference, with the same weights in memory
        of its own, frozen and in eval mode; the tokenizer, padding with its EOS token,
        its vocabulary as large as before.
    """
    ### BEGIN SOLUTION
    model = AutoModelForCausalLM.from_pretrained(name)
    model_ref = AutoModelForCausalLM.from_pretrained(name)
    model_ref.requires_grad_(False).eval()
    tokenizer = AutoTokenizer.from_pretrained(name)
    tokenizer.pad_token = tokenizer.eos_token
    return model, model_ref, tokenizer
    ### END SOLUTION


# %% [markdown]
# This cell looks at what you return, in plain numbers. The checks below and the hidden ones read it, so it is locked.


# %% nbgrader={"grade": false, "grade_id": "facts_of_models", "locked": true, "schema_version": 3, "solution": false, "task": false}
def facts_of_models(name: str, ids: torch.Tensor) -> dict[str, object]:
    """Numbers and flags about what `load_policy_and_reference(name)` returns."""
    model, model_ref, tokenizer = load_policy_and_reference(name)
    both = model.parameters(), model_ref.parameters()
    facts = {
        "trainable": [sum(p.numel() for p in ps if p.requires_grad) for ps in both],
        "reference_in_training_mode": any(m.training for m in model_ref.modules()),
        "pad_token": tokenizer.pad_token,
        "pad_token_id": tokenizer.pad_token_id,
        "vocabulary": len(tokenizer),
    }
    with torch.no_grad():
        facts["policy_logits"] = model.eval()(ids).logits
        facts["reference_logits"] = model_ref.eval()(ids).logits
        for parameter in model.parameters():
            parameter.add_(1.0)
        facts["reference_logits_after_a_step"] = model_ref(ids).logits
    return facts


# %% [markdown]
# And this is a model to try it on: random weights, three tokens, saved in a temporary folder.

# %%
sample = tempfile.mkdtemp()
letters = Tokenizer(models.BPE(vocab={"<|endoftext|>": 0, "a": 1, "b": 2}, merges=[]))
letters.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
alphabet = GPT2TokenizerFast(tokenizer_object=letters, eos_token="<|endoftext|>")
alphabet.save_pretrained(sample)
shape = GPT2Config(
    vocab_size=3,
    n_positions=8,
    n_embd=8,
    n_layer=1,
    n_head=2,
    bos_token_id=0,
    eos_token_id=0,
)
GPT2LMHeadModel(shape).save_pretrained(sample)

# %% nbgrader={"grade": true, "grade_id": "load_policy_and_reference-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
checks("load_policy_and_reference")

# %% nbgrader={"grade": true, "grade_id": "load_policy_and_reference-hidden", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `load_policy_and_reference` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("05-dpo", "load_policy_and_reference", globals())
### END HIDDEN TESTS

# %% [markdown]
# ## 10 · Is the right answer ahead?
#
# **Preference accuracy** is the share of pairs whose chosen response has the higher implicit reward. A tie is half a
# point: a policy that cannot tell guesses right half of the time. Untrained, *every* pair is a tie.
#
# Worked example: chosen $(1, 0, -2)$, rejected $(0, 0, 3)$: one right, one tie, one wrong: $(1 + 0.5 + 0)/3 = 0.5$.
#
# ### Exercise 8 · `preference_accuracy` (●○○, 6 minutes, 4 points)


# %% nbgrader={"grade": false, "grade_id": "preference_accuracy", "locked": false, "schema_version": 3, "solution": true, "task": false}
def preference_accuracy(
    chosen_rewards: torch.Tensor, rejected_rewards: torch.Tensor
) -> float:
    """The share of pairs whose chosen reward is the higher one; a tie counts half.

    Args:
        chosen_rewards, rejected_rewards: float16, bfloat16, float32 or float64 [pairs],
            finite; only exactly equal ones tie. Neither is changed.

    Returns:
        A Python float between 0 and 1, exact to six decimals for every dtype.

    Raises:
        ValueError: there are no pairs.
    """
    ### BEGIN SOLUTION
    if len(chosen_rewards) == 0:
        raise ValueError("no pairs: the accuracy of nothing is not defined")
    wins = (chosen_rewards > rejected_rewards).double()
    ties = (chosen_rewards == rejected_rewards).double()
    return (wins + 0.5 * ties).mean().item()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "preference_accuracy-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
checks("preference_accuracy")

# %% nbgrader={"grade": true, "grade_id": "preference_accuracy-hidden", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `preference_accuracy` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("05-dpo", "preference_accuracy", globals())
### END HIDDEN TESTS

# %% [markdown]
# ## 11 · Train a language model
#
# Everything together: your columns, your models, and TRL's trainer. Its `DPOConfig` is a `TrainingArguments` with β and
# a few lengths. The learning rate is large because the model is tiny and the run short.

# %% tags=["demo"]
import datasets
from trl import DPOConfig, DPOTrainer

from rlhf.models import WEIGHTS
from rlhf.quiet import quiet_transformers

datasets.disable_progress_bars()
train_data = datasets.Dataset.from_dict(format_preferences(**train_rows[:]))
held_out = datasets.Dataset.from_dict(format_preferences(**held_out_rows[:]))
model, model_ref, tokenizer = load_policy_and_reference(str(WEIGHTS / "tiny"))
train_data[0]

# %% tags=["demo"]
arguments = DPOConfig(
    beta=0.1, learning_rate=5e-4, max_steps=30, warmup_steps=5, seed=0,
    per_device_train_batch_size=16, per_device_eval_batch_size=51,  # 459 = 9 · 51
    max_length=96, max_prompt_length=16, remove_unused_columns=False,
    logging_steps=1, report_to=[], disable_tqdm=True,
    output_dir=tempfile.mkdtemp(), save_strategy="no",
)
with quiet_transformers():
    trainer = DPOTrainer(
        model,
        model_ref,
        args=arguments,
        train_dataset=train_data,
        eval_dataset=held_out,
        tokenizer=tokenizer,
    )

# %% [markdown]
# TRL measures, and so do you: `held_out_logps` rests on your `sequence_logprob`. Note what TRL puts around a text:
# `<|endoftext|>` before the prompt and after the response. And note its means: TRL averages within each batch, then over
# batches. That is the mean of all pairs only where every batch has the same size, so we evaluate 459 pairs in nine batches
# of 51. In batches of 64 the last one holds 11 pairs, each counts six times as much, and `logps/chosen` is off by one nat.


# %% tags=["demo"]
def logps(
    policy: torch.nn.Module, prompts: list[str], responses: list[str]
) -> torch.Tensor:
    """Log π(y|x) of each response, float [batch]."""
    eos = tokenizer.eos_token
    texts = [
        eos + prompt + response + eos
        for prompt, response in zip(prompts, responses, strict=True)
    ]
    batch = tokenizer(texts, return_tensors="pt", padding=True, padding_side="right")
    before = [tokenizer(eos + prompt).input_ids for prompt in prompts]
    lengths = torch.tensor([len(ids) for ids in before])
    logits = policy(**batch).logits
    return sequence_logprob(logits, batch.input_ids, batch.attention_mask, lengths)


@torch.no_grad()
def held_out_logps(policy: torch.nn.Module) -> dict[str, torch.Tensor]:
    policy.eval()
    sides = {"chosen": [], "rejected": []}
    parts = [held_out[i : i + 64] for i in range(0, len(held_out), 64)]
    for part in live.over("held-out pairs, by you", parts):
        for side, found in sides.items():
            found.append(logps(policy, part["prompt"], part[side]))
    return {side: torch.cat(found) for side, found in sides.items()}


# %% [markdown]
# Before training the policy *is* the reference. What do you expect for the loss, and for the two accuracies?

# %% tags=["demo"]
ref = held_out_logps(model_ref)
start = live.evaluate(trainer, "held-out pairs, by TRL")
rewards = [
    implicit_reward(ref[side], ref[side], 0.1) for side in ("chosen", "rejected")
]
print(f"TRL's loss {start['eval_loss']:.4f}, ln 2 = {math.log(2):.4f}")
print(
    f"log π(chosen): yours {ref['chosen'].mean():.3f}, "
    f"TRL's {start['eval_logps/chosen']:.3f}"
)
print(
    f"accuracy: yours {preference_accuracy(*rewards)}, "
    f"TRL's {start['eval_rewards/accuracies']}"
)

# %% [markdown]
# The same model, 0.5 and 0.0. TRL's `rewards/accuracies` is a strict $>$, so a tie counts as wrong: do not read the jump
# after the first step as learning.
#
# The loss is $\ln 2$ because `evaluate` puts a model into eval mode, where there is no dropout. *Training* is where dropout
# matters: the policy would lose random parts of itself, the reference would not, and the first training loss would not be
# $\ln 2$. So TRL takes the dropout out of both models (`disable_dropout=True`). `tiny` has none to begin with. Now train: about 10 seconds
# on two cores.

# %% tags=["demo"]
log = live.train(trainer, "DPO", loss="loss", margin="rewards/margins")
policy = held_out_logps(model)
accuracy = preference_accuracy(
    *(implicit_reward(policy[side], ref[side], 0.1) for side in ("chosen", "rejected"))
)
print(
    f"loss {log[0]['loss']:.4f} → {log[-1]['loss']:.4f}; "
    f"held-out accuracy 0.50 → {accuracy:.3f}"
)

# %% [markdown]
# It has learned something about prompts that it never saw. Is that much? An accuracy needs yardsticks, on the same pairs:
# rules that know nothing, a list of words with the votes of the same training pairs, the reward model of lab 02; and how
# often one random rater of each text agrees with the means.

# %% tags=["demo"]
votes = Counter()  # in how many pairs more a word was chosen than rejected
for row in train_data:
    good, bad = (set(row[k].lower().split()) for k in ("chosen", "rejected"))
    votes.update(good - bad)
    votes.subtract(bad - good)


def by_words(text: str) -> int:
    """The votes for a text's words, each counts three at most."""
    return sum(max(-3, min(3, votes[word])) for word in set(text.lower().split()))


# %% tags=["demo"]
whole = [
    list(map("".join, zip(held_out["prompt"], held_out[k], strict=True))) for k in ref
]
judge = rlhf.load_reward_model()
rules = {
    "the longer text": lambda texts: list(map(len, texts)),
    "words of the training pairs": lambda texts: list(map(by_words, texts)),
    "reward model of lab 02": lambda texts: rlhf.score_texts(*judge, texts).tolist(),
}
found = {"the reference's log-prob": preference_accuracy(*ref.values())}
given = defaultdict(list)
tasks = [(name, texts) for name in rules for texts in whole]
for name, texts in live.over("yardsticks", tasks):
    given[name].append(torch.tensor(rules[name](texts)).double())
found |= {name: preference_accuracy(*rewards) for name, rewards in given.items()}

# %% tags=["demo"]
raters = {row["text"]: torch.tensor(row["ratings"]) for row in rlhf.load_ratings()}


def agreement(row: dict[str, object]) -> float:
    """How often one random rater of each text agrees with the means; ties half."""
    ahead = (raters[row["first"]][:, None] - raters[row["second"]]).sign().double()
    return 0.5 + 0.5 * abs(ahead.mean().item())


found["DPO"] = accuracy
agreed = [agreement(row) for row in held_out_rows]
found["one random rater of each"] = sum(agreed) / len(agreed)
for name, share in sorted(found.items(), key=lambda pair: pair[1]):
    print(f"{name:28} {share:.3f}")
moved = {side: policy[side] - ref[side] for side in ref}
right = (moved["chosen"] > moved["rejected"]).double()
by_prompt = defaultdict(float)
for prompt, more in zip(held_out["prompt"], right - right.mean(), strict=True):
    by_prompt[prompt.lower()] += more.item()
error = sum(total**2 for total in by_prompt.values()) ** 0.5 / len(right)
print(f"{len(right)} pairs of {len(by_prompt)} prompts; DPO ± {error:.3f}")

# %% [markdown]
# DPO has seen 480 pairs. It is above the list of words, not by much beside its error, and far below what can be known. (The
# reward model has read nearly all of these snippets; of pairs as wide that it never saw it orders 86 % rightly, lab 02.)
# The error takes a whole prompt as its unit, because pairs of one prompt share texts.
#
# But *how* did the margin grow? Guess: did the chosen texts become more probable?

# %% tags=["demo"]
sides = {
    f"{side}: log π − log π_ref": [row[f"rewards/{side}"] / 0.1 for row in log]
    for side in ("chosen", "rejected")
}
plots_dpo.training(sides, [row["rewards/margins"] / 0.1 for row in log])

# %% tags=["demo"]
for side in ("chosen", "rejected"):
    print(
        f"held out, {side:8}: mean log π {ref[side].mean():8.2f} → "
        f"{policy[side].mean():8.2f}"
    )
margin = (policy["chosen"] - ref["chosen"]) - (policy["rejected"] - ref["rejected"])
print(f"held out, margin  : mean log u      0.00 → {margin.mean():8.2f}")

# %% [markdown]
# **Both fall, and the margin rises.** The loss asks for a difference and nothing else. One pair pulls its two texts apart
# with equal force, but the gradient of a log-prob is larger where the probability is small, and what chosen and rejected
# texts share is moved by both. Here that takes both down, and what they lose goes to texts that nobody compared. So watch
# `logps/chosen`, and do not call a growing margin an improvement by itself.

# %% [markdown]
# ### One model instead of two: LoRA
#
# Two models take the memory of two, and Adam keeps two more numbers for each that is trained. **LoRA** (low-rank adaptation, Hu et al. 2022) freezes
# all of a model and adds to some of its matrices a product of two thin ones, $W + BA$. $B$ starts at 0, so training starts at the
# reference. And the reference is still there: switch the **adapter** $BA$ off. No second model is needed. Train a few steps like this,
# then ask: is the loss the one that two models give?

# %% tags=["demo"]
from peft import LoraConfig, get_peft_model

torch.manual_seed(0)
thin = LoraConfig(r=8, target_modules=["c_attn"], fan_in_fan_out=True)
lora = get_peft_model(AutoModelForCausalLM.from_pretrained(WEIGHTS / "tiny"), thin)
learned = [part for part in lora.parameters() if part.requires_grad]
optimizer = torch.optim.Adam(learned, lr=5e-3)
share = sum(map(torch.numel, learned)) / sum(map(torch.numel, lora.parameters()))
print(f"{share:.1%} of all numbers are trained")


def sides_of(policy: torch.nn.Module, rows: dict[str, list]) -> list[torch.Tensor]:
    """Log π of the chosen and of the rejected responses."""
    return [logps(policy, rows["prompt"], rows[k]) for k in ("chosen", "rejected")]


# %% tags=["demo"]
line = live.Line("LoRA", 4)
for step in line:
    rows = train_data[8 * step : 8 * step + 8]
    with torch.no_grad(), lora.disable_adapter():
        off = sides_of(lora, rows)  # the reference
    loss = dpo_loss(*sides_of(lora, rows), *off, 0.1).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    line.tell(loss=loss.detach())

with torch.no_grad():
    with lora.disable_adapter():
        off = sides_of(lora, rows)
    now, two = sides_of(lora, rows), sides_of(model_ref, rows)
    merged = sides_of(lora.merge_and_unload(), rows)  # W + BA, a plain model
one_model, two_models = dpo_loss(*now, *off, 0.1), dpo_loss(*merged, *two, 0.1)
moved = max((a - b).abs().max() for a, b in zip(now, off, strict=True))
print(f"the adapter moves a response by up to {moved:.0f} nats")
print(f"largest difference of a loss: {(one_model - two_models).abs().max():.0e}")

# %% [markdown]
# It is, up to float32. TRL does the same with `DPOTrainer(peft_config=…)` and no `ref_model`. What is saved is the adapter: 33,000
# numbers, not four million. It wants a larger learning rate than the whole model; ours is ten times that from above.

# %% [markdown]
# ## 12 · A target instead of an endless race
#
# If a pair is always labelled the same way, Bradley–Terry's best $u$ is infinite: whatever β is, DPO never stops, and
# the KL penalty is lost. **IPO** (Azar et al. 2023, eq. 17) regresses $\log u$ on a finite target instead:
#
# $$\mathcal{L}_\mathrm{IPO} = \Big(\log u - \frac{1}{2\beta}\Big)^2$$
#
# One trap in practice: TRL (`loss_type="ipo"`) first divides each log-probability by the response's number of tokens, so that
# long texts do not dominate. The paper's formula does not say so. Your function can do both.
#
# Worked example, $\beta = 0.1$: $\log\pi - \log\pi_\mathrm{ref} = 2$ for chosen and $-1$ for rejected give
# $(3 - 5)^2 = 4$. With 4 and 5 tokens they are $0.5$ and $-0.2$ a token: $(0.7 - 5)^2 = 18.49$.
#
# ### Exercise 9 · `ipo_loss` (●●●, 12 minutes, 4 points)


# %% nbgrader={"grade": false, "grade_id": "ipo_loss", "locked": false, "schema_version": 3, "solution": true, "task": false}
def ipo_loss(
    policy_chosen: torch.Tensor,
    policy_rejected: torch.Tensor,
    ref_chosen: torch.Tensor,
    ref_rejected: torch.Tensor,
    beta: float,
    lengths: tuple[torch.Tensor, torch.Tensor] | None = None,
) -> torch.Tensor:
    """The IPO loss of each pair (Azar et al. 2023, eq. 17; their τ is β).

    A new float [pairs], dtype kept. Gradients reach the two of the policy; no argument
    is changed.
    Args:
        policy_chosen, policy_rejected, ref_chosen, ref_rejected: as in `dpo_loss`.
        beta: above 0.
        lengths: None for the paper's loss; else numbers of tokens of (chosen,
            rejected), int64 [pairs] above 0, and all log-probs count per token, as in
            TRL.
    Raises:
        ValueError: beta is not above 0.
    """
    ### BEGIN SOLUTION
    if not beta > 0:
        raise ValueError(f"beta must be above 0, found {beta}")
    chosen, rejected = policy_chosen - ref_chosen, policy_rejected - ref_rejected
    if lengths is not None:
        chosen, rejected = chosen / lengths[0], rejected / lengths[1]
    return (chosen - rejected - 1 / (2 * beta)) ** 2
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ipo_loss-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
checks("ipo_loss")

# %% nbgrader={"grade": true, "grade_id": "ipo_loss-hidden", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `ipo_loss` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("05-dpo", "ipo_loss", globals())
### END HIDDEN TESTS

# %% [markdown]
# Where does each loss want $\log u$ to be? Compare their shapes for $\beta = 0.5$; the dot marks IPO's target.

# %% tags=["demo"]
log_u, zero = torch.linspace(-3, 8, 200), torch.zeros(200)
lines = {
    name: loss(log_u, zero, zero, zero, 0.5)
    for name, loss in {"DPO": dpo_loss, "IPO": ipo_loss}.items()
}
plots_dpo.smooth({"log u": (log_u, lines)}, y_label="loss", dots={1.0: 0.0}, y_to=6)

# %% [markdown]
# DPO is content with any large $u$; IPO pulls back what has gone too far. But look at the left: a square pulls harder the
# further away it is. Take $\beta = 0.1$ and an outlier, a pair with a wrong label, say, at $\log u = -20$. DPO's slope there is
# $\beta\,\sigma(2) = 0.088$, and never more than β; IPO's is $2 \cdot |{-20} - 5| = 50$. IPO is the cure for certainty, not for
# wrong labels.

# %% [markdown]
# ### Four more losses, the same pairs
#
# Each of these changes something about DPO. $|y|$ is the number of tokens of a response.
#
# | loss | what is new | reference? | pairs? |
# |---|---|---|---|
# | **DPO + NLL** (Pang et al. 2024) | adds the negative log-likelihood (**NLL**) of the chosen text, $-\log \pi(y_w) / \vert y_w \vert$: it is to be said, too | yes | yes |
# | **SimPO**, simple preference optimisation (Meng et al. 2024) | $\log \pi(y) / \vert y \vert$ in place of $\log (\pi / \pi_\mathrm{ref})$, and a margin to be ahead by | no | yes |
# | **ORPO**, by the odds ratio (Hong et al. 2024) | NLL, and the odds $P / (1 - P)$ of $P = \pi(y)^{1 / \vert y \vert}$ in place of the ratio: SFT (lab 02) and preferences at once | no | yes |
# | **KTO**, after Kahneman and Tversky (Ethayarajh et al. 2024) | each text by itself, good or bad, against the policy's KL; a sigmoid, so hopeless texts stop pulling | yes | no |
#
# As functions of the toy's table, for the sampled pairs of section 7:


# %% tags=["demo"]
size = (toy.responses() != toy.EOS_ID).sum(1).add(1).clamp(max=toy.MAX_NEW_TOKENS)


def dpo_and_nll(lp: torch.Tensor) -> torch.Tensor:
    ref_w, ref_l = log_ref[0, won], log_ref[0, lost]
    return dpo_loss(lp[won], lp[lost], ref_w, ref_l, beta) - lp[won] / size[won]


def simpo(lp: torch.Tensor, scale: float = 2.0, margin: float = 1.0) -> torch.Tensor:
    each = scale * lp / size
    return -F.logsigmoid(each[won] - each[lost] - margin)


def orpo(lp: torch.Tensor, weight: float = 0.25) -> torch.Tensor:
    each = lp / size
    odds = each - (-each.exp()).log1p()  # their logarithm
    return -each[won] - weight * F.logsigmoid(odds[won] - odds[lost])


def kto(lp: torch.Tensor) -> torch.Tensor:
    gained = lp - log_ref[0]
    ahead = beta * (gained - (lp.exp() * gained).sum().detach())
    return 2 - ahead[won].sigmoid() - (-ahead[lost]).sigmoid()


# %% [markdown]
# Watch the mean of $\log \pi(y_w)$ first. Whose chosen responses become more probable?

# %% tags=["demo"]
more = {"DPO + NLL": dpo_and_nll, "SimPO": simpo, "ORPO": orpo, "KTO": kto}
found = {name: train_dpo(name, loss, 300) for name, loss in more.items()}
found = {"DPO": sampled} | found
steps = [0, 3, 10, 20, 40, 60, 80, 100, 150, 200, 250, 300]
chosen = {
    name: [path[step][won].mean().item() for step in steps]
    for name, path in found.items()
}
plots_alignment.lines(
    steps, chosen, x_label="step", y_label="log π(chosen), mean over pairs, nats"
)

# %% [markdown]
# Those that have an NLL in them, and only those. And is the policy better for it? On the toy we know the true reward.

# %% tags=["demo"]
paths = {name: points(path, steps) for name, path in found.items()}
plots_alignment.frontier(points(optimal, range(60)), paths=paths, kl_to=5)

# %% [markdown]
# Not by itself. All begin along the frontier, and what tells them apart is *where they stop*. NLL holds a policy near the data:
# little reward, little KL, and it stays there. KTO stops too, further out. DPO and SimPO run on and lose reward again, and SimPO,
# which has no reference, gets less for each nat. No loss is better than another before you have said at which KL, and when to stop.

# %% [markdown]
# ## 13 · Where this lives today
#
# Labs 04 and 05 use TRL 0.11.4. This is what each part is called in TRL 1.x (looked up in the sources of 1.16):
#
# | TRL 0.11.4 | TRL 1.x |
# |---|---|
# | `DPOTrainer(model, ref_model, args=…, train_dataset=…, eval_dataset=…)` | the same; in both, no `ref_model` means a copy of the start |
# | `DPOTrainer(tokenizer=…)` | `processing_class=…` |
# | `DPOConfig(label_smoothing=…)` with `"sigmoid"` | does nothing any more: `loss_type="robust"` and `"exo_pair"` look at it |
# | `DPOConfig(beta, learning_rate, max_steps, max_length)` | the same; the default `learning_rate` is 1e-6 (was 5e-5), `max_length` 1024 (was 512) |
# | `DPOConfig(max_prompt_length=…)` | gone: `max_length` with `truncation_mode`, which now is `keep_start` (was `keep_end`, on its way out) |
# | `DPOConfig(loss_type="sigmoid")`, `"ipo"` | the same, or a list with `loss_weights` |
# | `DPOConfig(remove_unused_columns=False)` | not needed: the trainer names the columns that it uses |
# | `DPOConfig(disable_dropout=True)`, `save_strategy`, `report_to`, `logging_steps` | the same; `logging_steps` is 10 by default, `bf16` and `gradient_checkpointing` are on |
# | `DPOConfig(rpo_alpha=1.0)`: DPO + NLL | `loss_type=["sigmoid", "sft"]`, `loss_weights=[1.0, 1.0]` |
# | `CPOTrainer` with `loss_type="simpo"`, `ORPOTrainer`, `KTOTrainer` | `trl.experimental.cpo`, `trl.experimental.orpo`; `KTOTrainer` |
# | `DPOTrainer(peft_config=…)` | the same |
# | `DPOTrainer.dpo_loss`, `.concatenated_forward`, `.get_batch_logps` | one method, `DPOTrainer._compute_loss` |
# | columns `prompt`, `chosen`, `rejected`; EOS added by the trainer | the same; chat messages too |
# | logs `rewards/chosen`, `rewards/margins`, `rewards/accuracies` (strict $>$), `logps/chosen` | the same names, still strict $>$ |
# | `tokenizer.pad_token = tokenizer.eos_token` | done by the trainer if there is none |
# | `PPOConfig(init_kl_coef=…)`, the β of lab 04 | `trl.experimental.ppo.PPOConfig(kl_coef=…)` up to 1.12; then no PPO |
# | `trainer.train()`, `.evaluate()`, `.remove_callback()`, `.state.log_history` | the same, from `transformers.Trainer` |
#
# And yours: `sequence_logprob` is `get_batch_logps`, `implicit_reward` is `rewards/chosen`, `preference_accuracy` is
# `rewards/accuracies` with fair ties.

# %% [markdown]
# ## Symbols
#
# | | |
# |---|---|
# | $x$; $y$, $y_t$, $\vert y \vert$ | prompt; response, its $t$-th token, and how many it has. $y_w$ and $y_l$: chosen (wins) and rejected (loses) |
# | $\pi$, $\pi_\mathrm{ref}$, $\pi^*$ | policy, reference, the optimal policy of lab 04 |
# | $r(x, y)$, $\hat r(x, y)$ | reward; implicit reward, $\beta \log(\pi / \pi_\mathrm{ref})$ |
# | $\beta$ | reward per nat of KL |
# | $Z(x)$ | the partition function of lab 04 |
# | $u$ | the policy's ratio over the reference's, see section 1: how far $y_w$ has gained on $y_l$ |
# | $\sigma$ | the logistic function, $\sigma(\cdot) = 1/(1 + e^{-\,\cdot})$ |
# | $p$, $q$, $H$ | people's probability to prefer $y_w$, the policy's, and the entropy of $p$ |
# | $\eta$ | probability that a label is wrong ($\varepsilon$ is PPO's clip range, lab 03) |
# | $\theta$, $\mathcal{L}$ | the policy's parameters, the loss |
# | $W$, $A$, $B$ | a matrix of the policy, and the two thin ones of LoRA |
# | $P$ | a token's probability on (geometric) average |

# %% [markdown]
# ## Quiz
#
# Eight questions, one point each, about 15 minutes with paper, pencil and a calculator that has $e^x$ and $\ln x$. Another
# attempt asks other questions, or the same ones with other numbers, and your highest attempt counts. After **Submit** you
# see what was right, why, and where to read again.

# %% tags=["demo"]
import labkit

labkit.quiz("05-dpo")

# %% nbgrader={"grade": true, "grade_id": "quiz-hidden", "locked": true, "points": 8, "schema_version": 3, "solution": false, "task": false}
# Your highest attempt is scored here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.quizzes import run_quiz

run_quiz("05-dpo", "05-dpo")
### END HIDDEN TESTS

# %% [markdown]
# ## Hand in
#
# Save the notebook first. The cell below then packs what you did into one file to upload.

# %% tags=["demo"]
labkit.hand_in()
