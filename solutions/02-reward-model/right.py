"""Right answers to the exercises of lab 02, each written in another manner; every one must get all points."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import torch
import torch.nn.functional as F

from grader.checks import right

# preference_pairs ------------------------------------------------------------------------------------------------


@right("preference_pairs")
def counts_in_fractions(ratings: list[list[int]], min_gap: float = 0.0) -> tuple[torch.Tensor, torch.Tensor]:
    """Exact arithmetic, every pair of raters."""
    from fractions import Fraction

    if any(len(row) == 0 for row in ratings):
        raise ValueError("a snippet has no ratings")
    means = [Fraction(sum(row), len(row)) for row in ratings]
    pairs, p = [], []
    for i in range(len(ratings)):
        for j in range(i + 1, len(ratings)):
            if means[i] == means[j] or abs(means[i] - means[j]) < min_gap:
                continue
            a, b = (i, j) if means[i] > means[j] else (j, i)
            points = sum(Fraction(2 * (x > y) + (x == y), 2) for x in ratings[a] for y in ratings[b])
            pairs.append([a, b])
            p.append(float(points / (len(ratings[a]) * len(ratings[b]))))
    return torch.tensor(pairs, dtype=torch.int64).reshape(-1, 2), torch.tensor(p, dtype=torch.float64)


@right("preference_pairs")
def compares_with_numpy(ratings: list[list[int]], min_gap: float = 0.0) -> tuple[torch.Tensor, torch.Tensor]:
    """Broadcasts raters against raters."""
    import numpy as np

    crowds = [np.array(row, dtype=np.int64) for row in ratings]
    if any(crowd.size == 0 for crowd in crowds):
        raise ValueError("a snippet has no ratings")
    means = [crowd.mean() for crowd in crowds]
    pairs, p = np.zeros((0, 2), dtype=np.int64), np.zeros(0)
    for i, j in itertools.combinations(range(len(crowds)), 2):
        if means[i] != means[j] and abs(means[i] - means[j]) >= min_gap:
            a, b = (i, j) if means[i] > means[j] else (j, i)
            x, y = crowds[a][:, None], crowds[b][None, :]
            pairs = np.vstack([pairs, [[a, b]]])
            p = np.append(p, ((x > y) + 0.5 * (x == y)).mean())
    return torch.from_numpy(pairs), torch.from_numpy(p)


@right("preference_pairs")
def takes_signs_of_differences(ratings: list[list[int]], min_gap: float = 0.0) -> tuple[torch.Tensor, torch.Tensor]:
    """Half of one plus the mean sign of all differences, in torch."""
    rows = [torch.tensor(row, dtype=torch.float64) for row in ratings]
    if min(len(row) for row in rows) == 0:
        raise ValueError("a snippet has no ratings")
    pairs, p = [], []
    for i, j in itertools.combinations(range(len(rows)), 2):
        gap = rows[i].mean() - rows[j].mean()
        if gap != 0 and gap.abs() >= min_gap:
            pairs.append((i, j) if gap > 0 else (j, i))
            p.append(0.5 + 0.5 * gap.sign() * (rows[i][:, None] - rows[j]).sign().mean())
    if not pairs:
        return torch.empty(0, 2, dtype=torch.int64), torch.empty(0, dtype=torch.float64)
    return torch.tensor(pairs), torch.stack(p)


@right("preference_pairs")
def multiplies_crosswise(ratings: list[list[int]], min_gap: float = 0.0) -> tuple[torch.Tensor, torch.Tensor]:
    """Compares means without dividing, and finds places in sorted copies."""
    from bisect import bisect_left, bisect_right

    for row in ratings:
        if not row:
            raise ValueError("a snippet has no ratings")
    pairs, p = [], []
    for i, j in itertools.combinations(range(len(ratings)), 2):
        size = len(ratings[i]) * len(ratings[j])
        ahead = sum(ratings[i]) * len(ratings[j]) - sum(ratings[j]) * len(ratings[i])
        if ahead == 0 or abs(ahead) < min_gap * size:
            continue
        chosen, rejected = (i, j) if ahead > 0 else (j, i)
        below = sorted(ratings[rejected])
        points = sum(bisect_left(below, x) + bisect_right(below, x) for x in ratings[chosen])
        pairs.append((chosen, rejected))
        p.append(points / (2 * size))
    return torch.tensor(pairs, dtype=torch.long).view(len(pairs), 2), torch.tensor(p, dtype=torch.double)


@right("preference_pairs")
def works_on_whole_matrices(ratings: list[list[int]], min_gap: float = 0.0) -> tuple[torch.Tensor, torch.Tensor]:
    """Counts of the nine ratings, all pairs at once."""
    if not all(len(row) > 0 for row in ratings):
        raise ValueError("a snippet has no ratings")
    counts = torch.tensor([[row.count(k) for k in range(-4, 5)] for row in ratings], dtype=torch.float64)
    raters = counts.sum(1)
    means = (counts @ torch.arange(-4, 5, dtype=torch.float64)) / raters
    half_and_below = torch.full((9, 9), 1.0, dtype=torch.float64).tril(-1) + 0.5 * torch.eye(9, dtype=torch.float64)
    p = counts @ half_and_below @ counts.T / raters[:, None] / raters
    i, j = torch.triu_indices(len(ratings), len(ratings), offset=1)
    gap = means[i] - means[j]
    kept = (gap != 0) & (gap.abs() >= min_gap)
    i, j, gap = i[kept], j[kept], gap[kept]
    pairs = torch.where((gap > 0)[:, None], torch.stack([i, j], 1), torch.stack([j, i], 1))
    return pairs, p[pairs[:, 0], pairs[:, 1]]


@right("preference_pairs")
def asks_mann_and_whitney(ratings: list[list[int]], min_gap: float = 0.0) -> tuple[torch.Tensor, torch.Tensor]:
    """Their U counts won pairs of raters, ties half."""
    from statistics import mean

    from scipy.stats import rankdata

    if [] in ratings:
        raise ValueError("a snippet has no ratings")
    found = []
    for (i, a), (j, b) in itertools.combinations(enumerate(ratings), 2):
        if mean(a) == mean(b) or abs(mean(a) - mean(b)) < min_gap:
            continue
        if mean(a) < mean(b):
            i, j, a, b = j, i, b, a
        ranks = rankdata([*a, *b])[: len(a)].sum()
        found.append((i, j, (ranks - len(a) * (len(a) + 1) / 2) / len(a) / len(b)))
    return (
        torch.tensor([(i, j) for i, j, _ in found], dtype=torch.int64).view(-1, 2),
        torch.tensor([p for *_, p in found], dtype=torch.float64),
    )


# bradley_terry_loss ----------------------------------------------------------------------------------------------


@right("bradley_terry_loss")
def takes_softplus(
    r_chosen: torch.Tensor, r_rejected: torch.Tensor, margin: torch.Tensor | None = None
) -> torch.Tensor:
    """log(1 + e^−z), by torch's name for it."""
    behind = r_rejected - r_chosen
    if margin is not None:
        behind = behind + margin
    return F.softplus(behind)


@right("bradley_terry_loss")
def adds_in_logs(r_chosen: torch.Tensor, r_rejected: torch.Tensor, margin: torch.Tensor | None = None) -> torch.Tensor:
    """log(e^0 + e^−z)."""
    margin = torch.zeros_like(r_chosen) if margin is None else margin
    behind = -(r_chosen - r_rejected - margin)
    return torch.logaddexp(torch.zeros_like(behind), behind)


@right("bradley_terry_loss")
def takes_binary_cross_entropy(
    r_chosen: torch.Tensor, r_rejected: torch.Tensor, margin: torch.Tensor | None = None
) -> torch.Tensor:
    """The label is always 1."""
    ahead = r_chosen - r_rejected - (0 if margin is None else margin)
    return F.binary_cross_entropy_with_logits(ahead, torch.ones_like(ahead), reduction="none")


@right("bradley_terry_loss")
def chooses_among_two(
    r_chosen: torch.Tensor, r_rejected: torch.Tensor, margin: torch.Tensor | None = None
) -> torch.Tensor:
    """A softmax over the lead and 0."""
    ahead = torch.sub(r_chosen, r_rejected)
    if margin is not None:
        ahead = ahead.sub(margin)
    return -F.log_softmax(torch.stack([ahead, torch.zeros_like(ahead)], dim=-1), dim=-1)[:, 0]


@right("bradley_terry_loss")
def goes_pair_by_pair(
    r_chosen: torch.Tensor, r_rejected: torch.Tensor, margin: torch.Tensor | None = None
) -> torch.Tensor:
    """A loop."""
    losses = []
    for k in range(len(r_chosen)):
        ahead = r_chosen[k] - r_rejected[k]
        if margin is not None:
            ahead = ahead - margin[k]
        losses.append(-F.logsigmoid(ahead))
    return torch.stack(losses)


@right("bradley_terry_loss")
def splits_off_the_larger_part(
    r_chosen: torch.Tensor, r_rejected: torch.Tensor, margin: torch.Tensor | None = None
) -> torch.Tensor:
    """max(−z, 0) + log(1 + e^−|z|): nothing overflows."""
    z = r_chosen - r_rejected
    if margin is not None:
        z = z - margin
    return torch.relu(-z) + torch.log1p(torch.exp(-z.abs()))


@right("bradley_terry_loss")
def computes_in_float64(
    r_chosen: torch.Tensor, r_rejected: torch.Tensor, margin: torch.Tensor | None = None
) -> torch.Tensor:
    """More precise than asked, and the dtype comes back."""
    ahead = r_chosen.double() - r_rejected.double()
    if margin is not None:
        ahead -= margin.double()
    return F.logsigmoid(ahead).neg().to(r_chosen.dtype)


@right("bradley_terry_loss")
def sums_exponentials(
    r_chosen: torch.Tensor, r_rejected: torch.Tensor, margin: torch.Tensor | None = None
) -> torch.Tensor:
    """The largest is taken out first."""
    if margin is None:
        margin = r_chosen.new_zeros(r_chosen.shape)
    ahead = r_chosen - r_rejected - margin
    return torch.logsumexp(torch.stack([torch.zeros_like(ahead), -ahead]), dim=0)


# last_token_index ------------------------------------------------------------------------------------------------


@right("last_token_index")
def finds_the_highest_place(attention_mask: torch.Tensor) -> torch.Tensor:
    """Places of tokens, −1 at pads; the largest of each row."""
    places = torch.arange(attention_mask.shape[1]).expand_as(attention_mask)
    last = torch.where(attention_mask == 1, places, -1).amax(dim=1)
    if (last < 0).any():
        raise ValueError("a row has no token")
    return last


@right("last_token_index")
def walks_backwards(attention_mask: torch.Tensor) -> torch.Tensor:
    """Two loops."""
    found = []
    for row in attention_mask.tolist():
        for place in range(len(row) - 1, -1, -1):
            if row[place] == 1:
                found.append(place)
                break
        else:
            raise ValueError("a row has no token")
    return torch.tensor(found, dtype=torch.int64)


@right("last_token_index")
def asks_for_the_side(attention_mask: torch.Tensor) -> torch.Tensor:
    """A token at the last place is the last one; else the padding is on the right."""
    tokens = attention_mask.sum(dim=1)
    if (tokens == 0).any():
        raise ValueError("a row has no token")
    last = attention_mask.size(1) - 1
    return torch.where(attention_mask[:, -1] == 1, torch.full_like(tokens, last), tokens - 1)


@right("last_token_index")
def counts_up_to_the_top(attention_mask: torch.Tensor) -> torch.Tensor:
    """The count of tokens reaches its highest at the last one."""
    if attention_mask.sum(1).min().item() == 0:
        raise ValueError("a row has no token")
    return attention_mask.cumsum(1).argmax(1)


@right("last_token_index")
def turns_it_in_numpy(attention_mask: torch.Tensor) -> torch.Tensor:
    """The first 1 of the reversed rows."""
    import numpy as np

    mask = attention_mask.numpy()
    if not mask.any(axis=1).all():
        raise ValueError("a row has no token")
    return torch.from_numpy(mask.shape[1] - 1 - np.argmax(mask[:, ::-1], axis=1))


@right("last_token_index")
def lists_the_tokens(attention_mask: torch.Tensor) -> torch.Tensor:
    """Row by row, the last entry of nonzero."""
    rows = [row.nonzero().flatten() for row in attention_mask]
    if any(row.numel() == 0 for row in rows):
        raise ValueError("a row has no token")
    return torch.stack([row[-1] for row in rows])


@right("last_token_index")
def weighs_tokens_by_place(attention_mask: torch.Tensor) -> torch.Tensor:
    """Places counted from 1, so that a row of pads gives 0."""
    weighed = attention_mask * torch.arange(1, attention_mask.shape[1] + 1)
    top = weighed.max(dim=1).values
    if bool((top == 0).any()):
        raise ValueError("a row has no token")
    return top - 1


# pool_reward -----------------------------------------------------------------------------------------------------


@right("pool_reward")
def pools_row_by_row(
    hidden: torch.Tensor, attention_mask: torch.Tensor, head: Callable[[torch.Tensor], torch.Tensor]
) -> torch.Tensor:
    """A loop, one call of the head a row."""
    rewards = []
    for vectors, mask in zip(hidden, attention_mask, strict=True):
        last = int(mask.nonzero()[-1])
        rewards.append(head(vectors[last])[0])
    return torch.stack(rewards)


@right("pool_reward")
def gathers_the_vectors(
    hidden: torch.Tensor, attention_mask: torch.Tensor, head: Callable[[torch.Tensor], torch.Tensor]
) -> torch.Tensor:
    """Along the length, for all rows at once."""
    last = last_token_index(attention_mask)  # noqa: F821 - the notebook's own
    place = last[:, None, None].expand(-1, 1, hidden.shape[2])
    return head(hidden.gather(1, place))[:, 0, 0]


@right("pool_reward")
def asks_the_head_first(
    hidden: torch.Tensor, attention_mask: torch.Tensor, head: Callable[[torch.Tensor], torch.Tensor]
) -> torch.Tensor:
    """A number for every place, then the one at the last token; what is padding is cleared before."""
    numbers = head(hidden.masked_fill(attention_mask[..., None] == 0, 0.0)).squeeze(-1)
    return numbers[torch.arange(numbers.shape[0]), last_token_index(attention_mask)]  # noqa: F821


@right("pool_reward")
def takes_along_the_length(
    hidden: torch.Tensor, attention_mask: torch.Tensor, head: Callable[[torch.Tensor], torch.Tensor]
) -> torch.Tensor:
    """The head first, on cleared vectors, then take_along_dim."""
    places = torch.arange(hidden.shape[1]) * attention_mask
    cleared = torch.where(attention_mask[..., None] == 1, hidden, 0.0)
    return torch.take_along_dim(head(cleared), places.argmax(dim=1)[:, None, None], dim=1).flatten()


@right("pool_reward")
def picks_by_a_boolean_mask(
    hidden: torch.Tensor, attention_mask: torch.Tensor, head: Callable[[torch.Tensor], torch.Tensor]
) -> torch.Tensor:
    """One True a row, in the order of rows."""
    last = attention_mask.shape[1] - 1 - attention_mask.flip(1).argmax(dim=1)
    only = F.one_hot(last, attention_mask.shape[1]).bool()
    return head(hidden[only]).view(-1)


@right("pool_reward")
def selects_from_flat_rows(
    hidden: torch.Tensor, attention_mask: torch.Tensor, head: Callable[[torch.Tensor], torch.Tensor]
) -> torch.Tensor:
    """All vectors in one list, chosen by number."""
    batch, length, width = hidden.shape
    last = last_token_index(attention_mask)  # noqa: F821
    chosen = hidden.reshape(batch * length, width).index_select(0, torch.arange(batch) * length + last)
    return head(chosen).reshape(batch)


@right("pool_reward")
def blanks_all_other_places(
    hidden: torch.Tensor, attention_mask: torch.Tensor, head: Callable[[torch.Tensor], torch.Tensor]
) -> torch.Tensor:
    """Everything but the last token is filled with 0, and the rest added up."""
    last = last_token_index(attention_mask)  # noqa: F821
    other = torch.arange(hidden.shape[1])[None, :] != last[:, None]
    return head(hidden.masked_fill(other[..., None], 0.0).sum(dim=1)).squeeze(dim=1)


# centre_rewards --------------------------------------------------------------------------------------------------


@right("centre_rewards")
def adds_up_by_index(r: torch.Tensor, prompt_ids: torch.Tensor) -> torch.Tensor:
    """Names become places by `unique`; sums in float64."""
    _, places, counts = prompt_ids.unique(return_inverse=True, return_counts=True)
    sums = torch.zeros(len(counts), dtype=torch.float64).index_add(0, places, r.double())
    return (r.double() - (sums / counts)[places]).to(r.dtype)


@right("centre_rewards")
def counts_bins_in_numpy(r: torch.Tensor, prompt_ids: torch.Tensor) -> torch.Tensor:
    """The same in numpy."""
    import numpy as np

    values = r.detach().double().numpy()
    _, places = np.unique(prompt_ids.numpy(), return_inverse=True)
    means = np.bincount(places, weights=values) / np.bincount(places)
    return torch.from_numpy(values - means[places]).to(r.dtype)


@right("centre_rewards")
def keeps_lists_by_name(r: torch.Tensor, prompt_ids: torch.Tensor) -> torch.Tensor:
    """A dict from prompt to rewards."""
    from collections import defaultdict

    groups = defaultdict(list)
    for value, prompt in zip(r.tolist(), prompt_ids.tolist(), strict=True):
        groups[prompt].append(value)
    means = {prompt: sum(values) / len(values) for prompt, values in groups.items()}
    return torch.tensor(
        [value - means[prompt] for value, prompt in zip(r.tolist(), prompt_ids.tolist(), strict=True)], dtype=r.dtype
    )


@right("centre_rewards")
def multiplies_by_equality(r: torch.Tensor, prompt_ids: torch.Tensor) -> torch.Tensor:
    """A matrix that says which responses share a prompt."""
    same = (prompt_ids[:, None] == prompt_ids[None, :]).double()
    return (r.double() - same @ r.double() / same.sum(1)).to(r.dtype)


@right("centre_rewards")
def scatters_means(r: torch.Tensor, prompt_ids: torch.Tensor) -> torch.Tensor:
    """scatter_reduce knows the mean."""
    names, places = torch.unique(prompt_ids, return_inverse=True)
    means = torch.zeros(len(names)).scatter_reduce(0, places, r.float(), "mean", include_self=False)
    if r.dtype == torch.float64:
        means = torch.zeros(len(names), dtype=r.dtype).scatter_reduce(0, places, r, "mean", include_self=False)
    return r - means.to(r.dtype)[places]


@right("centre_rewards")
def groups_with_pandas(r: torch.Tensor, prompt_ids: torch.Tensor) -> torch.Tensor:
    """groupby, transform."""
    import pandas as pd

    table = pd.DataFrame({"r": r.double().numpy(), "prompt": prompt_ids.numpy()})
    centred = table["r"] - table.groupby("prompt")["r"].transform("mean")
    return torch.tensor(centred.to_numpy(), dtype=r.dtype)


@right("centre_rewards")
def fills_an_empty_tensor(r: torch.Tensor, prompt_ids: torch.Tensor) -> torch.Tensor:
    """Prompt by prompt, by name."""
    centred = torch.empty_like(r)
    for prompt in set(prompt_ids.tolist()):
        own = prompt_ids == prompt
        centred[own] = r[own] - r[own].mean()
    return centred


@right("centre_rewards")
def sorts_and_puts_back(r: torch.Tensor, prompt_ids: torch.Tensor) -> torch.Tensor:
    """Groups side by side, then everything to its place."""
    order = prompt_ids.argsort()
    lengths = prompt_ids[order].unique_consecutive(return_counts=True)[1].tolist()
    parts = [part - part.mean() for part in r[order].split(lengths)]
    centred = torch.zeros_like(r)
    centred[order] = torch.cat(parts)
    return centred


# pairwise_accuracy -----------------------------------------------------------------------------------------------


@right("pairwise_accuracy")
def averages_signs(rewards: torch.Tensor, pairs: torch.Tensor) -> float:
    """−1, 0, 1 become 0, ½, 1."""
    if pairs.shape[0] == 0:
        raise ValueError("no pairs")
    chosen, rejected = rewards.double()[pairs].unbind(dim=1)
    return (0.5 + 0.5 * torch.sign(chosen - rejected)).mean().item()


@right("pairwise_accuracy")
def loops_over_pairs(rewards: torch.Tensor, pairs: torch.Tensor) -> float:
    """Plain Python."""
    values, points, count = rewards.tolist(), 0.0, 0
    for chosen, rejected in pairs.tolist():
        count += 1
        if values[chosen] > values[rejected]:
            points += 1
        elif values[chosen] == values[rejected]:
            points += 0.5
    if not count:
        raise ValueError("no pairs")
    return points / count


@right("pairwise_accuracy")
def compares_arrays(rewards: torch.Tensor, pairs: torch.Tensor) -> float:
    """In numpy."""
    import numpy as np

    if not len(pairs):
        raise ValueError("no pairs")
    r, p = rewards.detach().double().numpy(), pairs.numpy()
    return float(np.mean(np.where(r[p[:, 0]] == r[p[:, 1]], 0.5, r[p[:, 0]] > r[p[:, 1]])))


@right("pairwise_accuracy")
def steps_with_heaviside(rewards: torch.Tensor, pairs: torch.Tensor) -> float:
    """A step function that is one half at 0."""
    if pairs.numel() == 0:
        raise ValueError("no pairs")
    ahead = (rewards[pairs[:, 0]] - rewards[pairs[:, 1]]).double()
    return torch.heaviside(ahead, torch.tensor(0.5, dtype=torch.float64)).mean().item()


@right("pairwise_accuracy")
def counts_in_integers(rewards: torch.Tensor, pairs: torch.Tensor) -> float:
    """Twice the wins and once the ties, over twice the pairs."""
    chosen, rejected = rewards.index_select(0, pairs[:, 0]), rewards.index_select(0, pairs[:, 1])
    won, tied = int(chosen.gt(rejected).sum()), int(chosen.eq(rejected).sum())
    try:
        return (2 * won + tied) / (2 * len(pairs))
    except ZeroDivisionError:
        raise ValueError("no pairs") from None


@right("pairwise_accuracy")
def compares_ranks(rewards: torch.Tensor, pairs: torch.Tensor) -> float:
    """Equal rewards have the same rank."""
    if len(pairs) < 1:
        raise ValueError("no pairs")
    ranks = rewards.unique(return_inverse=True)[1]
    order = torch.sign(ranks[pairs[:, 0]] - ranks[pairs[:, 1]]).float()
    return float((order.mean() + 1) / 2)


@right("pairwise_accuracy")
def halves_two_shares(rewards: torch.Tensor, pairs: torch.Tensor) -> float:
    """Between the strict share and the one that counts ties in full."""
    if len(pairs) == 0:
        raise ValueError("no pairs")
    a, b = rewards[pairs].T
    return (((a > b).float().mean() + (a >= b).float().mean()) / 2).item()


# accuracy_ceiling ------------------------------------------------------------------------------------------------


@right("accuracy_ceiling")
def bets_in_fractions(ratings: list[list[int]], pairs: torch.Tensor, label: str = "one_rater") -> float:
    """Exact arithmetic."""
    from fractions import Fraction

    if label not in {"one_rater", "mean"}:
        raise ValueError("unknown label")
    if len(pairs) == 0:
        raise ValueError("no pairs")
    total = Fraction(0)
    for i, j in pairs.tolist():
        a, b = ratings[i], ratings[j]
        if label == "mean":
            total += Fraction(1, 2) if Fraction(sum(a), len(a)) == Fraction(sum(b), len(b)) else 1
        else:
            p = Fraction(sum(2 * (x > y) + (x == y) for x in a for y in b), 2 * len(a) * len(b))
            total += max(p, 1 - p)
    return float(total / len(pairs))


@right("accuracy_ceiling")
def multiplies_histograms(ratings: list[list[int]], pairs: torch.Tensor, label: str = "one_rater") -> float:
    """All pairs at once."""
    if label not in ("one_rater", "mean") or not len(pairs):
        raise ValueError("no pairs, or no such label")
    first, second = pairs.T
    if label == "mean":
        means = torch.tensor([sum(row) / len(row) for row in ratings], dtype=torch.float64)
        return torch.where(means[first] == means[second], 0.5, 1.0).mean().item()
    shares = torch.stack([torch.bincount(torch.tensor(row) + 4, minlength=9) / len(row) for row in ratings]).double()
    below = shares.cumsum(1) - shares / 2
    p = (shares[first] * below[second]).sum(1)
    return torch.maximum(p, 1 - p).mean().item()


@right("accuracy_ceiling")
def compares_crowds_in_numpy(ratings: list[list[int]], pairs: torch.Tensor, label: str = "one_rater") -> float:
    """Broadcasting, pair by pair."""
    import numpy as np

    if len(pairs) == 0:
        raise ValueError("no pairs")
    if label == "mean":
        return float(np.mean([1.0 - 0.5 * (np.mean(ratings[i]) == np.mean(ratings[j])) for i, j in pairs.tolist()]))
    if label != "one_rater":
        raise ValueError(label)
    best = []
    for i, j in pairs.numpy():
        lead = np.sign(np.subtract.outer(ratings[i], ratings[j])).mean()
        best.append(0.5 + 0.5 * abs(lead))
    return float(np.mean(best))


@right("accuracy_ceiling")
def adds_half_of_the_gap(ratings: list[list[int]], pairs: torch.Tensor, label: str = "one_rater") -> float:
    """max(p, 1 − p) is ½ + |wins − losses| / 2."""
    if pairs.size(0) == 0:
        raise ValueError("no pairs")
    total = 0.0
    for i, j in pairs.tolist():
        a, b = ratings[i], ratings[j]
        if label == "one_rater":
            won = sum(x > y for x, y in itertools.product(a, b))
            lost = sum(x < y for x, y in itertools.product(a, b))
            total += 0.5 + abs(won - lost) / (2 * len(a) * len(b))
        elif label == "mean":
            total += 1.0 if sum(a) * len(b) != sum(b) * len(a) else 0.5
        else:
            raise ValueError(f"unknown label {label}")
    return total / pairs.size(0)


@right("accuracy_ceiling")
def ranks_both_crowds(ratings: list[list[int]], pairs: torch.Tensor, label: str = "one_rater") -> float:
    """U of Mann and Whitney, from ranks."""
    from statistics import mean

    from scipy.stats import rankdata

    def one_rater(a: list[int], b: list[int]) -> float:
        u = rankdata(a + b)[: len(a)].sum() - len(a) * (len(a) + 1) / 2
        return max(u, len(a) * len(b) - u) / (len(a) * len(b))

    def by_mean(a: list[int], b: list[int]) -> float:
        return 1.0 if mean(a) != mean(b) else 0.5

    kinds = {"one_rater": one_rater, "mean": by_mean}
    if label not in kinds or pairs.shape[0] == 0:
        raise ValueError("no pairs, or no such label")
    return float(sum(kinds[label](ratings[i], ratings[j]) for i, j in pairs.tolist()) / len(pairs))


@right("accuracy_ceiling")
def searches_sorted_ratings(ratings: list[list[int]], pairs: torch.Tensor, label: str = "one_rater") -> float:
    """How many are below, how many not above."""
    if label not in ["mean", "one_rater"]:
        raise ValueError("no such label")
    best = []
    for i, j in pairs:
        a, b = torch.tensor(ratings[i]), torch.tensor(ratings[j]).sort().values
        if label == "mean":
            best.append(0.5 if a.double().mean() == b.double().mean() else 1.0)
            continue
        below = torch.searchsorted(b, a, side="left") + torch.searchsorted(b, a, side="right")
        p = (below.double() / 2 / len(b)).mean().item()
        best.append(p if p > 0.5 else 1 - p)
    if not best:
        raise ValueError("no pairs")
    return sum(best) / len(best)
