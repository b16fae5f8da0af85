"""Right answers of lab 01, written in other manners than the solution: each must get all points, on every road."""

# ruff: noqa: F821 - an answer is pasted into the notebook, which defines the functions that it calls.

from __future__ import annotations

from collections.abc import Callable

import torch

from grader.checks import right

# apply_temperature -----------------------------------------------------------------------------------------------


@right("apply_temperature")
def times_the_inverse(logits: torch.Tensor, temperature: float) -> torch.Tensor:
    """Multiplies by 1 / τ."""
    if temperature <= 0:
        raise ValueError("temperature")
    return logits * (1.0 / temperature)


@right("apply_temperature")
def divides_a_copy_in_place(logits: torch.Tensor, temperature: float) -> torch.Tensor:
    """Changes its own copy."""
    if temperature <= 0:
        raise ValueError("temperature")
    cooled = logits.clone()
    cooled /= temperature
    return cooled


@right("apply_temperature")
def divides_in_double(logits: torch.Tensor, temperature: float) -> torch.Tensor:
    """Rounds once, at the end."""
    if temperature <= 0:
        raise ValueError("temperature")
    return (logits.double() / temperature).to(logits.dtype)


@right("apply_temperature")
def divides_number_by_number(logits: torch.Tensor, temperature: float) -> torch.Tensor:
    """Python's own numbers."""
    if temperature <= 0:
        raise ValueError("temperature")
    return torch.tensor([[z / temperature for z in row] for row in logits.tolist()], dtype=logits.dtype)


@right("apply_temperature")
def divides_with_numpy(logits: torch.Tensor, temperature: float) -> torch.Tensor:
    """numpy, which knows no bfloat16."""
    import numpy as np

    if not temperature > 0:
        raise ValueError("temperature")
    return torch.from_numpy(np.divide(logits.double().numpy(), temperature)).to(logits.dtype)


@right("apply_temperature")
def divides_into_an_empty_tensor(logits: torch.Tensor, temperature: float) -> torch.Tensor:
    """`out=`."""
    if not temperature > 0:
        raise ValueError("temperature")
    return torch.div(logits, temperature, out=torch.empty_like(logits))


@right("apply_temperature")
def divides_row_by_row(logits: torch.Tensor, temperature: float) -> torch.Tensor:
    """A row at a time, under no_grad."""
    if temperature <= 0.0:
        raise ValueError("temperature")
    with torch.no_grad():
        return torch.stack([row / temperature for row in logits])


# top_k_filter ----------------------------------------------------------------------------------------------------


@right("top_k_filter")
def sorts(logits: torch.Tensor, k: int) -> torch.Tensor:
    """Reads the k-th largest from the sorted row."""
    if k < 1:
        raise ValueError("k")
    ordered = torch.sort(logits, dim=-1, descending=True).values
    kth = ordered[:, min(k, logits.shape[-1]) - 1].unsqueeze(-1)
    return torch.where(logits >= kth, logits, -torch.inf)


@right("top_k_filter")
def takes_the_kth_value(logits: torch.Tensor, k: int) -> torch.Tensor:
    """`kthvalue` counts from the smallest."""
    if k <= 0:
        raise ValueError("k")
    vocab = logits.shape[-1]
    kth = logits.double().kthvalue(max(vocab - k + 1, 1), dim=-1, keepdim=True).values
    out = logits.clone()
    out[logits.double() < kth] = -torch.inf
    return out


@right("top_k_filter")
def partitions_with_numpy(logits: torch.Tensor, k: int) -> torch.Tensor:
    """`numpy.partition`."""
    import numpy as np

    if k < 1:
        raise ValueError("k")
    place = max(logits.shape[1] - k, 0)
    kth = np.partition(logits.double().numpy(), place, axis=1)[:, place : place + 1]
    return logits.masked_fill(torch.from_numpy(logits.double().numpy() < kth), float("-inf"))


@right("top_k_filter")
def counts_the_larger_ones(logits: torch.Tensor, k: int) -> torch.Tensor:
    """A token stays if fewer than k are larger."""
    if k < 1:
        raise ValueError("k")
    larger = (logits[:, None, :] > logits[:, :, None]).sum(-1)
    return torch.where(larger < k, logits, torch.full_like(logits, -torch.inf))


@right("top_k_filter")
def loops_over_rows(logits: torch.Tensor, k: int) -> torch.Tensor:
    """Python lists."""
    import heapq

    if k < 1:
        raise ValueError("k")
    kept = []
    for row in logits.tolist():
        kth = heapq.nlargest(k, row)[-1]
        kept.append([z if z >= kth else -torch.inf for z in row])
    return torch.tensor(kept, dtype=logits.dtype)


@right("top_k_filter")
def adds_minus_infinity(logits: torch.Tensor, k: int) -> torch.Tensor:
    """Adds 0 to what stays and −inf to what goes."""
    if k < 1:
        raise ValueError("k")
    smallest = logits.topk(min(k, logits.size(-1)), dim=-1).values.amin(-1, keepdim=True)
    return logits + torch.zeros_like(logits).masked_fill(logits < smallest, -torch.inf)


@right("top_k_filter")
def row_by_row_unless_all_stay(logits: torch.Tensor, k: int) -> torch.Tensor:
    """A copy where nothing goes."""
    if k < 1:
        raise ValueError("k")
    if k >= logits.shape[1]:
        return logits.clone()
    out = torch.empty_like(logits)
    for i, row in enumerate(logits):
        out[i] = row.where(row >= row.topk(k).values[-1], torch.tensor(-torch.inf, dtype=row.dtype))
    return out


# top_p_filter ----------------------------------------------------------------------------------------------------


@right("top_p_filter")
def drops_from_the_bottom(logits: torch.Tensor, p: float) -> torch.Tensor:
    """The least probable tokens go while their sum is at most 1 − p."""
    if p <= 0 or p > 1:
        raise ValueError("p")
    if p == 1:
        return logits.clone()
    ordered, places = logits.double().sort(dim=-1)
    drop = ordered.softmax(-1).cumsum(-1) <= 1 - p
    drop[:, -1] = False
    return logits.masked_fill(drop.scatter(-1, places, drop), -torch.inf)


@right("top_p_filter")
def shifts_the_mask(logits: torch.Tensor, p: float) -> torch.Tensor:
    """Drops what comes after a sum that has reached p: a mask, shifted by one."""
    if p <= 0 or p > 1:
        raise ValueError("p")
    if p == 1:
        return logits.clone()
    ordered, places = torch.sort(logits, descending=True, dim=-1)
    reached = torch.cumsum(torch.softmax(ordered, -1, dtype=torch.float32), -1) >= p
    drop = torch.cat([torch.zeros_like(reached[:, :1]), reached[:, :-1]], dim=-1)
    out = logits.clone()
    for row in range(len(logits)):
        out[row, places[row][drop[row]]] = -torch.inf
    return out


@right("top_p_filter")
def adds_up_in_python(logits: torch.Tensor, p: float) -> torch.Tensor:
    """One token after the other, until the sum reaches p."""
    if not (0 < p <= 1):
        raise ValueError("p")
    out = torch.full_like(logits, -torch.inf)
    for row in range(logits.shape[0]):
        probs = logits[row].double().softmax(0).tolist()
        total = 0.0
        for token in sorted(range(len(probs)), key=lambda i: -probs[i]):
            if p < 1 and total >= p:
                break
            out[row, token] = logits[row, token]
            total += probs[token]
    if p == 1:
        out = logits.clone()
    return out


@right("top_p_filter")
def with_numpy(logits: torch.Tensor, p: float) -> torch.Tensor:
    """numpy, a stable argsort, and sums without the token itself."""
    import numpy as np

    if not 0 < p <= 1:
        raise ValueError("p")
    z = logits.double().numpy()
    order = np.argsort(-z, axis=1, kind="stable")
    weights = np.exp(z - z.max(axis=1, keepdims=True))
    probs = np.take_along_axis(weights / weights.sum(axis=1, keepdims=True), order, 1)
    before = np.concatenate([np.zeros((len(z), 1)), np.cumsum(probs, 1)[:, :-1]], 1)
    keep = np.zeros(z.shape, dtype=bool)
    np.put_along_axis(keep, order, (before < p) | (p == 1), 1)
    return torch.where(torch.from_numpy(keep), logits, -torch.inf)


@right("top_p_filter")
def searches_the_size(logits: torch.Tensor, p: float) -> torch.Tensor:
    """`searchsorted` finds how many stay; ranks say which."""
    if not 0 < p <= 1:
        raise ValueError("p")
    order = logits.argsort(dim=-1, descending=True)
    sums = logits.double().softmax(-1).gather(-1, order).cumsum(-1)
    size = torch.searchsorted(sums, torch.full((len(logits), 1), float(p), dtype=torch.float64)) + 1
    if p == 1:
        size = torch.full_like(size, logits.shape[-1])
    return logits.masked_fill(order.argsort(dim=-1) >= size, -torch.inf)


@right("top_p_filter")
def takes_the_best_again_and_again(logits: torch.Tensor, p: float) -> torch.Tensor:
    """The most probable token of those that are left, until p is reached."""
    if not 0 < p <= 1:
        raise ValueError("p")
    if p == 1:
        return logits.clone()
    out = torch.full_like(logits, -torch.inf)
    for row, probs in enumerate(torch.nn.functional.softmax(logits.double(), dim=-1)):
        left, mass = probs.clone(), 0.0
        while mass < p and left.max() > 0:
            token = int(left.argmax())
            mass += left[token].item()
            left[token] = 0
            out[row, token] = logits[row, token]
    return out


@right("top_p_filter")
def builds_the_kept_logits(logits: torch.Tensor, p: float) -> torch.Tensor:
    """Puts what stays into a tensor of −inf."""
    if p > 1 or p <= 0:
        raise ValueError("p")
    values, places = logits.sort(dim=1, descending=True, stable=True)
    probs = values.to(torch.float32).softmax(dim=1)
    keep = (probs.cumsum(dim=1) - probs) < p
    if p == 1:
        keep[:] = True
    return torch.full_like(logits, -torch.inf).scatter(1, places, values.masked_fill(~keep, -torch.inf))


# repetition_penalty ----------------------------------------------------------------------------------------------


@right("repetition_penalty")
def with_a_mask(logits: torch.Tensor, ids: torch.Tensor, penalty: float) -> torch.Tensor:
    """A mask of what was seen, then `where` twice."""
    if penalty <= 0:
        raise ValueError("penalty")
    seen = torch.zeros(logits.shape, dtype=torch.bool).scatter_(1, ids, True)
    return torch.where(seen, torch.where(logits < 0, logits * penalty, logits / penalty), logits)


@right("repetition_penalty")
def with_sets(logits: torch.Tensor, ids: torch.Tensor, penalty: float) -> torch.Tensor:
    """A set of ids for each row."""
    if penalty <= 0:
        raise ValueError("penalty")
    out = logits.clone()
    for row, text in enumerate(ids.tolist()):
        for token in set(text):
            z = out[row, token]
            out[row, token] = z * penalty if z < 0 else z / penalty
    return out


@right("repetition_penalty")
def with_factors(logits: torch.Tensor, ids: torch.Tensor, penalty: float) -> torch.Tensor:
    """One factor for each logit; 1 for what was not seen."""
    if not penalty > 0:
        raise ValueError("penalty")
    factor = torch.full(logits.shape, 1.0 / penalty, dtype=torch.float64).masked_fill(logits < 0, penalty)
    seen = torch.nn.functional.one_hot(ids, logits.shape[-1]).amax(1).bool()
    return (logits.double() * factor.masked_fill(~seen, 1.0)).to(logits.dtype)


@right("repetition_penalty")
def with_numpy_rows(logits: torch.Tensor, ids: torch.Tensor, penalty: float) -> torch.Tensor:
    """Fancy indexing of numpy, by row and by unique id."""
    import numpy as np

    if penalty <= 0:
        raise ValueError("penalty")
    z = logits.double().numpy().copy()
    for i, text in enumerate(ids.numpy()):
        seen = np.unique(text)
        z[i, seen] = np.where(z[i, seen] < 0, z[i, seen] * penalty, z[i, seen] / penalty)
    return torch.from_numpy(z).to(logits.dtype)


@right("repetition_penalty")
def with_clamped_parts(logits: torch.Tensor, ids: torch.Tensor, penalty: float) -> torch.Tensor:
    """Positive and negative part, each in its way."""
    if penalty <= 0:
        raise ValueError("penalty")
    worse = logits.clamp(min=0) / penalty + logits.clamp(max=0) * penalty
    seen = (torch.arange(logits.shape[-1]) == ids[:, :, None]).any(dim=1)
    return worse.where(seen, logits)


@right("repetition_penalty")
def with_indices(logits: torch.Tensor, ids: torch.Tensor, penalty: float) -> torch.Tensor:
    """Row numbers beside the ids; a value written twice is the same value."""
    if penalty <= 0:
        raise ValueError("penalty")
    rows = torch.arange(len(ids))[:, None].expand_as(ids)
    picked = logits[rows, ids]
    out = logits.clone()
    out[rows, ids] = torch.where(picked >= 0, picked / penalty, picked * penalty)
    return out


# min_new_tokens --------------------------------------------------------------------------------------------------


@right("min_new_tokens")
def fills_the_column(logits: torch.Tensor, n_generated: int, minimum: int, eos_id: int) -> torch.Tensor:
    """`index_fill`."""
    if n_generated >= minimum:
        return logits.clone()
    return logits.index_fill(1, torch.tensor([eos_id]), -torch.inf)


@right("min_new_tokens")
def masks_the_column(logits: torch.Tensor, n_generated: int, minimum: int, eos_id: int) -> torch.Tensor:
    """A mask that is all False where the text may end."""
    is_eos = torch.arange(logits.shape[-1]) == eos_id
    return logits.masked_fill(is_eos & (n_generated < minimum), -torch.inf)


@right("min_new_tokens")
def joins_the_columns(logits: torch.Tensor, n_generated: int, minimum: int, eos_id: int) -> torch.Tensor:
    """What is left of EOS, EOS, what is right of it."""
    column = logits[:, eos_id : eos_id + 1]
    if minimum > n_generated:
        column = torch.full_like(column, -torch.inf)
    return torch.cat([logits[:, :eos_id], column, logits[:, eos_id + 1 :]], dim=1)


@right("min_new_tokens")
def adds_a_bias(logits: torch.Tensor, n_generated: int, minimum: int, eos_id: int) -> torch.Tensor:
    """Adds −inf to EOS and 0 to the others."""
    bias = torch.zeros(logits.shape[-1], dtype=logits.dtype)
    if n_generated < minimum:
        bias[eos_id] = -torch.inf
    return logits + bias


@right("min_new_tokens")
def goes_through_the_rows(logits: torch.Tensor, n_generated: int, minimum: int, eos_id: int) -> torch.Tensor:
    """Row by row, in Python."""
    rows = logits.tolist()
    for row in rows:
        if n_generated < minimum:
            row[eos_id] = -torch.inf
    return torch.tensor(rows, dtype=logits.dtype)


@right("min_new_tokens")
def scatters(logits: torch.Tensor, n_generated: int, minimum: int, eos_id: int) -> torch.Tensor:
    """`scatter` of −inf into the column."""
    if n_generated < minimum:
        column = torch.full((len(logits), 1), eos_id, dtype=torch.int64)
        return logits.scatter(-1, column, float("-inf"))
    return logits + 0


@right("min_new_tokens")
def negates_the_condition(logits: torch.Tensor, n_generated: int, minimum: int, eos_id: int) -> torch.Tensor:
    """Counts how many are missing."""
    out = torch.empty_like(logits).copy_(logits)
    missing = minimum - n_generated
    if not missing <= 0:
        out.T[eos_id] = float("-inf")
    return out


# sample_next -----------------------------------------------------------------------------------------------------


@right("sample_next")
def first_sum_above(logits: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
    """`argmax` finds the first True; where there is none, the last possible token."""
    probs = torch.softmax(logits, dim=-1, dtype=torch.float32)
    above = probs.cumsum(-1) > u[:, None]
    last = logits.shape[-1] - 1 - (probs > 0).flip(-1).int().argmax(-1)
    return torch.where(above.any(-1), above.int().argmax(-1), last)


@right("sample_next")
def searches_from_the_right(logits: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
    """`searchsorted` with right=True, held at the last possible token."""
    sums = logits.double().softmax(-1).cumsum(-1)
    token = torch.searchsorted(sums, u.double().unsqueeze(-1), right=True).squeeze(-1)
    numbered = torch.arange(logits.shape[-1]).expand_as(logits)
    return torch.minimum(token, numbered.masked_fill(logits == -torch.inf, -1).amax(-1))


@right("sample_next")
def goes_along_the_line(logits: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
    """Adds up in Python until the sum is above u."""
    tokens = []
    for row, number in zip(logits.double().softmax(-1).tolist(), u.tolist(), strict=True):
        total, token = 0.0, 0
        for i, prob in enumerate(row):
            if prob > 0:
                token = i
                total += prob
                if total > number:
                    break
        tokens.append(token)
    return torch.tensor(tokens, dtype=torch.int64)


@right("sample_next")
def draws_with_numpy(logits: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
    """`searchsorted` of numpy over the possible tokens alone."""
    import numpy as np

    drawn = np.zeros(len(logits), dtype=np.int64)
    for i, z in enumerate(logits.double().numpy()):
        possible = np.flatnonzero(z > -np.inf)
        weights = np.exp(z[possible] - z[possible].max())
        place = np.searchsorted(np.cumsum(weights / weights.sum()), float(u[i]), side="right")
        drawn[i] = possible[min(place, len(possible) - 1)]
    return torch.from_numpy(drawn)


@right("sample_next")
def compares_unnormalised_sums(logits: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
    """Multiplies u by the whole sum, instead of dividing the sums."""
    z = logits.double()
    weights = (z - z.amax(-1, keepdim=True)).exp()
    sums = weights.cumsum(-1)
    token = (sums <= u.double()[:, None] * sums[:, -1:]).sum(-1)
    last = torch.tensor([int(row.nonzero()[-1]) for row in weights])
    return torch.minimum(token, last)


@right("sample_next")
def bisects(logits: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
    """`bisect_right` on running sums."""
    from bisect import bisect_right
    from itertools import accumulate

    probs = logits.float().softmax(-1).double()
    tokens = []
    for row, number in zip(probs, u, strict=True):
        last = max(i for i, prob in enumerate(row.tolist()) if prob > 0)
        tokens.append(min(bisect_right(list(accumulate(row.tolist())), number.item()), last))
    return torch.tensor(tokens)


@right("sample_next")
def in_log_space(logits: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
    """Log-probabilities, exponentiated and summed; impossible tokens never count."""
    possible = logits.isfinite()
    sums = logits.double().log_softmax(dim=-1).exp().cumsum(dim=-1)
    hit = possible & (sums > u.view(-1, 1))
    hit |= possible & (possible.cumsum(-1) == possible.sum(-1, keepdim=True))
    return hit.to(torch.uint8).argmax(dim=-1)


# generate --------------------------------------------------------------------------------------------------------


@right("generate")
def collects_new_tokens(
    model: Callable, ids: torch.Tensor, u: torch.Tensor, eos_id: int, *, temperature: float = 1.0,
    k: int | None = None, p: float = 1.0, penalty: float = 1.0, minimum: int = 0,
) -> torch.Tensor:  # fmt: skip
    """A list of columns; whether a row has ended is read off its new tokens."""
    new: list[torch.Tensor] = []
    for step, numbers in enumerate(u.T):
        text = torch.cat([ids, *new], dim=1)
        logits = model(text).logits[:, -1, :].detach()
        logits = repetition_penalty(logits, text, penalty)
        logits = min_new_tokens(logits, step, minimum, eos_id)
        logits = apply_temperature(logits, temperature)
        if k is not None:
            logits = top_k_filter(logits, k)
        token = sample_next(top_p_filter(logits, p), numbers)[:, None]
        ended = (text[:, ids.shape[1] :] == eos_id).any(dim=1, keepdim=True)
        new.append(torch.where(ended, eos_id, token))
        if (torch.cat(new, dim=1) == eos_id).any(dim=1).all():
            break
    return torch.cat([ids, *new], dim=1)


@right("generate")
def writes_into_a_buffer(
    model: Callable, ids: torch.Tensor, u: torch.Tensor, eos_id: int, *, temperature: float = 1.0,
    k: int | None = None, p: float = 1.0, penalty: float = 1.0, minimum: int = 0,
) -> torch.Tensor:  # fmt: skip
    """A tensor of EOS, filled from the left by the rows that are alive."""
    length = ids.shape[1]
    text = torch.full((len(ids), length + u.shape[1]), eos_id, dtype=torch.long)
    text[:, :length] = ids
    alive = torch.ones(len(ids), dtype=torch.bool)
    end = length
    while end < text.shape[1] and alive.any():
        logits = repetition_penalty(model(text[:, :end]).logits[:, -1], text[:, :end], penalty)
        logits = apply_temperature(min_new_tokens(logits, end - length, minimum, eos_id), temperature)
        logits = logits if k is None else top_k_filter(logits, k)
        token = sample_next(top_p_filter(logits, p), u[:, end - length])
        text[alive, end] = token[alive]
        alive &= token != eos_id
        end += 1
    return text[:, :end].clone()


@right("generate")
def writes_row_after_row(
    model: Callable, ids: torch.Tensor, u: torch.Tensor, eos_id: int, *, temperature: float = 1.0,
    k: int | None = None, p: float = 1.0, penalty: float = 1.0, minimum: int = 0,
) -> torch.Tensor:  # fmt: skip
    """Each row by itself, up to its EOS; then all are filled up to the longest."""
    texts = []
    for prompt, numbers in zip(ids, u, strict=True):
        text = prompt[None]
        for step in range(len(numbers)):
            with torch.no_grad():
                logits = model(text).logits[:, -1]
            logits = min_new_tokens(repetition_penalty(logits, text, penalty), step, minimum, eos_id)
            logits = apply_temperature(logits, temperature)
            if k is not None:
                logits = top_k_filter(logits, k)
            token = sample_next(top_p_filter(logits, p), numbers[step : step + 1])
            text = torch.cat([text, token.reshape(1, 1)], dim=1)
            if token.item() == eos_id:
                break
        texts.append(text[0])
    return torch.nn.utils.rnn.pad_sequence(texts, batch_first=True, padding_value=eos_id)


@right("generate")
def leaves_out_what_does_nothing(
    model: Callable, ids: torch.Tensor, u: torch.Tensor, eos_id: int, *, temperature: float = 1.0,
    k: int | None = None, p: float = 1.0, penalty: float = 1.0, minimum: int = 0,
) -> torch.Tensor:  # fmt: skip
    """Calls a filter only where its setting is on."""
    ended = [False] * len(ids)
    for step in range(u.size(1)):
        with torch.inference_mode():
            logits = model(ids).logits[:, -1].clone()
        if penalty != 1.0:
            logits = repetition_penalty(logits, ids, penalty)
        if minimum > step:
            logits = min_new_tokens(logits, step, minimum, eos_id)
        if temperature != 1.0:
            logits = apply_temperature(logits, temperature)
        if k:
            logits = top_k_filter(logits, k)
        if p < 1.0:
            logits = top_p_filter(logits, p)
        tokens = [
            eos_id if done else t for done, t in zip(ended, sample_next(logits, u[:, step]).tolist(), strict=True)
        ]
        ids = torch.cat([ids, torch.tensor(tokens)[:, None]], dim=1)
        ended = [done or token == eos_id for done, token in zip(ended, tokens, strict=True)]
        if all(ended):
            return ids
    return ids


@right("generate")
def calls_itself(
    model: Callable, ids: torch.Tensor, u: torch.Tensor, eos_id: int, *, temperature: float = 1.0,
    k: int | None = None, p: float = 1.0, penalty: float = 1.0, minimum: int = 0,
) -> torch.Tensor:  # fmt: skip
    """One step, then the rest."""

    def grow(text: torch.Tensor, ended: torch.Tensor, step: int) -> torch.Tensor:
        if step == u.shape[1] or bool(ended.all()):
            return text
        with torch.no_grad():
            z = model(text).logits[:, -1]
        z = apply_temperature(min_new_tokens(repetition_penalty(z, text, penalty), step, minimum, eos_id), temperature)
        z = top_p_filter(z if k is None else top_k_filter(z, k), p)
        token = sample_next(z, u[:, step])
        token[ended] = eos_id
        return grow(torch.hstack([text, token.unsqueeze(1)]), ended | token.eq(eos_id), step + 1)

    return grow(ids, torch.zeros(ids.shape[0], dtype=torch.bool), 0)


@right("generate")
def with_the_classes_of_transformers(
    model: Callable, ids: torch.Tensor, u: torch.Tensor, eos_id: int, *, temperature: float = 1.0,
    k: int | None = None, p: float = 1.0, penalty: float = 1.0, minimum: int = 0,
) -> torch.Tensor:  # fmt: skip
    """The processors of transformers, and the notebook's draw."""
    from transformers.generation import logits_process as hf

    steps = hf.LogitsProcessorList(
        [
            hf.RepetitionPenaltyLogitsProcessor(float(penalty)),
            hf.MinNewTokensLengthLogitsProcessor(ids.shape[1], minimum, eos_id),
            hf.TemperatureLogitsWarper(float(temperature)),
            *([hf.TopKLogitsWarper(k)] if k is not None else []),
            *([hf.TopPLogitsWarper(p)] if p < 1 else []),
        ]
    )
    prompt, ended = ids.shape[1], torch.zeros(len(ids), 1, dtype=torch.bool)
    while ids.shape[1] - prompt < u.shape[1] and not ended.all():
        with torch.no_grad():
            logits = steps(ids, model(ids).logits[:, -1])
        token = sample_next(logits, u[:, ids.shape[1] - prompt])[:, None]
        ids = torch.cat([ids, token * ~ended + eos_id * ended], dim=-1)
        ended = ended | (ids[:, -1:] == eos_id)
    return ids


# beam_search -----------------------------------------------------------------------------------------------------


@right("beam_search")
def keeps_all_beams_in_one_tensor(
    model: Callable, ids: torch.Tensor, beams: int, max_new_tokens: int, eos_id: int
) -> tuple[torch.Tensor, float]:
    """One call of the model a step; an ended row goes on with EOS for nothing."""
    if beams < 1:
        raise ValueError("beams")
    text, scores, ended = ids, torch.zeros(1, dtype=torch.float64), torch.zeros(1, dtype=torch.bool)
    for _ in range(max_new_tokens):
        with torch.no_grad():
            log_probs = model(text).logits[:, -1].double().log_softmax(-1)
        log_probs[ended] = -torch.inf
        log_probs[ended, eos_id] = 0.0
        total = (scores[:, None] + log_probs).flatten()
        scores, best = total.topk(min(beams, total.numel()))
        parents, tokens = best // log_probs.shape[1], best % log_probs.shape[1]
        text = torch.cat([text[parents], tokens[:, None]], dim=1)
        ended = ended[parents] | (tokens == eos_id)
        if ended.all():
            break
    winner = text[0, ids.shape[1] :].tolist()
    new = winner[: winner.index(eos_id) + 1] if eos_id in winner else winner
    return text[:1, : ids.shape[1] + len(new)], scores[0].item()


@right("beam_search")
def with_lists_and_a_heap(
    model: Callable, ids: torch.Tensor, beams: int, max_new_tokens: int, eos_id: int
) -> tuple[torch.Tensor, float]:
    """Lists of new tokens; `heapq.nlargest` keeps the best."""
    import heapq

    if beams <= 0:
        raise ValueError("beams")
    prompt = ids[0].tolist()
    pool: list[tuple[float, list[int]]] = [(0.0, [])]
    for _ in range(max_new_tokens):
        grown = []
        for score, new in pool:
            if new and new[-1] == eos_id:
                grown.append((score, new))
                continue
            with torch.no_grad():
                row = model(torch.tensor([prompt + new])).logits[0, -1]
            grown += [(score + lp, [*new, i]) for i, lp in enumerate(row.log_softmax(dim=0).tolist())]
        pool = heapq.nlargest(beams, grown, key=lambda pair: pair[0])
    score, new = max(pool, key=lambda pair: pair[0])
    return torch.tensor([prompt + new]), score


@right("beam_search")
def with_a_dictionary(
    model: Callable, ids: torch.Tensor, beams: int, max_new_tokens: int, eos_id: int
) -> tuple[torch.Tensor, float]:
    """Texts as tuples, their scores in a dict, ended ones apart."""
    if beams < 1:
        raise ValueError("beams")
    length = ids.shape[1]
    scores = {tuple(ids[0].tolist()): 0.0}
    for step in range(max_new_tokens):
        ended = {text: score for text, score in scores.items() if step and text[-1] == eos_id and len(text) > length}
        if len(ended) == len(scores):
            break
        grown = dict(ended)
        for text in scores.keys() - ended.keys():
            logits = model(torch.tensor([text])).logits[0, -1].detach()
            for token, log_prob in enumerate((logits - logits.logsumexp(-1)).tolist()):
                grown[(*text, token)] = scores[text] + log_prob
        scores = {text: grown[text] for text in sorted(grown, key=grown.__getitem__, reverse=True)[:beams]}
    best = max(scores, key=scores.__getitem__)
    return torch.tensor([best]), float(scores[best])


@right("beam_search")
def with_numpy_scores(
    model: Callable, ids: torch.Tensor, beams: int, max_new_tokens: int, eos_id: int
) -> tuple[torch.Tensor, float]:
    """Log-probabilities in numpy, a stable argsort over all candidates."""
    import numpy as np

    if beams < 1:
        raise ValueError("beams")
    texts, scores, over = [ids], np.zeros(1), [False]
    for _ in range(max_new_tokens):
        candidates: list[tuple[torch.Tensor, float, bool]] = []
        for text, score, done in zip(texts, scores, over, strict=True):
            if done:
                candidates.append((text, score, True))
            else:
                with torch.no_grad():
                    z = model(text).logits[0, -1].double().numpy()
                log_probs = z - z.max() - np.log(np.exp(z - z.max()).sum())
                for token in range(len(z)):
                    longer = torch.cat([text, torch.tensor([[token]])], dim=1)
                    candidates.append((longer, score + log_probs[token], token == eos_id))
        order = np.argsort([-score for _, score, _ in candidates], kind="stable")[:beams]
        texts, over = [candidates[i][0] for i in order], [candidates[i][2] for i in order]
        scores = np.array([candidates[i][1] for i in order])
    return texts[0], float(scores[0])


@right("beam_search")
def groups_the_living(
    model: Callable, ids: torch.Tensor, beams: int, max_new_tokens: int, eos_id: int
) -> tuple[torch.Tensor, float]:
    """The living hypotheses in one batch, the ended ones in a list."""
    if beams < 1:
        raise ValueError(f"beams = {beams}")
    alive, scores, ended = ids, [0.0], []
    for _ in range(max_new_tokens):
        if not len(alive):
            break
        with torch.no_grad():
            log_probs = torch.nn.functional.log_softmax(model(alive).logits[:, -1], dim=-1)
        grown = [
            (scores[row] + log_prob, row, token)
            for row, line in enumerate(log_probs.tolist())
            for token, log_prob in enumerate(line)
        ]
        grown += [(score, -1, i) for i, (score, _) in enumerate(ended)]
        grown = sorted(grown, key=lambda candidate: candidate[0], reverse=True)[:beams]
        texts = [(s, torch.cat([alive[r], torch.tensor([t])]), t) for s, r, t in grown if r >= 0]
        ended = [ended[i] for _, row, i in grown if row < 0] + [(s, text) for s, text, t in texts if t == eos_id]
        going = [(s, text) for s, text, t in texts if t != eos_id]
        alive = torch.stack([text for _, text in going]) if going else ids[:0]
        scores = [s for s, _ in going]
    finals = ended + list(zip(scores, alive, strict=True))
    score, text = max(finals, key=lambda final: final[0])
    return text[None].clone(), score


@right("beam_search")
def cuts_each_hypothesis_first(
    model: Callable, ids: torch.Tensor, beams: int, max_new_tokens: int, eos_id: int
) -> tuple[torch.Tensor, float]:
    """The `beams` best of each hypothesis, then the best of all; ended is what holds EOS."""
    if beams < 1:
        raise ValueError("beams")
    start = ids.size(1)
    pool = [(0.0, ids)]
    for _ in range(max_new_tokens):
        if all(eos_id in text[0, start:] for _, text in pool):
            break
        nominees = []
        for score, text in pool:
            if eos_id in text[0, start:]:
                nominees.append((score, text))
                continue
            with torch.no_grad():
                log_probs = torch.log_softmax(model(text).logits[0, -1].float(), 0)
            values, tokens = log_probs.sort(descending=True)
            for value, token in list(zip(values, tokens, strict=True))[:beams]:
                nominees.append((score + float(value), torch.hstack([text, token.reshape(1, 1)])))
        nominees.sort(key=lambda nominee: nominee[0], reverse=True)
        pool = nominees[:beams]
    return pool[0][1], pool[0][0]
