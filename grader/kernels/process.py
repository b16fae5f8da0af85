"""A kernel's process as the trusted side holds it: by a descriptor, because a number can become another process's.

The parent of a kernel sends the descriptor along with the number, before anything of a student runs, while the number
is certain. On systems without such descriptors the number has to do. See pidfd_open(2), unix(7).
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from dataclasses import asdict, dataclass
from typing import Any

from grader.kernels.cgroups import Group, retire
from grader.kernels.sandbox import SandboxError
from grader.kernels.wire import WireError, dump, receive

GROUP = 1 << 2  # PIDFD_SIGNAL_PROCESS_GROUP, since Linux 6.9
MAX_DESCRIPTORS = 1
FOLDER = "."


@dataclass
class Process:
    """One process. `descriptor` is -1 where there is none; after `close` no signal reaches anybody."""

    pid: int
    descriptor: int = -1
    group: Group | None = None
    """The control group that it is in."""
    folder: int = -1
    """Its working folder, open: it can be read when the process has gone. The holder closes it."""
    layers: str = ""
    """How a folder of the host is shown in the working folder; nothing where there is none."""

    def send(self, number: int) -> None:
        """Signal it, if it still lives and may be signalled."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if self.descriptor >= 0:
                signal.pidfd_send_signal(self.descriptor, number)
            elif self.pid:
                os.kill(self.pid, number)

    def end_group(self) -> None:
        """Kill the process group that it leads."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if self.descriptor >= 0:
                try:
                    signal.pidfd_send_signal(self.descriptor, signal.SIGKILL, None, GROUP)
                except OSError as older:
                    if isinstance(older, ProcessLookupError | PermissionError):
                        raise
                else:
                    return
            if self.pid:
                os.killpg(self.pid, signal.SIGKILL)

    def close(self) -> None:
        """Forget it; its control group goes when it has ended."""
        if self.group is not None:
            retire(self.group)
        if self.descriptor >= 0:
            os.close(self.descriptor)
        self.pid, self.descriptor, self.group = 0, -1, None


def announce(connection: socket.socket, pid: int, group: Group | None = None) -> None:
    """Tell the trusted side of a process that is the caller itself, or its child that it has not waited for yet."""
    descriptors = []
    with contextlib.suppress(OSError):  # an old system, or a container's filter
        descriptors = [os.pidfd_open(pid)]
    try:
        data = dump({"op": "born", "pid": pid, "group": group and asdict(group)})
        sent = socket.send_fds(connection, [data], descriptors)
        connection.sendall(data[sent:])
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def ready(connection: socket.socket, layers: str = "") -> None:
    """Tell the trusted side that requests may come, and hand it the working folder: nothing of a student ran yet."""
    folder = os.open(FOLDER, os.O_RDONLY | os.O_DIRECTORY)
    try:
        data = dump({"op": "ready", "layers": layers})
        sent = socket.send_fds(connection, [data], [folder])
        connection.sendall(data[sent:])
    finally:
        os.close(folder)


def born(connection: socket.socket, deadline: float | None) -> Process:
    """The process of the kernel that comes into being at the other end, once it is ready for requests.

    Raises:
        SandboxError: it could not be shut in.
        WireError, TimeUp: as `wire.receive`.
    """
    catching, found = _Catching(connection), Process(0)
    try:
        header = _well(receive(catching, deadline)[0])
        if header.get("op") != "born":
            raise WireError(f"it said {header.get('op')!r} before it was born")
        group = Group(**header["group"]) if header["group"] else None
        found = Process(int(header["pid"]), catching.take(), group)
        header = _well(receive(catching, deadline)[0])
        found.folder, found.layers = catching.take(), str(header.get("layers", ""))
    except BaseException:
        found.send(signal.SIGKILL)
        found.close()
        raise
    finally:
        catching.close()
    return found


def _well(header: dict[str, Any]) -> dict[str, Any]:
    if header.get("op") == "failed":
        raise SandboxError(str(header.get("reason")))
    return header


class _Catching:
    """A connection that keeps the descriptors that come along."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._descriptors: list[int] = []

    def take(self) -> int:
        """The descriptor that came with the last message, or -1."""
        return self._descriptors.pop() if self._descriptors else -1

    def close(self) -> None:
        """Close what nobody took."""
        for descriptor in self._descriptors:
            os.close(descriptor)

    def settimeout(self, seconds: float) -> None:
        self._connection.settimeout(seconds)

    def recv(self, size: int) -> bytes:
        data, descriptors, _, _ = socket.recv_fds(self._connection, size, MAX_DESCRIPTORS)
        self._descriptors += descriptors
        return data
