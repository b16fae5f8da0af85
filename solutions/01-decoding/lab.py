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
# # Lab 01 · Decoding: how logits become text
#
# A language model does not write. It gives each possible next token a number, and *you* decide how a text comes out of
# these numbers. That decision is called **decoding**. In this lab you build all its common parameters by hand.
#
# Why here, in a course on alignment? RLHF, reinforcement learning from human feedback, lets a model write and moves it
# towards what people like. What it writes meanwhile are **rollouts**, and each is sampled by exactly this machinery.
# With the wrong temperature or a filter left on, the **log-probs** (natural logarithms of probabilities) that the
# algorithm of lab 03 computes are not those of the policy that wrote the text.
#
# | | |
# |---|---|
# | Time | about 120 minutes, 8 exercises of 40 points, a quiz of 8 |
# | You need | Python, a little torch (indexing, `softmax`, `cumsum`) |
# | How it works | Fill in each function, run the cell of checks below it, read the hints. Hidden checks run when you are graded. |
# | Words | those that you do not know are in the [glossary](../00-start-here/00-start-here.ipynb#Glossary) |
# | Symbols | each letter, and what it stands for, in the [table](#Symbols) before the quiz |

# %%
import time
from collections.abc import Callable
from itertools import pairwise
from types import SimpleNamespace

import torch
import torch.nn.functional as F

import labkit
import rlhf
from labkit import checks
from rlhf import live, plots

# %% [markdown]
# ## 1 · What a language model gives
#
# A model reads token ids $x$ and returns one **logit** $z_i$ for each token $i$ of its vocabulary. Softmax makes
# probabilities of them:
#
# $$\pi(i \mid x) = \mathrm{softmax}(z)_i = \frac{e^{z_i}}{\sum_j e^{z_j}}$$
#
# Adding the same number to all logits changes nothing; a logit of $-\infty$ means probability 0.

# %% tags=["demo"]
name = "smol" if rlhf.smol_installed() else "tiny"
model, tokenizer = rlhf.load_policy(name)
eos_id = tokenizer.eos_token_id
ids = tokenizer("This movie is", return_tensors="pt").input_ids
with torch.no_grad():
    logits = model(ids).logits[:, -1]
print(
    f"{name}: ids [batch, length] = {list(ids.shape)}, "
    f"logits [batch, vocab] = {list(logits.shape)}"
)

# %% [markdown]
# How sure is the model of the next token after *This movie is*? And how much probability lies outside its twelve
# favourites?

# %% tags=["demo"]
plots.next_tokens({"after “This movie is”": logits[0].softmax(-1)}, tokenizer)

# %% [markdown]
# No token has a clear majority, and thousands of unlikely ones hold a good share together. All of decoding is about
# this picture: whom to trust, and what to do with the long tail.

# %% [markdown]
# ## 2 · Greedy or sampled?
#
# **Greedy** decoding always takes the largest logit. **Sampling** draws a token from $\pi$, appends it, and asks
# again. Here are both; `generate` of transformers does the work, later you write it yourself.

# %% tags=["demo"]
torch.manual_seed(0)
options = {
    "max_new_tokens": 40,
    "pad_token_id": eos_id,
    "attention_mask": torch.ones_like(ids),
}
texts = [model.generate(ids, do_sample=False, **options)]
texts += [model.generate(ids, do_sample=True, top_k=0, **options) for _ in range(2)]
for kind, text in zip(["greedy ", "sampled", "sampled"], texts, strict=True):
    print(f"{kind} | {tokenizer.decode(text[0])!r}\n")

# %% [markdown]
# Greedy text is plain and tends to loop. Sampled text is lively, and may derail where the tail is hit. Every parameter
# below is a way between the two.

# %% [markdown]
# ## 3 · Temperature
#
# Divide all logits by a **temperature** $\tau > 0$ before softmax:
#
# $$\pi_\tau(i \mid x) = \mathrm{softmax}(z / \tau)_i$$
#
# For $z = (2, 1, 0)$ the probabilities are $(0.67, 0.24, 0.09)$ at $\tau = 1$, sharper $(0.87, 0.12, 0.02)$ at
# $\tau = 0.5$ and flatter $(0.51, 0.31, 0.19)$ at $\tau = 2$. Towards $\tau = 0$ only the largest survives; $\tau = 0$ itself is
# a limit, not a division.
#
# ### Exercise 1 · `apply_temperature` (●○○, 5 minutes, 3 points)
#
# Return logits, not probabilities. Leave the input as it is: return a new tensor.


# %% nbgrader={"grade": false, "grade_id": "apply_temperature", "locked": false, "schema_version": 3, "solution": true, "task": false}
def apply_temperature(logits: torch.Tensor, temperature: float) -> torch.Tensor:
    """Logits of softmax(z / τ): each logit divided by τ and not normalised.

    Returns a new tensor; the input is not changed.

    Args:
        logits: float [batch, vocab], any float dtype; the result has its dtype and its
            precision. May hold -inf.
        temperature: τ > 0, no unit.

    Raises:
        ValueError: the temperature is 0 or below.
    """
    ### BEGIN SOLUTION
    if not temperature > 0:
        raise ValueError(f"temperature must be above 0, found {temperature}; for τ -> 0 use greedy decoding")
    return logits / temperature
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "apply_temperature-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
checks("apply_temperature")

# %% nbgrader={"grade": true, "grade_id": "apply_temperature-hidden", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `apply_temperature` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("01-decoding", "apply_temperature", globals())
### END HIDDEN TESTS

# %% [markdown]
# What does temperature do to *This movie is*? Watch the grey bar, all other tokens together, as much as the top.

# %% tags=["demo"]
plots.next_tokens(
    {f"τ = {t}": apply_temperature(logits, t)[0].softmax(-1) for t in (0.5, 1.0, 1.5)},
    tokenizer,
)

# %% [markdown]
# **Entropy** $H = -\sum_i \pi_i \ln \pi_i$, in **nats** (the unit of natural logarithms;
# 1 nat is 1.44 bits), says how open the choice is: 0 when one token has it all, $\ln V$ when all $V$ tokens are alike.
# At which temperature does the model know next to nothing?

# %% tags=["demo"]
temperatures = [0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.4, 2.0, 3.0, 5.0, 10.0]
choices = torch.cat([apply_temperature(logits, t) for t in temperatures])
entropies = torch.distributions.Categorical(logits=choices).entropy().tolist()
plots.curves(
    temperatures,
    {"entropy": entropies},
    x_label="temperature τ",
    y_label="entropy (nats)",
    levels={"ln V: all tokens alike": torch.tensor(logits.shape[-1]).log().item()},
    log_x=True,
)

# %% [markdown]
# The useful range is narrow. Near $\tau = 0.1$ we are back at greedy, and above $\tau = 2$ little is left of what the model knows.

# %% [markdown]
# ## 4 · Top-k
#
# Temperature never forbids a token. **Top-k** does: only the $k$ largest logits stay, all others become $-\infty$, so
# that softmax gives them exactly 0.
#
# Worked example, $k = 2$: $(1, 4, 2, 3) \to (-\infty, 4, -\infty, 3)$. A token that *ties* with the $k$-th largest
# stays too, as in transformers: $k = 2$ and $(3, 1, 2, 2)$ give $(3, -\infty, 2, 2)$.
#
# ### Exercise 2 · `top_k_filter` (●○○, 8 minutes, 4 points)


# %% nbgrader={"grade": false, "grade_id": "top_k_filter", "locked": false, "schema_version": 3, "solution": true, "task": false}
def top_k_filter(logits: torch.Tensor, k: int) -> torch.Tensor:
    """Keep each row's k largest logits and all equal to the k-th; others become -inf.

    Logits that stay keep their exact value. Returns a new tensor; the input is not
    changed.

    Args:
        logits: float [batch, vocab], any float dtype, which is kept. May hold -inf.
        k: how many tokens, at least 1; more than the vocabulary has keeps all.

    Raises:
        ValueError: k is below 1.
    """
    ### BEGIN SOLUTION
    if k < 1:
        raise ValueError(f"k must be at least 1, found {k}")
    kth = logits.topk(min(k, logits.shape[-1])).values[:, -1:]
    return logits.masked_fill(logits < kth, -torch.inf)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "top_k_filter-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
checks("top_k_filter")

# %% nbgrader={"grade": true, "grade_id": "top_k_filter-hidden", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `top_k_filter` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("01-decoding", "top_k_filter", globals())
### END HIDDEN TESTS

# %% [markdown]
# Where does the probability of the forbidden tokens go? Compare how the bars that stay grow.

# %% tags=["demo"]
panels = {"all tokens": logits[0].softmax(-1)}
panels |= {f"top-k, k = {k}": top_k_filter(logits, k)[0].softmax(-1) for k in (10, 3)}
plots.next_tokens(panels, tokenizer)

# %% [markdown]
# ## 5 · Top-p: the nucleus
#
# A fixed $k$ is too many where the model is sure and too few where it is not. **Top-p** keeps the *nucleus*: the
# smallest set of most probable tokens whose probability together reaches $p$.
#
# Worked example with probabilities $(0.5, 0.3, 0.15, 0.05)$ and $p = 0.7$: the first token has 0.5, not enough; with
# the second it is 0.8. The token that **crosses** $p$ belongs to the nucleus, so two stay. With $p = 0.4$ one stays.
#
# ### Exercise 3 · `top_p_filter` (●●○, 15 minutes, 6 points)
#
# Sort, sum up, decide, and bring the decision back to each token's own place.


# %% nbgrader={"grade": false, "grade_id": "top_p_filter", "locked": false, "schema_version": 3, "solution": true, "task": false}
def top_p_filter(logits: torch.Tensor, p: float) -> torch.Tensor:
    """Keep each row's nucleus: the fewest most probable tokens that together reach p.

    The others become -inf. A sum of exactly p has reached it. Of tokens that tie at the
    edge, keep any, but no more than needed. p = 1 keeps every token, however unlikely.
    Probabilities and sums are float32 or finer, for every dtype. Logits that stay keep
    their exact value. Returns a new tensor; the input is not changed.

    Args:
        logits: float [batch, vocab], dtype kept; may hold -inf, not in a whole row.
        p: probability to reach, 0 < p <= 1.

    Raises:
        ValueError: p is outside (0, 1].
    """
    ### BEGIN SOLUTION
    if not 0 < p <= 1:
        raise ValueError(f"p must lie in (0, 1], found {p}")
    ordered, places = logits.sort(dim=-1, descending=True)
    probs = ordered.float().softmax(-1)
    before = probs.cumsum(-1) - probs
    drop = torch.zeros_like(places, dtype=torch.bool).scatter(-1, places, (before >= p) & (p < 1))
    return logits.masked_fill(drop, -torch.inf)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "top_p_filter-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
checks("top_p_filter")

# %% nbgrader={"grade": true, "grade_id": "top_p_filter-hidden", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `top_p_filter` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("01-decoding", "top_p_filter", globals())
### END HIDDEN TESTS

# %% [markdown]
# How many bars does each $p$ leave of the same distribution?

# %% tags=["demo"]
panels = {"all tokens": logits[0].softmax(-1)}
panels |= {
    f"top-p, p = {p}": top_p_filter(logits, p)[0].softmax(-1) for p in (0.7, 0.3)
}
plots.next_tokens(panels, tokenizer)

# %% [markdown]
# The point of top-p is that the nucleus breathes. How many tokens does $p = 0.9$ allow at each place of a sentence?
# Guess first: where is the model sure, after *one of* or after *The*?

# %% tags=["demo"]
sentence = (
    "I have to say that this is one of the worst movies I have ever seen. "
    "The acting was terrible and the plot"
)
text = tokenizer(sentence, return_tensors="pt").input_ids
with torch.no_grad():
    along = model(text).logits[0, :-1]
sizes = top_p_filter(along, 0.9).isfinite().sum(-1)
tokens = [plots.token_name(tokenizer, token) for token in text[0, 1:].tolist()]
plots.along_text(
    tokens,
    {"nucleus": sizes.tolist()},
    y_label="tokens in the nucleus, p = 0.9",
    log_y=True,
)

# %% [markdown]
# The height over a token is the number of candidates *before* that token was known. It ranges from a handful to
# hundreds: no single $k$ would fit all places.

# %% [markdown]
# ### Two more cuts: min-p and typical
#
# **Min-p** (Nguyen et al. 2024) keeps every token that has at least $p_\mathrm{min}$ times the probability of the likeliest
# one: $\pi_i \ge p_\mathrm{min} \max_j \pi_j$. It asks how sure the model is, and sums nothing up. **Typical sampling** (Meister et al.
# 2023) holds that people say neither what everybody expects nor what nobody does: it takes the tokens whose **surprise**
# $-\ln \pi_i$ is nearest to the entropy $H$, until together they reach $p$. Which of the favourites does each of them keep?

# %% tags=["demo"]
from transformers import MinPLogitsWarper, TypicalLogitsWarper

cut = {
    "all tokens": logits,
    "min-p, p_min = 0.1": MinPLogitsWarper(0.1)(None, logits),
    "typical, p = 0.5": TypicalLogitsWarper(0.5)(None, logits),
}
plots.next_tokens({name: z[0].softmax(-1) for name, z in cut.items()}, tokenizer)

# %% [markdown]
# At $p = 0.5$ typical sampling throws out the very favourites of `tiny`: they surprise too little. And how do the cuts breathe,
# along the sentence from above?

# %% tags=["demo"]
cut = {
    "top-p, p = 0.9": top_p_filter(along, 0.9),
    "typical, p = 0.9": TypicalLogitsWarper(0.9)(None, along),
    "min-p, p_min = 0.05": MinPLogitsWarper(0.05)(None, along),
}
sizes = {name: z.isfinite().sum(-1).tolist() for name, z in cut.items()}
plots.along_text(tokens, sizes, y_label="tokens that are kept", log_y=True)

# %% [markdown]
# Min-p breathes as the nucleus does, and is the sterner of the two where the model is in doubt. And typical sampling? Its line
# hides that of top-p: so much probability as 0.9 cannot do without the favourites, and nearly everywhere both keep the same tokens.

# %% [markdown]
# ## 6 · Repetition penalty
#
# Loops can be fought directly. For each token that already occurs in the text, prompt included, make its logit worse
# by a **penalty** $q$, once, however often it occurs:
#
# $$z_i \leftarrow \begin{cases} z_i / q & z_i \ge 0 \\ z_i \cdot q & z_i < 0 \end{cases}$$
#
# Worked example, $q = 2$, tokens 0 and 2 seen: $(4, 3, -1) \to (2, 3, -2)$. Dividing $-1$ would have *helped* it.
#
# ### Exercise 4 · `repetition_penalty` (●●○, 12 minutes, 5 points)


# %% nbgrader={"grade": false, "grade_id": "repetition_penalty", "locked": false, "schema_version": 3, "solution": true, "task": false}
def repetition_penalty(
    logits: torch.Tensor, ids: torch.Tensor, penalty: float
) -> torch.Tensor:
    """Worsen, once each, the logits of the tokens that a row has seen.

    A seen logit is divided from 0 up and multiplied below 0; the others stay. Returns a
    new tensor; inputs are not changed.

    Args:
        logits: float [batch, vocab], any float dtype; the result has its dtype and its
            precision. May hold -inf, which stays.
        ids: int64 [batch, length], each row's text so far, prompt included, not empty.
        penalty: above 0, no unit; 1 does nothing, below 1 rewards repetition.

    Raises:
        ValueError: the penalty is 0 or below.
    """
    ### BEGIN SOLUTION
    if not penalty > 0:
        raise ValueError(f"penalty must be above 0, found {penalty}")
    seen = logits.gather(-1, ids)
    return logits.scatter(-1, ids, torch.where(seen < 0, seen * penalty, seen / penalty))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "repetition_penalty-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
checks("repetition_penalty")

# %% nbgrader={"grade": true, "grade_id": "repetition_penalty-hidden", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `repetition_penalty` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("01-decoding", "repetition_penalty", globals())
### END HIDDEN TESTS

# %% [markdown]
# Does the penalty hit only what should not be said twice? Look at the next token after *The film is good. The film is
# good. The film*.

# %% tags=["demo"]
looping = "The film is good. The film is good. The film"
loop_ids = tokenizer(looping, return_tensors="pt").input_ids
with torch.no_grad():
    loop_logits = model(loop_ids).logits[:, -1]
panels = {
    f"penalty {q}": repetition_penalty(loop_logits, loop_ids, q)[0].softmax(-1)
    for q in (1.0, 1.2, 1.5)
}
plots.next_tokens(panels, tokenizer)

# %% [markdown]
# It knows no grammar: *is*, *the* and the full stop are punished like every other token. That is why values near 1.1 or 1.2
# are common and 2 is rare. (The *frequency penalty* of some APIs is another formula: it subtracts, once per occurrence.)

# %% [markdown]
# ## 7 · Minimum and maximum of new tokens
#
# A text ends when the model emits its end token **EOS** or when `max_new_tokens` is reached. A minimum is a filter,
# too: while fewer than `minimum` new tokens are there, EOS gets $-\infty$.
#
# Worked example, `minimum = 2`: EOS is forbidden as the first and as the second new token, allowed as the third.
#
# ### Exercise 5 · `min_new_tokens` (●○○, 5 minutes, 3 points)


# %% nbgrader={"grade": false, "grade_id": "min_new_tokens", "locked": false, "schema_version": 3, "solution": true, "task": false}
def min_new_tokens(
    logits: torch.Tensor, n_generated: int, minimum: int, eos_id: int
) -> torch.Tensor:
    """Forbid EOS, by -inf, while fewer than `minimum` new tokens have been generated.

    All else stays as it is. Returns a new tensor; the input is not changed.

    Args:
        logits: float [batch, vocab], any float dtype, which is kept. May hold -inf.
        n_generated: new tokens so far, the prompt not counted.
        minimum: new tokens that a text has at least before its EOS, >= 0.
        eos_id: the end token, a column of the logits.
    """
    ### BEGIN SOLUTION
    out = logits.clone()
    if n_generated < minimum:
        out[:, eos_id] = -torch.inf
    return out
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "min_new_tokens-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
checks("min_new_tokens")

# %% nbgrader={"grade": true, "grade_id": "min_new_tokens-hidden", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `min_new_tokens` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("01-decoding", "min_new_tokens", globals())
### END HIDDEN TESTS

# %% [markdown]
# ## 8 · Draw one token
#
# How does a uniform random number $u \in [0, 1)$ become a token? Lay the probabilities side by side, in the order of
# the ids, along the line from 0 to 1. The token on whose piece $u$ falls is the one:
#
# $$\text{the smallest } i \text{ with } \pi_0 + \dots + \pi_i > u$$
#
# Worked example, $\pi = (0.5, 0.3, 0.2)$: $u = 0.6$ gives token 1, because $0.5 \le 0.6 < 0.8$. With $u$ handed in,
# sampling has one right answer and can be tested.
#
# ### Exercise 6 · `sample_next` (●●○, 12 minutes, 5 points)


# %% nbgrader={"grade": false, "grade_id": "sample_next", "locked": false, "schema_version": 3, "solution": true, "task": false}
def sample_next(logits: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
    """Draw one token a row: the first, by id, whose cumulative probability is above u.

    Probabilities are softmax(logits). Never draws a token of probability 0. Where
    rounding leaves the whole sum at or below u, draws the last possible token.
    Probabilities and sums are float32 or finer for every dtype. Inputs are not changed.

    Args:
        logits: float [batch, vocab], any float dtype; may hold -inf, not in whole rows.
        u: float32 [batch], uniform numbers in [0, 1), one for each row.

    Returns:
        int64 [batch], token ids.
    """
    ### BEGIN SOLUTION
    probs = logits.double().softmax(-1)
    token = (probs.cumsum(-1) <= u[:, None]).sum(-1)
    last = (probs > 0).cumsum(-1).argmax(-1)
    return torch.minimum(token, last)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "sample_next-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
checks("sample_next")

# %% nbgrader={"grade": true, "grade_id": "sample_next-hidden", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `sample_next` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("01-decoding", "sample_next", globals())
### END HIDDEN TESTS

# %% [markdown]
# Is it really sampling? Draw 5,000 tokens with random $u$: do the shares match the probabilities?

# %% tags=["demo"]
torch.manual_seed(0)
counts = torch.zeros(logits.shape[-1])
for _ in range(25):
    drawn = sample_next(logits.expand(200, -1), torch.rand(200))
    counts += torch.bincount(drawn, minlength=len(counts))
plots.next_tokens(
    {
        "probability": logits[0].softmax(-1),
        "share of 5,000 draws": counts / counts.sum(),
    },
    tokenizer,
)

# %% [markdown]
# ## 9 · The whole loop
#
# Now compose. At each step transformers changes the logits in this order:
#
# **repetition penalty → minimum → temperature → top-k → top-p → draw**
#
# Some neighbours may swap: temperature keeps the ranking, so top-k keeps the same tokens before and after it. Others
# may not: a flatter distribution has a larger nucleus, so temperature *before* top-p draws otherwise than after it; and a
# forbidden EOS must not use up one of the $k$ places.
#
# For small examples here is a model of five tokens that you can follow by hand: it looks at the last token only.

# %%
WORDS = ["the", "good", "bad", "film", "<end>"]
NEXT = torch.tensor([
    [0.02, 0.50, 0.38, 0.08, 0.02],  # after the
    [0.10, 0.05, 0.05, 0.45, 0.35],  # after good
    [0.03, 0.03, 0.02, 0.90, 0.02],  # after bad
    [0.10, 0.05, 0.05, 0.05, 0.75],  # after film
    [0.92, 0.02, 0.02, 0.02, 0.02],  # after <end>
])


def toy(ids: torch.Tensor) -> SimpleNamespace:
    """A model of five words: its `.logits` are float [batch, length, 5]."""
    return SimpleNamespace(logits=NEXT.log()[ids])


# %% [markdown]
# ### Exercise 7 · `generate` (●●●, 20 minutes, 8 points)
#
# Use the six functions that you wrote. The rules:
#
# - `u` has one column for each step, so `max_new_tokens` is its width, at least 1. Column $s$ draws new token $s$.
# - The penalty looks at prompt and new tokens; the minimum counts new tokens only.
# - Once a row has drawn EOS it is filled up with EOS. When *all* rows have ended, stop: add no more columns.
#   An EOS in the prompt ends nothing.


# %% nbgrader={"grade": false, "grade_id": "generate", "locked": false, "schema_version": 3, "solution": true, "task": false}
def generate(
    model: Callable,
    ids: torch.Tensor,
    u: torch.Tensor,
    eos_id: int,
    *,
    temperature: float = 1.0,
    k: int | None = None,
    p: float = 1.0,
    penalty: float = 1.0,
    minimum: int = 0,
) -> torch.Tensor:
    """Prompts and their sampled continuations, int64 [batch, length + new].

    `model(ids).logits`: float [batch, length, vocab]; may hold -inf, not in whole rows.
    `ids`: int64 [batch, length], prompts of one length. `u`: float32 [batch,
    max_new_tokens], in [0, 1). `eos_id` is a column of the logits. `k=None` leaves
    top-k out; the other parameters are those of their functions. Inputs are not
    changed.
    """
    ### BEGIN SOLUTION
    ended = torch.zeros(len(ids), dtype=torch.bool)
    for step in range(u.shape[1]):
        with torch.no_grad():
            logits = model(ids).logits[:, -1]
        logits = min_new_tokens(repetition_penalty(logits, ids, penalty), step, minimum, eos_id)
        logits = apply_temperature(logits, temperature)
        logits = top_p_filter(logits if k is None else top_k_filter(logits, k), p)
        token = sample_next(logits, u[:, step]).masked_fill(ended, eos_id)
        ids, ended = torch.cat([ids, token[:, None]], dim=1), ended | (token == eos_id)
        if ended.all():
            break
    return ids
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "generate-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
checks("generate")

# %% nbgrader={"grade": true, "grade_id": "generate-hidden", "locked": true, "points": 8, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `generate` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("01-decoding", "generate", globals())
### END HIDDEN TESTS

# %% [markdown]
# `k=1` left one token to draw, so *sampling with top-k of 1 is greedy decoding*, ties apart. Now turn all the knobs, after the
# looping text from above: which two do nearly the same, and which is the only one that can change the ranking?


# %% tags=["demo"]
def draw(temperature: float, k: int, p: float, penalty: float) -> plots.Picture:
    z = repetition_penalty(loop_logits, loop_ids, penalty)
    z = top_p_filter(top_k_filter(apply_temperature(z, temperature), k), p)
    return plots.next_tokens(
        {"model": loop_logits[0].softmax(-1), "your setting": z[0].softmax(-1)},
        tokenizer,
    )


plots.sliders(
    draw,
    off={"temperature": 1.0, "k": logits.shape[-1], "p": 1.0, "penalty": 1.0},
    temperature=(0.1, 3.0, 0.1, 1.0),
    k=(1, 200, 1, logits.shape[-1]),
    p=(0.05, 1.0, 0.05, 1.0),
    penalty=(0.5, 2.0, 0.1, 1.0),
)

# %% [markdown]
# Top-k and top-p both cut the tail; only the penalty reorders tokens. And the texts? Here are four settings with the
# same uniforms, so that only the setting differs.

# %% tags=["demo"]
torch.manual_seed(1)
u = torch.rand(1, 24)
settings = {
    "k = 1": {"k": 1},
    "τ = 0.7": {"temperature": 0.7},
    "p = 0.9": {"p": 0.9},
    "τ = 1.5": {"temperature": 1.5},
}
for title, setting in live.over("texts", list(settings.items())):
    text = generate(model, ids, u, eos_id, minimum=24, **setting)
    print(f"{title:8}| {tokenizer.decode(text[0])!r}\n")

# %% [markdown]
# Reading a few samples misleads, so measure. **Distinct-2**: of all pairs of neighbouring tokens in all
# continuations, the share that differ (variety). **Self-repetition**: within one continuation, the share of pairs that
# it has used before (loops).


# %% tags=["demo"]
def pairs(text: list[int]) -> list[tuple[int, int]]:
    return list(pairwise(text))


def distinct(texts: list[list[int]]) -> float:
    pooled = [pair for text in texts for pair in pairs(text)]
    return len(set(pooled)) / len(pooled)


def self_repetition(texts: list[list[int]]) -> float:
    shares = [1 - len(set(pairs(text))) / len(pairs(text)) for text in texts]
    return sum(shares) / len(shares)


# %% [markdown]
# To know what is good, take people as the yardstick: the openings of 12 real reviews, cut to the same length. This
# takes thousands of tokens, so the small policy writes them, whichever you used above.

# %% tags=["demo"]
N, LENGTH = 12, 24
tiny, tiny_tokenizer = rlhf.load_policy("tiny")
start = tiny_tokenizer("This movie is", return_tensors="pt").input_ids.expand(N, -1)
reviews = rlhf.load_reviews()["text"][:N]
opening = [tiny_tokenizer(text).input_ids[:LENGTH] for text in reviews]
people = {"distinct-2": distinct(opening), "self-repetition": self_repetition(opening)}
u = torch.rand(N, LENGTH, generator=torch.Generator().manual_seed(2))


def measure(**setting: float) -> dict[str, float]:
    end = tiny_tokenizer.eos_token_id
    texts = generate(tiny, start, u, end, minimum=LENGTH, **setting)
    texts = texts[:, start.shape[1] :].tolist()
    return {"distinct-2": distinct(texts), "self-repetition": self_repetition(texts)}


# %% [markdown]
# Which setting comes nearest to the dashed lines, the human level? Each panel moves one parameter and leaves the others
# off; only the penalty runs at $\tau = 0.3$, where it has loops to mend. It takes about 4 seconds on two cores.

# %% tags=["demo"]
swept = {
    "temperature": [0.2, 0.5, 0.8, 1.2],
    "k": [1, 5, 50, 500],
    "p": [0.2, 0.5, 0.8, 0.95],
    "penalty": [1.0, 1.1, 1.3, 1.8],
}
settings = [(name, value) for name, values in swept.items() for value in values]
found = {name: [] for name in swept}
for name, value in live.over("settings", settings):
    others = {"temperature": 0.3} if name == "penalty" else {}
    found[name].append(measure(**{name: value}, **others))
panels = {}
for name, rows in found.items():
    title = "penalty (at τ = 0.3)" if name == "penalty" else name
    panels[title] = (swept[name], {key: [row[key] for row in rows] for key in people})
plots.small_multiples(
    panels, y_label="share of token pairs", levels=people, levels_are="real reviews"
)

# %% [markdown]
# Low temperature, small $k$ and small $p$ do the same harm: every text tells one story. The penalty breaks the loops
# within a text. Hot samples have more variety than people, but a measure of variety cannot tell wit from noise.

# %% [markdown]
# ### Faster, and the same texts: a cache
#
# Your `generate` reads the whole text again for each token. But what attention needs of a token, a key and a value in each
# layer, stays as it is when the text grows. Libraries keep both: the **KV cache**. How do the CPU's seconds grow, with it
# and without? One loop does both; without a cache `past` stays `None`.


# %% tags=["demo"]
@torch.no_grad()
def written(new: int, cached: bool) -> tuple[torch.Tensor, list[float], tuple | None]:
    """Four greedy texts, the CPU's seconds after each new token, and the cache."""
    text, past, spent, began = start[:4], None, [], time.process_time()
    for _ in range(new):
        unread = text if past is None else text[:, -1:]
        out = tiny(unread, past_key_values=past, use_cache=cached)
        past = out.past_key_values
        text = torch.cat([text, out.logits[:, -1:].argmax(-1)], dim=1)
        spent.append(time.process_time() - began)
    return text, spent, past


# %% tags=["demo"]
texts, seconds = {}, {}
for name in live.over("four texts", ("all read again", "with a cache")):
    texts[name], spent, cache = written(48, name == "with a cache")
    seconds[name] = spent[5::6]
size = sum(part[0, :, 0].nbytes for layer in cache for part in layer) / 1024
print(
    f"{seconds['all read again'][-1]:.2f} s without a cache, "
    f"{seconds['with a cache'][-1]:.2f} s with it; "
    f"the same texts: {torch.equal(*texts.values())}; it holds {size:.0f} KB a token"
)
plots.curves(
    list(range(6, 49, 6)), seconds, x_label="new tokens", y_label="CPU seconds so far"
)

# %% [markdown]
# With the cache a token costs what the one before it did; without it, each costs more than the last. The price is memory, for
# every token of every text that is being written.
#
# ### Faster, and the same distribution: a draft
#
# **Speculative decoding** (Leviathan et al. 2023) saves passes through the model. A cheap **draft** $\mu$ guesses a few tokens,
# and the policy reads them all in one pass. Guess $i$ is kept with probability $\min(1, \pi_i / \mu_i)$. The first one that is not
# kept is drawn anew, from what the draft says too seldom, $\max(\pi - \mu, 0)$ scaled to add up to 1; all later guesses are dropped.
# If all are kept, the same pass has given one token more.
#
# What comes out is $\pi$, however bad the draft. Token $i$ is guessed and kept with probability
# $\mu_i \min(1, \pi_i / \mu_i) = \min(\pi_i, \mu_i)$. A guess is lost with probability $1 - \sum_j \min(\pi_j, \mu_j) = \sum_j \max(\pi_j - \mu_j, 0)$, just
# what the scaling has divided by, so the redraw adds $\max(\pi_i - \mu_i, 0)$. The sum of both is $\pi_i$.

# %% tags=["demo"]
policy = NEXT.double() / NEXT.double().sum(-1, keepdim=True)
draft = (2 * policy.log()).softmax(-1)  # the policy at τ = 1/2: too sure


def verdict(pi: torch.Tensor, mu: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """P(a guess is kept) for each token, and what is drawn from if it is not."""
    seldom = (pi - mu).clamp(min=0)
    return (pi / mu).clamp(max=1), seldom / seldom.sum().clamp(min=1e-30)


def plain(last: int, n: int) -> torch.Tensor:
    """The probability of every text of n words after `last`: float64 [5, …, 5]."""
    if n == 0:
        return torch.ones((), dtype=torch.float64)
    return torch.stack([policy[last, i] * plain(i, n - 1) for i in range(5)])


# %% [markdown]
# Is it so for whole texts, too? The toy can be listed: all 125 texts of three words after *good*, by two guesses. And what if one
# draws anew from $\pi$ itself, as seems natural?


# %% tags=["demo"]
def speculative(last: int, n: int, anew: torch.Tensor | None = None) -> torch.Tensor:
    """The same, by n − 1 guesses; `anew` [5, 5] is drawn from in place of the rest."""
    if n == 1:
        return policy[last]  # all guesses were kept
    keep, seldom = verdict(policy[last], draft[last])
    kept, lost = draft[last] * keep, (draft[last] * (1 - keep)).sum()
    redrawn = lost * (seldom if anew is None else anew[last])
    return torch.stack([
        kept[i] * speculative(i, n - 1, anew) + redrawn[i] * plain(i, n - 1)
        for i in range(5)
    ])


good, exact = WORDS.index("good"), plain(WORDS.index("good"), 3)
error = (speculative(good, 3) - exact).abs().max()
moved = (speculative(good, 3, policy) - exact).abs().sum() / 2
print(f"{exact.numel()} texts: largest error {error:.0e}")
print(f"drawn anew from π: {moved:.2f} of all probability lies on wrong texts")

# %% [markdown]
# Exact; and the natural idea is wrong, for it gives what the draft overrates a second chance.
#
# A guess is kept with probability $\sum_i \min(\pi_i, \mu_i)$: that is all that a draft is worth. Ours are counted in 1,000 reviews:
# **bigrams**, how often a token follows the last one, and plain frequencies. Where can they guess what `tiny` will say?

# %% tags=["demo"]
V = len(tiny_tokenizer)
read = map(torch.tensor, tiny_tokenizer(rlhf.load_reviews()[:1000]["text"]).input_ids)
counts = torch.bincount(torch.cat([row[:-1] * V + row[1:] for row in read]))
counts = F.pad(counts, (0, V * V - len(counts))).view(V, V).float()
single = (counts.sum(0) + 1) / (counts.sum() + V)
bigrams = (counts + 20 * single) / (counts.sum(1, keepdim=True) + 20)

# %% tags=["demo"]
torch.manual_seed(0)
length = {"min_new_tokens": LENGTH, "max_new_tokens": LENGTH}
asked = {"attention_mask": torch.ones_like(start), "do_sample": True, "top_k": 0}
own = tiny.generate(start, **asked, **length, pad_token_id=tiny_tokenizer.eos_token_id)
with torch.no_grad():
    pi = tiny(own).logits[:, start.shape[1] - 1 : -1].softmax(-1)
before = own[:, start.shape[1] - 1 : -1]
kept = {
    f"{name}: mean {torch.minimum(pi, mu).sum(-1).mean():.2f}": torch.minimum(pi, mu)
    for name, mu in {"bigrams": bigrams[before], "frequencies": single}.items()
}
names = [plots.token_name(tiny_tokenizer, i) for i in own[0, start.shape[1] :].tolist()]
shares = {name: both[0].sum(-1).tolist() for name, both in kept.items()}
plots.along_text(names, shares, y_label="P(the guess is kept)")

# %% [markdown]
# More than two guesses in five are kept (the means are over twelve texts), and a table costs nothing. Here is the whole loop.


# %% tags=["demo"]
@torch.no_grad()
def speculate(
    ids: torch.Tensor, new: int, guesses: int = 4
) -> tuple[torch.Tensor, int]:
    """One prompt and its `new` sampled tokens, and how often the policy was asked."""
    end, passes = ids.shape[1] + new, 0
    while (known := ids.shape[1]) < end:
        for _ in range(min(guesses, end - known - 1)):
            ids = torch.cat([ids, bigrams[ids[:, -1]].multinomial(1)], dim=1)
        pis = tiny(ids).logits[0, known - 1 :].softmax(-1)
        passes += 1
        for place, pi in enumerate(pis, start=known):
            if place == ids.shape[1]:  # all were kept
                ids = torch.cat([ids, pi.multinomial(1)[None]], dim=1)
                break
            keep, seldom = verdict(pi, bigrams[ids[0, place - 1]])
            if torch.rand(()) > keep[ids[0, place]]:
                ids = torch.cat([ids[:, :place], seldom.multinomial(1)[None]], dim=1)
                break
    return ids, passes


text, passes = speculate(start[:1], 48)
print(f"48 tokens in {passes} passes: {tiny_tokenizer.decode(text[0])!r}")

# %% [markdown]
# How many passes it takes is chance, too: 28 on average, so two in five are saved. A better draft is a small model of the same
# family. Rollouts may be written like this, too: nothing in their distribution changes.

# %% [markdown]
# ## 10 · Beam search
#
# Greedy takes the best *token* at each step; the best *text* may begin with a second-best token. In the toy model
# *the good film* has probability $0.50 \cdot 0.45 = 0.225$, but *the bad film* has $0.38 \cdot 0.90 = 0.342$.
#
# **Beam search** keeps the `beams` best hypotheses. A hypothesis has the score $\sum_t \ln \pi(y_t \mid x, y_{<t})$ over
# its new tokens: no division by length. One step:
#
# 1. extend each hypothesis that has not ended by every token; those that ended in EOS stay as they are;
# 2. of all these together, keep the `beams` with the highest scores.
#
# ### Exercise 8 · `beam_search` (●●●, 20 minutes, 6 points)
#
# Only the `beams` best extensions of one hypothesis can survive, so you need not look at the others. While there are
# fewer candidates than `beams`, all stay. An EOS in the prompt ends nothing.


# %% nbgrader={"grade": false, "grade_id": "beam_search", "locked": false, "schema_version": 3, "solution": true, "task": false}
def beam_search(
    model: Callable, ids: torch.Tensor, beams: int, max_new_tokens: int, eos_id: int
) -> tuple[torch.Tensor, float]:
    """The best hypothesis after `max_new_tokens` steps, or earlier if all have ended.

    `model` and `eos_id` are as in `generate`. `ids`: int64 [1, length], one prompt, not
    changed. `max_new_tokens` is at least 1. Returns (int64 [1, length + new], float):
    prompt and new tokens, up to its EOS and no padding, and the score in nats. Of equal
    scores any may win. Raises ValueError if `beams` is below 1.
    """
    ### BEGIN SOLUTION
    if beams < 1:
        raise ValueError(f"beams must be at least 1, found {beams}")
    pool = [(0.0, ids, False)]  # score, ids, ended
    for _ in range(max_new_tokens):
        candidates = [hypothesis for hypothesis in pool if hypothesis[2]]
        for score, text, _ended in (hypothesis for hypothesis in pool if not hypothesis[2]):
            with torch.no_grad():
                log_probs = model(text).logits[0, -1].log_softmax(-1)
            for token in log_probs.topk(min(beams, len(log_probs))).indices:
                longer = torch.cat([text, token.view(1, 1)], dim=1)
                candidates.append((score + log_probs[token].item(), longer, bool(token == eos_id)))
        pool = sorted(candidates, key=lambda hypothesis: -hypothesis[0])[:beams]
    return pool[0][1], pool[0][0]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "beam_search-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
checks("beam_search")

# %% nbgrader={"grade": true, "grade_id": "beam_search-hidden", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `beam_search` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("01-decoding", "beam_search", globals())
### END HIDDEN TESTS

# %% [markdown]
# Do more beams find more probable texts, and are these better texts? (With `smol` the next two cells take about a
# minute each: every hypothesis reads its whole text again at every step. Real libraries keep a cache. A line says how
# far it is.)

# %% tags=["demo"]
for beams in live.over("beams", (1, 2, 4)):
    text, score = beam_search(model, ids, beams, 16, eos_id)
    print(f"{beams} beams | {score:7.2f} nats | {tokenizer.decode(text[0])!r}")
silence = logits.log_softmax(-1)[0, eos_id].item()
print(f"no word | {silence:7.2f} nats | {tokenizer.decode(ids[0])!r}, and EOS at once")

# %% [markdown]
# Usually more probable, not always: what would win in the end may be dropped half-way. But often duller, and shorter,
# because every further token costs. The last line shows where that leads: to say *nothing* is more probable to `tiny` than
# all that four beams have found. No beam keeps it, because at the first step a thousand tokens are likelier than EOS.
# In translation this was measured: for more than half of the sentences the most probable text of a good model is the empty
# one (Stahlberg and Byrne 2019). Beam search works there because it does *not* find the most probable text, and because
# libraries divide scores by length.
#
# How probable is what *people* write? Compare the **surprise**
# $-\ln \pi(y_t \mid x, y_{<t})$ of each token in three texts that may not end.


# %% tags=["demo"]
def endless(text: torch.Tensor) -> SimpleNamespace:
    with torch.no_grad():
        z = model(text).logits
    z[..., eos_id] = -torch.inf
    return SimpleNamespace(logits=z)


def surprise(text: torch.Tensor) -> list[float]:
    log_probs = endless(text).logits[:, :-1].log_softmax(-1)
    return (-log_probs.gather(-1, text[:, 1:, None]))[0, -24:, 0].tolist()


# %% tags=["demo"]
review = tokenizer(rlhf.load_reviews()["text"][0], return_tensors="pt").input_ids

with live.told("beam search", 1 + 23 * 4) as tell:  # hypotheses that are read
    best, _ = beam_search(lambda text: (endless(text), tell())[0], ids, 4, 24, eos_id)
texts = {
    "beam search": best,
    "sampled, p = 0.9": generate(endless, ids, u[:1, :24], eos_id, p=0.9),
    "a real review": review[:, :25],
}
lines = {
    f"{name}: mean {sum(surprise(text)) / 24:.1f}": surprise(text)
    for name, text in texts.items()
}
plots.along_text([""] * 24, lines, y_label="surprise −ln π (nats)")

# %% [markdown]
# People surprise the model again and again; the text of the beam hardly ever does. So probability alone is not
# quality. That gap is what the rest of the course works on: it *learns* what people prefer.

# %% [markdown]
# ## 11 · What to use when
#
# | You want | Use | Because |
# |---|---|---|
# | one short right answer (a label, a name from the text) | greedy | the model is sure, or it does not know |
# | a translation | 4 or 5 beams, scores divided by length | more beams find more probable and *worse* texts (Koehn and Knowles 2017) |
# | lively open text | $\tau$ 0.7–1, $p$ 0.9–0.95 | cuts the tail, follows the model's doubt |
# | to stop loops | penalty 1.1–1.2 | first look whether temperature or $p$ is too low |
# | rollouts for **PPO**, lab 03 | $\tau = 1$, no filter, no penalty, no minimum | samples must come from the policy whose log-probs you compute (or compute them at that temperature, too) |
# | candidates for preference pairs | $\tau$ 0.7–1, several samples | two equal answers teach nothing |
#
# ## 12 · Where this lives today
#
# | Yours | `GenerationConfig` field | class in `transformers` |
# |---|---|---|
# | `repetition_penalty` | `repetition_penalty` | `RepetitionPenaltyLogitsProcessor` |
# | `min_new_tokens` | `min_new_tokens` | `MinNewTokensLengthLogitsProcessor` |
# | `apply_temperature` | `temperature`, with `do_sample=True` | `TemperatureLogitsWarper` |
# | `top_k_filter` | `top_k` (default 50, 0 is off) | `TopKLogitsWarper` |
# | `top_p_filter` | `top_p` | `TopPLogitsWarper` |
# | (the other cuts) | `min_p`, `typical_p` | `MinPLogitsWarper`, `TypicalLogitsWarper` |
# | `sample_next`, `generate` | `do_sample`, `max_new_tokens`, `eos_token_id` | `GenerationMixin.generate` |
# | (the cache, the draft) | `use_cache` (on); `generate(assistant_model=…)` or `prompt_lookup_num_tokens` | `DynamicCache`; `AssistedCandidateGenerator` |
# | `beam_search` | `num_beams`, `length_penalty` (0 is our score), `early_stopping` | `BeamSearchScorer` in 4.45 |
#
# Mind the defaults: `generate(do_sample=True)` filters with `top_k=50` unless you say `top_k=0`. And a model folder
# may ship a `generation_config.json` that changes all of these without a word.

# %% [markdown]
# ## Symbols
#
# | | |
# |---|---|
# | $x$; $y_t$, $y_{<t}$ | text so far; the $t$-th new token, and those before it |
# | $V$ | tokens in the vocabulary |
# | $z_i$ | logit of token $i$ |
# | $\pi(i \mid x)$ | probability of token $i$ after $x$: the policy |
# | $\tau$ | temperature ($T$ is a number of tokens in lab 04) |
# | $H$ | entropy |
# | $k$, $p$, $p_\mathrm{min}$ | of top-k, of top-p and typical sampling, and of min-p |
# | $\mu$ | the draft's probabilities |
# | $q$ | repetition penalty |
# | $u$ | a uniform random number (a ratio of ratios in lab 05) |

# %% [markdown]
# ## Quiz
#
# Eight questions on what you have built, one point each; have paper, pencil and a calculator ready. Take it as often as
# you like: a retake asks other questions with other numbers, and your highest attempt counts.

# %% tags=["demo"]
import labkit

labkit.quiz("01-decoding")

# %% nbgrader={"grade": true, "grade_id": "quiz-hidden", "locked": true, "points": 8, "schema_version": 3, "solution": false, "task": false}
# Your highest attempt is scored here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.quizzes import run_quiz

run_quiz("01-decoding", "01-decoding")
### END HIDDEN TESTS

# %% [markdown]
# ## Hand in
#
# Save the notebook first. The cell below then packs what you did into one file to upload.

# %% tags=["demo"]
labkit.hand_in()
