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
# # Lab 04 · The partition function: the best policy, and why nobody can compute it
#
# RLHF has a goal that can be written in one line: much reward, without straying far from a reference model. In this
# lab you find the policy that reaches this goal *exactly*, with a formula. Then you see why no one uses the formula:
# it needs a sum over every text that could be written.
#
# PPO climbs towards that policy step by step. **DPO** (lab 05, direct preference optimisation) turns the formula round, so that the sum drops out.
# Both are easier to judge when you know the optimum, and here you can compute it.
#
# | | |
# |---|---|
# | Time | about 140 minutes: 10 exercises, 45 points, and a quiz, 8 points |
# | You need | logarithms, expectations, a little torch (`logsumexp`, broadcasting) |
# | How it works | Fill in each function, run the cell of checks below it, read the hints. Hidden checks run when you are graded. |
# | Words | those that you do not know are in the [glossary](../00-start-here/00-start-here.ipynb#Glossary) |
# | Symbols | each letter, and what it stands for, in the [table](#Symbols) before the quiz |
# | Precision | all in float64, so that equations can be checked to the ninth decimal |
# | Every function | gives back something new and leaves its arguments as they are; nothing is trained, so no gradient is needed |

# %%
import math

import torch

import labkit
import rlhf
from labkit import checks
from rlhf import live, plots, toy
from rlhf import plots_alignment as alignment

# %% [markdown]
# ## 1 · How many responses are there?
#
# A policy $\pi(y \mid x)$ is a distribution over whole **responses** $y$ to a prompt $x$, not over single tokens.
# With $V$ tokens in the vocabulary there are $V \cdot V \cdots V = V^T$ sequences of $T$ tokens.
#
# Real texts stop at an end token, **EOS**, which is one of the $V$. After EOS nothing follows, so responses of *at
# most* $T$ tokens are fewer. Worked example with tokens a, b, EOS and $T = 2$: there are $3^2 = 9$ sequences, but
# only 7 responses: EOS, a EOS, b EOS, and aa, ab, ba, bb, which were cut off.
#
# ### Exercise 1 · `count_sequences` (●○○, 6 minutes, 3 points)
#
# Python's whole numbers have no limit. Stay with them: floats round from $2^{53}$ on, and overflow at $10^{308}$.


# %% nbgrader={"grade": false, "grade_id": "count_sequences", "locked": false, "schema_version": 3, "solution": true, "task": false}
def count_sequences(vocab_size: int, max_tokens: int, stops: bool = False) -> int:
    """How many different sequences there are: an int, exact however large.

    Args:
        vocab_size: V, the number of tokens, EOS included; at least 1.
        max_tokens: T, from 0 to some thousands. The empty sequence is one sequence.
        stops: False: all sequences of exactly T tokens, with no rule for EOS.
            True: all responses, which end with their first EOS, or after T tokens
            without one.

    Raises:
        ValueError: V is below 1 or T below 0, with `stops` and without.
    """
    ### BEGIN SOLUTION
    if vocab_size < 1 or max_tokens < 0:
        raise ValueError(f"need vocab_size >= 1 and max_tokens >= 0, found {vocab_size} and {max_tokens}")
    if not stops:
        return vocab_size**max_tokens
    ended = sum((vocab_size - 1) ** n for n in range(max_tokens))
    return ended + (vocab_size - 1) ** max_tokens
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "count_sequences-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
checks("count_sequences")

# %% nbgrader={"grade": true, "grade_id": "count_sequences-hidden", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `count_sequences` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("04-partition-function", "count_sequences", globals())
### END HIDDEN TESTS

# %% [markdown]
# How fast does it grow, and how long would it take to go through all of them? Say that a computer adds up a billion
# terms a second. A year is then $10^{16.5}$ terms, and the age of the universe $10^{26.6}$.

# %% tags=["demo"]
lengths = list(range(1, 21))
powers = {
    f"{name}, V = {V:,}": [math.log10(count_sequences(V, T)) for T in lengths]
    for name, V in {"our toy": toy.VOCAB_SIZE, "tiny": 4096, "GPT-2": 50257}.items()
}
levels = {"a year": 16.5, "age of the universe": 26.6, "atoms in the universe": 80.0}
alignment.lines(
    lengths,
    powers,
    x_label="tokens T",
    y_label="powers of ten: log₁₀ of V^T",
    levels=levels,
)

# %% [markdown]
# On a logarithmic axis $V^T$ is a straight line with the slope $\log_{10} V$: each GPT-2 token adds 4.7 powers of
# ten. In years:

# %% tags=["demo"]
for T in (3, 4, 6, 16, 1024):
    years = math.log10(count_sequences(50257, T)) - 16.5
    told = f"{10**years:,.3f}" if years < 6 else f"10^{years:.0f}"
    print(f"GPT-2, {T:4} tokens: {told} years")

# %% [markdown]
# Three tokens take a day and a half, four take two centuries, and a 16-token tweet will not be finished. Remember this
# when a formula says $\sum_y$.

# %% [markdown]
# ## 2 · A language model that can be listed
#
# To compute exactly we need a model with few responses. Ours has five tokens, *good*, *bad*, *very*, *and*, `<end>`,
# at most four of them to a response, and two prompts: *The film is* and *The film is not*. It is called like a GPT-2.

# %%
toy_model = toy.ToyModel()
prompts = [torch.tensor([[prompt_id]]) for prompt_id in toy.PROMPT_IDS]

# %% tags=["demo"]
next_words = toy_model(prompts[0]).logits[0, -1].softmax(-1)
named = zip(toy.WORDS, next_words.tolist(), strict=True)
print({word: round(p, 2) for word, p in named})
count = count_sequences(toy.VOCAB_SIZE, toy.MAX_NEW_TOKENS, stops=True)
print(count, "responses to each prompt")

# %% [markdown]
# The log-prob of a response is the sum over its tokens, its EOS included:
#
# $$\log \pi(y \mid x) = \sum_{t=1}^{|y|} \log \pi(y_t \mid x, y_{<t})$$
#
# To list all responses, grow them level by level. Start with the prompt alone. At each step extend *every* text by *every*
# token, all texts in one batch; a text that has ended gets one continuation only, EOS again, which costs nothing.
#
# Worked example: if EOS has probability 0.2 after the prompt, then the response EOS has log-prob $\ln 0.2 = -1.61$,
# and its filled-up row EOS EOS EOS EOS has the same.
#
# ### Exercise 2 · `sequence_log_probs` (●●●, 20 minutes, 7 points)
#
# `repeat_interleave` and `repeat` make all pairs of texts and tokens. One call of the model for each step is enough.


# %% nbgrader={"grade": false, "grade_id": "sequence_log_probs", "locked": false, "schema_version": 3, "solution": true, "task": false}
def sequence_log_probs(
    model: torch.nn.Module, prompt: torch.Tensor, max_new_tokens: int, eos_id: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Every response to a prompt, and its log-prob: a tuple of two new tensors.

    int64 [responses, max_new_tokens]: new tokens only, filled up with EOS after the
    first EOS; each response once, in the order of its ids (the first token decides,
    then the second, ...). float64 [responses]: log π(y|x) in nats, the first EOS
    counted, the filling not; right to 1e-9, as `log_softmax` in float64 is, however
    small π is. `model(ids).logits` is [batch, length, vocab], of any float dtype,
    finite, maybe with a graph; ids are int64: prompt and new tokens. Call it
    max_new_tokens times at most, all texts of a step in one batch. `prompt` is int64
    [1, length], length >= 1, and stays as it is; an EOS in it ends nothing.
    max_new_tokens >= 1. No gradient is needed.
    """
    ### BEGIN SOLUTION
    ids, log_probs, ended = prompt, torch.zeros(1, dtype=torch.float64), torch.tensor([False])
    for _ in range(max_new_tokens):
        step = model(ids).logits[:, -1].detach().double().log_softmax(-1)
        tokens = torch.arange(step.shape[-1]).repeat(len(ids))
        keep = (tokens == eos_id) | ~ended.repeat_interleave(step.shape[-1])
        log_probs = (log_probs[:, None] + step.masked_fill(ended[:, None], 0.0)).flatten()[keep]
        ids = torch.cat([ids.repeat_interleave(step.shape[-1], dim=0), tokens[:, None]], dim=1)[keep]
        ended = ids[:, -1] == eos_id
    return ids[:, prompt.shape[1] :], log_probs
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "sequence_log_probs-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
checks("sequence_log_probs")

# %% nbgrader={"grade": true, "grade_id": "sequence_log_probs-hidden", "locked": true, "points": 7, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `sequence_log_probs` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("04-partition-function", "sequence_log_probs", globals())
### END HIDDEN TESTS

# %% [markdown]
# Now list both prompts at length 4. `log_ref` is $\log \pi_\mathrm{ref}(y \mid x)$ with a row for each prompt; all
# later functions work on such rows.

# %% tags=["demo"]
listed = [
    sequence_log_probs(toy_model, prompt, toy.MAX_NEW_TOKENS, toy.EOS_ID)
    for prompt in prompts
]
difference = max((listed[x][1] - toy.log_probs(x)).abs().max().item() for x in (0, 1))
print(
    f"{len(listed[0][0])} responses, "
    f"sum of probabilities {listed[0][1].exp().sum():.12f}, off by {difference:.0e}"
)

# %% [markdown]
# The reward counts words: *good* gives 1, *bad* −1, a *very* before one of them half of it more. After *The film is
# not* all signs turn, so $r(x, y)$ depends on the prompt too. The kit knows both numbers for every response.

# %%
# float64 [prompts, responses] = [2, 341]
log_ref = torch.stack([toy.log_probs(x) for x in (0, 1)])
r = torch.stack([toy.rewards(x) for x in (0, 1)])
names = [toy.text(y) for y in toy.responses()]

# %% [markdown]
# What does the reference like to say, and what does the reward like? Look for a response that has much of both.

# %% tags=["demo"]
for title, order in {"probable": log_ref[0], "rewarded": r[0]}.items():
    print(f"most {title} after “{toy.PROMPTS[0]}”")
    for i in order.topk(4).indices.tolist():
        print(
            f"   π_ref = {log_ref[0, i].exp():8.6f}   r = {r[0, i]:4.1f}   {names[i]}"
        )

# %% [markdown]
# The most rewarded responses are no English, and the reference hardly ever says them. A reward is only a proxy;
# maximise it alone and you get *good good good good*. So we add a leash.

# %% [markdown]
# ## 3 · The leash: KL from the reference
#
# How far is a policy from the reference? The **KL divergence** is the expected difference of log-probs, over
# responses *of the policy*:
#
# $$\mathrm{KL}(\pi \,\|\, \pi_\mathrm{ref}) = \sum_y \pi(y) \log \frac{\pi(y)}{\pi_\mathrm{ref}(y)} \ge 0$$
#
# A response with $\pi(y) = 0$ adds 0. One with $\pi(y) > 0 = \pi_\mathrm{ref}(y)$ makes the sum $+\infty$. Worked example:
# $\pi = (0.5, 0.5)$, $\pi_\mathrm{ref} = (0.75, 0.25)$: $0.5 \ln\frac{0.5}{0.75} + 0.5 \ln\frac{0.5}{0.25} = 0.144$; the
# other direction gives 0.131.
#
# ### Exercise 3 · `kl_divergence` (●○○, 8 minutes, 4 points)


# %% nbgrader={"grade": false, "grade_id": "kl_divergence", "locked": false, "schema_version": 3, "solution": true, "task": false}
def kl_divergence(log_p: torch.Tensor, log_q: torch.Tensor) -> torch.Tensor:
    """KL(p‖q) = Σ p (log p − log q), over the last dimension, in nats.

    Args:
        log_p: float64 [..., responses], log-probs: a row's probabilities add up to 1.
            -inf where p is 0; such a response adds 0, whatever q is.
        log_q: float64, same shape, log-probs; -inf where q is 0. Log-probs may be as
            low as -1e4, where `exp` gives 0.

    Returns:
        float64 [...], a new tensor: one number for each row, right to 1e-9; +inf where
        q is 0 and exp(log_p) is not. The arguments stay as they are; no gradient is
        needed.
    """
    ### BEGIN SOLUTION
    terms = log_p.exp() * (log_p - log_q)
    return terms.masked_fill(log_p == -torch.inf, 0.0).sum(-1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "kl_divergence-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
checks("kl_divergence")

# %% nbgrader={"grade": true, "grade_id": "kl_divergence-hidden", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `kl_divergence` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("04-partition-function", "kl_divergence", globals())
### END HIDDEN TESTS

# %% [markdown]
# Why does the direction matter? Take two policies: one that never says *bad*, and one that always says *very good*.

# %% tags=["demo"]
allowed = torch.tensor([0.0 if "bad" in name else 1.0 for name in names])
clean = allowed.log().double() + log_ref[0]
policies = {
    "never “bad”": clean.log_softmax(-1),
    "only “very good”": torch.full_like(clean, -math.inf),
}
policies["only “very good”"][names.index("very good <end>")] = 0.0
for name, pi in policies.items():
    forward, backward = kl_divergence(pi, log_ref[0]), kl_divergence(log_ref[0], pi)
    print(f"{name:17} KL(π‖π_ref) = {forward:.3f}   KL(π_ref‖π) = {backward:.3f}")

# %% [markdown]
# $\mathrm{KL}(\pi\|\pi_\mathrm{ref})$ lets a policy drop things: it asks only whether what it *says* is plausible. It
# is also the one that can be estimated from rollouts of $\pi$, as PPO does. Can a single rollout count negatively
# there?

# %% tags=["demo"]
sharp = (2 * log_ref[0]).log_softmax(-1)  # the reference at temperature 1/2
terms = (sharp - log_ref[0])[torch.multinomial(sharp.exp(), 1000, replacement=True)]
print(
    f"share of rollouts with a negative term {(terms < 0).double().mean():.2f}, "
    f"lowest {terms.min():.2f}"
)
print(
    f"mean of 1,000 terms {terms.mean():.3f}, "
    f"exact KL {kl_divergence(sharp, log_ref[0]):.3f}"
)

# %% [markdown]
# Single terms may be negative; the mean is not, up to sampling noise.

# %% [markdown]
# ## 4 · The goal of RLHF in one line
#
# $$J(\pi) = \mathbb{E}_{y \sim \pi(\cdot \mid x)}[\,r(x, y)\,] - \beta\, \mathrm{KL}(\pi(\cdot \mid x) \,\|\, \pi_\mathrm{ref}(\cdot \mid x))$$
#
# This is eq. 3 of Rafailov et al. (2023). $\beta > 0$ is the price of a nat: a **larger β keeps the policy nearer to
# the reference**. Worked example: $r = (1, 0)$, $\pi = (0.5, 0.5)$, $\pi_\mathrm{ref} = (0.75, 0.25)$, $\beta = 2$
# give $J = 0.5 - 2 \cdot 0.144 = 0.212$.
#
# ### Exercise 4 · `kl_objective` (●○○, 6 minutes, 4 points)


# %% nbgrader={"grade": false, "grade_id": "kl_objective", "locked": false, "schema_version": 3, "solution": true, "task": false}
def kl_objective(
    log_policy: torch.Tensor,
    ref_log_probs: torch.Tensor,
    rewards: torch.Tensor,
    beta: float,
) -> torch.Tensor:
    """J(π) = E_π[r] − β KL(π‖π_ref), for each row; in units of reward.

    Args:
        log_policy: float64 [..., responses], log π(y|x), as `log_p` above: a
            distribution; -inf where π is 0.
        ref_log_probs: float64, same shape, log π_ref(y|x), as `log_q` above.
        rewards: float64, same shape, r(x, y), finite.
        beta: β > 0, reward per nat.

    Returns:
        float64 [...], a new tensor: one number for each row, right to 1e-9; -inf where
        π_ref is 0 and exp(log_policy) is not. The arguments stay as they are; no
        gradient is needed.
    """
    ### BEGIN SOLUTION
    return (log_policy.exp() * rewards).sum(-1) - beta * kl_divergence(log_policy, ref_log_probs)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "kl_objective-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
checks("kl_objective")

# %% nbgrader={"grade": true, "grade_id": "kl_objective-hidden", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `kl_objective` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("04-partition-function", "kl_objective", globals())
### END HIDDEN TESTS

# %% [markdown]
# Which simple policy does best at $\beta = 0.5$? Three candidates: stay, take always the best response, or say
# responses in proportion to $e^{r/\beta}$.

# %% tags=["demo"]
beta = 0.5
greedy = torch.full_like(r[0], -math.inf)
greedy[r[0].argmax()] = 0.0
candidates = {
    "the reference": log_ref[0],
    "always the best": greedy,
    "∝ exp(r/β)": (r[0] / beta).log_softmax(-1),
}
for name, pi in candidates.items():
    mean, kl = (pi.exp() * r[0]).sum(), kl_divergence(pi, log_ref[0])
    print(
        f"{name:16} E[r] = {mean:5.2f}   KL = {kl:5.2f}   "
        f"J = {kl_objective(pi, log_ref[0], r[0], beta):5.2f}"
    )

# %% [markdown]
# The last two win reward and lose more on the leash: $e^{r/\beta}$ alone has forgotten the reference. The best policy
# must weigh both.

# %% [markdown]
# ## 5 · The partition function and the optimal policy
#
# Pull $-\beta$ out of $J$ and collect what belongs to $y$:
#
# $$J(\pi) = -\beta \sum_y \pi(y) \Big[ \log \pi(y) - \underbrace{\big(\log \pi_\mathrm{ref}(y) + r(x,y)/\beta\big)}_{\log \text{ of a weight}} \Big]$$
#
# The weights $\pi_\mathrm{ref}(y)\, e^{r(x,y)/\beta}$ are positive but do not add up to 1. Their sum is the **partition function**,
# and divided by it they are a policy:
#
# $$Z(x) = \sum_y \pi_\mathrm{ref}(y \mid x)\, e^{r(x,y)/\beta}, \qquad
# \pi^*(y \mid x) = \frac{1}{Z(x)}\, \pi_\mathrm{ref}(y \mid x)\, e^{r(x,y)/\beta}$$
#
# (eq. 4 of Rafailov et al. 2023; Korbak et al. 2022 read it as Bayes' rule.) Put $\pi^* Z$ for the weight:
#
# $$J(\pi) = \beta \log Z(x) - \beta\, \mathrm{KL}(\pi \,\|\, \pi^*)$$
#
# $Z$ has no $y$ in it, and a KL is never below 0, and 0 only between equals. So the maximum is **$\beta \log Z(x)$**, at
# $\pi = \pi^*$ and nowhere else.

# %% [markdown]
# Worked example: $\pi_\mathrm{ref} = (0.75, 0.25)$, $r = (0, 1)$, $\beta = 0.5$: $Z = 0.75 \cdot 1 + 0.25\, e^2 = 2.597$,
# $\log Z = 0.954$. It is neither 1 nor the same for all prompts.
#
# ### Exercise 5 · `log_partition` (●●○, 12 minutes, 5 points)
#
# With $r = 1$ and $\beta = 10^{-4}$ the weight $e^{10000}$ is no float any more. Stay with logarithms throughout:
# `torch.logsumexp`.


# %% nbgrader={"grade": false, "grade_id": "log_partition", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_partition(
    ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float
) -> torch.Tensor:
    """log Z(x) = log Σ_y π_ref(y|x) exp(r(x, y) / β), for each row.

    Args:
        ref_log_probs: float64 [..., responses], log π_ref(y|x): a row's probabilities
            add up to 1; as low as -1e4, and -inf where π_ref is 0.
        rewards: float64, same shape, finite; r/β may be as large as ±1e4, and rows may
            be as far apart as that.
        beta: β > 0, reward per nat.

    Returns:
        float64 [...], a new tensor, in nats: one number for each prompt, right to 1e-9.
        The arguments stay as they are; no gradient is needed.

    Raises:
        ValueError: β is 0 or negative.
    """
    ### BEGIN SOLUTION
    if not beta > 0:
        raise ValueError(f"beta must be above 0, found {beta}")
    return (ref_log_probs + rewards / beta).logsumexp(-1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "log_partition-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
checks("log_partition")

# %% nbgrader={"grade": true, "grade_id": "log_partition-hidden", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `log_partition` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("04-partition-function", "log_partition", globals())
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise 6 · `optimal_policy` (●○○, 10 minutes, 5 points)
#
# Return log-probs. Worked example as above: $\pi^* = (0.75, 0.25\, e^2) / 2.597 = (0.289, 0.711)$. A response that the
# reference forbids stays forbidden, however high its reward.


# %% nbgrader={"grade": false, "grade_id": "optimal_policy", "locked": false, "schema_version": 3, "solution": true, "task": false}
def optimal_policy(
    ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float
) -> torch.Tensor:
    """log π*(y|x) = log π_ref(y|x) + r(x, y) / β − log Z(x).

    Args:
        ref_log_probs: float64 [..., responses], log π_ref(y|x): a row's probabilities
            add up to 1; as low as -1e4, and -inf where π_ref is 0.
        rewards: float64, same shape, finite; r/β may be as large as ±1e4, and rows may
            be as far apart as that.
        beta: β > 0, reward per nat.

    Returns:
        float64 [..., responses], a new tensor of log-probs: each row's probabilities
        add up to 1; -inf where π_ref is 0. Right to 1e-9, also where π* is too small
        for a float. The arguments stay as they are; no gradient is needed.
    """
    ### BEGIN SOLUTION
    return ref_log_probs + rewards / beta - log_partition(ref_log_probs, rewards, beta)[..., None]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "optimal_policy-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
checks("optimal_policy")

# %% nbgrader={"grade": true, "grade_id": "optimal_policy-hidden", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `optimal_policy` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("04-partition-function", "optimal_policy", globals())
### END HIDDEN TESTS

# %% [markdown]
# What does the optimum say at different prices? Watch the plausible praise first, and the word list at the end.

# %% tags=["demo"]
panels = {"π_ref": log_ref[0].exp()}
panels |= {
    f"π*, β = {b}": optimal_policy(log_ref[0], r[0], b).exp() for b in (1.0, 0.3, 0.1)
}
alignment.response_bars(panels, names)

# %% [markdown]
# Move β yourself, for both prompts. Where does *good good good good* take over?


# %% tags=["demo"]
def draw(beta: float, prompt: int) -> plots.Picture:
    best = optimal_policy(log_ref[prompt], r[prompt], beta)
    return alignment.response_bars(
        {"π_ref": log_ref[prompt].exp(), f"π*, β = {beta:.2f}": best.exp()}, names
    )


plots.sliders(draw, beta=(0.05, 2.0, 0.05, 0.5), prompt=(0, 1, 1, 0))

# %% [markdown]
# Is $\beta \log Z$ really the top? First along a path through the optimum: $\pi_c \propto \pi_\mathrm{ref}\, e^{c\,
# r/\beta}$ starts at the reference and passes $\pi^*$ at $c = 1$.

# %% tags=["demo"]
beta, cs = 0.5, [i / 10 for i in range(21)]
path = [(log_ref[0] + c * r[0] / beta).log_softmax(-1) for c in cs]
heights = {
    "J along the path": [kl_objective(pi, log_ref[0], r[0], beta).item() for pi in path]
}
top = {"β log Z": beta * log_partition(log_ref[0], r[0], beta).item()}
alignment.lines(
    cs,
    heights,
    x_label="c, how much of the reward is used",
    y_label="objective J",
    levels=top,
)

# %% [markdown]
# And everywhere else? Here are 2,000 policies, half of them anywhere and half close to $\pi^*$. The identity must hold
# for each to the last digits of float64:

# %% tags=["demo"]
torch.manual_seed(0)
noise = torch.randn(2000, r.shape[1], dtype=torch.float64)
best, log_z_0 = (f(log_ref[0], r[0], beta) for f in (optimal_policy, log_partition))
wild = torch.arange(2000)[:, None] < 1000
base = torch.where(wild, log_ref[0], best)
pi = (base + torch.where(wild, 3.0, 0.01) * noise).log_softmax(-1)
most = kl_objective(best, log_ref[0], r[0], beta)
gap = most - kl_objective(pi, log_ref[0].expand_as(pi), r[0].expand_as(pi), beta)
off = most - beta * log_z_0
print(f"J(π*) − β log Z           {off:.1e}")
print(f"smallest J(π*) − J(π)     {gap.min():.1e}")
error = (gap - beta * kl_divergence(pi, best.expand_as(pi))).abs().max()
print(f"largest error of the gap  {error:.1e}")

# %% [markdown]
# No policy is above $\pi^*$, and what is missing to the top is exactly $\beta\,\mathrm{KL}(\pi\|\pi^*)$. "Better than
# 1,000 random policies" would have been a weak test: $e^{r/\beta}$ without $\pi_\mathrm{ref}$ often passes it, too.

# %% [markdown]
# ## 6 · The limits of β
#
# What happens at both ends? **β → ∞**: the leash is all, $\pi^* \to \pi_\mathrm{ref}$ and $\beta \log Z \to
# \mathbb{E}_\mathrm{ref}[r]$. **β → 0**: the reward is all, $\pi^*$ puts everything on the best response *that the
# reference allows*, and $\beta \log Z \to \max r$ over these.

# %% tags=["demo"]
betas = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 50.0]
best = {b: optimal_policy(log_ref[0], r[0], b) for b in betas}
heights = {
    "β log Z, the maximum of J": [
        b * log_partition(log_ref[0], r[0], b).item() for b in betas
    ],
    "E[r] under π*": [(best[b].exp() * r[0]).sum().item() for b in betas],
}
limits = {
    "max r": r[0].max().item(),
    "E[r] under π_ref": (log_ref[0].exp() * r[0]).sum().item(),
}
alignment.lines(
    betas, heights, x_label="β", y_label="reward", levels=limits, log_x=True
)

# %% [markdown]
# The gap between the two curves is the price paid, $\beta\,\mathrm{KL}(\pi^*\|\pi_\mathrm{ref})$. Multiplying all
# rewards by $c$ does the same to $\pi^*$ as dividing β by $c$: only $r/\beta$ enters. And if the reference forbids the best
# response?

# %% tags=["demo"]
forbidden = log_ref[0].masked_fill(r[0] == r[0].max(), -math.inf).log_softmax(-1)
limit = optimal_policy(forbidden, r[0], 0.01).exp()
for i in limit.topk(3).indices.tolist():
    print(f"π* = {limit[i]:.3f}   r = {r[0, i]:.1f}   {names[i]}")

# %% [markdown]
# Three responses tie for the next best, and share in the proportions of $\pi_\mathrm{ref}$. No β brings the forbidden
# one back.

# %% [markdown]
# ## 7 · The frontier
#
# Each β gives one point: so much KL, so much reward. Together they are the **frontier**, the most reward that a given
# KL can buy. Do other policies stay below it? Three kinds: random ones, the reference at other temperatures, and
# noisy copies of optimal policies.


# %% tags=["demo"]
def place(pi: torch.Tensor) -> tuple[list[float], list[float]]:
    kl, reward = kl_divergence(pi, log_ref[0].expand_as(pi)), (pi.exp() * r[0]).sum(-1)
    return kl.flatten().tolist(), reward.flatten().tolist()


frontier = torch.stack(
    [optimal_policy(log_ref[0], r[0], math.exp(-k / 8)) for k in range(-30, 30)]
)
marks = {
    f"β = {b:g}": optimal_policy(log_ref[0], r[0], b)
    for b in (2.0, 1.0, 0.5, 0.3, 0.2, 0.1)
}
marks = {text: (place(pi)[0][0], place(pi)[1][0]) for text, pi in marks.items()}
far = 4 * torch.rand(300, 1).double()
others = {
    "random": (log_ref[0] + far * noise[:300]).log_softmax(-1),
    "π* with noise": (frontier.repeat(5, 1) + noise[:300]).log_softmax(-1),
}

# %% tags=["demo"]
temperatures = torch.stack(
    [(log_ref[0] / tau).log_softmax(-1) for tau in (0.25, 0.5, 0.7, 1, 1.5, 2, 3)]
)
reward_only = torch.stack(
    [(r[0] / b).log_softmax(-1) for b in (5.0, 2.0, 1.0, 0.7, 0.5, 0.3)]
)
alignment.frontier(
    place(frontier),
    marks=marks,
    kl_to=12.0,
    clouds={name: place(pi) for name, pi in others.items()},
    paths={
        "π_ref at a temperature": place(temperatures),
        "∝ exp(r/β), π_ref forgotten": place(reward_only),
    },
)

# %% [markdown]
# Nothing is above. The first nats buy most of the reward, by plausible praise; the last buy word lists. A run of PPO
# drawn into this picture would start on the left end of the curve and wander below it.

# %% [markdown]
# ## 8 · Back from the policy to the reward
#
# The formula can be read backwards. Take logarithms of $\pi^*$ and solve for the reward (eq. 5 of Rafailov et al. 2023):
#
# $$r(x, y) = \beta \log \frac{\pi^*(y \mid x)}{\pi_\mathrm{ref}(y \mid x)} + \beta \log Z(x)$$
#
# So every policy that can say all that the reference can say, and nothing else, is optimal for some reward. (The others are
# optimal for none: to forbid a response of the reference takes a reward of $-\infty$, and no reward at all brings back what
# the reference forbids, section 6.) Worked example: $\pi^* = (0.289, 0.711)$, $\pi_\mathrm{ref} = (0.75, 0.25)$,
# $\beta = 0.5$, $\log Z = 0.954$: $r_1 = 0.5 \ln(0.289 / 0.75) + 0.477 = 0$ and $r_2 = 0.5 \ln(0.711 / 0.25) + 0.477 = 1$.
#
# ### Exercise 7 · `reward_from_policy` (●●○, 8 minutes, 4 points)


# %% nbgrader={"grade": false, "grade_id": "reward_from_policy", "locked": false, "schema_version": 3, "solution": true, "task": false}
def reward_from_policy(
    log_policy: torch.Tensor,
    ref_log_probs: torch.Tensor,
    beta: float,
    log_z: torch.Tensor,
) -> torch.Tensor:
    """The reward β log(π(y|x) / π_ref(y|x)) + β log Z(x) for which π is optimal.

    Args:
        log_policy: float64 [..., responses], log π(y|x), finite, as low as -2e4:
            probabilities may be too small for a float.
        ref_log_probs: float64, same shape, log π_ref(y|x), finite, as low as -2e4.
        beta: β > 0, reward per nat.
        log_z: float64 [...], log Z(x), one number for each prompt, up to ±1e4.

    Returns:
        float64 [..., responses], a new tensor, in units of reward, right to 1e-9. The
        arguments stay as they are; no gradient is needed.
    """
    ### BEGIN SOLUTION
    return beta * (log_policy - ref_log_probs + log_z[..., None])
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "reward_from_policy-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
checks("reward_from_policy")

# %% nbgrader={"grade": true, "grade_id": "reward_from_policy-hidden", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `reward_from_policy` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("04-partition-function", "reward_from_policy", globals())
### END HIDDEN TESTS

# %% [markdown]
# And who does not know $Z$? Leave it out. What is wrong then, and what is still right? Compare two responses to the
# same prompt.

# %% tags=["demo"]
pi = optimal_policy(log_ref, r, 0.5)
implicit = reward_from_policy(pi, log_ref, 0.5, torch.zeros(2).double())
good, bad = names.index("very good <end>"), names.index("bad <end>")
for x in (0, 1):
    print(toy.PROMPTS[x])
    for label, rewards in {"r": r[x], "without Z": implicit[x]}.items():
        apart = rewards[good] - rewards[bad]
        print(
            f"   {label:9} {rewards[good]:6.3f} and {rewards[bad]:6.3f}, "
            f"difference {apart:6.3f}"
        )

# %% [markdown]
# Every reward of a prompt is off by the same number, $\beta \log Z(x)$, and in a **difference** it cancels.
# Preferences are about differences. That is the idea of DPO, and the next lab builds on it. A reward is known only up
# to some $f(x)$ anyway: that changes $Z$, not $\pi^*$.

# %% tags=["demo"]
shift = torch.tensor([[5.0], [-2.0]]).double()  # one f(x) for each prompt
moved = (optimal_policy(log_ref, r + shift, 0.5) - pi).abs().max()
log_z_moved = log_partition(log_ref, r + shift, 0.5) - log_partition(log_ref, r, 0.5)
print(f"π* moves by {moved:.1e}, log Z by {log_z_moved.tolist()} = f/β")

# %% [markdown]
# ## 9 · Can Z be estimated?
#
# Nobody sums over $V^T$ texts, but $Z$ is an expectation, and expectations can be sampled:
#
# $$Z(x) = \mathbb{E}_{y \sim \pi_\mathrm{ref}}\big[e^{r(x,y)/\beta}\big] \approx \hat Z = \frac1n \sum_{i=1}^n e^{r(x, y_i)/\beta}, \qquad y_i \sim \pi_\mathrm{ref}(\cdot \mid x)$$
#
# Worked example: four samples with rewards $0, 0, 0, 1$ and $\beta = 0.5$: $\hat Z = (3 + e^2) / 4 = 2.597$.
#
# ### Exercise 8 · `monte_carlo_log_partition` (●●○, 10 minutes, 4 points)
#
# A rollout brings log-prob and reward of each sample. Think: which of them does the estimate need?


# %% nbgrader={"grade": false, "grade_id": "monte_carlo_log_partition", "locked": false, "schema_version": 3, "solution": true, "task": false}
def monte_carlo_log_partition(
    ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float
) -> torch.Tensor:
    """log Ẑ(x) from n responses that were sampled from π_ref; one for each row.

    Args:
        ref_log_probs: float64 [..., n], log π_ref(y_i|x) of the samples, as they were
            drawn, repeats included; n is at least 1.
        rewards: float64 [..., n], r(x, y_i), finite; r/β may be as large as ±1e4, and
            rows may be as far apart as that.
        beta: β > 0, reward per nat.

    Returns:
        float64 [...], a new tensor, in nats: one estimate for each row, right to 1e-9.
        The arguments stay as they are; no gradient is needed.
    """
    ### BEGIN SOLUTION
    del ref_log_probs  # sampling has weighed by π_ref already
    return (rewards / beta).logsumexp(-1) - math.log(rewards.shape[-1])
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "monte_carlo_log_partition-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
checks("monte_carlo_log_partition")

# %% nbgrader={"grade": true, "grade_id": "monte_carlo_log_partition-hidden", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `monte_carlo_log_partition` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("04-partition-function", "monte_carlo_log_partition", globals())
### END HIDDEN TESTS

# %% [markdown]
# How good is it? For each β make 400 estimates, from 100 samples each and from 10,000 each. The band holds nine of ten.

# %% tags=["demo"]
torch.manual_seed(0)
betas = [0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 1.0, 2.0]
spreads = {}
for n in (100, 10_000):
    drawn = torch.multinomial(log_ref[0].exp(), 400 * n, replacement=True).view(400, n)
    found = [
        b * monte_carlo_log_partition(log_ref[0][drawn], r[0][drawn], b)
        for b in live.over(f"estimates of n = {n:,}", betas)
    ]
    low, high = ([e.quantile(q).item() for e in found] for q in (0.05, 0.95))
    means = [e.mean().item() for e in found]
    spreads[f"mean of estimates, n = {n:,}"] = (low, means, high)
exact = [b * log_partition(log_ref[0], r[0], b).item() for b in betas]
alignment.estimates(betas, exact, spreads, x_label="β", y_label="β log Z (reward)")

# %% [markdown]
# From β = 0.5 up the estimates scatter around the truth. As β falls they are not only noisy but **too low**: at
# $\beta = 0.1$ nineteen of twenty are, whichever $n$. $\hat Z$ is right on average, but that average lives on rare
# responses which most runs never draw; and $\mathbb{E}\log\hat Z \le \log\mathbb{E}\hat Z$. A hundred times more
# samples only move the trouble from $\beta = 0.3$ to $0.15$.

# %% [markdown]
# How many of the $n$ samples really carry the estimate? With weights $w_i = e^{r_i/\beta}$ the **effective sample
# size** is
#
# $$\mathrm{ESS} = \frac{\big(\sum_i w_i\big)^2}{\sum_i w_i^2} \in [1, n]$$
#
# Worked examples: equal weights $(2, 2, 2)$ give 3; $(1, 0, 0)$ gives 1; $(3, 1)$ gives $16 / 10 = 1.6$.
#
# ### Exercise 9 · `effective_sample_size` (●○○, 6 minutes, 3 points)
#
# It gets *logarithms* of weights, which may be huge: the size of all weights together must not matter.


# %% nbgrader={"grade": false, "grade_id": "effective_sample_size", "locked": false, "schema_version": 3, "solution": true, "task": false}
def effective_sample_size(log_weights: torch.Tensor) -> torch.Tensor:
    """(Σ w)² / Σ w², for each row.

    Args:
        log_weights: float64 [..., n], log w, as large as ±1e4, and rows may be as far
            apart as that; -inf for weight 0, but not in all of a row.

    Returns:
        float64 [...], a new tensor: one number between 1 and n for each row, right to
        1e-9 of itself. The argument stays as it is; no gradient is needed.
    """
    ### BEGIN SOLUTION
    return (2 * log_weights.logsumexp(-1) - (2 * log_weights).logsumexp(-1)).exp()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "effective_sample_size-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
checks("effective_sample_size")

# %% nbgrader={"grade": true, "grade_id": "effective_sample_size-hidden", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `effective_sample_size` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("04-partition-function", "effective_sample_size", globals())
### END HIDDEN TESTS

# %% [markdown]
# Of 1,000 samples, how many count at each β? In the limit of many samples the answer is $n\, Z(\beta)^2 /
# Z(\beta/2)$, which we can compute.

# %% tags=["demo"]
drawn = torch.multinomial(log_ref[0].exp(), 400 * 1000, replacement=True)
drawn = drawn.view(400, 1000)
log_zs = {
    b: log_partition(log_ref[0], r[0], b) for b in [*betas, *(b / 2 for b in betas)]
}
heights = {
    "measured on 1,000 samples": [
        effective_sample_size(r[0][drawn] / b).mean().item() for b in betas
    ],
    "true: 1,000 Z(β)² / Z(β/2)": [
        1000 * (2 * log_zs[b] - log_zs[b / 2]).exp().item() for b in betas
    ],
}
alignment.lines(
    betas, heights, x_label="β", y_label="effective sample size", log_x=True, log_y=True
)

# %% [markdown]
# At $\beta = 0.5$ an eighth is left, and at 0.2 a thousand samples are worth a single one. Look at the left end, too:
# the measured ESS never falls below 1, the true one does. ESS can warn only of what was drawn, and is silent about
# the responses that nobody has seen.

# %% [markdown]
# ## 10 · Best-of-n: the optimum's poor cousin
#
# A simpler way to more reward needs no $Z$: draw $n$ responses from $\pi_\mathrm{ref}$ and keep the best. Which
# policy is that? $y$ wins if all draws are at most as good as $y$, but not all are worse. Let $F(r)$ be the
# probability that the reward of one draw is at most $r$, and $F^-(r)$ that it is below $r$. The best reward of $n$ draws is
# $r$ with probability $F(r)^n - F^-(r)^n$. Responses that tie share it: the first drawn wins, so in the
# proportions of $\pi_\mathrm{ref}$.
#
# Worked example: $\pi_\mathrm{ref} = (0.5, 0.3, 0.2)$, $r = (0, 1, 1)$, $n = 2$. Reward 0 wins with $0.5^2 = 0.25$;
# the other two share $1 - 0.25 = 0.75$ as $3 : 2$: $(0.25, 0.45, 0.30)$.
#
# ### Exercise 10 · `best_of_n_policy` (●●●, 15 minutes, 6 points)
#
# Compare every response with every other: `rewards[..., :, None]` against `rewards[..., None, :]`.


# %% nbgrader={"grade": false, "grade_id": "best_of_n_policy", "locked": false, "schema_version": 3, "solution": true, "task": false}
def best_of_n_policy(
    ref_log_probs: torch.Tensor, rewards: torch.Tensor, n: int
) -> torch.Tensor:
    """Log-probs of the best of n responses from π_ref; of equals the first drawn wins.

    Args:
        ref_log_probs: float64 [..., responses], log π_ref(y|x): a row's probabilities
            add up to 1; as low as -1e4, and -inf where π_ref is 0.
        rewards: float64, same shape, finite, with ties; nearly equal is not equal.
        n: draws, from 1 to 10,000.
    Returns:
        float64 [..., responses], a new tensor of log-probs; -inf where π_ref is 0,
        never nan. Probabilities are right to 1e-9: the logarithm of a smaller one may
        be -inf. The arguments stay as they are; no gradient is needed.

    Raises:
        ValueError: n is below 1.
    """
    ### BEGIN SOLUTION
    if n < 1:
        raise ValueError(f"n must be at least 1, found {n}")
    mine, other, probs = rewards[..., :, None], rewards[..., None, :], ref_log_probs.exp()[..., None, :]
    below = (probs * (other < mine)).sum(-1)
    equal = (probs * (other == mine)).sum(-1)
    wins = ((below + equal) ** n - below**n) / equal
    return (ref_log_probs + wins.log()).masked_fill(equal == 0, -torch.inf)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "best_of_n_policy-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
checks("best_of_n_policy")

# %% nbgrader={"grade": true, "grade_id": "best_of_n_policy-hidden", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `best_of_n_policy` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("04-partition-function", "best_of_n_policy", globals())
### END HIDDEN TESTS

# %% [markdown]
# How far from the reference does it go? Papers give $\log n - \frac{n-1}{n}$. Beirami et al. (2024) prove that this
# is only an **upper bound**; here it can be compared with the exact KL.

# %% tags=["demo"]
ns = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]
best_of = torch.stack([best_of_n_policy(log_ref[0], r[0], n) for n in ns])
exact = kl_divergence(best_of, log_ref[0].expand_as(best_of))
heights = {
    "log n − (n−1)/n": [math.log(n) - (n - 1) / n for n in ns],
    "exact KL of best-of-n": exact.tolist(),
}
plots.curves(
    ns, heights, x_label="n", y_label="KL from the reference (nats)", log_x=True
)

# %% [markdown]
# The bound is nearly exact as long as no single response holds much probability above the rest, and no ties do; here
# both happen. In the limit the KL stops at $-\log$ of the probability of the best, while the bound grows for ever.
# And on the frontier?

# %% tags=["demo"]
alignment.frontier(
    place(frontier),
    marks=marks,
    kl_to=8.0,
    paths={"best-of-n, n = 1 … 1,024": place(best_of)},
)

# %% [markdown]
# Just below, all the way: here best-of-n is close to the best possible. Its price is paid elsewhere: the KL grows like
# $\log n$ at best, so each further nat costs at least 2.7 times more samples, for every prompt, for ever. Training pays
# once.

# %% [markdown]
# ## 11 · The same on a real language model
#
# Now `tiny`, the GPT-2 of the kit, with 4,096 tokens and twelve of them to a response. How long would the sum take?
# Let it write 1,000 responses instead, and reward words of praise.

# %% tags=["demo"]
model, tokenizer = rlhf.load_policy("tiny")
ids = tokenizer("This movie is", return_tensors="pt").input_ids
torch.manual_seed(0)
options = {
    "max_new_tokens": 12,
    "do_sample": True,
    "top_k": 0,
    "pad_token_id": tokenizer.eos_token_id,
}
many, seen = ids.expand(1000, -1), torch.ones(1000, ids.shape[1])
with live.told("tokens", 12) as tell:
    texts = model.generate(
        many, attention_mask=seen, stopping_criteria=[tell], **options
    )
texts = texts[:, ids.shape[1] :]
power = math.log10(count_sequences(tokenizer.vocab_size, 12, stops=True))
print(
    f"10^{power:.0f} responses; the sum takes 10^{power - 16.5:.0f} years. "
    f"We have {len(texts)} samples."
)

# %% tags=["demo"]
PRAISE = {"good", "great", "best", "wonderful", "excellent", "love", "perfect"}
PRAISE |= {"beautiful", "fun", "brilliant", "amazing"}
BLAME = {"bad", "worst", "boring", "awful", "terrible", "poor", "stupid", "waste"}
BLAME |= {"dull", "horrible", "not", "n't"}


def praise(text: str) -> float:
    words = text.lower().replace(".", " ").replace(",", " ").split()
    return float(sum((word in PRAISE) - (word in BLAME) for word in words))


said = tokenizer.batch_decode(texts, skip_special_tokens=True)
rewards = torch.tensor([praise(text) for text in said]).double()
values = sorted(set(rewards.tolist()))
print({value: (rewards == value).sum().item() for value in values})

# %% [markdown]
# Does the estimate settle? Follow $\beta \log \hat Z$ while samples come in, at three prices.

# %% tags=["demo"]
sizes = list(range(5, 1001, 5))
nothing = torch.zeros(1000).double()  # log-probs of the samples: not needed
running = {
    f"β = {b}": [
        b * monte_carlo_log_partition(nothing[:n], rewards[:n], b).item() for n in sizes
    ]
    for b in (1.0, 0.3, 0.1)
}
alignment.lines(
    sizes,
    running,
    x_label="samples n",
    y_label="estimate of β log Z (reward)",
    markers=False,
)

# %% [markdown]
# For small β the estimate climbs in jumps: each jump is one lucky sample better than all before, and nobody can say
# when the last one has come. At $\beta \to 0$ it is nothing but the best reward so far.
#
# With the samples as an *empirical* reference, $1/n$ each, your functions still work. What would $\pi^*$ say, as far
# as these samples can tell, and how many of them does it lean on?

# %% tags=["demo"]
uniform = torch.full((1000,), -math.log(1000)).double()
for b in (1e9, 1.0, 0.3):
    pi = optimal_policy(uniform, rewards, b)
    ess = effective_sample_size(rewards / b).item()
    mean = (pi.exp() * rewards).sum()
    print(f"β = {b:g}: E[r] = {mean:.2f}, effective sample size {ess:.0f}")
    for i in torch.multinomial(pi.exp(), 3).tolist():
        print(f"   r = {rewards[i]:2.0f} | This movie is …{said[i]}")

# %% [markdown]
# Reweighting samples of $\pi_\mathrm{ref}$ cannot invent what they do not contain, and no formula told us $Z$. This
# course goes on in two ways: climb towards $\pi^*$ by training on one's own rollouts (PPO), or cancel $Z$ (DPO, lab 05).

# %% [markdown]
# ## 12 · What to take along
#
# | Statement | Careful |
# |---|---|
# | $\pi^* = \pi_\mathrm{ref}\, e^{r/\beta} / Z$ | not softmax(r/β): $\pi_\mathrm{ref}$ weighs, and forbids |
# | the maximum of $J$ is $\beta \log Z(x)$ | $Z$ depends on the prompt, not on $y$, and is not 1 |
# | larger β, nearer the reference | scaling $r$ by $c$ is dividing β by $c$ |
# | adding $f(x)$ to $r$ changes nothing | $Z$ takes it up; only differences of rewards count |
# | $\hat Z$ by sampling | no $\pi_\mathrm{ref}$ in the sum again, divide by $n$; too low for small β |
# | best-of-n is near the frontier | $\log n - (n-1)/n$ bounds its KL from above |
#
# ## 13 · Where this lives today
#
# | Yours | In the libraries |
# |---|---|
# | β | `DPOConfig(beta=…)`, `GRPOConfig(beta=…)` of TRL; `PPOConfig(init_kl_coef=…)` in TRL 0.11.4 |
# | `kl_divergence` | `torch.distributions.kl_divergence(p, q)`; `F.kl_div(log_q, log_p, log_target=True)` takes them in the other order |
# | `kl_objective` | `ppo/mean_scores` and `objective/kl` in the logs of `PPOTrainer` of TRL 0.11.4 |
# | `reward_from_policy`, without $Z$ | `rewards/chosen` and `rewards/rejected` in the logs of `DPOTrainer` |
# | `monte_carlo_log_partition` | importance sampling. In physics $-\beta \log Z$ is the free energy, with *our* β as the temperature: what physicists call β is $1/\beta$ here |
# | `best_of_n_policy` | `generate(num_return_sequences=n)` and a reward model; "rejection sampling" in the Llama 2 paper |
#
# Papers: Korbak, Perez, Buckley 2022; Rafailov et al. 2023 (eq. 3–5); Beirami et al. 2024.

# %% [markdown]
# ## Symbols
#
# | | |
# |---|---|
# | $x$; $y$, $y_t$, $\vert y \vert$ | prompt; response, its $t$-th token, and how many tokens it has |
# | $V$, $T$ | tokens in the vocabulary; tokens that a response has at most (a temperature is $\tau$, lab 01) |
# | $\pi$, $\pi_\mathrm{ref}$, $\pi^*$ | a policy, the reference, the optimal policy |
# | $r(x, y)$ | reward |
# | $\beta$ | reward per nat of KL |
# | $J$ | expected reward minus β times the KL |
# | $Z(x)$, $\hat Z(x)$ | partition function; its estimate from $n$ samples |
# | $c$ | a factor of the reward |
# | $w_i$ | weight of a sample, $e^{r_i / \beta}$ |
# | $F$, $F^-$ | probability that one draw's reward is at most, or below, a given one |

# %% [markdown]
# ## Quiz
#
# Eight questions on this lab, one point each. Take it as often as you like: another attempt asks other questions, with
# other numbers, and your highest attempt counts. Your attempts are kept in `attempts.jsonl` beside this notebook.

# %% tags=["demo"]
import labkit

labkit.quiz("04-partition-function")

# %% nbgrader={"grade": true, "grade_id": "quiz-hidden", "locked": true, "points": 8, "schema_version": 3, "solution": false, "task": false}
# Your highest attempt is scored here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.quizzes import run_quiz

run_quiz("04-partition-function", "04-partition-function")
### END HIDDEN TESTS

# %% [markdown]
# ## Hand in
#
# Save the notebook first. The cell below then packs what you did into one file to upload.

# %% tags=["demo"]
labkit.hand_in()
