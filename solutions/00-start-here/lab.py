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
# In these labs you build, piece by piece, what turns a language model into one that writes what people prefer. This
# page shows how a lab works, and where you stand. It takes ten minutes and is not graded.
#
# Run a cell with **Shift+Enter**.

# %%
import torch

import rlhf
from labkit import Progress, checks

# %% [markdown]
# ## Where you stand
#
# Run this cell again whenever you like: it reads what the checks in your notebooks found last, and how your quizzes
# went. Titles open the notebooks.

# %%
Progress("..")

# %% [markdown]
# ## First contact
#
# The policy `tiny` is a small GPT-2 that has read nothing but film reviews. Let it write 20 tokens. Run the cell a few
# times: it never says the same twice.

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
        mean_reward(rewards), torch.tensor(3.0), "is 3 for 1, 2 and 6", hint="Did you divide by the batch size?"
    )
    check.equal(list(mean_reward(rewards).shape), [], "is a single number")
    check.unchanged(rewards, torch.tensor([1.0, 2.0, 6.0]), "leaves the rewards alone")

# %% [markdown]
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
