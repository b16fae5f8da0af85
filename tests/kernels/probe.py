"""Run by test_sandbox.py, as this user or as nobody: starts a zygote and prints what a kernel of it finds, as JSON."""

from __future__ import annotations

import ast
import json
import tempfile
from pathlib import Path

from grader.kernels.client import Kernel
from grader.kernels.launch import start_zygote, wait_until_ready
from grader.kernels.limits import Limits

CELL = r"""
import ctypes, errno, json, os, resource, socket

libc = ctypes.CDLL(None, use_errno=True)


def refused(call):
    return call() < 0 and errno.errorcode[ctypes.get_errno()]


def tried(call):
    try:
        call()
        return "done"
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))


def inside(path):
    try:
        return bool(os.listdir(path)) if os.path.isdir(path) else bool(open(path, "rb").read(1))
    except OSError:
        return False


# By number: this text runs in a cell, with nothing of the tests around it. See setrlimit(2).
LIMITS = {"CORE": 4, "NPROC": 6, "NOFILE": 7, "MEMLOCK": 8, "SIGPENDING": 11, "MSGQUEUE": 12}
status = dict(line.split(":", 1) for line in open("/proc/self/status").read().splitlines() if ":" in line)
print(repr({
    "root": sorted(os.listdir("/")),
    "home": sorted(os.listdir("/home")) + sorted(os.listdir("/home/student")),
    "work": sorted(os.listdir(".")),
    "devices": sorted(os.listdir("/dev")),
    "processes": [name for name in os.listdir("/proc") if name.isdigit()],
    "leads": [os.getpid(), os.getpgrp(), os.getsid(0)],
    "descriptors": len(os.listdir("/proc/self/fd")),
    "uid": os.getuid(), "groups": os.getgroups(),
    "rights": [int(status[name], 16) for name in ("CapEff", "CapPrm", "CapInh", "CapAmb", "CapBnd")],
    "no_new_privs": status["NoNewPrivs"].strip(), "seccomp": status["Seccomp"].strip(),
    "interfaces": sorted(line.split(":")[0].strip() for line in open("/proc/self/net/dev").readlines()[2:]),
    "environment": sorted(os.environ),
    "read_only": [tried(lambda: open(path + "/x", "w")) for path in ("/usr", os.path.dirname(os.__file__))],
    "secret": tried(lambda: open("/etc/shadow")),
    "unshare": refused(lambda: libc.unshare(0x10000000)),
    "clone": refused(lambda: libc.syscall({"x86_64": 56, "aarch64": 220}[os.uname().machine], 0x10000011, 0, 0, 0, 0)),
    "clone3": refused(lambda: libc.syscall(435, ctypes.create_string_buffer(88), 88)),
    "mount": refused(lambda: libc.mount(b"x", b"/tmp", b"tmpfs", 0, None)),
    "ptrace": refused(lambda: libc.ptrace(0, 0, 0, 0)),
    "memfd": tried(lambda: os.memfd_create("x")),
    "shm": refused(lambda: libc.shmget(0, 4096, 0o1600)),
    "outlive": refused(lambda: libc.prctl(1, 0, 0, 0, 0)),
    "rename": tried(lambda: os.write(os.open("/proc/self/comm", os.O_WRONLY), b"fine")),
    "loopback": tried(lambda: socket.create_connection(("127.0.0.1", 9), 0.1)),
    "outside": tried(lambda: socket.create_connection(("1.1.1.1", 9), 0.1)),
    "proc": sorted(name for name in os.listdir("/proc") if not name.isdigit() and inside("/proc/" + name)),
    "switches": [name for name in os.listdir("/proc") if os.access("/proc/" + name, os.W_OK) and not name.isdigit()],
    "vsock": tried(lambda: socket.socket(40, socket.SOCK_STREAM)),
    "netlink": tried(lambda: socket.if_nameindex()),
    "beside": [open("course.txt").read(), tried(lambda: open("course.txt", "a").write("!")), os.listdir("sub")],
    "made": tried(lambda: open("sub/made.txt", "w").write("made")),
    "child": os.waitstatus_to_exitcode(os.system("exit 3")),
    "limits": {name: resource.getrlimit(number) for name, number in LIMITS.items()},
}))
"""


def main() -> None:
    """Print the facts."""
    limits = Limits(cell_seconds=20.0, processes=32)
    with start_zygote([["math"]]) as zygote, tempfile.TemporaryDirectory() as lower:
        Path(lower, "course.txt").write_text("the course's")
        Path(lower, "sub").mkdir()
        started = wait_until_ready(zygote).started
        kernel = Kernel(started, limits, {"data/notes.txt": b"notes"}, lower=Path(lower))
        try:
            outputs = kernel.run(CELL)
            harvest = {name: content.decode() for name, content in kernel.harvest().files.items()}
            kept = Path(lower, "course.txt").read_text()
        finally:
            kernel.close()
    if not outputs or outputs[0]["output_type"] != "stream":
        raise SystemExit(str(outputs))
    print(
        json.dumps(ast.literal_eval(outputs[0]["text"]) | {"harvest": harvest, "kept": kept, "layers": kernel.layers})
    )


if __name__ == "__main__":
    main()
