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
# # Lab 03 · PPO: the loop that turns a reward into a policy
#
# Lab 02 turned people's ratings into a reward. Now a language model learns from it: it writes, is scored, and is moved a
# little towards what scored well, again and again. The method is **PPO**, proximal policy optimisation (Schulman et al.
# 2017; Ziegler et al. 2019 for language models), in TRL's `PPOTrainer`.
#
# You build each of its parts, compare them with TRL's, and then watch the whole loop work, and fail.
#
# | | |
# |---|---|
# | Time | about 140 minutes, 11 exercises and a quiz, 58 points |
# | You need | labs 01 and 02; a little torch (`where`, `exp`, `clamp`, indexing with a mask) |
# | How it works | Fill in each function, run the cell of checks below it, read the hints. Hidden checks run when you are graded. |
# | Words | those that you do not know are in the [glossary](../00-start-here/00-start-here.ipynb#Glossary) |
# | Symbols | each letter, and what it stands for, in the [table](#Symbols) before the quiz |
#
# Four networks take part, and it helps to know who is trained on what:
#
# | network | what it says | trained on |
# |---|---|---|
# | **policy** π | the next token's probabilities | PPO's clipped loss (section 8) |
# | **value head** V, one more output of the policy | the reward still to come, at each token | the returns (section 9) |
# | **reference** π_ref | what the policy was at the start | nothing: frozen |
# | **reward model** r | how much people would like the text | human ratings, in lab 02; frozen here |

# %%
import dataclasses
import warnings
from collections import defaultdict

import numpy as np
import torch
import torch.nn.functional as F
from trl import PPOConfig
from trl.core import LengthSampler

import labkit
import rlhf
from labkit import checks
from rlhf import live, plots, plots_ppo, toy
from rlhf import plots_alignment as alignment
from rlhf.quiet import quiet_transformers

# TRL announces that its next version has no such PPO
warnings.filterwarnings("ignore", "`PPO", FutureWarning)

# %% [markdown]
# ## 1 · Queries: the beginnings of reviews
#
# The policy needs something to continue. We take the first few tokens of an IMDb review as the **query**; the policy
# writes the **response**, and query and response together are scored.
#
# How many tokens? `LengthSampler(2, 8)` draws the number anew for each query, so that the policy meets short and long
# ones. What does it really draw?

# %% tags=["demo"]
np.random.seed(0)
length = LengthSampler(2, 8)
drawn = [int(length()) for _ in range(10_000)]
print({n: drawn.count(n) for n in sorted(set(drawn))})

# %% [markdown]
# Two to **seven**: like `range`, it stops before its second number. And it draws from NumPy's global generator, so
# `np.random.seed` decides what comes.
#
# ### Exercise 1 · `build_queries` (●●○, 12 minutes, 4 points)
#
# In this order: rename the column `text` to `review`; keep reviews of *more than* 200 characters; seed NumPy's global
# generator; for each kept review draw one length and keep that many of its first tokens. The query is what they spell.


# %% nbgrader={"grade": false, "grade_id": "build_queries", "locked": false, "schema_version": 3, "solution": true, "task": false}
def build_queries(
    columns: dict[str, list],
    tokenizer: object,
    low: int = 2,
    high: int = 8,
    seed: int = 0,
) -> dict[str, list]:
    """Columns "review", "input_ids", "query", in this order, as a dict of lists.

    One row for each review of more than 200 characters; `columns` stays as it is.

    Args:
        columns: "text" (list of str) and "label" (list of int, dropped).
        tokenizer: has `encode(text) -> list of ids` and `decode(ids) -> text`.
        low, high: of one `LengthSampler(low, high)`, called once for each kept review.
        seed: for `np.random.seed`, before the first draw.

    Returns:
        review: the kept texts, whole, in order, repeated ones too; input_ids: lists of
        ints, fewer where a review has no more; query: `input_ids`, decoded.
    """
    ### BEGIN SOLUTION
    reviews = [text for text in columns["text"] if len(text) > 200]
    np.random.seed(seed)
    length = LengthSampler(low, high)
    ids = [tokenizer.encode(review)[: length()] for review in reviews]
    return {"review": reviews, "input_ids": ids, "query": [tokenizer.decode(row) for row in ids]}
    ### END SOLUTION


# %% [markdown]
# A tokenizer to try it on, in which every character is a token:


# %%
class Letters:
    """`encode` gives one id for each character, `decode` turns ids back."""

    def encode(self, text: str) -> list[int]:
        return [ord(letter) for letter in text]

    def decode(self, ids: list[int]) -> str:
        return "".join(map(chr, ids))


# %% nbgrader={"grade": true, "grade_id": "build_queries-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
checks("build_queries")

# %% nbgrader={"grade": true, "grade_id": "build_queries-hidden", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `build_queries` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("03-ppo", "build_queries", globals())
### END HIDDEN TESTS

# %% [markdown]
# Now with the tiny policy's own tokenizer. Which of these queries leave the policy free to write something good *or* bad?

# %% tags=["demo", "loop"]
MODEL = "tiny"  # or "smol", a folder, or a hub id such as "lvwerra/gpt2-imdb"
tokenizer = rlhf.load_policy(MODEL)[1]
reviews = rlhf.load_reviews().shuffle(seed=0)[:1500]
queries = build_queries(reviews, tokenizer)

# %% tags=["demo"]
print(len(queries["query"]), "queries")
for query in queries["query"][:8]:
    print(repr(query))

# %% [markdown]
# ## 2 · The settings: `PPOConfig`
#
# `PPOConfig(model_name=…, learning_rate=1.41e-5)` has some forty fields, and good defaults for most. These matter here:
#
# | field | what it does | TRL's default |
# |---|---|---|
# | `model_name` | names the run; it loads nothing | `"gpt2"` |
# | `learning_rate` | Adam's | 1.41e-5 |
# | `batch_size` | responses in one PPO step | 128 |
# | `mini_batch_size` | responses in one gradient step; must divide `batch_size` | 128 |
# | `ppo_epochs` | how often each batch is used | 4 |
# | `init_kl_coef` | β, the price of a nat of KL | 0.2 |
# | `adap_kl_ctrl` | let β follow a target KL (`target=6` nats) | `True` |
# | `gamma`, `lam` | γ and λ of section 6 | 1, 0.95 |
# | `cliprange`, `cliprange_value`, `vf_coef` | sections 8 and 9 | 0.2, 0.2, 0.1 |
#
# We want β to *stay* where we put it, or a sweep over β would compare nothing, and one mini-batch that is the whole batch.
#
# ### Exercise 2 · `make_config` (●○○, 6 minutes, 3 points)


# %% nbgrader={"grade": false, "grade_id": "make_config", "locked": false, "schema_version": 3, "solution": true, "task": false}
def make_config(
    model_name: str,
    learning_rate: float = 1.41e-5,
    init_kl_coef: float = 0.2,
    batch_size: int = 32,
    seed: int = 0,
) -> PPOConfig:
    """A PPOConfig with these values, for any size of batch.

    The KL coefficient stays fixed, the whole batch is the one mini-batch, and every
    other field keeps TRL's default.
    """
    ### BEGIN SOLUTION
    return PPOConfig(
        model_name=model_name,
        learning_rate=learning_rate,
        init_kl_coef=init_kl_coef,
        adap_kl_ctrl=False,
        batch_size=batch_size,
        mini_batch_size=batch_size,
        seed=seed,
    )  # fmt: skip
    ### END SOLUTION


# %% [markdown]
# This cell lists the fields of what you return. The checks below and the hidden ones read it, so it is locked.


# %% nbgrader={"grade": false, "grade_id": "facts_of_config", "locked": true, "schema_version": 3, "solution": false, "task": false}
def facts_of_config(*arguments: object) -> dict[str, object]:
    """All fields of `make_config(*arguments)`, but the experiment's name."""
    with quiet_transformers():
        fields = dataclasses.asdict(make_config(*arguments))
    return {name: value for name, value in fields.items() if name != "exp_name"}


# %% nbgrader={"grade": true, "grade_id": "make_config-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
checks("make_config")

# %% nbgrader={"grade": true, "grade_id": "make_config-hidden", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `make_config` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("03-ppo", "make_config", globals())
### END HIDDEN TESTS

# %% [markdown]
# ## 3 · A gradient through a choice
#
# We want more expected reward, $J = \mathbb{E}_{y \sim \pi}\, r(y)$. But $r$ takes *text*: no gradient flows through a
# sampled token, nor through the reward model. The **score function** trick goes round:
#
# $$\nabla J = \sum_y r(y)\, \nabla \pi(y) = \sum_y \pi(y)\, r(y)\, \nabla \log \pi(y) = \mathbb{E}_{y \sim \pi}\big[\, (r(y) - b)\, \nabla \log \pi(y)\, \big]$$
#
# The last step subtracts a **baseline** $b$ that does not depend on $y$. It is free: $\sum_y \pi(y) \nabla \log \pi(y) =
# \nabla \sum_y \pi(y) = \nabla 1 = 0$.
#
# To see all this exactly we use a toy policy that can be listed, 341 responses of at most four words. It is a table of
# logits: a row for each last word, and softmax over a row gives the next word.

# %%
opening = [torch.tensor([[toy.PROMPT_IDS[0]]])]
words = [torch.tensor([[toy.PROMPT_IDS[0], w]]) for w in range(toy.VOCAB_SIZE - 1)]
model = toy.ToyModel()
# the last row: at the start
logits = torch.stack([model(ids).logits[0, -1] for ids in words + opening])
y, r = toy.responses(), toy.rewards(0)

# %% tags=["demo"]
for i in (0, 90, 200, 340):
    print(f"{toy.text(y[i]):28} π = {toy.log_probs(0)[i].exp():.5f}   r = {r[i]:+.1f}")

# %% [markdown]
# For a softmax row, $\nabla \log \pi(a \mid s)$ in the logits of row $s$ is one-hot($a$) $- \pi(\cdot \mid s)$: the chosen
# word goes up, and *all* words of that row go down by their probability.
#
# Worked example, two words and EOS, all logits 0, response `0 EOS` with $r = 3$, $b = 1$. The start row is read first and
# word 0 chosen: $2 \cdot (1 - \tfrac13, -\tfrac13, -\tfrac13)$. Then row 0 is read and EOS chosen: $2 \cdot (-\tfrac13,
# -\tfrac13, 1 - \tfrac13)$. Row 1 was not read: zeros.
#
# ### Exercise 3 · `score_function_gradient` (●●●, 20 minutes, 6 points)


# %% nbgrader={"grade": false, "grade_id": "score_function_gradient", "locked": false, "schema_version": 3, "solution": true, "task": false}
def score_function_gradient(
    logits: torch.Tensor,
    responses: torch.Tensor,
    rewards: torch.Tensor,
    baseline: float = 0.0,
) -> torch.Tensor:
    """(r(y) − b) ∇ log π(y) for each response (Williams 1992).

    A new [batch, vocab, vocab], dtype of the logits; the arguments stay as they are.

    Args:
        logits: float32 or float64 [vocab, vocab], up to ±1000. Row s belongs to last
            word s; the last token is EOS, and its row is read at the start.
        responses: int64 [batch, places]: words, then EOS and filling with EOS, if any.
            The first EOS counts, the filling does not.
        rewards, baseline: r, [batch], dtype of the logits, and b.
    """
    ### BEGIN SOLUTION
    vocab, batch = logits.shape[0], torch.arange(len(responses))
    gradients = torch.zeros(len(responses), vocab, vocab, dtype=logits.dtype)
    state = torch.full_like(batch, vocab - 1)
    alive = torch.ones_like(batch, dtype=torch.bool)
    for token in responses.T:
        score = F.one_hot(token, vocab) - logits.softmax(-1)[state]
        gradients[batch, state] += score * alive[:, None]
        alive, state = alive & (token != vocab - 1), token
    return (rewards - baseline).to(logits.dtype)[:, None, None] * gradients
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "score_function_gradient-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
checks("score_function_gradient")

# %% nbgrader={"grade": true, "grade_id": "score_function_gradient-hidden", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `score_function_gradient` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("03-ppo", "score_function_gradient", globals())
### END HIDDEN TESTS

# %% [markdown]
# The mean does not depend on $b$. What about the spread? We can compute the exact variance of a one-sample estimate, as a
# function of $b$. And since a reward is known only up to a shift (lab 02), we add 2 to all of it: the best policy stays the
# same. Does the learner notice?

# %% tags=["demo"]
pi, shifted = toy.log_probs(0).exp()[:, None, None], r + 2
baselines = [b / 10 for b in range(-10, 51, 2)]


def variance(baseline: float) -> float:
    """Summed over all 25 logits, exact: E|g|² − |E g|²."""
    estimates = score_function_gradient(logits, y, shifted, baseline)
    mean = (pi * estimates).sum(0)
    return ((pi * estimates**2).sum() - (mean**2).sum()).item()


average = (pi.flatten() * shifted).sum().item()
print(
    f"E r = {average:.2f}: variance {variance(0.0):.2f} without a baseline, "
    f"{variance(average):.2f} with b = E r"
)
alignment.lines(
    baselines,
    {"one sample": [variance(b) for b in baselines]},
    x_label="baseline b",
    y_label="variance of the gradient",
    levels={"b = 0": variance(0.0), "b = E r": variance(average)},
    markers=False,
)

# %% [markdown]
# It does: without a baseline the variance has tripled, and one needs three times the samples. With $b = \mathbb{E}\, r$
# the shift is gone. The parabola is lowest near, not exactly at, the mean reward, and a baseline far off is worse than
# none. PPO's baseline is the **value head**, one guess for each token.
#
# Two warnings. The *surrogate* whose gradient this is, $\frac1n \sum (r - b) \log \pi(y)$, has a value that means nothing:
# it is no loss to watch. And nobody differentiates the reward.

# %% [markdown]
# ## 4 · How far from the reference? Three estimates of one KL
#
# Reward alone leads astray (section 11 shows it), so the distance from the reference has a price. It is measured by the
# **KL divergence**, the mean over the policy's own texts of how much likelier they are to it than to the reference, in
# nats. Each nat of $\mathrm{KL}(\pi \,\|\, \pi_\mathrm{ref}) =
# \mathbb{E}_{y \sim \pi} \log \frac{\pi(y)}{\pi_\mathrm{ref}(y)}$ costs β. It is estimated from the very samples that were
# drawn. Schulman (2020) names three estimators, all made of the log-ratio $d = \log \pi(y) - \log \pi_\mathrm{ref}(y)$:
#
# $$k_1 = d \qquad k_2 = \tfrac12\, d^2 \qquad k_3 = e^{-d} - 1 + d$$
#
# $k_1$ is unbiased, but a single one may be negative. $k_3$ is never negative, and unbiased too: it adds
# $e^{-d} - 1 = \pi_\mathrm{ref}/\pi - 1$, whose mean is 0 as long as π can say all that the reference can. The samples
# come from π, so π is in the denominator.
#
# Worked example: $\log \pi = -1$, $\log \pi_\mathrm{ref} = -2$ give $d = 1$: $k_1 = 1$, $k_2 = 0.5$,
# $k_3 = e^{-1} - 1 + 1 = 0.3679$. The other way round, $d = -1$: $k_1 = -1$, $k_2 = 0.5$, $k_3 = e - 1 - 1 = 0.7183$.
#
# ### Exercise 4 · `kl_estimators` (●●○, 10 minutes, 4 points)
#
# Where policy and reference agree to four digits, $e^x - 1$ loses all of its own: `torch.expm1` does not.


# %% nbgrader={"grade": false, "grade_id": "kl_estimators", "locked": false, "schema_version": 3, "solution": true, "task": false}
def kl_estimators(
    logprobs: torch.Tensor, ref_logprobs: torch.Tensor
) -> dict[str, torch.Tensor]:
    """Three estimates of KL(π‖π_ref) from samples of π, in nats (Schulman 2020).

    Args:
        logprobs: float32 or float64 of any shape, log π of what was sampled.
        ref_logprobs: same shape and dtype, log π_ref of the same.

    Returns:
        A dict of new tensors "k1", "k2", "k3", in this order, of that shape and dtype.
        k3 is never negative, and right to 1 % where log-probs of about −2 differ by
        1e-4, in float32 too. The arguments stay as they are; no gradient is asked for.
    """
    ### BEGIN SOLUTION
    log_r = ref_logprobs - logprobs
    return {"k1": -log_r, "k2": log_r**2 / 2, "k3": log_r.expm1() - log_r}
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "kl_estimators-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
checks("kl_estimators")

# %% nbgrader={"grade": true, "grade_id": "kl_estimators-hidden", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `kl_estimators` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("03-ppo", "kl_estimators", globals())
### END HIDDEN TESTS

# %% [markdown]
# Exact again, on the toy: the policy moves away from the reference along $\pi \propto \pi_\mathrm{ref}\, e^{c\,r}$, further
# for larger $c$. Mean and standard deviation of each estimator, summed over all responses:

# %% tags=["demo"]
log_ref = toy.log_probs(0)
print("   c    KL exact | mean of k1     k2     k3 | sd of k1     k2     k3")
spreads: dict[str, list[float]] = {"k1": [], "k2": [], "k3": []}
distances = []
for c in (0.05, 0.1, 0.2, 0.5, 1.0, 2.0):
    moved = (log_ref + c * r).log_softmax(0)
    p, estimates = moved.exp(), kl_estimators(moved, log_ref)
    distances.append((p * (moved - log_ref)).sum().item())
    means = {name: (p * k).sum() for name, k in estimates.items()}
    for name, k in estimates.items():
        spreads[name].append((p * (k - means[name]) ** 2).sum().sqrt().item())
    averages = [f"{m:7.4f}" for m in means.values()]
    deviations = [f"{v[-1]:7.4f}" for v in spreads.values()]
    print(f"{c:5} {distances[-1]:9.4f} |   ", *averages, "|", *deviations)
alignment.lines(
    distances,
    spreads,
    x_label="KL(π‖π_ref), nats",
    y_label="standard deviation of one estimate",
    log_x=True,
    log_y=True,
)

# %% [markdown]
# $k_1$ and $k_3$ are right on average at every distance, $k_2$ only near the reference. There $k_3$ is far less noisy than
# $k_1$. Far away it is the other way round: one sample that π has nearly forgotten has a huge $\pi_\mathrm{ref}/\pi$. If your
# KL plot goes *below* zero, either the batch is small or the samples do not come from π; section 11 comes back to it.
#
# To estimate the KL is one thing, to *move* it another. TRL 0.11.4 takes $k_1$ off the reward, where the trick of section 3
# makes the right gradient of it. **GRPO**, a relative of PPO (section 12), adds $k_3$ to the loss and differentiates that.
# Is it the same? We differentiate each estimate, of whole responses that are held fixed, and compare with the gradient of the exact KL.

# %% tags=["demo"]
table = (log_ref + 0.5 * r).requires_grad_()
log_pi = table.log_softmax(0)
d, ratio = log_pi - log_ref, (log_pi - log_pi.detach()).exp()
k3 = (-d).expm1() + d
drawn = log_pi.detach().exp()  # how often each response is sampled: no gradient
as_losses = {
    "the exact KL": (log_pi.exp() * d).sum(),
    "k1": (drawn * d).sum(),
    "k2": (drawn * d**2 / 2).sum(),
    "k3": (drawn * k3).sum(),
    "k3 × ratio": (drawn * ratio * k3).sum(),
    "KL(π_ref‖π)": -(log_ref.exp() * d).sum(),
}
for name, loss in as_losses.items():
    (slope,) = torch.autograd.grad(loss, table, retain_graph=True)
    exact = slope if name == "the exact KL" else exact
    off = (slope - exact).norm() / exact.norm()
    print(f"{name:12} value {loss:7.4f}   gradient off by {off:6.1%}")

# %% [markdown]
# No. As a loss, $k_1$ has no gradient on average (the mean of $\nabla \log \pi$ is 0), $k_2$ has the right one, and $k_3$, whose
# *value* is right, has that of $\mathrm{KL}(\pi_\mathrm{ref} \,\|\, \pi)$, the other direction. Multiplied by the ratio
# $\pi / \pi_\mathrm{old}$ of section 8, which is 1 but has a gradient, $k_3$ is exact again. GRPO was published without
# that factor (Shao et al. 2024); TRL 1.16 multiplies by it unless told otherwise.

# %% [markdown]
# ## 5 · One reward for each token
#
# The reward model scores a whole text, but PPO wants a reward at every token. The KL is paid where it arises, token by
# token; the score comes once, **added** at the response's last token:
#
# $$r_t = -\beta\, \big(\log \pi(y_t \mid x, y_{<t}) - \log \pi_\mathrm{ref}(y_t \mid x, y_{<t})\big) + [t = |y|]\; r(x, y)$$
#
# A batch is a rectangle, and responses differ in length: `mask` is true at the response's tokens, false at the query and
# at the padding, where the log-probs may be anything.
#
# Worked example, β = 0.5, mask $(0, 1, 1, 0)$, score 2: log π $= (-9, -1, -1, -9)$, log π_ref $= (-7, -2, -4, -5)$. The
# response's log-ratios are 1 and 3, so the rewards are $(0, -0.5, -1.5 + 2, 0)$.
#
# ### Exercise 5 · `kl_penalised_rewards` (●●○, 15 minutes, 5 points)


# %% nbgrader={"grade": false, "grade_id": "kl_penalised_rewards", "locked": false, "schema_version": 3, "solution": true, "task": false}
def kl_penalised_rewards(
    scores: torch.Tensor,
    logprobs: torch.Tensor,
    ref_logprobs: torch.Tensor,
    mask: torch.Tensor,
    kl_coef: float,
) -> torch.Tensor:
    """Each token's reward: a new tensor [batch, length], 0 where the mask is false.

    As `PPOTrainer.compute_rewards` of TRL 0.11.4 (Ziegler et al. 2019, eq. 2, token by
    token). The arguments stay as they are; no gradient is asked for.

    Args:
        scores: [batch], the reward model's, dtype of the log-probs.
        logprobs, ref_logprobs: float32 or float64 [batch, length], log-probs of the
            tokens; where the mask is false anything may stand, ±inf and nan too. The
            result has their dtype.
        mask: bool [batch, length], true at the response's tokens: at least one in each
            row, side by side. A response may end at any place, the last column too.
        kl_coef: β, in reward per nat.
    """
    ### BEGIN SOLUTION
    rewards = torch.where(mask, -kl_coef * (logprobs - ref_logprobs), 0.0)
    last = mask.shape[1] - 1 - mask.flip(1).int().argmax(1)
    rewards[torch.arange(len(scores)), last] += scores
    return rewards
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "kl_penalised_rewards-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
checks("kl_penalised_rewards")

# %% nbgrader={"grade": true, "grade_id": "kl_penalised_rewards-hidden", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `kl_penalised_rewards` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("03-ppo", "kl_penalised_rewards", globals())
### END HIDDEN TESTS

# %% [markdown]
# ### In the reward, or in the loss?
#
# PPO takes the KL off the reward, GRPO adds it to the loss. Section 4 compared one gradient; where does the whole climb lead? On the
# toy, with exact gradients and $\beta = \frac12$, the best policy is known (lab 04): it is a point of the frontier, the most reward
# that any policy has for its KL. Which of these arrive there?

# %% tags=["demo"]
from trl.trainer import AdaptiveKLController, FixedKLController


def climb(
    where: str, price: FixedKLController | AdaptiveKLController, steps: int = 300
) -> list[tuple[float, float, float]]:
    """KL in nats, expected reward and β before each step, and at the end."""
    table, way = log_ref.clone().requires_grad_(), []
    optimizer = torch.optim.Adam([table], lr=0.1)
    for _ in range(steps + 1):
        log_pi = table.log_softmax(0)
        drawn, d = log_pi.detach().exp(), log_pi - log_ref
        k3 = (-d).expm1() + d
        k3_again = (log_pi - log_pi.detach()).exp() * k3
        added = {"k1": d, "k3": k3, "k3 × ratio": k3_again}.get(where, 0 * d)
        paid = r - price.value * d.detach() if where == "reward" else r
        kl, beta = (drawn * d.detach()).sum().item(), float(price.value)
        way.append((kl, (drawn * r).sum().item(), beta))
        price.update(kl, n_steps=256)
        loss = (drawn * (beta * added - paid * log_pi)).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return way


# %% tags=["demo"]
paths = {}
for where in ("reward", "k3 × ratio", "k1", "k3"):
    kls, earned, _ = zip(*climb(where, FixedKLController(0.5)), strict=True)
    name = "KL in the reward" if where == "reward" else f"{where} in the loss"
    paths[name] = (kls[::15], earned[::15])
best = [(log_ref + r / b).log_softmax(0) for b in torch.logspace(1.5, -1.3, 60)]
best = [((p.exp() * (p - log_ref)).sum(), (p.exp() * r).sum()) for p in best]
edge = tuple(torch.tensor(best).T.tolist())
alignment.frontier(edge, paths=paths, kl_to=13)

# %% [markdown]
# In the reward, and as $k_3$ times the ratio in the loss: both take the same way to $\pi^*$, at 1.3 nats, so one line hides the other.
# $k_1$ in the loss is no price at all; the policy runs on until it says one response only. And $k_3$ alone comes to rest at 10 nats,
# nearly eight times as far: there its own optimum lies, that of
# $\mathbb{E}\, r - \beta\, \mathrm{KL}(\pi_\mathrm{ref} \,\|\, \pi)$. That KL minds what the policy no longer says, and hardly what it says
# over and over.
#
# One more difference does not show on the toy: what is in the reward goes through value head, whitening and clip, what is in the loss
# does not. So the same β is not the same price in two trainers.
#
# ### A price that follows a target
#
# Who knows β beforehand? A **controller** (Ziegler et al. 2019) raises it while the KL is above a target, and lowers it below, by
# at most a fifth for each `horizon` responses. It is TRL's default here (`adap_kl_ctrl=True`, 6 nats, 10,000 responses), and it is
# gone from TRL 1.x. Two starts, one too cheap and one too dear, with a target of 1 nat: do they find the same price?

# %% tags=["demo"]
panels = {"KL to π_ref, nats": {}, "β": {}}
for start_at in (0.05, 2.0):
    way = climb("reward", AdaptiveKLController(start_at, target=1.0, horizon=4000), 500)
    panels["KL to π_ref, nats"][f"β from {start_at:g}"] = [kl for kl, _, _ in way]
    panels["β"][f"β from {start_at:g}"] = [beta for _, _, beta in way]
plots_ppo.runs(panels, levels={"KL to π_ref, nats": 1.0}, columns=2)

# %% [markdown]
# They do, 0.62: the frontier's price for one nat. But a controller is slow by design. From 0.05 the policy is at 11 nats before the
# price has caught up, and a language model that is so far off hardly comes back. With the defaults and 32 responses a step, β moves
# by some two per cent in the 35 steps of section 10. Here we keep it fixed.

# %% [markdown]
# ## 6 · Which token deserves it? Values, advantages, returns
#
# A response earned 0.8. Was that more than one could expect after this query, and which token made the difference? The
# value head guesses at each token what is still to come, $V_t$. The surprise of one step is
#
# $$\delta_t = r_t + \gamma V_{t+1} - V_t$$
#
# and **generalised advantage estimation**, **GAE** (Schulman et al. 2016) adds up the surprises from $t$ on, each step further away
# weighing less:
#
# $$A_t = \sum_{j \ge 0} (\gamma \lambda)^j\, \delta_{t+j} \qquad\text{so}\qquad A_t = \delta_t + \gamma \lambda\, A_{t+1}, \qquad R_t = A_t + V_t$$
#
# γ discounts *rewards*: with γ < 1 later reward is worth less. λ trades bias for variance: λ = 0 trusts the value head
# after one step, λ = 1 not at all, it is all later reward, discounted, minus $V_t$. The **return** $R_t$ is what the value head is
# trained to say. After the last token $V$ is 0: nothing comes any more.
#
# Is that so when a response did not end, but was cut off? Ours are: we stop after 16 tokens, and few have reached their EOS
# by then. For the task that we set, *write at most 16 tokens, then you are scored*, the cut is an end, and $V = 0$ is right.
# Where a text would go on and earn more, it is not: then $V$ of the next place belongs there (Pardo et al. 2018). Either way
# the reward model judges half a sentence. Other trainers of TRL can take a price for that (`missing_eos_penalty` of PPOv2
# and **RLOO**, section 12) or, in GRPO today, leave such responses out of the loss (`mask_truncated_completions`).
#
# Worked example, γ = 0.9, λ = 0.5, rewards $(0, 1)$, values $(0.5, 0.6)$: $\delta_1 = 1 + 0 - 0.6 = 0.4$,
# $\delta_0 = 0 + 0.9 \cdot 0.6 - 0.5 = 0.04$; $A = (0.04 + 0.45 \cdot 0.4,\; 0.4) = (0.22, 0.4)$, $R = (0.72, 1.0)$.
#
# ### Exercise 6 · `gae` (●●●, 20 minutes, 6 points)


# %% nbgrader={"grade": false, "grade_id": "gae", "locked": false, "schema_version": 3, "solution": true, "task": false}
def gae(
    rewards: torch.Tensor,
    values: torch.Tensor,
    mask: torch.Tensor,
    gamma: float = 1.0,
    lam: float = 0.95,
) -> tuple[torch.Tensor, torch.Tensor]:
    """(advantages, returns): new tensors [batch, length], 0 where the mask is false.

    As `PPOTrainer.compute_advantages` of TRL 0.11.4 before it whitens (Schulman et al.
    2016, eq. 16). The arguments stay as they are; no gradient is asked for.

    Args:
        rewards, values: float32 or float64, dtype kept; ±inf or nan at mask's False.
        mask: bool, at least one in each row, side by side, up to the last column too.
        gamma, lam: γ, discount of rewards, and λ, in [0, 1].
    """
    ### BEGIN SOLUTION
    rewards, values = torch.where(mask, rewards, 0.0), torch.where(mask, values, 0.0)
    advantages = torch.zeros_like(rewards)
    next_value = next_advantage = torch.zeros_like(rewards[:, 0])
    for t in reversed(range(rewards.shape[1])):
        delta = rewards[:, t] + gamma * next_value - values[:, t]
        next_advantage = delta + gamma * lam * next_advantage
        advantages[:, t], next_value = next_advantage, values[:, t]
    advantages = torch.where(mask, advantages, 0.0)
    return advantages, advantages + values
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "gae-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
checks("gae")

# %% nbgrader={"grade": true, "grade_id": "gae-hidden", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `gae` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("03-ppo", "gae", globals())
### END HIDDEN TESTS

# %% [markdown]
# One response of six tokens that ends well, and a value head that has noticed at the fourth token that it will. Who gets
# the praise?

# %% tags=["demo"]
tokens = ["I", "thought", "it", "would", "please", "me"]
earned = torch.tensor([[0.0, -0.1, -0.1, 0.0, -0.2, 1.5]])
guess = torch.tensor([[0.1, 0.1, 0.0, 0.1, 0.9, 1.1]])
everywhere = torch.ones(1, 6, dtype=torch.bool)
praise = {
    f"λ = {lam:g}": gae(earned, guess, everywhere, 1.0, lam)[0][0].tolist()
    for lam in (0.0, 0.95, 1.0)
}
plots.along_text(tokens, praise, y_label="advantage")

# %% [markdown]
# λ = 0 praises most the choice after which the value jumped, and hardly anybody else: all depends on the guesses. λ = 1
# praises every token up to there by what was really earned later, deserved or not. 0.95 lies between, close to λ = 1.

# %% [markdown]
# ## 7 · Whitening
#
# Before the loss, TRL shifts and scales all advantages of the batch to mean 0 and variance 1. Their size then no longer
# matters to a step, only who did better than whom (how the score weighs against the KL still does). To the letter: mean and variance over the tokens that count,
# the variance with $n - 1$ (Bessel), and
#
# $$\mathrm{whiten}(x) = (x - \bar x) \cdot \frac{1}{\sqrt{\mathrm{var}(x) + 10^{-8}}}$$
#
# Worked example: $(1, 2, 3)$ has mean 2 and variance 1: $(-1, 0, 1)$. If the mean is to be kept: $(1, 2, 3)$.
#
# ### Exercise 7 · `whiten` (●●○, 10 minutes, 4 points)


# %% nbgrader={"grade": false, "grade_id": "whiten", "locked": false, "schema_version": 3, "solution": true, "task": false}
def whiten(
    values: torch.Tensor, mask: torch.Tensor, shift_mean: bool = True
) -> torch.Tensor:
    """Values with mean 0 and variance 1 over the places that count; elsewhere 0.

    As `trl.core.masked_whiten` of TRL 0.11.4: one mean and one variance (n − 1) for the
    batch, 1e-8 added inside the root. Right to 1e-3 for a mean of 1000 spreads, too.

    Args:
        values: float32 or float64 [batch, length]; ±inf or nan where the mask is false.
            They stay as they are: the result is new and of their dtype.
        mask: bool [batch, length]: any places, a row may have none.
        shift_mean: if false, the mean is added again at the end.

    Raises:
        ValueError: fewer than two places count.
    """
    ### BEGIN SOLUTION
    kept = values[mask]
    if len(kept) < 2:
        raise ValueError(f"whitening needs two values or more, found {len(kept)}")
    mean = kept.mean()
    white = (values - mean) * torch.rsqrt(kept.var() + 1e-8)
    return torch.where(mask, white if shift_mean else white + mean, 0.0)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "whiten-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
checks("whiten")

# %% nbgrader={"grade": true, "grade_id": "whiten-hidden", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `whiten` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("03-ppo", "whiten", globals())
### END HIDDEN TESTS

# %% [markdown]
# ## 8 · The clipped loss
#
# Sampling is the expensive part, so PPO uses each batch for several gradient steps (`ppo_epochs=4`). After the first one
# the samples are already a little old: they come from $\pi_\mathrm{old}$. The **ratio** $\rho_t = \pi(y_t) /
# \pi_\mathrm{old}(y_t)$ corrects for that, token by token, and the clip takes away what a token could gain by leaving
# $\pi_\mathrm{old}$ far behind:
#
# $$\mathcal{L} = -\,\mathrm{mean}_t \min\big(\rho_t A_t,\; \mathrm{clip}(\rho_t, 1 - \varepsilon, 1 + \varepsilon)\, A_t\big)$$
#
# Why the minimum? There are four cases outside the clip range, and only in two of them the gradient should stop:
#
# | | $\rho > 1 + \varepsilon$ | $\rho < 1 - \varepsilon$ |
# |---|---|---|
# | $A > 0$, should become likelier | already much likelier: **stop** | went the wrong way: gradient $-\rho A$ |
# | $A < 0$, should become rarer | went the wrong way: gradient $-\rho A$ | already much rarer: **stop** |
#
# The clip is no fence. It ends the pull of *one* token, once that token is outside; the tokens that share its parameters, and
# Adam's momentum, carry it on. In the PPO of lab 05, on the toy, one ratio in seven lies outside $1 \pm 0.2$ after four
# epochs, and after sixteen four in five, some above 2. Few epochs, a small learning rate and the KL penalty keep a policy
# near; the clip only does not push.
#
# Worked example, ε = 0.2, one token: $A = 1$: $\rho = 1.5$ gives loss $-1.2$ and no gradient, $\rho = 0.5$ gives $-0.5$ and
# gradient $-0.5$ (in log π). $A = -1$: $\rho = 1.5$ gives 1.5 and gradient 1.5, $\rho = 0.5$ gives 0.8 and none.
#
# ### Exercise 8 · `ppo_clip_loss` (●●●, 18 minutes, 6 points)


# %% nbgrader={"grade": false, "grade_id": "ppo_clip_loss", "locked": false, "schema_version": 3, "solution": true, "task": false}
def ppo_clip_loss(
    logprobs: torch.Tensor,
    old_logprobs: torch.Tensor,
    advantages: torch.Tensor,
    mask: torch.Tensor,
    clip_range: float = 0.2,
) -> torch.Tensor:
    """PPO's policy loss: minus the mean clipped objective over the tokens that count.

    Schulman et al. 2017, eq. 7, negated. A tensor of shape [], dtype of the log-probs.
    The arguments stay as they are.

    Args:
        logprobs: float32 or float64 [batch, length], log π of the tokens now. The
            gradient flows into these alone; it is finite where the ratio is, and 0
            where the mask is false.
        old_logprobs: same shape, log π of the tokens when they were sampled: constants.
        advantages: same shape: constants.
        mask: bool, same shape, true at the tokens that count: any places, at least one
            in the batch. Elsewhere anything may stand, ±inf and nan too.
        clip_range: ε.
    """
    ### BEGIN SOLUTION
    old, adv = old_logprobs[mask].detach(), advantages[mask].detach()
    ratio = (logprobs[mask] - old).exp()
    clipped = ratio.clamp(1 - clip_range, 1 + clip_range)
    return -torch.min(ratio * adv, clipped * adv).mean()
    ### END SOLUTION


# %% [markdown]
# This cell gives value and gradient of your loss. The checks below and the hidden ones call it, so it is locked.


# %% nbgrader={"grade": false, "grade_id": "loss_and_slope", "locked": true, "schema_version": 3, "solution": false, "task": false}
def loss_and_slope(
    logprobs: torch.Tensor,
    old_logprobs: torch.Tensor,
    advantages: torch.Tensor,
    mask: torch.Tensor,
    clip_range: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    """`ppo_clip_loss`, and its gradient in `logprobs`: 0 where there is no graph."""
    leaf = logprobs.clone().requires_grad_()
    loss = ppo_clip_loss(leaf, old_logprobs, advantages, mask, clip_range)
    if not loss.requires_grad:
        return loss, torch.zeros_like(leaf)
    return loss.detach(), torch.autograd.grad(loss, leaf)[0]


# %% nbgrader={"grade": true, "grade_id": "ppo_clip_loss-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
checks("ppo_clip_loss")

# %% nbgrader={"grade": true, "grade_id": "ppo_clip_loss-hidden", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `ppo_clip_loss` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("03-ppo", "ppo_clip_loss", globals())
### END HIDDEN TESTS

# %% [markdown]
# The whole picture, for a good and a bad token. Predict the two slopes before you look.

# %% tags=["demo"]
ratios, sides = torch.linspace(0.4, 1.8, 281), {}
one, zero = torch.ones(1, 1, dtype=torch.bool), torch.zeros(1, 1)
for name, sign in {"A = +1": 1.0, "A = −1": -1.0}.items():
    pairs = [
        loss_and_slope(rho.log().view(1, 1), zero, torch.full((1, 1), sign), one, 0.2)
        for rho in ratios
    ]
    sides[name] = [(loss.item(), slope.item()) for loss, slope in pairs]
plots_ppo.against_ratio(ratios.tolist(), sides, clip_range=0.2)

# %% [markdown]
# Remember the last check: **at the first step the loss is 0.** The ratio is 1 everywhere and whitened advantages add up to
# 0, yet the gradient is that of section 3. PPO's loss says nothing about progress. Watch reward and KL instead.

# %% [markdown]
# ## 9 · The value head's loss, and how good it is
#
# The value head regresses on the returns, with a clip of its own: a value may not run further than ε from what it was when
# the batch was sampled, $V_\mathrm{old}$, and of both errors the larger counts:
#
# $$\mathcal{L}_V = \tfrac12\, \mathrm{mean}_t \max\big((V_t - R_t)^2,\; (\mathrm{clip}(V_t, V_{\mathrm{old},t} \pm \varepsilon) - R_t)^2\big)$$
#
# Worked example, ε = 0.2, $V_\mathrm{old} = 0$, $R = 1$: $V = 0.9$ has errors $0.01$ and $(0.2 - 1)^2 = 0.64$, so the loss
# is 0.32, and it has no gradient: enough for this batch. $V = -0.5$ has $2.25$ and $1.44$: loss 1.125, with gradient.
#
# ### Exercise 9 · `value_loss_clipped` (●●○, 10 minutes, 4 points)


# %% nbgrader={"grade": false, "grade_id": "value_loss_clipped", "locked": false, "schema_version": 3, "solution": true, "task": false}
def value_loss_clipped(
    values: torch.Tensor,
    old_values: torch.Tensor,
    returns: torch.Tensor,
    mask: torch.Tensor,
    clip_range: float = 0.2,
) -> torch.Tensor:
    """The value head's loss: half the mean of the larger error over tokens that count.

    The errors are the squared distances of the return from the value, and from the
    value clipped to ±ε around the old one. As the `vf_loss` of TRL 0.11.4's
    `PPOTrainer.loss`. A tensor of shape [], dtype of the values. The arguments stay as
    they are.

    Args:
        values: float32 or float64 [batch, length], V now. The gradient flows into
            these; it is finite, and 0 where the mask is false.
        old_values: same shape, V when the batch was sampled: constants.
        returns: same shape, advantage + old value: constants.
        mask: bool, same shape, true at the tokens that count: any places, at least one
            in the batch. Elsewhere anything may stand, ±inf and nan too.
        clip_range: ε, a distance.
    """
    ### BEGIN SOLUTION
    new, old, goal = values[mask], old_values[mask], returns[mask]
    clipped = old + (new - old).clamp(-clip_range, clip_range)
    return 0.5 * torch.max((new - goal) ** 2, (clipped - goal) ** 2).mean()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "value_loss_clipped-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
checks("value_loss_clipped")

# %% nbgrader={"grade": true, "grade_id": "value_loss_clipped-hidden", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `value_loss_clipped` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("03-ppo", "value_loss_clipped", globals())
### END HIDDEN TESTS

# %% [markdown]
# Is the value head any good? **Explained variance** compares its error with that of the best constant:
#
# $$\mathrm{EV} = 1 - \frac{\mathrm{mean}\,(V - R)^2}{\mathrm{var}(R)}$$
#
# 1 is perfect, 0 is no better than the mean, and an untrained head is often far below. TRL logs it as
# `ppo/val/var_explained`. Mind two things: the numerator is the mean *square*, so a constant offset is an error too (many
# libraries subtract it), and TRL's variance has $n - 1$.
#
# Worked example: $R = (1, 2, 3, 4, 5)$ has variance 2.5. $V = R$ gives 1; $V = 3$ everywhere gives $1 - 2/2.5 = 0.2$, a
# little above 0 only because of the $n - 1$; $V = R + 10$ gives $1 - 100/2.5 = -39$.
#
# ### Exercise 10 · `explained_variance` (●○○, 8 minutes, 4 points)


# %% nbgrader={"grade": false, "grade_id": "explained_variance", "locked": false, "schema_version": 3, "solution": true, "task": false}
def explained_variance(
    values: torch.Tensor, returns: torch.Tensor, mask: torch.Tensor
) -> float:
    """1 − MSE / Var over the tokens that count, as TRL 0.11.4 logs it.

    A Python float of at most 1, to four digits; it may be far below 0. The variance is
    that of the returns, with n − 1.

    Args:
        values, returns: float32 or float64 [batch, length]; where the mask is false
            anything may stand, ±inf and nan too. They stay as they are.
        mask: bool [batch, length]: any places, a row may have none.

    Raises:
        ValueError: fewer than two tokens count, or their returns are all equal.
    """
    ### BEGIN SOLUTION
    seen, goal = values[mask], returns[mask]
    if len(goal) < 2 or (goal == goal[0]).all():
        raise ValueError("the returns do not vary, so there is no variance to explain")
    return (1 - ((seen - goal) ** 2).mean() / goal.var()).item()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "explained_variance-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
checks("explained_variance")

# %% nbgrader={"grade": true, "grade_id": "explained_variance-hidden", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `explained_variance` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("03-ppo", "explained_variance", globals())
### END HIDDEN TESTS

# %% [markdown]
# ## 10 · The loop
#
# All parts are there. Now TRL puts them together, and you see each step of it. First the four networks. The policy gets a
# value head on top (one new linear layer, random at the start), the reference is a frozen copy:

# %% tags=["demo", "loop"]
from trl import AutoModelForCausalLMWithValueHead, PPOTrainer, create_reference_model


def start(config: PPOConfig) -> PPOTrainer:
    """A trainer with a fresh policy, its value head, and the frozen reference."""
    torch.manual_seed(config.seed)  # for the value head
    policy, policy_tokenizer = rlhf.load_policy(config.model_name)
    policy_tokenizer.padding_side = "right"  # see below
    with quiet_transformers():
        model = AutoModelForCausalLMWithValueHead.from_pretrained(policy)
        trainer = PPOTrainer(
            config, model, create_reference_model(model), policy_tokenizer
        )
    trainer.log = defaultdict(list)  # what it did so far
    return trainer


# %% [markdown]
# Why padding on the right, when generation needs it on the left? `generate` turns it round by itself. `step` does not, and
# it passes no position ids: with padding on the left, GPT-2 would see every shorter text at shifted positions, and PPO
# would compare log-probs of another model than the one that wrote.
#
# **The rollout**: `PPOTrainer.generate` on a list of queries. Three settings are not a matter of taste:
#
# - `top_k=0, top_p=1.0`: no filter. The log-probs in the loss are those of *all* tokens (section 11 shows what goes wrong).
# - `batch_size`: TRL generates four at a time unless told otherwise.
# - several responses to a query: repeat the *query*. TRL silently drops what `num_return_sequences` adds.

# %% tags=["demo", "loop"]
BATCH, REPEAT = 32, 4  # responses a step, responses a query
EPOCH = 30  # steps until the queries come again
FRESH = 8  # queries at the end of the list that no step uses
SAMPLING = {
    "do_sample": True, "top_k": 0, "top_p": 1.0, "min_length": -1, "max_new_tokens": 16,
}


def batch(config: PPOConfig, step: int) -> list[torch.Tensor]:
    """The queries of a step, each REPEAT times in a row, in an order by the seed."""
    count = config.batch_size // REPEAT
    ids = queries["input_ids"]
    order = np.random.default_rng(config.seed).permutation(len(ids) - FRESH)
    order = order[: EPOCH * count]
    chosen = np.take(order, range(step * count, (step + 1) * count), mode="wrap")
    return [torch.tensor(ids[i]) for i in chosen for _ in range(REPEAT)]


# %% tags=["demo", "loop"]
def rollout(
    trainer: PPOTrainer, ids: list[torch.Tensor], **changes: object
) -> tuple[list[torch.Tensor], list[str]]:
    """Responses of the policy, as ids, and the whole texts, query and response."""
    options = SAMPLING | {"pad_token_id": trainer.tokenizer.eos_token_id} | changes
    with quiet_transformers():
        responses = trainer.generate(
            ids, return_prompt=False, batch_size=len(ids), **options
        )
    whole = [torch.cat(pair) for pair in zip(ids, responses, strict=True)]
    return responses, trainer.tokenizer.batch_decode(whole, skip_special_tokens=True)


# %% [markdown]
# **The reward**: the model of lab 02. A reward is known only up to a shift, and its unit is arbitrary; but β has the unit
# *reward per nat*. So we measure the reward in standard deviations of what the reference writes, from its mean. Then 0 is
# "as the reference", and a β that works here means something elsewhere.

# %% tags=["demo", "loop"]
reward_model, reward_tokenizer = rlhf.load_reward_model()
untrained = start(make_config(MODEL, batch_size=256))
reference_responses, reference_texts = rollout(untrained, batch(untrained.config, 20))
raw = rlhf.score_texts(reward_model, reward_tokenizer, reference_texts)
center, unit = raw.mean(), raw.std()


def reward_of(texts: list[str]) -> torch.Tensor:
    """Rewards in standard deviations of the reference's, float [texts]."""
    return (rlhf.score_texts(reward_model, reward_tokenizer, texts) - center) / unit


# %% tags=["demo"]
print(f"the reference's reward: mean {center:.2f}, standard deviation {unit:.2f}")
ended = [tokenizer.eos_token_id in row.tolist() for row in reference_responses]
print(f"ended with EOS within 16 tokens: {np.mean(ended):.0%}; the others were cut off")
ranked = reward_of(reference_texts).argsort(descending=True)
for place in ranked[[0, 1, 128, -2, -1]].tolist():
    text = reference_texts[place]
    print(f"{reward_of([text]).item():+.2f}  {text!r}")

# %% [markdown]
# **The loop** itself: generate, score, step. Everything else writes down what happened, these four of TRL's statistics
# too, so that an interrupted run goes on. `kept` names what a run rests on, and what it leaves its result in: when you open the
# lab another time, the result of the same run is taken from where it was kept, and the line says so.

# %% tags=["demo", "loop"]
WATCHED = {
    "KL": "objective/kl",
    "entropy": "ppo/policy/entropy",
    "value loss": "ppo/loss/value",
    "explained variance": "ppo/val/var_explained",
}


# %% tags=["demo", "loop"]
def train(trainer: PPOTrainer, steps: int) -> dict[str, list]:
    """Train up to `steps` steps of PPO; the result has one entry for each step."""
    log, beta = trainer.log, trainer.config.init_kl_coef
    rests_on = [train, trainer, torch.get_rng_state()]
    kept = live.Kept(rests_on, leaves=[trainer.model, trainer.optimizer, log])
    line = live.Line(f"PPO, β = {beta:g}", steps, len(log["reward"]), kept)
    for step in line:
        ids = batch(trainer.config, step)
        responses, texts = rollout(trainer, ids)  # 1. generate
        rewards = reward_of(texts)  # 2. score
        with quiet_transformers():
            stats = trainer.step(ids, responses, list(rewards))  # 3. step
        log["rewards"].append(rewards)
        log["reward"].append(rewards.mean().item())
        tokens = torch.cat(responses)
        log["distinct"].append(len(tokens.unique()) / len(tokens))
        for name, key in WATCHED.items():
            log[name].append(float(stats[key]))
        line.tell(reward=log["reward"][-1], KL=log["KL"][-1])
    return {name: list(values) for name, values in log.items()}


# %% [markdown]
# Thirty-five steps of 32 responses. The course's `learning_rate=1.41e-5` is right for a GPT-2 of 124 million parameters and
# thousands of steps. Ours has four million parameters and 35 steps: it takes 3e-4 (section 11 shows why not the other).
# The cell after the next takes about 22 seconds on two cores, which nobody else uses; its line says how long it takes here.
# Interrupt it (■) if you like: what is trained is kept, and run again it goes on. `start` begins anew, and takes a result that
# is kept; `live.again()` forgets it.
#
# With `MODEL = "smol"`, thirty times larger, a step takes about half a minute, and a single one at 3e-4 moves the policy by
# seven nats: begin there with the course's value.

# %% tags=["demo"]
config = make_config(MODEL, learning_rate=3e-4, init_kl_coef=0.2)
trainer = start(config)

# %% tags=["demo"]
main = train(trainer, 35)

# %% tags=["demo"]
titles = {
    "reward": "reward, SDs of π_ref",
    "KL": "KL to π_ref, nats",
    "entropy": "entropy, nats a token",
}
titles |= {"value loss": "value loss"}
plots_ppo.runs({title: {"β = 0.2": main[name]} for name, title in titles.items()})

# %% [markdown]
# What should you see? The reward climbs, and the KL climbs with it: that is the price. The entropy falls slowly (the policy
# becomes surer), and the value loss goes nowhere in particular: its target moves. Is the gain more than noise? After 30
# steps the queries come again, so the last five steps met the very queries of the first five, and each query can be
# compared with itself.

# %% tags=["demo"]
first, last = torch.stack(main["rewards"][:5]), torch.stack(main["rewards"][-5:])
# one for each query: its four responses are not independent
differences = (last - first).reshape(-1, REPEAT).mean(1)
gain, error = differences.mean(), differences.std() / len(differences) ** 0.5
print(
    f"reward {first.mean():+.2f} → {last.mean():+.2f}: "
    f"gain {gain:.2f} SD, {gain / error:.1f} standard errors"
)
print(
    f"KL {np.mean(main['KL'][-5:]):.1f} nats; distinct tokens "
    f"{main['distinct'][0]:.2f} → {np.mean(main['distinct'][-5:]):.2f}"
)
print(
    "explained variance of the value head: "
    f"{main['explained variance'][0]:.2f} → {main['explained variance'][-1]:.2f}"
)

# %% [markdown]
# Numbers are not texts. The same queries, none of them trained on, before and after:

# %% tags=["demo"]
fresh = [torch.tensor(row) for row in queries["input_ids"][-FRESH:]]
torch.manual_seed(1)
sides = []
for model in (untrained, trainer):
    responses, texts = rollout(model, fresh)
    words = [
        model.tokenizer.decode(response, skip_special_tokens=True)
        for response in responses
    ]
    sides.append(list(zip(words, reward_of(texts).tolist(), strict=True)))
plots_ppo.before_and_after(queries["query"][-FRESH:], *sides)

# %% [markdown]
# ### Your functions are TRL's
#
# One more step, with every number computed twice: by your functions, and by TRL's trainer. `batched_forward_pass` is what
# `step` itself begins with.

# %% tags=["demo"]
ids = batch(config, 35)
responses, texts = rollout(trainer, ids)
scores = reward_of(texts)
inputs = trainer.prepare_model_inputs(ids, responses)
with torch.no_grad():
    logprobs, out, values, seen = trainer.batched_forward_pass(
        trainer.model, ids, responses, inputs, return_logits=True
    )
    ref_logprobs, *_ = trainer.batched_forward_pass(
        trainer.ref_model, ids, responses, inputs
    )
mask = seen.bool()
token_rewards = kl_penalised_rewards(
    scores, logprobs, ref_logprobs, mask, config.init_kl_coef
)
advantages, returns = gae(token_rewards, values, mask, config.gamma, config.lam)
advantages = whiten(advantages, mask)
policy_loss, value_loss, _ = trainer.loss(
    logprobs, values, out, values, logprobs, seen, advantages, returns
)
with quiet_transformers():
    stats = trainer.step(ids, responses, list(scores))

# %% tags=["demo"]
k1 = torch.where(mask, kl_estimators(logprobs, ref_logprobs)["k1"], 0.0)
pairs = {
    "KL, nats": (k1.sum(1).mean(), stats["objective/kl"]),
    "mean return": (returns[mask].mean(), stats["ppo/returns/mean"]),
    "variance of the returns": (returns[mask].var(), stats["ppo/returns/var"]),
    "policy loss at ratio 1": (
        ppo_clip_loss(logprobs, logprobs, advantages, mask),
        policy_loss,
    ),
    "value loss × vf_coef": (
        config.vf_coef * value_loss_clipped(values, values, returns, mask),
        value_loss,
    ),
}
for name, (yours, theirs) in pairs.items():
    print(f"{name:25} yours {float(yours):10.6f}   TRL's {float(theirs):10.6f}")
print(
    f"{'explained variance':25} yours {explained_variance(values, returns, mask):10.6f}"
)

# %% [markdown]
# (TRL logs the mean of four epochs' explained variance; yours is that of the first.) The policy loss is 0 to six digits,
# in the middle of a run that works. No one can read progress off it.

# %% [markdown]
# ## 11 · How it fails
#
# ### A learning rate that is too small

# %% tags=["demo"]
slow_trainer = start(make_config(MODEL, learning_rate=1.41e-5))
slow = train(slow_trainer, 6)
panels = {"reward": "reward, SDs of π_ref", "KL": "KL to π_ref, nats"}
plots_ppo.runs(
    {t: {"3e-4": main[n][:6], "1.41e-5": slow[n]} for n, t in panels.items()}
)

# %% [markdown]
# With the course's value the KL after six steps is a tenth of the other's, or less: the policy has hardly moved, and its
# reward goes up and down with the queries. Look at the KL first when "nothing happens".
#
# ### The price of a nat: a sweep over β
#
# `init_kl_coef` for free, as above, and dear: fifteen steps each, the same seed and queries, 20 seconds on two cores.

# %% tags=["demo"]
betas = (0.0, 1.0)
trainers = {
    b: start(make_config(MODEL, learning_rate=3e-4, init_kl_coef=b)) for b in betas
}

# %% tags=["demo"]
sweep = {b: train(trainers[b], 15) for b in betas}
sweep[0.2] = {name: log[:15] for name, log in main.items()}
sweep = dict(sorted(sweep.items()))
shown = panels | {"distinct": "distinct tokens"}
runs = {
    t: {f"β = {b:g}": log[n] for b, log in sweep.items()} for n, t in shown.items()
}
plots_ppo.runs(runs, columns=3)

# %% tags=["demo"]
points = {
    f"β = {b:g}": (np.mean(log["KL"][-5:]), np.mean(log["reward"][-5:]))
    for b, log in sweep.items()
}
plots_ppo.trade_off(
    points,
    x_label="KL to π_ref, nats (last five steps)",
    y_label="reward, SDs of π_ref",
)

# %% [markdown]
# Too cheap, about right, too dear. Without a price the reward runs ahead, and the KL runs further. At β = 1 most of a
# token's reward is its own noisy KL, the score drowns in it, and the policy learns little. Lab 04 computes the best reward
# for each KL exactly; PPO lies below that curve, and how far depends, among other things, on the noise, and so on
# `batch_size`.
#
# ### β = 0: reward is not quality
#
# The run without a penalty has the highest reward of all. Let it go on for a while.

# %% tags=["demo"]
free = train(trainers[0.0], 25)
shown |= {"entropy": "entropy, nats a token"}
plots_ppo.runs({t: {"β = 0": free[n], "β = 0.2": main[n]} for n, t in shown.items()})

# %% tags=["demo"]
torch.manual_seed(1)
_, texts = rollout(trainers[0.0], fresh)
for text, reward in zip(texts, reward_of(texts).tolist(), strict=True):
    print(f"{reward:+.2f}  {text!r}")

# %% [markdown]
# The reward model has never seen such texts and likes them very much; no reader would. This is **over-optimisation** of a
# proxy, and the plots show its signs: a mean reward that the reference reaches with its very best texts only, KL beyond all
# bounds, the same few words again and again. The KL penalty does not make the reward model better. It keeps the policy
# near the reference, whose texts a reward model can still judge.
#
# β need not be 0 for this: a learning rate of 5e-4 with β = 0.05 ended in the same lists when we tried it, at 24 nats and
# with a fifth of the tokens distinct. `make_config(MODEL, 5e-4, 0.05)` shows you.
#
# ### Filters make the KL lie
#
# `top_k=50` is the default of many generation settings. Then texts come from the *filtered* policy, but TRL's log-probs
# are the unfiltered ones. We look at the reference itself: π = π_ref, so TRL's KL is 0 whatever we do. How far from π_ref
# are its filtered samples really? At each token the filter divides by the mass that it kept, so $\mathrm{KL} =
# \mathbb{E} \sum_t -\log(\text{mass kept at } t)$.


# %% tags=["demo"]
@torch.no_grad()
def two_kls(
    trainer: PPOTrainer, ids: list, responses: list, k: int
) -> tuple[float, float]:
    """The KL that TRL measures, and Σ −log(mass of the k most probable tokens).

    Both are means over responses, in nats.
    """
    inputs = trainer.prepare_model_inputs(ids, responses)
    lp, out, _, seen = trainer.batched_forward_pass(
        trainer.model, ids, responses, inputs, return_logits=True
    )
    ref_lp, *_ = trainer.batched_forward_pass(trainer.ref_model, ids, responses, inputs)
    cut = -out.softmax(-1).topk(k).values.sum(-1).clamp(max=1.0).log()
    parts = (torch.where(seen.bool(), part, 0.0) for part in (lp - ref_lp, cut))
    return tuple(part.sum(1).mean().item() for part in parts)


# %% tags=["demo"]
ids = batch(untrained.config, 3)[:64]
print("top_k | KL that TRL measures | true KL of the samples | reward | distinct")
for k in live.over("filters", (len(tokenizer), 200, 50, 10)):
    torch.manual_seed(0)
    responses, texts = rollout(untrained, ids, top_k=k)
    measured, true = two_kls(untrained, ids, responses, k)
    distinct = len(torch.cat(responses).unique()) / sum(map(len, responses))
    print(
        f"{k:5} | {measured:20.2f} | {abs(true):22.2f} | "
        f"{reward_of(texts).mean():+6.2f} | {distinct:.2f}"
    )

# %% [markdown]
# With `top_k=10` the texts are many nats away from the reference before the first step, and the penalty sees nothing of it.
# Later it gets worse: the policy may put mass on tokens that are never drawn, where no KL is ever measured, and the
# estimate may even turn negative, which no KL does (TRL then warns that "generation kwargs are not correctly set"). The
# same holds for a temperature, for `top_p` and for a `min_length` that suppresses EOS. Filter when you *use* the model, not
# when you train it.

# %% [markdown]
# ## 12 · Epilogue: without a value head
#
# The value head is the most delicate part of the loop, and all that the gradient needs is *some* baseline (section 3). If
# there are several responses to each query, they can be one another's baseline:
#
# - **RLOO** (Ahmadian et al. 2024): reward minus the mean of the *others* in the group. Leaving oneself out keeps the
#   baseline independent of $y$, hence unbiased.
# - **GRPO** (Shao et al. 2024): $(r - \mathrm{mean}) / (\mathrm{sd} + 10^{-4})$ of the group. A response is in its own mean:
#   that only shortens the expected gradient, to $\frac{n-1}{n}$ of it. The division does more, see below.
#
# Worked example, group $(1, 2, 6)$: RLOO $(1 - 4,\; 2 - 3.5,\; 6 - 1.5) = (-3, -1.5, 4.5)$. GRPO: mean 3, sd
# $\sqrt{7} = 2.6458$: $(-0.7559, -0.3780, 1.1338)$.
#
# ### Exercise 11 · `group_advantages` (●●○, 10 minutes, 4 points)


# %% nbgrader={"grade": false, "grade_id": "group_advantages", "locked": false, "schema_version": 3, "solution": true, "task": false}
def group_advantages(rewards: torch.Tensor, method: str) -> torch.Tensor:
    """Advantages of several responses to each query: a new tensor [queries, responses].

    Equal rewards in a group give 0, but for rounding. No gradient is asked for.

    Args:
        rewards: float32 or float64, dtype kept; a row is a group. They stay as they
            are.
        method: "rloo", reward minus the mean of the others in its group (Ahmadian et
            al. 2024), or "grpo", reward minus the group's mean, over its standard
            deviation (n − 1) plus 1e-4 (Shao et al. 2024). Small letters only.

    Raises:
        ValueError: a group has a single response, or the method is another one.
    """
    ### BEGIN SOLUTION
    size = rewards.shape[1]
    if size < 2:
        raise ValueError("a single response has no others to be compared with")
    rewards = rewards - rewards[:, :1]  # changes no advantage, and equal rewards are exactly 0
    if method == "rloo":
        return rewards - (rewards.sum(1, keepdim=True) - rewards) / (size - 1)
    if method == "grpo":
        return (rewards - rewards.mean(1, keepdim=True)) / (rewards.std(1, keepdim=True) + 1e-4)
    raise ValueError(f'method must be "rloo" or "grpo", found {method!r}')
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "group_advantages-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
checks("group_advantages")

# %% nbgrader={"grade": true, "grade_id": "group_advantages-hidden", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `group_advantages` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("03-ppo", "group_advantages", globals())
### END HIDDEN TESTS

# %% [markdown]
# On the rewards of the last step: how much of their spread was the query's doing, which no response can help?

# %% tags=["demo"]
rewards = main["rewards"][-1].view(-1, REPEAT)
print(f"variance of the rewards: {rewards.var():.2f}")
print(f"within the groups:       {rewards.var(1).mean():.2f}")
for method in ("rloo", "grpo"):
    print(
        f"variance of the advantages, {method}: "
        f"{group_advantages(rewards, method).var():.2f}"
    )

# %% [markdown]
# A baseline for each query takes away what lies *between* the queries. RLOO pays for estimating it from the others: its
# variance is $\frac{n}{n-1}$ times that within the groups, twice as much with two responses, a third more with four. It
# saves as long as the variance between is above $\frac{1}{n-1}$ of that within. How many responses, then? There is no rule:
# in the same batch more responses to a query mean fewer queries. TRL's RLOO takes 2 unless told otherwise, its GRPO 8,
# and Shao et al. took 64.
#
# And dividing by the standard deviation? It makes the advantages of every group equally large, whatever the group has to
# say. Take rewards of 0 and 1. A query that the policy answers rightly with probability $p$ has the standard deviation
# $\sqrt{p(1-p)}$, so its gradient is multiplied by $1/\sqrt{p(1-p)}$: what is nearly always right, or nearly never, weighs
# most. At $p = 0.02$ that is 3.6 times as much as at $\frac12$ in large groups, and still 1.4 times in groups of eight. This
# is the **difficulty bias** (Liu et al. 2025, who leave the division out). What is climbed is no longer the mean of $p$, but
# that of $2 \arcsin \sqrt p$.

# %% [markdown]
# ## 13 · Where this lives today
#
# This lab uses TRL 0.11.4, the last with this PPO. This is what each part is called in TRL 1.x:
#
# | TRL 0.11.4 | TRL 1.x |
# |---|---|
# | `PPOConfig(model_name=…)` | `trl.experimental.ppo.PPOConfig`, up to 1.12, without `model_name`; then no PPO |
# | `PPOConfig(learning_rate, seed)` | the same, from `TrainingArguments` |
# | `PPOConfig(batch_size, mini_batch_size)` | `per_device_train_batch_size`, `gradient_accumulation_steps`, `num_mini_batches` |
# | `PPOConfig(init_kl_coef=0.2, adap_kl_ctrl=True)`, `AdaptiveKLController`, `FixedKLController` | `kl_coef=0.05`, always fixed; `kl_estimator="k1"` or `"k3"` |
# | `PPOConfig(ppo_epochs=4)` | `num_ppo_epochs=4` |
# | `PPOConfig(gamma, lam, cliprange, cliprange_value, vf_coef, whiten_rewards)` | the same names and defaults |
# | `AutoModelForCausalLMWithValueHead`: policy and value share a body | `PPOTrainer(model=…, value_model=…)`: two networks |
# | `create_reference_model(model)`, `trainer.ref_model` | `ref_model=None` makes the copy |
# | `PPOTrainer(tokenizer=…)` | `processing_class=…` |
# | `LengthSampler` | gone since 0.25; `random.randrange(2, 8)` |
# | `trainer.generate`, your reward, `trainer.step` | `PPOTrainer(reward_model=…).train()`: the loop is inside; temperature 0.7 by default |
# | `trainer.prepare_model_inputs`, `trainer.batched_forward_pass`, `trainer.loss` | inside `train()` |
# | logs `objective/kl`, `ppo/policy/entropy`, `ppo/val/var_explained` | `objective/kl`, `policy/entropy_avg`; no explained variance |
# | `RLOOTrainer` (no GRPO yet) | `RLOOTrainer`, `GRPOTrainer`: `reward_funcs=…`, `num_generations`, `beta`; these are what TRL recommends now |
#
# And yours: `kl_penalised_rewards` is `compute_rewards`, `gae` and `whiten` are `compute_advantages`, `ppo_clip_loss` and
# `value_loss_clipped` are `loss`, `explained_variance` is `ppo/val/var_explained`.

# %% [markdown]
# ## Symbols
#
# | | |
# |---|---|
# | $x$; $y$, $y_t$, $\vert y \vert$ | query; response, its $t$-th token, and how many tokens it has |
# | $\pi$, $\pi_\mathrm{ref}$, $\pi_\mathrm{old}$, $\pi^*$ | policy, reference, the policy that wrote the batch, the best for a β (lab 04) |
# | $r(x, y)$, $r_t$ | reward of a text; of a token, with its share of the KL |
# | $J$ | expected reward |
# | $b$ | baseline |
# | $d$; $k_1$, $k_2$, $k_3$ | log-ratio $\log \pi - \log \pi_\mathrm{ref}$; three estimates of the KL |
# | $\beta$ | reward per nat of KL |
# | $c$ | a factor of the reward (section 4) |
# | $V_t$, $\delta_t$, $A_t$, $R_t$ | value, surprise, advantage, return at token $t$ ($V$ alone is the size of the vocabulary, lab 04) |
# | $\gamma$, $\lambda$ | discount of rewards; how far the surprises reach |
# | $\rho_t$ | ratio $\pi / \pi_\mathrm{old}$ of a token |
# | $\varepsilon$ | clip range |
# | $n$, $p$ | responses to a query; probability of a right one |

# %% [markdown]
# ## Quiz
#
# Eight questions about this lab, one point each. A retake shows other questions or other numbers, and your highest attempt
# counts.

# %% tags=["demo"]
import labkit

labkit.quiz("03-ppo")

# %% nbgrader={"grade": true, "grade_id": "quiz-hidden", "locked": true, "points": 8, "schema_version": 3, "solution": false, "task": false}
# Your highest attempt is scored here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.quizzes import run_quiz

run_quiz("03-ppo", "03-ppo")
### END HIDDEN TESTS

# %% [markdown]
# ## Hand in
#
# Save the notebook first. The cell below then packs what you did into one file to upload.

# %% tags=["demo"]
labkit.hand_in()
