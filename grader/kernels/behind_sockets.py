"""What a forked kernel becomes that talks as Jupyter has it: an ipykernel, or a program of any language.

The sandbox is around it already. The trusted side lays out its files, says `go`, and talks over sockets in a folder
that both see (transport ipc).
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
from typing import Any

from grader.kernels import process, session
from grader.kernels.shell import Shell, run_command
from grader.kernels.wire import receive


def become_ipykernel(connection: socket.socket, request: dict[str, Any], shell: Shell, layers: str) -> None:
    """Become an ipykernel; the connection stays open until it ends."""
    from ipykernel.kernelapp import IPKernelApp
    from ipykernel.zmqshell import ZMQInteractiveShell

    ZMQInteractiveShell.system = run_command
    type(shell).clear_instance()
    process.ready(connection, layers)
    receive(connection)
    session.reseed()
    sys.argv = ["ipykernel_launcher", *request["argv"]]
    IPKernelApp.launch_instance(request["argv"])


def become_program(connection: socket.socket, request: dict[str, Any], layers: str) -> None:
    """Start a program, wait until it ends, and pass on the signal that interrupts cells.

    This process stays the first of its namespaces: it takes in orphans, and its end is theirs.
    """
    process.ready(connection, layers)
    receive(connection)
    child = os.fork()
    if child == 0:
        try:
            os.setpgid(0, 0)
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.execvpe(request["argv"][0], request["argv"], os.environ | request["variables"])
        finally:
            os._exit(127)

    def pass_on(number: int, _: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, number)

    signal.signal(signal.SIGINT, pass_on)
    while os.wait()[0] != child:
        pass
