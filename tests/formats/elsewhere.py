"""Texts that tests read: our own of the same form, and in addition what others have, where a variable names it."""

from __future__ import annotations

import os
from pathlib import Path


def with_ours(variable: str, own: Path) -> list[Path]:
    """Our file or folder, and the one that the environment names.

    Raises:
        FileNotFoundError: the variable names nothing that is there.
    """
    named = os.environ.get(variable)
    if named and not Path(named).exists():
        raise FileNotFoundError(f"{variable} is {named}, which is not there: it names texts like {own}")
    return [own, *([Path(named)] if named else [])]
