"""What tests judge by and this repository cannot hold, as it is others': each in a place that a variable names."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def elsewhere(variable: str, what: str) -> Path:
    """The file or folder that the environment names; without it the test skips, and says which variable to set."""
    named = os.environ.get(variable)
    if not named:
        pytest.skip(f"{variable} is not set: it names {what}")
    assert Path(named).exists(), f"{variable} is {named}, which is not there: it names {what}"
    return Path(named)
