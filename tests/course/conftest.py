"""Classes that every road graded, once for all tests."""

from __future__ import annotations

import pytest

from .assignments import odd, pandas_homework, quickstart, renamed
from .roads import Roads, on_all


@pytest.fixture(scope="session")
def quickstart_class(tmp_path_factory: pytest.TempPathFactory) -> Roads:
    """nbgrader's example course."""
    root = tmp_path_factory.mktemp("quickstart") / "course"
    quickstart.make(root)
    return on_all(root, quickstart.NAME)


@pytest.fixture(scope="session")
def pandas_class(tmp_path_factory: pytest.TempPathFactory) -> Roads:
    """A homework with numpy, pandas and matplotlib."""
    root = tmp_path_factory.mktemp("pandas") / "course"
    pandas_homework.make(root)
    return on_all(root, pandas_homework.NAME)


@pytest.fixture(scope="session")
def odd_class(tmp_path_factory: pytest.TempPathFactory) -> Roads:
    """Three odd notebooks."""
    root = tmp_path_factory.mktemp("odd") / "course"
    odd.make(root)
    return on_all(root, odd.NAME)


@pytest.fixture(scope="session")
def renamed_class(tmp_path_factory: pytest.TempPathFactory) -> Roads:
    """A course whose configuration says something of everything."""
    root = tmp_path_factory.mktemp("renamed") / "course"
    renamed.make(root)
    return on_all(root, renamed.NAME, mixed=True)
