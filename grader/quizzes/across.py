"""What is asked in several banks: the same words around other numbers, or the same computation."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from grader.quizzes.load import Fault, Loaded, QuizError, load
from grader.quizzes.model import AnyItem

CHANGING = re.compile(r"\{\{ .+? \}\}|\d+(?:\.\d+)?")
SHORT = 60  # characters of a stem, or of code, that may well be the same by chance


def variants_of(path: Path, item: str | None = None) -> int:
    """How many variants a bank has, or one of its items; 0 of what is no bank."""
    try:
        items = load(path).model.items
    except QuizError:
        return 0
    return sum(one.variants for one in items if item in (None, one.id))


def doubles(paths: Iterable[Path]) -> list[Fault]:
    """Items of one course that are asked twice, in one bank or in two; the later one is the fault."""
    seen: dict[str, tuple[Loaded, AnyItem]] = {}
    faults = []
    for bank in (load(path) for path in paths if variants_of(path)):
        for item in bank.model.items:
            for what, text in (("stem", skeleton(item.stem)), ("code", skeleton(item.given or ""))):
                if len(text) < SHORT:
                    continue
                other, first = seen.setdefault(f"{what} {text}", (bank, item))
                if first is not item:
                    told = f"it has the {what} of {first.id} in {other.name}, apart from numbers: ask something else"
                    faults.append(bank.fault(item, told, "stem" if what == "stem" else "given"))
    return faults


def skeleton(text: str) -> str:
    """A text without what changes from variant to variant, comments, spaces and capitals."""
    return re.sub(r"[\W_]+", " ", CHANGING.sub("#", re.sub(r"#.*|\"\"\".*?\"\"\"", "", text))).casefold().strip()
