"""What the first checks of a notebook take time for, done once, when this module is imported.

A grader imports it where it forks kernels from: which libraries a course has, how help is opened and values are laid
side by side are then known in each of them. A notebook that somebody works in never imports it.
"""

from __future__ import annotations

import sys
from typing import Any

from labkit import compare, course, help_sheet, looking, outcome
from labkit.help_sheet import CHECKS

PROBES = (
    {"setup": "", "call": "f()", "value": 1.0, "error": ""},
    {"setup": "x = [1]", "call": "f(x)", "value": [1.5], "error": ""},
    {"setup": "", "call": "f(", "value": None, "error": "ValueError"},
)


def rehearse() -> None:
    """Open a help file made for this, and look at an answer that is wrong in some ways."""
    course.libraries()
    check: dict[str, Any] = {"promise": "…", "probes": PROBES, "about": "value", "tolerance": None, "hints": {}}
    trap = {"hint": "…", "outcomes": [[0, 0, 2.0], [0, 1, [2.0]]]}
    content = {"checks": [check], "traps": [trap], "common": ""}
    raw = help_sheet.dump_help("rehearsal", "", {"f": {CHECKS: content}})
    checks = help_sheet.parse_help(raw, "the rehearsal").checks("f")
    for answer in (lambda *_: 2.0, lambda *_: 1 / 0, _first_of):
        looked = looking.look(checks, {"f": answer})
        outcome.ChecksFailed("f", looked.outcomes).told(colour=True)
    torch = sys.modules.get("torch")
    if torch is not None:
        compare.difference(torch.tensor([1.0]), torch.tensor([2.0]))


def _first_of(*given: Any) -> Any:
    return given[0]


rehearse()
