"""Cases of `centre_rewards`: inputs, what is right for each, and likely mistakes."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Any

import torch
from cases_inputs import DTYPES, drawn, f64, quarters

from grader.checks import Case, Cases, Mistake


def grouped(r: torch.Tensor, prompt_ids: torch.Tensor, middle: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
    """For each response what `middle` says of the rewards of its prompt, float64."""
    wide = r.double()
    return torch.stack([middle(wide[prompt_ids == prompt]) for prompt in prompt_ids])


def centred(r: torch.Tensor, prompt_ids: torch.Tensor) -> torch.Tensor:
    """Each reward minus its prompt's mean, in fractions."""
    groups: dict[int, list[Fraction]] = {}
    for prompt, value in zip(prompt_ids.tolist(), r.tolist(), strict=True):
        groups.setdefault(prompt, []).append(Fraction(value))
    means = {prompt: sum(values) / len(values) for prompt, values in groups.items()}
    exact = [float(Fraction(v) - means[prompt]) for v, prompt in zip(r.tolist(), prompt_ids.tolist(), strict=True)]
    return torch.tensor(exact, dtype=torch.float64).to(r.dtype)


def less_one_mean(r: torch.Tensor, prompt_ids: torch.Tensor) -> torch.Tensor:
    return (r.double() - r.double().mean()).to(r.dtype)


def divided_by_the_spread(r: torch.Tensor, prompt_ids: torch.Tensor) -> torch.Tensor:
    return (centred(r.double(), prompt_ids) / grouped(r, prompt_ids, lambda x: x.std())).to(r.dtype)


def divided_by_the_flat_spread(r: torch.Tensor, prompt_ids: torch.Tensor) -> torch.Tensor:
    return (centred(r.double(), prompt_ids) / grouped(r, prompt_ids, lambda x: x.std(correction=0))).to(r.dtype)


def sign_turned(r: torch.Tensor, prompt_ids: torch.Tensor) -> torch.Tensor:
    return -centred(r, prompt_ids)


def plus_the_mean(r: torch.Tensor, prompt_ids: torch.Tensor) -> torch.Tensor:
    return (r.double() + grouped(r, prompt_ids, lambda x: x.mean())).to(r.dtype)


def means_themselves(r: torch.Tensor, prompt_ids: torch.Tensor) -> torch.Tensor:
    return grouped(r, prompt_ids, lambda x: x.mean()).to(r.dtype)


def less_the_sum(r: torch.Tensor, prompt_ids: torch.Tensor) -> torch.Tensor:
    return (r.double() - grouped(r, prompt_ids, lambda x: x.sum())).to(r.dtype)


def less_the_first(r: torch.Tensor, prompt_ids: torch.Tensor) -> torch.Tensor:
    return (r.double() - grouped(r, prompt_ids, lambda x: x[0])).to(r.dtype)


def less_the_highest(r: torch.Tensor, prompt_ids: torch.Tensor) -> torch.Tensor:
    return (r.double() - grouped(r, prompt_ids, lambda x: x.max())).to(r.dtype)


def less_the_median(r: torch.Tensor, prompt_ids: torch.Tensor) -> torch.Tensor:
    return (r.double() - grouped(r, prompt_ids, lambda x: x.median())).to(r.dtype)


def less_the_others(r: torch.Tensor, prompt_ids: torch.Tensor) -> torch.Tensor:
    """The mean of the other responses, as RLOO takes it."""
    counts = grouped(r, prompt_ids, lambda x: torch.tensor(float(len(x)), dtype=torch.float64))
    return (centred(r.double(), prompt_ids) * counts / (counts - 1)).to(r.dtype)


def sorted_by_prompt(r: torch.Tensor, prompt_ids: torch.Tensor) -> torch.Tensor:
    return centred(r, prompt_ids)[prompt_ids.argsort(stable=True)]


def neighbours_only(r: torch.Tensor, prompt_ids: torch.Tensor) -> torch.Tensor:
    runs = torch.cat([torch.zeros(1, dtype=torch.int64), (prompt_ids.diff() != 0).long().cumsum(0)])
    return centred(r, runs)


def summed_in_its_dtype(r: torch.Tensor, prompt_ids: torch.Tensor) -> torch.Tensor:
    """Sums one by one, each rounded."""
    _, places, counts = prompt_ids.unique(return_inverse=True, return_counts=True)
    sums = torch.zeros(len(counts), dtype=r.dtype).index_add(0, places, r)
    return r - (sums / counts.to(r.dtype))[places]


EPSILON = {"float64": 2.0**-52, "float32": 2.0**-23, "float16": 2.0**-10, "bfloat16": 2.0**-7}
ROUNDINGS = {"float64": (64, 4096), "float32": (8, 32), "float16": (2, 4), "bfloat16": (2, 4)}
"""Steps by which two right answers differ, at the largest reward (halves are summed in float32) and at what is left."""
MANY = 100


def responses(name: str, r: torch.Tensor, prompts: Sequence[int], family: str, **more: Any) -> Case:
    """A case of `centre_rewards`, with a tolerance that follows the rewards, not what is left of them."""
    dtype = str(r.dtype).removeprefix("torch.")
    ids = torch.tensor(prompts)
    of_rewards, of_rest = (steps * EPSILON[dtype] for steps in ROUNDINGS[dtype])
    near = of_rewards * float(r.double().abs().max()) * (8 if len(r) > MANY else 1)
    left = of_rest * float(centred(r, ids).double().abs().max())
    return Case(name, (r, ids), family=family, tolerance=near if near > left else None, **more)


def in_groups() -> Iterator[Case]:
    """Responses of a prompt stand together, and prompts come in order."""
    two = "two prompts"
    for dtype, kind in list(DTYPES.items())[:2]:
        for name, numbers, prompts in (
            ("two and three", (1.0, 3.0, 10.0, 20.0, 60.0), (0, 0, 1, 1, 1)),
            ("three and three", (-2.0, 0.5, 4.0, 8.0, -1.0, 3.0), (0, 0, 0, 1, 1, 1)),
            ("two and two", (5.0, -5.5, 2.0, 2.25), (0, 0, 1, 1)),
            ("four and two", (1.0, 2.0, 4.0, 16.0, -3.0, 5.0), (1, 1, 1, 1, 2, 2)),
        ):
            yield responses(f"{dtype} {name}", torch.tensor(numbers, dtype=kind), prompts, two)
        yield responses(f"{dtype} one prompt", drawn(1, 6, dtype=dtype), (3,) * 6, "one prompt")
        yield responses(f"{dtype} one response", drawn(2, 1, dtype=dtype), (3,), "one response a prompt")
        yield responses(f"{dtype} one each", drawn(3, 3, dtype=dtype), (0, 1, 2), "one response a prompt")
        yield responses(f"{dtype} equal", torch.full((4,), 2.5, dtype=kind), (0, 0, 1, 1), "equal rewards")
        for scale in (1e-6, 1e-3, 1e4):
            yield responses(
                f"{dtype} {scale}",
                drawn(4, 7, scale=scale, dtype=dtype),
                (0, 0, 0, 1, 1, 2, 2),
                "rewards of another size",
            )
        yield responses(f"{dtype} far", 1e4 + drawn(5, 6, dtype=dtype), (0, 0, 0, 1, 1, 1), "rewards far from 0")
        yield responses(
            f"{dtype} apart", torch.tensor([1e4, 1e4 + 2, -5.0, 1.0], dtype=kind), (0, 0, 1, 1), "prompts far apart"
        )
    yield responses("many", drawn(6, 300, scale=3), [k // 30 for k in range(300)], "many responses")
    yield responses("one of 300", drawn(7, 300, scale=3), [4] * 300, "one prompt")


def in_any_order() -> Iterator[Case]:
    """Names of prompts that are no places, in any order."""
    apart = "responses of a prompt that do not stand together"
    yield responses("alternating", f64(1.0, 10.0, 3.0, 20.0, 5.0, -7.0), (7, 2, 7, 2, 7, 2), apart)
    yield responses("alternating, lower first", f64(1.0, 10.0, 3.0, 20.0, 5.0, -7.0), (2, 7, 2, 7, 2, 7), apart)
    yield responses("large and negative", f64(5.0, 1.0, 9.0, 2.0), (10**15, -3, 10**15, -3), "large and negative ids")
    yield responses("single", f64(4.0, 2.0, 8.0), (3, 1, 2), "one response a prompt")
    yield responses("falling", f64(4.0, 2.0, 8.0, 1.0, 5.0), (9, 9, 4, 4, 4), "prompts in falling order")
    yield responses("falling ends", f64(1.0, 2.0, 3.0, 9.0, -4.0), (5, 1, 1, 5, 5), apart)
    yield responses("negative", f64(1.0, 2.0, 4.0, -8.0), (-1, -2, -1, -2), "negative ids")
    yield responses("negative only", f64(1.0, 2.0, 4.0), (-7, -7, -7), "negative ids")
    yield responses("zero and minus", f64(3.0, -1.0, 8.0, 2.0, 1.0), (0, -1, 1, -1, 0), "negative ids")
    yield responses("neighbours", f64(1.0, 2.0, 4.0, 8.0), (2**53, 2**53 + 1, 2**53, 2**53 + 1), "large ids")
    yield responses("neighbours of float32", f64(1.0, 2.0, 4.0, 8.0), (2**24, 2**24 + 1, 2**24, 2**24 + 1), "large ids")
    yield responses(
        "extremes", f64(1.0, 5.0, 2.0, 7.0), (2**63 - 1, -(2**63), 2**63 - 1, -(2**63)), "large and negative ids"
    )
    yield responses("int32", f64(1.0, 2.0, 5.0, 9.0), (5, 5 + 2**32, 5, 5 + 2**32), "large ids")
    yield responses("int32, lower", f64(1.0, 2.0, 5.0, 9.0), (2**32, 0, 2**32, 0), "large ids")
    yield responses("modulo", f64(1.0, 2.0, 5.0, 9.0, 4.0, -1.0), (1, 257, 1, 257, 65537, 65537), "large ids")
    yield responses("gaps", f64(1.0, 2.0, 5.0, 9.0, 4.0), (100, 0, 100, 0, 50), apart)
    for seed in range(4):
        draw = random.Random(seed)
        prompts = [draw.choice((11, -4, 3, 0, 10**16)) for _ in range(13)]
        yield responses(f"drawn {seed}", drawn(seed, 13, scale=4), prompts, apart)
        yield responses(f"drawn {seed}, reversed", drawn(seed, 13, scale=4).flip(0), prompts[::-1], apart)
    yield responses("drawn, float32", drawn(8, 9, dtype="float32"), (4, 0, 4, 9, 0, 4, 9, 9, 1), apart)
    yield responses("many", drawn(9, 300), [(7 * k) % 13 - 5 for k in range(300)], apart)


def in_every_dtype() -> Iterator[Case]:
    """Every dtype, sums that need a wide one, other layouts."""
    prompts = (4, 0, 4, 9, 0, 4, 9)
    for dtype, kind in DTYPES.items():
        yield responses(f"{dtype}", quarters(1, 7, dtype=dtype), prompts, f"{dtype} rewards")
        yield responses(f"{dtype}, one", quarters(2, 1, dtype=dtype) + 1, (5,), f"{dtype} rewards")
        yield responses(f"{dtype}, two", quarters(3, 2, dtype=dtype) + 1, (5, 5), f"{dtype} rewards")
        yield responses(f"{dtype}, two prompts", quarters(4, 3, dtype=dtype) + 1, (5, 2, 5), f"{dtype} rewards")
        yield responses(
            f"{dtype}, large",
            torch.full((6,), 3e4, dtype=kind) + 64 * quarters(4, 6, dtype=dtype),
            (1, 2, 1, 2, 1, 2),
            f"large {dtype} rewards",
        )
        yield responses(f"{dtype}, far", (1000 + drawn(5, 8)).to(kind), (0, 1) * 4, f"large {dtype} rewards")
        yield responses(
            f"{dtype}, many",
            (1 + drawn(6, 1200, scale=0.25)).to(kind),
            [k % 2 for k in range(1200)],
            f"many {dtype} rewards",
        )
        yield responses(
            f"{dtype}, one prompt", (2 + drawn(7, 5000, scale=0.25)).to(kind), [1] * 5000, f"many {dtype} rewards"
        )
        for layout in ("strided", "column"):
            family = "tensors that are parts of larger ones"
            yield responses(
                f"{dtype}, {layout}",
                quarters(8, 7, dtype=dtype),
                prompts,
                family,
                layout={"r": layout, "prompt_ids": layout},
            )
    yield responses(
        "expanded",
        torch.full((4,), 1.5),
        (1, 1, 1, 1),
        "tensors that repeat one number",
        layout={"r": "expanded", "prompt_ids": "expanded"},
    )


FORM_OF_R = "float [responses], of the dtype of r."
CENTRED = {
    "value": "Each reward minus the mean of the rewards of the same prompt, and nothing else.",
    "type": "A tensor, float [responses], no list and no array.",
    "dtype": FORM_OF_R,
    "shape": FORM_OF_R,
    "changed": "Your function changes r: `r.clone()` first.",
    "shared": "Return a new tensor: `r.clone()` first.",
}

own_means = Cases(
    "centre_rewards",
    name="each_prompt_has_its_own_mean",
    promise="From each reward the mean of its own prompt's rewards is taken; the spread stays as it is.",
    points=2,
    reference=centred,
    pool=in_groups,
    mistakes=(
        Mistake("That is one mean for all: each prompt has its own.", less_one_mean),
        Mistake("Do not divide: the scale of the rewards is real, only their mean is free.", divided_by_the_spread),
        Mistake("Do not divide: the scale is real, only the mean is free.", divided_by_the_flat_spread),
        Mistake("The sign is turned: reward minus mean.", sign_turned),
        Mistake("You add the mean: subtract it.", plus_the_mean),
        Mistake("That is the mean itself; subtract it from each reward.", means_themselves),
        Mistake("You subtract the sum of the prompt's rewards: divide it by how many there are.", less_the_sum),
        Mistake("You subtract the first reward of the prompt: subtract the mean.", less_the_first),
        Mistake("You subtract the highest reward of the prompt: subtract the mean.", less_the_highest),
        Mistake("You subtract the median: subtract the mean.", less_the_median),
        Mistake("You subtract the mean of the other responses: the reward itself counts in it, too.", less_the_others),
    ),
    hints=CENTRED | {"one response a prompt": "The mean of one response is its reward: 0 is left."},
)
any_order = Cases(
    "centre_rewards",
    name="prompts_may_come_in_any_order",
    promise="Prompt ids may be any numbers, and responses of one prompt need not stand together; the order stays.",
    points=2,
    reference=centred,
    pool=in_any_order,
    mistakes=(
        Mistake("You return the rewards sorted by prompt: they stay in their places.", sorted_by_prompt),
        Mistake("Only neighbours are taken together: responses of one prompt may be far apart.", neighbours_only),
        Mistake("That is one mean for all: each prompt has its own.", less_one_mean),
    ),
    hints=CENTRED
    | {
        "value": "Each reward minus the mean of the rewards of the same prompt; ids are names, in any order.",
        "IndexError or RuntimeError or MemoryError": "Are ids places in a table there? They are names: they may "
        "be negative or very large. See `unique`.",
        "time": "Is there a loop or a table up to the largest id? Ids are names, and may be very large. See `unique`.",
        "large ids": "Ids are compared as int64: as float or int32, or modulo a number, large ones become equal.",
        "large and negative ids": "Ids are names: compare them as they are, int64, negative ones too.",
        "negative ids": "Ids are names, and may be negative: −1 and 1 are two prompts.",
    },
)
dtype_and_inputs_stay = Cases(
    "centre_rewards",
    name="dtype_and_rewards_stay",
    promise="Every float dtype is kept, its sums do not lose small parts, and a new tensor comes back; r stays.",
    points=1,
    reference=centred,
    pool=in_every_dtype,
    keeps_inputs=True,
    fresh=True,
    mistakes=(
        Mistake(
            "The sum is rounded at every step: add float16 and bfloat16 in float32, or take `mean`.",
            summed_in_its_dtype,
        ),
    ),
    hints=CENTRED,
)
