"""Right answers of lab 03, written in other manners than the solution: each gets full points, whatever the seed."""

# ruff: noqa: ANN001, ANN201, ANN202, C408, E731, RET505

from __future__ import annotations

import dataclasses

import numpy as np
import torch
import torch.nn.functional as F
from trl import PPOConfig
from trl.core import LengthSampler

from grader.checks import right

# build_queries ---------------------------------------------------------------------------------------------------


@right("build_queries")
def queries_in_a_loop(columns, tokenizer, low=2, high=8, seed=0):
    np.random.seed(seed)
    sampler = LengthSampler(low, high)
    out = {"review": [], "input_ids": [], "query": []}
    for text in columns["text"]:
        if len(text) > 200:
            ids = tokenizer.encode(text)[: sampler()]
            out["review"].append(text)
            out["input_ids"].append(ids)
            out["query"].append(tokenizer.decode(ids))
    return out


@right("build_queries")
def queries_after_the_lengths(columns, tokenizer, low=2, high=8, seed=0):
    reviews = list(filter(lambda text: len(text) >= 201, columns["text"]))
    length = LengthSampler(low, high)
    np.random.seed(seed)
    lengths = [int(length()) for _ in reviews]
    ids = [tokenizer.encode(text)[:n] for text, n in zip(reviews, lengths)]
    return {"review": reviews, "input_ids": ids, "query": list(map(tokenizer.decode, ids))}


@right("build_queries")
def queries_by_numpy_choice(columns, tokenizer, low=2, high=8, seed=0):
    np.random.seed(seed)
    rows = []
    for text in columns["text"]:
        if len(text) <= 200:
            continue
        n = np.random.choice(list(range(low, high)))
        ids = list(tokenizer.encode(text))[:n]
        rows.append((text, ids, tokenizer.decode(ids)))
    return dict(zip(("review", "input_ids", "query"), ([row[k] for row in rows] for k in range(3))))


@right("build_queries")
def queries_of_a_dataset(columns, tokenizer, low=2, high=8, seed=0):
    from datasets import Dataset, disable_progress_bars

    disable_progress_bars()
    data = Dataset.from_dict({"review": list(columns["text"])})
    kept = [text for text in data["review"] if len(text) > 200]
    np.random.seed(seed)
    draw = LengthSampler(low, high)
    rows = [{"review": text, "input_ids": tokenizer.encode(text)[: draw()]} for text in kept]
    columns_out = {name: [row[name] for row in rows] for name in ("review", "input_ids")}
    columns_out["query"] = [tokenizer.decode(row["input_ids"]) for row in rows]
    return columns_out


@right("build_queries")
def queries_by_index(columns, tokenizer, low=2, high=8, seed=0):
    review = [columns["text"][i] for i in range(len(columns["text"])) if len(columns["text"][i]) > 200]
    np.random.seed(seed)
    length = LengthSampler(min_value=low, max_value=high)
    input_ids = []
    for i in range(len(review)):
        tokens, n = tokenizer.encode(review[i]), length()
        input_ids.append([tokens[k] for k in range(min(n, len(tokens)))])
    query = [tokenizer.decode(ids) for ids in input_ids]
    return {"review": review, "input_ids": input_ids, "query": query}


@right("build_queries")
def queries_by_steps_on_a_copy(columns, tokenizer, low=2, high=8, seed=0):
    table = dict(columns)
    table["review"] = table.pop("text")
    table.pop("label", None)
    table["review"] = [text for text in table["review"] if not len(text) <= 200]
    np.random.seed(seed)
    length = LengthSampler(low, high)
    table["input_ids"] = [tokenizer.encode(text)[0 : length()] for text in table["review"]]
    table["query"] = [tokenizer.decode(ids) for ids in table["input_ids"]]
    return table


# make_config -----------------------------------------------------------------------------------------------------


@right("make_config")
def config_by_position_of_a_dict(model_name, learning_rate=1.41e-5, init_kl_coef=0.2, batch_size=32, seed=0):
    settings = dict(model_name=model_name, learning_rate=learning_rate, init_kl_coef=init_kl_coef, seed=seed)
    settings |= {"adap_kl_ctrl": False, "batch_size": batch_size, "mini_batch_size": batch_size}
    return PPOConfig(**settings)


@right("make_config")
def config_with_fields_set_afterwards(model_name, learning_rate=1.41e-5, init_kl_coef=0.2, batch_size=32, seed=0):
    config = PPOConfig(model_name=model_name, batch_size=batch_size, mini_batch_size=batch_size, seed=seed)
    config.learning_rate = learning_rate
    config.init_kl_coef = init_kl_coef
    config.adap_kl_ctrl = False
    return config


@right("make_config")
def config_by_replacement(model_name, learning_rate=1.41e-5, init_kl_coef=0.2, batch_size=32, seed=0):
    first = PPOConfig(batch_size=batch_size, mini_batch_size=batch_size, adap_kl_ctrl=False)
    return dataclasses.replace(
        first, model_name=model_name, learning_rate=learning_rate, init_kl_coef=init_kl_coef, seed=seed
    )


@right("make_config")
def config_that_says_defaults_too(model_name, learning_rate=1.41e-5, init_kl_coef=0.2, batch_size=32, seed=0):
    return PPOConfig(
        model_name=model_name, learning_rate=learning_rate, init_kl_coef=init_kl_coef, adap_kl_ctrl=False,
        batch_size=batch_size, mini_batch_size=batch_size, gradient_accumulation_steps=1, ppo_epochs=4,
        lam=0.95, cliprange=0.2, seed=seed,
    )  # fmt: skip


@right("make_config")
def config_with_one_accumulated_step(model_name, learning_rate=1.41e-5, init_kl_coef=0.2, batch_size=32, seed=0):
    config = PPOConfig(seed=seed, model_name=model_name, adap_kl_ctrl=0 == 1, learning_rate=learning_rate,
                       batch_size=batch_size, mini_batch_size=batch_size // 1, init_kl_coef=init_kl_coef)  # fmt: skip
    assert config.mini_batch_size == config.batch_size
    return config


@right("make_config")
def config_by_names(model_name, learning_rate=1.41e-5, init_kl_coef=0.2, batch_size=32, seed=0):
    given = dict(locals())
    names = {field.name for field in dataclasses.fields(PPOConfig)}
    return PPOConfig(
        adap_kl_ctrl=False, mini_batch_size=batch_size, **{name: given[name] for name in given if name in names}
    )


# score_function_gradient -----------------------------------------------------------------------------------------


@right("score_function_gradient")
def score_by_plain_loops(logits, responses, rewards, baseline=0.0):
    vocab = logits.shape[0]
    probs = torch.softmax(logits, dim=1)
    out = torch.zeros((len(responses), vocab, vocab), dtype=logits.dtype)
    for i, row in enumerate(responses.tolist()):
        state = vocab - 1
        for token in row:
            out[i, state] -= probs[state]
            out[i, state, token] += 1
            if token == vocab - 1:
                break
            state = token
        out[i] *= rewards[i].item() - baseline
    return out


@right("score_function_gradient")
def score_by_autograd_for_each_response(logits, responses, rewards, baseline=0.0):
    eos = logits.shape[0] - 1
    out = []
    for row, reward in zip(responses, rewards):
        leaf = logits.detach().clone().requires_grad_()
        logp, state, total = leaf.log_softmax(-1), eos, 0.0
        for token in row.tolist():
            total = total + logp[state, token]
            if token == eos:
                break
            state = token
        (grad,) = torch.autograd.grad(total, leaf)
        out.append((reward - baseline).to(logits.dtype) * grad)
    return torch.stack(out)


@right("score_function_gradient")
def score_by_jacobian(logits, responses, rewards, baseline=0.0):
    eos = logits.shape[0] - 1
    before = torch.cat([torch.full((len(responses), 1), eos), responses[:, :-1]], dim=1)
    seen = torch.zeros_like(responses)
    seen[:, 1:] = (responses == eos).cumsum(1)[:, :-1]

    def surrogate(x):
        picked = x.log_softmax(-1)[before, responses]
        return (rewards - baseline) * torch.where(seen == 0, picked, 0.0).sum(1)

    return torch.autograd.functional.jacobian(surrogate, logits.detach().clone()).to(logits.dtype)


@right("score_function_gradient")
def score_by_numpy_counts(logits, responses, rewards, baseline=0.0):
    x, y = logits.detach().numpy(), responses.numpy()
    vocab = x.shape[0]
    e = np.exp(x - x.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    counts = np.zeros((len(y), vocab, vocab), dtype=x.dtype)
    for i in range(len(y)):
        state = vocab - 1
        for token in y[i]:
            counts[i, state, token] += 1
            if token == vocab - 1:
                break
            state = token
    grads = counts - counts.sum(axis=2, keepdims=True) * p[None]
    weights = (rewards.detach().numpy() - baseline).astype(x.dtype)
    return torch.from_numpy(weights[:, None, None] * grads)


@right("score_function_gradient")
def score_by_einsum(logits, responses, rewards, baseline=0.0):
    vocab = len(logits)
    start = torch.full_like(responses[:, :1], vocab - 1)
    states = F.one_hot(torch.cat((start, responses), 1)[:, :-1], vocab).to(logits)
    tokens = F.one_hot(responses, vocab).to(logits)
    ended = (responses == vocab - 1).long()
    alive = (ended.cumsum(1) - ended == 0).to(logits)
    chosen = torch.einsum("bts,btv,bt->bsv", states, tokens, alive)
    visits = torch.einsum("bts,bt->bs", states, alive)
    grads = chosen - visits[:, :, None] * F.softmax(logits, -1)
    return torch.einsum("b,bsv->bsv", (rewards - baseline).to(logits), grads)


@right("score_function_gradient")
def score_by_index_put(logits, responses, rewards, baseline=0.0):
    batch, places = responses.shape
    vocab = logits.size(1)
    grads = logits.new_zeros(batch * vocab, vocab)
    state = torch.full((batch,), vocab - 1)
    weight = rewards.to(logits.dtype) - baseline
    log_p = logits.detach() - logits.detach().logsumexp(1, keepdim=True)
    for t in range(places):
        piece = -log_p[state].exp()
        piece[torch.arange(batch), responses[:, t]] += 1
        grads.index_put_((torch.arange(batch) * vocab + state,), piece * weight[:, None], accumulate=True)
        weight = torch.where(responses[:, t] == vocab - 1, torch.zeros_like(weight), weight)
        state = responses[:, t]
    return grads.reshape(batch, vocab, vocab)


# kl_estimators ---------------------------------------------------------------------------------------------------


@right("kl_estimators")
def estimators_of_the_difference(logprobs, ref_logprobs):
    d = logprobs - ref_logprobs
    return {"k1": d, "k2": 0.5 * d.square(), "k3": torch.expm1(-d) + d}


@right("kl_estimators")
def estimators_in_double(logprobs, ref_logprobs):
    log_r = ref_logprobs.double() - logprobs.double()
    k = {"k1": -log_r, "k2": log_r.pow(2) / 2, "k3": torch.special.expm1(log_r) - log_r}
    return {name: value.to(logprobs.dtype) for name, value in k.items()}


@right("kl_estimators")
def estimators_by_numpy(logprobs, ref_logprobs):
    a, b = logprobs.detach().numpy(), ref_logprobs.detach().numpy()
    x = b - a
    parts = (-x, x * x / 2, np.expm1(x) - x)
    return {f"k{i + 1}": torch.tensor(part, dtype=logprobs.dtype) for i, part in enumerate(parts)}


@right("kl_estimators")
def estimators_by_loops(logprobs, ref_logprobs):
    import math

    k1, k2, k3 = [], [], []
    for p, q in zip(logprobs.flatten().tolist(), ref_logprobs.flatten().tolist()):
        x = q - p
        k1.append(-x)
        k2.append(x**2 / 2)
        k3.append(math.expm1(x) - x)
    shaped = lambda values: torch.tensor(values, dtype=logprobs.dtype).reshape(logprobs.shape)
    return {"k1": shaped(k1), "k2": shaped(k2), "k3": shaped(k3)}


@right("kl_estimators")
def estimators_built_up(logprobs, ref_logprobs):
    out = {}
    out["k1"] = logprobs - ref_logprobs
    out["k2"] = torch.pow(out["k1"], 2).div(2)
    out["k3"] = torch.expm1(ref_logprobs - logprobs).add(out["k1"])
    return out


@right("kl_estimators")
def estimators_with_a_floor(logprobs, ref_logprobs):
    log_ratio = torch.sub(ref_logprobs, logprobs)
    k3 = (log_ratio.expm1() - log_ratio).clamp(min=0)
    return dict(k1=torch.neg(log_ratio), k2=log_ratio * log_ratio * 0.5, k3=k3)


# kl_penalised_rewards --------------------------------------------------------------------------------------------


@right("kl_penalised_rewards")
def rewards_by_plain_loops(scores, logprobs, ref_logprobs, mask, kl_coef):
    out = torch.zeros_like(logprobs)
    for i in range(mask.shape[0]):
        last = None
        for t in range(mask.shape[1]):
            if mask[i, t]:
                out[i, t] = -kl_coef * (logprobs[i, t] - ref_logprobs[i, t])
                last = t
        out[i, last] += scores[i]
    return out


@right("kl_penalised_rewards")
def rewards_by_cumsum(scores, logprobs, ref_logprobs, mask, kl_coef):
    kl = (logprobs - ref_logprobs).masked_fill(~mask, 0.0)
    count = mask.long().cumsum(1)
    is_last = mask & (count == count[:, -1:])
    return -kl_coef * kl + torch.where(is_last, scores[:, None], torch.zeros_like(kl))


@right("kl_penalised_rewards")
def rewards_by_scatter(scores, logprobs, ref_logprobs, mask, kl_coef):
    penalty = torch.zeros_like(logprobs)
    penalty[mask] = kl_coef * (ref_logprobs[mask] - logprobs[mask])
    place = (mask * torch.arange(mask.shape[1])).max(1).values
    return penalty.scatter_add(1, place[:, None], scores[:, None])


@right("kl_penalised_rewards")
def rewards_by_numpy(scores, logprobs, ref_logprobs, mask, kl_coef):
    m = mask.numpy()
    with np.errstate(invalid="ignore"):
        out = np.where(m, kl_coef * (ref_logprobs.numpy() - logprobs.numpy()), 0.0).astype(logprobs.numpy().dtype)
    for i in range(len(m)):
        out[i, np.flatnonzero(m[i])[-1]] += scores[i].item()
    return torch.from_numpy(out)


@right("kl_penalised_rewards")
def rewards_as_trl_row_by_row(scores, logprobs, ref_logprobs, mask, kl_coef):
    rows = []
    for score, lp, ref, m in zip(scores, logprobs, ref_logprobs, mask):
        row = -kl_coef * (lp - ref)
        row = torch.where(m, row, torch.zeros_like(row))
        row[m.nonzero()[-1]] += score
        rows.append(row)
    return torch.stack(rows)


@right("kl_penalised_rewards")
def rewards_by_the_next_mask(scores, logprobs, ref_logprobs, mask, kl_coef):
    following = torch.zeros_like(mask)
    following[:, :-1] = mask[:, 1:]
    last = mask & ~following
    clean = lambda x: torch.where(mask, x, 0.0)
    return (clean(ref_logprobs) - clean(logprobs)) * kl_coef + last * scores.unsqueeze(1)


# gae -------------------------------------------------------------------------------------------------------------


@right("gae")
def gae_row_by_row(rewards, values, mask, gamma=1.0, lam=0.95):
    advantages, returns = torch.zeros_like(rewards), torch.zeros_like(values)
    for i in range(len(mask)):
        later, value_after = 0.0, 0.0
        for t in reversed(mask[i].nonzero().flatten().tolist()):
            r, v = rewards[i, t].item(), values[i, t].item()
            later = r + gamma * value_after - v + gamma * lam * later
            advantages[i, t], returns[i, t], value_after = later, later + v, v
    return advantages, returns


@right("gae")
def gae_by_matrix(rewards, values, mask, gamma=1.0, lam=0.95):
    r, v = rewards.masked_fill(~mask, 0), values.masked_fill(~mask, 0)
    delta = r + gamma * F.pad(v, (0, 1))[:, 1:] - v
    n = r.shape[1]
    step = torch.arange(n)[:, None] - torch.arange(n)[None, :]
    powers = torch.where(step >= 0, (gamma * lam) ** step.clamp(min=0).to(r.dtype), 0.0)
    adv = torch.where(mask, delta @ powers.to(r.dtype), 0.0)
    return adv, torch.where(mask, adv + v, 0.0)


@right("gae")
def gae_by_numpy(rewards, values, mask, gamma=1.0, lam=0.95):
    m = mask.numpy()
    r, v = np.where(m, rewards.numpy(), 0), np.where(m, values.numpy(), 0)
    adv = np.zeros(r.shape, dtype=np.float64)
    running = np.zeros(len(r))
    for t in range(r.shape[1] - 1, -1, -1):
        after = v[:, t + 1] if t + 1 < r.shape[1] else 0.0
        running = r[:, t] + gamma * after - v[:, t] + gamma * lam * running
        adv[:, t] = running
    adv *= m
    return torch.tensor(adv, dtype=rewards.dtype), torch.tensor((adv + v) * m, dtype=rewards.dtype)


@right("gae")
def gae_by_scipy(rewards, values, mask, gamma=1.0, lam=0.95):
    from scipy.signal import lfilter

    keep = mask.numpy()
    r, v = (np.where(keep, part.double().numpy(), 0.0) for part in (rewards, values))
    shifted = np.concatenate([v[:, 1:], np.zeros((len(v), 1))], axis=1)
    delta = r + gamma * shifted - v
    adv = lfilter([1.0], [1.0, -gamma * lam], delta[:, ::-1], axis=1)[:, ::-1] * keep
    out = [torch.from_numpy(part.copy()).to(rewards.dtype) for part in (adv, adv + v)]
    return out[0], out[1]


@right("gae")
def gae_by_lambda_returns(rewards, values, mask, gamma=1.0, lam=0.95):
    r, v = (torch.where(mask, part, torch.zeros_like(part)) for part in (rewards, values))
    goal, after = torch.zeros_like(v[:, 0]), torch.zeros_like(v[:, 0])
    columns = []
    for t in range(r.size(1))[::-1]:
        goal = r[:, t] + gamma * ((1 - lam) * after + lam * goal)
        after = v[:, t]
        columns.insert(0, goal)
    returns = torch.where(mask, torch.stack(columns, 1), 0.0)
    return torch.where(mask, returns - v, 0.0), returns


@right("gae")
def gae_as_trl_has_it(rewards, values, mask, gamma=1.0, lam=0.95):
    values, rewards = values.clone(), rewards.clone()
    values[~mask], rewards[~mask] = 0.0, 0.0
    lastgaelam, reversed_ = 0, []
    length = rewards.shape[-1]
    for t in reversed(range(length)):
        nextvalues = values[:, t + 1] if t < length - 1 else 0.0
        delta = rewards[:, t] + gamma * nextvalues - values[:, t]
        lastgaelam = delta + gamma * lam * lastgaelam
        reversed_.append(lastgaelam)
    advantages = torch.stack(reversed_[::-1]).transpose(0, 1) * mask
    return advantages, advantages + values


# whiten ----------------------------------------------------------------------------------------------------------


@right("whiten")
def whitened_into_zeros(values, mask, shift_mean=True):
    x = values[mask]
    if x.numel() <= 1:
        raise ValueError("too few")
    white = (x - x.mean()) / torch.sqrt(x.var(unbiased=True) + 1e-8)
    if not shift_mean:
        white = white + x.mean()
    out = torch.zeros_like(values)
    out[mask] = white
    return out


@right("whiten")
def whitened_by_counts(values, mask, shift_mean=True):
    n = mask.sum().item()
    if n < 2:
        raise ValueError(f"only {n} values")
    x = torch.where(mask, values, 0.0)
    mean = x.sum() / n
    var = torch.where(mask, (x - mean) ** 2, 0.0).sum() / (n - 1)
    white = (x - mean) * (var + 1e-8) ** -0.5 + (0.0 if shift_mean else mean)
    return white * mask


@right("whiten")
def whitened_by_numpy(values, mask, shift_mean=True):
    x, m = values.numpy(), mask.numpy()
    kept = x[m].astype(np.float64)
    if kept.size < 2:
        raise ValueError("needs two")
    white = np.zeros(x.shape)
    white[m] = (kept - kept.mean()) / np.sqrt(kept.var(ddof=1) + 1e-8)
    if not shift_mean:
        white[m] += kept.mean()
    return torch.tensor(white, dtype=values.dtype)


@right("whiten")
def whitened_by_loops(values, mask, shift_mean=True):
    kept = [values[i, t].item() for i in range(len(mask)) for t in range(mask.shape[1]) if mask[i, t]]
    if len(kept) < 2:
        raise ValueError
    mean = sum(kept) / len(kept)
    scale = (sum((x - mean) ** 2 for x in kept) / (len(kept) - 1) + 1e-8) ** 0.5
    out = torch.zeros(values.shape, dtype=values.dtype)
    for i in range(len(mask)):
        for t in range(mask.shape[1]):
            if mask[i, t]:
                out[i, t] = (values[i, t].item() - mean) / scale + (0 if shift_mean else mean)
    return out


@right("whiten")
def whitened_by_trl(values, mask, shift_mean=True):
    from trl.core import masked_whiten

    if mask.sum() < 2:
        raise ValueError("fewer than two")
    clean = values.masked_fill(~mask, 0.0)
    return masked_whiten(clean, mask, shift_mean).masked_fill(~mask, 0.0)


@right("whiten")
def whitened_by_masked_scatter(values, mask, shift_mean=True):
    kept = torch.masked_select(values, mask)
    if len(kept) in (0, 1):
        raise ValueError("no variance")
    var, mean = torch.var_mean(kept)
    white = kept.sub(mean).mul(torch.rsqrt(var.add(1e-8)))
    white = white if shift_mean else white.add(mean)
    return torch.zeros_like(values).masked_scatter(mask, white)


# ppo_clip_loss ---------------------------------------------------------------------------------------------------


@right("ppo_clip_loss")
def loss_as_the_larger_of_two(logprobs, old_logprobs, advantages, mask, clip_range=0.2):
    ratio = torch.exp(torch.where(mask, logprobs - old_logprobs, 0.0))
    adv = torch.where(mask, advantages, 0.0)
    losses = torch.maximum(-adv * ratio, -adv * torch.clamp(ratio, 1 - clip_range, 1 + clip_range))
    return losses.sum() / mask.sum()


@right("ppo_clip_loss")
def loss_in_a_loop_of_cases(logprobs, old_logprobs, advantages, mask, clip_range=0.2):
    terms = []
    for lp, old, adv in zip(logprobs[mask], old_logprobs[mask].tolist(), advantages[mask].tolist()):
        ratio = torch.exp(lp - old)
        if adv >= 0 and ratio > 1 + clip_range:
            terms.append(torch.tensor(-(1 + clip_range) * adv, dtype=logprobs.dtype))
        elif adv < 0 and ratio < 1 - clip_range:
            terms.append(torch.tensor(-(1 - clip_range) * adv, dtype=logprobs.dtype))
        else:
            terms.append(-ratio * adv)
    return torch.stack(terms).mean()


@right("ppo_clip_loss")
def loss_by_the_bound_of_each_sign(logprobs, old_logprobs, advantages, mask, clip_range=0.2):
    ratio = (logprobs[mask] - old_logprobs[mask]).exp()
    adv = advantages[mask]
    bound = torch.where(adv > 0, (1 + clip_range) * adv, (1 - clip_range) * adv)
    return -torch.minimum(ratio * adv, bound).sum() / len(adv)


@right("ppo_clip_loss")
def loss_with_filled_log_ratio(logprobs, old_logprobs, advantages, mask, clip_range=0.2):
    zeros = torch.zeros_like(logprobs)
    ratio = torch.exp(torch.where(mask, logprobs, zeros) - torch.where(mask, old_logprobs, zeros))
    adv = advantages.masked_fill(~mask, 0)
    clipped = torch.clip(ratio, min=1 - clip_range, max=1 + clip_range)
    objective = torch.stack([ratio * adv, clipped * adv]).min(dim=0).values
    return -(objective * mask).sum() / mask.sum()


@right("ppo_clip_loss")
def loss_by_the_sign(logprobs, old_logprobs, advantages, mask, clip_range=0.2):
    log_ratio = torch.masked_select(logprobs, mask) - torch.masked_select(old_logprobs, mask)
    adv = torch.masked_select(advantages, mask)
    rho = log_ratio.exp()
    up = torch.where(rho > 1 + clip_range, torch.full_like(rho, 1 + clip_range), rho)
    down = torch.where(rho < 1 - clip_range, torch.full_like(rho, 1 - clip_range), rho)
    return torch.mean(-torch.where(adv > 0, up, down) * adv)


@right("ppo_clip_loss")
def loss_as_clip_plus_penalty(logprobs, old_logprobs, advantages, mask, clip_range=0.2):
    keep = mask.nonzero(as_tuple=True)
    ratio = (logprobs[keep] - old_logprobs[keep].detach()).exp()
    adv = advantages[keep].detach()
    surrogate, limited = ratio * adv, ratio.clamp(1.0 - clip_range, 1.0 + clip_range) * adv
    return -torch.where(surrogate < limited, surrogate, limited).mean()


# value_loss_clipped ----------------------------------------------------------------------------------------------


@right("value_loss_clipped")
def value_loss_by_bounds(values, old_values, returns, mask, clip_range=0.2):
    v, old, goal = values[mask], old_values[mask], returns[mask]
    clipped = torch.max(torch.min(v, old + clip_range), old - clip_range)
    return torch.maximum((v - goal).pow(2), (clipped - goal).pow(2)).mean() / 2


@right("value_loss_clipped")
def value_loss_on_cleaned_tensors(values, old_values, returns, mask, clip_range=0.2):
    v, old, goal = (torch.where(mask, part, torch.zeros_like(part)) for part in (values, old_values, returns))
    clipped = old + torch.clamp(v - old, -clip_range, clip_range)
    worst = torch.max((v - goal) ** 2, (clipped - goal) ** 2)
    return 0.5 * worst.sum() / mask.sum()


@right("value_loss_clipped")
def value_loss_in_a_loop(values, old_values, returns, mask, clip_range=0.2):
    total, count = 0.0, 0
    for i in range(len(mask)):
        for t in range(mask.shape[1]):
            if mask[i, t]:
                v, old, goal = values[i, t], old_values[i, t].item(), returns[i, t].item()
                near = min(max(v.item(), old - clip_range), old + clip_range)
                plain = (v - goal) ** 2
                inside = abs(v.item() - old) <= clip_range
                total = total + (plain if inside or plain.item() > (near - goal) ** 2 else 0 * v + (near - goal) ** 2)
                count += 1
    return total / (2 * count)


@right("value_loss_clipped")
def value_loss_by_mse(values, old_values, returns, mask, clip_range=0.2):
    keep = mask.flatten()
    v, old, goal = (part.flatten()[keep] for part in (values, old_values, returns))
    clipped = torch.clamp(v, old - clip_range, old + clip_range)
    errors = torch.stack([F.mse_loss(guess, goal, reduction="none") for guess in (v, clipped)])
    return errors.amax(dim=0).mean() * 0.5


@right("value_loss_clipped")
def value_loss_by_where(values, old_values, returns, mask, clip_range=0.2):
    v, old, goal = values[mask], old_values[mask].detach(), returns[mask].detach()
    clipped = torch.where(
        v > old + clip_range, old + clip_range, torch.where(v < old - clip_range, old - clip_range, v)
    )
    plain, cut = torch.square(v - goal), torch.square(clipped - goal)
    return torch.where(plain > cut, plain, cut).sum() / (2 * mask.sum())


@right("value_loss_clipped")
def value_loss_of_the_larger_distance(values, old_values, returns, mask, clip_range=0.2):
    v, old, goal = (torch.masked_select(part, mask) for part in (values, old_values, returns))
    clipped = old + (v - old).clamp(min=-clip_range).clamp(max=clip_range)
    distance = torch.maximum((v - goal).abs(), (clipped - goal).abs())
    return (distance * distance).mean() / 2


# explained_variance ----------------------------------------------------------------------------------------------


@right("explained_variance")
def explained_by_numpy(values, returns, mask):
    v, r = (part.numpy()[mask.numpy()].astype(float) for part in (values, returns))
    if r.size < 2 or np.ptp(r) == 0:
        raise ValueError("no variance")
    return float(1 - np.mean((v - r) ** 2) / np.var(r, ddof=1))


@right("explained_variance")
def explained_by_statistics(values, returns, mask):
    import statistics

    r = returns[mask].tolist()
    if len(set(r)) < 2:
        raise ValueError("equal returns")
    error = statistics.fmean((a - b) ** 2 for a, b in zip(values[mask].tolist(), r))
    return 1 - error / statistics.variance(r)


@right("explained_variance")
def explained_by_loops(values, returns, mask):
    pairs = [
        (values[i, t].item(), returns[i, t].item())
        for i in range(mask.shape[0]) for t in range(mask.shape[1]) if mask[i, t]
    ]  # fmt: skip
    n = len(pairs)
    if n < 2 or all(r == pairs[0][1] for _, r in pairs):
        raise ValueError(n)
    mean = sum(r for _, r in pairs) / n
    var = sum((r - mean) ** 2 for _, r in pairs) / (n - 1)
    return 1.0 - sum((v - r) ** 2 for v, r in pairs) / n / var


@right("explained_variance")
def explained_by_torch_var(values, returns, mask):
    goal = torch.masked_select(returns, mask)
    if goal.numel() < 2:
        raise ValueError("fewer than two")
    spread = goal.var(correction=1)
    if (goal == goal[0]).all():
        raise ValueError("they do not vary")
    return 1 - (F.mse_loss(torch.masked_select(values, mask), goal) / spread).item()


@right("explained_variance")
def explained_by_cleaned_sums(values, returns, mask):
    n = int(mask.sum())
    v, r = (torch.where(mask, part, 0.0).double() for part in (values, returns))
    mean = r.sum() / max(n, 1)
    square = torch.where(mask, (r - mean) ** 2, 0.0).sum()
    if n < 2 or bool((r[mask] == r[mask][0]).all()):
        raise ValueError("nothing to explain")
    return float(1 - ((v - r) ** 2).sum() / n * (n - 1) / square)


@right("explained_variance")
def explained_by_the_standard_deviation(values, returns, mask):
    kept = returns[mask]
    if len(kept) < 2 or kept.max() == kept.min():
        raise ValueError("var = 0")
    error = (values[mask] - kept).square().mean().item()
    return 1 - error / torch.std(kept).item() ** 2


# group_advantages ------------------------------------------------------------------------------------------------


@right("group_advantages")
def advantages_by_plain_formulas(rewards, method):
    k = rewards.size(1)
    if k == 1:
        raise ValueError("alone")
    if method == "rloo":
        return rewards - (rewards.sum(dim=1, keepdim=True) - rewards) / (k - 1)
    if method == "grpo":
        return (rewards - rewards.mean(dim=1, keepdim=True)) / (rewards.std(dim=1, keepdim=True) + 1e-4)
    raise ValueError(method)


@right("group_advantages")
def advantages_by_loops(rewards, method):
    if method not in ("rloo", "grpo") or rewards.shape[1] < 2:
        raise ValueError("method or size")
    out = torch.zeros_like(rewards)
    for i, row in enumerate(rewards.tolist()):
        n, mean = len(row), sum(row) / len(row)
        sd = (sum((x - mean) ** 2 for x in row) / (n - 1)) ** 0.5
        for k, own in enumerate(row):
            others = row[:k] + row[k + 1 :]
            out[i, k] = own - sum(others) / (n - 1) if method == "rloo" else (own - mean) / (sd + 1e-4)
    return out


@right("group_advantages")
def advantages_by_numpy(rewards, method):
    r = rewards.numpy().astype(np.float64)
    n = r.shape[1]
    if n < 2:
        raise ValueError("a single response")
    centred = r - r.mean(axis=1, keepdims=True)
    if method == "rloo":
        out = centred * n / (n - 1)
    elif method == "grpo":
        out = centred / (r.std(axis=1, ddof=1, keepdims=True) + 1e-4)
    else:
        raise ValueError("method")
    return torch.tensor(out, dtype=rewards.dtype)


@right("group_advantages")
def advantages_by_a_matrix(rewards, method):
    n = rewards.shape[1]
    if n < 2:
        raise ValueError("n < 2")
    if method == "rloo":
        others = (1 - torch.eye(n, dtype=rewards.dtype)) / (n - 1)
        return rewards - rewards @ others
    elif method == "grpo":
        var, mean = torch.var_mean(rewards, dim=1, keepdim=True)
        return (rewards - mean) / (var.sqrt() + 1e-4)
    raise ValueError(f"unknown method {method}")


@right("group_advantages")
def advantages_by_a_table_of_methods(rewards, method):
    def rloo(row):
        return torch.stack([row[k] - torch.cat([row[:k], row[k + 1 :]]).mean() for k in range(len(row))])

    def grpo(row):
        return (row - row.mean()) / (row.std() + 1e-4)

    methods = {"rloo": rloo, "grpo": grpo}
    if method not in methods:
        raise ValueError("unknown")
    if rewards.shape[-1] < 2:
        raise ValueError("alone")
    return torch.stack([methods[method](row) for row in rewards])


@right("group_advantages")
def advantages_by_pairs(rewards, method):
    n = rewards.shape[1]
    if n < 2:
        raise ValueError("single")
    pairs = rewards.unsqueeze(2) - rewards.unsqueeze(1)
    match method:
        case "rloo":
            return pairs.sum(dim=2) / (n - 1)
        case "grpo":
            sd = (pairs.square().sum(dim=(1, 2)) / (2 * n * (n - 1))).sqrt()
            return pairs.mean(dim=2) / (sd + 1e-4).unsqueeze(1)
        case _:
            raise ValueError("rloo or grpo")
