"""Inputs of lab 05's exercises, what is right for each, and the mistakes that are likely.

The references compute in float64, another way than the solution does, and return the dtype that was given. Tolerances
are a few units of the last digit of the numbers that go into a result, so that the order of operations is free.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace

import torch
import torch.nn.functional as F

from grader.checks import Case, Cases, Mistake

INF = math.inf
HALVES = (torch.float16, torch.bfloat16)
DTYPES = (*HALVES, torch.float32, torch.float64)
Four = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]


def within(dtype: torch.dtype, size: float) -> float:
    """The tolerance for a result in `dtype` that is put together of numbers up to `size`."""
    return 4 * torch.finfo(dtype).eps * size


def of_losses(dtype: torch.dtype, size: float) -> float:
    """The same for a loss: `F.softplus` leaves out e^−20, which is 2e-9, and is right."""
    return max(within(dtype, size), 4e-9)


def short(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def renamed(prefix: str, cases: Iterator[Case]) -> Iterator[Case]:
    """Cases of another pool, with names that clash with none."""
    return (replace(case, name=f"{prefix}: {case.name}") for case in cases)


# loss_against_u and dpo_gradient_weight --------------------------------------------------------------------------

SHAPES = ((), (1,), (2,), (3, 2), (1, 1, 4), (300,))
BETAS = (0.1, 0.5, 2.0)


def ratios(dtype: torch.dtype, shape: tuple[int, ...]) -> torch.Tensor:
    """Ratios from 1/20 to 20, all different, in no order."""
    count = math.prod(shape)
    places = (torch.arange(count, dtype=torch.float64) * 0.618034 + 0.15) % 1.0
    return (0.05 * 400**places).reshape(shape).to(dtype)


def of_ratios(name: str, u: torch.Tensor, beta: float, family: str, layout: str = "") -> Case:
    """A case of u and β; the loss is of the size of β log u, the weight of that of β."""
    log_u = u.double().log()
    size = 1.0 + beta * float(log_u[log_u.isfinite()].abs().max()) if log_u.isfinite().any() else 1.0
    return Case(
        f"{name}, β {beta}", args=(u, beta), family=family, layout={"u": layout} if layout else {},
        tolerance=of_losses(u.dtype, max(size, beta, 1.0)),
    )  # fmt: skip


def ordinary_ratios() -> Iterator[Case]:
    for beta in BETAS:
        for dtype in (torch.float32, torch.float64):
            for shape in SHAPES:
                yield of_ratios(f"{short(dtype)} {list(shape)}", ratios(dtype, shape), beta, "ordinary ratios")
    yield of_ratios("u is 1", torch.ones(3), 0.7, "ratios of 1")
    yield of_ratios("equal", torch.full((2, 3), 4.0, dtype=torch.float64), 0.5, "equal ratios")
    yield of_ratios("β is a whole number", ratios(torch.float64, (5,)), 3, "a β that is a whole number")
    yield of_ratios("small β", ratios(torch.float64, (5,)), 1e-6, "a very small β")


def extreme_ratios() -> Iterator[Case]:
    exponents = {torch.float16: 4, torch.bfloat16: 8, torch.float32: 30, torch.float64: 300}
    for dtype, top in exponents.items():
        far = torch.logspace(-top, top, 9, dtype=torch.float64).to(dtype)
        for beta in (0.5, 2.0) if dtype in HALVES else (0.5, 2.0, 40.0):
            yield of_ratios(f"{short(dtype)} far", far, beta, EXTREME)
        for beta in (0.5, 2.0):
            limits = torch.tensor([0.0, INF, 1.0, 0.0], dtype=dtype)
            yield of_ratios(f"{short(dtype)} limits", limits, beta, "u of 0 and inf")
        yield of_ratios(f"{short(dtype)} alone", torch.tensor(INF, dtype=dtype), 1.0, "u of 0 and inf")
    yield of_ratios("below one half", torch.tensor([0.0, 1e-8, 1e-4, 0.25], dtype=torch.float64), 30.0, EXTREME)
    yield of_ratios("above two", torch.tensor([INF, 1e8, 1e4, 4.0], dtype=torch.float64), 30.0, EXTREME)


def forms_of_ratios() -> Iterator[Case]:
    for dtype in DTYPES:
        for shape in SHAPES:
            yield of_ratios(f"{short(dtype)} {list(shape)}", ratios(dtype, shape), 0.5, f"a {short(dtype)} u")
        yield of_ratios(f"{short(dtype)} empty", torch.zeros(0, dtype=dtype), 0.5, "a u without elements")
        yield of_ratios(f"{short(dtype)} empty rows", torch.zeros(0, 3, dtype=dtype), 0.5, "a u without elements")
    for layout in ("transposed", "strided", "column"):
        yield of_ratios(layout, ratios(torch.float64, (3, 2)), 0.5, "a u that is a view", layout)
    yield of_ratios("expanded", torch.tensor([[0.3, 5.0]]).repeat(3, 1), 0.5, "a u that is a view", "expanded")


def forms_and_bad_betas() -> Iterator[Case]:
    yield from forms_of_ratios()
    for beta in (0.0, 0, -0.1, -3.0):
        for u in (ratios(torch.float32, (2,)), ratios(torch.float64, (3, 2)), torch.ones(()), torch.zeros(0)):
            yield Case(f"β {beta!r} {u.dtype} {list(u.shape)}", args=(u, beta), family="a β that is not above 0")


def reference_loss(u: torch.Tensor, beta: float) -> torch.Tensor:
    """log(e^0 + e^−z), z = β log u."""
    if not beta > 0:
        raise ValueError("beta")
    z = beta * u.double().log()
    return torch.logaddexp(torch.zeros_like(z), -z).to(u.dtype)


LOSS_MISTAKES = (
    Mistake(
        "Is the sign inside σ right? The loss must fall as u grows.", lambda u, beta: -F.logsigmoid(-beta * u.log())
    ),
    Mistake("β stands outside the logarithm: β log u, not log(βu).", lambda u, beta: -F.logsigmoid((beta * u).log())),
    Mistake("σ takes β log u, not βu: u is a ratio of probabilities.", lambda u, beta: -F.logsigmoid(beta * u)),
    Mistake("That is log σ; the loss is minus that, and never negative.", lambda u, beta: F.logsigmoid(beta * u.log())),
    Mistake(
        "That is the weight of the gradient; here the loss itself is asked for.",
        lambda u, beta: beta * torch.sigmoid(-beta * u.log()),
    ),
    Mistake("Did you take the mean? One loss for each u.", lambda u, beta: -F.logsigmoid(beta * u.log()).mean()),
    Mistake("Did you take the sum? One loss for each u.", lambda u, beta: -F.logsigmoid(beta * u.log()).sum()),
    Mistake("β is missing: it multiplies log u.", lambda u, beta: -F.logsigmoid(u.log())),
    Mistake(
        "β stands in σ, and only there: it does not multiply the loss.", lambda u, beta: -beta * F.logsigmoid(u.log())
    ),
    Mistake("The logarithm is the natural one, `torch.log`.", lambda u, beta: -F.logsigmoid(beta * u.log10())),
    Mistake("The logarithm is the natural one, `torch.log`.", lambda u, beta: -F.logsigmoid(beta * u.log2())),
    Mistake("That is σ without its logarithm: −log σ.", lambda u, beta: -torch.sigmoid(beta * u.log())),
)
EXTREME = "very small and very large ratios"
CUT_OFF = Mistake(
    "At very small or very large u a number has been cut off or added to: use neither a clamp nor an eps.",
    lambda u, beta: -F.logsigmoid(beta * (u + 1e-8).log()),
)

loss_is_minus_log_sigmoid = Cases(
    "loss_against_u",
    name="loss_is_minus_log_sigmoid",
    promise="The loss is −log σ(β log u), with β outside the logarithm.",
    points=1,
    reference=reference_loss,
    pool=ordinary_ratios,
    keeps_inputs=True,
    fresh=True,
    mistakes=LOSS_MISTAKES,
    hints={"shape": "One loss for each u, in the shape of u: no mean, no sum."},
)
loss_survives_extreme_ratios = Cases(
    "loss_against_u",
    name="loss_survives_extreme_ratios",
    promise="For very small and very large u the loss is finite and right; at the limits 0 and inf it is inf and 0.",
    points=1,
    reference=reference_loss,
    pool=extreme_ratios,
    keeps_inputs=True,
    fresh=True,
    mistakes=(CUT_OFF,),
    hints={
        EXTREME: (
            "There σ rounds to 0 or 1, powers of u and e^x overflow, and a clamp cuts off: use `F.logsigmoid` as it is."
        ),
        "u of 0 and inf": (
            "log 0 is −inf: the limits come out of `F.logsigmoid` by themselves, without a clamp or an eps."
        ),
    },
)
loss_refuses_beta_of_zero_and_keeps_dtype = Cases(
    "loss_against_u",
    name="loss_refuses_beta_of_zero_and_keeps_dtype",
    promise="A β that is not above 0 raises ValueError; shape and dtype are those of u; u is not changed.",
    points=1,
    reference=reference_loss,
    pool=forms_and_bad_betas,
    keeps_inputs=True,
    fresh=True,
    hints=dict.fromkeys(("no error", "other error"), "Raise ValueError unless β > 0."),
)


def weights_of_all_kinds() -> Iterator[Case]:
    yield from ordinary_ratios()
    for dtype in HALVES:
        for small in (1e-5, 6e-8, 2e-3):
            for beta in (0.1, 0.01):
                u = torch.tensor([small, 1 / small if dtype is torch.bfloat16 else 6e4, 1.0], dtype=dtype)
                yield of_ratios(f"{short(dtype)} far {small}", u, beta, "a u far from 1")
    yield from renamed("form", forms_of_ratios())


def reference_weight(u: torch.Tensor, beta: float) -> torch.Tensor:
    """β / (1 + e^z), z = β log u: an overflow of e^z gives the limit 0."""
    return (beta / (1 + (beta * u.double().log()).exp())).to(u.dtype)


weight_is_the_slope_in_log_u = Cases(
    "dpo_gradient_weight",
    name="weight_is_the_slope_in_log_u",
    promise="The weight is −d loss / d log u = β σ(−β log u), of the shape and the dtype of u; u is not changed.",
    points=2,
    reference=reference_weight,
    pool=weights_of_all_kinds,
    keeps_inputs=True,
    fresh=True,
    mistakes=(
        Mistake(
            "That is the slope in u. Take the slope in log u: the parameters move log-probabilities.",
            lambda u, beta: beta * torch.sigmoid(-beta * u.log()) / u,
        ),
        Mistake(
            "A minus is missing in σ: pairs that are in the right order must count less.",
            lambda u, beta: beta * torch.sigmoid(beta * u.log()),
        ),
        Mistake("The factor β in front is missing.", lambda u, beta: torch.sigmoid(-beta * u.log())),
        Mistake(
            "That is the slope itself, which is negative; the weight is minus that.",
            lambda u, beta: -beta * torch.sigmoid(-beta * u.log()),
        ),
        Mistake("β belongs inside σ as well: β σ(−β log u).", lambda u, beta: beta * torch.sigmoid(-u.log())),
        Mistake(
            "σ takes −β log u, not −βu: u is a ratio of probabilities.", lambda u, beta: beta * torch.sigmoid(-beta * u)
        ),
        Mistake("β is missing, in front of σ and in it.", lambda u, beta: torch.sigmoid(-u.log())),
        Mistake(
            "That is the loss; here the size of its slope is asked for.", lambda u, beta: -F.logsigmoid(beta * u.log())
        ),
        Mistake(
            "β stands outside the logarithm: not log(βu).", lambda u, beta: beta * torch.sigmoid(-(beta * u).log())
        ),
        Mistake("One weight for each u: no mean.", lambda u, beta: (beta * torch.sigmoid(-beta * u.log())).mean()),
    ),
)
weight_stays_between_zero_and_beta = Cases(
    "dpo_gradient_weight",
    name="weight_stays_between_zero_and_beta",
    promise="For u = 0 the weight is β, for u = inf it is 0, and nothing overflows in between.",
    points=1,
    reference=reference_weight,
    pool=extreme_ratios,
    keeps_inputs=True,
    fresh=True,
    mistakes=(
        Mistake(
            "inf / inf is not a number: do not divide two powers of u; use log u and sigmoid.",
            lambda u, beta: beta * u**-beta / (1 + u**-beta),
        ),
        Mistake(
            "At u = 0 or inf something is cut off or added to: no clamp and no eps, the limits come out by themselves.",
            lambda u, beta: beta * torch.sigmoid(-beta * (u + 1e-8).log()),
        ),
    ),
    hints={
        EXTREME: "There powers of u and e^x overflow, and a clamp cuts off: use `torch.sigmoid` of −β log u as it is.",
        "u of 0 and inf": "log 0 is −inf and σ(−inf) is 0: the limits come out by themselves, without a division by u.",
    },
)


# sequence_logprob ------------------------------------------------------------------------------------------------


def texts(
    prompts: list[int], responses: list[int], length: int, vocab: int, eos_everywhere: bool
) -> tuple[torch.Tensor, ...]:
    """(ids, attention_mask, prompt_lengths) of rows with so many tokens of prompt and of response; the EOS is id 0."""
    ids = torch.zeros(len(prompts), length, dtype=torch.int64)
    mask = torch.zeros_like(ids)
    for row, (prompt, response) in enumerate(zip(prompts, responses, strict=True)):
        end = prompt + response
        for place in range(end):
            ids[row, place] = (
                (3 * place + 5 * row + place * row) % vocab
                if eos_everywhere
                else (1 + (3 * place + 5 * row) % (vocab - 1))
            )
        if eos_everywhere:
            ids[row, 0] = ids[row, end - 1] = 0
        mask[row, :end] = 1
    return ids, mask, torch.tensor(prompts)


def some_logits(shape: tuple[int, ...], dtype: torch.dtype, scale: float = 3.0, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (torch.randn(shape, generator=generator, dtype=torch.float64) * scale).to(dtype)


def of_texts(
    name: str, logits: torch.Tensor, rows: tuple[torch.Tensor, ...], family: str, layout: dict[str, str] | None = None
) -> Case:
    """A case whose tolerance follows the sum of the log-probs and of the logits that count, and how many they are."""
    ids, mask, prompts = rows
    counts = counted(mask, prompts)
    largest = logits[:, :-1].double().nan_to_num(0, 0, 0).abs().amax(-1)
    sizes = (picked(logits, ids).nan_to_num(0, 0, 0).abs() + largest).masked_fill(~counts, 0.0)
    size = (1 + float(sizes.sum(-1).max())) * max(1.0, float(counts.sum(-1).max()) / 4)
    return Case(
        name, args=(logits, ids, mask, prompts), family=family, layout=layout or {},
        tolerance=within(logits.dtype, size),
    )  # fmt: skip


def picked(logits: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    """Log-prob of each token after the first, [batch, length − 1]."""
    wide = logits[:, :-1].double()
    chosen = torch.take_along_dim(wide, ids[:, 1:, None], dim=-1).squeeze(-1)
    return chosen - wide.logsumexp(-1)


def counted(mask: torch.Tensor, prompts: torch.Tensor) -> torch.Tensor:
    """Which tokens after the first are response, [batch, length − 1]."""
    return (mask[:, 1:] == 1) & (torch.arange(1, mask.shape[1]) >= prompts[:, None])


def reference_logprob(
    logits: torch.Tensor, ids: torch.Tensor, attention_mask: torch.Tensor, prompt_lengths: torch.Tensor
) -> torch.Tensor:
    """Row by row, in float64; spoilt places have no part in it."""
    totals = []
    for row in range(len(ids)):
        places = torch.arange(int(prompt_lengths[row]), int(attention_mask[row].sum()))
        log_probs = F.log_softmax(logits[row, places - 1].double(), dim=-1)
        totals.append(log_probs[torch.arange(len(places)), ids[row, places]].sum())
    return torch.stack(totals).to(logits.dtype)


FULL = {  # no padding; those that tell most come first
    "five rows": ([1, 2, 3, 4, 5], [5, 4, 3, 2, 1]),
    "three rows": ([2, 1, 4], [4, 5, 2]),
    "two rows": ([1, 3], [4, 2]),
    "one row": ([2], [3]),
    "one token each": ([1], [1]),
    "three rows of two": ([1, 1, 1], [1, 1, 1]),
}
PADDED = {
    "four rows": ([2, 3, 4, 2], [3, 3, 4, 1]),
    "three rows": ([2, 3, 1], [3, 1, 5]),
    "one row": ([2], [3]),
    "one row is full": ([1, 4, 2], [2, 4, 1]),
    "two rows of three": ([1, 1], [1, 2]),
    "long prompts": ([5, 2], [1, 2]),
}


def full_texts() -> Iterator[Case]:
    for name, (prompts, responses) in FULL.items():
        length = prompts[0] + responses[0]
        for dtype in (torch.float64, torch.float32):
            for vocab in (9, 2):
                rows = texts(prompts, responses, length, vocab, eos_everywhere=False)
                logits = some_logits((len(prompts), length, vocab), dtype)
                yield of_texts(f"{name}, {short(dtype)}, {vocab}", logits, rows, "rows without padding")
    rows = texts([20, 3], [280, 297], 300, 11, eos_everywhere=False)
    yield of_texts("long", some_logits((2, 300, 11), torch.float64), rows, "long rows")
    rows = texts([2, 1, 3], [3, 4, 2], 5, 300, eos_everywhere=False)
    yield of_texts("many words", some_logits((3, 5, 300), torch.float32), rows, "a large vocabulary")
    rows = texts([2, 1, 3], [3, 4, 2], 5, 7, eos_everywhere=False)
    for scale in (1e-6, 1.0, 30.0):
        logits = some_logits((3, 5, 7), torch.float64, scale)
        yield of_texts(f"scale {scale}", logits, rows, "logits of another scale")
        yield of_texts(f"shift {scale}", logits + 1000, rows, "logits that are all large")


def padded_texts() -> Iterator[Case]:
    for name, (prompts, responses) in PADDED.items():
        longest = max(p + r for p, r in zip(prompts, responses, strict=True))
        for dtype in (torch.float64, torch.float32):
            for more in (1, 3, 0):
                rows = texts(prompts, responses, longest + more, 9, eos_everywhere=True)
                logits = some_logits((len(prompts), longest + more, 9), dtype, seed=more)
                yield of_texts(f"{name}, {short(dtype)}, {more} more", logits, rows, "rows with padding")
    ids, mask, prompts = texts([2, 2, 1], [3, 2, 1], 7, 5, eos_everywhere=True)
    ids[:, 2] = 0  # the response begins with an EOS
    yield of_texts(
        "EOS first", some_logits((3, 7, 5), torch.float64), (ids, mask, prompts), "a response that begins with EOS"
    )
    all_eos = (torch.zeros_like(ids), mask, prompts)
    yield of_texts("all EOS", some_logits((3, 7, 5), torch.float64), all_eos, "rows of EOS only")
    cut_off = ids.masked_fill(mask == 1, 3)
    yield of_texts("cut off", some_logits((3, 7, 5), torch.float64), (cut_off, mask, prompts), "responses without EOS")
    turned = tuple(part.flip(0) for part in (ids, mask, prompts))
    yield of_texts("turned", some_logits((3, 7, 5), torch.float64).flip(0), turned, "rows with padding")


def spoilt_texts() -> Iterator[Case]:
    for name, (prompts, responses) in PADDED.items():
        longest = max(p + r for p, r in zip(prompts, responses, strict=True))
        rows = texts(prompts, responses, longest + 2, 9, eos_everywhere=True)
        for dtype in (torch.float64, torch.float32):
            for filling in (math.nan, -INF, INF, -1e30, 1e30):
                logits = some_logits((len(prompts), longest + 2, 9), dtype)
                spoilt = logits.masked_fill((rows[1] == 0)[..., None], filling)
                family = (
                    "padded places with numbers of any size"
                    if math.isfinite(filling)
                    else "padded places with inf or nan"
                )
                yield of_texts(f"{name}, {short(dtype)}, {filling}", spoilt, rows, family)


def odd_texts() -> Iterator[Case]:
    rows = texts([2, 1, 3], [3, 2, 1], 6, 7, eos_everywhere=True)
    ids = rows[0]
    for dtype in DTYPES:
        logits = some_logits((3, 6, 7), dtype)
        family = f"{short(dtype)} logits"
        yield of_texts(short(dtype), logits, rows, family)
        yield of_texts(f"{short(dtype)} one row", logits[:1], tuple(part[:1] for part in rows), family)
        impossible = logits.clone()
        impossible[0, 2, ids[0, 3]] = -INF
        yield of_texts(f"{short(dtype)} impossible", impossible, rows, "a token that is impossible")
        others = logits.clone()
        others[1, :, 6] = -INF
        others[0, 0, ids[0, 1]] = -INF  # a token of the prompt
        yield of_texts(
            f"{short(dtype)} other impossible", others, rows, "impossible tokens that the response does not hold"
        )
        far = some_logits((3, 6, 7), dtype, 80.0 if dtype in HALVES else 400.0)
        yield of_texts(f"{short(dtype)} far", far, rows, "logits that lie far apart")
        turned = tuple(part.flip(0) for part in rows)
        yield of_texts(f"{short(dtype)} far, turned", far.flip(0), turned, "logits that lie far apart")
        yield of_texts(f"{short(dtype)} farther", 2 * far, rows, "logits that lie far apart")
        yield of_texts(
            f"{short(dtype)} far, one row", far[1:2], tuple(part[1:2] for part in rows), "logits that lie far apart"
        )
    certain = torch.full((1, 4, 3), -INF)
    certain[..., 1] = 0.0
    yield of_texts("certain", certain, texts([1], [3], 4, 2, eos_everywhere=False), "a response that is certain")
    wide = some_logits((3, 6, 7), torch.float64)
    for layout in ("transposed", "strided", "column"):
        yield of_texts(f"logits {layout}", wide, rows, "logits that are a view", {"logits": layout})
        yield of_texts(
            f"ids {layout}", wide, rows, "ids and mask that are views", {"ids": layout, "attention_mask": layout}
        )
    same = tuple(part[:1].repeat(3, *[1] * (part.dim() - 1)) for part in rows)
    yield of_texts(
        "ids expanded", wide, same, "ids and mask that are views", {"ids": "expanded", "attention_mask": "expanded"}
    )


def summed(
    log_probs: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] = picked,
    counts: Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor] = lambda ids, mask, prompts: counted(
        mask, prompts
    ),
    last: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] = lambda kept, counts: kept.sum(-1),
) -> Callable[[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]:
    """An answer that goes wrong in one of its three steps: looking up, choosing what counts, adding up."""

    def answer(
        logits: torch.Tensor, ids: torch.Tensor, attention_mask: torch.Tensor, prompt_lengths: torch.Tensor
    ) -> torch.Tensor:
        response = counts(ids, attention_mask, prompt_lengths)
        kept = log_probs(logits, ids).masked_fill(~response, 0.0)
        return last(kept, response).to(logits.dtype)

    return answer


def place(ids: torch.Tensor) -> torch.Tensor:
    """The places of all tokens but the first."""
    return torch.arange(1, ids.shape[1])


MEAN = Mistake(
    "Mean instead of sum: the probability of a text is a product over all its tokens.",
    summed(last=lambda kept, counts: kept.sum(-1) / counts.sum(-1)),
)
SHIFT_MISTAKES = (
    Mistake(
        "The shift is missing: the logits at place t speak about the token at t + 1.",
        summed(
            lambda logits, ids: torch.take_along_dim(logits[:, 1:].log_softmax(-1), ids[:, 1:, None], -1).squeeze(-1)
        ),
    ),
    MEAN,
    Mistake(
        "You count the prompt as well: only the response is asked for.",
        summed(counts=lambda ids, mask, prompts: mask[:, 1:] == 1),
    ),
    Mistake(
        "The mask is not shifted with the tokens: you lose the first token of the response.",
        summed(counts=lambda ids, mask, prompts: (mask[:, 1:] == 1) & (place(ids) > prompts[:, None])),
    ),
    Mistake(
        "The mask is not shifted with the tokens: the last token of the prompt counts too.",
        summed(counts=lambda ids, mask, prompts: (mask[:, 1:] == 1) & (place(ids) >= prompts[:, None] - 1)),
    ),
    Mistake(
        "Logits are no log-probabilities: `log_softmax` first.",
        summed(lambda logits, ids: torch.take_along_dim(logits[:, :-1], ids[:, 1:, None], -1).squeeze(-1)),
    ),
    Mistake(
        "These are probabilities: take their logarithm before you add.",
        summed(lambda logits, ids: picked(logits, ids).exp()),
    ),
    Mistake("The sign is turned: a log-probability is never above 0.", summed(last=lambda kept, counts: -kept.sum(-1))),
    Mistake("One number for each row: do not sum over the batch.", summed(last=lambda kept, counts: kept.sum())),
    Mistake(
        "One number for each row: take no mean over the batch.", summed(last=lambda kept, counts: kept.sum(-1).mean())
    ),
    Mistake(
        "Each row has its own prompt: you use the first row's length for all.",
        summed(counts=lambda ids, mask, prompts: counted(mask, prompts[:1].expand_as(prompts))),
    ),
    Mistake(
        "The last token of the response is lost; it counts.",
        summed(
            counts=lambda ids, mask, prompts: counted(mask, prompts) & (place(ids) < mask.sum(-1, keepdim=True) - 1)
        ),
    ),
)
MASK_MISTAKES = (
    Mistake(
        "You drop every EOS. The one that ends the response counts: ask the attention mask, not the ids.",
        summed(counts=lambda ids, mask, prompts: (place(ids) >= prompts[:, None]) & (ids[:, 1:] != 0)),
    ),
    Mistake(
        "Padding counts in your sum: use the attention mask.",
        summed(counts=lambda ids, mask, prompts: place(ids) >= prompts[:, None]),
    ),
    Mistake(
        "The last token of the response is lost. It may be an EOS, and it counts.",
        summed(
            counts=lambda ids, mask, prompts: counted(mask, prompts) & (place(ids) < mask.sum(-1, keepdim=True) - 1)
        ),
    ),
    Mistake(
        "The first pad counts in your sum: shift the attention mask like the ids.",
        summed(counts=lambda ids, mask, prompts: (mask[:, :-1] == 1) & (place(ids) >= prompts[:, None])),
    ),
    Mistake(
        "You stop at the first EOS of the response, or behind it. Which EOS is the last, only the attention "
        "mask knows.",
        summed(counts=lambda ids, mask, prompts: counted(mask, prompts) & until_eos(ids, prompts)),
    ),
    MEAN,
)


def until_eos(ids: torch.Tensor, prompts: torch.Tensor) -> torch.Tensor:
    """Places of the response up to its first EOS, that one included."""
    ends = (ids[:, 1:] == 0) & (place(ids) >= prompts[:, None])
    return ends.long().cumsum(-1) - ends.long() == 0


sums_the_response_after_the_shift = Cases(
    "sequence_logprob",
    name="sums_the_response_after_the_shift",
    promise="The log-probs of the response's tokens are summed, each taken from the logits one place before it.",
    points=2,
    reference=reference_logprob,
    pool=full_texts,
    gradient=("logits",),
    keeps_inputs=True,
    fresh=True,
    mistakes=SHIFT_MISTAKES,
    hints={"shape": "One number for each row: do not sum over the batch, and take no mean over it."},
)
the_real_eos_counts_and_padding_does_not = Cases(
    "sequence_logprob",
    name="the_real_eos_counts_and_padding_does_not",
    promise="The response's own EOS counts, padding does not, though both have the same id.",
    points=2,
    reference=reference_logprob,
    pool=padded_texts,
    gradient=("logits",),
    keeps_inputs=True,
    fresh=True,
    mistakes=MASK_MISTAKES,
)
what_stands_at_padding_is_ignored = Cases(
    "sequence_logprob",
    name="what_stands_at_padding_is_ignored",
    promise="Logits at padded places may be −inf or nan, and the answer is still a number.",
    points=1,
    reference=reference_logprob,
    pool=spoilt_texts,
    keeps_inputs=True,
    fresh=True,
    mistakes=MASK_MISTAKES[2:4],
    hints={
        "nan": (
            "What stands at padding has come into your sum: leave those places out (`masked_fill`, `where`, a slice). "
            "A product does not: 0 times inf or nan is nan."
        )
    },
)
forbidden_tokens_give_minus_infinity = Cases(
    "sequence_logprob",
    name="forbidden_tokens_give_minus_infinity",
    promise=(
        "A response with an impossible token has −inf, an improbable one a number; dtype and arguments "
        "stay as they are."
    ),
    points=1,
    reference=reference_logprob,
    pool=odd_texts,
    gradient=("logits",),
    keeps_inputs=True,
    fresh=True,
    mistakes=(
        Mistake(
            "An impossible token makes the whole response impossible: log 0 = −inf. Add nothing inside the logarithm.",
            summed(
                lambda logits, ids: torch.take_along_dim(
                    (logits[:, :-1].softmax(-1) + 1e-8).log(), ids[:, 1:, None], -1
                ).squeeze(-1)
            ),
        ),
        Mistake(
            "A small probability has rounded to 0: use `log_softmax(x)`, not `log(softmax(x))`.",
            summed(
                lambda logits, ids: torch.take_along_dim(
                    logits[:, :-1].softmax(-1).log(), ids[:, 1:, None], -1
                ).squeeze(-1)
            ),
        ),
        Mistake(
            "An impossible token is left out of your sum: its −inf belongs there, and makes the response impossible.",
            summed(lambda logits, ids: picked(logits, ids).nan_to_num(neginf=0.0)),
        ),
    ),
    hints={
        "a token that is impossible": (
            "log 0 = −inf makes the whole response impossible: add, clamp and replace nothing."
        ),
        "logits that lie far apart": (
            "A small probability rounds to 0: `log_softmax(x)`, not `log(softmax(x))`, row by row."
        ),
    },
)

# implicit_reward -------------------------------------------------------------------------------------------------


def of_log_probs(
    name: str, policy: torch.Tensor, ref: torch.Tensor, beta: float, family: str, layout: str = ""
) -> Case:
    size = beta * max(float(policy.abs().max()), float(ref.abs().max()))
    return Case(
        f"{name}, β {beta}", args=(policy, ref, beta), family=family, tolerance=within(policy.dtype, size),
        layout={"policy_logps": layout, "ref_logps": layout} if layout else {},
    )  # fmt: skip


def log_probs(dtype: torch.dtype, count: int, seed: int, scale: float = 16.0) -> torch.Tensor:
    """Log-probs from −scale to 0, in steps of scale/64: half-precision numbers carry them and their differences."""
    generator = torch.Generator().manual_seed(seed)
    return (-torch.randint(0, 65, (count,), generator=generator).double() * scale / 64).to(dtype)


def ordinary_log_probs() -> Iterator[Case]:
    for dtype in DTYPES:
        for count in (1, 2, 3, 300):
            for beta in BETAS:
                policy, ref = log_probs(dtype, count, 1), log_probs(dtype, count, 2)
                yield of_log_probs(f"{short(dtype)} {count}", policy, ref, beta, f"{short(dtype)} log-probs")
    policy, ref = log_probs(torch.float64, 5, 3), log_probs(torch.float64, 5, 4)
    for scale in (1e-6, 1e-3, 1e3):
        yield of_log_probs(f"scale {scale}", policy * scale, ref * scale, 0.5, "log-probs of another size")
    yield of_log_probs("swapped", ref, policy, 0.5, "ordinary log-probs")
    yield of_log_probs("zero", policy, torch.zeros(5, dtype=torch.float64), 1.0, "a reference that is certain")
    yield of_log_probs("certain", torch.zeros(5, dtype=torch.float64), ref, 1.0, "a policy that is certain")
    yield of_log_probs("whole β", policy, ref, 2, "a β that is a whole number")
    for layout in ("strided", "column"):
        yield of_log_probs(layout, policy, ref, 0.5, "log-probs that are views", layout)
    yield of_log_probs("expanded", policy[:1].repeat(4), ref[:1].repeat(4), 0.5, "log-probs that are views", "expanded")


def long_texts() -> Iterator[Case]:
    for dtype in DTYPES:
        policy = torch.tensor([-2000.0, -1500.0, -900.0, -2000.0, -3.0, -2000.0], dtype=dtype)
        ref = torch.tensor([-2008.0, -1504.0, -896.0, -1500.0, -600.0, -2.0], dtype=dtype)
        for beta in BETAS:
            yield of_log_probs(f"{short(dtype)}", policy, ref, beta, "long texts")
            yield of_log_probs(f"{short(dtype)} one", policy[1:2], ref[1:2], beta, "long texts")
            for size in (-2000.0, -16.0):
                same = torch.full((3,), size, dtype=dtype)
                yield replace(
                    of_log_probs(
                        f"{short(dtype)} same {size}", same, same.clone(), beta, "a policy that equals its reference"
                    ),
                    tolerance=0.0,
                )
        near = torch.tensor([-2000.0, -1001.0, -517.0], dtype=dtype)
        for beta in (0.1, 0.3):
            yield of_log_probs(
                f"{short(dtype)} near", near, near - 1, beta, "long texts that the reference likes as much"
            )
        gap = torch.tensor([-100.0, -200.0, -9.0], dtype=dtype)
        for beta in BETAS:
            yield of_log_probs(f"{short(dtype)} gap", gap, gap.flip(0), beta, "long texts")
            yield of_log_probs(f"{short(dtype)} gap, roll", gap.roll(1), gap, beta, "long texts")


def reference_reward(policy_logps: torch.Tensor, ref_logps: torch.Tensor, beta: float) -> torch.Tensor:
    """(log π_ref − log π) times −β."""
    return ((ref_logps.double() - policy_logps.double()) * -beta + 0.0).to(policy_logps.dtype)


reward_is_beta_times_the_log_ratio = Cases(
    "implicit_reward",
    name="reward_is_beta_times_the_log_ratio",
    promise="The implicit reward is β (log π − log π_ref), one for each response, of their dtype.",
    points=2,
    reference=reference_reward,
    pool=ordinary_log_probs,
    keeps_inputs=True,
    fresh=True,
    hints={"shape": "One reward for each response: no mean, no sum."},
    mistakes=(
        Mistake(
            "The sign is turned: policy minus reference. A text that became likelier has a positive reward.",
            lambda policy_logps, ref_logps, beta: beta * (ref_logps - policy_logps),
        ),
        Mistake("β is missing.", lambda policy_logps, ref_logps, beta: policy_logps - ref_logps),
        Mistake(
            "Multiply by β; dividing is the other direction, from a reward to a policy.",
            lambda policy_logps, ref_logps, beta: (policy_logps - ref_logps) / beta,
        ),
        Mistake(
            "That is the ratio of probabilities; the reward is its logarithm times β.",
            lambda policy_logps, ref_logps, beta: beta * (policy_logps - ref_logps).exp(),
        ),
        Mistake(
            "One reward for each response: no mean.",
            lambda policy_logps, ref_logps, beta: (beta * (policy_logps - ref_logps)).mean(),
        ),
        Mistake(
            "One reward for each response: no sum.",
            lambda policy_logps, ref_logps, beta: (beta * (policy_logps - ref_logps)).sum(),
        ),
        Mistake(
            "β multiplies both log-probs: put the difference in brackets.",
            lambda policy_logps, ref_logps, beta: beta * policy_logps - ref_logps,
        ),
        Mistake(
            "The reference is added; a ratio's logarithm is a difference.",
            lambda policy_logps, ref_logps, beta: beta * (policy_logps + ref_logps),
        ),
        Mistake("The reference is missing.", lambda policy_logps, ref_logps, beta: beta * policy_logps),
        Mistake(
            "The arguments are logarithms already: do not take another one.",
            lambda policy_logps, ref_logps, beta: beta * (policy_logps / ref_logps).log(),
        ),
        Mistake(
            "A quotient of logarithms is no logarithm of a quotient: subtract.",
            lambda policy_logps, ref_logps, beta: beta * policy_logps / ref_logps,
        ),
    ),
)
reward_of_long_texts_is_finite = Cases(
    "implicit_reward",
    name="reward_of_long_texts_is_finite",
    promise="Log-probs of −2000 and texts hundreds of nats apart give exact rewards, and the reference itself gets 0.",
    points=1,
    reference=reference_reward,
    pool=long_texts,
    keeps_inputs=True,
    fresh=True,
    mistakes=(
        Mistake(
            "e^−2000 is 0 in floating point: subtract the log-probs, do not leave the logarithm.",
            lambda policy_logps, ref_logps, beta: beta * (policy_logps.exp() / ref_logps.exp()).log(),
        ),
        Mistake(
            "e to a difference of hundreds is inf or 0: subtract the log-probs, do not leave the logarithm.",
            lambda policy_logps, ref_logps, beta: beta * (policy_logps - ref_logps).exp().log(),
        ),
        Mistake(
            "e to a difference of hundreds is inf or 0: a power of the ratio too.",
            lambda policy_logps, ref_logps, beta: ((policy_logps - ref_logps).exp() ** beta).log(),
        ),
    ),
    hints={
        "long texts": (
            "e to a number of hundreds is 0 or inf, and a clamp cuts off: subtract the log-probs, and leave it so."
        ),
        "nan": "e^−2000 is 0 in floating point, and 0/0 is nan: subtract the log-probs, do not leave the logarithm.",
    },
)


# dpo_loss --------------------------------------------------------------------------------------------------------


def four(dtype: torch.dtype, count: int, seed: int = 0, scale: float = 16.0) -> Four:
    """Log-probs of chosen and rejected responses, under the policy and under the reference."""
    a, b, c, d = (log_probs(dtype, count, 10 * seed + k, scale) for k in range(4))
    return a, b, c, d


def of_pairs(name: str, pairs: Four, rest: tuple[object, ...], family: str, layout: str = "") -> Case:
    """A case of four log-probs, β and what follows; the tolerance is that of β times the largest log-prob."""
    beta = float(rest[0])  # type: ignore[arg-type]
    size = 1.0 + beta * max(float(part.abs().max()) for part in pairs)
    names = ("policy_chosen", "policy_rejected", "ref_chosen", "ref_rejected")
    return Case(
        f"{name}, {', '.join(map(str, rest))}", args=(*pairs, *rest), family=family,
        layout=dict.fromkeys(names, layout) if layout else {}, tolerance=of_losses(pairs[0].dtype, size),
    )  # fmt: skip


def ordinary_pairs() -> Iterator[Case]:
    for dtype in (torch.float64, torch.float32):
        for count in (7, 3, 2, 1, 300):
            for beta in BETAS:
                yield of_pairs(f"{short(dtype)} {count}", four(dtype, count), (beta,), "ordinary pairs")
    pairs = four(torch.float64, 5, 1)
    for scale in (0.7, 1e-6, 1e-3, 10.0):
        yield of_pairs(f"scale {scale}", tuple(part * scale for part in pairs), (0.5,), "log-probs of another size")  # type: ignore[arg-type]
    yield of_pairs("whole β", pairs, (1,), "a β that is a whole number")
    yield of_pairs("turned", (pairs[1], pairs[0], pairs[3], pairs[2]), (0.5,), "ordinary pairs")
    yield of_pairs("rows turned", tuple(part.flip(0) for part in pairs), (0.5,), "ordinary pairs")  # type: ignore[arg-type]
    for smoothing in (0.0, 0):
        yield of_pairs("no smoothing", pairs, (0.5, smoothing), "a label smoothing of 0")


def equal_pairs() -> Iterator[Case]:
    for dtype in DTYPES:
        for count in (1, 3):
            policy = four(dtype, count, 2)
            same: Four = (policy[0], policy[1], policy[0].clone(), policy[1].clone())
            for beta in (0.1, 5.0):
                for smoothing in (0.0, 0.2, 0.5):
                    yield of_pairs(
                        f"{short(dtype)} {count}", same, (beta, smoothing), "a policy that equals its reference"
                    )
            tied: Four = (policy[0], policy[0].clone(), policy[1], policy[1].clone())
            yield of_pairs(f"{short(dtype)} {count} tied", tied, (0.3,), "chosen and rejected that are equally likely")
            for smoothing in (0.0, 0.3):
                yield of_pairs(f"{short(dtype)} {count} no β", policy, (0.0, smoothing), "a β of 0")
    long = tuple(torch.full((2,), size, dtype=torch.float64) for size in (-2000.0, -1.0, -2000.0, -1.0))
    yield of_pairs("long", long, (0.5,), "long texts under a policy that equals its reference")  # type: ignore[arg-type]


def smoothed_pairs() -> Iterator[Case]:
    for dtype in reversed(DTYPES):
        for count in (3, 2, 1, 300):
            for smoothing in (0.1, 0.3, 0.5):
                for beta in (0.1, 0.5):
                    yield of_pairs(
                        f"{short(dtype)} {count}", four(dtype, count), (beta, smoothing), "a label smoothing above 0"
                    )
    pairs = four(torch.float64, 5, 3)
    for smoothing in (1e-6, 0.499, 0.25):
        yield of_pairs("smoothed", pairs, (0.7, smoothing), "a label smoothing above 0")


FAR = "pairs that are very far apart"


def far_pairs() -> Iterator[Case]:
    columns = (
        (-1e4, 0.0, -800.0, 0.0, -50.0, -20.0),
        (0.0, -1e4, 0.0, -40.0, 0.0, 0.0),
        (0.0, 0.0, -1.0, 0.0, 0.0, 0.0),
        (0.0,) * 6,
    )
    for dtype in (torch.float32, torch.float64):
        pairs: Four = tuple(torch.tensor(part, dtype=dtype) for part in columns)  # type: ignore[assignment]
        for beta, smoothing in ((1.0, 0.0), (0.5, 0.1), (1.0, 0.5), (0.1, 0.0)):
            yield of_pairs(short(dtype), pairs, (beta, smoothing), FAR)
        for row in (0, 1, 2, 4, 5):
            one: Four = tuple(part[row : row + 1] for part in pairs)  # type: ignore[assignment]
            yield of_pairs(f"{short(dtype)} row {row}", one, (1.0, 0.0), FAR)
            back: Four = (one[2], one[3], one[0], one[1])
            yield of_pairs(f"{short(dtype)} row {row} of the reference", back, (1.0, 0.1), FAR)
        long: Four = tuple(part - 2000.0 for part in four(dtype, 4, 4))  # type: ignore[assignment]
        yield of_pairs(f"{short(dtype)} long", long, (0.1,), "long texts")
    for dtype in HALVES:
        halves: Four = tuple(
            torch.tensor(part, dtype=dtype) for part in ((-512.0, 0.0), (0.0, -512.0), (0.0, 0.0), (0.0, 0.0))
        )  # type: ignore[assignment]
        yield of_pairs(short(dtype), halves, (0.5, 0.0), FAR)


def forms_of_pairs() -> Iterator[Case]:
    for dtype in DTYPES:
        for count in (1, 2, 3, 300):
            yield of_pairs(f"{short(dtype)} {count}", four(dtype, count, 5), (0.5,), f"{short(dtype)} log-probs")
    for layout in ("strided", "column"):
        yield of_pairs(layout, four(torch.float32, 4, 6), (0.5, 0.1), "log-probs that are views", layout)
    same: Four = tuple(part[:1].repeat(4) for part in four(torch.float64, 1, 7))  # type: ignore[assignment]
    yield of_pairs("expanded", same, (0.5,), "log-probs that are views", "expanded")


def forms_and_bad_smoothing() -> Iterator[Case]:
    yield from forms_of_pairs()
    for smoothing in (-0.1, -1e-6, 0.5000001, 0.6, 1.0, 1, -1, 2.0):
        for count in (1, 3):
            args = (*four(torch.float32, count), 0.1, smoothing)
            yield Case(f"ε {smoothing!r}, {count}", args=args, family="a label smoothing outside [0, 0.5]")


def reference_dpo(
    policy_chosen: torch.Tensor, policy_rejected: torch.Tensor, ref_chosen: torch.Tensor, ref_rejected: torch.Tensor,
    beta: float, label_smoothing: float = 0.0,
) -> torch.Tensor:  # fmt: skip
    """(1 − η) log(1 + e^−z) + η log(1 + e^z), z the difference of the two implicit rewards."""
    if label_smoothing < 0 or label_smoothing > 0.5:
        raise ValueError("label_smoothing")
    chosen, rejected = policy_chosen.double() - ref_chosen.double(), policy_rejected.double() - ref_rejected.double()
    z = beta * chosen - beta * rejected
    zero = torch.zeros_like(z)
    mixed = (1 - label_smoothing) * torch.logaddexp(zero, -z) + label_smoothing * torch.logaddexp(zero, z)
    return mixed.to(policy_chosen.dtype)


Answer = Callable[..., torch.Tensor]


def of_z(loss: Callable[[torch.Tensor, float], torch.Tensor], z: Callable[..., torch.Tensor] | None = None) -> Answer:
    """An answer that makes `loss` of z = β log u and η; `z` is another z, of the log-probs and β."""

    def right_z(pc: torch.Tensor, pr: torch.Tensor, rc: torch.Tensor, rr: torch.Tensor, beta: float) -> torch.Tensor:
        return beta * ((pc - pr) - (rc - rr))

    def answer(
        policy_chosen: torch.Tensor, policy_rejected: torch.Tensor, ref_chosen: torch.Tensor,
        ref_rejected: torch.Tensor, beta: float, label_smoothing: float = 0.0,
    ) -> torch.Tensor:  # fmt: skip
        parts = (policy_chosen, policy_rejected, ref_chosen, ref_rejected)
        return loss((z or right_z)(*parts, beta), label_smoothing)

    return answer


def mixed(z: torch.Tensor, smoothing: float) -> torch.Tensor:
    return -(1 - smoothing) * F.logsigmoid(z) - smoothing * F.logsigmoid(-z)


DPO_MISTAKES = (
    Mistake(
        "The reference's difference is subtracted, not added.",
        of_z(mixed, lambda pc, pr, rc, rr, beta: beta * ((pc - pr) + (rc - rr))),
    ),
    Mistake("Chosen and rejected have changed places.", of_z(lambda z, e: mixed(-z, e))),
    Mistake(
        "The reference is missing: log u compares policy *and* reference.",
        of_z(mixed, lambda pc, pr, rc, rr, beta: beta * (pc - pr)),
    ),
    Mistake("Where is β? It multiplies log u.", of_z(mixed, lambda pc, pr, rc, rr, beta: (pc - pr) - (rc - rr))),
    Mistake(
        "Multiply log u by β, do not divide.", of_z(mixed, lambda pc, pr, rc, rr, beta: ((pc - pr) - (rc - rr)) / beta)
    ),
    Mistake(
        "β multiplies the reference's difference too.",
        of_z(mixed, lambda pc, pr, rc, rr, beta: beta * (pc - pr) - (rc - rr)),
    ),
    Mistake("One loss for each pair: no mean.", of_z(lambda z, e: mixed(z, e).mean())),
    Mistake("One loss for each pair: no sum.", of_z(lambda z, e: mixed(z, e).sum())),
    Mistake("That is log σ; the loss is minus that.", of_z(lambda z, e: -mixed(z, e))),
    Mistake("That is σ without its logarithm.", of_z(lambda z, e: -torch.sigmoid(z))),
    Mistake(
        "You use u where log u belongs: do not leave the logarithm.",
        of_z(mixed, lambda pc, pr, rc, rr, beta: beta * ((pc - pr) - (rc - rr)).exp()),
    ),
    Mistake(
        "A bracket is missing: the reference's rejected log-prob has a plus in log u.",
        of_z(mixed, lambda pc, pr, rc, rr, beta: beta * (pc - pr - rc - rr)),
    ),
    Mistake("That is the margin β log u; the loss is −log σ of it.", of_z(lambda z, e: z)),
    Mistake(
        "That is IPO's loss, of section 12.",
        of_z(lambda z, e: z, lambda pc, pr, rc, rr, beta: (pc - pr - rc + rr - 1 / (2 * beta)) ** 2),
    ),
)
SMOOTHING_MISTAKES = (
    Mistake("η is not used.", of_z(lambda z, e: mixed(z, 0.0))),
    Mistake(
        "The turned order has a plus in front: both parts are losses.",
        of_z(lambda z, e: -(1 - e) * F.logsigmoid(z) + e * F.logsigmoid(-z)),
    ),
    Mistake(
        "That is 'robust' DPO: here nothing is subtracted or divided by 1 − 2η.",
        of_z(lambda z, e: (-(1 - e) * F.logsigmoid(z) + e * F.logsigmoid(-z)) / (1 - 2 * e)),
    ),
    Mistake("η and 1 − η have changed places.", of_z(lambda z, e: mixed(-z, e))),
    Mistake(
        "The second part is −log σ(−β log u), with its own argument, not η times a number.",
        of_z(lambda z, e: -(1 - e) * F.logsigmoid(z) + e * math.log(2)),
    ),
    Mistake("The second part is missing: η times −log σ(−β log u).", of_z(lambda z, e: -(1 - e) * F.logsigmoid(z))),
    Mistake(
        "The turned order has weight η, and the labelled one 1 − η: they add up to 1.",
        of_z(lambda z, e: -F.logsigmoid(z) - e * F.logsigmoid(-z)),
    ),
    Mistake(
        "The turned order is log σ(−β log u), not 1 − log σ(β log u).",
        of_z(lambda z, e: -(1 - e) * F.logsigmoid(z) - e * (1 - F.logsigmoid(z))),
    ),
    Mistake("η is no part of log u: it weighs two losses.", of_z(lambda z, e: -F.logsigmoid((1 - e) * z))),
    Mistake("η is no part of log u: it weighs two losses.", of_z(lambda z, e: -F.logsigmoid((1 - 2 * e) * z))),
    Mistake(
        "σ is mixed, not its logarithm: the expected loss is a mean of two losses.",
        of_z(lambda z, e: -((1 - e) * torch.sigmoid(z) + e * torch.sigmoid(-z)).log()),
    ),
)
POLICY = ("policy_chosen", "policy_rejected")

loss_is_that_of_the_paper = Cases(
    "dpo_loss",
    name="loss_is_that_of_the_paper",
    promise=(
        "Each pair's loss is −log σ(β log u), with the policy's difference minus the reference's; "
        "gradients reach the policy's."
    ),
    points=2,
    reference=reference_dpo,
    pool=ordinary_pairs,
    gradient=POLICY,
    keeps_inputs=True,
    fresh=True,
    mistakes=DPO_MISTAKES,
    hints={"shape": "One loss for each pair: no mean, no sum."},
)
loss_starts_at_ln_2 = Cases(
    "dpo_loss",
    name="loss_starts_at_ln_2",
    promise=(
        "Where the policy equals the reference, or β is 0, every pair has the loss ln 2, smoothed or not, "
        "and its slope."
    ),
    points=1,
    reference=reference_dpo,
    pool=equal_pairs,
    gradient=POLICY,
    keeps_inputs=True,
    fresh=True,
    hints={
        "gradient": (
            "At log u = 0 the loss has a slope, −β/2 if η = 0: relu, abs and clamp lose it there, `detach` everywhere."
        )
    },
    mistakes=(
        Mistake(
            "With log u = 0 the loss is −log σ(0) = ln 2: a number is added in σ that does not belong.",
            of_z(lambda z, e: mixed(z - 1, e)),
        ),
        Mistake("The reference's difference is subtracted, not added.", DPO_MISTAKES[0].answer),
        Mistake("The reference is missing: log u compares policy *and* reference.", DPO_MISTAKES[2].answer),
        Mistake(
            "The turned order is a loss too: it has weight η, with a minus in front.", SMOOTHING_MISTAKES[1].answer
        ),
    ),
)
smoothing_mixes_both_orders = Cases(
    "dpo_loss",
    name="smoothing_mixes_both_orders",
    promise="With label smoothing η the loss is (1 − η) of the pair as labelled plus η of the pair turned round.",
    points=2,
    reference=reference_dpo,
    pool=smoothed_pairs,
    gradient=POLICY,
    keeps_inputs=True,
    fresh=True,
    mistakes=SMOOTHING_MISTAKES,
)
loss_stays_finite_and_exact = Cases(
    "dpo_loss",
    name="loss_stays_finite_and_exact",
    promise="β log u of ±10,000 gives finite, exact losses and gradients, with and without smoothing.",
    points=1,
    reference=reference_dpo,
    pool=far_pairs,
    gradient=POLICY,
    keeps_inputs=True,
    fresh=True,
    hints={
        FAR: (
            "There σ rounds to 0 or 1, e^x overflows, and a clamp or an eps cuts off: use `F.logsigmoid(±β log "
            "u)` as it is."
        ),
    },
)
loss_refuses_odd_smoothing_and_keeps_dtype = Cases(
    "dpo_loss",
    name="loss_refuses_odd_smoothing_and_keeps_dtype",
    promise="A label smoothing outside [0, 0.5] raises ValueError; the dtype stays; inputs are not changed.",
    points=1,
    reference=reference_dpo,
    pool=forms_and_bad_smoothing,
    gradient=POLICY,
    keeps_inputs=True,
    fresh=True,
    hints=dict.fromkeys(
        ("no error", "other error"),
        "Raise ValueError unless 0 <= label_smoothing <= 0.5: beyond one half the labels would be turned round.",
    ),
)


# format_preferences ----------------------------------------------------------------------------------------------

Row = tuple[str, str, float, float]


def of_rows(name: str, rows: list[Row], family: str) -> Case:
    """A case of rows (first, second, first mean, second mean)."""
    return Case(name, args=tuple([row[i] for row in rows] for i in range(4)), family=family)


PLAIN: list[Row] = [
    ("The film has wit", "The film drags", 1.5, -0.5),
    ("It's a mess ...", "It's a gem", -3.0, -1.5),
    ("One of us", "One of them", 0.25, -0.25),
    ("and so it goes", "and so on", -2.0, 3.5),
]
SPACES: list[Row] = [
    ("This is not it", "This is  a   delight", -2.0, 3.0),
    ("A film of grace", "A film  without it", 2.0, -1.5),
    ("A film of grace ", "A film with  it  ", 2.0, -1.5),
    ("A film  of grace  ", "A film   without  it  ", 0.5, 2.0),
    ("So so  slow ", "So so   thin  ", 2.0, 1.0),
    ("So so slow", "So so thin\nand long\n", 1.0, 2.0),
]
ODD_WORDS: list[Row] = [
    ("It's a mess ...", "It's a  gem !", -3.0, -1.5),
    ("-- but why ?", "-- but who cares ?", 1.0, 0.0),
    ("well-made , at last", "well-made , at length", 0.0, 1.0),
    ("A plot . A plot !", "A plot A plot thickens", 1.0, 2.0),
    ("the the the", "the the end", 2.0, 1.0),
    ("a a aa a a", "a a b a a", 1.0, 2.0),
    ("(a) [b] *c*", "(a) [b] +d.", -1.0, -2.0),
    ("été à la mer", "été à Paris", 1.0, 0.5),
    ("Il y a 3 films", "Il y avait un film", -4.0, 4.0),
]
CASED: list[Row] = [
    ("the Film works", "The film fails", -1.0, 1.0),
    ("THE FILM WORKS", "the film fails", 1.0, -1.0),
    ("the film works", "THE FILM FAILS", 1.0, -1.0),
    ("A Film Of GRACE", "a fILM With It", 1.0, 2.0),
    ("Été à la mer", "été À Paris", 1.0, 0.5),
]
SIGNS: list[Row] = [
    ("A plot so thin", "A plot so rich", x, y)
    for x, y in (
        (-3.0, -1.0),
        (-1.0, -3.0),
        (0.5, -0.5),
        (-2.0, 1.0),
        (0.0, 1e-6),
        (1e-6, 0.0),
        (0.0, -1e-12),
        (4.0, -4.0),
        (-0.5, 0.25),
        (3, 2),
        (-1, 2.5),
    )
]
TIES: list[Row] = [
    ("No one wins", "No one loses", 1.0, 1.0),
    ("No one wins", "No one loses", 0.0, 0.0),
    ("No one wins", "No one loses", -0.0, 0.0),
    ("No one wins", "No one loses", -2.5, -2.5),
    ("No one wins", "No one loses", 2, 2.0),
]
OTHERS = (
    "The films are fun", "A film works", "The filmmaker speaks", "film The works", "The movie works", "Them film works",
    "The fil m works", "Thefilm works well", "The-film works well", "The film's end is", "The film, again .",
)  # fmt: skip


def joined_rows() -> Iterator[Case]:
    for family, rows in (
        ("ordinary texts", PLAIN),
        ("texts with several spaces", SPACES),
        ("words of any kind", ODD_WORDS),
    ):
        for i, row in enumerate(rows):
            yield of_rows(f"{family} {i}", [row], family)
            a, b, x, y = row
            yield of_rows(f"{family} {i} turned", [(b, a, y, x)], family)
        yield of_rows(f"{family}, all", rows, family)
        yield of_rows(f"{family}, back", rows[::-1], family)
    yield of_rows("three words", [("A b c", "A b d", 1.0, 0.0)], "texts of three words")
    yield of_rows("many", (PLAIN + SPACES[:2]) * 50, "many pairs")


def ranked_rows() -> Iterator[Case]:
    for i, row in enumerate(SIGNS):
        yield of_means(f"{i}", [row])
        if i:
            yield of_means(f"{i} and one more", [row, SIGNS[i - 1]])
    for i in range(0, len(SIGNS) - 2, 2):
        yield of_means(f"{i} to {i + 5}", SIGNS[i : i + 5])
    yield of_means("all", SIGNS)
    yield of_means("back", SIGNS[::-1])


def of_means(name: str, rows: list[Row]) -> Case:
    close = any(abs(x - y) < 0.1 for _, _, x, y in rows)
    return of_rows(name, rows, "means that are close" if close else "means of either sign")


def tied_rows() -> Iterator[Case]:
    for i, row in enumerate(TIES):
        yield of_rows(f"{i}", [row], "pairs with equal means")
        yield of_rows(f"{i} first", [row, *PLAIN[:2]], "pairs with equal means")
        yield of_rows(f"{i} last", [*PLAIN[1:3], row], "pairs with equal means")
        yield of_rows(f"{i} between", [PLAIN[3], row, PLAIN[0], row], "pairs with equal means")
    yield of_rows("all tie", TIES, "pairs with equal means")
    unlike: Row = ("A film that works", "No story at all", 1.5, 1.5)
    yield of_rows("unlike", [unlike], "pairs with equal means")
    yield of_rows("unlike among others", [PLAIN[0], unlike, PLAIN[1]], "pairs with equal means")
    yield of_rows("twice", [PLAIN[0], PLAIN[0], PLAIN[1], PLAIN[0]], "a pair that comes twice")
    yield of_rows("none", [], "no pairs")


def beginnings() -> Iterator[Case]:
    for i, (a, b, x, y) in enumerate(CASED):
        yield of_rows(f"case {i}", [(a, b, x, y)], "beginnings in upper and lower case")
        yield of_rows(f"case {i} turned", [(a, b, y, x)], "beginnings in upper and lower case")
        yield of_rows(f"case {i} swapped", [(b, a, x, y)], "beginnings in upper and lower case")
    yield of_rows("cases", CASED, "beginnings in upper and lower case")
    for i in range(len(CASED) - 1):
        yield of_rows(f"cases {i}", [CASED[i], CASED[i + 1]], "beginnings in upper and lower case")
        a, b, x, y = CASED[i]
        yield of_rows(f"cases {i} both ways", [CASED[i], (a, b, y, x)], "beginnings in upper and lower case")
    for other in OTHERS:
        for x, y in ((1.0, 0.0), (0.0, 1.0)):
            yield of_rows(f"{other} {x}", [("The film works", other, x, y)], "beginnings that differ")
            yield of_rows(f"{other} {x} turned", [(other, "The film works", x, y)], "beginnings that differ")
    wrong: Row = ("The film works", "The films are fun", 1.0, 0.0)
    yield of_rows("last", [*PLAIN, wrong], "beginnings that differ in one pair")
    yield of_rows("between", [PLAIN[0], TIES[0], wrong, PLAIN[1]], "beginnings that differ in one pair")
    yield of_rows(
        "crossed",
        [(PLAIN[0][0], PLAIN[1][1], 1.0, 0.0), (PLAIN[1][0], PLAIN[0][1], 1.0, 0.0)],
        "beginnings that differ",
    )


def reference_columns(
    first: list[str], second: list[str], first_mean: list[float], second_mean: list[float]
) -> dict[str, list[str]]:
    """Cuts each text behind its second word."""
    return columns_of(first, second, first_mean, second_mean)


def cut(text: str) -> tuple[str, str]:
    """The first two words, and the rest with its space."""
    end = text.index(" ", text.index(" ") + 1)
    return text[:end], text[end:]


def columns_of(
    first: list[str], second: list[str], first_mean: list[float], second_mean: list[float],
    *, rest: Callable[[str, str], str] = lambda prompt, text: cut(text)[1],
    better: Callable[[float, float], bool] = lambda x, y: x > y,
    name: Callable[[str, str, bool], str] = lambda a, b, first_wins: cut(a)[0],
) -> dict[str, list[str]]:  # fmt: skip
    """The three columns; each keyword is a step that may go wrong."""
    out: dict[str, list[str]] = {"prompt": [], "chosen": [], "rejected": []}
    for a, b, x, y in zip(first, second, first_mean, second_mean, strict=True):
        if x == y:
            continue
        if cut(a)[0].lower() != cut(b)[0].lower():
            raise ValueError("another beginning")
        wins = better(x, y)
        prompt = cut(a)[0]
        one, other = rest(prompt, a), rest(prompt, b)
        out["prompt"].append(name(a, b, wins))
        out["chosen"].append(one if wins else other)
        out["rejected"].append(other if wins else one)
    return out


def formatting(hint: str, **step: object) -> Mistake:
    def answer(
        first: list[str], second: list[str], first_mean: list[float], second_mean: list[float]
    ) -> dict[str, list[str]]:
        return columns_of(first, second, first_mean, second_mean, **step)  # type: ignore[arg-type]

    return Mistake(hint, answer)


OTHER_WORDS = (
    "Compare the first two *words* of both texts, whole: *The films* begins with *The film* and is another prompt."
)
FORMAT_HINTS = {
    "no error": OTHER_WORDS,
    "other error": OTHER_WORDS,
    "type": "A dict of three lists of text: not one of tuples, sets or arrays.",
    "texts with several spaces": "No space may be lost or added: cut each text by the length of the prompt.",
    "words of any kind": "A word ends at a space, whatever stands in it, and the prompt's words may come again later.",
    "means that are close": "Means tie if they are exactly equal; any lead is one, without rounding.",
    "pairs with equal means": "Equal means are no preference: leave the pair out, and no other.",
    "a pair that comes twice": "A pair that comes twice stays twice.",
    "beginnings in upper and lower case": (
        "Write the prompt as the first text has it, and cut both texts by its length."
    ),
}


def format_cases(
    name: str, promise: str, points: int, pool: Callable[[], Iterator[Case]], mistakes: tuple[Mistake, ...]
) -> Cases:
    """One of the four checks; their words are the same."""
    families = {case.family for case in pool()}
    return Cases(
        "format_preferences",
        name=name,
        promise=promise,
        points=points,
        reference=reference_columns,
        pool=pool,
        keeps_inputs=True,
        mistakes=mistakes,
        hints={
            key: words for key, words in FORMAT_HINTS.items() if " " not in key or key in families or "error" in key
        },
    )


WORSE_WINS = formatting(
    "The worse text is chosen: a higher mean is better, also below zero.", better=lambda x, y: x < y
)
responses_join_their_prompt_to_the_text = format_cases(
    "responses_join_their_prompt_to_the_text",
    "Prompt and response together are the text as it was: not a character more, not one less.",
    2,
    joined_rows,
    (
        formatting(
            "The space before the response is lost: TRL joins prompt and response as they are.",
            rest=lambda prompt, text: cut(text)[1][1:],
        ),
        formatting(
            "The spaces around the response are lost: TRL joins prompt and response as they are.",
            rest=lambda prompt, text: cut(text)[1].strip(),
        ),
        formatting(
            "The spaces before the response are lost: TRL joins prompt and response as they are.",
            rest=lambda prompt, text: cut(text)[1].lstrip(),
        ),
        formatting(
            "Spaces at the end of a text are lost: not a character is to be dropped.",
            rest=lambda prompt, text: cut(text)[1].rstrip(),
        ),
        formatting(
            "Spaces are lost: cut the text behind the prompt, do not split and join it.",
            rest=lambda prompt, text: " " + " ".join(text.split()[2:]),
        ),
        formatting(
            "Spaces are lost: cut the text behind the prompt, do not split and join it.",
            rest=lambda prompt, text: " ".join(text.split()[2:]),
        ),
        formatting("The response repeats the prompt; TRL would put it there twice.", rest=lambda prompt, text: text),
        formatting(
            "TRL adds the EOS by itself; yours would be a second one.",
            rest=lambda prompt, text: cut(text)[1] + "<|endoftext|>",
        ),
        formatting(
            "Every place of the prompt's words is cut out; only the beginning is the prompt.",
            rest=lambda prompt, text: text.replace(prompt, ""),
        ),
        formatting(
            "`lstrip` drops letters, not a word: cut by the prompt's length.",
            rest=lambda prompt, text: text.lstrip(prompt),
        ),
        formatting(
            "The space belongs to the response; the prompt has none at its end.",
            name=lambda a, b, wins: cut(a)[0] + " ",
        ),
        formatting("The prompt is the first two words, not one.", name=lambda a, b, wins: a.split(" ")[0]),
        formatting(
            "The prompt is written as in `first`; yours is in lower case.", name=lambda a, b, wins: cut(a)[0].lower()
        ),
        WORSE_WINS,
    ),
)
the_higher_mean_is_chosen = format_cases(
    "the_higher_mean_is_chosen",
    "The text with the higher mean is chosen, whichever comes first and whatever the signs are.",
    1,
    ranked_rows,
    (
        WORSE_WINS,
        formatting(
            "The higher mean is chosen, not the larger amount: −1 is above −3.", better=lambda x, y: abs(x) > abs(y)
        ),
        formatting(
            "The higher mean is chosen, whichever comes first: yours is always the first.", better=lambda x, y: True
        ),
        formatting(
            "The higher mean is chosen, whichever comes first: yours is always the second.", better=lambda x, y: False
        ),
        formatting("Compare the two means with each other, not with 0.", better=lambda x, y: x > 0),
        formatting("Means are no whole numbers: do not round them.", better=lambda x, y: int(x) > int(y)),
    ),
)
ties_are_left_out_and_order_stays = format_cases(
    "ties_are_left_out_and_order_stays",
    "Pairs with equal means are left out; the others stay in their order, twice if they come twice.",
    1,
    tied_rows,
    (WORSE_WINS,),
)
beginnings_are_compared_word_by_word = format_cases(
    "beginnings_are_compared_word_by_word",
    "Other first two words raise ValueError; case does not matter, and the prompt is as the first text has it.",
    1,
    beginnings,
    (
        formatting(
            "Compare in lower case, but return the prompt as the first text has it.",
            name=lambda a, b, wins: cut(a)[0].lower(),
        ),
        formatting(
            "The prompt is as the *first* text has it, not as the chosen one has.",
            name=lambda a, b, wins: cut(a if wins else b)[0],
        ),
        formatting("The prompt is as the *first* text has it, not the second.", name=lambda a, b, wins: cut(b)[0]),
        formatting(
            "A text that writes the prompt in another case keeps it in your response: cut by length, not by letters.",
            rest=lambda prompt, text: text.removeprefix(prompt),
        ),
    ),
)


# preference_accuracy ---------------------------------------------------------------------------------------------


def of_rewards(name: str, chosen: torch.Tensor, rejected: torch.Tensor, family: str, layout: str = "") -> Case:
    return Case(
        name, args=(chosen, rejected), family=family, tolerance=1e-6,
        layout={"chosen_rewards": layout, "rejected_rewards": layout} if layout else {},
    )  # fmt: skip


def rewards(dtype: torch.dtype, count: int, seed: int) -> torch.Tensor:
    """Rewards without a tie: the chosen ones (even seeds) are multiples of 1/4, the rejected lie between."""
    steps = torch.randint(-20, 21, (count,), generator=torch.Generator().manual_seed(seed)).double() / 4
    return (steps + (0.125 if seed % 2 else 0.0)).to(dtype)


def pairs_in_order() -> Iterator[Case]:
    for dtype in DTYPES:
        for count in (1, 2, 3, 7, 300, 3001):
            chosen, rejected = rewards(dtype, count, 0), rewards(dtype, count, 1)
            family = "many pairs" if count > 100 else f"{short(dtype)} rewards"
            yield of_rewards(f"{short(dtype)} {count}", chosen, rejected, family)
            yield of_rewards(f"{short(dtype)} {count} swapped", rejected, chosen, family)
        top = torch.finfo(dtype).max
        far = torch.tensor([top, -top, top, -top], dtype=dtype)
        yield of_rewards(f"{short(dtype)} far", far, far.roll(1), "rewards that lie very far apart")
        tiny = torch.tensor([1.0, 2.0, -1.0], dtype=torch.float64) * max(torch.finfo(dtype).tiny, 1e-30)
        yield of_rewards(f"{short(dtype)} tiny", tiny.to(dtype), (2 * tiny.flip(0)).to(dtype), "very small rewards")
        near = torch.tensor([1.0, 1.0, -2.0], dtype=dtype)
        lead = near + torch.finfo(dtype).eps * torch.tensor([1.0, -1.0, 2.0], dtype=dtype)
        yield of_rewards(f"{short(dtype)} near", lead, near, "a lead of one last digit")
    chosen = torch.tensor([0.3, -5.0, -2.0, -0.1, 100.0, -7.0, 4.0], dtype=torch.float64)
    rejected = torch.tensor([0.2, -4.0, -3.0, -0.2, 300.0, -8.0, 3.0], dtype=torch.float64)
    yield of_rewards("one is far", chosen, rejected, "rewards of all sizes")
    for layout in ("strided", "column"):
        yield of_rewards(layout, chosen, rejected, "rewards that are views", layout)


def tied_pairs() -> Iterator[Case]:
    for dtype in DTYPES:
        for count in (1, 3, 7, 3001):
            zeros = torch.zeros(count, dtype=dtype)
            yield of_rewards(f"{short(dtype)} {count} zeros", zeros, zeros.clone(), "an untrained policy")
            chosen, rejected = rewards(dtype, count, 0), rewards(dtype, count, 1)
            rejected[::2] = chosen[::2]
            yield of_rewards(f"{short(dtype)} {count} some", chosen, rejected, "some ties")
        signed = torch.tensor([0.0, -0.0, 1.0], dtype=dtype)
        yield of_rewards(f"{short(dtype)} signed", signed, -signed, "a zero and a minus zero")
        ends = torch.tensor([0.5, 1e-6, -3.0, -1e-6], dtype=dtype)
        yield of_rewards(
            f"{short(dtype)} near",
            ends,
            torch.tensor([0.5, 0.0, -3.0, 0.0], dtype=dtype),
            "ties and a lead that is tiny",
        )
    yield of_rewards(
        "tiny",
        torch.tensor([0.5, 1e-12, -3.0]).double(),
        torch.tensor([0.5, 0.0, -3.0]).double(),
        "ties and a lead that is tiny",
    )
    for lead in (1e-6, 1e-9, 1e-12):
        near = torch.tensor([1.0, 0.5, -3.0, -3.0 + lead, 1.0 + lead], dtype=torch.float64)
        other = torch.tensor([1.0, 0.5 - lead, -3.0, -3.0, 1.0], dtype=torch.float64)
        yield of_rewards(f"near {lead}", near, other, "ties and a lead that is tiny")
        yield of_rewards(f"near {lead}, swapped", other, near, "ties and a lead that is tiny")


def floats_and_no_pairs() -> Iterator[Case]:
    for dtype in DTYPES:
        yield of_rewards(f"{short(dtype)} none", torch.zeros(0, dtype=dtype), torch.zeros(0, dtype=dtype), "no pairs")
        two = torch.tensor([3.0, 2.0], dtype=dtype)
        yield of_rewards(f"{short(dtype)} all", two, two - 1, "pairs that are all in order")
        yield of_rewards(f"{short(dtype)} nothing", two - 1, two, "pairs that are all out of order")
        yield of_rewards(f"{short(dtype)} one", two[:1], two[:1] - 1, "one pair")
        yield of_rewards(f"{short(dtype)} tie", two[:1], two[:1].clone(), "one pair that ties")


def reference_accuracy(chosen_rewards: torch.Tensor, rejected_rewards: torch.Tensor) -> float:
    """Half points, in whole numbers, divided once."""
    return accuracy(chosen_rewards, rejected_rewards)


def accuracy(chosen: torch.Tensor, rejected: torch.Tensor, tie: float = 0.5) -> float:
    """Wins and `tie` of the ties over all pairs."""
    pairs = list(zip(chosen.tolist(), rejected.tolist(), strict=True))
    if not pairs:
        raise ValueError("no pairs")
    return (sum(a > b for a, b in pairs) + tie * sum(a == b for a, b in pairs)) / len(pairs)


COARSE = Mistake(
    "Your average is taken in the dtype of the rewards, which may be coarse: count in whole numbers, or in float64.",
    lambda chosen_rewards, rejected_rewards: (
        ((chosen_rewards > rejected_rewards).double() + 0.5 * (chosen_rewards == rejected_rewards))
        .to(chosen_rewards.dtype)
        .mean()
        .item()
    ),
)
TIE_MISTAKES = (
    Mistake(
        "Ties count nothing in yours, as in TRL: give half a point, or an untrained policy has 0.",
        lambda chosen_rewards, rejected_rewards: accuracy(chosen_rewards, rejected_rewards, 0.0),
    ),
    Mistake(
        "Ties count in full: >= calls an untrained policy perfect.",
        lambda chosen_rewards, rejected_rewards: accuracy(chosen_rewards, rejected_rewards, 1.0),
    ),
    Mistake(
        "Ties are left out of yours: they are pairs, and half right.",
        lambda chosen_rewards, rejected_rewards: (
            (chosen_rewards > rejected_rewards).double().sum() / (chosen_rewards != rejected_rewards).sum()
        ).item(),
    ),
    Mistake(
        "Only exactly equal rewards tie. A lead of 1e-12 is a lead.",
        lambda chosen_rewards, rejected_rewards: accuracy(
            torch.where(torch.isclose(chosen_rewards, rejected_rewards, atol=1e-5), rejected_rewards, chosen_rewards),
            rejected_rewards,
        ),
    ),
)
counts_the_pairs_that_are_in_order = Cases(
    "preference_accuracy",
    name="counts_the_pairs_that_are_in_order",
    promise="The share of pairs whose chosen response has the higher reward, however small the lead.",
    points=1,
    reference=reference_accuracy,
    pool=pairs_in_order,
    keeps_inputs=True,
    mistakes=(
        Mistake(
            "That is the share of wrong orders: is chosen above rejected?",
            lambda chosen_rewards, rejected_rewards: accuracy(rejected_rewards, chosen_rewards),
        ),
        Mistake(
            "That is the share of chosen rewards above 0; compare each with its rejected one.",
            lambda chosen_rewards, rejected_rewards: accuracy(chosen_rewards, torch.zeros_like(chosen_rewards), 0.0),
        ),
        Mistake(
            "Compare pair by pair, not the two means.",
            lambda chosen_rewards, rejected_rewards: float(chosen_rewards.mean() > rejected_rewards.mean()),
        ),
        Mistake(
            "A share, not a number of pairs: divide by how many there are.",
            lambda chosen_rewards, rejected_rewards: accuracy(chosen_rewards, rejected_rewards) * len(chosen_rewards),
        ),
        Mistake(
            "That is the mean margin; asked for is how often it is above 0.",
            lambda chosen_rewards, rejected_rewards: (chosen_rewards - rejected_rewards).double().mean().item(),
        ),
        TIE_MISTAKES[3],
        COARSE,
    ),
)
a_tie_is_half_a_point = Cases(
    "preference_accuracy",
    name="a_tie_is_half_a_point",
    promise="Pairs with exactly equal rewards count half; a policy that equals its reference has 0.5.",
    points=2,
    reference=reference_accuracy,
    pool=tied_pairs,
    keeps_inputs=True,
    mistakes=(*TIE_MISTAKES, COARSE),
    hints={"ties and a lead that is tiny": "Only exactly equal rewards tie. A lead of 1e-12 is a lead."},
)
NO_PAIRS = "Without pairs there is no accuracy: raise ValueError, nan would spoil every average."
accuracy_is_a_float_and_refuses_nothing_to_count = Cases(
    "preference_accuracy",
    name="accuracy_is_a_float_and_refuses_nothing_to_count",
    promise="The answer is a Python float, also when it is 1; without pairs there is a ValueError.",
    points=1,
    reference=reference_accuracy,
    pool=floats_and_no_pairs,
    keeps_inputs=True,
    hints={
        "type": "Return a Python float: `.item()` of a tensor, `float(x)` of another number.",
        "no error": NO_PAIRS,
        "other error": NO_PAIRS,
    },
)


# ipo_loss --------------------------------------------------------------------------------------------------------


def of_ipo(
    name: str,
    pairs: Four,
    beta: float,
    lengths: tuple[torch.Tensor, torch.Tensor] | None,
    family: str,
    layout: str = "",
) -> Case:
    """A case whose tolerance is that of a square: of twice the distance to the target times what log u is made of."""
    size = max(float(part.abs().max()) for part in pairs) + 1 / (2 * beta)
    rest = (beta,) if lengths is None else (beta, lengths)
    names = ("policy_chosen", "policy_rejected", "ref_chosen", "ref_rejected")
    return Case(
        f"{name}, β {beta}", args=(*pairs, *rest), family=family, layout=dict.fromkeys(names, layout) if layout else {},
        tolerance=within(pairs[0].dtype, 4 * size**2),
    )  # fmt: skip


def token_counts(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    place = torch.arange(count)
    return 1 + (7 * place + 3) % 11, 2 + (5 * place + 1) % 13


def paper_pairs() -> Iterator[Case]:
    for dtype in DTYPES:
        for count in (1, 2, 3, 300):
            for beta in BETAS:
                yield of_ipo(f"{short(dtype)} {count}", four(dtype, count, 8), beta, None, f"{short(dtype)} log-probs")
    pairs = four(torch.float64, 5, 9)
    for scale in (0.7, 1e-6, 1e3):
        yield of_ipo(f"scale {scale}", tuple(part * scale for part in pairs), 0.5, None, "log-probs of another size")  # type: ignore[arg-type]
    for beta in (1, 1e-3, 1e3):
        yield of_ipo("other β", pairs, beta, None, "a β of another size")
    same: Four = (pairs[0], pairs[1], pairs[0].clone(), pairs[1].clone())
    yield of_ipo("same", same, 0.5, None, "a policy that equals its reference")
    for layout in ("strided", "column"):
        yield of_ipo(layout, pairs, 0.5, None, "log-probs that are views", layout)


def pairs_per_token() -> Iterator[Case]:
    for dtype in DTYPES:
        for count in (1, 2, 3, 300):
            for beta in (0.1, 0.7):
                lengths = token_counts(count)
                yield of_ipo(
                    f"{short(dtype)} {count}",
                    four(dtype, count, 8),
                    beta,
                    lengths,
                    f"{short(dtype)} log-probs per token",
                )
    pairs = four(torch.float64, 5, 9)
    ones, alike = torch.ones(5, dtype=torch.int64), torch.full((5,), 7)
    yield of_ipo("ones", pairs, 0.5, (ones, ones.clone()), "responses of one token")
    yield of_ipo("alike", pairs, 0.5, (alike, alike.clone()), "responses of equal length")
    yield of_ipo(
        "long", tuple(part * 100 for part in pairs), 0.5, tuple(300 * n for n in token_counts(5)), "long responses"
    )  # type: ignore[arg-type]
    yield of_ipo("turned", (pairs[1], pairs[0], pairs[3], pairs[2]), 0.5, token_counts(5)[::-1], "log-probs per token")
    for layout in ("strided", "column"):
        yield of_ipo(layout, pairs, 0.5, token_counts(5), "log-probs that are views", layout)


def targets_and_bad_betas() -> Iterator[Case]:
    for dtype in DTYPES:
        on_target: Four = tuple(
            torch.tensor(part, dtype=dtype) for part in ((-5.0, 0.0), (-10.0, 0.0), (0.0, -2.5), (0.0, 2.5))
        )  # type: ignore[assignment]
        yield of_ipo(short(dtype), on_target, 0.1, None, "a log u that is the target")
        for lengths in (None, token_counts(2)):
            for beta in (0.0, -1e-6, -0.5, -2.0):
                rest = (beta,) if lengths is None else (beta, lengths)
                name = f"{short(dtype)} β {beta!r}{'' if lengths is None else ' per token'}"
                yield Case(name, args=(*on_target, *rest), family="a β that is not above 0")


def reference_ipo(
    policy_chosen: torch.Tensor, policy_rejected: torch.Tensor, ref_chosen: torch.Tensor, ref_rejected: torch.Tensor,
    beta: float, lengths: tuple[torch.Tensor, torch.Tensor] | None = None,
) -> torch.Tensor:  # fmt: skip
    """The square of log u less its target, all four log-probs divided first."""
    if beta <= 0:
        raise ValueError("beta")
    wide = [part.double() for part in (policy_chosen, policy_rejected, ref_chosen, ref_rejected)]
    if lengths is not None:
        wide = [part / length for part, length in zip(wide, (*lengths, *lengths), strict=True)]
    error = wide[0] - wide[1] - wide[2] + wide[3] - 0.5 / beta
    return (error * error).to(policy_chosen.dtype)


def ipo_of(
    log_u: Callable[..., torch.Tensor],
    loss: Callable[[torch.Tensor, float], torch.Tensor] = lambda u, beta: (u - 1 / (2 * beta)) ** 2,
) -> Answer:
    """An answer that makes `loss` of log u and β, and log u of the log-probs and the lengths, else of ones."""

    def answer(
        policy_chosen: torch.Tensor, policy_rejected: torch.Tensor, ref_chosen: torch.Tensor,
        ref_rejected: torch.Tensor, beta: float, lengths: tuple[torch.Tensor, torch.Tensor] | None = None,
    ) -> torch.Tensor:  # fmt: skip
        one = torch.ones_like(policy_chosen)
        tokens = (one, one) if lengths is None else lengths
        return loss(log_u(policy_chosen, policy_rejected, ref_chosen, ref_rejected, *tokens), beta)

    return answer


def log_u_per_token(
    pc: torch.Tensor, pr: torch.Tensor, rc: torch.Tensor, rr: torch.Tensor, n: torch.Tensor, m: torch.Tensor
) -> torch.Tensor:
    return (pc - rc) / n - (pr - rr) / m


IPO_MISTAKES = (
    Mistake("The target is 1/(2β), not 1/β.", ipo_of(log_u_per_token, lambda u, beta: (u - 1 / beta) ** 2)),
    Mistake(
        "The target is 1/(2β): β divides, the 2 as well.", ipo_of(log_u_per_token, lambda u, beta: (u - beta / 2) ** 2)
    ),
    Mistake("The target is 1/(2β), not β.", ipo_of(log_u_per_token, lambda u, beta: (u - beta) ** 2)),
    Mistake("The target is 1/(2β), not 2β.", ipo_of(log_u_per_token, lambda u, beta: (u - 2 * beta) ** 2)),
    Mistake(
        "β belongs into the target only, not in front of log u.",
        ipo_of(log_u_per_token, lambda u, beta: (beta * u - 1 / (2 * beta)) ** 2),
    ),
    Mistake("The square is missing.", ipo_of(log_u_per_token, lambda u, beta: u - 1 / (2 * beta))),
    Mistake("A square, not an absolute value.", ipo_of(log_u_per_token, lambda u, beta: (u - 1 / (2 * beta)).abs())),
    Mistake(
        "The square is around the whole difference.", ipo_of(log_u_per_token, lambda u, beta: u**2 - 1 / (2 * beta))
    ),
    Mistake(
        "Log u should *reach* 1/(2β): the target has a minus in yours, or chosen and rejected have changed places.",
        ipo_of(log_u_per_token, lambda u, beta: (u + 1 / (2 * beta)) ** 2),
    ),
    Mistake(
        "One loss for each pair: no mean.", ipo_of(log_u_per_token, lambda u, beta: ((u - 1 / (2 * beta)) ** 2).mean())
    ),
    Mistake(
        "There is no half in front of the square.",
        ipo_of(log_u_per_token, lambda u, beta: 0.5 * (u - 1 / (2 * beta)) ** 2),
    ),
    Mistake("The reference is missing in log u.", ipo_of(lambda pc, pr, rc, rr, n, m: pc / n - pr / m)),
    Mistake(
        "The reference's difference is subtracted, not added.",
        ipo_of(lambda pc, pr, rc, rr, n, m: (pc / n - pr / m) + (rc / n - rr / m)),
    ),
)
TOKEN_MISTAKES = (
    Mistake("`lengths` is not used.", ipo_of(lambda pc, pr, rc, rr, n, m: (pc - rc) - (pr - rr))),
    Mistake(
        "Each side has its own length: do not divide both by the same, here that of the chosen.",
        ipo_of(lambda pc, pr, rc, rr, n, m: ((pc - rc) - (pr - rr)) / n),
    ),
    Mistake(
        "Each side has its own length: do not divide both by the same, here that of the rejected.",
        ipo_of(lambda pc, pr, rc, rr, n, m: ((pc - rc) - (pr - rr)) / m),
    ),
    Mistake(
        "Each side has its own length: do not divide both by the same, here the mean of the two.",
        ipo_of(lambda pc, pr, rc, rr, n, m: 2 * ((pc - rc) - (pr - rr)) / (n + m)),
    ),
    Mistake(
        "Each side has its own length: do not divide both by the same, here their sum.",
        ipo_of(lambda pc, pr, rc, rr, n, m: ((pc - rc) - (pr - rr)) / (n + m)),
    ),
    Mistake(
        "The reference's log-probs are to be divided too.",
        ipo_of(lambda pc, pr, rc, rr, n, m: (pc / n - pr / m) - (rc - rr)),
    ),
    Mistake(
        "The two lengths have changed places: (chosen, rejected).",
        ipo_of(lambda pc, pr, rc, rr, n, m: (pc - rc) / m - (pr - rr) / n),
    ),
    Mistake(
        "Divide by the lengths, do not multiply.", ipo_of(lambda pc, pr, rc, rr, n, m: (pc - rc) * n - (pr - rr) * m)
    ),
    Mistake(
        "A quotient of lengths is no whole number: `/`, not `//`.",
        ipo_of(lambda pc, pr, rc, rr, n, m: (pc - rc) // n - (pr - rr) // m),
    ),
)

ipo_regresses_log_u_on_its_target = Cases(
    "ipo_loss",
    name="ipo_regresses_log_u_on_its_target",
    promise="The loss is (log u − 1/(2β))², one for each pair; gradients reach the policy's log-probs.",
    points=2,
    reference=reference_ipo,
    pool=paper_pairs,
    gradient=POLICY,
    keeps_inputs=True,
    fresh=True,
    mistakes=IPO_MISTAKES,
    hints={"shape": "One loss for each pair: no mean, no sum."},
)
ipo_per_token_is_that_of_trl = Cases(
    "ipo_loss",
    name="ipo_per_token_is_that_of_trl",
    promise=(
        "With lengths, each log-prob is divided by the number of tokens of its own response first; no "
        "argument is changed."
    ),
    points=1,
    reference=reference_ipo,
    pool=pairs_per_token,
    gradient=POLICY,
    keeps_inputs=True,
    fresh=True,
    mistakes=TOKEN_MISTAKES,
)
ipo_refuses_beta_of_zero = Cases(
    "ipo_loss",
    name="ipo_refuses_beta_of_zero",
    promise="A β that is not above 0 raises ValueError; the target itself has loss 0; inputs are not changed.",
    points=1,
    reference=reference_ipo,
    pool=targets_and_bad_betas,
    keeps_inputs=True,
    fresh=True,
    hints=dict.fromkeys(("no error", "other error"), "Raise ValueError unless β > 0."),
)
