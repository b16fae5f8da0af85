"""Wrong answers of the notebook that `make bench` grades."""

import torch
import torch.nn.functional as F
from transformers import GPT2Config, GPT2LMHeadModel

from grader.checks import wrong


@wrong("dpo_loss", caught_by="is_minus_log_sigmoid", hint="sign inside")
def sign_turned(margins: torch.Tensor, beta: float) -> torch.Tensor:
    """Takes the margin the other way round."""
    return -F.logsigmoid(-beta * margins)


@wrong("dpo_loss", caught_by="stays_finite", hint="logsigmoid")
def rounds_to_zero(margins: torch.Tensor, beta: float) -> torch.Tensor:
    """Takes the logarithm of a σ that has rounded to 0."""
    return -torch.log(torch.sigmoid(beta * margins))


@wrong("dpo_loss", caught_by="is_minus_log_sigmoid", hint="sign inside")
def forgets_beta(margins: torch.Tensor, beta: float) -> torch.Tensor:
    """Leaves β out."""
    return -F.logsigmoid(margins)


@wrong("train_step", caught_by="one_step_of_adamw", hint="Did you step")
def never_steps(tokens: torch.Tensor, seed: int) -> tuple[float, float]:
    """Computes the gradient and does not use it."""
    torch.manual_seed(seed)
    model = GPT2LMHeadModel(GPT2Config(vocab_size=8, n_positions=16, n_embd=8, n_layer=1, n_head=1)).eval()
    loss = model(tokens, labels=tokens).loss
    loss.backward()
    return loss.item(), model(tokens, labels=tokens).loss.item()


@wrong("train_step", caught_by="one_step_of_adamw", hint="Did you step")
def plain_gradient_descent(tokens: torch.Tensor, seed: int) -> tuple[float, float]:
    """Takes SGD for AdamW."""
    torch.manual_seed(seed)
    model = GPT2LMHeadModel(GPT2Config(vocab_size=8, n_positions=16, n_embd=8, n_layer=1, n_head=1)).eval()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-2)
    first = model(tokens, labels=tokens).loss
    first.backward()
    optimizer.step()
    return first.item(), model(tokens, labels=tokens).loss.item()


@wrong("train_step", caught_by="one_step_of_adamw", hint="Did you step")
def swaps_the_losses(tokens: torch.Tensor, seed: int) -> tuple[float, float]:
    """Returns the later loss first."""
    torch.manual_seed(seed)
    model = GPT2LMHeadModel(GPT2Config(vocab_size=8, n_positions=16, n_embd=8, n_layer=1, n_head=1)).eval()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    first = model(tokens, labels=tokens).loss
    first.backward()
    optimizer.step()
    return model(tokens, labels=tokens).loss.item(), first.item()
