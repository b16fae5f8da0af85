"""`waived.yaml`: mutants of a lab that no legal input tells apart from their answer, by name, each with a reason.

    top_p_filter:
    - because: a mask of booleans has no gradient to cut
      mutants:
      - "by_a_threshold: cut: drop = logits < least -> drop = (logits < least).detach()"
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

FILE = "waived.yaml"


class WaiverError(LookupError):
    """The file cannot be meant so; the message names it and says how it is to be."""


def waived(folder: Path) -> dict[str, dict[str, str]]:
    """The reasons of a lab's waivers, by exercise and by the name of the mutant; nothing where there is no file.

    Raises:
        WaiverError: the file is no such list, has no reason, or waives a mutant twice.
    """
    path = folder / FILE
    if not path.exists():
        return {}
    try:
        content = YAML(typ="safe").load(path.read_text(encoding="utf-8")) or {}
    except YAMLError as error:
        raise WaiverError(f"{path}: {' '.join(str(error).split())}") from None
    if type(content) is not dict:
        raise WaiverError(f"{path}: expected exercises, each with a list; see solutions/README.md")
    return {str(exercise): _of_exercise(path, str(exercise), entries) for exercise, entries in content.items()}


def _of_exercise(path: Path, exercise: str, entries: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    for entry in entries if type(entries) is list else [None]:
        mutants = entry.get("mutants") if type(entry) is dict else None
        reason = " ".join(str(entry.get("because") or "").split()) if type(entry) is dict else ""
        if type(mutants) is not list or not mutants or not reason:
            raise WaiverError(f"{path}: {exercise}: each entry has `because:`, a reason, and `mutants:`, a list of names")
        for name in map(str, mutants):
            if name in found:
                raise WaiverError(f"{path}: {exercise}: {name!r} is waived twice")
            found[name] = reason
    return found
