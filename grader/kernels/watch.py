"""What all processes of a kernel use together: CPU time, private memory, their number. See proc(5)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from grader.kernels.cgroups import Group

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Usage:
    """CPU seconds (with those of ended children), private memory in MB, processes, sockets."""

    cpu_seconds: float
    memory_mb: float
    processes: int
    sockets: int = 0


def usage(pid: int, inherited_mb: float = 0.0, group: Group | None = None) -> Usage | None:
    """What the processes in the process namespace of `pid` use; None where /proc does not say, or is not there.

    Memory is what the processes do not share with others, or, if that is more, their shares of everything less
    `inherited_mb`, which they were forked with: memory that two of them share belongs to neither alone. A control group
    knows its processes and their CPU time, also of those that ended, and bounds their memory: then that is 0 here.
    """
    try:
        members = group.processes() if group is not None else _members(pid)
    except (OSError, ValueError):
        return None
    seconds, private, shares = 0.0, 0.0, 0.0
    counted = group.cpu_seconds() if group is not None else None
    for member in members if group is None or counted is None else ():
        try:
            fields = Path(f"/proc/{member}/stat").read_text().rsplit(")", 1)[1].split()
            seconds += sum(map(int, fields[11:15])) / TICKS
            own, share = _memory(member) if group is None else (0.0, 0.0)
        except (OSError, LookupError, ValueError):  # it ended meanwhile
            continue
        private, shares = private + own, shares + share
    memory = 0.0 if group is not None else max(private, shares - inherited_mb)
    return Usage(seconds if counted is None else counted, memory, len(members), _sockets(pid))


def _members(pid: int) -> list[int]:
    namespace = os.readlink(f"/proc/{pid}/ns/pid")
    if namespace == os.readlink("/proc/self/ns/pid"):  # not sandboxed: the process by itself
        return [pid]
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and _namespace(name) == namespace]


def _sockets(pid: int) -> int:
    """Sockets of the network namespace of `pid`, open or on their way; 0 where /proc does not say, or it is ours."""
    try:
        if os.readlink(f"/proc/{pid}/ns/net") == os.readlink("/proc/self/ns/net"):
            return 0
        return int(Path(f"/proc/{pid}/net/sockstat").read_text().split()[2])
    except (OSError, LookupError, ValueError):
        return 0


def resident_mb(pid: int) -> float:
    """MB of memory that a process has mapped and present, shared or not; 0 where /proc does not say."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return 0.0
    return pages * PAGE / 2**20


def _namespace(name: str) -> str:
    try:
        return os.readlink(f"/proc/{name}/ns/pid")
    except OSError:
        return ""


def _memory(pid: int) -> tuple[float, float]:
    """MB that only this process has, and its share of all that it has."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    said = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines[1:])}
    return (said["Private_Clean"] + said["Private_Dirty"]) / 1024, said["Pss"] / 1024
