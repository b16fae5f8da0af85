"""The zygote: a process that imports what notebooks import, once, and forks a kernel for each submission.

It is a program of its own, started by `launch.start_zygote`, that imports of our code only `grader.kernels` and learns
nothing of any lab but the names of the modules to import: a fork has the memory of its parent, so what it must not know
is never here. It has one thread, because a fork copies only the thread that calls it.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import selectors
import signal
import socket
import sys
import traceback
from dataclasses import asdict, dataclass
from typing import Any

from grader.kernels import cgroups, linux, process, sandbox, seccomp, session
from grader.kernels.cgroups import Group, Place
from grader.kernels.limits import Limits
from grader.kernels.sandbox import SandboxError, View
from grader.kernels.shell import Shell, make_shell, run_command
from grader.kernels.wire import WireError, dump, receive

WARM = {
    # Modules that libraries import when first used, for up to a second in every kernel; a course names more of them.
    "torch": ("torch._dynamo", "torch.distributions", "torch.utils.data", "torch.fx.experimental.symbolic_shapes"),
    "matplotlib": ("matplotlib.pyplot", "matplotlib_inline.backend_inline", "matplotlib.backends.backend_agg"),
    "IPython": ("IPython.core.completer", "IPython.core.magics.pylab", "IPython.display"),
}


@dataclass(frozen=True)
class Settings:
    """What the trusted side tells a zygote, as one line of JSON on its standard input."""

    socket: str
    root: str
    imports: list[list[str]]
    paths: list[str]
    sandboxed: bool
    warm: dict[str, list[str]]


@dataclass(frozen=True)
class Kernels:
    """What all kernels of this zygote begin with."""

    settings: Settings
    shell: Shell
    listener: socket.socket
    place: Place | None
    prefix: str

    def group(self, number: int, limits: Limits) -> Group | None:
        """A control group for a kernel, where there can be one."""
        return None if self.place is None else cgroups.make(self.place, f"{self.prefix}{number}", limits)


def preload(imports: list[list[str]], warm: dict[str, list[str]]) -> list[str]:
    """Import modules, and names from them; what cannot be imported is left to the notebook. Returns what failed."""
    failed = []
    bases = _bases(imports)
    wanted = [
        *imports,
        *([module] for known in (WARM, warm) for base, modules in known.items() for module in modules if base in bases),
    ]
    for module, *names in wanted:
        try:
            loaded = importlib.import_module(module)
            for name in names:
                getattr(loaded, name, None)
        except Exception:  # noqa: BLE001 - the notebook meets the same error and shows it
            failed.append(module)
    return failed


def _bases(imports: list[list[str]]) -> set[str]:
    return {module.split(".")[0] for module, *_ in imports} | {"IPython", "*"}


def serve(settings: Settings) -> None:
    """Fork a kernel for each connection, for as long as the trusted side lives."""
    shell = make_shell()
    failed = preload(settings.imports, settings.warm)
    threads = len(os.listdir("/proc/self/task")) if os.path.isdir("/proc/self/task") else 1
    with contextlib.suppress(OSError):  # no list for this machine: the kernel that is tried out says so
        seccomp.program()
    gc.collect()
    gc.freeze()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(settings.socket)
    os.chmod(settings.socket, 0o600)
    listener.listen(128)
    place, why_not = _place_for_groups(settings)
    kernels = Kernels(settings, shell, listener, place, cgroups.prefix(os.getpid()))
    refused = _try_out(kernels)
    said = {"threads": threads, "failed": failed, "refused": refused}
    _say(said | {"place": place and asdict(place), "prefix": kernels.prefix, "no_groups": why_not})
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ)
    selector.register(sys.stdin, selectors.EVENT_READ)
    number = os.getpid() * 37  # kernels of two zygotes of one machine have different users: limits count by user
    while True:
        for key, _ in selector.select(timeout=0.5):
            if key.fileobj is sys.stdin:
                return  # the trusted side has gone
            connection, _ = listener.accept()
            number += 1
            if os.fork() == 0:
                _become_kernel(connection, kernels, number)
            connection.close()
        _reap()


def _place_for_groups(settings: Settings) -> tuple[Place | None, str]:
    """Where control groups of kernels may be made, or why there are none."""
    if not settings.sandboxed:
        return None, "kernels are not sandboxed"
    try:
        place = cgroups.find()
        cgroups.sweep(place)
        cgroups.make(place, f"{cgroups.prefix(os.getpid())}trial", Limits()).remove()
    except (cgroups.NoGroupsError, OSError) as refused:
        return None, str(refused)
    return place, ""


def _try_out(kernels: Kernels) -> str:
    """Have one kernel born and end again. Returns why that failed, or nothing."""
    ours, theirs = socket.socketpair()
    if os.fork() == 0:
        ours.close()
        _become_kernel(theirs, kernels, 0)
    theirs.close()
    ours.sendall(dump({"op": "new", "limits": asdict(Limits()), "folder": "/"}))
    try:
        kernel = process.born(ours, None)
    except SandboxError as refused:
        return str(refused)
    except WireError as ended:
        return f"a kernel ended while it was born ({ended})"
    finally:
        ours.close()
    kernel.send(signal.SIGKILL)
    kernel.close()
    return ""


def _reap() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass


def _become_kernel(connection: socket.socket, kernels: Kernels, number: int) -> None:
    """The forked child: never returns. It talks of what goes wrong, and ends."""
    code, settings = 1, kernels.settings
    try:
        kernels.listener.close()
        os.setsid()
        _only_keep(connection)
        request, _ = receive(connection)
        limits = Limits(**request["limits"])
        view = View(tuple(settings.paths))
        if request["op"] == "ipykernel":
            view = View((*settings.paths, request["folder"]), (request["sockets"],))
        if settings.sandboxed:
            _enter_as_first_process(connection, view, kernels, limits, number)
        else:
            sandbox.limit_resources(limits)
            process.announce(connection, os.getpid())
            os.chdir(request["folder"])
        if request["op"] == "ipykernel":
            _run_ipykernel(connection, request, kernels.shell)
        else:
            session.main(connection, kernels.shell, limits)
        code = 0
    except SandboxError as refused:
        _tell(connection, str(refused))
    except BaseException as broken:  # noqa: BLE001 - the last place that can say anything
        _tell(connection, "".join(traceback.format_exception(broken))[-2000:])
    finally:
        os._exit(code)


def _run_ipykernel(connection: socket.socket, request: dict[str, Any], shell: Shell) -> None:
    """Become a kernel with sockets, for `provisioner`; the connection stays open until it ends."""
    from ipykernel.kernelapp import IPKernelApp
    from ipykernel.zmqshell import ZMQInteractiveShell

    ZMQInteractiveShell.system = run_command
    type(shell).clear_instance()
    os.chdir(request["folder"])
    session.reseed()
    connection.sendall(dump({"op": "ready"}))
    sys.argv = ["ipykernel_launcher", *request["argv"]]
    IPKernelApp.launch_instance(request["argv"])


def _enter_as_first_process(
    connection: socket.socket, view: View, kernels: Kernels, limits: Limits, number: int
) -> None:
    """Fork once more: the child is process 1 of its namespaces and returns; the parent only waits for it."""
    group = kernels.group(number, limits)
    linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
    sandbox.leave_namespaces()
    announced, announcing = os.pipe()
    child = os.fork()
    if child:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        process.announce(connection, child, group)
        os.close(announcing)
        connection.close()
        os.waitpid(child, 0)
        os._exit(0)
    os.setsid()  # or else kill(0, …) would reach the parent, where it has the same user, and with it end the kernel
    linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
    os.close(announcing)
    os.read(announced, 1)  # ends when the parent has spoken: what the child says comes second, on any machine
    os.close(announced)
    if group is not None:
        group.enter()
    sandbox.enter(view, limits, kernels.settings.root, number)


def _tell(connection: socket.socket, reason: str) -> None:
    with contextlib.suppress(OSError):
        connection.sendall(dump({"op": "failed", "reason": reason}))


def _only_keep(connection: socket.socket) -> None:
    """Close every descriptor but the connection; standard input and outputs lead nowhere."""
    kept = connection.fileno()
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nowhere, number)
    os.closerange(3, kept)
    os.closerange(kept + 1, 4096)


def _say(status: dict[str, Any]) -> None:
    os.write(1, (json.dumps(status) + "\n").encode())


def main() -> None:
    """Read the settings, import, serve until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the terminal is for the trusted side, which ends us
    serve(Settings(**json.loads(sys.stdin.buffer.readline())))


if __name__ == "__main__":
    main()
