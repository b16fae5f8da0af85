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
# # Lab 08 · Evaluation: what a better number means
#
# Four ways to a better policy lie behind you: best-of-n (lab 04), PPO (03), DPO (05) and GRPO (07). Each of them reports a
# number that went up. This lab asks what such a number is worth, and gives you the tools to find out: how far a policy
# has moved, what a **win rate** (the share of comparisons that it wins) says and how surely, what a judge brings in of its
# own, and what happens when the number becomes the goal.
#
# | | |
# |---|---|
# | Time | about 120 minutes: 9 exercises, 40 points, and a quiz, 8 points |
# | You need | labs 02 to 05; a little torch (`cumsum`, `masked_fill`, `linalg.solve`) |
# | Kernel | "Python 3 (RLHF today)": section 5 trains with TRL 1.16 |
# | How it works | Fill in each function, run the cell of checks below it, read the hints. Hidden checks run when you are graded. |
# | Words | those that you do not know are in the [glossary](../00-start-here/00-start-here.ipynb#Glossary) |
# | Symbols | each letter, and what it stands for, in the [table](#Symbols) before the quiz |

# %%
import math
from itertools import pairwise
from statistics import NormalDist

import torch

import labkit
import rlhf
from labkit import checks
from rlhf import live, plots, plots_evaluation, toy
from rlhf.goals import one_sentence, share, stops
from rlhf.judges import Judge, words_more
from rlhf.sampling import beginnings, respond, token_logps
from rlhf.variants import load_variant, stops_curves

# %% [markdown]
# ## 1 · The policies
#
# Three policies were trained from tiny to please the reward model of lab 02, with DPO, PPO and GRPO. They come with the
# kit as small changes of tiny's weights (`rlhf/weights/policies`, with their card). All continue the same 256 beginnings
# of reviews, four tokens each, by at most 16 tokens. DPO and GRPO were trained on other beginnings.

# %% tags=["demo", "loop"]
torch.set_num_threads(1)  # for so small a model more threads mostly wait
tiny, tokenizer = rlhf.load_policy("tiny")

# %% tags=["demo"]
judge_model, judge_tokenizer = rlhf.load_reward_model()
prompts = beginnings(tokenizer, 256)
policies, answers = {"tiny": tiny}, {}
for name in ("dpo", "ppo", "grpo"):
    policies[name], _ = load_variant(name)
for name, policy in policies.items():
    answers[name] = respond(policy, tokenizer, prompts, seed=1)
    print(f"{name:5} {answers[name].texts[0]!r}")

# %% [markdown]
# Which one is better? Before we ask a judge: how far did each of them go?

# %% [markdown]
# ## 2 · How far has it moved?
#
# A gain is bought with distance from the reference, and the price is KL. Nobody can list all responses of a language
# model, but samples of $\pi$ give an estimate that is right on average:
#
# $$\mathrm{KL}(\pi \,\|\, \pi_\mathrm{ref}) = \mathbb{E}_{y \sim \pi} \sum_t \big( \log \pi(y_t \mid x, y_{<t}) - \log \pi_\mathrm{ref}(y_t \mid x, y_{<t}) \big)$$
#
# First the sum over a response's tokens, its EOS included, then the mean over responses. A single sum may be negative.
# The responses are independent, the tokens within one are not. So the standard error is that of the *sums*: their standard
# deviation (squares over one less than their number, as `std` has it) over the root of their number.
#
# Worked example: two responses, the second of one token. $\log \pi = (-1, -2)$ and $(-1, \cdot)$,
# $\log \pi_\mathrm{ref} = (-2, -3)$ and $(-1, \cdot)$: sums 2 and 0, mean 1, standard deviation $\sqrt 2$, standard error 1.
#
# ### Exercise 1 · `sequence_kl` (●○○, 8 minutes, 4 points)


# %% nbgrader={"grade": false, "grade_id": "sequence_kl", "locked": false, "schema_version": 3, "solution": true, "task": false}
def sequence_kl(
    policy_logps: torch.Tensor, ref_logps: torch.Tensor, mask: torch.Tensor
) -> tuple[float, float]:
    """An estimate of KL(π‖π_ref) a response, in nats, and its standard error.

    Args:
        policy_logps, ref_logps: float32 or float64 [responses, tokens], of samples
            of π; where the mask is False they may be anything, -inf and nan too.
        mask: bool [responses, tokens], True at the tokens of a response, which are one
            or more and come first; its EOS is one of them. No argument is changed.

    Returns:
        Two Python floats, computed in float64: the mean of the responses' sums, and
        the standard deviation of the sums (squares over one less than their number)
        over the root of their number.

    Raises:
        ValueError: there are fewer than two responses.
    """
    ### BEGIN SOLUTION
    if len(mask) < 2:
        raise ValueError(f"a standard error needs two responses, found {len(mask)}")
    sums = (policy_logps.double() - ref_logps.double()).masked_fill(~mask, 0.0).sum(-1)
    return sums.mean().item(), (sums.std() / math.sqrt(len(sums))).item()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "sequence_kl-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
checks("sequence_kl")

# %% nbgrader={"grade": true, "grade_id": "sequence_kl-hidden", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `sequence_kl` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("08-evaluation", "sequence_kl", globals())
### END HIDDEN TESTS

# %% [markdown]
# How many nats did each training cost? tiny against itself must give 0.

# %% tags=["demo"]
moved = {}
for name, policy in policies.items():
    texts = answers[name]
    log_probs = token_logps(policy, texts), token_logps(tiny, texts)
    moved[name], error = sequence_kl(*log_probs, texts.mask)
    print(f"{name:5} KL {moved[name]:5.2f} ± {error:.2f} nats a response")

# %% [markdown]
# Different prices. A comparison that does not say them compares how *far* two methods were run. We come back to that.

# %% [markdown]
# ## 3 · Best-of-n: the price in closed form
#
# Best-of-n draws $n$ responses and keeps the one with the highest reward. Its KL needs no estimate. Sort all responses
# from the worst to the best; let $F_i$ be the probability of the $i$ worst together. The best of $n$ is the $i$-th if all
# draws are among the $i$ worst and not all among the $i - 1$ worst:
#
# $$\pi_n(i) = F_i^n - F_{i-1}^n, \qquad \mathrm{KL}(\pi_n \,\|\, \pi_\mathrm{ref}) = \sum_i \pi_n(i) \log \frac{\pi_n(i)}{\pi_\mathrm{ref}(i)} \;\le\; \log n - \frac{n - 1}{n}$$
#
# The right side is what papers quote. It is exact where no response has a probability worth mentioning (Beirami et al.
# 2024), and too large elsewhere.
#
# Worked example: probabilities $(\tfrac12, \tfrac12)$, $n = 2$: $\pi_2 = (\tfrac14, \tfrac34)$, KL
# $\tfrac14 \log \tfrac12 + \tfrac34 \log \tfrac32 = 0.1308$; the bound is $\log 2 - \tfrac12 = 0.1931$.
#
# ### Exercise 2 · `best_of_n_kl` (●●○, 10 minutes, 4 points)


# %% nbgrader={"grade": false, "grade_id": "best_of_n_kl", "locked": false, "schema_version": 3, "solution": true, "task": false}
def best_of_n_kl(probs: torch.Tensor, n: int) -> float:
    """KL of best-of-n from the policy that it draws from, in nats.

    Args:
        probs: float64 [responses], each above 0, together 1, from the response of the
            lowest reward to that of the highest; no two rewards are equal. A response
            may be as rare as 1e-12. It is not changed.
        n: draws, from 1 to 10,000.

    Returns:
        A Python float, right to 1e-9: exact, not the bound, and 0 for n = 1.

    Raises:
        ValueError: n is below 1.
    """
    ### BEGIN SOLUTION
    if n < 1:
        raise ValueError(f"n must be at least 1, found {n}")
    up_to = probs.cumsum(0)
    won = up_to**n - (up_to - probs) ** n
    return torch.special.xlogy(won, won / probs).sum().item()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "best_of_n_kl-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
checks("best_of_n_kl")

# %% nbgrader={"grade": true, "grade_id": "best_of_n_kl-hidden", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `best_of_n_kl` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("08-evaluation", "best_of_n_kl", globals())
### END HIDDEN TESTS

# %% [markdown]
# When can the formula be trusted? Three policies: lab 04's toy, whose 341 responses can be listed, a fair coin, and one
# that spreads over 100,000 responses evenly.

# %% tags=["demo"]
log_ref, r = toy.log_probs(0), toy.rewards(0)
drawn_from = {
    "100,000 equal responses": torch.full((100_000,), 1e-5, dtype=torch.float64),
    "toy, 341 responses": log_ref[r.argsort(stable=True)].exp(),
    "a fair coin": torch.full((2,), 0.5, dtype=torch.float64),
}
sizes = [2, 4, 8, 16, 32, 64, 128, 256]
bounds = [math.log(n) - (n - 1) / n for n in sizes]
print(f"the formula: n = 16: {bounds[3]:.4f}, n = 256: {bounds[-1]:.4f}")
shares = {}
for name, probs in drawn_from.items():
    exact = [best_of_n_kl(probs, n) for n in sizes]
    print(f"{name}: n = 16: {exact[3]:.4f}, n = 256: {exact[-1]:.4f}")
    shares[name] = [kl / bound for kl, bound in zip(exact, bounds, strict=True)]
y_label = "exact KL as a share of log n − (n−1)/n"
plots.curves(sizes, shares, x_label="n", y_label=y_label, log_x=True)

# %% [markdown]
# The formula is an upper bound. With language, where hardly any two responses agree, it is the value to four digits; with
# few responses it is far off: a coin cannot pay more than $\log 2$, however often you throw it. So best-of-16 costs 1.84
# nats at most. That is our yardstick below.

# %% [markdown]
# ## 4 · Proxy and gold
#
# Two numbers are watched from here on: the **proxy** $r$, the score that training, or choosing, sees, and the **gold** $g$,
# what we really want. What does best-of-n gain in each? Of $N$ samples, *every* choice of $n$ could have been drawn. The mean over all of them is the
# estimate with the least noise, and needs no drawing (Nakano et al. 2021): the best is at most the value $v$ in
# $\binom{N_v}{n}$ of $\binom{N}{n}$ choices, where $N_v$ samples have a proxy of at most $v$. Samples of equal proxy are
# kept equally often.
#
# Worked example: proxies $(0, 1, 2)$, golds $(5, 7, 3)$, $n = 2$. Three choices: their best is 1 once and 2 twice. Mean
# proxy $5/3$, mean gold $(7 + 3 + 3)/3 = 13/3$: the proxy has risen from 1, the gold fallen from 5.
#
# ### Exercise 3 · `best_of_n_means` (●●●, 18 minutes, 6 points)


# %% nbgrader={"grade": false, "grade_id": "best_of_n_means", "locked": false, "schema_version": 3, "solution": true, "task": false}
def best_of_n_means(
    proxy: torch.Tensor, gold: torch.Tensor, n: int
) -> tuple[float, float]:
    """Mean proxy and mean gold of the best of n by proxy, over all choices of n.

    Args:
        proxy, gold: float64 [samples], finite, at most 1,000 samples; only exactly
            equal proxies are equal, and of these each is kept equally often. Neither
            is changed.
        n: how many of the samples are in a choice, each at most once.

    Returns:
        (mean proxy, mean gold): Python floats, right to 1e-9 of the largest score.

    Raises:
        ValueError: n is below 1 or above the number of samples.
    """
    ### BEGIN SOLUTION
    if not 1 <= n <= len(proxy):
        raise ValueError(f"n must lie between 1 and {len(proxy)}, found {n}")
    values, place, counts = proxy.unique(return_inverse=True, return_counts=True)
    choices = [math.comb(count, n) for count in [0, *counts.cumsum(0).tolist()]]
    kept = torch.tensor(
        [count / choices[-1] for count in choices], dtype=torch.float64
    ).diff()
    mean_gold = torch.zeros_like(values).index_add(0, place, gold) / counts
    return (kept @ values).item(), (kept @ mean_gold).item()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "best_of_n_means-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
checks("best_of_n_means")

# %% nbgrader={"grade": true, "grade_id": "best_of_n_means-hidden", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `best_of_n_means` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("08-evaluation", "best_of_n_means", globals())
### END HIDDEN TESTS

# %% [markdown]
# Now with real scores. Sixteen responses of tiny to each of the 256 beginnings. The **proxy** is a small reward model: a
# linear map on tiny's last hidden state, fitted to the mean ratings of 32 snippets. The **gold** is the reward model of
# lab 02, which learned from 9,605 snippets. Both count in standard deviations of tiny's responses. Does the gold follow
# the proxy? (About 25 seconds on two cores.)

# %% tags=["demo"]
from rlhf.judges import remembering
from rlhf.proxies import fit_probe

score = remembering(
    lambda texts: rlhf.score_texts(judge_model, judge_tokenizer, texts)
)
probe = fit_probe(tiny, tokenizer, 32, seed=0)
draws, proxies, golds = [], [], []
line = live.Line("draws", 16)
for draw in line:
    draws.append(respond(tiny, tokenizer, prompts, seed=100 + draw).texts)
    proxies.append(probe(draws[-1]).double())
    golds.append(score(draws[-1]))
    line.tell(gold=golds[-1].mean())
# [beginning, draw]
proxy, gold = torch.stack(proxies, dim=1), torch.stack(golds, dim=1)

# %% tags=["demo"]
tries = [1, 2, 4, 8, 16]
nats = [math.log(n) - (n - 1) / n for n in tries]
lines = {"proxy, 32 snippets": [], "gold, 9,605 snippets": []}
standard = [(scores - scores.mean()) / scores.std() for scores in (proxy, gold)]
for n in tries:
    rows = [best_of_n_means(*row, n) for row in zip(*standard, strict=True)]
    for heights, mean in zip(lines.values(), torch.tensor(rows).mean(0), strict=True):
        heights.append(mean.item())
labels = {"x_label": "KL from tiny (nats)", "y_label": "mean score (SDs of tiny)"}
plots.curves(nats, lines, **labels)

# %% [markdown]
# The gold rises much more slowly, but it rises, all the way. Where is the famous hump of Gao, Schulman and Hilton (2023),
# in which the gold turns round? We looked for it with proxies of 32 to 1,000 snippets, up to best of 256, and did not find it.
#
# Is a bad proxy harmless, then? No. Proxy and gold here are both *learned*, from raters of one kind, by networks of one
# kind, out of the same body. They share their mistakes, so the gold does not see what is wrong with what the proxy likes. A
# learned gold that never turns is no all-clear. Section 5 takes a gold that cannot be fooled, section 10 shows what this one
# applauds.

# %% [markdown]
# ## 5 · Over-optimisation, with a gold that a program judges
#
# Say we want short reviews: **one sentence of 8 to 12 words**. That is the gold $g$, and a program decides it. In training
# we use something simpler that goes along with it: the text **stops** with a full stop and EOS within 16 tokens. That is
# the proxy $r$. tiny almost never does either.

# %% tags=["demo", "loop"]
import tempfile

import datasets
from transformers import TrainerCallback, TrainerState
from trl import GRPOConfig, GRPOTrainer

datasets.disable_progress_bars()
STEPS, EVERY = 20, 2
watched = beginnings(tokenizer, 400)


def reward_stops(
    completions: list[str], completion_ids: list[list[int]], **_: object
) -> list[float]:
    """1 where a completion ends with EOS behind a full stop, `!` or `?`, else 0."""
    ends = [ids[-1] == tokenizer.eos_token_id for ids in completion_ids]
    rows = zip(completions, ends, strict=True)
    return [float(stops(text, ended=end)) for text, end in rows]


# %% [markdown]
# Every second step we stop and measure on 400 beginnings that training does not see: the KL, the proxy, the gold. This is
# your `sequence_kl` at work. (A share of 0.2 of 400 texts has a standard error of 0.02.)


# %% tags=["demo", "loop"]
def look(policy: torch.nn.Module, seed: int) -> dict[str, float]:
    """KL in nats, shares of proxy and gold, tokens a response, on `watched`."""
    seen = respond(policy, tokenizer, watched, seed=seed)
    kl, _ = sequence_kl(token_logps(policy, seen), token_logps(tiny, seen), seen.mask)
    rows = zip(seen.texts, seen.ended, strict=True)
    return {
        "KL": kl,
        "proxy": share([stops(text, ended=end) for text, end in rows]),
        "gold": share([one_sentence(text) for text in seen.texts]),
        "tokens": seen.mask.sum(-1).double().mean().item(),
    }


# %% tags=["demo", "loop"]
class Watch(TrainerCallback):
    """Looks at the policy before every second step, and at the end."""

    def __init__(self, policy: torch.nn.Module, seed: int) -> None:
        self.policy, self.seed, self.rows = policy, seed, []

    def on_step_begin(
        self, args: object, state: TrainerState, control: object, **_: object
    ) -> None:
        if state.global_step % EVERY == 0:
            self.on_train_end(args, state, control)

    def on_train_end(
        self, _args: object, state: TrainerState, _control: object, **_: object
    ) -> None:
        seen = look(self.policy, self.seed)
        self.rows.append({"step": state.global_step} | seen)


# %% tags=["demo", "loop"]
def train_on_stops(seed: int) -> list[dict[str, float]]:
    """GRPO of TRL 1.16 on the proxy, from tiny: what was seen on the way."""
    policy, its_tokenizer = rlhf.load_policy("tiny")
    config = GRPOConfig(
        output_dir=tempfile.mkdtemp(), seed=seed, use_cpu=True, bf16=False,
        max_steps=STEPS, learning_rate=1e-4, lr_scheduler_type="constant", beta=0.0,
        per_device_train_batch_size=64, num_generations=8, max_completion_length=16,
        activation_checkpointing=False, save_strategy="no", report_to=[],
        disable_tqdm=True, logging_steps=1,
    )  # fmt: skip
    prompts = beginnings(its_tokenizer, 1024, first=512)
    watch = Watch(policy, seed)
    trainer = GRPOTrainer(
        policy,
        reward_stops,
        args=config,
        train_dataset=datasets.Dataset.from_dict({"prompt": prompts}),
        processing_class=its_tokenizer,
        callbacks=[watch],
    )
    live.train(trainer, f"stops, seed {seed}", proxy="reward")
    return watch.rows


# %% [markdown]
# Guess before you run it: twenty steps, and the proxy will go from a few per cent to nearly all. What will the gold do?
# It is the slowest cell of the lab, three quarters of a minute on two cores: its line says how long it takes here. Interrupted
# (■), it keeps what was seen until then.

# %% tags=["demo"]
record = train_on_stops(seed=0)
for row in record:
    print("  ".join(f"{name} {value:6.3f}" for name, value in row.items()))

# %% [markdown]
# Is this one lucky run? Runs of other seeds that ship with the kit, made with these very cells by
# `solutions/models/curves_stops.py`, are drawn beside yours. `train_on_stops(seed=1)` makes one more.

# %% tags=["demo"]
curves = {f"seed {seed}, shipped": rows for seed, rows in stops_curves().items()}
curves["this run"] = record
plots_evaluation.over_optimisation(curves)

# %% [markdown]
# What do you see on the left, and what on the right? The proxy climbs to more than 0.9 in each run. The gold climbs with it,
# from a few per cent to about 0.2, and **turns round**: when the run ends, more than half of that is lost again. By then the
# policy stops as soon as it can. A response has about four tokens, full stop and EOS among them, and behind a beginning of four
# tokens that makes no sentence of eight words. This is
# *over-optimisation*, or Goodhart's law: a measure that becomes a target ceases to be a good measure.
#
# Nothing is wrong with the optimiser: it did what it was told. In the proxy's own curve the turn cannot be seen. Whoever
# watches only the number that is trained on stops at the worst place, and calls it the best. What helps: a gold that is measured
# *on the way*, a KL that is watched, and the courage to stop early.
#
# ### Reading two curves at the same price
#
# To compare methods, or steps, compare at equal KL. Between two measured points we draw a straight line.
#
# Worked example: points $(0, 0.1)$, $(4, 0.3)$ and $(2, 0.5)$ of (KL, value). At KL 1 the value is $0.3$, at KL 3 it is $0.4$, at
# KL 5 nobody knows.
#
# ### Exercise 4 · `value_at_kl` (●○○, 8 minutes, 3 points)


# %% nbgrader={"grade": false, "grade_id": "value_at_kl", "locked": false, "schema_version": 3, "solution": true, "task": false}
def value_at_kl(kls: list[float], values: list[float], kl: float) -> float:
    """The value of a curve at a given KL, by straight lines between its points.

    Args:
        kls: KL of each point, in nats, in any order, no two the same.
        values: the value at each of them. Neither list is changed.
        kl: where to read.

    Returns:
        A Python float.

    Raises:
        ValueError: kl lies outside of the points, or there are none.
    """
    ### BEGIN SOLUTION
    points = sorted(zip(kls, values, strict=True))
    if not points or not points[0][0] <= kl <= points[-1][0]:
        raise ValueError(f"{kl} lies beyond the points: nothing was seen there")
    for (left, low), (right, high) in pairwise(points):
        if left <= kl <= right:
            return float(low + (high - low) * (kl - left) / (right - left))
    return float(points[0][1])
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "value_at_kl-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
checks("value_at_kl")

# %% nbgrader={"grade": true, "grade_id": "value_at_kl-hidden", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `value_at_kl` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("08-evaluation", "value_at_kl", globals())
### END HIDDEN TESTS

# %% tags=["demo"]
for at in (0.5, 1.0, 1.84, 3.0):
    kls = [row["KL"] for row in record]
    for what in ("proxy", "gold"):
        read = value_at_kl(kls, [row[what] for row in record], at)
        print(f"at {at:.2f} nats: {what} {read:.2f}")

# %% [markdown]
# ## 6 · Win rates, and how sure they are
#
# Where no program knows the gold, one asks a judge: which of two responses is better? The **win rate** $\hat w = k / m$ counts wins of
# the first policy among $m$ comparisons; a tie is half a win. It is an estimate, and says little without an interval.
#
# The textbook's $\hat w \pm z \sqrt{\hat w (1 - \hat w) / m}$ fails just where policies are good: at $\hat w = 1$ it has width 0.
# **Wilson's interval** (1927) holds all $w$ that would not be surprised by $\hat w$:
#
# $$\frac{\hat w + \frac{z^2}{2m} \pm z \sqrt{\frac{\hat w (1 - \hat w)}{m} + \frac{z^2}{4 m^2}}}{1 + \frac{z^2}{m}}$$
#
# Worked example: 8 wins of 10, $z = 1.96$: $(0.4902, 0.9433)$. 10 of 10: $(0.7225, 1)$.
#
# ### Exercise 5 · `wilson_interval` (●○○, 8 minutes, 4 points)


# %% nbgrader={"grade": false, "grade_id": "wilson_interval", "locked": false, "schema_version": 3, "solution": true, "task": false}
def wilson_interval(
    wins: float, comparisons: int, z: float = 1.96
) -> tuple[float, float]:
    """Wilson's interval for a win rate: (lower, upper), Python floats, right to 1e-9.

    Args:
        wins: from 0 to the number of comparisons; halves are ties.
        comparisons: 1 or more.
        z: above 0, the normal quantile; 1.96 makes it an interval of 95 %.

    Raises:
        ValueError: there are no comparisons, or wins lies outside 0 … comparisons.
    """
    ### BEGIN SOLUTION
    if comparisons < 1 or not 0 <= wins <= comparisons:
        raise ValueError(f"expected 0 to m wins of m ≥ 1: {wins} of {comparisons}")
    rate, extra = wins / comparisons, z * z / comparisons
    half_width = z * math.sqrt(
        rate * (1 - rate) / comparisons + extra / (4 * comparisons)
    )
    return (
        (rate + extra / 2 - half_width) / (1 + extra),
        (rate + extra / 2 + half_width) / (1 + extra),
    )
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "wilson_interval-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
checks("wilson_interval")

# %% nbgrader={"grade": true, "grade_id": "wilson_interval-hidden", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `wilson_interval` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("08-evaluation", "wilson_interval", globals())
### END HIDDEN TESTS

# %% [markdown]
# The judge is the reward model of lab 02. Each policy meets tiny on the same 256 beginnings; the last row is tiny against
# other samples of itself, where the truth is $w = 0.5$. Which of them are better than tiny, beyond doubt?

# %% tags=["demo"]
honest = Judge(score)
other = respond(tiny, tokenizer, prompts, seed=3).texts
rates = {}
for name in ("dpo", "ppo", "grpo", "tiny"):
    wins = sum(honest.wins(answers[name].texts, other))
    rates[name] = (wins / len(prompts), *wilson_interval(wins, len(prompts)))
    said = "{:5} wins {:.3f} [{:.3f}, {:.3f}]".format(name, *rates[name])
    print(said, f"at {moved[name]:.2f} nats")
plots_evaluation.intervals(rates, even="no better than tiny")

# %% [markdown]
# The three are far from one half, tiny is not: its interval holds 0.5, as it should in 95 of 100 such rows. Remember two things before you
# cheer. The judge is the very model that all three were trained to please: here the win rate *is* the proxy. And the three paid
# different prices.

# %% [markdown]
# ## 7 · A judge has habits of its own
#
# Judges, people and models alike, prefer what is shown **first** (or last), and what is **longer**. To see what a habit does we build
# a judge that has it on purpose: it adds a bonus to whatever is shown first.

# %% tags=["demo"]
# the standard deviation of a difference of scores
unit = honest.spread(answers["tiny"].texts, other)
hasty = Judge(honest.score, first=0.5 * unit)
shown_first = hasty.verdicts(answers["tiny"].texts, other)
shown_second = hasty.verdicts(other, answers["tiny"].texts)
once = shown_first.count("first") / len(prompts)
print(f"tiny, shown first, wins {once:.3f} against itself")

# %% [markdown]
# A perfectly good-looking win rate of a model against itself. The remedy is old and cheap: **ask twice, in both orders**, and average. A
# pair whose winner changes with the order is half a win for each. The difference tells how biased the judge is: the share of verdicts
# for what was shown first, over all of them, less one half.
#
# Worked example, three pairs: shown first, A gets (`first`, `first`, `second`); shown second, A's pairs get (`first`, `second`,
# `tie`). A's points: $(1 + 0)/2$, $(1 + 1)/2$, $(0 + \tfrac12)/2$, a win rate of $1.75/3 = 0.5833$. What was shown first got
# $3 + \tfrac12$ of 6 verdicts: a bias of $0.0833$.
#
# ### Exercise 6 · `both_orders` (●●○, 10 minutes, 4 points)


# %% nbgrader={"grade": false, "grade_id": "both_orders", "locked": false, "schema_version": 3, "solution": true, "task": false}
def both_orders(
    shown_first: list[str], shown_second: list[str]
) -> tuple[float, float]:
    """The win rate of policy A over both orders, and the judge's bias for the first.

    Args:
        shown_first: the verdict on each pair, "first", "second" or "tie", when A's
            response was shown first.
        shown_second: those on the same pairs when it was second. No list is changed.
    Returns:
        (win rate, bias), Python floats. A win is 1, a tie ½; the bias is the share of
        all verdicts that went to what was shown first, ties by halves, less ½.

    Raises:
        ValueError: there are no pairs, the lists differ in length, or a verdict is none
            of the three.
    """
    ### BEGIN SOLUTION
    worth = {"first": 1.0, "tie": 0.5, "second": 0.0}
    if not shown_first or len(shown_first) != len(shown_second):
        raise ValueError("expected as many verdicts in each order, and at least one")
    if unknown := {*shown_first, *shown_second} - worth.keys():
        raise ValueError(f"expected first, second or tie, found {sorted(unknown)}")
    before, after = (
        sum(worth[verdict] for verdict in side) for side in (shown_first, shown_second)
    )
    pairs = len(shown_first)
    return (before + pairs - after) / (2 * pairs), (before + after) / (2 * pairs) - 0.5
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "both_orders-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
checks("both_orders")

# %% nbgrader={"grade": true, "grade_id": "both_orders-hidden", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `both_orders` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("08-evaluation", "both_orders", globals())
### END HIDDEN TESTS

# %% tags=["demo"]
for bonus in (0.0, 0.25, 0.5, 1.0):
    judge = Judge(honest.score, first=bonus * unit)
    for name in ("tiny", "dpo"):
        mine = answers[name].texts
        before, after = judge.verdicts(mine, other), judge.verdicts(other, mine)
        rate, bias = both_orders(before, after)
        once = before.count("first") / len(prompts)
        print(
            f"bonus {bonus:.2f}: {name:4} shown first {once:.2f},",
            f"both orders {rate:.2f}, bias {bias:+.2f}",
        )

# %% [markdown]
# Both orders bring tiny back to about one half, whatever the bonus. But look at DPO's rows: averaging takes the *bias* away, not the
# harm. The stronger the habit, the fewer verdicts depend on the texts, and the nearer a true difference comes to one half.
# (And the bias that is seen in DPO's pairs is small, because they are rarely close: measure bias on close pairs.)

# %% [markdown]
# ## 8 · Longer is not better
#
# The second habit is harder to take away: a longer text stays longer in either order. Here is a judge that loves length, and the fairest
# pair there is: tiny with 16 tokens against tiny with 13.

# %% tags=["demo"]
short = respond(tiny, tokenizer, prompts, seed=4, new_tokens=13).texts
long = answers["tiny"].texts
gaps = words_more(long, short)  # how many words more, in standard deviations
judges = {"honest": honest, "lover of length": Judge(honest.score, longer=unit)}
for name, judge in judges.items():
    rate = sum(judge.wins(long, short)) / len(prompts)
    print(f"{name:16} 16 tokens win {rate:.3f} against 13")

# %% [markdown]
# **Length control** (Dubois et al. 2024) asks: what would the win rate be *at equal length*? Let the log-odds of a win have two parts,
# $\theta + \varphi d$, where $d$ is how much longer the first text is. Fit both by maximum likelihood, with a small penalty on $\varphi$
# so that it stays finite, and report the win rate at $d = 0$, which is $\sigma(\theta)$:
#
# $$\min_{\theta, \varphi} \; \sum_i \Big( -s_i \log \sigma(\theta + \varphi d_i) - (1 - s_i) \log \sigma(-\theta - \varphi d_i) \Big) + \frac{\lambda}{2} \varphi^2$$
#
# with $s_i = 1$ for a win, $\tfrac12$ for a tie. Newton's method is quick: with $X$ the rows $(1, d_i)$, $q = \sigma(X (\theta, \varphi))$
# and $P = \mathrm{diag}(0, \lambda)$, subtract $\big(X^\top \mathrm{diag}(q (1 - q)) X + P\big)^{-1} \big(X^\top (q - s) + P (\theta, \varphi)\big)$,
# again and again, from 0; twenty times are plenty.
#
# Worked example: $d = (1, -1)$, $s = (1, 0)$, $\lambda = 1$: by symmetry $\theta = 0$, so the controlled win rate is $0.5$;
# $\varphi$ solves $2 \sigma(-\varphi) = \varphi$: $0.6748$.
#
# ### Exercise 7 · `win_rate_at_equal_length` (●●●, 18 minutes, 6 points)


# %% nbgrader={"grade": false, "grade_id": "win_rate_at_equal_length", "locked": false, "schema_version": 3, "solution": true, "task": false}
def win_rate_at_equal_length(
    wins: torch.Tensor, gaps: torch.Tensor, penalty: float = 1.0
) -> tuple[float, float]:
    """(σ(θ), φ) of the penalised fit: the win rate at equal length, and the slope.

    Args:
        wins: float64 [pairs], 1 for a win, 0 for a loss, 0.5 for a tie.
        gaps: float64 [pairs], how much longer the first text is, within ±5; all may be
            equal. Neither tensor is changed.
        penalty: λ, above 0.
    Returns:
        Two Python floats, right to 1e-6.
    Raises:
        ValueError: every pair is a win, or every pair is a loss: θ would be infinite.
    """
    ### BEGIN SOLUTION
    if not 0 < wins.mean() < 1:
        raise ValueError("all pairs were won, or all lost: no finite θ fits them")
    rows = torch.stack([torch.ones_like(gaps), gaps], dim=1)
    weight = torch.diag(torch.tensor([0.0, penalty], dtype=torch.float64))
    found = torch.zeros(2, dtype=torch.float64)
    for _ in range(20):
        q = torch.sigmoid(rows @ found)
        curvature = rows.T @ (rows * (q * (1 - q))[:, None]) + weight
        found = found - torch.linalg.solve(
            curvature, rows.T @ (q - wins) + weight @ found
        )
    return torch.sigmoid(found[0]).item(), found[1].item()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "win_rate_at_equal_length-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
checks("win_rate_at_equal_length")

# %% nbgrader={"grade": true, "grade_id": "win_rate_at_equal_length-hidden", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `win_rate_at_equal_length` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("08-evaluation", "win_rate_at_equal_length", globals())
### END HIDDEN TESTS

# %% tags=["demo"]
for name, judge in judges.items():
    verdicts = torch.tensor(judge.wins(long, short), dtype=torch.float64)
    rate, slope = win_rate_at_equal_length(verdicts, gaps)
    print(
        f"{name:16} plain {verdicts.mean():.3f},",
        f"at equal length {rate:.3f}, φ = {slope:+.2f}",
    )

# %% [markdown]
# Control brings the lover of length back to about what the honest judge says, and hardly moves the honest judge itself. It is
# a regression, not magic: it takes off what goes with length, also where longer texts *are* better.

# %% [markdown]
# ## 9 · The table, at equal price
#
# Now the comparison that section 6 could not make. Best-of-16 costs 1.84 nats. A change of weights can be added in part:
# `load_variant(name, scale=…)` gives a policy between tiny and the trained one. Near tiny the KL grows with the square of the
# scale, so a few guesses find the scale at which each costs as much: about 16 seconds on two cores. Who wins most at the same
# price?


# %% tags=["demo"]
def at_price(name: str, nats: float) -> tuple[float, list[str]]:
    """KL and texts of a policy that is scaled until it costs about so many nats."""
    scale, kl = 1.0, moved[name]
    for _ in range(3):
        scale *= math.sqrt(nats / kl)
        policy, _ = load_variant(name, scale=scale)
        texts = respond(policy, tokenizer, prompts, seed=5)
        log_probs = token_logps(policy, texts), token_logps(tiny, texts)
        kl, _ = sequence_kl(*log_probs, texts.mask)
    return kl, texts.texts


# %% tags=["demo"]
# the judge chooses among tiny's own sixteen
best = gold.argmax(dim=1).tolist()
chosen = [draws[draw][row] for row, draw in enumerate(best)]
equal = {"best of 16": chosen}
paid = {"best of 16": nats[-1]}
trained = ("dpo", "ppo", "grpo")
line = live.Line("policies", len(trained))
for place in line:
    name = trained[place]
    paid[name], equal[name] = at_price(name, nats[-1])
    line.tell(KL=paid[name])

# %% tags=["demo"]
table = {}
for name, texts in (equal | {"tiny": answers["tiny"].texts}).items():
    before, after = honest.verdicts(texts, other), honest.verdicts(other, texts)
    rate, _ = both_orders(before, after)
    table[name] = (rate, *wilson_interval(rate * len(prompts), len(prompts)))
    verdicts = torch.tensor(honest.wins(texts, other), dtype=torch.float64)
    at_equal, _ = win_rate_at_equal_length(verdicts, words_more(texts, other))
    spent = paid.get(name, 0.0)
    print(
        "{:10} {:.2f} nats: {:.3f} [{:.3f}, {:.3f}],".format(name, spent, *table[name]),
        f"at equal length {at_equal:.3f}",
    )
plots_evaluation.intervals(table, even="no better than tiny")

# %% [markdown]
# What does the table say? Best-of-16 wins about 16 of 17. It has to: of seventeen responses of one model the best is among the
# sixteen in 16 of 17 cases, whatever they are. Nothing that was trained reaches it *at this price*: lab 04 found best-of-n close to
# the best that any policy of its KL can do. Before you rank the three trained policies look at their intervals. Where two overlap by
# much, 256 comparisons do not tell them apart; and their KLs are estimates too. What best-of-16 hides is its other price:
# sixteen responses are written for every one that is shown.

# %% [markdown]
# ## 10 · A perfect win rate for word salad
#
# One more policy: GRPO's run of section 1, left to run on, for 40 steps instead of 14. Nothing charges it for KL. Here is its
# record.

# %% tags=["demo"]
salad, _ = load_variant("salad")
texts = respond(salad, tokenizer, prompts, seed=6)
kl, _ = sequence_kl(token_logps(salad, texts), token_logps(tiny, texts), texts.mask)
wins = sum(honest.wins(texts.texts, other))
low, high = wilson_interval(wins, len(prompts))
print(f"wins {wins / len(prompts):.3f} [{low:.3f}, {high:.3f}] at {kl:.0f} nats")

# %% [markdown]
# The best policy of the lab, if you believe the judge. Now read it:

# %% tags=["demo"]
for text in texts.texts[:4]:
    print(repr(text))

# %% [markdown]
# **A perfect win rate for word salad.** Why does the judge not mind? Ask it something simple: real snippets that it never saw, against the
# same words in another order.

# %% tags=["demo"]
import random

snippets = list(rlhf.split_ratings()[1]["text"])
mixed = []
for place, text in enumerate(snippets):
    words = text.split()
    random.Random(place).shuffle(words)
    mixed.append(" ".join(words))
liked = sum(honest.wins(snippets, mixed))
low, high = wilson_interval(liked, len(snippets))
print(f"real order wins {liked / len(snippets):.3f} [{low:.3f}, {high:.3f}]")

# %% [markdown]
# It is nearly blind to order: the real one wins in about six cases of ten, where a coin gives it five. It learned which words people like, from texts that were all in
# order; nothing ever taught it that order counts. Inside the range of its training it was a fair judge; the policy left that range, and
# the judge went on smiling. So: read samples. Always. And be careful with a learned gold (section 4): *this* was ours.

# %% [markdown]
# ## 11 · How many comparisons does a claim need?
#
# In section 6 not even tiny against itself got exactly one half. So the claim *policy A is better* should be made only when a judge
# without preference ($w = \tfrac12$) would rarely have given so many wins. **The sign test**, exactly: find the smallest number of wins that such a judge
# reaches with probability at most $\alpha$. Then ask the other question, before you pay for verdicts: how probable is it that a policy of true
# win rate $w$ gets there? That is the **power**.
#
# Worked example, $m = 10$, $\alpha = 0.05$: nine wins or more come by chance with probability $11/1024 = 0.0107$, eight or more with
# $56/1024 = 0.0547$. So 9 are needed, and a policy with $w = 0.8$ gets there with probability $0.3758$ only.
#
# ### Exercise 8 · `sign_test` (●●○, 12 minutes, 5 points)


# %% nbgrader={"grade": false, "grade_id": "sign_test", "locked": false, "schema_version": 3, "solution": true, "task": false}
def sign_test(
    comparisons: int, win_rate: float, level: float = 0.05
) -> tuple[int, float]:
    """How many wins a claim needs, and how probable it is to get them.

    Args:
        comparisons: m, 1 to 2,000, without ties.
        win_rate: the true win rate, from 0 to 1.
        level: α, between 0 and 1: how probable the needed wins may be at w = ½, at
            most; no number of wins is reached with exactly that probability.
    Returns:
        (needed, power): the smallest number of wins that w = ½ reaches or exceeds with
        probability at most α, a Python int, and the probability that `win_rate` does, a
        Python float right to 1e-8. Where no number is enough: (comparisons + 1, 0.0).
    """
    ### BEGIN SOLUTION
    m, wins = (
        torch.tensor(float(comparisons)).double(),
        torch.arange(comparisons + 1).double(),
    )
    ways = torch.lgamma(m + 1) - torch.lgamma(wins + 1) - torch.lgamma(m - wins + 1)
    rate = torch.tensor([[0.5], [win_rate]], dtype=torch.float64)
    log_probs = ways + torch.xlogy(wins, rate) + torch.xlogy(m - wins, 1 - rate)
    # P(at least so many)
    by_chance, in_truth = log_probs.exp().flip(-1).cumsum(-1).flip(-1)
    enough = (by_chance <= level).nonzero()
    if len(enough) == 0:
        return comparisons + 1, 0.0
    needed = int(enough[0])
    return needed, in_truth[needed].item()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "sign_test-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
checks("sign_test")

# %% nbgrader={"grade": true, "grade_id": "sign_test-hidden", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `sign_test` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("08-evaluation", "sign_test", globals())
### END HIDDEN TESTS

# %% [markdown]
# How does power grow with $m$? The dashed line is the usual wish, 0.8.

# %% tags=["demo"]
counts = list(range(10, 1001, 10))
lines = {}
for rate in (0.55, 0.6, 0.7):
    lines[f"w = {rate}"] = [sign_test(m, rate)[1] for m in counts]
plots_evaluation.power(counts, lines, wish=0.8)

# %% [markdown]
# A win rate of 0.7 is seen with 40 comparisons, one of 0.6 takes 160, and one of 0.55 more than 600. The teeth are no noise:
# wins are whole numbers, and where one more is needed, the power drops.
#
# To plan ahead nobody draws curves. The normal distribution gives a number; $z_{0.95}$ is the quantile below which 95 % of it lie,
# and so on:
#
# $$m = \left\lceil \left( \frac{\frac12 z_{1-\alpha} + z_{\mathrm{power}} \sqrt{w (1 - w)}}{w - \frac12} \right)^2 \right\rceil$$
#
# Worked example, $w = 0.6$, $\alpha = 0.05$, power 0.8: $z_{0.95} = 1.6449$, $z_{0.8} = 0.8416$;
# $(0.8224 + 0.4123)/0.1 = 12.35$, squared and rounded up: 153.
#
# ### Exercise 9 · `comparisons_needed` (●○○, 6 minutes, 4 points)


# %% nbgrader={"grade": false, "grade_id": "comparisons_needed", "locked": false, "schema_version": 3, "solution": true, "task": false}
def comparisons_needed(win_rate: float, level: float = 0.05, power: float = 0.8) -> int:
    """How many comparisons the claim w > ½ needs, by the normal approximation.

    Args:
        win_rate: the true win rate, above ½ and below 1.
        level: α of the one-sided test, between 0 and ½.
        power: how probable the claim is to succeed, between ½ and 1.

    Returns:
        A Python int: the formula's number, rounded up.

    Raises:
        ValueError: win_rate is not above ½ or not below 1.
    """
    ### BEGIN SOLUTION
    if not 0.5 < win_rate < 1:
        raise ValueError(f"win_rate must lie between 0.5 and 1, found {win_rate}")
    quantile = NormalDist().inv_cdf
    wide = quantile(1 - level) / 2 + quantile(power) * math.sqrt(
        win_rate * (1 - win_rate)
    )
    return math.ceil((wide / (win_rate - 0.5)) ** 2)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "comparisons_needed-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
checks("comparisons_needed")

# %% nbgrader={"grade": true, "grade_id": "comparisons_needed-hidden", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `comparisons_needed` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("08-evaluation", "comparisons_needed", globals())
### END HIDDEN TESTS

# %% tags=["demo"]
for rate in (0.51, 0.52, 0.55, 0.6, 0.7, 0.9):
    m = comparisons_needed(rate)
    exact = "too many for the exact test"
    if m <= 2000:
        exact = f"exact power there {sign_test(m, rate)[1]:.3f}"
    print(f"w = {rate:.2f}: {m:6,} comparisons; {exact}")

# %% [markdown]
# The approximation is off by a few hundredths where comparisons are few, because wins are whole numbers. Half the edge costs four
# times the comparisons: a claim of one per cent needs 15,455. With our 256 comparisons no edge below about 0.08 will be seen
# reliably. Two more traps: who looks after every ten verdicts and stops at the first success claims far more
# often than $\alpha$; and who compares twenty checkpoints and reports the best has made twenty tests.

# %% [markdown]
# ## 12 · What to take along
#
# | a number says | ask |
# |---|---|
# | the reward went up | whose reward? Was the gold measured, on the way, by something that cannot share the proxy's mistakes? |
# | it beats the baseline | at what KL? At equal KL? |
# | win rate 0.97 | of how many comparisons, with what interval? Who was the judge, and was it trained on? |
# | 0.62 against a strong model | both orders? equal length? How biased is the judge on close pairs? |
# | no over-optimisation found | with a learned gold? Then that is what you would see in any case |
# | anything | read twenty samples |
#
# **What we did not find.** No hump with a learned gold, at any size of proxy (section 4). No length bias in our reward model's verdicts:
# the slope that section 8 fits to the honest judge is small.
# Neither means that there is none elsewhere.

# %% [markdown]
# ## 13 · Where this lives today
#
# | here | in the tools of 2026 |
# |---|---|
# | `GRPOTrainer(model, reward_stops, args=…, train_dataset=…, processing_class=…)` | TRL 1.16; a reward is any function of `completions` (and `completion_ids`, `prompts`, columns) that returns a list of numbers |
# | `GRPOConfig(beta=0.0)` | the default: no reference model is loaded. `max_prompt_length`, `no_cuda` and `kl_coef` raise TypeError |
# | `use_cpu=True, bf16=False` | both: `use_cpu` alone leaves `bf16` on |
# | `on_step_begin`, `on_train_end` | `transformers.TrainerCallback`, of every trainer of transformers and TRL |
# | `live.train(trainer, …)` | `trainer.train()`, with a line that lives in the place of its table |
# | win rate, both orders | LLM judges with position swap: MT-Bench (Zheng et al. 2023), Arena |
# | `win_rate_at_equal_length` | AlpacaEval 2's length-controlled win rate (Dubois et al. 2024): there $\varphi$ goes with tanh of the gap, and each instruction has a difficulty of its own |
# | `best_of_n_means` | the estimator of WebGPT (Nakano et al. 2021) and of Gao et al. (2023) |
# | `load_variant(scale=…)` | interpolation between a model and its finetuned self: WiSE-FT, WARP |
#
# Papers: Wilson 1927; Nakano et al. 2021; Gao, Schulman, Hilton 2023; Zheng et al. 2023; Dubois et al. 2024; Beirami et al. 2024.

# %% [markdown]
# ## Symbols
#
# | | |
# |---|---|
# | $x$, $y$, $y_t$ | the beginning of a review, a response to it, its token at place $t$ |
# | $\pi$, $\pi_\mathrm{ref}$ | the policy that is looked at; the reference, here always tiny |
# | $r$, $g$ | the proxy: the score that training, or choosing, sees; the gold: what we really want |
# | $n$, $N$ | draws of best-of-n; samples that they are drawn from |
# | $\pi_n$, $F_i$ | the policy "best of $n$"; the probability of the $i$ worst responses together |
# | $v$, $N_v$ | a value of the proxy; samples whose proxy is at most $v$ |
# | $m$, $k$ | comparisons; wins among them, a tie is half a win |
# | $w$, $\hat w$ | the true win rate; the one that was seen, $k/m$ |
# | $z$ | a quantile of the normal distribution |
# | $\alpha$ | how often we accept to claim what is not so |
# | $s_i$, $d_i$ | of pair $i$: what its first text got, 1, ½ or 0; how much longer that text is, in standard deviations |
# | $\theta$, $\varphi$ | log-odds of a win at equal length; what a unit of length adds to them |
# | $\lambda$ | the penalty on $\varphi$ |
# | $X$, $q$, $P$ | for Newton's method: the rows $(1, d_i)$, the fitted win rates, the penalty as a matrix |

# %% [markdown]
# ## Quiz
#
# Eight questions, one point each, about 15 minutes; a calculator helps. Another attempt asks other questions, or the
# same ones with other numbers, and your highest attempt counts. After **Submit** you see what was right, why, and where
# to read again.

# %% tags=["demo"]
import labkit

labkit.quiz("08-evaluation")

# %% nbgrader={"grade": true, "grade_id": "quiz-hidden", "locked": true, "points": 8, "schema_version": 3, "solution": false, "task": false}
# Your highest attempt is scored here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.quizzes import run_quiz

run_quiz("08-evaluation", "08-evaluation")
### END HIDDEN TESTS

# %% [markdown]
# ## Hand in
#
# Save the notebook first. The cell below then packs what you did into one file to upload.

# %% tags=["demo"]
labkit.hand_in()
