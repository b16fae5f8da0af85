"""Where fetched data and models lie; nothing is loaded or downloaded here."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

VARIABLE = "LABKIT_CACHE"
KEEP = "LABKIT_KEEP"  # `off`: what cells train is not kept in that folder, nor taken from it


def cache_folder(course: str = "labkit") -> Path:
    """The folder of everything that a course fetched: `$LABKIT_CACHE`, or `~/.cache/<course>`."""
    chosen = os.environ.get(VARIABLE)
    return Path(chosen).expanduser() if chosen else Path.home() / ".cache" / course


def has_all(folder: Path, names: Iterable[str]) -> bool:
    """Whether `folder` has a file of each of these names."""
    return all((folder / name).is_file() for name in names)
