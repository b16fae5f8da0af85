"""Kernels behind sockets, in the sandbox: a jupyter_client provisioner that has them forked by a zygote.

**Kernels of other languages.** Stock's `Execute` talks to them; `foreign_kernel` gives it the class of kernel manager:

    kernels = foreign_kernel(kernel_of("bash"), zygote.started, limits, folder="ps1", lower=release, files=handed_in)
    Execute(kernel_manager_class=kernels.manager).preprocess(notebook, resources)
    kernels.harvest()   # the files that the notebook made or changed; see `harvest`

The program runs in the same sandbox as Python's kernels, with the same list of system calls; its installation is shown
to it. It has to know Jupyter's transport `ipc`: all kernels built on ipykernel, xeus, IRkernel or IJulia do.

**Any nbgrader.** Stock nbgrader (or nbclient, or nbconvert) takes warm ipykernels by an environment variable:

    JUPYTER_DEFAULT_PROVISIONER_NAME=warm GRADER_PRELOAD="numpy pandas" nbgrader autograde ps1

Each notebook then runs in a fork of a process that has imported these modules, in our sandbox, in a folder called as
its own, with no network. What it writes there is put into its own folder when its kernel ends, as far as `harvest`
takes it. Tests inside the notebook run where they always did, in the student's kernel: this is faster, and safer for
the machine, but it keeps no hidden test from student code. `GRADER_SANDBOX=none` leaves the sandbox out.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import os
import select
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from grader.course.paths import find_course
from grader.course.settings import CourseSettings, load_settings
from grader.kernels.environments import NoKernelError, Program, shown
from grader.kernels.harvest import Harvest, LayoutError, Stamp, gather, lay_out, stamps
from grader.kernels.launch import Started, lab_zygote, wait_until_ready
from grader.kernels.layers import one_part
from grader.kernels.limits import Limits
from grader.kernels.process import Process, born
from grader.kernels.sandbox import USUAL
from grader.kernels.wire import send

BIRTH_SECONDS = 30.0
WAIT_SECONDS = 0.02
PROVISIONER = "warm"


@dataclass
class Plan:
    """A kernel that is to run behind sockets: which, in what folder; and, when it has ended, what it left there."""

    started: Started
    limits: Limits
    program: Program | None = None
    """Nothing: an ipykernel of the zygote's own environment."""
    folder: str = USUAL.name
    lower: Path | None = None
    files: Mapping[str, bytes] = field(default_factory=dict)
    hidden: tuple[Path, ...] = ()
    left: Harvest = field(default_factory=Harvest)

    def request(self, command: list[str], sockets: str) -> dict[str, Any]:
        """What the zygote is asked for."""
        asked: dict[str, Any] = {"op": "ipykernel", "argv": command, "writable": [sockets]}
        if self.program is not None:
            readable = [str(path) for path in shown(self.program.readable, self.hidden)]
            asked |= {"op": "program", "variables": dict(self.program.variables), "readable": readable}
        lower = str(self.lower.absolute()) if self.lower else ""
        return asked | {"name": self.folder, "lower": lower, "folder": lower or "/tmp", "limits": asdict(self.limits)}


class SandboxedKernelManager(AsyncKernelManager):
    """A kernel manager whose kernel runs by its `plan`, whatever name the notebook asks for."""

    plan: Plan

    @property
    def kernel_spec(self) -> KernelSpec:
        """The kernelspec of the plan's program, with our provisioner."""
        program = self.plan.program
        assert program is not None
        metadata = {"kernel_provisioner": {"provisioner_name": PROVISIONER}}
        env = dict(program.variables)
        return KernelSpec(argv=list(program.argv), env=env, language=program.language, metadata=metadata)


@dataclass(frozen=True)
class ForeignKernel:
    """The class of kernel manager for one notebook, and what its kernel leaves."""

    manager: type[AsyncKernelManager]
    plan: Plan

    def harvest(self) -> Harvest:
        """The files that the notebook made or changed, once its kernel has ended."""
        return self.plan.left


def foreign_kernel(
    program: Program,
    started: Started,
    limits: Limits,
    folder: str = USUAL.name,
    lower: Path | None = None,
    files: Mapping[str, bytes] | None = None,
    hidden: tuple[Path, ...] = (),
) -> ForeignKernel:
    """How stock's Execute runs a program as kernel in the sandbox, for one notebook.

    `started` is a zygote of any environment; `folder`, `lower` and `files` are those of `client.Kernel`; what lies in
    or holds a folder of `hidden` is not shown to the program. The manager's class goes to
    `Execute(kernel_manager_class=…)`.

    Raises:
        NoKernelError: there is no sandbox here: a program that is no warm kernel runs in one only.
        ValueError: `folder` cannot be the name of a folder.
    """
    if not started.sandboxed:
        raise NoKernelError(
            f"the kernel {program.name!r} is a program, which runs in a sandbox only, and there is none. Without one "
            "stock's own Execute can run it: nbgrader autograde"
        )
    plan = Plan(started, limits, program, one_part(folder), lower, files or {}, hidden)
    return ForeignKernel(type("PlannedKernelManager", (SandboxedKernelManager,), {"plan": plan}), plan)


@lru_cache(maxsize=1)
def own_zygote(preload: str, sandbox: str) -> Started:
    """The zygote of this process; it ends with it.

    Raises:
        SandboxError: kernels cannot be sandboxed here.
    """
    modules = [[name] for name in preload.replace(",", " ").split()]
    modules += [["ipykernel.kernelapp"], ["ipykernel.ipkernel"]]
    zygote = wait_until_ready(lab_zygote(modules, _settings(), sandbox != "none"))
    atexit.register(zygote.stop)
    return zygote.started


def _settings() -> CourseSettings:
    """What the course around the working directory says; nothing where there is none."""
    try:
        return load_settings(find_course().root)
    except LookupError:
        return CourseSettings()


class ForkedProcess:
    """What jupyter_client wants of a `Popen`: a kernel's pid, its end, signals."""

    stdin = stdout = stderr = None

    def __init__(self, connection: socket.socket, process: Process) -> None:
        self.pid = process.pid
        self._process = process
        self.returncode: int | None = None
        self._connection = connection

    def poll(self) -> int | None:
        """None while it lives. A descriptor of it, or else the connection, says that it has ended."""
        if self.returncode is None and self._ended():
            self.returncode = 0
            self._connection.close()
            self._process.close()
        return self.returncode

    def _ended(self) -> bool:
        if self._process.descriptor >= 0:
            looking = select.poll()
            looking.register(self._process.descriptor, select.POLLIN)
            return bool(looking.poll(0))
        self._connection.setblocking(False)
        with contextlib.suppress(ConnectionError):
            try:
                self._connection.recv(1)
            except BlockingIOError:
                return False
        return True

    def send_signal(self, number: int) -> None:
        """Signal the kernel, if it lives."""
        if self.poll() is None:
            self._process.send(number)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """End it; a kernel that is process 1 of its namespace would not mind SIGTERM."""
        self.kill()


class WarmProvisioner(LocalProvisioner):
    """Has each kernel forked by a zygote. See the module."""

    _folder = ""
    _plan: Plan | None = None
    _own: Path | None = None
    """The notebook's own folder, where there is no plan of the grader's."""
    _open = -1
    _before: Mapping[str, Stamp] = {}

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Kernels without a network talk over sockets in a folder of their own."""
        self._folder = tempfile.mkdtemp(prefix="grader-kernel-")
        sockets = Path(self._folder) / "s"
        sockets.mkdir()
        sockets.chmod(0o777)  # the kernel has another uid; the folder around is this user's alone
        manager = self.parent
        manager.transport = "ipc"
        manager.ip = str(sockets / "k")
        manager.connection_file = str(sockets / "kernel.json")
        found: dict[str, Any] = await super().pre_launch(**kwargs)
        return found

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        """Have a kernel forked.

        Raises:
            SandboxError: kernels cannot be sandboxed here.
            NoKernelError: the program ended at once, or opened no sockets.
            LayoutError: files cannot be laid out.
        """
        plan = self._plan = getattr(self.parent, "plan", None) or self._own_plan(kwargs.get("cwd"))
        Path(self.parent.connection_file).chmod(0o644)
        command = cmd
        if plan.program is None:
            command = cmd[next(i for i, word in enumerate(cmd) if "ipykernel" in word) + 1 :]
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            process = self._born(connection, plan, command)
        except BaseException:
            connection.close()
            raise
        self.process = ForkedProcess(connection, process)  # type: ignore[assignment]
        self.pid, self.pgid = process.pid, None
        if plan.program is not None:
            await self._opened(plan.program)
        return self.connection_info

    def _born(self, connection: socket.socket, plan: Plan, command: list[str]) -> Process:
        """Have a kernel forked, lay out its files, and let it begin."""
        connection.settimeout(BIRTH_SECONDS)
        connection.connect(plan.started.socket)
        send(connection, plan.request(command, f"{self._folder}/s"))
        process = born(connection, time.monotonic() + BIRTH_SECONDS)
        self._close()
        self._open, process.folder = process.folder, -1
        try:
            if plan.started.sandboxed:
                lay_out(self._open, plan.files, plan.limits)
                self._before = stamps(self._open, plan.limits)
            send(connection, {"op": "go"})
        except BaseException:
            process.send(signal.SIGKILL)
            process.close()
            raise
        return process

    def _own_plan(self, folder: Any) -> Plan:
        """An ipykernel for the notebook in `folder`, for whoever set the environment variable."""
        started = own_zygote(os.environ.get("GRADER_PRELOAD", ""), os.environ.get("GRADER_SANDBOX", "auto"))
        self._own = Path(folder or Path.cwd()).absolute()
        try:
            name = one_part(self._own.name)
        except ValueError:
            name = USUAL.name
        return Plan(started, Limits(), None, name, self._own)

    async def _opened(self, program: Program) -> None:
        """Wait until a program has opened its sockets.

        Raises:
            NoKernelError: it did not, or it ended.
        """
        deadline = time.monotonic() + BIRTH_SECONDS
        wanted = Path(f"{self.parent.ip}-{self.parent.shell_port}")
        while not wanted.exists():
            ended = self.process is None or self.process.poll() is not None
            if ended or time.monotonic() > deadline:
                await self.kill()
                await self.wait()
                what = "ended when it was started" if ended else f"opened no sockets within {BIRTH_SECONDS:g} s"
                raise NoKernelError(
                    f"the kernel {program.name!r} ({' '.join(program.argv)}) {what}. In the sandbox kernels talk by "
                    "Jupyter's transport ipc: perhaps it does not know it, or misses a file or a right there. Outside, "
                    "stock's own Execute can run it: nbgrader autograde"
                )
            await asyncio.sleep(WAIT_SECONDS)

    async def wait(self) -> int | None:
        """Wait until the kernel has ended."""
        while self.process is not None and self.process.poll() is None:
            await asyncio.sleep(WAIT_SECONDS)
        self.process = None
        return 0

    async def cleanup(self, restart: bool = False) -> None:
        """Take the files that the kernel left, and remove the folder of its sockets."""
        await super().cleanup(restart)
        if self._plan is not None and self._open >= 0 and self._plan.started.sandboxed:
            self._plan.left = gather(self._open, self._before, self._plan.limits)
            self._put_back(self._plan.left)
        self._close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _put_back(self, left: Harvest) -> None:
        if self._own is not None and left.files:
            own = os.open(self._own, os.O_RDONLY | os.O_DIRECTORY)
            try:
                lay_out(own, left.files, Limits())
            except LayoutError as refused:
                self.log.warning("What the kernel left could not be put into %s: %s", self._own, refused)
            finally:
                os.close(own)

    def _close(self) -> None:
        if self._open >= 0:
            os.close(self._open)
            self._open = -1
