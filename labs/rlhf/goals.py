"""Goals that a program can judge: a text stops, or is one sentence of eight to twelve words."""

from __future__ import annotations

import re
from collections.abc import Sequence

LEAST, MOST = 8, 12
_SENTENCE = re.compile(r"[^.!?]*[^.!?\s][.!?]")


def one_sentence(text: str, *, least: int = LEAST, most: int = MOST) -> bool:
    """Whether a text is one sentence of `least` to `most` words.

    It ends with a full stop, a question mark or an exclamation mark, has none of them before its end, and words are
    what spaces part.

    >>> one_sentence("This film is one that you will want to see.")
    True
    >>> one_sentence("This film is good.")
    False
    """
    text = text.strip()
    return _SENTENCE.fullmatch(text) is not None and least <= len(text.split()) <= most


def stops(text: str, *, ended: bool) -> bool:
    """Whether a text came to an end: the policy said EOS, right after a full stop, `!` or `?`."""
    return ended and text.rstrip().endswith((".", "!", "?"))


def share(verdicts: Sequence[bool]) -> float:
    """The share of texts for which a goal is met.

    Raises:
        ValueError: there are no verdicts.
    """
    if not verdicts:
        raise ValueError("no verdicts: the share of nothing is not defined")
    return sum(verdicts) / len(verdicts)
