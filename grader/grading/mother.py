"""A process that workers are forked from: what all of them need is imported, and worked out, in it once.

`Mother` is the grader's side of it; the process itself calls `mind`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection, Pipe
from multiprocessing.reduction import recv_handle, send_handle

from grader.grading.pool import Start

FORK = b"fork"
TRIES = 3


class Mother:
    """A running one; `start` is what `pool.run_tasks` calls for each worker.

    `begin` starts a process that calls `mind` with its end of a connection, and returns how to end it at once.
    """

    def __init__(self, begin: Start) -> None:
        self._begin, self._one_at_a_time = begin, threading.Lock()
        self._renew()

    def _renew(self) -> None:
        self._control, theirs = Pipe()
        with theirs:
            self._end = self._begin(theirs)

    def start(self, connection: Connection) -> Callable[[], None]:
        """Let a worker be forked that serves the other end of `connection`; returns how to end it at once.

        Where this process was ended (the machine ran out of memory), another one takes its place.

        Raises:
            RuntimeError: it ends again and again.
        """
        with self._one_at_a_time:
            for _ in range(TRIES):
                with contextlib.suppress(OSError, EOFError):
                    self._control.send_bytes(FORK)
                    send_handle(self._control, connection.fileno(), None)
                    return self._ending(self._control, self._control.recv_bytes())
                self.close()
                self._renew()
        raise RuntimeError("the process that workers are forked from ends again and again; run `grader doctor`")

    def _ending(self, control: Connection, pid: bytes) -> Callable[[], None]:
        def end() -> None:
            try:
                with self._one_at_a_time:
                    control.send_bytes(pid)
                    control.recv_bytes()
            except (OSError, EOFError):  # the mother was ended, and nobody else would end a worker that hangs
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)

        return end

    def close(self) -> None:
        """End it; workers end with it."""
        self._control.close()
        self._end()


def mind(control: Connection, work: Callable[[Connection], None], ahead: Iterator[None]) -> None:
    """In the mother: fork or end a worker when told, until the grader goes; while there is none, work ahead.

    Args:
        control: to the grader.
        work: what a worker does with its connection.
        ahead: does a piece of work each time it is asked for more.
    """
    alive = 0
    with contextlib.suppress(EOFError, OSError):
        while True:
            if not alive:  # else workers need the cores
                _use_time(control, ahead)
            said = control.recv_bytes()
            if said != FORK:
                os.kill(int(said), signal.SIGKILL)  # a child that nobody has waited for: the number is still its own
                os.waitpid(int(said), 0)
                control.send_bytes(said)
                alive -= 1
                continue
            handle = recv_handle(control)
            pid = os.fork()
            if pid == 0:
                control.close()
                try:
                    work(Connection(handle))
                finally:
                    os._exit(1)
            os.close(handle)
            alive += 1
            control.send_bytes(str(pid).encode("ascii"))


def _use_time(control: Connection, ahead: Iterator[None]) -> None:
    """Do a piece of work after another until there is something to read; one that fails is left to who needs it."""
    with contextlib.suppress(Exception):
        while not control.poll():
            try:
                next(ahead)
            except StopIteration:
                return
