"""The recipes of a lab: the text of its `fixtures.py`, executed once and rehearsed where kernels are forked from.

Recipes build what no plain value carries, and hold no answers: student code may read them. What they import and use for
the first time takes up to half a second, which a fork inherits. A `fixtures.py` may say what else to do ahead:

    def rehearse() -> None:
        toy_policy(seed=0)(torch.tensor([[0, 1]]))
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import types
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NAME = "fixtures"
REHEARSE = "rehearse"


@dataclass(frozen=True)
class Recipes:
    """A `fixtures.py` that was executed: its text, and what came of it."""

    source: str
    module: types.ModuleType

    def __getitem__(self, recipe: str) -> Callable[..., Any]:
        """The recipe of that name."""
        found: Callable[..., Any] = getattr(self.module, recipe)
        return found


def executed(source: str) -> Recipes:
    """Execute a `fixtures.py`; it can be imported by its name from now on, where classes of recipes are looked up."""
    module = types.ModuleType(NAME)
    sys.modules[NAME] = module
    exec(compile(source, "<fixtures>", "exec"), vars(module))
    return Recipes(source, module)


def rehearsed(source: str, folder: Path) -> Recipes | None:
    """Execute a `fixtures.py`, and do ahead what it says; its temporary files go to `folder`, and are removed.

    Nobody can import it afterwards, until it is `known`. Where it fails there is nothing: kernels meet the same error.
    """
    folder.mkdir()
    tempfile.tempdir = str(folder)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = executed(source)
            getattr(found.module, REHEARSE, lambda: None)()
    except (Exception, SystemExit):  # noqa: BLE001 - a lab's own code
        return None
    finally:
        sys.modules.pop(NAME, None)
        tempfile.tempdir = None
        shutil.rmtree(folder, ignore_errors=True)
    return found


def known(source: str, before: Recipes | None) -> Recipes:
    """The recipes of a text: those that were executed `before`, if they are of this text, else executed now."""
    if before is None or before.source != source:
        return executed(source)
    sys.modules[NAME] = before.module
    return before
