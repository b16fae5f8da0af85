"""A judge that compares two texts by a score, and habits that it can be given on purpose."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

FIRST, SECOND, TIE = "first", "second", "tie"
WORTH = {FIRST: 1.0, TIE: 0.5, SECOND: 0.0}
Score = Callable[[Sequence[str]], "torch.Tensor"]


@dataclass(frozen=True)
class Judge:
    """Says which of two texts is better: the one with the higher score, after its habits had their say.

    `first` is added to the score of the text that is shown first; `longer` is what a standard deviation of the gap in
    words adds to the longer one. Both are in units of the score; an honest judge has neither.
    """

    score: Score
    first: float = 0.0
    longer: float = 0.0

    def verdicts(self, shown_first: Sequence[str], shown_second: Sequence[str]) -> list[str]:
        """One of "first", "second" and "tie" for each pair of texts."""
        gap = self.score(list(shown_first)).double() - self.score(list(shown_second)).double() + self.first
        if self.longer:
            gap = gap + self.longer * words_more(shown_first, shown_second)
        return [TIE if x == 0 else FIRST if x > 0 else SECOND for x in gap.tolist()]

    def wins(self, shown_first: Sequence[str], shown_second: Sequence[str]) -> list[float]:
        """1 for each pair whose first text is better, 0.5 for a tie, else 0."""
        return [WORTH[verdict] for verdict in self.verdicts(shown_first, shown_second)]

    def spread(self, one: Sequence[str], other: Sequence[str]) -> float:
        """The standard deviation of the difference of scores: a unit for habits."""
        return float((self.score(list(one)).double() - self.score(list(other)).double()).std())


def remembering(score: Score) -> Score:
    """The same score, in float64, with a memory: whatever is asked, a text is scored once."""
    known: dict[str, float] = {}

    def scores(texts: Sequence[str]) -> torch.Tensor:
        import torch

        new = [text for text in dict.fromkeys(texts) if text not in known]
        if new:
            known.update(zip(new, score(new).tolist(), strict=True))
        return torch.tensor([known[text] for text in texts], dtype=torch.float64)

    return scores


def words_more(one: Sequence[str], other: Sequence[str]) -> torch.Tensor:
    """How many words more the first text of each pair has, over the standard deviation of that: float64 `[pairs]`.

    The mean is not taken off: 0 means equally long. Where all gaps are equal, they are 0 or ±1.
    """
    import torch

    pairs = zip(one, other, strict=True)
    gaps = torch.tensor([len(a.split()) - len(b.split()) for a, b in pairs], dtype=torch.float64)
    unit = float(gaps.std()) if len(gaps) > 1 else 0.0
    return gaps / unit if unit > 0 else gaps.sign()
