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
# # Start here
#
# These labs teach **RLHF**, reinforcement learning from human feedback: you build, piece by piece, what turns a
# language model into one that writes what people prefer. This page shows how a lab works, and where you stand. It takes
# ten minutes and is not graded.
#
# Run a cell with **Shift+Enter**. Words that you do not know are in the [glossary](#Glossary) at the end.

# %%
import torch

import rlhf
from labkit import Progress, checks

# %% [markdown]
# ## Where you stand
#
# Run this cell again whenever you like: it reads what the checks in your notebooks found last, and how your quizzes
# went. Titles open the notebooks.

# %% tags=["progress"]
Progress("..")

# %% [markdown]
# ## First contact
#
# The **policy** is the language model that is trained. Ours, `tiny`, is a small GPT-2 that has read nothing but film
# reviews. Let it write 20 **tokens**, the pieces of words that it reads and writes. Run the cell a few times: it never
# says the same twice.

# %% tags=["demo"]
model, tokenizer = rlhf.load_policy("tiny")
prompt = tokenizer("This movie is", return_tensors="pt")
ids = model.generate(**prompt, max_new_tokens=20, do_sample=True, top_k=0)
print(tokenizer.decode(ids[0]))

# %% [markdown]
# It sounds like a review. Is it a *good* one? The model has no idea: nobody told it what people like. That is what
# the labs are about.
#
# If you fetched the larger model (`python -m rlhf.fetch --smol`), lab 01 uses it by itself. Everything can be done
# with `tiny`.

# %% [markdown]
# ## How an exercise works
#
# You get a function with its types and a docstring, and write what is missing. Here is one to play with: it is
# *wrong on purpose*.


# %%
def mean_reward(rewards: torch.Tensor) -> torch.Tensor:
    """The mean of `rewards`, float `[batch]`, as a float tensor of shape []."""
    return rewards.sum()


# %% [markdown]
# Below each exercise is a cell of **visible checks**. Every check runs; one that fails says what was expected, what was
# found, and the likely mistake. Run it, mend `mean_reward` above, run both again.

# %% tags=["demo", "raises-exception"]
with checks("mean_reward") as check:
    rewards = torch.tensor([1.0, 2.0, 6.0])
    check.close(
        mean_reward(rewards),
        torch.tensor(3.0),
        "is 3 for 1, 2 and 6",
        hint="Did you divide by the batch size?",
    )
    check.equal(list(mean_reward(rewards).shape), [], "is a single number")
    check.unchanged(rewards, torch.tensor([1.0, 2.0, 6.0]), "leaves the rewards alone")

# %% [markdown]
# **Run All** (in the menu Run) goes through a whole notebook: what waits for a function that is not written yet says so
# in one line, and the run goes on to the quiz.
#
# Below the visible checks is a locked cell: the **hidden checks**, run when you are graded. They hold all the points
# and try harder cases: ties, empty inputs, other shapes. A correct function passes both; tuning it to the numbers in
# the visible checks does not help.
#
# | In a lab you find | What to do |
# |---|---|
# | difficulty and minutes at each exercise | take a break, or a hint, when you are far beyond |
# | cells that draw or train | run them, change them; they are not graded |
# | checks | read the hints; leave the cells as they are |
# | the last cell, `labkit.hand_in()` | save first (Ctrl+S), run it, upload the zip that it writes |

# %% [markdown]
# ## The data
#
# Two kinds of text go through the labs. The first: 25,000 film reviews with a verdict.

# %% tags=["demo"]
reviews = rlhf.load_reviews()
print(reviews)
print(reviews[0]["text"][:200], "…")

# %% [markdown]
# The second: 10,605 short snippets, each rated by 15 to 29 people from −4 to 4. Look at how little they agree.

# %% tags=["demo"]
ratings = rlhf.load_ratings()
row = ratings[7]
print(row["text"])
print(f"mean {row['mean']:.2f}, single ratings {sorted(row['ratings'])}")

# %% [markdown]
# So *what people prefer* is not one number. Keep that in mind, and open
# [01-decoding/01-decoding.ipynb](../01-decoding/01-decoding.ipynb).

# %% [markdown]
# ## Glossary
#
# Each word, and the lab where you meet it first.
#
# - **advantage**: how much better a token did than the value head expected ([03](../03-ppo/03-ppo.ipynb))
# - **β**: what a nat of KL costs, in units of reward; a large β keeps the policy near the reference model
#   ([03](../03-ppo/03-ppo.ipynb))
# - **Bradley–Terry model**: the chance that one text is preferred to another is the sigmoid of their rewards' difference
#   ([02](../02-reward-model/02-reward-model.ipynb))
# - **DPO**, direct preference optimisation: trains the policy on pairs of texts, without a reward model or rollouts
#   ([05](../05-dpo/05-dpo.ipynb))
# - **entropy**: how open a choice is, in nats ([01](../01-decoding/01-decoding.ipynb))
# - **EOS**: the token that ends a text ([01](../01-decoding/01-decoding.ipynb))
# - **GAE**, generalised advantage estimation: advantages from rewards and values, with a knob λ
#   ([03](../03-ppo/03-ppo.ipynb))
# - **GRPO**: a relative of PPO without a value head; the responses to one prompt are compared with one another
#   ([03](../03-ppo/03-ppo.ipynb), [07](../07-grpo/07-grpo.ipynb))
# - **KL divergence**: how far the policy is from the reference model, in nats; the **KL penalty** takes β times it off
#   the reward ([02](../02-reward-model/02-reward-model.ipynb), [03](../03-ppo/03-ppo.ipynb))
# - **log-prob**: the natural logarithm of a probability ([01](../01-decoding/01-decoding.ipynb))
# - **logit**: the number that the model gives a token; softmax makes probabilities of logits
#   ([01](../01-decoding/01-decoding.ipynb))
# - **nat**: the unit of natural logarithms; 1 nat is 1.44 bits ([01](../01-decoding/01-decoding.ipynb))
# - **nucleus**: the fewest most probable tokens that together reach the probability $p$; top-p keeps them
#   ([01](../01-decoding/01-decoding.ipynb))
# - **over-optimisation**: the score that is trained on goes on rising, and what was meant by it falls
#   ([03](../03-ppo/03-ppo.ipynb), [08](../08-evaluation/08-evaluation.ipynb))
# - **partition function** Z: the sum over all texts by which the best policy's weights are divided, so that its
#   probabilities add up to 1 ([04](../04-partition-function/04-partition-function.ipynb))
# - **pass@k**: the probability that at least one of k samples of a task is right ([07](../07-grpo/07-grpo.ipynb))
# - **policy** π: the language model that is trained (here)
# - **PPO**, proximal policy optimisation: write, score, move a little, again ([03](../03-ppo/03-ppo.ipynb))
# - **query** or prompt, and **response**: what the policy is given, and what it writes
#   ([03](../03-ppo/03-ppo.ipynb))
# - **reference model** π_ref: the policy as it was before training, frozen
#   ([02](../02-reward-model/02-reward-model.ipynb))
# - **reward hacking**: much reward for what nobody wanted: the reward is not what was meant
#   ([02](../02-reward-model/02-reward-model.ipynb), [07](../07-grpo/07-grpo.ipynb))
# - **reward model**: says in one number how much people would like a text
#   ([02](../02-reward-model/02-reward-model.ipynb))
# - **RLHF**: reinforcement learning from human feedback (here)
# - **RLOO**: each response's reward is compared with the mean of the others to the same prompt, its own left out
#   ([03](../03-ppo/03-ppo.ipynb), [07](../07-grpo/07-grpo.ipynb))
# - **rollout**: a text that the policy writes while it is trained ([01](../01-decoding/01-decoding.ipynb))
# - **token**: a piece of a word, the unit that a model reads and writes (here)
# - **TRL**: the library of trainers for RLHF that the labs use ([02](../02-reward-model/02-reward-model.ipynb))
# - **value head**: one more output of the policy, which foretells the reward to come ([03](../03-ppo/03-ppo.ipynb))
# - **verifiable reward**: a program that says of a text how good it is; nothing in it is learned
#   ([07](../07-grpo/07-grpo.ipynb))
# - **Wilson's interval**: the true win rates that what was seen does not speak against
#   ([08](../08-evaluation/08-evaluation.ipynb))
# - **win rate**: the share of comparisons that a policy wins, a tie being half a win
#   ([08](../08-evaluation/08-evaluation.ipynb))
