"""Right answers of lab 05, each written in another manner: the checks must give all of them full points."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM, AutoTokenizer

from grader.checks import right

# loss_against_u --------------------------------------------------------------------------------------------------


@right("loss_against_u")
def loss_by_softplus(u: torch.Tensor, beta: float) -> torch.Tensor:
    """−log σ(z) is softplus(−z)."""
    if beta <= 0:
        raise ValueError("beta must be above 0")
    return F.softplus(-beta * torch.log(u))


@right("loss_against_u")
def loss_by_logaddexp(u: torch.Tensor, beta: float) -> torch.Tensor:
    """log(e^0 + e^−z)."""
    if not beta > 0:
        raise ValueError("beta must be above 0")
    z = beta * u.log()
    return torch.logaddexp(torch.zeros_like(z), -z)


@right("loss_against_u")
def loss_by_numpy(u: torch.Tensor, beta: float) -> torch.Tensor:
    """In float64 by numpy, and back."""
    import numpy as np

    if not beta > 0:
        raise ValueError("beta must be above 0")
    with np.errstate(divide="ignore"):
        z = beta * np.log(u.detach().double().numpy())
    return torch.as_tensor(np.logaddexp(0.0, -z)).to(u.dtype)


@right("loss_against_u")
def loss_by_scipy(u: torch.Tensor, beta: float) -> torch.Tensor:
    """SciPy's log_expit."""
    import numpy as np
    from scipy.special import log_expit

    if not beta > 0:
        raise ValueError("beta must be above 0")
    with np.errstate(divide="ignore"):
        log_u = np.log(u.detach().double().numpy())
    return torch.as_tensor(-log_expit(beta * log_u), dtype=u.dtype)


@right("loss_against_u")
def loss_in_a_loop(u: torch.Tensor, beta: float) -> torch.Tensor:
    """Number by number, with the limits by hand."""
    if beta <= 0:
        raise ValueError("beta must be above 0")
    losses = []
    for ratio in u.reshape(-1).tolist():
        if ratio == 0:
            losses.append(math.inf)
            continue
        z = beta * math.log(ratio)
        losses.append(math.log1p(math.exp(-z)) if z > 0 else math.log1p(math.exp(z)) - z)
    return torch.tensor(losses, dtype=u.dtype).reshape(u.shape)


@right("loss_against_u")
def loss_by_cases(u: torch.Tensor, beta: float) -> torch.Tensor:
    """max(0, −z) + log(1 + e^−|z|)."""
    if not beta > 0:
        raise ValueError("beta must be above 0")
    z = u.log() * beta
    return torch.relu(-z) + torch.exp(-z.abs()).log1p()


@right("loss_against_u")
def loss_by_cross_entropy(u: torch.Tensor, beta: float) -> torch.Tensor:
    """The loss of a classifier whose logit is β log u and whose label is 1; inf times 0 is kept out of it."""
    if not beta > 0:
        raise ValueError("beta must be above 0")
    z = beta * u.double().log()
    big = torch.finfo(torch.float64).max
    loss = F.binary_cross_entropy_with_logits(z.clamp(-big, big), torch.ones_like(z), reduction="none")
    return torch.where(u == 0, torch.full_like(z, torch.inf), loss).to(u.dtype)


# dpo_gradient_weight ---------------------------------------------------------------------------------------------


@right("dpo_gradient_weight")
def weight_by_one_minus(u: torch.Tensor, beta: float) -> torch.Tensor:
    """β (1 − σ(β log u))."""
    return beta * (1 - torch.sigmoid(beta * torch.log(u)))


@right("dpo_gradient_weight")
def weight_by_a_power(u: torch.Tensor, beta: float) -> torch.Tensor:
    """β / (1 + u^β), whose limits are right: an overflow gives 0."""
    return beta / (1 + u**beta)


@right("dpo_gradient_weight")
def weight_by_autograd(u: torch.Tensor, beta: float) -> torch.Tensor:
    """The slope itself, taken by autograd in log u."""
    log_u = u.detach().log().requires_grad_()
    (slope,) = torch.autograd.grad(F.logsigmoid(beta * log_u).sum(), log_u)
    return slope


@right("dpo_gradient_weight")
def weight_by_scipy(u: torch.Tensor, beta: float) -> torch.Tensor:
    """SciPy's expit, in float64."""
    import numpy as np
    from scipy.special import expit

    with np.errstate(divide="ignore"):
        log_u = np.log(u.detach().double().numpy())
    return torch.as_tensor(beta * expit(-beta * log_u), dtype=u.dtype)


@right("dpo_gradient_weight")
def weight_in_a_loop(u: torch.Tensor, beta: float) -> torch.Tensor:
    """Number by number, with the limits by hand."""
    weights = []
    for ratio in u.reshape(-1).tolist():
        if ratio == 0 or math.isinf(ratio):
            weights.append(beta if ratio == 0 else 0.0)
            continue
        z = beta * math.log(ratio)
        weights.append(beta / (1 + math.exp(z)) if z < 700 else 0.0)
    return torch.tensor(weights, dtype=u.dtype).reshape(u.shape)


@right("dpo_gradient_weight")
def weight_by_tanh(u: torch.Tensor, beta: float) -> torch.Tensor:
    """σ(x) = (1 + tanh(x/2)) / 2."""
    return beta * (1 + torch.tanh(-beta * u.log() / 2)) / 2


@right("dpo_gradient_weight")
def weight_by_softmax(u: torch.Tensor, beta: float) -> torch.Tensor:
    """The second of two softmax probabilities of the logits (β log u, 0), limits by hand."""
    z = (beta * u.log()).clamp(-1e4, 1e4)
    return beta * torch.stack([z, torch.zeros_like(z)]).softmax(0)[1]


# sequence_logprob ------------------------------------------------------------------------------------------------


@right("sequence_logprob")
def logprob_by_cross_entropy(
    logits: torch.Tensor, ids: torch.Tensor, attention_mask: torch.Tensor, prompt_lengths: torch.Tensor
) -> torch.Tensor:
    """Cross-entropy that ignores the label −100."""
    labels = ids.clone()
    labels[attention_mask == 0] = -100
    labels[torch.arange(ids.shape[1])[None, :] < prompt_lengths[:, None]] = -100
    loss = F.cross_entropy(logits[:, :-1].transpose(1, 2), labels[:, 1:], ignore_index=-100, reduction="none")
    return -loss.sum(dim=1)


@right("sequence_logprob")
def logprob_row_by_row(
    logits: torch.Tensor, ids: torch.Tensor, attention_mask: torch.Tensor, prompt_lengths: torch.Tensor
) -> torch.Tensor:
    """Cuts each row's response out, and looks its tokens up."""
    rows = []
    for row in range(ids.shape[0]):
        start, end = int(prompt_lengths[row]), int(attention_mask[row].sum())
        log_probs = torch.log_softmax(logits[row, start - 1 : end - 1], dim=-1)
        rows.append(log_probs[torch.arange(end - start), ids[row, start:end]].sum())
    return torch.stack(rows)


@right("sequence_logprob")
def logprob_token_by_token(
    logits: torch.Tensor, ids: torch.Tensor, attention_mask: torch.Tensor, prompt_lengths: torch.Tensor
) -> torch.Tensor:
    """Two loops, in float64."""
    totals = []
    for row in range(len(ids)):
        total = torch.zeros((), dtype=torch.float64)
        for place in range(int(prompt_lengths[row]), ids.shape[1]):
            if attention_mask[row, place] == 1:
                z = logits[row, place - 1].double()
                total = total + z[ids[row, place]] - torch.logsumexp(z, dim=0)
        totals.append(total)
    return torch.stack(totals).to(logits.dtype)


@right("sequence_logprob")
def logprob_by_logsumexp(
    logits: torch.Tensor, ids: torch.Tensor, attention_mask: torch.Tensor, prompt_lengths: torch.Tensor
) -> torch.Tensor:
    """Spoilt places are filled first; then each token's logit minus the log of the sum."""
    places = torch.arange(ids.shape[1], device=ids.device)
    counts = (attention_mask == 1) & (places[None] >= prompt_lengths[:, None])
    safe = torch.where(counts[:, 1:, None], logits[:, :-1], torch.zeros_like(logits[:, :-1]))
    chosen = torch.take_along_dim(safe, ids[:, 1:].unsqueeze(-1), dim=-1)[..., 0]
    return (chosen - safe.logsumexp(-1)).where(counts[:, 1:], torch.zeros_like(chosen)).sum(1)


@right("sequence_logprob")
def logprob_of_all_rows_at_once(
    logits: torch.Tensor, ids: torch.Tensor, attention_mask: torch.Tensor, prompt_lengths: torch.Tensor
) -> torch.Tensor:
    """Only what counts is looked at, then added to its row."""
    places = torch.arange(ids.shape[1])
    row, place = ((attention_mask != 0) & (places >= prompt_lengths.unsqueeze(1))).nonzero(as_tuple=True)
    log_probs = F.log_softmax(logits[row, place - 1].double(), dim=-1)
    picked = log_probs[torch.arange(len(row)), ids[row, place]]
    zeros = torch.zeros(len(ids), dtype=torch.float64)
    return zeros.index_add(0, row, picked).to(logits.dtype)


@right("sequence_logprob")
def logprob_of_flat_places(
    logits: torch.Tensor, ids: torch.Tensor, attention_mask: torch.Tensor, prompt_lengths: torch.Tensor
) -> torch.Tensor:
    """All rows behind one another."""
    batch, length, vocab = logits.shape
    place = torch.arange(length).repeat(batch)
    counts = (attention_mask.reshape(-1) == 1) & (place >= prompt_lengths.repeat_interleave(length))
    at = torch.nonzero(counts)[:, 0]
    log_probs = F.log_softmax(logits.reshape(batch * length, vocab)[at - 1], dim=-1)
    picked = log_probs[torch.arange(len(at)), ids.reshape(-1)[at]]
    return torch.stack([picked[at // length == row].sum() for row in range(batch)])


@right("sequence_logprob")
def logprob_by_nll(
    logits: torch.Tensor, ids: torch.Tensor, attention_mask: torch.Tensor, prompt_lengths: torch.Tensor
) -> torch.Tensor:
    """A mask of the response moved to the left by one, `torch.where`, and negative log-likelihoods."""
    batch, length = ids.shape
    where = torch.arange(length).expand(batch, length)
    counts = attention_mask.bool() & (where >= prompt_lengths.view(-1, 1))
    log_probs = logits.log_softmax(dim=2)[:, :-1]
    nll = F.nll_loss(log_probs.reshape(batch * (length - 1), -1), ids[:, 1:].reshape(-1), reduction="none")
    return -torch.where(counts[:, 1:], nll.view(batch, length - 1), 0.0).sum(dim=1)


# implicit_reward -------------------------------------------------------------------------------------------------


@right("implicit_reward")
def reward_by_two_products(policy_logps: torch.Tensor, ref_logps: torch.Tensor, beta: float) -> torch.Tensor:
    """β log π − β log π_ref."""
    return policy_logps * beta - ref_logps * beta


@right("implicit_reward")
def reward_in_a_loop(policy_logps: torch.Tensor, ref_logps: torch.Tensor, beta: float) -> torch.Tensor:
    """Number by number."""
    pairs = zip(policy_logps.tolist(), ref_logps.tolist())
    return torch.tensor([beta * (policy - ref) for policy, ref in pairs], dtype=policy_logps.dtype)


@right("implicit_reward")
def reward_by_numpy(policy_logps: torch.Tensor, ref_logps: torch.Tensor, beta: float) -> torch.Tensor:
    """In float64 by numpy."""
    import numpy as np

    both = [part.detach().double().numpy() for part in (policy_logps, ref_logps)]
    return torch.from_numpy(np.multiply(np.subtract(*both), beta)).to(policy_logps.dtype)


@right("implicit_reward")
def reward_by_sub(policy_logps: torch.Tensor, ref_logps: torch.Tensor, beta: float) -> torch.Tensor:
    """`torch.sub` and `torch.mul`."""
    return torch.sub(policy_logps, ref_logps).mul(beta)


@right("implicit_reward")
def reward_by_einsum(policy_logps: torch.Tensor, ref_logps: torch.Tensor, beta: float) -> torch.Tensor:
    """The pair (log π, log π_ref) times (β, −β)."""
    both = torch.stack([policy_logps, ref_logps]).double()
    return torch.einsum("sb,s->b", both, torch.tensor([beta, -beta], dtype=torch.float64)).to(policy_logps.dtype)


@right("implicit_reward")
def reward_by_diff(policy_logps: torch.Tensor, ref_logps: torch.Tensor, beta: float) -> torch.Tensor:
    """The difference along a new dimension, without a graph."""
    with torch.no_grad():
        return torch.stack([ref_logps, policy_logps]).diff(dim=0)[0] * beta


# dpo_loss --------------------------------------------------------------------------------------------------------


@right("dpo_loss")
def dpo_by_softplus(
    policy_chosen: torch.Tensor, policy_rejected: torch.Tensor, ref_chosen: torch.Tensor, ref_rejected: torch.Tensor,
    beta: float, label_smoothing: float = 0.0,
) -> torch.Tensor:  # fmt: skip
    """The other order of the differences, and softplus."""
    if label_smoothing < 0 or label_smoothing > 0.5:
        raise ValueError("label_smoothing must lie in [0, 0.5]")
    margin = beta * ((policy_chosen - ref_chosen) - (policy_rejected - ref_rejected))
    return (1 - label_smoothing) * F.softplus(-margin) + label_smoothing * F.softplus(margin)


@right("dpo_loss")
def dpo_by_rewards(
    policy_chosen: torch.Tensor, policy_rejected: torch.Tensor, ref_chosen: torch.Tensor, ref_rejected: torch.Tensor,
    beta: float, label_smoothing: float = 0.0,
) -> torch.Tensor:  # fmt: skip
    """The difference of two implicit rewards; the turned order is the loss plus the margin."""
    if not 0.0 <= label_smoothing <= 0.5:
        raise ValueError("label_smoothing must lie in [0, 0.5]")
    chosen = beta * (policy_chosen - ref_chosen)
    rejected = beta * (policy_rejected - ref_rejected)
    return -F.logsigmoid(chosen - rejected) + label_smoothing * (chosen - rejected)


@right("dpo_loss")
def dpo_by_cross_entropy(
    policy_chosen: torch.Tensor, policy_rejected: torch.Tensor, ref_chosen: torch.Tensor, ref_rejected: torch.Tensor,
    beta: float, label_smoothing: float = 0.0,
) -> torch.Tensor:  # fmt: skip
    """A classifier's loss with the soft label 1 − η."""
    if not 0.0 <= label_smoothing <= 0.5:
        raise ValueError("label_smoothing must lie in [0, 0.5]")
    z = beta * (policy_chosen - policy_rejected - ref_chosen + ref_rejected)
    return F.binary_cross_entropy_with_logits(z, torch.full_like(z, 1 - label_smoothing), reduction="none")


@right("dpo_loss")
def dpo_by_logaddexp(
    policy_chosen: torch.Tensor, policy_rejected: torch.Tensor, ref_chosen: torch.Tensor, ref_rejected: torch.Tensor,
    beta: float, label_smoothing: float = 0.0,
) -> torch.Tensor:  # fmt: skip
    """log(1 + e^∓z); the reference's log-probs are cut off the graph, which nobody forbids."""
    if not 0.0 <= label_smoothing <= 0.5:
        raise ValueError("label_smoothing must lie in [0, 0.5]")
    z = beta * (policy_chosen - policy_rejected) - beta * (ref_chosen - ref_rejected).detach()
    zero = torch.zeros_like(z)
    return torch.logaddexp(zero, -z) * (1 - label_smoothing) + torch.logaddexp(zero, z) * label_smoothing


@right("dpo_loss")
def dpo_pair_by_pair(
    policy_chosen: torch.Tensor, policy_rejected: torch.Tensor, ref_chosen: torch.Tensor, ref_rejected: torch.Tensor,
    beta: float, label_smoothing: float = 0.0,
) -> torch.Tensor:  # fmt: skip
    """A loop over pairs that stays in the graph."""
    if not 0.0 <= label_smoothing <= 0.5:
        raise ValueError("label_smoothing must lie in [0, 0.5]")
    losses = []
    for pc, pr, rc, rr in zip(policy_chosen, policy_rejected, ref_chosen, ref_rejected):
        z = beta * ((pc - pr) - (rc - rr))
        losses.append(-(1 - label_smoothing) * F.logsigmoid(z) - label_smoothing * F.logsigmoid(-z))
    return torch.stack(losses)


@right("dpo_loss")
def dpo_by_log_softmax(
    policy_chosen: torch.Tensor, policy_rejected: torch.Tensor, ref_chosen: torch.Tensor, ref_rejected: torch.Tensor,
    beta: float, label_smoothing: float = 0.0,
) -> torch.Tensor:  # fmt: skip
    """A choice between two rewards, computed in float64."""
    if not 0.0 <= label_smoothing <= 0.5:
        raise ValueError("label_smoothing must lie in [0, 0.5]")
    dtype = policy_chosen.dtype
    rewards = torch.stack([policy_chosen.double() - ref_chosen, policy_rejected.double() - ref_rejected])
    log_probs = (beta * rewards).log_softmax(dim=0)
    labels = torch.tensor([1 - label_smoothing, label_smoothing], dtype=torch.float64)
    return -(labels @ log_probs).to(dtype)


# format_preferences ----------------------------------------------------------------------------------------------


@right("format_preferences")
def columns_by_split(
    first: list[str], second: list[str], first_mean: list[float], second_mean: list[float]
) -> dict[str, list[str]]:
    """Any white space splits: the first two words have one space between them."""
    prompts: list[str] = []
    chosen: list[str] = []
    rejected: list[str] = []
    for i in range(len(first)):
        if first_mean[i] == second_mean[i]:
            continue
        one, other = first[i].split()[:2], second[i].split()[:2]
        if [w.lower() for w in one] != [w.lower() for w in other]:
            raise ValueError("another beginning")
        prompt = " ".join(one)
        best, worst = (first[i], second[i]) if first_mean[i] > second_mean[i] else (second[i], first[i])
        prompts.append(prompt)
        chosen.append(best[len(prompt) :])
        rejected.append(worst[len(prompt) :])
    return {"prompt": prompts, "chosen": chosen, "rejected": rejected}


@right("format_preferences")
def columns_by_find(
    first: list[str], second: list[str], first_mean: list[float], second_mean: list[float]
) -> dict[str, list[str]]:
    """Looks for the second space of each text."""

    def cut(text: str) -> tuple[str, str]:
        end = text.find(" ", text.find(" ") + 1)
        return text[:end], text[end:]

    rows = []
    for a, b, x, y in zip(first, second, first_mean, second_mean):
        (prompt, rest), (other, other_rest) = cut(a), cut(b)
        if x != y and prompt.casefold() != other.casefold():
            raise ValueError("another beginning")
        if x > y:
            rows.append((prompt, rest, other_rest))
        elif y > x:
            rows.append((prompt, other_rest, rest))
    return {name: [row[i] for row in rows] for i, name in enumerate(("prompt", "chosen", "rejected"))}


@right("format_preferences")
def columns_by_pattern(
    first: list[str], second: list[str], first_mean: list[float], second_mean: list[float]
) -> dict[str, list[str]]:
    """A regular expression: two words, and all the rest, line ends too."""
    import re

    words = re.compile(r"([^ ]+ [^ ]+)( .*)", re.DOTALL)
    out: dict[str, list[str]] = {"prompt": [], "chosen": [], "rejected": []}
    for texts, means in zip(zip(first, second), zip(first_mean, second_mean)):
        if means[0] == means[1]:
            continue
        (prompt, *_), (other, *_) = parts = [words.fullmatch(text).groups() for text in texts]
        if prompt.upper() != other.upper():
            raise ValueError("another beginning")
        winner = 0 if means[0] > means[1] else 1
        out["prompt"].append(prompt)
        out["chosen"].append(parts[winner][1])
        out["rejected"].append(parts[1 - winner][1])
    return out


@right("format_preferences")
def columns_by_split_with_a_limit(
    first: list[str], second: list[str], first_mean: list[float], second_mean: list[float]
) -> dict[str, list[str]]:
    """`split(" ", 2)` leaves the rest whole; its space is put back."""
    prompts, chosen, rejected = [], [], []
    for text, rival, mean, rival_mean in zip(first, second, first_mean, second_mean):
        if mean == rival_mean:
            continue
        one, two, rest = text.split(" ", 2)
        other_one, other_two, other_rest = rival.split(" ", 2)
        if one.lower() != other_one.lower() or two.lower() != other_two.lower():
            raise ValueError(f"{one} {two} is not {other_one} {other_two}")
        prompts.append(f"{one} {two}")
        chosen.append(" " + (rest if mean > rival_mean else other_rest))
        rejected.append(" " + (other_rest if mean > rival_mean else rest))
    return {"prompt": prompts, "chosen": chosen, "rejected": rejected}


@right("format_preferences")
def columns_of_checked_rows(
    first: list[str], second: list[str], first_mean: list[float], second_mean: list[float]
) -> dict[str, list[str]]:
    """Leaves ties out first, then tests all, then cuts."""
    rows = [row for row in zip(first, second, first_mean, second_mean) if row[2] != row[3]]
    for a, b, _, _ in rows:
        if a.lower().split(" ")[:2] != b.lower().split(" ")[:2]:
            raise ValueError("another beginning")
    prompts = [" ".join(a.split(" ")[:2]) for a, *_ in rows]
    ranked = [(a, b) if x > y else (b, a) for a, b, x, y in rows]
    return {
        "prompt": prompts,
        "chosen": [best[len(p) :] for p, (best, _) in zip(prompts, ranked)],
        "rejected": [worst[len(p) :] for p, (_, worst) in zip(prompts, ranked)],
    }


@right("format_preferences")
def columns_by_partition(
    first: list[str], second: list[str], first_mean: list[float], second_mean: list[float]
) -> dict[str, list[str]]:
    """`partition` twice; the better one is sorted out by `max` of the means."""
    columns: dict[str, list[str]] = {"prompt": [], "chosen": [], "rejected": []}
    for texts_and_means in zip(first, second, first_mean, second_mean):
        texts, means = texts_and_means[:2], texts_and_means[2:]
        if means[0] == means[1]:
            continue
        cut = []
        for text in texts:
            one, _, rest = text.partition(" ")
            two, space, rest = rest.partition(" ")
            cut.append((one, two, space + rest))
        if any(cut[0][i].lower() != cut[1][i].lower() for i in (0, 1)):
            raise ValueError("another beginning")
        best = means.index(max(means))
        columns["prompt"].append(" ".join(cut[0][:2]))
        columns["chosen"].append(cut[best][2])
        columns["rejected"].append(cut[1 - best][2])
    return columns


# load_policy_and_reference ---------------------------------------------------------------------------------------


@right("load_policy_and_reference")
def reference_is_a_deep_copy(name: str) -> tuple[torch.nn.Module, torch.nn.Module, object]:
    """`copy.deepcopy` copies the memory too."""
    import copy

    model = AutoModelForCausalLM.from_pretrained(name)
    model_ref = copy.deepcopy(model)
    model_ref.eval()
    for parameter in model_ref.parameters():
        parameter.requires_grad = False
    tokenizer = AutoTokenizer.from_pretrained(name)
    tokenizer.pad_token = tokenizer.eos_token
    return model, model_ref, tokenizer


@right("load_policy_and_reference")
def policy_in_training_mode(name: str) -> tuple[torch.nn.Module, torch.nn.Module, object]:
    """The policy's dropout is on: training would switch it on anyway."""
    model = AutoModelForCausalLM.from_pretrained(name).train()
    model_ref = AutoModelForCausalLM.from_pretrained(name).eval().requires_grad_(False)
    tokenizer = AutoTokenizer.from_pretrained(name)
    tokenizer.pad_token = tokenizer.eos_token
    return model, model_ref, tokenizer


@right("load_policy_and_reference")
def reference_from_a_state(name: str) -> tuple[torch.nn.Module, torch.nn.Module, object]:
    """A model of the same shape, into which the policy's weights are copied."""
    model = AutoModelForCausalLM.from_pretrained(name)
    model_ref = AutoModelForCausalLM.from_config(model.config)
    model_ref.load_state_dict(model.state_dict())
    model_ref.requires_grad_(False)
    model_ref.train(False)
    tokenizer = AutoTokenizer.from_pretrained(name)
    tokenizer.pad_token = tokenizer.eos_token
    return model, model_ref, tokenizer


@right("load_policy_and_reference")
def pad_given_to_the_tokenizer(name: str) -> tuple[torch.nn.Module, torch.nn.Module, object]:
    """The tokenizer is asked for its EOS, then loaded with that as pad token."""
    eos = AutoTokenizer.from_pretrained(name).eos_token
    tokenizer = AutoTokenizer.from_pretrained(name, pad_token=eos)
    model_ref = AutoModelForCausalLM.from_pretrained(name)
    model = AutoModelForCausalLM.from_pretrained(name)
    model_ref.eval()
    for parameter in model_ref.parameters():
        parameter.requires_grad_(False)
    return (model, model_ref, tokenizer)


@right("load_policy_and_reference")
def loads_in_a_loop(name: str) -> tuple[torch.nn.Module, torch.nn.Module, object]:
    """Both models by one line, the pad token by its id."""
    model, model_ref = (AutoModelForCausalLM.from_pretrained(name) for _ in range(2))
    model_ref = model_ref.requires_grad_(False)
    for module in model_ref.modules():
        module.training = False
    tokenizer = AutoTokenizer.from_pretrained(name)
    tokenizer.pad_token_id = tokenizer.eos_token_id
    return model, model_ref, tokenizer


@right("load_policy_and_reference")
def loads_gpt2_by_its_class(name: str) -> tuple[torch.nn.Module, torch.nn.Module, object]:
    """The course's models are GPT-2s: their own class, and an added special token that is there already."""
    policy = GPT2LMHeadModel.from_pretrained(name)  # type: ignore[name-defined]  # noqa: F821 - the notebook has it
    policy.requires_grad_(True)
    reference = GPT2LMHeadModel.from_pretrained(name).eval()  # type: ignore[name-defined]  # noqa: F821
    for _, parameter in reference.named_parameters():
        parameter.requires_grad_(False)
    tokenizer = AutoTokenizer.from_pretrained(name)
    tokenizer.add_special_tokens({"pad_token": tokenizer.eos_token})
    return policy, reference, tokenizer


# preference_accuracy ---------------------------------------------------------------------------------------------


@right("preference_accuracy")
def accuracy_in_a_loop(chosen_rewards: torch.Tensor, rejected_rewards: torch.Tensor) -> float:
    """Counts in Python."""
    pairs = list(zip(chosen_rewards.tolist(), rejected_rewards.tolist()))
    if not pairs:
        raise ValueError("no pairs")
    return sum(1.0 if a > b else 0.5 if a == b else 0.0 for a, b in pairs) / len(pairs)


@right("preference_accuracy")
def accuracy_by_sign(chosen_rewards: torch.Tensor, rejected_rewards: torch.Tensor) -> float:
    """(1 + the mean sign of the differences) / 2, in float64."""
    if chosen_rewards.numel() == 0:
        raise ValueError("no pairs")
    return ((torch.sign(chosen_rewards.double() - rejected_rewards.double()).mean() + 1) / 2).item()


@right("preference_accuracy")
def accuracy_by_counts(chosen_rewards: torch.Tensor, rejected_rewards: torch.Tensor) -> float:
    """Whole numbers until the division."""
    count = len(chosen_rewards)
    if count == 0:
        raise ValueError("no pairs")
    wins = int((chosen_rewards > rejected_rewards).sum())
    ties = int(torch.eq(chosen_rewards, rejected_rewards).sum())
    return (wins + ties / 2) / count


@right("preference_accuracy")
def accuracy_by_two_shares(chosen_rewards: torch.Tensor, rejected_rewards: torch.Tensor) -> float:
    """Half way between the shares of > and of >=."""
    if chosen_rewards.shape[0] < 1:
        raise ValueError("no pairs")
    strict = (chosen_rewards > rejected_rewards).double().mean()
    loose = (chosen_rewards >= rejected_rewards).double().mean()
    return float((strict + loose) / 2)


@right("preference_accuracy")
def accuracy_by_numpy(chosen_rewards: torch.Tensor, rejected_rewards: torch.Tensor) -> float:
    """The heaviside function of numpy, with 0.5 at 0."""
    import numpy as np

    chosen, rejected = (part.detach().double().numpy() for part in (chosen_rewards, rejected_rewards))
    if chosen.size == 0:
        raise ValueError("no pairs")
    return float(np.heaviside(chosen - rejected, 0.5).mean())


@right("preference_accuracy")
def accuracy_by_where(chosen_rewards: torch.Tensor, rejected_rewards: torch.Tensor) -> float:
    """`torch.where` twice, in float32, which is enough for six decimals."""
    if len(rejected_rewards) == 0:
        raise ValueError("no pairs")
    one, half, nothing = torch.tensor(1.0), torch.tensor(0.5), torch.tensor(0.0)
    lost_or_tied = torch.where(chosen_rewards == rejected_rewards, half, nothing)
    return torch.where(chosen_rewards > rejected_rewards, one, lost_or_tied).mean().item()


# ipo_loss --------------------------------------------------------------------------------------------------------


@right("ipo_loss")
def ipo_by_pow(
    policy_chosen: torch.Tensor, policy_rejected: torch.Tensor, ref_chosen: torch.Tensor, ref_rejected: torch.Tensor,
    beta: float, lengths: tuple[torch.Tensor, torch.Tensor] | None = None,
) -> torch.Tensor:  # fmt: skip
    """Divides all four, then takes the policy's difference and the reference's."""
    if beta <= 0:
        raise ValueError("beta must be above 0")
    if lengths is not None:
        of_chosen, of_rejected = lengths
        policy_chosen, ref_chosen = policy_chosen / of_chosen, ref_chosen / of_chosen
        policy_rejected, ref_rejected = policy_rejected / of_rejected, ref_rejected / of_rejected
    log_u = (policy_chosen - policy_rejected) - (ref_chosen - ref_rejected)
    return torch.pow(log_u - 0.5 / beta, 2)


@right("ipo_loss")
def ipo_by_mse(
    policy_chosen: torch.Tensor, policy_rejected: torch.Tensor, ref_chosen: torch.Tensor, ref_rejected: torch.Tensor,
    beta: float, lengths: tuple[torch.Tensor, torch.Tensor] | None = None,
) -> torch.Tensor:  # fmt: skip
    """A regression on a constant target."""
    if not beta > 0:
        raise ValueError("beta must be above 0")
    chosen, rejected = policy_chosen - ref_chosen, policy_rejected - ref_rejected
    if lengths:
        chosen, rejected = chosen / lengths[0], rejected / lengths[1]
    log_u = chosen - rejected
    return F.mse_loss(log_u, torch.full_like(log_u, 1 / (2 * beta)), reduction="none")


@right("ipo_loss")
def ipo_with_lengths_of_one(
    policy_chosen: torch.Tensor, policy_rejected: torch.Tensor, ref_chosen: torch.Tensor, ref_rejected: torch.Tensor,
    beta: float, lengths: tuple[torch.Tensor, torch.Tensor] | None = None,
) -> torch.Tensor:  # fmt: skip
    """Without lengths they are 1; computed in float64."""
    if not beta > 0:
        raise ValueError("beta must be above 0")
    a, b = (1, 1) if lengths is None else lengths
    wide = [part.double() for part in (policy_chosen, policy_rejected, ref_chosen, ref_rejected)]
    error = (wide[0] - wide[2]) / a - (wide[1] - wide[3]) / b - 1 / (2 * beta)
    return (error * error).to(policy_chosen.dtype)


@right("ipo_loss")
def ipo_pair_by_pair(
    policy_chosen: torch.Tensor, policy_rejected: torch.Tensor, ref_chosen: torch.Tensor, ref_rejected: torch.Tensor,
    beta: float, lengths: tuple[torch.Tensor, torch.Tensor] | None = None,
) -> torch.Tensor:  # fmt: skip
    """A loop that stays in the graph."""
    if not beta > 0:
        raise ValueError("beta must be above 0")
    losses = []
    for i in range(len(policy_chosen)):
        chosen, rejected = policy_chosen[i] - ref_chosen[i], policy_rejected[i] - ref_rejected[i]
        if lengths is not None:
            chosen, rejected = chosen / lengths[0][i].item(), rejected / lengths[1][i].item()
        losses.append((chosen - rejected - 1 / (2 * beta)) ** 2)
    return torch.stack(losses)


@right("ipo_loss")
def ipo_by_square(
    policy_chosen: torch.Tensor, policy_rejected: torch.Tensor, ref_chosen: torch.Tensor, ref_rejected: torch.Tensor,
    beta: float, lengths: tuple[torch.Tensor, torch.Tensor] | None = None,
) -> torch.Tensor:  # fmt: skip
    """Multiplies by reciprocals; the reference is cut off the graph, which nobody forbids."""
    if not beta > 0:
        raise ValueError("beta must be above 0")
    dtype = policy_chosen.dtype
    chosen = policy_chosen.double() - ref_chosen.detach().double()
    rejected = policy_rejected.double() - ref_rejected.detach().double()
    if lengths is not None:
        chosen, rejected = chosen * lengths[0].double().reciprocal(), rejected * lengths[1].double().reciprocal()
    return torch.square(chosen - rejected - (2 * beta) ** -1).to(dtype)


@right("ipo_loss")
def ipo_by_scaled_error(
    policy_chosen: torch.Tensor, policy_rejected: torch.Tensor, ref_chosen: torch.Tensor, ref_rejected: torch.Tensor,
    beta: float, lengths: tuple[torch.Tensor, torch.Tensor] | None = None,
) -> torch.Tensor:  # fmt: skip
    """(1 − 2β log u)² / (2β)²."""
    if not beta > 0:
        raise ValueError("beta must be above 0")
    ratios: list[Any] = [policy_chosen.double() - ref_chosen, policy_rejected.double() - ref_rejected]
    if lengths is not None:
        ratios = [ratio / length for ratio, length in zip(ratios, lengths)]
    return ((1 - 2 * beta * (ratios[0] - ratios[1])) / (2 * beta)).square().to(policy_chosen.dtype)
