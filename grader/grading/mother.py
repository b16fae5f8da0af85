"""The process that the workers of a run are forked from: it has loaded the assignment, and worked ahead.

What right answers and likely mistakes give is the same for every submission. It is worked out while kernels are being
prepared, once for all workers, which find it in their memory.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from multiprocessing.connection import Connection, Pipe
from multiprocessing.context import ForkServerContext
from multiprocessing.reduction import recv_handle, send_handle
from pathlib import Path

from grader.grading.forks import begin
from grader.grading.pool import limit_memory, serve
from grader.kernels.launch import Started

FORK = b"fork"
TRIES = 3


class Mother:
    """A running one; `start` is what `pool.run_tasks` calls for each worker."""

    def __init__(self, context: ForkServerContext, assignment: bytes, zygotes: Mapping[str, Started]) -> None:
        self._arguments = context, assignment, zygotes
        self._begin()

    def _begin(self) -> None:
        context, *arguments = self._arguments
        self._control, theirs = Pipe()
        with theirs:
            self._end = begin(context, _serve, theirs, *arguments)

    def start(self, connection: Connection) -> Callable[[], None]:
        """Let a worker be forked that serves the other end of `connection`; returns how to end it at once.

        Where this process was ended (the machine ran out of memory), another one takes its place.

        Raises:
            RuntimeError: it ends again and again.
        """
        for _ in range(TRIES):
            control = self._control
            with contextlib.suppress(OSError, EOFError):
                control.send_bytes(FORK)
                send_handle(control, connection.fileno(), None)
                return _ending(control, control.recv_bytes())
            self.close()
            self._begin()
        raise RuntimeError("the process that workers are forked from ends again and again; run `grader doctor`")

    def close(self) -> None:
        """End it; workers end with it."""
        self._control.close()
        self._end()


def _ending(control: Connection, pid: bytes) -> Callable[[], None]:
    def end() -> None:
        try:
            control.send_bytes(pid)
            control.recv_bytes()
        except (OSError, EOFError):  # the mother was ended, and nobody else would end a worker that hangs
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)

    return end


def _serve(control: Connection, assignment: bytes, zygotes: Mapping[str, Started]) -> None:
    """In the mother: load, work ahead, and fork or end a worker when told, until the grader goes."""
    from grader.grading.worker import ahead, die_with_parent, loaded

    die_with_parent()
    pieces: Iterator[None] = ahead(loaded(assignment)[1])
    with contextlib.suppress(EOFError, OSError):
        while True:
            _use_time(control, pieces)
            said = control.recv_bytes()
            if said != FORK:
                os.kill(int(said), signal.SIGKILL)  # a child that nobody has waited for: the number is still its own
                os.waitpid(int(said), 0)
                control.send_bytes(said)
                continue
            pieces = iter(())  # from now on workers need the cores
            handle = recv_handle(control)
            pid = os.fork()
            if pid == 0:
                control.close()
                try:
                    _work(Connection(handle), assignment, zygotes)
                finally:
                    os._exit(1)
            os.close(handle)
            control.send_bytes(str(pid).encode("ascii"))


def _use_time(connection: Connection, pieces: Iterator[None]) -> None:
    """Do a piece of work after another until there is something to read; one that fails is left to who needs it."""
    with contextlib.suppress(Exception):
        while not connection.poll():
            try:
                next(pieces)
            except StopIteration:
                return


def _work(connection: Connection, assignment: bytes, zygotes: Mapping[str, Started]) -> None:
    """In a worker: grade, until the grader goes."""
    from grader.grading.worker import MEMORY_MB, die_with_parent, grade_bytes

    die_with_parent()
    limit_memory(MEMORY_MB)
    serve(connection, lambda path: grade_bytes(assignment, Path(os.fsdecode(path)).read_bytes(), zygotes))
