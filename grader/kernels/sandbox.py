"""The sandbox that a forked kernel enters: Python, labkit and what the course says to read, no network, no rights.

What is inside sees: the interpreter, the installed packages, `labkit`, fetched data, the system's libraries, all
read-only; a `/tmp` and a home folder in memory; its own processes; a network that consists of itself. Nothing else is
there: the paths of solutions, checks, quizzes, other submissions, the gradebook, `.git` and `build/` do not exist. See
namespaces(7), pivot_root(2), capabilities(7), seccomp(2).
"""

from __future__ import annotations

import contextlib
import os
import resource
import site
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from grader.kernels import layers, linux, procfs, seccomp
from grader.kernels.limits import Limits

HOME = "/home/student"
USER = "student"
SYSTEM = (
    "/usr",
    "/lib",
    "/lib64",
    "/bin",
    "/sbin",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/fonts",
    "/etc/alternatives",
)
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
TERMINALS = 16
FIRST_UID = 64_000
UIDS = 1_000
NETWORK = {
    # Buffers of TCP are memory that belongs to no process; 64 sockets of this size are less than a kernel may have.
    "ipv4/tcp_wmem": "4096 16384 262144",
    "ipv4/tcp_rmem": "4096 131072 262144",
    "ipv4/tcp_max_tw_buckets": "256",
}


class SandboxError(Exception):
    """The sandbox cannot be entered here; the message says why and what to do."""


@dataclass(frozen=True)
class View:
    """What a kernel may read: paths that are there, read-only, under their own names; and what it may write to."""

    paths: tuple[str, ...]
    writable: tuple[str, ...] = ()

    @staticmethod
    def of(*more: Path | str) -> View:
        """The interpreter, its packages and the system, and `more`."""
        return View.around(sys.prefix, sys.base_prefix, *site.getsitepackages(), *more)

    @staticmethod
    def around(*more: Path | str) -> View:
        """The system, and `more`."""
        wanted = [*SYSTEM, *map(str, more)]
        return View(tuple(_outermost(path for path in wanted if Path(path).exists())))

    def with_more(self, paths: Iterable[str], writable: Iterable[str]) -> View:
        """A view of more."""
        return View(tuple(_outermost([*self.paths, *paths])), (*self.writable, *writable))


@dataclass(frozen=True)
class Place:
    """A kernel's working folder: its name below the home folder, and the host's folder that is seen in it."""

    name: str = "work"
    lower: str = ""

    def __post_init__(self) -> None:
        """See `layers.one_part`."""
        layers.one_part(self.name)

    @property
    def path(self) -> str:
        """Where it is, inside."""
        return f"{HOME}/{self.name}"


USUAL = Place()


def _outermost(paths: Iterable[str]) -> list[str]:
    """Paths without those that lie below another; a link is kept as it is."""
    kept: list[str] = []
    for path in sorted({str(Path(path).absolute()) for path in paths}, key=lambda p: p.count("/")):
        if not any(path == other or path.startswith(other.rstrip("/") + "/") for other in kept):
            kept.append(path)
    return kept


def fork_as_first(own: int) -> int:
    """Fork; the child is process 1 of a namespace of its own. Only root may do that as often as it likes.

    `own` is a descriptor of this process's namespace of processes.

    Raises:
        OSError: as fork(2) and unshare(2).
    """
    linux.unshare(linux.NEWPID)
    try:
        child = os.fork()
    except OSError:
        linux.rejoin(own, linux.NEWPID)
        raise
    if child:
        linux.rejoin(own, linux.NEWPID)
    return child


def leave_namespaces(processes: bool = True) -> None:
    """Unshare mounts, network, IPC, host name and, unless told otherwise, processes: the next fork is process 1.

    Root does it by right; anybody else by way of a user namespace with only the own uid in it.

    Raises:
        SandboxError: the kernel or the container does not allow it.
    """
    flags = linux.NEWNS | linux.NEWNET | linux.NEWIPC | linux.NEWUTS | (linux.NEWPID if processes else 0)
    uid, gid = os.getuid(), os.getgid()
    try:
        if uid == 0:
            linux.unshare(flags)
            return
        linux.unshare(flags | linux.NEWUSER)
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
        Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
    except OSError as refused:
        raise SandboxError(
            f"the system does not give namespaces ({refused}). Allow unprivileged user namespaces "
            "(sysctl kernel.unprivileged_userns_clone=1, or kernel.apparmor_restrict_unprivileged_userns=0), run as "
            "root, or give the container the capability SYS_ADMIN. For a class that you trust: --sandbox=none."
        ) from refused


def enter(view: View, limits: Limits, root: str, number: int, place: Place = USUAL, addresses: bool = True) -> str:
    """Shut this process, the first of its namespaces, in. `root` is an empty folder; `number` picks the uid.

    `addresses` says whether the memory that it may map is limited: some programs map far more than they use.

    Returns how the host's folder is shown in the working folder; nothing where there is none.

    Raises:
        SandboxError: a step failed; nothing of a student may run then.
    """
    try:
        uid = FIRST_UID + number % UIDS if os.getuid() == 0 else os.getuid()
        _raise_network()
        how = _change_root(view, limits, root, uid, place)
        limit_resources(limits, addresses)
        _give_up_rights(uid)
        seccomp.load()
    except OSError as refused:
        raise SandboxError(
            f"the sandbox could not be entered ({refused}). For a class that you trust: --sandbox=none."
        ) from refused
    return how


def _raise_network() -> None:
    """The network of the namespace reaches itself, with small buffers; a container may keep the switches from us."""
    linux.raise_loopback()
    for name, value in NETWORK.items():
        with contextlib.suppress(OSError):
            Path("/proc/sys/net", name).write_text(value)


def _change_root(view: View, limits: Limits, memory: str, uid: int, place: Place) -> str:
    """Make a root in memory, and go there. Beside it, out of sight, lie the layers of the working folder."""
    linux.mount(None, "/", None, linux.REC | linux.PRIVATE)
    content = layers.entries(place.lower) if place.lower else []
    bounds = f"size={limits.disk_mb}m,nr_inodes={20_000 + 2 * len(content)},mode=755"
    linux.mount("tmpfs", memory, "tmpfs", linux.NOSUID | linux.NODEV, bounds)
    root = f"{memory}/root"
    os.mkdir(root)
    linux.mount(root, root, None, linux.BIND)
    for path in (*view.paths, *view.writable, *DEVICES):
        _show(path, root, read_only=path not in (*view.writable, *DEVICES))
    for folder in ("/tmp", "/dev/shm", HOME):
        os.makedirs(root + folder, exist_ok=True)
        os.chmod(root + folder, 0o1777)
    _give_terminals(root)
    _name_the_user(root, uid)
    work = root + place.path
    os.mkdir(work, 0o755)
    os.chown(work, uid, uid) if os.getuid() == 0 else None
    how = layers.show(place.lower, content, work, memory, uid) if place.lower else ""
    os.makedirs(f"{root}/proc", exist_ok=True)
    procfs.show(f"{root}/proc")
    os.makedirs(f"{root}/.old")
    linux.pivot_root(root, f"{root}/.old")
    os.chdir("/")
    linux.detach("/.old")
    os.rmdir("/.old")
    os.chdir(place.path)
    return how


def _give_terminals(root: str) -> None:
    """A few terminals of its own: `!command`, and kernels that talk to another program, want one. See pty(7)."""
    os.mkdir(f"{root}/dev/pts")
    with contextlib.suppress(OSError):  # a container may refuse: commands get pipes then
        linux.mount("devpts", f"{root}/dev/pts", "devpts", linux.NOSUID | linux.NOEXEC, f"ptmxmode=666,max={TERMINALS}")
        os.symlink("pts/ptmx", f"{root}/dev/ptmx")


def _name_the_user(root: str, uid: int) -> None:
    """What the C library looks up in /etc: the name of the user, and of this machine."""
    etc = Path(root, "etc")
    etc.mkdir(exist_ok=True)
    (etc / "passwd").write_text(f"{USER}:x:{uid}:{uid}::{HOME}:/bin/sh\n")
    (etc / "group").write_text(f"{USER}:x:{uid}:\n")
    (etc / "hosts").write_text("127.0.0.1 localhost\n::1 localhost\n")
    (etc / "nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files\n")


def _show(path: str, root: str, read_only: bool) -> None:
    """Put `path` at its place under `root`; a symbolic link is copied as a link."""
    target, source = root + path, Path(path)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if source.is_symlink():
        os.symlink(os.readlink(path), target)
        return
    if source.is_dir():
        os.makedirs(target, exist_ok=True)
    else:
        Path(target).touch()
    linux.mount(path, target, None, linux.BIND | linux.REC)
    if read_only:
        linux.read_only(target)


def limit_resources(limits: Limits, addresses: bool = True) -> None:
    """Set the limits that the kernel of the operating system keeps; see setrlimit(2)."""
    megabyte = 2**20
    pages = int(Path("/proc/self/statm").read_text().split()[0]) if Path("/proc/self/statm").exists() else 0
    space = pages * resource.getpagesize() + limits.memory_mb * megabyte
    wanted = {
        resource.RLIMIT_AS: space if addresses else resource.RLIM_INFINITY,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: limits.disk_mb * megabyte,
        resource.RLIMIT_NOFILE: 256,
        resource.RLIMIT_CPU: limits.cpu_seconds,
        resource.RLIMIT_MEMLOCK: 2**20,
        resource.RLIMIT_MSGQUEUE: 0,
        resource.RLIMIT_SIGPENDING: 256,  # signals that wait, and timers, lie in the system's memory
        resource.RLIMIT_NICE: 0,
        resource.RLIMIT_RTPRIO: 0,
    }
    if hasattr(resource, "RLIMIT_NPROC") and pages:
        wanted[resource.RLIMIT_NPROC] = limits.processes
    for kind, value in wanted.items():
        hard = resource.getrlimit(kind)[1]
        if hard != resource.RLIM_INFINITY:
            value = hard if value == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))


def _give_up_rights(uid: int) -> None:
    linux.drop_bounding_set()
    if os.getuid() == 0:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    linux.drop_capabilities()
    linux.prctl(linux.PR_SET_PDEATHSIG, 9)
