"""The /proc of a kernel: its own processes, and the few files beside them that Python's libraries read.

Everything else of it is about the machine: memory of the operating system, its symbols and keys, its interrupts and
disks, and switches. What is left is a list of what may be seen: a file that a newer system adds is covered. See
proc(5).
"""

from __future__ import annotations

import contextlib
import os

from grader.kernels import linux

# Processors, memory, load: psutil, torch and `free` ask for them. The rest are links into one's own process.
KEPT = frozenset("cpuinfo meminfo stat loadavg uptime version filesystems mounts net self thread-self".split())
FLAGS = linux.NOSUID | linux.NODEV | linux.NOEXEC
NOBODY_ELSE = "hidepid=2"


def show(target: str) -> None:
    """Mount a /proc of this process's namespace on the folder `target`, with everything covered that is not `KEPT`.

    A container may hide parts of its own /proc: then a whole one cannot be mounted, and one with nothing but processes
    is tried; where that is refused too, there is none, and Python gets along without it.
    """
    try:
        linux.mount("proc", target, "proc", FLAGS, NOBODY_ELSE)
    except OSError:
        with contextlib.suppress(OSError):
            linux.mount("proc", target, "proc", FLAGS, f"subset=pid,{NOBODY_ELSE}")
        return
    _cover(target)


def _cover(target: str) -> None:
    """Put an empty file or folder, read-only, over everything that is not `KEPT`."""
    nothing = f"{target}/../.nothing"
    os.mkdir(nothing)
    linux.mount("tmpfs", nothing, "tmpfs", FLAGS, "size=4k,mode=755")
    os.mkdir(f"{nothing}/folder", 0o555)
    os.close(os.open(f"{nothing}/file", os.O_CREAT, 0o444))
    linux.mount(None, nothing, None, FLAGS | linux.REMOUNT | linux.RDONLY)
    for name in os.listdir(target):
        if name not in KEPT and not name.isdigit():
            path = f"{target}/{name}"
            linux.mount(f"{nothing}/{'folder' if os.path.isdir(path) else 'file'}", path, None, linux.BIND)
    linux.detach(nothing)
    os.rmdir(nothing)
