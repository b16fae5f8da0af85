"""Named wrong answers of lab 02: mistakes that people make, the check that catches each, and a piece of its hint."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import torch
import torch.nn.functional as F

from grader.checks import wrong

# preference_pairs ------------------------------------------------------------------------------------------------


@wrong("preference_pairs", caught_by="the_higher_mean_is_chosen", hint="not the one that comes first")
def chooses_the_first(ratings: list[list[int]], min_gap: float = 0.0) -> tuple[torch.Tensor, torch.Tensor]:
    """Leaves the pairs as combinations gives them."""
    pairs, p = [], []
    for i, j in itertools.combinations(range(len(ratings)), 2):
        a, b = (torch.tensor(ratings[k]).double() for k in (i, j))
        if a.mean() != b.mean() and (a.mean() - b.mean()).abs() >= min_gap:
            pairs.append((i, j))
            p.append((0.5 + 0.5 * (a[:, None] - b).sign()).mean().item())
    return torch.tensor(pairs, dtype=torch.int64).view(-1, 2), torch.tensor(p, dtype=torch.float64)


@wrong("preference_pairs", caught_by="the_higher_mean_is_chosen", hint="not sums")
def compares_sums(ratings: list[list[int]], min_gap: float = 0.0) -> tuple[torch.Tensor, torch.Tensor]:
    """Prefers the snippet with more rating points, which is the one with more raters."""
    pairs, p = [], []
    for i, j in itertools.combinations(range(len(ratings)), 2):
        a, b = (torch.tensor(ratings[k]).double() for k in (i, j))
        if a.mean() == b.mean() or (a.mean() - b.mean()).abs() < min_gap:
            continue
        if a.sum() <= b.sum():
            i, j, a, b = j, i, b, a
        pairs.append((i, j))
        p.append((0.5 + 0.5 * (a[:, None] - b).sign()).mean().item())
    return torch.tensor(pairs, dtype=torch.int64).view(-1, 2), torch.tensor(p, dtype=torch.float64)


@wrong("preference_pairs", caught_by="the_higher_mean_is_chosen", hint="not medians")
def compares_medians(ratings: list[list[int]], min_gap: float = 0.0) -> tuple[torch.Tensor, torch.Tensor]:
    """Decides by the median, which is often equal."""
    from statistics import median

    pairs, p = [], []
    for i, j in itertools.combinations(range(len(ratings)), 2):
        a, b = (torch.tensor(ratings[k]).double() for k in (i, j))
        if a.mean() == b.mean() or (a.mean() - b.mean()).abs() < min_gap:
            continue
        if median(ratings[i]) <= median(ratings[j]):
            i, j, a, b = j, i, b, a
        pairs.append((i, j))
        p.append((0.5 + 0.5 * (a[:, None] - b).sign()).mean().item())
    return torch.tensor(pairs, dtype=torch.int64).view(-1, 2), torch.tensor(p, dtype=torch.float64)


@wrong("preference_pairs", caught_by="p_counts_all_pairs_of_raters", hint="count nothing in yours")
def forgets_ties(ratings: list[list[int]], min_gap: float = 0.0) -> tuple[torch.Tensor, torch.Tensor]:
    """Counts strict wins only."""
    pairs, p = [], []
    for i, j in itertools.combinations(range(len(ratings)), 2):
        a, b = (torch.tensor(ratings[k]).double() for k in (i, j))
        if a.mean() == b.mean() or (a.mean() - b.mean()).abs() < min_gap:
            continue
        if a.mean() < b.mean():
            i, j, a, b = j, i, b, a
        pairs.append((i, j))
        p.append((a[:, None] > b).double().mean().item())
    return torch.tensor(pairs, dtype=torch.int64).view(-1, 2), torch.tensor(p, dtype=torch.float64)


@wrong("preference_pairs", caught_by="p_counts_all_pairs_of_raters", hint="leave ties out of the count")
def drops_ties(ratings: list[list[int]], min_gap: float = 0.0) -> tuple[torch.Tensor, torch.Tensor]:
    """Divides by the rater pairs that do not tie."""
    pairs, p = [], []
    for i, j in itertools.combinations(range(len(ratings)), 2):
        a, b = (torch.tensor(ratings[k]).double() for k in (i, j))
        if a.mean() == b.mean() or (a.mean() - b.mean()).abs() < min_gap:
            continue
        if a.mean() < b.mean():
            i, j, a, b = j, i, b, a
        pairs.append((i, j))
        won, lost = (a[:, None] > b).sum().item(), (a[:, None] < b).sum().item()
        p.append(won / (won + lost))
    return torch.tensor(pairs, dtype=torch.int64).view(-1, 2), torch.tensor(p, dtype=torch.float64)


@wrong("preference_pairs", caught_by="p_counts_all_pairs_of_raters", hint="not σ of the gap")
def takes_sigma_of_the_gap(ratings: list[list[int]], min_gap: float = 0.0) -> tuple[torch.Tensor, torch.Tensor]:
    """Takes mean ratings for Bradley–Terry rewards."""
    pairs, p = [], []
    for i, j in itertools.combinations(range(len(ratings)), 2):
        a, b = (torch.tensor(ratings[k]).double() for k in (i, j))
        if a.mean() == b.mean() or (a.mean() - b.mean()).abs() < min_gap:
            continue
        pairs.append((i, j) if a.mean() > b.mean() else (j, i))
        p.append(torch.sigmoid((a.mean() - b.mean()).abs()).item())
    return torch.tensor(pairs, dtype=torch.int64).view(-1, 2), torch.tensor(p, dtype=torch.float64)


@wrong("preference_pairs", caught_by="p_counts_all_pairs_of_raters", hint="place by place")
def compares_rater_by_rater(ratings: list[list[int]], min_gap: float = 0.0) -> tuple[torch.Tensor, torch.Tensor]:
    """Takes the third rater of both for the same person."""
    pairs, p = [], []
    for i, j in itertools.combinations(range(len(ratings)), 2):
        a, b = (torch.tensor(ratings[k]).double() for k in (i, j))
        if a.mean() == b.mean() or (a.mean() - b.mean()).abs() < min_gap:
            continue
        if a.mean() < b.mean():
            i, j, a, b = j, i, b, a
        pairs.append((i, j))
        both = list(zip(a.tolist(), b.tolist(), strict=False))
        p.append(sum(x > y for x, y in both) / len(both))
    return torch.tensor(pairs, dtype=torch.int64).view(-1, 2), torch.tensor(p, dtype=torch.float64)


@wrong("preference_pairs", caught_by="min_gap_is_reached_by_equality", hint="exactly min_gap is enough")
def wants_more_than_the_gap(ratings: list[list[int]], min_gap: float = 0.0) -> tuple[torch.Tensor, torch.Tensor]:
    """Has > for >=, which also leaves out ties."""
    pairs, p = [], []
    for i, j in itertools.combinations(range(len(ratings)), 2):
        a, b = (torch.tensor(ratings[k]).double() for k in (i, j))
        if (a.mean() - b.mean()).abs() <= min_gap:
            continue
        if a.mean() < b.mean():
            i, j, a, b = j, i, b, a
        pairs.append((i, j))
        p.append((0.5 + 0.5 * (a[:, None] - b).sign()).mean().item())
    return torch.tensor(pairs, dtype=torch.int64).view(-1, 2), torch.tensor(p, dtype=torch.float64)


@wrong("preference_pairs", caught_by="min_gap_is_reached_by_equality", hint="Equal means are no preference")
def keeps_equal_means(ratings: list[list[int]], min_gap: float = 0.0) -> tuple[torch.Tensor, torch.Tensor]:
    """Lets a gap of 0 pass where min_gap is 0."""
    pairs, p = [], []
    for i, j in itertools.combinations(range(len(ratings)), 2):
        a, b = (torch.tensor(ratings[k]).double() for k in (i, j))
        if (a.mean() - b.mean()).abs() < min_gap:
            continue
        if a.mean() < b.mean():
            i, j, a, b = j, i, b, a
        pairs.append((i, j))
        p.append((0.5 + 0.5 * (a[:, None] - b).sign()).mean().item())
    return torch.tensor(pairs, dtype=torch.int64).view(-1, 2), torch.tensor(p, dtype=torch.float64)


@wrong("preference_pairs", caught_by="odd_crowds_are_handled", hint="int64 [0, 2]")
def forgets_the_form_of_nothing(ratings: list[list[int]], min_gap: float = 0.0) -> tuple[torch.Tensor, torch.Tensor]:
    """Without pairs the tensor is float [0]."""
    if not all(ratings):
        raise ValueError("no ratings")
    pairs, p = [], []
    for i, j in itertools.combinations(range(len(ratings)), 2):
        a, b = (torch.tensor(ratings[k]).double() for k in (i, j))
        if a.mean() == b.mean() or (a.mean() - b.mean()).abs() < min_gap:
            continue
        if a.mean() < b.mean():
            i, j, a, b = j, i, b, a
        pairs.append((i, j))
        p.append((0.5 + 0.5 * (a[:, None] - b).sign()).mean().item())
    return torch.tensor(pairs), torch.tensor(p, dtype=torch.float64)


# bradley_terry_loss ----------------------------------------------------------------------------------------------


@wrong("bradley_terry_loss", caught_by="loss_is_that_of_the_trainer", hint="changed places")
def prefers_the_rejected(
    r_chosen: torch.Tensor, r_rejected: torch.Tensor, margin: torch.Tensor | None = None
) -> torch.Tensor:
    """Rejected minus chosen."""
    ahead = r_rejected - r_chosen
    return -F.logsigmoid(ahead if margin is None else ahead - margin)


@wrong("bradley_terry_loss", caught_by="loss_is_that_of_the_trainer", hint="no mean")
def averages(r_chosen: torch.Tensor, r_rejected: torch.Tensor, margin: torch.Tensor | None = None) -> torch.Tensor:
    """Returns the batch's mean, as a training loop does."""
    ahead = r_chosen - r_rejected
    return -F.logsigmoid(ahead if margin is None else ahead - margin).mean()


@wrong("bradley_terry_loss", caught_by="loss_is_that_of_the_trainer", hint="That is log σ")
def forgets_the_minus(
    r_chosen: torch.Tensor, r_rejected: torch.Tensor, margin: torch.Tensor | None = None
) -> torch.Tensor:
    """Returns the log-likelihood."""
    ahead = r_chosen - r_rejected
    return F.logsigmoid(ahead if margin is None else ahead - margin)


@wrong("bradley_terry_loss", caught_by="loss_is_that_of_the_trainer", hint="hinge loss")
def takes_a_hinge(r_chosen: torch.Tensor, r_rejected: torch.Tensor, margin: torch.Tensor | None = None) -> torch.Tensor:
    """max(0, margin − difference), from support vector machines."""
    return ((1.0 if margin is None else margin) - (r_chosen - r_rejected)).clamp(min=0)


@wrong("bradley_terry_loss", caught_by="the_margin_is_subtracted", hint="asks for less")
def adds_the_margin(
    r_chosen: torch.Tensor, r_rejected: torch.Tensor, margin: torch.Tensor | None = None
) -> torch.Tensor:
    """Gives the chosen one a head start instead of a handicap."""
    ahead = r_chosen - r_rejected
    return -F.logsigmoid(ahead if margin is None else ahead + margin)


@wrong("bradley_terry_loss", caught_by="the_margin_is_subtracted", hint="not used")
def ignores_the_margin(
    r_chosen: torch.Tensor, r_rejected: torch.Tensor, margin: torch.Tensor | None = None
) -> torch.Tensor:
    """Never looks at it."""
    return -F.logsigmoid(r_chosen - r_rejected)


@wrong("bradley_terry_loss", caught_by="the_margin_is_subtracted", hint="belongs inside σ")
def adds_it_to_the_loss(
    r_chosen: torch.Tensor, r_rejected: torch.Tensor, margin: torch.Tensor | None = None
) -> torch.Tensor:
    """A number behind the logarithm has no gradient: it changes nothing."""
    loss = -F.logsigmoid(r_chosen - r_rejected)
    return loss if margin is None else loss + margin


@wrong("bradley_terry_loss", caught_by="the_margin_is_subtracted", hint="fails for a tensor of many")
def asks_if_margin(
    r_chosen: torch.Tensor, r_rejected: torch.Tensor, margin: torch.Tensor | None = None
) -> torch.Tensor:
    """`if margin` has no answer for a tensor of several numbers."""
    ahead = r_chosen - r_rejected
    if margin:
        ahead = ahead - margin
    return -F.logsigmoid(ahead)


@wrong("bradley_terry_loss", caught_by="loss_stays_finite_and_keeps_form", hint="Not finite")
def logs_the_sigmoid(
    r_chosen: torch.Tensor, r_rejected: torch.Tensor, margin: torch.Tensor | None = None
) -> torch.Tensor:
    """σ of −800 is 0 in floating point, and log 0 is −inf."""
    ahead = r_chosen - r_rejected
    return -torch.log(torch.sigmoid(ahead if margin is None else ahead - margin))


@wrong("bradley_terry_loss", caught_by="loss_stays_finite_and_keeps_form", hint="Not finite")
def exponentiates(r_chosen: torch.Tensor, r_rejected: torch.Tensor, margin: torch.Tensor | None = None) -> torch.Tensor:
    """log(1 + e^−z), right on paper, overflows."""
    ahead = r_chosen - r_rejected
    return torch.log(1 + torch.exp(-(ahead if margin is None else ahead - margin)))


@wrong("bradley_terry_loss", caught_by="loss_stays_finite_and_keeps_form", hint="no `-=`")
def subtracts_in_place(
    r_chosen: torch.Tensor, r_rejected: torch.Tensor, margin: torch.Tensor | None = None
) -> torch.Tensor:
    """Changes the caller's rewards."""
    r_chosen -= r_rejected
    if margin is not None:
        r_chosen -= margin
    return -F.logsigmoid(r_chosen)


# last_token_index ------------------------------------------------------------------------------------------------


@wrong("last_token_index", caught_by="padding_on_the_left", hint="padding on the right only")
def counts_tokens(attention_mask: torch.Tensor) -> torch.Tensor:
    """The number of tokens minus 1."""
    if not attention_mask.any(dim=1).all():
        raise ValueError("no token")
    return attention_mask.sum(1) - 1


@wrong("last_token_index", caught_by="padding_on_the_right", hint="padding on the left only")
def takes_the_last_place(attention_mask: torch.Tensor) -> torch.Tensor:
    """Always the last place, pad or not."""
    if not attention_mask.any(dim=1).all():
        raise ValueError("no token")
    return torch.full((len(attention_mask),), attention_mask.shape[1] - 1)


@wrong("last_token_index", caught_by="padding_on_the_right", hint="You look for the first pad")
def looks_for_the_first_pad(attention_mask: torch.Tensor) -> torch.Tensor:
    """One before the first pad: −1 for a full row."""
    return (attention_mask == 0).int().argmax(1) - 1


@wrong("last_token_index", caught_by="padding_on_the_right", hint="from the end")
def forgets_to_turn_back(attention_mask: torch.Tensor) -> torch.Tensor:
    """Flips the mask to find the last 1 first, and returns the place in the flipped one."""
    if not attention_mask.any(dim=1).all():
        raise ValueError("no token")
    return attention_mask.flip(1).argmax(1)


@wrong("last_token_index", caught_by="padding_on_the_right", hint="one too far")
def returns_the_length(attention_mask: torch.Tensor) -> torch.Tensor:
    """Forgets that places count from 0."""
    return attention_mask.sum(1)


@wrong("last_token_index", caught_by="both_sides_in_one_batch", hint="no last one")
def takes_an_empty_row(attention_mask: torch.Tensor) -> torch.Tensor:
    """Gives the last place for a row of padding."""
    return attention_mask.shape[1] - 1 - attention_mask.flip(1).argmax(dim=1)


@wrong("last_token_index", caught_by="both_sides_in_one_batch", hint="padding on the right only")
def decides_for_the_batch(attention_mask: torch.Tensor) -> torch.Tensor:
    """Looks at the first row to learn on which side the padding is."""
    if not attention_mask.any(dim=1).all():
        raise ValueError("no token")
    if (attention_mask[:, -1] == 1).all():
        return torch.full((len(attention_mask),), attention_mask.shape[1] - 1)
    return attention_mask.sum(1) - 1


# pool_reward -----------------------------------------------------------------------------------------------------


@wrong("pool_reward", caught_by="reward_is_read_at_the_last_token", hint="last place of every row")
def reads_the_last_place(
    hidden: torch.Tensor, attention_mask: torch.Tensor, head: Callable[[torch.Tensor], torch.Tensor]
) -> torch.Tensor:
    """hidden[:, -1], which is padding for short rows."""
    return head(hidden[:, -1]).squeeze(-1)


@wrong("pool_reward", caught_by="reward_is_read_at_the_last_token", hint="right for padding on the right only")
def reads_by_length(
    hidden: torch.Tensor, attention_mask: torch.Tensor, head: Callable[[torch.Tensor], torch.Tensor]
) -> torch.Tensor:
    """Takes the number of tokens minus 1 for the place."""
    return head(hidden[torch.arange(len(hidden)), attention_mask.sum(1) - 1]).squeeze(-1)


@wrong("pool_reward", caught_by="reward_is_read_at_the_last_token", hint="mean over all tokens")
def averages_the_tokens(
    hidden: torch.Tensor, attention_mask: torch.Tensor, head: Callable[[torch.Tensor], torch.Tensor]
) -> torch.Tensor:
    """Mean pooling, as sentence embeddings use it."""
    kept = hidden.masked_fill(attention_mask[..., None] == 0, 0.0)
    return head(kept.sum(1) / attention_mask.sum(1, keepdim=True)).squeeze(-1)


@wrong("pool_reward", caught_by="reward_is_read_at_the_last_token", hint="bias as well")
def multiplies_by_the_weight(
    hidden: torch.Tensor, attention_mask: torch.Tensor, head: Callable[[torch.Tensor], torch.Tensor]
) -> torch.Tensor:
    """Rebuilds the head from its weight, and loses its bias."""
    last = attention_mask.shape[1] - 1 - attention_mask.flip(1).argmax(1)
    return (hidden[torch.arange(len(hidden)), last] @ head.weight.T).squeeze(-1)


@wrong("pool_reward", caught_by="padding_may_hold_anything", hint="0 times nan")
def multiplies_by_a_mask(
    hidden: torch.Tensor, attention_mask: torch.Tensor, head: Callable[[torch.Tensor], torch.Tensor]
) -> torch.Tensor:
    """Adds up all places, each times 0 but for the last token."""
    last = attention_mask.shape[1] - 1 - attention_mask.flip(1).argmax(1)
    only = F.one_hot(last, attention_mask.shape[1]).to(hidden.dtype)
    return (head(hidden).squeeze(-1) * only).sum(1)


@wrong("pool_reward", caught_by="a_batch_of_one_keeps_its_shape", hint="also for one row")
def squeezes_everything(
    hidden: torch.Tensor, attention_mask: torch.Tensor, head: Callable[[torch.Tensor], torch.Tensor]
) -> torch.Tensor:
    """squeeze() also takes the batch away when it has one row."""
    last = attention_mask.shape[1] - 1 - attention_mask.flip(1).argmax(1)
    return head(hidden[torch.arange(len(hidden)), last]).squeeze()


# centre_rewards --------------------------------------------------------------------------------------------------


@wrong("centre_rewards", caught_by="each_prompt_has_its_own_mean", hint="one mean for all")
def subtracts_one_mean(r: torch.Tensor, prompt_ids: torch.Tensor) -> torch.Tensor:
    """Never looks at the prompts."""
    return r - r.mean()


@wrong("centre_rewards", caught_by="each_prompt_has_its_own_mean", hint="Do not divide")
def standardises(r: torch.Tensor, prompt_ids: torch.Tensor) -> torch.Tensor:
    """Divides by the standard deviation, too, as GRPO does."""
    out = r.clone()
    for prompt in prompt_ids.unique():
        own = r[prompt_ids == prompt]
        out[prompt_ids == prompt] = (own - own.mean()) / own.std()
    return out


@wrong("centre_rewards", caught_by="each_prompt_has_its_own_mean", hint="subtract the mean")
def subtracts_the_first(r: torch.Tensor, prompt_ids: torch.Tensor) -> torch.Tensor:
    """Takes each prompt's first response for its zero."""
    return r - torch.stack([r[prompt_ids == prompt][0] for prompt in prompt_ids])


@wrong("centre_rewards", caught_by="each_prompt_has_its_own_mean", hint="divide it by how many")
def subtracts_the_sum(r: torch.Tensor, prompt_ids: torch.Tensor) -> torch.Tensor:
    """Forgets to divide."""
    return r - torch.stack([r[prompt_ids == prompt].sum() for prompt in prompt_ids])


@wrong("centre_rewards", caught_by="prompts_may_come_in_any_order", hint="stay in their places")
def sorts_by_prompt(r: torch.Tensor, prompt_ids: torch.Tensor) -> torch.Tensor:
    """Joins the groups one after the other."""
    groups = [r[prompt_ids == prompt] for prompt in prompt_ids.unique()]
    return torch.cat([group - group.mean() for group in groups])


@wrong("centre_rewards", caught_by="prompts_may_come_in_any_order", hint="Only neighbours")
def takes_neighbours(r: torch.Tensor, prompt_ids: torch.Tensor) -> torch.Tensor:
    """Cuts the batch where the prompt changes."""
    lengths = prompt_ids.unique_consecutive(return_counts=True)[1].tolist()
    return torch.cat([group - group.mean() for group in r.split(lengths)])


@wrong("centre_rewards", caught_by="prompts_may_come_in_any_order", hint="Ids are names")
def uses_ids_as_places(r: torch.Tensor, prompt_ids: torch.Tensor) -> torch.Tensor:
    """A table with one line for each id up to the highest; negative ids have none."""
    if prompt_ids.max() > 1000 or prompt_ids.min() < 0:
        raise IndexError("no such line")
    count = torch.bincount(prompt_ids)
    total = torch.bincount(prompt_ids, weights=r)
    return (r - (total / count)[prompt_ids]).to(r.dtype)


@wrong("centre_rewards", caught_by="adding_f_of_x_changes_nothing", hint="`r.clone()` first")
def centres_in_place(r: torch.Tensor, prompt_ids: torch.Tensor) -> torch.Tensor:
    """Writes into the caller's rewards."""
    for prompt in prompt_ids.unique():
        r[prompt_ids == prompt] -= r[prompt_ids == prompt].mean()
    return r


# pairwise_accuracy -----------------------------------------------------------------------------------------------


@wrong("pairwise_accuracy", caught_by="counts_the_pairs_that_are_in_order", hint="share of wrong orders")
def reads_the_pairs_backwards(rewards: torch.Tensor, pairs: torch.Tensor) -> float:
    """Takes (rejected, chosen)."""
    if len(pairs) == 0:
        raise ValueError("no pairs")
    ahead = rewards[pairs[:, 1]] - rewards[pairs[:, 0]]
    return (0.5 + 0.5 * ahead.sign()).mean().item()


@wrong("pairwise_accuracy", caught_by="counts_the_pairs_that_are_in_order", hint="above 0")
def asks_for_positive_rewards(rewards: torch.Tensor, pairs: torch.Tensor) -> float:
    """Takes 0 for the border between good and bad; a reward has no zero."""
    if len(pairs) == 0:
        raise ValueError("no pairs")
    return (rewards[pairs[:, 0]] > 0).double().mean().item()


@wrong("pairwise_accuracy", caught_by="counts_the_pairs_that_are_in_order", hint="places in rewards")
def compares_the_places(rewards: torch.Tensor, pairs: torch.Tensor) -> float:
    """Compares the numbers in pairs instead of the rewards there."""
    if len(pairs) == 0:
        raise ValueError("no pairs")
    return (pairs[:, 0] > pairs[:, 1]).double().mean().item()


@wrong("pairwise_accuracy", caught_by="a_tie_is_half_a_point", hint="Ties count nothing")
def counts_strict_wins(rewards: torch.Tensor, pairs: torch.Tensor) -> float:
    """A strict >, as TRL has it: an untrained model has 0."""
    if len(pairs) == 0:
        raise ValueError("no pairs")
    return (rewards[pairs[:, 0]] > rewards[pairs[:, 1]]).double().mean().item()


@wrong("pairwise_accuracy", caught_by="a_tie_is_half_a_point", hint="perfect")
def counts_ties_in_full(rewards: torch.Tensor, pairs: torch.Tensor) -> float:
    """>= calls an untrained model perfect."""
    if len(pairs) == 0:
        raise ValueError("no pairs")
    return (rewards[pairs[:, 0]] >= rewards[pairs[:, 1]]).double().mean().item()


@wrong("pairwise_accuracy", caught_by="accuracy_is_a_float_and_refuses_no_pairs", hint="nan would spoil")
def averages_nothing(rewards: torch.Tensor, pairs: torch.Tensor) -> float:
    """Gives nan where there are no pairs."""
    ahead = rewards[pairs[:, 0]] - rewards[pairs[:, 1]]
    return (0.5 + 0.5 * ahead.sign()).mean().item()


# accuracy_ceiling ------------------------------------------------------------------------------------------------


@wrong("accuracy_ceiling", caught_by="one_rater_ceiling_bets_on_the_likelier_order", hint="bets on the higher mean")
def bets_on_the_mean(ratings: list[list[int]], pairs: torch.Tensor, label: str = "one_rater") -> float:
    """Takes p of the higher mean, which may be below one half."""
    if len(pairs) == 0 or label not in ("one_rater", "mean"):
        raise ValueError("pairs or label")
    best = []
    for i, j in pairs.tolist():
        a, b = torch.tensor(ratings[i]).double(), torch.tensor(ratings[j]).double()
        if label == "mean":
            best.append(0.5 if a.mean() == b.mean() else 1.0)
            continue
        p = (0.5 + 0.5 * (a[:, None] - b).sign()).mean().item()
        best.append(0.5 if a.mean() == b.mean() else p if a.mean() > b.mean() else 1 - p)
    return sum(best) / len(best)


@wrong(
    "accuracy_ceiling", caught_by="one_rater_ceiling_bets_on_the_likelier_order", hint="better bet of each pair first"
)
def averages_first(ratings: list[list[int]], pairs: torch.Tensor, label: str = "one_rater") -> float:
    """max(mean p, 1 − mean p) for the mean of max(p, 1 − p)."""
    if len(pairs) == 0 or label not in ("one_rater", "mean"):
        raise ValueError("pairs or label")
    each = []
    for i, j in pairs.tolist():
        a, b = torch.tensor(ratings[i]).double(), torch.tensor(ratings[j]).double()
        if label == "mean":
            each.append(0.5 if a.mean() == b.mean() else 1.0)
        else:
            each.append((0.5 + 0.5 * (a[:, None] - b).sign()).mean().item())
    mean = sum(each) / len(each)
    return max(mean, 1 - mean)


@wrong("accuracy_ceiling", caught_by="one_rater_ceiling_bets_on_the_likelier_order", hint="Equal ratings are lost")
def loses_the_ties(ratings: list[list[int]], pairs: torch.Tensor, label: str = "one_rater") -> float:
    """Counts strict wins of either side."""
    if len(pairs) == 0 or label not in ("one_rater", "mean"):
        raise ValueError("pairs or label")
    best = []
    for i, j in pairs.tolist():
        a, b = torch.tensor(ratings[i]).double(), torch.tensor(ratings[j]).double()
        if label == "mean":
            best.append(0.5 if a.mean() == b.mean() else 1.0)
        else:
            won, lost = ((a[:, None] > b).double().mean().item(), (a[:, None] < b).double().mean().item())
            best.append(max(won, lost))
    return sum(best) / len(best)


@wrong("accuracy_ceiling", caught_by="mean_ceiling_is_one_but_for_ties", hint="label is not used")
def ignores_the_label(ratings: list[list[int]], pairs: torch.Tensor, label: str = "one_rater") -> float:
    """Always one rater."""
    if len(pairs) == 0 or label not in ("one_rater", "mean"):
        raise ValueError("pairs or label")
    best = []
    for i, j in pairs.tolist():
        a, b = torch.tensor(ratings[i]).double(), torch.tensor(ratings[j]).double()
        p = (0.5 + 0.5 * (a[:, None] - b).sign()).mean().item()
        best.append(max(p, 1 - p))
    return sum(best) / len(best)


@wrong("accuracy_ceiling", caught_by="mean_ceiling_is_one_but_for_ties", hint="half a point for such a pair")
def says_always_one(ratings: list[list[int]], pairs: torch.Tensor, label: str = "one_rater") -> float:
    """Forgets that equal means give no label."""
    if len(pairs) == 0 or label not in ("one_rater", "mean"):
        raise ValueError("pairs or label")
    if label == "mean":
        return 1.0
    best = []
    for i, j in pairs.tolist():
        a, b = torch.tensor(ratings[i]).double(), torch.tensor(ratings[j]).double()
        p = (0.5 + 0.5 * (a[:, None] - b).sign()).mean().item()
        best.append(max(p, 1 - p))
    return sum(best) / len(best)


@wrong("accuracy_ceiling", caught_by="one_rater_is_the_default", hint="by default")
def defaults_to_means(ratings: list[list[int]], pairs: torch.Tensor, label: str = "mean") -> float:
    """Has the other default."""
    if len(pairs) == 0 or label not in ("one_rater", "mean"):
        raise ValueError("pairs or label")
    best = []
    for i, j in pairs.tolist():
        a, b = torch.tensor(ratings[i]).double(), torch.tensor(ratings[j]).double()
        if label == "mean":
            best.append(0.5 if a.mean() == b.mean() else 1.0)
        else:
            p = (0.5 + 0.5 * (a[:, None] - b).sign()).mean().item()
            best.append(max(p, 1 - p))
    return sum(best) / len(best)


@wrong("accuracy_ceiling", caught_by="ceiling_refuses_nonsense", hint="taken for one of the two")
def takes_any_label(ratings: list[list[int]], pairs: torch.Tensor, label: str = "one_rater") -> float:
    """Everything but "one_rater" is the mean."""
    best = []
    if len(pairs) == 0:
        raise ValueError("no pairs")
    for i, j in pairs.tolist():
        a, b = torch.tensor(ratings[i]).double(), torch.tensor(ratings[j]).double()
        if label != "one_rater":
            best.append(0.5 if a.mean() == b.mean() else 1.0)
        else:
            p = (0.5 + 0.5 * (a[:, None] - b).sign()).mean().item()
            best.append(max(p, 1 - p))
    return sum(best) / len(best)
