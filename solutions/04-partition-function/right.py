"""Right answers of lab 04, each in a manner of its own: loops, numpy, scipy, and torch in other orders."""

# ruff: noqa: F821 - a right answer is pasted into the notebook, which defines the functions that it calls.

from __future__ import annotations

import math

import torch

from grader.checks import right

# count_sequences -------------------------------------------------------------------------------------------------


@right("count_sequences")
def multiplies_place_by_place(vocab_size: int, max_tokens: int, stops: bool = False) -> int:
    """Counts the texts that are open and those that have ended, one place after another."""
    if vocab_size <= 0 or max_tokens < 0:
        raise ValueError("sizes")
    unfinished, ended = 1, 0
    for _ in range(max_tokens):
        if stops:
            unfinished, ended = unfinished * (vocab_size - 1), ended + unfinished
        else:
            unfinished *= vocab_size
    return unfinished + ended


@right("count_sequences")
def uses_the_geometric_series(vocab_size: int, max_tokens: int, stops: bool = False) -> int:
    """Divides whole numbers; two tokens are a case of their own."""
    if vocab_size < 1:
        raise ValueError("the vocabulary is empty")
    if max_tokens < 0:
        raise ValueError("T is negative")
    if not stops:
        return pow(vocab_size, max_tokens)
    if vocab_size == 2:
        return max_tokens + 1
    return ((vocab_size - 1) ** (max_tokens + 1) - 1) // (vocab_size - 2)


@right("count_sequences")
def follows_horner(vocab_size: int, max_tokens: int, stops: bool = False) -> int:
    """1 + n (1 + n (…)): a response is EOS, or a word and then a response."""
    if not (vocab_size >= 1 and max_tokens >= 0):
        raise ValueError("sizes")
    if not stops:
        return math.prod([vocab_size] * max_tokens)
    total = 1
    for _ in range(max_tokens):
        total = 1 + (vocab_size - 1) * total
    return total


@right("count_sequences")
def sums_over_the_words(vocab_size: int, max_tokens: int, stops: bool = False) -> int:
    """Adds up the responses with 0, 1, … T words."""
    if min(vocab_size - 1, max_tokens) < 0:
        raise ValueError("sizes")
    words = vocab_size - 1
    return sum(words**n for n in range(max_tokens + 1)) if stops else vocab_size**max_tokens


@right("count_sequences")
def takes_away_what_follows_eos(vocab_size: int, max_tokens: int, stops: bool = False) -> int:
    """Counts one more place as V − 1 new responses in the place of every open one."""
    if vocab_size < 1 or max_tokens < 0:
        raise ValueError("sizes")
    if stops is False:
        return int(vocab_size) ** int(max_tokens)
    count, unfinished = 1, 1
    for _ in range(max_tokens):
        count += unfinished * (vocab_size - 1)
        unfinished *= vocab_size - 1
    return count


@right("count_sequences")
def counts_with_numpy_objects(vocab_size: int, max_tokens: int, stops: bool = False) -> int:
    """Lets numpy multiply Python's whole numbers."""
    import numpy as np

    if vocab_size < 1 or max_tokens < 0:
        raise ValueError("sizes")
    if not stops:
        return int(np.prod(np.array([vocab_size] * max_tokens + [1], dtype=object)))
    powers = np.cumprod(np.array([1] + [vocab_size - 1] * max_tokens, dtype=object))
    return int(powers.sum())


# sequence_log_probs ----------------------------------------------------------------------------------------------


@right("sequence_log_probs")
def keeps_texts_in_lists(
    model: torch.nn.Module, prompt: torch.Tensor, max_new_tokens: int, eos_id: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Extends lists by hand, text by text, after one call of the model for all of them."""
    texts, totals = [[]], torch.zeros(1, dtype=torch.float64)
    for _ in range(max_new_tokens):
        ids = torch.tensor([prompt[0].tolist() + text for text in texts])
        with torch.no_grad():
            step = torch.log_softmax(model(ids).logits[:, -1, :].to(torch.float64), dim=-1)
        grown, sums = [], []
        for i, text in enumerate(texts):
            if eos_id in text:
                grown.append([*text, eos_id])
                sums.append(totals[i])
                continue
            for token in range(step.shape[-1]):
                grown.append([*text, token])
                sums.append(totals[i] + step[i, token])
        texts, totals = grown, torch.stack(sums)
    return torch.tensor(texts), totals


@right("sequence_log_probs")
def keeps_open_texts_apart(
    model: torch.nn.Module, prompt: torch.Tensor, max_new_tokens: int, eos_id: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Gives the model open texts only, and sorts all responses at the end."""
    done, texts, sums = [], [[]], [0.0]
    for place in range(max_new_tokens):
        if not texts:
            break
        new = torch.tensor(texts, dtype=torch.int64).reshape(len(texts), place)
        logits = model(torch.cat([prompt.expand(len(texts), -1), new], dim=1)).logits[:, -1].detach().double()
        step = (logits - torch.logsumexp(logits, dim=-1, keepdim=True)).tolist()
        longer, longer_sums = [], []
        for text, total, row in zip(texts, sums, step):
            for token, log_prob in enumerate(row):
                if token == eos_id:
                    done.append((text + [eos_id] * (max_new_tokens - place), total + log_prob))
                else:
                    longer.append([*text, token])
                    longer_sums.append(total + log_prob)
        texts, sums = longer, longer_sums
    found = sorted([*done, *zip(texts, sums)])
    ids = torch.tensor([text for text, _ in found], dtype=torch.int64)
    return ids, torch.tensor([total for _, total in found], dtype=torch.float64)


@right("sequence_log_probs")
def lists_first_and_reads_once(
    model: torch.nn.Module, prompt: torch.Tensor, max_new_tokens: int, eos_id: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Asks for the size of the vocabulary, lists all responses, and reads the whole texts in one pass."""
    import itertools

    with torch.no_grad():
        first = model(prompt).logits
        every = itertools.product(range(first.shape[-1]), repeat=max_new_tokens)
        kept = [y for y in every if eos_id not in y or set(y[y.index(eos_id) :]) == {eos_id}]
        ids = torch.tensor(kept)
        if max_new_tokens == 1:
            logits = first[:, -1:].expand(len(ids), -1, -1)
        else:
            logits = model(torch.cat([prompt.expand(len(ids), -1), ids], dim=1)).logits[:, prompt.shape[1] - 1 : -1]
    each = logits.double().log_softmax(-1).gather(-1, ids.unsqueeze(-1)).squeeze(-1)
    is_eos = (ids == eos_id).long()
    before = is_eos.cumsum(-1) - is_eos
    return ids, (each * (before == 0)).sum(-1)


@right("sequence_log_probs")
def pairs_texts_and_tokens(
    model: torch.nn.Module, prompt: torch.Tensor, max_new_tokens: int, eos_id: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Makes all pairs with `meshgrid`, and keeps of an ended text the pair with EOS."""
    ids, sums = torch.zeros(1, 0, dtype=torch.long), torch.zeros(1, dtype=torch.double)
    for _ in range(max_new_tokens):
        logits = model(torch.cat((prompt.repeat(ids.shape[0], 1), ids), 1)).logits[:, -1].detach()
        step = torch.nn.functional.log_softmax(logits, dim=-1, dtype=torch.float64)
        rows, tokens = torch.meshgrid(torch.arange(len(ids)), torch.arange(step.shape[1]), indexing="ij")
        rows, tokens = rows.reshape(-1), tokens.reshape(-1)
        closed = (ids[rows] == eos_id).any(dim=1)
        cost = torch.where(closed, torch.zeros_like(sums[rows]), step[rows, tokens])
        chosen = torch.nonzero(~closed | (tokens == eos_id)).squeeze(1)
        ids = torch.cat((ids[rows], tokens[:, None]), 1)[chosen]
        sums = (sums[rows] + cost)[chosen]
    return ids, sums


@right("sequence_log_probs")
def goes_through_numpy_and_scipy(
    model: torch.nn.Module, prompt: torch.Tensor, max_new_tokens: int, eos_id: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Holds ids and sums in arrays; the model alone sees tensors."""
    import numpy as np
    from scipy.special import log_softmax

    start = prompt.shape[1]
    ids, sums, ended = prompt.numpy().copy(), np.zeros(1), np.zeros(1, dtype=bool)
    for _ in range(max_new_tokens):
        logits = model(torch.from_numpy(ids)).logits[:, -1].detach().double().numpy()
        step = log_softmax(logits, axis=-1)
        step[ended] = 0.0
        vocab = step.shape[-1]
        tokens = np.tile(np.arange(vocab), len(ids))
        keep = ~np.repeat(ended, vocab) | (tokens == eos_id)
        ids = np.concatenate([np.repeat(ids, vocab, axis=0), tokens[:, None]], axis=1)[keep]
        sums = (sums[:, None] + step).ravel()[keep]
        ended = ids[:, -1] == eos_id
    return torch.from_numpy(ids[:, start:].copy()), torch.from_numpy(sums)


@right("sequence_log_probs")
def grows_a_dictionary(
    model: torch.nn.Module, prompt: torch.Tensor, max_new_tokens: int, eos_id: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Maps each response without its filling to its log-prob; the filling comes last."""
    known, texts = {}, {(): 0.0}
    for _ in range(max_new_tokens):
        batch = torch.tensor([[*prompt[0].tolist(), *text] for text in texts])
        with torch.no_grad():
            logits = model(batch).logits[:, -1].double()
        log_probs = logits.log_softmax(-1).tolist()
        grown = {}
        for (text, total), row in zip(texts.items(), log_probs):
            grown.update({(*text, token): total + row[token] for token in range(len(row))})
        known.update({text: total for text, total in grown.items() if text[-1] == eos_id})
        texts = {text: total for text, total in grown.items() if text[-1] != eos_id}
        if not texts:
            break
    known.update(texts)
    filled = {text + (eos_id,) * (max_new_tokens - len(text)): total for text, total in known.items()}
    order = sorted(filled)
    return torch.tensor(order), torch.tensor([filled[text] for text in order], dtype=torch.float64)


# kl_divergence ---------------------------------------------------------------------------------------------------


@right("kl_divergence")
def chooses_the_difference_first(log_p: torch.Tensor, log_q: torch.Tensor) -> torch.Tensor:
    """Sets the difference to 0 where p is 0, before it is weighed."""
    difference = torch.where(torch.isneginf(log_p), torch.zeros_like(log_p), log_p - log_q)
    return torch.sum(log_p.exp() * difference, dim=-1)


@right("kl_divergence")
def trusts_f_kl_div_with_arguments_swapped(log_p: torch.Tensor, log_q: torch.Tensor) -> torch.Tensor:
    """Calls `F.kl_div(log_q, log_p)`, then mends the places where p is 0."""
    pointwise = torch.nn.functional.kl_div(log_q, log_p, reduction="none", log_target=True)
    return pointwise.masked_fill(log_p == float("-inf"), 0).sum(dim=-1)


@right("kl_divergence")
def adds_term_by_term(log_p: torch.Tensor, log_q: torch.Tensor) -> torch.Tensor:
    """Loops over rows and responses in Python, and adds exactly."""
    totals = []
    width = log_p.shape[-1]
    for p_row, q_row in zip(log_p.reshape(-1, width).tolist(), log_q.reshape(-1, width).tolist()):
        terms = [math.exp(p) * (p - q) for p, q in zip(p_row, q_row) if p > -math.inf]
        totals.append(math.inf if math.inf in terms else math.fsum(terms))
    return torch.tensor(totals, dtype=torch.float64).reshape(log_p.shape[:-1])


@right("kl_divergence")
def sums_with_numpy(log_p: torch.Tensor, log_q: torch.Tensor) -> torch.Tensor:
    """Lets numpy sum where p is not 0."""
    import numpy as np

    p, q = log_p.detach().numpy(), log_q.detach().numpy()
    allowed = p > -np.inf
    terms = np.zeros_like(p)
    terms[allowed] = np.exp(p[allowed]) * (p[allowed] - q[allowed])
    return torch.as_tensor(terms.sum(axis=-1))


@right("kl_divergence")
def multiplies_with_einsum(log_p: torch.Tensor, log_q: torch.Tensor) -> torch.Tensor:
    """Contracts p with the differences."""
    gap = log_p - log_q
    gap = gap.clone()
    gap[log_p == -torch.inf] = 0.0
    return torch.einsum("...y,...y->...", log_p.exp(), gap)


@right("kl_divergence")
def takes_entropy_from_cross_entropy(log_p: torch.Tensor, log_q: torch.Tensor) -> torch.Tensor:
    """−Σ p log q less the entropy of p, each without the places where p is 0."""
    p, never = log_p.exp(), log_p == -torch.inf
    cross = -(p * log_q).masked_fill(never, 0.0).sum(-1)
    entropy = -(p * log_p).masked_fill(never, 0.0).sum(-1)
    return cross - entropy


# kl_objective ----------------------------------------------------------------------------------------------------


@right("kl_objective")
def collects_all_in_one_sum(
    log_policy: torch.Tensor, ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float
) -> torch.Tensor:
    """Expects r − β (log π − log π_ref) under π."""
    inside = rewards - beta * (log_policy - ref_log_probs)
    inside = torch.where(log_policy == -torch.inf, 0.0, inside)
    return (log_policy.exp() * inside).sum(dim=-1)


@right("kl_objective")
def multiplies_rows_by_einsum(
    log_policy: torch.Tensor, ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float
) -> torch.Tensor:
    """The mean reward by `einsum`, the leash by the student's own function."""
    mean = torch.einsum("...i,...i->...", torch.exp(log_policy), rewards)
    return mean.sub(kl_divergence(log_policy, ref_log_probs), alpha=beta)


@right("kl_objective")
def goes_row_by_row(
    log_policy: torch.Tensor, ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float
) -> torch.Tensor:
    """Calls itself on each row of a batch."""
    if log_policy.ndim > 1:
        rows = zip(log_policy, ref_log_probs, rewards)
        return torch.stack([kl_objective(policy, ref, r, beta) for policy, ref, r in rows])
    said = log_policy > -torch.inf
    p, log_p, log_q, r = log_policy[said].exp(), log_policy[said], ref_log_probs[said], rewards[said]
    return p.dot(r) - beta * p.dot(log_p - log_q)


@right("kl_objective")
def adds_floats_exactly(
    log_policy: torch.Tensor, ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float
) -> torch.Tensor:
    """Plain Python, with `math.fsum`."""
    flat, width = [], log_policy.shape[-1]
    parts = (t.reshape(-1, width).tolist() for t in (log_policy, ref_log_probs, rewards))
    for policy, ref, gains in zip(*parts):
        terms = []
        for log_p, log_q, gain in zip(policy, ref, gains):
            if log_p == -math.inf:
                continue
            p = math.exp(log_p)
            terms += [p * gain, -beta * p * (log_p - log_q)]
        flat.append(-math.inf if -math.inf in terms else math.fsum(terms))
    return torch.tensor(flat, dtype=torch.float64).view(log_policy.shape[:-1])


@right("kl_objective")
def computes_in_numpy(
    log_policy: torch.Tensor, ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float
) -> torch.Tensor:
    """Numpy, with `where`."""
    import numpy as np

    log_p, log_q, r = log_policy.numpy(), ref_log_probs.numpy(), rewards.numpy()
    with np.errstate(invalid="ignore"):
        gap = np.where(np.isneginf(log_p), 0.0, log_p - log_q)
    p = np.exp(log_p)
    return torch.tensor((p * r).sum(-1) - beta * (p * gap).sum(-1))


@right("kl_objective")
def measures_from_the_optimum(
    log_policy: torch.Tensor, ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float
) -> torch.Tensor:
    """−β times the KL from the weights π_ref exp(r/β), which are not normalised."""
    log_weights = ref_log_probs + rewards / beta
    terms = log_policy.exp() * (log_policy - log_weights)
    return -beta * torch.where(log_policy == -math.inf, torch.zeros_like(terms), terms).sum(-1)


# log_partition ---------------------------------------------------------------------------------------------------


@right("log_partition")
def takes_out_each_rows_maximum(ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float) -> torch.Tensor:
    """By hand: the largest term of each row is taken out."""
    if beta <= 0:
        raise ValueError("beta must be positive")
    terms = ref_log_probs + rewards / beta
    top = terms.amax(dim=-1, keepdim=True)
    return (top + torch.log(torch.exp(terms - top).sum(dim=-1, keepdim=True))).squeeze(-1)


@right("log_partition")
def adds_in_logarithms(ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float) -> torch.Tensor:
    """`logaddexp`, response by response."""
    if not beta > 0:
        raise ValueError("beta must be positive")
    first, *others = (ref_log_probs + rewards / beta).unbind(-1)
    for term in others:
        first = torch.logaddexp(first, term)
    return first


@right("log_partition")
def asks_scipy(ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float) -> torch.Tensor:
    """`scipy.special.logsumexp`."""
    from scipy.special import logsumexp

    if beta <= 0.0:
        raise ValueError(f"beta is {beta}")
    return torch.as_tensor(logsumexp((ref_log_probs + rewards / beta).numpy(), axis=-1), dtype=torch.float64)


@right("log_partition")
def sums_in_python(ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float) -> torch.Tensor:
    """Lists and `math.fsum`."""
    if beta <= 0:
        raise ValueError("beta must be positive")
    width, found = rewards.shape[-1], []
    for ref, gains in zip(ref_log_probs.reshape(-1, width).tolist(), rewards.reshape(-1, width).tolist()):
        terms = [log_p + gain / beta for log_p, gain in zip(ref, gains)]
        top = max(terms)
        found.append(top + math.log(math.fsum(math.exp(term - top) for term in terms)))
    return torch.tensor(found, dtype=torch.float64).reshape(rewards.shape[:-1])


@right("log_partition")
def reads_it_off_the_softmax(ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float) -> torch.Tensor:
    """What `log_softmax` takes away from the largest term of a row is log Z."""
    if beta <= 0:
        raise ValueError("beta must be positive")
    terms = ref_log_probs + rewards / beta
    place = terms.argmax(dim=-1, keepdim=True)
    return (terms.gather(-1, place) - terms.log_softmax(dim=-1).gather(-1, place)).squeeze(-1)


@right("log_partition")
def multiplies_by_one_over_beta(ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float) -> torch.Tensor:
    """`torch.add` with `alpha`, and `logsumexp` that keeps its dimension."""
    if beta <= 0:
        raise ValueError("beta must be positive")
    log_weights = torch.add(ref_log_probs, rewards, alpha=1 / beta)
    return torch.logsumexp(log_weights, -1, keepdim=True)[..., 0]


@right("log_partition")
def leaves_forbidden_responses_out(ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float) -> torch.Tensor:
    """One `logsumexp` a row, over what π_ref allows."""
    if beta <= 0:
        raise ValueError("beta must be positive")
    if rewards.ndim > 1:
        return torch.stack([log_partition(ref, r, beta) for ref, r in zip(ref_log_probs, rewards)])
    allowed = ref_log_probs != -math.inf
    return torch.logsumexp(ref_log_probs[allowed] + rewards[allowed] / beta, dim=0)


# optimal_policy --------------------------------------------------------------------------------------------------


@right("optimal_policy")
def normalises_with_log_softmax(ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float) -> torch.Tensor:
    """`log_softmax` knows log Z."""
    return torch.log_softmax(ref_log_probs + rewards / beta, dim=-1)


@right("optimal_policy")
def subtracts_its_own_log_z(ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float) -> torch.Tensor:
    """The student's own `log_partition`, with a last dimension."""
    tilted = ref_log_probs + rewards.div(beta)
    return tilted - log_partition(ref_log_probs, rewards, beta).unsqueeze(dim=-1)


@right("optimal_policy")
def shifts_before_it_sums(ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float) -> torch.Tensor:
    """Takes each row's largest term out, then exponentials are safe."""
    tilted = ref_log_probs + rewards / beta
    tilted = tilted - tilted.max(dim=-1, keepdim=True).values
    return tilted - tilted.exp().sum(dim=-1, keepdim=True).log()


@right("optimal_policy")
def asks_scipy_for_log_softmax(ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float) -> torch.Tensor:
    """`scipy.special.logsumexp`, kept in its dimension."""
    from scipy.special import logsumexp

    tilted = ref_log_probs.numpy() + rewards.numpy() / beta
    return torch.from_numpy(tilted - logsumexp(tilted, axis=-1, keepdims=True))


@right("optimal_policy")
def tilts_row_by_row(ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float) -> torch.Tensor:
    """Lists, row by row."""
    width, found = rewards.shape[-1], []
    for ref, gains in zip(ref_log_probs.reshape(-1, width).tolist(), rewards.reshape(-1, width).tolist()):
        terms = [log_p + gain / beta for log_p, gain in zip(ref, gains)]
        top = max(terms)
        log_z = top + math.log(sum(math.exp(term - top) for term in terms))
        found.append([term - log_z for term in terms])
    return torch.tensor(found, dtype=torch.float64).reshape(rewards.shape)


@right("optimal_policy")
def lets_a_categorical_normalise(ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float) -> torch.Tensor:
    """`Categorical(logits=…)` normalises as `log_softmax` does; it is told not to look for −inf."""
    weights = torch.distributions.Categorical(logits=ref_log_probs + rewards / beta, validate_args=False)
    return weights.logits


# reward_from_policy ----------------------------------------------------------------------------------------------


@right("reward_from_policy")
def multiplies_each_part(
    log_policy: torch.Tensor, ref_log_probs: torch.Tensor, beta: float, log_z: torch.Tensor
) -> torch.Tensor:
    """β times the log-ratio and β times log Z."""
    return beta * (log_policy - ref_log_probs) + (beta * log_z).unsqueeze(-1)


@right("reward_from_policy")
def expands_log_z(
    log_policy: torch.Tensor, ref_log_probs: torch.Tensor, beta: float, log_z: torch.Tensor
) -> torch.Tensor:
    """Gives log Z the shape of the rewards first."""
    shape = (*log_z.shape, 1)
    return (log_policy + log_z.reshape(shape).expand_as(log_policy) - ref_log_probs).mul(beta)


@right("reward_from_policy")
def goes_prompt_by_prompt(
    log_policy: torch.Tensor, ref_log_probs: torch.Tensor, beta: float, log_z: torch.Tensor
) -> torch.Tensor:
    """Loops over prompts in Python."""
    width, found = log_policy.shape[-1], []
    rows = zip(log_policy.reshape(-1, width), ref_log_probs.reshape(-1, width), log_z.reshape(-1))
    for policy, ref, z in rows:
        ratios = zip(policy.tolist(), ref.tolist())
        found.append([beta * (log_p - log_q + z.item()) for log_p, log_q in ratios])
    return torch.tensor(found, dtype=torch.float64).reshape(log_policy.shape)


@right("reward_from_policy")
def computes_the_reward_in_numpy(
    log_policy: torch.Tensor, ref_log_probs: torch.Tensor, beta: float, log_z: torch.Tensor
) -> torch.Tensor:
    """Numpy's broadcasting."""
    import numpy as np

    z = np.expand_dims(log_z.numpy(), -1)
    return torch.from_numpy(beta * (log_policy.numpy() - ref_log_probs.numpy() + z))


@right("reward_from_policy")
def turns_rows_into_columns(
    log_policy: torch.Tensor, ref_log_probs: torch.Tensor, beta: float, log_z: torch.Tensor
) -> torch.Tensor:
    """Brings the responses to the front, where log Z fits as it is."""
    ratio = (log_policy - ref_log_probs).movedim(-1, 0)
    return (beta * (ratio + log_z)).movedim(0, -1)


@right("reward_from_policy")
def adds_in_place_to_a_copy(
    log_policy: torch.Tensor, ref_log_probs: torch.Tensor, beta: float, log_z: torch.Tensor
) -> torch.Tensor:
    """In place, but on a copy."""
    found = log_policy.clone()
    found -= ref_log_probs
    found += log_z[..., None]
    found *= beta
    return found


# monte_carlo_log_partition ---------------------------------------------------------------------------------------


@right("monte_carlo_log_partition")
def takes_out_the_best_of_each_row(ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float) -> torch.Tensor:
    """The largest r/β of each row is taken out, the mean is that of numbers up to 1."""
    scaled = rewards / beta
    top = scaled.max(dim=-1).values
    return top + (scaled - top.unsqueeze(-1)).exp().mean(dim=-1).log()


@right("monte_carlo_log_partition")
def calls_log_partition_with_equal_weights(
    ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float
) -> torch.Tensor:
    """The empirical reference gives each sample 1/n."""
    return log_partition(torch.full_like(rewards, -math.log(rewards.shape[-1])), rewards, beta)


@right("monte_carlo_log_partition")
def asks_scipy_with_weights(ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float) -> torch.Tensor:
    """`scipy.special.logsumexp` with `b`, the weight of each term."""
    from scipy.special import logsumexp

    return torch.as_tensor(logsumexp(rewards.numpy() / beta, axis=-1, b=1 / rewards.shape[-1]), dtype=torch.float64)


@right("monte_carlo_log_partition")
def averages_in_python(ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float) -> torch.Tensor:
    """Lists, and each reward as often as it was drawn."""
    n, found = rewards.shape[-1], []
    for row in rewards.reshape(-1, n).tolist():
        best = max(row)
        found.append(best / beta + math.log(sum(math.exp((r - best) / beta) for r in row) / n))
    return torch.tensor(found, dtype=torch.float64).reshape(rewards.shape[:-1])


@right("monte_carlo_log_partition")
def counts_equal_rewards(ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float) -> torch.Tensor:
    """Each different reward once, weighed by how often it was drawn."""
    if rewards.ndim > 1:
        rows = zip(ref_log_probs, rewards)
        return torch.stack([monte_carlo_log_partition(ref, r, beta) for ref, r in rows])
    values, counts = rewards.unique(return_counts=True)
    return torch.logsumexp(values / beta + counts.double().log(), dim=0) - math.log(rewards.numel())


@right("monte_carlo_log_partition")
def accumulates_in_logarithms(ref_log_probs: torch.Tensor, rewards: torch.Tensor, beta: float) -> torch.Tensor:
    """`logcumsumexp`, of which the last is the sum."""
    n = rewards.size(-1)
    return torch.logcumsumexp(rewards / beta, dim=-1).select(-1, n - 1) - torch.tensor(n, dtype=torch.float64).log()


# effective_sample_size -------------------------------------------------------------------------------------------


@right("effective_sample_size")
def scales_by_the_largest_weight(log_weights: torch.Tensor) -> torch.Tensor:
    """Takes each row's largest weight for 1."""
    w = (log_weights - log_weights.amax(-1, keepdim=True)).exp()
    return w.sum(-1).square() / w.square().sum(-1)


@right("effective_sample_size")
def normalises_the_weights(log_weights: torch.Tensor) -> torch.Tensor:
    """1/Σp² of the normalised weights."""
    p = log_weights.softmax(dim=-1)
    return (p * p).sum(dim=-1).reciprocal()


@right("effective_sample_size")
def squares_log_softmax(log_weights: torch.Tensor) -> torch.Tensor:
    """In logarithms to the end."""
    return torch.exp(-torch.logsumexp(2 * torch.log_softmax(log_weights, -1), -1))


@right("effective_sample_size")
def counts_in_python(log_weights: torch.Tensor) -> torch.Tensor:
    """Lists and `math.fsum`."""
    n, found = log_weights.shape[-1], []
    for row in log_weights.reshape(-1, n).tolist():
        top = max(row)
        w = [math.exp(x - top) for x in row]
        found.append(math.fsum(w) ** 2 / math.fsum(x * x for x in w))
    return torch.tensor(found, dtype=torch.float64).reshape(log_weights.shape[:-1])


@right("effective_sample_size")
def divides_by_the_norm_in_numpy(log_weights: torch.Tensor) -> torch.Tensor:
    """The square of the ratio of two norms."""
    import numpy as np

    x = log_weights.detach().numpy()
    w = np.exp(x - x.max(axis=-1, keepdims=True))
    return torch.as_tensor((np.linalg.norm(w, 1, axis=-1) / np.linalg.norm(w, 2, axis=-1)) ** 2)


@right("effective_sample_size")
def keeps_within_its_bounds(log_weights: torch.Tensor) -> torch.Tensor:
    """Cuts off what rounding adds below 1 and above n."""
    from scipy.special import logsumexp

    x = log_weights.numpy()
    found = torch.as_tensor(2 * logsumexp(x, axis=-1) - logsumexp(2 * x, axis=-1), dtype=torch.float64)
    return found.exp().clamp(1, log_weights.shape[-1])


# best_of_n_policy ------------------------------------------------------------------------------------------------


@right("best_of_n_policy")
def groups_equal_rewards(ref_log_probs: torch.Tensor, rewards: torch.Tensor, n: int) -> torch.Tensor:
    """Sums π_ref over each group of equal rewards, row by row."""
    if n < 1:
        raise ValueError("n must be at least 1")
    if rewards.ndim > 1:
        return torch.stack([best_of_n_policy(ref, r, n) for ref, r in zip(ref_log_probs, rewards)])
    p = ref_log_probs.exp()
    values, group = torch.unique(rewards, return_inverse=True)
    mass = torch.zeros(len(values), dtype=torch.float64).scatter_add(0, group, p)
    upto = mass.cumsum(0)
    wins = upto**n - (upto - mass) ** n
    share = torch.where(mass > 0, wins / mass, 0.0)
    return (p * share[group]).log()


@right("best_of_n_policy")
def loops_over_responses(ref_log_probs: torch.Tensor, rewards: torch.Tensor, n: int) -> torch.Tensor:
    """Plain Python: what is below, what is equal, what is mine."""
    if not n >= 1:
        raise ValueError(n)
    width, found = rewards.shape[-1], []
    for ref, gains in zip(ref_log_probs.reshape(-1, width).tolist(), rewards.reshape(-1, width).tolist()):
        mass = {}
        for log_p, gain in zip(ref, gains):
            mass[gain] = mass.get(gain, 0.0) + math.exp(log_p)
        below, wins = 0.0, {}
        for gain in sorted(mass):
            wins[gain] = (below + mass[gain]) ** n - below**n
            below += mass[gain]
        chances = [(wins[gain] / mass[gain] if mass[gain] else 0.0) for gain in gains]
        shares = [chance * math.exp(log_p) for chance, log_p in zip(chances, ref)]
        found.append([math.log(share) if share > 0 else -math.inf for share in shares])
    return torch.tensor(found, dtype=torch.float64).reshape(rewards.shape)


@right("best_of_n_policy")
def sums_a_geometric_series(ref_log_probs: torch.Tensor, rewards: torch.Tensor, n: int) -> torch.Tensor:
    """(F^n − F⁻^n) / (F − F⁻) is Σ F^k F⁻^(n−1−k): no division at all."""
    if n < 1:
        raise ValueError("n must be at least 1")
    better = (rewards.unsqueeze(-2) > rewards.unsqueeze(-1)).double()
    p = ref_log_probs.exp()
    upto = 1 - torch.einsum("...ij,...j->...i", better, p)
    worse = torch.einsum("...ij,...j->...i", (rewards.unsqueeze(-2) < rewards.unsqueeze(-1)).double(), p)
    draws = torch.arange(n)
    series = (upto.unsqueeze(-1) ** draws * worse.unsqueeze(-1) ** draws.flip(0)).sum(-1)
    return ref_log_probs + series.log()


@right("best_of_n_policy")
def compares_all_pairs_in_numpy(ref_log_probs: torch.Tensor, rewards: torch.Tensor, n: int) -> torch.Tensor:
    """Numpy, with 1 in the place of a 0 that would divide."""
    import numpy as np

    if n < 1:
        raise ValueError("n must be at least 1")
    p, r = np.exp(ref_log_probs.numpy()), rewards.numpy()
    upto = (p[..., None, :] * (r[..., None, :] <= r[..., :, None])).sum(-1)
    tied = (p[..., None, :] * (r[..., None, :] == r[..., :, None])).sum(-1)
    wins = upto**n - (upto - tied) ** n
    with np.errstate(divide="ignore"):
        return torch.from_numpy(np.log(p * wins / np.where(tied > 0, tied, 1.0)))


@right("best_of_n_policy")
def stays_in_logarithms(ref_log_probs: torch.Tensor, rewards: torch.Tensor, n: int) -> torch.Tensor:
    """`logsumexp` over what is below and what is equal; log(F^n − F⁻^n) by `log1p`."""
    if n < 1:
        raise ValueError("n must be at least 1")
    mine, other, rows = rewards[..., :, None], rewards[..., None, :], ref_log_probs[..., None, :]
    below = rows.masked_fill(other >= mine, -torch.inf).logsumexp(-1)
    equal = rows.masked_fill(other != mine, -torch.inf).logsumexp(-1)
    upto = torch.logaddexp(below, equal)
    won = n * upto + torch.log1p(-torch.exp(n * (below - upto)))
    return (ref_log_probs - equal + won).masked_fill(ref_log_probs == -torch.inf, -torch.inf)


@right("best_of_n_policy")
def doubles_the_draws(ref_log_probs: torch.Tensor, rewards: torch.Tensor, n: int) -> torch.Tensor:
    """The winner of k draws meets the winner of k more, who came later: n in powers of two."""
    if n < 1:
        raise ValueError("n must be at least 1")
    stays = (rewards[..., :, None] >= rewards[..., None, :]).double()

    def meets(first: torch.Tensor, later: torch.Tensor) -> torch.Tensor:
        pair = first[..., :, None] * later[..., None, :]
        return (pair * stays).sum(-1) + (pair * (1 - stays)).sum(-2)

    wins, power = None, ref_log_probs.exp()
    while n:
        if n & 1:
            wins = power if wins is None else meets(wins, power)
        power = meets(power, power)
        n >>= 1
    return wins.log()
