"""Which walls of the sandbox stand on this machine: each is run against from inside a kernel, never assumed."""

from __future__ import annotations

import ast
import contextlib
import os
import select
import signal
from dataclasses import dataclass, replace

from grader.kernels import system_calls
from grader.kernels.client import CallTimeoutError, Kernel, KernelDiedError
from grader.kernels.launch import Started
from grader.kernels.limits import Limits
from grader.kernels.procfs import KEPT

NAMESPACES = ("mnt", "net", "ipc", "uts", "pid")
SMALL = Limits(memory_mb=64, disk_mb=16, cell_seconds=20.0)
ENDING_MS = 10_000
PROBE = """
import ctypes, errno, os, socket
libc = ctypes.CDLL(None, use_errno=True)


def tried(call):
    try:
        result = call()
    except OSError as refused:
        return errno.errorcode.get(refused.errno, "?")
    return errno.errorcode[ctypes.get_errno()] if type(result) is int and result < 0 else "done"


def size(name):
    path = "/proc/" + name
    try:
        return len(os.listdir(path)) if os.path.isdir(path) else len(open(path, "rb").read(1))
    except OSError:
        return 0


there = os.path.exists("/proc/self/status")
print(repr({
    "first": os.getpid(),
    "status": open("/proc/self/status").read() if there else "",
    "spaces": {name: os.readlink("/proc/self/ns/" + name) for name in "mnt net ipc uts pid".split() if there},
    "root": os.listdir("/"),
    "proc": {name: size(name) for name in os.listdir("/proc") if not name.isdigit()},
    "called": {
        "AF_VSOCK": tried(lambda: socket.socket(40, socket.SOCK_STREAM)),
        "msgget": tried(lambda: libc.msgget(0, 0o1600)),
        "unshare": tried(lambda: libc.unshare(0x10000000)),
        "a call of tomorrow": tried(lambda: libc.syscall(4000, 0, 0, 0)),
    },
}))
"""
CALLED = {"AF_VSOCK": "EAFNOSUPPORT", "msgget": "EPERM", "unshare": "EPERM", "a call of tomorrow": "ENOSYS"}
HOARD = "import os, time\nos.fork()\nkept = b'x' * (50 * 2**20)\ntime.sleep(1000)"


@dataclass(frozen=True)
class Wall:
    """One wall: whether it stands, what was seen, and what stands in its place or would raise it."""

    name: str
    stands: bool
    seen: str
    remedy: str = ""


def walls(started: Started) -> list[Wall]:
    """Start kernels of a zygote and run against each wall.

    Raises:
        KernelDiedError, SandboxError: no kernel came to be.
    """
    kernel = Kernel(started, SMALL)
    try:
        found = ast.literal_eval("".join(str(output.get("text", output.get("evalue"))) for output in kernel.run(PROBE)))
        return [_namespaces(found), _system_calls(found), _proc(found), _rights(found), _held(kernel), _group(started)]
    finally:
        kernel.close()


def _namespaces(found: dict[str, object]) -> Wall:
    spaces = found["spaces"]
    assert isinstance(spaces, dict)
    shared = [name for name in NAMESPACES if spaces.get(name) == os.readlink(f"/proc/self/ns/{name}")]
    if shared or found["first"] != 1:
        return Wall("namespaces", False, f"shared with the kernel: {', '.join(shared) or 'pid'}", "see `sandbox`")
    seen = "own mounts, network, IPC, host name and processes"
    return Wall("namespaces", True, seen if spaces else f"{seen}; /proc, which shows them, is not to be had")


def _system_calls(found: dict[str, object]) -> Wall:
    called = found["called"]
    assert isinstance(called, dict)
    wrong = [f"{name}: {called.get(name)}" for name, wanted in CALLED.items() if called.get(name) != wanted]
    if wrong:
        return Wall("system calls", False, f"not refused as they should be: {', '.join(wrong)}", "see `sandbox`")
    return Wall("system calls", True, f"a list of {system_calls.may_be_called()}; {', '.join(CALLED)} were refused")


def _proc(found: dict[str, object]) -> Wall:
    names = found["proc"]
    assert isinstance(names, dict)
    open_ = sorted(name for name, size in names.items() if size and name not in KEPT)
    if open_:
        return Wall("/proc", False, f"kernels read {', '.join(open_)}", "see `sandbox`")
    if "meminfo" in names:
        return Wall(
            "/proc", True, f"{len(KEPT & {*names})} files beside one's own processes; {len({*names} - KEPT)} covered"
        )
    what = "nothing but its own processes" if "self" in names else "none"
    remedy = "nothing is open by it, but psutil fails in kernels; docker run --security-opt systempaths=unconfined"
    return Wall("/proc", False, f"{what}: this system lets nobody mount a whole one", remedy)


def _rights(found: dict[str, object]) -> Wall:
    lines = (line.split(":", 1) for line in str(found["status"]).splitlines() if ":" in line)
    status = {name: value.strip() for name, value in lines}
    if not status:
        return Wall("rights", False, "not to be seen without /proc", "see `/proc`")
    kept = [name for name in ("CapEff", "CapPrm", "CapInh", "CapAmb", "CapBnd") if int(status[name], 16)]
    if kept or status["NoNewPrivs"] != "1":
        return Wall("rights", False, f"capabilities {kept}, no_new_privs {status['NoNewPrivs']}", "see `sandbox`")
    return Wall("rights", True, f"no capability, no new privileges, user {status['Uid'].split()[0]}")


def _held(kernel: Kernel) -> Wall:
    process = kernel.process
    if process.descriptor < 0:
        return Wall("pidfd", False, "this system has none; kernels are ended by number", "Linux 5.3 or newer")
    ending = select.poll()
    ending.register(process.descriptor, select.POLLIN)
    process.send(signal.SIGKILL)
    if not ending.poll(ENDING_MS):
        return Wall("pidfd", False, "a kernel did not end when it was told to", "look at the machine's load")
    return Wall("pidfd", True, "a kernel was ended by a descriptor of its process")


def _group(started: Started) -> Wall:
    instead = "kernels are looked at four times a second instead"
    if started.no_groups:
        remedy = "run as root, or in a systemd session of your own: systemd-run --user --scope grader …"
        return Wall("control group", False, f"{started.no_groups}; {instead}", remedy)
    kernel = Kernel(started, replace(SMALL, memory_mb=72))
    group = kernel.process.group
    assert group is not None
    try:
        with contextlib.suppress(KernelDiedError, CallTimeoutError):
            kernel.run(HOARD)
        bounds = f"version {group.version}, {', '.join(sorted({*group.folders} - {'cpuacct'}))}"
    finally:
        kernel.close()
    if "memory" not in kernel.lost:
        return Wall("control group", False, f"{bounds}: two processes of 50 MB passed a limit of 88", instead)
    return Wall("control group", True, f"{bounds}; two processes of 50 MB were ended at a limit of 88")
