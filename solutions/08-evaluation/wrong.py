"""Named wrong answers of lab 08: mistakes that people make, the check that catches each, and a piece of its hint."""

from __future__ import annotations

import math

import torch

from grader.checks import patched, wrong

# sequence_kl ---------------------------------------------------------------------------------------------------------

SUMS = "sums = (policy_logps.double() - ref_logps.double()).masked_fill(~mask, 0.0).sum(-1)"
turns_the_ratio_round = patched(
    *("sequence_kl", "policy_logps.double() - ref_logps.double()", "ref_logps.double() - policy_logps.double()"),
    caught_by="adds_up_tokens_then_averages",
    hint="log π minus log π_ref",
    mistake="Estimates minus the KL.",
)
averages_tokens = patched(
    *("sequence_kl", SUMS, "sums = (policy_logps.double() - ref_logps.double())[mask]"),
    caught_by="adds_up_tokens_then_averages",
    hint="mean over tokens",
    mistake="Takes every token for a sample: too small a mean, and far too small an error.",
)
averages_within_responses = patched(
    *("sequence_kl", ".sum(-1)\n", ".sum(-1) / mask.sum(-1)\n"),
    caught_by="adds_up_tokens_then_averages",
    hint="not their mean",
    mistake="KL a token, not a response.",
)
forgets_the_root = patched(
    *("sequence_kl", "sums.std() / math.sqrt(len(sums))", "sums.std() / len(sums)"),
    caught_by="adds_up_tokens_then_averages",
    hint="the root is missing",
    mistake="Divides the standard deviation by n.",
)
forgets_the_number = patched(
    *("sequence_kl", "sums.std() / math.sqrt(len(sums))", "sums.std()"),
    caught_by="adds_up_tokens_then_averages",
    hint="smaller by the root of their number",
    mistake="Returns the standard deviation of the sums.",
)
divides_by_n = patched(
    *("sequence_kl", "sums.std()", "sums.std(correction=0)"),
    caught_by="adds_up_tokens_then_averages",
    hint="n − 1 below",
    mistake="The standard deviation of a whole population.",
)
takes_absolute_sums = patched(
    *("sequence_kl", ".sum(-1)\n", ".sum(-1).abs()\n"),
    caught_by="adds_up_tokens_then_averages",
    hint="no `abs`",
    mistake="Believes that a KL has no negative terms.",
)
multiplies_by_the_mask = patched(
    *("sequence_kl", ".masked_fill(~mask, 0.0).sum(-1)", ".mul(mask).sum(-1)"),
    caught_by="filling_is_nothing",
    hint="0 · nan is nan",
    mistake="Multiplies inf and nan by 0.",
)
sums_in_float32 = patched(
    *("sequence_kl", "(policy_logps.double() - ref_logps.double())", "(policy_logps - ref_logps)"),
    caught_by="filling_is_nothing",
    hint="computed in float64",
    mistake="Adds up in float32.",
)
takes_one_response = patched(
    *("sequence_kl", "if len(mask) < 2:", "if len(mask) < 1:"),
    caught_by="filling_is_nothing",
    hint="raise ValueError",
    mistake="A single response gets the error nan.",
)

# best_of_n_kl --------------------------------------------------------------------------------------------------------


@wrong("best_of_n_kl", caught_by="price_is_exact", hint="That is the bound")
def quotes_the_bound(probs: torch.Tensor, n: int) -> float:
    if n < 1:
        raise ValueError("n")
    return math.log(n) - (n - 1) / n


weighs_with_the_wrong_policy = patched(
    *("best_of_n_kl", "torch.special.xlogy(won, won / probs)", "torch.special.xlogy(probs, probs / won)"),
    caught_by="price_is_exact",
    hint="under the policy it draws from",
    mistake="KL(π_ref‖πₙ), the other direction.",
)
adds_up_from_the_best = patched(
    *("best_of_n_kl", "up_to = probs.cumsum(0)", "up_to = probs.flip(0).cumsum(0).flip(0)"),
    caught_by="price_is_exact",
    hint="starts at the front",
    mistake="Reads the list from the best response to the worst.",
)
keeps_the_power_alone = patched(
    *("best_of_n_kl", "won = up_to**n - (up_to - probs) ** n", "won = up_to**n"),
    caught_by="price_is_exact",
    hint="difference of two powers",
    mistake="Takes the distribution function for the distribution.",
)
takes_an_entropy = patched(
    *("best_of_n_kl", "won / probs", "won"),
    caught_by="price_is_exact",
    hint="minus an entropy",
    mistake="Leaves the reference out.",
)
draws_once_more = patched(
    *(
        "best_of_n_kl",
        "won = up_to**n - (up_to - probs) ** n",
        "won = up_to**(n+1) - (up_to - probs) ** (n+1)",
    ),
    caught_by="price_is_exact",
    hint="the power is n",
    mistake="Counts n draws besides the first.",
)
multiplies_nan = patched(
    *("best_of_n_kl", "torch.special.xlogy(won, won / probs)", "(won * (won / probs).log())"),
    caught_by="price_survives_many_draws",
    hint="torch.special.xlogy",
    mistake="0 · log 0.",
)
adds_an_eps = patched(
    *("best_of_n_kl", "torch.special.xlogy(won, won / probs)", "(won * ((won + 1e-8) / (probs + 1e-8)).log())"),
    caught_by="price_survives_many_draws",
    hint="no eps is added",
    mistake="Blurs rare responses.",
)
adds_a_tiny_eps = patched(
    *("best_of_n_kl", "torch.special.xlogy(won, won / probs)", "(won * ((won + 1e-12) / (probs + 1e-12)).log())"),
    caught_by="price_survives_many_draws",
    hint="no eps is added",
    mistake="Halves the ratio of a response as rare as its eps.",
)
leaves_rare_responses_out = patched(
    *("best_of_n_kl", "won / probs).sum()", "won / probs)[probs > 1e-11].sum()"),
    caught_by="price_survives_many_draws",
    hint="none is left out",
    mistake="Takes a response of 1e-12 for none.",
)
cuts_small_terms = patched(
    *("best_of_n_kl", "won / probs).sum()", "won / probs)[won > 1e-12].sum()"),
    caught_by="price_survives_many_draws",
    hint="each term counts",
    mistake="Leaves out what best-of-n rarely keeps, thousands of times.",
)
draws_nothing = patched(
    *("best_of_n_kl", "if n < 1:", "if n < 0:"),
    caught_by="price_survives_many_draws",
    hint="raise ValueError",
    mistake="Accepts n = 0.",
)

# best_of_n_means -----------------------------------------------------------------------------------------------------


@wrong("best_of_n_means", caught_by="all_choices_count_alike", hint="Without putting back")
def puts_samples_back(proxy: torch.Tensor, gold: torch.Tensor, n: int) -> tuple[float, float]:
    if not 1 <= n <= len(proxy):
        raise ValueError("n")
    order = proxy.argsort()
    share = (torch.arange(len(proxy) + 1, dtype=torch.float64) / len(proxy)) ** n
    kept = share.diff()
    return (kept @ proxy[order]).item(), (kept @ gold[order]).item()


@wrong("best_of_n_means", caught_by="all_choices_count_alike", hint="That is one choice")
def looks_at_one_choice(proxy: torch.Tensor, gold: torch.Tensor, n: int) -> tuple[float, float]:
    if not 1 <= n <= len(proxy):
        raise ValueError("n")
    best = int(proxy[:n].argmax())
    return proxy[best].item(), gold[best].item()


@wrong("best_of_n_means", caught_by="all_choices_count_alike", hint="n best samples of all")
def averages_the_top(proxy: torch.Tensor, gold: torch.Tensor, n: int) -> tuple[float, float]:
    if not 1 <= n <= len(proxy):
        raise ValueError("n")
    top = proxy.topk(n).indices
    return proxy[top].mean().item(), gold[top].mean().item()


@wrong("best_of_n_means", caught_by="all_choices_count_alike", hint="Those are a few choices")
def cuts_into_blocks(proxy: torch.Tensor, gold: torch.Tensor, n: int) -> tuple[float, float]:
    if not 1 <= n <= len(proxy):
        raise ValueError("n")
    count = len(proxy) // n
    best = proxy[: count * n].view(count, n).argmax(-1) + n * torch.arange(count)
    return proxy[best].mean().item(), gold[best].mean().item()


sorts_the_gold = patched(
    *(
        "best_of_n_means",
        "values, place, counts =",
        "gold = gold.sort().values\n    proxy = proxy.sort().values\n    values, place, counts =",
    ),
    caught_by="all_choices_count_alike",
    hint="do not sort it by itself",
    mistake="Sorts the golds apart from their proxies.",
)
exchanges_the_means = patched(
    *(
        "best_of_n_means",
        "return (kept @ values).item(), (kept @ mean_gold).item()",
        "return (kept @ mean_gold).item(), (kept @ values).item()",
    ),
    caught_by="all_choices_count_alike",
    hint="Mean proxy first",
)


@wrong("best_of_n_means", caught_by="all_choices_count_alike", hint="chosen by the proxy")
def chooses_by_gold(proxy: torch.Tensor, gold: torch.Tensor, n: int) -> tuple[float, float]:
    if not 1 <= n <= len(proxy):
        raise ValueError("n")
    order, total = gold.argsort(), math.comb(len(gold), n)
    kept = torch.tensor([math.comb(place, n - 1) / total for place in range(len(gold))], dtype=torch.float64)
    return (kept @ proxy[order]).item(), (kept @ gold[order]).item()


@wrong("best_of_n_means", caught_by="equal_proxies_share", hint="by place later ones")
def gives_ties_to_the_last(proxy: torch.Tensor, gold: torch.Tensor, n: int) -> tuple[float, float]:
    if not 1 <= n <= len(proxy):
        raise ValueError("n")
    order, total = proxy.argsort(stable=True), math.comb(len(proxy), n)
    kept = torch.tensor([math.comb(place, n - 1) / total for place in range(len(proxy))], dtype=torch.float64)
    return (kept @ proxy[order]).item(), (kept @ gold[order]).item()


adds_up_the_golds_of_ties = patched(
    *("best_of_n_means", ".index_add(0, place, gold) / counts", ".index_add(0, place, gold)"),
    caught_by="equal_proxies_share",
    hint="the mean of their golds",
    mistake="Adds up the golds of equal proxies.",
)
chooses_more_than_there_are = patched(
    *("best_of_n_means", "if not 1 <= n <= len(proxy):", "if not 1 <= n:"),
    caught_by="equal_proxies_share",
    hint="raise ValueError",
    mistake="Divides by no choices.",
)

# value_at_kl ---------------------------------------------------------------------------------------------------------

trusts_the_order = patched(
    *("value_at_kl", "points = sorted(zip(kls, values, strict=True))", "points = list(zip(kls, values, strict=True))"),
    caught_by="reads_the_curve",
    hint="points come in any order",
    mistake="Takes the points as they come.",
)
sorts_two_lists = patched(
    *("value_at_kl", "sorted(zip(kls, values, strict=True))", "list(zip(sorted(kls), sorted(values), strict=True))"),
    caught_by="reads_the_curve",
    hint="not two lists",
)
sorts_one_list = patched(
    *("value_at_kl", "sorted(zip(kls, values, strict=True))", "list(zip(sorted(kls), values, strict=True))"),
    caught_by="reads_the_curve",
    hint="left the values where they were",
)
sorts_in_place = patched(
    *(
        "value_at_kl",
        "    points = sorted(zip(kls, values, strict=True))\n",
        "    points = sorted(zip(kls, values, strict=True))\n    kls.sort()\n",
    ),
    caught_by="reads_the_curve",
    hint="sorted` makes a new one",
    mistake="Sorts the caller's list.",
)


@wrong("value_at_kl", caught_by="reads_the_curve", hint="nearest point")
def takes_the_nearest(kls: list[float], values: list[float], kl: float) -> float:
    if not kls or not min(kls) <= kl <= max(kls):
        raise ValueError("kl")
    return float(min(zip(kls, values, strict=True), key=lambda point: abs(point[0] - kl))[1])


exchanges_the_weights = patched(
    *("value_at_kl", "low + (high - low) * (kl - left)", "high + (low - high) * (kl - left)"),
    caught_by="reads_the_curve",
    hint="weights are exchanged",
)
goes_on_for_ever = patched(
    *(
        "value_at_kl",
        "if not points or not points[0][0] <= kl <= points[-1][0]:",
        "kl = min(max(kl, points[0][0]), points[-1][0]) if points else kl\n    if not points:",
    ),
    caught_by="says_nothing_beyond",
    hint="a curve says nothing",
    mistake="Goes on with the last value, as np.interp does.",
)
opens_the_ends = patched(
    *("value_at_kl", "not points[0][0] <= kl <= points[-1][0]", "not points[0][0] < kl < points[-1][0]"),
    caught_by="says_nothing_beyond",
    hint="belong to the curve",
    mistake="Refuses the first and the last point.",
)
refuses_what_is_below_0 = patched(
    *("value_at_kl", "if not points or not", "if kl < 0 or not points or not"),
    caught_by="reads_the_curve",
    hint="may be below 0",
    mistake="Takes an estimate below 0 for no KL.",
)
rounds_the_value = patched(
    *(
        "value_at_kl",
        "return float(low + (high - low) * (kl - left) / (right - left))",
        "return round(float(low + (high - low) * (kl - left) / (right - left)), 4)",
    ),
    caught_by="reads_the_curve",
    hint="Find the neighbours in KL",
    mistake="Rounds what it reads.",
)
forgets_the_empty_curve = patched(
    *("value_at_kl", "if not points or not points[0][0]", "if not points[0][0]"),
    caught_by="says_nothing_beyond",
    hint="ValueError that is promised",
    mistake="IndexError where there are no points.",
)

# wilson_interval -----------------------------------------------------------------------------------------------------

ENDS = """        (rate + extra / 2 - half_width) / (1 + extra),
        (rate + extra / 2 + half_width) / (1 + extra),
"""


@wrong("wilson_interval", caught_by="interval_is_wilsons", hint="That is the textbook's interval, ŵ ±")
def quotes_the_textbook(wins: float, comparisons: int, z: float = 1.96) -> tuple[float, float]:
    if comparisons < 1 or not 0 <= wins <= comparisons:
        raise ValueError("wins")
    rate = wins / comparisons
    half = z * math.sqrt(rate * (1 - rate) / comparisons)
    return rate - half, rate + half


forgets_to_divide = patched(
    *(
        "wilson_interval",
        ENDS,
        ENDS.replace(" / (1 + extra)", ""),
    ),
    caught_by="interval_is_wilsons",
    hint="Everything is divided",
)
leaves_the_middle = patched(
    *(
        "wilson_interval",
        ENDS,
        ENDS.replace("rate + extra / 2", "rate"),
    ),
    caught_by="interval_is_wilsons",
    hint="pulled towards one half",
)
leaves_the_root_bare = patched(
    *("wilson_interval", " + extra / (4 * comparisons)", ""),
    caught_by="interval_is_wilsons",
    hint="is missing",
)
forgets_a_square = patched(
    *("wilson_interval", "extra / (4 * comparisons)", "extra / 4"),
    caught_by="interval_is_wilsons",
    hint="m is squared too",
)
fixes_z = patched(
    *(
        "wilson_interval",
        "rate, extra = wins / comparisons, z * z / comparisons",
        "z = 1.96\n    rate, extra = wins / comparisons, z * z / comparisons",
    ),
    caught_by="interval_is_wilsons",
    hint="1.96 is only its default",
)
exchanges_the_ends = patched(
    *("wilson_interval", "half_width = z *", "half_width = -z *"),
    caught_by="interval_is_wilsons",
    hint="Lower end first",
)


@wrong("wilson_interval", caught_by="interval_holds_at_the_edges", hint="cut at 0 and 1")
def cuts_the_textbook(wins: float, comparisons: int, z: float = 1.96) -> tuple[float, float]:
    if comparisons < 1 or not 0 <= wins <= comparisons:
        raise ValueError("wins")
    rate = wins / comparisons
    half = z * math.sqrt(rate * (1 - rate) / comparisons)
    return max(rate - half, 0.0), min(rate + half, 1.0)


takes_any_count = patched(
    *("wilson_interval", "if comparisons < 1 or not 0 <= wins <= comparisons:", "if comparisons < 1:"),
    caught_by="interval_holds_at_the_edges",
    hint="wins below 0 or above",
)
divides_by_nothing = patched(
    *("wilson_interval", "if comparisons < 1 or not 0 <= wins <= comparisons:", "if not 0 <= wins <= comparisons:"),
    caught_by="interval_holds_at_the_edges",
    hint="before you divide",
    mistake="0 of 0 ends in ZeroDivisionError.",
)

# both_orders ---------------------------------------------------------------------------------------------------------

RATE = "return (before + pairs - after) / (2 * pairs), (before + after) / (2 * pairs) - 0.5"
counts_first_in_both = patched(
    *("both_orders", RATE, RATE.replace("before + pairs - after", "before + after")),
    caught_by="both_orders_are_averaged",
    hint="in both orders",
)
counts_the_other_policy = patched(
    *("both_orders", RATE, RATE.replace("before + pairs - after", "after + pairs - before")),
    caught_by="both_orders_are_averaged",
    hint="other policy",
)
asks_once = patched(
    *("both_orders", RATE, RATE.replace("(before + pairs - after) / (2 * pairs)", "before / pairs")),
    caught_by="both_orders_are_averaged",
    hint="first order alone",
)
loses_ties = patched(
    *("both_orders", '"tie": 0.5', '"tie": 0.0'),
    caught_by="both_orders_are_averaged",
    hint="half a verdict for each side",
)
keeps_the_half = patched(
    *("both_orders", " / (2 * pairs) - 0.5", " / (2 * pairs)"),
    caught_by="both_orders_are_averaged",
    hint="less one half",
)
hides_the_sign = patched(
    *("both_orders", "(before + after) / (2 * pairs) - 0.5", "abs((before + after) / (2 * pairs) - 0.5)"),
    caught_by="both_orders_are_averaged",
    hint="The bias has a sign",
)


@wrong("both_orders", caught_by="both_orders_are_averaged", hint="half a win each")
def leaves_undecided_pairs_out(shown_first: list[str], shown_second: list[str]) -> tuple[float, float]:
    if not shown_first or len(shown_first) != len(shown_second):
        raise ValueError("pairs")
    if {*shown_first, *shown_second} - {"first", "second", "tie"}:
        raise ValueError("words")
    pairs = list(zip(shown_first, shown_second, strict=True))
    sure = [1.0 if a == "first" else 0.0 for a, b in pairs if {a, b} == {"first", "second"}]
    ties = (shown_first + shown_second).count("tie") / 2
    first = (shown_first.count("first") + shown_second.count("first") + ties) / (2 * len(pairs))
    return (sum(sure) / len(sure) if sure else 0.5), first - 0.5


takes_any_word = patched(
    *("both_orders", "{*shown_first, *shown_second} - worth.keys()", "set()"),
    caught_by="odd_verdicts_are_refused",
    hint="raise ValueError yourself",
    mistake="A strange word is a KeyError.",
)


@wrong("both_orders", caught_by="odd_verdicts_are_refused", hint="Any other word")
def takes_strange_words_for_ties(shown_first: list[str], shown_second: list[str]) -> tuple[float, float]:
    pairs = len(shown_first)
    if pairs == 0 or pairs != len(shown_second):
        raise ValueError("pairs")
    worth = {"first": 1.0, "second": 0.0}
    before, after = (sum(worth.get(word, 0.5) for word in side) for side in (shown_first, shown_second))
    return (before + pairs - after) / (2 * pairs), (before + after) / (2 * pairs) - 0.5


reads_one_list_only = patched(
    *("both_orders", "{*shown_first, *shown_second} - worth.keys()", "{*shown_first} - worth.keys()"),
    caught_by="odd_verdicts_are_refused",
    hint="raise ValueError yourself",
    mistake="A strange word in the second list is a KeyError.",
)
looks_for_pieces = patched(
    *(
        "both_orders",
        "if unknown := {*shown_first, *shown_second} - worth.keys():",
        "worth[''] = 0.5\n"
        "    if unknown := {word for word in (*shown_first, *shown_second) if word not in 'first second tie'}:",
    ),
    caught_by="odd_verdicts_are_refused",
    hint="or is empty",
    mistake="`in` a text finds the empty word too.",
)
takes_no_pairs = patched(
    *(
        "both_orders",
        "if not shown_first or len(shown_first) != len(shown_second):",
        "if len(shown_first) != len(shown_second):",
    ),
    caught_by="odd_verdicts_are_refused",
    hint="raise ValueError yourself",
    mistake="No pairs end in ZeroDivisionError.",
)
takes_uneven_lists = patched(
    *("both_orders", "if not shown_first or len(shown_first) != len(shown_second):", "if not shown_first:"),
    caught_by="odd_verdicts_are_refused",
    hint="other lengths raise",
)

refuses_shorter_lists_only = patched(
    *("both_orders", "len(shown_first) != len(shown_second):", "len(shown_first) > len(shown_second):"),
    caught_by="odd_verdicts_are_refused",
    hint="whichever list is longer",
    mistake="Counts verdicts of pairs that are none.",
)

# win_rate_at_equal_length --------------------------------------------------------------------------------------------

TOLD = "return torch.sigmoid(found[0]).item(), found[1].item()"
reports_the_plain_rate = patched(
    *("win_rate_at_equal_length", TOLD, "return wins.mean().item(), found[1].item()"),
    caught_by="length_is_taken_off",
    hint="plain win rate",
)
penalises_both = patched(
    *("win_rate_at_equal_length", "torch.tensor([0.0, penalty]", "torch.tensor([penalty, penalty]"),
    caught_by="length_is_taken_off",
    hint="θ has no penalty",
)
doubles_the_penalty = patched(
    *("win_rate_at_equal_length", "torch.tensor([0.0, penalty]", "torch.tensor([0.0, 2 * penalty]"),
    caught_by="length_is_taken_off",
    hint="not 2λφ",
)
centres_the_gaps = patched(
    *(
        "win_rate_at_equal_length",
        "rows = torch.stack([torch.ones_like(gaps), gaps], dim=1)",
        "gaps = gaps - gaps.mean()\n    rows = torch.stack([torch.ones_like(gaps), gaps], dim=1)",
    ),
    caught_by="length_is_taken_off",
    hint="do not take the mean off",
)
takes_one_step = patched(
    *("win_rate_at_equal_length", "range(20)", "range(1)"),
    caught_by="length_is_taken_off",
    hint="One step",
)
returns_log_odds = patched(
    *("win_rate_at_equal_length", "torch.sigmoid(found[0]).item()", "found[0].item()"),
    caught_by="length_is_taken_off",
    hint="not θ",
)
exchanges_rate_and_slope = patched(
    *("win_rate_at_equal_length", TOLD, "return found[1].item(), torch.sigmoid(found[0]).item()"),
    caught_by="length_is_taken_off",
    hint="The win rate first",
)
loses_tied_pairs = patched(
    *("win_rate_at_equal_length", "q - wins", "q - (wins == 1).double()"),
    caught_by="length_is_taken_off",
    hint="not a loss",
)
takes_three_steps = patched(
    *("win_rate_at_equal_length", "range(20)", "range(3)"),
    caught_by="rare_wins_are_fitted",
    hint="far from 0",
)
takes_ten_steps = patched(
    *("win_rate_at_equal_length", "range(20)", "range(10)"),
    caught_by="rare_wins_are_fitted",
    hint="come to rest",
    mistake="Stops before a fit far from 0 is reached.",
)
stops_too_early = patched(
    *(
        "win_rate_at_equal_length",
        "        found = found - torch.linalg.solve(\n"
        "            curvature, rows.T @ (q - wins) + weight @ found\n"
        "        )\n",
        "        step = torch.linalg.solve(curvature, rows.T @ (q - wins) + weight @ found)\n"
        "        found = found - step\n"
        "        if step.abs().max() < 1e-2:\n"
        "            break\n",
    ),
    caught_by="length_is_taken_off",
    hint="come to rest",
    mistake="Rests where a step is below 0.01: three digits.",
)
fits_in_float32 = patched(
    *(
        "win_rate_at_equal_length",
        "    rows = torch.stack([torch.ones_like(gaps), gaps], dim=1)\n"
        "    weight = torch.diag(torch.tensor([0.0, penalty], dtype=torch.float64))\n"
        "    found = torch.zeros(2, dtype=torch.float64)\n",
        "    wins, gaps = wins.float(), gaps.float()\n"
        "    rows = torch.stack([torch.ones_like(gaps), gaps], dim=1)\n"
        "    weight = torch.diag(torch.tensor([0.0, penalty]))\n"
        "    found = torch.zeros(2)\n",
    ),
    caught_by="length_is_taken_off",
    hint="in float64",
    mistake="Fits in float32.",
)
pulls_a_little_at_theta = patched(
    *("win_rate_at_equal_length", "torch.tensor([0.0, penalty]", "torch.tensor([1e-6, penalty]"),
    caught_by="length_is_taken_off",
    hint="with λ on φ alone",
    mistake="A ridge against singular matrices.",
)
fits_nothing_but_wins = patched(
    *("win_rate_at_equal_length", "if not 0 < wins.mean() < 1:", "if not 0 < wins.mean():"),
    caught_by="rare_wins_are_fitted",
    hint="raise ValueError",
)

# sign_test -----------------------------------------------------------------------------------------------------------

counts_more_than = patched(
    *("sign_test", "needed = int(enough[0])", "needed = max(int(enough[0]) - 1, 0)"),
    caught_by="claim_is_exact",
    hint="not P(more than k)",
    mistake="The tail begins above the number.",
)
asks_for_one_more = patched(
    *(
        "sign_test",
        "return needed, in_truth[needed].item()",
        "return needed + 1, in_truth[needed + 1 :][:1].sum().item()",
    ),
    caught_by="claim_is_exact",
    hint="One more than is needed",
)
tests_both_sides = patched(
    *("sign_test", "by_chance <= level", "by_chance <= level / 2"),
    caught_by="claim_is_exact",
    hint="α is not halved",
)
reports_the_miss = patched(
    *("sign_test", "in_truth[needed].item()", "1 - in_truth[needed].item()"),
    caught_by="claim_is_exact",
    hint="the power is the rest",
)
powers_at_one_half = patched(
    *("sign_test", "in_truth[needed]", "by_chance[needed]"),
    caught_by="claim_is_exact",
    hint="not at one half",
)
powers_of_one_number = patched(
    *("sign_test", "in_truth[needed]", "log_probs[1, needed].exp()"),
    caught_by="claim_is_exact",
    hint="not exactly so many",
)
fixes_the_level = patched(
    *("sign_test", "by_chance <= level", "by_chance <= 0.05"),
    caught_by="claim_is_exact",
    hint="α is",
)


@wrong("sign_test", caught_by="test_holds_at_the_edges", hint="too large")
def meets_a_float_too_early(comparisons: int, win_rate: float, level: float = 0.05) -> tuple[int, float]:
    from itertools import accumulate

    def tails(rate: float) -> list[float]:
        lost = [comparisons - k for k in range(comparisons + 1)]
        probs = [math.comb(comparisons, k) * rate**k * (1 - rate) ** lost[k] for k in range(comparisons + 1)]
        return list(accumulate(reversed(probs)))[::-1]

    for needed, chance in enumerate(tails(0.5)):
        if chance <= level:
            return needed, tails(win_rate)[needed]
    return comparisons + 1, 0.0


@wrong("sign_test", caught_by="test_holds_at_the_edges", hint="The needed wins are exact")
def trusts_the_normal_for_many(comparisons: int, win_rate: float, level: float = 0.05) -> tuple[int, float]:
    from statistics import NormalDist

    tails = [0]
    for k in range(comparisons, -1, -1):
        tails.append(tails[-1] + math.comb(comparisons, k))
    tails.reverse()
    needed = next((k for k in range(comparisons + 1) if tails[k] / 2**comparisons <= level), comparisons + 1)
    if comparisons > 500:
        spread = math.sqrt(comparisons) / 2
        needed = math.ceil(comparisons / 2 + 0.5 + NormalDist().inv_cdf(1 - level) * spread)
    m, wins = torch.tensor(float(comparisons)).double(), torch.arange(needed, comparisons + 1).double()
    rate = torch.tensor(win_rate, dtype=torch.float64)
    ways = torch.lgamma(m + 1) - torch.lgamma(wins + 1) - torch.lgamma(m - wins + 1)
    return needed, (ways + torch.xlogy(wins, rate) + torch.xlogy(m - wins, 1 - rate)).exp().sum().item()


gives_up_with_nan = patched(
    *(
        "sign_test",
        "ways + torch.xlogy(wins, rate) + torch.xlogy(m - wins, 1 - rate)",
        "ways + wins * rate.log() + (m - wins) * (1 - rate).log()",
    ),
    caught_by="test_holds_at_the_edges",
    hint="0 · log 0 is nan",
)
claims_anyway = patched(
    *("sign_test", "return comparisons + 1, 0.0", "return comparisons, in_truth[-1].item()"),
    caught_by="test_holds_at_the_edges",
    hint="no number is enough",
    mistake="All wins are taken for enough.",
)

# comparisons_needed --------------------------------------------------------------------------------------------------

plans_for_two_sides = patched(
    *("comparisons_needed", "quantile(1 - level) / 2", "quantile(1 - level / 2) / 2"),
    caught_by="needs_are_worked_out",
    hint="not at 1 − α/2",
)
rounds_down = patched(
    *("comparisons_needed", "math.ceil((wide / (win_rate - 0.5)) ** 2)", "int((wide / (win_rate - 0.5)) ** 2)"),
    caught_by="needs_are_worked_out",
    hint="Round up",
)
squares_half_of_it = patched(
    *("comparisons_needed", "(wide / (win_rate - 0.5)) ** 2", "wide ** 2 / (win_rate - 0.5)"),
    caught_by="needs_are_worked_out",
    hint="whole ratio",
)
forgets_the_spread_by_chance = patched(
    *("comparisons_needed", "quantile(1 - level) / 2", "quantile(1 - level)"),
    caught_by="needs_are_worked_out",
    hint="z is halved",
)
forgets_the_square_root = patched(
    *("comparisons_needed", "math.sqrt(", "("),
    caught_by="needs_are_worked_out",
    hint="the root is missing",
)
forgets_the_power = patched(
    *("comparisons_needed", "/ 2 + quantile(power)", "/ 2 + 0"),
    caught_by="needs_are_worked_out",
    hint="part of the power",
)
exchanges_the_quantiles = patched(
    *(
        "comparisons_needed",
        "quantile(1 - level) / 2 + quantile(power) *",
        "quantile(power) / 2 + quantile(1 - level) *",
    ),
    caught_by="needs_are_worked_out",
    hint="quantiles are exchanged",
)
takes_no_edge = patched(
    *("comparisons_needed", "if not 0.5 < win_rate < 1:", "if not 0.5 <= win_rate < 1:"),
    caught_by="needs_are_worked_out",
    hint="raise ValueError",
    mistake="An edge of 0 ends in ZeroDivisionError.",
)
returns_a_float = patched(
    *("comparisons_needed", "math.ceil(", "float("),
    caught_by="needs_are_worked_out",
    hint="Python int",
)
