"""One zygote for all tests of kernels, and kernels out of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import pytest

from grader.kernels.client import Kernel
from grader.kernels.launch import Started, start_zygote, wait_until_ready
from grader.kernels.limits import Limits

LIMITS = Limits(cell_seconds=10.0, call_seconds=10.0, memory_mb=512, disk_mb=16, processes=32)
MakeKernel = Callable[..., Kernel]


@pytest.fixture(scope="session")
def started() -> Iterator[Started]:
    """A zygote with Python, one small package and torch, whose tensors some tests send, for the whole run."""
    with start_zygote([["math"], ["markupsafe"], ["torch"]]) as zygote:
        yield wait_until_ready(zygote).started


@pytest.fixture
def kernel(started: Started) -> Iterator[MakeKernel]:
    """`kernel(files, cell_seconds=…)` gives a kernel that ends with the test."""
    kernels: list[Kernel] = []

    def make(files: Mapping[str, bytes] | None = None, **limits: float) -> Kernel:
        kernels.append(Kernel(started, replace(LIMITS, **limits), files or {}))
        return kernels[-1]

    yield make
    for one in kernels:
        one.close()
