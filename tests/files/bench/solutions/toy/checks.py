"""Hidden checks of the notebook that `make bench` grades."""

import math

import torch
from transformers import GPT2Config, GPT2LMHeadModel

from grader.checks import Student, check, expect


@check("dpo_loss", points=2)
def is_minus_log_sigmoid(student: Student) -> None:
    """The loss is −log σ of β times the margin."""
    margins = torch.tensor([-2.0, 0.0, 3.0], dtype=torch.float64)
    expected = torch.tensor([math.log1p(math.exp(-0.5 * m)) for m in margins.tolist()], dtype=torch.float64)
    expect(student.dpo_loss(margins, 0.5)).close(expected, tol=1e-9, hint="Is the sign inside σ right?")


@check("dpo_loss", points=1)
def stays_finite(student: Student) -> None:
    """A margin of −2,000 gives a finite loss."""
    result = student.dpo_loss(torch.tensor([-2000.0], dtype=torch.float64), 1.0)
    expect(result).close(torch.tensor([2000.0], dtype=torch.float64), tol=1e-6, hint="Use F.logsigmoid.")


@check("train_step", points=2)
def one_step_of_adamw(student: Student) -> None:
    """The two losses are those before and after one step of AdamW at 0.01."""
    tokens = torch.tensor([[1, 2, 3, 4, 5, 6]])
    torch.manual_seed(3)
    model = GPT2LMHeadModel(GPT2Config(vocab_size=8, n_positions=16, n_embd=8, n_layer=1, n_head=1)).eval()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    first = model(tokens, labels=tokens).loss
    first.backward()
    optimizer.step()
    with torch.no_grad():
        expected = (first.item(), model(tokens, labels=tokens).loss.item())
    expect(student.train_step(tokens, seed=3)).close(expected, tol=1e-5, hint="Did you step, and evaluate again?")
