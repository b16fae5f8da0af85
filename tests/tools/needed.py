"""What a test says that needs a tool: it skips where the tool cannot be had."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import pytest

from tests.tools.found import MissingError

T = TypeVar("T")


def needed(find: Callable[[], T]) -> T:
    """What `find` finds. Where it is missing the test skips, and says in one line what, why and what to do."""
    try:
        return find()
    except MissingError as missing:
        pytest.skip(str(missing))
