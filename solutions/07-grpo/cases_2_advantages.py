"""Cases of `grpo_advantages` and `expected_gradient`: groups, and all groups that there are."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import torch
from cases_inputs import F32, F64, NAMES, Tensor, in_double, layouts, mistakes, numbers, only_with

from grader.checks import Case, Cases, Mistake

SCALES = ("group", "batch", "none")


@in_double
def right_advantages(rewards: Tensor, scale: str = "group") -> Tensor:
    """By sums of squares."""
    if scale not in SCALES:
        raise ValueError("scale")
    size = rewards.shape[1]
    gap = rewards - rewards.sum(1, keepdim=True) / size
    if scale == "group":
        return gap / (((gap**2).sum(1, keepdim=True) / (size - 1)).sqrt() + 1e-4)
    if scale == "batch":
        around = rewards - rewards.mean()
        return gap / (((around**2).sum() / (rewards.numel() - 1)).sqrt() + 1e-4)
    return gap


def verdicts(prompts: int, size: int, seed: int = 0) -> Tensor:
    """Rewards of 0 and 1, float64 [prompts, size]."""
    return (numbers(seed + 91, prompts, size) > 0.3).double()


def groups(scales: tuple[str, ...]) -> Iterator[Case]:
    """Groups of every size, rewards of every size, equal ones too."""
    for scale in scales:
        for prompts, size in ((1, 2), (1, 8), (2, 3), (3, 2), (3, 8), (5, 4), (40, 16)):
            for name, r in (("0 and 1", verdicts(prompts, size)), ("any", numbers(size, prompts, size, scale=3))):
                family = "rewards of 0 and 1" if name == "0 and 1" else "rewards of any size"
                yield Case(f"{scale}, {prompts} × {size}, {name}", (r, scale), family=family, tolerance=1e-9)
        far = numbers(3, 3, 4) + torch.tensor([[100.0], [0.0], [-50.0]])
        yield Case(f"{scale}, far apart", (far, scale), family="groups far apart", tolerance=1e-7)
        for size in (1e-4, 1e-2, 1e4):
            yield Case(
                f"{scale}, of size {size}", (numbers(4, 3, 5, scale=size), scale), family=f"rewards of size {size:g}"
            )
        mixed = torch.tensor([[1.0, 1.0, 1.0, 1.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]], dtype=F64)
        yield Case(f"{scale}, some equal", (mixed, scale), family="groups of equal rewards", tolerance=1e-9)
        yield Case(
            f"{scale}, all equal",
            (torch.full((2, 3), 0.5, dtype=F64), scale),
            family="groups of equal rewards",
            tolerance=1e-9,
        )


def by_group_and_none() -> Iterator[Case]:
    """What is divided by the group's deviation, or by nothing; the default."""
    yield from groups(("group", "none"))
    yield Case("the default", (numbers(9, 3, 4),), family="scale is not given")


def by_batch() -> Iterator[Case]:
    """What is divided by the batch's deviation."""
    yield from groups(("batch",))


def forms() -> Iterator[Case]:
    """Dtypes, layouts, other words."""
    for dtype in (F32, F64):
        for scale in SCALES:
            for prompts, size in ((3, 4), (1, 2), (2, 8)):
                yield Case(
                    f"{NAMES[dtype]}, {scale}, {prompts} × {size}",
                    (numbers(7, prompts, size, dtype=dtype), scale),
                    family=NAMES[dtype],
                )
        yield from layouts(NAMES[dtype], (numbers(8, 3, 4, dtype=dtype), "group"), ("rewards",))
    for middle in (1000.0, 2000.0):
        near = (numbers(12, 3, 8) + middle).to(F32)
        for scale in SCALES:
            yield Case(f"around {middle:g}, {scale}", (near, scale), family="rewards far from 0", tolerance=2e-3)
    for word in ("std", "Group", "", "groups", "NONE", "rloo"):
        for r in (numbers(1, 2, 3), verdicts(1, 4)):
            yield Case(f"word {word!r}, {list(r.shape)}", (r, word), family="other words")


def over(gap: Tensor, rewards: Tensor, scale: str) -> Tensor:
    """A mistake's differences, divided as the scale says."""
    if scale == "none":
        return gap
    return gap / ((rewards.std() if scale == "batch" else rewards.std(1, keepdim=True)) + 1e-4)


def of_batch(answer: object) -> object:
    """A mistake with "batch" alone."""
    return only_with(right_advantages, "batch", lambda r, scale: answer(r))  # type: ignore[operator]


def deviation(unbiased: bool = True, eps: float = 1e-4, dim: int | None = 1, inside: bool = False) -> object:
    """A mistake's answer: "group" divides by something else."""

    def answer(rewards: Tensor, scale: str = "group") -> Tensor:
        gap = right_advantages(rewards, "none")
        if scale != "group":
            return right_advantages(rewards, scale)
        if inside:
            return gap / (rewards.var(1, keepdim=True) + eps).sqrt()
        sd = (
            rewards.std(correction=int(unbiased))
            if dim is None
            else rewards.std(dim, correction=int(unbiased), keepdim=True)
        )
        return gap / (sd + eps)

    return answer


ADVANTAGE_MISTAKES = mistakes(
    right_advantages,
    (
        "Is the mean that of the whole batch? Each group is compared with itself.",
        lambda r, scale="group": over(r - r.mean(), r, scale),
    ),
    ("The deviation is that with n − 1 (`correction=1`, what `std` does by itself).", deviation(unbiased=False)),
    (
        "1e-4 is added to the deviation; a smaller number is not the same for groups that hardly differ.",
        deviation(eps=1e-8),
    ),
    ("1e-4 is added to the deviation, not to the variance under the root.", deviation(inside=True)),
    ('The deviation of "group" is that of each group, not of the batch.', deviation(dim=None)),
    (
        "That is the mean of the *others* (RLOO); GRPO takes the whole group's.",
        lambda r, scale="group": right_advantages(r, scale) * r.shape[1] / (r.shape[1] - 1),
    ),
    ("The sign is turned: better than the group is positive.", lambda r, scale="group": -right_advantages(r, scale)),
    (
        "Nothing is subtracted in yours: the group's mean is the baseline.",
        lambda r, scale="group": over(r, r, scale),
    ),
    (
        "Divided by the variance? It is the deviation.",
        only_with(
            right_advantages,
            "group",
            lambda r, scale="group": right_advantages(r, "none") / (r.var(1, keepdim=True) + 1e-4),
        ),
    ),
)
BATCH_MISTAKES = mistakes(
    right_advantages,
    (
        "The means stay those of the groups; only the deviation is the batch's.",
        of_batch(lambda r: (r - r.mean()) / (r.std() + 1e-4)),
    ),
    (
        "The deviation is that of all rewards, not of what is left after the groups' means.",
        of_batch(lambda r: right_advantages(r, "none") / (right_advantages(r, "none").std() + 1e-4)),
    ),
    (
        "That is each group's own deviation: here it is one of all rewards.",
        of_batch(lambda r: right_advantages(r, "group")),
    ),
    (
        "The deviation of all rewards is not the mean of the groups' deviations.",
        of_batch(lambda r: right_advantages(r, "none") / (r.std(1).mean() + 1e-4)),
    ),
    (
        "The deviation is that with n − 1 (`correction=1`, what `std` does by itself).",
        of_batch(lambda r: right_advantages(r, "none") / (r.std(correction=0) + 1e-4)),
    ),
    (
        '"batch" is divided by something: the deviation of all rewards plus 1e-4.',
        of_batch(lambda r: right_advantages(r, "none")),
    ),
)

advantages_of_groups = Cases(
    "grpo_advantages",
    name="compares_each_response_with_its_group",
    promise='"group" and "none": reward minus the group\'s mean, over its deviation plus 1e-4, or over nothing.',
    points=2,
    reference=right_advantages,
    pool=by_group_and_none,
    mistakes=ADVANTAGE_MISTAKES,
)
advantages_of_batches = Cases(
    "grpo_advantages",
    name="batch_divides_by_one_deviation",
    promise='"batch": reward minus the group\'s mean, divided by the deviation of all rewards plus 1e-4.',
    points=2,
    reference=right_advantages,
    pool=by_batch,
    mistakes=BATCH_MISTAKES,
)


def by_squares(rewards: Tensor, scale: str = "group") -> Tensor:
    """A mistake in the dtype of the rewards: the variance as a difference of large numbers."""
    if scale == "none":
        return right_advantages(rewards, scale)
    mean, square = ((part.mean(1, keepdim=True) if scale == "group" else part.mean()) for part in (rewards, rewards**2))
    size = rewards.shape[1] if scale == "group" else rewards.numel()
    sd = ((square - mean**2) * size / (size - 1)).clamp_min(0).sqrt()
    return (rewards - rewards.mean(1, keepdim=True)) / (sd + 1e-4)


advantages_forms = Cases(
    "grpo_advantages",
    name="keeps_dtype_and_refuses_other_words",
    promise="The dtype is that of the rewards, which stay as they are; another scale raises ValueError.",
    points=1,
    reference=right_advantages,
    pool=forms,
    keeps_inputs=True,
    fresh=True,
    mistakes=(
        Mistake(
            "The mean of the squares less the square of the mean: for large rewards both are large, digits go. "
            "Take the mean off first, then square.",
            by_squares,
        ),
    ),
    hints={"no error": "Small letters, and one of the three words: raise ValueError for others."},
)


# expected_gradient -----------------------------------------------------------------------------------------------

METHODS = ("none", "mean", "others", "group")


def advantages_by(method: str, r: list[float]) -> list[float]:
    """Advantages of one group, number by number."""
    size = len(r)
    if method == "none":
        return list(r)
    if method == "others":
        return [one - (sum(r) - one) / (size - 1) for one in r]
    middle = sum(r) / size
    gap = [one - middle for one in r]
    return gap if method == "mean" else [g / ((sum(x * x for x in gap) / (size - 1)) ** 0.5 + 1e-4) for g in gap]


def right_expected(logits: Tensor, rewards: Tensor, size: int, method: str) -> Tensor:
    """By how often each response is in a group: the gradient is Σ_y c(y) (e_y − π), c the mean weight of y."""
    if method not in METHODS:
        raise ValueError("method")
    return expected(logits, rewards, size, lambda r: advantages_by(method, r))


def expected(logits: Tensor, rewards: Tensor, size: int, advantages: object, **changes: bool) -> Tensor:
    """The sum over all groups, or what a mistake makes of it."""
    pi = logits.double().softmax(0)
    probs, r = pi.tolist(), rewards.double().tolist()
    weights = [0.0] * len(probs)
    if changes.get("without_repeats") and size > len(probs):
        raise IndexError("no group")  # as it happens to who makes that mistake
    choose = itertools.combinations if changes.get("without_repeats") else itertools.product
    more = {} if changes.get("without_repeats") else {"repeat": size}
    args = (range(len(probs)), size) if changes.get("without_repeats") else (range(len(probs)),)
    for group in choose(*args, **more):
        chance = 1.0
        for y in group:
            chance *= probs[y]
        if changes.get("equally"):
            chance = len(probs) ** -float(size)
        found = advantages([r[y] for y in group])  # type: ignore[operator]
        for y, a in zip(group, found, strict=True):
            weights[y] += chance * a / (1 if changes.get("summed") else size)
    c = torch.tensor(weights, dtype=F64)
    return c if changes.get("without_pi") else c - pi * c.sum()


def policies(methods: tuple[str, ...]) -> Iterator[Case]:
    """Policies over two to five responses, groups of two to five."""
    for method in methods:
        for m, size in ((2, 2), (2, 3), (3, 2), (3, 3), (4, 2), (5, 2), (2, 6), (3, 4)):
            for name, scale in (("flat", 0.0), ("some", 1.0), ("peaked", 4.0)):
                r = numbers(10 * m + size, m, scale=2)
                yield Case(
                    f"{method}, {m} responses, groups of {size}, {name}",
                    (numbers(m, m, scale=scale), r, size, method),
                    family=f"a {name} policy" if name != "some" else "an ordinary policy",
                    tolerance=1e-11,
                )
        verdict = torch.tensor([1.0, 0.0, 0.0, 1.0], dtype=F64)
        yield Case(
            f"{method}, 0 and 1", (numbers(5, 4), verdict, 3, method), family="rewards of 0 and 1", tolerance=1e-11
        )
        yield Case(
            f"{method}, shifted", (numbers(5, 4), verdict + 100, 3, method), family="rewards far from 0", tolerance=1e-8
        )
        yield Case(
            f"{method}, equal",
            (numbers(5, 3), torch.full((3,), 2.0, dtype=F64), 2, method),
            family="equal rewards",
            tolerance=1e-10,
        )


def plain_methods() -> Iterator[Case]:
    """Without the deviation."""
    yield from policies(("none", "mean", "others"))


def scaled_method() -> Iterator[Case]:
    """With the deviation."""
    yield from policies(("group",))


def extremes() -> Iterator[Case]:
    """Logits far apart, other words."""
    for method in METHODS:
        far = torch.tensor([1000.0, -1000.0, 999.0], dtype=F64)
        yield Case(f"{method}, far", (far, numbers(2, 3), 2, method), family="logits far apart", tolerance=1e-9)
        yield Case(
            f"{method}, far 2", (far.flip(0) + 3, numbers(3, 3), 3, method), family="logits far apart", tolerance=1e-9
        )
        for layout in ("strided",):
            args = (numbers(4, 4), numbers(5, 4), 2, method)
            yield Case(
                f"{method}, {layout}",
                args,
                layout={"logits": layout, "rewards": layout},
                family="tensors that are not contiguous",
                tolerance=1e-11,
            )
    for word in ("rloo", "grpo", "Mean", "", "std"):
        for m, size in ((2, 2), (3, 3)):
            yield Case(f"word {word!r}, {m}", (numbers(m, m), numbers(m + 1, m), size, word), family="other words")


def altered(**changes: bool) -> object:
    """A mistake's answer from a change of the sum."""
    return lambda logits, rewards, size, method: expected(
        logits, rewards, size, lambda r: advantages_by(method, r), **changes
    )


EXPECTED_MISTAKES = mistakes(
    right_expected,
    (
        "Each group counts with its probability, the product of its responses' probabilities, not all alike.",
        altered(equally=True),
    ),
    ("∇ log π(y) is one-hot(y) *minus π*.", altered(without_pi=True)),
    ("1/G is missing: the mean over the group, not the sum.", altered(summed=True)),
    (
        "A response may come twice in a group, and order counts: `itertools.product(…, repeat=size)`.",
        altered(without_repeats=True),
    ),
    (
        'Is your "others" the mean of the whole group? It leaves the response itself out, and divides by G − 1.',
        lambda x, r, size, method: right_expected(x, r, size, "mean" if method == "others" else method),
    ),
    (
        'Is your "mean" that of the others? The response itself is in the mean here.',
        lambda x, r, size, method: right_expected(x, r, size, "others" if method == "mean" else method),
    ),
    (
        "The sign is turned: the direction of more reward.",
        lambda x, r, size, method: -right_expected(x, r, size, method),
    ),
)
SCALED_MISTAKES = mistakes(
    right_expected,
    (
        '"group" divides by the group\'s deviation plus 1e-4.',
        only_with(right_expected, "group", lambda x, r, size, method: right_expected(x, r, size, "mean")),
    ),
    (
        "The deviation is that with n − 1.",
        only_with(
            right_expected,
            "group",
            lambda x, r, size, method: expected(
                x,
                r,
                size,
                lambda g: [
                    a / ((sum(b * b for b in advantages_by("mean", g)) / size) ** 0.5 + 1e-4)
                    for a in advantages_by("mean", g)
                ],
            ),
        ),
    ),
    (
        "Each group counts with its probability, the product of its responses' probabilities, not all alike.",
        altered(equally=True),
    ),
    ("1/G is missing: the mean over the group, not the sum.", altered(summed=True)),
)

expected_plain = Cases(
    "expected_gradient",
    name="adds_up_all_groups",
    promise='"none", "mean" and "others": the exact expectation over all groups, each with its probability.',
    points=4,
    reference=right_expected,
    pool=plain_methods,
    mistakes=EXPECTED_MISTAKES,
    hints={"rewards far from 0": 'Which advantage is it that sees a constant in all rewards? Only that of "none".'},
)
expected_scaled = Cases(
    "expected_gradient",
    name="divides_within_each_group",
    promise='"group": the same, with advantages divided by the deviation of their own group plus 1e-4.',
    points=1,
    reference=right_expected,
    pool=scaled_method,
    mistakes=SCALED_MISTAKES,
)
expected_rest = Cases(
    "expected_gradient",
    name="survives_extremes_and_refuses_other_words",
    promise="Logits up to ±1000 are fine, the arguments stay as they are, another method raises ValueError.",
    points=1,
    reference=right_expected,
    pool=extremes,
    keeps_inputs=True,
    fresh=True,
    hints={
        "no error": "Raise ValueError for every other word.",
        "nan": "exp of 1000 overflows, and log of a probability of 0 is −inf: `softmax` and `log_softmax` are safe.",
    },
)
