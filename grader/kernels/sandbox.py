"""The sandbox that a forked kernel enters: Python, labkit and what the course says to read, no network, no rights.

What is inside sees: the interpreter, the installed packages, `labkit`, fetched data, the system's libraries, all
read-only; a `/tmp` and a home folder in memory; its own processes; no network, not even loopback. Nothing else is
there: the paths of solutions, checks, quizzes, other submissions, the gradebook, `.git` and `build/` do not exist. See
namespaces(7), pivot_root(2), capabilities(7), seccomp(2).
"""

from __future__ import annotations

import os
import resource
import site
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from grader.kernels import linux, procfs, seccomp
from grader.kernels.limits import Limits

HOME = "/home/student"
WORK = "/home/student/work"
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
FIRST_UID = 64_000
UIDS = 1_000
MAX_FILES = 200


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
        python = [sys.prefix, sys.base_prefix, *site.getsitepackages()]
        wanted = [*SYSTEM, *python, *map(str, more)]
        return View(tuple(_outermost(path for path in wanted if Path(path).exists())))


def _outermost(paths: Iterable[str]) -> list[str]:
    """Paths without those that lie below another; a link is kept as it is."""
    kept: list[str] = []
    for path in sorted({str(Path(path).absolute()) for path in paths}, key=lambda p: p.count("/")):
        if not any(path == other or path.startswith(other.rstrip("/") + "/") for other in kept):
            kept.append(path)
    return kept


def leave_namespaces() -> None:
    """Unshare mounts, network, IPC, host name and processes; the next fork is process 1 of its own.

    Root does it by right; anybody else by way of a user namespace with only the own uid in it.

    Raises:
        SandboxError: the kernel or the container does not allow it.
    """
    flags = linux.NEWNS | linux.NEWNET | linux.NEWIPC | linux.NEWUTS | linux.NEWPID
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


def enter(view: View, limits: Limits, root: str, number: int) -> None:
    """Shut this process, the first of its namespaces, in. `root` is an empty folder; `number` picks the uid.

    Raises:
        SandboxError: a step failed; nothing of a student may run then.
    """
    try:
        _change_root(view, limits, root)
        limit_resources(limits)
        _give_up_rights(number)
        seccomp.load()
    except OSError as refused:
        raise SandboxError(
            f"the sandbox could not be entered ({refused}). For a class that you trust: --sandbox=none."
        ) from refused


def _change_root(view: View, limits: Limits, root: str) -> None:
    linux.mount(None, "/", None, linux.REC | linux.PRIVATE)
    memory = f"size={limits.disk_mb}m,nr_inodes=20000,mode=755"
    linux.mount("tmpfs", root, "tmpfs", linux.NOSUID | linux.NODEV, memory)
    for path in (*view.paths, *view.writable, *DEVICES):
        _show(path, root, read_only=path not in (*view.writable, *DEVICES))
    for folder in ("/tmp", "/dev/shm", HOME, WORK):
        os.makedirs(root + folder, exist_ok=True)
        os.chmod(root + folder, 0o1777)
    os.makedirs(f"{root}/proc", exist_ok=True)
    procfs.show(f"{root}/proc")
    os.makedirs(f"{root}/.old")
    linux.pivot_root(root, f"{root}/.old")
    os.chdir("/")
    linux.detach("/.old")
    os.rmdir("/.old")
    os.chdir(WORK)


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
    if not read_only:
        return
    kept = os.statvfs(path).f_flag & (linux.NOSUID | linux.NODEV | linux.NOEXEC)
    linux.mount(None, target, None, linux.BIND | linux.REMOUNT | linux.RDONLY | linux.NOSUID | linux.NODEV | kept)


def limit_resources(limits: Limits) -> None:
    """Set the limits that the kernel of the operating system keeps; see setrlimit(2)."""
    megabyte = 2**20
    pages = int(Path("/proc/self/statm").read_text().split()[0]) if Path("/proc/self/statm").exists() else 0
    space = pages * resource.getpagesize() + limits.memory_mb * megabyte
    wanted = {
        resource.RLIMIT_AS: space,
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
        most = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (most, most))


def _give_up_rights(number: int) -> None:
    linux.drop_bounding_set()
    if os.getuid() == 0:
        uid = FIRST_UID + number % UIDS
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    linux.drop_capabilities()
    linux.prctl(linux.PR_SET_PDEATHSIG, 9)


def write_files(files: dict[str, bytes], folder: Path) -> None:
    """Lay out the files of a submission in its working folder; names are relative and stay inside it.

    Raises:
        ValueError: a name leads outside, or there are too many files.
    """
    if len(files) > MAX_FILES:
        raise ValueError(f"{len(files)} files, at most {MAX_FILES} are taken")
    for name, content in files.items():
        path = Path(os.path.normpath(folder / name))
        if folder not in path.parents:
            raise ValueError("a file name leads out of the folder")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
