"""Cases of `group_advantages`: groups of every shape, of equal rewards, of one."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from cases_inputs import F32, F64, NAMES, Tensor, in_double, layouts, mistakes_beside, numbers

from grader.checks import Case, Cases


@in_double
def right_group(rewards: Tensor, method: str) -> Tensor:
    """RLOO's and GRPO's advantages."""
    if rewards.shape[1] < 2 or method not in ("rloo", "grpo"):
        raise ValueError("a single response, or another method")
    return rloo(rewards) if method == "rloo" else grpo(rewards)


def rloo(x: Tensor) -> Tensor:
    """Each reward minus the mean of the others in its row, as in TRL's RLOOTrainer."""
    n = x.shape[1]
    return (x - x.mean(1, keepdim=True)) * n / (n - 1)


def grpo(x: Tensor) -> Tensor:
    """(r − mean) / (sd + 1e-4) in each row, sd with n − 1, as in TRL's GRPOTrainer."""
    return (x - x.mean(1, keepdim=True)) / (x.std(1, keepdim=True) + 1e-4)


def with_rloo(other: Callable[[Tensor], Tensor]) -> Callable[[Tensor, str], Tensor]:
    """RLOO is another function; GRPO is right."""
    return lambda rewards, method: other(rewards) if method == "rloo" else grpo(rewards)


def with_grpo(other: Callable[[Tensor], Tensor]) -> Callable[[Tensor, str], Tensor]:
    """GRPO is another function; RLOO is right."""
    return lambda rewards, method: rloo(rewards) if method == "rloo" else other(rewards)


RLOO_MISTAKES = {
    "own_mean": (
        "Your baseline has the sample itself in it: leave it out, the mean is over the others.",
        with_rloo(lambda x: x - x.mean(1, keepdim=True)),
    ),
    "by_k": (
        "The mean of the others divides by k − 1, not by k.",
        with_rloo(lambda x: x - (x.sum(1, keepdim=True) - x) / x.shape[1]),
    ),
    "all_over": (
        "The sum over the others leaves the sample itself out: subtract it before you divide by k − 1.",
        with_rloo(lambda x: x - x.sum(1, keepdim=True) / (x.shape[1] - 1)),
    ),
    "rloo_batch": (
        "The group is a row: responses to *other* queries are no baseline.",
        with_rloo(lambda x: x - x.mean()),
    ),
    "rloo_columns": ("The group is a row, not a column.", with_rloo(lambda x: rloo(x.T).T)),
    "rloo_spread": ("RLOO does not divide by the spread.", with_rloo(grpo)),
    "rloo_sign": ("The sign is turned: reward minus baseline.", with_rloo(lambda x: -rloo(x))),
}  # fmt: skip
GRPO_MISTAKES = {
    "population": (
        "The standard deviation has n − 1 here, as in TRL.",
        with_grpo(lambda x: (x - x.mean(1, keepdim=True)) / (x.std(1, keepdim=True, unbiased=False) + 1e-4)),
    ),
    "grpo_batch": (
        "Each group has its own mean and spread: not those of the batch.",
        with_grpo(lambda x: (x - x.mean()) / (x.std() + 1e-4)),
    ),
    "batch_spread": (
        "Each group has its own spread: not that of the batch.",
        with_grpo(lambda x: (x - x.mean(1, keepdim=True)) / (x.std() + 1e-4)),
    ),
    "variance": (
        "Divide by the standard deviation, not by the variance.",
        with_grpo(lambda x: (x - x.mean(1, keepdim=True)) / (x.var(1, keepdim=True) + 1e-4)),
    ),
    "inside": (
        "The 1e-4 is added to the standard deviation, not to the variance under the root.",
        with_grpo(lambda x: (x - x.mean(1, keepdim=True)) / (x.var(1, keepdim=True) + 1e-4).sqrt()),
    ),
    "whitening_eps": (
        "GRPO adds 1e-4 to the standard deviation; 1e-8 is that of whitening.",
        with_grpo(lambda x: (x - x.mean(1, keepdim=True)) / (x.std(1, keepdim=True) + 1e-8)),
    ),
    "no_eps": (
        "0/0 is nan: add 1e-4 to the standard deviation.",
        with_grpo(lambda x: (x - x.mean(1, keepdim=True)) / x.std(1, keepdim=True)),
    ),
    "grpo_columns": ("The group is a row, not a column.", with_grpo(lambda x: grpo(x.T).T)),
    "no_spread": ("GRPO divides by the spread.", with_grpo(lambda x: x - x.mean(1, keepdim=True))),
    "others": (
        "GRPO's baseline is the mean of the whole group.",
        with_grpo(lambda x: rloo(x) / (x.std(1, keepdim=True) + 1e-4)),
    ),
}  # fmt: skip
GROUPS = ((3, 4), (1, 2), (3, 2), (2, 3), (4, 4), (2, 8), (1, 5), (2, 300))
LEVELS = torch.tensor([1.0, 0.3, 5.0, 2.0], dtype=F64), torch.tensor([0.0, 4.0, -2.0, 1.0], dtype=F64)


def group(seed: int, queries: int, responses: int, scale: float = 1.0, dtype: torch.dtype = F64) -> Tensor:
    """Rewards in which each query has its own level and spread."""
    spread, level = (part[:queries, None] for part in LEVELS)
    return ((numbers(seed, queries, responses) * spread + level) * scale).to(dtype)


def group_pool(method: str) -> Callable[[], Iterator[Case]]:
    """Groups of every shape and size, for one method."""

    def pool() -> Iterator[Case]:
        for seed, (queries, responses) in enumerate(GROUPS):
            for k, scale in enumerate((1.0, 1e-4, 1e-6, 1e4)):
                size = f"groups of {responses}" if scale == 1.0 else f"rewards of size {scale:g}"
                args = (group(seed + 10 * k, queries, responses, scale), method)
                yield Case(f"{method}, {queries} × {responses}, {scale:g}", args=args, family=size)
        far = group(5, 3, 4) + torch.tensor([[-1e4], [0.0], [1e4]], dtype=F64)
        yield Case(
            f"{method}, far apart", args=(far, method), family="groups whose rewards are far apart", tolerance=1e-7
        )

    return pool


def equal_pool() -> Iterator[Case]:
    """Groups of equal rewards among others, dtypes, layouts."""
    for dtype in (F32, F64):
        for method in ("rloo", "grpo"):
            for value in (2.0, 0.0, -8.0, 0.5):
                rewards = group(3, 3, 4, dtype=dtype)
                rewards[1] = value
                case = f"{NAMES[dtype]}, {method}, {value}"
                yield Case(case, args=(rewards, method), family="a group of equal rewards", tolerance=2e-5)
                args = (torch.full((2, 2), value, dtype=dtype), method)
                yield Case(f"{case}, all", args=args, family="groups of equal rewards", tolerance=1e-9)
            for seed, (queries, responses) in enumerate(GROUPS):
                for scale in (1.0, 1e-4):
                    case = f"{NAMES[dtype]}, {method}, {queries} × {responses}, {scale:g}"
                    args = (group(seed, queries, responses, scale, dtype), method)
                    size = scale if method == "rloo" else 1.0
                    yield Case(case, args=args, family=NAMES[dtype], tolerance=3e-5 * size)
            args = (group(4, 3, 4, dtype=dtype), method)
            yield from layouts(f"{NAMES[dtype]}, {method}", args, ("rewards",), tolerance=2e-5)


def company_pool() -> Iterator[Case]:
    """Groups of one and methods of other names, among right ones."""
    for method in ("rloo", "grpo"):
        for queries in (1, 3):
            args = (numbers(queries, queries, 1), method)
            yield Case(f"{method}, {queries} × 1", args=args, family="a group of a single response")
            yield Case(f"{method}, {queries} × 2", args=(group(queries, queries, 2), method), family="groups of two")
    for method in ("ppo", "RLOO", "Grpo", "GRPO", "", "rloo ", "grp", "rloogrpo"):
        for shape in ((3, 4), (2, 2)):
            args = (group(2, *shape), method)
            yield Case(f"{method!r}, {shape}", args=args, family="a method of another name")
    yield Case("both", args=(numbers(1, 2, 1), "ppo"), family="a method of another name")


group_rloo = Cases(
    "group_advantages",
    name="rloo_leaves_the_sample_itself_out",
    promise="RLOO: reward minus the mean of the *other* responses to the same query.",
    points=1,
    reference=right_group,
    pool=group_pool("rloo"),
    mistakes=mistakes_beside(right_group, RLOO_MISTAKES),
)
group_grpo = Cases(
    "group_advantages",
    name="grpo_standardises_each_group",
    promise="GRPO: reward minus the group's mean, over the group's standard deviation (n − 1) plus 1e-4.",
    points=1,
    reference=right_group,
    pool=group_pool("grpo"),
    mistakes=mistakes_beside(right_group, GRPO_MISTAKES),
)
group_equal = Cases(
    "group_advantages",
    name="equal_rewards_teach_nothing",
    promise="A group whose rewards are all equal has advantages of 0, under both; dtype and rewards stay as they are.",
    points=1,
    reference=right_group,
    pool=equal_pool,
    keeps_inputs=True,
    fresh=True,
    mistakes=mistakes_beside(right_group, RLOO_MISTAKES, GRPO_MISTAKES),
)
group_company = Cases(
    "group_advantages",
    name="groups_need_company",
    promise="A group of one response, or an unknown method, raises ValueError.",
    points=1,
    reference=right_group,
    pool=company_pool,
    hints={
        "no error": "A single response has nobody to be compared with, and "
        'only "rloo" and "grpo", in small letters, are methods: raise ValueError.'
    },
)
