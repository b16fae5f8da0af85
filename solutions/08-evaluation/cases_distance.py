"""Inputs of `sequence_kl`, `best_of_n_kl`, `best_of_n_means` and `value_at_kl`, and the mistakes that are likely."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import torch

from grader.checks import Case, Cases, Mistake

INF, NAN = math.inf, math.nan
TWO = "Return two Python floats in a tuple: `.item()` makes a float of a tensor of one number."


def noise(*shape: int, seed: int, scale: float = 1.0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64) * scale


# sequence_kl ---------------------------------------------------------------------------------------------------------


def spoken(lengths: list[int], longest: int) -> torch.Tensor:
    """Which places hold a token, for responses of so many tokens."""
    return torch.arange(longest) < torch.tensor(lengths)[:, None]


def reference_kl(policy_logps: torch.Tensor, ref_logps: torch.Tensor, mask: torch.Tensor) -> tuple[float, float]:
    """Row by row, with Python's own sums.

    Raises:
        ValueError: fewer than two responses.
    """
    if len(mask) < 2:
        raise ValueError("responses")
    sums = []
    for ours, theirs, told in zip(policy_logps.tolist(), ref_logps.tolist(), mask.tolist(), strict=True):
        sums.append(math.fsum(a - b for a, b, there in zip(ours, theirs, told, strict=True) if there))
    mean = math.fsum(sums) / len(sums)
    return mean, math.sqrt(math.fsum((x - mean) ** 2 for x in sums) / (len(sums) - 1) / len(sums))


LENGTHS = {
    "two": ([3, 1], 3), "three": ([2, 4, 1], 5), "full": ([4, 4, 4], 4), "three of two": ([1, 2, 1], 2),
    "one token each": ([1, 1, 1, 1], 1), "mostly filling": ([1, 1, 2], 9), "five": ([5, 1, 3, 2, 4], 6),
}  # fmt: skip


def logps(lengths: list[int], longest: int, dtype: torch.dtype, seed: int, scale: float) -> tuple[torch.Tensor, ...]:
    """(policy, reference, mask): log-probs below 0; what stands behind a response is noise too."""
    shape = (len(lengths), longest)
    ours, theirs = (-(noise(*shape, seed=seed + k, scale=scale).abs() + 0.1 * scale) for k in (0, 100))
    return ours.to(dtype), theirs.to(dtype), spoken(lengths, longest)


def samples() -> Iterator[Case]:
    for seed, (name, (lengths, longest)) in enumerate(LENGTHS.items()):
        for dtype in (torch.float64, torch.float32):
            for scale in (1.0, 30.0):
                args = logps(lengths, longest, dtype, seed, scale)
                family = "responses of one length" if len(set(lengths)) == 1 else "responses of different lengths"
                yield Case(f"{name} {dtype} {scale}", args, family=family)
    _, theirs, mask = logps([4, 2, 3], 5, torch.float64, 40, 2.0)
    yield Case("the reference", (theirs, theirs.clone(), mask), family="a policy that is the reference")
    yield Case("negative", (theirs - 1, theirs, mask), family="sums that are all negative")
    yield Case("shifted", (theirs + 0.25, theirs, mask), family="sums that differ by their lengths alone")
    for layout in ("transposed", "strided", "column"):
        for dtype in (torch.float64, torch.float32):
            args = logps([2, 3, 1], 3, dtype, 50, 1.0)
            yield Case(f"{layout} {dtype}", args, family="tensors that are views", layout={"policy_logps": layout})
    args = logps([40 + k % 7 for k in range(300)], 50, torch.float32, 60, 3.0)
    yield Case("many", args, family="many responses", tolerance=1e-6)


def filled() -> Iterator[Case]:
    for seed, (name, (lengths, longest)) in enumerate(LENGTHS.items()):
        if len(set(lengths)) == 1:
            continue
        for filling in (NAN, -INF, INF, -1e30):
            for side in (0, 1, 2):
                ours, theirs, mask = logps(lengths, longest, torch.float64, 20 + seed, 1.0)
                if side != 1:
                    ours = ours.masked_fill(~mask, filling)
                if side != 0:
                    theirs = theirs.masked_fill(~mask, filling)
                family = "filling of any size" if math.isfinite(filling) else "filling that is inf or nan"
                yield Case(f"{name} {filling} {side}", (ours, theirs, mask), family=family)
    for dtype in (torch.float64, torch.float32):
        for width in (1, 4):
            yield Case(f"one {dtype} {width}", logps([width], width, dtype, 70, 1.0), family="a single response")
            empty = torch.zeros(0, width, dtype=dtype)
            yield Case(f"none {dtype} {width}", (empty, empty.clone(), empty.bool()), family="no response")
    big = logps([2, 1, 2], 2, torch.float32, 80, 1.0)
    ours = (big[0] + torch.tensor([[-5000.0], [-4000.0], [-4500.0]])).float()
    theirs = (ours.double() - 1e-3 * (1 + big[1].double().abs())).float()
    yield Case("far", (ours, theirs, big[2]), family="log-probs of thousands of nats", tolerance=1e-9)
    long = logps([4000, 3000, 3500], 4000, torch.float32, 90, 3.0)
    yield Case("long", long, family="float32 log-probs of long responses", tolerance=1e-8)


def _sums(ours: torch.Tensor, theirs: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    return (ours.double() - theirs.double()).masked_fill(~mask, 0.0).sum(-1)


def _told(sums: torch.Tensor) -> tuple[float, float]:
    return sums.mean().item(), (sums.std() / len(sums) ** 0.5).item()


def _by_token(policy_logps: torch.Tensor, ref_logps: torch.Tensor, mask: torch.Tensor) -> tuple[float, float]:
    return _told((policy_logps.double() - ref_logps.double())[mask])


KL_MISTAKES = (
    Mistake(
        "The direction: log π minus log π_ref, since the samples are those of π.",
        lambda policy_logps, ref_logps, mask: _told(_sums(ref_logps, policy_logps, mask)),
    ),
    Mistake("That is a mean over tokens. Add up each response's tokens first.", _by_token),
    Mistake(
        "Sum over a response's tokens, not their mean: a long response counts with all of its tokens.",
        lambda policy_logps, ref_logps, mask: _told(_sums(policy_logps, ref_logps, mask) / mask.sum(-1)),
    ),
    Mistake(
        "The mask is not used: what stands behind a response's end is filling.",
        lambda policy_logps, ref_logps, mask: _told((policy_logps.double() - ref_logps.double()).sum(-1)),
    ),
    Mistake(
        "The standard error is the standard deviation over the root of their number; the root is missing.",
        lambda policy_logps, ref_logps, mask: (
            _told(_sums(policy_logps, ref_logps, mask))[0],
            (_sums(policy_logps, ref_logps, mask).std() / len(mask)).item(),
        ),
    ),
    Mistake(
        "That is the standard deviation of the sums; the error of their mean is smaller by the root of their number.",
        lambda policy_logps, ref_logps, mask: (
            _told(_sums(policy_logps, ref_logps, mask))[0],
            _sums(policy_logps, ref_logps, mask).std().item(),
        ),
    ),
    Mistake(
        "The standard deviation has n − 1 below, `std`'s default: the mean was estimated from the same sums.",
        lambda policy_logps, ref_logps, mask: (
            _told(_sums(policy_logps, ref_logps, mask))[0],
            (_sums(policy_logps, ref_logps, mask).std(correction=0) / len(mask) ** 0.5).item(),
        ),
    ),
    Mistake(
        "The standard error divides the standard deviation by √n: its n − 1 below is enough.",
        lambda policy_logps, ref_logps, mask: (
            _told(_sums(policy_logps, ref_logps, mask))[0],
            (_sums(policy_logps, ref_logps, mask).std() / (len(mask) - 1) ** 0.5).item(),
        ),
    ),
    Mistake(
        "Single sums may be negative: no `abs`. It is their mean that is not, but for noise.",
        lambda policy_logps, ref_logps, mask: _told(_sums(policy_logps, ref_logps, mask).abs()),
    ),
    Mistake(
        "Single differences may be negative: no clamp.",
        lambda policy_logps, ref_logps, mask: _told(
            (policy_logps.double() - ref_logps.double()).clamp(min=0).masked_fill(~mask, 0.0).sum(-1)
        ),
    ),
    Mistake(
        "The samples come from π already: weighting each by its probability counts it twice.",
        lambda policy_logps, ref_logps, mask: _told(
            ((policy_logps.double() - ref_logps.double()) * policy_logps.double().exp()).masked_fill(~mask, 0.0).sum(-1)
        ),
    ),
)

adds_up_tokens_then_averages = Cases(
    "sequence_kl",
    name="adds_up_tokens_then_averages",
    promise="The estimate is the mean of the responses' sums of log π − log π_ref, with its standard error.",
    points=2,
    reference=reference_kl,
    pool=samples,
    keeps_inputs=True,
    tolerance=1e-7,
    mistakes=KL_MISTAKES,
    hints={
        "type": TWO,
        "error": "Two tensors and a mask of the same shape go in. Where do shapes or dtypes not fit?",
        "value": "Sum over a response's own tokens, then mean and standard error of the sums, all in float64.",
    },
)
filling_is_nothing = Cases(
    "sequence_kl",
    name="filling_is_nothing",
    promise="What the mask hides does not count, inf and nan neither; one response alone has no standard error.",
    points=2,
    reference=reference_kl,
    pool=filled,
    keeps_inputs=True,
    tolerance=1e-7,
    mistakes=(*KL_MISTAKES[:3], *KL_MISTAKES[4:9]),
    hints={
        "type": TWO,
        "nan": "Where does nan come from? 0 · nan is nan, and inf − inf too; `masked_fill` or `torch.where` after the "
        "difference puts 0 there.",
        "filling of any size": "What the mask hides does not count, whatever its size.",
        "value": "The same mean and standard error as ever: filling, length and dtype must not show in them.",
        "float32 log-probs of long responses": "float32 comes in: is all computed in float64, from the difference on?",
        "log-probs of thousands of nats": "float32 comes in: is all computed in float64, from the difference on?",
        "no error": "Fewer than two responses have no standard deviation: raise ValueError.",
        "other error": "Raise ValueError yourself where there are fewer than two responses.",
    },
)


# best_of_n_kl --------------------------------------------------------------------------------------------------------


def reference_price(probs: torch.Tensor, n: int) -> float:
    """By exact fractions where that is quick, else by the chain rule of logarithms.

    Raises:
        ValueError: n is below 1.
    """
    if n < 1:
        raise ValueError("n")
    below, terms = Fraction(0), []
    total = math.fsum(probs.tolist())
    for p in probs.tolist():
        here = below + Fraction(p)
        if len(probs) <= 40 and n <= 64:
            won = float(here**n - below**n)
        else:
            high, low = math.log(float(here)), math.log(float(below)) if below else -INF
            won = -math.exp(n * high) * math.expm1(n * (low - high))
        terms.append(won * math.log(won / p) if won > 0 else 0.0)
        below = here
    return math.fsum(terms) if n > 1 else 0.0 * total


def parts(*numbers: float) -> torch.Tensor:
    row = torch.tensor(numbers, dtype=torch.float64)
    return row / row.sum()


def spread(count: int, seed: int) -> torch.Tensor:
    return noise(count, seed=seed).softmax(0)


def policies() -> Iterator[Case]:
    for n in (1, 2, 3, 4, 16, 64):
        for seed, count in enumerate((2, 3, 5, 20, 341)):
            yield Case(
                f"{count} {n}", (spread(count, seed), n), family="one draw" if n == 1 else "policies of any kind"
            )
        yield Case(f"even {n}", (parts(*[1.0] * 8), n), family="responses of equal probability")
        for order, row in (("rising", (1, 2, 4, 8)), ("falling", (8, 4, 2, 1))):
            yield Case(f"{order} {n}", (parts(*row), n), family="probabilities that rise or fall")
        yield Case(f"single {n}", (torch.ones(1, dtype=torch.float64), n), family="a single response")
    for layout in ("strided",):
        yield Case(layout, (spread(6, 9), 5), family="a tensor that is a view", layout={"probs": layout})


def rare() -> Iterator[Case]:
    for n in (1000, 10_000):
        for seed, count in enumerate((2, 5, 300)):
            yield Case(f"{count} {n}", (spread(count, 20 + seed), n), family="many draws")
        yield Case(f"worst is likely {n}", (parts(0.9, 0.05, 0.05), n), family="many draws")
    for tiny in (1e-6, 1e-9, 1e-12):
        for n in (2, 50, 10_000):
            yield Case(f"first {tiny} {n}", (parts(tiny, 0.4, 0.6), n), family="rare responses")
            yield Case(f"middle {tiny} {n}", (parts(0.4, tiny, 0.6), n), family="rare responses")
            yield Case(f"best {tiny} {n}", (parts(0.4, 0.6, tiny), n), family="rare responses")
    for tiny in (1e-10, 1e-11, 1e-12):
        for n in (5000, 10_000):
            family = "a rare response that is the best, and many draws"
            yield Case(f"on top {tiny} {n}", (parts(0.3, 0.7, tiny), n), family=family)
    for n in (4, 16):
        yield Case(f"3000 {n}", (parts(*[1.0] * 3000), n), family="thousands of responses")
        half = torch.full((6000,), 1e-12, dtype=torch.float64)
        yield Case(
            f"6000 rare {n}",
            (torch.cat([parts(2, 3)[:1], half, parts(2, 3)[1:] - half.sum()]), n),
            family="thousands of rare responses",
        )
    for n in (0, -1, -7):
        for count in (1, 4):
            yield Case(f"{count} {n}", (spread(count, 30), n), family="n below 1")


def _won(probs: torch.Tensor, n: int) -> torch.Tensor:
    up_to = probs.cumsum(0)
    return up_to**n - (up_to - probs) ** n


def _price(won: torch.Tensor, base: torch.Tensor) -> float:
    return torch.special.xlogy(won, won / base).sum().item()


def _blurred(eps: float) -> Callable[[torch.Tensor, int], float]:
    """The ratio of probabilities with an eps on both."""

    def answer(probs: torch.Tensor, n: int) -> float:
        won = _won(probs, n)
        return (won * ((won + eps) / (probs + eps)).log()).sum().item()

    return answer


def _likely_only(probs: torch.Tensor, n: int) -> float:
    return _price(torch.where(probs > 1e-11, _won(probs, n), 0.0), probs)


PRICE_MISTAKES = (
    Mistake(
        "That is the bound. Here the exact KL is asked for, from `probs`.",
        lambda probs, n: math.log(n) - (n - 1) / n,
    ),
    Mistake(
        "The KL is Σ πₙ log(πₙ/π), the expectation under best-of-n: you took it under the policy it draws from.",
        lambda probs, n: _price(probs, _won(probs, n)),
    ),
    Mistake(
        "`probs` goes from the worst response to the best: the cumulative sum starts at the front.",
        lambda probs, n: _price(_won(probs.flip(0), n), probs.flip(0)),
    ),
    Mistake(
        "πₙ is the difference of two powers: Fᵢⁿ less the one before it. Fᵢⁿ alone does not add up to 1.",
        lambda probs, n: _price(probs.cumsum(0) ** n, probs),
    ),
    Mistake(
        "That is πⁿ, made to add up to 1: the probability that all draws are the same response.",
        lambda probs, n: _price(probs**n / (probs**n).sum(), probs),
    ),
    Mistake(
        "log πₙ without log π is minus an entropy; the KL compares the two.",
        lambda probs, n: torch.special.xlogy(_won(probs, n), _won(probs, n)).sum().item(),
    ),
    Mistake(
        "n Fᵢⁿ⁻¹ πᵢ is for rewards that lie dense; of single responses πₙ is a difference of two powers.",
        lambda probs, n: _price(n * probs.cumsum(0) ** (n - 1) * probs, probs),
    ),
    Mistake("In nats: the natural logarithm.", lambda probs, n: _price(_won(probs, n), probs) / math.log(2)),
    Mistake("n draws, not n more: the power is n.", lambda probs, n: _price(_won(probs, n + 1), probs)),
    Mistake(
        "The probabilities weight the sum already: no mean.",
        lambda probs, n: _price(_won(probs, n), probs) / len(probs),
    ),
)

price_is_exact = Cases(
    "best_of_n_kl",
    name="price_is_exact",
    promise="The KL is that of the exact probabilities Fᵢⁿ − Fᵢ₋₁ⁿ of the best of n; `probs` is not changed.",
    points=2,
    reference=reference_price,
    pool=policies,
    keeps_inputs=True,
    tolerance=1e-9,
    mistakes=PRICE_MISTAKES,
    hints={"type": "Return a Python float: `.item()`.", "value": "πₙ = Fᵢⁿ − Fᵢ₋₁ⁿ, then Σ πₙ log(πₙ/π), in float64."},
)
price_survives_many_draws = Cases(
    "best_of_n_kl",
    name="price_survives_many_draws",
    promise="With rare responses and up to 10,000 draws nothing is nan; n below 1 is refused.",
    points=2,
    reference=reference_price,
    pool=rare,
    keeps_inputs=True,
    tolerance=1e-9,
    mistakes=(
        *PRICE_MISTAKES[:1],
        PRICE_MISTAKES[2],
        *PRICE_MISTAKES[6:],
        Mistake("A response that is rare in π counts as well: none is left out.", _likely_only),
        Mistake("An eps changes the logarithm of a rare response: no eps is added.", _blurred(1e-12)),
        Mistake("An eps changes the logarithm of rare responses: no eps is added.", _blurred(1e-8)),
    ),
    hints={
        "type": "Return a Python float: `.item()`.",
        "nan": "Where does nan come from? 0 · log 0 is nan for a computer and 0 for the KL: `torch.special.xlogy`.",
        "a rare response that is the best, and many draws": "Best-of-n finds it thousands of times as often: "
        "its term counts in full.",
        "thousands of responses": "Each of them adds little, all together enough: each term counts.",
        "thousands of rare responses": "Each of them adds little, all together enough: each term counts.",
        "value": "The same KL as ever, Σ πₙ log(πₙ/π), right to 1e-9 for rare responses and for thousands of draws.",
        "no error": "n below 1: raise ValueError.",
        "other error": "n below 1: raise ValueError, before anything else.",
    },
)


# best_of_n_means -----------------------------------------------------------------------------------------------------


def reference_means(proxy: torch.Tensor, gold: torch.Tensor, n: int) -> tuple[float, float]:
    """By counting, with exact fractions: how many choices have their best at a value.

    Raises:
        ValueError: n lies outside of 1 … samples.
    """
    pairs = sorted(zip(proxy.tolist(), gold.tolist(), strict=True))
    if not 1 <= n <= len(pairs):
        raise ValueError("n")
    total, seen = math.comb(len(pairs), n), 0
    proxies, golds = [], []
    for value, group in itertools.groupby(pairs, key=lambda pair: pair[0]):
        worths = [worth for _, worth in group]
        before, seen = seen, seen + len(worths)
        kept = (math.comb(seen, n) - math.comb(before, n)) / total
        proxies.append(kept * value)
        golds.append(kept * math.fsum(worths) / len(worths))
    return math.fsum(proxies), math.fsum(golds)


def scores(count: int, seed: int, scale: float = 1.0) -> tuple[torch.Tensor, torch.Tensor]:
    return noise(count, seed=seed, scale=scale), noise(count, seed=500 + seed, scale=scale)


def close_to(size: float) -> float:
    return 1e-9 * max(size, 1e-3)


def of_scores(name: str, proxy: torch.Tensor, gold: torch.Tensor, n: int, family: str, **more: Any) -> Case:
    size = max(float(proxy.abs().max()), float(gold.abs().max()))
    return Case(name, (proxy, gold, n), family=family, tolerance=close_to(size), **more)


def untied() -> Iterator[Case]:
    for seed, count in enumerate((2, 3, 5, 8, 30)):
        for n in sorted({1, 2, count // 2 or 1, count - 1, count}):
            yield of_scores(f"{count} {n}", *scores(count, seed), n, "proxies that all differ")
    ramp = torch.arange(6, dtype=torch.float64)
    for name, proxy in (("rising", ramp), ("falling", ramp.flip(0))):
        for n in (2, 4):
            yield of_scores(f"{name} {n}", proxy, noise(6, seed=3), n, "proxies that are in order")
            yield of_scores(f"{name}, gold too {n}", proxy, proxy.clone(), n, "a gold that is the proxy")
            yield of_scores(f"{name}, gold against {n}", proxy, -proxy, n, "a gold against the proxy")
    for scale in (1e-6, 1e4):
        for n in (1, 3):
            yield of_scores(f"scale {scale} {n}", *scores(7, 9, scale), n, "scores of another size")
    yield of_scores("near", 1 + 1e-12 * ramp, noise(6, seed=5), 3, "proxies that nearly agree")
    yield of_scores("one", *scores(1, 4), 1, "a single sample")
    yield of_scores(
        "strided", *scores(9, 6), 4, "tensors that are views", layout={"proxy": "strided", "gold": "strided"}
    )
    for n in (1, 10, 400, 999, 1000):
        yield of_scores(f"thousand {n}", *scores(1000, 11), n, "a thousand samples")


def tied() -> Iterator[Case]:
    for count in (2, 3, 4):
        for values in itertools.product((0.0, 1.0), repeat=count):
            for n in range(1, count + 1):
                gold = noise(count, seed=17 + count)
                yield of_scores(f"{values} {n}", torch.tensor(values, dtype=torch.float64), gold, n, "equal proxies")
    proxy = torch.tensor([2.0, -1.0, 2.0, 0.5, 0.5, 2.0, -1.0, 3.0], dtype=torch.float64)
    for n in range(1, 9):
        yield of_scores(f"groups {n}", proxy, noise(8, seed=23), n, "groups of equal proxies")
    thousand = (torch.arange(1000) * 7 % 4).double()
    for n in (1, 16, 700, 1000):
        yield of_scores(f"thousand {n}", thousand, noise(1000, seed=29), n, "a thousand samples with ties")
    yield of_scores("equal", torch.zeros(5, dtype=torch.float64), noise(5, seed=31), 3, "proxies that are all equal")
    for count in (1, 3):
        for n in (0, -1, count + 1, 50):
            yield Case(f"{count} refuses {n}", (*scores(count, 37), n), family="an n that no choice has")


def _ranked(weights: Any) -> Any:
    """A mistake that weighs samples by their place in the order, ties by place too."""

    def answer(proxy: torch.Tensor, gold: torch.Tensor, n: int) -> tuple[float, float]:
        order = proxy.argsort(stable=True)
        kept = torch.tensor(weights(len(proxy), n), dtype=torch.float64)
        return (kept @ proxy[order]).item(), (kept @ gold[order]).item()

    return answer


def _last_of_ties(count: int, n: int) -> list[float]:
    return [math.comb(place, n - 1) / math.comb(count, n) for place in range(count)]


def _put_back(count: int, n: int) -> list[float]:
    return [((place + 1) / count) ** n - (place / count) ** n for place in range(count)]


def _worst(count: int, n: int) -> list[float]:
    return [math.comb(count - 1 - place, n - 1) / math.comb(count, n) for place in range(count)]


def _top(count: int, n: int) -> list[float]:
    return [1 / n if place >= count - n else 0.0 for place in range(count)]


def _only_best(count: int, n: int) -> list[float]:
    return [float(place == count - 1) for place in range(count)]


def _one_off(count: int, n: int) -> list[float]:
    rows = [math.comb(place, n) for place in range(count)]
    total = math.comb(count, n)
    return [row / total for row in rows]


def _of_equals(chosen: Callable[[torch.Tensor], torch.Tensor]) -> Any:
    """A mistake in what equal proxies are worth; how often they are kept is right."""

    def answer(proxy: torch.Tensor, gold: torch.Tensor, n: int) -> tuple[float, float]:
        worth = torch.stack([chosen(gold[proxy == value]) for value in proxy])
        return reference_means(proxy, worth, n)

    return answer


def _first_draws(proxy: torch.Tensor, gold: torch.Tensor, n: int) -> tuple[float, float]:
    place = int(proxy[:n].argmax())
    return proxy[place].item(), gold[place].item()


def _blocks(proxy: torch.Tensor, gold: torch.Tensor, n: int) -> tuple[float, float]:
    count = len(proxy) // n
    rows = proxy[: count * n].view(count, n)
    place = rows.argmax(-1) + n * torch.arange(count)
    return proxy[place].mean().item(), gold[place].mean().item()


def _gold_sorted(proxy: torch.Tensor, gold: torch.Tensor, n: int) -> tuple[float, float]:
    kept = torch.tensor(_last_of_ties(len(proxy), n), dtype=torch.float64)
    return (kept @ proxy.sort().values).item(), (kept @ gold.sort().values).item()


def _gold_unsorted(proxy: torch.Tensor, gold: torch.Tensor, n: int) -> tuple[float, float]:
    kept = torch.tensor(_last_of_ties(len(proxy), n), dtype=torch.float64)
    return (kept @ proxy.sort().values).item(), (kept @ gold).item()


def _exchanged(proxy: torch.Tensor, gold: torch.Tensor, n: int) -> tuple[float, float]:
    first, second = reference_means(proxy, gold, n)
    return second, first


def _by_gold(proxy: torch.Tensor, gold: torch.Tensor, n: int) -> tuple[float, float]:
    first, second = reference_means(gold, proxy, n)
    return second, first


MEANS_MISTAKES = (
    Mistake("Without putting back: C(N_v, n)/C(N, n), not (N_v/N)ⁿ.", _ranked(_put_back)),
    Mistake("That keeps the worst of n. Count from the lowest proxy up.", _ranked(_worst)),
    Mistake("That is the mean of the n best samples of all; each choice keeps only its own best.", _ranked(_top)),
    Mistake("That is the best of all samples. Most choices of n do not hold it.", _ranked(_only_best)),
    Mistake("One sample off: the place is one of the n, the other n − 1 lie below it.", _ranked(_one_off)),
    Mistake("That is one choice, the first n. All choices are asked for.", _first_draws),
    Mistake("Those are a few choices, side by side. All choices are asked for.", _blocks),
    Mistake("The gold keeps its own sample's place: do not sort it by itself.", _gold_sorted),
    Mistake("Sort the gold along with the proxy: each sample's gold stays with its proxy.", _gold_unsorted),
    Mistake("Mean proxy first, then mean gold.", _exchanged),
    Mistake("The best is chosen by the proxy; the gold is only looked at.", _by_gold),
)

all_choices_count_alike = Cases(
    "best_of_n_means",
    name="all_choices_count_alike",
    promise="Both means are over all choices of n samples, each with its best by proxy; nothing is changed.",
    points=3,
    reference=reference_means,
    pool=untied,
    keeps_inputs=True,
    mistakes=MEANS_MISTAKES,
    hints={
        "type": TWO,
        "OverflowError": "A float cannot hold C(1000, 500): `math.comb` counts with whole numbers, and divides "
        "them right.",
        "a thousand samples": "How large is C(1000, 500), and what holds it? Whole numbers of Python do, `math.comb`.",
        "value": "The best is at most v in C(N_v, n) of C(N, n) choices; take the difference to the value below.",
    },
)
equal_proxies_share = Cases(
    "best_of_n_means",
    name="equal_proxies_share",
    promise="Samples of equal proxy are kept equally often; n outside of 1 … N is refused.",
    points=3,
    reference=reference_means,
    pool=tied,
    keeps_inputs=True,
    mistakes=(
        Mistake(
            "Of equal proxies each is kept equally often; by place later ones are oftener.", _ranked(_last_of_ties)
        ),
        Mistake("Of equal proxies each is kept equally often, not only the last.", _of_equals(lambda golds: golds[-1])),
        Mistake("Of equal proxies each is kept equally often, not only the first.", _of_equals(lambda golds: golds[0])),
        Mistake(
            "Of equal proxies each is kept equally often, not the one of the highest gold.",
            _of_equals(lambda golds: golds.max()),
        ),
        Mistake("Equal proxies: the mean of their golds, not the sum.", _of_equals(lambda golds: golds.sum())),
        Mistake("Without putting back: C(N_v, n)/C(N, n), not (N_v/N)ⁿ.", _ranked(_put_back)),
    ),
    hints={
        "type": TWO,
        "no error": "n below 1 or above N: raise ValueError.",
        "other error": "n below 1 or above N: raise ValueError, before you count.",
        "value": "All choices of n samples count alike, and in each choice all samples of the best proxy do.",
    },
)


# value_at_kl ---------------------------------------------------------------------------------------------------------


def reference_value(kls: list[float], values: list[float], kl: float) -> float:
    """The straight line between the nearest points below and above.

    Raises:
        ValueError: there is none on one side.
    """
    below = [(x, y) for x, y in zip(kls, values, strict=True) if x <= kl]
    above = [(x, y) for x, y in zip(kls, values, strict=True) if x >= kl]
    if not below or not above:
        raise ValueError("kl")
    (left, low), (right, high) = max(below), min(above)
    return float(low if left == right else (low * (right - kl) + high * (kl - left)) / (right - left))


CURVES = {
    "in order": ([0.0, 1.0, 3.0, 7.0], [0.1, 0.5, 0.4, -0.2]),
    "falling": ([7.0, 3.0, 1.0, 0.0], [-0.2, 0.4, 0.5, 0.1]),
    "mixed": ([3.0, 0.0, 7.0, 1.0], [0.4, 0.1, -0.2, 0.5]),
    "two": ([2.0, 0.5], [1.0, 3.0]),
    "flat": ([0.0, 2.0, 5.0], [0.3, 0.3, 0.3]),
    "from afar": ([4.0, 6.0, 5.0], [10.0, -10.0, 2.0]),
    "whole numbers": ([4, 0, 2], [3, 1, 5]),
    "large": ([100.0, 0.0, 50.0], [1e4, -1e4, 3e4]),
    "ragged": ([0.8137, 2.7183, 0.1093], [0.618034, -1.732051, 3.141593]),
    "below 0": ([-0.3125, 0.71, -0.04], [0.4142, -0.2361, 1.6458]),
    "one": ([2.0], [0.7]),
    "one whole number": ([2], [3]),
}


BELOW = "estimates of a KL, some below 0"


def curves() -> Iterator[Case]:
    for name, (kls, values) in CURVES.items():
        order = sorted(kls)
        inside = [left + share * (right - left) for left, right in itertools.pairwise(order) for share in (0.25, 0.7)]
        for at in inside:
            family = "points in rising order" if kls == order else "points in another order"
            if name == "below 0":
                family = BELOW
            yield Case(f"{name} at {at}", ([*kls], [*values], at), family=family)
        for at in order:
            yield Case(f"{name} at the point {at}", ([*kls], [*values], at), family="the KL of a point")


def ends() -> Iterator[Case]:
    for name, (kls, values) in CURVES.items():
        for at in (min(kls) - 0.5, max(kls) + 0.5, max(kls) + 1e-6, min(kls) - 1e-6, -50.0, 1e3):
            yield Case(f"{name} at {at}", ([*kls], [*values], at), family="a KL beyond the points")
        for at in (max(kls) + 1e-9, min(kls) - 1e-9):
            yield Case(f"{name} at {at!r}", ([*kls], [*values], at), family="a KL a little beyond the points")
        for at in sorted({min(kls), max(kls)}):
            yield Case(f"{name} at {at}", ([*kls], [*values], at), family="the KL of the first and the last point")
    for at in (0.0, 2.0):
        yield Case(f"none {at}", ([], [], at), family="no points")


def _as_given(kls: list[float], values: list[float], kl: float) -> float:
    for place in range(len(kls) - 1):
        left, right = kls[place], kls[place + 1]
        if min(left, right) <= kl <= max(left, right):
            return values[place] + (values[place + 1] - values[place]) * (kl - left) / (right - left)
    return values[0]


def _sorted_apart(kls: list[float], values: list[float], kl: float) -> float:
    return reference_value(sorted(kls), sorted(values), kl)


def _only_kls_sorted(kls: list[float], values: list[float], kl: float) -> float:
    return reference_value(sorted(kls), values, kl)


def _nearest(kls: list[float], values: list[float], kl: float) -> float:
    return float(min(zip(kls, values, strict=True), key=lambda point: abs(point[0] - kl))[1])


def _before(kls: list[float], values: list[float], kl: float) -> float:
    return float(max((x, y) for x, y in zip(kls, values, strict=True) if x <= kl)[1])


def _middle(kls: list[float], values: list[float], kl: float) -> float:
    low = max((x, y) for x, y in zip(kls, values, strict=True) if x <= kl)[1]
    high = min((x, y) for x, y in zip(kls, values, strict=True) if x >= kl)[1]
    return (low + high) / 2


def _turned(kls: list[float], values: list[float], kl: float) -> float:
    points = sorted(zip(kls, values, strict=True))
    for (left, low), (right, high) in itertools.pairwise(points):
        if left <= kl <= right:
            return high + (low - high) * (kl - left) / (right - left)
    return float(points[0][1])


reads_the_curve = Cases(
    "value_at_kl",
    name="reads_the_curve",
    promise="Between its neighbours in KL the value lies on a straight line, whatever the order of the points.",
    points=2,
    reference=reference_value,
    pool=curves,
    keeps_inputs=True,
    tolerance=1e-8,
    mistakes=(
        Mistake("The points come in any order: sort them by KL first.", _as_given),
        Mistake("Sort points, not two lists: each value stays with its KL.", _sorted_apart),
        Mistake("You sorted the KLs, and left the values where they were.", _only_kls_sorted),
        Mistake("A straight line, not the value of the nearest point.", _nearest),
        Mistake("A straight line, not the value of the point before.", _before),
        Mistake("Half-way only where kl lies half-way between the two.", _middle),
        Mistake("The weights are exchanged: near the left point the left value counts most.", _turned),
    ),
    hints={
        "type": "Return a Python float.",
        (
            "error",
            "the KL of a point",
        ): "A point belongs to the curve, the first and the last one too: its value is due.",
        ("error", BELOW): "An estimate of a KL may be below 0, and so may kl: it is read as any other.",
        BELOW: "An estimate of a KL may be below 0, and so may kl: it is read as any other.",
        "IndexError or StopIteration or ValueError": "It stops for a KL within the points, where a value is due: "
        "points come in any order.",
        "changed": "`list.sort` changes the caller's list: `sorted` makes a new one.",
        "the KL of a point": "At a point itself the value is that point's, with one neighbour or with none.",
        "value": "Find the neighbours in KL, and weigh their values by how near kl is to each.",
    },
)
says_nothing_beyond = Cases(
    "value_at_kl",
    name="says_nothing_beyond",
    promise="Beyond the first and the last point, and without points, it raises ValueError.",
    points=1,
    reference=reference_value,
    pool=ends,
    keeps_inputs=True,
    tolerance=1e-8,
    hints={
        "type": "Return a Python float.",
        ("no error", "no points"): "Without points there is nothing to read: raise ValueError.",
        "no error": "Beyond its ends a curve says nothing: test kl against the smallest and the largest KL first.",
        "other error": "Beyond the points, and without points, it is a ValueError that is promised.",
        "ValueError or IndexError": "The first and the last point belong to the curve.",
    },
)
