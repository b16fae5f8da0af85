"""Named wrong answers of lab 02: mistakes that people make, the check that catches each, and a piece of its hint."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import torch
import torch.nn.functional as F

from grader.checks import patched, wrong

# preference_pairs --------------------------------------------------------------------------------------------------

chooses_the_first = patched(
    "preference_pairs",
    "(i, j) if means[i] > means[j] else (j, i)",
    "(i, j)",
    caught_by="the_higher_mean_is_chosen",
    hint="not the one that comes first",
    mistake="Leaves the pairs as combinations gives them.",
)

puts_the_rejected_first = patched(
    "preference_pairs",
    "torch.stack([chosen, rejected], dim=1)",
    "torch.stack([rejected, chosen], dim=1)",
    caught_by="the_higher_mean_is_chosen",
    hint="(chosen, rejected)",
    mistake="The wrong column first.",
)

returns_columns = patched(
    "preference_pairs",
    "torch.stack([chosen, rejected], dim=1)",
    "torch.stack([chosen, rejected])",
    caught_by="the_higher_mean_is_chosen",
    hint="int64 [pairs, 2]",
    mistake="A row of chosen ones, and one of rejected ones.",
)

compares_sums = patched(
    "preference_pairs",
    "(i, j) if means[i] > means[j] else (j, i)",
    "(i, j) if sum(ratings[i]) > sum(ratings[j]) else (j, i)",
    caught_by="the_higher_mean_is_chosen",
    hint="not sums",
    mistake="Prefers the snippet with more rating points, which is the one with more raters.",
)

compares_amounts = patched(
    "preference_pairs",
    "(i, j) if means[i] > means[j] else (j, i)",
    "(i, j) if abs(means[i]) > abs(means[j]) else (j, i)",
    caught_by="the_higher_mean_is_chosen",
    hint="not their amounts",
    mistake="Takes −3 for more than −1.",
)


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


@wrong("preference_pairs", caught_by="the_higher_mean_is_chosen", hint="may win more often")
def prefers_the_likelier_winner(ratings: list[list[int]], min_gap: float = 0.0) -> tuple[torch.Tensor, torch.Tensor]:
    """Chooses by p, not by the means."""
    pairs, p = [], []
    for i, j in itertools.combinations(range(len(ratings)), 2):
        a, b = (torch.tensor(ratings[k]).double() for k in (i, j))
        if a.mean() == b.mean() or (a.mean() - b.mean()).abs() < min_gap:
            continue
        wins = (0.5 + 0.5 * (a[:, None] - b).sign()).mean().item()
        pairs.append((i, j) if wins > 0.5 else (j, i))
        p.append(max(wins, 1 - wins))
    return torch.tensor(pairs, dtype=torch.int64).view(-1, 2), torch.tensor(p, dtype=torch.float64)


goes_by_the_later_snippet = patched(
    "preference_pairs",
    "itertools.combinations(range(len(ratings)), 2)",
    "((i, j) for j in range(len(ratings)) for i in range(j))",
    caught_by="the_higher_mean_is_chosen",
    hint="by the earlier snippet first",
    mistake="Another order of the same pairs.",
)

sorts_the_pairs = patched(
    "preference_pairs",
    "torch.tensor(pairs, dtype",
    "torch.tensor(sorted(pairs), dtype",
    caught_by="the_higher_mean_is_chosen",
    hint="do not sort",
    mistake="Sorted by the chosen one.",
)

adds_up_shares = patched(
    "preference_pairs",
    "sum(row) / len(row) for row",
    "sum(x / len(row) for x in row) for row",
    caught_by="the_higher_mean_is_chosen",
    hint="however they are rounded",
    mistake="Rounds each rating: 4/3 and 8/6 are not equal any more.",
)

rounds_the_means = patched(
    "preference_pairs",
    "sum(row) / len(row) for row",
    "round(sum(row) / len(row), 3) for row",
    caught_by="the_higher_mean_is_chosen",
    hint="Means 0.00001 apart differ",
    mistake="Means that are close become equal.",
)

has_int32_places = patched(
    "preference_pairs",
    "dtype=torch.int64",
    "dtype=torch.int32",
    caught_by="the_higher_mean_is_chosen",
    hint="int64 [pairs, 2]",
    mistake="Another dtype of places.",
)

sorts_the_ratings = patched(
    "preference_pairs",
    "    means = [",
    "    _ = [row.sort() for row in ratings]\n    means = [",
    caught_by="the_higher_mean_is_chosen",
    hint="Do not sort",
    mistake="Sorts the lists that it is given.",
)

forgets_ties = patched(
    "preference_pairs",
    "shares.cumsum(-1) - 0.5 * shares",
    "shares.cumsum(-1) - shares",
    caught_by="p_counts_all_pairs_of_raters",
    hint="count nothing in yours",
    mistake="Counts strict wins only.",
)

counts_ties_as_wins = patched(
    "preference_pairs",
    "shares.cumsum(-1) - 0.5 * shares",
    "shares.cumsum(-1)",
    caught_by="p_counts_all_pairs_of_raters",
    hint="count as agreement",
    mistake="Counts >= for >.",
)


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
        p.append(sum((x > y) + 0.5 * (x == y) for x, y in both) / len(both))
    return torch.tensor(pairs, dtype=torch.int64).view(-1, 2), torch.tensor(p, dtype=torch.float64)


never_goes_below_half = patched(
    "preference_pairs",
    "return torch.stack([chosen, rejected], dim=1), (shares[chosen] * below[rejected]).sum(-1)",
    (
        "p = (shares[chosen] * below[rejected]).sum(-1)\n    return torch.stack([chosen, rejected], "
        "dim=1), torch.maximum(p, 1 - p)"
    ),
    caught_by="p_counts_all_pairs_of_raters",
    hint="do not turn it round",
    mistake="Takes the better of p and 1 − p, as the ceiling does.",
)

counts_for_the_rejected = patched(
    "preference_pairs",
    "(shares[chosen] * below[rejected])",
    "(shares[rejected] * below[chosen])",
    caught_by="p_counts_all_pairs_of_raters",
    hint="That is 1 − p",
    mistake="P that the rejected one wins.",
)

counts_for_the_first = patched(
    "preference_pairs",
    "(shares[chosen] * below[rejected])",
    "(shares[torch.minimum(chosen, rejected)] * below[torch.maximum(chosen, rejected)])",
    caught_by="p_counts_all_pairs_of_raters",
    hint="share of the snippet that comes first",
    mistake="Forgets which of the two is chosen.",
)

counts_in_float32 = patched(
    "preference_pairs",
    ").sum(-1)",
    ").sum(-1).float().double()",
    caught_by="p_counts_all_pairs_of_raters",
    hint="ties half",
    mistake="Rounds on the way, and widens what is rounded.",
)

returns_float32_shares = patched(
    "preference_pairs",
    ").sum(-1)",
    ").sum(-1).float()",
    caught_by="p_counts_all_pairs_of_raters",
    hint="float64 [pairs]",
    mistake="Another dtype of p.",
)

wants_more_than_the_gap = patched(
    "preference_pairs",
    ">= min_gap",
    "> min_gap",
    caught_by="min_gap_is_reached_by_equality",
    hint="exactly min_gap is enough: >=",
    mistake="Has > for >=.",
)

keeps_equal_means = patched(
    "preference_pairs",
    "means[i] != means[j] and ",
    "",
    caught_by="min_gap_is_reached_by_equality",
    hint="even if min_gap is 0",
    mistake="Lets a gap of 0 pass where min_gap is 0.",
)

ignores_the_gap = patched(
    "preference_pairs",
    " and abs(means[i] - means[j]) >= min_gap",
    "",
    caught_by="min_gap_is_reached_by_equality",
    hint="min_gap is not used",
    mistake="Never looks at min_gap.",
)

looks_at_one_side = patched(
    "preference_pairs",
    "abs(means[i] - means[j]) >= min_gap",
    "means[i] - means[j] >= min_gap",
    caught_by="min_gap_is_reached_by_equality",
    hint="The gap has no sign",
    mistake="Only pairs whose first is the better one.",
)

forgets_the_form_of_nothing = patched(
    "preference_pairs",
    "torch.tensor(pairs, dtype=torch.int64).view(-1, 2).T",
    "torch.tensor(pairs).view(-1, 2).T",
    caught_by="odd_crowds_are_handled",
    hint="two empty tensors",
    mistake="Without pairs the tensor is float.",
)

takes_empty_snippets = patched(
    "preference_pairs",
    "if not all(ratings):",
    "if not any(ratings):",
    caught_by="odd_crowds_are_handled",
    hint="Raise ValueError",
    mistake="Refuses only if all are empty; else a division by zero.",
)

gives_empty_ones_a_mean = patched(
    "preference_pairs",
    (
        'if not all(ratings):\n        raise ValueError("a snippet has no ratings: its mean is not '
        'defined")\n    means = [sum(row) / len(row) for row in ratings]'
    ),
    "ratings = [row or [0] for row in ratings]\n    means = [sum(row) / len(row) for row in ratings]",
    caught_by="odd_crowds_are_handled",
    hint="has no mean",
    mistake="Nobody's rating is 0.",
)


# bradley_terry_loss ------------------------------------------------------------------------------------------------

prefers_the_rejected = patched(
    "bradley_terry_loss",
    "r_chosen - r_rejected",
    "r_rejected - r_chosen",
    caught_by="loss_is_that_of_the_trainer",
    hint="changed places",
    mistake="Rejected minus chosen.",
)

averages = patched(
    "bradley_terry_loss",
    "-F.logsigmoid(ahead if margin is None else ahead - margin)",
    "-F.logsigmoid(ahead if margin is None else ahead - margin).mean()",
    caught_by="loss_is_that_of_the_trainer",
    hint="no mean",
    mistake="Returns the batch's mean, as a training loop does.",
)

forgets_the_minus = patched(
    "bradley_terry_loss",
    "-F.logsigmoid",
    "F.logsigmoid",
    caught_by="loss_is_that_of_the_trainer",
    hint="That is log σ",
    mistake="Returns the log-likelihood.",
)

forgets_the_logarithm = patched(
    "bradley_terry_loss",
    "F.logsigmoid",
    "torch.sigmoid",
    caught_by="loss_is_that_of_the_trainer",
    hint="the logarithm is missing",
    mistake="Minus the probability.",
)

returns_the_other_probability = patched(
    "bradley_terry_loss",
    "-F.logsigmoid(",
    "1 - torch.sigmoid(",
    caught_by="loss_is_that_of_the_trainer",
    hint="That is 1 − σ",
    mistake="The probability of the other choice.",
)

takes_base_two = patched(
    "bradley_terry_loss",
    "-F.logsigmoid(ahead if margin is None else ahead - margin)",
    "-F.logsigmoid(ahead if margin is None else ahead - margin) / math.log(2)",
    caught_by="loss_is_that_of_the_trainer",
    hint="not that to base 2",
    mistake="Bits for nats.",
)

judges_each_by_itself = patched(
    "bradley_terry_loss",
    ("    ahead = r_chosen - r_rejected\n    return -F.logsigmoid(ahead if margin is None else ahead - margin)"),
    "    return -F.logsigmoid(r_chosen) - F.logsigmoid(-r_rejected)",
    caught_by="loss_is_that_of_the_trainer",
    hint="Each reward by itself",
    mistake="Two yes-or-no questions.",
)


@wrong("bradley_terry_loss", caught_by="loss_is_that_of_the_trainer", hint="hinge loss")
def takes_a_hinge(r_chosen: torch.Tensor, r_rejected: torch.Tensor, margin: torch.Tensor | None = None) -> torch.Tensor:
    """max(0, margin − difference), from support vector machines."""
    return ((1.0 if margin is None else margin) - (r_chosen - r_rejected)).clamp(min=0)


adds_the_margin = patched(
    "bradley_terry_loss",
    "ahead - margin",
    "ahead + margin",
    caught_by="the_margin_is_subtracted",
    hint="asks for less",
    mistake="Gives the chosen one a head start instead of a handicap.",
)

ignores_the_margin = patched(
    "bradley_terry_loss",
    "ahead if margin is None else ahead - margin",
    "ahead",
    caught_by="the_margin_is_subtracted",
    hint="not used",
    mistake="Never looks at it.",
)

multiplies_by_the_margin = patched(
    "bradley_terry_loss",
    "ahead - margin",
    "ahead * margin",
    caught_by="the_margin_is_subtracted",
    hint="not multiplied",
    mistake="Scales the lead.",
)


@wrong("bradley_terry_loss", caught_by="the_margin_is_subtracted", hint="belongs inside σ")
def adds_it_to_the_loss(
    r_chosen: torch.Tensor, r_rejected: torch.Tensor, margin: torch.Tensor | None = None
) -> torch.Tensor:
    """A number behind the logarithm has no gradient: it changes nothing."""
    loss = -F.logsigmoid(r_chosen - r_rejected)
    return loss if margin is None else loss + margin


clamps_negative_margins = patched(
    "bradley_terry_loss",
    "ahead - margin",
    "ahead - margin.clamp(min=0)",
    caught_by="the_margin_is_subtracted",
    hint="do not cut it off at 0",
    mistake="A margin below 0 is taken for 0.",
)

drops_the_sign_of_the_margin = patched(
    "bradley_terry_loss",
    "ahead - margin",
    "ahead - margin.abs()",
    caught_by="the_margin_is_subtracted",
    hint="keep its sign",
    mistake="A margin below 0 asks for more.",
)

takes_the_first_margin = patched(
    "bradley_terry_loss",
    "ahead - margin",
    "ahead - margin[0]",
    caught_by="the_margin_is_subtracted",
    hint="not all that of the first",
    mistake="One margin for all pairs.",
)

takes_the_mean_margin = patched(
    "bradley_terry_loss",
    "ahead - margin",
    "ahead - margin.mean()",
    caught_by="the_margin_is_subtracted",
    hint="not all the mean",
    mistake="One margin for all pairs.",
)


@wrong("bradley_terry_loss", caught_by="the_margin_is_subtracted", hint="Is it `if margin`?")
def asks_if_margin(
    r_chosen: torch.Tensor, r_rejected: torch.Tensor, margin: torch.Tensor | None = None
) -> torch.Tensor:
    """`if margin` has no answer for a tensor of several numbers."""
    ahead = r_chosen - r_rejected
    if margin:
        ahead = ahead - margin
    return -F.logsigmoid(ahead)


logs_the_sigmoid = patched(
    "bradley_terry_loss",
    "-F.logsigmoid(ahead if margin is None else ahead - margin)",
    "-torch.log(torch.sigmoid(ahead if margin is None else ahead - margin))",
    caught_by="loss_stays_finite_and_keeps_form",
    hint="Not finite",
    mistake="σ of −800 is 0 in floating point, and log 0 is −inf.",
)

exponentiates = patched(
    "bradley_terry_loss",
    "-F.logsigmoid(ahead if margin is None else ahead - margin)",
    "torch.log(1 + torch.exp(-(ahead if margin is None else ahead - margin)))",
    caught_by="loss_stays_finite_and_keeps_form",
    hint="Not finite",
    mistake="log(1 + e^−z), right on paper, overflows.",
)

takes_the_soft_margin_loss = patched(
    "bradley_terry_loss",
    "-F.logsigmoid(ahead if margin is None else ahead - margin)",
    ("F.soft_margin_loss(ahead if margin is None else ahead - margin, torch.ones_like(ahead), reduction='none')"),
    caught_by="loss_stays_finite_and_keeps_form",
    hint="`F.logsigmoid` does neither",
    mistake="torch has it under this name, but it overflows.",
)

adds_a_little = patched(
    "bradley_terry_loss",
    "-F.logsigmoid(ahead if margin is None else ahead - margin)",
    "-torch.log(torch.sigmoid(ahead if margin is None else ahead - margin) + 1e-8)",
    caught_by="loss_stays_finite_and_keeps_form",
    hint="near 18",
    mistake="A small number inside the logarithm.",
)

clamps_the_lead = patched(
    "bradley_terry_loss",
    "-F.logsigmoid(ahead if margin is None else ahead - margin)",
    "-F.logsigmoid((ahead if margin is None else ahead - margin).clamp(-100, 100))",
    caught_by="loss_stays_finite_and_keeps_form",
    hint="If a lead is large",
    mistake="A lead is never more than 100.",
)

hides_the_overflow = patched(
    "bradley_terry_loss",
    "    return -F.logsigmoid(ahead if margin is None else ahead - margin)",
    (
        "    z = ahead if margin is None else ahead - margin\n    return torch.where(z > 0, "
        "torch.log1p(torch.exp(-z)), torch.log1p(torch.exp(z)) - z)"
    ),
    caught_by="loss_stays_finite_and_keeps_form",
    hint="not the gradient",
    mistake="`where` hides an inf from the value, not from the gradient.",
)

detaches = patched(
    "bradley_terry_loss",
    "r_chosen - r_rejected",
    "r_chosen - r_rejected.detach()",
    caught_by="loss_stays_finite_and_keeps_form",
    hint="both rewards",
    mistake="Only the chosen one learns.",
)

computes_without_gradient = patched(
    "bradley_terry_loss",
    "    return -F.logsigmoid(ahead if margin is None else ahead - margin)",
    "    with torch.no_grad():\n        return -F.logsigmoid(ahead if margin is None else ahead - margin)",
    caught_by="loss_stays_finite_and_keeps_form",
    hint="no `detach`",
    mistake="Nothing learns.",
)

returns_float64 = patched(
    "bradley_terry_loss",
    "r_chosen - r_rejected",
    "r_chosen.double() - r_rejected",
    caught_by="loss_stays_finite_and_keeps_form",
    hint="dtype of the rewards",
    mistake="Computes in float64, and leaves it there.",
)


@wrong("bradley_terry_loss", caught_by="loss_stays_finite_and_keeps_form", hint="no `-=`")
def subtracts_in_place(
    r_chosen: torch.Tensor, r_rejected: torch.Tensor, margin: torch.Tensor | None = None
) -> torch.Tensor:
    """Changes the caller's rewards."""
    r_chosen -= r_rejected
    if margin is not None:
        r_chosen -= margin
    return -F.logsigmoid(r_chosen)


# last_token_index --------------------------------------------------------------------------------------------------

counts_tokens = patched(
    "last_token_index",
    "attention_mask.shape[1] - 1 - attention_mask.flip(1).argmax(dim=1)",
    "attention_mask.sum(1) - 1",
    caught_by="padding_on_the_left",
    hint="padding on the right only",
    mistake="The number of tokens minus 1.",
)

takes_the_last_place = patched(
    "last_token_index",
    "attention_mask.shape[1] - 1 - attention_mask.flip(1).argmax(dim=1)",
    "torch.full((len(attention_mask),), attention_mask.shape[1] - 1)",
    caught_by="padding_on_the_right",
    hint="padding on the left only",
    mistake="Always the last place, pad or not.",
)

looks_for_the_first_pad = patched(
    "last_token_index",
    "attention_mask.shape[1] - 1 - attention_mask.flip(1).argmax(dim=1)",
    "(attention_mask == 0).int().argmax(1) - 1",
    caught_by="padding_on_the_right",
    hint="You look for the first pad",
    mistake="One before the first pad: −1 for a full row.",
)

forgets_to_turn_back = patched(
    "last_token_index",
    "attention_mask.shape[1] - 1 - attention_mask.flip(1).argmax(dim=1)",
    "attention_mask.flip(1).argmax(dim=1)",
    caught_by="padding_on_the_right",
    hint="from the end",
    mistake="Flips the mask to find the last 1 first, and returns the place in the flipped one.",
)

returns_the_length = patched(
    "last_token_index",
    "attention_mask.shape[1] - 1 - attention_mask.flip(1).argmax(dim=1)",
    "attention_mask.sum(1)",
    caught_by="padding_on_the_right",
    hint="one too far",
    mistake="Forgets that places count from 0.",
)

takes_the_first_token = patched(
    "last_token_index",
    "attention_mask.shape[1] - 1 - attention_mask.flip(1).argmax(dim=1)",
    "attention_mask.argmax(dim=1)",
    caught_by="padding_on_the_left",
    hint="That is the first token",
    mistake="argmax of the mask itself.",
)

counts_in_float = patched(
    "last_token_index",
    "attention_mask.shape[1] - 1 - attention_mask.flip(1).argmax(dim=1)",
    "(attention_mask.shape[1] - 1 - attention_mask.flip(1).argmax(dim=1)).float()",
    caught_by="padding_on_the_right",
    hint="int64 [batch]",
    mistake="Places as floating-point numbers.",
)

weighs_in_bfloat16 = patched(
    "last_token_index",
    "attention_mask.shape[1] - 1 - attention_mask.flip(1).argmax(dim=1)",
    "(attention_mask * torch.arange(attention_mask.shape[1])).bfloat16().argmax(dim=1)",
    caught_by="padding_on_the_left",
    hint="bfloat16 at 256",
    mistake="Places beyond 256 are rounded.",
)

keeps_a_dimension = patched(
    "last_token_index",
    "attention_mask.shape[1] - 1 - attention_mask.flip(1).argmax(dim=1)",
    "attention_mask.shape[1] - 1 - attention_mask.flip(1).argmax(dim=1, keepdim=True)",
    caught_by="padding_on_the_right",
    hint="one place a row",
    mistake="A column instead of a row of places.",
)

takes_an_empty_row = patched(
    "last_token_index",
    (
        '    if not (attention_mask == 1).any(dim=1).all():\n        raise ValueError("a row of the '
        'attention mask has no token")\n'
    ),
    "",
    caught_by="both_sides_in_one_batch",
    hint="no last one",
    mistake="Gives the last place for a row of padding.",
)

asks_whether_any_row_has_tokens = patched(
    "last_token_index",
    "any(dim=1).all()",
    "any()",
    caught_by="both_sides_in_one_batch",
    hint="no last one",
    mistake="Refuses only a batch without any token.",
)

asks_the_first_row = patched(
    "last_token_index",
    "any(dim=1).all()",
    "any(dim=1)[0]",
    caught_by="both_sides_in_one_batch",
    hint="no last one",
    mistake="Looks for a token in the first row only.",
)

raises_another_error = patched(
    "last_token_index",
    'raise ValueError("a row of the attention mask has no token")',
    'raise IndexError("a row of the attention mask has no token")',
    caught_by="both_sides_in_one_batch",
    hint="Raise ValueError",
    mistake="Another error than the one promised.",
)

blanks_the_mask = patched(
    "last_token_index",
    "    return attention_mask.shape[1] - 1 - attention_mask.flip(1).argmax(dim=1)",
    (
        "    last = attention_mask.shape[1] - 1 - attention_mask.flip(1).argmax(dim=1)\n    "
        "attention_mask[:] = 0\n    return last"
    ),
    caught_by="both_sides_in_one_batch",
    hint="changes the mask",
    mistake="Uses the mask as scratch paper.",
)


@wrong("last_token_index", caught_by="both_sides_in_one_batch", hint="padding on the right only")
def decides_for_the_batch(attention_mask: torch.Tensor) -> torch.Tensor:
    """Looks at the first row to learn on which side the padding is."""
    if not attention_mask.any(dim=1).all():
        raise ValueError("no token")
    if (attention_mask[:, -1] == 1).all():
        return torch.full((len(attention_mask),), attention_mask.shape[1] - 1)
    return attention_mask.sum(1) - 1


# pool_reward -------------------------------------------------------------------------------------------------------


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


reads_the_first_place = patched(
    "pool_reward",
    "rows, last_token_index(attention_mask)",
    "rows, 0",
    caught_by="reward_is_read_at_the_last_token",
    hint="You read the first place",
    mistake="The vector that has seen one token.",
)

takes_the_highest_reward = patched(
    "pool_reward",
    "head(hidden[rows, last_token_index(attention_mask)]).squeeze(-1)",
    "head(hidden).squeeze(-1).masked_fill(attention_mask == 0, -torch.inf).amax(1)",
    caught_by="reward_is_read_at_the_last_token",
    hint="highest reward of the row",
    mistake="Max pooling.",
)

keeps_the_last_dimension = patched(
    "pool_reward",
    ".squeeze(-1)",
    "",
    caught_by="reward_is_read_at_the_last_token",
    hint="squeeze(-1)",
    mistake="A column of rewards.",
)

returns_float32_rewards = patched(
    "pool_reward",
    ".squeeze(-1)",
    ".squeeze(-1).float()",
    caught_by="reward_is_read_at_the_last_token",
    hint="dtype that the head gives",
    mistake="Always float32.",
)


@wrong("pool_reward", caught_by="padding_may_hold_anything", hint="0 times nan")
def multiplies_by_a_mask(
    hidden: torch.Tensor, attention_mask: torch.Tensor, head: Callable[[torch.Tensor], torch.Tensor]
) -> torch.Tensor:
    """Adds up all places, each times 0 but for the last token."""
    last = attention_mask.shape[1] - 1 - attention_mask.flip(1).argmax(1)
    only = F.one_hot(last, attention_mask.shape[1]).to(hidden.dtype)
    return (head(hidden).squeeze(-1) * only).sum(1)


zeroes_padding_in_place = patched(
    "pool_reward",
    "head(hidden[rows, last_token_index(attention_mask)]).squeeze(-1)",
    "head(hidden.mul_(attention_mask[..., None]))[rows, last_token_index(attention_mask)].squeeze(-1)",
    caught_by="reward_is_read_at_the_last_token",
    hint="changes hidden",
    mistake="Writes zeros into what the model gave.",
)


@wrong("pool_reward", caught_by="a_batch_of_one_keeps_its_shape", hint="also for one row")
def squeezes_everything(
    hidden: torch.Tensor, attention_mask: torch.Tensor, head: Callable[[torch.Tensor], torch.Tensor]
) -> torch.Tensor:
    """squeeze() also takes the batch away when it has one row."""
    last = attention_mask.shape[1] - 1 - attention_mask.flip(1).argmax(1)
    return head(hidden[torch.arange(len(hidden)), last]).squeeze()


picks_without_gradient = patched(
    "pool_reward",
    "    return head(hidden[rows, last_token_index(attention_mask)]).squeeze(-1)",
    (
        "    with torch.no_grad():\n        vectors = hidden[rows, "
        "last_token_index(attention_mask)]\n    return head(vectors).squeeze(-1)"
    ),
    caught_by="rewards_train_model_and_head",
    hint="through hidden",
    mistake="The vectors are picked under no_grad: the head learns, the model does not.",
)

detaches_the_vectors = patched(
    "pool_reward",
    "hidden[rows, last_token_index(attention_mask)]",
    "hidden[rows, last_token_index(attention_mask)].detach()",
    caught_by="rewards_train_model_and_head",
    hint="through hidden",
    mistake="The head learns, the model does not.",
)

copies_the_vectors = patched(
    "pool_reward",
    "hidden[rows, last_token_index(attention_mask)]",
    "torch.tensor(hidden[rows, last_token_index(attention_mask)].tolist(), dtype=hidden.dtype)",
    caught_by="rewards_train_model_and_head",
    hint="through hidden",
    mistake="Through lists of numbers.",
)

detaches_the_rewards = patched(
    "pool_reward",
    ".squeeze(-1)",
    ".squeeze(-1).detach()",
    caught_by="rewards_train_model_and_head",
    hint="no `detach`",
    mistake="Nothing learns.",
)

copies_the_head = patched(
    "pool_reward",
    "    return head(",
    "    import copy\n\n    return copy.deepcopy(head)(",
    caught_by="rewards_train_model_and_head",
    hint="no copy of either",
    mistake="The copy learns.",
)


# centre_rewards ----------------------------------------------------------------------------------------------------


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


subtracts_the_median = patched(
    "centre_rewards",
    ".mean()",
    ".median()",
    caught_by="each_prompt_has_its_own_mean",
    hint="subtract the median",
    mistake="The middle for the mean.",
)

subtracts_the_highest = patched(
    "centre_rewards",
    ".mean()",
    ".max()",
    caught_by="each_prompt_has_its_own_mean",
    hint="highest reward",
    mistake="The best is 0.",
)

adds_the_mean = patched(
    "centre_rewards",
    "-= r[",
    "+= r[",
    caught_by="each_prompt_has_its_own_mean",
    hint="You add the mean",
    mistake="The sign of the mean is turned.",
)

subtracts_from_the_mean = patched(
    "centre_rewards",
    "return centred",
    "return -centred",
    caught_by="each_prompt_has_its_own_mean",
    hint="The sign is turned",
    mistake="Mean minus reward.",
)

returns_the_means = patched(
    "centre_rewards",
    "-= r[prompt_ids == prompt].mean()",
    "= r[prompt_ids == prompt].mean()",
    caught_by="each_prompt_has_its_own_mean",
    hint="the mean itself",
    mistake="The baseline without the reward.",
)


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


@wrong("centre_rewards", caught_by="prompts_may_come_in_any_order", hint="They are names")
def uses_ids_as_places(r: torch.Tensor, prompt_ids: torch.Tensor) -> torch.Tensor:
    """A table with one line for each id up to the highest; negative ids have none."""
    if prompt_ids.max() > 1000 or prompt_ids.min() < 0:
        raise IndexError("no such line")
    count = torch.bincount(prompt_ids)
    total = torch.bincount(prompt_ids, weights=r)
    return (r - (total / count)[prompt_ids]).to(r.dtype)


looks_names_up_in_float32 = patched(
    "centre_rewards",
    "for prompt in prompt_ids.unique():",
    "prompt_ids = prompt_ids.float()\n    for prompt in prompt_ids.unique():",
    caught_by="prompts_may_come_in_any_order",
    hint="large ones become equal",
    mistake="Large ids are rounded, and prompts become one.",
)

takes_ids_from_zero = patched(
    "centre_rewards",
    "for prompt in prompt_ids.unique():",
    "for prompt in range(len(r)):",
    caught_by="prompts_may_come_in_any_order",
    hint="ids are names",
    mistake="Ids from 0 up.",
)


@wrong("centre_rewards", caught_by="dtype_and_rewards_stay", hint="`r.clone()` first")
def centres_in_place(r: torch.Tensor, prompt_ids: torch.Tensor) -> torch.Tensor:
    """Writes into the caller's rewards."""
    for prompt in prompt_ids.unique():
        r[prompt_ids == prompt] -= r[prompt_ids == prompt].mean()
    return r


centres_in_float32 = patched(
    "centre_rewards",
    "r.clone()",
    "r.float()",
    caught_by="dtype_and_rewards_stay",
    hint="dtype of r",
    mistake="Always float32, and the very tensor if it is one.",
)

centres_in_float64 = patched(
    "centre_rewards",
    "r.clone()",
    "r.double()",
    caught_by="dtype_and_rewards_stay",
    hint="dtype of r",
    mistake="Always float64.",
)


@wrong("centre_rewards", caught_by="dtype_and_rewards_stay", hint="rounded at every step")
def sums_in_half(r: torch.Tensor, prompt_ids: torch.Tensor) -> torch.Tensor:
    """Adds in the dtype of the rewards: in bfloat16 256 + 1 is 256."""
    _, places = prompt_ids.unique(return_inverse=True)
    sums = torch.zeros(int(places.max()) + 1, dtype=r.dtype).index_add(0, places, r)
    counts = torch.bincount(places).to(r.dtype)
    return r - (sums / counts)[places]


# pairwise_accuracy -------------------------------------------------------------------------------------------------

reads_the_pairs_backwards = patched(
    "pairwise_accuracy",
    "chosen, rejected = rewards",
    "rejected, chosen = rewards",
    caught_by="counts_the_pairs_that_are_in_order",
    hint="share of wrong orders",
    mistake="Takes (rejected, chosen).",
)

counts_pairs = patched(
    "pairwise_accuracy",
    ".mean().item()",
    ".sum().item()",
    caught_by="counts_the_pairs_that_are_in_order",
    hint="not a number of pairs",
    mistake="A count for a share.",
)

divides_by_snippets = patched(
    "pairwise_accuracy",
    ".mean().item()",
    ".sum().item() / len(rewards)",
    caught_by="counts_the_pairs_that_are_in_order",
    hint="not of snippets",
    mistake="Divides by another number.",
)

asks_for_positive_rewards = patched(
    "pairwise_accuracy",
    "((chosen > rejected).double() + 0.5 * (chosen == rejected).double()).mean().item()",
    "(chosen > 0).double().mean().item()",
    caught_by="counts_the_pairs_that_are_in_order",
    hint="above 0",
    mistake="Takes 0 for the border between good and bad; a reward has no zero.",
)

compares_two_means = patched(
    "pairwise_accuracy",
    "((chosen > rejected).double() + 0.5 * (chosen == rejected).double()).mean().item()",
    "float(chosen.double().mean() > rejected.double().mean())",
    caught_by="counts_the_pairs_that_are_in_order",
    hint="not two means",
    mistake="Is the average chosen one better?",
)

compares_the_places = patched(
    "pairwise_accuracy",
    "chosen, rejected = rewards[pairs[:, 0]], rewards[pairs[:, 1]]",
    "chosen, rejected = pairs.T",
    caught_by="counts_the_pairs_that_are_in_order",
    hint="places in rewards",
    mistake="Compares the numbers in pairs instead of the rewards there.",
)

averages_in_the_dtype_of_rewards = patched(
    "pairwise_accuracy",
    "((chosen > rejected).double() + 0.5 * (chosen == rejected).double()).mean().item()",
    "((chosen > rejected).to(rewards.dtype) + (chosen == rejected).to(rewards.dtype) / 2).mean().item()",
    caught_by="counts_the_pairs_that_are_in_order",
    hint="You average in the dtype",
    mistake="float16 rounds the share.",
)

takes_near_for_equal = patched(
    "pairwise_accuracy",
    "((chosen > rejected).double() + 0.5 * (chosen == rejected).double()).mean().item()",
    "torch.where(torch.isclose(chosen, rejected), 0.5, (chosen > rejected).double()).mean().item()",
    caught_by="counts_the_pairs_that_are_in_order",
    hint="isclose",
    mistake="A small lead is a tie.",
)

counts_strict_wins = patched(
    "pairwise_accuracy",
    " + 0.5 * (chosen == rejected).double()",
    "",
    caught_by="a_tie_is_half_a_point",
    hint="Ties count nothing",
    mistake="A strict >, as TRL has it: an untrained model has 0.",
)

counts_ties_in_full = patched(
    "pairwise_accuracy",
    "((chosen > rejected).double() + 0.5 * (chosen == rejected).double()).mean().item()",
    "(chosen >= rejected).double().mean().item()",
    caught_by="a_tie_is_half_a_point",
    hint="perfect",
    mistake=">= calls an untrained model perfect.",
)

leaves_ties_out = patched(
    "pairwise_accuracy",
    "((chosen > rejected).double() + 0.5 * (chosen == rejected).double()).mean().item()",
    "((chosen > rejected).sum() / (chosen != rejected).sum()).item()",
    caught_by="a_tie_is_half_a_point",
    hint="leave ties out",
    mistake="Divides by the pairs that do not tie.",
)

averages_nothing = patched(
    "pairwise_accuracy",
    ('    if len(pairs) == 0:\n        raise ValueError("no pairs: the accuracy of nothing is not defined")\n'),
    "",
    caught_by="accuracy_is_a_float_and_refuses_no_pairs",
    hint="nan would spoil",
    mistake="Gives nan where there are no pairs.",
)

calls_nothing_zero = patched(
    "pairwise_accuracy",
    'raise ValueError("no pairs: the accuracy of nothing is not defined")',
    "return 0.0",
    caught_by="accuracy_is_a_float_and_refuses_no_pairs",
    hint="nan would spoil",
    mistake="0 for no pairs.",
)

returns_a_tensor = patched(
    "pairwise_accuracy",
    ".mean().item()",
    ".mean()",
    caught_by="accuracy_is_a_float_and_refuses_no_pairs",
    hint="Python float",
    mistake="A tensor of one number.",
)

returns_an_int_for_all = patched(
    "pairwise_accuracy",
    "return ((",
    "return 1 if bool((chosen > rejected).all()) else ((",
    caught_by="accuracy_is_a_float_and_refuses_no_pairs",
    hint="Python float",
    mistake="1 for 1.0.",
)

changes_the_pairs = patched(
    "pairwise_accuracy",
    "    if len(pairs) == 0:",
    ("    pairs %= max(len(rewards), 1)\n    rewards[:] = rewards.argsort().argsort()\n    if len(pairs) == 0:"),
    caught_by="counts_the_pairs_that_are_in_order",
    hint="changes the rewards",
    mistake="Replaces rewards by ranks in place.",
)


# accuracy_ceiling --------------------------------------------------------------------------------------------------


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


bets_on_the_first = patched(
    "accuracy_ceiling",
    "best.append(max(p, 1 - p))",
    "best.append(p)",
    caught_by="one_rater_ceiling_bets_on_the_likelier_order",
    hint="That is the mean of p",
    mistake="Never bets against the first.",
)


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


wins_the_ties = patched(
    "accuracy_ceiling",
    ("p = 0.5 + 0.5 * (a[:, None] - b).sign().double().mean().item()\n            best.append(max(p, 1 - p))"),
    "best.append(max((a[:, None] >= b).double().mean().item(), (a[:, None] <= b).double().mean().item()))",
    caught_by="one_rater_ceiling_bets_on_the_likelier_order",
    hint="count in full",
    mistake="Counts >= on either side.",
)

gives_ties_to_one_side = patched(
    "accuracy_ceiling",
    "p = 0.5 + 0.5 * (a[:, None] - b).sign().double().mean().item()",
    "p = (a[:, None] > b).double().mean().item()",
    caught_by="one_rater_ceiling_bets_on_the_likelier_order",
    hint="all go to one",
    mistake="p without ties, 1 − p with them.",
)

adds_up_bets = patched(
    "accuracy_ceiling",
    "return sum(best) / len(best)",
    "return float(sum(best))",
    caught_by="one_rater_ceiling_bets_on_the_likelier_order",
    hint="The sum over the pairs",
    mistake="Forgets to divide.",
)

takes_the_worse_bet = patched(
    "accuracy_ceiling",
    "max(p, 1 - p)",
    "min(p, 1 - p)",
    caught_by="one_rater_ceiling_bets_on_the_likelier_order",
    hint="worse bet",
    mistake="min for max.",
)

takes_the_best_pair = patched(
    "accuracy_ceiling",
    "return sum(best) / len(best)",
    "return max(best)",
    caught_by="one_rater_ceiling_bets_on_the_likelier_order",
    hint="best pair",
    mistake="The easiest pair of all.",
)

counts_pairs_once = patched(
    "accuracy_ceiling",
    "for i, j in pairs.tolist():",
    "for i, j in sorted(set(map(tuple, pairs.tolist()))):",
    caught_by="one_rater_ceiling_bets_on_the_likelier_order",
    hint="counts each time",
    mistake="A pair that comes again is left out.",
)

ignores_the_label = patched(
    "accuracy_ceiling",
    'if label == "mean":',
    'if label == "":',
    caught_by="mean_ceiling_is_one_but_for_ties",
    hint="label is not used",
    mistake="Always one rater.",
)

says_always_one = patched(
    "accuracy_ceiling",
    "best.append(0.5 if sum(ratings[i]) * len(b) == sum(ratings[j]) * len(a) else 1.0)",
    "best.append(1.0)",
    caught_by="mean_ceiling_is_one_but_for_ties",
    hint="half a point for such a pair",
    mistake="Forgets that equal means give no label.",
)

gives_nothing_for_equal_means = patched(
    "accuracy_ceiling",
    "best.append(0.5 if sum(ratings[i]) * len(b) == sum(ratings[j]) * len(a) else 1.0)",
    "best.append(0.0 if sum(ratings[i]) * len(b) == sum(ratings[j]) * len(a) else 1.0)",
    caught_by="mean_ceiling_is_one_but_for_ties",
    hint="No point for equal means",
    mistake="Equal means are lost.",
)

bets_on_the_first_mean = patched(
    "accuracy_ceiling",
    "best.append(0.5 if sum(ratings[i]) * len(b) == sum(ratings[j]) * len(a) else 1.0)",
    (
        "best.append((1 + (sum(ratings[i]) / len(a) > sum(ratings[j]) / len(b)) - (sum(ratings[i]) "
        "/ len(a) < sum(ratings[j]) / len(b))) / 2)"
    ),
    caught_by="mean_ceiling_is_one_but_for_ties",
    hint="whichever is higher",
    mistake="A pair counts if its first is better.",
)

compares_sums_of_ratings = patched(
    "accuracy_ceiling",
    "best.append(0.5 if sum(ratings[i]) * len(b) == sum(ratings[j]) * len(a) else 1.0)",
    "best.append(0.5 if sum(ratings[i]) == sum(ratings[j]) else 1.0)",
    caught_by="mean_ceiling_is_one_but_for_ties",
    hint="not sums",
    mistake="Sums for means.",
)

adds_rounded_shares = patched(
    "accuracy_ceiling",
    "best.append(0.5 if sum(ratings[i]) * len(b) == sum(ratings[j]) * len(a) else 1.0)",
    ("best.append(0.5 if sum(x / len(a) for x in ratings[i]) == sum(x / len(b) for x in ratings[j]) else 1.0)"),
    caught_by="mean_ceiling_is_one_but_for_ties",
    hint="however they are rounded",
    mistake="Rounds each rating: 4/3 and 8/6 are not equal any more.",
)

takes_near_means_for_equal = patched(
    "accuracy_ceiling",
    "best.append(0.5 if sum(ratings[i]) * len(b) == sum(ratings[j]) * len(a) else 1.0)",
    "best.append(0.5 if abs(sum(ratings[i]) / len(a) - sum(ratings[j]) / len(b)) < 1e-4 else 1.0)",
    caught_by="mean_ceiling_is_one_but_for_ties",
    hint="close are not equal",
    mistake="Close means are a coin flip.",
)


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


takes_any_label = patched(
    "accuracy_ceiling",
    'len(pairs) == 0 or label not in ("one_rater", "mean")',
    "len(pairs) == 0",
    caught_by="ceiling_refuses_nonsense",
    hint="not exactly one of the two",
    mistake='Everything but "mean" is one rater.',
)

takes_labels_in_capitals = patched(
    "accuracy_ceiling",
    'label not in ("one_rater", "mean")',
    'label.lower() not in ("one_rater", "mean")',
    caught_by="ceiling_refuses_nonsense",
    hint="not exactly one of the two",
    mistake="Upper and lower case are one to it.",
)

takes_the_beginning_of_a_label = patched(
    "accuracy_ceiling",
    'label not in ("one_rater", "mean")',
    'not label.startswith(("one_rater", "mean"))',
    caught_by="ceiling_refuses_nonsense",
    hint="not exactly one of the two",
    mistake='"means" passes for "mean".',
)

gives_zero_for_no_pairs = patched(
    "accuracy_ceiling",
    "if len(pairs) == 0 or label not",
    "if len(pairs) == 0:\n        return 0.0\n    if label not",
    caught_by="ceiling_refuses_nonsense",
    hint="No pairs",
    mistake="0 for no pairs.",
)
