"""Warm kernels for any nbgrader: a jupyter_client provisioner that forks ipykernels instead of starting them.

Stock nbgrader (or nbclient, or nbconvert) takes it by an environment variable:

    JUPYTER_DEFAULT_PROVISIONER_NAME=warm GRADER_PRELOAD="numpy pandas" nbgrader autograde ps1

Each notebook then runs in a fork of a process that has imported these modules, in our sandbox: it sees its own folder
read-only, writes to `/tmp` and its home in memory, and has no network. Tests inside the notebook run where they always
did, in the student's kernel: this is faster, and safer for the machine, but it keeps no hidden test from student code.
`GRADER_SANDBOX=none` leaves the sandbox out.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import os
import shutil
import signal
import socket
import tempfile
import time
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from grader.kernels.launch import Started, lab_zygote, wait_until_ready
from grader.kernels.limits import Limits
from grader.kernels.process import Process, born
from grader.kernels.wire import send
from grader.paths import find_course
from grader.settings import CourseSettings, load_settings

BIRTH_SECONDS = 30.0
WAIT_SECONDS = 0.02


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
        """None while it lives. The connection ends with the kernel."""
        if self.returncode is None:
            with contextlib.suppress(ConnectionError):
                self._connection.setblocking(False)
                try:
                    self._connection.recv(1)
                except BlockingIOError:
                    return None
            self.returncode = 0
            self._connection.close()
            self._process.close()
        return self.returncode

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
        """
        zygote = own_zygote(os.environ.get("GRADER_PRELOAD", ""), os.environ.get("GRADER_SANDBOX", "auto"))
        Path(self.parent.connection_file).chmod(0o644)
        arguments = cmd[next(i for i, word in enumerate(cmd) if "ipykernel" in word) + 1 :]
        folder = str(Path(kwargs.get("cwd") or Path.cwd()).absolute())
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(BIRTH_SECONDS)
        connection.connect(zygote.socket)
        request = {"op": "ipykernel", "argv": arguments, "folder": folder, "sockets": f"{self._folder}/s"}
        send(connection, request | {"limits": asdict(Limits())})
        process = born(connection, time.monotonic() + BIRTH_SECONDS)
        self.process = ForkedProcess(connection, process)  # type: ignore[assignment]
        self.pid, self.pgid = process.pid, None
        return self.connection_info

    async def wait(self) -> int | None:
        """Wait until the kernel has ended."""
        while self.process is not None and self.process.poll() is None:
            await asyncio.sleep(WAIT_SECONDS)
        self.process = None
        return 0

    async def cleanup(self, restart: bool = False) -> None:
        """Remove the folder of its sockets."""
        await super().cleanup(restart)
        shutil.rmtree(self._folder, ignore_errors=True)
