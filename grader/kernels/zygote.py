"""The zygote: a process that imports what notebooks import, once, and forks a kernel for each submission.

It is a program of its own, started by `launch.start_zygote`, that imports of our code only `grader.kernels` and learns
of a lab the names of the modules to import and its recipes, which kernels run anyhow: a fork has the memory of its
parent, so what it must not know, cases and references, is never here. It has one thread, because a fork copies only the
thread that calls it.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import selectors
import signal
import socket
import sys
import time
import traceback
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from grader.kernels import canary, cgroups, linux, paths, process, recipes, sandbox, seccomp, session
from grader.kernels.behind_sockets import become_ipykernel, become_program
from grader.kernels.cgroups import Group
from grader.kernels.limits import Limits
from grader.kernels.preload import ThreadsStartedError, preload, start_anew, stay, threads
from grader.kernels.recipes import Recipes
from grader.kernels.sandbox import USUAL, Place, SandboxError, View
from grader.kernels.shell import Shell, make_shell
from grader.kernels.wire import TimeUp, WireError, dump, receive

ANSWERS = 3
REQUEST_SECONDS = 5.0  # who asks for a kernel says so as soon as it has connected
OWN_ARGUMENTS = 2  # of Python's -c: the word itself, and where our code lies


@dataclass(frozen=True)
class Settings:
    """What the trusted side tells a zygote, as one line of JSON on its standard input."""

    socket: str
    root: str
    trial: str
    """An empty folder, to try out whether one can be shown in a working folder."""
    imports: list[list[str]]
    paths: list[str]
    sandboxed: bool
    warm: dict[str, list[str]]
    command: list[str]
    """How this program was started."""
    search: list[str]
    """Where its environment finds modules; nothing: where this interpreter does by itself."""
    without: list[str] = field(default_factory=list)
    """Modules that start threads, and are left to the notebook."""
    recipes: str = ""
    """The text of the lab's `fixtures.py`; nothing where there is none."""


@dataclass(frozen=True)
class Kernels:
    """What all kernels of this zygote begin with."""

    settings: Settings
    shell: Shell
    listener: socket.socket
    place: cgroups.Place | None
    prefix: str
    recipes: Recipes | None
    own: int | None
    """This process's namespace of processes, as a descriptor, where each fork can have another; else None."""
    canary: dict[str, Any]
    """What a kernel finds in itself before student code runs; see `grader.kernels.canary`."""

    def group(self, number: int, limits: Limits) -> Group | None:
        """A control group for a kernel, where there can be one."""
        return None if self.place is None else cgroups.make(self.place, f"{self.prefix}{number}", limits)


def serve(settings: Settings) -> None:
    """Fork a kernel for each connection, for as long as the trusted side lives."""
    shell = make_shell()
    paths.keep_own()
    try:
        failed = preload(settings.imports, settings.warm, settings.without)
        rehearsed = _recipes_of(settings)
    except ThreadsStartedError as started:
        again = asdict(settings) | {"without": [*settings.without, str(started)]}
        start_anew(settings.command, again, os.path.dirname(settings.socket))
    with contextlib.suppress(OSError):  # no list for this machine: the kernel that is tried out says so
        seccomp.program()
    session.seed_libraries()
    untouched = canary.fingerprint(shell)
    gc.collect()
    gc.freeze()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(settings.socket)
    os.chmod(settings.socket, 0o600)
    listener.listen(128)
    place, why_not = _place_for_groups(settings)
    own = _own_namespace(settings)
    kernels = Kernels(settings, shell, listener, place, cgroups.prefix(os.getpid()), rehearsed, own, untouched)
    refused, how = _try_out(kernels)
    said = {"threads": threads(), "failed": failed, "without": settings.without, "refused": refused, "layers": how}
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
            _bear(connection, kernels, number)
            connection.close()
        _reap()


def _recipes_of(settings: Settings) -> Recipes | None:
    """The lab's recipes, rehearsed; nothing where there are none.

    Raises:
        ThreadsStartedError: they started threads that did not end.
    """
    if not settings.recipes or recipes.NAME in settings.without:
        return None
    began = threads()
    found = recipes.rehearsed(settings.recipes, Path(os.path.dirname(settings.socket), recipes.NAME))
    if stay(began):
        raise ThreadsStartedError(recipes.NAME)
    return found


def _place_for_groups(settings: Settings) -> tuple[cgroups.Place | None, str]:
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


def _own_namespace(settings: Settings) -> int | None:
    """The namespace of processes to come back to after each fork; None where only a child can leave it."""
    if not settings.sandboxed or os.getuid() != 0:
        return None
    own = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
    try:
        linux.rejoin(own, linux.NEWPID)  # asked before anything is left: a container may have a root that may not
        linux.unshare(linux.NEWPID)
        linux.rejoin(own, linux.NEWPID)
    except OSError:
        os.close(own)
        return None
    return own


def _try_out(kernels: Kernels) -> tuple[str, str]:
    """Have one kernel born and end again. Returns why that failed, if it did; and how it shows a folder of the host."""
    ours, theirs = socket.socketpair()
    request = {"op": "new", "limits": asdict(Limits()), "folder": "/", "name": USUAL.name}
    ours.sendall(dump(request | {"lower": kernels.settings.trial}))
    _bear(theirs, kernels, 0)
    theirs.close()
    try:
        kernel = process.born(ours, None)
    except SandboxError as refused:
        return str(refused), ""
    except WireError as ended:
        return f"a kernel ended while it was born ({ended})", ""
    finally:
        ours.close()
    kernel.send(signal.SIGKILL)
    os.close(kernel.folder)
    kernel.close()
    return "", kernel.layers


def _reap() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass


def _bear(connection: socket.socket, kernels: Kernels, number: int) -> None:
    """Fork a kernel for who speaks at the other end of a connection; what goes wrong is told there."""
    try:
        request, _ = receive(connection, time.monotonic() + REQUEST_SECONDS)
    except (WireError, TimeUp):  # whoever asked is gone, or hangs
        return
    try:
        if kernels.own is not None:
            _fork_as_first(connection, kernels, number, request)
        elif os.fork() == 0:
            _become_kernel(connection, kernels, number, request, _Birth(None))
    except OSError as refused:
        _tell(connection, f"a kernel could not be forked ({refused})")


@dataclass(frozen=True)
class _Birth:
    """How a kernel came into being."""

    announced: int | None
    """Where it is process 1 already: a descriptor that ends when the trusted side knows of it."""
    group: Group | None = None


def _fork_as_first(connection: socket.socket, kernels: Kernels, number: int, request: dict[str, Any]) -> None:
    """Fork a kernel that is process 1 of its namespace from the start: a fork in between costs 10 ms."""
    assert kernels.own is not None
    group = kernels.group(number, Limits(**request["limits"]))
    announced, announcing = os.pipe()
    try:
        try:
            child = sandbox.fork_as_first(kernels.own)
        except OSError:
            if group is not None:
                group.remove()
            raise
        if child == 0:
            os.close(announcing)
            _become_kernel(connection, kernels, number, request, _Birth(announced, group))
        with contextlib.suppress(OSError):  # whoever asked is gone
            process.announce(connection, child, group)
    finally:
        os.close(announced)
        os.close(announcing)


def _become_kernel(
    connection: socket.socket, kernels: Kernels, number: int, request: dict[str, Any], birth: _Birth
) -> None:
    """The forked child: never returns. It talks of what goes wrong, and ends."""
    code, settings = 1, kernels.settings
    try:
        kernels.listener.close()
        os.setsid()
        _only_keep(connection, birth.announced)
        limits = Limits(**request["limits"])
        view = View(tuple(settings.paths)).with_more(request.get("readable", ()), request.get("writable", ()))
        place, how = Place(request["name"], request["lower"]), ""
        if settings.sandboxed:
            if birth.announced is None:
                birth = _fork_once_more(connection, kernels, limits, number)
            # A control group bounds what is used; without one, what is mapped has to be bounded.
            addresses = birth.group is None or request["op"] != "program"
            how = _enter(view, kernels, limits, number, place, addresses, birth)
        else:
            sandbox.limit_resources(limits)
            process.announce(connection, os.getpid())
            os.chdir(request["folder"])
        if request["op"] == "ipykernel":
            become_ipykernel(connection, request, kernels.shell, how)
        elif request["op"] == "program":
            become_program(connection, request, how)
        else:
            session.main(connection, kernels.shell, limits, how, kernels.recipes, kernels.canary)
        code = 0
    except SandboxError as refused:
        _tell(connection, str(refused))
    except BaseException as broken:  # noqa: BLE001 - the last place that can say anything
        _tell(connection, "".join(traceback.format_exception(broken))[-2000:])
    finally:
        os._exit(code)


def _fork_once_more(connection: socket.socket, kernels: Kernels, limits: Limits, number: int) -> _Birth:
    """Become process 1 of a namespace without being root: the child returns; the parent only waits for it."""
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
    os.close(announcing)
    return _Birth(announced, group)


def _enter(
    view: View, kernels: Kernels, limits: Limits, number: int, place: Place, addresses: bool, birth: _Birth
) -> str:
    """Shut process 1 of a namespace in. Returns how a folder of the host is shown."""
    assert birth.announced is not None
    linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
    os.read(birth.announced, 1)  # ends when the parent has spoken: what the child says comes second, on any machine
    os.close(birth.announced)
    if kernels.own is not None:
        sandbox.leave_namespaces(processes=False)
    if birth.group is not None:
        birth.group.enter()
    return sandbox.enter(view, limits, kernels.settings.root, number, place, addresses)


def _tell(connection: socket.socket, reason: str) -> None:
    with contextlib.suppress(OSError):
        connection.sendall(dump({"op": "failed", "reason": reason}))


def _only_keep(connection: socket.socket, announced: int | None) -> None:
    """Close every descriptor but these; standard input and outputs lead nowhere."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nowhere, number)
    first = 3
    for kept in sorted({connection.fileno(), *([] if announced is None else [announced])}):
        os.closerange(first, kept)
        first = kept + 1
    os.closerange(first, 4096)


def _say(status: dict[str, Any]) -> None:
    os.write(ANSWERS, (json.dumps(status) + "\n").encode())


def main() -> None:
    """Read the settings, import, serve until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the terminal is for the trusted side, which ends us
    if len(sys.argv) > OWN_ARGUMENTS:
        settings = Settings(**json.loads(Path(sys.argv[-1]).read_text()))
    else:
        settings = Settings(**json.loads(sys.stdin.buffer.readline()))
        os.dup2(1, ANSWERS)  # what a module prints when it is imported is no answer
        os.dup2(2, 1)
    sys.path[:] = settings.search or [path for path in sys.path if path]
    serve(settings)


if __name__ == "__main__":
    main()
