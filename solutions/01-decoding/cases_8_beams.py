"""Cases of `beam_search`: the definition in float64, over all extensions, is the reference."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from cases_7_generate import EOS
from rows import INF

from grader.checks import Built, Case, Cases, Mistake


@dataclass(frozen=True)
class Beams:
    """Beam search by its definition, over all extensions, in float64; what is not as by default is a mistake."""

    scores: str = "log-probabilities"  # or probabilities, logits, or logarithms to base 2
    ranks: str = "sum"  # or last (and the sum is forgotten), mean
    returns: str = "sum"  # or mean, of the winner
    copies: bool = False  # whether it starts with as many copies of the prompt as there are beams
    extensions: str = "all"  # or the best of each hypothesis alone
    ended: str = "stay"  # or go on, or are thrown away
    prompt_ends: bool = False  # whether an EOS at the end of the prompt counts
    fewer: int = 0  # steps that are left out
    cuts: str = ""  # what of the winning text is left out: its prompt, its EOS

    @property
    def __name__(self) -> str:
        """As functions have one."""
        return repr(self)

    @torch.no_grad()
    def __call__(
        self, model: Any, ids: torch.Tensor, beams: int, max_new_tokens: int, eos_id: int
    ) -> tuple[torch.Tensor, float]:
        """The text and its score, by the arguments of the exercise."""
        if beams < 1:
            raise ValueError("beams")
        prompt = ids[0].tolist()
        pool: list[tuple[float, list[int], float]] = [(0.0, [], 0.0)] * (beams if self.copies else 1)
        for step in range(max_new_tokens - self.fewer):
            grown = []
            for key, new, total in pool:
                if (new or prompt if self.prompt_ends else new)[-1:] == [eos_id] and self.ended != "go on":
                    grown += [(key, new, total)] if self.ended == "stay" else []
                    continue
                gains = self._gains(model(torch.tensor([prompt + new])).logits[0, -1].double())
                best = max(gains)
                for token, gain in enumerate(gains):
                    if self.extensions == "all" or gain == best or not step:
                        score = total + gain
                        ranked_by = {"sum": score, "last": gain, "mean": score / (len(new) + 1)}[self.ranks]
                        grown.append((ranked_by, [*new, token], gain if self.ranks == "last" else score))
            pool = sorted(grown or pool, key=lambda hypothesis: -hypothesis[0])[:beams]
        _, new, total = pool[0]
        text = [] if self.cuts == "prompt" else list(prompt)
        text += new[:-1] if self.cuts == "EOS" and new[-1:] == [eos_id] else new
        return torch.tensor([text]), total / (len(new) if self.returns == "mean" else 1)

    def _gains(self, logits: torch.Tensor) -> list[float]:
        """What each token adds to a score."""
        log_probs = logits.log_softmax(-1)
        kinds = {
            "logits": logits,
            "probabilities": log_probs.exp(),
            "logarithms to base 2": log_probs / 0.6931471805599453,
        }
        found: list[float] = kinds.get(self.scores, log_probs).tolist()
        return found


PROMPT = torch.tensor([[2, 0, 3]])
NEVER = -30.0  # added to the logit of EOS where nothing is to end: EOS stays a column


def beam_case(
    family: str, seed: int, beams: int, steps: int, *, ids: torch.Tensor = PROMPT, eos_id: int = EOS,
    policy: str = "table_policy", **of_policy: Any,
) -> Case:  # fmt: skip
    """A case of `beam_search`: a policy, one prompt, beams, steps."""
    built = Built(policy, seed=seed, **({"eos_id": eos_id} if policy == "table_policy" else {}), **of_policy)
    name = f"{family}, {policy} {seed} {of_policy or ''} {ids.tolist()} eos {eos_id}: {beams} beams, {steps} steps"
    return Case(name, (built, ids, beams, steps, eos_id), family=family)


NARROW = ((0, 2), (0, 3), (1, 3), (6, 3), (7, 2), (7, 3), (10, 2), (12, 2), (12, 3), (13, 3))
ENDING = (
    (0, 2, 0.3),
    (0, 3, 0.3),
    (9, 2, 0.3),
    (5, 3, 0.3),
    (2, 2, -0.5),
    (4, 3, -0.5),
    (7, 3, -1.0),
    (1, 3, 0.3),
    (7, 2, 0.3),
)


def wide() -> Iterator[Case]:
    """Beams wide enough to keep everything, so that the best text of all is found."""
    for seed in range(6):
        yield beam_case("beams as wide as can be", seed, 30, 3, end=NEVER, vocab_size=3, eos_id=2, spread=0.6)
    for seed in range(3):
        yield beam_case("one step", seed, 9, 1, spread=0.6)
        yield beam_case("two tokens", seed, 20, 3, ids=torch.tensor([[1, 0]]), vocab_size=2, eos_id=1, spread=0.6)
    yield beam_case("a real network", 1, 30, 2, policy="toy_policy", vocab_size=4, eos_id=3, spread=0.4)
    yield beam_case("other dtypes", 2, 30, 3, vocab_size=3, eos_id=2, spread=0.6, dtype="float64")


BEAM_VALUE = "A more probable text exists. Sum `log_softmax` of the logits over the whole text; start from one prompt."
BEAM_SCORES = (
    Mistake("Logits are not comparable between steps: add `log_softmax` of them.", Beams(scores="logits")),
    Mistake("Add log-probabilities, not probabilities.", Beams(scores="probabilities")),
    Mistake("Right text, wrong score: nats are natural logarithms.", Beams(scores="logarithms to base 2")),
    Mistake(
        "A more probable text exists: rank by the sum over all new tokens, not by the last one.", Beams(ranks="last")
    ),
    Mistake(
        "Right text, wrong score: it is the plain sum of the log-probabilities of the new tokens, in nats.",
        Beams(returns="mean"),
    ),
)
BEAM_FORM = (
    Mistake("Return the prompt together with the new tokens.", Beams(cuts="prompt")),
    Mistake("Make as many steps as `max_new_tokens` says.", Beams(fewer=1)),
)
BEAM_POOL = (
    Mistake(
        "Rank the extensions of *all* hypotheses together; several of one hypothesis may stay, and none of another.",
        Beams(extensions="best"),
    ),
    Mistake(
        "Start from one prompt: copies bring the same extension many times. Rank *all* hypotheses together, each once.",
        Beams(copies=True),
    ),
)
BEAM_END = (
    Mistake("What has ended stays in the pool as it is: it is not extended.", Beams(ended="go on")),
    Mistake("What has ended stays in the pool as it is: it is not thrown away.", Beams(ended="thrown away")),
    Mistake("What has ended competes by its plain sum: not divided by its length.", Beams(ranks="mean")),
    Mistake("An EOS in the prompt ends nothing: look at new tokens only.", Beams(prompt_ends=True)),
    Mistake("The EOS of a text belongs to it: return it too.", Beams(cuts="EOS")),
)
BEAM_HINTS = {
    "shape": "Return prompt and new tokens, [1, length + new], up to its EOS and no padding.",
    "type": "Return a pair: ids, int64 [1, length + new] with the prompt in front, and the score as a float.",
    "dtype": "Return a pair: ids, int64 [1, length + new] with the prompt in front, and the score as a float.",
    "changed": "Return a new tensor, and leave `ids` as it is.",
}

finds_the_best = Cases(
    "beam_search",
    name="wide_beams_find_the_most_probable_text",
    promise="With beams wide enough to keep everything, the result is the most probable of all continuations.",
    points=2,
    reference=Beams(),
    pool=wide,
    tolerance=1e-4,
    hints=BEAM_HINTS | {"value": BEAM_VALUE, "family": BEAM_VALUE},
    mistakes=(*BEAM_SCORES, *BEAM_FORM),
)


def narrow() -> Iterator[Case]:
    """Few beams, where what is cut and what stays decides."""
    for seed, beams in NARROW:
        yield beam_case("few beams", seed, beams, 4, end=NEVER, spread=0.5)
    for seed in (1, 3):
        yield beam_case("a prompt of one token", seed, 2, 3, ids=torch.tensor([[1]]), end=NEVER, spread=0.5)
        yield beam_case(
            "more beams than tokens", seed, 5, 3, vocab_size=3, eos_id=2, ids=torch.tensor([[1, 0]]), spread=0.5
        )
        yield beam_case("an EOS that cannot come", seed, 2, 3, eos_id=0, end=-INF, spread=0.5)


keeps_the_best = Cases(
    "beam_search",
    name="narrow_beams_keep_the_best_of_all_extensions",
    promise="After each step the best extensions of all hypotheses together stay, as many as there are beams.",
    points=2,
    reference=Beams(),
    pool=narrow,
    tolerance=1e-4,
    hints=BEAM_HINTS
    | {
        "value": "After each step the `beams` best extensions of all hypotheses together stay, no more, no fewer.",
        "family": "After each step the `beams` best extensions of all hypotheses together stay, no more, no fewer.",
    },
    mistakes=(*BEAM_POOL, *BEAM_SCORES, *BEAM_FORM),
)


def with_ends() -> Iterator[Case]:
    """Hypotheses that end early, late, all; EOS in the prompt; EOS as any column."""
    for seed, beams, end in ENDING:
        yield beam_case("hypotheses that end", seed, beams, 4, vocab_size=4, eos_id=3, end=end, spread=0.6)
        yield beam_case(
            "an EOS that is not the last token", seed, beams, 3, vocab_size=4, eos_id=0, end=end, spread=0.6
        )
    for seed in (1, 4, 5):
        for ids in ([[EOS]], [[2, 0, EOS]]):
            yield beam_case("a prompt that ends with EOS", seed, 3, 3, ids=torch.tensor(ids), spread=0.6)
        yield beam_case("all texts end at once", seed, 2, 3, end=9.0)
    for seed in (2, 3):
        yield beam_case("beams as wide as can be", seed, 60, 3, vocab_size=3, eos_id=2, end=0.5, spread=0.6)


ended_compete = Cases(
    "beam_search",
    name="ended_hypotheses_compete_as_they_are",
    promise="A hypothesis that ends in EOS is not extended, keeps its score and competes with the longer ones.",
    points=1,
    reference=Beams(),
    pool=with_ends,
    tolerance=1e-4,
    hints=BEAM_HINTS
    | {
        "shape": "What has ended stays in the pool as it is: not extended, not thrown away, not divided by its length. "
        "Only a new EOS ends a text, and it belongs to it.",
        "value": "What has ended stays in the pool as it is: not extended, thrown away or divided by its length.",
        "family": "What has ended stays in the pool as it is: not extended, thrown away or divided by its length.",
    },
    mistakes=(*BEAM_END, *BEAM_SCORES[:4], *BEAM_POOL, *BEAM_FORM),
)


def one_beam() -> Iterator[Case]:
    """Greedy decoding; no beam at all."""
    for seed in (0, 2, 3, 5):
        yield beam_case("one beam", seed, 1, 4, spread=0.8)
        yield beam_case("one beam", seed, 1, 4, end=NEVER, spread=0.8)
    yield beam_case("a real network", 2, 1, 3, policy="toy_policy")
    for beams in (0, -2, -1):
        yield beam_case("fewer than one beam", 2, beams, 4)


one_beam_is_greedy = Cases(
    "beam_search",
    name="one_beam_is_greedy",
    promise="One beam is greedy decoding; fewer than one raises ValueError; the prompt is not changed.",
    points=1,
    reference=Beams(),
    pool=one_beam,
    keeps_inputs=True,
    tolerance=1e-4,
    hints=BEAM_HINTS
    | {
        "no error": "Raise ValueError when `beams` is below 1.",
        "other error": "Raise ValueError when `beams` is below 1.",
        "value": "With one beam only the best token stays, step by step.",
    },
    mistakes=(*BEAM_END[:1], *BEAM_SCORES[:3], *BEAM_SCORES[4:], *BEAM_FORM),
)
