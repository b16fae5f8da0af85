"""Formats with limits: the questions that fit, and the truth about those that do not."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from grader.formats.model.pools import Question, numbered
from grader.formats.model.registry import TYPES, Losses
from grader.quizzes.rendered import RenderedBank

T = TypeVar("T")
Made = Callable[[Question, Losses], T | None]


def that_fit(bank: RenderedBank, losses: Losses, make: Made[T]) -> list[T]:
    """What `make` makes of each question. Where that is None, with a loss of the item's type, a question does not fit.

    An item is left out if none of its variants fits. Where some do, the others are a loss of their own.
    """
    found: list[T] = []
    unfit: dict[str, list[str]] = {}
    fit: set[str] = set()
    for question in numbered(bank, losses):
        own = Losses()
        made = make(question, own)
        for loss in own.all():
            if made is None and loss.field in TYPES:
                unfit.setdefault(loss.item, []).append(loss.said)
            else:
                losses.add(loss.item, loss.field, loss.said)
        if made is not None:
            fit.add(question.item.id)
            found.append(made)
    counts = {item.id: (item.type, len(item.variants)) for item in bank.items}
    for item, reasons in unfit.items():
        kind, variants = counts[item]
        if item in fit:
            losses.add(item, "variants", f"{len(reasons)} of {variants} are left out: {reasons[0]}")
        else:
            losses.add(item, kind, reasons[0])
    return found
