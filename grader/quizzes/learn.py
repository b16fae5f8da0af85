"""Banks learn from classes: what was measured is written beside the guess, and all other lines stay the author's."""

from __future__ import annotations

import re
from pathlib import Path

from grader.files import write_whole
from grader.quizzes.analyse import FEW, BankAnalysis
from grader.quizzes.load import load

MEASURED = re.compile(r"\s+measured:")


def write_measured(path: Path, found: BankAnalysis) -> list[str]:
    """Write `measured: {share: …, students: …}` to each item of a bank that ten students or more have met.

    Returns:
        The ids of the items that were written, in the order of the file; comments and all other lines stay.

    Raises:
        QuizError: the file is no bank.
    """
    bank = load(path)
    known = {item.item: item for item in found.items if item.count >= FEW}
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    written: list[str] = []
    for place, item in reversed(list(enumerate(bank.model.items))):
        if item.id not in known:
            continue
        told = f"measured: {{share: {known[item.id].difficulty:.3g}, students: {known[item.id].count}}}\n"
        field = next(name for name in ("measured", "difficulty", "objective") if name in bank.tree["items"][place])
        line = bank.line("items", place, field) - 1
        indent = re.match(r"[\s-]*", lines[line])
        new = " " * len(indent.group() if indent else "") + told
        if field == "measured":
            lines[line] = new
        else:
            lines.insert(_after(lines, line), new)
        written.insert(0, item.id)
    write_whole(path, "".join(lines).encode("utf-8"))
    return written


def _after(lines: list[str], line: int) -> int:
    """Where the value that begins in a line has ended: at the next line that is indented no deeper."""
    depth = len(lines[line]) - len(lines[line].lstrip(" -"))
    after = line + 1
    while after < len(lines) and lines[after].strip() and len(lines[after]) - len(lines[after].lstrip(" ")) > depth:
        after += 1
    return after
