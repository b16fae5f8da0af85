"""Cases of `generate`: the loop with the references of the earlier exercises, in the order of transformers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from cases_3_top_p import reference_top_p
from cases_4_penalty import reference_penalty
from cases_6_sample import inverse_cdf
from rows import INF
from transformers.generation.logits_process import (
    MinNewTokensLengthLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
)

from grader.checks import Built, Case, Cases, Mistake


@dataclass(frozen=True)
class Loop:
    """The loop of `generate`, with transformers' processors; what is not as by default is a mistake."""

    order: str = "penalty minimum temperature k p"
    reads: str = "text"  # what the model gets: the text, or its last token
    returns: str = "text"  # or the new tokens
    fewer: int = 0  # columns of u that are left out
    fills: bool = True  # whether ended rows get EOS
    stops: str = "all"  # when all have ended, when one has, or never
    prompt_ends: bool = False  # whether an EOS in the prompt counts
    column: str = "own"  # of u: that of the step, the first, or the last ones first
    penalised: str = "text"  # or the new tokens, or the prompt
    counted: str = "new"  # tokens for the minimum, or those of the text

    @property
    def __name__(self) -> str:
        """As functions have one."""
        return repr(self)

    @torch.no_grad()
    def __call__(
        self, model: Any, ids: torch.Tensor, u: torch.Tensor, eos_id: int, *, temperature: float = 1.0,
        k: int | None = None, p: float = 1.0, penalty: float = 1.0, minimum: int = 0,
    ) -> torch.Tensor:  # fmt: skip
        """The text, by the arguments of the exercise."""
        prompt, steps = ids.shape[1], u.shape[1] - self.fewer
        filters: dict[str, Any] = {"temperature": TemperatureLogitsWarper(float(temperature))}
        filters |= {
            "minimum": MinNewTokensLengthLogitsProcessor(prompt if self.counted == "new" else 0, minimum, eos_id)
        }
        filters |= {"k": TopKLogitsWarper(k)} if k is not None else {}
        filters |= {"p": reference_top_p_by(p)} if p < 1 else {}
        for step in range(steps):
            seen = {"text": ids, "new": ids[:, prompt:], "prompt": ids[:, :prompt]}[self.penalised]
            filters["penalty"] = lambda _ids, z, seen=seen: reference_penalty(z, seen, penalty)
            logits = model(ids if self.reads == "text" else ids[:, -1:]).logits[:, -1]
            for name in self.order.split():  # as LogitsProcessorList does
                logits = filters[name](ids, logits) if name in filters else logits
            place = {"own": step, "first": 0, "backwards": steps - 1 - step}[self.column]
            token = inverse_cdf(logits, u[:, place])
            ended = (ids[:, 0 if self.prompt_ends else prompt :] == eos_id).any(-1)
            token = token.masked_fill(ended, eos_id) if self.fills else token
            ids = torch.cat([ids, token[:, None]], dim=1)
            ended |= token == eos_id
            if (self.stops == "all" and ended.all()) or (self.stops == "any" and ended.any()):
                break
        return ids if self.returns == "text" else ids[:, prompt:]


def reference_top_p_by(p: float) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """The nucleus as a processor."""
    return lambda _ids, logits: reference_top_p(logits, p)


PROMPTS = torch.tensor([[0, 3, 1], [4, 4, 2], [2, 0, 0]])
MORE = torch.tensor([[0, 3], [4, 4], [2, 0], [1, 1], [3, 2], [0, 0], [4, 1], [3, 3], [1, 4]])
"""Rows cost little and steps much: a case tells more with rows."""
EOS = 5
OWN = "`generate` calls your earlier functions: mend those first if their checks fail."
ORDER = "The order is penalty, minimum, temperature, top-k, top-p, draw."


def uniforms(seed: int, batch: int, steps: int) -> torch.Tensor:
    """Fixed numbers; a test holds every draw of a case away from the edges of its piece."""
    return torch.rand(batch, steps, generator=torch.Generator().manual_seed(seed))


def text_case(
    family: str, seed: int, *, ids: torch.Tensor = PROMPTS, steps: int = 4, eos_id: int = EOS,
    policy: str = "table_policy", of_policy: dict[str, Any] | None = None, **setting: Any,
) -> Case:  # fmt: skip
    """A case of `generate`: a policy, prompts, uniforms, a setting."""
    built = Built(policy, seed=seed, **({"eos_id": eos_id} if policy == "table_policy" else {}), **(of_policy or {}))
    said = " ".join(f"{name}={value}" for name, value in setting.items())
    name = f"{family}, {policy} {seed} {of_policy or ''} {list(ids.shape)}x{steps} eos {eos_id} {said}"
    return Case(name, (built, ids, uniforms(seed, len(ids), steps), eos_id), setting, family=family)


def greedy() -> Iterator[Case]:
    """With k = 1: batches of one and of three, prompts of one token and of two, one step and many."""
    for seed in (2, 4, 8, 11):
        yield text_case("one token left", seed, k=1)
    for seed in (3, 5):
        yield text_case("one row", seed, ids=torch.tensor([[3]]), steps=3, k=1)
        yield text_case("more rows than tokens", seed, ids=MORE, steps=3, k=1)
        yield text_case("one step", seed, steps=1, k=1)
    for seed in (2, 3):
        yield text_case("a real network", seed, steps=3, policy="toy_policy", k=1)
    for dtype in ("float64", "float16"):
        yield text_case("other dtypes", 7, steps=3, k=1, of_policy={"dtype": dtype})


GENERATE_FORM = (
    Mistake("Return the prompt together with the new tokens.", Loop(returns="new")),
    Mistake("u has one column for each new token: make exactly that many.", Loop(fewer=1)),
    Mistake("Give the *whole* text so far to the model at each step, not its last token.", Loop(reads="last token")),
)
GENERATE_END = (
    Mistake("After EOS a row gets EOS at every further step, whatever the model says.", Loop(fills=False)),
    Mistake("Stop when all rows have ended: no further columns.", Loop(stops="never")),
    Mistake("You stop too early: go on until *all* rows have drawn EOS.", Loop(stops="any")),
)
PROMPT_ENDS = Mistake("An EOS in the prompt ends nothing: look at new tokens only.", Loop(prompt_ends=True))
GENERATE_COLUMNS = (
    Mistake("Use `u[:, step]`: you draw every token with the first column.", Loop(column="first")),
    Mistake("Column 0 of u draws the first new token, not the last.", Loop(column="backwards")),
)
GENERATE_HINTS = {
    "value": f"Each step: logits of the last place for the whole text, the filters in their order, a draw. {OWN}",
    "shape": "Prompt first, then one token a step, until the columns of u are used up or all rows have ended.",
    "changed": "Return a new tensor, and leave `ids` and `u` as they are.",
    "error": OWN,
}

one_token_left = Cases(
    "generate",
    name="one_token_left_is_greedy",
    promise="With k = 1 the text is the greedy one: prompt first, then one token from the whole text at each step.",
    points=2,
    reference=Loop(),
    pool=greedy,
    hints=GENERATE_HINTS,
    mistakes=(
        *GENERATE_FORM,
        Mistake(
            "k = 1 leaves one token to draw: `top_k_filter` is not applied.",
            Loop(order="penalty minimum temperature p"),
        ),
    ),
)

WITH_END = torch.tensor([[EOS, 3, 1], [EOS, 4, 2], [2, EOS, 0]])


def endings() -> Iterator[Case]:
    """Texts that end early, late, never, all at once; EOS in the prompt; EOS as any column."""
    for seed in (0, 2, 4, 7, 9, 12):
        yield text_case("rows that end at different steps", seed, steps=7, of_policy={"end": 2.0})
    for seed in (1, 2, 3, 4):
        yield text_case("prompts with an EOS", seed, ids=WITH_END, steps=7, of_policy={"end": 2.0})
    for seed in (1, 2, 3):
        for eos_id in (0, 2):
            yield text_case("an EOS that is not the last token", seed, steps=6, eos_id=eos_id, of_policy={"end": 2.0})
        yield text_case("rows that end at once", seed, steps=3, of_policy={"end": 9.0})
        yield text_case("rows that never end", seed, steps=3, of_policy={"end": -INF})
        yield text_case("one row", seed, ids=PROMPTS[1:2], steps=5, of_policy={"end": 2.0})
        yield text_case(
            "prompts of one token", seed + 2, ids=torch.tensor([[EOS], [1]]), steps=5, of_policy={"end": 2.0}
        )


ended_stay = Cases(
    "generate",
    name="ended_rows_stay_ended",
    promise="A row that has drawn EOS is filled up with EOS, and once every row has ended the text stops.",
    points=2,
    reference=Loop(),
    pool=endings,
    hints=GENERATE_HINTS
    | {
        "value": f"After EOS a row is filled up with EOS; until then it is drawn as ever. {OWN}",
        "shape": f"Go on until *all* rows have drawn `eos_id`, then stop; one in the prompt ends nothing. {OWN}",
    },
    mistakes=(*GENERATE_END, PROMPT_ENDS, *GENERATE_FORM, *GENERATE_COLUMNS),
)


def own_columns() -> Iterator[Case]:
    """No filter at all: what is drawn depends on the policy and on u."""
    for seed in (0, 3, 6, 7):
        yield text_case("ordinary settings", seed, ids=MORE, of_policy={"spread": 0.5})
        yield text_case("more steps than tokens", seed, steps=7, of_policy={"spread": 0.3, "end": -2.0})
    for seed in (1, 2):
        yield text_case(
            "two tokens", seed, ids=torch.tensor([[0, 1], [1, 1], [0, 0]]), eos_id=1, of_policy={"vocab_size": 2}
        )
        yield text_case("other dtypes", seed + 2, of_policy={"dtype": "float64", "spread": 0.5})
        yield text_case("one row", seed, ids=PROMPTS[:1], of_policy={"spread": 0.5, "end": -2.0})


own_column = Cases(
    "generate",
    name="each_step_draws_with_its_own_column",
    promise="New token s of row i is drawn with u[i, s]; inputs are not changed.",
    points=1,
    reference=Loop(),
    pool=own_columns,
    keeps_inputs=True,
    hints=GENERATE_HINTS
    | {"value": f"Use `u[:, step]`, one column for each step, the first for the first new token. {OWN}"},
    mistakes=(*GENERATE_COLUMNS, *GENERATE_FORM, *GENERATE_END),
)


def orders() -> Iterator[Case]:
    """Two settings at once, in which their order tells; and each alone."""
    for seed in (0, 2, 4, 6, 7, 8):
        yield text_case("temperature and top-p", seed, ids=MORE, temperature=2.5, p=0.6)
    for seed in (2, 3, 4, 6, 10):
        yield text_case("top-k and top-p", seed, ids=MORE, steps=5, k=2, p=0.75, of_policy={"end": -3.0})
    for seed in (0, 1, 3, 4):
        yield text_case("top-k and a minimum", seed, ids=MORE, k=2, minimum=4, of_policy={"end": 1.0})
    for seed in (0, 2, 3, 9):
        yield text_case("penalty and top-k", seed, ids=MORE, k=2, penalty=2.5)
    for seed in (2, 3, 7, 9):
        yield text_case("penalty and top-p", seed, ids=MORE, p=0.5, penalty=2.5)
    for seed in (0, 1, 2, 3, 5, 6):
        yield text_case("penalty, top-k and top-p", seed, ids=MORE, k=3, p=0.7, penalty=2.5)
    for seed in (1, 2, 3):
        yield text_case("top-p and a minimum", seed, ids=MORE, p=0.7, minimum=3, of_policy={"end": 1.0})
        yield text_case("all settings at once", seed, ids=MORE, temperature=1.5, k=4, p=0.8, penalty=1.4, minimum=3)
        yield text_case("temperature alone", seed, ids=MORE, steps=3, temperature=2.0)
        yield text_case("top-k alone", seed, ids=MORE, steps=3, k=2)
        yield text_case("top-p alone", seed, ids=MORE, steps=3, p=0.6)


in_order = Cases(
    "generate",
    name="filters_come_in_the_order_of_transformers",
    promise="Repetition penalty, minimum, temperature, top-k, top-p, draw: in this order.",
    points=2,
    reference=Loop(),
    pool=orders,
    hints=GENERATE_HINTS | {"value": f"{ORDER} {OWN}", "family": f"{ORDER} Is each setting used, and passed on?"},
    mistakes=(
        Mistake(
            f"Temperature comes before top-p: a flat distribution has a large nucleus. {OWN}",
            Loop(order="penalty minimum k p temperature"),
        ),
        Mistake(
            f"Top-k comes before top-p: the nucleus is that of the k tokens. {OWN}",
            Loop(order="penalty minimum temperature p k"),
        ),
        Mistake(
            f"The minimum comes before top-k and top-p: a forbidden EOS must not use up a place. {OWN}",
            Loop(order="penalty temperature k p minimum"),
        ),
        Mistake(
            f"The penalty comes before top-k and top-p: it decides what they keep. {OWN}",
            Loop(order="minimum temperature k p penalty"),
        ),
        Mistake(
            f"The penalty comes before top-k: it decides what is kept. {OWN}",
            Loop(order="minimum temperature k penalty p"),
        ),
        Mistake(f"`temperature` has no effect. {OWN}", Loop(order="penalty minimum k p")),
        Mistake(f"`k` has no effect. {OWN}", Loop(order="penalty minimum temperature p")),
        Mistake(f"`p` has no effect. {OWN}", Loop(order="penalty minimum temperature k")),
        Mistake(f"`penalty` has no effect. {OWN}", Loop(order="minimum temperature k p")),
        Mistake(f"`minimum` has no effect. {OWN}", Loop(order="penalty temperature k p")),
        *GENERATE_FORM,
        *GENERATE_COLUMNS,
    ),
)


def counted() -> Iterator[Case]:
    """A minimum or a penalty alone, with prompts of other lengths."""
    for seed in (0, 3, 5, 8):
        yield text_case("a minimum", seed, ids=MORE, minimum=3, steps=5, of_policy={"end": 1.5})
    for seed in (1, 2, 6):
        yield text_case(
            "a minimum and a prompt of one token", seed, ids=torch.tensor([[3], [1]]), minimum=3, of_policy={"end": 1.5}
        )
        yield text_case("a minimum that is never reached", seed, minimum=50, steps=3, of_policy={"end": 2.0})
    for seed in (2, 7, 8, 9):
        yield text_case("a penalty", seed, ids=MORE, penalty=1.8)
    for seed in (1, 4, 5):
        yield text_case("a penalty below 1", seed, ids=MORE, penalty=0.6)
        yield text_case(
            "a penalty and a prompt of one token", seed, ids=torch.tensor([[3], [1], [0], [4], [2]]), penalty=2.5
        )


counts_right = Cases(
    "generate",
    name="penalty_counts_the_prompt_and_minimum_does_not",
    promise="The penalty looks at prompt and new tokens; the minimum counts new tokens only.",
    points=1,
    reference=Loop(),
    pool=counted,
    hints=GENERATE_HINTS
    | {
        "shape": f"`minimum` counts new tokens: the step number. The text stops when all rows have ended. {OWN}",
        "value": f"The penalty looks at the whole text so far, `minimum` counts new tokens only. {OWN}",
    },
    mistakes=(
        Mistake(
            f"`minimum` counts new tokens: the step number, not the length of the text. {OWN}", Loop(counted="text")
        ),
        Mistake(
            f"The penalty looks at the whole text, prompt included, as it stands at that step. {OWN}",
            Loop(penalised="new"),
        ),
        Mistake(
            f"The penalty looks at the text as it stands at that step, not at the prompt alone. {OWN}",
            Loop(penalised="prompt"),
        ),
        Mistake(f"`penalty` has no effect. {OWN}", Loop(order="minimum temperature k p")),
        Mistake(f"`minimum` has no effect. {OWN}", Loop(order="penalty temperature k p")),
        *GENERATE_FORM,
        *GENERATE_END[:1],
        *GENERATE_COLUMNS,
    ),
)
