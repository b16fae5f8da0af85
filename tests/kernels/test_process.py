"""A kernel is held by a descriptor of its process: a number that another process got is not signalled."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from grader.kernels.process import Process

SLEEPER = [sys.executable, "-S", "-c", "print(flush=True); import time; time.sleep(1000)"]


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(SLEEPER, stdout=subprocess.PIPE, start_new_session=True) as one:
        assert one.stdout is not None
        one.stdout.readline()
        yield one
        one.kill()


def ended() -> tuple[int, int]:
    """The number and a descriptor of a process that is gone."""
    with subprocess.Popen(["true"], start_new_session=True) as one:
        return one.pid, os.pidfd_open(one.pid)


def test_a_kernel_comes_with_the_descriptor_of_its_process(kernel: Any) -> None:
    process = kernel().process
    said = Path(f"/proc/self/fdinfo/{process.descriptor}").read_text()
    assert f"Pid:\t{process.pid}\n" in said


def test_a_number_that_went_to_another_process_is_left_alone(sleeper: subprocess.Popen[bytes]) -> None:
    mistaken = Process(sleeper.pid, ended()[1])
    mistaken.send(signal.SIGKILL)
    mistaken.end_group()
    assert sleeper.poll() is None
    mistaken.close()
    mistaken.send(signal.SIGKILL)
    assert sleeper.poll() is None


@pytest.mark.parametrize("by_descriptor", [True, False])
def test_a_process_and_its_group_can_be_ended(sleeper: subprocess.Popen[bytes], by_descriptor: bool) -> None:
    process = Process(sleeper.pid, os.pidfd_open(sleeper.pid) if by_descriptor else -1)
    process.send(signal.SIGCONT)
    process.end_group()
    assert sleeper.wait() == -signal.SIGKILL
    process.send(signal.SIGKILL)  # gone: nothing happens
    process.close()


def test_a_closed_kernel_keeps_no_descriptor_and_ends(kernel: Any) -> None:
    one = kernel()
    held = os.dup(one.process.descriptor)
    before = len([*Path("/proc/self/fd").iterdir()])
    one.close()
    assert len([*Path("/proc/self/fd").iterdir()]) == before - 3  # the connection, the process, its folder
    poll = select.poll()  # it is no child of ours: its descriptor says when it has ended
    poll.register(held, select.POLLIN)
    assert poll.poll(20_000)
    os.close(held)
