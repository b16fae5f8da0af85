# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (RLHF today)
#     language: python
#     name: rlhf-today
# ---

# %% [markdown]
# # Lab 07 · GRPO: rewards that a program can check, and no critic
#
# Lab 03 trained a policy with PPO: a reward model, a value head, GAE. Much of what is trained today does without two
# of them. Where a **program** can tell whether an answer is right (a sum, a proof, a unit test, a format), no reward
# model is needed; and where each prompt is answered several times, the answers are one another's **baseline**, and no
# value head is needed. The methods are **GRPO**, group relative policy optimisation (Shao et al. 2024), and **RLOO**,
# REINFORCE with leave-one-out (Ahmadian et al. 2024), in the trainers that TRL recommends now.
#
# You build every part, lay your loss beside TRL's on TRL's own tensors, and then watch both trainers learn.
#
# | | |
# |---|---|
# | Time | about 150 minutes, 10 exercises and a quiz, 56 points |
# | You need | lab 03; a little torch (`where`, `exp`, `clamp`, sums with a mask) |
# | Kernel | "Python 3 (RLHF today)", with TRL 1.16: the notebook opens with it |
# | How it works | Fill in each function, run the cell of checks below it, read the hints. Hidden checks run when you are graded. |
# | Words | those that you do not know are in the [glossary](../00-start-here/00-start-here.ipynb#Glossary) |
# | Symbols | each letter, and what it stands for, in the [table](#Symbols) before the quiz |

# %%
import itertools
import math

import torch
import torch.nn.functional as F

import labkit
import rlhf
from labkit import checks
from rlhf import live, plots_dpo, plots_grpo, plots_ppo, verifiable

# %% [markdown]
# ## 1 · A reward that is a function
#
# A **verifiable reward** is an ordinary function from text to a number. No network, nothing learned, the same answer
# each time: it cannot drift, and it cannot be flattered. All that it can be is *wrong about what you want*, and
# section 13 shows how quickly a policy finds that out.
#
# Ours asks for a form: prompt and response together are **one sentence of 8 to 12 words**. It is easy to check, rare
# in what the tiny policy writes (about 1 text in 50), and not too rare: with a reward that is never earned nothing
# can be learned.
#
# Worked example: `"A film about nothing at all, but it is fun!"` has one mark, at its end, and 10 words: 1.0. `"It
# is. It is not a good film at all."` has two marks: 0.0. `"So - this is a film - and a fun one."` has 9 words,
# because the dashes have no letter: 1.0.
#
# ### Exercise 1 · `sentence_rewards` (●○○, 10 minutes, 4 points)


# %% nbgrader={"grade": false, "grade_id": "sentence_rewards", "locked": false, "schema_version": 3, "solution": true, "task": false}
def sentence_rewards(texts: list[str], least: int = 8, most: int = 12) -> list[float]:
    """1.0 for a text that is one sentence of `least` to `most` words, 0.0 for another.

    White space around a text does not count. One sentence ends with `.`, `!` or `?`,
    and none of the three stands anywhere else in it. Words are the parts between white
    space that have a letter (`str.isalpha`): a dash alone is no word, "don't" is one.

    Returns:
        A new list of floats, as long as `texts`, which stays as it is.

    Raises:
        ValueError: `least` is above `most`.
    """
    ### BEGIN SOLUTION
    if least > most:
        raise ValueError(f"least must not be above most, found {least} and {most}")
    rewards = []
    for text in texts:
        text = text.strip()
        words = [word for word in text.split() if any(letter.isalpha() for letter in word)]
        marks = sum(text.count(mark) for mark in ".!?")
        rewards.append(float(marks == 1 and text[-1] in ".!?" and least <= len(words) <= most))
    return rewards
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "sentence_rewards-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
checks("sentence_rewards")

# %% nbgrader={"grade": true, "grade_id": "sentence_rewards-hidden", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `sentence_rewards` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("07-grpo", "sentence_rewards", globals())
### END HIDDEN TESTS

# %% [markdown]
# How often does the tiny policy earn it by itself? The prompts are the first words of reviews; 16 tokens are written
# to each.

# %% tags=["demo", "loop"]
import tempfile

from datasets import Dataset
from trl import GRPOConfig, GRPOTrainer, RLOOConfig, RLOOTrainer

from rlhf.models import WEIGHTS
from rlhf.quiet import quiet_transformers

STEPS = 60
reference, tokenizer = rlhf.load_policy("tiny")
prompts = verifiable.openings(tokenizer, 576)
train_data, held_out = Dataset.from_dict({"prompt": prompts[:512]}), prompts[512:]


def one_sentence(
    prompts: list[str], completions: list[str], **_: object
) -> list[float]:
    """TRL calls a reward with lists; what it does not use it swallows."""
    pairs = zip(prompts, completions, strict=True)
    return sentence_rewards([prompt + text for prompt, text in pairs])


# %% tags=["demo"]
before = verifiable.measured(reference, reference, tokenizer, prompts[:512])
earned = sentence_rewards(before["texts"])
print(f"reward of tiny: {sum(earned) / len(earned):.3f}")
pairs = list(zip(earned, before["texts"], strict=True))
for reward, text in [*sorted(pairs)[-3:], *pairs[:2]]:
    print(reward, repr(text))

# %% [markdown]
# ## 2 · pass@k: how good are k tries?
#
# A task that can be checked may be tried several times. **pass@k** is the probability that at least one of $k$
# independent samples is right. The obvious estimate, $1 - (1 - c/n)^k$ from $c$ right ones of $n$ samples, is too low
# on average for $k > 1$: it is a concave function of a noisy number. Unbiased is the share of all ways to choose $k$
# of the $n$ that hold a right one (Chen et al. 2021, eq. 1):
#
# $$\widehat{\text{pass@}k} = 1 - \binom{n - c}{k} \Big/ \binom{n}{k}$$
#
# Worked example: $n = 4$, $c = 1$, $k = 2$: $1 - \binom32 / \binom42 = 1 - 3/6 = 0.5$. The obvious one gives $1 -
# 0.75^2 = 0.4375$.
#
# ### Exercise 2 · `pass_at_k` (●○○, 10 minutes, 4 points)


# %% nbgrader={"grade": false, "grade_id": "pass_at_k", "locked": false, "schema_version": 3, "solution": true, "task": false}
def pass_at_k(samples: list[int], correct: list[int], k: int) -> list[float]:
    """The unbiased estimate of pass@k for each task (Chen et al. 2021, eq. 1).

    Args:
        samples: n of each task, up to 10,000.
        correct: c of each task, as many tasks, 0 <= c <= n.
        k: how many may be submitted.

    Returns:
        A new list of floats between 0 and 1, right to nine decimals; the arguments stay
        as they are. Where fewer than k samples are wrong it is exactly 1.0, where none
        is right exactly 0.0.

    Raises:
        ValueError: k is below 1, or above the n of some task.
    """
    ### BEGIN SOLUTION
    if k < 1 or any(n < k for n in samples):
        raise ValueError(f"k must be between 1 and the number of samples, found {k}")
    return [1.0 - math.comb(n - c, k) / math.comb(n, k) for n, c in zip(samples, correct, strict=True)]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "pass_at_k-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
checks("pass_at_k")

# %% nbgrader={"grade": true, "grade_id": "pass_at_k-hidden", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `pass_at_k` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("07-grpo", "pass_at_k", globals())
### END HIDDEN TESTS

# %% [markdown]
# The proof that it is unbiased is an average over all that can happen. With success probability $p$, the number of
# right ones is binomial; here is the mean of both estimates from $n = 8$ samples, exactly.

# %% tags=["demo"]
p, n = 0.1, 8
chance = [math.comb(n, c) * p**c * (1 - p) ** (n - c) for c in range(n + 1)]
print("k | true pass@k | mean of yours | mean of 1 − (1 − c/n)^k")
for k in (1, 2, 4, 8):
    estimates = pass_at_k([n] * (n + 1), list(range(n + 1)), k)
    yours = sum(w * e for w, e in zip(chance, estimates, strict=True))
    obvious = sum(w * (1 - (1 - c / n) ** k) for c, w in enumerate(chance))
    print(f"{k} | {1 - (1 - p) ** k:11.6f} | {yours:13.6f} | {obvious:.6f}")

# %% [markdown]
# Yours is exact in the mean for every $k$; the obvious one loses a quarter of the truth at $k = 8$.
#
# ## 3 · Advantages from a group
#
# For each prompt $x$ the policy writes $G$ responses. What is good is what is better than its group:
#
# $$A_i = r_i - \frac1G \sum_j r_j \qquad\text{and, in GRPO as it was published,}\qquad A_i = \frac{r_i - \mathrm{mean}(r)}{\mathrm{sd}(r)}$$
#
# TRL adds $10^{-4}$ to the deviation, so that nothing is divided by 0, and so do we. Its `scale_rewards` says by what
# is divided: `"group"`, the standard deviation of each group (the default); `"batch"`, that of all rewards of the
# batch ("Lite PPO", Liu, Liu, He et al. 2025); `"none"`, nothing ("Dr. GRPO", Liu, Chen et al. 2025). The mean is
# always the group's. Deviations are those of `torch.std`, with $G - 1$ for a group.
#
# Worked example, group $(1, 0, 0, 0)$: mean $0.25$, sd $0.5$. `"none"`: $(0.75, -0.25, -0.25, -0.25)$. `"group"`:
# twice that, but for the $10^{-4}$.
#
# ### Exercise 3 · `grpo_advantages` (●●○, 10 minutes, 5 points)


# %% nbgrader={"grade": false, "grade_id": "grpo_advantages", "locked": false, "schema_version": 3, "solution": true, "task": false}
def grpo_advantages(rewards: torch.Tensor, scale: str = "group") -> torch.Tensor:
    """Advantages of responses in groups, as TRL's `scale_rewards` has them.

    A new tensor [prompts, group], dtype of the rewards, which stay as they are. Equal
    rewards in a group give 0, but for rounding. No gradient is asked for.

    Args:
        rewards: float32 or float64 [prompts, group]; a row is a group of two or more.
        scale: what the difference to the group's mean is divided by: "group", the
            group's standard deviation plus 1e-4; "batch", that of all rewards of the
            batch plus 1e-4; "none", nothing. Deviations divide by one less than the
            number of rewards, as `torch.std` does.

    Raises:
        ValueError: scale is another word.
    """
    ### BEGIN SOLUTION
    if scale not in ("group", "batch", "none"):
        raise ValueError(f'scale must be "group", "batch" or "none", found {scale!r}')
    advantages = rewards - rewards.mean(1, keepdim=True)
    if scale == "group":
        return advantages / (rewards.std(1, keepdim=True) + 1e-4)
    return advantages / (rewards.std() + 1e-4) if scale == "batch" else advantages
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "grpo_advantages-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
checks("grpo_advantages")

# %% nbgrader={"grade": true, "grade_id": "grpo_advantages-hidden", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `grpo_advantages` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("07-grpo", "grpo_advantages", globals())
### END HIDDEN TESTS

# %% [markdown]
# ### What dividing does: hard and easy prompts
#
# Rewards are 0 or 1 and a prompt is solved with probability $p$. What weight does it get? The expected update of a
# prompt is $w(p) \cdot \nabla p$, and $w$ can be summed exactly over the number of right responses in the group. What
# do you expect: which prompts does the division favour, and by how much?


# %% tags=["demo"]
def weight(p: float, scale: str, size: int = 8) -> float:
    """w(p): the expected update of a prompt, in units of ∇p."""
    total = 0.0
    for right in range(1, size):
        verdicts = [1.0] * right + [0.0] * (size - right)
        rewards = torch.tensor([verdicts], dtype=torch.float64)
        a = grpo_advantages(rewards, scale)[0].tolist()
        pull = right / size * a[0] / p - (size - right) / size * a[-1] / (1 - p)
        total += math.comb(size, right) * p**right * (1 - p) ** (size - right) * pull
    return total


share = torch.linspace(0.01, 0.99, 99)
lines = {
    f'"{scale}"': torch.tensor([weight(p, scale) for p in share.tolist()])
    for scale in ("group", "none")
}
axis = "p, probability that a response is right"
plots_dpo.smooth({axis: (share, lines)}, y_label="weight of ∇p")

# %% [markdown]
# Without division every prompt counts alike, by $1 - 1/G$: what is climbed is the mean of $p$ itself. With it,
# prompts that are nearly never or nearly always solved weigh 1.4 times as much as middling ones, here with $G = 8$;
# the larger the group, the nearer to $1/\sqrt{p(1-p)}$, which at $p = 0.01$ is five times what it is at one half.
# This is the **difficulty bias** (Dr. GRPO's paper). Whether it helps depends on the task; it is not the gradient of
# the mean reward. Groups in which all are right, or none, teach nothing either way: TRL logs their share as
# `frac_reward_zero_std`.

# %% [markdown]
# ## 4 · Which baselines are unbiased?
#
# A baseline may depend on anything but the response that it is subtracted from. The group's mean *contains* that
# response. Does it matter? We can add up everything that may happen: with $m$ possible responses and groups of $G$
# there are $m^G$ groups, each with its probability.
#
# $$\mathbb{E}\Big[\frac1G \sum_{i=1}^{G} A_i\, \nabla \log \pi(y_i)\Big] = \sum_{(y_1, \dots, y_G)} \Big(\prod_j \pi(y_j)\Big)\, \frac1G \sum_i A_i\, \nabla \log \pi(y_i)$$
#
# The policy is a softmax over $m$ logits, so $\nabla \log \pi(y) = \text{one-hot}(y) - \pi$. Four advantages:
# `"none"`, $r_i$; `"mean"`, $r_i$ minus the group's mean; `"others"`, $r_i$ minus the mean of the *others* (RLOO);
# `"group"`, that of exercise 3 with its $10^{-4}$.
#
# Worked example: two responses with logits $(0, 0)$, rewards $(1, 0)$, $G = 2$, `"mean"`. Groups of equal responses
# have advantages 0. The other two groups, each of probability $\tfrac14$, have advantages $\pm\tfrac12$: $\tfrac12
# \big(\tfrac12 (\tfrac12, -\tfrac12) - \tfrac12 (-\tfrac12, \tfrac12)\big) = (\tfrac14, -\tfrac14)$. Together $2
# \cdot \tfrac14 \cdot (\tfrac14, -\tfrac14) = (\tfrac18, -\tfrac18)$.
#
# ### Exercise 4 · `expected_gradient` (●●●, 20 minutes, 6 points)


# %% nbgrader={"grade": false, "grade_id": "expected_gradient", "locked": false, "schema_version": 3, "solution": true, "task": false}
def expected_gradient(
    logits: torch.Tensor, rewards: torch.Tensor, size: int, method: str
) -> torch.Tensor:
    """The mean of (1/G) Σ A_i ∇ log π(y_i) over all groups of G = `size` responses.

    A new float64 [m]. The arguments stay as they are; no gradient is asked for.
    Args:
        logits, rewards: float64 [m]; π is the softmax of logits up to ±1000.
        size: 2 or more; m ** size is at most 10,000.
        method: "none", A = r; "mean", r minus its group's mean; "others", r minus the
            mean of the others in its group; "group", r minus the group's mean, over
            the group's standard deviation (`torch.std`) plus 1e-4. Other words raise
            ValueError.
    """
    ### BEGIN SOLUTION
    if method not in ("none", "mean", "others", "group"):
        raise ValueError(f'method must be "none", "mean", "others" or "group", found {method!r}')
    groups = torch.tensor(list(itertools.product(range(len(logits)), repeat=size)))
    r, probs = rewards[groups], logits.softmax(-1)
    if method in ("mean", "group"):
        advantages = grpo_advantages(r, "none" if method == "mean" else "group")
    else:
        advantages = r if method == "none" else r - (r.sum(1, keepdim=True) - r) / (size - 1)
    scores = F.one_hot(groups, len(logits)) - probs
    return (probs[groups].prod(1)[:, None] * (advantages[..., None] * scores).mean(1)).sum(0)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "expected_gradient-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
checks("expected_gradient")

# %% nbgrader={"grade": true, "grade_id": "expected_gradient-hidden", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `expected_gradient` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("07-grpo", "expected_gradient", globals())
### END HIDDEN TESTS

# %% [markdown]
# Now over groups of every size. Is what comes out the true gradient, a multiple of it, or another direction?

# %% tags=["demo"]
logits = torch.tensor([0.5, -1.0, 0.2, 1.0], dtype=torch.float64)
r = torch.tensor([1.0, 0.0, 0.0, 0.3], dtype=torch.float64)
pi = logits.softmax(-1)
exact = pi * (r - pi @ r)
print("G | method | length / that of ∇E[r] | angle to it, degrees")
for size, method in itertools.product((2, 4, 6), ("none", "others", "mean", "group")):
    found = expected_gradient(logits, r, size, method)
    cosine = min(1.0, F.cosine_similarity(found, exact, dim=0).item())
    length, angle = found.norm() / exact.norm(), math.degrees(math.acos(cosine))
    print(f"{size} | {method:6} | {length:.6f} | {angle:.4f}")

# %% [markdown]
# `"none"` and `"others"` give $\nabla \mathbb{E}[r]$ itself: **RLOO is unbiased**. So is every baseline that is made
# of the others alone, half their mean or twice it. They differ in noise, which no expectation shows: in this table the
# mean of the others has less than `"none"` at $G = 4$ and 6, and more at $G = 2$, where it is a single reward.
#
# `"mean"` gives $1 - 1/G$ of it: $A$ with oneself in the mean is $(1 - 1/G)$ times $A$ with oneself left out, response
# by response, a smaller learning rate and nothing else.
#
# Dividing by the group's deviation is another matter: **the direction changes, at every $G$**. With rewards of 0 and 1
# a prompt keeps its direction and changes its weight (section 3); with others, such as the 0.3 here, even one prompt's
# direction turns. GRPO as published does not follow the gradient of $\mathbb{E}[r]$.

# %% [markdown]
# ## 5 · Ratios: whose samples are these?
#
# Sampling is slow, so a batch is used for several steps, or sampled by a copy of the policy that is some steps
# behind. Then the samples come from $\pi_\mathrm{old}$, and each token is weighed by
#
# $$\rho_t = \frac{\pi(y_t \mid x, y_{<t})}{\pi_\mathrm{old}(y_t \mid x, y_{<t})}$$
#
# **GSPO** (Zheng et al. 2025) asks for one ratio for the whole response, as the reward is one for the whole response:
# the geometric mean, $\rho = \exp\big(\tfrac{1}{\lvert y \rvert} \sum_t \log \rho_t\big)$, at every token of it.
#
# Worked example: $\log\pi - \log\pi_\mathrm{old} = (0.2, -0.4)$: per token $(1.2214, 0.6703)$, per sequence $e^{-0.1}
# = 0.9048$ twice.
#
# ### Exercise 5 · `importance_ratios` (●●○, 12 minutes, 5 points)


# %% nbgrader={"grade": false, "grade_id": "importance_ratios", "locked": false, "schema_version": 3, "solution": true, "task": false}
def importance_ratios(
    logps: torch.Tensor,
    old_logps: torch.Tensor,
    mask: torch.Tensor,
    level: str = "token",
) -> torch.Tensor:
    """π/π_old at each token, or one for each response (GSPO, Zheng et al. 2025).

    A new tensor [batch, length], dtype of the log-probs, 1 where the mask is false. The
    gradient reaches `logps` alone, and is 0 there. The arguments stay as they are.
    Args:
        logps: float32 or float64 [batch, length], log π of the tokens now.
        old_logps: the same when they were sampled: constants.
        mask: bool, the same shape, true at a response's tokens, wherever they stand, at
            least one a row. Elsewhere anything may stand, ±inf and nan too.
        level: "token", or "sequence": exp of the mean log ratio of a row's tokens, at
            each of them. Other words raise ValueError.
    """
    ### BEGIN SOLUTION
    if level not in ("token", "sequence"):
        raise ValueError(f'level must be "token" or "sequence", found {level!r}')
    log_ratio = torch.where(mask, logps - old_logps.detach(), 0.0)
    if level == "sequence":
        log_ratio = torch.where(mask, (log_ratio.sum(1) / mask.sum(1))[:, None], 0.0)
    return log_ratio.exp()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "importance_ratios-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
checks("importance_ratios")

# %% nbgrader={"grade": true, "grade_id": "importance_ratios-hidden", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `importance_ratios` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("07-grpo", "importance_ratios", globals())
### END HIDDEN TESTS

# %% [markdown]
# ## 6 · The clip, with two edges
#
# As in PPO, a ratio that has gone far enough in the rewarded direction gets no further gradient. **DAPO** (Yu et al.
# 2025) opens the upper edge further than the lower one ("clip higher"): a token of probability 0.01 otherwise gets no
# more gradient once it is at 0.012, and what is rare and good grows slowly. The loss of a token is
#
# $$-\min\big(\rho\, A,\; \mathrm{clip}(\rho,\, 1 - \varepsilon_\mathrm{low},\, 1 + \varepsilon_\mathrm{high})\, A\big)$$
#
# Worked example, $\varepsilon_\mathrm{low} = 0.2$, $\varepsilon_\mathrm{high} = 0.28$: $\rho = 1.5$, $A = 2$:
# $-2.56$. $\rho = 1.5$, $A = -2$: $3$ (the minimum keeps what is bad). $\rho = 0.5$, $A = -2$: $1.6$.
#
# ### Exercise 6 · `clipped_losses` (●●○, 10 minutes, 5 points)


# %% nbgrader={"grade": false, "grade_id": "clipped_losses", "locked": false, "schema_version": 3, "solution": true, "task": false}
def clipped_losses(
    ratios: torch.Tensor,
    advantages: torch.Tensor,
    low: float = 0.2,
    high: float = 0.2,
) -> torch.Tensor:
    """The clipped loss of each token (Schulman et al. 2017, eq. 7, negated; two edges).

    A new tensor [batch, length], dtype of the ratios. The gradient reaches the ratios,
    and is 0 where the clip cuts. The arguments stay as they are.

    Args:
        ratios: float32 or float64 [batch, length], above 0, none exactly at an edge.
        advantages: [batch], the same dtype: one for each response, constants.
        low: ratios below 1 − low are cut where the advantage is negative.
        high: ratios above 1 + high are cut where the advantage is positive.
    """
    ### BEGIN SOLUTION
    a = advantages.detach()[:, None]
    return -torch.min(ratios * a, ratios.clamp(1 - low, 1 + high) * a)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "clipped_losses-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
checks("clipped_losses")

# %% nbgrader={"grade": true, "grade_id": "clipped_losses-hidden", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `clipped_losses` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("07-grpo", "clipped_losses", globals())
### END HIDDEN TESTS

# %% [markdown]
# ### How stale is too stale?
#
# TRL logs how many tokens the clip has cut: `clip_ratio/high_mean` counts tokens with $A > 0$ and $\rho > 1 +
# \varepsilon_\mathrm{high}$, `clip_ratio/low_mean` those with $A < 0$ and $\rho < 1 - \varepsilon_\mathrm{low}$, each
# as a share of *all* tokens that count. What lies outside of an edge but is not cut ($A < 0$, $\rho$ large) is in
# neither.
#
# ### Exercise 7 · `clip_shares` (●○○, 8 minutes, 3 points)


# %% nbgrader={"grade": false, "grade_id": "clip_shares", "locked": false, "schema_version": 3, "solution": true, "task": false}
def clip_shares(
    ratios: torch.Tensor,
    advantages: torch.Tensor,
    mask: torch.Tensor,
    low: float = 0.2,
    high: float = 0.2,
) -> tuple[float, float]:
    """The shares of tokens that the clip cuts, (below, above): two Python floats.

    Args:
        ratios: float32 or float64 [batch, length]; anything where the mask is false.
        advantages: [batch], the same dtype, one for each response.
        mask: bool [batch, length], true at tokens that count, one or more in the batch.
        low, high: as in `clipped_losses`; a ratio at an edge is not cut.

    Returns:
        Of all tokens that count, in all rows together, the share with a negative
        advantage and a ratio below 1 − low, and the share with a positive advantage and
        a ratio above 1 + high; right to six decimals. The arguments stay as they are.
    """
    ### BEGIN SOLUTION
    a = advantages[:, None]
    below = mask & (ratios < 1 - low) & (a < 0)
    above = mask & (ratios > 1 + high) & (a > 0)
    return below.sum().item() / mask.sum().item(), above.sum().item() / mask.sum().item()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "clip_shares-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
checks("clip_shares")

# %% nbgrader={"grade": true, "grade_id": "clip_shares-hidden", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `clip_shares` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("07-grpo", "clip_shares", globals())
### END HIDDEN TESTS

# %% [markdown]
# ## 7 · One number from many tokens: three ways to average
#
# Each response has one advantage and many tokens. How are token losses $\ell_{i,t}$ averaged to one number? It looks
# like bookkeeping, and decides what long responses are worth.
#
# | `method` | loss | used by |
# |---|---|---|
# | `"grpo"` | $\frac1B \sum_i \frac{1}{\lvert y_i \rvert} \sum_t \ell_{i,t}$ | GRPO, and GSPO: a mean of responses' means |
# | `"dapo"` | $\frac{1}{\sum_i \lvert y_i \rvert} \sum_i \sum_t \ell_{i,t}$ | DAPO; TRL's default: a mean over all tokens |
# | `"dr_grpo"` | $\frac{1}{B T} \sum_i \sum_t \ell_{i,t}$ | Dr. GRPO: by a constant, the most tokens that there may be |
#
# $B$ is the number of responses in the batch.
#
# Worked example: losses $(3, 1)$ and $(2)$, $T = 4$. `"grpo"`: $(2 + 2)/2 = 2$. `"dapo"`: $6/3 = 2$. `"dr_grpo"`:
# $6/8 = 0.75$.
#
# ### Exercise 8 · `normalised_loss` (●●○, 12 minutes, 5 points)


# %% nbgrader={"grade": false, "grade_id": "normalised_loss", "locked": false, "schema_version": 3, "solution": true, "task": false}
def normalised_loss(
    losses: torch.Tensor, mask: torch.Tensor, method: str = "dapo", longest: int = 16
) -> torch.Tensor:
    """One loss of many tokens' losses, as the three methods average them.

    A tensor of shape [], dtype of the losses. The gradient reaches the losses, and is 0
    where the mask is false. The arguments stay as they are.
    Args:
        losses: float32 or float64 [batch, length].
        mask: bool, the same shape, true at a response's tokens, wherever they stand, at
            least one a row. Elsewhere anything may stand, ±inf and nan too.
        method: "grpo", the mean of the responses' means over their tokens; "dapo", the
            mean over all tokens of the batch; "dr_grpo", the sum over all tokens, over
            batch times `longest`. Other words raise ValueError.
        longest: T, the most tokens that a response may have; for "dr_grpo" alone.
    """
    ### BEGIN SOLUTION
    kept = torch.where(mask, losses, 0.0)
    if method == "grpo":
        return (kept.sum(1) / mask.sum(1)).mean()
    if method == "dapo":
        return kept.sum() / mask.sum()
    if method == "dr_grpo":
        return kept.sum() / (len(losses) * longest)
    raise ValueError(f'method must be "grpo", "dapo" or "dr_grpo", found {method!r}')
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "normalised_loss-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
checks("normalised_loss")

# %% nbgrader={"grade": true, "grade_id": "normalised_loss-hidden", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `normalised_loss` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("07-grpo", "normalised_loss", globals())
### END HIDDEN TESTS

# %% [markdown]
# What does a token of a long and of a short response weigh, if both were equally wrong?

# %% tags=["demo"]
mask = torch.arange(16) < torch.tensor([[3], [12]])
print("method  | a token of 3, of 12 | all 3 tokens, all 12")
for method in ("grpo", "dapo", "dr_grpo"):
    ones = torch.ones(2, 16, dtype=torch.float64, requires_grad=True)
    normalised_loss(ones, mask, method, 16).backward()
    short, long = ones.grad[0, 0].item(), ones.grad[1, 0].item()
    token, whole = f"{short:.4f}, {long:.4f}", f"{3 * short:.3f}, {12 * long:.3f}"
    print(f"{method:7} | {token:19} | {whole}")

# %% [markdown]
# With `"grpo"` a token of the long response weighs a quarter: **long wrong responses are punished less for each
# token, short right ones are rewarded more.** With the other two every token weighs the same, and the sum over a
# response is what the policy gradient asks for: $A \sum_t \nabla \log \pi(y_t)$.
#
# Section 10 adds up what that does to the length itself.

# %% [markdown]
# ## 8 · KL as a loss: three estimators, and only some gradients
#
# Lab 03 put the KL to the reference into the *reward*. GRPO adds it to the *loss*: $\beta$ times an estimate at each
# sampled token. With $d = \log \pi(y_t) - \log \pi_\mathrm{ref}(y_t)$, as in lab 03:
#
# $$k_1 = d \qquad k_2 = \tfrac12 d^2 \qquad k_3 = e^{-d} + d - 1$$
#
# As *values*, $k_1$ and $k_3$ are unbiased. But a loss is used through its *gradient*, and differentiating a sampled
# token's estimate is not the gradient of the KL: the sampling depends on the policy, too. TRL's default today
# multiplies by the ratio, $\rho\, k_3$ (DeepSeek-V3.2): its value is $k_3$ where $\pi = \pi_\mathrm{old}$, its
# gradient is not.
#
# Worked example, $\log\pi = -1$, $\log\pi_\mathrm{ref} = -1.5$: $d = 0.5$, $k_1 = 0.5$, $k_2 = 0.125$, $k_3 = 0.6065
# + 0.5 - 1 = 0.1065$.
#
# ### Exercise 9 · `kl_losses` (●●○, 12 minutes, 5 points)


# %% nbgrader={"grade": false, "grade_id": "kl_losses", "locked": false, "schema_version": 3, "solution": true, "task": false}
def kl_losses(
    logps: torch.Tensor,
    ref_logps: torch.Tensor,
    old_logps: torch.Tensor,
    estimator: str = "k3-ratio",
) -> torch.Tensor:
    """An estimate of KL(π‖π_ref) at each sampled token (Schulman 2020), as a loss.

    A new tensor, shape and dtype of `logps`. The gradient reaches `logps` alone. The
    arguments stay as they are.
    Args:
        logps: float32 or float64, any shape, log π of the tokens now.
        ref_logps, old_logps: the same under the reference, and when sampled: constants.
        estimator: "k1", d; "k2", d²/2; "k3", exp(−d) + d − 1; "k3-ratio", k3 times
            π/π_old, through which the gradient flows too. d is log π − log π_ref.
            Other words raise ValueError.
    """
    ### BEGIN SOLUTION
    d = logps - ref_logps.detach()
    k3 = (-d).exp() + d - 1
    losses = {"k1": d, "k2": d**2 / 2, "k3": k3, "k3-ratio": k3 * (logps - old_logps.detach()).exp()}
    if estimator not in losses:
        raise ValueError(f'estimator must be "k1", "k2", "k3" or "k3-ratio", found {estimator!r}')
    return losses[estimator]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "kl_losses-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
checks("kl_losses")

# %% nbgrader={"grade": true, "grade_id": "kl_losses-hidden", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `kl_losses` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("07-grpo", "kl_losses", globals())
### END HIDDEN TESTS

# %% [markdown]
# Now enumerate: a policy over five responses, $\mathbb{E}_{y \sim \pi}\big[\nabla k(y)\big]$ added up exactly, laid
# beside the gradients of both KLs. Guess first: which of the four is $\nabla \mathrm{KL}(\pi \,\|\,
# \pi_\mathrm{ref})$?

# %% tags=["demo"]
logits = torch.tensor([0.5, -1.0, 0.2, 1.0, -0.3]).double().requires_grad_()
log_ref = torch.tensor([-0.4, 0.9, 0.1, -1.2, 0.6]).double().log_softmax(-1)
lp = logits.log_softmax(-1)
pi, ref = lp.detach().exp(), log_ref.exp()


def slope(loss: torch.Tensor) -> torch.Tensor:
    """The gradient of a loss in the logits."""
    return torch.autograd.grad(loss, logits, retain_graph=True)[0]


forward = slope((lp.exp() * (lp - log_ref)).sum())
turned = slope((ref * (log_ref - lp)).sum())
print("loss     | largest entry | distance from ∇KL(π‖π_ref) | from ∇KL(π_ref‖π)")
for estimator in ("k1", "k2", "k3", "k3-ratio"):
    found = slope((pi * kl_losses(lp, log_ref, lp.detach(), estimator)).sum())
    gaps = [(found - wanted).abs().max().item() for wanted in (forward, turned)]
    largest = found.abs().max().item()
    print(f"{estimator:8} | {largest:13.6f} | {gaps[0]:26.1e} | {gaps[1]:.1e}")

# %% [markdown]
# - **k1 has no gradient at all** on average: $\mathbb{E}\,\nabla \log \pi = 0$. As a loss it is pure noise (in the
#   reward it is exact).
# - **k2 is exact**, though its value is biased: its gradient is $d\, \nabla \log\pi$, which is what the score
#   function needs.
# - **k3 gives the other KL's gradient**, $\nabla \mathrm{KL}(\pi_\mathrm{ref} \| \pi)$: near the reference hardly
#   different, far from it quite another pull. GRPO was published with it.
# - **k3 times the ratio is exact again**: the ratio's gradient puts back what the sampling does. That is
#   `use_bias_correction_kl=True`.
#
# All of this is about one choice, given what stands before it. In a response of many tokens such a loss leaves out how
# an early token moves the KL of the later ones; the KL in the reward (lab 03) counts that, too.
#
# ## 9 · Put it together
#
# The loss of GRPO and its family, in three lines that you have: ratios, clipped losses, plus $\beta$ times the KL's,
# averaged.
#
# Mind the order: padding's log-probs are cleaned *before* anything is computed from them, and the KL's ratio is that
# of the same level as the clip's. So it is in TRL, whose documentation says that with one ratio a response the KL's
# gradient is no longer exact.
#
# ### Exercise 10 · `grpo_loss` (●●●, 15 minutes, 6 points)


# %% nbgrader={"grade": false, "grade_id": "grpo_loss", "locked": false, "schema_version": 3, "solution": true, "task": false}
def grpo_loss(
    logps: torch.Tensor, old_logps: torch.Tensor, ref_logps: torch.Tensor,
    advantages: torch.Tensor, mask: torch.Tensor,
    method: str = "dapo", level: str = "token", low: float = 0.2, high: float = 0.2,
    beta: float = 0.0, longest: int = 16,
) -> torch.Tensor:  # fmt: skip
    """The loss of GRPO, DAPO, Dr. GRPO and GSPO: clipped, and β times k3 times ρ.

    A tensor of shape [], dtype of the log-probs. The gradient reaches `logps` alone,
    and is 0 where the mask is false. The arguments stay as they are.

    Args:
        logps, old_logps, ref_logps: float32 or float64 [batch, length], log-probs of
            the tokens now, when sampled, and under the reference.
        advantages: [batch], one for each response, the same dtype.
        mask: bool [batch, length], at least one true a row. Elsewhere the log-probs may
            be anything, ±inf and nan too.
        method, longest: as in `normalised_loss`; level: as in `importance_ratios`;
            low, high: as in `clipped_losses`.
        beta: the price of the KL; its ratio is the one of `level`.
    """
    ### BEGIN SOLUTION
    logps, old, ref = (torch.where(mask, part, 0.0) for part in (logps, old_logps.detach(), ref_logps.detach()))
    ratios = importance_ratios(logps, old, mask, level)
    losses = clipped_losses(ratios, advantages, low, high) + beta * kl_losses(logps, ref, old, "k3") * ratios
    return normalised_loss(losses, mask, method, longest)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "grpo_loss-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
checks("grpo_loss")

# %% nbgrader={"grade": true, "grade_id": "grpo_loss-hidden", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `grpo_loss` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("07-grpo", "grpo_loss", globals())
### END HIDDEN TESTS

# %% [markdown]
# ## 10 · What the averages do to the length
#
# A toy that can be added up: at each place the policy goes on with probability $q = 0.6$, up to 8 tokens, and only
# the length of a response decides whether it is right. Once the *long* ones are right (5 tokens or more), once the
# *short* ones (2 or fewer). We take the exact expected update of each method over all groups of two, through **your**
# `grpo_loss`, in units of the true $\nabla \mathbb{E}[r]$. GSPO is `"grpo"` with one ratio a response.

# %% tags=["demo"]
longest, places = 8, torch.arange(1, 9)
theta = torch.tensor(math.log(0.6 / 0.4), dtype=torch.float64, requires_grad=True)
toy_mask = places <= places[:, None]  # row i: a response of i + 1 tokens
goes_on, ends = F.logsigmoid(theta), F.logsigmoid(-theta)
toy_logps = torch.where(places < places[:, None], goes_on, ends)
# what reaches the last place is cut off there
toy_logps = torch.where((places == longest) | ~toy_mask, 0.0, toy_logps)
chance = toy_logps.sum(1).exp()


def update(right: torch.Tensor, method: str, level: str) -> float:
    """Its expected update over all pairs of responses, in units of ∇E[r]."""
    total = torch.zeros((), dtype=torch.float64)
    for pair in itertools.product(range(longest), repeat=2):
        rows, lp = list(pair), toy_logps[list(pair)]
        old, mask = lp.detach(), toy_mask[rows]
        a = grpo_advantages(right[None, rows], "none")[0]
        loss = grpo_loss(lp, old, old, a, mask, method, level, longest=longest)
        total = total - chance[rows].prod().detach() * loss
    (found,) = torch.autograd.grad(total, theta, retain_graph=True)
    (true,) = torch.autograd.grad(chance @ right, theta, retain_graph=True)
    return (found / true).item()


# %% tags=["demo"]
print("method   | long ones are right | short ones are right | short over long")
for name, method, level in (
    ("GRPO", "grpo", "token"),
    ("GSPO", "grpo", "sequence"),
    ("DAPO", "dapo", "token"),
    ("Dr. GRPO", "dr_grpo", "token"),
):
    long = update((places >= 5).double(), method, level)
    short = update((places <= 2).double(), method, level)
    print(f"{name:8} | {long:19.4f} | {short:20.4f} | {short / long:.2f}")

# %% [markdown]
# **Dr. GRPO** is the true gradient, times $(1 - 1/G)/T$, whatever is right. **GRPO** divides each response's pull by
# its own length: where short is right it climbs 1.6 times as fast as where long is right. At the first step **GSPO**
# does the same: its ratio is a geometric mean, so its gradient has the same $1/\lvert y \rvert$. **DAPO** divides by
# the tokens of the batch, which depend on the responses, too: 1.3 times. It is less biased, not unbiased; the larger
# the batch, the less.
#
# So a method may make answers longer or shorter without any reward for it. If you see lengths grow in a run, ask for
# the average first.
#
# ## 11 · Run it: both trainers
#
# The loop is TRL's: it draws prompts, writes $G$ responses to each, calls **your** `sentence_rewards`, and steps.
# These are the fields that matter:
#
# | field | here | TRL's default | |
# |---|---|---|---|
# | `num_generations` | 8 | 8; RLOO: 2 | $G$ |
# | `per_device_train_batch_size` | 64 | 8 | responses a step: 8 prompts times 8 |
# | `learning_rate`, `lr_scheduler_type` | 1e-4, constant | 1e-6, linear | large, because the model is tiny and the run short |
# | `beta` | 0 | 0; RLOO: 0.05 | with 0 no reference is loaded |
# | `scale_rewards`, `loss_type` | the default | `"group"`, `"dapo"` | exercises 3 and 8; GRPO only |
# | `max_completion_length` | 16 | 512 | $T$ |
# | `bf16`, `gradient_checkpointing` | off | on | for a processor without them |

# %% tags=["demo", "loop"]
COMMON = {
    "learning_rate": 1e-4, "lr_scheduler_type": "constant", "max_steps": STEPS,
    "num_generations": 8, "per_device_train_batch_size": 64, "beta": 0.0,
    "max_completion_length": verifiable.NEW_TOKENS, "logging_steps": 1,
    "model_init_kwargs": {"dtype": "float32"}, "bf16": False, "use_cpu": True,
    "gradient_checkpointing": False, "save_strategy": "no", "report_to": [],
    "disable_tqdm": True,
}  # fmt: skip


def build(
    trainer: type, reward: object, **changes: object
) -> GRPOTrainer | RLOOTrainer:
    """A trainer of tiny with the settings above, and changes to them."""
    config = {GRPOTrainer: GRPOConfig, RLOOTrainer: RLOOConfig}[trainer]
    return trainer(
        str(WEIGHTS / "tiny"),
        reward_funcs=reward,
        args=config(output_dir=tempfile.mkdtemp(), **COMMON | changes),
        train_dataset=train_data,
        processing_class=tokenizer,
    )


# %% [markdown]
# `dtype` is said because tiny is stored in 16 bits, and would be trained in them. Both trainers begin with the same
# weights, and draw with the same seed.

# %% tags=["demo"]
with quiet_transformers():
    grpo = build(GRPOTrainer, one_sentence, seed=0)
    rloo = build(RLOOTrainer, one_sentence, seed=0)
watched = {"reward": "reward", "tokens": "completions/mean_length"}

# %% [markdown]
# Now 60 steps each, about half a minute on two cores. `live.train` is `trainer.train()` with one line that lives, and says how
# long it takes here.
# Interrupted (■), it keeps what is trained; the cell run again goes on.

# %% tags=["demo"]
grpo_log = verifiable.history(live.train(grpo, "GRPO", **watched))

# %% tags=["demo"]
rloo_log = verifiable.history(live.train(rloo, "RLOO", **watched))

# %% tags=["demo"]
logs = {"GRPO": grpo_log, "RLOO": rloo_log}
for name, log in logs.items():
    first, last = (sum(part) / 5 for part in (log["reward"][:5], log["reward"][-5:]))
    print(f"{name}: reward {first:.3f} → {last:.3f}, the means of five steps")
titles = {
    "reward": "reward",
    "length": "tokens a response",
    "equal groups": "share of equal groups",
}
panels = {
    title: {name: log[what] for name, log in logs.items()}
    for what, title in titles.items()
}
plots_ppo.runs(panels, columns=3)

# %% [markdown]
# From one text in fifty to about four in ten. At the start most groups hold no right response, and teach nothing;
# each step makes the next one richer. What did it cost, and what do the texts look like? The prompts below were not
# trained on.

# %% tags=["demo"]
first = verifiable.measured(reference, reference, tokenizer, held_out)
seen = {
    name: verifiable.measured(trainer.model, reference, tokenizer, held_out)
    for name, trainer in {"GRPO": grpo, "RLOO": rloo}.items()
}
for name, found in seen.items():
    print(
        f"{name}: KL to tiny {found['KL']:.1f} nats, {found['length']:.1f} tokens, "
        f"distinct tokens {found['distinct']:.2f}"
    )
sides = []
for texts in (first["texts"], seen["GRPO"]["texts"]):
    pairs = zip(held_out, texts, strict=True)
    written = [text[len(prompt) :] for prompt, text in pairs]
    sides.append(list(zip(written, sentence_rewards(texts), strict=True))[:10])
plots_ppo.before_and_after(held_out[:10], *sides)

# %% [markdown]
# ### Your loss is TRL's
#
# A fresh batch out of the trained GRPO trainer, as the trainer itself makes it; as $\pi_\mathrm{old}$ and
# $\pi_\mathrm{ref}$ we take tiny, so that ratios are far from 1. `_compute_loss` is TRL's own; it reads `loss_type`,
# the level and `beta` from the trainer.

# %% tags=["demo"]
with quiet_transformers(), torch.no_grad():
    rows = [{"prompt": prompt} for prompt in prompts[:8] for _ in range(8)]
    batch = grpo._generate_and_score_completions(rows)
    ids, attention = (
        torch.cat([batch[f"prompt_{part}"], batch[f"completion_{part}"]], 1)
        for part in ("ids", "mask")
    )
    ask = (ids, attention, batch["completion_ids"].shape[1])
    now = grpo._get_per_token_logps_and_entropies(grpo.model, *ask)[0]
    start = batch["prompt_ids"].shape[1]
    old = verifiable.log_probs(reference, ids, attention, start)
batch |= {"old_per_token_logps": old, "ref_per_token_logps": old}
mask, advantages = batch["completion_mask"].bool(), batch["advantages"]

# %% tags=["demo"]
settings = itertools.product(
    ("grpo", "dapo", "dr_grpo"), ("token", "sequence"), (0.0, 0.04)
)
given = (now, old, old, advantages, mask)
longest = grpo.max_completion_length
print("method  | level    | β    | yours      | TRL's")
for method, level, beta in settings:
    grpo.loss_type, grpo.importance_sampling_level, grpo.beta = method, level, beta
    with torch.no_grad():
        theirs = grpo._compute_loss(grpo.model, batch).item()
    yours = grpo_loss(*given, method, level, beta=beta, longest=longest).item()
    print(f"{method:7} | {level:8} | {beta:<4} | {yours:+.7f} | {theirs:+.7f}")

# %% [markdown]
# ### A batch used again and again
#
# Sampling was the dear part. How often may a batch be used before it is stale? Eight more steps on that one batch,
# with **your** loss and $\pi_\mathrm{old}$ as it sampled:

# %% tags=["demo"]
model = grpo.model
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
print("step | loss    | ratio of a response: mean, least to most | cut below, above")
for step in range(8):
    logps = grpo._get_per_token_logps_and_entropies(model, *ask)[0]
    ratios = importance_ratios(logps, now, mask)
    loss = grpo_loss(logps, now, now, advantages, mask)
    below, above = clip_shares(ratios, advantages, mask)
    spread = importance_ratios(logps, now, mask, "sequence")[:, 0]
    said = f"{spread.mean():.3f}, {spread.min():.2f} to {spread.max():.2f}"
    print(f"{step:4} | {loss:+.4f} | {said:39} | {below:.3f}, {above:.3f}")
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

# %% [markdown]
# The loss falls with each step, and more and more of that is the same few texts once more: the ratios spread, the clip
# cuts. By default TRL uses each batch once (`num_iterations=1`): then $\rho = 1$, nothing is ever clipped, and the
# `min` and the edges of exercise 6 do nothing at all.
#
# ## 12 · Three seeds, and what matters
#
# One run proves little. These curves come with the kit; `solutions/models/train_grpo.py` made them with the cells
# above. Three seeds each, everything else as it was: does dividing by the deviation help here? Does a KL price of
# 0.04 cost reward, and buy nearness? A thin line is a seed, a thick one the mean of three; rewards and lengths are means
# of five steps.

# %% tags=["demo"]
shipped = verifiable.shipped_runs()
names = {
    "grpo": "GRPO", "no std": "without sd", "beta 0.04": "β = 0.04", "rloo": "RLOO",
}  # fmt: skip
runs = {label: list(shipped[name].values()) for name, label in names.items()}
panels = {
    title: {label: [run[what] for run in of] for label, of in runs.items()}
    for title, what in {"reward": "reward", "tokens a response": "length"}.items()
}
panels["KL to tiny, nats"] = {
    label: [[look["KL"] for look in run["looks"]] for run in of]
    for label, of in runs.items()
}
looked = [look["step"] for look in runs["GRPO"][0]["looks"]]
plots_grpo.seeds(panels, steps={"KL to tiny, nats": looked})


# %% tags=["demo"]
def mean_and_error(values: list[float]) -> str:
    """The mean, and its standard error."""
    found = torch.tensor(values)
    return f"{found.mean():.3f} ± {found.std() / len(values) ** 0.5:.3f}"


print("run        | reward, first five | reward, last five | KL at the end, nats")
for label, of in runs.items():
    parts = [
        [sum(run["reward"][:5]) / 5 for run in of],
        [sum(run["reward"][-5:]) / 5 for run in of],
        [run["looks"][-1]["KL"] for run in of],
    ]
    cells = [f"{mean_and_error(part):17}" for part in parts]
    print(f"{label:10} | {cells[0]}  | {cells[1]} | {cells[2]}")

# %% [markdown]
# All four end near 0.4. With the deviation, without it, and RLOO lie within two standard errors of one another: on
# this task the division neither helps nor harms as far as three seeds can tell. The price of 0.04 buys nearness, in
# each of the seeds: 4.6 nats from tiny instead of 6.2. Its mean reward is 0.03 lower, one and a half standard errors:
# three seeds cannot say whether that is a cost. Responses become shorter in all of them, from 16 tokens, the most that
# there may be, to 9: a sentence ends.
#
# ## 13 · Stop at once: a reward that is wrong about what you want
#
# A good review ends its sentences. So let us pay for that: **1 if the response ends with a full stop and is over**,
# else 0. A program can check it, nobody can flatter it. What will a policy write that wants this and nothing else?
# Guess before you run the next cell.


# %% tags=["demo", "loop"]
def stops(
    completions: list[str], completion_ids: list[list[int]], **_: object
) -> list[float]:
    """1 for a response that ends with a full stop and is over, else 0."""
    rewards = []
    for text, ids in zip(completions, completion_ids, strict=True):
        over = ids[-1] == tokenizer.eos_token_id
        rewards.append(float(text.strip().endswith(".") and over))
    return rewards


# %% tags=["demo"]
hacked = list(shipped["stops"].values())
looks = {
    "KL to tiny, nats": "KL",
    "tokens a response": "length",
    "distinct tokens, share": "distinct",
}
panels = {"reward": {"stops": [run["reward"] for run in hacked]}} | {
    title: {"stops": [[look[what] for look in run["looks"]] for run in hacked]}
    for title, what in looks.items()
}
looked = [look["step"] for look in hacked[0]["looks"]]
plots_grpo.seeds(panels, steps=dict.fromkeys(looks, looked), smooth=1)

# %% tags=["demo"]
for look in hacked[0]["looks"][::2]:
    print(f"after {look['step']:2} steps: {look['texts'][:3]}")

# %% [markdown]
# The reward reaches 1 in 24 steps, the best curve of this lab, **and the policy has learned to stop at once**: of 16
# tokens fewer than 3 are left, the full stop and the end of the text among them. Nobody flattered the function, and it
# never erred. It was asked the wrong question.
#
# This is **reward hacking**, and a reward that is exact does not protect from it. What shows it: the length, the
# distinct tokens, the KL, and *reading the texts*. The reward itself shows nothing. Lab 08 measures how a second,
# better yardstick turns while the first still climbs.

# %% [markdown]
# ## 14 · Where this lives today
#
# Labs 01 to 06 use TRL 0.11.4, this one TRL 1.16.0 with transformers 5.24.0. Where its parts are:
#
# | this lab | TRL 1.16 | TRL 0.11.4 |
# |---|---|---|
# | `sentence_rewards`, `stops` | `reward_funcs=`: functions of `prompts, completions, completion_ids, **columns`, or reward models, or a list with `reward_weights` | your own loop |
# | `grpo_advantages` | `GRPOConfig(scale_rewards="group"` / `"batch"` / `"none")`; in `_generate_and_score_completions` | no GRPO |
# | `"others"` in `expected_gradient` | `RLOOTrainer`; `normalize_advantages=False` | `RLOOTrainer` with `rloo_k` |
# | `importance_ratios` | `importance_sampling_level="token"` or `"sequence"` (GSPO); `RLOOTrainer`: the product over a response | PPO: per token; RLOO: the product |
# | `clipped_losses` | `epsilon=0.2`, `epsilon_high=None`: the same; DAPO's paper 0.28 | `cliprange=0.2` |
# | `clip_shares` | logs `clip_ratio/low_mean`, `clip_ratio/high_mean` | `policy/clipfrac_avg` |
# | `normalised_loss` | `loss_type="dapo"` (default), `"grpo"`, `"dr_grpo"`, `"bnpo"` and others; `RLOOTrainer`: a mean over responses | PPO: a mean over all tokens; RLOO: over responses |
# | `kl_losses` | `beta=0.0`; k3 times the ratio (`use_bias_correction_kl=True`); RLOO: k1 in the reward, `beta=0.05` | k1 in the reward, `kl_coef=0.05` |
# | `grpo_loss` | `GRPOTrainer._compute_loss` | – |
# | groups of equal rewards | logs `frac_reward_zero_std`, `reward_std` | – |
# | `build` | `GRPOTrainer(model=, reward_funcs=, args=, train_dataset=, processing_class=)` | `tokenizer=` |
# | `num_generations`, `max_completion_length`, `num_iterations` | the same names | `rloo_k`, `response_length`, `num_ppo_epochs` |
# | `LengthSampler`, `PPOConfig(model_name=…)` of lab 03 | gone | `trl.core`, `trl` |
#
# These raise `TypeError` in 1.16: `max_prompt_length`, `no_cuda`, `kl_coef`, `evaluation_strategy`, and `tokenizer=`
# of a trainer.

# %% [markdown]
# ## Symbols
#
# | | |
# |---|---|
# | $x$; $y$, $y_t$, $\lvert y \rvert$ | prompt; response, its $t$-th token, and how many tokens it has |
# | $T$ | the tokens that a response has at most |
# | $\pi$, $\pi_\mathrm{old}$, $\pi_\mathrm{ref}$ | the policy now, when the response was sampled, and at the very start (frozen) |
# | $r$ | the reward of a whole response |
# | $G$, $i$ | responses to one prompt (a group), and which of them |
# | $b$, $A$ | a baseline, and the advantage $r - b$ (or that over a deviation) |
# | $\rho$ | importance ratio, $\pi / \pi_\mathrm{old}$ |
# | $\varepsilon_\mathrm{low}$, $\varepsilon_\mathrm{high}$ | how far $\rho$ may go below and above 1 before the clip cuts |
# | $\ell_{i,t}$ | loss of token $t$ of response $i$ |
# | $d$; $k_1$, $k_2$, $k_3$ | log-ratio $\log \pi - \log \pi_\mathrm{ref}$ of a token; three estimates of the KL |
# | $\beta$ | the price of a nat of KL |
# | $n$, $c$, $k$ | samples of a task, how many are right, how many may be submitted |
# | $p$, $q$ | the probability that a response is right; that a response goes on by another token |
# | $w$ | the weight that a prompt's $\nabla p$ gets |
# | $m$, $B$ | responses that are possible in a toy; responses in a batch |

# %% [markdown]
# ## Quiz
#
# Eight questions, one point each, about 15 minutes with paper, pencil and a calculator that has $e^x$ and $\ln x$. Another
# attempt asks other questions, or the same ones with other numbers, and your highest attempt counts. After **Submit** you
# see what was right, why, and where to read again.

# %% tags=["demo"]
import labkit

labkit.quiz("07-grpo")

# %% nbgrader={"grade": true, "grade_id": "quiz-hidden", "locked": true, "points": 8, "schema_version": 3, "solution": false, "task": false}
# Your highest attempt is scored here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.quizzes import run_quiz

run_quiz("07-grpo", "07-grpo")
### END HIDDEN TESTS

# %% [markdown]
# ## Hand in
#
# Save the notebook first. The cell below then packs what you did into one file to upload.

# %% tags=["demo"]
labkit.hand_in()
