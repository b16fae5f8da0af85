"""Work on things that may never end, or end the process: in forked processes, each within limits of time and memory."""

from __future__ import annotations

import json
import os
import resource
import selectors
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

MEMORY_MB = 3072
SILENT_SECONDS = 120.0
"""After which a process that says nothing is ended: signals do not reach what hangs outside of Python."""


class TooLongError(BaseException):
    """What is worked on used up its time; no `except Exception` stops it."""


@dataclass
class _Child:
    pid: int
    pipe: int
    waiting: list[int]
    """Numbers of what it was given and has not answered, in order."""
    text: bytes = b""
    lines: list[bytes] = field(default_factory=list)


def for_each_forked(
    work: Callable[[int], Any], numbers: Sequence[int], jobs: int, silent: float = SILENT_SECONDS
) -> Iterator[tuple[int, Any]]:
    """(number, what `work` gives for it), as it comes; None where a process ended, or hung, over that number.

    `work` runs in `jobs` processes that are forked from this one; what it gives is sent as JSON.
    """
    children = [_forked(work, list(numbers[start::jobs])) for start in range(jobs)]
    children = [child for child in children if child.waiting or _ended(child)]
    selector = selectors.DefaultSelector()
    for child in children:
        selector.register(child.pipe, selectors.EVENT_READ, child)
    try:
        while selector.get_map():
            ready = selector.select(silent)
            stuck = [] if ready else [key.data for key in selector.get_map().values()]
            for child in stuck:
                os.kill(child.pid, signal.SIGKILL)
            for child in [*(key.data for key, _ in ready), *stuck]:
                yield from _answers(child)
                if child.pid:
                    continue
                selector.unregister(child.pipe)
                os.close(child.pipe)
                if child.waiting:
                    yield child.waiting.pop(0), None
                if child.waiting:
                    again = _forked(work, child.waiting)
                    selector.register(again.pipe, selectors.EVENT_READ, again)
    finally:
        for key in list(selector.get_map().values()):
            os.kill(key.data.pid, signal.SIGKILL)
            os.waitpid(key.data.pid, 0)
            os.close(key.data.pipe)
        selector.close()


def _ended(child: _Child) -> bool:
    os.waitpid(child.pid, 0)
    os.close(child.pipe)
    return False


def _answers(child: _Child) -> Iterator[tuple[int, Any]]:
    part = os.read(child.pipe, 2**20)
    if not part:
        os.waitpid(child.pid, 0)
        child.pid = 0
        return
    *lines, child.text = (child.text + part).split(b"\n")
    for line in lines:
        yield child.waiting.pop(0), json.loads(line)


def _forked(work: Callable[[int], Any], numbers: list[int]) -> _Child:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        return _Child(pid, reading, numbers)
    try:
        os.close(reading)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(nowhere, number)
        most = _mapped() + MEMORY_MB * 2**20
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        for number in numbers:
            data = json.dumps(work(number)).encode() + b"\n"
            while data:
                data = data[os.write(writing, data) :]
    finally:
        os._exit(0)


def _mapped() -> int:
    """Bytes of address space that this process has."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[0]) * resource.getpagesize()
    except OSError:
        return 8 * 2**30


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Raise `TooLongError` in what runs inside once it has used `seconds` of CPU time. In the main thread."""

    def stop(_: int, __: FrameType | None) -> None:
        raise TooLongError

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds, 0.1)  # again and again: an answer may swallow the first
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        signal.signal(signal.SIGPROF, before)
