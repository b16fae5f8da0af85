"""The Linux calls that Python 3.11 does not offer: namespaces, mounts, capabilities, seccomp. See the man pages (2)."""

from __future__ import annotations

import ctypes
import os
import platform
import struct

NEWNS, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET = 0x20000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000
RDONLY, NOSUID, NODEV, NOEXEC, REMOUNT, BIND, REC, PRIVATE = 1, 2, 4, 8, 32, 4096, 16384, 1 << 18
PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP = 1, 24, 38, 22
DETACH = 2
CAPABILITY_VERSION_3 = 0x20080522

# System calls that student code has no use for and that have been ways out of sandboxes: (x86_64, aarch64).
REFUSED = {
    "ptrace": (101, 117),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "swapon": (167, 224),
    "reboot": (169, 142),
    "init_module": (175, 105),
    "delete_module": (176, 106),
    "finit_module": (313, 273),
    "kexec_load": (246, 104),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "unshare": (272, 97),
    "setns": (308, 268),
    "perf_event_open": (298, 241),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "bpf": (321, 280),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsmount": (432, 432),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "mount_setattr": (442, 442),
    # Memory that belongs to no process and no folder, so that nothing could bound it.
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
}
# Calls that are refused by their first argument: (x86_64, aarch64). 0x02000000 is a cgroup namespace.
CLONE, CLONE3, PRCTL = (56, 220), (435, 435), (157, 167)
NEW_NAMESPACES = NEWNS | NEWUTS | NEWIPC | NEWUSER | NEWPID | NEWNET | 0x02000000
AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
EPERM, EINVAL, ENOSYS = 1, 22, 38
FIRST_ARGUMENT = 16  # offset in seccomp_data; the lower half, as both machines are little-endian

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return result


def unshare(flags: int) -> None:
    """Leave the namespaces of the parent; see unshare(2)."""
    _check(_libc.unshare(flags), "unshare")


def mount(source: str | None, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    """See mount(2)."""
    texts = [None if text is None else text.encode() for text in (source, target, kind, data)]
    result = _libc.mount(texts[0], texts[1], texts[2], ctypes.c_ulong(flags), texts[3])
    _check(result, f"mount {source or kind} on {target}")


def pivot_root(new: str, old: str) -> None:
    """Make `new` the root and put the old one at `old`; see pivot_root(2)."""
    number = {"x86_64": 155, "aarch64": 41}.get(platform.machine())
    if number is None:
        raise OSError(38, f"pivot_root is not known for {platform.machine()}")
    _check(_libc.syscall(number, new.encode(), old.encode()), "pivot_root")


def detach(target: str) -> None:
    """Unmount `target` lazily; see umount2(2)."""
    _check(_libc.umount2(target.encode(), DETACH), f"umount {target}")


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


def refuse_system_calls() -> None:
    """Answer the calls of `REFUSED`, and those of another architecture's numbering, with EPERM; see seccomp(2)."""
    machine = platform.machine()
    if machine not in AUDIT_ARCH:
        raise OSError(38, f"no list of system calls for {machine}")
    column = list(AUDIT_ARCH).index(machine)
    load, equal, at_least, any_of, give = 0x20, 0x15, 0x35, 0x45, 0x06
    denied, unknown = 0x00050000 | EPERM, 0x00050000 | ENOSYS

    def step(code: int, if_true: int, if_false: int, value: int) -> bytes:
        return struct.pack("=HBBI", code, if_true, if_false, value)

    program = [
        step(load, 0, 0, 4),
        step(equal, 1, 0, AUDIT_ARCH[machine]),
        step(give, 0, 0, denied),
        step(load, 0, 0, 0),
        step(at_least, 0, 1, 0x40000000),  # the x32 numbering of x86_64
        step(give, 0, 0, denied),
    ]
    for numbers in REFUSED.values():
        program += [step(equal, 0, 1, numbers[column]), step(give, 0, 0, denied)]
    # clone3 hides its flags in memory; told that there is none, the C library takes clone.
    program += [step(equal, 0, 1, CLONE3[column]), step(give, 0, 0, unknown)]
    program += [step(equal, 0, 4, CLONE[column]), step(load, 0, 0, FIRST_ARGUMENT)]
    program += [step(any_of, 0, 1, NEW_NAMESPACES), step(give, 0, 0, denied), step(load, 0, 0, 0)]
    # A process that no longer dies with its parent could outlive the grader.
    program += [step(equal, 0, 3, PRCTL[column]), step(load, 0, 0, FIRST_ARGUMENT)]
    program += [step(equal, 0, 1, PR_SET_PDEATHSIG), step(give, 0, 0, denied)]
    program.append(step(give, 0, 0, 0x7FFF0000))
    code = ctypes.create_string_buffer(b"".join(program))

    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]

    filled = Program(len(program), ctypes.addressof(code))
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    _check(_libc.prctl(PR_SET_SECCOMP, ctypes.c_ulong(2), ctypes.byref(filled), 0, 0), "seccomp")
