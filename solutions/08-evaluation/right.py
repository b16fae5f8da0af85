"""Right answers of lab 08, each written in another manner: the checks must give all of them full points."""

from __future__ import annotations

import math
from statistics import NormalDist

import torch

from grader.checks import right

# sequence_kl ---------------------------------------------------------------------------------------------------------


@right("sequence_kl")
def kl_by_where(policy_logps: torch.Tensor, ref_logps: torch.Tensor, mask: torch.Tensor) -> tuple[float, float]:
    if mask.shape[0] <= 1:
        raise ValueError("two responses at least")
    gap = torch.where(mask, policy_logps.double() - ref_logps.double(), 0.0)
    sums = gap.sum(dim=1)
    return float(sums.mean()), float(sums.std(unbiased=True)) / len(sums) ** 0.5


@right("sequence_kl")
def kl_row_by_row(policy_logps: torch.Tensor, ref_logps: torch.Tensor, mask: torch.Tensor) -> tuple[float, float]:
    sums = [
        (ours[told].double() - theirs[told].double()).sum().item()
        for ours, theirs, told in zip(policy_logps, ref_logps, mask, strict=True)
    ]
    if len(sums) < 2:
        raise ValueError("two responses at least")
    mean = sum(sums) / len(sums)
    spread = math.sqrt(sum((value - mean) ** 2 for value in sums) / (len(sums) - 1))
    return mean, spread / math.sqrt(len(sums))


@right("sequence_kl")
def kl_by_numpy(policy_logps: torch.Tensor, ref_logps: torch.Tensor, mask: torch.Tensor) -> tuple[float, float]:
    import numpy as np

    count = len(policy_logps)
    if count < 2:
        raise ValueError("two responses at least")
    told = mask.numpy()
    ours, theirs = (np.where(told, part.double().numpy(), 0.0) for part in (policy_logps, ref_logps))
    sums = ours.sum(1) - theirs.sum(1)
    return float(np.mean(sums)), float(np.std(sums, ddof=1) / np.sqrt(count))


@right("sequence_kl")
def kl_by_statistics(policy_logps: torch.Tensor, ref_logps: torch.Tensor, mask: torch.Tensor) -> tuple[float, float]:
    from statistics import fmean, stdev

    if len(mask) < 2:
        raise ValueError("two responses at least")
    gap = (policy_logps.double() - ref_logps.double()).masked_fill(mask.logical_not(), 0)
    sums = gap.sum(-1).tolist()
    return fmean(sums), stdev(sums) / math.sqrt(len(sums))


@right("sequence_kl")
def kl_by_lengths(policy_logps: torch.Tensor, ref_logps: torch.Tensor, mask: torch.Tensor) -> tuple[float, float]:
    sums = torch.tensor(
        [
            float(policy_logps[row, :end].double().sum() - ref_logps[row, :end].double().sum())
            for row, end in enumerate(mask.sum(-1).tolist())
        ],
        dtype=torch.float64,
    )
    if sums.numel() < 2:
        raise ValueError("two responses at least")
    return sums.mean().item(), math.sqrt(sums.var().item() / sums.numel())


@right("sequence_kl")
def kl_by_index_add(policy_logps: torch.Tensor, ref_logps: torch.Tensor, mask: torch.Tensor) -> tuple[float, float]:
    count = len(mask)
    if count < 2:
        raise ValueError("two responses at least")
    row, token = mask.nonzero(as_tuple=True)
    gap = policy_logps[row, token].double() - ref_logps[row, token].double()
    sums = torch.zeros(count, dtype=torch.float64).index_add(0, row, gap)
    away = sums - sums.mean()
    return sums.mean().item(), ((away @ away) / (count - 1) / count).sqrt().item()


# best_of_n_kl --------------------------------------------------------------------------------------------------------


@right("best_of_n_kl")
def price_by_expm1(probs: torch.Tensor, n: int) -> float:
    if n < 1:
        raise ValueError("n")
    up_to = probs.cumsum(0)
    below = torch.cat([torch.zeros(1, dtype=torch.float64), up_to[:-1]])
    won = up_to**n - below**n
    keep = won > 0
    return (won[keep] * (won[keep].log() - probs[keep].log())).sum().item()


@right("best_of_n_kl")
def price_in_a_loop(probs: torch.Tensor, n: int) -> float:
    if not n >= 1:
        raise ValueError("n")
    total, below = 0.0, 0.0
    for p in probs.tolist():
        here = below + p
        won = here**n - below**n
        if won > 0:
            total += won * math.log(won / p)
        below = here
    return total


@right("best_of_n_kl")
def price_by_kl_div(probs: torch.Tensor, n: int) -> float:
    if n < 1:
        raise ValueError("n")
    power = torch.cumsum(probs, dim=0).pow(n)
    won = torch.diff(power, prepend=torch.zeros(1, dtype=torch.float64))
    return torch.nn.functional.kl_div(probs.log(), won, reduction="sum").item()


@right("best_of_n_kl")
def price_by_numpy(probs: torch.Tensor, n: int) -> float:
    import numpy as np

    if n < 1:
        raise ValueError("n")
    p = probs.numpy()
    won = np.diff(np.cumsum(p) ** n, prepend=0.0)
    ratio = np.where(won > 0, won / p, 1.0)
    return float(np.sum(won * np.log(ratio)))


@right("best_of_n_kl")
def price_by_scipy(probs: torch.Tensor, n: int) -> float:
    import numpy as np
    from scipy.special import rel_entr

    if n < 1:
        raise ValueError("n")
    won = np.diff(np.concatenate([[0.0], np.cumsum(probs.numpy())]) ** n)
    return float(rel_entr(won, probs.numpy()).sum())


@right("best_of_n_kl")
def price_by_two_sums(probs: torch.Tensor, n: int) -> float:
    """Minus an entropy, plus a cross entropy."""
    if n < 1:
        raise ValueError("n")
    up_to = probs.cumsum(0)
    won = (up_to**n).diff(prepend=torch.zeros(1, dtype=torch.float64))
    return (torch.special.xlogy(won, won) - won * probs.log()).sum().item()


# best_of_n_means -----------------------------------------------------------------------------------------------------


@right("best_of_n_means")
def means_by_groups(proxy: torch.Tensor, gold: torch.Tensor, n: int) -> tuple[float, float]:
    from itertools import groupby

    count = len(proxy)
    if n < 1 or n > count:
        raise ValueError("n")
    pairs = sorted(zip(proxy.tolist(), gold.tolist(), strict=True))
    total, seen, mean_proxy, mean_gold = math.comb(count, n), 0, 0.0, 0.0
    for value, group in groupby(pairs, key=lambda pair: pair[0]):
        golds = [g for _, g in group]
        kept = (math.comb(seen + len(golds), n) - math.comb(seen, n)) / total
        seen += len(golds)
        mean_proxy += kept * value
        mean_gold += kept * sum(golds) / len(golds)
    return mean_proxy, mean_gold


@right("best_of_n_means")
def means_by_counting(proxy: torch.Tensor, gold: torch.Tensor, n: int) -> tuple[float, float]:
    """For each sample: in how many choices it is the one that is kept, with halves where it ties."""
    count = len(proxy)
    if not 0 < n <= count:
        raise ValueError("n")
    below = (proxy[None, :] < proxy[:, None]).sum(1).tolist()
    equal = (proxy[None, :] == proxy[:, None]).sum(1).tolist()
    total = math.comb(count, n)
    kept = torch.tensor(
        [(math.comb(b + e, n) - math.comb(b, n)) / total / e for b, e in zip(below, equal, strict=True)],
        dtype=torch.float64,
    )
    return (kept * proxy).sum().item(), (kept * gold).sum().item()


@right("best_of_n_means")
def means_by_places(proxy: torch.Tensor, gold: torch.Tensor, n: int) -> tuple[float, float]:
    """Place by place in the order, each gold replaced by the mean of its equals."""
    count = len(proxy)
    if n < 1 or n > count:
        raise ValueError("n")
    ordered = proxy.sort().values
    shared = torch.stack([gold[proxy == value].mean() for value in ordered])
    total = math.comb(count, n)
    kept = torch.tensor([math.comb(place, n - 1) / total for place in range(count)], dtype=torch.float64)
    return (kept @ ordered).item(), (kept @ shared).item()


@right("best_of_n_means")
def means_by_quotients(proxy: torch.Tensor, gold: torch.Tensor, n: int) -> tuple[float, float]:
    from itertools import pairwise

    count = len(proxy)
    if n < 1 or n > count:
        raise ValueError("n")
    values, place, sizes = torch.unique(proxy, return_inverse=True, return_counts=True)

    share = [1.0]  # C(k, n) / C(count, n), from k = count down, by quotients of neighbours
    for k in range(count, 0, -1):
        share.append(share[-1] * max(k - n, 0) / k)
    share.reverse()
    kept = [share[high] - share[low] for low, high in pairwise([0, *sizes.cumsum(0).tolist()])]
    golds = [gold[place == group].mean().item() for group in range(len(values))]
    return (
        math.fsum(k * v for k, v in zip(kept, values.tolist(), strict=True)),
        math.fsum(k * g for k, g in zip(kept, golds, strict=True)),
    )


@right("best_of_n_means")
def means_by_numpy(proxy: torch.Tensor, gold: torch.Tensor, n: int) -> tuple[float, float]:
    import numpy as np

    if not 1 <= n <= proxy.numel():
        raise ValueError("n")
    values, place, sizes = np.unique(proxy.numpy(), return_inverse=True, return_counts=True)
    golds = np.bincount(place, weights=gold.numpy()) / sizes
    total = math.comb(len(proxy), n)
    reached = [math.comb(int(k), n) / total for k in np.cumsum(sizes)]
    kept = np.diff([0.0, *reached])
    return float(kept @ values), float(kept @ golds)


@right("best_of_n_means")
def means_by_lgamma(proxy: torch.Tensor, gold: torch.Tensor, n: int) -> tuple[float, float]:
    """Logarithms of the numbers of choices; each sample with those below it and those beside it."""
    count = len(proxy)
    if n < 1 or n > count:
        raise ValueError("n")

    def share(k: torch.Tensor) -> torch.Tensor:
        """C(k, n) / C(count, n), 0 where k is below n."""
        top, m = k.double().clamp(min=n), torch.tensor(float(count), dtype=torch.float64)
        log = torch.lgamma(top + 1) - torch.lgamma(top - n + 1) - torch.lgamma(m + 1) + torch.lgamma(m - n + 1)
        return torch.where(k < n, 0.0, log.exp())

    below = (proxy[None] < proxy[:, None]).sum(-1)
    beside = (proxy[None] == proxy[:, None]).sum(-1)
    kept = (share(below + beside) - share(below)) / beside
    return (kept @ proxy).item(), (kept @ gold).item()


# value_at_kl ---------------------------------------------------------------------------------------------------------


@right("value_at_kl")
def value_by_numpy(kls: list[float], values: list[float], kl: float) -> float:
    import numpy as np

    if len(kls) == 0 or kl < min(kls) or kl > max(kls):
        raise ValueError("beyond")
    order = np.argsort(kls)
    return float(np.interp(kl, np.array(kls)[order], np.array(values)[order]))


@right("value_at_kl")
def value_by_bisect(kls: list[float], values: list[float], kl: float) -> float:
    from bisect import bisect_left

    points = sorted(zip(kls, values, strict=True))
    xs = [x for x, _ in points]
    place = bisect_left(xs, kl)
    if place == len(xs) or (place == 0 and xs[0] != kl):
        raise ValueError("beyond")
    right, high = points[place]
    if right == kl:
        return float(high)
    left, low = points[place - 1]
    return low + (high - low) / (right - left) * (kl - left)


@right("value_at_kl")
def value_by_neighbours(kls: list[float], values: list[float], kl: float) -> float:
    curve = dict(zip(kls, values, strict=True))
    if kl in curve:
        return float(curve[kl])
    below, above = [x for x in curve if x < kl], [x for x in curve if x > kl]
    if not below or not above:
        raise ValueError("beyond")
    left, right = max(below), min(above)
    share = (kl - left) / (right - left)
    return (1 - share) * curve[left] + share * curve[right]


@right("value_at_kl")
def value_by_torch(kls: list[float], values: list[float], kl: float) -> float:
    x, order = torch.tensor(kls, dtype=torch.float64).sort()
    y = torch.tensor(values, dtype=torch.float64)[order]
    if len(x) == 0 or not x[0] <= kl <= x[-1]:
        raise ValueError("beyond")
    if len(x) == 1:
        return y[0].item()
    place = int(torch.searchsorted(x, kl).clamp(1, len(x) - 1))
    return torch.lerp(y[place - 1], y[place], (kl - x[place - 1]) / (x[place] - x[place - 1])).item()


@right("value_at_kl")
def value_by_hats(kls: list[float], values: list[float], kl: float) -> float:
    """Each point's hat function: 1 at the point, 0 at its neighbours."""
    if not kls or kl < min(kls) or kl > max(kls):
        raise ValueError("beyond")
    points = sorted(zip(kls, values, strict=True))
    total = 0.0
    for place, (x, y) in enumerate(points):
        height = 0.0
        if kl == x:
            height = 1.0
        elif kl < x and place > 0 and points[place - 1][0] < kl:
            height = (kl - points[place - 1][0]) / (x - points[place - 1][0])
        elif kl > x and place + 1 < len(points) and kl < points[place + 1][0]:
            height = (points[place + 1][0] - kl) / (points[place + 1][0] - x)
        total += height * y
    return float(total)


@right("value_at_kl")
def value_by_walking(kls: list[float], values: list[float], kl: float) -> float:
    order = sorted(range(len(kls)), key=lambda place: kls[place])
    if not order or kl < kls[order[0]]:
        raise ValueError("beyond")
    here = order[0]
    for there in order[1:]:
        if kls[there] >= kl:
            rise = (values[there] - values[here]) / (kls[there] - kls[here])
            return float(values[here] + rise * (kl - kls[here]))
        here = there
    if kl > kls[here]:
        raise ValueError("beyond")
    return float(values[here])


# wilson_interval -----------------------------------------------------------------------------------------------------


@right("wilson_interval")
def interval_by_counts(wins: float, comparisons: int, z: float = 1.96) -> tuple[float, float]:
    if comparisons <= 0 or wins < 0 or wins > comparisons:
        raise ValueError("counts")
    losses = comparisons - wins
    below = comparisons + z**2
    middle = (wins + z**2 / 2) / below
    half = z / below * math.sqrt(wins * losses / comparisons + z**2 / 4)
    return middle - half, middle + half


@right("wilson_interval")
def interval_by_roots(wins: float, comparisons: int, z: float = 1.96) -> tuple[float, float]:
    import numpy as np

    if comparisons < 1 or not 0 <= wins <= comparisons:
        raise ValueError("counts")
    w, s = wins / comparisons, z * z / comparisons
    middle = (2 * w + s) / (2 * (1 + s))
    half = np.sqrt(s * (4 * w * (1 - w) + s)) / (2 * (1 + s))
    return float(middle - half), float(middle + half)


@right("wilson_interval")
def interval_turned_round(wins: float, comparisons: int, z: float = 1.96) -> tuple[float, float]:
    """The lower end of the losses is the upper end of the wins."""
    if comparisons < 1 or wins < 0 or wins > comparisons:
        raise ValueError("counts")

    def lower(k: float) -> float:
        w = k / comparisons
        middle = w + z * z / (2 * comparisons)
        half = z * math.sqrt((w * (1 - w) + z * z / (4 * comparisons)) / comparisons)
        return (middle - half) / (1 + z * z / comparisons)

    return lower(wins), 1 - lower(comparisons - wins)


@right("wilson_interval")
def interval_by_weights(wins: float, comparisons: int, z: float = 1.96) -> tuple[float, float]:
    """A mixture of ŵ and one half."""
    if not comparisons >= 1 or not 0 <= wins <= comparisons:
        raise ValueError("counts")
    w, m = wins / comparisons, comparisons
    weight = m / (m + z * z)
    middle = weight * w + (1 - weight) / 2
    variance = (weight * w * (1 - w) + (1 - weight) / 4) / (m + z * z)
    half = z * math.sqrt(variance)
    return middle - half, middle + half


@right("wilson_interval")
def interval_by_bisection(wins: float, comparisons: int, z: float = 1.96) -> tuple[float, float]:
    """The rates that are z standard errors away, found by halving."""
    if comparisons < 1 or wins < 0 or wins > comparisons:
        raise ValueError("counts")
    seen = wins / comparisons

    def far(rate: float) -> bool:
        return (seen - rate) ** 2 > z * z * rate * (1 - rate) / comparisons

    ends = []
    for outside in (0.0, 1.0):
        a, b = outside, seen
        if seen == outside:
            ends.append(outside)
            continue
        for _ in range(200):
            middle = (a + b) / 2
            a, b = (middle, b) if far(middle) else (a, middle)
        ends.append(b)
    return ends[0], ends[1]


@right("wilson_interval")
def interval_by_fractions(wins: float, comparisons: int, z: float = 1.96) -> tuple[float, float]:
    from fractions import Fraction

    if comparisons < 1 or wins < 0 or wins > comparisons:
        raise ValueError("counts")
    w, square = Fraction(wins) / comparisons, Fraction(z) ** 2
    middle = w + square / (2 * comparisons)
    inside = w * (1 - w) / comparisons + square / (4 * comparisons**2)
    half = z * math.sqrt(inside)
    below = float(1 + square / comparisons)
    return (float(middle) - half) / below, (float(middle) + half) / below


# both_orders ---------------------------------------------------------------------------------------------------------


@right("both_orders")
def orders_by_counting(shown_first: list[str], shown_second: list[str]) -> tuple[float, float]:
    pairs = len(shown_first)
    if pairs == 0 or pairs != len(shown_second):
        raise ValueError("pairs")
    if not set(shown_first + shown_second) <= {"first", "second", "tie"}:
        raise ValueError("words")
    ties = (shown_first + shown_second).count("tie")
    won = shown_first.count("first") + shown_second.count("second") + ties / 2
    first = shown_first.count("first") + shown_second.count("first") + ties / 2
    return won / (2 * pairs), first / (2 * pairs) - 1 / 2


@right("both_orders")
def orders_pair_by_pair(shown_first: list[str], shown_second: list[str]) -> tuple[float, float]:
    if not shown_first:
        raise ValueError("pairs")
    value = {"first": 1, "second": -1, "tie": 0}
    score = place = 0
    for one, other in zip(shown_first, shown_second, strict=True):
        if one not in value or other not in value:
            raise ValueError("words")
        score += value[one] - value[other]
        place += value[one] + value[other]
    return 0.5 + score / (4 * len(shown_first)), place / (4 * len(shown_first))


@right("both_orders")
def orders_by_numpy(shown_first: list[str], shown_second: list[str]) -> tuple[float, float]:
    import numpy as np

    if len(shown_first) == 0 or len(shown_first) != len(shown_second):
        raise ValueError("pairs")
    marks = {"first": 1.0, "tie": 0.5, "second": 0.0}
    try:
        table = np.array([[marks[word] for word in side] for side in (shown_first, shown_second)])
    except KeyError as error:
        raise ValueError("words") from error
    a = np.stack([table[0], 1 - table[1]])
    return float(a.mean()), float(table.mean() - 0.5)


@right("both_orders")
def orders_by_match(shown_first: list[str], shown_second: list[str]) -> tuple[float, float]:
    def worth(word: str) -> float:
        match word:
            case "first":
                return 1.0
            case "second":
                return 0.0
            case "tie":
                return 0.5
        raise ValueError(word)

    if len(shown_first) != len(shown_second) or len(shown_first) < 1:
        raise ValueError("pairs")
    ours = [(worth(a) + 1 - worth(b)) / 2 for a, b in zip(shown_first, shown_second, strict=True)]
    place = [worth(word) for word in [*shown_first, *shown_second]]
    return sum(ours) / len(ours), sum(place) / len(place) - 0.5


@right("both_orders")
def orders_by_torch(shown_first: list[str], shown_second: list[str]) -> tuple[float, float]:
    words = ["second", "tie", "first"]
    if len(shown_first) != len(shown_second) or len(shown_first) == 0:
        raise ValueError("pairs")
    table = torch.tensor([[words.index(word) for word in side] for side in (shown_first, shown_second)]).double() / 2
    before, after = table.mean(1).tolist()
    return (before + 1 - after) / 2, (before + after) / 2 - 0.5


@right("both_orders")
def orders_by_counter(shown_first: list[str], shown_second: list[str]) -> tuple[float, float]:
    from collections import Counter

    if not shown_first or not shown_second or len(shown_first) != len(shown_second):
        raise ValueError("pairs")
    one, other = Counter(shown_first), Counter(shown_second)
    if (one + other).keys() - {"first", "second", "tie"}:
        raise ValueError("words")
    verdicts = 2 * len(shown_first)
    half = (one["tie"] + other["tie"]) / 2
    return (one["first"] + other["second"] + half) / verdicts, (one["first"] + other["first"] + half) / verdicts - 0.5


# win_rate_at_equal_length --------------------------------------------------------------------------------------------


@right("win_rate_at_equal_length")
def control_by_hand(wins: torch.Tensor, gaps: torch.Tensor, penalty: float = 1.0) -> tuple[float, float]:
    """The 2 × 2 system solved by Cramer's rule."""
    if bool((wins == 1).all()) or bool((wins == 0).all()):
        raise ValueError("wins")
    theta = phi = 0.0
    for _ in range(20):
        q = torch.sigmoid(theta + phi * gaps)
        s = q * (1 - q)
        g0, g1 = (q - wins).sum().item(), ((q - wins) * gaps).sum().item() + penalty * phi
        a, b, c = s.sum().item(), (s * gaps).sum().item(), (s * gaps**2).sum().item() + penalty
        det = a * c - b * b
        theta, phi = theta - (c * g0 - b * g1) / det, phi - (a * g1 - b * g0) / det
    return 1 / (1 + math.exp(-theta)), phi


@right("win_rate_at_equal_length")
def control_by_lbfgs(wins: torch.Tensor, gaps: torch.Tensor, penalty: float = 1.0) -> tuple[float, float]:
    if wins.min() == 1 or wins.max() == 0:
        raise ValueError("wins")
    both = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    search = torch.optim.LBFGS(
        [both], max_iter=60, tolerance_grad=1e-12, tolerance_change=1e-16, line_search_fn="strong_wolfe"
    )

    def closure() -> torch.Tensor:
        search.zero_grad()
        u = both[0] + both[1] * gaps
        loss = (torch.nn.functional.softplus(u) - wins * u).sum() + penalty / 2 * both[1] ** 2
        loss.backward()
        return loss

    search.step(closure)
    return torch.sigmoid(both[0]).item(), both[1].item()


@right("win_rate_at_equal_length")
def control_by_scipy(wins: torch.Tensor, gaps: torch.Tensor, penalty: float = 1.0) -> tuple[float, float]:
    import numpy as np
    from scipy.optimize import minimize
    from scipy.special import expit

    y, d = wins.numpy(), gaps.numpy()
    if y.mean() <= 0 or y.mean() >= 1:
        raise ValueError("wins")

    def loss(both: np.ndarray) -> float:
        u = both[0] + both[1] * d
        return float((np.logaddexp(0, u) - y * u).sum() + penalty * both[1] ** 2 / 2)

    def slope(both: np.ndarray) -> np.ndarray:
        away = expit(both[0] + both[1] * d) - y
        return np.array([away.sum(), (away * d).sum() + penalty * both[1]])

    found = minimize(loss, np.zeros(2), jac=slope, method="BFGS", options={"gtol": 1e-10}).x
    return float(expit(found[0])), float(found[1])


@right("win_rate_at_equal_length")
def control_by_autograd(wins: torch.Tensor, gaps: torch.Tensor, penalty: float = 1.0) -> tuple[float, float]:
    """Newton's method with slope and curvature by autograd."""
    if wins.sum() in (0, len(wins)):
        raise ValueError("wins")

    both = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    for _ in range(12):
        u = both[0] + both[1] * gaps
        nll = torch.nn.functional.binary_cross_entropy_with_logits(u, wins, reduction="sum")
        (slope,) = torch.autograd.grad(nll + 0.5 * penalty * both[1].square(), both, create_graph=True)
        curvature = torch.stack([torch.autograd.grad(part, both, retain_graph=True)[0] for part in slope])
        both = (both - torch.linalg.solve(curvature, slope)).detach().requires_grad_()
    return both[0].sigmoid().item(), both[1].item()


@right("win_rate_at_equal_length")
def control_by_weighted_squares(wins: torch.Tensor, gaps: torch.Tensor, penalty: float = 1.0) -> tuple[float, float]:
    """Iteratively reweighted least squares."""
    mean = wins.mean().item()
    if mean <= 0 or mean >= 1:
        raise ValueError("wins")
    rows = torch.stack([torch.ones_like(gaps), gaps], dim=1)
    both = torch.tensor([math.log(mean / (1 - mean)), 0.0], dtype=torch.float64)
    ridge = torch.tensor([[0.0, 0.0], [0.0, float(penalty)]], dtype=torch.float64)
    for _ in range(20):
        u = rows @ both
        q = u.sigmoid()
        s = q * (1 - q)
        target = s * u + wins - q
        both = torch.linalg.solve(rows.T @ (s[:, None] * rows) + ridge, rows.T @ target)
    return (1 / (1 + (-both[0]).exp())).item(), both[1].item()


@right("win_rate_at_equal_length")
def control_by_brent(wins: torch.Tensor, gaps: torch.Tensor, penalty: float = 1.0) -> tuple[float, float]:
    """For each φ the best θ by Brent's method, and φ by it too: both slopes only rise."""
    if not 0 < wins.mean() < 1:
        raise ValueError("wins")

    from scipy.optimize import brentq

    def theta_of(phi: float) -> float:
        return brentq(lambda theta: (torch.sigmoid(theta + phi * gaps) - wins).sum().item(), -150.0, 150.0)

    def slope(phi: float) -> float:
        away = torch.sigmoid(theta_of(phi) + phi * gaps) - wins
        return (away * gaps).sum().item() + penalty * phi

    phi = brentq(slope, -25.0, 25.0)
    return 1 / (1 + math.exp(-theta_of(phi))), phi


# sign_test -----------------------------------------------------------------------------------------------------------


@right("sign_test")
def claim_by_whole_numbers(comparisons: int, win_rate: float, level: float = 0.05) -> tuple[int, float]:
    tail, needed = 0, comparisons + 1
    for wins in range(comparisons, -1, -1):
        tail += math.comb(comparisons, wins)
        if tail / 2**comparisons > level:
            break
        needed = wins
    power = 0.0
    for wins in range(needed, comparisons + 1):
        if win_rate in (0.0, 1.0):
            power += float(win_rate * comparisons == wins)
        else:
            log_ways = math.lgamma(comparisons + 1) - math.lgamma(wins + 1) - math.lgamma(comparisons - wins + 1)
            lost = comparisons - wins
            power += math.exp(log_ways + wins * math.log(win_rate) + lost * math.log(1 - win_rate))
    return needed, power


@right("sign_test")
def claim_by_scipy(comparisons: int, win_rate: float, level: float = 0.05) -> tuple[int, float]:
    import numpy as np
    from scipy.stats import binom

    chance = binom.sf(np.arange(-1, comparisons), comparisons, 0.5)
    enough = np.flatnonzero(chance <= level)
    if enough.size == 0:
        return comparisons + 1, 0.0
    return int(enough[0]), float(binom.sf(enough[0] - 1, comparisons, win_rate))


@right("sign_test")
def claim_by_recursion(comparisons: int, win_rate: float, level: float = 0.05) -> tuple[int, float]:
    """The wins of all comparisons are those of the one half and of the other."""
    import numpy as np

    def spread(count: int, rate: float) -> np.ndarray:
        """Probabilities of 0 … count wins."""
        if count == 1:
            return np.array([1 - rate, rate])
        half = spread(count // 2, rate)
        whole = np.convolve(half, half)
        return np.convolve(whole, [1 - rate, rate]) if count % 2 else whole

    rows = [spread(comparisons, rate)[::-1].cumsum()[::-1] for rate in (0.5, win_rate)]
    enough = [wins for wins in range(comparisons + 1) if rows[0][wins] <= level]
    return (enough[0], float(rows[1][enough[0]])) if enough else (comparisons + 1, 0.0)


@right("sign_test")
def claim_by_beta(comparisons: int, win_rate: float, level: float = 0.05) -> tuple[int, float]:
    """Tails of the binomial are incomplete beta functions."""
    from scipy.special import betainc

    def tail(wins: int, rate: float) -> float:
        return 1.0 if wins == 0 else float(betainc(wins, comparisons - wins + 1, rate))

    needed = next((wins for wins in range(comparisons + 1) if tail(wins, 0.5) <= level), comparisons + 1)
    return needed, (tail(needed, win_rate) if needed <= comparisons else 0.0)


@right("sign_test")
def claim_by_halving(comparisons: int, win_rate: float, level: float = 0.05) -> tuple[int, float]:
    """The tail only falls: the first number that is enough, by bisection."""
    from bisect import bisect_left

    ways = [math.comb(comparisons, wins) for wins in range(comparisons + 1)]
    needed = bisect_left(range(comparisons + 1), True, key=lambda wins: sum(ways[wins:]) / 2**comparisons <= level)
    if win_rate in (0, 1):
        return needed, float(needed <= comparisons * win_rate)
    logs = math.log(win_rate), math.log1p(-win_rate)
    parts = [math.log(ways[k]) + k * logs[0] + (comparisons - k) * logs[1] for k in range(needed, comparisons + 1)]
    return needed, math.fsum(map(math.exp, parts))


@right("sign_test")
def claim_by_distribution(comparisons: int, win_rate: float, level: float = 0.05) -> tuple[int, float]:
    wins = torch.arange(comparisons + 1).double()
    ways = math.lgamma(comparisons + 1) - torch.lgamma(wins + 1) - torch.lgamma(comparisons - wins + 1)
    chance = (ways - comparisons * math.log(2)).exp()
    needed = next((k for k in range(comparisons + 1) if chance[k:].sum() <= level), None)
    if needed is None:
        return comparisons + 1, 0.0
    if win_rate in (0.0, 1.0):
        return needed, 1.0 if win_rate == 1.0 or needed == 0 else 0.0
    truth = (ways + wins * math.log(win_rate) + (comparisons - wins) * math.log1p(-win_rate)).exp()
    return needed, truth[needed:].sum().item()


# comparisons_needed --------------------------------------------------------------------------------------------------


@right("comparisons_needed")
def needed_by_two_distributions(win_rate: float, level: float = 0.05, power: float = 0.8) -> int:
    if win_rate <= 0.5 or win_rate >= 1:
        raise ValueError("win_rate")
    by_chance = NormalDist(0, 0.5).inv_cdf(1 - level)
    in_truth = NormalDist(0, math.sqrt(win_rate * (1 - win_rate))).inv_cdf(power)
    root = (by_chance + in_truth) / (win_rate - 0.5)
    return math.ceil(root * root)


@right("comparisons_needed")
def needed_by_symmetry(win_rate: float, level: float = 0.05, power: float = 0.8) -> int:
    """−z_α for z_{1 − α}, and everything doubled."""
    if not 0.5 < win_rate < 1.0:
        raise ValueError("win_rate")
    z = NormalDist()
    reach = -z.inv_cdf(level) + 2 * z.inv_cdf(power) * (win_rate * (1 - win_rate)) ** 0.5
    return math.ceil((reach / (2 * win_rate - 1)) ** 2)


@right("comparisons_needed")
def needed_by_scipy(win_rate: float, level: float = 0.05, power: float = 0.8) -> int:
    from scipy.stats import norm

    if win_rate <= 0.5 or win_rate >= 1:
        raise ValueError("win_rate")
    reach = norm.isf(level) * 0.5 + norm.ppf(power) * math.sqrt(win_rate - win_rate**2)
    return int(-((-((reach / (win_rate - 0.5)) ** 2)) // 1))


@right("comparisons_needed")
def needed_by_torch(win_rate: float, level: float = 0.05, power: float = 0.8) -> int:
    if not win_rate > 0.5 or not win_rate < 1:
        raise ValueError("win_rate")
    z = torch.special.ndtri(torch.tensor([1 - level, power], dtype=torch.float64))
    spread = torch.tensor([0.25, win_rate * (1 - win_rate)], dtype=torch.float64).sqrt()
    return int((((z * spread).sum() / (win_rate - 0.5)) ** 2).ceil())


@right("comparisons_needed")
def needed_by_trying(win_rate: float, level: float = 0.05, power: float = 0.8) -> int:
    """The first number at which the normal distributions say yes: by halving."""
    from bisect import bisect_left

    if win_rate <= 0.5 or win_rate >= 1:
        raise ValueError("win_rate")

    def enough(m: int) -> bool:
        limit = NormalDist(0.5, 0.5 / math.sqrt(m)).inv_cdf(1 - level)
        return NormalDist(win_rate, math.sqrt(win_rate * (1 - win_rate) / m)).inv_cdf(1 - power) >= limit

    return 1 + bisect_left(range(1, 10**15), True, key=enough)


@right("comparisons_needed")
def needed_by_numpy(win_rate: float, level: float = 0.05, power: float = 0.8) -> int:
    import numpy as np

    edge = win_rate - 0.5
    if edge <= 0 or win_rate >= 1:
        raise ValueError("win_rate")
    z = np.array([NormalDist().inv_cdf(1 - level), NormalDist().inv_cdf(power)])
    return int(np.ceil((z @ np.sqrt([0.25, 0.25 - edge**2]) / edge) ** 2))
