# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A notebook that imports what RLHF notebooks import

# %%
import torch
import torch.nn.functional as F
from transformers import GPT2Config, GPT2LMHeadModel


# %% nbgrader={"grade": false, "grade_id": "dpo_loss", "locked": false, "schema_version": 3, "solution": true, "task": false}
def dpo_loss(margins: torch.Tensor, beta: float) -> torch.Tensor:
    """The DPO loss of each pair, `[batch]`, from the margins of log-ratios, `[batch]`."""
    ### BEGIN SOLUTION
    return -F.logsigmoid(beta * margins)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "dpo_loss-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
assert dpo_loss(torch.zeros(2), 0.1).shape == (2,)

# %% nbgrader={"grade": true, "grade_id": "dpo_loss-hidden", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `dpo_loss` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("toy", "dpo_loss", globals())
### END HIDDEN TESTS


# %% nbgrader={"grade": false, "grade_id": "train_step", "locked": false, "schema_version": 3, "solution": true, "task": false}
def train_step(tokens: torch.Tensor, seed: int) -> tuple[float, float]:
    """The loss of a random one-layer GPT-2 on `tokens` `[batch, length]` before and after one step of AdamW."""
    ### BEGIN SOLUTION
    torch.manual_seed(seed)
    model = GPT2LMHeadModel(GPT2Config(vocab_size=8, n_positions=16, n_embd=8, n_layer=1, n_head=1)).eval()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    first = model(tokens, labels=tokens).loss
    first.backward()
    optimizer.step()
    with torch.no_grad():
        return first.item(), model(tokens, labels=tokens).loss.item()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "train_step-checks", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
before, after = train_step(torch.arange(8).view(1, 8), seed=0)
assert after < before

# %% nbgrader={"grade": true, "grade_id": "train_step-hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# The hidden checks of `train_step` run here when your work is graded.
### BEGIN HIDDEN TESTS
from grader.checks import run

run("toy", "train_step", globals())
### END HIDDEN TESTS
