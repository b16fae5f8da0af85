"""Right answers of lab 07, each written in another manner: the checks must give all of them full points."""

from __future__ import annotations

import itertools
import math

import torch
import torch.nn.functional as F

from grader.checks import right

# sentence_rewards ------------------------------------------------------------------------------------------------


@right("sentence_rewards")
def rewards_by_pattern(texts: list[str], least: int = 8, most: int = 12) -> list[float]:
    """One pattern for the form, then a count."""
    import re

    if most < least:
        raise ValueError("least above most")
    found = []
    for text in texts:
        form = re.fullmatch(r"[^.!?]*[.!?]", text.strip())
        count = sum(1 for word in text.split() if any(map(str.isalpha, word)))
        found.append(1.0 if form and least <= count <= most else 0.0)
    return found


@right("sentence_rewards")
def rewards_by_early_leaving(texts: list[str], least: int = 8, most: int = 12) -> list[float]:
    """One test after the other."""
    if least > most:
        raise ValueError("no such number of words")

    def reward(text: str) -> float:
        text = text.strip()
        if not text.endswith((".", "!", "?")):
            return 0.0
        if any(mark in text[:-1] for mark in ".!?"):
            return 0.0
        words = list(filter(lambda word: any(c.isalpha() for c in word), text.split()))
        return 1.0 if len(words) in range(least, most + 1) else 0.0

    return [reward(text) for text in texts]


@right("sentence_rewards")
def rewards_by_translation(texts: list[str], least: int = 8, most: int = 12) -> list[float]:
    """Marks counted by what is lost when they are taken out."""
    if least > most:
        raise ValueError(least, most)
    table = str.maketrans("", "", ".!?")
    out = []
    for text in map(str.strip, texts):
        bare = text.translate(table)
        words = sum(any(c.isalpha() for c in part) for part in text.split())
        good = len(text) - len(bare) == 1 and text[:-1] == bare and least <= words <= most
        out.append(float(good))
    return out


@right("sentence_rewards")
def rewards_letter_by_letter(texts: list[str], least: int = 8, most: int = 12) -> list[float]:
    """An automaton over the letters."""
    if least > most:
        raise ValueError("bounds")
    rewards = []
    for text in texts:
        words, marks, last, inside = 0, 0, "", False
        for letter in text:
            if letter.isspace():
                inside = False
                continue
            last = letter
            marks += letter in ".!?"
            if letter.isalpha() and not inside:
                words, inside = words + 1, True
        rewards.append(1.0 if marks == 1 and last in ".!?" and least <= words <= most else 0.0)
    return rewards


@right("sentence_rewards")
def rewards_by_splitting(texts: list[str], least: int = 8, most: int = 12) -> list[float]:
    """Split at the marks: two parts, the second empty."""
    import re

    if least > most:
        raise ValueError("least > most")
    parts = [re.split(r"[.!?]", text.strip()) for text in texts]
    counts = [len([word for word in text.split() if re.search(r"[^\W\d_]", word)]) for text in texts]
    return [
        float(len(part) == 2 and part[1] == "" and not (count < least or count > most))
        for part, count in zip(parts, counts, strict=True)
    ]


@right("sentence_rewards")
def rewards_by_where_marks_stand(texts: list[str], least: int = 8, most: int = 12) -> list[float]:
    """The places of all marks are the last place and no other."""
    if not least <= most:
        raise ValueError("bounds")
    result = []
    for text in texts:
        stripped = text.strip()
        places = [place for place, letter in enumerate(stripped) if letter in {".", "!", "?"}]
        words = 0
        for word in stripped.split():
            if sum(c.isalpha() for c in word) > 0:
                words += 1
        result.append(1.0 * (places == [len(stripped) - 1] and least <= words <= most))
    return result


# pass_at_k -------------------------------------------------------------------------------------------------------


@right("pass_at_k")
def pass_by_a_product(samples: list[int], correct: list[int], k: int) -> list[float]:
    """Chen et al.'s own: a product of factors below 1."""
    import numpy as np

    if k < 1 or k > min(samples, default=k):
        raise ValueError("k")
    return [
        1.0 if n - c < k else float(1.0 - np.prod(1.0 - k / np.arange(n - c + 1, n + 1)))
        for n, c in zip(samples, correct, strict=True)
    ]


@right("pass_at_k")
def pass_by_logarithms(samples: list[int], correct: list[int], k: int) -> list[float]:
    """The product as a sum of logarithms."""
    found = []
    for n, c in zip(samples, correct, strict=True):
        if k <= 0 or n < k:
            raise ValueError("k must be from 1 to n")
        if n - c < k:
            found.append(1.0)
        else:
            found.append(-math.expm1(math.fsum(math.log1p(-c / (n - i)) for i in range(k))) + 0.0)
    return found


@right("pass_at_k")
def pass_by_fractions(samples: list[int], correct: list[int], k: int) -> list[float]:
    """Whole numbers, one division."""
    from fractions import Fraction

    if k < 1:
        raise ValueError("k is below 1")
    if any(n < k for n in samples):
        raise ValueError("k is above n")
    return [float(1 - Fraction(math.comb(n - c, k), math.comb(n, k))) for n, c in zip(samples, correct, strict=True)]


@right("pass_at_k")
def pass_by_right_choices(samples: list[int], correct: list[int], k: int) -> list[float]:
    """Choices with a right one, over all choices."""
    if k < 1 or not all(n >= k for n in samples):
        raise ValueError("k")
    out = []
    for n, c in zip(samples, correct, strict=True):
        all_choices = math.comb(n, k)
        out.append((all_choices - math.comb(n - c, k)) / all_choices)
    return out


@right("pass_at_k")
def pass_one_after_the_other(samples: list[int], correct: list[int], k: int) -> list[float]:
    """Draw without putting back: the chance that all are wrong."""
    if k < 1 or any(k > n for n in samples):
        raise ValueError("k")

    def one(n: int, c: int) -> float:
        wrong = 1.0
        for drawn in range(k):
            wrong *= max(n - c - drawn, 0) / (n - drawn)
        return 1.0 - wrong

    return [one(n, c) for n, c in zip(samples, correct, strict=True)]


@right("pass_at_k")
def pass_by_places(samples: list[int], correct: list[int], k: int) -> list[float]:
    """Where the right ones lie: all outside of the choice."""
    if k < 1 or any(n - k < 0 for n in samples):
        raise ValueError("k out of range")
    return [1 - math.comb(n - k, c) / math.comb(n, c) for n, c in zip(samples, correct, strict=True)]


# grpo_advantages -------------------------------------------------------------------------------------------------


@right("grpo_advantages")
def advantages_by_torch_functions(rewards: torch.Tensor, scale: str = "group") -> torch.Tensor:
    """The divisor first."""
    divisor = {"group": rewards.std(dim=1, keepdim=True) + 1e-4, "batch": rewards.std() + 1e-4, "none": torch.ones(())}
    if scale not in divisor:
        raise ValueError(scale)
    return (rewards - rewards.mean(dim=1, keepdim=True)) / divisor[scale].to(rewards.dtype)


@right("grpo_advantages")
def advantages_row_by_row(rewards: torch.Tensor, scale: str = "group") -> torch.Tensor:
    """A loop over groups."""
    if scale not in {"group", "batch", "none"}:
        raise ValueError("scale")
    out = []
    for group in rewards:
        gap = group - group.mean()
        if scale == "group":
            gap = gap / (torch.std(group) + 1e-4)
        elif scale == "batch":
            gap = gap / (torch.std(rewards) + 1e-4)
        out.append(gap)
    return torch.stack(out)


@right("grpo_advantages")
def advantages_by_numpy(rewards: torch.Tensor, scale: str = "group") -> torch.Tensor:
    """In float64 by numpy."""
    import numpy as np

    r = rewards.detach().double().numpy()
    gap = r - r.mean(axis=1, keepdims=True)
    if scale == "group":
        gap = gap / (np.std(r, axis=1, ddof=1, keepdims=True) + 1e-4)
    elif scale == "batch":
        gap = gap / (np.std(r, ddof=1) + 1e-4)
    elif scale != "none":
        raise ValueError(scale)
    return torch.as_tensor(gap, dtype=rewards.dtype)


@right("grpo_advantages")
def advantages_by_a_matrix(rewards: torch.Tensor, scale: str = "group") -> torch.Tensor:
    """The centring matrix I − 1/G."""
    size = rewards.shape[1]
    centring = torch.eye(size, dtype=torch.float64) - 1 / size
    gap = rewards.double() @ centring
    if scale == "none":
        pass
    elif scale == "group":
        gap = gap / ((gap.square().sum(1, keepdim=True) / (size - 1)).sqrt() + 1e-4)
    elif scale == "batch":
        gap = gap / (rewards.double().flatten().std() + 1e-4)
    else:
        raise ValueError("scale")
    return gap.to(rewards.dtype)


@right("grpo_advantages")
def advantages_by_var_mean(rewards: torch.Tensor, scale: str = "group") -> torch.Tensor:
    """`var_mean` gives both."""
    variance, mean = torch.var_mean(rewards, 1, keepdim=True)
    if scale == "batch":
        variance = rewards.var()
    if scale in ("group", "batch"):
        return (rewards - mean) * (variance.sqrt() + 1e-4).reciprocal()
    if scale == "none":
        return rewards - mean
    raise ValueError("another word")


@right("grpo_advantages")
def advantages_by_expanding(rewards: torch.Tensor, scale: str = "group") -> torch.Tensor:
    """As TRL: flat, with each group's numbers repeated."""
    if scale not in ("none", "group", "batch"):
        raise ValueError(f"scale {scale}")
    size, flat = rewards.shape[1], rewards.reshape(-1)
    means = rewards.mean(1).repeat_interleave(size)
    if scale == "none":
        return (flat - means).reshape(rewards.shape)
    deviations = rewards.std(1).repeat_interleave(size) if scale == "group" else flat.std().expand_as(flat)
    return ((flat - means) / (deviations + 1e-4)).reshape(rewards.shape)


# expected_gradient -----------------------------------------------------------------------------------------------


@right("expected_gradient")
def expected_in_plain_loops(logits: torch.Tensor, rewards: torch.Tensor, size: int, method: str) -> torch.Tensor:
    """Group by group."""
    if method not in ("none", "mean", "others", "group"):
        raise ValueError(method)
    probs = logits.softmax(0)
    total = torch.zeros_like(logits)
    for group in itertools.product(range(len(logits)), repeat=size):
        r = rewards[list(group)]
        chance = math.prod(probs[y].item() for y in group)
        for i, y in enumerate(group):
            if method == "none":
                a = r[i]
            elif method == "others":
                a = r[i] - (r.sum() - r[i]) / (size - 1)
            else:
                a = r[i] - r.mean()
                if method == "group":
                    a = a / (r.std() + 1e-4)
            score = -probs.clone()
            score[y] += 1
            total += chance * a * score / size
    return total


@right("expected_gradient")
def expected_by_weights(logits: torch.Tensor, rewards: torch.Tensor, size: int, method: str) -> torch.Tensor:
    """The weight of each response, then c − π Σ c."""
    probs = torch.softmax(logits, dim=-1)
    groups = torch.cartesian_prod(*[torch.arange(len(logits))] * size).reshape(-1, size)
    r = rewards[groups]
    mean = r.mean(1, keepdim=True)
    choices = {
        "none": lambda: r,
        "mean": lambda: r - mean,
        "others": lambda: (r - mean) * size / (size - 1),
        "group": lambda: (r - mean) / (r.std(1, keepdim=True) + 1e-4),
    }
    if method not in choices:
        raise ValueError("method")
    weights = probs[groups].prod(1, keepdim=True) * choices[method]() / size
    c = torch.zeros_like(logits).index_add(0, groups.flatten(), weights.flatten())
    return c - probs * c.sum()


@right("expected_gradient")
def expected_by_autograd(logits: torch.Tensor, rewards: torch.Tensor, size: int, method: str) -> torch.Tensor:
    """The gradient of Σ P(group) mean(A log π), with P and A held fixed."""
    if method not in {"none", "mean", "others", "group"}:
        raise ValueError("method")
    leaf = logits.detach().clone().requires_grad_()
    groups = torch.tensor(list(itertools.product(range(len(logits)), repeat=size)))
    r = rewards[groups]
    if method == "others":
        total = r.sum(1, keepdim=True)
        r = r - (total - r) / (size - 1)
    elif method != "none":
        deviation = r.std(1, keepdim=True) + 1e-4
        r = r - r.mean(1, keepdim=True)
        r = r / deviation if method == "group" else r
    log_probs = F.log_softmax(leaf, 0)[groups]
    chance = log_probs.sum(1).exp().detach()
    (gradient,) = torch.autograd.grad((chance * (r * log_probs).mean(1)).sum(), leaf)
    return gradient


@right("expected_gradient")
def expected_by_the_first_place(logits: torch.Tensor, rewards: torch.Tensor, size: int, method: str) -> torch.Tensor:
    """All places of a group are alike: the mean over them is what the first one has."""
    groups = torch.tensor(list(itertools.product(range(len(logits)), repeat=size)))
    r = rewards[groups]
    first, rest = r[:, 0], r[:, 1:]
    if method == "none":
        a = first
    elif method == "others":
        a = first - rest.mean(1)
    elif method == "mean":
        a = first - r.mean(1)
    elif method == "group":
        a = (first - r.mean(1)) / (r.std(1) + 1e-4)
    else:
        raise ValueError("method")
    probs = logits.softmax(-1)
    chance = probs[groups].prod(1)
    scores = torch.eye(len(logits), dtype=logits.dtype)[groups[:, 0]] - probs
    return (chance * a) @ scores


@right("expected_gradient")
def expected_by_einsum(logits: torch.Tensor, rewards: torch.Tensor, size: int, method: str) -> torch.Tensor:
    """With the exercise before."""
    if method not in ("none", "mean", "others", "group"):
        raise ValueError("unknown method")
    m = len(logits)
    groups = torch.stack(torch.meshgrid(*[torch.arange(m)] * size, indexing="ij"), -1).reshape(-1, size)
    r = rewards[groups]
    centred = r - r.mean(1, keepdim=True)
    if method == "none":
        a = r
    elif method == "mean":
        a = centred
    elif method == "others":
        a = centred / (1 - 1 / size)
    else:
        a = centred / (centred.square().sum(1, keepdim=True).div(size - 1).sqrt() + 1e-4)
    log_probs = logits.log_softmax(-1)
    chance = log_probs[groups].sum(1).exp()
    scores = F.one_hot(groups, m).to(logits.dtype) - log_probs.exp()
    return torch.einsum("g,gi,gim->m", chance, a, scores) / size


@right("expected_gradient")
def expected_by_numpy(logits: torch.Tensor, rewards: torch.Tensor, size: int, method: str) -> torch.Tensor:
    """Groups as the digits of a number."""
    import numpy as np

    x, r = logits.detach().numpy(), rewards.detach().numpy()
    probs = np.exp(x - x.max())
    probs = probs / probs.sum()
    total = np.zeros(len(x))
    for number in range(len(x) ** size):
        group = [number // len(x) ** place % len(x) for place in range(size)]
        got = r[group]
        if method == "none":
            a = got
        elif method == "mean":
            a = got - got.mean()
        elif method == "others":
            a = (size * got - got.sum()) / (size - 1)
        elif method == "group":
            a = (got - got.mean()) / (got.std(ddof=1) + 1e-4)
        else:
            raise ValueError(method)
        total += probs[group].prod() * ((np.eye(len(x))[group] - probs) * a[:, None]).mean(0)
    return torch.tensor(total)


# importance_ratios -----------------------------------------------------------------------------------------------


@right("importance_ratios")
def ratios_cleaned_first(
    logps: torch.Tensor, old_logps: torch.Tensor, mask: torch.Tensor, level: str = "token"
) -> torch.Tensor:
    """Both log-probs cleaned, then a mean by counts."""
    if level not in {"token", "sequence"}:
        raise ValueError(level)
    gap = logps.masked_fill(~mask, 0) - old_logps.detach().masked_fill(~mask, 0)
    if level == "token":
        return torch.exp(gap)
    mean = gap.sum(-1, keepdim=True) / mask.sum(-1, keepdim=True)
    return torch.exp(mean * mask)


@right("importance_ratios")
def ratios_row_by_row(
    logps: torch.Tensor, old_logps: torch.Tensor, mask: torch.Tensor, level: str = "token"
) -> torch.Tensor:
    """A loop over responses."""
    if level not in ("token", "sequence"):
        raise ValueError("level")
    out = []
    for now, old, kept in zip(logps, old_logps.detach(), mask, strict=True):
        row = torch.ones_like(now)
        gap = (now - old)[kept]
        if level == "sequence":
            gap = gap.mean().repeat(len(gap))
        row[kept] = gap.exp()
        out.append(row)
    return torch.stack(out)


@right("importance_ratios")
def ratios_by_scatter(
    logps: torch.Tensor, old_logps: torch.Tensor, mask: torch.Tensor, level: str = "token"
) -> torch.Tensor:
    """What counts, picked and put back."""
    gap = logps[mask] - old_logps[mask].detach()
    if level == "sequence":
        counts = mask.sum(1)
        owner = torch.arange(len(mask)).repeat_interleave(counts)
        sums = torch.zeros(len(mask), dtype=gap.dtype).index_add(0, owner, gap)
        gap = (sums / counts)[owner]
    elif level != "token":
        raise ValueError("level")
    return torch.ones_like(logps).masked_scatter(mask, gap.exp())


@right("importance_ratios")
def ratios_under_no_grad(
    logps: torch.Tensor, old_logps: torch.Tensor, mask: torch.Tensor, level: str = "token"
) -> torch.Tensor:
    """The old ones without a graph; a matrix of weights for the mean."""
    if level != "token" and level != "sequence":
        raise ValueError("level")
    with torch.no_grad():
        old = torch.where(mask, old_logps, torch.zeros_like(old_logps))
    log_ratio = torch.where(mask, logps, torch.zeros_like(logps)) - old
    if level == "sequence":
        weights = mask.to(logps.dtype) / mask.sum(1, keepdim=True)
        log_ratio = (log_ratio * weights).sum(1, keepdim=True).expand_as(logps)
    return torch.where(mask, log_ratio, torch.zeros_like(logps)).exp()


@right("importance_ratios")
def ratios_by_division(
    logps: torch.Tensor, old_logps: torch.Tensor, mask: torch.Tensor, level: str = "token"
) -> torch.Tensor:
    """Early leaving."""
    gap = torch.where(mask, logps - old_logps.detach(), 0.0)
    if level == "token":
        return gap.exp()
    if level == "sequence":
        one = (gap.sum(1) / mask.sum(1).to(gap.dtype)).exp()
        return torch.where(mask, one[:, None], 1.0)
    raise ValueError("no such level")


@right("importance_ratios")
def ratios_in_double_precision(
    logps: torch.Tensor, old_logps: torch.Tensor, mask: torch.Tensor, level: str = "token"
) -> torch.Tensor:
    """A copy of the numbers that count, in float64."""
    if level not in ("sequence", "token"):
        raise ValueError(f"level: {level}")
    now, old = (torch.zeros_like(logps).masked_scatter(mask, part[mask]) for part in (logps, old_logps.detach()))
    gap = (now - old).double()
    if level == "sequence":
        gap = (gap.sum(1, keepdim=True) / mask.double().sum(1, keepdim=True)) * mask.double()
    return gap.exp().to(logps.dtype)


# clipped_losses --------------------------------------------------------------------------------------------------


@right("clipped_losses")
def clipped_by_maximum_of_losses(
    ratios: torch.Tensor, advantages: torch.Tensor, low: float = 0.2, high: float = 0.2
) -> torch.Tensor:
    """The larger loss."""
    a = advantages.detach().unsqueeze(1)
    return torch.maximum(-ratios * a, -torch.clamp(ratios, 1 - low, 1 + high) * a)


@right("clipped_losses")
def clipped_by_signs(
    ratios: torch.Tensor, advantages: torch.Tensor, low: float = 0.2, high: float = 0.2
) -> torch.Tensor:
    """Only one edge cuts, by the sign."""
    a = advantages.detach()[:, None]
    bounded = torch.where(a >= 0, ratios.clamp(max=1 + high), ratios.clamp(min=1 - low))
    return -(bounded * a)


@right("clipped_losses")
def clipped_row_by_row(
    ratios: torch.Tensor, advantages: torch.Tensor, low: float = 0.2, high: float = 0.2
) -> torch.Tensor:
    """A loop over responses."""
    out = []
    for row, a in zip(ratios, advantages.tolist(), strict=True):
        plain, cut = row * a, row.clamp(1 - low, 1 + high) * a
        out.append(-torch.min(plain, cut))
    return torch.stack(out)


@right("clipped_losses")
def clipped_by_where(
    ratios: torch.Tensor, advantages: torch.Tensor, low: float = 0.2, high: float = 0.2
) -> torch.Tensor:
    """Constants where the clip cuts."""
    a = advantages.detach().reshape(-1, 1).expand(ratios.shape)
    loss = torch.where((a > 0) & (ratios > 1 + high), -(1 + high) * a, -ratios * a)
    return torch.where((a < 0) & (ratios < 1 - low), -(1 - low) * a, loss)


@right("clipped_losses")
def clipped_by_transposing(
    ratios: torch.Tensor, advantages: torch.Tensor, low: float = 0.2, high: float = 0.2
) -> torch.Tensor:
    """Responses last, so that the advantages broadcast by themselves."""
    with torch.no_grad():
        a = advantages.clone()
    turned = ratios.T
    objective = torch.minimum(turned * a, turned.clip(1 - low, 1 + high) * a)
    return objective.T.neg()


@right("clipped_losses")
def clipped_by_stack(
    ratios: torch.Tensor, advantages: torch.Tensor, low: float = 0.2, high: float = 0.2
) -> torch.Tensor:
    """The least of a stack of two."""
    a = advantages.detach()
    both = torch.stack([torch.einsum("bt,b->bt", part, a) for part in (ratios, ratios.clamp(1 - low, 1 + high))])
    return -both.min(0).values


# clip_shares -----------------------------------------------------------------------------------------------------


@right("clip_shares")
def shares_by_indexing(
    ratios: torch.Tensor, advantages: torch.Tensor, mask: torch.Tensor, low: float = 0.2, high: float = 0.2
) -> tuple[float, float]:
    """Only what counts, then means."""
    rho, a = ratios[mask], advantages[:, None].expand(mask.shape)[mask]
    below = ((rho < 1 - low) & (a < 0)).double().mean()
    above = ((rho > 1 + high) & (a > 0)).double().mean()
    return below.item(), above.item()


@right("clip_shares")
def shares_in_a_loop(
    ratios: torch.Tensor, advantages: torch.Tensor, mask: torch.Tensor, low: float = 0.2, high: float = 0.2
) -> tuple[float, float]:
    """Token by token."""
    below, above, count = 0, 0, 0
    for i in range(ratios.shape[0]):
        for t in range(ratios.shape[1]):
            if not mask[i, t]:
                continue
            count += 1
            if advantages[i] < 0 and ratios[i, t] < 1 - low:
                below += 1
            elif advantages[i] > 0 and ratios[i, t] > 1 + high:
                above += 1
    return below / count, above / count


@right("clip_shares")
def shares_by_numpy(
    ratios: torch.Tensor, advantages: torch.Tensor, mask: torch.Tensor, low: float = 0.2, high: float = 0.2
) -> tuple[float, float]:
    """By numpy."""
    import numpy as np

    rho, a, kept = ratios.detach().numpy(), advantages.detach().numpy()[:, None], mask.numpy()
    with np.errstate(invalid="ignore"):
        below = np.logical_and.reduce([kept, rho < 1 - low, np.broadcast_to(a < 0, kept.shape)])
        above = np.logical_and.reduce([kept, rho > 1 + high, np.broadcast_to(a > 0, kept.shape)])
    return float(below.sum() / kept.sum()), float(above.sum() / kept.sum())


@right("clip_shares")
def shares_by_rows_of_one_sign(
    ratios: torch.Tensor, advantages: torch.Tensor, mask: torch.Tensor, low: float = 0.2, high: float = 0.2
) -> tuple[float, float]:
    """Bad responses apart from good ones."""
    bad, good = advantages < 0, advantages > 0
    below = (mask[bad] & ratios[bad].lt(1 - low)).sum()
    above = (mask[good] & ratios[good].gt(1 + high)).sum()
    total = int(mask.sum())
    return int(below) / total, int(above) / total


@right("clip_shares")
def shares_of_cleaned_ratios(
    ratios: torch.Tensor, advantages: torch.Tensor, mask: torch.Tensor, low: float = 0.2, high: float = 0.2
) -> tuple[float, float]:
    """A ratio of 1 is never cut."""
    rho, sign = torch.where(mask, ratios, 1.0), advantages.sign().unsqueeze(-1)
    total = mask.sum().item()
    found = tuple(
        torch.count_nonzero(part).item() / total
        for part in ((rho < 1 - low) & (sign == -1), (rho > 1 + high) & (sign == 1))
    )
    return found[0], found[1]


@right("clip_shares")
def shares_by_products(
    ratios: torch.Tensor, advantages: torch.Tensor, mask: torch.Tensor, low: float = 0.2, high: float = 0.2
) -> tuple[float, float]:
    """Truth values multiplied, in float64."""
    counts = mask.double()
    below = (counts * (ratios < 1 - low).double() * (advantages < 0).double()[:, None]).sum() / counts.sum()
    above = (counts * (ratios > 1 + high).double() * (advantages > 0).double()[:, None]).sum() / counts.sum()
    return float(below), float(above)


# normalised_loss -------------------------------------------------------------------------------------------------


@right("normalised_loss")
def loss_row_by_row(losses: torch.Tensor, mask: torch.Tensor, method: str = "dapo", longest: int = 16) -> torch.Tensor:
    """Lists of what counts."""
    kept = [row[counts] for row, counts in zip(losses, mask, strict=True)]
    if method == "grpo":
        return torch.stack([row.mean() for row in kept]).mean()
    if method == "dapo":
        return torch.cat(kept).mean()
    if method == "dr_grpo":
        return torch.stack([row.sum() / longest for row in kept]).mean()
    raise ValueError(method)


@right("normalised_loss")
def loss_by_weights(losses: torch.Tensor, mask: torch.Tensor, method: str = "dapo", longest: int = 16) -> torch.Tensor:
    """A weight for each token, then one sum."""
    counts = mask.to(losses.dtype)
    if method == "grpo":
        weights = counts / counts.sum(1, keepdim=True) / len(losses)
    elif method == "dapo":
        weights = counts / counts.sum()
    elif method == "dr_grpo":
        weights = counts / (len(losses) * longest)
    else:
        raise ValueError("method")
    return (losses.masked_fill(~mask, 0) * weights).sum()


@right("normalised_loss")
def loss_by_a_table(losses: torch.Tensor, mask: torch.Tensor, method: str = "dapo", longest: int = 16) -> torch.Tensor:
    """A divisor for each method."""
    divisors = {"grpo": mask.sum(1) * len(mask), "dapo": mask.sum(), "dr_grpo": torch.tensor(mask.shape[0] * longest)}
    if method not in divisors:
        raise ValueError(f"{method} is none of {list(divisors)}")
    sums = torch.where(mask, losses, torch.zeros_like(losses)).sum(dim=1)
    return (sums / divisors[method]).sum()


@right("normalised_loss")
def loss_by_picking(losses: torch.Tensor, mask: torch.Tensor, method: str = "dapo", longest: int = 16) -> torch.Tensor:
    """What counts, picked; the owner of each token."""
    picked = losses[mask]
    if method == "dapo":
        return picked.mean()
    if method == "dr_grpo":
        return picked.sum() / (losses.shape[0] * longest)
    if method != "grpo":
        raise ValueError("method")
    lengths = mask.sum(1)
    owner = torch.repeat_interleave(torch.arange(len(mask)), lengths)
    return (picked / lengths[owner]).sum() / len(mask)


@right("normalised_loss")
def loss_by_masked_scatter(
    losses: torch.Tensor, mask: torch.Tensor, method: str = "dapo", longest: int = 16
) -> torch.Tensor:
    """In float64."""
    if method not in ("dapo", "grpo", "dr_grpo"):
        raise ValueError("no such method")
    kept = torch.zeros(losses.shape, dtype=torch.float64).masked_scatter(mask, losses[mask].double())
    if method == "grpo":
        found = kept.sum(1).div(mask.sum(1)).mean()
    else:
        found = kept.sum() / (mask.sum() if method == "dapo" else mask.shape[0] * longest)
    return found.to(losses.dtype)


@right("normalised_loss")
def loss_in_a_loop(losses: torch.Tensor, mask: torch.Tensor, method: str = "dapo", longest: int = 16) -> torch.Tensor:
    """Response by response."""
    total, tokens = torch.zeros((), dtype=losses.dtype), 0
    for i in range(len(losses)):
        row = losses[i][mask[i]].sum()
        total = total + (row / mask[i].sum() if method == "grpo" else row)
        tokens += int(mask[i].sum())
    if method == "grpo":
        return total / len(losses)
    if method == "dapo":
        return total / tokens
    if method == "dr_grpo":
        return total / len(losses) / longest
    raise ValueError(method)


# kl_losses -------------------------------------------------------------------------------------------------------


@right("kl_losses")
def kl_by_expm1(
    logps: torch.Tensor, ref_logps: torch.Tensor, old_logps: torch.Tensor, estimator: str = "k3-ratio"
) -> torch.Tensor:
    """By the log ratio turned round."""
    gap = logps - ref_logps.detach()
    if estimator == "k1":
        return gap
    if estimator == "k2":
        return 0.5 * gap.square()
    k3 = torch.expm1(-gap) + gap
    if estimator == "k3":
        return k3
    if estimator == "k3-ratio":
        return k3 * torch.exp(logps - old_logps.detach())
    raise ValueError(estimator)


@right("kl_losses")
def kl_by_a_table(
    logps: torch.Tensor, ref_logps: torch.Tensor, old_logps: torch.Tensor, estimator: str = "k3-ratio"
) -> torch.Tensor:
    """A function for each."""
    d = ref_logps.detach() - logps
    table = {
        "k1": lambda: -d,
        "k2": lambda: d * d / 2,
        "k3": lambda: d.exp() - 1 - d,
        "k3-ratio": lambda: (d.exp() - 1 - d) * (logps - old_logps.detach()).exp(),
    }
    if estimator not in table:
        raise ValueError("estimator")
    return table[estimator]()


@right("kl_losses")
def kl_multiplied_out(
    logps: torch.Tensor, ref_logps: torch.Tensor, old_logps: torch.Tensor, estimator: str = "k3-ratio"
) -> torch.Tensor:
    """In float64; the ratio multiplied into each part of k3."""
    lp, ref, old = logps.double(), ref_logps.detach().double(), old_logps.detach().double()
    if estimator == "k1":
        found = lp - ref
    elif estimator == "k2":
        found = (lp - ref).pow(2).div(2)
    elif estimator == "k3":
        found = (ref - lp).exp() + (lp - ref) - 1
    elif estimator == "k3-ratio":
        rho = (lp - old).exp()
        found = (ref - old).exp() + rho * (lp - ref) - rho
    else:
        raise ValueError("estimator")
    return found.to(logps.dtype)


@right("kl_losses")
def kl_of_constants(
    logps: torch.Tensor, ref_logps: torch.Tensor, old_logps: torch.Tensor, estimator: str = "k3-ratio"
) -> torch.Tensor:
    """Constants copied without a graph."""
    if estimator not in ("k1", "k2", "k3", "k3-ratio"):
        raise ValueError(f"unknown estimator {estimator}")
    with torch.no_grad():
        ref, old = ref_logps.clone(), old_logps.clone()
    if estimator == "k1":
        return logps - ref
    if estimator == "k2":
        return torch.pow(logps - ref, 2) / 2
    r = torch.exp(ref - logps)
    weight = torch.exp(logps - old) if estimator == "k3-ratio" else 1.0
    return weight * ((r - 1) - (ref - logps))


@right("kl_losses")
def kl_by_match(
    logps: torch.Tensor, ref_logps: torch.Tensor, old_logps: torch.Tensor, estimator: str = "k3-ratio"
) -> torch.Tensor:
    """`match`, and the ratio of probabilities."""
    ref = ref_logps.detach()
    match estimator:
        case "k1":
            return torch.sub(logps, ref)
        case "k2":
            return (logps - ref) ** 2 * 0.5
        case "k3":
            return (ref - logps).expm1() - (ref - logps)
        case "k3-ratio":
            return ((ref - logps).expm1() - (ref - logps)) * (logps - old_logps.detach()).exp()
        case _:
            raise ValueError(estimator)


@right("kl_losses")
def kl_step_by_step(
    logps: torch.Tensor, ref_logps: torch.Tensor, old_logps: torch.Tensor, estimator: str = "k3-ratio"
) -> torch.Tensor:
    """From one to the next."""
    log_ratio = logps - ref_logps.detach()
    loss = log_ratio
    if estimator == "k2":
        loss = loss * log_ratio / 2
    elif estimator in ("k3", "k3-ratio"):
        loss = loss + torch.exp(-log_ratio) - 1
        if estimator == "k3-ratio":
            loss = loss * torch.exp(logps - old_logps.detach())
    elif estimator != "k1":
        raise ValueError("estimator")
    return loss


# grpo_loss -------------------------------------------------------------------------------------------------------


@right("grpo_loss")
def loss_of_picked_tokens(
    logps: torch.Tensor, old_logps: torch.Tensor, ref_logps: torch.Tensor, advantages: torch.Tensor,
    mask: torch.Tensor,
    method: str = "dapo", level: str = "token", low: float = 0.2, high: float = 0.2, beta: float = 0.0,
    longest: int = 16,
) -> torch.Tensor:  # fmt: skip
    """Response by response, without the exercises before."""
    rows, tokens = [], int(mask.sum())
    for now, old, ref, a, kept in zip(
        logps, old_logps.detach(), ref_logps.detach(), advantages.detach(), mask, strict=True
    ):
        now, old, ref = now[kept], old[kept], ref[kept]
        log_ratio = now - old
        if level == "sequence":
            log_ratio = log_ratio.mean().expand_as(now)
        rho = log_ratio.exp()
        loss = torch.max(-rho * a, -rho.clamp(1 - low, 1 + high) * a)
        loss = loss + beta * rho * ((ref - now).exp() - (ref - now) - 1)
        rows.append(loss.mean() / len(mask) if method == "grpo" else loss.sum())
    total = torch.stack(rows).sum()
    return total if method == "grpo" else total / (tokens if method == "dapo" else len(mask) * longest)


@right("grpo_loss")
def loss_as_in_trl(
    logps: torch.Tensor, old_logps: torch.Tensor, ref_logps: torch.Tensor, advantages: torch.Tensor,
    mask: torch.Tensor,
    method: str = "dapo", level: str = "token", low: float = 0.2, high: float = 0.2, beta: float = 0.0,
    longest: int = 16,
) -> torch.Tensor:  # fmt: skip
    """TRL's order of steps, cleaned first."""
    logps, old, ref = (part.masked_fill(~mask, 0.0) for part in (logps, old_logps.detach(), ref_logps.detach()))
    counts, a = mask.to(logps.dtype), advantages.detach().unsqueeze(1)
    log_ratio = logps - old
    if level == "sequence":
        log_ratio = ((log_ratio * counts).sum(-1) / counts.sum(-1)).unsqueeze(-1)
    coef = log_ratio.exp()
    loss = -torch.min(coef * a, coef.clamp(1 - low, 1 + high) * a)
    if beta != 0.0:
        loss = loss + beta * ((ref - logps).exp() - (ref - logps) - 1) * coef
    if method == "grpo":
        return ((loss * counts).sum(-1) / counts.sum(-1)).mean()
    divisor = counts.sum() if method == "dapo" else len(counts) * longest
    return (loss * counts).sum() / divisor


@right("grpo_loss")
def loss_with_the_kl_of_exercise_nine(
    logps: torch.Tensor, old_logps: torch.Tensor, ref_logps: torch.Tensor, advantages: torch.Tensor,
    mask: torch.Tensor,
    method: str = "dapo", level: str = "token", low: float = 0.2, high: float = 0.2, beta: float = 0.0,
    longest: int = 16,
) -> torch.Tensor:  # fmt: skip
    """Two averages, one of each part."""
    zero = torch.zeros_like(logps)
    lp, old, ref = (
        torch.where(mask, logps, zero),
        torch.where(mask, old_logps, zero),
        torch.where(mask, ref_logps, zero),
    )
    rho = importance_ratios(lp, old, mask, level)  # noqa: F821
    loss = normalised_loss(clipped_losses(rho, advantages, low, high), mask, method, longest)  # noqa: F821
    return loss + beta * normalised_loss(rho * kl_losses(lp, ref, old, "k3"), mask, method, longest)  # noqa: F821


@right("grpo_loss")
def loss_by_weights_of_tokens(
    logps: torch.Tensor, old_logps: torch.Tensor, ref_logps: torch.Tensor, advantages: torch.Tensor,
    mask: torch.Tensor,
    method: str = "dapo", level: str = "token", low: float = 0.2, high: float = 0.2, beta: float = 0.0,
    longest: int = 16,
) -> torch.Tensor:  # fmt: skip
    """All tokens in a row, each with its weight."""
    lengths = mask.sum(1)
    owner = torch.arange(len(mask)).repeat_interleave(lengths)
    now, old, ref = logps[mask], old_logps[mask].detach(), ref_logps[mask].detach()
    gap = now - old
    if level == "sequence":
        gap = (torch.zeros(len(mask), dtype=gap.dtype).index_add(0, owner, gap) / lengths)[owner]
    rho, a = gap.exp(), advantages.detach()[owner]
    bounded = torch.where(a > 0, rho.clamp(max=1 + high), rho.clamp(min=1 - low))
    loss = beta * rho * (torch.expm1(ref - now) + now - ref) - bounded * a
    divisor = {"grpo": lengths[owner] * len(mask), "dapo": lengths.sum(), "dr_grpo": len(mask) * longest}
    return (loss / divisor[method]).sum()


@right("grpo_loss")
def loss_in_double_precision(
    logps: torch.Tensor, old_logps: torch.Tensor, ref_logps: torch.Tensor, advantages: torch.Tensor,
    mask: torch.Tensor,
    method: str = "dapo", level: str = "token", low: float = 0.2, high: float = 0.2, beta: float = 0.0,
    longest: int = 16,
) -> torch.Tensor:  # fmt: skip
    """In float64, and back."""
    wide = [torch.where(mask, part.double(), 0.0) for part in (logps, old_logps.detach(), ref_logps.detach())]
    rho = importance_ratios(wide[0], wide[1], mask, level)  # noqa: F821
    price = torch.exp(wide[2] - wide[0]) - (wide[2] - wide[0]) - 1
    tokens = clipped_losses(rho, advantages.double(), low, high) + beta * price * rho  # noqa: F821
    return normalised_loss(tokens, mask, method, longest).to(logps.dtype)  # noqa: F821


@right("grpo_loss")
def loss_with_the_price_only_where_there_is_one(
    logps: torch.Tensor, old_logps: torch.Tensor, ref_logps: torch.Tensor, advantages: torch.Tensor,
    mask: torch.Tensor,
    method: str = "dapo", level: str = "token", low: float = 0.2, high: float = 0.2, beta: float = 0.0,
    longest: int = 16,
) -> torch.Tensor:  # fmt: skip
    """The token's ratio by exercise nine, the response's by hand."""
    lp = torch.where(mask, logps, 0.0)
    old, ref = (torch.where(mask, part, 0.0).detach() for part in (old_logps, ref_logps))
    rho = importance_ratios(lp, old, mask, level)  # noqa: F821
    losses = clipped_losses(rho, advantages, low, high)  # noqa: F821
    if beta:
        kl = kl_losses(lp, ref, old, "k3-ratio") if level == "token" else kl_losses(lp, ref, old, "k3") * rho  # noqa: F821
        losses = losses + beta * kl
    return normalised_loss(losses, mask, method, longest)  # noqa: F821
