"""Hidden checks of lab 03 that say what cases cannot: fields of TRL's config, drawn lengths, means over samples."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from trl import PPOConfig
from trl.core import LengthSampler

from grader.checks import Missed, Result, Student, check, expect, same
from rlhf.quiet import quiet_transformers

ERROR = "Follow what that line is given."


def dict_of(result: Result, hint: str) -> dict[str, Any]:
    """What came back, if it is a dict; `hint` is for what is none, not for an error."""
    expect(result).value(hint=ERROR)
    got: dict[str, Any] = expect(result).value(dict, hint=hint)
    return got


# build_queries ---------------------------------------------------------------------------------------------------

WORDS = ("this", "film", "is", "the", "thin", "fish", "of", "a", "filmed", "theft", "his", "wit")


def a_review(number: int, length: int) -> str:
    """A text of exactly `length` characters that begins in its own way."""
    words = [WORDS[(number * (k + 3) + k * k) % len(WORDS)] for k in range(length)]
    return ("This film " * (number % 2) + " ".join(words))[:length]


LENGTHS = [201, 350, 200, 199, 260, 202, 40, 201, *range(203, 243)]
REVIEWS = {"text": [a_review(i, n) for i, n in enumerate(LENGTHS)], "label": [i % 2 for i in range(len(LENGTHS))]}
LONG = [text for text in REVIEWS["text"] if len(text) > 200]
COLUMNS = ["review", "input_ids", "query"]


def columns_of(result: Result) -> dict[str, Any]:
    """What came back, a dict of the three columns."""
    got = dict_of(result, "Return a dict of lists.")
    expect(result).that(
        list(got) == COLUMNS, hint=f"The columns are {', '.join(COLUMNS)}, in this order, and nothing else."
    )
    return got


@check("build_queries", points=1)
def long_reviews_are_kept_in_order(student: Student) -> None:
    """Reviews of more than 200 characters are kept, in their order, in the column `review`; labels are not."""
    tokenizer = student.build("tokenizer")
    result = student.build_queries(REVIEWS, tokenizer, 2, 8, 0)
    found = columns_of(result)["review"]
    others = {
        "*More than* 200 characters: a review of exactly 200 goes.": [t for t in REVIEWS["text"] if len(t) > 199],
        "All reviews are in it: only those of more than 200 characters are kept.": REVIEWS["text"],
        "200 characters, not tokens.": [t for t in REVIEWS["text"] if len(tokenizer.twin.encode(t)) > 200],
        "200 characters, not words.": [t for t in REVIEWS["text"] if len(t.split()) > 200],
    }
    hint = "Keep the whole texts of the reviews with more than 200 characters, in their order."
    expect(result).that(
        same(found, LONG), hint=next((said for said, other in others.items() if same(found, other)), hint)
    )
    expect(result).unchanged(hint="Your function changes `columns`, which it is given: work on a copy of it.")


def sizes(seed: int, low: int, high: int, count: int = len(LONG)) -> list[int]:
    """`count` draws of a sampler that was seeded first."""
    np.random.seed(seed)
    length = LengthSampler(low, high)
    return [int(length()) for _ in range(count)]


def size_mistakes(tokenizer: Any, low: int, high: int, seed: int) -> dict[str, list[int]]:
    """Numbers of tokens that come of likely mistakes."""
    right, drawn = sizes(seed, low, high), sizes(seed, low, high, len(LENGTHS))
    encoded: dict[str, Callable[[str, int], list[int]]] = {
        "Cut the tokens, not the characters.": lambda text, n: tokenizer.encode(text[:n]),
        "Cut the tokens, not the words.": lambda text, n: tokenizer.encode(" ".join(text.split(" ")[:n])),
    }
    return {
        "Draw after the filter: reviews that are dropped get no draw.": [
            n for n, text in zip(drawn, REVIEWS["text"], strict=True) if len(text) > 200
        ],
        "One draw for all reviews: seed once, then call the sampler for each.": right[:1] * len(LONG),
        "`LengthSampler(low, high)` itself: it stops before high, and that is what TRL does.": sizes(
            seed, low, high + 1
        ),
        "low and high are not used.": sizes(seed, 2, 8),
        "The first draw comes right after the seed: yours draws once before.": sizes(seed, low, high, len(LONG) + 1)[
            1:
        ],
        **{said: [len(cut(t, n)) for t, n in zip(LONG, right, strict=True)] for said, cut in encoded.items()},
    }


@check("build_queries", points=2)
def lengths_come_from_the_sampler(student: Student) -> None:
    """Each kept review gets one draw of `LengthSampler(low, high)`, seeded first: low, …, high − 1 tokens."""
    tokenizer = student.build("tokenizer")
    before = None
    for low, high, seed in ((2, 8, 0), (2, 8, 5), (3, 5, 1), (1, 2, 2)):
        result = student.build_queries(REVIEWS, tokenizer, low, high, seed)
        rows = columns_of(result)["input_ids"]
        of_lists = isinstance(rows, list) and all(type(row) is list for row in rows)
        expect(result).that(of_lists, hint="input_ids is a list of lists of ints.")
        found, wanted = [len(row) for row in rows], sizes(seed, low, high)
        expect(result).that(len(found) == len(wanted), hint="One row for each review of more than 200 characters.")
        table = size_mistakes(tokenizer.twin, low, high, seed)
        if found == before:
            table = {"The seed is not used: another seed gives the same lengths.": found}
        hint = "`np.random.seed(seed)`, then one `LengthSampler(low, high)`, called once for each kept review in order."
        hint = next((said for said, other in table.items() if found == other != wanted), hint)
        expect(result).that(found == wanted, hint=hint)
        before = found


# make_config -----------------------------------------------------------------------------------------------------

FIELDS = ("model_name", "learning_rate", "init_kl_coef", "batch_size", "seed")
DEFAULTS = (None, 1.41e-5, 0.2, 32, 0)
ASKED: tuple[tuple[Any, ...], ...] = (
    ("labs/tiny", 1.41e-5, 0.2, 32, 0), ("gpt2", 3e-4, 0.05, 12, 7), ("smol", 5e-5, 0.0, 1, 3), ("tiny",),
    ("tiny", 1e-3, 2.0, 127, 10), ("tiny", 1e-6, 0.2, 128, 1), ("tiny", 0.1, 1.0, 129, 2), ("tiny", 0.5, 0.3, 256, 99),
    ("a", 1e-5, 0.1, 200, 2**31), ("b", 3e-4, 1e-6, 1000, 1), ("c", 3e-4, 0.2, 97, 0), ("d", 1e-4, 0.7, 4096, 42),
)  # fmt: skip


def config_fields(name: str, rate: float, kl_coef: float, batch: int, seed: int) -> dict[str, Any]:
    """All fields of the config that is asked for, but the experiment's name, which is the program's."""
    with quiet_transformers():
        config = PPOConfig(
            model_name=name, learning_rate=rate, init_kl_coef=kl_coef, adap_kl_ctrl=False, batch_size=batch,
            mini_batch_size=batch, seed=seed,
        )  # fmt: skip
    return {key: value for key, value in dataclasses.asdict(config).items() if key != "exp_name"}


REFUSED = {
    "ValueError": (
        "TRL refuses such a config: mini_batch_size must divide batch_size, and is 128 unless you say otherwise."
    ),
    "TypeError": "Return a PPOConfig, made of fields that it has. (Leave the cell `facts_of_config` as it is.)",
}


def fields_of(student: Student, asked: tuple[Any, ...]) -> tuple[dict[str, Any], dict[str, Any], Result]:
    """What the locked cell says about the config, what it should say, and the call that it came from."""
    result = student.facts_of_config(*asked)
    said = REFUSED.get(result.error.kind if result.error else "TypeError", ERROR)
    whole = (*asked, *DEFAULTS[len(asked) :])
    return expect(result).value(dict, hint=said), config_fields(*whole), result


@check("make_config", points=1)
def config_has_what_was_asked(student: Student) -> None:
    """Model name, learning rate, KL coefficient, batch size and seed are those of the arguments."""
    for asked in ASKED:
        found, wanted, result = fields_of(student, asked)
        for field in FIELDS:
            hint = f"The field {field} is not the argument: pass it on."
            expect(result).that(same(found.get(field), wanted[field]), hint=hint)


@check("make_config", points=1)
def kl_coefficient_stays_fixed(student: Student) -> None:
    """The KL coefficient keeps its value: TRL's adaptive controller is off."""
    for asked in ASKED:
        found, _, result = fields_of(student, asked)
        hint = "TRL adapts the coefficient by default and steers to a KL of 6 nats: `adap_kl_ctrl=False`."
        expect(result).that(found.get("adap_kl_ctrl") is False, hint=hint)


@check("make_config", points=1)
def the_rest_is_left_to_trl(student: Student) -> None:
    """The whole batch is one mini-batch, for any size of batch, and every other field has TRL's default."""
    for asked in ASKED:
        found, wanted, result = fields_of(student, asked)
        hint = "The whole batch at once, whatever its size: mini_batch_size = batch_size."
        expect(result).that(same(found.get("mini_batch_size"), wanted["batch_size"]), hint=hint)
        for field, value in wanted.items():
            hint = f"The field {field} should have TRL's default value."
            elsewhere = field in (*FIELDS, "adap_kl_ctrl")
            expect(result).that(elsewhere or same(found.get(field), value), hint=hint)


# score_function_gradient -----------------------------------------------------------------------------------------


def table(rng: np.random.Generator, vocab: int = 3) -> torch.Tensor:
    """float64 [vocab, vocab]: a row for each last token; the last token is EOS, and its row is read at the start."""
    return torch.tensor(rng.normal(size=(vocab, vocab)))


def all_responses(vocab: int, places: int) -> torch.Tensor:
    """Every response once, filled up with EOS: int64 [responses, places]."""
    eos, others = vocab - 1, range(vocab - 1)
    ended = [(*y, eos) for n in range(places) for y in itertools.product(others, repeat=n)]
    full = [*ended, *itertools.product(others, repeat=places)]
    return torch.tensor([[*y, *[eos] * (places - len(y))] for y in full])


def response_log_probs(logits: torch.Tensor, y: torch.Tensor, padded: bool = False) -> torch.Tensor:
    """Log π(y) of each response, float [responses]; with `padded`, the filling counts too, which is wrong."""
    eos = logits.shape[0] - 1
    state = F.pad(y, (1, 0), value=eos)[:, :-1]
    ended = F.pad((y == eos).cumsum(-1), (1, 0))[:, :-1] > 0
    return (logits.log_softmax(-1)[state, y] * (~ended | padded)).sum(-1)


def scores_of(logits: torch.Tensor, y: torch.Tensor, padded: bool = False) -> torch.Tensor:
    """∇ log π(y) by autograd, [responses, vocab, vocab]."""
    return torch.autograd.functional.jacobian(lambda x: response_log_probs(x, y, padded), logits)


@check("score_function_gradient", points=2)
def expectation_is_the_exact_gradient(student: Student, rng: np.random.Generator) -> None:
    """Weighted by π over all responses, the estimates add up to the gradient of the expected reward, whatever b."""
    for vocab, places in ((3, 3), (4, 2)):
        logits = table(rng, vocab)
        y = all_responses(vocab, places)
        r = torch.tensor(rng.normal(size=len(y)))
        leaf = logits.clone().requires_grad_()
        (response_log_probs(leaf, y).exp() * r).sum().backward()
        probs = response_log_probs(logits, y).exp()
        for baseline in (0.0, 3.0, -20.0):
            result = student.score_function_gradient(logits, y, r, baseline)
            expect(result).value(hint=ERROR)
            got = expect(result).tensor((len(y), vocab, vocab), hint="[batch, vocab, vocab]: one for each response.")
            mean = (probs[:, None, None] * got.double()).sum(0)
            hint = "The mean over all responses is not the gradient of the expected reward."
            if not torch.allclose(mean, leaf.grad, rtol=0, atol=1e-8):
                padded = ((r - baseline)[:, None, None] * scores_of(logits, y, True) * probs[:, None, None]).sum(0)
                if torch.allclose(mean, padded, rtol=0, atol=1e-8):
                    hint += " The filling after the first EOS counts in yours."
                elif baseline:
                    hint += " A baseline must not move it: does it multiply ∇ log π, and only that?"
                raise Missed(hint)


# kl_estimators ---------------------------------------------------------------------------------------------------


@check("kl_estimators", points=1)
def k1_and_k3_are_unbiased(student: Student, rng: np.random.Generator) -> None:
    """Weighted by π over all tokens, k1 and k3 give KL(π‖π_ref) exactly."""
    lp, ref = (torch.tensor(rng.normal(size=(4, 9)) * 2).log_softmax(-1) for _ in range(2))
    result = student.kl_estimators(lp, ref)
    exact = (lp.exp() * (lp - ref)).sum(-1)
    got = dict_of(result, "A dict of k1, k2, k3.")
    ratio = (lp - ref).exp()
    turned = {"k1": -exact, "k3": (lp.exp() * (ratio - 1 - ratio.log())).sum(-1)}
    for name in ("k1", "k3"):
        part = got.get(name)
        fine = isinstance(part, torch.Tensor) and part.shape == lp.shape
        expect(result).that(fine, hint=f"{name} has the shape of the log-probs.")
        mean = (lp.exp() * part.double()).sum(-1)
        hint = f"The mean of {name} over samples of π is not KL(π‖π_ref)."
        if torch.allclose(mean, turned[name], rtol=0, atol=1e-8):
            hint += " Which of the two comes first in d?"
        expect(result).that(torch.allclose(mean, exact, rtol=0, atol=1e-8), hint=hint)
