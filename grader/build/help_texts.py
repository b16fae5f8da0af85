"""`hints.yaml`: help in steps for each exercise of a lab, and what its trap was.

    top_p_filter:
      look: Which token brings the sum over p?
      idea: …
      line: …
      trap: …
      example: |
        z = torch.tensor([[0.5, 0.3, 0.15, 0.05]]).log()
        top_p_filter(z, 0.7)
      wrong: drops_the_crossing_token
      plot: {x: "[0.1, 0.5, 0.9]", y: "…of x…", x_label: p, y_label: tokens kept}

`look`, `idea` and `line` are the three steps. `trap` is told when all visible checks pass, with the counterexample that
`grader build` works out: the last line of `example` for the solution, and for the answer of wrong.py that `wrong` names.
`plot` is left out where there is nothing to see.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

FILE = "hints.yaml"
STEPS = ("look", "idea", "line")
TEXTS = (*STEPS, "trap", "example", "wrong")
PLOT = ("x", "y", "x_label", "y_label")


class HelpTextError(ValueError):
    """The file cannot be meant so; `line` is where."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True)
class HelpTexts:
    """The help for one exercise, as its author wrote it; `line` is where it begins."""

    steps: tuple[str, ...]
    trap: str
    example: str
    wrong: str
    plot: Mapping[str, str]
    line: int


def help_texts(folder: Path) -> dict[str, HelpTexts]:
    """The help of a lab by exercise; nothing where there is no file.

    Raises:
        HelpTextError: something is missing, empty, unknown, or no text.
    """
    path = folder / FILE
    if not path.exists():
        return {}
    try:
        content: Any = YAML(typ="rt").load(path.read_text(encoding="utf-8")) or {}
    except YAMLError as error:
        raise HelpTextError(1, " ".join(str(error).split())) from None
    if content and not hasattr(content, "items"):
        raise HelpTextError(1, "expected exercises, each with its steps.")
    return {str(name): _of_exercise(str(name), said, content.lc.key(name)[0] + 1) for name, said in content.items()}


def _of_exercise(name: str, said: Any, line: int) -> HelpTexts:
    if not hasattr(said, "lc") or not hasattr(said, "items"):
        raise HelpTextError(line, f"{name}: expected {', '.join(TEXTS)}.")
    for key in said:
        if key not in (*TEXTS, "plot"):
            raise HelpTextError(said.lc.key(key)[0] + 1, f"{name}: {key!r} is not known: {', '.join(TEXTS)}, plot.")
    for key in TEXTS:
        if not isinstance(said.get(key), str) or not said[key].strip():
            raise HelpTextError(line, f"{name}: {key} is missing, empty or no text.")
    plot = said.get("plot") or {}
    if plot and (not isinstance(plot, dict) or sorted(plot) != sorted(PLOT)):
        raise HelpTextError(line, f"{name}: plot has {', '.join(PLOT)}, each a text.")
    flowing = {key: " ".join(said[key].split()) for key in (*STEPS, "trap")}
    return HelpTexts(
        steps=tuple(flowing[step] for step in STEPS),
        trap=flowing["trap"],
        example=said["example"].strip(),
        wrong=said["wrong"].strip(),
        plot={key: str(text) for key, text in plot.items()},
        line=line,
    )
