"""The process that has banks' code run: it imports what a bank imports, once, and forks a process for each item.

`grader.quizzes.evaluate` starts it and sends it one end of a connection for each item. What is forked has two parts: a
guard with the author's rights, which runs nothing of a bank, watches time and memory and ends the other when the
connection is closed; and behind it, in the same sandbox as a student's kernel (`grader.kernels.sandbox`), the process
that reads requests from the connection and answers them (`grader.quizzes.worker`).

An item cannot change what another one is told to be: its process knows no other item, and ends with it.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import io
import json
import os
import resource
import select
import signal
import socket
import sys
import tempfile
from pathlib import Path
from typing import Any, NoReturn

from grader.kernels import linux, sandbox
from grader.kernels.limits import Limits
from grader.kernels.sandbox import SandboxError, View
from grader.kernels.watch import resident_mb, usage
from grader.quizzes.wire import Settings
from grader.quizzes.worker import serve

# Time is limited for each thing that is evaluated, on both sides of the connection; an item may be many things.
LIMITS = Limits(cpu_seconds=24 * 3600, memory_mb=8192, disk_mb=64)
PAUSE = 250  # milliseconds between two looks at a process
ALWAYS = (["numpy.random"], ["statistics"])  # numpy loads its dozen modules of random numbers when they are first used
INSIDE = {"HOME": sandbox.HOME, "TMPDIR": "/tmp", "MPLCONFIGDIR": "/tmp/matplotlib"}


def preload(imports: list[list[str]], draws: bool) -> None:
    """Import what a bank's code will import; what cannot be imported is left to it. Draw once what all figures need."""
    for module, *names in (*ALWAYS, *imports):
        with contextlib.suppress(Exception):
            loaded = importlib.import_module(module)
            for name in names:
                getattr(loaded, name, None)
    if draws:
        with contextlib.suppress(Exception):
            _draw_something()


def _draw_something() -> None:
    """Have matplotlib make what it makes when it first draws a formula, and keeps: modules, and a parser.

    Nothing of it may hold an open font, because what is forked has no descriptor but its connection: hence a formula
    of a size that no figure has, and no ticks.
    """
    import matplotlib.pyplot as plt
    from matplotlib import font_manager

    figure, axes = plt.subplots(layout="constrained")
    axes.set_axis_off()
    figure.text(0.5, 0.5, r"$\frac{1}{2}$", fontsize=7.31)
    figure.savefig(io.StringIO(), format="svg")
    plt.close(figure)
    font_manager._get_font.cache_clear()  # type: ignore[attr-defined]


def main() -> None:
    """Fork for each connection that arrives, until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the terminal is for the trusted side, which ends us
    settings = Settings(**json.loads(sys.argv[1]))
    control = socket.socket(fileno=os.dup(0))
    preload(settings.imports, settings.draws)
    gc.collect()
    gc.freeze()  # else collecting garbage would copy the memory that is shared with what is forked
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # guards leave nothing behind
    _say(b"ready\n")
    number = os.getpid() * 37  # as zygotes do: what two forkers shut in at one time has different users
    while True:
        data, descriptors, _, _ = socket.recv_fds(control, 1, 1)
        if not data or not descriptors:
            return
        number += 1
        connection = socket.socket(fileno=descriptors[0])
        if os.fork() == 0:
            _guard(connection, settings, number)
        connection.close()


def _guard(connection: socket.socket, settings: Settings, number: int) -> NoReturn:
    """Have the process born that runs a bank's code, and see to its end."""
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        _only_keep(connection)
        if settings.sandboxed:
            waited, child = _in_namespaces(connection, settings, number)
        elif (waited := (child := os.fork())) == 0:
            _become_worker(connection, settings, number)
        _watch(connection, waited, child, settings)
    except BaseException as broken:  # noqa: BLE001 - the last place that can say anything
        _tell(connection, {"ended": f"the guard of its process broke: {broken!r}"})
    finally:
        os._exit(0)


def _in_namespaces(connection: socket.socket, settings: Settings, number: int) -> tuple[int, int]:
    """Fork the first process of new namespaces: the process to wait for, and the first one as it is called out here.

    The one between them goes into the namespaces too; the guard stays outside, where /proc tells of all.
    """
    heard, said = os.pipe()
    between = os.fork()
    if between:
        os.close(said)
        with os.fdopen(heard) as told:
            return between, int(told.read() or 0)
    try:
        os.close(heard)
        linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
        sandbox.leave_namespaces()
        child = os.fork()
        if child == 0:
            os.close(said)
            _become_worker(connection, settings, number)
        os.write(said, str(child).encode())
        os.close(said)
        os.waitpid(child, 0)
    except SandboxError as refused:
        _tell(connection, {"refused": str(refused)})
    finally:
        os._exit(0)


def _become_worker(connection: socket.socket, settings: Settings, number: int) -> NoReturn:
    """Enter the sandbox and answer requests; nothing of a bank has been read before."""
    try:
        if settings.sandboxed:
            linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
            sandbox.enter(View(tuple(settings.paths)), LIMITS, settings.root, number)
            os.environ.update(INSIDE)
            tempfile.tempdir = INSIDE["TMPDIR"]  # a library that was imported may have asked where that is
        else:
            os.setsid()
            megabyte = 2**20
            resource.setrlimit(resource.RLIMIT_FSIZE, (LIMITS.disk_mb * megabyte, LIMITS.disk_mb * megabyte))
            with contextlib.suppress(OSError, ValueError):  # macOS has no such limit
                resource.setrlimit(resource.RLIMIT_AS, (LIMITS.memory_mb * megabyte, LIMITS.memory_mb * megabyte))
            os.chdir(settings.home)
        serve(connection)
    except SandboxError as refused:
        _tell(connection, {"refused": str(refused)})
    finally:
        os._exit(0)


def _watch(connection: socket.socket, waited: int, child: int, settings: Settings) -> None:
    """Wait for the end of a process; end it, and all that it started, when nobody listens or it takes too much."""
    inherited = resident_mb(child)
    poll = select.poll()
    poll.register(connection, 0)  # tells of a hang-up on either side, and of nothing else
    while os.waitpid(waited, os.WNOHANG) == (0, 0):
        gone = poll.poll(PAUSE)
        used = None if gone else usage(child, inherited)
        if gone or (used is not None and used.memory_mb > settings.private_mb):
            _end(child, settings.sandboxed)
            if not gone:
                _tell(connection, {"ended": f"it used more than {settings.private_mb} MB of memory"})
            os.waitpid(waited, 0)
            return
    if not settings.sandboxed:
        _end(child, settings.sandboxed)


def _end(child: int, alone: bool) -> None:
    """End the first process of a sandbox, and with it all others; without a sandbox, the group that it leads."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if not alone:
            os.killpg(child, signal.SIGKILL)
        elif child:
            os.kill(child, signal.SIGKILL)


def _tell(connection: socket.socket, what: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):
        connection.sendall(b"\n" + json.dumps(what).encode() + b"\n")


def _only_keep(connection: socket.socket) -> None:
    """Let every descriptor but the connection lead nowhere.

    They are not closed: their numbers would be given to others, which forgotten files of libraries would close later.
    """
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in {0, 1, 2, *(int(path.name) for path in Path("/dev/fd").iterdir())} - {connection.fileno(), nowhere}:
        with contextlib.suppress(OSError):  # that of the listing itself
            os.fstat(number)
            os.dup2(nowhere, number)


def _say(line: bytes) -> None:
    os.write(1, line)


if __name__ == "__main__":
    main()
