"""The Linux calls that Python 3.11 does not offer: namespaces, mounts, capabilities, seccomp. See the man pages (2)."""

from __future__ import annotations

import ctypes
import fcntl
import os
import platform
import socket
import struct
from typing import Any

NEWNS, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET = 0x20000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000
RDONLY, NOSUID, NODEV, NOEXEC, REMOUNT, BIND, REC, PRIVATE = 1, 2, 4, 8, 32, 4096, 16384, 1 << 18
PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP = 1, 24, 38, 22
DETACH = 2
CAPABILITY_VERSION_3 = 0x20080522
SIOCSIFFLAGS, IFF_UP = 0x8914, 1

EINVAL = 22

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return result


def unshare(flags: int) -> None:
    """Leave the namespaces of the parent; see unshare(2)."""
    _check(_libc.unshare(flags), "unshare")


def rejoin(namespace: int, kind: int) -> None:
    """Go (back) to the namespace of a descriptor; of NEWPID only processes to come are concerned. See setns(2)."""
    _check(_libc.setns(namespace, kind), "setns")


def mount(source: str | None, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    """See mount(2)."""
    texts = [None if text is None else text.encode() for text in (source, target, kind, data)]
    result = _libc.mount(texts[0], texts[1], texts[2], ctypes.c_ulong(flags), texts[3])
    _check(result, f"mount {source or kind} on {target}")


def read_only(target: str) -> None:
    """Let nothing be written below a mount; what else was refused there stays refused. See statvfs(3)."""
    kept = os.statvfs(target).f_flag & (NOSUID | NODEV | NOEXEC)
    mount(None, target, None, BIND | REMOUNT | RDONLY | NOSUID | NODEV | kept)


def pivot_root(new: str, old: str) -> None:
    """Make `new` the root and put the old one at `old`; see pivot_root(2)."""
    number = {"x86_64": 155, "aarch64": 41}.get(platform.machine())
    if number is None:
        raise OSError(38, f"pivot_root is not known for {platform.machine()}")
    _check(_libc.syscall(number, new.encode(), old.encode()), "pivot_root")


def detach(target: str) -> None:
    """Unmount `target` lazily; see umount2(2)."""
    _check(_libc.umount2(target.encode(), DETACH), f"umount {target}")


def raise_loopback() -> None:
    """Let a network that has just come into being reach itself, at 127.0.0.1 and ::1; see netdevice(7)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        fcntl.ioctl(asking, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))


def prctl(option: int, *values: int) -> None:
    """See prctl(2)."""
    padded = [ctypes.c_ulong(value) for value in (*values, 0, 0, 0, 0)[:4]]
    _check(_libc.prctl(option, *padded), f"prctl {option}")


def drop_bounding_set() -> None:
    """Let no exec bring back a capability; call it while the right to do so is still there. See capabilities(7)."""
    for number in range(64):
        if _libc.prctl(PR_CAPBSET_DROP, ctypes.c_ulong(number), 0, 0, 0) < 0:
            if ctypes.get_errno() == EINVAL and number:
                return  # one more than this system has
            _check(-1, f"dropping capability {number}")


def drop_capabilities() -> None:
    """Give up every capability that this process has; see capabilities(7)."""
    header = struct.pack("=Ii", CAPABILITY_VERSION_3, 0)
    _check(_libc.capset(header, bytes(24)), "capset")


def set_filter(program: Any) -> None:
    """Put a seccomp filter, a pointer to a `struct sock_fprog`, before every system call; see seccomp(2)."""
    _check(_libc.prctl(PR_SET_SECCOMP, ctypes.c_ulong(2), program, 0, 0), "seccomp")
