"""Control groups, wherever one may be made: what all processes of a kernel use together, bounded by the system itself.

A group of a kernel is one folder in version 2, and one for each controller in version 1, below the group that the
grader itself is in: then the limits of that one hold too. A name says whose zygote made it, so that groups of graders
that were killed are found and removed. See cgroups(7); files are those of cgroup-v2 and cgroup-v1/memory of the
kernel's documentation.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from grader.kernels.limits import Limits

WANTED = ("memory", "pids", "cpu", "cpuacct")
NEEDED = {"memory", "pids"}
PERIOD = 100_000  # microseconds over which CPU time is shared out
ENDING_SECONDS = 2.0
PAUSE = 0.005


class NoGroupsError(Exception):
    """No control group may be made here; the message says why."""


@dataclass(frozen=True)
class Place:
    """Where groups may be made: controller -> folder. In version 2 all of them have the same."""

    version: int
    folders: Mapping[str, str]


@dataclass(frozen=True)
class Group:
    """The group of one kernel: controller -> folder."""

    version: int
    folders: Mapping[str, str]

    def enter(self) -> None:
        """Put this process, which must have one thread, into it."""
        for folder in set(self.folders.values()):
            # In version 1 a single thread moves without a lock on all processes of the machine.
            _write(folder, "tasks" if self.version == 1 else "cgroup.procs", "0")

    def processes(self) -> list[int]:
        """The processes in it, as this process numbers them."""
        return [int(line) for line in _read(self.folders["memory"], "cgroup.procs").split()]

    def cpu_seconds(self) -> float | None:
        """CPU time of all processes that are or were in it; None where no controller counts it."""
        try:
            if self.version == 1:
                return int(_read(self.folders["cpuacct"], "cpuacct.usage")) / 1e9
            return int(_fields(_read(self.folders["memory"], "cpu.stat"))["usage_usec"]) / 1e6
        except (OSError, LookupError):
            return None

    def ran_out_of_memory(self) -> bool:
        """Whether the system had to end one of its processes for memory."""
        name = "memory.oom_control" if self.version == 1 else "memory.events"
        try:
            return int(_fields(_read(self.folders["memory"], name)).get("oom_kill", "0")) > 0
        except OSError:
            return False

    def remove(self) -> bool:
        """Remove it. Returns whether it is gone; while a process is left in it, it stays."""
        for folder in set(self.folders.values()):
            try:
                os.rmdir(folder)
            except FileNotFoundError:
                continue
            except OSError:
                return False
        return True


def find(mounts: Path = Path("/proc/self/mountinfo"), own: Path = Path("/proc/self/cgroup")) -> Place:
    """The place for groups of this process's kernels: version 2 where it has memory and processes, else version 1.

    Raises:
        NoGroupsError: there is none.
    """
    ours = {names: path for _, names, path in (line.split(":", 2) for line in own.read_text().splitlines())}
    mounted = [_mounted(line) for line in mounts.read_text().splitlines()]
    reasons = []
    for one in mounted:
        if one.kind == "cgroup2" and "" in ours:
            try:
                return Place(2, _in_version_2(Path(one.point), _below(one, ours[""])))
            except NoGroupsError as refused:
                reasons.append(str(refused))
    folders = _in_version_1(mounted, ours)
    usable = {name: folder for name, folder in folders.items() if os.access(folder, os.W_OK | os.X_OK)}
    if set(usable) >= NEEDED:
        return Place(1, usable)
    reasons += [f"{folder} may not be written to" for name, folder in folders.items() if name not in usable]
    raise NoGroupsError("; ".join(reasons) or "no control groups for memory and processes are mounted")


@dataclass(frozen=True)
class _Mount:
    """A line of /proc/self/mountinfo: the part of the hierarchy that is mounted, where, its type, its options."""

    root: str
    point: str
    kind: str
    options: frozenset[str]


def _mounted(line: str) -> _Mount:
    before, _, after = line.partition(" - ")
    root, point = before.split()[3:5]
    kind, *_, options = after.split()
    return _Mount(root, point, kind, frozenset(options.split(",")))


def _in_version_1(mounted: list[_Mount], ours: Mapping[str, str]) -> dict[str, str]:
    """Controller -> the folder of the group that this process is in."""
    paths = {name: path for names, path in ours.items() for name in names.split(",")}
    return {
        name: str(_below(one, paths[name]))
        for one in mounted
        for name in WANTED
        if one.kind == "cgroup" and name in one.options and name in paths
    }


def _below(mount: _Mount, path: str) -> Path:
    """The folder of the group `path`."""
    return Path(os.path.normpath(f"{mount.point}/{os.path.relpath(path, mount.root)}"))


def _in_version_2(point: Path, own: Path) -> dict[str, str]:
    """Our own group, or the nearest above it that gives its children memory and processes and may be written to."""
    for folder in (own, *own.parents):
        if not folder.is_relative_to(point):
            break
        try:
            there = set(_read(folder, "cgroup.controllers").split()) & {*WANTED}
            if folder == own and there >= NEEDED:
                # Refused where processes are in it, other than at the root of all.
                with contextlib.suppress(OSError):
                    _write(folder, "cgroup.subtree_control", " ".join(f"+{name}" for name in sorted(there)))
            given = set(_read(folder, "cgroup.subtree_control").split()) & {*WANTED}
        except OSError:
            continue
        if given >= NEEDED and os.access(folder, os.W_OK | os.X_OK) and os.access(folder / "cgroup.procs", os.W_OK):
            return dict.fromkeys(sorted(given), str(folder))
    raise NoGroupsError(f"no group from {own} upwards may be written to and hands on memory and pids")


def prefix(pid: int) -> str:
    """What the names of groups begin with that the process `pid` makes.

    Raises:
        OSError: there is no such process.
    """
    started = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    return f"{_of_this_namespace()}{pid}-{started}-"


def _of_this_namespace() -> str:
    return f"grader-{os.stat('/proc/self/ns/pid').st_ino}-"


def make(place: Place, name: str, limits: Limits) -> Group:
    """Make the group `name` with `limits`.

    Raises:
        OSError: the system refused a step; nothing is left of it.
    """
    group = Group(place.version, {kind: f"{folder}/{name}" for kind, folder in place.folders.items()})
    try:
        for folder in set(group.folders.values()):
            os.mkdir(folder)
        for kind, file, value, optional in _settings(place.version, limits):
            if kind in group.folders and (not optional or os.path.exists(f"{group.folders[kind]}/{file}")):
                _write(group.folders[kind], file, value)
    except OSError:
        group.remove()
        raise
    return group


def _settings(version: int, limits: Limits) -> list[tuple[str, str, str, bool]]:
    """(controller, file, value, whether the file may be missing). Files that it writes lie in memory: they count."""
    memory, quota = str((limits.memory_mb + limits.disk_mb) * 2**20), str(round(limits.cpus * PERIOD))
    if version == 1:
        return [
            ("memory", "memory.limit_in_bytes", memory, False),
            ("memory", "memory.memsw.limit_in_bytes", memory, True),
            ("pids", "pids.max", str(limits.processes), False),
            ("cpu", "cpu.cfs_period_us", str(PERIOD), True),
            ("cpu", "cpu.cfs_quota_us", quota, True),
        ]
    return [
        ("memory", "memory.max", memory, False),
        ("memory", "memory.swap.max", "0", True),
        ("memory", "memory.oom.group", "1", True),
        ("pids", "pids.max", str(limits.processes), False),
        ("cpu", "cpu.max", f"{quota} {PERIOD}", True),
    ]


_retired: list[Group] = []


def retire(group: Group) -> None:
    """Remove a group whose processes are ending: now, or with the next one, or when the zygote is stopped."""
    _retired.append(group)
    _retired[:] = [one for one in _retired if not one.remove()]


def clear(place: Place, begins: str) -> None:
    """End what is left in the groups whose names begin like that, and remove them. It waits two seconds at most."""
    deadline = time.monotonic() + ENDING_SECONDS
    while left := [group for group in _groups(place, begins) if not group.remove()]:
        for group in left:
            with contextlib.suppress(OSError, ValueError):
                for pid in group.processes():
                    os.kill(pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            return
        time.sleep(PAUSE)


def sweep(place: Place) -> None:
    """Remove the empty groups of zygotes of this process namespace that are no more."""
    ours = _of_this_namespace()
    for group in _groups(place, ours):
        name = Path(group.folders["memory"]).name
        pid = name.removeprefix(ours).partition("-")[0]
        with contextlib.suppress(OSError):
            if pid.isdecimal() and name.startswith(prefix(int(pid))):
                continue
        group.remove()


def _groups(place: Place, begins: str) -> list[Group]:
    names = {path.name for folder in set(place.folders.values()) for path in Path(folder).glob(f"{begins}*")}
    return [Group(place.version, {kind: f"{at}/{name}" for kind, at in place.folders.items()}) for name in names]


def _read(folder: str | Path, file: str) -> str:
    return Path(folder, file).read_text()


def _write(folder: str | Path, file: str, value: str) -> None:
    descriptor = os.open(Path(folder, file), os.O_WRONLY)  # never made: only the system makes these files
    try:
        os.write(descriptor, value.encode())
    finally:
        os.close(descriptor)


def _fields(text: str) -> dict[str, str]:
    return dict(line.split(" ", 1) for line in text.splitlines() if " " in line)
